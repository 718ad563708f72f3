//! Rows that are not taken out of the bytes of their update.

use crate::cursor::Cursor;
use crate::rows::cell::CellCodec;
use crate::rows::clustering_comparator::ClusteringComparator;
use crate::rows::clustering_values::ClusteringValues;
use crate::rows::columns::Columns;
use crate::rows::header::SerializationHeader;
use crate::rows::row::{END_OF_PARTITION, RowFlags};
use thymbra_types::{
    CellKind, CellView, Clustering, DeletionTime, LivenessInfo, ReconcileRules as _, Reference, Timestamp,
};

/// The only row of an update, which deletes nothing but single cells.
///
/// Most updates are like this, and on their way from the commit log to an SSTable nothing of them
/// changes but what times are relative to.
#[derive(Debug)]
pub struct SingleRow<'a, 'd> {
    columns: &'d Columns,
    clustering: Clustering,
    liveness: LivenessInfo,
    /// The update.
    bytes: &'a [u8],
    cells: &'d [PlacedCell],
}

/// A cell whose value stands in the bytes of an update.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlacedCell {
    timestamp: Timestamp,
    kind: CellKind,
    /// Where the value begins.
    value_begin: usize,
    value_end: usize,
}

impl<'a, 'd> SingleRow<'a, 'd> {
    /// Reads the row and the end of the update, which the cursor stands before and which must be the end of all.
    ///
    /// `None` where there is anything else than such a row, right or wrong. `cells` is memory.
    pub(crate) fn read(
        cursor: &mut Cursor<'a>,
        header: &'d SerializationHeader,
        cells: &'d mut Vec<PlacedCell>,
    ) -> Option<Self> {
        let columns = &header.regular_columns;
        if columns.simple_count() < columns.len() {
            return None;
        }
        let bytes = cursor.bytes();
        // Those of an end and of a marker are refused too.
        let flags = cursor.u8("flags of a row").ok()?;
        let flags = RowFlags::read(flags, cursor, false).ok()?;
        if !flags.are_of_cells() {
            return None;
        }
        let types = &header.clustering_types;
        let values = ClusteringValues::read(cursor, types).ok()?;
        let clustering = ClusteringComparator::new(types).to_clustering(values)?;
        let liveness = flags.read_liveness(cursor, &header.stats).ok()?;
        let codec = CellCodec {
            stats: &header.stats,
            liveness,
        };
        cells.clear();
        for column in columns.iter() {
            let (_, cell) = codec.read(cursor, column).ok()?;
            cells.push(PlacedCell {
                timestamp: cell.timestamp,
                kind: cell.kind,
                value_begin: cursor.position() - cell.value.len(),
                value_end: cursor.position(),
            });
        }
        // What is left out of partitions in normal form: an empty row, and what even no deletion deletes.
        let is_deleted = |cell: &PlacedCell| Reference.deletes(DeletionTime::LIVE, cell.timestamp);
        let is_left_out = liveness.is_empty() && cells.is_empty() || cells.iter().any(is_deleted);
        let is_last = cursor.u8("end of a partition").ok()? == END_OF_PARTITION && cursor.is_at_end();
        if !is_last || is_left_out {
            return None;
        }
        Some(Self {
            columns,
            clustering,
            liveness,
            bytes,
            cells,
        })
    }

    /// The columns of the cells, all of them simple.
    #[must_use]
    pub const fn columns(&self) -> &'d Columns {
        self.columns
    }

    /// The place of the row.
    #[must_use]
    pub const fn clustering(&self) -> &Clustering {
        &self.clustering
    }

    /// Whether the row is there without cells.
    #[must_use]
    pub const fn liveness(&self) -> LivenessInfo {
        self.liveness
    }

    /// The cells, one for each column.
    pub fn cells(&self) -> impl ExactSizeIterator<Item = CellView<'a>> {
        self.cells.iter().map(|cell| CellView {
            timestamp: cell.timestamp,
            kind: cell.kind,
            value: self
                .bytes
                .get(cell.value_begin..cell.value_end)
                .unwrap_or_default(),
        })
    }
}
