//! What a replay flushes: on its way when it runs short of memory, and the rest of each table at its end. The start may
//! be refused before damage, and crash before each of these steps.
//!
//! The replay of a start is one step of the model, and each flush one behind it: what a flush on the way wrote depends on
//! nothing that the replay read later, and what it left on the disk is the same.

use thymbra_types::{CommitLogPosition, IntervalSet};

use super::action::LogUnmet;
use super::crash::lose_memory;
use super::faults::LogFault;
use super::flush::next_file;
use super::guard::{Guard, holds, table_exists};
use super::observe::{LogBreach, LogReached, intact_log};
use super::state::{LogState, NodeLife, SSTable, Table, WriteMask, write_bit, writes_of};
use super::{LogSystem, intervals_of};

/// The end of a record, counted from 0.
pub(super) fn end_of(segment_id: i64, record: u8) -> CommitLogPosition {
    CommitLogPosition {
        segment_id,
        position: u32::from(record) + 1,
    }
}

/// What a table has in memory of the log up to a position.
fn replayed_up_to(state: &LogState, table: u8, last: CommitLogPosition) -> WriteMask {
    let memtables = state.table(table).memtables.iter();
    memtables
        .flat_map(|memtable| writes_of(memtable.writes))
        .filter(|write| {
            state
                .write(*write)
                .position
                .is_some_and(|position| position <= last)
        })
        .fold(0, |mask, write| mask | write_bit(write))
}

/// A replay gave it something that no file has.
fn is_to_be_flushed(table: &Table) -> bool {
    table.memtables.iter().any(|memtable| memtable.writes != 0)
}

impl LogSystem {
    /// The record was replayed, and the table has something to flush by then.
    pub(super) fn guard_flush_replayed(&self, state: &LogState, table: u8, last: CommitLogPosition) -> Guard {
        holds(state.budgets.replay_flushes > 0, LogUnmet::BudgetSpent)?;
        holds(table_exists(state, table), LogUnmet::NoSuchThing)?;
        holds(replayed_up_to(state, table, last) != 0, LogUnmet::NothingToDo)?;
        let read = self.replay(state).read;
        holds(read.contains(&last), LogUnmet::NoSuchThing)?;
        // After the last record it is the flush at the end, which a start that goes on makes anyway.
        let is_rest = state.life == NodeLife::Starting && read.last() == Some(&last);
        holds(!is_rest, LogUnmet::NothingToDo)
    }

    /// The table has something that the replay gave it.
    pub(super) fn guard_flush_rest(state: &LogState, table: u8) -> Guard {
        holds(table_exists(state, table), LogUnmet::NoSuchThing)?;
        holds(is_to_be_flushed(state.table(table)), LogUnmet::NothingToDo)
    }

    /// No table has.
    pub(super) fn guard_end_start(state: &LogState) -> Guard {
        let is_over = !state.tables.iter().any(is_to_be_flushed);
        holds(is_over, LogUnmet::EarlierFlushRuns)
    }

    /// What a table was given up to a record, that of the replay which ends at `last`, becomes a file.
    pub(super) fn flush_replayed(&self, state: &mut LogState, table: u8, last: CommitLogPosition) {
        state.budgets.replay_flushes -= 1;
        let intervals = intervals_of(self.rules, self.rules.replayed_bounds(last));
        self.flush_up_to(state, table, last, intervals);
    }

    /// The same of all that it was given, once the replay is at its end.
    pub(super) fn flush_rest(&self, state: &mut LogState, table: u8) {
        let read = self.replay(state).read;
        let last = *read.last().expect("what was replayed was read");
        let intervals = match self.driver {
            LogFault::EndOfReplayNotesNothing => IntervalSet::empty(),
            LogFault::None
            | LogFault::AcknowledgeBeforeApply
            | LogFault::AppendNothing
            | LogFault::LyingDisk
            | LogFault::OverlapsOfTheStart
            | LogFault::FilesBeforeTruncation => intervals_of(self.rules, self.rules.replayed_bounds(last)),
        };
        self.flush_up_to(state, table, last, intervals);
    }

    fn flush_up_to(
        &self,
        state: &mut LogState,
        table: u8,
        last: CommitLogPosition,
        intervals: IntervalSet<CommitLogPosition>,
    ) {
        let replayed = replayed_up_to(state, table, last);
        let winner = self.winner(state, writes_of(replayed));
        let table = state.table_mut(table);
        for memtable in &mut table.memtables {
            memtable.writes &= !replayed;
        }
        table.flushed |= replayed;
        table.replayed |= replayed;
        if let Some(winner) = winner {
            let sstable = SSTable {
                number: next_file(table),
                winner,
                intervals,
            };
            table.sstables.push(sstable);
        }
    }

    /// The log is whole again, and the process that was refused has ended.
    pub(super) fn mend(state: &mut LogState) {
        state.budgets.mends -= 1;
        lose_memory(state);
        for segment in &mut state.segments {
            segment.damaged = None;
        }
        state.ghost.is_corrupted = false;
        state.ghost.must_refuse = false;
        state.ghost.is_mended = true;
    }

    /// S4r: what a replay applied and passed over, also one that was refused.
    pub(super) fn observe_replay(&self, before: &LogState, after: &mut LogState) {
        let is_refused = after.life == NodeLife::Refused;
        let logged = intact_log(before);
        let (mut again, mut passed, mut is_behind) = (false, false, false);
        let (mut resumed, mut applied_any) = (false, false);
        for (table, here) in (0_u8..).zip(&after.tables) {
            let memtables = here.memtables.iter();
            let applied = memtables.fold(0, |mask, memtable| mask | memtable.writes);
            let of_table = self.of_table(logged, table);
            let logged = of_table.fold(0, |mask, write| mask | write_bit(write));
            again |= applied & here.replayed != 0;
            passed |= logged & !(applied | here.flushed | here.truncated | here.purged) != 0;
            let behind = |write: u8| {
                let skipped = writes_of(logged & here.replayed);
                let position = after.write(write).position;
                skipped
                    .into_iter()
                    .any(|other| position > after.write(other).position)
            };
            is_behind |= writes_of(applied).any(behind);
            resumed |= logged & here.replayed != 0 && applied == 0;
            applied_any |= applied != 0;
        }
        let is_judged = !is_refused && !before.ghost.is_corrupted;
        for (holds, bit) in [
            (again, LogBreach::ReplayedAgain),
            (passed && is_judged, LogBreach::PassedOver),
        ] {
            after.breaches |= if holds { bit as u32 } else { 0 };
        }
        let budgets = self.scope.budgets;
        let reached = match (budgets.mends, budgets.replay_flushes) {
            (0, 0) => resumed && applied_any,
            (0, _) => is_behind,
            (_, _) => is_behind && before.ghost.is_mended,
        };
        after.reached |= if reached {
            LogReached::PassedOverReplayed as u32
        } else {
            0
        };
    }
}
