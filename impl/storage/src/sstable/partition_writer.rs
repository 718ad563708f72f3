//! The bytes of one partition in `Data.db`, and the blocks of its promoted index.
//!
//! Source: Cassandra `io.sstable.format.SortedTablePartitionWriter`,
//! `io.sstable.format.big.BigFormatPartitionWriter`.

use thymbra_format::rows::{
    EncodeError, SerializationHeader, SingleRow, UnfilteredForm, UnfilteredView, UnfilteredWriter,
    unfiltereds, write_partition_header,
};
use thymbra_format::sstable::metadata::MetadataCollector;
use thymbra_format::sstable::{ClusteringPrefix, IndexInfo, RowIndexWriter};
use thymbra_types::{DecoratedKey, DeletionTime, Partition, Row};

/// Serializes partitions one after the other; keeps the memory that it needs for that.
#[derive(Debug)]
pub(super) struct PartitionWriter {
    unfiltereds: UnfilteredWriter,
    /// The present partition.
    bytes: Vec<u8>,
    /// Where its rows begin.
    header_length: usize,
    column_index_size: usize,
}

/// A block of the promoted index that is not full yet.
#[derive(Clone, Copy)]
struct Block<'p> {
    begin: usize,
    first: UnfilteredView<'p>,
    last: UnfilteredView<'p>,
}

impl PartitionWriter {
    /// A block is closed when it has `column_index_size_bytes`.
    pub(super) fn new(column_index_size_bytes: u64) -> Self {
        Self {
            unfiltereds: UnfilteredWriter::new(UnfilteredForm::SsTable),
            bytes: Vec::new(),
            header_length: 0,
            column_index_size: usize::try_from(column_index_size_bytes).unwrap_or(usize::MAX),
        }
    }

    /// Serializes a partition, in place of the one before. Full blocks go to the index.
    pub(super) fn write(
        &mut self,
        key: &DecoratedKey,
        partition: &Partition,
        header: &SerializationHeader,
        index: &mut RowIndexWriter,
        metadata: &mut MetadataCollector,
    ) -> Result<(), EncodeError> {
        self.begin(key, partition.deletion, &partition.static_row, header)?;
        metadata.update_deletion(partition.deletion);
        if !partition.static_row.is_empty() {
            metadata.update_row(&partition.static_row);
        }
        let mut ends: Option<(UnfilteredView<'_>, UnfilteredView<'_>)> = None;
        let mut open_marker = None;
        let mut block: Option<Block<'_>> = None;
        for unfiltered in unfiltereds(partition) {
            let begin = self.bytes.len();
            self.unfiltereds.write_view(unfiltered, header, &mut self.bytes)?;
            match unfiltered {
                UnfilteredView::Marker { change, .. } => {
                    open_marker = change.opening();
                    metadata.update_marker(change);
                }
                UnfilteredView::Row { row, .. } => metadata.update_row(row),
            }
            ends = Some((ends.map_or(unfiltered, |(first, _)| first), unfiltered));
            let extended = Block {
                last: unfiltered,
                ..block.unwrap_or(Block {
                    begin,
                    first: unfiltered,
                    last: unfiltered,
                })
            };
            block = Some(extended);
            if self.bytes.len() - extended.begin >= self.column_index_size {
                self.close_block(extended, open_marker, header, index)?;
                block = None;
            }
        }
        self.unfiltereds.write_end_of_partition(&mut self.bytes);
        if let Some((first, last)) = ends {
            metadata.update_clustering_values(first.into(), last.into());
        }
        // Blocks matter only if there are two; the last one has the end of the partition.
        if index.block_count() > 0
            && let Some(last) = block
        {
            self.close_block(last, open_marker, header, index)?;
        }
        Ok(())
    }

    /// The same for a partition of one row.
    pub(super) fn write_single_row(
        &mut self,
        key: &DecoratedKey,
        row: &SingleRow<'_, '_>,
        header: &SerializationHeader,
        index: &mut RowIndexWriter,
        metadata: &mut MetadataCollector,
    ) -> Result<(), EncodeError> {
        let no_row = Row::default();
        self.begin(key, DeletionTime::LIVE, &no_row, header)?;
        self.unfiltereds.write_single_row(row, header, &mut self.bytes)?;
        // All that is asked of it is where it is.
        let place = UnfilteredView::Row {
            clustering: row.clustering(),
            row: &no_row,
        };
        if self.bytes.len() - self.header_length >= self.column_index_size {
            let block = Block {
                begin: self.header_length,
                first: place,
                last: place,
            };
            self.close_block(block, None, header, index)?;
        }
        self.unfiltereds.write_end_of_partition(&mut self.bytes);
        metadata.update_single_row(row);
        metadata.update_clustering_values(place.into(), place.into());
        Ok(())
    }

    /// The partition that was written last.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes from the beginning of the partition to its first row or marker.
    pub(super) const fn header_length_bytes(&self) -> u64 {
        self.header_length as u64
    }

    fn begin(
        &mut self,
        key: &DecoratedKey,
        deletion: DeletionTime,
        static_row: &Row,
        header: &SerializationHeader,
    ) -> Result<(), EncodeError> {
        self.bytes.clear();
        let (unfiltereds, bytes) = (&mut self.unfiltereds, &mut self.bytes);
        write_partition_header(key.key(), deletion, static_row, header, unfiltereds, bytes)?;
        self.header_length = bytes.len();
        Ok(())
    }

    fn close_block(
        &self,
        block: Block<'_>,
        end_open_marker: Option<DeletionTime>,
        header: &SerializationHeader,
        index: &mut RowIndexWriter,
    ) -> Result<(), EncodeError> {
        let info = IndexInfo {
            first: ClusteringPrefix::of_unfiltered(block.first, &header.clustering_types)?,
            last: ClusteringPrefix::of_unfiltered(block.last, &header.clustering_types)?,
            offset_bytes: block.begin as u64,
            width_bytes: (self.bytes.len() - block.begin) as u64,
            end_open_marker,
        };
        index.add_block(&info, &header.clustering_types)
    }
}
