//! The components of an SSTable.

use super::choice;
use thymbra_format::sstable::metadata::{
    HyperLogLogPlus, MetadataComponents, MetadataType, StatsMetadata, ValidationMetadata, write_components,
};
use thymbra_format::sstable::{
    BloomFilter, Checksums, CompressionInfo, Digest, IndexSummary, RowIndexEntry, Toc, Version,
};
use thymbra_format::{AbstractType, Cursor};
use thymbra_types::{DecoratedKey, Partitioner};

/// Blocks of a promoted index that are looked at in one input.
const BLOCKS_COUNT: usize = 1_000;

/// Index.db: every entry, and every block of its promoted index.
pub(super) fn index(bytes: &[u8]) -> bool {
    let types = [AbstractType::Int32, AbstractType::Utf8];
    for entry in RowIndexEntry::all(Cursor::new(bytes)) {
        let Ok(entry) = entry else {
            return false;
        };
        let Some(promoted) = entry.promoted else {
            continue;
        };
        for index in 0..promoted.block_count().min(BLOCKS_COUNT) {
            let Ok(Some(block)) = promoted.block(index, &types) else {
                break;
            };
            let mut written = Vec::new();
            if block.write(&types, &mut written).is_ok() {
                let again = thymbra_format::sstable::IndexInfo::read(&mut Cursor::new(&written), &types);
                assert_eq!(again, Ok(block));
            }
        }
    }
    !bytes.is_empty()
}

/// Summary.db: every entry, and where a key is looked for.
pub(super) fn summary(bytes: &[u8]) -> bool {
    let Ok(summary) = IndexSummary::read(bytes, Partitioner::Murmur3) else {
        return false;
    };
    for index in 0..summary.entry_count() {
        assert!(summary.entry(index).is_some());
    }
    for key in [summary.first_key(), summary.last_key(), b"key"] {
        let key = DecoratedKey::new(Partitioner::Murmur3, key);
        let _any = summary.index_range(&key);
    }
    let mut written = Vec::new();
    summary.write(&mut written);
    let again = IndexSummary::read(&written, Partitioner::Murmur3);
    assert_eq!(again, Ok(summary));
    true
}

/// Filter.db: it answers for any key, and has the keys that are added.
pub(super) fn filter(bytes: &[u8]) -> bool {
    let Ok(mut filter) = BloomFilter::read(bytes) else {
        return false;
    };
    let _any = filter.may_contain(b"key");
    let mut written = Vec::new();
    filter.write(&mut written);
    assert_eq!(BloomFilter::read(&written).as_ref(), Ok(&filter));
    filter.add(b"key");
    assert!(filter.may_contain(b"key"));
    true
}

/// CompressionInfo.db, whose length is the first byte, and Data.db behind it.
pub(super) fn compressed_data(bytes: &[u8]) -> bool {
    let Some((length, rest)) = choice(bytes) else {
        return false;
    };
    let (info, data) = rest.split_at(length.min(rest.len()));
    let Ok(info) = CompressionInfo::read(info) else {
        return false;
    };
    let mut written = Vec::new();
    if info.write(&mut written).is_ok() {
        assert_eq!(CompressionInfo::read(&written).as_ref(), Ok(&info));
    }
    let mut restored = Vec::new();
    let is_restored = info.decompress_all(data, &mut restored).is_ok();
    assert!(!is_restored || restored.len() as u64 == info.data_length_bytes);
    is_restored
}

/// Statistics.db: as it is, and its components behind right checksums.
pub(super) fn statistics(bytes: &[u8]) -> bool {
    drop(MetadataComponents::read(bytes));
    let Some((variant, bytes)) = choice(bytes) else {
        return false;
    };
    let mut file = Vec::new();
    if write_components(&[(MetadataType::Stats, bytes)], &mut file).is_ok() {
        let components = MetadataComponents::read(&file).expect("a file of one component can be taken apart");
        let content = components
            .get(MetadataType::Stats)
            .map(|cursor| cursor.remaining());
        assert_eq!(content, Some(bytes));
    }
    match variant % 3 {
        0 => validation(bytes),
        1 => compaction(bytes),
        _stats => stats(bytes),
    }
}

fn validation(bytes: &[u8]) -> bool {
    let Ok(validation) = ValidationMetadata::read(&mut Cursor::new(bytes)) else {
        return false;
    };
    let mut written = Vec::new();
    if validation.write(&mut written).is_ok() {
        assert!(ValidationMetadata::read(&mut Cursor::new(&written)).is_ok());
    }
    true
}

fn compaction(bytes: &[u8]) -> bool {
    let Ok(mut sketch) = HyperLogLogPlus::read(bytes) else {
        return false;
    };
    let cardinality = sketch.cardinality();
    let mut written = Vec::new();
    sketch.write(&mut written);
    let again = HyperLogLogPlus::read(&written).map(|sketch| sketch.cardinality());
    assert_eq!(again, Ok(cardinality));
    true
}

fn stats(bytes: &[u8]) -> bool {
    let Ok(stats) = StatsMetadata::read(&mut Cursor::new(bytes), Version::Nb) else {
        return false;
    };
    let _any = stats.estimated_droppable_tombstone_ratio(0);
    let mut written = Vec::new();
    if stats.write(Version::Nb, &mut written).is_ok() {
        let mut again = Vec::new();
        let read = StatsMetadata::read(&mut Cursor::new(&written), Version::Nb);
        let rewritten = read
            .expect("what is written is read")
            .write(Version::Nb, &mut again);
        rewritten.expect("what was written once is written again");
        assert_eq!(again, written);
    }
    true
}

/// Digest.crc32, CRC.db and TOC.txt.
pub(super) fn checksums(bytes: &[u8]) -> bool {
    let digest = Digest::read(bytes);
    if let Ok(digest) = &digest {
        let mut written = Vec::new();
        digest.write(&mut written);
        assert_eq!(written, bytes, "a digest has one form");
    }
    let checksums = Checksums::read(bytes);
    if let Ok(checksums) = &checksums {
        let mut written = Vec::new();
        checksums.write(&mut written);
        assert_eq!(written, bytes, "checksums have one form");
        drop(checksums.check(bytes));
    }
    let toc = Toc::read(bytes);
    if let Ok(toc) = &toc {
        let mut written = Vec::new();
        toc.write(&mut written);
        assert_eq!(Toc::read(&written).as_ref(), Ok(toc));
    }
    digest.is_ok() || checksums.is_ok() || toc.is_ok()
}
