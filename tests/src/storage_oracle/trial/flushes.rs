//! Which memtables the engine has flushed, as far as it says so.

use super::*;

impl Trial {
    /// How many memtables of each table were flushed in this life.
    pub(super) fn flushes_counts(&self) -> Vec<u64> {
        let statistics = self.engine.as_ref().map(StorageEngine::statistics);
        let count = |table| {
            let tables = statistics.as_ref().map(|statistics| &statistics.tables);
            let counted = tables.and_then(|tables| tables.get(&translate::table_id(table)));
            counted.map_or(0, |table| table.flushes_count)
        };
        (0..SHAPES.len()).map(count).collect()
    }

    /// The engine has looked for something to flush: what was given up, and what took writes in tables of which it
    /// has flushed more than that.
    pub(super) fn note_flushes(&mut self, before: &[u64]) {
        let after = self.flushes_counts();
        for (table, (after, before)) in after.into_iter().zip(before).enumerate() {
            let flushed_count = after - before;
            if flushed_count == 0 {
                continue;
            }
            if self.has_failed {
                self.oracle.switch_memtable(table);
                continue;
            }
            let given_up = self.abandoned.iter().filter(|other| **other == table).count() as u64;
            let open: Vec<u64> = self.open_flushes(table).map(|begun| begun.memtable).collect();
            if flushed_count > given_up {
                self.oracle.switch_memtable(table);
            }
            self.oracle.flushed_all_but(table, &open);
            self.abandoned.retain(|other| *other != table);
        }
    }

    /// A call has flushed all memtables of a table, those of flushes that have begun too.
    pub(super) fn note_all_flushed(&mut self, table: usize) {
        self.oracle.flushed_all_but(table, &[]);
        self.abandoned.retain(|other| *other != table);
        for begun in self.pending.iter_mut().filter(|begun| begun.table == table) {
            begun.is_written = true;
        }
    }

    /// Flushes of a table that have begun, and that nobody has done.
    fn open_flushes(&self, table: usize) -> impl Iterator<Item = &Begun> {
        let of_table = self.pending.iter().filter(move |begun| begun.table == table);
        of_table.filter(|begun| !begun.is_written)
    }
}
