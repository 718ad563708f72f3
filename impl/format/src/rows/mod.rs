//! Rows and range tombstones as bytes, in messages and in SSTables.
//!
//! Sits below mutations, the commit log and `Data.db`: all of them hold partitions in the one form
//! that is read and written here. Chapter: `specs/08-sstable.md`. Source: Cassandra `db.rows`,
//! `db.SerializationHeader`.
//!
//! | module | what it reads and writes |
//! |---|---|
//! | [`header`] | what all rows of a partition or SSTable share: types, columns, smallest times |
//! | [`encoding_stats`], [`columns`], [`clustering_values`] | times, column sets and clusterings |
//! | [`row`], `cell`, [`marker`] | the bodies of rows and markers |
//! | [`unfiltered`] | rows and markers, one after the other, to the end of the partition |
//! | [`partition`] | whole partitions |
//! | [`single_row`] | the row of an update that stays in its bytes |
//! | [`counter_context`] | the value of a counter cell |

pub(crate) mod cell;
pub mod clustering_comparator;
pub mod clustering_values;
pub mod columns;
pub mod counter_context;
pub mod deletion_time;
pub mod encode_error;
pub mod encoding_stats;
pub mod header;
pub mod marker;
pub mod partition;
pub mod row;
pub mod single_row;
#[cfg(test)]
mod tests;
pub mod unfiltered;

pub use clustering_comparator::ClusteringComparator;
pub use clustering_values::ClusteringValues;
pub use columns::{Column, ColumnSet, Columns};
pub use counter_context::{CounterContext, CounterShard, CounterShardKind};
pub use encode_error::EncodeError;
pub use encoding_stats::{EncodingStats, EncodingStatsCollector};
pub use header::SerializationHeader;
pub use marker::{ClusteringKind, MarkerChange, RangeTombstoneMarker};
pub use partition::{
    PartitionHeader, UnfilteredView, read_partition, read_unfiltereds, unfiltereds, write_partition,
    write_partition_header,
};
pub use row::RowWriter;
pub(crate) use row::mark_columns;
pub(crate) use single_row::PlacedCell;
pub use single_row::SingleRow;
pub(crate) use unfiltered::read_static_row;
pub use unfiltered::{Unfiltered, UnfilteredForm, UnfilteredReader, UnfilteredWriter};
