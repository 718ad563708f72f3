//! States that differ in anything are told apart: no two fields share a bit of a word.
//!
//! A long walk through states, each with one part changed; the parts take their smallest and largest values, and
//! single bits, so that an overlap shows in some neighbour of a state.

mod parts;

use std::collections::HashMap;

use parts::Random;
use thymbra_protocol::{Dispatch, NodeId, ReadHandler, Repair, RequestId, Slots, WriteHandler};

use crate::payload::{ModelMutation, ModelPayload};
use crate::search::fingerprint;
use crate::system::{NodeState, Operation, State};

/// States on the walk.
const STEPS: usize = 150_000;
/// Most entries of a list.
const MOST: usize = 3;

fn change(state: &mut State, random: &mut Random) {
    match random.below(12) {
        0..4 => {
            let node = random.pick(&[NodeId(0), NodeId(1)]);
            change_node(state.node_mut(node), random);
        }
        4..6 => change_network(state, random),
        6..9 => {
            let index = random.below(2);
            change_operation(&mut state.operations[index], random);
        }
        9 => change_budgets(state, random),
        10 => match random.below(2) {
            0 => state.tick = random.byte(),
            _ => state.cut = random.mask(),
        },
        _ => match random.below(2) {
            0 => state.breaches = random.number(),
            _ => state.reached = random.number(),
        },
    }
}

fn change_budgets(state: &mut State, random: &mut Random) {
    let budgets = &mut state.budgets;
    let places = [
        &mut budgets.crash,
        &mut budgets.power_loss,
        &mut budgets.lose,
        &mut budgets.duplicate,
        &mut budgets.fail,
        &mut budgets.drop,
        &mut budgets.slow,
        &mut budgets.partition,
        &mut budgets.flap,
        &mut budgets.ticks,
        &mut budgets.skew,
    ];
    let which = random.below(places.len());
    for (index, place) in places.into_iter().enumerate() {
        if index == which {
            *place = random.byte();
        }
    }
}

fn change_operation(operation: &mut Operation, random: &mut Random) {
    match random.below(9) {
        0 => operation.phase = random.phase(),
        1 => operation.coordinator = random.node(),
        2 => operation.attempts = random.pick(&[0, 1, 2, 3]),
        3 => operation.timestamp = random.byte(),
        4 => operation.after = random.mask(),
        5 => operation.after_first = random.mask(),
        6 => operation.applied = random.mask(),
        7 => operation.acked = random.mask(),
        _ => operation.settled = random.mask(),
    }
}

/// Adds an entry, takes one out, or changes one.
fn change_list<T>(
    list: &mut Vec<T>,
    random: &mut Random,
    make: impl Fn(&mut Random) -> T,
    change: impl Fn(&mut T, &mut Random),
) {
    let index = random.below(MOST);
    match (list.get_mut(index), random.below(4)) {
        (None, _) => list.push(make(random)),
        (Some(_), 0) => drop(list.remove(index)),
        (Some(entry), _) => change(entry, random),
    }
}

fn change_network(state: &mut State, random: &mut Random) {
    change_list(
        &mut state.network,
        random,
        Random::envelope,
        |envelope, random| match random.below(4) {
            0 => envelope.to = random.node(),
            1 => envelope.from = random.node(),
            2 => envelope.orphaned = !envelope.orphaned,
            _ => random.change_message(&mut envelope.message),
        },
    );
    state.network.sort_unstable();
}

fn change_node(state: &mut NodeState, random: &mut Random) {
    let disk = &mut state.disk;
    match random.below(15) {
        0 => state.life = random.life(),
        1 => state.sees = random.mask(),
        2 => state.dispatched = random.byte(),
        3 => disk.memory = random.register(),
        4 => disk.appended = random.register(),
        5 => disk.marked = random.register(),
        6 => disk.synced = random.register(),
        7 => change_list(
            &mut disk.pending,
            random,
            Random::pending,
            |pending, random| match random.below(4) {
                0 => pending.mutation = random.mutation(),
                1 => pending.reply.to = random.node(),
                2 => pending.reply.callback = random.callback(),
                _ => pending.appended = !pending.appended,
            },
        ),
        8 => {
            let mut hints = disk.hints.to_vec();
            change_list(&mut hints, random, Random::hint, |hint, random| {
                match random.below(6) {
                    0 => hint.target = random.node(),
                    1 => hint.mutation = random.mutation(),
                    2 => hint.created = random.byte(),
                    3 => hint.stage = random.stage(),
                    4 => hint.sending = !hint.sending,
                    _ => hint.delivered = !hint.delivered,
                }
            });
            disk.hints = hints.into_iter().collect();
        }
        9 => change_list(
            &mut state.outages,
            random,
            Random::outage,
            |outage, random| match random.below(3) {
                0 => outage.seen_since = random.tick(),
                1 => outage.down_since = random.tick(),
                _ => outage.first_hint = random.tick(),
            },
        ),
        10 | 11 => change_slots(
            &mut state.node.writes,
            random,
            Random::write_handler,
            change_write,
        ),
        12 => state.synced_at = random.byte(),
        13 => change_slots(&mut state.node.reads, random, Random::read_handler, change_read),
        _ => change_slots(
            &mut state.node.dispatches,
            random,
            Random::dispatch,
            change_dispatch,
        ),
    }
}

/// Opens a request, closes one, or changes one.
fn change_slots<T>(
    slots: &mut Slots<T>,
    random: &mut Random,
    make: impl Fn(&mut Random) -> T,
    change: impl Fn(&mut T, &mut Random),
) {
    let slot = random.pick(&[0, 1, 6]);
    let open: Option<RequestId> = slots.iter().map(|(id, _)| id).find(|id| id.slot == slot);
    match (open, random.below(4)) {
        (None, _) => {
            let generation = random.number();
            slots.open(RequestId { slot, generation }, make(random));
        }
        (Some(id), 0) => slots.close(id),
        (Some(id), _) => change(slots.get_mut(id).expect("it was just found"), random),
    }
}

fn change_write(open: &mut WriteHandler<ModelMutation>, random: &mut Random) {
    match random.below(9) {
        0 => open.plan = random.plan(),
        1 => open.level = random.level(),
        2 => open.answered = !open.answered,
        3 => open.awaiting = random.set(),
        4 => open.acked = random.set(),
        5 => open.hint_acked = !open.hint_acked,
        6 => open.hint_pending = !open.hint_pending,
        7 => open.mutation = random.mutation(),
        _ => change_list(
            &mut open.failures,
            random,
            Random::failure,
            |failure, random| match random.below(2) {
                0 => failure.position = random.byte(),
                _ => failure.reason = random.reason(),
            },
        ),
    }
}

fn change_read(open: &mut ReadHandler<ModelPayload>, random: &mut Random) {
    match random.below(7) {
        0 => open.plan = random.plan(),
        1 => open.level = random.level(),
        2 => open.read_repair = random.read_repair(),
        3 => open.awaiting = random.set(),
        4 => change_list(
            &mut open.responses,
            random,
            Random::response,
            |response, random| match random.below(2) {
                0 => response.0 = random.byte(),
                _ => response.1 = random.register(),
            },
        ),
        5 => open.repair = None,
        _ => {
            open.repair = Some(Repair {
                wait_for: random.pick(&[0, 1, 2, 64]),
                merged: random.register(),
            });
        }
    }
}

fn change_dispatch(open: &mut Dispatch, random: &mut Random) {
    match random.below(2) {
        0 => open.target = random.node(),
        _ => open.outstanding = random.set(),
    }
}

#[test]
fn states_have_one_fingerprint_exactly_if_they_are_equal() {
    let mut random = Random::new();
    let mut state = State {
        nodes: vec![NodeState::default(); 2].into_iter().collect(),
        operations: [Operation::default(); 2].into_iter().collect(),
        ..State::default()
    };
    let mut by_print: HashMap<u64, State> = HashMap::new();
    for _ in 0..STEPS {
        let before = state.clone();
        change(&mut state, &mut random);
        let print = fingerprint(&state);
        assert_eq!(
            state == before,
            print == fingerprint(&before),
            "{state:#?}\nafter\n{before:#?}"
        );
        assert_eq!(by_print.entry(print).or_insert_with(|| state.clone()), &state);
        state.nodes.settle();
        assert_eq!(fingerprint(&state), print, "with kept mixes of nodes too");
    }
    assert!(by_print.len() > STEPS / 2, "{} states", by_print.len());
}
