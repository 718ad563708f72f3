//! `Summary.db`: every 128th key of Index.db, kept in memory.
//!
//! A read bisects it and then looks through one stretch of Index.db. Made while Index.db is
//! written. Chapter: `specs/08-sstable.md`. Source: Cassandra `io.sstable.indexsummary.IndexSummary`,
//! `IndexSummaryBuilder`, `IndexSummaryComponent`.

use crate::cursor::{Cursor, hexadecimal};
use crate::error::FormatError;
use crate::rows::EncodeError;
use core::cmp::Ordering;
use thymbra_types::{DecoratedKey, Partitioner, Token};

/// Bytes of an entry besides its key.
const POSITION_SIZE_BYTES: usize = 8;

/// Bytes of the offset of an entry.
const OFFSET_SIZE_BYTES: usize = 4;

/// Level at which nothing has been left out. Cassandra: `Downsampling.BASE_SAMPLING_LEVEL`.
const FULL_SAMPLING_LEVEL: u32 = 128;

/// The component `Summary.db`.
///
/// | size | field |
/// |---|---|
/// | 4 | keys from one entry to the next, 128 by default |
/// | 4 | number of entries, n |
/// | 8 | bytes of offsets and entries |
/// | 4 | sampling level: of 128 entries so many have been kept |
/// | 4 | number of entries when all are kept |
/// | 4 × n | offset of an entry from the beginning of the offsets, **little-endian** |
/// | | entries: bytes of a key, then 8 bytes of its position in Index.db, **little-endian** |
/// | 4 + k | length and bytes of the first key of the SSTable |
/// | 4 + k | length and bytes of its last key |
///
/// No checksum covers it. Reading checks that keys and positions ascend and that no key lies
/// outside of the first and last; damage beyond that gives other positions, and those lead to other
/// keys in Index.db, which carries each key in full.
///
/// Invariants: entries ascend by key and by position; there is one at least.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IndexSummary {
    partitioner: Partitioner,
    min_index_interval: u32,
    sampling_level: u32,
    size_at_full_sampling: u32,
    /// Entries as the file has them.
    entries: Box<[u8]>,
    /// End of each entry in `entries`.
    ends: Box<[u32]>,
    /// Tokens of the entries where they are numbers, so that bisection hashes nothing.
    tokens: Box<[i64]>,
    first_key: Box<[u8]>,
    last_key: Box<[u8]>,
}

/// A stretch of Index.db.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct IndexRange {
    /// Offset of its first entry in Index.db.
    pub start: u64,
    /// Offset behind its last; `None` when that is the end of Index.db.
    pub end: Option<u64>,
}

impl IndexSummary {
    /// Default of the table option `min_index_interval`.
    pub const DEFAULT_MIN_INDEX_INTERVAL: u32 = 128;

    /// Reads the component of a table whose keys are placed by `partitioner`.
    ///
    /// # Errors
    /// When it is cut, contradicts itself, or has keys out of order.
    pub fn read(bytes: &[u8], partitioner: Partitioner) -> Result<Self, FormatError> {
        let mut cursor = Cursor::new(bytes);
        let min_index_interval = positive(&mut cursor, "keys between entries")?;
        let entry_count = positive(&mut cursor, "number of entries")?;
        let size_offset = cursor.offset();
        let size_bytes = cursor.i64("bytes of the entries")?;
        let level_offset = cursor.offset();
        let sampling_level = positive(&mut cursor, "sampling level")?;
        if sampling_level > FULL_SAMPLING_LEVEL {
            let found = &sampling_level;
            return Err(FormatError::invalid(
                "sampling level",
                level_offset,
                "1 to 128",
                found,
            ));
        }
        let full_offset = cursor.offset();
        let size_at_full_sampling = positive(&mut cursor, "number of entries at full sampling")?;
        if size_at_full_sampling < entry_count
            || (sampling_level == FULL_SAMPLING_LEVEL && size_at_full_sampling != entry_count)
        {
            let (what, expected) = (
                "number of entries at full sampling",
                "what the sampling level gives",
            );
            return Err(FormatError::invalid(
                what,
                full_offset,
                expected,
                &size_at_full_sampling,
            ));
        }
        let Ok(size) = usize::try_from(size_bytes) else {
            return Err(FormatError::invalid(
                "bytes of the entries",
                size_offset,
                "0 or more",
                &size_bytes,
            ));
        };
        let entries_offset = cursor.offset();
        let sampled = cursor.take(size, "entries of the summary")?;
        let (entries, ends) = split_entries(sampled, entry_count, entries_offset)?;
        let first_key = key(&mut cursor, "first key")?;
        let last_key = key(&mut cursor, "last key")?;
        if !cursor.is_at_end() {
            return Err(cursor.invalid("end of the summary", "no further byte", &cursor.remaining().len()));
        }
        let summary = Self::new(
            partitioner,
            [min_index_interval, sampling_level, size_at_full_sampling],
            (entries.into(), ends),
            (first_key, last_key),
        );
        summary.check_order(entries_offset)?;
        Ok(summary)
    }

    /// Appends the component.
    #[expect(
        clippy::little_endian_bytes,
        reason = "Cassandra writes offsets and positions of the summary in little-endian order"
    )]
    pub fn write(&self, out: &mut Vec<u8>) {
        let offsets_size = self.ends.len() * OFFSET_SIZE_BYTES;
        let entry_count = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&self.min_index_interval.to_be_bytes());
        out.extend_from_slice(&entry_count.to_be_bytes());
        out.extend_from_slice(&((offsets_size + self.entries.len()) as u64).to_be_bytes());
        out.extend_from_slice(&self.sampling_level.to_be_bytes());
        out.extend_from_slice(&self.size_at_full_sampling.to_be_bytes());
        let offsets_size = u32::try_from(offsets_size).unwrap_or(u32::MAX);
        for begin in core::iter::once(&0).chain(self.ends.iter()).take(self.ends.len()) {
            // Offsets count from the beginning of the offsets; the builder keeps them below 2^31.
            out.extend_from_slice(&offsets_size.saturating_add(*begin).to_le_bytes());
        }
        out.extend_from_slice(&self.entries);
        for key in [&self.first_key, &self.last_key] {
            let size = u32::try_from(key.len()).unwrap_or(u32::MAX);
            out.extend_from_slice(&size.to_be_bytes());
            out.extend_from_slice(key);
        }
    }

    /// Number of entries, one at least.
    #[must_use]
    pub const fn entry_count(&self) -> usize {
        self.ends.len()
    }

    /// First key of the SSTable.
    #[must_use]
    pub const fn first_key(&self) -> &[u8] {
        &self.first_key
    }

    /// Last key of the SSTable.
    #[must_use]
    pub const fn last_key(&self) -> &[u8] {
        &self.last_key
    }

    /// Keys from one entry to the next while nothing is left out.
    #[must_use]
    pub const fn min_index_interval(&self) -> u32 {
        self.min_index_interval
    }

    /// An upper bound of the number of keys. Cassandra: `getEstimatedKeyCount`.
    #[must_use]
    pub const fn estimated_key_count(&self) -> u64 {
        (self.size_at_full_sampling as u64 + 1) * self.min_index_interval as u64
    }

    /// Key and position in Index.db of an entry; `None` behind the last.
    #[must_use]
    #[expect(
        clippy::little_endian_bytes,
        reason = "Cassandra writes positions of the summary in little-endian order"
    )]
    pub fn entry(&self, index: usize) -> Option<(&[u8], u64)> {
        let end = usize::try_from(*self.ends.get(index)?).ok()?;
        let begin = match index.checked_sub(1) {
            Some(previous) => usize::try_from(*self.ends.get(previous)?).ok()?,
            None => 0,
        };
        let (key, position) = self
            .entries
            .get(begin..end)?
            .split_last_chunk::<POSITION_SIZE_BYTES>()?;
        Some((key, u64::from_le_bytes(*position)))
    }

    /// The stretch of Index.db that has the key if the SSTable has it, or `None` if it lies before
    /// all keys.
    ///
    /// A scan from the key on begins there too, or at the beginning of Index.db.
    /// Cassandra: `getScanPosition`.
    #[must_use]
    pub fn index_range(&self, key: &DecoratedKey) -> Option<IndexRange> {
        let past = self.partition_point(key);
        let (_, start) = self.entry(past.checked_sub(1)?)?;
        Some(IndexRange {
            start,
            end: self.entry(past).map(|(_, position)| position),
        })
    }

    /// Number of entries that are not behind the key.
    fn partition_point(&self, key: &DecoratedKey) -> usize {
        if let Token::Murmur3(token) = key.token() {
            // Equal tokens are one key, but for collisions.
            let from = self.tokens.partition_point(|entry| entry < token);
            let colliding = self.tokens.get(from..).unwrap_or_default().iter();
            let passed = colliding.zip(from..).take_while(|(entry, index)| {
                *entry == token && self.entry(*index).is_some_and(|(entry, _)| entry <= key.key())
            });
            return from + passed.count();
        }
        let (mut low, mut high) = (0, self.entry_count());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.entry(middle) {
                Some((entry, _)) if compare(self.partitioner, entry, key) == Ordering::Greater => {
                    high = middle
                }
                Some(_) => low = middle + 1,
                None => high = middle,
            }
        }
        low
    }

    fn new(
        partitioner: Partitioner,
        [min_index_interval, sampling_level, size_at_full_sampling]: [u32; 3],
        (entries, ends): (Box<[u8]>, Box<[u32]>),
        (first_key, last_key): (Box<[u8]>, Box<[u8]>),
    ) -> Self {
        let mut summary = Self {
            partitioner,
            min_index_interval,
            sampling_level,
            size_at_full_sampling,
            entries,
            ends,
            tokens: Box::default(),
            first_key,
            last_key,
        };
        summary.tokens = (0..summary.entry_count())
            .filter_map(|index| match partitioner.token(summary.entry(index)?.0) {
                Token::Murmur3(token) => Some(token),
                Token::Random(_) | Token::ByteOrdered(_) => None,
            })
            .collect();
        summary
    }

    /// Keys and positions ascend, and the first and last key enclose them.
    fn check_order(&self, offset: u64) -> Result<(), FormatError> {
        let wrong =
            |what, expected, key: &[u8]| Err(FormatError::invalid(what, offset, expected, &hexadecimal(key)));
        let decorated = |key: &[u8]| DecoratedKey::new(self.partitioner, key);
        let mut previous = decorated(&self.first_key);
        let mut previous_position = None;
        for index in 0..self.entry_count() {
            let Some((key, position)) = self.entry(index) else {
                return wrong("entry of the summary", "a key and a position", &[]);
            };
            let this = decorated(key);
            // The first entry is the first key, unless sampling has left that out.
            if this < previous || (index > 0 && this == previous) {
                return wrong("key of the summary", "behind the key before it", key);
            }
            if previous_position.is_some_and(|previous| position <= previous) {
                return wrong("position in Index.db", "behind the position before it", key);
            }
            previous = this;
            previous_position = Some(position);
        }
        let starts_elsewhere =
            self.sampling_level == FULL_SAMPLING_LEVEL && self.entry(0) != Some((&*self.first_key, 0));
        if starts_elsewhere {
            return wrong(
                "first entry of the summary",
                "the first key, at the beginning",
                &self.first_key,
            );
        }
        if decorated(&self.last_key) < previous {
            return wrong("last key", "not before the last entry", &self.last_key);
        }
        Ok(())
    }
}

/// Order of a key of the summary and a decorated one.
fn compare(partitioner: Partitioner, entry: &[u8], key: &DecoratedKey) -> Ordering {
    match key.token() {
        // The token is the key.
        Token::ByteOrdered(_) => entry.cmp(key.key()),
        Token::Murmur3(_) | Token::Random(_) => {
            let by_token = partitioner.token(entry).cmp(key.token());
            by_token.then_with(|| entry.cmp(key.key()))
        }
    }
}

/// Entries without the offsets, and the end of each.
#[expect(
    clippy::little_endian_bytes,
    reason = "Cassandra writes offsets of the summary in little-endian order"
)]
fn split_entries(sampled: &[u8], entry_count: u32, offset: u64) -> Result<(&[u8], Box<[u32]>), FormatError> {
    let offsets_size = u64::from(entry_count) * OFFSET_SIZE_BYTES as u64;
    let (offsets, entries) = usize::try_from(offsets_size)
        .ok()
        .and_then(|size| sampled.split_at_checked(size))
        .ok_or(FormatError::Truncated {
            what: "offsets of the summary",
            offset,
            needed_bytes: offsets_size,
            available_bytes: sampled.len() as u64,
        })?;
    let begins = offsets
        .as_chunks::<OFFSET_SIZE_BYTES>()
        .0
        .iter()
        .map(|begin| u32::from_le_bytes(*begin));
    let total = u32::try_from(sampled.len()).unwrap_or(u32::MAX);
    let offsets_size = u32::try_from(offsets_size).unwrap_or(u32::MAX);
    let mut ends = Vec::with_capacity(offsets.len() / OFFSET_SIZE_BYTES);
    let mut begin = offsets_size;
    for end in begins.clone().skip(1).chain([total]) {
        // An entry has its position at least.
        if end.checked_sub(begin).is_none_or(|size| size < 8) || end > total {
            return Err(FormatError::invalid(
                "offset of an entry",
                offset,
                "behind the entry before it",
                &end,
            ));
        }
        ends.push(end - offsets_size);
        begin = end;
    }
    match begins.clone().next() {
        Some(first) if first == offsets_size => Ok((entries, ends.into())),
        first => {
            let found = format_args!("{first:?}");
            Err(FormatError::invalid(
                "offset of the first entry",
                offset,
                "behind the offsets",
                &found,
            ))
        }
    }
}

fn positive(cursor: &mut Cursor<'_>, what: &'static str) -> Result<u32, FormatError> {
    let offset = cursor.offset();
    let stored = cursor.i32(what)?;
    u32::try_from(stored)
        .ok()
        .filter(|value| *value > 0)
        .ok_or_else(|| FormatError::invalid(what, offset, "1 or more", &stored))
}

fn key(cursor: &mut Cursor<'_>, what: &'static str) -> Result<Box<[u8]>, FormatError> {
    let offset = cursor.offset();
    let bytes = cursor.int_bytes(what)?;
    bytes
        .map(Into::into)
        .ok_or_else(|| FormatError::invalid(what, offset, "a length of 0 or more", &"a negative one"))
}

/// Collects the summary while Index.db is written.
///
/// Invariant: offsets and entries together have fewer than 2^31 bytes; from there on keys are left
/// out, as Cassandra does, and reads look through more of Index.db.
#[derive(Clone, Debug)]
pub struct IndexSummaryBuilder {
    min_index_interval: u32,
    key_count: u64,
    entries: Vec<u8>,
    ends: Vec<u32>,
    first_key: Box<[u8]>,
    last_key: Vec<u8>,
}

impl IndexSummaryBuilder {
    /// Before the first key.
    ///
    /// # Panics
    /// When the interval is 0, which the schema refuses.
    #[must_use]
    pub fn new(min_index_interval: u32) -> Self {
        assert!(min_index_interval > 0, "an index interval has keys");
        Self {
            min_index_interval,
            key_count: 0,
            entries: Vec::new(),
            ends: Vec::new(),
            first_key: Box::default(),
            last_key: Vec::new(),
        }
    }

    /// Takes the next key, whose entry begins at `index_position` in Index.db.
    #[expect(
        clippy::little_endian_bytes,
        reason = "Cassandra writes positions of the summary in little-endian order"
    )]
    pub fn maybe_add_entry(&mut self, key: &[u8], index_position: u64) {
        if self.key_count == 0 {
            self.first_key = key.into();
        }
        self.last_key.clear();
        self.last_key.extend_from_slice(key);
        if self.key_count.is_multiple_of(u64::from(self.min_index_interval)) {
            let end = self.entries.len() + key.len() + POSITION_SIZE_BYTES;
            let total = end + (self.ends.len() + 1) * OFFSET_SIZE_BYTES;
            if let (Ok(end), Ok(_)) = (u32::try_from(end), i32::try_from(total)) {
                self.entries.extend_from_slice(key);
                self.entries.extend_from_slice(&index_position.to_le_bytes());
                self.ends.push(end);
            }
        }
        self.key_count += 1;
    }

    /// The summary of all keys that were given; `None` when there was no key.
    ///
    /// # Errors
    /// When there were 2^32 intervals or more.
    pub fn build(self, partitioner: Partitioner) -> Result<Option<IndexSummary>, EncodeError> {
        if self.key_count == 0 {
            return Ok(None);
        }
        let intervals = self.key_count.div_ceil(u64::from(self.min_index_interval));
        let size_at_full_sampling = u32::try_from(intervals).map_err(|_| EncodeError::TooMany {
            what: "index intervals",
            count: usize::try_from(intervals).unwrap_or(usize::MAX),
        })?;
        Ok(Some(IndexSummary::new(
            partitioner,
            [
                self.min_index_interval,
                FULL_SAMPLING_LEVEL,
                size_at_full_sampling,
            ],
            (self.entries.into(), self.ends.into()),
            (self.first_key, self.last_key.into()),
        )))
    }
}

#[cfg(test)]
#[path = "index_summary_tests.rs"]
mod tests;
