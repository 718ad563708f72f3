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
//! | [`segment`] | which id has a segment, what is dirty in it, may it go? |
//! | [`memtable`] | which memtable takes this write while one is switched out? |
//! | [`flush`] | what may follow a flush that ended, or failed? |
//! | [`replay`] | is this record applied at start, is that damage a torn tail? |
//! | [`purge`] | may a compaction forget this tombstone, cell or SSTable? |
//! | [`transaction_log`] | which files of an interrupted exchange go? |
//! | [`read_skip`] | which SSTables need a read not open? |
//! | [`rules`] | all of them together |
//!
//! Chapters: `specs/06-commit-log.md`, `specs/07-memtable-and-flush.md`, `specs/09-compaction.md`.
#![no_std]

extern crate alloc;

pub mod acknowledgement;
pub mod disk_stage;
pub mod flush;
pub mod memtable;
pub mod purge;
pub mod read_skip;
pub mod replay;
pub mod rules;
pub mod segment;
pub mod sync_mode;
pub mod transaction_log;

pub use acknowledgement::AcknowledgementRules;
pub use disk_stage::{CrashKind, DiskStage, SurvivalRules};
pub use flush::{FlushRules, FlushState};
pub use memtable::{Acceptance, MemtableBounds, MemtableRules, SwitchStage};
pub use purge::{CellPurge, DataElsewhere, PurgeLimit, PurgeRules, SSTableTimes};
pub use read_skip::SkipRules;
pub use replay::{FindingPlace, HostId, LogFinding, ReplayRules, ReplayStep};
pub use rules::StorageRules;
pub use segment::{RECORD_OVERHEAD_BYTES, SegmentDirtiness, SegmentRules};
pub use sync_mode::{CommitLogProgress, SyncMode};
pub use transaction_log::{
    Leftovers, RemovedFiles, TransactionLogCorrupt, TransactionRecord, TransactionRules,
};
