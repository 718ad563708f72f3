//! Data.db, its checksums and its chunks.

use crate::real_sstable::{every_sstable, written};
use thymbra_format::sstable::{
    ChecksumWriter, Checksums, Component, CompressedSequentialWriter, CompressionInfo, CompressionParams,
    Digest, Toc,
};

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
