//! Admission, and what a client is told.

use thymbra_protocol::{ConsistencyLevel, NodeId};

use super::Watch;
use crate::properties::{Breach, Reached};
use crate::scope::RetryPolicy;
use crate::system::{NodeMask, Phase, State, System, Told, bit};

impl System {
    pub(super) fn observe_admission(
        &self,
        state: &mut State,
        watch: &Watch,
        index: usize,
        is_admitted: bool,
    ) {
        let Some(level) = self.operation(index).map(|operation| operation.level) else {
            return;
        };
        let local = self.layout.datacenter(watch.node);
        let believed = self.believed(state, watch);
        if self.layout.admits(level, local, believed) != is_admitted {
            state.breach(self, Breach::AdmissionWrong);
        }
        let is_true = |target: &NodeId| state.is_up(*target) && state.are_connected(watch.node, *target);
        let up = state
            .node_ids()
            .filter(is_true)
            .fold(0, |mask, node| mask | bit(node));
        if (believed ^ up) & self.layout.replicas() != 0 {
            state.reach(self, Reached::ViewWrong);
        }
    }

    /// A read was admitted, or refused as unavailable.
    pub(super) fn observe_read_admission(
        &self,
        state: &mut State,
        watch: &Watch,
        index: usize,
        is_admitted: bool,
    ) {
        let Some(level) = self.operation(index).map(|operation| operation.level) else {
            return;
        };
        let local = self.layout.datacenter(watch.node);
        if self.layout.admits_read(level, local, self.believed(state, watch)) != is_admitted {
            state.breach(self, Breach::AdmissionWrong);
        }
    }

    /// Whom a node believes alive at a step, itself among them.
    fn believed(&self, state: &State, watch: &Watch) -> NodeMask {
        watch.drawn.unwrap_or_else(|| self.alive_mask(state, watch.node)) | bit(watch.node)
    }

    /// An available write was taken, or refused as overloaded.
    pub(super) fn observe_overload(&self, state: &mut State, watch: &Watch, index: usize, is_refused: bool) {
        let write = u8::try_from(index).expect("at most 12 operations");
        let is_above = |count: usize| count > usize::from(self.scope.hints_in_progress_max);
        let is_due = is_above(self.hints_in_progress(state, watch.node, |_| true))
            && state.node_ids().any(|target| {
                self.layout.replicas() & bit(target) != 0
                    && self.hints_in_progress(state, watch.node, |other| other == target) > 0
                    && self.may_be_hinted(state, watch.node, target, write)
            });
        match (is_due, is_refused) {
            (false, true) => state.breach(self, Breach::OverloadWithoutCause),
            (true, false) => state.breach(self, Breach::OverloadIgnored),
            (false, false) | (true, true) => {}
        }
        if is_due {
            state.reach(self, Reached::HintsInProgress);
        }
    }

    /// The client is told how its operation ended.
    pub(in crate::system) fn answer(&self, state: &mut State, index: usize, told: Told) {
        let (Some(operation), Some(scope)) = (state.operations.get(index).copied(), self.operation(index))
        else {
            return;
        };
        if operation.phase != Phase::Open {
            state.breach(self, Breach::OutcomeTwice);
            return;
        }
        if scope.kind == crate::scope::OperationKind::Write {
            self.judge_outcome(state, index, told);
        }
        let is_failed = matches!(told, Told::Timeout(..) | Told::Failure(..));
        let retries = is_failed && operation.attempts == 1 && self.scope.retry != RetryPolicy::Never;
        if let Some(operation) = state.operations.get_mut(index) {
            operation.phase = if retries {
                Phase::Retrying(told)
            } else {
                Phase::Ended(told)
            };
            (operation.applied, operation.acked) = (0, 0);
        }
    }

    fn judge_outcome(&self, state: &mut State, index: usize, told: Told) {
        let (Some(operation), Some(scope)) = (state.operations.get(index).copied(), self.operation(index))
        else {
            return;
        };
        let local = self.layout.datacenter(operation.coordinator);
        let is_any = scope.level == ConsistencyLevel::Any;
        let mutation = self.mutation_of(state, index);
        let coordinator = state.node(operation.coordinator);
        let is_hinted = coordinator
            .disk
            .hints
            .iter()
            .any(|hint| Some(hint.mutation) == mutation);
        let others = state
            .node_ids()
            .filter(|node| *node != operation.coordinator && self.layout.replicas() & bit(*node) != 0);
        let write = u8::try_from(index).expect("at most 12 operations");
        let can_hint = others
            .into_iter()
            .any(|node| self.may_be_hinted(state, operation.coordinator, node, write));
        match told {
            Told::Success => {
                let applied = operation.applied & self.layout.replicas();
                if !(self.layout.meets(scope.level, local, applied)
                    || is_any && (is_hinted || applied == 0 && !can_hint))
                {
                    state.breach(self, Breach::AckUnsound);
                }
                if is_any && applied == 0 && !is_hinted && can_hint {
                    state.breach(self, Breach::AnyWithoutCopy);
                }
                if !is_any {
                    if is_hinted {
                        state.reach(self, Reached::HintWhileOpen);
                    }
                    if !self.layout.meets(scope.level, local, operation.acked) {
                        state.breach(self, Breach::HintCounted);
                    }
                }
            }
            Told::Timeout(received, block_for) => {
                if received >= block_for {
                    state.breach(self, Breach::TimeoutReceived);
                }
                if is_any && can_hint {
                    state.breach(self, Breach::AnyNotSuccess);
                }
            }
            Told::Failure(..) => {
                state.reach(self, Reached::Impossible);
                if is_any && can_hint {
                    state.breach(self, Breach::AnyNotSuccess);
                }
            }
            Told::Unavailable(..) | Told::Overloaded | Told::Invalid | Told::Value(_) => {}
        }
    }
}
