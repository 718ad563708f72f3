//! Compressors of chunks.
//!
//! Bytes of a chunk in, bytes of a chunk out; the checksums and the choice to store a chunk as it
//! is belong to [`super::CompressedSequentialWriter`]. Chapter: `specs/08-sstable.md`.
//! Source: Cassandra `io.compress.ICompressor`.

use crate::cursor::Cursor;
use crate::error::FormatError;

/// Bytes that LZ4 chunks begin with: their uncompressed length.
const LZ4_LENGTH_SIZE_BYTES: usize = 4;

/// A compressor that files name by its class.
///
/// Cassandra also has Deflate, Snappy and Zstd; a file that names one is refused with that name.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Compressor {
    /// `LZ4Compressor`, the default: four bytes of uncompressed length, little-endian, and one
    /// LZ4 block without a frame.
    Lz4,
    /// `NoopCompressor`: the bytes themselves.
    Noop,
}

impl Compressor {
    /// The simple name of Cassandra's class, as files have it.
    #[must_use]
    pub const fn class_name(self) -> &'static str {
        match self {
            Self::Lz4 => "LZ4Compressor",
            Self::Noop => "NoopCompressor",
        }
    }

    /// The compressor of a class, with or without its package, or `None` for one not supported.
    #[must_use]
    pub fn from_class_name(name: &str) -> Option<Self> {
        let simple = name
            .strip_prefix("org.apache.cassandra.io.compress.")
            .unwrap_or(name);
        [Self::Lz4, Self::Noop]
            .into_iter()
            .find(|compressor| compressor.class_name() == simple)
    }

    /// Appends the compressed form of a chunk.
    ///
    /// # Panics
    /// When the chunk has 2^32 bytes or more.
    #[expect(
        clippy::little_endian_bytes,
        reason = "Cassandra writes the length before an LZ4 block in little-endian order"
    )]
    pub fn compress(self, chunk: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Noop => out.extend_from_slice(chunk),
            Self::Lz4 => {
                let length = u32::try_from(chunk.len()).expect("a chunk has fewer than 2^31 bytes");
                out.extend_from_slice(&length.to_le_bytes());
                let begun = out.len();
                out.resize(begun + lz4_flex::block::get_maximum_output_size(chunk.len()), 0);
                let space = out.get_mut(begun..).unwrap_or_default();
                let size_bytes = lz4_flex::block::compress_into(chunk, space)
                    .expect("the space is the maximal size of an LZ4 block");
                out.truncate(begun + size_bytes);
            }
        }
    }

    /// Appends the `length_bytes` bytes that a chunk at `offset` of its file holds.
    ///
    /// # Errors
    /// When the chunk does not hold exactly so many bytes; `out` is as before then.
    #[expect(
        clippy::little_endian_bytes,
        reason = "Cassandra writes the length before an LZ4 block in little-endian order"
    )]
    pub fn decompress(
        self,
        compressed: &[u8],
        length_bytes: u32,
        offset: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), FormatError> {
        let mut cursor = Cursor::at(compressed, offset);
        let Ok(length) = usize::try_from(length_bytes) else {
            return Err(cursor.invalid("length of a chunk", "less than the memory", &length_bytes));
        };
        match self {
            Self::Noop => {
                if compressed.len() != length {
                    return Err(cursor.invalid(
                        "chunk without compression",
                        "as long as its content",
                        &compressed.len(),
                    ));
                }
                out.extend_from_slice(compressed);
            }
            Self::Lz4 => {
                let stored =
                    u32::from_le_bytes(cursor.array::<LZ4_LENGTH_SIZE_BYTES>("length of an LZ4 chunk")?);
                if stored != length_bytes {
                    return Err(Cursor::at(compressed, offset).invalid(
                        "length of an LZ4 chunk",
                        "the length of a chunk",
                        &stored,
                    ));
                }
                let begun = out.len();
                out.resize(begun + length, 0);
                let space = out.get_mut(begun..).unwrap_or_default();
                let filled = lz4_flex::block::decompress_into(cursor.remaining(), space);
                let found = match filled {
                    Ok(size_bytes) if size_bytes == length => return Ok(()),
                    Ok(size_bytes) => format!("{size_bytes} bytes"),
                    Err(error) => error.to_string(),
                };
                out.truncate(begun);
                return Err(cursor.invalid("LZ4 block", "a block of the length before it", &found));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;

    fn squeezed(compressor: Compressor, chunk: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        compressor.compress(chunk, &mut out);
        out
    }

    quickcheck! {
        fn chunks_come_back(chunk: Vec<u8>, repeats: u8, before: Vec<u8>) -> bool {
            let chunk = chunk.repeat(usize::from(repeats % 16));
            [Compressor::Lz4, Compressor::Noop].into_iter().all(|compressor| {
                let compressed = squeezed(compressor, &chunk);
                let mut out = before.clone();
                let length = u32::try_from(chunk.len()).unwrap();
                compressor.decompress(&compressed, length, 0, &mut out).is_ok()
                    && out == [before.clone(), chunk.clone()].concat()
            })
        }
    }

    #[test]
    fn lz4_chunk_begins_with_its_length_in_little_endian_order() {
        assert_eq!(squeezed(Compressor::Lz4, &[7; 300])[..4], [0x2c, 1, 0, 0]);
    }

    #[test]
    fn chunk_of_another_length_is_an_error_and_leaves_the_output() {
        for compressor in [Compressor::Lz4, Compressor::Noop] {
            let compressed = squeezed(compressor, b"twelve bytes");
            let mut out = vec![1];
            for length in [0, 11, 13, u32::MAX] {
                assert!(compressor.decompress(&compressed, length, 0, &mut out).is_err());
            }
            assert_eq!(out, [1]);
        }
    }

    #[test]
    fn damaged_lz4_block_is_an_error_and_leaves_the_output() {
        let compressed = squeezed(Compressor::Lz4, &[7; 300]);
        let mut out = vec![1];
        for cut in 0..compressed.len() {
            assert!(
                Compressor::Lz4
                    .decompress(&compressed[..cut], 300, 0, &mut out)
                    .is_err()
            );
        }
        assert_eq!(out, [1]);
    }

    #[test]
    fn names_are_those_of_cassandra() {
        for name in ["LZ4Compressor", "org.apache.cassandra.io.compress.LZ4Compressor"] {
            assert_eq!(Compressor::from_class_name(name), Some(Compressor::Lz4));
        }
        assert_eq!(
            Compressor::from_class_name("NoopCompressor"),
            Some(Compressor::Noop)
        );
        for name in ["DeflateCompressor", "SnappyCompressor", "ZstdCompressor", ""] {
            assert_eq!(Compressor::from_class_name(name), None, "{name}");
        }
    }
}
