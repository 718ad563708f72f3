//! What can go wrong in the storage engine, and whose fault it is.
//!
//! A [`DiskError`] is the fault of the disk or of whoever manages it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// An operation on a disk; what a [`DiskError`] failed to do, and what the simulated disk numbers.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum DiskOperation {
    /// A new, empty file.
    CreateNew,
    /// A handle on a file that exists.
    Open,
    /// The bytes of a file, or some of them.
    Read,
    /// Bytes at an offset or at the end.
    Write,
    /// A new length.
    SetLen,
    /// The length of a file.
    SizeBytes,
    /// Bytes and length of one file made durable.
    SyncData,
    /// A new name.
    Rename,
    /// The end of a name.
    Remove,
    /// A new directory.
    CreateDirectory,
    /// The names in a directory.
    List,
    /// The names in a directory made durable.
    SyncDirectory,
    /// Whether a name is taken.
    Exists,
    /// A directory for one user alone.
    Lock,
}

impl DiskOperation {
    /// Every operation, in the order of [`DiskOperation::index`].
    pub const ALL: [Self; 14] = [
        Self::CreateNew,
        Self::Open,
        Self::Read,
        Self::Write,
        Self::SetLen,
        Self::SizeBytes,
        Self::SyncData,
        Self::Rename,
        Self::Remove,
        Self::CreateDirectory,
        Self::List,
        Self::SyncDirectory,
        Self::Exists,
        Self::Lock,
    ];

    /// Place in [`DiskOperation::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Whether a crash before it can leave something else on the disk than a crash after it.
    #[must_use]
    pub const fn changes_the_disk(self) -> bool {
        match self {
            Self::CreateNew
            | Self::Write
            | Self::SetLen
            | Self::SyncData
            | Self::Rename
            | Self::Remove
            | Self::CreateDirectory
            | Self::SyncDirectory => true,
            Self::Open | Self::Read | Self::SizeBytes | Self::List | Self::Exists | Self::Lock => false,
        }
    }
}

impl fmt::Display for DiskOperation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::CreateNew => "create",
            Self::Open => "open",
            Self::Read => "read",
            Self::Write => "write",
            Self::SetLen => "set the length of",
            Self::SizeBytes => "ask for the length of",
            Self::SyncData => "sync",
            Self::Rename => "rename",
            Self::Remove => "remove",
            Self::CreateDirectory => "create the directory",
            Self::List => "list",
            Self::SyncDirectory => "sync the directory",
            Self::Exists => "look for",
            Self::Lock => "lock",
        })
    }
}

/// The disk did not do what it was asked.
#[derive(Debug, Error)]
#[error("cannot {operation} {}", path.display())]
pub struct DiskError {
    /// What was asked.
    pub operation: DiskOperation,
    /// Of which file or directory.
    pub path: PathBuf,
    /// What the operating system says.
    pub source: io::Error,
}

impl DiskError {
    /// Names the operation and the path of an error of the operating system.
    pub(crate) fn new(operation: DiskOperation, path: &Path, source: io::Error) -> Self {
        Self {
            operation,
            path: path.to_path_buf(),
            source,
        }
    }

    /// The kind that the operating system gives.
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        self.source.kind()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;

    #[test]
    fn every_operation_has_its_place() {
        for (index, operation) in DiskOperation::ALL.into_iter().enumerate() {
            assert_eq!(operation.index(), index);
        }
    }

    #[test]
    fn error_names_operation_path_and_cause() {
        let error = DiskError::new(
            DiskOperation::SyncData,
            Path::new("/log/CommitLog-7-1.log"),
            io::Error::from(io::ErrorKind::StorageFull),
        );
        assert_eq!(error.to_string(), "cannot sync /log/CommitLog-7-1.log");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(
            error.source().map(ToString::to_string).as_deref(),
            Some("no storage space")
        );
    }
}
