//! Which memtables are written out, and when.
//!
//! A memtable goes when memory is short, when the commit log needs its segments back, when its time
//! is over, when somebody asks; and again when writing it has failed. Chapter:
//! `specs/07-memtable-and-flush.md`. Source: Cassandra `utils.memory.MemtableCleanerThread`,
//! `db.ColumnFamilyStore.switchMemtable`, `ColumnFamilyStore.forceFlush`.

use super::{Shared, dropped_tables};
use crate::column_family_store::ColumnFamilyStore;
use crate::config::Background;
use crate::flush;
use crate::memtable::Memtable;
use crate::storage_error::{StorageError, first_error};
use crate::sync::{lock, write};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use thymbra_durability::{MemtableBounds, MemtableRules as _};
use thymbra_types::{CommitLogPosition, Reference};

/// Longest pause between tries of a flush that fails: so long writers may wait for memory that a disk would give
/// which works again.
const LONGEST_PAUSE_MS: u64 = 10_000;
/// From this size on, memtables are freed by a thread of their own, bytes.
const LARGE_BYTES: u64 = 1 << 20;

/// A memtable to be written out, and its table.
type Due = (Arc<ColumnFamilyStore>, Arc<Memtable>);

impl Shared {
    /// Makes an empty memtable the one that takes updates.
    ///
    /// The write order is the barrier: every update that was appended before is in the memtable
    /// that is switched out, and every later one will be in the new one, so the position in
    /// between is a bound of both.
    ///
    /// # Errors
    /// When the table is stopped or being dropped: its flushes would never end.
    //= WP-MF-01
    pub(crate) fn switch_memtable(&self, table: &ColumnFamilyStore) -> Result<Arc<Memtable>, StorageError> {
        let barrier = write(&self.write_order);
        table.check_running()?;
        let position = self.commit_log.current_position();
        let upper = Reference.upper_bound(position, position);
        let layout = Arc::clone(&table.schema().layout);
        let next = Memtable::new(layout, upper, self.clock.monotonic_ms());
        let switched = table.change_view(|view| view.switch_memtable(next));
        let bounds = MemtableBounds {
            lower: switched.lower_bound(),
            upper,
        };
        switched.close(upper, self.flushes.begin(table.id(), bounds));
        self.reclaiming_bytes
            .fetch_add(switched.size_bytes(), Ordering::Relaxed);
        drop(barrier);
        Ok(switched)
    }

    /// Switches a table's memtable, and writes out it and those that earlier flushes left; gives the
    /// first error.
    pub(crate) fn flush(&self, table: &ColumnFamilyStore) -> Result<(), StorageError> {
        self.switch_memtable(table)?;
        let waiting = table.view().flushing.clone();
        let written = waiting
            .iter()
            .map(|memtable| flush::write_memtable(self, table, memtable));
        let written = first_error(written);
        self.reclaim(waiting);
        written
    }

    /// Lets go of memtables that were written, which takes a while for each key: nobody has to wait for that, except for
    /// those of the time before.
    fn reclaim(&self, memtables: Vec<Arc<Memtable>>) {
        let size_bytes: u64 = memtables.iter().map(|memtable| memtable.size_bytes()).sum();
        if self.config.background == Background::Threads && size_bytes >= LARGE_BYTES {
            let mut reclaimer = lock(&self.memtable_reclaimer);
            if let Some(before) = reclaimer.take() {
                // One that panicked frees no more.
                let _: thread::Result<()> = before.join();
            }
            let thread = thread::Builder::new().name("MemtableReclaimMemory".into());
            // Where there can be no thread, they are freed here.
            *reclaimer = thread.spawn(move || drop(memtables)).ok();
        }
    }

    /// Flushes all tables; gives the first error.
    pub(crate) fn flush_all(&self) -> Result<(), StorageError> {
        let tables = self.all_tables().into_iter();
        let tables = tables.filter(|table| !table.is_dropping());
        first_error(tables.map(|table| match self.flush(&table) {
            // It was dropped meanwhile.
            Err(StorageError::UnknownTable { .. }) => Ok(()),
            flushed => flushed,
        }))
    }

    /// Wakes the flushers when memtables are large, and waits while they are too large.
    pub(crate) fn make_room(&self) {
        if self.memtable_bytes.load(Ordering::Relaxed) < self.config.memtable_cleanup_bytes() {
            return;
        }
        if self.is_memory_short() {
            self.signals.notify();
        }
        if self.config.background == Background::Manual {
            return;
        }
        while self.memtable_bytes.load(Ordering::Relaxed) >= self.config.memtable_space_bytes()
            && !self.is_closed.load(Ordering::SeqCst)
        {
            self.signals.wait_a_while();
        }
    }

    /// Whether another memtable must go, beside those that are being written.
    ///
    /// Cassandra: `MemtablePool.SubPool.needsCleaning`.
    pub(super) fn is_memory_short(&self) -> bool {
        let reclaiming = self.reclaiming_bytes.load(Ordering::Relaxed);
        let used = self.memtable_bytes.load(Ordering::Relaxed);
        used.saturating_sub(reclaiming) >= self.config.memtable_cleanup_bytes()
    }

    /// Writes out what should be; whether there was anything. What fails keeps nothing else from
    /// being written.
    ///
    /// # Errors
    /// The first that occurs.
    ///
    /// # Panics
    /// When writing a memtable does, after the others have been written.
    pub(super) fn flush_what_is_due(&self) -> Result<bool, StorageError> {
        let (due, given_up) = {
            // Two that look at the same moment would choose the same table.
            let _turn = lock(&self.flush_turn);
            self.due_flushes()
        };
        let mut failed = BTreeSet::new();
        let mut panicked = None;
        let written = due.iter().map(|(table, memtable)| {
            let write = || flush::write_memtable(self, table, memtable);
            match catch_unwind(AssertUnwindSafe(write)) {
                // Nothing of it is needed any more.
                Ok(Err(StorageError::UnknownTable { .. }) | Ok(())) => Ok(()),
                Ok(Err(error)) => {
                    failed.insert(table.id());
                    Err(error)
                }
                // Nobody else knows of the memtables that are still to be written.
                Err(panic) => {
                    failed.insert(table.id());
                    panicked = Some(panic);
                    Ok(())
                }
            }
        });
        let written = first_error(written.chain([given_up]));
        let now_ms = self.clock.monotonic_ms();
        for table in self.all_tables() {
            if failed.contains(&table.id()) {
                table.flush_retry().failed(now_ms, LONGEST_PAUSE_MS);
            }
        }
        if let Some(panic) = panicked {
            resume_unwind(panic);
        }
        written?;
        let is_any_due = !due.is_empty();
        self.reclaim(due.into_iter().map(|(_, memtable)| memtable).collect());
        Ok(is_any_due)
    }

    /// Whether a table is left alone for now, because a flush of it has failed.
    fn pauses(table: &ColumnFamilyStore, now_ms: u64) -> bool {
        let view = table.view();
        let mut retry = table.flush_retry();
        if view.flushing.is_empty() {
            retry.succeeded();
        }
        !retry.is_due(now_ms) && view.flushing.iter().any(|memtable| memtable.has_failed())
    }

    //= WP-MF-03
    /// What is to be written: memtables whose flush has failed; and, switched out, the largest memtable
    /// if memory is short, those that the commit log wants to be rid of if its space is, and those
    /// whose flush period is over. Nothing of a table that pauses after a failure.
    fn due_flushes(&self) -> (Vec<Due>, Result<(), StorageError>) {
        let (tables, stopped): (Vec<_>, Vec<_>) = self
            .all_tables()
            .into_iter()
            .partition(|table| table.check_running().is_ok());
        for table in stopped.iter().filter(|table| table.is_stopped()) {
            dropped_tables::forget_memory(self, table);
        }
        let given_up = stopped.iter().map(|table| flush::give_up_stopped(self, table));
        let mut outcome = first_error(given_up.chain([flush::post_flush(self)]));
        let now_ms = self.clock.monotonic_ms();
        let tables: Vec<_> = tables
            .into_iter()
            .filter(|table| !Self::pauses(table, now_ms))
            .collect();
        let mut due = Vec::new();
        for table in &tables {
            let failed = table.view().flushing.clone().into_iter();
            let failed = failed.filter(|memtable| memtable.has_failed());
            due.extend(failed.map(|memtable| (Arc::clone(table), memtable)));
        }
        let mut switch = |table: &Arc<ColumnFamilyStore>| {
            // A table that has been stopped or dropped meanwhile has nothing to be written.
            if let Ok(memtable) = self.switch_memtable(table) {
                due.push((Arc::clone(table), memtable));
            }
        };
        if self.is_memory_short() {
            let largest = tables
                .iter()
                .max_by_key(|table| table.view().current.size_bytes());
            largest
                .filter(|table| !table.view().current.is_clean())
                .into_iter()
                .for_each(&mut switch);
        }
        let in_the_way = self.commit_log.tables_to_flush();
        for table in &tables {
            let current = Arc::clone(&table.view().current);
            let age_ms = now_ms.saturating_sub(current.created_ms());
            let period_ms = u64::from(table.metadata().params().memtable_flush_period_ms);
            let is_over = period_ms > 0 && age_ms >= period_ms;
            let is_in_the_way = in_the_way.get(&table.id()).is_some_and(|segment_id| {
                let end = CommitLogPosition {
                    segment_id: *segment_id,
                    position: u32::MAX,
                };
                Reference.may_contain_before(current.lower_bound(), end)
            });
            if !current.is_clean() && (is_over || is_in_the_way) {
                switch(table);
            }
        }
        let is_known = |id| self.is_known(id);
        for id in in_the_way.into_keys().filter(|id| !is_known(*id)) {
            let forgotten = self.commit_log.forget_table(id).map_err(StorageError::from);
            outcome = outcome.and(forgotten);
        }
        (due, outcome)
    }
}
