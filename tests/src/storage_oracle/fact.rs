//! What the oracle keeps: every value and every deletion that was ever accepted, one by one.
//!
//! Nothing is merged, replaced or forgotten here; `visible` decides what a reader sees of a list of facts.
//! Chapter: `specs/01-data-model.md`.

use super::literal::Literal;
use super::operation::{Change, Place, RowName, Update};
use super::shape::{SHAPES, Shape};

/// A cell of a row, as files name it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct CellKey {
    /// The column.
    pub column: String,
    /// The serialized element of a complex column.
    pub path: Option<Vec<u8>>,
}

/// What of a partition a fact is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Scope {
    /// All of it.
    Partition,
    /// The rows between two places.
    Range(Place, Place),
    /// A row with all that is in it.
    Row(RowName),
    /// A complex column of a row.
    Column(RowName, String),
    /// One cell.
    Cell(RowName, CellKey),
    /// That a row exists.
    Existence(RowName),
}

/// What is said of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Statement {
    /// It has a value; that of an existence is empty.
    Value {
        /// Serialized.
        bytes: Vec<u8>,
        /// From which second on it is dead; absent if it lives for ever.
        dies_at_seconds: Option<i64>,
        /// The second in which it was written.
        written_at_seconds: i64,
    },
    /// What it had up to the timestamp is deleted.
    Deletion {
        /// The second in which it was deleted.
        deleted_at_seconds: i64,
    },
}

/// One thing that one mutation said of one partition of one table.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fact {
    /// Number of the partition key.
    pub key: u8,
    /// What it is about.
    pub scope: Scope,
    /// Microseconds since 1970.
    pub timestamp_us: i64,
    /// What it says.
    pub statement: Statement,
}

impl Fact {
    /// The fact that an update states at a clock reading.
    #[must_use]
    pub fn of(key: u8, update: &Update, now_seconds: i64) -> Self {
        let shape = SHAPES
            .get(update.table)
            .expect("operations name tables that exist");
        let value = |bytes| Statement::Value {
            bytes,
            dies_at_seconds: update.ttl_seconds.map(|ttl| now_seconds + i64::from(ttl)),
            written_at_seconds: now_seconds,
        };
        let deletion = Statement::Deletion {
            deleted_at_seconds: now_seconds,
        };
        let (scope, statement) = match update.change.clone() {
            Change::Insert(row) => (Scope::Existence(row), value(Vec::new())),
            Change::Set(row, cell, literal) => {
                let bytes = literal.map(|literal| literal.bytes()).unwrap_or_default();
                (
                    Scope::Cell(row, cell_key(shape, &cell.column, cell.path.as_ref())),
                    value(bytes),
                )
            }
            Change::DeleteCell(row, cell) => (
                Scope::Cell(row, cell_key(shape, &cell.column, cell.path.as_ref())),
                deletion,
            ),
            Change::DeleteColumn(row, column) => (Scope::Column(row, column), deletion),
            Change::DeleteRow(row) => (Scope::Row(row), deletion),
            Change::DeleteRange(start, end) => (Scope::Range(start, end), deletion),
            Change::DeletePartition => (Scope::Partition, deletion),
        };
        Self {
            key,
            scope,
            timestamp_us: update.timestamp_us(),
            statement,
        }
    }

    /// The column that it is about, if it is about one.
    #[must_use]
    pub fn column(&self) -> Option<&str> {
        match &self.scope {
            Scope::Column(_, column) => Some(column),
            Scope::Cell(_, cell) => Some(&cell.column),
            Scope::Partition | Scope::Range(_, _) | Scope::Row(_) | Scope::Existence(_) => None,
        }
    }

    /// From which second on a cell is dead that expires.
    #[must_use]
    pub const fn death(&self) -> Option<i64> {
        match (&self.scope, &self.statement) {
            (Scope::Cell(..), Statement::Value { dies_at_seconds, .. }) => *dies_at_seconds,
            _ => None,
        }
    }

    /// The tombstone that an expired cell may have become.
    #[must_use]
    pub fn as_tombstone(&self) -> Self {
        let statement = match self.statement {
            Statement::Value {
                written_at_seconds: at,
                ..
            }
            | Statement::Deletion {
                deleted_at_seconds: at,
            } => Statement::Deletion {
                deleted_at_seconds: at,
            },
        };
        Self {
            statement,
            ..self.clone()
        }
    }

    /// Whether this deletion removes what another fact gave a value.
    #[must_use]
    pub fn deletes(&self, value: &Self, shape: &Shape) -> bool {
        let is_deletion = matches!(self.statement, Statement::Deletion { .. });
        is_deletion && value.timestamp_us <= self.timestamp_us && self.covers(value, shape)
    }

    /// Whether the scope of another fact lies in that of this one.
    #[must_use]
    pub fn covers(&self, other: &Self, shape: &Shape) -> bool {
        let (row, cell) = match &other.scope {
            Scope::Cell(row, cell) => (row, Some(cell)),
            Scope::Existence(row) => (row, None),
            Scope::Partition | Scope::Range(_, _) | Scope::Row(_) | Scope::Column(_, _) => return false,
        };
        self.key == other.key
            && match &self.scope {
                Scope::Partition => true,
                Scope::Range(start, end) => match row {
                    RowName::Static => false,
                    RowName::At(clustering) => {
                        is_before(shape, start, clustering) && !is_before(shape, end, clustering)
                    }
                },
                Scope::Row(own) => own == row,
                Scope::Column(own, column) => own == row && cell.is_some_and(|cell| cell.column == *column),
                Scope::Cell(own, key) => own == row && cell == Some(key),
                Scope::Existence(own) => own == row && cell.is_none(),
            }
    }
}

/// Whether a place lies before a row.
#[must_use]
pub fn is_before(shape: &Shape, place: &Place, row: &[Literal]) -> bool {
    match shape.order(&place.prefix, row) {
        std::cmp::Ordering::Less => true,
        std::cmp::Ordering::Greater => false,
        std::cmp::Ordering::Equal => !place.is_after,
    }
}

fn cell_key(shape: &Shape, column: &str, path: Option<&Literal>) -> CellKey {
    let kind = shape
        .column(column)
        .expect("operations name columns that exist")
        .kind;
    CellKey {
        column: column.to_owned(),
        path: path.map(|path| kind.path_bytes(path)),
    }
}
