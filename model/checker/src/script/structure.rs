//! The action of a name, whether it is possible or not, so that the condition it lacks can be told.
//!
//! [`System::parse`] knows the possible actions of a state; this builds any action from the objects in its name.
//! Chapter: `specs/README.md`.

use thymbra_protocol::NodeId;

use super::parse::node;
use crate::action::{Action, Unmet};
use crate::system::{Envelope, NodeMask, State, System, bit};

/// The possible action of this name.
pub(super) fn find(system: &System, state: &State, name: &str) -> Result<Action, Unmet> {
    if let Ok(action) = system.parse(state, name) {
        return Ok(action);
    }
    let action = build(system, state, name)?;
    // A name that is built and possible, but not offered, carries a choice that is not offered here.
    match system.guard(state, &action) {
        Err(unmet) => Err(unmet),
        Ok(()) => Err(Unmet::ForeignChoice),
    }
}

fn build(system: &System, state: &State, name: &str) -> Result<Action, Unmet> {
    let (head, rest) = name.split_once('.').unwrap_or((name, ""));
    match head {
        "write" | "read" => begin(system, head, rest),
        "deliver" | "lose" | "duplicate" | "fail" | "drop" => {
            let envelope = message(system, state, rest)?;
            Ok(match head {
                "deliver" => Action::Deliver(envelope),
                "lose" => Action::Lose(envelope),
                "duplicate" => Action::Duplicate(envelope),
                "fail" => Action::Fail(envelope),
                _ => Action::Drop(envelope),
            })
        }
        "apply" | "fail-apply" | "drop-apply" | "store-hints" | "expire" => {
            let (operation, node) = rest.split_once('.').ok_or(Unmet::NoSuchNode)?;
            let retried = operation
                .strip_suffix('r')
                .filter(|first| head == "expire" && first.len() > 1);
            let attempt = if retried.is_some() { 2 } else { 1 };
            let operation = retried.unwrap_or(operation);
            let (operation, node) = (operation_of(system, operation)?, node_of(system, node)?);
            Ok(match head {
                "apply" => Action::Apply { node, operation },
                "fail-apply" => Action::FailApply { node, operation },
                "drop-apply" => Action::DropApply { node, operation },
                "store-hints" => Action::StoreHints { node, operation },
                _ => Action::Expire {
                    operation,
                    attempt,
                    node,
                },
            })
        }
        "hint" | "hint-timeout" => {
            let (node, target) = pair(system, rest, '-')?;
            Ok(match head {
                "hint" => Action::DispatchHints { node, target },
                _ => Action::HintTimeout { node, target },
            })
        }
        "suspect" | "trust" => {
            let (node, target) = pair(system, rest, '.')?;
            Ok(match head {
                "suspect" => Action::Suspect { node, target },
                _ => Action::Trust { node, target },
            })
        }
        "timeout" => Ok(Action::Timeout {
            operation: operation_of(system, rest)?,
        }),
        "partition" => Ok(Action::Partition(set(system, rest)?)),
        "heal" => Ok(Action::Heal),
        "tick" => Ok(Action::Tick),
        _ => at_node(head, node_of(system, rest)?),
    }
}

fn at_node(head: &str, node: NodeId) -> Result<Action, Unmet> {
    match head {
        "mark" => Ok(Action::Mark(node)),
        "sync" => Ok(Action::Sync(node)),
        "write-hints" => Ok(Action::WriteHints(node)),
        "sync-hints" => Ok(Action::SyncHints(node)),
        "crash" => Ok(Action::Crash(node)),
        "power-loss" => Ok(Action::PowerLoss(node)),
        "restart" => Ok(Action::Restart(node)),
        "pause" => Ok(Action::Pause(node)),
        "resume" => Ok(Action::Resume(node)),
        _ => Err(Unmet::OtherKind),
    }
}

/// `w1.n1.via-n4.skewed.sees-n1+n2` or `r1.n1.of-n1+n2.sees-n1`.
fn begin(system: &System, head: &str, rest: &str) -> Result<Action, Unmet> {
    let mut parts = rest.split('.');
    let operation = operation_of(system, parts.next().unwrap_or_default())?;
    let node = node_of(system, parts.next().unwrap_or_default())?;
    let (mut chosen, mut skewed, mut sees) = (0, false, None);
    for part in parts {
        match part.split_once('-') {
            None if part == "skewed" => skewed = true,
            Some(("via" | "of", nodes)) => chosen = set(system, nodes)?,
            Some(("sees", nodes)) => sees = Some(set(system, nodes)?),
            Some(_) | None => return Err(Unmet::ForeignChoice),
        }
    }
    Ok(match head {
        "write" => Action::Write {
            operation,
            node,
            forwarders: chosen,
            skewed,
            sees,
        },
        _ => Action::Read {
            operation,
            node,
            nearest: chosen,
            sees,
        },
    })
}

fn message(system: &System, state: &State, name: &str) -> Result<Envelope, Unmet> {
    let (plain, copy) = name.split_once('~').unwrap_or((name, "1"));
    let copy: usize = copy.parse().map_err(|_| Unmet::NotInFlight)?;
    let mut named: Vec<&Envelope> = state
        .network
        .iter()
        .filter(|envelope| system.message_name(envelope) == plain)
        .collect();
    named.dedup();
    let found = copy.checked_sub(1).and_then(|index| named.get(index));
    found.map(|envelope| *(*envelope)).ok_or(Unmet::NotInFlight)
}

fn operation_of(system: &System, name: &str) -> Result<u8, Unmet> {
    let mut operations = (0_u8..).zip(&system.scope.operations);
    operations
        .find(|(index, _)| system.operation_name(usize::from(*index)) == name)
        .map(|(index, _)| index)
        .ok_or(Unmet::NoSuchOperation)
}

fn node_of(system: &System, name: &str) -> Result<NodeId, Unmet> {
    let exists = |node: &NodeId| usize::from(node.0) < system.scope.node_count();
    node(name).filter(exists).ok_or(Unmet::NoSuchNode)
}

fn pair(system: &System, text: &str, between: char) -> Result<(NodeId, NodeId), Unmet> {
    let (node, target) = text.split_once(between).ok_or(Unmet::NoSuchNode)?;
    Ok((node_of(system, node)?, node_of(system, target)?))
}

fn set(system: &System, names: &str) -> Result<NodeMask, Unmet> {
    if names == "nobody" {
        return Ok(0);
    }
    let mut nodes = 0;
    for name in names.split('+') {
        nodes |= bit(node_of(system, name)?);
    }
    Ok(nodes)
}
