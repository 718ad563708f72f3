//! The end of a table and of an engine, while others work on.

use crate::bench::{
    NOW_MS, OTHER, Refusing, TABLE, config, insert, make_tables, open, open_with, values, within_seconds,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use thymbra_durability::SyncMode;
use thymbra_storage::{Config, DiskOperation, ManualClock, SimulatedDisk, StorageEngine, StorageError};

/// All writes of the node stood while a drop waited for compactions and flushes.
#[test]
fn writes_go_on_while_a_table_is_dropped_that_takes_none_itself() {
    let disk = Refusing::default();
    let engine = Arc::new(open_with(disk.clone(), config()).expect("the engine opens"));
    make_tables(&engine, true);
    for table in [TABLE, OTHER] {
        engine.apply(insert(table, "a", 0, 1, "v")).expect("a write");
    }
    disk.hold(DiskOperation::CreateNew, "/u-");
    let dropping = Arc::clone(&engine);
    let dropper = thread::spawn(move || dropping.drop_table(TABLE));
    within_seconds(20, "the other table is flushed", || disk.held_count() > 0);
    let is_written = Arc::new(AtomicBool::new(false));
    let (writing, written) = (Arc::clone(&engine), Arc::clone(&is_written));
    // Not scoped: where the claim is wrong, the thread waits for the drop.
    let writer = thread::spawn(move || {
        writing
            .apply(insert(OTHER, "b", 0, 1, "meanwhile"))
            .expect("a write");
        let refused = writing.apply(insert(TABLE, "b", 0, 1, "meanwhile"));
        assert!(
            matches!(refused, Err(StorageError::UnknownTable { .. })),
            "{refused:?}"
        );
        written.store(true, Ordering::SeqCst);
    });
    within_seconds(20, "a write waits for a drop", || {
        is_written.load(Ordering::SeqCst)
    });
    assert!(!dropper.is_finished());
    disk.repair();
    dropper.join().expect("no panic").expect("a drop");
    writer.join().expect("no panic");
    assert_eq!(values(&engine, OTHER, "b"), ["meanwhile"]);
    assert!(engine.table(TABLE).is_err());
}

#[test]
fn drop_that_cannot_flush_the_others_changes_nothing() {
    let disk = Refusing::default();
    let engine = open_with(disk.clone(), config()).expect("the engine opens");
    make_tables(&engine, true);
    for table in [TABLE, OTHER] {
        engine.apply(insert(table, "a", 0, 1, "v")).expect("a write");
    }
    disk.refuse(DiskOperation::CreateNew, "/u-");
    engine.drop_table(TABLE).expect_err("the disk refuses");
    engine
        .apply(insert(TABLE, "b", 0, 1, "v"))
        .expect("the table is there");
    engine.flush(TABLE).expect("and can be flushed");
    disk.repair();
    engine.drop_table(TABLE).expect("a drop");
    drop(engine);
    let engine = open(&disk.disk);
    assert!(engine.table(TABLE).is_err());
    assert_eq!(values(&engine, OTHER, "a"), ["v"]);
}

#[test]
fn drop_that_cannot_write_the_schema_may_be_done_again() {
    let disk = Refusing::default();
    let engine = open_with(disk.clone(), config()).expect("the engine opens");
    make_tables(&engine, true);
    engine.apply(insert(TABLE, "a", 0, 1, "v")).expect("a write");
    disk.refuse(DiskOperation::Rename, "system_schema.json");
    engine.drop_table(TABLE).expect_err("the disk refuses");
    let refused = engine.apply(insert(TABLE, "a", 0, 2, "w"));
    assert!(
        matches!(refused, Err(StorageError::UnknownTable { .. })),
        "{refused:?}"
    );
    disk.repair();
    engine.drop_table(TABLE).expect("a drop");
    drop(engine);
    assert!(open(&disk.disk).table(TABLE).is_err());
}

/// An engine whose log waits for a sync with one write.
fn unsynced(disk: &SimulatedDisk) -> StorageEngine {
    let config = Config {
        commitlog_sync: SyncMode::periodic(10_000),
        ..config()
    };
    let engine = open_with(disk.clone(), config).expect("the engine opens");
    make_tables(&engine, true);
    engine.apply(insert(TABLE, "a", 0, 1, "v")).expect("a write");
    engine
}

/// The second call said that all was well.
#[test]
fn engine_whose_last_sync_failed_is_never_closed() {
    let disk = SimulatedDisk::new();
    let engine = unsynced(&disk);
    let begin = disk.operation_count();
    engine.close().expect("it closes");
    let is_sync = |index: &u64| {
        let operations = disk.operations();
        let record = operations.iter().find(|record| record.index == *index);
        record.is_some_and(|record| record.operation == DiskOperation::SyncData)
    };
    let sync = (begin..disk.operation_count())
        .find(is_sync)
        .expect("the log is synced");

    let disk = SimulatedDisk::new();
    let engine = unsynced(&disk);
    disk.fail_at(sync, std::io::ErrorKind::Other);
    for _ in 0..2 {
        let answer = engine.close();
        assert!(matches!(answer, Err(StorageError::CommitLog(_))), "{answer:?}");
    }
}

#[test]
fn close_that_could_not_flush_may_be_called_again() {
    let disk = Refusing::default();
    let engine = open_with(disk.clone(), config()).expect("the engine opens");
    make_tables(&engine, false);
    for table in [TABLE, OTHER] {
        engine.apply(insert(table, "a", 0, 1, "v")).expect("a write");
    }
    disk.refuse(DiskOperation::CreateNew, "/t-");
    engine.close().expect_err("the disk refuses");
    disk.repair();
    engine.close().expect("it closes");
    drop(engine);
    let engine = open(&disk.disk);
    for table in [TABLE, OTHER] {
        assert_eq!(values(&engine, table, "a"), ["v"]);
    }
}

/// A write that began before the end was acknowledged after the last flush.
#[test]
fn write_without_log_that_is_acknowledged_survives_a_close_beside_it() {
    for round in 0..30 {
        let disk = SimulatedDisk::new();
        let clock = Arc::new(ManualClock::at_ms(NOW_MS));
        let engine = StorageEngine::open(config(), Arc::new(disk.clone()), clock).expect("the engine opens");
        make_tables(&engine, false);
        let acknowledged: Vec<String> = thread::scope(|scope| {
            let write = |writer: usize| {
                let engine = &engine;
                scope.spawn(move || {
                    let names = (0..).map(|number| format!("{writer}/{number}"));
                    let taken = names.map_while(|name| {
                        engine.apply(insert(TABLE, &name, 0, 1, "v")).ok()?;
                        Some(name)
                    });
                    taken.collect::<Vec<_>>()
                })
            };
            let writers = [0, 1, 2].map(write);
            thread::sleep(std::time::Duration::from_millis(round % 5));
            engine.close().expect("it closes");
            let join = |writer: thread::ScopedJoinHandle<'_, Vec<String>>| writer.join().expect("no panic");
            writers.into_iter().flat_map(join).collect()
        });
        drop(engine);
        let engine = open(&disk);
        for name in acknowledged {
            assert_eq!(values(&engine, TABLE, &name), ["v"], "{name}");
        }
    }
}
