//! Files of Cassandra as the commands `dump` and `verify` read them: whole small ones, `Data.db` piece by piece.
//!
//! Chapters: `specs/06-commit-log.md`, `specs/08-sstable.md`.

mod data_stream;
mod error;
mod segments;
mod sstable_path;

pub(crate) use data_stream::DataStream;
pub(crate) use error::FileError;
pub(crate) use segments::{LogDirectory, TornTail, segments};
pub(crate) use sstable_path::{SSTablePath, read_file};
