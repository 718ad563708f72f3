//! `thymbra explore`: the library's Explorer over the model, for a browser.
//!
//! The Explorer shows the `Debug` of states and names no initial state. [`Walk`] is the model with states that show
//! what people look for, and with the choice of nodes that are down as a first step that has a name.

use core::fmt::{Debug, Formatter};
use core::hash::{Hash, Hasher};
use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;

use stateright::{Model, Path, Property};
use thymbra_checker::Action;
use thymbra_checker::names::node_set;
use thymbra_checker::properties::Kind;
use thymbra_checker::scope::Scope;
use thymbra_checker::story::Story;
use thymbra_checker::system::{Life, NodeMask, State, System, bit};
use thymbra_checker::view::View;

use crate::args::ExploreArgs;
use crate::names::Question;
use crate::output;
use crate::rules;
use crate::scope_from_args::{scope, warning};
use crate::usage::{Failure, Usage};

/// Serves until the process is ended.
pub(crate) fn run(args: &ExploreArgs) -> Result<ExitCode, Failure> {
    let rules_name = &args.run.settings.rules;
    // A reduced graph leaves out steps that a person expects to find.
    let scope = Scope {
        reduce: false,
        ..scope(&args.run, args.question.code())?
    };
    if let Some(warning) = warning(&scope) {
        note!("{warning}");
    }
    let (rules, driver) = rules::find(rules_name)?;
    let mut system = System::new(scope.clone(), rules)?;
    system.driver = driver;
    if let Question::Property(property) = args.question {
        system = system.checking([property]);
    }
    let address = format!("{}:{}", args.host, args.port);
    // The library panics on a port that is taken: look first.
    let free = TcpListener::bind(&address).map_err(|source| Usage::Address {
        address: address.clone(),
        source,
    })?;
    drop(free);
    put!("{}", output::bounds_text(&scope, rules_name));
    put_line!("\nserving at http://{address}  (stop with Ctrl-C)");
    Walk(Arc::new(system)).checker().serve(address);
    Ok(ExitCode::SUCCESS)
}

/// The model as a person walks through it.
struct Walk(Arc<System>);

/// A step of the walk.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    /// The run begins in the initial state of this index.
    Begin(usize),
    /// Something happens.
    Take(Action),
}

/// A state that shows itself in a few lines.
#[derive(Clone)]
struct Shown {
    system: Arc<System>,
    /// Absent before the nodes that are down are chosen.
    state: Option<State>,
}

impl Hash for Shown {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        match &self.state {
            Some(state) => state.hash(hasher),
            None => hasher.write_u8(0),
        }
    }
}

impl PartialEq for Shown {
    fn eq(&self, other: &Self) -> bool {
        self.state == other.state
    }
}

impl Debug for Shown {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> core::fmt::Result {
        match &self.state {
            Some(state) => formatter.write_str(&View::of(&self.system, state).to_text()),
            None => formatter.write_str("nothing has happened, and who is down is still to be chosen"),
        }
    }
}

impl Walk {
    fn shown(&self, state: Option<State>) -> Shown {
        let system = Arc::clone(&self.0);
        Shown { system, state }
    }

    /// Nodes that are down in a state.
    fn down(state: &State) -> NodeMask {
        let down = state.node_ids().filter(|node| state.node(*node).life != Life::Up);
        down.fold(0, |mask, node| mask | bit(node))
    }
}

/// The property that is looked at in every state, if the question has one.
fn holds(walk: &Walk, shown: &Shown) -> bool {
    match (walk.0.properties.first(), &shown.state) {
        (Some(property), Some(state)) => property.holds(&walk.0, state),
        (Some(property), None) => property.kind == Kind::Always,
        (None, _) => true,
    }
}

fn is_premise_met(walk: &Walk, shown: &Shown) -> bool {
    match (walk.0.properties.first(), &shown.state) {
        (Some(property), Some(state)) => (property.premise.holds)(&walk.0, state),
        (Some(_) | None, _) => false,
    }
}

impl Model for Walk {
    type State = Shown;
    type Action = Step;

    fn init_states(&self) -> Vec<Shown> {
        let mut starts = self.0.initial_states();
        match (starts.pop(), starts.is_empty()) {
            (Some(only), true) => vec![self.shown(Some(only))],
            (Some(_), false) | (None, _) => vec![self.shown(None)],
        }
    }

    fn actions(&self, shown: &Shown, steps: &mut Vec<Step>) {
        let Some(state) = &shown.state else {
            steps.extend((0..self.0.initial_states().len()).map(Step::Begin));
            return;
        };
        let mut actions = Vec::new();
        self.0.actions(state, &mut actions);
        steps.extend(actions.into_iter().map(Step::Take));
    }

    fn next_state(&self, shown: &Shown, step: Step) -> Option<Shown> {
        let next = match (step, &shown.state) {
            (Step::Begin(index), None) => self.0.initial_states().into_iter().nth(index),
            (Step::Take(action), Some(state)) => Some(self.0.after(state, &action)),
            (Step::Begin(_), Some(_)) | (Step::Take(_), None) => None,
        };
        next.map(|state| self.shown(Some(state)))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let Some(property) = self.0.properties.first() else {
            return Vec::new();
        };
        match property.kind {
            Kind::Always => vec![
                Property::<Self>::always(property.name, holds),
                Property::<Self>::sometimes(property.witness, is_premise_met),
            ],
            Kind::Sometimes => vec![Property::<Self>::sometimes(property.name, holds)],
        }
    }

    fn format_action(&self, step: &Step) -> String {
        match step {
            Step::Begin(index) => match self.0.initial_states().get(*index) {
                Some(state) => format!("start.{}-down", node_set(Self::down(state))),
                None => "start".into(),
            },
            Step::Take(action) => self.0.name(action),
        }
    }

    fn format_step(&self, shown: &Shown, step: Step) -> Option<String> {
        match (step, &shown.state) {
            (Step::Take(action), Some(state)) => self.0.format_step(state, action),
            (begin, _) => self
                .next_state(shown, begin)
                .map(|begun| format!("The run begins.\n\n{begun:?}")),
        }
    }

    /// The chart of the path.
    fn as_svg(&self, path: Path<Shown, Step>) -> Option<String> {
        let steps = path.into_vec();
        let start = steps.iter().find_map(|(shown, _)| shown.state.clone())?;
        let actions: Vec<Action> = steps
            .into_iter()
            .filter_map(|(_, step)| match step? {
                Step::Take(action) => Some(action),
                Step::Begin(_) => None,
            })
            .collect();
        Some(Story::of_run(&self.0, &start, &actions).chart().to_svg())
    }
}

#[cfg(test)]
mod tests {
    use thymbra_checker::scope::DownScope;
    use thymbra_types::Reference;

    use super::*;

    fn walk(down: DownScope) -> Walk {
        let scope = Scope {
            down,
            ..thymbra_checker::configurations::bounds::base(2)
        };
        let scope = Scope {
            operations: vec![thymbra_checker::configurations::bounds::write(
                thymbra_protocol::ConsistencyLevel::One,
            )],
            ..scope
        };
        Walk(Arc::new(
            System::new(scope, &Reference).expect("the scope is possible"),
        ))
    }

    fn named(walk: &Walk, shown: &Shown) -> Vec<String> {
        let mut steps = Vec::new();
        walk.actions(shown, &mut steps);
        steps.iter().map(|step| walk.format_action(step)).collect()
    }

    #[test]
    fn a_state_shows_nodes_hints_messages_and_clients_in_plain_lines() {
        let walk = walk(DownScope::Nodes(vec![1]));
        let starts = walk.init_states();
        let [start] = starts.as_slice() else {
            panic!("one choice of nodes that are down: {starts:?}");
        };
        assert_eq!(named(&walk, start), ["write.w1.n1"]);
        let mut steps = Vec::new();
        walk.actions(start, &mut steps);
        let next = walk.next_state(start, steps.remove(0)).expect("it is possible");
        let text = format!("{next:#?}");
        assert_eq!(
            text,
            "n1 up memtable w1, synced hint of w1 for n2\nn2 down memtable -\nw1 ONE at n1 ended: SUCCESS"
        );
    }

    #[test]
    fn choices_of_nodes_that_are_down_have_names() {
        let walk = walk(DownScope::AnyOf(1));
        let starts = walk.init_states();
        let [start] = starts.as_slice() else {
            panic!("a choice is a step: {starts:?}");
        };
        assert_eq!(named(&walk, start), ["start.n1-down", "start.n2-down"]);
        let begun = walk.next_state(start, Step::Begin(1)).expect("it is possible");
        assert!(format!("{begun:?}").contains("n2 down"), "{begun:?}");
        assert_eq!(named(&walk, &begun), ["write.w1.n1"]);
    }
}
