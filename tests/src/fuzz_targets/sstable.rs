//! The components of an SSTable.

use super::choice;
use thymbra_format::sstable::{
    BloomFilter, Checksums, CompressionInfo, Digest, IndexSummary, RowIndexEntry, Toc,
};
use thymbra_format::{AbstractType, Cursor};
use thymbra_types::{DecoratedKey, Partitioner};

/// Blocks of a promoted index that are looked at in one input.
const BLOCKS_COUNT: usize = 1_000;

/// Index.db: every entry, and every block of its promoted index.
pub(super) fn index(bytes: &[u8]) {
    let types = [AbstractType::Int32, AbstractType::Utf8];
    for entry in RowIndexEntry::all(Cursor::new(bytes)) {
        let Ok(entry) = entry else {
            return;
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
}

/// Summary.db: every entry, and where a key is looked for.
pub(super) fn summary(bytes: &[u8]) {
    let Ok(summary) = IndexSummary::read(bytes, Partitioner::Murmur3) else {
        return;
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
}

/// Filter.db: it answers for any key, and has the keys that are added.
pub(super) fn filter(bytes: &[u8]) {
    let Ok(mut filter) = BloomFilter::read(bytes) else {
        return;
    };
    let _any = filter.may_contain(b"key");
    let mut written = Vec::new();
    filter.write(&mut written);
    assert_eq!(BloomFilter::read(&written).as_ref(), Ok(&filter));
    filter.add(b"key");
    assert!(filter.may_contain(b"key"));
}

/// CompressionInfo.db, whose length is the first byte, and Data.db behind it.
pub(super) fn compressed_data(bytes: &[u8]) {
    let Some((length, rest)) = choice(bytes) else {
        return;
    };
    let (info, data) = rest.split_at(length.min(rest.len()));
    let Ok(info) = CompressionInfo::read(info) else {
        return;
    };
    let mut written = Vec::new();
    if info.write(&mut written).is_ok() {
        assert_eq!(CompressionInfo::read(&written).as_ref(), Ok(&info));
    }
    let mut restored = Vec::new();
    if info.decompress_all(data, &mut restored).is_ok() {
        assert_eq!(restored.len() as u64, info.data_length_bytes);
    }
}

/// Digest.crc32, CRC.db and TOC.txt.
pub(super) fn checksums(bytes: &[u8]) {
    if let Ok(digest) = Digest::read(bytes) {
        let mut written = Vec::new();
        digest.write(&mut written);
        assert_eq!(written, bytes, "a digest has one form");
    }
    if let Ok(checksums) = Checksums::read(bytes) {
        let mut written = Vec::new();
        checksums.write(&mut written);
        assert_eq!(written, bytes, "checksums have one form");
        drop(checksums.check(bytes));
    }
    if let Ok(toc) = Toc::read(bytes) {
        let mut written = Vec::new();
        toc.write(&mut written);
        assert_eq!(Toc::read(&written), Ok(toc));
    }
}
