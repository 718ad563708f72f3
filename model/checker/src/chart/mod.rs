//! A run drawn as a message sequence chart, for people: text, SVG and Mermaid.
//!
//! Last station of a counterexample: search finds a path, a trace describes it, and this module draws it. It knows
//! nothing of Cassandra or of the model; whoever has a trace fills in a [`Chart`] and picks a form:
//!
//! * [`Chart::to_text`] for a terminal,
//! * [`Chart::to_svg`] for a page,
//! * [`Chart::to_mermaid`] for Markdown.
//!
//! All three take any chart: a mark that names a lane or a step that does not exist is left out or drawn at its own
//! step, never a panic, because a chart is wanted most when something upstream is wrong.
//!
//! Chapter: `specs/00-guarantees.md`, whose rules are the properties that a chart shows failing.

mod canvas;
mod glyphs;
mod layout;
mod marks;
mod mermaid;
mod svg;
mod text;
mod xml;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

/// A run as a chart: lanes (clients and nodes) side by side, steps from top to bottom.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Chart {
    /// One line above the chart: the scene or the question.
    pub title: String,
    /// Columns, left to right. Marks name them by position, from 0.
    pub lanes: Vec<Lane>,
    /// Rows, top to bottom, in the order in which they happened.
    pub steps: Vec<ChartStep>,
    /// Sentences under the chart: the verdict and the failing clause.
    pub footer: Vec<String>,
}

/// One column: a client or a node.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Lane {
    /// Short name as it stands in action names: `c1`, `n1`.
    pub id: String,
    /// What stands at the head of the column: `n1 (dc1)`. Empty means the id.
    pub label: String,
    /// Name of the data centre; adjacent lanes of one group are framed together.
    pub group: Option<String>,
}

/// One row: an action and what it did.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ChartStep {
    /// Counts from 1; 0 is what holds before the first action.
    pub number: usize,
    /// Name of the action, as a script takes it: `deliver.MUTATION_REQ.w1.n1-n2`.
    pub action: String,
    /// One sentence for people; may be empty.
    pub say: String,
    /// What is drawn, in the order in which it happened within the step.
    pub marks: Vec<Mark>,
    /// True where a property fails.
    pub failing: bool,
}

/// One thing drawn in a step.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Mark {
    /// A message reaches its end. It belongs to the step in which it arrives, is lost, or is still in flight.
    Arrow {
        /// Lane of the sender.
        from: usize,
        /// Lane of the receiver; the sender's own lane gives a loop.
        to: usize,
        /// Number of the step that sent it; a number that no earlier step has means this step.
        sent_at: usize,
        /// What it carries; chooses colour and line.
        kind: MessageKind,
        /// Text beside the head: `w1 k=v1 ONE`.
        label: String,
        /// How it ended.
        fate: Fate,
    },
    /// Something happens on one lane: a write is applied, a node crashes, a client learns the outcome.
    Local {
        /// Lane on which it happens.
        lane: usize,
        /// Chooses the sign; crashes and restarts also begin and end the down part of the lane.
        kind: LocalKind,
        /// Text to the right of the sign: `apply w1`.
        label: String,
    },
    /// Something happens between lanes (partition, heal) or everywhere (tick).
    Across {
        /// Lanes that take part, in any order; empty means all.
        lanes: Vec<usize>,
        /// Text on the line: `partition dc1 | dc2`.
        label: String,
    },
}

/// What a message carries.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum MessageKind {
    /// Client to coordinator.
    Request,
    /// Coordinator to client: success or a value.
    Response,
    /// Coordinator to client: any error.
    Error,
    /// Coordinator to replica: a mutation.
    Write,
    /// Replica to replicas of its data centre: a mutation passed on for a coordinator elsewhere.
    Forward,
    /// Replica to coordinator: the mutation is applied.
    Ack,
    /// Replica to coordinator: the mutation or the read failed.
    Failure,
    /// Coordinator to replica: a read.
    Read,
    /// Replica to coordinator: data or digest of a read.
    Answer,
    /// Holder of a hint to its target: the hinted mutation.
    Hint,
    /// Target of a hint to its holder: the hint is applied.
    HintAck,
    /// Coordinator of a read to a replica that was behind: the newer data.
    ReadRepair,
    /// Replica to coordinator of a read: the repair is applied.
    ReadRepairAck,
}

/// How a message ended.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Fate {
    /// It arrived and is gone from the network.
    Delivered,
    /// The network dropped it, or its receiver was down.
    Lost,
    /// It arrived and a copy is still in flight.
    Duplicated,
    /// Still in flight at the end of the run.
    Pending,
}

/// What happens on one lane.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum LocalKind {
    /// A mutation reaches commit log and memtable, or a read is executed.
    Apply,
    /// The commit log is synced to disk.
    Sync,
    /// The process dies; what the operating system holds survives. Begins the down part of the lane.
    Crash,
    /// The machine dies; only what was synced survives. Begins the down part of the lane.
    PowerLoss,
    /// The process starts again and replays. Ends the down part of the lane.
    Restart,
    /// The node becomes unreachable or is stopped. Begins the down part of the lane.
    Down,
    /// The node is back. Ends the down part of the lane.
    Up,
    /// A timer fires: a timeout of an operation or of a hint.
    Timer,
    /// A hint for another node is stored.
    HintStored,
    /// What this node believes about another changes: suspects it, sees it up.
    View,
    /// Anything else worth a word.
    Note,
    /// A property fails here.
    Fails,
}
