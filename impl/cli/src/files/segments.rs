//! Commit log segments, found by their names, and how they end.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use thymbra_durability::{LogFinding, ReplayStep};
use thymbra_format::FormatError;
use thymbra_format::commitlog::{CommitLogDescriptor, SegmentFinding, SegmentReader};
use thymbra_storage::commit_log::{LastWritten, SEGMENT_HEAD_SIZE_BYTES, SegmentEnd};

use super::error::FileError;

/// The segment that a path names, or all of a directory, by their ids.
pub(crate) fn segments(path: &Path) -> Result<BTreeMap<i64, PathBuf>, FileError> {
    let metadata = std::fs::metadata(path).map_err(FileError::disk(path))?;
    let foreign = |path: &Path, reason: &str| FileError::Foreign {
        path: path.to_path_buf(),
        reason: reason.into(),
    };
    let id_of = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        CommitLogDescriptor::parse_file_name(&name).map(|(_, id)| id)
    };
    if !metadata.is_dir() {
        let id = id_of(path).ok_or_else(|| {
            foreign(
                path,
                "is no commit log segment by its name; CommitLog-7-<id>.log are read",
            )
        })?;
        return Ok(BTreeMap::from([(id, path.to_path_buf())]));
    }
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(path).map_err(FileError::disk(path))? {
        let entry = entry.map_err(FileError::disk(path))?;
        if let Some(id) = id_of(&entry.path()) {
            found.insert(id, entry.path());
        }
    }
    if found.is_empty() {
        return Err(foreign(path, "has no commit log segments, CommitLog-7-<id>.log"));
    }
    Ok(found)
}

/// The segments of a directory as far as they decide how one of them may end.
pub(crate) struct LogDirectory {
    last: LastWritten,
    /// Whether there is only one, of which nobody knows whether another followed.
    has_one: bool,
}

impl LogDirectory {
    /// Looks at the segments that lie beside one, whether or not they are read too.
    pub(crate) fn around(segment: &Path) -> Result<Self, FileError> {
        let directory = segment
            .parent()
            .filter(|directory| !directory.as_os_str().is_empty())
            .unwrap_or_else(|| Path::new("."));
        let segments = segments(directory)?;
        let mut last = LastWritten::default();
        for (id, path) in segments.iter().rev() {
            let mut head = Vec::new();
            let read = File::open(path).and_then(|file| {
                let limit_bytes = SEGMENT_HEAD_SIZE_BYTES as u64;
                file.take(limit_bytes).read_to_end(&mut head)
            });
            read.map_err(FileError::disk(path))?;
            if last.look_at(*id, &head) {
                break;
            }
        }
        Ok(Self {
            last,
            has_one: segments.len() == 1,
        })
    }

    /// Judges what a segment ends with, as replay does: a torn tail is none of its errors.
    pub(crate) fn judge_end(
        &self,
        path: &Path,
        bytes: &[u8],
        reader: &SegmentReader<'_>,
        found: SegmentFinding,
    ) -> Result<Option<TornTail>, FileError> {
        let SegmentEnd { finding, step } = SegmentEnd::of(&found, reader, bytes, self.last);
        match step {
            ReplayStep::EndOfSegment => Ok(None),
            ReplayStep::TornTail => Ok(Some(TornTail {
                finding,
                position: found.position.position,
                error: found.error,
                is_of_only_segment: self.has_one,
            })),
            ReplayStep::Corrupt => Err(FileError::format(path)(found.error)),
        }
    }
}

/// The write that a crash cut, at the end of the last segment.
pub(crate) struct TornTail {
    /// What stands there.
    pub(crate) finding: LogFinding,
    /// Where in the log.
    pub(crate) position: u32,
    /// Where in the file, what was expected and what was found.
    pub(crate) error: FormatError,
    /// Whether no other segment lies beside it, so that it may not have been the last.
    is_of_only_segment: bool,
}

impl fmt::Display for TornTail {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { finding, error, .. } = self;
        write!(formatter, "{finding}: {error}; replay ends here")?;
        match self.is_of_only_segment {
            true => formatter.write_str(" if this is the last segment"),
            false => Ok(()),
        }
    }
}
