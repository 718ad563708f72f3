//! Marks for the chart: which lines and signs a step draws.
//!
//! [`Flight`] remembers at which step each message was sent. Chapter: `specs/00-guarantees.md`.

use thymbra_protocol::{Message, NodeId};

use super::change::letter;
use super::scene::Scene;
use super::words;
use crate::action::Action;
use crate::chart::{Fate, Lane, LocalKind, Mark, MessageKind};
use crate::scope::OperationKind;
use crate::system::{Envelope, State, System, Told, bit};

/// Messages in flight with the step that sent each, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Flight(Vec<(Envelope, usize)>);

impl Flight {
    /// Takes the oldest copy of a message out; answers the step that sent it.
    fn land(&mut self, envelope: &Envelope) -> Option<usize> {
        let index = self.find(envelope)?;
        Some(self.0.remove(index).1)
    }

    fn find(&self, envelope: &Envelope) -> Option<usize> {
        let wanted = letter(envelope);
        self.0.iter().position(|(other, _)| *other == wanted)
    }

    fn sent_at(&self, envelope: &Envelope) -> Option<usize> {
        self.find(envelope)
            .and_then(|index| self.0.get(index))
            .map(|(_, step)| *step)
    }

    /// Messages that are still in flight, with the steps that sent them.
    pub(super) fn pending(&self) -> &[(Envelope, usize)] {
        &self.0
    }
}

/// Columns: clients that write, the nodes, clients that read.
#[derive(Clone, Debug)]
pub(super) struct Lanes {
    clients: Vec<usize>,
    first_node: usize,
    pub(super) lanes: Vec<Lane>,
}

impl Lanes {
    pub(super) fn of(system: &System) -> Self {
        let nodes = system.scope.node_count();
        let of_kind = |kind: OperationKind| {
            let operations = system.scope.operations.iter().enumerate();
            operations
                .filter(move |(_, scope)| scope.kind == kind)
                .map(|(index, _)| index)
        };
        let writers = of_kind(OperationKind::Write).count();
        let mut clients = vec![0; system.scope.operations.len()];
        let mut lanes = Vec::new();
        let places = of_kind(OperationKind::Write).zip(0..);
        for (operation, lane) in places.chain(of_kind(OperationKind::Read).zip(writers + nodes..)) {
            if let Some(place) = clients.get_mut(operation) {
                *place = lane;
            }
        }
        let client_lane = |operation: usize| Lane {
            id: words::client(operation),
            label: String::new(),
            group: None,
        };
        lanes.extend(of_kind(OperationKind::Write).map(client_lane));
        let node_ids = (0..u16::try_from(nodes).expect("validated: at most 16 nodes")).map(NodeId);
        lanes.extend(node_ids.map(|node| node_lane(system, node)));
        lanes.extend(of_kind(OperationKind::Read).map(client_lane));
        Self {
            clients,
            first_node: writers,
            lanes,
        }
    }

    pub(super) fn node(&self, node: NodeId) -> usize {
        self.first_node + usize::from(node.0)
    }

    pub(super) fn client(&self, operation: usize) -> usize {
        self.clients.get(operation).copied().unwrap_or_default()
    }
}

fn node_lane(system: &System, node: NodeId) -> Lane {
    let natural = system.layout.natural & bit(node) != 0;
    let pending = system.layout.pending & bit(node) != 0;
    let label = match (natural, pending) {
        (true, _) => String::new(),
        (false, true) => format!("{node} (pending)"),
        (false, false) => format!("{node} (no replica)"),
    };
    let group = (system.scope.datacenters.len() > 1).then(|| words::datacenter(system, node));
    Lane {
        id: node.to_string(),
        label,
        group,
    }
}

impl Scene<'_> {
    /// What a step draws; messages that it sends and takes are noted in `flight`.
    pub(super) fn marks(&self, number: usize, lanes: &Lanes, flight: &mut Flight) -> Vec<Mark> {
        let mut marks = Vec::new();
        match self.action {
            Action::Write { operation, node, .. } | Action::Read { operation, node, .. } => {
                let operation = usize::from(*operation);
                let level = self.system.operation(operation).map(|scope| scope.level);
                let level = level.map_or_else(String::new, |level| format!(" {level}"));
                marks.push(Mark::Arrow {
                    from: lanes.client(operation),
                    to: lanes.node(*node),
                    sent_at: number,
                    kind: MessageKind::Request,
                    label: format!("{}{level}", self.system.operation_name(operation)),
                    fate: Fate::Delivered,
                });
            }
            Action::Deliver(envelope) => {
                let sent_at = flight.land(envelope);
                marks.push(self.arrow(lanes, envelope, sent_at.unwrap_or(number), Fate::Delivered));
            }
            Action::Lose(envelope) => {
                let sent_at = flight.land(envelope);
                marks.push(self.arrow(lanes, envelope, sent_at.unwrap_or(number), Fate::Lost));
            }
            Action::Duplicate(envelope) => {
                let sent_at = flight.sent_at(envelope).unwrap_or(number);
                marks.push(self.arrow(lanes, envelope, sent_at, Fate::Duplicated));
            }
            Action::Fail(envelope) | Action::Drop(envelope) => {
                let sent_at = flight.land(envelope);
                marks.push(self.arrow(lanes, envelope, sent_at.unwrap_or(number), Fate::Delivered));
                let is_failure = matches!(self.action, Action::Fail(_));
                let label = if is_failure { "append fails" } else { "expired" };
                marks.push(note(lanes.node(envelope.to), LocalKind::Note, label));
            }
            Action::Crash(_) | Action::PowerLoss(_) | Action::Pause(_) | Action::Partition(_) => {
                marks.extend(self.environment_marks(lanes));
                for envelope in &self.change.gone {
                    let sent_at = flight.land(envelope).unwrap_or(number);
                    marks.push(self.arrow(lanes, envelope, sent_at, Fate::Lost));
                }
            }
            Action::Restart(_)
            | Action::Resume(_)
            | Action::Suspect { .. }
            | Action::Trust { .. }
            | Action::Heal
            | Action::Tick => marks.extend(self.environment_marks(lanes)),
            Action::Apply { .. }
            | Action::FailApply { .. }
            | Action::DropApply { .. }
            | Action::Mark(_)
            | Action::Sync(_)
            | Action::StoreHints { .. }
            | Action::WriteHints(_)
            | Action::SyncHints(_)
            | Action::DispatchHints { .. }
            | Action::HintTimeout { .. }
            | Action::Timeout { .. }
            | Action::Expire { .. } => marks.extend(self.local_mark(lanes)),
        }
        marks.extend(self.consequence_marks(number, lanes));
        for envelope in &self.change.sent {
            flight.0.push((letter(envelope), number));
        }
        self.forget_discarded(flight);
        marks
    }

    /// Messages that the model takes out of flight because nobody waits for them are not drawn.
    fn forget_discarded(&self, flight: &mut Flight) {
        let mut rest: Vec<Envelope> = self.after.network.iter().map(letter).collect();
        flight.0.retain(|(envelope, _)| {
            let index = rest.iter().position(|other| other == envelope);
            index.map(|index| rest.swap_remove(index)).is_some()
        });
    }

    /// A message as an arrow.
    pub(super) fn arrow(&self, lanes: &Lanes, envelope: &Envelope, sent_at: usize, fate: Fate) -> Mark {
        let (kind, label) = match &envelope.message {
            Message::Mutation {
                request, respond_to, ..
            } => {
                let kind = respond_to.map_or(MessageKind::Write, |_| MessageKind::Forward);
                (kind, self.request(*request))
            }
            Message::MutationResponse { request } => {
                (MessageKind::Ack, format!("ack {}", self.request(*request)))
            }
            Message::Hint { hint, .. } => (MessageKind::Hint, format!("hint {}", self.write(hint.mutation))),
            Message::HintResponse { .. } => (MessageKind::HintAck, "ack hint".into()),
            Message::Read { request, .. } => (MessageKind::Read, format!("read {}", self.request(*request))),
            Message::ReadResponse { request, data } => (
                MessageKind::Answer,
                format!("{}: {}", self.request(*request), self.value(*data)),
            ),
            Message::ReadRepair { mutation, .. } => (
                MessageKind::ReadRepair,
                format!("repair {}", self.write(*mutation)),
            ),
            Message::ReadRepairResponse { .. } => (MessageKind::ReadRepairAck, "repaired".into()),
            Message::Failure { .. } => (MessageKind::Failure, "failure".into()),
        };
        Mark::Arrow {
            from: lanes.node(envelope.from),
            to: lanes.node(envelope.to),
            sent_at,
            kind,
            label,
            fate,
        }
    }

    fn environment_marks(&self, lanes: &Lanes) -> Option<Mark> {
        let at = |node: &NodeId, kind, label: &str| Some(note(lanes.node(*node), kind, label));
        let all_nodes = || self.after.node_ids().map(|node| lanes.node(node)).collect();
        let across = |label: String| {
            Some(Mark::Across {
                lanes: all_nodes(),
                label,
            })
        };
        match self.action {
            Action::Crash(node) => at(node, LocalKind::Crash, "crash"),
            Action::PowerLoss(node) => at(node, LocalKind::PowerLoss, "power loss"),
            Action::Restart(node) => at(node, LocalKind::Restart, "restart"),
            Action::Pause(node) => at(node, LocalKind::Down, "down"),
            Action::Resume(node) => at(node, LocalKind::Up, "up"),
            Action::Suspect { node, target } => at(node, LocalKind::View, &format!("sees {target} down")),
            Action::Trust { node, target } => at(node, LocalKind::View, &format!("sees {target} up")),
            Action::Partition(side) => {
                let all = self.after.node_ids().fold(0, |mask, node| mask | bit(node));
                let sides = (words::nodes(*side), words::nodes(all & !side));
                across(format!("partition {} | {}", sides.0, sides.1))
            }
            Action::Heal => across("partition heals".into()),
            Action::Tick => across("1 s passes".into()),
            Action::Write { .. }
            | Action::Read { .. }
            | Action::Deliver(_)
            | Action::Lose(_)
            | Action::Duplicate(_)
            | Action::Fail(_)
            | Action::Drop(_)
            | Action::Apply { .. }
            | Action::FailApply { .. }
            | Action::DropApply { .. }
            | Action::Mark(_)
            | Action::Sync(_)
            | Action::StoreHints { .. }
            | Action::WriteHints(_)
            | Action::SyncHints(_)
            | Action::DispatchHints { .. }
            | Action::HintTimeout { .. }
            | Action::Timeout { .. }
            | Action::Expire { .. } => None,
        }
    }

    fn local_mark(&self, lanes: &Lanes) -> Option<Mark> {
        let name = |operation: &u8| self.system.operation_name(usize::from(*operation));
        let coordinator = |operation: &u8| {
            let operation = self.before.operations.get(usize::from(*operation));
            operation
                .map(|operation| operation.coordinator)
                .unwrap_or_default()
        };
        let (node, kind, label) = match self.action {
            Action::FailApply { node, operation } => {
                (*node, LocalKind::Note, format!("{} fails", name(operation)))
            }
            Action::DropApply { node, operation } => {
                (*node, LocalKind::Timer, format!("{} expired", name(operation)))
            }
            Action::Mark(node) => (*node, LocalKind::Sync, "marker".into()),
            Action::Sync(node) => (*node, LocalKind::Sync, "sync".into()),
            Action::StoreHints { node, operation } => (
                *node,
                LocalKind::Note,
                format!("hint task of {} ends", name(operation)),
            ),
            Action::WriteHints(node) => (*node, LocalKind::Sync, "write hints".into()),
            Action::SyncHints(node) => (*node, LocalKind::Sync, "sync hints".into()),
            Action::DispatchHints { node, target } => {
                (*node, LocalKind::Note, format!("deliver hints to {target}"))
            }
            Action::HintTimeout { node, target } => {
                (*node, LocalKind::Timer, format!("hints to {target} time out"))
            }
            Action::Timeout { operation } => (
                coordinator(operation),
                LocalKind::Timer,
                format!("{} timeout", name(operation)),
            ),
            Action::Expire {
                operation,
                attempt,
                node,
            } => (
                self.system
                    .handler(self.before, usize::from(*operation), *attempt)
                    .map_or_else(|| coordinator(operation), |(holder, _)| holder),
                LocalKind::Timer,
                format!("{}: {node} silent", name(operation)),
            ),
            Action::Apply { .. }
            | Action::Write { .. }
            | Action::Read { .. }
            | Action::Deliver(_)
            | Action::Lose(_)
            | Action::Duplicate(_)
            | Action::Fail(_)
            | Action::Drop(_)
            | Action::Crash(_)
            | Action::PowerLoss(_)
            | Action::Restart(_)
            | Action::Pause(_)
            | Action::Resume(_)
            | Action::Suspect { .. }
            | Action::Trust { .. }
            | Action::Partition(_)
            | Action::Heal
            | Action::Tick => return None,
        };
        Some(note(lanes.node(node), kind, &label))
    }

    /// Appends, hints and answers that follow from the action.
    fn consequence_marks(&self, number: usize, lanes: &Lanes) -> Vec<Mark> {
        let mut marks = Vec::new();
        let is_death = matches!(self.action, Action::Crash(_) | Action::PowerLoss(_));
        for node in self.change.applied.iter().filter(|_| !is_death) {
            let (was, is) = (&self.before.node(*node).disk, &self.after.node(*node).disk);
            let waits = is.pending.len() > was.pending.len();
            let label = match (waits, was.memory != is.memory) {
                (true, _) if is.appended != was.appended => "append, wait for sync".into(),
                (true, _) => "queued".into(),
                (false, true) => format!("apply {}", self.value(is.memory)),
                (false, false) => "append".into(),
            };
            marks.push(note(lanes.node(*node), LocalKind::Apply, &label));
        }
        for (holder, target, ..) in &self.change.hints_stored {
            let label = format!("hint for {target}");
            marks.push(note(lanes.node(*holder), LocalKind::HintStored, &label));
        }
        for (operation, told) in &self.change.told {
            let from = self
                .after
                .operations
                .get(*operation)
                .map(|operation| operation.coordinator)
                .unwrap_or_default();
            let kind = match told {
                Told::Success | Told::Value(_) => MessageKind::Response,
                Told::Unavailable(..)
                | Told::Timeout(..)
                | Told::Failure(..)
                | Told::Overloaded
                | Told::Invalid => MessageKind::Error,
            };
            marks.push(Mark::Arrow {
                from: lanes.node(from),
                to: lanes.client(*operation),
                sent_at: number,
                kind,
                label: short_outcome(self.system, self.after, *operation, *told),
                fate: Fate::Delivered,
            });
        }
        marks
    }
}

/// `WriteTimeout 1/2`: an outcome as short as a label.
fn short_outcome(system: &System, state: &State, operation: usize, told: Told) -> String {
    let name = system.operation_name(operation);
    match told {
        Told::Unavailable(required, alive) => format!("{name} Unavailable {alive}/{required}"),
        Told::Timeout(received, required) => format!("{name} Timeout {received}/{required}"),
        Told::Failure(received, required) => format!("{name} Failure {received}/{required}"),
        Told::Success | Told::Overloaded | Told::Invalid | Told::Value(_) => {
            format!("{name}: {}", words::outcome(system, state, operation, told))
        }
    }
}

/// A sign on one lane.
pub(super) fn note(lane: usize, kind: LocalKind, label: &str) -> Mark {
    Mark::Local {
        lane,
        kind,
        label: label.into(),
    }
}
