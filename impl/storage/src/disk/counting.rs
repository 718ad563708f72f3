//! A disk that counts what is asked of another.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{DirectoryEntry, DirectoryLock, Disk, DiskFile, DiskResult};
use crate::error::DiskOperation;

/// What a file is for, by its name.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum FileKind {
    /// `CommitLog-…`
    CommitLog,
    /// A component of an SSTable: `nb-1-big-…`
    SSTable,
    /// A transaction log of a table's directory: `nb_txn_…`
    TransactionLog,
    /// `….hints`
    Hints,
    /// Directories and everything else.
    Other,
}

impl FileKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::CommitLog,
        Self::SSTable,
        Self::TransactionLog,
        Self::Hints,
        Self::Other,
    ];

    /// The kind of a path.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("CommitLog-") {
            Self::CommitLog
        } else if name.contains("_txn_") {
            Self::TransactionLog
        } else if name.contains("-big-") {
            Self::SSTable
        } else if name.contains(".hints") {
            Self::Hints
        } else {
            Self::Other
        }
    }
}

/// Counts of one kind of file.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct FileKindCounts {
    /// Calls, by [`DiskOperation::index`]; those that failed included.
    operation_counts: [u64; DiskOperation::ALL.len()],
    /// Bytes read with success.
    pub read_bytes: u64,
    /// Bytes written with success.
    pub written_bytes: u64,
}

impl FileKindCounts {
    /// Calls of one operation.
    #[must_use]
    pub fn count(&self, operation: DiskOperation) -> u64 {
        self.operation_counts
            .get(operation.index())
            .copied()
            .unwrap_or_default()
    }

    /// Syncs of files and of directories.
    #[must_use]
    pub fn sync_count(&self) -> u64 {
        self.count(DiskOperation::SyncData) + self.count(DiskOperation::SyncDirectory)
    }
}

/// Counts at one moment.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct DiskCounts {
    by_kind: [FileKindCounts; FileKind::ALL.len()],
}

impl DiskCounts {
    /// Counts of one kind of file.
    #[must_use]
    pub fn of(&self, kind: FileKind) -> FileKindCounts {
        self.by_kind.get(kind as usize).copied().unwrap_or_default()
    }

    /// Calls of one operation on any file.
    #[must_use]
    pub fn count(&self, operation: DiskOperation) -> u64 {
        self.by_kind.iter().map(|kind| kind.count(operation)).sum()
    }

    /// Syncs of any file or directory.
    #[must_use]
    pub fn sync_count(&self) -> u64 {
        self.by_kind.iter().map(FileKindCounts::sync_count).sum()
    }

    /// Bytes written to any file.
    #[must_use]
    pub fn written_bytes(&self) -> u64 {
        self.by_kind.iter().map(|kind| kind.written_bytes).sum()
    }

    /// Bytes read from any file.
    #[must_use]
    pub fn read_bytes(&self) -> u64 {
        self.by_kind.iter().map(|kind| kind.read_bytes).sum()
    }
}

/// The counters of one kind of file.
#[derive(Debug, Default)]
struct Counters {
    operations: [AtomicU64; DiskOperation::ALL.len()],
    read_bytes: AtomicU64,
    written_bytes: AtomicU64,
}

impl Counters {
    fn call(&self, operation: DiskOperation) {
        if let Some(counter) = self.operations.get(operation.index()) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn read(&self, size_bytes: usize) {
        self.read_bytes.fetch_add(size_bytes as u64, Ordering::Relaxed);
    }

    fn wrote(&self, size_bytes: usize) {
        self.written_bytes.fetch_add(size_bytes as u64, Ordering::Relaxed);
    }

    fn counts(&self) -> FileKindCounts {
        FileKindCounts {
            operation_counts: self
                .operations
                .each_ref()
                .map(|counter| counter.load(Ordering::Relaxed)),
            read_bytes: self.read_bytes.load(Ordering::Relaxed),
            written_bytes: self.written_bytes.load(Ordering::Relaxed),
        }
    }
}

/// Counts calls and bytes, and leaves the work to the disk inside.
#[derive(Debug)]
pub struct CountingDisk<D> {
    inner: D,
    by_kind: [Arc<Counters>; FileKind::ALL.len()],
}

impl<D: Disk> CountingDisk<D> {
    /// Begins at zero.
    #[must_use]
    pub fn new(inner: D) -> Self {
        Self {
            inner,
            by_kind: Default::default(),
        }
    }

    /// What has been asked so far.
    #[must_use]
    pub fn counts(&self) -> DiskCounts {
        DiskCounts {
            by_kind: self.by_kind.each_ref().map(|counters| counters.counts()),
        }
    }

    /// The disk inside.
    pub const fn inner(&self) -> &D {
        &self.inner
    }

    fn counters(&self, path: &Path) -> &Arc<Counters> {
        let [commit_log, sstable, transaction_log, hints, other] = &self.by_kind;
        match FileKind::of(path) {
            FileKind::CommitLog => commit_log,
            FileKind::SSTable => sstable,
            FileKind::TransactionLog => transaction_log,
            FileKind::Hints => hints,
            FileKind::Other => other,
        }
    }

    fn file(&self, path: &Path, inner: Box<dyn DiskFile>) -> Box<dyn DiskFile> {
        Box::new(CountingFile {
            inner,
            counters: Arc::clone(self.counters(path)),
        })
    }
}

impl<D: Disk> Disk for CountingDisk<D> {
    fn create_new(&self, path: &Path) -> DiskResult<Box<dyn DiskFile>> {
        self.counters(path).call(DiskOperation::CreateNew);
        self.inner.create_new(path).map(|file| self.file(path, file))
    }

    fn open(&self, path: &Path) -> DiskResult<Box<dyn DiskFile>> {
        self.counters(path).call(DiskOperation::Open);
        self.inner.open(path).map(|file| self.file(path, file))
    }

    fn open_read_only(&self, path: &Path) -> DiskResult<Box<dyn DiskFile>> {
        self.counters(path).call(DiskOperation::Open);
        self.inner.open_read_only(path).map(|file| self.file(path, file))
    }

    fn read(&self, path: &Path) -> DiskResult<Vec<u8>> {
        let counters = self.counters(path);
        counters.call(DiskOperation::Read);
        self.inner.read(path).inspect(|bytes| counters.read(bytes.len()))
    }

    fn rename(&self, from: &Path, to: &Path) -> DiskResult<()> {
        self.counters(from).call(DiskOperation::Rename);
        self.inner.rename(from, to)
    }

    fn remove(&self, path: &Path) -> DiskResult<()> {
        self.counters(path).call(DiskOperation::Remove);
        self.inner.remove(path)
    }

    fn create_directory_all(&self, path: &Path) -> DiskResult<()> {
        self.counters(path).call(DiskOperation::CreateDirectory);
        self.inner.create_directory_all(path)
    }

    fn list(&self, directory: &Path) -> DiskResult<Vec<DirectoryEntry>> {
        self.counters(directory).call(DiskOperation::List);
        self.inner.list(directory)
    }

    fn sync_directory(&self, directory: &Path) -> DiskResult<()> {
        self.counters(directory).call(DiskOperation::SyncDirectory);
        self.inner.sync_directory(directory)
    }

    fn exists(&self, path: &Path) -> DiskResult<bool> {
        self.counters(path).call(DiskOperation::Exists);
        self.inner.exists(path)
    }

    fn try_lock(&self, directory: &Path) -> DiskResult<Option<Box<dyn DirectoryLock>>> {
        self.counters(directory).call(DiskOperation::Lock);
        self.inner.try_lock(directory)
    }
}

/// A file whose use is counted.
struct CountingFile {
    inner: Box<dyn DiskFile>,
    counters: Arc<Counters>,
}

impl fmt::Debug for CountingFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(formatter)
    }
}

impl DiskFile for CountingFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> DiskResult<usize> {
        self.counters.call(DiskOperation::Read);
        self.inner
            .read_at(buffer, offset)
            .inspect(|&count| self.counters.read(count))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> DiskResult<()> {
        self.counters.call(DiskOperation::Write);
        self.inner
            .write_at(bytes, offset)
            .inspect(|()| self.counters.wrote(bytes.len()))
    }

    fn append(&self, bytes: &[u8]) -> DiskResult<()> {
        self.counters.call(DiskOperation::Write);
        self.inner
            .append(bytes)
            .inspect(|()| self.counters.wrote(bytes.len()))
    }

    fn sync_data(&self) -> DiskResult<()> {
        self.counters.call(DiskOperation::SyncData);
        self.inner.sync_data()
    }

    fn set_len(&self, size_bytes: u64) -> DiskResult<()> {
        self.counters.call(DiskOperation::SetLen);
        self.inner.set_len(size_bytes)
    }

    fn size_bytes(&self) -> DiskResult<u64> {
        self.counters.call(DiskOperation::SizeBytes);
        self.inner.size_bytes()
    }

    fn path(&self) -> &Path {
        self.inner.path()
    }
}
