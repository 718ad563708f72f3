//! The whole state of a bounded cluster: nodes with their disks, messages in flight, clients, budgets.
//!
//! Everything that is hashed is small and canonical: equal situations are equal values.

use smallvec::SmallVec;
use thymbra_protocol::{Message, Node, NodeId, Reply};

use super::nodes::Nodes;
use crate::payload::{ModelMutation, ModelPayload, Register};
use crate::scope::Budgets;

/// A set of nodes as a bit mask, lowest bit `n1`.
pub type NodeMask = u16;
/// A set of operations as a bit mask, lowest bit operation 0.
pub type OperationMask = u16;

/// The bit of a node.
#[must_use]
pub fn bit(node: NodeId) -> NodeMask {
    1 << node.0
}

/// Whether a process runs.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Life {
    /// It runs.
    #[default]
    Up,
    /// It is down with its memory: a flap.
    Paused,
    /// Its process is gone; the disk is kept.
    Down,
}

/// A stage of a hint on its way to the disk.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum HintStage {
    /// In a hint task that has not completed: in progress, and in memory alone.
    Submitted,
    /// In the hint buffer: a process crash takes it.
    Buffered,
    /// In a hint file: a power loss takes it.
    Written,
    /// In a synced hint file.
    Synced,
}

/// A hint that a node holds.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct StoredHint {
    /// The node that missed the mutation.
    pub target: NodeId,
    /// What it missed.
    pub mutation: ModelMutation,
    /// Tick at which the hint was created.
    pub created: u8,
    /// How far it has come.
    pub stage: HintStage,
    /// It is part of the page that is being delivered.
    pub sending: bool,
    /// The target has acknowledged it: known to the checker alone.
    pub delivered: bool,
}

/// Hints of one node; seldom more than one write is missed by two replicas.
pub(super) type Hints = SmallVec<[StoredHint; 2]>;

/// A mutation whose append is under way.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PendingApply {
    /// What is applied.
    pub mutation: ModelMutation,
    /// Who waits for it.
    pub reply: Reply,
    /// It is in the commit log and waits for the sync; else it waits in the queue of its stage.
    pub appended: bool,
}

/// The disk of a node, and the memory that a restart rebuilds from it. Content that a later stage has is in
/// every earlier one as well.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Disk {
    /// Memtable and SSTables: what reads see.
    pub memory: Register,
    /// The whole commit log.
    pub appended: Register,
    /// The commit log up to its last marker: survives a process crash.
    pub marked: Register,
    /// The commit log up to its last sync: survives a power loss.
    pub synced: Register,
    /// Appends under way, in order.
    pub pending: Vec<PendingApply>,
    /// Hints this node holds, sorted.
    pub hints: Hints,
}

/// One node with its surroundings.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct NodeState {
    /// Whether its process runs.
    pub life: Life,
    /// The state machine under test.
    pub node: Node<ModelPayload>,
    /// Its disk.
    pub disk: Disk,
    /// Whom it believes alive.
    pub sees: NodeMask,
    /// Deliveries of hints it has begun: the generation of the next one.
    pub dispatched: u8,
    /// Tick of the last sync of its commit log, or of the start of the process; 0 where syncs do not lag.
    pub synced_at: u8,
    /// Clock and memory of outages, kept only while ticks can pass.
    pub outages: Vec<Outage>,
}

/// What a node, and the checker, remember of another node's outages.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Outage {
    /// Tick at which this node saw it go down, if it still sees it down.
    pub seen_since: Option<u8>,
    /// Tick at which it really went down, had restarts been survived.
    pub down_since: Option<u8>,
    /// Tick of the first hint ever stored for it.
    pub first_hint: Option<u8>,
}

/// A message in flight.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Envelope {
    /// Who receives it.
    pub to: NodeId,
    /// Who sent it.
    pub from: NodeId,
    /// Its sender's process is gone: it may or may not arrive.
    pub orphaned: bool,
    /// What is sent.
    pub message: Message<ModelPayload>,
}

/// What a client was told.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Told {
    /// The write succeeded.
    Success,
    /// Refused before anything was sent: required and alive replicas, as reported.
    Unavailable(u8, u8),
    /// Not met in time: received and needed.
    Timeout(u8, u8),
    /// Cannot be met: received and needed.
    Failure(u8, u8),
    /// Refused: too many hints in flight.
    Overloaded,
    /// Refused: not a level for this.
    Invalid,
    /// What a read returned.
    Value(Register),
}

/// How far an operation has come.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Phase {
    /// Its client has not begun.
    #[default]
    Waiting,
    /// Its coordinator has it.
    Open,
    /// Its first attempt ended with this; the client will try once more.
    Retrying(Told),
    /// Its coordinator died: the client will never know.
    Abandoned,
    /// It is over.
    Ended(Told),
}

/// One operation of one client, with what the checker remembers of it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Operation {
    /// How far it has come.
    pub phase: Phase,
    /// Its coordinator, once begun.
    pub coordinator: NodeId,
    /// Attempts begun.
    pub attempts: u8,
    /// Timestamp of a write, once begun.
    pub timestamp: u8,
    /// Operations that were over before it began.
    pub after: OperationMask,
    /// Operations whose first attempt was over before it began.
    pub after_first: OperationMask,
    /// While open: nodes that applied exactly this write.
    pub applied: NodeMask,
    /// While open: nodes whose acknowledgement reached the coordinator.
    pub acked: NodeMask,
    /// While its handler is open: targets that acknowledged, were hinted or may not be.
    pub settled: NodeMask,
}

/// The state of a run.
#[derive(Debug, Default, Eq, PartialEq)]
pub struct State {
    /// Nodes by index.
    pub nodes: Nodes,
    /// Messages in flight, sorted.
    pub network: Vec<Envelope>,
    /// Operations, writes first.
    pub operations: SmallVec<[Operation; 4]>,
    /// What is left of each budget.
    pub budgets: Budgets,
    /// Ticks that have passed.
    pub tick: u8,
    /// One side of a partition; 0 for none.
    pub cut: NodeMask,
    /// Properties whose violation shows in a transition alone: [`crate::properties::Breach`] bits.
    pub breaches: u32,
    /// Premises that show in a transition alone: [`crate::properties::Reached`] bits. Not part of identity where
    /// the run does not ask for them.
    pub reached: u32,
}

/// Messages for which a copy of a state has room.
const ROOM: usize = 3;

impl Clone for State {
    /// With room for what an action sends, so that sending need not move all messages once more.
    fn clone(&self) -> Self {
        let Self {
            nodes,
            network,
            operations,
            budgets,
            tick,
            cut,
            breaches,
            reached,
        } = self;
        let mut copied = Vec::with_capacity(network.len() + ROOM);
        copied.extend_from_slice(network);
        Self {
            nodes: nodes.clone(),
            network: copied,
            operations: SmallVec::from_slice(operations),
            budgets: *budgets,
            tick: *tick,
            cut: *cut,
            breaches: *breaches,
            reached: *reached,
        }
    }
}

impl State {
    /// Puts a message in flight.
    pub fn send(&mut self, envelope: Envelope) {
        let index = self.network.partition_point(|other| *other <= envelope);
        self.network.insert(index, envelope);
    }

    /// Takes one copy of a message out of flight.
    pub fn take(&mut self, envelope: &Envelope) -> bool {
        match self.network.binary_search(envelope) {
            Ok(index) => {
                self.network.remove(index);
                true
            }
            Err(_) => false,
        }
    }

    /// The node's state.
    ///
    /// # Panics
    /// If the node does not exist: actions name nodes of the scope only.
    #[must_use]
    pub fn node(&self, node: NodeId) -> &NodeState {
        self.nodes
            .get(usize::from(node.0))
            .expect("actions name nodes of the scope")
    }

    /// The node's state, to change.
    ///
    /// # Panics
    /// If the node does not exist: actions name nodes of the scope only.
    pub fn node_mut(&mut self, node: NodeId) -> &mut NodeState {
        self.nodes
            .get_mut(usize::from(node.0))
            .expect("actions name nodes of the scope")
    }

    /// The node's process runs and takes messages.
    #[must_use]
    pub fn is_up(&self, node: NodeId) -> bool {
        self.node(node).life == Life::Up
    }

    /// No partition separates the two.
    #[must_use]
    pub fn are_connected(&self, left: NodeId, right: NodeId) -> bool {
        self.cut == 0 || (self.cut & bit(left) == 0) == (self.cut & bit(right) == 0)
    }

    /// All nodes.
    ///
    /// # Panics
    /// Never: a scope has at most 16 nodes.
    pub fn node_ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..u16::try_from(self.nodes.len()).expect("a scope has at most 16 nodes")).map(NodeId)
    }
}
