//! When things happen: markers, syncs, acknowledgements, ends of segments, removals.

use thymbra_durability::CommitLogProgress;

use super::*;
use crate::disk::CountingDisk;
use crate::{DiskCounts, DiskOperation};

/// A log whose clock is turned and whose calls to the disk are counted.
struct Counted {
    log: CommitLog,
    disk: SimulatedDisk,
    counting: Arc<CountingDisk<SimulatedDisk>>,
    clock: Arc<ManualClock>,
}

impl Counted {
    fn new(config: CommitLogConfig) -> Self {
        let disk = SimulatedDisk::new();
        let counting = Arc::new(CountingDisk::new(disk.clone()));
        let clock = clock();
        let log = CommitLog::open(config, counting.clone(), clock.clone()).unwrap();
        Self {
            log,
            disk,
            counting,
            clock,
        }
    }

    fn append(&self, number: u64, size_bytes: usize) -> CommitLogPosition {
        self.log
            .add(&mutation(number, size_bytes), update(TABLE))
            .unwrap()
    }

    /// What a call has asked of the disk: writes and syncs of files.
    fn asked(&self, call: impl FnOnce()) -> (u64, u64) {
        let count = |counts: DiskCounts| {
            (
                counts.count(DiskOperation::Write),
                counts.count(DiskOperation::SyncData),
            )
        };
        let before = count(self.counting.counts());
        call();
        let after = count(self.counting.counts());
        (after.0 - before.0, after.1 - before.1)
    }

    /// How many records a process that ends now leaves to replay.
    fn surviving_count(&self, config: &CommitLogConfig) -> u64 {
        let log = open(&self.disk.fork(), config).unwrap();
        replayed(&log).unwrap().1.records_count
    }
}

fn large(sync_mode: SyncMode) -> CommitLogConfig {
    CommitLogConfig {
        segment_size_bytes: 1 << 20,
        ..config(sync_mode)
    }
}

//= WP-CL-03 check
#[test]
fn markers_are_at_most_100_ms_apart_and_syncs_one_period() {
    let config = large(SyncMode::periodic(1_000));
    let log = Counted::new(config.clone());
    let (mut markers_count, mut syncs_count) = (0, 0);
    for millisecond in 1..=3_000_u64 {
        log.append(millisecond, 20);
        log.clock.advance_ms(1);
        let (writes, syncs) = log.asked(|| log.log.tick().unwrap());
        assert_eq!(
            writes > 0,
            millisecond.is_multiple_of(100),
            "after {millisecond} ms"
        );
        assert_eq!(
            syncs > 0,
            millisecond.is_multiple_of(1_000),
            "after {millisecond} ms"
        );
        markers_count += writes.min(1);
        syncs_count += syncs;
        if millisecond.is_multiple_of(250) {
            let unmarked = millisecond % 100;
            assert_eq!(log.surviving_count(&config), millisecond - unmarked);
        }
    }
    assert_eq!((markers_count, syncs_count), (30, 3));
}

#[test]
fn nothing_is_written_where_nothing_was_appended() {
    let log = Counted::new(large(SyncMode::periodic(1_000)));
    log.append(0, 20);
    log.log.sync().unwrap();
    for _ in 0..100 {
        log.clock.advance_ms(50);
        assert_eq!(log.asked(|| log.log.tick().unwrap()), (0, 0));
    }
    assert_eq!(log.asked(|| log.log.sync().unwrap()), (0, 0));
    log.append(1, 20);
    log.log.write_marker().unwrap();
    assert_eq!(
        log.asked(|| log.log.sync().unwrap()),
        (0, 1),
        "what is marked is not synced"
    );
}

#[test]
fn full_segment_is_synced_once() {
    for last_size_bytes in 470..495 {
        let log = Counted::new(config(SyncMode::Batch));
        log.append(0, 480);
        log.append(1, last_size_bytes);
        log.log.sync().unwrap();
        assert_eq!(log.asked(|| log.log.sync().unwrap()), (0, 0), "{last_size_bytes}");
    }
}

//= WP-CL-02 check
#[test]
fn periodic_writers_wait_only_if_the_last_sync_began_more_than_the_lag_ago() {
    let log = Counted::new(large(SyncMode::periodic(10_000)));
    let position = log.append(0, 20);
    let acknowledge = || log.asked(|| log.log.await_acknowledgement(position).unwrap());
    log.clock.advance_ms(15_000);
    assert_eq!(acknowledge(), (0, 0));
    log.clock.advance_ms(1);
    assert_eq!(acknowledge(), (2, 1));
    log.clock.advance_ms(15_000);
    assert_eq!(acknowledge(), (0, 0));
    log.clock.set_ms(1);
    assert_eq!(
        acknowledge(),
        (0, 0),
        "a time of day that is set back does not matter"
    );
}

//= WP-CL-02 check
#[test]
fn batch_and_group_writers_wait_for_a_sync_of_their_own_record() {
    for sync_mode in [SyncMode::Batch, SyncMode::Group { window_ms: 5 }] {
        let log = Counted::new(large(sync_mode));
        let (first, second) = (log.append(0, 20), log.append(1, 20));
        let of = |position| log.log.progress(position, 0).unwrap();
        assert!(of(first).synced_to < first);
        let acknowledge = |position| log.asked(|| log.log.await_acknowledgement(position).unwrap());
        assert_eq!(acknowledge(first), (2, 1));
        assert_eq!(acknowledge(second), (0, 0), "one sync was for both");
        assert_eq!(
            of(second),
            CommitLogProgress {
                appended: second,
                synced_to: second,
                last_sync_started_ms: 0,
                now_ms: 0
            }
        );
        let third = log.append(2, 20);
        assert_eq!(acknowledge(third), (2, 1));
    }
}

#[test]
fn group_syncs_when_its_window_has_passed() {
    let log = Counted::new(large(SyncMode::Group { window_ms: 5 }));
    log.append(0, 20);
    log.clock.advance_ms(4);
    assert_eq!(log.asked(|| log.log.tick().unwrap()), (0, 0));
    log.clock.advance_ms(1);
    assert_eq!(log.asked(|| log.log.tick().unwrap()), (2, 1));
}

//= WP-CL-01 check
#[test]
fn mutation_of_half_a_segment_with_its_overhead_is_the_largest() {
    for config in all_configs() {
        let disk = SimulatedDisk::new();
        let log = open(&disk, &config).unwrap();
        let largest = 512 - 12;
        log.add(&mutation(0, largest), update(TABLE)).unwrap();
        let operations_count = disk.operation_count();
        let position = log.current_position();
        let error = log.add(&mutation(1, largest + 1), update(TABLE)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a mutation of 501 bytes is larger than the 512 bytes that a record may have"
        );
        assert_eq!(
            (disk.operation_count(), log.current_position()),
            (operations_count, position)
        );
        log.add(&mutation(2, largest), update(TABLE)).unwrap();
    }
}

//= WP-CL-01 check
#[test]
fn segments_end_well_with_every_number_of_bytes_left() {
    for config in all_configs() {
        for is_synced_before in [false, true] {
            for last_size_bytes in 30..75 {
                let disk = SimulatedDisk::new();
                let log = open(&disk, &config).unwrap();
                let mut written = Records::new();
                let mut add = |size_bytes| {
                    let mutation = mutation(written.len() as u64, size_bytes);
                    let position = log.add(&mutation, update(TABLE)).unwrap();
                    written.insert(position, mutation);
                    position.segment_id
                };
                let first_id = add(400);
                add(480);
                if is_synced_before {
                    log.sync().unwrap();
                }
                add(last_size_bytes);
                log.sync().unwrap();
                assert_ne!(add(50), first_id);
                log.sync().unwrap();
                add(100);
                log.write_marker().unwrap();
                log.sync().unwrap();
                let log = open(&disk.crash().power_loss(&[]), &config).unwrap();
                let (records, summary) = replayed(&log).unwrap();
                assert_eq!(records, written, "{last_size_bytes}");
                assert_eq!((summary.segments_count, summary.torn_tail), (2, None));
            }
        }
    }
}

//= WP-CL-01 check
#[test]
fn file_has_its_full_length_from_the_beginning_and_over_restarts() {
    let config = config(SyncMode::periodic(10_000));
    let disk = SimulatedDisk::new();
    for restart in 1..=3 {
        let log = open(&disk, &config).unwrap();
        log.discard_replayed().unwrap();
        log.add(&mutation(restart, 50), update(TABLE)).unwrap();
        log.sync().unwrap();
        let id = log.current_position().segment_id;
        let files = segments_on(&disk);
        let named: Vec<_> = files
            .iter()
            .map(|file| (file.name.clone(), file.size_bytes))
            .collect();
        assert_eq!(named, [(format!("CommitLog-7-{id}.log"), 1024)]);
    }
}

//= WP-CL-06 check
#[test]
fn segment_goes_when_flushes_cover_all_that_its_tables_have_in_it() {
    for config in all_configs() {
        let disk = SimulatedDisk::new();
        let log = open(&disk, &config).unwrap();
        let add = |table| log.add(&mutation(1, 300), update(table)).unwrap();
        let none = CommitLogPosition::NONE;
        let first = add(TABLE);
        add(OTHER_TABLE);
        let upper = log.current_position();
        for _ in 0..6 {
            add(TABLE);
        }
        log.sync().unwrap();
        let segments_count = || segments_on(&disk).len();
        let all_count = segments_count();
        assert_eq!(all_count as u64, log.segments_count());
        log.discard_completed_segments(TABLE, first, log.current_position())
            .unwrap();
        assert_eq!(segments_count(), 2, "what lies between is clean");
        log.discard_completed_segments(OTHER_TABLE, none, upper).unwrap();
        assert_eq!(segments_count(), 2, "the first record is still dirty");
        log.discard_completed_segments(TABLE, none, first).unwrap();
        assert_eq!(segments_count(), 1);
        log.discard_completed_segments(TABLE, none, log.current_position())
            .unwrap();
        assert_eq!(segments_count(), 1, "the segment that allocates stays");
    }
}

#[test]
fn segments_that_are_clean_when_they_finish_go_with_the_sync_of_their_ends() {
    let disk = SimulatedDisk::new();
    let log = open(&disk, &config(SyncMode::Batch)).unwrap();
    let position = log.add(&mutation(1, 490), update(TABLE)).unwrap();
    log.discard_completed_segments(TABLE, CommitLogPosition::NONE, position)
        .unwrap();
    log.add(&mutation(2, 490), update(OTHER_TABLE)).unwrap();
    let next = log.add(&mutation(3, 490), update(TABLE)).unwrap();
    assert!(next.segment_id > position.segment_id);
    log.discard_completed_segments(OTHER_TABLE, CommitLogPosition::NONE, next)
        .unwrap();
    assert_eq!(segments_on(&disk).len(), 3, "they are not synced");
    log.sync().unwrap();
    assert_eq!(segments_on(&disk).len(), 1);
}

#[test]
fn writers_that_fill_segments_faster_than_they_are_synced_sync_them() {
    let disk = SimulatedDisk::new();
    let log = open(&disk, &config(SyncMode::periodic(10_000))).unwrap();
    for number in 0..50 {
        let position = log.add(&mutation(number, 480), update(TABLE)).unwrap();
        let synced = log.synced_position();
        assert!(
            position.segment_id - synced.segment_id <= 3,
            "{synced} at {position}"
        );
    }
}

#[test]
fn dropped_table_holds_no_segment() {
    let disk = SimulatedDisk::new();
    let log = open(&disk, &config(SyncMode::Batch)).unwrap();
    for number in 0..8 {
        log.add(&mutation(number, 300), update(TABLE)).unwrap();
    }
    log.sync().unwrap();
    log.forget_table(TABLE).unwrap();
    assert_eq!(segments_on(&disk).len(), 1);
    assert_eq!(log.least_timestamp(TABLE), None);
}

//= WP-CL-08 check
#[test]
fn tables_of_the_oldest_segments_are_flushed_when_the_log_is_too_long() {
    let config = CommitLogConfig {
        total_space_bytes: 3 * 1024,
        ..config(SyncMode::Batch)
    };
    let disk = SimulatedDisk::new();
    let log = open(&disk, &config).unwrap();
    let add = |table| {
        log.add(&mutation(1, 480), update(table)).unwrap();
        log.add(&mutation(1, 480), update(table)).unwrap();
    };
    for table in [9, 8, 7] {
        add(TableId(table));
        assert_eq!(log.tables_to_flush(), [].into());
    }
    add(TableId(6));
    assert_eq!((log.segments_count(), log.size_bytes()), (4, 4096));
    let oldest = log.tables_to_flush()[&TableId(9)];
    assert_eq!(log.tables_to_flush(), [(TableId(9), oldest)].into());
    add(TableId(5));
    let both = [(TableId(8), oldest + 1), (TableId(9), oldest)];
    assert_eq!(log.tables_to_flush(), both.into());
    log.sync().unwrap();
    log.discard_completed_segments(TableId(9), CommitLogPosition::NONE, log.current_position())
        .unwrap();
    assert_eq!(log.tables_to_flush(), [(TableId(8), oldest + 1)].into());
}

#[test]
fn least_timestamp_is_that_of_all_segments_that_could_be_replayed() {
    let disk = SimulatedDisk::new();
    let log = open(&disk, &config(SyncMode::Batch)).unwrap();
    let add = |table, timestamp| {
        let update = LoggedUpdate {
            table,
            least_timestamp: Timestamp(timestamp),
        };
        log.add(&mutation(1, 480), [update]).unwrap()
    };
    assert_eq!(log.least_timestamp(TABLE), None);
    add(TABLE, 50);
    add(OTHER_TABLE, 3);
    add(TABLE, 60);
    let upper = add(TABLE, 40);
    add(TABLE, 70);
    log.sync().unwrap();
    assert_eq!(log.least_timestamp(TABLE), Some(Timestamp(40)));
    assert_eq!(log.least_timestamp(OTHER_TABLE), Some(Timestamp(3)));
    log.discard_completed_segments(TABLE, CommitLogPosition::NONE, upper)
        .unwrap();
    assert_eq!(
        log.least_timestamp(TABLE),
        Some(Timestamp(50)),
        "flushed, and still in a segment"
    );
    log.discard_completed_segments(OTHER_TABLE, CommitLogPosition::NONE, upper)
        .unwrap();
    log.discard_completed_segments(TABLE, upper, log.current_position())
        .unwrap();
    assert_eq!(log.least_timestamp(OTHER_TABLE), None);
    assert_eq!(log.least_timestamp(TABLE), Some(Timestamp(70)));
}

#[test]
fn mutation_of_two_tables_is_dirty_in_both() {
    let disk = SimulatedDisk::new();
    let log = open(&disk, &config(SyncMode::Batch)).unwrap();
    let [one] = update(TABLE);
    let [other] = update(OTHER_TABLE);
    for number in 0..4 {
        log.add(&mutation(number, 480), [one, other]).unwrap();
    }
    log.sync().unwrap();
    let upper = log.current_position();
    log.discard_completed_segments(TABLE, CommitLogPosition::NONE, upper)
        .unwrap();
    assert_eq!(segments_on(&disk).len(), 2);
    log.discard_completed_segments(OTHER_TABLE, CommitLogPosition::NONE, upper)
        .unwrap();
    assert_eq!(segments_on(&disk).len(), 1);
}

//= WP-CL-04 check
#[test]
fn replay_begins_behind_the_position_that_is_asked_for() {
    let config = config(SyncMode::Batch);
    let disk = SimulatedDisk::new();
    let log = open(&disk, &config).unwrap();
    let positions: Vec<_> = (0..8)
        .map(|number| log.add(&mutation(number, 300), update(TABLE)).unwrap())
        .collect();
    log.sync().unwrap();
    drop(log);
    let log = open(&disk, &config).unwrap();
    for (index, start) in positions.iter().enumerate() {
        let mut visited = Vec::new();
        log.replay(*start, |record| {
            visited.push(record.position);
            Ok::<_, CommitLogError>(())
        })
        .unwrap();
        assert_eq!(visited, positions[index + 1..]);
    }
}

#[test]
fn error_of_the_visitor_ends_the_replay_and_names_the_record() {
    let config = config(SyncMode::Batch);
    let disk = SimulatedDisk::new();
    let log = open(&disk, &config).unwrap();
    let position = log.add(&mutation(0, 30), update(TABLE)).unwrap();
    log.sync().unwrap();
    drop(log);
    let log = open(&disk, &config).unwrap();
    let source = thymbra_format::Cursor::new(&[]).u8("keyspace").unwrap_err();
    let error = log
        .replay(CommitLogPosition::NONE, |record| {
            Err(record.undecodable(source.clone()))
        })
        .unwrap_err();
    let name = format!("CommitLog-7-{}.log", position.segment_id);
    assert!(error.to_string().contains(&name), "{error}");
    assert!(
        error
            .to_string()
            .contains(&format!("position {}", position.position))
    );
}

#[test]
fn log_takes_nothing_until_earlier_segments_are_replayed_and_removed() {
    let config = config(SyncMode::Batch);
    let disk = SimulatedDisk::new();
    drop(open(&disk, &config).unwrap());
    let log = open(&disk, &config).unwrap();
    let add = || log.add(&mutation(0, 30), update(TABLE));
    assert!(matches!(add(), Err(CommitLogError::NotReplayed)));
    log.discard_replayed().unwrap();
    add().unwrap();
    assert_eq!(segments_on(&disk).len(), 1);
}

#[test]
fn compressed_log_is_as_long_as_what_was_written() {
    let config = CommitLogConfig {
        is_compressed: true,
        ..config(SyncMode::Batch)
    };
    let disk = SimulatedDisk::new();
    let log = open(&disk, &config).unwrap();
    for number in 0..30 {
        log.add(&mutation(number, 200), update(TABLE)).unwrap();
        log.sync().unwrap();
    }
    let on_disk: u64 = segments_on(&disk).iter().map(|file| file.size_bytes).sum();
    assert_eq!(log.size_bytes(), on_disk);
    assert!(on_disk < 30 * 200 / 2, "{on_disk}");
    let upper = log.current_position();
    log.discard_completed_segments(TABLE, CommitLogPosition::NONE, upper)
        .unwrap();
    let on_disk: u64 = segments_on(&disk).iter().map(|file| file.size_bytes).sum();
    assert_eq!((log.size_bytes(), log.segments_count()), (on_disk, 1));
}
