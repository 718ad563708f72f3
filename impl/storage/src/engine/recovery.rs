//! Opening a node's files: what a crash left is cleaned up, and the commit log replayed.
//!
//! Chapter: `specs/06-commit-log.md`. Source: Cassandra `service.CassandraDaemon.setup`,
//! `db.lifecycle.LogTransaction.removeUnfinishedLeftovers`, `db.commitlog.CommitLogReplayer`.

use super::statistics::EngineStatistics;
use super::{Shared, Signals};
use crate::clock::Clock;
use crate::column_family_store::ColumnFamilyStore;
use crate::commit_log::CommitLog;
use crate::config::Config;
use crate::disk::Disk;
use crate::lifecycle_transaction;
use crate::sstable::{self, SSTableReader};
use crate::storage_error::StorageError;
use crate::system_keyspace::SystemKeyspace;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use thymbra_durability::{HostId, ReplayRules as _};
use thymbra_format::mutation;
use thymbra_format::schema::TableMetadata;
use thymbra_types::{CommitLogPosition, IntervalSet, Reference, TableId};

/// A table that has been opened, and what was found.
pub(super) struct OpenedTable {
    pub(super) table: ColumnFamilyStore,
    leftovers_removed_count: u64,
}

/// Opens everything, in the order in which a crash may have left it.
//= WP-CL-06
pub(super) fn open(
    config: Config,
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
) -> Result<Shared, StorageError> {
    config.validate()?;
    disk.create_directory_all(&config.data_directory)?;
    disk.create_directory_all(&config.commitlog_directory)?;
    let system = SystemKeyspace::open(&*disk, &config.data_directory)?;
    let (commit_log, replay) =
        CommitLog::open(config.commit_log(), Arc::clone(&disk), Arc::clone(&clock))?;
    let shared = Shared {
        host_id: HostId(system.host_id()),
        keyspaces: RwLock::new(system.keyspaces().clone()),
        config,
        disk,
        clock,
        commit_log,
        system: Mutex::new(system),
        tables: RwLock::default(),
        write_order: RwLock::new(()),
        flushes: FlushRegister::default(),
        signals: Signals::default(),
        is_closed: AtomicBool::new(false),
        opening: Mutex::default(),
    };
    open_tables(&shared)?;
    replay_commit_log(&shared, replay)?;
    Ok(shared)
}
