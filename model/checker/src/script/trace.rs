//! A run that a search found, as a script: what happened, and how it ended.
//!
//! Chapter: `specs/README.md`.

use super::{Expectation, Judgement, Line, REFERENCE, Script, Step, judge};
use crate::properties::Kind;
use crate::scope::{DownScope, Scope};
use crate::system::{Life, Phase, State, System};
use crate::verdict::Trace;

impl Script {
    /// The script of a run: its actions, what clients were told, and what the first property says at the end. The
    /// nodes that are down at its beginning are named. Rules other than the reference are added by
    /// [`Self::with_rules`].
    #[must_use]
    pub fn from_trace(system: &System, trace: &Trace) -> Self {
        let start = system
            .initial_states()
            .into_iter()
            .nth(trace.start)
            .unwrap_or_default();
        let mut script = Self {
            about: Vec::new(),
            scope: Scope {
                down: down_in(&start),
                reduce: false,
                ..system.scope.clone()
            },
            rules: REFERENCE.into(),
            lines: Vec::new(),
        };
        let mut state = start;
        for action in &trace.actions {
            let mut named = system.named_actions(&state).into_iter();
            let name = named
                .find(|(_, other)| other == action)
                .map_or_else(|| system.name(action), |(name, _)| name);
            script.add(Step::Act(name));
            state = system.after(&state, action);
        }
        for (index, operation) in state.operations.iter().enumerate() {
            if operation.phase != Phase::Waiting {
                let operation = system.operation_name(index);
                let outcome = judge::outcome_of(system, &state, &operation);
                script.add(Step::Expect(Expectation::Outcome { operation, outcome }));
            }
        }
        if let Some(property) = system.properties.first() {
            let is_found = property.is_found(system, &state);
            let judgement = match (property.kind, is_found) {
                (Kind::Always, true) | (Kind::Sometimes, false) => Judgement::Fails,
                (Kind::Always, false) | (Kind::Sometimes, true) => Judgement::Holds,
            };
            script.about.push(format!(" {}", property.name));
            script.add(Step::Expect(Expectation::Property(property.code, judgement)));
        }
        script
    }

    fn add(&mut self, step: Step) {
        self.lines.push(Line { number: 0, step });
    }
}

fn down_in(state: &State) -> DownScope {
    let down: Vec<u16> = state
        .node_ids()
        .filter(|node| state.node(*node).life == Life::Down)
        .map(|node| node.0)
        .collect();
    if down.is_empty() {
        DownScope::Nobody
    } else {
        DownScope::Nodes(down)
    }
}
