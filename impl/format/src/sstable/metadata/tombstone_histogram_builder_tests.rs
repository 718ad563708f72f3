//! Laws of the builder: nothing is lost, few points are exact, many stay near.

use super::*;
use quickcheck::quickcheck;
use std::collections::BTreeMap;

fn of(times: impl IntoIterator<Item = i64>) -> TombstoneHistogram {
    let mut builder = TombstoneHistogramBuilder::default();
    times
        .into_iter()
        .for_each(|time| builder.update(LocalDeletionTime(time)));
    builder.build()
}

fn total(histogram: &TombstoneHistogram) -> u64 {
    histogram.bins().iter().map(|(_, count)| count).sum()
}

quickcheck! {
    fn few_points_are_counted_by_the_minute(times: Vec<u32>) -> bool {
        let times: Vec<i64> = times.iter().map(|time| i64::from(time % 5_000)).collect();
        let mut minutes = BTreeMap::new();
        for time in &times {
            *minutes.entry((time + 59) / 60 * 60).or_insert(0_u64) += 1;
        }
        of(times).bins() == minutes.into_iter().collect::<Vec<_>>()
    }

    fn nothing_is_lost_and_points_ascend(times: Vec<i32>, repeats: u8) -> bool {
        let times: Vec<i64> = times.iter().map(|time| i64::from(time & i32::MAX)).collect();
        let histogram = of((0..=i64::from(repeats)).flat_map(|step| {
            times.iter().map(move |time| (time + step * 60).min(i64::from(i32::MAX) - 1))
        }));
        histogram.bins().len() <= 100
            && histogram.bins().is_sorted_by(|left, right| left.0 < right.0)
            && total(&histogram) == times.len() as u64 * (u64::from(repeats) + 1)
    }
}

#[test]
fn time_that_is_none_counts_nothing() {
    assert_eq!(of([LocalDeletionTime::NONE.0]).bins(), []);
    assert_eq!(of([0, 1, 60, 61]).bins(), [(0, 1), (60, 2), (120, 1)]);
}

#[test]
fn hundred_points_stay_and_one_more_merges_the_nearest() {
    let spread = |count: i64| (0..count).map(|step| step * 6_000);
    assert_eq!(of(spread(100)).bins().len(), 100);
    let merged = of(spread(100).chain([5_940 * 100]).chain([5_940 * 100]));
    assert_eq!(merged.bins().len(), 100);
    // 99 * 6000 = 594000 comes three times; nothing was near it.
    assert_eq!(merged.bins()[99], (594_000, 3));
    let merged = of(spread(100).chain([120]));
    assert_eq!(
        merged.bins()[..2],
        [(60, 2), (6_000, 1)],
        "0 and 120 have become one"
    );
    let merged = of(spread(100).chain([60, 60, 60]));
    assert_eq!(
        merged.bins()[..2],
        [(60, 4), (6_000, 1)],
        "45 is rounded up to a minute"
    );
}

#[test]
fn more_points_than_the_spool_holds_are_gathered_on_the_way() {
    // Every minute of a hundred days.
    let minutes = 144_000;
    let histogram = of((0..minutes).map(|minute| minute * 60));
    assert_eq!((histogram.bins().len(), total(&histogram)), (100, 144_000));
}

/// The rule of the spool, restated over a map: cells are given up in ascending order.
#[test]
fn spool_gives_up_points_by_their_cells() {
    let mut spool = Spool::new();
    let mut cells: BTreeMap<usize, (i64, u64)> = BTreeMap::new();
    for step in 0..3_000_i64 {
        let point = (step * step % 2_000) * 60;
        assert!(spool.try_add_or_accumulate(point, 1));
        let mut cell = usize::try_from((i128::from(point) * 948_701_839) % (1 << 17)).unwrap();
        while cells.get(&cell).is_some_and(|(known, _)| *known != point) {
            cell += 1;
        }
        cells.entry(cell).or_insert((point, 0)).1 += 1;
    }
    assert_eq!(
        spool.drain().collect::<Vec<_>>(),
        cells.into_values().collect::<Vec<_>>()
    );
    assert_eq!(spool.drain().count(), 0);
}

/// Made with the class of Cassandra 5.0.9 from the times that [`scattered`] gives: number of times,
/// number of bins, CRC-32 of the bins as text.
const OF_CASSANDRA: [(i64, usize, u32); 5] = [
    (50, 40, 4_211_892_846),
    (101, 70, 2_313_460_859),
    (500, 100, 1_720_358_725),
    (5_000, 100, 1_361_732_422),
    (140_000, 100, 1_476_024_999),
];

/// Times from a linear congruential generator, spread over 97 seconds for each.
fn scattered(count: i64) -> impl Iterator<Item = i64> {
    let states = core::iter::successors(Some(12_345_i64), |state| {
        Some((state * 1_103_515_245 + 12_345) % (1 << 31))
    });
    let take = usize::try_from(count).unwrap();
    states
        .skip(1)
        .take(take)
        .map(move |state| 1_700_000_000 + state % (count * 97))
}

#[test]
fn bins_are_those_of_cassandra_however_many_times_there_are() {
    for (count, bin_count, checksum) in OF_CASSANDRA {
        let histogram = of(scattered(count));
        let text: String = histogram
            .bins()
            .iter()
            .map(|(point, count)| format!("{point}:{count},"))
            .collect();
        let found = (histogram.bins().len(), crc32fast::hash(text.as_bytes()));
        assert_eq!(found, (bin_count, checksum), "{count} times: {text}");
    }
}
