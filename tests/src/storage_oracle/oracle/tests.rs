//! What the oracle takes for possible after the end of a life, and what it does not.

use super::*;
use crate::storage_oracle::operation::{BEGIN_SECONDS, Operation};
use crate::storage_oracle::script::Script;

const SIMPLE: usize = 0;
const WIDE: usize = 1;
const FLUSHING: InFlight = InFlight {
    truncation: None,
    may_have_flushed: true,
    recovers_table_by_table: false,
};

/// The facts of a write.
fn facts(updates: &str) -> Vec<(usize, Fact)> {
    let script = Script::parse(&format!("with periodic\nwrite 0: {updates}")).expect("a script");
    let [Operation::Write(key, updates)] = script.operations.as_slice() else {
        panic!("one write")
    };
    let fact =
        |update: &super::super::operation::Update| (update.table, Fact::of(*key, update, BEGIN_SECONDS));
    updates.iter().map(fact).collect()
}

/// An oracle of writes.
fn oracle(writes: &[&str]) -> Oracle {
    let mut oracle = Oracle::default();
    writes.iter().for_each(|write| oracle.write(facts(write), false));
    oracle
}

/// Whether what is left after a loss of power may be what some writes alone would have left.
fn may_leave(oracle: &Oracle, in_flight: InFlight, left: &[&str]) -> bool {
    let left = self::oracle(left);
    let shows = |table: usize, key: u8, seen: &Seen| left.expected(table, key, BEGIN_SECONDS).contains(seen);
    let recovered = oracle
        .clone()
        .recover(Ending::PowerLoss, in_flight, BEGIN_SECONDS, &shows);
    recovered.is_ok()
}

const FIRST: &str = "simple () v=1 @0";
const SECOND: &str = "wide (1,'a') v=2 @0";
const THIRD: &str = "simple () w='c' @0";

#[test]
fn what_is_left_of_the_log_is_one_beginning_for_all_tables() {
    for in_flight in [InFlight::default(), FLUSHING] {
        let oracle = oracle(&[FIRST, SECOND, THIRD]);
        for left in [&[][..], &[FIRST], &[FIRST, SECOND], &[FIRST, SECOND, THIRD]] {
            assert!(may_leave(&oracle, in_flight, left), "{left:?}");
        }
        assert!(!may_leave(&oracle, in_flight, &[THIRD]));
    }
    assert!(!may_leave(
        &oracle(&[FIRST, SECOND]),
        InFlight::default(),
        &[SECOND]
    ));
}

#[test]
fn memtable_that_may_have_been_flushed_is_there_whole_or_not() {
    let oracle = oracle(&[SECOND, FIRST, THIRD]);
    assert!(may_leave(&oracle, FLUSHING, &[FIRST, THIRD]));
    assert!(!may_leave(&oracle, InFlight::default(), &[FIRST, THIRD]));
    assert!(!may_leave(&oracle, FLUSHING, &[FIRST]));
}

#[test]
fn flush_that_has_ended_leaves_no_doubt() {
    let mut oracle = oracle(&[FIRST, SECOND]);
    let open = oracle.switch_memtable(WIDE);
    oracle.write(facts("wide (2,'a') v=3 @0"), false);
    oracle.switch_memtable(WIDE);
    oracle.flushed_all_but(WIDE, &[open]);
    for left in [&["wide (2,'a') v=3 @0"][..], &[SECOND, "wide (2,'a') v=3 @0"]] {
        assert!(may_leave(&oracle, InFlight::default(), left), "{left:?}");
    }
    assert!(!may_leave(&oracle, InFlight::default(), &[FIRST, SECOND]));
    oracle.switch_memtable(SIMPLE);
    oracle.flushed_all_but(SIMPLE, &[]);
    assert!(!may_leave(&oracle, InFlight::default(), &["wide (2,'a') v=3 @0"]));
}

#[test]
fn recovery_that_was_cut_leaves_tables_at_two_beginnings_of_the_log_at_most() {
    const A: &str = "statics (1) v='a' @0";
    const B: &str = "statics (2) v='b' @0";
    let cut = InFlight {
        recovers_table_by_table: true,
        ..InFlight::default()
    };
    let oracle = oracle(&[FIRST, A, B, SECOND]);
    let may_leave = |left: &[&str]| may_leave(&oracle, cut, left);
    assert!(may_leave(&[SECOND]), "wide was flushed, and the log was lost");
    assert!(
        may_leave(&[FIRST, A, SECOND]),
        "wide was flushed, and the log has two writes"
    );
    assert!(
        !may_leave(&[A, SECOND]),
        "three beginnings: none, two writes, all"
    );
    assert!(!may_leave(&[B, SECOND]), "a hole in one table");
}
