//! How far a partition may go that is read on and on: no row is believed that it goes beyond.
//!
//! A scan knows where a partition begins, and Index.db where the next one does. It is asked only of partitions that
//! are large, or say so, because most scans need nothing of it.

use super::data_reader::DataBuffer;
use super::reader::FORGET_THRESHOLD_BYTES;
use crate::storage_error::StorageError;
use thymbra_format::{Cursor, FormatError};
use thymbra_types::{DecoratedKey, Partitioner};

/// A partition whose end has not been read yet.
#[derive(Debug)]
pub(super) struct PartitionExtent {
    begin: u64,
    /// As far as it has been seen.
    key: Option<DecoratedKey>,
    end: End,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    /// Somewhere up to here.
    Within(u64),
    /// Exactly here, says Index.db.
    At(u64),
}

impl PartitionExtent {
    /// A partition at a position of data of a length.
    pub(super) const fn new(begin: u64, data_length_bytes: u64) -> Self {
        Self {
            begin,
            key: None,
            end: End::Within(data_length_bytes),
        }
    }

    /// Whether a partition that is cut at the end of what was read may have more bytes.
    ///
    /// Takes what reading it gave, and a look into the index, which gives the end of the partition of a key.
    ///
    /// # Errors
    /// Those of the look into the index.
    pub(super) fn may_go_on(
        &mut self,
        error: &FormatError,
        buffer: &DataBuffer,
        partitioner: Partitioner,
        end_of: impl FnOnce(&DecoratedKey) -> Result<u64, StorageError>,
    ) -> Result<bool, StorageError> {
        let FormatError::Truncated {
            offset, needed_bytes, ..
        } = error
        else {
            return Ok(false);
        };
        let bytes_end = buffer.end();
        let needed_end = offset.saturating_add(*needed_bytes);
        if self.key.is_none() {
            let key = Cursor::at(buffer.from(self.begin), self.begin).short_bytes("partition key");
            self.key = key.ok().map(|key| DecoratedKey::new(partitioner, key));
        }
        let is_large = needed_end.max(bytes_end).saturating_sub(self.begin) > FORGET_THRESHOLD_BYTES;
        if let (End::Within(_), Some(key), true) = (self.end, &self.key, is_large) {
            self.end = End::At(end_of(key)?);
        }
        let (End::Within(end) | End::At(end)) = self.end;
        Ok(needed_end <= end && bytes_end < end)
    }

    /// Takes note of the key, before the beginning of the partition is forgotten.
    pub(super) fn know_key(&mut self, key: &DecoratedKey) {
        if self.key.is_none() {
            self.key = Some(key.clone());
        }
    }

    /// Whether a partition that was read ends where it should, as far as that is known.
    pub(super) fn may_end_at(&self, found: u64) -> bool {
        match self.end {
            End::Within(end) => found <= end,
            End::At(end) => found == end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    const BEGIN: u64 = 7;
    const END: u64 = BEGIN + FORGET_THRESHOLD_BYTES + 50;
    const DATA_BYTES: u64 = 10 * FORGET_THRESHOLD_BYTES;

    fn cut(offset: u64, needed_bytes: u64) -> FormatError {
        FormatError::Truncated {
            what: "row",
            offset,
            needed_bytes,
            available_bytes: 0,
        }
    }

    /// The beginning of a partition with the key `k`, read up to an end.
    fn read_up_to(end: u64) -> DataBuffer {
        let mut bytes = vec![0, 1, b'k'];
        bytes.resize(usize::try_from(end - BEGIN).expect("a small number"), 0);
        DataBuffer::of(bytes, BEGIN)
    }

    #[test]
    fn index_is_asked_once_and_only_of_partitions_that_are_large_or_say_so() {
        let asked_count = Cell::new(0);
        let mut extent = PartitionExtent::new(BEGIN, DATA_BYTES);
        let mut may_go_on = |needed_end: u64, read_end: u64| {
            let error = cut(BEGIN + 9, needed_end - BEGIN - 9);
            let asked = extent.may_go_on(&error, &read_up_to(read_end), Partitioner::Murmur3, |key| {
                assert_eq!(key.key(), b"k");
                asked_count.set(asked_count.get() + 1);
                Ok(END)
            });
            (asked.expect("the index can be read"), asked_count.get())
        };
        assert_eq!(may_go_on(BEGIN + 60, BEGIN + 50), (true, 0));
        assert_eq!(may_go_on(BEGIN + FORGET_THRESHOLD_BYTES, BEGIN + 50), (true, 0));
        assert_eq!(may_go_on(END, BEGIN + 50), (true, 1));
        assert_eq!(may_go_on(END, END - 1), (true, 1));
        assert_eq!(may_go_on(END + 1, END - 1), (false, 1), "the row goes beyond");
        assert_eq!(may_go_on(END, END), (false, 1), "all of it was read");
        assert!(!extent.may_end_at(END - 1) && extent.may_end_at(END) && !extent.may_end_at(END + 1));
    }

    #[test]
    fn nothing_goes_beyond_the_data_and_other_errors_do_not_go_away() {
        let mut extent = PartitionExtent::new(BEGIN, BEGIN + 90);
        let mut may_go_on = |error: FormatError| {
            let asked = extent.may_go_on(&error, &read_up_to(BEGIN + 50), Partitioner::Murmur3, |_| {
                unreachable!("the partition is small")
            });
            asked.expect("the index is not read")
        };
        assert!(may_go_on(cut(BEGIN + 50, 40)));
        assert!(!may_go_on(cut(BEGIN + 50, 41)));
        assert!(!may_go_on(FormatError::invalid("row", BEGIN, "another", &"this")));
        assert!(extent.may_end_at(BEGIN + 90));
    }
}
