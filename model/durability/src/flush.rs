//! What follows when a flush has ended, well or badly.
//!
//! Flushes write their files side by side and may end in any order; what follows them runs in the
//! order of the switches. Chapter: `specs/07-memtable-and-flush.md`. Source: Cassandra
//! `ColumnFamilyStore.PostFlush`.

use crate::memtable::MemtableBounds;
use thymbra_types::{CommitLogPosition, Reference};

/// How a flush stands.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum FlushState {
    /// Its file is being written.
    Writing,
    /// Its file is complete, synced and part of the table; or there was nothing to write.
    Written,
    /// It could not be written; the memtable stays in memory and is read from there.
    Failed,
}

/// The decisions about what a flush makes possible.
pub trait FlushRules {
    /// Whether what follows a flush may run: all flushes that were switched earlier, of any table,
    /// have ended.
    //= WP-MF-06
    fn may_post_flush(&self, state: FlushState, earlier: &[FlushState]) -> bool {
        let ended = |state| match state {
            FlushState::Writing => false,
            FlushState::Written | FlushState::Failed => true,
        };
        ended(state) && earlier.iter().all(|state| ended(*state))
    }

    /// The positions of its table that an ended flush marks clean in the commit log, after the first
    /// up to and including the second; absent if none.
    ///
    /// Never more than its own: what an earlier flush failed to write stays dirty.
    //= WP-MF-04
    fn clean_after(
        &self,
        state: FlushState,
        bounds: MemtableBounds,
    ) -> Option<(CommitLogPosition, CommitLogPosition)> {
        match state {
            FlushState::Written => Some((bounds.lower, bounds.upper)),
            FlushState::Writing | FlushState::Failed => None,
        }
    }

    /// Whether what waits for the data to be on disk (truncation, snapshot, drain) may go on.
    ///
    /// `flushes` are those that were running or begun when it asked.
    //= WP-MF-04
    fn may_proceed(&self, flushes: &[FlushState]) -> bool {
        flushes.iter().all(|state| match state {
            FlushState::Written => true,
            FlushState::Writing | FlushState::Failed => false,
        })
    }
}

impl FlushRules for Reference {}

#[cfg(test)]
mod tests {
    use super::FlushState::{Failed, Writing, Written};
    use super::*;

    const RULES: &dyn FlushRules = &Reference;
    const STATES: [FlushState; 3] = [Writing, Written, Failed];

    //= WP-MF-06 check
    #[test]
    fn what_follows_a_flush_waits_for_the_end_of_all_earlier_ones() {
        for state in STATES {
            for first in STATES {
                for second in STATES {
                    let ended = ![state, first, second].contains(&Writing);
                    assert_eq!(RULES.may_post_flush(state, &[first, second]), ended);
                }
            }
            assert_eq!(RULES.may_post_flush(state, &[]), state != Writing);
        }
    }

    //= WP-MF-04 check
    #[test]
    fn only_a_written_flush_marks_clean_and_only_its_own() {
        let bounds = MemtableBounds {
            lower: CommitLogPosition::NONE,
            upper: CommitLogPosition {
                segment_id: 1,
                position: 5,
            },
        };
        assert_eq!(
            RULES.clean_after(Written, bounds),
            Some((bounds.lower, bounds.upper))
        );
        assert_eq!(RULES.clean_after(Failed, bounds), None);
        assert_eq!(RULES.clean_after(Writing, bounds), None);
    }

    //= WP-MF-04 check
    #[test]
    fn whoever_waits_for_the_disk_waits_for_every_flush_to_succeed() {
        assert!(RULES.may_proceed(&[]));
        for first in STATES {
            for second in STATES {
                let both = (first, second) == (Written, Written);
                assert_eq!(RULES.may_proceed(&[first, second]), both);
            }
        }
    }
}
