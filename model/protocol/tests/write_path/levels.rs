//! Consistency levels: names, codes, and the arithmetic of acknowledgements against the oracle.

use thymbra_protocol::{
    CONSISTENCY_LEVELS, ConsistencyLevel, Datacenter, ReadRules, ReplicaSet, Unavailable,
};
use thymbra_types::Reference;

use crate::harness::{Bench, Shape};
use crate::oracle::{Members, Oracle, subsets};

const RULES: &dyn ReadRules = &Reference;

/// Plans with up to three naturals in two datacenters and up to two pending replicas, with the options as they are
/// placed, and with options that name more than is there.
pub(crate) fn shapes() -> Vec<Shape> {
    let places =
        |len: usize| (0..1_u8 << len).map(move |bits| (0..len).map(|i| bits >> i & 1).collect::<Vec<u8>>());
    let mut all = vec![];
    for natural in (0..=3).flat_map(places) {
        for pending in (0..=2).flat_map(places) {
            let placed = Shape::topology(&natural, &pending);
            all.push(Shape {
                factors: None,
                ..placed.clone()
            });
            for extra in [vec![(2, 0)], vec![(2, 2)]] {
                let factors = [placed.factors.clone().expect("a topology has factors"), extra].concat();
                all.push(Shape {
                    factors: Some(factors),
                    ..placed.clone()
                });
            }
            all.push(placed);
        }
    }
    all
}

fn positions(members: &Members) -> ReplicaSet {
    members.iter().copied().collect()
}

//= WP-CO-01 check
#[test]
fn levels_have_the_codes_and_names_of_cassandra() {
    let names = CONSISTENCY_LEVELS.map(ConsistencyLevel::name);
    assert_eq!(
        names,
        [
            "ANY",
            "ONE",
            "TWO",
            "THREE",
            "QUORUM",
            "ALL",
            "LOCAL_QUORUM",
            "EACH_QUORUM",
            "SERIAL",
            "LOCAL_SERIAL",
            "LOCAL_ONE",
        ]
    );
    for (level, code) in CONSISTENCY_LEVELS.into_iter().zip(0_usize..) {
        assert_eq!(level as usize, code);
        assert_eq!(level.to_string(), level.name());
        assert_eq!(ConsistencyLevel::from_name(level.name()), Some(level));
        assert_eq!(
            ConsistencyLevel::from_name(&level.name().to_lowercase()),
            Some(level)
        );
    }
    assert_eq!(ConsistencyLevel::from_name("NODE_LOCAL"), None);
    assert_eq!(ConsistencyLevel::from_name(""), None);
}

//= WP-CO-02 check
#[test]
fn only_the_levels_of_lightweight_transactions_are_serial() {
    let serial: Vec<_> = CONSISTENCY_LEVELS
        .into_iter()
        .filter(|level| level.is_serial())
        .collect();
    assert_eq!(serial, [ConsistencyLevel::Serial, ConsistencyLevel::LocalSerial]);
}

//= WP-CO-06 check
#[test]
fn block_for_is_that_of_the_table_for_every_factor() {
    for factor in 0..=7 {
        let bench = Bench::new(&Shape::simple(factor), 0, 0);
        let quorum = [1, 1, 2, 2, 3, 3, 4, 4][factor];
        let needs = CONSISTENCY_LEVELS.map(|level| RULES.block_for(level, bench.placement()));
        assert_eq!(
            needs,
            [1, 1, 2, 3, quorum, factor, quorum, quorum, quorum, quorum, 1]
        );
    }
}

//= WP-CO-06 check
//= WP-CO-22 check
//= WP-CO-23 check
#[test]
fn block_for_sums_over_datacenters_whose_factor_is_above_zero() {
    let shape = Shape {
        natural: vec![0, 0, 0, 1, 1],
        pending: vec![],
        factors: Some(vec![(0, 3), (1, 2), (2, 0)]),
    };
    let needs = |local| {
        let bench = Bench::new(&shape, 0, local);
        CONSISTENCY_LEVELS.map(|level| RULES.block_for(level, bench.placement()))
    };
    assert_eq!(needs(0), [1, 1, 2, 3, 3, 5, 2, 4, 3, 2, 1]);
    assert_eq!(needs(1), [1, 1, 2, 3, 3, 5, 2, 4, 3, 2, 1]);
    assert_eq!(needs(2), [1, 1, 2, 3, 3, 5, 1, 4, 3, 1, 1]);
}

//= WP-CO-06 check
//= WP-CO-07 check
//= WP-CO-23 check
//= WP-CO-24 check
#[test]
fn needs_are_those_of_the_oracle_for_every_plan_and_level() {
    for shape in shapes() {
        for local in 0..3 {
            let oracle = Oracle {
                shape: shape.clone(),
                local,
            };
            let bench = Bench::new(&shape, 0, local);
            let at = bench.placement();
            for level in CONSISTENCY_LEVELS {
                assert_eq!(
                    RULES.block_for(level, at),
                    oracle.base(level),
                    "{level} {oracle:?}"
                );
                assert_eq!(
                    RULES.block_for_write(level, at),
                    oracle.block_for(level),
                    "{level} {oracle:?}"
                );
                assert_eq!(
                    RULES.counted(level, at),
                    positions(&oracle.counted(level)),
                    "{level} {oracle:?}"
                );
                assert_eq!(level.is_datacenter_local(), Oracle::is_local(level));
            }
            let quorums: Vec<_> = RULES.each_quorum(at).collect();
            if let Some(expected) = oracle.quorums() {
                let expected: Vec<_> = expected
                    .into_iter()
                    .map(|(dc, need)| (Datacenter(dc), need))
                    .collect();
                assert_eq!(quorums, expected, "{oracle:?}");
            }
        }
    }
}

//= WP-CO-07 check
//= WP-CO-08 check
//= WP-CO-11 check
//= WP-CO-12 check
//= WP-CO-14 check
//= WP-CO-23 check
#[test]
fn answers_are_counted_as_the_oracle_counts_them() {
    for shape in shapes() {
        for local in 0..2 {
            let oracle = Oracle {
                shape: shape.clone(),
                local,
            };
            let bench = Bench::new(&shape, 0, local);
            let at = bench.placement();
            for level in CONSISTENCY_LEVELS {
                for some in subsets(&oracle.all()) {
                    let chosen = positions(&some);
                    for hint in [false, true] {
                        let met = RULES.is_satisfied(level, at, chosen, hint);
                        assert_eq!(
                            met,
                            oracle.is_met(level, &some, hint),
                            "{level} {some:?} {oracle:?}"
                        );
                        let received = RULES.received(level, at, chosen, hint);
                        assert_eq!(received, oracle.received(level, &some, hint));
                    }
                    for dead in [ReplicaSet::EMPTY, at.plan.all()] {
                        let impossible = RULES.is_impossible(level, at, chosen, dead);
                        assert_eq!(
                            impossible,
                            oracle.is_impossible(level, &some),
                            "{level} {some:?} {oracle:?}"
                        );
                    }
                }
            }
        }
    }
}

//= WP-CO-09 check
//= WP-CO-10 check
//= WP-CO-22 check
//= WP-CO-23 check
//= WP-CO-24 check
#[test]
fn admission_refuses_with_the_numbers_of_the_oracle() {
    for shape in shapes() {
        for local in 0..3 {
            let oracle = Oracle {
                shape: shape.clone(),
                local,
            };
            let bench = Bench::new(&shape, 0, local);
            for level in CONSISTENCY_LEVELS {
                for live in subsets(&oracle.all()) {
                    let expected = match oracle.refusal(level, &live) {
                        None => Ok(()),
                        Some((required, alive)) => Err(Unavailable {
                            level,
                            required,
                            alive,
                        }),
                    };
                    let found =
                        RULES.assure_sufficient_live_replicas(level, bench.placement(), positions(&live));
                    assert_eq!(found, expected, "{level} {live:?} {oracle:?}");
                }
            }
        }
    }
}

//= WP-CO-11 check
#[test]
fn a_timeout_reports_one_answer_less_than_needed_at_most() {
    for received in 0..5 {
        for block_for in 0..5_usize {
            let reported = RULES.received_in_timeout(received, block_for);
            assert_eq!(
                reported,
                if received < block_for {
                    received
                } else {
                    block_for.max(1) - 1
                }
            );
        }
    }
}

//= WP-CO-10 check
#[test]
fn refusals_report_nobody_alive_at_each_quorum_and_one_required_at_local_one() {
    for number in 0..4 {
        assert_eq!(RULES.each_quorum_alive_reported(number), 0);
        assert_eq!(RULES.local_one_required_reported(number), 1);
    }
}
