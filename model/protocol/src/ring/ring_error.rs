//! Why a topology, a replication option or a plan is refused: always the operator's input, never a defect here.
//! Chapter: specs/02-partitioning-and-replication.md (PR).

use core::error::Error;
use core::fmt;

use super::{Datacenter, NodeId};
use crate::replica_set::MAX_REPLICAS;

/// Why a ring cannot be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RingError {
    /// A token range has more natural and pending replicas than a plan has positions.
    TooManyReplicas {
        /// The replicas that the range would have.
        count: usize,
    },
    /// No member of the topology owns a token, so no key has a place.
    NoTokens,
    /// Two members have the same identity.
    MemberRepeated(NodeId),
    /// Two members claim the same token, or one member twice.
    TokenRepeated(NodeId),
    /// A replacing member brings tokens although it takes those of the replaced node.
    ReplacementWithTokens(NodeId),
    /// A member replaces a node that owns no tokens in this topology.
    NothingToReplace {
        /// The joining node.
        replacement: NodeId,
        /// The node that it names.
        replaced: NodeId,
    },
    /// A rule of placement or the local strategy names a node that is no member.
    UnknownReplica(NodeId),
    /// The replication options name a datacenter twice.
    DatacenterRepeated(Datacenter),
}

impl fmt::Display for RingError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyReplicas { count } => {
                write!(
                    formatter,
                    "a token range has {count} replicas, more than the supported {MAX_REPLICAS}"
                )
            }
            Self::NoTokens => write!(formatter, "no member of the topology owns a token"),
            Self::MemberRepeated(node) => write!(formatter, "{node} is a member twice"),
            Self::TokenRepeated(node) => write!(formatter, "{node} claims a token that is taken"),
            Self::ReplacementWithTokens(node) => {
                write!(
                    formatter,
                    "{node} replaces a node and must not bring tokens of its own"
                )
            }
            Self::NothingToReplace {
                replacement,
                replaced,
            } => {
                write!(
                    formatter,
                    "{replacement} replaces {replaced}, which owns no tokens"
                )
            }
            Self::UnknownReplica(node) => write!(formatter, "the replica {node} is not a member"),
            Self::DatacenterRepeated(datacenter) => {
                write!(formatter, "the replication options name {datacenter} twice")
            }
        }
    }
}

impl Error for RingError {}
