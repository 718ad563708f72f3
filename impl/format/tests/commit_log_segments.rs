//! Segments of the commit log: those of Apache Cassandra, ours, and damaged ones.

mod real_files;

use core::convert::Infallible;
use std::collections::BTreeMap;
use thymbra_format::commitlog::{
    CommitLogDescriptor, SYNC_MARKER_SIZE_BYTES, SegmentCompression, SegmentFinding, SegmentFindingKind,
    SegmentItem, SegmentReader, SyncMarker, write_compressed_section, write_record,
};

const MARKER_BYTES: usize = SYNC_MARKER_SIZE_BYTES as usize;
const ID: i64 = 0x0102_0304_0506;

fn descriptor(compression: SegmentCompression) -> CommitLogDescriptor {
    CommitLogDescriptor {
        segment_id: ID,
        compression,
    }
}

fn append(out: &mut Vec<u8>, mutation: &[u8]) {
    let written: Result<(), Infallible> = write_record(out, |out| {
        out.extend_from_slice(mutation);
        Ok(())
    });
    written.expect("appending cannot fail");
}

fn mutations() -> Vec<Vec<Vec<u8>>> {
    let mutation = |byte: u8, size_bytes: usize| vec![byte; size_bytes];
    vec![
        vec![mutation(1, 10), mutation(2, 33)],
        vec![mutation(3, 12)],
        vec![mutation(4, 300), mutation(5, 11), mutation(6, 10)],
    ]
}

/// A segment of 600 bytes with three sections, and where each section's marker stands.
fn uncompressed_segment() -> (Vec<u8>, Vec<usize>) {
    let mut out = Vec::new();
    descriptor(SegmentCompression::None).write(&mut out);
    let mut markers = Vec::new();
    for section in mutations() {
        let begin = out.len();
        markers.push(begin);
        out.extend_from_slice(&[0; MARKER_BYTES]);
        for mutation in section {
            append(&mut out, &mutation);
        }
        let offset = |position: usize| u32::try_from(position).expect("small");
        let marker = SyncMarker::new(ID, offset(begin), offset(out.len()));
        out[begin..begin + MARKER_BYTES].copy_from_slice(&marker.to_bytes());
    }
    out.resize(600, 0);
    (out, markers)
}

fn lz4_segment() -> Vec<u8> {
    let mut out = Vec::new();
    descriptor(SegmentCompression::Lz4 {
        parameters: None,
        has_end_marker: false,
    })
    .write(&mut out);
    for section in mutations() {
        let mut records = Vec::new();
        for mutation in section {
            append(&mut records, &mutation);
        }
        write_compressed_section(ID, &records, 0, &mut out);
    }
    out
}

/// Mutations, and where their records end.
type Records = Vec<(Vec<u8>, u32)>;

/// The records of a segment with the positions of their ends, and what stands behind them.
fn read(file: &[u8]) -> Result<(Records, SegmentFinding, bool), String> {
    let mut reader = SegmentReader::open(file, Some(ID)).map_err(|error| error.to_string())?;
    let mut records = Vec::new();
    loop {
        match reader.next() {
            Some(SegmentItem::Record(record)) => {
                assert_eq!(record.position.segment_id, ID);
                records.push((record.mutation.to_vec(), record.position.position));
            }
            Some(SegmentItem::Finding(finding)) => {
                assert_eq!(reader.next(), None, "a reader stands still at a finding");
                return Ok((records, finding, reader.is_followed_by_marker()));
            }
            None => return Err("a segment without finding".into()),
        }
    }
}

#[test]
fn records_end_where_their_positions_say() {
    let (file, _) = uncompressed_segment();
    let (records, finding, is_followed) = read(&file).expect("a whole segment");
    for (mutation, position) in &records {
        let end = usize::try_from(*position).expect("small");
        assert_eq!(&file[end - 4 - mutation.len()..end - 4], mutation.as_slice());
    }
    assert_eq!(records.len(), 6);
    assert_eq!(finding.kind, SegmentFindingKind::NoMarker);
    assert!(!is_followed);
}

#[test]
fn positions_are_those_of_an_uncompressed_segment_with_a_longer_header() {
    let header_size_bytes = |compression: SegmentCompression| {
        let mut out = Vec::new();
        descriptor(compression).write(&mut out);
        u32::try_from(out.len()).expect("small")
    };
    let longer = header_size_bytes(SegmentCompression::Lz4 {
        parameters: None,
        has_end_marker: false,
    }) - header_size_bytes(SegmentCompression::None);
    let (plain, _, _) = read(&uncompressed_segment().0).expect("a whole segment");
    let (lz4, finding, _) = read(&lz4_segment()).expect("a whole segment");
    assert_eq!(finding.kind, SegmentFindingKind::NoMarker);
    let shifted: Vec<(Vec<u8>, u32)> = plain
        .into_iter()
        .map(|(mutation, position)| (mutation, position + longer))
        .collect();
    assert_eq!(lz4, shifted);
}

#[test]
fn flipped_byte_is_found_or_changes_nothing() {
    for (file, synced_bytes) in [
        (
            uncompressed_segment().0,
            600 - trailing_zeros(&uncompressed_segment().0),
        ),
        (lz4_segment(), lz4_segment().len()),
    ] {
        let (whole, _, _) = read(&file).expect("a whole segment");
        let mut kinds = BTreeMap::new();
        for index in 0..synced_bytes {
            for bit in [0x01, 0x80] {
                let mut flipped = file.clone();
                flipped[index] ^= bit;
                let Ok((records, finding, _)) = read(&flipped) else {
                    *kinds.entry("header".to_owned()).or_insert(0) += 1;
                    continue;
                };
                assert!(
                    whole.starts_with(&records),
                    "byte {index}: a record that never was"
                );
                if finding.kind == SegmentFindingKind::NoMarker {
                    // Within an LZ4 block another distance may copy the same bytes.
                    assert_eq!(
                        records, whole,
                        "byte {index} of {synced_bytes} flipped and not noticed"
                    );
                }
                *kinds.entry(format!("{:?}", finding.kind)).or_insert(0) += 1;
            }
        }
        println!("{kinds:?}");
    }
}

fn trailing_zeros(file: &[u8]) -> usize {
    file.iter().rev().take_while(|byte| **byte == 0).count()
}

#[test]
fn every_truncation_gives_the_records_before_it() {
    for file in [uncompressed_segment().0, lz4_segment()] {
        let (whole, _, _) = read(&file).expect("a whole segment");
        for cut in 0..file.len() {
            let Ok((records, finding, is_followed)) = read(&file[..cut]) else {
                continue;
            };
            assert!(whole.starts_with(&records), "cut at {cut}");
            assert!(!is_followed, "cut at {cut}");
            if records.len() == whole.len() {
                continue;
            }
            assert!(
                matches!(
                    finding.kind,
                    SegmentFindingKind::NoMarker | SegmentFindingKind::MarkerTarget
                ),
                "cut at {cut}: {finding:?}"
            );
        }
    }
}

#[test]
fn file_shorter_than_its_marker_says_gives_the_records_that_are_there() {
    let (file, markers) = uncompressed_segment();
    let last = markers[2];
    let cut = &file[..last + MARKER_BYTES + 312 + 5];
    let (records, finding, _) = read(cut).expect("the header is there");
    assert_eq!(records.len(), 4, "the first record of the last section is whole");
    assert_eq!(finding.kind, SegmentFindingKind::MarkerTarget);
    assert!(finding.error.to_string().starts_with("sync marker at offset"));
}

/// First bytes of the mutations of a damaged segment, and what was found between them, when the
/// reader is told to go on wherever it can.
fn go_on(damage: impl Fn(&mut Vec<u8>), next_record: bool) -> (Vec<u8>, Vec<SegmentFindingKind>) {
    let (mut file, _) = uncompressed_segment();
    damage(&mut file);
    let mut reader = SegmentReader::open(&file, None).expect("the header is whole");
    let (mut bytes, mut kinds) = (Vec::new(), Vec::new());
    loop {
        while let Some(item) = reader.next() {
            match item {
                SegmentItem::Record(record) => bytes.push(record.mutation[0]),
                SegmentItem::Finding(finding) => kinds.push(finding.kind),
            }
        }
        let goes_on = (next_record && reader.go_on_with_next_record()) || reader.go_on_with_next_section();
        if !goes_on {
            return (bytes, kinds);
        }
    }
}

#[test]
fn reader_goes_on_only_when_told_and_where_it_can() {
    let (_, markers) = uncompressed_segment();
    let first_record = markers[0] + MARKER_BYTES;
    let first_checksum = first_record + 8 + 10;
    assert_eq!(
        go_on(|file| file[first_checksum] ^= 1, true),
        (
            vec![2, 3, 4, 5, 6],
            vec![SegmentFindingKind::RecordChecksum, SegmentFindingKind::NoMarker]
        )
    );
    assert_eq!(
        go_on(|file| file[first_checksum] ^= 1, false),
        (
            vec![3, 4, 5, 6],
            vec![SegmentFindingKind::RecordChecksum, SegmentFindingKind::NoMarker]
        )
    );
    for (damage, kind) in [
        ([0, 0, 0, 0], SegmentFindingKind::ZeroSize),
        ([0, 0, 0, 9], SegmentFindingKind::SizeTooSmall),
        ([0xff, 0, 0, 9], SegmentFindingKind::SizeTooSmall),
        ([0, 0, 0, 11], SegmentFindingKind::SizeChecksum),
    ] {
        let damaged = go_on(
            |file| file[first_record..first_record + 4].copy_from_slice(&damage),
            true,
        );
        assert_eq!(
            damaged,
            (vec![3, 4, 5, 6], vec![kind, SegmentFindingKind::NoMarker])
        );
    }
    // A marker with a wrong checksum: the next right one is searched for.
    assert_eq!(
        go_on(|file| file[markers[1] + 5] ^= 1, true),
        (
            vec![1, 2, 4, 5, 6],
            vec![SegmentFindingKind::MarkerChecksum, SegmentFindingKind::NoMarker]
        )
    );
    // An end that is too small is in the midst of a record.
    assert_eq!(
        go_on(|file| file[markers[0] + 3] -= 1, true),
        (
            vec![1, 3, 4, 5, 6],
            vec![
                SegmentFindingKind::RecordBeyondEnd,
                SegmentFindingKind::MarkerChecksum,
                SegmentFindingKind::NoMarker
            ]
        )
    );
}

#[test]
fn finding_before_the_last_marker_is_followed_by_one() {
    let (file, markers) = uncompressed_segment();
    let is_followed = |index: usize| {
        let mut damaged = file.clone();
        damaged[index] ^= 1;
        read(&damaged).expect("the header is whole").2
    };
    assert!(
        is_followed(markers[0] + MARKER_BYTES),
        "a record of the first section"
    );
    assert!(is_followed(markers[1]), "an end that points elsewhere");
    assert!(is_followed(markers[1] + 4), "a marker's checksum");
    assert!(!is_followed(markers[2] + 4), "the last marker's checksum");
    assert!(
        !is_followed(markers[2] + MARKER_BYTES),
        "a record of the last section"
    );
}

#[test]
fn remainder_too_small_for_a_size_is_said() {
    let mut file = Vec::new();
    descriptor(SegmentCompression::None).write(&mut file);
    let begin = file.len();
    file.extend_from_slice(&[0; MARKER_BYTES]);
    append(&mut file, &[7; 20]);
    file.extend_from_slice(&[0, 0, 0]);
    let offset = |position: usize| u32::try_from(position).expect("small");
    let marker = SyncMarker::new(ID, offset(begin), offset(file.len()));
    file[begin..begin + MARKER_BYTES].copy_from_slice(&marker.to_bytes());
    let (records, finding, _) = read(&file).expect("the header is whole");
    assert_eq!(records.len(), 1);
    assert_eq!(finding.kind, SegmentFindingKind::RemainderTooSmall);
}

#[test]
fn empty_segment_is_at_its_end_from_the_beginning() {
    for (bytes_behind, is_at_end) in [(0, true), (7, true), (8, true), (100, true)] {
        let mut file = Vec::new();
        descriptor(SegmentCompression::None).write(&mut file);
        file.resize(file.len() + bytes_behind, 0);
        let reader = SegmentReader::open(&file, None).expect("the header is whole");
        assert_eq!(
            reader.is_at_end(),
            is_at_end,
            "{bytes_behind} bytes behind the header"
        );
    }
    let (file, _) = uncompressed_segment();
    assert!(!SegmentReader::open(&file, None).expect("whole").is_at_end());
}

#[test]
fn segment_under_the_name_of_another_is_refused() {
    let (file, _) = uncompressed_segment();
    let error = SegmentReader::open(&file, Some(ID + 1)).expect_err("the ids differ");
    assert!(error.to_string().contains("in the name"), "{error}");
}

#[test]
fn segments_of_cassandra_are_read_to_their_ends() {
    let Some(folder) = real_files::folder("commitlog") else {
        return;
    };
    let mut counts = BTreeMap::new();
    let mut section_count = 0;
    for (folder, name) in [
        ("v7-uncompressed", "CommitLog-7-1795245231477.log"),
        ("v7-uncompressed", "CommitLog-7-1795245231478.log"),
        ("v7-lz4", "CommitLog-7-1795245602018.log"),
        ("v7-lz4", "CommitLog-7-1795245602019.log"),
    ]
    .map(|(group, name)| (folder.join(group), name))
    {
        let file = real_files::read(folder.join(name));
        let (version, id) = CommitLogDescriptor::parse_file_name(name).expect("a segment's name");
        assert_eq!(version, 7);
        let mut reader = SegmentReader::open(&file, Some(id)).expect("a whole header");
        assert_eq!(reader.descriptor().file_name(), name);
        let mut record_count = 0;
        let finding = loop {
            match reader.next().expect("a segment ends with a finding") {
                SegmentItem::Record(_) => record_count += 1,
                SegmentItem::Finding(finding) => break finding,
            }
        };
        assert_eq!(finding.kind, SegmentFindingKind::NoMarker, "{name}: {finding:?}");
        assert!(!reader.is_followed_by_marker(), "{name}");
        counts.insert(name, record_count);
        if reader.descriptor().compression == SegmentCompression::None {
            section_count += count_sections(&file);
        }
    }
    assert_eq!(section_count, 66);
    let uncompressed: usize = counts.iter().take(2).map(|(_, count)| count).sum();
    assert_eq!(uncompressed, 2628, "{counts:?}");
    assert!(counts["CommitLog-7-1795245602018.log"] >= 200, "{counts:?}");
    assert_eq!(counts["CommitLog-7-1795245602019.log"], 0);
}

/// Follows the markers of an uncompressed segment of Cassandra, whose header has 20 bytes.
fn count_sections(file: &[u8]) -> usize {
    let marker_at = |offset: usize| {
        SyncMarker::of_bytes(file[offset..offset + MARKER_BYTES].try_into().expect("8 bytes"))
    };
    let mut offset = 20;
    let mut count = 0;
    while offset + MARKER_BYTES <= file.len() && !marker_at(offset).is_zero() {
        offset = usize::try_from(marker_at(offset).section_end).expect("small");
        count += 1;
    }
    count
}
