//! The promoted index of a partition against its rows, as they pass.

use std::path::Path;

use thymbra_format::rows::{ClusteringKind, SerializationHeader, Unfiltered};
use thymbra_format::sstable::{ClusteringPrefix, IndexInfo, PromotedIndex};
use thymbra_types::DeletionTime;

use crate::files::FileError;

/// The byte that stands behind the last row or marker of a partition.
const END_SIZE_BYTES: u64 = 1;

/// Follows the blocks of a partition; without a promoted index, only the order of rows.
pub(super) struct PartitionCheck<'a> {
    /// `Data.db`, for what is out of order.
    data: &'a Path,
    /// `Index.db`, for what is said otherwise.
    index: &'a Path,
    header: &'a SerializationHeader,
    promoted: Option<PromotedIndex<'a>>,
    /// Position of the partition.
    begin: u64,
    /// Place of the last row or marker.
    last: Option<ClusteringPrefix>,
    /// The block that the last row or marker is in.
    block: Option<IndexInfo>,
    blocks_begun_count: usize,
}

impl<'a> PartitionCheck<'a> {
    /// At the first row of a partition, which begins at `begin` and whose rows begin at `rows_begin`.
    pub(super) fn new(
        (data, index): (&'a Path, &'a Path),
        header: &'a SerializationHeader,
        promoted: Option<PromotedIndex<'a>>,
        (begin, rows_begin): (u64, u64),
        deletion: DeletionTime,
    ) -> Result<Self, FileError> {
        if let Some(promoted) = &promoted {
            if promoted.header_length_bytes != rows_begin - begin {
                let found = format!(
                    "the promoted index of the partition at {begin} has rows from {}, the data from {}",
                    promoted.header_length_bytes,
                    rows_begin - begin
                );
                return Err(FileError::contradiction(index, found));
            }
            if promoted.partition_deletion != deletion {
                let found = format!(
                    "the promoted index of the partition at {begin} has it {}, the data {deletion}",
                    promoted.partition_deletion
                );
                return Err(FileError::contradiction(index, found));
            }
        }
        Ok(Self {
            data,
            index,
            header,
            promoted,
            begin,
            last: None,
            block: None,
            blocks_begun_count: 0,
        })
    }

    /// A row or marker that begins at an offset, behind which no range is open, or this one.
    pub(super) fn take(
        &mut self,
        unfiltered: &Unfiltered,
        offset: u64,
        open_before: Option<DeletionTime>,
    ) -> Result<(), FileError> {
        let place = place_of(unfiltered);
        if let Some(last) = &self.last {
            let order = last.compare(&place, &self.header.clustering_types);
            let is_marker = place.kind != ClusteringKind::Clustering;
            if order.is_gt() || (order.is_eq() && !is_marker) {
                let found = format!(
                    "at offset {offset} stands a row or marker that belongs before the one before it"
                );
                return Err(FileError::contradiction(self.data, found));
            }
        }
        if self.promoted.is_some() {
            self.follow(&place, offset - self.begin, open_before)?;
        }
        self.last = Some(place);
        Ok(())
    }

    /// Goes to the next block where one ends.
    fn follow(
        &mut self,
        place: &ClusteringPrefix,
        offset_bytes: u64,
        open_before: Option<DeletionTime>,
    ) -> Result<(), FileError> {
        if let Some(block) = &self.block
            && offset_bytes < block.offset_bytes.saturating_add(block.width_bytes)
        {
            return Ok(());
        }
        self.end_block(&[offset_bytes], open_before)?;
        let block = match &self.promoted {
            Some(promoted) => promoted
                .block(self.blocks_begun_count, &self.header.clustering_types)
                .map_err(FileError::format(self.index))?,
            None => None,
        };
        self.blocks_begun_count += 1;
        match block {
            Some(block) if block.offset_bytes == offset_bytes && block.first == *place => {
                self.block = Some(block);
                Ok(())
            }
            Some(_) => Err(self.contradiction("begins elsewhere than in the data")),
            None => Err(self.contradiction("is missing")),
        }
    }

    /// The block that ends before one of some offsets.
    fn end_block(
        &mut self,
        offsets_bytes: &[u64],
        open_before: Option<DeletionTime>,
    ) -> Result<(), FileError> {
        let Some(block) = self.block.take() else {
            return Ok(());
        };
        if !offsets_bytes.contains(&block.offset_bytes.saturating_add(block.width_bytes)) {
            return Err(self.contradiction("ends elsewhere than in the data"));
        }
        if self.last.as_ref() != Some(&block.last) {
            return Err(self.contradiction("has another last row or marker than the data"));
        }
        if block.end_open_marker != open_before {
            return Err(self.contradiction("has another open range at its end than the data"));
        }
        Ok(())
    }

    /// The end of the partition, behind its last byte.
    pub(super) fn finish(mut self, offset: u64) -> Result<(), FileError> {
        let Some(promoted) = self.promoted else {
            return Ok(());
        };
        // A block that was full before has no part in the byte that ends the partition.
        let end_bytes = offset - self.begin;
        self.end_block(&[end_bytes, end_bytes - END_SIZE_BYTES], None)?;
        if self.blocks_begun_count != promoted.block_count() {
            return Err(self.contradiction("is the last that the data has, and more follow"));
        }
        Ok(())
    }

    fn contradiction(&self, found: &str) -> FileError {
        let number = self.blocks_begun_count;
        let begin = self.begin;
        FileError::contradiction(
            self.index,
            format!("block {number} of the promoted index of the partition at {begin} {found}"),
        )
    }
}

fn place_of(unfiltered: &Unfiltered) -> ClusteringPrefix {
    match unfiltered {
        Unfiltered::Row { clustering, .. } => ClusteringPrefix {
            kind: ClusteringKind::Clustering,
            values: clustering.clone(),
        },
        Unfiltered::Marker(marker) => ClusteringPrefix {
            kind: ClusteringKind::of_marker(marker.side, marker.change),
            values: marker.prefix.clone(),
        },
    }
}
