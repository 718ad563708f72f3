//! What makes two states the same: every part of a state as words that are mixed.
//!
//! Two thirds of a search is telling states apart, so each part is packed by hand into as few words as it needs; the
//! patterns name every field, so that none can be forgotten. Numbers are below what the scope bounds.

use std::hash::{Hash, Hasher};

use thymbra_protocol::{
    Callback, FailureReason, ForwardTo, Hint, Message, Node, NodeId, ReplicaFailure, Reply, RequestId,
};

use super::state::{
    Disk, Envelope, NodeState, Operation, Outage, PendingApply, Phase, State, StoredHint, Told,
};
use crate::packing::{Mixer, byte};
use crate::payload::ModelPayload;
use crate::scope::Budgets;

/// Bytes in one word, first highest.
const fn bytes(parts: [u8; 8]) -> u64 {
    u64::from_be_bytes(parts)
}

/// The half words of one word.
fn halves(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

/// A node in eight bits, never 0.
fn small(node: NodeId) -> u64 {
    u64::from(node.0) + 1
}

fn request_word(request: RequestId) -> u64 {
    let RequestId { slot, generation } = request;
    halves(slot, generation)
}

/// The request of a callback; and its kind, with the index of a hint, in 16 bits.
fn callback_words(callback: Callback) -> (u64, u64) {
    match callback {
        Callback::Write(request) => (request_word(request), 0),
        Callback::Read(request) => (request_word(request), 1),
        Callback::ReadRepair(request) => (request_word(request), 2),
        Callback::Hint { dispatch, index } => (request_word(dispatch), 3 | u64::from(index) << 8),
    }
}

impl Hash for State {
    #[inline]
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let Self {
            nodes,
            network,
            operations,
            budgets,
            tick,
            cut,
            breaches,
            reached,
        } = self;
        let mut mixer = Mixer::new();
        for [first, second] in nodes.mixed() {
            mixer.pair(first, second);
        }
        for envelope in network {
            mix_envelope(envelope, &mut mixer);
        }
        for operation in operations {
            mix_operation(operation, &mut mixer);
        }
        let Budgets {
            crash,
            power_loss,
            lose,
            duplicate,
            fail,
            drop,
            slow,
            partition,
            flap,
            ticks,
            skew,
        } = *budgets;
        mixer.pair(
            bytes([crash, power_loss, lose, duplicate, fail, drop, slow, partition]),
            bytes([flap, ticks, skew, *tick, 0, 0, 0, 0]) | u64::from(*cut) << 16 | byte(network.len()),
        );
        mixer.pair(halves(*breaches, *reached), 0);
        let [high, low] = mixer.mixed();
        hasher.write_u128(u128::from(high) << 64 | u128::from(low));
    }
}

/// All words of a node in two.
pub(super) fn mixed_node(state: &NodeState) -> [u64; 2] {
    let mut mixer = Mixer::of_part();
    mix_node(state, &mut mixer);
    mixer.mixed()
}

#[inline]
fn mix_node(state: &NodeState, mixer: &mut Mixer) {
    let NodeState {
        life,
        node,
        disk,
        sees,
        dispatched,
        synced_at,
        outages,
    } = state;
    let Disk {
        memory,
        appended,
        marked,
        synced,
        pending,
        hints,
    } = disk;
    mixer.pair(
        halves(memory.word(), appended.word()),
        halves(marked.word(), synced.word()),
    );
    let requests = mix_requests(node, mixer);
    for part in pending {
        let PendingApply {
            mutation,
            reply: Reply { to, callback },
            appended,
        } = *part;
        let (request, kind) = callback_words(callback);
        let place = small(to) << 24 | u64::from(appended) << 16 | kind;
        mixer.pair(request, u64::from(mutation.word()) << 32 | place);
    }
    for hint in hints {
        let StoredHint {
            target,
            mutation,
            created,
            stage,
            sending,
            delivered,
        } = *hint;
        let fate =
            u64::from(created) << 8 | (stage as u64) << 2 | u64::from(sending) << 1 | u64::from(delivered);
        mixer.pair(u64::from(mutation.word()) << 32 | small(target) << 16 | fate, 0);
    }
    for outage in outages {
        let Outage {
            seen_since,
            down_since,
            first_hint,
        } = *outage;
        let tick = |tick: Option<u8>| tick.map_or(0, |tick| u64::from(tick) + 1);
        mixer.pair(
            tick(seen_since) << 32 | tick(down_since) << 16 | tick(first_hint),
            0,
        );
    }
    // Last, so that the lengths of the lists tell what each pair before means.
    mixer.pair(
        bytes([*life as u8, *dispatched, 0, 0, 0, 0, 0, 0])
            | byte(pending.len()) << 40
            | byte(hints.len()) << 32
            | byte(outages.len()) << 24
            | u64::from(*synced_at) << 16
            | u64::from(*sees),
        requests,
    );
}

/// The open requests of a node; gives their numbers.
#[inline]
fn mix_requests(node: &Node<ModelPayload>, mixer: &mut Mixer) -> u64 {
    let Node {
        writes,
        reads,
        dispatches,
    } = node;
    let (mut writes_count, mut reads_count, mut dispatches_count) = (0, 0, 0);
    for (request, open) in writes.iter() {
        writes_count += 1;
        let thymbra_protocol::WriteHandler {
            plan,
            level,
            answered,
            awaiting,
            acked,
            hint_acked,
            hint_pending,
            failures,
            mutation,
        } = open;
        let flags = u64::from(*answered) << 2 | u64::from(*hint_acked) << 1 | u64::from(*hint_pending);
        let small = byte(failures.len()) << 16 | (*level as u64) << 8 | flags;
        mixer.pair(request_word(request), u64::from(mutation.word()) << 32 | small);
        mixer.pair(awaiting.bits(), acked.bits());
        mixer.pair(halves(plan.epoch, plan.range), 0);
        for ReplicaFailure { position, reason } in failures {
            mixer.pair(u64::from(*position), *reason as u64);
        }
    }
    for (request, open) in reads.iter() {
        reads_count += 1;
        let thymbra_protocol::ReadHandler {
            plan,
            level,
            read_repair,
            awaiting,
            responses,
            repair,
        } = open;
        let small = byte(responses.len()) << 16 | (*level as u64) << 8 | (*read_repair as u64);
        mixer.pair(request_word(request), small);
        mixer.pair(awaiting.bits(), halves(plan.epoch, plan.range));
        for (position, data) in responses {
            mixer.pair(u64::from(*position), u64::from(data.word()));
        }
        match repair {
            Some(thymbra_protocol::Repair { wait_for, merged }) => {
                mixer.pair(byte(*wait_for) + 1, u64::from(merged.word()));
            }
            None => mixer.pair(0, 0),
        }
    }
    for (request, open) in dispatches.iter() {
        dispatches_count += 1;
        let thymbra_protocol::Dispatch { target, outstanding } = open;
        mixer.pair(request_word(request), small(*target));
        mixer.pair(outstanding.bits(), 0);
    }
    byte(writes_count) << 16 | byte(reads_count) << 8 | byte(dispatches_count)
}

/// One pair for all messages but those of remote coordinators and of hints.
#[inline]
fn mix_envelope(envelope: &Envelope, mixer: &mut Mixer) {
    let Envelope {
        to,
        from,
        orphaned,
        message,
    } = envelope;
    let head = |kind: u64, data: u32| {
        u64::from(data) << 32 | small(*to) << 24 | small(*from) << 16 | kind << 9 | u64::from(*orphaned) << 8
    };
    match message {
        Message::Mutation {
            request,
            mutation,
            forward_to,
            respond_to,
        } => {
            let respond_to = respond_to.map_or(0, small);
            match forward_to {
                None => mixer.pair(head(0, mutation.word()) | respond_to, request_word(*request)),
                Some(ForwardTo { plan, targets }) => {
                    mixer.pair(head(1, mutation.word()) | respond_to, request_word(*request));
                    mixer.pair(halves(plan.epoch, plan.range), targets.bits());
                }
            }
        }
        Message::MutationResponse { request } => mixer.pair(head(2, 0), request_word(*request)),
        Message::Hint {
            dispatch,
            index,
            hint:
                Hint {
                    mutation,
                    created_ms,
                    gc_grace_seconds,
                },
        } => {
            mixer.pair(
                head(3, mutation.word()) | u64::from(*index),
                request_word(*dispatch),
            );
            mixer.pair(*created_ms, u64::from(*gc_grace_seconds));
        }
        Message::HintResponse { dispatch, index } => {
            mixer.pair(head(4, 0) | u64::from(*index), request_word(*dispatch));
        }
        Message::Read { request, command } => {
            let crate::payload::ReadCell = command;
            mixer.pair(head(5, 0), request_word(*request));
        }
        Message::ReadResponse { request, data } => mixer.pair(head(6, data.word()), request_word(*request)),
        Message::ReadRepair { request, mutation } => {
            mixer.pair(head(7, mutation.word()), request_word(*request));
        }
        Message::ReadRepairResponse { request } => mixer.pair(head(8, 0), request_word(*request)),
        Message::Failure { callback, reason } => {
            let (request, kind) = callback_words(*callback);
            let reason = match reason {
                FailureReason::Unknown => 0,
                FailureReason::Timeout => 1,
                FailureReason::IncompatibleSchema => 2,
            };
            mixer.pair(head(9, reason) | kind << 48, request);
        }
    }
}

#[inline]
fn mix_operation(operation: &Operation, mixer: &mut Mixer) {
    let Operation {
        phase,
        coordinator,
        attempts,
        timestamp,
        after,
        after_first,
        applied,
        acked,
        settled,
    } = *operation;
    let (phase, detail) = match phase {
        Phase::Waiting => (0, 0),
        Phase::Open => (1, 0),
        Phase::Abandoned => (2, 0),
        Phase::Retrying(told) => told_words(0x10, told),
        Phase::Ended(told) => told_words(0x20, told),
    };
    assert!(attempts < 4 && coordinator.0 < 64, "bounds of every scope");
    // The detail has 25 bits.
    let small = u64::from(coordinator.0) << 26 | u64::from(timestamp) << 32 | u64::from(attempts) << 40;
    mixer.pair(
        u64::from(settled) << 48 | phase << 42 | small | u64::from(detail),
        u64::from(after) << 48 | u64::from(after_first) << 32 | u64::from(applied) << 16 | u64::from(acked),
    );
}

/// The kind of an answer on top of the phase that it was given in, and its detail.
fn told_words(phase: u64, told: Told) -> (u64, u32) {
    let counts = |first: u8, second: u8| u32::from(first) << 8 | u32::from(second);
    let (kind, detail) = match told {
        Told::Success => (0, 0),
        Told::Unavailable(required, alive) => (1, counts(required, alive)),
        Told::Timeout(received, needed) => (2, counts(received, needed)),
        Told::Failure(received, needed) => (3, counts(received, needed)),
        Told::Overloaded => (4, 0),
        Told::Invalid => (5, 0),
        Told::Value(data) => (6, data.word()),
    };
    (phase | kind, detail)
}

#[cfg(test)]
mod tests;
