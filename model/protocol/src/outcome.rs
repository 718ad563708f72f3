//! What a client is told. One table of the server maps these to native protocol errors.
//!
//! Chapter: `specs/03-coordination.md`.

use alloc::vec::Vec;

use crate::{ConsistencyLevel, FailureReason, NodeId};

/// The fields of Cassandra's `UnavailableException`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Unavailable {
    /// The level that was asked for.
    pub level: ConsistencyLevel,
    /// Replicas that had to be alive, as reported.
    pub required: usize,
    /// Replicas that were alive, as reported.
    pub alive: usize,
}

/// Why a request was refused as invalid (`0x2200`) before anything else was looked at.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum InvalidRequest {
    /// SERIAL and LOCAL_SERIAL are levels of lightweight transactions.
    SerialLevelForWrite,
    /// ANY is a level of writes.
    AnyLevelForRead,
}

/// How a write ended for its client.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum WriteOutcome {
    /// The level was met.
    Success,
    /// Too few replicas were alive; nothing was written.
    Unavailable(Unavailable),
    /// The level was not met in time; what was written stays.
    WriteTimeout {
        /// The level that was asked for.
        level: ConsistencyLevel,
        /// Acknowledgements counted, below `block_for`.
        received: usize,
        /// Acknowledgements needed.
        block_for: usize,
    },
    /// So many replicas failed that the level could not be met any more; what was written stays.
    WriteFailure {
        /// The level that was asked for.
        level: ConsistencyLevel,
        /// Acknowledgements counted.
        received: usize,
        /// Acknowledgements needed.
        block_for: usize,
        /// Every replica that failed, and why.
        failures: Vec<(NodeId, FailureReason)>,
    },
    /// The coordinator holds too many hints in flight; nothing was written.
    Overloaded,
    /// The level is not one for writes; nothing was written.
    Invalid(InvalidRequest),
}

/// How a read ended for its client.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum ReadOutcome<D> {
    /// The merged answer of the contacted replicas.
    Data(D),
    /// Too few replicas were alive.
    Unavailable(Unavailable),
    /// Too few answered in time, or the repair that the read waits for was not acknowledged in time.
    ReadTimeout {
        /// The level that was asked for.
        level: ConsistencyLevel,
        /// Answers counted, below `block_for`.
        received: usize,
        /// Answers needed.
        block_for: usize,
        /// Whether the data had arrived.
        data_present: bool,
    },
    /// Too many contacts failed.
    ReadFailure {
        /// The level that was asked for.
        level: ConsistencyLevel,
        /// Answers counted.
        received: usize,
        /// Answers needed.
        block_for: usize,
        /// Every contact that failed, and why.
        failures: Vec<(NodeId, FailureReason)>,
    },
    /// The level is not one for reads.
    Invalid(InvalidRequest),
}
