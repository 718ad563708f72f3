//! The write path of a node: commit log, then memtable; and what makes a memtable go.
//!
//! Source: Cassandra `db.Keyspace.applyInternal`, `db.CassandraKeyspaceWriteHandler`.

use super::{Shared, StorageEngine};
use crate::column_family_store::ColumnFamilyStore;
use crate::flush;
use crate::memtable::Memtable;
use crate::storage_error::StorageError;
use std::cell::RefCell;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use thymbra_types::{CommitLogPosition, Mutation, TableId};

thread_local! {
    /// Serialized mutations; the buffer is kept from write to write.
    static SERIALIZED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A memtable that has been switched out and waits to be written.
#[derive(Debug)]
pub struct PendingFlush {
    pub(crate) table: Arc<ColumnFamilyStore>,
    pub(crate) memtable: Arc<Memtable>,
}

impl StorageEngine {
    /// Writes a mutation; when this returns, its acknowledgement may leave the node.
    ///
    /// In batch and group mode the mutation has been synced by then, in periodic mode it will be
    /// within the sync period.
    ///
    /// # Errors
    /// When the mutation does not fit the schema or is too large, with nothing written; or when
    /// the commit log fails, with the mutation perhaps in it.
    //= WP-RW-01
    pub fn apply(&self, mutation: Mutation) -> Result<(), StorageError> {
        self.shared.apply(mutation)?;
        self.shared.flush_if_full()
    }

    /// Writes out all that a table has in memory.
    ///
    /// # Errors
    /// When the disk fails: the data stays in memory and in the commit log, and the next flush
    /// tries again.
    pub fn flush(&self, table: TableId) -> Result<(), StorageError> {
        let table = self.shared.table(table)?;
        self.shared.flush(&table)
    }

    /// Writes out all tables.
    ///
    /// # Errors
    /// As [`StorageEngine::flush`]; the tables after the first that fails are not written.
    pub fn flush_all(&self) -> Result<(), StorageError> {
        for table in self.shared.all_tables() {
            self.shared.flush(&table)?;
        }
        Ok(())
    }

    /// Switches a table's memtable out, to be written by [`StorageEngine::finish_flush`].
    ///
    /// Flushes may be finished in any order, or never; readers see the memtable until then.
    ///
    /// # Errors
    /// When there is no such table.
    pub fn begin_flush(&self, table: TableId) -> Result<PendingFlush, StorageError> {
        let table = self.shared.table(table)?;
        let memtable = self.shared.switch_memtable(&table);
        Ok(PendingFlush { table, memtable })
    }

    /// Writes a memtable out that has been switched.
    ///
    /// # Errors
    /// As [`StorageEngine::flush`].
    pub fn finish_flush(&self, pending: &PendingFlush) -> Result<(), StorageError> {
        flush::write_memtable(&self.shared, &pending.table, &pending.memtable)
    }

    /// Syncs the commit log: everything appended before is durable then.
    ///
    /// # Errors
    /// When the disk fails; the commit log takes nothing more then.
    pub fn sync(&self) -> Result<(), StorageError> {
        Ok(self.shared.commit_log.sync()?)
    }
}

impl Shared {
    pub(crate) fn check_open(&self) -> Result<(), StorageError> {
        if self.is_closed.load(Ordering::SeqCst) {
            return Err(StorageError::Closed);
        }
        Ok(())
    }

    pub(crate) fn table(&self, table: TableId) -> Result<Arc<ColumnFamilyStore>, StorageError> {
        self.check_open()?;
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        tables
            .get(&table)
            .cloned()
            .ok_or(StorageError::UnknownTable { table })
    }

    pub(crate) fn all_tables(&self) -> Vec<Arc<ColumnFamilyStore>> {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        tables.values().cloned().collect()
    }

    fn apply(&self, mutation: Mutation) -> Result<(), StorageError> {
        // Check
        self.check_open()?;
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        for table in mutation.updates.keys() {
            if !tables.contains_key(table) {
                return Err(StorageError::UnknownTable { table: *table });
            }
        }
        let durable = self.has_durable_writes(&mutation.keyspace)?;

        // Ask
        let order = self.write_order.read().unwrap_or_else(PoisonError::into_inner);
        if durable {
            self.append(&mutation)?;
        }
        for (table, update) in mutation.updates {
            if let Some(table) = tables.get(&table) {
                table.apply(mutation.key.clone(), update);
            }
        }
        drop(order);
        Ok(())
    }

    /// Whether the keyspace's writes go through the commit log.
    fn has_durable_writes(&self, keyspace: &str) -> Result<bool, StorageError> {
        let keyspaces = self.keyspaces.read().unwrap_or_else(PoisonError::into_inner);
        keyspaces
            .get(keyspace)
            .map(|params| params.durable_writes)
            .ok_or_else(|| StorageError::UnknownKeyspace {
                keyspace: keyspace.into(),
            })
    }

    /// Appends a mutation to the commit log, and waits as the sync mode says.
    fn append(&self, mutation: &Mutation) -> Result<(), StorageError> {
        SERIALIZED.with_borrow_mut(|serialized| {
            serialized.clear();
            mutation::write(mutation, self, serialized)?;
            let position = self.commit_log.add(serialized, mutation.updates.keys().copied())?;
            self.commit_log.await_acknowledgement(position)?;
            Ok(())
        })
    }

    /// Makes an empty memtable the one that takes updates.
    ///
    /// The write order is the barrier: every update that was appended before is in the memtable
    /// that is switched out, and every later one will be in the new one, so the position in
    /// between is a bound of both.
    //= WP-MF-02
    pub(crate) fn switch_memtable(&self, table: &ColumnFamilyStore) -> Arc<Memtable> {
        let barrier = self.write_order.write().unwrap_or_else(PoisonError::into_inner);
        let bound = self.commit_log.current_position();
        let switched = table.change_view(|view| {
            view.switch_memtable(Memtable::new(bound, self.clock.monotonic_ms()));
            view.flushing.last().cloned()
        });
        drop(barrier);
        let switched = switched.expect("the memtable has just been switched out");
        switched.close(bound);
        switched
    }

    /// Switches a table's memtable, and writes out it and those that an earlier flush left.
    pub(crate) fn flush(&self, table: &Arc<ColumnFamilyStore>) -> Result<(), StorageError> {
        self.check_open()?;
        self.switch_memtable(table);
        let waiting = table.view().flushing.clone();
        for memtable in waiting {
            flush::write_memtable(self, table, &memtable)?;
        }
        Ok(())
    }

    /// Bytes of all memtables.
    pub(crate) fn memtable_bytes(&self) -> u64 {
        self.memtables(|memtable| memtable.size_bytes())
    }

    fn memtables(&self, of: impl Fn(&Memtable) -> u64) -> u64 {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        let views = tables.values().map(|table| table.view());
        views
            .map(|view| view.memtables().map(|memtable| of(memtable)).sum::<u64>())
            .sum()
    }
}
