//! Sentences for the begin of an operation: admission, the coordinator's own copy, the fan-out.
//!
//! Chapter: `specs/03-coordination.md`.

use thymbra_protocol::{Message, NodeId};

use super::scene::Scene;
use super::words::{self, Sentence};
use crate::action::Action;
use crate::system::{NodeMask, Phase, bit};

impl Scene<'_> {
    /// A write reaches its coordinator.
    pub(super) fn write_begins(&self, operation: usize, node: NodeId, sees: Option<NodeMask>) -> String {
        let mut sentence = Sentence::new(self.opening(operation, node, "writes"));
        if let Action::Write { skewed: true, .. } = self.action {
            sentence.so(format!(
                "the clock of {node} is behind, so that {} is older than the write before it",
                self.system.operation_name(operation)
            ));
        }
        let is_refused = self.is_refused(operation);
        let takes_own_copy = self.is_replica(node) && !is_refused;
        if let (Some(mutation), true) = (self.system.mutation_of(self.after, operation), takes_own_copy) {
            sentence.so(self.append_words(node, mutation));
        }
        match self.told_words(operation) {
            Some(told) => {
                if is_refused {
                    sentence.so_all(self.dead_replicas(node, sees));
                }
                sentence.so(told);
            }
            None => {
                if let Some((received, needed)) = self.acknowledgements(operation) {
                    sentence.so(format!("it has {received} of {needed} acknowledgements"));
                }
            }
        }
        sentence.so_all(self.fan_out(operation, node));
        if !is_refused || !self.change.hints_stored.is_empty() {
            sentence.so_all(self.missed(node, sees));
        }
        sentence.finish()
    }

    /// A read reaches its coordinator.
    pub(super) fn read_begins(
        &self,
        operation: usize,
        node: NodeId,
        nearest: NodeMask,
        sees: Option<NodeMask>,
    ) -> String {
        let mut sentence = Sentence::new(self.opening(operation, node, "reads"));
        let is_asked = |asked: NodeId| nearest & bit(asked) != 0;
        if !self.is_refused(operation) && is_asked(node) {
            let held = self.value(self.after.node(node).disk.memory);
            sentence.so(format!("{node} asks itself and has {held}"));
        }
        let asked: Vec<NodeId> = self
            .change
            .sent
            .iter()
            .filter(|envelope| matches!(envelope.message, Message::Read { .. }))
            .map(|envelope| envelope.to)
            .collect();
        if !asked.is_empty() {
            sentence.so(format!("{node} asks {}", words::list(&asked)));
        }
        let silent: Vec<NodeId> = words::members(nearest)
            .filter(|other| *other != node && !asked.contains(other))
            .collect();
        for target in silent {
            if let Some(why) = words::barrier(self.after, node, target) {
                sentence.so(format!("its read request to {target} goes nowhere, since {why}"));
            }
        }
        let unasked: Vec<NodeId> = words::members(self.system.layout.natural)
            .filter(|other| !is_asked(*other))
            .collect();
        let is_refused = self.is_refused(operation);
        if !is_refused && !unasked.is_empty() {
            let verb = words::verb(unasked.len(), "is", "are");
            sentence.so(format!("{} {verb} not asked", words::list(unasked)));
        }
        if is_refused {
            sentence.so_all(self.dead_replicas(node, sees));
        }
        sentence.so_all(self.told_words(operation));
        sentence.finish()
    }

    fn opening(&self, operation: usize, node: NodeId, verb: &str) -> String {
        let name = self.system.operation_name(operation);
        let client = words::client(operation);
        let level = self
            .system
            .operation(operation)
            .map_or_else(String::new, |scope| format!(" at {}", scope.level));
        let role = match (self.is_replica(node), self.system.layout.pending & bit(node) != 0) {
            (true, false) => "a replica",
            (true, true) => "a pending replica",
            (false, _) => "which is no replica",
        };
        let is_retry = self
            .before
            .operations
            .get(operation)
            .is_some_and(|operation| matches!(operation.phase, Phase::Retrying(_)));
        if is_retry {
            format!("{client} tries {name} once more{level} through {node}, {role}")
        } else {
            format!("{client} {verb} {name}{level} through {node}, {role}")
        }
    }

    fn is_replica(&self, node: NodeId) -> bool {
        self.system.layout.replicas() & bit(node) != 0
    }

    /// Copies that are on their way, and those that could not be sent.
    fn fan_out(&self, operation: usize, node: NodeId) -> Vec<String> {
        let plan = self.system.layout.plan();
        let mut said = Vec::new();
        let (mut sent, mut behind): (NodeMask, NodeMask) = (0, 0);
        for envelope in self.change.sent.iter().filter(|envelope| envelope.from == node) {
            let Message::Mutation { forward_to, .. } = &envelope.message else {
                continue;
            };
            sent |= bit(envelope.to);
            if let Some(forward) = forward_to {
                let targets: Vec<NodeId> = forward
                    .targets
                    .iter()
                    .filter_map(|position| plan.node(position))
                    .collect();
                behind |= targets.iter().fold(0, |mask, target| mask | bit(*target));
                said.push(format!(
                    "{} is to pass it on to {} in {}",
                    envelope.to,
                    words::list(targets),
                    words::datacenter(self.system, envelope.to)
                ));
            }
        }
        match sent.count_ones() {
            0 => {}
            1 => said.insert(0, format!("the copy for {} is on its way", words::nodes(sent))),
            _ => said.insert(
                0,
                format!("the copies for {} are on their way", words::nodes(sent)),
            ),
        }
        let awaited = self.open_write(self.after, operation).map(|open| open.awaiting);
        let unsent = awaited
            .unwrap_or_default()
            .iter()
            .filter_map(|position| plan.node(position))
            .filter(|target| *target != node && (sent | behind) & bit(*target) == 0);
        for target in unsent {
            let why = words::barrier(self.after, node, target)
                .map_or_else(String::new, |why| format!(", since {why}"));
            said.push(format!("the copy for {target} goes nowhere{why}"));
        }
        said
    }

    fn dead_mask(&self, node: NodeId, sees: Option<NodeMask>) -> NodeMask {
        let alive = sees.unwrap_or_else(|| self.system.alive_mask(self.before, node));
        self.system.layout.replicas() & !alive & !bit(node)
    }

    /// Replicas that the coordinator believes dead.
    fn dead_replicas(&self, node: NodeId, sees: Option<NodeMask>) -> Option<String> {
        let dead = self.dead_mask(node, sees);
        (dead != 0).then(|| format!("{node} sees {} as down", words::nodes(dead)))
    }

    /// Replicas that are not written to because they are believed dead, and their hints.
    fn missed(&self, node: NodeId, sees: Option<NodeMask>) -> Vec<String> {
        let is_hinted = |target: &NodeId| {
            let mut stored = self.change.hints_stored.iter();
            stored.any(|(holder, other, ..)| *holder == node && other == target)
        };
        let dead = words::members(self.dead_mask(node, sees));
        let (hinted, forgotten): (Vec<NodeId>, Vec<NodeId>) = dead.partition(is_hinted);
        let mut said = Vec::new();
        if !hinted.is_empty() {
            let stores = words::verb(hinted.len(), "stores a hint for it", "stores a hint for each");
            said.push(format!(
                "{node} sees {} as down and {stores}",
                words::list(hinted)
            ));
        }
        said.extend(forgotten.into_iter().map(|target| {
            let why = self.refusal_words(node, target);
            format!("{node} sees {target} as down and stores no hint for it{why}")
        }));
        said
    }
}
