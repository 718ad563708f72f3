//! Claims about any run: random ones of scopes in which, together, everything can happen.
//!
//! Chapter: `specs/00-guarantees.md`.

use std::collections::BTreeSet;

use thymbra_protocol::ConsistencyLevel;

use super::{assert_drawable, assert_plain, datacenter, read, system, write};
use crate::action::Action;
use crate::faults::DriverFault;
use crate::scope::{Budgets, Detector, DownScope, RetryPolicy, Scope, Sync};
use crate::story::Story;
use crate::system::{State, System};
use crate::verdict::Trace;
use crate::view::View;

/// A small generator: runs repeat from their seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits fit") % bound
    }
}

fn kind(system: &System, action: &Action) -> String {
    system
        .name(action)
        .split('.')
        .next()
        .expect("a name has a first part")
        .into()
}

/// Every fault, every stage, and levels of every kind.
fn wild_scope() -> Scope {
    use ConsistencyLevel as CL;
    let budgets = Budgets {
        crash: 1,
        power_loss: 1,
        lose: 2,
        duplicate: 2,
        fail: 2,
        drop: 2,
        slow: 3,
        partition: 1,
        flap: 2,
        ticks: 4,
        skew: 1,
    };
    Scope {
        operations: vec![
            write(CL::One),
            write(CL::Quorum),
            write(CL::Any),
            write(CL::All),
            read(CL::Quorum),
            read(CL::All),
            read(CL::One),
        ],
        budgets,
        restart: true,
        log_stages: true,
        hint_stages: true,
        slow_apply: true,
        gc_grace: 2,
        ..Scope::default()
    }
}

/// Scopes in which, together, everything can happen.
fn wild_scopes() -> Vec<Scope> {
    use ConsistencyLevel as CL;
    let base = wild_scope();
    let mut pending = datacenter("dc1", 3);
    pending.pending = 1;
    pending.nodes = 4;
    vec![
        base.clone(),
        Scope {
            detector: Detector::Lagging,
            sync: Sync::Batch,
            retry: RetryPolicy::FreshTimestamp,
            hints: false,
            ..base.clone()
        },
        Scope {
            datacenters: vec![datacenter("dc1", 2), datacenter("dc2", 3)],
            network_topology: true,
            operations: vec![
                write(CL::EachQuorum),
                write(CL::LocalQuorum),
                write(CL::LocalOne),
                write(CL::Serial),
                read(CL::EachQuorum),
                read(CL::LocalQuorum),
                read(CL::Any),
            ],
            detector: Detector::Lagging,
            retry: RetryPolicy::SameTimestamp,
            slow_hints: true,
            hints_size_max_bytes: 3,
            hints_disabled_datacenters: vec!["dc1".into()],
            sync_lag_block: Some(1),
            ..base.clone()
        },
        Scope {
            datacenters: vec![pending],
            detector: Detector::Arbitrary,
            sync: Sync::Group,
            down: DownScope::AnyOf(1),
            log_stages: false,
            slow_apply: false,
            ..base
        },
    ]
}

/// One random run until nothing is possible, or so many steps were taken.
fn wander(system: &System, dice: &mut Dice, steps_max: usize) -> Trace {
    let starts = system.initial_states();
    let start = dice.below(starts.len());
    let mut state = starts.get(start).expect("it exists").clone();
    let mut actions = Vec::new();
    while actions.len() < steps_max {
        let mut possible = Vec::new();
        system.possible_actions(&state, &mut possible);
        if possible.is_empty() {
            break;
        }
        let action = possible.swap_remove(dice.below(possible.len()));
        state = system.after(&state, &action);
        actions.push(action);
    }
    Trace { start, actions }
}

#[test]
fn every_action_of_random_runs_has_a_plain_sentence() {
    let mut kinds = BTreeSet::new();
    let faults = [
        DriverFault::None,
        DriverFault::AckWithoutAppend,
        DriverFault::WrongNode,
        DriverFault::TornCell,
        DriverFault::ForgetHint,
        DriverFault::DeleteHintWhenSent,
        DriverFault::LyingDisk,
        DriverFault::AnswerTwice,
        DriverFault::MisattributedAck,
        DriverFault::RestampHint,
    ];
    for (scope, seed) in wild_scopes().into_iter().zip(1..) {
        for (fault, salt) in faults.into_iter().zip(1..) {
            let mut system = system(scope.clone());
            system.driver = fault;
            system = system.checking(crate::properties::all().take(crate::properties::PROPERTIES_MAX));
            let mut dice = Dice(seed * 100 + salt);
            let mut steps_left: usize = if fault == DriverFault::None { 2000 } else { 200 };
            while steps_left > 0 {
                let trace = wander(&system, &mut dice, steps_left.min(120));
                steps_left = steps_left.saturating_sub(trace.actions.len().max(1));
                let story = Story::tell(&system, &trace);
                kinds.extend(trace.actions.iter().map(|action| kind(&system, action)));
                story.sentences().for_each(|sentence| assert_plain(&sentence));
                assert_drawable(&story);
            }
        }
    }
    let all = [
        "apply",
        "crash",
        "deliver",
        "drop",
        "drop-apply",
        "duplicate",
        "expire",
        "fail",
        "fail-apply",
        "heal",
        "hint",
        "hint-timeout",
        "lose",
        "mark",
        "partition",
        "pause",
        "power-loss",
        "read",
        "restart",
        "resume",
        "store-hints",
        "suspect",
        "sync",
        "sync-hints",
        "tick",
        "timeout",
        "trust",
        "write",
        "write-hints",
    ];
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), all);
}

#[test]
fn every_property_that_fails_is_explained() {
    let mut explained = BTreeSet::new();
    for (scope, seed) in wild_scopes().into_iter().zip(1..) {
        let walker = system(scope.clone());
        let mut dice = Dice(seed);
        let traces: Vec<Trace> = (0..25).map(|_| wander(&walker, &mut dice, 60)).collect();
        for property in crate::properties::QUESTIONS {
            let system = system(scope.clone()).checking([property]);
            for trace in &traces {
                if let Some(failing) = Story::tell(&system, trace).failing {
                    assert_plain(&failing.sentence());
                    assert!(!failing.clause.is_empty() && failing.detail.len() > 8);
                    explained.insert(property.code);
                }
            }
        }
    }
    for code in ["stale", "lost", "unavailable", "timeout", "diverge"] {
        assert!(explained.contains(code), "{code} never failed: {explained:?}");
    }
}

/// The claims of a view about one state; answers whether it had to tell equal names apart.
fn assert_names_fit(system: &System, state: &State) -> bool {
    let view = View::of(system, state);
    let json = serde_json::to_value(&view).expect("a view is plain data");
    assert_eq!(json["nodes"].as_array().map(Vec::len), Some(state.nodes.len()));
    for message in &view.net {
        if message.can.contains(&"deliver") {
            let name = format!("deliver.{}", message.id);
            assert!(view.enabled.contains(&name), "{name} not in {:?}", view.enabled);
        }
    }
    let copies: usize = view.net.iter().map(|message| message.copies).sum();
    assert_eq!(copies, state.network.len());
    let hints = view.nodes.iter().flat_map(|node| &node.hints);
    let ids = hints.map(|hint| &hint.id);
    let ids: Vec<&String> = ids.chain(view.net.iter().map(|message| &message.id)).collect();
    assert_eq!(
        ids.iter().collect::<BTreeSet<_>>().len(),
        ids.len(),
        "ids are unique"
    );
    assert!(!view.to_text().contains("Some("));
    ids.iter().any(|id| id.contains('~'))
}

#[test]
fn view_names_messages_and_actions_as_scripts_do() {
    let mut told_apart = false;
    for (scope, seed) in wild_scopes().into_iter().zip(7..) {
        let system = system(scope).checking(crate::properties::QUESTIONS);
        let mut dice = Dice(seed);
        for _ in 0..12 {
            let trace = wander(&system, &mut dice, 60);
            let mut state = system.initial_states().swap_remove(trace.start);
            for action in &trace.actions {
                state = system.after(&state, action);
                told_apart |= assert_names_fit(&system, &state);
            }
        }
    }
    assert!(told_apart, "some names were equal");
}

#[test]
fn action_of_a_step_parses_back() {
    let mut told_apart = false;
    for (scope, seed) in wild_scopes().into_iter().zip(3..) {
        let system = system(scope);
        let mut dice = Dice(seed);
        for _ in 0..12 {
            let trace = wander(&system, &mut dice, 60);
            let story = Story::tell(&system, &trace);
            let mut state = system.initial_states().swap_remove(trace.start);
            let steps = story.steps.iter().filter(|step| step.number > 0);
            for (step, action) in steps.zip(&trace.actions) {
                assert_eq!(system.parse(&state, &step.action).as_ref(), Ok(action));
                told_apart |= step.action.contains('~');
                state = system.after(&state, action);
            }
        }
    }
    assert!(told_apart, "some names were equal");
}
