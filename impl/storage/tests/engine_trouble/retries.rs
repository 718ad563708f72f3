//! What has failed is tried again, not too often; what finds nothing to do does not look again at once.

use crate::bench::{
    NOW_MS, OTHER, Refusing, TABLE, config, definition, insert, make_tables, values, within_seconds,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use thymbra_format::schema::TableParams;
use thymbra_storage::{Background, Config, DiskOperation, ManualClock, StorageEngine};
use thymbra_types::TableId;

/// How often the threads of an engine look.
const POLL_MS: u64 = 200;
const LONGEST_PAUSE_MS: u64 = 10_000;
const MINUTE_MS: u64 = 60_000;

struct Stage {
    disk: Refusing,
    clock: Arc<ManualClock>,
    engine: StorageEngine,
}

impl Stage {
    fn new() -> Self {
        let disk = Refusing::default();
        let clock = Arc::new(ManualClock::at_ms(NOW_MS));
        let engine = StorageEngine::open(config(), Arc::new(disk.clone()), Arc::clone(&clock) as _);
        let engine = engine.expect("the engine opens");
        make_tables(&engine, true);
        Self { disk, clock, engine }
    }

    /// Does what the threads do in a time; whether all of it went well.
    fn pass(&self, time_ms: u64) -> bool {
        let mut is_well = true;
        for _ in 0..time_ms / POLL_MS {
            self.clock.advance_ms(POLL_MS);
            is_well &= self.engine.tick().is_ok();
        }
        is_well
    }

    fn write_and_flush(&self, table: TableId, timestamp: i64) {
        let insert = insert(table, "a", 0, timestamp, "v");
        self.engine.apply(insert).expect("a write");
        self.engine.flush(table).expect("a flush");
    }

    fn flushes(&self, table: TableId) -> (u64, u64) {
        let table = self.engine.statistics().tables[&table];
        (table.flushes_count, table.failed_flushes_count)
    }

    fn looks(&self) -> u64 {
        self.engine.statistics().tables[&TABLE].compaction_looks_count
    }

    fn compactions(&self) -> u64 {
        self.engine.statistics().tables[&TABLE].compactions_count
    }
}

//= WP-MF-04 check
/// It was tried five times a second for as long as the disk was full, with a line in the log each time.
#[test]
fn flush_that_fails_is_tried_again_after_pauses_that_grow() {
    let stage = Stage::new();
    let engine = &stage.engine;
    engine.apply(insert(TABLE, "a", 0, 1, "v")).expect("a write");
    stage.disk.refuse(DiskOperation::CreateNew, "Data.db");
    engine.flush(TABLE).expect_err("the disk refuses");
    assert!(!stage.pass(POLL_MS), "it is tried again soon");
    stage.pass(10 * MINUTE_MS);
    let (_, failed_count) = stage.flushes(TABLE);
    assert!((60..75).contains(&failed_count), "{failed_count} in ten minutes");

    // Whoever asks for a flush gets one.
    engine.flush(TABLE).expect_err("the disk refuses");
    assert_eq!(stage.flushes(TABLE).1, failed_count + 1);
    stage.disk.repair();
    stage.pass(LONGEST_PAUSE_MS);
    let (flushed_count, _) = stage.flushes(TABLE);
    assert!(flushed_count > 0);
    assert_eq!(values(engine, TABLE, "a"), ["v"]);

    // A success makes the pauses short again.
    engine.apply(insert(TABLE, "a", 0, 2, "w")).expect("a write");
    stage.disk.refuse(DiskOperation::CreateNew, "Data.db");
    engine.flush(TABLE).expect_err("the disk refuses");
    stage.pass(POLL_MS);
    stage.disk.repair();
    assert!(stage.pass(3 * POLL_MS));
    assert_eq!(stage.flushes(TABLE).0, flushed_count + 1);
}

//= WP-MF-04 check
#[test]
fn flushes_of_other_tables_do_not_wait_for_one_that_fails() {
    let stage = Stage::new();
    for table in [TABLE, OTHER] {
        stage
            .engine
            .apply(insert(table, "a", 0, 1, "v"))
            .expect("a write");
    }
    stage.disk.refuse(DiskOperation::CreateNew, "/t-");
    stage.engine.flush(TABLE).expect_err("the disk refuses");
    stage.pass(MINUTE_MS);
    drop(stage.engine.begin_flush(OTHER).expect("a flush begins"));
    stage.pass(POLL_MS);
    assert_eq!(stage.flushes(OTHER), (1, 0));
}

//= WP-MF-04 check
#[test]
fn writer_that_waits_for_memory_goes_on_after_a_long_pause() {
    let disk = Refusing::default();
    let clock = Arc::new(ManualClock::at_ms(NOW_MS));
    let config = Config {
        background: Background::Threads,
        memtable_heap_space_bytes: 500_000,
        memtable_offheap_space_bytes: 0,
        ..config()
    };
    let engine = StorageEngine::open(config, Arc::new(disk.clone()), Arc::clone(&clock) as _);
    let engine = Arc::new(engine.expect("the engine opens"));
    make_tables(&engine, true);
    disk.refuse(DiskOperation::CreateNew, "Data.db");
    let writing = Arc::clone(&engine);
    // Not scoped: where the claim is wrong, the thread waits for ever.
    let writer = thread::spawn(move || {
        for number in 0..40 {
            let insert = insert(TABLE, &format!("{number}"), 0, 1, &"v".repeat(20_000));
            writing.apply(insert).expect("a write");
        }
    });
    for tries_count in 1..=8 {
        // A pause begins some time after the disk has refused, and may miss a step of the clock before that.
        within_seconds(20, "the flush is tried again", || {
            clock.advance_ms(LONGEST_PAUSE_MS);
            disk.refused_count() >= tries_count
        });
    }
    assert!(!writer.is_finished());
    disk.repair();
    within_seconds(20, "the writer goes on", || {
        clock.advance_ms(LONGEST_PAUSE_MS / 10);
        writer.is_finished()
    });
    writer.join().expect("no panic");
}

/// A thread that dies would take with it everything that is flushed by itself, and what it has switched out
/// beside the memtable that it panics at.
#[test]
fn flush_that_panics_is_tried_again_and_keeps_no_other_from_being_written() {
    let disk = Refusing::default();
    let clock = Arc::new(ManualClock::at_ms(NOW_MS));
    let config = Config {
        background: Background::Threads,
        memtable_flush_writers: 1,
        ..config()
    };
    let engine = StorageEngine::open(config, Arc::new(disk.clone()), Arc::clone(&clock) as _);
    let engine = engine.expect("the engine opens");
    make_tables(&engine, true);
    for (name, table) in [("t", TABLE), ("u", OTHER)] {
        let params = TableParams {
            memtable_flush_period_ms: 1_000,
            ..TableParams::default()
        };
        let periodic = definition(name, table).params(params).build();
        engine
            .alter_table(periodic.expect("a valid table"))
            .expect("parameters may change");
        engine.apply(insert(table, "a", 0, 1, "v")).expect("a write");
    }
    let flushes = |table: TableId| engine.statistics().tables[&table].flushes_count;
    disk.panic(DiskOperation::CreateNew, "/t-");
    clock.advance_ms(1_000);
    within_seconds(20, "the other table is flushed", || flushes(OTHER) == 1);
    assert!(disk.refused_count() > 0);
    assert_eq!(
        (flushes(TABLE), values(&engine, TABLE, "a")),
        (0, vec!["v".to_owned()])
    );
    disk.repair();
    within_seconds(20, "the flush is tried again", || {
        clock.advance_ms(LONGEST_PAUSE_MS / 10);
        flushes(TABLE) == 1
    });
    engine.close().expect("it closes");
}

/// It would be tried five times a second.
#[test]
fn compaction_that_panics_pauses_as_one_that_fails() {
    let stage = Stage::new();
    (1..=4).for_each(|timestamp| stage.write_and_flush(TABLE, timestamp));
    stage.disk.panic(DiskOperation::CreateNew, "Data.db");
    for _ in 0..MINUTE_MS / POLL_MS {
        stage.clock.advance_ms(POLL_MS);
        catch_unwind(AssertUnwindSafe(|| stage.engine.tick())).ok();
    }
    let tries_count = stage.disk.refused_count();
    assert!((5..15).contains(&tries_count), "{tries_count} in a minute");
    stage.disk.repair();
    assert!(stage.pass(MINUTE_MS));
    assert_eq!(stage.compactions(), 1);
}

/// Its inputs were read and its output was written again and again, as fast as the disk went.
#[test]
fn compaction_that_fails_is_tried_again_after_pauses_that_grow() {
    let stage = Stage::new();
    (1..=4).for_each(|timestamp| stage.write_and_flush(TABLE, timestamp));
    stage.disk.refuse(DiskOperation::CreateNew, "Data.db");
    assert!(!stage.pass(POLL_MS));
    stage.pass(10 * MINUTE_MS);
    let tries_count = stage.disk.refused_count();
    assert!((10..25).contains(&tries_count), "{tries_count} in ten minutes");
    stage.disk.repair();
    assert!(stage.pass(MINUTE_MS));
    assert_eq!(stage.compactions(), 1);
}

/// All SSTables were held against each other five times a second.
#[test]
fn compactor_that_finds_nothing_looks_again_when_something_is_flushed_and_once_a_minute() {
    let stage = Stage::new();
    stage.write_and_flush(TABLE, 1);
    assert!(stage.pass(MINUTE_MS / 2));
    assert_eq!(stage.looks(), 1);
    (2..=3).for_each(|timestamp| stage.write_and_flush(TABLE, timestamp));
    assert!(stage.pass(POLL_MS));
    assert_eq!(stage.looks(), 2, "there is more to look at");
    assert!(stage.pass(10 * MINUTE_MS));
    assert_eq!(stage.looks(), 12, "time passes");
    stage.write_and_flush(TABLE, 4);
    assert!(stage.pass(POLL_MS));
    assert_eq!(
        (stage.looks(), stage.compactions()),
        (14, 1),
        "and at the output of a compaction"
    );
    stage.engine.compact_next(TABLE).expect("a look");
    assert_eq!(stage.looks(), 15, "whoever asks is answered");
    let definition = stage.engine.table(TABLE).expect("the table is there");
    stage
        .engine
        .alter_table((*definition).clone())
        .expect("a definition");
    assert!(stage.pass(POLL_MS));
    assert_eq!(stage.looks(), 16, "thresholds may be others");
}
