//! Flushes that fail, wait or are given up: nobody waits for ever, and nothing is lost.

use crate::bench::{
    NOW_MS, OTHER, Refusing, TABLE, config, definition, insert, make_tables, open, open_with, values,
    within_seconds,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use thymbra_durability::SyncMode;
use thymbra_format::schema::TableParams;
use thymbra_storage::{
    Background, Config, DiskOperation, ManualClock, SimulatedDisk, StorageEngine, StorageError, SystemClock,
};

/// A value of which a memtable has a few only, and a segment two.
fn large() -> String {
    "x".repeat(400_000)
}

fn flushes(engine: &StorageEngine, table: thymbra_types::TableId) -> u64 {
    engine.statistics().tables[&table].flushes_count
}

fn segments(engine: &StorageEngine) -> u64 {
    engine.statistics().commit_log_segments_count
}

/// Writes a row of the other table that fills most of the rest of a segment.
fn fill(engine: &StorageEngine, count: usize) {
    for number in 0..count {
        let name = format!("fill{number}");
        engine
            .apply(insert(OTHER, &name, 0, 1, &large()))
            .expect("a write");
    }
}

//= WP-MF-04 check
/// A memtable whose flush had failed was written by nobody, so that writers waited for ever.
#[test]
fn writers_that_wait_for_memory_go_on_when_the_disk_works_again() {
    let disk = Refusing::default();
    let config = Config {
        background: Background::Threads,
        commitlog_sync: SyncMode::periodic(10_000),
        memtable_heap_space_bytes: 2_000_000,
        memtable_offheap_space_bytes: 0,
        ..Config::under("/node")
    };
    let clock = Arc::new(SystemClock::new());
    let engine = StorageEngine::open(config, Arc::new(disk.clone()), clock).expect("the engine opens");
    make_tables(&engine, true);
    disk.refuse(DiskOperation::CreateNew, "Data.db");
    let written = AtomicU64::new(0);
    let is_over = AtomicBool::new(false);
    let count = || written.load(Ordering::SeqCst);
    thread::scope(|scope| {
        for writer in 0..2 {
            let (engine, written, is_over) = (&engine, &written, &is_over);
            scope.spawn(move || {
                for number in 0..10_000 {
                    let name = format!("{writer}/{number}");
                    if is_over.load(Ordering::SeqCst)
                        || engine
                            .apply(insert(TABLE, &name, 0, 1, &"v".repeat(5_000)))
                            .is_err()
                    {
                        return;
                    }
                    written.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        within_seconds(60, "memory is used up", || count() > 350);
        let mut blocked = count();
        loop {
            thread::sleep(Duration::from_millis(300));
            if count() == blocked {
                break;
            }
            blocked = count();
        }
        disk.repair();
        let begin = Instant::now();
        while count() <= blocked + 100 && begin.elapsed() < Duration::from_secs(30) {
            thread::sleep(Duration::from_millis(10));
        }
        let after = count();
        is_over.store(true, Ordering::SeqCst);
        if after <= blocked + 100 {
            // Lets the writers end, so that the test does.
            drop(engine.close());
        }
        assert!(after > blocked + 100, "writers wait for ever: {blocked}, {after}");
    });
}

//= WP-MF-04 check
#[test]
fn memtable_whose_flush_failed_is_written_by_a_later_tick() {
    let disk = Refusing::default();
    let clock = Arc::new(ManualClock::at_ms(NOW_MS));
    let engine = StorageEngine::open(config(), Arc::new(disk.clone()), Arc::clone(&clock) as _);
    let engine = engine.expect("the engine opens");
    make_tables(&engine, true);
    engine.apply(insert(TABLE, "a", 0, 1, "v")).expect("a write");
    disk.refuse(DiskOperation::CreateNew, "Data.db");
    engine.flush(TABLE).expect_err("the disk refuses");
    engine.tick().expect_err("the disk still refuses");
    assert_eq!(values(&engine, TABLE, "a"), ["v"]);
    disk.repair();
    engine.tick().expect("it is not tried at once");
    assert_eq!(flushes(&engine, TABLE), 0);
    clock.advance_ms(1_000);
    engine.tick().expect("the flush is tried again");
    assert_eq!(
        (flushes(&engine, TABLE), values(&engine, TABLE, "a")),
        (1, vec!["v".to_owned()])
    );
}

/// A flush of a table with much in memory that never succeeds was all that was ever tried.
#[test]
fn table_that_cannot_be_flushed_keeps_no_other_from_being_flushed() {
    let disk = Refusing::default();
    let config = Config {
        memtable_heap_space_bytes: 300_000,
        memtable_offheap_space_bytes: 0,
        ..config()
    };
    let clock = Arc::new(ManualClock::at_ms(NOW_MS));
    let engine = StorageEngine::open(config, Arc::new(disk.clone()), Arc::clone(&clock) as _);
    let engine = engine.expect("the engine opens");
    make_tables(&engine, true);
    let params = TableParams {
        memtable_flush_period_ms: 1_000,
        ..TableParams::default()
    };
    let periodic = definition("u", OTHER)
        .params(params)
        .build()
        .expect("a valid table");
    engine.alter_table(periodic).expect("parameters may change");
    engine.apply(insert(TABLE, "a", 0, 1, &large())).expect("a write");
    engine.apply(insert(OTHER, "b", 0, 1, "v")).expect("a write");
    clock.advance_ms(2_000);
    disk.refuse(DiskOperation::CreateNew, "/t-");
    engine.tick().expect_err("the first table cannot be flushed");
    assert_eq!((flushes(&engine, TABLE), flushes(&engine, OTHER)), (0, 1));
}

//= WP-MF-06 check
/// The log wanted a table flushed whose part of it waits for another flush: over and over again.
#[test]
fn tick_returns_while_an_earlier_flush_is_open() {
    let config = Config {
        commitlog_total_space_bytes: 2 << 20,
        ..config()
    };
    let engine = open_with(SimulatedDisk::new(), config).expect("the engine opens");
    make_tables(&engine, true);
    let pending = engine.begin_flush(TABLE).expect("a flush begins");
    fill(&engine, 12);
    let (engine, ticks) = (Arc::new(engine), Arc::new(AtomicU64::new(0)));
    let (ticking, ticked) = (Arc::clone(&engine), Arc::clone(&ticks));
    // Not scoped: where the claim is wrong, the thread never ends.
    thread::spawn(move || {
        for _ in 0..3 {
            ticking.tick().expect("a tick");
            ticked.fetch_add(1, Ordering::SeqCst);
        }
    });
    within_seconds(20, "a tick returns", || ticks.load(Ordering::SeqCst) == 3);
    assert_eq!(flushes(&engine, OTHER), 1);
    assert!(segments(&engine) > 2, "the log waits for the earlier flush");
    engine.finish_flush(&pending).expect("a flush");
    assert!(segments(&engine) <= 2);
}

//= WP-MF-03 check
#[test]
fn small_memtables_stay_while_a_large_one_is_being_written() {
    let config = Config {
        memtable_heap_space_bytes: 300_000,
        memtable_offheap_space_bytes: 0,
        ..config()
    };
    let engine = open_with(SimulatedDisk::new(), config).expect("the engine opens");
    make_tables(&engine, true);
    engine.apply(insert(TABLE, "a", 0, 1, &large())).expect("a write");
    let pending = engine.begin_flush(TABLE).expect("a flush begins");
    for number in 0..50 {
        let name = format!("b{number}");
        engine.apply(insert(OTHER, &name, 0, 1, "v")).expect("a write");
        engine.tick().expect("a tick");
    }
    assert_eq!(flushes(&engine, OTHER), 0);
    engine.finish_flush(&pending).expect("a flush");
}

#[test]
fn pending_flush_that_is_dropped_is_done_by_the_next_tick() {
    let engine = open(&SimulatedDisk::new());
    make_tables(&engine, true);
    engine.apply(insert(TABLE, "a", 0, 1, "v")).expect("a write");
    let pending = engine.begin_flush(TABLE).expect("a flush begins");
    fill(&engine, 6);
    engine.flush(OTHER).expect("a flush");
    assert!(segments(&engine) > 2, "the log waits for the earlier flush");
    drop(pending);
    engine.tick().expect("a tick");
    assert_eq!((flushes(&engine, TABLE), segments(&engine)), (1, 1));
}

//= WP-MF-06 check
/// The flushes of a table whose last exchange of files is in doubt were never ended.
#[test]
fn flushes_of_a_stopped_table_hold_no_other_up() {
    let prepared = |disk: &SimulatedDisk| {
        let engine = open(disk);
        make_tables(&engine, true);
        engine.apply(insert(TABLE, "a", 0, 1, "first")).expect("a write");
        let earlier = engine.begin_flush(TABLE).expect("a flush begins");
        engine.apply(insert(TABLE, "a", 0, 2, "second")).expect("a write");
        let pending = engine.begin_flush(TABLE).expect("a flush begins");
        (engine, pending, earlier)
    };
    // The last line of the transaction log of the flush, found by trying.
    let disk = SimulatedDisk::new();
    let (engine, pending, _earlier) = prepared(&disk);
    engine.finish_flush(&pending).expect("a flush");
    let operations = disk.operations();
    let is_commit = |operation: &DiskOperation, path: &std::path::Path| {
        *operation == DiskOperation::Write && path.to_string_lossy().contains("_txn_")
    };
    let mut commits = operations
        .iter()
        .filter(|record| is_commit(&record.operation, &record.path));
    let commit_index = commits.next_back().expect("the flush has a transaction").index;

    let disk = SimulatedDisk::new();
    let (engine, pending, earlier) = prepared(&disk);
    disk.fail_at(commit_index, std::io::ErrorKind::Other);
    engine.finish_flush(&pending).expect_err("the disk fails");
    let stopped = engine.apply(insert(TABLE, "a", 0, 3, "third"));
    assert!(
        matches!(stopped, Err(StorageError::Stopped { .. })),
        "{stopped:?}"
    );
    fill(&engine, 12);
    engine.flush(OTHER).expect("a flush");
    assert_eq!(segments(&engine), 2, "the first segment and the present one");
    engine.tick().expect("a stopped table is no error of others");
    drop((pending, earlier));
    drop(engine);
    assert_eq!(values(&open(&disk), TABLE, "a"), ["second"]);
}

/// The first segment that could not be removed kept the log from hearing of other flushes.
#[test]
fn segment_that_cannot_be_removed_loses_no_news_of_flushes() {
    let disk = Refusing::default();
    let engine = open_with(disk.clone(), config()).expect("the engine opens");
    make_tables(&engine, true);
    for number in 0..3 {
        let name = format!("a{number}");
        engine
            .apply(insert(TABLE, &name, 0, 1, &large()))
            .expect("a write");
    }
    let pending = engine.begin_flush(TABLE).expect("a flush begins");
    fill(&engine, 6);
    engine.flush(OTHER).expect("a flush");
    disk.refuse(DiskOperation::Remove, "CommitLog-");
    let answer = engine.finish_flush(&pending);
    assert!(matches!(answer, Err(StorageError::CommitLog(_))), "{answer:?}");
    assert_eq!(flushes(&engine, TABLE), 1);
    disk.repair();
    engine.flush(TABLE).expect("a flush");
    assert_eq!(segments(&engine), 1);
}
