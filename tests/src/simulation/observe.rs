//! What a step tells about its write: judged against the coordinator's view, entered into the account.
//!
//! Chapter: `specs/03-coordination.md`.

use thymbra_protocol::{
    Callback, ConsistencyLevel, Effect, Input, Message, NodeId, Reply, Rules, Timer, WriteOutcome,
};

use super::cluster;
use super::coverage::Label;
use super::driver::Driver;
use super::guarantee::{Guarantee, Verdict, require};
use super::rows::RowPayload;

impl<R: Rules + ?Sized> Driver<'_, R> {
    /// A write was refused exactly if too few replicas were believed alive, and then it left nothing.
    pub(super) fn judge_admission(&mut self, number: usize, effects: &[Effect<RowPayload>]) -> Verdict {
        let write = &self.history.writes[number];
        let site = self.site(write.coordinator);
        let alive: Vec<NodeId> = write
            .replicas
            .iter()
            .copied()
            .filter(|replica| site.believes_alive(*replica))
            .collect();
        let refusal = effects.iter().find_map(|effect| {
            let Effect::AnswerWrite { outcome, .. } = effect else {
                return None;
            };
            (*outcome != WriteOutcome::Success).then_some(outcome)
        });
        let detail = || format!("write {number} {write:?} with {alive:?} alive asked for {effects:?}");
        let is_serial = write.level.is_serial();
        let is_any = write.level == ConsistencyLevel::Any;
        let local = cluster::datacenter(write.coordinator);
        let suffices = is_any || cluster::meets(write.level, local, &alive);
        let is_right = match refusal {
            None => suffices && !is_serial,
            Some(WriteOutcome::Invalid(_)) => is_serial,
            Some(_) => !suffices && !is_serial,
        };
        require(is_right, Guarantee::AdmissionFollowsView, detail)?;
        if refusal.is_some() {
            return require(effects.len() == 1, Guarantee::RefusedLeavesNothing, detail);
        }
        let dead: Vec<NodeId> = write
            .replicas
            .iter()
            .copied()
            .filter(|replica| !alive.contains(replica))
            .collect();
        let mut excused = 0;
        for replica in dead {
            if !site.may_hint(replica, self.now_ms, self.options.hint_window_ms) {
                excused |= write.place(replica);
            }
        }
        let write = &mut self.history.writes[number];
        write.is_admitted = true;
        if excused != 0 {
            self.history.excuse(number, excused);
        }
        Ok(())
    }

    /// A read is refused exactly if too few replicas are believed alive, or for its level.
    pub(super) fn judge_read_admission(&self, number: usize, effects: &[Effect<RowPayload>]) -> Verdict {
        let read = &self.history.reads[number];
        let site = self.site(read.coordinator);
        let mut alive = self.replicas_of(read.partition);
        alive.retain(|replica| site.believes_alive(*replica));
        let suffices = cluster::meets(read.level, cluster::datacenter(read.coordinator), &alive);
        let is_invalid = read.level == ConsistencyLevel::Any;
        let refuses = effects
            .iter()
            .any(|effect| matches!(effect, Effect::AnswerRead { .. }));
        let is_right = refuses == (is_invalid || !suffices);
        require(is_right, Guarantee::AdmissionFollowsView, || {
            format!("read {number} {read:?} with {alive:?} alive asked for {effects:?}")
        })
    }

    /// Counts what an input tells about a write before the node sees it.
    pub(super) fn observe_input(&mut self, node: NodeId, input: &Input<RowPayload>) {
        let (request, from, failed) = match input {
            Input::Received {
                from,
                message: Message::MutationResponse { request },
            } => (*request, *from, false),
            Input::Received {
                from,
                message:
                    Message::Failure {
                        callback: Callback::Write(request),
                        ..
                    },
            } => (*request, *from, true),
            Input::Applied {
                reply:
                    Reply {
                        to,
                        callback: Callback::Write(request),
                    },
            } if *to == node => (*request, node, false),
            Input::ApplyFailed {
                reply:
                    Reply {
                        to,
                        callback: Callback::Write(request),
                    },
                ..
            } if *to == node => (*request, node, true),
            Input::Fired(timer) => {
                self.observe_timer(node, *timer);
                return;
            }
            Input::Write { .. }
            | Input::Read { .. }
            | Input::Received { .. }
            | Input::Applied { .. }
            | Input::ApplyFailed { .. }
            | Input::Expired { .. }
            | Input::ReadCompleted { .. }
            | Input::HintStored { .. }
            | Input::DispatchHints { .. }
            | Input::HintsRead { .. } => return,
        };
        let Some(number) = self.history.write_of.get(&(node, request)).copied() else {
            return;
        };
        let site = &self.sites[usize::from(node.0)];
        let is_open = site.machine.writes.get(request).is_some();
        if !is_open && site.write_names.is_reused(request) {
            self.history.coverage.reach(Label::StaleAnswerInReusedSlot);
        }
        if failed {
            if is_open {
                let may_hint = site.may_hint(from, self.now_ms, self.options.hint_window_ms);
                self.history.failed(number, from, may_hint);
            }
        } else {
            self.history.acknowledged(number, from, is_open);
        }
    }

    fn observe_timer(&mut self, node: NodeId, timer: Timer) {
        let site = &self.sites[usize::from(node.0)];
        let (is_open, is_reused) = match timer {
            Timer::WriteTimeout(request) | Timer::CallbackExpired { request, .. } => (
                site.machine.writes.get(request).is_some(),
                site.write_names.is_reused(request),
            ),
            Timer::ReadTimeout(request) => (
                site.machine.reads.get(request).is_some(),
                site.read_names.is_reused(request),
            ),
            Timer::HintTimeout(dispatch) => (
                site.machine.dispatches.get(dispatch).is_some(),
                site.dispatch_names.is_reused(dispatch),
            ),
        };
        if !is_open && is_reused {
            self.history.coverage.reach(Label::StaleTimerInReusedSlot);
        }
        let Timer::CallbackExpired { request, position } = timer else {
            return;
        };
        let number = self.history.write_of.get(&(node, request)).copied();
        if let (true, Some(number)) = (is_open, number) {
            let replica = self.history.writes[number].replicas[usize::from(position)];
            let may_hint = self
                .site(node)
                .may_hint(replica, self.now_ms, self.options.hint_window_ms);
            self.history.failed(number, replica, may_hint);
        }
    }
}
