//! A second opinion on the storage engine: an oracle, operations, and what runs both side by side.
//!
//! | module | what it has |
//! |---|---|
//! | [`literal`], [`shape`], [`operation`], [`setup`], [`script`] | what can be done, in words |
//! | [`plan`], [`generate`] | operations by chance |
//! | [`fact`], [`visible`], [`oracle`] | what was said, what a reader sees of it, what survives a crash |
//! | [`threshold`] | which tombstones there must be |
//! | [`translate`], [`snapshot`], [`trial`] | the engine beside the oracle |
//! | [`crash`], [`coverage`] | crashes and errors at every operation of the disk; what a set of runs met |
//! | [`damage`] | files with wrong bytes, or too few |
//!
//! The oracle takes plain data of `thymbra-types` and nothing else of the workspace: no reconcile, no merge,
//! no comparison of encoded clusterings.

pub mod coverage;
pub mod crash;
pub mod damage;
pub mod fact;
pub mod generate;
pub mod literal;
pub mod operation;
pub mod oracle;
pub mod plan;
pub mod script;
pub mod setup;
pub mod shape;
pub mod snapshot;
pub mod threshold;
pub mod translate;
pub mod trial;
pub mod visible;
