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
    /// What a crash left of a write that was not synced: the line ends before its end, or sectors of it are zero.
    Torn,
    /// A line that was written whole, and whose checksum is wrong.
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
pub struct TransactionLogCorrupt {
    /// The first record that contradicts the others or the files that it names, counted from 0.
    pub record_index: usize,
    /// What it is.
    pub record: TransactionRecord,
}

impl core::fmt::Display for TransactionLogCorrupt {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str(match self.record {
            TransactionRecord::Add => "expected nothing more behind a torn record, found an SSTable that is added",
            TransactionRecord::Remove(RemovedFiles::Partial) => {
                "expected a commit at the end of the transaction, found none though files are gone"
            }
            TransactionRecord::Remove(RemovedFiles::Other | RemovedFiles::Complete) => {
                "expected the files that were recorded, found newer ones"
            }
            TransactionRecord::Commit | TransactionRecord::Abort => {
                "expected the end of the transaction behind all records, each whole, found it between or behind a torn one"
            }
            TransactionRecord::Torn | TransactionRecord::Damaged => {
                "expected a record with its checksum, found something else"
            }
        })
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
    /// A torn record was being written when the node died, and counts as not written if nothing has been deleted;
    /// behind it may be what else reached the disk of the same write, which is one of replaced files only. A record that
    /// is damaged was synced once, and is an error. Cassandra takes it for torn where it is the last: `LogFile.verify`,
    /// `LogTransaction.removeUnfinishedLeftovers`.
    ///
    /// # Errors
    /// When a record is damaged, when files are not those that the log speaks of, or when files are missing though the
    /// log does not end in a commit.
    //= WP-SS-03
    fn recover(&self, records: &[TransactionRecord]) -> Result<Leftovers, TransactionLogCorrupt> {
        let committed = records.last() == Some(&TransactionRecord::Commit);
        let mut is_torn = false;
        for (record_index, record) in records.iter().enumerate() {
            let is_last = record_index + 1 == records.len();
            let is_trusted = match record {
                TransactionRecord::Add => !is_torn,
                TransactionRecord::Remove(RemovedFiles::Complete) | TransactionRecord::Torn => true,
                TransactionRecord::Remove(RemovedFiles::Partial) => committed,
                TransactionRecord::Commit | TransactionRecord::Abort => is_last && !is_torn,
                TransactionRecord::Remove(RemovedFiles::Other) | TransactionRecord::Damaged => false,
            };
            if !is_trusted {
                return Err(TransactionLogCorrupt {
                    record_index,
                    record: *record,
                });
            }
            is_torn |= *record == TransactionRecord::Torn;
        }
        Ok(Leftovers {
            delete_added: !committed,
            delete_removed: committed,
        })
    }
}

impl TransactionRules for Reference {}

#[cfg(test)]
mod tests {
    use super::RemovedFiles::{Complete, Other, Partial};
    use super::TransactionRecord::{Abort, Add, Commit, Damaged, Remove, Torn};
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

    fn corrupt(record_index: usize, record: TransactionRecord) -> Result<Leftovers, TransactionLogCorrupt> {
        Err(TransactionLogCorrupt { record_index, record })
    }

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
    fn torn_last_record_counts_as_not_written() {
        assert_eq!(RULES.recover(&[Torn]), ADDED);
        assert_eq!(RULES.recover(&[Add, Remove(Complete), Torn]), ADDED);
    }

    #[test]
    fn what_else_reached_the_disk_of_a_torn_write_counts_as_not_written() {
        assert_eq!(
            RULES.recover(&[Add, Torn, Remove(Complete), Torn, Remove(Complete)]),
            ADDED
        );
        for separate in [Add, Commit, Abort] {
            assert_eq!(RULES.recover(&[Add, Torn, separate]), corrupt(2, separate));
        }
    }

    //= WP-SS-03 check
    #[test]
    fn damaged_record_is_refused_wherever_it_is() {
        assert_eq!(RULES.recover(&[Damaged]), corrupt(0, Damaged));
        assert_eq!(RULES.recover(&[Add, Damaged]), corrupt(1, Damaged));
        assert_eq!(RULES.recover(&[Damaged, Commit]), corrupt(0, Damaged));
        assert_eq!(RULES.recover(&[Add, Torn, Damaged]), corrupt(2, Damaged));
    }

    #[test]
    fn torn_last_record_is_refused_when_files_are_gone_already() {
        for records in [
            [Add, Remove(Partial), Torn],
            [Torn, Remove(Partial), Remove(Complete)],
        ] {
            assert_eq!(RULES.recover(&records), corrupt(1, Remove(Partial)));
        }
    }

    #[test]
    fn files_that_are_gone_are_no_surprise_after_the_commit_alone() {
        assert_eq!(RULES.recover(&[Add, Remove(Partial), Commit]), REMOVED);
        assert_eq!(
            RULES.recover(&[Add, Remove(Partial), Abort]),
            corrupt(1, Remove(Partial))
        );
        assert_eq!(
            RULES.recover(&[Add, Remove(Partial)]),
            corrupt(1, Remove(Partial))
        );
    }

    #[test]
    fn files_of_a_restored_backup_are_never_deleted() {
        for last in [Commit, Abort, Torn, Add, Remove(Complete)] {
            assert_eq!(
                RULES.recover(&[Add, Remove(Other), last]),
                corrupt(1, Remove(Other))
            );
        }
        assert_eq!(RULES.recover(&[Add, Remove(Other)]), corrupt(1, Remove(Other)));
    }

    #[test]
    fn end_before_the_last_record_is_refused() {
        for early in [Commit, Abort] {
            for last in [Add, Remove(Complete), Commit, Abort, Torn] {
                assert_eq!(
                    RULES.recover(&[Add, early, last]),
                    corrupt(1, early),
                    "{early:?} {last:?}"
                );
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
    fn refusal_says_what_was_expected_and_found() {
        use alloc::string::ToString;
        for (record, word) in [
            (Add, "torn"),
            (Remove(Partial), "gone"),
            (Remove(Other), "newer"),
            (Commit, "end"),
            (Damaged, "checksum"),
        ] {
            let said = TransactionLogCorrupt {
                record_index: 0,
                record,
            }
            .to_string();
            assert!(
                said.contains("expected") && said.contains("found") && said.contains(word),
                "{said}"
            );
        }
    }
}
