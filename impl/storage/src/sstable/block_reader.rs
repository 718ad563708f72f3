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
use super::reader::FORGET_THRESHOLD_BYTES;
use crate::read::ClusteringSlice;
use crate::storage_error::StorageError;
use crate::stretch::Stretch;
use std::cmp::Ordering;
use thymbra_format::rows::{
    ClusteringComparator, PartitionHeader, SerializationHeader, Unfiltered, UnfilteredForm, UnfilteredReader,
};
use thymbra_format::sstable::{IndexInfo, Place, PromotedIndex};
use thymbra_format::{Cursor, FormatError};
use thymbra_types::{DeletionTime, Partition};

/// Most bytes of a stretch that is read at once where a reader may want no more, but for its last row.
const STRETCH_MAX_BYTES: u64 = 16 << 10;

/// One partition that has a promoted index.
#[derive(Debug)]
pub(super) struct BlockReader<'r> {
    pub(super) data: &'r DataReader,
    pub(super) index: &'r IndexReader,
    pub(super) header: &'r SerializationHeader,
    pub(super) located: Located,
}

/// What stands before the rows.
#[derive(Debug)]
pub(super) struct Head {
    /// Deletion and static row.
    pub(super) partition: Partition,
    /// Position of the first row or marker.
    pub(super) rows_begin: u64,
}

/// Where reading begins.
#[derive(Debug)]
pub(super) struct Start {
    /// Position of the first row or marker.
    pub(super) begin: u64,
    /// The range that is open there.
    pub(super) open: Option<DeletionTime>,
    /// The block there; absent at the first row of the partition, where the data alone says everything.
    pub(super) block: Option<IndexInfo>,
}

impl BlockReader<'_> {
    /// The rows of a slice, with the deletion and the static row of the partition.
    ///
    /// # Errors
    /// When the disk fails, a file is damaged, or index and data contradict each other.
    //= WP-SS-04
    pub(super) fn read(self, key: &[u8], slice: &ClusteringSlice) -> Result<Partition, StorageError> {
        let mut rows = ForwardRows::begin(self, key, slice)?;
        if rows.rows.is_some() {
            let likely_end = rows.blocks.likely_end(slice)?;
            rows.blocks.fill_on(likely_end, &mut rows.cursor.buffer)?;
        }
        rows.next_until(u64::MAX).map(|stretch| stretch.partition)
    }

    /// Reads what stands before the rows.
    pub(super) fn read_head(&self, key: &[u8], buffer: &mut DataBuffer) -> Result<Head, StorageError> {
        let header_length_bytes = self.promoted()?.header_length_bytes;
        let begin = self.located.begin;
        let rows_begin = begin.saturating_add(header_length_bytes);
        self.data.read_at(begin, buffer)?;
        self.fill_on(rows_begin, buffer)?;
        let mut cursor = Cursor::at(buffer.from(begin), begin);
        let head = PartitionHeader::read(&mut cursor, self.header).map_err(|error| self.corrupt(error))?;
        if head.key != key {
            return Err(self.contradiction("the partition that the data has there"));
        }
        if cursor.offset() != rows_begin {
            return Err(self.contradiction("the first row where the data has it"));
        }
        let partition = Partition {
            deletion: head.deletion,
            static_row: head.static_row,
            ..Partition::default()
        };
        Ok(Head {
            partition,
            rows_begin,
        })
    }

    pub(super) fn promoted(&self) -> Result<PromotedIndex<'_>, StorageError> {
        let promoted = self
            .located
            .promoted()
            .map_err(|error| self.index.corrupt(error))?;
        promoted.ok_or_else(|| self.contradiction("a promoted index"))
    }

    /// The last block that begins before the slice, or the first.
    fn find_start(&self, rows_begin: u64, slice: &ClusteringSlice) -> Result<Start, StorageError> {
        let types = &self.header.clustering_types;
        let begun = |block: &IndexInfo| {
            let order = block.first.compare_to_place((&slice.start).into(), types);
            order.is_some_and(Ordering::is_le)
        };
        let begun_count = self.promoted()?.partition_point(types, begun);
        let begun_count = begun_count.map_err(|error| self.index.corrupt(error))?;
        self.start_of(begun_count.saturating_sub(1), rows_begin)
    }

    /// Number of blocks that do not begin behind a slice, as far as the index knows.
    pub(super) fn blocks_before_end(&self, slice: &ClusteringSlice) -> Result<usize, StorageError> {
        let types = &self.header.clustering_types;
        let not_past = |block: &IndexInfo| {
            let order = block.first.compare_to_place((&slice.end).into(), types);
            order.is_some_and(Ordering::is_lt)
        };
        let past = self.promoted()?.partition_point(types, not_past);
        past.map_err(|error| self.index.corrupt(error))
    }

    /// Where a slice ends, as far as the index knows.
    pub(super) fn likely_end(&self, slice: &ClusteringSlice) -> Result<u64, StorageError> {
        let past = self.blocks_before_end(slice)?;
        let block = self.promoted()?.block(past, &self.header.clustering_types);
        Ok(match block.map_err(|error| self.index.corrupt(error))? {
            Some(block) => self.located.begin.saturating_add(block.offset_bytes),
            None => self.located.end,
        })
    }

    /// Bytes of the first block: about as many have the others.
    fn block_bytes(&self) -> Result<u64, StorageError> {
        let first = self.promoted()?.block(0, &self.header.clustering_types);
        let first = first.map_err(|error| self.index.corrupt(error))?;
        Ok(first.map_or(u64::MAX, |block| block.width_bytes))
    }

    /// What is needed to begin at a block.
    pub(super) fn start_of(&self, block_index: usize, rows_begin: u64) -> Result<Start, StorageError> {
        let Some(before) = block_index.checked_sub(1) else {
            return Ok(Start {
                begin: rows_begin,
                open: None,
                block: None,
            });
        };
        let types = &self.header.clustering_types;
        let promoted = self.promoted()?;
        let block = |index| {
            promoted
                .block(index, types)
                .map_err(|error| self.index.corrupt(error))
        };
        let (Some(previous), Some(block)) = (block(before)?, block(block_index)?) else {
            return Err(self.contradiction("as many blocks as it says"));
        };
        if previous.offset_bytes.checked_add(previous.width_bytes) != Some(block.offset_bytes) {
            return Err(self.contradiction("blocks that begin where the previous one ends"));
        }
        Ok(Start {
            begin: self.located.begin.saturating_add(block.offset_bytes),
            open: previous.end_open_marker,
            block: Some(block),
        })
    }

    /// Appends to a buffer up to a position, or to the end of the partition.
    pub(super) fn fill_on(&self, end: u64, buffer: &mut DataBuffer) -> Result<(), StorageError> {
        let end = end.min(self.located.end);
        while buffer.end() < end && self.data.read_more(buffer)? {}
        Ok(())
    }

    fn corrupt(&self, error: FormatError) -> StorageError {
        StorageError::corrupt(self.data.path())(error)
    }

    /// Index and data do not say the same.
    pub(super) fn contradiction(&self, expected: &'static str) -> StorageError {
        let offset = self.located.entry_offset();
        self.index.corrupt(FormatError::invalid(
            "entry of a large partition",
            offset,
            expected,
            &"something else than the data has",
        ))
    }
}

/// The rows of a slice in order.
pub(super) struct ForwardRows<'r> {
    blocks: BlockReader<'r>,
    head: Option<Partition>,
    /// Absent where the slice has no place for a row.
    rows: Option<RowCollector<'r>>,
    cursor: RowCursor,
    stretch_bytes: u64,
}

impl<'r> ForwardRows<'r> {
    /// Before the first row of a slice.
    ///
    /// # Errors
    /// As [`BlockReader::read`].
    pub(super) fn begin(
        blocks: BlockReader<'r>,
        key: &[u8],
        slice: &'r ClusteringSlice,
    ) -> Result<Self, StorageError> {
        let mut buffer = DataBuffer::cached();
        let head = blocks.read_head(key, &mut buffer)?;
        let start = blocks.find_start(head.rows_begin, slice)?;
        let comparator = ClusteringComparator::new(&blocks.header.clustering_types);
        let has_places = slice.start < slice.end;
        let rows = has_places.then(|| RowCollector::new(comparator, slice).resume(start.open));
        if has_places {
            blocks.go_to(&start, &mut buffer)?;
        }
        Ok(Self {
            stretch_bytes: blocks.block_bytes()?.min(STRETCH_MAX_BYTES),
            blocks,
            head: Some(head.partition),
            rows,
            cursor: RowCursor::new(start, buffer),
        })
    }

    /// The next rows and range tombstones.
    ///
    /// # Errors
    /// As [`BlockReader::read`].
    pub(super) fn next_stretch(&mut self) -> Result<Stretch, StorageError> {
        let position = self.cursor.position;
        if position.saturating_sub(self.cursor.buffer.position) > FORGET_THRESHOLD_BYTES {
            self.cursor.buffer.forget_before(position);
        }
        self.next_until(position.saturating_add(self.stretch_bytes))
    }

    /// The next ones up to a position, and on to where they are confirmed.
    fn next_until(&mut self, end: u64) -> Result<Stretch, StorageError> {
        let mut stretch = match &mut self.rows {
            None => Stretch::whole(Partition::default()),
            Some(rows) => match self.cursor.advance(&self.blocks, rows, end)? {
                Advanced::ToSliceEnd => Stretch::whole(rows.take_rest()),
                Advanced::ToPosition => rows.take_stretch(),
            },
        };
        if let Some(head) = self.head.take() {
            stretch.partition.deletion = head.deletion;
            stretch.partition.static_row = head.static_row;
        }
        Ok(stretch)
    }
}

impl BlockReader<'_> {
    /// Puts the beginning of a block into a buffer, if it does not have that.
    pub(super) fn go_to(&self, start: &Start, buffer: &mut DataBuffer) -> Result<(), StorageError> {
        if start.begin >= self.located.end {
            return Err(self.contradiction("blocks within the partition"));
        }
        if buffer.from(start.begin).is_empty() {
            self.data.read_at(start.begin, buffer)?;
        }
        Ok(())
    }
}

/// How far reading went.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Advanced {
    /// All of the slice was read.
    ToSliceEnd,
    /// A position was reached, and nothing of the index is left to be confirmed.
    ToPosition,
}

/// A place among the rows of a partition.
pub(super) struct RowCursor {
    pub(super) buffer: DataBuffer,
    check: StartCheck,
    /// Of the next row or marker.
    pub(super) position: u64,
    /// The range that is open there.
    pub(super) open: Option<DeletionTime>,
}

impl RowCursor {
    /// Where reading begins, with a buffer that has the first byte.
    pub(super) fn new(start: Start, buffer: DataBuffer) -> Self {
        Self {
            buffer,
            position: start.begin,
            open: start.open,
            check: StartCheck::new(start),
        }
    }

    /// Reads on until something lies behind the slice, or a position was reached.
    pub(super) fn advance(
        &mut self,
        blocks: &BlockReader<'_>,
        rows: &mut RowCollector<'_>,
        wanted_end: u64,
    ) -> Result<Advanced, StorageError> {
        let end = blocks.located.end;
        let contradiction = |expected| blocks.contradiction(expected);
        loop {
            let cursor = Cursor::at(self.buffer.from(self.position), self.position);
            let mut reader =
                UnfilteredReader::resume(cursor, blocks.header, UnfilteredForm::SsTable, self.open);
            loop {
                let unfiltered = match reader.next() {
                    Ok(Some(unfiltered)) => unfiltered,
                    Ok(None) if reader.offset() == end => return Ok(Advanced::ToSliceEnd),
                    Ok(None) => {
                        return Err(contradiction("the end of the partition where the data has it"));
                    }
                    // The stretch ends here, and the partition does not.
                    Err(FormatError::Truncated { .. }) if self.buffer.end() < end => break,
                    Err(error) => return Err(blocks.corrupt(error)),
                };
                let is_marker = matches!(unfiltered, Unfiltered::Marker(_));
                rows.take(unfiltered, reader.offset())
                    .map_err(|error| blocks.corrupt(error))?;
                let taken = self
                    .check
                    .take(rows.last_place(), is_marker, self.position, blocks.header);
                taken.map_err(contradiction)?;
                (self.position, self.open) = (reader.offset(), reader.open_marker());
                if self.position >= end {
                    return Err(contradiction("the end of the partition where the data has it"));
                }
                let is_past_slice = rows.is_past_slice();
                if (is_past_slice || self.position >= wanted_end)
                    && self.check.is_over(self.position).map_err(contradiction)?
                {
                    return Ok(if is_past_slice {
                        Advanced::ToSliceEnd
                    } else {
                        Advanced::ToPosition
                    });
                }
            }
            if !blocks.data.read_more(&mut self.buffer)? {
                return Err(contradiction("the end of the partition before that of the data"));
            }
        }
    }
}

/// What the index says of the block where reading begins, until the data has confirmed it.
struct StartCheck {
    block: Option<IndexInfo>,
    /// Whether the first row or marker of the block was compared.
    is_met: bool,
    /// Whether the range that is open at the beginning of the block was ended, or found at its end too.
    is_confirmed: bool,
    begin: u64,
    open: Option<DeletionTime>,
}

impl StartCheck {
    fn new(start: Start) -> Self {
        Self {
            is_met: false,
            is_confirmed: start.open.is_none(),
            block: start.block,
            begin: start.begin,
            open: start.open,
        }
    }

    /// Holds the next row or marker, at a position, against the index; gives what the index should have.
    fn take(
        &mut self,
        place: Option<Place<'_>>,
        is_marker: bool,
        position: u64,
        header: &SerializationHeader,
    ) -> Result<(), &'static str> {
        let Some(block) = &self.block else {
            return Ok(());
        };
        if !self.is_met {
            let types = &header.clustering_types;
            let order = place.and_then(|place| block.first.compare_to_place(place, types));
            if order != Some(Ordering::Equal) {
                return Err("the first row or marker of a block");
            }
            self.is_met = true;
        }
        self.is_over(position)?;
        if is_marker {
            // A marker says which range it ends, and the reader of markers has compared it.
            self.is_confirmed = true;
        }
        Ok(())
    }

    /// Whether nothing of the index is left to be confirmed at a position.
    fn is_over(&mut self, position: u64) -> Result<bool, &'static str> {
        if let Some(block) = self.block.as_ref().filter(|_| !self.is_confirmed)
            && position.saturating_sub(self.begin) >= block.width_bytes
        {
            if block.end_open_marker != self.open {
                return Err("the range that is open at the end of a block");
            }
            self.is_confirmed = true;
        }
        Ok(self.is_confirmed)
    }
}
