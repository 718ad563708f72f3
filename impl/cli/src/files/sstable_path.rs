//! The files of one SSTable, found by the name of any of them.

use std::path::{Path, PathBuf};

use thymbra_format::sstable::metadata::Statistics;
use thymbra_format::sstable::{Component, CompressionInfo, FileStem, Toc};

use super::error::FileError;

/// Where the files of one SSTable are.
#[derive(Clone, Debug)]
pub(crate) struct SSTablePath {
    directory: PathBuf,
    stem: FileStem,
}

/// Parts of the name of a file of an SSTable: version, identity, format, component.
const NAME_PART_COUNT: usize = 4;

impl SSTablePath {
    /// The SSTable that a file belongs to.
    pub(crate) fn of_file(path: &Path) -> Result<Self, FileError> {
        let metadata = std::fs::metadata(path).map_err(FileError::disk(path))?;
        let foreign = |reason: String| FileError::Foreign {
            path: path.to_path_buf(),
            reason: reason.into(),
        };
        if metadata.is_dir() {
            return Err(foreign(
                "is a directory; name a file of an SSTable, as in nb-1-big-Data.db".into(),
            ));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match FileStem::parse_file_name(&name) {
            Some((stem, _)) => Ok(Self {
                directory: path.parent().map(Path::to_path_buf).unwrap_or_default(),
                stem,
            }),
            None => Err(foreign(refusal(&name))),
        }
    }

    /// The SSTable of a directory that has this stem.
    pub(crate) const fn new(directory: PathBuf, stem: FileStem) -> Self {
        Self { directory, stem }
    }

    /// Path of one of its files.
    pub(crate) fn path(&self, component: Component) -> PathBuf {
        self.directory.join(self.stem.file_name(component))
    }

    /// The directory, for what is missing there.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// What the names of its files begin with.
    pub(crate) const fn stem(&self) -> &FileStem {
        &self.stem
    }

    /// Whether it is of a secondary index: those stand in a directory whose name begins with a dot.
    pub(crate) fn is_of_index(&self) -> bool {
        let name = self.directory.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with('.') && name != ".."
    }

    /// Whether it has a file.
    pub(crate) fn has(&self, component: Component) -> bool {
        self.path(component).exists()
    }

    /// Whether its list of files, if it has one that can be read, names a file.
    fn lists(&self, component: Component) -> bool {
        let list = self.read(Component::Toc).ok();
        list.and_then(|bytes| Toc::read(&bytes).ok())
            .is_some_and(|list| list.lists(component))
    }

    /// Reads a small file.
    pub(crate) fn read(&self, component: Component) -> Result<Vec<u8>, FileError> {
        read_file(&self.path(component))
    }

    /// Reads `Statistics.db`.
    pub(crate) fn statistics(&self) -> Result<Statistics, FileError> {
        let bytes = self.read(Component::Statistics)?;
        Statistics::read(&bytes, self.stem.version)
            .map_err(FileError::format(&self.path(Component::Statistics)))
    }

    /// Reads `CompressionInfo.db`, which only compressed tables have.
    pub(crate) fn compression_info(&self) -> Result<Option<CompressionInfo>, FileError> {
        // What is missing is not taken for a table without compression.
        if !self.has(Component::CompressionInfo) && !self.lists(Component::CompressionInfo) {
            return Ok(None);
        }
        let bytes = self.read(Component::CompressionInfo)?;
        CompressionInfo::read(&bytes)
            .map(Some)
            .map_err(FileError::format(&self.path(Component::CompressionInfo)))
    }
}

/// Reads a file whole.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, FileError> {
    std::fs::read(path).map_err(FileError::disk(path))
}

/// Why a file is refused by its name.
fn refusal(name: &str) -> String {
    const READ: &str = "SSTables na-…-big- and nb-…-big- are read, which Cassandra 4.0, 4.1 and 5.0 write";
    let parts: Vec<&str> = name.splitn(NAME_PART_COUNT, '-').collect();
    let [version, _, format, component] = parts.as_slice() else {
        return format!("is no file of an SSTable by its name; {READ}");
    };
    if Component::from_name(component).is_none() && !component.ends_with(".db") {
        return format!("is no file of an SSTable by its name; {READ}");
    }
    match (*version, *format) {
        ("oa" | "da", _) => format!(
            "is of version {version}, which Cassandra 5.0 writes when its storage_compatibility_mode is not \
             CASSANDRA_4; {READ}"
        ),
        (_, "big") => format!("is of version {version}; {READ}"),
        (_, _) => format!("is of format {format}; {READ}"),
    }
}
