//! `CompressionInfo.db`: how Data.db is compressed, and where its chunks begin.
//!
//! Readers look a position up here before they touch Data.db; the writer of chunks
//! ([`super::CompressedSequentialWriter`]) makes one. Chapter: `specs/08-sstable.md`.
//! Source: Cassandra `io.compress.CompressionMetadata`.

use super::compressor::Compressor;
use crate::cursor::Cursor;
use crate::error::FormatError;
use crate::rows::EncodeError;

/// Bytes of the checksum behind each chunk.
pub(crate) const CHUNK_CHECKSUM_SIZE_BYTES: u64 = 4;

/// How a table compresses its data.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CompressionParams {
    /// What squeezes the chunks.
    pub compressor: Compressor,
    /// Options of the compressor as the table's schema names them; kept, not interpreted.
    pub options: Vec<(Box<str>, Box<str>)>,
    /// Uncompressed bytes of a chunk, a power of two; the last chunk may be shorter.
    pub chunk_length_bytes: u32,
    /// A chunk whose compressed form has this many bytes or more is stored as it is.
    pub max_compressed_length_bytes: u32,
}

impl CompressionParams {
    /// Chunks of 16 KiB, the default of Cassandra 4.0 and later.
    pub const DEFAULT_CHUNK_LENGTH_BYTES: u32 = 16 << 10;

    /// The limit when a table asks for no minimal ratio: never reached.
    pub const UNLIMITED_COMPRESSED_LENGTH_BYTES: u32 = i32::MAX.cast_unsigned();
}

impl Default for CompressionParams {
    fn default() -> Self {
        Self {
            compressor: Compressor::Lz4,
            options: Vec::new(),
            chunk_length_bytes: Self::DEFAULT_CHUNK_LENGTH_BYTES,
            max_compressed_length_bytes: Self::UNLIMITED_COMPRESSED_LENGTH_BYTES,
        }
    }
}

/// The component `CompressionInfo.db`.
///
/// | size | field |
/// |---|---|
/// | 2 + n | length and simple class name of the compressor |
/// | 4 | number of options |
/// | (2 + n) × 2 each | name and value of an option |
/// | 4 | uncompressed bytes of a chunk |
/// | 4 | compressed length from which a chunk is stored as it is |
/// | 8 | uncompressed bytes of Data.db |
/// | 4 | number of chunks, at least 1 |
/// | 8 each | offset of a chunk in Data.db |
///
/// No checksum covers it. Reading checks what must hold anyway: the number of chunks follows from
/// both lengths, the first offset is 0, and the offsets ascend.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CompressionInfo {
    /// How the chunks are made.
    pub params: CompressionParams,
    /// Bytes of Data.db before compression; positions in Index.db count these.
    pub data_length_bytes: u64,
    /// Where each chunk begins in Data.db, ascending.
    pub chunk_offsets: Vec<u64>,
}

/// Where one chunk is stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ChunkLocation {
    /// Which chunk, counted from 0.
    pub index: usize,
    /// First byte in Data.db.
    pub offset: u64,
    /// Stored bytes, without the checksum that follows them.
    pub stored_length_bytes: u64,
    /// Position of its first byte in the uncompressed data.
    pub position: u64,
    /// Bytes that it holds uncompressed.
    pub length_bytes: u32,
}

impl CompressionInfo {
    /// Reads the component.
    ///
    /// # Errors
    /// When it is cut, contradicts itself, or names a compressor that is not supported.
    pub fn read(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut cursor = Cursor::new(bytes);
        let name = utf(&mut cursor, "name of the compressor")?;
        let compressor = Compressor::from_class_name(&name).ok_or_else(|| {
            Cursor::new(bytes).invalid("compressor", "LZ4Compressor or NoopCompressor", &name)
        })?;
        let option_count = cursor.u32("number of compressor options")?;
        let mut options = Vec::new();
        for _ in 0..option_count {
            let option = utf(&mut cursor, "name of an option")?;
            options.push((option, utf(&mut cursor, "value of an option")?));
        }
        let params = CompressionParams {
            compressor,
            options,
            chunk_length_bytes: chunk_length(&mut cursor)?,
            max_compressed_length_bytes: non_negative_i32(&mut cursor, "maximal compressed length")?,
        };
        let (data_length_bytes, chunk_count) = lengths(&mut cursor, params.chunk_length_bytes)?;
        let mut chunk_offsets = Vec::with_capacity(chunk_count);
        for index in 0..chunk_count {
            chunk_offsets.push(chunk_offset(&mut cursor, index, chunk_offsets.last().copied())?);
        }
        if !cursor.is_at_end() {
            return Err(cursor.invalid(
                "end of CompressionInfo",
                "no further byte",
                &cursor.remaining().len(),
            ));
        }
        Ok(Self {
            params,
            data_length_bytes,
            chunk_offsets,
        })
    }

    /// Appends the component.
    ///
    /// # Errors
    /// When a name has more than 65535 bytes, or there are 2^31 options or chunks.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        write_utf(self.params.compressor.class_name(), out)?;
        out.extend_from_slice(&count_i32(
            self.params.options.len(),
            "number of compressor options",
        )?);
        for (name, value) in &self.params.options {
            write_utf(name, out)?;
            write_utf(value, out)?;
        }
        out.extend_from_slice(&self.params.chunk_length_bytes.to_be_bytes());
        out.extend_from_slice(&self.params.max_compressed_length_bytes.to_be_bytes());
        out.extend_from_slice(&self.data_length_bytes.to_be_bytes());
        out.extend_from_slice(&count_i32(self.chunk_offsets.len(), "chunks")?);
        out.reserve(self.chunk_offsets.len().saturating_mul(8));
        for offset in &self.chunk_offsets {
            out.extend_from_slice(&offset.to_be_bytes());
        }
        Ok(())
    }

    /// The chunk that holds a position of the uncompressed data, or `None` beyond its end.
    ///
    /// `file_length_bytes` is the length of Data.db, which ends the last chunk.
    ///
    /// # Errors
    /// When the offsets leave no room for the chunk in a file of this length.
    pub fn chunk_for(
        &self,
        position: u64,
        file_length_bytes: u64,
    ) -> Result<Option<ChunkLocation>, FormatError> {
        if position >= self.data_length_bytes {
            return Ok(None);
        }
        let chunk_length_bytes = u64::from(self.params.chunk_length_bytes);
        let Ok(index) = usize::try_from(position >> chunk_length_bytes.trailing_zeros()) else {
            return Ok(None);
        };
        let Some(&offset) = self.chunk_offsets.get(index) else {
            return Ok(None);
        };
        let end = self
            .chunk_offsets
            .get(index + 1)
            .copied()
            .unwrap_or(file_length_bytes);
        let stored_length_bytes = end
            .checked_sub(offset)
            .and_then(|length| length.checked_sub(CHUNK_CHECKSUM_SIZE_BYTES))
            .filter(|_| end <= file_length_bytes)
            .ok_or_else(|| FormatError::Truncated {
                what: "compressed chunk",
                offset,
                needed_bytes: end.saturating_sub(offset).max(CHUNK_CHECKSUM_SIZE_BYTES),
                available_bytes: file_length_bytes.saturating_sub(offset),
            })?;
        let start = position & !(chunk_length_bytes - 1);
        let held = (self.data_length_bytes - start).min(chunk_length_bytes);
        Ok(Some(ChunkLocation {
            index,
            offset,
            stored_length_bytes,
            position: start,
            length_bytes: u32::try_from(held).unwrap_or(self.params.chunk_length_bytes),
        }))
    }
}

fn chunk_length(cursor: &mut Cursor<'_>) -> Result<u32, FormatError> {
    let begun = cursor.clone();
    let length = non_negative_i32(cursor, "length of a chunk")?;
    if length.is_power_of_two() {
        Ok(length)
    } else {
        Err(begun.invalid("length of a chunk", "a power of two", &length))
    }
}

/// Uncompressed length of the data and the number of chunks, which follows from it.
fn lengths(cursor: &mut Cursor<'_>, chunk_length_bytes: u32) -> Result<(u64, usize), FormatError> {
    let begun = cursor.clone();
    let data_length = cursor.i64("length of the data")?;
    let data_length_bytes = u64::try_from(data_length)
        .map_err(|_| begun.invalid("length of the data", "0 or more", &data_length))?;
    let at_count = cursor.clone();
    let count = cursor.u32("number of chunks")?;
    // An empty file has one chunk of no bytes in no file that Cassandra writes, but reads as such.
    let expected = data_length_bytes.div_ceil(u64::from(chunk_length_bytes)).max(1);
    if u64::from(count) != expected {
        return Err(at_count.invalid("number of chunks", "as many as the data has", &count));
    }
    // The offsets have eight bytes each: a count beyond the file is refused before memory is taken.
    let needed_bytes = u64::from(count) * 8;
    let available_bytes = cursor.remaining().len() as u64;
    if needed_bytes > available_bytes {
        return Err(FormatError::Truncated {
            what: "offsets of chunks",
            offset: cursor.offset(),
            needed_bytes,
            available_bytes,
        });
    }
    let count = usize::try_from(count).map_err(|_| at_count.invalid("number of chunks", "fewer", &count))?;
    Ok((data_length_bytes, count))
}

fn chunk_offset(cursor: &mut Cursor<'_>, index: usize, previous: Option<u64>) -> Result<u64, FormatError> {
    let begun = cursor.clone();
    let stored = cursor.i64("offset of a chunk")?;
    let fits = u64::try_from(stored).ok().filter(|offset| match previous {
        None => *offset == 0,
        Some(previous) => *offset >= previous + CHUNK_CHECKSUM_SIZE_BYTES,
    });
    fits.ok_or_else(|| {
        let expected = if index == 0 {
            "0"
        } else {
            "more than the one before"
        };
        begun.invalid("offset of a chunk", expected, &stored)
    })
}

fn non_negative_i32(cursor: &mut Cursor<'_>, what: &'static str) -> Result<u32, FormatError> {
    let begun = cursor.clone();
    let stored = cursor.i32(what)?;
    u32::try_from(stored).map_err(|_| begun.invalid(what, "0 or more", &stored))
}

/// Text behind its length of two bytes. Java's modified UTF-8 differs only beyond what names have.
pub(crate) fn utf(cursor: &mut Cursor<'_>, what: &'static str) -> Result<Box<str>, FormatError> {
    let bytes = cursor.short_bytes(what)?;
    cursor.text(bytes, what).map(Into::into)
}

/// Appends text behind its length of two bytes.
pub(crate) fn write_utf(text: &str, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let length = u16::try_from(text.len()).map_err(|_| EncodeError::TooLong {
        size_bytes: text.len(),
    })?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

/// A number of items as files have it: four bytes, never negative.
pub(crate) fn count_i32(count: usize, what: &'static str) -> Result<[u8; 4], EncodeError> {
    i32::try_from(count)
        .map(i32::to_be_bytes)
        .map_err(|_| EncodeError::TooMany { what, count })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(data_length_bytes: u64, chunk_offsets: &[u64]) -> CompressionInfo {
        CompressionInfo {
            params: CompressionParams {
                options: vec![("crc_check_chance".into(), "1.0".into())],
                ..CompressionParams::default()
            },
            data_length_bytes,
            chunk_offsets: chunk_offsets.into(),
        }
    }

    fn written(info: &CompressionInfo) -> Vec<u8> {
        let mut out = Vec::new();
        info.write(&mut out).expect("short names");
        out
    }

    #[test]
    fn component_comes_back() {
        let info = info(40_000, &[0, 100, 300]);
        assert_eq!(CompressionInfo::read(&written(&info)), Ok(info));
    }

    #[test]
    fn position_leads_to_its_chunk() {
        let info = info(40_000, &[0, 100, 300]);
        let chunk = |position| info.chunk_for(position, 350).expect("a file of 350 bytes");
        let last = ChunkLocation {
            index: 2,
            offset: 300,
            stored_length_bytes: 46,
            position: 32_768,
            length_bytes: 7_232,
        };
        assert_eq!(
            chunk(0).map(|chunk| (chunk.offset, chunk.stored_length_bytes)),
            Some((0, 96))
        );
        assert_eq!(chunk(16_383).map(|chunk| chunk.index), Some(0));
        assert_eq!(chunk(16_384).map(|chunk| chunk.index), Some(1));
        assert_eq!(chunk(32_768), Some(last));
        assert_eq!(chunk(39_999), Some(last));
        assert_eq!(chunk(40_000), None);
    }

    #[test]
    fn chunk_that_the_file_has_no_room_for_is_an_error() {
        let info = info(40_000, &[0, 100, 300]);
        assert!(info.chunk_for(20_000, 299).is_err());
        assert!(info.chunk_for(39_000, 303).is_err());
        assert!(info.chunk_for(39_000, 304).is_ok());
    }

    #[test]
    fn compressor_that_is_not_supported_is_named() {
        let mut bytes = written(&info(1, &[0]));
        bytes[2] = b'X';
        let error = CompressionInfo::read(&bytes).expect_err("no such compressor");
        assert!(error.to_string().contains("XZ4Compressor"), "{error}");
    }

    #[test]
    fn counts_and_offsets_that_contradict_the_lengths_are_errors() {
        for bad in [
            info(40_000, &[0, 100]),
            info(40_000, &[0, 100, 100]),
            info(40_000, &[0, 300, 100]),
            info(40_000, &[1, 100, 300]),
            info(1 << 60, &[0]),
        ] {
            assert!(CompressionInfo::read(&written(&bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn every_truncation_is_an_error() {
        let bytes = written(&info(40_000, &[0, 100, 300]));
        for length in 0..bytes.len() {
            assert!(
                CompressionInfo::read(&bytes[..length]).is_err(),
                "cut at {length}"
            );
        }
    }
}
