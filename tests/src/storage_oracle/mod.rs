//! A second opinion on the storage engine: an oracle, operations, and what runs both side by side.
//!
//! | module | what it has |
//! |---|---|
//! | [`literal`], [`shape`], [`operation`], [`setup`], [`script`] | what can be done, in words |
//! | [`fact`], [`visible`] | what was said, and what a reader sees of it |
//!
//! The oracle takes plain data of `thymbra-types` and nothing else of the workspace: no reconcile, no merge,
//! no comparison of encoded clusterings.

pub mod fact;
pub mod generate;
pub mod literal;
pub mod operation;
pub mod oracle;
pub mod plan;
pub mod script;
pub mod setup;
pub mod shape;
pub mod visible;
