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
