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
    /// The present partition, without what was taken of it.
    bytes: Vec<u8>,
    /// Bytes of the present partition that were taken.
    taken: usize,
    /// Where its rows begin.
    header_length: usize,
    column_index_size: usize,
}

/// A block of the promoted index that is not full yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block<'p> {
    /// From the beginning of the partition.
    pub(super) begin: usize,
    pub(super) first: UnfilteredView<'p>,
    pub(super) last: UnfilteredView<'p>,
}

/// What has to be known of the rows and markers that were written, to go on behind them.
#[derive(Debug, Default)]
pub(super) struct Progress<'p> {
    /// The first and the last one.
    pub(super) ends: Option<(UnfilteredView<'p>, UnfilteredView<'p>)>,
    pub(super) open_marker: Option<DeletionTime>,
    pub(super) block: Option<Block<'p>>,
}

/// What a partition leaves beside its bytes.
pub(super) struct Surroundings<'w> {
    pub(super) header: &'w SerializationHeader,
    pub(super) index: &'w mut RowIndexWriter,
    pub(super) metadata: &'w mut MetadataCollector,
}

impl PartitionWriter {
    /// A block is closed when it has `column_index_size_bytes`.
    pub(super) fn new(column_index_size_bytes: u64) -> Self {
        Self {
            unfiltereds: UnfilteredWriter::new(UnfilteredForm::SsTable),
            bytes: Vec::new(),
            taken: 0,
            header_length: 0,
            column_index_size: usize::try_from(column_index_size_bytes).unwrap_or(usize::MAX),
        }
    }

    /// Serializes a partition, in place of the one before. Full blocks go to the index.
    pub(super) fn write(
        &mut self,
        key: &DecoratedKey,
        partition: &Partition,
        mut around: Surroundings<'_>,
    ) -> Result<(), EncodeError> {
        self.begin(key, partition.deletion, &partition.static_row, &mut around)?;
        let mut progress = Progress::default();
        self.write_unfiltereds(unfiltereds(partition), &mut progress, &mut around)?;
        self.end(&progress, &mut around)
    }

    /// Begins a partition that is written piece by piece.
    #[inline]
    pub(super) fn begin(
        &mut self,
        key: &DecoratedKey,
        deletion: DeletionTime,
        static_row: &Row,
        around: &mut Surroundings<'_>,
    ) -> Result<(), EncodeError> {
        self.bytes.clear();
        self.taken = 0;
        write_partition_header(
            key.key(),
            deletion,
            static_row,
            around.header,
            &mut self.unfiltereds,
            &mut self.bytes,
        )?;
        self.header_length = self.bytes.len();
        around.metadata.update_deletion(deletion);
        if !static_row.is_empty() {
            around.metadata.update_row(static_row);
        }
        Ok(())
    }

    /// Serializes rows and markers behind others.
    #[inline]
    pub(super) fn write_unfiltereds<'p>(
        &mut self,
        unfiltereds: impl Iterator<Item = UnfilteredView<'p>>,
        progress: &mut Progress<'p>,
        around: &mut Surroundings<'_>,
    ) -> Result<(), EncodeError> {
        for unfiltered in unfiltereds {
            let begin = self.taken + self.bytes.len();
            self.unfiltereds
                .write_view(unfiltered, around.header, &mut self.bytes)?;
            match unfiltered {
                UnfilteredView::Marker { change, .. } => {
                    progress.open_marker = change.opening();
                    around.metadata.update_marker(change);
                }
                UnfilteredView::Row { row, .. } => around.metadata.update_row(row),
            }
            let first = progress.ends.map_or(unfiltered, |(first, _)| first);
            progress.ends = Some((first, unfiltered));
            let extended = Block {
                last: unfiltered,
                ..progress.block.unwrap_or(Block {
                    begin,
                    first: unfiltered,
                    last: unfiltered,
                })
            };
            progress.block = Some(extended);
            if self.taken + self.bytes.len() - extended.begin >= self.column_index_size {
                self.close_block(extended, progress.open_marker, around)?;
                progress.block = None;
            }
        }
        Ok(())
    }

    /// Ends a partition behind its last row or marker.
    #[inline]
    pub(super) fn end(
        &mut self,
        progress: &Progress<'_>,
        around: &mut Surroundings<'_>,
    ) -> Result<(), EncodeError> {
        self.unfiltereds.write_end_of_partition(&mut self.bytes);
        if let Some((first, last)) = progress.ends {
            around
                .metadata
                .update_clustering_values(first.into(), last.into());
        }
        // Blocks matter only if there are two; the last one has the end of the partition.
        if around.index.block_count() > 0
            && let Some(last) = progress.block
        {
            self.close_block(last, progress.open_marker, around)?;
        }
        Ok(())
    }

    /// Gives what was serialized since the last time to a function, and forgets it.
    pub(super) fn take_bytes<E>(&mut self, write: impl FnOnce(&[u8]) -> Result<(), E>) -> Result<(), E> {
        write(&self.bytes)?;
        self.taken += self.bytes.len();
        self.bytes.clear();
        Ok(())
    }

    /// The same for a partition of one row.
    pub(super) fn write_single_row(
        &mut self,
        key: &DecoratedKey,
        row: &SingleRow<'_, '_>,
        mut around: Surroundings<'_>,
    ) -> Result<(), EncodeError> {
        let no_row = Row::default();
        self.begin(key, DeletionTime::LIVE, &no_row, &mut around)?;
        self.unfiltereds
            .write_single_row(row, around.header, &mut self.bytes)?;
        // However large it is: one block is no promoted index.
        self.unfiltereds.write_end_of_partition(&mut self.bytes);
        // All that is asked of it is where it is.
        let place = UnfilteredView::Row {
            clustering: row.clustering(),
            row: &no_row,
        };
        around.metadata.update_single_row(row);
        around
            .metadata
            .update_clustering_values(place.into(), place.into());
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

    fn close_block(
        &self,
        block: Block<'_>,
        end_open_marker: Option<DeletionTime>,
        around: &mut Surroundings<'_>,
    ) -> Result<(), EncodeError> {
        let types = &around.header.clustering_types;
        let info = IndexInfo {
            first: ClusteringPrefix::of_unfiltered(block.first, types)?,
            last: ClusteringPrefix::of_unfiltered(block.last, types)?,
            offset_bytes: block.begin as u64,
            width_bytes: (self.taken + self.bytes.len() - block.begin) as u64,
            end_open_marker,
        };
        around.index.add_block(&info, types)
    }
}
