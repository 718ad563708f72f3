//! Node-local rules of durability: when an acknowledgement may leave a replica, and what a crash takes.
//!
//! Sits between the data types and the protocol. The storage engine and the model checker both take
//! their decisions from here, so what is checked is what runs. The crate is pure: time enters as a
//! number of milliseconds, the disk as a position.
//!
//! | module | question it answers |
//! |---|---|
//! | [`sync_mode`] | how is the commit log synced, and how far has it come? |
//! | [`acknowledgement`] | may this write be acknowledged? |
//! | [`disk_stage`] | does this entry survive that crash? |
//!
//! Chapter: `specs/06-commit-log.md`.
#![no_std]

pub mod acknowledgement;
pub mod disk_stage;
pub mod sync_mode;

pub use acknowledgement::AcknowledgementRules;
pub use disk_stage::{CrashKind, DiskStage, SurvivalRules};
pub use sync_mode::{CommitLogProgress, SyncMode};
