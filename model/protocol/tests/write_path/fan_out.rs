//! The step that admits a write: what is asked for, of whom, in which order.

use thymbra_protocol::{ConsistencyLevel, Effect, Input, ReplicaSet, Timer, WriteHandler, WriteOutcome};

use crate::harness::{
    Bench, OUTSIDER, PLAN, REQUEST, Seen, Shape, Tiny, expired, hint, hinted, mutation, mutation_to, outcome,
    own_append, set, store,
};

const LEVELS: [ConsistencyLevel; 9] = [
    ConsistencyLevel::Any,
    ConsistencyLevel::One,
    ConsistencyLevel::Two,
    ConsistencyLevel::Three,
    ConsistencyLevel::Quorum,
    ConsistencyLevel::All,
    ConsistencyLevel::LocalQuorum,
    ConsistencyLevel::EachQuorum,
    ConsistencyLevel::LocalOne,
];

fn arm(position: u8) -> Effect<Tiny> {
    Effect::Arm(expired(position))
}

fn arm_timeout() -> Effect<Tiny> {
    Effect::Arm(Timer::WriteTimeout(REQUEST))
}

/// Three replicas here, of which 0 is the coordinator; 3 to 5 in datacenter 1, 6 in datacenter 2.
fn spread() -> Shape {
    Shape::topology(&[0, 0, 0, 1, 1, 1, 2], &[])
}

fn write_through(bench: &mut Bench, forwarders: &[u8]) -> Seen {
    bench.step(Input::Write {
        request: REQUEST,
        mutation: mutation(),
        level: ConsistencyLevel::One,
        forwarders: set(forwarders),
    })
}

//= WP-CO-03 check
//= WP-CO-04 check
//= WP-CO-19 check
//= WP-CO-21 check
#[test]
fn a_write_goes_to_every_replica_whatever_its_level() {
    for level in LEVELS {
        let mut bench = Bench::three();
        let expected = vec![
            own_append(),
            mutation_to(1, &[]),
            arm(1),
            mutation_to(2, &[]),
            arm(2),
            arm_timeout(),
        ];
        assert_eq!(bench.write(level), expected, "{level}");
    }
}

//= WP-CO-03 check
//= WP-PR-10 check
#[test]
fn pending_replicas_are_written_to_like_natural_ones() {
    let mut bench = Bench::new(&Shape::topology(&[0, 0], &[0]), OUTSIDER, 0);
    let expected = vec![
        mutation_to(0, &[]),
        arm(0),
        mutation_to(1, &[]),
        arm(1),
        mutation_to(2, &[]),
        arm(2),
        arm_timeout(),
    ];
    assert_eq!(bench.write(ConsistencyLevel::One), expected);
}

//= WP-CO-04 check
//= WP-CO-15 check
//= WP-HH-01 check
#[test]
fn hints_come_first_then_the_own_copy_then_the_own_datacenter_then_the_others() {
    let mut bench = Bench::new(&spread(), 0, 0).dead(&[1, 3]);
    let expected = vec![
        store(&[1, 3]),
        own_append(),
        mutation_to(2, &[]),
        arm(2),
        mutation_to(4, &[5]),
        arm(4),
        arm(5),
        mutation_to(6, &[]),
        arm(6),
        arm_timeout(),
    ];
    assert_eq!(bench.write(ConsistencyLevel::One), expected);
}

//= WP-CO-15 check
#[test]
fn the_forwarder_of_a_datacenter_is_the_one_that_was_drawn() {
    let forwarding = |forwarders: &[u8], dead: &[u16]| {
        let mut bench = Bench::new(&spread(), 0, 0).dead(dead);
        let seen = write_through(&mut bench, forwarders);
        [3, 4, 5].map(|to| {
            let behind: Vec<u8> = (3..6)
                .filter(|n| u16::from(*n) != to && !dead.contains(&u16::from(*n)))
                .collect();
            seen.contains(&mutation_to(to, &behind))
        })
    };
    assert_eq!(forwarding(&[], &[]), [true, false, false]);
    assert_eq!(forwarding(&[3], &[]), [true, false, false]);
    assert_eq!(forwarding(&[4], &[]), [false, true, false]);
    assert_eq!(forwarding(&[5], &[]), [false, false, true]);
    assert_eq!(forwarding(&[4, 5], &[]), [false, true, false]);
    // A draw that is dead or elsewhere leaves the lowest live one.
    assert_eq!(forwarding(&[5], &[5]), [true, false, false]);
    assert_eq!(forwarding(&[5], &[3, 5]), [false, true, false]);
    assert_eq!(forwarding(&[0, 6], &[]), [true, false, false]);
}

//= WP-CO-15 check
#[test]
fn a_coordinator_of_another_datacenter_than_its_own_copy_never_forwards_to_itself() {
    // The driver may say that the coordinator stands elsewhere than the plan has it.
    let mut bench = Bench::new(&Shape::topology(&[1, 1, 1], &[]), 0, 0);
    let expected = vec![own_append(), mutation_to(1, &[2]), arm(1), arm(2), arm_timeout()];
    assert_eq!(bench.write(ConsistencyLevel::One), expected);
}

//= WP-CO-16 check
#[test]
fn every_live_replica_is_awaited_on_its_own() {
    let mut bench = Bench::new(&spread(), 0, 0).dead(&[1, 3]);
    bench.write(ConsistencyLevel::One);
    let handler = bench.node.writes.get(REQUEST).unwrap();
    let expected = WriteHandler {
        plan: PLAN,
        level: ConsistencyLevel::One,
        answered: false,
        awaiting: set(&[0, 2, 4, 5, 6]),
        acked: ReplicaSet::EMPTY,
        hint_acked: false,
        hint_pending: false,
        failures: vec![],
        mutation: mutation(),
    };
    assert_eq!(*handler, expected);
}

//= WP-CO-16 check
#[test]
fn a_lost_forwarder_leaves_each_replica_behind_it_to_be_hinted() {
    let mut bench = Bench::new(&spread(), 0, 0);
    bench.write(ConsistencyLevel::LocalQuorum);
    bench.ack(0);
    assert_eq!(outcome(&bench.ack(1)), Some(WriteOutcome::Success));
    let hints: Vec<_> = [3, 4, 5]
        .into_iter()
        .flat_map(|position| hinted(&bench.fire(expired(position))))
        .collect();
    assert_eq!(hints, [[3], [4], [5]]);
}

//= WP-CO-05 check
#[test]
fn liveness_is_asked_once_for_each_request() {
    let mut bench = Bench::three().dead(&[2]);
    let seen = bench.write(ConsistencyLevel::Quorum);
    assert_eq!(hinted(&seen), [[2]]);
    // Replica 2 comes back and replica 1 dies: the request keeps its view.
    bench.view.dead = vec![1];
    assert_eq!(outcome(&bench.ack(2)), None);
    assert_eq!(outcome(&bench.ack(0)), None);
    assert_eq!(outcome(&bench.ack(1)), Some(WriteOutcome::Success));
    assert!(bench.node.writes.is_empty());
}

//= WP-CO-14 check
//= WP-HH-11 check
#[test]
fn only_at_any_the_hint_task_reports_back() {
    for level in LEVELS {
        let mut bench = Bench::three().dead(&[2]);
        let seen = bench.write(level);
        let is_any = level == ConsistencyLevel::Any;
        let task = Effect::StoreHint {
            plan: PLAN,
            targets: set(&[2]),
            hint: hint(),
            notify: is_any.then_some(REQUEST),
        };
        let is_refused = outcome(&seen).is_some();
        assert_eq!(seen.contains(&task), !is_refused, "{level}");
        let waits = bench
            .node
            .writes
            .get(REQUEST)
            .is_some_and(|handler| handler.hint_pending);
        assert_eq!(waits, is_any, "{level}");
    }
}

//= WP-HH-01 check
#[test]
fn replicas_that_may_not_be_hinted_are_left_out_of_the_hint_task() {
    let mut bench = Bench::three().dead(&[1, 2]);
    bench
        .view
        .histories
        .insert(1, thymbra_protocol::TargetHistory::default());
    assert_eq!(hinted(&bench.write(ConsistencyLevel::Any)), [[2]]);
    let mut bench = Bench::three().dead(&[1, 2]);
    bench.config.hinted_handoff_enabled = false;
    assert_eq!(hinted(&bench.write(ConsistencyLevel::Any)), Vec::<Vec<u8>>::new());
    assert!(!bench.node.writes.get(REQUEST).unwrap().hint_pending);
}
