//! What tombstones must be there, told without looking at any: the timestamp up to which a late write is too late.
//!
//! A reader sees no tombstone, but files must keep it until it may be forgotten. For each place of a partition that
//! could hold a value, the facts say up to which timestamp a value that comes now would lose; of tombstones and
//! values together that is the largest timestamp. Chapters: `specs/01-data-model.md`, `specs/09-compaction.md`.

use super::fact::{CellKey, Fact, Scope, Statement};
use super::literal::Literal;
use super::operation::RowName;
use super::shape::{ColumnShape, Shape};
use std::collections::BTreeSet;

/// Up to when a late value of one place loses.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Threshold {
    /// The row.
    pub row: RowName,
    /// The cell; absent for whether the row exists. Without path in a complex column: an element that nobody named.
    pub cell: Option<CellKey>,
    /// The largest timestamp there must be, microseconds since 1970; absent if nothing must.
    pub least: Option<i64>,
    /// The largest timestamp there may be.
    pub most: Option<i64>,
    /// When a deletion at the least timestamp was made, in one of these seconds; empty if it is a value.
    pub deleted_at_seconds: BTreeSet<i64>,
}

/// The thresholds of all places that facts of one partition are about, or that lie between them.
///
/// `columns` are those that the table has; what was made before `gc_before_seconds` may have been forgotten.
#[must_use]
pub fn thresholds(
    shape: &Shape,
    columns: &[ColumnShape],
    facts: &[&Fact],
    (now_seconds, gc_before_seconds): (i64, i64),
) -> Vec<Threshold> {
    let mut rows: Vec<_> = clusterings(shape, facts).into_iter().map(RowName::At).collect();
    rows.push(RowName::Static);
    let mut thresholds = Vec::new();
    for row in rows {
        let mut places: Vec<_> = cells(columns, facts, &row).into_iter().map(Some).collect();
        if row != RowName::Static {
            places.push(None);
        }
        for cell in places {
            let scope = match &cell {
                Some(cell) => Scope::Cell(row.clone(), cell.clone()),
                None => Scope::Existence(row.clone()),
            };
            let about: Vec<_> = about(shape, facts, scope);
            let row = row.clone();
            thresholds.push(threshold(row, cell, &about, (now_seconds, gc_before_seconds)));
        }
    }
    thresholds
}

/// The facts that say something of a place.
fn about<'f>(shape: &Shape, facts: &[&'f Fact], scope: Scope) -> Vec<&'f Fact> {
    let place = |key| Fact {
        key,
        scope: scope.clone(),
        timestamp_us: 0,
        statement: Statement::Deletion {
            deleted_at_seconds: 0,
        },
    };
    let covers = |fact: &&&Fact| fact.covers(&place(fact.key), shape);
    facts.iter().filter(covers).copied().collect()
}

fn threshold(
    row: RowName,
    cell: Option<CellKey>,
    facts: &[&Fact],
    (now_seconds, gc_before_seconds): (i64, i64),
) -> Threshold {
    let is_forgettable = |fact: &Fact| match fact.statement {
        Statement::Deletion { deleted_at_seconds } => deleted_at_seconds < gc_before_seconds,
        Statement::Value {
            dies_at_seconds,
            written_at_seconds,
            ..
        } => {
            let is_dead = dies_at_seconds.is_some_and(|dies_at| dies_at <= now_seconds);
            is_dead && written_at_seconds < gc_before_seconds
        }
    };
    let most = facts.iter().map(|fact| fact.timestamp_us).max();
    let forgettable = facts.iter().filter(|fact| is_forgettable(fact));
    // What does not supersede something that is forgotten may have gone with it.
    let least = most.filter(|most| forgettable.clone().all(|fact| fact.timestamp_us < *most));
    let at_least = facts.iter().filter(|fact| Some(fact.timestamp_us) == least);
    let deleted_at_seconds = at_least.filter_map(|fact| match fact.statement {
        Statement::Deletion { deleted_at_seconds } => Some(deleted_at_seconds),
        Statement::Value { .. } => None,
    });
    Threshold {
        row,
        cell,
        least,
        most,
        deleted_at_seconds: deleted_at_seconds.collect(),
    }
}

/// Every clustering whose values occur in the facts, each in its column.
fn clusterings(shape: &Shape, facts: &[&Fact]) -> Vec<Vec<Literal>> {
    let mut named = Vec::<&[Literal]>::new();
    for fact in facts {
        match &fact.scope {
            Scope::Range(start, end) => named.extend([&*start.prefix, &*end.prefix]),
            Scope::Row(RowName::At(clustering))
            | Scope::Column(RowName::At(clustering), _)
            | Scope::Cell(RowName::At(clustering), _)
            | Scope::Existence(RowName::At(clustering)) => named.push(clustering),
            Scope::Partition
            | Scope::Row(RowName::Static)
            | Scope::Column(RowName::Static, _)
            | Scope::Cell(RowName::Static, _)
            | Scope::Existence(RowName::Static) => {}
        }
    }
    let mut clusterings = vec![Vec::new()];
    for column in 0..shape.clusterings.len() {
        let mut values: Vec<&Literal> = named.iter().filter_map(|named| named.get(column)).collect();
        values.sort_by(|left, right| left.order(right));
        values.dedup();
        clusterings = clusterings
            .iter()
            .flat_map(|begin: &Vec<Literal>| {
                let with = |value: &&Literal| [begin.as_slice(), &[(*value).clone()]].concat();
                values.iter().map(with).collect::<Vec<_>>()
            })
            .collect();
    }
    clusterings
}

/// The columns that a row has, and every element of them that facts name.
fn cells(columns: &[ColumnShape], facts: &[&Fact], row: &RowName) -> BTreeSet<CellKey> {
    let is_static = *row == RowName::Static;
    let of_row = columns.iter().filter(|column| column.is_static == is_static);
    let whole = of_row.map(|column| CellKey {
        column: column.name.to_owned(),
        path: None,
    });
    let named = facts.iter().filter_map(|fact| match &fact.scope {
        Scope::Cell(of, cell) if of == row => Some(cell.clone()),
        Scope::Cell(_, _)
        | Scope::Partition
        | Scope::Range(_, _)
        | Scope::Row(_)
        | Scope::Column(_, _)
        | Scope::Existence(_) => None,
    });
    whole.chain(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage_oracle::operation::{BEGIN_SECONDS, Operation};
    use crate::storage_oracle::script::Script;
    use crate::storage_oracle::shape::SHAPES;

    /// Least and most, in seconds after the beginning, of places of key 1 of a table.
    fn thresholds_of(table: usize, updates: &str, now: i64, gc_before: i64) -> Vec<String> {
        let script = Script::parse(&format!("with batch\nwrite 1: {updates}")).unwrap();
        let [Operation::Write(key, updates)] = script.operations.as_slice() else {
            panic!("one write")
        };
        let facts: Vec<_> = updates
            .iter()
            .map(|update| Fact::of(*key, update, BEGIN_SECONDS))
            .collect();
        let facts: Vec<_> = facts.iter().collect();
        let clock = (BEGIN_SECONDS + now, BEGIN_SECONDS + gc_before);
        let seconds = |timestamp: Option<i64>| {
            timestamp.map_or_else(
                || "-".to_owned(),
                |us| (us / 1_000_000 - BEGIN_SECONDS).to_string(),
            )
        };
        thresholds(&SHAPES[table], SHAPES[table].columns, &facts, clock)
            .into_iter()
            .map(|found| {
                let cell = found.cell.map_or_else(String::new, |cell| cell.column);
                let least = seconds(found.least);
                let most = seconds(found.most);
                format!(
                    "{:?}{cell} {least} {most} {}",
                    found.row,
                    found.deleted_at_seconds.len()
                )
            })
            .collect()
    }

    #[test]
    fn latest_of_values_and_deletions_counts() {
        let found = thresholds_of(
            0,
            "simple () v=1 @3; simple () delete @2; simple () delete w @4",
            0,
            0,
        );
        assert_eq!(
            found,
            ["()v 3 3 0", "()w 4 4 1", "() 2 2 1", "static - - 0"][..3],
            "the table has no static columns"
        );
    }

    #[test]
    fn ranges_count_for_rows_that_nobody_wrote() {
        let found = thresholds_of(
            1,
            "wide (1,'a') insert @1; wide range after(1,'a') after(2) delete @5",
            0,
            0,
        );
        assert!(found.contains(&"(1,'a') 1 1 0".to_owned()), "{found:?}");
        assert!(found.contains(&"(2,'a')v 5 5 1".to_owned()), "{found:?}");
    }

    #[test]
    fn what_may_be_forgotten_need_not_be_there() {
        let found = thresholds_of(0, "simple () delete @2; simple () v=1 @1", 1, 1);
        assert!(found.contains(&"()v - 2 0".to_owned()), "{found:?}");
        let found = thresholds_of(0, "simple () delete @2; simple () v=1 @3", 1, 1);
        assert!(found.contains(&"()v 3 3 0".to_owned()), "{found:?}");
        assert!(found.contains(&"()w - 2 0".to_owned()), "{found:?}");
    }
}
