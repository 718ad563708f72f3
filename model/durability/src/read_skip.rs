//! Which SSTables a read need not open.
//!
//! A read goes through SSTables from the newest, by their greatest timestamp, and stops when nothing
//! older can change its answer. Chapter: `specs/08-sstable.md`. Source: Cassandra
//! `db.SinglePartitionReadCommand`.

use thymbra_types::{CellName, Clustering, DeletionTime, Partition, Reference, Row, Timestamp};

/// The decisions about what a read leaves out.
pub trait SkipRules {
    /// Whether everything in an SSTable is older than a deletion of the whole partition that was
    /// found elsewhere. Cassandra: `queryMemtableAndDiskInternal`.
    ///
    /// Not at equal times: the SSTable may have the same deletion, made later.
    //= WP-SS-05
    fn is_deleted_whole(&self, max_timestamp: Timestamp, found: DeletionTime) -> bool {
        max_timestamp < found.marked_for_delete_at
    }

    /// Whether all that can be seen of a row has been found, newer than everything in an SSTable, so that
    /// the SSTable cannot change it. `columns` are those of the table, none of them complex: an older
    /// SSTable may have elements of a complex column that the newer ones have not.
    ///
    /// The row's liveness belongs to it: cells alone do not say whether the row exists when they are deleted.
    /// Cassandra: `SinglePartitionReadCommand.isRowComplete`, `reduceFilter`, where deletions of rows and
    /// ranges suffice at equal times too.
    //= WP-SS-05
    fn is_row_complete(
        &self,
        found: &Partition,
        clustering: &Clustering,
        columns: &[CellName],
        max_timestamp: Timestamp,
    ) -> bool {
        let range_deletion = found.range_tombstones.covering(clustering);
        if self.is_newer_than_all(range_deletion.marked_for_delete_at, max_timestamp) {
            return true;
        }
        let Some(row) = found.rows.get(clustering) else {
            return false;
        };
        let is_deleted = self.is_newer_than_all(row.deletion.marked_for_delete_at, max_timestamp);
        let is_inserted =
            !row.liveness.is_empty() && self.is_newer_than_all(row.liveness.timestamp, max_timestamp);
        is_deleted || (is_inserted && self.are_cells_complete(row, columns, max_timestamp))
    }

    /// The same for a static row, which has neither liveness nor deletion.
    fn is_static_row_complete(
        &self,
        found: &Partition,
        columns: &[CellName],
        max_timestamp: Timestamp,
    ) -> bool {
        self.are_cells_complete(&found.static_row, columns, max_timestamp)
    }

    /// Whether each column has a cell that is newer than everything in an SSTable.
    fn are_cells_complete(&self, row: &Row, columns: &[CellName], max_timestamp: Timestamp) -> bool {
        columns.iter().all(|column| {
            let cell = row.cells.get(column);
            cell.is_some_and(|cell| self.is_newer_than_all(cell.timestamp, max_timestamp))
        })
    }

    /// Whether something that was found is newer than everything in an SSTable.
    fn is_newer_than_all(&self, found: Timestamp, max_timestamp: Timestamp) -> bool {
        found > max_timestamp
    }
}

impl SkipRules for Reference {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use thymbra_types::{Cell, ClusteringBound, LivenessInfo, LocalDeletionTime, RangeTombstone};

    const RULES: &dyn SkipRules = &Reference;

    //= WP-SS-05 check
    #[test]
    fn sstable_is_skipped_only_when_all_of_it_is_older() {
        for max_timestamp in 0..4 {
            for other in 0..4 {
                let deletion = DeletionTime::new(Timestamp(other), LocalDeletionTime(9));
                let older = max_timestamp < other;
                assert_eq!(RULES.is_deleted_whole(Timestamp(max_timestamp), deletion), older);
                assert_eq!(
                    RULES.is_newer_than_all(Timestamp(other), Timestamp(max_timestamp)),
                    older
                );
            }
        }
        assert!(!RULES.is_deleted_whole(Timestamp(i64::MIN), DeletionTime::LIVE));
    }

    fn deletion(timestamp: i64) -> DeletionTime {
        DeletionTime::new(Timestamp(timestamp), LocalDeletionTime(9))
    }

    fn columns() -> [CellName; 2] {
        ["v", "w"].map(CellName::simple)
    }

    fn row(liveness: LivenessInfo, timestamps: &[i64]) -> Row {
        let cells = columns().into_iter().zip(timestamps);
        Row {
            liveness,
            cells: cells
                .map(|(name, timestamp)| (name, Cell::live(Timestamp(*timestamp), *b"x")))
                .collect(),
            ..Row::default()
        }
    }

    fn partition_of(row: Row) -> Partition {
        let mut partition = Partition::default();
        partition.rows.insert(Clustering::default(), row);
        partition
    }

    /// Whether a row is complete for SSTables whose newest data has each of the times 0 to 9.
    fn complete_up_to(partition: &Partition) -> Vec<i64> {
        let is_complete = |max_timestamp: &i64| {
            let max_timestamp = Timestamp(*max_timestamp);
            RULES.is_row_complete(partition, &Clustering::default(), &columns(), max_timestamp)
        };
        (0..10).filter(is_complete).collect()
    }

    //= WP-SS-05 check
    #[test]
    fn row_is_complete_for_sstables_that_are_older_than_its_liveness_and_each_of_its_cells() {
        for liveness in [3, 9] {
            for (first, second) in [(3, 9), (9, 3), (9, 9)] {
                let row = row(LivenessInfo::live(Timestamp(liveness)), &[first, second]);
                let expected: Vec<i64> = (0..liveness.min(first).min(second)).collect();
                assert_eq!(complete_up_to(&partition_of(row)), expected);
            }
        }
    }

    //= WP-SS-05 check
    #[test]
    fn row_that_lacks_a_column_or_its_liveness_is_never_complete() {
        let no_column = row(LivenessInfo::live(Timestamp(9)), &[9]);
        assert!(complete_up_to(&partition_of(no_column)).is_empty());
        let no_liveness = row(LivenessInfo::EMPTY, &[9, 9]);
        assert!(complete_up_to(&partition_of(no_liveness)).is_empty());
        assert!(complete_up_to(&Partition::default()).is_empty());
    }

    //= WP-SS-05 check
    #[test]
    fn deletion_of_a_row_or_a_range_is_all_that_can_be_seen_of_what_is_older() {
        let deleted = Row {
            deletion: deletion(3),
            ..Row::default()
        };
        assert_eq!(complete_up_to(&partition_of(deleted)), [0, 1, 2]);
        let mut partition = Partition::default();
        let tombstone = RangeTombstone {
            start: ClusteringBound::BOTTOM,
            end: ClusteringBound::TOP,
            deletion: deletion(3),
        };
        partition.range_tombstones.add(tombstone, &Reference);
        assert_eq!(complete_up_to(&partition), [0, 1, 2]);
    }

    //= WP-SS-05 check
    #[test]
    fn static_row_is_complete_with_all_of_its_cells() {
        let mut partition = Partition::default();
        let is_complete = |partition: &Partition, columns: &[CellName]| {
            RULES.is_static_row_complete(partition, columns, Timestamp(4))
        };
        assert!(is_complete(&partition, &[]), "a table without static columns");
        assert!(!is_complete(&partition, &columns()));
        partition.static_row = row(LivenessInfo::EMPTY, &[5, 4]);
        assert!(!is_complete(&partition, &columns()));
        partition.static_row = row(LivenessInfo::EMPTY, &[5, 5]);
        assert!(is_complete(&partition, &columns()));
    }
}
