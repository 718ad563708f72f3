//! Overrides of our own, for clauses that no entry above violates.

use thymbra_durability::{
    AcknowledgementRules, CommitLogProgress, DataElsewhere, FlushRules, FlushState, MemtableBounds,
    MemtableRules, PurgeLimit, PurgeRules, ReplayRules, SSTableTimes, SegmentRules, SkipRules, SurvivalRules,
    SyncMode, TransactionRules,
};
use thymbra_types::{CommitLogPosition, LocalDeletionTime, ReconcileRules, Reference, Timestamp};

use crate::gallery::as_reference;

/// A truncation goes on when flushes have ended, well or badly.
#[derive(Debug)]
pub(super) struct FailureLetsProceed;
as_reference!(FailureLetsProceed: ReconcileRules AcknowledgementRules SurvivalRules SegmentRules MemtableRules ReplayRules PurgeRules TransactionRules SkipRules);
impl FlushRules for FailureLetsProceed {
    fn may_proceed(&self, flushes: &[FlushState]) -> bool {
        !flushes.contains(&FlushState::Writing)
    }
}

/// A flush in the midst of a replay owns the whole segment that is being replayed.
#[derive(Debug)]
pub(super) struct ReplayedToTheSegmentEnd;
as_reference!(ReplayedToTheSegmentEnd: ReconcileRules AcknowledgementRules SurvivalRules SegmentRules FlushRules ReplayRules PurgeRules TransactionRules SkipRules);
impl MemtableRules for ReplayedToTheSegmentEnd {
    fn replayed_bounds(&self, last: CommitLogPosition) -> MemtableBounds {
        MemtableBounds {
            lower: CommitLogPosition::NONE,
            upper: CommitLogPosition {
                position: u32::MAX,
                ..last
            },
        }
    }
}

/// Replaced files are deleted before the commit is synced.
#[derive(Debug)]
pub(super) struct DeletesBeforeCommit;
as_reference!(DeletesBeforeCommit: ReconcileRules AcknowledgementRules SurvivalRules SegmentRules MemtableRules FlushRules ReplayRules PurgeRules SkipRules);
impl TransactionRules for DeletesBeforeCommit {
    fn may_delete_removed(&self, _commit_synced: bool, is_referenced: bool) -> bool {
        !is_referenced
    }
}

/// A transaction log is deleted while files that it would have removed are left.
#[derive(Debug)]
pub(super) struct LogDeletedEarly;
as_reference!(LogDeletedEarly: ReconcileRules AcknowledgementRules SurvivalRules SegmentRules MemtableRules FlushRules ReplayRules PurgeRules SkipRules);
impl TransactionRules for LogDeletedEarly {
    fn may_delete_log(&self, _leftovers_gone_synced: bool) -> bool {
        true
    }
}

/// No sync mode makes a write wait.
#[derive(Debug)]
pub(super) struct NobodyWaitsForSync;
as_reference!(NobodyWaitsForSync: ReconcileRules SurvivalRules SegmentRules MemtableRules FlushRules ReplayRules PurgeRules TransactionRules SkipRules);
impl AcknowledgementRules for NobodyWaitsForSync {
    fn may_acknowledge(&self, _mode: &SyncMode, _progress: &CommitLogProgress) -> bool {
        true
    }
}

/// A compaction does not look at the files that it leaves alone.
#[derive(Debug)]
pub(super) struct OtherFilesNotLookedAt;
as_reference!(OtherFilesNotLookedAt: ReconcileRules AcknowledgementRules SurvivalRules SegmentRules MemtableRules FlushRules ReplayRules TransactionRules SkipRules);
impl PurgeRules for OtherFilesNotLookedAt {
    fn purge_limit(&self, elsewhere: DataElsewhere) -> PurgeLimit {
        Reference.purge_limit(DataElsewhere {
            sstables: None,
            ..elsewhere
        })
    }
}

/// A tombstone is purged without regard to gc_grace.
#[derive(Debug)]
pub(super) struct GraceIgnored;
as_reference!(GraceIgnored: ReconcileRules AcknowledgementRules SurvivalRules SegmentRules MemtableRules FlushRules ReplayRules TransactionRules SkipRules);
impl PurgeRules for GraceIgnored {
    fn may_purge(
        &self,
        timestamp: Timestamp,
        _local_deletion_time: LocalDeletionTime,
        _gc_before: LocalDeletionTime,
        limit: PurgeLimit,
    ) -> bool {
        match limit {
            PurgeLimit::Everything => true,
            PurgeLimit::Below(oldest) => timestamp < oldest,
        }
    }
}

/// A file in which everything has expired is dropped whatever other files have.
#[derive(Debug)]
pub(super) struct ExpiredBesideOlderFiles;
as_reference!(ExpiredBesideOlderFiles: ReconcileRules AcknowledgementRules SurvivalRules SegmentRules MemtableRules FlushRules ReplayRules TransactionRules SkipRules);
impl PurgeRules for ExpiredBesideOlderFiles {
    fn fully_expired(
        &self,
        compacting: &[SSTableTimes],
        _overlapping: &[SSTableTimes],
        elsewhere: DataElsewhere,
        gc_before: LocalDeletionTime,
    ) -> Vec<bool> {
        Reference.fully_expired(compacting, &[], elsewhere, gc_before)
    }
}

/// A file in which everything has expired is dropped whatever memtables have.
#[derive(Debug)]
pub(super) struct ExpiredBesideMemtables;
as_reference!(ExpiredBesideMemtables: ReconcileRules AcknowledgementRules SurvivalRules SegmentRules MemtableRules FlushRules ReplayRules TransactionRules SkipRules);
impl PurgeRules for ExpiredBesideMemtables {
    fn fully_expired(
        &self,
        compacting: &[SSTableTimes],
        overlapping: &[SSTableTimes],
        elsewhere: DataElsewhere,
        gc_before: LocalDeletionTime,
    ) -> Vec<bool> {
        let elsewhere = DataElsewhere {
            memtables: None,
            ..elsewhere
        };
        Reference.fully_expired(compacting, overlapping, elsewhere, gc_before)
    }
}
