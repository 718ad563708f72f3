//! Names of requests, callbacks and timers.
//!
//! A driver names each request by slot and generation; answers carry the name back, and an answer whose
//! generation is not the one in the slot belongs to a request that is over. Chapter: `specs/04-messaging.md`.

use crate::NodeId;

/// A request at its coordinator. The driver takes the lowest free slot and a generation it has not used for
/// that slot while any message of the earlier holder may still arrive.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RequestId {
    /// Index in the table of open requests of its kind.
    pub slot: u32,
    /// Which of the successive holders of the slot.
    pub generation: u32,
}

/// What an answer completes at the node that receives it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Callback {
    /// A replica's part of a coordinated write.
    Write(RequestId),
    /// A contact's part of a coordinated read.
    Read(RequestId),
    /// A contact's part of the repair that a read waits for.
    ReadRepair(RequestId),
    /// One hint of a page that is being delivered.
    Hint {
        /// The delivery.
        dispatch: RequestId,
        /// Index of the hint within the page, below [`crate::HINTS_PER_PAGE`].
        index: u8,
    },
}

/// Where the answer to a request goes. It travels with the disk effect and comes back with its completion, so
/// that a replica remembers nothing. A reply to the node itself is handed over without a message.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Reply {
    /// The node that waits for the answer.
    pub to: NodeId,
    /// What the answer completes there.
    pub callback: Callback,
}

/// A named timer. The node never sees a deadline: the driver knows the configured delay of each kind.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Timer {
    /// `write_request_timeout` after the request began: the client is answered.
    WriteTimeout(RequestId),
    /// The pass that finds that the replica at a position of the plan has not answered in time. It never comes
    /// before the request was answered or timed out.
    CallbackExpired {
        /// The write.
        request: RequestId,
        /// Position of the silent replica in the plan.
        position: u8,
    },
    /// `read_request_timeout` after the read began.
    ReadTimeout(RequestId),
    /// `write_request_timeout` after a page of hints was sent.
    HintTimeout(RequestId),
}
