//! The file of one segment: how it comes to be, and how sections get into it.
//!
//! # Order of writes
//!
//! A segment is made under another name and renamed when its header is durable: whatever crash, a
//! file that is called a segment has a whole header.
//!
//! The bytes of a section are written before its marker, so that no marker is ever in the file
//! without them. Between two syncs the section that was begun by the last sync *grows*: its marker
//! is written again with a later end. All that has not been synced is therefore in one section, the
//! last, and only that one can be torn by a loss of power. A section grows in three writes:
//!
//! | write | what a reader sees if the process ends behind it |
//! |---|---|
//! | the new bytes without their first 8 | the old end, and behind it no marker |
//! | the marker with the new end | a record of size zero at the old end |
//! | the first 8 bytes | everything |
//!
//! Cassandra begins a new section instead. Sections of compressed segments cannot grow.
//!
//! A compressed segment is as long as its sections. When it takes no more records a marker of zeros is written behind
//! the last one, so that a segment that was cut between two sections is noticed; the header announces that. Where the
//! process ended before, the next one writes it, before a later segment gets records.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use thymbra_format::Cursor;
use thymbra_format::commitlog::{
    CommitLogDescriptor, SYNC_MARKER_SIZE_BYTES, SegmentCompression, SyncMarker, write_compressed_section,
};

use super::SEGMENT_HEAD_SIZE_BYTES;
use crate::disk::{Disk, DiskFile, DiskResult};

/// End of the name of a segment that is being made.
pub(super) const UNFINISHED_SUFFIX: &str = ".tmp";
/// Zeros are written in pieces of this size, bytes.
static ZEROS: [u8; 1 << 16] = [0; 1 << 16];
/// Size of a marker, bytes, as lengths in memory are counted.
const MARKER_SIZE: usize = SYNC_MARKER_SIZE_BYTES as usize;

/// How a segment is laid out on the disk.
#[derive(Clone, Copy, Debug)]
pub(super) struct SegmentLayout {
    /// Length of an uncompressed segment; limit of the positions in a compressed one, bytes.
    pub(super) size_bytes: u64,
    /// Whether sections are compressed; the file then grows with them.
    pub(super) is_compressed: bool,
    /// Whether zeros are written over the whole length at once, so that syncs find their blocks
    /// allocated: half as many bytes per second, and half again as many syncs.
    pub(super) is_zero_filled: bool,
}

/// Records that follow each other in one section and are to be written.
#[derive(Debug)]
pub(super) struct Section {
    /// Where the section's marker stands; in a compressed segment, if it were not.
    pub(super) marker_position: u32,
    /// Where the records begin.
    pub(super) begin: u32,
    /// Where they end.
    pub(super) end: u32,
    /// The records.
    pub(super) bytes: Vec<u8>,
}

impl Section {
    /// Whether earlier records of the section are in the file.
    const fn grows(&self) -> bool {
        self.begin != self.marker_position + SYNC_MARKER_SIZE_BYTES
    }
}

/// A segment that can be written to.
//= WP-CL-01
#[derive(Debug)]
pub(super) struct SegmentFile {
    /// The segment's id.
    pub(super) id: i64,
    /// Where the first marker stands.
    pub(super) header_end: u32,
    /// How it is laid out.
    pub(super) layout: SegmentLayout,
    file: Box<dyn DiskFile>,
    /// The name that it has for good.
    path: PathBuf,
    /// Length of the file, bytes.
    size_bytes: AtomicU64,
}

impl SegmentFile {
    /// Makes a segment without records; it is durable.
    pub(super) fn create(
        disk: &dyn Disk,
        directory: &Path,
        id: i64,
        layout: SegmentLayout,
    ) -> DiskResult<Self> {
        let compression = match layout.is_compressed {
            true => SegmentCompression::Lz4 {
                parameters: None,
                has_end_marker: true,
            },
            false => SegmentCompression::None,
        };
        let descriptor = CommitLogDescriptor {
            segment_id: id,
            compression,
        };
        let mut header = Vec::new();
        descriptor.write(&mut header);
        let name = descriptor.file_name();
        let path = directory.join(&name);
        let unfinished = directory.join(name + UNFINISHED_SUFFIX);

        let file = disk.create_new(&unfinished)?;
        if !layout.is_compressed {
            file.set_len(layout.size_bytes)?;
            if layout.is_zero_filled {
                fill(&*file, layout.size_bytes)?;
            }
        }
        file.write_at(&header, 0)?;
        file.sync_data()?;
        disk.rename(&unfinished, &path)?;
        disk.sync_directory(directory)?;
        let header_end = header.len() as u64;
        Ok(Self {
            id,
            header_end: u32::try_from(header_end).expect("a header has at most 64 KiB"),
            layout,
            file,
            path,
            size_bytes: AtomicU64::new(match layout.is_compressed {
                true => header_end,
                false => layout.size_bytes,
            }),
        })
    }

    /// The name of the file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Length of the file, bytes.
    pub(super) fn size_bytes(&self) -> u64 {
        self.size_bytes.load(Ordering::Relaxed)
    }

    /// Writes records and the marker of their section; `scratch` is for compressed bytes.
    ///
    /// Where there are no records, they are in the file already, and so is the marker. Only one
    /// thread at a time may write to a segment.
    pub(super) fn write(&self, section: &Section, scratch: &mut Vec<u8>) -> DiskResult<()> {
        if section.bytes.is_empty() {
            return Ok(());
        }
        if self.layout.is_compressed {
            return self.write_compressed(section, scratch);
        }
        let marker = SyncMarker::new(self.id, section.marker_position, section.end).to_bytes();
        let marker_offset = u64::from(section.marker_position);
        let offset = u64::from(section.begin);
        match section.bytes.split_at_checked(MARKER_SIZE) {
            Some((head, tail)) if section.grows() => {
                self.file.write_at(tail, offset + MARKER_SIZE as u64)?;
                self.file.write_at(&marker, marker_offset)?;
                self.file.write_at(head, offset)
            }
            Some(_) | None => {
                self.file.write_at(&section.bytes, offset)?;
                self.file.write_at(&marker, marker_offset)
            }
        }
    }

    fn write_compressed(&self, section: &Section, scratch: &mut Vec<u8>) -> DiskResult<()> {
        let offset = self.size_bytes();
        let base_offset = u32::try_from(offset).expect("a segment has less than 4 GiB");
        scratch.clear();
        write_compressed_section(self.id, &section.bytes, base_offset, scratch);
        if let Some((marker, body)) = scratch.split_at_checked(MARKER_SIZE) {
            self.file.write_at(body, offset + MARKER_SIZE as u64)?;
            self.file.write_at(marker, offset)?;
        }
        self.size_bytes
            .store(offset + scratch.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Ends a segment that takes no more records, behind its last section.
    pub(super) fn end(&self) -> DiskResult<()> {
        if self.layout.is_compressed {
            let offset = self.size_bytes();
            self.file.write_at(&[0; MARKER_SIZE], offset)?;
            self.size_bytes
                .store(offset + MARKER_SIZE as u64, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Makes what was written durable.
    pub(super) fn sync(&self) -> DiskResult<()> {
        self.file.sync_data()
    }
}

/// Writes zeros over the whole file.
fn fill(file: &dyn DiskFile, size_bytes: u64) -> DiskResult<()> {
    let mut offset = 0;
    while offset < size_bytes {
        let left = usize::try_from(size_bytes - offset).unwrap_or(usize::MAX);
        let zeros = ZEROS.get(..left).unwrap_or(&ZEROS);
        file.write_at(zeros, offset)?;
        offset += zeros.len() as u64;
    }
    Ok(())
}

/// Ends a compressed segment of an earlier life, durably, unless it has ended.
///
/// It is removed then; but where the directory cannot be synced, a loss of power brings it back, and
/// segments with records follow it.
pub(super) fn end_earlier(disk: &dyn Disk, path: &Path) -> DiskResult<()> {
    let file = disk.open_read_only(path)?;
    let mut head = vec![0; SEGMENT_HEAD_SIZE_BYTES];
    let read = file.read_at(&mut head, 0)?;
    head.truncate(read);
    let Ok(descriptor) = CommitLogDescriptor::read(&mut Cursor::new(&head)) else {
        return Ok(());
    };
    match descriptor.compression {
        SegmentCompression::Lz4 {
            has_end_marker: true, ..
        } => {}
        SegmentCompression::Lz4 { .. } | SegmentCompression::None => return Ok(()),
    }
    let size_bytes = file.size_bytes()?;
    let mut tail = [0; MARKER_SIZE];
    file.read_exact_at(
        &mut tail,
        size_bytes.saturating_sub(SYNC_MARKER_SIZE_BYTES.into()),
    )?;
    // A section ends in the checksum of its last record, which LZ4 leaves as it is.
    if tail != [0; MARKER_SIZE] {
        let file = disk.open(path)?;
        file.write_at(&[0; MARKER_SIZE], size_bytes)?;
        file.sync_data()?;
    }
    Ok(())
}
