//! The laws of cell reconciliation, over every cell of a small domain and by chance over a larger one.
//!
//! The oracle sorts cells by a table of keys that is written out here; it shares no code with the
//! crate. Chapter: `specs/01-data-model.md`.

use core::cmp::Ordering;
use quickcheck::{Arbitrary, Gen, quickcheck};
use thymbra_types::{Cell, CellKind, CellView, LocalDeletionTime, ReconcileRules, Reference, Timestamp, Ttl};

fn ttl() -> Ttl {
    Ttl::new(5).expect("five seconds are a TTL")
}

fn kinds() -> Vec<CellKind> {
    let mut kinds = vec![CellKind::Live];
    for local_deletion_time in [10, 20, 30].map(LocalDeletionTime) {
        kinds.push(CellKind::Expiring {
            ttl: ttl(),
            local_deletion_time,
        });
        kinds.push(CellKind::Tombstone { local_deletion_time });
    }
    kinds
}

/// Timestamp x kind x deletion time x value, three values each; 0x7f and 0x80 tell signed from unsigned.
fn domain() -> Vec<Cell> {
    let mut cells = Vec::new();
    for timestamp in [-1, 0, 7].map(Timestamp) {
        for kind in kinds() {
            for value in [&[0x7f][..], &[0x80], &[0x80, 0x00]] {
                cells.push(Cell {
                    timestamp,
                    kind,
                    value: value.into(),
                });
            }
        }
    }
    cells
}

/// Sorts as WP-DM-04 lists its rules; the last of a sorted list wins.
fn key(cell: &Cell) -> (i64, bool, bool, i64, Vec<u16>) {
    let (has_deletion_time, is_tombstone, seconds) = match cell.kind {
        CellKind::Live => (false, false, 0),
        CellKind::Expiring {
            local_deletion_time, ..
        } => (true, false, local_deletion_time.0),
        CellKind::Tombstone { local_deletion_time } => (true, true, local_deletion_time.0),
    };
    let value = cell.value.iter().map(|byte| u16::from(*byte)).collect();
    (cell.timestamp.0, has_deletion_time, is_tombstone, seconds, value)
}

fn winner<'a>(left: &'a Cell, right: &'a Cell, rules: &dyn ReconcileRules) -> &'a Cell {
    if rules.compare_cells(left.view(), right.view()).is_ge() {
        left
    } else {
        right
    }
}

//= WP-DM-01 check
//= WP-DM-04 check
#[test]
fn winner_is_the_last_of_the_sorted_key_table() {
    for left in &domain() {
        for right in &domain() {
            let order = Reference.compare_cells(left.view(), right.view());
            assert_eq!(order, key(left).cmp(&key(right)), "{left:?} {right:?}");
        }
    }
}

//= WP-DM-04 check
#[test]
fn order_of_cells_is_total_and_does_not_depend_on_sides() {
    for left in &domain() {
        for right in &domain() {
            let order = Reference.compare_cells(left.view(), right.view());
            assert_eq!(
                order,
                Reference.compare_cells(right.view(), left.view()).reverse()
            );
            assert_eq!(order == Ordering::Equal, left == right, "{left:?} {right:?}");
        }
    }
}

//= WP-DM-04 check
#[test]
fn winner_does_not_depend_on_order_or_grouping() {
    let cells = domain();
    for a in &cells {
        assert_eq!(winner(a, a, &Reference), a);
        for b in &cells {
            assert_eq!(winner(a, b, &Reference), winner(b, a, &Reference));
            for c in &cells {
                let left_first = winner(winner(a, b, &Reference), c, &Reference);
                assert_eq!(left_first, winner(a, winner(b, c, &Reference), &Reference));
            }
        }
    }
}

//= WP-DM-04 check
#[test]
fn each_rule_decides_only_what_the_rules_before_it_leave_open() {
    let at = Timestamp(1);
    let expires = |seconds| CellKind::Expiring {
        ttl: ttl(),
        local_deletion_time: LocalDeletionTime(seconds),
    };
    let deleted = |seconds| CellKind::Tombstone {
        local_deletion_time: LocalDeletionTime(seconds),
    };
    let cell = |timestamp, kind, value: &[u8]| Cell {
        timestamp,
        kind,
        value: value.into(),
    };
    // Each row: the winner, the loser, which every later rule would have preferred.
    let decisions = [
        (
            cell(Timestamp(2), CellKind::Live, &[0]),
            cell(at, deleted(9), &[9]),
        ),
        (cell(at, expires(1), &[0]), cell(at, CellKind::Live, &[9])),
        (cell(at, deleted(1), &[]), cell(at, CellKind::Live, &[9])),
        (cell(at, deleted(1), &[]), cell(at, expires(9), &[9])),
        (cell(at, expires(2), &[0]), cell(at, expires(1), &[9])),
        (cell(at, deleted(2), &[]), cell(at, deleted(1), &[9])),
        (
            cell(at, CellKind::Live, &[0x80]),
            cell(at, CellKind::Live, &[0x7f, 0xff]),
        ),
        (cell(at, expires(1), &[1, 0]), cell(at, expires(1), &[1])),
    ];
    for (expected, loser) in &decisions {
        assert_eq!(winner(expected, loser, &Reference), expected);
        assert_eq!(winner(loser, expected, &Reference), expected);
    }
}

#[test]
fn cells_that_differ_in_ttl_alone_are_interchangeable() {
    let with_ttl = |seconds| {
        let ttl = Ttl::new(seconds).expect("a valid TTL");
        Cell::expiring(Timestamp(1), ttl, LocalDeletionTime(50), *b"value")
    };
    let (short, long) = (with_ttl(1), with_ttl(2));
    assert_eq!(
        Reference.compare_cells(short.view(), long.view()),
        Ordering::Equal
    );
}

#[test]
fn cells_say_what_they_were_made_with() {
    let live = Cell::live(Timestamp(3), *b"v");
    assert_eq!(
        live.view(),
        CellView {
            timestamp: Timestamp(3),
            kind: CellKind::Live,
            value: b"v"
        }
    );
    assert_eq!(live.kind.local_deletion_time(), LocalDeletionTime::NONE);
    let expiring = Cell::expiring(Timestamp(4), ttl(), LocalDeletionTime(9), *b"w");
    let kind = CellKind::Expiring {
        ttl: ttl(),
        local_deletion_time: LocalDeletionTime(9),
    };
    assert_eq!(
        expiring.view(),
        CellView {
            timestamp: Timestamp(4),
            kind,
            value: b"w"
        }
    );
    let tombstone = Cell::tombstone(Timestamp(5), LocalDeletionTime(8));
    let kind = CellKind::Tombstone {
        local_deletion_time: LocalDeletionTime(8),
    };
    assert_eq!(
        tombstone.view(),
        CellView {
            timestamp: Timestamp(5),
            kind,
            value: b""
        }
    );
}

//= WP-DM-12 check
#[test]
fn expiring_cell_dies_at_its_deletion_time_and_a_tombstone_was_never_alive() {
    let kind = Cell::expiring(Timestamp(1), ttl(), LocalDeletionTime(9), []).kind;
    assert!(kind.is_live(8));
    assert!(!kind.is_live(9));
    assert!(CellKind::Live.is_live(i64::MAX));
    assert!(
        !Cell::tombstone(Timestamp(1), LocalDeletionTime(9))
            .kind
            .is_live(i64::MIN)
    );
}

/// CASSANDRA-14592: expiring and live cells were tied by value, and the expiry looked at last.
struct ValueBeforeExpiry;

impl ReconcileRules for ValueBeforeExpiry {
    fn prefer_by_kind(&self, left: CellView<'_>, right: CellView<'_>) -> Ordering {
        let is_tombstone = |cell: CellView<'_>| matches!(cell.kind, CellKind::Tombstone { .. });
        is_tombstone(left)
            .cmp(&is_tombstone(right))
            .then_with(|| self.prefer_by_value(left, right))
    }
}

#[test]
fn a_historic_bug_is_expressed_by_overriding_one_method() {
    let live = Cell::live(Timestamp(1), [9]);
    let expiring = Cell::expiring(Timestamp(1), ttl(), LocalDeletionTime(50), [1]);
    assert_eq!(winner(&live, &expiring, &Reference), &expiring);
    assert_eq!(winner(&live, &expiring, &ValueBeforeExpiry), &live);

    // One upsert writes its cells with one expiry; by value, a reader gets a mixture of two upserts.
    let upsert = |expiry, value| Cell::expiring(Timestamp(1), ttl(), LocalDeletionTime(expiry), [value]);
    assert_eq!(winner(&upsert(20, 1), &upsert(10, 9), &Reference), &upsert(20, 1));
    assert_eq!(
        winner(&upsert(20, 1), &upsert(10, 9), &ValueBeforeExpiry),
        &upsert(10, 9)
    );
}

/// A cell whose fields often tie with those of another, and are sometimes extreme.
#[derive(Clone, Debug)]
struct TiedCell(Cell);

impl Arbitrary for TiedCell {
    fn arbitrary(random: &mut Gen) -> Self {
        let seconds = [0, 1, 2, i64::MIN, i64::MAX - 1];
        let local_deletion_time = LocalDeletionTime(*random.choose(&seconds).expect("not empty"));
        let kinds = [
            CellKind::Live,
            CellKind::Expiring {
                ttl: ttl(),
                local_deletion_time,
            },
            CellKind::Tombstone { local_deletion_time },
        ];
        let timestamps = [0, 1, -1, i64::MIN, i64::MAX];
        let values = [vec![], vec![0], vec![0xff], Vec::arbitrary(random)];
        Self(Cell {
            timestamp: Timestamp(*random.choose(&timestamps).expect("not empty")),
            kind: *random.choose(&kinds).expect("not empty"),
            value: random.choose(&values).expect("not empty").clone().into(),
        })
    }
}

quickcheck! {
    fn any_order_of_arrival_leaves_the_last_of_the_key_table(cells: Vec<TiedCell>) -> bool {
        let forwards = cells.iter().map(|cell| &cell.0).reduce(|left, right| winner(left, right, &Reference));
        let backwards = cells.iter().rev().map(|cell| &cell.0).reduce(|left, right| winner(left, right, &Reference));
        forwards == backwards && forwards == cells.iter().map(|cell| &cell.0).max_by_key(|cell| key(cell))
    }
}
