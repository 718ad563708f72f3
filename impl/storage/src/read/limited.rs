//! Reads that want only so many rows: the sources are read as far as those reach.
//!
//! Source: Cassandra `db.SinglePartitionReadCommand.queryMemtableAndDisk`, `db.filter.DataLimits`.

use super::{PartitionRows, RowFilter, RowsCollector};
use crate::column_family_store::{ColumnFamilyStore, ReadCounts};
use crate::sstable::SSTableStretches;
use crate::storage_error::StorageError;
use crate::stretch::{Stretch, StretchMerge};
use crate::view::View;
use thymbra_durability::SkipRules as _;
use thymbra_types::{DecoratedKey, DeletionTime, ReconcileRules as _, Reference};

/// Rows that are taken from a memtable for each that is wanted: some may be dead.
const ROWS_FOR_EACH: usize = 2;
/// How many times as many are taken where those were too few.
const MORE_TIMES: usize = 8;

/// Why a merge stops before a reader has his rows.
enum Stop {
    /// A memtable has more rows, which have to be taken together with those before: otherwise a reader could see a
    /// part of a mutation.
    MoreOfMemory,
    Failed(StorageError),
}

impl From<StorageError> for Stop {
    fn from(error: StorageError) -> Self {
        Self::Failed(error)
    }
}

/// What a reader sees of a partition.
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
    let view = table.view();
    let mut rows_count = filter
        .limit_count
        .unwrap_or(usize::MAX)
        .saturating_mul(ROWS_FOR_EACH);
    loop {
        match try_read(table, &view, key, filter, now_seconds, rows_count) {
            Ok((rows, counts)) => {
                table.count_read(counts);
                return Ok(rows);
            }
            Err(Stop::MoreOfMemory) => rows_count = rows_count.saturating_mul(MORE_TIMES).max(MORE_TIMES),
            Err(Stop::Failed(error)) => return Err(error),
        }
    }
}

/// Reads with so many rows of each memtable.
fn try_read(
    table: &ColumnFamilyStore,
    view: &View,
    key: &DecoratedKey,
    filter: &RowFilter,
    now_seconds: i64,
    rows_count: usize,
) -> Result<(PartitionRows, ReadCounts), Stop> {
    let schema = table.schema();
    let slice = &filter.slice;
    let in_memory = view.memtables();
    let mut first: Vec<Stretch> = in_memory
        .filter_map(|memtable| memtable.get_first(key, slice, filter.is_reversed, rows_count))
        .collect();
    let memory_count = first.len();
    let deletions = first.iter().map(|stretch| stretch.partition.deletion);
    let mut deletion = deletions.fold(DeletionTime::LIVE, superseding);
    let mut counts = ReadCounts::default();
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

    let mut merge = StretchMerge::new(first, filter.is_reversed);
    let mut rows = RowsCollector::new(filter, now_seconds);
    loop {
        let stretch = merge.next(|index| {
            let sstable = index
                .checked_sub(memory_count)
                .and_then(|index| sstables.get_mut(index));
            let sstable = sstable.ok_or(Stop::MoreOfMemory)?;
            sstable.next().map_err(Stop::from)
        })?;
        let mut partition = stretch.partition;
        schema.remove_dropped(&mut partition);
        rows.take(partition);
        if rows.is_full() || stretch.edge.is_none() {
            return Ok((rows.finish(), counts));
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
