//! Sentences for the environment: crashes, power losses, restarts, partitions, failure detectors, time.
//!
//! Chapter: `specs/00-guarantees.md`.

use thymbra_protocol::NodeId;

use super::scene::Scene;
use super::words::{self, Sentence};
use crate::scope::Detector;
use crate::system::{Envelope, NodeMask, bit};

impl Scene<'_> {
    /// A process or a machine dies.
    pub(super) fn dies(&self, node: NodeId, is_power_loss: bool) -> String {
        let (was, is) = (self.before.node(node), self.after.node(node));
        let what = if is_power_loss { "loses power" } else { "crashes" };
        let mut sentence = Sentence::new(format!("{node} {what}"));
        let mut gone: Vec<String> = Vec::new();
        if !self.change.hints_removed.is_empty() {
            let targets = self.change.hints_removed.iter().map(|(_, target, ..)| *target);
            let mut targets: Vec<NodeId> = targets.collect();
            targets.dedup();
            gone.push(format!("its hints for {}", words::list(targets)));
        }
        let open = was.node.writes.iter().count() + was.node.reads.iter().count();
        if open > 0 {
            gone.push("its open requests".into());
        }
        if was.disk.memory != is.disk.memory {
            gone.push(format!(
                "{}, which its commit log had not {},",
                self.value(was.disk.memory),
                if is_power_loss { "synced" } else { "marked" }
            ));
        }
        if !was.disk.pending.is_empty() {
            gone.push("its appends under way".into());
        }
        if gone.is_empty() {
            sentence.so("it loses nothing that it held");
        } else {
            // Of these only a write is one thing.
            let is_one = gone.len() == 1 && was.disk.memory != is.disk.memory;
            let verb = if is_one { "is" } else { "are" };
            sentence.so(format!("{} {verb} gone", words::list(gone)));
        }
        if is.disk.memory.0.is_some() {
            sentence.so(format!("{} is safe on its disk", self.value(is.disk.memory)));
        }
        for operation in &self.change.abandoned {
            let name = self.system.operation_name(*operation);
            sentence.so(format!("{} will never hear of {name}", words::client(*operation)));
        }
        let orphans: Vec<String> = self
            .after
            .network
            .iter()
            .filter(|envelope| envelope.from == node)
            .map(|envelope| self.towards(envelope))
            .collect();
        if !orphans.is_empty() {
            sentence.so(format!("{} may be lost", words::list(orphans)));
        }
        sentence.so_all(self.lost_on_the_way());
        sentence.finish()
    }

    /// A message by its subject and its receiver.
    pub(super) fn towards(&self, envelope: &Envelope) -> String {
        format!("{} to {}", self.noun(envelope), envelope.to)
    }

    fn lost_on_the_way(&self) -> Option<String> {
        let lost: Vec<String> = self
            .change
            .gone
            .iter()
            .map(|envelope| self.towards(envelope))
            .collect();
        (!lost.is_empty()).then(|| {
            let verb = words::verb(lost.len(), "is", "are");
            format!("{} {verb} lost", words::list(lost))
        })
    }

    /// A process starts again on its disk.
    pub(super) fn restarts(&self, node: NodeId) -> String {
        let disk = &self.after.node(node).disk;
        let mut sentence = Sentence::new(format!("{node} starts again and replays its commit log"));
        sentence.so(format!("it has {}", self.value(disk.memory)));
        let mut targets: Vec<NodeId> = disk.hints.iter().map(|hint| hint.target).collect();
        targets.dedup();
        if !targets.is_empty() {
            sentence.so(format!("it still holds hints for {}", words::list(targets)));
        }
        sentence.finish()
    }

    /// A node is down for a while, with its memory.
    pub(super) fn pauses(&self, node: NodeId) -> String {
        let mut sentence = Sentence::new(format!("{node} goes down and keeps its memory"));
        match self.lost_on_the_way() {
            Some(lost) => sentence.so(lost),
            None => sentence.so("it takes no messages until it is back"),
        };
        sentence.finish()
    }

    /// It comes back.
    pub(super) fn resumes(&self, node: NodeId) -> String {
        let held = self.value(self.after.node(node).disk.memory);
        format!("{node} is back with its memory: it has {held}.")
    }

    /// A failure detector changes its mind.
    pub(super) fn views(&self, node: NodeId, target: NodeId, is_alive: bool) -> String {
        if is_alive {
            format!("{node} notices that {target} is up: it will write to it and deliver its hints.")
        } else {
            format!("{node} notices that {target} is down: it will hint it and not ask it.")
        }
    }

    /// The cluster falls into two sides.
    pub(super) fn parts(&self, side: NodeMask) -> String {
        let all = self.after.node_ids().fold(0, |mask, node| mask | bit(node));
        let mut sentence = Sentence::new(format!(
            "The network falls apart, {} on one side and {} on the other",
            words::nodes(side),
            words::nodes(all & !side)
        ));
        match self.lost_on_the_way() {
            Some(lost) => sentence.so(lost),
            None => sentence.so("nothing passes between the two sides"),
        };
        sentence.finish()
    }

    /// The two sides see each other again.
    pub(super) fn heals(&self) -> String {
        match self.system.scope.detector {
            Detector::Lagging => {
                "The network is whole again: nodes reach each other, and notice it one by one.".into()
            }
            Detector::Perfect | Detector::Arbitrary => {
                "The network is whole again: nodes of both sides reach each other.".into()
            }
        }
    }

    /// Time passes.
    pub(super) fn ticks(&self) -> String {
        let mut sentence = Sentence::new(format!(
            "A second passes, the {} of this run",
            ordinal(self.after.tick)
        ));
        let window = self.system.scope.hint_window;
        for node in self.after.node_ids() {
            for (target, outage) in self.after.node_ids().zip(&self.after.node(node).outages) {
                let age = outage
                    .seen_since
                    .map(|since| self.after.tick.saturating_sub(since));
                if age == Some(window.saturating_add(1)) {
                    sentence.so(format!("for {node} the hint window of {target} has passed"));
                }
            }
        }
        sentence.finish()
    }
}

fn ordinal(number: u8) -> String {
    let ending = match (number % 10, number % 100) {
        (1, 1) | (1, 21..) => "st",
        (2, 2) | (2, 22..) => "nd",
        (3, 3) | (3, 23..) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}
