//! Reads: whom they ask, what they return, how they fail.

use thymbra_protocol::{
    Callback, ConsistencyLevel, Effect, FailureReason, Input, InvalidRequest, Message, Node, NodeId,
    ReadOutcome, ReadRepairStrategy, RequestId, Timer, Unavailable,
};

use crate::harness::{Ask, Bench, Facts, OUTSIDER, REQUEST, Seen, Shape, Tiny, reply};

const NOTHING: Seen = vec![];

fn ask(to: u16, me: u16) -> Effect<Tiny> {
    let command = Ask(0);
    if to == me {
        let reply = reply(to, Callback::Read(REQUEST));
        Effect::ReadLocal { command, reply }
    } else {
        Effect::Send {
            to: NodeId(to),
            message: Message::Read {
                request: REQUEST,
                command,
            },
        }
    }
}

fn asks(contacts: &[u16], me: u16) -> Seen {
    let timer = Effect::Arm(Timer::ReadTimeout(REQUEST));
    contacts.iter().map(|to| ask(*to, me)).chain([timer]).collect()
}

fn answer(outcome: ReadOutcome<Facts>) -> [Effect<Tiny>; 2] {
    [
        Effect::Disarm(Timer::ReadTimeout(REQUEST)),
        Effect::AnswerRead {
            request: REQUEST,
            outcome,
        },
    ]
}

fn unavailable(level: ConsistencyLevel, required: usize, alive: usize) -> Seen {
    let outcome = ReadOutcome::Unavailable(Unavailable {
        level,
        required,
        alive,
    });
    vec![Effect::AnswerRead {
        request: REQUEST,
        outcome,
    }]
}

fn timeout(received: usize, data_present: bool) -> [Effect<Tiny>; 2] {
    answer(ReadOutcome::ReadTimeout {
        level: ConsistencyLevel::Quorum,
        received,
        block_for: 2,
        data_present,
    })
}

//= WP-RR-01 check
#[test]
fn any_is_refused_for_reads() {
    let mut bench = Bench::three();
    let outcome = ReadOutcome::Invalid(InvalidRequest::AnyLevelForRead);
    let request = REQUEST;
    assert_eq!(
        bench.read(ConsistencyLevel::Any, &[]),
        [Effect::AnswerRead { request, outcome }]
    );
    assert_eq!(bench.node, Node::default());
}

//= WP-RR-01 check
//= WP-RR-02 check
#[test]
fn every_other_level_asks_as_many_as_it_needs() {
    for (level, contacts) in [
        (ConsistencyLevel::One, &[0][..]),
        (ConsistencyLevel::Two, &[0, 1]),
        (ConsistencyLevel::Three, &[0, 1, 2]),
        (ConsistencyLevel::Quorum, &[0, 1, 2]),
        (ConsistencyLevel::All, &[0, 1, 2, 3]),
        (ConsistencyLevel::LocalQuorum, &[0, 1]),
        (ConsistencyLevel::EachQuorum, &[0, 1, 2]),
        (ConsistencyLevel::Serial, &[0, 1, 2]),
        (ConsistencyLevel::LocalSerial, &[0, 1]),
        (ConsistencyLevel::LocalOne, &[0]),
    ] {
        let mut bench = Bench::new(&Shape::topology(&[0, 0, 1, 0], &[0]), 0, 0);
        assert_eq!(bench.read(level, &[]), asks(contacts, 0), "{level}");
    }
}

//= WP-RR-02 check
#[test]
fn the_nearest_live_replicas_are_asked_and_those_left_out_of_the_order_come_last() {
    let contacts = |proximity: &[u8], dead: &[u16]| {
        let mut bench = Bench::three().dead(dead);
        bench.read(ConsistencyLevel::Quorum, proximity)
    };
    assert_eq!(contacts(&[2, 1, 0], &[]), asks(&[1, 2], 0));
    assert_eq!(contacts(&[2], &[]), asks(&[0, 2], 0));
    assert_eq!(contacts(&[2, 1, 0], &[2]), asks(&[0, 1], 0));
    assert_eq!(contacts(&[2, 2, 9, 1], &[]), asks(&[1, 2], 0));
}

//= WP-PR-10 check
//= WP-RR-02 check
#[test]
fn pending_replicas_are_not_asked_and_do_not_raise_the_number() {
    let mut bench = Bench::new(&Shape::topology(&[0, 0], &[0]), OUTSIDER, 0);
    assert_eq!(
        bench.read(ConsistencyLevel::Quorum, &[2, 1, 0]),
        asks(&[0, 1], OUTSIDER)
    );
    let mut bench = Bench::new(&Shape::topology(&[0, 0], &[0]), OUTSIDER, 0).dead(&[1]);
    let level = ConsistencyLevel::Quorum;
    assert_eq!(bench.read(level, &[]), unavailable(level, 2, 1));
}

//= WP-RR-02 check
#[test]
fn local_levels_ask_the_datacenter_of_the_coordinator() {
    let mut bench = Bench::new(&Shape::topology(&[1, 0, 1, 0], &[]), OUTSIDER, 0);
    let seen = bench.read(ConsistencyLevel::LocalQuorum, &[0, 2, 3, 1]);
    assert_eq!(seen, asks(&[1, 3], OUTSIDER));
    let level = ConsistencyLevel::LocalQuorum;
    let mut bench = Bench::new(&Shape::topology(&[1, 0, 1, 0], &[]), OUTSIDER, 0).dead(&[1]);
    assert_eq!(bench.read(level, &[]), unavailable(level, 2, 1));
}

//= WP-RR-02 check
#[test]
fn each_quorum_asks_the_nearest_quorum_of_each_datacenter() {
    let shape = Shape::topology(&[0, 0, 0, 1, 1, 1], &[]);
    let level = ConsistencyLevel::EachQuorum;
    let mut bench = Bench::new(&shape, 0, 0);
    assert_eq!(bench.read(level, &[5, 4, 3, 2, 1, 0]), asks(&[1, 2, 4, 5], 0));
    let mut bench = Bench::new(&shape, 0, 0).dead(&[3]);
    assert_eq!(bench.read(level, &[]), asks(&[0, 1, 4, 5], 0));
    let mut bench = Bench::new(&shape, 0, 0).dead(&[3, 4]);
    assert_eq!(bench.read(level, &[]), unavailable(level, 2, 0));
    assert_eq!(bench.node, Node::default());
}

//= WP-CO-24 check
//= WP-RR-02 check
#[test]
fn each_quorum_is_quorum_without_network_topology() {
    let level = ConsistencyLevel::EachQuorum;
    assert_eq!(Bench::three().read(level, &[]), asks(&[0, 1], 0));
    assert_eq!(
        Bench::three().dead(&[1, 2]).read(level, &[]),
        unavailable(level, 2, 1)
    );
}

//= WP-RR-02 check
#[test]
fn a_read_with_too_few_replicas_is_unavailable() {
    let level = ConsistencyLevel::Two;
    let mut bench = Bench::three().dead(&[1, 2]);
    assert_eq!(bench.read(level, &[]), unavailable(level, 2, 1));
    assert_eq!(bench.node, Node::default());
}

//= WP-RR-03 check
#[test]
fn a_read_returns_the_merge_of_all_its_contacts() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut bench = Bench::three();
        bench.read_with(ConsistencyLevel::All, &[], ReadRepairStrategy::None);
        assert_eq!(bench.data(order[0], 1 << order[0]), NOTHING);
        assert_eq!(bench.data(order[1], 1 << order[1]), NOTHING);
        assert_eq!(
            bench.data(order[2], 1 << order[2]),
            answer(ReadOutcome::Data(Facts(7)))
        );
        assert_eq!(bench.node, Node::default());
    }
}

//= WP-RR-03 check
#[test]
fn contents_that_are_equal_are_answered_at_once() {
    let mut bench = Bench::three();
    bench.read(ConsistencyLevel::Quorum, &[]);
    bench.data(0, 3);
    assert_eq!(bench.data(1, 3), answer(ReadOutcome::Data(Facts(3))));
}

//= WP-RR-07 check
#[test]
fn without_read_repair_contents_that_differ_are_merged_and_nothing_is_written() {
    let mut bench = Bench::three();
    bench.read_with(ConsistencyLevel::Quorum, &[], ReadRepairStrategy::None);
    bench.data(0, 1);
    assert_eq!(bench.data(1, 2), answer(ReadOutcome::Data(Facts(3))));
}

//= WP-RR-09 check
#[test]
fn a_read_of_one_replica_returns_what_it_holds_and_repairs_nothing() {
    let mut bench = Bench::three();
    bench.read(ConsistencyLevel::One, &[2]);
    assert_eq!(bench.data(2, 4), answer(ReadOutcome::Data(Facts(4))));
    assert_eq!(bench.node, Node::default());
}

//= WP-MS-05 check
//= WP-RR-03 check
#[test]
fn each_contact_counts_once_and_nobody_else_does() {
    let mut bench = Bench::three();
    bench.read(ConsistencyLevel::Quorum, &[]);
    assert_eq!(bench.data(2, 4), NOTHING);
    assert_eq!(bench.data(OUTSIDER, 4), NOTHING);
    assert_eq!(bench.data(1, 1), NOTHING);
    assert_eq!(bench.data(1, 2), NOTHING);
    assert_eq!(bench.data(0, 1), answer(ReadOutcome::Data(Facts(1))));
}

//= WP-MS-05 check
#[test]
fn an_answer_to_an_earlier_read_is_ignored() {
    let mut bench = Bench::three();
    bench.step(Input::Read {
        request: RequestId {
            slot: 0,
            generation: 8,
        },
        command: Ask(0),
        level: ConsistencyLevel::One,
        proximity: vec![],
        read_repair: ReadRepairStrategy::Blocking,
    });
    let before = bench.node.clone();
    let callback = Callback::Read(REQUEST);
    let reason = FailureReason::Unknown;
    assert_eq!(bench.data(0, 1), NOTHING);
    assert_eq!(bench.receive(0, Message::Failure { callback, reason }), NOTHING);
    assert_eq!(bench.repaired(0), NOTHING);
    assert_eq!(bench.fire(Timer::ReadTimeout(REQUEST)), NOTHING);
    assert_eq!(bench.node, before);
}

//= WP-RR-04 check
#[test]
fn a_read_timeout_reports_the_answers_that_arrived() {
    let mut bench = Bench::three();
    bench.read(ConsistencyLevel::Quorum, &[]);
    assert_eq!(bench.fire(Timer::ReadTimeout(REQUEST)), timeout(0, false));
    let mut bench = Bench::three();
    bench.read(ConsistencyLevel::Quorum, &[]);
    bench.data(1, 1);
    assert_eq!(bench.fire(Timer::ReadTimeout(REQUEST)), timeout(1, true));
    assert_eq!(bench.node, Node::default());
}

//= WP-RR-04 check
#[test]
fn a_timeout_while_a_repair_is_awaited_has_data() {
    let mut bench = Bench::three();
    bench.read(ConsistencyLevel::Quorum, &[]);
    bench.data(0, 1);
    bench.data(1, 0);
    assert_eq!(bench.fire(Timer::ReadTimeout(REQUEST)), timeout(1, true));
    assert_eq!(bench.node, Node::default());
}

//= WP-RR-04 check
#[test]
fn a_timeout_reports_repairs_that_are_missing_and_never_the_full_number() {
    // Two pending replicas lack everything: three acknowledgements are awaited, more than a read needs.
    let mut bench = Bench::new(&Shape::topology(&[0, 0], &[0, 0]), 0, 0);
    bench.read(ConsistencyLevel::Quorum, &[]);
    bench.data(0, 1);
    bench.data(1, 0);
    assert_eq!(bench.node.reads.get(REQUEST).unwrap().repair.unwrap().wait_for, 3);
    assert_eq!(bench.fire(Timer::ReadTimeout(REQUEST)), timeout(0, true));
}

//= WP-RR-04 check
#[test]
fn a_contact_that_fails_ends_the_read() {
    for reason in [FailureReason::Unknown, FailureReason::IncompatibleSchema] {
        let failure = |received, node| {
            answer(ReadOutcome::ReadFailure {
                level: ConsistencyLevel::Quorum,
                received,
                block_for: 2,
                failures: vec![(NodeId(node), reason)],
            })
        };
        let callback = Callback::Read(REQUEST);
        let mut bench = Bench::three();
        bench.read(ConsistencyLevel::Quorum, &[]);
        assert_eq!(bench.receive(2, Message::Failure { callback, reason }), NOTHING);
        assert_eq!(
            bench.receive(OUTSIDER, Message::Failure { callback, reason }),
            NOTHING
        );
        assert_eq!(
            bench.receive(1, Message::Failure { callback, reason }),
            failure(0, 1)
        );
        assert_eq!(bench.node, Node::default());
        let mut bench = Bench::three();
        bench.read(ConsistencyLevel::Quorum, &[]);
        bench.data(1, 1);
        let reply = reply(0, callback);
        assert_eq!(bench.step(Input::ApplyFailed { reply, reason }), failure(1, 0));
    }
}
