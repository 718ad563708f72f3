//! Cutting the wanted rows out of a partition.
//!
//! Source: Cassandra `db.Slice`, `db.Slices`.

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
