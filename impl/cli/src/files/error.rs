//! What can be wrong with a file that someone names.

use std::path::{Path, PathBuf};

use thymbra_format::FormatError;
use thymbra_format::marshal::MarshalError;
use thymbra_format::schema::SchemaError;

/// Why a file cannot be read as what it should be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// The disk does not give it.
    #[error("{}: {source}", path.display())]
    Disk {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Its bytes are damaged, or of something else.
    #[error("{}: {source}", path.display())]
    Format {
        /// Which.
        path: PathBuf,
        /// What is wrong, and where.
        source: FormatError,
    },
    /// A value is none of its type.
    #[error("{}: {what} near offset {offset}: {source}", path.display())]
    Value {
        /// Which.
        path: PathBuf,
        /// Key, clustering, or name of the column.
        what: Box<str>,
        /// Where the row or partition begins, before compression.
        offset: u64,
        /// What is wrong.
        source: MarshalError,
    },
    /// Its name is not that of such a file.
    #[error("{}: {reason}", path.display())]
    Foreign {
        /// Which.
        path: PathBuf,
        /// What the name tells, and what would be read.
        reason: Box<str>,
    },
    /// Files that belong together contradict each other.
    #[error("{}: {found}", path.display())]
    Contradiction {
        /// The file that is wrong, or the folder where something is missing.
        path: PathBuf,
        /// What it says, and what the others say.
        found: Box<str>,
    },
    /// Definitions of tables that are none.
    #[error("{}: {source}", path.display())]
    Schema {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        source: SchemaError,
    },
}

impl FileError {
    /// Names the file of an error of the disk.
    pub(crate) fn disk(path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_path_buf();
        |source| Self::Disk { path, source }
    }

    /// Names the file of an error in its bytes.
    pub(crate) fn format(path: &Path) -> impl FnOnce(FormatError) -> Self + use<> {
        let path = path.to_path_buf();
        |source| Self::Format { path, source }
    }

    /// Says what contradicts the other files.
    pub(crate) fn contradiction(path: &Path, found: impl Into<Box<str>>) -> Self {
        Self::Contradiction {
            path: path.to_path_buf(),
            found: found.into(),
        }
    }
}
