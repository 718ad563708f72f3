//! The evident intent where Apache Cassandra 5.0.2 does something else: surprises S2, S4, S6, S9, S10, S11, S24 of
//! `specs/deviations.md`.

use thymbra_durability::AcknowledgementRules;
use thymbra_protocol::{
    ConsistencyLevel, ConsistencyRules, CoordinationRules, HintRules, HintTarget, Placement, ReadRules,
    ReplicaPlan, ReplicaSet, ReplicationRules,
};
use thymbra_types::ReconcileRules;

use super::as_reference;

/// What Cassandra's authors evidently meant.
#[derive(Clone, Copy, Debug, Default)]
pub struct Intended;
as_reference!(Intended: ReconcileRules AcknowledgementRules ReplicationRules CoordinationRules ReadRules);

impl ConsistencyRules for Intended {
    /// S10: replicas that were dead at admission cannot answer.
    fn candidates(&self, level: ConsistencyLevel, at: Placement<'_>, dead: ReplicaSet) -> usize {
        self.counted(level, at).difference(dead).count()
    }

    /// S11: EACH_QUORUM fails early when one data centre cannot reach its quorum.
    fn is_impossible(
        &self,
        level: ConsistencyLevel,
        at: Placement<'_>,
        failed: ReplicaSet,
        dead: ReplicaSet,
    ) -> bool {
        if level == ConsistencyLevel::EachQuorum && at.plan.is_network_topology() {
            return self.each_quorum(at).any(|(datacenter, quorum)| {
                let within = at.plan.in_datacenter(datacenter);
                let left = within.difference(failed).difference(dead).count();
                quorum + self.pending_to_wait_for(at.plan, within) > left
            });
        }
        let failures = failed.intersection(self.counted(level, at)).count();
        self.block_for_write(level, at) + failures > self.candidates(level, at, dead)
    }

    /// S11: what the handler will wait for has to be alive.
    fn each_quorum_live_needed(&self, plan: &ReplicaPlan, within: ReplicaSet, quorum: usize) -> usize {
        quorum + self.pending_to_wait_for(plan, within)
    }

    /// S6: the number of live replicas is reported.
    fn each_quorum_alive_reported(&self, alive: usize) -> usize {
        alive
    }

    /// S9: the number of replicas that are needed is reported.
    fn local_one_required_reported(&self, block_for: usize) -> usize {
        block_for
    }
}

impl HintRules for Intended {
    /// S2: the counter of the target is read.
    fn hints_in_progress_seen(&self, in_progress_for_target: usize) -> usize {
        in_progress_for_target
    }

    /// S4: a success without any copy or hint is none.
    fn any_fallback_succeeds(&self, hinted: usize) -> bool {
        hinted > 0
    }

    /// S24: an outage is measured from its begin, whatever restarts of this node came between.
    fn downtime_exceeds_window(&self, target: &HintTarget<'_>) -> bool {
        target.history.outage_ms.max(target.history.downtime_ms) > target.config.max_hint_window_ms
    }
}
