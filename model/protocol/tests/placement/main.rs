//! Placement: property P1 over all small rings, pending ranges by brute force, and the surface of the ring.
//!
//! `oracle` states what must hold in the words of the property; it shares no code with the crate.
//! Chapter: specs/02-partitioning-and-replication.md (PR).

mod cluster;
mod oracle;
mod pending;
mod plan;
mod replica_set;
mod ring;
mod strategies;
mod topology;
