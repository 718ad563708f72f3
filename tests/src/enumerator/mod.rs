//! A second, independent account of the model: counts the states and transitions of small configurations with code
//! that shares nothing with the protocol or the checker.
//!
//! Written from the facts about Cassandra and from the meaning of the questions; `state` has the plain values,
//! `write_path` and `read_path` what nodes do, this file what may happen when. A set of all states is obviously right.
//! Chapter: `specs/00-guarantees.md`.

mod read_path;
mod state;
mod write_path;

use std::collections::BTreeSet;

use read_path::READ;
pub use state::Mishaps;
use state::{Flight, Letter, Mask, NODES, NodeNumber, Phase, WRITE, World, members, only, size};

/// A configuration: three nodes, RF 3, one data centre, hints on, a perfect failure detector, any coordinator.
#[derive(Clone, Copy, Debug)]
pub struct Configuration {
    /// Replicas that the write needs.
    pub write_needs: u8,
    /// Replicas that the read needs, if there is a read.
    pub read_needs: Option<u8>,
    /// Budgets.
    pub mishaps: Mishaps,
}

/// The size of a graph.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Counts {
    /// Distinct states.
    pub distinct: usize,
    /// The start and every transition.
    pub generated: usize,
}

/// Counts the states that can be reached.
#[must_use]
pub fn count(configuration: &Configuration) -> Counts {
    let requests = 1 + usize::from(configuration.read_needs.is_some());
    let start = World {
        requests: vec![state::Request::default(); requests],
        mishaps: configuration.mishaps,
        ..World::default()
    };
    let mut seen = BTreeSet::from([start.clone()]);
    let mut open = vec![start];
    let mut generated = 1;
    while let Some(world) = open.pop() {
        for next in successors(configuration, &world) {
            generated += 1;
            if seen.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    Counts {
        distinct: seen.len(),
        generated,
    }
}

/// A client sends an operation.
fn begin(world: &mut World, request: usize, node: NodeNumber) {
    let over =
        (0..world.requests.len()).filter(|other| matches!(world.requests[*other].phase, Phase::Ended(_)));
    let after = over.fold(0, |mask, other| mask | only(other));
    let begun = &mut world.requests[request];
    (begun.phase, begun.coordinator, begun.after) = (Phase::Open, node, after);
}

/// The state after each thing that may happen, once for each thing.
fn successors(configuration: &Configuration, world: &World) -> Vec<World> {
    let mut next = Vec::new();
    let mut happens = |change: &dyn Fn(&mut World)| {
        let mut after = world.clone();
        change(&mut after);
        next.push(after);
    };
    let mut distinct = world.flights.clone();
    distinct.dedup();
    for flight in distinct {
        happens(&|after| deliver(configuration, after, flight));
        if world.mishaps.lose > 0 && !flight.orphaned {
            happens(&|after| {
                after.mishaps.lose -= 1;
                after.take(flight);
            });
        }
    }
    for node in members(world.up()) {
        if world.requests[WRITE].phase == Phase::Waiting {
            happens(&|after| write_path::begin_write(after, node, configuration.write_needs));
        }
        if let Some(needed) = configuration.read_needs
            && world.requests[READ].phase == Phase::Waiting
        {
            for contacts in contacts(world, needed) {
                happens(&|after| read_path::begin_read(after, node, contacts, needed));
            }
        }
        if world.mishaps.crash > 0 {
            happens(&|after| {
                after.mishaps.crash -= 1;
                write_path::crash(after, node);
            });
        }
        deliveries(world, node, &mut happens);
    }
    timers(configuration, world, &mut happens);
    next
}

/// The sets of contacts that a read may ask; an empty one if it is refused.
fn contacts(world: &World, needed: u8) -> Vec<Mask> {
    let alive = world.up();
    let sets = (1..=0b111).filter(|set| set & !alive == 0 && size(*set) == needed);
    let sets: Vec<Mask> = sets.collect();
    if sets.is_empty() { vec![0] } else { sets }
}

/// Deliveries of hints at `node` begin, or wait in vain.
fn deliveries(world: &World, node: NodeNumber, happens: &mut impl FnMut(&dyn Fn(&mut World))) {
    let machine = &world.machines[node];
    for target in machine.hints.keys().copied() {
        let under_way = machine.deliveries.iter().zip(0..);
        let mut under_way = under_way.filter_map(|(delivery, slot)| Some((slot, (*delivery)?)));
        match under_way.find(|(_, delivery)| delivery.target == target) {
            None if !world.machines[target].is_down => {
                happens(&|after| write_path::begin_delivery(after, node, target));
            }
            None => {}
            Some((slot, delivery)) => {
                let name = (slot, delivery.number);
                let is_awaited = world.flights.iter().any(|flight| {
                    let is_part = match flight.letter {
                        Letter::Hint(slot, number) => flight.from == node && (slot, number) == name,
                        Letter::HintDone(slot, number) => flight.to == node && (slot, number) == name,
                        Letter::Mutation
                        | Letter::MutationDone
                        | Letter::Read
                        | Letter::Data(_)
                        | Letter::Repair
                        | Letter::RepairDone => false,
                    };
                    is_part && !flight.orphaned
                });
                hurry(world, is_awaited, happens, &|after| {
                    write_path::time_out_delivery(after, node, slot, target);
                });
            }
        }
    }
}

/// A timer fires: for nothing if nothing is on its way, else by the budget.
fn hurry(
    world: &World,
    is_awaited: bool,
    happens: &mut impl FnMut(&dyn Fn(&mut World)),
    fire: &dyn Fn(&mut World),
) {
    if !is_awaited || world.mishaps.slow > 0 {
        happens(&|after| {
            after.mishaps.slow -= u8::from(is_awaited);
            fire(after);
        });
    }
}

/// The clients' timers, and the pass that finds silent replicas.
fn timers(configuration: &Configuration, world: &World, happens: &mut impl FnMut(&dyn Fn(&mut World))) {
    for (request, state) in world.requests.iter().enumerate() {
        let node = state.coordinator;
        if state.phase == Phase::Open {
            let is_awaited = (0..NODES).any(|replica| is_on_its_way(world, request, replica));
            hurry(world, is_awaited, happens, &|after| {
                if request == WRITE {
                    write_path::time_out_write(after, node, configuration.write_needs);
                } else if let Some(needed) = configuration.read_needs {
                    read_path::time_out_read(after, node, needed);
                }
            });
        }
    }
    let node = world.requests[WRITE].coordinator;
    let Some(open) = world.machines[node].write.filter(|open| open.answered) else {
        return;
    };
    for replica in members(open.awaiting & !only(node)) {
        let is_awaited = is_on_its_way(world, WRITE, replica);
        hurry(world, is_awaited, happens, &|after| {
            write_path::expire(after, node, replica);
        });
    }
}

/// A message that leads to an answer of `replica` to the operation is in flight for sure.
fn is_on_its_way(world: &World, request: usize, replica: NodeNumber) -> bool {
    world.flights.iter().any(|flight| {
        let leads = match flight.letter {
            Letter::Mutation => request == WRITE && flight.to == replica,
            Letter::MutationDone => request == WRITE && flight.from == replica,
            Letter::Read | Letter::Repair => request == READ && flight.to == replica,
            Letter::Data(_) | Letter::RepairDone => request == READ && flight.from == replica,
            Letter::Hint(..) | Letter::HintDone(..) => false,
        };
        leads && !flight.orphaned
    })
}

fn deliver(configuration: &Configuration, world: &mut World, flight: Flight) {
    world.take(flight);
    let (node, from) = (flight.to, flight.from);
    match flight.letter {
        Letter::Mutation => {
            write_path::apply(world, node);
            world.send(node, from, Letter::MutationDone);
        }
        Letter::MutationDone => write_path::acknowledge(world, node, from, configuration.write_needs),
        Letter::Hint(slot, number) => write_path::take_hint(world, node, from, (slot, number)),
        Letter::HintDone(slot, number) => write_path::hint_done(world, node, from, (slot, number)),
        Letter::Read => {
            let holds = world.machines[node].holds;
            world.send(node, from, Letter::Data(holds));
        }
        Letter::Data(holds) => {
            let needed = configuration.read_needs.unwrap_or(0);
            read_path::take_answer(world, node, from, holds, needed);
        }
        Letter::Repair => {
            write_path::apply(world, node);
            world.send(node, from, Letter::RepairDone);
        }
        Letter::RepairDone => read_path::repair_done(world, node, from),
    }
}
