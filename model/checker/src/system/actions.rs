//! Every action that is possible in a state, those that must happen in the end apart from those that may.

use thymbra_protocol::NodeId;

use super::guard::{is_appended, last_timestamp};
use super::{
    HintStage, NodeMask, OperationMask, Phase, State, StoredHint, System, attempt_of, bit, choices,
    operation_of,
};
use crate::action::Action;
use crate::scope::{Detector, OperationKind};

impl System {
    /// Every possible action, in an order that depends on the state alone.
    pub fn possible_actions(&self, state: &State, out: &mut Vec<Action>) {
        let progress_begins = out.len();
        self.progress(state, out);
        if self.scope.reduce && self.reduce(state, out, progress_begins) {
            return;
        }
        self.begins(state, out);
        self.faults(state, out);
        if self.symmetry {
            self.drop_images(state, out);
        }
    }

    /// Nothing is possible but faults, ticks and new client operations.
    #[must_use]
    pub fn is_quiescent(&self, state: &State) -> bool {
        if state.network.iter().any(|envelope| !envelope.orphaned) {
            return false;
        }
        let mut out = Vec::new();
        self.progress(state, &mut out);
        out.iter().all(|action| self.is_optional(state, action))
    }

    /// The action may be left undone for ever.
    fn is_optional(&self, state: &State, action: &Action) -> bool {
        match action {
            Action::Deliver(envelope) => envelope.orphaned,
            // A timer that overtakes an answer is a fault of its budget; one that waits in vain must fire.
            Action::Timeout { .. } | Action::Expire { .. } | Action::HintTimeout { .. } => {
                let mut patient = state.clone();
                patient.budgets.slow = 0;
                self.guard(&patient, action).is_err()
            }
            Action::Write { .. }
            | Action::Read { .. }
            | Action::Lose(_)
            | Action::Duplicate(_)
            | Action::Fail(_)
            | Action::Drop(_)
            | Action::FailApply { .. }
            | Action::DropApply { .. }
            | Action::Crash(_)
            | Action::PowerLoss(_)
            | Action::Restart(_)
            | Action::Pause(_)
            | Action::Partition(_)
            | Action::Tick => true,
            Action::Apply { .. }
            | Action::Mark(_)
            | Action::Sync(_)
            | Action::StoreHints { .. }
            | Action::WriteHints(_)
            | Action::SyncHints(_)
            | Action::DispatchHints { .. }
            | Action::Resume(_)
            | Action::Suspect { .. }
            | Action::Trust { .. }
            | Action::Heal => false,
        }
    }

    /// What happens by itself: messages arrive, disks write, timers fire, detectors learn.
    fn progress(&self, state: &State, out: &mut Vec<Action>) {
        let mut previous = None;
        for envelope in &state.network {
            // The rest of the guard: it is in flight.
            if previous != Some(envelope) && self.guard_arrival(state, envelope).is_ok() {
                out.push(Action::Deliver(*envelope));
            }
            previous = Some(envelope);
        }
        let mut offer = |action: Action| {
            if self.guard(state, &action).is_ok() {
                out.push(action);
            }
        };
        for node in state.node_ids() {
            let holder = state.node(node);
            for pending in &holder.disk.pending {
                if !pending.appended {
                    offer(Action::Apply {
                        node,
                        operation: pending.mutation.write,
                    });
                }
            }
            if self.scope.log_stages {
                offer(Action::Mark(node));
                offer(Action::Sync(node));
            }
            if !holder.disk.hints.is_empty() {
                self.hint_progress(node, &holder.disk.hints, &mut offer);
            }
        }
        for (operation, index) in state.operations.iter().zip(0_u8..) {
            if operation.phase == Phase::Open {
                offer(Action::Timeout { operation: index });
            }
        }
        for holder in state.nodes.iter() {
            for (request, open) in holder.node.writes.iter().filter(|(_, open)| open.answered) {
                let operation = u8::try_from(operation_of(request)).expect("at most 12 operations");
                for node in open
                    .awaiting
                    .iter()
                    .filter_map(|position| self.layout.plan().node(position))
                {
                    offer(Action::Expire {
                        operation,
                        attempt: attempt_of(request),
                        node,
                    });
                }
            }
        }
        self.environment_progress(state, &mut offer);
    }

    /// What happens by itself to the hints that a node holds.
    #[inline]
    fn hint_progress(&self, node: NodeId, hints: &[StoredHint], offer: &mut impl FnMut(Action)) {
        if self.scope.slow_hints {
            let mut writes: OperationMask = 0;
            for hint in hints.iter().filter(|hint| hint.stage == HintStage::Submitted) {
                let operation = hint.mutation.write;
                if writes & 1 << operation == 0 {
                    writes |= 1 << operation;
                    offer(Action::StoreHints { node, operation });
                }
            }
        }
        if self.scope.hint_stages {
            offer(Action::WriteHints(node));
            offer(Action::SyncHints(node));
        }
        let mut targets: NodeMask = 0;
        for hint in hints.iter().filter(|hint| hint.stage >= HintStage::Written) {
            let target = hint.target;
            if targets & bit(target) == 0 {
                targets |= bit(target);
                offer(Action::DispatchHints { node, target });
                offer(Action::HintTimeout { node, target });
            }
        }
    }

    fn environment_progress(&self, state: &State, offer: &mut impl FnMut(Action)) {
        if self.scope.budgets.flap > 0 {
            state.node_ids().for_each(|node| offer(Action::Resume(node)));
        }
        if state.cut != 0 {
            offer(Action::Heal);
        }
        if self.scope.detector == Detector::Lagging {
            for node in state.node_ids() {
                for target in state.node_ids() {
                    offer(Action::Suspect { node, target });
                    offer(Action::Trust { node, target });
                }
            }
        }
    }

    /// What clients begin.
    fn begins(&self, state: &State, out: &mut Vec<Action>) {
        for (index, operation) in (0_u8..).zip(&state.operations) {
            let Some(scope) = self.operation(usize::from(index)) else {
                continue;
            };
            if !matches!(operation.phase, Phase::Waiting | Phase::Retrying(_)) {
                continue;
            }
            for node in state.node_ids() {
                if self.guard_begin(state, index, node, scope.kind).is_err() {
                    continue;
                }
                match self.scope.detector {
                    Detector::Perfect | Detector::Lagging => {
                        self.offer_begin(state, (index, scope.kind), node, None, out)
                    }
                    Detector::Arbitrary => {
                        let others = state.node_ids().filter(|other| *other != node);
                        let others = others.fold(0, |mask, other| mask | bit(other));
                        for sees in choices::subsets(others) {
                            self.offer_begin(state, (index, scope.kind), node, Some(sees | bit(node)), out);
                        }
                    }
                }
            }
        }
    }

    /// Every choice that the begin of an operation at a node may carry. The guard of a begin has been asked.
    fn offer_begin(
        &self,
        state: &State,
        (operation, kind): (u8, OperationKind),
        node: NodeId,
        sees: Option<NodeMask>,
        out: &mut Vec<Action>,
    ) {
        let alive = sees.unwrap_or_else(|| self.alive_mask(state, node));
        match kind {
            OperationKind::Write => {
                let may_skew = state.budgets.skew > 0 && last_timestamp(state) > 0;
                for forwarders in choices::forwarders(&self.layout, node, alive) {
                    out.push(Action::Write {
                        operation,
                        node,
                        forwarders,
                        skewed: false,
                        sees,
                    });
                    if may_skew {
                        out.push(Action::Write {
                            operation,
                            node,
                            forwarders,
                            skewed: true,
                            sees,
                        });
                    }
                }
            }
            OperationKind::Read => {
                let contacts = self.contacts(operation, node, alive);
                out.extend(contacts.iter().map(|nearest| Action::Read {
                    operation,
                    node,
                    nearest: *nearest,
                    sees,
                }));
            }
        }
    }

    fn offer(&self, state: &State, action: Action, out: &mut Vec<Action>) {
        if self.guard(state, &action).is_ok() {
            out.push(action);
        }
    }

    /// What the budgets allow.
    fn faults(&self, state: &State, out: &mut Vec<Action>) {
        let budgets = state.budgets;
        let mut previous = None;
        for envelope in &state.network {
            if previous == Some(envelope) {
                continue;
            }
            previous = Some(envelope);
            if budgets.lose > 0 && !envelope.orphaned {
                self.offer(state, Action::Lose(*envelope), out);
            }
            if budgets.duplicate > 0 {
                self.offer(state, Action::Duplicate(*envelope), out);
            }
            let appends = is_appended(&envelope.message);
            if budgets.fail > 0 && appends {
                self.offer(state, Action::Fail(*envelope), out);
            }
            if budgets.drop > 0 && appends {
                self.offer(state, Action::Drop(*envelope), out);
            }
        }
        for node in state.node_ids() {
            for pending in &state.node(node).disk.pending {
                let operation = pending.mutation.write;
                self.offer(state, Action::FailApply { node, operation }, out);
                self.offer(state, Action::DropApply { node, operation }, out);
            }
            if budgets.crash > 0 {
                self.offer(state, Action::Crash(node), out);
            }
            if budgets.power_loss > 0 {
                self.offer(state, Action::PowerLoss(node), out);
            }
            if self.scope.restart {
                self.offer(state, Action::Restart(node), out);
            }
            if budgets.flap > 0 {
                self.offer(state, Action::Pause(node), out);
            }
        }
        if budgets.partition > 0 && state.cut == 0 {
            let all = state.node_ids().fold(0, |mask, node| mask | bit(node));
            for side in choices::subsets(all) {
                self.offer(state, Action::Partition(side), out);
            }
        }
        if budgets.ticks > 0 {
            self.offer(state, Action::Tick, out);
        }
    }
}
