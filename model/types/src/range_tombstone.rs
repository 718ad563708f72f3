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

impl RangeTombstone {
    /// Bytes of bounds and deletion.
    pub(crate) fn data_size_bytes(&self) -> usize {
        self.start.prefix.size_bytes() + self.end.prefix.size_bytes() + DeletionTime::SIZE_BYTES
    }
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

    /// Appends a tombstone that lies behind all others; an empty or live one changes nothing.
    ///
    /// # Panics
    /// When it begins before the last one ends.
    pub fn push(&mut self, tombstone: RangeTombstone) {
        if tombstone.start >= tombstone.end || tombstone.deletion.is_live() {
            return;
        }
        if let Some(last) = self.tombstones.last_mut() {
            assert!(
                last.end <= tombstone.start,
                "a tombstone is pushed behind all others"
            );
            if last.end == tombstone.start && last.deletion == tombstone.deletion {
                last.end = tombstone.end;
                return;
            }
        }
        self.tombstones.push(tombstone);
    }

    /// Takes out what lies behind a place; a tombstone around it is cut in two.
    #[must_use]
    pub fn split_off(&mut self, place: &ClusteringBound) -> Self {
        let before = self
            .tombstones
            .partition_point(|tombstone| tombstone.end <= *place);
        let mut behind = self.tombstones.split_off(before);
        if let Some(crossing) = behind.first_mut().filter(|first| first.start < *place) {
            let start = core::mem::replace(&mut crossing.start, place.clone());
            self.tombstones.push(RangeTombstone {
                start,
                end: place.clone(),
                deletion: crossing.deletion,
            });
        }
        Self { tombstones: behind }
    }

    /// Keeps the tombstones for which `keep` holds.
    pub fn retain(&mut self, keep: impl FnMut(&RangeTombstone) -> bool) {
        self.tombstones.retain(keep);
    }

    /// Adds one tombstone; where it overlaps others the superseding deletion stays.
    pub fn add(&mut self, tombstone: RangeTombstone, rules: &(impl ReconcileRules + ?Sized)) {
        let mut added = Self::default();
        added.push(tombstone);
        self.apply(added, DeletionTime::LIVE, rules);
    }

    /// Merges other tombstones in that supersede the deletion of the whole partition; all here must do so.
    ///
    /// Tombstones that lie before or behind all others are moved in memory, but not looked at. Cassandra:
    /// `RangeTombstoneList.addAll`, `MutableDeletionInfo.add`.
    pub fn apply(&mut self, other: Self, partition: DeletionTime, rules: &(impl ReconcileRules + ?Sized)) {
        let (Some(first), Some(last)) = (other.tombstones.first(), other.tombstones.last()) else {
            return;
        };
        let begin = self.tombstones.partition_point(|known| known.end < first.start);
        let end = self.tombstones.partition_point(|known| known.start <= last.end);
        let known = self.tombstones.get(begin..end).unwrap_or_default();
        let merged = merged(known, &other.tombstones, partition, rules);
        self.tombstones.splice(begin..end, merged);
    }
}

/// Two lists in one, without what does not supersede the deletion of the whole partition.
fn merged(
    mut left: &[RangeTombstone],
    mut right: &[RangeTombstone],
    partition: DeletionTime,
    rules: &(impl ReconcileRules + ?Sized),
) -> Vec<RangeTombstone> {
    let both = left.iter().chain(right);
    let mut bounds: Vec<&ClusteringBound> = both
        .flat_map(|tombstone| [&tombstone.start, &tombstone.end])
        .collect();
    bounds.sort_unstable();
    bounds.dedup();

    let mut tombstones = Vec::<RangeTombstone>::new();
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
    tombstones
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

impl FromIterator<RangeTombstone> for RangeTombstoneList {
    /// The list of tombstones that come in order; see [`RangeTombstoneList::push`].
    fn from_iter<I: IntoIterator<Item = RangeTombstone>>(tombstones: I) -> Self {
        let mut list = Self::default();
        for tombstone in tombstones {
            list.push(tombstone);
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clustering::BoundSide;
    use crate::reconcile::Reference;
    use crate::time::{LocalDeletionTime, Timestamp};
    use alloc::boxed::Box;

    fn clustering(components: &[u8]) -> Clustering {
        Clustering(
            components
                .iter()
                .map(|component| Box::from([*component]))
                .collect(),
        )
    }

    fn deletion(timestamp: i64) -> DeletionTime {
        DeletionTime::new(Timestamp(timestamp), LocalDeletionTime(1))
    }

    /// From one prefix to another, both included.
    fn tombstone(first: &[u8], last: &[u8], timestamp: i64) -> RangeTombstone {
        let start = ClusteringBound::inclusive_start(clustering(first));
        let end = ClusteringBound::inclusive_end(clustering(last));
        RangeTombstone {
            start,
            end,
            deletion: deletion(timestamp),
        }
    }

    fn list(tombstones: impl IntoIterator<Item = RangeTombstone>) -> RangeTombstoneList {
        let mut list = RangeTombstoneList::default();
        tombstones
            .into_iter()
            .for_each(|tombstone| list.add(tombstone, &Reference));
        list
    }

    /// Every list of up to three ranges of rows 0 to 5, cut at every place.
    #[test]
    fn two_parts_of_a_list_cover_together_what_it_covers() {
        let rows: Vec<Clustering> = (0..6).map(|row| clustering(&[row])).collect();
        let ranges = || (0..6_u8).flat_map(|first| (first..6).map(move |last| (first, last)));
        let places = (0..6_u8).flat_map(|row| {
            let bound = |side| ClusteringBound {
                prefix: clustering(&[row]),
                side,
            };
            [bound(BoundSide::Before), bound(BoundSide::After)]
        });
        let places: Vec<ClusteringBound> = places
            .chain([ClusteringBound::BOTTOM, ClusteringBound::TOP])
            .collect();
        for (first, second, third) in ranges().flat_map(|first| {
            ranges().flat_map(move |second| ranges().step_by(5).map(move |third| (first, second, third)))
        }) {
            let whole = list(
                [(first, 1), (second, 2), (third, 1)]
                    .map(|((first, last), timestamp)| tombstone(&[first], &[last], timestamp)),
            );
            for place in &places {
                let mut before = whole.clone();
                let behind = before.split_off(place);
                for row in &rows {
                    let (taken, other) = match place.is_before(row) {
                        true => (&behind, &before),
                        false => (&before, &behind),
                    };
                    assert_eq!(
                        taken.covering(row),
                        whole.covering(row),
                        "{whole:?} at {place:?}: {row:?}"
                    );
                    assert_eq!(
                        other.covering(row),
                        DeletionTime::LIVE,
                        "{whole:?} at {place:?}: {row:?}"
                    );
                }
                behind.iter().for_each(|tombstone| before.push(tombstone.clone()));
                assert_eq!(before, whole, "at {place:?}");
            }
        }
    }

    #[test]
    fn newer_tombstone_splits_the_older_one_it_lies_in() {
        let merged = list([tombstone(&[1], &[9], 1), tombstone(&[4], &[5], 2)]);
        assert_eq!(merged.iter().count(), 3);
        let covering = [3, 4, 5, 6, 10].map(|row| merged.covering(&clustering(&[row])));
        assert_eq!(
            covering,
            [
                deletion(1),
                deletion(2),
                deletion(2),
                deletion(1),
                DeletionTime::LIVE
            ]
        );
    }

    #[test]
    fn older_tombstone_inside_a_newer_one_vanishes() {
        let newer = list([tombstone(&[1], &[9], 2)]);
        assert_eq!(list([tombstone(&[1], &[9], 2), tombstone(&[4], &[5], 1)]), newer);
        assert_eq!(list([tombstone(&[4], &[5], 1), tombstone(&[1], &[9], 2)]), newer);
    }

    #[test]
    fn tombstones_that_touch_become_one_only_if_equal() {
        let start = |prefix: &[u8]| ClusteringBound::exclusive_start(clustering(prefix));
        let touching = |timestamp| RangeTombstone {
            start: start(&[5]),
            ..tombstone(&[5], &[9], timestamp)
        };
        assert_eq!(
            list([tombstone(&[1], &[5], 1), touching(1)]),
            list([tombstone(&[1], &[9], 1)])
        );
        assert_eq!(list([tombstone(&[1], &[5], 1), touching(2)]).iter().count(), 2);
    }

    #[test]
    fn tombstone_without_places_or_without_deletion_is_not_kept() {
        assert!(list([tombstone(&[5], &[4], 1)]).is_empty());
        assert!(
            list([RangeTombstone {
                deletion: DeletionTime::LIVE,
                ..tombstone(&[1], &[2], 1)
            }])
            .is_empty()
        );
        assert!(!list([tombstone(&[1], &[2], 1)]).is_empty());
    }

    #[test]
    fn tombstones_not_newer_than_the_partition_deletion_are_not_added() {
        let mut kept = RangeTombstoneList::default();
        let added = [1, 2, 3].map(|number| tombstone(&[number], &[number], i64::from(number)));
        kept.apply(list(added), deletion(2), &Reference);
        assert_eq!(kept, list([tombstone(&[3], &[3], 3)]));
    }

    #[test]
    fn lists_merge_where_they_meet_as_they_do_as_a_whole() {
        let ranges = || (0..5_u8).flat_map(|first| (first + 1..6).map(move |last| (first, last)));
        // Without the first row, so that ranges can touch.
        let behind = |(first, last): (u8, u8), timestamp| RangeTombstone {
            start: ClusteringBound::exclusive_start(clustering(&[first])),
            ..tombstone(&[first], &[last], timestamp)
        };
        let lists: Vec<_> = ranges()
            .flat_map(|first| ranges().map(move |second| [first, second]))
            .flat_map(|ranges| [(1, 1), (1, 2), (3, 2)].map(|timestamps| (ranges, timestamps)))
            .map(|([first, second], (older, newer))| list([behind(first, older), behind(second, newer)]))
            .collect();
        for (left, right) in lists
            .iter()
            .flat_map(|left| lists.iter().map(move |right| (left, right)))
        {
            for partition in [DeletionTime::LIVE, deletion(1)] {
                let mut known = left.clone();
                known.retain(|known| Reference.compare_deletions(known.deletion, partition).is_gt());
                let tombstones = merged(&known.tombstones, &right.tombstones, partition, &Reference);
                known.apply(right.clone(), partition, &Reference);
                assert_eq!(known, RangeTombstoneList { tombstones }, "{left:?} {right:?}");
            }
        }
    }

    /// Rules that count how often they are asked.
    struct Counting(core::cell::Cell<u32>);

    impl ReconcileRules for Counting {
        fn compare_deletions(&self, left: DeletionTime, right: DeletionTime) -> core::cmp::Ordering {
            self.0.set(self.0.get() + 1);
            Reference.compare_deletions(left, right)
        }
    }

    #[test]
    fn tombstone_among_many_costs_a_few_comparisons() {
        let mut many = list((0..100).map(|number| tombstone(&[2 * number], &[2 * number], 1)));
        let rules = Counting(core::cell::Cell::new(0));
        many.add(tombstone(&[100], &[101], 2), &rules);
        assert!((1..20).contains(&rules.0.get()), "{} comparisons", rules.0.get());
    }

    #[test]
    fn list_collected_in_order_is_the_list_that_additions_give() {
        let touching = |timestamp| RangeTombstone {
            start: ClusteringBound::exclusive_start(clustering(&[5])),
            ..tombstone(&[5], &[9], timestamp)
        };
        for timestamp in [1, 2] {
            let ordered = [tombstone(&[1], &[5], 1), touching(timestamp)];
            assert_eq!(
                ordered.iter().cloned().collect::<RangeTombstoneList>(),
                list(ordered.iter().cloned())
            );
        }
        assert!(
            RangeTombstoneList::from_iter([tombstone(&[5], &[4], 1)]).is_empty(),
            "an empty range is no tombstone"
        );
    }

    #[test]
    #[should_panic(expected = "a tombstone is pushed behind all others")]
    fn tombstone_that_begins_inside_the_last_is_not_pushed() {
        let _ = RangeTombstoneList::from_iter([tombstone(&[1], &[5], 1), tombstone(&[4], &[9], 1)]);
    }

    #[test]
    fn only_what_is_to_be_kept_is_retained() {
        let mut tombstones = list([tombstone(&[1], &[1], 1), tombstone(&[2], &[2], 2)]);
        tombstones.retain(|tombstone| tombstone.deletion == deletion(2));
        assert_eq!(tombstones, list([tombstone(&[2], &[2], 2)]));
    }
}
