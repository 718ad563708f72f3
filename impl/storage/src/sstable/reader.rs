//! An SSTable that is open: found by filter, summary and index, read from `Data.db`.
//!
//! Chapter: `specs/08-sstable.md`. Source: Cassandra `io.sstable.format.SSTableReader`,
//! `io.sstable.format.big.BigTableReader`.

use super::block_reader::BlockReader;
use super::chunk_cache::ChunkCache;
use super::data_file::DataSummary;
use super::data_reader::{DataBuffer, DataForm, DataReader};
use super::index_reader::{Around, IndexReader, Located};
use super::partition_reader::PartitionParser;
use super::read_meter::ReadMeter;
use super::scanner::SSTableScanner;
use super::{SSTableFiles, components};
use crate::disk::Disk;
use crate::foreign_sstable;
use crate::read::ClusteringSlice;
use crate::scan::KeyRange;
use crate::storage_error::StorageError;
use std::ops::Bound;
use std::sync::{Arc, OnceLock};
use thymbra_durability::{HostId, ReplayRules as _, SSTableTimes};
use thymbra_format::rows::{ClusteringComparator, ClusteringValues, SerializationHeader};
use thymbra_format::sstable::metadata::{Statistics, StatsMetadata};
use thymbra_format::sstable::{BloomFilter, Checksums, Component, CompressionInfo, IndexSummary};
use thymbra_format::{Cursor, FormatError};
use thymbra_types::clustering::BoundSide;
use thymbra_types::{
    ClusteringBound, CommitLogPosition, DecoratedKey, IntervalSet, LocalDeletionTime, Partition, Partitioner,
    Reference, Timestamp,
};

/// Passed bytes that are worth moving the rest to the front of a buffer.
pub(super) const FORGET_THRESHOLD_BYTES: u64 = 256 << 10;

/// What the writer of an SSTable knows of it.
#[derive(Debug)]
pub(super) struct WrittenParts {
    pub(super) summary: IndexSummary,
    pub(super) filter: Option<BloomFilter>,
    pub(super) statistics: Statistics,
    pub(super) data: DataSummary,
    pub(super) keys_count: u64,
}

/// Invariants: first and last key are those of the index; all keys are in the filter.
#[derive(Debug)]
pub(crate) struct SSTableReader {
    files: SSTableFiles,
    pub(super) partitioner: Partitioner,
    pub(super) data: DataReader,
    pub(super) index: IndexReader,
    filter: Option<BloomFilter>,
    stats: StatsMetadata,
    pub(super) header: SerializationHeader,
    /// Before and behind all rows and range tombstones.
    clustering_range: (ClusteringBound, ClusteringBound),
    /// By the clock of the engine where it was written in this life, else by that of the file.
    created_ms: OnceLock<u64>,
    read_meter: ReadMeter,
}

impl SSTableReader {
    /// Opens the files of an SSTable, and checks what can be checked without reading the data.
    ///
    /// # Errors
    /// When the disk fails, a file is damaged, the files do not fit together, or their keys stand in the order of
    /// another partitioner.
    pub(crate) fn open(
        disk: &Arc<dyn Disk>,
        files: &SSTableFiles,
        partitioner: Partitioner,
        cache: &Arc<ChunkCache>,
    ) -> Result<Self, StorageError> {
        let disk = &**disk;
        let statistics = components::read(disk, files, Component::Statistics, |bytes| {
            Statistics::read(bytes, files.version())
        })?;
        // Before the order of the keys is looked at.
        foreign_sstable::check_partitioner(statistics.validation.partitioner, partitioner)
            .map_err(StorageError::foreign(files.path(Component::Statistics)))?;
        let form = if disk.exists(&files.path(Component::CompressionInfo))? {
            let info = components::read(disk, files, Component::CompressionInfo, CompressionInfo::read)?;
            DataForm::Compressed(info)
        } else {
            DataForm::Plain(components::read(disk, files, Component::Crc, Checksums::read)?)
        };
        let data_path = files.path(Component::Data);
        let data = DataReader::new(disk.open_read_only(&data_path)?, &data_path, form, cache)?;
        let mut filter = match disk.exists(&files.path(Component::Filter))? {
            true => Some(components::read(
                disk,
                files,
                Component::Filter,
                BloomFilter::read,
            )?),
            false => None,
        };
        let lengths = (
            data.length_bytes(),
            statistics.stats.estimated_partition_size.count(),
        );
        let index = IndexReader::open(disk, files, partitioner, lengths, filter.as_mut())?;
        let modified_ms = files.on_disk(disk)?.modified_ms;
        let created_ms = OnceLock::from(u64::try_from(modified_ms).unwrap_or_default());
        let opened = Self {
            created_ms,
            ..Self::of_parts(files, partitioner, data, index, filter, statistics)
        };
        if !disk.exists(&files.path(Component::Summary))? {
            // Nothing else confirms the ends of the index.
            for end in [opened.index.first_key(), opened.index.last_key()] {
                opened.check_keys(&opened.index.around(end)?)?;
            }
        }
        Ok(opened)
    }

    /// Opens an SSTable that has just been written, with what its writer knows of it.
    ///
    /// # Errors
    /// When the disk fails.
    pub(super) fn of_written(
        disk: &Arc<dyn Disk>,
        files: &SSTableFiles,
        partitioner: Partitioner,
        cache: &Arc<ChunkCache>,
        parts: WrittenParts,
    ) -> Result<Self, StorageError> {
        let disk = &**disk;
        let form = match parts.data {
            DataSummary::Compressed(data) => DataForm::Compressed(data.compression_info),
            DataSummary::Plain { checksums, .. } => DataForm::Plain(checksums),
        };
        let data_path = files.path(Component::Data);
        let data = DataReader::new(disk.open_read_only(&data_path)?, &data_path, form, cache)?;
        let index = IndexReader::new(disk, files, partitioner, parts.summary, parts.keys_count)?;
        Ok(Self::of_parts(
            files,
            partitioner,
            data,
            index,
            parts.filter,
            parts.statistics,
        ))
    }

    fn of_parts(
        files: &SSTableFiles,
        partitioner: Partitioner,
        data: DataReader,
        index: IndexReader,
        filter: Option<BloomFilter>,
        statistics: Statistics,
    ) -> Self {
        let Statistics { stats, header, .. } = statistics;
        let comparator = ClusteringComparator::new(&header.clustering_types);
        let clustering_range = (
            bound_of(comparator, &stats.min_clustering_values, BoundSide::Before),
            bound_of(comparator, &stats.max_clustering_values, BoundSide::After),
        );
        Self {
            files: files.clone(),
            partitioner,
            data,
            index,
            filter,
            stats,
            header,
            clustering_range,
            created_ms: OnceLock::new(),
            read_meter: ReadMeter::default(),
        }
    }

    pub(crate) const fn files(&self) -> &SSTableFiles {
        &self.files
    }

    pub(crate) const fn generation(&self) -> u64 {
        self.files.generation()
    }

    /// Bytes of `Data.db`.
    pub(crate) const fn size_bytes(&self) -> u64 {
        self.data.file_length_bytes()
    }

    pub(crate) const fn header(&self) -> &SerializationHeader {
        &self.header
    }

    pub(crate) const fn max_timestamp(&self) -> Timestamp {
        self.stats.max_timestamp
    }

    /// What compaction decides by.
    pub(crate) const fn times(&self) -> SSTableTimes {
        SSTableTimes {
            min_timestamp: self.stats.min_timestamp,
            max_timestamp: self.stats.max_timestamp,
            max_local_deletion_time: self.stats.max_local_deletion_time,
        }
    }

    /// Reads per second and key, at a time of the monotonic clock. Cassandra:
    /// `SizeTieredCompactionStrategy.hotness`.
    #[expect(clippy::cast_precision_loss, reason = "a rate by which SSTables are ordered")]
    pub(crate) fn hotness(&self, now_ms: u64) -> f64 {
        self.read_meter.rate(now_ms) / self.index.estimated_keys_count() as f64
    }

    /// Keys in it.
    pub(crate) const fn keys_count(&self) -> u64 {
        self.index.keys_count()
    }

    /// Bytes of the data before compression.
    pub(super) const fn data_length_bytes(&self) -> u64 {
        self.data.length_bytes()
    }

    /// Names the file of an error in the data.
    pub(super) fn corrupt_data(&self, error: FormatError) -> StorageError {
        StorageError::corrupt(self.data.path())(error)
    }

    /// How long it has existed, milliseconds: one that was written in this life since somebody asked first,
    /// another since its files were written.
    pub(crate) fn age_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(*self.created_ms.get_or_init(|| now_ms))
    }

    /// Estimate of the share of its keys that lie outside of the ranges of others; `None` where too little
    /// is known, and less than nothing where the estimate is coarse.
    pub(crate) fn estimated_share_outside(&self, others: &[&Arc<Self>]) -> Option<f64> {
        let range = |other: &&Arc<Self>| {
            let index = &other.index;
            (
                index.first_key().token().clone(),
                index.last_key().token().clone(),
            )
        };
        self.index
            .estimated_share_outside(others.iter().map(range).collect())
    }

    /// Share of the data that a compaction could drop.
    pub(crate) fn droppable_tombstone_ratio(&self, gc_before: LocalDeletionTime) -> f64 {
        self.stats.estimated_droppable_tombstone_ratio(gc_before.0)
    }

    /// What of the commit log of a node is in it.
    pub(crate) fn intervals_of(&self, host_id: HostId) -> Option<&IntervalSet<CommitLogPosition>> {
        let originating = self.stats.originating_host_id.map(HostId);
        Reference
            .counts_intervals_of(originating, host_id)
            .then_some(&self.stats.commit_log_intervals)
    }

    /// Whether some key may be in both.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.index.first_key() <= other.index.last_key() && other.index.first_key() <= self.index.last_key()
    }

    /// Whether the key may be here; false is certain.
    pub(crate) fn may_contain(&self, key: &DecoratedKey) -> bool {
        (self.index.first_key()..=self.index.last_key()).contains(&key)
            && self
                .filter
                .as_ref()
                .is_none_or(|filter| filter.may_contain(key.key()))
    }

    /// Whether anything here can matter to a reader of these rows; false is certain.
    ///
    /// Static rows and deletions of partitions lie outside of the range of clusterings.
    pub(crate) fn may_have_rows_of(&self, slice: &ClusteringSlice) -> bool {
        let (first, last) = &self.clustering_range;
        let intersects = slice.start < *last && *first < slice.end;
        intersects
            || self.header.has_static()
            || self.stats.min_local_deletion_time != LocalDeletionTime::NONE
    }

    /// What is here of a partition's slice; `None` where nothing is.
    ///
    /// # Errors
    /// When the disk fails or a file is damaged.
    pub(crate) fn read(
        &self,
        key: &DecoratedKey,
        slice: &ClusteringSlice,
    ) -> Result<Option<Partition>, StorageError> {
        let Some(located) = self.locate(key)? else {
            return Ok(None);
        };
        if located.has_promoted_index() && !slice.is_all() {
            return self.blocks(located).read(key.key(), slice).map(Some);
        }
        self.read_located(key, &located, slice).map(Some)
    }

    /// Where a read finds a partition; `None` where it is not.
    ///
    /// # Errors
    /// When the disk fails or a file is damaged.
    pub(super) fn locate(&self, key: &DecoratedKey) -> Result<Option<Located>, StorageError> {
        if !self.may_contain(key) {
            return Ok(None);
        }
        self.read_meter.mark();
        let located = self.index.locate(key, self.data.length_bytes())?;
        if located.is_none() {
            self.check_keys(&self.index.around(key)?)?;
        }
        Ok(located)
    }

    /// A partition with a promoted index.
    pub(super) const fn blocks(&self, located: Located) -> BlockReader<'_> {
        BlockReader {
            data: &self.data,
            index: &self.index,
            header: &self.header,
            located,
        }
    }

    /// Reads a partition, and cuts it to a slice.
    ///
    /// # Errors
    /// When the disk fails or the data is damaged.
    pub(super) fn read_located(
        &self,
        key: &DecoratedKey,
        located: &Located,
        slice: &ClusteringSlice,
    ) -> Result<Partition, StorageError> {
        let mut buffer = DataBuffer::cached();
        self.fill(&mut buffer, located.begin, located.end)?;
        self.parse(&buffer, key, located.begin, located.end, slice)
    }

    /// Parses the partition at a position.
    fn parse(
        &self,
        buffer: &DataBuffer,
        key: &DecoratedKey,
        begin: u64,
        end: u64,
        slice: &ClusteringSlice,
    ) -> Result<Partition, StorageError> {
        let mut parser = PartitionParser::new(&self.header, self.partitioner, slice, begin);
        parser
            .advance(buffer.from(begin), u64::MAX)
            .map_err(StorageError::corrupt(self.data.path()))?;
        let found_end = parser.position();
        let (found, partition) = parser.finish();
        if found != *key {
            return Err(self.other_key(begin));
        }
        if found_end != end {
            return Err(self.other_end(begin));
        }
        Ok(partition)
    }

    /// All partitions in order, those of more than so many bytes in stretches.
    ///
    /// # Errors
    /// When the disk fails or a file is damaged.
    pub(crate) fn scan(self: &Arc<Self>, stretch_bytes: u64) -> Result<SSTableScanner, StorageError> {
        self.scan_range((Bound::Unbounded, Bound::Unbounded), stretch_bytes)
    }

    /// The partitions between two keys in order, those of more than so many bytes in stretches.
    ///
    /// # Errors
    /// When the disk fails or a file is damaged.
    pub(crate) fn scan_range(
        self: &Arc<Self>,
        range: KeyRange,
        stretch_bytes: u64,
    ) -> Result<SSTableScanner, StorageError> {
        let begin = match &range.0 {
            Bound::Included(key) | Bound::Excluded(key) => {
                let around = self.index.around(key)?;
                self.check_keys(&around)?;
                around.from.map(|entry| entry.position)
            }
            Bound::Unbounded => Some(0),
        };
        Ok(SSTableScanner::new(Arc::clone(self), begin, range, stretch_bytes))
    }

    /// Puts the chunks of a stretch of the data into a buffer.
    fn fill(&self, buffer: &mut DataBuffer, begin: u64, end: u64) -> Result<(), StorageError> {
        self.data.read_at(begin, buffer)?;
        while buffer.end() < end && self.data.read_more(buffer)? {}
        Ok(())
    }

    /// Looks whether the data has the keys that the index has around some place: the index has no checksum, and a
    /// key between these two would be missing in it, which cannot be where it has as many as the data.
    //= WP-SS-04
    fn check_keys(&self, around: &Around) -> Result<(), StorageError> {
        let mut buffer = DataBuffer::default();
        for entry in [&around.before, &around.from].into_iter().flatten() {
            if buffer.from(entry.position).is_empty() {
                self.data.read_at(entry.position, &mut buffer)?;
            }
            let has_key = |buffer: &DataBuffer| {
                let mut cursor = Cursor::at(buffer.from(entry.position), entry.position);
                cursor.short_bytes("partition key").map(|key| *key == *entry.key)
            };
            let mut has_it = has_key(&buffer);
            while has_it.is_err() && self.data.read_more(&mut buffer)? {
                has_it = has_key(&buffer);
            }
            if !has_it.map_err(|error| self.corrupt_data(error))? {
                return Err(self.other_key(entry.position));
            }
        }
        Ok(())
    }

    pub(super) fn other_key(&self, begin: u64) -> StorageError {
        StorageError::corrupt(self.data.path())(FormatError::invalid(
            "partition",
            begin,
            "the key that Index.db has for it",
            &"another key",
        ))
    }

    pub(super) fn other_end(&self, begin: u64) -> StorageError {
        StorageError::corrupt(self.data.path())(FormatError::invalid(
            "partition",
            begin,
            "an end where the next entry of Index.db begins",
            &"another end",
        ))
    }
}

/// A bound on one side of what the first clustering columns have these values; of everything, where
/// they are no values.
fn bound_of(comparator: ClusteringComparator<'_>, values: &[Box<[u8]>], side: BoundSide) -> ClusteringBound {
    let values = ClusteringValues(values.iter().cloned().map(Some).collect());
    let prefix = comparator.to_clustering(values).unwrap_or_default();
    ClusteringBound { prefix, side }
}
