//! Places among the rows of a partition, as partitions in memory have them.
//!
//! Statistics keep the first and last of an SSTable; reads of a range look for one in Index.db.
//! Chapter: `specs/01-data-model.md`.

use crate::rows::partition::UnfilteredView;
use core::cmp::Ordering;
use thymbra_types::clustering::BoundSide;
use thymbra_types::{Clustering, ClusteringBound};

/// The place of a row, or a place between rows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place<'a> {
    /// Clustering of the row, or the prefix that a bound has.
    pub prefix: &'a Clustering,
    /// On which side of all that begins with the prefix; `None` for a row.
    pub side: Option<BoundSide>,
}

impl<'a> From<&'a ClusteringBound> for Place<'a> {
    fn from(bound: &'a ClusteringBound) -> Self {
        Self {
            prefix: &bound.prefix,
            side: Some(bound.side),
        }
    }
}

impl<'a> From<&'a Clustering> for Place<'a> {
    fn from(prefix: &'a Clustering) -> Self {
        Self { prefix, side: None }
    }
}

impl<'a> From<UnfilteredView<'a>> for Place<'a> {
    fn from(unfiltered: UnfilteredView<'a>) -> Self {
        match unfiltered {
            UnfilteredView::Row { clustering, .. } => clustering.into(),
            UnfilteredView::Marker { bound, .. } => bound.into(),
        }
    }
}

impl Ord for Place<'_> {
    /// By the images of the values; where one prefix begins the other, by the side of the shorter.
    fn cmp(&self, other: &Self) -> Ordering {
        let shared = self.prefix.0.iter().zip(&other.prefix.0);
        let by_values = shared
            .map(|(left, right)| left.cmp(right))
            .find(|order| order.is_ne());
        by_values.unwrap_or_else(|| match self.prefix.0.len().cmp(&other.prefix.0.len()) {
            Ordering::Equal => rank(self.side).cmp(&rank(other.side)),
            Ordering::Less => rank(self.side).cmp(&rank(None)),
            Ordering::Greater => rank(None).cmp(&rank(other.side)),
        })
    }
}

impl PartialOrd for Place<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A row stands between both of its sides.
const fn rank(side: Option<BoundSide>) -> u8 {
    match side {
        Some(BoundSide::Before) => 0,
        None => 1,
        Some(BoundSide::After) => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::{Arbitrary, Gen, quickcheck};

    #[derive(Clone, Debug)]
    enum AnyPlace {
        Row(Clustering),
        Bound(ClusteringBound),
    }

    impl Arbitrary for AnyPlace {
        fn arbitrary(random: &mut Gen) -> Self {
            let component = |random: &mut Gen| Box::from([u8::arbitrary(random) % 3]);
            let components: Vec<_> = (0..2).map(|_| component(random)).collect();
            if bool::arbitrary(random) {
                return Self::Row(Clustering(components));
            }
            let count = usize::arbitrary(random) % 3;
            let prefix = Clustering(components.into_iter().take(count).collect());
            Self::Bound(if bool::arbitrary(random) {
                ClusteringBound::inclusive_start(prefix)
            } else {
                ClusteringBound::inclusive_end(prefix)
            })
        }
    }

    impl AnyPlace {
        fn view(&self) -> Place<'_> {
            match self {
                Self::Row(clustering) => clustering.into(),
                Self::Bound(bound) => bound.into(),
            }
        }
    }

    quickcheck! {
        fn order_is_that_of_rows_and_of_bounds_and_of_bounds_to_rows(left: AnyPlace, right: AnyPlace) -> bool {
            let order = left.view().cmp(&right.view());
            let is_same = order == right.view().cmp(&left.view()).reverse();
            is_same && match (&left, &right) {
                (AnyPlace::Row(left), AnyPlace::Row(right)) => order == left.cmp(right),
                (AnyPlace::Bound(left), AnyPlace::Bound(right)) => order == left.cmp(right),
                (AnyPlace::Bound(left), AnyPlace::Row(right)) => order.is_lt() == left.is_before(right) && order.is_ne(),
                (AnyPlace::Row(_), AnyPlace::Bound(_)) => order.is_ne(),
            }
        }
    }
}
