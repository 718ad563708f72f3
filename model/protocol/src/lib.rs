//! One node of the write path as a pure state machine.
#![no_std]

extern crate alloc;

mod replica_plan;
mod replica_set;
pub mod ring;

pub use replica_plan::{PlanKey, Replica, ReplicaPlan};
pub use replica_set::{MAX_REPLICAS, Positions, ReplicaSet};
