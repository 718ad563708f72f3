//! `Index.db`: where each partition begins, and where the rows of large ones are.
//!
//! One entry a partition, in the order of Data.db. Readers come here from the summary, look through
//! a few entries for the key, and then read Data.db; in a large partition the promoted index leads
//! them to the block with the rows they want. Chapter: `specs/08-sstable.md`. Source: Cassandra
//! `io.sstable.format.big.RowIndexEntry`, `io.sstable.IndexInfo`.

use super::clustering_prefix::ClusteringPrefix;
use crate::cursor::Cursor;
use crate::error::FormatError;
use crate::marshal::AbstractType;
use crate::rows::EncodeError;
use crate::rows::deletion_time::{read_deletion_time, write_deletion_time};
use crate::vint;
use thymbra_types::DeletionTime;

/// Width around which the widths of blocks are stored: the default of `column_index_size`.
const WIDTH_BASE_BYTES: i64 = 64 << 10;

/// Bytes of an offset of a block.
const OFFSET_SIZE_BYTES: usize = 4;

/// One entry of `Index.db`, borrowed from its bytes.
///
/// | size | field |
/// |---|---|
/// | 2 + n | length and bytes of the partition key |
/// | vint | position of the partition in the uncompressed Data.db |
/// | vint | bytes of the promoted index that follow, 0 without one |
/// | | see [`PromotedIndex`] |
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RowIndexEntry<'a> {
    /// Serialized partition key.
    pub key: &'a [u8],
    /// Position of the partition, before compression.
    pub data_position: u64,
    /// Index of the rows; partitions of one block have none.
    pub promoted: Option<PromotedIndex<'a>>,
}

/// Index of the rows of one partition, read block by block as it is asked for.
///
/// | size | field |
/// |---|---|
/// | vint | bytes from the beginning of the partition to its first row or marker |
/// | 12 | deletion of the partition |
/// | vint | number of blocks, at least 2 |
/// | | blocks, see [`IndexInfo`] |
/// | 4 each | offset of a block from the first one, which is at 0 |
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PromotedIndex<'a> {
    /// Bytes from the beginning of the partition to its first row or marker.
    pub header_length_bytes: u64,
    /// Deletion of the partition, so that a reader need not go to its beginning.
    pub partition_deletion: DeletionTime,
    blocks: &'a [u8],
    offsets: &'a [[u8; OFFSET_SIZE_BYTES]],
    /// Offset of the first block in the file, for errors.
    blocks_offset: u64,
}

/// One block of rows.
///
/// | size | field |
/// |---|---|
/// | | first row or marker, see [`ClusteringPrefix`] |
/// | | last row or marker |
/// | vint | bytes from the beginning of the partition |
/// | signed vint | bytes of the block, less 65536 |
/// | 1 | 1 when a range tombstone is open behind the block, else 0 |
/// | 12 | its deletion, if so |
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IndexInfo {
    /// Place of the first row or marker.
    pub first: ClusteringPrefix,
    /// Place of the last row or marker.
    pub last: ClusteringPrefix,
    /// Bytes from the beginning of the partition.
    pub offset_bytes: u64,
    /// Bytes of the block; that of the last block counts the end of the partition.
    pub width_bytes: u64,
    /// Deletion of the range tombstone that is open behind the block.
    pub end_open_marker: Option<DeletionTime>,
}

impl<'a> RowIndexEntry<'a> {
    /// Reads the next entry; the blocks of its promoted index are left for later.
    ///
    /// # Errors
    /// When it is cut, or its promoted index has another size than its parts.
    pub fn read(cursor: &mut Cursor<'a>) -> Result<Self, FormatError> {
        let key = cursor.short_bytes("partition key")?;
        let data_position = cursor.unsigned_vint("position in Data.db")?;
        let promoted = cursor.vint_bytes("promoted index")?;
        let offset = cursor.offset() - promoted.len() as u64;
        Ok(Self {
            key,
            data_position,
            promoted: if promoted.is_empty() {
                None
            } else {
                Some(PromotedIndex::read(promoted, offset)?)
            },
        })
    }

    /// All entries of a component, or of a part of one that begins with an entry.
    ///
    /// Ends after the first error.
    pub fn all(cursor: Cursor<'a>) -> impl Iterator<Item = Result<Self, FormatError>> {
        let mut rest = Some(cursor);
        core::iter::from_fn(move || {
            let cursor = rest.as_mut().filter(|cursor| !cursor.is_at_end())?;
            let entry = Self::read(cursor);
            if entry.is_err() {
                rest = None;
            }
            Some(entry)
        })
    }
}

impl<'a> PromotedIndex<'a> {
    fn read(bytes: &'a [u8], offset: u64) -> Result<Self, FormatError> {
        let mut cursor = Cursor::at(bytes, offset);
        let header_length_bytes = cursor.unsigned_vint("length of a partition header")?;
        let partition_deletion = read_deletion_time(&mut cursor, "deletion of a partition")?;
        let count_offset = cursor.offset();
        let block_count = cursor.vint_count("number of blocks")?;
        if block_count == 0 {
            return Err(FormatError::invalid(
                "number of blocks",
                count_offset,
                "1 or more",
                &0,
            ));
        }
        let blocks_offset = cursor.offset();
        let (blocks, offsets) = cursor
            .remaining()
            .len()
            .checked_sub(block_count.saturating_mul(OFFSET_SIZE_BYTES))
            .and_then(|blocks_size| cursor.remaining().split_at_checked(blocks_size))
            .ok_or_else(|| FormatError::Truncated {
                what: "offsets of blocks",
                offset: blocks_offset,
                needed_bytes: (block_count as u64).saturating_mul(OFFSET_SIZE_BYTES as u64),
                available_bytes: cursor.remaining().len() as u64,
            })?;
        let (offsets, _) = offsets.as_chunks::<OFFSET_SIZE_BYTES>();
        Ok(Self {
            header_length_bytes,
            partition_deletion,
            blocks,
            offsets,
            blocks_offset,
        })
    }

    /// Number of blocks.
    #[must_use]
    pub const fn block_count(&self) -> usize {
        self.offsets.len()
    }

    /// Reads one block; `None` behind the last.
    ///
    /// # Errors
    /// When it is cut, or does not end where the next one begins.
    pub fn block(&self, index: usize, types: &[AbstractType]) -> Result<Option<IndexInfo>, FormatError> {
        let Some(begin) = self.offsets.get(index) else {
            return Ok(None);
        };
        let begin = u32::from_be_bytes(*begin);
        let end = match self.offsets.get(index + 1) {
            Some(end) => usize::try_from(u32::from_be_bytes(*end)).unwrap_or(usize::MAX),
            None => self.blocks.len(),
        };
        let bytes = usize::try_from(begin)
            .ok()
            .filter(|begin| index > 0 || *begin == 0)
            .and_then(|begin| self.blocks.get(begin..end))
            .ok_or_else(|| {
                let place = self.blocks_offset + (self.blocks.len() + index * OFFSET_SIZE_BYTES) as u64;
                FormatError::invalid("offset of a block", place, "0, then ascending", &begin)
            })?;
        let mut cursor = Cursor::at(bytes, self.blocks_offset + u64::from(begin));
        let info = IndexInfo::read(&mut cursor, types)?;
        if cursor.is_at_end() {
            return Ok(Some(info));
        }
        let left = cursor.remaining().len();
        Err(cursor.invalid(
            "end of a block",
            "the beginning of the next",
            &format_args!("{left} bytes before it"),
        ))
    }

    /// Index of the first block that is not wholly passed, found by bisection, or
    /// [`PromotedIndex::block_count`] when all are.
    ///
    /// `is_passed` holds for blocks before some place and for none behind it: with
    /// `|block| compare(&block.last, bound).is_lt()` the result is the first block that may hold
    /// something at or behind the bound.
    ///
    /// # Errors
    /// When a block that is looked at is damaged.
    pub fn partition_point(
        &self,
        types: &[AbstractType],
        mut is_passed: impl FnMut(&IndexInfo) -> bool,
    ) -> Result<usize, FormatError> {
        let (mut low, mut high) = (0, self.block_count());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.block(middle, types)? {
                Some(block) if is_passed(&block) => low = middle + 1,
                Some(_) | None => high = middle,
            }
        }
        Ok(low)
    }
}

impl IndexInfo {
    /// Appends the form above.
    ///
    /// # Errors
    /// When a clustering does not fit its types, or the deletion its form.
    pub fn write(&self, types: &[AbstractType], out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.first.write(types, out)?;
        self.last.write(types, out)?;
        vint::write_unsigned(self.offset_bytes, out);
        // Widths are those of a partition in a file: far below 2^63.
        vint::write_signed(self.width_bytes.cast_signed().wrapping_sub(WIDTH_BASE_BYTES), out);
        out.push(u8::from(self.end_open_marker.is_some()));
        self.end_open_marker
            .map_or(Ok(()), |deletion| write_deletion_time(deletion, out))
    }

    /// Reads the form above.
    ///
    /// # Errors
    /// When it is cut, or is not what the format allows.
    pub fn read(cursor: &mut Cursor<'_>, types: &[AbstractType]) -> Result<Self, FormatError> {
        const HAS_MARKER: &str = "presence of an open marker";
        let first = ClusteringPrefix::read(cursor, types)?;
        let last = ClusteringPrefix::read(cursor, types)?;
        let offset_bytes = cursor.unsigned_vint("offset of a block in its partition")?;
        let width_offset = cursor.offset();
        let width = cursor.signed_vint("width of a block")?;
        let width_bytes = width
            .checked_add(WIDTH_BASE_BYTES)
            .and_then(|width| u64::try_from(width).ok())
            .ok_or_else(|| {
                FormatError::invalid("width of a block", width_offset, "-65536 or more", &width)
            })?;
        let marker_offset = cursor.offset();
        let end_open_marker = match cursor.u8(HAS_MARKER)? {
            0 => None,
            1 => Some(read_deletion_time(cursor, "open marker")?),
            other => return Err(FormatError::invalid(HAS_MARKER, marker_offset, "0 or 1", &other)),
        };
        Ok(Self {
            first,
            last,
            offset_bytes,
            width_bytes,
            end_open_marker,
        })
    }
}

/// Collects the blocks of one partition after the other, and writes the entries of Index.db.
///
/// Keeps its memory. Cassandra: `io.sstable.format.big.BigFormatPartitionWriter`.
#[derive(Clone, Debug, Default)]
pub struct RowIndexWriter {
    blocks: Vec<u8>,
    offsets: Vec<u32>,
    body: Vec<u8>,
}

impl RowIndexWriter {
    /// Before the first block of a partition.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next block of the current partition.
    ///
    /// # Errors
    /// When it has no form, or the blocks of the partition exceed 4 GiB.
    pub fn add_block(&mut self, block: &IndexInfo, types: &[AbstractType]) -> Result<(), EncodeError> {
        let offset = u32::try_from(self.blocks.len()).map_err(|_| EncodeError::TooMany {
            what: "bytes of blocks in a promoted index",
            count: self.blocks.len(),
        })?;
        block.write(types, &mut self.blocks)?;
        self.offsets.push(offset);
        Ok(())
    }

    /// Number of blocks of the current partition.
    #[must_use]
    pub const fn block_count(&self) -> usize {
        self.offsets.len()
    }

    /// Appends the entry of the current partition to Index.db, and begins the next partition.
    ///
    /// The blocks are written when there are two or more.
    ///
    /// # Errors
    /// When the key is longer than 65535 bytes, or the deletion does not fit its form.
    pub fn end_partition(
        &mut self,
        key: &[u8],
        data_position: u64,
        header_length_bytes: u64,
        partition_deletion: DeletionTime,
        index: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let key_size = u16::try_from(key.len()).map_err(|_| EncodeError::TooLong {
            size_bytes: key.len(),
        })?;
        index.extend_from_slice(&key_size.to_be_bytes());
        index.extend_from_slice(key);
        vint::write_unsigned(data_position, index);
        if self.offsets.len() > 1 {
            self.body.clear();
            vint::write_unsigned(header_length_bytes, &mut self.body);
            write_deletion_time(partition_deletion, &mut self.body)?;
            vint::write_unsigned(self.offsets.len() as u64, &mut self.body);
            let size_bytes = self.body.len() + self.blocks.len() + self.offsets.len() * OFFSET_SIZE_BYTES;
            vint::write_unsigned(size_bytes as u64, index);
            index.extend_from_slice(&self.body);
            index.extend_from_slice(&self.blocks);
            for offset in &self.offsets {
                index.extend_from_slice(&offset.to_be_bytes());
            }
        } else {
            index.push(0);
        }
        self.blocks.clear();
        self.offsets.clear();
        Ok(())
    }
}

#[cfg(test)]
#[path = "row_index_entry_tests.rs"]
mod tests;
