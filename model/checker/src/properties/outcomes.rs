//! What histories say: who knew what when. Shared by guarantees and questions; judged by timestamps and real-time
//! order alone.

use thymbra_protocol::NodeId;

use crate::payload::{ModelMutation, Register};
use crate::scope::OperationKind;
use crate::system::{Life, Operation, Phase, State, System, Told, bit};

/// Operations of one kind with their indices.
pub(in crate::properties) fn of_kind<'a>(
    system: &'a System,
    state: &'a State,
    kind: OperationKind,
) -> impl Iterator<Item = (usize, &'a Operation)> {
    state
        .operations
        .iter()
        .enumerate()
        .filter(move |(index, _)| system.operation(*index).is_some_and(|scope| scope.kind == kind))
}

/// Writes that their clients know to have succeeded.
pub(super) fn acknowledged<'a>(
    system: &'a System,
    state: &'a State,
) -> impl Iterator<Item = (usize, &'a Operation)> {
    of_kind(system, state, OperationKind::Write)
        .filter(|(_, write)| write.phase == Phase::Ended(Told::Success))
}

/// Reads that returned, with what they returned.
pub(super) fn returned<'a>(
    system: &'a System,
    state: &'a State,
) -> impl Iterator<Item = (usize, &'a Operation, Register)> {
    of_kind(system, state, OperationKind::Read).filter_map(|(index, read)| match read.phase {
        Phase::Ended(Told::Value(value)) => Some((index, read, value)),
        Phase::Waiting | Phase::Open | Phase::Retrying(_) | Phase::Abandoned | Phase::Ended(_) => None,
    })
}

/// The operation was over before the other began.
pub(super) fn precedes(earlier: usize, later: &Operation) -> bool {
    later.after & 1 << earlier != 0
}

/// A read returned a value whose write ended before some write began, or nothing, although that write was
/// acknowledged before the read began.
pub(super) fn is_stale(system: &System, state: &State) -> bool {
    returned(system, state).any(|(_, read, value)| {
        acknowledged(system, state)
            .filter(|(write, _)| precedes(*write, read))
            .any(|(index, write)| match value.0 {
                None => true,
                Some(held) => usize::from(held.write) != index && precedes(usize::from(held.write), write),
            })
    })
}

/// A read returned less than a write that was acknowledged before it began.
pub(super) fn misses_acknowledged(system: &System, state: &State) -> bool {
    returned(system, state).any(|(_, read, value)| {
        acknowledged(system, state)
            .filter(|(write, _)| precedes(*write, read))
            .filter_map(|(write, _)| system.mutation_of(state, write))
            .any(|acknowledged| !value.covers(acknowledged))
    })
}

/// A read returned, and a write had been acknowledged before it began.
pub(super) fn read_after_write(system: &System, state: &State) -> bool {
    returned(system, state)
        .any(|(_, read, _)| acknowledged(system, state).any(|(write, _)| precedes(write, read)))
}

/// Two reads returned, one after the other.
pub(super) fn two_reads(system: &System, state: &State) -> bool {
    returned(system, state)
        .any(|(first, ..)| returned(system, state).any(|(_, second, _)| precedes(first, second)))
}

/// Of two such reads the second returned less.
pub(super) fn goes_back(system: &System, state: &State) -> bool {
    let rank = |value: Register| value.0.map(ModelMutation::rank);
    returned(system, state).any(|(first, _, newer)| {
        returned(system, state).any(|(_, second, older)| precedes(first, second) && rank(older) < rank(newer))
    })
}

/// Every read returned something that a client wrote, with the timestamp it was written with.
pub(super) fn nothing_from_thin_air(system: &System, state: &State) -> bool {
    returned(system, state)
        .filter_map(|(_, _, value)| value.0)
        .all(|value| {
            let issued = system.mutation_of(state, usize::from(value.write));
            issued.is_some_and(|issued| {
                issued == value
                    || system.scope.retry != crate::scope::RetryPolicy::Never
                        && value.timestamp < issued.timestamp
            })
        })
}

/// The write, or what supersedes it, is on some disk or in some hint.
pub(super) fn is_held_somewhere(state: &State, mutation: ModelMutation) -> bool {
    state.nodes.iter().any(|node| {
        node.disk.memory.covers(mutation)
            || node.disk.appended.covers(mutation)
            || node
                .disk
                .hints
                .iter()
                .any(|hint| hint.mutation.rank() >= mutation.rank())
    })
}

/// Replicas that are up.
pub(super) fn live_replicas<'a>(system: &'a System, state: &'a State) -> impl Iterator<Item = NodeId> + 'a {
    state
        .node_ids()
        .filter(|node| system.layout.replicas() & bit(*node) != 0 && state.node(*node).life == Life::Up)
}

/// Replicas that are up hold the same.
pub(super) fn replicas_agree(system: &System, state: &State) -> bool {
    let mut held = live_replicas(system, state).map(|node| state.node(node).disk.memory);
    let first = held.next();
    held.all(|other| Some(other) == first)
}

/// No replica anywhere holds more than each live one.
pub(super) fn live_replicas_hold_the_newest(system: &System, state: &State) -> bool {
    let newest = state
        .nodes
        .iter()
        .filter_map(|node| node.disk.memory.0)
        .max_by_key(|mutation| mutation.rank());
    newest.is_none_or(|newest| {
        live_replicas(system, state).all(|node| state.node(node).disk.memory.covers(newest))
    })
}

/// Some operation was told this.
pub(super) fn some_told(state: &State, matches: impl Fn(Told) -> bool) -> bool {
    state.operations.iter().any(|operation| match operation.phase {
        Phase::Ended(told) | Phase::Retrying(told) => matches(told),
        Phase::Waiting | Phase::Open | Phase::Abandoned => false,
    })
}

/// An acknowledged write ranks below a write whose first attempt was over before it began, and a replica holds that.
pub(super) fn is_overwritten(system: &System, state: &State) -> bool {
    acknowledged(system, state).any(|(index, write)| {
        let Some(mine) = system.mutation_of(state, index) else {
            return false;
        };
        of_kind(system, state, OperationKind::Write)
            .filter(|(other, _)| *other != index && write.after_first & 1 << *other != 0)
            .filter_map(|(other, _)| system.mutation_of(state, other))
            .any(|other| {
                other.rank() > mine.rank() && state.nodes.iter().any(|node| node.disk.memory.0 == Some(other))
            })
    })
}

/// A write was acknowledged that began after a first attempt of another was over.
pub(super) fn write_after_attempt(system: &System, state: &State) -> bool {
    acknowledged(system, state).any(|(index, write)| {
        of_kind(system, state, OperationKind::Write)
            .any(|(other, _)| other != index && write.after_first & 1 << other != 0)
    })
}

/// The coordinator of every write that was taken holds its own copy, if it is a replica and did not die.
pub(super) fn own_copies_applied(system: &System, state: &State) -> bool {
    of_kind(system, state, OperationKind::Write).all(|(index, write)| {
        let is_taken = matches!(
            write.phase,
            Phase::Open
                | Phase::Ended(Told::Success | Told::Timeout(..) | Told::Failure(..))
                | Phase::Retrying(Told::Timeout(..))
        );
        let is_replica = system.layout.replicas() & bit(write.coordinator) != 0;
        let holder = state.node(write.coordinator);
        // A failed append is answered with a failure; it is no copy that still executes.
        let may_fail = system.scope.budgets.fail > 0
            || system.scope.budgets.crash > 0
            || system.scope.budgets.power_loss > 0;
        let mutation = system.mutation_of(state, index);
        !is_taken
            || !is_replica
            || may_fail
            || mutation.is_none_or(|mutation| holder.disk.memory.covers(mutation))
    })
}

/// No hint waits for a target that its holder can reach.
pub(super) fn hints_delivered(system: &System, state: &State) -> bool {
    state.node_ids().filter(|node| state.is_up(*node)).all(|node| {
        state.node(node).disk.hints.iter().all(|hint| {
            let is_reachable = state.is_up(hint.target)
                && state.are_connected(node, hint.target)
                && system.believes_alive(state, node, hint.target);
            !is_reachable
        })
    })
}

/// A coordinator died with a write open, or with hints in its memory.
pub(super) fn some_coordinator_died(state: &State) -> bool {
    state.operations.iter().any(|operation| {
        operation.attempts > 0 && state.node(operation.coordinator).life == Life::Down
            || operation.phase == Phase::Abandoned
    })
}

/// Every replica that is up holds what a read at ALL returned.
pub(super) fn reads_at_all_repair(system: &System, state: &State) -> bool {
    returned(system, state)
        .filter(|(index, ..)| {
            system
                .operation(*index)
                .is_some_and(|scope| scope.level == thymbra_protocol::ConsistencyLevel::All)
        })
        .filter_map(|(_, _, value)| value.0)
        .all(|value| {
            system.scope.read_repair == thymbra_protocol::ReadRepairStrategy::None
                || live_replicas(system, state).all(|node| state.node(node).disk.memory.covers(value))
        })
}

/// What is synced is marked, what is marked is appended.
pub(super) fn stages_nest(_system: &System, state: &State) -> bool {
    state.nodes.iter().all(|node| {
        let disk = &node.disk;
        let holds =
            |later: Register, earlier: Register| earlier.0.is_none_or(|mutation| later.covers(mutation));
        holds(disk.appended, disk.marked) && holds(disk.marked, disk.synced)
    })
}
