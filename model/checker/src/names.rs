//! Names of actions: they print from objects and parse in a state.
//!
//! `deliver.MUTATION_REQ.w1.n1-n2` is the copy of write 1 on its way from n1 to n2; a second, different message of
//! the same name is `~2`. An operation's second attempt is `w1r`.

use core::fmt::Write as _;

use thymbra_protocol::{Callback, Message, NodeId, RequestId};

use crate::action::Action;
use crate::payload::ModelPayload;
use crate::system::{Envelope, NodeMask, State, System, attempt_of, bit, operation_of};

/// A name that is no action of this state.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no action is called {name} here{}", nearest.as_ref().map(|name| format!("; did you mean {name}?")).unwrap_or_default())]
pub struct UnknownAction {
    /// What was asked for.
    pub name: String,
    /// The possible action with the most similar name.
    pub nearest: Option<String>,
}

/// Names of a set of nodes: `n1+n3`.
#[must_use]
pub fn node_set(nodes: NodeMask) -> String {
    let names: Vec<String> = (0..16)
        .map(NodeId)
        .filter(|node| nodes & bit(*node) != 0)
        .map(|node| node.to_string())
        .collect();
    if names.is_empty() {
        "nobody".into()
    } else {
        names.join("+")
    }
}

impl System {
    /// The name of an action.
    #[must_use]
    pub fn name(&self, action: &Action) -> String {
        let operation = |index: &u8| self.operation_name(usize::from(*index));
        match action {
            Action::Write {
                operation: index,
                node,
                forwarders,
                skewed,
                sees,
            } => {
                let name = format!("write.{}.{node}", operation(index));
                with_choices(name, *forwarders, *skewed, *sees)
            }
            Action::Read {
                operation: index,
                node,
                nearest,
                sees,
            } => {
                let name = format!("read.{}.{node}.of-{}", operation(index), node_set(*nearest));
                with_choices(name, 0, false, *sees)
            }
            Action::Deliver(envelope) => format!("deliver.{}", self.message_name(envelope)),
            Action::Lose(envelope) => format!("lose.{}", self.message_name(envelope)),
            Action::Duplicate(envelope) => format!("duplicate.{}", self.message_name(envelope)),
            Action::Fail(envelope) => format!("fail.{}", self.message_name(envelope)),
            Action::Drop(envelope) => format!("drop.{}", self.message_name(envelope)),
            Action::Apply {
                node,
                operation: index,
            } => format!("apply.{}.{node}", operation(index)),
            Action::FailApply {
                node,
                operation: index,
            } => format!("fail-apply.{}.{node}", operation(index)),
            Action::DropApply {
                node,
                operation: index,
            } => format!("drop-apply.{}.{node}", operation(index)),
            Action::Mark(node) => format!("mark.{node}"),
            Action::Sync(node) => format!("sync.{node}"),
            Action::StoreHints {
                node,
                operation: index,
            } => format!("store-hints.{}.{node}", operation(index)),
            Action::WriteHints(node) => format!("write-hints.{node}"),
            Action::SyncHints(node) => format!("sync-hints.{node}"),
            Action::DispatchHints { node, target } => format!("hint.{node}-{target}"),
            Action::HintTimeout { node, target } => format!("hint-timeout.{node}-{target}"),
            Action::Timeout { operation: index } => format!("timeout.{}", operation(index)),
            Action::Expire {
                operation: index,
                attempt,
                node,
            } => {
                let retried = if *attempt > 1 { "r" } else { "" };
                format!("expire.{}{retried}.{node}", operation(index))
            }
            Action::Crash(node) => format!("crash.{node}"),
            Action::PowerLoss(node) => format!("power-loss.{node}"),
            Action::Restart(node) => format!("restart.{node}"),
            Action::Pause(node) => format!("pause.{node}"),
            Action::Resume(node) => format!("resume.{node}"),
            Action::Suspect { node, target } => format!("suspect.{node}.{target}"),
            Action::Trust { node, target } => format!("trust.{node}.{target}"),
            Action::Partition(side) => format!("partition.{}", node_set(*side)),
            Action::Heal => "heal".into(),
            Action::Tick => "tick".into(),
        }
    }

    /// The name of a message: verb, operation, sender and receiver.
    #[must_use]
    pub fn message_name(&self, envelope: &Envelope) -> String {
        let Envelope {
            from, to, message, ..
        } = envelope;
        format!("{}.{}.{from}-{to}", message.verb(), self.subject(message))
    }

    /// The operation that a message is about.
    #[must_use]
    pub fn subject(&self, message: &Message<ModelPayload>) -> String {
        match message {
            Message::Mutation { request, .. }
            | Message::MutationResponse { request }
            | Message::Read { request, .. }
            | Message::ReadResponse { request, .. }
            | Message::ReadRepair { request, .. }
            | Message::ReadRepairResponse { request } => self.request_name(*request),
            Message::Failure { callback, .. } => match callback {
                Callback::Write(request) | Callback::Read(request) | Callback::ReadRepair(request) => {
                    self.request_name(*request)
                }
                Callback::Hint { dispatch, index } => hint_name(*dispatch, *index),
            },
            Message::Hint { hint, .. } => self.operation_name(usize::from(hint.mutation.write)),
            Message::HintResponse { dispatch, index } => hint_name(*dispatch, *index),
        }
    }

    fn request_name(&self, request: RequestId) -> String {
        let name = self.operation_name(operation_of(request));
        if attempt_of(request) > 1 {
            format!("{name}r")
        } else {
            name
        }
    }

    /// Every possible action with its name; equal names are told apart by `~2`, `~3`.
    #[must_use]
    pub fn named_actions(&self, state: &State) -> Vec<(String, Action)> {
        let mut actions = Vec::new();
        self.possible_actions(state, &mut actions);
        let mut named: Vec<(String, Action)> = Vec::with_capacity(actions.len());
        for action in actions {
            let name = self.name(&action);
            let copies = named.iter().filter(|(_, other)| self.name(other) == name).count();
            let unique = if copies == 0 {
                name
            } else {
                format!("{name}~{}", copies + 1)
            };
            named.push((unique, action));
        }
        named
    }

    /// The possible action of this name.
    ///
    /// # Errors
    /// [`UnknownAction`] with the most similar name, if there is none.
    pub fn parse(&self, state: &State, name: &str) -> Result<Action, UnknownAction> {
        let named = self.named_actions(state);
        match named.iter().find(|(other, _)| other == name) {
            Some((_, action)) => Ok(*action),
            None => {
                let nearest = named
                    .into_iter()
                    .map(|(other, _)| other)
                    .min_by_key(|other| distance(name, other));
                Err(UnknownAction {
                    name: name.into(),
                    nearest,
                })
            }
        }
    }
}

/// The name of a begin with the choices that it carries.
fn with_choices(mut name: String, via: NodeMask, is_skewed: bool, sees: Option<NodeMask>) -> String {
    if via != 0 {
        let _ = write!(name, ".via-{}", node_set(via));
    }
    if is_skewed {
        name.push_str(".skewed");
    }
    if let Some(sees) = sees {
        let _ = write!(name, ".sees-{}", node_set(sees));
    }
    name
}

fn hint_name(dispatch: RequestId, index: u8) -> String {
    format!("h{}.{}", dispatch.generation + 1, index + 1)
}

/// Edit distance of two names.
pub(crate) fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, letter) in left.chars().enumerate() {
        let mut diagonal = std::mem::replace(row.first_mut().expect("a row has a first entry"), index + 1);
        for (column, other) in right.iter().enumerate() {
            let above = row.get(column + 1).copied().unwrap_or(usize::MAX);
            let before = row.get(column).copied().unwrap_or(usize::MAX);
            let best = (above + 1)
                .min(before + 1)
                .min(diagonal + usize::from(letter != *other));
            diagonal = above;
            if let Some(cell) = row.get_mut(column + 1) {
                *cell = best;
            }
        }
    }
    row.last().copied().unwrap_or(0)
}
