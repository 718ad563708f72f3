//! What all rows of a partition in a message, or of an SSTable, share.

use crate::marshal::AbstractType;
use crate::rows::columns::Columns;
use crate::rows::encoding_stats::EncodingStats;
use std::sync::Arc;

/// Types, columns and smallest times, without which rows cannot be read.
///
/// A clone shares types and columns. Cassandra: `db.SerializationHeader`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SerializationHeader {
    /// Type of the partition key; [`AbstractType::Composite`] when it has several columns.
    pub key_type: Arc<AbstractType>,
    /// Types of the clustering columns; [`AbstractType::Reversed`] when descending.
    pub clustering_types: Arc<[AbstractType]>,
    /// Static columns that anything was written to.
    pub static_columns: Columns,
    /// Regular columns that anything was written to.
    pub regular_columns: Columns,
    /// Smallest times.
    pub stats: EncodingStats,
}

impl SerializationHeader {
    /// The columns of static rows, or of the others.
    #[must_use]
    pub const fn columns(&self, is_static: bool) -> &Columns {
        if is_static {
            &self.static_columns
        } else {
            &self.regular_columns
        }
    }
}
