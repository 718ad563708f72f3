//! The gate of hinted handoff: its conditions, their order and their boundaries.

use thymbra_protocol::{
    Config, Datacenter, FailureReason, HintRefusal, HintRules, HintTarget, TargetHistory,
};
use thymbra_types::Reference;

use crate::harness::{Bench, KNOWN, Shape, hinted};
use thymbra_protocol::ConsistencyLevel;

const RULES: &dyn HintRules = &Reference;
const WINDOW_MS: u64 = 100;

fn config() -> Config {
    Config {
        max_hint_window_ms: WINDOW_MS,
        max_hints_size_per_host_bytes: 50,
        ..Config::default()
    }
}

fn judge(history: TargetHistory, config: &Config) -> Result<(), HintRefusal> {
    RULES.should_hint(&HintTarget {
        is_self: false,
        is_disabled: false,
        history,
        config,
    })
}

//= WP-HH-01 check
#[test]
fn the_first_condition_that_fails_is_the_reason() {
    // Each bit breaks one condition, in the order of the book.
    for broken in 0..128_u8 {
        let breaks = |index: u8| broken & 1 << index != 0;
        let config = Config {
            hinted_handoff_enabled: !breaks(0),
            ..config()
        };
        let found = RULES.should_hint(&HintTarget {
            is_self: breaks(1),
            is_disabled: breaks(2),
            history: TargetHistory {
                has_host_id: !breaks(3),
                downtime_ms: if breaks(4) { WINDOW_MS + 1 } else { 0 },
                oldest_written_hint_ms: breaks(5).then_some(WINDOW_MS + 1),
                hints_size_bytes: if breaks(6) { 51 } else { 0 },
                ..KNOWN
            },
            config: &config,
        });
        let reasons = [
            HintRefusal::Disabled,
            HintRefusal::IsSelf,
            HintRefusal::DatacenterDisabled,
            HintRefusal::UnknownHost,
            HintRefusal::WindowExpired,
            HintRefusal::WindowExpired,
            HintRefusal::SizeLimit,
        ];
        let expected = (0..7_u8).zip(reasons).find(|(index, _)| breaks(*index));
        assert_eq!(
            found,
            expected.map_or(Ok(()), |(_, reason)| Err(reason)),
            "{broken:07b}"
        );
    }
}

//= WP-FD-03 check
//= WP-HH-02 check
#[test]
fn a_target_is_hinted_up_to_the_last_tick_of_the_window_of_this_process() {
    let down = |downtime_ms| judge(TargetHistory { downtime_ms, ..KNOWN }, &config());
    assert_eq!(down(WINDOW_MS), Ok(()));
    assert_eq!(down(WINDOW_MS + 1), Err(HintRefusal::WindowExpired));
    // S24: an outage that began before this process does not count.
    let long = TargetHistory {
        outage_ms: u64::MAX,
        ..KNOWN
    };
    assert_eq!(judge(long, &config()), Ok(()));
}

//= WP-HH-03 check
#[test]
fn a_written_hint_that_is_older_than_the_window_shuts_the_gate_if_so_configured() {
    let waiting = |age, config: &Config| {
        let history = TargetHistory {
            oldest_written_hint_ms: Some(age),
            ..KNOWN
        };
        judge(history, config)
    };
    assert_eq!(waiting(WINDOW_MS, &config()), Ok(()));
    assert_eq!(waiting(WINDOW_MS + 1, &config()), Err(HintRefusal::WindowExpired));
    let forgetful = Config {
        hint_window_persistent_enabled: false,
        ..config()
    };
    assert_eq!(waiting(WINDOW_MS + 1, &forgetful), Ok(()));
}

//= WP-HH-03 check
#[test]
fn a_hint_that_was_delivered_does_not_shut_the_gate() {
    let delivered = TargetHistory {
        first_hint_ever_ms: Some(u64::MAX),
        ..KNOWN
    };
    assert_eq!(judge(delivered, &config()), Ok(()));
}

//= WP-HH-01 check
#[test]
fn the_size_limit_is_exceeded_by_one_byte_and_zero_is_no_limit() {
    let sized = |hints_size_bytes, limit| {
        let config = Config {
            max_hints_size_per_host_bytes: limit,
            ..config()
        };
        judge(
            TargetHistory {
                hints_size_bytes,
                ..KNOWN
            },
            &config,
        )
    };
    assert_eq!(sized(50, 50), Ok(()));
    assert_eq!(sized(51, 50), Err(HintRefusal::SizeLimit));
    assert_eq!(sized(1, 1), Ok(()));
    assert_eq!(sized(2, 1), Err(HintRefusal::SizeLimit));
    assert_eq!(sized(u64::MAX, 0), Ok(()));
}

//= WP-HH-01 check
#[test]
fn targets_of_a_disabled_datacenter_are_not_hinted() {
    let mut bench = Bench::new(&Shape::topology(&[0, 0, 1], &[]), 0, 0).dead(&[1, 2]);
    bench.config.hinted_handoff_disabled_datacenters = vec![Datacenter(1)];
    assert_eq!(hinted(&bench.write(ConsistencyLevel::One)), [[1]]);
}

//= WP-HH-08 check
#[test]
fn a_hint_lives_until_its_grace_is_over() {
    let live = |created_ms, grace, now_ms| RULES.is_live(created_ms, grace, now_ms);
    assert!(live(5, 2, 2004));
    assert!(!live(5, 2, 2005));
    // S25: without grace it never lives.
    assert!(!live(5, 0, 5));
    assert!(live(u64::MAX - 1, u32::MAX, u64::MAX - 1));
}

//= WP-HH-06 check
#[test]
fn a_delivery_begins_only_to_a_live_target_of_the_same_schema_without_another() {
    for bits in 0..8 {
        let [alive, schema, busy] = [1, 2, 4].map(|bit| bits & bit != 0);
        assert_eq!(RULES.may_dispatch(alive, schema, busy), alive && schema && !busy);
    }
}

//= WP-CO-13 check
#[test]
fn the_overload_check_sees_no_hint_of_a_target() {
    // S2: only the counter that is read wrongly keeps the write from being refused.
    let config = config();
    for seen in 0..4 {
        assert_eq!(RULES.hints_in_progress_seen(seen), 0);
        assert!(!RULES.is_overloaded(1_000, seen, true, &config));
    }
}

//= WP-HH-04 check
#[test]
fn every_decision_about_hints_is_that_of_the_book() {
    for reason in [
        FailureReason::Unknown,
        FailureReason::Timeout,
        FailureReason::IncompatibleSchema,
    ] {
        assert!(RULES.hints_failed_replica(reason));
    }
    assert!(!RULES.hints_refused_write());
    assert!(RULES.any_falls_back_to_hints());
    assert!(RULES.any_fallback_succeeds(0) && RULES.any_fallback_succeeds(2));
    assert!(RULES.removes_page(false) && !RULES.removes_page(true));
}

#[test]
fn the_options_are_those_that_cassandra_ships() {
    let expected = Config {
        hinted_handoff_enabled: true,
        hinted_handoff_disabled_datacenters: vec![],
        max_hint_window_ms: 10_800_000,
        hint_window_persistent_enabled: true,
        max_hints_size_per_host_bytes: 0,
        max_hints_in_progress: 128,
        reject_out_of_token_range_requests: false,
    };
    assert_eq!(Config::default(), expected);
}
