//! What a node must know of itself before it can read its files: its id, the schema, truncations.
//!
//! Cassandra keeps this in the tables of `system` and `system_schema`; here it is two files, each
//! replaced as a whole, with a checksum as its last line: a wrong byte could otherwise be another
//! table, and the directory of the right one be taken for that of a dropped table. Source: Cassandra `db.SystemKeyspace`, `schema.SchemaKeyspace`.

use crate::atomic_file;
use crate::disk::Disk;
use crate::storage_error::StorageError;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::path::{Path, PathBuf};
use thymbra_format::FormatError;
use thymbra_format::schema::{SchemaError, TableMetadata, tables_from_json, tables_to_json};
use thymbra_format::sstable::Digest;
use thymbra_types::{CommitLogPosition, TableId};

/// Name of the file with the node's id, keyspaces and truncations, in the data directory.
const FACTS_FILE_NAME: &str = "system.json";
/// Name of the file with the definitions of the tables.
const TABLES_FILE_NAME: &str = "system_schema.json";
/// Begins the last line of both files; a CRC-32 in eight hexadecimal digits follows.
const CHECKSUM_PREFIX: &str = "# crc32 ";
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
    /// Directories of tables that were dropped and may still have files: keyspace, slash, name.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    dropped: BTreeSet<String>,
    /// Tables by id that were made again: up to where the commit log has those that were dropped.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    made_again: BTreeMap<String, TruncationRecord>,
}

/// What is said of a keyspace as a whole.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyspaceParams {
    /// Whether its writes go through the commit log.
    pub(crate) durable_writes: bool,
}

/// A table's last truncation, or the last time that it was made again.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct TruncationRecord {
    segment_id: i64,
    position: u32,
    truncated_at_ms: u64,
}

impl TruncationRecord {
    const fn position(self) -> CommitLogPosition {
        CommitLogPosition {
            segment_id: self.segment_id,
            position: self.position,
        }
    }
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
            Some(text) => Some(
                serde_json::from_str(&text)
                    .map_err(|error| not_json(&error))
                    .map_err(StorageError::corrupt(&facts_path))?,
            ),
            None => None,
        };
        let tables = match read_if_exists(disk, &tables_path)? {
            Some(text) => Some(
                tables_from_json(&text)
                    .map_err(|error| not_json(&error))
                    .map_err(StorageError::corrupt(&tables_path))?,
            ),
            None => None,
        };
        // A node begins by writing an empty schema, then the facts.
        match (&facts, &tables) {
            (Some(_), None) => return Err(StorageError::corrupt(&tables_path)(missing())),
            (None, Some(tables)) if !tables.is_empty() => {
                return Err(StorageError::corrupt(&facts_path)(missing()));
            }
            (Some(_), Some(_)) | (None, Some(_) | None) => {}
        }
        let is_new = facts.is_none();
        let mut system = Self {
            facts_path,
            tables_path,
            tables: tables.unwrap_or_default(),
            facts: facts.unwrap_or_else(|| Facts {
                host_id: format!("{:032x}", random_uuid()),
                keyspaces: BTreeMap::new(),
                truncated: BTreeMap::new(),
                dropped: BTreeSet::new(),
                made_again: BTreeMap::new(),
            }),
        };
        if is_new {
            system.save_tables(disk, Vec::new())?;
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

    /// All keyspaces by name.
    pub(crate) const fn keyspaces(&self) -> &BTreeMap<String, KeyspaceParams> {
        &self.facts.keyspaces
    }

    /// Up to where a table's mutations have been truncated; `None` if never.
    pub(crate) fn truncated_position(&self, table: TableId) -> Option<CommitLogPosition> {
        let record = self.facts.truncated.get(&table.to_string())?;
        Some(record.position())
    }

    /// Up to where the commit log may have mutations of another table that had this id and was
    /// dropped; `None` if there was none.
    pub(crate) fn made_again_position(&self, table: TableId) -> Option<CommitLogPosition> {
        let record = self.facts.made_again.get(&table.to_string())?;
        Some(record.position())
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

    /// Adds or replaces a table, durably, which must be one that the next life reads as it is.
    pub(crate) fn put_table(&mut self, disk: &dyn Disk, table: &TableMetadata) -> Result<(), StorageError> {
        let text = tables_to_json(core::slice::from_ref(table))?;
        if tables_from_json(&text)?.as_slice() != core::slice::from_ref(table) {
            return Err(StorageError::Schema(SchemaError::NotStorable {
                table: table.name().into(),
            }));
        }
        let others = self.tables.iter().filter(|other| other.id() != table.id());
        let tables = others.chain([table]).cloned().collect();
        self.save_tables(disk, tables)
    }

    /// Where a table's files lie, from the data directory: keyspace, slash, name.
    pub(crate) fn directory_of(table: &TableMetadata) -> String {
        format!("{}/{}", table.keyspace(), table.directory_name())
    }

    /// Directories of dropped tables that may still have files.
    pub(crate) fn dropped_directories(&self) -> impl Iterator<Item = &String> {
        self.facts.dropped.iter()
    }

    /// Forgets a table, durably, and remembers that its files are to go.
    pub(crate) fn drop_table(&mut self, disk: &dyn Disk, table: &TableMetadata) -> Result<(), StorageError> {
        // First, because the files of a table that nobody knows stay.
        self.change(disk, |facts| {
            facts.dropped.insert(Self::directory_of(table));
        })?;
        let others = self.tables.iter().filter(|other| other.id() != table.id());
        self.save_tables(disk, others.cloned().collect())
    }

    /// The files of a dropped table are gone, or the table has not been dropped after all.
    pub(crate) fn forget_dropped(&mut self, disk: &dyn Disk, directory: &str) -> Result<(), StorageError> {
        let tables = self.tables.iter().map(|table| table.id().to_string());
        let known: BTreeSet<String> = tables.collect();
        self.change(disk, |facts| {
            facts.dropped.remove(directory);
            facts.truncated.retain(|table, _| known.contains(table));
            facts.made_again.retain(|table, _| known.contains(table));
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

    /// Remembers that a table is made whose id another had that was dropped, durably: what the log
    /// has up to a position is of the other.
    pub(crate) fn put_made_again(
        &mut self,
        disk: &dyn Disk,
        table: TableId,
        position: CommitLogPosition,
        now_ms: u64,
    ) -> Result<(), StorageError> {
        let record = TruncationRecord {
            segment_id: position.segment_id,
            position: position.position,
            truncated_at_ms: now_ms,
        };
        self.change(disk, |facts| {
            facts.truncated.insert(table.to_string(), record);
            facts.made_again.insert(table.to_string(), record);
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
        let text = serde_json::to_string_pretty(&self.facts);
        let text = text.expect("facts are maps with text keys and plain values");
        replace(disk, &self.facts_path, text)
    }

    /// Changes the second file, and what is known only if that succeeds.
    fn save_tables(&mut self, disk: &dyn Disk, tables: Vec<TableMetadata>) -> Result<(), StorageError> {
        let text = tables_to_json(&tables)?;
        replace(disk, &self.tables_path, text)?;
        self.tables = tables;
        Ok(())
    }
}

/// The text of a file without its checksum.
fn read_if_exists(disk: &dyn Disk, path: &Path) -> Result<Option<String>, StorageError> {
    if !disk.exists(path)? {
        return Ok(None);
    }
    let bytes = disk.read(path)?;
    unsealed(&bytes).map(Some).map_err(StorageError::corrupt(path))
}

/// Puts a text in place of the content of a file, with its checksum as another line.
fn replace(disk: &dyn Disk, path: &Path, mut text: String) -> Result<(), StorageError> {
    text.push('\n');
    let checksum = Digest::of(text.as_bytes()).0;
    let sealed = format!("{text}{CHECKSUM_PREFIX}{checksum:08x}\n");
    Ok(atomic_file::replace(disk, path, sealed.as_bytes())?)
}

/// The text in front of the checksum, which must fit.
fn unsealed(bytes: &[u8]) -> Result<String, FormatError> {
    let no_checksum = || FormatError::Invalid {
        what: "the node's own facts",
        offset: bytes.len() as u64,
        expected: "a last line with a checksum",
        found: "another end".into(),
    };
    let end = bytes.strip_suffix(b"\n").ok_or_else(no_checksum)?;
    let last_line = end
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |place| place + 1);
    let (text, checksum) = (bytes.get(..last_line), end.get(last_line..));
    let text = text.unwrap_or_default();
    let found = checksum
        .and_then(|line| line.strip_prefix(CHECKSUM_PREFIX.as_bytes()))
        .and_then(|digits| core::str::from_utf8(digits).ok())
        .and_then(|digits| u32::from_str_radix(digits, 16).ok())
        .ok_or_else(no_checksum)?;
    let expected = Digest::of(text).0;
    if expected != found {
        return Err(FormatError::Checksum {
            what: "the node's own facts",
            offset: 0,
            expected,
            found,
        });
    }
    Ok(String::from_utf8_lossy(text).into_owned())
}

/// The error that one of the files is there, and the other is not.
fn missing() -> FormatError {
    FormatError::Invalid {
        what: "the node's own facts",
        offset: 0,
        expected: "a file, because the node has begun before",
        found: "none".into(),
    }
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
    // The standard library seeds the first `RandomState` of a thread with randomness of the system and counts
    // up for each further one: two hashes under keys that nobody knows.
    let random = || u128::from(RandomState::new().build_hasher().finish());
    let bits = (random() << u64::BITS) | random();
    (bits & !UUID_VERSION_MASK) | UUID_VERSION_4
}
