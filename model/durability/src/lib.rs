//! Node-local rules of durability: when an acknowledgement may leave a replica, and what a crash takes.
//!
//! Sits between the data types and the protocol. The storage engine and the model checker both take
//! their decisions from here, so what is checked is what runs. Where a step may follow another in one order
//! only (the stages of a memtable switch, the steps of a transaction), the engine keeps the order by that of its
//! code, and its crash tests look whether it does; the functions about these are the model's alone. The crate is
//! pure: time enters as a number of milliseconds, the disk as a position.
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
//! # What the driver owes
//!
//! The decisions are right only for a driver, engine or model, that keeps these obligations:
//!
//!  1. A write joins the order of operations, then takes its position, then goes into a memtable, then
//!     is acknowledged. It leaves the order of operations last.
//!  2. A record's table is marked dirty in its segment when the position is taken, not later.
//!  3. A marker is written when every record before it is, and only where
//!     [`may_write_marker`](SegmentRules::may_write_marker) allows it.
//!  4. The stages of a memtable switch follow each other as in [`SwitchStage`]; a memtable becomes a file
//!     after every operation that began before its barrier has ended.
//!  5. Readers see a memtable until they see its file, and a file that is replaced until they see what
//!     replaces it.
//!  6. A file is part of its table once the commit of its transaction is on the disk, and not before.
//!  7. Whoever asks for the limit of a purge looks at the commit log first, then at memtables, then at
//!     SSTables: data moves in this order, and must not slip by.
//!  8. A segment counts as existing until its removal is on the disk.
//!  9. A truncation is recorded on the disk before the first file goes, and while no compaction of the
//!     table runs.
//! 10. At start transaction logs are recovered before intervals are read, the log is replayed after that,
//!     and segments of earlier lives go after everything that was replayed has become a file.
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
