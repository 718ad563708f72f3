//! What a run has shown so far: when operations began and ended, whom reads asked, what they were answered.
//!
//! The reasons of a violation are told from this. Chapter: `specs/00-guarantees.md`.

use thymbra_protocol::{Message, NodeId};

use super::scene::Scene;
use crate::action::Action;
use crate::payload::Register;
use crate::system::{NodeMask, Told, attempt_of, bit, operation_of};

/// One operation's part of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Course {
    /// Step at which its last attempt began.
    pub(super) begun: Option<usize>,
    /// Step at which its client was told, and what.
    pub(super) told: Option<(usize, Told)>,
    /// Contacts of a read.
    pub(super) asked: NodeMask,
    /// Answers of contacts, in the order of their arrival.
    pub(super) answers: Vec<(NodeId, Register)>,
}

/// The course of each operation.
#[derive(Clone, Debug, Default)]
pub(super) struct History(Vec<Course>);

impl History {
    pub(super) fn new(operations: usize) -> Self {
        Self(vec![Course::default(); operations])
    }

    /// The course of an operation.
    pub(super) fn of(&self, operation: usize) -> Course {
        self.0.get(operation).cloned().unwrap_or_default()
    }

    /// Takes in one step.
    pub(super) fn note(&mut self, number: usize, scene: &Scene<'_>) {
        match scene.action {
            Action::Write { operation, .. } => self.begin(*operation, number, 0, None),
            Action::Read {
                operation,
                node,
                nearest,
                ..
            } => {
                let own = (nearest & bit(*node) != 0).then(|| (*node, scene.after.node(*node).disk.memory));
                self.begin(*operation, number, *nearest, own);
            }
            Action::Deliver(envelope) | Action::Duplicate(envelope) => {
                if let Message::ReadResponse { request, data } = &envelope.message {
                    let operation = operation_of(*request);
                    let attempts = scene
                        .before
                        .operations
                        .get(operation)
                        .map(|operation| operation.attempts);
                    let is_open = scene.before.node(envelope.to).node.reads.get(*request).is_some();
                    if let Some(course) = self.0.get_mut(operation)
                        && attempts == Some(attempt_of(*request))
                        && is_open
                        && course.answers.iter().all(|(node, _)| *node != envelope.from)
                    {
                        course.answers.push((envelope.from, *data));
                    }
                }
            }
            Action::Lose(_)
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
            | Action::Expire { .. }
            | Action::Crash(_)
            | Action::PowerLoss(_)
            | Action::Restart(_)
            | Action::Pause(_)
            | Action::Resume(_)
            | Action::Suspect { .. }
            | Action::Trust { .. }
            | Action::Partition(_)
            | Action::Heal
            | Action::Tick => {}
        }
        for (operation, told) in &scene.change.told {
            if let Some(course) = self.0.get_mut(*operation) {
                course.told = Some((number, *told));
            }
        }
    }
    /// An attempt begins; what an earlier one was answered does not count.
    fn begin(&mut self, operation: u8, number: usize, asked: NodeMask, own: Option<(NodeId, Register)>) {
        if let Some(course) = self.0.get_mut(usize::from(operation)) {
            *course = Course {
                begun: Some(number),
                told: None,
                asked,
                answers: own.into_iter().collect(),
            };
        }
    }
}
