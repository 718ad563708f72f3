//! The state of one node's storage: what is on its disk, what is in its memory, and what only an observer knows.

use thymbra_durability::{FlushState, MemtableBounds, SegmentDirtiness, SwitchStage};
use thymbra_types::{CommitLogPosition, IntervalSet};

use super::expired::Expired;
use super::scope::{LogBudgets, TABLES};

/// A set of writes, by index.
pub type WriteMask = u8;

/// The mask of one write.
#[must_use]
pub const fn write_bit(write: u8) -> WriteMask {
    1 << write
}

/// The writes of a mask, ascending.
pub fn writes_of(mask: WriteMask) -> impl Iterator<Item = u8> {
    (0..8).filter(move |write| mask & write_bit(*write) != 0)
}

/// Whether the process runs.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum NodeLife {
    /// It serves.
    #[default]
    Up,
    /// It has replayed its log, and has not flushed all of what it replayed, or not deleted the log.
    Starting,
    /// It does not run.
    Down,
    /// It found damage that it must not pass over, and does not start; what it replayed before is in memory until the
    /// process ends.
    Refused,
}

/// How damage looks that a record suffered.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Damage {
    /// Its checksum differs.
    Checksum,
    /// It reads as zeros.
    Zeros,
}

/// A segment of the commit log. Each record takes one unit of space, so that the n-th ends at n.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Segment {
    /// Its id.
    pub id: i64,
    /// The write of each record.
    pub records: Vec<u8>,
    /// How many records stand before the end of each section that has its marker.
    pub sections: Vec<u8>,
    /// Records that are synced.
    pub synced: u8,
    /// What is in memory about it; absent if an earlier life wrote it.
    pub dirtiness: Option<SegmentDirtiness<u8>>,
    /// The record that is damaged, and how.
    pub damaged: Option<(u8, Damage)>,
}

impl Segment {
    /// A new segment of this life.
    #[must_use]
    pub const fn new(id: i64) -> Self {
        Self {
            id,
            records: Vec::new(),
            sections: Vec::new(),
            synced: 0,
            dirtiness: Some(SegmentDirtiness::new(id)),
            damaged: None,
        }
    }

    /// How many records stand before the last marker.
    #[must_use]
    pub fn marked(&self) -> u8 {
        self.sections.last().copied().unwrap_or(0)
    }

    /// How many records it has.
    ///
    /// # Panics
    /// Never: a segment has at most as many records as there are writes and replays.
    #[must_use]
    pub fn len(&self) -> u8 {
        u8::try_from(self.records.len()).expect("a segment of the model is short")
    }

    /// Nothing was appended.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The end of a record.
    ///
    /// # Panics
    /// Never: as [`Segment::len`].
    #[must_use]
    pub fn position_of(&self, index: usize) -> CommitLogPosition {
        CommitLogPosition {
            segment_id: self.id,
            position: u32::try_from(index + 1).expect("a segment of the model is short"),
        }
    }
}

/// A memtable that is read: the current one, one being flushed, or one whose flush failed.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Memtable {
    /// Counts the memtables of its table.
    pub number: u8,
    /// What was applied to it.
    pub writes: WriteMask,
    /// The upper bound of its predecessor.
    pub lower: CommitLogPosition,
    /// How far its replacement has come.
    pub stage: SwitchStage,
}

/// A flush whose consequences have not been drawn, in the order of the switches.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Flush {
    /// Index of the table.
    pub table: u8,
    /// The memtable.
    pub number: u8,
    /// The positions that it owns.
    pub bounds: MemtableBounds,
    /// First operation after the barrier.
    pub first_after: u64,
    /// How it stands.
    pub state: FlushState,
}

/// A file of a table. It holds one cell, so one write has won.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct SSTable {
    /// Counts the files of its table.
    pub number: u8,
    /// The write that it holds.
    pub winner: u8,
    /// Positions whose records it says are flushed.
    pub intervals: IntervalSet<CommitLogPosition>,
}

/// What is on the disk of a commit record.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum CommitRecord {
    /// Nothing.
    Absent,
    /// A part of it, after a power loss.
    Torn,
    /// All of it, perhaps in the page cache only.
    Written,
    /// All of it, synced.
    Synced,
}

/// A compaction under way, as its transaction log knows it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Compaction {
    /// Files that it replaces.
    pub inputs: Vec<SSTable>,
    /// Of these, the ones that are deleted, by their place in `inputs`.
    pub unlinked: u8,
    /// Whether the records of the replaced files are written.
    pub notes_removed: bool,
    /// The file that it makes; absent if nothing is left.
    pub output: Option<SSTable>,
    /// How far the commit has come.
    pub commit: CommitRecord,
    /// Writes that are forgotten once it commits: a tombstone, and everything older.
    pub purges: WriteMask,
}

/// Files at the moment when a compaction chose its own, as masks of their numbers.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Chosen {
    /// Those that it will replace.
    pub inputs: u8,
    /// The others.
    pub outside: u8,
    /// What it drops unread.
    pub expired: Expired,
}

/// A truncation under way.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Truncation {
    /// The upper bound of the memtable that it switched out.
    pub at: CommitLogPosition,
    /// Writes that were acknowledged before it began.
    pub acknowledged: WriteMask,
    /// Its position is recorded; the files are about to go.
    pub is_recorded: bool,
}

/// A table of the node.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Table {
    /// Oldest first; the current one is the last while the node runs.
    pub memtables: Vec<Memtable>,
    /// Live files.
    pub sstables: Vec<SSTable>,
    /// What a compaction has chosen that has not asked yet what it may forget.
    pub chosen: Option<Chosen>,
    /// The compaction under way.
    pub compaction: Option<Compaction>,
    /// Replaced files that are still on the disk though no transaction log speaks of them.
    pub leftovers: Vec<SSTable>,
    /// The truncation record.
    pub truncated_at: Option<CommitLogPosition>,
    /// The truncation under way.
    pub truncation: Option<Truncation>,
    /// Observed: writes whose flush succeeded, since the last truncation.
    pub flushed: WriteMask,
    /// Observed: writes that a truncation removed.
    pub truncated: WriteMask,
    /// Observed: writes acknowledged before a truncation that succeeded.
    pub gone: WriteMask,
    /// Observed: writes that a committed compaction forgot.
    pub purged: WriteMask,
    /// Observed: writes of the log of earlier lives that a replay has flushed.
    pub replayed: WriteMask,
}

/// How far a write has come.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum WritePhase {
    /// It has not begun.
    #[default]
    Waiting,
    /// Its record is in the commit log.
    Appended,
    /// A memtable has it.
    Applied,
    /// The client knows.
    Acknowledged,
    /// The node died before it answered.
    Abandoned,
}

/// One write.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct WriteState {
    /// How far it has come.
    pub phase: WritePhase,
    /// The end of its record; absent before, and if the keyspace is not durable.
    pub position: Option<CommitLogPosition>,
    /// The tick at which it was made.
    pub made_at: u8,
}

/// What an observer of the whole run knows.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Ghost {
    /// The highest position ever handed out.
    pub highest: CommitLogPosition,
    /// Something on the disk rotted.
    pub is_corrupted: bool,
    /// What rotted lies before the last section of the log: replay must not pass over it.
    pub must_refuse: bool,
    /// Writes whose records stood in a segment that was deleted.
    pub discarded: WriteMask,
    /// What had rotted was put back.
    pub is_mended: bool,
}

/// The state of one node's storage.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct LogState {
    /// Whether it runs.
    pub life: NodeLife,
    /// Segments on the disk, in the order of their creation; the last takes appends while the node runs.
    pub segments: Vec<Segment>,
    /// Segments up to this id belong to earlier lives.
    pub id_base: i64,
    /// The tables.
    pub tables: [Table; TABLES],
    /// Flushes whose consequences have not been drawn, in the order of their switches.
    pub flushes: Vec<Flush>,
    /// The writes.
    pub writes: Vec<WriteState>,
    /// Ticks that have passed.
    pub now: u8,
    /// What may still happen.
    pub budgets: LogBudgets,
    /// What an observer knows.
    pub ghost: Ghost,
    /// Clauses that a transition broke.
    pub breaches: u32,
    /// Premises that a transition made true.
    pub reached: u32,
}

impl LogState {
    /// A table.
    ///
    /// # Panics
    /// When there is no such table.
    #[must_use]
    pub fn table(&self, table: u8) -> &Table {
        self.tables
            .get(usize::from(table))
            .expect("tables are numbered from 0")
    }

    /// A table, to be changed.
    ///
    /// # Panics
    /// When there is no such table.
    pub fn table_mut(&mut self, table: u8) -> &mut Table {
        self.tables
            .get_mut(usize::from(table))
            .expect("tables are numbered from 0")
    }

    /// A write.
    ///
    /// # Panics
    /// When there is no such write.
    #[must_use]
    pub fn write(&self, write: u8) -> &WriteState {
        self.writes
            .get(usize::from(write))
            .expect("writes are numbered from 0")
    }

    /// A write, to be changed.
    ///
    /// # Panics
    /// When there is no such write.
    pub fn write_mut(&mut self, write: u8) -> &mut WriteState {
        self.writes
            .get_mut(usize::from(write))
            .expect("writes are numbered from 0")
    }

    /// Where the next record of the last segment would begin.
    #[must_use]
    pub fn log_end(&self) -> CommitLogPosition {
        self.segments
            .last()
            .map_or(CommitLogPosition::NONE, |segment| CommitLogPosition {
                segment_id: segment.id,
                position: u32::from(segment.len()),
            })
    }

    /// Every earlier segment is synced to its end.
    #[must_use]
    pub fn is_synced_before(&self, index: usize) -> bool {
        let earlier = self.segments.iter().take(index);
        earlier.into_iter().all(|segment| segment.synced == segment.len())
    }

    /// Operations that have begun: the next one has this number.
    ///
    /// # Panics
    /// Never: there are few writes.
    #[must_use]
    pub fn begun(&self) -> u64 {
        let begun = self
            .writes
            .iter()
            .filter(|write| write.phase != WritePhase::Waiting);
        u64::try_from(begun.count()).expect("few writes")
    }
}
