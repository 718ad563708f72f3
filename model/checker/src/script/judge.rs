//! Is a claim of a script the case? If not, what is, in the words of a claim.
//!
//! Chapter: `specs/README.md`.

use thymbra_protocol::NodeId;

use super::expectation::{Expectation, Judgement, life_word, stage_word};
use super::structure;
use crate::payload::Register;
use crate::properties::PropertyDef;
use crate::scope::OperationKind;
use crate::system::{Phase, State, StoredHint, System, Told};

/// Nothing if the claim holds; else what is found instead.
pub(super) fn found_instead(system: &System, state: &State, expectation: &Expectation) -> Option<String> {
    let (holds, found) = match expectation {
        Expectation::Outcome { operation, outcome } => {
            let found = outcome_of(system, state, operation);
            (found == *outcome, format!("{operation} {found}"))
        }
        Expectation::Holds { node, write } => {
            let held = value(system, state.node(*node).disk.memory);
            let expected = write.as_deref().unwrap_or("nothing");
            (held == expected, format!("{node} holds {held}"))
        }
        Expectation::Hint {
            node,
            target,
            write,
            stage,
        } => {
            let is_meant = |hint: &StoredHint| {
                hint.target == *target
                    && operation_name(system, hint) == *write
                    && stage.is_none_or(|stage| stage == hint.stage)
            };
            let holds = state.node(*node).disk.hints.iter().any(is_meant);
            (holds, all_hints(system, state))
        }
        Expectation::NoHint { node, target } => {
            let mut hints = state.node(*node).disk.hints.iter();
            (hints.all(|hint| hint.target != *target), all_hints(system, state))
        }
        Expectation::Hints(count) => (hints(state).count() == *count, all_hints(system, state)),
        Expectation::InFlight(name) => (
            in_flight(system, state).any(|other| other == *name),
            all_in_flight(system, state),
        ),
        Expectation::NotInFlight(name) => (
            in_flight(system, state).all(|other| other != *name),
            all_in_flight(system, state),
        ),
        Expectation::NothingInFlight => (state.network.is_empty(), all_in_flight(system, state)),
        Expectation::Is(node, life) => {
            let found = state.node(*node).life;
            (found == *life, format!("{node} is {}", life_word(found)))
        }
        Expectation::Property(code, judgement) => return property(system, state, code, *judgement),
        Expectation::Impossible { action, because } => match structure::find(system, state, action) {
            Ok(_) => (false, format!("{action} is possible")),
            Err(unmet) => {
                let found = unmet.to_string();
                (found == *because, format!("impossible {action} because {found}"))
            }
        },
        Expectation::Quiescent => (
            system.is_quiescent(state),
            format!("something that must happen, and {}", all_in_flight(system, state)),
        ),
    };
    (!holds).then_some(found)
}

/// How the operation of this name stands, in the words of a claim.
pub(super) fn outcome_of(system: &System, state: &State, name: &str) -> String {
    let mut operations = state.operations.iter().enumerate();
    let found = operations.find(|(index, _)| system.operation_name(*index) == name);
    let Some((index, operation)) = found else {
        return "no operation of this name".into();
    };
    match operation.phase {
        Phase::Waiting => "waiting".into(),
        Phase::Open => "open".into(),
        Phase::Abandoned => "abandoned".into(),
        Phase::Retrying(told) => format!("retrying {}", told_words(system, index, told)),
        Phase::Ended(told) => told_words(system, index, told),
    }
}

fn told_words(system: &System, index: usize, told: Told) -> String {
    let kind = match system.operation(index).map(|operation| operation.kind) {
        Some(OperationKind::Write) | None => "Write",
        Some(OperationKind::Read) => "Read",
    };
    match told {
        Told::Success => "SUCCESS".into(),
        Told::Unavailable(required, alive) => format!("Unavailable required {required} alive {alive}"),
        Told::Timeout(received, block_for) => {
            format!("{kind}Timeout received {received} block_for {block_for}")
        }
        Told::Failure(received, block_for) => {
            format!("{kind}Failure received {received} block_for {block_for}")
        }
        Told::Overloaded => "Overloaded".into(),
        Told::Invalid => "InvalidRequest".into(),
        Told::Value(register) => value(system, register),
    }
}

fn value(system: &System, register: Register) -> String {
    register.0.map_or_else(
        || "nothing".into(),
        |mutation| system.operation_name(usize::from(mutation.write)),
    )
}

fn operation_name(system: &System, hint: &StoredHint) -> String {
    system.operation_name(usize::from(hint.mutation.write))
}

fn hints(state: &State) -> impl Iterator<Item = (NodeId, &StoredHint)> {
    state
        .node_ids()
        .flat_map(|node| state.node(node).disk.hints.iter().map(move |hint| (node, hint)))
}

fn all_hints(system: &System, state: &State) -> String {
    let named: Vec<String> = hints(state)
        .map(|(node, hint)| {
            let stage = if system.scope.hint_stages {
                stage_word(hint.stage)
            } else {
                ""
            };
            format!(
                "hint {node}-{} {}{stage}",
                hint.target,
                operation_name(system, hint)
            )
        })
        .collect();
    listed(&named, "no hints")
}

fn in_flight(system: &System, state: &State) -> impl Iterator<Item = String> {
    state.network.iter().map(|envelope| system.message_name(envelope))
}

fn all_in_flight(system: &System, state: &State) -> String {
    let named: Vec<String> = in_flight(system, state)
        .map(|name| format!("in flight {name}"))
        .collect();
    listed(&named, "nothing in flight")
}

fn listed(names: &[String], nothing: &str) -> String {
    if names.is_empty() {
        nothing.into()
    } else {
        names.join(", ")
    }
}

fn property(system: &System, state: &State, code: &str, judgement: Judgement) -> Option<String> {
    let Some(property) = PropertyDef::find(code) else {
        return Some(format!("no property {code}"));
    };
    let failing = property.failing(system, state);
    let is_reached = (property.premise.holds)(system, state);
    let (holds, found) = match (judgement, failing) {
        (Judgement::Holds, None) | (Judgement::Fails, Some(_)) => (true, String::new()),
        (Judgement::Holds, Some(clause)) => (
            false,
            format!("property {code} fails: it is not so that {}", clause.say),
        ),
        (Judgement::Fails, None) => (false, format!("property {code} holds")),
        (Judgement::Reached, _) => (
            is_reached,
            format!("property {code} says nothing: not yet {}", property.premise.say),
        ),
    };
    (!holds).then_some(found)
}
