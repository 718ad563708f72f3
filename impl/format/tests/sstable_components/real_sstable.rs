//! SSTables among the real files.

use crate::real_files;
use std::path::PathBuf;
use thymbra_format::Cursor;
use thymbra_format::rows::{SerializationHeader, read_partition};
use thymbra_format::sstable::metadata::Statistics;
use thymbra_format::sstable::{Component, CompressionInfo, Descriptor, FileStem, RowIndexEntry};
use thymbra_types::Partition;

/// One SSTable in the folder of its table.
pub(crate) struct SSTable {
    pub(crate) folder: PathBuf,
    pub(crate) stem: FileStem,
}

impl SSTable {
    /// All SSTables of a group of files.
    pub(crate) fn all(group: &str) -> Vec<Self> {
        let Some(root) = real_files::folder(group) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&root).expect("a folder") {
            let folder = entry.expect("an entry").path();
            for file in std::fs::read_dir(&folder).into_iter().flatten() {
                let path = file.expect("an entry").path();
                let parsed = Descriptor::parse_path(&path.to_string_lossy());
                if let Some((descriptor, Component::Data)) = parsed {
                    found.push(Self {
                        folder: folder.clone(),
                        stem: descriptor.stem,
                    });
                }
            }
        }
        found.sort_by(|left, right| left.folder.cmp(&right.folder));
        assert!(!found.is_empty(), "{} has no SSTable", root.display());
        found
    }

    pub(crate) fn name(&self) -> String {
        self.folder
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned()
    }

    pub(crate) fn path(&self, component: Component) -> PathBuf {
        self.folder.join(self.stem.file_name(component))
    }

    pub(crate) fn has(&self, component: Component) -> bool {
        self.path(component).exists()
    }

    pub(crate) fn read(&self, component: Component) -> Vec<u8> {
        real_files::read(self.path(component))
    }

    pub(crate) fn statistics(&self) -> Statistics {
        let read = Statistics::read(&self.read(Component::Statistics), self.stem.version);
        read.expect("real statistics")
    }

    pub(crate) fn header(&self) -> SerializationHeader {
        self.statistics().header
    }

    /// Data.db before compression.
    pub(crate) fn data(&self) -> Vec<u8> {
        let file = self.read(Component::Data);
        if !self.has(Component::CompressionInfo) {
            return file;
        }
        let info = CompressionInfo::read(&self.read(Component::CompressionInfo)).expect("a real file");
        let mut data = Vec::new();
        info.decompress_all(&file, &mut data)
            .expect("chunks with right checksums");
        data
    }

    /// Keys in the order of the SSTable.
    pub(crate) fn keys(&self) -> Vec<Vec<u8>> {
        let index = self.read(Component::PrimaryIndex);
        RowIndexEntry::all(Cursor::new(&index))
            .map(|entry| entry.expect("a real entry").key.to_vec())
            .collect()
    }

    /// Keys, positions, sizes and content of the partitions.
    pub(crate) fn partitions(&self) -> Vec<(Vec<u8>, u64, Partition)> {
        let (header, data) = (self.header(), self.data());
        let mut cursor = Cursor::new(&data);
        let mut partitions = Vec::new();
        while !cursor.is_at_end() {
            let begin = cursor.offset();
            let (key, partition) = read_partition(&mut cursor, &header).expect("a real partition");
            partitions.push((key.to_vec(), cursor.offset() - begin, partition));
        }
        partitions
    }
}

/// All of them.
pub(crate) fn every_sstable() -> Vec<SSTable> {
    ["sstable-nb", "legacy"]
        .into_iter()
        .flat_map(SSTable::all)
        .collect()
}

/// What something appends.
pub(crate) fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}
