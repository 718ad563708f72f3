//! The rows and markers of a partition in the order of files.
//!
//! A partition keeps rows and range tombstones apart; files have them in one sequence. Source:
//! Cassandra `db.rows.RowAndDeletionMergeIterator`, `db.RangeTombstoneList.iterator`.

use crate::rows::marker::MarkerChange;
use std::iter::Peekable;
use thymbra_types::{Clustering, ClusteringBound, DeletionTime, Partition, RangeTombstone, Row};

/// A row, or a place where the deletion of rows changes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PartitionItem<'a> {
    /// A row with its place.
    Row(&'a Clustering, &'a Row),
    /// A range tombstone begins or ends there, or one ends and the next begins.
    Marker(&'a ClusteringBound, MarkerChange),
}

/// Rows and markers of a partition in the order of files.
///
/// A marker stands before the rows that its prefix begins if it lies before them, and else behind
/// them. Range tombstones that touch share one marker.
pub fn partition_items(partition: &Partition) -> impl Iterator<Item = PartitionItem<'_>> {
    let mut rows = partition.rows.iter().peekable();
    let mut markers = Markers {
        tombstones: partition.range_tombstones.iter().peekable(),
        open: None,
    }
    .peekable();
    std::iter::from_fn(move || {
        let marker_is_next = match (rows.peek(), markers.peek()) {
            (Some((clustering, _)), Some((bound, _))) => bound.is_before(clustering),
            (Some(_), None) => false,
            (None, _) => true,
        };
        if marker_is_next {
            markers
                .next()
                .map(|(bound, change)| PartitionItem::Marker(bound, change))
        } else {
            rows.next()
                .map(|(clustering, row)| PartitionItem::Row(clustering, row))
        }
    })
}

/// The bounds of range tombstones, those of two that touch as one.
struct Markers<'a, I: Iterator<Item = &'a RangeTombstone>> {
    tombstones: Peekable<I>,
    /// End and deletion of the tombstone that has begun.
    open: Option<(&'a ClusteringBound, DeletionTime)>,
}

impl<'a, I: Iterator<Item = &'a RangeTombstone>> Iterator for Markers<'a, I> {
    type Item = (&'a ClusteringBound, MarkerChange);

    fn next(&mut self) -> Option<Self::Item> {
        let Some((end, closed)) = self.open.take() else {
            let tombstone = self.tombstones.next()?;
            self.open = Some((&tombstone.end, tombstone.deletion));
            return Some((&tombstone.start, MarkerChange::Open(tombstone.deletion)));
        };
        match self.tombstones.next_if(|next| next.start == *end) {
            Some(next) => {
                self.open = Some((&next.end, next.deletion));
                let change = MarkerChange::Boundary {
                    closing: closed,
                    opening: next.deletion,
                };
                Some((end, change))
            }
            None => Some((end, MarkerChange::Close(closed))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use thymbra_types::{LocalDeletionTime, Timestamp};

    fn clustering(component: u8) -> Clustering {
        Clustering(vec![[component].into()])
    }

    fn deletion(timestamp: i64) -> DeletionTime {
        DeletionTime::new(Timestamp(timestamp), LocalDeletionTime(1))
    }

    /// From one row to another, both included.
    fn tombstone(first: u8, last: u8, timestamp: i64) -> RangeTombstone {
        RangeTombstone {
            start: ClusteringBound::inclusive_start(clustering(first)),
            end: ClusteringBound::inclusive_end(clustering(last)),
            deletion: deletion(timestamp),
        }
    }

    #[test]
    fn markers_stand_around_the_rows_that_they_cover() {
        let mut partition = Partition::default();
        for component in [1, 2, 3, 4] {
            partition.rows.insert(clustering(component), Row::default());
        }
        let touching = RangeTombstone {
            start: ClusteringBound::exclusive_start(clustering(3)),
            ..tombstone(3, 3, 8)
        };
        let touching = RangeTombstone {
            end: ClusteringBound::TOP,
            ..touching
        };
        partition.range_tombstones = [tombstone(2, 3, 7), touching].into_iter().collect();
        let told: Vec<String> = partition_items(&partition)
            .map(|item| match item {
                PartitionItem::Row(clustering, _) => format!("row {}", clustering.0[0][0]),
                PartitionItem::Marker(_, MarkerChange::Open(_)) => "open".to_owned(),
                PartitionItem::Marker(_, MarkerChange::Close(_)) => "close".to_owned(),
                PartitionItem::Marker(_, MarkerChange::Boundary { .. }) => "boundary".to_owned(),
            })
            .collect();
        assert_eq!(
            told,
            ["row 1", "open", "row 2", "row 3", "boundary", "row 4", "close"]
        );
    }
}
