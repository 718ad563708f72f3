//! What an action does to the state.

use thymbra_protocol::{Callback, Input, Message, NodeId, Reply, RequestId, Timer};

use super::begin::WriteChoice;
use super::interpret::{FollowUps, applied, failed};
use super::{Envelope, HintStage, PendingApply, State, StoredHint, System, operation_of};
use crate::action::Action;
use crate::payload::Register;
use crate::properties::{Breach, Reached};

impl System {
    /// The state after a possible action.
    #[must_use]
    pub fn after(&self, state: &State, action: &Action) -> State {
        let mut next = state.clone();
        self.take(&mut next, action);
        self.discard_pointless(&mut next);
        next.nodes.settle();
        next
    }

    fn take(&self, state: &mut State, action: &Action) {
        match action {
            Action::Write {
                operation,
                node,
                forwarders,
                skewed,
                sees,
            } => {
                let (forwarders, skewed, sees) = (*forwarders, *skewed, *sees);
                let choice = WriteChoice {
                    forwarders,
                    skewed,
                    sees,
                };
                self.take_write(state, usize::from(*operation), *node, choice);
            }
            Action::Read {
                operation,
                node,
                nearest,
                sees,
            } => self.take_read(state, usize::from(*operation), *node, *nearest, *sees),
            Action::Deliver(envelope) => {
                state.take(envelope);
                self.receive(state, envelope);
            }
            Action::Lose(envelope) => {
                state.budgets.lose -= 1;
                self.lose(state, envelope);
            }
            Action::Duplicate(envelope) => {
                state.budgets.duplicate -= 1;
                self.receive(state, envelope);
            }
            Action::Fail(envelope) => self.fail_append(state, envelope),
            Action::Drop(envelope) => {
                state.budgets.drop -= 1;
                self.lose(state, envelope);
                self.expire_in_queue(state, envelope);
            }
            Action::Apply { node, operation } => self.apply(state, *node, *operation),
            Action::FailApply { node, operation } => self.fail_apply(state, *node, *operation),
            Action::DropApply { node, operation } => self.drop_apply(state, *node, *operation),
            Action::Mark(node) => mark(state, *node),
            Action::Sync(node) => self.sync(state, *node),
            Action::StoreHints { node, operation } => self.complete_hint_tasks(state, *node, *operation),
            Action::WriteHints(node) => promote_hints(state, *node, HintStage::Buffered, HintStage::Written),
            Action::SyncHints(node) => promote_hints(state, *node, HintStage::Written, HintStage::Synced),
            Action::DispatchHints { node, target } => self.dispatch_hints(state, *node, *target),
            Action::HintTimeout { node, target } => self.hint_timeout(state, *node, *target),
            Action::Timeout { operation } => self.time_out(state, usize::from(*operation)),
            Action::Expire {
                operation,
                attempt,
                node,
            } => self.expire(state, usize::from(*operation), *attempt, *node),
            Action::Crash(_)
            | Action::PowerLoss(_)
            | Action::Restart(_)
            | Action::Pause(_)
            | Action::Resume(_)
            | Action::Suspect { .. }
            | Action::Trust { .. }
            | Action::Partition(_)
            | Action::Heal
            | Action::Tick => self.take_environment(state, action),
        }
    }

    /// The coordinator's own copy gets its turn in the queue.
    fn apply(&self, state: &mut State, node: NodeId, operation: u8) {
        if let Some(pending) = take_pending(state, node, operation) {
            let mut queue = FollowUps::new();
            self.append(state, node, pending.mutation, pending.reply, &mut queue);
            self.run_all(state, node, &mut queue, None);
        }
    }

    /// The append of the coordinator's own copy fails.
    fn fail_apply(&self, state: &mut State, node: NodeId, operation: u8) {
        state.budgets.fail -= 1;
        if let Some(pending) = take_pending(state, node, operation) {
            self.run(state, node, failed(pending.reply), None, None);
        }
    }

    fn receive(&self, state: &mut State, envelope: &Envelope) {
        let mut from = envelope.from;
        if let Message::MutationResponse { request } = envelope.message
            && self.driver.misattributes_duplicates()
        {
            let open = state.node(envelope.to).node.writes.get(request);
            let is_repeated = open.is_some_and(|open| {
                self.layout
                    .plan()
                    .position_of(from)
                    .is_some_and(|position| !open.awaiting.contains(position))
            });
            let other = open.and_then(|open| {
                open.awaiting
                    .iter()
                    .find_map(|position| self.layout.plan().node(position))
            });
            from = other.filter(|_| is_repeated).unwrap_or(from);
        }
        let mut message = envelope.message;
        if let (true, Message::Mutation { respond_to, .. }) = (self.driver.drops_respond_to(), &mut message) {
            *respond_to = None;
        }
        let input = Input::Received { from, message };
        self.run(state, envelope.to, input, None, Some(envelope.from));
    }

    /// A message disappears: lost on its way, or expired at its receiver.
    fn lose(&self, state: &mut State, envelope: &Envelope) {
        state.take(envelope);
        if matches!(
            envelope.message,
            Message::Mutation {
                forward_to: Some(_),
                ..
            }
        ) {
            self.note_reached(state, Reached::ForwarderLost);
        }
    }

    /// A mutation arrives, is forwarded if that was asked, and its append fails.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the guard lets mutations and hints alone come here"
    )]
    fn fail_append(&self, state: &mut State, envelope: &Envelope) {
        state.budgets.fail -= 1;
        state.take(envelope);
        let callback = match &envelope.message {
            Message::Mutation {
                request,
                mutation,
                forward_to,
                ..
            } => {
                if let Some(forward) = forward_to {
                    let targets = forward
                        .targets
                        .iter()
                        .filter_map(|position| self.layout.plan().node(position));
                    for to in targets.collect::<Vec<_>>() {
                        let message = Message::Mutation {
                            request: *request,
                            mutation: *mutation,
                            forward_to: None,
                            respond_to: Some(envelope.from),
                        };
                        if state.is_up(to) && state.are_connected(envelope.to, to) {
                            state.send(Envelope {
                                to,
                                from: envelope.to,
                                orphaned: false,
                                message,
                            });
                        }
                    }
                }
                Callback::Write(*request)
            }
            Message::Hint { dispatch, index, .. } => Callback::Hint {
                dispatch: *dispatch,
                index: *index,
            },
            Message::ReadRepair { request, .. } => Callback::ReadRepair(*request),
            other => unreachable!("guarded: {other:?} is not appended"),
        };
        let waits = match &envelope.message {
            Message::Mutation { respond_to, .. } => respond_to.unwrap_or(envelope.from),
            _ => envelope.from,
        };
        self.run(
            state,
            envelope.to,
            failed(Reply { to: waits, callback }),
            None,
            None,
        );
    }

    /// A mutation waits past its deadline in the queue of its replica, which forwards nothing of it either.
    fn expire_in_queue(&self, state: &mut State, envelope: &Envelope) {
        let expired = match &envelope.message {
            Message::Mutation {
                request,
                mutation,
                respond_to,
                ..
            } => Some((
                *mutation,
                respond_to.unwrap_or(envelope.from),
                Callback::Write(*request),
            )),
            Message::Hint {
                dispatch,
                index,
                hint,
            } => Some((
                hint.mutation,
                envelope.from,
                Callback::Hint {
                    dispatch: *dispatch,
                    index: *index,
                },
            )),
            Message::ReadRepair { request, mutation } => {
                Some((*mutation, envelope.from, Callback::ReadRepair(*request)))
            }
            Message::MutationResponse { .. }
            | Message::HintResponse { .. }
            | Message::Read { .. }
            | Message::ReadResponse { .. }
            | Message::ReadRepairResponse { .. }
            | Message::Failure { .. } => None,
        };
        if let Some((mutation, to, callback)) = expired {
            let reply = Reply { to, callback };
            self.run(state, envelope.to, Input::Expired { mutation, reply }, None, None);
        }
    }

    /// The coordinator's own copy waits past its deadline.
    fn drop_apply(&self, state: &mut State, node: NodeId, operation: u8) {
        state.budgets.drop -= 1;
        let Some(pending) = take_pending(state, node, operation) else {
            return;
        };
        self.note_reached(state, Reached::OwnCopyDropped);
        let input = Input::Expired {
            mutation: pending.mutation,
            reply: pending.reply,
        };
        self.run(state, node, input, None, None);
    }

    fn sync(&self, state: &mut State, node: NodeId) {
        let synced_at = self.sync_tick(state.tick);
        let holder = state.node_mut(node);
        holder.synced_at = synced_at;
        let disk = &mut holder.disk;
        disk.marked = disk.appended;
        disk.synced = disk.appended;
        let (waiting, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut disk.pending)
            .into_iter()
            .partition(|pending| pending.appended);
        disk.pending = rest;
        for pending in waiting {
            self.apply_to_memtable(state, node, pending.mutation, pending.reply);
            self.run(state, node, applied(pending.reply), None, None);
        }
    }

    /// The hints of a write reach the buffer; a write at ANY that waits for that is told.
    fn complete_hint_tasks(&self, state: &mut State, node: NodeId, operation: u8) {
        let stage = self.first_hint_stage();
        let holder = state.node_mut(node);
        let submitted =
            |hint: &&mut StoredHint| hint.stage == HintStage::Submitted && hint.mutation.write == operation;
        for hint in holder.disk.hints.iter_mut().filter(submitted) {
            hint.stage = stage;
        }
        holder.disk.hints.sort_unstable();
        let open = holder.node.writes.iter();
        let waiting: Vec<RequestId> = open
            .filter(|(request, open)| open.hint_pending && operation_of(*request) == usize::from(operation))
            .map(|(request, _)| request)
            .collect();
        for request in waiting {
            self.run(state, node, Input::HintStored { request }, None, None);
        }
    }

    fn dispatch_hints(&self, state: &mut State, node: NodeId, target: NodeId) {
        let holder = state.node_mut(node);
        let slot = holder.node.dispatches.lowest_free();
        let dispatch = RequestId {
            slot,
            generation: u32::from(holder.dispatched),
        };
        holder.dispatched += 1;
        self.run(state, node, Input::DispatchHints { dispatch, target }, None, None);
    }

    fn hint_timeout(&self, state: &mut State, node: NodeId, target: NodeId) {
        self.pay_for_haste(state, &Action::HintTimeout { node, target });
        let open = state
            .node(node)
            .node
            .dispatches
            .iter()
            .find(|(_, open)| open.target == target);
        if let Some((dispatch, _)) = open {
            self.run(
                state,
                node,
                Input::Fired(Timer::HintTimeout(dispatch)),
                None,
                None,
            );
        }
    }

    fn pay_for_haste(&self, state: &mut State, action: &Action) {
        if state.budgets.slow == 0 {
            return;
        }
        let slow = std::mem::take(&mut state.budgets.slow);
        let waits_in_vain = self.guard(state, action).is_ok();
        state.budgets.slow = if waits_in_vain { slow } else { slow - 1 };
    }

    fn time_out(&self, state: &mut State, index: usize) {
        let operation = u8::try_from(index).expect("at most 12 operations");
        self.pay_for_haste(state, &Action::Timeout { operation });
        let Some(coordinator) = state.operations.get(index).map(|operation| operation.coordinator) else {
            return;
        };
        let memory: Vec<Register> = state.nodes.iter().map(|node| node.disk.memory).collect();
        let machine = &state.node(coordinator).node;
        let attempts = state
            .operations
            .get(index)
            .map_or(0, |operation| operation.attempts);
        let belongs = |request: &RequestId| request.generation == super::generation(index, attempts);
        let write = machine
            .writes
            .iter()
            .map(|(request, _)| request)
            .find(belongs)
            .map(Timer::WriteTimeout);
        let read = machine
            .reads
            .iter()
            .map(|(request, _)| request)
            .find(belongs)
            .map(Timer::ReadTimeout);
        if let Some(timer) = write.or(read) {
            self.run(state, coordinator, Input::Fired(timer), None, None);
        }
        let is_taken_back = memory.iter().zip(state.nodes.iter()).any(|(before, node)| {
            before
                .0
                .is_some_and(|mutation| !node.disk.memory.covers(mutation))
        });
        if is_taken_back {
            self.note_breach(state, Breach::RolledBack);
        }
    }

    fn expire(&self, state: &mut State, index: usize, attempt: u8, replica: NodeId) {
        let operation = u8::try_from(index).expect("at most 12 operations");
        self.pay_for_haste(
            state,
            &Action::Expire {
                operation,
                attempt,
                node: replica,
            },
        );
        let position = self.layout.plan().position_of(replica);
        if let (Some((coordinator, request)), Some(position)) =
            (self.handler(state, index, attempt), position)
        {
            let timer = Timer::CallbackExpired { request, position };
            self.run(state, coordinator, Input::Fired(timer), None, None);
        }
    }
}

fn mark(state: &mut State, node: NodeId) {
    let disk = &mut state.node_mut(node).disk;
    disk.marked = disk.appended;
}

fn take_pending(state: &mut State, node: NodeId, operation: u8) -> Option<PendingApply> {
    let pending = &mut state.node_mut(node).disk.pending;
    let index = pending
        .iter()
        .position(|pending| pending.mutation.write == operation && !pending.appended)?;
    Some(pending.remove(index))
}

fn promote_hints(state: &mut State, node: NodeId, from: HintStage, to: HintStage) {
    let hints = &mut state.node_mut(node).disk.hints;
    for hint in hints.iter_mut().filter(|hint| hint.stage == from) {
        hint.stage = to;
    }
    hints.sort_unstable();
}
