//! Contacts, answers and the outcome of a read.
//!
//! Chapter: `specs/12-reads-and-read-repair.md`. Cassandra: `StorageProxy.fetchRows`, `ReadCallback`.

use alloc::vec::Vec;

use super::{ReadHandler, ReadRepairStrategy};
use crate::{
    Callback, ConsistencyLevel, Context, Effect, Effects, FailureReason, InvalidRequest, Message, Node,
    NodeId, Payload, Placement, ReadCommand as _, ReadData as _, ReadOutcome, Reply, RequestId, Rules, Timer,
};

/// A read as the client, the table and the snitch describe it.
pub(crate) struct ReadRequest<P: Payload> {
    pub(crate) request: RequestId,
    pub(crate) command: P::Command,
    pub(crate) level: ConsistencyLevel,
    pub(crate) proximity: Vec<u8>,
    pub(crate) read_repair: ReadRepairStrategy,
}

impl<P: Payload> Node<P> {
    /// A client asks for a read.
    pub(crate) fn read<R: Rules + ?Sized>(
        &mut self,
        context: &Context<'_, R>,
        read: ReadRequest<P>,
        effects: &mut impl Effects<P>,
    ) {
        // Check
        let ReadRequest {
            request,
            command,
            level,
            proximity,
            read_repair,
        } = read;
        if level == ConsistencyLevel::Any {
            //= WP-RR-01
            let outcome = ReadOutcome::Invalid(InvalidRequest::AnyLevelForRead);
            effects.emit(Effect::AnswerRead { request, outcome });
            return;
        }
        let plan_key = context.ring.plan_key(&command.token());
        let plan = context
            .ring
            .plan(plan_key)
            .expect("the ring holds the plan of every key it hands out");
        let at = Placement {
            plan,
            local: context.local,
        };
        let contacts = match context
            .rules
            .contacts_for_read(level, at, context.live(plan), &proximity)
        {
            Ok(contacts) => contacts,
            Err(unavailable) => {
                let outcome = ReadOutcome::Unavailable(unavailable);
                effects.emit(Effect::AnswerRead { request, outcome });
                return;
            }
        };
        // Decide
        self.reads.open(
            request,
            ReadHandler {
                plan: plan_key,
                level,
                read_repair,
                awaiting: contacts,
                responses: Vec::new(),
                repair: None,
            },
        );
        // Ask
        for to in contacts.iter().filter_map(|position| plan.node(position)) {
            effects.emit(asked(context.me, to, request, &command));
        }
        effects.emit(Effect::Arm(Timer::ReadTimeout(request)));
    }

    /// A contact, the coordinator itself included, answered.
    //= WP-RR-03
    pub(crate) fn read_answered<R: Rules + ?Sized>(
        &mut self,
        context: &Context<'_, R>,
        from: NodeId,
        request: RequestId,
        data: P::Data,
        effects: &mut impl Effects<P>,
    ) {
        // Check
        let Some(handler) = self.reads.get_mut(request) else {
            return;
        };
        let plan = context
            .ring
            .plan(handler.plan)
            .expect("plans stay while a handler uses them");
        let Some(position) = plan.position_of(from) else {
            return;
        };
        if handler.repair.is_some() || !handler.awaiting.remove(position) {
            return;
        }
        // Decide
        handler.responses.push((position, data));
        handler.responses.sort_unstable();
        if !handler.awaiting.is_empty() {
            return;
        }
        let mut merged = P::Data::default();
        for (_, data) in &handler.responses {
            merged.merge(data, context.rules);
        }
        //= WP-RR-09
        let is_consistent = handler.responses.iter().all(|(_, data)| *data == merged);
        // Ask
        match (is_consistent, handler.read_repair) {
            //= WP-RR-07
            (true, _) | (false, ReadRepairStrategy::None) => {
                self.answer_read(request, ReadOutcome::Data(merged), effects);
            }
            (false, ReadRepairStrategy::Blocking) => self.start_repair(context, request, merged, effects),
        }
    }

    /// A contact failed explicitly.
    //= WP-RR-04
    pub(crate) fn read_failed<R: Rules + ?Sized>(
        &mut self,
        context: &Context<'_, R>,
        from: NodeId,
        request: RequestId,
        reason: FailureReason,
        effects: &mut impl Effects<P>,
    ) {
        // Check
        let Some(handler) = self.reads.get_mut(request) else {
            return;
        };
        let plan = context
            .ring
            .plan(handler.plan)
            .expect("plans stay while a handler uses them");
        let Some(position) = plan.position_of(from) else {
            return;
        };
        if handler.repair.is_some() || !handler.awaiting.remove(position) {
            return;
        }
        // Decide: each contact is needed, since no more are asked than the level needs
        let at = Placement {
            plan,
            local: context.local,
        };
        let outcome = ReadOutcome::ReadFailure {
            level: handler.level,
            received: handler.responses.len(),
            block_for: context.rules.block_for(handler.level, at),
            failures: Vec::from([(from, reason)]),
        };
        // Ask
        self.answer_read(request, outcome, effects);
    }

    /// The client has waited long enough.
    //= WP-RR-04
    pub(crate) fn read_timed_out<R: Rules + ?Sized>(
        &mut self,
        context: &Context<'_, R>,
        request: RequestId,
        effects: &mut impl Effects<P>,
    ) {
        // Check
        let Some(handler) = self.reads.get(request) else {
            return;
        };
        let plan = context
            .ring
            .plan(handler.plan)
            .expect("plans stay while a handler uses them");
        // Decide
        let level = handler.level;
        let block_for = context.rules.block_for(
            level,
            Placement {
                plan,
                local: context.local,
            },
        );
        let (received, data_present) = match &handler.repair {
            None => (handler.responses.len(), !handler.responses.is_empty()),
            Some(repair) => (block_for.saturating_sub(repair.wait_for), true),
        };
        let received = received.min(block_for.saturating_sub(1));
        // Ask
        self.answer_read(
            request,
            ReadOutcome::ReadTimeout {
                level,
                received,
                block_for,
                data_present,
            },
            effects,
        );
    }

    pub(super) fn answer_read(
        &mut self,
        request: RequestId,
        outcome: ReadOutcome<P::Data>,
        effects: &mut impl Effects<P>,
    ) {
        self.reads.close(request);
        effects.emit(Effect::Disarm(Timer::ReadTimeout(request)));
        effects.emit(Effect::AnswerRead { request, outcome });
    }
}

/// How a contact is asked: the coordinator itself without a message.
fn asked<P: Payload>(me: NodeId, to: NodeId, request: RequestId, command: &P::Command) -> Effect<P> {
    let command = command.clone();
    if to == me {
        Effect::ReadLocal {
            command,
            reply: Reply {
                to,
                callback: Callback::Read(request),
            },
        }
    } else {
        Effect::Send {
            to,
            message: Message::Read { request, command },
        }
    }
}
