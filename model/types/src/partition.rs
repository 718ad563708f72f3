//! Partitions: all rows of one partition key in one table.
//!
//! A mutation carries one per table, a memtable and an SSTable hold many; merging them is all that
//! compaction, reads and repair do to data. Chapter: `specs/01-data-model.md`. Source: Cassandra
//! `db.partitions.PartitionUpdate`, `db.partitions.AbstractBTreePartition`.

use crate::cell::CellName;
use crate::clustering::Clustering;
use crate::deletion::DeletionTime;
use crate::range_tombstone::{RangeTombstone, RangeTombstoneList};
use crate::reconcile::ReconcileRules;
use crate::row::Row;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;

/// What one source knows of one partition of one table.
///
/// The normal form, which every merge gives: nothing in the partition is deleted by anything else
/// in it, and no row is empty. Partitions in normal form that know the same are equal.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Partition {
    /// Deletion of the whole partition.
    pub deletion: DeletionTime,
    /// Values of static columns.
    pub static_row: Row,
    /// Rows in clustering order.
    pub rows: BTreeMap<Clustering, Row>,
    /// Deletions of ranges of rows.
    pub range_tombstones: RangeTombstoneList,
}

/// What a query without restrictions sees of a partition: values only.
///
/// A partition with static values and no rows answers a query with one row whose regular columns
/// are null; making that row is the reader's matter.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct LiveView {
    /// Live cells of static columns.
    pub static_cells: BTreeMap<CellName, Box<[u8]>>,
    /// Live cells by row; a row that exists without values is here without cells.
    pub rows: BTreeMap<Clustering, BTreeMap<CellName, Box<[u8]>>>,
}

impl Partition {
    /// Whether nothing is known of the partition.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.deletion.is_live()
            && self.static_row.is_empty()
            && self.rows.is_empty()
            && self.range_tombstones.is_empty()
    }

    /// Two versions of a partition in one, in normal form.
    #[must_use]
    pub fn merge(self, other: Self, rules: &(impl ReconcileRules + ?Sized)) -> Self {
        let deletion = if rules.compare_deletions(other.deletion, self.deletion).is_gt() {
            other.deletion
        } else {
            self.deletion
        };
        let range_tombstones = self
            .range_tombstones
            .merge(other.range_tombstones, deletion, rules);
        let static_row = self.static_row.merge(other.static_row, deletion, rules);

        let mut added = other.rows;
        let mut rows = self.rows;
        for (clustering, row) in &mut rows {
            let active = covering_deletion(deletion, &range_tombstones, clustering, rules);
            let update = added.remove(clustering).unwrap_or_default();
            *row = core::mem::take(row).merge(update, active, rules);
        }
        for (clustering, row) in added {
            let active = covering_deletion(deletion, &range_tombstones, &clustering, rules);
            rows.insert(clustering, Row::default().merge(row, active, rules));
        }
        rows.retain(|_, row| !row.is_empty());
        Self {
            deletion,
            static_row,
            rows,
            range_tombstones,
        }
    }

    /// Bytes of the data: an estimate of the work a write causes, not of its serialized form.
    ///
    /// Counts values, paths and clusterings as they are, and fixed sizes for times.
    /// Cassandra: `PartitionUpdate.dataSize`, which batch thresholds and memtables go by.
    #[must_use]
    pub fn data_size_bytes(&self) -> usize {
        let rows = self
            .rows
            .iter()
            .map(|(clustering, row)| clustering.size_bytes() + row.data_size_bytes());
        let ranges = self.range_tombstones.iter().map(RangeTombstone::data_size_bytes);
        DeletionTime::SIZE_BYTES + self.static_row.data_size_bytes() + rows.chain(ranges).sum::<usize>()
    }

    /// What a reader sees whose clock shows `now_seconds` since 1970.
    #[must_use]
    pub fn live_view(&self, now_seconds: i64, rules: &(impl ReconcileRules + ?Sized)) -> LiveView {
        let normal = self.clone().merge(Self::default(), rules);
        let rows = normal.rows.into_iter().filter_map(|(clustering, row)| {
            let exists = row.liveness.is_live(now_seconds);
            let cells = live_cells(row, now_seconds);
            (exists || !cells.is_empty()).then_some((clustering, cells))
        });
        LiveView {
            rows: rows.collect(),
            static_cells: live_cells(normal.static_row, now_seconds),
        }
    }
}

/// The superseding one of the partition's deletion and the range tombstone over a row.
fn covering_deletion(
    partition: DeletionTime,
    range_tombstones: &RangeTombstoneList,
    row: &Clustering,
    rules: &(impl ReconcileRules + ?Sized),
) -> DeletionTime {
    let range = range_tombstones.covering(row);
    if rules.compare_deletions(range, partition).is_gt() {
        range
    } else {
        partition
    }
}

/// Values of a row that are neither deleted nor expired.
fn live_cells(row: Row, now_seconds: i64) -> BTreeMap<CellName, Box<[u8]>> {
    row.cells
        .into_iter()
        .filter(|(_, cell)| cell.kind.is_live(now_seconds))
        .map(|(name, cell)| (name, cell.value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Cell;
    use crate::clustering::ClusteringBound;
    use crate::reconcile::Reference;
    use crate::time::{LocalDeletionTime, Timestamp};
    use alloc::vec::Vec;

    #[test]
    fn size_counts_every_part_once() {
        let mut partition = Partition::default();
        assert_eq!(
            partition.data_size_bytes(),
            16 + 24,
            "deletion, and the static row without cells"
        );
        partition
            .static_row
            .cells
            .insert(CellName::simple("s"), Cell::live(Timestamp(1), *b"abc"));
        assert_eq!(
            partition.data_size_bytes(),
            40 + 20 + 3,
            "a cell is its times and its value"
        );
        partition.rows.insert(
            Clustering(Vec::from([(*b"12345").into(), (*b"6").into()])),
            Row::default(),
        );
        assert_eq!(
            partition.data_size_bytes(),
            63 + 6 + 24,
            "a row is its clustering, liveness and deletion"
        );
        let deletion = DeletionTime::new(Timestamp(1), LocalDeletionTime(1));
        let (start, end) = (
            ClusteringBound::BOTTOM,
            ClusteringBound::inclusive_end(Clustering(Vec::from([(*b"12").into()]))),
        );
        partition
            .range_tombstones
            .add(RangeTombstone { start, end, deletion }, &Reference);
        assert_eq!(
            partition.data_size_bytes(),
            93 + 2 + 16,
            "a range is its bounds and its deletion"
        );
    }

    #[test]
    fn elements_and_deletions_of_complex_columns_count_in_the_row() {
        let mut row = Row::default();
        assert_eq!(row.data_size_bytes(), 24);
        row.cells
            .insert(CellName::element("c", *b"path"), Cell::live(Timestamp(1), *b"v"));
        assert_eq!(row.data_size_bytes(), 24 + 4 + 20 + 1);
        let deletion = DeletionTime::new(Timestamp(1), LocalDeletionTime(1));
        row.complex_deletions
            .insert(crate::cell::ColumnName("c".into()), deletion);
        assert_eq!(row.data_size_bytes(), 49 + 16);
    }
}
