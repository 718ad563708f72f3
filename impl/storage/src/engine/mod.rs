//! The storage engine of one node, as its users see it.
//!
//! A write goes through the commit log into the memtable of its table; flushes make SSTables of
//! memtables, compactions fewer SSTables of many; reads look at all of them. Chapters:
//! `specs/06-commit-log.md` to `specs/09-compaction.md`. Source: Cassandra `db.Keyspace`,
//! `db.ColumnFamilyStore`, `db.commitlog.CommitLog`.

mod background;
mod dropped_tables;
mod flushes;
mod reads;
mod recovery;
mod replay;
mod schema_changes;
mod statistics;
mod writes;

pub use crate::sstable::ChunkCacheStatistics;
pub(crate) use background::Signals;
pub use statistics::{EngineStatistics, TableStatistics};
pub use writes::PendingFlush;

use crate::clock::Clock;
use crate::column_family_store::ColumnFamilyStore;
use crate::commit_log::CommitLog;
use crate::config::{Background, Config};
use crate::disk::{DirectoryLock, Disk};
use crate::flush_register::FlushRegister;
use crate::sstable::ChunkCache;
use crate::storage_error::StorageError;
use crate::system_keyspace::{KeyspaceParams, SystemKeyspace};
use background::BackgroundThreads;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, RwLock};
use std::thread::JoinHandle;
use thymbra_durability::HostId;
use thymbra_format::mutation::TableLayout;
use thymbra_types::TableId;

/// One node's tables, its commit log, and what works on them in the background.
///
/// May be shared by threads. Dropping it without [`StorageEngine::close`] is a crash of the
/// process: what the sync mode allows to be lost may be lost.
#[derive(Debug)]
pub struct StorageEngine {
    pub(crate) shared: Arc<Shared>,
    threads: Mutex<Option<BackgroundThreads>>,
    /// Whether everything that [`StorageEngine::close`] does has been done.
    has_closed: Mutex<bool>,
}

/// Tables that are open.
pub(crate) type Tables = BTreeMap<TableId, Arc<ColumnFamilyStore>>;
/// What the bytes of their rows depend on.
pub(crate) type Layouts = BTreeMap<TableId, Arc<TableLayout>>;

/// What the engine and its threads share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) commit_log: CommitLog,
    pub(crate) host_id: HostId,
    pub(crate) chunk_cache: Arc<ChunkCache>,
    pub(crate) system: Mutex<SystemKeyspace>,
    pub(crate) keyspaces: RwLock<BTreeMap<String, KeyspaceParams>>,
    pub(crate) tables: RwLock<Tables>,
    /// What serialization needs of the tables; replaced as a whole when one changes.
    pub(crate) layouts: RwLock<Arc<Layouts>>,
    /// Writers hold it for reading from their append until the memtable has the update; a switch
    /// of memtables holds it for writing, so that each update is in the memtable that its position
    /// belongs to. Cassandra: `Keyspace.writeOrder`.
    pub(crate) write_order: RwLock<()>,
    pub(crate) flushes: FlushRegister,
    /// Estimate of the memory of all memtables.
    pub(crate) memtable_bytes: AtomicU64,
    /// The part of it that is in memtables which have been switched out.
    pub(crate) reclaiming_bytes: AtomicU64,
    /// Whoever chooses memtables to be written holds it.
    pub(crate) flush_turn: Mutex<()>,
    /// Frees memtables that were written; one at a time.
    pub(crate) memtable_reclaimer: Mutex<Option<JoinHandle<()>>>,
    /// Whoever changes the schema holds it. The tables that were dropped in this life: the log may
    /// have mutations of theirs.
    pub(crate) schema_turn: Mutex<BTreeSet<TableId>>,
    pub(crate) signals: Signals,
    pub(crate) is_closed: AtomicBool,
    /// Calls that work on files hold it for reading; whoever closes the engine waits for them.
    pub(crate) work: RwLock<()>,
    /// Keep other engines from the directories for as long as this one works on them.
    pub(crate) locks: Mutex<Vec<Box<dyn DirectoryLock>>>,
    /// What opening the files found.
    pub(crate) opening: Mutex<EngineStatistics>,
}

impl StorageEngine {
    /// Opens a node's files, replays the commit log, and begins to work.
    ///
    /// What a crash left unfinished is cleaned up first. Replayed data is flushed, and the segments
    /// that held it are removed, before this returns.
    ///
    /// # Errors
    /// When the settings do not go together, another engine works on the files, the disk fails, or a
    /// file is corrupt.
    pub fn open(config: Config, disk: Arc<dyn Disk>, clock: Arc<dyn Clock>) -> Result<Self, StorageError> {
        config.validate()?;
        config.commit_log(None).validate()?;
        let threaded = config.background == Background::Threads;
        let shared = Arc::new(recovery::open(config, disk, clock)?);
        let threads = match threaded {
            true => Some(BackgroundThreads::start(&shared)?),
            false => None,
        };
        Ok(Self {
            shared,
            threads: Mutex::new(threads),
            has_closed: Mutex::new(false),
        })
    }
}
