//! Laws of index entries: what was written comes back, damage is found, bisection finds the block.

use super::*;
use crate::rows::{ClusteringKind, ClusteringValues};
use proptest::prelude::*;
use thymbra_types::{LocalDeletionTime, Timestamp};

const TYPES: [AbstractType; 2] = [AbstractType::Int32, AbstractType::Utf8];

fn prefix(kind: ClusteringKind, number: i32, text: &str) -> ClusteringPrefix {
    ClusteringPrefix {
        kind,
        values: ClusteringValues::of([&number.to_be_bytes()[..], text.as_bytes()]),
    }
}

fn block(number: i32, width_bytes: u64) -> IndexInfo {
    IndexInfo {
        first: prefix(ClusteringKind::Clustering, number * 10, "a"),
        last: prefix(ClusteringKind::InclEndBound, number * 10 + 9, ""),
        offset_bytes: 65_540 * u64::from(number.unsigned_abs()),
        width_bytes,
        end_open_marker: (number % 2 == 0)
            .then(|| DeletionTime::new(Timestamp(5), LocalDeletionTime(i64::from(number)))),
    }
}

fn entry(block_count: i32) -> Vec<u8> {
    let mut writer = RowIndexWriter::new();
    for number in 0..block_count {
        writer
            .add_block(&block(number, 65_000 + u64::from(number.unsigned_abs())), &TYPES)
            .unwrap();
    }
    let mut out = Vec::new();
    writer
        .end_partition(b"key", 1_000, 17, DeletionTime::LIVE, &mut out)
        .unwrap();
    out
}

fn only(bytes: &[u8]) -> Result<RowIndexEntry<'_>, FormatError> {
    RowIndexEntry::read(&mut Cursor::new(bytes))
}

/// Everything that an entry says, blocks included.
fn read_wholly(bytes: &[u8]) -> Result<Vec<IndexInfo>, FormatError> {
    let entry = only(bytes)?;
    let Some(promoted) = entry.promoted else {
        return Ok(Vec::new());
    };
    (0..promoted.block_count())
        .map(|index| Ok(promoted.block(index, &TYPES)?.expect("an index below the count")))
        .collect()
}

proptest! {
    #[test]
    fn blocks_come_back(
        blocks in prop::collection::vec((any::<i32>(), ".{0,9}", 0_u64..1 << 40, 0_u64..1 << 40), 2..9),
    ) {
        let blocks: Vec<IndexInfo> = blocks
            .into_iter()
            .map(|(number, text, offset_bytes, width_bytes)| IndexInfo {
                first: prefix(ClusteringKind::ExclStartBound, number, &text),
                last: prefix(ClusteringKind::Clustering, number, &text),
                offset_bytes,
                width_bytes,
                end_open_marker: None,
            })
            .collect();
        let mut writer = RowIndexWriter::new();
        for block in &blocks {
            writer.add_block(block, &TYPES).unwrap();
        }
        let deletion = DeletionTime::new(Timestamp(-7), LocalDeletionTime(9));
        let mut out = Vec::new();
        writer.end_partition(b"k", 12, 3, deletion, &mut out).unwrap();
        prop_assert_eq!(read_wholly(&out).unwrap(), blocks);
        let promoted = only(&out).unwrap().promoted.unwrap();
        prop_assert_eq!((promoted.header_length_bytes, promoted.partition_deletion), (3, deletion));
    }
}

#[test]
fn entry_of_one_block_has_no_promoted_index() {
    for block_count in [0, 1] {
        let bytes = entry(block_count);
        assert_eq!(bytes, b"\x00\x03key\x83\xe8\x00");
        let read = only(&bytes).expect("an entry just written");
        assert_eq!(
            (read.key, read.data_position, read.promoted),
            (&b"key"[..], 1_000, None)
        );
    }
}

#[test]
fn writer_begins_anew_with_each_partition() {
    let mut writer = RowIndexWriter::new();
    let mut out = Vec::new();
    for _ in 0..2 {
        for number in 0..3 {
            writer.add_block(&block(number, 65_000), &TYPES).unwrap();
        }
        writer
            .end_partition(b"key", 1_000, 17, DeletionTime::LIVE, &mut out)
            .unwrap();
    }
    let entries: Vec<_> = RowIndexEntry::all(Cursor::new(&out))
        .map(Result::unwrap)
        .collect();
    let offsets = |entry: &RowIndexEntry<'_>| entry.promoted.map(|promoted| promoted.offsets.to_vec());
    assert_eq!(entries.len(), 2);
    assert_eq!(offsets(&entries[0]), offsets(&entries[1]));
}

#[test]
fn bisection_finds_the_first_block_that_is_not_passed() {
    let bytes = entry(9);
    let promoted = only(&bytes).unwrap().promoted.expect("nine blocks");
    for wanted in 0..=9 {
        let before = i32::try_from(wanted).unwrap() * 10;
        let found = promoted.partition_point(&TYPES, |block| {
            let number = block.last.values.0[0].as_deref().unwrap();
            i32::from_be_bytes(number.try_into().unwrap()) < before
        });
        assert_eq!(found, Ok(wanted));
    }
    assert_eq!(promoted.block(9, &TYPES), Ok(None));
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = entry(3);
    for length in 0..bytes.len() {
        assert!(read_wholly(&bytes[..length]).is_err(), "cut at {length}");
    }
}

/// Index.db has no checksum: damage may give another key, position, value or time. It must never
/// give a panic, and never a block that reaches into the next.
#[test]
fn flipped_bytes_give_an_error_or_other_values_of_the_same_shape() {
    let bytes = entry(3);
    for index in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[index] ^= 1 << bit;
            if let Ok(blocks) = read_wholly(&damaged) {
                assert!(blocks.len() == 3 || blocks.is_empty(), "byte {index} bit {bit}");
            }
        }
    }
}

#[test]
fn huge_counts_are_errors_before_memory_is_taken() {
    let mut bytes = b"\x00\x01k\x00".to_vec();
    let mut body = vec![5];
    body.extend_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0]);
    body.extend_from_slice(&[0xff; 9]);
    vint::write_unsigned(body.len() as u64, &mut bytes);
    bytes.extend_from_slice(&body);
    assert!(only(&bytes).is_err());
}
