//! Every decision of the node is asked of the rules: a type that overrides one is obeyed.
//!
//! These are the intents of Cassandra and old bugs of it, as the checker's gallery has them.

use thymbra_durability::AcknowledgementRules;
use thymbra_protocol::{
    Config, ConsistencyLevel, ConsistencyRules, CoordinationRules, FailureReason, HintRules, Input,
    Placement, ReadRules, ReplicaPlan, ReplicaSet, ReplicationRules, Timer, WriteOutcome,
};
use thymbra_types::ReconcileRules;

use crate::harness::{Bench, REQUEST, Shape, expired, hinted, mutation, outcome, reply, set};

macro_rules! rules {
    ($name:ident: $($trait:ident $methods:tt)*) => {
        struct $name;
        rules!(@each $name ReconcileRules AcknowledgementRules ReplicationRules);
        $(impl $trait for $name $methods)*
    };
    (@each $name:ident $($trait:ident)*) => { $(impl $trait for $name {})* };
}

rules!(HintsSeen:
    ConsistencyRules {}
    CoordinationRules {}
    ReadRules {}
    HintRules {
        fn hints_in_progress_seen(&self, in_progress_for_target: usize) -> usize {
            in_progress_for_target
        }
        fn any_fallback_succeeds(&self, hinted: usize) -> bool {
            hinted > 0
        }
    }
);

rules!(Careless:
    ConsistencyRules {
        fn candidates(&self, level: ConsistencyLevel, at: Placement<'_>, dead: ReplicaSet) -> usize {
            self.counted(level, at).difference(dead).count()
        }
        fn each_quorum_live_needed(&self, plan: &ReplicaPlan, within: ReplicaSet, quorum: usize) -> usize {
            quorum + self.pending_to_wait_for(plan, within)
        }
        fn each_quorum_alive_reported(&self, alive: usize) -> usize {
            alive
        }
        fn local_one_required_reported(&self, block_for: usize) -> usize {
            block_for
        }
    }
    CoordinationRules {
        fn awaits_forwarded_replicas(&self) -> bool {
            false
        }
        fn executes_expired(&self, _is_own_copy: bool) -> bool {
            false
        }
    }
    ReadRules {
        fn awaits_read_repair(&self) -> bool {
            false
        }
        fn repairs_complete_replicas(&self) -> bool {
            true
        }
    }
    HintRules {
        fn hints_refused_write(&self) -> bool {
            true
        }
        fn hints_failed_replica(&self, reason: FailureReason) -> bool {
            reason != FailureReason::Timeout
        }
        fn any_falls_back_to_hints(&self) -> bool {
            false
        }
        fn removes_page(&self, _some_failed: bool) -> bool {
            true
        }
    }
);

fn careless(mut bench: Bench) -> Bench {
    bench.rules = &Careless;
    bench
}

//= WP-CO-13 check
#[test]
fn a_write_is_overloaded_only_above_the_limit_with_hints_for_a_target_that_may_be_hinted() {
    let refused = |in_progress, for_target, may_hint| {
        let mut bench = Bench::three().dead(&[2]);
        bench.rules = &HintsSeen;
        bench.config = Config {
            max_hints_in_progress: 5,
            hinted_handoff_enabled: may_hint,
            ..Config::default()
        };
        bench.view.hints_in_progress = in_progress;
        bench.view.hints_in_progress_for.insert(2, for_target);
        let seen = bench.write(ConsistencyLevel::One);
        let is_refused = outcome(&seen) == Some(WriteOutcome::Overloaded);
        assert_eq!(is_refused, bench.node.writes.is_empty());
        assert_eq!(is_refused, seen.len() == 1);
        is_refused
    };
    assert!(refused(6, 1, true));
    assert!(!refused(5, 1, true));
    assert!(!refused(4, 1, true));
    assert!(!refused(6, 0, true));
    assert!(!refused(6, 1, false));
}

//= WP-CO-14 check
#[test]
fn the_intended_fallback_of_any_succeeds_only_if_a_hint_is_kept() {
    let end = |hinted_handoff_enabled| {
        let mut bench = Bench::three();
        bench.rules = &HintsSeen;
        bench.config.hinted_handoff_enabled = hinted_handoff_enabled;
        bench.write(ConsistencyLevel::Any);
        outcome(&bench.fire(Timer::WriteTimeout(REQUEST)))
    };
    assert_eq!(end(true), Some(WriteOutcome::Success));
    let timeout = WriteOutcome::WriteTimeout {
        level: ConsistencyLevel::Any,
        received: 0,
        block_for: 1,
    };
    assert_eq!(end(false), Some(timeout));
}

//= WP-CO-12 check
#[test]
fn dead_replicas_are_told_apart_from_those_that_were_contacted() {
    let mut bench = careless(Bench::three().dead(&[2]));
    bench.write(ConsistencyLevel::Quorum);
    bench.ack(0);
    assert!(outcome(&bench.fail(1, FailureReason::Unknown)).is_some());
    let mut bench = careless(Bench::three());
    bench.write(ConsistencyLevel::Quorum);
    bench.ack(0);
    assert_eq!(outcome(&bench.fail(1, FailureReason::Unknown)), None);
    assert_eq!(outcome(&bench.ack(2)), Some(WriteOutcome::Success));
    let mut bench = careless(Bench::three());
    bench.write(ConsistencyLevel::One);
    assert_eq!(outcome(&bench.fail(1, FailureReason::Unknown)), None);
    assert_eq!(outcome(&bench.fail(2, FailureReason::Unknown)), None);
}

//= WP-CO-10 check
#[test]
fn the_intended_numbers_of_a_refusal_are_reported() {
    let numbers = |level, dead: &[u16]| {
        let shape = Shape::topology(&[0, 0, 0], &[0]);
        let seen = careless(Bench::new(&shape, 3, 0).dead(dead)).write(level);
        match outcome(&seen) {
            Some(WriteOutcome::Unavailable(found)) => Some((found.required, found.alive)),
            Some(_) | None => None,
        }
    };
    assert_eq!(numbers(ConsistencyLevel::EachQuorum, &[0, 1]), Some((3, 2)));
    assert_eq!(numbers(ConsistencyLevel::EachQuorum, &[0]), None);
    assert_eq!(numbers(ConsistencyLevel::LocalOne, &[0, 1, 2]), Some((2, 1)));
}

//= WP-CO-09 check
#[test]
fn hints_of_a_refused_write_are_a_decision_of_their_own() {
    let mut bench = careless(Bench::three().dead(&[1, 2]));
    assert_eq!(hinted(&bench.write(ConsistencyLevel::Quorum)), [[1, 2]]);
    let mut bench = careless(Bench::three().dead(&[1, 2]));
    assert_eq!(
        hinted(&bench.write(ConsistencyLevel::Serial)),
        Vec::<Vec<u8>>::new()
    );
}

//= WP-CO-16 check
#[test]
fn waiting_for_forwarded_replicas_is_a_decision_of_its_own() {
    let mut bench = careless(Bench::new(&Shape::topology(&[0, 1, 1], &[]), 0, 0));
    bench.write(ConsistencyLevel::One);
    assert_eq!(bench.node.writes.get(REQUEST).unwrap().awaiting, set(&[0, 1]));
}

//= WP-HH-04 check
#[test]
fn hints_of_silent_replicas_are_a_decision_of_their_own() {
    let mut bench = careless(Bench::three());
    bench.write(ConsistencyLevel::One);
    assert_eq!(hinted(&bench.fire(expired(1))), Vec::<Vec<u8>>::new());
    assert_eq!(hinted(&bench.fail(2, FailureReason::Unknown)), [[2]]);
}

//= WP-CO-14 check
#[test]
fn without_its_fallback_any_ends_like_another_level() {
    let mut bench = careless(Bench::three());
    bench.write(ConsistencyLevel::Any);
    let seen = bench.fire(Timer::WriteTimeout(REQUEST));
    assert!(matches!(outcome(&seen), Some(WriteOutcome::WriteTimeout { .. })));
    assert_eq!(hinted(&seen), Vec::<Vec<u8>>::new());
}

//= WP-RW-05 check
#[test]
fn executing_the_own_expired_copy_is_a_decision_of_its_own() {
    let reply = reply(0, thymbra_protocol::Callback::Write(REQUEST));
    let mutation = mutation();
    assert_eq!(
        careless(Bench::three()).step(Input::Expired { mutation, reply }),
        []
    );
}

//= WP-RR-05 check
//= WP-RR-06 check
#[test]
fn waiting_for_a_repair_and_sparing_complete_replicas_are_decisions_of_their_own() {
    let mut bench = careless(Bench::three());
    bench.read(ConsistencyLevel::Quorum, &[]);
    bench.data(0, 3);
    // Two repairs, then the answer with its timer.
    assert_eq!(bench.data(1, 1).len(), 4);
    assert!(bench.node.reads.is_empty());
}

//= WP-HH-07 check
#[test]
fn keeping_a_page_that_failed_is_a_decision_of_its_own() {
    let mut bench = careless(Bench::three());
    let target = thymbra_protocol::NodeId(1);
    bench.step(Input::DispatchHints {
        dispatch: REQUEST,
        target,
    });
    let hints = vec![crate::harness::hint()];
    bench.step(Input::HintsRead {
        dispatch: REQUEST,
        hints,
    });
    let seen = bench.fire(Timer::HintTimeout(REQUEST));
    let removed = thymbra_protocol::Effect::DeleteHints {
        dispatch: REQUEST,
        target,
    };
    assert_eq!(seen.last(), Some(&removed));
}
