//! What a node of the model knows of the others: the protocol's [`View`] on a state.

use thymbra_protocol::{NodeId, TargetHistory, View};

use super::{HintStage, NodeMask, State, System, TICK_MS, bit};

/// The view of one node at one step.
pub(super) struct ModelView<'a> {
    pub(super) system: &'a System,
    pub(super) state: &'a State,
    pub(super) node: NodeId,
    /// The view of an arbitrary detector, drawn for this step.
    pub(super) drawn: Option<NodeMask>,
}

impl View for ModelView<'_> {
    fn is_alive(&self, node: NodeId) -> bool {
        match self.drawn {
            Some(alive) => alive & bit(node) != 0,
            None => self.system.believes_alive(self.state, self.node, node),
        }
    }

    fn target_history(&self, node: NodeId) -> TargetHistory {
        let age = |since: u8| u64::from(self.state.tick.saturating_sub(since)) * TICK_MS;
        let me = self.state.node(self.node);
        let outage = me.outages.get(usize::from(node.0)).copied().unwrap_or_default();
        let written = me
            .disk
            .hints
            .iter()
            .filter(|hint| hint.target == node && hint.stage != HintStage::Buffered);
        TargetHistory {
            has_host_id: true,
            downtime_ms: outage.seen_since.map_or(0, age),
            outage_ms: outage.down_since.map_or(0, age),
            oldest_written_hint_ms: written.map(|hint| hint.created).min().map(age),
            first_hint_ever_ms: outage.first_hint.map(age),
            hints_size_bytes: 0,
        }
    }

    fn has_same_schema(&self, _node: NodeId) -> bool {
        true
    }

    fn hints_in_progress(&self) -> usize {
        0
    }

    fn hints_in_progress_for(&self, _node: NodeId) -> usize {
        0
    }
}

impl System {
    /// Notes who went down or came back for whom, where time counts.
    pub(super) fn refresh_outages(&self, state: &mut State) {
        if !self.counts_time() {
            return;
        }
        let tick = state.tick;
        for node in state.node_ids() {
            for target in state.node_ids().filter(|target| *target != node) {
                let sees_up = self.believes_alive(state, node, target);
                let is_up = state.is_up(target) && state.are_connected(node, target);
                let runs = state.is_up(node);
                let Some(outage) = state.node_mut(node).outages.get_mut(usize::from(target.0)) else {
                    continue;
                };
                //= WP-FD-03
                outage.seen_since = match (runs, sees_up) {
                    (false, _) | (true, true) => None,
                    (true, false) => outage.seen_since.or(Some(tick)),
                };
                outage.down_since = if is_up {
                    None
                } else {
                    outage.down_since.or(Some(tick))
                };
            }
        }
    }
}
