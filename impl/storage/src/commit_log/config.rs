//! Settings of the commit log.

use std::path::PathBuf;

use thymbra_durability::{SegmentRules as _, SyncMode};
use thymbra_format::commitlog::SEGMENT_SIZE_UNIT_BYTES;
use thymbra_types::Reference;

use super::CommitLogError;

/// Markers are written at least this often in periodic mode, milliseconds.
/// Cassandra: `AbstractCommitLogService.DEFAULT_MARKER_INTERVAL_MILLIS`.
const MARKER_INTERVAL_MS: u64 = 100;
/// In batch mode, entries that nobody waits for are synced this often, milliseconds.
/// Cassandra: `BatchCommitLogService.POLL_TIME_MILLIS`.
const BATCH_POLL_MS: u64 = 1_000;

/// Settings of the commit log, with the names of `cassandra.yaml`.
#[derive(Clone, Debug)]
pub struct CommitLogConfig {
    /// Where segments lie. Cassandra: `commitlog_directory`.
    pub directory: PathBuf,
    /// When the log is synced, and who waits. Cassandra: `commitlog_sync` with its periods.
    pub sync_mode: SyncMode,
    /// Length of an uncompressed segment, and of the records of a compressed one before
    /// compression, bytes; a multiple of 1024. Cassandra: `commitlog_segment_size`.
    pub segment_size_bytes: u64,
    /// Length of all segments beyond which the tables in the oldest are to be flushed, bytes.
    /// Cassandra: `commitlog_total_space`.
    pub total_space_bytes: u64,
    /// Whether sections are compressed by LZ4. Cassandra: `commitlog_compression`.
    pub is_compressed: bool,
    /// Whether the log has threads of its own, for syncs and for segments ahead of their use.
    ///
    /// Without them nothing happens but in calls, and a writer that would wait for a sync does it
    /// itself.
    pub has_threads: bool,
    /// The highest segment id that SSTables and truncation records name: new ids are above it and
    /// above those of all files in the directory.
    pub highest_known_id: Option<i64>,
}

impl CommitLogConfig {
    /// What Cassandra ships: periodic sync every 10 s, segments of 32 MiB, 8 GiB in all.
    #[must_use]
    pub fn in_directory(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            sync_mode: SyncMode::periodic(10_000),
            segment_size_bytes: 32 << 20,
            total_space_bytes: 8192 << 20,
            is_compressed: false,
            has_threads: true,
            highest_known_id: None,
        }
    }

    /// Checks the size of segments.
    pub(crate) fn validate(&self) -> Result<(), CommitLogError> {
        let segment_size_bytes = self.segment_size_bytes;
        let reason = if !segment_size_bytes.is_multiple_of(SEGMENT_SIZE_UNIT_BYTES) || segment_size_bytes == 0
        {
            "it must be a multiple of 1024"
        } else if i32::try_from(segment_size_bytes).is_err() {
            "it must be below 2 GiB, because positions are numbers of 32 bits with a sign"
        } else {
            return Ok(());
        };
        Err(CommitLogError::SegmentSize {
            segment_size_bytes,
            reason,
        })
    }

    /// The largest record, overhead included, bytes.
    pub(super) fn max_record_size_bytes(&self) -> u64 {
        Reference.max_record_size_bytes(self.segment_size_bytes)
    }

    /// How old the last sync may be before the next is due, milliseconds.
    ///
    /// In periodic mode that is a whole number of marker intervals, as in Cassandra's
    /// `AbstractCommitLogService`.
    pub(super) const fn sync_interval_ms(&self) -> u64 {
        match self.sync_mode {
            SyncMode::Periodic { period_ms, .. } if self.is_compressed || period_ms <= MARKER_INTERVAL_MS => {
                period_ms
            }
            SyncMode::Periodic { period_ms, .. } => {
                (period_ms + MARKER_INTERVAL_MS / 2) / MARKER_INTERVAL_MS * MARKER_INTERVAL_MS
            }
            SyncMode::Batch => BATCH_POLL_MS,
            SyncMode::Group { window_ms } => window_ms,
        }
    }

    /// How old the last marker may be before the next is due, milliseconds; absent where only
    /// syncs write markers: compressed sections cannot grow.
    pub(super) const fn marker_interval_ms(&self) -> Option<u64> {
        match self.sync_mode {
            SyncMode::Periodic { period_ms, .. } if !self.is_compressed && period_ms > MARKER_INTERVAL_MS => {
                Some(MARKER_INTERVAL_MS)
            }
            SyncMode::Periodic { .. } | SyncMode::Batch | SyncMode::Group { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intervals(sync_mode: SyncMode, is_compressed: bool) -> (u64, Option<u64>) {
        let config = CommitLogConfig {
            sync_mode,
            is_compressed,
            ..CommitLogConfig::in_directory("/log")
        };
        (config.sync_interval_ms(), config.marker_interval_ms())
    }

    #[test]
    fn sync_interval_is_a_whole_number_of_marker_intervals() {
        for (period_ms, intervals_ms) in [
            (10_000, (10_000, Some(100))),
            (10_049, (10_000, Some(100))),
            (10_050, (10_100, Some(100))),
            (149, (100, Some(100))),
            (100, (100, None)),
            (30, (30, None)),
        ] {
            assert_eq!(intervals(SyncMode::periodic(period_ms), false), intervals_ms);
        }
    }

    #[test]
    fn only_uncompressed_periodic_segments_have_markers_between_syncs() {
        assert_eq!(intervals(SyncMode::periodic(10_020), true), (10_020, None));
        assert_eq!(intervals(SyncMode::Batch, false), (1_000, None));
        assert_eq!(intervals(SyncMode::Group { window_ms: 7 }, false), (7, None));
    }

    #[test]
    fn segment_size_is_a_multiple_of_1024_below_2_gib() {
        let is_valid = |segment_size_bytes| {
            let config = CommitLogConfig {
                segment_size_bytes,
                ..CommitLogConfig::in_directory("/log")
            };
            config.validate().is_ok()
        };
        assert!(is_valid(1024) && is_valid(32 << 20) && is_valid((2 << 30) - 1024));
        assert!(!is_valid(0) && !is_valid(1000) && !is_valid(2 << 30));
    }
}
