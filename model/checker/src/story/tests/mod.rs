//! Claims about the sentences and charts of small runs. Random runs are in [`wild`].
//!
//! Chapter: `specs/00-guarantees.md`.

mod wild;

use thymbra_protocol::{ConsistencyLevel, ReadRepairStrategy};

use super::Story;
use crate::properties::PropertyDef;
use crate::scope::{Budgets, DatacenterScope, DownScope, OperationKind, OperationScope, RetryPolicy, Scope};
use crate::system::System;
use crate::verdict::{Inquiry, Trace};

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
            "its open requests and w1, which its commit log had not synced, are gone",
        ],
    );
}

#[test]
fn own_copy_that_expires_in_the_queue_is_executed_all_the_same() {
    let system = system(Scope {
        operations: vec![write(ConsistencyLevel::One)],
        budgets: Budgets {
            drop: 1,
            ..Budgets::default()
        },
        slow_apply: true,
        ..Scope::default()
    });
    let (_, sentences) = told(&system, &["write.w1.n1", "drop-apply.w1.n1", "apply.w1.n1"]);
    assert_says(
        sentences.get(1).expect("the deadline"),
        &["a coordinator executes its own copy all the same"],
    );
    assert_says(
        sentences.get(2).expect("the append"),
        &["n1 appends it to its commit log and memtable", "SUCCESS"],
    );
}

/// The retry was once told with the copies of the first attempt, whose handler was still open.
#[test]
fn refused_retry_mentions_no_copy() {
    let system = system(Scope {
        operations: vec![write(ConsistencyLevel::All)],
        retry: RetryPolicy::SameTimestamp,
        budgets: Budgets {
            flap: 1,
            ..Budgets::default()
        },
        ..Scope::default()
    });
    let (_, sentences) = told(
        &system,
        &[
            "write.w1.n1",
            "deliver.MUTATION_REQ.w1.n1-n3",
            "pause.n2",
            "deliver.MUTATION_RSP.w1.n3-n1",
            "timeout.w1",
            "write.w1.n1",
        ],
    );
    assert_eq!(
        sentences.last().expect("the retry"),
        "c1 tries w1 once more at ALL through n1, a replica: n1 sees n2 as down; n1 refuses w1 with Unavailable(required 3, alive 2), and nothing is sent."
    );
}

#[test]
fn hint_that_counts_at_any_is_said_to_count() {
    let system = system(Scope {
        operations: vec![write(ConsistencyLevel::Any)],
        down: DownScope::Nodes(vec![0, 1, 2]),
        datacenters: vec![DatacenterScope {
            nodes: 4,
            ..datacenter("dc1", 3)
        }],
        ..Scope::default()
    });
    let (story, sentences) = told(&system, &["write.w1.n4"]);
    assert_says(
        sentences.last().expect("the write"),
        &[
            "n4, which is no replica",
            "a hint counts at ANY",
            "sees n1, n2 and n3 as down and stores a hint for each",
        ],
    );
    assert!(story.lanes.iter().any(|lane| lane.label == "n4 (no replica)"));
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

#[test]
fn read_that_goes_back_is_explained_by_both_reads() {
    let operations = vec![
        write(ConsistencyLevel::One),
        read(ConsistencyLevel::One),
        read(ConsistencyLevel::One),
    ];
    let scope = Scope {
        operations,
        ..Scope::default()
    };
    let inquiry = Inquiry::new(scope, PropertyDef::find("non-monotonic").expect("it exists"));
    let (trace, _) = inquiry.shortest(&mut |_| None).expect("the scope is valid");
    let system = inquiry.system(false).expect("the scope is valid");
    let story = Story::tell(&system, &trace.expect("such reads exist"));
    let last = story.sentences().last().expect("there are sentences");
    assert_says(
        &last,
        &[
            "r1 returned w1 at step",
            "r2, which began at step",
            "returned no value at step",
            "answered with no value",
        ],
    );
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
    let step = system.format_step(&start, action).expect("it leads somewhere");
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
