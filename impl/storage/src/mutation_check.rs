//! Whether a mutation can be kept: what is taken can be written to SSTables and read from the log.
//!
//! The one check of a write, before anything is changed; together with the encoding, which compares
//! columns, clusterings, values and deletion times with the schema. What values of no fixed size hold
//! is the coordinator's matter. Chapter: `specs/07-memtable-and-flush.md`. Source: Cassandra
//! `cql3.Validation.validateKey`, `ModificationStatement.validateClustering`,
//! `ColumnMetadata.validateCell`, `cql3.Attributes.getTimestamp`, `cql3.statements.UpdateStatement.addUpdateForKey`.

use thiserror::Error;
use thymbra_format::rows::EncodeError;
use thymbra_types::{
    CellKind, ColumnName, DeletionTime, LivenessInfo, Mutation, Partition, Partitioner, Row, Timestamp, Token,
};

/// Longest partition key, bytes: files have its length in two bytes.
const KEY_LIMIT_BYTES: usize = 65_535;

/// Why a mutation is not taken; whoever made it is to blame, and nothing has been written.
#[derive(Debug, Error)]
pub enum MutationError {
    /// A partition key has at least one byte.
    #[error("the partition key is empty")]
    EmptyKey,
    /// Files cannot say how long the key is.
    #[error("the partition key has {size_bytes} bytes, at most {KEY_LIMIT_BYTES} are possible")]
    KeyTooLong {
        /// Its size.
        size_bytes: usize,
    },
    /// The key was placed on the ring of another cluster.
    #[error("the token {token:?} is not of the partitioner {partitioner:?}")]
    OtherPartitioner {
        /// Token of the key.
        token: Token,
        /// The partitioner of the engine.
        partitioner: Partitioner,
    },
    /// A cell, a deletion or a row that expires has the timestamp that marks the absence of one.
    #[error("a cell, a deletion or a row that expires has no timestamp")]
    NoTimestamp,
    /// A cell is deleted and has a value.
    #[error("a tombstone of column {} has a value", column.0)]
    TombstoneValue {
        /// Its column.
        column: ColumnName,
    },
    /// Only columns are static: neither the presence of rows nor their deletion is.
    #[error("the static row is alive or deleted as a whole, which only other rows can be")]
    StaticRow,
    /// A part of it does not fit the schema or the format.
    #[error("it does not fit the table")]
    Encode(#[from] EncodeError),
    /// A record of the commit log takes half a segment at most.
    #[error("it has {size_bytes} bytes, and a record of the commit log at most {limit_bytes}")]
    TooLarge {
        /// Of the mutation, serialized.
        size_bytes: u64,
        /// Of a record, its overhead included.
        limit_bytes: u64,
    },
}

/// Checks what the encoding of a mutation does not.
///
/// # Errors
/// When it cannot be kept.
//= WP-MF-07
pub(crate) fn check(mutation: &Mutation, partitioner: Partitioner) -> Result<(), MutationError> {
    match mutation.key.key().len() {
        0 => return Err(MutationError::EmptyKey),
        1..=KEY_LIMIT_BYTES => {}
        size_bytes => return Err(MutationError::KeyTooLong { size_bytes }),
    }
    let token = mutation.key.token();
    match (token, partitioner) {
        (Token::Murmur3(_), Partitioner::Murmur3)
        | (Token::Random(_), Partitioner::Random)
        | (Token::ByteOrdered(_), Partitioner::ByteOrdered) => {}
        (Token::Murmur3(_) | Token::Random(_) | Token::ByteOrdered(_), _) => {
            return Err(MutationError::OtherPartitioner {
                token: token.clone(),
                partitioner,
            });
        }
    }
    mutation.updates.values().try_for_each(check_update)
}

fn check_update(update: &Partition) -> Result<(), MutationError> {
    check_deletion(update.deletion)?;
    for range in update.range_tombstones.iter() {
        check_deletion(range.deletion)?;
    }
    if update.static_row.liveness != LivenessInfo::EMPTY || !update.static_row.deletion.is_live() {
        return Err(MutationError::StaticRow);
    }
    check_row(&update.static_row)?;
    update.rows.values().try_for_each(check_row)
}

fn check_row(row: &Row) -> Result<(), MutationError> {
    check_deletion(row.deletion)?;
    // It is the mark of absence too, which says nothing of an expiration.
    if row.liveness.timestamp == Timestamp::UNSET && row.liveness != LivenessInfo::EMPTY {
        return Err(MutationError::NoTimestamp);
    }
    for deletion in row.complex_deletions.values() {
        check_deletion(*deletion)?;
    }
    for (name, cell) in &row.cells {
        if cell.timestamp == Timestamp::UNSET {
            return Err(MutationError::NoTimestamp);
        }
        if matches!(cell.kind, CellKind::Tombstone { .. }) && !cell.value.is_empty() {
            return Err(MutationError::TombstoneValue {
                column: name.column.clone(),
            });
        }
    }
    Ok(())
}

/// A deletion has a timestamp, or is none at all.
fn check_deletion(deletion: DeletionTime) -> Result<(), MutationError> {
    if deletion.marked_for_delete_at == Timestamp::UNSET && !deletion.is_live() {
        return Err(MutationError::NoTimestamp);
    }
    Ok(())
}
