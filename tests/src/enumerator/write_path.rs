//! The write, its acknowledgements, its timers and its hints, as the facts about Cassandra 5.0.2 tell them.
//!
//! Chapters: `specs/03-coordination.md`, `specs/10-hinted-handoff.md`.

use super::state::{
    Delivery, HeldHint, Letter, NodeNumber, OpenWrite, Phase, Told, WRITE, World, members, only, size,
};

/// The client's write reaches `node`; it needs `needed` replicas.
pub(super) fn begin_write(world: &mut World, node: NodeNumber, needed: u8) {
    super::begin(world, WRITE, node);
    let alive = world.up();
    if size(alive) < needed {
        end_write(world, Told::Unavailable(needed, size(alive)));
        return;
    }
    world.machines[node].write = Some(OpenWrite {
        answered: false,
        awaiting: alive,
        acked: 0,
    });
    let dead = !alive & 0b111;
    for target in members(dead) {
        world.machines[node].hints.insert(target, HeldHint::default());
    }
    world.requests[WRITE].settled |= dead;
    for target in members(alive).filter(|target| *target != node) {
        world.send(node, target, Letter::Mutation);
    }
    apply(world, node);
    acknowledge(world, node, node, needed);
}

/// The mutation reaches the memtable of `node`.
pub(super) fn apply(world: &mut World, node: NodeNumber) {
    world.machines[node].holds = true;
    let write = &mut world.requests[WRITE];
    if write.phase == Phase::Open {
        write.applied |= only(node);
    }
}

/// `node` hears that `replica` has applied the write.
pub(super) fn acknowledge(world: &mut World, node: NodeNumber, replica: NodeNumber, needed: u8) {
    let Some(mut open) = world.machines[node].write else {
        return;
    };
    let request = &mut world.requests[WRITE];
    request.settled |= only(replica);
    if request.phase == Phase::Open {
        request.acked |= only(replica);
    }
    if open.awaiting & only(replica) == 0 {
        return;
    }
    open.awaiting &= !only(replica);
    if !open.answered {
        open.acked |= only(replica);
    }
    let succeeds = !open.answered && size(open.acked) >= needed;
    if succeeds {
        open = answered(open);
    }
    close_or_keep(world, node, open);
    if succeeds {
        end_write(world, Told::Success);
    }
}

/// The client's timer of the write fires.
pub(super) fn time_out_write(world: &mut World, node: NodeNumber, needed: u8) {
    let Some(open) = world.machines[node].write.filter(|open| !open.answered) else {
        return;
    };
    let received = size(open.acked).min(needed - 1);
    close_or_keep(world, node, answered(open));
    end_write(world, Told::Timeout(received, needed));
}

/// The pass that finds `replica` silent: it is hinted.
pub(super) fn expire(world: &mut World, node: NodeNumber, replica: NodeNumber) {
    let Some(mut open) = world.machines[node].write else {
        return;
    };
    open.awaiting &= !only(replica);
    world.machines[node].hints.insert(replica, HeldHint::default());
    world.requests[WRITE].settled |= only(replica);
    close_or_keep(world, node, open);
}

fn answered(open: OpenWrite) -> OpenWrite {
    OpenWrite {
        answered: true,
        acked: 0,
        ..open
    }
}

fn close_or_keep(world: &mut World, node: NodeNumber, open: OpenWrite) {
    if open.answered && open.awaiting == 0 {
        world.machines[node].write = None;
        world.requests[WRITE].settled = 0;
    } else {
        world.machines[node].write = Some(open);
    }
}

fn end_write(world: &mut World, told: Told) {
    let request = &mut world.requests[WRITE];
    request.phase = Phase::Ended(told);
    (request.applied, request.acked) = (0, 0);
}

/// `node` begins to deliver its hint for `target`.
pub(super) fn begin_delivery(world: &mut World, node: NodeNumber, target: NodeNumber) {
    let machine = &mut world.machines[node];
    let number = machine.deliveries_begun;
    machine.deliveries_begun += 1;
    let free = machine.deliveries.iter().position(Option::is_none);
    let slot = free.unwrap_or_else(|| {
        machine.deliveries.push(None);
        machine.deliveries.len() - 1
    });
    machine.deliveries[slot] = Some(Delivery { number, target });
    let hint = machine
        .hints
        .get_mut(&target)
        .expect("only held hints are delivered");
    hint.sending = true;
    world.send(node, target, Letter::Hint(slot, number));
}

/// The hint arrives at its target and is applied. The observer knows that it was, if its delivery goes on.
pub(super) fn take_hint(world: &mut World, node: NodeNumber, holder: NodeNumber, name: (usize, u8)) {
    apply(world, node);
    if let Some(target) = target_of(world, holder, name)
        && let Some(hint) = world.machines[holder].hints.get_mut(&target)
    {
        hint.delivered = hint.sending;
    }
    world.send(node, holder, Letter::HintDone(name.0, name.1));
}

/// The holder hears that the hint was applied, and forgets it.
pub(super) fn hint_done(world: &mut World, node: NodeNumber, from: NodeNumber, name: (usize, u8)) {
    if target_of(world, node, name) == Some(from) {
        end_delivery(world, node, name.0);
        world.machines[node].hints.remove(&from);
    }
}

/// The holder has waited long enough: the hint stays.
pub(super) fn time_out_delivery(world: &mut World, node: NodeNumber, slot: usize, target: NodeNumber) {
    end_delivery(world, node, slot);
    world.machines[node].hints.insert(target, HeldHint::default());
}

fn target_of(world: &World, holder: NodeNumber, (slot, number): (usize, u8)) -> Option<NodeNumber> {
    let delivery = world.machines[holder].deliveries.get(slot).copied().flatten()?;
    (delivery.number == number).then_some(delivery.target)
}

fn end_delivery(world: &mut World, node: NodeNumber, slot: usize) {
    let deliveries = &mut world.machines[node].deliveries;
    deliveries[slot] = None;
    while deliveries.last() == Some(&None) {
        deliveries.pop();
    }
}

/// The process of `node` is gone: its requests and deliveries, and every message to it. What it had sent may or may
/// not arrive. Its disk keeps the value and the hints.
pub(super) fn crash(world: &mut World, node: NodeNumber) {
    let machine = &mut world.machines[node];
    machine.is_down = true;
    (machine.write, machine.read) = (None, None);
    machine.deliveries.clear();
    machine.deliveries_begun = 0;
    for hint in machine.hints.values_mut() {
        *hint = HeldHint::default();
    }
    world.flights.retain(|flight| flight.to != node);
    for flight in world.flights.iter_mut().filter(|flight| flight.from == node) {
        flight.orphaned = true;
    }
    world.flights.sort_unstable();
    for request in &mut world.requests {
        if request.coordinator == node {
            if request.phase == Phase::Open {
                request.phase = Phase::Abandoned;
                (request.applied, request.acked) = (0, 0);
            }
            request.settled = 0;
        }
    }
}
