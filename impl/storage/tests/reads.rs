//! What reads, scans and compactions leave out, and how much they look at.

use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;
use thymbra_durability::SyncMode;
use thymbra_format::marshal::AbstractType;
use thymbra_format::schema::{CompressionParams, TableMetadata, TableParams};
use thymbra_storage::read::RowFilter;
use thymbra_storage::{Background, Config, ManualClock, RealDisk, StorageEngine, TableStatistics};
use thymbra_types::{
    Cell, CellName, Clustering, DecoratedKey, LivenessInfo, Mutation, Partition, Partitioner, Row, TableId,
    Timestamp,
};

const TABLE: TableId = TableId(0x681f_35d0_e57b_11f1_935d_9b7b_8ca7_a154);
const NOW_MS: u64 = 1_700_000_000_000;

/// `CREATE TABLE ks.t (pk text, ck int, s text static, v text, PRIMARY KEY (pk, ck))`, perhaps without `s`.
fn table(has_static: bool) -> TableMetadata {
    let mut table = TableMetadata::builder("ks", "t", TABLE)
        .partition_key("pk", AbstractType::Utf8)
        .clustering("ck", AbstractType::Int32)
        .regular_column("v", AbstractType::Utf8)
        .params(TableParams {
            compression: CompressionParams::None,
            ..TableParams::default()
        });
    if has_static {
        table = table.static_column("s", AbstractType::Utf8);
    }
    table.build().expect("a valid table")
}

fn engine_with(directory: &Path, table: TableMetadata) -> StorageEngine {
    let config = Config {
        background: Background::Manual,
        commitlog_sync: SyncMode::Batch,
        ..Config::under(directory)
    };
    let clock = Arc::new(ManualClock::at_ms(NOW_MS));
    let engine = StorageEngine::open(config, Arc::new(RealDisk), clock).expect("the engine opens");
    engine.create_keyspace("ks", true).expect("a new keyspace");
    engine.create_table(table).expect("a new table");
    engine
}

fn key(name: &str) -> DecoratedKey {
    DecoratedKey::new(Partitioner::Murmur3, name.as_bytes())
}

fn clustering(number: i32) -> Clustering {
    Clustering(vec![AbstractType::Int32.to_comparable(&number.to_be_bytes())])
}

fn mutation(name: &str, update: Partition) -> Mutation {
    Mutation {
        keyspace: "ks".into(),
        key: key(name),
        updates: [(TABLE, update)].into(),
    }
}

fn insert(name: &str, row: i32, timestamp: i64, value: &str) -> Mutation {
    let mut cells = Row {
        liveness: LivenessInfo::live(Timestamp(timestamp)),
        ..Row::default()
    };
    let cell = Cell::live(Timestamp(timestamp), value.as_bytes());
    cells.cells.insert(CellName::simple("v"), cell);
    let mut update = Partition::default();
    update.rows.insert(clustering(row), cells);
    mutation(name, update)
}

/// Applies updates, and puts them into an SSTable.
#[expect(dead_code)]
fn flush(engine: &StorageEngine, updates: impl IntoIterator<Item = Mutation>) {
    for update in updates {
        engine.apply(update).expect("a write");
    }
    engine.flush(TABLE).expect("a flush");
}

#[expect(dead_code)]
fn statistics(engine: &StorageEngine) -> TableStatistics {
    engine.statistics().tables[&TABLE]
}

#[test]
fn scan_of_a_range_that_ends_before_it_starts_finds_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let engine = engine_with(directory.path(), table(false));
    let mut keys = [key("a"), key("b")];
    keys.sort();
    let [first, last] = keys;
    let ranges = [
        (Bound::Included(last.clone()), Bound::Included(first.clone())),
        (Bound::Included(last.clone()), Bound::Excluded(first.clone())),
        (Bound::Excluded(last.clone()), Bound::Included(first.clone())),
        (Bound::Excluded(last.clone()), Bound::Excluded(first.clone())),
        (Bound::Excluded(first.clone()), Bound::Excluded(first.clone())),
        (Bound::Included(first.clone()), Bound::Excluded(first.clone())),
        (Bound::Excluded(first.clone()), Bound::Included(first.clone())),
    ];
    let check = |engine: &StorageEngine| {
        for range in &ranges {
            let found = engine.scan(TABLE, range.clone(), &RowFilter::ALL, 10);
            assert_eq!(found.expect("a scan"), [], "{range:?}");
        }
        let point = (Bound::Included(first.clone()), Bound::Included(first.clone()));
        let found = engine.scan(TABLE, point, &RowFilter::ALL, 10).expect("a scan");
        assert_eq!(found.len(), 1);
    };
    for name in ["a", "b"] {
        engine.apply(insert(name, 0, 1, "v")).expect("a write");
    }
    check(&engine);
    engine.flush(TABLE).expect("a flush");
    check(&engine);
}
