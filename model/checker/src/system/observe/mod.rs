//! What the checker sees for itself at a transition: applied copies, acknowledgements, hints, outcomes.
//!
//! Nothing here asks the rules under test: needs are counted by [`Layout`](crate::layout::Layout), supersession by
//! timestamp and value. A step is watched before ([`System::watch`]), judged by its effects
//! ([`System::observe_effects`]) and by what it left behind ([`System::observe_result`]).

mod acknowledgements;
mod hints;
mod outcomes;
mod repair;

use thymbra_protocol::{
    Callback, Effect, Input, Message, NodeId, ReadOutcome, ReplicaSet, Reply, RequestId, Timer, WriteOutcome,
};

use super::{NodeMask, State, System, bit, operation_of};
use crate::payload::{ModelPayload, Register};
use crate::properties::{Breach, Reached};
use crate::scope::RetryPolicy;

/// What was true before a step.
pub(super) struct Watch {
    pub(super) node: NodeId,
    pub(super) cause: Cause,
    /// The write whose handler was open before the step: its request, who was awaited, whether it was answered.
    pub(super) handler: Option<(RequestId, ReplicaSet, bool)>,
    pub(super) drawn: Option<NodeMask>,
    /// Answers of a read that may be merged by this step.
    pub(super) answers: Vec<(NodeId, Register)>,
}

/// Why a node steps, as far as the checker cares.
#[derive(Clone, Copy)]
pub(super) enum Cause {
    Write(RequestId),
    Read(RequestId),
    Acknowledged { request: RequestId, sender: NodeId },
    Failed { request: RequestId, target: NodeId },
    Applied(Reply),
    HintArrived,
    Other,
}

impl State {
    pub(super) fn breach(&mut self, system: &System, breach: Breach) {
        self.breaches |= breach as u32 & system.breaches;
    }

    pub(super) fn reach(&mut self, system: &System, reached: Reached) {
        self.reached |= reached as u32 & system.reached;
    }
}

impl System {
    /// Looks at a node before it takes an input.
    pub(in crate::system) fn watch(
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
            Cause::Read(_) | Cause::Applied(_) | Cause::HintArrived | Cause::Other => None,
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
            Input::Read { request, .. } => Cause::Read(*request),
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
            Input::ApplyFailed { .. }
            | Input::Expired { .. }
            | Input::ReadCompleted { .. }
            | Input::HintStored { .. }
            | Input::DispatchHints { .. }
            | Input::HintsRead { .. }
            | Input::Fired(_) => Cause::Other,
        }
    }

    /// Judges what a step asks for.
    pub(in crate::system) fn observe_effects(
        &self,
        state: &mut State,
        watch: &Watch,
        effects: &[Effect<ModelPayload>],
    ) {
        for effect in effects {
            match effect {
                Effect::AnswerWrite { request, outcome } => {
                    let is_unavailable = matches!(outcome, WriteOutcome::Unavailable(_));
                    let is_overloaded = *outcome == WriteOutcome::Overloaded;
                    if (is_unavailable || is_overloaded)
                        && effects.iter().any(|effect| writes_for(effect, *request))
                    {
                        state.breach(self, Breach::RefusedWrote);
                    }
                    if let Cause::Write(_) = watch.cause {
                        self.observe_admission(state, watch, operation_of(*request), !is_unavailable);
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
        match watch.cause {
            Cause::Write(request) => self.observe_write_begun(state, watch, operation_of(request), effects),
            Cause::Read(request) => self.observe_read_begun(state, watch, operation_of(request), effects),
            Cause::Acknowledged { .. }
            | Cause::Failed { .. }
            | Cause::Applied(_)
            | Cause::HintArrived
            | Cause::Other => {}
        }
        if !watch.answers.is_empty() {
            self.observe_repair(state, watch, effects);
        }
    }

    fn observe_write_begun(
        &self,
        state: &mut State,
        watch: &Watch,
        index: usize,
        effects: &[Effect<ModelPayload>],
    ) {
        let answer = effects.iter().find_map(|effect| {
            let Effect::AnswerWrite { outcome, .. } = effect else {
                return None;
            };
            Some(outcome)
        });
        if answer.is_none() {
            self.observe_admission(state, watch, index, true);
        }
        if self.scope.slow_hints
            && !matches!(
                answer,
                Some(WriteOutcome::Unavailable(_) | WriteOutcome::Invalid(_))
            )
        {
            self.observe_overload(state, watch, index, answer == Some(&WriteOutcome::Overloaded));
        }
    }

    fn observe_read_begun(
        &self,
        state: &mut State,
        watch: &Watch,
        index: usize,
        effects: &[Effect<ModelPayload>],
    ) {
        let answer = effects.iter().find_map(|effect| {
            let Effect::AnswerRead { outcome, .. } = effect else {
                return None;
            };
            Some(outcome)
        });
        match answer {
            Some(ReadOutcome::Invalid(_)) => {}
            Some(ReadOutcome::Unavailable(_)) => self.observe_read_admission(state, watch, index, false),
            Some(
                ReadOutcome::Data(_) | ReadOutcome::ReadTimeout { .. } | ReadOutcome::ReadFailure { .. },
            )
            | None => self.observe_read_admission(state, watch, index, true),
        }
    }

    /// Judges what a step left behind.
    pub(in crate::system) fn observe_result(&self, state: &mut State, watch: &Watch) {
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
            | Cause::Read(_)
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

    /// Notes a breach that a transition itself showed.
    pub(in crate::system) fn note_breach(&self, state: &mut State, breach: Breach) {
        state.breach(self, breach);
    }

    /// Notes a premise that a transition itself showed.
    pub(in crate::system) fn note_reached(&self, state: &mut State, reached: Reached) {
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
