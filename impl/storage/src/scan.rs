//! Going over the partitions of a table in the order of the ring.
//!
//! Source: Cassandra `db.PartitionRangeReadCommand.queryStorage`.

use crate::column_family_store::ColumnFamilyStore;
use crate::memtable::{BatchLimit, Memtable};
use crate::merge::{MergedPartitions, PartitionSource};
use crate::read::ClusteringSlice;
use crate::storage_error::StorageError;
use crate::stretch::Stretch;
use crate::table_schema::TableSchema;
use std::collections::VecDeque;
use std::ops::Bound;
use std::sync::Arc;
use thymbra_types::{DecoratedKey, Partition};

/// How much is taken from a memtable at once.
const MEMTABLE_BATCH: BatchLimit = BatchLimit {
    partitions_count: 64,
    data_bytes: 1 << 20,
};

/// Two ends of a stretch of the ring.
pub(crate) type KeyRange = (Bound<DecoratedKey>, Bound<DecoratedKey>);

/// Merged partitions between two keys, each cut to a slice.
pub(crate) struct RangeScan<'a> {
    merged: MergedPartitions<'a>,
    slice: &'a ClusteringSlice,
    schema: Arc<TableSchema>,
}

impl<'a> RangeScan<'a> {
    /// Before the first partition of the range.
    ///
    /// # Errors
    /// When the disk fails or a file is corrupt.
    pub(crate) fn begin(
        table: &ColumnFamilyStore,
        range: KeyRange,
        slice: &'a ClusteringSlice,
        stretch_bytes: u64,
    ) -> Result<Self, StorageError> {
        let schema = table.schema();
        if is_empty(&range) {
            return Ok(Self {
                merged: MergedPartitions::new(Vec::new())?,
                slice,
                schema,
            });
        }
        let view = table.view();
        let mut sources: Vec<Box<dyn PartitionSource + 'a>> = Vec::new();
        for memtable in view.memtables() {
            sources.push(Box::new(MemtableScan {
                memtable: Arc::clone(memtable),
                rest: Some(range.clone()),
                batch: VecDeque::new(),
            }));
        }
        for sstable in &view.sstables {
            sources.push(Box::new(sstable.scan_range(range.clone(), stretch_bytes)?));
        }
        Ok(Self {
            merged: MergedPartitions::new(sources)?,
            slice,
            schema,
        })
    }

    /// The first stretch of the next partition; `None` behind the last.
    ///
    /// # Errors
    /// When the disk fails or a file is corrupt.
    pub(crate) fn next(&mut self) -> Result<Option<(DecoratedKey, Stretch)>, StorageError> {
        let Some((key, stretch)) = self.merged.next()? else {
            return Ok(None);
        };
        Ok(Some((key, self.cut(stretch))))
    }

    /// The next stretch of the partition, which has one more.
    ///
    /// # Errors
    /// When the disk fails or a file is corrupt.
    pub(crate) fn next_stretch(&mut self) -> Result<Stretch, StorageError> {
        let stretch = self.merged.next_stretch()?;
        Ok(self.cut(stretch))
    }

    fn cut(&self, whole: Stretch) -> Stretch {
        let mut stretch = if self.slice.is_all() {
            whole
        } else {
            Stretch {
                partition: self.slice.cut(&whole.partition),
                edge: whole.edge.filter(|edge| *edge < self.slice.end),
            }
        };
        self.schema.remove_dropped(&mut stretch.partition);
        stretch
    }
}

/// Whether no key can lie in a range, as where its end comes before its start.
fn is_empty(range: &KeyRange) -> bool {
    match range {
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        (Bound::Included(start), Bound::Included(end)) => start > end,
        (Bound::Included(start) | Bound::Excluded(start), Bound::Included(end) | Bound::Excluded(end)) => {
            start >= end
        }
    }
}

/// Partitions of a memtable, copied in batches so that writers are not held up.
struct MemtableScan {
    memtable: Arc<Memtable>,
    /// What has not been looked at; `None` at the end.
    rest: Option<KeyRange>,
    batch: VecDeque<(DecoratedKey, Partition)>,
}

impl PartitionSource for MemtableScan {
    fn next(&mut self) -> Result<Option<(DecoratedKey, Stretch)>, StorageError> {
        if self.batch.is_empty()
            && let Some((start, end)) = self.rest.take()
        {
            let batch = self
                .memtable
                .range((start.as_ref(), end.as_ref()), MEMTABLE_BATCH);
            self.batch = batch.partitions.into();
            if batch.is_full
                && let Some((last, _)) = self.batch.back()
            {
                self.rest = Some((Bound::Excluded(last.clone()), end));
            }
        }
        let next = self.batch.pop_front();
        Ok(next.map(|(key, partition)| (key, Stretch::whole(partition))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use thymbra_format::marshal::AbstractType;
    use thymbra_format::schema::TableMetadata;
    use thymbra_types::{
        Cell, CellName, Clustering, CommitLogPosition, Partitioner, Row, TableId, Timestamp,
    };

    /// Partitions of one value each.
    fn memtable(partitions_count: usize, value_bytes: usize) -> Arc<Memtable> {
        let metadata = TableMetadata::builder("ks", "t", TableId(1))
            .partition_key("k", AbstractType::Bytes)
            .regular_column("v", AbstractType::Bytes)
            .build();
        let schema = TableSchema::new(metadata.expect("a valid table"));
        let memtable = Memtable::new(Arc::clone(&schema.layout), CommitLogPosition::NONE, 0);
        for number in 0..partitions_count {
            let mut row = Row::default();
            let cell = Cell::live(Timestamp(1), &*vec![1; value_bytes]);
            row.cells.insert(CellName::simple("v"), cell);
            let update = Partition {
                rows: [(Clustering::default(), row)].into(),
                ..Partition::default()
            };
            let key = DecoratedKey::new(Partitioner::Murmur3, number.to_be_bytes());
            memtable.put(key, update, None);
        }
        Arc::new(memtable)
    }

    /// Whoever wants one partition does not pay for copies of 64 large ones.
    #[test]
    fn batch_has_a_mebibyte_or_one_partition_and_all_batches_have_everything() {
        for (partitions_count, value_bytes, batch_count) in [
            (10, 400_000, 3),
            (3, 3 << 20, 1),
            (200, 10, 64),
            (64, 10, 64),
            (5, 10, 5),
            (0, 10, 0),
        ] {
            let memtable = memtable(partitions_count, value_bytes);
            let batch = memtable.range((Bound::Unbounded, Bound::Unbounded), MEMTABLE_BATCH);
            assert_eq!(
                batch.partitions.len(),
                batch_count,
                "{partitions_count} of {value_bytes}"
            );
            let mut scan = MemtableScan {
                memtable,
                rest: Some((Bound::Unbounded, Bound::Unbounded)),
                batch: VecDeque::new(),
            };
            let mut keys = Vec::new();
            while let Some((key, _)) = scan.next().expect("memory does not fail") {
                keys.push(key);
            }
            assert_eq!(keys.len(), partitions_count);
            assert!(keys.is_sorted());
        }
    }
}
