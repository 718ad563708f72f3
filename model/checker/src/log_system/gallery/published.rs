//! Published bugs of commit logs, flushes and compactions.

use thymbra_durability::{
    Acceptance, AcknowledgementRules, DataElsewhere, FindingPlace, FlushRules, FlushState, Leftovers,
    LogFinding, MemtableBounds, MemtableRules, PurgeLimit, PurgeRules, ReplayRules, ReplayStep, SegmentRules,
    SkipRules, SurvivalRules, SwitchStage, TransactionLogCorrupt, TransactionRecord, TransactionRules,
};
use thymbra_types::{CommitLogPosition, IntervalSet, ReconcileRules, Reference};

use crate::gallery::as_reference;

/// CASSANDRA-8383: a write went to the memtable that was current when it looked for one, whatever its position.
#[derive(Debug)]
pub(super) struct NewestMemtableTakesAll;
as_reference!(NewestMemtableTakesAll: ReconcileRules AcknowledgementRules SurvivalRules SegmentRules FlushRules ReplayRules PurgeRules TransactionRules SkipRules);
impl MemtableRules for NewestMemtableTakesAll {
    fn accepts(
        &self,
        stage: SwitchStage,
        _operation: u64,
        _position: Option<CommitLogPosition>,
    ) -> Acceptance {
        match stage {
            SwitchStage::Current => Acceptance::Takes,
            SwitchStage::SwitchedOut { .. }
            | SwitchStage::Bounded { .. }
            | SwitchStage::BarrierIssued { .. } => Acceptance::Refuses,
        }
    }
}

/// CASSANDRA-9669: replay applied only what lies behind the last position that any file says is flushed.
#[derive(Debug)]
pub(super) struct ReplayAfterLastFlushed;
as_reference!(ReplayAfterLastFlushed: ReconcileRules AcknowledgementRules SurvivalRules SegmentRules MemtableRules FlushRules PurgeRules TransactionRules SkipRules);
impl ReplayRules for ReplayAfterLastFlushed {
    fn replays(
        &self,
        position: CommitLogPosition,
        flushed: &IntervalSet<CommitLogPosition>,
        truncated_at: Option<CommitLogPosition>,
    ) -> bool {
        let last = flushed.iter().map(|(_, end)| *end).max();
        last.max(truncated_at).is_none_or(|last| position > last)
    }
}

/// CASSANDRA-11828: a flush marked everything up to its end clean, also what an earlier flush had failed to write.
#[derive(Debug)]
pub(super) struct CleanUpToTheEnd;
as_reference!(CleanUpToTheEnd: ReconcileRules AcknowledgementRules SurvivalRules SegmentRules MemtableRules ReplayRules PurgeRules TransactionRules SkipRules);
impl FlushRules for CleanUpToTheEnd {
    fn clean_after(
        &self,
        state: FlushState,
        bounds: MemtableBounds,
    ) -> Option<(CommitLogPosition, CommitLogPosition)> {
        match state {
            FlushState::Written => Some((CommitLogPosition::NONE, bounds.upper)),
            FlushState::Writing | FlushState::Failed => None,
        }
    }
}

/// CASSANDRA-4782: segment ids came from the clock alone.
#[derive(Debug)]
pub(super) struct IdsFromTheClock;
as_reference!(IdsFromTheClock: ReconcileRules AcknowledgementRules SurvivalRules MemtableRules FlushRules ReplayRules PurgeRules TransactionRules SkipRules);
impl SegmentRules for IdsFromTheClock {
    fn segment_id_base(&self, now_ms: i64, _highest_known_id: Option<i64>) -> Option<i64> {
        Some(now_ms)
    }
}

/// CASSANDRA-13282: a remainder too small for a size was read as one, and met the end of the file.
#[derive(Debug)]
pub(super) struct RemainderIsARecord;
as_reference!(RemainderIsARecord: ReconcileRules AcknowledgementRules SurvivalRules SegmentRules MemtableRules FlushRules PurgeRules TransactionRules SkipRules);
impl ReplayRules for RemainderIsARecord {
    fn on_finding(&self, finding: LogFinding, place: FindingPlace) -> ReplayStep {
        let seen = match finding {
            LogFinding::RemainderTooSmall => LogFinding::RecordBeyondEnd,
            other @ (LogFinding::NoMarker
            | LogFinding::ZeroSize
            | LogFinding::HeaderDamaged
            | LogFinding::MarkerChecksum
            | LogFinding::MarkerTarget
            | LogFinding::SizeTooSmall
            | LogFinding::SizeChecksum
            | LogFinding::RecordBeyondEnd
            | LogFinding::RecordChecksum
            | LogFinding::SectionUnreadable
            | LogFinding::Undecodable) => other,
        };
        Reference.on_finding(seen, place)
    }
}

/// CASSANDRA-9949: a compaction looked at other files before it purged, and not at memtables.
#[derive(Debug)]
pub(super) struct MemtablesNotLookedAt;
as_reference!(MemtablesNotLookedAt: ReconcileRules AcknowledgementRules SurvivalRules SegmentRules MemtableRules FlushRules ReplayRules TransactionRules SkipRules);
impl PurgeRules for MemtablesNotLookedAt {
    fn purge_limit(&self, elsewhere: DataElsewhere) -> PurgeLimit {
        Reference.purge_limit(DataElsewhere {
            memtables: None,
            ..elsewhere
        })
    }
}

/// scylla #14870: a compaction did not look at the commit log that would be replayed. Nor does Cassandra 5.0.2.
#[derive(Debug)]
pub(super) struct LogNotLookedAt;
as_reference!(LogNotLookedAt: ReconcileRules AcknowledgementRules SurvivalRules SegmentRules MemtableRules FlushRules ReplayRules TransactionRules SkipRules);
impl PurgeRules for LogNotLookedAt {
    fn purge_limit(&self, elsewhere: DataElsewhere) -> PurgeLimit {
        Reference.purge_limit(DataElsewhere {
            commit_log: None,
            ..elsewhere
        })
    }
}

/// scylla #1181: nothing remembered which files a compaction had replaced, so that those it had not yet deleted came
/// back after a crash.
#[derive(Debug)]
pub(super) struct ReplacedFilesForgotten;
as_reference!(ReplacedFilesForgotten: ReconcileRules AcknowledgementRules SurvivalRules SegmentRules MemtableRules FlushRules ReplayRules PurgeRules SkipRules);
impl TransactionRules for ReplacedFilesForgotten {
    fn recover(&self, records: &[TransactionRecord]) -> Result<Leftovers, TransactionLogCorrupt> {
        let leftovers = Reference.recover(records)?;
        Ok(Leftovers {
            delete_removed: false,
            ..leftovers
        })
    }
}

/// CASSANDRA-2950: replay did not ask for the position of a truncation.
#[derive(Debug)]
pub(super) struct TruncationNotAskedFor;
as_reference!(TruncationNotAskedFor: ReconcileRules AcknowledgementRules SurvivalRules SegmentRules MemtableRules FlushRules PurgeRules TransactionRules SkipRules);
impl ReplayRules for TruncationNotAskedFor {
    fn replays(
        &self,
        position: CommitLogPosition,
        flushed: &IntervalSet<CommitLogPosition>,
        _truncated_at: Option<CommitLogPosition>,
    ) -> bool {
        !flushed.contains(&position)
    }

    fn replay_start(
        &self,
        _flushed: &IntervalSet<CommitLogPosition>,
        _truncated_at: Option<CommitLogPosition>,
    ) -> CommitLogPosition {
        CommitLogPosition::NONE
    }
}
