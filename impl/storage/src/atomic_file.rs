//! Small files that are replaced as a whole: a crash leaves the old content or the new one.

use crate::disk::{Disk, DiskResult};
use std::path::{Path, PathBuf};

/// Puts `bytes` in place of the file's content, durably.
///
/// # Errors
/// When the disk fails; the old content is there then, or the new one.
pub(crate) fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> DiskResult<()> {
    let draft = draft_path(path);
    if disk.exists(&draft)? {
        disk.remove(&draft)?;
    }
    let file = disk.create_new(&draft)?;
    file.append(bytes)?;
    file.sync_data()?;
    disk.rename(&draft, path)?;
    match path.parent() {
        Some(directory) => disk.sync_directory(directory),
        None => Ok(()),
    }
}

/// Where the new content waits for its name.
fn draft_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    PathBuf::from(name)
}
