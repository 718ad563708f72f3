//! What `Statistics.db` says of all rows against the rows.

use std::path::Path;

use thymbra_format::sstable::metadata::StatsMetadata;
use thymbra_types::{DeletionTime, LocalDeletionTime, Row, Timestamp};

use crate::files::FileError;

/// Smallest and largest times that were seen, and how many rows.
#[derive(Debug)]
pub(super) struct Seen {
    min_timestamp: Timestamp,
    max_timestamp: Timestamp,
    max_local_deletion_time: LocalDeletionTime,
    pub(super) partitions_count: u64,
    pub(super) rows_count: u64,
}

impl Seen {
    pub(super) const fn nothing() -> Self {
        Self {
            min_timestamp: Timestamp(i64::MAX),
            max_timestamp: Timestamp(i64::MIN),
            max_local_deletion_time: LocalDeletionTime(i64::MIN),
            partitions_count: 0,
            rows_count: 0,
        }
    }

    pub(super) fn deletion(&mut self, deletion: DeletionTime) {
        if !deletion.is_live() {
            self.times(deletion.marked_for_delete_at, deletion.local_deletion_time);
        }
    }

    pub(super) fn row(&mut self, row: &Row) {
        if !row.liveness.is_empty() {
            self.times(row.liveness.timestamp, row.liveness.local_expiration_time());
        }
        self.deletion(row.deletion);
        for deletion in row.complex_deletions.values() {
            self.deletion(*deletion);
        }
        for cell in row.cells.values() {
            self.times(cell.timestamp, cell.kind.local_deletion_time());
        }
    }

    fn times(&mut self, timestamp: Timestamp, local_deletion_time: LocalDeletionTime) {
        self.min_timestamp = self.min_timestamp.min(timestamp);
        self.max_timestamp = self.max_timestamp.max(timestamp);
        self.max_local_deletion_time = self.max_local_deletion_time.max(local_deletion_time);
    }

    /// Compares with what the file says. Reads skip SSTables, and compaction drops them, by these limits: they may be
    /// wide and must not be narrow.
    pub(super) fn check(&self, stats: &StatsMetadata, path: &Path) -> Result<(), FileError> {
        let narrow = |what: &str, says: &dyn core::fmt::Display, seen: &dyn core::fmt::Display| {
            FileError::contradiction(path, format!("says {what} {says}, and the data has {seen}"))
        };
        if self.min_timestamp < stats.min_timestamp {
            let (says, seen) = (stats.min_timestamp, self.min_timestamp);
            return Err(narrow("the smallest timestamp is", &says, &seen));
        }
        if self.max_timestamp > stats.max_timestamp {
            let (says, seen) = (stats.max_timestamp, self.max_timestamp);
            return Err(narrow("the largest timestamp is", &says, &seen));
        }
        if self.max_local_deletion_time > stats.max_local_deletion_time {
            let (says, seen) = (stats.max_local_deletion_time, self.max_local_deletion_time);
            return Err(narrow("the latest deletion time is", &says, &seen));
        }
        let partitions_count = stats.estimated_partition_size.count();
        if partitions_count != self.partitions_count {
            return Err(narrow(
                "the number of partitions is",
                &partitions_count,
                &self.partitions_count,
            ));
        }
        Ok(())
    }
}
