//! A state as plain data for a page: nodes, operations, messages, budgets, properties, what can happen next.
//!
//! `State -> View -> JSON`. Every object has an id that stays the same while the object lives, made of the names that
//! actions use. Pure: equal states give equal views. Chapter: `specs/00-guarantees.md`.

mod build;

use serde::Serialize;

use crate::story::words;

/// A whole state.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct View {
    /// Nodes in the order of their ids.
    pub nodes: Vec<NodeView>,
    /// Operations, writes first.
    pub ops: Vec<OperationView>,
    /// Messages in flight.
    pub net: Vec<MessageView>,
    /// One side of a partition, by node ids; empty for none.
    pub cut: Vec<String>,
    /// Seconds that have passed.
    pub tick: u8,
    /// Budgets that the scope has.
    pub budget: Vec<BudgetView>,
    /// The properties that are checked.
    pub props: Vec<PropertyView>,
    /// Names of the possible actions.
    pub enabled: Vec<String>,
}

/// A node and its disk.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct NodeView {
    /// `n1`.
    pub id: String,
    /// Its data centre's name.
    pub dc: String,
    /// It runs and takes messages.
    pub up: bool,
    /// It is down with its memory, and will come back.
    pub paused: bool,
    /// Ids of the nodes it believes alive, its own among them; empty while it is down.
    pub sees: Vec<String>,
    /// `natural`, `pending` or `none`: whether it is a replica of the key.
    pub owns: &'static str,
    /// Its commit log.
    pub log: LogView,
    /// The write in its memtable.
    pub memtable: Option<String>,
    /// Hints it holds for others.
    pub hints: Vec<HintView>,
}

/// The commit log: the write that each stage ends with.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct LogView {
    /// In the log at all.
    pub appended: Option<String>,
    /// Up to the last marker: survives a crash of the process.
    pub marked: Option<String>,
    /// Up to the last sync: survives a power loss.
    pub synced: Option<String>,
    /// Writes whose append is under way, oldest first.
    pub pending: Vec<String>,
}

/// A hint at its holder.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct HintView {
    /// `hint.w1.n1-n3`: what, holder, target; a second one of the same name ends in `~2`.
    pub id: String,
    /// Id of the node that missed the write.
    #[serde(rename = "for")]
    pub target: String,
    /// The write.
    pub op: String,
    /// `submitted`, `buffered`, `written` or `synced`.
    pub stage: &'static str,
    /// Seconds since it was created.
    pub age: u8,
    /// It is part of the page that is being delivered.
    pub sending: bool,
}

/// An operation of a client.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct OperationView {
    /// `w1`, `r1`.
    pub id: String,
    /// Its client: `c1`.
    pub client: String,
    /// Id of its coordinator, once begun.
    pub at: Option<String>,
    /// Its consistency level, under Cassandra's name.
    pub level: &'static str,
    /// Acknowledgements or answers that the level needs, once the coordinator is known.
    pub need: Vec<NeedView>,
    /// Ids of the nodes that acknowledged or answered and were counted; empty once the client has its answer.
    pub acks: Vec<String>,
    /// Ids of the nodes for which some node holds a hint of this write.
    pub hinted: Vec<String>,
    /// Attempts begun.
    pub attempts: u8,
    /// `waiting`, `open`, `retrying`, `abandoned` or `ended`.
    pub phase: &'static str,
    /// What the client was told, once it was: `SUCCESS`, `WriteTimeout(received 1, required 2)`, `w1`.
    pub outcome: Option<String>,
}

/// A part of a level's need.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct NeedView {
    /// The data centre that it must come from; absent if any will do.
    pub dc: Option<String>,
    /// So many nodes.
    pub count: usize,
}

/// A message in flight.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct MessageView {
    /// Its name in actions: `MUTATION_REQ.w1.n1-n2`; a different one of the same name ends in `~2`.
    pub id: String,
    /// Equal messages in flight: more than 1 after a duplication.
    pub copies: usize,
    /// `MUTATION_REQ`.
    pub verb: &'static str,
    /// What it is about, as in its name.
    pub op: String,
    /// Id of its sender.
    pub from: String,
    /// Id of its receiver.
    pub to: String,
    /// Its sender has died: it may never arrive.
    pub orphaned: bool,
    /// What may happen to it now: `deliver`, `lose`, `duplicate`, `fail`, `drop`.
    pub can: Vec<&'static str>,
}

/// A fault's budget.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct BudgetView {
    /// `crash`, `power-loss`, ...
    pub id: &'static str,
    /// So many have happened.
    pub used: u8,
    /// So many may still happen.
    pub left: u8,
}

/// A property in this state.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct PropertyView {
    /// `P3`, `stale`.
    pub code: &'static str,
    /// Rule and claim.
    pub name: &'static str,
    /// `holds`, `fails` or `not-yet`: its premise has not been met, or what is to be found has not been found.
    pub state: &'static str,
    /// Its clauses, each with whether it holds.
    pub clauses: Vec<ClauseView>,
}

/// A clause in this state.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct ClauseView {
    /// The claim.
    pub say: &'static str,
    /// It holds.
    pub holds: bool,
}

impl View {
    /// A few lines for terminals and for the Explorer of the search library.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut lines: Vec<String> = self.nodes.iter().map(node_line).collect();
        for operation in &self.ops {
            let at = operation
                .at
                .as_ref()
                .map_or_else(String::new, |at| format!(" at {at}"));
            let acks = match operation.acks.as_slice() {
                [] => String::new(),
                acks => format!(", answered by {}", words::list(acks)),
            };
            let outcome = operation.outcome.as_ref();
            let outcome = outcome.map_or_else(String::new, |outcome| format!(": {outcome}"));
            lines.push(format!(
                "{} {}{at} {}{acks}{outcome}",
                operation.id, operation.level, operation.phase
            ));
        }
        for message in &self.net {
            let fate = if message.orphaned { " (sender died)" } else { "" };
            lines.push(format!("in flight {}{fate}", message.id));
        }
        if !self.cut.is_empty() {
            lines.push(format!("cut off from the others: {}", words::list(&self.cut)));
        }
        for property in &self.props {
            lines.push(format!("{} {}", property.code, property.state));
        }
        lines.join("\n")
    }
}

fn node_line(node: &NodeView) -> String {
    let or_none = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".into());
    let life = match (node.up, node.paused) {
        (true, _) => "up",
        (false, true) => "paused",
        (false, false) => "down",
    };
    let mut line = format!("{} {life} memtable {}", node.id, or_none(&node.memtable));
    if node.log.synced != node.log.appended || node.log.marked != node.log.appended {
        line.push_str(&format!(
            ", log {} (marked {}, synced {})",
            or_none(&node.log.appended),
            or_none(&node.log.marked),
            or_none(&node.log.synced)
        ));
    }
    if !node.log.pending.is_empty() {
        line.push_str(&format!(", appending {}", words::list(&node.log.pending)));
    }
    for hint in &node.hints {
        line.push_str(&format!(
            ", {} hint of {} for {}",
            hint.stage, hint.op, hint.target
        ));
    }
    line
}
