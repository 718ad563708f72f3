//! Outcomes of writes in scenes that the interleavings do not have: strangers, duplicates, stale names, reasons.

use thymbra_protocol::{
    Callback, ConsistencyLevel, Effect, FailureReason, Input, Message, NodeId, RequestId, Timer, WriteOutcome,
};

use crate::harness::{
    Bench, OUTSIDER, REQUEST, Seen, Shape, answer, disarm, expired, hinted, outcome, reply,
};

const NEXT: RequestId = RequestId {
    slot: 0,
    generation: 8,
};
const NOTHING: Seen = vec![];

//= WP-CO-08 check
//= WP-MS-05 check
#[test]
fn an_answer_of_a_stranger_or_a_second_one_counts_for_nothing() {
    let mut bench = Bench::three();
    bench.write(ConsistencyLevel::Quorum);
    assert_eq!(bench.ack(OUTSIDER), NOTHING);
    assert_eq!(bench.fail(OUTSIDER, FailureReason::Unknown), NOTHING);
    assert_eq!(bench.ack(1), [disarm(1)]);
    assert_eq!(bench.ack(1), NOTHING);
    assert_eq!(bench.fail(1, FailureReason::Unknown), NOTHING);
    assert_eq!(bench.fire(expired(1)), NOTHING);
    assert_eq!(outcome(&bench.ack(2)), Some(WriteOutcome::Success));
}

//= WP-CO-08 check
//= WP-MS-04 check
#[test]
fn an_acknowledgement_after_the_failure_of_the_same_replica_counts_for_nothing() {
    let mut bench = Bench::three();
    bench.write(ConsistencyLevel::One);
    bench.fail(1, FailureReason::Unknown);
    assert_eq!(bench.ack(1), NOTHING);
    assert_eq!(outcome(&bench.ack(2)), Some(WriteOutcome::Success));
}

//= WP-CO-08 check
#[test]
fn a_dead_replica_that_answers_all_the_same_is_not_awaited() {
    let mut bench = Bench::three().dead(&[2]);
    bench.write(ConsistencyLevel::One);
    assert_eq!(bench.ack(2), NOTHING);
    assert_eq!(outcome(&bench.ack(1)), Some(WriteOutcome::Success));
}

//= WP-CO-18 check
//= WP-CO-19 check
//= WP-MS-04 check
#[test]
fn an_answer_between_timeout_and_expiry_cancels_the_hint_and_not_the_error() {
    let mut bench = Bench::three();
    bench.write(ConsistencyLevel::All);
    bench.ack(0);
    bench.ack(1);
    let timeout = WriteOutcome::WriteTimeout {
        level: ConsistencyLevel::All,
        received: 2,
        block_for: 3,
    };
    assert_eq!(bench.fire(Timer::WriteTimeout(REQUEST)), answer(timeout));
    assert_eq!(bench.fire(Timer::WriteTimeout(REQUEST)), NOTHING);
    assert_eq!(bench.ack(2), [disarm(2)]);
    assert_eq!(bench.fire(expired(2)), NOTHING);
    assert!(bench.node.writes.is_empty());
}

//= WP-CO-17 check
//= WP-HH-04 check
#[test]
fn a_replica_that_fails_after_success_is_hinted_and_no_more_is_said() {
    for (reason, is_silent) in [(FailureReason::Unknown, false), (FailureReason::Timeout, true)] {
        let mut bench = Bench::three();
        bench.write(ConsistencyLevel::One);
        assert_eq!(outcome(&bench.ack(0)), Some(WriteOutcome::Success));
        let seen = if is_silent {
            bench.fire(expired(1))
        } else {
            bench.fail(1, reason)
        };
        assert_eq!((outcome(&seen), hinted(&seen)), (None, vec![vec![1]]));
    }
}

//= WP-MS-05 check
#[test]
fn stale_answers_and_timers_do_not_reach_the_next_holder_of_a_slot() {
    let mut bench = Bench::three();
    bench.write_as(NEXT, ConsistencyLevel::One);
    let before = bench.node.clone();
    assert_eq!(bench.ack(1), NOTHING);
    assert_eq!(bench.ack(0), NOTHING);
    assert_eq!(bench.fail(1, FailureReason::Unknown), NOTHING);
    assert_eq!(bench.fire(expired(1)), NOTHING);
    assert_eq!(bench.fire(Timer::WriteTimeout(REQUEST)), NOTHING);
    assert_eq!(bench.step(Input::HintStored { request: REQUEST }), NOTHING);
    assert_eq!(bench.node, before);
}

//= WP-MS-05 check
#[test]
fn two_open_writes_are_counted_apart() {
    let other = RequestId {
        slot: 1,
        generation: 0,
    };
    let mut bench = Bench::three();
    bench.write(ConsistencyLevel::Two);
    bench.write_as(other, ConsistencyLevel::Two);
    bench.ack(1);
    let seen = bench.receive(2, Message::MutationResponse { request: other });
    assert_eq!(outcome(&seen), None);
    let seen = bench.receive(1, Message::MutationResponse { request: other });
    assert_eq!(outcome(&seen), Some(WriteOutcome::Success));
    assert_eq!(outcome(&bench.ack(2)), Some(WriteOutcome::Success));
}

//= WP-CO-12 check
//= WP-MS-03 check
#[test]
fn a_write_failure_names_each_failed_replica_with_its_reason() {
    let mut bench = Bench::three();
    bench.write(ConsistencyLevel::Quorum);
    bench.ack(0);
    bench.fail(2, FailureReason::IncompatibleSchema);
    let failure = WriteOutcome::WriteFailure {
        level: ConsistencyLevel::Quorum,
        received: 1,
        block_for: 2,
        failures: vec![
            (NodeId(1), FailureReason::Unknown),
            (NodeId(2), FailureReason::IncompatibleSchema),
        ],
    };
    assert_eq!(outcome(&bench.fail(1, FailureReason::Unknown)), Some(failure));
}

//= WP-CO-12 check
#[test]
fn silence_and_a_failure_together_are_a_failure_but_silence_alone_is_a_timeout() {
    let end = |first: FailureReason, second: FailureReason| {
        let mut bench = Bench::three();
        bench.write(ConsistencyLevel::Quorum);
        bench.fail(1, first);
        matches!(
            outcome(&bench.fail(2, second)),
            Some(WriteOutcome::WriteTimeout {
                received: 0,
                block_for: 2,
                ..
            })
        )
    };
    assert!(end(FailureReason::Timeout, FailureReason::Timeout));
    assert!(!end(FailureReason::Timeout, FailureReason::Unknown));
    assert!(!end(FailureReason::Unknown, FailureReason::Timeout));
}

//= WP-CO-12 check
#[test]
fn dead_replicas_still_count_as_candidates() {
    // S10: with one replica dead and one failed, QUORUM of three cannot be met, yet the write waits for its timer.
    let mut bench = Bench::three().dead(&[2]);
    bench.write(ConsistencyLevel::Quorum);
    assert_eq!(outcome(&bench.fail(1, FailureReason::Unknown)), None);
    let seen = bench.fire(Timer::WriteTimeout(REQUEST));
    assert!(matches!(outcome(&seen), Some(WriteOutcome::WriteTimeout { .. })));
}

//= WP-CO-12 check
#[test]
fn each_quorum_compares_totals_before_it_gives_up() {
    // S11: datacenter 1 has lost its quorum, but the total still allows it.
    let mut bench = Bench::new(&Shape::topology(&[0, 0, 0, 1, 1, 1], &[]), 0, 0);
    bench.write(ConsistencyLevel::EachQuorum);
    assert_eq!(outcome(&bench.fail(3, FailureReason::Unknown)), None);
    assert_eq!(outcome(&bench.fail(4, FailureReason::Unknown)), None);
    assert!(outcome(&bench.fail(5, FailureReason::Unknown)).is_some());
}

//= WP-CO-11 check
#[test]
fn a_timeout_at_each_quorum_reports_the_total_clamped() {
    // S7: five of six answered, one datacenter is short.
    let mut bench = Bench::new(&Shape::topology(&[0, 0, 0, 0, 0, 1, 1], &[]), 0, 0);
    bench.write(ConsistencyLevel::EachQuorum);
    for node in 0..5 {
        assert_eq!(outcome(&bench.ack(node)), None);
    }
    let timeout = WriteOutcome::WriteTimeout {
        level: ConsistencyLevel::EachQuorum,
        received: 4,
        block_for: 5,
    };
    assert_eq!(bench.fire(Timer::WriteTimeout(REQUEST)), answer(timeout));
}

//= WP-CO-14 check
#[test]
fn any_succeeds_even_if_nobody_may_be_hinted() {
    // S4.
    let mut bench = Bench::three();
    bench.config.hinted_handoff_enabled = false;
    bench.write(ConsistencyLevel::Any);
    assert_eq!(
        bench.fire(Timer::WriteTimeout(REQUEST)),
        answer(WriteOutcome::Success)
    );
}

//= WP-CO-14 check
#[test]
fn a_hint_that_is_stored_after_the_answer_ends_the_write_and_says_nothing() {
    let mut bench = Bench::three().dead(&[1, 2]);
    bench.write(ConsistencyLevel::Any);
    assert_eq!(outcome(&bench.ack(0)), Some(WriteOutcome::Success));
    assert!(!bench.node.writes.is_empty());
    assert_eq!(bench.step(Input::HintStored { request: REQUEST }), NOTHING);
    assert!(bench.node.writes.is_empty());
    assert_eq!(bench.step(Input::HintStored { request: REQUEST }), NOTHING);
}

//= WP-CO-21 check
//= WP-HH-10 check
//= WP-RW-06 check
#[test]
fn the_failure_of_the_own_copy_counts_and_is_not_hinted() {
    let mut bench = Bench::three();
    bench.write(ConsistencyLevel::All);
    let seen = bench.fail(0, FailureReason::Unknown);
    assert!(matches!(
        outcome(&seen),
        Some(WriteOutcome::WriteFailure {
            received: 0,
            block_for: 3,
            ..
        })
    ));
    assert_eq!(hinted(&seen), Vec::<Vec<u8>>::new());
}

//= WP-CO-18 check
#[test]
fn the_own_copy_that_completes_late_is_taken_and_changes_nothing() {
    let mut bench = Bench::three();
    bench.write(ConsistencyLevel::One);
    bench.ack(1);
    bench.ack(2);
    let reply = reply(0, Callback::Write(REQUEST));
    assert_eq!(bench.step(Input::Applied { reply }), [disarm(0)]);
    assert!(bench.node.writes.is_empty());
}

//= WP-CO-20 check
#[test]
fn an_error_asks_for_nothing_but_its_answer() {
    let mut bench = Bench::three();
    bench.write(ConsistencyLevel::All);
    bench.ack(1);
    let seen = bench.fire(Timer::WriteTimeout(REQUEST));
    let only_answers = seen
        .iter()
        .all(|effect| matches!(effect, Effect::Disarm(_) | Effect::AnswerWrite { .. }));
    assert!(only_answers, "{seen:?}");
}
