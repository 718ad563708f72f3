//! Whether the engine says what the oracle says.

use super::*;
use crate::storage_oracle::operation::Selection;
use crate::storage_oracle::visible::Seen;

impl Trial {
    /// Compares a read of some rows.
    pub(super) fn read(&self, table: usize, key: u8, selection: &Selection) -> Result<(), Stop> {
        let filter = translate::filter(table, selection);
        let engine = self.open_engine()?;
        let shown = engine.read(translate::table_id(table), &translate::key(table, key), &filter);
        let shown = shown.map_err(Stop::Refused)?;
        let expected = self.oracle.expected(table, key, self.now_seconds()).into_iter();
        let select = |seen: Seen| translate::rows(table, &seen.select(translate::shape(table), selection));
        let expected: Vec<_> = expected.map(select).collect();
        if expected.contains(&shown) {
            return Ok(());
        }
        Err(Stop::Wrong(format!(
            "read gives {shown:?}, expected is {expected:?}"
        )))
    }

    /// Compares everything that can be read.
    ///
    /// # Errors
    /// When the engine refuses a read, or says something else than the oracle.
    pub fn compare(&mut self) -> Result<(), Stop> {
        let now_seconds = self.now_seconds();
        let snapshot = self.snapshot()?;
        let shows = |table: usize, key: u8, seen: &_| snapshot.shows(table, key, seen);
        let checked = self.oracle.check(now_seconds, &shows);
        checked.map_err(|wrong| self.wrong(&snapshot, wrong, "by scan"))?;
        self.compare_reads(&snapshot)
    }

    /// Compares reads of single partitions with the scan.
    pub(super) fn compare_reads(&self, snapshot: &Snapshot) -> Result<(), Stop> {
        for table in 0..SHAPES.len() {
            for key in 0..KEYS_COUNT {
                let shown = self.read_all(table, key)?;
                if !snapshot.has(table, key, &shown) {
                    let message = format!(
                        "read of {} {key} gives {shown:?}, and scan another answer",
                        SHAPES.get(table).map_or("", |shape| shape.name)
                    );
                    return Err(Stop::Wrong(message));
                }
            }
        }
        Ok(())
    }

    /// Compares the partitions that a write has changed.
    pub(super) fn compare_partitions(&self, key: u8, updates: &[Update]) -> Result<(), Stop> {
        for update in updates {
            let shown = self.read_all(update.table, key)?;
            let expected = self.oracle.expected(update.table, key, self.now_seconds());
            let rows: Vec<_> = expected
                .iter()
                .map(|seen| translate::rows(update.table, seen))
                .collect();
            if !rows.contains(&shown) {
                return Err(Stop::Wrong(format!(
                    "after the write {shown:?} is read, expected is {rows:?}"
                )));
            }
        }
        Ok(())
    }

    pub(super) fn read_all(
        &self,
        table: usize,
        key: u8,
    ) -> Result<thymbra_storage::read::PartitionRows, Stop> {
        let filter = translate::filter(table, &Selection::ALL);
        let engine = self.open_engine()?;
        let shown = engine.read(translate::table_id(table), &translate::key(table, key), &filter);
        shown.map_err(Stop::Refused)
    }

    pub(super) fn snapshot(&self) -> Result<Snapshot, Stop> {
        let snapshot = Snapshot::take(self.open_engine()?).map_err(Stop::Refused)?;
        match snapshot.disorder() {
            None => Ok(snapshot),
            Some(disorder) => Err(Stop::Wrong(disorder)),
        }
    }

    pub(super) fn wrong(&self, snapshot: &Snapshot, (table, key): (usize, u8), when: &str) -> Stop {
        let expected = self.oracle.expected(table, key, self.now_seconds());
        let rows: Vec<_> = expected.iter().map(|seen| translate::rows(table, seen)).collect();
        let name = SHAPES.get(table).map_or("?", |shape| shape.name);
        let shown = snapshot.get(table, key);
        Stop::Wrong(format!(
            "{when}: {name} {key} shows {shown:?}, expected is one of {rows:?}"
        ))
    }

    pub(super) fn ask<T>(
        &self,
        question: impl FnOnce(&StorageEngine) -> Result<T, StorageError>,
    ) -> Result<T, Stop> {
        question(self.open_engine()?).map_err(Stop::Refused)
    }

    pub(super) fn open_engine(&self) -> Result<&StorageEngine, Stop> {
        self.engine.as_ref().ok_or(Stop::Refused(StorageError::Closed))
    }
}
