//! The laws of merging partitions, against an oracle that keeps every fact.
//!
//! Chapter: `specs/01-data-model.md`.

mod partition_oracle;

use partition_oracle::{Facts, Normal};
use quickcheck::QuickCheck;
use thymbra_types::{
    Cell, CellName, Clustering, LiveView, Partition, ReconcileRules, Reference, Row, SortedMap, Timestamp,
};

const RULES: &dyn ReconcileRules = &Reference;
const CASES: u64 = 3_000;

fn merge_all(partitions: impl IntoIterator<Item = Partition>) -> Partition {
    partitions
        .into_iter()
        .fold(Partition::default(), |merged, next| merged.merge(next, RULES))
}

//= WP-DM-05 check
//= WP-DM-09 check
//= WP-DM-10 check
#[test]
fn merge_gives_what_all_facts_together_say() {
    fn claim(facts: Facts) -> bool {
        Normal::from(&merge_all(facts.sources())) == facts.normal()
    }
    QuickCheck::new()
        .tests(CASES)
        .quickcheck(claim as fn(Facts) -> bool);
}

//= WP-DM-10 check
#[test]
fn merge_does_not_depend_on_order() {
    fn claim(facts: Facts) -> bool {
        let sources = facts.sources();
        merge_all(sources.clone()) == merge_all(sources.into_iter().rev())
    }
    QuickCheck::new()
        .tests(CASES)
        .quickcheck(claim as fn(Facts) -> bool);
}

//= WP-DM-10 check
#[test]
fn merge_does_not_depend_on_grouping() {
    fn claim(first: Facts, second: Facts, third: Facts) -> bool {
        let [a, b, c] = [first, second, third].map(|facts| merge_all(facts.sources()));
        let left_first = a.clone().merge(b.clone(), RULES).merge(c.clone(), RULES);
        left_first == a.merge(b.merge(c, RULES), RULES)
    }
    QuickCheck::new()
        .tests(CASES)
        .quickcheck(claim as fn(Facts, Facts, Facts) -> bool);
}

//= WP-DM-10 check
//= WP-RW-04 check
#[test]
fn merging_the_same_again_changes_nothing() {
    fn claim(facts: Facts, more: Facts) -> bool {
        let merged = merge_all(facts.sources());
        let both = merged.clone().merge(merge_all(more.sources()), RULES);
        merged.clone().merge(merged.clone(), RULES) == merged && both.clone().merge(merged, RULES) == both
    }
    QuickCheck::new()
        .tests(CASES)
        .quickcheck(claim as fn(Facts, Facts) -> bool);
}

//= WP-DM-10 check
//= WP-RW-04 check
#[test]
fn applying_updates_one_by_one_gives_what_merging_gives() {
    fn claim(facts: Facts) -> bool {
        let mut applied = Partition::default();
        facts
            .sources()
            .into_iter()
            .for_each(|update| applied.apply(update, RULES));
        Normal::from(&applied) == facts.normal() && applied == merge_all(facts.sources())
    }
    QuickCheck::new()
        .tests(CASES)
        .quickcheck(claim as fn(Facts) -> bool);
}

#[test]
fn applying_moves_rows_and_values_and_copies_none() {
    let update = |row: u8, column: &str| {
        let value = vec![row; 100].into_boxed_slice();
        let address = value.as_ptr();
        let cell = Cell::live(Timestamp(1), value);
        let row = Row {
            cells: SortedMap::from([(CellName::simple(column), cell)]),
            ..Row::default()
        };
        let clustering = Clustering(vec![Box::from([1])]);
        let partition = Partition {
            rows: SortedMap::from([(clustering, row)]),
            ..Partition::default()
        };
        (partition, address)
    };
    let addresses = |partition: &Partition| -> Vec<*const u8> {
        let cells = partition.rows.values().flat_map(|row| row.cells.values());
        cells.map(|cell| cell.value.as_ptr()).collect()
    };
    let (first, first_value) = update(1, "a");
    let (second, second_value) = update(2, "b");
    let first_row: *const Row = first.rows.values().next().expect("it has one row");

    let mut applied = Partition::default();
    applied.apply(first, RULES);
    assert!(std::ptr::eq(
        first_row,
        applied.rows.values().next().expect("the same row")
    ));
    applied.apply(second, RULES);
    assert_eq!(addresses(&applied), [first_value, second_value]);
}

//= WP-DM-09 check
//= WP-DM-12 check
#[test]
fn reader_sees_what_all_facts_together_leave_alive() {
    fn claim(facts: Facts) -> bool {
        let merged = merge_all(facts.sources());
        (0..4).all(|now_seconds| {
            let (static_cells, rows) = facts.visible(now_seconds);
            merged.live_view(now_seconds, RULES) == LiveView { static_cells, rows }
        })
    }
    QuickCheck::new()
        .tests(CASES)
        .quickcheck(claim as fn(Facts) -> bool);
}

#[test]
fn reader_of_a_source_that_was_never_merged_sees_no_deleted_value() {
    fn claim(facts: Facts) -> bool {
        let source = facts.sources().remove(0);
        let merged = merge_all([source.clone()]);
        (0..4).all(|now_seconds| source.live_view(now_seconds, RULES) == merged.live_view(now_seconds, RULES))
    }
    QuickCheck::new()
        .tests(CASES)
        .quickcheck(claim as fn(Facts) -> bool);
}

#[test]
fn partition_is_empty_exactly_when_it_equals_the_default() {
    fn claim(facts: Facts) -> bool {
        let merged = merge_all(facts.sources());
        merged.is_empty() == (merged == Partition::default())
    }
    QuickCheck::new()
        .tests(CASES)
        .quickcheck(claim as fn(Facts) -> bool);
    assert!(Partition::default().is_empty());
}

/// JSON is the strictest form: keys of its maps must be strings.
#[cfg(feature = "serde")]
#[test]
fn mutations_survive_serialization_to_json() {
    use thymbra_types::{DecoratedKey, Mutation, Partitioner, TableId};

    fn claim(facts: Facts, key: Vec<u8>, table: u128) -> bool {
        let key = DecoratedKey::new(Partitioner::Murmur3, key);
        let updates = SortedMap::from([(TableId(table), facts.sources().remove(0))]);
        let mutation = Mutation {
            keyspace: "keyspace".into(),
            key,
            updates,
        };
        let json = serde_json::to_string(&mutation).expect("a mutation has a JSON form");
        serde_json::from_str::<Mutation>(&json).expect("and is read back") == mutation
    }
    QuickCheck::new().quickcheck(claim as fn(Facts, Vec<u8>, u128) -> bool);
}
