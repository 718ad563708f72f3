//! Turns: what is written and synced in one, and what asks for one.
//!
//! Source: Cassandra `AbstractCommitLogService.SyncRunnable`, `CommitLogSegment.sync`.

use std::sync::PoisonError;

use thymbra_durability::{AcknowledgementRules as _, SegmentRules as _};
use thymbra_types::{CommitLogPosition, Reference};

use super::sync_service::{self, Turn};
use super::{CommitLogError, Shared};
use crate::disk::DiskResult;

impl Shared {
    /// Waits as the sync mode says for a record that was appended at a time.
    pub(super) fn await_acknowledgement(
        &self,
        appended: CommitLogPosition,
        appended_ms: u64,
    ) -> Result<(), CommitLogError> {
        let mode = &self.config.sync_mode;
        let may = |synced_to, last_sync_started_ms| {
            let progress = sync_service::progress(appended, synced_to, last_sync_started_ms, appended_ms);
            Reference.may_acknowledge(mode, &progress)
        };
        // What was synced last is not looked up where the age of the last sync is enough.
        self.service.check()?;
        if may(CommitLogPosition::NONE, self.service.last_sync_started_ms()) {
            return Ok(());
        }
        let may_lead = Reference.requires_sync(mode) || !self.config.has_threads;
        let now = || self.clock.monotonic_ms();
        while let Some(turn) = self.service.wait(appended, may_lead, now, may)? {
            self.sync_in(turn)?;
        }
        Ok(())
    }

    /// Syncs everything that has been appended.
    pub(super) fn sync(&self) -> Result<(), CommitLogError> {
        let turn = self.service.take_turn(|| self.clock.monotonic_ms())?;
        self.sync_in(turn)
    }

    /// Publishes what has been appended, unless a sync is about to do more.
    pub(super) fn write_marker(&self) -> Result<(), CommitLogError> {
        if self.config.is_compressed {
            return self.service.check();
        }
        match self.service.try_turn(|| self.clock.monotonic_ms())? {
            Some(turn) => turn.written(self.write_pending()),
            None => Ok(()),
        }
    }

    /// Does what is due by the clock.
    pub(super) fn tick(&self) -> Result<(), CommitLogError> {
        self.service.check()?;
        let now_ms = self.clock.monotonic_ms();
        let age_ms = |since_ms: u64| now_ms.saturating_sub(since_ms);
        if age_ms(self.service.last_sync_started_ms()) >= self.config.sync_interval_ms() {
            return self.sync();
        }
        match self.config.marker_interval_ms() {
            Some(interval_ms) if age_ms(self.service.last_marker_ms()) >= interval_ms => self.write_marker(),
            Some(_) | None => Ok(()),
        }
    }

    /// Syncs in a turn, and removes the segments that this was the last thing to do for.
    fn sync_in(&self, turn: Turn<'_>) -> Result<(), CommitLogError> {
        let synced = self.sync_pending(&turn);
        turn.synced(synced)?;
        if let Err(error) = self.remove_unused() {
            tracing::warn!(%error, "commit log segments that are not needed are still there");
        }
        Ok(())
    }

    /// Writes and syncs everything, earlier segments first.
    fn sync_pending(&self, turn: &Turn<'_>) -> DiskResult<CommitLogPosition> {
        let mut scratch = self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        let mut appender = self.appender();
        let position = appender.position();
        let finished = appender.take_finished();
        let current = appender.take_for_sync();
        drop(appender);
        turn.syncs_to(position);

        let ended = finished.into_iter().map(|pending| (pending, true));
        let open = current.into_iter().map(|pending| (pending, false));
        for ((file, section), is_ended) in ended.chain(open) {
            let size_before_bytes = file.size_bytes();
            file.write(&section, &mut scratch)?;
            if is_ended {
                file.end()?;
            }
            file.sync()?;
            self.grow(file.size_bytes() - size_before_bytes);
            self.segments.note_synced(&file);
            self.appender().recycle(section.bytes);
        }
        Ok(position)
    }

    /// Writes everything, earlier segments first; those are synced where the rules want it.
    fn write_pending(&self) -> DiskResult<()> {
        let mut scratch = self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        let mut appender = self.appender();
        let finished = appender.take_finished();
        let current = appender.take_for_marker();
        drop(appender);

        for (file, section) in finished {
            file.write(&section, &mut scratch)?;
            if !Reference.may_write_marker(false) {
                file.sync()?;
                self.segments.note_synced(&file);
            }
            self.appender().recycle(section.bytes);
        }
        if let Some((file, section)) = current {
            file.write(&section, &mut scratch)?;
            self.appender().recycle(section.bytes);
        }
        Ok(())
    }
}
