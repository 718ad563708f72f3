//! A commit log segment: header, markers and records.

use std::path::Path;

use thymbra_format::commitlog::{CommitLogDescriptor, SegmentFindingKind, SegmentItem, SegmentReader};

use crate::files::{FileError, read_file};

/// Verifies a segment; says what is in it.
///
/// The mutations are not taken apart: that needs the definitions of their tables.
pub(super) fn verify(path: &Path) -> Result<String, FileError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let id = CommitLogDescriptor::parse_file_name(&name).map(|(_, id)| id);
    let bytes = read_file(path)?;
    let mut reader = SegmentReader::open(&bytes, id).map_err(FileError::format(path))?;
    let mut records_count = 0_u64;
    while let Some(item) = reader.next() {
        match item {
            SegmentItem::Record(_) => records_count += 1,
            SegmentItem::Finding(finding) if finding.kind == SegmentFindingKind::NoMarker => {}
            SegmentItem::Finding(finding) => return Err(FileError::format(path)(finding.error)),
        }
    }
    if reader.is_cut() {
        return Err(cut(path, records_count));
    }
    if reader.is_followed_by_marker() {
        return Err(FileError::contradiction(
            path,
            format!("the log ends behind {records_count} records, and a marker of another section follows"),
        ));
    }
    Ok(format!("records {records_count}"))
}

/// A segment without compression that has not its whole length.
pub(crate) fn cut(path: &Path, records_count: u64) -> FileError {
    FileError::contradiction(
        path,
        format!(
            "the file is cut behind {records_count} records: a segment without compression has a length of whole KiB"
        ),
    )
}
