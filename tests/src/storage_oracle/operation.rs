//! What is done to an engine: one operation is one line of a script.
//!
//! The written form is what a failure prints and what a regression test reads (`parse`). Chapter:
//! `tests/storage_scripts/README.md`.

use super::literal::Literal;
use std::fmt;

/// Seconds since 1970 at which every run begins.
pub const BEGIN_SECONDS: i64 = 1_700_000_000;

/// A row of a partition.
#[derive(Clone, Eq, Hash, PartialEq)]
pub enum RowName {
    /// The static row.
    Static,
    /// The row of a clustering.
    At(Vec<Literal>),
}

/// A place between rows: before or after everything that begins with a prefix.
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct Place {
    /// The first clustering columns.
    pub prefix: Vec<Literal>,
    /// Which side.
    pub is_after: bool,
}

/// A cell of a row.
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct CellLabel {
    /// The column.
    pub column: String,
    /// The element of a complex column.
    pub path: Option<Literal>,
}

/// What one update does.
#[derive(Clone, Eq, PartialEq)]
pub enum Change {
    /// The row exists, whatever its columns hold.
    Insert(RowName),
    /// A cell gets a value; none where its name says all.
    Set(RowName, CellLabel, Option<Literal>),
    /// A cell is deleted.
    DeleteCell(RowName, CellLabel),
    /// A complex column is deleted, in one row.
    DeleteColumn(RowName, String),
    /// A row is deleted.
    DeleteRow(RowName),
    /// The rows between two places are deleted.
    DeleteRange(Place, Place),
    /// The partition is deleted.
    DeletePartition,
}

/// A change of one table with its times.
#[derive(Clone, Eq, PartialEq)]
pub struct Update {
    /// Index of the table in `SHAPES`.
    pub table: usize,
    /// What is changed.
    pub change: Change,
    /// Timestamp, seconds after the beginning; may be negative.
    pub at: i64,
    /// Time to live of what is written, seconds.
    pub ttl_seconds: Option<i32>,
}

/// Which rows a read asks for.
#[derive(Clone, Eq, PartialEq)]
pub struct Selection {
    /// First place.
    pub start: Place,
    /// Last place.
    pub end: Place,
    /// Last row first.
    pub is_reversed: bool,
    /// Most rows.
    pub limit_count: Option<usize>,
}

/// What happens to a table as a whole, or to the engine.
#[derive(Clone, Eq, PartialEq)]
pub enum Operation {
    /// One mutation: updates under one partition key.
    Write(u8, Vec<Update>),
    /// Rows of a partition.
    Read(usize, u8, Selection),
    /// Partitions from one on, in the order of tokens; at most so many.
    Scan(usize, Option<u8>, usize),
    /// Time passes, milliseconds.
    Clock(u64),
    /// Everything that is due by the clock.
    Tick,
    /// The commit log is synced.
    Sync,
    /// A flush, whole.
    Flush(usize),
    /// The memtable is switched; the flush is left pending.
    BeginFlush(usize),
    /// A pending flush, by its index among those pending, is finished.
    FinishFlush(usize),
    /// A pending flush is given up.
    AbandonFlush(usize),
    /// All SSTables become one.
    Compact(usize),
    /// What the strategy would do next.
    CompactNext(usize),
    /// All data goes.
    Truncate(usize),
    /// A column is added.
    AddColumn(usize, String),
    /// A column is dropped with its data.
    DropColumn(usize, String),
    /// The engine is closed and opened.
    Restart,
    /// The process ends without closing, and is started again.
    Kill,
    /// The power fails; a seed decides what was not synced and is kept all the same.
    PowerLoss(u64),
}

impl Place {
    /// Before all rows.
    pub const BOTTOM: Self = Self {
        prefix: Vec::new(),
        is_after: false,
    };
    /// After all rows.
    pub const TOP: Self = Self {
        prefix: Vec::new(),
        is_after: true,
    };
}

impl Selection {
    /// Every row in clustering order.
    pub const ALL: Self = Self {
        start: Place::BOTTOM,
        end: Place::TOP,
        is_reversed: false,
        limit_count: None,
    };
}

impl Change {
    /// The column that is changed, if it is one.
    #[must_use]
    pub fn column(&self) -> Option<&str> {
        match self {
            Self::Set(_, cell, _) | Self::DeleteCell(_, cell) => Some(&cell.column),
            Self::DeleteColumn(_, column) => Some(column),
            Self::Insert(_) | Self::DeleteRow(_) | Self::DeleteRange(_, _) | Self::DeletePartition => None,
        }
    }
}

impl Update {
    /// The timestamp as the engine has it, microseconds since 1970.
    #[must_use]
    pub const fn timestamp_us(&self) -> i64 {
        (BEGIN_SECONDS + self.at) * 1_000_000
    }
}

/// Literals in parentheses.
struct Listed<'a>(&'a [Literal]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(")?;
        for (index, literal) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(formatter, "{comma}{literal}")?;
        }
        formatter.write_str(")")
    }
}

impl fmt::Display for RowName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Static => formatter.write_str("static"),
            Self::At(clustering) => write!(formatter, "{}", Listed(clustering)),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = if self.is_after { "after" } else { "before" };
        write!(formatter, "{side}{}", Listed(&self.prefix))
    }
}

impl fmt::Display for CellLabel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            None => formatter.write_str(&self.column),
            Some(path) => write!(formatter, "{}[{path}]", self.column),
        }
    }
}

impl fmt::Display for Update {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = table_name(self.table);
        write!(formatter, "{table} ")?;
        match &self.change {
            Change::Insert(row) => write!(formatter, "{row} insert")?,
            Change::Set(row, cell, Some(value)) => write!(formatter, "{row} {cell}={value}")?,
            Change::Set(row, cell, None) => write!(formatter, "{row} {cell}=")?,
            Change::DeleteCell(row, cell) => write!(formatter, "{row} delete {cell}")?,
            Change::DeleteColumn(row, column) => write!(formatter, "{row} delete {column}[*]")?,
            Change::DeleteRow(row) => write!(formatter, "{row} delete")?,
            Change::DeleteRange(start, end) => write!(formatter, "range {start} {end} delete")?,
            Change::DeletePartition => formatter.write_str("partition delete")?,
        }
        write!(formatter, " @{}", self.at)?;
        match self.ttl_seconds {
            Some(ttl) => write!(formatter, " ttl {ttl}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if (&self.start, &self.end) != (&Place::BOTTOM, &Place::TOP) {
            write!(formatter, " {} {}", self.start, self.end)?;
        }
        if self.is_reversed {
            formatter.write_str(" reversed")?;
        }
        match self.limit_count {
            Some(limit_count) => write!(formatter, " limit {limit_count}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(key, updates) => {
                write!(formatter, "write {key}: ")?;
                for (index, update) in updates.iter().enumerate() {
                    let semicolon = if index == 0 { "" } else { "; " };
                    write!(formatter, "{semicolon}{update}")?;
                }
                Ok(())
            }
            Self::Read(table, key, selection) => {
                write!(formatter, "read {} {key}{selection}", table_name(*table))
            }
            Self::Scan(table, from, limit_count) => {
                write!(formatter, "scan {}", table_name(*table))?;
                if let Some(from) = from {
                    write!(formatter, " from {from}")?;
                }
                write!(formatter, " limit {limit_count}")
            }
            Self::Clock(passed_ms) if passed_ms % 1_000 == 0 => {
                write!(formatter, "clock +{}s", passed_ms / 1_000)
            }
            Self::Clock(passed_ms) => write!(formatter, "clock +{passed_ms}ms"),
            Self::Tick => formatter.write_str("tick"),
            Self::Sync => formatter.write_str("sync"),
            Self::Flush(table) => write!(formatter, "flush {}", table_name(*table)),
            Self::BeginFlush(table) => write!(formatter, "begin-flush {}", table_name(*table)),
            Self::FinishFlush(index) => write!(formatter, "finish-flush {index}"),
            Self::AbandonFlush(index) => write!(formatter, "abandon-flush {index}"),
            Self::Compact(table) => write!(formatter, "compact {}", table_name(*table)),
            Self::CompactNext(table) => write!(formatter, "compact-next {}", table_name(*table)),
            Self::Truncate(table) => write!(formatter, "truncate {}", table_name(*table)),
            Self::AddColumn(table, column) => {
                write!(formatter, "add-column {} {column}", table_name(*table))
            }
            Self::DropColumn(table, column) => {
                write!(formatter, "drop-column {} {column}", table_name(*table))
            }
            Self::Restart => formatter.write_str("restart"),
            Self::Kill => formatter.write_str("kill"),
            Self::PowerLoss(seed) => write!(formatter, "power-loss {seed}"),
        }
    }
}

/// The written form says all.
macro_rules! debug_as_display {
    ($($name:ty)*) => {
        $(impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, formatter)
            }
        })*
    };
}
debug_as_display!(RowName Place CellLabel Update Selection Operation);

impl fmt::Debug for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let update = Update {
            table: 0,
            change: self.clone(),
            at: 0,
            ttl_seconds: None,
        };
        fmt::Display::fmt(&update, formatter)
    }
}

fn table_name(table: usize) -> &'static str {
    super::shape::SHAPES.get(table).map_or("?", |shape| shape.name)
}
