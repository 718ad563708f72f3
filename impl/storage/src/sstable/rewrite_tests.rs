//! SSTables of Apache Cassandra are read, and written again byte for byte.

use super::{ChunkCache, SSTableFiles, SSTableReader, SSTableWriter, StretchWriter, WriterOptions};
use crate::disk::{Disk, RealDisk};
use crate::lifecycle_transaction::LifecycleTransaction;
use crate::merge::PartitionSource as _;
use crate::read::ClusteringSlice;
use crate::stretch::Stretch;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thymbra_durability::HostId;
use thymbra_format::marshal::AbstractType;
use thymbra_format::schema::{CompressionParams, TableMetadata, TableParams};
use thymbra_format::sstable::metadata::{Statistics, StatsMetadata};
use thymbra_format::sstable::{Component, CompressionInfo};
use thymbra_format::transaction_log::OperationType;
use thymbra_types::{Partitioner, TableId};

/// Directories of tables: those of the project, and those beside it where they are.
fn tables() -> Vec<PathBuf> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = manifest.join("../../tests/fixtures/sstables/thymbra");
    [own, others("sstable-nb")]
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flatten()
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_dir())
        .collect()
}

/// Real files beside the project, where they are.
fn others(kind: &str) -> PathBuf {
    let folder = std::env::var_os("THYMBRA_FIXTURES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures"),
        PathBuf::from,
    );
    let folder = folder.join(kind);
    if !folder.is_dir() {
        eprintln!(
            "SKIPPED: no real files of Apache Cassandra at {}",
            folder.display()
        );
    }
    folder
}

/// What may differ, by table and generation, and why.
const EXCEPTIONS: [(&str, &[&str], &str); 4] = [
    (
        "bulk 2",
        &["Filter.db"],
        "CQLSSTableWriter made the filter for another number of keys than it wrote",
    ),
    (
        "collections 1",
        &["Data", "Index.db", "CRC.db", "Digest.crc32"],
        "5.0 writes a complex column without deletion beside one with a deletion as -1 s, and reads that back as an invalid deletion; 4.0 and we write 2^31 - 1 s",
    ),
    (
        "generations 4",
        &["CRC.db"],
        "a compaction of 5.0 adds the checksum of no bytes at the end",
    ),
    (
        "key_types 1",
        &["Data", "Index.db", "CRC.db", "Digest.crc32", "clusterings"],
        "decimals in clusterings are kept in one form: -1.000 and -1 are one row",
    ),
];

fn sstables_of(directory: &Path) -> Vec<SSTableFiles> {
    let entries = RealDisk.list(directory).expect("a directory of fixtures");
    entries
        .iter()
        .filter_map(|entry| SSTableFiles::of_file(directory, &entry.name))
        .filter(|(_, component)| *component == Component::Data)
        .map(|(files, _)| files)
        .collect()
}

fn component(files: &SSTableFiles, component: Component) -> Option<Vec<u8>> {
    std::fs::read(files.path(component)).ok()
}

/// A table whose files are made like these; its columns do not matter to the writer.
fn table_like(files: &SSTableFiles, statistics: &Statistics) -> TableMetadata {
    let compression = match component(files, Component::CompressionInfo) {
        Some(bytes) => CompressionParams::Lz4 {
            chunk_length_bytes: CompressionInfo::read(&bytes)
                .expect("chunks")
                .params
                .chunk_length_bytes,
        },
        None => CompressionParams::None,
    };
    TableMetadata::builder("ks", "t", TableId(1))
        .partition_key("pk", AbstractType::Bytes)
        .params(TableParams {
            compression,
            bloom_filter_fp_chance: statistics.validation.bloom_filter_fp_chance,
            ..TableParams::default()
        })
        .build()
        .expect("a table")
}

/// Writes the partitions of an SSTable again, with its header, in stretches of so many bytes; gives both.
fn rewrite(
    files: &SSTableFiles,
    statistics: &Statistics,
    column_index_size_bytes: u64,
    stretch_bytes: u64,
    directory: &Path,
) -> (Arc<SSTableReader>, SSTableFiles) {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let chunk_cache = Arc::new(ChunkCache::new(1 << 20));
    let reader =
        SSTableReader::open(&disk, files, Partitioner::Murmur3, &chunk_cache).expect("a real SSTable opens");
    let reader = Arc::new(reader);
    let mut transaction = LifecycleTransaction::begin(&disk, directory, OperationType::Flush, 1);
    let options = WriterOptions {
        generation: files.generation(),
        expected_keys_count: reader.keys_count(),
        header: statistics.header.clone(),
        intervals: statistics.stats.commit_log_intervals.clone(),
        host_id: HostId(statistics.stats.originating_host_id.unwrap_or_default()),
        partitioner: Partitioner::Murmur3,
        column_index_size_bytes,
        chunk_cache,
        trickle_fsync_interval_bytes: None,
        may_use_thread: true,
    };
    let table = table_like(files, statistics);
    let mut writer = SSTableWriter::create(&disk, &mut transaction, &table, options).expect("a writer");
    let mut scanner = reader.scan(stretch_bytes).expect("a scanner");
    while let Some((key, mut stretch)) = scanner.next().expect("a partition") {
        if stretch.edge.is_none() {
            writer
                .append(&key, &stretch.partition)
                .expect("a partition is written");
            continue;
        }
        let mut output = StretchWriter::new(&mut writer, &key);
        while stretch.edge.is_some() {
            output.push(stretch).expect("a stretch is written");
            stretch = scanner.next_stretch().expect("a stretch");
        }
        output.push(stretch).expect("the last stretch is written");
        assert!(output.finish().expect("the end is written"));
    }
    let written = writer.finish().expect("all components").expect("partitions");
    transaction.commit().expect("the transaction ends");
    (reader, written.files().clone())
}

/// Bytes of `Data.db` before compression.
fn uncompressed(files: &SSTableFiles) -> Vec<u8> {
    let data = component(files, Component::Data).expect("data");
    match component(files, Component::CompressionInfo) {
        None => data,
        Some(info) => {
            let mut whole = Vec::new();
            let info = CompressionInfo::read(&info).expect("chunks");
            info.decompress_all(&data, &mut whole).expect("whole chunks");
            whole
        }
    }
}

//= WP-SS-01 check
#[test]
fn real_sstables_are_written_again_byte_for_byte() {
    check_all(u64::MAX);
}

//= WP-CP-09 check
#[test]
fn real_sstables_are_written_again_byte_for_byte_in_stretches_of_any_size() {
    for stretch_bytes in [1, 1_000, 70_000] {
        check_all(stretch_bytes);
    }
}

fn check_all(stretch_bytes: u64) {
    let mut differences = BTreeMap::new();
    let mut compared_count = 0;
    for directory in tables() {
        let name = directory
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let schema = std::fs::read_to_string(directory.join("schema.cql")).unwrap_or_default();
        let index_size_kib = schema
            .lines()
            .find_map(|line| line.strip_prefix("-- column_index_size_in_kb "))
            .map_or(64, |size| size.trim().parse().expect("a size"));
        for files in sstables_of(&directory) {
            let bytes = component(&files, Component::Statistics).expect("statistics");
            let statistics = Statistics::read(&bytes, files.version()).expect("statistics");
            let target = tempfile::tempdir().expect("a directory");
            let (_, written) = rewrite(
                &files,
                &statistics,
                index_size_kib << 10,
                stretch_bytes,
                target.path(),
            );
            let mut differing = Vec::new();
            if uncompressed(&files) != uncompressed(&written) {
                differing.push("Data");
            }
            let exact: &[Component] = match component(&files, Component::CompressionInfo) {
                Some(_) => &[Component::PrimaryIndex, Component::Summary, Component::Filter],
                None => &[
                    Component::PrimaryIndex,
                    Component::Summary,
                    Component::Filter,
                    Component::Crc,
                    Component::Digest,
                ],
            };
            for other in exact {
                if component(&files, *other) != component(&written, *other) {
                    differing.push(other.name());
                }
            }
            let again = component(&written, Component::Statistics).expect("statistics");
            let again = Statistics::read(&again, written.version()).expect("statistics");
            if again.header != statistics.header || again.validation != statistics.validation {
                differing.push("Statistics: header or validation");
            }
            differing.extend(statistics_differences(&statistics, &again));
            let table = name.split('-').next().unwrap_or(&name);
            let table = format!("{table} {}", files.generation());
            let expected = EXCEPTIONS.iter().find(|(of, ..)| *of == table);
            if differing != expected.map_or(&[][..], |(_, parts, _)| parts) {
                differences.insert(table, differing);
            }
            compared_count += 1;
        }
    }
    assert!(compared_count >= 30, "{compared_count} SSTables");
    assert!(
        differences.is_empty(),
        "in stretches of {stretch_bytes} bytes: {differences:#?}"
    );
}

/// Fields of the statistics that differ; the compression ratio is that of another compressor.
fn statistics_differences(real: &Statistics, ours: &Statistics) -> Vec<&'static str> {
    let (real, ours) = (&real.stats, &ours.stats);
    let mut differing = Vec::new();
    let mut compare = |field, equal: bool| {
        if !equal {
            differing.push(field);
        }
    };
    // 4.0 has fewer buckets for sizes that no test has.
    let counts = |statistics: &StatsMetadata| -> Vec<u64> {
        let buckets = statistics.estimated_partition_size.buckets();
        buckets.map(|(_, count)| count).take(100).collect()
    };
    compare("partition sizes", counts(real) == counts(ours));
    compare(
        "cells of partitions",
        real.estimated_cell_per_partition_count == ours.estimated_cell_per_partition_count,
    );
    compare(
        "intervals",
        real.commit_log_intervals == ours.commit_log_intervals,
    );
    compare(
        "timestamps",
        (real.min_timestamp, real.max_timestamp) == (ours.min_timestamp, ours.max_timestamp),
    );
    compare(
        "deletion times",
        (real.min_local_deletion_time, real.max_local_deletion_time)
            == (ours.min_local_deletion_time, ours.max_local_deletion_time),
    );
    compare(
        "TTLs",
        (real.min_ttl_seconds, real.max_ttl_seconds) == (ours.min_ttl_seconds, ours.max_ttl_seconds),
    );
    compare(
        "tombstone histogram",
        real.estimated_tombstone_drop_time == ours.estimated_tombstone_drop_time,
    );
    compare(
        "clusterings",
        (&real.min_clustering_values, &real.max_clustering_values)
            == (&ours.min_clustering_values, &ours.max_clustering_values),
    );
    compare(
        "columns and rows",
        (real.total_columns_set, real.total_rows) == (ours.total_columns_set, ours.total_rows),
    );
    differing
}

#[test]
fn every_key_of_legacy_sstables_is_found() {
    let folder = others("legacy");
    let mut opened_count = 0;
    for directory in std::fs::read_dir(folder).into_iter().flatten() {
        let directory = directory.expect("an entry").path();
        for files in sstables_of(&directory) {
            let disk: Arc<dyn Disk> = Arc::new(RealDisk);
            let cache = Arc::new(ChunkCache::new(1 << 20));
            let reader = SSTableReader::open(&disk, &files, Partitioner::ByteOrdered, &cache);
            let reader =
                Arc::new(reader.unwrap_or_else(|error| panic!("{}: {error:?}", directory.display())));
            let mut scanner = reader.scan(u64::MAX).expect("a scanner");
            let mut keys_count = 0;
            while let Some((key, Stretch { partition, .. })) = scanner.next().expect("a partition") {
                let read = reader.read(&key, &ClusteringSlice::ALL).expect("a read");
                assert_eq!(read, Some(partition), "{}: {key:?}", directory.display());
                keys_count += 1;
            }
            assert_eq!(keys_count, reader.keys_count());
            opened_count += 1;
        }
    }
    println!("{opened_count} SSTables");
}
