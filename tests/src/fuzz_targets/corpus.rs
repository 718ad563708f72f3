//! The files that every corpus begins with: one whole input of each form.
//!
//! Made with the encoders, or by hand from the chapters; `UPDATE_FUZZ_CORPUS=1 cargo test -p thymbra-tests
//! --test fuzz_targets` writes them. Inputs that once found something are added by hand beside them.

use super::rows;
use thymbra_format::commitlog::{
    CommitLogDescriptor, SYNC_MARKER_SIZE_BYTES, SegmentCompression, SyncMarker, write_compressed_section,
    write_record,
};
use thymbra_format::mutation::MutationEncoder;
use thymbra_format::rows::{
    ClusteringKind, ClusteringValues, UnfilteredForm, UnfilteredWriter, write_partition,
};
use thymbra_format::sstable::metadata::{EstimatedHistogram, HyperLogLogPlus};
use thymbra_format::sstable::{
    BloomFilter, BloomSpecification, ChecksumWriter, ClusteringPrefix, Component, CompressedSequentialWriter,
    CompressionParams, IndexInfo, IndexSummaryBuilder, RowIndexWriter, Toc,
};
use thymbra_format::transaction_log::{LogRecord, LogRecordType};
use thymbra_format::{AbstractType, vint};
use thymbra_types::{
    Cell, CellName, Clustering, ClusteringBound, ColumnName, DecoratedKey, DeletionTime, LivenessInfo,
    LocalDeletionTime, Mutation, Partition, Partitioner, RangeTombstone, Reference, Row, Timestamp, Ttl,
};

/// The timestamp from which files count.
const EPOCH_US: i64 = 1_442_880_000_000_000;

/// An input with the names of its target and of its file.
pub type Seed = (&'static str, &'static str, Vec<u8>);

/// A mutation of table `t (pk text, ck int, v text)`, as a hint of Cassandra 4.0 holds it.
const MUTATION: &str =
    "01bc718390e57b11f1ba0c5557ccf4cec002703110fce9d96a43c00100000101760124000000000100080668696e74203101";

/// Every seed.
#[must_use]
pub fn seeds() -> Vec<Seed> {
    let mut seeds = Vec::new();
    for (name, value) in [("one", 1), ("two", 300), ("five", 1 << 33), ("nine", u64::MAX)] {
        let mut bytes = Vec::new();
        vint::write_unsigned(value, &mut bytes);
        seeds.push(("vint", name, bytes));
    }
    for (name, text) in [
        ("simple", "org.apache.cassandra.db.marshal.Int32Type"),
        (
            "map",
            "org.apache.cassandra.db.marshal.MapType(org.apache.cassandra.db.marshal.UTF8Type,org.apache.cassandra.db.marshal.ListType(org.apache.cassandra.db.marshal.Int32Type))",
        ),
        (
            "user",
            "org.apache.cassandra.db.marshal.UserType(ks,6e616d65,61:org.apache.cassandra.db.marshal.Int32Type,62:org.apache.cassandra.db.marshal.UTF8Type)",
        ),
        (
            "reversed",
            "org.apache.cassandra.db.marshal.ReversedType(org.apache.cassandra.db.marshal.TimeUUIDType)",
        ),
        (
            "vector",
            "org.apache.cassandra.db.marshal.VectorType(org.apache.cassandra.db.marshal.FloatType , 3)",
        ),
    ] {
        seeds.push(("type_name", name, text.into()));
    }
    for (name, hexadecimal) in [
        ("text", "0d6162006163"),
        ("int", "070000000180000000"),
        ("decimal", "0300000004ed29bcfffffffd01"),
        ("varint", "0880008080"),
        ("list", "10000000010000000400000001000000010000000400000002"),
        (
            "map",
            "1200000001000000016100000002008000000001000000016200000001ff",
        ),
        ("tuple", "1300000004000000010000000161000000040000000200000001ff"),
        ("composite", "1400017000000400000001000001700000040000000200"),
    ] {
        seeds.push(("value", name, bytes_of(hexadecimal)));
    }
    seeds.extend(partitions());
    let records = [
        LogRecord::add("/data/ks/t-1/nb-2-big-", 8),
        LogRecord::remove("/data/ks/t-1/nb-1-big-", 1_700_000_000_000, 8),
        LogRecord::end(LogRecordType::Commit),
    ];
    let lines: String = records.iter().map(|record| format!("{record}\n")).collect();
    seeds.push(("transaction_log", "compaction", lines.into_bytes()));
    seeds.extend(statistics());
    seeds.extend(components());
    seeds.extend(segments());
    seeds
}

/// A partition with all that it can have, under each header, with its head and without.
fn partitions() -> Vec<Seed> {
    const HEAD_SIZE_BYTES: usize = 2 + 3 + 12;
    let mut seeds = Vec::new();
    for (variant, name) in [
        (0_u8, "one_row"),
        (1, "ranges"),
        (2, "collections"),
        (3, "many_columns"),
    ] {
        let header = rows::header(usize::from(variant));
        let mut writer = UnfilteredWriter::new(UnfilteredForm::SsTable);
        let mut bytes = vec![variant];
        let written = write_partition(b"key", &partition(variant), &header, &mut writer, &mut bytes);
        written.expect("the partition fits its header");
        let behind_head = bytes.get(1 + HEAD_SIZE_BYTES..).unwrap_or_default();
        seeds.push(("data_partition", name, [&[variant], behind_head].concat()));
        seeds.push(("whole_partition", name, bytes));

        let mutation = Mutation {
            keyspace: "ks".into(),
            key: DecoratedKey::new(Partitioner::Murmur3, *b"key"),
            updates: [(rows::TABLE, partition(variant))].into_iter().collect(),
        };
        let mut bytes = vec![variant];
        let schema = rows::schema(usize::from(variant));
        let encoded = MutationEncoder::new().encode(&mutation, &schema, &mut bytes);
        encoded.expect("the mutation fits its schema");
        seeds.push(("mutation", name, bytes));
    }
    seeds
}

fn partition(variant: u8) -> Partition {
    let deletion = |at: i64| DeletionTime::new(Timestamp(EPOCH_US + at), LocalDeletionTime(1_700_000_000));
    let int = |number: i32| number.to_be_bytes();
    let (clustering, columns) = match variant {
        0 => (vec![], vec![CellName::simple("v")]),
        1 => (
            vec![
                AbstractType::Int32.to_comparable(&int(1)),
                AbstractType::Reversed(Box::new(AbstractType::Utf8)).to_comparable(b""),
            ],
            vec![CellName::simple("v")],
        ),
        2 => (
            vec![AbstractType::Utf8.to_comparable(b"a")],
            vec![
                CellName::element("l", [7; 16]),
                CellName::element("m", *b"key"),
                CellName::simple("v"),
            ],
        ),
        _many => {
            let simple = |index: u8| CellName::simple(format!("c{index:02}"));
            (
                vec![AbstractType::SimpleDate.to_comparable(&int(5))],
                vec![simple(3), simple(69)],
            )
        }
    };
    let mut row = Row {
        liveness: LivenessInfo::live(Timestamp(EPOCH_US + 9)),
        deletion: deletion(3),
        ..Row::default()
    };
    if variant == 2 {
        row.complex_deletions.insert(ColumnName("m".into()), deletion(4));
    }
    let value: &[u8] = if variant == 3 { &[7] } else { &[0, 0, 0, 7] };
    let ttl = Ttl::new(60).expect("a minute is a TTL");
    for (index, name) in columns.into_iter().enumerate() {
        let cell = match index {
            0 => Cell::live(Timestamp(EPOCH_US + 9), value),
            1 => Cell::expiring(
                Timestamp(EPOCH_US + 8),
                ttl,
                LocalDeletionTime(1_700_000_060),
                value,
            ),
            _last => Cell::tombstone(Timestamp(EPOCH_US + 7), LocalDeletionTime(1_700_000_001)),
        };
        row.cells.insert(name, cell);
    }
    let mut partition = Partition {
        deletion: deletion(1),
        ..Partition::default()
    };
    if variant == 1 {
        let prefix = |number: i32| Clustering(vec![AbstractType::Int32.to_comparable(&int(number))]);
        for (start, end, at) in [(2, 3, 5), (3, 4, 6)] {
            let tombstone = RangeTombstone {
                start: ClusteringBound::inclusive_start(prefix(start)),
                end: ClusteringBound::exclusive_end(prefix(end)),
                deletion: deletion(at),
            };
            partition.range_tombstones.add(tombstone, &Reference);
        }
    }
    partition.rows.insert(Clustering(clustering), row);
    partition
}

fn statistics() -> Vec<Seed> {
    let with = |variant: u8, content: Vec<u8>| [vec![variant], content].concat();
    let mut sketch = HyperLogLogPlus::default();
    sketch.add(b"key");
    sketch.add(b"other");
    let mut compaction = Vec::new();
    sketch.write(&mut compaction);
    let partitioner = "org.apache.cassandra.dht.Murmur3Partitioner";
    let length = u16::try_from(partitioner.len()).expect("a short name");
    let chance = 0.01_f64.to_be_bytes();
    let validation = [&length.to_be_bytes()[..], partitioner.as_bytes(), &chance].concat();

    let mut stats = Vec::new();
    EstimatedHistogram::of_partition_sizes().write(&mut stats);
    EstimatedHistogram::of_cell_counts().write(&mut stats);
    stats.extend((-1_i64).to_be_bytes());
    stats.extend([0; 4]);
    for timestamp in [5_i64, 9] {
        stats.extend(timestamp.to_be_bytes());
    }
    for number in [7, i32::MAX, 0, 0] {
        stats.extend(number.to_be_bytes());
    }
    stats.extend((-1.0_f64).to_be_bytes());
    // Two bins, no level, no repair, one clustering value each, no counters, two columns, one row.
    stats.extend(bytes_of("0000000200000002"));
    for (point, count) in [(60.0_f64, 1_i64), (120.0, 2)] {
        stats.extend(point.to_be_bytes());
        stats.extend(count.to_be_bytes());
    }
    stats.extend([0; 12]);
    stats.extend(bytes_of("0000000100040000000100000001000400000009"));
    stats.push(0);
    stats.extend(2_i64.to_be_bytes());
    stats.extend(1_i64.to_be_bytes());
    stats.extend(bytes_of("ffffffffffffffff00000000"));
    stats.extend(bytes_of(
        "00000001000000000000000500000010000000000000000500000090",
    ));
    stats.extend(bytes_of("00000100112233445566778899aabbccddeeff"));
    vec![
        ("statistics", "validation", with(0, validation)),
        ("statistics", "compaction", with(1, compaction)),
        ("statistics", "stats", with(2, stats)),
    ]
}

fn components() -> Vec<Seed> {
    let mut filter = BloomFilter::new(
        3,
        BloomSpecification {
            buckets_per_element: 10,
            hash_count: 5,
        },
    );
    filter.add(b"key");
    let mut filter_bytes = Vec::new();
    filter.write(&mut filter_bytes);

    let mut keys: Vec<_> = (0..300_i32)
        .map(|key| DecoratedKey::new(Partitioner::Murmur3, key.to_be_bytes()))
        .collect();
    keys.sort();
    let mut summary = IndexSummaryBuilder::new(128);
    for (index, key) in keys.iter().enumerate() {
        summary.maybe_add_entry(key.key(), index as u64 * 10);
    }
    let mut summary_bytes = Vec::new();
    if let Ok(Some(summary)) = summary.build(Partitioner::Murmur3) {
        summary.write(&mut summary_bytes);
    }

    let data = b"abc".repeat(40);
    let mut checksums = ChecksumWriter::new(64);
    checksums.update(&data);
    let (checksums, digest) = checksums.finish();
    let (mut checksum_bytes, mut digest_bytes, mut toc_bytes) = (Vec::new(), Vec::new(), Vec::new());
    checksums.write(&mut checksum_bytes);
    digest.write(&mut digest_bytes);
    Toc::of(&[Component::Data, Component::Statistics]).write(&mut toc_bytes);
    vec![
        ("filter", "three_keys", filter_bytes),
        ("summary", "three_entries", summary_bytes),
        ("checksums", "crc", checksum_bytes),
        ("checksums", "digest", digest_bytes),
        ("checksums", "toc", toc_bytes),
        ("compressed_data", "two_chunks", compressed(&data)),
        ("index", "promoted", index(true)),
        ("index", "plain", index(false)),
    ]
}

fn compressed(data: &[u8]) -> Vec<u8> {
    let params = CompressionParams {
        chunk_length_bytes: 64,
        ..CompressionParams::default()
    };
    let mut writer = CompressedSequentialWriter::new(params);
    let mut file = Vec::new();
    writer.write(data, &mut file);
    let written = writer.finish(&mut file);
    let mut info = Vec::new();
    let has_form = written.compression_info.write(&mut info);
    has_form.expect("a table without options has a CompressionInfo");
    let mut bytes = vec![u8::try_from(info.len()).expect("two chunks need few bytes")];
    bytes.extend(info);
    bytes.extend(file);
    bytes
}

/// An entry of each form: with two blocks and an open range, or without.
fn index(is_promoted: bool) -> Vec<u8> {
    let types = [AbstractType::Int32, AbstractType::Utf8];
    let prefix = |number: i32| ClusteringPrefix {
        kind: ClusteringKind::Clustering,
        values: ClusteringValues::of([number.to_be_bytes().to_vec(), b"a".to_vec()]),
    };
    let deletion = DeletionTime::new(Timestamp(5), LocalDeletionTime(7));
    let mut writer = RowIndexWriter::new();
    let mut bytes = Vec::new();
    for number in 0..2 * i32::from(is_promoted) {
        let block = IndexInfo {
            first: prefix(number * 10),
            last: prefix(number * 10 + 9),
            offset_bytes: 30 + u64::from(number.unsigned_abs()) * 65_600,
            width_bytes: 65_600,
            end_open_marker: (number == 0).then_some(deletion),
        };
        writer.add_block(&block, &types).expect("the block has a form");
    }
    let ended = writer.end_partition(b"key", 77, 30, deletion, &mut bytes);
    ended.expect("the entry has a form");
    bytes
}

fn segments() -> Vec<Seed> {
    let descriptor = CommitLogDescriptor {
        segment_id: 1_700_000_000_001,
        compression: SegmentCompression::None,
    };
    let mut records = Vec::new();
    for _ in 0..2 {
        let written = write_record(&mut records, |out| {
            out.extend(bytes_of(MUTATION));
            Ok::<(), std::convert::Infallible>(())
        });
        let Ok(()) = written;
    }
    let mut plain = Vec::new();
    descriptor.write(&mut plain);
    for _ in 0..2 {
        let offset = u32::try_from(plain.len()).expect("a small segment");
        let end = plain.len() + records.len() + usize::try_from(SYNC_MARKER_SIZE_BYTES).expect("eight");
        let end = u32::try_from(end).expect("a small segment");
        plain.extend(SyncMarker::new(descriptor.segment_id, offset, end).to_bytes());
        plain.extend(&records);
    }
    plain.extend([0; 40]);

    let mut compressed = Vec::new();
    let descriptor = CommitLogDescriptor {
        compression: SegmentCompression::Lz4 {
            parameters: None,
            has_end_marker: false,
        },
        ..descriptor
    };
    descriptor.write(&mut compressed);
    for _ in 0..2 {
        write_compressed_section(descriptor.segment_id, &records, 0, &mut compressed);
    }
    vec![
        ("commit_log_segment", "plain", plain),
        ("commit_log_segment", "compressed", compressed),
    ]
}

fn bytes_of(hexadecimal: &str) -> Vec<u8> {
    let digits = hexadecimal.as_bytes().chunks(2);
    let byte = |digits: &[u8]| {
        let digits = std::str::from_utf8(digits).unwrap_or_default();
        u8::from_str_radix(digits, 16).expect("seeds are written in hexadecimal digits")
    };
    digits.map(byte).collect()
}
