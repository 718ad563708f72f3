//! What replay of the commit log applies at start, and what damage it may pass over.
//!
//! Chapter: `specs/06-commit-log.md`. Source: Cassandra `db.commitlog.CommitLogReplayer`,
//! `CommitLogReader`, `CommitLogSegmentReader`.

use crate::memtable::after;
use core::fmt;
use thymbra_types::{CommitLogPosition, IntervalSet, Reference};

/// Identity of a node for its whole life; the 128 bits of a UUID.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct HostId(
    /// The UUID, most significant byte first.
    pub u128,
);

/// Something in a segment that is not a whole record.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum LogFinding {
    /// The marker that would begin the next section is all zero, or the file ends before it would be
    /// complete; so is the first marker of a segment that nothing was written into.
    NoMarker,
    /// Between one and three bytes are left in a section: too few for the size of a record.
    RemainderTooSmall,
    /// The size of a record is zero.
    ZeroSize,
    /// The header cannot be read, its checksum differs, or it has another id than the file's name.
    HeaderDamaged,
    /// The checksum of a marker differs and the marker is not all zero.
    MarkerChecksum,
    /// A marker with its right checksum points before itself or beyond the file.
    MarkerTarget,
    /// The size of a record is below that of the smallest mutation.
    SizeTooSmall,
    /// The checksum of a record's size differs.
    SizeChecksum,
    /// A record reaches beyond its section or the file.
    RecordBeyondEnd,
    /// The checksum of a record differs.
    RecordChecksum,
    /// The content of a compressed section cannot be restored.
    SectionUnreadable,
    /// A record with its right checksum is no mutation.
    Undecodable,
}

/// Where something was found.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct FindingPlace {
    /// Of the segments whose first marker is not zero, this one has the highest id.
    pub in_last_segment: bool,
    /// No marker with its right checksum follows anywhere in the segment.
    pub in_last_section: bool,
}

/// How replay goes on from there.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ReplayStep {
    /// The segment ends here as it should; the next one follows.
    EndOfSegment,
    /// The write that a crash cut short: the log ends here, and everything before it is applied.
    TornTail,
    /// What was once whole is damaged: replay stops with an error, and the node does not start.
    Corrupt,
}

impl fmt::Display for LogFinding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NoMarker => "no sync marker",
            Self::RemainderTooSmall => "a remainder too small for the size of a record",
            Self::ZeroSize => "a record of size zero",
            Self::HeaderDamaged => "a damaged header",
            Self::MarkerChecksum => "a sync marker with a wrong checksum",
            Self::MarkerTarget => "a sync marker that points outside of the segment",
            Self::SizeTooSmall => "a record too small for a mutation",
            Self::SizeChecksum => "a wrong checksum of a record's size",
            Self::RecordBeyondEnd => "a record that reaches beyond its section",
            Self::RecordChecksum => "a wrong checksum of a record",
            Self::SectionUnreadable => "a compressed section that cannot be restored",
            Self::Undecodable => "a record that is no mutation",
        })
    }
}

/// The decisions of replay.
pub trait ReplayRules {
    /// Whether the flushed positions that an SSTable names are those of this node's log.
    ///
    /// Files that were streamed, or copied from another node, name positions of another log
    /// (CASSANDRA-16619). `originating` is absent in files of older formats.
    //= WP-CL-04
    fn counts_intervals_of(&self, originating: Option<HostId>, local: HostId) -> bool {
        originating == Some(local)
    }

    /// Whether a record is applied to a table: no SSTable holds it and no truncation followed it.
    ///
    /// `flushed` has the positions of all live SSTables of the table whose intervals count.
    /// Cassandra: `CommitLogReplayer.shouldReplay`.
    //= WP-CL-04
    fn replays(
        &self,
        position: CommitLogPosition,
        flushed: &IntervalSet<CommitLogPosition>,
        truncated_at: Option<CommitLogPosition>,
    ) -> bool {
        !flushed.contains(&position) && truncated_at.is_none_or(|truncated_at| position > truncated_at)
    }

    /// Whether what a record has for a table is of the table that has the id now, and not of one that had it before
    /// and was dropped, the log being at `made_again_at` when the present one was made.
    //= WP-CL-04
    fn is_of_present_table(
        &self,
        position: CommitLogPosition,
        made_again_at: Option<CommitLogPosition>,
    ) -> bool {
        made_again_at.is_none_or(|made_again_at| position > made_again_at)
    }

    /// The position up to which no record of a table needs to be looked at; replay starts at the
    /// least of all tables.
    ///
    /// That is the truncation, extended by the flushed intervals that follow it without a gap; otherwise the beginning,
    /// because the first flush of the table may have failed while a later one succeeded. Cassandra
    /// takes the end of the table's first interval. (CASSANDRA-9669 left this open.)
    //= WP-CL-04
    fn replay_start(
        &self,
        flushed: &IntervalSet<CommitLogPosition>,
        truncated_at: Option<CommitLogPosition>,
    ) -> CommitLogPosition {
        let start = truncated_at.unwrap_or(CommitLogPosition::NONE);
        flushed.iter().fold(start, |start, (first, last)| {
            match after(start).is_some_and(|next| *first <= next) {
                true => start.max(*last),
                false => start,
            }
        })
    }

    /// What to do about something that is not a whole record.
    ///
    /// Stricter than Cassandra, which goes on with the next section or record of the last segment,
    /// and ends any segment at a zero size: a marker is written when all records before the end that
    /// it gives are, so that zeros there were records once.
    //= WP-CL-05
    fn on_finding(&self, finding: LogFinding, place: FindingPlace) -> ReplayStep {
        use LogFinding as Found;
        match finding {
            Found::NoMarker | Found::RemainderTooSmall => match place.in_last_section {
                true => ReplayStep::EndOfSegment,
                false => ReplayStep::Corrupt,
            },
            Found::ZeroSize
            | Found::MarkerChecksum
            | Found::MarkerTarget
            | Found::SizeTooSmall
            | Found::SizeChecksum
            | Found::RecordBeyondEnd
            | Found::RecordChecksum
            | Found::SectionUnreadable => match (place.in_last_segment, place.in_last_section) {
                (true, true) => ReplayStep::TornTail,
                (true, false) | (false, true) | (false, false) => ReplayStep::Corrupt,
            },
            Found::HeaderDamaged | Found::Undecodable => ReplayStep::Corrupt,
        }
    }
}

impl ReplayRules for Reference {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec::Vec;

    const RULES: &dyn ReplayRules = &Reference;

    const ENDS: [LogFinding; 2] = [LogFinding::NoMarker, LogFinding::RemainderTooSmall];
    const TORN: [LogFinding; 8] = [
        LogFinding::ZeroSize,
        LogFinding::MarkerChecksum,
        LogFinding::MarkerTarget,
        LogFinding::SizeTooSmall,
        LogFinding::SizeChecksum,
        LogFinding::RecordBeyondEnd,
        LogFinding::RecordChecksum,
        LogFinding::SectionUnreadable,
    ];
    const NEVER_TORN: [LogFinding; 2] = [LogFinding::HeaderDamaged, LogFinding::Undecodable];

    fn at(position: u32) -> CommitLogPosition {
        CommitLogPosition {
            segment_id: 1,
            position,
        }
    }

    fn set(intervals: &[(u32, u32)]) -> IntervalSet<CommitLogPosition> {
        let mut set = IntervalSet::empty();
        for (start, end) in intervals {
            set.add(at(*start), at(*end));
        }
        set
    }

    //= WP-CL-04 check
    #[test]
    fn record_that_ends_where_a_table_was_made_again_is_of_the_one_before() {
        assert!(RULES.is_of_present_table(at(0), None));
        let is_of_present = [4, 5, 6].map(|position| RULES.is_of_present_table(at(position), Some(at(5))));
        assert_eq!(is_of_present, [false, false, true]);
    }

    fn places() -> impl Iterator<Item = FindingPlace> {
        [(false, false), (false, true), (true, false), (true, true)]
            .into_iter()
            .map(|(in_last_segment, in_last_section)| FindingPlace {
                in_last_segment,
                in_last_section,
            })
    }

    //= WP-CL-04 check
    #[test]
    fn intervals_count_only_if_this_node_wrote_them() {
        let local = HostId(1);
        assert!(RULES.counts_intervals_of(Some(local), local));
        assert!(!RULES.counts_intervals_of(Some(HostId(2)), local));
        assert!(!RULES.counts_intervals_of(None, local));
    }

    //= WP-CL-04 check
    #[test]
    fn record_is_replayed_unless_flushed_or_truncated() {
        let flushed = set(&[(3, 5), (8, 9)]);
        let replayed = |truncated_at| -> Vec<u32> {
            (0..11)
                .filter(|position| RULES.replays(at(*position), &flushed, truncated_at))
                .collect()
        };
        assert_eq!(replayed(None), [0, 1, 2, 6, 7, 10]);
        assert_eq!(replayed(Some(at(1))), [2, 6, 7, 10]);
        assert_eq!(replayed(Some(at(7))), [10]);
    }

    //= WP-CL-04 check
    #[test]
    fn replay_starts_no_later_than_the_first_record_that_it_applies() {
        let sets = [set(&[]), set(&[(0, 2)]), set(&[(3, 5)]), set(&[(1, 1), (3, 5)])];
        for flushed in sets {
            for truncated_at in [None, Some(at(0)), Some(at(2)), Some(at(3)), Some(at(7))] {
                let start = RULES.replay_start(&flushed, truncated_at);
                for position in (0..10).map(at).filter(|position| *position <= start) {
                    assert!(!RULES.replays(position, &flushed, truncated_at), "{position}");
                }
            }
        }
    }

    #[test]
    fn replay_starts_after_the_truncation_and_what_follows_it_without_a_gap() {
        let flushed = set(&[(3, 5), (6, 9), (11, 12)]);
        for (truncated_at, start) in [
            (None, CommitLogPosition::NONE),
            (Some(at(1)), at(1)),
            (Some(at(2)), at(9)),
            (Some(at(5)), at(9)),
            (Some(at(6)), at(9)),
            (Some(at(10)), at(12)),
            (Some(at(14)), at(14)),
        ] {
            assert_eq!(
                RULES.replay_start(&flushed, truncated_at),
                start,
                "{truncated_at:?}"
            );
        }
    }

    //= WP-CL-05 check
    #[test]
    fn end_of_a_segment_is_one_only_if_no_section_follows() {
        for finding in ENDS {
            for place in places() {
                let step = match place.in_last_section {
                    true => ReplayStep::EndOfSegment,
                    false => ReplayStep::Corrupt,
                };
                assert_eq!(RULES.on_finding(finding, place), step, "{finding:?} {place:?}");
            }
        }
    }

    //= WP-CL-05 check
    #[test]
    fn damage_is_a_torn_tail_in_the_last_section_of_the_log_alone() {
        for finding in TORN {
            for place in places() {
                let step = match place.in_last_segment && place.in_last_section {
                    true => ReplayStep::TornTail,
                    false => ReplayStep::Corrupt,
                };
                assert_eq!(RULES.on_finding(finding, place), step, "{finding:?} {place:?}");
            }
        }
    }

    #[test]
    fn damage_that_no_crash_leaves_is_always_an_error() {
        for finding in NEVER_TORN {
            for place in places() {
                assert_eq!(RULES.on_finding(finding, place), ReplayStep::Corrupt);
            }
        }
    }

    #[test]
    fn findings_have_words_of_their_own() {
        let mut words: Vec<_> = ENDS
            .iter()
            .chain(&TORN)
            .chain(&NEVER_TORN)
            .map(ToString::to_string)
            .collect();
        words.sort();
        words.dedup();
        assert_eq!(words.len(), 12);
        assert!(words.iter().all(|words| words.len() > 10));
    }
}
