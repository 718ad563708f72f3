//! Flush: a memtable becomes an SSTable, and its part of the commit log becomes superfluous.
//!
//! Chapter: `specs/07-memtable-and-flush.md`. Source: Cassandra `db.ColumnFamilyStore.Flush`,
//! `ColumnFamilyStore.PostFlush`.

use crate::column_family_store::ColumnFamilyStore;
use crate::engine::Shared;
use crate::flush_register::CleanInterval;
use crate::lifecycle_transaction::LifecycleTransaction;
use crate::memtable::{Flushed, Memtable};
use crate::sstable::{SSTableReader, SSTableWriter, WriterOptions};
use crate::storage_error::{StorageError, first_error};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use thymbra_durability::{FlushState, MemtableRules as _};
use thymbra_format::transaction_log::OperationType;
use thymbra_types::{IntervalSet, Reference};

/// Writes a memtable that has been switched out, unless that has been done.
///
/// # Errors
/// When the disk fails. The memtable stays where readers find it, and its part of the commit log
/// stays dirty. Where it succeeds, when a segment of the commit log cannot be removed.
pub(crate) fn write_memtable(
    shared: &Shared,
    table: &ColumnFamilyStore,
    memtable: &Arc<Memtable>,
) -> Result<(), StorageError> {
    let mut claim = memtable.claim();
    if let Err(error) = table.check_running() {
        let ended = claim
            .take()
            .map(|flush| shared.flushes.end(flush, FlushState::Failed));
        let ended = discard(shared, ended.unwrap_or_default());
        return first_error([Err(error), ended, give_up_stopped(shared, table)]);
    }
    let is_waiting = |other: &Arc<Memtable>| Arc::ptr_eq(other, memtable);
    if !table.view().flushing.iter().any(is_waiting) {
        return Ok(());
    }
    // A flush that failed has ended; this is another one then.
    let flush = claim
        .take()
        .unwrap_or_else(|| shared.flushes.begin(table.id(), memtable.bounds()));
    let write = || match memtable.is_clean() {
        true => Ok(None),
        false => write_sstable(shared, table, memtable),
    };
    // Later flushes wait for the end of this one, however it comes.
    let written = catch_unwind(AssertUnwindSafe(write)).unwrap_or_else(|panic| {
        shared.flushes.fail(flush);
        resume_unwind(panic)
    });
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
    let discarded = discard(shared, shared.flushes.end(flush, state));
    // The commit may have failed, and other flushes of the table may wait.
    first_error([outcome, discarded, give_up_stopped(shared, table)])
}

/// Ends the flush of a memtable that was never written, badly: whoever looks for work next tries it
/// again, and draws the consequences of those that waited for it.
pub(crate) fn abandon(shared: &Shared, memtable: &Memtable) {
    if let Some(flush) = memtable.claim().take() {
        shared.flushes.fail(flush);
        shared.signals.notify();
    }
}

/// Draws the consequences of flushes that have ended.
///
/// # Errors
/// When a segment of the commit log cannot be removed.
pub(crate) fn post_flush(shared: &Shared) -> Result<(), StorageError> {
    discard(shared, shared.flushes.ended())
}

/// The same as [`give_up`] for a table that is stopped; nothing for another.
///
/// # Errors
/// As [`post_flush`].
pub(crate) fn give_up_stopped(shared: &Shared, table: &ColumnFamilyStore) -> Result<(), StorageError> {
    if table.is_stopped() {
        return give_up(shared, table);
    }
    Ok(())
}

/// Ends all flushes of a table that will never be written again, badly, so that others do not wait
/// for them.
///
/// # Errors
/// As [`post_flush`].
pub(crate) fn give_up(shared: &Shared, table: &ColumnFamilyStore) -> Result<(), StorageError> {
    discard(shared, shared.flushes.end_all(table.id()))
}

/// Tells the commit log what it may forget; all of it, whatever fails.
fn discard(shared: &Shared, clean: Vec<CleanInterval>) -> Result<(), StorageError> {
    let log = &shared.commit_log;
    first_error(clean.into_iter().map(|clean| {
        let discarded = log.discard_completed_segments(clean.table, clean.lower, clean.upper);
        discarded.map_err(StorageError::from)
    }))
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
    release_memory(shared, memtable);
    shared.signals.notify();
}

/// Takes the memory of a memtable that has been switched out for free, unless that has been done: its
/// table may have been stopped while it was being written.
pub(crate) fn release_memory(shared: &Shared, memtable: &Memtable) {
    if memtable.release() {
        let size_bytes = memtable.size_bytes();
        shared.memtable_bytes.fetch_sub(size_bytes, Ordering::Relaxed);
        shared.reclaiming_bytes.fetch_sub(size_bytes, Ordering::Relaxed);
    }
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
    let bounds = [Some(memtable.bounds()), memtable.replayed_bounds()];
    for (first, last) in bounds
        .into_iter()
        .flatten()
        .filter_map(|bounds| Reference.flushed_interval(bounds))
    {
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
        chunk_cache: Arc::clone(&shared.chunk_cache),
        trickle_fsync_interval_bytes: shared.config.trickle_fsync_interval(),
        // Nothing else is done on the disk meanwhile.
        may_use_thread: true,
    };
    let mut writer = SSTableWriter::create(&shared.disk, &mut transaction, &schema.metadata, options)?;
    memtable.try_for_each(|key, flushed| match flushed {
        Flushed::SingleRow(row) => writer.append_single_row(key, row),
        Flushed::Partition(partition) => writer.append(key, partition),
    })?;
    let written = writer.finish()?;
    table.commit(&mut transaction)?;
    transaction.remove_obsolete();
    Ok(written.map(Arc::new))
}
