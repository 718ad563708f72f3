//! Interned names of nodes, datacenters and racks.
//!
//! State that is hashed holds these numbers; the names live in [`Topology`](super::Topology) alone.
//! Chapter: specs/02-partitioning-and-replication.md (PR).

use core::fmt;

/// A node of the cluster, counted from 0 and printed from 1. Cassandra: the endpoint (`InetAddressAndPort`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct NodeId(pub u16);

/// A datacenter, an index into the datacenter names of the topology.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Datacenter(pub u8);

/// A rack, an index into the rack names of the topology. Equal numbers in two datacenters are two racks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Rack(pub u8);

impl fmt::Display for NodeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "n{}", u32::from(self.0) + 1)
    }
}

impl fmt::Display for Datacenter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "dc{}", u32::from(self.0) + 1)
    }
}

impl fmt::Display for Rack {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "rack{}", u32::from(self.0) + 1)
    }
}
