//! Opening a node's files: what a crash left is cleaned up, and the commit log replayed.
//!
//! Chapter: `specs/06-commit-log.md`. Source: Cassandra `service.CassandraDaemon.setup`,
//! `db.lifecycle.LogTransaction.removeUnfinishedLeftovers`, `db.commitlog.CommitLogReplayer`.

use super::statistics::EngineStatistics;
use super::{Shared, Signals, Tables, dropped_tables, replay};
use crate::clock::Clock;
use crate::column_family_store::ColumnFamilyStore;
use crate::commit_log::CommitLog;
use crate::config::Config;
use crate::disk::{DirectoryLock, Disk};
use crate::flush_register::FlushRegister;
use crate::foreign_sstable;
use crate::lifecycle_transaction;
use crate::sstable::{ChunkCache, SSTableFiles, SSTableReader};
use crate::storage_error::StorageError;
use crate::system_keyspace::SystemKeyspace;
use crate::table_schema::TableSchema;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, RwLock};
use thymbra_durability::HostId;
use thymbra_format::schema::TableMetadata;
use thymbra_format::sstable::Component;
use thymbra_types::CommitLogPosition;

/// Opens everything, in the order in which a crash may have left it.
//= WP-CL-04
//= WP-SS-03
pub(super) fn open(
    config: Config,
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
) -> Result<Shared, StorageError> {
    create_directory(&*disk, &config.data_directory)?;
    create_directory(&*disk, &config.commitlog_directory)?;
    let locks = lock_directories(&*disk, &config)?;
    let mut system = SystemKeyspace::open(&*disk, &config.data_directory)?;
    // What has been read is acted on, and the process that wrote it may have ended before its sync.
    disk.sync_directory(&config.data_directory)?;
    let host_id = HostId(system.host_id());
    dropped_tables::remove_leftovers(&*disk, &config.data_directory, &mut system)?;

    let chunk_cache = Arc::new(ChunkCache::new(config.file_cache_size_bytes));
    let mut found = Vec::new();
    let mut leftovers_removed_count = 0;
    let mut highest_known_id = None;
    for metadata in system.tables() {
        let files = open_sstables(&disk, &config, &chunk_cache, metadata)?;
        leftovers_removed_count += files.leftovers_removed_count;
        highest_known_id = highest_known_id.max(highest_id_of(metadata, &files, &system, host_id));
        found.push((metadata.clone(), files));
    }
    let commit_log = CommitLog::open(
        config.commit_log(highest_known_id),
        Arc::clone(&disk),
        Arc::clone(&clock),
    )?;
    let lower_bound = commit_log.current_position();
    let now_ms = clock.monotonic_ms();
    let tables = found.into_iter().map(|(metadata, files)| {
        let table = table_of(&config, metadata, files, lower_bound, now_ms);
        (table.id(), Arc::new(table))
    });
    let tables: Tables = tables.collect();
    let shared = Shared {
        layouts: RwLock::default(),
        keyspaces: RwLock::new(system.keyspaces().clone()),
        host_id,
        chunk_cache,
        disk,
        clock,
        commit_log,
        system: Mutex::new(system),
        write_order: RwLock::new(()),
        flushes: FlushRegister::default(),
        memtable_bytes: AtomicU64::new(0),
        reclaiming_bytes: AtomicU64::new(0),
        flush_turn: Mutex::new(()),
        memtable_reclaimer: Mutex::new(None),
        schema_turn: Mutex::default(),
        signals: Signals::default(),
        is_closed: AtomicBool::new(false),
        work: RwLock::new(()),
        locks: Mutex::new(locks),
        opening: Mutex::new(EngineStatistics {
            leftovers_removed_count,
            ..EngineStatistics::default()
        }),
        config,
        tables: RwLock::new(tables),
    };
    shared.publish(|_| {});
    replay::replay_commit_log(&shared)?;
    Ok(shared)
}

/// A table with what was found in its directory, and an empty memtable.
pub(super) fn table_of(
    config: &Config,
    metadata: TableMetadata,
    files: OpenedSSTables,
    lower_bound: CommitLogPosition,
    now_ms: u64,
) -> ColumnFamilyStore {
    let directory = table_directory(config, &metadata);
    ColumnFamilyStore::new(
        TableSchema::new(metadata),
        directory,
        files.sstables,
        files.last_generation,
        lower_bound,
        now_ms,
    )
}

/// The highest segment id that a table's SSTables and its truncation name.
fn highest_id_of(
    metadata: &TableMetadata,
    files: &OpenedSSTables,
    system: &SystemKeyspace,
    host_id: HostId,
) -> Option<i64> {
    let sstables = files.sstables.iter();
    let ends = sstables.filter_map(|sstable| sstable.intervals_of(host_id)?.iter().last());
    let truncated = system.truncated_position(metadata.id());
    let positions = ends.map(|(_, end)| *end).chain(truncated);
    positions.map(|position| position.segment_id).max()
}

/// Locks the directories of the data and the commit log, which may be one, under whatever names.
//= WP-CL-11
fn lock_directories(disk: &dyn Disk, config: &Config) -> Result<Vec<Box<dyn DirectoryLock>>, StorageError> {
    let mut locks: Vec<Box<dyn DirectoryLock>> = Vec::new();
    for directory in [&config.data_directory, &config.commitlog_directory] {
        if let Some(lock) = disk.try_lock(directory)? {
            locks.push(lock);
            continue;
        }
        let mut found = locks.iter().map(|lock| lock.is_of(directory));
        if !found.try_fold(false, |is_own, is_of| Ok::<_, StorageError>(is_own || is_of?))? {
            return Err(StorageError::InUse {
                directory: directory.clone(),
            });
        }
    }
    Ok(locks)
}

/// Where a table's files lie.
pub(super) fn table_directory(config: &Config, metadata: &TableMetadata) -> PathBuf {
    config
        .data_directory
        .join(metadata.keyspace())
        .join(metadata.directory_name())
}

/// The SSTables of a table, once unfinished transactions are undone or finished.
#[derive(Default)]
pub(super) struct OpenedSSTables {
    sstables: Vec<Arc<SSTableReader>>,
    last_generation: u64,
    leftovers_removed_count: u64,
}

/// Opens what lies in a table's directory, which is made if it is missing.
pub(super) fn open_sstables(
    disk: &Arc<dyn Disk>,
    config: &Config,
    chunk_cache: &Arc<ChunkCache>,
    metadata: &TableMetadata,
) -> Result<OpenedSSTables, StorageError> {
    let directory = table_directory(config, metadata);
    create_directory(&**disk, &directory)?;
    let mut opened = OpenedSSTables {
        leftovers_removed_count: lifecycle_transaction::remove_unfinished_leftovers(&**disk, &directory)?,
        ..OpenedSSTables::default()
    };
    // By any of its components, so that one that is missing is noticed.
    let mut found = BTreeMap::new();
    for entry in disk.list(&directory)? {
        if let Some((files, _)) = SSTableFiles::of_file(&directory, &entry.name) {
            found.insert(files.generation(), files);
        }
    }
    for (generation, files) in found {
        opened.last_generation = generation;
        let sstable = SSTableReader::open(disk, &files, config.partitioner, chunk_cache)?;
        foreign_sstable::check_header(sstable.header(), metadata)
            .map_err(StorageError::foreign(files.path(Component::Statistics)))?;
        opened.sstables.push(Arc::new(sstable));
    }
    Ok(opened)
}

/// Makes a directory and those around it, durably.
fn create_directory(disk: &dyn Disk, directory: &Path) -> Result<(), StorageError> {
    Ok(crate::disk::create_directory_durably(disk, directory)?)
}
