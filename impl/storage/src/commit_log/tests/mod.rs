//! The commit log on simulated disks, and the tools of its tests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thymbra_durability::SyncMode;
use thymbra_types::{CommitLogPosition, TableId, Timestamp};

use super::*;
use crate::clock::ManualClock;
use crate::disk::simulated::Crash;
use crate::disk::{DirectoryEntry, SimulatedDisk};

mod behaviour;
mod crashes;
mod damage;
mod faults;
mod real_threads;
mod replay;

pub(super) const DIRECTORY: &str = "/data/commitlog";
pub(super) const TABLE: TableId = TableId(7);
pub(super) const OTHER_TABLE: TableId = TableId(8);

/// A small log without threads.
pub(super) fn config(sync_mode: SyncMode) -> CommitLogConfig {
    CommitLogConfig {
        sync_mode,
        segment_size_bytes: 1024,
        has_threads: false,
        ..CommitLogConfig::in_directory(DIRECTORY)
    }
}

pub(super) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at_ms(1_000_000))
}

pub(super) fn open(disk: &SimulatedDisk, config: &CommitLogConfig) -> Result<CommitLog, CommitLogError> {
    CommitLog::open(config.clone(), Arc::new(disk.clone()), clock())
}

/// Something that is as long as a mutation at least, with a number in it.
pub(super) fn mutation(number: u64, size_bytes: usize) -> Vec<u8> {
    let filler = u8::try_from(number % 251).unwrap() + 1;
    let mut bytes = number.to_be_bytes().to_vec();
    bytes.resize(size_bytes.max(10), filler);
    bytes
}

pub(super) fn update(table: TableId) -> [LoggedUpdate; 1] {
    [LoggedUpdate {
        table,
        least_timestamp: Timestamp(0),
    }]
}

pub(super) type Records = BTreeMap<CommitLogPosition, Vec<u8>>;

/// Everything that replay visits, checked to be in order.
pub(super) fn replayed(log: &CommitLog) -> Result<(Records, ReplaySummary), CommitLogError> {
    let mut records = Records::new();
    let summary = log.replay(CommitLogPosition::NONE, |record| {
        let last = records.keys().next_back().copied();
        assert!(last < Some(record.position), "records are out of order");
        records.insert(record.position, record.mutation.to_vec());
        Ok::<_, CommitLogError>(())
    })?;
    assert_eq!(summary.records_count, records.len() as u64);
    Ok((records, summary))
}

pub(super) fn segments_on(disk: &SimulatedDisk) -> Vec<DirectoryEntry> {
    disk.list(Path::new(DIRECTORY)).unwrap()
}

pub(super) fn segment_paths(disk: &SimulatedDisk) -> Vec<PathBuf> {
    let entries = segments_on(disk).into_iter();
    entries
        .map(|entry| Path::new(DIRECTORY).join(entry.name))
        .collect()
}

/// What a run has done, as a client and an engine would know it.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    /// What was appended, whether or not anybody was told.
    pub(super) appended: Records,
    /// What was acknowledged.
    pub(super) acknowledged: Vec<CommitLogPosition>,
    /// Up to here a sync said that all is durable.
    pub(super) synced_to: CommitLogPosition,
    /// Up to here a marker was written.
    pub(super) marked_to: CommitLogPosition,
    /// What an SSTable would hold, by table, lower bound excluded.
    pub(super) flushed: Vec<(TableId, CommitLogPosition, CommitLogPosition)>,
    tables: BTreeMap<CommitLogPosition, TableId>,
    /// Whether something has failed.
    pub(super) is_failed: bool,
}

/// One step of a run.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// Appends and waits for the acknowledgement.
    Write(TableId, usize),
    /// Appends without waiting.
    Append(TableId, usize),
    Sync,
    Marker,
    /// A table has been flushed as far as it was appended.
    Flush(TableId),
}

impl History {
    /// Runs steps; goes on behind failures as clients would.
    pub(super) fn run(disk: &SimulatedDisk, config: &CommitLogConfig, steps: &[Step]) -> Self {
        let mut history = Self::default();
        match open(disk, config) {
            Ok(log) => steps.iter().for_each(|step| history.step(&log, *step)),
            Err(_) => history.is_failed = true,
        }
        history
    }

    pub(super) fn step(&mut self, log: &CommitLog, step: Step) {
        let done = match step {
            Step::Write(table, size_bytes) => self.append(log, table, size_bytes).and_then(|position| {
                log.await_acknowledgement(position)?;
                assert!(!self.is_failed, "acknowledged after a failure");
                self.acknowledged.push(position);
                Ok(())
            }),
            Step::Append(table, size_bytes) => self.append(log, table, size_bytes).map(drop),
            Step::Sync => {
                let position = log.current_position();
                log.sync().map(|()| {
                    assert!(!self.is_failed, "synced after a failure");
                    self.synced_to = position;
                })
            }
            Step::Marker => {
                let position = log.current_position();
                log.write_marker().map(|()| self.marked_to = position)
            }
            Step::Flush(table) => {
                let lower = self
                    .flushed
                    .iter()
                    .filter(|(flushed, _, _)| *flushed == table)
                    .map(|(_, _, upper)| *upper)
                    .max()
                    .unwrap_or_default();
                let upper = log.current_position();
                self.flushed.push((table, lower, upper));
                // A segment that could not be removed does not stop the log.
                log.discard_completed_segments(table, lower, upper).ok();
                return;
            }
        };
        self.is_failed |= done.is_err();
    }

    fn append(
        &mut self,
        log: &CommitLog,
        table: TableId,
        size_bytes: usize,
    ) -> Result<CommitLogPosition, CommitLogError> {
        let mutation = mutation(self.appended.len() as u64, size_bytes);
        let position = log.add(&mutation, update(table))?;
        self.appended.insert(position, mutation);
        self.tables.insert(position, table);
        Ok(position)
    }

    fn is_flushed(&self, position: CommitLogPosition) -> bool {
        let table = self.tables[&position];
        self.flushed
            .iter()
            .any(|(flushed, lower, upper)| *flushed == table && *lower < position && position <= *upper)
    }

    /// That what replay finds is a beginning of what was appended, without what was flushed, and
    /// has at least what must have survived.
    pub(super) fn check(&self, records: &Records, must_survive: impl Fn(CommitLogPosition) -> bool) {
        for (position, mutation) in records {
            assert_eq!(self.appended.get(position), Some(mutation), "at {position}");
        }
        let last = records.keys().next_back().copied().unwrap_or_default();
        for position in self.appended.keys() {
            let is_needed = *position <= last || must_survive(*position);
            assert!(
                !is_needed || records.contains_key(position) || self.is_flushed(*position),
                "{position} is lost, of those to {last}"
            );
        }
    }
}

/// A mixture of small and large writes, flushes, markers and syncs over several segments.
pub(super) fn mixed_steps() -> Vec<Step> {
    let mut steps = Vec::new();
    for round in 0..4 {
        steps.push(Step::Write(TABLE, 10 + round));
        steps.push(Step::Append(OTHER_TABLE, 100));
        steps.push(Step::Append(TABLE, 17));
        steps.push(Step::Marker);
        steps.push(Step::Append(TABLE, 60));
        steps.push(Step::Marker);
        steps.push(Step::Write(OTHER_TABLE, 400));
        steps.push(Step::Append(OTHER_TABLE, 30));
        if round == 1 {
            steps.push(Step::Flush(TABLE));
        }
        if round == 2 {
            steps.push(Step::Flush(OTHER_TABLE));
            steps.push(Step::Sync);
        }
    }
    steps.push(Step::Append(TABLE, 25));
    steps
}

/// The indexes of operations of a run without faults that change the disk.
pub(super) fn changing_operations(config: &CommitLogConfig, steps: &[Step]) -> Vec<u64> {
    let disk = SimulatedDisk::new();
    let history = History::run(&disk, config, steps);
    assert!(!history.is_failed);
    let operations = disk.operations().into_iter();
    operations
        .filter(|record| record.operation.changes_the_disk())
        .map(|record| record.index)
        .collect()
}

/// All modes, uncompressed and compressed.
pub(super) fn all_configs() -> Vec<CommitLogConfig> {
    let modes = [
        SyncMode::periodic(10_000),
        SyncMode::Batch,
        SyncMode::Group { window_ms: 5 },
    ];
    let configs = modes.into_iter().flat_map(|mode| {
        let plain = config(mode);
        let compressed = CommitLogConfig {
            is_compressed: true,
            ..plain.clone()
        };
        [plain, compressed]
    });
    configs.collect()
}

/// Every loss of power that is tried, and the end of the process alone.
pub(super) fn images(crash: &Crash) -> impl Iterator<Item = (String, SimulatedDisk)> {
    let losses = crash.losses(6, 6).into_iter();
    losses
        .map(|loss| (format!("{loss:?}"), crash.power_loss(&loss)))
        .chain([("process end".to_owned(), crash.process_end())])
}
