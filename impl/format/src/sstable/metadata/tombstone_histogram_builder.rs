//! Gathers deletion and expiration times to at most a hundred points while an SSTable is written.
//!
//! Source: Cassandra 5.0 `utils.streamhist.StreamingTombstoneHistogramBuilder`; the algorithm is
//! that of Ben-Haim and Tom-Tov, "A Streaming Parallel Decision Tree Algorithm", 2010.

use super::tombstone_histogram::TombstoneHistogram;
use thymbra_types::LocalDeletionTime;

/// Points of the result. Cassandra: `TOMBSTONE_HISTOGRAM_BIN_SIZE`.
const MAX_BIN_COUNT: usize = 100;

/// Different points that wait. Cassandra: `TOMBSTONE_HISTOGRAM_SPOOL_SIZE`, 100,000, rounded up to
/// a power of two.
const SPOOL_CAPACITY: usize = 1 << 17;

/// Cells in which a point may wait.
const SPOOL_CELL_COUNT: usize = 2 * SPOOL_CAPACITY;

/// Cells that are tried for a point.
const MAX_ATTEMPT_COUNT: usize = 100;

/// Times are rounded up to whole minutes. Cassandra: `cassandra.streaminghistogram.roundseconds`.
const ROUND_SECONDS: i64 = 60;

/// Largest point, so that rounding makes no time one that is never reached: Cassandra's
/// `Cell.MAX_DELETION_TIME`.
const MAX_DELETION_TIME_SECONDS: i64 = u32::MAX as i64 - 2;

/// Multiplier of the hash that chooses a cell.
const HASH_MULTIPLIER: i64 = 948_701_839;

/// Collects points in a spool and merges them into bins when that is full, and at the end.
///
/// Which points are merged depends on the order in which the spool gives them up, so the spool is
/// Cassandra's, cell by cell. It takes 3 MiB; up to a hundred different points nothing is
/// merged, whatever the order, and a list does.
#[derive(Clone, Debug, Default)]
pub struct TombstoneHistogramBuilder {
    /// Points and counts, ascending; at most [`MAX_BIN_COUNT`].
    bins: Vec<(i64, u64)>,
    waiting: Waiting,
}

/// Points that have not reached the bins.
#[derive(Clone, Debug)]
enum Waiting {
    /// Few of them, in the order of arrival.
    List {
        points: Vec<(i64, u64)>,
        /// Where the point that came last stands.
        last: usize,
    },
    /// Many of them.
    Spool(Spool),
}

impl Default for Waiting {
    fn default() -> Self {
        Self::List {
            points: Vec::new(),
            last: 0,
        }
    }
}

impl TombstoneHistogramBuilder {
    /// Takes the time of one deletion or expiration; [`LocalDeletionTime::NONE`] is none.
    #[inline]
    pub fn update(&mut self, time: LocalDeletionTime) {
        if time != LocalDeletionTime::NONE {
            // Negative times are of no writer; the format has none.
            self.add(ceil_to_minute(time.0.max(0)), 1);
        }
    }

    /// The histogram of all that was taken.
    #[must_use]
    pub fn build(mut self) -> TombstoneHistogram {
        self.flush();
        TombstoneHistogram::of_bins(self.bins.into())
    }

    fn add(&mut self, point: i64, count: u64) {
        match &mut self.waiting {
            Waiting::List { points, last } => {
                let is_last = points.get(*last).is_some_and(|(known, _)| *known == point);
                if !is_last {
                    let known = points.iter().position(|(known, _)| *known == point);
                    *last = known.unwrap_or(points.len());
                }
                if let Some((_, sum)) = points.get_mut(*last) {
                    *sum += count;
                } else if points.len() < MAX_BIN_COUNT {
                    points.push((point, count));
                } else {
                    let mut spool = Spool::new();
                    for (point, count) in points.iter().chain([&(point, count)]) {
                        // So few points find a cell within the attempts.
                        spool.try_add_or_accumulate(*point, *count);
                    }
                    self.waiting = Waiting::Spool(spool);
                }
            }
            Waiting::Spool(spool) => {
                if !spool.try_add_or_accumulate(point, count) {
                    self.flush();
                    self.add(point, count);
                }
            }
        }
    }

    /// Moves what waits to the bins.
    fn flush(&mut self) {
        match &mut self.waiting {
            Waiting::List { points, .. } => {
                for (point, count) in core::mem::take(points) {
                    add_to_bins(&mut self.bins, point, count);
                }
            }
            Waiting::Spool(spool) => {
                for (point, count) in spool.drain() {
                    add_to_bins(&mut self.bins, point, count);
                }
            }
        }
    }
}

/// Adds a point to the bins, and merges two when there is one too many.
fn add_to_bins(bins: &mut Vec<(i64, u64)>, point: i64, count: u64) {
    match bins.binary_search_by_key(&point, |(known, _)| *known) {
        Ok(index) => {
            if let Some((_, sum)) = bins.get_mut(index) {
                *sum = saturated(*sum + count);
            }
        }
        Err(index) => bins.insert(index, (point, count)),
    }
    if bins.len() > MAX_BIN_COUNT {
        merge_nearest(bins);
    }
}

/// Replaces the two nearest points, the first two where several are equally near, by their mean.
fn merge_nearest(bins: &mut Vec<(i64, u64)>) {
    let distances = bins.array_windows().map(|[(left, _), (right, _)]| right - left);
    let Some((index, _)) = distances.enumerate().min_by_key(|(_, distance)| *distance) else {
        return;
    };
    let (left, left_count) = bins.remove(index);
    if let Some((point, count)) = bins.get_mut(index) {
        // Points have 32 bits and counts 31, so their products fit.
        let sum = left_count + *count;
        let weighted = left.unsigned_abs() * left_count + point.unsigned_abs() * *count;
        let mean = i64::try_from(weighted / sum.max(1)).unwrap_or(i64::MAX);
        *point = ceil_to_minute(mean.max(left + 1).min(*point));
        *count = saturated(sum);
    }
}

/// Counts have 31 bits in Cassandra.
fn saturated(count: u64) -> u64 {
    count.min(u64::from(i32::MAX.cast_unsigned()))
}

fn ceil_to_minute(seconds: i64) -> i64 {
    match seconds % ROUND_SECONDS {
        0 => seconds,
        past => seconds
            .saturating_add(ROUND_SECONDS - past)
            .min(MAX_DELETION_TIME_SECONDS),
    }
}

/// A table of points, in which each stands in the first free cell from the one of its hash on.
#[derive(Clone, Debug)]
struct Spool {
    /// Points and counts; a count of 0 marks a free cell.
    cells: Box<[(i64, u32)]>,
    size: usize,
}

impl Spool {
    fn new() -> Self {
        Self {
            cells: vec![(0, 0); SPOOL_CELL_COUNT].into(),
            size: 0,
        }
    }

    /// Whether there was a cell for the point.
    fn try_add_or_accumulate(&mut self, point: i64, count: u64) -> bool {
        if self.size > SPOOL_CAPACITY {
            return false;
        }
        let hash = point.wrapping_mul(HASH_MULTIPLIER).cast_unsigned();
        let home = usize::try_from(hash % SPOOL_CAPACITY as u64).unwrap_or_default();
        // Homes lie in the first half, so that the attempts do not reach the end.
        let candidates = self
            .cells
            .get_mut(home..home + MAX_ATTEMPT_COUNT)
            .unwrap_or_default();
        let free_or_same = candidates
            .iter_mut()
            .find(|(known, sum)| *sum == 0 || *known == point);
        let Some(cell) = free_or_same else {
            return false;
        };
        self.size += usize::from(cell.1 == 0);
        let sum = saturated(u64::from(cell.1) + count);
        *cell = (point, u32::try_from(sum).unwrap_or(u32::MAX));
        true
    }

    /// Empties the cells in their order.
    fn drain(&mut self) -> impl Iterator<Item = (i64, u64)> {
        self.size = 0;
        let cells = self.cells.iter_mut().map(core::mem::take);
        cells
            .filter(|(_, count)| *count > 0)
            .map(|(point, count)| (point, u64::from(count)))
    }
}

#[cfg(test)]
#[path = "tombstone_histogram_builder_tests.rs"]
mod tests;
