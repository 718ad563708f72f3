//! Rows: liveness, a deletion, and cells.
//!
//! Chapter: `specs/01-data-model.md`. Source: Cassandra `db.rows.Row`, `db.rows.Row.Merger`.

use crate::cell::{Cell, CellName, ColumnName};
use crate::deletion::DeletionTime;
use crate::liveness::LivenessInfo;
use crate::reconcile::ReconcileRules;
use crate::sorted_map::SortedMap;

/// Timestamp of a liveness in memory.
const LIVENESS_SIZE_BYTES: usize = 8;
/// Timestamp, TTL and local deletion time of a cell in memory.
const CELL_TIMES_SIZE_BYTES: usize = 8 + 4 + 8;

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
    pub complex_deletions: SortedMap<ColumnName, DeletionTime>,
    /// Cells of simple columns, and elements of complex ones.
    #[cfg_attr(feature = "serde", serde(with = "crate::pairs"))]
    pub cells: SortedMap<CellName, Cell>,
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

    /// Bytes of the data in the row, without its clustering; see
    /// [`Partition::data_size_bytes`](crate::partition::Partition::data_size_bytes).
    #[must_use]
    pub fn data_size_bytes(&self) -> usize {
        let cells = self.cells.iter().map(|(name, cell)| {
            let path_size_bytes = name.path.as_ref().map_or(0, |path| path.0.len());
            path_size_bytes + CELL_TIMES_SIZE_BYTES + cell.value.len()
        });
        let deletions_count = self.complex_deletions.len() + 1;
        LIVENESS_SIZE_BYTES + deletions_count * DeletionTime::SIZE_BYTES + cells.sum::<usize>()
    }

    /// Both versions of a row in one, without what `active` deletes.
    ///
    /// `active` is the deletion that covers the row from outside: of the partition or of a range.
    #[must_use]
    //= WP-DM-10
    pub fn merge(
        mut self,
        other: Self,
        active: DeletionTime,
        rules: &(impl ReconcileRules + ?Sized),
    ) -> Self {
        self.take_in(other, rules);
        self.drop_deleted(active, rules);
        self
    }

    /// Merges an update into this row; neither has anything that a deletion from outside deletes.
    ///
    /// What is known is not looked at unless the update deletes something in the row.
    pub(crate) fn apply(&mut self, mut update: Self, rules: &(impl ReconcileRules + ?Sized)) {
        if update.deletion.is_live() && update.complex_deletions.is_empty() {
            update.drop_data(self.deletion, &self.complex_deletions, rules);
            self.take_in(update, rules);
        } else {
            self.take_in(update, rules);
            self.drop_deleted(DeletionTime::LIVE, rules);
        }
    }

    /// The winner of each part, whether or not something deletes it.
    fn take_in(&mut self, other: Self, rules: &(impl ReconcileRules + ?Sized)) {
        if rules.compare_liveness(other.liveness, self.liveness).is_gt() {
            self.liveness = other.liveness;
        }
        if rules.compare_deletions(other.deletion, self.deletion).is_gt() {
            self.deletion = other.deletion;
        }
        self.complex_deletions
            .merge(other.complex_deletions, |known, deletion| {
                if rules.compare_deletions(deletion, *known).is_gt() {
                    *known = deletion;
                }
            });
        self.cells.merge(other.cells, |known, cell| {
            if rules.compare_cells(cell.view(), known.view()).is_gt() {
                *known = cell;
            }
        });
    }

    /// Brings the row into normal form under a deletion that covers it from outside.
    //= WP-DM-09
    pub(crate) fn drop_deleted(&mut self, active: DeletionTime, rules: &(impl ReconcileRules + ?Sized)) {
        let row_deletion = if rules.compare_deletions(self.deletion, active).is_gt() {
            self.deletion
        } else {
            self.deletion = DeletionTime::LIVE;
            active
        };
        self.complex_deletions
            .retain(|_, deletion| rules.compare_deletions(*deletion, row_deletion).is_gt());
        let complex_deletions = core::mem::take(&mut self.complex_deletions);
        self.drop_data(row_deletion, &complex_deletions, rules);
        self.complex_deletions = complex_deletions;
    }

    /// Drops the liveness and the cells that a deletion of the row or of their column deletes.
    fn drop_data(
        &mut self,
        row_deletion: DeletionTime,
        complex_deletions: &SortedMap<ColumnName, DeletionTime>,
        rules: &(impl ReconcileRules + ?Sized),
    ) {
        if rules.deletes(row_deletion, self.liveness.timestamp) {
            self.liveness = LivenessInfo::EMPTY;
        }
        self.cells.retain(|name, cell| {
            let deletion = deletion_of(&name.column, row_deletion, complex_deletions);
            !rules.deletes(deletion, cell.timestamp)
        });
    }

    /// Whether the row is in normal form under a deletion that covers it from outside.
    pub(crate) fn is_normal(&self, active: DeletionTime, rules: &(impl ReconcileRules + ?Sized)) -> bool {
        let supersedes = |left, right| rules.compare_deletions(left, right).is_gt();
        let row_deletion = if self.deletion.is_live() {
            active
        } else {
            self.deletion
        };
        (self.deletion.is_live() || supersedes(self.deletion, active))
            && (self.liveness == LivenessInfo::EMPTY
                || !rules.deletes(row_deletion, self.liveness.timestamp)
                    && rules.compare_liveness(self.liveness, LivenessInfo::EMPTY).is_gt())
            && (self.complex_deletions.values()).all(|deletion| supersedes(*deletion, row_deletion))
            && self.cells.iter().all(|(name, cell)| {
                let deletion = deletion_of(&name.column, row_deletion, &self.complex_deletions);
                !rules.deletes(deletion, cell.timestamp)
            })
    }
}

/// The deletion that covers the cells of a column.
fn deletion_of(
    column: &ColumnName,
    row_deletion: DeletionTime,
    complex_deletions: &SortedMap<ColumnName, DeletionTime>,
) -> DeletionTime {
    let of_column = complex_deletions.get(column);
    of_column.copied().unwrap_or(row_deletion)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reconcile::Reference;
    use crate::time::{LocalDeletionTime, Timestamp, Ttl};

    fn deletion(timestamp: i64) -> DeletionTime {
        DeletionTime::new(Timestamp(timestamp), LocalDeletionTime(1))
    }

    fn row_of_cell(cell: Cell) -> Row {
        Row {
            cells: SortedMap::from([(CellName::simple("column"), cell)]),
            ..Row::default()
        }
    }

    #[test]
    fn row_is_empty_only_without_any_part() {
        assert!(Row::default().is_empty());
        assert!(!row_of_cell(Cell::live(Timestamp(1), [])).is_empty());
        assert!(
            !Row {
                liveness: LivenessInfo::live(Timestamp(1)),
                ..Row::default()
            }
            .is_empty()
        );
        assert!(
            !Row {
                deletion: deletion(1),
                ..Row::default()
            }
            .is_empty()
        );
        let complex_deletions = SortedMap::from([(ColumnName("column".into()), deletion(1))]);
        assert!(
            !Row {
                complex_deletions,
                ..Row::default()
            }
            .is_empty()
        );
    }

    #[test]
    fn merge_keeps_the_left_of_interchangeable_cells() {
        let with_ttl = |seconds| {
            let ttl = Ttl::new(seconds).expect("a valid TTL");
            row_of_cell(Cell::expiring(
                Timestamp(1),
                ttl,
                LocalDeletionTime(50),
                *b"value",
            ))
        };
        let merge = |left: Row, right| left.merge(right, DeletionTime::LIVE, &Reference);
        assert_eq!(merge(with_ttl(1), with_ttl(2)), with_ttl(1));
        assert_eq!(merge(with_ttl(2), with_ttl(1)), with_ttl(2));
    }

    #[test]
    fn deletion_that_covers_the_row_takes_equal_deletions_and_older_data_with_it() {
        let row = Row {
            liveness: LivenessInfo::live(Timestamp(5)),
            deletion: deletion(5),
            complex_deletions: SortedMap::from([(ColumnName("column".into()), deletion(5))]),
            ..row_of_cell(Cell::live(Timestamp(6), *b"newer"))
        };
        let merged = row.merge(Row::default(), deletion(5), &Reference);
        assert_eq!(merged, row_of_cell(Cell::live(Timestamp(6), *b"newer")));
    }
}
