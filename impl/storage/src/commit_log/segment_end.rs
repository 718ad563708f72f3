//! What ends a segment: the end of what was written, the write that a crash cut, or damage.
//!
//! Whoever reads segments asks here, so that replay at start and the commands that look at files agree. What follows from
//! a finding is decided by [`ReplayRules`](thymbra_durability::ReplayRules). Chapter: `specs/06-commit-log.md`. Source: Cassandra
//! `db.commitlog.CommitLogSegmentReader`.

use thymbra_durability::{FindingPlace, LogFinding, ReplayRules as _, ReplayStep};
use thymbra_format::commitlog::{SegmentCompression, SegmentFinding, SegmentFindingKind, SegmentReader};
use thymbra_types::Reference;

/// Enough of a file for its header and its first marker, bytes.
pub const SEGMENT_HEAD_SIZE_BYTES: usize = 4096;

/// Which segment has records and is followed by none that has.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct LastWritten {
    /// Of the segments whose first marker is not zero, the highest id; one whose header is damaged counts among them.
    id: Option<i64>,
    /// The highest id of those whose header is right.
    readable_id: Option<i64>,
}

impl LastWritten {
    /// Looks at the first [`SEGMENT_HEAD_SIZE_BYTES`] of a segment; the one with the highest id comes first. True when
    /// those before it need not be looked at.
    pub fn look_at(&mut self, id: i64, head: &[u8]) -> bool {
        match SegmentReader::open(head, Some(id)) {
            Ok(reader) if reader.is_at_end() => false,
            Ok(_) => {
                self.id.get_or_insert(id);
                self.readable_id = Some(id);
                true
            }
            Err(_) => {
                self.id.get_or_insert(id);
                false
            }
        }
    }

    fn is(self, id: i64) -> bool {
        self.id == Some(id)
    }

    /// Whether records were written to a later segment, for certain.
    fn follows(self, id: i64) -> bool {
        self.readable_id.is_some_and(|last_id| id < last_id)
    }
}

/// How a segment ends, and what follows from it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SegmentEnd {
    /// What stands where the next record or marker should.
    pub finding: LogFinding,
    /// What to do about it.
    pub step: ReplayStep,
}

impl SegmentEnd {
    /// Judges what a reader has found last in the bytes of its segment.
    #[must_use]
    //= WP-CL-05
    pub fn of(found: &SegmentFinding, reader: &SegmentReader<'_>, file: &[u8], last: LastWritten) -> Self {
        let id = reader.descriptor().segment_id;
        let finding = finding(found, reader, file, last.follows(id));
        let place = FindingPlace {
            in_last_segment: last.is(id),
            in_last_section: !reader.is_followed_by_marker(),
        };
        Self {
            finding,
            step: Reference.on_finding(finding, place),
        }
    }
}

/// What the rules are asked about.
///
/// A remainder that is too small for the size of a record is the end of the segment only if nothing
/// but zeros follows: otherwise the end of the section is wrong, or a size before it.
fn finding(
    found: &SegmentFinding,
    reader: &SegmentReader<'_>,
    file: &[u8],
    is_followed_by_segment: bool,
) -> LogFinding {
    let is_followed = || match reader.descriptor().compression {
        SegmentCompression::None => {
            let position = usize::try_from(found.position.position).unwrap_or(usize::MAX);
            let rest = file.get(position..).unwrap_or_default();
            rest.iter().any(|byte| *byte != 0)
        }
        SegmentCompression::Lz4 { .. } => true,
    };
    match found.kind {
        SegmentFindingKind::NoMarker
            if reader.is_cut() || is_followed_by_segment && reader.lacks_end_marker() =>
        {
            LogFinding::MarkerTarget
        }
        SegmentFindingKind::NoMarker => LogFinding::NoMarker,
        SegmentFindingKind::RemainderTooSmall if is_followed() => LogFinding::RecordBeyondEnd,
        SegmentFindingKind::RemainderTooSmall => LogFinding::RemainderTooSmall,
        SegmentFindingKind::ZeroSize => LogFinding::ZeroSize,
        SegmentFindingKind::MarkerChecksum => LogFinding::MarkerChecksum,
        SegmentFindingKind::MarkerTarget => LogFinding::MarkerTarget,
        SegmentFindingKind::SizeTooSmall => LogFinding::SizeTooSmall,
        SegmentFindingKind::SizeChecksum => LogFinding::SizeChecksum,
        SegmentFindingKind::RecordBeyondEnd => LogFinding::RecordBeyondEnd,
        SegmentFindingKind::RecordChecksum => LogFinding::RecordChecksum,
        SegmentFindingKind::SectionUnreadable => LogFinding::SectionUnreadable,
    }
}
