//! A whole segment: its records, and what in it is no record.

use crate::commitlog::compressed_section::read_compressed_section;
use crate::commitlog::descriptor::{CommitLogDescriptor, SegmentCompression};
use crate::commitlog::finding::SegmentFindingKind;
use crate::commitlog::record::{RECORD_HEAD_SIZE_BYTES, RECORD_OVERHEAD_BYTES, check_mutation, check_record};
use crate::commitlog::sync_marker::{SYNC_MARKER_SIZE_BYTES, SyncMarker};
use crate::cursor::Cursor;
use crate::error::FormatError;
use core::ops::Range;
use thymbra_types::CommitLogPosition;

const MARKER_BYTES: usize = SYNC_MARKER_SIZE_BYTES as usize;
/// Lengths of segments that are not compressed are multiples of this, bytes: all settings give KiB or MiB.
pub const SEGMENT_SIZE_UNIT_BYTES: u64 = 1024;

/// A mutation in the log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LogRecord<'r> {
    /// Its bytes, at messaging version 12.
    pub mutation: &'r [u8],
    /// The END of the record, which is what flushed intervals speak of.
    pub position: CommitLogPosition,
}

/// Something that is no record; what follows from it is for whoever reads the segment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SegmentFinding {
    /// What it is.
    pub kind: SegmentFindingKind,
    /// Where in the log it stands.
    pub position: CommitLogPosition,
    /// The same for people. Its offset is that of the file; in a compressed section, that of the
    /// section.
    pub error: FormatError,
}

/// The next thing in a segment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SegmentItem<'r> {
    /// A mutation whose checksums are right.
    Record(LogRecord<'r>),
    /// Anything else.
    Finding(SegmentFinding),
}

/// The section that is being read.
#[derive(Clone, Copy, Debug)]
struct Section {
    /// Offset of its marker in the file.
    marker_offset: u32,
    /// Where in the log its first record begins.
    base_position: u32,
    /// Bytes of its records, in the file or restored.
    size_bytes: u32,
    /// Bytes of them that were read.
    read_bytes: u32,
    /// The end that its marker gives, if the file is shorter.
    cut_before: Option<u32>,
}

/// Reads a segment from the bytes of its file.
///
/// Every segment ends with a finding, mostly [`SegmentFindingKind::NoMarker`]. Behind a finding there
/// is nothing more, unless the reader is told to go on. Positions in compressed segments count as if
/// they were not compressed. Source: Cassandra `CommitLogSegmentReader`, `CommitLogReader`.
#[derive(Clone, Debug)]
pub struct SegmentReader<'a> {
    file: &'a [u8],
    descriptor: CommitLogDescriptor,
    /// Offset of the marker of the next section in the file.
    next_offset: u32,
    /// Where in the log that is; absent when sections before it could not be restored.
    next_position: Option<u32>,
    section: Option<Section>,
    /// Records of a compressed section.
    restored: Vec<u8>,
    /// What was found last, and from where in the file on another marker can stand. The reader stands
    /// still there.
    stopped_at: Option<(SegmentFindingKind, u32)>,
}

impl<'a> SegmentReader<'a> {
    /// Reads the header of a segment, whose file's name has an id too.
    ///
    /// # Errors
    /// When the header is cut, damaged or of another kind, or the ids differ.
    pub fn open(file: &'a [u8], id_of_name: Option<i64>) -> Result<Self, FormatError> {
        let mut cursor = Cursor::new(file);
        let descriptor = CommitLogDescriptor::read(&mut cursor)?;
        if let Some(id) = id_of_name.filter(|id| *id != descriptor.segment_id) {
            return Err(FormatError::invalid(
                "id of a commit log segment",
                size_of::<i32>() as u64,
                "that in the name of the file",
                &format_args!("{}, and {id} in the name", descriptor.segment_id),
            ));
        }
        if i32::try_from(file.len()).is_err() {
            return Err(FormatError::invalid(
                "size of a commit log segment",
                0,
                "less than 2 GiB",
                &file.len(),
            ));
        }
        let header_size_bytes = to_offset(cursor.position());
        Ok(Self {
            file,
            descriptor,
            next_offset: header_size_bytes,
            next_position: Some(header_size_bytes),
            section: None,
            restored: Vec::new(),
            stopped_at: None,
        })
    }

    /// What the header says.
    #[must_use]
    pub const fn descriptor(&self) -> &CommitLogDescriptor {
        &self.descriptor
    }

    /// Whether the next marker is zero or missing; before the first record: whether nothing was ever
    /// synced to this segment.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.section.is_none() && self.marker_at(self.next_offset).is_none_or(SyncMarker::is_zero)
    }

    /// Whether the file ends where the next marker should stand because it was cut.
    ///
    /// Segments that are not compressed have their full length from the beginning; a full one may end without
    /// room for a marker. One that is compressed ends behind any section.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        match self.descriptor.compression {
            SegmentCompression::None => {
                let size_bytes = self.file.len() as u64;
                !self.has_room_for_marker() && !size_bytes.is_multiple_of(SEGMENT_SIZE_UNIT_BYTES)
            }
            SegmentCompression::Lz4 { .. } => false,
        }
    }

    /// Whether the file announces a marker at its end and ends before it: if records follow in another segment, it was
    /// cut between two sections.
    #[must_use]
    pub fn lacks_end_marker(&self) -> bool {
        match self.descriptor.compression {
            SegmentCompression::None => false,
            SegmentCompression::Lz4 { has_end_marker, .. } => has_end_marker && !self.has_room_for_marker(),
        }
    }

    /// Whether the next marker lies in the file.
    const fn has_room_for_marker(&self) -> bool {
        self.next_offset as u64 + SYNC_MARKER_SIZE_BYTES as u64 <= self.file.len() as u64
    }

    /// The next record or finding; `None` behind a finding.
    #[expect(
        clippy::should_implement_trait,
        reason = "records borrow what the reader restores"
    )]
    pub fn next(&mut self) -> Option<SegmentItem<'_>> {
        while self.stopped_at.is_none() {
            let Some(section) = self.section else {
                match self.begin_section() {
                    Ok(()) => continue,
                    Err(found) => return Some(SegmentItem::Finding(self.stop(found))),
                }
            };
            if section.read_bytes == section.size_bytes && section.cut_before.is_none() {
                self.section = None;
                continue;
            }
            return Some(match self.read_record(section) {
                Ok((mutation, position)) => SegmentItem::Record(LogRecord {
                    mutation: self.records(section).get(mutation).unwrap_or_default(),
                    position: self.at(position),
                }),
                Err(found) => SegmentItem::Finding(self.stop(found)),
            });
        }
        None
    }

    /// Goes on behind a record whose own checksum is wrong; false, and without effect, elsewhere.
    pub fn go_on_with_next_record(&mut self) -> bool {
        let is_possible = matches!(self.stopped_at, Some((SegmentFindingKind::RecordChecksum, _)));
        if is_possible {
            self.stopped_at = None;
        }
        is_possible
    }

    /// Goes on with the next section behind a finding: the one that the marker of this section
    /// points to, or if that marker is wrong, the next that has a right one. False if there is none.
    ///
    /// Behind sections of a compressed segment that could not be restored, positions are unknown, so
    /// that there it is false too.
    pub fn go_on_with_next_section(&mut self) -> bool {
        let Some((kind, offset)) = self.stopped_at else {
            return false;
        };
        match kind {
            SegmentFindingKind::NoMarker
            | SegmentFindingKind::MarkerChecksum
            | SegmentFindingKind::MarkerTarget => match self.find_marker(offset) {
                Some(next_offset) => {
                    self.next_offset = next_offset;
                    self.next_position = match self.descriptor.compression {
                        SegmentCompression::None => Some(next_offset),
                        SegmentCompression::Lz4 { .. } => None,
                    };
                }
                None => return false,
            },
            SegmentFindingKind::RemainderTooSmall
            | SegmentFindingKind::ZeroSize
            | SegmentFindingKind::SizeTooSmall
            | SegmentFindingKind::SizeChecksum
            | SegmentFindingKind::RecordBeyondEnd
            | SegmentFindingKind::RecordChecksum
            | SegmentFindingKind::SectionUnreadable => {}
        }
        if self.next_position.is_none() {
            return false;
        }
        self.section = None;
        self.stopped_at = None;
        true
    }

    /// Whether anywhere behind the last finding stands a marker with its right checksum and an end
    /// that can be. If not, the finding is in the last section that was synced.
    #[must_use]
    pub fn is_followed_by_marker(&self) -> bool {
        self.stopped_at
            .is_some_and(|(_, offset)| self.find_marker(offset).is_some())
    }

    fn find_marker(&self, from: u32) -> Option<u32> {
        let candidates = self
            .file
            .get(usize::try_from(from).ok()?..)?
            .windows(MARKER_BYTES);
        let file_size_bytes = to_offset(self.file.len());
        (from..)
            .zip(candidates)
            .find(|(offset, window)| {
                let Some(marker) = window
                    .first_chunk::<MARKER_BYTES>()
                    .copied()
                    .map(SyncMarker::of_bytes)
                else {
                    return false;
                };
                // The end is looked at first: it is out of range nearly everywhere.
                marker.section_end <= file_size_bytes
                    && marker.section_end >= offset.saturating_add(SYNC_MARKER_SIZE_BYTES)
                    && marker.checksum == SyncMarker::checksum_at(self.descriptor.segment_id, *offset)
            })
            .map(|(offset, _)| offset)
    }

    fn stop(&mut self, found: Found) -> SegmentFinding {
        self.stopped_at = Some((found.kind, found.search_from));
        SegmentFinding {
            kind: found.kind,
            position: self.at(found.position),
            error: found.error,
        }
    }

    const fn at(&self, position: u32) -> CommitLogPosition {
        CommitLogPosition {
            segment_id: self.descriptor.segment_id,
            position,
        }
    }

    fn marker_at(&self, offset: u32) -> Option<SyncMarker> {
        let bytes = self.file.get(usize::try_from(offset).ok()?..)?;
        bytes
            .first_chunk::<MARKER_BYTES>()
            .copied()
            .map(SyncMarker::of_bytes)
    }

    /// Looks at the marker at the next offset, and makes its section the one to read.
    fn begin_section(&mut self) -> Result<(), Found> {
        let offset = self.next_offset;
        let position = self.next_position.unwrap_or(offset);
        let found = |kind, error| Found {
            kind,
            search_from: offset.saturating_add(1),
            position,
            error,
        };
        let invalid = |expected, found: &dyn core::fmt::Display| {
            FormatError::invalid("sync marker", u64::from(offset), expected, found)
        };
        let Some(marker) = self.marker_at(offset).filter(|marker| !marker.is_zero()) else {
            let error = invalid("a marker", &"the end of the log");
            return Err(found(SegmentFindingKind::NoMarker, error));
        };
        let expected = SyncMarker::checksum_at(self.descriptor.segment_id, offset);
        if marker.checksum != expected {
            let error = FormatError::Checksum {
                what: "sync marker",
                offset: u64::from(offset),
                expected,
                found: marker.checksum,
            };
            return Err(found(SegmentFindingKind::MarkerChecksum, error));
        }
        let begin = offset.saturating_add(SYNC_MARKER_SIZE_BYTES);
        if marker.section_end < begin {
            let error = invalid("an end behind the marker", &marker.section_end);
            return Err(found(SegmentFindingKind::MarkerTarget, error));
        }
        let file_size_bytes = to_offset(self.file.len());
        let end = marker.section_end.min(file_size_bytes);
        let cut_before = (marker.section_end > file_size_bytes).then_some(marker.section_end);
        self.next_offset = end;
        let base_position = position.saturating_add(SYNC_MARKER_SIZE_BYTES);
        let size_bytes = match self.descriptor.compression {
            SegmentCompression::None => end - begin,
            SegmentCompression::Lz4 { .. } => {
                if let Some(end) = cut_before {
                    return Err(found(SegmentFindingKind::MarkerTarget, beyond_file(offset, end)));
                }
                self.restore(begin, end)
                    .map_err(|error| found(SegmentFindingKind::SectionUnreadable, error))?
            }
        };
        self.next_position = base_position.checked_add(size_bytes);
        self.section = Some(Section {
            marker_offset: offset,
            base_position,
            size_bytes,
            read_bytes: 0,
            cut_before,
        });
        Ok(())
    }

    /// Restores the records of a compressed section, and gives their size.
    fn restore(&mut self, begin: u32, end: u32) -> Result<u32, FormatError> {
        // Until it succeeds, positions behind the section are unknown.
        self.next_position = None;
        let bytes = self.file.get(begin as usize..end as usize).unwrap_or_default();
        read_compressed_section(&mut Cursor::at(bytes, u64::from(begin)), &mut self.restored)?;
        Ok(to_offset(self.restored.len()))
    }

    fn records(&self, section: Section) -> &[u8] {
        match self.descriptor.compression {
            SegmentCompression::None => {
                let begin = section.marker_offset as usize + MARKER_BYTES;
                let end = begin + section.size_bytes as usize;
                self.file.get(begin..end).unwrap_or_default()
            }
            SegmentCompression::Lz4 { .. } => &self.restored,
        }
    }

    /// Where in the section's records the next mutation stands, and where in the log its record ends.
    fn read_record(&mut self, section: Section) -> Result<(Range<usize>, u32), Found> {
        let begin = section.read_bytes as usize;
        let rest = self.records(section).get(begin..).unwrap_or_default();
        let records_offset = section.marker_offset + SYNC_MARKER_SIZE_BYTES;
        let (offset, search_from) = match self.descriptor.compression {
            SegmentCompression::None => {
                let offset = records_offset + section.read_bytes;
                (u64::from(offset), offset)
            }
            SegmentCompression::Lz4 { .. } => (u64::from(section.marker_offset), records_offset),
        };
        let position = section.base_position.saturating_add(section.read_bytes);
        let found = |(kind, error)| Found {
            kind,
            search_from,
            position,
            error,
        };
        let mutation_size_bytes = check_record(rest, offset).map_err(|(kind, error)| {
            let is_cut = matches!(
                kind,
                SegmentFindingKind::RemainderTooSmall | SegmentFindingKind::RecordBeyondEnd
            );
            found(match section.cut_before {
                Some(end) if is_cut => (
                    SegmentFindingKind::MarkerTarget,
                    beyond_file(section.marker_offset, end),
                ),
                Some(_) | None => (kind, error),
            })
        })?;
        let record_size_bytes = mutation_size_bytes + RECORD_OVERHEAD_BYTES;
        let result = check_mutation(rest, mutation_size_bytes, offset);
        let read_bytes = section.read_bytes + to_offset(record_size_bytes);
        if let Some(section) = &mut self.section {
            section.read_bytes = read_bytes;
        }
        result.map_err(|error| found((SegmentFindingKind::RecordChecksum, error)))?;
        let mutation = begin + RECORD_HEAD_SIZE_BYTES..begin + RECORD_HEAD_SIZE_BYTES + mutation_size_bytes;
        Ok((mutation, section.base_position.saturating_add(read_bytes)))
    }
}

/// A finding before the reader has stopped at it.
struct Found {
    kind: SegmentFindingKind,
    /// From where in the file on another marker can stand.
    search_from: u32,
    /// Where in the log.
    position: u32,
    error: FormatError,
}

/// Offsets in a segment, whose size was checked when it was opened.
fn to_offset(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

fn beyond_file(marker_offset: u32, end: u32) -> FormatError {
    FormatError::invalid(
        "sync marker",
        u64::from(marker_offset),
        "an end within the file",
        &end,
    )
}
