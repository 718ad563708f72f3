//! The cluster as a model of the stateright library.

use core::sync::atomic::Ordering;

use stateright::{Model, Property};

use crate::action::Action;
use crate::system::{State, System};

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
}
