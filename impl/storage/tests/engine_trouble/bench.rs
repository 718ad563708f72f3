//! Two tables, what is done with them, and a disk that refuses what it is told to.

use std::io;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use thymbra_durability::SyncMode;
use thymbra_format::marshal::AbstractType;
use thymbra_format::schema::{CompressionParams, TableMetadata, TableMetadataBuilder, TableParams};
use thymbra_storage::disk::DiskResult;
use thymbra_storage::read::RowFilter;
use thymbra_storage::{
    Background, Config, DirectoryEntry, DirectoryLock, Disk, DiskError, DiskFile, DiskOperation, ManualClock,
    SimulatedDisk, StorageEngine, StorageError,
};
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
pub(crate) fn config() -> Config {
    Config {
        background: Background::Manual,
        commitlog_sync: SyncMode::Batch,
        commitlog_segment_size_bytes: 1 << 20,
        ..Config::under("/node")
    }
}

pub(crate) fn open_with(disk: impl Disk + 'static, config: Config) -> Result<StorageEngine, StorageError> {
    StorageEngine::open(config, Arc::new(disk), Arc::new(ManualClock::at_ms(NOW_MS)))
}

pub(crate) fn open(disk: &SimulatedDisk) -> StorageEngine {
    open_with(disk.clone(), config()).expect("the engine opens")
}

/// A disk that refuses operations, or holds them up, by their kind and path; of those that open a file, one that
/// would write to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Refusing {
    pub(crate) disk: SimulatedDisk,
    order: Arc<Mutex<Option<Order>>>,
    changed: Arc<Condvar>,
    held_count: Arc<AtomicU64>,
    refused_count: Arc<AtomicU64>,
}

/// What is done to an operation on paths that contain a text.
#[derive(Clone, Copy, Debug)]
struct Order {
    operation: DiskOperation,
    path_part: &'static str,
    answer: Answer,
}

#[derive(Clone, Copy, Debug)]
enum Answer {
    Refuse,
    Hold,
    Panic,
}

impl Refusing {
    /// From now on refuses an operation on paths that contain a text, and no other.
    pub(crate) fn refuse(&self, operation: DiskOperation, path_part: &'static str) {
        self.order(Some(Order {
            operation,
            path_part,
            answer: Answer::Refuse,
        }));
    }

    /// From now on holds an operation up, until the repair.
    pub(crate) fn hold(&self, operation: DiskOperation, path_part: &'static str) {
        self.order(Some(Order {
            operation,
            path_part,
            answer: Answer::Hold,
        }));
    }

    /// From now on panics in an operation, which no disk does but what calls one may.
    pub(crate) fn panic(&self, operation: DiskOperation, path_part: &'static str) {
        self.order(Some(Order {
            operation,
            path_part,
            answer: Answer::Panic,
        }));
    }

    /// Does everything again that it is asked for.
    pub(crate) fn repair(&self) {
        self.order(None);
    }

    /// Operations that have been held up so far.
    pub(crate) fn held_count(&self) -> u64 {
        self.held_count.load(Ordering::SeqCst)
    }

    /// Operations that have been refused so far.
    pub(crate) fn refused_count(&self) -> u64 {
        self.refused_count.load(Ordering::SeqCst)
    }

    fn order(&self, order: Option<Order>) {
        *self.order.lock().expect("no holder panics") = order;
        self.changed.notify_all();
    }

    fn check(&self, operation: DiskOperation, path: &Path) -> DiskResult<()> {
        let concerns = |order: &Option<Order>| {
            let path = path.to_string_lossy();
            order.filter(|order| order.operation == operation && path.contains(order.path_part))
        };
        let mut order = self.order.lock().expect("no holder panics");
        while let Some(found) = concerns(&order) {
            match found.answer {
                Answer::Refuse => {
                    self.refused_count.fetch_add(1, Ordering::SeqCst);
                    return Err(DiskError {
                        operation,
                        path: path.to_path_buf(),
                        source: io::Error::other("refused"),
                    });
                }
                Answer::Hold => {
                    self.held_count.fetch_add(1, Ordering::SeqCst);
                    order = self.changed.wait(order).expect("no holder panics");
                }
                Answer::Panic => {
                    self.refused_count.fetch_add(1, Ordering::SeqCst);
                    drop(order);
                    resume_unwind(Box::new("as the test wants it"));
                }
            }
        }
        Ok(())
    }
}

impl Disk for Refusing {
    fn create_new(&self, path: &Path) -> DiskResult<Box<dyn DiskFile>> {
        self.check(DiskOperation::CreateNew, path)?;
        self.disk.create_new(path)
    }

    fn open(&self, path: &Path) -> DiskResult<Box<dyn DiskFile>> {
        self.check(DiskOperation::Open, path)?;
        self.disk.open(path)
    }

    fn open_read_only(&self, path: &Path) -> DiskResult<Box<dyn DiskFile>> {
        self.disk.open_read_only(path)
    }

    fn read(&self, path: &Path) -> DiskResult<Vec<u8>> {
        self.disk.read(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> DiskResult<()> {
        self.check(DiskOperation::Rename, to)?;
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> DiskResult<()> {
        self.check(DiskOperation::Remove, path)?;
        self.disk.remove(path)
    }

    fn create_directory_all(&self, path: &Path) -> DiskResult<()> {
        self.disk.create_directory_all(path)
    }

    fn list(&self, directory: &Path) -> DiskResult<Vec<DirectoryEntry>> {
        self.disk.list(directory)
    }

    fn sync_directory(&self, directory: &Path) -> DiskResult<()> {
        self.disk.sync_directory(directory)
    }

    fn exists(&self, path: &Path) -> DiskResult<bool> {
        self.disk.exists(path)
    }

    fn try_lock(&self, directory: &Path) -> DiskResult<Option<Box<dyn DirectoryLock>>> {
        self.disk.try_lock(directory)
    }
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

/// Waits for something, and fails if it does not come.
pub(crate) fn within_seconds(seconds: u64, what: &str, is_done: impl Fn() -> bool) {
    let begin = Instant::now();
    while !is_done() {
        assert!(begin.elapsed() < Duration::from_secs(seconds), "{what}");
        thread::sleep(Duration::from_millis(10));
    }
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
