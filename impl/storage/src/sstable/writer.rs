//! An SSTable while it is written: partitions in the order of their keys in, all components out.
//!
//! Source: Cassandra `io.sstable.format.big.BigTableWriter`, `io.sstable.format.SortedTableWriter`.

use super::chunk_cache::ChunkCache;
use super::data_file::DataSummary;
use super::data_file_thread::DataFileWriter;
use super::partition_writer::{PartitionWriter, Surroundings};
use super::reader::{SSTableReader, WrittenParts};
use super::trickle_fsync::TrickleFsync;
use super::{SSTableFiles, components};
use crate::disk::{Disk, DiskFile};
use crate::lifecycle_transaction::LifecycleTransaction;
use crate::storage_error::StorageError;
use std::sync::Arc;
use thymbra_durability::HostId;
use thymbra_format::rows::{EncodeError, SerializationHeader, SingleRow};
use thymbra_format::schema::{CompressionParams as TableCompression, TableMetadata};
use thymbra_format::sstable::metadata::{MetadataCollector, SSTableOrigin, Statistics, ValidationMetadata};
use thymbra_format::sstable::{
    BloomFilter, BloomSpecification, Component, CompressionParams, Compressor, IndexSummaryBuilder,
    RowIndexWriter, Toc,
};
use thymbra_types::murmur3::hash3_x64_128;
use thymbra_types::{
    CommitLogPosition, DecoratedKey, DeletionTime, IntervalSet, Partition, Partitioner, Row,
};

/// Bytes of the index that are collected before the disk gets them.
const INDEX_BUFFER_BYTES: usize = 1 << 20;

/// What is known of an SSTable before its first partition.
#[derive(Clone, Debug)]
pub(crate) struct WriterOptions {
    /// Generation in the names of the files.
    pub(crate) generation: u64,
    /// Keys that the Bloom filter is made for.
    pub(crate) expected_keys_count: u64,
    /// Columns and smallest times.
    pub(crate) header: SerializationHeader,
    /// What of this node's commit log is in it.
    pub(crate) intervals: IntervalSet<CommitLogPosition>,
    /// This node.
    pub(crate) host_id: HostId,
    /// Partitioner of the cluster.
    pub(crate) partitioner: Partitioner,
    /// Bytes of a block of the promoted index.
    pub(crate) column_index_size_bytes: u64,
    /// What reads of it will share with others.
    pub(crate) chunk_cache: Arc<ChunkCache>,
    /// Bytes of a file that are synced together before its end; absent, none are.
    pub(crate) trickle_fsync_interval_bytes: Option<u64>,
    /// Whether a thread may write a large file while its next partitions are serialized.
    pub(crate) may_use_thread: bool,
}

/// Invariant: keys ascend.
#[derive(Debug)]
pub(crate) struct SSTableWriter {
    disk: Arc<dyn Disk>,
    files: SSTableFiles,
    options: WriterOptions,
    data: DataFileWriter,
    index: IndexFileWriter,
    partitions: PartitionWriter,
    filter: Option<BloomFilter>,
    filter_fp_chance: f64,
    metadata: MetadataCollector,
    keys_count: u64,
    last_key: Option<DecoratedKey>,
}

/// `Index.db` and what becomes of it.
#[derive(Debug)]
struct IndexFileWriter {
    file: Box<dyn DiskFile>,
    trickle_fsync: TrickleFsync,
    entries: RowIndexWriter,
    buffer: Vec<u8>,
    /// Bytes that the disk has got.
    written_bytes: u64,
    summary: IndexSummaryBuilder,
}

impl IndexFileWriter {
    /// Position of the next entry.
    const fn position(&self) -> u64 {
        self.written_bytes + self.buffer.len() as u64
    }

    fn drain(&mut self) -> Result<(), StorageError> {
        self.trickle_fsync.append(&*self.file, &self.buffer)?;
        self.written_bytes += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

impl SSTableWriter {
    /// Notes the new SSTable in a transaction, and creates its first files.
    ///
    /// # Errors
    /// When the disk fails.
    pub(crate) fn create(
        disk: &Arc<dyn Disk>,
        transaction: &mut LifecycleTransaction,
        table: &TableMetadata,
        options: WriterOptions,
    ) -> Result<Self, StorageError> {
        let files = SSTableFiles::new(transaction.directory(), options.generation);
        transaction.track_new(&files)?;
        let params = table.params();
        let compression = match params.compression {
            TableCompression::None => None,
            TableCompression::Lz4 { chunk_length_bytes } => Some(CompressionParams {
                compressor: Compressor::Lz4,
                options: Vec::new(),
                chunk_length_bytes,
                max_compressed_length_bytes: CompressionParams::UNLIMITED_COMPRESSED_LENGTH_BYTES,
            }),
        };
        // A filter that lets everything through is none.
        let fp_chance = Some(params.bloom_filter_fp_chance).filter(|chance| *chance < 1.0);
        let filter = fp_chance
            .and_then(BloomSpecification::for_false_positive_chance)
            .map(|specification| BloomFilter::new(options.expected_keys_count, specification));
        let data = disk.create_new(&files.path(Component::Data))?;
        let index = disk.create_new(&files.path(Component::PrimaryIndex))?;
        let trickle_fsync = || TrickleFsync::new(options.trickle_fsync_interval_bytes);
        Ok(Self {
            disk: Arc::clone(disk),
            files,
            data: DataFileWriter::new(data, compression, trickle_fsync(), options.may_use_thread),
            index: IndexFileWriter {
                file: index,
                trickle_fsync: trickle_fsync(),
                entries: RowIndexWriter::new(),
                buffer: Vec::with_capacity(INDEX_BUFFER_BYTES + INDEX_BUFFER_BYTES / 4),
                written_bytes: 0,
                summary: IndexSummaryBuilder::new(params.min_index_interval),
            },
            partitions: PartitionWriter::new(options.column_index_size_bytes),
            filter,
            filter_fp_chance: params.bloom_filter_fp_chance,
            metadata: MetadataCollector::new(Arc::clone(&options.header.clustering_types)),
            keys_count: 0,
            last_key: None,
            options,
        })
    }

    /// Position of the next partition, before compression.
    pub(crate) const fn position(&self) -> u64 {
        self.data.position()
    }

    /// Appends a partition, which lies behind all others; an empty one is left out.
    ///
    /// # Errors
    /// When it does not fit the header, or the disk fails.
    ///
    /// # Panics
    /// When its key does not lie behind the previous.
    pub(crate) fn append(&mut self, key: &DecoratedKey, partition: &Partition) -> Result<(), StorageError> {
        if partition.is_empty() {
            return Ok(());
        }
        self.append_written(key, partition.deletion, |partitions, around| {
            partitions.write(key, partition, around)
        })
    }

    /// Appends a partition of one row, which lies behind all others.
    ///
    /// # Errors
    /// As [`Self::append`].
    ///
    /// # Panics
    /// As [`Self::append`].
    pub(crate) fn append_single_row(
        &mut self,
        key: &DecoratedKey,
        row: &SingleRow<'_, '_>,
    ) -> Result<(), StorageError> {
        self.append_written(key, DeletionTime::LIVE, |partitions, around| {
            partitions.write_single_row(key, row, around)
        })
    }

    /// Appends a partition that a function writes, with all that follows from it.
    fn append_written(
        &mut self,
        key: &DecoratedKey,
        deletion: DeletionTime,
        write: impl FnOnce(&mut PartitionWriter, Surroundings<'_>) -> Result<(), EncodeError>,
    ) -> Result<(), StorageError> {
        self.check_order(key);
        let data_position = self.data.position();
        let (partitions, around) = self.parts();
        write(partitions, around)?;
        self.data.write(self.partitions.bytes())?;
        self.end_partition(key, data_position, deletion)
    }

    fn check_order(&self, key: &DecoratedKey) {
        let in_order = self.last_key.as_ref().is_none_or(|last| last < key);
        assert!(in_order, "partitions are appended in the order of their keys");
    }

    /// Begins a partition that comes piece by piece; it has a deletion, a static row, a row or a range tombstone.
    ///
    /// # Errors
    /// As [`Self::append`].
    ///
    /// # Panics
    /// As [`Self::append`].
    pub(super) fn begin_partition(
        &mut self,
        key: &DecoratedKey,
        deletion: DeletionTime,
        static_row: &Row,
    ) -> Result<(), StorageError> {
        self.check_order(key);
        let (partitions, mut around) = self.parts();
        partitions.begin(key, deletion, static_row, &mut around)?;
        Ok(())
    }

    /// The writer of partitions, and what it writes to.
    pub(super) const fn parts(&mut self) -> (&mut PartitionWriter, Surroundings<'_>) {
        let around = Surroundings {
            header: &self.options.header,
            index: &mut self.index.entries,
            metadata: &mut self.metadata,
        };
        (&mut self.partitions, around)
    }

    /// Puts the bytes into the data that the partition has had since the last time.
    ///
    /// # Errors
    /// When the disk fails.
    pub(super) fn drain_partition(&mut self) -> Result<(), StorageError> {
        let data = &mut self.data;
        self.partitions.take_bytes(|bytes| Ok(data.write(bytes)?))
    }

    /// Enters a partition into all components, when the data has its last byte.
    ///
    /// # Errors
    /// When the disk fails.
    #[inline]
    pub(super) fn end_partition(
        &mut self,
        key: &DecoratedKey,
        data_position: u64,
        deletion: DeletionTime,
    ) -> Result<(), StorageError> {
        let index_position = self.index.position();
        self.metadata
            .end_partition(key.key(), self.data.position() - data_position);
        self.index.entries.end_partition(
            key.key(),
            data_position,
            self.partitions.header_length_bytes(),
            deletion,
            &mut self.index.buffer,
        )?;
        self.index.summary.maybe_add_entry(key.key(), index_position);
        if let Some(filter) = &mut self.filter {
            filter.add_hash(hash3_x64_128(key.key()));
        }
        if self.index.buffer.len() >= INDEX_BUFFER_BYTES {
            // In one order, whatever the threads do: a crash at some operation can be found again.
            self.data.settle()?;
            self.index.drain()?;
        }
        self.keys_count += 1;
        match &mut self.last_key {
            Some(last) => last.clone_from(key),
            None => self.last_key = Some(key.clone()),
        }
        Ok(())
    }

    /// Writes the other components, makes everything durable, and opens the SSTable; `None`, with
    /// files that the transaction will remove, where there was no partition.
    ///
    /// # Errors
    /// When the disk fails.
    //= WP-SS-01
    pub(crate) fn finish(mut self) -> Result<Option<SSTableReader>, StorageError> {
        let disk = &*self.disk;
        let Some(summary) = self.index.summary.clone().build(self.options.partitioner)? else {
            // Durably, because a commit of the transaction says that the files are whole.
            self.files.remove(disk)?;
            disk.sync_directory(self.files.directory())?;
            return Ok(None);
        };
        let data = self.data.finish()?;
        self.index.drain()?;
        self.index.file.sync_data()?;
        let mut written = vec![Component::Data, Component::PrimaryIndex];
        let mut bytes = Vec::new();
        let mut put = |component, bytes: &mut Vec<u8>| {
            written.push(component);
            let done = components::write(disk, &self.files, component, bytes);
            bytes.clear();
            done
        };
        if let Some(filter) = &self.filter {
            filter.write(&mut bytes);
            put(Component::Filter, &mut bytes)?;
        }
        summary.write(&mut bytes);
        put(Component::Summary, &mut bytes)?;
        match &data {
            DataSummary::Compressed(compressed) => {
                compressed.compression_info.write(&mut bytes)?;
                put(Component::CompressionInfo, &mut bytes)?;
            }
            DataSummary::Plain { checksums, .. } => {
                checksums.write(&mut bytes);
                put(Component::Crc, &mut bytes)?;
            }
        }
        data.digest().write(&mut bytes);
        put(Component::Digest, &mut bytes)?;
        let statistics = statistics_of(self.metadata, &self.options, self.filter_fp_chance, &data)?;
        statistics.write(self.files.version(), &mut bytes)?;
        put(Component::Statistics, &mut bytes)?;
        written.push(Component::Toc);
        Toc::of(&written).write(&mut bytes);
        components::write(disk, &self.files, Component::Toc, &bytes)?;
        disk.sync_directory(self.files.directory())?;
        let parts = WrittenParts {
            summary,
            filter: self.filter,
            statistics,
            data,
            keys_count: self.keys_count,
        };
        SSTableReader::of_written(
            &self.disk,
            &self.files,
            self.options.partitioner,
            &self.options.chunk_cache,
            parts,
        )
        .map(Some)
    }
}

/// What `Statistics.db` says of a file that has been written.
fn statistics_of(
    metadata: MetadataCollector,
    options: &WriterOptions,
    bloom_filter_fp_chance: f64,
    data: &DataSummary,
) -> Result<Statistics, EncodeError> {
    let origin = SSTableOrigin {
        commit_log_intervals: options.intervals.clone(),
        originating_host_id: Some(options.host_id.0),
        ..SSTableOrigin::default()
    };
    let (stats, cardinality) = metadata.finish(origin, data.compression_ratio())?;
    Ok(Statistics {
        validation: ValidationMetadata {
            partitioner: options.partitioner,
            bloom_filter_fp_chance,
        },
        compaction: Some(cardinality),
        stats,
        header: options.header.clone(),
    })
}
