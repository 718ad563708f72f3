//! What the engine answers when something cannot be done, and whose fault that is.

use crate::commit_log::CommitLogError;
use crate::config::ConfigError;
use crate::error::DiskError;
use crate::foreign_sstable::ForeignSSTable;
use crate::mutation_check::MutationError;
use std::path::{Path, PathBuf};
use thiserror::Error;
use thymbra_durability::TransactionLogCorrupt;
use thymbra_format::FormatError;
use thymbra_format::rows::EncodeError;
use thymbra_format::schema::SchemaError;
use thymbra_types::TableId;

/// Why the engine did not do what it was asked.
#[derive(Debug, Error)]
pub enum StorageError {
    /// The caller named a table that does not exist, or no longer.
    #[error("no table has the id {table}")]
    UnknownTable {
        /// The id that was given.
        table: TableId,
    },
    /// The caller named a keyspace that does not exist.
    #[error("no keyspace is called `{keyspace}`")]
    UnknownKeyspace {
        /// The name that was given.
        keyspace: Box<str>,
    },
    /// The caller creates what exists already.
    #[error("{what} `{name}` exists already")]
    Exists {
        /// Keyspace, table or column.
        what: &'static str,
        /// Its name.
        name: Box<str>,
    },
    /// The caller's schema breaks a rule.
    #[error("the schema cannot be taken")]
    Schema(#[from] SchemaError),
    /// The caller's settings cannot be taken.
    #[error("the settings cannot be taken")]
    Config(#[from] ConfigError),
    /// The caller's mutation cannot be kept, and nothing of it was written.
    #[error("the mutation cannot be taken")]
    Mutation(#[from] MutationError),
    /// What the engine took before cannot be written to a file: its bug, or that of whoever wrote the
    /// files that it has it from.
    #[error("data that was taken before has no form in a file")]
    Encode(#[from] EncodeError),
    /// The caller's mutation is of one keyspace and writes to a table of another.
    #[error("table {table} is not in keyspace `{keyspace}`")]
    OtherKeyspace {
        /// The table.
        table: TableId,
        /// Keyspace of the mutation.
        keyspace: Box<str>,
    },
    /// The caller would change what all data of a table depends on.
    #[error("name and primary key of table {table} cannot change")]
    KeyChanged {
        /// The table.
        table: TableId,
    },
    /// The commit log took the mutation no more, or could not be replayed.
    #[error("the commit log failed")]
    CommitLog(#[from] CommitLogError),
    /// The disk did not do what it was asked.
    #[error("the disk failed")]
    Disk(#[from] DiskError),
    /// A file holds what it should not.
    #[error("{} is corrupt", path.display())]
    Corrupt {
        /// Which file.
        path: PathBuf,
        /// Where, and what was expected.
        source: FormatError,
    },
    /// The fault of whoever put a file into a table's directory: it is right, and of another table.
    #[error("{} is not of this table", path.display())]
    Foreign {
        /// Which file says so.
        path: PathBuf,
        /// What is different.
        source: ForeignSSTable,
    },
    /// The log of an unfinished exchange of SSTables cannot be trusted.
    #[error("{} is corrupt at offset {offset}", path.display())]
    TransactionLog {
        /// Which log.
        path: PathBuf,
        /// Where in it the record begins that contradicts the others or the files, bytes.
        offset: u64,
        /// What is wrong.
        source: TransactionLogCorrupt,
    },
    /// An exchange of a table's SSTables failed in its last step: whether it has happened is known
    /// when the node is opened again, and until then the table takes no calls.
    #[error("table {table} is stopped: what its SSTables are is known when the node is opened again")]
    Stopped {
        /// The table.
        table: TableId,
    },
    /// A compaction was ended early and has changed nothing: the table is being truncated or dropped.
    #[error("the compaction of table {table} was ended early, for a truncation or drop")]
    CompactionInterrupted {
        /// The table.
        table: TableId,
    },
    /// The operator's fault: another engine works on the files, in this process or another.
    #[error("{} is in use by another engine", directory.display())]
    InUse {
        /// Of the data, or of the commit log.
        directory: PathBuf,
    },
    /// The machine has no thread to give.
    #[error("no thread can be started")]
    Thread(#[source] std::io::Error),
    /// The caller closed the engine before.
    #[error("the engine is closed")]
    Closed,
}

impl StorageError {
    /// Names the file of an SSTable that is of another table.
    pub(crate) fn foreign(path: PathBuf) -> impl FnOnce(ForeignSSTable) -> Self {
        |source| Self::Foreign { path, source }
    }

    /// Names the file of an error in bytes.
    pub(crate) fn corrupt(path: &Path) -> impl FnOnce(FormatError) -> Self + '_ {
        |source| Self::Corrupt {
            path: path.to_path_buf(),
            source,
        }
    }
}

/// Goes through all results, and gives the first error.
pub(crate) fn first_error(
    results: impl IntoIterator<Item = Result<(), StorageError>>,
) -> Result<(), StorageError> {
    results.into_iter().fold(Ok(()), Result::and)
}
