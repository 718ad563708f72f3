//! What the form of scripts promises: it prints what it reads, and replays what a search found.
//!
//! The scripts themselves are run by `tests/tests/scripts.rs`. Chapter: `specs/README.md`.

use thymbra_protocol::{ConsistencyLevel, ReadRepairStrategy};

use super::{Script, ScriptError, bounds_text};
use crate::configurations;
use crate::properties::PropertyDef;
use crate::scope::{
    Budgets, DatacenterScope, Detector, DownScope, OperationKind, OperationScope, RetryPolicy, Scope, Sync,
};
use crate::story::Story;
use crate::verdict::{Inquiry, Trace};

const SCENE: &str = "cluster rf 3\nwrite QUORUM by n1\ndown n2\n\n";

fn operation(kind: OperationKind, level: ConsistencyLevel) -> OperationScope {
    OperationScope {
        kind,
        level,
        coordinator: None,
    }
}

fn reread(scope: &Scope) -> Scope {
    let text = bounds_text::lines(scope).join("\n");
    let script = Script::parse(&text).unwrap_or_else(|error| panic!("{error} in\n{text}"));
    script.scope
}

fn in_scene(lines: &str) -> Result<(), ScriptError> {
    Script::parse(&format!("{SCENE}{lines}"))?.run().map(|_| ())
}

fn said(lines: &str) -> String {
    in_scene(lines).expect_err("these lines are wrong").to_string()
}

#[test]
fn every_bound_that_differs_from_the_default_is_printed_and_read() {
    let datacenter = |name: &str, nodes, pending| DatacenterScope {
        name: name.into(),
        replication_factor: 2,
        nodes,
        pending,
    };
    let scope = Scope {
        datacenters: vec![datacenter("east", 2, 1), datacenter("west", 3, 0)],
        network_topology: true,
        operations: vec![
            OperationScope {
                coordinator: Some(3),
                ..operation(OperationKind::Write, ConsistencyLevel::EachQuorum)
            },
            operation(OperationKind::Read, ConsistencyLevel::LocalOne),
        ],
        retry: RetryPolicy::SameTimestamp,
        down: DownScope::Nodes(vec![1, 4]),
        restart: true,
        budgets: Budgets {
            crash: 1,
            power_loss: 2,
            lose: 3,
            duplicate: 4,
            fail: 5,
            drop: 6,
            slow: 7,
            partition: 8,
            flap: 9,
            ticks: 10,
            skew: 11,
        },
        partition_forever: true,
        sync: Sync::Group,
        hints: false,
        hint_window: 3,
        hint_window_persistent: false,
        gc_grace: 4,
        read_repair: ReadRepairStrategy::None,
        same_timestamp: true,
        detector: Detector::Arbitrary,
        log_stages: true,
        hint_stages: true,
        slow_apply: true,
        remembers_first_hint: true,
        hints_disabled_datacenters: vec!["west".into(), "east".into()],
        hints_size_max_bytes: 12,
        slow_hints: true,
        hints_in_progress_max: 13,
        sync_lag_block: Some(14),
        reduce: false,
    };
    assert_eq!(reread(&scope), scope);
    let simple = Scope {
        network_topology: false,
        ..scope
    };
    assert_eq!(reread(&simple), simple);
}

#[test]
fn bounds_of_every_configuration_are_printed_and_read() {
    let mut count = 0;
    for configuration in configurations::all() {
        let scope = Scope {
            reduce: false,
            ..(configuration.bounds)()
        };
        if !matches!(scope.down, DownScope::AnyOf(_)) {
            assert_eq!(reread(&scope), scope, "{}", configuration.name);
            count += 1;
        }
    }
    assert!(count > 10, "only {count} configurations were looked at");
}

fn stale(down: DownScope) -> (Inquiry, Trace) {
    let scope = Scope {
        operations: vec![
            operation(OperationKind::Write, ConsistencyLevel::One),
            operation(OperationKind::Read, ConsistencyLevel::One),
        ],
        down,
        ..Scope::default()
    };
    let inquiry = Inquiry::new(scope, PropertyDef::find("stale").expect("stale is a question"));
    let (trace, _) = inquiry.shortest(&mut |_| None).expect("the scope is possible");
    (inquiry, trace.expect("reads at ONE can be stale"))
}

#[test]
fn counterexample_becomes_a_script_that_tells_the_same_story() {
    for down in [DownScope::Nobody, DownScope::AnyOf(1)] {
        let (inquiry, trace) = stale(down);
        let system = inquiry.system(false).expect("the scope is possible");
        let text = Script::from_trace(&system, &trace).to_string();
        let script = Script::parse(&text).unwrap_or_else(|error| panic!("{error} in\n{text}"));
        assert_eq!(script.to_string(), text);
        let run = script.run().unwrap_or_else(|error| panic!("{error} in\n{text}"));
        assert!(text.contains("> property stale fails"), "{text}");
        assert_eq!(run.story(), Story::tell(&system, &trace), "{text}");
    }
}

#[test]
fn script_of_a_bug_names_its_rules() {
    let entry = crate::gallery::Entry::find("CASSANDRA-2034").expect("it is in the gallery");
    let inquiry = entry.inquiry(true).expect("it violates a property");
    let (trace, _) = inquiry.shortest(&mut |_| None).expect("the scope is possible");
    let system = inquiry.system(false).expect("the scope is possible");
    let script = Script::from_trace(&system, &trace.expect("the bug is found"));
    let failing = script
        .expectations()
        .last()
        .expect("it ends with the property")
        .to_string();
    assert!(failing.ends_with(" fails"), "{failing}");
    let with_bug = script.clone().with_rules(entry.id).to_string();
    let read = Script::parse(&with_bug).unwrap_or_else(|error| panic!("{error} in\n{with_bug}"));
    assert!(read.run().is_ok(), "{with_bug}");
    // The reference does not follow this way, or does not fail at its end.
    assert!(script.run().is_err(), "{script}");
}

#[test]
fn wrong_expectation_is_told_with_its_line_and_what_is_found() {
    let wrong = "write.w1.n1\n> n1 holds w1\n> w1 WriteTimeout received 1 block_for 2\n";
    assert_eq!(
        said(wrong),
        "line 7: expected w1 WriteTimeout received 1 block_for 2, found w1 open"
    );
    assert_eq!(
        said("write.w1.n1\n> no hints"),
        "line 6: expected no hints, found hint n1-n2 w1"
    );
}

#[test]
fn impossible_action_is_told_with_the_condition_it_lacks() {
    assert_eq!(
        said("crash.n1"),
        "line 5: crash.n1 is not possible: the budget of this fault is spent"
    );
    assert_eq!(
        said("write.w1.n2"),
        "line 5: write.w1.n2 is not possible: \
         the scope names another coordinator for this operation"
    );
    assert_eq!(
        said("deliver.MUTATION_REQ.w1.n1-n3"),
        "line 5: deliver.MUTATION_REQ.w1.n1-n3 is not possible: no such message is in flight"
    );
    assert_eq!(
        said("write.w1.n1\nwrite.w1.n1"),
        "line 6: write.w1.n1 is not possible: the operation has begun already"
    );
    assert_eq!(
        said("restart.n9"),
        "line 5: restart.n9 is not possible: the cluster has no such node"
    );
}

#[test]
fn claim_of_impossibility_holds_for_the_right_reason_alone() {
    let claim = |reason: &str| in_scene(&format!("> impossible crash.n1 because {reason}"));
    assert_eq!(claim("the budget of this fault is spent"), Ok(()));
    assert!(claim("the node is down").is_err());
    assert!(in_scene("> impossible write.w1.n1 because the node is down").is_err());
}

#[test]
fn unknown_words_are_told_with_the_nearest_known_one() {
    let unknown = |text: &str, word: &str, nearest: &str| match Script::parse(text) {
        Err(ScriptError::UnknownWord {
            word: found,
            nearest: near,
            ..
        }) => {
            assert_eq!((found.as_str(), near.as_str()), (word, nearest), "{text}");
        }
        other => panic!("{text}: {other:?}"),
    };
    unknown("clustre rf 3", "clustre", "cluster");
    unknown("write QUORAM", "QUORAM", "QUORUM");
    unknown("sync batched", "batched", "batch");
    unknown("budget loss 1", "loss", "lose");
    unknown("rules CASSANDRA-2035", "CASSANDRA-2035", "CASSANDRA-2034");
    unknown(
        &format!("{SCENE}delivr.MUTATION_REQ.w1.n1-n2"),
        "delivr",
        "deliver",
    );
    unknown(&format!("{SCENE}> w1 SUCESS"), "SUCESS", "SUCCESS");
    unknown(&format!("{SCENE}> w2 SUCCESS"), "w2", "w1");
    unknown(&format!("{SCENE}> n4 holds w1"), "n4", "n1");
    unknown(&format!("{SCENE}> property H12 holds"), "H12", "H1");
    unknown(
        &format!("{SCENE}> in flight MUTATION_REK.w1.n1-n2"),
        "MUTATION_REK",
        "MUTATION_REQ",
    );
}

#[test]
fn lines_that_do_not_fit_are_told_with_the_right_form() {
    for text in [
        "cluster rf",
        "cluster dc1",
        "cluster dc1:3\nnodes 4",
        "write",
        "write ONE at n1",
        "down any 1",
        "ticks many",
        "cluster rf 3\nwrite ONE\nwrite.w1.n1\nbudget lose 1",
        "cluster rf 3\nwrite ONE\n> n1 keeps w1",
        "cluster rf 3\nwrite ONE\n> impossible crash.n1",
    ] {
        let error = Script::parse(text).expect_err(text);
        assert!(matches!(error, ScriptError::Malformed { .. }), "{text}: {error}");
        assert_eq!(error.line(), text.lines().count(), "{text}: {error}");
    }
    assert!(matches!(Script::parse("down n4"), Err(ScriptError::Scope(_))));
}
