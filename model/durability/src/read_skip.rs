//! Which SSTables a read need not open.
//!
//! A read goes through SSTables from the newest, by their greatest timestamp, and stops when nothing
//! older can change its answer. Chapter: `specs/08-sstable.md`. Source: Cassandra
//! `db.SinglePartitionReadCommand`.

use thymbra_types::{DeletionTime, Reference, Timestamp};

/// The decisions about what a read leaves out.
pub trait SkipRules {
    /// Whether everything in an SSTable is older than a deletion of the whole partition that was
    /// found elsewhere. Cassandra: `queryMemtableAndDiskInternal`.
    ///
    /// Not at equal times: the SSTable may have the same deletion, made later.
    //= WP-SS-05
    //= WP-SS-05
    fn is_deleted_whole(&self, max_timestamp: Timestamp, found: DeletionTime) -> bool {
        max_timestamp < found.marked_for_delete_at
    }

    /// Whether a cell or liveness that was found is newer than everything in an SSTable, so that the
    /// SSTable cannot change it. Cassandra: `canRemoveRow`.
    fn is_newer_than_all(&self, found: Timestamp, max_timestamp: Timestamp) -> bool {
        found > max_timestamp
    }
}

impl SkipRules for Reference {}

#[cfg(test)]
mod tests {
    use super::*;
    use thymbra_types::LocalDeletionTime;

    const RULES: &dyn SkipRules = &Reference;

    //= WP-SS-05 check
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
}
