//! Partitions of `Data.db`, whole or a slice of them.
//!
//! Source: Cassandra `io.sstable.format.big.SSTableIterator`, `io.sstable.SSTableIdentityIterator`.

use crate::read::ClusteringSlice;
use thymbra_format::rows::{
    ClusteringComparator, ClusteringValues, PartitionHeader, RangeTombstoneMarker, SerializationHeader,
    Unfiltered, UnfilteredForm, UnfilteredReader,
};
use thymbra_format::sstable::Place;
use thymbra_format::{Cursor, FormatError};
use thymbra_types::{Clustering, ClusteringBound, DeletionTime, Partition, RangeTombstone, Row};

/// Reads a whole partition, and cuts it to a slice.
///
/// # Errors
/// When it is cut or not what the format allows.
pub(super) fn read_partition<'a>(
    cursor: &mut Cursor<'a>,
    header: &SerializationHeader,
    slice: &ClusteringSlice,
) -> Result<(&'a [u8], Partition), FormatError> {
    let head = PartitionHeader::read(cursor, header)?;
    let comparator = ClusteringComparator::new(&header.clustering_types);
    let mut rows = RowCollector::new(comparator, slice);
    let mut reader = UnfilteredReader::new(cursor.clone(), header, UnfilteredForm::SsTable);
    while let Some(unfiltered) = reader.next()? {
        rows.take(unfiltered, reader.offset())?;
    }
    *cursor = reader.into_cursor();
    let mut partition = rows.finish();
    partition.deletion = head.deletion;
    partition.static_row = head.static_row;
    Ok((head.key, partition))
}

/// Puts rows and markers that come in order into a partition.
pub(super) struct RowCollector<'c> {
    comparator: ClusteringComparator<'c>,
    slice: &'c ClusteringSlice,
    partition: Partition,
    /// Where the range began that is open, and its deletion.
    open: Option<(ClusteringBound, DeletionTime)>,
    last: Option<Last>,
}

/// Where the last row or marker stood.
enum Last {
    Row(Clustering),
    Bound(ClusteringBound),
}

impl<'c> RowCollector<'c> {
    /// Before the first row of a partition.
    pub(super) fn new(comparator: ClusteringComparator<'c>, slice: &'c ClusteringSlice) -> Self {
        Self {
            comparator,
            slice,
            partition: Partition::default(),
            open: None,
            last: None,
        }
    }

    /// In the midst of a partition, where a range may be open that began before the slice.
    pub(super) fn resume(mut self, open: Option<DeletionTime>) -> Self {
        self.open = open.map(|deletion| (ClusteringBound::BOTTOM, deletion));
        self
    }

    /// Takes what was read next, which ended at an offset.
    ///
    /// # Errors
    /// When it is not in order.
    pub(super) fn take(&mut self, unfiltered: Unfiltered, end_offset: u64) -> Result<(), FormatError> {
        let in_order = match unfiltered {
            Unfiltered::Row { clustering, row } => self.take_row(clustering, row, end_offset)?,
            Unfiltered::Marker(marker) => self.take_marker(marker, end_offset)?,
        };
        if in_order {
            return Ok(());
        }
        Err(FormatError::invalid(
            "row or marker",
            end_offset,
            "one behind the previous, in the order of the clustering columns",
            &"another place",
        ))
    }

    fn take_row(
        &mut self,
        clustering: ClusteringValues,
        row: Row,
        end_offset: u64,
    ) -> Result<bool, FormatError> {
        let Some(clustering) = self.comparator.to_clustering(clustering) else {
            return Err(null_component(end_offset));
        };
        let in_order = match &self.last {
            Some(Last::Row(last)) => *last < clustering,
            Some(Last::Bound(last)) => last.is_before(&clustering),
            None => true,
        };
        if self.slice.selects(&clustering) && !row.is_empty() {
            self.partition.rows.insert(clustering.clone(), row);
        }
        self.last = Some(Last::Row(clustering));
        Ok(in_order)
    }

    fn take_marker(&mut self, marker: RangeTombstoneMarker, end_offset: u64) -> Result<bool, FormatError> {
        let RangeTombstoneMarker { prefix, side, change } = marker;
        let Some(prefix) = self.comparator.to_clustering(prefix) else {
            return Err(null_component(end_offset));
        };
        let bound = ClusteringBound { prefix, side };
        let in_order = match &self.last {
            Some(Last::Row(last)) => !bound.is_before(last),
            Some(Last::Bound(last)) => *last < bound,
            None => true,
        };
        if in_order {
            if change.closing().is_some() {
                self.close(&bound);
            }
            self.open = change.opening().map(|deletion| (bound.clone(), deletion));
        }
        self.last = Some(Last::Bound(bound));
        Ok(in_order)
    }

    /// Place of what was taken last.
    pub(super) fn last_place(&self) -> Option<Place<'_>> {
        self.last.as_ref().map(|last| match last {
            Last::Row(clustering) => clustering.into(),
            Last::Bound(bound) => bound.into(),
        })
    }

    /// Whether what was taken last lies behind the slice, and so does all that follows.
    pub(super) fn is_past_slice(&self) -> bool {
        match &self.last {
            Some(Last::Row(row)) => self.slice.end.is_before(row),
            Some(Last::Bound(bound)) => *bound >= self.slice.end,
            None => false,
        }
    }

    /// Ends the range that is open, and keeps what of it lies in the slice.
    fn close(&mut self, end: &ClusteringBound) {
        let Some((start, deletion)) = self.open.take() else {
            return;
        };
        let end = end.min(&self.slice.end).clone();
        let start = start.max(self.slice.start.clone());
        self.partition
            .range_tombstones
            .push(RangeTombstone { start, end, deletion });
    }

    /// The rows and range tombstones that were taken.
    pub(super) fn finish(mut self) -> Partition {
        // Open where the slice ends before the range does.
        let end = self.slice.end.clone();
        self.close(&end);
        self.partition
    }
}

/// Only compact tables of earlier versions have null in a clustering.
fn null_component(offset: u64) -> FormatError {
    FormatError::invalid(
        "clustering",
        offset,
        "a value for each clustering column",
        &"null, which only compact tables have",
    )
}
