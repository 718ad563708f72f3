//! Clients begin: an operation reaches its coordinator, with the choices that the action carries.

use thymbra_protocol::{Input, NodeId, RequestId};

use super::guard::last_timestamp;
use super::{NodeMask, Operation, Phase, State, System, choices, generation};
use crate::payload::ReadCell;
use crate::scope::RetryPolicy;

impl System {
    pub(super) fn take_write(&self, state: &mut State, index: usize, node: NodeId, choice: WriteChoice) {
        let last = last_timestamp(state);
        let repeats = state
            .operations
            .get(index)
            .is_some_and(|operation| operation.attempts > 0)
            && self.scope.retry == RetryPolicy::SameTimestamp;
        let Some(operation) = begin(state, index, node) else {
            return;
        };
        // Timestamps are even, and two apart; one behind by a write is odd, just below the write before it.
        if !repeats {
            operation.timestamp = match (self.scope.same_timestamp, choice.skewed) {
                (true, _) => 2,
                (false, false) => (last & !1) + 2,
                (false, true) => (last & !1) - 1,
            };
        }
        let attempt = operation.attempts;
        if choice.skewed {
            state.budgets.skew -= 1;
        }
        let Some(mutation) = self.mutation_of(state, index) else {
            return;
        };
        let slot = state.node(node).node.writes.lowest_free();
        let input = Input::Write {
            request: RequestId {
                slot,
                generation: generation(index, attempt),
            },
            mutation,
            level: self.level(index),
            forwarders: choices::positions(&self.layout, choice.forwarders),
        };
        self.run(state, node, input, choice.sees, None);
    }

    pub(super) fn take_read(
        &self,
        state: &mut State,
        index: usize,
        node: NodeId,
        nearest: NodeMask,
        sees: Option<NodeMask>,
    ) {
        let Some(attempt) = begin(state, index, node).map(|operation| operation.attempts) else {
            return;
        };
        let slot = state.node(node).node.reads.lowest_free();
        let input = Input::Read {
            request: RequestId {
                slot,
                generation: generation(index, attempt),
            },
            command: ReadCell,
            level: self.level(index),
            proximity: choices::proximity(&self.layout, nearest),
            read_repair: self.scope.read_repair,
        };
        self.run(state, node, input, sees, None);
    }

    fn level(&self, index: usize) -> thymbra_protocol::ConsistencyLevel {
        self.operation(index)
            .map(|operation| operation.level)
            .expect("guarded: the operation exists")
    }
}

/// What the begin of a write carries besides its coordinator.
pub(super) struct WriteChoice {
    pub(super) forwarders: NodeMask,
    pub(super) skewed: bool,
    pub(super) sees: Option<NodeMask>,
}

/// The client sends an attempt: what was over before it is noted with the first.
fn begin(state: &mut State, index: usize, node: NodeId) -> Option<&mut Operation> {
    let ended = |is_over: fn(Phase) -> bool| {
        state
            .operations
            .iter()
            .zip(0_u32..)
            .filter(|(operation, _)| is_over(operation.phase))
            .fold(0, |mask, (_, index)| mask | 1 << index)
    };
    let after = ended(|phase| matches!(phase, Phase::Ended(_)));
    let mut after_first = ended(|phase| matches!(phase, Phase::Ended(_) | Phase::Retrying(_)));
    for (operation, bit) in state.operations.iter().zip(0_u32..) {
        if operation.attempts > 1 {
            after_first |= 1 << bit;
        }
    }
    let operation = state.operations.get_mut(index)?;
    if operation.attempts == 0 {
        (operation.after, operation.after_first) = (after, after_first);
    }
    operation.attempts += 1;
    operation.phase = Phase::Open;
    operation.coordinator = node;
    Some(operation)
}
