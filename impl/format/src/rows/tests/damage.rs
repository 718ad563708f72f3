//! Bytes that no writer makes.

use super::arbitrary::{Case, case};
use super::columns;
use super::round_trips::written;
use crate::cursor::Cursor;
use crate::error::FormatError;
use crate::marshal::AbstractType;
use crate::rows::encoding_stats::EncodingStats;
use crate::rows::header::SerializationHeader;
use crate::rows::partition::read_partition;
use crate::rows::unfiltered::{UnfilteredForm, UnfilteredReader};
use proptest::prelude::*;
use std::sync::Arc;
use thymbra_types::Partition;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_cut_of_a_partition_is_one(case in case()) {
        let bytes = written(&case);
        for cut in 0..bytes.len() {
            let read = read_partition(&mut Cursor::new(&bytes[..cut]), &case.header);
            prop_assert!(read.is_err(), "cut at {} of {}", cut, bytes.len());
        }
    }

    #[test]
    fn flipped_bit_gives_an_error_or_a_partition_that_can_be_written(case in case(), bit in 0_u8..8) {
        let bytes = written(&case);
        for index in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[index] ^= 1 << bit;
            let Ok((_, partition)) = read_partition(&mut Cursor::new(&flipped), &case.header) else {
                continue;
            };
            let other = Case { header: case.header.clone(), partition };
            let rewritten = written(&other);
            let (_, again) = read_partition(&mut Cursor::new(&rewritten), &case.header)?;
            prop_assert_eq!(again, other.partition, "byte {}", index);
        }
    }
}

/// A table with one `int` clustering column, a static one, a value and a set.
fn header() -> SerializationHeader {
    let set = AbstractType::Set {
        elements: Box::new(AbstractType::Int32),
        is_multicell: true,
    };
    SerializationHeader {
        key_type: Arc::new(AbstractType::Bytes),
        clustering_types: [AbstractType::Int32].into(),
        static_columns: columns(&[("s", AbstractType::Int32)]),
        regular_columns: columns(&[("v", AbstractType::Int32), ("set", set)]),
        stats: EncodingStats::NO_STATS,
    }
}

/// Rows as in a mutation, behind the static row.
fn read(bytes: &[u8]) -> Result<Partition, FormatError> {
    let header = header();
    let mut reader = UnfilteredReader::new(Cursor::new(bytes), &header, UnfilteredForm::Messaging);
    crate::rows::partition::read_unfiltereds(&mut reader, Partition::default())
}

/// What is said to be wrong, where, and what is expected there.
fn fault(bytes: &[u8]) -> (&'static str, u64, &'static str) {
    match read(bytes) {
        Err(FormatError::Invalid {
            what,
            offset,
            expected,
            ..
        }) => (what, offset, expected),
        other => panic!("{bytes:02x?}: {other:?}"),
    }
}

/// A row with a timestamp and nothing else at a clustering.
fn row(clustering: u8) -> Vec<u8> {
    vec![0x04, 0x00, 0, 0, 0, clustering, 0x05, 0x03]
}

/// A marker of a kind at a prefix, with deletions at these timestamps.
fn marker(kind: u8, prefix: u8, timestamps: &[u8]) -> Vec<u8> {
    let deletions = timestamps.iter().flat_map(|timestamp| [*timestamp, 1]);
    [0x02, kind, 0, 1, 0x00, 0, 0, 0, prefix]
        .into_iter()
        .chain(deletions)
        .collect()
}

const END: [u8; 1] = [0x01];

#[test]
fn rows_and_markers_in_order_are_a_partition() {
    let bytes = [
        row(1),
        marker(1, 2, &[9]),
        row(2),
        marker(2, 3, &[9, 8]),
        row(3),
        marker(5, 3, &[8, 7]),
        marker(6, 4, &[7]),
        END.to_vec(),
    ]
    .concat();
    let partition = read(&bytes).expect("in order");
    assert_eq!(partition.rows.len(), 3);
    assert_eq!(partition.range_tombstones.iter().count(), 3);
}

#[test]
fn disorder_is_refused() {
    const ORDER: &str = "the order of the clustering columns";
    let row_size = row(1).len() as u64;
    let marker_size = marker(1, 1, &[9]).len() as u64;
    for (bytes, expected) in [
        ([row(2), row(1)].concat(), ("row", row_size, ORDER)),
        ([row(2), row(2)].concat(), ("row", row_size, ORDER)),
        ([row(2), marker(1, 2, &[9])].concat(), ("marker", row_size, ORDER)),
        ([marker(7, 2, &[9]), row(2)].concat(), ("row", marker_size, ORDER)),
        (
            [marker(1, 2, &[9]), marker(6, 1, &[9])].concat(),
            ("marker", marker_size, ORDER),
        ),
    ] {
        assert_eq!(fault(&bytes), expected, "{bytes:02x?}");
    }
}

#[test]
fn markers_that_do_not_fit_together_are_refused() {
    let size = marker(1, 1, &[9]).len() as u64;
    for (bytes, what, expected) in [
        (
            marker(6, 1, &[9]),
            "marker",
            "a range that begins, because none is open",
        ),
        (
            marker(2, 1, &[9, 8]),
            "marker",
            "a range that begins, because none is open",
        ),
        (
            [marker(1, 1, &[9]), marker(1, 2, &[9])].concat(),
            "marker",
            "the end of the range that is open",
        ),
        (
            [marker(1, 1, &[9]), marker(6, 2, &[8])].concat(),
            "marker",
            "the deletion of the range that is open",
        ),
        (
            [marker(1, 1, &[9]), END.to_vec()].concat(),
            "end of a partition",
            "the end of the range that is open",
        ),
    ] {
        let (found_what, offset, found) = fault(&bytes);
        assert_eq!((found_what, found), (what, expected), "{bytes:02x?}");
        assert!(offset <= size + 1, "{offset}");
    }
    assert_eq!(fault(&[0x02, 4, 0, 1]).0, "kind of a bound");
    assert_eq!(fault(&[0x02, 8, 0, 1]).0, "kind of a bound");
    assert_eq!(fault(&[0x02, 1, 0, 2]).0, "number of components of a bound");
}

#[test]
fn deletions_of_ranges_are_never_live() {
    let timestamp = i64::MIN.wrapping_sub(EncodingStats::NO_STATS.min_timestamp.0);
    let seconds = i32::MAX - EncodingStats::NO_STATS.min_local_deletion_time_seconds;
    let mut bytes = marker(1, 1, &[]);
    crate::vint::write_unsigned(timestamp.cast_unsigned(), &mut bytes);
    crate::vint::write_unsigned(u64::from(seconds.cast_unsigned()), &mut bytes);
    assert_eq!(fault(&bytes).0, "deletion of a range");
}

#[test]
fn impossible_flags_of_rows_are_refused() {
    for (flags, expected) in [
        (&[0x03][..], "a row, or exactly the byte of an end or marker"),
        (&[0x05], "a row, or exactly the byte of an end or marker"),
        (&[0x06], "a row, or exactly the byte of an end or marker"),
        (&[0x08], "a TTL only with a timestamp"),
        (&[0x84, 0x01], "no static row behind the beginning of a partition"),
        (&[0x94, 0x02], "no shadowable deletion, which only 3.x wrote"),
        (&[0x84, 0x04], "no unknown extended flags"),
    ] {
        assert_eq!(fault(flags), ("flags of a row", 0, expected), "{flags:02x?}");
    }
}

#[test]
fn impossible_flags_of_cells_are_refused() {
    // A row with the value alone: no timestamp, or one; an expiring one.
    let plain = [0x00, 0x00, 0, 0, 0, 1, 0x02];
    let live = [0x04, 0x00, 0, 0, 0, 1, 0x05, 0x02];
    let expiring = [0x0c, 0x00, 0, 0, 0, 1, 0x05, 0x3c, 0x07, 0x02];
    for (row, flags, expected) in [
        (&plain[..], 0x20, "no other bits than the lowest five"),
        (&plain, 0x07, "either a tombstone or an expiring cell"),
        (&plain, 0x01, "a tombstone without value"),
        (&plain, 0x08, "a timestamp, because the row has none"),
        (&live, 0x18, "a TTL only in an expiring cell"),
        (&live, 0x1a, "a TTL, because the row has none"),
        (&expiring, 0x15, "a TTL only in an expiring cell"),
    ] {
        let bytes = [row, &[flags]].concat();
        assert_eq!(
            fault(&bytes),
            ("flags of a cell", row.len() as u64, expected),
            "{flags:#x}"
        );
    }
}

#[test]
fn times_beyond_the_format_are_refused() {
    let cell = |flags: u8, times: &[u8]| [&[0x00, 0x00, 0, 0, 0, 1, 0x02, flags, 0x00], times].concat();
    let too_wide = [0xf8, 0x80, 0, 0, 0, 0];
    let to_none = {
        let mut out = Vec::new();
        let seconds = i32::MAX - EncodingStats::NO_STATS.min_local_deletion_time_seconds;
        crate::vint::write_unsigned(u64::from(seconds.cast_unsigned()), &mut out);
        out
    };
    let negative = [0xff, 0xff, 0xff, 0xff, 0xff, 0x80, 0, 0, 0];
    for times in [&too_wide[..], &to_none, &negative] {
        assert_eq!(
            fault(&cell(0x05, times)).0,
            "deletion time of a cell",
            "{times:02x?}"
        );
    }
    for ttl in [&[0x00][..], &[0xf0, 0x25, 0x98, 0x06, 0x01]] {
        let times = [&[0x00], ttl].concat();
        assert_eq!(fault(&cell(0x02, &times)).0, "TTL of a cell", "{ttl:02x?}");
    }
}

#[test]
fn elements_out_of_order_are_refused() {
    // The set alone, with cells of an empty value.
    let row = |elements: &[u8]| {
        let cells = elements
            .iter()
            .flat_map(|element| [0x04, 0x00, 4, 0, 0, 0, *element]);
        let count = u8::try_from(elements.len()).expect("few");
        [0x00, 0x00, 0, 0, 0, 1, 0x01, count]
            .into_iter()
            .chain(cells)
            .chain(END)
            .collect::<Vec<u8>>()
    };
    assert!(read(&row(&[1, 2])).is_ok());
    assert_eq!(fault(&row(&[2, 1])).0, "path of a cell");
    assert_eq!(fault(&row(&[1, 1])).0, "path of a cell");
}

#[test]
fn size_of_a_row_is_where_it_ends() {
    let header = header();
    let row = |size: u8, rest: &[u8]| {
        let head = [0x04, 0x00, 0, 0, 0, 1, size, 0x00, 0x05, 0x03];
        let bytes = [&head, rest, &END].concat();
        let cursor = Cursor::new(&bytes);
        let mut reader = UnfilteredReader::new(cursor, &header, UnfilteredForm::SsTable);
        reader.next().map(|row| row.is_some())
    };
    assert_eq!(row(3, &[]), Ok(true));
    assert!(row(2, &[]).is_err(), "the set of columns lies behind the end");
    assert!(row(4, &[0xaa]).is_err(), "a byte too many");
    assert!(row(0x70, &[]).is_err(), "beyond the file");
}
