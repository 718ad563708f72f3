//! Replica sets behave as sets of small numbers.

use std::collections::BTreeSet;

use quickcheck::quickcheck;
use thymbra_protocol::{MAX_REPLICAS, ReplicaSet};

fn set(bits: u64) -> ReplicaSet {
    ReplicaSet::from_bits(bits)
}

fn members(set: ReplicaSet) -> BTreeSet<u8> {
    set.iter().collect()
}

#[test]
fn the_default_is_empty() {
    assert_eq!(ReplicaSet::default(), ReplicaSet::EMPTY);
    assert!(ReplicaSet::EMPTY.is_empty());
    assert_eq!(ReplicaSet::EMPTY.lowest(), None);
    assert_eq!(ReplicaSet::EMPTY.count(), 0);
}

#[test]
fn first_holds_the_positions_below_its_count() {
    for count in 0..=MAX_REPLICAS {
        let expected: Vec<u8> = (0..64).take(count).collect();
        assert_eq!(ReplicaSet::first(count).iter().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn each_position_is_its_own_single() {
    for position in 0..64 {
        let single = ReplicaSet::single(position);
        assert_eq!(single.iter().collect::<Vec<_>>(), [position]);
        assert_eq!(single.bits(), 1 << position);
        assert_eq!(single.lowest(), Some(position));
    }
}

#[test]
fn positions_beyond_a_plan_are_never_members() {
    for position in 64..=u8::MAX {
        assert!(!ReplicaSet::first(64).contains(position));
        assert_eq!(ReplicaSet::first(64).without(position), ReplicaSet::first(64));
    }
}

#[test]
#[should_panic(expected = "positions 0 to 63")]
fn a_position_beyond_a_plan_cannot_be_added() {
    let _ = ReplicaSet::EMPTY.with(64);
}

#[test]
#[should_panic(expected = "at most 64 replicas")]
fn more_positions_than_a_plan_has_cannot_be_taken() {
    let _ = ReplicaSet::first(65);
}

#[test]
fn a_set_prints_as_its_positions() {
    assert_eq!(format!("{:?}", set(0b101)), "{0, 2}");
}

quickcheck! {
    fn insert_and_remove_answer_whether_they_changed_the_set(bits: u64, position: u8) -> bool {
        let position = position % 64;
        let present = set(bits).contains(position);
        let (mut inserted, mut removed) = (set(bits), set(bits));
        inserted.insert(position) != present
            && inserted == set(bits).with(position)
            && inserted.contains(position)
            && removed.remove(position) == present
            && removed == set(bits).without(position)
            && !removed.contains(position)
            && removed == inserted.without(position)
    }

    fn operations_are_those_of_sets(left: u64, right: u64) -> bool {
        let (one, other) = (members(set(left)), members(set(right)));
        members(set(left).union(set(right))) == &one | &other
            && members(set(left).intersection(set(right))) == &one & &other
            && members(set(left).difference(set(right))) == &one - &other
            && set(left).is_subset(set(right)) == one.is_subset(&other)
            && set(left & right).is_subset(set(right))
            && set(left).count() == one.len()
            && set(left).is_empty() == one.is_empty()
            && set(left).lowest() == one.first().copied()
            && set(left).bits() == left
            && (0..64).all(|position| set(left).contains(position) == one.contains(&position))
    }

    fn positions_come_in_ascending_order_and_make_the_set_again(bits: u64) -> bool {
        let positions: Vec<u8> = set(bits).into_iter().collect();
        positions.is_sorted() && positions.into_iter().collect::<ReplicaSet>() == set(bits)
    }
}
