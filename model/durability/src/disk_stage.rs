//! How far an entry of the commit log has come, and what a crash takes of it.
//!
//! Chapter: `specs/06-commit-log.md`. Source: Cassandra `CommitLogSegment.sync`,
//! `AbstractCommitLogService.SyncRunnable`.

use thymbra_types::Reference;

/// Stations of a commit log entry on its way to the platter, in order.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum DiskStage {
    /// Written into the segment, behind the last marker.
    Appended,
    /// A marker after it has been written, at most 100 ms later; both may be in the page cache only.
    Marked,
    /// Entry and marker have been synced.
    Synced,
}

/// What dies in a crash.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum CrashKind {
    /// The process; the operating system goes on and keeps its page cache.
    Process,
    /// The machine; what has not been synced may be gone.
    PowerLoss,
}

/// The decision what replay finds; the provided body is that of Cassandra 5.0.2.
pub trait SurvivalRules {
    /// Whether replay after the crash is sure to find the entry.
    ///
    /// Replay stops at the last marker, so an entry behind it is lost even when its bytes remain.
    //= WP-CL-03
    fn survives(&self, stage: DiskStage, crash: CrashKind) -> bool {
        match (stage, crash) {
            (DiskStage::Appended, CrashKind::Process) => false,
            (DiskStage::Appended, CrashKind::PowerLoss) => false,
            (DiskStage::Marked, CrashKind::Process) => true,
            (DiskStage::Marked, CrashKind::PowerLoss) => false,
            (DiskStage::Synced, CrashKind::Process) => true,
            (DiskStage::Synced, CrashKind::PowerLoss) => true,
        }
    }
}

impl SurvivalRules for Reference {}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &dyn SurvivalRules = &Reference;

    //= WP-CL-03 check
    #[test]
    fn process_crash_takes_what_has_no_marker() {
        let survivors = [DiskStage::Appended, DiskStage::Marked, DiskStage::Synced]
            .map(|stage| RULES.survives(stage, CrashKind::Process));
        assert_eq!(survivors, [false, true, true]);
    }

    #[test]
    fn power_loss_takes_what_has_not_been_synced() {
        let survivors = [DiskStage::Appended, DiskStage::Marked, DiskStage::Synced]
            .map(|stage| RULES.survives(stage, CrashKind::PowerLoss));
        assert_eq!(survivors, [false, false, true]);
    }

    #[test]
    fn later_stages_survive_no_less() {
        for crash in [CrashKind::Process, CrashKind::PowerLoss] {
            for earlier in [DiskStage::Appended, DiskStage::Marked, DiskStage::Synced] {
                for later in [DiskStage::Appended, DiskStage::Marked, DiskStage::Synced] {
                    assert!(
                        earlier > later || RULES.survives(earlier, crash) <= RULES.survives(later, crash)
                    );
                }
            }
        }
    }
}
