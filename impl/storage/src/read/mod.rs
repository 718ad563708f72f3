//! Reads of one node: memtables and SSTables in one answer.
//!
//! Chapter: `specs/08-sstable.md`. Source: Cassandra `db.SinglePartitionReadCommand`,
//! `db.PartitionRangeReadCommand`.

mod slice;

pub use slice::ClusteringSlice;

use std::collections::BTreeMap;
use thymbra_types::{CellName, Clustering, Partition, Reference};

/// Which rows of a partition, in which order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RowFilter {
    /// The rows between two places.
    pub slice: ClusteringSlice,
    /// Whether the last row comes first.
    pub is_reversed: bool,
    /// Most rows of the answer.
    pub limit_count: Option<usize>,
}

impl RowFilter {
    /// Every row in clustering order.
    pub const ALL: Self = Self {
        slice: ClusteringSlice::ALL,
        is_reversed: false,
        limit_count: None,
    };
}

/// Live values of one row, or of the static row.
pub type LiveCells = BTreeMap<CellName, Box<[u8]>>;

/// The values that a reader sees of one partition.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PartitionRows {
    /// Live values of static columns.
    pub static_cells: LiveCells,
    /// Live rows in the order that was asked for; a row that exists without values has no cells.
    pub rows: Vec<(Clustering, LiveCells)>,
}

impl PartitionRows {
    /// Whether a reader sees nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.static_cells.is_empty() && self.rows.is_empty()
    }

    /// What a reader whose clock shows `now_seconds` sees of a merged partition.
    pub(crate) fn of(partition: &Partition, filter: &RowFilter, now_seconds: i64) -> Self {
        let view = partition.live_view(now_seconds, &Reference);
        let selected = view
            .rows
            .into_iter()
            .filter(|(clustering, _)| filter.slice.selects(clustering));
        let mut rows: Vec<_> = selected.collect();
        if filter.is_reversed {
            rows.reverse();
        }
        if let Some(limit_count) = filter.limit_count {
            rows.truncate(limit_count);
        }
        Self {
            static_cells: view.static_cells,
            rows,
        }
    }
}
