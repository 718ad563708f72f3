//! What a reader sees of a list of facts: the winner is the last after sorting.
//!
//! This is the whole of the data model in one page, and obviously right rather than fast. It knows nothing
//! of memtables, files or merging. Chapter: `specs/01-data-model.md`.

use super::fact::{CellKey, Fact, Scope, Statement, is_before};
use super::literal::Literal;
use super::operation::{RowName, Selection};
use super::shape::Shape;
use std::collections::BTreeMap;

/// Ties of a partition that are told apart; of more, the rest count as not compacted.
const TIES_COUNT: usize = 6;

/// Live cells of a row.
pub type Cells = BTreeMap<CellKey, Vec<u8>>;

/// What a reader sees of a partition.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Seen {
    /// Live cells of static columns.
    pub statics: Cells,
    /// Live rows in the order that was asked for.
    pub rows: Vec<(Vec<Literal>, Cells)>,
}

impl Seen {
    /// Whether a reader sees nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.statics.is_empty() && self.rows.is_empty()
    }

    /// The rows that are asked for, in the order that is asked for.
    #[must_use]
    pub fn select(mut self, shape: &Shape, selection: &Selection) -> Self {
        self.rows.retain(|(clustering, _)| {
            is_before(shape, &selection.start, clustering) && !is_before(shape, &selection.end, clustering)
        });
        if selection.is_reversed {
            self.rows.reverse();
        }
        if let Some(limit_count) = selection.limit_count {
            self.rows.truncate(limit_count);
        }
        self
    }
}

/// What a reader whose clock shows `now_seconds` sees of one partition, by all facts about it.
#[must_use]
pub fn see(shape: &Shape, facts: &[&Fact], now_seconds: i64) -> Seen {
    let mut seen = Seen {
        statics: live_cells(shape, facts, &RowName::Static, now_seconds),
        rows: Vec::new(),
    };
    for clustering in clusterings(shape, facts) {
        let row = RowName::At(clustering.clone());
        let cells = live_cells(shape, facts, &row, now_seconds);
        let existence = facts
            .iter()
            .filter(|fact| fact.scope == Scope::Existence(row.clone()));
        let exists = winner(shape, facts, existence.copied().collect(), now_seconds).is_some();
        if exists || !cells.is_empty() {
            seen.rows.push((clustering, cells));
        }
    }
    seen
}

/// All that a reader may see, whatever a compaction has made of cells that have expired.
///
/// A compaction that meets such a cell makes a tombstone of it, which wins against a cell of the same timestamp
/// that is still alive by its longer TTL; before that the later death wins (surprise S31 of
/// `specs/deviations.md`). The first is what is seen without any compaction.
#[must_use]
pub fn see_all(shape: &Shape, facts: &[&Fact], now_seconds: i64) -> Vec<Seen> {
    let mut all = vec![see(shape, facts, now_seconds)];
    let (tied, others): (Vec<&Fact>, Vec<&Fact>) = facts
        .iter()
        .copied()
        .partition(|fact| loses_only_by_its_death(fact, facts, now_seconds));
    let tombstones: Vec<Fact> = tied.iter().map(|fact| fact.as_tombstone()).collect();
    for subset in 1..1_u32 << tied.len().min(TIES_COUNT) {
        let mut facts = others.clone();
        facts.extend(tied.iter().zip(&tombstones).enumerate().map(|(bit, pair)| {
            let (expired, tombstone) = pair;
            let is_compacted = subset
                .checked_shr(u32::try_from(bit).unwrap_or(u32::MAX))
                .unwrap_or(0)
                & 1
                == 1;
            if is_compacted { tombstone } else { *expired }
        }));
        all.push(see(shape, &facts, now_seconds));
    }
    all
}

/// Whether a cell has expired, and another of its timestamp has not, but will.
fn loses_only_by_its_death(fact: &Fact, facts: &[&Fact], now_seconds: i64) -> bool {
    fact.death().is_some_and(|death| death <= now_seconds)
        && facts.iter().any(|other| {
            other.scope == fact.scope
                && other.timestamp_us == fact.timestamp_us
                && other.death().is_some_and(|death| death > now_seconds)
        })
}

/// The clusterings of all rows that anything is said of, in order.
fn clusterings(shape: &Shape, facts: &[&Fact]) -> Vec<Vec<Literal>> {
    let rows = facts.iter().filter_map(|fact| match &fact.scope {
        Scope::Cell(RowName::At(clustering), _) | Scope::Existence(RowName::At(clustering)) => {
            Some(clustering.clone())
        }
        Scope::Cell(RowName::Static, _)
        | Scope::Existence(RowName::Static)
        | Scope::Partition
        | Scope::Range(_, _)
        | Scope::Row(_)
        | Scope::Column(_, _) => None,
    });
    let mut clusterings: Vec<_> = rows.collect();
    clusterings.sort_by(|left, right| shape.order(left, right));
    clusterings.dedup();
    clusterings
}

/// Values of the cells of a row that are neither deleted nor dead.
fn live_cells(shape: &Shape, facts: &[&Fact], row: &RowName, now_seconds: i64) -> Cells {
    let mut candidates = BTreeMap::<&CellKey, Vec<&Fact>>::new();
    for &fact in facts {
        if let Scope::Cell(of, cell) = &fact.scope
            && of == row
        {
            candidates.entry(cell).or_default().push(fact);
        }
    }
    let winners = candidates.into_iter().filter_map(|(cell, candidates)| {
        let bytes = winner(shape, facts, candidates, now_seconds)?;
        Some((cell.clone(), bytes))
    });
    winners.collect()
}

/// The value that wins among those of one cell or existence, if a reader sees it.
///
/// Of those that nothing deletes: the latest timestamp, then those that die before those that do not, then
/// the latest death, then the largest bytes. A winner that is dead hides the others.
fn winner(shape: &Shape, facts: &[&Fact], candidates: Vec<&Fact>, now_seconds: i64) -> Option<Vec<u8>> {
    let mut values = Vec::new();
    for candidate in candidates {
        let is_deleted = facts.iter().any(|fact| fact.deletes(candidate, shape));
        if let (
            Statement::Value {
                bytes,
                dies_at_seconds,
                ..
            },
            false,
        ) = (&candidate.statement, is_deleted)
        {
            // Nothing is less than some second.
            values.push((candidate.timestamp_us, *dies_at_seconds, bytes));
        }
    }
    values.sort();
    let (_, dies_at_seconds, bytes) = values.pop()?;
    let is_dead = dies_at_seconds.is_some_and(|dies_at_seconds| dies_at_seconds <= now_seconds);
    (!is_dead).then(|| bytes.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage_oracle::operation::{BEGIN_SECONDS, Operation};
    use crate::storage_oracle::script::Script;
    use crate::storage_oracle::shape::SHAPES;

    /// What updates say of key 1.
    fn facts(updates: &str) -> Vec<Fact> {
        let script = Script::parse(&format!("with batch\nwrite 1: {updates}")).unwrap();
        let [Operation::Write(key, updates)] = script.operations.as_slice() else {
            panic!("one write")
        };
        updates
            .iter()
            .map(|update| Fact::of(*key, update, BEGIN_SECONDS))
            .collect()
    }

    /// What is seen of key 1 of a table after the updates, some seconds after the beginning.
    fn seen(table: usize, updates: &str, now: i64) -> Seen {
        let facts = facts(updates);
        let facts: Vec<_> = facts.iter().collect();
        see(&SHAPES[table], &facts, BEGIN_SECONDS + now)
    }

    fn value(updates: &str, now: i64) -> Option<i32> {
        let seen = seen(0, updates, now);
        let (_, cells) = seen.rows.first()?;
        let bytes = cells.values().next()?;
        Some(i32::from_be_bytes(bytes.as_slice().try_into().unwrap()))
    }

    #[test]
    fn latest_timestamp_wins_whatever_the_order() {
        assert_eq!(value("simple () v=1 @2; simple () v=2 @1", 0), Some(1));
        assert_eq!(value("simple () v=2 @1; simple () v=1 @2", 0), Some(1));
    }

    #[test]
    fn ties_go_to_deletions_then_to_what_dies_then_to_larger_values() {
        assert_eq!(value("simple () v=1 @1; simple () v=2 @1", 0), Some(2));
        assert_eq!(value("simple () v=1 @1 ttl 9; simple () v=2 @1", 0), Some(1));
        assert_eq!(
            value("simple () v=1 @1 ttl 9; simple () v=2 @1", 9),
            None,
            "the winner is dead"
        );
        assert_eq!(
            value("simple () v=1 @1 ttl 9; simple () v=0 @1 ttl 10", 0),
            Some(0)
        );
        assert_eq!(value("simple () v=1 @1; simple () delete v @1", 0), None);
        assert_eq!(value("simple () v=1 @2; simple () delete v @1", 0), Some(1));
    }

    #[test]
    fn expired_cell_may_be_a_tombstone_that_beats_a_longer_life_of_the_same_timestamp() {
        let all = |updates: &str, now: i64| {
            let facts = facts(updates);
            let facts: Vec<_> = facts.iter().collect();
            let all = see_all(&SHAPES[0], &facts, BEGIN_SECONDS + now);
            all.iter().map(|seen| seen.rows.len()).collect::<Vec<_>>()
        };
        let tie = "simple () v=1 @1 ttl 5; simple () v=2 @1 ttl 9";
        assert_eq!(all(tie, 4), [1]);
        assert_eq!(all(tie, 5), [1, 0]);
        assert_eq!(all(tie, 9), [0]);
        assert_eq!(all("simple () v=1 @1 ttl 5; simple () v=2 @2 ttl 9", 5), [1]);
        assert_eq!(all("simple () v=1 @1 ttl 5; simple () v=2 @1", 5), [0]);
    }

    #[test]
    fn every_deletion_reaches_what_it_covers_and_no_more() {
        let rows = "wide (1,'a') v=1 @5; wide (1,'b') v=2 @5; wide (2,'a') v=3 @6";
        let left = |deletion: &str| {
            let seen = seen(1, &format!("{rows}; {deletion}"), 0);
            seen.rows
                .iter()
                .map(|(clustering, _)| format!("{clustering:?}"))
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(
            left("wide (9,'a') delete @9"),
            "[1, 'b'] [1, 'a'] [2, 'a']",
            "'b' first: descending"
        );
        assert_eq!(left("wide (1,'a') delete @5"), "[1, 'b'] [2, 'a']");
        assert_eq!(left("wide (1,'a') delete v @4"), "[1, 'b'] [1, 'a'] [2, 'a']");
        assert_eq!(left("wide partition delete @5"), "[2, 'a']");
        assert_eq!(left("wide range after(1) after() delete @9"), "[1, 'b'] [1, 'a']");
        assert_eq!(
            left("wide range before() before(1,'a') delete @9"),
            "[1, 'a'] [2, 'a']"
        );
        assert_eq!(
            left("wide range after(1,'b') after(1) delete @9"),
            "[1, 'b'] [2, 'a']"
        );
    }

    #[test]
    fn complex_columns_are_deleted_whole_and_by_element() {
        let elements = "collections ('x') m['a']=1 @5; collections ('x') m['b']=2 @6";
        let count = |deletion: &str| {
            let seen = seen(3, &format!("{elements}; {deletion}"), 0);
            seen.rows.iter().map(|(_, cells)| cells.len()).sum::<usize>()
        };
        assert_eq!(count("collections ('x') delete m[*] @5"), 1);
        assert_eq!(count("collections ('x') delete m['b'] @6"), 1);
        assert_eq!(count("collections ('x') delete s[*] @9"), 2);
    }

    #[test]
    fn static_row_outlives_deletions_of_ranges_and_rows() {
        let kept = seen(
            2,
            "statics static s=3 @1; statics range before() after() delete @9",
            0,
        );
        assert_eq!(kept.statics.len(), 1);
        assert!(kept.rows.is_empty());
        let gone = seen(2, "statics static s=3 @1; statics partition delete @9", 0);
        assert!(gone.is_empty());
    }

    #[test]
    fn row_without_values_is_seen_as_long_as_it_exists() {
        assert_eq!(seen(0, "simple () insert @1 ttl 5", 4).rows.len(), 1);
        assert!(seen(0, "simple () insert @1 ttl 5", 5).is_empty());
        assert!(seen(0, "simple () insert @1; simple () delete @1", 0).is_empty());
    }

    #[test]
    fn rows_are_selected_reversed_and_limited() {
        let rows = "wide (1,'a') v=1 @5; wide (1,'b') v=2 @5; wide (2,'a') v=3 @6";
        let select = |words: &str| {
            let script = Script::parse(&format!("with batch\nread wide 1 {words}")).unwrap();
            let [Operation::Read(_, _, selection)] = script.operations.as_slice() else {
                panic!("one read")
            };
            let seen = seen(1, rows, 0).select(&SHAPES[1], selection);
            seen.rows
                .iter()
                .map(|(clustering, _)| format!("{clustering:?}"))
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(select("before(1) after(1) reversed"), "[1, 'a'] [1, 'b']");
        assert_eq!(select("after(1,'b') after() limit 1"), "[1, 'a']");
        assert_eq!(select("after(2) before(1)"), "");
    }
}
