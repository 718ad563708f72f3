//! Words for the objects of a run: operations, values, outcomes, lists of nodes.
//!
//! Every sentence of a story takes its nouns from here. Chapter: `specs/00-guarantees.md`.

use thymbra_protocol::{NodeId, RequestId};

use crate::payload::{ModelMutation, Register};
use crate::scope::OperationKind;
use crate::system::{NodeMask, State, System, Told, attempt_of, bit, operation_of};

/// A sentence: what happened, and what follows from it.
#[derive(Debug, Default)]
pub(crate) struct Sentence {
    what: String,
    so: Vec<String>,
}

impl Sentence {
    /// What happened.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            so: Vec::new(),
        }
    }

    /// And so.
    pub(crate) fn so(&mut self, consequence: impl Into<String>) -> &mut Self {
        self.so.push(consequence.into());
        self
    }

    /// And so, all of these.
    pub(crate) fn so_all(&mut self, consequences: impl IntoIterator<Item = String>) -> &mut Self {
        self.so.extend(consequences);
        self
    }

    /// Nothing follows so far.
    pub(crate) fn is_bare(&self) -> bool {
        self.so.is_empty()
    }

    /// The whole sentence.
    pub(crate) fn finish(self) -> String {
        if self.so.is_empty() {
            format!("{}.", self.what)
        } else {
            format!("{}: {}.", self.what, self.so.join("; "))
        }
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn list<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    match items.as_slice() {
        [] => "nobody".into(),
        [only] => only.clone(),
        [front @ .., last] => format!("{} and {last}", front.join(", ")),
    }
}

/// The nodes of a mask as a list.
pub(crate) fn nodes(mask: NodeMask) -> String {
    list(members(mask))
}

/// The nodes of a mask.
pub(crate) fn members(mask: NodeMask) -> impl Iterator<Item = NodeId> {
    (0..16).map(NodeId).filter(move |node| mask & bit(*node) != 0)
}

/// The verb for so many subjects.
pub(crate) fn verb(count: usize, one: &'static str, many: &'static str) -> &'static str {
    if count == 1 { one } else { many }
}

/// The client of an operation: each operation has one of its own.
pub(crate) fn client(operation: usize) -> String {
    format!("c{}", operation + 1)
}

/// The operation that a request belongs to, a second attempt told apart.
pub(crate) fn of_request(system: &System, request: RequestId) -> String {
    let name = system.operation_name(operation_of(request));
    if attempt_of(request) > 1 {
        format!("the retry of {name}")
    } else {
        name
    }
}

/// A write: its name, with its timestamp if that is not the one it has now.
pub(crate) fn write(system: &System, state: &State, mutation: ModelMutation) -> String {
    let index = usize::from(mutation.write);
    let name = system.operation_name(index);
    let timestamp = state.operations.get(index).map(|operation| operation.timestamp);
    if timestamp == Some(mutation.timestamp) {
        name
    } else {
        format!("{name} with timestamp {}", mutation.timestamp)
    }
}

/// What a replica holds or a read returns.
pub(crate) fn value(system: &System, state: &State, register: Register) -> String {
    register
        .0
        .map_or_else(|| "no value".into(), |mutation| write(system, state, mutation))
}

/// What a client is told, under Cassandra's names.
pub(crate) fn outcome(system: &System, state: &State, operation: usize, told: Told) -> String {
    let kind = match system.operation(operation).map(|scope| scope.kind) {
        Some(OperationKind::Write) | None => "Write",
        Some(OperationKind::Read) => "Read",
    };
    match told {
        Told::Success => "SUCCESS".into(),
        Told::Unavailable(required, alive) => format!("Unavailable(required {required}, alive {alive})"),
        Told::Timeout(received, required) => {
            format!("{kind}Timeout(received {received}, required {required})")
        }
        Told::Failure(received, required) => {
            format!("{kind}Failure(received {received}, required {required})")
        }
        Told::Overloaded => "Overloaded".into(),
        Told::Invalid => "InvalidRequest".into(),
        Told::Value(register) => value(system, state, register),
    }
}

/// Why one node cannot send to another, if it cannot.
pub(crate) fn barrier(state: &State, from: NodeId, to: NodeId) -> Option<String> {
    match (state.is_up(to), state.are_connected(from, to)) {
        (false, _) => Some(format!("{to} is down")),
        (true, false) => Some(format!("{to} is cut off")),
        (true, true) => None,
    }
}

/// The data centre of a node by its name in the scope.
pub(crate) fn datacenter(system: &System, node: NodeId) -> String {
    let index = usize::from(system.layout.datacenter(node).0);
    system
        .scope
        .datacenters
        .get(index)
        .map(|datacenter| datacenter.name.clone())
        .unwrap_or_default()
}
