//! The storage engine of a node: what happens between a mutation and the files it ends up in.
//!
//! Takes its decisions from `thymbra-durability` and its bytes from `thymbra-format`. Chapters:
//! `specs/06-commit-log.md` to `specs/09-compaction.md`.
//!
//! | module | what it does |
//! |---|---|
//! | [`engine`] | the engine as its users see it |
//! | [`config`], [`clock`], [`disk`] | what it is given |
//! | [`commit_log`] | makes writes survive a crash before they are flushed |
//! | `mutation_check` | what writes must be to be taken |
//! | `memtable`, `flush` | collect writes, and write them out |
//! | `sstable`, `lifecycle_transaction` | files, and their exchange as a whole |
//! | `compaction` | fewer files of many |
//! | [`read`], `merge`, `stretch`, `scan` | answers from all of them |

mod atomic_file;
pub mod clock;
mod column_collector;
mod column_family_store;
pub mod commit_log;
mod compaction;
pub mod config;
pub mod disk;
pub mod engine;
pub mod error;
mod flush;
mod flush_register;
mod foreign_sstable;
mod lifecycle_transaction;
mod memtable;
mod merge;
mod mutation_check;
pub mod read;
mod retry;
mod scan;
mod sstable;
mod storage_error;
mod stretch;
mod sync;
mod system_keyspace;
mod table_schema;
mod view;

pub use clock::{Clock, ManualClock, SystemClock};
pub use commit_log::{CommitLog, CommitLogConfig, CommitLogError};
pub use config::{Background, Config, ConfigError};
pub use disk::{
    CountingDisk, DirectoryEntry, DirectoryLock, Disk, DiskCounts, DiskFile, RealDisk, SimulatedDisk,
};
pub use engine::{ChunkCacheStatistics, EngineStatistics, PendingFlush, StorageEngine, TableStatistics};
pub use error::{DiskError, DiskOperation};
pub use foreign_sstable::ForeignSSTable;
pub use mutation_check::MutationError;
pub use storage_error::StorageError;
