//! Sets of closed intervals.
//!
//! The commit log positions that a table has flushed are such a set: replay skips what lies in it
//! and a segment may go when it covers all that is dirty. Chapter: `specs/06-commit-log.md`.
//! Source: Cassandra `db.commitlog.IntervalSet`.

use alloc::vec::Vec;

/// Closed intervals in normal form, so that equal sets are equal values.
///
/// Invariants: sorted; each start is at most its end; each end lies before the next start.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct IntervalSet<T> {
    intervals: Vec<(T, T)>,
}

impl<T: Ord> IntervalSet<T> {
    /// The set without any point.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            intervals: Vec::new(),
        }
    }

    /// Adds all points from `start` to `end`, both included.
    ///
    /// # Panics
    /// When the start lies after the end.
    pub fn add(&mut self, start: T, end: T) {
        assert!(start <= end, "an interval starts after its end");
        let first = self.intervals.partition_point(|interval| interval.1 < start);
        let past = self.intervals.partition_point(|interval| interval.0 <= end);
        let (mut start, mut end) = (start, end);
        for (covered_start, covered_end) in self.intervals.drain(first..past) {
            start = start.min(covered_start);
            end = end.max(covered_end);
        }
        self.intervals.insert(first, (start, end));
    }

    /// The points of both sets.
    #[must_use]
    pub fn union(mut self, other: Self) -> Self {
        for (start, end) in other.intervals {
            self.add(start, end);
        }
        self
    }

    /// Whether a point lies in the set; ends of intervals do.
    #[must_use]
    pub fn contains(&self, point: &T) -> bool {
        let past = self.intervals.partition_point(|interval| interval.0 <= *point);
        self.intervals
            .get(..past)
            .and_then(<[_]>::last)
            .is_some_and(|last| *point <= last.1)
    }

    /// Whether there is no point in the set.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.intervals.is_empty()
    }

    /// Start and end of each interval, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (&T, &T)> {
        self.intervals.iter().map(|(start, end)| (start, end))
    }
}

impl<T: Ord> Default for IntervalSet<T> {
    fn default() -> Self {
        Self::empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use quickcheck::quickcheck;

    fn set_of(intervals: &[(u8, u8)]) -> IntervalSet<u8> {
        let mut set = IntervalSet::empty();
        for &(one, other) in intervals {
            set.add(one.min(other), one.max(other));
        }
        set
    }

    fn listed(set: &IntervalSet<u8>) -> Vec<(u8, u8)> {
        set.iter().map(|(start, end)| (*start, *end)).collect()
    }

    #[test]
    fn intervals_that_share_a_point_become_one_and_neighbours_do_not() {
        assert_eq!(listed(&set_of(&[(1, 3), (3, 5)])), vec![(1, 5)]);
        assert_eq!(listed(&set_of(&[(3, 5), (1, 3)])), vec![(1, 5)]);
        assert_eq!(listed(&set_of(&[(1, 3), (4, 5)])), vec![(1, 3), (4, 5)]);
        assert_eq!(listed(&set_of(&[(4, 5), (1, 3)])), vec![(1, 3), (4, 5)]);
        assert_eq!(listed(&set_of(&[(1, 9), (4, 5)])), vec![(1, 9)]);
        assert_eq!(listed(&set_of(&[(4, 5), (7, 8), (1, 9)])), vec![(1, 9)]);
        assert_eq!(listed(&set_of(&[(5, 5), (4, 5)])), vec![(4, 5)]);
    }

    #[test]
    fn set_without_points_is_empty_and_the_default() {
        assert!(IntervalSet::<u8>::default().is_empty());
        assert!(!IntervalSet::<u8>::default().contains(&0));
        assert!(!set_of(&[(0, 0)]).is_empty());
    }

    #[test]
    #[should_panic(expected = "an interval starts after its end")]
    fn interval_that_starts_after_its_end_is_refused() {
        IntervalSet::empty().add(2, 1);
    }

    quickcheck! {
        fn contains_exactly_the_points_that_were_added(intervals: Vec<(u8, u8)>) -> bool {
            let set = set_of(&intervals);
            (0..=u8::MAX).all(|point| {
                let added = intervals.iter().any(|(one, other)| (one.min(other)..=one.max(other)).contains(&&point));
                set.contains(&point) == added
            })
        }

        fn normal_form_does_not_depend_on_order(intervals: Vec<(u8, u8)>) -> bool {
            let mut backwards = intervals.clone();
            backwards.reverse();
            let set = set_of(&intervals);
            let ordered = listed(&set).is_sorted_by(|left, right| left.0 <= left.1 && left.1 < right.0);
            set == set_of(&backwards) && ordered
        }

        fn union_has_the_points_of_both(left: Vec<(u8, u8)>, right: Vec<(u8, u8)>) -> bool {
            let (left, right) = (set_of(&left), set_of(&right));
            let union = left.clone().union(right.clone());
            let commutes = union == right.clone().union(left.clone());
            commutes && (0..=u8::MAX).all(|point| union.contains(&point) == (left.contains(&point) || right.contains(&point)))
        }
    }
}
