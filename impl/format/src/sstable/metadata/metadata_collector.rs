//! Gathers what Statistics.db says while an SSTable is written.
//!
//! The writer shows it every deletion, row and marker, and each partition at its end. Source:
//! Cassandra `io.sstable.metadata.MetadataCollector`, `db.rows.Rows.collectStats`.

use super::estimated_histogram::EstimatedHistogram;
use super::hyper_log_log_plus::HyperLogLogPlus;
use super::stats_metadata::StatsMetadata;
use super::tombstone_histogram_builder::TombstoneHistogramBuilder;
use crate::marshal::AbstractType;
use crate::rows::{ClusteringComparator, EncodeError, MarkerChange, SingleRow};
use crate::sstable::place::Place;
use std::sync::Arc;
use thymbra_types::clustering::BoundSide;
use thymbra_types::{
    CellKind, Clustering, CommitLogPosition, DeletionTime, IntervalSet, LivenessInfo, LivenessKind,
    LocalDeletionTime, Row, Timestamp,
};

/// TTL of a liveness that is over, whatever the clock says.
const EXPIRED_LIVENESS_TTL_SECONDS: i32 = i32::MAX;

/// Smallest and largest of the numbers that were seen.
#[derive(Clone, Copy, Debug)]
struct MinMax<T> {
    min: T,
    max: T,
}

impl<T: Copy + Ord> MinMax<T> {
    #[inline]
    fn update(&mut self, value: T) {
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// Both, or those of nothing when nothing was seen: then the smallest is above the largest.
    fn or(self, min_of_nothing: T, max_of_nothing: T) -> (T, T) {
        if self.min > self.max {
            (min_of_nothing, max_of_nothing)
        } else {
            (self.min, self.max)
        }
    }
}

/// A place that is kept.
#[derive(Clone, Debug)]
struct OwnedPlace {
    prefix: Clustering,
    side: Option<BoundSide>,
}

impl OwnedPlace {
    fn of(place: Place<'_>) -> Self {
        Self {
            prefix: place.prefix.clone(),
            side: place.side,
        }
    }

    const fn view(&self) -> Place<'_> {
        Place {
            prefix: &self.prefix,
            side: self.side,
        }
    }

    /// The values of its prefix, up to a null one.
    fn values(place: Option<&Self>, types: &[AbstractType]) -> Result<Vec<Box<[u8]>>, EncodeError> {
        let Some(place) = place else {
            return Ok(Vec::new());
        };
        let values = ClusteringComparator::new(types).to_values(&place.prefix)?;
        Ok(values.0.into_iter().map_while(|value| value).collect())
    }
}

/// Where an SSTable comes from: what its content does not tell.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SSTableOrigin {
    /// What of the commit log of this host is in it.
    pub commit_log_intervals: IntervalSet<CommitLogPosition>,
    /// Id of this host, a UUID.
    pub originating_host_id: Option<u128>,
    /// Level of leveled compaction, 0 otherwise.
    pub sstable_level: i32,
    /// When its data was repaired, milliseconds since 1970; 0 when it was not.
    pub repaired_at_ms: i64,
    /// Session of the repair that has its data in hand, a UUID.
    pub pending_repair: Option<u128>,
    /// Whether it belongs to a transient replica.
    pub is_transient: bool,
}

/// Gathers statistics; nothing is allocated per cell, row or partition, but for new extremes.
#[derive(Clone, Debug)]
pub struct MetadataCollector {
    clustering_types: Arc<[AbstractType]>,
    estimated_partition_size: EstimatedHistogram,
    last_size_bucket: usize,
    estimated_cell_per_partition_count: EstimatedHistogram,
    last_count_bucket: usize,
    estimated_tombstone_drop_time: TombstoneHistogramBuilder,
    timestamps: MinMax<i64>,
    local_deletion_times: MinMax<i64>,
    ttls_seconds: MinMax<i32>,
    min_clustering: Option<OwnedPlace>,
    max_clustering: Option<OwnedPlace>,
    has_legacy_counter_shards: bool,
    total_columns_set: u64,
    total_rows: u64,
    /// Cells of the partition that has not ended.
    current_partition_cells: u64,
    cardinality: HyperLogLogPlus,
}

impl MetadataCollector {
    /// Before the first partition of a table with clustering columns of these types.
    #[must_use]
    pub fn new(clustering_types: Arc<[AbstractType]>) -> Self {
        Self {
            clustering_types,
            estimated_partition_size: EstimatedHistogram::of_partition_sizes(),
            last_size_bucket: 0,
            estimated_cell_per_partition_count: EstimatedHistogram::of_cell_counts(),
            last_count_bucket: 0,
            estimated_tombstone_drop_time: TombstoneHistogramBuilder::default(),
            timestamps: MinMax {
                min: i64::MAX,
                max: i64::MIN,
            },
            local_deletion_times: MinMax {
                min: i64::MAX,
                max: i64::MIN,
            },
            ttls_seconds: MinMax {
                min: i32::MAX,
                max: i32::MIN,
            },
            min_clustering: None,
            max_clustering: None,
            has_legacy_counter_shards: false,
            total_columns_set: 0,
            total_rows: 0,
            current_partition_cells: 0,
            cardinality: HyperLogLogPlus::new(),
        }
    }

    /// Sees a deletion: of a partition, a row, a complex column, or of a marker. Live ones do not
    /// count.
    pub fn update_deletion(&mut self, deletion: DeletionTime) {
        if !deletion.is_live() {
            self.timestamps.update(deletion.marked_for_delete_at.0);
            self.update_local_deletion_time(deletion.local_deletion_time);
        }
    }

    /// Sees the liveness of a row; an empty one does not count.
    pub fn update_liveness(&mut self, liveness: LivenessInfo) {
        if liveness.is_empty() {
            return;
        }
        self.timestamps.update(liveness.timestamp.0);
        self.ttls_seconds.update(match liveness.kind {
            LivenessKind::Live => 0,
            LivenessKind::Expiring { ttl, .. } => ttl.seconds(),
            LivenessKind::Expired { .. } => EXPIRED_LIVENESS_TTL_SECONDS,
        });
        self.update_local_deletion_time(liveness.local_expiration_time());
    }

    /// Sees a cell.
    #[inline]
    pub fn update_cell(&mut self, timestamp: Timestamp, kind: CellKind) {
        self.current_partition_cells += 1;
        self.timestamps.update(timestamp.0);
        self.ttls_seconds.update(match kind {
            CellKind::Expiring { ttl, .. } => ttl.seconds(),
            CellKind::Live | CellKind::Tombstone { .. } => 0,
        });
        self.update_local_deletion_time(kind.local_deletion_time());
    }

    /// Sees a row, or a static row, in which so many columns have a value.
    pub fn update_columns_set(&mut self, column_count: u64) {
        self.total_columns_set += column_count;
        self.total_rows += 1;
    }

    /// Sees a row, or a static row that is not empty, with all that is in it.
    pub fn update_row(&mut self, row: &Row) {
        self.update_liveness(row.liveness);
        self.update_deletion(row.deletion);
        for deletion in row.complex_deletions.values() {
            self.update_deletion(*deletion);
        }
        let mut column_count = 0;
        let mut complex_column = None;
        for (name, cell) in row.cells.iter() {
            self.update_cell(cell.timestamp, cell.kind);
            // A simple column has one cell, a complex one counts with its first.
            if name.path.is_none() {
                column_count += 1;
            } else if complex_column != Some(&name.column) {
                complex_column = Some(&name.column);
                column_count += 1;
            }
        }
        self.update_columns_set(column_count);
    }

    /// Sees a row that lies in the bytes of its update.
    pub fn update_single_row(&mut self, row: &SingleRow<'_, '_>) {
        self.update_liveness(row.liveness());
        for cell in row.cells() {
            self.update_cell(cell.timestamp, cell.kind);
        }
        self.update_columns_set(row.columns().len() as u64);
    }

    /// Sees a marker.
    pub fn update_marker(&mut self, change: MarkerChange) {
        for deletion in [change.closing(), change.opening()].into_iter().flatten() {
            self.update_deletion(deletion);
        }
    }

    /// Sees that a counter has shards of versions before 2.1.
    pub const fn update_has_legacy_counter_shards(&mut self) {
        self.has_legacy_counter_shards = true;
    }

    /// Sees the first and the last row or marker of a partition; those between cannot be extremes.
    ///
    /// Every range that begins ends in the same partition, so the first is a row or the beginning of
    /// a range, and the last is a row or the end of one.
    pub fn update_clustering_values(&mut self, first: Place<'_>, last: Place<'_>) {
        if self.min_clustering.as_ref().is_none_or(|min| first < min.view()) {
            self.min_clustering = Some(OwnedPlace::of(first));
        }
        if self.max_clustering.as_ref().is_none_or(|max| last > max.view()) {
            self.max_clustering = Some(OwnedPlace::of(last));
        }
    }

    /// Sees the end of a partition.
    pub fn end_partition(&mut self, key: &[u8], size_bytes: u64) {
        self.estimated_partition_size
            .add(size_bytes, &mut self.last_size_bucket);
        self.estimated_cell_per_partition_count
            .add(self.current_partition_cells, &mut self.last_count_bucket);
        self.current_partition_cells = 0;
        self.cardinality.add(key);
    }

    /// The statistics of all that was seen, and the counter of keys.
    ///
    /// `compression_ratio` is absent without compression.
    ///
    /// # Errors
    /// When a clustering is of another table.
    pub fn finish(
        self,
        origin: SSTableOrigin,
        compression_ratio: Option<f64>,
    ) -> Result<(StatsMetadata, HyperLogLogPlus), EncodeError> {
        let never = LocalDeletionTime::NONE.0;
        let (min_timestamp, max_timestamp) = self.timestamps.or(i64::MIN, i64::MAX);
        let (min_local_deletion_time, max_local_deletion_time) = self.local_deletion_times.or(never, never);
        let (min_ttl_seconds, max_ttl_seconds) = self.ttls_seconds.or(0, 0);
        let stats = StatsMetadata {
            min_clustering_values: OwnedPlace::values(self.min_clustering.as_ref(), &self.clustering_types)?,
            max_clustering_values: OwnedPlace::values(self.max_clustering.as_ref(), &self.clustering_types)?,
            estimated_partition_size: self.estimated_partition_size,
            estimated_cell_per_partition_count: self.estimated_cell_per_partition_count,
            commit_log_intervals: origin.commit_log_intervals,
            min_timestamp: Timestamp(min_timestamp),
            max_timestamp: Timestamp(max_timestamp),
            min_local_deletion_time: LocalDeletionTime(min_local_deletion_time),
            max_local_deletion_time: LocalDeletionTime(max_local_deletion_time),
            min_ttl_seconds,
            max_ttl_seconds,
            compression_ratio,
            estimated_tombstone_drop_time: self.estimated_tombstone_drop_time.build(),
            sstable_level: origin.sstable_level,
            repaired_at_ms: origin.repaired_at_ms,
            has_legacy_counter_shards: self.has_legacy_counter_shards,
            total_columns_set: self.total_columns_set,
            total_rows: self.total_rows,
            pending_repair: origin.pending_repair,
            is_transient: origin.is_transient,
            originating_host_id: origin.originating_host_id,
        };
        Ok((stats, self.cardinality))
    }

    #[inline]
    fn update_local_deletion_time(&mut self, time: LocalDeletionTime) {
        self.local_deletion_times.update(time.0);
        self.estimated_tombstone_drop_time.update(time);
    }
}
