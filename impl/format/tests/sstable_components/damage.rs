//! Damage of small components: an error, or one of the bytes that are listed here. Never a panic.

use crate::real_sstable::SSTable;
use proptest::prelude::*;
use std::ops::Range;
use thymbra_format::Cursor;
use thymbra_format::sstable::metadata::Statistics;
use thymbra_format::sstable::{
    BloomFilter, Checksums, Component, CompressionInfo, Digest, IndexSummary, RowIndexEntry, Toc, Version,
};
use thymbra_types::Partitioner;

/// What components are checked against.
struct Context {
    version: Version,
    data_file: Vec<u8>,
    keys: Vec<Vec<u8>>,
}

/// Reads a component as its users do, with what they check it against.
fn is_accepted(context: &Context, component: Component, bytes: &[u8]) -> bool {
    let file = &context.data_file;
    match component {
        Component::CompressionInfo => {
            CompressionInfo::read(bytes).is_ok_and(|info| info.decompress_all(file, &mut Vec::new()).is_ok())
        }
        Component::Crc => Checksums::read(bytes).is_ok_and(|checksums| checksums.check(file).is_ok()),
        Component::Digest => Digest::read(bytes).is_ok_and(|digest| digest == Digest::of(file)),
        Component::Filter => {
            let ends = [&context.keys[0], &context.keys[context.keys.len() - 1]].map(Vec::as_slice);
            BloomFilter::read(bytes).is_ok_and(|mut filter| filter.check(ends.into_iter()).is_ok())
        }
        Component::PrimaryIndex => RowIndexEntry::all(Cursor::new(bytes)).all(|entry| entry.is_ok()),
        Component::Statistics => Statistics::read(bytes, context.version).is_ok(),
        Component::Summary => IndexSummary::read(bytes, Partitioner::Murmur3).is_ok(),
        Component::Toc => Toc::read(bytes).is_ok(),
        Component::Data => true,
    }
}

/// Bytes of which a change may not be noticed by reading the component alone, and why.
fn unnoticed_bytes(component: Component, size: usize) -> Range<usize> {
    match component {
        // Behind checksums, or compared with the data.
        Component::Statistics | Component::Digest => 0..0,
        // Length of a slice, where the data is shorter.
        Component::Crc => 0..4,
        // Length of a chunk, where the data is shorter. The limit from which chunks are stored as they
        // are, while none is that long.
        Component::CompressionInfo => 19..27,
        // Number of hashes: fewer find the keys too. Bits: those of other keys than the checked ones.
        Component::Filter => 3..size,
        // Keys and positions: the data has the key again, and reads compare it.
        Component::PrimaryIndex => 0..size,
        // Interval and sampling level say how it was made; keys and positions lead to another stretch
        // of the index, as long as they are in order.
        Component::Summary => 0..size,
        // Names may become those of other files, which are not there then.
        Component::Toc | Component::Data => 0..size,
    }
}

/// Lengths to which a component can be cut without notice.
fn unnoticed_cuts(component: Component, bytes: &[u8]) -> Vec<usize> {
    match component {
        // Entries and lines are whole; the summary, and the list itself, tell that some are missing.
        Component::PrimaryIndex => {
            let mut cursor = Cursor::new(bytes);
            let mut ends = vec![0];
            while RowIndexEntry::read(&mut cursor).is_ok() {
                ends.push(cursor.position());
            }
            ends
        }
        Component::Toc => {
            let line_ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
            core::iter::once(0)
                .chain(line_ends.map(|(index, _)| index + 1))
                .collect()
        }
        Component::Data
        | Component::Filter
        | Component::CompressionInfo
        | Component::Statistics
        | Component::Digest
        | Component::Crc
        | Component::Summary => Vec::new(),
    }
}

#[test]
fn damage_of_small_components_is_an_error_or_listed() {
    for sstable in SSTable::all("sstable-nb") {
        let context = Context {
            version: sstable.stem.version,
            data_file: sstable.read(Component::Data),
            keys: sstable.keys(),
        };
        for component in Component::ALL {
            let name = format!("{} {component}", sstable.name());
            if component == Component::Data || !sstable.has(component) {
                continue;
            }
            let bytes = sstable.read(component);
            if bytes.len() > 6_000 {
                continue;
            }
            let unnoticed_cuts = unnoticed_cuts(component, &bytes);
            for length in 0..bytes.len() {
                let is_accepted = is_accepted(&context, component, &bytes[..length]);
                assert_eq!(
                    is_accepted,
                    unnoticed_cuts.contains(&length),
                    "{name} cut at {length}"
                );
            }
            let unnoticed = unnoticed_bytes(component, bytes.len());
            for index in 0..bytes.len() {
                let mut damaged = bytes.clone();
                damaged[index] ^= 1 << (index % 8);
                if is_accepted(&context, component, &damaged) {
                    assert!(unnoticed.contains(&index), "{name} byte {index}");
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for partitioner in [Partitioner::Murmur3, Partitioner::ByteOrdered] {
            let _ = IndexSummary::read(&bytes, partitioner);
        }
        for version in [Version::Na, Version::Nb] {
            let _ = Statistics::read(&bytes, version);
        }
        let _ = CompressionInfo::read(&bytes);
        let _ = BloomFilter::read(&bytes).map(|filter| filter.may_contain(b"key"));
        let _ = Checksums::read(&bytes).map(|checksums| checksums.check(&bytes));
        let _ = (Digest::read(&bytes), Toc::read(&bytes));
        prop_assert!(RowIndexEntry::all(Cursor::new(&bytes)).count() <= bytes.len());
    }
}
