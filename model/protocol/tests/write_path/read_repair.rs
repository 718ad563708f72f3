//! Blocking read repair: who is repaired with what, and how many acknowledgements a read waits for.

use thymbra_protocol::{
    Callback, ConsistencyLevel, Effect, FailureReason, Message, Node, NodeId, ReadOutcome, Timer,
};

use crate::harness::{Bench, Facts, OUTSIDER, REQUEST, Seen, Shape, Tiny, add, hinted, reply};

const NOTHING: Seen = vec![];

fn repair(to: u16, facts: u8) -> Effect<Tiny> {
    Effect::Send {
        to: NodeId(to),
        message: Message::ReadRepair {
            request: REQUEST,
            mutation: add(facts),
        },
    }
}

fn own_repair(facts: u8) -> Effect<Tiny> {
    Effect::Append {
        mutation: add(facts),
        reply: reply(0, Callback::ReadRepair(REQUEST)),
    }
}

fn data(facts: u8) -> [Effect<Tiny>; 2] {
    [
        Effect::Disarm(Timer::ReadTimeout(REQUEST)),
        Effect::AnswerRead {
            request: REQUEST,
            outcome: ReadOutcome::Data(Facts(facts)),
        },
    ]
}

/// A read whose contacts, from position 0 on, hold these facts; the last step.
fn read(bench: &mut Bench, level: ConsistencyLevel, contents: &[u8]) -> Seen {
    bench.read(level, &[]);
    let steps = (0..).zip(contents).map(|(node, facts)| bench.data(node, *facts));
    steps.last().expect("a read has contacts")
}

//= WP-RR-05 check
//= WP-RR-06 check
#[test]
fn the_read_waits_for_the_replica_that_lacked_something() {
    let mut bench = Bench::three();
    assert_eq!(
        read(&mut bench, ConsistencyLevel::Quorum, &[3, 1]),
        [repair(1, 2)]
    );
    assert_eq!(bench.repaired(1), data(3));
    assert_eq!(bench.node, Node::default());
    assert_eq!(bench.repaired(1), NOTHING);
}

//= WP-RR-05 check
//= WP-RR-06 check
#[test]
fn the_own_copy_is_repaired_by_an_append() {
    let mut bench = Bench::three();
    assert_eq!(
        read(&mut bench, ConsistencyLevel::Quorum, &[1, 3]),
        [own_repair(2)]
    );
    assert_eq!(bench.repaired(0), data(3));
}

//= WP-RR-06 check
#[test]
fn each_replica_is_sent_what_it_alone_lacks() {
    let mut bench = Bench::three();
    let seen = read(&mut bench, ConsistencyLevel::All, &[1, 2, 7]);
    assert_eq!(seen, [own_repair(6), repair(1, 5)]);
    assert_eq!(bench.repaired(1), NOTHING);
    assert_eq!(bench.repaired(0), data(7));
}

//= WP-RR-05 check
#[test]
fn every_lacking_replica_is_awaited_and_only_acknowledgements_of_targets_count() {
    let mut bench = Bench::three();
    assert_eq!(
        read(&mut bench, ConsistencyLevel::Quorum, &[1, 2]),
        [own_repair(2), repair(1, 1)]
    );
    assert_eq!(bench.repaired(2), NOTHING);
    assert_eq!(bench.repaired(OUTSIDER), NOTHING);
    assert_eq!(bench.repaired(1), NOTHING);
    assert_eq!(bench.repaired(1), NOTHING);
    assert_eq!(bench.repaired(0), data(3));
}

//= WP-RR-05 check
#[test]
fn late_data_and_failures_of_contacts_do_not_disturb_a_repair() {
    let mut bench = Bench::three();
    read(&mut bench, ConsistencyLevel::Quorum, &[1, 2]);
    let before = bench.node.clone();
    assert_eq!(bench.data(1, 7), NOTHING);
    for callback in [Callback::Read(REQUEST), Callback::ReadRepair(REQUEST)] {
        let reason = FailureReason::Unknown;
        assert_eq!(bench.receive(1, Message::Failure { callback, reason }), NOTHING);
    }
    assert_eq!(bench.node, before);
}

//= WP-RR-05 check
#[test]
fn an_acknowledgement_before_the_repair_began_counts_for_nothing() {
    let mut bench = Bench::three();
    bench.read(ConsistencyLevel::Quorum, &[]);
    assert_eq!(bench.repaired(1), NOTHING);
    assert_eq!(bench.data(0, 1), NOTHING);
    assert_eq!(bench.data(1, 1), data(1));
}

//= WP-RR-05 check
#[test]
fn pending_replicas_raise_the_wait_and_are_repaired_with_everything() {
    // Two naturals and one pending: three copies are needed, and the pending replica tops the targets up.
    let mut bench = Bench::new(&Shape::topology(&[0, 0], &[0]), 0, 0);
    let seen = read(&mut bench, ConsistencyLevel::Quorum, &[3, 1]);
    assert_eq!(seen, [repair(1, 2), repair(2, 3)]);
    assert_eq!(bench.repaired(2), NOTHING);
    assert_eq!(bench.repaired(1), data(3));
}

//= WP-RR-05 check
#[test]
fn targets_are_topped_up_with_live_replicas_of_the_level_alone() {
    // Datacenter 0: naturals 0, 1 and 2, pending 3; the read asks 0 and 1 and needs three copies.
    let shape = Shape::topology(&[0, 0, 0, 1], &[0, 1]);
    let level = ConsistencyLevel::LocalQuorum;
    let mut bench = Bench::new(&shape, 0, 0);
    assert_eq!(read(&mut bench, level, &[3, 1]), [repair(1, 2), repair(2, 3)]);
    let mut bench = Bench::new(&shape, 0, 0).dead(&[2]);
    assert_eq!(read(&mut bench, level, &[3, 1]), [repair(1, 2), repair(4, 3)]);
    let mut bench = Bench::new(&shape, 0, 0).dead(&[2, 4]);
    assert_eq!(read(&mut bench, level, &[3, 1]), [repair(1, 2)]);
    assert_eq!(bench.repaired(1), NOTHING);
}

//= WP-RR-05 check
#[test]
fn without_pending_replicas_nobody_else_is_repaired() {
    for level in [
        ConsistencyLevel::Two,
        ConsistencyLevel::Quorum,
        ConsistencyLevel::LocalQuorum,
    ] {
        let mut bench = Bench::new(&Shape::topology(&[0, 0, 0], &[]), 0, 0);
        assert_eq!(read(&mut bench, level, &[3, 1]), [repair(1, 2)], "{level}");
    }
}

//= WP-RR-05 check
#[test]
fn a_contact_more_than_needed_leaves_a_copy_that_is_not_waited_for() {
    // THREE of three contacts, two of them complete: one acknowledgement is left to wait for.
    let mut bench = Bench::three();
    assert_eq!(
        read(&mut bench, ConsistencyLevel::Three, &[3, 3, 1]),
        [repair(2, 2)]
    );
    assert_eq!(bench.node.reads.get(REQUEST).unwrap().repair.unwrap().wait_for, 1);
    assert_eq!(bench.repaired(2), data(3));
}

//= WP-RR-08 check
#[test]
fn a_repair_that_fails_is_not_hinted() {
    let mut bench = Bench::three();
    read(&mut bench, ConsistencyLevel::Quorum, &[3, 1]);
    let callback = Callback::ReadRepair(REQUEST);
    let reason = FailureReason::Unknown;
    let seen = bench.receive(1, Message::Failure { callback, reason });
    assert_eq!(seen, NOTHING);
    let seen = bench.fire(Timer::ReadTimeout(REQUEST));
    assert_eq!(hinted(&seen), Vec::<Vec<u8>>::new());
    assert_eq!(seen.len(), 2);
}
