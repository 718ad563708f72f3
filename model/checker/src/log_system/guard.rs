//! May this happen to the storage now? One answer for the search, for replays and for "why not".

use thymbra_durability::{FlushState, SwitchStage};

use super::LogSystem;
use super::action::{CommitFate, LogAction, LogUnmet, Tail};
use super::crash::unsynced;
use super::faults::LogFault;
use super::flush::{flush_index, is_failed};
use super::replay_flush::end_of;
use super::state::{
    CommitRecord, Compaction, LogState, NodeLife, Segment, Truncation, WritePhase, write_bit,
};
use crate::scope::Sync;

pub(super) type Guard = Result<(), LogUnmet>;

pub(super) fn holds(condition: bool, unmet: LogUnmet) -> Guard {
    if condition { Ok(()) } else { Err(unmet) }
}

impl LogSystem {
    /// Whether an action is possible.
    ///
    /// # Errors
    /// The first condition that is not met.
    pub fn guard(&self, state: &LogState, action: LogAction) -> Guard {
        self.guard_life(state, action)?;
        match action {
            LogAction::Append(write) => self.guard_append(state, write),
            LogAction::Apply(write) => {
                holds(phase(state, write)? == WritePhase::Appended, LogUnmet::OtherPhase)?;
                holds(self.may_go_on(state, write), LogUnmet::WaitsForSync)
            }
            LogAction::Acknowledge(write) => {
                let is_hasty = self.driver == LogFault::AcknowledgeBeforeApply;
                let phase = phase(state, write)?;
                let may = phase == WritePhase::Applied || is_hasty && phase == WritePhase::Appended;
                holds(may, LogUnmet::OtherPhase)
            }
            LogAction::Mark => {
                let behind = |segment: &Segment| segment.marked() < segment.len();
                // A sync writes the markers that it needs, and does as well where no power loss can follow.
                let is_told_apart = self.scope.sync == Sync::Periodic && state.budgets.power_losses > 0;
                let useful = is_told_apart && state.segments.iter().any(behind);
                holds(useful, LogUnmet::NothingToWrite)?;
                holds(!self.to_be_marked(state).is_empty(), LogUnmet::EarlierNotSynced)
            }
            LogAction::Sync => {
                let behind = |segment: &Segment| segment.synced < segment.len();
                holds(state.segments.iter().any(behind), LogUnmet::NothingToWrite)
            }
            LogAction::Switch(_)
            | LogAction::Bound(_)
            | LogAction::Barrier(_)
            | LogAction::Flush(..)
            | LogAction::FailFlush(..)
            | LogAction::RetryFlush(..)
            | LogAction::PostFlush(..) => self.guard_flush(state, action),
            LogAction::Choose(..)
            | LogAction::Compact(..)
            | LogAction::Commit(_)
            | LogAction::SyncCommit(_)
            | LogAction::Unlink(..)
            | LogAction::EndCompaction(_) => self.guard_compaction(state, action),
            LogAction::Truncate(_)
            | LogAction::RecordTruncation(_)
            | LogAction::EndTruncate(_)
            | LogAction::FailTruncate(_) => self.guard_truncation(state, action),
            LogAction::Tick => holds(state.budgets.ticks > 0, LogUnmet::BudgetSpent),
            LogAction::Crash => holds(state.budgets.crashes > 0, LogUnmet::BudgetSpent),
            LogAction::PowerLoss { kept, tail, commit } => guard_power_loss(state, kept, tail, commit),
            LogAction::Corrupt { segment, record, .. } => {
                holds(state.budgets.corruptions > 0, LogUnmet::BudgetSpent)?;
                let segment = state.segments.iter().find(|candidate| candidate.id == segment);
                let is_whole = |segment: &Segment| segment.damaged.is_none() && record < segment.marked();
                holds(segment.is_some_and(is_whole), LogUnmet::NoSuchThing)
            }
            LogAction::Restart { clock_back } => holds(
                !clock_back || state.budgets.clock_backs > 0,
                LogUnmet::BudgetSpent,
            ),
            LogAction::FlushRest(table) => Self::guard_flush_rest(state, table),
            LogAction::EndStart => Self::guard_end_start(state),
            LogAction::FlushReplayed {
                table,
                segment,
                record,
            } => self.guard_flush_replayed(state, table, end_of(segment, record)),
            LogAction::Mend => {
                holds(state.budgets.mends > 0, LogUnmet::BudgetSpent)?;
                let is_damaged = |segment: &Segment| segment.damaged.is_some();
                holds(state.segments.iter().any(is_damaged), LogUnmet::NothingToDo)
            }
        }
    }

    fn guard_life(&self, state: &LogState, action: LogAction) -> Guard {
        let may = match action {
            LogAction::Crash if state.life == NodeLife::Refused => state.budgets.mends > 0,
            LogAction::Crash | LogAction::PowerLoss { .. } => {
                matches!(state.life, NodeLife::Up | NodeLife::Starting)
            }
            LogAction::FlushReplayed { .. } => {
                matches!(state.life, NodeLife::Starting | NodeLife::Refused)
            }
            LogAction::Mend => state.life == NodeLife::Refused,
            LogAction::FlushRest(_) | LogAction::EndStart => state.life == NodeLife::Starting,
            LogAction::Restart { .. } | LogAction::Corrupt { .. } => state.life == NodeLife::Down,
            LogAction::Append(_)
            | LogAction::Apply(_)
            | LogAction::Acknowledge(_)
            | LogAction::Mark
            | LogAction::Sync
            | LogAction::Switch(_)
            | LogAction::Bound(_)
            | LogAction::Barrier(_)
            | LogAction::Flush(..)
            | LogAction::FailFlush(..)
            | LogAction::RetryFlush(..)
            | LogAction::PostFlush(..)
            | LogAction::Choose(..)
            | LogAction::Compact(..)
            | LogAction::Commit(_)
            | LogAction::SyncCommit(_)
            | LogAction::Unlink(..)
            | LogAction::EndCompaction(_)
            | LogAction::Truncate(_)
            | LogAction::RecordTruncation(_)
            | LogAction::EndTruncate(_)
            | LogAction::FailTruncate(_)
            | LogAction::Tick => state.life == NodeLife::Up,
        };
        holds(may, LogUnmet::OtherLife)
    }

    fn guard_append(&self, state: &LogState, write: u8) -> Guard {
        holds(phase(state, write)? == WritePhase::Waiting, LogUnmet::OtherPhase)?;
        let earlier = state.writes.iter().take(usize::from(write));
        let have_begun = earlier
            .into_iter()
            .all(|write| write.phase != WritePhase::Waiting);
        holds(have_begun, LogUnmet::NotItsTurn)
    }

    fn guard_switch(&self, state: &LogState, table: u8) -> Guard {
        holds(table_exists(state, table), LogUnmet::NoSuchThing)?;
        holds(state.table(table).truncation.is_none(), LogUnmet::TableBusy)?;
        let between = |memtable: &super::Memtable| {
            matches!(
                memtable.stage,
                SwitchStage::SwitchedOut { .. } | SwitchStage::Bounded { .. }
            )
        };
        let is_between = (state.tables.iter()).any(|table| table.memtables.iter().any(between));
        holds(!is_between, LogUnmet::OtherStep)
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the kinds of action were told apart by the caller"
    )]
    fn guard_flush(&self, state: &LogState, action: LogAction) -> Guard {
        match action {
            LogAction::Switch(table) => {
                holds(state.budgets.switches > 0, LogUnmet::BudgetSpent)?;
                self.guard_switch(state, table)
            }
            LogAction::Bound(table) => {
                let is_open = |stage| matches!(stage, SwitchStage::SwitchedOut { .. });
                guard_stage(state, table, is_open)
            }
            LogAction::Barrier(table) => {
                let is_bounded = |stage| matches!(stage, SwitchStage::Bounded { .. });
                guard_stage(state, table, is_bounded)
            }
            LogAction::Flush(table, number) | LogAction::FailFlush(table, number) => {
                let index = flush_index(state, table, number).ok_or(LogUnmet::NoSuchThing)?;
                let flush = state.flushes.get(index).ok_or(LogUnmet::NoSuchThing)?;
                holds(flush.state == FlushState::Writing, LogUnmet::OtherStep)?;
                let is_failure = matches!(action, LogAction::FailFlush(..));
                holds(
                    !is_failure || state.budgets.flush_failures > 0,
                    LogUnmet::BudgetSpent,
                )?;
                holds(
                    !Self::runs_before(state, flush.first_after),
                    LogUnmet::OperationsRun,
                )
            }
            LogAction::RetryFlush(table, number) => {
                holds(table_exists(state, table), LogUnmet::NoSuchThing)?;
                let mut memtables = state.table(table).memtables.iter();
                let memtable = memtables.find(|memtable| memtable.number == number);
                let is_settled = flush_index(state, table, number).is_none();
                let may = |memtable| is_settled && is_failed(state, table, memtable);
                holds(memtable.is_some_and(may), LogUnmet::OtherStep)
            }
            LogAction::PostFlush(table, number) => {
                let index = flush_index(state, table, number).ok_or(LogUnmet::NoSuchThing)?;
                let flush = state.flushes.get(index).ok_or(LogUnmet::NoSuchThing)?;
                let earlier: Vec<FlushState> = state
                    .flushes
                    .iter()
                    .take(index)
                    .map(|flush| flush.state)
                    .collect();
                let may = self.rules.may_post_flush(flush.state, &earlier);
                holds(may, LogUnmet::EarlierFlushRuns)
            }
            _ => Err(LogUnmet::NoSuchThing),
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the kinds of action were told apart by the caller"
    )]
    fn guard_compaction(&self, state: &LogState, action: LogAction) -> Guard {
        match action {
            LogAction::Choose(table, inputs) => {
                holds(self.scope.compaction_asks_later, LogUnmet::NothingToDo)?;
                guard_choose(state, table, inputs)
            }
            LogAction::Compact(table, inputs) => self.guard_compact(state, table, inputs),
            LogAction::Commit(table) => {
                let compaction = compaction(state, table)?;
                holds(compaction.commit == CommitRecord::Absent, LogUnmet::OtherStep)?;
                holds(self.rules.may_commit(true, true), LogUnmet::Forbidden)
            }
            LogAction::SyncCommit(table) => {
                let compaction = compaction(state, table)?;
                holds(compaction.commit == CommitRecord::Written, LogUnmet::OtherStep)
            }
            LogAction::Unlink(table, place) => {
                let compaction = compaction(state, table)?;
                let is_there = usize::from(place) < compaction.inputs.len()
                    && compaction.unlinked & write_bit(place) == 0;
                holds(is_there, LogUnmet::NoSuchThing)?;
                holds(compaction.notes_removed, LogUnmet::OtherStep)?;
                let is_synced = compaction.commit == CommitRecord::Synced;
                holds(
                    self.rules.may_delete_removed(is_synced, false),
                    LogUnmet::Forbidden,
                )
            }
            LogAction::EndCompaction(table) => {
                let compaction = compaction(state, table)?;
                holds(compaction.commit == CommitRecord::Synced, LogUnmet::OtherStep)?;
                let are_gone = super::compaction::inputs_on_disk(compaction).next().is_none();
                holds(self.rules.may_delete_log(are_gone), LogUnmet::Forbidden)
            }
            _ => Err(LogUnmet::NoSuchThing),
        }
    }

    fn guard_compact(&self, state: &LogState, table: u8, inputs: u8) -> Guard {
        if self.scope.compaction_asks_later {
            holds(table_exists(state, table), LogUnmet::NoSuchThing)?;
            let chosen = state.table(table).chosen.map(|chosen| chosen.inputs);
            holds(chosen == Some(inputs), LogUnmet::OtherStep)?;
        } else {
            guard_choose(state, table, inputs)?;
        }
        let plan = self.plan(state, table, inputs);
        holds(
            plan.inputs.len() > 1 || plan.output.is_none(),
            LogUnmet::NothingToDo,
        )
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the kinds of action were told apart by the caller"
    )]
    fn guard_truncation(&self, state: &LogState, action: LogAction) -> Guard {
        match action {
            LogAction::Truncate(table) => {
                holds(state.budgets.truncations > 0, LogUnmet::BudgetSpent)?;
                self.guard_switch(state, table)?;
                let here = state.table(table);
                let is_free = here.compaction.is_none() && here.chosen.is_none();
                holds(is_free, LogUnmet::TableBusy)
            }
            LogAction::EndTruncate(table) => {
                holds(begun_truncation(state, table)?.is_recorded, LogUnmet::OtherStep)
            }
            LogAction::RecordTruncation(table) => {
                holds(!begun_truncation(state, table)?.is_recorded, LogUnmet::OtherStep)?;
                let flushes = Self::flushes_of(state, table);
                holds(self.rules.may_proceed(&flushes), LogUnmet::Forbidden)
            }
            LogAction::FailTruncate(table) => {
                holds(!begun_truncation(state, table)?.is_recorded, LogUnmet::OtherStep)?;
                let flushes = Self::flushes_of(state, table);
                let is_over = !flushes.contains(&FlushState::Writing);
                holds(
                    is_over && flushes.contains(&FlushState::Failed),
                    LogUnmet::OtherStep,
                )
            }
            _ => Err(LogUnmet::NoSuchThing),
        }
    }
}

fn phase(state: &LogState, write: u8) -> Result<WritePhase, LogUnmet> {
    let written = state.writes.get(usize::from(write));
    written.map(|write| write.phase).ok_or(LogUnmet::NoSuchThing)
}

pub(super) fn table_exists(state: &LogState, table: u8) -> bool {
    usize::from(table) < state.tables.len()
}

fn guard_stage(state: &LogState, table: u8, is_there: fn(SwitchStage) -> bool) -> Guard {
    holds(table_exists(state, table), LogUnmet::NoSuchThing)?;
    let mut memtables = state.table(table).memtables.iter();
    holds(
        memtables.any(|memtable| is_there(memtable.stage)),
        LogUnmet::OtherStep,
    )
}

/// A compaction may choose these files.
fn guard_choose(state: &LogState, table: u8, inputs: u8) -> Guard {
    holds(state.budgets.compactions > 0, LogUnmet::BudgetSpent)?;
    holds(table_exists(state, table), LogUnmet::NoSuchThing)?;
    let here = state.table(table);
    let is_free = here.compaction.is_none() && here.chosen.is_none() && here.truncation.is_none();
    holds(is_free, LogUnmet::TableBusy)?;
    let numbers = (here.sstables.iter()).fold(0, |mask, sstable| mask | write_bit(sstable.number));
    holds(inputs != 0 && inputs & !numbers == 0, LogUnmet::NoSuchThing)
}

fn compaction(state: &LogState, table: u8) -> Result<&Compaction, LogUnmet> {
    holds(table_exists(state, table), LogUnmet::NoSuchThing)?;
    state
        .table(table)
        .compaction
        .as_ref()
        .ok_or(LogUnmet::NoSuchThing)
}

fn begun_truncation(state: &LogState, table: u8) -> Result<&Truncation, LogUnmet> {
    holds(table_exists(state, table), LogUnmet::NoSuchThing)?;
    let truncation = state.table(table).truncation.as_ref();
    truncation.ok_or(LogUnmet::NoSuchThing)
}

/// Each choice that a power loss has is offered once.
fn guard_power_loss(state: &LogState, kept: u8, tail: Tail, commit: CommitFate) -> Guard {
    holds(state.budgets.power_losses > 0, LogUnmet::BudgetSpent)?;
    let sections = unsynced(&state.segments);
    let first = sections.first().map(|(index, _)| *index);
    let last = sections.last().map(|(index, _)| *index);
    let fits = match tail {
        Tail::Whole => usize::from(kept) <= sections.len(),
        Tail::Torn => kept > 0 && usize::from(kept) <= sections.len(),
        Tail::Reordered => kept == 0 && first != last,
    };
    holds(fits, LogUnmet::NoSuchThing)?;
    let is_written = |table: &super::Table| {
        let compaction = table.compaction.as_ref();
        compaction.is_some_and(|compaction| compaction.commit == CommitRecord::Written)
    };
    let has_choice = state.tables.iter().any(is_written);
    holds(has_choice || commit == CommitFate::Kept, LogUnmet::NoSuchThing)
}
