//! An engine and the oracle side by side: each operation is done to both, and what they say is compared.
//!
//! The engine runs on a simulated disk and a clock that stands still, and does nothing by itself, so that a
//! run is the same each time. Chapters: `specs/06-commit-log.md` to `specs/09-compaction.md`.

mod compare;
mod failure;
mod flushes;
mod lives;
mod syncs;

use super::coverage::{Coverage, Met};
use super::fact::Fact;
use super::operation::{BEGIN_SECONDS, Operation, Update};
use super::oracle::{Ending, InFlight, KEYS_COUNT, Oracle};
use super::script::Script;
use super::setup::Setup;
use super::shape::SHAPES;
use super::snapshot::Snapshot;
use super::translate;
use std::ops::Bound;
use std::sync::Arc;
use thymbra_storage::clock::{Clock as _, ManualClock};
use thymbra_storage::disk::simulated::OperationRecord;
use thymbra_storage::disk::{Disk, SimulatedDisk};
use thymbra_storage::{PendingFlush, StorageEngine, StorageError};

/// Why a run ended early.
#[derive(Debug)]
pub enum Stop {
    /// The engine answered an operation by an error, or could not be opened.
    Refused(StorageError),
    /// The engine said something else than the oracle, in words.
    Wrong(String),
}

/// What an engine was asked and did not answer, or answered by an error.
#[derive(Clone, Debug, Default)]
pub struct Unanswered {
    in_flight: InFlight,
    column_change: Option<ColumnChange>,
}

impl Unanswered {
    /// The life that followed may have flushed what it replayed into some tables, and not into others.
    pub const fn recovers_table_by_table(&mut self) {
        self.in_flight.recovers_table_by_table = true;
    }
}

/// A column that was being added or dropped.
#[derive(Clone, Debug)]
struct ColumnChange {
    table: usize,
    name: String,
    is_added: bool,
    /// Microseconds since 1970.
    now_us: i64,
}

/// A flush that has begun.
struct Begun {
    table: usize,
    memtable: u64,
    flush: PendingFlush,
    /// Another flush of the table has written it out.
    is_written: bool,
}

/// An engine on its disk, and what is known of it.
pub struct Trial {
    setup: Setup,
    disk: SimulatedDisk,
    clock: Arc<ManualClock>,
    engine: Option<StorageEngine>,
    /// Operations of the disk in the last opening.
    opening: Vec<OperationRecord>,
    pending: Vec<Begun>,
    /// Tables of memtables that were given up and not written out since, each as often as that was.
    abandoned: Vec<usize>,
    /// Whether something failed in this life, so that nobody knows which memtables there are.
    has_failed: bool,
    oracle: Oracle,
    done: Vec<Operation>,
    /// When the log was last known to be synced, and to be written, by the stop watch.
    synced_at_ms: u64,
    written_at_ms: u64,
    /// Operations of the disk at the time when the log was last known to be synced.
    synced_at_index: u64,
    /// Writes that were acknowledged in this life: when, by the stop watch, and how many mutations there were.
    acknowledged: Vec<(u64, u64)>,
    /// Segments that the log had last.
    segments_count: u64,
    coverage: Coverage,
}

impl Trial {
    /// Before the engine is opened for the first time.
    #[must_use]
    pub fn before(setup: Setup, disk: SimulatedDisk) -> Self {
        let begin_ms = u64::try_from(BEGIN_SECONDS).expect("after 1970") * 1_000;
        Self {
            setup,
            disk,
            clock: Arc::new(ManualClock::at_ms(begin_ms)),
            engine: None,
            opening: Vec::new(),
            pending: Vec::new(),
            abandoned: Vec::new(),
            has_failed: false,
            oracle: Oracle::default(),
            done: Vec::new(),
            synced_at_ms: 0,
            written_at_ms: 0,
            synced_at_index: 0,
            acknowledged: Vec::new(),
            segments_count: 0,
            coverage: Coverage::default(),
        }
    }

    /// Opens an engine on a disk, and makes the tables.
    ///
    /// # Errors
    /// When the engine refuses, which a disk without faults gives no reason for.
    pub fn begin(setup: Setup, disk: SimulatedDisk) -> Result<Self, Stop> {
        let mut trial = Self::before(setup, disk);
        trial.begin_tables()?;
        Ok(trial)
    }

    /// Opens the engine, and makes the tables that are not there.
    ///
    /// # Errors
    /// When the engine refuses, which a disk without faults gives no reason for.
    pub fn begin_tables(&mut self) -> Result<(), Stop> {
        self.open().map_err(Stop::Refused)?;
        self.create_missing_tables().map_err(Stop::Refused)
    }

    /// Whether an operation can be done now, after whatever failed.
    #[must_use]
    pub fn takes(&self, operation: &Operation) -> bool {
        match operation {
            Operation::FinishFlush(index) | Operation::AbandonFlush(index) => *index < self.pending.len(),
            Operation::Write(_, updates) => updates.iter().all(|update| {
                let column = update.change.column();
                column.is_none_or(|column| self.oracle.has_column(update.table, column))
            }),
            Operation::AddColumn(table, column) => !self.oracle.has_column(*table, column),
            Operation::DropColumn(table, column) => self.oracle.has_column(*table, column),
            Operation::Read(..)
            | Operation::Scan(..)
            | Operation::Clock(_)
            | Operation::Tick
            | Operation::Sync
            | Operation::Flush(_)
            | Operation::BeginFlush(_)
            | Operation::Compact(_)
            | Operation::CompactNext(_)
            | Operation::Truncate(_)
            | Operation::Restart
            | Operation::Kill
            | Operation::PowerLoss(_) => true,
        }
    }

    /// Operations of the disk in the last opening.
    #[must_use]
    pub fn opening(&self) -> &[OperationRecord] {
        &self.opening
    }

    /// Takes all faults of the disk away.
    pub fn repair(&self) {
        self.disk.repair();
    }

    /// Opens an engine that a failure has left closed; on a repaired disk if nothing else helps.
    ///
    /// # Errors
    /// When the engine does not open on a disk without faults, or shows what cannot be.
    pub fn ensure_open(&mut self) -> Result<(), Stop> {
        if self.engine.is_some() {
            return Ok(());
        }
        if self.open().is_err() {
            self.repair();
            self.open().map_err(Stop::Refused)?;
        }
        self.compare_lives(Ending::ProcessEnd, InFlight::default())
    }

    /// The disk of the engine.
    #[must_use]
    pub const fn disk(&self) -> &SimulatedDisk {
        &self.disk
    }

    /// The engine, while it is open.
    #[must_use]
    pub const fn engine(&self) -> Option<&StorageEngine> {
        self.engine.as_ref()
    }

    /// What the engine must hold.
    #[must_use]
    pub const fn oracle(&self) -> &Oracle {
        &self.oracle
    }

    /// What has been met so far, the present life included.
    #[must_use]
    pub fn coverage(&self) -> Coverage {
        let mut coverage = self.coverage.clone();
        if let Some(engine) = &self.engine {
            coverage.add_life(&engine.statistics());
        }
        coverage
    }

    /// What was done, as a script.
    #[must_use]
    pub fn script(&self) -> Script {
        Script {
            setup: self.setup,
            operations: self.done.clone(),
        }
    }

    /// Does one operation to both, and compares.
    ///
    /// # Errors
    /// When the engine refuses it, or says something else than the oracle.
    pub fn step(&mut self, operation: &Operation) -> Result<(), Stop> {
        self.done.push(operation.clone());
        match operation {
            Operation::Clock(passed_ms) => self.clock.advance_ms(*passed_ms),
            Operation::Restart => return self.restart(Ending::Close),
            Operation::Kill => return self.restart(Ending::ProcessEnd),
            Operation::PowerLoss(seed) => return self.lose_power(*seed),
            Operation::Write(..)
            | Operation::Read(..)
            | Operation::Scan(..)
            | Operation::Tick
            | Operation::Sync
            | Operation::Flush(_)
            | Operation::BeginFlush(_)
            | Operation::FinishFlush(_)
            | Operation::AbandonFlush(_)
            | Operation::Compact(_)
            | Operation::CompactNext(_)
            | Operation::Truncate(_)
            | Operation::AddColumn(..)
            | Operation::DropColumn(..) => self.work(operation)?,
        }
        self.note_segments();
        match operation {
            Operation::Write(key, updates) => self.compare_partitions(*key, updates),
            Operation::Read(..) | Operation::Scan(..) => Ok(()),
            Operation::Clock(_)
            | Operation::Tick
            | Operation::Sync
            | Operation::Flush(_)
            | Operation::BeginFlush(_)
            | Operation::FinishFlush(_)
            | Operation::AbandonFlush(_)
            | Operation::Compact(_)
            | Operation::CompactNext(_)
            | Operation::Truncate(_)
            | Operation::AddColumn(..)
            | Operation::DropColumn(..)
            | Operation::Restart
            | Operation::Kill
            | Operation::PowerLoss(_) => self.compare(),
        }
    }

    /// Does what changes one life of the engine.
    fn work(&mut self, operation: &Operation) -> Result<(), Stop> {
        match operation {
            Operation::Write(key, updates) => self.write(*key, updates)?,
            Operation::Read(table, key, selection) => self.read(*table, *key, selection)?,
            Operation::Scan(table, from, limit_count) => self.scan(*table, *from, *limit_count)?,
            Operation::Tick => {
                let is_age_known = self.knows_last_sync();
                let before = self.flushes_counts();
                self.ask(StorageEngine::tick)?;
                self.note_flushes(&before);
                self.note_tick(is_age_known);
            }
            Operation::Sync => {
                self.ask(StorageEngine::sync)?;
                self.note_sync();
            }
            Operation::Flush(table) => {
                let id = translate::table_id(*table);
                self.ask(|engine| engine.flush(id))?;
                self.oracle.switch_memtable(*table);
                self.note_all_flushed(*table);
            }
            Operation::BeginFlush(table) => {
                let id = translate::table_id(*table);
                let flush = self.ask(|engine| engine.begin_flush(id))?;
                let memtable = self.oracle.switch_memtable(*table);
                self.pending.push(Begun {
                    table: *table,
                    memtable,
                    flush,
                    is_written: false,
                });
            }
            Operation::FinishFlush(index) => {
                let begun = self.pending.remove(*index);
                self.ask(|engine| engine.finish_flush(&begun.flush))?;
                self.oracle.flushed(begun.table, begun.memtable);
            }
            Operation::AbandonFlush(index) => {
                let begun = self.pending.remove(*index);
                if !begun.is_written {
                    self.abandoned.push(begun.table);
                }
                drop(begun);
                self.coverage.meet(Met::FlushAbandoned, 1);
            }
            Operation::Compact(table) => {
                let id = translate::table_id(*table);
                self.ask(|engine| engine.compact(id))?;
            }
            Operation::CompactNext(table) => {
                let id = translate::table_id(*table);
                self.ask(|engine| engine.compact_next(id))?;
            }
            Operation::Truncate(table) => {
                let id = translate::table_id(*table);
                self.ask(|engine| engine.truncate(id))?;
                self.oracle.truncated(*table);
                self.note_all_flushed(*table);
                self.coverage.meet(Met::Truncated, 1);
            }
            Operation::AddColumn(table, name) => self.add_column(*table, name)?,
            Operation::DropColumn(table, name) => self.drop_column(*table, name)?,
            Operation::Clock(_) | Operation::Restart | Operation::Kill | Operation::PowerLoss(_) => {}
        }
        Ok(())
    }

    fn write(&mut self, key: u8, updates: &[Update]) -> Result<(), Stop> {
        let mutation = translate::mutation(key, updates, self.now_seconds());
        let before_count = self.disk.operation_count();
        let is_age_known = self.knows_last_sync();
        self.ask(|engine| engine.apply(mutation))?;
        let is_age_known = is_age_known && !self.has_switched_segment_since(before_count);
        self.oracle.write(self.facts(key, updates), false);
        let mut shapes = updates.iter().map(|update| translate::shape(update.table));
        self.note_acknowledgement(shapes.any(|shape| shape.is_durable), is_age_known);
        Ok(())
    }

    fn scan(&self, table: usize, from: Option<u8>, limit_count: usize) -> Result<(), Stop> {
        let start = from.map(|from| translate::key(table, from));
        let range = (
            start.clone().map_or(Bound::Unbounded, Bound::Included),
            Bound::Unbounded,
        );
        let filter = translate::filter(table, &super::operation::Selection::ALL);
        let engine = self.open_engine()?;
        let shown = engine.scan(translate::table_id(table), range, &filter, limit_count);
        let shown = shown.map_err(Stop::Refused)?;
        let mut keys: Vec<_> = (0..KEYS_COUNT)
            .map(|key| (translate::key(table, key), key))
            .collect();
        keys.sort();
        keys.retain(|(key, _)| start.as_ref().is_none_or(|start| key >= start));
        let mut left = shown.as_slice();
        let mut is_full = false;
        for (key, number) in keys {
            is_full = shown.len() - left.len() == limit_count;
            let expected = self.oracle.expected(table, number, self.now_seconds());
            let rows: Vec<_> = expected.iter().map(|seen| translate::rows(table, seen)).collect();
            match left {
                [(shown_key, shown_rows), rest @ ..] if *shown_key == key => {
                    if !rows.contains(shown_rows) {
                        return Err(Stop::Wrong(format!(
                            "scan gives {shown_rows:?}, expected is {rows:?}"
                        )));
                    }
                    left = rest;
                }
                _ if is_full || expected.iter().any(super::visible::Seen::is_empty) => {}
                _ => return Err(Stop::Wrong(format!("scan leaves out key {number}: {rows:?}"))),
            }
        }
        if left.is_empty() || is_full {
            return Ok(());
        }
        Err(Stop::Wrong(format!(
            "scan gives partitions that are not there or not in order: {left:?}"
        )))
    }

    fn add_column(&mut self, table: usize, name: &str) -> Result<(), Stop> {
        let id = translate::table_id(table);
        let column = translate::shape(table)
            .column(name)
            .expect("only known columns are added");
        let metadata = self.ask(|engine| engine.table(id))?;
        let altered =
            translate::with_column(&metadata, column).map_err(|error| Stop::Refused(error.into()))?;
        self.ask(|engine| engine.alter_table(altered))?;
        self.oracle.column_added(table, name);
        Ok(())
    }

    fn drop_column(&mut self, table: usize, name: &str) -> Result<(), Stop> {
        let id = translate::table_id(table);
        let now_us = self.now_us();
        let metadata = self.ask(|engine| engine.table(id))?;
        let altered = translate::without_column(&metadata, name, now_us);
        let altered = altered.map_err(|error| Stop::Refused(error.into()))?;
        self.ask(|engine| engine.alter_table(altered))?;
        self.oracle.column_dropped(table, name, now_us);
        self.coverage.meet(Met::ColumnDropped, 1);
        Ok(())
    }

    fn facts(&self, key: u8, updates: &[Update]) -> Vec<(usize, Fact)> {
        let now_seconds = self.now_seconds();
        let facts = updates
            .iter()
            .map(|update| (update.table, Fact::of(key, update, now_seconds)));
        facts.collect()
    }

    /// Segments come and go.
    fn note_segments(&mut self) {
        let Some(engine) = &self.engine else {
            return;
        };
        let count = engine.statistics().commit_log_segments_count;
        self.coverage
            .meet(Met::SegmentSwitched, count.saturating_sub(self.segments_count));
        self.coverage
            .meet(Met::SegmentDiscarded, self.segments_count.saturating_sub(count));
        self.segments_count = count;
    }

    /// The clock of the engine, milliseconds since 1970.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    fn now_seconds(&self) -> i64 {
        i64::try_from(self.clock.now_seconds()).expect("before the year 292 billion")
    }

    fn now_us(&self) -> i64 {
        i64::try_from(self.clock.now_us()).expect("before the year 294000")
    }
}
