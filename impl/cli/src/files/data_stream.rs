//! `Data.db` from its beginning to its end: chunks or slices, each checked, parsed piece by piece.
//!
//! Memory holds a chunk, or what one row needs.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use thymbra_format::sstable::{Checksums, Component, CompressionInfo};
use thymbra_format::{Cursor, FormatError};

use super::error::FileError;
use super::sstable_path::SSTablePath;

/// Bytes of a chunk's checksum, behind it.
const CHUNK_CHECKSUM_SIZE_BYTES: u64 = 4;

/// Bytes that may have been parsed before memory is given back.
const PARSED_LIMIT_BYTES: usize = 1 << 16;

/// Data that is being read.
#[derive(Debug)]
pub(crate) struct DataStream {
    file: File,
    path: PathBuf,
    file_length_bytes: u64,
    form: Form,
    /// Bytes that were read and not forgotten.
    buffer: Vec<u8>,
    /// Position of the first of them, before compression.
    buffer_position: u64,
    /// Bytes of the buffer that were parsed.
    parsed_bytes: usize,
    /// A chunk as it is stored.
    stored: Vec<u8>,
}

#[derive(Debug)]
enum Form {
    Compressed(CompressionInfo),
    /// Checked by `CRC.db`, if there is one.
    Plain(Option<Checksums>),
}

impl DataStream {
    /// The data of an SSTable, from the beginning.
    pub(crate) fn open(sstable: &SSTablePath) -> Result<Self, FileError> {
        let path = sstable.path(Component::Data);
        let file = File::open(&path).map_err(FileError::disk(&path))?;
        let file_length_bytes = file.metadata().map_err(FileError::disk(&path))?.len();
        let form = match sstable.compression_info()? {
            Some(info) => Form::Compressed(info),
            None if sstable.has(Component::Crc) => {
                let bytes = sstable.read(Component::Crc)?;
                let checksums =
                    Checksums::read(&bytes).map_err(FileError::format(&sstable.path(Component::Crc)))?;
                Form::Plain(Some(checksums))
            }
            None => Form::Plain(None),
        };
        Ok(Self {
            file,
            path,
            file_length_bytes,
            form,
            buffer: Vec::new(),
            buffer_position: 0,
            parsed_bytes: 0,
            stored: Vec::new(),
        })
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Position of what is parsed next, before compression.
    pub(crate) const fn position(&self) -> u64 {
        self.buffer_position + self.parsed_bytes as u64
    }

    /// Bytes of the data, before compression.
    pub(crate) const fn length_bytes(&self) -> u64 {
        match &self.form {
            Form::Compressed(info) => info.data_length_bytes,
            Form::Plain(_) => self.file_length_bytes,
        }
    }

    /// Checks that the file of an uncompressed table ends where it should: it may have been cut where a partition ends.
    pub(crate) fn check_end(&self, sstable: &SSTablePath) -> Result<(), FileError> {
        match &self.form {
            Form::Plain(Some(checksums)) => checksums
                .check_count(self.file_length_bytes)
                .map_err(FileError::format(&sstable.path(Component::Crc))),
            Form::Plain(None) | Form::Compressed(_) => Ok(()),
        }
    }

    /// Whether all was parsed.
    pub(crate) const fn is_at_end(&self) -> bool {
        self.position() >= self.length_bytes()
    }

    /// Parses the next piece; reads on while it is cut.
    pub(crate) fn parse<T>(
        &mut self,
        mut parse: impl FnMut(&mut Cursor<'_>) -> Result<T, FormatError>,
    ) -> Result<T, FileError> {
        self.forget();
        loop {
            let rest = self.buffer.get(self.parsed_bytes..).unwrap_or_default();
            let mut cursor = Cursor::at(rest, self.position());
            let error = match parse(&mut cursor) {
                Ok(parsed) => {
                    self.parsed_bytes += cursor.position();
                    return Ok(parsed);
                }
                Err(error) => error,
            };
            let is_cut = matches!(error, FormatError::Truncated { .. });
            if !(is_cut && self.read_on()?) {
                return Err(FileError::format(&self.path)(error));
            }
        }
    }

    /// Gives back the memory of what was parsed.
    fn forget(&mut self) {
        if self.parsed_bytes < PARSED_LIMIT_BYTES {
            return;
        }
        self.buffer.drain(..self.parsed_bytes);
        self.buffer_position += self.parsed_bytes as u64;
        self.parsed_bytes = 0;
    }

    /// Reads at least one chunk more, and as much as there is already: a row over many chunks is parsed a few times
    /// only. False at the end.
    fn read_on(&mut self) -> Result<bool, FileError> {
        let wanted = self
            .buffer
            .len()
            .saturating_sub(self.parsed_bytes)
            .saturating_mul(2);
        let before = self.buffer.len();
        while self.buffer.len() == before || self.buffer.len() - self.parsed_bytes < wanted {
            let position = self.buffer_position + self.buffer.len() as u64;
            if position >= self.length_bytes() {
                break;
            }
            match &self.form {
                Form::Compressed(_) => self.read_chunk(position)?,
                Form::Plain(_) => self.read_slice(position)?,
            }
        }
        Ok(self.buffer.len() > before)
    }

    fn read_chunk(&mut self, position: u64) -> Result<(), FileError> {
        let Form::Compressed(info) = &self.form else {
            return Ok(());
        };
        let corrupt = FileError::format(&self.path);
        let located = match info.chunk_for(position, self.file_length_bytes) {
            Ok(Some(location)) => location,
            Ok(None) => return Ok(()),
            Err(error) => return Err(corrupt(error)),
        };
        // No more than the file has: the location was found in it.
        let stored_bytes = located
            .stored_length_bytes
            .saturating_add(CHUNK_CHECKSUM_SIZE_BYTES);
        self.stored
            .resize(usize::try_from(stored_bytes).unwrap_or_default(), 0);
        read_at(&mut self.file, located.offset, &mut self.stored).map_err(FileError::disk(&self.path))?;
        info.decompress_chunk(&located, &self.stored, &mut self.buffer)
            .map_err(corrupt)
    }

    fn read_slice(&mut self, position: u64) -> Result<(), FileError> {
        let Form::Plain(checksums) = &self.form else {
            return Ok(());
        };
        let slice_length_bytes = checksums
            .as_ref()
            .map_or(Checksums::DEFAULT_SLICE_LENGTH_BYTES, |checksums| {
                checksums.slice_length_bytes
            });
        let slice_length_bytes = u64::from(slice_length_bytes);
        let left = self.file_length_bytes - position;
        let begin = self.buffer.len();
        let length = usize::try_from(left.min(slice_length_bytes)).unwrap_or_default();
        self.buffer.resize(begin + length, 0);
        let slice = self.buffer.get_mut(begin..).unwrap_or_default();
        read_at(&mut self.file, position, slice).map_err(FileError::disk(&self.path))?;
        let index = usize::try_from(position / slice_length_bytes).unwrap_or(usize::MAX);
        match checksums {
            Some(checksums) => checksums
                .check_slice(index, slice)
                .map_err(FileError::format(&self.path)),
            None => Ok(()),
        }
    }
}

fn read_at(file: &mut File, offset: u64, bytes: &mut [u8]) -> std::io::Result<()> {
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(bytes)
}
