//! What a crash takes: memory, and of the disk what was not published or not synced. And what rots afterwards.

use thymbra_durability::{CrashKind, DiskStage};

use super::LogSystem;
use super::action::{CommitFate, Tail};
use super::faults::LogFault;
use super::state::{CommitRecord, Damage, LogState, NodeLife, Segment, Table, WritePhase};

impl LogSystem {
    /// The process dies; the page cache stays.
    pub(super) fn crash(&self, state: &mut LogState) {
        state.budgets.crashes -= 1;
        let keeps_unmarked = self.rules.survives(DiskStage::Appended, CrashKind::Process);
        for segment in &mut state.segments {
            let kept = if keeps_unmarked {
                segment.len()
            } else {
                segment.marked()
            };
            segment.records.truncate(usize::from(kept));
        }
        lose_memory(state);
    }

    /// The machine loses power: of what was not synced, some survives.
    pub(super) fn power_loss(&self, state: &mut LogState, kept: u8, tail: Tail, commit: CommitFate) {
        state.budgets.power_losses -= 1;
        if self.driver == LogFault::LyingDisk {
            for segment in &mut state.segments {
                segment.synced = 0;
            }
        }
        let survivors = survivors(&state.segments, kept, tail);
        for (index, segment) in state.segments.iter_mut().enumerate() {
            let here = survivors.iter().filter(|(other, _)| *other == index);
            let marked = here.map(|(_, end)| *end).max().unwrap_or(segment.synced);
            segment.sections.retain(|end| *end <= marked);
            segment.records.truncate(usize::from(marked));
            // What is there after a power loss is on the disk.
            segment.synced = marked;
            segment.damaged = segment.damaged.filter(|(record, _)| *record < marked);
        }
        if let (Tail::Torn, Some((index, end))) = (tail, survivors.last())
            && let Some(segment) = state.segments.get_mut(*index)
        {
            segment.damaged = Some((end - 1, Damage::Checksum));
        }
        for compaction in state
            .tables
            .iter_mut()
            .filter_map(|table| table.compaction.as_mut())
        {
            compaction.commit = match (compaction.commit, commit) {
                (CommitRecord::Written, CommitFate::Kept) => CommitRecord::Synced,
                (CommitRecord::Written, CommitFate::Torn) => CommitRecord::Torn,
                (CommitRecord::Written, CommitFate::Lost) => CommitRecord::Absent,
                (other @ (CommitRecord::Absent | CommitRecord::Torn | CommitRecord::Synced), _) => other,
            };
        }
        lose_memory(state);
    }

    /// A record rots. If no later section of the log could be torn instead, replay has to notice.
    pub(super) fn corrupt(state: &mut LogState, segment: i64, record: u8, damage: Damage) {
        state.budgets.corruptions -= 1;
        let last = state
            .segments
            .iter()
            .filter(|segment| segment.marked() > 0)
            .map(|segment| segment.id)
            .max();
        for candidate in &mut state.segments {
            if candidate.id != segment {
                continue;
            }
            candidate.damaged = Some((record, damage));
            let before = candidate.sections.iter().filter(|end| **end <= record).count();
            let in_last_section = before + 1 == candidate.sections.len();
            let may_be_torn = in_last_section && last == Some(segment);
            state.ghost.is_corrupted = true;
            state.ghost.must_refuse |= !may_be_torn;
        }
    }
}

/// Everything that is in memory only goes.
pub(super) fn lose_memory(state: &mut LogState) {
    state.life = NodeLife::Down;
    state.flushes.clear();
    for segment in &mut state.segments {
        segment.dirtiness = None;
    }
    for Table {
        memtables,
        truncation,
        chosen,
        ..
    } in &mut state.tables
    {
        memtables.clear();
        *chosen = None;
        *truncation = None;
    }
    for write in &mut state.writes {
        if matches!(write.phase, WritePhase::Appended | WritePhase::Applied) {
            write.phase = WritePhase::Abandoned;
        }
    }
}

/// Sections that nobody synced, in the order of the log: index of the segment, and where the section ends.
pub(super) fn unsynced(segments: &[Segment]) -> Vec<(usize, u8)> {
    let sections = |(index, segment): (usize, &Segment)| -> Vec<(usize, u8)> {
        let later = segment.sections.iter().filter(|end| **end > segment.synced);
        later.map(|end| (index, *end)).collect()
    };
    segments.iter().enumerate().flat_map(sections).collect()
}

/// Which of them a power loss leaves.
fn survivors(segments: &[Segment], kept: u8, tail: Tail) -> Vec<(usize, u8)> {
    let mut unsynced = unsynced(segments);
    match tail {
        Tail::Whole | Tail::Torn => unsynced.truncate(usize::from(kept)),
        Tail::Reordered => {
            let last = unsynced.last().map(|(index, _)| *index);
            unsynced.retain(|(index, _)| Some(*index) == last);
        }
    }
    unsynced
}
