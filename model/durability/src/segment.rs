//! Segments of the commit log: their ids, what is dirty in them, and when they may go.
//!
//! Appends mark a segment dirty for a table, flushes mark it clean; a segment that is clean for
//! every table is deleted. Chapter: `specs/06-commit-log.md`. Source: Cassandra
//! `db.commitlog.CommitLogSegment`, `AbstractCommitLogSegmentManager`.

use alloc::collections::BTreeMap;
use thymbra_types::{CommitLogPosition, IntervalSet, Reference, TableId};

/// Bytes of a record beside the mutation: size, checksum of the size, checksum of all.
pub const RECORD_OVERHEAD_BYTES: u64 = 12;

/// The decisions about segments.
pub trait SegmentRules {
    /// The id below which all segments belong to earlier lives of the node; the first segment of
    /// this life has the next one.
    ///
    /// `highest_known_id` is the highest of the segments on disk, of the positions that SSTables say
    /// are flushed, and of the truncation records: a clock that was set back must not lead to ids
    /// that one of them covers. Absent when the ids are used up.
    //= WP-CL-07
    fn segment_id_base(&self, now_ms: i64, highest_known_id: Option<i64>) -> Option<i64> {
        match highest_known_id {
            None => Some(now_ms),
            Some(highest) => Some(now_ms.max(highest.checked_add(1)?)),
        }
    }

    /// The id of the segment that follows one; the first follows the base. Absent when ids are used up.
    fn next_segment_id(&self, previous_id: i64) -> Option<i64> {
        previous_id.checked_add(1)
    }

    /// Whether a segment on disk was written by an earlier life and is replayed at start.
    fn is_of_earlier_life(&self, segment_id: i64, segment_id_base: i64) -> bool {
        segment_id < segment_id_base
    }

    /// The largest record that a segment takes, overhead included, unless configured lower.
    fn max_record_size_bytes(&self, segment_size_bytes: u64) -> u64 {
        segment_size_bytes / 2
    }

    /// Whether a mutation is small enough for the commit log; a larger one is refused to the client.
    /// Cassandra: `CommitLog.add`.
    //= WP-CL-01
    fn accepts_mutation_size(&self, serialized_size_bytes: u64, max_record_size_bytes: u64) -> bool {
        serialized_size_bytes
            .checked_add(RECORD_OVERHEAD_BYTES)
            .is_some_and(|size_bytes| size_bytes <= max_record_size_bytes)
    }

    /// Whether a record fits into what is left of a segment; the last byte is never used.
    /// Cassandra: `CommitLogSegment.allocate`.
    fn fits(&self, allocated_to: u32, record_size_bytes: u64, segment_size_bytes: u64) -> bool {
        u64::from(allocated_to)
            .checked_add(record_size_bytes)
            .is_some_and(|next| next < segment_size_bytes)
    }

    /// Whether a marker that publishes records of a segment may be written.
    ///
    /// Only once all earlier segments are synced to their end: what a power loss takes is then a
    /// suffix of the log, and only its last segment can be torn. Cassandra lets the markers between
    /// two syncs precede that.
    //= WP-CL-10
    fn may_write_marker(&self, earlier_segments_synced: bool) -> bool {
        earlier_segments_synced
    }

    /// Whether flushes have written everything that a table has in a segment.
    ///
    /// Both are half-open, start excluded: `dirty` from the start of the table's first record to the
    /// end of its last, `clean` the bounds of the memtables that were flushed.
    //= WP-CL-06
    fn is_clean(&self, dirty: (u32, u32), clean: &IntervalSet<u32>) -> bool {
        clean
            .iter()
            .any(|(start, end)| *start <= dirty.0 && dirty.1 <= *end)
    }

    /// Whether a segment may be deleted. Cassandra: `CommitLogSegment.isUnused`.
    //= WP-CL-06
    fn may_discard(&self, still_allocating: bool, has_dirty_table: bool) -> bool {
        !still_allocating && !has_dirty_table
    }

    /// How many of the oldest segments must become clean to bring the log under its limit.
    ///
    /// All tables that are dirty in them are flushed. `sizes_bytes` lists the segments from the
    /// oldest, without the one that allocates. Cassandra:
    /// `AbstractCommitLogSegmentManager.maybeFlushToReclaim`.
    //= WP-CL-08
    fn segments_to_reclaim(&self, sizes_bytes: &[u64], total_bytes: u64, limit_bytes: u64) -> usize {
        let mut left_bytes = total_bytes;
        sizes_bytes
            .iter()
            .take_while(|size_bytes| {
                let over = left_bytes > limit_bytes;
                left_bytes = left_bytes.saturating_sub(**size_bytes);
                over
            })
            .count()
    }
}

impl SegmentRules for Reference {}

/// What one segment still holds that no flush has written, table by table.
///
/// Intervals exclude their start and include their end, as memtables own positions: a record that
/// ends where a memtable begins belongs to the memtable before. Neighbours that share a bound join.
///
/// Invariants: starts lie before ends; a table has something clean only if it has something dirty.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct SegmentDirtiness<T = TableId> {
    /// Which segment this is about.
    segment_id: i64,
    /// Whether records may still be added.
    still_allocating: bool,
    /// From the start of the first record to the end of the last.
    dirty: BTreeMap<T, (u32, u32)>,
    /// What flushes have written.
    clean: BTreeMap<T, IntervalSet<u32>>,
}

impl<T: Copy + Ord> SegmentDirtiness<T> {
    /// A new segment, into which records may be put.
    #[must_use]
    pub const fn new(segment_id: i64) -> Self {
        Self {
            segment_id,
            still_allocating: true,
            dirty: BTreeMap::new(),
            clean: BTreeMap::new(),
        }
    }

    /// Which segment this is about.
    #[must_use]
    pub const fn segment_id(&self) -> i64 {
        self.segment_id
    }

    /// Notes a record of a table, by the offsets of its start and its end.
    ///
    /// # Panics
    /// When the record is empty, or allocation has ended.
    pub fn mark_dirty(&mut self, table: T, start: u32, end: u32) {
        assert!(start < end, "a record ends after its start");
        assert!(self.still_allocating, "a segment takes no record after its last");
        let covered = self.dirty.entry(table).or_insert((start, end));
        *covered = (covered.0.min(start), covered.1.max(end));
    }

    /// Notes that no further record comes.
    pub fn finish_allocating(&mut self) {
        self.still_allocating = false;
    }

    /// Notes that a flush has written what a table has after `lower`, up to and including `upper`.
    ///
    /// Cassandra: `CommitLogSegment.markClean`.
    pub fn mark_clean(&mut self, table: T, lower: CommitLogPosition, upper: CommitLogPosition) {
        // A record that is put here later lies behind `upper`, so that nothing is missed.
        let concerns_it = self.dirty.contains_key(&table);
        let reaches_it = lower.segment_id <= self.segment_id && self.segment_id <= upper.segment_id;
        if lower >= upper || !concerns_it || !reaches_it {
            return;
        }
        let start = match lower.segment_id == self.segment_id {
            true => lower.position,
            false => 0,
        };
        let end = match upper.segment_id == self.segment_id {
            true => upper.position,
            false => u32::MAX,
        };
        self.clean
            .entry(table)
            .or_insert_with(IntervalSet::empty)
            .add(start, end);
    }

    /// Whether some table has a record here that no flush has written.
    #[must_use]
    pub fn has_dirty_table(&self, rules: &(impl SegmentRules + ?Sized)) -> bool {
        self.dirty_tables(rules).next().is_some()
    }

    /// The tables that must be flushed before this segment can go.
    pub fn dirty_tables<'a>(
        &'a self,
        rules: &'a (impl SegmentRules + ?Sized),
    ) -> impl Iterator<Item = T> + 'a {
        self.dirty
            .iter()
            .filter(|(table, dirty)| {
                let clean = self.clean.get(table);
                !clean.is_some_and(|clean| rules.is_clean(**dirty, clean))
            })
            .map(|(table, _)| *table)
    }

    /// Whether the segment may be deleted.
    #[must_use]
    pub fn is_unused(&self, rules: &(impl SegmentRules + ?Sized)) -> bool {
        rules.may_discard(self.still_allocating, self.has_dirty_table(rules))
    }

    /// Forgets a table that was dropped: nothing of it will be replayed.
    pub fn forget(&mut self, table: T) {
        self.dirty.remove(&table);
        self.clean.remove(&table);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    const RULES: &dyn SegmentRules = &Reference;

    fn at(segment_id: i64, position: u32) -> CommitLogPosition {
        CommitLogPosition { segment_id, position }
    }

    /// Segment 5 with records of tables 1 (0-10, 20-30) and 2 (10-20), full.
    fn segment() -> SegmentDirtiness<u8> {
        let mut segment = SegmentDirtiness::new(5);
        segment.mark_dirty(1, 0, 10);
        segment.mark_dirty(2, 10, 20);
        segment.mark_dirty(1, 20, 30);
        segment.finish_allocating();
        segment
    }

    fn dirty(segment: &SegmentDirtiness<u8>) -> Vec<u8> {
        segment.dirty_tables(RULES).collect()
    }

    //= WP-CL-07 check
    #[test]
    fn ids_of_a_new_life_follow_all_known_ones_whatever_the_clock_says() {
        for highest in -1..4_i64 {
            for now_ms in 0..6_i64 {
                let base = RULES
                    .segment_id_base(now_ms, Some(highest))
                    .expect("ids are left");
                let first = RULES.next_segment_id(base).expect("ids are left");
                assert!(first > highest && base >= now_ms);
                assert!(RULES.is_of_earlier_life(highest, base));
                assert!(!RULES.is_of_earlier_life(base, base));
                assert_eq!(base, if now_ms > highest { now_ms } else { highest + 1 });
            }
        }
        assert_eq!(RULES.segment_id_base(7, None), Some(7));
        assert_eq!(RULES.next_segment_id(7), Some(8));
    }

    #[test]
    fn ids_that_are_used_up_are_not_used_again() {
        assert_eq!(RULES.segment_id_base(0, Some(i64::MAX)), None);
        assert_eq!(RULES.next_segment_id(i64::MAX), None);
    }

    //= WP-CL-01 check
    #[test]
    fn record_of_half_a_segment_is_the_largest() {
        assert_eq!(RULES.max_record_size_bytes(32), 16);
        assert!(RULES.accepts_mutation_size(4, 16));
        assert!(!RULES.accepts_mutation_size(5, 16));
        assert!(!RULES.accepts_mutation_size(u64::MAX, u64::MAX));
        assert!(RULES.fits(20, 11, 32));
        assert!(!RULES.fits(20, 12, 32));
        assert!(!RULES.fits(20, u64::MAX, 32));
    }

    //= WP-CL-10 check
    #[test]
    fn marker_waits_for_the_sync_of_earlier_segments() {
        assert!(RULES.may_write_marker(true));
        assert!(!RULES.may_write_marker(false));
    }

    //= WP-CL-06 check
    #[test]
    fn segment_is_dirty_until_every_table_was_flushed() {
        let mut segment = segment();
        assert_eq!(dirty(&segment), [1, 2]);
        segment.mark_clean(1, at(4, 7), at(5, 30));
        assert_eq!(dirty(&segment), [2]);
        assert!(!segment.is_unused(RULES));
        segment.mark_clean(2, at(5, 10), at(6, 0));
        assert_eq!(dirty(&segment), []);
        assert!(segment.is_unused(RULES));
    }

    #[test]
    fn flushes_that_share_a_bound_cover_together_in_either_order() {
        for order in [[0, 1], [1, 0]] {
            let mut segment = segment();
            for part in order {
                assert!(dirty(&segment).contains(&1));
                let (lower, upper) = [(at(5, 0), at(5, 15)), (at(5, 15), at(5, 30))][part];
                segment.mark_clean(1, lower, upper);
            }
            assert_eq!(dirty(&segment), [2]);
        }
    }

    #[test]
    fn gap_of_one_byte_keeps_a_table_dirty() {
        let mut segment = segment();
        segment.mark_clean(1, at(5, 0), at(5, 14));
        segment.mark_clean(1, at(5, 15), at(5, 30));
        assert!(dirty(&segment).contains(&1));
    }

    //= WP-CL-06 check
    #[test]
    fn record_that_ends_or_begins_at_a_bound_is_on_the_right_side() {
        for (lower, upper, clean) in [(0, 30, true), (1, 30, false), (0, 29, false), (10, 30, false)] {
            let mut segment = segment();
            segment.mark_clean(1, at(5, lower), at(5, upper));
            assert_eq!(!dirty(&segment).contains(&1), clean, "{lower} {upper}");
        }
    }

    #[test]
    fn bounds_in_other_segments_reach_as_far_as_this_one() {
        for (lower, upper, clean) in [
            (at(4, 0), at(6, 0), true),
            (at(5, 0), at(6, 0), true),
            (at(4, 99), at(5, 30), true),
            (at(4, 0), at(5, 29), false),
            (at(3, 0), at(4, 99), false),
            (at(6, 0), at(7, 0), false),
            (at(5, 30), at(5, 0), false),
            (at(5, 30), at(5, 30), false),
        ] {
            let mut segment = segment();
            segment.mark_clean(1, lower, upper);
            assert_eq!(!dirty(&segment).contains(&1), clean, "{lower} {upper}");
        }
    }

    #[test]
    fn flush_of_a_table_without_records_leaves_no_trace() {
        let mut flushed = segment();
        flushed.mark_clean(3, at(5, 0), at(5, 30));
        assert_eq!(flushed, segment());
    }

    #[test]
    fn segment_that_allocates_is_never_discarded() {
        let mut segment = SegmentDirtiness::<u8>::new(5);
        assert_eq!(segment.segment_id(), 5);
        assert!(!segment.has_dirty_table(RULES));
        assert!(!segment.is_unused(RULES));
        segment.finish_allocating();
        assert!(segment.is_unused(RULES));
        for still_allocating in [false, true] {
            for has_dirty_table in [false, true] {
                let may = RULES.may_discard(still_allocating, has_dirty_table);
                assert_eq!(may, (still_allocating, has_dirty_table) == (false, false));
            }
        }
    }

    #[test]
    fn dropped_table_holds_no_segment() {
        let mut segment = segment();
        segment.forget(1);
        assert_eq!(dirty(&segment), [2]);
        segment.forget(2);
        assert!(segment.is_unused(RULES));
    }

    #[test]
    #[should_panic(expected = "a segment takes no record after its last")]
    fn record_after_the_end_of_allocation_is_refused() {
        segment().mark_dirty(1, 30, 40);
    }

    //= WP-CL-08 check
    #[test]
    fn as_many_oldest_segments_are_reclaimed_as_bring_the_log_under_its_limit() {
        let sizes_bytes = [10, 20, 30];
        for (limit_bytes, count) in [
            (100, 0),
            (70, 0),
            (69, 1),
            (60, 1),
            (59, 2),
            (40, 2),
            (39, 3),
            (0, 3),
        ] {
            assert_eq!(
                RULES.segments_to_reclaim(&sizes_bytes, 70, limit_bytes),
                count,
                "{limit_bytes}"
            );
        }
        assert_eq!(RULES.segments_to_reclaim(&[], 70, 0), 0);
    }
}
