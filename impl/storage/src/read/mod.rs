//! Reads of one node: memtables and SSTables in one answer.
//!
//! Chapter: `specs/08-sstable.md`. Source: Cassandra `db.SinglePartitionReadCommand`,
//! `db.PartitionRangeReadCommand`.

pub(crate) mod limited;
mod slice;

pub use slice::ClusteringSlice;

use std::collections::BTreeMap;
use thymbra_types::{CellName, Clustering, DeletionTime, Partition, Reference};

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
    pub(crate) fn of(partition: Partition, filter: &RowFilter, now_seconds: i64) -> Self {
        let mut collector = RowsCollector::new(filter, now_seconds);
        collector.take(partition);
        collector.finish()
    }
}

/// What a reader sees of a partition that comes stretch by stretch.
#[derive(Debug)]
pub(crate) struct RowsCollector<'f> {
    filter: &'f RowFilter,
    now_seconds: i64,
    /// Whether stretches come in the order that was asked for, else the last one first.
    is_in_order: bool,
    found: PartitionRows,
    /// Of the partition, which covers all stretches; absent before the first.
    deletion: Option<DeletionTime>,
}

impl<'f> RowsCollector<'f> {
    /// Before the first stretch in the order that was asked for, by a clock that shows `now_seconds`.
    pub(crate) fn new(filter: &'f RowFilter, now_seconds: i64) -> Self {
        Self {
            filter,
            now_seconds,
            is_in_order: true,
            found: PartitionRows::default(),
            deletion: None,
        }
    }

    /// Before the first stretch in clustering order, whatever was asked for.
    pub(crate) fn forward(filter: &'f RowFilter, now_seconds: i64) -> Self {
        Self {
            is_in_order: !filter.is_reversed,
            ..Self::new(filter, now_seconds)
        }
    }

    /// Takes the live rows of the next stretch; the first one has the deletion and the static row.
    pub(crate) fn take(&mut self, mut stretch: Partition) {
        let is_first = self.deletion.is_none();
        stretch.deletion = *self.deletion.get_or_insert(stretch.deletion);
        let view = stretch.into_live_view(self.now_seconds, &Reference);
        if is_first {
            self.found.static_cells = view.static_cells;
        }
        let slice = &self.filter.slice;
        let selected = view
            .rows
            .into_iter()
            .filter(|(clustering, _)| slice.selects(clustering));
        let missing_count = match self.filter.limit_count {
            Some(limit_count) if self.is_in_order => limit_count.saturating_sub(self.found.rows.len()),
            Some(_) | None => usize::MAX,
        };
        if self.is_in_order && self.filter.is_reversed {
            self.found.rows.extend(selected.rev().take(missing_count));
        } else {
            self.found.rows.extend(selected.take(missing_count));
        }
    }

    /// Whether no more rows are wanted.
    pub(crate) fn is_full(&self) -> bool {
        let limit_count = self.filter.limit_count.filter(|_| self.is_in_order);
        limit_count.is_some_and(|limit_count| self.found.rows.len() >= limit_count)
    }

    /// What was found.
    pub(crate) fn finish(mut self) -> PartitionRows {
        if !self.is_in_order {
            self.found.rows.reverse();
            self.found
                .rows
                .truncate(self.filter.limit_count.unwrap_or(usize::MAX));
        }
        self.found
    }
}
