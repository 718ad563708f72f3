//! Compactions: what they forget, and the exchange of files in steps that a crash may interrupt.

use thymbra_durability::{DataElsewhere, TransactionRecord};
use thymbra_durability::{RemovedFiles, TransactionRules};
use thymbra_types::{IntervalSet, LocalDeletionTime, Timestamp};

use super::faults::LogFault;
use super::flush::next_file;
use super::state::{
    Chosen, CommitRecord, Compaction, LogState, SSTable, WriteMask, WritePhase, write_bit, writes_of,
};
use super::{DynStorageRules, LogSystem};

impl LogSystem {
    /// A compaction has chosen its files.
    pub(super) fn choose(&self, state: &mut LogState, table: u8, inputs: u8) {
        let expired = self.expired(state, table, inputs);
        state.budgets.compactions -= 1;
        let here = state.table_mut(table);
        let all = (here.sstables.iter()).fold(0, |mask, sstable| mask | write_bit(sstable.number));
        let outside = all & !inputs;
        here.chosen = Some(Chosen {
            inputs,
            outside,
            expired,
        });
    }

    /// A compaction begins: it has noted the file that it will make, and decides what to forget.
    pub(super) fn compact(&self, state: &mut LogState, table: u8, inputs: u8) {
        let compaction = self.plan(state, table, inputs);
        if state.table_mut(table).chosen.take().is_none() {
            state.budgets.compactions -= 1;
        }
        let inputs_count = u8::try_from(compaction.inputs.len()).expect("few files");
        state.table_mut(table).compaction = Some(compaction);
        if !self.scope.compaction_in_steps {
            Self::commit(state, table);
            Self::sync_commit(state, table);
            (0..inputs_count).for_each(|place| Self::unlink(state, table, place));
            Self::end_compaction(state, table);
        }
    }

    /// What a compaction of these files would do.
    pub(super) fn plan(&self, state: &LogState, table: u8, inputs: u8) -> Compaction {
        let is_input = |sstable: &&SSTable| inputs & write_bit(sstable.number) != 0;
        let chosen: Vec<SSTable> = state
            .table(table)
            .sstables
            .iter()
            .filter(is_input)
            .cloned()
            .collect();
        let expired = self.dropped_unread(state, table, inputs);
        let read = (chosen.iter()).filter(|sstable| expired.files & write_bit(sstable.number) == 0);
        let winner = self.winner(state, read.map(|sstable| sstable.winner));
        let intervals = (chosen.iter()).fold(IntervalSet::empty(), |union, sstable| {
            union.union(sstable.intervals.clone())
        });
        let purged = winner.filter(|winner| self.is_purged(state, table, inputs, *winner));
        let kept = winner.filter(|_| purged.is_none());
        Compaction {
            output: kept.map(|winner| SSTable {
                number: next_file(state.table(table)),
                winner,
                intervals,
            }),
            inputs: chosen,
            unlinked: 0,
            notes_removed: false,
            commit: CommitRecord::Absent,
            purges: purged.map_or(0, |tombstone| self.not_newer(state, table, tombstone)) | expired.forgets,
        }
    }

    /// The rules let a compaction forget the tombstone.
    fn is_purged(&self, state: &LogState, table: u8, inputs: u8, winner: u8) -> bool {
        if !self.write(winner).is_delete {
            return false;
        }
        let limit = self.rules.purge_limit(self.elsewhere(state, table, inputs));
        let made_at = LocalDeletionTime(i64::from(state.write(winner).made_at));
        let timestamp = Timestamp(self.write(winner).timestamp);
        (self.rules).may_purge(timestamp, made_at, self.gc_before(state), limit)
    }

    /// Tombstones made before this tick may be purged.
    pub(super) fn gc_before(&self, state: &LogState) -> LocalDeletionTime {
        let gc_grace = i64::from(self.scope.gc_grace);
        self.rules.gc_before(i64::from(state.now), gc_grace)
    }

    /// The oldest data outside of a compaction, by the places where it may be.
    pub(super) fn elsewhere(&self, state: &LogState, table: u8, inputs: u8) -> DataElsewhere {
        let timestamp = |write: u8| Timestamp(self.write(write).timestamp);
        let here = state.table(table);
        let looked_at = match (self.driver, here.chosen) {
            (LogFault::OverlapsOfTheStart, Some(chosen)) => chosen.outside,
            (_, _) => !inputs,
        };
        let others = (here.sstables.iter()).filter(|sstable| looked_at & write_bit(sstable.number) != 0);
        let in_memory = here
            .memtables
            .iter()
            .flat_map(|memtable| writes_of(memtable.writes));
        let logged = (state.segments.iter()).flat_map(|segment| segment.records.iter().copied());
        DataElsewhere {
            sstables: others.map(|sstable| timestamp(sstable.winner)).min(),
            memtables: in_memory.map(timestamp).min(),
            commit_log: logged
                .filter(|write| self.write(*write).table == table)
                .map(timestamp)
                .min(),
        }
    }

    /// A write and all older ones of its table that have begun.
    pub(super) fn not_newer(&self, state: &LogState, table: u8, than: u8) -> WriteMask {
        self.of_table(u8::MAX, table)
            .filter(|write| state.write(*write).phase != WritePhase::Waiting)
            .filter(|write| self.write(*write).timestamp <= self.write(than).timestamp)
            .fold(0, |mask, write| mask | write_bit(write))
    }

    /// The output is complete and synced, the replaced files are noted, and the commit record is written.
    pub(super) fn commit(state: &mut LogState, table: u8) {
        if let Some(compaction) = &mut state.table_mut(table).compaction {
            compaction.notes_removed = true;
            compaction.commit = CommitRecord::Written;
        }
    }

    /// The commit record is synced, and readers see the output.
    pub(super) fn sync_commit(state: &mut LogState, table: u8) {
        let table = state.table_mut(table);
        let Some(compaction) = &mut table.compaction else {
            return;
        };
        compaction.commit = CommitRecord::Synced;
        let inputs = &compaction.inputs;
        table.sstables.retain(|sstable| !inputs.contains(sstable));
        table.sstables.extend(compaction.output.clone());
        table.sstables.sort_by_key(|sstable| sstable.number);
        table.purged |= compaction.purges;
    }

    /// One of the replaced files is deleted.
    pub(super) fn unlink(state: &mut LogState, table: u8, place: u8) {
        if let Some(compaction) = &mut state.table_mut(table).compaction {
            compaction.unlinked |= write_bit(place);
        }
    }

    /// Its transaction log is deleted; what is not deleted by then is live after the next start.
    pub(super) fn end_compaction(state: &mut LogState, table: u8) {
        let table = state.table_mut(table);
        if let Some(compaction) = table.compaction.take() {
            let left = inputs_on_disk(&compaction).map(|(_, sstable)| sstable.clone());
            table.leftovers.extend(left);
        }
    }
}

/// Files of a compaction that are still on the disk.
pub(super) fn inputs_on_disk(compaction: &Compaction) -> impl Iterator<Item = (u8, &SSTable)> {
    (0_u8..)
        .zip(&compaction.inputs)
        .filter(|(place, _)| compaction.unlinked & write_bit(*place) == 0)
}

/// What recovery of a transaction log leaves of a compaction that a crash interrupted: the files that are live.
///
/// # Errors
/// When the log is refused.
pub(super) fn recovered(
    rules: &DynStorageRules,
    compaction: &Compaction,
) -> Result<Vec<SSTable>, thymbra_durability::TransactionLogCorrupt> {
    let mut records = vec![TransactionRecord::Add];
    if compaction.notes_removed {
        for place in (0_u8..).take(compaction.inputs.len()) {
            let files = match compaction.unlinked & write_bit(place) == 0 {
                true => RemovedFiles::Complete,
                false => RemovedFiles::Partial,
            };
            records.push(TransactionRecord::Remove(files));
        }
    }
    match compaction.commit {
        CommitRecord::Absent => {}
        CommitRecord::Torn => records.push(TransactionRecord::Torn),
        CommitRecord::Written | CommitRecord::Synced => records.push(TransactionRecord::Commit),
    }
    let leftovers = TransactionRules::recover(rules, &records)?;
    let mut live = Vec::new();
    if !leftovers.delete_removed {
        live.extend(inputs_on_disk(compaction).map(|(_, sstable)| sstable.clone()));
    }
    if !leftovers.delete_added {
        live.extend(compaction.output.clone());
    }
    Ok(live)
}
