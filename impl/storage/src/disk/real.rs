//! Files of the operating system.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::UNIX_EPOCH;

use super::{DirectoryEntry, DirectoryLock, Disk, DiskFile, DiskResult};
use crate::error::{DiskError, DiskOperation};

/// Name of the file by which a directory is locked; it is empty and stays.
const LOCK_FILE_NAME: &str = "thymbra.lock";

/// The file system of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn create_new(&self, path: &Path) -> DiskResult<Box<dyn DiskFile>> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(path)
            .map(|file| RealFile::boxed(file, path, 0))
            .map_err(|source| DiskError::new(DiskOperation::CreateNew, path, source))
    }

    fn open(&self, path: &Path) -> DiskResult<Box<dyn DiskFile>> {
        RealFile::open(path, OpenOptions::new().read(true).write(true))
    }

    fn open_read_only(&self, path: &Path) -> DiskResult<Box<dyn DiskFile>> {
        RealFile::open(path, OpenOptions::new().read(true))
    }

    fn read(&self, path: &Path) -> DiskResult<Vec<u8>> {
        fs::read(path).map_err(|source| DiskError::new(DiskOperation::Read, path, source))
    }

    fn rename(&self, from: &Path, to: &Path) -> DiskResult<()> {
        fs::rename(from, to).map_err(|source| DiskError::new(DiskOperation::Rename, from, source))
    }

    fn remove(&self, path: &Path) -> DiskResult<()> {
        let removed = match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::IsADirectory => fs::remove_dir(path),
            other => other,
        };
        removed.map_err(|source| DiskError::new(DiskOperation::Remove, path, source))
    }

    fn create_directory_all(&self, path: &Path) -> DiskResult<()> {
        fs::create_dir_all(path)
            .map_err(|source| DiskError::new(DiskOperation::CreateDirectory, path, source))
    }

    fn list(&self, directory: &Path) -> DiskResult<Vec<DirectoryEntry>> {
        list(directory).map_err(|source| DiskError::new(DiskOperation::List, directory, source))
    }

    fn sync_directory(&self, directory: &Path) -> DiskResult<()> {
        // The parent of a name without a directory.
        let is_here = directory.as_os_str().is_empty();
        File::open(if is_here { Path::new(".") } else { directory })
            .and_then(|opened| opened.sync_all())
            .map_err(|source| DiskError::new(DiskOperation::SyncDirectory, directory, source))
    }

    fn exists(&self, path: &Path) -> DiskResult<bool> {
        fs::exists(path).map_err(|source| DiskError::new(DiskOperation::Exists, path, source))
    }

    fn try_lock(&self, directory: &Path) -> DiskResult<Option<Box<dyn DirectoryLock>>> {
        let path = directory.join(LOCK_FILE_NAME);
        let failed = |source| DiskError::new(DiskOperation::Lock, &path, source);
        let opened = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path);
        let file = opened.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(RealLock { file, path }))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}

/// An advisory lock, which the operating system takes back with the open file.
#[derive(Debug)]
struct RealLock {
    file: File,
    path: PathBuf,
}

impl DirectoryLock for RealLock {
    fn is_of(&self, directory: &Path) -> DiskResult<bool> {
        let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
        let failed = |path: &Path, source| DiskError::new(DiskOperation::Lock, path, source);
        let own = self
            .file
            .metadata()
            .map_err(|source| failed(&self.path, source))?;
        let path = directory.join(LOCK_FILE_NAME);
        let other = fs::metadata(&path).map_err(|source| failed(&path, source))?;
        Ok(identity(own) == identity(other))
    }
}

/// Entries of a directory; what vanishes meanwhile is left out.
fn list(directory: &Path) -> io::Result<Vec<DirectoryEntry>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = match entry.metadata() {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let since = metadata.modified()?.duration_since(UNIX_EPOCH);
        entries.push(DirectoryEntry {
            name: entry.file_name().to_string_lossy().into_owned(),
            is_directory: metadata.is_dir(),
            size_bytes: if metadata.is_dir() { 0 } else { metadata.len() },
            modified_ms: since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX)),
        });
    }
    entries.sort_unstable_by(|left, right| left.name.cmp(&right.name));
    Ok(entries)
}

/// An open file.
#[derive(Debug)]
struct RealFile {
    file: File,
    path: PathBuf,
    /// Where the next append goes, bytes.
    end_bytes: Mutex<u64>,
}

impl RealFile {
    fn open(path: &Path, options: &OpenOptions) -> DiskResult<Box<dyn DiskFile>> {
        options
            .open(path)
            .and_then(|file| file.metadata().map(|metadata| (file, metadata.len())))
            .map(|(file, size_bytes)| Self::boxed(file, path, size_bytes))
            .map_err(|source| DiskError::new(DiskOperation::Open, path, source))
    }

    fn boxed(file: File, path: &Path, size_bytes: u64) -> Box<dyn DiskFile> {
        Box::new(Self {
            file,
            path: path.to_path_buf(),
            end_bytes: Mutex::new(size_bytes),
        })
    }

    /// A number stays a number when another holder panics.
    fn end_bytes(&self) -> MutexGuard<'_, u64> {
        self.end_bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn error(&self, operation: DiskOperation) -> impl FnOnce(io::Error) -> DiskError {
        move |source| DiskError::new(operation, &self.path, source)
    }
}

impl DiskFile for RealFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> DiskResult<usize> {
        let mut read_count = 0;
        while let Some(rest) = buffer.get_mut(read_count..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, offset + read_count as u64) {
                Ok(0) => break,
                Ok(count) => read_count += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.error(DiskOperation::Read)(error)),
            }
        }
        Ok(read_count)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> DiskResult<()> {
        self.file
            .write_all_at(bytes, offset)
            .map_err(self.error(DiskOperation::Write))?;
        let mut end_bytes = self.end_bytes();
        *end_bytes = (*end_bytes).max(offset + bytes.len() as u64);
        Ok(())
    }

    fn append(&self, bytes: &[u8]) -> DiskResult<()> {
        let mut end_bytes = self.end_bytes();
        self.file
            .write_all_at(bytes, *end_bytes)
            .map_err(self.error(DiskOperation::Write))?;
        *end_bytes += bytes.len() as u64;
        Ok(())
    }

    fn sync_data(&self) -> DiskResult<()> {
        self.file.sync_data().map_err(self.error(DiskOperation::SyncData))
    }

    fn set_len(&self, size_bytes: u64) -> DiskResult<()> {
        let mut end_bytes = self.end_bytes();
        self.file
            .set_len(size_bytes)
            .map_err(self.error(DiskOperation::SetLen))?;
        *end_bytes = size_bytes;
        Ok(())
    }

    fn size_bytes(&self) -> DiskResult<u64> {
        self.file
            .metadata()
            .map(|metadata| metadata.len())
            .map_err(self.error(DiskOperation::SizeBytes))
    }

    fn path(&self) -> &Path {
        &self.path
    }
}
