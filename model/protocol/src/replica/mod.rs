//! What a node does as a replica: forward, append, answer. It remembers nothing between these.
//!
//! Chapter: `specs/05-replica-write.md`. Cassandra: `MutationVerbHandler`, `HintVerbHandler`,
//! `ReadRepairVerbHandler`, `ReadCommandVerbHandler`.

use crate::coordinator::ReplicaFailure;
use crate::hints::is_live;
use crate::{
    Callback, Context, Effect, Effects, FailureReason, ForwardTo, Hint, Message, Mutation as _, Node, NodeId,
    Payload, Reply, RequestId, Rules,
};

impl<P: Payload> Node<P> {
    /// `MUTATION_REQ` arrived.
    pub(crate) fn receive_mutation<R: Rules + ?Sized>(
        &mut self,
        context: &Context<'_, R>,
        reply: Reply,
        mutation: P::Mutation,
        forward_to: Option<ForwardTo>,
        effects: &mut impl Effects<P>,
    ) {
        // Ask: forwarding comes before everything of its own
        //= WP-CO-15
        if let (Some(forward), Callback::Write(request)) = (forward_to, reply.callback) {
            self.forward(context, reply.to, request, &mutation, forward, effects);
        }
        // Check
        let plan = context.ring.plan(context.ring.plan_key(&mutation.token()));
        let is_replica = plan.is_some_and(|plan| plan.position_of(context.me).is_some());
        //= WP-RW-02
        if !is_replica && context.config.reject_out_of_token_range_requests {
            self.complete(context, reply, Err(FailureReason::Unknown), effects);
            return;
        }
        // Ask
        //= WP-RW-01
        effects.emit(Effect::Append { mutation, reply });
    }

    //= WP-CO-15
    fn forward<R: Rules + ?Sized>(
        &self,
        context: &Context<'_, R>,
        coordinator: NodeId,
        request: RequestId,
        mutation: &P::Mutation,
        forward: ForwardTo,
        effects: &mut impl Effects<P>,
    ) {
        let Some(plan) = context.ring.plan(forward.plan) else {
            return;
        };
        for to in forward.targets.iter().filter_map(|position| plan.node(position)) {
            let mutation = mutation.clone();
            effects.emit(Effect::Send {
                to,
                message: Message::Mutation {
                    request,
                    mutation,
                    forward_to: None,
                    respond_to: Some(coordinator),
                },
            });
        }
    }

    /// `HINT_REQ` arrived: applied like a mutation if it still may be, acknowledged silently if not.
    //= WP-HH-09
    pub(crate) fn receive_hint<R: Rules + ?Sized>(
        &mut self,
        context: &Context<'_, R>,
        reply: Reply,
        hint: Hint<P::Mutation>,
        effects: &mut impl Effects<P>,
    ) {
        // Check
        if !is_live(context, &hint) {
            self.complete(context, reply, Ok(()), effects);
            return;
        }
        // Ask
        effects.emit(Effect::Append {
            mutation: hint.mutation,
            reply,
        });
    }

    /// A mutation waited in the queue past its deadline.
    //= WP-RW-05
    pub(crate) fn expired<R: Rules + ?Sized>(
        &mut self,
        context: &Context<'_, R>,
        mutation: P::Mutation,
        reply: Reply,
        effects: &mut impl Effects<P>,
    ) {
        //= WP-MS-06
        if context.rules.executes_expired(reply.to == context.me) {
            effects.emit(Effect::Append { mutation, reply });
        }
    }

    /// An append or a refusal is to be answered: by a message, or at once if this node itself waits for it.
    //= WP-RW-03
    pub(crate) fn complete<R: Rules + ?Sized>(
        &mut self,
        context: &Context<'_, R>,
        reply: Reply,
        result: Result<(), FailureReason>,
        effects: &mut impl Effects<P>,
    ) {
        let Reply { to, callback } = reply;
        match (to == context.me, result, callback) {
            (true, Ok(()), Callback::Write(request)) => {
                self.write_acknowledged(context, to, request, effects);
            }
            (true, Ok(()), Callback::ReadRepair(request)) => {
                self.read_repair_acknowledged(context, to, request, effects);
            }
            (true, Ok(()), Callback::Hint { dispatch, index }) => {
                self.hint_delivered(context, to, (dispatch, index), effects);
            }
            //= WP-RW-06
            (true, Err(reason), _) => self.failed(context, to, callback, reason, effects),
            (false, Ok(()), Callback::Write(request)) => {
                effects.emit(Effect::Send {
                    to,
                    message: Message::MutationResponse { request },
                });
            }
            (false, Ok(()), Callback::ReadRepair(request)) => {
                effects.emit(Effect::Send {
                    to,
                    message: Message::ReadRepairResponse { request },
                });
            }
            (false, Ok(()), Callback::Hint { dispatch, index }) => {
                effects.emit(Effect::Send {
                    to,
                    message: Message::HintResponse { dispatch, index },
                });
            }
            //= WP-RW-06
            (false, Err(reason), _) => {
                effects.emit(Effect::Send {
                    to,
                    message: Message::Failure { callback, reason },
                });
            }
            // A read is completed by its data, never by an append.
            (_, Ok(()), Callback::Read(_)) => {}
        }
    }

    /// This node's own data was read for a coordinator.
    pub(crate) fn read_completed<R: Rules + ?Sized>(
        &mut self,
        context: &Context<'_, R>,
        reply: Reply,
        data: P::Data,
        effects: &mut impl Effects<P>,
    ) {
        let Callback::Read(request) = reply.callback else {
            return;
        };
        if reply.to == context.me {
            self.read_answered(context, reply.to, request, data, effects);
        } else {
            effects.emit(Effect::Send {
                to: reply.to,
                message: Message::ReadResponse { request, data },
            });
        }
    }

    /// `FAILURE_RSP` arrived, or this node's own part failed.
    pub(crate) fn failed<R: Rules + ?Sized>(
        &mut self,
        context: &Context<'_, R>,
        from: NodeId,
        callback: Callback,
        reason: FailureReason,
        effects: &mut impl Effects<P>,
    ) {
        match callback {
            Callback::Write(request) => {
                let position = self
                    .writes
                    .get(request)
                    .and_then(|handler| context.ring.plan(handler.plan))
                    .and_then(|plan| plan.position_of(from));
                if let Some(position) = position {
                    self.replica_failed(context, request, ReplicaFailure { position, reason }, effects);
                }
            }
            Callback::Read(request) => self.read_failed(context, from, request, reason, effects),
            // The read waits on: its timer ends it. Cassandra: BlockingPartitionRepair ignores failures.
            //= WP-RR-08
            Callback::ReadRepair(_) => {}
            Callback::Hint { dispatch, .. } => self.end_dispatch(context, dispatch, true, effects),
        }
    }
}
