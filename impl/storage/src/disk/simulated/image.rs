//! What is on the simulated disk, and what of it is durable.
//!
//! Files and the tree of names are kept twice: `base` is durable, `live` is what the running
//! process sees, and the changes between them stand in the order of their operations. A sync makes
//! changes durable; a durable change is folded into `base` once none before it is in doubt.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::parent;

/// Space is given to files in pieces of this size, bytes.
pub(super) const PAGE_SIZE_BYTES: u64 = 4096;

/// How sure a change is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Standing {
    /// Not synced yet: a crash may take it.
    Pending,
    /// A sync of it has failed: a crash may take it, and no later sync changes that.
    Doubtful,
    /// Synced.
    Durable,
}

/// A change of one file.
#[derive(Clone, Debug)]
pub(super) enum FileChange {
    /// Bytes at an offset.
    Write { offset: u64, bytes: Arc<[u8]> },
    /// A new length.
    Length(u64),
}

/// A change, the operation that made it, and how sure it is.
#[derive(Clone, Debug)]
pub(super) struct Step<C> {
    pub(super) operation_index: u64,
    pub(super) standing: Standing,
    pub(super) change: C,
}

/// One file, with or without a name.
#[derive(Clone, Debug, Default)]
pub(super) struct Inode {
    base: Arc<Vec<u8>>,
    pub(super) live: Arc<Vec<u8>>,
    pub(super) steps: Vec<Step<FileChange>>,
    /// Pages that hold bytes; the rest of the length is a hole.
    pages: BTreeSet<u64>,
    pub(super) modified_ms: u64,
}

impl Inode {
    /// Changes the live bytes.
    pub(super) fn change(&mut self, operation_index: u64, change: FileChange) {
        match &change {
            FileChange::Write { offset, bytes } => {
                let end = offset + bytes.len() as u64;
                self.pages
                    .extend(offset / PAGE_SIZE_BYTES..end.div_ceil(PAGE_SIZE_BYTES));
            }
            FileChange::Length(size_bytes) => {
                self.pages.split_off(&size_bytes.div_ceil(PAGE_SIZE_BYTES));
            }
        }
        change.apply(Arc::make_mut(&mut self.live));
        self.steps.push(Step {
            operation_index,
            standing: Standing::Pending,
            change,
        });
    }

    /// Gives all pending changes one standing.
    pub(super) fn settle(&mut self, standing: Standing) {
        for step in &mut self.steps {
            if step.standing == Standing::Pending {
                step.standing = standing;
            }
        }
        let doubtful = |step: &Step<FileChange>| step.standing != Standing::Durable;
        let durable_count = self.steps.iter().position(doubtful).unwrap_or(self.steps.len());
        if durable_count > 0 {
            let base = Arc::make_mut(&mut self.base);
            for step in self.steps.drain(..durable_count) {
                step.change.apply(base);
            }
        }
    }

    /// Pages that hold bytes.
    pub(super) fn page_count(&self) -> u64 {
        self.pages.len() as u64
    }

    /// How many of the bytes from `offset` on fit where `free_count` pages are free.
    pub(super) fn fitting(&self, offset: u64, size_bytes: u64, mut free_count: u64) -> u64 {
        let end = offset + size_bytes;
        let mut at = offset;
        while at < end {
            let page = at / PAGE_SIZE_BYTES;
            if !self.pages.contains(&page) {
                if free_count == 0 {
                    break;
                }
                free_count -= 1;
            }
            at = (page + 1) * PAGE_SIZE_BYTES;
        }
        at.min(end) - offset
    }

    /// The file after a crash: `keep` says what a change that is not durable, given with its index, becomes.
    fn after_crash(&self, keep: impl Fn(usize, &FileChange) -> Vec<FileChange>) -> Self {
        let mut bytes = Vec::clone(&self.base);
        for (index, step) in self.steps.iter().enumerate() {
            match step.standing {
                Standing::Durable => step.change.apply(&mut bytes),
                Standing::Pending | Standing::Doubtful => {
                    let kept = keep(index, &step.change);
                    kept.iter().for_each(|change| change.apply(&mut bytes));
                }
            }
        }
        let pages = self.pages.clone();
        let bytes = Arc::new(bytes);
        Self {
            base: Arc::clone(&bytes),
            live: bytes,
            steps: Vec::new(),
            pages,
            modified_ms: self.modified_ms,
        }
    }
}

impl FileChange {
    /// Carries the change out.
    fn apply(&self, file: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes } => {
                let start = size(*offset);
                let end = start + bytes.len();
                if file.len() < end {
                    file.resize(end, 0);
                }
                if let Some(place) = file.get_mut(start..end) {
                    place.copy_from_slice(bytes);
                }
            }
            Self::Length(size_bytes) => file.resize(size(*size_bytes), 0),
        }
    }
}

/// Length of something in memory.
pub(super) fn size(size_bytes: u64) -> usize {
    usize::try_from(size_bytes).expect("a simulated file fits into memory")
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Node {
    Directory,
    /// Index of an [`Inode`].
    File(usize),
}

/// A change of names, in all or in none of its directories.
#[derive(Clone, Debug)]
pub(super) struct NameChange {
    /// What each name stands for afterwards.
    sets: Vec<(PathBuf, Option<Node>)>,
    /// Directories of these names that have not been synced since.
    unsynced: BTreeSet<PathBuf>,
}

/// Files and names.
#[derive(Clone, Debug, Default)]
pub(super) struct Image {
    pub(super) inodes: Vec<Inode>,
    base: BTreeMap<PathBuf, Node>,
    live: BTreeMap<PathBuf, Node>,
    pub(super) steps: Vec<Step<NameChange>>,
}

impl Image {
    /// What a name stands for; the root and the empty path are always there.
    pub(super) fn node(&self, path: &Path) -> Option<Node> {
        if path.parent().is_none() {
            return Some(Node::Directory);
        }
        self.live.get(path).copied()
    }

    /// The file of a name.
    pub(super) fn file(&self, path: &Path) -> io::Result<usize> {
        match self.node(path) {
            Some(Node::File(inode)) => Ok(inode),
            Some(Node::Directory) => Err(io::Error::from(io::ErrorKind::IsADirectory)),
            None => Err(io::Error::from(io::ErrorKind::NotFound)),
        }
    }

    /// That a name stands for a directory.
    pub(super) fn directory(&self, path: &Path) -> io::Result<()> {
        match self.node(path) {
            Some(Node::Directory) => Ok(()),
            Some(Node::File(_)) => Err(io::Error::from(io::ErrorKind::NotADirectory)),
            None => Err(io::Error::from(io::ErrorKind::NotFound)),
        }
    }

    /// Names directly in a directory, in order.
    pub(super) fn children<'a>(&'a self, directory: &'a Path) -> impl Iterator<Item = (&'a Path, Node)> {
        self.live
            .iter()
            .filter(move |(path, _)| path.parent() == Some(directory))
            .map(|(path, node)| (path.as_path(), *node))
    }

    /// Pages of all files that have names.
    pub(super) fn page_count(&self) -> u64 {
        let files = self.live.values().filter_map(|node| match node {
            Node::File(inode) => self.inodes.get(*inode),
            Node::Directory => None,
        });
        files.map(Inode::page_count).sum()
    }

    /// Makes a file without bytes.
    pub(super) fn create(&mut self, operation_index: u64, path: &Path) -> io::Result<usize> {
        self.directory(&parent(path))?;
        if self.node(path).is_some() {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        let inode = self.inodes.len();
        self.inodes.push(Inode::default());
        self.set(
            operation_index,
            vec![(path.to_path_buf(), Some(Node::File(inode)))],
        );
        Ok(inode)
    }

    /// Gives a file another name.
    pub(super) fn rename(&mut self, operation_index: u64, from: &Path, to: &Path) -> io::Result<()> {
        let inode = self.file(from)?;
        self.directory(&parent(to))?;
        if self.node(to) == Some(Node::Directory) {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        if from != to {
            let sets = vec![
                (from.to_path_buf(), None),
                (to.to_path_buf(), Some(Node::File(inode))),
            ];
            self.set(operation_index, sets);
        }
        Ok(())
    }

    /// Ends a name.
    pub(super) fn remove(&mut self, operation_index: u64, path: &Path) -> io::Result<()> {
        match self.node(path) {
            None => return Err(io::Error::from(io::ErrorKind::NotFound)),
            Some(Node::Directory) if self.children(path).next().is_some() => {
                return Err(io::Error::from(io::ErrorKind::DirectoryNotEmpty));
            }
            Some(Node::Directory | Node::File(_)) => {}
        }
        self.set(operation_index, vec![(path.to_path_buf(), None)]);
        Ok(())
    }

    /// Makes a directory and those around it; each is a change of its own.
    pub(super) fn create_directories(&mut self, operation_index: u64, path: &Path) -> io::Result<()> {
        let missing: Vec<_> = path
            .ancestors()
            .take_while(|ancestor| self.node(ancestor) != Some(Node::Directory))
            .map(Path::to_path_buf)
            .collect();
        if missing.iter().any(|path| self.node(path).is_some()) {
            return Err(io::Error::from(io::ErrorKind::NotADirectory));
        }
        for path in missing.into_iter().rev() {
            self.set(operation_index, vec![(path, Some(Node::Directory))]);
        }
        Ok(())
    }

    /// Gives the pending changes of names in a directory one standing.
    pub(super) fn settle(&mut self, directory: &Path, standing: Standing) {
        for step in &mut self.steps {
            if step.standing == Standing::Pending && step.change.unsynced.remove(directory) {
                match standing {
                    Standing::Durable if !step.change.unsynced.is_empty() => {}
                    Standing::Durable | Standing::Doubtful | Standing::Pending => step.standing = standing,
                }
            }
        }
        let doubtful = |step: &Step<NameChange>| step.standing != Standing::Durable;
        let durable_count = self.steps.iter().position(doubtful).unwrap_or(self.steps.len());
        for step in self.steps.drain(..durable_count) {
            apply(&step.change.sets, &mut self.base);
        }
    }

    /// The disk after a crash: of the changes that are not durable, those of names that `keep_name`
    /// wants by index, and those of files that `keep_bytes` makes of them by file and index. A name
    /// is gone with its directory.
    pub(super) fn after_crash(
        &self,
        keep_name: impl Fn(usize) -> bool,
        keep_bytes: impl Fn(usize, usize, &FileChange) -> Vec<FileChange>,
    ) -> Self {
        let mut names = self.base.clone();
        for (index, step) in self.steps.iter().enumerate() {
            if step.standing == Standing::Durable || keep_name(index) {
                apply(&step.change.sets, &mut names);
            }
        }
        let all = names.clone();
        let is_reachable = |path: &Path| {
            let mut around = path.ancestors().skip(1);
            around.all(|path| path.parent().is_none() || all.get(path) == Some(&Node::Directory))
        };
        names.retain(|path, _| is_reachable(path));
        let inodes = self.inodes.iter().enumerate();
        Self {
            inodes: inodes
                .map(|(file, inode)| inode.after_crash(|index, change| keep_bytes(file, index, change)))
                .collect(),
            base: names.clone(),
            live: names,
            steps: Vec::new(),
        }
    }

    fn set(&mut self, operation_index: u64, sets: Vec<(PathBuf, Option<Node>)>) {
        apply(&sets, &mut self.live);
        let unsynced = sets.iter().map(|(path, _)| parent(path)).collect();
        self.steps.push(Step {
            operation_index,
            standing: Standing::Pending,
            change: NameChange { sets, unsynced },
        });
    }
}

fn apply(sets: &[(PathBuf, Option<Node>)], names: &mut BTreeMap<PathBuf, Node>) {
    for (path, node) in sets {
        match node {
            Some(node) => names.insert(path.clone(), *node),
            None => names.remove(path),
        };
    }
}
