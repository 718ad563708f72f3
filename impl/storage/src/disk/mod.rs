//! What the engine asks of a disk, and three that answer.
//!
//! Every file of the engine goes through here: commit log, SSTables, transaction logs. Nothing is
//! durable before it is synced: bytes and length of a file by [`DiskFile::sync_data`], names by
//! [`Disk::sync_directory`].
//!
//! | disk | for |
//! |---|---|
//! | [`RealDisk`] | files of the operating system |
//! | [`SimulatedDisk`] | tests: crashes, losses, errors, a full disk |
//! | [`CountingDisk`] | benches and claims about the number of syncs; wraps another |

use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{DiskError, DiskOperation};

mod counting;
mod real;
pub mod simulated;
#[cfg(test)]
mod tests;

pub use counting::{CountingDisk, DiskCounts, FileKind, FileKindCounts};
pub use real::RealDisk;
pub use simulated::SimulatedDisk;

/// What a call to a disk gives.
pub type DiskResult<T> = Result<T, DiskError>;

/// Files and directories by path.
///
/// All paths are taken as they are; there are no links.
pub trait Disk: Debug + Send + Sync {
    /// A new, empty file, for reading and writing.
    ///
    /// # Errors
    /// When the name is taken, the directory is missing, or the disk fails.
    fn create_new(&self, path: &Path) -> DiskResult<Box<dyn DiskFile>>;

    /// A file that exists, for reading and writing.
    ///
    /// # Errors
    /// When there is no such file, or the disk fails.
    fn open(&self, path: &Path) -> DiskResult<Box<dyn DiskFile>>;

    /// The same for reading alone: what nobody may write is opened too. It can be synced.
    ///
    /// # Errors
    /// As [`Disk::open`].
    fn open_read_only(&self, path: &Path) -> DiskResult<Box<dyn DiskFile>>;

    /// All bytes of a file.
    ///
    /// # Errors
    /// When there is no such file, or the disk fails.
    fn read(&self, path: &Path) -> DiskResult<Vec<u8>>;

    /// Gives a file another name, in place of the file that may have had it.
    ///
    /// # Errors
    /// When there is no such file, or the disk fails.
    fn rename(&self, from: &Path, to: &Path) -> DiskResult<()>;

    /// Removes a file, or an empty directory. Handles on it stay valid.
    ///
    /// # Errors
    /// When there is nothing of that name, the directory is not empty, or the disk fails.
    fn remove(&self, path: &Path) -> DiskResult<()>;

    /// Makes a directory and those that it lies in, where they are missing.
    ///
    /// # Errors
    /// When a file is in the way, or the disk fails.
    fn create_directory_all(&self, path: &Path) -> DiskResult<()>;

    /// What lies in a directory, ordered by name.
    ///
    /// # Errors
    /// When there is no such directory, or the disk fails.
    fn list(&self, directory: &Path) -> DiskResult<Vec<DirectoryEntry>>;

    /// Makes the names in a directory durable: what was created, renamed and removed in it.
    ///
    /// # Errors
    /// When there is no such directory, or the disk fails.
    fn sync_directory(&self, directory: &Path) -> DiskResult<()>;

    /// Whether there is a file or directory of that name.
    ///
    /// # Errors
    /// When the disk fails.
    fn exists(&self, path: &Path) -> DiskResult<bool>;

    /// Keeps a directory for whoever holds the lock; `None` while another holds it.
    ///
    /// It ends when it is dropped, and with the process. Only those who ask for it are kept out.
    ///
    /// # Errors
    /// When there is no such directory, or the disk fails.
    fn try_lock(&self, directory: &Path) -> DiskResult<Option<Box<dyn DirectoryLock>>>;
}

/// A directory that nobody else has locked, until this is dropped.
pub trait DirectoryLock: Debug + Send + Sync {
    /// Whether this is what keeps others from a directory, under whatever name.
    ///
    /// # Errors
    /// When nobody has locked a directory of that name, or the disk fails.
    fn is_of(&self, directory: &Path) -> DiskResult<bool>;
}

/// A file that is open for reading and, unless it was opened otherwise, for writing; several threads may use one handle.
pub trait DiskFile: Debug + Send + Sync {
    /// Reads at an offset; the count of bytes read is smaller than the buffer at the end of the file only.
    ///
    /// # Errors
    /// When the disk fails.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> DiskResult<usize>;

    /// Writes all bytes at an offset; a gap before it reads as zeros.
    ///
    /// # Errors
    /// When the disk fails; some of the bytes may have been written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> DiskResult<()>;

    /// Writes all bytes at the end of the file, as far as this handle knows it.
    ///
    /// # Errors
    /// When the disk fails; some of the bytes may have been written.
    fn append(&self, bytes: &[u8]) -> DiskResult<()>;

    /// Makes the bytes and the length of this file durable.
    ///
    /// After a failure nothing is known of the bytes written since the last success, and a later
    /// success says nothing of them either: the operating system may have dropped them.
    ///
    /// # Errors
    /// When the disk fails.
    fn sync_data(&self) -> DiskResult<()>;

    /// Cuts the file, or extends it by zeros that need no space until they are written over.
    ///
    /// # Errors
    /// When the disk fails.
    fn set_len(&self, size_bytes: u64) -> DiskResult<()>;

    /// Length of the file, bytes.
    ///
    /// # Errors
    /// When the disk fails.
    fn size_bytes(&self) -> DiskResult<u64>;

    /// The name under which the file was opened.
    fn path(&self) -> &Path;

    /// Fills the whole buffer.
    ///
    /// # Errors
    /// When the file ends too early, or the disk fails.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> DiskResult<()> {
        if self.read_at(buffer, offset)? == buffer.len() {
            return Ok(());
        }
        Err(DiskError::new(
            DiskOperation::Read,
            self.path(),
            io::Error::from(io::ErrorKind::UnexpectedEof),
        ))
    }
}

/// One name in a directory.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DirectoryEntry {
    /// Name without the directory.
    pub name: String,
    /// Whether it is a directory.
    pub is_directory: bool,
    /// Length of the file, bytes; 0 for a directory.
    pub size_bytes: u64,
    /// When it was written last, milliseconds since 1970.
    pub modified_ms: u64,
}

/// A shared disk is a disk.
impl<D: Disk + ?Sized> Disk for Arc<D> {
    fn create_new(&self, path: &Path) -> DiskResult<Box<dyn DiskFile>> {
        (**self).create_new(path)
    }

    fn open(&self, path: &Path) -> DiskResult<Box<dyn DiskFile>> {
        (**self).open(path)
    }

    fn open_read_only(&self, path: &Path) -> DiskResult<Box<dyn DiskFile>> {
        (**self).open_read_only(path)
    }

    fn read(&self, path: &Path) -> DiskResult<Vec<u8>> {
        (**self).read(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> DiskResult<()> {
        (**self).rename(from, to)
    }

    fn remove(&self, path: &Path) -> DiskResult<()> {
        (**self).remove(path)
    }

    fn create_directory_all(&self, path: &Path) -> DiskResult<()> {
        (**self).create_directory_all(path)
    }

    fn list(&self, directory: &Path) -> DiskResult<Vec<DirectoryEntry>> {
        (**self).list(directory)
    }

    fn sync_directory(&self, directory: &Path) -> DiskResult<()> {
        (**self).sync_directory(directory)
    }

    fn exists(&self, path: &Path) -> DiskResult<bool> {
        (**self).exists(path)
    }

    fn try_lock(&self, directory: &Path) -> DiskResult<Option<Box<dyn DirectoryLock>>> {
        (**self).try_lock(directory)
    }
}

/// Makes a directory and those that it lies in, where they are missing, and makes them durable.
///
/// One level after the other. The parent of the lowest directory that exists is synced too: a
/// process that ended here before may have made that directory and no more.
///
/// # Errors
/// As [`Disk::create_directory_all`] and [`Disk::sync_directory`].
pub fn create_directory_durably(disk: &dyn Disk, path: &Path) -> DiskResult<()> {
    let mut missing = Vec::new();
    for directory in path.ancestors().filter(|path| path.parent().is_some()) {
        let exists = disk.exists(directory)?;
        missing.push(directory);
        if exists {
            break;
        }
    }
    for directory in missing.into_iter().rev() {
        disk.create_directory_all(directory)?;
        disk.sync_directory(&parent(directory))?;
    }
    Ok(())
}

/// The directory that a name lies in.
fn parent(path: &Path) -> PathBuf {
    path.parent().map(Path::to_path_buf).unwrap_or_default()
}
