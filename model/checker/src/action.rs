//! Everything that may happen in a run, under names made of objects.
//!
//! Names print and parse: `write.w1.n1`, `deliver.MUTATION_REQ.w1.n1-n2`, `crash.n1`, `timeout.w1`. Traces, scripts
//! and links all use them.

use thymbra_protocol::NodeId;

use crate::system::{Envelope, NodeMask};

/// One step of a run.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Action {
    /// A client's write reaches its coordinator.
    Write {
        /// Index of the operation.
        operation: u8,
        /// Its coordinator.
        node: NodeId,
        /// The remote coordinators that are drawn.
        forwarders: NodeMask,
        /// The coordinator's clock is behind by one write.
        skewed: bool,
        /// Whom the coordinator believes alive, if the detector is arbitrary.
        sees: Option<NodeMask>,
    },
    /// A client's read reaches its coordinator.
    Read {
        /// Index of the operation.
        operation: u8,
        /// Its coordinator.
        node: NodeId,
        /// The replicas that the snitch puts first.
        nearest: NodeMask,
        /// Whom the coordinator believes alive, if the detector is arbitrary.
        sees: Option<NodeMask>,
    },
    /// A message arrives.
    Deliver(Envelope),
    /// A message is lost.
    Lose(Envelope),
    /// A message arrives and stays in flight as well.
    Duplicate(Envelope),
    /// A mutation arrives, and its append fails.
    Fail(Envelope),
    /// A mutation arrives and expires in the queue.
    Drop(Envelope),
    /// An append under way completes.
    Apply {
        /// Where.
        node: NodeId,
        /// The write it belongs to.
        operation: u8,
    },
    /// An append under way fails.
    FailApply {
        /// Where.
        node: NodeId,
        /// The write it belongs to.
        operation: u8,
    },
    /// A mutation waits in the queue past its deadline.
    DropApply {
        /// Where.
        node: NodeId,
        /// The write it belongs to.
        operation: u8,
    },
    /// The commit log gets a marker.
    Mark(NodeId),
    /// The commit log is synced.
    Sync(NodeId),
    /// The hint tasks of a write complete: its hints are in the buffer.
    StoreHints {
        /// The holder.
        node: NodeId,
        /// The write it belongs to.
        operation: u8,
    },
    /// The hint buffer is written to files.
    WriteHints(NodeId),
    /// The hint files are synced.
    SyncHints(NodeId),
    /// The trigger begins a delivery of hints.
    DispatchHints {
        /// The holder.
        node: NodeId,
        /// Who missed the mutations.
        target: NodeId,
    },
    /// A delivery of hints waits in vain.
    HintTimeout {
        /// The holder.
        node: NodeId,
        /// Who was sent to.
        target: NodeId,
    },
    /// The client's timer of an operation fires.
    Timeout {
        /// Index of the operation.
        operation: u8,
    },
    /// The pass that finds a replica silent.
    Expire {
        /// Index of the write.
        operation: u8,
        /// Which of its attempts: each has its own coordinator and its own callbacks.
        attempt: u8,
        /// The silent replica.
        node: NodeId,
    },
    /// A process crashes.
    Crash(NodeId),
    /// A machine loses power.
    PowerLoss(NodeId),
    /// A process starts again on its disk.
    Restart(NodeId),
    /// A node goes down with its memory.
    Pause(NodeId),
    /// It comes back.
    Resume(NodeId),
    /// A node's failure detector convicts another.
    Suspect {
        /// Who believes.
        node: NodeId,
        /// Who is believed dead.
        target: NodeId,
    },
    /// A node's failure detector clears another.
    Trust {
        /// Who believes.
        node: NodeId,
        /// Who is believed alive.
        target: NodeId,
    },
    /// The cluster falls into two sides; one of them.
    Partition(NodeMask),
    /// The two sides see each other again.
    Heal,
    /// Time passes.
    Tick,
}

/// Why an action is not possible now.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unmet {
    /// No such operation.
    #[error("the scope has no such operation")]
    NoSuchOperation,
    /// No such node.
    #[error("the cluster has no such node")]
    NoSuchNode,
    /// The operation has begun already, or is over.
    #[error("the operation has begun already")]
    AlreadyBegun,
    /// The operation has not begun or is over.
    #[error("the operation is not open")]
    NotOpen,
    /// An equal operation has not begun.
    #[error("an equal operation with a lower number begins first")]
    NotItsTurn,
    /// The scope fixes another coordinator.
    #[error("the scope names another coordinator for this operation")]
    OtherCoordinator,
    /// The choice of remote coordinators, contacts or view is not one of those that matter.
    #[error("the choice that the action carries is not possible for this operation")]
    ForeignChoice,
    /// The node does not run.
    #[error("the node is down")]
    NodeDown,
    /// The node runs.
    #[error("the node is up")]
    NodeUp,
    /// The scope does not let nodes come back.
    #[error("nodes that are down stay down in this scope; allow it with --restart")]
    NoRestart,
    /// The fault's budget is spent.
    #[error("the budget of this fault is spent")]
    BudgetSpent,
    /// The message is not in flight.
    #[error("no such message is in flight")]
    NotInFlight,
    /// A partition separates the two.
    #[error("a partition separates the two nodes")]
    Separated,
    /// This kind of message cannot suffer this.
    #[error("this fault does not concern this kind of message")]
    OtherKind,
    /// No hint task of this write is under way there.
    #[error("no hint task of this write is under way at the node")]
    NoHintTask,
    /// No append of this write is under way there.
    #[error("no append of this write is under way at the node")]
    NothingPending,
    /// The append waits for a sync.
    #[error("the append waits for a sync of the commit log")]
    WaitsForSync,
    /// There is nothing to mark, sync or write.
    #[error("there is nothing to write")]
    NothingToWrite,
    /// The timer is not armed.
    #[error("the timer is not armed")]
    NotArmed,
    /// An answer is still on its way, and no budget lets timers overtake answers.
    #[error("an answer may still arrive; allow slow answers with --slow")]
    AnswerMayArrive,
    /// No hint is held for the target.
    #[error("no hint is held for the target")]
    NoHint,
    /// The target is not seen alive, or a delivery is under way.
    #[error("the trigger does not deliver to this target now")]
    NotDispatchable,
    /// The detector already believes so, or it would be wrong.
    #[error("the failure detector has no reason to change its view")]
    ViewAgrees,
    /// The scope's detector is not one that changes its view by actions.
    #[error("the failure detector of this scope does not lag")]
    DetectorDoesNotLag,
    /// There is a partition already, or the two sides are not two sides.
    #[error("the cluster is partitioned already, or a side is empty")]
    NoSuchPartition,
    /// There is no partition, or it is forever.
    #[error("there is no partition that heals")]
    NothingToHeal,
    /// Reductions offer an equivalent order first.
    #[error("an equivalent order is explored instead")]
    Reduced,
}
