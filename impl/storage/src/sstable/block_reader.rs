//! The rows of a slice of a large partition: its promoted index says where they may begin.
//!
//! `Index.db` has no checksum and the data has, so the index is believed only as far as the data says the same.
//! Reading begins at the last block that begins before the slice, and there the data must have the row or marker
//! that the index names; everything before that lies before the slice, whatever else the index says. Reading
//! ends at the first row or marker behind the slice, or at the end of the partition, wherever the index sees
//! them. A range that is open where reading begins must be ended by the data, or be open at the end of that
//! block too. Chapter: `specs/08-sstable.md`. Source: Cassandra `io.sstable.format.big.SSTableIterator`,
//! `io.sstable.format.IndexState`.

use super::data_reader::{DataBuffer, DataReader};
use super::index_reader::{IndexReader, Located};
use super::partition_reader::RowCollector;
use crate::read::ClusteringSlice;
use crate::storage_error::StorageError;
use std::cmp::Ordering;
use thymbra_format::rows::{
    ClusteringComparator, PartitionHeader, SerializationHeader, Unfiltered, UnfilteredForm, UnfilteredReader,
};
use thymbra_format::sstable::{IndexInfo, Place, PromotedIndex};
use thymbra_format::{Cursor, FormatError};
use thymbra_types::{DeletionTime, Partition};

/// Reads one partition that has a promoted index.
#[derive(Debug)]
pub(super) struct BlockReader<'r> {
    pub(super) data: &'r DataReader,
    pub(super) index: &'r IndexReader,
    pub(super) header: &'r SerializationHeader,
    pub(super) located: &'r Located,
}

/// Where reading begins.
#[derive(Debug)]
struct Start {
    /// Position of the first row or marker.
    begin: u64,
    /// The range that is open there.
    open: Option<DeletionTime>,
    /// The block there; absent at the first row of the partition, where the data alone says everything.
    block: Option<IndexInfo>,
    /// Where the slice ends, as far as the index knows.
    likely_end: u64,
}

impl BlockReader<'_> {
    /// The rows of a slice, with the deletion and the static row of the partition.
    ///
    /// # Errors
    /// When the disk fails, a file is damaged, or index and data contradict each other.
    //= WP-SS-04
    pub(super) fn read(&self, key: &[u8], slice: &ClusteringSlice) -> Result<Partition, StorageError> {
        let promoted = self
            .located
            .promoted()
            .map_err(|error| self.index.corrupt(error))?;
        let Some(promoted) = promoted else {
            return Err(self.contradiction("a promoted index"));
        };
        let located = self.located;
        let mut buffer = DataBuffer::cached();
        let rows_begin = located.begin.saturating_add(promoted.header_length_bytes);
        self.fill(located.begin, rows_begin, &mut buffer)?;
        let mut cursor = Cursor::at(buffer.from(located.begin), located.begin);
        let head = PartitionHeader::read(&mut cursor, self.header).map_err(|error| self.corrupt(error))?;
        if head.key != key {
            return Err(self.contradiction("the partition that the data has there"));
        }
        if cursor.offset() != rows_begin {
            return Err(self.contradiction("the first row where the data has it"));
        }
        let (deletion, static_row) = (head.deletion, head.static_row);
        let mut partition = if slice.start < slice.end {
            let start = self.find_start(&promoted, rows_begin, slice)?;
            self.read_rows(&start, slice, &mut buffer)?
        } else {
            Partition::default()
        };
        partition.deletion = deletion;
        partition.static_row = static_row;
        Ok(partition)
    }

    /// The last block that begins before the slice, or the first.
    fn find_start(
        &self,
        promoted: &PromotedIndex<'_>,
        rows_begin: u64,
        slice: &ClusteringSlice,
    ) -> Result<Start, StorageError> {
        let corrupt = |error| self.index.corrupt(error);
        let types = &self.header.clustering_types;
        let begun = |block: &IndexInfo| {
            let order = block.first.compare_to_place((&slice.start).into(), types);
            order.is_some_and(Ordering::is_le)
        };
        let begun_count = promoted.partition_point(types, begun).map_err(corrupt)?;
        let not_past = |block: &IndexInfo| {
            let order = block.first.compare_to_place((&slice.end).into(), types);
            order.is_some_and(Ordering::is_lt)
        };
        let past = promoted.partition_point(types, not_past).map_err(corrupt)?;
        let likely_end = match promoted.block(past, types).map_err(corrupt)? {
            Some(block) => self.located.begin.saturating_add(block.offset_bytes),
            None => self.located.end,
        };
        let Some(before) = begun_count.checked_sub(2) else {
            return Ok(Start {
                begin: rows_begin,
                open: None,
                block: None,
                likely_end,
            });
        };
        let previous = promoted.block(before, types).map_err(corrupt)?;
        let block = promoted.block(before + 1, types).map_err(corrupt)?;
        let (Some(previous), Some(block)) = (previous, block) else {
            return Err(self.contradiction("as many blocks as it says"));
        };
        if previous.offset_bytes.checked_add(previous.width_bytes) != Some(block.offset_bytes) {
            return Err(self.contradiction("blocks that begin where the previous one ends"));
        }
        Ok(Start {
            begin: self.located.begin.saturating_add(block.offset_bytes),
            open: previous.end_open_marker,
            block: Some(block),
            likely_end,
        })
    }

    /// Reads on until something lies behind the slice.
    fn read_rows(
        &self,
        start: &Start,
        slice: &ClusteringSlice,
        buffer: &mut DataBuffer,
    ) -> Result<Partition, StorageError> {
        let end = self.located.end;
        if start.begin >= end {
            return Err(self.contradiction("blocks within the partition"));
        }
        if buffer.from(start.begin).is_empty() {
            self.data.read_at(start.begin, buffer)?;
        }
        self.fill_on(start.likely_end, buffer)?;
        let comparator = ClusteringComparator::new(&self.header.clustering_types);
        let mut rows = RowCollector::new(comparator, slice).resume(start.open);
        let mut check = StartCheck::new(self, start);
        let (mut position, mut open) = (start.begin, start.open);
        loop {
            let cursor = Cursor::at(buffer.from(position), position);
            let mut reader = UnfilteredReader::resume(cursor, self.header, UnfilteredForm::SsTable, open);
            loop {
                let unfiltered = match reader.next() {
                    Ok(Some(unfiltered)) => unfiltered,
                    Ok(None) if reader.offset() == end => return Ok(rows.finish()),
                    Ok(None) => {
                        return Err(self.contradiction("the end of the partition where the data has it"));
                    }
                    // The stretch ends here, and the partition does not.
                    Err(FormatError::Truncated { .. }) if buffer.end() < end => break,
                    Err(error) => return Err(self.corrupt(error)),
                };
                let is_marker = matches!(unfiltered, Unfiltered::Marker(_));
                rows.take(unfiltered, reader.offset())
                    .map_err(|error| self.corrupt(error))?;
                check.take(rows.last_place(), is_marker, position)?;
                (position, open) = (reader.offset(), reader.open_marker());
                if position >= end {
                    return Err(self.contradiction("the end of the partition where the data has it"));
                }
                if rows.is_past_slice() && check.is_over(position)? {
                    return Ok(rows.finish());
                }
            }
            if !self.data.read_more(buffer)? {
                return Err(self.contradiction("the end of the partition before that of the data"));
            }
        }
    }

    /// Puts a stretch of the partition into an empty buffer.
    fn fill(&self, begin: u64, end: u64, buffer: &mut DataBuffer) -> Result<(), StorageError> {
        self.data.read_at(begin, buffer)?;
        self.fill_on(end, buffer)
    }

    /// Appends to a buffer up to a position, or to the end of the partition.
    fn fill_on(&self, end: u64, buffer: &mut DataBuffer) -> Result<(), StorageError> {
        let end = end.min(self.located.end);
        while buffer.end() < end && self.data.read_more(buffer)? {}
        Ok(())
    }

    fn corrupt(&self, error: FormatError) -> StorageError {
        StorageError::corrupt(self.data.path())(error)
    }

    /// Index and data do not say the same.
    fn contradiction(&self, expected: &'static str) -> StorageError {
        let offset = self.located.entry_offset();
        self.index.corrupt(FormatError::invalid(
            "entry of a large partition",
            offset,
            expected,
            &"something else than the data has",
        ))
    }
}

/// What the index says of the block where reading begins, until the data has confirmed it.
struct StartCheck<'c, 'r> {
    reader: &'c BlockReader<'r>,
    /// The block, until its first row or marker was met.
    unmet: Option<&'c IndexInfo>,
    /// The block, while the range that is open at its beginning has not been ended.
    unconfirmed: Option<&'c IndexInfo>,
    begin: u64,
    open: Option<DeletionTime>,
}

impl<'c, 'r> StartCheck<'c, 'r> {
    fn new(reader: &'c BlockReader<'r>, start: &'c Start) -> Self {
        let block = start.block.as_ref();
        Self {
            reader,
            unmet: block,
            unconfirmed: block.filter(|_| start.open.is_some()),
            begin: start.begin,
            open: start.open,
        }
    }

    /// Holds the next row or marker, at a position, against the index.
    fn take(&mut self, place: Option<Place<'_>>, is_marker: bool, position: u64) -> Result<(), StorageError> {
        if let Some(block) = self.unmet.take() {
            let types = &self.reader.header.clustering_types;
            let order = place.and_then(|place| block.first.compare_to_place(place, types));
            if order != Some(Ordering::Equal) {
                return Err(self.reader.contradiction("the first row or marker of a block"));
            }
        }
        self.is_over(position)?;
        if is_marker {
            // A marker says which range it ends, and the reader of markers has compared it.
            self.unconfirmed = None;
        }
        Ok(())
    }

    /// Whether nothing of the index is left to be confirmed at a position.
    fn is_over(&mut self, position: u64) -> Result<bool, StorageError> {
        if let Some(block) = self.unconfirmed
            && position.saturating_sub(self.begin) >= block.width_bytes
        {
            if block.end_open_marker != self.open {
                return Err(self
                    .reader
                    .contradiction("the range that is open at the end of a block"));
            }
            self.unconfirmed = None;
        }
        Ok(self.unconfirmed.is_none())
    }
}
