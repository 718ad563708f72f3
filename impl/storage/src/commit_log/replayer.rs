//! Reading the segments that earlier lives of the node have left.
//!
//! The format says what stands in a segment; what follows from damage is decided by
//! [`SegmentEnd`]. Source: Cassandra `db.commitlog.CommitLogReader`, `CommitLogReplayer`.

use std::path::{Path, PathBuf};

use thymbra_durability::{LogFinding, ReplayStep};
use thymbra_format::FormatError;
use thymbra_format::commitlog::{SegmentItem, SegmentReader};
use thymbra_types::CommitLogPosition;

use super::CommitLogError;
use super::segment_end::{LastWritten, SEGMENT_HEAD_SIZE_BYTES, SegmentEnd};
use crate::disk::{Disk, DiskResult};

/// A file in the directory of the commit log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct SegmentName {
    /// The id in the name.
    pub(super) id: i64,
    /// Directory and name.
    pub(super) path: PathBuf,
}

/// A whole record.
#[derive(Clone, Copy, Debug)]
pub struct ReplayRecord<'r> {
    /// The end of the record, which is what flushed intervals speak of.
    pub position: CommitLogPosition,
    /// A mutation at messaging version 12.
    pub mutation: &'r [u8],
    /// The segment.
    path: &'r Path,
}

impl ReplayRecord<'_> {
    /// The error that the bytes of this record are no mutation, though their checksum is right.
    #[must_use]
    pub fn undecodable(&self, source: FormatError) -> CommitLogError {
        CommitLogError::Undecodable {
            path: self.path.to_path_buf(),
            position: self.position.position,
            source,
        }
    }
}

/// What a replay has read.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ReplaySummary {
    /// Segments with records that were read.
    pub segments_count: u64,
    /// Records that were visited.
    pub records_count: u64,
    /// Bytes of their mutations.
    pub mutation_bytes: u64,
    /// Where the log was cut by a crash, and how; absent when it ends as it should.
    pub torn_tail: Option<(CommitLogPosition, LogFinding)>,
}

/// The segments of earlier lives.
#[derive(Debug)]
pub(super) struct Replayer<'a> {
    pub(super) disk: &'a dyn Disk,
    /// Oldest first.
    pub(super) segments: &'a [SegmentName],
}

impl Replayer<'_> {
    /// Visits the records behind a position, in the order in which they were appended.
    pub(super) fn replay<E: From<CommitLogError>>(
        &self,
        start: CommitLogPosition,
        mut visit: impl FnMut(ReplayRecord<'_>) -> Result<(), E>,
    ) -> Result<ReplaySummary, E> {
        let mut summary = ReplaySummary::default();
        let last = self.last_written().map_err(CommitLogError::Disk)?;
        let mut file = Vec::new();
        for segment in self.segments {
            if segment.id < start.segment_id {
                continue;
            }
            self.read(segment, &mut file)?;
            replay_segment(segment, &file, last, start, &mut summary, &mut visit)?;
        }
        Ok(summary)
    }

    /// Reads a whole file into memory that is used for one after the other.
    fn read(&self, segment: &SegmentName, file: &mut Vec<u8>) -> Result<(), CommitLogError> {
        let opened = self.disk.open_read_only(&segment.path)?;
        let size_bytes = opened.size_bytes()?;
        let Some(size) = i32::try_from(size_bytes)
            .ok()
            .and_then(|size_bytes| usize::try_from(size_bytes).ok())
        else {
            return Err(CommitLogError::Corrupt {
                path: segment.path.clone(),
                offset: 0,
                finding: LogFinding::HeaderDamaged,
                expected: "a file of less than 2 GiB".into(),
                found: format!("{size_bytes} bytes").into(),
            });
        };
        file.resize(size, 0);
        Ok(opened.read_exact_at(file, 0)?)
    }

    fn last_written(&self) -> DiskResult<LastWritten> {
        let mut last = LastWritten::default();
        for segment in self.segments.iter().rev() {
            let mut head = vec![0; SEGMENT_HEAD_SIZE_BYTES];
            let size_bytes = self.disk.open_read_only(&segment.path)?.read_at(&mut head, 0)?;
            head.truncate(size_bytes);
            if last.look_at(segment.id, &head) {
                break;
            }
        }
        Ok(last)
    }
}

/// Visits the records of one segment, and judges what is none.
fn replay_segment<E: From<CommitLogError>>(
    segment: &SegmentName,
    file: &[u8],
    last: LastWritten,
    start: CommitLogPosition,
    summary: &mut ReplaySummary,
    visit: &mut impl FnMut(ReplayRecord<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut reader = SegmentReader::open(file, Some(segment.id)).map_err(|error| {
        let finding = LogFinding::HeaderDamaged;
        E::from(corrupt(&segment.path, finding, &error))
    })?;
    if !reader.is_at_end() {
        summary.segments_count += 1;
    }
    while let Some(item) = reader.next() {
        let found = match item {
            SegmentItem::Record(record) => {
                if record.position > start {
                    summary.records_count += 1;
                    summary.mutation_bytes += record.mutation.len() as u64;
                    visit(ReplayRecord {
                        position: record.position,
                        mutation: record.mutation,
                        path: &segment.path,
                    })?;
                }
                continue;
            }
            SegmentItem::Finding(found) => found,
        };
        let SegmentEnd { finding, step } = SegmentEnd::of(&found, &reader, file, last);
        match step {
            ReplayStep::EndOfSegment => {}
            ReplayStep::TornTail => {
                tracing::info!(path = %segment.path.display(), error = %found.error, "the commit log ends in a torn section");
                summary.torn_tail = Some((found.position, finding));
            }
            ReplayStep::Corrupt => {
                return Err(E::from(corrupt(&segment.path, finding, &found.error)));
            }
        }
    }
    Ok(())
}

/// The error for people: file, offset, expected and found.
fn corrupt(path: &Path, finding: LogFinding, error: &FormatError) -> CommitLogError {
    let (offset, expected, found) = match error {
        FormatError::Truncated {
            offset,
            needed_bytes,
            available_bytes,
            ..
        } => (
            *offset,
            format!("{needed_bytes} bytes"),
            format!("{available_bytes} bytes"),
        ),
        FormatError::Checksum {
            offset,
            expected,
            found,
            ..
        } => (*offset, format!("{expected:#010x}"), format!("{found:#010x}")),
        FormatError::Invalid {
            offset,
            expected,
            found,
            ..
        } => (*offset, (*expected).to_owned(), found.to_string()),
    };
    CommitLogError::Corrupt {
        path: path.to_path_buf(),
        offset,
        finding,
        expected: expected.into(),
        found: found.into(),
    }
}
