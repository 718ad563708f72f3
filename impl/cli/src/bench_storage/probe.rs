//! What the machine itself gives: syncs of a bare file, LZ4 of one core, and the making of keys and values.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::hint::black_box;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use thymbra_format::sstable::{Component, CompressionInfo, FileStem};

use super::contestant::EngineError;
use super::data::{ROW_SIZE_BYTES, key, value};
use super::measured::{Measured, Meter};
use super::progress_line::ProgressLine;

/// Length of what is synced, bytes.
const PAGE_SIZE_BYTES: usize = 4 << 10;
/// Length of a chunk that is compressed, bytes: Cassandra's default.
const CHUNK_SIZE_BYTES: usize = 16 << 10;
/// Most syncs of a probe.
const MOST_SYNCS_COUNT: u64 = 5_000;
/// Writes of the bench for each sync of a probe.
const WRITES_PER_SYNC: u64 = 100;
/// Most rows that are compressed.
const MOST_ROWS_COUNT: u64 = 500_000;

/// The rows of all probes.
///
/// # Errors
/// When the file of the syncs cannot be written.
pub(super) fn run(directory: &Path, writes_count: u64) -> io::Result<Vec<Measured>> {
    let syncs_count = (writes_count / WRITES_PER_SYNC).clamp(1, MOST_SYNCS_COUNT);
    let rows_count = writes_count.min(MOST_ROWS_COUNT);
    let mut rows = vec![
        syncs(directory, "append 4 KiB + fdatasync", syncs_count, false)?,
        syncs(directory, "preallocated 4 KiB + fdatasync", syncs_count, true)?,
        making(rows_count),
    ];
    rows.extend(compression(rows_count));
    Ok(rows)
}

fn named(row: Measured, what: &str) -> Measured {
    Measured {
        engine: "probe".into(),
        what: what.into(),
        threads_count: 1,
        ..row
    }
}

/// Writes pages one after the other, and syncs each.
fn syncs(directory: &Path, what: &str, most_count: u64, is_preallocated: bool) -> io::Result<Measured> {
    let path = directory.join("probe");
    let page = [0x5a; PAGE_SIZE_BYTES];
    let file: File = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(&path)?;
    if is_preallocated {
        for index in 0..most_count {
            file.write_all_at(&[0; PAGE_SIZE_BYTES], index * PAGE_SIZE_BYTES as u64)?;
        }
        file.sync_all()?;
    }
    let line = ProgressLine::new(format!("probe: {what}"), most_count);
    let meter = Meter::start();
    let mut count = 0;
    while count < most_count && line.goes_on(count) {
        file.write_all_at(&page, count * PAGE_SIZE_BYTES as u64)?;
        file.sync_data()?;
        count += 1;
    }
    let row = meter.stop(count, count * PAGE_SIZE_BYTES as u64);
    fs::remove_file(&path)?;
    Ok(Measured {
        is_complete: count == most_count,
        ..named(row, what)
    })
}

/// What each write spends before an engine sees it.
fn making(rows_count: u64) -> Measured {
    let meter = Meter::start();
    for number in 0..rows_count {
        black_box((key(number), value(number)));
    }
    named(
        meter.stop(rows_count, rows_count * ROW_SIZE_BYTES),
        "make key and value",
    )
}

/// LZ4 of the keys and values in chunks; an operation is a row, so that the figures compare with a flush.
fn compression(rows_count: u64) -> [Measured; 2] {
    let mut rows = Vec::new();
    for number in 0..rows_count {
        rows.extend(key(number));
        rows.extend(value(number));
    }
    let (compress, compressed) = compress_chunks(&rows, rows_count);
    let mut output = vec![0; CHUNK_SIZE_BYTES];
    let meter = Meter::start();
    for (chunk, length_bytes) in &compressed {
        let plain = output.get_mut(..*length_bytes).unwrap_or_default();
        lz4_flex::block::decompress_into(black_box(chunk), plain)
            .expect("what was compressed can be decompressed");
        black_box(&plain);
    }
    let decompress = meter.stop(rows_count, compress.payload_bytes);
    [
        named(compress, "LZ4 compress, 16 KiB chunks"),
        named(decompress, "LZ4 decompress, 16 KiB chunks"),
    ]
}

/// LZ4 of what this engine has compressed of so many rows: the bytes of all its `Data.db` under a directory.
///
/// They are more than those of keys and values, and of another kind: no flush can take less CPU time than this.
///
/// # Errors
/// When the files cannot be read, or are not what was written.
pub(super) fn compression_of_data_files(directory: &Path, rows_count: u64) -> Result<Measured, EngineError> {
    let mut data = Vec::new();
    for path in files_under(directory)? {
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        if let Some((descriptor, Component::Data)) = FileStem::parse_file_name(name) {
            let info = path.with_file_name(descriptor.file_name(Component::CompressionInfo));
            CompressionInfo::read(&fs::read(info)?)?.decompress_all(&fs::read(path)?, &mut data)?;
        }
    }
    let (compress, _) = compress_chunks(&data, rows_count);
    Ok(named(compress, "LZ4 compress, chunks of Data.db"))
}

fn files_under(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            files.append(&mut files_under(&path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}

/// Compresses the bytes of so many rows; gives the chunks with their lengths before.
fn compress_chunks(bytes: &[u8], rows_count: u64) -> (Measured, Vec<(Vec<u8>, usize)>) {
    let mut compressed = Vec::new();
    let mut output = vec![0; lz4_flex::block::get_maximum_output_size(CHUNK_SIZE_BYTES)];
    let meter = Meter::start();
    for chunk in bytes.chunks(CHUNK_SIZE_BYTES) {
        let size_bytes = lz4_flex::block::compress_into(black_box(chunk), &mut output)
            .expect("the output has room for the worst case");
        black_box(&output);
        compressed.push((output.get(..size_bytes).unwrap_or_default().to_vec(), chunk.len()));
    }
    let measured = meter.stop(rows_count, rows_count * ROW_SIZE_BYTES);
    let size_bytes: usize = compressed.iter().map(|(chunk, _)| chunk.len()).sum();
    let measured = Measured {
        disk_bytes: Some(size_bytes as u64),
        ..measured
    };
    (measured, compressed)
}
