//! An error, and a full disk, at every operation.

use std::io;

use super::*;
use crate::DiskOperation;
use crate::disk::simulated::OperationRecord;

/// Runs with a fault, then opens what a loss of power leaves, the fault gone.
fn run_with(config: &CommitLogConfig, steps: &[Step], inject: impl Fn(&SimulatedDisk)) -> (bool, History) {
    let disk = SimulatedDisk::new();
    inject(&disk);
    let history = History::run(&disk, config, steps);
    disk.repair();
    for (loss, image) in images(&disk.crash()) {
        println!("{loss}");
        let log = open(&image, config).unwrap();
        let (records, _) = replayed(&log).unwrap();
        history.check(&records, |position| {
            let is_acknowledged = match config.sync_mode {
                SyncMode::Periodic { .. } => false,
                SyncMode::Batch | SyncMode::Group { .. } => history.acknowledged.contains(&position),
            };
            is_acknowledged || position <= history.synced_to
        });
        log.discard_replayed().unwrap();
        log.add(&mutation(0, 10), update(TABLE)).unwrap();
        log.sync().unwrap();
    }
    (history.is_failed, history)
}

//= WP-CL-09 check
#[test]
fn error_at_every_operation_stops_the_log_and_loses_nothing_promised() {
    let steps = mixed_steps();
    for config in all_configs() {
        let disk = SimulatedDisk::new();
        History::run(&disk, &config, &steps);
        let operations = disk.operations();
        let is_removal = |record: &OperationRecord| record.operation == DiskOperation::Remove;
        let first_removal = operations.iter().find(|record| is_removal(record)).unwrap().index;
        let mut failed_count = 0;
        for record in operations {
            println!("{:?} {record:?}", config.sync_mode);
            let (is_failed, _) = run_with(&config, &steps, |disk| {
                disk.fail_at(record.index, io::ErrorKind::Other);
            });
            failed_count += usize::from(is_failed);
            // The last steps of a run are syncs, which notice any failure but that of a removal.
            let is_removal = record.operation == DiskOperation::Remove
                || (record.operation == DiskOperation::SyncDirectory && record.index > first_removal);
            assert!(is_failed || is_removal, "{record:?} failed and nobody noticed");
        }
        assert!(failed_count > 25, "{failed_count}");
    }
}

#[test]
fn full_disk_at_every_operation_stops_the_log_and_loses_nothing_promised() {
    let steps = mixed_steps();
    for config in all_configs() {
        for index in changing_operations(&config, &steps) {
            run_with(&config, &steps, |disk| disk.fill_from(index));
        }
        for capacity_bytes in (0..16).map(|pages| pages * 4096) {
            run_with(&config, &steps, |disk| disk.fill_at(capacity_bytes));
        }
    }
}

//= WP-CL-09 check
#[test]
fn sync_is_not_tried_again_after_it_has_failed() {
    let config = config(SyncMode::Batch);
    let disk = SimulatedDisk::new();
    let log = open(&disk, &config).unwrap();
    let position = log.add(&mutation(0, 50), update(TABLE)).unwrap();
    disk.fail_at(disk.operation_count() + 2, io::ErrorKind::Other);
    let error = log.await_acknowledgement(position).unwrap_err();
    let CommitLogError::Stopped { cause } = error else {
        panic!("{error}");
    };
    assert_eq!(cause.operation, DiskOperation::SyncData);
    let operations_count = disk.operation_count();
    assert!(log.await_acknowledgement(position).is_err());
    assert!(log.sync().is_err() && log.write_marker().is_err() && log.tick().is_err());
    assert!(log.add(&mutation(1, 50), update(TABLE)).is_err());
    assert!(log.progress(position, 0).is_err());
    assert_eq!(disk.operation_count(), operations_count);
}

#[test]
fn segment_that_cannot_be_removed_is_removed_later() {
    let config = config(SyncMode::Batch);
    let disk = SimulatedDisk::new();
    let log = open(&disk, &config).unwrap();
    for number in 0..10 {
        log.add(&mutation(number, 300), update(TABLE)).unwrap();
    }
    log.sync().unwrap();
    let segments_count = log.segments_count();
    let (size_bytes, upper) = (log.size_bytes(), log.current_position());
    disk.fail_at(disk.operation_count(), io::ErrorKind::Other);
    let discard = || log.discard_completed_segments(TABLE, CommitLogPosition::NONE, upper);
    assert!(matches!(discard(), Err(CommitLogError::Disk(_))));
    assert_eq!(log.segments_count(), segments_count);
    disk.fail_at(disk.operation_count() + 1, io::ErrorKind::Other);
    assert!(discard().is_err());
    discard().unwrap();
    assert_eq!(log.segments_count(), 1);
    assert_eq!(
        log.size_bytes(),
        size_bytes - (segments_count - 1) * config.segment_size_bytes
    );
    assert_eq!(segments_on(&disk).len(), 1);
}

/// The start failed where a segment of a process that was killed came back without the marker at its end.
//= WP-CL-05 check
#[test]
fn removal_that_a_loss_of_power_undoes_leaves_a_log_that_can_be_replayed() {
    for config in all_configs() {
        let killed = SimulatedDisk::new();
        let log = open(&killed, &config).unwrap();
        log.add(&mutation(0, 50), update(TABLE)).unwrap();
        log.sync().unwrap();
        drop(log);
        let disk = killed.crash().process_end();
        for index in 0.. {
            let disk = disk.fork();
            disk.fail_at(disk.operation_count() + index, io::ErrorKind::Other);
            let discard = || open(&disk, &config).and_then(|log| log.discard_replayed().map(|()| log));
            let (log, has_failed) = match discard() {
                Ok(log) => (log, false),
                Err(_) => (discard().unwrap(), true),
            };
            if has_failed {
                log.add(&mutation(1, 50), update(TABLE)).unwrap();
                log.sync().unwrap();
            } else {
                break;
            }
            for (loss, image) in images(&disk.crash()) {
                let (records, _) = replayed(&open(&image, &config).unwrap()).unwrap();
                let last = records.into_values().next_back();
                assert_eq!(last, Some(mutation(1, 50)), "error at {index}, {loss}");
            }
        }
    }
}
