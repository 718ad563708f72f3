//! What can go wrong in the commit log, and whose fault it is.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;
use thymbra_durability::LogFinding;
use thymbra_format::FormatError;

use crate::error::DiskError;

/// Why the commit log did not do what it was asked.
#[derive(Debug, Error)]
pub enum CommitLogError {
    /// The disk's fault, at start: a later attempt may succeed.
    #[error("the disk failed the commit log")]
    Disk(#[from] DiskError),
    /// The disk's fault: an earlier write or sync failed, nothing is known of what it wrote, and the
    /// log takes no more until the node is started anew. Cassandra: `commit_failure_policy: stop`.
    #[error("the commit log has stopped because the disk failed")]
    Stopped {
        /// The first failure.
        #[source]
        cause: Arc<DiskError>,
    },
    /// The client's fault. Cassandra: `MutationExceededMaxSizeException`.
    #[error("a mutation of {size_bytes} bytes is larger than the {limit_bytes} bytes that a record may have")]
    MutationTooLarge {
        /// Of the mutation, serialized.
        size_bytes: u64,
        /// Of a record, its overhead of 12 bytes included.
        limit_bytes: u64,
    },
    /// The disk's fault: bytes that were once whole are damaged.
    #[error("{}: {finding} at offset {offset}: expected {expected}, found {found}", path.display())]
    Corrupt {
        /// The segment.
        path: PathBuf,
        /// Where the damaged bytes begin.
        offset: u64,
        /// What is wrong.
        finding: LogFinding,
        /// What should be there, in words.
        expected: Box<str>,
        /// What is there.
        found: Box<str>,
    },
    /// The disk's fault, or that of whoever removed a table's schema: a whole record makes no sense.
    #[error("{}: the record that ends at position {position} is no mutation", path.display())]
    Undecodable {
        /// The segment.
        path: PathBuf,
        /// End of the record.
        position: u32,
        /// What is wrong with its bytes.
        source: FormatError,
    },
    /// The caller's fault: segments of an earlier life are still to be replayed and removed.
    #[error("the commit log takes no mutation before it has been replayed")]
    NotReplayed,
    /// The caller's fault: the log has been closed.
    #[error("the commit log is closed")]
    Closed,
    /// The operator's fault.
    #[error("a commit log segment of {segment_size_bytes} bytes: {reason}")]
    SegmentSize {
        /// As configured.
        segment_size_bytes: u64,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The machine's fault.
    #[error("the commit log cannot start its threads")]
    Threads(#[source] io::Error),
    /// The operator's fault: a file carries the highest id that there is.
    #[error("no segment id is left after {highest_known_id}")]
    IdsUsedUp {
        /// The highest id known.
        highest_known_id: i64,
    },
}
