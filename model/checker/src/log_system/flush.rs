//! Memtables: switched out, flushed in any order, and what follows; truncation, which waits for a flush.

use thymbra_durability::{FlushState, MemtableBounds, SwitchStage};
use thymbra_types::CommitLogPosition;

use super::faults::LogFault;
use super::state::{Flush, LogState, Memtable, SSTable, Table, Truncation, WritePhase, write_bit, writes_of};
use super::{LogSystem, intervals_of};

impl LogSystem {
    /// A new memtable takes the place of the current one; the bound between them is open.
    pub(super) fn switch(&self, state: &mut LogState, table: u8) {
        state.budgets.switches -= 1;
        self.begin_switch(state, table);
        if !self.scope.switch_in_steps {
            self.bound(state, table);
            Self::barrier(state, table);
        }
    }

    fn begin_switch(&self, state: &mut LogState, table: u8) {
        let memtables = &mut state.table_mut(table).memtables;
        let current = memtables.last_mut().expect("a table has a current memtable");
        current.stage = SwitchStage::SwitchedOut {
            raised_to: CommitLogPosition::NONE,
        };
        let number = current.number + 1;
        memtables.push(Memtable {
            number,
            writes: 0,
            lower: CommitLogPosition::NONE,
            stage: SwitchStage::Current,
        });
    }

    /// The bound is fixed where the log ends now, or later if a write raised it.
    pub(super) fn bound(&self, state: &mut LogState, table: u8) {
        let end = state.log_end();
        let memtables = &mut state.table_mut(table).memtables;
        let mut fixed = end;
        for memtable in memtables.iter_mut() {
            if let SwitchStage::SwitchedOut { raised_to } = memtable.stage {
                fixed = self.rules.upper_bound(end, raised_to);
                memtable.stage = SwitchStage::Bounded { upper: fixed };
            }
        }
        if let Some(current) = memtables.last_mut() {
            current.lower = fixed;
        }
    }

    /// The barrier is issued, and the flush has its place in the order.
    pub(super) fn barrier(state: &mut LogState, table: u8) {
        let first_after = state.begun();
        for memtable in &mut state.table_mut(table).memtables {
            let SwitchStage::Bounded { upper } = memtable.stage else {
                continue;
            };
            memtable.stage = SwitchStage::BarrierIssued { upper, first_after };
            let bounds = MemtableBounds {
                lower: memtable.lower,
                upper,
            };
            let number = memtable.number;
            state.flushes.push(Flush {
                table,
                number,
                bounds,
                first_after,
                state: FlushState::Writing,
            });
            break;
        }
    }

    /// The file is complete and takes the place of the memtable in the table.
    pub(super) fn flush(&self, state: &mut LogState, table: u8, number: u8) {
        let bounds = set_state(state, table, number, FlushState::Written);
        let memtables = &mut state.table_mut(table).memtables;
        let index = memtables.iter().position(|memtable| memtable.number == number);
        let memtable = memtables.remove(index.expect("a flush has its memtable"));
        let winner = self.winner(state, writes_of(memtable.writes));
        let table = state.table_mut(table);
        table.flushed |= memtable.writes;
        if let Some(winner) = winner {
            let sstable = SSTable {
                number: next_file(table),
                winner,
                intervals: intervals_of(self.rules, bounds),
            };
            table.sstables.push(sstable);
        }
    }

    /// The file could not be written; the memtable stays and is read.
    pub(super) fn fail_flush(state: &mut LogState, table: u8, number: u8) {
        state.budgets.flush_failures -= 1;
        set_state(state, table, number, FlushState::Failed);
    }

    /// A memtable whose flush failed takes its place at the end of the order.
    pub(super) fn retry_flush(state: &mut LogState, table: u8, number: u8) {
        let mut memtables = state.table(table).memtables.iter();
        let failed = memtables.find(|memtable| memtable.number == number);
        let memtable = failed.expect("a flush that failed has kept its memtable");
        if let SwitchStage::BarrierIssued { upper, first_after } = memtable.stage {
            let bounds = MemtableBounds {
                lower: memtable.lower,
                upper,
            };
            state.flushes.push(Flush {
                table,
                number,
                bounds,
                first_after,
                state: FlushState::Writing,
            });
        }
    }

    /// The positions of a flush become clean, and segments that nothing needs are deleted.
    pub(super) fn post_flush(&self, state: &mut LogState, table: u8, number: u8) {
        let index = flush_index(state, table, number).expect("a flush that is followed up is in the order");
        let flush = state.flushes.remove(index);
        if let Some((lower, upper)) = self.rules.clean_after(flush.state, flush.bounds) {
            for segment in &mut state.segments {
                if let Some(dirtiness) = &mut segment.dirtiness {
                    dirtiness.mark_clean(table, lower, upper);
                }
            }
        }
        state.segments.retain(|segment| {
            let unused =
                |dirtiness: &thymbra_durability::SegmentDirtiness<u8>| dirtiness.is_unused(self.rules);
            !segment.dirtiness.as_ref().is_some_and(unused)
        });
    }

    /// A truncation begins: it waits for the flush of what was written before.
    pub(super) fn truncate(&self, state: &mut LogState, table: u8) {
        state.budgets.truncations -= 1;
        self.begin_switch(state, table);
        self.bound(state, table);
        Self::barrier(state, table);
        let at = state
            .flushes
            .last()
            .map_or(CommitLogPosition::NONE, |flush| flush.bounds.upper);
        let is_acknowledged = |write: &u8| state.write(*write).phase == WritePhase::Acknowledged;
        let acknowledged = (self.of_table(u8::MAX, table))
            .filter(is_acknowledged)
            .fold(0, |mask, write| mask | write_bit(write));
        state.table_mut(table).truncation = Some(Truncation {
            at,
            acknowledged,
            is_recorded: false,
        });
    }

    /// The position up to which nothing is replayed is recorded, on the disk.
    pub(super) fn record_truncation(&self, state: &mut LogState, table: u8) {
        let table = state.table_mut(table);
        let truncation = table
            .truncation
            .as_mut()
            .expect("a truncation that is recorded has begun");
        truncation.is_recorded = true;
        match self.driver {
            LogFault::FilesBeforeTruncation => table.sstables.clear(),
            LogFault::None
            | LogFault::AcknowledgeBeforeApply
            | LogFault::AppendNothing
            | LogFault::LyingDisk
            | LogFault::EndOfReplayNotesNothing
            | LogFault::OverlapsOfTheStart => {
                table.truncated_at = Some(truncation.at);
            }
        }
    }

    /// The files go as one, and the client is told.
    pub(super) fn end_truncate(state: &mut LogState, table: u8) {
        let table = state.table_mut(table);
        let truncation = table.truncation.take().expect("a truncation that ends has begun");
        table.truncated_at = Some(truncation.at);
        table.sstables.clear();
        table.truncated |= table.flushed;
        table.flushed = 0;
        table.gone |= truncation.acknowledged;
    }

    /// The flushes of a table that a truncation waits for, as they stand.
    pub(super) fn flushes_of(state: &LogState, table: u8) -> Vec<FlushState> {
        let running = state.flushes.iter().filter(|flush| flush.table == table);
        let failed = (state.table(table).memtables.iter())
            .filter(|memtable| is_failed(state, table, memtable))
            .map(|_| FlushState::Failed);
        running.map(|flush| flush.state).chain(failed).collect()
    }
}

/// The flush of a memtable failed, whether or not that was followed up.
pub(super) fn is_failed(state: &LogState, table: u8, memtable: &Memtable) -> bool {
    let is_switched = matches!(memtable.stage, SwitchStage::BarrierIssued { .. });
    let flush = flush_index(state, table, memtable.number).and_then(|index| state.flushes.get(index));
    is_switched && flush.is_none_or(|flush| flush.state == FlushState::Failed)
}

/// Where a flush stands in the order.
pub(super) fn flush_index(state: &LogState, table: u8, number: u8) -> Option<usize> {
    (state.flushes.iter()).position(|flush| flush.table == table && flush.number == number)
}

/// The number of the next file of a table.
pub(super) fn next_file(table: &Table) -> u8 {
    let inputs = table.compaction.iter().flat_map(|compaction| &compaction.inputs);
    let output = table
        .compaction
        .iter()
        .filter_map(|compaction| compaction.output.as_ref());
    let numbers = table.sstables.iter().chain(inputs).chain(output);
    1 + numbers.map(|sstable| sstable.number).max().unwrap_or(0)
}

fn set_state(state: &mut LogState, table: u8, number: u8, to: FlushState) -> MemtableBounds {
    let index = flush_index(state, table, number).expect("a flush that ends is in the order");
    let flush = state.flushes.get_mut(index).expect("it was found just above");
    flush.state = to;
    flush.bounds
}
