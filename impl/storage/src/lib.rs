//! The storage engine of a node: what happens between a mutation and the files it ends up in.
//!
//! Takes its decisions from `thymbra-durability` and its bytes from `thymbra-format`. Chapters:
//! `specs/06-commit-log.md` to `specs/09-compaction.md`.

pub mod clock;
pub mod commit_log;
pub mod disk;
pub mod error;

pub use clock::{Clock, ManualClock, SystemClock};
pub use commit_log::{CommitLog, CommitLogConfig, CommitLogError};
pub use disk::{CountingDisk, DirectoryEntry, Disk, DiskFile, RealDisk, SimulatedDisk};
pub use error::{DiskError, DiskOperation};
