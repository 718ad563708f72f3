//! The commit log: what makes a write survive a crash before its memtable is flushed.
//!
//! Sits between a mutation and the memtable: a write is appended here first, and acknowledged when
//! the sync mode is satisfied. Flushes say what need not be replayed any more; segments that hold
//! nothing else are removed. At start the segments that are left are replayed. Decisions are those
//! of `thymbra-durability`, bytes those of `thymbra_format::commitlog`. Chapter:
//! `specs/06-commit-log.md`. Source: Cassandra `db.commitlog`.
//!
//! | module | what it does |
//! |---|---|
//! | [`config`] | settings |
//! | `appender` | gives records their place |
//! | `ledger` | knows what is dirty in which segment |
//! | `segment_file` | makes segments, writes sections |
//! | `sync_service` | who writes and syncs, and who waits for it |
//! | `writing` | turns: markers and syncs |
//! | `segments` | next segments, and those that may go |
//! | `replayer` | reads what earlier lives have left |
//! | `segment_end` | judges where a segment ends |
//! | `threads` | the threads of the log, if it has any |

use std::cell::RefCell;
use std::convert::Infallible;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use thymbra_durability::{CommitLogProgress, SegmentRules as _};
use thymbra_format::commitlog::{
    CommitLogDescriptor, MIN_MUTATION_SIZE_BYTES, RECORD_OVERHEAD_BYTES, write_record,
};
use thymbra_types::{CommitLogPosition, Reference};

use crate::clock::Clock;
use crate::disk::{self, Disk};
use appender::Appender;
use replayer::{Replayer, SegmentName};
use segments::Segments;
use sync_service::{Request, SyncService};
use threads::{Allocator, Threads};

mod appender;
pub mod config;
mod error;
mod ledger;
mod replayer;
mod segment_end;
mod segment_file;
mod segments;
mod sync_service;
#[cfg(test)]
mod tests;
mod threads;
mod writing;

pub use config::CommitLogConfig;
pub use error::CommitLogError;
pub use ledger::LoggedUpdate;
pub use replayer::{ReplayRecord, ReplaySummary};
pub use segment_end::{LastWritten, SEGMENT_HEAD_SIZE_BYTES, SegmentEnd};

/// With this much waiting, the thread of the log writes before its time, bytes.
const EARLY_WRITE_BYTES: usize = 1 << 20;
/// Buffers for records that are larger than this are not kept, bytes.
const KEPT_RECORD_BYTES: usize = 1 << 20;

thread_local! {
    /// The record that a thread appends, put together before it takes the lock.
    static RECORD: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The commit log of a node; threads share it.
///
/// Dropping it without [`CommitLog::close`] is the end of the process: records that no marker
/// publishes are lost.
#[derive(Debug)]
pub struct CommitLog {
    shared: Arc<Shared>,
    threads: Mutex<Threads>,
}

/// What the log and its threads share.
#[derive(Debug)]
struct Shared {
    config: CommitLogConfig,
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
    appender: Mutex<Appender>,
    service: SyncService,
    segments: Segments,
    allocator: Allocator,
    /// For bytes of a compressed section; whoever has the turn holds it.
    scratch: Mutex<Vec<u8>>,
    /// Segments of earlier lives, oldest first, until they are removed.
    earlier: Mutex<Vec<SegmentName>>,
    /// Whether none is left.
    is_replayed: AtomicBool,
    /// Length of the segments of this life, bytes.
    size_bytes: AtomicU64,
}

impl CommitLog {
    /// Opens the log in its directory, which is made if it is missing.
    ///
    /// A first segment is made, with an id above all that are known; segments of earlier lives are
    /// kept. If there are any, they are to be read by [`CommitLog::replay`] and removed by
    /// [`CommitLog::discard_replayed`], before a mutation is taken.
    ///
    /// # Errors
    /// When a setting is wrong, ids are used up, or the disk fails.
    //= WP-CL-07
    pub fn open(
        config: CommitLogConfig,
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, CommitLogError> {
        config.validate()?;
        disk::create_directory_durably(&*disk, &config.directory)?;
        let files = list_segments(&*disk, &config.directory)?;
        let highest = files.iter().map(|segment| segment.id).max();
        let highest_known_id = highest.max(config.highest_known_id);
        let now_ms = i64::try_from(clock.now_ms()).unwrap_or(i64::MAX);
        let used_up = CommitLogError::IdsUsedUp {
            highest_known_id: highest_known_id.unwrap_or(now_ms),
        };
        let Some(base) = Reference.segment_id_base(now_ms, highest_known_id) else {
            return Err(used_up);
        };
        let Some(first_id) = Reference.next_segment_id(base) else {
            return Err(used_up);
        };
        let is_earlier = |segment: &SegmentName| Reference.is_of_earlier_life(segment.id, base);
        let earlier: Vec<_> = files.into_iter().filter(is_earlier).collect();

        let (segments, first) = Segments::begin(&*disk, &config, first_id)?;
        let is_replayed = earlier.is_empty();
        let size_bytes = first.size_bytes();
        let appender = Appender::new(first);
        let led_by_writers = sync_service::writers_lead(&config.sync_mode, config.has_threads);
        let service = SyncService::new(appender.position(), clock.monotonic_ms(), led_by_writers);
        let shared = Arc::new(Shared {
            disk,
            clock,
            appender: Mutex::new(appender),
            service,
            segments,
            allocator: Allocator::default(),
            scratch: Mutex::default(),
            earlier: Mutex::new(earlier),
            is_replayed: AtomicBool::new(is_replayed),
            size_bytes: AtomicU64::new(size_bytes),
            config,
        });
        let log = Self {
            shared,
            threads: Mutex::default(),
        };
        let threads = Threads::start(&log.shared).map_err(CommitLogError::Threads)?;
        *log.threads() = threads;
        Ok(log)
    }

    /// Visits the records of earlier lives that end behind a position, in the order of appends.
    ///
    /// The caller decides which of them to apply, see
    /// [`ReplayRules`](thymbra_durability::ReplayRules). May be called again.
    ///
    /// # Errors
    /// When the disk fails, a segment is damaged where no crash could damage it, or the visitor fails.
    //= WP-CL-04
    pub fn replay<E: From<CommitLogError>>(
        &self,
        start: CommitLogPosition,
        visit: impl FnMut(ReplayRecord<'_>) -> Result<(), E>,
    ) -> Result<ReplaySummary, E> {
        let segments = self.shared.earlier().clone();
        let replayer = Replayer {
            disk: &*self.shared.disk,
            segments: &segments,
        };
        replayer.replay(start, visit)
    }

    /// Removes the segments of earlier lives, once all that was replayed is in SSTables. Mutations
    /// are taken from then on.
    ///
    /// Not before: the torn tail of the last of them would be damage in the middle of the log.
    ///
    /// # Errors
    /// When the disk fails; then nothing is taken, and this can be tried again.
    pub fn discard_replayed(&self) -> Result<(), CommitLogError> {
        let mut earlier = self.shared.earlier();
        for segment in earlier.iter() {
            segment_file::end_earlier(&*self.shared.disk, &segment.path)?;
        }
        let paths = earlier.iter().map(|segment| segment.path.as_path());
        segments::remove(&*self.shared.disk, &self.shared.config.directory, paths)?;
        earlier.clear();
        self.shared.is_replayed.store(true, Ordering::Release);
        Ok(())
    }

    /// Appends a mutation; the end of its record.
    ///
    /// It is neither synced nor may it be acknowledged before [`CommitLog::await_acknowledgement`].
    ///
    /// # Errors
    /// When the mutation is too large, or the log has stopped; nothing is appended then.
    ///
    /// # Panics
    /// When the mutation has fewer than 10 bytes, which none has.
    pub fn add(
        &self,
        mutation: &[u8],
        updates: impl IntoIterator<Item = LoggedUpdate>,
    ) -> Result<CommitLogPosition, CommitLogError> {
        if !self.shared.is_replayed.load(Ordering::Acquire) {
            return Err(CommitLogError::NotReplayed);
        }
        RECORD.with_borrow_mut(|record| {
            record.clear();
            let Ok(()) = write_record(record, |record| {
                record.extend_from_slice(mutation);
                Ok::<_, Infallible>(())
            });
            let appended = self.shared.append(record, updates);
            if record.capacity() > KEPT_RECORD_BYTES {
                *record = Vec::new();
            }
            appended
        })
    }

    /// Waits until a record may be acknowledged: in batch and group mode until it is synced, in
    /// periodic mode until the last sync is not too old.
    ///
    /// # Errors
    /// When the log has stopped: nothing is known of the record then.
    //= WP-CL-02
    pub fn await_acknowledgement(&self, position: CommitLogPosition) -> Result<(), CommitLogError> {
        self.shared
            .await_acknowledgement(position, self.shared.clock.monotonic_ms())
    }

    /// What a writer may know that has appended a record at some time of the stop watch, without
    /// waiting.
    ///
    /// # Errors
    /// When the log has stopped.
    pub fn progress(
        &self,
        position: CommitLogPosition,
        now_ms: u64,
    ) -> Result<CommitLogProgress, CommitLogError> {
        let service = &self.shared.service;
        service.check()?;
        Ok(CommitLogProgress {
            appended: position,
            synced_to: service.synced_to(),
            last_sync_started_ms: service.last_sync_started_ms(),
            now_ms,
        })
    }

    /// The position behind everything that has been appended.
    #[must_use]
    pub fn current_position(&self) -> CommitLogPosition {
        self.shared.appender().position()
    }

    /// Everything that ends here or before is durable.
    #[must_use]
    pub fn synced_position(&self) -> CommitLogPosition {
        self.shared.service.synced_to()
    }

    /// Makes everything durable that has been appended.
    ///
    /// # Errors
    /// When the disk fails, or has failed before: the log has stopped.
    pub fn sync(&self) -> Result<(), CommitLogError> {
        self.shared.sync()
    }

    /// Writes what has been appended and publishes it by a marker, so that it survives the end of the
    /// process. A compressed log does that only by syncs.
    ///
    /// # Errors
    /// When the disk fails, or has failed before: the log has stopped.
    //= WP-CL-03
    pub fn write_marker(&self) -> Result<(), CommitLogError> {
        self.shared.write_marker()
    }

    /// Does what is due by the clock: a sync, or a marker.
    ///
    /// # Errors
    /// When the disk fails, or has failed before: the log has stopped.
    pub fn tick(&self) -> Result<(), CommitLogError> {
        self.shared.tick()
    }

    /// Takes no more, syncs what was taken, ends the threads, and removes the segments that nothing is in:
    /// that which was made ahead, and where earlier ones are still to be replayed, the first too.
    ///
    /// # Errors
    /// When the disk fails, or has failed before; the threads have ended all the same.
    pub fn close(&self) -> Result<(), CommitLogError> {
        self.shared.appender().close();
        self.threads().stop(&self.shared);
        self.shared.sync()?;
        self.shared.discard_unused()
    }

    fn threads(&self) -> MutexGuard<'_, Threads> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for CommitLog {
    /// A start that fails before its replay is done leaves no segment of its own: there may be many such
    /// starts, and nothing is in those segments.
    fn drop(&mut self) {
        self.threads().stop(&self.shared);
        if self.shared.is_closed_or_replayed() {
            return;
        }
        if let Err(error) = self.shared.discard_unused() {
            // The next start passes over them, and removes them with the others.
            tracing::warn!(%error, "commit log segments without records are still there");
        }
    }
}

impl Shared {
    fn append(
        &self,
        record: &[u8],
        updates: impl IntoIterator<Item = LoggedUpdate>,
    ) -> Result<CommitLogPosition, CommitLogError> {
        let size_bytes = record.len() as u64;
        let mutation_bytes = size_bytes.saturating_sub(RECORD_OVERHEAD_BYTES as u64);
        assert!(
            mutation_bytes >= MIN_MUTATION_SIZE_BYTES as u64,
            "a serialized mutation has a keyspace, a key and a table"
        );
        let limit_bytes = self.config.max_record_size_bytes();
        if !Reference.accepts_mutation_size(mutation_bytes, limit_bytes) {
            return Err(CommitLogError::MutationTooLarge {
                size_bytes: mutation_bytes,
                limit_bytes,
            });
        }
        loop {
            self.service.check()?;
            let mut appender = self.appender();
            if appender.is_closed() {
                return Err(CommitLogError::Closed);
            }
            if !appender.fits(size_bytes) {
                self.advance(appender)?;
                continue;
            }
            let before = appender.pending_bytes();
            let position = appender.append(record, updates);
            let after = appender.pending_bytes();
            drop(appender);
            if before < EARLY_WRITE_BYTES && after >= EARLY_WRITE_BYTES && self.writes_early() {
                self.service.request(Request::Write);
            }
            return Ok(position);
        }
    }

    /// Whether there is a thread that writes between two syncs.
    const fn writes_early(&self) -> bool {
        self.config.has_threads && self.config.marker_interval_ms().is_some()
    }

    /// Whether the log has been closed, or its first segment may have records.
    fn is_closed_or_replayed(&self) -> bool {
        self.appender().is_closed() || self.is_replayed.load(Ordering::Acquire)
    }

    /// Fields are consistent between statements, whoever panics.
    fn appender(&self) -> MutexGuard<'_, Appender> {
        self.appender.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn earlier(&self) -> MutexGuard<'_, Vec<SegmentName>> {
        self.earlier.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The segments in a directory, oldest first; those that were never finished are removed.
fn list_segments(disk: &dyn Disk, directory: &Path) -> Result<Vec<SegmentName>, CommitLogError> {
    let mut segments = Vec::new();
    for entry in disk.list(directory)? {
        let path = directory.join(&entry.name);
        let unfinished = entry.name.strip_suffix(segment_file::UNFINISHED_SUFFIX);
        if unfinished.is_some_and(|name| CommitLogDescriptor::parse_file_name(name).is_some()) {
            disk.remove(&path)?;
        } else if let Some((_, id)) = CommitLogDescriptor::parse_file_name(&entry.name) {
            segments.push(SegmentName { id, path });
        }
    }
    segments.sort_unstable_by_key(|segment| segment.id);
    Ok(segments)
}
