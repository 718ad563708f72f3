//! Read repair: whom it goes to, with what, and whether the read waits for it.

use thymbra_protocol::{Callback, ConsistencyLevel, Effect, Message, NodeId, Reply, RequestId};

use super::Watch;
use crate::payload::{ModelMutation, ModelPayload, Register};
use crate::properties::{Breach, Reached};
use crate::system::{NodeMask, State, System, bit, operation_of};

impl System {
    pub(super) fn answers(
        &self,
        state: &State,
        node: NodeId,
        request: RequestId,
        last: (NodeId, Register),
    ) -> Vec<(NodeId, Register)> {
        let checks_repair = [
            Breach::RepairUnneeded,
            Breach::RepairForeign,
            Breach::RepairLowered,
            Breach::RepairUnawaited,
        ]
        .iter()
        .any(|breach| self.breaches & *breach as u32 != 0);
        let (true, Some(handler)) = (checks_repair, state.node(node).node.reads.get(request)) else {
            return Vec::new();
        };
        let earlier = handler
            .responses
            .iter()
            .filter_map(|(position, data)| self.layout.plan().node(*position).map(|node| (node, *data)));
        earlier.chain([last]).collect()
    }

    pub(super) fn observe_repair(&self, state: &mut State, watch: &Watch, effects: &[Effect<ModelPayload>]) {
        let newest = watch
            .answers
            .iter()
            .filter_map(|(_, data)| data.0)
            .max_by_key(|mutation| mutation.rank());
        let held = |node: NodeId| {
            watch
                .answers
                .iter()
                .find(|(answered, _)| *answered == node)
                .map(|(_, data)| *data)
        };
        let mut repaired: NodeMask = 0;
        let mut asked = None;
        for (to, request, mutation) in effects.iter().filter_map(repair) {
            repaired |= bit(to);
            asked = Some(request);
            state.reach(self, Reached::RepairSent);
            let level = self
                .operation(operation_of(request))
                .map(|operation| operation.level);
            let is_foreign = level.is_some_and(ConsistencyLevel::is_datacenter_local)
                && self.layout.datacenter(to) != self.layout.datacenter(watch.node);
            if held(to).is_some_and(|data| data.0 == newest) {
                state.breach(self, Breach::RepairUnneeded);
            }
            if is_foreign {
                state.breach(self, Breach::RepairForeign);
            }
            if newest.is_none_or(|newest| mutation.rank() < newest.rank()) {
                state.breach(self, Breach::RepairLowered);
            }
        }
        let returned = effects
            .iter()
            .any(|effect| matches!(effect, Effect::AnswerRead { .. }));
        if let (Some(request), true) = (asked, returned) {
            let complete = watch.answers.iter().fold(0, |mask, (node, _)| mask | bit(*node)) & !repaired;
            let level = self
                .operation(operation_of(request))
                .map(|operation| operation.level);
            if level.is_some_and(|level| {
                !self
                    .layout
                    .meets(level, self.layout.datacenter(watch.node), complete)
            }) {
                state.breach(self, Breach::RepairUnawaited);
            }
        }
    }
}

/// Whom an effect repairs, for which read and with what.
fn repair(effect: &Effect<ModelPayload>) -> Option<(NodeId, RequestId, ModelMutation)> {
    match effect {
        Effect::Send {
            to,
            message: Message::ReadRepair { request, mutation },
        } => Some((*to, *request, *mutation)),
        Effect::Append {
            mutation,
            reply:
                Reply {
                    to,
                    callback: Callback::ReadRepair(request),
                },
        } => Some((*to, *request, *mutation)),
        Effect::Send { .. }
        | Effect::Append { .. }
        | Effect::ReadLocal { .. }
        | Effect::StoreHint { .. }
        | Effect::ReadHints { .. }
        | Effect::DeleteHints { .. }
        | Effect::ReturnHints { .. }
        | Effect::AnswerWrite { .. }
        | Effect::AnswerRead { .. }
        | Effect::Arm(_)
        | Effect::Disarm(_) => None,
    }
}
