//! Each invariant of the node is refused when a state made by hand breaks it.

use thymbra_protocol::{
    ConsistencyLevel, Dispatch, FailureReason, InvariantViolation, Node, NodeId, PlanKey, ReadHandler,
    ReadRepairStrategy, Repair, ReplicaFailure, ReplicaSet, RequestId, WriteHandler,
};

use crate::harness::{Add, Bench, Facts, PLAN, REQUEST, Tiny, mutation, set};

const FORGOTTEN: PlanKey = PlanKey { epoch: 9, range: 0 };

fn judge(node: &Node<Tiny>) -> Result<(), InvariantViolation> {
    node.validate(&Bench::three().ring)
}

fn write(change: impl Fn(&mut WriteHandler<Add>)) -> Result<(), InvariantViolation> {
    let mut handler = WriteHandler {
        plan: PLAN,
        level: ConsistencyLevel::Quorum,
        answered: false,
        awaiting: set(&[0, 1]),
        acked: ReplicaSet::EMPTY,
        hint_acked: false,
        hint_pending: false,
        failures: vec![],
        mutation: mutation(),
    };
    change(&mut handler);
    let mut node = Node::default();
    node.writes.open(REQUEST, handler);
    judge(&node)
}

fn failure(position: u8) -> ReplicaFailure {
    ReplicaFailure {
        position,
        reason: FailureReason::Unknown,
    }
}

fn read(change: impl Fn(&mut ReadHandler<Tiny>)) -> Result<(), InvariantViolation> {
    let mut handler = ReadHandler {
        plan: PLAN,
        level: ConsistencyLevel::Quorum,
        read_repair: ReadRepairStrategy::Blocking,
        awaiting: set(&[0, 1]),
        responses: vec![],
        repair: None,
    };
    change(&mut handler);
    let mut node = Node::default();
    node.reads.open(REQUEST, handler);
    judge(&node)
}

fn waiting(wait_for: usize) -> Option<Repair<Facts>> {
    let merged = Facts(1);
    Some(Repair { wait_for, merged })
}

#[test]
fn states_that_hold_everything_are_accepted() {
    assert_eq!(judge(&Node::default()), Ok(()));
    assert_eq!(write(|_| {}), Ok(()));
    assert_eq!(
        write(|handler| {
            handler.awaiting = set(&[0]);
            handler.acked = set(&[1]);
            handler.failures = vec![failure(2)];
        }),
        Ok(())
    );
    assert_eq!(write(|handler| handler.awaiting = set(&[])), Ok(()));
    assert_eq!(write(|handler| handler.answered = true), Ok(()));
    let waits_for_hint = |handler: &mut WriteHandler<Add>| {
        handler.answered = true;
        handler.awaiting = set(&[]);
        handler.hint_pending = true;
    };
    assert_eq!(write(waits_for_hint), Ok(()));
    assert_eq!(read(|_| {}), Ok(()));
    assert_eq!(read(|handler| handler.repair = waiting(1)), Ok(()));
}

#[test]
fn a_plan_that_the_ring_forgot_is_refused() {
    let violation = Err(InvariantViolation::PlanForgotten(REQUEST));
    assert_eq!(write(|handler| handler.plan = FORGOTTEN), violation);
    assert_eq!(read(|handler| handler.plan = FORGOTTEN), violation);
}

#[test]
fn a_position_outside_the_plan_is_refused() {
    let violation = Err(InvariantViolation::OutsidePlan(REQUEST));
    assert_eq!(write(|handler| handler.awaiting = set(&[3])), violation);
    assert_eq!(write(|handler| handler.acked = set(&[3])), violation);
    assert_eq!(write(|handler| handler.failures = vec![failure(3)]), violation);
    assert_eq!(read(|handler| handler.awaiting = set(&[3])), violation);
    assert_eq!(read(|handler| handler.responses = vec![(3, Facts(0))]), violation);
}

#[test]
fn a_replica_in_two_sets_is_refused() {
    let violation = Err(InvariantViolation::CountedTwice(REQUEST));
    assert_eq!(write(|handler| handler.acked = set(&[0])), violation);
    assert_eq!(write(|handler| handler.failures = vec![failure(0)]), violation);
    assert_eq!(
        write(|handler| handler.failures = vec![failure(2), failure(2)]),
        violation
    );
    let both = |handler: &mut WriteHandler<Add>| {
        handler.acked = set(&[2]);
        handler.failures = vec![failure(2)];
    };
    assert_eq!(write(both), violation);
    assert_eq!(read(|handler| handler.responses = vec![(1, Facts(0))]), violation);
    // While a repair is awaited a contact that answered may be awaited again.
    let repairs = |handler: &mut ReadHandler<Tiny>| {
        handler.responses = vec![(1, Facts(0))];
        handler.repair = waiting(1);
    };
    assert_eq!(read(repairs), Ok(()));
}

#[test]
fn an_answered_write_that_still_counts_is_refused() {
    let violation = Err(InvariantViolation::CountsAfterAnswer(REQUEST));
    let answered = |change: fn(&mut WriteHandler<Add>)| {
        write(|handler| {
            handler.answered = true;
            change(handler);
        })
    };
    assert_eq!(answered(|handler| handler.acked = set(&[2])), violation);
    assert_eq!(answered(|handler| handler.failures = vec![failure(2)]), violation);
    assert_eq!(answered(|handler| handler.hint_acked = true), violation);
}

#[test]
fn a_request_that_nothing_can_end_is_refused() {
    let violation = Err(InvariantViolation::WaitsForNothing(REQUEST));
    let idle = |handler: &mut WriteHandler<Add>| {
        handler.answered = true;
        handler.awaiting = set(&[]);
    };
    assert_eq!(write(idle), violation);
    assert_eq!(read(|handler| handler.awaiting = set(&[])), violation);
    assert_eq!(read(|handler| handler.repair = waiting(0)), violation);
}

//= WP-HH-06 check
#[test]
fn two_deliveries_to_one_target_are_refused() {
    let mut node: Node<Tiny> = Node::default();
    let id = |slot| RequestId { slot, generation: 0 };
    let to = |target| Dispatch {
        target: NodeId(target),
        outstanding: set(&[0]),
    };
    node.dispatches.open(id(0), to(1));
    node.dispatches.open(id(1), to(2));
    assert_eq!(judge(&node), Ok(()));
    node.dispatches.open(id(2), to(1));
    assert_eq!(judge(&node), Err(InvariantViolation::TwoDispatches(id(0))));
}
