//! Acknowledgements: what is applied when one leaves, and for whom it counts.

use thymbra_protocol::{Callback, NodeId, ReplicaSet, Reply, RequestId};

use super::{Cause, Watch};
use crate::payload::ModelMutation;
use crate::properties::{Breach, Reached};
use crate::scope::Sync;
use crate::system::{NodeMask, Phase, State, System, attempt_of, bit, operation_of};

impl System {
    pub(super) fn observe_acknowledged(
        &self,
        state: &mut State,
        node: NodeId,
        request: RequestId,
        sender: NodeId,
    ) {
        let is_open = state.node(node).node.writes.get(request).is_some();
        let operation = state.operations.get_mut(operation_of(request));
        let Some(operation) =
            operation.filter(|operation| is_open && operation.attempts == attempt_of(request))
        else {
            return;
        };
        let is_repeated = operation.settled & bit(sender) != 0 && operation.acked & bit(sender) != 0;
        operation.settled |= bit(sender);
        if operation.phase == Phase::Open {
            operation.acked |= bit(sender);
        }
        if is_repeated {
            state.reach(self, Reached::DuplicateAck);
        }
    }

    /// An append is complete: is the mutation where it has to be?
    pub(super) fn observe_acknowledgement_leaves(&self, state: &mut State, node: NodeId, reply: Reply) {
        let Callback::Write(request) = reply.callback else {
            return;
        };
        let index = operation_of(request);
        let is_current = state
            .operations
            .get(index)
            .is_some_and(|operation| operation.attempts == attempt_of(request));
        let Some(mutation) = self.mutation_of(state, index).filter(|_| is_current) else {
            return;
        };
        let disk = &state.node(node).disk;
        let (is_applied, is_synced) = (
            disk.memory.covers(mutation) && disk.appended.covers(mutation),
            disk.synced.covers(mutation),
        );
        state.reach(self, Reached::Acknowledged);
        if !is_applied {
            state.breach(self, Breach::AckBeforeApply);
        }
        if let (Some(lag_block), Sync::Periodic) = (self.scope.sync_lag_block, self.scope.sync) {
            let synced_at = state.node(node).synced_at;
            if state.tick.saturating_sub(synced_at) > lag_block {
                state.breach(self, Breach::AckWhileLagging);
            }
        }
        if self.scope.sync != Sync::Periodic {
            state.reach(self, Reached::SyncedAck);
            if !is_synced {
                state.breach(self, Breach::AckBeforeSync);
            }
        }
    }

    /// A mutation reached a memtable.
    pub(in crate::system) fn observe_applied(
        &self,
        state: &mut State,
        node: NodeId,
        mutation: ModelMutation,
        _reply: Reply,
    ) {
        if let Some(operation) = state.operations.get_mut(usize::from(mutation.write))
            && operation.phase == Phase::Open
            && operation.timestamp == mutation.timestamp
        {
            operation.applied |= bit(node);
        }
    }

    pub(super) fn observe_handler(
        &self,
        state: &mut State,
        watch: &Watch,
        (request, awaited, answered): (RequestId, ReplicaSet, bool),
    ) {
        let index = operation_of(request);
        let open = state.node(watch.node).node.writes.get(request);
        let local = self.layout.datacenter(watch.node);
        if let Cause::Acknowledged { sender, .. } = watch.cause {
            let counted = awaited.difference(open.map_or(ReplicaSet::EMPTY, |open| open.awaiting));
            let own = self
                .layout
                .plan()
                .position_of(sender)
                .map_or(ReplicaSet::EMPTY, ReplicaSet::single);
            if !counted.is_subset(own) {
                state.breach(self, Breach::AckTwice);
            }
        }
        let open = state.node(watch.node).node.writes.get(request);
        match (open, watch.cause) {
            (Some(open), Cause::Failed { .. }) if !open.answered && !answered => {
                let failed = self.nodes_at(open.failed());
                let level = open.level;
                if self.layout.is_impossible(level, local, failed) {
                    state.breach(self, Breach::FailureLate);
                }
            }
            (Some(_), _) => {}
            (None, _) => {
                let targets = self.layout.replicas() & !bit(watch.node);
                let settled = state
                    .operations
                    .get(index)
                    .map_or(0, |operation| operation.settled);
                let forgotten = targets & !settled;
                // Attempts of one operation share the mask: it tells of the first alone.
                let is_only = state
                    .operations
                    .get(index)
                    .is_some_and(|operation| operation.attempts == 1);
                if forgotten & !self.unhinted != 0 && is_only {
                    state.breach(self, Breach::HintMissing);
                    if forgotten & !self.layout.nodes_in(local) != 0 {
                        state.breach(self, Breach::ForwardedForgotten);
                    }
                }
                if let Some(operation) = state.operations.get_mut(index) {
                    operation.settled = 0;
                }
            }
        }
    }

    fn nodes_at(&self, positions: ReplicaSet) -> NodeMask {
        positions
            .iter()
            .filter_map(|position| self.layout.plan().node(position))
            .fold(0, |mask, node| mask | bit(node))
    }
}
