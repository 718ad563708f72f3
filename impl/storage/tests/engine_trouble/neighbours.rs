//! What goes wrong with one table or call stays its own: others go on, and the files are never shared.

use crate::bench::{
    OTHER, Refusing, TABLE, clustering, config, insert, key, make_tables, mutation, open, open_with, row,
    values, within_seconds,
};
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use thymbra_durability::SyncMode;
use thymbra_format::marshal::AbstractType;
use thymbra_format::schema::TableMetadata;
use thymbra_storage::{Background, Config, DiskOperation, SimulatedDisk, StorageEngine, SystemClock};
use thymbra_types::{Mutation, Partition, TableId};

//= WP-CL-11 check
#[test]
fn close_waits_for_a_flush_that_somebody_else_has_begun() {
    let disk = Refusing::default();
    let engine = Arc::new(open_with(disk.clone(), config()).expect("it opens"));
    make_tables(&engine, true);
    engine.apply(insert(TABLE, "a", 0, 1, "v")).expect("a write");
    disk.hold(DiskOperation::CreateNew, "/t-");
    let (flushing, closing) = (Arc::clone(&engine), Arc::clone(&engine));
    let flusher = thread::spawn(move || flushing.flush(TABLE));
    within_seconds(20, "the flush is held", || disk.held_count() > 0);
    let closer = thread::spawn(move || closing.close());
    thread::sleep(Duration::from_millis(300));
    assert!(!closer.is_finished());
    assert!(
        open_with(disk.disk.clone(), config()).is_err(),
        "the directories are in use"
    );
    disk.repair();
    flusher.join().expect("no panic").expect("a flush");
    closer.join().expect("no panic").expect("it closes");
    let engine = open_with(disk.disk.clone(), config()).expect("nobody uses the directories");
    assert_eq!(values(&engine, TABLE, "a"), ["v"]);
}

#[test]
fn table_that_cannot_be_compacted_does_not_keep_others_from_it() {
    let disk = Refusing::default();
    let engine = open_with(disk.clone(), config()).expect("it opens");
    make_tables(&engine, true);
    for number in 0..4 {
        for table in [TABLE, OTHER] {
            engine.apply(insert(table, "a", number, 1, "v")).expect("a write");
            engine.flush(table).expect("a flush");
        }
    }
    disk.refuse(DiskOperation::CreateNew, "/t-");
    engine.tick().expect_err("the disk refuses one of them");
    let tables = engine.statistics().tables;
    assert_eq!(tables[&TABLE].compactions_count, 0);
    assert_eq!(tables[&OTHER].compactions_count, 1);
}

/// The operation of the disk, counted from the first write on, that commits a flush of this value.
fn commit_of_flush(prepared: &impl Fn(&SimulatedDisk) -> StorageEngine, value: &str) -> u64 {
    let disk = SimulatedDisk::new();
    let engine = prepared(&disk);
    let begin = disk.operation_count();
    engine.apply(insert(TABLE, "a", 0, 1, value)).expect("a write");
    let is_of_transaction = |path: &std::path::Path| path.to_string_lossy().contains("_txn_");
    within_seconds(20, "the flush", || {
        engine.statistics().tables[&TABLE].flushes_count > 0
    });
    let operations = disk.operations();
    let mut writes = operations.iter().rev();
    let commit =
        writes.find(|record| record.operation == DiskOperation::Write && is_of_transaction(&record.path));
    commit.expect("the flush has a transaction").index - begin
}

#[test]
fn memory_of_a_table_that_is_stopped_holds_no_writer_up() {
    let prepared = |disk: &SimulatedDisk| {
        let config = Config {
            background: Background::Threads,
            memtable_heap_space_bytes: 600_000,
            memtable_offheap_space_bytes: 0,
            commitlog_segment_size_bytes: 8 << 20,
            ..config()
        };
        let disk = Arc::new(disk.clone());
        let engine = StorageEngine::open(config, disk, Arc::new(SystemClock::new())).expect("it opens");
        make_tables(&engine, true);
        // The segment that is made ahead is there.
        thread::sleep(Duration::from_millis(700));
        engine
    };
    let large = "x".repeat(700_000);
    let commit = commit_of_flush(&prepared, &large);
    let disk = SimulatedDisk::new();
    let engine = Arc::new(prepared(&disk));
    disk.fail_at(disk.operation_count() + commit, io::ErrorKind::Other);
    let writing = Arc::clone(&engine);
    let writer = thread::spawn(move || {
        // The first waits for room, and finds its table stopped.
        drop(writing.apply(insert(TABLE, "a", 0, 1, &large)));
        writing.apply(insert(OTHER, "a", 0, 1, "v"))
    });
    within_seconds(20, "the writer goes on", || writer.is_finished());
    writer
        .join()
        .expect("no panic")
        .expect("a write to another table");
    assert_eq!(values(&engine, OTHER, "a"), ["v"]);
}

#[test]
fn table_whose_drop_has_failed_keeps_no_other_from_its_own() {
    for durable in [true, false] {
        let disk = Refusing::default();
        let engine = open_with(disk.clone(), config()).expect("it opens");
        make_tables(&engine, durable);
        engine.apply(insert(TABLE, "a", 0, 1, "v")).expect("a write");
        disk.refuse(DiskOperation::Rename, "system_schema.json");
        engine.drop_table(TABLE).expect_err("the disk refuses");
        disk.repair();
        engine.flush_all().expect("the others");
        engine.drop_table(OTHER).expect("the disk works again");
        engine.close().expect("it closes");
    }
}

#[test]
fn volatile_tables_are_flushed_though_the_log_cannot_be_closed() {
    let disk = SimulatedDisk::new();
    let config = Config {
        commitlog_sync: SyncMode::periodic(10_000),
        ..config()
    };
    let engine = open_with(disk.clone(), config).expect("it opens");
    make_tables(&engine, false);
    engine.create_keyspace("logged", true).expect("a new keyspace");
    let id = TableId(77);
    let table = TableMetadata::builder("logged", "d", id)
        .partition_key("pk", AbstractType::Utf8)
        .clustering("ck", AbstractType::Int32)
        .regular_column("v", AbstractType::Utf8)
        .build();
    engine
        .create_table(table.expect("a valid table"))
        .expect("a new table");
    engine
        .apply(insert(TABLE, "a", 0, 1, "volatile"))
        .expect("a write");
    let mut update = Partition::default();
    update.rows.insert(clustering(0), row(1, "x"));
    let logged = Mutation {
        keyspace: "logged".into(),
        ..mutation(id, key("a"), update)
    };
    engine.apply(logged).expect("a write");
    disk.fail_at(disk.operation_count(), io::ErrorKind::Other);
    engine.close().expect_err("the log was not synced");
    drop(engine);
    assert_eq!(values(&open(&disk), TABLE, "a"), ["volatile"]);
}

#[test]
fn keys_count_as_memory() {
    let engine = open(&SimulatedDisk::new());
    make_tables(&engine, true);
    for number in 0..10 {
        let key = format!("{number}{}", "k".repeat(60_000));
        engine.apply(insert(TABLE, &key, 0, 1, "v")).expect("a write");
    }
    assert!(engine.statistics().tables[&TABLE].memtable_bytes > 600_000);
}
