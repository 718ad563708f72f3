//! Which memtable takes a write while one is switched out, and which positions it owns.
//!
//! A write first joins the order of operations, then takes its position in the commit log, then
//! looks for its memtable; a flush may begin at any moment in between. Chapter:
//! `specs/07-memtable-and-flush.md`. Source: Cassandra `db.memtable.AbstractMemtableWithCommitlog`,
//! `ColumnFamilyStore.Flush`.

use thymbra_types::{CommitLogPosition, Reference};

/// How far the replacement of a memtable by its successor has come, in order.
///
/// The stages follow each other in this order, and all writes that began before the barrier end
/// before the memtable is written to a file.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum SwitchStage {
    /// It is the current one and takes every write.
    Current,
    /// A successor has been put in place; the upper bound is open, and writes may raise it.
    SwitchedOut {
        /// Largest position among the writes that raised it.
        raised_to: CommitLogPosition,
    },
    /// The upper bound is fixed; the barrier is not yet issued.
    Bounded {
        /// Largest position that is its own.
        upper: CommitLogPosition,
    },
    /// Operations from `first_after` on go to the successor.
    BarrierIssued {
        /// Largest position that is its own.
        upper: CommitLogPosition,
        /// First operation that began after the barrier.
        first_after: u64,
    },
}

/// What a memtable says to a write.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Acceptance {
    /// It is mine.
    Takes,
    /// It is mine, and my open upper bound becomes its position.
    TakesAndRaises,
    /// Ask my successor.
    Refuses,
}

/// The positions that a memtable owns: after `lower`, up to and including `upper`.
///
/// Invariant: `lower <= upper`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct MemtableBounds {
    /// The upper bound of its predecessor, which owns the record that ends there; or where the log
    /// was when the table came to be.
    pub lower: CommitLogPosition,
    /// Where the log was when it was switched out.
    pub upper: CommitLogPosition,
}

/// The decisions about switching memtables.
pub trait MemtableRules {
    /// Whether a memtable takes a write.
    ///
    /// `operation` is the place of the write in the order of operations, `position` the end of its
    /// record, absent if the keyspace is not durable. Cassandra: `accepts`.
    //= WP-MF-01
    fn accepts(&self, stage: SwitchStage, operation: u64, position: Option<CommitLogPosition>) -> Acceptance {
        let within = |upper| match position {
            None => Acceptance::Takes,
            Some(position) if position <= upper => Acceptance::Takes,
            Some(_) => Acceptance::Refuses,
        };
        match stage {
            SwitchStage::Current => Acceptance::Takes,
            SwitchStage::SwitchedOut { raised_to } => match within(raised_to) {
                Acceptance::Refuses => Acceptance::TakesAndRaises,
                Acceptance::Takes | Acceptance::TakesAndRaises => Acceptance::Takes,
            },
            SwitchStage::Bounded { upper } => within(upper),
            SwitchStage::BarrierIssued { first_after, .. } if operation >= first_after => Acceptance::Refuses,
            SwitchStage::BarrierIssued { upper, .. } => within(upper),
        }
    }

    /// The upper bound that is fixed when the log has been allocated up to `log_position`.
    ///
    /// Taken after the successor is in place, so that whoever took an earlier position and did not
    /// find the successor is counted. Cassandra: `ColumnFamilyStore.setCommitLogUpperBound`.
    fn upper_bound(
        &self,
        log_position: CommitLogPosition,
        raised_to: CommitLogPosition,
    ) -> CommitLogPosition {
        log_position.max(raised_to)
    }

    /// The closed interval of record ends that an SSTable is said to hold, for the sake of replay.
    ///
    /// Begins just after the lower bound: the record that ends there is the predecessor's, whose
    /// flush may fail. Cassandra includes the lower bound. Absent if the memtable owns no position.
    //= WP-MF-01
    //= WP-CL-04
    fn flushed_interval(&self, bounds: MemtableBounds) -> Option<(CommitLogPosition, CommitLogPosition)> {
        let MemtableBounds { lower, upper } = bounds;
        let start = after(lower)?;
        (start <= upper).then_some((start, upper))
    }

    /// What a memtable owns that a replay flushes, in its midst or at its end, when everything of its table up
    /// to and including the record that ends at `last` has been replayed.
    ///
    /// All of it, also what other SSTables hold or a truncation covers: if the start fails before the log is
    /// removed, the next one passes it over, and does not write it once more. Cassandra notes nothing.
    //= WP-CL-04
    fn replayed_bounds(&self, last: CommitLogPosition) -> MemtableBounds {
        MemtableBounds {
            lower: CommitLogPosition::NONE,
            upper: last,
        }
    }

    /// Whether a flush that the commit log asks for, to get rid of what lies at `position` or before,
    /// must switch the current memtable. Cassandra: `mayContainDataBefore`.
    fn may_contain_before(&self, lower: CommitLogPosition, position: CommitLogPosition) -> bool {
        lower < position
    }
}

impl MemtableRules for Reference {}

/// The next position; absent after the last of all.
pub(crate) fn after(position: CommitLogPosition) -> Option<CommitLogPosition> {
    match position.position.checked_add(1) {
        Some(offset) => Some(CommitLogPosition {
            position: offset,
            ..position
        }),
        None => Some(CommitLogPosition {
            segment_id: position.segment_id.checked_add(1)?,
            position: 0,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use thymbra_types::IntervalSet;

    const RULES: &dyn MemtableRules = &Reference;

    fn at(segment_id: i64, position: u32) -> CommitLogPosition {
        CommitLogPosition { segment_id, position }
    }

    #[test]
    fn current_memtable_takes_every_write() {
        for position in [None, Some(CommitLogPosition::NONE), Some(at(9, 9))] {
            assert_eq!(
                RULES.accepts(SwitchStage::Current, 7, position),
                Acceptance::Takes
            );
        }
    }

    #[test]
    fn open_bound_rises_to_the_writes_that_come() {
        let stage = SwitchStage::SwitchedOut { raised_to: at(1, 5) };
        for (position, acceptance) in [
            (None, Acceptance::Takes),
            (Some(at(1, 4)), Acceptance::Takes),
            (Some(at(1, 5)), Acceptance::Takes),
            (Some(at(1, 6)), Acceptance::TakesAndRaises),
        ] {
            assert_eq!(RULES.accepts(stage, 7, position), acceptance, "{position:?}");
        }
    }

    //= WP-MF-01 check
    #[test]
    fn fixed_bound_decides_by_position_until_the_barrier_decides_by_order() {
        let upper = at(1, 5);
        let bounded = SwitchStage::Bounded { upper };
        let issued = SwitchStage::BarrierIssued {
            upper,
            first_after: 7,
        };
        for (position, within) in [
            (None, Acceptance::Takes),
            (Some(at(1, 5)), Acceptance::Takes),
            (Some(at(1, 6)), Acceptance::Refuses),
        ] {
            for operation in 5..9 {
                let after = if operation >= 7 {
                    Acceptance::Refuses
                } else {
                    within
                };
                assert_eq!(RULES.accepts(bounded, operation, position), within);
                assert_eq!(RULES.accepts(issued, operation, position), after);
            }
        }
    }

    #[test]
    fn upper_bound_is_the_log_or_what_writes_raised_it_to() {
        assert_eq!(RULES.upper_bound(at(1, 5), at(1, 4)), at(1, 5));
        assert_eq!(RULES.upper_bound(at(1, 5), at(1, 6)), at(1, 6));
    }

    //= WP-MF-01 check
    //= WP-CL-04 check
    #[test]
    fn intervals_of_neighbours_hold_each_record_end_once() {
        let bounds = [at(1, 0), at(1, 5), at(1, u32::MAX), at(2, 3), at(2, 3), at(4, 1)];
        let intervals: alloc::vec::Vec<_> = bounds
            .windows(2)
            .map(|pair| {
                RULES.flushed_interval(MemtableBounds {
                    lower: pair[0],
                    upper: pair[1],
                })
            })
            .map(|interval| {
                let mut set = IntervalSet::empty();
                if let Some((start, end)) = interval {
                    set.add(start, end);
                }
                set
            })
            .collect();
        for end in [
            at(1, 1),
            at(1, 5),
            at(1, 6),
            at(1, u32::MAX),
            at(2, 0),
            at(2, 3),
            at(2, 4),
            at(4, 1),
        ] {
            let owner = bounds.windows(2).position(|pair| pair[0] < end && end <= pair[1]);
            let holders = intervals.iter().filter(|set| set.contains(&end)).count();
            assert_eq!(holders, 1, "{end}");
            assert!(intervals[owner.expect("within the bounds")].contains(&end));
        }
        assert!(intervals.iter().all(|set| !set.contains(&at(1, 0))));
        let last = MemtableBounds {
            lower: at(i64::MAX, u32::MAX),
            upper: at(i64::MAX, u32::MAX),
        };
        assert_eq!(RULES.flushed_interval(last), None);
    }

    //= WP-CL-04 check
    #[test]
    fn flush_in_the_midst_of_a_replay_holds_all_up_to_the_last_record_and_nothing_behind_it() {
        for last in [
            at(1, 1),
            at(1, u32::MAX),
            at(2, 0),
            at(2, 7),
            at(i64::MAX, u32::MAX),
        ] {
            let interval = RULES.flushed_interval(RULES.replayed_bounds(last));
            let (start, end) = interval.expect("a record was replayed");
            let mut set = IntervalSet::empty();
            set.add(start, end);
            for held in [at(0, 1), at(1, 1), at(1, 2), at(2, 0), at(2, 7), last] {
                assert_eq!(set.contains(&held), held <= last, "{held} {last}");
            }
            let behind = after(last);
            assert!(behind.is_none_or(|behind| !set.contains(&behind)), "{last}");
        }
    }

    #[test]
    fn only_a_memtable_that_began_before_a_position_can_hold_it() {
        assert!(RULES.may_contain_before(at(1, 4), at(1, 5)));
        assert!(!RULES.may_contain_before(at(1, 5), at(1, 5)));
    }
}
