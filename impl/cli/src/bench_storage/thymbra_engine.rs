//! This project's engine in `bench storage`: a table of one key and one value, both blobs.
//!
//! Making the mutation belongs to the write, as the peers' own copies of key and value do.

use core::ops::Bound;
use std::path::Path;
use std::sync::Arc;

use thymbra_durability::SyncMode;
use thymbra_format::marshal::AbstractType;
use thymbra_format::schema::TableMetadata;
use thymbra_storage::read::RowFilter;
use thymbra_storage::{Config, CountingDisk, RealDisk, StorageEngine, SystemClock};
use thymbra_types::{
    Cell, CellName, Clustering, DecoratedKey, LivenessInfo, Mutation, Partition, Partitioner, Row, TableId,
    Timestamp,
};

use super::contestant::{Contestant, Durability, EngineError};

/// The table.
const TABLE: TableId = TableId(1);
/// Its keyspace.
const KEYSPACE: &str = "bench";
/// Its column.
const COLUMN: &str = "v";
/// Sync period of periodic mode, ms: Cassandra's default.
const SYNC_PERIOD_MS: u64 = 10_000;
/// Partitions that a scan holds in memory at once.
const PAGE_COUNT: usize = 10_000;

/// The engine with its own threads, as it ships but for three settings: compaction begins only when asked for, nothing
/// slows it down, and large files are synced on their way.
#[derive(Debug)]
pub(super) struct ThymbraEngine {
    engine: StorageEngine,
    disk: Arc<CountingDisk<RealDisk>>,
    column: CellName,
}

impl ThymbraEngine {
    /// Opens or creates one in a directory.
    pub(super) fn open(directory: &Path, durability: Durability) -> Result<Box<dyn Contestant>, EngineError> {
        let config = Config {
            commitlog_sync: match durability {
                Durability::Periodic => SyncMode::periodic(SYNC_PERIOD_MS),
                Durability::Batch => SyncMode::Batch,
            },
            is_autocompaction_enabled: false,
            compaction_throughput_bytes_per_second: 0,
            trickle_fsync: true,
            ..Config::under(directory)
        };
        let disk = Arc::new(CountingDisk::new(RealDisk));
        let engine = StorageEngine::open(config, Arc::clone(&disk) as _, Arc::new(SystemClock::new()))?;
        if engine.table_named(KEYSPACE, "t").is_none() {
            engine.create_keyspace(KEYSPACE, true)?;
            let table = TableMetadata::builder(KEYSPACE, "t", TABLE)
                .partition_key("k", AbstractType::Bytes)
                .regular_column(COLUMN, AbstractType::Bytes)
                .build()?;
            engine.create_table(table)?;
        }
        Ok(Box::new(Self {
            engine,
            disk,
            column: CellName::simple(COLUMN),
        }))
    }
}

fn decorated(key: &[u8]) -> DecoratedKey {
    DecoratedKey::new(Partitioner::Murmur3, key)
}

impl Contestant for ThymbraEngine {
    fn write(&self, key: &[u8], value: &[u8], timestamp: i64) -> Result<(), EngineError> {
        let timestamp = Timestamp(timestamp);
        let mut row = Row {
            liveness: LivenessInfo::live(timestamp),
            ..Row::default()
        };
        row.cells
            .insert(self.column.clone(), Cell::live(timestamp, value));
        let mut update = Partition::default();
        update.rows.insert(Clustering::default(), row);
        self.engine.apply(Mutation {
            keyspace: KEYSPACE.into(),
            key: decorated(key),
            updates: [(TABLE, update)].into(),
        })?;
        Ok(())
    }

    fn read(&self, key: &[u8]) -> Result<bool, EngineError> {
        let rows = self.engine.read(TABLE, &decorated(key), &RowFilter::ALL)?;
        Ok(!rows.is_empty())
    }

    fn scan(&self) -> Result<u64, EngineError> {
        let mut found_count = 0;
        let mut start = Bound::Unbounded;
        loop {
            let range = (start, Bound::Unbounded);
            let page = self.engine.scan(TABLE, range, &RowFilter::ALL, PAGE_COUNT)?;
            found_count += page.len() as u64;
            let is_last = page.len() < PAGE_COUNT;
            match (page.into_iter().next_back(), is_last) {
                (Some((key, _)), false) => start = Bound::Excluded(key),
                (Some(_) | None, true) | (None, false) => return Ok(found_count),
            }
        }
    }

    fn flush(&self) -> Result<(), EngineError> {
        Ok(self.engine.flush(TABLE)?)
    }

    fn compact(&self) -> Result<(), EngineError> {
        Ok(self.engine.compact(TABLE)?)
    }

    fn written_bytes(&self) -> Option<u64> {
        Some(self.disk.counts().written_bytes())
    }

    fn close(self: Box<Self>) -> Result<(), EngineError> {
        Ok(self.engine.close()?)
    }
}
