//! Keyspaces and tables: made, changed, emptied, dropped.
//!
//! One change at a time; the node's own facts change first, durably, and writes go on meanwhile. Source: Cassandra `schema.SchemaManager`,
//! `db.ColumnFamilyStore.truncateBlocking`.

use super::recovery::{open_sstables, table_of};
use super::{Shared, StorageEngine, dropped_tables};
use crate::column_family_store::ColumnFamilyStore;
use crate::lifecycle_transaction::LifecycleTransaction;
use crate::storage_error::StorageError;
use crate::sync::{lock, read, write};
use crate::system_keyspace::KeyspaceParams;
use crate::table_schema::TableSchema;
use std::collections::BTreeSet;
use std::sync::Arc;
use thymbra_durability::{FlushRules as _, FlushState};
use thymbra_format::schema::{SchemaError, TableMetadata, validate_keyspace_name};
use thymbra_format::transaction_log::OperationType;
use thymbra_types::{Reference, TableId};

impl StorageEngine {
    /// Makes a keyspace. Without `durable_writes` its writes leave out the commit log, and a crash
    /// takes what was not flushed.
    ///
    /// # Errors
    /// When no keyspace can have that name, there is one of it, or the disk fails.
    pub fn create_keyspace(&self, name: &str, durable_writes: bool) -> Result<(), StorageError> {
        let shared = &self.shared;
        let _work = shared.begin_work()?;
        let _turn = lock(&shared.schema_turn);
        validate_keyspace_name(name)?;
        if read(&shared.keyspaces).contains_key(name) {
            return Err(StorageError::Exists {
                what: "keyspace",
                name: name.into(),
            });
        }
        let params = KeyspaceParams { durable_writes };
        lock(&shared.system).put_keyspace(&*shared.disk, name, params)?;
        write(&shared.keyspaces).insert(name.to_owned(), params);
        Ok(())
    }

    /// Makes a table in a keyspace that exists.
    ///
    /// SSTables that lie in its directory already are its data: whoever put them there has restored
    /// them.
    ///
    /// # Errors
    /// When the definition cannot be served, the keyspace is unknown, a table has that name or id, the
    /// disk fails, or a file in the directory is corrupt.
    pub fn create_table(&self, metadata: TableMetadata) -> Result<(), StorageError> {
        let shared = &self.shared;
        let _work = shared.begin_work()?;
        let dropped = lock(&shared.schema_turn);
        check_definition(&metadata)?;
        shared.durable_writes(metadata.keyspace())?;
        let is_taken = |other: &Arc<ColumnFamilyStore>| {
            let other = other.metadata();
            let is_named_alike = (other.keyspace(), other.name()) == (metadata.keyspace(), metadata.name());
            other.id() == metadata.id() || is_named_alike
        };
        if read(&shared.tables).values().any(is_taken) {
            return Err(StorageError::Exists {
                what: "table",
                name: metadata.name().into(),
            });
        }
        // What is left of a table of this id that was dropped must not return.
        dropped_tables::remove_rest(shared, &metadata)?;
        if dropped.contains(&metadata.id()) {
            let position = shared.commit_log.current_position();
            let now_ms = shared.clock.now_ms();
            lock(&shared.system).put_made_again(&*shared.disk, metadata.id(), position, now_ms)?;
        }
        let files = open_sstables(&shared.disk, &shared.config, &shared.chunk_cache, &metadata)?;
        lock(&shared.system).put_table(&*shared.disk, &metadata)?;
        let lower_bound = shared.commit_log.current_position();
        let now_ms = shared.clock.monotonic_ms();
        let table = table_of(&shared.config, metadata, files, lower_bound, now_ms);
        shared.publish(|tables| {
            tables.insert(table.id(), Arc::new(table));
        });
        Ok(())
    }

    /// Replaces a table's definition: columns added, columns dropped, parameters changed.
    ///
    /// What was written to a dropped column before it was dropped is not seen any more, even if a
    /// column of that name is added again.
    ///
    /// # Errors
    /// When there is no such table, its name or its primary key would change, the definition cannot be
    /// served, what was written could not be read any more ([`TableMetadata::validate_compatibility`]),
    /// or the disk fails.
    pub fn alter_table(&self, metadata: TableMetadata) -> Result<(), StorageError> {
        let shared = &self.shared;
        let _work = shared.begin_work()?;
        let _turn = lock(&shared.schema_turn);
        let table = shared.table(metadata.id())?;
        let before = table.metadata();
        let stays = (before.keyspace(), before.name()) == (metadata.keyspace(), metadata.name())
            && before.partition_key() == metadata.partition_key()
            && before.clustering() == metadata.clustering();
        if !stays {
            return Err(StorageError::KeyChanged { table: metadata.id() });
        }
        check_definition(&metadata)?;
        metadata.validate_compatibility(&before)?;
        lock(&shared.system).put_table(&*shared.disk, &metadata)?;
        shared.publish(|_| table.set_schema(TableSchema::new(metadata)));
        Ok(())
    }

    /// Removes a table with all its data; directories in its directory, such as snapshots, stay.
    ///
    /// A compaction of the table ends early, the table takes no calls from then on, and writes to others go on. All others are
    /// flushed: a mutation in the commit log that has a part for a table that is gone is passed over
    /// as a whole when it is replayed.
    ///
    /// # Errors
    /// When there is no such table, or a flush fails, with nothing changed. When the disk fails
    /// later: the table takes no calls then, whether it is gone is known when the node is opened
    /// again, and this may be called again before.
    pub fn drop_table(&self, table: TableId) -> Result<(), StorageError> {
        let shared = &self.shared;
        let _work = shared.begin_work()?;
        let find = || {
            let found = read(&shared.tables).get(&table).cloned();
            found.ok_or(StorageError::UnknownTable { table })
        };
        let dropped = find()?;
        // Before the turn: others change the schema while a compaction ends.
        let _stopped = dropped.stop_compactions(&shared.signals);
        let mut gone = lock(&shared.schema_turn);
        // Another may have dropped it meanwhile, and made one of its id.
        if !Arc::ptr_eq(&dropped, &find()?) {
            return Err(StorageError::UnknownTable { table });
        }
        // Even if this fails: it may have happened.
        gone.insert(table);
        dropped_tables::drop_table(shared, &dropped)
    }

    /// Removes all data of a table that was written before; all of it or, if that fails, nothing. A compaction
    /// of the table ends early.
    ///
    /// # Errors
    /// When there is no such table, or its memtables cannot be flushed, or the disk fails.
    //= WP-MF-05
    pub fn truncate(&self, table: TableId) -> Result<(), StorageError> {
        let shared = &self.shared;
        let _work = shared.begin_work()?;
        let table = shared.table(table)?;
        let _stopped = table.stop_compactions(&shared.signals);
        table.check_running()?;

        // Everything goes into SSTables, so that one transaction removes it as a whole.
        let view = loop {
            let flushed = shared.flush(&table);
            let state = match &flushed {
                Ok(()) => FlushState::Written,
                Err(_) => FlushState::Failed,
            };
            if !Reference.may_proceed(&[state]) {
                return flushed;
            }
            let view = table.view();
            // Another flush may have begun meanwhile.
            if view.flushing.is_empty() {
                break view;
            }
        };
        // Before any SSTable goes: the intervals that keep their records from replay go with them.
        let truncated_at = view.current.bounds().lower;
        lock(&shared.system).put_truncation(
            &*shared.disk,
            table.id(),
            truncated_at,
            shared.clock.now_ms(),
        )?;
        if view.sstables.is_empty() {
            return Ok(());
        }
        let mut transaction = LifecycleTransaction::begin(
            &shared.disk,
            table.directory(),
            OperationType::Truncate,
            shared.clock.now_us() + table.next_generation(),
        );
        let mut removed = BTreeSet::new();
        for sstable in &view.sstables {
            transaction.obsolete(sstable);
            removed.insert(sstable.generation());
        }
        table.commit(&mut transaction)?;
        table.change_view(|view| view.replace_compacted(&removed, Vec::new()));
        transaction.remove_obsolete();
        Ok(())
    }

    /// The definition of a table.
    ///
    /// # Errors
    /// When there is no such table.
    pub fn table(&self, table: TableId) -> Result<Arc<TableMetadata>, StorageError> {
        self.shared.table(table).map(|table| table.metadata())
    }

    /// The definition of a table by its name; `None` if there is none.
    #[must_use]
    pub fn table_named(&self, keyspace: &str, name: &str) -> Option<Arc<TableMetadata>> {
        let tables = read(&self.shared.tables);
        let mut definitions = tables.values().map(|table| table.metadata());
        definitions.find(|table| (table.keyspace(), table.name()) == (keyspace, name))
    }
}

/// Refuses what the schema file does not give back, what no file can be written with, and counters, which would be
/// merged as if they were values.
//= WP-MF-09
fn check_definition(metadata: &TableMetadata) -> Result<(), SchemaError> {
    metadata.validate()?;
    let mut columns = metadata.static_columns().iter().chain(metadata.regular_columns());
    let counter = columns.find(|column| column.column_type.is_counter());
    counter.map_or(Ok(()), |column| {
        Err(SchemaError::CounterNotServed {
            table: metadata.name().into(),
            column: column.name.clone(),
        })
    })
}

impl Shared {
    /// Changes tables or their definitions between two writes, and tells serialization of it.
    pub(super) fn publish(&self, change: impl FnOnce(&mut super::Tables)) {
        let mut tables = write(&self.tables);
        change(&mut tables);
        let layouts = tables
            .iter()
            .map(|(id, table)| (*id, Arc::clone(&table.schema().layout)));
        *write(&self.layouts) = Arc::new(layouts.collect());
    }
}
