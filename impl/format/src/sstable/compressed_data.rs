//! Data.db with compression: chunks, each behind its checksum.
//!
//! The writer takes the bytes of partitions in any pieces and gives back those of the file; what
//! it has learned becomes [`CompressionInfo`], by which readers find a chunk again. Chapter:
//! `specs/08-sstable.md`. Source: Cassandra `io.compress.CompressedSequentialWriter`,
//! `io.util.CompressedChunkReader`.
//!
//! | size | field of a chunk |
//! |---|---|
//! | n | compressed bytes; from `max_compressed_length_bytes` on the bytes themselves |
//! | 4 | CRC-32 of the n bytes |
//!
//! A chunk that is stored as it is and shorter than `max_compressed_length_bytes` has zeros behind
//! its bytes up to that length, because readers tell it by the length.

use super::compression_info::{CHUNK_CHECKSUM_SIZE_BYTES, ChunkLocation, CompressionInfo, CompressionParams};
use super::digest::Digest;
use crate::error::FormatError;

/// Compresses Data.db while it is written.
///
/// Invariants: `pending` is shorter than a chunk between calls; `chunk_offsets` ascend and lie
/// below `file_length_bytes`.
#[derive(Debug)]
pub struct CompressedSequentialWriter {
    params: CompressionParams,
    chunk_length: usize,
    max_compressed_length: usize,
    /// Bytes of the chunk that is not full yet.
    pending: Vec<u8>,
    chunk_offsets: Vec<u64>,
    /// Bytes written before compression, `pending` not counted.
    data_length_bytes: u64,
    file_length_bytes: u64,
    digest: crc32fast::Hasher,
}

/// What is known of Data.db when its last byte is written.
#[derive(Clone, Debug, PartialEq)]
pub struct CompressedData {
    /// The component `CompressionInfo.db`.
    pub compression_info: CompressionInfo,
    /// The component `Digest.crc32`.
    pub digest: Digest,
    /// Bytes of Data.db.
    pub file_length_bytes: u64,
    /// Stored bytes without checksums, divided by the bytes before compression.
    pub compression_ratio: f64,
}

impl CompressedSequentialWriter {
    /// At the beginning of an empty Data.db.
    ///
    /// # Panics
    /// When the length of a chunk is not a power of two; the schema refuses such a table.
    #[must_use]
    pub fn new(params: CompressionParams) -> Self {
        assert!(
            params.chunk_length_bytes.is_power_of_two(),
            "the length of a chunk is a power of two"
        );
        let chunk_length = usize::try_from(params.chunk_length_bytes).unwrap_or(usize::MAX);
        Self {
            chunk_length,
            max_compressed_length: usize::try_from(params.max_compressed_length_bytes).unwrap_or(usize::MAX),
            params,
            pending: Vec::with_capacity(chunk_length.min(1 << 20)),
            chunk_offsets: Vec::new(),
            data_length_bytes: 0,
            file_length_bytes: 0,
            digest: crc32fast::Hasher::new(),
        }
    }

    /// Position of the next byte in the uncompressed data.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.data_length_bytes + self.pending.len() as u64
    }

    /// Bytes of Data.db so far.
    #[must_use]
    pub const fn file_length_bytes(&self) -> u64 {
        self.file_length_bytes
    }

    /// Takes bytes of the data, and appends to `file` the chunks that are full by them.
    pub fn write(&mut self, mut data: &[u8], file: &mut Vec<u8>) {
        if !self.pending.is_empty() {
            let missing = (self.chunk_length - self.pending.len()).min(data.len());
            let (filling, rest) = data.split_at(missing);
            self.pending.extend_from_slice(filling);
            data = rest;
            if self.pending.len() < self.chunk_length {
                return;
            }
            let chunk = core::mem::take(&mut self.pending);
            self.write_chunk(&chunk, file);
            self.pending = chunk;
            self.pending.clear();
        }
        let mut chunks = data.chunks_exact(self.chunk_length);
        for chunk in &mut chunks {
            self.write_chunk(chunk, file);
        }
        self.pending.extend_from_slice(chunks.remainder());
    }

    /// Appends the last chunk to `file`.
    #[must_use]
    pub fn finish(mut self, file: &mut Vec<u8>) -> CompressedData {
        if !self.pending.is_empty() || self.chunk_offsets.is_empty() {
            let chunk = core::mem::take(&mut self.pending);
            self.write_chunk(&chunk, file);
        }
        let checksums_bytes = CHUNK_CHECKSUM_SIZE_BYTES * self.chunk_offsets.len() as u64;
        let stored_bytes = self.file_length_bytes - checksums_bytes;
        CompressedData {
            digest: Digest(self.digest.finalize()),
            file_length_bytes: self.file_length_bytes,
            compression_ratio: ratio(stored_bytes, self.data_length_bytes),
            compression_info: CompressionInfo {
                params: self.params,
                data_length_bytes: self.data_length_bytes,
                chunk_offsets: self.chunk_offsets,
            },
        }
    }

    fn write_chunk(&mut self, chunk: &[u8], file: &mut Vec<u8>) {
        let begun = file.len();
        self.params.compressor.compress(chunk, file);
        if file.len() - begun >= self.max_compressed_length {
            file.truncate(begun);
            file.extend_from_slice(chunk);
            let length = chunk.len().max(self.max_compressed_length);
            file.resize(begun + length, 0);
        }
        let stored = file.get(begun..).unwrap_or_default();
        let checksum = crc32fast::hash(stored);
        file.extend_from_slice(&checksum.to_be_bytes());
        let stored = file.get(begun..).unwrap_or_default();
        self.digest.update(stored);
        self.chunk_offsets.push(self.file_length_bytes);
        self.file_length_bytes += stored.len() as u64;
        self.data_length_bytes += chunk.len() as u64;
    }
}

/// The quotient of two lengths. Far below 2^52 bytes, so that both are exact.
#[expect(
    clippy::cast_precision_loss,
    reason = "statistics of lengths below 2^52 bytes"
)]
fn ratio(stored_bytes: u64, data_bytes: u64) -> f64 {
    stored_bytes as f64 / data_bytes as f64
}

impl CompressionInfo {
    /// Appends the content of one chunk to `data`.
    ///
    /// `stored` is the chunk with its checksum, as [`CompressionInfo::chunk_for`] located it.
    ///
    /// # Errors
    /// When the checksum does not fit, or the chunk does not hold as many bytes as it should;
    /// `data` is as before then.
    pub fn decompress_chunk(
        &self,
        location: &ChunkLocation,
        stored: &[u8],
        data: &mut Vec<u8>,
    ) -> Result<(), FormatError> {
        let (stored, checksum) = stored.split_last_chunk::<4>().ok_or(FormatError::Truncated {
            what: "compressed chunk",
            offset: location.offset,
            needed_bytes: CHUNK_CHECKSUM_SIZE_BYTES,
            available_bytes: stored.len() as u64,
        })?;
        let expected = crc32fast::hash(stored);
        let found = u32::from_be_bytes(*checksum);
        if expected != found {
            return Err(FormatError::Checksum {
                what: "compressed chunk",
                offset: location.offset,
                expected,
                found,
            });
        }
        if (stored.len() as u64) < u64::from(self.params.max_compressed_length_bytes) {
            let compressor = self.params.compressor;
            return compressor.decompress(stored, location.length_bytes, location.offset, data);
        }
        let content = usize::try_from(location.length_bytes)
            .ok()
            .and_then(|length| stored.get(..length))
            .ok_or_else(|| FormatError::Truncated {
                what: "chunk without compression",
                offset: location.offset,
                needed_bytes: u64::from(location.length_bytes),
                available_bytes: stored.len() as u64,
            })?;
        data.extend_from_slice(content);
        Ok(())
    }

    /// Appends the whole uncompressed data of a Data.db that is in memory.
    ///
    /// # Errors
    /// When a chunk is damaged, or the file has bytes behind the last one.
    pub fn decompress_all(&self, file: &[u8], data: &mut Vec<u8>) -> Result<(), FormatError> {
        let file_length_bytes = file.len() as u64;
        let mut position = 0;
        while let Some(location) = self.chunk_for(position, file_length_bytes)? {
            let stored_bytes = location.stored_length_bytes + CHUNK_CHECKSUM_SIZE_BYTES;
            let stored = usize::try_from(location.offset)
                .ok()
                .zip(usize::try_from(stored_bytes).ok())
                .and_then(|(offset, length)| file.get(offset..)?.get(..length))
                .unwrap_or_default();
            self.decompress_chunk(&location, stored, data)?;
            position += u64::from(location.length_bytes);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::compressor::Compressor;
    use super::*;
    use proptest::prelude::*;

    fn params(compressor: Compressor, max_compressed_length_bytes: u32) -> CompressionParams {
        CompressionParams {
            compressor,
            options: Vec::new(),
            chunk_length_bytes: 64,
            max_compressed_length_bytes,
        }
    }

    fn file_of(params: CompressionParams, pieces: &[Vec<u8>]) -> (Vec<u8>, CompressedData) {
        let mut file = Vec::new();
        let mut writer = CompressedSequentialWriter::new(params);
        for piece in pieces {
            writer.write(piece, &mut file);
        }
        assert_eq!(writer.position(), pieces.concat().len() as u64);
        let finished = writer.finish(&mut file);
        (file, finished)
    }

    proptest! {
        #[test]
        fn data_comes_back_whatever_its_pieces(
            pieces in prop::collection::vec(prop::collection::vec(0_u8..4, 0..300), 0..8),
            limit in prop_oneof![Just(0_u32), Just(20), Just(40), Just(64), Just(1 << 30)],
            is_lz4: bool,
        ) {
            let compressor = if is_lz4 { Compressor::Lz4 } else { Compressor::Noop };
            let (file, finished) = file_of(params(compressor, limit), &pieces);
            let data = pieces.concat();
            let info = &finished.compression_info;
            prop_assert_eq!(info.data_length_bytes, data.len() as u64);
            prop_assert_eq!(finished.digest, Digest::of(&file));
            prop_assert_eq!(finished.file_length_bytes, file.len() as u64);
            let mut read = Vec::new();
            info.decompress_all(&file, &mut read).unwrap();
            prop_assert_eq!(read, data.clone());
            let (again, _) = file_of(params(compressor, limit), &[data]);
            prop_assert_eq!(again, file, "the pieces leave no trace");
        }
    }

    #[test]
    fn chunk_that_does_not_shrink_is_stored_as_it_is_with_zeros_behind() {
        let data: Vec<u8> = (0..70).collect();
        let (file, finished) = file_of(params(Compressor::Lz4, 40), core::slice::from_ref(&data));
        assert_eq!(finished.compression_info.chunk_offsets, [0, 68]);
        assert_eq!(file[..64], data[..64]);
        // The last chunk compresses to less than the limit.
        assert_eq!(file[68..72], [6, 0, 0, 0]);

        let (file, finished) = file_of(params(Compressor::Lz4, 8), core::slice::from_ref(&data));
        assert_eq!(file[68..76], [64, 65, 66, 67, 68, 69, 0, 0]);
        let mut read = Vec::new();
        finished
            .compression_info
            .decompress_all(&file, &mut read)
            .unwrap();
        assert_eq!(read, data);
    }

    #[test]
    fn ratio_leaves_the_checksums_out() {
        let (file, finished) = file_of(params(Compressor::Noop, u32::MAX), &[vec![1; 128]]);
        assert_eq!(file.len(), 136);
        assert!((finished.compression_ratio - 1.0).abs() < f64::EPSILON);
    }

    //= WP-SS-02 check
    #[test]
    fn every_flipped_byte_of_a_chunk_is_an_error_and_leaves_the_data() {
        let (file, finished) = file_of(params(Compressor::Lz4, 64), &[vec![5; 100]]);
        for index in 0..file.len() {
            let mut damaged = file.clone();
            damaged[index] ^= 0x10;
            let mut read = Vec::new();
            assert!(
                finished
                    .compression_info
                    .decompress_all(&damaged, &mut read)
                    .is_err(),
                "{index}"
            );
            assert!(read.len() == 64 || read.is_empty());
        }
    }
}
