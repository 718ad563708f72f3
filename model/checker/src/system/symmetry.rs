//! Symmetry: of actions that differ only by an exchange of two nodes that nothing tells apart, one is explored.
//!
//! Two nodes may be exchanged in a state if the exchange leaves the state as it is. Every state that is left out is
//! the image of one that is explored, at the same depth and with the same properties, so that verdicts and shortest
//! ways stay what they are.

use thymbra_protocol::{ForwardTo, Message, NodeId, ReplicaSet};

use super::{NodeMask, NodeState, State, System, bit};
use crate::action::Action;

/// The exchange of two nodes, and of their positions in the plan if they are replicas.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exchange {
    nodes: (NodeId, NodeId),
    positions: Option<(u8, u8)>,
}

impl Exchange {
    fn node(self, node: NodeId) -> NodeId {
        let (left, right) = self.nodes;
        if node == left {
            right
        } else if node == right {
            left
        } else {
            node
        }
    }

    fn mask(self, mask: NodeMask) -> NodeMask {
        let (left, right) = (bit(self.nodes.0), bit(self.nodes.1));
        let differs = (mask & left == 0) != (mask & right == 0);
        if differs { mask ^ (left | right) } else { mask }
    }

    fn position(self, position: u8) -> u8 {
        match self.positions {
            Some((left, right)) if position == left => right,
            Some((left, right)) if position == right => left,
            Some(_) | None => position,
        }
    }

    fn set(self, set: ReplicaSet) -> ReplicaSet {
        match self.positions {
            Some((left, right)) if set.contains(left) != set.contains(right) => {
                ReplicaSet::from_bits(set.bits() ^ ReplicaSet::single(left).with(right).bits())
            }
            Some(_) | None => set,
        }
    }

    /// The state with the two nodes exchanged.
    fn state(self, state: &State) -> State {
        let mut image = state.clone();
        let (left, right) = (usize::from(self.nodes.0.0), usize::from(self.nodes.1.0));
        image.nodes.swap(left, right);
        for node in image.nodes.iter_mut() {
            self.inside(node, left, right);
        }
        for envelope in &mut image.network {
            envelope.to = self.node(envelope.to);
            envelope.from = self.node(envelope.from);
            if let Message::Mutation {
                forward_to,
                respond_to,
                ..
            } = &mut envelope.message
            {
                *forward_to = forward_to.map(|forward| ForwardTo {
                    targets: self.set(forward.targets),
                    ..forward
                });
                *respond_to = respond_to.map(|node| self.node(node));
            }
        }
        image.network.sort_unstable();
        for operation in &mut image.operations {
            operation.coordinator = if operation.attempts > 0 {
                self.node(operation.coordinator)
            } else {
                operation.coordinator
            };
            operation.applied = self.mask(operation.applied);
            operation.acked = self.mask(operation.acked);
            operation.settled = self.mask(operation.settled);
        }
        image.cut = self.mask(image.cut);
        image
    }

    fn inside(self, node: &mut NodeState, left: usize, right: usize) {
        for open in node.node.writes.values_mut() {
            open.awaiting = self.set(open.awaiting);
            open.acked = self.set(open.acked);
            for failure in &mut open.failures {
                failure.position = self.position(failure.position);
            }
            open.failures.sort_unstable();
        }
        for open in node.node.reads.values_mut() {
            open.awaiting = self.set(open.awaiting);
            for (position, _) in &mut open.responses {
                *position = self.position(*position);
            }
            open.responses.sort_unstable();
        }
        for open in node.node.dispatches.values_mut() {
            open.target = self.node(open.target);
        }
        for pending in &mut node.disk.pending {
            pending.reply.to = self.node(pending.reply.to);
        }
        for hint in &mut node.disk.hints {
            hint.target = self.node(hint.target);
        }
        node.disk.hints.sort_unstable();
        node.sees = self.mask(node.sees);
        if node.outages.len() > left.max(right) {
            node.outages.swap(left, right);
        }
    }

    /// The nodes that an action names, exchanged and as they are: the smaller one stands for both.
    fn names_smaller(self, action: &Action) -> bool {
        let nodes = |left: NodeId, right: NodeId| (self.node(left), self.node(right)) < (left, right);
        match action {
            Action::Write {
                node,
                forwarders,
                sees,
                ..
            } => {
                let sees = sees.unwrap_or(0);
                (self.node(*node), self.mask(*forwarders), self.mask(sees)) < (*node, *forwarders, sees)
            }
            Action::Read {
                node, nearest, sees, ..
            } => {
                let sees = sees.unwrap_or(0);
                (self.node(*node), self.mask(*nearest), self.mask(sees)) < (*node, *nearest, sees)
            }
            Action::Deliver(envelope)
            | Action::Lose(envelope)
            | Action::Duplicate(envelope)
            | Action::Fail(envelope)
            | Action::Drop(envelope) => nodes(envelope.to, envelope.from),
            Action::Apply { node, .. }
            | Action::FailApply { node, .. }
            | Action::DropApply { node, .. }
            | Action::StoreHints { node, .. }
            | Action::Expire { node, .. }
            | Action::Mark(node)
            | Action::Sync(node)
            | Action::WriteHints(node)
            | Action::SyncHints(node)
            | Action::Crash(node)
            | Action::PowerLoss(node)
            | Action::Restart(node)
            | Action::Pause(node)
            | Action::Resume(node) => nodes(*node, *node),
            Action::DispatchHints { node, target }
            | Action::HintTimeout { node, target }
            | Action::Suspect { node, target }
            | Action::Trust { node, target } => nodes(*node, *target),
            Action::Partition(side) => self.mask(*side) < *side,
            Action::Timeout { .. } | Action::Heal | Action::Tick => false,
        }
    }
}

impl System {
    /// The exchanges of nodes that no part of the scope tells apart.
    pub(super) fn exchanges(scope: &crate::scope::Scope, layout: &crate::layout::Layout) -> Vec<Exchange> {
        if layout.pending != 0 {
            // A repair that is topped up takes the replica of the lowest position.
            return Vec::new();
        }
        let nodes = 0..u16::try_from(scope.node_count()).expect("validated: at most 16 nodes");
        let is_named = |node: u16| {
            scope
                .operations
                .iter()
                .any(|operation| operation.coordinator == Some(node))
        };
        let role = |node: u16| {
            let node = NodeId(node);
            (
                layout.datacenter(node),
                layout.natural & bit(node) != 0,
                layout.pending & bit(node) != 0,
            )
        };
        let pairs = nodes.clone().flat_map(|left| {
            nodes
                .clone()
                .skip(usize::from(left) + 1)
                .map(move |right| (left, right))
        });
        pairs
            .filter(|(left, right)| role(*left) == role(*right) && !is_named(*left) && !is_named(*right))
            .map(|(left, right)| {
                let (left, right) = (NodeId(left), NodeId(right));
                let plan = layout.plan();
                Exchange {
                    nodes: (left, right),
                    positions: plan.position_of(left).zip(plan.position_of(right)),
                }
            })
            .collect()
    }

    /// Leaves out actions of which an exchange of equal nodes makes one that is explored.
    pub(super) fn drop_images(&self, state: &State, actions: &mut Vec<Action>) {
        if actions.len() < 2 {
            return;
        }
        for exchange in &self.exchanges {
            if is_promising(state, *exchange) && exchange.state(state) == *state {
                actions.retain(|action| !exchange.names_smaller(action));
            }
        }
    }
}

/// A quick look before the exchange is made: both nodes hold the same and nobody coordinates at one of them alone.
fn is_promising(state: &State, exchange: Exchange) -> bool {
    let (left, right) = (state.node(exchange.nodes.0), state.node(exchange.nodes.1));
    left.life == right.life
        && left.disk.memory == right.disk.memory
        && left.node.writes.is_empty() == right.node.writes.is_empty()
        && left.node.reads.is_empty() == right.node.reads.is_empty()
        && left.disk.hints.len() == right.disk.hints.len()
        && state.operations.iter().all(|operation| {
            let both = bit(exchange.nodes.0) | bit(exchange.nodes.1);
            operation.attempts == 0
                || bit(operation.coordinator) & both == 0 && {
                    let applied = operation.applied & both;
                    applied == 0 || applied == both
                }
        })
}
