//! What tables hold and what a read of them returns: the merge of cells, by the rules of reconciliation.

use core::cmp::Ordering;

use thymbra_types::{CellKind, CellView, LocalDeletionTime, Timestamp};

use super::LogSystem;
use super::state::{LogState, Table, WriteMask, writes_of};

impl LogSystem {
    /// The cell that a write puts, with the number of the write as its value.
    pub(super) fn cell<'a>(&self, state: &LogState, write: u8, value: &'a [u8; 1]) -> CellView<'a> {
        let scope = self.write(write);
        CellView {
            timestamp: Timestamp(scope.timestamp),
            kind: match scope.is_delete {
                false => CellKind::Live,
                true => CellKind::Tombstone {
                    local_deletion_time: LocalDeletionTime(i64::from(state.write(write).made_at)),
                },
            },
            value: match scope.is_delete {
                false => value,
                true => &[],
            },
        }
    }

    /// The write that wins.
    pub(super) fn winner(&self, state: &LogState, writes: impl IntoIterator<Item = u8>) -> Option<u8> {
        writes.into_iter().reduce(|best, write| {
            let (best_value, value) = ([best], [write]);
            let (left, right) = (
                self.cell(state, best, &best_value),
                self.cell(state, write, &value),
            );
            match self.rules.compare_cells(left, right) {
                Ordering::Greater | Ordering::Equal => best,
                Ordering::Less => write,
            }
        })
    }

    /// The write that a merge of everything in a table lets win.
    pub(super) fn merged(&self, state: &LogState, table: &Table) -> Option<u8> {
        let files = table.sstables.iter().map(|sstable| sstable.winner);
        let memory = table
            .memtables
            .iter()
            .flat_map(|memtable| writes_of(memtable.writes));
        self.winner(state, files.chain(memory))
    }

    /// What a client reads when a write has won: nothing, if it deleted.
    pub(super) fn read(&self, winner: Option<u8>) -> Option<u8> {
        winner.filter(|write| !self.write(*write).is_delete)
    }

    /// The writes of a table among these.
    pub(super) fn of_table(&self, writes: WriteMask, table: u8) -> impl Iterator<Item = u8> {
        writes_of(writes).filter(move |write| {
            self.scope
                .writes
                .get(usize::from(*write))
                .is_some_and(|write| write.table == table)
        })
    }
}
