//! One table: its memtables and its SSTables.
//!
//! Source: Cassandra `db.ColumnFamilyStore`.

use crate::disk::Disk;
use crate::engine::TableStatistics;
use crate::memtable::Memtable;
use crate::read::ClusteringSlice;
use crate::sstable::SSTableReader;
use crate::storage_error::StorageError;
use crate::view::View;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use thymbra_durability::SkipRules as _;
use thymbra_format::schema::TableMetadata;
use thymbra_types::{CommitLogPosition, DecoratedKey, Partition, Reference};

/// A table that is open.
#[derive(Debug)]
pub(crate) struct ColumnFamilyStore {
    metadata: RwLock<Arc<TableMetadata>>,
    directory: PathBuf,
    view: RwLock<Arc<View>>,
    last_generation: AtomicU64,
    pub(crate) counters: Mutex<TableStatistics>,
}

impl ColumnFamilyStore {
    /// A table with the SSTables that lie in its directory.
    pub(crate) fn new(
        metadata: TableMetadata,
        directory: PathBuf,
        sstables: Vec<Arc<SSTableReader>>,
        last_generation: u64,
        lower_bound: CommitLogPosition,
        now_ms: u64,
    ) -> Self {
        Self {
            metadata: RwLock::new(Arc::new(metadata)),
            directory,
            view: RwLock::new(Arc::new(View::new(Memtable::new(lower_bound, now_ms), sstables))),
            last_generation: AtomicU64::new(last_generation),
            counters: Mutex::default(),
        }
    }

    /// The table's definition at this moment.
    pub(crate) fn metadata(&self) -> Arc<TableMetadata> {
        Arc::clone(&self.metadata.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the table's definition.
    pub(crate) fn set_metadata(&self, metadata: TableMetadata) {
        *self.metadata.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(metadata);
    }

    /// Where the table's files lie.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Memtables and SSTables at this moment.
    pub(crate) fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes a new view of the present one.
    pub(crate) fn change_view<R>(&self, change: impl FnOnce(&mut View) -> R) -> R {
        let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut view))
    }

    /// A generation that no SSTable of this table has had.
    pub(crate) fn next_generation(&self) -> u64 {
        self.last_generation.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Counts something.
    pub(crate) fn count(&self, change: impl FnOnce(&mut TableStatistics)) {
        change(&mut self.counters.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Puts an update into the memtable that takes updates. The caller holds the write order.
    pub(crate) fn apply(&self, key: DecoratedKey, update: Partition) {
        let view = self.view.read().unwrap_or_else(PoisonError::into_inner);
        view.current.put(key, update);
    }

    /// All that is known of a partition's slice, tombstones included, from memtables and SSTables.
    pub(crate) fn read_partition(
        &self,
        key: &DecoratedKey,
        slice: &ClusteringSlice,
    ) -> Result<Partition, StorageError> {
        let view = self.view();
        let mut merged = Partition::default();
        for found in view
            .memtables()
            .filter_map(|memtable| memtable.get(key, slice))
        {
            merged.apply(found, &Reference);
        }
        let mut skipped = ReadCounts::default();
        for sstable in &view.sstables {
            // Newest data first: what follows is older still.
            if Reference.is_deleted_whole(sstable.max_timestamp(), merged.deletion) {
                skipped.by_timestamp += 1;
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
        self.count(|counters| {
            counters.reads_count += 1;
            counters.sstables_read_count += skipped.read;
            counters.sstables_skipped_by_timestamp_count += skipped.by_timestamp;
            counters.sstables_skipped_by_clustering_count += skipped.by_clustering;
            counters.sstables_skipped_by_filter_count += skipped.by_filter;
        });
        drop_removed_columns(&mut merged, &self.metadata());
        Ok(merged)
    }

    /// Removes every file of the table.
    pub(crate) fn remove_files(&self, disk: &dyn Disk) -> Result<(), StorageError> {
        for entry in disk.list(&self.directory)? {
            disk.remove(&self.directory.join(entry.name))?;
        }
        disk.remove(&self.directory)?;
        Ok(())
    }
}

/// How one read went over the SSTables.
#[derive(Clone, Copy, Debug, Default)]
struct ReadCounts {
    read: u64,
    by_timestamp: u64,
    by_clustering: u64,
    by_filter: u64,
}

/// Takes out cells of columns that were dropped after they were written.
///
/// Cassandra: `TableMetadata.droppedColumns`, `db.rows.DeserializationHelper.isDropped`.
pub(crate) fn drop_removed_columns(partition: &mut Partition, metadata: &TableMetadata) {
    if metadata.dropped_columns.is_empty() {
        return;
    }
    let rows = partition.rows.values_mut().chain([&mut partition.static_row]);
    for row in rows {
        for dropped in &metadata.dropped_columns {
            row.cells
                .retain(|name, cell| name.column != dropped.name || cell.timestamp > dropped.dropped_at);
            row.complex_deletions.retain(|column, deletion| {
                *column != dropped.name || deletion.marked_for_delete_at > dropped.dropped_at
            });
        }
    }
    partition.rows.retain(|_, row| !row.is_empty());
}
