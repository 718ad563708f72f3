//! Who writes and syncs the log, who waits for it, and what is known of the result.
//!
//! One thread at a time writes: it has a [`Turn`]. In batch mode that is one of the writers that
//! wait: it syncs what all of them have appended, and those that come meanwhile are the next group,
//! of whom one is woken to have the next turn. Source: Cassandra
//! `db.commitlog.AbstractCommitLogService` and its three kinds.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use thymbra_durability::{CommitLogProgress, SyncMode};
use thymbra_types::CommitLogPosition;

use super::CommitLogError;
use crate::disk::DiskResult;
use crate::error::{DiskError, DiskOperation};

/// What is known of syncs.
#[derive(Debug)]
pub(super) struct SyncState {
    /// Every record that ends here or before is durable.
    synced_to: CommitLogPosition,
    /// Whether a thread has its turn.
    is_writing: bool,
    /// The number of the turn that runs or comes next.
    turn_number: usize,
    /// Up to where the sync that runs takes the log, once that is known.
    syncing_to: Option<CommitLogPosition>,
    /// The first failure of the disk: nothing is written any more.
    failure: Option<Arc<DiskError>>,
    /// What the thread of the log is to do before its time.
    request: Option<Request>,
}

/// What the thread of the log is to do before its time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Request {
    /// Write what there is; much is waiting.
    Write,
    /// Sync; a segment is full.
    Sync,
    /// End.
    End,
}

/// Syncs, and those who wait for them.
#[derive(Debug)]
pub(super) struct SyncService {
    state: Mutex<SyncState>,
    /// Whether all of those who wait for the next turn would take it, so that to wake one of them is enough.
    is_led_by_writers: bool,
    /// Those who wait for a turn to end, those of even turns apart from those of odd ones: who is
    /// satisfied by the turn that runs, and who has to wait for the next.
    turn_ended: [Condvar; 2],
    /// The thread of the log waits here.
    work: Condvar,
    /// When the last sync that has completed began.
    last_sync_started_ms: AtomicU64,
    /// When the last marker was written or sync begun.
    last_marker_ms: AtomicU64,
    /// Whether there was a failure.
    is_stopped: AtomicBool,
}

/// The right to write; only one thread has it.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    service: &'a SyncService,
    started_ms: u64,
    /// Whether it is known how it went.
    is_ended: bool,
}

impl SyncService {
    /// All up to the position is durable since now.
    pub(super) fn new(synced_to: CommitLogPosition, now_ms: u64, is_led_by_writers: bool) -> Self {
        Self {
            is_led_by_writers,
            state: Mutex::new(SyncState {
                synced_to,
                is_writing: false,
                turn_number: 0,
                syncing_to: None,
                failure: None,
                request: None,
            }),
            turn_ended: Default::default(),
            work: Condvar::new(),
            last_sync_started_ms: AtomicU64::new(now_ms),
            last_marker_ms: AtomicU64::new(now_ms),
            is_stopped: AtomicBool::new(false),
        }
    }

    /// When the last sync that has completed began, milliseconds.
    pub(super) fn last_sync_started_ms(&self) -> u64 {
        self.last_sync_started_ms.load(Ordering::Acquire)
    }

    /// When the last marker was written or sync begun, milliseconds.
    pub(super) fn last_marker_ms(&self) -> u64 {
        self.last_marker_ms.load(Ordering::Acquire)
    }

    /// Every record that ends here or before is durable.
    pub(super) fn synced_to(&self) -> CommitLogPosition {
        self.state().synced_to
    }

    /// That the disk has not failed.
    pub(super) fn check(&self) -> Result<(), CommitLogError> {
        if self.is_stopped.load(Ordering::Acquire) {
            return self.state().check();
        }
        Ok(())
    }

    /// Keeps the first failure: from now on nothing is accepted and nothing acknowledged.
    //= WP-CL-09
    pub(super) fn stop(&self, failure: DiskError) -> CommitLogError {
        let mut state = self.state();
        let cause = Arc::clone(state.failure.get_or_insert_with(|| Arc::new(failure)));
        self.is_stopped.store(true, Ordering::Release);
        drop(state);
        self.turn_ended.iter().for_each(Condvar::notify_all);
        CommitLogError::Stopped { cause }
    }

    /// Waits until `is_satisfied`, or until it is this thread's turn to sync if `may_lead`.
    ///
    /// # Errors
    /// When the log has stopped.
    pub(super) fn wait(
        &self,
        position: CommitLogPosition,
        may_lead: bool,
        started_ms: impl Fn() -> u64,
        is_satisfied: impl Fn(CommitLogPosition, u64) -> bool,
    ) -> Result<Option<Turn<'_>>, CommitLogError> {
        let mut state = self.state();
        loop {
            state.check()?;
            if is_satisfied(state.synced_to, self.last_sync_started_ms()) {
                return Ok(None);
            }
            if may_lead && !state.is_writing {
                state.is_writing = true;
                return Ok(Some(self.turn(started_ms())));
            }
            let is_covered = state.syncing_to.is_none_or(|syncing_to| position <= syncing_to);
            let turn_number = state.turn_number + usize::from(!is_covered);
            state = self.await_end_of(turn_number, state);
        }
    }

    /// Waits for the right to write.
    ///
    /// # Errors
    /// When the log has stopped.
    pub(super) fn take_turn(&self, started_ms: impl Fn() -> u64) -> Result<Turn<'_>, CommitLogError> {
        let mut state = self.state();
        loop {
            state.check()?;
            if !state.is_writing {
                state.is_writing = true;
                return Ok(self.turn(started_ms()));
            }
            let turn_number = state.turn_number + 1;
            state = self.await_end_of(turn_number, state);
        }
    }

    /// The right to write, unless another thread has it.
    ///
    /// # Errors
    /// When the log has stopped.
    pub(super) fn try_turn(&self, started_ms: impl Fn() -> u64) -> Result<Option<Turn<'_>>, CommitLogError> {
        let mut state = self.state();
        state.check()?;
        if state.is_writing {
            return Ok(None);
        }
        state.is_writing = true;
        Ok(Some(self.turn(started_ms())))
    }

    /// Waits until a turn has ended, or an earlier one so that somebody must have the next.
    fn await_end_of<'a>(
        &self,
        turn_number: usize,
        state: MutexGuard<'a, SyncState>,
    ) -> MutexGuard<'a, SyncState> {
        let [even, odd] = &self.turn_ended;
        let ended = if turn_number.is_multiple_of(2) { even } else { odd };
        ended.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes those whom the turn satisfied, and one who may have the next.
    fn wake(&self, turn_number: usize) {
        let [even, odd] = &self.turn_ended;
        let (ended, next) = if turn_number.is_multiple_of(2) {
            (even, odd)
        } else {
            (odd, even)
        };
        if self.is_led_by_writers {
            next.notify_one();
        } else {
            next.notify_all();
        }
        ended.notify_all();
    }

    const fn turn(&self, started_ms: u64) -> Turn<'_> {
        Turn {
            service: self,
            started_ms,
            is_ended: false,
        }
    }

    /// Asks the thread of the log to work before its time.
    pub(super) fn request(&self, request: Request) {
        let mut state = self.state();
        state.request = match (state.request, request) {
            (Some(Request::End), _) | (_, Request::End) => Some(Request::End),
            (Some(Request::Sync), _) | (_, Request::Sync) => Some(Request::Sync),
            (Some(Request::Write) | None, Request::Write) => Some(Request::Write),
        };
        drop(state);
        self.work.notify_one();
    }

    /// Waits for a request, or for some time.
    pub(super) fn await_request(&self, timeout_ms: u64) -> Option<Request> {
        let state = self.state();
        let timeout = Duration::from_millis(timeout_ms);
        let (mut state, _) = self
            .work
            .wait_timeout_while(state, timeout, |state| state.request.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        match state.request {
            Some(Request::End) => state.request,
            Some(Request::Sync | Request::Write) | None => state.request.take(),
        }
    }

    /// The fields are consistent between statements, whoever panics.
    fn state(&self) -> MutexGuard<'_, SyncState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SyncState {
    fn check(&self) -> Result<(), CommitLogError> {
        match &self.failure {
            Some(cause) => Err(CommitLogError::Stopped {
                cause: Arc::clone(cause),
            }),
            None => Ok(()),
        }
    }
}

impl Turn<'_> {
    /// Says up to where this sync takes the log.
    pub(super) fn syncs_to(&self, position: CommitLogPosition) {
        self.service.state().syncing_to = Some(position);
    }

    /// Ends the turn with the result of a sync up to the position.
    pub(super) fn synced(mut self, synced: DiskResult<CommitLogPosition>) -> Result<(), CommitLogError> {
        self.is_ended = true;
        match synced {
            Ok(position) => {
                let service = self.service;
                let mut state = service.state();
                state.synced_to = state.synced_to.max(position);
                service
                    .last_sync_started_ms
                    .store(self.started_ms, Ordering::Release);
                service.last_marker_ms.store(self.started_ms, Ordering::Release);
                drop(state);
                Ok(())
            }
            Err(error) => Err(self.service.stop(error)),
        }
    }

    /// Ends the turn with the result of a write without a sync.
    pub(super) fn written(mut self, written: DiskResult<()>) -> Result<(), CommitLogError> {
        self.is_ended = true;
        match written {
            Ok(()) => {
                let last_marker_ms = &self.service.last_marker_ms;
                last_marker_ms.store(self.started_ms, Ordering::Release);
                Ok(())
            }
            Err(error) => Err(self.service.stop(error)),
        }
    }
}

/// However the turn ends, the next thread gets its own. After a panic the log has stopped: nobody
/// has the records that were to be written.
impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !self.is_ended {
            let panicked = io::Error::other("a thread panicked while it wrote the commit log");
            let failure = DiskError::new(DiskOperation::Write, Path::new(""), panicked);
            self.service.stop(failure);
        }
        let mut state = self.service.state();
        let turn_number = state.turn_number;
        state.turn_number = turn_number.wrapping_add(1);
        state.is_writing = false;
        state.syncing_to = None;
        drop(state);
        self.service.wake(turn_number);
    }
}

/// What a writer may know when it asks for its acknowledgement.
pub(super) const fn progress(
    appended: CommitLogPosition,
    synced_to: CommitLogPosition,
    last_sync_started_ms: u64,
    now_ms: u64,
) -> CommitLogProgress {
    CommitLogProgress {
        appended,
        synced_to,
        last_sync_started_ms,
        now_ms,
    }
}

/// Whether every writer that waits and is not satisfied by a sync leads the next one, if it is woken.
///
/// In periodic mode a sync may satisfy a writer whose record it does not have: by its time.
pub(super) const fn writers_lead(mode: &SyncMode, has_threads: bool) -> bool {
    match mode {
        SyncMode::Batch => true,
        SyncMode::Group { .. } => !has_threads,
        SyncMode::Periodic { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::thread;

    const fn at(position: u32) -> CommitLogPosition {
        CommitLogPosition {
            segment_id: 1,
            position,
        }
    }

    /// One alone that is woken is satisfied by the time of the sync, and tells nobody.
    #[test]
    fn writers_behind_the_lag_whose_records_come_after_a_sync_all_end_with_it() {
        const WRITERS_COUNT: usize = 4;
        let is_led_by_writers = writers_lead(&SyncMode::periodic(1_000), false);
        let service = Arc::new(SyncService::new(at(0), 0, is_led_by_writers));
        let turn = service.take_turn(|| 5_000).expect("the disk works");
        turn.syncs_to(at(1));
        let (sender, ended) = mpsc::channel();
        let (begin, begun) = mpsc::channel();
        for _ in 0..WRITERS_COUNT {
            let (service, sender, begin) = (Arc::clone(&service), sender.clone(), begin.clone());
            // Not scoped: where the claim is wrong, the thread waits for ever.
            thread::spawn(move || {
                let is_satisfied = |_, last_sync_started_ms| {
                    begin.send(()).ok();
                    last_sync_started_ms >= 4_000
                };
                let turn = service.wait(at(2), true, || 6_000, is_satisfied);
                sender.send(turn.is_ok_and(|turn| turn.is_none())).ok();
            });
        }
        for _ in 0..WRITERS_COUNT {
            begun.recv().expect("each looks whether it has to wait");
        }
        // The last that has looked holds the lock until it waits.
        turn.synced(Ok(at(1))).expect("the disk works");
        for _ in 0..WRITERS_COUNT {
            let is_satisfied = ended.recv_timeout(Duration::from_secs(20));
            assert_eq!(is_satisfied, Ok(true));
        }
    }
}
