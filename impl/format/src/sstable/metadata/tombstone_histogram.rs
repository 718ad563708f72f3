//! When the deletions and expirations of an SSTable happened: at most a hundred points in time.
//!
//! Compaction asks how many of them may be dropped. Chapter: `specs/08-sstable.md`. Source:
//! Cassandra `utils.streamhist.TombstoneHistogram`.

use crate::cursor::Cursor;
use crate::error::FormatError;

/// Bytes of a bin in a file.
const BIN_SIZE_BYTES: usize = 16;

/// Deletion and expiration times, gathered to points.
///
/// | size | field |
/// |---|---|
/// | 4 | number of bins |
/// | 4 | number of bins, again |
/// | 8 | point, seconds since 1970 as a double |
/// | 8 | count; both for each bin |
///
/// Invariant: points ascend.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TombstoneHistogram {
    /// Point in seconds since 1970, and count.
    bins: Box<[(i64, u64)]>,
}

impl TombstoneHistogram {
    /// Of bins whose points ascend.
    pub(super) fn of_bins(bins: Box<[(i64, u64)]>) -> Self {
        Self { bins }
    }

    /// Seconds since 1970, and count, of each point.
    #[must_use]
    pub const fn bins(&self) -> &[(i64, u64)] {
        &self.bins
    }

    /// An estimate of the number of deletions and expirations up to a time, seconds since 1970.
    ///
    /// Between two points the count is taken to change evenly. Cassandra: `sum`.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "Cassandra computes in double, and seconds and counts are far below 2^52"
    )]
    pub fn sum(&self, until_seconds: i64) -> f64 {
        let past = self.bins.partition_point(|(point, _)| *point <= until_seconds);
        let (passed, ahead) = self.bins.split_at_checked(past).unwrap_or_default();
        let counted = |bins: &[(i64, u64)]| bins.iter().fold(0.0, |sum, (_, count)| sum + *count as f64);
        match (passed.split_last(), ahead.first()) {
            (None, _) => 0.0,
            (Some(_), None) => counted(passed),
            (Some((&(point, count), before)), Some(&(next_point, next_count))) => {
                let weight = (until_seconds - point) as f64 / (next_point - point) as f64;
                let count = count as f64;
                let count_here = count + (next_count as f64 - count) * weight;
                counted(before) + (count + count_here) * weight / 2.0 + count / 2.0
            }
        }
    }

    /// Appends the form above.
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
    pub fn write(&self, out: &mut Vec<u8>) {
        let bin_count = u32::try_from(self.bins.len()).unwrap_or(u32::MAX).to_be_bytes();
        out.extend_from_slice(&bin_count);
        out.extend_from_slice(&bin_count);
        for (point, count) in &self.bins {
            out.extend_from_slice(&(*point as f64).to_be_bytes());
            out.extend_from_slice(&count.to_be_bytes());
        }
    }

    /// Reads the form above, of any number of bins; points lose their fraction.
    ///
    /// # Errors
    /// When it is cut, or its points do not ascend.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a cast from float to integer saturates"
    )]
    pub fn read(cursor: &mut Cursor<'_>) -> Result<Self, FormatError> {
        const WHAT: &str = "bins of a histogram of tombstones";
        cursor.u32(WHAT)?;
        let begun = cursor.offset();
        let count = cursor.u32(WHAT)?;
        let size_bytes = usize::try_from(count)
            .ok()
            .and_then(|count| count.checked_mul(BIN_SIZE_BYTES))
            .ok_or_else(|| FormatError::invalid(WHAT, begun, "fewer", &count))?;
        let offset = cursor.offset();
        let mut parts = Cursor::at(cursor.take(size_bytes, WHAT)?, offset);
        let mut bins: Vec<(i64, u64)> = Vec::with_capacity(size_bytes / BIN_SIZE_BYTES);
        while !parts.is_at_end() {
            let place = parts.offset();
            let stored = parts.f64("point of a bin")?;
            let point = stored as i64;
            if stored.is_nan() || bins.last().is_some_and(|(last, _)| *last >= point) {
                return Err(FormatError::invalid(
                    "point of a bin",
                    place,
                    "more than the one before",
                    &stored,
                ));
            }
            let place = parts.offset();
            let count = parts.i64("count of a bin")?;
            let count = u64::try_from(count)
                .map_err(|_| FormatError::invalid("count of a bin", place, "0 or more", &count))?;
            bins.push((point, count));
        }
        Ok(Self { bins: bins.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bins: &[(i64, u64)]) -> TombstoneHistogram {
        TombstoneHistogram::of_bins(bins.into())
    }

    #[test]
    fn histogram_comes_back_and_damage_is_found() {
        let histogram = of(&[
            (1_795_245_360, 6),
            (1_795_245_420, 1),
            (i64::from(i32::MAX) - 1, 9),
        ]);
        let mut bytes = Vec::new();
        histogram.write(&mut bytes);
        assert_eq!(bytes[..8], [0, 0, 0, 3, 0, 0, 0, 3]);
        assert_eq!(
            bytes[8..24],
            [0x41, 0xda, 0xc0, 0x51, 0x4c, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6]
        );
        let read = |bytes: &[u8]| TombstoneHistogram::read(&mut Cursor::new(bytes));
        assert_eq!(read(&bytes), Ok(histogram));
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length]).is_err(), "cut at {length}");
        }
        let mut huge = bytes.clone();
        huge[4] = 0x7f;
        assert!(read(&huge).is_err());
        let mut swapped = bytes[..8].to_vec();
        swapped.extend_from_slice(&bytes[24..40]);
        swapped.extend_from_slice(&bytes[8..24]);
        swapped.extend_from_slice(&bytes[40..]);
        assert!(read(&swapped).is_err());
    }

    #[test]
    fn sum_counts_whole_points_and_parts_between() {
        let histogram = of(&[(100, 4), (200, 2)]);
        for (until, sum) in [(99, 0.0), (100, 2.0), (150, 3.75), (200, 6.0), (1_000, 6.0)] {
            assert!(
                (histogram.sum(until) - sum).abs() < 1e-9,
                "{until}: {}",
                histogram.sum(until)
            );
        }
        assert!(of(&[]).sum(7).abs() < 1e-9);
    }
}
