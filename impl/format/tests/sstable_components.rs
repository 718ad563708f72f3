//! The components of SSTables of Apache Cassandra: each is read, and written again byte by byte, and
//! what can be derived from the data is derived and equals what is stored.

mod real_files;

use std::path::PathBuf;
use thymbra_format::Cursor;
use thymbra_format::rows::{SerializationHeader, read_partition, unfiltereds};
use thymbra_format::sstable::metadata::{
    EstimatedHistogram, HyperLogLogPlus, MetadataCollector, SSTableOrigin, Statistics, StatsMetadata,
};
use thymbra_format::sstable::{
    BloomFilter, BloomSpecification, ChecksumWriter, Checksums, Component, CompressedSequentialWriter,
    CompressionInfo, CompressionParams, Descriptor, Digest, FileStem, IndexInfo, IndexSummary,
    IndexSummaryBuilder, Place, RowIndexEntry, RowIndexWriter, Toc, Version,
};
use thymbra_types::{DecoratedKey, Partition};

/// One SSTable in the folder of its table.
struct SSTable {
    folder: PathBuf,
    stem: FileStem,
}

impl SSTable {
    /// All SSTables of a group of files.
    fn all(group: &str) -> Vec<Self> {
        let Some(root) = real_files::folder(group) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&root).expect("a folder") {
            let folder = entry.expect("an entry").path();
            for file in std::fs::read_dir(&folder).into_iter().flatten() {
                let path = file.expect("an entry").path();
                let parsed = Descriptor::parse_path(&path.to_string_lossy());
                if let Some((descriptor, Component::Data)) = parsed {
                    found.push(Self {
                        folder: folder.clone(),
                        stem: descriptor.stem,
                    });
                }
            }
        }
        found.sort_by(|left, right| left.folder.cmp(&right.folder));
        assert!(!found.is_empty(), "{} has no SSTable", root.display());
        found
    }

    fn name(&self) -> String {
        self.folder
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned()
    }

    fn path(&self, component: Component) -> PathBuf {
        self.folder.join(self.stem.file_name(component))
    }

    fn has(&self, component: Component) -> bool {
        self.path(component).exists()
    }

    fn read(&self, component: Component) -> Vec<u8> {
        real_files::read(self.path(component))
    }

    fn statistics(&self) -> Statistics {
        Statistics::read(&self.read(Component::Statistics), self.stem.version)
            .unwrap_or_else(|error| panic!("{}: {error}", self.name()))
    }

    fn header(&self) -> SerializationHeader {
        self.statistics().header
    }

    /// Data.db before compression.
    fn data(&self) -> Vec<u8> {
        let file = self.read(Component::Data);
        if !self.has(Component::CompressionInfo) {
            return file;
        }
        let info = CompressionInfo::read(&self.read(Component::CompressionInfo)).expect("a real file");
        let mut data = Vec::new();
        info.decompress_all(&file, &mut data)
            .expect("chunks with right checksums");
        data
    }

    /// Keys in the order of the SSTable.
    fn keys(&self) -> Vec<Vec<u8>> {
        let index = self.read(Component::PrimaryIndex);
        RowIndexEntry::all(Cursor::new(&index))
            .map(|entry| entry.expect("a real entry").key.to_vec())
            .collect()
    }

    /// Keys, positions, sizes and content of the partitions.
    fn partitions(&self) -> Vec<(Vec<u8>, u64, Partition)> {
        let (header, data) = (self.header(), self.data());
        let mut cursor = Cursor::new(&data);
        let mut partitions = Vec::new();
        while !cursor.is_at_end() {
            let begin = cursor.offset();
            let (key, partition) = read_partition(&mut cursor, &header).expect("a real partition");
            partitions.push((key.to_vec(), cursor.offset() - begin, partition));
        }
        partitions
    }
}

fn every_sstable() -> Vec<SSTable> {
    ["sstable-nb", "legacy"]
        .into_iter()
        .flat_map(SSTable::all)
        .collect()
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

#[test]
fn lists_of_components_name_the_files_that_are_there() {
    for sstable in every_sstable() {
        let bytes = sstable.read(Component::Toc);
        let toc = Toc::read(&bytes).expect("a real list");
        assert_eq!(written(|out| toc.write(out)), bytes);
        for component in Component::ALL {
            assert_eq!(
                toc.lists(component),
                sstable.has(component),
                "{} {component}",
                sstable.name()
            );
        }
    }
}

#[test]
fn digests_and_checksums_are_those_of_the_data() {
    for sstable in every_sstable() {
        let (file, name) = (sstable.read(Component::Data), sstable.name());
        let bytes = sstable.read(Component::Digest);
        let digest = Digest::read(&bytes).expect("a real digest");
        assert_eq!(digest, Digest::of(&file), "{name}");
        assert_eq!(written(|out| digest.write(out)), bytes);
        assert_ne!(
            sstable.has(Component::Crc),
            sstable.has(Component::CompressionInfo),
            "{name}"
        );
        if sstable.has(Component::Crc) {
            let bytes = sstable.read(Component::Crc);
            let checksums = Checksums::read(&bytes).expect("real checksums");
            assert_eq!(checksums.check(&file), Ok(()), "{name}");
            assert_eq!(written(|out| checksums.write(out)), bytes);
            let mut writer = ChecksumWriter::new(Checksums::DEFAULT_SLICE_LENGTH_BYTES);
            file.chunks(1_000).for_each(|piece| writer.update(piece));
            assert_eq!(writer.finish(), (checksums, digest), "{name}");
        }
    }
}

#[test]
fn compressed_data_has_right_checksums_and_can_be_compressed_again() {
    for sstable in every_sstable() {
        if !sstable.has(Component::CompressionInfo) {
            continue;
        }
        let bytes = sstable.read(Component::CompressionInfo);
        let info = CompressionInfo::read(&bytes).expect("a real file");
        assert_eq!(written(|out| info.write(out).expect("short names")), bytes);
        let defaults = CompressionParams {
            chunk_length_bytes: info.params.chunk_length_bytes,
            ..CompressionParams::default()
        };
        assert_eq!(info.params, defaults, "{}", sstable.name());
        let data = sstable.data();
        assert_eq!(data.len() as u64, info.data_length_bytes);

        let mut file = Vec::new();
        let mut writer = CompressedSequentialWriter::new(info.params.clone());
        data.chunks(777).for_each(|piece| writer.write(piece, &mut file));
        let ours = writer.finish(&mut file);
        let mut again = Vec::new();
        ours.compression_info
            .decompress_all(&file, &mut again)
            .expect("our own chunks");
        assert_eq!(again, data);
        let theirs = sstable
            .statistics()
            .stats
            .compression_ratio
            .expect("a compressed file");
        assert!(
            (ours.compression_ratio - theirs).abs() < 0.05,
            "{}",
            sstable.name()
        );
        let checksums_bytes = 4 * info.chunk_offsets.len() as u64;
        let stored_bytes = sstable.read(Component::Data).len() as u64 - checksums_bytes;
        let ratio = f64::from(u32::try_from(stored_bytes).unwrap())
            / f64::from(u32::try_from(info.data_length_bytes).unwrap());
        assert_eq!(ratio.to_bits(), theirs.to_bits(), "{}", sstable.name());
    }
}

#[test]
fn indexes_come_back_byte_by_byte_and_lead_to_their_partitions() {
    let mut promoted_count = 0;
    for sstable in every_sstable() {
        let (bytes, header, data) = (
            sstable.read(Component::PrimaryIndex),
            sstable.header(),
            sstable.data(),
        );
        let types = &header.clustering_types;
        let mut writer = RowIndexWriter::new();
        let mut rewritten = Vec::new();
        for entry in RowIndexEntry::all(Cursor::new(&bytes)) {
            let entry = entry.expect("a real entry");
            let position = usize::try_from(entry.data_position).expect("within the data");
            let mut cursor = Cursor::new(&data[position..]);
            let (key, _) = read_partition(&mut cursor, &header).expect("a real partition");
            assert_eq!(key, entry.key, "{}", sstable.name());
            let size_bytes = cursor.offset();
            let (header_length, deletion) = entry.promoted.map_or_else(Default::default, |promoted| {
                (promoted.header_length_bytes, promoted.partition_deletion)
            });
            for index in 0..entry.promoted.map_or(0, |promoted| promoted.block_count()) {
                let promoted = entry.promoted.expect("it has blocks");
                let block = promoted
                    .block(index, types)
                    .expect("a real block")
                    .expect("below the count");
                writer.add_block(&block, types).expect("it was read");
                promoted_count += 1;
                if index + 1 == promoted.block_count() {
                    let end = block.offset_bytes + block.width_bytes;
                    assert_eq!(end, size_bytes, "the last block counts the end of the partition");
                }
            }
            writer
                .end_partition(key, entry.data_position, header_length, deletion, &mut rewritten)
                .expect("it was read");
        }
        assert!(rewritten == bytes, "{}", sstable.name());
    }
    assert!(
        promoted_count > 100 || every_sstable().len() < 10,
        "{promoted_count} blocks of rows"
    );
}

/// Places of all rows and markers of a partition, and the blocks that hold them.
#[test]
fn promoted_indexes_lead_to_the_block_of_every_row() {
    for sstable in every_sstable() {
        let (bytes, header) = (sstable.read(Component::PrimaryIndex), sstable.header());
        let types = &header.clustering_types;
        let entries = RowIndexEntry::all(Cursor::new(&bytes)).map(Result::unwrap);
        for (entry, (_, _, partition)) in entries.zip(sstable.partitions()) {
            let Some(promoted) = entry.promoted else {
                continue;
            };
            let blocks: Vec<IndexInfo> = (0..promoted.block_count())
                .map(|index| promoted.block(index, types).unwrap().unwrap())
                .collect();
            assert!(blocks.array_windows().all(|[left, right]| {
                left.first.compare(&left.last, types).is_le()
                    && left.last.compare(&right.first, types).is_lt()
            }));
            for clustering in partition.rows.keys() {
                let place = Place::from(clustering);
                let is_before =
                    |block: &IndexInfo| block.last.compare_to_place(place, types).unwrap().is_lt();
                let found = promoted.partition_point(types, is_before).expect("real blocks");
                assert_eq!(found, blocks.iter().take_while(|block| is_before(block)).count());
                assert!(
                    blocks[found]
                        .first
                        .compare_to_place(place, types)
                        .unwrap()
                        .is_le()
                );
            }
        }
    }
}

#[test]
fn summaries_come_back_byte_by_byte_and_are_those_of_the_index() {
    for sstable in every_sstable() {
        let (bytes, index) = (
            sstable.read(Component::Summary),
            sstable.read(Component::PrimaryIndex),
        );
        let partitioner = sstable.statistics().validation.partitioner;
        let summary = IndexSummary::read(&bytes, partitioner)
            .unwrap_or_else(|error| panic!("{}: {error}", sstable.name()));
        assert_eq!(written(|out| summary.write(out)), bytes);

        let mut builder = IndexSummaryBuilder::new(IndexSummary::DEFAULT_MIN_INDEX_INTERVAL);
        let mut cursor = Cursor::new(&index);
        let mut entries = Vec::new();
        while !cursor.is_at_end() {
            let position = cursor.offset();
            let entry = RowIndexEntry::read(&mut cursor).expect("a real entry");
            builder.maybe_add_entry(entry.key, position);
            entries.push((position, entry.key));
        }
        assert_eq!(
            builder.build(partitioner).expect("few keys").as_ref(),
            Some(&summary),
            "{}",
            sstable.name()
        );
        for (position, key) in entries {
            let range = summary
                .index_range(&DecoratedKey::new(partitioner, key))
                .expect("a key that is there");
            assert!(range.start <= position && range.end.is_none_or(|end| position < end));
        }
    }
}

#[test]
fn filters_come_back_byte_by_byte_and_are_those_of_the_keys() {
    let mut of_other_order = Vec::new();
    for sstable in every_sstable() {
        let (bytes, keys) = (sstable.read(Component::Filter), sstable.keys());
        let mut filter = BloomFilter::read(&bytes).expect("a real filter");
        assert_eq!(written(|out| filter.write(out)), bytes, "{}", sstable.name());
        let chance = sstable.statistics().validation.bloom_filter_fp_chance;
        let specification =
            BloomSpecification::for_false_positive_chance(chance).expect("a chance of the table");
        let mut rebuilt = BloomFilter::new(keys.len() as u64, specification);
        keys.iter().for_each(|key| rebuilt.add(key));
        if rebuilt != filter {
            of_other_order.push(sstable.name());
        }
        assert_eq!(
            filter.check(keys.iter().map(Vec::as_slice)),
            Ok(()),
            "{}",
            sstable.name()
        );
        assert_eq!(rebuilt, filter, "{}", sstable.name());
    }
    if !of_other_order.is_empty() {
        // Builds of 4.0 before its release wrote the words of `na` with the lowest byte last.
        let compact_tables = ["clust", "clust_counter", "simple", "simple_counter"];
        let expected = compact_tables.map(|table| format!("legacy_na_{table}_compact"));
        assert_eq!(of_other_order, expected);
    }
}

#[test]
fn statistics_come_back_byte_by_byte() {
    for sstable in every_sstable() {
        let bytes = sstable.read(Component::Statistics);
        let statistics = sstable.statistics();
        let rewritten = written(|out| statistics.write(sstable.stem.version, out).expect("it was read"));
        if rewritten != bytes {
            // Early builds of 4.0 had no mark of transient replicas, and their files said `na` too.
            assert!(sstable.name().starts_with("legacy_na_") && sstable.name().ends_with("_compact"));
            assert_eq!(rewritten.len(), bytes.len() + 1, "{}", sstable.name());
            assert_eq!(Statistics::read(&rewritten, sstable.stem.version), Ok(statistics));
        }
    }
}

#[test]
fn counters_of_keys_are_those_of_the_keys() {
    for sstable in every_sstable() {
        let mut counter = HyperLogLogPlus::new();
        let keys = sstable.keys();
        keys.iter().for_each(|key| counter.add(key));
        assert_eq!(
            sstable.statistics().compaction.as_ref(),
            Some(&counter),
            "{}",
            sstable.name()
        );
        assert_eq!(counter.cardinality(), keys.len() as u64, "{}", sstable.name());
    }
}

/// Buckets with anything in them: 5.0 has five buckets more than 4.0.
fn filled(histogram: &EstimatedHistogram) -> Vec<(Option<i64>, u64)> {
    histogram.buckets().filter(|(_, count)| *count > 0).collect()
}

#[test]
fn statistics_are_those_of_the_rows() {
    for sstable in every_sstable() {
        let (header, stored) = (sstable.header(), sstable.statistics().stats);
        let mut collector = MetadataCollector::new(header.clustering_types.clone());
        for (key, size_bytes, partition) in sstable.partitions() {
            collector.update_deletion(partition.deletion);
            if !partition.static_row.is_empty() {
                collector.update_row(&partition.static_row);
            }
            for (_, row) in partition.rows.iter() {
                collector.update_row(row);
            }
            for unfiltered in unfiltereds(&partition) {
                if let thymbra_format::rows::UnfilteredView::Marker { change, .. } = unfiltered {
                    collector.update_marker(change);
                }
            }
            if let (Some(first), Some(last)) =
                (unfiltereds(&partition).next(), unfiltereds(&partition).last())
            {
                collector.update_clustering_values(first.into(), last.into());
            }
            collector.end_partition(&key, size_bytes);
        }
        let origin = SSTableOrigin {
            commit_log_intervals: stored.commit_log_intervals.clone(),
            originating_host_id: stored.originating_host_id,
            ..SSTableOrigin::default()
        };
        let (derived, counter) = collector
            .finish(origin, stored.compression_ratio)
            .expect("a table of its own");
        let sizes = [&derived, &stored].map(|stats| filled(&stats.estimated_partition_size));
        assert_eq!(sizes[0], sizes[1], "{}", sstable.name());
        let [mut derived_cells, stored_cells] =
            [&derived, &stored].map(|stats| filled(&stats.estimated_cell_per_partition_count));
        if sstable.stem.version == Version::Na {
            // Builds of 4.0 before its release counted each partition twice.
            derived_cells.iter_mut().for_each(|(_, count)| *count *= 2);
        }
        assert_eq!(derived_cells, stored_cells, "{}", sstable.name());
        let derived = StatsMetadata {
            estimated_partition_size: stored.estimated_partition_size.clone(),
            estimated_cell_per_partition_count: stored.estimated_cell_per_partition_count.clone(),
            ..derived
        };
        assert_eq!(derived, stored, "{}", sstable.name());
        assert_eq!(
            sstable.statistics().compaction,
            Some(counter),
            "{}",
            sstable.name()
        );
    }
}

/// What damage of a file of statistics gives: all of it is behind checksums.
#[test]
fn every_damage_of_statistics_is_an_error() {
    for sstable in SSTable::all("sstable-nb").iter().take(1) {
        let bytes = sstable.read(Component::Statistics);
        let read = |bytes: &[u8]| Statistics::read(bytes, sstable.stem.version);
        for index in 0..bytes.len() {
            assert!(read(&bytes[..index]).is_err(), "cut at {index}");
            let mut damaged = bytes.clone();
            damaged[index] ^= 1 << (index % 8);
            assert!(read(&damaged).is_err(), "byte {index}");
        }
    }
}

/// Line of a report of sstablemetadata that begins with a label.
fn line<'a>(report: &'a str, label: &str) -> &'a str {
    let found = report
        .lines()
        .find_map(|line| line.strip_prefix(label)?.strip_prefix(": "));
    let line = found.unwrap_or_else(|| panic!("no line {label}"));
    line.split(" (").next().unwrap_or(line)
}

/// Points and counts of a histogram of a report: the lines between a title and "Percentiles".
fn histogram_lines(report: &str, title: &str) -> Vec<(i64, u64)> {
    let lines = report.lines().skip_while(|line| !line.starts_with(title)).skip(2);
    lines
        .take_while(|line| !line.contains("Percentiles"))
        .map(|line| {
            let (point, count) = line.split_once('|').expect("a point and a count");
            let number = |text: &str| text.trim().split(' ').next().expect("a number").to_owned();
            (
                number(point).parse().expect("a point"),
                number(count).parse().expect("a count"),
            )
        })
        .collect()
}

fn check_report(sstable: &SSTable, report: &str) {
    let Statistics {
        validation,
        compaction,
        stats,
        header,
    } = sstable.statistics();
    let name = sstable.name();
    let equal = |label: &str, value: String| assert_eq!(line(report, label), value, "{name}: {label}");
    let seconds = |time: thymbra_types::LocalDeletionTime| time.0.min(i64::from(i32::MAX)).to_string();
    equal(
        "Partitioner",
        format!("org.apache.cassandra.dht.{:?}Partitioner", validation.partitioner),
    );
    equal(
        "Bloom Filter FP chance",
        validation.bloom_filter_fp_chance.to_string(),
    );
    equal("Minimum timestamp", stats.min_timestamp.0.to_string());
    equal("Maximum timestamp", stats.max_timestamp.0.to_string());
    equal(
        "SSTable min local deletion time",
        seconds(stats.min_local_deletion_time),
    );
    equal(
        "SSTable max local deletion time",
        seconds(stats.max_local_deletion_time),
    );
    equal("TTL min", stats.min_ttl_seconds.to_string());
    equal("TTL max", stats.max_ttl_seconds.to_string());
    if let Some(ratio) = stats.compression_ratio {
        equal("Compression ratio", ratio.to_string());
    }
    let ratio = stats.estimated_droppable_tombstone_ratio(i64::MAX);
    let reported: f64 = line(report, "Estimated droppable tombstones")
        .parse()
        .expect("a number");
    assert!((ratio - reported).abs() < 1e-12, "{name}: {ratio} for {reported}");
    equal("SSTable Level", stats.sstable_level.to_string());
    equal("Repaired at", stats.repaired_at_ms.to_string());
    let host = stats.originating_host_id.expect("nb has the host");
    let digits = line(report, "Originating host id").replace('-', "");
    assert_eq!(digits, format!("{host:032x}"), "{name}");
    let intervals: Vec<String> = stats
        .commit_log_intervals
        .iter()
        .map(|(start, end)| {
            let position = |at: &thymbra_types::CommitLogPosition| {
                format!(
                    "CommitLogPosition(segmentId={}, position={})",
                    at.segment_id, at.position
                )
            };
            format!("{}={}", position(start), position(end))
        })
        .collect();
    let reported = report
        .lines()
        .find_map(|line| line.strip_prefix("Replay positions covered: "));
    assert_eq!(
        reported,
        Some(&*format!("{{{}}}", intervals.join(", "))),
        "{name}"
    );
    equal("totalColumnsSet", stats.total_columns_set.to_string());
    equal("totalRows", stats.total_rows.to_string());
    equal(
        "Estimated cardinality",
        compaction.expect("a counter of keys").cardinality().to_string(),
    );
    equal("EncodingStats minTTL", header.stats.min_ttl_seconds.to_string());
    equal(
        "EncodingStats minTimestamp",
        header.stats.min_timestamp.0.to_string(),
    );
    equal("IsTransient", stats.is_transient.to_string());
    assert_eq!(
        histogram_lines(report, "Estimated tombstone drop times"),
        stats.estimated_tombstone_drop_time.bins(),
        "{name}"
    );
    for (title, histogram) in [
        ("Partition Size", &stats.estimated_partition_size),
        ("Column Count", &stats.estimated_cell_per_partition_count),
    ] {
        let bounded: Vec<_> = filled(histogram)
            .into_iter()
            .map(|(offset, count)| (offset.expect("no overflow"), count))
            .collect();
        assert_eq!(histogram_lines(report, title), bounded, "{name}: {title}");
        let section: Vec<&str> = report
            .lines()
            .skip_while(|line| !line.starts_with(title))
            .collect();
        let at = |label: &str| -> i64 {
            let line = section
                .iter()
                .find(|line| line.trim_start().starts_with(label))
                .expect("a percentile");
            line.split_whitespace()
                .nth(1)
                .expect("a number")
                .parse()
                .expect("a number")
        };
        for (label, share) in [
            ("50th", 0.5),
            ("75th", 0.75),
            ("95th", 0.95),
            ("98th", 0.98),
            ("99th", 0.99),
        ] {
            assert_eq!(histogram.percentile(share), at(label), "{name}: {title} {label}");
        }
        assert_eq!(
            (histogram.min(), histogram.max()),
            (at("Min"), at("Max")),
            "{name}: {title}"
        );
    }
}

#[test]
fn statistics_say_what_sstablemetadata_reports() {
    let mut report_count = 0;
    for sstable in SSTable::all("sstable-nb") {
        let name = sstable.name();
        let table = name.split_once('-').map_or(&*name, |(table, _)| table);
        let dumps = sstable.folder.parent().expect("a folder").join("dumps");
        let Ok(report) = std::fs::read_to_string(dumps.join(format!("{table}.metadata.txt"))) else {
            assert_eq!(table, "tombs", "sstablemetadata fails on this one only");
            continue;
        };
        check_report(&sstable, &report);
        report_count += 1;
    }
    assert!(report_count == 7 || real_files::folder("sstable-nb").is_none());
}
