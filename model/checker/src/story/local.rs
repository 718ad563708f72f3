//! Sentences for what happens at one node by itself: appends, syncs, hint files, timers.
//!
//! Chapters: `specs/05-replica-write.md`, `specs/10-hinted-handoff.md`.

use thymbra_protocol::{Callback, Message, NodeId};

use super::scene::Scene;
use super::words::{self, Sentence};
use crate::payload::ModelMutation;
use crate::system::{HintStage, StoredHint};

impl Scene<'_> {
    /// An append that waited in its queue completes.
    pub(super) fn applies(&self, node: NodeId, operation: usize) -> String {
        let name = self.system.operation_name(operation);
        let mut sentence = Sentence::new(format!("{node} gets to its own copy of {name}"));
        if let Some(mutation) = self.pending_mutation(node, operation) {
            sentence.so(self.append_words(node, mutation));
        }
        self.own_copy_counted(&mut sentence, node, operation);
        sentence.finish()
    }

    /// An append that waited in its queue fails.
    pub(super) fn fails_to_apply(&self, node: NodeId, operation: usize) -> String {
        let name = self.system.operation_name(operation);
        let mut sentence = Sentence::new(format!("{node} fails to append its own copy of {name}"));
        sentence.so_all(self.told_words(operation));
        sentence.so_all(self.stored_words(node));
        if sentence.is_bare() {
            let open = self.open_write(self.after, operation);
            sentence.so(match open.is_some_and(|open| !open.answered) {
                true => format!("{node} counts its own copy as failed and waits on"),
                false => format!("{} has its answer already", words::client(operation)),
            });
        }
        sentence.finish()
    }

    /// An append waits in its queue past the deadline.
    pub(super) fn expires_unapplied(&self, node: NodeId, operation: usize) -> String {
        let name = self.system.operation_name(operation);
        let mut sentence = Sentence::new(format!(
            "{node}'s own copy of {name} waits in the queue past its deadline"
        ));
        let still_queued = self.after.node(node).disk.pending.iter();
        let mut still_queued = still_queued.filter(|pending| !pending.appended);
        match self.pending_mutation(node, operation) {
            Some(mutation) if still_queued.any(|pending| pending.mutation == mutation) => {
                sentence.so("a coordinator executes its own copy all the same, only later");
            }
            Some(mutation) if self.after.node(node).disk.appended.covers(mutation) => {
                sentence.so("a coordinator executes its own copy all the same");
                sentence.so(self.append_words(node, mutation));
                self.own_copy_counted(&mut sentence, node, operation);
            }
            Some(_) | None => {
                sentence.so(format!("{node} drops it"));
            }
        }
        sentence.finish()
    }

    fn own_copy_counted(&self, sentence: &mut Sentence, node: NodeId, operation: usize) {
        match self.told_words(operation) {
            Some(told) => {
                sentence.so(told);
            }
            None => {
                let is_open = self
                    .open_write(self.after, operation)
                    .is_some_and(|open| !open.answered);
                if let (Some((received, needed)), true) = (self.acknowledgements(operation), is_open) {
                    sentence.so(format!(
                        "{node} has {received} of {needed} acknowledgements and waits"
                    ));
                }
            }
        }
    }

    fn pending_mutation(&self, node: NodeId, operation: usize) -> Option<ModelMutation> {
        let mut pending = self.before.node(node).disk.pending.iter();
        pending
            .find(|pending| usize::from(pending.mutation.write) == operation && !pending.appended)
            .map(|pending| pending.mutation)
    }

    /// The commit log gets a marker.
    pub(super) fn marks_log(&self, node: NodeId) -> String {
        let held = self.value(self.after.node(node).disk.marked);
        format!("{node} writes a marker into its commit log: {held} would survive a crash of the process.")
    }

    /// The commit log is synced.
    pub(super) fn syncs(&self, node: NodeId) -> String {
        let mut sentence = Sentence::new(format!("{node} syncs its commit log"));
        let held = self.value(self.after.node(node).disk.synced);
        sentence.so(format!("{held} would survive a power loss"));
        let waiting = self.before.node(node).disk.pending.iter();
        for pending in waiting.filter(|pending| pending.appended) {
            let name = self.write(pending.mutation);
            sentence.so(format!("{name}, which waited for this, goes into the memtable"));
            if pending.reply.to == node {
                let operation = match pending.reply.callback {
                    Callback::Write(request) | Callback::Read(request) | Callback::ReadRepair(request) => {
                        Some(crate::system::operation_of(request))
                    }
                    Callback::Hint { .. } => None,
                };
                sentence.so_all(operation.and_then(|operation| self.told_words(operation)));
            } else {
                sentence.so_all(self.answer_words(node, pending.reply.to, "acknowledges"));
            }
        }
        sentence.finish()
    }

    /// The hint tasks of a write complete.
    pub(super) fn hint_task_ends(&self, node: NodeId, operation: usize) -> String {
        let name = self.system.operation_name(operation);
        let was_submitted = |hint: &&StoredHint| {
            hint.stage == HintStage::Submitted && usize::from(hint.mutation.write) == operation
        };
        let hints = self.before.node(node).disk.hints.iter();
        let targets: Vec<NodeId> = hints.filter(was_submitted).map(|hint| hint.target).collect();
        let mut sentence = Sentence::new(format!(
            "{node} ends its hint task for {name}: {} for {} in the hint buffer",
            words::verb(targets.len(), "its hint", "its hints"),
            words::list(targets)
        ));
        sentence.so_all(self.told_words(operation));
        sentence.finish()
    }

    /// Hints go from the buffer into files, or files are synced.
    pub(super) fn hints_reach(&self, node: NodeId, stage: HintStage) -> String {
        let moved = self
            .after
            .node(node)
            .disk
            .hints
            .iter()
            .filter(|hint| hint.stage == stage);
        let targets: Vec<NodeId> = {
            let mut targets: Vec<NodeId> = moved.map(|hint| hint.target).collect();
            targets.dedup();
            targets
        };
        let targets = words::list(targets);
        match stage {
            HintStage::Synced => {
                format!("{node} syncs its hint files: its hints for {targets} would survive a power loss.")
            }
            HintStage::Submitted | HintStage::Buffered | HintStage::Written => format!(
                "{node} writes its hint buffer to files: its hints for {targets} would survive a crash of the process."
            ),
        }
    }

    /// The trigger begins a delivery of hints.
    pub(super) fn dispatches(&self, node: NodeId, target: NodeId) -> String {
        let mut sentence = Sentence::new(format!("{node} sees {target} up and begins to deliver its hints"));
        let sent: Vec<String> = self
            .change
            .sent
            .iter()
            .filter_map(|envelope| match &envelope.message {
                Message::Hint { hint, .. } => Some(self.write(hint.mutation)),
                Message::Mutation { .. }
                | Message::MutationResponse { .. }
                | Message::HintResponse { .. }
                | Message::Read { .. }
                | Message::ReadResponse { .. }
                | Message::ReadRepair { .. }
                | Message::ReadRepairResponse { .. }
                | Message::Failure { .. } => None,
            })
            .collect();
        if !sent.is_empty() {
            let noun = words::verb(sent.len(), "the hint of", "the hints of");
            let verb = words::verb(sent.len(), "is on its way", "are on their way");
            sentence.so(format!("{noun} {} {verb}", words::list(sent)));
        }
        let removed: Vec<String> = self
            .change
            .hints_removed
            .iter()
            .map(|(_, _, mutation, _)| self.write(*mutation))
            .collect();
        if !removed.is_empty() {
            let is_unsent = self.change.sent.is_empty();
            let why = if is_unsent { ", which expired unsent" } else { "" };
            sentence.so(format!(
                "{node} removes its hint of {}{why}",
                words::list(removed)
            ));
        }
        sentence.finish()
    }

    /// A delivery of hints waits in vain.
    pub(super) fn delivery_times_out(&self, node: NodeId, target: NodeId) -> String {
        let mut sentence = Sentence::new(format!(
            "{node} gets no acknowledgement of its hints from {target} in time"
        ));
        let removed = !self.change.hints_removed.is_empty();
        sentence.so(if removed {
            format!("{node} removes them all the same")
        } else {
            "they stay, and a later delivery begins with them again".into()
        });
        sentence.finish()
    }

    /// The client's timer of an operation fires.
    pub(super) fn times_out(&self, operation: usize) -> String {
        let name = self.system.operation_name(operation);
        let node = self
            .before
            .operations
            .get(operation)
            .map(|operation| operation.coordinator)
            .unwrap_or_default();
        let mut sentence = Sentence::new(format!("The time of {name} at {node} is up"));
        sentence.so_all(self.told_words(operation));
        sentence.so_all(self.stored_words(node));
        if sentence.is_bare() {
            sentence.so(format!("{} is told nothing", words::client(operation)));
        }
        sentence.finish()
    }

    /// The pass that finds a replica silent.
    pub(super) fn finds_silent(&self, operation: usize, attempt: u8, replica: NodeId) -> String {
        let name = self.system.operation_name(operation);
        let node = self
            .system
            .handler(self.before, operation, attempt)
            .map(|(holder, _)| holder)
            .unwrap_or_default();
        let mut stored = self.change.hints_stored.iter();
        if stored.any(|(holder, target, ..)| *holder == node && *target == replica) {
            format!("{node} gets no answer from {replica} for {name} in time and stores a hint for it.")
        } else {
            let why = self.refusal_words(node, replica);
            format!("{node} gets no answer from {replica} for {name} in time and stores no hint for it{why}.")
        }
    }
}
