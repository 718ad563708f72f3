//! A disk in memory that crashes, loses, fails and fills up where a test says so.
//!
//! # What a crash may take
//!
//! | operation | durable after | before that a loss of power may |
//! |---|---|---|
//! | `write_at`, `append` | `sync_data` of the file | lose it whole, keep a prefix of its bytes, keep any of its 512-byte sectors, keep only the length (zeros); each write by itself, so later ones may be kept and earlier ones lost |
//! | `set_len` | `sync_data` of the file | lose it, by itself |
//! | `create_new`, `remove` | `sync_directory` of its directory | lose it, by itself: syncing a file does not sync its name |
//! | `rename` | `sync_directory` of both directories | lose it whole; never half: one of the two names has the file |
//! | `create_directory_all` | `sync_directory` of each parent | lose each new directory with all that lies in it |
//! | a sync that failed | never | as before, and no later sync of the same bytes or names helps |
//! | `modified_ms` | with the operation | nothing: times of files are not lost |
//!
//! Left out: garbage in place of lost bytes, damage of bytes that were synced, hard links.
//!
//! # How a test uses it
//!
//! Each operation has an index, reads included. A run without faults gives
//! [`SimulatedDisk::operations`]; then the run is repeated with [`SimulatedDisk::crash_at`] each
//! index that changes the disk: that operation takes effect without being durable (a sync does not
//! take effect), it and all later ones fail, and [`SimulatedDisk::crash`] gives the
//! [`Crash`] of which each loss makes a new disk. [`SimulatedDisk::fail_at`] makes one operation
//! fail (half of a write takes effect), [`SimulatedDisk::fill_from`] and
//! [`SimulatedDisk::fill_at`] make the disk full.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{DirectoryEntry, DirectoryLock, Disk, DiskFile, DiskResult};
use crate::error::{DiskError, DiskOperation};
use image::{FileChange, Image, Inode, Node, PAGE_SIZE_BYTES, Standing, size};

mod crash;
mod image;
mod lock;
#[cfg(test)]
mod tests;

use lock::SimulatedLock;

pub use crash::{ChangeKind, Crash, Kept, Loss, UnsyncedChange};

/// When the first operation of a new disk happens, milliseconds since 1970; each takes one.
const FIRST_OPERATION_MS: u64 = 1_700_000_000_000;

/// A disk in memory; clones are handles on the same disk.
#[derive(Clone, Debug, Default)]
pub struct SimulatedDisk {
    state: Arc<Mutex<State>>,
}

/// One operation that was asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OperationRecord {
    /// Its number, from 0.
    pub index: u64,
    /// What it was.
    pub operation: DiskOperation,
    /// On which file or directory.
    pub path: PathBuf,
}

#[derive(Clone, Debug, Default)]
struct State {
    image: Image,
    operations: Vec<OperationRecord>,
    /// Time of the operation at index 0, milliseconds since 1970.
    first_operation_ms: u64,
    crash_at: Option<u64>,
    fail_at: Option<(u64, io::ErrorKind)>,
    fill_from: Option<u64>,
    capacity_bytes: Option<u64>,
    is_crashed: bool,
    /// Directories that somebody has for himself; they end with this life of the disk.
    locked: BTreeSet<PathBuf>,
}

/// How an operation goes.
enum Course {
    Succeed,
    /// It takes effect, and nobody hears of it.
    Crash,
    /// It fails, half done if it is a write.
    Fail(io::Error),
    /// The disk has crashed before.
    Refuse,
}

impl SimulatedDisk {
    /// An empty disk without faults.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Image::default(), FIRST_OPERATION_MS)
    }

    /// A disk with files.
    fn of(image: Image, first_operation_ms: u64) -> Self {
        Self {
            state: Arc::new(Mutex::new(State {
                image,
                first_operation_ms,
                ..State::default()
            })),
        }
    }

    /// Another disk with the same files, as durable as here, and without faults.
    #[must_use]
    pub fn fork(&self) -> Self {
        self.crash().process_end()
    }

    /// Crashes at the operation of this index.
    pub fn crash_at(&self, operation_index: u64) {
        self.state().crash_at = Some(operation_index);
    }

    /// Lets the operation of this index fail.
    pub fn fail_at(&self, operation_index: u64, kind: io::ErrorKind) {
        self.state().fail_at = Some((operation_index, kind));
    }

    /// Lets every operation from this index on that needs space fail.
    pub fn fill_from(&self, operation_index: u64) {
        self.state().fill_from = Some(operation_index);
    }

    /// Lets writes fail that need more space than this; pages of 4096 bytes are counted, holes are not.
    pub fn fill_at(&self, capacity_bytes: u64) {
        self.state().capacity_bytes = Some(capacity_bytes);
    }

    /// Takes all faults away, save that a crashed disk stays crashed.
    pub fn repair(&self) {
        let mut state = self.state();
        state.crash_at = None;
        state.fail_at = None;
        state.fill_from = None;
        state.capacity_bytes = None;
    }

    /// The operations asked for so far.
    #[must_use]
    pub fn operations(&self) -> Vec<OperationRecord> {
        self.state().operations.clone()
    }

    /// How many operations have been asked for, which is the index of the next one.
    #[must_use]
    pub fn operation_count(&self) -> u64 {
        self.state().operations.len() as u64
    }

    /// Whether the crash that was asked for has happened.
    #[must_use]
    pub fn is_crashed(&self) -> bool {
        self.state().is_crashed
    }

    /// What a crash now may leave; the disk itself goes on, unless it has crashed already.
    #[must_use]
    pub fn crash(&self) -> Crash {
        let state = self.state();
        let now_ms = state.now_ms();
        Crash::new(state.image.clone(), now_ms)
    }

    /// The state is consistent between operations, whoever panics.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs an operation that takes effect whole or not at all.
    fn run<T>(
        &self,
        operation: DiskOperation,
        path: &Path,
        effect: impl FnOnce(&mut State, u64) -> io::Result<T>,
    ) -> DiskResult<T> {
        let mut state = self.state();
        let (index, course) = state.begin(operation, path);
        let done = match course {
            Course::Succeed => effect(&mut state, index),
            Course::Crash => {
                effect(&mut state, index).ok();
                Err(crashed())
            }
            Course::Fail(error) => Err(error),
            Course::Refuse => Err(crashed()),
        };
        done.map_err(|source| DiskError::new(operation, path, source))
    }

    /// Runs a sync: it does not take effect in a crash, and leaves doubt where it fails.
    fn run_sync(
        &self,
        operation: DiskOperation,
        path: &Path,
        settle: impl FnOnce(&mut State, Standing) -> io::Result<()>,
    ) -> DiskResult<()> {
        let mut state = self.state();
        let (_, course) = state.begin(operation, path);
        let done = match course {
            Course::Succeed => settle(&mut state, Standing::Durable),
            Course::Crash | Course::Refuse => Err(crashed()),
            Course::Fail(error) => settle(&mut state, Standing::Doubtful).and(Err(error)),
        };
        done.map_err(|source| DiskError::new(operation, path, source))
    }

    fn handle(&self, path: &Path, inode: usize, is_read_only: bool) -> Box<dyn DiskFile> {
        Box::new(SimulatedFile {
            disk: self.clone(),
            path: path.to_path_buf(),
            inode,
            is_read_only,
        })
    }
}

fn crashed() -> io::Error {
    io::Error::other("the simulated disk has crashed")
}

impl State {
    /// Numbers the operation and decides how it goes.
    fn begin(&mut self, operation: DiskOperation, path: &Path) -> (u64, Course) {
        let index = self.operations.len() as u64;
        self.operations.push(OperationRecord {
            index,
            operation,
            path: path.to_path_buf(),
        });
        let course = if self.is_crashed {
            Course::Refuse
        } else if self.crash_at == Some(index) {
            self.is_crashed = true;
            Course::Crash
        } else if let Some((_, kind)) = self.fail_at.filter(|(at, _)| *at == index) {
            Course::Fail(io::Error::from(kind))
        } else if self.fill_from.is_some_and(|from| from <= index) && needs_space(operation) {
            Course::Fail(io::Error::from(io::ErrorKind::StorageFull))
        } else {
            Course::Succeed
        };
        (index, course)
    }

    /// Time of the next operation.
    fn now_ms(&self) -> u64 {
        self.first_operation_ms + self.operations.len() as u64
    }

    fn inode(&mut self, inode: usize) -> &mut Inode {
        let inodes = &mut self.image.inodes;
        inodes.get_mut(inode).expect("files stay in the list for ever")
    }

    fn bytes(&self, inode: usize) -> &[u8] {
        self.image
            .inodes
            .get(inode)
            .map_or(&[], |inode| inode.live.as_slice())
    }

    /// Pages that may still be written for the first time.
    fn free_count(&self) -> u64 {
        self.capacity_bytes.map_or(u64::MAX, |capacity_bytes| {
            (capacity_bytes / PAGE_SIZE_BYTES).saturating_sub(self.image.page_count())
        })
    }

    /// Writes as many bytes as there is space for.
    fn write(&mut self, operation_index: u64, inode: usize, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let modified_ms = self.now_ms();
        let free_count = self.free_count();
        let file = self.inode(inode);
        let fitting_bytes = file.fitting(offset, bytes.len() as u64, free_count);
        let fitting = bytes.get(..size(fitting_bytes)).unwrap_or(bytes);
        let change = FileChange::Write {
            offset,
            bytes: fitting.into(),
        };
        file.modified_ms = modified_ms;
        file.change(operation_index, change);
        if fitting.len() < bytes.len() {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        Ok(())
    }

    fn entry(&self, path: &Path, node: Node) -> DirectoryEntry {
        let file = match node {
            Node::Directory => None,
            Node::File(inode) => self.image.inodes.get(inode),
        };
        DirectoryEntry {
            name: path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            is_directory: node == Node::Directory,
            size_bytes: file.map_or(0, |file| file.live.len() as u64),
            modified_ms: file.map_or(self.first_operation_ms, |file| file.modified_ms),
        }
    }
}

/// Whether a full disk refuses the operation.
const fn needs_space(operation: DiskOperation) -> bool {
    match operation {
        DiskOperation::CreateNew
        | DiskOperation::Write
        | DiskOperation::SetLen
        | DiskOperation::Rename
        | DiskOperation::CreateDirectory => true,
        DiskOperation::Open
        | DiskOperation::Read
        | DiskOperation::SizeBytes
        | DiskOperation::SyncData
        | DiskOperation::Remove
        | DiskOperation::List
        | DiskOperation::SyncDirectory
        | DiskOperation::Exists
        | DiskOperation::Lock => false,
    }
}

impl Disk for SimulatedDisk {
    fn create_new(&self, path: &Path) -> DiskResult<Box<dyn DiskFile>> {
        let created = self.run(DiskOperation::CreateNew, path, |state, index| {
            let modified_ms = state.now_ms();
            let inode = state.image.create(index, path)?;
            state.inode(inode).modified_ms = modified_ms;
            Ok(inode)
        });
        created.map(|inode| self.handle(path, inode, false))
    }

    fn open(&self, path: &Path) -> DiskResult<Box<dyn DiskFile>> {
        let found = self.run(DiskOperation::Open, path, |state, _| state.image.file(path));
        found.map(|inode| self.handle(path, inode, false))
    }

    fn open_read_only(&self, path: &Path) -> DiskResult<Box<dyn DiskFile>> {
        let found = self.run(DiskOperation::Open, path, |state, _| state.image.file(path));
        found.map(|inode| self.handle(path, inode, true))
    }

    fn read(&self, path: &Path) -> DiskResult<Vec<u8>> {
        self.run(DiskOperation::Read, path, |state, _| {
            let inode = state.image.file(path)?;
            Ok(state.bytes(inode).to_vec())
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> DiskResult<()> {
        self.run(DiskOperation::Rename, from, |state, index| {
            state.image.rename(index, from, to)
        })
    }

    fn remove(&self, path: &Path) -> DiskResult<()> {
        self.run(DiskOperation::Remove, path, |state, index| {
            state.image.remove(index, path)
        })
    }

    fn create_directory_all(&self, path: &Path) -> DiskResult<()> {
        self.run(DiskOperation::CreateDirectory, path, |state, index| {
            state.image.create_directories(index, path)
        })
    }

    fn list(&self, directory: &Path) -> DiskResult<Vec<DirectoryEntry>> {
        self.run(DiskOperation::List, directory, |state, _| {
            state.image.directory(directory)?;
            let children = state.image.children(directory);
            Ok(children.map(|(path, node)| state.entry(path, node)).collect())
        })
    }

    fn sync_directory(&self, directory: &Path) -> DiskResult<()> {
        self.run_sync(DiskOperation::SyncDirectory, directory, |state, standing| {
            state.image.directory(directory)?;
            state.image.settle(directory, standing);
            Ok(())
        })
    }

    fn exists(&self, path: &Path) -> DiskResult<bool> {
        self.run(DiskOperation::Exists, path, |state, _| {
            Ok(state.image.node(path).is_some())
        })
    }

    fn try_lock(&self, directory: &Path) -> DiskResult<Option<Box<dyn DirectoryLock>>> {
        let is_free = self.run(DiskOperation::Lock, directory, |state, _| {
            state.image.directory(directory)?;
            Ok(state.locked.insert(directory.to_path_buf()))
        })?;
        Ok(is_free.then(|| SimulatedLock::boxed(self, directory)))
    }
}

/// An open file; it stays when its name goes.
#[derive(Debug)]
struct SimulatedFile {
    disk: SimulatedDisk,
    path: PathBuf,
    inode: usize,
    is_read_only: bool,
}

impl SimulatedFile {
    fn check_writable(&self, operation: DiskOperation) -> DiskResult<()> {
        if self.is_read_only {
            let source = io::Error::other("the file was opened for reading alone");
            return Err(DiskError::new(operation, &self.path, source));
        }
        Ok(())
    }

    /// Writes at an offset, or at the end; half of the bytes where the operation fails.
    fn write(&self, bytes: &[u8], offset: Option<u64>) -> DiskResult<()> {
        self.check_writable(DiskOperation::Write)?;
        let mut state = self.disk.state();
        let offset = offset.unwrap_or_else(|| state.bytes(self.inode).len() as u64);
        let (index, course) = state.begin(DiskOperation::Write, &self.path);
        let done = match course {
            Course::Succeed => state.write(index, self.inode, offset, bytes),
            Course::Crash => {
                state.write(index, self.inode, offset, bytes).ok();
                Err(crashed())
            }
            Course::Refuse => Err(crashed()),
            Course::Fail(error) => {
                let half = bytes.get(..bytes.len() / 2).unwrap_or_default();
                state.write(index, self.inode, offset, half).ok();
                Err(error)
            }
        };
        done.map_err(|source| DiskError::new(DiskOperation::Write, &self.path, source))
    }
}

impl DiskFile for SimulatedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> DiskResult<usize> {
        self.disk.run(DiskOperation::Read, &self.path, |state, _| {
            let start = usize::try_from(offset).unwrap_or(usize::MAX);
            let rest = state.bytes(self.inode).get(start..).unwrap_or_default();
            let count = rest.len().min(buffer.len());
            if let (Some(buffer), Some(bytes)) = (buffer.get_mut(..count), rest.get(..count)) {
                buffer.copy_from_slice(bytes);
            }
            Ok(count)
        })
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> DiskResult<()> {
        self.write(bytes, Some(offset))
    }

    fn append(&self, bytes: &[u8]) -> DiskResult<()> {
        self.write(bytes, None)
    }

    fn sync_data(&self) -> DiskResult<()> {
        let settle = |state: &mut State, standing| {
            state.inode(self.inode).settle(standing);
            Ok(())
        };
        self.disk.run_sync(DiskOperation::SyncData, &self.path, settle)
    }

    fn set_len(&self, size_bytes: u64) -> DiskResult<()> {
        self.check_writable(DiskOperation::SetLen)?;
        self.disk.run(DiskOperation::SetLen, &self.path, |state, index| {
            let modified_ms = state.now_ms();
            let file = state.inode(self.inode);
            file.modified_ms = modified_ms;
            file.change(index, FileChange::Length(size_bytes));
            Ok(())
        })
    }

    fn size_bytes(&self) -> DiskResult<u64> {
        self.disk.run(DiskOperation::SizeBytes, &self.path, |state, _| {
            Ok(state.bytes(self.inode).len() as u64)
        })
    }

    fn path(&self) -> &Path {
        &self.path
    }
}
