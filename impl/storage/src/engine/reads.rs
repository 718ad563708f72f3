//! Reads of partitions and of ranges of them.
//!
//! Source: Cassandra `db.SinglePartitionReadCommand`, `db.PartitionRangeReadCommand`.

use super::StorageEngine;
use crate::read::{ClusteringSlice, PartitionRows, RowFilter, RowsCollector, limited};
use crate::scan::RangeScan;
use crate::storage_error::StorageError;
use std::ops::Bound;
use thymbra_types::{DecoratedKey, Partition, TableId};

impl StorageEngine {
    /// The rows of one partition that are live now.
    ///
    /// # Errors
    /// When there is no such table, the disk fails, or a file is corrupt.
    pub fn read(
        &self,
        table: TableId,
        key: &DecoratedKey,
        filter: &RowFilter,
    ) -> Result<PartitionRows, StorageError> {
        let table = self.shared.table(table)?;
        // A single row is looked for where it is newest.
        let clustering_columns_count = table.schema().metadata.clustering().len();
        if filter.limit_count.is_some() && filter.slice.named_row(clustering_columns_count).is_none() {
            return limited::read_rows(&table, key, filter, self.now_seconds());
        }
        let partition = table.read_partition(key, &filter.slice)?;
        Ok(PartitionRows::of(partition, filter, self.now_seconds()))
    }

    /// All that is known of the rows between two places of a partition, tombstones included: what a
    /// replica answers to a coordinator. Of a single row, what is older than all that can be seen of it
    /// may be left out.
    ///
    /// # Errors
    /// As [`StorageEngine::read`].
    pub fn read_partition(
        &self,
        table: TableId,
        key: &DecoratedKey,
        slice: &ClusteringSlice,
    ) -> Result<Partition, StorageError> {
        self.shared.table(table)?.read_partition(key, slice)
    }

    /// Partitions between two keys in the order of the ring, each with its live rows; partitions
    /// without any are left out, and at most `limit_count` are given. A range that ends before it starts
    /// has none.
    ///
    /// # Errors
    /// As [`StorageEngine::read`].
    pub fn scan(
        &self,
        table: TableId,
        range: (Bound<DecoratedKey>, Bound<DecoratedKey>),
        filter: &RowFilter,
        limit_count: usize,
    ) -> Result<Vec<(DecoratedKey, PartitionRows)>, StorageError> {
        let table = self.shared.table(table)?;
        let now_seconds = self.now_seconds();
        let mut found = Vec::new();
        let stretch_bytes = self.shared.config.stretch_bytes();
        let mut scan = RangeScan::begin(&table, range, &filter.slice, stretch_bytes)?;
        while found.len() < limit_count {
            let Some((key, mut stretch)) = scan.next()? else {
                break;
            };
            let mut rows = RowsCollector::forward(filter, now_seconds);
            loop {
                rows.take(stretch.partition);
                if rows.is_full() || stretch.edge.is_none() {
                    break;
                }
                stretch = scan.next_stretch()?;
            }
            let rows = rows.finish();
            if !rows.is_empty() {
                found.push((key, rows));
            }
        }
        Ok(found)
    }

    fn now_seconds(&self) -> i64 {
        i64::try_from(self.shared.clock.now_seconds()).unwrap_or(i64::MAX)
    }
}
