//! Which answers are on their way: a timer that waits in vain must fire, one that overtakes an answer is a fault.
//!
//! `guard` asks. Chapter: `specs/questions/README.md`.

use thymbra_protocol::{Callback, Message, NodeId, RequestId};

use super::{State, System};
use crate::payload::ModelPayload;

impl System {
    /// An answer to the attempt of this generation, from this replica or from any, is on its way for sure.
    #[inline]
    pub(super) fn answer_may_arrive(&self, state: &State, expected: u32, replica: Option<NodeId>) -> bool {
        let concerns = |node: NodeId| replica.is_none_or(|replica| replica == node);
        let on_its_way = state.network.iter().any(|envelope| {
            !envelope.orphaned
                && answers(&envelope.message).is_some_and(|(request, leads_to)| {
                    request.generation == expected
                        && match leads_to {
                            LeadsTo::Receiver => concerns(envelope.to),
                            LeadsTo::Sender => concerns(envelope.from),
                            LeadsTo::Group(targets) => {
                                concerns(envelope.to)
                                    || targets
                                        .iter()
                                        .filter_map(|position| self.layout.plan().node(position))
                                        .any(concerns)
                            }
                        }
                })
        });
        on_its_way
            || state.node_ids().any(|node| {
                concerns(node)
                    && state.is_up(node)
                    && state
                        .node(node)
                        .disk
                        .pending
                        .iter()
                        .any(|pending| match pending.reply.callback {
                            Callback::Write(request)
                            | Callback::Read(request)
                            | Callback::ReadRepair(request) => request.generation == expected,
                            Callback::Hint { .. } => false,
                        })
            })
    }
}

/// Which replica's answer a message leads to.
enum LeadsTo {
    Receiver,
    Sender,
    Group(thymbra_protocol::ReplicaSet),
}

#[inline]
fn answers(message: &Message<ModelPayload>) -> Option<(RequestId, LeadsTo)> {
    match message {
        Message::Mutation {
            request,
            forward_to: Some(forward),
            ..
        } => Some((*request, LeadsTo::Group(forward.targets))),
        Message::Mutation { request, .. }
        | Message::Read { request, .. }
        | Message::ReadRepair { request, .. } => Some((*request, LeadsTo::Receiver)),
        Message::MutationResponse { request }
        | Message::ReadResponse { request, .. }
        | Message::ReadRepairResponse { request } => Some((*request, LeadsTo::Sender)),
        Message::Failure { callback, .. } => match callback {
            Callback::Write(request) | Callback::Read(request) => Some((*request, LeadsTo::Sender)),
            Callback::ReadRepair(_) | Callback::Hint { .. } => None,
        },
        Message::Hint { .. } | Message::HintResponse { .. } => None,
    }
}
