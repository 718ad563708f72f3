//! Bugs of Apache Cassandra.

use core::cmp::Ordering;

use thymbra_durability::AcknowledgementRules;
use thymbra_protocol::{
    ConsistencyRules, CoordinationRules, FailureReason, HintRules, HintTarget, ReadRules, ReplicaPlan,
    ReplicaSet, ReplicationRules,
};
use thymbra_types::{CellView, ReconcileRules};

use super::as_reference;

/// CASSANDRA-2034: only replicas known to be down were hinted, not those that did not answer.
#[derive(Debug)]
pub(super) struct SilenceNotHinted;
as_reference!(SilenceNotHinted: ReconcileRules AcknowledgementRules ReplicationRules ConsistencyRules CoordinationRules ReadRules);
impl HintRules for SilenceNotHinted {
    fn hints_failed_replica(&self, reason: FailureReason) -> bool {
        reason != FailureReason::Timeout
    }
}

/// CASSANDRA-6510: the coordinator's own copy was dropped like any other when it waited too long.
#[derive(Debug)]
pub(super) struct OwnCopyDroppable;
as_reference!(OwnCopyDroppable: ReconcileRules AcknowledgementRules ReplicationRules ConsistencyRules HintRules ReadRules);
impl CoordinationRules for OwnCopyDroppable {
    fn executes_expired(&self, _is_own_copy: bool) -> bool {
        false
    }
}

/// CASSANDRA-14309: the window was measured by the present outage alone, so that each flap of the target or restart
/// of the coordinator opened a new one.
#[derive(Debug)]
pub(super) struct WindowByDowntimeAlone;
as_reference!(WindowByDowntimeAlone: ReconcileRules AcknowledgementRules ReplicationRules ConsistencyRules CoordinationRules ReadRules);
impl HintRules for WindowByDowntimeAlone {
    fn oldest_hint_exceeds_window(&self, _target: &HintTarget<'_>) -> bool {
        false
    }
}

/// CASSANDRA-19495: the repair of CASSANDRA-14309 remembered the earliest hint after it had been delivered.
#[derive(Debug)]
pub(super) struct EarliestHintNeverForgotten;
as_reference!(EarliestHintNeverForgotten: ReconcileRules AcknowledgementRules ReplicationRules ConsistencyRules CoordinationRules ReadRules);
impl HintRules for EarliestHintNeverForgotten {
    fn oldest_hint_exceeds_window(&self, target: &HintTarget<'_>) -> bool {
        target
            .history
            .first_hint_ever_ms
            .is_some_and(|age| age > target.config.max_hint_window_ms)
    }
}

/// CASSANDRA-2494: a quorum read returned before the repair that it had sent was acknowledged.
#[derive(Debug)]
pub(super) struct RepairNotAwaited;
as_reference!(RepairNotAwaited: ReconcileRules AcknowledgementRules ReplicationRules ConsistencyRules CoordinationRules HintRules);
impl ReadRules for RepairNotAwaited {
    fn awaits_read_repair(&self) -> bool {
        false
    }
}

/// CASSANDRA-14592: of two cells of one timestamp the values were compared before it was asked whether one of them
/// expires.
#[derive(Debug)]
pub(super) struct ValueBeforeExpiry;
as_reference!(ValueBeforeExpiry: AcknowledgementRules ReplicationRules ConsistencyRules CoordinationRules HintRules ReadRules);
impl ReconcileRules for ValueBeforeExpiry {
    fn prefer_by_kind(&self, left: CellView<'_>, right: CellView<'_>) -> Ordering {
        left.value.cmp(right.value)
    }
}

/// CASSANDRA-8058: LOCAL levels waited for pending replicas of other data centres as well.
#[derive(Debug)]
pub(super) struct ForeignPendingAwaited;
as_reference!(ForeignPendingAwaited: ReconcileRules AcknowledgementRules ReplicationRules CoordinationRules HintRules ReadRules);
impl ConsistencyRules for ForeignPendingAwaited {
    fn pending_to_wait_for(&self, plan: &ReplicaPlan, _within: ReplicaSet) -> usize {
        plan.pending().count()
    }
}

/// CASSANDRA-833: pending replicas were not waited for.
#[derive(Debug)]
pub(super) struct PendingIgnored;
as_reference!(PendingIgnored: ReconcileRules AcknowledgementRules ReplicationRules CoordinationRules HintRules ReadRules);
impl ConsistencyRules for PendingIgnored {
    fn pending_to_wait_for(&self, _plan: &ReplicaPlan, _within: ReplicaSet) -> usize {
        0
    }
}
