//! `Data.db` while it is read: chunks or slices, each checked against its checksum.
//!
//! Source: Cassandra `io.util.CompressedChunkReader`, `io.util.ChecksummedRebufferer`.

use super::chunk_cache::{CachedFile, ChunkCache};
use crate::disk::DiskFile;
use crate::storage_error::StorageError;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thymbra_format::FormatError;
use thymbra_format::sstable::{Checksums, CompressionInfo};

/// Bytes of a chunk's checksum, behind it.
const CHUNK_CHECKSUM_SIZE_BYTES: u64 = 4;

/// A Data.db that is open, in positions before compression.
#[derive(Debug)]
pub(super) struct DataReader {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    file_length_bytes: u64,
    form: DataForm,
    cached: CachedFile,
}

/// How the bytes are laid out, and by what they are checked.
#[derive(Debug)]
pub(super) enum DataForm {
    /// In compressed chunks.
    Compressed(CompressionInfo),
    /// As they are, with a checksum for each slice in `CRC.db`.
    Plain(Checksums),
}

/// A stretch of data in memory.
#[derive(Debug, Default)]
pub(super) struct DataBuffer {
    /// Bytes from `position` on, unless all of them are in `chunk`.
    bytes: Vec<u8>,
    /// A chunk of the cache, as long as it is the only one: most reads need no other, and of it a
    /// few bytes.
    chunk: Option<Arc<[u8]>>,
    /// Position of the first of them.
    pub(super) position: u64,
    stored: Vec<u8>,
    /// Whether chunks come from the cache, and go there.
    uses_cache: bool,
}

impl DataBuffer {
    /// An empty buffer for the chunks of a read that others are like.
    pub(super) fn cached() -> Self {
        Self {
            uses_cache: true,
            ..Self::default()
        }
    }

    /// Bytes of memory for what was read.
    #[cfg(test)]
    pub(super) fn capacity_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// A buffer with these bytes.
    #[cfg(test)]
    pub(super) fn of(bytes: Vec<u8>, position: u64) -> Self {
        Self {
            bytes,
            position,
            ..Self::default()
        }
    }

    /// Forgets its content, and begins at a position.
    fn begin(&mut self, position: u64) {
        self.bytes.clear();
        self.chunk = None;
        self.position = position;
    }

    fn bytes(&self) -> &[u8] {
        self.chunk.as_deref().unwrap_or(&self.bytes)
    }

    /// The bytes, to be changed.
    fn own_bytes(&mut self) -> &mut Vec<u8> {
        if let Some(chunk) = self.chunk.take() {
            self.bytes.extend_from_slice(&chunk);
        }
        &mut self.bytes
    }

    /// Appends a chunk that others may use too.
    fn append(&mut self, chunk: Arc<[u8]>) {
        if self.bytes().is_empty() {
            self.chunk = Some(chunk);
        } else {
            self.own_bytes().extend_from_slice(&chunk);
        }
    }

    /// Position behind the last byte.
    pub(super) fn end(&self) -> u64 {
        self.position + self.bytes().len() as u64
    }

    /// The bytes from a position on; none if it lies outside.
    pub(super) fn from(&self, position: u64) -> &[u8] {
        position
            .checked_sub(self.position)
            .and_then(|begin| usize::try_from(begin).ok())
            .and_then(|begin| self.bytes().get(begin..))
            .unwrap_or_default()
    }

    /// Forgets the bytes before a position; what is left keeps its place.
    pub(super) fn forget_before(&mut self, position: u64) {
        let passed = position.saturating_sub(self.position);
        let passed = usize::try_from(passed)
            .unwrap_or(usize::MAX)
            .min(self.bytes().len());
        self.own_bytes().drain(..passed);
        self.position += passed as u64;
    }
}

impl DataReader {
    /// A file, whose lengths must fit together.
    ///
    /// # Errors
    /// When the disk fails.
    pub(super) fn new(
        file: Box<dyn DiskFile>,
        path: &Path,
        form: DataForm,
        cache: &Arc<ChunkCache>,
    ) -> Result<Self, StorageError> {
        Ok(Self {
            cached: CachedFile::new(cache),
            file_length_bytes: file.size_bytes()?,
            path: path.to_path_buf(),
            file,
            form,
        })
    }

    /// Bytes before compression.
    pub(super) const fn length_bytes(&self) -> u64 {
        match &self.form {
            DataForm::Compressed(info) => info.data_length_bytes,
            DataForm::Plain(_) => self.file_length_bytes,
        }
    }

    /// Bytes of the file.
    pub(super) const fn file_length_bytes(&self) -> u64 {
        self.file_length_bytes
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts the chunk with a position into an empty buffer.
    ///
    /// # Errors
    /// When the disk fails, the chunk is damaged, or the position lies beyond the end.
    pub(super) fn read_at(&self, position: u64, buffer: &mut DataBuffer) -> Result<(), StorageError> {
        buffer.begin(position - position % self.chunk_length_bytes());
        if self.read_more(buffer)? && buffer.end() > position {
            return Ok(());
        }
        Err(StorageError::corrupt(&self.path)(FormatError::Truncated {
            what: "a partition",
            offset: position,
            needed_bytes: 1,
            available_bytes: 0,
        }))
    }

    /// Appends the next chunk to a buffer; false at the end of the data.
    ///
    /// # Errors
    /// When the disk fails or the chunk is damaged.
    pub(super) fn read_more(&self, buffer: &mut DataBuffer) -> Result<bool, StorageError> {
        let position = buffer.end();
        let length = self.length_bytes().saturating_sub(position);
        if length == 0 {
            return Ok(false);
        }
        if buffer.uses_cache
            && let Some(chunk) = self.cached.get(position)
        {
            buffer.append(chunk);
            return Ok(true);
        }
        let begin = buffer.own_bytes().len();
        match &self.form {
            DataForm::Compressed(info) => self.read_chunk(info, position, buffer)?,
            DataForm::Plain(checksums) => self.read_slice(checksums, position, length, buffer)?,
        }
        if buffer.uses_cache {
            let chunk = buffer.bytes.get(begin..).unwrap_or_default();
            self.cached.insert(position, chunk);
        }
        Ok(true)
    }

    //= WP-SS-02
    fn read_chunk(
        &self,
        info: &CompressionInfo,
        position: u64,
        buffer: &mut DataBuffer,
    ) -> Result<(), StorageError> {
        let corrupt = StorageError::corrupt(&self.path);
        let located = match info.chunk_for(position, self.file_length_bytes) {
            Ok(located) => located,
            Err(error) => return Err(corrupt(error)),
        };
        let Some(location) = located else {
            return Ok(());
        };
        let stored_bytes = location.stored_length_bytes + CHUNK_CHECKSUM_SIZE_BYTES;
        // No more than the file has: `chunk_for` has seen to that.
        buffer
            .stored
            .resize(usize::try_from(stored_bytes).unwrap_or_default(), 0);
        self.file.read_exact_at(&mut buffer.stored, location.offset)?;
        info.decompress_chunk(&location, &buffer.stored, &mut buffer.bytes)
            .map_err(corrupt)
    }

    fn read_slice(
        &self,
        checksums: &Checksums,
        position: u64,
        length_bytes: u64,
        buffer: &mut DataBuffer,
    ) -> Result<(), StorageError> {
        let slice_length_bytes = u64::from(checksums.slice_length_bytes);
        let begin = buffer.bytes.len();
        let length = length_bytes.min(slice_length_bytes);
        buffer
            .bytes
            .resize(begin + usize::try_from(length).unwrap_or_default(), 0);
        let slice = buffer.bytes.get_mut(begin..).unwrap_or_default();
        self.file.read_exact_at(slice, position)?;
        let index = usize::try_from(position / slice_length_bytes).unwrap_or(usize::MAX);
        checksums
            .check_slice(index, slice)
            .map_err(StorageError::corrupt(&self.path))
    }

    fn chunk_length_bytes(&self) -> u64 {
        match &self.form {
            DataForm::Compressed(info) => u64::from(info.params.chunk_length_bytes),
            DataForm::Plain(checksums) => u64::from(checksums.slice_length_bytes),
        }
    }
}
