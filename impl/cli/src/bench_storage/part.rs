//! The parts of `bench storage`: what is done to one engine in one process, and the rows that come of it.

use core::sync::atomic::{AtomicU64, Ordering};
use std::path::{Path, PathBuf};
use std::thread;

use super::contestant::{Contestant, Durability, Engine, EngineError};
use super::data::{ROW_SIZE_BYTES, absent_key, key, mixed, value};
use super::measured::{Measured, Meter, disk_bytes};
use super::probe;
use super::progress_line::ProgressLine;
use crate::progress::is_interrupted;

/// Flushes of the writes of a life, and so files that the compaction merges.
const FLUSHES_COUNT: u64 = 4;
/// Writes for each read.
const WRITES_PER_READ: u64 = 5;
/// Writes of periodic mode for each of batch mode by one thread.
const PERIODIC_PER_BATCH: u64 = 50;
/// Most that many threads write in batch mode, as a multiple of what one writes.
const MOST_BATCH_SCALE: u64 = 8;
/// Keys that are looked for after replay.
const CHECKED_COUNT: u64 = 1_000;

/// One stretch of work that needs fresh files.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Part {
    /// Writes with flushes, reads, scan, compaction, reads again.
    Life,
    /// Nothing but writes.
    Writes(Durability, u32),
    /// Opening files whose log holds everything.
    Replay,
}

impl Part {
    /// All of them, in the order of the table.
    pub(super) const ALL: [Self; 7] = [
        Self::Life,
        Self::Writes(Durability::Periodic, 8),
        Self::Writes(Durability::Periodic, 64),
        Self::Writes(Durability::Batch, 1),
        Self::Writes(Durability::Batch, 8),
        Self::Writes(Durability::Batch, 64),
        Self::Replay,
    ];

    /// Does the part with so many writes, in an empty directory.
    pub(super) fn run(
        self,
        engine: Engine,
        directory: &Path,
        writes_count: u64,
    ) -> Result<Vec<Measured>, EngineError> {
        let mut bench = Bench {
            engine,
            directory: directory.to_owned(),
            rows: Vec::new(),
        };
        match self {
            Self::Life => bench.life(writes_count)?,
            Self::Writes(Durability::Periodic, threads_count) => {
                bench.writes_alone(Durability::Periodic, threads_count, writes_count)?;
            }
            Self::Writes(Durability::Batch, threads_count) => {
                let scale = u64::from(threads_count).min(MOST_BATCH_SCALE);
                let writes_count = (writes_count / PERIODIC_PER_BATCH * scale).max(1);
                bench.writes_alone(Durability::Batch, threads_count, writes_count)?;
            }
            Self::Replay => bench.replay(writes_count)?,
        }
        Ok(bench.rows)
    }
}

/// An engine was asked for what it had and did not give it.
#[derive(Debug, thiserror::Error)]
#[error("{found_count} of {expected_count} keys were found: {what}")]
struct Lost {
    what: &'static str,
    found_count: u64,
    expected_count: u64,
}

/// The rows of one part as they come.
#[derive(Debug)]
struct Bench {
    engine: Engine,
    directory: PathBuf,
    rows: Vec<Measured>,
}

impl Bench {
    /// The life of a table: everything but the start.
    fn life(&mut self, writes_count: u64) -> Result<(), EngineError> {
        let engine = self.engine.open(&self.directory, Durability::Periodic)?;
        let engine = &*engine;
        let mut writes = Measured::default();
        let mut flushes = Measured::default();
        for index in 0..FLUSHES_COUNT {
            let first = writes_count * index / FLUSHES_COUNT;
            let last = writes_count * (index + 1) / FLUSHES_COUNT;
            let written = self.writes(engine, "write, periodic", 1, first..last)?;
            let flushed = self.measure(engine, "flush", written.operations_count, |_| engine.flush())?;
            if index == 0 {
                (writes, flushes) = (written, flushed);
            } else {
                writes.add(&written);
                flushes.add(&flushed);
            }
            if is_interrupted() {
                break;
            }
        }
        let written_count = writes.operations_count;
        let mut whole = writes.clone();
        self.rows.extend([writes, flushes.clone()]);
        if is_interrupted() {
            return Ok(());
        }
        if self.engine == Engine::Thymbra {
            let compression = probe::compression_of_data_files(&self.directory, written_count)?;
            self.rows.push(compression);
        }
        self.reads(engine, written_count, "")?;
        self.scan(engine, written_count)?;
        let compacted = self.measure(engine, "compact", written_count, |_| engine.compact())?;
        self.rows.push(compacted.clone());
        self.reads(engine, written_count, ", compacted")?;
        for part in [flushes, compacted] {
            whole.add(&part);
        }
        // The three work on the same rows.
        whole.what = "write + flush + compact".into();
        whole.operations_count = written_count;
        whole.payload_bytes = written_count * ROW_SIZE_BYTES;
        self.rows.push(whole);
        Ok(())
    }

    /// Nothing but writes.
    fn writes_alone(
        &mut self,
        durability: Durability,
        threads_count: u32,
        writes_count: u64,
    ) -> Result<(), EngineError> {
        let engine = self.engine.open(&self.directory, durability)?;
        let what = match durability {
            Durability::Periodic => "write, periodic",
            Durability::Batch => "write, batch",
        };
        let row = self.writes(&*engine, what, threads_count, 0..writes_count)?;
        self.rows.push(row);
        engine.close()
    }

    /// Opening files whose log holds everything.
    fn replay(&mut self, writes_count: u64) -> Result<(), EngineError> {
        let engine = self.engine.open(&self.directory, Durability::Periodic)?;
        let written = self.writes(&*engine, "write before replay", 1, 0..writes_count)?;
        engine.close()?;
        if is_interrupted() {
            return Ok(());
        }
        let line = ProgressLine::new(self.label("replay", 1), 0);
        let meter = Meter::start();
        let engine = self.engine.open(&self.directory, Durability::Periodic)?;
        let row = meter.stop(written.operations_count, written.payload_bytes);
        drop(line);
        self.rows.push(self.named(row, "replay", 1));
        let checked_count = CHECKED_COUNT.min(written.operations_count);
        let mut found_count = 0;
        for index in 0..checked_count {
            found_count += u64::from(engine.read(&key(mixed(index) % written.operations_count))?);
        }
        expect_count("after replay", found_count, checked_count)?;
        engine.close()
    }

    /// Writes keys of these numbers by several threads.
    fn writes(
        &self,
        engine: &dyn Contestant,
        what: &str,
        threads_count: u32,
        numbers: core::ops::Range<u64>,
    ) -> Result<Measured, EngineError> {
        let (first, count) = (numbers.start, numbers.end - numbers.start);
        let line = ProgressLine::new(self.label(what, threads_count), count);
        let done_count = AtomicU64::new(0);
        let share = |thread: u64| first + count * thread / u64::from(threads_count);
        let write_share = |thread: u64| -> Result<(), EngineError> {
            let numbers = share(thread)..share(thread + 1);
            let mut done = 0;
            for (index, number) in (0..).zip(numbers) {
                if !line.goes_on(index) {
                    break;
                }
                let timestamp = i64::try_from(number).unwrap_or(i64::MAX);
                engine.write(&key(number), &value(number), timestamp)?;
                done += 1;
            }
            done_count.fetch_add(done, Ordering::Relaxed);
            Ok(())
        };
        let before = engine.written_bytes();
        let meter = Meter::start();
        thread::scope(|scope| {
            let write_share = &write_share;
            let threads: Vec<_> = (0..u64::from(threads_count))
                .map(|thread| scope.spawn(move || write_share(thread)))
                .collect();
            threads.into_iter().try_for_each(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
        })?;
        let done_count = done_count.into_inner();
        let mut row = self.named(
            meter.stop(done_count, done_count * ROW_SIZE_BYTES),
            what,
            threads_count,
        );
        row.written_bytes = difference(before, engine.written_bytes());
        row.is_complete = done_count == count;
        Ok(row)
    }

    /// Reads of keys that are there and of keys that are not, each at random.
    fn reads(&mut self, engine: &dyn Contestant, written_count: u64, after: &str) -> Result<(), EngineError> {
        let reads_count = (written_count / WRITES_PER_READ).max(1);
        for (kind, is_present) in [("present", true), ("absent", false)] {
            let row = self.measure(engine, &format!("read {kind}{after}"), reads_count, |line| {
                let mut found_count = 0;
                let mut done_count = 0;
                while done_count < reads_count && line.goes_on(done_count) {
                    let number = mixed(done_count) % written_count;
                    let key = if is_present {
                        key(number)
                    } else {
                        absent_key(number)
                    };
                    found_count += u64::from(engine.read(&key)?);
                    done_count += 1;
                }
                let expected_count = if is_present { done_count } else { 0 };
                expect_count("reads", found_count, expected_count)
            })?;
            self.rows.push(row);
        }
        Ok(())
    }

    fn scan(&mut self, engine: &dyn Contestant, written_count: u64) -> Result<(), EngineError> {
        let row = self.measure(engine, "scan", written_count, |_| {
            expect_count("scan", engine.scan()?, written_count)
        })?;
        self.rows.push(row);
        Ok(())
    }

    /// Measures work of one thread on so many rows.
    fn measure(
        &self,
        engine: &dyn Contestant,
        what: &str,
        operations_count: u64,
        work: impl FnOnce(&ProgressLine) -> Result<(), EngineError>,
    ) -> Result<Measured, EngineError> {
        let is_counted = what.starts_with("read");
        let line = ProgressLine::new(self.label(what, 1), if is_counted { operations_count } else { 0 });
        let before = engine.written_bytes();
        let meter = Meter::start();
        work(&line)?;
        let mut row = self.named(
            meter.stop(operations_count, operations_count * ROW_SIZE_BYTES),
            what,
            1,
        );
        row.is_complete = !is_interrupted();
        if !is_counted && what != "scan" {
            row.written_bytes = difference(before, engine.written_bytes());
        }
        Ok(row)
    }

    fn label(&self, what: &str, threads_count: u32) -> String {
        format!("{}: {what}, threads: {threads_count}", self.engine.name())
    }

    fn named(&self, row: Measured, what: &str, threads_count: u32) -> Measured {
        Measured {
            engine: self.engine.name().into(),
            what: what.into(),
            threads_count,
            disk_bytes: Some(disk_bytes(&self.directory)),
            ..row
        }
    }
}

fn difference(before: Option<u64>, after: Option<u64>) -> Option<u64> {
    Some(after?.saturating_sub(before?))
}

fn expect_count(what: &'static str, found_count: u64, expected_count: u64) -> Result<(), EngineError> {
    if found_count == expected_count {
        return Ok(());
    }
    Err(Box::new(Lost {
        what,
        found_count,
        expected_count,
    }))
}
