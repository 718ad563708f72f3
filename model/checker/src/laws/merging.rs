//! C5: the winner of two cells, and that merging is a join.

use core::cmp::Ordering;

use thymbra_types::{CellKind, CellView, LocalDeletionTime, Timestamp, Ttl};

use super::{Cases, LawReport};
use crate::system::DynRules;

pub(super) const DOMAIN: &str = "cells of 2 timestamps, live, expiring or tombstone, 2 local deletion times, \
     2 TTLs and 3 values: every pair and every triple";

type Cell = (i64, CellKind, &'static [u8]);

pub(super) fn check(rules: &DynRules) -> LawReport {
    let mut cases = Cases::default();
    // The enumeration ends at the first case that fails; the report holds it.
    let _ = check_all(rules, &mut cases);
    cases.report()
}

fn domain() -> Vec<Cell> {
    let values: [&[u8]; 3] = [b"", b"a", b"\xff"];
    let mut cells = Vec::new();
    for timestamp in [1, 2] {
        for value in values {
            cells.push((timestamp, CellKind::Live, value));
            for seconds in [100, 200] {
                let local_deletion_time = LocalDeletionTime(seconds);
                for ttl in [10, 20] {
                    let ttl = Ttl::new(ttl).expect("within the limit");
                    cells.push((
                        timestamp,
                        CellKind::Expiring {
                            ttl,
                            local_deletion_time,
                        },
                        value,
                    ));
                }
                if value.is_empty() {
                    cells.push((timestamp, CellKind::Tombstone { local_deletion_time }, value));
                }
            }
        }
    }
    cells
}

fn view(cell: &Cell) -> CellView<'_> {
    CellView {
        timestamp: Timestamp(cell.0),
        kind: cell.1,
        value: cell.2,
    }
}

/// Timestamp; then tombstone over expiring over live; then the later deletion time; then the larger value.
fn rank(cell: &Cell) -> (i64, u8, i64, &'static [u8]) {
    match cell.1 {
        CellKind::Live => (cell.0, 0, 0, cell.2),
        CellKind::Expiring {
            local_deletion_time, ..
        } => (cell.0, 1, local_deletion_time.0, cell.2),
        CellKind::Tombstone { local_deletion_time } => (cell.0, 2, local_deletion_time.0, cell.2),
    }
}

fn check_all(rules: &DynRules, cases: &mut Cases) -> Result<(), ()> {
    let cells = domain();
    let winner = |left: &Cell, right: &Cell| {
        if rules.compare_cells(view(left), view(right)) == Ordering::Less {
            *right
        } else {
            *left
        }
    };
    for left in &cells {
        for right in &cells {
            let order = rules.compare_cells(view(left), view(right));
            cases.expect(order == rank(left).cmp(&rank(right)), || {
                format!("{} against {}: the first is {order:?}", say(left), say(right))
            })?;
            let (one, other) = (winner(left, right), winner(right, left));
            cases.expect(rank(&one) == rank(&other), || {
                format!(
                    "{} and {} merge differently in the two orders",
                    say(left),
                    say(right)
                )
            })?;
            for third in &cells {
                let (first, last) = (
                    winner(&winner(left, right), third),
                    winner(left, &winner(right, third)),
                );
                cases.expect(rank(&first) == rank(&last), || {
                    format!(
                        "{}, {} and {} merge differently when grouped",
                        say(left),
                        say(right),
                        say(third)
                    )
                })?;
            }
        }
    }
    Ok(())
}

fn say(cell: &Cell) -> String {
    let kind = match cell.1 {
        CellKind::Live => "live".to_string(),
        CellKind::Expiring {
            local_deletion_time, ..
        } => format!("expiring at {} s", local_deletion_time.0),
        CellKind::Tombstone { local_deletion_time } => format!("tombstone of {} s", local_deletion_time.0),
    };
    format!("a {kind} cell at {} us with value {:?}", cell.0, cell.2)
}
