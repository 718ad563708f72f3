//! The threads of the log: one for markers and syncs, one that makes segments ahead.
//!
//! Source: Cassandra `AbstractCommitLogService.SyncRunnable`,
//! `AbstractCommitLogSegmentManager.AllocatorRunnable`.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use super::sync_service::Request;
use super::{CommitLogError, Shared};

/// Handles on the threads, if there are any.
#[derive(Debug, Default)]
pub(super) struct Threads {
    syncer: Option<JoinHandle<()>>,
    allocator: Option<JoinHandle<()>>,
}

/// What the rest of the log knows of the thread that makes segments.
#[derive(Debug, Default)]
pub(super) struct Allocator {
    thread: std::sync::OnceLock<thread::Thread>,
    is_ending: AtomicBool,
}

impl Allocator {
    /// Says that the segment that was made ahead has been taken.
    pub(super) fn wake(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }
}

impl Threads {
    /// Starts the threads that the configuration asks for.
    pub(super) fn start(shared: &Arc<Shared>) -> io::Result<Self> {
        if !shared.config.has_threads {
            return Ok(Self::default());
        }
        let run = |name: &str, work: fn(&Shared)| {
            let shared = Arc::clone(shared);
            let builder = thread::Builder::new().name(name.to_owned());
            builder.spawn(move || work(&shared))
        };
        let mut threads = Self::default();
        let allocator = run("COMMIT-LOG-ALLOCATOR", allocate)?;
        shared.allocator.thread.get_or_init(|| allocator.thread().clone());
        threads.allocator = Some(allocator);
        match run("COMMIT-LOG-SYNCER", sync) {
            Ok(syncer) => threads.syncer = Some(syncer),
            Err(error) => {
                threads.stop(shared);
                return Err(error);
            }
        }
        Ok(threads)
    }

    /// Ends the threads and waits for them.
    pub(super) fn stop(&mut self, shared: &Shared) {
        shared.allocator.is_ending.store(true, Ordering::Release);
        shared.allocator.wake();
        shared.service.request(Request::End);
        for handle in [self.allocator.take(), self.syncer.take()].into_iter().flatten() {
            if handle.join().is_err() {
                tracing::error!("a thread of the commit log has panicked");
            }
        }
    }
}

/// Makes segments ahead until the log ends or stops.
fn allocate(shared: &Shared) {
    while !shared.allocator.is_ending.load(Ordering::Acquire) {
        if let Err(error) = shared.make_spare() {
            report(&error);
            return;
        }
        thread::park();
    }
}

/// Writes markers and syncs when they are due or asked for, until the log ends or stops.
fn sync(shared: &Shared) {
    let interval_ms = shared.config.marker_interval_ms();
    let interval_ms = interval_ms.unwrap_or_else(|| shared.config.sync_interval_ms());
    loop {
        let age_ms = shared
            .clock
            .monotonic_ms()
            .saturating_sub(shared.service.last_marker_ms());
        let left_ms = interval_ms.saturating_sub(age_ms).max(1);
        let done = match shared.service.await_request(left_ms) {
            Some(Request::End) => return,
            Some(Request::Sync) => shared.sync(),
            Some(Request::Write) => shared.write_marker(),
            None => shared.tick(),
        };
        if let Err(error) = done {
            report(&error);
            return;
        }
    }
}

fn report(error: &CommitLogError) {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::error!(%error, cause, "a thread of the commit log ends");
}
