//! A mutation in a segment.

use crate::commitlog::finding::SegmentFindingKind;
use crate::cursor::Cursor;
use crate::error::FormatError;

/// Bytes of a record besides its mutation.
pub const RECORD_OVERHEAD_BYTES: usize = 12;
/// Bytes in front of the mutation.
pub(crate) const RECORD_HEAD_SIZE_BYTES: usize = 8;
/// A record of fewer bytes is garbage that happens to have a right checksum (CASSANDRA-2128).
pub const MIN_MUTATION_SIZE_BYTES: usize = 10;

/// Appends a record; `encode` appends its mutation, at messaging version 12.
///
/// | offset | size | field | meaning |
/// |---|---|---|---|
/// | 0 | 4 | n | bytes of the mutation; 0 where the log ends |
/// | 4 | 4 | CRC | of n |
/// | 8 | n | mutation | |
/// | 8 + n | 4 | CRC | of n and the mutation |
///
/// The position of a record in the log is its end. Source: Cassandra `CommitLog.add`.
///
/// # Errors
/// That of `encode`; the output is then as it was.
///
/// # Panics
/// When the mutation has 4 GiB or more; the engine refuses those of more than half a segment.
pub fn write_record<E>(
    out: &mut Vec<u8>,
    encode: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let begin = out.len();
    out.extend_from_slice(&[0; RECORD_HEAD_SIZE_BYTES]);
    if let Err(error) = encode(out) {
        out.truncate(begin);
        return Err(error);
    }
    let record = out.get_mut(begin..).unwrap_or_default();
    let crc = record
        .split_first_chunk_mut::<RECORD_HEAD_SIZE_BYTES>()
        .map(|(head, mutation)| {
            let size_bytes =
                u32::try_from(mutation.len()).expect("the engine bounds mutations by the size of segments");
            let size_bytes = size_bytes.to_be_bytes();
            let mut crc = crc32fast::Hasher::new();
            crc.update(&size_bytes);
            let ([a, b, c, d], [e, f, g, h]) = (size_bytes, crc.clone().finalize().to_be_bytes());
            *head = [a, b, c, d, e, f, g, h];
            crc.update(mutation);
            crc.finalize()
        })
        .expect("the head was appended above");
    out.extend_from_slice(&crc.to_be_bytes());
    Ok(())
}

/// Size of the mutation in the record at the beginning of `rest`, which all of it has room for.
pub(crate) fn check_record(rest: &[u8], offset: u64) -> Result<usize, (SegmentFindingKind, FormatError)> {
    const SIZE: &str = "size of a mutation";
    let beyond = |needed_bytes: usize| FormatError::Truncated {
        what: "record of the commit log",
        offset,
        needed_bytes: needed_bytes as u64,
        available_bytes: rest.len() as u64,
    };
    let Some((size, behind_size)) = rest.split_first_chunk::<{ size_of::<i32>() }>() else {
        return Err((SegmentFindingKind::RemainderTooSmall, beyond(size_of::<i32>())));
    };
    let size_bytes = i32::from_be_bytes(*size);
    if size_bytes == 0 {
        let error = FormatError::invalid(SIZE, offset, "more than nothing", &size_bytes);
        return Err((SegmentFindingKind::ZeroSize, error));
    }
    let Some(mutation_size_bytes) = usize::try_from(size_bytes)
        .ok()
        .filter(|size_bytes| *size_bytes >= MIN_MUTATION_SIZE_BYTES)
    else {
        let error = FormatError::invalid(SIZE, offset, "10 bytes or more", &size_bytes);
        return Err((SegmentFindingKind::SizeTooSmall, error));
    };
    let Some(checksum) = behind_size.first_chunk::<{ size_of::<u32>() }>() else {
        return Err((
            SegmentFindingKind::RecordBeyondEnd,
            beyond(RECORD_HEAD_SIZE_BYTES),
        ));
    };
    let (expected, found) = (crc32fast::hash(size), u32::from_be_bytes(*checksum));
    if expected != found {
        let error = FormatError::Checksum {
            what: SIZE,
            offset,
            expected,
            found,
        };
        return Err((SegmentFindingKind::SizeChecksum, error));
    }
    let record_size_bytes = mutation_size_bytes.saturating_add(RECORD_OVERHEAD_BYTES);
    if rest.len() < record_size_bytes {
        return Err((SegmentFindingKind::RecordBeyondEnd, beyond(record_size_bytes)));
    }
    Ok(mutation_size_bytes)
}

/// Checks the checksum over size and mutation of the record at the beginning of `rest`.
pub(crate) fn check_mutation(
    rest: &[u8],
    mutation_size_bytes: usize,
    offset: u64,
) -> Result<(), FormatError> {
    let mut cursor = Cursor::at(rest, offset);
    let size = cursor.take(size_of::<i32>(), "size of a mutation")?;
    cursor.take(size_of::<u32>(), "checksum of a size")?;
    let mutation = cursor.take(mutation_size_bytes, "mutation")?;
    let found = cursor.u32("checksum of a mutation")?;
    let mut crc = crc32fast::Hasher::new();
    crc.update(size);
    crc.update(mutation);
    let expected = crc.finalize();
    if expected == found {
        return Ok(());
    }
    Err(FormatError::Checksum {
        what: "record of the commit log",
        offset,
        expected,
        found,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::convert::Infallible;

    #[test]
    fn record_of_a_real_segment_is_written() {
        // The first record of the uncompressed fixture.
        let mutation = b"\x01\x5a\x1f\xf2\x67\xac\xe0\x3f\x12\x85\x63\xcf\xae\x61\x03\xc6\x5e\x15\0\x03gen\0\0\x05tombs\0\0\x04\0\0\0\x01\0\x14\xfd\x40\x79\x74\x0d\x1e\xa0\xf0\x15\0\xab\x2e\0\0\0\0\0\x01";
        let mut out = vec![0xaa];
        let result: Result<(), Infallible> = write_record(&mut out, |out| {
            out.extend_from_slice(mutation);
            Ok(())
        });
        assert_eq!(result, Ok(()));
        assert_eq!(out.len(), 1 + mutation.len() + RECORD_OVERHEAD_BYTES);
        assert_eq!(out[..9], [0xaa, 0, 0, 0, 0x3a, 0xe7, 0x48, 0x06, 0xae]);
        assert_eq!(&out[9..9 + mutation.len()], mutation);
        assert_eq!(out[9 + mutation.len()..], [0x7e, 0x10, 0x84, 0x95]);
    }

    #[test]
    fn failed_encoding_leaves_the_output_as_it_was() {
        let mut out = vec![1, 2, 3];
        let result = write_record(&mut out, |out| {
            out.push(9);
            Err("no")
        });
        assert_eq!(result, Err("no"));
        assert_eq!(out, [1, 2, 3]);
    }
}
