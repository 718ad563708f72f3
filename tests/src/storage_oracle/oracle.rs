//! What an engine must hold after everything that was done to it, crashes included.
//!
//! Keeps all facts in the order in which they were accepted, and for each whether it may be lost. Where a
//! crash leaves it open what survives, every possibility is kept until a reading decides. Chapters:
//! `specs/06-commit-log.md`, `specs/07-memtable-and-flush.md`.

#[cfg(test)]
mod tests;

use super::fact::Fact;
use super::shape::{SHAPES, Shape};
use super::visible::{Seen, see_all};
use std::collections::{BTreeMap, BTreeSet};

/// Partition keys of runs: 0 up to this.
pub const KEYS_COUNT: u8 = 4;

/// Writes of a partition that may be in doubt at a time; of more, the rest are taken as not there.
const DOUBTFUL_COUNT: usize = 10;

/// What one mutation wrote into one table.
#[derive(Clone, Debug)]
struct Part {
    /// Number of the mutation, in the order of the commit log.
    mutation: u64,
    facts: Vec<Fact>,
    /// The engine answered the write by an error: nothing is known of it.
    is_doubtful: bool,
    /// An SSTable has it.
    is_flushed: bool,
    /// Which memtable of the table took it.
    memtable: u64,
}

/// What a table holds: in the order of the commit log, all of it there.
type Possibility = Vec<Part>;

/// What is known of one table.
#[derive(Clone, Debug)]
struct TableOracle {
    /// At least one; several where a crash left it open what survived.
    possibilities: Vec<Possibility>,
    /// Which memtable takes writes.
    memtable: u64,
    columns: BTreeSet<String>,
    /// When columns were dropped last, microseconds since 1970.
    dropped_us: BTreeMap<String, i64>,
}

/// How a life of the engine ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ending {
    /// It was closed.
    Close,
    /// Its process ended.
    ProcessEnd,
    /// The machine ended.
    PowerLoss,
}

/// What the engine was about when its life ended; the next life may show it done or not done.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct InFlight {
    /// A table that was being truncated.
    pub truncation: Option<usize>,
    /// It was looking for something to flush: the memtables that take writes may be flushed, each as a whole.
    pub may_have_flushed: bool,
    /// It was recovering from the end of its process: what it had replayed of the log, which was longer then perhaps,
    /// may be flushed, of some tables and not of others.
    pub recovers_table_by_table: bool,
}

/// What became of writes that a crash might take, by tables.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Survival {
    /// Gone.
    pub lost_count: u64,
    /// There all the same.
    pub kept_count: u64,
}

/// Shows whether a reader sees exactly this in a partition of a table.
pub type Observation<'a> = dyn Fn(usize, u8, &Seen) -> bool + 'a;

/// What must be there, and what may.
#[derive(Clone, Debug)]
pub struct Oracle {
    tables: Vec<TableOracle>,
    /// Number of the next mutation.
    next_mutation: u64,
    /// Mutations below this survive a loss of power, if their keyspace writes to the log.
    synced_up_to: u64,
    /// Mutations below this survive the end of the process, if their keyspace writes to the log.
    written_up_to: u64,
}

impl Default for Oracle {
    fn default() -> Self {
        let table = |shape: &Shape| TableOracle {
            possibilities: vec![Vec::new()],
            memtable: 0,
            columns: shape
                .columns
                .iter()
                .map(|column| column.name.to_owned())
                .collect(),
            dropped_us: BTreeMap::new(),
        };
        Self {
            tables: SHAPES.iter().map(table).collect(),
            next_mutation: 0,
            synced_up_to: 0,
            written_up_to: 0,
        }
    }
}

impl Oracle {
    /// A mutation was accepted, or, if `is_doubtful`, answered by an error. Facts come with their tables.
    pub fn write(&mut self, facts: Vec<(usize, Fact)>, is_doubtful: bool) {
        let mutation = self.next_mutation;
        self.next_mutation += 1;
        let mut by_table = BTreeMap::<usize, Vec<Fact>>::new();
        for (table, fact) in facts {
            by_table.entry(table).or_default().push(fact);
        }
        for (table, facts) in by_table {
            let table = self.table_mut(table);
            let part = Part {
                mutation,
                facts,
                is_doubtful,
                is_flushed: false,
                memtable: table.memtable,
            };
            for possibility in &mut table.possibilities {
                possibility.push(part.clone());
            }
        }
    }

    /// Mutations that were accepted so far, or answered by an error.
    #[must_use]
    pub const fn mutations_count(&self) -> u64 {
        self.next_mutation
    }

    /// Everything accepted so far survives the end of the process.
    pub fn written(&mut self) {
        self.written_up_to(self.next_mutation);
    }

    /// So many of the first mutations survive the end of the process.
    pub fn written_up_to(&mut self, mutations_count: u64) {
        self.written_up_to = self.written_up_to.max(mutations_count);
    }

    /// Everything accepted so far survives a loss of power.
    pub fn synced(&mut self) {
        self.synced_up_to(self.next_mutation);
    }

    /// So many of the first mutations survive a loss of power.
    pub fn synced_up_to(&mut self, mutations_count: u64) {
        self.synced_up_to = self.synced_up_to.max(mutations_count);
        self.written_up_to(mutations_count);
    }

    /// Another memtable takes writes; the number of the one before it.
    pub fn switch_memtable(&mut self, table: usize) -> u64 {
        let table = self.table_mut(table);
        table.memtable += 1;
        table.memtable - 1
    }

    /// All memtables of a table were flushed that do not take writes any more, but for some.
    pub fn flushed_all_but(&mut self, table: usize, open: &[u64]) {
        let table = self.table_mut(table);
        for part in table.possibilities.iter_mut().flatten() {
            part.is_flushed |= part.memtable < table.memtable && !open.contains(&part.memtable);
        }
    }

    /// A memtable was flushed.
    pub fn flushed(&mut self, table: usize, memtable: u64) {
        for part in self.table_mut(table).possibilities.iter_mut().flatten() {
            part.is_flushed |= part.memtable == memtable;
        }
    }

    /// A table was truncated.
    pub fn truncated(&mut self, table: usize) {
        self.table_mut(table).possibilities = vec![Vec::new()];
    }

    /// The truncation of a table failed: it is empty, or as before.
    pub fn perhaps_truncated(&mut self, table: usize) {
        self.table_mut(table).possibilities.push(Vec::new());
    }

    /// Whether a table has a column.
    #[must_use]
    pub fn has_column(&self, table: usize, column: &str) -> bool {
        self.table(table).columns.contains(column)
    }

    /// A column was added.
    pub fn column_added(&mut self, table: usize, column: &str) {
        self.table_mut(table).columns.insert(column.to_owned());
    }

    /// A column was dropped at a time, microseconds since 1970.
    pub fn column_dropped(&mut self, table: usize, column: &str, now_us: i64) {
        let table = self.table_mut(table);
        table.columns.remove(column);
        table.dropped_us.insert(column.to_owned(), now_us);
    }

    /// What a reader may see of a partition, each possibility once.
    #[must_use]
    pub fn expected(&self, table: usize, key: u8, now_seconds: i64) -> Vec<Seen> {
        let shape = SHAPES.get(table).expect("one oracle for each shape");
        let mut expected = Vec::new();
        for facts in self.facts(table, key) {
            for seen in see_all(shape, &facts, now_seconds) {
                if !expected.contains(&seen) {
                    expected.push(seen);
                }
            }
        }
        expected
    }

    /// What may have been said of a partition, in each possibility, of columns that are there.
    #[must_use]
    pub fn facts(&self, table: usize, key: u8) -> Vec<Vec<&Fact>> {
        let state = self.table(table);
        let views = state
            .possibilities
            .iter()
            .flat_map(|possibility| views(possibility, key));
        views.map(|parts| state.facts(key, &parts)).collect()
    }

    /// Compares everything that can be seen, and forgets the possibilities that it excludes.
    ///
    /// # Errors
    /// A partition that no possibility explains, as table and key.
    pub fn check(&mut self, now_seconds: i64, shows: &Observation<'_>) -> Result<(), (usize, u8)> {
        for index in 0..self.tables.len() {
            let table = self.table(index);
            let mut first_wrong = None;
            let mut explains = |possibility: &Possibility| {
                let wrong = table.first_wrong_key(index, possibility, now_seconds, shows);
                first_wrong = first_wrong.max(wrong);
                wrong.is_none()
            };
            let kept: Vec<_> = (table
                .possibilities
                .iter()
                .filter(|&possibility| explains(possibility)))
            .cloned()
            .collect();
            if kept.is_empty() {
                return Err((index, first_wrong.unwrap_or_default()));
            }
            self.table_mut(index).possibilities = kept;
        }
        Ok(())
    }

    /// Compares what a new life shows with what the one before it may have left, and goes on from there.
    ///
    /// What survives of what was not safe is a beginning of the commit log, the same for all tables, and
    /// memtables that were being flushed, whole. Where a recovery was cut, some tables may show a longer beginning.
    ///
    /// # Errors
    /// A partition that nothing explains, as table and key.
    pub fn recover(
        &mut self,
        ending: Ending,
        in_flight: InFlight,
        now_seconds: i64,
        shows: &Observation<'_>,
    ) -> Result<Survival, (usize, u8)> {
        let safe_up_to = match ending {
            Ending::Close => self.next_mutation,
            Ending::ProcessEnd => self.written_up_to,
            Ending::PowerLoss => self.synced_up_to,
        };
        let mut first_wrong = (0, 0);
        let mut of_logs = Vec::new();
        for log_up_to in safe_up_to..=self.next_mutation {
            let tables = self.tables.iter().enumerate();
            let of_tables = tables.map(|(index, table)| {
                let survivors = table.survivors(index, ending, log_up_to, in_flight);
                let (right, wrong) = table.sort_out(index, survivors, now_seconds, shows);
                if right.is_empty() {
                    first_wrong = first_wrong.max((index, wrong));
                }
                right
            });
            of_logs.push(of_tables.collect::<Vec<_>>());
        }
        let replayed_at_least = self.written_up_to.max(safe_up_to) - safe_up_to;
        let mut explained = vec![Vec::<Possibility>::new(); self.tables.len()];
        for (log, of_tables) in of_logs.iter().enumerate().rev() {
            let replayed = match in_flight.recovers_table_by_table {
                true => of_logs
                    .get(log.max(index_of(replayed_at_least))..)
                    .unwrap_or_default(),
                false => std::slice::from_ref(of_tables),
            };
            for of_replayed in replayed {
                let either = || of_tables.iter().zip(of_replayed);
                if either().any(|(left, right)| left.is_empty() && right.is_empty()) {
                    continue;
                }
                for (kept, (left, right)) in explained.iter_mut().zip(either()) {
                    kept.extend(right.iter().chain(left).cloned());
                }
            }
        }
        if explained.iter().any(Vec::is_empty) {
            return Err(first_wrong);
        }
        let mut survival = Survival::default();
        for (table, mut kept) in self.tables.iter_mut().zip(explained) {
            survival.add(&table.possibilities, &kept, safe_up_to);
            for part in kept.iter_mut().flatten() {
                part.is_flushed = true;
            }
            let mut known = BTreeSet::<Vec<u64>>::new();
            kept.retain(|possibility| known.insert(possibility.iter().map(|part| part.mutation).collect()));
            table.possibilities = kept;
            table.memtable += 1;
        }
        self.synced();
        Ok(survival)
    }

    fn table(&self, table: usize) -> &TableOracle {
        self.tables.get(table).expect("operations name tables that exist")
    }

    fn table_mut(&mut self, table: usize) -> &mut TableOracle {
        self.tables
            .get_mut(table)
            .expect("operations name tables that exist")
    }
}

impl Survival {
    /// Counts the likeliest of what was and of what is.
    fn add(&mut self, before: &[Possibility], after: &[Possibility], safe_up_to: u64) {
        let unsafe_count = |possibilities: &[Possibility]| {
            let likeliest = possibilities.first().into_iter().flatten();
            let parts = likeliest.filter(|part| part.mutation >= safe_up_to && !part.is_flushed);
            parts.count() as u64
        };
        let (before, after) = (unsafe_count(before), unsafe_count(after));
        self.lost_count += before.saturating_sub(after);
        self.kept_count += after;
    }
}

/// A number of mutations as an index.
fn index_of(count: u64) -> usize {
    usize::try_from(count).expect("a run has few mutations")
}

/// The parts that concern a partition: those that are certain, with any of those that are in doubt.
fn views(possibility: &Possibility, key: u8) -> impl Iterator<Item = Vec<&Part>> {
    let of_key = possibility
        .iter()
        .filter(move |part| part.facts.iter().any(|fact| fact.key == key));
    let (doubtful, certain): (Vec<_>, Vec<_>) = of_key.partition(|part| part.is_doubtful);
    (0..1_u32 << doubtful.len().min(DOUBTFUL_COUNT)).map(move |subset| {
        let doubtful = doubtful.iter().enumerate();
        let there = doubtful
            .filter(|(bit, _)| subset >> bit & 1 == 1)
            .map(|(_, part)| part);
        certain.iter().chain(there).copied().collect()
    })
}

impl TableOracle {
    /// The first partition that does not show what these parts say, whatever of the doubtful ones is there.
    fn first_wrong_key(
        &self,
        index: usize,
        parts: &Possibility,
        now_seconds: i64,
        shows: &Observation<'_>,
    ) -> Option<u8> {
        (0..KEYS_COUNT).find(|&key| {
            let mut views = views(parts, key);
            !views.any(|parts| {
                let mut all = self.see_all(index, key, &parts, now_seconds).into_iter();
                all.any(|seen| shows(index, key, &seen))
            })
        })
    }

    /// Those of some possibilities that show what is there; and the last key that any of the others has wrong.
    fn sort_out(
        &self,
        index: usize,
        survivors: Vec<Possibility>,
        now_seconds: i64,
        shows: &Observation<'_>,
    ) -> (Vec<Possibility>, u8) {
        let mut last_wrong = 0;
        let mut is_right = |survivor: &Possibility| {
            let wrong = self.first_wrong_key(index, survivor, now_seconds, shows);
            last_wrong = last_wrong.max(wrong.unwrap_or_default());
            wrong.is_none()
        };
        let right = survivors
            .into_iter()
            .filter(|survivor| is_right(survivor))
            .collect();
        (right, last_wrong)
    }

    /// What a reader may see of a partition.
    fn see_all(&self, index: usize, key: u8, parts: &[&Part], now_seconds: i64) -> Vec<Seen> {
        let shape = SHAPES.get(index).expect("one oracle for each shape");
        see_all(shape, &self.facts(key, parts), now_seconds)
    }

    /// The facts of a partition, but for those of columns that are gone.
    fn facts<'p>(&self, key: u8, parts: &[&'p Part]) -> Vec<&'p Fact> {
        let facts = parts.iter().flat_map(|part| &part.facts);
        facts
            .filter(|fact| fact.key == key && self.has_column_of(fact))
            .collect()
    }

    /// Whether the column of a fact is there, and was not dropped since.
    fn has_column_of(&self, fact: &Fact) -> bool {
        fact.column().is_none_or(|column| {
            let dropped_us = self.dropped_us.get(column);
            self.columns.contains(column)
                && dropped_us.is_none_or(|dropped_us| fact.timestamp_us > *dropped_us)
        })
    }

    /// Memtables that were switched out, and are not known to be flushed.
    fn unfinished_flushes(&self, possibility: &Possibility) -> BTreeSet<u64> {
        let unfinished = possibility
            .iter()
            .filter(|part| !part.is_flushed && part.memtable < self.memtable);
        unfinished.map(|part| part.memtable).collect()
    }

    /// What may be left when the log has the mutations below a number.
    fn survivors(
        &self,
        index: usize,
        ending: Ending,
        log_up_to: u64,
        in_flight: InFlight,
    ) -> Vec<Possibility> {
        let is_logged = SHAPES.get(index).is_some_and(|shape| shape.is_durable);
        let mut survivors = Vec::new();
        for possibility in &self.possibilities {
            let mut flushes = self.unfinished_flushes(possibility);
            if in_flight.may_have_flushed {
                flushes.insert(self.memtable);
            }
            for subset in 0..1_u32 << flushes.len().min(8) {
                let is_flushed = |memtable: u64| {
                    let pending = flushes.iter().position(|flush| *flush == memtable);
                    pending.is_some_and(|bit| subset >> bit & 1 == 1)
                };
                let survives = |part: &&Part| {
                    let in_log = is_logged && (part.mutation < log_up_to || part.is_doubtful);
                    let closed = ending == Ending::Close && !is_logged;
                    part.is_flushed || in_log || is_flushed(part.memtable) || closed
                };
                survivors.push(possibility.iter().filter(survives).cloned().collect());
            }
        }
        if in_flight.truncation == Some(index) {
            survivors.push(Vec::new());
        }
        survivors
    }
}
