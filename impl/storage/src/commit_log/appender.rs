//! Where records get their place: the segment that allocates, and its bytes that are not in the file yet.
//!
//! All of it is under one lock, which a writer holds for the time of a copy. Source: Cassandra
//! `db.commitlog.CommitLogSegment.allocate`, `sync`, `discardUnusedTail`.

use std::mem;
use std::sync::Arc;

use thymbra_durability::SegmentRules as _;
use thymbra_format::commitlog::SYNC_MARKER_SIZE_BYTES;
use thymbra_types::{CommitLogPosition, Reference};

use super::ledger::{LoggedUpdate, SegmentLedger};
use super::segment_file::{Section, SegmentFile};

/// Buffers that are kept for later use; more are freed.
const SPARE_BUFFERS_COUNT: usize = 3;

/// Records of one segment that are to be written.
pub(super) type PendingSection = (Arc<SegmentFile>, Section);

/// A segment that takes no more records.
#[derive(Debug)]
pub(super) struct FinishedSegment {
    /// Its file.
    pub(super) file: Arc<SegmentFile>,
    /// What was in it.
    pub(super) ledger: SegmentLedger,
    /// Whether all of it has been handed over to be synced.
    pub(super) is_synced: bool,
}

/// The segment that allocates.
///
/// Invariants: `header_end + 8 <= marker_position + 8 <= written_to <= allocated_to`, and
/// `allocated_to - written_to` is the length of `bytes`.
#[derive(Debug)]
pub(super) struct Appender {
    file: Arc<SegmentFile>,
    /// Where the marker of the section stands that records go into.
    marker_position: u32,
    /// Up to here bytes were handed over to be written.
    written_to: u32,
    /// Up to here positions are taken.
    allocated_to: u32,
    /// Whether the marker of a further section found no room: the segment takes no more.
    is_full: bool,
    /// Whether the log takes no more.
    is_closed: bool,
    /// Records behind `written_to`.
    bytes: Vec<u8>,
    ledger: SegmentLedger,
    /// The last sections of earlier segments, oldest first.
    finished: Vec<PendingSection>,
    /// The segment that comes next, made ahead.
    spare: Option<Arc<SegmentFile>>,
    /// Empty buffers.
    buffers: Vec<Vec<u8>>,
}

impl Appender {
    /// Begins in a new segment.
    pub(super) fn new(file: Arc<SegmentFile>) -> Self {
        let marker_position = file.header_end;
        let begin = marker_position + SYNC_MARKER_SIZE_BYTES;
        Self {
            ledger: SegmentLedger::new(file.id),
            file,
            marker_position,
            written_to: begin,
            allocated_to: begin,
            is_full: false,
            is_closed: false,
            bytes: Vec::new(),
            finished: Vec::new(),
            spare: None,
            buffers: Vec::new(),
        }
    }

    /// The end of the last record, or of the marker behind it.
    pub(super) fn position(&self) -> CommitLogPosition {
        self.at(self.allocated_to)
    }

    /// Whether the log takes no more.
    pub(super) const fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Takes no more from now on.
    pub(super) const fn close(&mut self) {
        self.is_closed = true;
    }

    /// Bytes that wait to be written.
    pub(super) const fn pending_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// What is in the segment that allocates.
    pub(super) const fn ledger(&mut self) -> &mut SegmentLedger {
        &mut self.ledger
    }

    /// Whether as many bytes fit into what is left of the segment.
    pub(super) fn fits(&self, size_bytes: u64) -> bool {
        !self.is_full && Reference.fits(self.allocated_to, size_bytes, self.file.layout.size_bytes)
    }

    /// Takes a record that fits; its end.
    pub(super) fn append(
        &mut self,
        record: &[u8],
        updates: impl IntoIterator<Item = LoggedUpdate>,
    ) -> CommitLogPosition {
        let start = self.allocated_to;
        self.allocate(record.len());
        self.bytes.extend_from_slice(record);
        for update in updates {
            self.ledger.note(update, start, self.allocated_to);
        }
        self.position()
    }

    /// The records that are not in the file, to be published without a sync.
    ///
    /// The section stays open: later records go into it too.
    pub(super) fn take_for_marker(&mut self) -> Option<PendingSection> {
        if self.bytes.is_empty() {
            return None;
        }
        Some((Arc::clone(&self.file), self.take_section()))
    }

    /// The records that are not in the file, if any, to be synced with those of the section that
    /// are; `None` if all is synced. The next section begins.
    pub(super) fn take_for_sync(&mut self) -> Option<PendingSection> {
        if !self.has_unsynced() {
            return None;
        }
        let section = self.take_section();
        let marker_position = self.allocated_to;
        if self.fits(u64::from(SYNC_MARKER_SIZE_BYTES)) {
            self.allocated_to += SYNC_MARKER_SIZE_BYTES;
            self.marker_position = marker_position;
            self.written_to = self.allocated_to;
        } else {
            self.is_full = true;
        }
        Some((Arc::clone(&self.file), section))
    }

    /// The segment that allocates.
    pub(super) fn file(&self) -> Arc<SegmentFile> {
        Arc::clone(&self.file)
    }

    /// Whether a next segment was made ahead.
    pub(super) const fn has_spare(&self) -> bool {
        self.spare.is_some()
    }

    /// Keeps a segment for later.
    pub(super) fn keep_spare(&mut self, file: Arc<SegmentFile>) {
        self.spare = Some(file);
    }

    /// Gives back the segment that was kept.
    pub(super) const fn take_spare(&mut self) -> Option<Arc<SegmentFile>> {
        self.spare.take()
    }

    /// How many earlier segments wait for the sync of their last section.
    pub(super) const fn finished_count(&self) -> usize {
        self.finished.len()
    }

    /// The last sections of earlier segments, oldest first; they must be synced before anything is
    /// written to a later segment.
    pub(super) fn take_finished(&mut self) -> Vec<PendingSection> {
        mem::take(&mut self.finished)
    }

    /// Goes on in the segment that was kept; `None` if there is none.
    pub(super) fn switch(&mut self) -> Option<FinishedSegment> {
        let file = self.spare.take()?;
        // A compressed segment still gets its end.
        let is_synced = !self.has_unsynced() && !self.file.layout.is_compressed;
        if !is_synced {
            let section = self.take_section();
            self.finished.push((Arc::clone(&self.file), section));
        }
        let begin = file.header_end + SYNC_MARKER_SIZE_BYTES;
        self.marker_position = file.header_end;
        self.written_to = begin;
        self.allocated_to = begin;
        self.is_full = false;
        let mut ledger = mem::replace(&mut self.ledger, SegmentLedger::new(file.id));
        ledger.dirtiness().finish_allocating();
        Some(FinishedSegment {
            file: mem::replace(&mut self.file, file),
            ledger,
            is_synced,
        })
    }

    /// Takes a buffer back whose records were written.
    pub(super) fn recycle(&mut self, mut buffer: Vec<u8>) {
        if self.buffers.len() < SPARE_BUFFERS_COUNT {
            buffer.clear();
            self.buffers.push(buffer);
        }
    }

    fn at(&self, position: u32) -> CommitLogPosition {
        CommitLogPosition {
            segment_id: self.file.id,
            position,
        }
    }

    /// Takes positions that fit.
    fn allocate(&mut self, size_bytes: usize) {
        self.allocated_to += u32::try_from(size_bytes).expect("what fits into a segment is below 2 GiB");
    }

    /// Whether the open section has records; those of a full segment were taken when it became full.
    const fn has_unsynced(&self) -> bool {
        let begin = self.marker_position + SYNC_MARKER_SIZE_BYTES;
        !self.is_full && self.allocated_to > begin
    }

    fn take_section(&mut self) -> Section {
        let empty = self.buffers.pop().unwrap_or_default();
        let section = Section {
            marker_position: self.marker_position,
            begin: self.written_to,
            end: self.allocated_to,
            bytes: mem::replace(&mut self.bytes, empty),
        };
        self.written_to = self.allocated_to;
        section
    }
}
