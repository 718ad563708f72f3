//! Files that a compaction drops unread because all that is in them has expired: asked once, when it chooses its files.
//!
//! Chapter: `specs/09-compaction.md`, WP-CP-05.

use thymbra_durability::{DataElsewhere, SSTableTimes};
use thymbra_types::{LocalDeletionTime, Timestamp};

use super::LogSystem;
use super::observe::{LogBreach, LogReached};
use super::state::{LogState, SSTable, WriteMask, write_bit};

/// What a compaction drops unread.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Expired {
    /// The files, as a mask of their numbers.
    pub files: u8,
    /// Writes that are forgotten with them: their tombstones, and everything older.
    pub forgets: WriteMask,
}

impl LogSystem {
    /// The files among the inputs that the rules let a compaction drop unread.
    pub(super) fn expired(&self, state: &LogState, table: u8, inputs: u8) -> Expired {
        let is_input = |sstable: &&SSTable| inputs & write_bit(sstable.number) != 0;
        let sstables = || state.table(table).sstables.iter();
        let times = |sstable: &SSTable| self.times(state, sstable.winner);
        let compacting: Vec<SSTableTimes> = sstables().filter(is_input).map(times).collect();
        let others = sstables().filter(|sstable| !is_input(sstable));
        let overlapping: Vec<SSTableTimes> = others.map(times).collect();
        let elsewhere = DataElsewhere {
            sstables: None,
            ..self.elsewhere(state, table, inputs)
        };
        let expired = (self.rules).fully_expired(&compacting, &overlapping, elsewhere, self.gc_before(state));
        let dropped = sstables().filter(is_input).zip(expired);
        let dropped = dropped.filter_map(|(sstable, is_expired)| is_expired.then_some(sstable));
        dropped.fold(Expired::default(), |expired, sstable| Expired {
            files: expired.files | write_bit(sstable.number),
            forgets: expired.forgets | self.not_newer(state, table, sstable.winner),
        })
    }

    /// The same of a compaction that has perhaps asked before.
    pub(super) fn dropped_unread(&self, state: &LogState, table: u8, inputs: u8) -> Expired {
        let chosen = state.table(table).chosen;
        chosen.map_or_else(|| self.expired(state, table, inputs), |chosen| chosen.expired)
    }

    /// What the statistics of a file say that holds one write.
    fn times(&self, state: &LogState, write: u8) -> SSTableTimes {
        let timestamp = Timestamp(self.write(write).timestamp);
        SSTableTimes {
            min_timestamp: timestamp,
            max_timestamp: timestamp,
            max_local_deletion_time: match self.write(write).is_delete {
                true => LocalDeletionTime(i64::from(state.write(write).made_at)),
                false => LocalDeletionTime::NONE,
            },
        }
    }

    /// D3u: whether what is dropped hides nothing that was elsewhere when the files were chosen, counted without asking the
    /// rules. Its tombstones are purged, so that D3 is about them too.
    pub(super) fn observe_expired(&self, before: &LogState, table: u8, inputs: u8, after: &mut LogState) {
        let expired = self.expired(before, table, inputs).files;
        let here = before.table(table);
        let is_dropped = |sstable: &&SSTable| expired & write_bit(sstable.number) != 0;
        let in_files = here.sstables.iter().filter(|sstable| !is_dropped(sstable));
        let in_memory = here.memtables.iter().map(|memtable| memtable.writes);
        let logged = before.segments.iter().flat_map(|segment| &segment.records);
        let kept = (in_files.map(|sstable| write_bit(sstable.winner)))
            .chain(in_memory)
            .chain(logged.map(|write| write_bit(*write)))
            .fold(0, |mask, writes| mask | writes);
        for dropped in here.sstables.iter().filter(is_dropped) {
            let tombstone = self.write(dropped.winner);
            let age = before.now - before.write(dropped.winner).made_at;
            let hides = |write: u8| self.write(write).timestamp <= tombstone.timestamp;
            let hides_data = self.of_table(kept, table).any(hides);
            if !tombstone.is_delete || age <= self.scope.gc_grace || hides_data {
                after.breaches |= LogBreach::DroppedEarly as u32 | LogBreach::PurgedEarly as u32;
            }
            after.reached |= LogReached::DroppedUnread as u32 | LogReached::Purged as u32;
        }
    }
}
