//! Rows: liveness, a deletion, and cells.
//!
//! Chapter: `specs/01-data-model.md`. Source: Cassandra `db.rows.Row`, `db.rows.Row.Merger`.

use crate::cell::{Cell, CellName, ColumnName};
use crate::deletion::DeletionTime;
use crate::liveness::LivenessInfo;
use crate::reconcile::ReconcileRules;
use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;

/// What is known of one row, or of the static row; its clustering is the key in the partition.
///
/// The normal form, which every merge gives: nothing in the row is deleted by anything else in it.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Row {
    /// Whether an INSERT made the row; empty in static rows.
    pub liveness: LivenessInfo,
    /// Deletion of the whole row.
    pub deletion: DeletionTime,
    /// Deletions of whole complex columns; none of them is live.
    pub complex_deletions: BTreeMap<ColumnName, DeletionTime>,
    /// Cells of simple columns, and elements of complex ones.
    pub cells: BTreeMap<CellName, Cell>,
}

impl Row {
    /// Whether nothing is known of the row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.liveness.is_empty()
            && self.deletion.is_live()
            && self.complex_deletions.is_empty()
            && self.cells.is_empty()
    }

    /// Both versions of a row in one, without what `active` deletes.
    ///
    /// `active` is the deletion that covers the row from outside: of the partition or of a range.
    //= WP-DM-05
    #[must_use]
    pub fn merge(
        mut self,
        other: Self,
        active: DeletionTime,
        rules: &(impl ReconcileRules + ?Sized),
    ) -> Self {
        if rules.compare_liveness(other.liveness, self.liveness).is_gt() {
            self.liveness = other.liveness;
        }
        if rules.compare_deletions(other.deletion, self.deletion).is_gt() {
            self.deletion = other.deletion;
        }
        for (column, deletion) in other.complex_deletions {
            let kept = self.complex_deletions.entry(column).or_insert(deletion);
            if rules.compare_deletions(deletion, *kept).is_gt() {
                *kept = deletion;
            }
        }
        for (name, cell) in other.cells {
            match self.cells.entry(name) {
                Entry::Vacant(entry) => {
                    entry.insert(cell);
                }
                Entry::Occupied(mut entry) => {
                    if rules.compare_cells(cell.view(), entry.get().view()).is_gt() {
                        entry.insert(cell);
                    }
                }
            }
        }
        self.drop_deleted(active, rules);
        self
    }

    /// Brings the row into normal form under a deletion that covers it from outside.
    fn drop_deleted(&mut self, active: DeletionTime, rules: &(impl ReconcileRules + ?Sized)) {
        let row_deletion = if rules.compare_deletions(self.deletion, active).is_gt() {
            self.deletion
        } else {
            self.deletion = DeletionTime::LIVE;
            active
        };
        if rules.deletes(row_deletion, self.liveness.timestamp) {
            self.liveness = LivenessInfo::EMPTY;
        }
        self.complex_deletions
            .retain(|_, deletion| rules.compare_deletions(*deletion, row_deletion).is_gt());
        let complex_deletions = &self.complex_deletions;
        self.cells.retain(|name, cell| {
            let deletion = complex_deletions
                .get(&name.column)
                .copied()
                .unwrap_or(row_deletion);
            !rules.deletes(deletion, cell.timestamp)
        });
    }
}
