//! Everything that can happen to a node.
//!
//! Chapter: `specs/03-coordination.md`; the driver's obligations stand on [`crate::Node`].

use alloc::vec::Vec;

use crate::{
    ConsistencyLevel, FailureReason, Hint, Message, NodeId, Payload, ReadRepairStrategy, ReplicaSet, Reply,
    RequestId, Timer,
};

/// One event, handed over by the driver.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Input<P: Payload> {
    /// A client asks for a write.
    Write {
        /// The name the driver gives it.
        request: RequestId,
        /// What to write.
        mutation: P::Mutation,
        /// How many replicas must acknowledge.
        level: ConsistencyLevel,
        /// The draw of remote coordinators: in each other data centre the lowest of these positions is taken,
        /// or the lowest live one if none of these is live there.
        forwarders: ReplicaSet,
    },
    /// A client asks for a read.
    Read {
        /// The name the driver gives it.
        request: RequestId,
        /// What to read.
        command: P::Command,
        /// How many replicas must answer.
        level: ConsistencyLevel,
        /// Positions of the plan, nearest first, as the snitch sorts them. Positions left out come last.
        proximity: Vec<u8>,
        /// The table's `read_repair` option.
        read_repair: ReadRepairStrategy,
    },
    /// A message arrived, unexpired.
    Received {
        /// The peer of the connection.
        from: NodeId,
        /// What it sent.
        message: Message<P>,
    },
    /// [`crate::Effect::Append`] is complete: appended, synced as far as the sync mode demands, in the memtable.
    Applied {
        /// The reply of the effect.
        reply: Reply,
    },
    /// [`crate::Effect::Append`] or [`crate::Effect::ReadLocal`] failed with an exception.
    ApplyFailed {
        /// The reply of the effect.
        reply: Reply,
        /// Why.
        reason: FailureReason,
    },
    /// A mutation waited in the queue of the MUTATION stage past its deadline.
    Expired {
        /// What was to be applied.
        mutation: P::Mutation,
        /// The reply of its effect.
        reply: Reply,
    },
    /// [`crate::Effect::ReadLocal`] is complete.
    ReadCompleted {
        /// The reply of the effect.
        reply: Reply,
        /// What this node holds.
        data: P::Data,
    },
    /// The hint task of a write is complete: its hints are in the buffer.
    HintStored {
        /// The write that waits for it.
        request: RequestId,
    },
    /// The trigger of hint delivery looks at a target.
    DispatchHints {
        /// The name the driver gives the delivery.
        dispatch: RequestId,
        /// The node that missed the mutations.
        target: NodeId,
    },
    /// [`crate::Effect::ReadHints`] is complete. At most [`crate::HINTS_PER_PAGE`] hints, oldest first.
    HintsRead {
        /// The delivery.
        dispatch: RequestId,
        /// The page; empty if nothing is stored for the target.
        hints: Vec<Hint<P::Mutation>>,
    },
    /// A timer ran out.
    Fired(Timer),
}
