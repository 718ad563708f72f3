//! SSTables as files: written by flushes and compactions, read by reads and compactions.
//!
//! Bytes are those of `thymbra_format::sstable`. Chapter: `specs/08-sstable.md`. Source: Cassandra
//! `io.sstable`.
//!
//! | module | what it does |
//! |---|---|
//! | [`writer`], [`partition_writer`], [`stretch_writer`], [`data_file_thread`], [`data_file`] | make the components |
//! | [`reader`], [`index_reader`], [`data_reader`], [`partition_reader`], [`block_reader`], [`reversed_reader`], [`stretches`] | find partitions and read them |
//! | [`chunk_cache`] | keeps what reads have decompressed |
//! | [`scanner`], [`partition_scan`] | go over all of them |
//! | [`read_meter`] | knows how often an SSTable is read |
//! | [`components`] | reads and writes the small components whole |

mod block_reader;
mod chunk_cache;
mod components;
mod data_file;
mod data_file_thread;
mod data_reader;
mod index_reader;
mod partition_extent;
mod partition_reader;
mod partition_scan;
mod partition_writer;
mod read_meter;
mod reader;
mod reversed_reader;
#[cfg(test)]
mod rewrite_tests;
mod scanner;
#[cfg(test)]
mod stretch_tests;
mod stretch_writer;
mod stretches;
mod trickle_fsync;
mod writer;

pub(crate) use chunk_cache::ChunkCache;
pub use chunk_cache::ChunkCacheStatistics;
pub(crate) use reader::SSTableReader;
pub(crate) use stretch_writer::StretchWriter;
pub(crate) use stretches::SSTableStretches;
pub(crate) use writer::{SSTableWriter, WriterOptions};

use crate::disk::{Disk, DiskResult};
use std::path::{Path, PathBuf};
use thymbra_format::sstable::{Component, FileStem, SSTableId, Version};

/// Files of one SSTable as they lie on the disk.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct FilesOnDisk {
    /// Latest change of one of them, milliseconds since 1970.
    pub(crate) modified_ms: i64,
    pub(crate) files_count: i32,
}

/// Names of the files of one SSTable.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct SSTableFiles {
    directory: PathBuf,
    stem: FileStem,
    generation: u64,
}

impl SSTableFiles {
    /// The files that an SSTable of a generation has in a table's directory.
    pub(crate) fn new(directory: &Path, generation: u64) -> Self {
        Self {
            directory: directory.to_path_buf(),
            stem: FileStem {
                version: Version::CURRENT,
                // Generations are counted; two thousand million SSTables of one table are out of reach.
                id: SSTableId::Sequence(u32::try_from(generation).unwrap_or(u32::MAX)),
            },
            generation,
        }
    }

    /// The SSTable that a file belongs to; `None` for other files.
    pub(crate) fn of_file(directory: &Path, name: &str) -> Option<(Self, Component)> {
        let (stem, component) = FileStem::parse_file_name(name)?;
        let SSTableId::Sequence(generation) = stem.id else {
            return None;
        };
        let files = Self {
            directory: directory.to_path_buf(),
            stem,
            generation: u64::from(generation),
        };
        Some((files, component))
    }

    /// Path of one of the files.
    pub(crate) fn path(&self, component: Component) -> PathBuf {
        self.directory.join(self.stem.file_name(component))
    }

    /// What the paths of all of them begin with.
    pub(crate) fn path_prefix(&self) -> String {
        let name = self.stem.file_name(Component::Data);
        let stem = name.strip_suffix(Component::Data.name()).unwrap_or(&name);
        self.directory.join(stem).to_string_lossy().into_owned()
    }

    /// The SSTable whose paths begin with a prefix, as transaction logs have it; `None` if it is of
    /// another kind. Only the name counts: a node's directories may have been moved.
    pub(crate) fn of_path_prefix(directory: &Path, prefix: &str) -> Option<Self> {
        let name = format!("{prefix}{}", Component::Data.name());
        let name = Path::new(&name).file_name()?.to_str()?;
        Self::of_file(directory, name).map(|(files, _)| files)
    }

    /// The files that there are.
    pub(crate) fn on_disk(&self, disk: &dyn Disk) -> DiskResult<FilesOnDisk> {
        let mut found = FilesOnDisk::default();
        for entry in disk.list(&self.directory)? {
            if self.has(&entry.name) {
                let modified_ms = i64::try_from(entry.modified_ms).unwrap_or(i64::MAX);
                found.modified_ms = found.modified_ms.max(modified_ms);
                found.files_count += 1;
            }
        }
        Ok(found)
    }

    /// Removes the files that there are; gives their number.
    pub(crate) fn remove(&self, disk: &dyn Disk) -> DiskResult<u64> {
        let mut removed_count = 0;
        for entry in disk.list(&self.directory)? {
            if self.has(&entry.name) {
                disk.remove(&self.directory.join(&entry.name))?;
                removed_count += 1;
            }
        }
        Ok(removed_count)
    }

    fn has(&self, name: &str) -> bool {
        FileStem::parse_file_name(name).is_some_and(|(stem, _)| stem == self.stem)
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) const fn generation(&self) -> u64 {
        self.generation
    }

    pub(crate) const fn version(&self) -> Version {
        self.stem.version
    }
}
