//! A trace as people read it: numbered steps, the clause that fails, a chart.

use thymbra_checker::Action;
use thymbra_checker::chart::Chart;
use thymbra_checker::properties::Kind;
use thymbra_checker::system::{State, System};
use thymbra_checker::verdict::Trace;

/// One step.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Step {
    /// Name of the action, as a script takes it.
    pub(crate) action: String,
    /// One sentence.
    pub(crate) say: String,
}

/// A trace, told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// Its steps in order.
    pub(crate) steps: Vec<Step>,
    /// The clause that fails at the end, in words.
    pub(crate) failing: Option<String>,
    /// The run as a chart.
    pub(crate) chart: Option<Chart>,
}

/// Tells a trace of a system; the first property is the one that was asked for.
pub(crate) fn tell(system: &System, trace: &Trace) -> Told {
    let mut told = Told::default();
    let Some(mut state) = system.initial_states().into_iter().nth(trace.start) else {
        return told;
    };
    for action in &trace.actions {
        let name = unique_name(system, &state, action);
        told.steps.push(Step {
            say: name.clone(),
            action: name,
        });
        state = system.after(&state, action);
    }
    told.failing = system
        .properties
        .first()
        .filter(|property| property.kind == Kind::Always)
        .and_then(|property| property.failing(system, &state))
        .map(|clause| clause.say.to_owned());
    told
}

/// The name that parses back to this action in this state, also where several share a plain name.
fn unique_name(system: &System, state: &State, action: &Action) -> String {
    system
        .named_actions(state)
        .into_iter()
        .find(|(_, other)| other == action)
        .map_or_else(|| system.name(action), |(name, _)| name)
}
