//! The node: one state machine that dispatches; the rules live in the modules it calls.
//!
//! Chapter: `specs/03-coordination.md`.

use crate::coordinator::{WriteHandler, WriteRequest};
use crate::hints::Dispatch;
use crate::reads::{ReadHandler, ReadRequest};
use crate::{
    Callback, Context, Effects, FailureReason, Input, Message, NodeId, Payload, ReplicaFailure, ReplicaSet,
    Reply, RequestId, Rules, Slots, Timer,
};

/// Everything a node remembers between two steps: its open requests. Data, hints, ring, failure detector,
/// clock and options belong to the driver.
///
/// # The driver's obligations
///
/// 1. **One step at a time.** Inputs are handed over one after the other; a step is not interrupted.
/// 2. **Order.** The effects of a step are begun in the order in which they were emitted. Messages may then
///    overtake each other, arrive twice, or be lost.
/// 3. **Send.** A message reaches the node it is addressed to, or none; it is handed over with the identity of
///    the node that sent it. After its deadline it is dropped: a mutation that was not applied yet becomes
///    [`Input::Expired`] if it waited at its replica.
/// 4. **Append.** [`Input::Applied`] is handed over only when, in this order, the mutation was appended to the
///    commit log, [`thymbra_durability::AcknowledgementRules::may_acknowledge`] holds for its position, and it
///    was applied to the memtable. If a step fails: [`Input::ApplyFailed`], never `Applied`.
/// 5. **Store hints.** A hint task ends with [`Input::HintStored`] once all its hints are in the buffer, if it
///    was asked to notify. Hints are written and synced later; a page read back gives what was stored. A page is
///    removed only on [`crate::Effect::DeleteHints`].
/// 6. **Names.** Requests, reads and deliveries are named by the lowest free slot of their table and a
///    generation that no message or timer on its way still carries, of an earlier life of the process neither.
/// 7. **Timers.** An armed timer fires once, not before its delay, unless it was disarmed;
///    [`Timer::CallbackExpired`] not before the write was answered.
/// 8. **Answers.** Each answer reaches the client at most once; none is given for a request that was not asked.
/// 9. **Time.** `now_ms` never goes back while the process lives.
/// 10. **View.** The failure detector may be wrong in both ways. The node counts as alive for itself.
/// 11. **Crash.** A process that stops loses its `Node`, hints in the buffer, and the commit log after the last
///     marker; a power loss takes everything not synced as well. A restart begins with an empty `Node`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Node<P: Payload> {
    /// Writes that this node coordinates.
    pub writes: Slots<WriteHandler<P::Mutation>>,
    /// Reads that this node coordinates.
    pub reads: Slots<ReadHandler<P>>,
    /// Pages of hints that this node is delivering.
    pub dispatches: Slots<Dispatch>,
}

impl<P: Payload> Default for Node<P> {
    fn default() -> Self {
        Self {
            writes: Slots::default(),
            reads: Slots::default(),
            dispatches: Slots::default(),
        }
    }
}

impl<P: Payload> Node<P> {
    /// Takes one input and asks for what follows from it.
    pub fn step<R: Rules + ?Sized>(
        &mut self,
        context: &Context<'_, R>,
        input: Input<P>,
        effects: &mut impl Effects<P>,
    ) {
        match input {
            Input::Write {
                request,
                mutation,
                level,
                forwarders,
            } => {
                self.write(
                    context,
                    WriteRequest {
                        request,
                        mutation,
                        level,
                        forwarders,
                    },
                    effects,
                );
            }
            Input::Read {
                request,
                command,
                level,
                proximity,
                read_repair,
            } => {
                let read = ReadRequest {
                    request,
                    command,
                    level,
                    proximity,
                    read_repair,
                };
                self.read(context, read, effects);
            }
            Input::Received { from, message } => self.receive(context, from, message, effects),
            Input::Applied { reply } => self.complete(context, reply, Ok(()), effects),
            Input::ApplyFailed { reply, reason } => self.complete(context, reply, Err(reason), effects),
            Input::Expired { mutation, reply } => self.expired(context, mutation, reply, effects),
            Input::ReadCompleted { reply, data } => self.read_completed(context, reply, data, effects),
            Input::HintStored { request } => self.hint_stored(context, request, effects),
            Input::DispatchHints { dispatch, target } => {
                self.dispatch_hints(context, dispatch, target, effects);
            }
            Input::HintsRead { dispatch, hints } => self.hints_read(context, dispatch, hints, effects),
            Input::Fired(timer) => self.fired(context, timer, effects),
        }
    }

    fn receive<R: Rules + ?Sized>(
        &mut self,
        context: &Context<'_, R>,
        from: NodeId,
        message: Message<P>,
        effects: &mut impl Effects<P>,
    ) {
        match message {
            Message::Mutation {
                request,
                mutation,
                forward_to,
                respond_to,
            } => {
                let reply = Reply {
                    //= WP-MS-02
                    to: respond_to.unwrap_or(from),
                    callback: Callback::Write(request),
                };
                self.receive_mutation(context, reply, mutation, forward_to, effects);
            }
            Message::MutationResponse { request } => {
                self.write_acknowledged(context, from, request, effects);
            }
            Message::Hint {
                dispatch,
                index,
                hint,
            } => {
                let reply = Reply {
                    to: from,
                    callback: Callback::Hint { dispatch, index },
                };
                self.receive_hint(context, reply, hint, effects);
            }
            Message::HintResponse { dispatch, index } => {
                self.hint_delivered(context, from, (dispatch, index), effects);
            }
            Message::Read { request, command } => {
                let reply = Reply {
                    to: from,
                    callback: Callback::Read(request),
                };
                effects.emit(crate::Effect::ReadLocal { command, reply });
            }
            Message::ReadResponse { request, data } => {
                self.read_answered(context, from, request, data, effects);
            }
            Message::ReadRepair { request, mutation } => {
                let reply = Reply {
                    to: from,
                    callback: Callback::ReadRepair(request),
                };
                effects.emit(crate::Effect::Append { mutation, reply });
            }
            Message::ReadRepairResponse { request } => {
                self.read_repair_acknowledged(context, from, request, effects);
            }
            Message::Failure { callback, reason } => self.failed(context, from, callback, reason, effects),
        }
    }

    fn fired<R: Rules + ?Sized>(
        &mut self,
        context: &Context<'_, R>,
        timer: Timer,
        effects: &mut impl Effects<P>,
    ) {
        match timer {
            Timer::WriteTimeout(request) => self.write_timed_out(context, request, effects),
            Timer::CallbackExpired { request, position } => {
                let failure = ReplicaFailure {
                    position,
                    reason: FailureReason::Timeout,
                };
                self.replica_failed(context, request, failure, effects);
            }
            Timer::ReadTimeout(request) => self.read_timed_out(context, request, effects),
            Timer::HintTimeout(dispatch) => self.end_dispatch(context, dispatch, true, effects),
        }
    }

    /// Checks the invariants of every open request against the plans of `ring`.
    ///
    /// # Errors
    /// The first invariant that does not hold.
    pub fn validate(&self, ring: &crate::Ring) -> Result<(), InvariantViolation> {
        let holds = |condition: bool, violation| if condition { Ok(()) } else { Err(violation) };
        holds(
            self.writes.is_trimmed() && self.reads.is_trimmed() && self.dispatches.is_trimmed(),
            InvariantViolation::SlotsNotTrimmed,
        )?;
        for (request, write) in self.writes.iter() {
            let plan = ring
                .plan(write.plan)
                .ok_or(InvariantViolation::PlanForgotten(request))?;
            let failed = write.failed();
            let all = write.awaiting.union(write.acked).union(failed);
            let sum = write.awaiting.count() + write.acked.count() + write.failures.len();
            holds(
                all.is_subset(plan.all()),
                InvariantViolation::OutsidePlan(request),
            )?;
            holds(all.count() == sum, InvariantViolation::CountedTwice(request))?;
            let counts = !write.acked.is_empty() || !write.failures.is_empty() || write.hint_acked;
            holds(
                !(write.answered && counts),
                InvariantViolation::CountsAfterAnswer(request),
            )?;
            let waits = !write.answered || !write.awaiting.is_empty() || write.hint_pending;
            holds(waits, InvariantViolation::WaitsForNothing(request))?;
        }
        for (request, read) in self.reads.iter() {
            let plan = ring
                .plan(read.plan)
                .ok_or(InvariantViolation::PlanForgotten(request))?;
            let mut answered = ReplicaSet::EMPTY;
            for (position, _) in &read.responses {
                answered.insert(*position);
            }
            holds(
                answered.union(read.awaiting).is_subset(plan.all()),
                InvariantViolation::OutsidePlan(request),
            )?;
            let is_disjoint = answered.intersection(read.awaiting).is_empty();
            holds(
                read.repair.is_some() || is_disjoint,
                InvariantViolation::CountedTwice(request),
            )?;
            let waits = read
                .repair
                .as_ref()
                .map_or(!read.awaiting.is_empty(), |repair| repair.wait_for > 0);
            holds(waits, InvariantViolation::WaitsForNothing(request))?;
        }
        for (request, dispatch) in self.dispatches.iter() {
            let targets = self
                .dispatches
                .iter()
                .filter(|(_, other)| other.target == dispatch.target);
            holds(targets.count() == 1, InvariantViolation::TwoDispatches(request))?;
        }
        Ok(())
    }
}

/// An invariant of [`Node`] that does not hold, and the request it was found in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum InvariantViolation {
    /// A table ends in an empty slot: equal nodes would have unequal states.
    SlotsNotTrimmed,
    /// The ring does not hold the plan of an open request.
    PlanForgotten(RequestId),
    /// A position outside the plan.
    OutsidePlan(RequestId),
    /// A replica is in two of the sets of a request.
    CountedTwice(RequestId),
    /// An answered write still counts.
    CountsAfterAnswer(RequestId),
    /// An open request that nothing can end.
    WaitsForNothing(RequestId),
    /// Two deliveries to one target.
    TwoDispatches(RequestId),
}
