//! One table: its memtables and its SSTables.
//!
//! Source: Cassandra `db.ColumnFamilyStore`.

use crate::compaction::CompactionTurn;
use crate::disk::DiskResult;
use crate::engine::{Signals, TableStatistics};
use crate::lifecycle_transaction::LifecycleTransaction;
use crate::memtable::{Memtable, PackedUpdate};
use crate::read::ClusteringSlice;
use crate::retry::Retry;
use crate::sstable::SSTableReader;
use crate::storage_error::StorageError;
use crate::sync::{lock, read, write};
use crate::table_schema::{SimpleColumns, TableSchema};
use crate::view::View;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, RwLock, TryLockError};
use thymbra_durability::SkipRules as _;
use thymbra_format::schema::TableMetadata;
use thymbra_types::{Clustering, CommitLogPosition, DecoratedKey, Partition, Reference, TableId, Timestamp};

/// A table that is open.
#[derive(Debug)]
pub(crate) struct ColumnFamilyStore {
    id: TableId,
    keyspace: Box<str>,
    schema: RwLock<Arc<TableSchema>>,
    directory: PathBuf,
    view: RwLock<Arc<View>>,
    last_generation: AtomicU64,
    counters: Mutex<TableStatistics>,
    /// Whoever compacts the table holds it, and whoever wants no compaction of it.
    compaction_turn: Mutex<CompactionTurn>,
    /// How many want no compaction of the table.
    compaction_stops_count: AtomicU64,
    /// When memtables whose flush has failed are tried again.
    flush_retry: Mutex<Retry>,
    /// Whether it is unknown what the table's SSTables are.
    is_stopped: AtomicBool,
    /// Whether the memory of its memtables has been taken for free, because nobody will write them.
    is_memory_forgotten: AtomicBool,
    /// Whether the table is being dropped: it takes no calls then.
    is_dropping: AtomicBool,
}

impl ColumnFamilyStore {
    /// A table with the SSTables that lie in its directory.
    pub(crate) fn new(
        schema: TableSchema,
        directory: PathBuf,
        sstables: Vec<Arc<SSTableReader>>,
        last_generation: u64,
        lower_bound: CommitLogPosition,
        now_ms: u64,
    ) -> Self {
        let memtable = Memtable::new(Arc::clone(&schema.layout), lower_bound, now_ms);
        Self {
            id: schema.metadata.id(),
            keyspace: schema.metadata.keyspace().into(),
            schema: RwLock::new(Arc::new(schema)),
            directory,
            view: RwLock::new(Arc::new(View::new(memtable, sstables))),
            last_generation: AtomicU64::new(last_generation),
            counters: Mutex::default(),
            compaction_turn: Mutex::default(),
            compaction_stops_count: AtomicU64::new(0),
            flush_retry: Mutex::default(),
            is_stopped: AtomicBool::new(false),
            is_memory_forgotten: AtomicBool::new(false),
            is_dropping: AtomicBool::new(false),
        }
    }

    /// The table's definition at this moment.
    pub(crate) fn schema(&self) -> Arc<TableSchema> {
        Arc::clone(&read(&self.schema))
    }

    /// Replaces the table's definition.
    pub(crate) fn set_schema(&self, schema: TableSchema) {
        *write(&self.schema) = Arc::new(schema);
    }

    /// The table's definition as its users gave it.
    pub(crate) fn metadata(&self) -> Arc<TableMetadata> {
        Arc::clone(&self.schema().metadata)
    }

    /// Makes an exchange of the table's SSTables happen; where it may have happened or not, the table
    /// is stopped, because readers, compactions and truncations would work on the wrong files.
    ///
    /// # Errors
    /// When the disk fails.
    pub(crate) fn commit(&self, transaction: &mut LifecycleTransaction) -> DiskResult<()> {
        let committed = transaction.commit();
        if committed.is_err() && !transaction.is_undoable() {
            self.is_stopped.store(true, Ordering::SeqCst);
        }
        committed
    }

    /// Takes note that the memory of the memtables counts as free; false if that has been done.
    pub(crate) fn forgets_memory(&self) -> bool {
        !self.is_memory_forgotten.swap(true, Ordering::SeqCst)
    }

    /// Whether it is unknown what the table's SSTables are.
    pub(crate) fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
    }

    /// Whether the table is being dropped.
    pub(crate) fn is_dropping(&self) -> bool {
        self.is_dropping.load(Ordering::SeqCst)
    }

    /// Begins to drop the table, or takes that back.
    pub(crate) fn set_dropping(&self, is_dropping: bool) {
        self.is_dropping.store(is_dropping, Ordering::SeqCst);
    }

    /// Refuses to work on a table that is stopped, or is being dropped.
    ///
    /// # Errors
    /// When it is.
    pub(crate) fn check_running(&self) -> Result<(), StorageError> {
        if self.is_dropping.load(Ordering::Relaxed) {
            return Err(StorageError::UnknownTable { table: self.id });
        }
        if self.is_stopped() {
            return Err(StorageError::Stopped { table: self.id });
        }
        Ok(())
    }

    /// When memtables whose flush has failed are tried again.
    pub(crate) fn flush_retry(&self) -> MutexGuard<'_, Retry> {
        lock(&self.flush_retry)
    }

    /// Waits for the end of a compaction of the table, and keeps others from beginning.
    pub(crate) fn compaction_turn(&self) -> MutexGuard<'_, CompactionTurn> {
        lock(&self.compaction_turn)
    }

    /// Ends a compaction of the table that is under way early, and keeps others from beginning.
    ///
    /// Cassandra: `ColumnFamilyStore.runWithCompactionsDisabled`.
    //= WP-CP-08
    pub(crate) fn stop_compactions(&self, signals: &Signals) -> StoppedCompactions<'_> {
        self.compaction_stops_count.fetch_add(1, Ordering::SeqCst);
        signals.notify();
        StoppedCompactions {
            stops_count: &self.compaction_stops_count,
            _turn: self.compaction_turn(),
        }
    }

    /// Refuses to compact a table that does not run, or that somebody wants no compaction of.
    ///
    /// # Errors
    /// When that is so.
    pub(crate) fn check_compactions(&self) -> Result<(), StorageError> {
        self.check_running()?;
        if self.compaction_stops_count.load(Ordering::SeqCst) > 0 {
            return Err(StorageError::CompactionInterrupted { table: self.id });
        }
        Ok(())
    }

    /// The same as [`Self::compaction_turn`] without waiting; `None` while a compaction is under way.
    pub(crate) fn try_compaction_turn(&self) -> Option<MutexGuard<'_, CompactionTurn>> {
        match self.compaction_turn.try_lock() {
            Ok(turn) => Some(turn),
            Err(TryLockError::Poisoned(turn)) => Some(turn.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    pub(crate) const fn id(&self) -> TableId {
        self.id
    }

    /// Name of the table's keyspace.
    pub(crate) fn keyspace(&self) -> &str {
        &self.keyspace
    }

    /// Where the table's files lie.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Memtables and SSTables at this moment.
    pub(crate) fn view(&self) -> Arc<View> {
        Arc::clone(&read(&self.view))
    }

    /// Makes a new view of the present one.
    pub(crate) fn change_view<R>(&self, change: impl FnOnce(&mut View) -> R) -> R {
        let mut view = write(&self.view);
        change(Arc::make_mut(&mut view))
    }

    /// A generation that no SSTable of this table has had.
    pub(crate) fn next_generation(&self) -> u64 {
        self.last_generation.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Counts something.
    pub(crate) fn count(&self, change: impl FnOnce(&mut TableStatistics)) {
        change(&mut lock(&self.counters));
    }

    /// Puts an update into the memtable that takes updates. The caller holds the write order.
    ///
    /// Gives the bytes by which the memtable has grown.
    pub(crate) fn apply(
        &self,
        key: DecoratedKey,
        update: Partition,
        packed: Option<PackedUpdate<'_>>,
    ) -> u64 {
        read(&self.view).current.put(key, update, packed)
    }

    /// What is known of a partition's slice, tombstones included, from memtables and SSTables; of a single
    /// row no more than decides what can be seen of it.
    //= WP-SS-05
    pub(crate) fn read_partition(
        &self,
        key: &DecoratedKey,
        slice: &ClusteringSlice,
    ) -> Result<Partition, StorageError> {
        let schema = self.schema();
        let named = schema
            .simple_columns
            .as_ref()
            .zip(slice.named_row(schema.metadata.clustering().len()));
        let view = self.view();
        let mut merged = Partition::default();
        for found in view.memtables().filter_map(|memtable| memtable.get(key, slice)) {
            merged.apply(found, &Reference);
        }
        let mut skipped = ReadCounts::default();
        for sstable in &view.sstables {
            // Newest data first: what follows is older still.
            let max_timestamp = sstable.max_timestamp();
            if Reference.is_deleted_whole(max_timestamp, merged.deletion) {
                skipped.by_timestamp += 1;
                continue;
            }
            if named.is_some_and(|(columns, row)| is_complete(&merged, row, columns, max_timestamp)) {
                skipped.by_newer_row += 1;
                continue;
            }
            if !sstable.may_have_rows_of(slice) {
                skipped.by_clustering += 1;
                continue;
            }
            match sstable.read(key, slice)? {
                Some(found) => {
                    merged.apply(found, &Reference);
                    skipped.read += 1;
                }
                None => skipped.by_filter += 1,
            }
        }
        self.count_read(skipped);
        schema.remove_dropped(&mut merged);
        Ok(merged)
    }

    /// Counts a read.
    pub(crate) fn count_read(&self, read: ReadCounts) {
        self.count(|counters| {
            counters.reads_count += 1;
            counters.sstables_read_count += read.read;
            counters.sstables_skipped_by_timestamp_count += read.by_timestamp;
            counters.sstables_skipped_by_newer_row_count += read.by_newer_row;
            counters.sstables_skipped_by_clustering_count += read.by_clustering;
            counters.sstables_skipped_by_filter_count += read.by_filter;
        });
    }

    /// What has been counted, and what there is.
    pub(crate) fn statistics(&self) -> TableStatistics {
        let view = self.view();
        let counted = *lock(&self.counters);
        let waiting_writes_count: u64 = view.memtables().map(|memtable| memtable.operations_count()).sum();
        TableStatistics {
            sstables_count: view.sstables.len(),
            live_bytes: view.sstables.iter().map(|sstable| sstable.size_bytes()).sum(),
            memtable_bytes: view.memtables().map(|memtable| memtable.size_bytes()).sum(),
            writes_count: counted.writes_count + waiting_writes_count,
            ..counted
        }
    }
}

/// Nobody compacts the table until this is dropped.
#[derive(Debug)]
pub(crate) struct StoppedCompactions<'t> {
    stops_count: &'t AtomicU64,
    _turn: MutexGuard<'t, CompactionTurn>,
}

impl Drop for StoppedCompactions<'_> {
    fn drop(&mut self) {
        self.stops_count.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Whether no older SSTable can change what is seen of a row and of the static row.
fn is_complete(
    merged: &Partition,
    row: &Clustering,
    columns: &SimpleColumns,
    max_timestamp: Timestamp,
) -> bool {
    Reference.is_static_row_complete(merged, &columns.static_columns, max_timestamp)
        && Reference.is_row_complete(merged, row, &columns.regular_columns, max_timestamp)
}

/// How one read went over the SSTables.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ReadCounts {
    /// SSTables that were read.
    pub(crate) read: u64,
    /// Those left out because the partition was deleted later.
    pub(crate) by_timestamp: u64,
    /// Those behind a whole newer row.
    pub(crate) by_newer_row: u64,
    /// Those without any of the wanted rows.
    pub(crate) by_clustering: u64,
    /// Those without the key.
    pub(crate) by_filter: u64,
}
