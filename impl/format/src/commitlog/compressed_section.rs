//! Sections of compressed segments.

use crate::commitlog::sync_marker::{SYNC_MARKER_SIZE_BYTES, SyncMarker};
use crate::cursor::Cursor;
use crate::error::FormatError;

/// LZ4 makes at most this many bytes of one.
const MAX_RATIO: usize = 255;
/// Bytes that LZ4 may make of nothing but the beginning of a block.
const RATIO_SLACK_BYTES: usize = 64;

/// Appends a section of a compressed segment.
///
/// `records` is what the section would hold uncompressed, without a marker; `out` must begin where
/// the segment does in the file, or `base_offset` bytes later.
///
/// | offset | size | field | meaning |
/// |---|---|---|---|
/// | 0 | 8 | marker | as in uncompressed segments; offsets are those of the file |
/// | 8 | 4 | n | bytes of the records |
/// | 12 | 4 | n | the same, little-endian, as Cassandra's `LZ4Compressor` begins |
/// | 16 | | LZ4 block | the records, to the end of the section |
///
/// Positions of records count as if the segment were not compressed: 8 bytes for each marker, and
/// the records. Source: Cassandra `CompressedSegment`.
///
/// # Panics
/// When the segment grows beyond 4 GiB; the engine begins a new one long before.
pub fn write_compressed_section(segment_id: i64, records: &[u8], base_offset: u32, out: &mut Vec<u8>) {
    const SEGMENT_SIZE: &str = "segments have less than 4 GiB";
    let begin = out.len();
    let size_bytes = u32::try_from(records.len()).expect(SEGMENT_SIZE);
    out.extend_from_slice(&[0; SYNC_MARKER_SIZE_BYTES as usize]);
    out.extend_from_slice(&size_bytes.to_be_bytes());
    out.extend_from_slice(&size_bytes.swap_bytes().to_be_bytes());
    let block_begin = out.len();
    out.resize(
        block_begin + lz4_flex::block::get_maximum_output_size(records.len()),
        0,
    );
    let block = out.get_mut(block_begin..).unwrap_or_default();
    let block_size_bytes =
        lz4_flex::block::compress_into(records, block).expect("the output has room for the longest block");
    out.truncate(block_begin + block_size_bytes);

    let offset = |position: usize| {
        u32::try_from(position)
            .ok()
            .and_then(|position| position.checked_add(base_offset))
            .expect(SEGMENT_SIZE)
    };
    let marker = SyncMarker::new(segment_id, offset(begin), offset(out.len()));
    if let Some(place) = out
        .get_mut(begin..)
        .and_then(<[u8]>::first_chunk_mut::<{ SYNC_MARKER_SIZE_BYTES as usize }>)
    {
        *place = marker.to_bytes();
    }
}

/// Restores the records of a section, given what stands behind its marker.
pub(crate) fn read_compressed_section(
    cursor: &mut Cursor<'_>,
    records: &mut Vec<u8>,
) -> Result<(), FormatError> {
    const WHAT: &str = "compressed section";
    records.clear();
    let offset = cursor.offset();
    let size_bytes = cursor.u32("size of a compressed section")?;
    let repeated = cursor.u32("size of a compressed section")?.swap_bytes();
    if size_bytes != repeated {
        return Err(FormatError::invalid(
            "size of a compressed section",
            offset,
            "the size that the compressor repeats",
            &format_args!("{size_bytes}, and {repeated} repeated"),
        ));
    }
    let block_offset = cursor.offset();
    let block = cursor.remaining();
    let size_bytes = usize::try_from(size_bytes)
        .ok()
        .filter(|size_bytes| *size_bytes <= block.len().saturating_mul(MAX_RATIO) + RATIO_SLACK_BYTES)
        .ok_or_else(|| {
            FormatError::invalid(
                "size of a compressed section",
                offset,
                "not more than the block can hold",
                &size_bytes,
            )
        })?;
    records.resize(size_bytes, 0);
    match lz4_flex::block::decompress_into(block, records) {
        Ok(restored) if restored == size_bytes => Ok(()),
        Ok(restored) => Err(FormatError::invalid(
            WHAT,
            block_offset,
            "an LZ4 block of the size in front of it",
            &format_args!("one of {restored} bytes"),
        )),
        Err(error) => Err(FormatError::invalid(WHAT, block_offset, "an LZ4 block", &error)),
    }
}
