//! The start after a crash: transaction logs are recovered, the commit log is replayed, what was replayed is flushed.

use thymbra_durability::{FindingPlace, HostId, LogFinding, ReplayStep};
use thymbra_types::{CommitLogPosition, IntervalSet};

use super::compaction::recovered;
use super::state::{Damage, LogState, NodeLife, Segment, write_bit};
use super::{CLOCK_STEP_MS, LogSystem};

/// The node: every file of the model is its own.
const HOST: HostId = HostId(1);
/// What a clock shows that was set back.
const CLOCK_SET_BACK_MS: i64 = 0;

/// What a table says of its own records in the log.
struct Persisted {
    flushed: IntervalSet<CommitLogPosition>,
    truncated_at: Option<CommitLogPosition>,
}

impl LogSystem {
    /// Recovers, replays and opens a new segment, or refuses to start.
    pub(super) fn restart(&self, state: &mut LogState, clock_back: bool) {
        for table in &mut state.tables {
            table.sstables.append(&mut table.leftovers);
            let Some(compaction) = &table.compaction else {
                continue;
            };
            let Ok(live) = recovered(self.rules, compaction) else {
                state.life = NodeLife::Refused;
                return;
            };
            let inputs = &compaction.inputs;
            let output = &compaction.output;
            (table.sstables).retain(|sstable| !inputs.contains(sstable) && Some(sstable) != output.as_ref());
            table.sstables.extend(live);
            table.sstables.sort_by_key(|sstable| sstable.number);
            table.compaction = None;
        }
        let clock_ms = if clock_back {
            state.budgets.clock_backs -= 1;
            CLOCK_SET_BACK_MS
        } else {
            state.ghost.highest.segment_id.max(state.id_base) + CLOCK_STEP_MS
        };
        self.open(state, clock_ms);
        let Replayed { applied, ends, .. } = self.replay(state);
        for write in applied {
            let table = state.table_mut(self.write(write).table);
            let current = table
                .memtables
                .last_mut()
                .expect("a table has a current memtable");
            current.writes |= write_bit(write);
        }
        state.life = match ends {
            ReplayEnds::AtTheEnd => NodeLife::Starting,
            ReplayEnds::BeforeDamage => NodeLife::Refused,
        };
    }

    /// What replay does with the segments of earlier lives; the last segment is that of this life.
    pub(super) fn replay(&self, state: &LogState) -> Replayed {
        let persisted: Vec<Persisted> = state.tables.iter().map(|table| self.persisted(table)).collect();
        let starts = persisted
            .iter()
            .map(|table| self.rules.replay_start(&table.flushed, table.truncated_at));
        let start = starts.min().unwrap_or(CommitLogPosition::NONE);
        let mut old: Vec<&Segment> = state.segments.iter().rev().skip(1).collect();
        old.retain(|segment| self.rules.is_of_earlier_life(segment.id, state.id_base));
        old.sort_by_key(|segment| segment.id);
        let last = old
            .iter()
            .filter(|segment| segment.marked() > 0)
            .map(|segment| segment.id)
            .max();
        let (mut read, mut applied, mut ends) = (Vec::new(), Vec::new(), ReplayEnds::AtTheEnd);
        for segment in old {
            let (records, step) = self.read_segment(segment, last == Some(segment.id));
            for index in 0..records {
                let (position, write) = (segment.position_of(index), segment.records.get(index).copied());
                let write = write.expect("as many records were read as there are");
                let table = persisted.get(usize::from(self.write(write).table));
                let is_replayed = table.is_some_and(|table| {
                    let replays = self.rules.replays(position, &table.flushed, table.truncated_at);
                    position > start && replays
                });
                read.push(position);
                if is_replayed {
                    applied.push(write);
                }
            }
            match step {
                ReplayStep::EndOfSegment => {}
                ReplayStep::TornTail => break,
                ReplayStep::Corrupt => {
                    ends = ReplayEnds::BeforeDamage;
                    break;
                }
            }
        }
        Replayed { read, applied, ends }
    }

    fn persisted(&self, table: &super::Table) -> Persisted {
        let counts = self.rules.counts_intervals_of(Some(HOST), HOST);
        let files = table.sstables.iter().filter(|_| counts);
        Persisted {
            flushed: files.fold(IntervalSet::empty(), |union, sstable| {
                union.union(sstable.intervals.clone())
            }),
            truncated_at: table.truncated_at,
        }
    }

    /// How many records of a segment are read, and how replay goes on from there.
    fn read_segment(&self, segment: &Segment, in_last_segment: bool) -> (usize, ReplayStep) {
        let sections = segment.sections.len();
        let is_full = segment.len() == self.scope.segment_records;
        let (found_at, section, finding) = match segment.damaged {
            Some((record, damage)) => {
                let section = segment.sections.iter().filter(|end| **end <= record).count();
                let finding = match damage {
                    Damage::Checksum => LogFinding::RecordChecksum,
                    Damage::Zeros => LogFinding::ZeroSize,
                };
                (record, section, finding)
            }
            None if is_full && self.scope.leaves_remainder => (
                segment.marked(),
                sections.saturating_sub(1),
                LogFinding::RemainderTooSmall,
            ),
            None => (segment.marked(), sections.saturating_sub(1), LogFinding::NoMarker),
        };
        let place = FindingPlace {
            in_last_segment,
            in_last_section: section + 1 >= sections,
        };
        (usize::from(found_at), self.rules.on_finding(finding, place))
    }

    /// The segments of earlier lives are deleted.
    pub(super) fn end_start(state: &mut LogState) {
        state.segments.retain(|segment| segment.dirtiness.is_some());
        for table in &mut state.tables {
            // What is in no log cannot be replayed again.
            table.replayed = 0;
        }
        state.life = NodeLife::Up;
    }
}

/// What a replay did.
pub(super) struct Replayed {
    /// The ends of the records that it read, in order.
    pub(super) read: Vec<CommitLogPosition>,
    /// The writes that it applied.
    applied: Vec<u8>,
    /// Where it stopped.
    ends: ReplayEnds,
}

/// Where a replay stopped.
enum ReplayEnds {
    /// Where the log ends, or is torn.
    AtTheEnd,
    /// At damage that it must not pass over.
    BeforeDamage,
}
