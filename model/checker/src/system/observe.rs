//! What the checker sees for itself at a transition: applied copies, acknowledgements, hints, outcomes.
//!
//! Nothing here asks the rules under test: needs are counted by [`Layout`](crate::layout::Layout), supersession by
//! timestamp and value.

use thymbra_protocol::{
    Callback, ConsistencyLevel, Effect, Input, Message, NodeId, ReplicaSet, Reply, RequestId, Timer,
};

use super::{NodeMask, Phase, State, StoredHint, System, Told, attempt_of, bit, operation_of};
use crate::payload::{ModelMutation, ModelPayload, Register};
use crate::properties::{Breach, Reached};
use crate::scope::{RetryPolicy, Sync};

/// What was true before a step.
pub(super) struct Watch {
    node: NodeId,
    cause: Cause,
    /// The write whose handler was open before the step: its request, who was awaited, whether it was answered.
    handler: Option<(RequestId, ReplicaSet, bool)>,
    drawn: Option<NodeMask>,
    /// Answers of a read that may be merged by this step.
    answers: Vec<(NodeId, Register)>,
}

/// Why a node steps, as far as the checker cares.
#[derive(Clone, Copy)]
enum Cause {
    Write(RequestId),
    Acknowledged { request: RequestId, sender: NodeId },
    Failed { request: RequestId, target: NodeId },
    Applied(Reply),
    HintArrived,
    Other,
}

impl State {
    fn breach(&mut self, system: &System, breach: Breach) {
        self.breaches |= breach as u32 & system.breaches;
    }

    fn reach(&mut self, system: &System, reached: Reached) {
        self.reached |= reached as u32 & system.reached;
    }
}

impl System {
    /// Looks at a node before it takes an input.
    pub(super) fn watch(
        &self,
        state: &mut State,
        node: NodeId,
        input: &Input<ModelPayload>,
        drawn: Option<NodeMask>,
        sender: Option<NodeId>,
    ) -> Watch {
        let cause = self.cause(node, input, sender);
        let request = match cause {
            Cause::Write(request)
            | Cause::Acknowledged { request, .. }
            | Cause::Failed { request, .. }
            | Cause::Applied(Reply {
                callback: Callback::Write(request),
                ..
            }) => Some(request),
            Cause::Applied(_) | Cause::HintArrived | Cause::Other => None,
        };
        let handler = request.and_then(|request| {
            let open = state.node(node).node.writes.get(request)?;
            Some((request, open.awaiting, open.answered))
        });
        if let Cause::Acknowledged { request, sender } = cause {
            self.observe_acknowledged(state, node, request, sender);
        }
        let mut watch = Watch {
            node,
            cause,
            handler,
            drawn,
            answers: Vec::new(),
        };
        match input {
            Input::Received {
                message: Message::Hint { hint, .. },
                ..
            } => {
                self.observe_hint_arrival(state, hint.mutation, hint.created_ms);
            }
            Input::Applied { reply } => self.observe_acknowledgement_leaves(state, node, *reply),
            Input::Received {
                from,
                message: Message::ReadResponse { request, data },
            } => {
                watch.answers = self.answers(state, node, *request, (*from, *data));
            }
            Input::ReadCompleted {
                reply:
                    Reply {
                        to,
                        callback: Callback::Read(request),
                    },
                data,
            } if *to == node => {
                watch.answers = self.answers(state, node, *request, (node, *data));
            }
            Input::Write { .. }
            | Input::Read { .. }
            | Input::Received { .. }
            | Input::ApplyFailed { .. }
            | Input::Expired { .. }
            | Input::ReadCompleted { .. }
            | Input::HintStored { .. }
            | Input::DispatchHints { .. }
            | Input::HintsRead { .. }
            | Input::Fired(_) => {}
        }
        watch
    }

    fn cause(&self, node: NodeId, input: &Input<ModelPayload>, sender: Option<NodeId>) -> Cause {
        match input {
            Input::Write { request, .. } => Cause::Write(*request),
            Input::Received { from, message } => match message {
                Message::MutationResponse { request } => Cause::Acknowledged {
                    request: *request,
                    sender: sender.unwrap_or(*from),
                },
                Message::Failure {
                    callback: Callback::Write(request),
                    ..
                } => Cause::Failed {
                    request: *request,
                    target: *from,
                },
                Message::Hint { .. } => Cause::HintArrived,
                Message::ReadResponse { .. }
                | Message::Mutation { .. }
                | Message::HintResponse { .. }
                | Message::Read { .. }
                | Message::ReadRepair { .. }
                | Message::ReadRepairResponse { .. }
                | Message::Failure { .. } => Cause::Other,
            },
            Input::Fired(Timer::CallbackExpired { request, position }) => {
                match self.layout.plan().node(*position) {
                    Some(target) => Cause::Failed {
                        request: *request,
                        target,
                    },
                    None => Cause::Other,
                }
            }
            Input::Applied {
                reply:
                    Reply {
                        to,
                        callback: Callback::Write(request),
                    },
            } if *to == node => Cause::Acknowledged {
                request: *request,
                sender: node,
            },
            Input::Applied { reply } => Cause::Applied(*reply),
            Input::Read { .. }
            | Input::ApplyFailed { .. }
            | Input::Expired { .. }
            | Input::ReadCompleted { .. }
            | Input::HintStored { .. }
            | Input::DispatchHints { .. }
            | Input::HintsRead { .. }
            | Input::Fired(_) => Cause::Other,
        }
    }

    fn observe_acknowledged(&self, state: &mut State, node: NodeId, request: RequestId, sender: NodeId) {
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

    fn observe_hint_arrival(&self, state: &mut State, mutation: ModelMutation, created_ms: u64) {
        state.reach(self, Reached::HintArrived);
        let issued = self.mutation_of(state, usize::from(mutation.write));
        if self.scope.retry != RetryPolicy::FreshTimestamp && issued != Some(mutation) {
            state.breach(self, Breach::HintRestamped);
        }
        if self.is_expired(created_ms, state) {
            state.reach(self, Reached::HintExpired);
        }
    }

    fn is_expired(&self, created_ms: u64, state: &State) -> bool {
        self.scope.gc_grace != crate::payload::GC_GRACE_FOREVER
            && self.now_ms(state) >= created_ms + u64::from(self.scope.gc_grace) * super::TICK_MS
    }

    /// An append is complete: is the mutation where it has to be?
    fn observe_acknowledgement_leaves(&self, state: &mut State, node: NodeId, reply: Reply) {
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
        if self.scope.sync != Sync::Periodic {
            state.reach(self, Reached::SyncedAck);
            if !is_synced {
                state.breach(self, Breach::AckBeforeSync);
            }
        }
    }

    fn answers(
        &self,
        state: &State,
        node: NodeId,
        request: RequestId,
        last: (NodeId, Register),
    ) -> Vec<(NodeId, Register)> {
        let checks_repair = [
            Breach::RepairUnneeded,
            Breach::RepairForeign,
            Breach::RepairLowered,
            Breach::RepairUnawaited,
        ]
        .iter()
        .any(|breach| self.breaches & *breach as u32 != 0);
        let (true, Some(handler)) = (checks_repair, state.node(node).node.reads.get(request)) else {
            return Vec::new();
        };
        let earlier = handler
            .responses
            .iter()
            .filter_map(|(position, data)| self.layout.plan().node(*position).map(|node| (node, *data)));
        earlier.chain([last]).collect()
    }

    /// Judges what a step asks for.
    pub(super) fn observe_effects(&self, state: &mut State, watch: &Watch, effects: &[Effect<ModelPayload>]) {
        for effect in effects {
            match effect {
                Effect::AnswerWrite { request, outcome } => {
                    let is_refused = matches!(outcome, thymbra_protocol::WriteOutcome::Unavailable(_));
                    if is_refused && effects.iter().any(|effect| writes_for(effect, *request)) {
                        state.breach(self, Breach::RefusedWrote);
                    }
                    if let Cause::Write(_) = watch.cause {
                        self.observe_admission(state, watch, operation_of(*request), !is_refused);
                    }
                }
                Effect::Send {
                    to,
                    message: Message::MutationResponse { request },
                } => {
                    let owner = state
                        .operations
                        .get(operation_of(*request))
                        .map(|operation| operation.coordinator);
                    if owner.is_some_and(|owner| owner != *to) && self.scope.retry == RetryPolicy::Never {
                        state.breach(self, Breach::AckElsewhere);
                    }
                }
                Effect::StoreHint { .. } if matches!(watch.cause, Cause::HintArrived) => {
                    state.breach(self, Breach::HintFromHint);
                }
                Effect::Append {
                    mutation,
                    reply:
                        Reply {
                            callback: Callback::Hint { .. },
                            to,
                        },
                } if self.hint_has_expired(state, *to, watch.node, *mutation) => {
                    state.breach(self, Breach::HintExpiredApplied);
                }
                Effect::Send { .. }
                | Effect::Append { .. }
                | Effect::ReadLocal { .. }
                | Effect::StoreHint { .. }
                | Effect::ReadHints { .. }
                | Effect::DeleteHints { .. }
                | Effect::ReturnHints { .. }
                | Effect::AnswerRead { .. }
                | Effect::Arm(_)
                | Effect::Disarm(_) => {}
            }
        }
        if let Cause::Write(request) = watch.cause
            && !effects
                .iter()
                .any(|effect| matches!(effect, Effect::AnswerWrite { .. }))
        {
            self.observe_admission(state, watch, operation_of(request), true);
        }
        if !watch.answers.is_empty() {
            self.observe_repair(state, watch, effects);
        }
    }

    fn hint_has_expired(
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
        held.peek().is_some()
            && held.all(|hint| self.is_expired(u64::from(hint.created) * super::TICK_MS, state))
    }

    fn observe_admission(&self, state: &mut State, watch: &Watch, index: usize, is_admitted: bool) {
        let Some(level) = self.operation(index).map(|operation| operation.level) else {
            return;
        };
        let local = self.layout.datacenter(watch.node);
        let believed = watch.drawn.unwrap_or_else(|| self.alive_mask(state, watch.node)) | bit(watch.node);
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

    fn observe_repair(&self, state: &mut State, watch: &Watch, effects: &[Effect<ModelPayload>]) {
        let newest = watch
            .answers
            .iter()
            .filter_map(|(_, data)| data.0)
            .max_by_key(|mutation| mutation.rank());
        let held = |node: NodeId| {
            watch
                .answers
                .iter()
                .find(|(answered, _)| *answered == node)
                .map(|(_, data)| *data)
        };
        let mut repaired: NodeMask = 0;
        let repairs = effects.iter().filter_map(|effect| match effect {
            Effect::Send {
                to,
                message: Message::ReadRepair { request, mutation },
            } => Some((*to, *request, *mutation)),
            Effect::Append {
                mutation,
                reply:
                    Reply {
                        to,
                        callback: Callback::ReadRepair(request),
                    },
            } => Some((*to, *request, *mutation)),
            Effect::Send { .. }
            | Effect::Append { .. }
            | Effect::ReadLocal { .. }
            | Effect::StoreHint { .. }
            | Effect::ReadHints { .. }
            | Effect::DeleteHints { .. }
            | Effect::ReturnHints { .. }
            | Effect::AnswerWrite { .. }
            | Effect::AnswerRead { .. }
            | Effect::Arm(_)
            | Effect::Disarm(_) => None,
        });
        let mut asked = None;
        for (to, request, mutation) in repairs {
            repaired |= bit(to);
            asked = Some(request);
            state.reach(self, Reached::RepairSent);
            let level = self
                .operation(operation_of(request))
                .map(|operation| operation.level);
            let is_foreign = level.is_some_and(ConsistencyLevel::is_datacenter_local)
                && self.layout.datacenter(to) != self.layout.datacenter(watch.node);
            if held(to).is_some_and(|data| data.0 == newest) {
                state.breach(self, Breach::RepairUnneeded);
            }
            if is_foreign {
                state.breach(self, Breach::RepairForeign);
            }
            if newest.is_none_or(|newest| mutation.rank() < newest.rank()) {
                state.breach(self, Breach::RepairLowered);
            }
        }
        let returned = effects
            .iter()
            .any(|effect| matches!(effect, Effect::AnswerRead { .. }));
        if let (Some(request), true) = (asked, returned) {
            let complete = watch.answers.iter().fold(0, |mask, (node, _)| mask | bit(*node)) & !repaired;
            let level = self
                .operation(operation_of(request))
                .map(|operation| operation.level);
            if level.is_some_and(|level| {
                !self
                    .layout
                    .meets(level, self.layout.datacenter(watch.node), complete)
            }) {
                state.breach(self, Breach::RepairUnawaited);
            }
        }
    }

    /// Judges what a step left behind.
    pub(super) fn observe_result(&self, state: &mut State, watch: &Watch) {
        let owed = match watch.cause {
            Cause::Write(request) if state.node(watch.node).node.writes.get(request).is_some() => {
                let believed = watch.drawn.unwrap_or_else(|| self.alive_mask(state, watch.node));
                Some((request, self.layout.replicas() & !believed & !bit(watch.node)))
            }
            Cause::Failed { request, target } if watch.handler.is_some() => {
                Some((request, bit(target) & !bit(watch.node)))
            }
            Cause::Write(_)
            | Cause::Acknowledged { .. }
            | Cause::Failed { .. }
            | Cause::Applied(_)
            | Cause::HintArrived
            | Cause::Other => None,
        };
        if let Some((request, owed)) = owed {
            self.observe_owed(state, watch.node, request, owed);
        }
        if let Some((request, awaited, answered)) = watch.handler {
            self.observe_handler(state, watch, (request, awaited, answered));
        }
    }

    fn observe_owed(&self, state: &mut State, node: NodeId, request: RequestId, owed: NodeMask) {
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
                .any(|hint| hint.target == target && hint.mutation == mutation);
            let window = self.hint_window(state, node, target);
            let outage = me.outages.get(usize::from(target.0)).copied().unwrap_or_default();
            let is_second = outage.first_hint.is_some_and(|first| first < state.tick)
                && !me
                    .disk
                    .hints
                    .iter()
                    .any(|hint| hint.target == target && hint.created < state.tick);
            if self.scope.hints && window {
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
            if let Some(operation) = state.operations.get_mut(index) {
                operation.settled |= bit(target);
            }
        }
    }

    /// Within the window by the coordinator's own memory: the present outage, and the oldest hint file.
    fn hint_window(&self, state: &State, node: NodeId, target: NodeId) -> bool {
        let me = state.node(node);
        let window = self.scope.hint_window;
        let outage = me.outages.get(usize::from(target.0)).copied().unwrap_or_default();
        let is_short = outage.seen_since.is_none_or(|since| state.tick - since <= window);
        let written = me.disk.hints.iter().filter(|hint| {
            hint.target == target
                && hint.stage != super::HintStage::Buffered
                && self.scope.hint_window_persistent
        });
        is_short
            && written
                .map(|hint| hint.created)
                .min()
                .is_none_or(|oldest| state.tick - oldest <= window)
    }

    /// A hint is about to be stored.
    pub(super) fn observe_hint_stored(&self, state: &mut State, node: NodeId, target: NodeId) {
        if !self.hint_window(state, node, target) {
            state.breach(self, Breach::HintOutsideWindow);
        }
    }

    /// A hint was removed.
    pub(super) fn observe_hint_removed(&self, state: &mut State, hint: &StoredHint, tick: u8) {
        state.reach(self, Reached::HintRemoved);
        let has_expired = self.scope.gc_grace != crate::payload::GC_GRACE_FOREVER
            && tick - hint.created >= self.scope.gc_grace;
        if !hint.delivered && !has_expired {
            state.breach(self, Breach::HintRemoved);
        }
    }

    fn observe_handler(
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
                if forgotten != 0 && self.scope.hints {
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

    /// A mutation reached a memtable.
    pub(super) fn observe_applied(
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

    /// The client is told how its operation ended.
    pub(super) fn answer(&self, state: &mut State, index: usize, told: Told) {
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
        let can_hint = self.scope.hints
            && others
                .into_iter()
                .any(|node| self.hint_window(state, operation.coordinator, node));
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

    /// Notes a breach that a transition itself showed.
    pub(super) fn note_breach(&self, state: &mut State, breach: Breach) {
        state.breach(self, breach);
    }

    /// Notes a premise that a transition itself showed.
    pub(super) fn note_reached(&self, state: &mut State, reached: Reached) {
        state.reach(self, reached);
    }
}

/// The effect writes something for this request.
fn writes_for(effect: &Effect<ModelPayload>, of: RequestId) -> bool {
    match effect {
        Effect::Send {
            message: Message::Mutation { request, .. },
            ..
        } => *request == of,
        Effect::Append {
            reply:
                Reply {
                    callback: Callback::Write(request),
                    ..
                },
            ..
        } => *request == of,
        Effect::StoreHint { .. } => true,
        Effect::Send { .. }
        | Effect::Append { .. }
        | Effect::ReadLocal { .. }
        | Effect::ReadHints { .. }
        | Effect::DeleteHints { .. }
        | Effect::ReturnHints { .. }
        | Effect::AnswerWrite { .. }
        | Effect::AnswerRead { .. }
        | Effect::Arm(_)
        | Effect::Disarm(_) => false,
    }
}
