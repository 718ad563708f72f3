//! Reads that want only so many rows: the sources are read as far as those reach.
//!
//! Source: Cassandra `db.SinglePartitionReadCommand.queryMemtableAndDisk`, `db.filter.DataLimits`.

use super::{PartitionRows, RowFilter, RowsCollector};
use crate::column_family_store::{ColumnFamilyStore, ReadCounts};
use crate::sstable::SSTableStretches;
use crate::storage_error::StorageError;
use crate::stretch::{Stretch, StretchMerge};
use thymbra_durability::SkipRules as _;
use thymbra_types::{DecoratedKey, DeletionTime, Partition, ReconcileRules as _, Reference};

/// What a reader sees of a partition.
///
/// Memtables are looked at whole, because they lie in memory.
///
/// # Errors
/// When the disk fails, or a file is corrupt.
//= WP-SS-06
pub(crate) fn read_rows(
    table: &ColumnFamilyStore,
    key: &DecoratedKey,
    filter: &RowFilter,
    now_seconds: i64,
) -> Result<PartitionRows, StorageError> {
    let schema = table.schema();
    let view = table.view();
    let slice = &filter.slice;
    let mut in_memory = Partition::default();
    for found in view.memtables().filter_map(|memtable| memtable.get(key, slice)) {
        in_memory.apply(found, &Reference);
    }
    let mut deletion = in_memory.deletion;
    let mut counts = ReadCounts::default();
    let mut first = vec![Stretch::whole(in_memory)];
    let mut sstables = Vec::new();
    for sstable in &view.sstables {
        if Reference.is_deleted_whole(sstable.max_timestamp(), deletion) {
            counts.by_timestamp += 1;
        } else if !sstable.may_have_rows_of(slice) {
            counts.by_clustering += 1;
        } else if let Some(mut stretches) = SSTableStretches::begin(sstable, key, slice, filter.is_reversed)?
        {
            let stretch = stretches.next()?;
            deletion = superseding(deletion, stretch.partition.deletion);
            first.push(stretch);
            sstables.push(stretches);
            counts.read += 1;
        } else {
            counts.by_filter += 1;
        }
    }
    table.count_read(counts);

    let mut merge = StretchMerge::new(first, filter.is_reversed);
    let mut rows = RowsCollector::new(filter, now_seconds);
    loop {
        let stretch =
            merge.next(
                |index| match index.checked_sub(1).and_then(|index| sstables.get_mut(index)) {
                    Some(sstable) => sstable.next(),
                    None => Ok(Stretch::whole(Partition::default())),
                },
            )?;
        let mut partition = stretch.partition;
        schema.remove_dropped(&mut partition);
        rows.take(partition);
        if rows.is_full() || stretch.edge.is_none() {
            return Ok(rows.finish());
        }
    }
}

fn superseding(left: DeletionTime, right: DeletionTime) -> DeletionTime {
    if Reference.compare_deletions(right, left).is_gt() {
        right
    } else {
        left
    }
}
