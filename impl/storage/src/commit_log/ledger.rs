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

#[cfg(test)]
mod tests {
    use super::*;
    use thymbra_types::CommitLogPosition;

    const TABLES: [TableId; 2] = [TableId(1), TableId(2)];
    const SEGMENT_ID: i64 = 5;
    const RECORD_SIZE_BYTES: u32 = 10;

    /// A record of a table, with a timestamp.
    #[derive(Clone, Copy, Debug)]
    struct Record {
        table: TableId,
        timestamp: i64,
    }

    /// Every sequence of records of this length, of two tables and three timestamps.
    fn sequences(len: u32) -> impl Iterator<Item = Vec<Record>> {
        let record = |choice: usize| Record {
            table: TABLES[choice % 2],
            timestamp: [3, 7, 5][choice / 2],
        };
        (0..6_usize.pow(len)).map(move |choice| {
            let digits = (0..len).map(|place| choice / 6_usize.pow(place) % 6);
            digits.map(record).collect()
        })
    }

    fn at(position: u32) -> CommitLogPosition {
        CommitLogPosition {
            segment_id: SEGMENT_ID,
            position,
        }
    }

    /// Whether a table whose records up to a position are flushed still holds the segment.
    fn is_dirty_after(ledger: &mut SegmentLedger, table: TableId, lower: u32, upper: u32) -> bool {
        let mut dirtiness = ledger.dirtiness().clone();
        dirtiness.mark_clean(table, at(lower), at(upper));
        dirtiness
            .dirty_tables(&thymbra_types::Reference)
            .any(|dirty| dirty == table)
    }

    #[test]
    fn ledger_knows_of_each_table_what_all_its_records_say_together() {
        for records in (0..=4).flat_map(sequences) {
            // Whoever asks in between changes nothing.
            for asks in [false, true] {
                let mut ledger = SegmentLedger::new(SEGMENT_ID);
                let mut start = 0;
                for record in &records {
                    let update = LoggedUpdate {
                        table: record.table,
                        least_timestamp: Timestamp(record.timestamp),
                    };
                    ledger.note(update, start, start + RECORD_SIZE_BYTES);
                    start += RECORD_SIZE_BYTES;
                    if asks {
                        ledger.least_timestamp(TABLES[0]);
                    }
                }
                for table in TABLES {
                    let ends = (1..).zip(&records).filter(|(_, record)| record.table == table);
                    let ends: Vec<u32> = ends.map(|(count, _)| count * RECORD_SIZE_BYTES).collect();
                    let own = records.iter().filter(|record| record.table == table);
                    let least = own.map(|record| Timestamp(record.timestamp)).min();
                    assert_eq!(ledger.least_timestamp(table), least, "{records:?}");
                    for upper in 1..=start {
                        let first_start = ends.first().map(|end| end - RECORD_SIZE_BYTES);
                        let is_covered = ends.last().is_none_or(|last| *last <= upper);
                        let is_dirty = is_dirty_after(&mut ledger, table, 0, upper);
                        assert_eq!(is_dirty, !is_covered, "{records:?} {upper}");
                        let is_behind = first_start.is_some_and(|first| first < upper);
                        let is_dirty = is_dirty_after(&mut ledger, table, upper, u32::MAX);
                        assert_eq!(is_dirty, is_behind, "{records:?} {upper}");
                    }
                }
                let [forgotten, other] = TABLES;
                let least = ledger.least_timestamp(other);
                ledger.forget(forgotten);
                assert_eq!(ledger.least_timestamp(forgotten), None, "{records:?}");
                assert_eq!(ledger.least_timestamp(other), least, "{records:?}");
                let dirty: Vec<_> = ledger
                    .dirtiness()
                    .dirty_tables(&thymbra_types::Reference)
                    .collect();
                assert_eq!(dirty.len(), usize::from(least.is_some()), "{records:?}");
            }
        }
    }
}
