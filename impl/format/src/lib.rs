//! The bytes of Cassandra's files, read and written.
//!
//! Sits between the data types and the storage engine: bytes in, values out, and back. Opens no
//! file. Versions: SSTable `nb`, commit log 7, mutations at messaging version 12, which is what
//! Apache Cassandra 5.0 writes in its default compatibility mode. Chapters:
//! `specs/06-commit-log.md`, `specs/08-sstable.md`.
//!
//! | module | what it reads and writes |
//! |---|---|
//! | [`cursor`], [`vint`] | numbers, lengths, strings |
//! | [`marshal`] | values of every CQL type, and the names of the types |
//! | [`commitlog`] | commit log segments |
//! | [`mutation`] | mutations, as commit log, hints and messages have them |
//! | [`rows`] | rows and range tombstones, in messages and in SSTables |
//! | [`transaction_log`] | which SSTables a transaction adds and replaces |
//! | [`sstable`] | the components of an SSTable |
//! | [`schema`] | definitions of tables, which say what the columns of a file mean |

pub mod commitlog;
pub mod cursor;
pub mod error;
pub mod marshal;
pub mod mutation;
pub mod rows;
pub mod schema;
pub mod sstable;
pub mod transaction_log;
pub mod vint;

pub use cursor::Cursor;
pub use error::FormatError;
pub use marshal::AbstractType;
pub use schema::TableMetadata;
