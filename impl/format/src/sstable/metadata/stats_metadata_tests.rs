//! Laws of STATS: it comes back in each version, damage is found, estimates are Cassandra's.

use super::*;
use proptest::prelude::*;

fn sample() -> StatsMetadata {
    let mut sizes = EstimatedHistogram::of_partition_sizes();
    let mut cells = EstimatedHistogram::of_cell_counts();
    for (size, count) in [(35, 3), (70, 4), (80, 6), (400, 35)] {
        sizes.add(size, &mut 0);
        cells.add(count, &mut 0);
    }
    let position = |segment_id, position| CommitLogPosition { segment_id, position };
    let mut commit_log_intervals = IntervalSet::empty();
    commit_log_intervals.add(
        position(1_795_245_231_477, 6_475),
        position(1_795_245_231_477, 508_133),
    );
    commit_log_intervals.add(position(1_795_245_231_478, 20), position(1_795_245_231_479, 3));
    StatsMetadata {
        estimated_partition_size: sizes,
        estimated_cell_per_partition_count: cells,
        commit_log_intervals,
        min_timestamp: Timestamp(1_699_999_999_999_999),
        max_timestamp: Timestamp(1_700_000_000_000_004),
        min_local_deletion_time: LocalDeletionTime(1_795_245_359),
        max_local_deletion_time: LocalDeletionTime::NONE,
        min_ttl_seconds: 0,
        max_ttl_seconds: 86_400,
        compression_ratio: Some(0.798_668_85),
        estimated_tombstone_drop_time: TombstoneHistogram::of_bins([(1_795_245_360, 6)].into()),
        sstable_level: 2,
        repaired_at_ms: 17,
        min_clustering_values: vec![[0; 4].into(), [].into()],
        max_clustering_values: vec![],
        has_legacy_counter_shards: false,
        total_columns_set: 41,
        total_rows: 4,
        pending_repair: Some(5),
        is_transient: true,
        originating_host_id: Some(0xab73_2a08),
    }
}

fn written(stats: &StatsMetadata, version: Version) -> Vec<u8> {
    let mut out = Vec::new();
    stats.write(version, &mut out).expect("short values");
    out
}

fn read(bytes: &[u8], version: Version) -> Result<StatsMetadata, FormatError> {
    let mut cursor = Cursor::new(bytes);
    let stats = StatsMetadata::read(&mut cursor, version)?;
    assert!(cursor.is_at_end());
    Ok(stats)
}

#[test]
fn statistics_come_back_and_the_host_only_in_nb() {
    let stats = sample();
    assert_eq!(
        read(&written(&stats, Version::Nb), Version::Nb),
        Ok(stats.clone())
    );
    let without_host = StatsMetadata {
        originating_host_id: None,
        ..stats.clone()
    };
    assert_eq!(read(&written(&stats, Version::Na), Version::Na), Ok(without_host));
    let plain = StatsMetadata {
        compression_ratio: None,
        commit_log_intervals: IntervalSet::empty(),
        pending_repair: None,
        ..stats
    };
    assert_eq!(read(&written(&plain, Version::Nb), Version::Nb), Ok(plain));
}

#[test]
fn times_beyond_the_format_are_the_last_that_it_has() {
    let stats = StatsMetadata {
        max_local_deletion_time: LocalDeletionTime(1 << 40),
        ..sample()
    };
    let found = read(&written(&stats, Version::Nb), Version::Nb).map(|stats| stats.max_local_deletion_time);
    assert_eq!(found, Ok(LocalDeletionTime(2_147_483_646)));
}

#[test]
fn droppable_share_is_that_of_sstablemetadata() {
    let ratio = |gc_before| sample().estimated_droppable_tombstone_ratio(gc_before);
    // Six of four times twelve cells, as for the table types_lz4.
    assert!((ratio(1_795_245_360) - 0.125).abs() < 1e-12);
    assert!(ratio(1_795_245_359).abs() < 1e-12);
    let empty = StatsMetadata {
        estimated_cell_per_partition_count: EstimatedHistogram::of_cell_counts(),
        ..sample()
    };
    assert!(empty.estimated_droppable_tombstone_ratio(i64::MAX).abs() < 1e-12);
}

#[test]
fn interval_that_ends_before_it_starts_is_an_error() {
    let bytes = written(&sample(), Version::Nb);
    let mut end = Vec::new();
    write_position(
        CommitLogPosition {
            segment_id: 1_795_245_231_477,
            position: 508_133,
        },
        &mut end,
    );
    let found = bytes.windows(12).position(|window| window == end);
    let place = found.expect("end of the first interval");
    let mut damaged = bytes.clone();
    damaged[place + 9] = 0;
    damaged[place + 10] = 0;
    assert!(matches!(
        read(&damaged, Version::Nb),
        Err(FormatError::Invalid {
            what: "commit log intervals",
            ..
        })
    ));
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = written(&sample(), Version::Nb);
    for length in 0..bytes.len() {
        assert!(read(&bytes[..length], Version::Nb).is_err(), "cut at {length}");
    }
}

proptest! {
    /// The checksum of the component is around all this; without it, damage is an error or another
    /// value, and never a panic or a huge allocation.
    #[test]
    fn any_flipped_byte_is_an_error_or_another_value(index: prop::sample::Index, flipped in 1_u8..) {
        let mut bytes = written(&sample(), Version::Nb);
        let index = index.index(bytes.len());
        bytes[index] ^= flipped;
        let _ = StatsMetadata::read(&mut Cursor::new(&bytes), Version::Nb);
    }
}
