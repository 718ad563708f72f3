//! Going over an SSTable from the first partition to the last.
//!
//! Source: Cassandra `io.sstable.format.big.BigTableScanner`.

use super::data_reader::DataBuffer;
use super::partition_scan::{PausedScan, Scanned};
use super::reader::{FORGET_THRESHOLD_BYTES, SSTableReader};
use crate::merge::PartitionSource;
use crate::scan::KeyRange;
use crate::storage_error::StorageError;
use crate::stretch::Stretch;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;
use thymbra_format::FormatError;
use thymbra_types::{DecoratedKey, Partition};

/// Partitions of one SSTable between two keys.
#[derive(Debug)]
pub(crate) struct SSTableScanner {
    sstable: Arc<SSTableReader>,
    /// Of the next partition; `None` behind the last, and while one is under way.
    position: Option<u64>,
    range: KeyRange,
    stretch_bytes: u64,
    buffer: DataBuffer,
    last: Option<DecoratedKey>,
    /// Where a partition goes on whose end was not read.
    under_way: Option<Box<PausedScan>>,
}

impl SSTableScanner {
    /// At a position, which may lie before the range.
    pub(super) fn new(
        sstable: Arc<SSTableReader>,
        position: Option<u64>,
        range: KeyRange,
        stretch_bytes: u64,
    ) -> Self {
        Self {
            sstable,
            position,
            range,
            stretch_bytes,
            buffer: DataBuffer::default(),
            last: None,
            under_way: None,
        }
    }

    /// Takes note of where to go on.
    #[inline]
    fn pass(&mut self, scanned: Scanned) -> Stretch {
        if scanned.end.saturating_sub(self.buffer.position) > FORGET_THRESHOLD_BYTES {
            self.buffer.forget_before(scanned.end);
        }
        self.position = scanned.paused.is_none().then_some(scanned.end);
        self.under_way = scanned.paused;
        scanned.stretch
    }

    /// Bytes of memory for what was read of the data.
    #[cfg(test)]
    pub(super) fn buffer_bytes(&self) -> usize {
        self.buffer.capacity_bytes()
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
    fn next(&mut self) -> Result<Option<(DecoratedKey, Stretch)>, StorageError> {
        while self.under_way.is_some() {
            self.next_stretch()?;
        }
        while let Some(position) = self.position.take() {
            if position >= self.sstable.data_length_bytes() {
                break;
            }
            let (key, scanned) = self
                .sstable
                .read_at(position, self.stretch_bytes, &mut self.buffer)?;
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
            let stretch = self.pass(scanned);
            if self.range.contains(&key) {
                return Ok(Some((key, stretch)));
            }
            while self.under_way.is_some() {
                self.next_stretch()?;
            }
        }
        Ok(None)
    }

    fn next_stretch(&mut self) -> Result<Stretch, StorageError> {
        let Some(paused) = self.under_way.take() else {
            return Ok(Stretch::whole(Partition::default()));
        };
        let scanned = self
            .sstable
            .read_behind(*paused, self.stretch_bytes, &mut self.buffer)?;
        Ok(self.pass(scanned))
    }
}
