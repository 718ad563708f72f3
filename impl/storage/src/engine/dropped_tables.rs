//! The end of a table, and what is left of it.
//!
//! Facts say which directories are those of dropped tables, so that no other is ever removed.
//! Chapter: `specs/07-memtable-and-flush.md`. Source: Cassandra `db.Keyspace.dropCf`,
//! `ColumnFamilyStore.invalidate`, `db.lifecycle.Tracker.dropSSTables`.

use super::Shared;
use super::recovery::table_directory;
use crate::column_family_store::ColumnFamilyStore;
use crate::disk::{Disk, DiskResult};
use crate::flush;
use crate::storage_error::{StorageError, first_error};
use crate::sync::{lock, write};
use crate::system_keyspace::SystemKeyspace;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use thymbra_format::schema::TableMetadata;

/// Drops a table; the caller keeps other changes of the schema from happening, and the table from being compacted.
//= WP-MF-08
pub(super) fn drop_table(shared: &Shared, dropped: &Arc<ColumnFamilyStore>) -> Result<(), StorageError> {
    // Between two writes: from here on no mutation in the log has a part for the table.
    let tables = write(&shared.tables);
    dropped.set_dropping(true);
    drop(tables);
    // Between two switches: from here on no flush of the table begins.
    drop(write(&shared.write_order));
    let others = shared.all_tables().into_iter();
    // Another whose drop has not ended takes no flush.
    let others = others.filter(|other| !Arc::ptr_eq(other, dropped) && !other.is_dropping());
    let flushed = first_error(others.map(|other| shared.flush(&other)));
    if flushed.is_err() {
        dropped.set_dropping(false);
        return flushed;
    }
    // Waits for those that write the table out at this moment.
    let view = dropped.view();
    for memtable in &view.flushing {
        drop(memtable.claim());
    }
    let metadata = dropped.metadata();
    lock(&shared.system).drop_table(&*shared.disk, &metadata)?;
    shared.publish(|tables| {
        tables.remove(&dropped.id());
    });
    forget_memory(shared, dropped);
    // The table is gone: what fails now keeps nothing else from being done.
    first_error([
        flush::give_up(shared, dropped),
        shared
            .commit_log
            .forget_table(dropped.id())
            .map_err(StorageError::from),
        remove_rest(shared, &metadata),
    ])
}

/// The memory of memtables that nobody will write is taken for free, once.
pub(super) fn forget_memory(shared: &Shared, table: &ColumnFamilyStore) {
    if !table.forgets_memory() {
        return;
    }
    let view = table.view();
    let flushing: u64 = view.flushing.iter().map(|memtable| memtable.size_bytes()).sum();
    let all = flushing + view.current.size_bytes();
    shared.memtable_bytes.fetch_sub(all, Ordering::Relaxed);
    shared.reclaiming_bytes.fetch_sub(flushing, Ordering::Relaxed);
    shared.signals.notify();
}

/// Removes what is left of a dropped table that had this definition's name and id, if anything is.
pub(super) fn remove_rest(shared: &Shared, metadata: &TableMetadata) -> Result<(), StorageError> {
    let mut system = lock(&shared.system);
    let name = SystemKeyspace::directory_of(metadata);
    if system.dropped_directories().any(|dropped| *dropped == name) {
        let directory = table_directory(&shared.config, metadata);
        remove_files(&*shared.disk, &directory)?;
        system.forget_dropped(&*shared.disk, &name)?;
    }
    Ok(())
}

/// Removes what a crash left of tables that were dropped, and warns of files in directories that
/// belong to no table.
pub(super) fn remove_leftovers(
    disk: &dyn Disk,
    data_directory: &Path,
    system: &mut SystemKeyspace,
) -> Result<(), StorageError> {
    let known: BTreeSet<String> = system.tables().iter().map(SystemKeyspace::directory_of).collect();
    let dropped: Vec<String> = system.dropped_directories().cloned().collect();
    for name in dropped {
        // A crash before the schema changed: the table is there, and stays.
        if !known.contains(&name) {
            remove_files(disk, &data_directory.join(&name))?;
        }
        system.forget_dropped(disk, &name)?;
    }
    let keyspaces: Vec<String> = system.keyspaces().keys().cloned().collect();
    for keyspace in keyspaces {
        let directory = data_directory.join(&keyspace);
        if !disk.exists(&directory)? {
            continue;
        }
        for table in disk.list(&directory)? {
            let is_unknown = table.is_directory && !known.contains(&format!("{keyspace}/{}", table.name));
            let path = directory.join(&table.name);
            if is_unknown && disk.list(&path)?.iter().any(|entry| !entry.is_directory) {
                tracing::warn!(directory = %path.display(), "files of no table that is known are left alone");
            }
        }
    }
    Ok(())
}

/// Removes the files of a table's directory, its transaction logs last: while one is there, what it
/// says of the others can still be done. Directories in it stay, and it stays if there are any.
fn remove_files(disk: &dyn Disk, directory: &Path) -> DiskResult<()> {
    if !disk.exists(directory)? {
        return Ok(());
    }
    let (directories, files): (Vec<_>, Vec<_>) = disk
        .list(directory)?
        .into_iter()
        .partition(|entry| entry.is_directory);
    let (logs, others): (Vec<_>, Vec<_>) = files.into_iter().partition(|entry| entry.name.ends_with(".log"));
    for entry in others.into_iter().chain(logs) {
        disk.remove(&directory.join(entry.name))?;
    }
    // Durably, because nobody will know any more that they were to go.
    if !directories.is_empty() {
        return disk.sync_directory(directory);
    }
    disk.remove(directory)?;
    directory
        .parent()
        .map_or(Ok(()), |parent| disk.sync_directory(parent))
}
