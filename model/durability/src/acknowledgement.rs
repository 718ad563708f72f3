//! When a replica may answer that it has a write.
//!
//! Asked after the append, and again after each completed sync while the answer is no; the
//! memtable takes the write once the answer is yes, and then the reply leaves. Chapter:
//! `specs/06-commit-log.md`.

use crate::sync_mode::{CommitLogProgress, SyncMode};
use thymbra_types::Reference;

/// The decisions about acknowledgements; the provided bodies are those of Cassandra 5.0.2.
pub trait AcknowledgementRules {
    /// Whether the sync mode is satisfied for an entry that has been appended.
    ///
    /// Cassandra: `AbstractCommitLogService.maybeWaitForSync` of the three services.
    //= WP-CL-02
    fn may_acknowledge(&self, mode: &SyncMode, progress: &CommitLogProgress) -> bool {
        match mode {
            SyncMode::Periodic { lag_block_ms, .. } => {
                progress.now_ms.saturating_sub(progress.last_sync_started_ms) <= *lag_block_ms
            }
            SyncMode::Batch | SyncMode::Group { .. } => progress.appended <= progress.synced_to,
        }
    }

    /// Whether an append asks for a sync at once instead of leaving it to the schedule.
    ///
    /// Cassandra: `BatchCommitLogService.maybeWaitForSync`.
    fn requires_sync(&self, mode: &SyncMode) -> bool {
        match mode {
            SyncMode::Batch => true,
            SyncMode::Periodic { .. } | SyncMode::Group { .. } => false,
        }
    }
}

impl AcknowledgementRules for Reference {}

#[cfg(test)]
mod tests {
    use super::*;
    use thymbra_types::CommitLogPosition;

    const RULES: &dyn AcknowledgementRules = &Reference;

    /// All positions of two segments with three offsets each, in order.
    fn positions() -> impl Iterator<Item = CommitLogPosition> + Clone {
        let at = |segment_id, position| CommitLogPosition { segment_id, position };
        [at(1, 0), at(1, 1), at(1, 2), at(2, 0), at(2, 1), at(2, 2)].into_iter()
    }

    fn progress(appended: CommitLogPosition, synced_to: CommitLogPosition) -> CommitLogProgress {
        CommitLogProgress {
            appended,
            synced_to,
            last_sync_started_ms: 0,
            now_ms: 0,
        }
    }

    //= WP-CL-02 check
    #[test]
    fn batch_and_group_acknowledge_exactly_what_has_been_synced() {
        for mode in [SyncMode::Batch, SyncMode::Group { window_ms: 5 }] {
            for (appended_index, appended) in positions().enumerate() {
                for (synced_index, synced_to) in positions().enumerate() {
                    for (last_sync_started_ms, now_ms) in [(0, 0), (0, 1_000), (1_000, 0)] {
                        let progress = CommitLogProgress {
                            last_sync_started_ms,
                            now_ms,
                            ..progress(appended, synced_to)
                        };
                        let synced = appended_index <= synced_index;
                        assert_eq!(
                            RULES.may_acknowledge(&mode, &progress),
                            synced,
                            "{mode:?} {progress:?}"
                        );
                    }
                }
            }
        }
    }

    //= WP-CL-02 check
    #[test]
    fn periodic_acknowledges_unless_the_last_sync_is_older_than_the_lag() {
        let mode = SyncMode::Periodic {
            period_ms: 2,
            lag_block_ms: 3,
        };
        for last_sync_started_ms in 0..12_u64 {
            for now_ms in 0..12_u64 {
                for synced_to in [
                    CommitLogPosition::NONE,
                    CommitLogPosition {
                        segment_id: 9,
                        position: 9,
                    },
                ] {
                    let appended = CommitLogPosition {
                        segment_id: 5,
                        position: 5,
                    };
                    let progress = CommitLogProgress {
                        appended,
                        synced_to,
                        last_sync_started_ms,
                        now_ms,
                    };
                    let fresh = last_sync_started_ms + 3 >= now_ms;
                    assert_eq!(RULES.may_acknowledge(&mode, &progress), fresh, "{progress:?}");
                }
            }
        }
    }

    #[test]
    fn only_batch_asks_for_a_sync_of_its_own() {
        assert!(RULES.requires_sync(&SyncMode::Batch));
        assert!(!RULES.requires_sync(&SyncMode::Group { window_ms: 1 }));
        assert!(!RULES.requires_sync(&SyncMode::periodic(1)));
    }
}
