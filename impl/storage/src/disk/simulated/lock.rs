//! Directories of a simulated disk that somebody has for himself.

use std::path::{Path, PathBuf};

use super::SimulatedDisk;
use crate::disk::{DirectoryLock, DiskResult};

/// A locked directory; no file is made for it.
#[derive(Debug)]
pub(super) struct SimulatedLock {
    disk: SimulatedDisk,
    directory: PathBuf,
}

impl SimulatedLock {
    /// Of a directory that the disk has noted as locked.
    pub(super) fn boxed(disk: &SimulatedDisk, directory: &Path) -> Box<dyn DirectoryLock> {
        Box::new(Self {
            disk: disk.clone(),
            directory: directory.to_path_buf(),
        })
    }
}

impl DirectoryLock for SimulatedLock {
    /// A directory of this disk has one name.
    fn is_of(&self, directory: &Path) -> DiskResult<bool> {
        Ok(self.directory == directory)
    }
}

impl Drop for SimulatedLock {
    fn drop(&mut self) {
        self.disk.state().locked.remove(&self.directory);
    }
}
