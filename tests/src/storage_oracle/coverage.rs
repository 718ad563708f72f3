//! What runs must have met, so that a green run means something.

use std::collections::BTreeMap;
use std::fmt;
use thymbra_storage::{EngineStatistics, TableStatistics};

/// Something that a set of runs must have met at least once.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Met {
    /// Replay applied an update.
    ReplayApplied,
    /// Replay skipped an update that an SSTable or a truncation covers.
    ReplaySkipped,
    /// Replay ended at a torn tail.
    TornTail,
    /// A crash left files of an unfinished transaction, which were removed.
    LeftoversRemoved,
    /// A crash image differed from the disk that the process saw.
    SomethingLost,
    /// A flush finished before an older one of its table.
    FlushesOutOfOrder,
    /// A flush was given up.
    FlushAbandoned,
    /// The commit log had several segments.
    SegmentSwitched,
    /// A segment was removed because all in it was flushed.
    SegmentDiscarded,
    /// A compaction merged SSTables.
    CompactionMerged,
    /// A compaction forgot a tombstone.
    TombstonePurged,
    /// A compaction forgot a whole partition.
    PartitionPurged,
    /// A compaction kept a tombstone because older data may lie elsewhere.
    TombstoneKept,
    /// An SSTable was dropped unread because all in it had expired.
    ExpiredSSTableDropped,
    /// A read skipped an SSTable that a newer deletion covers.
    SkippedByTimestamp,
    /// A read skipped an SSTable because all of the row that was asked for is newer.
    SkippedByNewerRow,
    /// A read skipped an SSTable that has no row that was asked for.
    SkippedByClustering,
    /// A read skipped an SSTable by key range, filter or index.
    SkippedByFilter,
    /// A reader saw a row that a flush and a compaction had moved.
    ReadFromSSTable,
    /// A crash left open what survived, and it was found to be less than everything.
    UnsyncedWriteLost,
    /// The same, and some of it survived.
    UnsyncedWriteKept,
    /// A table was emptied.
    Truncated,
    /// A column with data was dropped.
    ColumnDropped,
}

impl Met {
    /// Everything, in the order of the list.
    pub const ALL: [Self; 23] = [
        Self::ReplayApplied,
        Self::ReplaySkipped,
        Self::TornTail,
        Self::LeftoversRemoved,
        Self::SomethingLost,
        Self::FlushesOutOfOrder,
        Self::FlushAbandoned,
        Self::SegmentSwitched,
        Self::SegmentDiscarded,
        Self::CompactionMerged,
        Self::TombstonePurged,
        Self::PartitionPurged,
        Self::TombstoneKept,
        Self::ExpiredSSTableDropped,
        Self::SkippedByTimestamp,
        Self::SkippedByNewerRow,
        Self::SkippedByClustering,
        Self::SkippedByFilter,
        Self::ReadFromSSTable,
        Self::UnsyncedWriteLost,
        Self::UnsyncedWriteKept,
        Self::Truncated,
        Self::ColumnDropped,
    ];
}

/// How often each was met.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Coverage {
    counts: BTreeMap<Met, u64>,
}

impl Coverage {
    /// Counts something.
    pub fn meet(&mut self, met: Met, count: u64) {
        if count > 0 {
            *self.counts.entry(met).or_default() += count;
        }
    }

    /// Counts what another run met.
    pub fn add(&mut self, other: &Self) {
        for (met, count) in &other.counts {
            self.meet(*met, *count);
        }
    }

    /// Counts what an engine did between its opening and now.
    pub fn add_life(&mut self, statistics: &EngineStatistics) {
        self.meet(Met::ReplayApplied, statistics.replayed_count);
        self.meet(Met::ReplaySkipped, statistics.replay_skipped_count);
        self.meet(Met::TornTail, u64::from(statistics.has_met_torn_tail));
        self.meet(Met::LeftoversRemoved, statistics.leftovers_removed_count);
        for table in statistics.tables.values() {
            self.add_table(table);
        }
    }

    fn add_table(&mut self, table: &TableStatistics) {
        for (met, count) in [
            (Met::FlushesOutOfOrder, table.flushes_out_of_order_count),
            (
                Met::CompactionMerged,
                table
                    .sstables_compacted_count
                    .saturating_sub(table.compactions_count),
            ),
            (Met::TombstonePurged, table.partitions_purged_count),
            (Met::PartitionPurged, table.partitions_removed_count),
            (Met::TombstoneKept, table.tombstones_kept_for_older_data_count),
            (Met::ExpiredSSTableDropped, table.expired_sstables_dropped_count),
            (Met::SkippedByTimestamp, table.sstables_skipped_by_timestamp_count),
            (Met::SkippedByNewerRow, table.sstables_skipped_by_newer_row_count),
            (
                Met::SkippedByClustering,
                table.sstables_skipped_by_clustering_count,
            ),
            (Met::SkippedByFilter, table.sstables_skipped_by_filter_count),
            (Met::ReadFromSSTable, table.sstables_read_count),
        ] {
            self.meet(met, count);
        }
    }

    /// What was never met of what must be.
    #[must_use]
    pub fn missing(&self, required: &[Met]) -> Vec<Met> {
        let is_missing = |met: &&Met| !self.counts.contains_key(met);
        required.iter().filter(is_missing).copied().collect()
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for met in Met::ALL {
            let count = self.counts.get(&met).copied().unwrap_or_default();
            writeln!(formatter, "{:24} {count:9}", format!("{met:?}"))?;
        }
        Ok(())
    }
}
