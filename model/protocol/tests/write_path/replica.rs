//! What a node does as a replica: forward, append, answer.

use thymbra_protocol::{
    Callback, Datacenter, Effect, FailureReason, ForwardTo, Input, Member, Message, NodeId, PlanKey, Rack,
    ReplicationStrategy, Reply, Ring, Topology,
};
use thymbra_types::{Reference, Token};

use crate::harness::{
    Add, Ask, Bench, Facts, OUTSIDER, PLAN, REQUEST, Seen, Shape, Tiny, add, mutation, reply, set,
};

const NOTHING: Seen = vec![];
const WRITE: Callback = Callback::Write(REQUEST);

fn request(forward_to: Option<ForwardTo>, respond_to: Option<NodeId>) -> Message<Tiny> {
    Message::Mutation {
        request: REQUEST,
        mutation: mutation(),
        forward_to,
        respond_to,
    }
}

fn append_for(to: u16) -> Effect<Tiny> {
    Effect::Append {
        mutation: mutation(),
        reply: reply(to, WRITE),
    }
}

fn send(to: u16, message: Message<Tiny>) -> Effect<Tiny> {
    Effect::Send {
        to: NodeId(to),
        message,
    }
}

//= WP-RW-01 check
//= WP-RW-03 check
#[test]
fn a_mutation_is_appended_before_it_is_answered_and_answered_once_it_was_applied() {
    let mut bench = Bench::new(&Shape::simple(3), 1, 0);
    assert_eq!(bench.receive(0, request(None, None)), [append_for(0)]);
    let reply = reply(0, WRITE);
    assert_eq!(
        bench.step(Input::Applied { reply }),
        [send(0, Message::MutationResponse { request: REQUEST })]
    );
}

//= WP-RW-06 check
//= WP-MS-03 check
#[test]
fn a_failed_append_is_answered_with_its_reason_and_never_with_success() {
    for reason in [FailureReason::Unknown, FailureReason::IncompatibleSchema] {
        for callback in [
            WRITE,
            Callback::ReadRepair(REQUEST),
            Callback::Hint {
                dispatch: REQUEST,
                index: 0,
            },
            Callback::Read(REQUEST),
        ] {
            let mut bench = Bench::new(&Shape::simple(3), 1, 0);
            let reply = reply(0, callback);
            let seen = bench.step(Input::ApplyFailed { reply, reason });
            assert_eq!(seen, [send(0, Message::Failure { callback, reason })]);
        }
    }
}

//= WP-MS-02 check
#[test]
fn the_answer_goes_to_the_node_named_by_respond_to_else_to_the_sender() {
    let mut bench = Bench::new(&Shape::simple(3), 1, 0);
    assert_eq!(bench.receive(2, request(None, None)), [append_for(2)]);
    assert_eq!(bench.receive(2, request(None, Some(NodeId(0)))), [append_for(0)]);
}

//= WP-CO-15 check
//= WP-MS-02 check
#[test]
fn a_forwarder_passes_the_mutation_on_before_it_applies_its_own_copy() {
    let mut bench = Bench::new(&Shape::topology(&[0, 1, 1, 1], &[]), 1, 1);
    let forward_to = ForwardTo {
        plan: PLAN,
        targets: set(&[2, 3]),
    };
    let passed_on = request(None, Some(NodeId(0)));
    assert_eq!(
        bench.receive(0, request(Some(forward_to), None)),
        [send(2, passed_on), send(3, passed_on), append_for(0)]
    );
    assert!(bench.node.writes.is_empty());
}

//= WP-CO-15 check
#[test]
fn a_forwarder_that_does_not_know_the_plan_applies_its_own_copy() {
    let mut bench = Bench::new(&Shape::simple(3), 1, 0);
    let forward_to = ForwardTo {
        plan: PlanKey { epoch: 4, range: 0 },
        targets: set(&[2]),
    };
    assert_eq!(bench.receive(0, request(Some(forward_to), None)), [append_for(0)]);
}

fn outside(rejects: bool, me: u16) -> Bench {
    let mut bench = Bench::new(&Shape::topology(&[1, 0], &[0]), me, 0);
    bench.config.reject_out_of_token_range_requests = rejects;
    bench
}

//= WP-RW-02 check
#[test]
fn a_token_that_is_not_owned_is_applied_or_refused_as_configured() {
    let refusal = send(
        0,
        Message::Failure {
            callback: WRITE,
            reason: FailureReason::Unknown,
        },
    );
    assert_eq!(
        outside(false, OUTSIDER).receive(0, request(None, None)),
        [append_for(0)]
    );
    assert_eq!(outside(true, OUTSIDER).receive(0, request(None, None)), [refusal]);
    // Natural and pending replicas own it.
    assert_eq!(outside(true, 1).receive(0, request(None, None)), [append_for(0)]);
    assert_eq!(outside(true, 2).receive(0, request(None, None)), [append_for(0)]);
}

//= WP-CO-15 check
//= WP-RW-02 check
#[test]
fn a_refused_mutation_was_forwarded_before() {
    let forward_to = ForwardTo {
        plan: PLAN,
        targets: set(&[1]),
    };
    let seen = outside(true, OUTSIDER).receive(0, request(Some(forward_to), None));
    assert_eq!(seen[0], send(1, request(None, Some(NodeId(0)))));
    assert_eq!(seen.len(), 2);
}

//= WP-RW-02 check
#[test]
fn ownership_is_judged_by_the_token_of_the_mutation() {
    let member =
        |node: u16, token| Member::normal(NodeId(node), Datacenter(0), Rack(0), vec![Token::Murmur3(token)]);
    let topology = Topology::new(vec![], vec![], vec![member(0, 0), member(1, 100)]).unwrap();
    let strategy = ReplicationStrategy::Simple {
        replication_factor: 1,
    };
    let mut bench = Bench::new(&Shape::simple(1), 1, 0);
    bench.ring = Ring::new(&Reference, &topology, &strategy, 0).unwrap();
    bench.config.reject_out_of_token_range_requests = true;
    let mut write = |token| {
        let mutation = Add { token, ..mutation() };
        let message = Message::Mutation {
            request: REQUEST,
            mutation,
            forward_to: None,
            respond_to: None,
        };
        matches!(bench.receive(5, message).as_slice(), [Effect::Append { .. }])
    };
    assert_eq!(
        [write(0), write(1), write(100), write(101)],
        [false, true, true, false]
    );
}

//= WP-MS-06 check
//= WP-RW-05 check
#[test]
fn a_mutation_that_expired_in_the_queue_is_dropped_silently_but_the_own_copy_is_executed() {
    let mut bench = Bench::new(&Shape::simple(3), 1, 0);
    let expire = |to| Input::Expired {
        mutation: mutation(),
        reply: reply(to, WRITE),
    };
    assert_eq!(bench.step(expire(0)), NOTHING);
    assert_eq!(bench.step(expire(1)), [append_for(1)]);
}

//= WP-RW-03 check
#[test]
fn each_completion_is_answered_with_the_response_of_its_request() {
    let hint = Callback::Hint {
        dispatch: REQUEST,
        index: 9,
    };
    let answered = |callback| {
        let reply = reply(0, callback);
        Bench::new(&Shape::simple(3), 1, 0).step(Input::Applied { reply })
    };
    assert_eq!(
        answered(WRITE),
        [send(0, Message::MutationResponse { request: REQUEST })]
    );
    assert_eq!(
        answered(Callback::ReadRepair(REQUEST)),
        [send(0, Message::ReadRepairResponse { request: REQUEST })]
    );
    let response = Message::HintResponse {
        dispatch: REQUEST,
        index: 9,
    };
    assert_eq!(answered(hint), [send(0, response)]);
    // A read is completed by its data, never by an append.
    assert_eq!(answered(Callback::Read(REQUEST)), NOTHING);
}

#[test]
fn a_read_request_reads_the_own_data_and_returns_it() {
    let mut bench = Bench::new(&Shape::simple(3), 1, 0);
    let message = Message::Read {
        request: REQUEST,
        command: Ask(0),
    };
    let reply = reply(0, Callback::Read(REQUEST));
    let command = Ask(0);
    assert_eq!(bench.receive(0, message), [Effect::ReadLocal { command, reply }]);
    let data = Facts(5);
    let response = Message::ReadResponse {
        request: REQUEST,
        data,
    };
    assert_eq!(
        bench.step(Input::ReadCompleted { reply, data }),
        [send(0, response)]
    );
    let stray = Reply {
        callback: WRITE,
        ..reply
    };
    assert_eq!(bench.step(Input::ReadCompleted { reply: stray, data }), NOTHING);
}

#[test]
fn a_repair_is_appended_like_a_mutation() {
    let mut bench = Bench::new(&Shape::simple(3), 1, 0);
    let message = Message::ReadRepair {
        request: REQUEST,
        mutation: add(6),
    };
    let append = Effect::Append {
        mutation: add(6),
        reply: reply(0, Callback::ReadRepair(REQUEST)),
    };
    assert_eq!(bench.receive(0, message), [append]);
}
