//! Everything that an engine shows at one moment.

use super::operation::Selection;
use super::oracle::KEYS_COUNT;
use super::shape::SHAPES;
use super::translate;
use super::visible::Seen;
use std::ops::Bound;
use thymbra_storage::read::PartitionRows;
use thymbra_storage::{StorageEngine, StorageError};
use thymbra_types::DecoratedKey;

/// More partitions than any table of a run has.
const ALL_PARTITIONS: usize = 1_000;

/// The answer to a scan of each table, in the order of `SHAPES`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Snapshot {
    tables: Vec<Vec<(DecoratedKey, PartitionRows)>>,
}

impl Snapshot {
    /// Scans every table.
    ///
    /// # Errors
    /// That of the engine.
    pub fn take(engine: &StorageEngine) -> Result<Self, StorageError> {
        let scan = |table: usize| {
            let filter = translate::filter(table, &Selection::ALL);
            let range = (Bound::Unbounded, Bound::Unbounded);
            engine.scan(translate::table_id(table), range, &filter, ALL_PARTITIONS)
        };
        let tables = (0..SHAPES.len()).map(scan).collect::<Result<_, _>>()?;
        Ok(Self { tables })
    }

    /// Partitions that nobody wrote, or that stand in the wrong place, in words.
    #[must_use]
    pub fn disorder(&self) -> Option<String> {
        self.tables.iter().enumerate().find_map(|(table, partitions)| {
            let mut known: Vec<_> = (0..KEYS_COUNT).map(|key| translate::key(table, key)).collect();
            known.sort();
            let mut known = known.iter();
            let unknown = partitions
                .iter()
                .find(|(key, _)| !known.any(|known| known == key));
            unknown.map(|(key, rows)| format!("partition {key:?} is unknown or out of order: {rows:?}"))
        })
    }

    /// What a partition shows; nothing if it is left out.
    #[must_use]
    pub fn get(&self, table: usize, key: u8) -> PartitionRows {
        let key = translate::key(table, key);
        let partitions = self.tables.get(table).map_or(&[][..], Vec::as_slice);
        let found = partitions.iter().find(|(other, _)| *other == key);
        found.map(|(_, rows)| rows.clone()).unwrap_or_default()
    }

    /// Whether a partition shows this.
    #[must_use]
    pub fn has(&self, table: usize, key: u8, rows: &PartitionRows) -> bool {
        self.get(table, key) == *rows
    }

    /// Whether a partition shows what the oracle says that a reader sees.
    #[must_use]
    pub fn shows(&self, table: usize, key: u8, seen: &Seen) -> bool {
        self.has(table, key, &translate::rows(table, seen))
    }
}
