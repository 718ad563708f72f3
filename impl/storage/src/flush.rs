//! Flush: a memtable becomes an SSTable, and its part of the commit log becomes superfluous.
//!
//! Chapter: `specs/07-memtable-and-flush.md`. Source: Cassandra `db.ColumnFamilyStore.Flush`,
//! `ColumnFamilyStore.PostFlush`.

use crate::column_family_store::ColumnFamilyStore;
use crate::engine::Shared;
use crate::lifecycle_transaction::LifecycleTransaction;
use crate::memtable::Memtable;
use crate::sstable::{SSTableReader, SSTableWriter, WriterOptions};
use crate::storage_error::StorageError;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use thymbra_durability::{FlushState, MemtableRules as _};
use thymbra_format::transaction_log::OperationType;
use thymbra_types::{IntervalSet, Reference};

/// Writes a memtable that has been switched out, unless that has been done.
///
/// # Errors
/// When the disk fails. The memtable stays where readers find it, and its part of the commit log
/// stays dirty.
pub(crate) fn write_memtable(
    shared: &Shared,
    table: &ColumnFamilyStore,
    memtable: &Arc<Memtable>,
) -> Result<(), StorageError> {
    let mut claim = memtable.claim();
    table.check_running()?;
    let is_waiting = |other: &Arc<Memtable>| Arc::ptr_eq(other, memtable);
    if !table.view().flushing.iter().any(is_waiting) {
        return Ok(());
    }
    // A flush that failed has ended; this is another one then.
    let flush = claim
        .take()
        .unwrap_or_else(|| shared.flushes.begin(table.id(), memtable.bounds()));
    let written = if memtable.is_clean() {
        Ok(None)
    } else {
        write_sstable(shared, table, memtable)
    };
    //= WP-MF-04
    let (state, outcome) = match written {
        Ok(flushed) => {
            replace_memtable(shared, table, memtable, flushed);
            (FlushState::Written, Ok(()))
        }
        Err(error) => {
            table.count(|counters| counters.failed_flushes_count += 1);
            (FlushState::Failed, Err(error))
        }
    };
    for clean in shared.flushes.end(flush, state) {
        shared
            .commit_log
            .discard_completed_segments(clean.table, clean.lower, clean.upper)?;
    }
    outcome
}

/// Puts the SSTable where the memtable was, for readers to find.
fn replace_memtable(
    shared: &Shared,
    table: &ColumnFamilyStore,
    memtable: &Arc<Memtable>,
    flushed: Option<Arc<SSTableReader>>,
) {
    let flushed_bytes = flushed.as_ref().map_or(0, |sstable| sstable.size_bytes());
    let out_of_order = table.change_view(|view| {
        let oldest = view.flushing.first();
        let is_oldest = oldest.is_some_and(|oldest| Arc::ptr_eq(oldest, memtable));
        view.replace_flushed(memtable, flushed);
        !is_oldest
    });
    table.count(|counters| {
        counters.writes_count += memtable.operations_count();
        counters.flushes_count += 1;
        counters.flushed_bytes += flushed_bytes;
        counters.flushes_out_of_order_count += u64::from(out_of_order);
    });
    shared
        .memtable_bytes
        .fetch_sub(memtable.size_bytes(), Ordering::Relaxed);
    shared.signals.notify();
}

/// Writes the SSTable under a transaction: it is there as a whole or not at all.
//= WP-MF-02
fn write_sstable(
    shared: &Shared,
    table: &ColumnFamilyStore,
    memtable: &Memtable,
) -> Result<Option<Arc<SSTableReader>>, StorageError> {
    let schema = table.schema();
    let mut intervals = IntervalSet::empty();
    if let Some((first, last)) = Reference.flushed_interval(memtable.bounds()) {
        intervals.add(first, last);
    }
    let (stats, columns) = memtable.header();
    let generation = table.next_generation();
    let mut transaction = LifecycleTransaction::begin(
        &shared.disk,
        table.directory(),
        OperationType::Flush,
        shared.clock.now_us() + generation,
    );
    let options = WriterOptions {
        generation,
        expected_keys_count: memtable.partitions_count() as u64,
        header: schema.header_of(&columns, stats),
        intervals,
        host_id: shared.host_id,
        partitioner: shared.config.partitioner,
        column_index_size_bytes: shared.config.column_index_size_bytes,
    };
    let mut writer = SSTableWriter::create(&shared.disk, &mut transaction, &schema.metadata, options)?;
    memtable.try_for_each(|key, partition| writer.append(key, partition))?;
    let written = writer.finish()?;
    table.commit(&mut transaction)?;
    transaction.remove_obsolete();
    Ok(written.map(Arc::new))
}
