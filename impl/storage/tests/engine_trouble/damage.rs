//! Data with right checksums that says what cannot be: nothing beyond the partition is looked at.

use crate::bench::{TABLE, config, insert, make_tables, open_with};
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thymbra_format::FormatError;
use thymbra_storage::disk::FileKind;
use thymbra_storage::read::RowFilter;
use thymbra_storage::{CountingDisk, Disk, SimulatedDisk, StorageEngine, StorageError};

const DIRECTORY: &str = "/node/data/ks/t-681f35d0e57b11f1935d9b7b8ca7a154";
/// Partitions of one row with a value.
const PARTITIONS_COUNT: usize = 2_000;
const VALUE_BYTES: usize = 5_000;
/// What a reader may look at before it notices.
const READ_BYTES: u64 = 1 << 20;

/// CRC-32 as of zip, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1));
    !bytes
        .iter()
        .fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

fn replace(disk: &SimulatedDisk, path: &Path, bytes: &[u8]) {
    disk.remove(path).expect("the file is there");
    let file = disk.create_new(path).expect("a new file");
    file.append(bytes).expect("it is written");
}

/// Replaces bytes of the first partition, from the size of its row on, with the checksums that they have then.
fn damage(disk: &SimulatedDisk, data: &Path, row_size: &[u8]) {
    let mut bytes = disk.read(data).expect("the data");
    let key_bytes = usize::from(bytes[1]);
    // Length of the key, key, deletion, flags, header of the clustering, clustering.
    let begin = 2 + key_bytes + 12 + 1 + 1 + 4;
    bytes[begin..begin + row_size.len()].copy_from_slice(row_size);
    replace(disk, data, &bytes);
    let crc = PathBuf::from(data.to_string_lossy().replace("-Data.db", "-CRC.db"));
    let slice_length_bytes = 64 << 10;
    let mut checksums = u32::try_from(slice_length_bytes)
        .expect("a small number")
        .to_be_bytes()
        .to_vec();
    for slice in bytes.chunks(slice_length_bytes) {
        checksums.extend(crc32(slice).to_be_bytes());
    }
    let before = disk.read(&crc).expect("checksums");
    assert_eq!(
        before[8..],
        checksums[8..],
        "all but the first slice are as before"
    );
    replace(disk, &crc, &checksums);
}

/// An engine with one SSTable, whose first row has another size.
fn damaged(row_size: &[u8]) -> (StorageEngine, Arc<CountingDisk<SimulatedDisk>>, PathBuf) {
    let disk = SimulatedDisk::new();
    let engine = open_with(disk.clone(), config()).expect("the engine opens");
    make_tables(&engine, true);
    let value = "x".repeat(VALUE_BYTES);
    for number in 0..PARTITIONS_COUNT {
        let name = format!("{number:04}");
        engine.apply(insert(TABLE, &name, 0, 1, &value)).expect("a write");
    }
    engine.flush(TABLE).expect("a flush");
    engine.close().expect("it closes");
    drop(engine);
    let data = Path::new(DIRECTORY).join("nb-1-big-Data.db");
    damage(&disk, &data, row_size);
    let disk = Arc::new(CountingDisk::new(disk));
    let engine = open_with(Arc::clone(&disk), config()).expect("the data is not looked at");
    (engine, disk, data)
}

/// The rest of the file was read into memory, however large it is.
#[test]
fn row_that_is_longer_than_its_partition_is_noticed_without_reading_on() {
    let file_bytes = PARTITIONS_COUNT * VALUE_BYTES;
    let beyond_file = [0xff, 0, 0, 0x10, 0, 0, 0, 0, 0];
    let within_file = u32::try_from(file_bytes / 2)
        .expect("a small number")
        .to_be_bytes();
    let within_file = [&[0xf0], &within_file[..]].concat();
    // So short that its value is cut within it, which more bytes do not change.
    let cut = [20, 0];
    // As long as the next row, which has the end of this one in it.
    let two_rows = u16::try_from(2 * VALUE_BYTES).expect("a small number") | 0x8000;
    let two_rows = two_rows.to_be_bytes();
    for row_size in [&beyond_file[..], &within_file, &cut, &two_rows] {
        let (engine, disk, data) = damaged(row_size);
        for what in ["scan", "compaction"] {
            let before = disk.counts().of(FileKind::SSTable).read_bytes;
            let all = (Bound::Unbounded, Bound::Unbounded);
            let answer = match what {
                "scan" => engine.scan(TABLE, all, &RowFilter::ALL, usize::MAX).map(drop),
                _ => engine.compact(TABLE),
            };
            let error = answer.expect_err("the row is too long");
            let read_bytes = disk.counts().of(FileKind::SSTable).read_bytes - before;
            let StorageError::Corrupt { path, source } = &error else {
                panic!("{what} {row_size:?}: {error:?}");
            };
            assert_eq!(*path, data);
            let (FormatError::Truncated { offset, .. } | FormatError::Invalid { offset, .. }) = source else {
                panic!("{what} {row_size:?}: {source:?}");
            };
            assert!(
                *offset < 2 * VALUE_BYTES as u64,
                "{what} {row_size:?}: {source:?}"
            );
            assert!(
                read_bytes < READ_BYTES,
                "{what} {row_size:?}: {read_bytes} bytes for {source:?}"
            );
        }
    }
}
