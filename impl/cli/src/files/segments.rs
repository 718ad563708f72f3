//! Commit log segments, found by their names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use thymbra_format::commitlog::CommitLogDescriptor;

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
