//! What nodes send to each other, under Cassandra's verb names.
//!
//! The driver adds what a connection knows (the sender) and what transport needs (serialization, expiry,
//! checksums). Chapter: `specs/04-messaging.md`.

use crate::{Hint, NodeId, Payload, PlanKey, ReplicaSet, RequestId};

/// Why a replica refused. Cassandra: `RequestFailureReason`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
//= WP-MS-03
pub enum FailureReason {
    /// Any exception without a code of its own (0).
    Unknown,
    /// No answer in time, or the message could not be sent (2).
    Timeout,
    /// The replica does not know the table or column (3).
    IncompatibleSchema,
}

/// The parameter `FORWARD_TO`: replicas that the receiver passes the mutation on to.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ForwardTo {
    /// The coordinator's plan, in which the positions count.
    pub plan: PlanKey,
    /// Positions of the targets, the receiver not among them.
    pub targets: ReplicaSet,
}

/// One message. `request` and `callback` are names at the node that waits for the answer.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Message<P: Payload> {
    /// `MUTATION_REQ`.
    Mutation {
        /// The coordinator's request.
        request: RequestId,
        /// What to apply.
        mutation: P::Mutation,
        /// Present on the copy for the remote coordinator of a data centre.
        forward_to: Option<ForwardTo>,
        /// The parameter `RESPOND_TO`: present on copies that a remote coordinator passed on.
        respond_to: Option<NodeId>,
    },
    /// `MUTATION_RSP`.
    MutationResponse {
        /// The coordinator's request.
        request: RequestId,
    },
    /// `HINT_REQ`.
    Hint {
        /// The delivery at the holder of the hint.
        dispatch: RequestId,
        /// Index within the page.
        index: u8,
        /// The mutation and when it was missed.
        hint: Hint<P::Mutation>,
    },
    /// `HINT_RSP`.
    HintResponse {
        /// The delivery at the holder of the hint.
        dispatch: RequestId,
        /// Index within the page.
        index: u8,
    },
    /// `READ_REQ`, always for data: digests are not asked for.
    Read {
        /// The coordinator's request.
        request: RequestId,
        /// What to read.
        command: P::Command,
    },
    /// `READ_RSP`.
    ReadResponse {
        /// The coordinator's request.
        request: RequestId,
        /// What the replica holds.
        data: P::Data,
    },
    /// `READ_REPAIR_REQ`.
    ReadRepair {
        /// The coordinator's read.
        request: RequestId,
        /// What the replica lacked.
        mutation: P::Mutation,
    },
    /// `READ_REPAIR_RSP`.
    ReadRepairResponse {
        /// The coordinator's read.
        request: RequestId,
    },
    /// `FAILURE_RSP`.
    Failure {
        /// What failed, at the node that waits.
        callback: crate::Callback,
        /// Why.
        reason: FailureReason,
    },
}

/// Of a payload that is a few bytes, as the checker's is: such messages are copied as memory.
impl<P: Payload + Copy> Copy for Message<P>
where
    P::Mutation: Copy,
    P::Command: Copy,
    P::Data: Copy,
{
}

impl<P: Payload> Message<P> {
    /// Cassandra's name of the verb.
    #[must_use]
    //= WP-MS-01
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Mutation { .. } => "MUTATION_REQ",
            Self::MutationResponse { .. } => "MUTATION_RSP",
            Self::Hint { .. } => "HINT_REQ",
            Self::HintResponse { .. } => "HINT_RSP",
            Self::Read { .. } => "READ_REQ",
            Self::ReadResponse { .. } => "READ_RSP",
            Self::ReadRepair { .. } => "READ_REPAIR_REQ",
            Self::ReadRepairResponse { .. } => "READ_REPAIR_RSP",
            Self::Failure { .. } => "FAILURE_RSP",
        }
    }
}
