//! Mutations as bytes, at messaging version 12.
//!
//! What one request writes under one key: a record of the commit log, the body of a hint, and that
//! of a message between nodes. Chapter: `specs/06-commit-log.md`. Source: Cassandra `db.Mutation`,
//! `db.partitions.PartitionUpdate`.
//!
//! | module | what it is for |
//! |---|---|
//! | [`table_layout`] | what of the schema the bytes depend on |
//! | [`encoder`], [`decoder`] | a mutation to and from bytes |
//! | [`raw`] | what can be read without the schema |

pub mod decoder;
pub mod encoder;
pub mod raw;
pub mod table_layout;

pub use decoder::{DecodeError, UpdateDecoder, decode_mutation, decode_mutation_parts};
pub use encoder::MutationEncoder;
pub use raw::RawMutation;
pub use table_layout::{DroppedColumns, SchemaLookup, TableLayout};

/// Nothing follows these flags.
const IS_EMPTY: u8 = 0x01;
/// Rows stand in reversed order; only in answers to reads.
const IS_REVERSED: u8 = 0x02;
/// The partition has a deletion.
const HAS_PARTITION_DELETION: u8 = 0x04;
/// The partition has a static row, and the header its columns.
const HAS_STATIC_ROW: u8 = 0x08;
/// The number of rows stands before them; always in mutations.
const HAS_ROW_ESTIMATE: u8 = 0x10;
