//! What a node must know of itself before it can read its files: its id, the schema, truncations.
//!
//! Cassandra keeps this in the tables of `system` and `system_schema`; here it is two files, each
//! replaced as a whole. Source: Cassandra `db.SystemKeyspace`, `schema.SchemaKeyspace`.

use crate::atomic_file;
use crate::disk::Disk;
use crate::storage_error::StorageError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::path::{Path, PathBuf};
use thymbra_format::FormatError;
use thymbra_format::schema::{TableMetadata, tables_from_json, tables_to_json};
use thymbra_types::{CommitLogPosition, TableId};

/// Name of the file with the node's id, keyspaces and truncations, in the data directory.
const FACTS_FILE_NAME: &str = "system.json";
/// Name of the file with the definitions of the tables.
const TABLES_FILE_NAME: &str = "system_schema.json";
/// Bits of a UUID that say that it is random, and their value (RFC 9562, version 4).
const UUID_VERSION_MASK: u128 = 0xf000_c000_0000_0000_0000;
const UUID_VERSION_4: u128 = 0x4000_8000_0000_0000_0000;

/// The node's own facts.
#[derive(Clone, Debug)]
pub(crate) struct SystemKeyspace {
    facts_path: PathBuf,
    facts: Facts,
    tables_path: PathBuf,
    tables: Vec<TableMetadata>,
}

/// The content of the first file.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    /// Hexadecimal, 32 digits.
    host_id: String,
    /// Keyspaces by name.
    keyspaces: BTreeMap<String, KeyspaceParams>,
    /// Truncated tables by id, 32 hexadecimal digits.
    truncated: BTreeMap<String, TruncationRecord>,
}

/// What is said of a keyspace as a whole.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyspaceParams {
    /// Whether its writes go through the commit log.
    pub(crate) durable_writes: bool,
}

/// A table's last truncation.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct TruncationRecord {
    segment_id: i64,
    position: u32,
    truncated_at_ms: u64,
}

impl SystemKeyspace {
    /// Reads the files, or begins a node that knows nothing.
    ///
    /// # Errors
    /// When the disk fails or a file is not what this wrote.
    pub(crate) fn open(disk: &dyn Disk, data_directory: &Path) -> Result<Self, StorageError> {
        let facts_path = data_directory.join(FACTS_FILE_NAME);
        let tables_path = data_directory.join(TABLES_FILE_NAME);
        let facts = match read_if_exists(disk, &facts_path)? {
            Some(bytes) => Some(
                serde_json::from_slice(&bytes)
                    .map_err(|error| not_json(&error))
                    .map_err(StorageError::corrupt(&facts_path))?,
            ),
            None => None,
        };
        let tables = match read_if_exists(disk, &tables_path)? {
            Some(bytes) => tables_from_json(&String::from_utf8_lossy(&bytes))
                .map_err(|error| not_json(&error))
                .map_err(StorageError::corrupt(&tables_path))?,
            None => Vec::new(),
        };
        let is_new = facts.is_none();
        let system = Self {
            facts_path,
            tables_path,
            tables,
            facts: facts.unwrap_or_else(|| Facts {
                host_id: format!("{:032x}", random_uuid()),
                keyspaces: BTreeMap::new(),
                truncated: BTreeMap::new(),
            }),
        };
        if is_new {
            system.save_facts(disk)?;
        }
        Ok(system)
    }

    /// This node's id, in all SSTables that it writes.
    pub(crate) fn host_id(&self) -> u128 {
        u128::from_str_radix(&self.facts.host_id, 16).unwrap_or_default()
    }

    pub(crate) fn tables(&self) -> &[TableMetadata] {
        &self.tables
    }

    pub(crate) fn keyspace(&self, name: &str) -> Option<KeyspaceParams> {
        self.facts.keyspaces.get(name).copied()
    }

    /// All keyspaces by name.
    pub(crate) const fn keyspaces(&self) -> &BTreeMap<String, KeyspaceParams> {
        &self.facts.keyspaces
    }

    /// Up to where a table's mutations have been truncated; `None` if never.
    pub(crate) fn truncated_position(&self, table: TableId) -> Option<CommitLogPosition> {
        let record = self.facts.truncated.get(&table.to_string())?;
        Some(CommitLogPosition {
            segment_id: record.segment_id,
            position: record.position,
        })
    }

    /// Adds or replaces a keyspace, durably.
    pub(crate) fn put_keyspace(
        &mut self,
        disk: &dyn Disk,
        name: &str,
        params: KeyspaceParams,
    ) -> Result<(), StorageError> {
        self.change(disk, |facts| {
            facts.keyspaces.insert(name.to_owned(), params);
        })
    }

    /// Adds or replaces a table, durably.
    pub(crate) fn put_table(&mut self, disk: &dyn Disk, table: &TableMetadata) -> Result<(), StorageError> {
        let others = self.tables.iter().filter(|other| other.id() != table.id());
        let tables = others.chain([table]).cloned().collect();
        self.save_tables(disk, tables)
    }

    /// Forgets a table, durably.
    pub(crate) fn remove_table(&mut self, disk: &dyn Disk, table: TableId) -> Result<(), StorageError> {
        let others = self.tables.iter().filter(|other| other.id() != table);
        let tables = others.cloned().collect();
        self.save_tables(disk, tables)?;
        // A crash in between leaves the record of a table that no id will name again.
        self.change(disk, |facts| {
            facts.truncated.remove(&table.to_string());
        })
    }

    /// Remembers a truncation, durably.
    pub(crate) fn put_truncation(
        &mut self,
        disk: &dyn Disk,
        table: TableId,
        position: CommitLogPosition,
        truncated_at_ms: u64,
    ) -> Result<(), StorageError> {
        let record = TruncationRecord {
            segment_id: position.segment_id,
            position: position.position,
            truncated_at_ms,
        };
        self.change(disk, |facts| {
            facts.truncated.insert(table.to_string(), record);
        })
    }

    /// Changes the first file, and what is known only if that succeeds.
    fn change(&mut self, disk: &dyn Disk, with: impl FnOnce(&mut Facts)) -> Result<(), StorageError> {
        let mut changed = self.clone();
        with(&mut changed.facts);
        changed.save_facts(disk)?;
        *self = changed;
        Ok(())
    }

    fn save_facts(&self, disk: &dyn Disk) -> Result<(), StorageError> {
        let bytes =
            serde_json::to_vec_pretty(&self.facts).expect("facts are maps with text keys and plain values");
        Ok(atomic_file::replace(disk, &self.facts_path, &bytes)?)
    }

    /// Changes the second file, and what is known only if that succeeds.
    fn save_tables(&mut self, disk: &dyn Disk, tables: Vec<TableMetadata>) -> Result<(), StorageError> {
        let text = tables_to_json(&tables)?;
        atomic_file::replace(disk, &self.tables_path, text.as_bytes())?;
        self.tables = tables;
        Ok(())
    }
}

fn read_if_exists(disk: &dyn Disk, path: &Path) -> Result<Option<Vec<u8>>, StorageError> {
    Ok(match disk.exists(path)? {
        true => Some(disk.read(path)?),
        false => None,
    })
}

/// Where the text stops to be what this writes stands in the words of the error, as line and column.
fn not_json(error: &dyn std::fmt::Display) -> FormatError {
    FormatError::Invalid {
        what: "the node's own facts",
        offset: 0,
        expected: "a JSON document as this engine writes it",
        found: error.to_string().into(),
    }
}

/// A UUID that no other node has.
fn random_uuid() -> u128 {
    // The standard library seeds each `RandomState` with fresh randomness.
    let random = || u128::from(RandomState::new().build_hasher().finish());
    let bits = (random() << u64::BITS) | random();
    (bits & !UUID_VERSION_MASK) | UUID_VERSION_4
}
