//! Blocking read repair: the read waits until what it returns is held by as many replicas as its level asks.
//!
//! Chapter: `specs/12-reads-and-read-repair.md`. Cassandra: `BlockingReadRepair`, `BlockingPartitionRepair`,
//! `ReplicaPlans.writeReadRepair`.

use super::Repair;
use crate::{
    Callback, Context, Effect, Effects, Message, Node, NodeId, Payload, Placement, ReadData as _,
    ReadOutcome, ReplicaSet, Reply, RequestId, Rules,
};

impl<P: Payload> Node<P> {
    /// The answers differed: each replica that lacks something is sent what it lacks.
    //= WP-RR-05
    pub(super) fn start_repair<R: Rules + ?Sized>(
        &mut self,
        context: &Context<'_, R>,
        request: RequestId,
        merged: P::Data,
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
        let at = Placement {
            plan,
            local: context.local,
        };
        // Decide
        let block_for = context.rules.block_for_write(handler.level, at);
        let responses = core::mem::take(&mut handler.responses);
        let counted = context.rules.counted(handler.level, at);
        let mut targets: ReplicaSet = ReplicaSet::EMPTY;
        for (position, _) in &responses {
            targets.insert(*position);
        }
        let others = context.live(plan).intersection(counted).difference(targets);
        for position in others.iter() {
            if targets.count() < block_for {
                targets.insert(position);
            }
        }
        let mut complete = 0;
        for position in targets.iter() {
            let mut answers = responses.iter();
            let answer = answers.find(|(answered, _)| *answered == position);
            let sent = sent::<P, _>(answer.map(|(_, data)| data), &merged, context.rules);
            //= WP-RR-06
            let (Some(mutation), Some(to)) = (sent, plan.node(position)) else {
                complete += 1;
                continue;
            };
            handler.awaiting.insert(position);
            // Ask
            effects.emit(if to == context.me {
                Effect::Append {
                    mutation,
                    reply: Reply {
                        to,
                        callback: Callback::ReadRepair(request),
                    },
                }
            } else {
                Effect::Send {
                    to,
                    message: Message::ReadRepair { request, mutation },
                }
            });
        }
        let wait_for = block_for.saturating_sub(complete);
        if wait_for == 0 || !context.rules.awaits_read_repair() {
            self.answer_read(request, ReadOutcome::Data(merged), effects);
        } else {
            handler.repair = Some(Repair { wait_for, merged });
        }
    }

    /// A target of the repair acknowledged.
    //= WP-RR-05
    pub(crate) fn read_repair_acknowledged<R: Rules + ?Sized>(
        &mut self,
        context: &Context<'_, R>,
        from: NodeId,
        request: RequestId,
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
        let (Some(position), Some(repair)) = (plan.position_of(from), &mut handler.repair) else {
            return;
        };
        if !handler.awaiting.remove(position) {
            return;
        }
        // Decide
        repair.wait_for = repair.wait_for.saturating_sub(1);
        // Ask
        if repair.wait_for == 0 {
            let merged = repair.merged.clone();
            self.answer_read(request, ReadOutcome::Data(merged), effects);
        }
    }
}

/// What a target of the repair is sent: what it lacks by its answer; everything, if it was not asked.
fn sent<P: Payload, R: Rules + ?Sized>(
    answer: Option<&P::Data>,
    merged: &P::Data,
    rules: &R,
) -> Option<P::Mutation> {
    let whole = || P::Data::default().difference(merged, rules);
    let lacked = match answer {
        Some(data) => data.difference(merged, rules),
        None => whole(),
    };
    match lacked {
        Some(mutation) => Some(mutation),
        None if rules.repairs_complete_replicas() => whole(),
        None => None,
    }
}
