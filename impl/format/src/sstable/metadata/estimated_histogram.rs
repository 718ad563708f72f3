//! A histogram whose buckets grow by a fifth: sizes and cell counts of partitions.
//!
//! Chapter: `specs/08-sstable.md`. Source: Cassandra `utils.EstimatedHistogram`.

use crate::cursor::Cursor;
use crate::error::FormatError;

/// Bytes of a bucket in a file.
const BUCKET_SIZE_BYTES: usize = 16;

/// Counts of values, by buckets.
///
/// | size | field |
/// |---|---|
/// | 4 | number of buckets, one more than offsets |
/// | 8 | largest value of the bucket **before**; of the first bucket itself for the first |
/// | 8 | count; both for each bucket |
///
/// A value counts in the first bucket whose offset is not below it, or behind the last offset in
/// the bucket that has none.
///
/// Invariants: offsets ascend; there is one bucket more than offsets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EstimatedHistogram {
    offsets: Box<[i64]>,
    buckets: Box<[u64]>,
}

impl EstimatedHistogram {
    /// Offsets for sizes of partitions: up to 3.5 TB, as 5.0 has them.
    const PARTITION_SIZE_OFFSETS: usize = 155;

    /// Offsets for cells of partitions: up to 4 thousand millions.
    const CELL_COUNT_OFFSETS: usize = 118;

    /// For sizes of partitions, empty.
    #[must_use]
    pub fn of_partition_sizes() -> Self {
        Self::new(Self::PARTITION_SIZE_OFFSETS)
    }

    /// For numbers of cells of partitions, empty.
    #[must_use]
    pub fn of_cell_counts() -> Self {
        Self::new(Self::CELL_COUNT_OFFSETS)
    }

    fn new(offset_count: usize) -> Self {
        // Each is the rounded 1.2-fold of the one before, or one more where that is the same.
        let offsets = core::iter::successors(Some(1_i64), |last| Some(((last * 12 + 5) / 10).max(last + 1)));
        Self {
            offsets: offsets.take(offset_count).collect(),
            buckets: vec![0; offset_count + 1].into(),
        }
    }

    /// Counts a value; `bucket` is where the last one was, where most often this one is too, and becomes where it is.
    pub fn add(&mut self, value: u64, bucket: &mut usize) {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        let is_below = |offset: Option<&i64>| offset.is_some_and(|offset| *offset < value);
        let is_above_previous = *bucket == 0 || is_below(self.offsets.get(*bucket - 1));
        if !is_above_previous || is_below(self.offsets.get(*bucket)) {
            *bucket = self.offsets.partition_point(|offset| *offset < value);
        }
        if let Some(count) = self.buckets.get_mut(*bucket) {
            *count += 1;
        }
    }

    /// Largest value and count of each bucket; the last has no largest value.
    pub fn buckets(&self) -> impl Iterator<Item = (Option<i64>, u64)> {
        let offsets = self.offsets.iter().copied().map(Some).chain([None]);
        offsets.zip(self.buckets.iter().copied())
    }

    /// Number of values. Cassandra: `count`.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets
            .iter()
            .fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Number of values up to the last offset.
    #[must_use]
    pub fn bounded_count(&self) -> u64 {
        self.bounded()
            .fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// Whether there are values above the last offset.
    #[must_use]
    pub fn is_overflowed(&self) -> bool {
        self.buckets.last().is_some_and(|count| *count > 0)
    }

    /// Mean of the values as if each were the largest of its bucket, rounded up; 0 without values.
    ///
    /// Values above the last offset are left out, as Cassandra does with histograms of files.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "Cassandra computes in double; a cast from float to integer saturates"
    )]
    pub fn mean(&self) -> u64 {
        let count = self.bounded_count();
        if count == 0 {
            return 0;
        }
        let sum = self.bounded().fold(0_u64, |sum, (offset, count)| {
            sum.saturating_add(offset.unsigned_abs().saturating_mul(*count))
        });
        (sum as f64 / count as f64).ceil() as u64
    }

    /// The offset below or at which the given share of the values lies; 0 without values.
    ///
    /// Values above the last offset are left out. Cassandra: `percentile`.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "Cassandra computes in double; a cast from float to integer saturates"
    )]
    pub fn percentile(&self, share: f64) -> i64 {
        let wanted = (self.bounded_count() as f64 * share).ceil() as u64;
        let mut seen = 0_u64;
        self.bounded()
            .find(|(_, count)| {
                seen = seen.saturating_add(**count);
                wanted > 0 && seen >= wanted
            })
            .map_or(0, |(offset, _)| *offset)
    }

    /// Smallest value that may have been counted; 0 without values.
    #[must_use]
    pub fn min(&self) -> i64 {
        match self.buckets.iter().position(|count| *count > 0) {
            None | Some(0) => 0,
            Some(bucket) => self.offsets.get(bucket - 1).map_or(0, |offset| offset + 1),
        }
    }

    /// Largest value that may have been counted, the largest of all above the last offset.
    #[must_use]
    pub fn max(&self) -> i64 {
        let last = self.buckets().filter(|(_, count)| *count > 0).last();
        last.map_or(0, |(offset, _)| offset.unwrap_or(i64::MAX))
    }

    fn bounded(&self) -> impl Iterator<Item = (&i64, &u64)> {
        self.offsets.iter().zip(self.buckets.iter())
    }

    /// Appends the form above.
    pub fn write(&self, out: &mut Vec<u8>) {
        let bucket_count = u32::try_from(self.buckets.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&bucket_count.to_be_bytes());
        let offsets = self.offsets.first().into_iter().chain(self.offsets.iter());
        for (offset, count) in offsets.zip(self.buckets.iter()) {
            out.extend_from_slice(&offset.to_be_bytes());
            out.extend_from_slice(&count.to_be_bytes());
        }
    }

    /// Reads the form above, of any number of buckets.
    ///
    /// # Errors
    /// When it is cut, or its offsets do not ascend.
    pub fn read(cursor: &mut Cursor<'_>) -> Result<Self, FormatError> {
        const WHAT: &str = "buckets of a histogram";
        let begun = cursor.offset();
        let count = cursor.u32(WHAT)?;
        let bytes = usize::try_from(count)
            .ok()
            .filter(|count| *count >= 2)
            .and_then(|count| count.checked_mul(BUCKET_SIZE_BYTES))
            .ok_or_else(|| FormatError::invalid(WHAT, begun, "2 or more", &count))?;
        let offset = cursor.offset();
        let mut parts = Cursor::at(cursor.take(bytes, WHAT)?, offset);
        let mut offsets = Vec::with_capacity(bytes / BUCKET_SIZE_BYTES);
        let mut buckets = Vec::with_capacity(bytes / BUCKET_SIZE_BYTES);
        while !parts.is_at_end() {
            let place = parts.offset();
            let offset = parts.i64("offset of a bucket")?;
            let ascends = match (buckets.len(), offsets.last()) {
                (1, Some(first)) => offset == *first,
                (_, Some(last)) => offset > *last,
                (_, None) => true,
            };
            if !ascends {
                return Err(FormatError::invalid(
                    "offset of a bucket",
                    place,
                    "more than the one before",
                    &offset,
                ));
            }
            if buckets.len() != 1 {
                offsets.push(offset);
            }
            let place = parts.offset();
            let count = parts.i64("count of a bucket")?;
            buckets.push(
                u64::try_from(count)
                    .map_err(|_| FormatError::invalid("count of a bucket", place, "0 or more", &count))?,
            );
        }
        Ok(Self {
            offsets: offsets.into(),
            buckets: buckets.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;

    fn of(values: &[u64]) -> EstimatedHistogram {
        let mut histogram = EstimatedHistogram::of_partition_sizes();
        values.iter().for_each(|value| histogram.add(*value, &mut 0));
        histogram
    }

    fn written(histogram: &EstimatedHistogram) -> Vec<u8> {
        let mut out = Vec::new();
        histogram.write(&mut out);
        out
    }

    quickcheck! {
        fn histograms_come_back(values: Vec<u64>) -> bool {
            let histogram = of(&values);
            let bytes = written(&histogram);
            histogram.count() == values.len() as u64
                && EstimatedHistogram::read(&mut Cursor::new(&bytes)) == Ok(histogram)
        }

        // Small values, so that neighbours share a bucket, or lie on both sides of an offset.
        fn values_are_counted_alike_wherever_the_last_one_was(values: Vec<u8>, begin: u8) -> bool {
            let mut histogram = EstimatedHistogram::of_partition_sizes();
            let mut bucket = usize::from(begin);
            let mut find = |value: &u8| {
                histogram.add(u64::from(*value), &mut bucket);
                bucket
            };
            let buckets: Vec<usize> = values.iter().map(&mut find).collect();
            let expected = |value: &u8| histogram.offsets.iter().filter(|offset| **offset < i64::from(*value)).count();
            histogram == of(&values.iter().map(|value| u64::from(*value)).collect::<Vec<_>>())
                && buckets.into_iter().eq(values.iter().map(expected))
        }
    }

    #[test]
    fn offsets_are_those_of_cassandra() {
        let histogram = EstimatedHistogram::of_partition_sizes();
        assert_eq!(
            histogram.offsets[..13],
            [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 17, 20]
        );
        assert_eq!(histogram.offsets.last(), Some(&3_520_571_548_412));
        assert_eq!(
            EstimatedHistogram::of_cell_counts().offsets.last(),
            Some(&4_139_110_981)
        );
        assert_eq!(
            (
                histogram.buckets.len(),
                EstimatedHistogram::of_cell_counts().buckets.len()
            ),
            (156, 119)
        );
    }

    #[test]
    fn values_count_in_the_first_bucket_that_holds_them() {
        // As sstablemetadata shows the table types_lz4.
        let histogram = of(&[35, 70, 80, 400]);
        let filled: Vec<_> = histogram.buckets().filter(|(_, count)| *count > 0).collect();
        assert_eq!(
            filled,
            [(Some(35), 1), (Some(72), 1), (Some(86), 1), (Some(446), 1)]
        );
        assert_eq!((histogram.min(), histogram.max()), (30, 446));
        let percentiles = [0.5, 0.75, 0.95, 0.99].map(|share| histogram.percentile(share));
        assert_eq!(percentiles, [72, 86, 446, 446]);
        assert_eq!(histogram.mean(), 160);
    }

    #[test]
    fn histogram_without_values_is_zero_everywhere() {
        let histogram = of(&[]);
        assert_eq!(
            (histogram.count(), histogram.mean(), histogram.percentile(0.5)),
            (0, 0, 0)
        );
        assert_eq!((histogram.min(), histogram.max()), (0, 0));
        assert_eq!((of(&[0]).min(), of(&[0]).max()), (0, 1));
    }

    #[test]
    fn values_above_the_last_offset_are_known_and_left_out_of_the_mean() {
        let histogram = of(&[10, u64::MAX]);
        assert!(histogram.is_overflowed() && !of(&[10]).is_overflowed());
        assert_eq!(
            (histogram.mean(), histogram.max(), histogram.count()),
            (10, i64::MAX, 2)
        );
    }

    #[test]
    fn damaged_histograms_are_errors() {
        let bytes = written(&of(&[1, 5, 9]));
        let read = |bytes: &[u8]| EstimatedHistogram::read(&mut Cursor::new(bytes));
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length]).is_err(), "cut at {length}");
        }
        for huge in [[0xff; 4], [0x7f, 0xff, 0xff, 0xff], [0, 0, 0, 0], [0, 0, 0, 1]] {
            assert!(read(&[&huge[..], &bytes[4..]].concat()).is_err(), "{huge:?}");
        }
        for bucket in [0, 1, 5] {
            for field in [0, 8] {
                let mut damaged = bytes.clone();
                damaged[4 + bucket * 16 + field] ^= 0x80;
                assert!(read(&damaged).is_err() || bucket == 0 && field == 0);
            }
        }
    }
}
