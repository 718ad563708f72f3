//! Rows in the `Data.db` of Apache Cassandra: read in full, and written again byte by byte.

mod real_files;

use std::path::Path;
use thymbra_format::Cursor;
use thymbra_format::rows::{
    CounterContext, PartitionHeader, SerializationHeader, UnfilteredForm, UnfilteredReader, UnfilteredWriter,
    read_partition, write_partition, write_partition_header,
};
use thymbra_format::sstable::CompressionInfo;
use thymbra_types::{Partition, Row};

/// Position of HEADER among the components of `Statistics.db`.
const HEADER_ORDINAL: i32 = 3;

/// The header in a `Statistics.db`, found without checksums.
fn header_of(folder: &Path, prefix: &str) -> SerializationHeader {
    let bytes = real_files::read(folder.join(format!("{prefix}-Statistics.db")));
    let mut cursor = Cursor::new(&bytes);
    let count = cursor.i32("components").expect("a number");
    cursor.take(4, "checksum").expect("a checksum");
    let offset = (0..count)
        .map(|_| (cursor.i32("component"), cursor.i32("offset")))
        .find_map(|(ordinal, offset)| (ordinal == Ok(HEADER_ORDINAL)).then_some(offset))
        .expect("a header among the components")
        .expect("an offset");
    let offset = usize::try_from(offset).expect("not negative");
    let component = &bytes[offset..bytes.len() - 4];
    let mut cursor = Cursor::at(component, offset as u64);
    let header = SerializationHeader::read_component(&mut cursor).expect("a header");
    assert!(cursor.is_at_end());
    let mut written = Vec::new();
    header.write_component(&mut written);
    assert_eq!(written, component, "{}", folder.display());
    header
}

/// The content of `Data.db`, decompressed where it is compressed.
fn data_of(folder: &Path, prefix: &str) -> Vec<u8> {
    let file = real_files::read(folder.join(format!("{prefix}-Data.db")));
    let info = folder.join(format!("{prefix}-CompressionInfo.db"));
    if !info.exists() {
        return file;
    }
    let info = CompressionInfo::read(&real_files::read(info)).expect("a compression info");
    let mut data = Vec::new();
    info.decompress_all(&file, &mut data)
        .expect("chunks with right checksums");
    data
}

/// All partitions of a file; what is written of each is what was read.
fn read_and_rewrite(data: &[u8], header: &SerializationHeader, name: &str) -> Vec<(Vec<u8>, Partition)> {
    let mut cursor = Cursor::new(data);
    let mut partitions = Vec::new();
    let mut writer = UnfilteredWriter::new(UnfilteredForm::SsTable);
    while !cursor.is_at_end() {
        let begin = cursor.position();
        let read = read_partition(&mut cursor, header);
        assert!(read.is_ok(), "{name}: {read:?}");
        let (key, partition) = read.expect("checked above");
        let original = &data[begin..cursor.position()];
        let mut written = Vec::new();
        write_partition(key, &partition, header, &mut writer, &mut written).expect("the header fits");
        assert_eq!(written, original, "{name}: partition at {begin} in memory's form");
        assert_eq!(
            copy(original, header, &mut writer),
            original,
            "{name}: partition at {begin} copied row by row"
        );
        partitions.push((key.to_vec(), partition));
    }
    partitions
}

/// Reads a partition and writes its rows as they were read.
fn copy(bytes: &[u8], header: &SerializationHeader, writer: &mut UnfilteredWriter) -> Vec<u8> {
    let mut cursor = Cursor::new(bytes);
    let begun = PartitionHeader::read(&mut cursor, header).expect("the beginning of a partition");
    let mut out = Vec::new();
    let (key, deletion, static_row) = (begun.key, begun.deletion, &begun.static_row);
    write_partition_header(key, deletion, static_row, header, writer, &mut out).expect("it was read");
    let mut reader = UnfilteredReader::new(cursor, header, UnfilteredForm::SsTable);
    while let Some(unfiltered) = reader.next().expect("a row or marker") {
        writer.write(&unfiltered, header, &mut out).expect("it was read");
    }
    writer.write_end_of_partition(&mut out);
    out
}

#[test]
fn partitions_of_real_tables_come_back_byte_by_byte() {
    let Some(root) = real_files::folder("sstable-nb") else {
        return;
    };
    // Partitions, rows and range tombstones of each table.
    let expected = [
        ("compkey-6882b290e57b11f1935d9b7b8ca7a154", (2, 3, 0)),
        ("few_cols-681f35d0e57b11f1935d9b7b8ca7a154", (2, 4, 0)),
        ("keys1000-68a22170e57b11f1935d9b7b8ca7a154", (1000, 1000, 0)),
        ("keys1000_plain-69863fe0e57b11f1935d9b7b8ca7a154", (1000, 1000, 0)),
        ("statics-671566f0e57b11f1935d9b7b8ca7a154", (3, 3, 0)),
        ("tombs-6732b2f0e57b11f1935d9b7b8ca7a154", (6, 29, 6)),
        ("types_lz4-66b43420e57b11f1935d9b7b8ca7a154", (4, 4, 0)),
        ("types_plain-66e2e540e57b11f1935d9b7b8ca7a154", (4, 4, 0)),
    ];
    for (name, counts) in expected {
        let folder = root.join(name);
        let header = header_of(&folder, "nb-1-big");
        let partitions = read_and_rewrite(&data_of(&folder, "nb-1-big"), &header, name);
        let rows: usize = partitions.iter().map(|(_, partition)| partition.rows.len()).sum();
        let ranges: usize = partitions
            .iter()
            .map(|(_, partition)| partition.range_tombstones.iter().count())
            .sum();
        assert_eq!((partitions.len(), rows, ranges), counts, "{name}");
    }
}

#[test]
fn partitions_of_legacy_tables_come_back_byte_by_byte() {
    let Some(root) = real_files::folder("legacy") else {
        return;
    };
    let mut table_count = 0;
    for entry in std::fs::read_dir(&root).expect("a folder") {
        let folder = entry.expect("an entry").path();
        let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
        let version = if name.starts_with("legacy_na") { "na" } else { "nb" };
        let prefix = format!("{version}-1-big");
        let header = header_of(&folder, &prefix);
        let partitions = read_and_rewrite(&data_of(&folder, &prefix), &header, &name);
        assert_eq!(partitions.len(), 5, "{name}");
        // Compact tables without clustering columns have their columns in the static row.
        let is_static = name.contains("simple") && name.ends_with("compact");
        let expected_count = if name.contains("clust") { 50 } else { 1 };
        for (_, partition) in &partitions {
            let rows: Vec<&Row> = if is_static {
                vec![&partition.static_row]
            } else {
                partition.rows.values().collect()
            };
            assert_eq!(rows.len(), expected_count, "{name}");
            for cell in rows.iter().flat_map(|row| row.cells.values()) {
                if name.contains("counter") {
                    let context = CounterContext::read(&cell.value, 0).expect("a counter");
                    assert_eq!(context.total(), 1, "{name}");
                } else if name.contains("simple") {
                    assert_eq!(&*cell.value, b"foo bar baz", "{name}");
                }
            }
        }
        table_count += 1;
    }
    assert_eq!(table_count, 12);
}
