//! Segments that come next, and segments that may go.
//!
//! Source: Cassandra `db.commitlog.AbstractCommitLogSegmentManager`.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use thymbra_durability::{SegmentRules as _, SyncMode};
use thymbra_types::{CommitLogPosition, Reference, TableId, Timestamp};

use super::appender::{Appender, FinishedSegment};
use super::ledger::SegmentLedger;
use super::segment_file::{SegmentFile, SegmentLayout};
use super::sync_service::Request;
use super::{CommitLog, CommitLogConfig, CommitLogError, Shared};
use crate::disk::{Disk, DiskResult};

/// So many segments may wait for the sync of their end before a writer that fills another syncs
/// them itself: their bytes are in memory.
const UNSYNCED_SEGMENTS_COUNT: usize = 2;

/// The segments beside the one that allocates.
#[derive(Debug)]
pub(super) struct Segments {
    layout: SegmentLayout,
    /// The id that was given last. Whoever makes a segment holds it.
    last_id: Mutex<i64>,
    /// Segments that take no more records, by id.
    finished: Mutex<BTreeMap<i64, Finished>>,
    /// Whoever removes segments holds it.
    removing: Mutex<()>,
}

/// A segment that takes no more records.
#[derive(Debug)]
struct Finished {
    path: PathBuf,
    size_bytes: u64,
    is_synced: bool,
    ledger: SegmentLedger,
}

impl Segments {
    /// Makes the first segment.
    pub(super) fn begin(
        disk: &dyn Disk,
        config: &CommitLogConfig,
        first_id: i64,
    ) -> DiskResult<(Self, Arc<SegmentFile>)> {
        let layout = SegmentLayout {
            size_bytes: config.segment_size_bytes,
            is_compressed: config.is_compressed,
            is_zero_filled: match config.sync_mode {
                SyncMode::Periodic { .. } => false,
                SyncMode::Batch | SyncMode::Group { .. } => true,
            },
        };
        let first = SegmentFile::create(disk, &config.directory, first_id, layout)?;
        let segments = Self {
            layout,
            last_id: Mutex::new(first_id),
            finished: Mutex::default(),
            removing: Mutex::default(),
        };
        Ok((segments, Arc::new(first)))
    }

    /// Notes that the end of a segment is durable; the one that allocates is none of these.
    pub(super) fn note_synced(&self, file: &SegmentFile) {
        if let Some(finished) = self.finished().get_mut(&file.id) {
            finished.is_synced = true;
            finished.size_bytes = file.size_bytes();
        }
    }

    fn finish(&self, segment: FinishedSegment) {
        let FinishedSegment {
            file,
            ledger,
            is_synced,
        } = segment;
        let finished = Finished {
            path: file.path().to_path_buf(),
            size_bytes: file.size_bytes(),
            is_synced,
            ledger,
        };
        self.finished().insert(file.id, finished);
    }

    fn finished(&self) -> MutexGuard<'_, BTreeMap<i64, Finished>> {
        self.finished.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CommitLog {
    /// Notes that an SSTable holds all that a table has after `lower`, up to and including `upper`,
    /// and removes the segments that nobody needs any more.
    ///
    /// # Errors
    /// When a segment cannot be removed; the next call tries again.
    //= WP-CL-06
    pub fn discard_completed_segments(
        &self,
        table: TableId,
        lower: CommitLogPosition,
        upper: CommitLogPosition,
    ) -> Result<(), CommitLogError> {
        // A segment that finishes between the two steps is marked twice.
        self.shared.for_each_ledger(|ledger| {
            ledger.dirtiness().mark_clean(table, lower, upper);
        });
        self.shared.remove_unused()
    }

    /// Forgets a table that was dropped: nothing of it will be replayed.
    ///
    /// To be called again for a table of [`CommitLog::tables_to_flush`] that does not exist: a write
    /// may have been under way.
    ///
    /// # Errors
    /// When a segment cannot be removed; the next call tries again.
    pub fn forget_table(&self, table: TableId) -> Result<(), CommitLogError> {
        self.shared.for_each_ledger(|ledger| ledger.forget(table));
        self.shared.remove_unused()
    }

    /// The tables that must be flushed to bring the log under its size limit, mostly none; each with
    /// the newest of the segments to reclaim in which it is dirty.
    //= WP-CL-08
    #[must_use]
    pub fn tables_to_flush(&self) -> BTreeMap<TableId, i64> {
        let shared = &self.shared;
        let limit_bytes = shared.config.total_space_bytes;
        let total_bytes = self.size_bytes();
        if total_bytes <= limit_bytes {
            return BTreeMap::new();
        }
        let mut finished = shared.segments.finished();
        let sizes_bytes: Vec<_> = finished.values().map(|segment| segment.size_bytes).collect();
        let count = Reference.segments_to_reclaim(&sizes_bytes, total_bytes, limit_bytes);
        let mut tables = BTreeMap::new();
        for (id, segment) in finished.iter_mut().take(count) {
            let dirty = segment.ledger.dirtiness().dirty_tables(&Reference);
            tables.extend(dirty.map(|table| (table, *id)));
        }
        tables
    }

    /// The least timestamp of a table's records in all segments of this life, flushed or not; those
    /// could be replayed.
    #[must_use]
    pub fn least_timestamp(&self, table: TableId) -> Option<Timestamp> {
        let mut least: Option<Timestamp> = None;
        self.shared.for_each_ledger(|ledger| {
            let of_segment = ledger.least_timestamp(table);
            least = least.into_iter().chain(of_segment).min();
        });
        least
    }

    /// How many segments of this life there are.
    #[must_use]
    pub fn segments_count(&self) -> u64 {
        let spare_count = u64::from(self.shared.appender().has_spare());
        1 + spare_count + self.shared.segments.finished().len() as u64
    }

    /// Length of the segments of this life, bytes.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.shared.size_bytes.load(Ordering::Relaxed)
    }
}

impl Shared {
    /// Goes on in the next segment: that which was made ahead, or a new one.
    pub(super) fn advance(&self, mut appender: MutexGuard<'_, Appender>) -> Result<(), CommitLogError> {
        if appender.finished_count() >= UNSYNCED_SEGMENTS_COUNT {
            drop(appender);
            return self.sync();
        }
        let Some(finished) = appender.switch() else {
            drop(appender);
            return self.make_spare();
        };
        self.segments.finish(finished);
        drop(appender);
        if self.config.has_threads {
            self.allocator.wake();
            self.service.request(Request::Sync);
        }
        Ok(())
    }

    /// Makes a segment ahead, unless there is one.
    ///
    /// A failure stops the log: Cassandra's policy for the commit log knows no other.
    pub(super) fn make_spare(&self) -> Result<(), CommitLogError> {
        let last_id = &self.segments.last_id;
        let mut last_id = last_id.lock().unwrap_or_else(PoisonError::into_inner);
        self.service.check()?;
        if self.appender().has_spare() {
            return Ok(());
        }
        let Some(id) = Reference.next_segment_id(*last_id) else {
            return Err(CommitLogError::IdsUsedUp {
                highest_known_id: *last_id,
            });
        };
        let made = SegmentFile::create(&*self.disk, &self.config.directory, id, self.segments.layout);
        let file = made.map_err(|error| self.service.stop(error))?;
        *last_id = id;
        self.grow(file.size_bytes());
        self.appender().keep_spare(Arc::new(file));
        Ok(())
    }

    /// Removes the segment that was made ahead; and the first, if nothing was ever taken because earlier
    /// ones are still to be replayed.
    ///
    /// Without threads, which make and need segments. In any order: neither has a record.
    pub(super) fn discard_unused(&self) -> Result<(), CommitLogError> {
        let mut appender = self.appender();
        let spare = appender.take_spare();
        let first = (!self.is_replayed.load(Ordering::Acquire)).then(|| appender.file());
        drop(appender);
        if let Some(spare) = &spare {
            self.shrink(spare.size_bytes());
        }
        let unused: Vec<_> = spare.into_iter().chain(first).collect();
        let paths = unused.iter().map(|file| file.path());
        remove(&*self.disk, &self.config.directory, paths)
    }

    /// Removes the segments that hold nothing dirty.
    pub(super) fn remove_unused(&self) -> Result<(), CommitLogError> {
        let removing = &self.segments.removing;
        let _removing = removing.lock().unwrap_or_else(PoisonError::into_inner);
        let unused: Vec<_> = {
            let mut finished = self.segments.finished();
            let segments = finished.iter_mut();
            let unused = segments.filter_map(|(id, segment)| {
                let is_unused = segment.is_synced && segment.ledger.dirtiness().is_unused(&Reference);
                is_unused.then(|| (*id, segment.path.clone(), segment.size_bytes))
            });
            unused.collect()
        };
        let paths = unused.iter().map(|(_, path, _)| path.as_path());
        remove(&*self.disk, &self.config.directory, paths)?;
        for (id, _, size_bytes) in unused {
            self.segments.finished().remove(&id);
            self.shrink(size_bytes);
        }
        Ok(())
    }

    /// Notes that files have grown.
    pub(super) fn grow(&self, added_bytes: u64) {
        self.size_bytes.fetch_add(added_bytes, Ordering::Relaxed);
    }

    fn shrink(&self, removed_bytes: u64) {
        self.size_bytes.fetch_sub(removed_bytes, Ordering::Relaxed);
    }

    /// Looks at the segment that allocates, then at all that have finished.
    fn for_each_ledger(&self, mut look: impl FnMut(&mut SegmentLedger)) {
        look(self.appender().ledger());
        for segment in self.segments.finished().values_mut() {
            look(&mut segment.ledger);
        }
    }
}

/// Removes files, oldest first, and makes that durable; what is gone already is no error.
pub(super) fn remove<'p>(
    disk: &dyn Disk,
    directory: &Path,
    paths: impl IntoIterator<Item = &'p Path>,
) -> Result<(), CommitLogError> {
    let mut any = false;
    for path in paths {
        any = true;
        match disk.remove(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            removed => removed?,
        }
    }
    if any {
        disk.sync_directory(directory)?;
    }
    Ok(())
}
