//! Partitions of `Data.db`, whole or a slice of them.
//!
//! Source: Cassandra `io.sstable.format.big.SSTableIterator`, `io.sstable.SSTableIdentityIterator`.

use crate::read::ClusteringSlice;
use crate::stretch::Stretch;
use thymbra_format::rows::{
    ClusteringComparator, ClusteringValues, PartitionHeader, RangeTombstoneMarker, SerializationHeader,
    Unfiltered, UnfilteredForm, UnfilteredReader,
};
use thymbra_format::sstable::Place;
use thymbra_format::{Cursor, FormatError};
use thymbra_types::{
    Clustering, ClusteringBound, DecoratedKey, DeletionTime, Partition, Partitioner, RangeTombstone, Row,
};

/// Reads a partition and cuts it to a slice, from bytes that come piece by piece.
///
/// What was read is not read again when more comes, so a partition of any number of pieces takes time
/// in proportion to its length.
pub(super) struct PartitionParser<'c> {
    header: &'c SerializationHeader,
    partitioner: Partitioner,
    rows: RowCollector<'c>,
    place: ParserPlace,
}

/// How far a parser has come.
#[derive(Debug)]
struct ParserPlace {
    key: Option<DecoratedKey>,
    /// Until the first stretch was taken.
    deletion: DeletionTime,
    static_row: Row,
    /// Of the first byte that was not read.
    position: u64,
    /// The range that is open there.
    open: Option<DeletionTime>,
}

/// A parser that was left between two stretches of a partition.
#[derive(Debug)]
pub(super) struct PausedParser {
    place: ParserPlace,
    collected: Collected,
}

impl<'c> PartitionParser<'c> {
    /// Before the first byte of a partition, which stands at a position.
    pub(super) fn new(
        header: &'c SerializationHeader,
        partitioner: Partitioner,
        slice: &'c ClusteringSlice,
        position: u64,
    ) -> Self {
        let comparator = ClusteringComparator::new(&header.clustering_types);
        Self {
            header,
            partitioner,
            rows: RowCollector::new(comparator, slice),
            place: ParserPlace {
                key: None,
                deletion: DeletionTime::LIVE,
                static_row: Row::default(),
                position,
                open: None,
            },
        }
    }

    /// Behind a stretch that was taken.
    pub(super) fn resume(
        header: &'c SerializationHeader,
        partitioner: Partitioner,
        slice: &'c ClusteringSlice,
        paused: PausedParser,
    ) -> Self {
        let mut parser = Self::new(header, partitioner, slice, paused.place.position);
        parser.place = paused.place;
        parser.rows.collected = paused.collected;
        parser
    }

    /// Keeps the place without what belongs to the file.
    pub(super) fn pause(self) -> PausedParser {
        PausedParser {
            place: self.place,
            collected: self.rows.collected,
        }
    }

    /// Of the first byte that the next call of [`Self::advance`] needs; behind the end in the end.
    pub(super) const fn position(&self) -> u64 {
        self.place.position
    }

    /// The key, once it was read.
    pub(super) const fn key(&self) -> Option<&DecoratedKey> {
        self.place.key.as_ref()
    }

    /// Reads on to the end of the partition, in bytes that begin at the position, or to the first row or marker
    /// that ends at or behind another position; says whether it is the end.
    ///
    /// # Errors
    /// When the bytes are not what the format allows. When they are cut, the next call goes on with
    /// more of them.
    pub(super) fn advance(&mut self, bytes: &[u8], wanted_end: u64) -> Result<bool, FormatError> {
        let place = &mut self.place;
        let mut cursor = Cursor::at(bytes, place.position);
        if place.key.is_none() {
            let head = PartitionHeader::read(&mut cursor, self.header)?;
            place.key = Some(DecoratedKey::new(self.partitioner, head.key));
            place.deletion = head.deletion;
            place.static_row = head.static_row;
            place.position = cursor.offset();
        }
        let mut reader = UnfilteredReader::resume(cursor, self.header, UnfilteredForm::SsTable, place.open);
        while let Some(unfiltered) = reader.next()? {
            self.rows.take(unfiltered, reader.offset())?;
            (place.position, place.open) = (reader.offset(), reader.open_marker());
            if place.position >= wanted_end {
                return Ok(false);
            }
        }
        place.position = reader.offset();
        Ok(true)
    }

    /// What was read since the stretch before.
    pub(super) fn take_stretch(&mut self) -> Stretch {
        let mut stretch = self.rows.take_stretch();
        stretch.partition.deletion = std::mem::take(&mut self.place.deletion);
        stretch.partition.static_row = std::mem::take(&mut self.place.static_row);
        stretch
    }

    /// The partition behind the last stretch that was taken, once its end was read.
    #[inline]
    pub(super) fn finish(self) -> (DecoratedKey, Partition) {
        let mut partition = self.rows.finish();
        partition.deletion = self.place.deletion;
        partition.static_row = self.place.static_row;
        let key = self.place.key;
        (key.expect("a partition that has ended has begun"), partition)
    }
}

/// Puts rows and markers that come in order into a partition.
pub(super) struct RowCollector<'c> {
    comparator: ClusteringComparator<'c>,
    slice: &'c ClusteringSlice,
    collected: Collected,
}

/// What was taken, and what has to be known of it for what comes.
#[derive(Debug, Default)]
struct Collected {
    partition: Partition,
    /// Where the range began that is open, and its deletion.
    open: Option<(ClusteringBound, DeletionTime)>,
    last: Option<Last>,
}

/// Where the last row or marker stood.
#[derive(Debug)]
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
            collected: Collected::default(),
        }
    }

    /// In the midst of a partition, where a range may be open that began before the slice.
    pub(super) fn resume(mut self, open: Option<DeletionTime>) -> Self {
        self.collected.open = open.map(|deletion| (ClusteringBound::BOTTOM, deletion));
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
        let in_order = match &self.collected.last {
            Some(Last::Row(last)) => *last < clustering,
            Some(Last::Bound(last)) => last.is_before(&clustering),
            None => true,
        };
        if self.slice.selects(&clustering) && !row.is_empty() {
            self.collected.partition.rows.insert(clustering.clone(), row);
        }
        self.collected.last = Some(Last::Row(clustering));
        Ok(in_order)
    }

    fn take_marker(&mut self, marker: RangeTombstoneMarker, end_offset: u64) -> Result<bool, FormatError> {
        let RangeTombstoneMarker { prefix, side, change } = marker;
        let Some(prefix) = self.comparator.to_clustering(prefix) else {
            return Err(null_component(end_offset));
        };
        let bound = ClusteringBound { prefix, side };
        let in_order = match &self.collected.last {
            Some(Last::Row(last)) => !bound.is_before(last),
            Some(Last::Bound(last)) => *last < bound,
            None => true,
        };
        if in_order {
            if change.closing().is_some() {
                self.close(&bound);
            }
            self.collected.open = change.opening().map(|deletion| (bound.clone(), deletion));
        }
        self.collected.last = Some(Last::Bound(bound));
        Ok(in_order)
    }

    /// Place of what was taken last.
    pub(super) fn last_place(&self) -> Option<Place<'_>> {
        self.collected.last.as_ref().map(|last| match last {
            Last::Row(clustering) => clustering.into(),
            Last::Bound(bound) => bound.into(),
        })
    }

    /// Whether what was taken last lies behind the slice, and so does all that follows.
    pub(super) fn is_past_slice(&self) -> bool {
        match &self.collected.last {
            Some(Last::Row(row)) => self.slice.end.is_before(row),
            Some(Last::Bound(bound)) => *bound >= self.slice.end,
            None => false,
        }
    }

    /// What was taken since the stretch before; nothing that belongs before its edge comes any more.
    pub(super) fn take_stretch(&mut self) -> Stretch {
        let edge = match &self.collected.last {
            Some(Last::Row(row)) => ClusteringBound::exclusive_start(row.clone()),
            Some(Last::Bound(bound)) => bound.clone(),
            None => self.slice.start.clone(),
        };
        if let Some((_, deletion)) = self.collected.open {
            self.close(&edge);
            self.collected.open = Some((edge.clone(), deletion));
        }
        Stretch {
            partition: std::mem::take(&mut self.collected.partition),
            edge: Some(edge),
        }
    }

    /// Ends the range that is open, and keeps what of it lies in the slice.
    fn close(&mut self, end: &ClusteringBound) {
        let Some((start, deletion)) = self.collected.open.take() else {
            return;
        };
        let end = end.min(&self.slice.end).clone();
        let start = start.max(self.slice.start.clone());
        self.collected
            .partition
            .range_tombstones
            .push(RangeTombstone { start, end, deletion });
    }

    /// What was taken since the stretch before, when nothing of the slice comes any more.
    pub(super) fn take_rest(&mut self) -> Partition {
        // Open where the slice ends before the range does.
        let end = self.slice.end.clone();
        self.close(&end);
        std::mem::take(&mut self.collected.partition)
    }

    /// The rows and range tombstones that were taken.
    #[inline]
    pub(super) fn finish(mut self) -> Partition {
        if self.collected.open.is_some() {
            let end = self.slice.end.clone();
            self.close(&end);
        }
        self.collected.partition
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use thymbra_format::marshal::AbstractType;
    use thymbra_format::rows::{Column, Columns, EncodingStats, UnfilteredWriter, write_partition};
    use thymbra_types::{Cell, CellName, ColumnName, LocalDeletionTime, Reference, Timestamp};

    const ROW_MAX_BYTES: usize = 60;

    fn header() -> SerializationHeader {
        let column = |name: &str| Arc::new(Column::new(ColumnName(name.into()), AbstractType::Utf8));
        SerializationHeader {
            key_type: Arc::new(AbstractType::Utf8),
            clustering_types: Arc::new([AbstractType::Int32]),
            static_columns: Columns::new([column("s")]),
            regular_columns: Columns::new([column("v")]),
            stats: EncodingStats::NO_STATS,
        }
    }

    fn clustering(number: i32) -> Clustering {
        Clustering(vec![AbstractType::Int32.to_comparable(&number.to_be_bytes())])
    }

    /// A static row, rows, and ranges of which some meet.
    fn partition() -> Partition {
        let deletion = |timestamp| DeletionTime::new(Timestamp(timestamp), LocalDeletionTime(9));
        let mut partition = Partition {
            deletion: deletion(1),
            ..Partition::default()
        };
        let mut row = Row::default();
        let value = |name: &str, row: &mut Row| {
            let cell = Cell::live(Timestamp(99), *b"a value of some length");
            row.cells.insert(CellName::simple(name), cell);
        };
        value("s", &mut row);
        partition.static_row = std::mem::take(&mut row);
        value("v", &mut row);
        for number in 0..40 {
            partition.rows.insert(clustering(number), row.clone());
        }
        for (start, end, timestamp) in [(3, 7, 5), (7, 9, 6), (20, 60, 7)] {
            let tombstone = RangeTombstone {
                start: ClusteringBound::inclusive_start(clustering(start)),
                end: ClusteringBound::inclusive_start(clustering(end)),
                deletion: deletion(timestamp),
            };
            partition.range_tombstones.add(tombstone, &Reference);
        }
        partition
    }

    fn bytes(header: &SerializationHeader) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = UnfilteredWriter::new(UnfilteredForm::SsTable);
        write_partition(b"key", &partition(), header, &mut writer, &mut bytes).expect("it fits the header");
        bytes
    }

    #[test]
    fn partition_in_pieces_is_the_same_and_nothing_of_it_is_read_twice() {
        let header = header();
        let bytes = bytes(&header);
        for piece_bytes in [1, 2, 7, 100] {
            let all = ClusteringSlice::ALL;
            let mut parser = PartitionParser::new(&header, Partitioner::ByteOrdered, &all, 1_000);
            for end in (0..bytes.len()).step_by(piece_bytes) {
                let begin = usize::try_from(parser.position() - 1_000).expect("a short partition");
                let cut = parser.advance(&bytes[begin..end.max(begin)], u64::MAX);
                assert!(matches!(cut, Err(FormatError::Truncated { .. })), "{cut:?}");
                let begin = usize::try_from(parser.position() - 1_000).expect("a short partition");
                assert!(
                    end - begin.min(end) <= ROW_MAX_BYTES,
                    "{begin} is far before {end}"
                );
            }
            let begin = usize::try_from(parser.position() - 1_000).expect("a short partition");
            parser
                .advance(&bytes[begin..], u64::MAX)
                .expect("the rest of the partition");
            assert_eq!(parser.position(), 1_000 + bytes.len() as u64);
            let (key, found) = parser.finish();
            assert_eq!((key.key(), found), (b"key".as_slice(), partition()));
        }
    }
}
