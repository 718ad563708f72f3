//! Every configuration and every entry of the gallery comes to what is expected of it, and the searches agree.

use stateright::{Checker, Model};
use thymbra_checker::configurations::{self, Configuration, Expected, Target};
use thymbra_checker::gallery::{self, Origin};
use thymbra_checker::laws::LAWS;
use thymbra_checker::properties::{Kind, PropertyDef, guarantees};
use thymbra_checker::search::{Limits, shortest};
use thymbra_checker::system::{State, System};
use thymbra_types::Reference;

fn never_stopped(_: &thymbra_checker::search::Progress) -> Option<thymbra_checker::verdict::Stop> {
    None
}

#[test]
fn every_configuration_comes_to_what_is_expected() {
    for configuration in configurations::all() {
        let outcome = configuration
            .run(&mut never_stopped)
            .expect("the table holds possible scopes");
        assert!(outcome.is_expected, "{}: {}", configuration.name, outcome.says);
    }
}

#[test]
fn every_gallery_entry_violates_its_property_where_the_reference_keeps_it() {
    for entry in gallery::all() {
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
fn every_law_holds_for_the_reference() {
    for law in LAWS {
        let report = (law.check)(&Reference);
        assert_eq!(report.failing, None, "{}", law.name);
        assert!(report.cases > 1000, "{}: {} cases", law.name, report.cases);
    }
}

#[test]
fn every_property_is_violated_by_an_entry_and_reached_by_a_configuration() {
    for property in guarantees() {
        let mut entries = gallery::all();
        // What the reference itself violates is a red run; the intent keeps it in another.
        let is_violated = entries.any(|entry| entry.target == Target::Property(property.code))
            || is_violated_by_reference_alone(property.code);
        assert!(
            is_violated || property.kind == Kind::Sometimes,
            "nothing violates {}",
            property.code
        );
        let is_run =
            configurations::all().any(|configuration| configuration.properties.contains(&property.code));
        assert!(is_run, "no configuration checks {}", property.code);
    }
    for law in LAWS {
        let targets = gallery::all().filter(|entry| entry.target == Target::Law(law.code));
        assert!(targets.count() > 0, "nothing violates {}", law.code);
    }
}

/// A red run shows it for the reference, and a green one keeps it under the evident intent.
fn is_violated_by_reference_alone(code: &str) -> bool {
    let mut runs = configurations::all().filter(|run| run.properties.first() == Some(&code));
    let (mut is_red, mut is_kept) = (false, false);
    for run in &mut runs {
        is_red |= matches!(run.expected, Expected::Red { .. });
        is_kept |= matches!(run.expected, Expected::Intended { .. });
    }
    is_red && is_kept
}

#[test]
fn the_ten_published_bugs_of_the_first_gallery_are_there() {
    let published = || gallery::all().filter(|entry| entry.origin == Origin::Published);
    assert!(published().count() >= 10);
    assert!(published().all(|entry| !entry.ticket.is_empty()));
}

fn complete_counts(system: System) -> (u64, u64) {
    let checker = system.checker().spawn_dfs().join();
    (
        checker.state_count().try_into().expect("small"),
        checker.unique_state_count().try_into().expect("small"),
    )
}

/// The graph of a configuration without properties to stop at, so that both searches complete it.
fn graph(configuration: &Configuration, reduce: bool) -> System {
    let mut system = configuration
        .inquiry()
        .system(reduce)
        .expect("the table holds possible scopes");
    system.properties.clear();
    system
}

#[test]
fn both_searches_agree_on_the_counts_of_complete_graphs() {
    for configuration in configurations::all() {
        let Some((generated, distinct)) = configuration.expected.counts() else {
            continue;
        };
        if distinct > 100_000 {
            continue;
        }
        let reduce = configuration.inquiry().scope.reduce;
        let system = graph(configuration, reduce);
        let ours = shortest(
            &system,
            system.initial_states(),
            |_| false,
            Limits::default(),
            |_| {},
        );
        assert!(ours.is_complete);
        assert_eq!(
            (ours.progress.generated, ours.progress.distinct),
            (generated, distinct),
            "{}",
            configuration.name
        );
    }
}

#[test]
fn the_pinned_counts_are_those_of_the_graph_alone() {
    // A property that is checked ends a search early only when it is violated.
    let configuration = Configuration::find("duplicate").expect("it is in the table");
    let Expected::Green { generated, distinct } = configuration.expected else {
        unreachable!("duplicate is green");
    };
    let system = graph(configuration, false);
    struct Unstopped(System);
    impl Model for Unstopped {
        type State = State;
        type Action = thymbra_checker::Action;
        fn init_states(&self) -> Vec<State> {
            self.0.initial_states()
        }
        fn actions(&self, state: &State, actions: &mut Vec<thymbra_checker::Action>) {
            self.0.possible_actions(state, actions);
        }
        fn next_state(&self, state: &State, action: thymbra_checker::Action) -> Option<State> {
            Some(self.0.after(state, &action))
        }
        fn properties(&self) -> Vec<stateright::Property<Self>> {
            vec![stateright::Property::always("nothing", |_, _| true)]
        }
    }
    let checker = Unstopped(system).checker().spawn_dfs().join();
    assert_eq!(
        (checker.state_count() as u64, checker.unique_state_count() as u64),
        (generated, distinct)
    );
}

/// Verdicts and witnesses of the reduced graph are those of the full one.
#[test]
fn reduced_and_full_graphs_agree() {
    for configuration in configurations::all() {
        let inquiry = configuration.inquiry();
        let Some((_, distinct)) = configuration.expected.counts() else {
            continue;
        };
        if distinct > 100_000 || inquiry.scope.reduce {
            continue;
        }
        let mut full = inquiry.survey(false, &mut never_stopped).expect("possible").found;
        let reduced = inquiry.survey(true, &mut never_stopped).expect("possible");
        let mut found = reduced.found;
        // Duplicated answers that nobody waits for are what the reduction discards.
        let discarded = PropertyDef::find("P5").map(|property| property.witness);
        full.retain(|name| Some(*name) != discarded);
        found.retain(|name| Some(*name) != discarded);
        full.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, full, "{}", configuration.name);
        assert!(
            reduced.progress.distinct <= distinct,
            "{} grows by reduction",
            configuration.name
        );
    }
}

/// A bug that the full graph shows is shown by the reduced one.
#[test]
fn the_reduced_graph_still_shows_every_bug() {
    for entry in gallery::all() {
        // The one bug that lives in what the reduction discards: repeated acknowledgements.
        let Some(inquiry) = entry.inquiry(true).filter(|_| entry.id != "misattributed-ack") else {
            continue;
        };
        let survey = inquiry.survey(true, &mut never_stopped).expect("possible");
        let name = inquiry.properties.first().map(|property| property.name);
        assert!(
            survey.found.iter().any(|found| Some(*found) == name),
            "{} is lost by reduction",
            entry.id
        );
    }
}

#[test]
fn every_action_raises_a_rank() {
    // Breadth-first layers of an acyclic graph: no state is its own successor, and a search from any state ends.
    for name in [
        "hint-and-return",
        "two-outages",
        "shared-slot",
        "lagging-view",
        "hint-tasks",
        "syncs-lag",
    ] {
        let configuration = Configuration::find(name).expect("it is in the table");
        let system = graph(configuration, false);
        assert!(is_acyclic(&system), "{name} has a cycle");
    }
}

/// Depth-first search with the colours of a topological sort.
fn is_acyclic(system: &System) -> bool {
    use std::collections::HashMap;
    use thymbra_checker::search::fingerprint;
    let mut finished: HashMap<u64, bool> = HashMap::new();
    let mut stack: Vec<(State, u64, Vec<thymbra_checker::Action>)> = Vec::new();
    let open = |state: State| {
        let mut actions = Vec::new();
        system.possible_actions(&state, &mut actions);
        let print = fingerprint(&state);
        (state, print, actions)
    };
    for start in system.initial_states() {
        stack.push(open(start));
        while let Some((state, print, actions)) = stack.last_mut() {
            finished.entry(*print).or_insert(false);
            let Some(action) = actions.pop() else {
                finished.insert(*print, true);
                stack.pop();
                continue;
            };
            let next = system.after(state, &action);
            match finished.get(&fingerprint(&next)) {
                Some(false) => return false,
                Some(true) => {}
                None => stack.push(open(next)),
            }
        }
    }
    true
}

#[test]
fn complete_counts_do_not_depend_on_the_number_of_properties() {
    let configuration = Configuration::find("quorum-disturbed").expect("it is in the table");
    let Expected::Green { generated, distinct } = configuration.expected else {
        unreachable!("quorum-disturbed is green");
    };
    let system = configuration.inquiry().system(false).expect("possible");
    assert_eq!(complete_counts(system), (generated, distinct));
}
