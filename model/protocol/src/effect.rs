//! Everything a node may ask of its driver.
//!
//! Chapter: `specs/03-coordination.md`; order and completion are the driver's obligations, on [`crate::Node`].

use crate::{
    Hint, Message, NodeId, Payload, PlanKey, ReadOutcome, ReplicaSet, Reply, RequestId, Timer, WriteOutcome,
};

/// One request to the outside world.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Effect<P: Payload> {
    /// Send a message; it may be lost.
    Send {
        /// The receiver, never the node itself.
        to: NodeId,
        /// What to send.
        message: Message<P>,
    },
    /// Append to the commit log, wait as the sync mode demands, apply to the memtable; then
    /// [`crate::Input::Applied`] or [`crate::Input::ApplyFailed`] with the same reply.
    Append {
        /// What to apply.
        mutation: P::Mutation,
        /// Who waits for it.
        reply: Reply,
    },
    /// Read this node's own data; then [`crate::Input::ReadCompleted`] with the same reply.
    ReadLocal {
        /// What to read.
        command: P::Command,
        /// Who waits for it.
        reply: Reply,
    },
    /// Put one hint for each target into the hint buffer, as one task.
    StoreHint {
        /// The plan in which the positions count.
        plan: PlanKey,
        /// Positions of the targets.
        targets: ReplicaSet,
        /// The mutation that they missed.
        hint: Hint<P::Mutation>,
        /// The write that waits for the completion [`crate::Input::HintStored`].
        notify: Option<RequestId>,
    },
    /// Read the next page of hints for a target; then [`crate::Input::HintsRead`].
    ReadHints {
        /// The delivery.
        dispatch: RequestId,
        /// The node that missed the mutations.
        target: NodeId,
    },
    /// The page was delivered, or all of it expired: remove it.
    DeleteHints {
        /// The delivery.
        dispatch: RequestId,
        /// The node that missed the mutations.
        target: NodeId,
    },
    /// The page was not delivered whole: it stays, and a later trigger begins with it again.
    ReturnHints {
        /// The delivery.
        dispatch: RequestId,
        /// The node that missed the mutations.
        target: NodeId,
    },
    /// Tell the client how its write ended.
    AnswerWrite {
        /// The write.
        request: RequestId,
        /// How it ended.
        outcome: WriteOutcome,
    },
    /// Tell the client how its read ended.
    AnswerRead {
        /// The read.
        request: RequestId,
        /// How it ended.
        outcome: ReadOutcome<P::Data>,
    },
    /// Start a timer.
    Arm(Timer),
    /// A timer is of no use any more. A driver may leave it running: the node ignores it when it fires.
    Disarm(Timer),
}

/// Where a node puts what it asks for.
pub trait Effects<P: Payload> {
    /// Takes one effect. Effects of a step are to be carried out in the order in which they are taken.
    fn emit(&mut self, effect: Effect<P>);
}

impl<P: Payload> Effects<P> for alloc::vec::Vec<Effect<P>> {
    fn emit(&mut self, effect: Effect<P>) {
        self.push(effect);
    }
}
