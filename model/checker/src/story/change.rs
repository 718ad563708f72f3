//! What an action changed: the difference of the states before and after it.
//!
//! Sentences and marks are made from this difference and not from what an action ought to do, so that a faulty rule
//! or driver is told as it behaved. Chapter: `specs/00-guarantees.md`.

use thymbra_protocol::NodeId;

use crate::payload::ModelMutation;
use crate::system::{Envelope, Phase, State, Told};

/// A hint by what does not change while it is kept: holder, target, what was missed, the tick of its creation.
pub(super) type HintKey = (NodeId, NodeId, ModelMutation, u8);

/// The difference of two states.
#[derive(Debug, Default)]
pub(super) struct Change {
    /// Messages that are in flight now and were not.
    pub(super) sent: Vec<Envelope>,
    /// Messages that are not in flight any more, the one that the action is about included.
    pub(super) gone: Vec<Envelope>,
    /// Operations that ended, by index, with what their clients were told.
    pub(super) told: Vec<(usize, Told)>,
    /// Operations whose clients will never know.
    pub(super) abandoned: Vec<usize>,
    /// Hints that are held now and were not.
    pub(super) hints_stored: Vec<HintKey>,
    /// Hints that are not held any more.
    pub(super) hints_removed: Vec<HintKey>,
    /// Nodes whose memtable or commit log took something in.
    pub(super) applied: Vec<NodeId>,
}

impl Change {
    /// The difference of two states of one run.
    pub(super) fn of(before: &State, after: &State) -> Self {
        let (earlier, later) = (letters(before), letters(after));
        let (held, holding) = (hints(before), hints(after));
        let phases = || before.operations.iter().zip(&after.operations).enumerate();
        let changed =
            || phases().filter(|(_, (was, is))| (was.phase, was.attempts) != (is.phase, is.attempts));
        let told = changed().filter_map(|(index, (_, is))| match is.phase {
            Phase::Ended(told) | Phase::Retrying(told) => Some((index, told)),
            Phase::Waiting | Phase::Open | Phase::Abandoned => None,
        });
        let abandoned = changed().filter(|(_, (_, is))| is.phase == Phase::Abandoned);
        let applied = before.node_ids().filter(|node| {
            let (was, is) = (&before.node(*node).disk, &after.node(*node).disk);
            was.memory != is.memory || was.appended != is.appended || was.pending.len() < is.pending.len()
        });
        Self {
            sent: surplus(&later, &earlier),
            gone: surplus(&earlier, &later),
            told: told.collect(),
            abandoned: abandoned.map(|(index, _)| index).collect(),
            hints_stored: surplus(&holding, &held),
            hints_removed: surplus(&held, &holding),
            applied: applied.collect(),
        }
    }

    /// What the client of an operation was told.
    pub(super) fn told_of(&self, operation: usize) -> Option<Told> {
        self.told
            .iter()
            .find(|(index, _)| *index == operation)
            .map(|(_, told)| *told)
    }
}

/// The message as it was sent: whether its sender still lives is not part of it.
pub(super) fn letter(envelope: &Envelope) -> Envelope {
    Envelope {
        orphaned: false,
        ..*envelope
    }
}

fn letters(state: &State) -> Vec<Envelope> {
    state.network.iter().map(letter).collect()
}

fn hints(state: &State) -> Vec<HintKey> {
    let of_node = |node: NodeId| {
        let held = state.node(node).disk.hints.iter();
        held.map(move |hint| (node, hint.target, hint.mutation, hint.created))
    };
    state.node_ids().flat_map(of_node).collect()
}

/// What the first list has more copies of than the second.
fn surplus<T: Clone + PartialEq>(more: &[T], fewer: &[T]) -> Vec<T> {
    let mut rest = fewer.to_vec();
    let mut found = Vec::new();
    for item in more {
        match rest.iter().position(|other| other == item) {
            Some(index) => {
                rest.swap_remove(index);
            }
            None => found.push(item.clone()),
        }
    }
    found
}
