//! Numbers of the engine for people and tests.

use super::StorageEngine;
use crate::sstable::ChunkCacheStatistics;
use crate::sync::lock;
use std::collections::BTreeMap;
use thymbra_types::TableId;

/// What the engine has done since it was opened, and what it holds.
#[derive(Clone, Debug, Default)]
pub struct EngineStatistics {
    /// By table.
    pub tables: BTreeMap<TableId, TableStatistics>,
    /// Segments of the commit log that this life has made and not removed; those of earlier lives are not
    /// among them.
    pub commit_log_segments_count: u64,
    /// Bytes of those segments.
    pub commit_log_size_bytes: u64,
    /// Updates of single tables that replay applied when the engine was opened.
    pub replayed_count: u64,
    /// Updates that replay skipped because an SSTable or a truncation covers them.
    pub replay_skipped_count: u64,
    /// Updates that replay skipped because their table is gone.
    pub replay_unknown_table_count: u64,
    /// Whether replay ended at a torn tail.
    pub has_met_torn_tail: bool,
    /// Files of unfinished transactions that were removed when the engine was opened.
    pub leftovers_removed_count: u64,
    /// Chunks of data that are kept in memory.
    pub chunk_cache: ChunkCacheStatistics,
}

/// The same for one table.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TableStatistics {
    /// SSTables that are read.
    pub sstables_count: usize,
    /// Bytes of all their files' data.
    pub live_bytes: u64,
    /// Estimate of the memory of all memtables.
    pub memtable_bytes: u64,
    /// Updates that were applied to memtables.
    pub writes_count: u64,
    /// Reads of single partitions.
    pub reads_count: u64,
    /// SSTables that those reads looked into.
    pub sstables_read_count: u64,
    /// SSTables that reads skipped because a newer deletion covers them.
    pub sstables_skipped_by_timestamp_count: u64,
    /// SSTables that reads skipped because all of the row that was asked for is newer.
    pub sstables_skipped_by_newer_row_count: u64,
    /// SSTables that reads skipped because no row of theirs was asked for.
    pub sstables_skipped_by_clustering_count: u64,
    /// SSTables that reads skipped by key range, filter or index.
    pub sstables_skipped_by_filter_count: u64,
    /// Memtables that were written out.
    pub flushes_count: u64,
    /// Flushes that finished while an older memtable of the table was still waiting.
    pub flushes_out_of_order_count: u64,
    /// Flushes that failed.
    pub failed_flushes_count: u64,
    /// Bytes of data that flushes wrote.
    pub flushed_bytes: u64,
    /// Times that all SSTables were looked at for something to compact.
    pub compaction_looks_count: u64,
    /// Compactions that finished.
    pub compactions_count: u64,
    /// SSTables that they took in.
    pub sstables_compacted_count: u64,
    /// Bytes of data that they wrote.
    pub compacted_bytes: u64,
    /// Partitions in which a compaction purged something.
    pub partitions_purged_count: u64,
    /// Partitions of which a compaction purged everything.
    pub partitions_removed_count: u64,
    /// SSTables dropped whole because everything in them had expired.
    pub expired_sstables_dropped_count: u64,
    /// Tombstones that a compaction kept because older data may lie elsewhere.
    pub tombstones_kept_for_older_data_count: u64,
}

impl StorageEngine {
    /// What has been done, and what there is.
    #[must_use]
    pub fn statistics(&self) -> EngineStatistics {
        let mut statistics = lock(&self.shared.opening).clone();
        for table in self.shared.all_tables() {
            statistics.tables.insert(table.id(), table.statistics());
        }
        statistics.chunk_cache = self.shared.chunk_cache.statistics();
        statistics.commit_log_segments_count = self.shared.commit_log.segments_count();
        statistics.commit_log_size_bytes = self.shared.commit_log.size_bytes();
        statistics
    }
}
