//! Delivery of hints: when it begins, what a page sends, and what ends it.

use thymbra_protocol::{
    Callback, Dispatch, Effect, FailureReason, HINTS_PER_PAGE, Hint, Input, Message, Node, NodeId, RequestId,
    Timer,
};

use crate::harness::{Add, Bench, GC_GRACE_SECONDS, NOW_MS, REQUEST, Seen, Tiny, add, hint, reply, set};

const NOTHING: Seen = vec![];
const TARGET: NodeId = NodeId(1);
const OTHER: RequestId = RequestId {
    slot: 1,
    generation: 0,
};

fn begin(bench: &mut Bench, dispatch: RequestId, target: u16) -> Seen {
    bench.step(Input::DispatchHints {
        dispatch,
        target: NodeId(target),
    })
}

fn page(bench: &mut Bench, hints: Vec<Hint<Add>>) -> Seen {
    bench.step(Input::HintsRead {
        dispatch: REQUEST,
        hints,
    })
}

fn delivered(bench: &mut Bench, from: u16, index: u8) -> Seen {
    let dispatch = REQUEST;
    bench.receive(from, Message::HintResponse { dispatch, index })
}

fn hint_of(facts: u8, created_ms: u64) -> Hint<Add> {
    Hint {
        mutation: add(facts),
        created_ms,
        ..hint()
    }
}

fn send(index: u8, hint: Hint<Add>) -> Effect<Tiny> {
    Effect::Send {
        to: TARGET,
        message: Message::Hint {
            dispatch: REQUEST,
            index,
            hint,
        },
    }
}

fn removed() -> Effect<Tiny> {
    Effect::DeleteHints {
        dispatch: REQUEST,
        target: TARGET,
    }
}

fn returned() -> [Effect<Tiny>; 2] {
    let effect = Effect::ReturnHints {
        dispatch: REQUEST,
        target: TARGET,
    };
    [Effect::Disarm(Timer::HintTimeout(REQUEST)), effect]
}

/// A delivery of two hints that are under way.
fn under_way() -> Bench {
    let mut bench = Bench::three();
    begin(&mut bench, REQUEST, TARGET.0);
    page(&mut bench, vec![hint_of(1, NOW_MS), hint_of(2, NOW_MS)]);
    bench
}

//= WP-HH-06 check
#[test]
fn a_delivery_begins_by_reading_a_page() {
    let mut bench = Bench::three();
    let effect = Effect::ReadHints {
        dispatch: REQUEST,
        target: TARGET,
    };
    assert_eq!(begin(&mut bench, REQUEST, 1), [effect]);
    let open = Dispatch {
        target: TARGET,
        outstanding: set(&[]),
    };
    assert_eq!(bench.node.dispatches.get(REQUEST), Some(&open));
}

//= WP-HH-06 check
#[test]
fn a_dead_target_or_one_of_another_schema_is_not_delivered_to() {
    let mut bench = Bench::three().dead(&[1]);
    bench.view.other_schema = vec![2];
    assert_eq!(begin(&mut bench, REQUEST, 1), NOTHING);
    assert_eq!(begin(&mut bench, REQUEST, 2), NOTHING);
    assert_eq!(bench.node, Node::default());
}

//= WP-HH-06 check
#[test]
fn one_delivery_to_a_target_is_under_way_at_a_time_but_targets_do_not_wait_for_each_other() {
    let mut bench = under_way();
    assert_eq!(begin(&mut bench, OTHER, 1), NOTHING);
    assert_eq!(begin(&mut bench, OTHER, 2).len(), 1);
    assert_eq!(bench.node.dispatches.iter().count(), 2);
}

//= WP-HH-05 check
//= WP-HH-13 check
#[test]
fn a_page_is_sent_unchanged_to_its_target_alone() {
    let mut bench = Bench::three();
    begin(&mut bench, REQUEST, 1);
    let hints = [hint_of(1, NOW_MS), hint_of(2, NOW_MS - 5)];
    let expected = [
        send(0, hints[0]),
        send(1, hints[1]),
        Effect::Arm(Timer::HintTimeout(REQUEST)),
    ];
    assert_eq!(page(&mut bench, hints.to_vec()), expected);
}

//= WP-HH-08 check
#[test]
fn an_expired_hint_is_not_sent_and_goes_with_its_page() {
    let dead_ms = NOW_MS - u64::from(GC_GRACE_SECONDS) * 1000;
    let mut bench = Bench::three();
    begin(&mut bench, REQUEST, 1);
    let hints = vec![hint_of(1, dead_ms), hint_of(2, dead_ms + 1)];
    let expected = [send(1, hints[1]), Effect::Arm(Timer::HintTimeout(REQUEST))];
    assert_eq!(page(&mut bench, hints), expected);
    let expected = [Effect::Disarm(Timer::HintTimeout(REQUEST)), removed()];
    assert_eq!(delivered(&mut bench, 1, 1), expected);

    let mut bench = Bench::three();
    begin(&mut bench, REQUEST, 1);
    assert_eq!(page(&mut bench, vec![hint_of(1, dead_ms)]), [removed()]);
    assert_eq!(bench.node, Node::default());
}

#[test]
fn an_empty_page_ends_the_delivery() {
    let mut bench = Bench::three();
    begin(&mut bench, REQUEST, 1);
    assert_eq!(page(&mut bench, vec![]), [removed()]);
    assert_eq!(bench.node, Node::default());
    assert_eq!(page(&mut bench, vec![hint()]), NOTHING);
}

//= WP-HH-07 check
#[test]
fn a_page_is_removed_when_each_of_its_hints_was_acknowledged_in_any_order() {
    for order in [[0, 1], [1, 0]] {
        let mut bench = under_way();
        assert_eq!(delivered(&mut bench, 1, order[0]), NOTHING);
        assert_eq!(delivered(&mut bench, 1, order[0]), NOTHING);
        let expected = [Effect::Disarm(Timer::HintTimeout(REQUEST)), removed()];
        assert_eq!(delivered(&mut bench, 1, order[1]), expected);
        assert_eq!(bench.node, Node::default());
        assert_eq!(delivered(&mut bench, 1, order[1]), NOTHING);
    }
}

//= WP-HH-13 check
#[test]
fn only_the_target_discharges_a_hint() {
    let mut bench = under_way();
    let before = bench.node.clone();
    assert_eq!(delivered(&mut bench, 2, 0), NOTHING);
    assert_eq!(delivered(&mut bench, 1, 9), NOTHING);
    assert_eq!(bench.node, before);
}

//= WP-HH-07 check
#[test]
fn a_page_of_which_a_hint_fails_or_stays_unanswered_is_kept() {
    let callback = Callback::Hint {
        dispatch: REQUEST,
        index: 1,
    };
    let reason = FailureReason::Unknown;
    for answered in [false, true] {
        for is_silent in [false, true] {
            let mut bench = under_way();
            if answered {
                delivered(&mut bench, 1, 0);
            }
            let seen = if is_silent {
                bench.fire(Timer::HintTimeout(REQUEST))
            } else {
                bench.receive(1, Message::Failure { callback, reason })
            };
            assert_eq!(seen, returned());
            assert_eq!(bench.node, Node::default());
            assert_eq!(bench.fire(Timer::HintTimeout(REQUEST)), NOTHING);
            // A later pass begins with the page again.
            assert_eq!(begin(&mut bench, REQUEST, 1).len(), 1);
        }
    }
}

//= WP-MS-05 check
#[test]
fn an_answer_to_an_earlier_delivery_is_ignored() {
    let mut bench = Bench::three();
    let later = RequestId {
        slot: 0,
        generation: 8,
    };
    begin(&mut bench, later, 1);
    bench.step(Input::HintsRead {
        dispatch: later,
        hints: vec![hint()],
    });
    let before = bench.node.clone();
    assert_eq!(delivered(&mut bench, 1, 0), NOTHING);
    assert_eq!(bench.fire(Timer::HintTimeout(REQUEST)), NOTHING);
    assert_eq!(page(&mut bench, vec![]), NOTHING);
    assert_eq!(bench.node, before);
}

//= WP-HH-12 check
#[test]
fn a_page_holds_sixty_four_hints() {
    assert_eq!(HINTS_PER_PAGE, 64);
    let mut bench = Bench::three();
    begin(&mut bench, REQUEST, 1);
    assert_eq!(page(&mut bench, vec![hint(); 64]).len(), 65);
    assert_eq!(
        bench.node.dispatches.get(REQUEST).unwrap().outstanding.count(),
        64
    );
}

//= WP-HH-12 check
#[test]
#[should_panic(expected = "more hints than a page holds")]
fn a_longer_page_is_refused() {
    let mut bench = Bench::three();
    begin(&mut bench, REQUEST, 1);
    page(&mut bench, vec![hint(); 65]);
}

//= WP-HH-09 check
#[test]
fn the_receiver_applies_a_live_hint_and_acknowledges_an_expired_one_unapplied() {
    let dead_ms = NOW_MS - u64::from(GC_GRACE_SECONDS) * 1000;
    let callback = Callback::Hint {
        dispatch: REQUEST,
        index: 3,
    };
    let receive = |created_ms| {
        let hint = hint_of(1, created_ms);
        let message = Message::Hint {
            dispatch: REQUEST,
            index: 3,
            hint,
        };
        Bench::three().receive(2, message)
    };
    let append = Effect::Append {
        mutation: add(1),
        reply: reply(2, callback),
    };
    let response = Effect::Send {
        to: NodeId(2),
        message: Message::HintResponse {
            dispatch: REQUEST,
            index: 3,
        },
    };
    assert_eq!(receive(dead_ms + 1), [append]);
    assert_eq!(receive(dead_ms), std::slice::from_ref(&response));
    let reply = reply(2, callback);
    assert_eq!(Bench::three().step(Input::Applied { reply }), [response]);
}
