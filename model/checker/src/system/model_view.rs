//! What a node of the model knows of the others: the protocol's [`View`] on a state.

use thymbra_protocol::{NodeId, TargetHistory, View};

use super::{HintStage, Life, NodeMask, State, System, TICK_MS, bit};
use crate::payload::HINT_SIZE_BYTES;

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
            .filter(|hint| hint.target == node && hint.stage >= HintStage::Written);
        let hints_size_bytes = match self.system.scope.hints_size_max_bytes {
            0 => 0,
            _ => written.clone().map(|_| HINT_SIZE_BYTES).sum(),
        };
        TargetHistory {
            has_host_id: true,
            downtime_ms: outage.seen_since.map_or(0, age),
            outage_ms: outage.down_since.map_or(0, age),
            oldest_written_hint_ms: written.map(|hint| hint.created).min().map(age),
            first_hint_ever_ms: outage.first_hint.map(age),
            hints_size_bytes,
        }
    }

    fn has_same_schema(&self, _node: NodeId) -> bool {
        true
    }

    fn hints_in_progress(&self) -> usize {
        self.system.hints_in_progress(self.state, self.node, |_| true)
    }

    fn hints_in_progress_for(&self, node: NodeId) -> usize {
        self.system
            .hints_in_progress(self.state, self.node, |target| target == node)
    }
}

impl System {
    /// Hints of a node for such targets whose task has not completed.
    pub(super) fn hints_in_progress(
        &self,
        state: &State,
        node: NodeId,
        is_counted: impl Fn(NodeId) -> bool,
    ) -> usize {
        if !self.scope.slow_hints {
            return 0;
        }
        let hints = state.node(node).disk.hints.iter();
        hints
            .filter(|hint| hint.stage == HintStage::Submitted && is_counted(hint.target))
            .count()
    }

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
                let runs = state.node(node).life != Life::Down;
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

#[cfg(test)]
mod tests {
    use thymbra_types::Reference;

    use super::super::Life;
    use super::*;
    use crate::configurations::bounds;

    //= WP-FD-03 check
    #[test]
    fn downtime_begins_when_this_process_sees_the_target_die_and_ends_with_either_of_them() {
        let system = System::new(bounds::two_outages(), &Reference).expect("the bounds are possible");
        let mut state = system.initial_states().swap_remove(0);
        let downtime_ticks = |state: &mut State, tick, watcher: Life, target: Life| {
            state.tick = tick;
            state.node_mut(NodeId(0)).life = watcher;
            state.node_mut(NodeId(1)).life = target;
            system.refresh_outages(state);
            let view = ModelView {
                system: &system,
                state,
                node: NodeId(0),
                drawn: None,
            };
            view.target_history(NodeId(1)).downtime_ms / TICK_MS
        };
        assert_eq!(downtime_ticks(&mut state, 1, Life::Up, Life::Up), 0);
        assert_eq!(downtime_ticks(&mut state, 2, Life::Up, Life::Down), 0);
        assert_eq!(downtime_ticks(&mut state, 5, Life::Up, Life::Down), 3);
        // The target comes back, and is away again.
        assert_eq!(downtime_ticks(&mut state, 6, Life::Up, Life::Up), 0);
        assert_eq!(downtime_ticks(&mut state, 7, Life::Up, Life::Down), 0);
        assert_eq!(downtime_ticks(&mut state, 9, Life::Up, Life::Down), 2);
        // This process restarts while the target is away.
        downtime_ticks(&mut state, 10, Life::Down, Life::Down);
        assert_eq!(downtime_ticks(&mut state, 11, Life::Up, Life::Down), 0);
        assert_eq!(downtime_ticks(&mut state, 12, Life::Up, Life::Down), 1);
    }
}
