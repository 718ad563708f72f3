//! Two configurations whose graphs an independent enumerator counts as well: the checker's model, searched by
//! stateright and by the breadth-first search, must have exactly as many states and transitions.
//!
//! Chapter: `specs/00-guarantees.md`.

use stateright::{Checker, Model, Property};
use thymbra_checker::action::Action;
use thymbra_checker::scope::{Budgets, OperationKind, OperationScope};
use thymbra_checker::search::{Limits, shortest};
use thymbra_checker::{Scope, State, System};
use thymbra_protocol::ConsistencyLevel;
use thymbra_tests::enumerator::{Configuration, Counts, Mishaps, count};
use thymbra_types::Reference;

/// The model with one property that never fails, so that stateright looks at the whole graph.
struct Whole(System);

impl Model for Whole {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        self.0.init_states()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        self.0.actions(state, actions);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        self.0.next_state(state, action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::<Self>::always("nothing is judged", |_, _| true)]
    }
}

fn system(write: ConsistencyLevel, read: Option<ConsistencyLevel>, budgets: Budgets) -> System {
    let operation = |kind, level| OperationScope {
        kind,
        level,
        coordinator: None,
    };
    let mut operations = vec![operation(OperationKind::Write, write)];
    operations.extend(read.map(|level| operation(OperationKind::Read, level)));
    let scope = Scope {
        operations,
        budgets,
        reduce: false,
        ..Scope::default()
    };
    System::new(scope, &Reference).expect("the scope is valid")
}

fn by_breadth_first_search(system: &System) -> Counts {
    let searched = shortest(
        system,
        system.initial_states(),
        |_| false,
        Limits::default(),
        |_| {},
    );
    assert!(searched.is_complete && searched.found.is_none());
    Counts {
        distinct: usize::try_from(searched.progress.distinct).expect("the graph fits in memory"),
        generated: usize::try_from(searched.progress.generated).expect("the graph fits in memory"),
    }
}

fn by_stateright(system: System) -> Counts {
    let checker = Whole(system).checker().spawn_dfs().join();
    assert!(checker.is_done());
    Counts {
        distinct: checker.unique_state_count(),
        generated: checker.state_count(),
    }
}

/// Compares the three counts of a configuration with each other and with the pinned ones.
fn assert_counted_alike(
    levels: (ConsistencyLevel, Option<ConsistencyLevel>),
    mishaps: Mishaps,
    pinned: Counts,
) {
    let needs = |level: ConsistencyLevel| {
        assert!(
            matches!(level, ConsistencyLevel::One | ConsistencyLevel::Quorum),
            "the enumerator was written for ONE and QUORUM of three"
        );
        if level == ConsistencyLevel::One { 1 } else { 2 }
    };
    let configuration = Configuration {
        write_needs: needs(levels.0),
        read_needs: levels.1.map(needs),
        mishaps,
    };
    let budgets = Budgets {
        crash: mishaps.crash,
        lose: mishaps.lose,
        slow: mishaps.slow,
        ..Budgets::default()
    };
    let model = || system(levels.0, levels.1, budgets);
    assert_eq!(count(&configuration), pinned, "the enumerator");
    assert_eq!(
        by_breadth_first_search(&model()),
        pinned,
        "the model, by breadth-first search"
    );
    assert_eq!(by_stateright(model()), pinned, "the model, by stateright");
}

#[test]
fn one_write_and_one_crash_are_counted_alike() {
    let mishaps = Mishaps {
        crash: 1,
        ..Mishaps::default()
    };
    let pinned = Counts {
        distinct: 136,
        generated: 232,
    };
    assert_counted_alike((ConsistencyLevel::Quorum, None), mishaps, pinned);
}

#[test]
fn a_write_and_a_read_with_loss_and_haste_are_counted_alike() {
    let mishaps = Mishaps {
        lose: 1,
        slow: 1,
        ..Mishaps::default()
    };
    let pinned = Counts {
        distinct: 344_311,
        generated: 1_317_085,
    };
    let levels = (ConsistencyLevel::One, Some(ConsistencyLevel::Quorum));
    assert_counted_alike(levels, mishaps, pinned);
}

#[test]
fn a_write_and_a_read_with_a_crash_are_counted_alike() {
    let mishaps = Mishaps {
        crash: 1,
        ..Mishaps::default()
    };
    let pinned = Counts {
        distinct: 15_442,
        generated: 43_801,
    };
    let levels = (ConsistencyLevel::Quorum, Some(ConsistencyLevel::Quorum));
    assert_counted_alike(levels, mishaps, pinned);
}
