//! The engine as a whole, on a real disk: what is written is read, whatever happens in between.

use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;
use thymbra_durability::SyncMode;
use thymbra_format::marshal::AbstractType;
use thymbra_format::schema::{CompressionParams, TableMetadata, TableParams};
use thymbra_storage::read::{ClusteringSlice, RowFilter};
use thymbra_storage::{Background, Config, ManualClock, RealDisk, StorageEngine};
use thymbra_types::{
    Cell, CellName, Clustering, DecoratedKey, DeletionTime, LivenessInfo, LocalDeletionTime, Mutation,
    Partition, Partitioner, Row, TableId, Timestamp,
};

const TABLE: TableId = TableId(0x681f_35d0_e57b_11f1_935d_9b7b_8ca7_a154);
const OTHER: TableId = TableId(0x6a7f_1ed0_e57b_11f1_935d_9b7b_8ca7_a154);
const NOW_MS: u64 = 1_700_000_000_000;

/// `CREATE TABLE ks.t (pk text, ck int, v text, PRIMARY KEY (pk, ck))`.
fn table(compression: CompressionParams) -> TableMetadata {
    TableMetadata::builder("ks", "t", TABLE)
        .partition_key("pk", AbstractType::Utf8)
        .clustering("ck", AbstractType::Int32)
        .regular_column("v", AbstractType::Utf8)
        .params(TableParams {
            compression,
            ..TableParams::default()
        })
        .build()
        .expect("a valid table")
}

fn open(directory: &Path, background: Background) -> StorageEngine {
    let config = Config {
        background,
        commitlog_sync: SyncMode::Batch,
        commitlog_segment_size_bytes: 1 << 20,
        ..Config::under(directory)
    };
    let clock = Arc::new(ManualClock::at_ms(NOW_MS));
    StorageEngine::open(config, Arc::new(RealDisk), clock).expect("the engine opens")
}

fn key(number: i32) -> DecoratedKey {
    DecoratedKey::new(Partitioner::Murmur3, format!("key{number}").into_bytes())
}

fn clustering(number: i32) -> Clustering {
    Clustering(vec![AbstractType::Int32.to_comparable(&number.to_be_bytes())])
}

fn insert(partition: i32, row: i32, timestamp: i64, value: &str) -> Mutation {
    let mut cells = Row {
        liveness: LivenessInfo::live(Timestamp(timestamp)),
        ..Row::default()
    };
    cells.cells.insert(
        CellName::simple("v"),
        Cell::live(Timestamp(timestamp), value.as_bytes()),
    );
    let mut update = Partition::default();
    update.rows.insert(clustering(row), cells);
    Mutation {
        keyspace: "ks".into(),
        key: key(partition),
        updates: [(TABLE, update)].into(),
    }
}

fn values(engine: &StorageEngine, partition: i32, filter: &RowFilter) -> Vec<String> {
    let rows = engine
        .read(TABLE, &key(partition), filter)
        .expect("the partition is read");
    rows.rows
        .into_iter()
        .map(|(_, cells)| String::from_utf8(cells[&CellName::simple("v")].to_vec()).expect("text"))
        .collect()
}

fn written_is_read(compression: CompressionParams) {
    let directory = tempfile::tempdir().expect("a directory");
    let engine = open(directory.path(), Background::Manual);
    engine.create_keyspace("ks", true).expect("a new keyspace");
    engine.create_table(table(compression)).expect("a new table");
    let check = |engine: &StorageEngine| {
        for partition in 0..100 {
            let expected: Vec<String> = (-2..3).map(|row| format!("{partition}/{row}/2")).collect();
            assert_eq!(values(engine, partition, &RowFilter::ALL), expected);
        }
        assert!(values(engine, 100, &RowFilter::ALL).is_empty());
        let slice = ClusteringSlice::of_prefix(clustering(-1));
        let filter = RowFilter {
            slice,
            ..RowFilter::ALL
        };
        assert_eq!(values(engine, 7, &filter), ["7/-1/2"]);
        let last_two = RowFilter {
            is_reversed: true,
            limit_count: Some(2),
            ..RowFilter::ALL
        };
        assert_eq!(values(engine, 7, &last_two), ["7/2/2", "7/1/2"]);
        let scanned = engine
            .scan(
                TABLE,
                (Bound::Unbounded, Bound::Unbounded),
                &RowFilter::ALL,
                1_000,
            )
            .expect("the table is scanned");
        assert_eq!(scanned.len(), 100);
        assert!(scanned.is_sorted_by(|left, right| left.0 < right.0));
    };
    for timestamp in 1..=2 {
        for partition in 0..100 {
            for row in -2..3 {
                let value = format!("{partition}/{row}/{timestamp}");
                engine
                    .apply(insert(partition, row, timestamp, &value))
                    .expect("a write");
            }
        }
        if timestamp == 1 {
            engine.flush(TABLE).expect("a flush");
        }
    }
    check(&engine);
    engine.flush(TABLE).expect("a flush");
    check(&engine);
    engine.compact(TABLE).expect("a compaction");
    assert_eq!(engine.statistics().tables[&TABLE].sstables_count, 1);
    check(&engine);
    engine.apply(insert(100, 0, 1, "in the log")).expect("a write");
    drop(engine);
    let engine = open(directory.path(), Background::Threads);
    assert_eq!(values(&engine, 100, &RowFilter::ALL), ["in the log"]);
    assert_eq!(engine.statistics().replayed_count, 1);
    engine.truncate(TABLE).expect("a truncation");
    assert!(values(&engine, 7, &RowFilter::ALL).is_empty());
    engine.close().expect("the engine closes");
    let engine = open(directory.path(), Background::Manual);
    assert!(values(&engine, 7, &RowFilter::ALL).is_empty());
}

//= WP-MF-02 check
//= WP-MF-05 check
//= WP-CP-01 check
//= WP-SS-04 check
#[test]
fn what_is_written_is_read_from_memory_files_and_log_with_compression() {
    written_is_read(CompressionParams::default());
}

#[test]
fn what_is_written_is_read_from_memory_files_and_log_without_compression() {
    written_is_read(CompressionParams::None);
}

/// Tables `ks.t` and `ks.u` on a manual clock, with a small memory for memtables.
fn two_tables(directory: &Path) -> (StorageEngine, Arc<ManualClock>) {
    let config = Config {
        background: Background::Manual,
        memtable_heap_space_bytes: 60_000,
        memtable_offheap_space_bytes: 0,
        ..Config::under(directory)
    };
    let clock = Arc::new(ManualClock::at_ms(NOW_MS));
    let engine = StorageEngine::open(config, Arc::new(RealDisk), Arc::clone(&clock) as _).expect("it opens");
    engine.create_keyspace("ks", true).expect("a new keyspace");
    engine
        .create_table(table(CompressionParams::default()))
        .expect("a new table");
    let other = TableMetadata::builder("ks", "u", OTHER)
        .partition_key("pk", AbstractType::Utf8)
        .clustering("ck", AbstractType::Int32)
        .regular_column("v", AbstractType::Utf8)
        .build()
        .expect("a valid table");
    engine.create_table(other).expect("a new table");
    (engine, clock)
}

/// The same mutation for another table.
fn into_other(mutation: Mutation) -> Mutation {
    Mutation {
        updates: mutation
            .updates
            .into_values()
            .map(|update| (OTHER, update))
            .collect(),
        ..mutation
    }
}

//= WP-MF-03 check
#[test]
fn largest_memtable_is_flushed_when_memory_is_short_and_the_others_stay() {
    let directory = tempfile::tempdir().expect("a directory");
    let (engine, _) = two_tables(directory.path());
    let flushes = |engine: &StorageEngine| {
        let statistics = engine.statistics();
        (
            statistics.tables[&TABLE].flushes_count,
            statistics.tables[&OTHER].flushes_count,
        )
    };
    for number in 0..10 {
        engine
            .apply(into_other(insert(number, 0, 1, "small")))
            .expect("a write");
    }
    engine.tick().expect("nothing is due");
    assert_eq!(flushes(&engine), (0, 0));
    // 60,000 bytes and two flush writers: a flush is due from 20,000 bytes on.
    let large = "x".repeat(500);
    for number in 0..40 {
        engine.apply(insert(number, 0, 1, &large)).expect("a write");
    }
    engine.tick().expect("a flush is due");
    assert_eq!(flushes(&engine), (1, 0));
}

/// The deletion of a whole partition.
fn delete(partition: i32, timestamp: i64, seconds: i64) -> Mutation {
    let update = Partition {
        deletion: DeletionTime::new(Timestamp(timestamp), LocalDeletionTime(seconds)),
        ..Partition::default()
    };
    Mutation {
        keyspace: "ks".into(),
        key: key(partition),
        updates: [(TABLE, update)].into(),
    }
}

//= WP-SS-05 check
#[test]
fn sstables_behind_a_newer_deletion_of_the_partition_are_not_opened() {
    let directory = tempfile::tempdir().expect("a directory");
    let engine = open(directory.path(), Background::Manual);
    engine.create_keyspace("ks", true).expect("a new keyspace");
    engine
        .create_table(table(CompressionParams::None))
        .expect("a new table");
    engine.apply(insert(1, 1, 5, "old")).expect("a write");
    engine.flush(TABLE).expect("a flush");
    engine.apply(delete(1, 5, 1_700_000_000)).expect("a write");
    engine.flush(TABLE).expect("a flush");
    let skipped =
        |engine: &StorageEngine| engine.statistics().tables[&TABLE].sstables_skipped_by_timestamp_count;
    assert!(values(&engine, 1, &RowFilter::ALL).is_empty());
    assert_eq!(skipped(&engine), 0, "as old as the deletion");
    engine.apply(delete(1, 6, 1_700_000_000)).expect("a write");
    engine.flush(TABLE).expect("a flush");
    assert!(values(&engine, 1, &RowFilter::ALL).is_empty());
    assert_eq!(skipped(&engine), 2, "both are older than the deletion");
}

//= WP-CP-02 check
//= WP-CP-05 check
#[test]
fn tombstone_goes_once_gc_grace_is_over_and_no_segment_could_be_replayed() {
    let directory = tempfile::tempdir().expect("a directory");
    let (engine, clock) = two_tables(directory.path());
    engine
        .apply(delete(1, 5, i64::try_from(NOW_MS / 1_000).expect("a time")))
        .expect("a write");
    engine.flush(TABLE).expect("a flush");
    let sstables = |engine: &StorageEngine| engine.statistics().tables[&TABLE].sstables_count;
    engine.compact(TABLE).expect("a compaction");
    assert_eq!(sstables(&engine), 1, "within gc_grace");
    clock.advance_ms(864_001_000);
    engine.compact(TABLE).expect("a compaction");
    assert_eq!(sstables(&engine), 1, "the log still has the deletion");
    engine.close().expect("it closes");
    drop(engine);

    let config = Config {
        background: Background::Manual,
        ..Config::under(directory.path())
    };
    let engine = StorageEngine::open(config, Arc::new(RealDisk), clock).expect("it opens again");
    engine.compact(TABLE).expect("a compaction");
    assert_eq!(sstables(&engine), 0);
    assert_eq!(
        engine.statistics().tables[&TABLE].expired_sstables_dropped_count,
        1
    );
}
