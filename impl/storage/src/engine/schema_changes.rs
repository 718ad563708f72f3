//! Keyspaces and tables: made, changed, emptied, dropped.
//!
//! The node's own facts change first, durably; what a crash leaves of a dropped table is removed
//! when the node opens again. Source: Cassandra `schema.SchemaManager`,
//! `db.ColumnFamilyStore.truncateBlocking`.

use super::StorageEngine;
use super::recovery::open_table;
use crate::flush;
use crate::lifecycle_transaction::{LifecycleTransaction, OperationType};
use crate::storage_error::StorageError;
use crate::system_keyspace::KeyspaceParams;
use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use thymbra_durability::{FlushRules as _, FlushState};
use thymbra_format::schema::TableMetadata;
use thymbra_types::{Reference, TableId};

impl StorageEngine {
    /// Makes a keyspace. Without `durable_writes` its writes leave out the commit log, and a crash
    /// takes what was not flushed.
    ///
    /// # Errors
    /// When there is one of that name, or the disk fails.
    pub fn create_keyspace(&self, name: &str, durable_writes: bool) -> Result<(), StorageError> {
        let shared = &self.shared;
        shared.check_open()?;
        let mut keyspaces = shared.keyspaces.write().unwrap_or_else(PoisonError::into_inner);
        if keyspaces.contains_key(name) {
            return Err(StorageError::Exists {
                what: "keyspace",
                name: name.into(),
            });
        }
        let params = KeyspaceParams { durable_writes };
        let mut system = shared.system.lock().unwrap_or_else(PoisonError::into_inner);
        system.put_keyspace(&*shared.disk, name, params)?;
        keyspaces.insert(name.into(), params);
        Ok(())
    }

    /// Makes a table in a keyspace that exists.
    ///
    /// # Errors
    /// When the keyspace is unknown, a table has that name or id, or the disk fails.
    pub fn create_table(&self, metadata: TableMetadata) -> Result<(), StorageError> {
        let shared = &self.shared;
        shared.check_open()?;
        shared.durable_writes(&metadata.keyspace)?;
        let mut tables = shared.tables.write().unwrap_or_else(PoisonError::into_inner);
        let taken = tables.iter().any(|(id, table)| {
            let other = table.metadata();
            *id == metadata.id || (&other.keyspace, &other.name) == (&metadata.keyspace, &metadata.name)
        });
        if taken {
            return Err(StorageError::Exists {
                what: "table",
                name: metadata.name.clone(),
            });
        }
        let mut system = shared.system.lock().unwrap_or_else(PoisonError::into_inner);
        system.put_table(&*shared.disk, &metadata)?;
        let id = metadata.id;
        let opened = open_table(shared, metadata, shared.commit_log.current_position())?;
        tables.insert(id, Arc::new(opened.table));
        Ok(())
    }

    /// Replaces a table's definition: columns added, columns dropped, parameters changed.
    ///
    /// What was written to a dropped column before it was dropped is not seen any more, even if a
    /// column of that name is added again.
    ///
    /// # Errors
    /// When there is no such table, what was a part of the key has changed, or the disk fails.
    pub fn alter_table(&self, metadata: TableMetadata) -> Result<(), StorageError> {
        let shared = &self.shared;
        let table = shared.table(metadata.id)?;
        metadata.check_altered(&table.metadata())?;
        let mut system = shared.system.lock().unwrap_or_else(PoisonError::into_inner);
        system.put_table(&*shared.disk, &metadata)?;
        table.set_metadata(metadata);
        Ok(())
    }

    /// Removes a table with all its data.
    ///
    /// # Errors
    /// When there is no such table, or the disk fails; the table is gone even so, and what is left
    /// of its files is removed when the node is opened again.
    pub fn drop_table(&self, table: TableId) -> Result<(), StorageError> {
        let shared = &self.shared;
        shared.check_open()?;
        let mut tables = shared.tables.write().unwrap_or_else(PoisonError::into_inner);
        if !tables.contains_key(&table) {
            return Err(StorageError::UnknownTable { table });
        }
        let mut system = shared.system.lock().unwrap_or_else(PoisonError::into_inner);
        system.remove_table(&*shared.disk, table)?;
        let dropped = tables.remove(&table);
        drop(system);
        drop(tables);
        shared.commit_log.forget_table(table)?;
        match dropped {
            Some(dropped) => dropped.remove_files(&*shared.disk),
            None => Ok(()),
        }
    }

    /// Removes all data of a table that was written before; all of it or, if that fails, nothing.
    ///
    /// # Errors
    /// When there is no such table, or its memtables cannot be flushed, or the disk fails.
    //= WP-MF-05
    pub fn truncate(&self, table: TableId) -> Result<(), StorageError> {
        let shared = &self.shared;
        let table = shared.table(table)?;
        let compactions = table.stop_compactions();

        // Everything goes into SSTables, so that one transaction removes it as a whole.
        let flushed = shared.flush(&table);
        let state = if flushed.is_ok() { FlushState::Written } else { FlushState::Failed };
        if !Reference.may_proceed(&[state]) {
            return flushed;
        }
        let view = table.view();
        let truncated_at = view.current.lower_bound();
        let id = table.metadata().id;

        // Before any SSTable goes: the intervals that keep their records from replay go with them.
        let mut system = shared.system.lock().unwrap_or_else(PoisonError::into_inner);
        system.put_truncation(&*shared.disk, id, truncated_at, shared.clock.now_ms())?;
        drop(system);

        let mut transaction = LifecycleTransaction::begin(
            Arc::clone(&shared.disk),
            table.directory(),
            OperationType::Truncate,
            shared.clock.now_us(),
        );
        let mut removed = BTreeSet::new();
        for sstable in &view.sstables {
            transaction.obsolete(sstable)?;
            removed.insert(sstable.generation());
        }
        transaction.commit()?;
        table.change_view(|view| view.replace_compacted(&removed, Vec::new()));
        drop(compactions);
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
        let tables = self.shared.all_tables();
        let mut definitions = tables.iter().map(|table| table.metadata());
        definitions.find(|table| &*table.keyspace == keyspace && &*table.name == name)
    }
}
