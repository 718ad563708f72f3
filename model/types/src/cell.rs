//! Cells: one value of one column, with what is needed to reconcile it.
//!
//! Rows hold cells; [`crate::reconcile`] decides between two cells of one name. Chapter:
//! `specs/01-data-model.md`. Source: Cassandra `db.rows.Cell`.

use crate::time::{LocalDeletionTime, Timestamp, Ttl};
use alloc::boxed::Box;
use alloc::sync::Arc;

/// Name of a column; ordered by the bytes of its UTF-8 text, unsigned.
///
/// Shared, since each row has the names that its table has: a clone copies no text.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ColumnName(
    /// The name as the schema has it, not quoted.
    pub Arc<str>,
);

/// Which element of a complex column: list time-UUID, set element, map key or field index.
///
/// Ordered by unsigned bytes here; files order paths by the type of the column.
/// Cassandra: `db.rows.CellPath`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CellPath(
    /// Serialized element; may be empty.
    pub Box<[u8]>,
);

/// What tells the cells of one row apart: the column, and the element if the column is complex.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CellName {
    /// The column.
    pub column: ColumnName,
    /// Absent in a simple column.
    pub path: Option<CellPath>,
}

impl CellName {
    /// The one cell of a simple column.
    #[must_use]
    pub fn simple(column: impl Into<Arc<str>>) -> Self {
        Self {
            column: ColumnName(column.into()),
            path: None,
        }
    }

    /// One element of a complex column.
    #[must_use]
    pub fn element(column: impl Into<Arc<str>>, path: impl Into<Box<[u8]>>) -> Self {
        Self {
            column: ColumnName(column.into()),
            path: Some(CellPath(path.into())),
        }
    }
}

/// Whether a cell lives for ever, for a while, or marks a deletion.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum CellKind {
    /// A value without expiration.
    Live,
    /// A value that dies at its local deletion time.
    Expiring {
        /// As the client gave it; reconciliation ignores it.
        ttl: Ttl,
        /// First second at which the cell is dead.
        local_deletion_time: LocalDeletionTime,
    },
    /// The mark of a deletion; the value is empty.
    Tombstone {
        /// Clock of the coordinator when the deletion was made; from here gc_grace counts.
        local_deletion_time: LocalDeletionTime,
    },
}

impl CellKind {
    /// Deletion or expiration time; [`LocalDeletionTime::NONE`] of a cell that lives for ever.
    #[must_use]
    pub const fn local_deletion_time(self) -> LocalDeletionTime {
        match self {
            Self::Live => LocalDeletionTime::NONE,
            Self::Expiring {
                local_deletion_time, ..
            }
            | Self::Tombstone { local_deletion_time } => local_deletion_time,
        }
    }

    /// Whether a reader whose clock shows `now_seconds` since 1970 sees the value.
    ///
    /// Cassandra: `AbstractCell.isLive`.
    #[must_use]
    //= WP-DM-12
    pub const fn is_live(self, now_seconds: i64) -> bool {
        match self {
            Self::Live => true,
            Self::Expiring {
                local_deletion_time, ..
            } => now_seconds < local_deletion_time.0,
            Self::Tombstone { .. } => false,
        }
    }
}

/// A borrowed cell: what reconciliation sees, whatever container holds the bytes.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct CellView<'a> {
    /// When it was written, microseconds since 1970.
    pub timestamp: Timestamp,
    /// Live, expiring or tombstone.
    pub kind: CellKind,
    /// Serialized value; empty in a tombstone.
    pub value: &'a [u8],
}

/// An owned cell, without its name.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Cell {
    /// When it was written, microseconds since 1970.
    pub timestamp: Timestamp,
    /// Live, expiring or tombstone.
    pub kind: CellKind,
    /// Serialized value; empty in a tombstone.
    pub value: Box<[u8]>,
}

impl Cell {
    /// A value that lives until something replaces it.
    #[must_use]
    pub fn live(timestamp: Timestamp, value: impl Into<Box<[u8]>>) -> Self {
        Self {
            timestamp,
            kind: CellKind::Live,
            value: value.into(),
        }
    }

    /// A value that is dead from its local deletion time on.
    #[must_use]
    pub fn expiring(
        timestamp: Timestamp,
        ttl: Ttl,
        local_deletion_time: LocalDeletionTime,
        value: impl Into<Box<[u8]>>,
    ) -> Self {
        Self {
            timestamp,
            kind: CellKind::Expiring {
                ttl,
                local_deletion_time,
            },
            value: value.into(),
        }
    }

    /// The deletion of one cell.
    #[must_use]
    pub fn tombstone(timestamp: Timestamp, local_deletion_time: LocalDeletionTime) -> Self {
        Self {
            timestamp,
            kind: CellKind::Tombstone { local_deletion_time },
            value: [].into(),
        }
    }

    /// The cell as reconciliation sees it.
    #[must_use]
    pub fn view(&self) -> CellView<'_> {
        CellView {
            timestamp: self.timestamp,
            kind: self.kind,
            value: &self.value,
        }
    }
}
