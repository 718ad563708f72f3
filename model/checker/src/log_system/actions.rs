//! Every action that is possible in a state, in a fixed order.

use super::LogSystem;
use super::action::{CommitFate, LogAction, Tail};
use super::crash::unsynced;
use super::state::{Damage, LogState, NodeLife, write_bit};

impl LogSystem {
    /// Adds every possible action.
    pub fn possible_actions(&self, state: &LogState, actions: &mut Vec<LogAction>) {
        let mut candidates = Vec::new();
        match state.life {
            NodeLife::Up => {
                self.of_writes(&mut candidates);
                self.of_tables(state, &mut candidates);
                of_crashes(state, &mut candidates);
            }
            NodeLife::Starting => {
                candidates.push(LogAction::EndStart);
                candidates.extend((0_u8..).take(state.tables.len()).map(LogAction::FlushRest));
                of_replays(state, &mut candidates);
                of_crashes(state, &mut candidates);
            }
            NodeLife::Down => of_disk(state, &mut candidates),
            NodeLife::Refused => {
                of_replays(state, &mut candidates);
                candidates.extend([LogAction::Mend, LogAction::Crash]);
            }
        }
        actions.extend(
            candidates
                .into_iter()
                .filter(|action| self.guard(state, *action).is_ok()),
        );
    }

    fn of_writes(&self, candidates: &mut Vec<LogAction>) {
        for write in (0_u8..).take(self.scope.writes.len()) {
            candidates.extend([
                LogAction::Append(write),
                LogAction::Apply(write),
                LogAction::Acknowledge(write),
            ]);
        }
        candidates.extend([LogAction::Mark, LogAction::Sync, LogAction::Tick]);
    }

    fn of_tables(&self, state: &LogState, candidates: &mut Vec<LogAction>) {
        for (table, here) in (0_u8..).zip(&state.tables) {
            candidates.extend([
                LogAction::Switch(table),
                LogAction::Bound(table),
                LogAction::Barrier(table),
                LogAction::Truncate(table),
                LogAction::RecordTruncation(table),
                LogAction::EndTruncate(table),
                LogAction::FailTruncate(table),
            ]);
            let numbers = here.memtables.iter().map(|memtable| memtable.number);
            candidates.extend(numbers.map(|number| LogAction::RetryFlush(table, number)));
            let files = here
                .sstables
                .iter()
                .fold(0, |mask, sstable| mask | write_bit(sstable.number));
            if self.scope.compaction_asks_later && here.chosen.is_none() {
                candidates.extend(subsets(files).map(|inputs| LogAction::Choose(table, inputs)));
            } else {
                candidates.extend(subsets(files).map(|inputs| LogAction::Compact(table, inputs)));
            }
            if let Some(compaction) = &here.compaction {
                candidates.extend([LogAction::Commit(table), LogAction::SyncCommit(table)]);
                let places = (0_u8..).take(compaction.inputs.len());
                candidates.extend(places.map(|place| LogAction::Unlink(table, place)));
                candidates.push(LogAction::EndCompaction(table));
            }
        }
        for flush in &state.flushes {
            let (table, number) = (flush.table, flush.number);
            candidates.extend([
                LogAction::Flush(table, number),
                LogAction::FailFlush(table, number),
                LogAction::PostFlush(table, number),
            ]);
        }
    }
}

/// Subsets of a mask but the empty one, ascending.
fn subsets(mask: u8) -> impl Iterator<Item = u8> {
    (1..=mask).filter(move |subset| subset & !mask == 0)
}

fn of_crashes(state: &LogState, candidates: &mut Vec<LogAction>) {
    candidates.push(LogAction::Crash);
    let sections = u8::try_from(unsynced(&state.segments).len()).unwrap_or(u8::MAX);
    for commit in [CommitFate::Kept, CommitFate::Torn, CommitFate::Lost] {
        for kept in 0..=sections {
            for tail in [Tail::Whole, Tail::Torn, Tail::Reordered] {
                candidates.push(LogAction::PowerLoss { kept, tail, commit });
            }
        }
    }
}

fn of_replays(state: &LogState, candidates: &mut Vec<LogAction>) {
    for table in (0_u8..).take(state.tables.len()) {
        for segment in &state.segments {
            for record in 0..segment.marked() {
                let segment = segment.id;
                candidates.push(LogAction::FlushReplayed {
                    table,
                    segment,
                    record,
                });
            }
        }
    }
}

fn of_disk(state: &LogState, candidates: &mut Vec<LogAction>) {
    for clock_back in [false, true] {
        candidates.push(LogAction::Restart { clock_back });
    }
    for segment in &state.segments {
        for record in 0..segment.marked() {
            for damage in [Damage::Checksum, Damage::Zeros] {
                let segment = segment.id;
                candidates.push(LogAction::Corrupt {
                    segment,
                    record,
                    damage,
                });
            }
        }
    }
}
