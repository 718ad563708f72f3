//! Claims about sentences and charts of small runs, and about any run at all.
//!
//! Chapter: `specs/00-guarantees.md`.

use std::collections::BTreeSet;

use thymbra_protocol::{ConsistencyLevel, ReadRepairStrategy};

use super::Story;
use crate::action::Action;
use crate::faults::DriverFault;
use crate::properties::PropertyDef;
use crate::scope::{
    Budgets, DatacenterScope, Detector, DownScope, OperationKind, OperationScope, RetryPolicy, Scope, Sync,
};
use crate::system::System;
use crate::verdict::{Inquiry, Trace};
use crate::view::View;

fn write(level: ConsistencyLevel) -> OperationScope {
    OperationScope {
        kind: OperationKind::Write,
        level,
        coordinator: None,
    }
}

fn read(level: ConsistencyLevel) -> OperationScope {
    OperationScope {
        kind: OperationKind::Read,
        ..write(level)
    }
}

fn datacenter(name: &str, nodes: u16) -> DatacenterScope {
    DatacenterScope {
        name: name.into(),
        replication_factor: nodes,
        nodes,
        pending: 0,
    }
}

fn system(scope: Scope) -> System {
    System::new(scope, &thymbra_types::Reference).expect("the scope is valid")
}

/// The story of a script, and its sentences.
fn told(system: &System, script: &[&str]) -> (Story, Vec<String>) {
    let mut state = system.initial_states().remove(0);
    let mut actions = Vec::new();
    for name in script {
        let action = system
            .parse(&state, name)
            .expect("the script names possible actions");
        state = system.after(&state, &action);
        actions.push(action);
    }
    let story = Story::tell(system, &Trace { start: 0, actions });
    assert_drawable(&story);
    let sentences = story.sentences().collect();
    (story, sentences)
}

fn assert_plain(sentence: &str) {
    assert!(
        sentence.len() > 8 && sentence.ends_with('.'),
        "no sentence: {sentence}"
    );
    let debris = [
        "Some(",
        "None",
        "{",
        "}",
        "NodeId",
        "Envelope",
        "::",
        "  ",
        ",,",
        "()",
        ": .",
        ";;",
        "; .",
        "nobody are",
        "op0",
        "with timestamp 0",
    ];
    for piece in debris {
        assert!(!sentence.contains(piece), "{piece:?} in: {sentence}");
    }
}

fn assert_drawable(story: &Story) {
    let chart = story.chart();
    assert_eq!(chart.steps.len(), story.steps.len());
    assert!(chart.to_text(160).contains(&story.title), "text has the title");
    let svg = chart.to_svg();
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    assert!(chart.to_mermaid().contains("sequenceDiagram"));
}

fn assert_says(sentence: &str, pieces: &[&str]) {
    for piece in pieces {
        assert!(sentence.contains(piece), "{piece:?} not in: {sentence}");
    }
}

#[test]
fn stale_read_is_explained_by_its_objects() {
    let scope = Scope {
        operations: vec![write(ConsistencyLevel::One), read(ConsistencyLevel::Quorum)],
        ..Scope::default()
    };
    let inquiry = Inquiry::new(scope, PropertyDef::find("stale").expect("it exists"));
    let report = inquiry.answer(&mut |_| None).expect("the scope is valid");
    let system = inquiry.system(false).expect("the scope is valid");
    let story = Story::tell(&system, &report.trace.expect("a stale read exists"));
    assert_drawable(&story);
    let sentences: Vec<String> = story.sentences().collect();
    let first = sentences.first().expect("there are steps");
    assert_says(
        first,
        &[
            "c1 writes w1 at ONE through n1, a replica",
            "n1 appends it to its commit log and memtable",
            "SUCCESS to c1 (1 of 1)",
            "the copies for n2 and n3 are on their way",
        ],
    );
    let last = sentences.last().expect("there are steps");
    assert_says(
        last,
        &[
            "r1 returned no value",
            "although w1 was acknowledged at step 1, before r1 began at step 2",
            "n2 and n3 answered with no value",
            "n1 has w1 and was not asked",
        ],
    );
    let failing = story.failing.as_ref().expect("the trace violates the property");
    assert_eq!(failing.step, story.steps.len());
    assert!(story.chart().to_text(160).contains("! stale"));
    assert_eq!(
        story.in_flight,
        ["n1's copy of w1 to n2", "n1's copy of w1 to n3"]
    );
}

#[test]
fn hint_is_stored_delivered_and_removed() {
    let system = system(Scope {
        operations: vec![write(ConsistencyLevel::One)],
        budgets: Budgets {
            lose: 1,
            slow: 1,
            ..Budgets::default()
        },
        ..Scope::default()
    });
    let (story, sentences) = told(
        &system,
        &[
            "write.w1.n1",
            "lose.MUTATION_REQ.w1.n1-n2",
            "expire.w1.n2",
            "hint.n1-n2",
            "deliver.HINT_REQ.w1.n1-n2",
            "deliver.HINT_RSP.h1.1.n2-n1",
        ],
    );
    assert_eq!(
        sentences.get(1..).expect("six sentences"),
        [
            "The network loses n1's copy of w1 on its way to n2.",
            "n1 gets no answer from n2 for w1 in time and stores a hint for it.",
            "n1 sees n2 up and begins to deliver its hints: the hint of w1 is on its way.",
            "n1's hint of w1 reaches n2: n2 appends it to its commit log and memtable; n2 acknowledges to n1.",
            "n2's acknowledgement of the hint of w1 reaches n1: n1 removes its hint of w1 for n2.",
        ]
    );
    let text = story.chart().to_text(160);
    assert_says(&text, &["(lost)", "hint for n2", "hint w1", "ack hint"]);
}

#[test]
fn hint_for_a_node_that_is_down_is_told_with_the_write() {
    let system = system(Scope {
        operations: vec![write(ConsistencyLevel::Quorum)],
        down: DownScope::Nodes(vec![2]),
        ..Scope::default()
    });
    let (_, sentences) = told(
        &system,
        &[
            "write.w1.n1",
            "deliver.MUTATION_REQ.w1.n1-n2",
            "deliver.MUTATION_RSP.w1.n2-n1",
        ],
    );
    let [start, begin, _, answer] = sentences.as_slice() else {
        panic!("a start and three steps: {sentences:?}");
    };
    assert_eq!(start, "n3 is down from the start.");
    assert_says(
        begin,
        &[
            "it has 1 of 2 acknowledgements",
            "the copy for n2 is on its way",
            "n1 sees n3 as down and stores a hint for it",
        ],
    );
    assert_says(answer, &["n1 answers SUCCESS to c1 (2 of 2)"]);
}

#[test]
fn crash_names_what_is_gone() {
    let system = system(Scope {
        operations: vec![write(ConsistencyLevel::Quorum)],
        down: DownScope::Nodes(vec![1]),
        budgets: Budgets {
            crash: 1,
            ..Budgets::default()
        },
        hint_stages: true,
        restart: true,
        ..Scope::default()
    });
    let (_, sentences) = told(&system, &["write.w1.n1", "crash.n1", "restart.n1"]);
    assert_says(
        sentences.get(2).expect("the crash"),
        &[
            "n1 crashes: its hints for n2 and its open requests are gone",
            "w1 is safe on its disk",
            "c1 will never hear of w1",
            "n1's copy of w1 to n3 may be lost",
        ],
    );
    assert_says(
        sentences.get(3).expect("the restart"),
        &["replays its commit log: it has w1"],
    );
}

#[test]
fn power_loss_takes_what_was_not_synced() {
    let system = system(Scope {
        operations: vec![write(ConsistencyLevel::One)],
        budgets: Budgets {
            power_loss: 1,
            ..Budgets::default()
        },
        log_stages: true,
        ..Scope::default()
    });
    let (_, sentences) = told(&system, &["write.w1.n1", "power-loss.n1"]);
    assert_says(
        sentences.last().expect("the power loss"),
        &[
            "n1 loses power",
            "w1, which its commit log had not synced, is gone",
        ],
    );
}

#[test]
fn timeout_reports_received_and_required() {
    let system = system(Scope {
        operations: vec![write(ConsistencyLevel::Quorum)],
        ..Scope::default()
    });
    let (_, sentences) = told(&system, &["write.w1.n1", "timeout.w1"]);
    assert_eq!(
        sentences.last().expect("the timeout"),
        "The time of w1 at n1 is up: n1 answers WriteTimeout(received 1, required 2) to c1, and what is written stays."
    );
}

#[test]
fn refusal_says_who_is_seen_as_down() {
    let system = system(Scope {
        operations: vec![write(ConsistencyLevel::Quorum), read(ConsistencyLevel::All)],
        down: DownScope::Nodes(vec![1, 2]),
        ..Scope::default()
    });
    let (_, sentences) = told(&system, &["write.w1.n1", "read.r1.n1.of-nobody"]);
    assert_says(
        sentences.get(1).expect("the write"),
        &[
            "n1 sees n2 and n3 as down",
            "n1 refuses w1 with Unavailable(required 2, alive 1)",
        ],
    );
    assert_says(
        sentences.get(2).expect("the read"),
        &["n1 refuses r1 with Unavailable(required 3, alive 1)"],
    );
}

#[test]
fn remote_coordinator_passes_the_write_on() {
    let system = system(Scope {
        datacenters: vec![datacenter("east", 2), datacenter("west", 3)],
        network_topology: true,
        operations: vec![write(ConsistencyLevel::EachQuorum)],
        ..Scope::default()
    });
    let (story, sentences) = told(
        &system,
        &[
            "write.w1.n1.via-n4",
            "deliver.MUTATION_REQ.w1.n1-n4",
            "deliver.MUTATION_REQ.w1.n4-n3",
        ],
    );
    assert_says(
        sentences.first().expect("the write"),
        &[
            "the copies for n2 and n4 are on their way",
            "n4 is to pass it on to n3 and n5 in west",
        ],
    );
    assert_says(
        sentences.get(1).expect("the forwarder"),
        &["n4 passes it on to n3 and n5", "n4 acknowledges to n1"],
    );
    assert_says(
        sentences.get(2).expect("a replica behind it"),
        &["w1 passed on by n4 for n1 reaches n3", "n3 acknowledges to n1"],
    );
    let groups: Vec<Option<&str>> = story.lanes.iter().map(|lane| lane.group.as_deref()).collect();
    let (east, west) = (Some("east"), Some("west"));
    assert_eq!(groups, [None, east, east, west, west, west]);
}

#[test]
fn read_repair_says_what_it_sends_and_who_waits() {
    let system = system(Scope {
        operations: vec![write(ConsistencyLevel::One), read(ConsistencyLevel::Quorum)],
        read_repair: ReadRepairStrategy::Blocking,
        ..Scope::default()
    });
    let (_, sentences) = told(
        &system,
        &[
            "write.w1.n1",
            "read.r1.n1.of-n1+n2",
            "deliver.READ_REQ.r1.n1-n2",
            "deliver.READ_RSP.r1.n2-n1",
            "deliver.READ_REPAIR_REQ.r1.n1-n2",
            "deliver.READ_REPAIR_RSP.r1.n2-n1",
        ],
    );
    assert_says(
        sentences.get(1).expect("the read"),
        &["n1 asks itself and has w1", "n1 asks n2", "n3 is not asked"],
    );
    assert_says(
        sentences.get(2).expect("the contact"),
        &["n2 answers that it has no value"],
    );
    assert_says(
        sentences.get(3).expect("the answer"),
        &[
            "the answers differ",
            "read repair sends w1 to n2",
            "keeps c2 waiting for the repair",
        ],
    );
    assert_says(
        sentences.get(5).expect("the acknowledgement"),
        &["n1 returns w1 to c2"],
    );
}

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

/// Scopes in which, together, everything can happen.
fn wild_scopes() -> Vec<Scope> {
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
    let base = Scope {
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
    };
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
            let mut steps_left: usize = if fault == DriverFault::None { 2000 } else { 400 };
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
        for property in crate::properties::all() {
            let system = system(scope.clone()).checking([property]);
            let mut dice = Dice(seed);
            for _ in 0..40 {
                let story = Story::tell(&system, &wander(&system, &mut dice, 60));
                if let Some(failing) = &story.failing {
                    assert_plain(&failing.sentence());
                    assert!(!failing.clause.is_empty() && failing.detail.len() > 8);
                    explained.insert(property.code);
                }
            }
        }
    }
    for code in [
        "stale",
        "non-monotonic",
        "lost",
        "unavailable",
        "timeout",
        "diverge",
        "C1n",
    ] {
        assert!(explained.contains(code), "{code} never failed: {explained:?}");
    }
}

#[test]
fn view_names_messages_and_actions_as_scripts_do() {
    for (scope, seed) in wild_scopes().into_iter().zip(7..) {
        let system = system(scope).checking(crate::properties::QUESTIONS);
        let mut dice = Dice(seed);
        let trace = wander(&system, &mut dice, 60);
        let mut state = system.initial_states().swap_remove(trace.start);
        for action in &trace.actions {
            state = system.after(&state, action);
            let view = View::of(&system, &state);
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
            let ids = view
                .nodes
                .iter()
                .flat_map(|node| node.hints.iter().map(|hint| &hint.id));
            let ids: Vec<&String> = ids.chain(view.net.iter().map(|message| &message.id)).collect();
            assert_eq!(
                ids.iter().collect::<BTreeSet<_>>().len(),
                ids.len(),
                "ids are unique"
            );
            assert!(!view.to_text().contains("Some("));
        }
    }
}

#[test]
fn explorer_is_given_words_and_a_chart() {
    use stateright::{Model, Path};

    let system = system(Scope {
        operations: vec![write(ConsistencyLevel::One)],
        ..Scope::default()
    });
    let start = system.initial_states().remove(0);
    let action = system.parse(&start, "write.w1.n1").expect("it is possible");
    let step = system
        .format_step(&start, action.clone())
        .expect("it leads somewhere");
    assert_says(
        &step,
        &[
            "c1 writes w1 at ONE",
            "n1 up memtable w1",
            "in flight MUTATION_REQ.w1.n1-n2",
        ],
    );
    let path = Path::from_actions(&system, start, [&action]).expect("the path exists");
    assert!(system.as_svg(path).expect("it is drawn").contains("w1 ONE"));
}
