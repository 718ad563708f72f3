//! Flush: a memtable becomes an SSTable, and its part of the commit log becomes superfluous.
//!
//! Chapter: `specs/07-memtable-and-flush.md`. Source: Cassandra `db.ColumnFamilyStore.Flush`,
//! `ColumnFamilyStore.PostFlush`.

use crate::column_family_store::ColumnFamilyStore;
use crate::engine::Shared;
use crate::lifecycle_transaction::{LifecycleTransaction, OperationType};
use crate::memtable::Memtable;
use crate::sstable::{SSTableReader, SSTableWriter, WriterOptions};
use crate::storage_error::StorageError;
use std::sync::Arc;
use thymbra_types::IntervalSet;

/// Writes a memtable that has been switched out, unless that has been done or is being done.
///
/// # Errors
/// When the disk fails. The memtable stays where readers find it, and its part of the commit log
/// stays dirty.
pub(crate) fn write_memtable(
    shared: &Shared,
    table: &Arc<ColumnFamilyStore>,
    memtable: &Arc<Memtable>,
) -> Result<(), StorageError> {
    let _claim = memtable.claim();
    if !table.view().flushing.iter().any(|other| Arc::ptr_eq(other, memtable)) {
        return Ok(());
    }
    let flushed = if memtable.is_clean() {
        None
    } else {
        let written = write_sstable(shared, table, memtable);
        if written.is_err() {
            table.count(|counters| counters.failed_flushes_count += 1);
        }
        written?
    };
    let size_bytes = flushed.as_ref().map_or(0, |sstable| sstable.size_bytes());
    let out_of_order = table.change_view(|view| {
        let is_oldest = view
            .flushing
            .first()
            .is_some_and(|oldest| Arc::ptr_eq(oldest, memtable));
        view.replace_flushed(memtable, flushed);
        !is_oldest
    });
    table.count(|counters| {
        counters.flushes_count += 1;
        counters.flushed_bytes += size_bytes;
        counters.flushes_out_of_order_count += u64::from(out_of_order);
    });
    let upper_bound = memtable
        .upper_bound()
        .expect("a memtable that is written has been switched out");
    shared
        .commit_log
        .discard_completed_segments(table.metadata().id, memtable.lower_bound(), upper_bound)?;
    shared.signals.memory_was_freed();
    Ok(())
}

/// Writes the SSTable under a transaction: it is there as a whole or not at all.
fn write_sstable(
    shared: &Shared,
    table: &ColumnFamilyStore,
    memtable: &Memtable,
) -> Result<Option<Arc<SSTableReader>>, StorageError> {
    let metadata = table.metadata();
    let upper_bound = memtable
        .upper_bound()
        .expect("a memtable that is written has been switched out");
    let mut intervals = IntervalSet::empty();
    intervals.add(memtable.lower_bound(), upper_bound);
    let (stats, columns) = memtable.header();

    let mut transaction = LifecycleTransaction::begin(
        Arc::clone(&shared.disk),
        table.directory(),
        OperationType::Flush,
        shared.clock.now_us(),
    );
    let options = WriterOptions {
        generation: table.next_generation(),
        expected_keys_count: memtable.partitions_count() as u64,
        header: columns.header(&metadata, stats),
        intervals,
        host_id: shared.host_id,
        column_index_size_bytes: shared.config.column_index_size_bytes,
    };
    let mut writer = SSTableWriter::create(&shared.disk, &mut transaction, &metadata, options)?;
    memtable.try_for_each(|key, partition| writer.append(key, partition))?;
    let Some(written) = writer.finish()? else {
        transaction.abort()?;
        return Ok(None);
    };
    transaction.commit()?;
    let reader = SSTableReader::open(&shared.disk, &written, &metadata, shared.config.partitioner)?;
    Ok(Some(Arc::new(reader)))
}
