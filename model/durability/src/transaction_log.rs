//! What is left of an exchange of SSTables that a crash interrupted, and which side of it goes.
//!
//! A flush or compaction notes the files that it adds before it creates them, those that it replaces
//! before it commits, and deletes only after its commit. Chapter: `specs/09-compaction.md`. Source:
//! Cassandra `db.lifecycle.LogTransaction`, `LogFile`.

use thymbra_types::Reference;

/// One line of a transaction log, as it is found at start.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum TransactionRecord {
    /// Files that the transaction creates.
    Add,
    /// Files that it replaces.
    Remove(RemovedFiles),
    /// It has happened.
    Commit,
    /// It has been given up.
    Abort,
    /// A line whose checksum is wrong, or that is cut short.
    Damaged,
}

/// How the files that a record says are replaced look on disk.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum RemovedFiles {
    /// All there, as recorded.
    Complete,
    /// Some or all are gone, and the rest is as recorded.
    Partial,
    /// A newer file has one of their names: somebody restored a backup.
    Other,
}

/// What recovery deletes before it deletes the log itself.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Leftovers {
    /// The files that the transaction added.
    pub delete_added: bool,
    /// The files that it replaced.
    pub delete_removed: bool,
}

/// The log cannot be trusted: nothing may be deleted, and the node does not start.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct TransactionLogCorrupt;

impl core::fmt::Display for TransactionLogCorrupt {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str("the transaction log contradicts itself or the files that it names")
    }
}

impl core::error::Error for TransactionLogCorrupt {}

/// The decisions about exchanges of SSTables.
pub trait TransactionRules {
    /// Whether the commit may be written: all new files, and the records of all replaced ones, are
    /// on the disk.
    //= WP-SS-03
    fn may_commit(&self, added_files_synced: bool, remove_records_synced: bool) -> bool {
        added_files_synced && remove_records_synced
    }

    /// Whether a replaced file may be deleted: the commit is on the disk and nobody reads it.
    //= WP-SS-03
    fn may_delete_removed(&self, commit_synced: bool, is_referenced: bool) -> bool {
        commit_synced && !is_referenced
    }

    /// Whether the log itself may be deleted: everything that recovery would delete is gone, and
    /// that is on the disk.
    fn may_delete_log(&self, leftovers_gone_synced: bool) -> bool {
        leftovers_gone_synced
    }

    /// Which files go at start, from all records in their order.
    ///
    /// A damaged last record was being written when the node died, and counts as not written if
    /// nothing has been deleted; any other damage is an error. Cassandra: `LogFile.verify`,
    /// `LogTransaction.removeUnfinishedLeftovers`.
    ///
    /// # Errors
    /// When a record before the last is damaged, when files are not those that the log speaks of, or
    /// when files are missing though the log does not end in a commit.
    //= WP-SS-03
    fn recover(&self, records: &[TransactionRecord]) -> Result<Leftovers, TransactionLogCorrupt> {
        let (last, before) = match records.split_last() {
            None => (TransactionRecord::Abort, records),
            Some((last, before)) => (*last, before),
        };
        let committed = last == TransactionRecord::Commit;
        let trusted = |record: &TransactionRecord| match record {
            TransactionRecord::Add | TransactionRecord::Remove(RemovedFiles::Complete) => true,
            TransactionRecord::Remove(RemovedFiles::Partial) => committed,
            TransactionRecord::Remove(RemovedFiles::Other)
            | TransactionRecord::Commit
            | TransactionRecord::Abort
            | TransactionRecord::Damaged => false,
        };
        let last_trusted = match last {
            TransactionRecord::Commit | TransactionRecord::Abort | TransactionRecord::Damaged => true,
            TransactionRecord::Add | TransactionRecord::Remove(_) => trusted(&last),
        };
        match last_trusted && before.iter().all(trusted) {
            true => Ok(Leftovers {
                delete_added: !committed,
                delete_removed: committed,
            }),
            false => Err(TransactionLogCorrupt),
        }
    }
}

impl TransactionRules for Reference {}

#[cfg(test)]
mod tests {
    use super::RemovedFiles::{Complete, Other, Partial};
    use super::TransactionRecord::{Abort, Add, Commit, Damaged, Remove};
    use super::*;

    const RULES: &dyn TransactionRules = &Reference;
    const ADDED: Result<Leftovers, TransactionLogCorrupt> = Ok(Leftovers {
        delete_added: true,
        delete_removed: false,
    });
    const REMOVED: Result<Leftovers, TransactionLogCorrupt> = Ok(Leftovers {
        delete_added: false,
        delete_removed: true,
    });
    const CORRUPT: Result<Leftovers, TransactionLogCorrupt> = Err(TransactionLogCorrupt);

    //= WP-SS-03 check
    //= WP-CP-04 check
    //= WP-SS-03 check
    #[test]
    fn commit_alone_decides_which_side_goes() {
        assert_eq!(RULES.recover(&[]), ADDED);
        assert_eq!(RULES.recover(&[Add]), ADDED);
        assert_eq!(RULES.recover(&[Add, Remove(Complete)]), ADDED);
        assert_eq!(RULES.recover(&[Add, Remove(Complete), Abort]), ADDED);
        assert_eq!(RULES.recover(&[Add, Remove(Complete), Commit]), REMOVED);
        assert_eq!(RULES.recover(&[Commit]), REMOVED);
    }

    #[test]
    fn damaged_last_record_counts_as_not_written() {
        assert_eq!(RULES.recover(&[Damaged]), ADDED);
        assert_eq!(RULES.recover(&[Add, Remove(Complete), Damaged]), ADDED);
    }

    #[test]
    fn damaged_last_record_is_refused_when_files_are_gone_already() {
        assert_eq!(RULES.recover(&[Add, Remove(Partial), Damaged]), CORRUPT);
    }

    #[test]
    fn files_that_are_gone_are_no_surprise_after_the_commit_alone() {
        assert_eq!(RULES.recover(&[Add, Remove(Partial), Commit]), REMOVED);
        assert_eq!(RULES.recover(&[Add, Remove(Partial), Abort]), CORRUPT);
        assert_eq!(RULES.recover(&[Add, Remove(Partial)]), CORRUPT);
    }

    #[test]
    fn files_of_a_restored_backup_are_never_deleted() {
        for last in [Commit, Abort, Damaged, Add, Remove(Complete)] {
            assert_eq!(RULES.recover(&[Add, Remove(Other), last]), CORRUPT);
        }
        assert_eq!(RULES.recover(&[Add, Remove(Other)]), CORRUPT);
    }

    #[test]
    fn damage_or_an_end_before_the_last_record_is_refused() {
        for early in [Damaged, Commit, Abort] {
            for last in [Add, Remove(Complete), Commit, Abort, Damaged] {
                assert_eq!(RULES.recover(&[Add, early, last]), CORRUPT, "{early:?} {last:?}");
            }
        }
    }

    //= WP-SS-03 check
    #[test]
    fn each_step_waits_for_the_disk() {
        for first in [false, true] {
            assert_eq!(RULES.may_delete_log(first), first);
            for second in [false, true] {
                assert_eq!(RULES.may_commit(first, second), first && second);
                assert_eq!(RULES.may_delete_removed(first, second), first && !second);
            }
        }
    }

    #[test]
    fn refusal_says_what_contradicts() {
        use alloc::string::ToString;
        assert!(TransactionLogCorrupt.to_string().contains("contradicts"));
    }
}
