//! Compactions that are slow, or in the way of others.

use crate::bench::{
    NOW_MS, Refusing, TABLE, config, insert, make_tables, open, open_with, values, within_seconds,
};
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use thymbra_storage::{
    Background, Config, Disk as _, DiskOperation, ManualClock, SimulatedDisk, StorageEngine, StorageError,
};

const DIRECTORY: &str = "/node/data/ks/t-681f35d0e57b11f1935d9b7b8ca7a154";

/// Files in the table's directory that contain a text in their names.
fn files(disk: &SimulatedDisk, part: &str) -> Vec<String> {
    let entries = disk.list(Path::new(DIRECTORY)).expect("the directory is there");
    let names = entries.into_iter().map(|entry| entry.name);
    names.filter(|name| name.contains(part)).collect()
}

/// An engine with two SSTables that are compacted for an hour.
fn slow(disk: &SimulatedDisk, background: Background) -> Arc<StorageEngine> {
    let config = Config {
        background,
        compaction_throughput_bytes_per_second: 20,
        ..config()
    };
    let clock = Arc::new(ManualClock::at_ms(NOW_MS));
    let engine = StorageEngine::open(config, Arc::new(disk.clone()), clock).expect("the engine opens");
    make_tables(&engine, true);
    for timestamp in 1..=4 {
        for number in 0..20 {
            let insert = insert(TABLE, &format!("{number}"), 0, timestamp, &"v".repeat(1_000));
            engine.apply(insert).expect("a write");
        }
        engine.flush(TABLE).expect("a flush");
    }
    Arc::new(engine)
}

/// Begins to compact, and waits until it sleeps.
fn begin_compaction(
    disk: &SimulatedDisk,
    engine: &Arc<StorageEngine>,
) -> JoinHandle<Result<(), StorageError>> {
    let compacting = Arc::clone(engine);
    let compactor = thread::spawn(move || compacting.compact(TABLE));
    wait_for_output(disk);
    compactor
}

fn wait_for_output(disk: &SimulatedDisk) {
    within_seconds(20, "the compaction has begun", || {
        !files(disk, "nb-5-").is_empty()
    });
    thread::sleep(Duration::from_millis(100));
}

/// Does something in a thread, which is left where it hangs.
fn soon<R: Send + 'static>(what: &str, work: impl FnOnce() -> R + Send + 'static) -> R {
    let worker = thread::spawn(work);
    within_seconds(20, what, || worker.is_finished());
    worker.join().expect("no panic")
}

fn assert_interrupted(compactor: JoinHandle<Result<(), StorageError>>) {
    let answer = soon("the compaction ends", || compactor.join().expect("no panic"));
    assert!(
        matches!(answer, Err(StorageError::CompactionInterrupted { table }) if table == TABLE),
        "{answer:?}"
    );
}

//= WP-CP-08 check
/// A truncation waited for as long as the limit of a compaction's speed said, perhaps hours.
#[test]
fn truncation_ends_a_compaction_early_and_the_next_one_runs() {
    let disk = SimulatedDisk::new();
    let engine = slow(&disk, Background::Manual);
    let compactor = begin_compaction(&disk, &engine);
    let truncating = Arc::clone(&engine);
    soon("the truncation ends", move || truncating.truncate(TABLE)).expect("a truncation");
    assert_interrupted(compactor);
    assert_eq!(files(&disk, ""), [""; 0], "nothing of the compaction stays");
    engine.apply(insert(TABLE, "a", 0, 9, "new")).expect("a write");
    engine.flush(TABLE).expect("a flush");
    engine.compact(TABLE).expect("a compaction");
    assert_eq!(values(&engine, TABLE, "a"), ["new"]);
}

//= WP-CP-08 check
/// A drop waited for it, and all changes of the schema for the drop.
#[test]
fn drop_of_a_table_ends_its_compaction_early() {
    let disk = SimulatedDisk::new();
    let engine = slow(&disk, Background::Manual);
    let compactor = begin_compaction(&disk, &engine);
    let dropping = Arc::clone(&engine);
    soon("the drop ends", move || dropping.drop_table(TABLE)).expect("a drop");
    assert_interrupted(compactor);
    assert!(!disk.exists(Path::new(DIRECTORY)).expect("the disk works"));
}

/// All of them waited for the drop.
#[test]
fn schema_changes_while_a_drop_waits_for_a_compaction() {
    let disk = Refusing::default();
    let engine = Arc::new(open_with(disk.clone(), config()).expect("the engine opens"));
    make_tables(&engine, true);
    engine.apply(insert(TABLE, "a", 0, 1, "v")).expect("a write");
    engine.flush(TABLE).expect("a flush");
    disk.hold(DiskOperation::CreateNew, "nb-2-");
    let (compacting, dropping, creating) = (Arc::clone(&engine), Arc::clone(&engine), Arc::clone(&engine));
    let compactor = thread::spawn(move || compacting.compact(TABLE));
    within_seconds(20, "the compaction has begun", || disk.held_count() > 0);
    let dropper = thread::spawn(move || dropping.drop_table(TABLE));
    thread::sleep(Duration::from_millis(100));
    let created = soon("a keyspace is made", move || {
        creating.create_keyspace("other", true)
    });
    created.expect("a new keyspace");
    assert!(!dropper.is_finished());
    disk.repair();
    assert_interrupted(compactor);
    dropper.join().expect("no panic").expect("a drop");
}

//= WP-CP-08 check
#[test]
fn close_ends_compactions_early_and_leaves_their_inputs() {
    for background in [Background::Manual, Background::Threads] {
        let disk = SimulatedDisk::new();
        let engine = slow(&disk, background);
        let compactor = match background {
            Background::Manual => Some(begin_compaction(&disk, &engine)),
            Background::Threads => {
                wait_for_output(&disk);
                None
            }
        };
        let closing = Arc::clone(&engine);
        soon("the engine closes", move || closing.close()).expect("it closes");
        if let Some(compactor) = compactor {
            let answer = compactor.join().expect("no panic");
            assert!(matches!(answer, Err(StorageError::Closed)), "{answer:?}");
        }
        assert_eq!(files(&disk, "nb-5-"), [""; 0]);
        assert_eq!(files(&disk, ".log"), [""; 0]);
        assert_eq!(files(&disk, "-Data.db").len(), 4);
        drop(engine);
        assert_eq!(values(&open(&disk), TABLE, "7"), ["v".repeat(1_000)]);
    }
}
