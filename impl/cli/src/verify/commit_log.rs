//! A commit log segment: header, markers and records.

use std::path::Path;

use thymbra_format::commitlog::{CommitLogDescriptor, SegmentFindingKind, SegmentItem, SegmentReader};

use crate::files::{FileError, read_file, segments};

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
    if reader.lacks_end_marker() && is_followed_by_records(path, reader.descriptor().segment_id)? {
        return Err(FileError::contradiction(
            path,
            format!(
                "the file ends behind {records_count} records without the marker at its end, and a later segment has records"
            ),
        ));
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

/// Whether something was written to a later segment beside this one.
fn is_followed_by_records(path: &Path, id: i64) -> Result<bool, FileError> {
    let directory = path
        .parent()
        .filter(|directory| !directory.as_os_str().is_empty())
        .unwrap_or_else(|| Path::new("."));
    for (_, later) in segments(directory)?.range(id + 1..) {
        let bytes = read_file(later)?;
        if SegmentReader::open(&bytes, None).is_ok_and(|reader| !reader.is_at_end()) {
            return Ok(true);
        }
    }
    Ok(false)
}
