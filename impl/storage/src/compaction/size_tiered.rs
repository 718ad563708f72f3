//! Size-tiered compaction: SSTables of like size are merged.
//!
//! Pure: looks at sizes and read rates, and names what to compact next. Chapter:
//! `specs/09-compaction.md`. Source: Cassandra `db.compaction.SizeTieredCompactionStrategy`.

use super::tombstone_compaction::TombstoneOptions;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use thymbra_format::schema::CompactionParams;

/// What a strategy knows of an SSTable.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Candidate {
    /// Generation, unique in the table.
    pub(crate) generation: u64,
    /// Bytes of the data on the disk.
    pub(crate) size_bytes: u64,
    /// Reads per second and key; 0 when nobody reads.
    pub(crate) hotness: f64,
    /// Whether a compaction of this SSTable alone is expected to drop enough tombstones.
    pub(crate) is_worth_dropping: bool,
}

/// The options of a table, with Cassandra's names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Options {
    /// Fewest SSTables of a bucket that are worth a compaction.
    pub(crate) min_threshold: usize,
    /// Most SSTables that one compaction takes.
    pub(crate) max_threshold: usize,
    /// An SSTable is too small for a bucket below this share of its average.
    pub(crate) bucket_low: f64,
    /// An SSTable is too large for a bucket above this multiple of its average.
    pub(crate) bucket_high: f64,
    /// SSTables below this size share one bucket, bytes.
    pub(crate) min_sstable_size_bytes: u64,
    /// Which SSTables are compacted alone.
    pub(crate) tombstones: TombstoneOptions,
}

/// SSTables of like size, and their average size.
#[derive(Clone, Debug, Default)]
struct Bucket {
    average_size_bytes: u64,
    members: Vec<Candidate>,
}

impl Bucket {
    fn hotness(&self) -> f64 {
        self.members.iter().map(|member| member.hotness).sum()
    }

    /// The hottest of it, as many as one compaction takes, with their own average.
    fn trimmed(mut self, max_threshold: usize) -> Self {
        self.members.sort_by(|left, right| {
            right
                .hotness
                .total_cmp(&left.hotness)
                .then(left.generation.cmp(&right.generation))
        });
        self.members.truncate(max_threshold);
        let total_bytes: u64 = self.members.iter().map(|member| member.size_bytes).sum();
        let average = total_bytes.checked_div(self.members.len() as u64);
        self.average_size_bytes = average.unwrap_or_default();
        self
    }
}

impl Options {
    /// What a table's definition says; `None` where it wants no compaction in the background.
    pub(crate) fn of(params: &CompactionParams) -> Option<Self> {
        let CompactionParams::SizeTiered(params) = params;
        let count = |threshold| usize::try_from(threshold).unwrap_or(usize::MAX);
        params.enabled.then(|| Self {
            min_threshold: count(params.min_threshold),
            max_threshold: count(params.max_threshold),
            bucket_low: params.bucket_low,
            bucket_high: params.bucket_high,
            min_sstable_size_bytes: params.min_sstable_size_bytes,
            tombstones: TombstoneOptions::of(params),
        })
    }
}

/// Generations of the SSTables to compact next; empty when nothing is worth it.
///
/// Cassandra: `SizeTieredCompactionStrategy.getNextBackgroundSSTables`.
//= WP-CP-03
pub(crate) fn next_background_sstables(candidates: &[Candidate], options: &Options) -> Vec<u64> {
    let interesting = buckets(candidates, options)
        .into_iter()
        .map(|bucket| bucket.trimmed(options.max_threshold))
        .filter(|bucket| bucket.members.len() >= options.min_threshold)
        .max_by(compare_interest);
    match interesting {
        Some(bucket) => bucket.members.iter().map(|member| member.generation).collect(),
        None => droppable(candidates).into_iter().collect(),
    }
}

/// Hotter first, and among equally hot ones the larger.
fn compare_interest(left: &Bucket, right: &Bucket) -> Ordering {
    left.hotness()
        .total_cmp(&right.hotness())
        .then(left.average_size_bytes.cmp(&right.average_size_bytes))
}

/// All candidates in buckets of like size.
///
/// Cassandra: `SizeTieredCompactionStrategy.getBuckets`, with buckets tried from the smallest
/// average on, where a hash map gives no order.
fn buckets(candidates: &[Candidate], options: &Options) -> Vec<Bucket> {
    let mut sorted = candidates.to_vec();
    sorted.sort_by_key(|candidate| (candidate.size_bytes, candidate.generation));
    let mut buckets = BTreeMap::<u64, Vec<Candidate>>::new();
    for candidate in sorted {
        let fitting = buckets
            .keys()
            .copied()
            .find(|average| fits(candidate.size_bytes, *average, options));
        let (average, mut members) = match fitting {
            Some(average) => {
                let members = buckets.remove(&average).unwrap_or_default();
                let count = members.len() as u64;
                let total = average.saturating_mul(count).saturating_add(candidate.size_bytes);
                (total / (count + 1), members)
            }
            None => (candidate.size_bytes, Vec::new()),
        };
        members.push(candidate);
        // Two buckets may come to one average; they are one from then on.
        buckets.entry(average).or_default().append(&mut members);
    }
    buckets
        .into_iter()
        .map(|(average_size_bytes, members)| Bucket {
            average_size_bytes,
            members,
        })
        .collect()
}

/// Whether a size belongs to a bucket of an average.
#[expect(
    clippy::cast_precision_loss,
    reason = "sizes are compared with a factor; a bit in 2^53 decides nothing"
)]
fn fits(size_bytes: u64, average_size_bytes: u64, options: &Options) -> bool {
    let (size, average) = (size_bytes as f64, average_size_bytes as f64);
    let alike = size > average * options.bucket_low && size < average * options.bucket_high;
    let small =
        size_bytes < options.min_sstable_size_bytes && average_size_bytes < options.min_sstable_size_bytes;
    alike || small
}

/// The largest SSTable that is worth a compaction of its own.
fn droppable(candidates: &[Candidate]) -> Option<u64> {
    candidates
        .iter()
        .filter(|candidate| candidate.is_worth_dropping)
        .max_by_key(|candidate| (candidate.size_bytes, candidate.generation))
        .map(|candidate| candidate.generation)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    const OPTIONS: Options = Options {
        min_threshold: 4,
        max_threshold: 32,
        bucket_low: 0.5,
        bucket_high: 1.5,
        min_sstable_size_bytes: 50 * MIB,
        tombstones: TombstoneOptions {
            tombstone_threshold: 0.2,
            tombstone_compaction_interval_ms: 86_400_000,
            unchecked_tombstone_compaction: false,
        },
    };

    /// SSTables of these sizes that nobody reads, with generations from 1.
    fn unread(sizes: &[u64]) -> Vec<Candidate> {
        (1..)
            .zip(sizes)
            .map(|(generation, size_bytes)| Candidate {
                generation,
                size_bytes: *size_bytes,
                hotness: 0.0,
                is_worth_dropping: false,
            })
            .collect()
    }

    fn next(candidates: &[Candidate]) -> Vec<u64> {
        let mut chosen = next_background_sstables(candidates, &OPTIONS);
        chosen.sort_unstable();
        chosen
    }

    //= WP-CP-03 check
    #[test]
    fn three_alike_are_left_alone_and_four_are_compacted() {
        assert_eq!(next(&unread(&[100 * MIB, 110 * MIB, 90 * MIB])), [0_u64; 0]);
        assert_eq!(
            next(&unread(&[100 * MIB, 110 * MIB, 90 * MIB, 120 * MIB])),
            [1, 2, 3, 4]
        );
    }

    //= WP-CP-03 check
    #[test]
    fn small_sstables_share_a_bucket_whatever_their_size() {
        assert_eq!(next(&unread(&[1, MIB, 10 * MIB, 49 * MIB])), [1, 2, 3, 4]);
        assert_eq!(next(&unread(&[1, MIB, 10 * MIB, 50 * MIB])), [0_u64; 0]);
    }

    //= WP-CP-03 check
    #[test]
    fn bounds_of_a_bucket_are_not_in_it() {
        // 100 and 150: 150 < 100 * 1.5 does not hold. The average of 100 and 149 is 124, and 186 is too large.
        assert_eq!(
            next(&unread(&[100 * MIB, 150 * MIB, 150 * MIB, 150 * MIB])),
            [0_u64; 0]
        );
        assert_eq!(
            next(&unread(&[100 * MIB, 149 * MIB, 149 * MIB, 149 * MIB])),
            [1, 2, 3, 4]
        );
        assert_eq!(
            next(&unread(&[100 * MIB, 200 * MIB, 200 * MIB, 200 * MIB, 200 * MIB])),
            [2, 3, 4, 5]
        );
    }

    //= WP-CP-03 check
    #[test]
    fn among_buckets_that_nobody_reads_the_larger_is_taken_and_a_hot_one_before() {
        let mut candidates = unread(&[MIB, MIB, MIB, MIB, 900 * MIB, 900 * MIB, 900 * MIB, 900 * MIB]);
        assert_eq!(next(&candidates), [5, 6, 7, 8]);
        candidates[0].hotness = 0.1;
        assert_eq!(next(&candidates), [1, 2, 3, 4]);
    }

    //= WP-CP-03 check
    #[test]
    fn one_compaction_takes_no_more_than_the_threshold_and_the_hottest_first() {
        let mut candidates = unread(&[MIB; 40]);
        candidates[39].hotness = 1.0;
        let chosen = next(&candidates);
        assert_eq!(chosen.len(), 32);
        assert!(chosen.contains(&40), "{chosen:?}");
        assert!(!chosen.contains(&39), "{chosen:?}");
    }

    //= WP-CP-03 check
    #[test]
    fn largest_sstable_that_is_worth_it_is_compacted_alone_where_there_is_nothing_else() {
        let mut candidates = unread(&[MIB, 70 * MIB, 200 * MIB]);
        candidates[0].is_worth_dropping = true;
        assert_eq!(next(&candidates), [1]);
        candidates[1].is_worth_dropping = true;
        assert_eq!(next(&candidates), [2]);
        candidates.extend(unread(&[1, 1, 1, 1]).into_iter().map(|other| Candidate {
            generation: other.generation + 3,
            ..other
        }));
        assert_eq!(next(&candidates), [1, 4, 5, 6, 7]);
    }

    //= WP-CP-03 check
    #[test]
    fn only_those_that_are_taken_count_for_the_average_of_a_bucket() {
        let bucket = Bucket {
            average_size_bytes: 120,
            members: unread(&[100, 110, 100, 90, 200]),
        };
        assert_eq!(bucket.clone().trimmed(4).average_size_bytes, 100);
        assert_eq!(bucket.trimmed(5).average_size_bytes, 120);
    }
}
