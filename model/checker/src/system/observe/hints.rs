//! Hints: who is owed one, within which window, and when one may go.

use thymbra_protocol::{NodeId, RequestId};

use crate::payload::{GC_GRACE_FOREVER, HINT_SIZE_BYTES, ModelMutation};
use crate::properties::{Breach, Reached};
use crate::scope::RetryPolicy;
use crate::system::{HintStage, NodeMask, State, StoredHint, System, TICK_MS, bit, operation_of};

impl System {
    pub(super) fn observe_owed(&self, state: &mut State, node: NodeId, request: RequestId, owed: NodeMask) {
        let index = operation_of(request);
        let Some(mutation) = self.mutation_of(state, index) else {
            return;
        };
        for target in state.node_ids().filter(|target| owed & bit(*target) != 0) {
            let me = state.node(node);
            let is_held = me
                .disk
                .hints
                .iter()
                .any(|hint| hint.target == target && hint.mutation.write == mutation.write);
            let window = self.hint_window(state, node, target);
            let is_full = self.hint_files_are_full(state, node, target, mutation.write);
            let is_excluded = self.unhinted & bit(target) != 0;
            let outage = me.outages.get(usize::from(target.0)).copied().unwrap_or_default();
            let is_second = outage.first_hint.is_some_and(|first| first < state.tick)
                && !me
                    .disk
                    .hints
                    .iter()
                    .any(|hint| hint.target == target && hint.created < state.tick);
            if !is_excluded && window && !is_full {
                state.reach(self, Reached::HintStored);
                if is_second {
                    state.reach(self, Reached::SecondOutage);
                }
                if !is_held {
                    state.breach(self, Breach::HintMissing);
                    if is_second {
                        state.breach(self, Breach::HintRefusedAfterDischarge);
                    }
                }
            }
            if !window {
                state.reach(self, Reached::WindowPassed);
            }
            if is_full {
                state.reach(self, Reached::HintFilesFull);
            }
            if is_excluded {
                state.reach(self, Reached::HintsExcluded);
            }
            if let Some(operation) = state.operations.get_mut(index) {
                operation.settled |= bit(target);
            }
        }
    }

    /// Within the window by the coordinator's own memory: the present outage, and the oldest hint file.
    pub(super) fn hint_window(&self, state: &State, node: NodeId, target: NodeId) -> bool {
        let me = state.node(node);
        let window = self.scope.hint_window;
        let outage = me.outages.get(usize::from(target.0)).copied().unwrap_or_default();
        let is_short = outage.seen_since.is_none_or(|since| state.tick - since <= window);
        let written = me.disk.hints.iter().filter(|hint| {
            hint.target == target && hint.stage >= HintStage::Written && self.scope.hint_window_persistent
        });
        is_short
            && written
                .map(|hint| hint.created)
                .min()
                .is_none_or(|oldest| state.tick - oldest <= window)
    }

    /// The hint files for a target exceed their limit, by the hints of other writes than this one: a step may store
    /// several hints of one write.
    fn hint_files_are_full(&self, state: &State, node: NodeId, target: NodeId, write: u8) -> bool {
        if self.scope.hints_size_max_bytes == 0 {
            return false;
        }
        let hints = state.node(node).disk.hints.iter();
        let written = hints.filter(|hint| {
            hint.target == target && hint.stage >= HintStage::Written && hint.mutation.write != write
        });
        written.map(|_| HINT_SIZE_BYTES).sum::<u64>() > u64::from(self.scope.hints_size_max_bytes)
    }

    /// The coordinator of a write may hint a replica for it, by everything that the configuration says.
    pub(super) fn may_be_hinted(&self, state: &State, node: NodeId, target: NodeId, write: u8) -> bool {
        node != target
            && self.unhinted & bit(target) == 0
            && self.hint_window(state, node, target)
            && !self.hint_files_are_full(state, node, target, write)
    }

    /// A hint is about to be stored.
    pub(in crate::system) fn observe_hint_stored(
        &self,
        state: &mut State,
        node: NodeId,
        target: NodeId,
        write: u8,
    ) {
        if !self.hint_window(state, node, target) {
            state.breach(self, Breach::HintOutsideWindow);
        }
        if self.hint_files_are_full(state, node, target, write) {
            state.breach(self, Breach::HintBeyondSize);
        }
        if self.unhinted & bit(target) != 0 {
            state.breach(self, Breach::HintExcluded);
        }
    }

    /// A hint was removed.
    pub(in crate::system) fn observe_hint_removed(&self, state: &mut State, hint: &StoredHint, tick: u8) {
        state.reach(self, Reached::HintRemoved);
        let has_expired =
            self.scope.gc_grace != GC_GRACE_FOREVER && tick - hint.created >= self.scope.gc_grace;
        if !hint.delivered && !has_expired {
            state.breach(self, Breach::HintRemoved);
        }
    }

    pub(super) fn observe_hint_arrival(&self, state: &mut State, mutation: ModelMutation, created_ms: u64) {
        state.reach(self, Reached::HintArrived);
        let issued = self.mutation_of(state, usize::from(mutation.write));
        if self.scope.retry != RetryPolicy::FreshTimestamp && issued != Some(mutation) {
            state.breach(self, Breach::HintRestamped);
        }
        if self.is_expired(created_ms, state) {
            state.reach(self, Reached::HintExpired);
        }
    }

    pub(super) fn hint_has_expired(
        &self,
        state: &State,
        holder: NodeId,
        target: NodeId,
        mutation: ModelMutation,
    ) -> bool {
        let held = state
            .node(holder)
            .disk
            .hints
            .iter()
            .filter(|hint| hint.target == target && hint.mutation == mutation);
        let mut held = held.peekable();
        held.peek().is_some() && held.all(|hint| self.is_expired(u64::from(hint.created) * TICK_MS, state))
    }

    fn is_expired(&self, created_ms: u64, state: &State) -> bool {
        self.scope.gc_grace != GC_GRACE_FOREVER
            && self.now_ms(state) >= created_ms + u64::from(self.scope.gc_grace) * TICK_MS
    }
}
