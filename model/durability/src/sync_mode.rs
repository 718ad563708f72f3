//! How a node syncs its commit log, and what is known of that when a write has been appended.
//!
//! Chapter: `specs/06-commit-log.md`. Source: Cassandra `config.Config.CommitLogSync`.

use thymbra_types::CommitLogPosition;

/// The setting `commitlog_sync` with its periods.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum SyncMode {
    /// The log is synced now and then, and writes do not wait unless that falls behind.
    Periodic {
        /// Time between two syncs, ms; 10,000 as shipped.
        period_ms: u64,
        /// How old the last completed sync may be before writes wait, ms.
        /// Cassandra: `periodic_commitlog_sync_lag_block`.
        lag_block_ms: u64,
    },
    /// Each write asks for a sync and waits for it.
    Batch,
    /// Writes wait for a sync that runs every so often.
    Group {
        /// Time between two syncs, ms. Cassandra: `commitlog_sync_group_window`.
        window_ms: u64,
    },
}

impl SyncMode {
    /// Periodic mode with Cassandra's default for the lag: one and a half periods.
    #[must_use]
    pub const fn periodic(period_ms: u64) -> Self {
        Self::Periodic {
            period_ms,
            lag_block_ms: period_ms.saturating_add(period_ms / 2),
        }
    }
}

/// What the commit log says to a writer that has appended an entry.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CommitLogProgress {
    /// End of this writer's entry.
    pub appended: CommitLogPosition,
    /// Every entry that ends here or before is on the disk.
    pub synced_to: CommitLogPosition,
    /// When the last sync that has completed began, ms; before the first, when the log was opened.
    pub last_sync_started_ms: u64,
    /// When this writer had appended its entry, ms, by the clock of `last_sync_started_ms`.
    ///
    /// A writer that waits keeps this value: Cassandra works out once, at the append, from which
    /// time on a sync satisfies it.
    pub now_ms: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_of_periodic_mode_is_one_and_a_half_periods_by_default() {
        assert_eq!(
            SyncMode::periodic(10_000),
            SyncMode::Periodic {
                period_ms: 10_000,
                lag_block_ms: 15_000
            }
        );
        assert_eq!(
            SyncMode::periodic(1),
            SyncMode::Periodic {
                period_ms: 1,
                lag_block_ms: 1
            }
        );
        assert_eq!(
            SyncMode::periodic(u64::MAX),
            SyncMode::Periodic {
                period_ms: u64::MAX,
                lag_block_ms: u64::MAX
            }
        );
    }
}
