//! `Data.db` while it is written: bytes of partitions in, chunks or slices with checksums out.
//!
//! A large file is compressed and written by a thread of its own, while the next partitions are
//! serialized; see [`super::data_file_thread`].
//!
//! Source: Cassandra `io.compress.CompressedSequentialWriter`, `io.util.ChecksummedSequentialWriter`.

use super::trickle_fsync::TrickleFsync;
use crate::disk::{DiskFile, DiskResult};
use thymbra_format::sstable::{
    ChecksumWriter, Checksums, CompressedData, CompressedSequentialWriter, CompressionParams, Digest,
};

/// Bytes that are collected before the disk gets them.
const WRITE_BUFFER_BYTES: usize = 1 << 20;

/// Writes the bytes of partitions to the disk.
#[derive(Debug)]
pub(super) struct DataFileEncoder {
    file: Box<dyn DiskFile>,
    trickle_fsync: TrickleFsync,
    /// Bytes of the file that the disk has not got yet.
    buffer: Vec<u8>,
    form: Form,
}

#[derive(Debug)]
enum Form {
    Compressed(CompressedSequentialWriter),
    Plain(ChecksumWriter),
}

/// What goes into the other components.
#[derive(Debug)]
pub(super) enum DataSummary {
    /// Of a compressed table: `CompressionInfo.db` and `Digest.crc32`.
    Compressed(CompressedData),
    /// Of another: `CRC.db` and `Digest.crc32`.
    Plain { checksums: Checksums, digest: Digest },
}

impl DataSummary {
    /// Checksum of the whole file.
    pub(super) const fn digest(&self) -> Digest {
        match self {
            Self::Compressed(data) => data.digest,
            Self::Plain { digest, .. } => *digest,
        }
    }

    /// Stored bytes for each byte of data; absent in tables without compression.
    pub(super) const fn compression_ratio(&self) -> Option<f64> {
        match self {
            Self::Compressed(data) => Some(data.compression_ratio),
            Self::Plain { .. } => None,
        }
    }
}

impl DataFileEncoder {
    /// At the beginning of an empty file.
    pub(super) fn new(
        file: Box<dyn DiskFile>,
        compression: Option<CompressionParams>,
        trickle_fsync: TrickleFsync,
    ) -> Self {
        let form = match compression {
            Some(params) => Form::Compressed(CompressedSequentialWriter::new(params)),
            None => Form::Plain(ChecksumWriter::new(Checksums::DEFAULT_SLICE_LENGTH_BYTES)),
        };
        Self {
            file,
            trickle_fsync,
            buffer: Vec::with_capacity(WRITE_BUFFER_BYTES + WRITE_BUFFER_BYTES / 4),
            form,
        }
    }

    /// Appends bytes of partitions.
    ///
    /// # Errors
    /// When the disk fails.
    pub(super) fn write(&mut self, data: &[u8]) -> DiskResult<()> {
        match &mut self.form {
            Form::Compressed(writer) => writer.write(data, &mut self.buffer),
            Form::Plain(checksums) => {
                checksums.update(data);
                self.buffer.extend_from_slice(data);
            }
        }
        if self.buffer.len() >= WRITE_BUFFER_BYTES {
            self.drain()?;
        }
        Ok(())
    }

    /// Writes the rest, and makes the file durable.
    ///
    /// # Errors
    /// When the disk fails.
    pub(super) fn finish(mut self) -> DiskResult<DataSummary> {
        let summary = match self.form {
            Form::Compressed(writer) => DataSummary::Compressed(writer.finish(&mut self.buffer)),
            Form::Plain(checksums) => {
                let (checksums, digest) = checksums.finish();
                DataSummary::Plain { checksums, digest }
            }
        };
        self.file.append(&self.buffer)?;
        self.file.sync_data()?;
        Ok(summary)
    }

    fn drain(&mut self) -> DiskResult<()> {
        self.trickle_fsync.append(&*self.file, &self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}
