//! Admission of a write: who is refused, with which numbers, and that a refusal leaves no trace.

use thymbra_protocol::{
    CONSISTENCY_LEVELS, ConsistencyLevel, Effect, InvalidRequest, Node, Unavailable, WriteOutcome,
};

use crate::harness::{Bench, OUTSIDER, REQUEST, Seen, Shape, outcome};

fn refused(seen: &Seen) -> Option<(usize, usize)> {
    match outcome(seen) {
        Some(WriteOutcome::Unavailable(Unavailable { required, alive, .. })) => Some((required, alive)),
        Some(_) | None => None,
    }
}

//= WP-CO-02 check
#[test]
fn serial_levels_are_refused_before_anything_else_is_looked_at() {
    for level in [ConsistencyLevel::Serial, ConsistencyLevel::LocalSerial] {
        for dead in [&[][..], &[1, 2]] {
            let mut bench = Bench::three().dead(dead);
            let outcome = WriteOutcome::Invalid(InvalidRequest::SerialLevelForWrite);
            let request = REQUEST;
            assert_eq!(bench.write(level), [Effect::AnswerWrite { request, outcome }]);
            assert_eq!(bench.node, Node::default());
        }
    }
}

//= WP-CO-02 check
#[test]
fn every_other_level_is_accepted_with_every_strategy() {
    for shape in [Shape::simple(3), Shape::topology(&[0, 0, 0], &[])] {
        for level in CONSISTENCY_LEVELS.into_iter().filter(|level| !level.is_serial()) {
            let mut bench = Bench::new(&shape, 0, 0);
            assert_eq!(outcome(&bench.write(level)), None, "{level}");
        }
    }
}

//= WP-CO-09 check
//= WP-CO-10 check
//= WP-CO-20 check
#[test]
fn an_unavailable_write_is_answered_and_nothing_else_happens() {
    let mut bench = Bench::three().dead(&[1, 2]);
    let outcome = WriteOutcome::Unavailable(Unavailable {
        level: ConsistencyLevel::Quorum,
        required: 2,
        alive: 1,
    });
    let request = REQUEST;
    assert_eq!(
        bench.write(ConsistencyLevel::Quorum),
        [Effect::AnswerWrite { request, outcome }]
    );
    assert_eq!(bench.node, Node::default());
}

//= WP-CO-10 check
#[test]
fn numbers_of_a_refusal_are_those_of_the_table() {
    // Two datacenters of two replicas and one pending in each; positions 0 and 1 are local, 4 the local pending.
    let shape = Shape::topology(&[0, 0, 1, 1], &[0, 1]);
    let numbers = |level, dead: &[u16]| refused(&Bench::new(&shape, OUTSIDER, 0).dead(dead).write(level));
    assert_eq!(numbers(ConsistencyLevel::Any, &[0, 1, 2, 3, 4, 5]), None);
    assert_eq!(numbers(ConsistencyLevel::One, &[0, 1, 2, 3]), Some((3, 2)));
    assert_eq!(numbers(ConsistencyLevel::One, &[0, 1, 2]), None);
    assert_eq!(numbers(ConsistencyLevel::Two, &[0, 1, 2]), Some((4, 3)));
    assert_eq!(numbers(ConsistencyLevel::Three, &[0, 1]), Some((5, 4)));
    assert_eq!(numbers(ConsistencyLevel::Quorum, &[0, 1]), Some((5, 4)));
    assert_eq!(numbers(ConsistencyLevel::All, &[5]), Some((6, 5)));
    assert_eq!(numbers(ConsistencyLevel::LocalOne, &[0, 1]), Some((1, 1)));
    assert_eq!(numbers(ConsistencyLevel::LocalOne, &[0]), None);
    assert_eq!(numbers(ConsistencyLevel::LocalQuorum, &[0]), Some((3, 2)));
    assert_eq!(numbers(ConsistencyLevel::LocalQuorum, &[2, 3, 5]), None);
    assert_eq!(numbers(ConsistencyLevel::EachQuorum, &[0]), None);
    assert_eq!(numbers(ConsistencyLevel::EachQuorum, &[2, 3]), Some((2, 0)));
}

//= WP-CO-22 check
#[test]
fn local_levels_are_unavailable_in_a_datacenter_without_replicas() {
    let shape = Shape::topology(&[1, 1, 1], &[]);
    for level in [ConsistencyLevel::LocalOne, ConsistencyLevel::LocalQuorum] {
        let mut bench = Bench::new(&shape, OUTSIDER, 0);
        assert_eq!(refused(&bench.write(level)), Some((1, 0)), "{level}");
    }
}

//= WP-CO-23 check
#[test]
fn a_datacenter_without_nodes_makes_each_quorum_unavailable() {
    let shape = Shape {
        natural: vec![0, 0],
        pending: vec![],
        factors: Some(vec![(0, 2), (1, 3)]),
    };
    let mut bench = Bench::new(&shape, 0, 0);
    assert_eq!(refused(&bench.write(ConsistencyLevel::EachQuorum)), Some((2, 0)));
}

//= WP-FD-01 check
//= WP-FD-02 check
#[test]
fn the_coordinator_is_alive_for_itself_whatever_the_detector_says() {
    let mut bench = Bench::three().dead(&[0, 1, 2]);
    assert_eq!(outcome(&bench.write(ConsistencyLevel::One)), None);
    let mut bench = Bench::three().dead(&[0, 1, 2]);
    assert_eq!(refused(&bench.write(ConsistencyLevel::Two)), Some((2, 1)));
}

//= WP-FD-01 check
#[test]
fn each_coordinator_judges_by_its_own_opinion() {
    let mut sees_all = Bench::three();
    let mut sees_none = Bench::three().dead(&[1, 2]);
    assert_eq!(refused(&sees_all.write(ConsistencyLevel::All)), None);
    assert_eq!(refused(&sees_none.write(ConsistencyLevel::All)), Some((3, 1)));
}

//= WP-CO-13 check
#[test]
fn hints_in_progress_never_refuse_a_write() {
    let mut bench = Bench::three().dead(&[2]);
    bench.view.hints_in_progress = 1_000;
    bench.view.hints_in_progress_for.insert(2, 1_000);
    assert_eq!(outcome(&bench.write(ConsistencyLevel::One)), None);
}
