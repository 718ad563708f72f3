//! A slice of a partition of an SSTable, read as far as a reader wants it.
//!
//! Source: Cassandra `io.sstable.format.SSTableReader.rowIterator`.

use super::block_reader::ForwardRows;
use super::reader::SSTableReader;
use super::reversed_reader::ReversedRows;
use crate::read::ClusteringSlice;
use crate::storage_error::StorageError;
use crate::stretch::Stretch;
use thymbra_types::{DecoratedKey, Partition};

/// Stretches of one partition in one SSTable.
pub(crate) struct SSTableStretches<'r>(Source<'r>);

enum Source<'r> {
    /// A partition without a promoted index, which has been read.
    Small(Partition),
    /// A large one.
    Forward(Box<ForwardRows<'r>>),
    /// A large one, last rows first.
    Reversed(Box<ReversedRows<'r>>),
}

impl<'r> SSTableStretches<'r> {
    /// Before the first row of a slice, or behind the last; `None` where nothing is here of the partition.
    ///
    /// # Errors
    /// When the disk fails or a file is damaged.
    pub(crate) fn begin(
        sstable: &'r SSTableReader,
        key: &DecoratedKey,
        slice: &'r ClusteringSlice,
        is_reversed: bool,
    ) -> Result<Option<Self>, StorageError> {
        let Some(located) = sstable.locate(key)? else {
            return Ok(None);
        };
        if !located.has_promoted_index() {
            let partition = sstable.read_located(key, &located, slice)?;
            return Ok(Some(Self(Source::Small(partition))));
        }
        let blocks = sstable.blocks(located);
        Ok(Some(Self(if is_reversed {
            Source::Reversed(Box::new(ReversedRows::begin(blocks, key.key(), slice)?))
        } else {
            Source::Forward(Box::new(ForwardRows::begin(blocks, key.key(), slice)?))
        })))
    }

    /// The next stretch; not to be called behind the last.
    ///
    /// # Errors
    /// When the disk fails or a file is damaged.
    pub(crate) fn next(&mut self) -> Result<Stretch, StorageError> {
        match &mut self.0 {
            Source::Small(partition) => Ok(Stretch::whole(std::mem::take(partition))),
            Source::Forward(rows) => rows.next_stretch(),
            Source::Reversed(rows) => rows.next_stretch(),
        }
    }
}
