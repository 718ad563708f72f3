//! Smallest times of a partition or SSTable: what is written is the difference to them.

use crate::cursor::Cursor;
use crate::error::FormatError;
use crate::rows::deletion_time;
use crate::rows::encode_error::EncodeError;
use crate::rows::single_row::SingleRow;
use crate::vint;
use thymbra_types::{
    CellKind, CellView, DeletionTime, LivenessInfo, LivenessKind, LocalDeletionTime, Partition, Row,
    Timestamp, Ttl,
};

/// TTL that marks a liveness as expired, whatever the clock says.
const EXPIRED_LIVENESS_TTL_SECONDS: i32 = i32::MAX;

/// The smallest timestamp, deletion time and TTL among what is written with this header.
///
/// They make numbers small and are needed to read them; larger ones than the true minima give valid
/// files too. Cassandra: `db.rows.EncodingStats`.
///
/// | size | field | meaning |
/// |---|---|---|
/// | vint | smallest timestamp | microseconds since 2015-09-22 |
/// | vint | smallest deletion or expiration time | seconds since 2015-09-22, a signed word of 32 bits |
/// | vint | smallest TTL | seconds, a signed word of 32 bits |
///
/// A negative word is extended to 64 bits first and so takes nine bytes.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct EncodingStats {
    /// Microseconds since 1970.
    pub min_timestamp: Timestamp,
    /// Seconds since 1970.
    pub min_local_deletion_time_seconds: i32,
    /// Zero if nothing expires.
    pub min_ttl_seconds: i32,
}

impl EncodingStats {
    /// 2015-09-22, before which hardly anything was written.
    const TIMESTAMP_EPOCH: i64 = 1_442_880_000_000_000;
    /// The same date in seconds.
    const DELETION_TIME_EPOCH_SECONDS: i32 = 1_442_880_000;

    /// Of nothing. A minimum that equals one of these means that nothing of the kind was seen.
    pub const NO_STATS: Self = Self {
        min_timestamp: Timestamp(Self::TIMESTAMP_EPOCH),
        min_local_deletion_time_seconds: Self::DELETION_TIME_EPOCH_SECONDS,
        min_ttl_seconds: 0,
    };

    /// The smaller of each, where seen. Cassandra: `EncodingStats.mergeWith`.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        fn smaller<T: Copy + Ord>(left: T, right: T, unseen: T) -> T {
            match (left == unseen, right == unseen) {
                (true, _) => right,
                (false, true) => left,
                (false, false) => left.min(right),
            }
        }
        let none = Self::NO_STATS;
        Self {
            min_timestamp: smaller(self.min_timestamp, other.min_timestamp, none.min_timestamp),
            min_local_deletion_time_seconds: smaller(
                self.min_local_deletion_time_seconds,
                other.min_local_deletion_time_seconds,
                none.min_local_deletion_time_seconds,
            ),
            min_ttl_seconds: smaller(self.min_ttl_seconds, other.min_ttl_seconds, none.min_ttl_seconds),
        }
    }

    /// Appends the form above.
    pub fn write(&self, out: &mut Vec<u8>) {
        Self::NO_STATS.write_timestamp(self.min_timestamp, out);
        Self::NO_STATS.write_seconds(self.min_local_deletion_time_seconds, out);
        Self::NO_STATS.write_ttl_seconds(self.min_ttl_seconds, out);
    }

    /// Reads the form above.
    ///
    /// # Errors
    /// When it is cut, or a number is too large.
    pub fn read(cursor: &mut Cursor<'_>) -> Result<Self, FormatError> {
        let none = Self::NO_STATS;
        Ok(Self {
            min_timestamp: none.read_timestamp(cursor, "smallest timestamp")?,
            min_local_deletion_time_seconds: read_word(
                cursor,
                none.min_local_deletion_time_seconds,
                "smallest deletion time",
            )?,
            min_ttl_seconds: read_word(cursor, none.min_ttl_seconds, "smallest TTL")?,
        })
    }

    /// Appends a timestamp.
    #[inline]
    pub(crate) fn write_timestamp(&self, timestamp: Timestamp, out: &mut Vec<u8>) {
        // Modulo 2^64, as Cassandra does: a header with too large a minimum is readable all the same.
        vint::write_unsigned(
            timestamp.0.wrapping_sub(self.min_timestamp.0).cast_unsigned(),
            out,
        );
    }

    /// Reads a timestamp.
    #[inline]
    pub(crate) fn read_timestamp(
        &self,
        cursor: &mut Cursor<'_>,
        what: &'static str,
    ) -> Result<Timestamp, FormatError> {
        let delta = cursor.unsigned_vint(what)?.cast_signed();
        Ok(Timestamp(self.min_timestamp.0.wrapping_add(delta)))
    }

    #[inline]
    fn write_seconds(&self, seconds: i32, out: &mut Vec<u8>) {
        let delta = seconds.wrapping_sub(self.min_local_deletion_time_seconds);
        vint::write_unsigned(i64::from(delta).cast_unsigned(), out);
    }

    /// Appends a time of deletion or expiration.
    #[inline]
    pub(crate) fn write_local_deletion_time(
        &self,
        time: LocalDeletionTime,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        self.write_seconds(deletion_time::to_seconds(time)?, out);
        Ok(())
    }

    /// Reads a time of deletion or expiration; never [`LocalDeletionTime::NONE`].
    #[inline]
    pub(crate) fn read_local_deletion_time(
        &self,
        cursor: &mut Cursor<'_>,
        what: &'static str,
    ) -> Result<LocalDeletionTime, FormatError> {
        let offset = cursor.offset();
        let seconds = read_word(cursor, self.min_local_deletion_time_seconds, what)?;
        deletion_time::from_seconds(seconds)
            .ok_or_else(|| FormatError::invalid(what, offset, "0 to 2^31 - 2 seconds", &seconds))
    }

    fn write_ttl_seconds(&self, seconds: i32, out: &mut Vec<u8>) {
        let delta = seconds.wrapping_sub(self.min_ttl_seconds);
        vint::write_unsigned(i64::from(delta).cast_unsigned(), out);
    }

    /// Appends a TTL.
    pub(crate) fn write_ttl(&self, ttl: Ttl, out: &mut Vec<u8>) {
        self.write_ttl_seconds(ttl.seconds(), out);
    }

    /// Reads the TTL of a cell.
    pub(crate) fn read_ttl(&self, cursor: &mut Cursor<'_>) -> Result<Ttl, FormatError> {
        const WHAT: &str = "TTL of a cell";
        let offset = cursor.offset();
        let seconds = read_word(cursor, self.min_ttl_seconds, WHAT)?;
        Ttl::new(seconds).map_err(|_| FormatError::invalid(WHAT, offset, "1 to 630720000 seconds", &seconds))
    }

    /// Appends timestamp and expiration of a liveness, which is not empty: TTL first.
    pub(crate) fn write_liveness(
        &self,
        liveness: LivenessInfo,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        self.write_timestamp(liveness.timestamp, out);
        match liveness.kind {
            LivenessKind::Live => Ok(()),
            LivenessKind::Expiring {
                ttl,
                local_expiration_time,
            } => {
                self.write_ttl(ttl, out);
                self.write_local_deletion_time(local_expiration_time, out)
            }
            LivenessKind::Expired {
                local_expiration_time,
            } => {
                self.write_ttl_seconds(EXPIRED_LIVENESS_TTL_SECONDS, out);
                self.write_local_deletion_time(local_expiration_time, out)
            }
        }
    }

    /// Reads what [`Self::write_liveness`] writes; the flags of the row say whether it expires.
    pub(crate) fn read_liveness(
        &self,
        cursor: &mut Cursor<'_>,
        expires: bool,
    ) -> Result<LivenessInfo, FormatError> {
        let offset = cursor.offset();
        let timestamp = self.read_timestamp(cursor, "timestamp of a row")?;
        if timestamp == Timestamp::UNSET {
            return Err(FormatError::invalid(
                "timestamp of a row",
                offset,
                "more than -2^63",
                &timestamp.0,
            ));
        }
        if !expires {
            return Ok(LivenessInfo::live(timestamp));
        }
        let offset = cursor.offset();
        let seconds = read_word(cursor, self.min_ttl_seconds, "TTL of a row")?;
        let local_expiration_time = self.read_local_deletion_time(cursor, "expiration of a row")?;
        if seconds == EXPIRED_LIVENESS_TTL_SECONDS {
            let kind = LivenessKind::Expired {
                local_expiration_time,
            };
            return Ok(LivenessInfo { timestamp, kind });
        }
        let ttl = Ttl::new(seconds)
            .map_err(|_| FormatError::invalid("TTL of a row", offset, "1 to 630720000 seconds", &seconds))?;
        Ok(LivenessInfo::expiring(timestamp, ttl, local_expiration_time))
    }

    /// Appends a deletion, timestamp first; [`DeletionTime::LIVE`] has a form too.
    pub(crate) fn write_deletion_time(
        &self,
        deletion: DeletionTime,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        self.write_timestamp(deletion.marked_for_delete_at, out);
        if deletion.is_live() {
            self.write_seconds(deletion_time::NO_DELETION_TIME_SECONDS, out);
            return Ok(());
        }
        self.write_local_deletion_time(deletion.local_deletion_time, out)
    }

    /// Reads a deletion, or [`DeletionTime::LIVE`].
    pub(crate) fn read_deletion_time(
        &self,
        cursor: &mut Cursor<'_>,
        what: &'static str,
    ) -> Result<DeletionTime, FormatError> {
        let offset = cursor.offset();
        let marked_for_delete_at = self.read_timestamp(cursor, what)?;
        let seconds = read_word(cursor, self.min_local_deletion_time_seconds, what)?;
        deletion_time::from_parts(marked_for_delete_at, seconds)
            .ok_or_else(|| FormatError::invalid(what, offset, "seconds from 0 to 2^31 - 2", &seconds))
    }
}

/// A word of 32 bits, as its difference to the smallest.
fn read_word(cursor: &mut Cursor<'_>, smallest: i32, what: &'static str) -> Result<i32, FormatError> {
    let offset = cursor.offset();
    let delta = cursor.unsigned_vint(what)?.cast_signed();
    match i32::try_from(delta) {
        Ok(delta) => Ok(smallest.wrapping_add(delta)),
        Err(_) => Err(FormatError::invalid(
            what,
            offset,
            "a difference of 32 bits",
            &delta,
        )),
    }
}

/// Finds the smallest times in one pass over data. Cassandra: `EncodingStats.Collector`.
#[derive(Clone, Copy, Debug, Default)]
pub struct EncodingStatsCollector {
    min_timestamp: Option<i64>,
    min_local_deletion_time_seconds: Option<i64>,
    min_ttl_seconds: Option<i32>,
}

impl EncodingStatsCollector {
    /// Before anything was seen.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    #[inline]
    fn update_timestamp(&mut self, timestamp: Timestamp) {
        let smallest = self
            .min_timestamp
            .map_or(timestamp.0, |known| known.min(timestamp.0));
        self.min_timestamp = Some(smallest);
    }

    fn update_local_deletion_time(&mut self, time: LocalDeletionTime) {
        let smallest = self
            .min_local_deletion_time_seconds
            .map_or(time.0, |known| known.min(time.0));
        self.min_local_deletion_time_seconds = Some(smallest);
    }

    fn update_ttl_seconds(&mut self, seconds: i32) {
        let smallest = self.min_ttl_seconds.map_or(seconds, |known| known.min(seconds));
        self.min_ttl_seconds = Some(smallest);
    }

    /// Sees a deletion; live ones do not count.
    pub fn update_deletion(&mut self, deletion: DeletionTime) {
        if !deletion.is_live() {
            self.update_timestamp(deletion.marked_for_delete_at);
            self.update_local_deletion_time(deletion.local_deletion_time);
        }
    }

    /// Sees the liveness of a row; an empty one does not count.
    pub fn update_liveness(&mut self, liveness: LivenessInfo) {
        if liveness.is_empty() {
            return;
        }
        self.update_timestamp(liveness.timestamp);
        match liveness.kind {
            LivenessKind::Live => {}
            LivenessKind::Expiring {
                ttl,
                local_expiration_time,
            } => {
                self.update_ttl_seconds(ttl.seconds());
                self.update_local_deletion_time(local_expiration_time);
            }
            LivenessKind::Expired {
                local_expiration_time,
            } => {
                self.update_ttl_seconds(EXPIRED_LIVENESS_TTL_SECONDS);
                self.update_local_deletion_time(local_expiration_time);
            }
        }
    }

    /// Sees a cell.
    #[inline]
    pub fn update_cell(&mut self, cell: CellView<'_>) {
        self.update_timestamp(cell.timestamp);
        match cell.kind {
            CellKind::Live => {}
            CellKind::Expiring {
                ttl,
                local_deletion_time,
            } => {
                self.update_ttl_seconds(ttl.seconds());
                self.update_local_deletion_time(local_deletion_time);
            }
            CellKind::Tombstone { local_deletion_time } => {
                self.update_local_deletion_time(local_deletion_time);
            }
        }
    }

    /// Sees all parts of a row.
    pub fn update_row(&mut self, row: &Row) {
        self.update_liveness(row.liveness);
        self.update_deletion(row.deletion);
        for deletion in row.complex_deletions.values() {
            self.update_deletion(*deletion);
        }
        for cell in row.cells.values() {
            self.update_cell(cell.view());
        }
    }

    /// Sees all parts of a row that lies in the bytes of its update.
    pub fn update_single_row(&mut self, row: &SingleRow<'_, '_>) {
        self.update_liveness(row.liveness());
        for cell in row.cells() {
            self.update_cell(cell);
        }
    }

    /// Sees all parts of a partition.
    pub fn update_partition(&mut self, partition: &Partition) {
        self.update_deletion(partition.deletion);
        self.update_row(&partition.static_row);
        for row in partition.rows.values() {
            self.update_row(row);
        }
        for tombstone in partition.range_tombstones.iter() {
            self.update_deletion(tombstone.deletion);
        }
    }

    /// The smallest timestamp that was seen; `None` when none was.
    #[must_use]
    pub fn min_timestamp(&self) -> Option<Timestamp> {
        self.min_timestamp.map(Timestamp)
    }

    /// The smallest of what was seen; times that have no form are left for the writer to refuse.
    #[must_use]
    pub fn finish(&self) -> EncodingStats {
        let none = EncodingStats::NO_STATS;
        let seconds = self
            .min_local_deletion_time_seconds
            .and_then(|seconds| i32::try_from(seconds).ok());
        EncodingStats {
            min_timestamp: self
                .min_timestamp
                .filter(|timestamp| *timestamp != Timestamp::UNSET.0)
                .map_or(none.min_timestamp, Timestamp),
            min_local_deletion_time_seconds: seconds.unwrap_or(none.min_local_deletion_time_seconds),
            min_ttl_seconds: self.min_ttl_seconds.unwrap_or(none.min_ttl_seconds),
        }
    }
}
