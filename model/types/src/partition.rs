//! Partitions: all rows of one partition key in one table.
//!
//! A mutation carries one per table, a memtable and an SSTable hold many; merging them is all that
//! compaction, reads and repair do to data. Chapter: `specs/01-data-model.md`. Source: Cassandra
//! `db.partitions.PartitionUpdate`, `db.partitions.AbstractBTreePartition`.

use crate::cell::CellName;
use crate::clustering::Clustering;
use crate::deletion::DeletionTime;
use crate::range_tombstone::RangeTombstoneList;
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
    //= WP-DM-05
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
