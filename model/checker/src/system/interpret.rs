//! Runs a node's step and carries out its effects on network, disk and clients.

use core::cell::Cell;
use std::collections::VecDeque;

use thymbra_durability::CommitLogProgress;
use thymbra_protocol::{
    Callback, Context, Effect, FailureReason, Input, Message, NodeId, ReadOutcome, Reply, WriteOutcome,
};
use thymbra_types::CommitLogPosition;

use super::model_view::ModelView;
use super::state::{Hints, NodeState};
use super::{Envelope, HintStage, NodeMask, PendingApply, State, StoredHint, System, Told, operation_of};
use crate::payload::{ModelMutation, ModelPayload, Register};
use crate::properties::Reached;
use crate::scope::Sync;

/// Inputs that follow from the effects of a step, at the same node.
pub(super) type FollowUps = VecDeque<Input<ModelPayload>>;

thread_local! {
    /// Two empty lists, whose memory every step of a thread uses.
    static FOLLOW_UPS: Cell<FollowUps> = const { Cell::new(FollowUps::new()) };
    static EFFECTS: Cell<Vec<Effect<ModelPayload>>> = const { Cell::new(Vec::new()) };
}

impl System {
    /// Hands an input to a node and carries out everything that follows from it at once. `drawn` is the view of an
    /// arbitrary detector; `sender` the true sender of a message.
    pub(super) fn run(
        &self,
        state: &mut State,
        node: NodeId,
        input: Input<ModelPayload>,
        drawn: Option<NodeMask>,
        sender: Option<NodeId>,
    ) {
        let mut queue = FOLLOW_UPS.take();
        self.run_one(state, node, input, &mut queue, drawn, sender);
        self.run_all(state, node, &mut queue, drawn);
        FOLLOW_UPS.set(queue);
    }

    /// As [`Self::run`], for several inputs in order.
    pub(super) fn run_all(
        &self,
        state: &mut State,
        node: NodeId,
        queue: &mut FollowUps,
        drawn: Option<NodeMask>,
    ) {
        while let Some(input) = queue.pop_front() {
            self.run_one(state, node, input, queue, drawn, None);
        }
    }

    fn run_one(
        &self,
        state: &mut State,
        node: NodeId,
        input: Input<ModelPayload>,
        queue: &mut FollowUps,
        drawn: Option<NodeMask>,
        sender: Option<NodeId>,
    ) {
        let watch = self.watch(state, node, &input, drawn, sender);
        let mut effects = EFFECTS.take();
        let mut machine = std::mem::take(&mut state.node_mut(node).node);
        let view = ModelView {
            system: self,
            state,
            node,
            drawn,
        };
        let context = Context {
            rules: self.rules,
            me: node,
            local: self.layout.datacenter(node),
            ring: &self.layout.ring,
            view: &view,
            now_ms: self.now_ms(state),
            config: self.config(),
        };
        machine.step(&context, input, &mut effects);
        debug_assert_eq!(
            machine.validate(&self.layout.ring),
            Ok(()),
            "the node keeps its invariants"
        );
        state.node_mut(node).node = machine;
        self.observe_effects(state, &watch, &effects);
        for effect in effects.drain(..) {
            self.carry_out(state, node, effect, queue);
        }
        EFFECTS.set(effects);
        self.observe_result(state, &watch);
    }

    fn carry_out(
        &self,
        state: &mut State,
        node: NodeId,
        effect: Effect<ModelPayload>,
        queue: &mut FollowUps,
    ) {
        match effect {
            Effect::Send { to, message } => self.carry_out_send(state, node, to, message),
            Effect::Append { mutation, reply } => {
                let is_own_write = reply.to == node && matches!(reply.callback, Callback::Write(_));
                if is_own_write && self.scope.slow_apply {
                    let pending = PendingApply {
                        mutation,
                        reply,
                        appended: false,
                    };
                    state.node_mut(node).disk.pending.push(pending);
                } else {
                    self.append(state, node, mutation, reply, queue);
                }
            }
            Effect::ReadLocal { reply, .. } => {
                let data = state.node(node).disk.memory;
                queue.push_back(Input::ReadCompleted { reply, data });
            }
            Effect::StoreHint {
                targets,
                hint,
                notify,
                ..
            } => {
                for target in targets
                    .iter()
                    .filter_map(|position| self.layout.plan().node(position))
                {
                    self.store_hint(state, node, target, hint.mutation);
                }
                if let (Some(request), false) = (notify, self.scope.slow_hints) {
                    queue.push_back(Input::HintStored { request });
                }
            }
            Effect::ReadHints { dispatch, target } => {
                let hints = self.read_hints(state, node, target);
                queue.push_back(Input::HintsRead { dispatch, hints });
            }
            Effect::DeleteHints { target, .. } => self.delete_hints(state, node, target),
            Effect::ReturnHints { target, .. } => return_hints(state, node, target),
            Effect::AnswerWrite { request, outcome } => {
                let told = told_write(&outcome);
                if self.driver.rolls_back() && matches!(told, Told::Timeout(..)) {
                    state.node_mut(node).disk.memory = Register::default();
                }
                self.answer(state, operation_of(request), told);
                if self.driver.answers_twice() {
                    self.answer(state, operation_of(request), told);
                }
            }
            Effect::AnswerRead { request, outcome } => {
                self.answer(state, operation_of(request), told_read(&outcome));
            }
            // The model fires timers whenever they may fire: it needs no clockwork.
            Effect::Arm(_) | Effect::Disarm(_) => {}
        }
    }

    fn carry_out_send(&self, state: &mut State, from: NodeId, to: NodeId, message: Message<ModelPayload>) {
        if let Message::HintResponse { dispatch, index } = message {
            mark_delivered(state, to, dispatch, index);
        }
        if let (true, Message::Hint { hint, .. }) = (self.driver.deletes_sent_hints(), &message) {
            let mutation = hint.mutation;
            self.remove_hints(state, from, |hint| hint.target == to && hint.mutation == mutation);
        }
        // A connection to a node that is down or cut off carries nothing.
        if state.is_up(to) && state.are_connected(from, to) {
            let envelope = Envelope {
                to,
                from,
                orphaned: false,
                message,
            };
            if !self.is_pointless(state, &envelope) {
                state.send(envelope);
            }
        }
    }

    /// Appends to the commit log and, once the acknowledgement may leave, applies to the memtable and completes.
    pub(super) fn append(
        &self,
        state: &mut State,
        node: NodeId,
        mutation: ModelMutation,
        reply: Reply,
        queue: &mut FollowUps,
    ) {
        if self.driver.acknowledges_without_append() {
            queue.push_back(Input::Applied { reply });
            return;
        }
        let holder = self.driver.disk_written(self, node, reply);
        let NodeState { disk, synced_at, .. } = state.node_mut(holder);
        let synced_at = *synced_at;
        disk.appended.apply(mutation, self.rules);
        if !self.scope.log_stages {
            disk.marked.apply(mutation, self.rules);
            disk.synced.apply(mutation, self.rules);
        }
        if self.may_acknowledge(state, synced_at) || self.driver.acknowledges_before_sync() {
            self.apply_to_memtable(state, holder, mutation, reply);
            queue.push_back(Input::Applied { reply });
        } else {
            if self.scope.sync_lag_block.is_some() && self.scope.sync == Sync::Periodic {
                self.note_reached(state, Reached::SyncLagged);
            }
            state.node_mut(node).disk.pending.push(PendingApply {
                mutation,
                reply,
                appended: true,
            });
        }
    }

    /// The tick that a sync leaves behind: none where syncs do not lag.
    pub(super) fn sync_tick(&self, tick: u8) -> u8 {
        if self.scope.sync_lag_block.is_some() {
            tick
        } else {
            0
        }
    }

    /// The decision of the durability crate, for an entry that has just been appended.
    fn may_acknowledge(&self, state: &State, synced_at: u8) -> bool {
        let at = |position| CommitLogPosition {
            segment_id: 1,
            position,
        };
        let now_ms = self.now_ms(state);
        let progress = CommitLogProgress {
            appended: at(1),
            synced_to: at(u32::from(!self.scope.log_stages)),
            last_sync_started_ms: match self.scope.sync_lag_block {
                Some(_) => u64::from(synced_at) * super::TICK_MS,
                None => now_ms,
            },
            now_ms,
        };
        self.rules.may_acknowledge(&self.sync_mode, &progress)
    }

    /// The entry reached the memtable: reads see it.
    pub(super) fn apply_to_memtable(
        &self,
        state: &mut State,
        node: NodeId,
        mutation: ModelMutation,
        reply: Reply,
    ) {
        let rules = self.rules;
        let is_torn = self.driver.tears_cells();
        let disk = &mut state.node_mut(node).disk;
        match disk.memory.0 {
            Some(held) if is_torn && held.timestamp < mutation.timestamp => {
                disk.memory = Register(Some(ModelMutation {
                    write: held.write,
                    ..mutation
                }));
            }
            Some(_) | None => disk.memory.apply(mutation, rules),
        }
        self.observe_applied(state, node, mutation, reply);
    }

    fn store_hint(&self, state: &mut State, node: NodeId, target: NodeId, mutation: ModelMutation) {
        self.observe_hint_stored(state, node, target, mutation.write);
        if self.driver.forgets_hints() {
            return;
        }
        let tick = state.tick;
        let stage = if self.scope.slow_hints {
            HintStage::Submitted
        } else {
            self.first_hint_stage()
        };
        let hint = StoredHint {
            target,
            mutation,
            created: tick,
            stage,
            sending: false,
            delivered: false,
        };
        let holder = state.node_mut(node);
        let index = holder.disk.hints.partition_point(|other| *other <= hint);
        holder.disk.hints.insert(index, hint);
        if self.scope.remembers_first_hint
            && let Some(outage) = holder.outages.get_mut(usize::from(target.0))
        {
            outage.first_hint = outage.first_hint.or(Some(tick));
        }
    }

    /// The stage of a hint whose task has completed.
    pub(super) fn first_hint_stage(&self) -> HintStage {
        if self.scope.hint_stages {
            HintStage::Buffered
        } else {
            HintStage::Synced
        }
    }

    fn read_hints(
        &self,
        state: &mut State,
        node: NodeId,
        target: NodeId,
    ) -> Vec<thymbra_protocol::Hint<ModelMutation>> {
        let disk = &mut state.node_mut(node).disk;
        let page = disk
            .hints
            .iter_mut()
            .filter(|hint| hint.target == target && hint.stage >= HintStage::Written);
        let mut hints = Vec::new();
        for hint in page.take(thymbra_protocol::HINTS_PER_PAGE) {
            hint.sending = true;
            let mutation = self.driver.hint_read(hint.mutation);
            hints.push(thymbra_protocol::Hint {
                mutation,
                created_ms: u64::from(hint.created) * super::TICK_MS,
                gc_grace_seconds: thymbra_protocol::Mutation::gc_grace_seconds(&mutation),
            });
        }
        disk.hints.sort_unstable();
        hints
    }

    fn delete_hints(&self, state: &mut State, node: NodeId, target: NodeId) {
        self.remove_hints(state, node, |hint| hint.target == target && hint.sending);
    }

    fn remove_hints(&self, state: &mut State, node: NodeId, is_removed: impl Fn(&StoredHint) -> bool) {
        let tick = state.tick;
        let (removed, kept): (Hints, Hints) = std::mem::take(&mut state.node_mut(node).disk.hints)
            .into_iter()
            .partition(|hint| is_removed(hint));
        state.node_mut(node).disk.hints = kept;
        for hint in removed {
            self.observe_hint_removed(state, &hint, tick);
        }
    }

    /// Options of `cassandra.yaml`.
    pub(super) fn config(&self) -> &thymbra_protocol::Config {
        &self.config
    }
}

/// The hints for a target are not being delivered any more.
fn return_hints(state: &mut State, node: NodeId, target: NodeId) {
    let hints = &mut state.node_mut(node).disk.hints;
    for hint in hints.iter_mut().filter(|hint| hint.target == target) {
        (hint.sending, hint.delivered) = (false, false);
    }
    hints.sort_unstable();
}

/// The target acknowledged one hint of the page that is being delivered.
fn mark_delivered(state: &mut State, holder: NodeId, dispatch: thymbra_protocol::RequestId, index: u8) {
    let holder = state.node_mut(holder);
    let Some(open) = holder.node.dispatches.get(dispatch) else {
        return;
    };
    let target = open.target;
    let mut page = holder
        .disk
        .hints
        .iter_mut()
        .filter(|hint| hint.target == target && hint.sending);
    if let Some(hint) = page.nth(usize::from(index)) {
        hint.delivered = true;
    }
}

fn small(number: usize) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

fn told_write(outcome: &WriteOutcome) -> Told {
    match outcome {
        WriteOutcome::Success => Told::Success,
        WriteOutcome::Unavailable(unavailable) => {
            Told::Unavailable(small(unavailable.required), small(unavailable.alive))
        }
        WriteOutcome::WriteTimeout {
            received, block_for, ..
        } => Told::Timeout(small(*received), small(*block_for)),
        WriteOutcome::WriteFailure {
            received, block_for, ..
        } => Told::Failure(small(*received), small(*block_for)),
        WriteOutcome::Overloaded => Told::Overloaded,
        WriteOutcome::Invalid(_) => Told::Invalid,
    }
}

fn told_read(outcome: &ReadOutcome<Register>) -> Told {
    match outcome {
        ReadOutcome::Data(data) => Told::Value(*data),
        ReadOutcome::Unavailable(unavailable) => {
            Told::Unavailable(small(unavailable.required), small(unavailable.alive))
        }
        ReadOutcome::ReadTimeout {
            received, block_for, ..
        } => Told::Timeout(small(*received), small(*block_for)),
        ReadOutcome::ReadFailure {
            received, block_for, ..
        } => Told::Failure(small(*received), small(*block_for)),
        ReadOutcome::Invalid(_) => Told::Invalid,
    }
}

/// Completes an append that was held up, with success.
pub(super) fn applied(reply: Reply) -> Input<ModelPayload> {
    Input::Applied { reply }
}

/// Completes an append that was held up, with an exception.
pub(super) fn failed(reply: Reply) -> Input<ModelPayload> {
    Input::ApplyFailed {
        reply,
        reason: FailureReason::Unknown,
    }
}
