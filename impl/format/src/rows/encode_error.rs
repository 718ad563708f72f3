//! What cannot be written.

use thiserror::Error;
use thymbra_types::{ColumnName, LocalDeletionTime, TableId};

/// Why data has no form in a file or message.
///
/// What a failed call has appended to its output is worthless.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum EncodeError {
    /// The schema does not have the table.
    #[error("table {0} is not known")]
    UnknownTable(TableId),
    /// The header, or the table, does not have the column; or has it, but simple for complex.
    #[error("column {} is not among the columns that are written", .0.0)]
    UnknownColumn(ColumnName),
    /// A value has not the size that its type demands.
    #[error("value of column {} has {found_bytes} bytes, and its type has {expected_bytes}", column.0)]
    ValueSize {
        /// Where the value belongs.
        column: ColumnName,
        /// Size of every value of the type.
        expected_bytes: usize,
        /// Size of this one.
        found_bytes: usize,
    },
    /// A clustering has not as many components as the table, or a bound has more.
    #[error("a clustering has {found_count} components, and the table {expected_count}")]
    ClusteringSize {
        /// Clustering columns of the table.
        expected_count: usize,
        /// Components of this clustering.
        found_count: usize,
    },
    /// A component of a clustering is no value of its column.
    #[error("component {index} of a clustering is no value of its column")]
    ClusteringValue {
        /// Position of the clustering column.
        index: usize,
    },
    /// A time of deletion or expiration is beyond the 31 bits of the format.
    #[error("deletion time {0} lies outside of what the format can hold")]
    LocalDeletionTime(
        /// The time.
        LocalDeletionTime,
    ),
    /// A partition key, or another part with a short length, is longer than 65535 bytes.
    #[error("{size_bytes} bytes are too many for a length of two bytes")]
    TooLong {
        /// Its size.
        size_bytes: usize,
    },
    /// There are more of something than the number of four bytes before them can say.
    #[error("{count} {what} are too many for a number of four bytes")]
    TooMany {
        /// What is counted.
        what: &'static str,
        /// How many there are.
        count: usize,
    },
    /// A mutation without updates has no form.
    #[error("a mutation without updates cannot be written")]
    EmptyMutation,
}
