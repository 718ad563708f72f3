//! A crash at every operation, with every loss that is tried, and another crash in the recovery.

use thymbra_durability::LogFinding;

use super::*;

/// Opens what a crash has left and checks it; nothing has been removed when this returns.
fn recover(history: &History, config: &CommitLogConfig, disk: &SimulatedDisk, is_process_end: bool) {
    let log = open(disk, config).unwrap();
    let (records, _) = replayed(&log).unwrap();
    history.check(&records, |position| {
        let is_acknowledged = match config.sync_mode {
            SyncMode::Periodic { .. } => false,
            SyncMode::Batch | SyncMode::Group { .. } => history.acknowledged.contains(&position),
        };
        let is_marked = is_process_end && !config.is_compressed && position <= history.marked_to;
        is_acknowledged || is_marked || position <= history.synced_to
    });
    assert_eq!(replayed(&log).unwrap().0, records, "a second replay differs");
    let last = history.appended.keys().next_back().copied();
    assert!(last < Some(log.current_position()), "positions went back");

    let position = log.add(&mutation(0, 10), update(TABLE));
    match position {
        Err(CommitLogError::NotReplayed) => log.discard_replayed().unwrap(),
        other => drop(other.unwrap()),
    }
    let position = log.add(&mutation(1, 33), update(TABLE)).unwrap();
    log.sync().unwrap();
    drop(log);
    let disk = disk.crash().power_loss(&[]);
    let log = open(&disk, config).unwrap();
    let (records, summary) = replayed(&log).unwrap();
    assert_eq!(records.get(&position), Some(&mutation(1, 33)));
    assert_eq!(summary.torn_tail, None);
}

//= WP-CL-04 check
//= WP-CL-10 check
#[test]
fn crash_at_every_operation_with_every_loss_keeps_what_was_promised_and_the_order() {
    let steps = mixed_steps();
    let (mut images_count, mut torn_count, mut lost_count) = (0, 0, 0);
    for config in all_configs() {
        for index in changing_operations(&config, &steps) {
            let disk = SimulatedDisk::new();
            disk.crash_at(index);
            let history = History::run(&disk, &config, &steps);
            assert!(disk.is_crashed());
            for (loss, image) in images(&disk.crash()) {
                println!("{:?} crash at {index}, {loss}", config.sync_mode);
                let log = open(&image.fork(), &config).unwrap();
                let (records, summary) = replayed(&log).unwrap();
                images_count += 1;
                torn_count += u32::from(summary.torn_tail.is_some());
                lost_count += u32::from(records.len() < history.appended.len());
                recover(&history, &config, &image, loss == "process end");
            }
        }
    }
    println!("{images_count} images, {torn_count} torn, {lost_count} with losses");
    assert!(images_count > 5_000 && torn_count > 500 && lost_count > 500);
}

/// Cassandra would not start with a damaged marker, nor with one that points behind what is there.
//= WP-CL-03 check
#[test]
fn process_that_ends_at_any_operation_leaves_no_marker_without_its_records() {
    let steps = mixed_steps();
    for config in all_configs() {
        let mut grown_count = 0;
        for index in changing_operations(&config, &steps) {
            let disk = SimulatedDisk::new();
            disk.crash_at(index);
            History::run(&disk, &config, &steps);
            let log = open(&disk.crash().process_end(), &config).unwrap();
            let (records, summary) = replayed(&log).unwrap();
            match summary.torn_tail {
                None => {}
                // The section has grown, and the beginning of what was added is not there yet.
                Some((position, LogFinding::ZeroSize)) if records.contains_key(&position) => {
                    grown_count += 1;
                }
                Some(torn) => panic!("{torn:?} at {index}"),
            }
        }
        assert_eq!(grown_count > 0, !config.is_compressed);
    }
}

#[test]
fn crash_in_a_recovery_is_as_harmless() {
    let steps = mixed_steps();
    let mut images_count = 0;
    for config in all_configs() {
        let indexes = changing_operations(&config, &steps);
        for index in indexes.into_iter().skip(5).step_by(7) {
            let disk = SimulatedDisk::new();
            disk.crash_at(index);
            let history = History::run(&disk, &config, &steps);
            let crash = disk.crash();
            for seed in 0..4 {
                let image = crash.power_loss(&crash.random(seed));
                let recovery = image.fork();
                drop(open(&recovery, &config).unwrap());
                for again in 0..recovery.operation_count() {
                    let second = image.fork();
                    second.crash_at(again);
                    drop(open(&second, &config));
                    let crash = second.crash();
                    for loss in crash.losses(3, 2) {
                        images_count += 1;
                        recover(&history, &config, &crash.power_loss(&loss), false);
                    }
                }
            }
        }
    }
    assert!(images_count > 2_000, "{images_count}");
}

#[test]
fn crash_while_replayed_segments_are_removed_leaves_whole_segments_of_them() {
    let steps = mixed_steps();
    for config in all_configs() {
        let disk = SimulatedDisk::new();
        disk.crash_at(*changing_operations(&config, &steps).last().unwrap());
        let history = History::run(&disk, &config, &steps);
        let crash = disk.crash();
        let image = crash.power_loss(&crash.random(1));
        let log = open(&image, &config).unwrap();
        let (all, _) = replayed(&log).unwrap();
        let first = image.operation_count();
        for index in first.. {
            let image = image.fork();
            let log = open(&image, &config).unwrap();
            image.crash_at(image.operation_count() + index - first);
            let removed = log.discard_replayed();
            assert!(removed.is_ok() || log.add(&mutation(0, 10), update(TABLE)).is_err());
            let crash = image.crash();
            for loss in crash.losses(6, 3) {
                let log = open(&crash.power_loss(&loss), &config).unwrap();
                let (records, _) = replayed(&log).unwrap();
                assert!(
                    records
                        .iter()
                        .all(|(position, bytes)| all.get(position) == Some(bytes))
                );
                let last = history.appended.keys().next_back().copied();
                assert!(last < Some(log.current_position()));
            }
            if removed.is_ok() {
                break;
            }
        }
    }
}

//= WP-CL-07 check
#[test]
fn ids_increase_over_restarts_with_the_clock_back() {
    for now_ms in [1_000_000, 5, 0, 2_000_000, 999_999] {
        let config = config(SyncMode::Batch);
        let disk = SimulatedDisk::new();
        let mut last = CommitLogPosition::NONE;
        for restart in 0..4 {
            let clock = ManualClock::at_ms(if restart == 0 { 1_000_000 } else { now_ms });
            let log = CommitLog::open(config.clone(), Arc::new(disk.clone()), Arc::new(clock)).unwrap();
            log.discard_replayed().unwrap();
            for number in 0..10 {
                let position = log.add(&mutation(number, 200), update(TABLE)).unwrap();
                assert!(position > last, "{position} after {last}");
                last = position;
            }
            log.sync().unwrap();
            if restart == 1 {
                log.discard_completed_segments(TABLE, CommitLogPosition::NONE, last)
                    .unwrap();
                log.close().unwrap();
            }
        }
    }
}

//= WP-CL-07 check
#[test]
fn ids_are_above_those_that_sstables_and_truncations_name() {
    let disk = SimulatedDisk::new();
    let config = CommitLogConfig {
        highest_known_id: Some(7_000_000),
        ..config(SyncMode::Batch)
    };
    assert_eq!(
        open(&disk, &config).unwrap().current_position().segment_id,
        7_000_002
    );
    let config = CommitLogConfig {
        highest_known_id: Some(i64::MAX),
        ..config
    };
    assert!(matches!(
        open(&disk, &config),
        Err(CommitLogError::IdsUsedUp { .. })
    ));
}
