//! Which of two writes wins.
//!
//! Replicas merge the same writes in different orders and groupings (memtable, compaction, read
//! repair, hints), so the winner may depend on neither, nor on any clock. Every merge of rows and
//! partitions takes its decisions from here. Chapter: `specs/01-data-model.md`.

use crate::cell::{CellKind, CellView};
use crate::deletion::DeletionTime;
use crate::liveness::{LivenessInfo, LivenessKind};
use crate::time::Timestamp;
use core::cmp::Ordering;

/// The decisions of reconciliation; the provided bodies are those of Cassandra 5.0.2.
///
/// An ordering says which argument wins: `Greater` the left, `Less` the right, `Equal` that they
/// are interchangeable and a merge keeps the left. A historic bug is a type that overrides the one
/// method it got wrong.
pub trait ReconcileRules {
    /// The order of two cells of one name. Cassandra: `Cells.resolveRegular`.
    //= WP-DM-04
    fn compare_cells(&self, left: CellView<'_>, right: CellView<'_>) -> Ordering {
        (left.timestamp.cmp(&right.timestamp))
            .then_with(|| self.prefer_by_kind(left, right))
            .then_with(|| self.prefer_by_expiry(left, right))
            .then_with(|| self.prefer_by_value(left, right))
    }

    /// Ties of timestamp: tombstone before expiring before live.
    ///
    /// Expired or not makes no difference, or the winner would depend on a clock
    /// (CASSANDRA-14592).
    fn prefer_by_kind(&self, left: CellView<'_>, right: CellView<'_>) -> Ordering {
        kind_rank(left.kind).cmp(&kind_rank(right.kind))
    }

    /// Ties of kind: the later deletion or expiration.
    fn prefer_by_expiry(&self, left: CellView<'_>, right: CellView<'_>) -> Ordering {
        left.kind
            .local_deletion_time()
            .cmp(&right.kind.local_deletion_time())
    }

    /// Ties of expiry: the larger value, byte by byte, unsigned.
    fn prefer_by_value(&self, left: CellView<'_>, right: CellView<'_>) -> Ordering {
        left.value.cmp(right.value)
    }

    /// The order of two deletions of one scope. Cassandra: `DeletionTime.supersedes`.
    //= WP-DM-06
    fn compare_deletions(&self, left: DeletionTime, right: DeletionTime) -> Ordering {
        (left.marked_for_delete_at.cmp(&right.marked_for_delete_at))
            .then_with(|| left.local_deletion_time.cmp(&right.local_deletion_time))
    }

    /// Whether a deletion removes what was written at a timestamp; at equal times it does.
    /// Cassandra: `DeletionTime.deletes`.
    //= WP-DM-05
    fn deletes(&self, deletion: DeletionTime, timestamp: Timestamp) -> bool {
        timestamp <= deletion.marked_for_delete_at
    }

    /// The order of two livenesses of one row. Cassandra: `LivenessInfo.supersedes`.
    //= WP-DM-07
    fn compare_liveness(&self, left: LivenessInfo, right: LivenessInfo) -> Ordering {
        (left.timestamp.cmp(&right.timestamp))
            .then_with(|| liveness_rank(left.kind).cmp(&liveness_rank(right.kind)))
            .then_with(|| left.local_expiration_time().cmp(&right.local_expiration_time()))
    }
}

/// The rules of Cassandra 5.0.2, as clients and files can observe them.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Reference;

impl ReconcileRules for Reference {}

/// Larger wins among cells of one timestamp.
const fn kind_rank(kind: CellKind) -> u8 {
    match kind {
        CellKind::Live => 0,
        CellKind::Expiring { .. } => 1,
        CellKind::Tombstone { .. } => 2,
    }
}

/// Larger wins among livenesses of one timestamp.
const fn liveness_rank(kind: LivenessKind) -> u8 {
    match kind {
        LivenessKind::Live => 0,
        LivenessKind::Expiring { .. } => 1,
        LivenessKind::Expired { .. } => 2,
    }
}
