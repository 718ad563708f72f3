//! What Cassandra 5.0.2 does where this project is stricter: each loses or hides data in some run. See
//! `specs/deviations.md`.

use thymbra_durability::{
    AcknowledgementRules, FindingPlace, FlushRules, LogFinding, MemtableBounds, MemtableRules, PurgeRules,
    ReplayRules, ReplayStep, SegmentRules, SkipRules, SurvivalRules, TransactionRules,
};
use thymbra_types::{CommitLogPosition, IntervalSet, ReconcileRules, Reference};

use crate::gallery::as_reference;

/// The flushed interval of a file includes the lower bound of its memtable, where a record of the memtable before
/// ends.
#[derive(Debug)]
pub(super) struct LowerBoundIncluded;
as_reference!(LowerBoundIncluded: ReconcileRules AcknowledgementRules SurvivalRules SegmentRules FlushRules ReplayRules PurgeRules TransactionRules SkipRules);
impl MemtableRules for LowerBoundIncluded {
    fn flushed_interval(&self, bounds: MemtableBounds) -> Option<(CommitLogPosition, CommitLogPosition)> {
        Some((bounds.lower, bounds.upper))
    }
}

/// A flush in the midst of a replay owns no position.
#[derive(Debug)]
pub(super) struct ReplayNotesNothing;
as_reference!(ReplayNotesNothing: ReconcileRules AcknowledgementRules SurvivalRules SegmentRules FlushRules ReplayRules PurgeRules TransactionRules SkipRules);
impl MemtableRules for ReplayNotesNothing {
    fn replayed_bounds(&self, last: CommitLogPosition) -> MemtableBounds {
        MemtableBounds {
            lower: last,
            upper: last,
        }
    }
}

/// A segment is dirty from the start of a table's first record to the start of its last, and a memtable's bound is
/// where a record of the next one starts. Records of the model are one unit long.
#[derive(Debug)]
pub(super) struct DirtyToTheLastStart;
as_reference!(DirtyToTheLastStart: ReconcileRules AcknowledgementRules SurvivalRules MemtableRules FlushRules ReplayRules PurgeRules TransactionRules SkipRules);
impl SegmentRules for DirtyToTheLastStart {
    fn is_clean(&self, dirty: (u32, u32), clean: &IntervalSet<u32>) -> bool {
        Reference.is_clean((dirty.0, dirty.1 - 1), clean)
    }
}

/// Replay starts where a table's first flushed interval ends, as if nothing before it could be missing.
#[derive(Debug)]
pub(super) struct ReplayAfterFirstFlush;
as_reference!(ReplayAfterFirstFlush: ReconcileRules AcknowledgementRules SurvivalRules SegmentRules MemtableRules FlushRules PurgeRules TransactionRules SkipRules);
impl ReplayRules for ReplayAfterFirstFlush {
    fn replay_start(
        &self,
        flushed: &IntervalSet<CommitLogPosition>,
        truncated_at: Option<CommitLogPosition>,
    ) -> CommitLogPosition {
        let first = flushed.iter().next().map(|(_, end)| *end);
        truncated_at.or(first).unwrap_or(CommitLogPosition::NONE)
    }
}

/// Markers between two syncs are written into a segment while the one before it is not synced.
#[derive(Debug)]
pub(super) struct MarkersDoNotWait;
as_reference!(MarkersDoNotWait: ReconcileRules AcknowledgementRules SurvivalRules MemtableRules FlushRules ReplayRules PurgeRules TransactionRules SkipRules);
impl SegmentRules for MarkersDoNotWait {
    fn may_write_marker(&self, _earlier_segments_synced: bool) -> bool {
        true
    }
}

/// A record of size zero ends its segment, whatever follows it.
#[derive(Debug)]
pub(super) struct ZerosEndASegment;
as_reference!(ZerosEndASegment: ReconcileRules AcknowledgementRules SurvivalRules SegmentRules MemtableRules FlushRules PurgeRules TransactionRules SkipRules);
impl ReplayRules for ZerosEndASegment {
    fn on_finding(&self, finding: LogFinding, place: FindingPlace) -> ReplayStep {
        match finding {
            LogFinding::ZeroSize => ReplayStep::EndOfSegment,
            LogFinding::NoMarker
            | LogFinding::RemainderTooSmall
            | LogFinding::HeaderDamaged
            | LogFinding::MarkerChecksum
            | LogFinding::MarkerTarget
            | LogFinding::SizeTooSmall
            | LogFinding::SizeChecksum
            | LogFinding::RecordBeyondEnd
            | LogFinding::RecordChecksum
            | LogFinding::SectionUnreadable
            | LogFinding::Undecodable => Reference.on_finding(finding, place),
        }
    }
}
