//! The data that a write carries, and how two versions of it become one.
//!
//! Everything in Thymbra that stores, sends or compares data uses these types: the protocol, the
//! storage engine, the formats and the model checker. The crate is pure: no clock, no randomness,
//! no input or output.
//!
//! | module | question it answers |
//! |---|---|
//! | [`token`], [`partitioner`], [`murmur3`], [`md5`], [`key`] | where on the ring is a partition key? |
//! | [`time`] | when was it written, until when does it live? |
//! | [`cell`], [`liveness`], [`deletion`], [`range_tombstone`] | what are the atoms of data? |
//! | [`row`], [`clustering`], [`partition`], [`mutation`] | how are they put together, and merged? |
//! | [`sorted_map`] | how are few, or very many, of them kept in order? |
//! | [`reconcile`] | which of two atoms wins? |
//! | [`commit_log_position`], [`interval_set`] | what has reached the disk? |
//!
//! Chapters: `specs/01-data-model.md` and `specs/02-partitioning-and-replication.md`.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod cell;
pub mod clustering;
pub mod commit_log_position;
pub mod deletion;
pub mod interval_set;
pub mod key;
pub mod liveness;
pub mod md5;
pub mod murmur3;
pub mod mutation;
#[cfg(feature = "serde")]
mod pairs;
pub mod partition;
pub mod partitioner;
pub mod range_tombstone;
pub mod reconcile;
pub mod row;
pub mod sorted_map;
pub mod time;
pub mod token;

pub use cell::{Cell, CellKind, CellName, CellPath, CellView, ColumnName};
pub use clustering::{Clustering, ClusteringBound};
pub use commit_log_position::CommitLogPosition;
pub use deletion::DeletionTime;
pub use interval_set::IntervalSet;
pub use key::{DecoratedKey, KeyBytes};
pub use liveness::{LivenessInfo, LivenessKind};
pub use mutation::{Mutation, TableId};
pub use partition::{LiveView, Partition};
pub use partitioner::Partitioner;
pub use range_tombstone::{RangeTombstone, RangeTombstoneList};
pub use reconcile::{ReconcileRules, Reference};
pub use row::Row;
pub use sorted_map::SortedMap;
pub use time::{LocalDeletionTime, Timestamp, Ttl};
pub use token::{RandomToken, Token};
