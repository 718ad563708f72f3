//! Cutting the wanted rows out of a partition.
//!
//! Source: Cassandra `db.Slice`, `db.Slices`.

use crate::stretch::Stretch;
use std::ops::Bound;
use thymbra_types::clustering::BoundSide;
use thymbra_types::{Clustering, ClusteringBound, Partition, RangeTombstone};

/// The rows between two places of a partition, both ends included as the bounds say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClusteringSlice {
    /// First place.
    pub start: ClusteringBound,
    /// Last place; nothing is selected where it lies before the start.
    pub end: ClusteringBound,
}

impl ClusteringSlice {
    /// Every row of a partition.
    pub const ALL: Self = Self {
        start: ClusteringBound::BOTTOM,
        end: ClusteringBound::TOP,
    };

    /// The rows whose clustering begins with a prefix; one row, if the prefix is whole.
    #[must_use]
    pub fn of_prefix(prefix: Clustering) -> Self {
        Self {
            start: ClusteringBound::inclusive_start(prefix.clone()),
            end: ClusteringBound::inclusive_end(prefix),
        }
    }

    /// Whether every row is selected.
    #[must_use]
    pub fn is_all(&self) -> bool {
        *self == Self::ALL
    }

    /// The only row that is selected, if the bounds name one in a table of so many clustering columns.
    pub(crate) fn named_row(&self, clustering_columns_count: usize) -> Option<&Clustering> {
        let names_one = self.start.side == BoundSide::Before
            && self.end.side == BoundSide::After
            && self.start.prefix == self.end.prefix
            && self.start.prefix.0.len() == clustering_columns_count;
        names_one.then_some(&self.start.prefix)
    }

    /// Whether a row is selected.
    #[must_use]
    pub fn selects(&self, row: &Clustering) -> bool {
        self.start.is_before(row) && !self.end.is_before(row)
    }

    /// What of a partition concerns the selected rows; its deletion and static row always do.
    pub(crate) fn cut(&self, partition: &Partition) -> Partition {
        if self.is_all() {
            return partition.clone();
        }
        let mut cut = Partition {
            deletion: partition.deletion,
            static_row: partition.static_row.clone(),
            ..Partition::default()
        };
        if self.start >= self.end {
            return cut;
        }
        // A prefix of a clustering sorts before it, so nothing before the start's prefix is selected.
        let from = Bound::Included(&self.start.prefix);
        cut.rows = partition
            .rows
            .range((from, Bound::Unbounded))
            .skip_while(|(clustering, _)| !self.start.is_before(clustering))
            .take_while(|(clustering, _)| !self.end.is_before(clustering))
            .map(|(clustering, row)| (clustering.clone(), row.clone()))
            .collect();
        cut.range_tombstones = partition
            .range_tombstones
            .iter()
            .filter_map(|tombstone| self.clip(tombstone))
            .collect();
        cut
    }

    /// The same up to and including so many rows, one at least, from the side where a reader begins.
    pub(crate) fn cut_first(&self, partition: &Partition, is_reversed: bool, rows_count: usize) -> Stretch {
        let whole = || Stretch::whole(self.cut(partition));
        if self.start >= self.end {
            return whole();
        }
        let mut selected = partition
            .rows
            .between(|row| !self.start.is_before(row), |row| self.end.is_before(row));
        let last_index = rows_count.saturating_sub(1);
        let (last, more) = if is_reversed {
            (selected.nth_back(last_index), selected.next_back())
        } else {
            (selected.nth(last_index), selected.next())
        };
        let (Some((last, _)), Some(_)) = (last, more) else {
            return whole();
        };
        let mut slice = self.clone();
        let edge = if is_reversed {
            slice.start = ClusteringBound::inclusive_start(last.clone());
            &slice.start
        } else {
            slice.end = ClusteringBound::inclusive_end(last.clone());
            &slice.end
        };
        Stretch {
            partition: slice.cut(partition),
            edge: Some(edge.clone()),
        }
    }

    /// The part of a range tombstone that lies in the slice.
    fn clip(&self, tombstone: &RangeTombstone) -> Option<RangeTombstone> {
        let start = (&tombstone.start).max(&self.start);
        let end = (&tombstone.end).min(&self.end);
        (start < end).then(|| RangeTombstone {
            start: start.clone(),
            end: end.clone(),
            deletion: tombstone.deletion,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stretch::tests::{Dice, joined};
    use thymbra_types::{DeletionTime, Row};

    #[test]
    fn first_rows_and_what_lies_behind_their_edge_are_all_that_is_selected() {
        let mut divided_count = 0;
        for seed in 0..20_000 {
            let mut dice = Dice(seed);
            let partition = dice.partition();
            let slice = match dice.below(3) {
                0 => ClusteringSlice::ALL,
                _ => ClusteringSlice {
                    start: dice.bound(),
                    end: dice.bound(),
                },
            };
            let is_reversed = dice.below(2) == 0;
            let rows_count = usize::try_from(dice.below(5)).expect("a small number");
            let first = slice.cut_first(&partition, is_reversed, rows_count);
            let whole = slice.cut(&partition);
            let Some(edge) = first.edge.clone() else {
                assert_eq!(first.partition, whole, "seed {seed}");
                continue;
            };
            divided_count += 1;
            assert_eq!(first.partition.rows.len(), rows_count.max(1), "seed {seed}");
            let mut behind = slice;
            *(if is_reversed {
                &mut behind.end
            } else {
                &mut behind.start
            }) = edge;
            let behind = Partition {
                deletion: DeletionTime::LIVE,
                static_row: Row::default(),
                ..behind.cut(&partition)
            };
            assert!(!behind.rows.is_empty(), "seed {seed}");
            let stretches = vec![first, Stretch::whole(behind)];
            assert_eq!(joined(stretches, is_reversed), whole, "seed {seed}");
        }
        assert!(divided_count > 5_000, "{divided_count} were divided");
    }
}
