//! Deletions of ranges of rows.
//!
//! A partition keeps one list; every row in a range is covered by its deletion. Chapter:
//! `specs/01-data-model.md`. Source: Cassandra `db.RangeTombstone`, `db.RangeTombstoneList`.

use crate::clustering::{Clustering, ClusteringBound};
use crate::deletion::DeletionTime;
use crate::reconcile::ReconcileRules;
use alloc::vec::Vec;

/// A deletion of the rows between two bounds.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RangeTombstone {
    /// First place of the range.
    pub start: ClusteringBound,
    /// Last place of the range; after the start, or the range is empty.
    pub end: ClusteringBound,
    /// What it deletes in the range.
    pub deletion: DeletionTime,
}

/// Range tombstones in normal form, so that equal deletions are equal lists.
///
/// Invariants: sorted; no two overlap; none is empty or live; neighbours that touch differ in
/// their deletion.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RangeTombstoneList {
    tombstones: Vec<RangeTombstone>,
}

impl RangeTombstoneList {
    /// The tombstones in clustering order.
    pub fn iter(&self) -> impl Iterator<Item = &RangeTombstone> {
        self.tombstones.iter()
    }

    /// Whether no range is deleted.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.tombstones.is_empty()
    }

    /// The deletion that covers a row; [`DeletionTime::LIVE`] if none does.
    #[must_use]
    pub fn covering(&self, row: &Clustering) -> DeletionTime {
        let starting_before = self
            .tombstones
            .partition_point(|tombstone| tombstone.start.is_before(row));
        match self.tombstones.get(..starting_before).and_then(<[_]>::last) {
            Some(last) if !last.end.is_before(row) => last.deletion,
            Some(_) | None => DeletionTime::LIVE,
        }
    }

    /// Adds one tombstone; where it overlaps others the superseding deletion stays.
    pub fn add(&mut self, tombstone: RangeTombstone, rules: &(impl ReconcileRules + ?Sized)) {
        let added = Self {
            tombstones: Vec::from([tombstone]),
        };
        *self = core::mem::take(self).merge(added, DeletionTime::LIVE, rules);
    }

    /// Both lists in one, without what does not supersede the deletion of the whole partition.
    ///
    /// Cassandra: `RangeTombstoneList.addAll`, `MutableDeletionInfo.add`.
    #[must_use]
    pub fn merge(self, other: Self, partition: DeletionTime, rules: &(impl ReconcileRules + ?Sized)) -> Self {
        let mut bounds: Vec<&ClusteringBound> = self
            .iter()
            .chain(other.iter())
            .flat_map(|tombstone| [&tombstone.start, &tombstone.end])
            .collect();
        bounds.sort_unstable();
        bounds.dedup();

        let mut tombstones = Vec::<RangeTombstone>::new();
        let (mut left, mut right) = (self.tombstones.as_slice(), other.tombstones.as_slice());
        for (start, end) in bounds.iter().zip(bounds.iter().skip(1)) {
            let covering = [deletion_from(&mut left, start), deletion_from(&mut right, start)];
            let deletion = covering.into_iter().fold(partition, |winner, deletion| {
                if rules.compare_deletions(deletion, winner).is_gt() {
                    deletion
                } else {
                    winner
                }
            });
            if rules.compare_deletions(deletion, partition).is_le() {
                continue;
            }
            match tombstones.last_mut() {
                Some(last) if last.end == **start && last.deletion == deletion => {
                    last.end.clone_from(end);
                }
                Some(_) | None => {
                    tombstones.push(RangeTombstone {
                        start: (*start).clone(),
                        end: (*end).clone(),
                        deletion,
                    });
                }
            }
        }
        Self { tombstones }
    }
}

/// The deletion that covers the places right after `start`, dropping tombstones that end before.
fn deletion_from(tombstones: &mut &[RangeTombstone], start: &ClusteringBound) -> DeletionTime {
    while let [first, rest @ ..] = *tombstones {
        if first.end > *start {
            return if first.start <= *start {
                first.deletion
            } else {
                DeletionTime::LIVE
            };
        }
        *tombstones = rest;
    }
    DeletionTime::LIVE
}
