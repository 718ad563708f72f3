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
use crate::sorted_map::SortedMap;
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
    #[cfg_attr(feature = "serde", serde(with = "crate::pairs"))]
    pub rows: SortedMap<Clustering, Row>,
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

    /// Two versions of a partition in one, in normal form whatever form they have.
    #[must_use]
    //= WP-DM-10
    pub fn merge(self, other: Self, rules: &(impl ReconcileRules + ?Sized)) -> Self {
        let mut merged = Self::default();
        merged.apply(self, rules);
        merged.apply(other, rules);
        merged
    }

    /// Merges an update into this partition, which must be in normal form and stays so.
    ///
    /// The update may have any form. Rows that it neither writes nor deletes are not looked at, so
    /// the cost is that of the update, as a memtable needs it. An update in normal form becomes an
    /// empty partition as it is.
    //= WP-DM-10
    //= WP-RW-04
    pub fn apply(&mut self, mut update: Self, rules: &(impl ReconcileRules + ?Sized)) {
        if self.is_empty() && update.is_normal(rules) {
            *self = update;
            return;
        }
        if !update.deletion.is_live() || !update.range_tombstones.is_empty() {
            let ranges = core::mem::take(&mut update.range_tombstones);
            self.delete(update.deletion, ranges, rules);
        }

        update.static_row.drop_deleted(self.deletion, rules);
        self.static_row.apply(update.static_row, rules);
        update.rows.retain(|clustering, row| {
            row.drop_deleted(self.covering_deletion(clustering, rules), rules);
            !row.is_empty()
        });
        self.rows.merge(update.rows, |known, row| known.apply(row, rules));
    }

    /// Adds deletions, and drops what they delete.
    fn delete(
        &mut self,
        deletion: DeletionTime,
        ranges: RangeTombstoneList,
        rules: &(impl ReconcileRules + ?Sized),
    ) {
        let stays = |row: &mut Row, deletion| {
            row.drop_deleted(deletion, rules);
            !row.is_empty()
        };
        if rules.compare_deletions(deletion, self.deletion).is_gt() {
            self.deletion = deletion;
            self.static_row.drop_deleted(deletion, rules);
            self.rows.retain(|_, row| stays(row, deletion));
            self.range_tombstones
                .retain(|range| rules.compare_deletions(range.deletion, deletion).is_gt());
        }
        for range in ranges.iter() {
            self.rows.retain_between(
                |row| !range.start.is_before(row),
                |row| range.end.is_before(row),
                |_, row| stays(row, range.deletion),
            );
        }
        self.range_tombstones.apply(ranges, self.deletion, rules);
    }

    /// Whether merging the partition with nothing would give it back.
    fn is_normal(&self, rules: &(impl ReconcileRules + ?Sized)) -> bool {
        let supersedes = |deletion| rules.compare_deletions(deletion, DeletionTime::LIVE).is_gt();
        (self.deletion.is_live() || supersedes(self.deletion) && self.range_tombstones.is_empty())
            && self.static_row.is_normal(self.deletion, rules)
            && self.rows.iter().all(|(clustering, row)| {
                !row.is_empty() && row.is_normal(self.covering_deletion(clustering, rules), rules)
            })
    }

    /// The superseding one of the partition's deletion and the range tombstone over a row.
    //= WP-DM-09
    fn covering_deletion(&self, row: &Clustering, rules: &(impl ReconcileRules + ?Sized)) -> DeletionTime {
        let range = self.range_tombstones.covering(row);
        if rules.compare_deletions(range, self.deletion).is_gt() {
            range
        } else {
            self.deletion
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
        self.clone().into_live_view(now_seconds, rules)
    }

    /// The same of a partition that is not needed any more.
    #[must_use]
    pub fn into_live_view(self, now_seconds: i64, rules: &(impl ReconcileRules + ?Sized)) -> LiveView {
        let normal = self.merge(Self::default(), rules);
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
