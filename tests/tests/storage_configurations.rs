//! Every run and every bug of one node's storage comes to what is expected of it.

use thymbra_checker::configurations::Target;
use thymbra_checker::gallery::{self, Origin};
use thymbra_checker::log_system::configurations::CONFIGURATIONS;
use thymbra_checker::log_system::properties::PROPERTIES;
use thymbra_checker::log_system::{ENTRIES, LogStory};
use thymbra_checker::search::Progress;
use thymbra_checker::verdict::Stop;

fn never_stopped(_: &Progress) -> Option<Stop> {
    None
}

#[test]
fn every_run_of_one_nodes_storage_comes_to_what_is_expected() {
    for run in CONFIGURATIONS {
        let outcome = run
            .run(&mut never_stopped)
            .expect("the table holds possible scopes");
        assert!(outcome.is_expected, "{}: {}", run.name, outcome.says);
    }
}

#[test]
fn every_bug_of_one_nodes_storage_violates_its_property_where_the_reference_keeps_it() {
    for entry in ENTRIES {
        let with_bug = entry
            .run_with_bug(&mut never_stopped)
            .expect("the table holds possible scopes");
        assert!(with_bug.is_expected, "{} on: {}", entry.id, with_bug.says);
        let without = entry
            .run_without_bug(&mut never_stopped)
            .expect("the table holds possible scopes");
        assert!(without.is_expected, "{} off: {}", entry.id, without.says);
    }
}

#[test]
fn every_property_of_one_nodes_storage_is_violated_by_a_bug_and_checked_by_a_run() {
    for property in PROPERTIES {
        let code = property.code;
        let is_violated = ENTRIES.iter().any(|entry| entry.target == Target::Property(code));
        assert!(is_violated, "nothing violates {code}");
        let is_checked = CONFIGURATIONS.iter().any(|run| run.properties.contains(&code));
        assert!(is_checked, "no run checks {code}");
    }
}

#[test]
fn each_run_checks_known_properties_alone() {
    for run in CONFIGURATIONS {
        assert_eq!(
            run.inquiry().properties.len(),
            run.properties.len(),
            "{}",
            run.name
        );
    }
}

#[test]
fn names_are_told_apart_from_those_of_the_cluster() {
    let clusters = gallery::all().map(|entry| entry.id);
    let mut names: Vec<&str> = clusters.chain(ENTRIES.iter().map(|entry| entry.id)).collect();
    let runs = thymbra_checker::configurations::all().map(|run| run.name);
    names.extend(runs.chain(CONFIGURATIONS.iter().map(|run| run.name)));
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn published_bugs_of_storage_are_there_with_their_tickets() {
    for id in [
        "CASSANDRA-8383",
        "CASSANDRA-9669",
        "CASSANDRA-11828",
        "CASSANDRA-4782",
        "CASSANDRA-13282",
        "CASSANDRA-9949",
        "scylla-14870",
        "scylla-1181",
    ] {
        let entry = thymbra_checker::log_system::entry(id).expect("it is in the table");
        assert!(
            entry.origin == Origin::Published && !entry.ticket.is_empty(),
            "{id}"
        );
    }
}

/// What a bug's story names can be taken step by step, and ends where the search ended.
#[test]
fn stories_of_bugs_replay_by_the_names_of_their_actions() {
    for entry in ENTRIES {
        let system = entry
            .inquiry(true)
            .expect("it violates a property")
            .system(false)
            .expect("possible");
        let outcome = entry.run_with_bug(&mut never_stopped).expect("possible");
        let trace = outcome.trace.expect("the bug is found");
        let story = LogStory::tell(&system, &trace);
        let mut state = system.initial_state();
        for step in &story.steps {
            let action = system.parse(&state, &step.action).expect("each step is possible");
            state = system.after(&state, action);
        }
        assert!(story.failing.is_some(), "{}", entry.id);
        assert!(!system.properties[0].holds(&system, &state), "{}", entry.id);
    }
}
