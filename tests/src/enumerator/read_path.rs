//! The read, its merge and the repair it waits for, as the facts about Cassandra 5.0.2 tell them.
//!
//! Chapter: `specs/12-reads-and-read-repair.md`.

use super::state::{Letter, Mask, NodeNumber, OpenRead, Phase, Told, World, members, only, size};
use super::write_path;

/// The read's place among the operations.
pub(super) const READ: usize = 1;

/// The client's read reaches `node`, which asks `contacts`; none if too few are alive for `needed`.
pub(super) fn begin_read(world: &mut World, node: NodeNumber, contacts: Mask, needed: u8) {
    super::begin(world, READ, node);
    if contacts == 0 {
        let alive = size(world.up());
        end_read(world, Told::Unavailable(needed, alive));
        return;
    }
    world.machines[node].read = Some(OpenRead {
        awaiting: contacts,
        ..OpenRead::default()
    });
    for contact in members(contacts).filter(|contact| *contact != node) {
        world.send(node, contact, Letter::Read);
    }
    if contacts & only(node) != 0 {
        let holds = world.machines[node].holds;
        take_answer(world, node, node, holds, needed);
    }
}

/// An answer of a contact arrives.
pub(super) fn take_answer(world: &mut World, node: NodeNumber, contact: NodeNumber, holds: bool, needed: u8) {
    let Some(open) = &mut world.machines[node].read else {
        return;
    };
    if open.repair.is_some() || open.awaiting & only(contact) == 0 {
        return;
    }
    open.awaiting &= !only(contact);
    open.answers.insert(contact, holds);
    if open.awaiting != 0 {
        return;
    }
    let answers = core::mem::take(&mut open.answers);
    let merged = answers.values().any(|holds| *holds);
    let lacking: Vec<NodeNumber> = answers
        .iter()
        .filter(|(_, holds)| **holds != merged)
        .map(|(contact, _)| *contact)
        .collect();
    if lacking.is_empty() {
        world.machines[node].read = None;
        end_read(world, Told::Value(merged));
        return;
    }
    let complete = u8::try_from(answers.len() - lacking.len()).expect("there are three nodes");
    open.repair = Some(needed - complete);
    for contact in &lacking {
        open.awaiting |= only(*contact);
    }
    for contact in lacking {
        if contact == node {
            write_path::apply(world, node);
            repair_done(world, node, node);
        } else {
            world.send(node, contact, Letter::Repair);
        }
    }
}

/// A target of the repair has applied it.
pub(super) fn repair_done(world: &mut World, node: NodeNumber, target: NodeNumber) {
    let Some(open) = &mut world.machines[node].read else {
        return;
    };
    let Some(left) = open.repair.filter(|_| open.awaiting & only(target) != 0) else {
        return;
    };
    open.awaiting &= !only(target);
    open.repair = Some(left - 1);
    if left == 1 {
        world.machines[node].read = None;
        end_read(world, Told::Value(true));
    }
}

/// The client's timer of the read fires.
pub(super) fn time_out_read(world: &mut World, node: NodeNumber, needed: u8) {
    let Some(open) = world.machines[node].read.take() else {
        return;
    };
    let received = match open.repair {
        None => u8::try_from(open.answers.len()).expect("there are three nodes"),
        Some(left) => needed - left,
    };
    end_read(world, Told::Timeout(received.min(needed - 1), needed));
}

fn end_read(world: &mut World, told: Told) {
    world.requests[READ].phase = Phase::Ended(told);
}
