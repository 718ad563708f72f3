//! The cluster as a model of the stateright library.

use core::sync::atomic::Ordering;

use stateright::{Model, Path, Property};

use crate::action::Action;
use crate::story::{self, Story};
use crate::system::{State, System};
use crate::view::View;

impl Model for System {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        self.initial_states()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if !self.cancelled.load(Ordering::Relaxed) {
            self.possible_actions(state, actions);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        Some(self.after(state, &action))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        crate::properties::for_model(self)
    }

    fn format_action(&self, action: &Action) -> String {
        self.name(action)
    }

    /// What the action leads to, in words, and the state after it in a few lines.
    fn format_step(&self, last_state: &State, action: Action) -> Option<String> {
        let next = self.after(last_state, &action);
        let sentence = story::sentence(self, last_state, &action, &next);
        Some(format!("{sentence}\n\n{}", View::of(self, &next).to_text()))
    }

    /// The chart of the path.
    fn as_svg(&self, path: Path<State, Action>) -> Option<String> {
        let steps = path.into_vec();
        let start = steps.first().map(|(state, _)| state.clone())?;
        let actions: Vec<Action> = steps.into_iter().filter_map(|(_, action)| action).collect();
        Some(Story::of_run(self, &start, &actions).chart().to_svg())
    }
}
