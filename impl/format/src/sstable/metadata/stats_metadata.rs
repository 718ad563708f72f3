//! The component STATS of `Statistics.db`: sizes, times and positions.
//!
//! Reads skip SSTables by them, compaction chooses and purges by them, replay leaves out what the
//! intervals say is flushed. Source: Cassandra `io.sstable.metadata.StatsMetadata`.

use super::estimated_histogram::EstimatedHistogram;
use super::tombstone_histogram::TombstoneHistogram;
use crate::cursor::Cursor;
use crate::error::FormatError;
use crate::rows::EncodeError;
use crate::sstable::compression_info::count_i32;
use crate::sstable::descriptor::Version;
use thymbra_types::{CommitLogPosition, IntervalSet, LocalDeletionTime, Timestamp};

/// Seconds that mean "never", in files.
const NO_DELETION_TIME_SECONDS: i32 = i32::MAX;

/// Ratio of a file without compression.
const NO_COMPRESSION_RATIO: f64 = -1.0;

/// Bytes of an interval in a file.
const INTERVAL_SIZE_BYTES: usize = 24;

/// What is in an SSTable.
///
/// | size | field |
/// |---|---|
/// | | sizes of partitions, [`EstimatedHistogram`] |
/// | | cells of partitions, [`EstimatedHistogram`] |
/// | 8 + 4 | end of the last commit log interval: segment and position; -1 and 0 without one |
/// | 8, 8 | smallest and largest timestamp |
/// | 4, 4 | smallest and largest deletion or expiration time; 2^31 - 1 is never |
/// | 4, 4 | smallest and largest TTL |
/// | 8 | compressed bytes by uncompressed, a double; -1 without compression |
/// | | deletion and expiration times, [`TombstoneHistogram`] |
/// | 4 | level |
/// | 8 | time of repair in milliseconds, 0 when not repaired |
/// | 4 | number of values of the smallest clustering, then each behind a length of 2 bytes |
/// | 4 | the same of the largest clustering |
/// | 1 | whether there are counter shards of 2.0 |
/// | 8, 8 | columns set in all rows; rows |
/// | 8 + 4 | start of the first commit log interval |
/// | 4 | number of intervals, then start and end of each |
/// | 1 | 1 and 16 bytes when a repair is pending, else 0 |
/// | 1 | whether it is a transient replica |
/// | 1 | 1 and 16 bytes of the host that wrote it, else 0; `nb` only |
#[derive(Clone, Debug, PartialEq)]
pub struct StatsMetadata {
    /// Bytes of the partitions, uncompressed.
    pub estimated_partition_size: EstimatedHistogram,
    /// Cells of the partitions.
    pub estimated_cell_per_partition_count: EstimatedHistogram,
    /// What of the commit log of the originating host is in it.
    pub commit_log_intervals: IntervalSet<CommitLogPosition>,
    /// Smallest write timestamp, or -2^63 without any.
    pub min_timestamp: Timestamp,
    /// Largest write timestamp, or 2^63 - 1 without any.
    pub max_timestamp: Timestamp,
    /// Earliest deletion or expiration; none when there is none.
    pub min_local_deletion_time: LocalDeletionTime,
    /// Latest one; none as soon as anything lives for ever.
    pub max_local_deletion_time: LocalDeletionTime,
    /// Smallest TTL in seconds; 0 as soon as anything has none.
    pub min_ttl_seconds: i32,
    /// Largest TTL in seconds.
    pub max_ttl_seconds: i32,
    /// Compressed bytes without checksums by uncompressed bytes; absent without compression.
    pub compression_ratio: Option<f64>,
    /// Deletion and expiration times.
    pub estimated_tombstone_drop_time: TombstoneHistogram,
    /// Level of leveled compaction, 0 otherwise.
    pub sstable_level: i32,
    /// When it was repaired, milliseconds since 1970; 0 when it was not.
    pub repaired_at_ms: i64,
    /// First values of the smallest clustering, or of the bound that begins before it.
    pub min_clustering_values: Vec<Box<[u8]>>,
    /// First values of the largest clustering, or of the bound that ends behind it.
    pub max_clustering_values: Vec<Box<[u8]>>,
    /// Whether there are counter shards of versions before 2.1.
    pub has_legacy_counter_shards: bool,
    /// Columns with a value, of all rows.
    pub total_columns_set: u64,
    /// Rows, static ones included.
    pub total_rows: u64,
    /// Session of the repair that has it in hand, a UUID.
    pub pending_repair: Option<u128>,
    /// Whether it belongs to a transient replica.
    pub is_transient: bool,
    /// Host whose commit log the intervals are of, a UUID.
    pub originating_host_id: Option<u128>,
}

impl StatsMetadata {
    /// Share of the cells that may be dropped as deleted or expired before a time, an estimate.
    ///
    /// `gc_before_seconds` counts from 1970. Cassandra: `getEstimatedDroppableTombstoneRatio`.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "an estimate of far fewer than 2^52 cells"
    )]
    pub fn estimated_droppable_tombstone_ratio(&self, gc_before_seconds: i64) -> f64 {
        let cells = &self.estimated_cell_per_partition_count;
        let cell_count = cells.mean().saturating_mul(cells.bounded_count());
        if cell_count == 0 {
            return 0.0;
        }
        self.estimated_tombstone_drop_time.sum(gc_before_seconds) / cell_count as f64
    }

    /// Appends the form above, as that version has it.
    ///
    /// # Errors
    /// When a clustering value is longer than 65535 bytes.
    pub fn write(&self, version: Version, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.estimated_partition_size.write(out);
        self.estimated_cell_per_partition_count.write(out);
        let lower = self.commit_log_intervals.iter().next();
        let upper = self.commit_log_intervals.iter().last();
        write_position(upper.map_or(CommitLogPosition::NONE, |(_, end)| *end), out);
        out.extend_from_slice(&self.min_timestamp.0.to_be_bytes());
        out.extend_from_slice(&self.max_timestamp.0.to_be_bytes());
        for time in [self.min_local_deletion_time, self.max_local_deletion_time] {
            out.extend_from_slice(&to_seconds(time).to_be_bytes());
        }
        out.extend_from_slice(&self.min_ttl_seconds.to_be_bytes());
        out.extend_from_slice(&self.max_ttl_seconds.to_be_bytes());
        out.extend_from_slice(
            &self
                .compression_ratio
                .unwrap_or(NO_COMPRESSION_RATIO)
                .to_be_bytes(),
        );
        self.estimated_tombstone_drop_time.write(out);
        out.extend_from_slice(&self.sstable_level.to_be_bytes());
        out.extend_from_slice(&self.repaired_at_ms.to_be_bytes());
        write_values(&self.min_clustering_values, out)?;
        write_values(&self.max_clustering_values, out)?;
        out.push(u8::from(self.has_legacy_counter_shards));
        out.extend_from_slice(&self.total_columns_set.to_be_bytes());
        out.extend_from_slice(&self.total_rows.to_be_bytes());
        write_position(lower.map_or(CommitLogPosition::NONE, |(start, _)| *start), out);
        let interval_count = self.commit_log_intervals.iter().count();
        out.extend_from_slice(&count_i32(interval_count, "commit log intervals")?);
        for (start, end) in self.commit_log_intervals.iter() {
            write_position(*start, out);
            write_position(*end, out);
        }
        write_optional_uuid(self.pending_repair, out);
        out.push(u8::from(self.is_transient));
        if version.has_originating_host_id() {
            write_optional_uuid(self.originating_host_id, out);
        }
        Ok(())
    }

    /// Reads the form above, as that version has it.
    ///
    /// # Errors
    /// When it is cut, or is not what the format allows.
    pub fn read(cursor: &mut Cursor<'_>, version: Version) -> Result<Self, FormatError> {
        let estimated_partition_size = EstimatedHistogram::read(cursor)?;
        let estimated_cell_per_partition_count = EstimatedHistogram::read(cursor)?;
        // Both bounds repeat the intervals, which are what counts.
        read_position(cursor)?;
        let min_timestamp = Timestamp(cursor.i64("smallest timestamp")?);
        let max_timestamp = Timestamp(cursor.i64("largest timestamp")?);
        let min_local_deletion_time = from_seconds(cursor.i32("earliest deletion time")?);
        let max_local_deletion_time = from_seconds(cursor.i32("latest deletion time")?);
        let min_ttl_seconds = cursor.i32("smallest TTL")?;
        let max_ttl_seconds = cursor.i32("largest TTL")?;
        let compression_ratio = cursor.f64("compression ratio")?;
        let estimated_tombstone_drop_time = TombstoneHistogram::read(cursor)?;
        let sstable_level = cursor.i32("level")?;
        let repaired_at_ms = cursor.i64("time of repair")?;
        let min_clustering_values = read_values(cursor)?;
        let max_clustering_values = read_values(cursor)?;
        let has_legacy_counter_shards = read_bool(cursor, "presence of legacy counter shards")?;
        let total_columns_set = read_u63(cursor, "number of columns set")?;
        let total_rows = read_u63(cursor, "number of rows")?;
        read_position(cursor)?;
        let commit_log_intervals = read_intervals(cursor)?;
        let pending_repair = read_optional_uuid(cursor, "pending repair")?;
        // Some early builds of 4.0 wrote `na` without it.
        let is_absent = version == Version::Na && cursor.is_at_end();
        let is_transient = !is_absent && read_bool(cursor, "transience")?;
        let originating_host_id = if version.has_originating_host_id() {
            read_optional_uuid(cursor, "originating host")?
        } else {
            None
        };
        Ok(Self {
            estimated_partition_size,
            estimated_cell_per_partition_count,
            commit_log_intervals,
            min_timestamp,
            max_timestamp,
            min_local_deletion_time,
            max_local_deletion_time,
            min_ttl_seconds,
            max_ttl_seconds,
            // No SSTable has a negative ratio of its own.
            compression_ratio: (compression_ratio >= 0.0).then_some(compression_ratio),
            estimated_tombstone_drop_time,
            sstable_level,
            repaired_at_ms,
            min_clustering_values,
            max_clustering_values,
            has_legacy_counter_shards,
            total_columns_set,
            total_rows,
            pending_repair,
            is_transient,
            originating_host_id,
        })
    }
}

/// Times beyond 31 bits become the last one that is not "never".
fn to_seconds(time: LocalDeletionTime) -> i32 {
    if time == LocalDeletionTime::NONE {
        NO_DELETION_TIME_SECONDS
    } else {
        let latest = NO_DELETION_TIME_SECONDS - 1;
        i32::try_from(time.0).map_or(latest, |seconds| seconds.min(latest))
    }
}

fn from_seconds(seconds: i32) -> LocalDeletionTime {
    if seconds == NO_DELETION_TIME_SECONDS {
        LocalDeletionTime::NONE
    } else {
        LocalDeletionTime(i64::from(seconds))
    }
}

fn write_position(position: CommitLogPosition, out: &mut Vec<u8>) {
    out.extend_from_slice(&position.segment_id.to_be_bytes());
    out.extend_from_slice(&position.position.to_be_bytes());
}

fn read_position(cursor: &mut Cursor<'_>) -> Result<CommitLogPosition, FormatError> {
    Ok(CommitLogPosition {
        segment_id: cursor.i64("commit log segment")?,
        position: cursor.u32("position in a commit log segment")?,
    })
}

fn read_intervals(cursor: &mut Cursor<'_>) -> Result<IntervalSet<CommitLogPosition>, FormatError> {
    const WHAT: &str = "commit log intervals";
    let count = read_count(cursor, WHAT, INTERVAL_SIZE_BYTES)?;
    let mut intervals = IntervalSet::empty();
    for _ in 0..count {
        let offset = cursor.offset();
        let (start, end) = (read_position(cursor)?, read_position(cursor)?);
        if start > end {
            let found = format_args!("{start} to {end}");
            return Err(FormatError::invalid(
                WHAT,
                offset,
                "a start before its end",
                &found,
            ));
        }
        intervals.add(start, end);
    }
    Ok(intervals)
}

fn write_values(values: &[Box<[u8]>], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    out.extend_from_slice(&count_i32(values.len(), "clustering values")?);
    for value in values {
        let size = u16::try_from(value.len()).map_err(|_| EncodeError::TooLong {
            size_bytes: value.len(),
        })?;
        out.extend_from_slice(&size.to_be_bytes());
        out.extend_from_slice(value);
    }
    Ok(())
}

fn read_values(cursor: &mut Cursor<'_>) -> Result<Vec<Box<[u8]>>, FormatError> {
    let count = read_count(cursor, "clustering values", 2)?;
    (0..count)
        .map(|_| cursor.short_bytes("clustering value").map(Into::into))
        .collect()
}

/// A number of items that have some size at least, so that the file can have them.
fn read_count(
    cursor: &mut Cursor<'_>,
    what: &'static str,
    item_size_bytes: usize,
) -> Result<u32, FormatError> {
    let offset = cursor.offset();
    let count = cursor.u32(what)?;
    let needed_bytes = u64::from(count) * item_size_bytes as u64;
    let available_bytes = cursor.remaining().len() as u64;
    if needed_bytes <= available_bytes {
        return Ok(count);
    }
    Err(FormatError::Truncated {
        what,
        offset,
        needed_bytes,
        available_bytes,
    })
}

fn read_u63(cursor: &mut Cursor<'_>, what: &'static str) -> Result<u64, FormatError> {
    let offset = cursor.offset();
    let stored = cursor.i64(what)?;
    u64::try_from(stored).map_err(|_| FormatError::invalid(what, offset, "0 or more", &stored))
}

fn read_bool(cursor: &mut Cursor<'_>, what: &'static str) -> Result<bool, FormatError> {
    let offset = cursor.offset();
    match cursor.u8(what)? {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(FormatError::invalid(what, offset, "0 or 1", &other)),
    }
}

fn write_optional_uuid(uuid: Option<u128>, out: &mut Vec<u8>) {
    out.push(u8::from(uuid.is_some()));
    if let Some(uuid) = uuid {
        out.extend_from_slice(&uuid.to_be_bytes());
    }
}

fn read_optional_uuid(cursor: &mut Cursor<'_>, what: &'static str) -> Result<Option<u128>, FormatError> {
    read_bool(cursor, what)?.then(|| cursor.u128(what)).transpose()
}

#[cfg(test)]
#[path = "stats_metadata_tests.rs"]
mod tests;
