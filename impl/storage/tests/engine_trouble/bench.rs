//! Two tables and what is done with them.

use std::path::Path;
use std::sync::Arc;
use thymbra_durability::SyncMode;
use thymbra_format::marshal::AbstractType;
use thymbra_format::schema::{CompressionParams, TableMetadata, TableMetadataBuilder, TableParams};
use thymbra_storage::read::RowFilter;
use thymbra_storage::{Background, Config, Disk, ManualClock, RealDisk, StorageEngine, StorageError};
use thymbra_types::{
    Cell, CellName, Clustering, DecoratedKey, LivenessInfo, Mutation, Partition, Partitioner, Row, TableId,
    Timestamp,
};

pub(crate) const TABLE: TableId = TableId(0x681f_35d0_e57b_11f1_935d_9b7b_8ca7_a154);
pub(crate) const OTHER: TableId = TableId(0x6a7f_1ed0_e57b_11f1_935d_9b7b_8ca7_a154);
pub(crate) const NOW_MS: u64 = 1_700_000_000_000;

/// `CREATE TABLE ks.name (pk text, ck int, v text, PRIMARY KEY (pk, ck))`, without compression.
pub(crate) fn definition(name: &str, id: TableId) -> TableMetadataBuilder {
    TableMetadata::builder("ks", name, id)
        .partition_key("pk", AbstractType::Utf8)
        .clustering("ck", AbstractType::Int32)
        .regular_column("v", AbstractType::Utf8)
        .params(TableParams {
            compression: CompressionParams::None,
            ..TableParams::default()
        })
}

pub(crate) fn table(name: &str, id: TableId) -> TableMetadata {
    definition(name, id).build().expect("a valid table")
}

/// Nothing happens by itself, and what is acknowledged has been synced.
pub(crate) fn config(directory: &Path) -> Config {
    Config {
        background: Background::Manual,
        commitlog_sync: SyncMode::Batch,
        commitlog_segment_size_bytes: 1 << 20,
        ..Config::under(directory)
    }
}

pub(crate) fn open_on(disk: Arc<dyn Disk>, config: Config) -> Result<StorageEngine, StorageError> {
    StorageEngine::open(config, disk, Arc::new(ManualClock::at_ms(NOW_MS)))
}

pub(crate) fn open(config: Config) -> StorageEngine {
    open_on(Arc::new(RealDisk), config).expect("the engine opens")
}

/// Keyspace `ks` with the tables `t` and `u`.
pub(crate) fn make_tables(engine: &StorageEngine, durable_writes: bool) {
    engine
        .create_keyspace("ks", durable_writes)
        .expect("a new keyspace");
    for (name, id) in [("t", TABLE), ("u", OTHER)] {
        engine.create_table(table(name, id)).expect("a new table");
    }
}

pub(crate) fn key(name: &str) -> DecoratedKey {
    DecoratedKey::new(Partitioner::Murmur3, name.as_bytes())
}

pub(crate) fn clustering(number: i32) -> Clustering {
    Clustering(vec![AbstractType::Int32.to_comparable(&number.to_be_bytes())])
}

/// A mutation of one table.
pub(crate) fn mutation(table: TableId, key: DecoratedKey, update: Partition) -> Mutation {
    Mutation {
        keyspace: "ks".into(),
        key,
        updates: [(table, update)].into(),
    }
}

/// A row that exists, with a value at a timestamp.
pub(crate) fn row(timestamp: i64, value: &str) -> Row {
    let mut row = Row {
        liveness: LivenessInfo::live(Timestamp(timestamp)),
        ..Row::default()
    };
    row.cells.insert(
        CellName::simple("v"),
        Cell::live(Timestamp(timestamp), value.as_bytes()),
    );
    row
}

pub(crate) fn insert(table: TableId, name: &str, number: i32, timestamp: i64, value: &str) -> Mutation {
    let mut update = Partition::default();
    update.rows.insert(clustering(number), row(timestamp, value));
    mutation(table, key(name), update)
}

/// The values of a partition's rows.
pub(crate) fn values(engine: &StorageEngine, table: TableId, name: &str) -> Vec<String> {
    let found = engine.read(table, &key(name), &RowFilter::ALL);
    let rows = found.expect("the partition is read").rows;
    let value = |cells: &std::collections::BTreeMap<CellName, Box<[u8]>>| {
        let value = cells.get(&CellName::simple("v")).cloned().unwrap_or_default();
        String::from_utf8(value.into()).expect("text")
    };
    rows.iter().map(|(_, cells)| value(cells)).collect()
}
