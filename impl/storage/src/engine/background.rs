//! Work that nobody waits for: syncs, flushes of full memtables, compactions.
//!
//! With threads it happens by itself; without, [`StorageEngine::tick`] does what is due. Source:
//! Cassandra `db.compaction.CompactionManager`, `service.StorageService.drain`.

use super::{Shared, StorageEngine};
use crate::compaction;
use crate::retry::Complaints;
use crate::storage_error::{StorageError, first_error};
use crate::sync::{lock, write};
use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use thymbra_types::TableId;

/// How often the threads look for work that nobody signals: flush periods, tombstone compactions, what
/// has failed.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// What wakes the threads, and writers that wait for memory.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    /// Counts what has happened; whoever waits looks whether it has changed.
    events: Mutex<u64>,
    changed: Condvar,
}

impl Signals {
    /// Something has happened that others may wait for.
    pub(crate) fn notify(&self) {
        *lock(&self.events) += 1;
        self.changed.notify_all();
    }

    /// How much has happened so far.
    pub(crate) fn events_count(&self) -> u64 {
        *lock(&self.events)
    }

    /// Waits until more has happened than so much, or for a time.
    pub(crate) fn wait_behind(&self, seen_count: u64, timeout: Duration) {
        let events = lock(&self.events);
        drop(
            self.changed
                .wait_timeout_while(events, timeout, |events| *events == seen_count),
        );
    }

    /// Waits until something happens, or for a while.
    pub(super) fn wait_a_while(&self) {
        self.wait_behind(self.events_count(), POLL_INTERVAL);
    }
}

/// The threads of an engine.
#[derive(Debug)]
pub(super) struct BackgroundThreads {
    threads: Vec<JoinHandle<()>>,
}

/// What a thread does until it ends.
type ThreadBody = Box<dyn FnOnce() + Send>;

impl BackgroundThreads {
    /// As many threads flush as the settings say, one compacts; the commit log has its own.
    pub(super) fn start(shared: &Arc<Shared>) -> Result<Self, StorageError> {
        Self::start_by(shared, |name, body| {
            thread::Builder::new().name(name.to_owned()).spawn(body)
        })
    }

    /// The same with threads from somewhere. If there are too few, none is left.
    fn start_by(
        shared: &Arc<Shared>,
        mut spawn: impl FnMut(&str, ThreadBody) -> io::Result<JoinHandle<()>>,
    ) -> Result<Self, StorageError> {
        let (of_flushes, of_compactions) = (Arc::default(), Arc::default());
        let writers = (0..shared.config.memtable_flush_writers).map(|_| {
            (
                "MemtableFlushWriter",
                Shared::flush_what_is_due as Work,
                &of_flushes,
            )
        });
        let compactor = (
            "CompactionExecutor",
            Shared::compact_what_is_due as Work,
            &of_compactions,
        );
        let mut started = Self { threads: Vec::new() };
        for (name, work, complaints) in writers.chain([compactor]) {
            let (working, complaints) = (Arc::clone(shared), Arc::clone(complaints));
            match spawn(name, Box::new(move || run(&working, work, &complaints))) {
                Ok(thread) => started.threads.push(thread),
                Err(error) => {
                    shared.is_closed.store(true, Ordering::SeqCst);
                    shared.signals.notify();
                    started.join();
                    return Err(StorageError::Thread(error));
                }
            }
        }
        Ok(started)
    }

    /// Waits for the threads, which stop because the engine is closed.
    pub(super) fn join(self) {
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the background has panicked, and not in its work");
            }
        }
    }
}

/// Does what is due, and says whether there was anything.
type Work = fn(&Shared) -> Result<bool, StorageError>;

/// Works until the engine is closed; what fails is said, and due again after a pause.
///
/// A panic is such a failure: the threads of Cassandra's executors go on too, and writers may wait for
/// what this one does.
fn run(shared: &Shared, work: Work, complaints: &Complaints) {
    while !shared.is_closed.load(Ordering::SeqCst) {
        match catch_unwind(AssertUnwindSafe(|| work(shared))) {
            Ok(Ok(true)) => shared.signals.notify(),
            Ok(Ok(false)) => shared.signals.wait_a_while(),
            Ok(Err(StorageError::Closed)) => {}
            Ok(Err(error)) => {
                if let Some(unsaid_count) = complaints.failed(shared.clock.monotonic_ms()) {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, unsaid_count, "background work failed, and is tried again");
                }
                shared.signals.wait_a_while();
            }
            Err(panic) => {
                if let Some(unsaid_count) = complaints.failed(shared.clock.monotonic_ms()) {
                    let message = message_of(&*panic);
                    tracing::error!(
                        message,
                        unsaid_count,
                        "background work panicked, and is tried again"
                    );
                }
                shared.signals.wait_a_while();
            }
        }
    }
}

/// What a panic says, if it says it in words.
fn message_of(panic: &(dyn Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    owned
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or_default()
}

impl StorageEngine {
    /// Does all background work that is due: markers and syncs of the commit log, flushes, and
    /// compactions, until nothing is due any more.
    ///
    /// # Errors
    /// The first that occurs; what is left is due at the next call, and what has failed after a pause.
    pub fn tick(&self) -> Result<(), StorageError> {
        let shared = &self.shared;
        let _work = shared.begin_work()?;
        shared.commit_log.tick()?;
        while shared.flush_what_is_due()? {}
        while shared.compact_what_is_due()? {}
        Ok(())
    }

    /// Merges all SSTables of a table into one.
    ///
    /// # Errors
    /// When there is no such table, the disk fails, or a file is corrupt; and when it is ended early, because the
    /// table is truncated or dropped, or the engine closed. The SSTables stay then.
    pub fn compact(&self, table: TableId) -> Result<(), StorageError> {
        let _work = self.shared.begin_work()?;
        let table = self.shared.table(table)?;
        compaction::compact_all(&self.shared, &table)
    }

    /// Does the compaction that the table's strategy wants next; false when it wants none.
    ///
    /// # Errors
    /// As [`StorageEngine::compact`].
    pub fn compact_next(&self, table: TableId) -> Result<bool, StorageError> {
        let _work = self.shared.begin_work()?;
        let table = self.shared.table(table)?;
        compaction::compact_next(&self.shared, &table)
    }

    /// Stops the background work, syncs the commit log, and takes no more calls. Compactions end early.
    ///
    /// Memtables are flushed where the commit log does not have what is in them: in keyspaces
    /// without durable writes. Cassandra: `StorageService.drain` at the end of the process.
    ///
    /// # Errors
    /// When the last sync fails, or one of those flushes; this may be called again then.
    pub fn close(&self) -> Result<(), StorageError> {
        let mut has_closed = lock(&self.has_closed);
        if *has_closed {
            return Ok(());
        }
        let shared = &self.shared;
        shared.is_closed.store(true, Ordering::SeqCst);
        shared.signals.notify();
        let threads = lock(&self.threads).take();
        if let Some(threads) = threads {
            threads.join();
        }
        // Calls that have not seen the end are over then, and what they wrote is synced and flushed.
        drop(write(&shared.work));
        drop(write(&shared.tables));
        let log_closed = shared.commit_log.close().map_err(StorageError::from);
        let tables = shared.all_tables().into_iter();
        let flushed = tables.filter(|table| !table.is_dropping()).map(|table| {
            if shared.durable_writes(table.keyspace())? {
                return Ok(());
            }
            shared.flush(&table)
        });
        first_error([log_closed, first_error(flushed)])?;
        lock(&shared.locks).clear();
        *has_closed = true;
        Ok(())
    }
}

impl Drop for StorageEngine {
    /// As a crash of the process: the threads stop where they are, and nothing is synced.
    fn drop(&mut self) {
        self.shared.is_closed.store(true, Ordering::SeqCst);
        self.shared.signals.notify();
        let threads = lock(&self.threads).take();
        if let Some(threads) = threads {
            threads.join();
        }
    }
}

impl Shared {
    /// Does the next compaction of each table that is due; false when there is none. What fails keeps
    /// no other table from being compacted.
    fn compact_what_is_due(&self) -> Result<bool, StorageError> {
        if !self.config.is_autocompaction_enabled {
            return Ok(false);
        }
        let mut has_compacted = false;
        let compacted = self.all_tables().into_iter().map(|table| {
            match compaction::compact_what_is_due(self, &table) {
                Ok(is_done) => has_compacted |= is_done,
                Err(StorageError::CompactionInterrupted { table }) => {
                    tracing::info!(%table, "a compaction was ended early");
                }
                Err(error) => return Err(error),
            }
            Ok(())
        });
        first_error(compacted)?;
        Ok(has_compacted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Background, Config, ManualClock, SimulatedDisk};

    /// Those that have been started would keep the directories locked for as long as the process lives.
    #[test]
    fn engine_that_gets_too_few_threads_leaves_none() {
        let config = || Config {
            background: Background::Manual,
            ..Config::under("/node")
        };
        let disk = SimulatedDisk::new();
        let open = || {
            let clock = Arc::new(ManualClock::at_ms(1_000_000));
            StorageEngine::open(config(), Arc::new(disk.clone()), clock)
        };
        let engine = open().expect("the engine opens");
        let mut started_count = 0;
        let started = BackgroundThreads::start_by(&engine.shared, |_, body| {
            if started_count == 2 {
                return Err(io::Error::from(io::ErrorKind::WouldBlock));
            }
            started_count += 1;
            thread::Builder::new().spawn(body)
        });
        assert!(matches!(started, Err(StorageError::Thread(_))));
        assert_eq!(Arc::strong_count(&engine.shared), 1);
        drop(engine);
        open().expect("nobody has the directories");
    }
}
