//! Sentences for messages: they arrive, arrive twice, are lost, fail or expire at their receiver.
//!
//! Chapter: `specs/04-messaging.md`.

use thymbra_protocol::{Callback, Message, NodeId, RequestId};

use super::scene::Scene;
use super::words::{self, Sentence};
use crate::payload::{ModelMutation, Register};
use crate::system::{Envelope, operation_of};

impl Scene<'_> {
    /// A message as a noun, its sender included.
    pub(super) fn noun(&self, envelope: &Envelope) -> String {
        let from = envelope.from;
        match &envelope.message {
            Message::Mutation {
                request, respond_to, ..
            } => match respond_to {
                Some(coordinator) => {
                    format!("{} passed on by {from} for {coordinator}", self.request(*request))
                }
                None => format!("{from}'s copy of {}", self.request(*request)),
            },
            Message::MutationResponse { request } => {
                format!("{from}'s acknowledgement of {}", self.request(*request))
            }
            Message::Hint { hint, .. } => format!("{from}'s hint of {}", self.write(hint.mutation)),
            Message::HintResponse { dispatch, index } => {
                format!(
                    "{from}'s acknowledgement of {}",
                    self.hint_noun(envelope.to, *dispatch, *index)
                )
            }
            Message::Read { request, .. } => format!("{from}'s read request for {}", self.request(*request)),
            Message::ReadResponse { request, data } => format!(
                "{from}'s answer to {} ({})",
                self.request(*request),
                self.value(*data)
            ),
            Message::ReadRepair { request, mutation } => format!(
                "{from}'s repair of {} with {}",
                self.request(*request),
                self.write(*mutation)
            ),
            Message::ReadRepairResponse { request } => {
                format!(
                    "{from}'s acknowledgement of the repair of {}",
                    self.request(*request)
                )
            }
            Message::Failure { callback, .. } => {
                let what = match callback {
                    Callback::Write(request) | Callback::Read(request) => self.request(*request),
                    Callback::ReadRepair(request) => format!("the repair of {}", self.request(*request)),
                    Callback::Hint { dispatch, index } => self.hint_noun(envelope.to, *dispatch, *index),
                };
                format!("{from}'s failure of {what}")
            }
        }
    }

    /// A hint of the page that its holder is delivering.
    fn hint_noun(&self, holder: NodeId, dispatch: RequestId, index: u8) -> String {
        let holder = self.before.node(holder);
        let target = holder.node.dispatches.get(dispatch).map(|open| open.target);
        let mut page = holder
            .disk
            .hints
            .iter()
            .filter(|hint| Some(hint.target) == target && hint.sending);
        page.nth(usize::from(index)).map_or_else(
            || "a hint".into(),
            |hint| format!("the hint of {}", self.write(hint.mutation)),
        )
    }

    /// A message arrives; `stays` if a copy of it remains in flight.
    pub(super) fn arrives(&self, envelope: &Envelope, stays: bool) -> String {
        let to = envelope.to;
        let mut sentence = Sentence::new(format!("{} reaches {to}", self.noun(envelope)));
        match &envelope.message {
            Message::Mutation {
                mutation,
                forward_to,
                respond_to,
                ..
            } => {
                if forward_to.is_some() {
                    sentence.so(self.passed_on(to));
                }
                sentence.so(self.append_words(to, *mutation));
                self.after_append(&mut sentence, to, respond_to.unwrap_or(envelope.from));
            }
            Message::MutationResponse { request } => self.write_counted(&mut sentence, envelope, *request),
            Message::Hint { hint, .. } => {
                let is_live =
                    self.system
                        .rules
                        .is_live(hint.created_ms, hint.gc_grace_seconds, self.now_ms());
                if is_live {
                    sentence.so(self.append_words(to, hint.mutation));
                } else {
                    sentence.so(format!("{to} discards it, since it is older than gc_grace"));
                }
                self.after_append(&mut sentence, to, envelope.from);
            }
            Message::HintResponse { dispatch, .. } => self.hint_counted(&mut sentence, envelope, *dispatch),
            Message::Read { .. } => {
                let held = self.value(self.after.node(to).disk.memory);
                sentence.so(match words::barrier(self.after, to, envelope.from) {
                    None => format!("{to} answers that it has {held}"),
                    Some(why) => format!("{to} has {held}, but its answer goes nowhere, since {why}"),
                });
            }
            Message::ReadResponse { request, data } => {
                self.read_counted(&mut sentence, envelope, *request, *data);
            }
            Message::ReadRepair { mutation, .. } => {
                sentence.so(self.append_words(to, *mutation));
                self.after_append(&mut sentence, to, envelope.from);
            }
            Message::ReadRepairResponse { request } => {
                self.repair_counted(&mut sentence, envelope, *request);
            }
            Message::Failure { callback, .. } => self.failure_counted(&mut sentence, envelope, *callback),
        }
        if stays {
            sentence.so("a second copy of the message is still on its way");
        }
        sentence.finish()
    }

    /// A message disappears on its way.
    pub(super) fn lost(&self, envelope: &Envelope) -> String {
        let mut sentence = Sentence::new(format!(
            "The network loses {} on its way to {}",
            self.noun(envelope),
            envelope.to
        ));
        sentence.so_all(self.never_passed_on(envelope));
        sentence.finish()
    }

    /// A mutation waits in the queue of its receiver past its deadline.
    pub(super) fn expires(&self, envelope: &Envelope) -> String {
        let mut sentence = Sentence::new(format!(
            "{} waits at {} past its deadline",
            self.noun(envelope),
            envelope.to
        ));
        sentence.so(format!("{} drops it and answers nothing", envelope.to));
        sentence.so_all(self.never_passed_on(envelope));
        sentence.finish()
    }

    /// A mutation arrives, and its append fails.
    pub(super) fn fails(&self, envelope: &Envelope) -> String {
        let to = envelope.to;
        let mut sentence = Sentence::new(format!(
            "{} reaches {to}, and the append fails",
            self.noun(envelope)
        ));
        let (waits, passes_on) = match &envelope.message {
            Message::Mutation {
                respond_to,
                forward_to,
                ..
            } => (respond_to.unwrap_or(envelope.from), forward_to.is_some()),
            Message::MutationResponse { .. }
            | Message::Hint { .. }
            | Message::HintResponse { .. }
            | Message::Read { .. }
            | Message::ReadResponse { .. }
            | Message::ReadRepair { .. }
            | Message::ReadRepairResponse { .. }
            | Message::Failure { .. } => (envelope.from, false),
        };
        if passes_on {
            sentence.so(self.passed_on(to));
        }
        sentence.so_all(self.answer_words(to, waits, "answers FAILURE_RSP"));
        sentence.finish()
    }

    fn now_ms(&self) -> u64 {
        u64::from(self.before.tick) * crate::system::TICK_MS
    }

    fn never_passed_on(&self, envelope: &Envelope) -> Option<String> {
        let Message::Mutation {
            forward_to: Some(forward),
            ..
        } = &envelope.message
        else {
            return None;
        };
        let plan = self.system.layout.plan();
        let targets = forward.targets.iter().filter_map(|position| plan.node(position));
        Some(format!(
            "{} will not get it from {}",
            words::list(targets),
            envelope.to
        ))
    }

    /// What a remote coordinator passed on.
    fn passed_on(&self, node: NodeId) -> String {
        let targets: Vec<NodeId> = self
            .change
            .sent
            .iter()
            .filter(|envelope| envelope.from == node && matches!(envelope.message, Message::Mutation { .. }))
            .map(|envelope| envelope.to)
            .collect();
        if targets.is_empty() {
            format!("{node} can pass it on to nobody")
        } else {
            format!("{node} passes it on to {}", words::list(targets))
        }
    }

    /// The acknowledgement that follows an append, unless it waits for a sync.
    fn after_append(&self, sentence: &mut Sentence, node: NodeId, waits: NodeId) {
        let is_held_up = self.after.node(node).disk.pending.len() > self.before.node(node).disk.pending.len();
        if !is_held_up {
            sentence.so_all(self.answer_words(node, waits, "acknowledges"));
        }
    }

    fn write_counted(&self, sentence: &mut Sentence, envelope: &Envelope, request: RequestId) {
        let operation = operation_of(request);
        let (to, from) = (envelope.to, envelope.from);
        let plan = self.system.layout.plan();
        let was = self.before.node(to).node.writes.get(request);
        let Some(was) = was else {
            sentence.so(format!("{to} waits for nothing any more and ignores it"));
            return;
        };
        let is_awaited = plan
            .position_of(from)
            .is_some_and(|position| was.awaiting.contains(position));
        let counted: Vec<NodeId> = self
            .after
            .node(to)
            .node
            .writes
            .get(request)
            .map_or(was.awaiting, |is| was.awaiting.difference(is.awaiting))
            .iter()
            .filter_map(|position| plan.node(position))
            .collect();
        match (is_awaited, was.answered) {
            (true, true) => {
                sentence.so(format!(
                    "the client has its answer already, and {from} needs no hint"
                ));
            }
            (true, false) => {}
            (false, _) if counted.is_empty() => {
                sentence.so(format!("{to} has counted {from} already and ignores it"));
            }
            (false, _) => {
                sentence.so(format!("{to} counts it for {}", words::list(counted)));
            }
        }
        match self.told_words(operation) {
            Some(told) => {
                sentence.so(told);
            }
            None if is_awaited && !was.answered => {
                let layout = &self.system.layout;
                if was.level.is_datacenter_local() && layout.datacenter(from) != layout.datacenter(to) {
                    sentence.so(format!("{} counts its own data centre alone", was.level));
                }
                if let Some((received, needed)) = self.acknowledgements(operation) {
                    sentence.so(format!(
                        "{to} has {received} of {needed} acknowledgements and waits"
                    ));
                }
            }
            None => {}
        }
    }

    fn hint_counted(&self, sentence: &mut Sentence, envelope: &Envelope, dispatch: RequestId) {
        let (to, from) = (envelope.to, envelope.from);
        let was_open = self.before.node(to).node.dispatches.get(dispatch).is_some();
        let removed: Vec<ModelMutation> = self
            .change
            .hints_removed
            .iter()
            .filter(|(holder, target, ..)| *holder == to && *target == from)
            .map(|(_, _, mutation, _)| *mutation)
            .collect();
        if removed.is_empty() {
            sentence.so(if was_open {
                format!("{to} keeps the page until its other hints are acknowledged")
            } else {
                format!("{to} is not delivering any more and ignores it")
            });
        } else {
            let names = words::list(removed.iter().map(|mutation| self.write(*mutation)));
            let noun = words::verb(removed.len(), "its hint", "its hints");
            sentence.so(format!("{to} removes {noun} of {names} for {from}"));
        }
    }

    fn read_counted(&self, sentence: &mut Sentence, envelope: &Envelope, request: RequestId, data: Register) {
        let to = envelope.to;
        let operation = operation_of(request);
        let was = self.before.node(to).node.reads.get(request);
        let is = self.after.node(to).node.reads.get(request);
        let Some(was) = was else {
            sentence.so(format!("{to} waits for nothing any more and ignores it"));
            return;
        };
        let repairs: Vec<String> = self
            .change
            .sent
            .iter()
            .filter_map(|envelope| match &envelope.message {
                Message::ReadRepair { mutation, .. } => {
                    Some(format!("{} to {}", self.write(*mutation), envelope.to))
                }
                Message::Mutation { .. }
                | Message::MutationResponse { .. }
                | Message::Hint { .. }
                | Message::HintResponse { .. }
                | Message::Read { .. }
                | Message::ReadResponse { .. }
                | Message::ReadRepairResponse { .. }
                | Message::Failure { .. } => None,
            })
            .collect();
        let is_done = is.is_none_or(|is| is.repair.is_some());
        if is_done && was.repair.is_none() {
            let differs = was.responses.iter().any(|(_, other)| *other != data);
            match (was.responses.is_empty(), differs) {
                (true, _) => {}
                (false, true) => {
                    sentence.so(format!("{to} finds that the answers differ"));
                }
                (false, false) => {
                    sentence.so(format!("{to} finds that all answers agree"));
                }
            }
        }
        if self.change.applied.contains(&to) {
            let held = self.value(self.after.node(to).disk.memory);
            sentence.so(format!("{to} repairs itself and has {held} now"));
        }
        if !repairs.is_empty() {
            sentence.so(format!("read repair sends {}", words::list(repairs)));
        }
        match (self.told_words(operation), is) {
            (Some(told), _) => {
                sentence.so(told);
            }
            (None, Some(is)) if is.repair.is_some() && was.repair.is_none() => {
                sentence.so(format!(
                    "{to} keeps {} waiting for the repair",
                    words::client(operation)
                ));
            }
            (None, Some(is)) if is.responses.len() > was.responses.len() => {
                let missing = is
                    .awaiting
                    .iter()
                    .filter_map(|position| self.system.layout.plan().node(position));
                sentence.so(format!("{to} still waits for {}", words::list(missing)));
            }
            (None, _) => {
                sentence.so(format!("{to} has it already and ignores it"));
            }
        }
    }

    fn repair_counted(&self, sentence: &mut Sentence, envelope: &Envelope, request: RequestId) {
        let to = envelope.to;
        let was_open = self.before.node(to).node.reads.get(request).is_some();
        match (self.told_words(operation_of(request)), was_open) {
            (Some(told), _) => {
                sentence.so(told);
            }
            (None, true) => {
                sentence.so(format!("{to} waits for more of them"));
            }
            (None, false) => {
                sentence.so(format!("{to} waits for nothing any more and ignores it"));
            }
        }
    }

    fn failure_counted(&self, sentence: &mut Sentence, envelope: &Envelope, callback: Callback) {
        let to = envelope.to;
        match callback {
            Callback::Write(request) | Callback::Read(request) => {
                sentence.so_all(self.told_words(operation_of(request)));
                sentence.so_all(self.stored_words(to));
                if sentence.is_bare() {
                    let machine = |state: &crate::system::State| state.node(to).node.clone();
                    sentence.so(if machine(self.before) == machine(self.after) {
                        format!("{to} waits for nothing any more and ignores it")
                    } else {
                        format!("{to} counts it as failed and waits on")
                    });
                }
            }
            Callback::ReadRepair(_) => {
                sentence.so(format!("{to} ignores it, and its read waits on"));
            }
            Callback::Hint { .. } => {
                sentence.so(format!(
                    "{to} keeps its hints for {} and will try again",
                    envelope.from
                ));
            }
        }
    }
}
