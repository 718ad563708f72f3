//! A commit log segment: header, markers and records.

use std::path::Path;

use thymbra_format::commitlog::{CommitLogDescriptor, SegmentItem, SegmentReader};

use crate::files::{FileError, LogDirectory, read_file};

/// Verifies a segment; says what is in it.
///
/// The mutations are not taken apart: that needs the definitions of their tables.
pub(super) fn verify(path: &Path) -> Result<String, FileError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let id = CommitLogDescriptor::parse_file_name(&name).map(|(_, id)| id);
    let directory = LogDirectory::around(path)?;
    let bytes = read_file(path)?;
    let mut reader = SegmentReader::open(&bytes, id).map_err(FileError::format(path))?;
    let mut records_count = 0_u64;
    let mut torn_tail = None;
    while let Some(item) = reader.next() {
        match item {
            SegmentItem::Record(_) => records_count += 1,
            SegmentItem::Finding(found) => torn_tail = directory.judge_end(path, &bytes, &reader, found)?,
        }
    }
    Ok(match torn_tail {
        Some(torn_tail) => format!("records {records_count}\n  torn tail: {torn_tail}"),
        None => format!("records {records_count}"),
    })
}
