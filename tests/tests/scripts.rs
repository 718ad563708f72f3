//! Every script of `tests/scripts` is run: the scenes of the source documents and the worked scenarios.
//!
//! A scene that is missing, a script that expects nothing and an expectation that cannot fail are refused as well.
//! The form: `tests/scripts/README.md`. Chapter: `specs/03-coordination.md`.

use std::fs;

use thymbra_checker::gallery::rules_named;
use thymbra_checker::script::{Event, Expectation, Judgement, Script, ScriptError, Step};
use thymbra_checker::system::Life;
use thymbra_tests::repository;

/// The scenes that must be told: those of the source documents, then scenarios 1 to 16.
const SCENES: [&str; 21] = [
    "one_first_acknowledgement_answers",
    "one_two_replicas_miss_the_write",
    "quorum_of_two_datacenters_one_replica_down",
    "two_replica_down_hint_delivered_on_return",
    "two_coordinator_is_replica_hint_delivered_on_return",
    "quorum_one_replica_known_dead",
    "quorum_two_replicas_known_dead",
    "quorum_two_replicas_silent",
    "quorum_one_replica_fails",
    "quorum_two_replicas_fail",
    "quorum_one_replica_fails_one_silent",
    "quorum_one_replica_known_dead_one_fails",
    "all_one_replica_known_dead",
    "all_one_replica_fails",
    "one_all_replicas_known_dead",
    "any_all_replicas_known_dead",
    "any_all_replicas_silent",
    "any_all_replicas_dead_longer_than_window",
    "quorum_pending_replica_down",
    "local_quorum_remote_forwarder_dies",
    "quorum_request_expires_in_queue",
];

/// Name and text of every script.
fn scripts() -> Vec<(String, String)> {
    let folder = repository::root().join("tests/scripts");
    let entries = fs::read_dir(&folder).expect("the folder of scripts exists");
    let paths = entries.map(|entry| entry.expect("its entries can be read").path());
    let mut found: Vec<(String, String)> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "script"))
        .map(|path| {
            let name = path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            (name, fs::read_to_string(&path).expect("a script is text"))
        })
        .collect();
    found.sort();
    found
}

fn read(name: &str, text: &str) -> Script {
    let parsed = Script::parse(text).map_err(|error| format!("{name}: {error}"));
    parsed.expect("a script can be read")
}

#[test]
fn every_script_keeps_what_it_expects() {
    for (name, text) in scripts() {
        if let Err(error) = read(&name, &text).run() {
            panic!("{name}: {error}");
        }
    }
}

#[test]
fn every_scene_is_there_and_expects_something() {
    let scripts = scripts();
    for scene in SCENES {
        assert!(
            scripts.iter().any(|(name, _)| name == scene),
            "{scene} is not told"
        );
    }
    for (name, text) in &scripts {
        assert!(
            read(name, text).expectations().count() >= 2,
            "{name} expects too little"
        );
        assert!(text.starts_with('#'), "{name} does not say what it is about");
    }
}

#[test]
fn every_expectation_of_every_script_can_fail() {
    for (name, text) in scripts() {
        let script = read(&name, &text);
        for (index, line) in script.lines.iter().enumerate() {
            let Step::Expect(expectation) = &line.step else {
                continue;
            };
            let mut wrong = script.clone();
            wrong.lines[index].step = Step::Expect(contradiction(expectation));
            match wrong.run() {
                Err(ScriptError::Unmet { line: found, .. }) => assert_eq!(found, line.number, "{name}"),
                other => panic!("{name}, line {}: {:?}", line.number, other.map(|_| "met")),
            }
        }
    }
}

/// Something that is not so where this is.
fn contradiction(expectation: &Expectation) -> Expectation {
    match expectation.clone() {
        Expectation::Outcome { operation, outcome } => Expectation::Outcome {
            operation,
            outcome: if outcome == "SUCCESS" {
                "open".into()
            } else {
                "SUCCESS".into()
            },
        },
        Expectation::Holds { node, write } => Expectation::Holds {
            node,
            write: match write {
                Some(_) => None,
                None => Some("w1".into()),
            },
        },
        Expectation::Hint { node, target, .. } => Expectation::NoHint { node, target },
        Expectation::NoHint { node, target } => Expectation::Hint {
            node,
            target,
            write: "w1".into(),
            stage: None,
        },
        Expectation::Hints(count) => Expectation::Hints(count + 1),
        Expectation::InFlight(name) => Expectation::NotInFlight(name),
        Expectation::NotInFlight(name) => Expectation::InFlight(name),
        Expectation::NothingInFlight => Expectation::InFlight("MUTATION_REQ.w1.n1-n2".into()),
        Expectation::Is(node, Life::Up) => Expectation::Is(node, Life::Down),
        Expectation::Is(node, Life::Paused | Life::Down) => Expectation::Is(node, Life::Up),
        Expectation::Property(code, Judgement::Holds) => Expectation::Property(code, Judgement::Fails),
        Expectation::Property(code, Judgement::Fails) => Expectation::Property(code, Judgement::Holds),
        // Within the first state of a run no premise is met: there the claim is another one.
        Expectation::Property(code, Judgement::Reached) => Expectation::Property(code, Judgement::Fails),
        Expectation::Impossible { action, .. } => Expectation::Impossible {
            action,
            because: "of the moon".into(),
        },
        Expectation::Quiescent => Expectation::InFlight("MUTATION_REQ.w1.n1-n2".into()),
    }
}

#[test]
fn scenes_come_out_otherwise_under_a_bug() {
    for (bug, scene) in [
        ("CASSANDRA-2034", "quorum_two_replicas_silent"),
        ("CASSANDRA-833", "quorum_pending_replica_down"),
        ("CASSANDRA-6510", "quorum_own_copy_expires_and_is_executed"),
        ("CASSANDRA-2494", "two_replica_down_past_window_needs_read_repair"),
        ("scylla-3565", "any_all_replicas_silent"),
        ("refused-write-hinted", "quorum_two_replicas_known_dead"),
        ("failure-not-early", "all_one_replica_fails"),
        ("forwarded-not-awaited", "local_quorum_remote_forwarder_dies"),
        ("hint-counts-everywhere", "quorum_one_replica_known_dead"),
        ("half-is-quorum", "quorum_of_two_datacenters_one_replica_down"),
        ("forget-timer", "any_all_replicas_dead_longer_than_window"),
        (
            "ack-before-sync",
            "two_coordinator_is_replica_hint_delivered_on_return",
        ),
        (
            "delete-hint-when-sent",
            "two_replica_down_hint_delivered_on_return",
        ),
    ] {
        let scripts = scripts();
        let found = scripts.iter().find(|(name, _)| name == scene);
        let (name, text) = found.expect("the scene is told");
        assert!(rules_named(bug).is_some(), "{bug} is not in the gallery");
        let outcome = read(name, text).with_rules(bug).run();
        assert!(outcome.is_err(), "{scene} does not notice {bug}");
    }
}

#[test]
fn scripts_print_as_they_are_read() {
    for (name, text) in scripts() {
        let script = read(&name, &text);
        let again = read(&name, &script.to_string());
        let steps =
            |script: &Script| -> Vec<Step> { script.lines.iter().map(|line| line.step.clone()).collect() };
        assert_eq!(
            (&script.scope, &script.rules),
            (&again.scope, &again.rules),
            "{name}"
        );
        assert_eq!(steps(&script), steps(&again), "{name}");
    }
}

#[test]
fn story_of_a_script_has_a_sentence_for_each_action() {
    for (name, text) in scripts() {
        let run = read(&name, &text)
            .run()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let told: Vec<String> = run
            .entries
            .iter()
            .filter_map(|entry| match &entry.event {
                Event::Took { say, .. } => Some(say.clone()),
                Event::Judged { .. } => None,
            })
            .collect();
        let story = run.story();
        let steps = story.steps.iter().filter(|step| step.number > 0);
        let sentences: Vec<String> = steps.map(|step| step.say.clone()).collect();
        assert_eq!(told, sentences, "{name}");
    }
}
