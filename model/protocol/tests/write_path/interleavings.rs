//! Every order of every answer of small plans at every level: each step does exactly what a naive count says.

use std::collections::BTreeMap;

use thymbra_protocol::{ConsistencyLevel, Effect, FailureReason, Input, NodeId, Timer, WriteOutcome};

use crate::harness::{
    Bench, OUTSIDER, PLAN, REQUEST, Seen, Shape, answer, disarm, expired, hint, outcome, set, store,
};
use crate::oracle::{Members, Oracle, orders, subsets};

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

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Event {
    Acknowledged(u8),
    Failed(u8),
    Expired(u8),
    HintStored,
    TimedOut,
}

/// One write as a naive coordinator keeps it.
#[derive(Clone, Debug)]
struct Naive {
    oracle: Oracle,
    me: u16,
    level: ConsistencyLevel,
    is_answered: bool,
    acked: Members,
    hint_acked: bool,
    failed: BTreeMap<u8, FailureReason>,
}

impl Naive {
    fn all_but_me(&self) -> Vec<u8> {
        let all = self.oracle.all().into_iter();
        all.filter(|position| u16::from(*position) != self.me).collect()
    }

    /// The effects of a write that is missed.
    fn missed(&mut self, is_timeout: bool) -> Seen {
        self.is_answered = true;
        if self.level == ConsistencyLevel::Any {
            return [
                vec![store(&self.all_but_me())],
                answer(WriteOutcome::Success).to_vec(),
            ]
            .concat();
        }
        let level = self.level;
        let block_for = self.oracle.block_for(level);
        let received = self.oracle.received(level, &self.acked, self.hint_acked);
        let failures = self
            .failed
            .iter()
            .map(|(position, reason)| (NodeId(u16::from(*position)), *reason));
        let outcome = if is_timeout {
            WriteOutcome::WriteTimeout {
                level,
                received: received.min(block_for - 1),
                block_for,
            }
        } else {
            WriteOutcome::WriteFailure {
                level,
                received,
                block_for,
                failures: failures.collect(),
            }
        };
        answer(outcome).to_vec()
    }

    fn met(&mut self) -> Seen {
        if self.is_answered || !self.oracle.is_met(self.level, &self.acked, self.hint_acked) {
            return vec![];
        }
        self.is_answered = true;
        answer(WriteOutcome::Success).to_vec()
    }

    fn missing(&mut self, position: u8, reason: FailureReason) -> Seen {
        let mut seen = vec![disarm(position)];
        if !self.is_answered {
            self.failed.insert(position, reason);
            let failed: Members = self.failed.keys().copied().collect();
            if self.oracle.is_impossible(self.level, &failed) {
                let counted = self.oracle.counted(self.level);
                let mut reasons = self.failed.iter().filter(|(failed, _)| counted.contains(failed));
                let is_timeout = reasons.all(|(_, reason)| *reason == FailureReason::Timeout);
                seen.extend(self.missed(is_timeout));
            }
        }
        if u16::from(position) != self.me {
            seen.push(store(&[position]));
        }
        seen
    }

    fn expected(&mut self, event: Event) -> Seen {
        match event {
            Event::Acknowledged(position) => {
                self.acked.insert(position);
                [vec![disarm(position)], self.met()].concat()
            }
            Event::HintStored => {
                self.hint_acked = true;
                self.met()
            }
            Event::Failed(position) => self.missing(position, FailureReason::Unknown),
            Event::Expired(position) => self.missing(position, FailureReason::Timeout),
            Event::TimedOut if self.is_answered => vec![],
            Event::TimedOut => self.missed(true),
        }
    }
}

fn take(bench: &mut Bench, event: Event) -> Seen {
    match event {
        Event::Acknowledged(position) => bench.ack(u16::from(position)),
        Event::Failed(position) => bench.fail(u16::from(position), FailureReason::Unknown),
        Event::Expired(position) => bench.fire(expired(position)),
        Event::HintStored => bench.step(Input::HintStored { request: REQUEST }),
        Event::TimedOut => bench.fire(Timer::WriteTimeout(REQUEST)),
    }
}

/// Every choice of what becomes of each replica.
fn fates(live: &Members, kinds: &[fn(u8) -> Event]) -> Vec<Vec<Event>> {
    live.iter().fold(vec![vec![]], |shorter, position| {
        let extend = |events: &Vec<Event>| {
            kinds
                .iter()
                .map(|kind| [events.as_slice(), &[kind(*position)]].concat())
                .collect::<Vec<_>>()
        };
        shorter.iter().flat_map(extend).collect()
    })
}

/// Runs every order of every fate, with the client's timer among them if asked. Each sequence runs to its end,
/// where nothing of the write may be left.
fn compare(shape: &Shape, me: u16, kinds: &[fn(u8) -> Event], times_out: bool) {
    let oracle = Oracle {
        shape: shape.clone(),
        local: 0,
    };
    let mut answered = 0;
    for dead in subsets(&oracle.all()) {
        let dead: Vec<u16> = dead
            .into_iter()
            .map(u16::from)
            .filter(|node| *node != me)
            .collect();
        let live: Members = oracle
            .all()
            .into_iter()
            .filter(|p| !dead.contains(&u16::from(*p)))
            .collect();
        for level in LEVELS {
            let mut begun = Bench::new(shape, me, 0).dead(&dead);
            let is_refused = outcome(&begun.write(level)).is_some();
            assert_eq!(
                is_refused,
                oracle.refusal(level, &live).is_some(),
                "{level} {live:?}"
            );
            if is_refused {
                continue;
            }
            let mut others = if times_out { vec![Event::TimedOut] } else { vec![] };
            if level == ConsistencyLevel::Any && !dead.is_empty() {
                others.push(Event::HintStored);
            }
            for fate in fates(&live, kinds) {
                for order in orders(&[fate, others.clone()].concat()) {
                    let mut bench = begun.clone();
                    let mut naive = Naive {
                        oracle: oracle.clone(),
                        me,
                        level,
                        is_answered: false,
                        acked: Members::new(),
                        hint_acked: false,
                        failed: BTreeMap::new(),
                    };
                    for event in &order {
                        let seen = take(&mut bench, *event);
                        assert_eq!(
                            seen,
                            naive.expected(*event),
                            "{level} {live:?} {event:?} of {order:?}"
                        );
                    }
                    assert_eq!(
                        bench.node.writes.is_empty(),
                        naive.is_answered,
                        "{level} {live:?} {order:?}"
                    );
                    answered += usize::from(naive.is_answered);
                }
            }
        }
    }
    assert!(answered > 0, "some write is answered");
}

const ALL_KINDS: [fn(u8) -> Event; 3] = [Event::Acknowledged, Event::Failed, Event::Expired];
const TWO_KINDS: [fn(u8) -> Event; 2] = [Event::Acknowledged, Event::Failed];

//= WP-CO-08 check
//= WP-CO-11 check
//= WP-CO-12 check
//= WP-CO-14 check
//= WP-CO-17 check
//= WP-CO-18 check
//= WP-CO-19 check
//= WP-CO-20 check
//= WP-HH-04 check
//= WP-HH-10 check
#[test]
fn three_replicas_of_which_one_coordinates_end_as_counted() {
    compare(&Shape::simple(3), 0, &ALL_KINDS, true);
}

//= WP-CO-12 check
//= WP-CO-17 check
//= WP-HH-04 check
#[test]
fn three_replicas_of_an_outsider_end_as_counted() {
    compare(&Shape::simple(3), OUTSIDER, &ALL_KINDS, true);
}

//= WP-CO-07 check
#[test]
fn two_replicas_and_a_pending_one_end_as_counted() {
    compare(&Shape::topology(&[0, 0], &[0]), 0, &ALL_KINDS, true);
}

//= WP-CO-07 check
//= WP-CO-23 check
#[test]
fn a_replica_and_a_pending_one_in_each_of_two_datacenters_end_as_counted() {
    compare(&Shape::topology(&[0, 1], &[0, 1]), 0, &TWO_KINDS, true);
    compare(&Shape::topology(&[0, 1], &[1]), 0, &ALL_KINDS, true);
}

//= WP-CO-08 check
//= WP-CO-23 check
#[test]
fn two_datacenters_of_two_replicas_end_as_counted() {
    compare(&Shape::topology(&[0, 0, 1, 1], &[]), 0, &ALL_KINDS, false);
}

//= WP-CO-24 check
#[test]
fn two_datacenters_without_network_topology_end_as_counted() {
    let shape = Shape {
        factors: None,
        ..Shape::topology(&[0, 0, 1], &[])
    };
    compare(&shape, 0, &ALL_KINDS, true);
}

//= WP-CO-14 check
#[test]
fn the_hint_task_at_any_names_the_write_that_waits_for_it() {
    let mut bench = Bench::three().dead(&[1, 2]);
    let seen = bench.write(ConsistencyLevel::Any);
    let task = Effect::StoreHint {
        plan: PLAN,
        targets: set(&[1, 2]),
        hint: hint(),
        notify: Some(REQUEST),
    };
    assert_eq!(seen.first(), Some(&task));
}
