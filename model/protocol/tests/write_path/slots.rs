//! The table of open requests: free slots, generations, equal contents.

use thymbra_protocol::{RequestId, Slots};

fn id(slot: u32, generation: u32) -> RequestId {
    RequestId { slot, generation }
}

fn opened(ids: &[RequestId]) -> Slots<char> {
    let mut slots = Slots::default();
    for (id, value) in ids.iter().zip('a'..) {
        slots.open(*id, value);
    }
    slots
}

//= WP-MS-05 check
#[test]
fn an_entry_is_found_by_slot_and_generation_together() {
    let mut slots = opened(&[id(0, 5), id(1, 6)]);
    assert_eq!(slots.get(id(0, 5)), Some(&'a'));
    assert_eq!(slots.get(id(1, 6)), Some(&'b'));
    for stranger in [id(0, 6), id(1, 5), id(0, 4), id(2, 5)] {
        assert_eq!(slots.get(stranger), None);
        assert_eq!(slots.get_mut(stranger), None);
    }
    *slots.get_mut(id(1, 6)).unwrap() = 'z';
    assert_eq!(slots.get(id(1, 6)), Some(&'z'));
}

#[test]
fn the_lowest_free_slot_is_the_first_gap_or_the_end() {
    let mut slots = opened(&[]);
    assert_eq!(slots.lowest_free(), 0);
    slots = opened(&[id(0, 0), id(1, 0), id(2, 0)]);
    assert_eq!(slots.lowest_free(), 3);
    slots.close(id(1, 0));
    assert_eq!(slots.lowest_free(), 1);
    slots.open(id(1, 1), 'n');
    assert_eq!(slots.lowest_free(), 3);
}

//= WP-MS-05 check
#[test]
fn closing_an_earlier_holder_leaves_the_slot_open() {
    let mut slots = opened(&[id(0, 1)]);
    slots.close(id(0, 0));
    slots.close(id(3, 0));
    assert_eq!(slots, opened(&[id(0, 1)]));
    slots.close(id(0, 1));
    assert!(slots.is_empty());
}

#[test]
fn tables_of_equal_contents_are_equal() {
    let mut slots = opened(&[id(0, 0), id(1, 0), id(2, 0)]);
    assert!(!slots.is_empty());
    slots.close(id(1, 0));
    slots.close(id(2, 0));
    assert_eq!(slots, opened(&[id(0, 0)]));
    slots.close(id(0, 0));
    assert_eq!(slots, Slots::default());
    // A gap below is kept.
    let mut slots = opened(&[id(0, 0), id(1, 0)]);
    slots.close(id(0, 0));
    assert_eq!(slots.get(id(1, 0)), Some(&'b'));
}

#[test]
fn entries_are_listed_by_slot() {
    let mut slots = opened(&[id(2, 9), id(0, 8)]);
    let listed: Vec<_> = slots.iter().collect();
    assert_eq!(listed, [(id(0, 8), &'b'), (id(2, 9), &'a')]);
    slots.close(id(2, 9));
    assert_eq!(slots.iter().count(), 1);
}

#[test]
#[should_panic(expected = "a slot that is taken")]
fn a_taken_slot_cannot_be_opened() {
    opened(&[id(0, 0), id(0, 1)]);
}
