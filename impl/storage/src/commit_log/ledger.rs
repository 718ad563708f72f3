//! What is dirty in each segment, and how old it is.
//!
//! Source: Cassandra `db.commitlog.CommitLogSegment.markDirty`, `markClean`.

use std::collections::BTreeMap;

use thymbra_durability::SegmentDirtiness;
use thymbra_types::{TableId, Timestamp};

/// What one mutation writes to one table, as far as the commit log is concerned.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LoggedUpdate {
    /// The table.
    pub table: TableId,
    /// The least timestamp of anything in the update.
    pub least_timestamp: Timestamp,
}

/// The tables of one segment.
#[derive(Debug)]
pub(super) struct SegmentLedger {
    dirtiness: SegmentDirtiness,
    /// The least timestamp of each table, flushed or not: the records can be replayed.
    least_timestamps: BTreeMap<TableId, Timestamp>,
    /// The records noted last, all of one table; not yet in the maps, which a write need not search.
    run: Option<Run>,
}

/// Records of one table that follow each other.
#[derive(Debug)]
struct Run {
    update: LoggedUpdate,
    start: u32,
    end: u32,
}

impl SegmentLedger {
    /// A segment without records.
    pub(super) const fn new(segment_id: i64) -> Self {
        Self {
            dirtiness: SegmentDirtiness::new(segment_id),
            least_timestamps: BTreeMap::new(),
            run: None,
        }
    }

    /// Notes a record by its start and its end.
    pub(super) fn note(&mut self, update: LoggedUpdate, start: u32, end: u32) {
        match &mut self.run {
            Some(run) if run.update.table == update.table => {
                run.end = end;
                let least = &mut run.update.least_timestamp;
                *least = (*least).min(update.least_timestamp);
            }
            Some(_) | None => {
                self.settle();
                self.run = Some(Run { update, start, end });
            }
        }
    }

    /// The dirtiness with all that was noted.
    pub(super) fn dirtiness(&mut self) -> &mut SegmentDirtiness {
        self.settle();
        &mut self.dirtiness
    }

    /// The least timestamp of a table's records.
    pub(super) fn least_timestamp(&mut self, table: TableId) -> Option<Timestamp> {
        self.settle();
        self.least_timestamps.get(&table).copied()
    }

    /// Forgets a table that was dropped.
    pub(super) fn forget(&mut self, table: TableId) {
        self.dirtiness().forget(table);
        self.least_timestamps.remove(&table);
    }

    fn settle(&mut self) {
        if let Some(Run { update, start, end }) = self.run.take() {
            self.dirtiness.mark_dirty(update.table, start, end);
            let least = self
                .least_timestamps
                .entry(update.table)
                .or_insert(update.least_timestamp);
            *least = (*least).min(update.least_timestamp);
        }
    }
}
