//! Which missed replica leaves a hint, what the hint holds, and who is never hinted.

use thymbra_protocol::{ConsistencyLevel, Effect, FailureReason, Hint, ReplicaSet, TargetHistory, Timer};

use crate::harness::{Bench, KNOWN, NOW_MS, PLAN, REQUEST, Seen, expired, hinted, mutation};

fn stored(seen: &Seen) -> Vec<(ReplicaSet, Hint<crate::harness::Add>)> {
    seen.iter()
        .filter_map(|effect| {
            let Effect::StoreHint {
                plan,
                targets,
                hint,
                notify,
            } = effect
            else {
                return None;
            };
            assert_eq!((*plan, *notify), (PLAN, None));
            Some((*targets, *hint))
        })
        .collect()
}

//= WP-HH-04 check
#[test]
fn every_reason_of_a_failure_leaves_a_hint_at_every_level() {
    for level in [
        ConsistencyLevel::One,
        ConsistencyLevel::Quorum,
        ConsistencyLevel::All,
    ] {
        for reason in [
            FailureReason::Unknown,
            FailureReason::Timeout,
            FailureReason::IncompatibleSchema,
        ] {
            let mut bench = Bench::three();
            bench.write(level);
            assert_eq!(hinted(&bench.fail(1, reason)), [[1]], "{level} {reason:?}");
        }
    }
}

//= WP-HH-05 check
#[test]
fn a_hint_holds_the_mutation_its_lifetime_and_the_time_of_the_miss() {
    let mut bench = Bench::three();
    bench.write(ConsistencyLevel::One);
    bench.now_ms = NOW_MS + 3_000;
    let hint = Hint {
        mutation: mutation(),
        created_ms: NOW_MS + 3_000,
        gc_grace_seconds: 10,
    };
    assert_eq!(stored(&bench.fire(expired(2))), [(ReplicaSet::single(2), hint)]);
}

//= WP-HH-01 check
//= WP-HH-03 check
#[test]
fn a_replica_that_fails_passes_the_gate_like_a_dead_one() {
    let old = TargetHistory {
        oldest_written_hint_ms: Some(u64::MAX),
        ..KNOWN
    };
    let mut bench = Bench::three();
    bench.view.histories.insert(1, old);
    bench.write(ConsistencyLevel::One);
    assert_eq!(
        hinted(&bench.fail(1, FailureReason::Unknown)),
        Vec::<Vec<u8>>::new()
    );
    assert_eq!(hinted(&bench.fail(2, FailureReason::Unknown)), [[2]]);
}

//= WP-CO-14 check
//= WP-HH-01 check
#[test]
fn the_fallback_of_any_passes_the_gate_for_every_target() {
    let mut bench = Bench::three();
    bench.view.histories.insert(1, TargetHistory::default());
    bench.write(ConsistencyLevel::Any);
    let seen = bench.fire(Timer::WriteTimeout(REQUEST));
    assert_eq!(stored(&seen), [(ReplicaSet::single(2), crate::harness::hint())]);
}

//= WP-FD-03 check
//= WP-HH-02 check
#[test]
fn the_gate_asks_for_the_downtime_of_the_target_at_the_time_of_the_miss() {
    let window = 3 * 60 * 60 * 1000;
    for (downtime_ms, is_hinted) in [(window, true), (window + 1, false)] {
        let mut bench = Bench::three().dead(&[2]);
        bench
            .view
            .histories
            .insert(2, TargetHistory { downtime_ms, ..KNOWN });
        let expected: Vec<Vec<u8>> = if is_hinted { vec![vec![2]] } else { vec![] };
        assert_eq!(hinted(&bench.write(ConsistencyLevel::One)), expected);
    }
}
