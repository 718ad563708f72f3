//! What is known of syncs of the commit log: what must survive a crash.
//!
//! The engine also syncs when segments are full. Then only bounds are known of the age of its last sync, which
//! periodic mode promises: `specs/06-commit-log.md`.

use super::*;
use crate::storage_oracle::setup::SyncKind;
use std::path::Path;
use thymbra_storage::DiskOperation;

/// After so long without a sync the engine makes one by itself, milliseconds.
const SYNC_PERIOD_MS: u64 = 10_000;
/// After so long without a sync a write waits for one, milliseconds.
const SYNC_LAG_BLOCK_MS: u64 = 15_000;
/// After so long without a marker the engine writes one by itself, milliseconds; a compressed log waits for
/// the sync.
const MARKER_INTERVAL_MS: u64 = 100;

impl Trial {
    /// A write was acknowledged: what that says of what is durable.
    pub(super) fn note_acknowledgement(&mut self, is_logged: bool, is_age_known: bool) {
        let now_ms = self.clock.monotonic_ms();
        self.acknowledged.push((now_ms, self.oracle.mutations_count()));
        match self.setup.sync {
            SyncKind::Batch | SyncKind::Group => self.oracle.synced(),
            SyncKind::Periodic => {
                if is_logged && now_ms - self.synced_at_ms > SYNC_LAG_BLOCK_MS {
                    // The last sync began no longer ago than that: it has what was there before it.
                    self.oracle
                        .synced_up_to(self.acknowledged_before(now_ms - SYNC_LAG_BLOCK_MS));
                    if is_age_known {
                        self.note_sync();
                    }
                }
            }
        }
    }

    /// The log was synced just now.
    pub(super) fn note_sync(&mut self) {
        self.oracle.synced();
        self.synced_at_ms = self.clock.monotonic_ms();
        self.written_at_ms = self.synced_at_ms;
        self.synced_at_index = self.disk.operation_count();
    }

    /// Whether the engine has made no sync since the last one that is known.
    pub(super) fn knows_last_sync(&self) -> bool {
        !self.changes_segments_since(self.synced_at_index, DiskOperation::SyncData)
    }

    /// Whether the engine has gone on in another segment since an operation of the disk. It may have synced
    /// then, before a record got its place.
    pub(super) fn has_switched_segment_since(&self, index: u64) -> bool {
        self.changes_segments_since(index, DiskOperation::CreateNew)
    }

    fn changes_segments_since(&self, index: u64, operation: DiskOperation) -> bool {
        let changes = self.changes_since(index);
        let mut changes = changes.iter().filter(|record| record.operation == operation);
        changes.any(|record| is_segment(&record.path))
    }

    /// How many mutations there were when the last one was acknowledged before a time of the stop watch.
    fn acknowledged_before(&self, before_ms: u64) -> u64 {
        let acknowledged = self.acknowledged.iter().rev();
        let mut before = acknowledged.skip_while(|(acknowledged_ms, _)| *acknowledged_ms >= before_ms);
        before.next().map_or(0, |(_, mutations_count)| *mutations_count)
    }

    /// What is due by the clock is done by a tick.
    pub(super) fn note_tick(&mut self, is_age_known: bool) {
        let now_ms = self.clock.monotonic_ms();
        if now_ms - self.synced_at_ms >= SYNC_PERIOD_MS {
            self.oracle
                .synced_up_to(self.acknowledged_before(now_ms - SYNC_PERIOD_MS + 1));
            if is_age_known {
                return self.note_sync();
            }
        }
        if now_ms - self.written_at_ms >= MARKER_INTERVAL_MS && !self.setup.is_log_compressed {
            self.oracle
                .written_up_to(self.acknowledged_before(now_ms - MARKER_INTERVAL_MS + 1));
            if is_age_known {
                self.oracle.written();
                self.written_at_ms = now_ms;
            }
        }
    }
}

/// Whether a file is a segment of the commit log, or becomes one.
fn is_segment(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.starts_with("CommitLog-"))
}
