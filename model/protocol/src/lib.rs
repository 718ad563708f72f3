//! One node of the write path as a pure state machine: [`Node::step`] takes an [`Input`] and asks for
//! [`Effect`]s. The model checker and the server are two interpreters of these effects.
//!
//! Path of a write: `write` (admission, fan-out) -> `message` -> `replica` -> [`Effect::Append`] ->
//! [`Input::Applied`] -> `write_response_handler` -> [`Effect::AnswerWrite`]; for a missed replica
//! `hints/should_hint` -> [`Effect::StoreHint`] -> `hints/dispatch` -> `replica`.
//! Chapters: `specs/02-partitioning-and-replication.md` to `specs/05-replica-write.md`, `specs/10-hinted-handoff.md`,
//! `specs/12-reads-and-read-repair.md`.
#![no_std]

extern crate alloc;

mod consistency_level;
mod context;
mod coordinator;
mod effect;
mod hints;
mod input;
mod message;
mod node;
mod outcome;
mod payload;
mod reads;
mod replica;
mod replica_plan;
mod replica_set;
mod request;
pub mod ring;
mod rules;
mod slots;

pub use consistency_level::{CONSISTENCY_LEVELS, ConsistencyLevel, ConsistencyRules, EachQuorum, Placement};
pub use context::{Config, Context, View};
pub use coordinator::{CoordinationRules, ReplicaFailure, WriteHandler};
pub use effect::{Effect, Effects};
pub use hints::{Dispatch, HINTS_PER_PAGE, Hint, HintRefusal, HintRules, HintTarget, TargetHistory};
pub use input::Input;
pub use message::{FailureReason, ForwardTo, Message};
pub use node::{InvariantViolation, Node};
pub use outcome::{InvalidRequest, ReadOutcome, Unavailable, WriteOutcome};
pub use payload::{Mutation, Payload, ReadCommand, ReadData};
pub use reads::{ReadHandler, ReadRepairStrategy, ReadRules, Repair};
pub use replica_plan::{PlanKey, Replica, ReplicaPlan};
pub use replica_set::{MAX_REPLICAS, Positions, ReplicaSet};
pub use request::{Callback, Reply, RequestId, Timer};
pub use ring::{
    Datacenter, Member, NodeId, Rack, ReplicationRules, ReplicationStrategy, Ring, RingError, TokenRing,
    Topology,
};
pub use rules::Rules;
pub use slots::Slots;
