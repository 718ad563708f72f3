//! The bytes of one partition in `Data.db`, and the blocks of its promoted index.
//!
//! Source: Cassandra `io.sstable.format.SortedTablePartitionWriter`,
//! `io.sstable.format.big.BigFormatPartitionWriter`.

use thymbra_format::rows::deletion_time::write_deletion_time;
use thymbra_format::rows::{
    ClusteringKind, ClusteringValues, EncodeError, MarkerChange, SerializationHeader, Unfiltered, UnfilteredForm,
    UnfilteredWriter,
};
use thymbra_format::sstable::{ClusteringPrefix, IndexInfo, RowIndexWriter};
use thymbra_types::{DecoratedKey, DeletionTime, Partition};

/// Serializes partitions one after the other; keeps the memory that it needs for that.
#[derive(Debug)]
pub(super) struct PartitionWriter {
    unfiltereds: UnfilteredWriter,
    /// The present partition.
    bytes: Vec<u8>,
    /// Where its rows begin.
    header_length: usize,
    column_index_size: usize,
    block: Option<Block>,
    open_marker: Option<DeletionTime>,
}

/// A block of the promoted index that is not full yet.
#[derive(Debug)]
struct Block {
    begin: usize,
    first: ClusteringPrefix,
    last: ClusteringPrefix,
}

impl PartitionWriter {
    /// A block is closed when it has `column_index_size_bytes`.
    pub(super) fn new(column_index_size_bytes: u64) -> Self {
        Self {
            unfiltereds: UnfilteredWriter::new(UnfilteredForm::SsTable),
            bytes: Vec::new(),
            header_length: 0,
            column_index_size: usize::try_from(column_index_size_bytes).unwrap_or(usize::MAX),
            block: None,
            open_marker: None,
        }
    }

    /// Begins a partition: its key, its deletion and its static row.
    pub(super) fn begin(
        &mut self,
        key: &DecoratedKey,
        partition: &Partition,
        header: &SerializationHeader,
    ) -> Result<(), EncodeError> {
        self.bytes.clear();
        self.block = None;
        self.open_marker = None;
        let key_size = u16::try_from(key.key().len()).map_err(|_| EncodeError::TooLong {
            size_bytes: key.key().len(),
        })?;
        self.bytes.extend_from_slice(&key_size.to_be_bytes());
        self.bytes.extend_from_slice(key.key());
        write_deletion_time(partition.deletion, &mut self.bytes)?;
        if !header.static_columns.is_empty() {
            self.unfiltereds
                .write_static_row(&partition.static_row, header, &mut self.bytes)?;
        }
        self.header_length = self.bytes.len();
        self.unfiltereds.begin_partition(self.header_length);
        Ok(())
    }
}
