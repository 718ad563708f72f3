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

/// The memory of memtables that nobody will write is taken for free, once. The table takes no calls any more.
pub(super) fn forget_memory(shared: &Shared, table: &ColumnFamilyStore) {
    if !table.forgets_memory() {
        return;
    }
    // Writes and switches that began while the table ran are over then, and there are no more.
    drop(write(&shared.tables));
    drop(write(&shared.write_order));
    let view = table.view();
    for memtable in &view.flushing {
        flush::release_memory(shared, memtable);
    }
    if view.current.release() {
        let size_bytes = view.current.size_bytes();
        shared.memtable_bytes.fetch_sub(size_bytes, Ordering::Relaxed);
    }
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

#[cfg(test)]
mod tests {
    use crate::clock::{Clock, ManualClock};
    use crate::disk::SimulatedDisk;
    use crate::engine::StorageEngine;
    use crate::error::DiskOperation;
    use crate::{Background, Config};
    use std::fmt::{self, Debug, Formatter};
    use std::io;
    use std::sync::atomic::Ordering;
    use std::sync::{Arc, Mutex};
    use thymbra_durability::SyncMode;
    use thymbra_format::marshal::AbstractType;
    use thymbra_format::schema::TableMetadata;
    use thymbra_types::{
        Cell, CellName, Clustering, DecoratedKey, Mutation, Partition, Partitioner, Row, TableId, Timestamp,
    };

    const TABLE: TableId = TableId(1);

    type Interruption = Box<dyn FnOnce() + Send>;

    /// Does something when it is asked for the time next, as the flusher does that begins an SSTable.
    struct InterruptingClock {
        clock: ManualClock,
        interruption: Mutex<Option<Interruption>>,
    }

    impl Debug for InterruptingClock {
        fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
            self.clock.fmt(formatter)
        }
    }

    impl Clock for InterruptingClock {
        fn now_us(&self) -> u64 {
            let interruption = self.interruption.lock().expect("no holder panics").take();
            if let Some(interruption) = interruption {
                interruption();
            }
            self.clock.now_us()
        }

        fn monotonic_ms(&self) -> u64 {
            self.clock.monotonic_ms()
        }
    }

    fn write(engine: &StorageEngine, value_bytes: usize) {
        let mut row = Row::default();
        let cell = Cell::live(Timestamp(1), &*vec![1; value_bytes]);
        row.cells.insert(CellName::simple("v"), cell);
        let update = Partition {
            rows: [(Clustering::default(), row)].into(),
            ..Partition::default()
        };
        let mutation = Mutation {
            keyspace: "ks".into(),
            key: DecoratedKey::new(Partitioner::Murmur3, *b"key"),
            updates: [(TABLE, update)].into(),
        };
        engine.apply(mutation).expect("the engine takes writes");
    }

    /// While a flusher writes the second memtable of a table, another writes the first, and one looks for
    /// work. Gives the memory that is counted in the end, all and switched out, and the index of the
    /// operation that ends the first flush.
    fn flush_both(failing: Option<u64>) -> ((u64, u64), u64) {
        let disk = SimulatedDisk::new();
        let clock = Arc::new(InterruptingClock {
            clock: ManualClock::at_ms(1_000_000),
            interruption: Mutex::new(None),
        });
        let config = Config {
            background: Background::Manual,
            commitlog_sync: SyncMode::Batch,
            commitlog_segment_size_bytes: 1 << 20,
            ..Config::under("/node")
        };
        let engine = StorageEngine::open(config, Arc::new(disk.clone()), Arc::clone(&clock) as _);
        let engine = Arc::new(engine.expect("the engine opens"));
        engine.create_keyspace("ks", true).expect("a new keyspace");
        let table = TableMetadata::builder("ks", "t", TABLE)
            .partition_key("k", AbstractType::Bytes)
            .regular_column("v", AbstractType::Bytes)
            .build();
        engine
            .create_table(table.expect("a valid table"))
            .expect("a new table");
        write(&engine, 1_000);
        let first = engine.begin_flush(TABLE).expect("a flush begins");
        write(&engine, 2_000);
        let second = engine.begin_flush(TABLE).expect("a flush begins");
        write(&engine, 3_000);

        let commit_index = Arc::new(Mutex::new(0));
        let (other, index) = (Arc::clone(&engine), Arc::clone(&commit_index));
        let flush_first: Interruption = Box::new(move || {
            if let Some(operation_index) = failing {
                disk.fail_at(operation_index, io::ErrorKind::Other);
            }
            assert_eq!(other.finish_flush(&first).is_err(), failing.is_some());
            let operations = disk.operations().into_iter();
            let mut commits = operations.filter(|record| {
                record.operation == DiskOperation::Write && record.path.to_string_lossy().contains("_txn_")
            });
            *index.lock().expect("no holder panics") = commits.next_back().map_or(0, |record| record.index);
            other.tick().expect("a stopped table is no error of others");
        });
        *clock.interruption.lock().expect("no holder panics") = Some(flush_first);
        engine.finish_flush(&second).expect("the second flush succeeds");
        let shared = &engine.shared;
        let counted = [&shared.memtable_bytes, &shared.reclaiming_bytes];
        let [all, switched_out] = counted.map(|counted| counted.load(Ordering::Relaxed));
        let commit_index = *commit_index.lock().expect("no holder panics");
        ((all, switched_out), commit_index)
    }

    /// Subtracted twice, the memory of a memtable whose flush ends after its table is stopped would leave all memory
    /// used for ever, and writers waiting for it.
    #[test]
    fn memory_of_a_memtable_is_released_once_also_if_its_table_is_stopped_while_it_is_written() {
        let ((all, switched_out), commit_index) = flush_both(None);
        assert!((3_000..4_000).contains(&all), "the third memtable: {all}");
        assert_eq!(switched_out, 0);
        let (counted, _) = flush_both(Some(commit_index));
        assert_eq!(counted, (0, 0));
    }
}
