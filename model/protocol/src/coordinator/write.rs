//! Admission and fan-out of a write.
//!
//! Chapter: `specs/03-coordination.md`. Cassandra: `StorageProxy.performWrite`, `sendToHintedReplicas`,
//! `sendMessagesToNonlocalDC`.

use super::WriteHandler;
use crate::hints::{hintable, should_hint};
use crate::{
    Callback, ConsistencyLevel, Context, Effect, Effects, ForwardTo, Hint, InvalidRequest, Message,
    Mutation as _, Node, Payload, Placement, PlanKey, ReplicaPlan, ReplicaSet, Reply, RequestId, Rules,
    Timer, WriteOutcome,
};

/// A write as the client and the driver's draw of remote coordinators describe it.
pub(crate) struct WriteRequest<P: Payload> {
    pub(crate) request: RequestId,
    pub(crate) mutation: P::Mutation,
    pub(crate) level: ConsistencyLevel,
    pub(crate) forwarders: ReplicaSet,
}

impl<P: Payload> Node<P> {
    /// A client asks for a write.
    pub(crate) fn write<R: Rules + ?Sized>(
        &mut self,
        context: &Context<'_, R>,
        write: WriteRequest<P>,
        effects: &mut impl Effects<P>,
    ) {
        // Check
        let request = write.request;
        let plan_key = context.ring.plan_key(&write.mutation.token());
        let plan = context
            .ring
            .plan(plan_key)
            .expect("the ring holds the plan of every key it hands out");
        let live = context.live(plan);
        if let Err(outcome) = admit(context, plan, write.level, live) {
            let is_refused = matches!(outcome, WriteOutcome::Unavailable(_) | WriteOutcome::Overloaded);
            if is_refused && context.rules.hints_refused_write() {
                let targets = hintable(context, plan, plan.all().difference(live));
                let hint = Hint::new(&write.mutation, context.now_ms);
                effects.emit(Effect::StoreHint {
                    plan: plan_key,
                    targets,
                    hint,
                    notify: None,
                });
            }
            effects.emit(Effect::AnswerWrite { request, outcome });
            return;
        }
        // Decide
        //= WP-CO-03
        let targets = hintable(context, plan, plan.all().difference(live));
        let waits_for_hint = !targets.is_empty() && context.rules.hint_counts_as_acknowledgement(write.level);
        let routes = Routes::of(context, plan, live, write.forwarders);
        self.writes.open(
            request,
            WriteHandler {
                plan: plan_key,
                level: write.level,
                answered: false,
                awaiting: routes.awaited(context.rules.awaits_forwarded_replicas()),
                acked: ReplicaSet::EMPTY,
                hint_acked: false,
                hint_pending: waits_for_hint,
                failures: alloc::vec::Vec::new(),
                mutation: write.mutation.clone(),
            },
        );
        // Ask
        if !targets.is_empty() {
            //= WP-HH-01
            let hint = Hint::new(&write.mutation, context.now_ms);
            let notify = waits_for_hint.then_some(request);
            effects.emit(Effect::StoreHint {
                plan: plan_key,
                targets,
                hint,
                notify,
            });
        }
        routes.ask(context, &write, (plan_key, plan), effects);
        //= WP-CO-19
        effects.emit(Effect::Arm(Timer::WriteTimeout(request)));
    }
}

/// Is the write taken? Nothing has been sent or stored when it is not.
//= WP-CO-09
fn admit<R: Rules + ?Sized>(
    context: &Context<'_, R>,
    plan: &ReplicaPlan,
    level: ConsistencyLevel,
    live: ReplicaSet,
) -> Result<(), WriteOutcome> {
    //= WP-CO-02
    if level.is_serial() {
        return Err(WriteOutcome::Invalid(InvalidRequest::SerialLevelForWrite));
    }
    let at = Placement {
        plan,
        local: context.local,
    };
    context
        .rules
        .assure_sufficient_live_replicas(level, at, live)
        .map_err(WriteOutcome::Unavailable)?;
    //= WP-CO-13
    let in_progress = context.view.hints_in_progress();
    let is_overloaded = plan.all().iter().any(|position| {
        plan.node(position).is_some_and(|node| {
            let for_target = context.view.hints_in_progress_for(node);
            let may_hint = should_hint(context, plan, position).is_ok();
            context
                .rules
                .is_overloaded(in_progress, for_target, may_hint, context.config)
        })
    });
    if is_overloaded {
        Err(WriteOutcome::Overloaded)
    } else {
        Ok(())
    }
}

/// How the live replicas are reached.
struct Routes {
    own: Option<u8>,
    direct: ReplicaSet,
    groups: alloc::vec::Vec<Group>,
}

/// The live replicas of another data centre and the one that passes the mutation on.
struct Group {
    forwarder: u8,
    behind: ReplicaSet,
}

impl Routes {
    //= WP-CO-15
    fn of<R: ?Sized>(
        context: &Context<'_, R>,
        plan: &ReplicaPlan,
        live: ReplicaSet,
        forwarders: ReplicaSet,
    ) -> Self {
        let own = plan
            .position_of(context.me)
            .filter(|position| live.contains(*position));
        let mut routes = Self {
            own,
            direct: ReplicaSet::EMPTY,
            groups: alloc::vec::Vec::new(),
        };
        for (datacenter, _) in plan.datacenters() {
            let mut members = live.intersection(plan.in_datacenter(datacenter));
            if let Some(position) = own {
                members.remove(position);
            }
            if datacenter == context.local {
                routes.direct = members;
                continue;
            }
            let drawn = members.intersection(forwarders).lowest();
            if let Some(forwarder) = drawn.or_else(|| members.lowest()) {
                members.remove(forwarder);
                routes.groups.push(Group {
                    forwarder,
                    behind: members,
                });
            }
        }
        routes
    }

    /// Replicas whose callback is registered.
    //= WP-CO-16
    fn awaited(&self, awaits_forwarded: bool) -> ReplicaSet {
        let mut awaited = self.direct;
        if let Some(position) = self.own {
            awaited.insert(position);
        }
        for group in &self.groups {
            awaited.insert(group.forwarder);
            if awaits_forwarded {
                awaited = awaited.union(group.behind);
            }
        }
        awaited
    }

    /// The coordinator's own copy is begun first, then its data centre is sent to, then the others.
    //= WP-CO-04
    fn ask<P: Payload, R: Rules + ?Sized>(
        &self,
        context: &Context<'_, R>,
        write: &WriteRequest<P>,
        (plan_key, plan): (PlanKey, &ReplicaPlan),
        effects: &mut impl Effects<P>,
    ) {
        let request = write.request;
        //= WP-CO-21
        if self.own.is_some() {
            let reply = Reply {
                to: context.me,
                callback: Callback::Write(request),
            };
            effects.emit(Effect::Append {
                mutation: write.mutation.clone(),
                reply,
            });
        }
        let mut send = |position: u8, behind: ReplicaSet| {
            let to = plan.node(position).expect("routes hold positions of the plan");
            let forward_to = (!behind.is_empty()).then_some(ForwardTo {
                plan: plan_key,
                targets: behind,
            });
            let mutation = write.mutation.clone();
            effects.emit(Effect::Send {
                to,
                message: Message::Mutation {
                    request,
                    mutation,
                    forward_to,
                    respond_to: None,
                },
            });
            for position in behind.with(position).iter() {
                //= WP-CO-19
                effects.emit(Effect::Arm(Timer::CallbackExpired { request, position }));
            }
        };
        for position in self.direct.iter() {
            send(position, ReplicaSet::EMPTY);
        }
        for group in &self.groups {
            send(group.forwarder, group.behind);
        }
    }
}
