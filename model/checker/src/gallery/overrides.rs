//! Overrides of our own, for properties that no entry above violates.

use core::cmp::Ordering;

use thymbra_durability::AcknowledgementRules;
use thymbra_protocol::{
    ConsistencyLevel, ConsistencyRules, CoordinationRules, Datacenter, HintRules, NodeId, Placement,
    ReadRules, ReplicaSet, ReplicationRules, TokenRing,
};
use thymbra_types::{CellView, ReconcileRules, Token};

use super::as_reference;

/// A refused write leaves hints.
#[derive(Debug)]
pub(super) struct RefusedWriteHinted;
as_reference!(RefusedWriteHinted: ReconcileRules AcknowledgementRules ReplicationRules ConsistencyRules CoordinationRules ReadRules);
impl HintRules for RefusedWriteHinted {
    fn hints_refused_write(&self) -> bool {
        true
    }
}

/// A timeout reports all acknowledgements, also those of data centres that had more than they needed.
#[derive(Debug)]
pub(super) struct TimeoutNotClamped;
as_reference!(TimeoutNotClamped: ReconcileRules AcknowledgementRules ReplicationRules CoordinationRules HintRules ReadRules);
impl ConsistencyRules for TimeoutNotClamped {
    fn received_in_timeout(&self, received: usize, _block_for: usize) -> usize {
        received
    }
}

/// A write waits for its timer although its level has become impossible.
#[derive(Debug)]
pub(super) struct FailureNotEarly;
as_reference!(FailureNotEarly: ReconcileRules AcknowledgementRules ReplicationRules CoordinationRules HintRules ReadRules);
impl ConsistencyRules for FailureNotEarly {
    fn is_impossible(
        &self,
        _level: ConsistencyLevel,
        _at: Placement<'_>,
        _failed: ReplicaSet,
        _dead: ReplicaSet,
    ) -> bool {
        false
    }
}

/// The coordinator leaves the replicas behind a remote coordinator to it.
#[derive(Debug)]
pub(super) struct ForwardedNotAwaited;
as_reference!(ForwardedNotAwaited: ReconcileRules AcknowledgementRules ReplicationRules ConsistencyRules HintRules ReadRules);
impl CoordinationRules for ForwardedNotAwaited {
    fn awaits_forwarded_replicas(&self) -> bool {
        false
    }
}

/// A stored hint counts as an acknowledgement at every level.
#[derive(Debug)]
pub(super) struct HintCountsEverywhere;
as_reference!(HintCountsEverywhere: ReconcileRules AcknowledgementRules ReplicationRules CoordinationRules HintRules ReadRules);
impl ConsistencyRules for HintCountsEverywhere {
    fn hint_counts_as_acknowledgement(&self, _level: ConsistencyLevel) -> bool {
        true
    }
}

/// A hint is applied however old it is.
#[derive(Debug)]
pub(super) struct HintNeverExpires;
as_reference!(HintNeverExpires: ReconcileRules AcknowledgementRules ReplicationRules ConsistencyRules CoordinationRules ReadRules);
impl HintRules for HintNeverExpires {
    fn is_live(&self, _created_ms: u64, _gc_grace_seconds: u32, _now_ms: u64) -> bool {
        true
    }
}

/// The trigger of hint delivery never fires.
#[derive(Debug)]
pub(super) struct HintsNeverDispatched;
as_reference!(HintsNeverDispatched: ReconcileRules AcknowledgementRules ReplicationRules ConsistencyRules CoordinationRules ReadRules);
impl HintRules for HintsNeverDispatched {
    fn may_dispatch(&self, _is_alive: bool, _has_same_schema: bool, _is_dispatching: bool) -> bool {
        false
    }
}

/// Of two cells that differ in value alone, a replica keeps the one it saw first.
#[derive(Debug)]
pub(super) struct TieKeepsFirst;
as_reference!(TieKeepsFirst: AcknowledgementRules ReplicationRules ConsistencyRules CoordinationRules HintRules ReadRules);
impl ReconcileRules for TieKeepsFirst {
    fn prefer_by_value(&self, _left: CellView<'_>, _right: CellView<'_>) -> Ordering {
        Ordering::Equal
    }
}

/// Read repair is sent to replicas that lack nothing.
#[derive(Debug)]
pub(super) struct CompleteReplicasRepaired;
as_reference!(CompleteReplicasRepaired: ReconcileRules AcknowledgementRules ReplicationRules ConsistencyRules CoordinationRules HintRules);
impl ReadRules for CompleteReplicasRepaired {
    fn repairs_complete_replicas(&self) -> bool {
        true
    }
}

/// A quorum of half the replicas.
#[derive(Debug)]
pub(super) struct HalfIsQuorum;
as_reference!(HalfIsQuorum: ReconcileRules AcknowledgementRules ReplicationRules CoordinationRules HintRules ReadRules);
impl ConsistencyRules for HalfIsQuorum {
    fn quorum_for(&self, replication_factor: usize) -> usize {
        replication_factor.div_ceil(2).max(1)
    }
}

/// Replicas of a data centre are taken in ring order, whatever their rack.
#[derive(Debug)]
pub(super) struct RacksIgnored;
as_reference!(RacksIgnored: ReconcileRules AcknowledgementRules ConsistencyRules CoordinationRules HintRules ReadRules);
impl ReplicationRules for RacksIgnored {
    fn network_topology_strategy(
        &self,
        ring: &TokenRing,
        token: &Token,
        replication_factors: &[(Datacenter, u16)],
    ) -> Vec<NodeId> {
        let mut replicas: Vec<NodeId> = Vec::new();
        for node in ring.nodes_from(token) {
            let datacenter = ring.location(node).map(|location| location.datacenter);
            let wanted = replication_factors
                .iter()
                .find(|(other, _)| Some(*other) == datacenter);
            let taken = replicas
                .iter()
                .filter(|taken| ring.location(**taken).map(|l| l.datacenter) == datacenter);
            if wanted.is_some_and(|(_, factor)| taken.count() < usize::from(*factor))
                && !replicas.contains(&node)
            {
                replicas.push(node);
            }
        }
        replicas
    }
}

/// LOCAL levels count replicas of every data centre.
#[derive(Debug)]
pub(super) struct LocalLevelsCountAll;
as_reference!(LocalLevelsCountAll: ReconcileRules AcknowledgementRules ReplicationRules CoordinationRules HintRules ReadRules);
impl ConsistencyRules for LocalLevelsCountAll {
    fn counted(&self, _level: ConsistencyLevel, at: Placement<'_>) -> ReplicaSet {
        at.plan.all()
    }
}

/// Of two cells the older one wins.
#[derive(Debug)]
pub(super) struct OlderWins;
as_reference!(OlderWins: AcknowledgementRules ReplicationRules ConsistencyRules CoordinationRules HintRules ReadRules);
impl ReconcileRules for OlderWins {
    fn compare_cells(&self, left: CellView<'_>, right: CellView<'_>) -> Ordering {
        right.timestamp.cmp(&left.timestamp)
    }
}
