//! What happens to nodes and between them: crashes, restarts, flaps, views, partitions, time.

use super::{Disk, Envelope, HintStage, Life, Phase, State, System, bit};
use crate::action::Action;
use crate::payload::Register;
use crate::properties::{Breach, Reached};
use thymbra_protocol::{Message, NodeId};

impl System {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "`take` hands over the events of the environment alone"
    )]
    pub(super) fn take_environment(&self, state: &mut State, action: &Action) {
        match action {
            Action::Crash(node) => {
                state.budgets.crash -= 1;
                self.crash(state, *node, HintStage::Written);
            }
            Action::PowerLoss(node) => {
                state.budgets.power_loss -= 1;
                self.crash(state, *node, HintStage::Synced);
            }
            Action::Restart(node) => {
                let synced_at = self.sync_tick(state.tick);
                let started = state.node_mut(*node);
                started.life = Life::Up;
                started.synced_at = synced_at;
                if self.scope.detector == crate::scope::Detector::Lagging {
                    state.node_mut(*node).sees = bit(*node);
                }
            }
            Action::Pause(node) => {
                state.budgets.flap -= 1;
                state.node_mut(*node).life = Life::Paused;
                state.network.retain(|envelope| envelope.to != *node);
            }
            Action::Resume(node) => state.node_mut(*node).life = Life::Up,
            Action::Suspect { node, target } => state.node_mut(*node).sees &= !bit(*target),
            Action::Trust { node, target } => state.node_mut(*node).sees |= bit(*target),
            Action::Partition(side) => {
                state.budgets.partition -= 1;
                state.cut = *side;
                let crosses =
                    |envelope: &Envelope| (bit(envelope.from) & side == 0) != (bit(envelope.to) & side == 0);
                state.network.retain(|envelope| !crosses(envelope));
            }
            Action::Heal => state.cut = 0,
            Action::Tick => {
                state.budgets.ticks -= 1;
                state.tick += 1;
            }
            other => unreachable!("{other:?} is not an event of the environment"),
        }
        self.refresh_outages(state);
    }

    /// The process is gone, and with it what had not reached the stage that survives.
    fn crash(&self, state: &mut State, node: NodeId, surviving_hints: HintStage) {
        let is_power_loss = surviving_hints == HintStage::Synced;
        let gone = state.node_mut(node);
        let before = gone.disk.synced;
        let unsynced = gone.disk.appended != gone.disk.synced;
        let kept = match (is_power_loss, self.driver.loses_synced()) {
            (true, true) => Register::default(),
            (true, false) => gone.disk.synced,
            (false, _) => gone.disk.marked,
        };
        let mut hints = std::mem::take(&mut gone.disk.hints);
        //= WP-HH-11
        hints.retain(|hint| hint.stage >= surviving_hints);
        for hint in &mut hints {
            (hint.sending, hint.delivered) = (false, false);
        }
        hints.sort_unstable();
        let synced = if is_power_loss { kept } else { before };
        gone.disk = Disk {
            memory: kept,
            appended: kept,
            marked: kept,
            synced,
            pending: Vec::new(),
            hints,
        };
        gone.life = Life::Down;
        gone.node = thymbra_protocol::Node::default();
        (gone.sees, gone.synced_at) = (0, 0);
        for outage in &mut gone.outages {
            (outage.seen_since, outage.first_hint) = (None, None);
        }
        if !self.scope.restart {
            gone.dispatched = 0;
        }
        if is_power_loss && unsynced {
            self.note_reached(state, Reached::UnsyncedLost);
        }
        if is_power_loss && before.0.is_some_and(|mutation| !kept.covers(mutation)) {
            self.note_breach(state, Breach::SyncedLost);
        }
        let lost_forwarder = |envelope: &Envelope| {
            envelope.to == node
                && matches!(
                    envelope.message,
                    Message::Mutation {
                        forward_to: Some(_),
                        ..
                    }
                )
        };
        if state.network.iter().any(lost_forwarder) {
            self.note_reached(state, Reached::ForwarderLost);
        }
        state.network.retain(|envelope| envelope.to != node);
        for envelope in state.network.iter_mut().filter(|envelope| envelope.from == node) {
            envelope.orphaned = true;
        }
        state.network.sort_unstable();
        abandon_operations(state, node);
    }
}

/// Clients whose coordinator is gone will never know.
fn abandon_operations(state: &mut State, coordinator: NodeId) {
    let operations = state.operations.iter_mut();
    for operation in operations.filter(|operation| operation.coordinator == coordinator) {
        if operation.phase == Phase::Open {
            operation.phase = Phase::Abandoned;
            (operation.applied, operation.acked) = (0, 0);
        }
        operation.settled = 0;
    }
}

#[cfg(test)]
mod tests {
    use thymbra_types::Reference;

    use super::super::StoredHint;
    use super::*;
    use crate::payload::ModelMutation;
    use crate::scope::Scope;

    const HOLDER: NodeId = NodeId(0);
    const STAGES: [HintStage; 3] = [HintStage::Buffered, HintStage::Written, HintStage::Synced];

    /// Stages of the hints that are left when their holder held one of each.
    fn left_after(surviving: HintStage) -> Vec<HintStage> {
        let system = System::new(Scope::default(), &Reference).expect("the default bounds are possible");
        let mut state = system.initial_states().swap_remove(0);
        let mutation = ModelMutation {
            timestamp: 1,
            write: 0,
            gc_grace: 1,
        };
        state.node_mut(HOLDER).disk.hints = STAGES
            .map(|stage| StoredHint {
                target: NodeId(1),
                mutation,
                created: 0,
                stage,
                sending: false,
                delivered: false,
            })
            .into_iter()
            .collect();
        system.crash(&mut state, HOLDER, surviving);
        let hints = &state.node(HOLDER).disk.hints;
        hints.iter().map(|hint| hint.stage).collect()
    }

    //= WP-HH-11 check
    #[test]
    fn a_crash_takes_buffered_hints_and_a_power_loss_written_ones_as_well() {
        assert_eq!(
            left_after(HintStage::Written),
            [HintStage::Written, HintStage::Synced]
        );
        assert_eq!(left_after(HintStage::Synced), [HintStage::Synced]);
    }
}
