//! The write path of a node: commit log, then memtable.
//!
//! Source: Cassandra `db.Keyspace.applyInternal`, `db.CassandraKeyspaceWriteHandler`.

use super::{Layouts, Shared, StorageEngine, Tables};
use crate::column_family_store::ColumnFamilyStore;
use crate::commit_log::{CommitLogError, LoggedUpdate};
use crate::flush;
use crate::memtable::{Memtable, PackedUpdate};
use crate::mutation_check::{self, MutationError};
use crate::storage_error::StorageError;
use crate::sync::read;
use std::cell::RefCell;
use std::sync::atomic::Ordering;
use std::sync::{Arc, RwLockReadGuard, Weak};
use thymbra_format::mutation::MutationEncoder;
use thymbra_format::rows::EncodingStatsCollector;
use thymbra_types::{DecoratedKey, Mutation, Partition, TableId, Timestamp};

/// Buffers for mutations that are larger than this are not kept, bytes.
const KEPT_RECORD_BYTES: usize = 1 << 20;

thread_local! {
    static ENCODED: RefCell<EncodedMutation> = RefCell::default();
}

/// A mutation as the commit log has it; keeps its memory from write to write.
#[derive(Default)]
struct EncodedMutation {
    encoder: MutationEncoder,
    record: Vec<u8>,
}

impl EncodedMutation {
    /// Serializes a mutation, in place of the one before.
    fn encode(&mut self, mutation: &Mutation, layouts: &Layouts) -> Result<(), MutationError> {
        if self.record.capacity() > KEPT_RECORD_BYTES {
            self.record = Vec::new();
        }
        self.record.clear();
        Ok(self.encoder.encode(mutation, layouts, &mut self.record)?)
    }
}

/// A memtable that has been switched out and waits to be written.
///
/// Where it is dropped before that, the engine writes the memtable when it next looks for work.
#[derive(Debug)]
pub struct PendingFlush {
    shared: Weak<Shared>,
    table: Arc<ColumnFamilyStore>,
    memtable: Arc<Memtable>,
}

impl Drop for PendingFlush {
    /// Later flushes wait for the end of this one; nothing is done on the disk.
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade() {
            flush::abandon(&shared, &self.memtable);
        }
    }
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
        self.shared.make_room();
        Ok(())
    }

    /// Writes out all that a table has in memory.
    ///
    /// # Errors
    /// When the disk fails: the data stays in memory and in the commit log, and the next flush
    /// tries again.
    pub fn flush(&self, table: TableId) -> Result<(), StorageError> {
        let _work = self.shared.begin_work()?;
        let table = self.shared.table(table)?;
        self.shared.flush(&table)
    }

    /// Writes out all tables.
    ///
    /// # Errors
    /// As [`StorageEngine::flush`], of the first that fails; the others are written.
    pub fn flush_all(&self) -> Result<(), StorageError> {
        let _work = self.shared.begin_work()?;
        self.shared.flush_all()
    }

    /// Switches a table's memtable out, to be written by [`StorageEngine::finish_flush`].
    ///
    /// Flushes may be finished in any order, or never; readers see the memtable until then.
    ///
    /// # Errors
    /// When there is no such table.
    pub fn begin_flush(&self, table: TableId) -> Result<PendingFlush, StorageError> {
        let table = self.shared.table(table)?;
        let memtable = self.shared.switch_memtable(&table)?;
        Ok(PendingFlush {
            shared: Arc::downgrade(&self.shared),
            table,
            memtable,
        })
    }

    /// Writes a memtable out that has been switched; does nothing if that has been done.
    ///
    /// # Errors
    /// As [`StorageEngine::flush`].
    pub fn finish_flush(&self, pending: &PendingFlush) -> Result<(), StorageError> {
        let _work = self.shared.begin_work()?;
        flush::write_memtable(&self.shared, &pending.table, &pending.memtable)
    }

    /// Syncs the commit log: everything appended before is durable then.
    ///
    /// # Errors
    /// When the disk fails; the commit log takes nothing more then.
    pub fn sync(&self) -> Result<(), StorageError> {
        let _work = self.shared.begin_work()?;
        Ok(self.shared.commit_log.sync()?)
    }
}

impl Shared {
    /// Keeps the engine from being closed while a call works on files; calls never hold two of these.
    ///
    /// # Errors
    /// When the engine is closed.
    pub(crate) fn begin_work(&self) -> Result<RwLockReadGuard<'_, ()>, StorageError> {
        let work = read(&self.work);
        self.check_open()?;
        Ok(work)
    }

    pub(crate) fn check_open(&self) -> Result<(), StorageError> {
        if self.is_closed.load(Ordering::SeqCst) {
            return Err(StorageError::Closed);
        }
        Ok(())
    }

    pub(crate) fn table(&self, table: TableId) -> Result<Arc<ColumnFamilyStore>, StorageError> {
        self.check_open()?;
        let found = read(&self.tables).get(&table).cloned();
        let found = found.ok_or(StorageError::UnknownTable { table })?;
        found.check_running()?;
        Ok(found)
    }

    /// Whether there is such a table, whatever its state.
    pub(crate) fn is_known(&self, table: TableId) -> bool {
        read(&self.tables).contains_key(&table)
    }

    pub(crate) fn all_tables(&self) -> Vec<Arc<ColumnFamilyStore>> {
        read(&self.tables).values().cloned().collect()
    }

    fn apply(&self, mutation: Mutation) -> Result<(), StorageError> {
        // Check
        // In this order: whoever closes the engine waits for those who hold the tables.
        let tables = read(&self.tables);
        self.check_open()?;
        for table in mutation.updates.keys() {
            let Some(known) = tables.get(table) else {
                return Err(StorageError::UnknownTable { table: *table });
            };
            known.check_running()?;
            if known.keyspace() != &*mutation.keyspace {
                return Err(StorageError::OtherKeyspace {
                    table: *table,
                    keyspace: mutation.keyspace.clone(),
                });
            }
        }
        let durable = self.durable_writes(&mutation.keyspace)?;
        mutation_check::check(&mutation, self.config.partitioner)?;
        ENCODED.with_borrow_mut(|encoded| {
            let layouts = Arc::clone(&read(&self.layouts));
            encoded.encode(&mutation, &layouts)?;

            // Ask
            let order = read(&self.write_order);
            if durable {
                self.append(&mutation, &encoded.record)?;
            }
            let contents = encoded.encoder.contents().iter();
            for ((id, update), contents) in mutation.updates.into_iter().zip(contents) {
                let contents = encoded.record.get(contents.clone());
                let packed = layouts.get(&id).zip(contents);
                let packed = packed.map(|(layout, contents)| PackedUpdate { layout, contents });
                self.apply_update(&tables, id, mutation.key.clone(), update, packed);
            }
            drop(order);
            Ok(())
        })
    }

    /// Puts the update of one table into its memtable.
    fn apply_update(
        &self,
        tables: &Tables,
        id: TableId,
        key: DecoratedKey,
        update: Partition,
        packed: Option<PackedUpdate<'_>>,
    ) {
        if let Some(table) = tables.get(&id) {
            let added_bytes = table.apply(key, update, packed);
            self.memtable_bytes.fetch_add(added_bytes, Ordering::Relaxed);
        }
    }

    /// Whether the keyspace's writes go through the commit log.
    pub(crate) fn durable_writes(&self, keyspace: &str) -> Result<bool, StorageError> {
        let params = read(&self.keyspaces).get(keyspace).copied();
        params
            .map(|params| params.durable_writes)
            .ok_or_else(|| StorageError::UnknownKeyspace {
                keyspace: keyspace.into(),
            })
    }

    /// Appends a mutation to the commit log, and waits as the sync mode says.
    fn append(&self, mutation: &Mutation, record: &[u8]) -> Result<(), StorageError> {
        let updates = mutation.updates.iter().map(|(table, update)| LoggedUpdate {
            table: *table,
            least_timestamp: least_timestamp(update),
        });
        let position = self.commit_log.add(record, updates).map_err(of_append)?;
        Ok(self.commit_log.await_acknowledgement(position)?)
    }
}

/// Whose fault it is that the log does not take a record.
fn of_append(error: CommitLogError) -> StorageError {
    if let CommitLogError::MutationTooLarge {
        size_bytes,
        limit_bytes,
    } = error
    {
        let too_large = MutationError::TooLarge {
            size_bytes,
            limit_bytes,
        };
        return too_large.into();
    }
    error.into()
}

/// The smallest timestamp of anything in an update.
fn least_timestamp(update: &Partition) -> Timestamp {
    let mut stats = EncodingStatsCollector::new();
    stats.update_partition(update);
    stats.min_timestamp().unwrap_or(Timestamp(i64::MAX))
}
