//! What a transition broke or reached: counted from what happened, without asking the rules that are judged.

use thymbra_durability::SwitchStage;
use thymbra_types::CommitLogPosition;

use super::LogSystem;
use super::action::LogAction;
use super::flush::is_failed;
use super::state::{
    CommitRecord, Compaction, LogState, NodeLife, SSTable, Segment, Table, WriteMask, WritePhase, write_bit,
    writes_of,
};

/// A clause that a transition broke.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u32)]
pub(super) enum LogBreach {
    /// S1: acknowledged before the commit log and a memtable had it.
    AckBeforeApply = 1,
    /// S2: acknowledged before it was synced.
    AckBeforeSync = 1 << 1,
    /// S2: acknowledged, and gone after a restart.
    AckedLost = 1 << 2,
    /// S2p: a power loss took what was synced.
    SyncedLost = 1 << 3,
    /// S2p: what was lost is no suffix of the log.
    NotSuffix = 1 << 4,
    /// S3: a segment was deleted that had a record which no flush wrote.
    SegmentNeeded = 1 << 5,
    /// S4: after a restart a read does not return what was persisted.
    StateLost = 1 << 6,
    /// S6: replay passed over damage before the last section.
    DamageHidden = 1 << 7,
    /// S6: a node whose disk was only cut short by a crash refused to start.
    TailRefused = 1 << 8,
    /// S7: positions of a failed flush were marked clean.
    FailedClean = 1 << 9,
    /// S7: a truncation went on though a flush had failed.
    FailedIgnored = 1 << 10,
    /// S9: after a crash the files are neither all inputs nor the output.
    SetTorn = 1 << 11,
    /// S12: a position was handed out that is not above all earlier ones.
    PositionNotAbove = 1 << 12,
    /// D3: a tombstone was forgotten while older data was elsewhere, or before its time.
    PurgedEarly = 1 << 13,
    /// S4r: replay applied a write that a flush of an earlier one had written.
    ReplayedAgain = 1 << 14,
    /// S4r: replay passed over a write that no flush has written.
    PassedOver = 1 << 15,
    /// D3u: a file was dropped unread that had a value, a young tombstone, or one with older data elsewhere.
    DroppedEarly = 1 << 16,
}

/// A premise that a transition made true.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u32)]
pub(super) enum LogReached {
    /// S1: a write was acknowledged.
    Acknowledged = 1,
    /// S2: in batch or group mode an acknowledged write came through a power loss in the log alone.
    SurvivedPowerLoss = 1 << 1,
    /// S2p: in periodic mode a power loss took an acknowledged write.
    AckedLostUnsynced = 1 << 2,
    /// S3: a segment was deleted while the node was up.
    SegmentDeleted = 1 << 3,
    /// S4: replay passed over a flushed record and applied another.
    SkippedAndApplied = 1 << 4,
    /// S6: replay ended at a torn tail, or refused a damaged log.
    TornOrRefused = 1 << 5,
    /// S7: a flush succeeded after one of the same table had failed.
    SucceededAfterFailure = 1 << 6,
    /// S8: a write found its memtable switched out.
    AppliedDuringSwitch = 1 << 7,
    /// S9: a compaction was interrupted after its commit, with an input left.
    InterruptedCommitted = 1 << 8,
    /// S12: a position was handed out in a second life.
    SecondLife = 1 << 9,
    /// D3: a tombstone was forgotten.
    Purged = 1 << 10,
    /// D5: a restart replayed a log that held a truncated record.
    TruncatedInLog = 1 << 11,
    /// S4r: replay passed over what a flush in the midst of an earlier one holds, and applied a record behind it. In
    /// runs with rot, the earlier replay had come upon damage behind it. In runs without such flushes, replay passed
    /// over a whole table that an earlier start had flushed at its end, and applied another.
    PassedOverReplayed = 1 << 12,
    /// D3u: a file was dropped unread.
    DroppedUnread = 1 << 13,
}

impl LogSystem {
    /// Notes what the step from `before` to `after` broke and reached.
    pub(super) fn observe(&self, before: &LogState, action: LogAction, after: &mut LogState) {
        match action {
            LogAction::Append(write) => {
                observe_append(before, write, after);
                if !self.scope.writes_in_steps {
                    self.observe_acknowledge(&after.clone(), write, after);
                }
            }
            LogAction::Apply(write) => self.observe_apply(before, write, after),
            LogAction::Acknowledge(write) => self.observe_acknowledge(before, write, after),
            LogAction::PostFlush(table, number) => self.observe_post_flush(before, table, number, after),
            LogAction::Flush(table, number) => {
                let is_earlier_failed = |memtable: &super::Memtable| {
                    memtable.number < number && is_failed(before, table, memtable)
                };
                if before.table(table).memtables.iter().any(is_earlier_failed) {
                    after.reached |= LogReached::SucceededAfterFailure as u32;
                }
            }
            LogAction::Choose(table, inputs) => self.observe_expired(before, table, inputs, after),
            LogAction::Compact(table, inputs) => {
                if before.table(table).chosen.is_none() {
                    self.observe_expired(before, table, inputs, after);
                }
                self.observe_compact(before, table, inputs, after);
            }
            LogAction::RecordTruncation(table) => {
                let memtables = &before.table(table).memtables;
                if memtables
                    .iter()
                    .any(|memtable| is_failed(before, table, memtable))
                {
                    after.breaches |= LogBreach::FailedIgnored as u32;
                }
            }
            LogAction::Crash | LogAction::PowerLoss { .. } => self.observe_loss(before, action, after),
            LogAction::Restart { .. } => {
                self.observe_restart(before, after);
                self.observe_replay(before, after);
            }
            LogAction::EndStart => self.observe_deletions(before, after),
            LogAction::Mark
            | LogAction::Sync
            | LogAction::Switch(_)
            | LogAction::Bound(_)
            | LogAction::Barrier(_)
            | LogAction::FailFlush(..)
            | LogAction::RetryFlush(..)
            | LogAction::Commit(_)
            | LogAction::SyncCommit(_)
            | LogAction::Unlink(..)
            | LogAction::EndCompaction(_)
            | LogAction::Truncate(_)
            | LogAction::EndTruncate(_)
            | LogAction::FailTruncate(_)
            | LogAction::Tick
            | LogAction::FlushReplayed { .. }
            | LogAction::FlushRest(_)
            | LogAction::Mend
            | LogAction::Corrupt { .. } => {}
        }
    }

    fn observe_apply(&self, before: &LogState, write: u8, after: &mut LogState) {
        let table = before.table(self.write(write).table);
        let switched = |memtable: &super::Memtable| memtable.stage != SwitchStage::Current;
        if table.memtables.iter().any(switched) {
            after.reached |= LogReached::AppliedDuringSwitch as u32;
        }
    }

    fn observe_acknowledge(&self, before: &LogState, write: u8, after: &mut LogState) {
        after.reached |= LogReached::Acknowledged as u32;
        let position = before.write(write).position;
        let table = before.table(self.write(write).table);
        let in_memory = table
            .memtables
            .iter()
            .any(|memtable| memtable.writes & write_bit(write) != 0);
        let in_files = (table.flushed | table.truncated) & write_bit(write) != 0;
        let in_log = position.is_none()
            || before
                .segments
                .iter()
                .any(|segment| segment.records.contains(&write));
        if !(in_files || in_memory && in_log) {
            after.breaches |= LogBreach::AckBeforeApply as u32;
        }
        let segment = before
            .segments
            .iter()
            .find(|segment| Some(segment.id) == position.map(|position| position.segment_id));
        let is_synced = segment.is_none_or(|segment| {
            position.is_none_or(|position| u32::from(segment.synced) >= position.position)
        });
        if self.scope.sync != crate::scope::Sync::Periodic && !is_synced {
            after.breaches |= LogBreach::AckBeforeSync as u32;
        }
    }

    fn observe_post_flush(&self, before: &LogState, table: u8, number: u8, after: &mut LogState) {
        self.observe_deletions(before, after);
        let flush = before
            .flushes
            .iter()
            .find(|flush| flush.table == table && flush.number == number);
        let clean = flush.and_then(|flush| self.rules.clean_after(flush.state, flush.bounds));
        let Some((lower, upper)) = clean else {
            return;
        };
        let here = before.table(table);
        let failed = here
            .memtables
            .iter()
            .filter(|memtable| is_failed(before, table, memtable));
        let is_marked = |write: u8| {
            let position = before.write(write).position;
            position.is_some_and(|position| lower < position && position <= upper)
        };
        if failed
            .flat_map(|memtable| writes_of(memtable.writes))
            .any(is_marked)
        {
            after.breaches |= LogBreach::FailedClean as u32;
        }
    }

    /// S3: whatever was in a deleted segment is in files, or was removed on purpose.
    fn observe_deletions(&self, before: &LogState, after: &mut LogState) {
        let is_deleted = |segment: &&Segment| !after.segments.iter().any(|other| other.id == segment.id);
        let deleted: Vec<&Segment> = before.segments.iter().filter(is_deleted).collect();
        let is_up = before.life == NodeLife::Up;
        let is_settled = |write: u8| {
            let table = after.table(self.write(write).table);
            (table.flushed | table.truncated | table.purged) & write_bit(write) != 0
        };
        let is_needed = deleted
            .iter()
            .any(|segment| readable(segment).iter().any(|write| !is_settled(*write)));
        let is_reached = is_up && deleted.iter().any(|segment| !segment.is_empty());
        if is_reached {
            after.reached |= LogReached::SegmentDeleted as u32;
        }
        let discarded = deleted.iter().flat_map(|segment| readable(segment));
        after.ghost.discarded = discarded.fold(after.ghost.discarded, |mask, write| mask | write_bit(*write));
        if is_needed && !after.ghost.is_corrupted {
            after.breaches |= LogBreach::SegmentNeeded as u32;
        }
    }

    fn observe_compact(&self, before: &LogState, table: u8, inputs: u8, after: &mut LogState) {
        let here = before.table(table);
        let expired = self.dropped_unread(before, table, inputs);
        let is_purged = self.plan(before, table, inputs).output.is_none();
        let is_read = |sstable: &&SSTable| inputs & !expired.files & write_bit(sstable.number) != 0;
        let is_input = |sstable: &&SSTable| inputs & write_bit(sstable.number) != 0;
        let merged = self.winner(
            before,
            here.sstables.iter().filter(is_read).map(|sstable| sstable.winner),
        );
        let Some(tombstone) = merged.filter(|_| is_purged) else {
            return;
        };
        after.reached |= LogReached::Purged as u32;
        let is_old_data = |write: &u8| {
            let other = self.write(*write);
            other.table == table && *write != tombstone && other.timestamp <= self.write(tombstone).timestamp
        };
        let in_files = here
            .sstables
            .iter()
            .filter(|sstable| !is_input(sstable))
            .map(|sstable| sstable.winner);
        let in_memory = here
            .memtables
            .iter()
            .flat_map(|memtable| writes_of(memtable.writes));
        let in_log = before
            .segments
            .iter()
            .flat_map(|segment| segment.records.iter().copied());
        let age = before.now - before.write(tombstone).made_at;
        if in_files
            .chain(in_memory)
            .chain(in_log)
            .any(|write| is_old_data(&write))
            || age <= self.scope.gc_grace
        {
            after.breaches |= LogBreach::PurgedEarly as u32;
        }
    }

    fn observe_loss(&self, before: &LogState, action: LogAction, after: &mut LogState) {
        let is_power_loss = matches!(action, LogAction::PowerLoss { .. });
        let surviving = |position: CommitLogPosition| {
            let segment = after
                .segments
                .iter()
                .find(|segment| segment.id == position.segment_id);
            segment.is_some_and(|segment| {
                let end = usize::try_from(position.position).unwrap_or(usize::MAX);
                end <= readable(segment).len()
            })
        };
        let mut lost_before = false;
        let (mut not_suffix, mut synced_lost, mut acked_lost, mut acked_kept) = (false, false, false, false);
        for segment in &before.segments {
            let was_readable = readable(segment).len();
            for (index, write) in segment.records.iter().enumerate().take(was_readable) {
                let survives = surviving(segment.position_of(index));
                not_suffix |= survives && lost_before;
                lost_before |= !survives;
                let must_survive = if is_power_loss {
                    segment.synced
                } else {
                    segment.marked()
                };
                synced_lost |= !survives && index < usize::from(must_survive);
                let is_acked = before.write(*write).phase == WritePhase::Acknowledged;
                let in_log_alone = before.table(self.write(*write).table).flushed & write_bit(*write) == 0;
                acked_lost |= is_acked && in_log_alone && !survives;
                acked_kept |= is_acked && in_log_alone && survives && is_power_loss;
            }
        }
        let is_periodic = self.scope.sync == crate::scope::Sync::Periodic;
        for (holds, bit) in [
            (not_suffix, LogBreach::NotSuffix),
            (synced_lost, LogBreach::SyncedLost),
            (acked_lost && !is_periodic, LogBreach::AckedLost),
        ] {
            after.breaches |= if holds { bit as u32 } else { 0 };
        }
        for (holds, bit) in [
            (
                acked_lost && is_periodic && is_power_loss,
                LogReached::AckedLostUnsynced,
            ),
            (acked_kept && !is_periodic, LogReached::SurvivedPowerLoss),
        ] {
            after.reached |= if holds { bit as u32 } else { 0 };
        }
    }

    fn observe_restart(&self, before: &LogState, after: &mut LogState) {
        let is_refused = after.life == NodeLife::Refused;
        let is_torn = before.segments.iter().any(|segment| segment.damaged.is_some());
        if is_torn {
            after.reached |= LogReached::TornOrRefused as u32;
        }
        let ghost = before.ghost;
        if ghost.must_refuse && !is_refused {
            after.breaches |= LogBreach::DamageHidden as u32;
        }
        if is_refused {
            // Which of the two refused shows in whether the files could be recovered.
            let is_torn_set = before.tables.iter().any(|table| {
                table
                    .compaction
                    .as_ref()
                    .is_some_and(|compaction| super::compaction::recovered(self.rules, compaction).is_err())
            });
            after.breaches |= match (is_torn_set, ghost.is_corrupted) {
                (true, _) => LogBreach::SetTorn as u32,
                (false, false) => LogBreach::TailRefused as u32,
                (false, true) => 0,
            };
            return;
        }
        let mut torn = false;
        for (table, recovered) in before.tables.iter().zip(&mut after.tables) {
            torn |= !table.leftovers.is_empty();
            let Some(compaction) = &table.compaction else {
                continue;
            };
            let is_committed = matches!(compaction.commit, CommitRecord::Written | CommitRecord::Synced);
            if is_committed {
                recovered.purged |= compaction.purges;
            }
            torn |= recovered.sstables != expected_files(table, compaction, is_committed);
            if is_committed && super::compaction::inputs_on_disk(compaction).count() > 0 {
                after.reached |= LogReached::InterruptedCommitted as u32;
            }
        }
        if torn {
            after.breaches |= LogBreach::SetTorn as u32;
        }
        if !ghost.is_corrupted {
            self.observe_contents(before, after);
        }
    }

    /// S4: a read returns what the winner of everything persisted is.
    fn observe_contents(&self, before: &LogState, after: &mut LogState) {
        let logged = intact_log(before);
        let is_truncated_logged = (after.tables.iter()).any(|table| logged & table.truncated != 0);
        if is_truncated_logged {
            after.reached |= LogReached::TruncatedInLog as u32;
        }
        let mut applied: WriteMask = 0;
        let mut lost = false;
        for (table, state) in (0_u8..).zip(&after.tables) {
            let of_table = self
                .of_table(logged | before.ghost.discarded, table)
                .fold(0, |mask, write| mask | write_bit(write));
            let persisted = (state.flushed | of_table) & !state.truncated & !state.purged;
            let expected = self.read(self.winner(after, writes_of(persisted)));
            lost |= self.read(self.merged(after, state)) != expected;
            applied |= state
                .memtables
                .iter()
                .fold(0, |mask, memtable| mask | memtable.writes);
        }
        if lost {
            after.breaches |= LogBreach::StateLost as u32;
        }
        let flushed = after.tables.iter().fold(0, |mask, table| mask | table.flushed);
        if applied != 0 && logged & flushed & !applied != 0 {
            after.reached |= LogReached::SkippedAndApplied as u32;
        }
    }
}

fn observe_append(before: &LogState, write: u8, after: &mut LogState) {
    let Some(position) = after.write(write).position else {
        return;
    };
    if position <= before.ghost.highest {
        after.breaches |= LogBreach::PositionNotAbove as u32;
    }
    after.ghost.highest = position.max(before.ghost.highest);
    let is_second_life = before
        .writes
        .iter()
        .filter_map(|write| write.position)
        .any(|position| position.segment_id <= before.id_base);
    if is_second_life {
        after.reached |= LogReached::SecondLife as u32;
    }
}

/// The records of a segment before its first damage.
pub(super) fn readable(segment: &Segment) -> &[u8] {
    let end = segment
        .damaged
        .map_or(segment.records.len(), |(record, _)| usize::from(record));
    segment.records.get(..end).unwrap_or(&segment.records)
}

/// The writes whose records a crash has left, up to the first that is torn.
pub(super) fn intact_log(state: &LogState) -> WriteMask {
    let mut mask = 0;
    for segment in &state.segments {
        mask = readable(segment)
            .iter()
            .fold(mask, |mask, write| mask | write_bit(*write));
        if segment.damaged.is_some() {
            break;
        }
    }
    mask
}

/// All files of a table if a compaction committed, or if it did not.
fn expected_files(table: &Table, compaction: &Compaction, is_committed: bool) -> Vec<SSTable> {
    let is_other = |sstable: &&SSTable| {
        !compaction.inputs.contains(sstable) && Some(*sstable) != compaction.output.as_ref()
    };
    let mut files: Vec<SSTable> = table.sstables.iter().filter(is_other).cloned().collect();
    match is_committed {
        true => files.extend(compaction.output.clone()),
        false => files.extend(compaction.inputs.iter().cloned()),
    }
    files.sort_by_key(|sstable| sstable.number);
    files
}
