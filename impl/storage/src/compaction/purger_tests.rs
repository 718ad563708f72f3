//! A purge takes what its definition says, whatever stretches the partition comes in.

use super::*;
use crate::stretch::tests::{Dice as StretchDice, joined};
use thymbra_types::{CellName, Clustering, Ttl};

/// Purges a partition that comes as a whole.
fn purge(
    partition: &mut Partition,
    now_seconds: i64,
    gc_before: LocalDeletionTime,
    limit: &mut dyn FnMut() -> PurgeLimit,
) -> Purged {
    let mut purger = Purger::new(now_seconds, gc_before, limit);
    let mut whole = Stretch::whole(std::mem::take(partition));
    purger.purge(&mut whole);
    *partition = whole.partition;
    purger.finish()
}

const NOW_SECONDS: i64 = 1_000;

fn ttl(seconds: i32) -> Ttl {
    Ttl::new(seconds).expect("a TTL in range")
}

fn partition_of(cell: Cell) -> Partition {
    let mut row = Row::default();
    row.cells.insert(CellName::simple("v"), cell);
    let mut partition = Partition::default();
    partition.rows.insert(Clustering::default(), row);
    partition
}

fn purged(mut partition: Partition, gc_before: i64) -> Partition {
    purge(
        &mut partition,
        NOW_SECONDS,
        LocalDeletionTime(gc_before),
        &mut || PurgeLimit::Everything,
    );
    partition
}

//= WP-CP-02 check
#[test]
fn tombstone_goes_with_its_row_when_it_may_and_stays_otherwise() {
    let partition = partition_of(Cell::tombstone(Timestamp(1), LocalDeletionTime(500)));
    assert!(purged(partition.clone(), 501).is_empty());
    assert_eq!(purged(partition.clone(), 500), partition);
}

//= WP-CP-02 check
#[test]
fn live_cell_stays_whatever_may_go() {
    let live = partition_of(Cell::live(Timestamp(1), *b"v"));
    assert_eq!(purged(live.clone(), i64::MAX), live);
    let expiring = partition_of(Cell::expiring(
        Timestamp(1),
        ttl(10),
        LocalDeletionTime(NOW_SECONDS + 1),
        *b"v",
    ));
    assert_eq!(purged(expiring.clone(), i64::MAX), expiring);
}

//= WP-CP-02 check
#[test]
fn expired_cell_becomes_a_tombstone_of_the_time_it_was_written_and_is_asked_again() {
    let expired = partition_of(Cell::expiring(
        Timestamp(1),
        ttl(600),
        LocalDeletionTime(NOW_SECONDS),
        *b"v",
    ));
    let tombstone = partition_of(Cell::tombstone(Timestamp(1), LocalDeletionTime(400)));
    assert_eq!(purged(expired.clone(), 400), tombstone);
    assert!(purged(expired, 401).is_empty(), "as old as its writing");
}

//= WP-CP-02 check
#[test]
fn every_kind_of_deletion_is_asked() {
    let deletion = DeletionTime::new(Timestamp(1), LocalDeletionTime(500));
    let mut partition = Partition {
        deletion,
        ..Partition::default()
    };
    partition.static_row.deletion = deletion;
    let mut row = Row {
        liveness: LivenessInfo::expiring(Timestamp(1), ttl(1), LocalDeletionTime(500)),
        deletion,
        ..Row::default()
    };
    row.complex_deletions
        .insert(thymbra_types::ColumnName("c".into()), deletion);
    partition.rows.insert(Clustering::default(), row);
    partition.range_tombstones.add(
        thymbra_types::RangeTombstone {
            start: ClusteringBound::BOTTOM,
            end: ClusteringBound::TOP,
            deletion,
        },
        &Reference,
    );
    assert_eq!(purged(partition.clone(), 500), partition);
    assert!(purged(partition, 501).is_empty());
}

//= WP-CP-02 check
#[test]
fn data_elsewhere_that_is_as_old_keeps_a_tombstone() {
    let partition = partition_of(Cell::tombstone(Timestamp(5), LocalDeletionTime(1)));
    for (oldest_elsewhere, goes) in [(4, false), (5, false), (6, true)] {
        let mut purged = partition.clone();
        let outcome = purge(&mut purged, NOW_SECONDS, LocalDeletionTime(2), &mut || {
            PurgeLimit::Below(Timestamp(oldest_elsewhere))
        });
        assert_eq!(purged.is_empty(), goes, "data of {oldest_elsewhere}");
        assert_eq!(outcome.gone_count > 0, goes);
    }
}

#[test]
fn nobody_is_asked_about_what_is_within_gc_grace() {
    let mut partition = partition_of(Cell::tombstone(Timestamp(5), LocalDeletionTime(2)));
    let outcome = purge(&mut partition, NOW_SECONDS, LocalDeletionTime(2), &mut || {
        unreachable!("gc_grace is not over")
    });
    assert_eq!(outcome.gone_count, 0);
}
/// What is left of something dead and what counts, by the definition of a purge: gone once gc_grace
/// is over and everything elsewhere is newer, kept once gc_grace is over and something is not.
#[derive(Clone, Copy, Debug)]
struct Judge {
    gc_before: i64,
    oldest_elsewhere: Option<i64>,
    expected: Purged,
}

impl Judge {
    fn stays(&mut self, timestamp: i64, dead_since: i64) -> bool {
        let is_over = dead_since < self.gc_before;
        let goes = is_over && self.oldest_elsewhere.is_none_or(|oldest| timestamp < oldest);
        self.expected.gone_count += u64::from(goes);
        self.expected.kept_count += u64::from(is_over && !goes);
        !goes
    }

    fn deletion(&mut self, made: DeletionTime) -> DeletionTime {
        let is_left = made.is_live() || self.stays(made.marked_for_delete_at.0, made.local_deletion_time.0);
        if is_left { made } else { DeletionTime::LIVE }
    }

    fn liveness(&mut self, made: LivenessInfo) -> LivenessInfo {
        let expires_at = made.local_expiration_time().0;
        let is_dead = made != LivenessInfo::EMPTY && expires_at <= NOW_SECONDS;
        if is_dead && !self.stays(made.timestamp.0, expires_at) {
            return LivenessInfo::EMPTY;
        }
        made
    }

    fn cell(&mut self, made: &Cell) -> Option<Cell> {
        let (dies_at, dead_since) = match made.kind {
            CellKind::Live => return Some(made.clone()),
            CellKind::Tombstone { local_deletion_time } => (i64::MIN, local_deletion_time.0),
            CellKind::Expiring {
                ttl,
                local_deletion_time,
            } => {
                let dies_at = local_deletion_time.0;
                (dies_at, dies_at - i64::from(ttl.seconds()))
            }
        };
        if dies_at > NOW_SECONDS {
            return Some(made.clone());
        }
        self.stays(made.timestamp.0, dead_since)
            .then(|| Cell::tombstone(made.timestamp, LocalDeletionTime(dead_since)))
    }

    fn row(&mut self, made: &Row) -> Row {
        let mut row = Row {
            liveness: self.liveness(made.liveness),
            deletion: self.deletion(made.deletion),
            ..Row::default()
        };
        for (column, deletion) in made.complex_deletions.iter() {
            let deletion = self.deletion(*deletion);
            if !deletion.is_live() {
                row.complex_deletions.insert(column.clone(), deletion);
            }
        }
        for (name, cell) in made.cells.iter() {
            if let Some(cell) = self.cell(cell) {
                row.cells.insert(name.clone(), cell);
            }
        }
        row
    }

    fn partition(&mut self, made: &Partition) -> Partition {
        let mut partition = Partition {
            deletion: self.deletion(made.deletion),
            static_row: self.row(&made.static_row),
            ..Partition::default()
        };
        for (clustering, row) in made.rows.iter() {
            let row = self.row(row);
            if row != Row::default() {
                partition.rows.insert(clustering.clone(), row);
            }
        }
        for tombstone in made.range_tombstones.iter() {
            if !self.deletion(tombstone.deletion).is_live() {
                partition.range_tombstones.add(tombstone.clone(), &Reference);
            }
        }
        partition
    }
}

/// Numbers by chance, the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: i64) -> i64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.0 >> 33).expect("31 bits") % end
    }

    fn deletion(&mut self) -> DeletionTime {
        match self.below(3) {
            0 => DeletionTime::LIVE,
            _ => DeletionTime::new(Timestamp(self.below(4)), self.second()),
        }
    }

    /// Around now and around the end of gc_grace.
    fn second(&mut self) -> LocalDeletionTime {
        LocalDeletionTime(NOW_SECONDS - 3 + self.below(6))
    }

    fn row(&mut self) -> Row {
        let timestamp = Timestamp(self.below(4));
        let mut row = Row {
            liveness: match self.below(4) {
                0 => LivenessInfo::EMPTY,
                1 => LivenessInfo::live(timestamp),
                _ => LivenessInfo::expiring(timestamp, ttl(1), self.second()),
            },
            deletion: self.deletion(),
            ..Row::default()
        };
        for column in ["m", "n"] {
            let deletion = self.deletion();
            if !deletion.is_live() {
                row.complex_deletions
                    .insert(thymbra_types::ColumnName(column.into()), deletion);
            }
            let timestamp = Timestamp(self.below(4));
            let cell = match self.below(4) {
                0 => continue,
                1 => Cell::live(timestamp, *b"v"),
                2 => Cell::tombstone(timestamp, self.second()),
                _ => Cell::expiring(timestamp, ttl(2), self.second(), *b"v"),
            };
            row.cells.insert(CellName::simple(column), cell);
        }
        row
    }
}

//= WP-CP-02 check
#[test]
fn each_part_of_a_partition_goes_stays_and_counts_for_itself() {
    let mut dice = Dice(7);
    for _ in 0..20_000 {
        let mut made = Partition {
            deletion: dice.deletion(),
            static_row: dice.row(),
            ..Partition::default()
        };
        let row = dice.row();
        if row != Row::default() {
            made.rows.insert(Clustering::default(), row);
        }
        let deletion = dice.deletion();
        if !deletion.is_live() {
            let range = thymbra_types::RangeTombstone {
                start: ClusteringBound::BOTTOM,
                end: ClusteringBound::TOP,
                deletion,
            };
            made.range_tombstones.add(range, &Reference);
        }
        let mut judge = Judge {
            gc_before: NOW_SECONDS - 3 + dice.below(6),
            oldest_elsewhere: Some(dice.below(5)).filter(|oldest| *oldest < 4),
            expected: Purged::default(),
        };
        let expected = judge.partition(&made);
        let limit = match judge.oldest_elsewhere {
            Some(oldest) => PurgeLimit::Below(Timestamp(oldest)),
            None => PurgeLimit::Everything,
        };
        let mut purged = made.clone();
        let mut asked_count = 0;
        let gc_before = LocalDeletionTime(judge.gc_before);
        let counts = purge(&mut purged, NOW_SECONDS, gc_before, &mut || {
            asked_count += 1;
            limit
        });
        assert_eq!(purged, expected, "{made:?} {judge:?}");
        assert_eq!(counts, judge.expected, "{made:?} {judge:?}");
        let is_any_over = counts != Purged::default();
        assert_eq!(asked_count, u64::from(is_any_over), "{made:?} {judge:?}");
    }
}

//= WP-CP-02 check
#[test]
fn purge_of_stretches_is_the_purge_of_the_whole_partition() {
    let mut crossings_count = 0;
    for seed in 0..20_000 {
        let mut dice = StretchDice(seed);
        let whole = dice.partition();
        let gc_before = LocalDeletionTime(i64::try_from(dice.below(4)).expect("a small number"));
        let limit = match dice.below(7) {
            6 => PurgeLimit::Everything,
            oldest => PurgeLimit::Below(Timestamp(i64::try_from(oldest).expect("a small number"))),
        };
        let mut expected = whole.clone();
        let counts = purge(&mut expected, NOW_SECONDS, gc_before, &mut || limit);

        let mut left = dice.stretches(&whole, false);
        let pieces = left
            .iter()
            .map(|stretch| stretch.partition.range_tombstones.iter().count());
        crossings_count += pieces.sum::<usize>() - whole.range_tombstones.iter().count();
        let mut ask = || limit;
        let mut purger = Purger::new(NOW_SECONDS, gc_before, &mut ask);
        let mut purged = Vec::new();
        while let Some(mut stretch) = left.pop() {
            purger.purge(&mut stretch);
            purged.push(stretch);
        }
        assert_eq!(purger.finish(), counts, "seed {seed}");
        assert_eq!(joined(purged, false), expected, "seed {seed}");
    }
    assert!(
        crossings_count > 1_000,
        "{crossings_count} range tombstones were cut"
    );
}
