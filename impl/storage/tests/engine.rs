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
    Cell, CellName, Clustering, DecoratedKey, LivenessInfo, Mutation, Partition, Partitioner, Row, TableId,
    Timestamp,
};

const TABLE: TableId = TableId(0x681f_35d0_e57b_11f1_935d_9b7b_8ca7_a154);
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

#[test]
fn what_is_written_is_read_from_memory_files_and_log_with_compression() {
    written_is_read(CompressionParams::default());
}

#[test]
fn what_is_written_is_read_from_memory_files_and_log_without_compression() {
    written_is_read(CompressionParams::None);
}
