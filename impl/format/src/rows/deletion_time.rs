//! Deletions outside of rows: the partition's own, and those of index entries.

use crate::cursor::Cursor;
use crate::error::FormatError;
use crate::rows::encode_error::EncodeError;
use thymbra_types::{DeletionTime, LocalDeletionTime, Timestamp};

/// Seconds that mean "not deleted".
pub(crate) const NO_DELETION_TIME_SECONDS: i32 = i32::MAX;

/// Seconds beside an unset timestamp that Apache Cassandra 5.0 writes for a live deletion.
///
/// It holds "not deleted" as a larger number than the format does, cuts that to 32 bits, takes the
/// result for invalid when it reads it back, and may write it again.
const LIVE_SECONDS_OF_5_0: [i32; 2] = [-1, -2];

/// Bytes of a deletion in the absolute form.
pub const DELETION_TIME_SIZE_BYTES: usize = 12;

/// Appends the absolute form of SSTable `nb`: seconds first, the reverse of the form in rows.
///
/// | offset | size | field | meaning |
/// |---|---|---|---|
/// | 0 | 4 | local deletion time | seconds since 1970; 2^31 - 1 when live |
/// | 4 | 8 | marked for delete at | microseconds since 1970; -2^63 when live |
///
/// # Errors
/// When the time does not fit.
pub fn write_deletion_time(deletion: DeletionTime, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let seconds = if deletion.is_live() {
        NO_DELETION_TIME_SECONDS
    } else {
        to_seconds(deletion.local_deletion_time)?
    };
    out.extend_from_slice(&seconds.to_be_bytes());
    out.extend_from_slice(&deletion.marked_for_delete_at.0.to_be_bytes());
    Ok(())
}

/// Reads the absolute form of SSTable `nb`.
///
/// # Errors
/// When it is cut, or the seconds are negative.
pub fn read_deletion_time(cursor: &mut Cursor<'_>, what: &'static str) -> Result<DeletionTime, FormatError> {
    let offset = cursor.offset();
    let bytes = cursor.take(DELETION_TIME_SIZE_BYTES, what)?;
    let mut parts = Cursor::at(bytes, offset);
    let seconds = parts.i32(what)?;
    let timestamp = Timestamp(parts.i64(what)?);
    from_parts(timestamp, seconds)
        .ok_or_else(|| FormatError::invalid(what, offset, "seconds from 0 to 2^31 - 2", &seconds))
}

/// A deletion or expiration time as the format has it.
#[inline]
pub(crate) fn to_seconds(time: LocalDeletionTime) -> Result<i32, EncodeError> {
    i32::try_from(time.0)
        .ok()
        .filter(|seconds| (0..NO_DELETION_TIME_SECONDS).contains(seconds))
        .ok_or(EncodeError::LocalDeletionTime(time))
}

/// A deletion or expiration time, or `None` where the seconds are no time.
#[inline]
pub(crate) fn from_seconds(seconds: i32) -> Option<LocalDeletionTime> {
    (0..NO_DELETION_TIME_SECONDS)
        .contains(&seconds)
        .then(|| LocalDeletionTime(i64::from(seconds)))
}

/// A deletion, or [`DeletionTime::LIVE`], or `None` where the seconds are no time.
pub(crate) fn from_parts(timestamp: Timestamp, seconds: i32) -> Option<DeletionTime> {
    if timestamp == Timestamp::UNSET
        && (seconds == NO_DELETION_TIME_SECONDS || LIVE_SECONDS_OF_5_0.contains(&seconds))
    {
        return Some(DeletionTime::LIVE);
    }
    from_seconds(seconds).map(|time| DeletionTime::new(timestamp, time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn live_deletion_has_the_bytes_of_real_files() {
        let mut out = Vec::new();
        write_deletion_time(DeletionTime::LIVE, &mut out).expect("a live deletion has a form");
        assert_eq!(out, [0x7f, 0xff, 0xff, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0]);
        let read = read_deletion_time(&mut Cursor::new(&out), "deletion");
        assert_eq!(read, Ok(DeletionTime::LIVE));
    }

    #[test]
    fn deletion_has_seconds_before_microseconds() {
        let deletion = DeletionTime::new(Timestamp(0x0102), LocalDeletionTime(0x0a0b));
        let mut out = Vec::new();
        write_deletion_time(deletion, &mut out).expect("the time fits");
        assert_eq!(out, [0, 0, 0x0a, 0x0b, 0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(
            read_deletion_time(&mut Cursor::new(&out), "deletion"),
            Ok(deletion)
        );
    }

    #[test]
    fn times_that_are_no_times_are_refused() {
        for seconds in [-1, i64::from(i32::MAX), 1 << 40] {
            let deletion = DeletionTime::new(Timestamp(1), LocalDeletionTime(seconds));
            let error = EncodeError::LocalDeletionTime(LocalDeletionTime(seconds));
            assert_eq!(write_deletion_time(deletion, &mut Vec::new()), Err(error));
        }
        for seconds in [-1, -2, i32::MIN, i32::MAX] {
            assert_eq!(from_parts(Timestamp(1), seconds), None, "{seconds}");
        }
        assert_eq!(from_parts(Timestamp::UNSET, -3), None);
    }

    #[test]
    fn live_deletion_of_cassandra_5_0_is_live() {
        for seconds in [i32::MAX, -1, -2] {
            assert_eq!(
                from_parts(Timestamp::UNSET, seconds),
                Some(DeletionTime::LIVE),
                "{seconds}"
            );
        }
    }
}
