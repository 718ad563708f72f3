//! Acknowledgements, failures and silence of replicas, and the one answer that follows from them.
//!
//! Chapter: `specs/03-coordination.md`. Cassandra: `AbstractWriteResponseHandler`, `WriteResponseHandler`,
//! `DatacenterWriteResponseHandler`, `DatacenterSyncWriteResponseHandler`.

use super::{ReplicaFailure, WriteHandler};
use crate::hints::{hintable, should_hint};
use crate::{
    ConsistencyLevel, Context, Effect, Effects, FailureReason, Hint, Node, NodeId, Payload, Placement,
    ReplicaPlan, ReplicaSet, RequestId, Rules, Timer, WriteOutcome,
};

/// What a write ends with when it cannot succeed.
enum Miss {
    Timeout,
    Failure,
}

impl<P: Payload> Node<P> {
    /// A replica, the coordinator itself included, acknowledged.
    pub(crate) fn write_acknowledged<R: Rules + ?Sized>(
        &mut self,
        context: &Context<'_, R>,
        from: NodeId,
        request: RequestId,
        effects: &mut impl Effects<P>,
    ) {
        // Check
        let Some(handler) = self.writes.get_mut(request) else {
            return;
        };
        let plan = context
            .ring
            .plan(handler.plan)
            .expect("plans stay while a handler uses them");
        let Some(position) = plan.position_of(from) else {
            return;
        };
        //= WP-CO-08
        if !handler.awaiting.remove(position) {
            return;
        }
        effects.emit(Effect::Disarm(Timer::CallbackExpired { request, position }));
        // Decide
        if !handler.answered {
            handler.acked.insert(position);
        }
        self.conclude_if_satisfied(context, request, plan, effects);
    }

    /// The hint task of a write at ANY completed.
    //= WP-CO-14
    pub(crate) fn hint_stored<R: Rules + ?Sized>(
        &mut self,
        context: &Context<'_, R>,
        request: RequestId,
        effects: &mut impl Effects<P>,
    ) {
        // Check
        let Some(handler) = self.writes.get_mut(request) else {
            return;
        };
        let plan = context
            .ring
            .plan(handler.plan)
            .expect("plans stay while a handler uses them");
        // Decide
        handler.hint_pending = false;
        handler.hint_acked = !handler.answered;
        self.conclude_if_satisfied(context, request, plan, effects);
    }

    /// A replica failed explicitly, or its callback expired.
    pub(crate) fn replica_failed<R: Rules + ?Sized>(
        &mut self,
        context: &Context<'_, R>,
        request: RequestId,
        failure: ReplicaFailure,
        effects: &mut impl Effects<P>,
    ) {
        // Check
        let Some(handler) = self.writes.get_mut(request) else {
            return;
        };
        let plan = context
            .ring
            .plan(handler.plan)
            .expect("plans stay while a handler uses them");
        let position = failure.position;
        //= WP-MS-04
        if !handler.awaiting.remove(position) {
            return;
        }
        effects.emit(Effect::Disarm(Timer::CallbackExpired { request, position }));
        // Decide
        let plan_key = handler.plan;
        let hint = Hint::new(&handler.mutation, context.now_ms);
        if !handler.answered {
            handler.failures.push(failure);
            handler.failures.sort_unstable();
            if let Some(miss) = early_miss(context, plan, handler) {
                self.conclude_missed(context, request, &miss, effects);
            }
        }
        self.close_if_over(request);
        // Ask
        //= WP-HH-04
        if context.rules.hints_failed_replica(failure.reason) && should_hint(context, plan, position).is_ok()
        {
            let targets = ReplicaSet::single(position);
            effects.emit(Effect::StoreHint {
                plan: plan_key,
                targets,
                hint,
                notify: None,
            });
        }
    }

    /// The client has waited long enough.
    //= WP-CO-11
    pub(crate) fn write_timed_out<R: Rules + ?Sized>(
        &mut self,
        context: &Context<'_, R>,
        request: RequestId,
        effects: &mut impl Effects<P>,
    ) {
        // Check
        if self.writes.get(request).is_none_or(|handler| handler.answered) {
            return;
        }
        // Ask
        self.conclude_missed(context, request, &Miss::Timeout, effects);
        self.close_if_over(request);
    }

    //= WP-CO-17
    fn conclude_if_satisfied<R: Rules + ?Sized>(
        &mut self,
        context: &Context<'_, R>,
        request: RequestId,
        plan: &ReplicaPlan,
        effects: &mut impl Effects<P>,
    ) {
        let Some(handler) = self.writes.get_mut(request) else {
            return;
        };
        let at = Placement {
            plan,
            local: context.local,
        };
        if !handler.answered
            && context
                .rules
                .is_satisfied(handler.level, at, handler.acked, handler.hint_acked)
        {
            handler.mark_answered();
            effects.emit(Effect::Disarm(Timer::WriteTimeout(request)));
            effects.emit(Effect::AnswerWrite {
                request,
                outcome: WriteOutcome::Success,
            });
        }
        self.close_if_over(request);
    }

    /// Answers a write that cannot succeed: at ANY by hints and success, else by the error.
    //= WP-CO-20
    fn conclude_missed<R: Rules + ?Sized>(
        &mut self,
        context: &Context<'_, R>,
        request: RequestId,
        miss: &Miss,
        effects: &mut impl Effects<P>,
    ) {
        let Some(handler) = self.writes.get_mut(request) else {
            return;
        };
        let plan = context
            .ring
            .plan(handler.plan)
            .expect("plans stay while a handler uses them");
        let mut outcome = missed_outcome(context, plan, handler, miss);
        //= WP-CO-14
        if handler.level == ConsistencyLevel::Any && context.rules.any_falls_back_to_hints() {
            let targets = hintable(context, plan, plan.all());
            if context.rules.any_fallback_succeeds(targets.count()) {
                outcome = WriteOutcome::Success;
            }
            if !targets.is_empty() {
                let hint = Hint::new(&handler.mutation, context.now_ms);
                effects.emit(Effect::StoreHint {
                    plan: handler.plan,
                    targets,
                    hint,
                    notify: None,
                });
            }
        }
        handler.mark_answered();
        effects.emit(Effect::Disarm(Timer::WriteTimeout(request)));
        effects.emit(Effect::AnswerWrite { request, outcome });
    }

    fn close_if_over(&mut self, request: RequestId) {
        if self.writes.get(request).is_some_and(WriteHandler::is_over) {
            self.writes.close(request);
        }
    }
}

/// The level has become impossible: how the write ends, before its timer.
//= WP-CO-12
fn early_miss<M, R: Rules + ?Sized>(
    context: &Context<'_, R>,
    plan: &ReplicaPlan,
    handler: &WriteHandler<M>,
) -> Option<Miss> {
    let at = Placement {
        plan,
        local: context.local,
    };
    let failed = handler.failed();
    let contacted = handler.awaiting.union(handler.acked).union(failed);
    let dead = plan.all().difference(contacted);
    if !context.rules.is_impossible(handler.level, at, failed, dead) {
        return None;
    }
    let counted = context.rules.counted(handler.level, at);
    let all_silent = handler
        .failures
        .iter()
        .filter(|failure| counted.contains(failure.position))
        .all(|failure| failure.reason == FailureReason::Timeout);
    Some(if all_silent { Miss::Timeout } else { Miss::Failure })
}

fn missed_outcome<M, R: Rules + ?Sized>(
    context: &Context<'_, R>,
    plan: &ReplicaPlan,
    handler: &WriteHandler<M>,
    miss: &Miss,
) -> WriteOutcome {
    let at = Placement {
        plan,
        local: context.local,
    };
    let level = handler.level;
    let block_for = context.rules.block_for_write(level, at);
    let received = context
        .rules
        .received(level, at, handler.acked, handler.hint_acked);
    match miss {
        Miss::Timeout => {
            let received = context.rules.received_in_timeout(received, block_for);
            WriteOutcome::WriteTimeout {
                level,
                received,
                block_for,
            }
        }
        Miss::Failure => WriteOutcome::WriteFailure {
            level,
            received,
            block_for,
            failures: handler
                .failures
                .iter()
                .filter_map(|failure| plan.node(failure.position).map(|node| (node, failure.reason)))
                .collect(),
        },
    }
}
