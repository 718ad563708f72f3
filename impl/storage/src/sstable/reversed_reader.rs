//! The rows of a slice of a large partition from the last to the first, block by block.
//!
//! Each block is read forwards. The last one is read on until something lies behind the slice, as in forward
//! reads, and every other one must end where the block behind it began, with the range open that was taken
//! for open there. So every claim of the index that was used has been confirmed by the data. Chapter:
//! `specs/08-sstable.md`. Source: Cassandra `io.sstable.format.big.SSTableReversedIterator`.

use super::block_reader::{BlockReader, Head, RowCursor, Start};
use super::data_reader::DataBuffer;
use super::partition_reader::RowCollector;
use crate::read::ClusteringSlice;
use crate::storage_error::StorageError;
use crate::stretch::Stretch;
use thymbra_format::rows::ClusteringComparator;
use thymbra_types::clustering::BoundSide;
use thymbra_types::{ClusteringBound, DeletionTime, Partition};

/// The rows of a slice in reversed order.
pub(super) struct ReversedRows<'r> {
    blocks: BlockReader<'r>,
    slice: &'r ClusteringSlice,
    head: Head,
    /// Of the block that is read next.
    block_index: usize,
    /// What has been read already.
    behind: Option<Behind>,
    buffer: DataBuffer,
}

/// The beginning of a block that was read.
struct Behind {
    position: u64,
    place: ClusteringBound,
    open: Option<DeletionTime>,
}

impl<'r> ReversedRows<'r> {
    /// Behind the last row of a slice.
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
        Ok(Self {
            block_index: blocks.blocks_before_end(slice)?.saturating_sub(1),
            blocks,
            slice,
            head,
            behind: None,
            buffer,
        })
    }

    /// The rows and range tombstones of the block before, the first time of the last block.
    ///
    /// # Errors
    /// As [`BlockReader::read`].
    pub(super) fn next_stretch(&mut self) -> Result<Stretch, StorageError> {
        let mut stretch = if self.slice.start < self.slice.end {
            self.read_block()?
        } else {
            Stretch::whole(Partition::default())
        };
        let head = std::mem::take(&mut self.head.partition);
        stretch.partition.deletion = head.deletion;
        stretch.partition.static_row = head.static_row;
        Ok(stretch)
    }

    fn read_block(&mut self) -> Result<Stretch, StorageError> {
        let start = self.blocks.start_of(self.block_index, self.head.rows_begin)?;
        let place = self.place_of(&start)?;
        let slice = ClusteringSlice {
            start: match &place {
                Some(place) => place.max(&self.slice.start).clone(),
                None => self.slice.start.clone(),
            },
            end: match &self.behind {
                Some(behind) => behind.place.clone(),
                None => self.slice.end.clone(),
            },
        };
        let (begin, open) = (start.begin, start.open);
        let mut buffer = std::mem::take(&mut self.buffer);
        self.blocks.go_to(&start, &mut buffer)?;
        let wanted_end = self.behind.as_ref().map_or(u64::MAX, |behind| behind.position);
        if self.behind.is_some() {
            self.blocks.fill_on(wanted_end, &mut buffer)?;
        }
        let comparator = ClusteringComparator::new(&self.blocks.header.clustering_types);
        let mut rows = RowCollector::new(comparator, &slice).resume(open);
        let mut cursor = RowCursor::new(start, buffer);
        // Ends at the position even where a marker there lies behind all rows of the block.
        cursor.advance(&self.blocks, &mut rows, wanted_end)?;
        self.check_end(&cursor)?;
        let partition = rows.take_rest();
        let edge = place.filter(|place| *place > self.slice.start);
        if let Some(place) = &edge {
            self.block_index = self.block_index.saturating_sub(1);
            self.behind = Some(Behind {
                position: begin,
                place: place.clone(),
                open,
            });
        }
        self.buffer = cursor.buffer;
        Ok(Stretch { partition, edge })
    }

    /// The place before the first row or marker of a block, which the data is going to confirm; `None` of the first
    /// block.
    fn place_of(&self, start: &Start) -> Result<Option<ClusteringBound>, StorageError> {
        let Some(block) = &start.block else {
            return Ok(None);
        };
        let comparator = ClusteringComparator::new(&self.blocks.header.clustering_types);
        let prefix = comparator.to_clustering(block.first.values.clone());
        let prefix = prefix.ok_or_else(|| self.blocks.contradiction("blocks that begin at a clustering"))?;
        let side = block.first.kind.side().unwrap_or(BoundSide::Before);
        Ok(Some(ClusteringBound { prefix, side }))
    }

    /// Whether a block ended where the one behind it began, and in the same range.
    fn check_end(&self, cursor: &RowCursor) -> Result<(), StorageError> {
        let Some(behind) = &self.behind else {
            return Ok(());
        };
        if cursor.position != behind.position {
            return Err(self
                .blocks
                .contradiction("blocks that end where the next one begins"));
        }
        if cursor.open != behind.open {
            return Err(self
                .blocks
                .contradiction("the range that is open at the end of a block"));
        }
        Ok(())
    }
}
