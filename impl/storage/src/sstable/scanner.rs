//! Going over an SSTable from the first partition to the last.
//!
//! Source: Cassandra `io.sstable.format.big.BigTableScanner`.

use super::data_reader::DataBuffer;
use super::reader::{FORGET_THRESHOLD_BYTES, SSTableReader};
use crate::merge::PartitionSource;
use crate::scan::KeyRange;
use crate::storage_error::StorageError;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;
use thymbra_format::FormatError;
use thymbra_types::{DecoratedKey, Partition};

/// Partitions of one SSTable between two keys.
#[derive(Debug)]
pub(crate) struct SSTableScanner {
    sstable: Arc<SSTableReader>,
    /// Of the next partition; `None` behind the last.
    position: Option<u64>,
    range: KeyRange,
    buffer: DataBuffer,
    last: Option<DecoratedKey>,
}

impl SSTableScanner {
    /// At a position, which may lie before the range.
    pub(super) fn new(sstable: Arc<SSTableReader>, position: Option<u64>, range: KeyRange) -> Self {
        Self {
            sstable,
            position,
            range,
            buffer: DataBuffer::default(),
            last: None,
        }
    }

    fn is_behind_range(&self, key: &DecoratedKey) -> bool {
        match &self.range.1 {
            Bound::Included(end) => key > end,
            Bound::Excluded(end) => key >= end,
            Bound::Unbounded => false,
        }
    }
}

impl PartitionSource for SSTableScanner {
    fn next(&mut self) -> Result<Option<(DecoratedKey, Partition)>, StorageError> {
        while let Some(position) = self.position.take() {
            if position >= self.sstable.data_length_bytes() {
                break;
            }
            let (key, partition, next) = self.sstable.read_at(position, &mut self.buffer)?;
            if self.last.as_ref().is_some_and(|last| *last >= key) {
                return Err(self.sstable.corrupt_data(FormatError::invalid(
                    "partition key",
                    position,
                    "one behind the previous",
                    &"another",
                )));
            }
            self.last = Some(key.clone());
            if self.is_behind_range(&key) {
                break;
            }
            self.position = Some(next);
            if next.saturating_sub(self.buffer.position) > FORGET_THRESHOLD_BYTES {
                self.buffer.forget_before(next);
            }
            if self.range.contains(&key) {
                return Ok(Some((key, partition)));
            }
        }
        Ok(None)
    }
}
