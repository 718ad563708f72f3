//! Reductions of the graph: what need not be explored because something equivalent is.
//!
//! Off in pinned configurations; tests compare reduced and full graphs.

use thymbra_protocol::{Callback, Message};

use super::{Envelope, Life, Phase, State, System, operation_of};
use crate::action::Action;
use crate::scope::Detector;

impl System {
    /// The message can change nothing any more: nobody waits for it.
    pub(super) fn is_pointless(&self, state: &State, envelope: &Envelope) -> bool {
        if !self.scope.reduce {
            return false;
        }
        let receiver = &state.node(envelope.to).node;
        let position = || self.layout.plan().position_of(envelope.from);
        match &envelope.message {
            Message::MutationResponse { request }
            | Message::Failure {
                callback: Callback::Write(request),
                ..
            } => receiver
                .writes
                .get(*request)
                .is_none_or(|open| position().is_none_or(|position| !open.awaiting.contains(position))),
            Message::ReadResponse { request, .. }
            | Message::Failure {
                callback: Callback::Read(request),
                ..
            } => receiver.reads.get(*request).is_none_or(|open| {
                open.repair.is_some() || position().is_none_or(|position| !open.awaiting.contains(position))
            }),
            Message::ReadRepairResponse { request } => receiver.reads.get(*request).is_none_or(|open| {
                open.repair.is_none() || position().is_none_or(|position| !open.awaiting.contains(position))
            }),
            Message::HintResponse { dispatch, .. }
            | Message::Failure {
                callback: Callback::Hint { dispatch, .. },
                ..
            } => receiver.dispatches.get(*dispatch).is_none(),
            Message::Failure {
                callback: Callback::ReadRepair(_),
                ..
            } => true,
            Message::Mutation { .. }
            | Message::Hint { .. }
            | Message::Read { .. }
            | Message::ReadRepair { .. } => false,
        }
    }

    /// Takes pointless messages out of flight.
    pub(super) fn discard_pointless(&self, state: &mut State) {
        if !self.scope.reduce || state.network.is_empty() {
            return;
        }
        let mut network = std::mem::take(&mut state.network);
        network.retain(|envelope| !self.is_pointless(state, envelope) && !is_forgotten_read(state, envelope));
        state.network = network;
    }

    /// Keeps one of several independent deliveries, where their order cannot be seen: all operations are over, no
    /// budget is left, so that only the quiescent end counts, and deliveries at different nodes commute. Answers
    /// whether nothing else needs to be explored.
    pub(super) fn reduce(&self, state: &State, out: &mut Vec<Action>, begin: usize) -> bool {
        let is_settled = state
            .operations
            .iter()
            .all(|operation| matches!(operation.phase, Phase::Ended(_) | Phase::Abandoned));
        let is_calm = state.cut == 0
            && self.scope.detector != Detector::Lagging
            && state.nodes.iter().all(|node| node.life != Life::Paused);
        if is_settled && is_calm && Self::is_undisturbed(&state.budgets) && !self.scope.restart {
            let first = out
                .iter()
                .skip(begin)
                .position(|action| matches!(action, Action::Deliver(envelope) if !envelope.orphaned));
            if let Some(first) = first {
                out.swap(begin, begin + first);
                out.truncate(begin + 1);
                return true;
            }
        }
        if let Some(eager) = self.eager_delivery(state, out.get(begin..).unwrap_or_default()) {
            let action = out.swap_remove(begin + eager);
            out.truncate(begin);
            out.push(action);
            return true;
        }
        false
    }

    /// An answer that completes nothing yet, while nothing can disturb it: it commutes with everything and nobody
    /// sees it.
    fn eager_delivery(&self, state: &State, deliveries: &[Action]) -> Option<usize> {
        if !Self::is_undisturbed(&state.budgets) {
            return None;
        }
        deliveries.iter().position(
            |action| matches!(action, Action::Deliver(envelope) if !envelope.orphaned && self.is_silent(state, envelope)),
        )
    }

    fn is_silent(&self, state: &State, envelope: &Envelope) -> bool {
        let receiver = &state.node(envelope.to).node;
        match &envelope.message {
            Message::ReadResponse { request, .. } => receiver
                .reads
                .get(*request)
                .is_some_and(|open| open.repair.is_none() && open.awaiting.count() > 1),
            Message::MutationResponse { request } => receiver.writes.get(*request).is_some_and(|open| {
                // After the answer an acknowledgement only spares a hint.
                open.answered || {
                    let position = self.layout.plan().position_of(envelope.from);
                    let acked = position.map_or(open.acked, |position| open.acked.with(position));
                    let at = thymbra_protocol::Placement {
                        plan: self.layout.plan(),
                        local: self.layout.datacenter(envelope.to),
                    };
                    state.operations.get(operation_of(*request)).is_some()
                        && !self.rules.is_satisfied(open.level, at, acked, open.hint_acked)
                }
            }),
            Message::Mutation { .. }
            | Message::Hint { .. }
            | Message::HintResponse { .. }
            | Message::Read { .. }
            | Message::ReadRepair { .. }
            | Message::ReadRepairResponse { .. }
            | Message::Failure { .. } => false,
        }
    }
}

/// A read that nobody waits for leaves no trace at its replica.
fn is_forgotten_read(state: &State, envelope: &Envelope) -> bool {
    match &envelope.message {
        Message::Read { request, .. } => state.node(envelope.from).node.reads.get(*request).is_none(),
        Message::Mutation { .. }
        | Message::MutationResponse { .. }
        | Message::Hint { .. }
        | Message::HintResponse { .. }
        | Message::ReadResponse { .. }
        | Message::ReadRepair { .. }
        | Message::ReadRepairResponse { .. }
        | Message::Failure { .. } => false,
    }
}
