//! The way of a write: commit log, sync, memtable, answer.

use thymbra_durability::{Acceptance, CommitLogProgress, SwitchStage};
use thymbra_types::CommitLogPosition;

use super::LogSystem;
use super::faults::LogFault;
use super::state::{LogState, WritePhase, write_bit};

impl LogSystem {
    /// A write begins; if it does not take steps, it ends as well.
    pub(super) fn begin(&self, state: &mut LogState, write: u8) {
        self.append(state, write);
        if !self.scope.writes_in_steps {
            if !self.may_go_on(state, write) {
                self.sync(state);
            }
            self.apply(state, write);
            state.write_mut(write).phase = WritePhase::Acknowledged;
        }
    }

    /// A write takes its place in the commit log; a full segment is followed by a new one.
    fn append(&self, state: &mut LogState, write: u8) {
        let position = self.scope.durable_writes.then(|| self.add_record(state, write));
        let made_at = state.now;
        let written = state.write_mut(write);
        written.phase = WritePhase::Appended;
        written.position = position;
        written.made_at = made_at;
    }

    fn add_record(&self, state: &mut LogState, write: u8) -> CommitLogPosition {
        let capacity = u64::from(self.scope.segment_records) + 1;
        if !self.rules.fits(state.log_end().position, 1, capacity) {
            let full = state
                .segments
                .last_mut()
                .expect("a node that is up has a segment");
            if let Some(dirtiness) = &mut full.dirtiness {
                dirtiness.finish_allocating();
            }
            let previous_id = full.id;
            self.add_segment(state, previous_id);
        }
        let start = state.log_end();
        let table = self.write(write).table;
        let segment = state
            .segments
            .last_mut()
            .expect("a node that is up has a segment");
        let end = CommitLogPosition {
            position: start.position + 1,
            ..start
        };
        if self.driver != LogFault::AppendNothing {
            segment.records.push(write);
        }
        if let Some(dirtiness) = &mut segment.dirtiness {
            dirtiness.mark_dirty(table, start.position, end.position);
        }
        end
    }

    /// The memtable that takes a write: the oldest that accepts it.
    pub(super) fn apply(&self, state: &mut LogState, write: u8) {
        let (operation, position) = (u64::from(write), state.write(write).position);
        let table = state.table_mut(self.write(write).table);
        for memtable in &mut table.memtables {
            match self.rules.accepts(memtable.stage, operation, position) {
                Acceptance::Refuses => continue,
                Acceptance::Takes => {}
                Acceptance::TakesAndRaises => {
                    let raised_to = position.unwrap_or(CommitLogPosition::NONE);
                    memtable.stage = SwitchStage::SwitchedOut { raised_to };
                }
            }
            memtable.writes |= write_bit(write);
            break;
        }
        state.write_mut(write).phase = WritePhase::Applied;
    }

    /// Whether the sync mode lets a write go on to its memtable.
    pub(super) fn may_go_on(&self, state: &LogState, write: u8) -> bool {
        let synced_to = (state.segments.iter())
            .rfind(|segment| segment.synced > 0)
            .map_or(CommitLogPosition::NONE, |segment| CommitLogPosition {
                segment_id: segment.id,
                position: u32::from(segment.synced),
            });
        let Some(appended) = state.write(write).position else {
            return true;
        };
        let progress = CommitLogProgress {
            appended,
            synced_to,
            last_sync_started_ms: 0,
            now_ms: 0,
        };
        self.rules.may_acknowledge(&self.sync_mode, &progress)
    }

    /// The segments into which a marker may be written now, by index, oldest first.
    pub(super) fn to_be_marked(&self, state: &LogState) -> Vec<usize> {
        let behind = |index: &usize| {
            let segment = state.segments.get(*index);
            segment.is_some_and(|segment| segment.marked() < segment.len())
        };
        (0..state.segments.len())
            .filter(|index| behind(index) && self.rules.may_write_marker(state.is_synced_before(*index)))
            .collect()
    }

    /// Markers behind everything that was appended, as far as they may be written.
    pub(super) fn mark(&self, state: &mut LogState) {
        for index in self.to_be_marked(state) {
            mark_segment(state, index);
        }
    }

    /// The log is synced, oldest segment first.
    pub(super) fn sync(&self, state: &mut LogState) {
        for index in 0..state.segments.len() {
            mark_segment(state, index);
            if let Some(segment) = state.segments.get_mut(index) {
                segment.synced = segment.marked();
            }
        }
    }

    /// Whether an operation that began before the barrier has not ended; the order is that of all tables.
    pub(super) fn runs_before(state: &LogState, first_after: u64) -> bool {
        (0_u8..)
            .zip(&state.writes)
            .any(|(write, written)| written.phase == WritePhase::Appended && u64::from(write) < first_after)
    }
}

fn mark_segment(state: &mut LogState, index: usize) {
    if let Some(segment) = state.segments.get_mut(index)
        && segment.marked() < segment.len()
    {
        segment.sections.push(segment.len());
    }
}
