//! Clusterings name the rows of a partition; bounds name the places between them.
//!
//! Partitions order rows by clustering, range tombstones lie between two bounds. Chapter:
//! `specs/01-data-model.md`. Source: Cassandra `db.Clustering`, `db.ClusteringBound`.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cmp::Ordering;

/// The clustering columns of one row, in the order of the primary key.
///
/// Components compare as unsigned bytes. Whoever makes a clustering therefore gives them in an
/// encoding that keeps the order of their type, and reversed for a descending column (Cassandra:
/// `ByteComparable`). A table without clustering columns has one row, without components.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Clustering(
    /// One order-preserving byte string per clustering column.
    pub Vec<Box<[u8]>>,
);

/// On which side of everything that starts with its prefix a bound lies.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum BoundSide {
    /// Before all of it: an inclusive start, or an exclusive end.
    Before,
    /// After all of it: an exclusive start, or an inclusive end.
    After,
}

/// A place between rows; never the place of a row.
///
/// An inclusive end and an exclusive start of one prefix are the same place, and so are an
/// exclusive end and an inclusive start (Cassandra's boundaries).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ClusteringBound {
    /// The first clustering columns, as many as the statement gave.
    pub prefix: Clustering,
    /// Side of the rows with this prefix.
    pub side: BoundSide,
}

impl ClusteringBound {
    /// Before every row of a partition.
    pub const BOTTOM: Self = Self {
        prefix: Clustering(Vec::new()),
        side: BoundSide::Before,
    };
    /// After every row of a partition.
    pub const TOP: Self = Self {
        prefix: Clustering(Vec::new()),
        side: BoundSide::After,
    };

    /// Start of a range that has the rows with this prefix.
    #[must_use]
    pub const fn inclusive_start(prefix: Clustering) -> Self {
        Self {
            prefix,
            side: BoundSide::Before,
        }
    }

    /// Start of a range that begins after the rows with this prefix.
    #[must_use]
    pub const fn exclusive_start(prefix: Clustering) -> Self {
        Self {
            prefix,
            side: BoundSide::After,
        }
    }

    /// End of a range that has the rows with this prefix.
    #[must_use]
    pub const fn inclusive_end(prefix: Clustering) -> Self {
        Self {
            prefix,
            side: BoundSide::After,
        }
    }

    /// End of a range that ends before the rows with this prefix.
    #[must_use]
    pub const fn exclusive_end(prefix: Clustering) -> Self {
        Self {
            prefix,
            side: BoundSide::Before,
        }
    }

    /// Whether a row lies after this bound.
    ///
    /// Rows have all clustering columns, so their clustering is never shorter than the prefix.
    #[must_use]
    pub fn is_before(&self, row: &Clustering) -> bool {
        let shared = self.prefix.0.iter().zip(&row.0);
        match shared
            .map(|(left, right)| left.cmp(right))
            .find(|order| order.is_ne())
        {
            Some(order) => order.is_lt(),
            None => self.side == BoundSide::Before,
        }
    }
}

impl Ord for ClusteringBound {
    /// A bound stands before or after everything that its prefix begins, other bounds included.
    fn cmp(&self, other: &Self) -> Ordering {
        let shared = self.prefix.0.iter().zip(&other.prefix.0);
        if let Some(order) = shared
            .map(|(left, right)| left.cmp(right))
            .find(|order| order.is_ne())
        {
            return order;
        }
        match (
            self.prefix.0.len().cmp(&other.prefix.0.len()),
            self.side,
            other.side,
        ) {
            (Ordering::Less, BoundSide::Before, _) => Ordering::Less,
            (Ordering::Less, BoundSide::After, _) => Ordering::Greater,
            (Ordering::Greater, _, BoundSide::Before) => Ordering::Greater,
            (Ordering::Greater, _, BoundSide::After) => Ordering::Less,
            (Ordering::Equal, left, right) => left.cmp(&right),
        }
    }
}

impl PartialOrd for ClusteringBound {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clustering(components: &[u8]) -> Clustering {
        Clustering(
            components
                .iter()
                .map(|component| Box::from([*component]))
                .collect(),
        )
    }

    #[test]
    fn clusterings_order_component_by_component_as_unsigned_bytes() {
        let ordered = [&[0x00, 0xff][..], &[0x01, 0x00], &[0x7f, 0x01], &[0x80, 0x00]].map(clustering);
        assert!(ordered.is_sorted_by(|left, right| left < right));
    }

    #[test]
    fn bounds_of_prefixes_enclose_everything_that_the_prefix_begins() {
        let before = |components: &[u8]| ClusteringBound::inclusive_start(clustering(components));
        let after = |components: &[u8]| ClusteringBound::exclusive_start(clustering(components));
        let ordered = [
            ClusteringBound::BOTTOM,
            before(&[1]),
            before(&[1, 1]),
            after(&[1, 1]),
            before(&[1, 2]),
            after(&[1, 2]),
            after(&[1]),
            before(&[2, 1]),
            after(&[2, 1]),
            ClusteringBound::TOP,
        ];
        for (left_index, left) in ordered.iter().enumerate() {
            for (right_index, right) in ordered.iter().enumerate() {
                assert_eq!(
                    left.cmp(right),
                    left_index.cmp(&right_index),
                    "{left:?} {right:?}"
                );
                assert_eq!(left.partial_cmp(right), Some(left_index.cmp(&right_index)));
            }
        }
    }

    #[test]
    fn rows_lie_between_the_bounds_of_their_prefixes() {
        let row = clustering(&[1, 2]);
        for prefix in [&[][..], &[1], &[1, 2]].map(clustering) {
            assert!(ClusteringBound::inclusive_start(prefix.clone()).is_before(&row));
            assert!(
                ClusteringBound::inclusive_end(prefix.clone())
                    > ClusteringBound::exclusive_end(prefix.clone())
            );
            assert!(!ClusteringBound::inclusive_end(prefix.clone()).is_before(&row));
            assert!(!ClusteringBound::exclusive_start(prefix).is_before(&row));
        }
        assert!(ClusteringBound::exclusive_start(clustering(&[1, 1])).is_before(&row));
        assert!(!ClusteringBound::inclusive_start(clustering(&[1, 3])).is_before(&row));
        assert!(ClusteringBound::exclusive_end(clustering(&[0])).is_before(&row));
        assert!(!ClusteringBound::inclusive_start(clustering(&[2])).is_before(&row));
    }

    #[test]
    fn inclusive_end_and_exclusive_start_are_the_same_place() {
        let prefix = || clustering(&[3]);
        assert_eq!(
            ClusteringBound::inclusive_end(prefix()),
            ClusteringBound::exclusive_start(prefix())
        );
        assert_eq!(
            ClusteringBound::exclusive_end(prefix()),
            ClusteringBound::inclusive_start(prefix())
        );
    }
}
