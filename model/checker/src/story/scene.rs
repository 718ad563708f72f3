//! One action with the states on both sides of it, and the facts that sentences share.
//!
//! `scene -> begin / messages / local / environment -> one sentence`. Chapter: `specs/00-guarantees.md`.

use thymbra_protocol::{ConsistencyLevel, Message, NodeId, Placement, ReplicaSet, RequestId, WriteHandler};

use super::change::Change;
use super::words;
use crate::action::Action;
use crate::payload::{HINT_SIZE_BYTES, ModelMutation, ModelPayload, Register};
use crate::scope::OperationKind;
use crate::system::{HintStage, Phase, State, System, Told, attempt_of, operation_of};

/// One step of a run.
pub(super) struct Scene<'a> {
    pub(super) system: &'a System,
    pub(super) before: &'a State,
    pub(super) after: &'a State,
    pub(super) action: &'a Action,
    pub(super) change: Change,
}

impl<'a> Scene<'a> {
    pub(super) fn new(system: &'a System, before: &'a State, action: &'a Action, after: &'a State) -> Self {
        Self {
            system,
            before,
            after,
            action,
            change: Change::of(before, after),
        }
    }

    /// A write by its name.
    pub(super) fn write(&self, mutation: ModelMutation) -> String {
        words::write(self.system, self.after, mutation)
    }

    /// A value by the name of its write.
    pub(super) fn value(&self, register: Register) -> String {
        words::value(self.system, self.after, register)
    }

    pub(super) fn request(&self, request: RequestId) -> String {
        words::of_request(self.system, request)
    }

    /// What became of a mutation that was handed to a node's commit log and memtable.
    pub(super) fn append_words(&self, node: NodeId, mutation: ModelMutation) -> String {
        let (was, is) = (&self.before.node(node).disk, &self.after.node(node).disk);
        let waiting = |appended: bool| {
            let of = |disk: &crate::system::Disk| {
                let same = disk.pending.iter().filter(|pending| pending.mutation == mutation);
                same.filter(|pending| pending.appended == appended).count()
            };
            of(is) > of(was)
        };
        let held = self.value(is.memory);
        match () {
            () if waiting(false) => format!("{node}'s own copy waits in the queue of the MUTATION stage"),
            () if waiting(true) => format!("{node} appends it to its commit log and waits for the sync"),
            () if !is.appended.covers(mutation) => format!("{node} does not append it"),
            () if was.memory != is.memory && is.memory == Register(Some(mutation)) => {
                format!("{node} appends it to its commit log and memtable")
            }
            () if was.memory != is.memory => {
                format!("{node} appends it to its commit log, and its memtable holds {held} now")
            }
            () if was.memory == Register(Some(mutation)) => {
                format!("{node} has it already, and applying it again changes nothing")
            }
            () if is.memory.covers(mutation) => {
                format!("{node} appends it to its commit log, and its memtable keeps {held}, which wins")
            }
            () => format!("{node} appends it to its commit log, but its memtable does not take it"),
        }
    }

    /// A node's answer to whoever waits for it, or why there is none.
    pub(super) fn answer_words(&self, node: NodeId, to: NodeId, verb: &str) -> Option<String> {
        let is_answer = |message: &Message<ModelPayload>| match message {
            Message::MutationResponse { .. }
            | Message::HintResponse { .. }
            | Message::ReadResponse { .. }
            | Message::ReadRepairResponse { .. }
            | Message::Failure { .. } => true,
            Message::Mutation { .. }
            | Message::Hint { .. }
            | Message::Read { .. }
            | Message::ReadRepair { .. } => false,
        };
        let mut sent = self.change.sent.iter();
        if sent.any(|envelope| envelope.from == node && envelope.to == to && is_answer(&envelope.message)) {
            return Some(format!("{node} {verb} to {to}"));
        }
        words::barrier(self.after, node, to).map(|why| format!("its answer goes nowhere, since {why}"))
    }

    /// What the client of an operation was told, if it was told now.
    pub(super) fn told_words(&self, operation: usize) -> Option<String> {
        let told = self.change.told_of(operation)?;
        let name = self.system.operation_name(operation);
        let client = words::client(operation);
        let node = self.after.operations.get(operation)?.coordinator;
        let outcome = words::outcome(self.system, self.after, operation, told);
        let mut said = match told {
            Told::Success if self.is_by_hint(operation) => {
                format!("{node} answers SUCCESS to {client}, since a hint counts at ANY")
            }
            Told::Success => match self.acknowledgements(operation) {
                Some((received, needed)) if received >= needed => {
                    format!("{node} answers SUCCESS to {client} ({received} of {needed})")
                }
                Some(_) | None => format!("{node} answers SUCCESS to {client}"),
            },
            Told::Unavailable(..) | Told::Overloaded | Told::Invalid => {
                let nothing = match self.change.sent.is_empty() && self.change.hints_stored.is_empty() {
                    true => ", and nothing is sent",
                    false => "",
                };
                format!("{node} refuses {name} with {outcome}{nothing}")
            }
            Told::Timeout(..) | Told::Failure(..) => {
                let stays = match self.system.operation(operation).map(|scope| scope.kind) {
                    Some(OperationKind::Write) => ", and what is written stays",
                    Some(OperationKind::Read) | None => "",
                };
                format!("{node} answers {outcome} to {client}{stays}")
            }
            Told::Value(_) => format!("{node} returns {outcome} to {client}"),
        };
        if matches!(
            self.after
                .operations
                .get(operation)
                .map(|operation| operation.phase),
            Some(Phase::Retrying(_))
        ) {
            said.push_str(&format!("; {client} will try once more"));
        }
        Some(said)
    }

    /// The success of a write at ANY that no replica has acknowledged.
    fn is_by_hint(&self, operation: usize) -> bool {
        let scope = self.system.operation(operation);
        let node = self
            .after
            .operations
            .get(operation)
            .map(|operation| operation.coordinator);
        let was = self.open_write(self.before, operation);
        scope.is_some_and(|scope| scope.level == ConsistencyLevel::Any)
            && was.is_none_or(|open| open.acked.is_empty())
            && node.is_some_and(|node| self.acknowledged_now(operation, node).is_empty())
            && (!self.change.hints_stored.is_empty() || matches!(self.action, Action::StoreHints { .. }))
    }

    /// Acknowledgements that the coordinator of a write has counted at the end of this step, and how many it needs.
    pub(super) fn acknowledgements(&self, operation: usize) -> Option<(usize, usize)> {
        let level = self.system.operation(operation)?.level;
        let node = self.after.operations.get(operation)?.coordinator;
        let at = self.placement(node);
        let was = self.open_write(self.before, operation);
        let is = self.open_write(self.after, operation);
        let mut acked = was.map_or(ReplicaSet::EMPTY, |open| open.acked);
        if let Some(open) = is {
            acked = acked.union(open.acked);
        }
        acked = acked.union(self.acknowledged_now(operation, node));
        let by_hint = was.is_some_and(|open| open.hint_acked)
            || is.is_some_and(|open| open.hint_acked)
            || self
                .change
                .hints_stored
                .iter()
                .any(|(holder, ..)| *holder == node);
        let rules = self.system.rules;
        Some((
            rules.received(level, at, acked, by_hint),
            rules.block_for_write(level, at),
        ))
    }

    /// Replicas whose acknowledgement this very step handed to the coordinator.
    fn acknowledged_now(&self, operation: usize, coordinator: NodeId) -> ReplicaSet {
        let plan = self.system.layout.plan();
        let by_message = match self.action {
            Action::Deliver(envelope) | Action::Duplicate(envelope) => match envelope.message {
                Message::MutationResponse { request } if self.is_present(request, operation) => {
                    Some(envelope.from)
                }
                Message::MutationResponse { .. }
                | Message::Mutation { .. }
                | Message::Hint { .. }
                | Message::HintResponse { .. }
                | Message::Read { .. }
                | Message::ReadResponse { .. }
                | Message::ReadRepair { .. }
                | Message::ReadRepairResponse { .. }
                | Message::Failure { .. } => None,
            },
            Action::Write { node, .. } | Action::Apply { node, .. } | Action::Sync(node) => {
                let mutation = self.system.mutation_of(self.after, operation);
                let disk = &self.after.node(*node).disk;
                let waits = disk
                    .pending
                    .iter()
                    .any(|pending| Some(pending.mutation) == mutation);
                let took = mutation.is_some_and(|mutation| disk.memory.covers(mutation));
                Some(*node).filter(|node| *node == coordinator && took && !waits)
            }
            Action::Read { .. }
            | Action::Lose(_)
            | Action::Fail(_)
            | Action::Drop(_)
            | Action::FailApply { .. }
            | Action::DropApply { .. }
            | Action::Mark(_)
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
            | Action::Tick => None,
        };
        by_message
            .and_then(|node| plan.position_of(node))
            .map_or(ReplicaSet::EMPTY, ReplicaSet::single)
    }

    /// The request is the present attempt of an operation.
    fn is_present(&self, request: RequestId, operation: usize) -> bool {
        let present = self.after.operations.get(operation);
        operation_of(request) == operation
            && present.is_some_and(|present| present.attempts == attempt_of(request))
    }

    /// An operation that began in this step was refused.
    pub(super) fn is_refused(&self, operation: usize) -> bool {
        matches!(
            self.change.told_of(operation),
            Some(Told::Unavailable(..) | Told::Overloaded | Told::Invalid)
        )
    }

    pub(super) fn placement(&self, node: NodeId) -> Placement<'a> {
        Placement {
            plan: self.system.layout.plan(),
            local: self.system.layout.datacenter(node),
        }
    }

    /// The handler of a write's present attempt, while it is open.
    pub(super) fn open_write<'s>(
        &self,
        state: &'s State,
        operation: usize,
    ) -> Option<&'s WriteHandler<ModelMutation>> {
        let present = state.operations.get(operation)?;
        let mut handlers = state.node(present.coordinator).node.writes.iter();
        let is_present = |request: RequestId| {
            operation_of(request) == operation && attempt_of(request) == present.attempts
        };
        handlers
            .find(|(request, _)| is_present(*request))
            .map(|(_, open)| open)
    }

    /// Hints that a node stored for what it coordinates, as one clause.
    pub(super) fn stored_words(&self, node: NodeId) -> Option<String> {
        let stored: Vec<NodeId> = self
            .change
            .hints_stored
            .iter()
            .filter(|(holder, ..)| *holder == node)
            .map(|(_, target, ..)| *target)
            .collect();
        match stored.len() {
            0 => None,
            1 => Some(format!("{node} stores a hint for {}", words::list(stored))),
            _ => Some(format!("{node} stores hints for {}", words::list(stored))),
        }
    }

    /// Why a target is not hinted, as far as the state tells.
    pub(super) fn refusal_words(&self, node: NodeId, target: NodeId) -> &'static str {
        let scope = &self.system.scope;
        let outage = self
            .before
            .node(node)
            .outages
            .get(usize::from(target.0))
            .copied()
            .unwrap_or_default();
        let age = |since: u8| self.before.tick.saturating_sub(since);
        let oldest = self
            .before
            .node(node)
            .disk
            .hints
            .iter()
            .filter(|hint| hint.target == target)
            .map(|hint| age(hint.created))
            .max();
        match () {
            () if !scope.hints => ", since hinted handoff is off",
            () if node == target => ", since a node never hints itself",
            () if scope
                .hints_disabled_datacenters
                .contains(&words::datacenter(self.system, target)) =>
            {
                ", since hints for its data centre are off"
            }
            () if outage
                .seen_since
                .is_some_and(|since| age(since) > scope.hint_window) =>
            {
                ", since its outage has outlived the hint window"
            }
            () if scope.hint_window_persistent && oldest.is_some_and(|age| age > scope.hint_window) => {
                ", since its oldest hint has outlived the hint window"
            }
            () if scope.hints_size_max_bytes > 0
                && written_bytes(self.before, node, target) > u64::from(scope.hints_size_max_bytes) =>
            {
                ", since the hint files for it have reached their limit"
            }
            () => "",
        }
    }
}

/// What the written hints for a target take.
fn written_bytes(state: &State, node: NodeId, target: NodeId) -> u64 {
    let hints = state.node(node).disk.hints.iter();
    let written = hints.filter(|hint| hint.target == target && hint.stage >= HintStage::Written);
    written.map(|_| HINT_SIZE_BYTES).sum()
}
