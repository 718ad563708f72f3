//! The state that operations are generated from: what exists, and what may be done next.
//!
//! It follows the operations and never the engine, so that a run can be generated and shrunk before it is
//! made. Source of the machinery: the crate `proptest-state-machine`.

use super::fact::{Fact, Statement};
use super::operation::{BEGIN_SECONDS, CellLabel, Change, Operation, RowName, Update};
use super::oracle::KEYS_COUNT;
use super::setup::Setup;
use super::shape::{ColumnShape, SHAPES, Shape};
use std::collections::BTreeMap;

/// Flushes that may be pending at a time.
const PENDING_FLUSHES_COUNT: usize = 3;

/// What exists after some operations.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Settings of the run.
    pub setup: Setup,
    /// Milliseconds since 1970.
    now_ms: u64,
    /// In the order of `SHAPES`.
    tables: Vec<PlannedTable>,
    /// Tables of flushes that are pending, in the order of their switches.
    pending: Vec<usize>,
}

#[derive(Clone, Debug)]
struct PlannedTable {
    columns: Vec<ColumnShape>,
    /// Microseconds since 1970.
    dropped_us: BTreeMap<&'static str, i64>,
    /// Everything ever written since the last truncation, lost or not.
    facts: Vec<Fact>,
}

impl Plan {
    /// The beginning: the tables are there and empty.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let table = |shape: &Shape| PlannedTable {
            columns: shape.columns.to_vec(),
            dropped_us: BTreeMap::new(),
            facts: Vec::new(),
        };
        Self {
            setup,
            now_ms: u64::try_from(BEGIN_SECONDS).expect("after 1970") * 1_000,
            tables: SHAPES.iter().map(table).collect(),
            pending: Vec::new(),
        }
    }

    /// Seconds since the beginning.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.now_seconds() - BEGIN_SECONDS
    }

    /// Columns of a table.
    #[must_use]
    pub fn columns(&self, table: usize) -> &[ColumnShape] {
        self.tables
            .get(table)
            .map_or(&[], |table| table.columns.as_slice())
    }

    /// Flushes that are pending.
    #[must_use]
    pub fn pending_count(&self) -> usize {
        self.pending.len()
    }

    /// Whether an operation makes sense now, and its outcome is certain.
    #[must_use]
    pub fn allows(&self, operation: &Operation) -> bool {
        match operation {
            Operation::Write(key, updates) => {
                let same_key = updates
                    .iter()
                    .all(|update| self.has_key_of(*key, update, updates));
                *key < KEYS_COUNT
                    && !updates.is_empty()
                    && same_key
                    && updates.iter().all(|update| self.fits(*key, update))
            }
            Operation::Read(_, key, selection) => {
                *key < KEYS_COUNT && selection.limit_count.is_none_or(|limit_count| limit_count > 0)
            }
            Operation::Scan(_, from, limit_count) => {
                *limit_count > 0 && from.is_none_or(|from| from < KEYS_COUNT)
            }
            Operation::BeginFlush(_) => self.pending.len() < PENDING_FLUSHES_COUNT,
            Operation::FinishFlush(index) | Operation::AbandonFlush(index) => *index < self.pending.len(),
            Operation::AddColumn(table, name) => {
                let is_known = SHAPES
                    .get(*table)
                    .is_some_and(|shape| shape.column(name).is_some());
                is_known && !self.columns(*table).iter().any(|column| column.name == name)
            }
            Operation::DropColumn(table, name) => {
                let columns = self.columns(*table);
                let is_there = columns.len() > 1 && columns.iter().any(|column| column.name == name);
                is_there && !self.has_data_of_the_future(*table, name)
            }
            Operation::Clock(_)
            | Operation::Tick
            | Operation::Sync
            | Operation::Flush(_)
            | Operation::Compact(_)
            | Operation::CompactNext(_)
            | Operation::Truncate(_)
            | Operation::Restart
            | Operation::Kill
            | Operation::PowerLoss(_) => true,
        }
    }

    /// Follows an operation that is allowed.
    pub fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::Write(key, updates) => {
                let now_seconds = self.now_seconds();
                for update in updates {
                    let fact = Fact::of(*key, update, now_seconds);
                    self.table_mut(update.table).facts.push(fact);
                }
            }
            Operation::Clock(passed_ms) => self.now_ms += passed_ms,
            Operation::BeginFlush(table) => self.pending.push(*table),
            Operation::FinishFlush(index) | Operation::AbandonFlush(index) => {
                self.pending.remove(*index);
            }
            Operation::Truncate(table) => self.table_mut(*table).facts.clear(),
            Operation::AddColumn(table, name) => {
                let shape = SHAPES.get(*table).and_then(|shape| shape.column(name));
                let column = shape.expect("only known columns are added");
                self.table_mut(*table).columns.push(column);
            }
            Operation::DropColumn(table, name) => {
                let now_us = i64::try_from(self.now_ms * 1_000).expect("before the year 294000");
                let table = self.table_mut(*table);
                let at = table.columns.iter().position(|column| column.name == name);
                let dropped = table
                    .columns
                    .remove(at.expect("only columns that exist are dropped"));
                table.dropped_us.insert(dropped.name, now_us);
            }
            Operation::Restart | Operation::Kill | Operation::PowerLoss(_) => self.pending.clear(),
            Operation::Read(_, _, _)
            | Operation::Scan(_, _, _)
            | Operation::Tick
            | Operation::Sync
            | Operation::Flush(_)
            | Operation::Compact(_)
            | Operation::CompactNext(_) => {}
        }
    }

    /// Whether the table of an update has the same partition key and keyspace as the first one's.
    fn has_key_of(&self, key: u8, update: &Update, updates: &[Update]) -> bool {
        let shapes = (
            updates.first().and_then(|first| SHAPES.get(first.table)),
            SHAPES.get(update.table),
        );
        let (Some(first), Some(this)) = shapes else {
            return false;
        };
        first.is_durable == this.is_durable && first.key_bytes(key) == this.key_bytes(key)
    }

    fn fits(&self, key: u8, update: &Update) -> bool {
        let Some(shape) = SHAPES.get(update.table) else {
            return false;
        };
        let is_full = |row: &RowName| match row {
            RowName::Static => true,
            RowName::At(clustering) => clustering.len() == shape.clusterings.len(),
        };
        let fits = match &update.change {
            Change::Insert(row) | Change::DeleteRow(row) => *row != RowName::Static && is_full(row),
            Change::Set(row, cell, value) => {
                is_full(row) && self.has_cell(update.table, row, cell, Some(value.is_some()))
            }
            Change::DeleteCell(row, cell) => is_full(row) && self.has_cell(update.table, row, cell, None),
            Change::DeleteColumn(row, name) => {
                is_full(row)
                    && self.columns(update.table).iter().any(|column| {
                        column.name == name
                            && column.kind.is_complex()
                            && column.is_static == (*row == RowName::Static)
                    })
            }
            Change::DeleteRange(start, end) => {
                let count = shape.clusterings.len();
                count > 0 && start.prefix.len() <= count && end.prefix.len() <= count && start != end
            }
            Change::DeletePartition => true,
        };
        fits && !self.is_late(key, update, shape) && !self.is_before_drop(update)
    }

    /// The operations but for writes of a value beside one of the same cell with the same timestamp and another
    /// death: what is seen of those depends on compactions (surprise S31).
    #[must_use]
    pub fn without_ties(mut self, mut operations: Vec<Operation>) -> Vec<Operation> {
        operations.retain(|operation| {
            let is_tie = if let Operation::Write(key, updates) = operation {
                let mut updates = updates.iter();
                updates.any(|update| self.dies_beside_an_equal(*key, update))
            } else {
                false
            };
            if !is_tie {
                self.apply(operation);
            }
            !is_tie
        });
        operations
    }

    /// Whether a value of the same cell has the same timestamp and another death. A compaction makes a tombstone
    /// of the one that dies first, and that wins from then on over the one that won before, as in Cassandra.
    fn dies_beside_an_equal(&self, key: u8, update: &Update) -> bool {
        let death = |fact: &Fact| match fact.statement {
            Statement::Value { dies_at_seconds, .. } => dies_at_seconds,
            Statement::Deletion { .. } => None,
        };
        let written = Fact::of(key, update, self.now_seconds());
        let facts = self.tables.get(update.table).map(|table| table.facts.iter());
        facts.into_iter().flatten().any(|fact| {
            let is_same = (fact.key, &fact.scope, fact.timestamp_us)
                == (written.key, &written.scope, written.timestamp_us);
            let deaths = (death(fact), death(&written));
            is_same && deaths.0.is_some() && deaths.1.is_some() && deaths.0 != deaths.1
        })
    }

    fn has_cell(&self, table: usize, row: &RowName, cell: &CellLabel, has_value: Option<bool>) -> bool {
        self.columns(table).iter().any(|column| {
            let value = column.kind.value_scalar(cell.path.as_ref());
            column.name == cell.column
                && column.is_static == (*row == RowName::Static)
                && column.kind.is_complex() == cell.path.is_some()
                && has_value.is_none_or(|has_value| has_value == value.is_some())
        })
    }

    /// Whether something that a compaction may have forgotten covers what an update writes: whether the
    /// update is seen then depends on the compaction, and rightly so.
    fn is_late(&self, key: u8, update: &Update, shape: &Shape) -> bool {
        let now_seconds = self.now_seconds();
        let gc_before = now_seconds - i64::from(shape.gc_grace_seconds);
        let written = Fact::of(key, update, now_seconds);
        let Some(table) = self.tables.get(update.table) else {
            return true;
        };
        table.facts.iter().any(|fact| {
            let is_forgettable = match fact.statement {
                Statement::Deletion { deleted_at_seconds } => deleted_at_seconds < gc_before,
                Statement::Value {
                    dies_at_seconds,
                    written_at_seconds,
                    ..
                } => {
                    let is_dead = dies_at_seconds.is_some_and(|dies_at| dies_at <= now_seconds);
                    is_dead && written_at_seconds < gc_before
                }
            };
            is_forgettable && written.timestamp_us <= fact.timestamp_us && fact.covers(&written, shape)
        })
    }

    /// Whether a column has data with timestamps behind the clock. If it is dropped and added again, they
    /// return or not, depending on whether the commit log was replayed in between.
    fn has_data_of_the_future(&self, table: usize, name: &str) -> bool {
        let now_us = i64::try_from(self.now_ms * 1_000).expect("before the year 294000");
        let facts = self
            .tables
            .get(table)
            .map_or(&[][..], |table| table.facts.as_slice());
        facts
            .iter()
            .any(|fact| fact.column() == Some(name) && fact.timestamp_us > now_us)
    }

    /// Whether an update writes to a column at a time at which it was dropped since.
    fn is_before_drop(&self, update: &Update) -> bool {
        let Some(column) = update.change.column() else {
            return false;
        };
        let table = self.tables.get(update.table);
        let dropped_us = table.and_then(|table| table.dropped_us.get(column));
        dropped_us.is_some_and(|dropped_us| update.timestamp_us() <= *dropped_us)
    }

    fn now_seconds(&self) -> i64 {
        i64::try_from(self.now_ms / 1_000).expect("before the year 292 billion")
    }

    fn table_mut(&mut self, table: usize) -> &mut PlannedTable {
        self.tables
            .get_mut(table)
            .expect("operations name tables that exist")
    }
}
