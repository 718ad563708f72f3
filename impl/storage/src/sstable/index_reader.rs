//! `Index.db` while it is read: from a key to the place of its partition.
//!
//! Source: Cassandra `io.sstable.format.big.BigTableReader.getRowIndexEntry`.

use super::{SSTableFiles, components};
use crate::disk::{Disk, DiskFile};
use crate::storage_error::StorageError;
use std::path::PathBuf;
use thymbra_format::sstable::{
    BloomFilter, Component, IndexRange, IndexSummary, IndexSummaryBuilder, PromotedIndex, RowIndexEntry,
    Version,
};
use thymbra_format::{Cursor, FormatError};
use thymbra_types::{DecoratedKey, Partitioner, Token};

/// Longest beginning of an entry: the key with its length, and two numbers.
const ENTRY_HEAD_MAX_BYTES: usize = 2 + u16::MAX as usize + 18;

/// The index of an SSTable that is open.
///
/// Invariant: keys ascend and are all in the filter, positions ascend and lie in the data; the
/// summary names entries of the index.
#[derive(Debug)]
pub(super) struct IndexReader {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    length_bytes: u64,
    partitioner: Partitioner,
    summary: IndexSummary,
    first_key: DecoratedKey,
    last_key: DecoratedKey,
    keys_count: u64,
}

/// Where a partition lies in the data.
#[derive(Debug)]
pub(super) struct Located {
    /// Position of its first byte.
    pub(super) begin: u64,
    /// Position behind its last byte.
    pub(super) end: u64,
    /// The entry with its promoted index, where there is one.
    promoted_entry: Option<Box<[u8]>>,
    entry_offset: u64,
}

impl Located {
    /// Whether the rows have an index of their own.
    pub(super) const fn has_promoted_index(&self) -> bool {
        self.promoted_entry.is_some()
    }

    /// Where the entry begins in the index.
    pub(super) const fn entry_offset(&self) -> u64 {
        self.entry_offset
    }

    /// The index of the rows.
    ///
    /// # Errors
    /// When it is damaged.
    pub(super) fn promoted(&self) -> Result<Option<PromotedIndex<'_>>, FormatError> {
        match &self.promoted_entry {
            Some(entry) => {
                RowIndexEntry::read(&mut Cursor::at(entry, self.entry_offset)).map(|entry| entry.promoted)
            }
            None => Ok(None),
        }
    }
}

/// A partition as the index has it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: Box<[u8]>,
    /// Position in the data.
    pub(super) position: u64,
}

/// The entries on both sides of a place between keys.
#[derive(Debug, Default)]
pub(super) struct Around {
    /// The last one before it.
    pub(super) before: Option<Entry>,
    /// The first one at it or behind it.
    pub(super) from: Option<Entry>,
}

impl Around {
    /// Takes the next entry; says whether it lies at the key or behind it.
    fn take(&mut self, found: &[u8], position: u64, key: &DecoratedKey, partitioner: Partitioner) -> bool {
        let entry = Entry {
            key: found.into(),
            position,
        };
        if DecoratedKey::new(partitioner, found) < *key {
            self.before = Some(entry);
            return false;
        }
        self.from = Some(entry);
        true
    }
}

/// What a walk over the whole index has found.
struct Walked {
    summary: IndexSummary,
    keys_count: u64,
}

impl IndexReader {
    /// Opens the index, and walks over it: nothing else would notice damage in it.
    ///
    /// The data has so many bytes and `partitions_count` partitions, each of which must have an entry.
    ///
    /// # Errors
    /// When the disk fails, the index contradicts itself, or filter and summary do not fit it.
    pub(super) fn open(
        disk: &dyn Disk,
        files: &SSTableFiles,
        partitioner: Partitioner,
        (data_length_bytes, partitions_count): (u64, u64),
        mut filter: Option<&mut BloomFilter>,
    ) -> Result<Self, StorageError> {
        let path = files.path(Component::PrimaryIndex);
        let bytes = disk.read(&path)?;
        if let (Version::Na, Some(filter)) = (files.version(), &mut filter) {
            let entries = RowIndexEntry::all(Cursor::new(&bytes));
            let keys: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.key)).collect();
            // Turns the words of a filter of an early build; what is wrong in either order, the walk reports.
            filter.check(keys.iter().copied()).ok();
        }
        let walked = walk(&bytes, partitioner, data_length_bytes, filter.as_deref());
        let walked = walked.map_err(StorageError::corrupt(&path))?;
        let Walked { summary, keys_count } = walked;
        if keys_count != partitions_count {
            return Err(StorageError::corrupt(&path)(FormatError::invalid(
                "number of entries",
                bytes.len() as u64,
                "one for each partition that Statistics.db counts",
                &keys_count,
            )));
        }
        if disk.exists(&files.path(Component::Summary))? {
            let stored = components::read(disk, files, Component::Summary, |bytes| {
                IndexSummary::read(bytes, partitioner)
            })?;
            check_summary(&stored, &bytes, &summary)
                .map_err(StorageError::corrupt(&files.path(Component::Summary)))?;
        }
        Self::new(disk, files, partitioner, summary, keys_count)
    }

    /// Opens an index that has just been written, with the summary that was made of it.
    ///
    /// # Errors
    /// When the disk fails.
    pub(super) fn new(
        disk: &dyn Disk,
        files: &SSTableFiles,
        partitioner: Partitioner,
        summary: IndexSummary,
        keys_count: u64,
    ) -> Result<Self, StorageError> {
        let path = files.path(Component::PrimaryIndex);
        let file = disk.open_read_only(&path)?;
        Ok(Self {
            length_bytes: file.size_bytes()?,
            file,
            path,
            partitioner,
            first_key: DecoratedKey::new(partitioner, summary.first_key()),
            last_key: DecoratedKey::new(partitioner, summary.last_key()),
            summary,
            keys_count,
        })
    }

    pub(super) const fn first_key(&self) -> &DecoratedKey {
        &self.first_key
    }

    pub(super) const fn last_key(&self) -> &DecoratedKey {
        &self.last_key
    }

    pub(super) const fn keys_count(&self) -> u64 {
        self.keys_count
    }

    /// An upper bound of the number of keys, as Cassandra reckons with it.
    pub(super) const fn estimated_keys_count(&self) -> u64 {
        self.summary.estimated_key_count()
    }

    /// Estimate of the share of the keys in none of some ranges of tokens, by the entries of the summary;
    /// `None` where there are too few of them. A range begins behind its first token.
    ///
    /// Cassandra: `AbstractCompactionStrategy.worthDroppingTombstones`,
    /// `IndexSummarySupport.estimatedKeysForRanges`, with whose number of keys, which is too large, the share
    /// may come out above 1 or below 0.
    #[expect(clippy::cast_precision_loss, reason = "an estimate of a share")]
    pub(super) fn estimated_share_outside(&self, mut ranges: Vec<(Token, Token)>) -> Option<f64> {
        if self.summary.entry_count() < 2 {
            return None;
        }
        ranges.sort_unstable();
        let (mut inside_count, mut counted) = (0, 0);
        for (start, end) in &ranges {
            let (from, to) = if start < end {
                (self.entries_up_to(start), self.entries_up_to(end))
            } else {
                // From a token to itself: the whole ring.
                (0, self.summary.entry_count())
            };
            inside_count += to.saturating_sub(from.max(counted));
            counted = counted.max(to);
        }
        let interval = f64::from(self.summary.min_index_interval());
        let inside = (inside_count as f64 * interval).max(1.0);
        Some((self.estimated_keys_count() as f64 - inside) / self.keys_count as f64)
    }

    /// Number of entries of the summary whose tokens are not behind one.
    fn entries_up_to(&self, token: &Token) -> usize {
        let (mut low, mut high) = (0, self.summary.entry_count());
        while low < high {
            let middle = low + (high - low) / 2;
            let entry = self.summary.entry(middle);
            if entry.is_some_and(|(key, _)| self.partitioner.token(key) <= *token) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Names the file of an error in the index.
    pub(super) fn corrupt(&self, error: FormatError) -> StorageError {
        StorageError::corrupt(&self.path)(error)
    }

    /// Where a key's partition lies; `None` if the index does not have the key.
    ///
    /// # Errors
    /// When the disk fails or the index is damaged.
    pub(super) fn locate(
        &self,
        key: &DecoratedKey,
        data_length_bytes: u64,
    ) -> Result<Option<Located>, StorageError> {
        let Some(range) = self.summary.index_range(key) else {
            return Ok(None);
        };
        let bytes = self.read_range(range)?;
        let mut cursor = Cursor::at(&bytes, range.start);
        while !cursor.is_at_end() {
            let begin = cursor.position();
            let entry = RowIndexEntry::read(&mut cursor).map_err(|error| self.corrupt(error))?;
            if entry.key == key.key() {
                let end = self.data_position_after(&cursor, range, data_length_bytes)?;
                let stored = bytes.get(begin..cursor.position()).unwrap_or_default();
                return Ok(Some(located(&entry, stored, range.start + begin as u64, end)));
            }
        }
        Ok(None)
    }

    /// The last entry before a key, and the first one at or behind it.
    ///
    /// # Errors
    /// When the disk fails or the index is damaged.
    pub(super) fn around(&self, key: &DecoratedKey) -> Result<Around, StorageError> {
        let mut around = Around::default();
        let range = self.summary.index_range(key).unwrap_or(IndexRange {
            start: 0,
            end: Some(0),
        });
        let bytes = self.read_range(range)?;
        let mut cursor = Cursor::at(&bytes, range.start);
        while !cursor.is_at_end() {
            let entry = RowIndexEntry::read(&mut cursor).map_err(|error| self.corrupt(error))?;
            if around.take(entry.key, entry.data_position, key, self.partitioner) {
                return Ok(around);
            }
        }
        if let Some(next) = range.end.filter(|end| *end < self.length_bytes) {
            let head = self.read_head(next)?;
            let (found, position) = entry_head(&head, next).map_err(|error| self.corrupt(error))?;
            around.take(found, position, key, self.partitioner);
        }
        Ok(around)
    }

    /// Position of the partition whose entry comes next; the end of the data behind the last.
    fn data_position_after(
        &self,
        cursor: &Cursor<'_>,
        range: IndexRange,
        data_length_bytes: u64,
    ) -> Result<u64, StorageError> {
        if !cursor.is_at_end() {
            let head = entry_head(cursor.remaining(), cursor.offset());
            return head
                .map(|(_, position)| position)
                .map_err(|error| self.corrupt(error));
        }
        let Some(next) = range.end.filter(|end| *end < self.length_bytes) else {
            return Ok(data_length_bytes);
        };
        let head = self.read_head(next)?;
        let head = entry_head(&head, next).map(|(_, position)| position);
        head.map_err(|error| self.corrupt(error))
    }

    /// As many bytes from an offset on as key and position of an entry may have.
    fn read_head(&self, offset: u64) -> Result<Vec<u8>, StorageError> {
        let mut head = vec![0; ENTRY_HEAD_MAX_BYTES];
        let read = self.file.read_at(&mut head, offset)?;
        head.truncate(read);
        Ok(head)
    }

    fn read_range(&self, range: IndexRange) -> Result<Vec<u8>, StorageError> {
        let end = range.end.unwrap_or(self.length_bytes).min(self.length_bytes);
        let length = end.saturating_sub(range.start);
        let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
        self.file.read_exact_at(&mut bytes, range.start)?;
        Ok(bytes)
    }
}

/// Key and position at the beginning of an entry.
fn entry_head(bytes: &[u8], offset: u64) -> Result<(&[u8], u64), FormatError> {
    let mut cursor = Cursor::at(bytes, offset);
    let key = cursor.short_bytes("partition key")?;
    Ok((key, cursor.unsigned_vint("position in Data.db")?))
}

fn located(entry: &RowIndexEntry<'_>, stored: &[u8], entry_offset: u64, end: u64) -> Located {
    Located {
        begin: entry.data_position,
        end,
        promoted_entry: entry.promoted.is_some().then(|| stored.into()),
        entry_offset,
    }
}

/// Walks over all entries: they must ascend by key and position, and be in the filter.
fn walk(
    bytes: &[u8],
    partitioner: Partitioner,
    data_length_bytes: u64,
    filter: Option<&BloomFilter>,
) -> Result<Walked, FormatError> {
    let mut cursor = Cursor::new(bytes);
    let mut builder = IndexSummaryBuilder::new(IndexSummary::DEFAULT_MIN_INDEX_INTERVAL);
    let mut last: Option<(DecoratedKey, u64)> = None;
    let mut keys_count = 0;
    while !cursor.is_at_end() {
        let offset = cursor.offset();
        let entry = RowIndexEntry::read(&mut cursor)?;
        let key = DecoratedKey::new(partitioner, entry.key);
        let wrong = |what, expected, found: &dyn std::fmt::Display| {
            Err(FormatError::invalid(what, offset, expected, found))
        };
        if filter.is_some_and(|filter| !filter.may_contain(entry.key)) {
            return wrong("partition key", "one that is in Filter.db", &"another");
        }
        let position = entry.data_position;
        let in_order = match &last {
            Some((last_key, last_position)) => *last_key < key && *last_position < position,
            None => position == 0,
        };
        if !in_order {
            return wrong(
                "entry of the index",
                "key and position behind the previous",
                &position,
            );
        }
        if position >= data_length_bytes {
            return wrong("position in Data.db", "one inside of it", &position);
        }
        builder.maybe_add_entry(entry.key, offset);
        last = Some((key, position));
        keys_count += 1;
    }
    let summary = builder
        .build(partitioner)
        .ok()
        .flatten()
        .ok_or_else(|| FormatError::invalid("index", 0, "one entry at least", &"none"))?;
    Ok(Walked { summary, keys_count })
}

/// A stored summary must name entries that the index has, and its first and last key.
fn check_summary(stored: &IndexSummary, index: &[u8], walked: &IndexSummary) -> Result<(), FormatError> {
    let wrong = |expected: &'static str| Err(FormatError::invalid("summary", 0, expected, &"another"));
    if stored.first_key() != walked.first_key() || stored.last_key() != walked.last_key() {
        return wrong("the first and the last key of Index.db");
    }
    let mut last_key_of_full = 0;
    for entry in 0..stored.entry_count() {
        let Some((key, position)) = stored.entry(entry) else {
            continue;
        };
        let found = usize::try_from(position)
            .ok()
            .and_then(|position| index.get(position..))
            .and_then(|bytes| Cursor::new(bytes).short_bytes("partition key").ok());
        if found != Some(key) {
            return wrong("keys at the positions of Index.db that it names");
        }
        last_key_of_full += 1;
    }
    if last_key_of_full == 0 {
        return wrong("one entry at least");
    }
    Ok(())
}
