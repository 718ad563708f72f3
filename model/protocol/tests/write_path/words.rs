//! Names that operators know.

use thymbra_protocol::{Callback, Effect, FailureReason, Message};

use crate::harness::{Ask, Bench, Facts, REQUEST, Tiny, hint, mutation};

//= WP-MS-01 check
#[test]
fn messages_carry_the_verbs_of_cassandra() {
    let request = REQUEST;
    let dispatch = REQUEST;
    let messages: [Message<Tiny>; 9] = [
        Message::Mutation {
            request,
            mutation: mutation(),
            forward_to: None,
            respond_to: None,
        },
        Message::MutationResponse { request },
        Message::Hint {
            dispatch,
            index: 0,
            hint: hint(),
        },
        Message::HintResponse { dispatch, index: 0 },
        Message::Read {
            request,
            command: Ask(0),
        },
        Message::ReadResponse {
            request,
            data: Facts(0),
        },
        Message::ReadRepair {
            request,
            mutation: mutation(),
        },
        Message::ReadRepairResponse { request },
        Message::Failure {
            callback: Callback::Write(request),
            reason: FailureReason::Unknown,
        },
    ];
    let verbs = messages.each_ref().map(Message::verb);
    assert_eq!(
        verbs,
        [
            "MUTATION_REQ",
            "MUTATION_RSP",
            "HINT_REQ",
            "HINT_RSP",
            "READ_REQ",
            "READ_RSP",
            "READ_REPAIR_REQ",
            "READ_REPAIR_RSP",
            "FAILURE_RSP",
        ]
    );
}

#[test]
fn a_context_prints_who_steps_and_when() {
    let bench = Bench::three();
    let context = thymbra_protocol::Context {
        rules: bench.rules,
        me: thymbra_protocol::NodeId(4),
        local: thymbra_protocol::Datacenter(0),
        ring: &bench.ring,
        view: &bench.view,
        now_ms: 17,
        config: &bench.config,
    };
    assert_eq!(
        format!("{context:?}"),
        "Context { me: NodeId(4), now_ms: 17, .. }"
    );
    let copy = Clone::clone(&context);
    assert_eq!((copy.me, copy.now_ms), (context.me, context.now_ms));
}

#[test]
fn a_list_takes_effects_in_order() {
    let mut seen: Vec<Effect<Tiny>> = vec![];
    for timer in [
        thymbra_protocol::Timer::ReadTimeout(REQUEST),
        thymbra_protocol::Timer::HintTimeout(REQUEST),
    ] {
        thymbra_protocol::Effects::emit(&mut seen, Effect::Arm(timer));
    }
    assert_eq!(seen.len(), 2);
    assert_eq!(
        seen[0],
        Effect::Arm(thymbra_protocol::Timer::ReadTimeout(REQUEST))
    );
}
