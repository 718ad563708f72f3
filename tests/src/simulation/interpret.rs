//! What effects lead to, and what happens at an event: network, disk, hints.
//!
//! Chapter: `specs/06-commit-log.md`, `specs/10-hinted-handoff.md`.

use thymbra_durability::SyncMode;
use thymbra_protocol::{
    Callback, Effect, FailureReason, HINTS_PER_PAGE, Hint, Input, Message, NodeId, Reply, RequestId, Rules,
    Timer,
};

use super::coverage::Label;
use super::driver::{Driver, Event, WRITE_TIMEOUT_MS};
use super::guarantee::{Guarantee, Verdict, require};
use super::rows::{self, RowMutation, RowPayload};
use super::site::{HintStage, PageItem, StoredHint, WaitingAppend};

/// `read_request_timeout`, ms.
const READ_TIMEOUT_MS: u64 = 3000;
/// How long the pass that finds silent replicas may take to come by, ms.
const REAPER_MS: u64 = 1000;

impl<R: Rules + ?Sized> Driver<'_, R> {
    /// Begins one effect.
    pub(super) fn carry_out(
        &mut self,
        node: NodeId,
        effect: Effect<RowPayload>,
        deadline_ms: Option<u64>,
    ) -> Verdict {
        match effect {
            Effect::Send { to, message } => self.send(node, to, message),
            Effect::Append { mutation, reply } => {
                let delay = self.queue_delay();
                let event = Event::Append {
                    mutation,
                    reply,
                    deadline_ms,
                };
                self.schedule_local(node, delay, event);
            }
            Effect::ReadLocal { command, reply } => {
                let delay = self.random.between(0, 3);
                self.schedule_local(node, delay, Event::Read { command, reply });
            }
            Effect::StoreHint {
                plan,
                targets,
                hint,
                notify,
            } => {
                let targets = self.nodes_at(plan, targets);
                return self.begin_hint_task(node, targets, hint, notify);
            }
            Effect::ReadHints { dispatch, target } => {
                let delay = self.random.between(0, 5);
                self.schedule_local(node, delay, Event::ReadHints { dispatch, target });
            }
            Effect::DeleteHints { dispatch, target } => return self.delete_hints(node, dispatch, target),
            Effect::ReturnHints { dispatch, .. } => {
                self.site_mut(node).pages.remove(&dispatch);
                self.history.coverage.reach(Label::PageReturned);
            }
            Effect::AnswerWrite { request, outcome } => {
                self.note(node, "answers the write", None, Some(request));
                let number = self.history.write_of[&(node, request)];
                let replicas = &self.history.writes[number].replicas;
                let site = self.site(node);
                let nobody = !replicas
                    .iter()
                    .any(|replica| site.may_hint(*replica, self.now_ms, self.options.hint_window_ms));
                return self.history.answer_write(number, outcome, nobody);
            }
            Effect::AnswerRead { request, outcome } => {
                self.note(node, "answers the read", None, Some(request));
                let number = self.history.read_of[&(node, request)];
                return self.history.answer_read(number, &outcome);
            }
            Effect::Arm(timer) => {
                let delay = match timer {
                    Timer::WriteTimeout(_) | Timer::HintTimeout(_) => WRITE_TIMEOUT_MS,
                    Timer::CallbackExpired { .. } => WRITE_TIMEOUT_MS + self.random.between(1, REAPER_MS),
                    Timer::ReadTimeout(_) => READ_TIMEOUT_MS,
                };
                self.schedule_local(node, delay, Event::Fire(timer));
            }
            // Timers are left running: the node has to tell stale ones apart by itself.
            Effect::Disarm(_) => {}
        }
        Ok(())
    }

    fn begin_hint_task(
        &mut self,
        node: NodeId,
        targets: Vec<NodeId>,
        hint: Hint<RowMutation>,
        notify: Option<RequestId>,
    ) -> Verdict {
        self.observe_hint(node, &targets, &hint.mutation)?;
        for target in &targets {
            self.site_mut(node).hint_tasks[usize::from(target.0)] += 1;
        }
        let delay = self.random.between(0, 5);
        let event = Event::StoreHint {
            targets,
            hint,
            notify,
        };
        self.schedule_local(node, delay, event);
        Ok(())
    }

    fn send(&mut self, from: NodeId, to: NodeId, message: Message<RowPayload>) {
        match &message {
            Message::Mutation {
                forward_to: Some(_), ..
            } => self.history.coverage.reach(Label::Forwarded),
            Message::ReadRepair { .. } => self.history.coverage.reach(Label::RepairSent),
            Message::Mutation { .. }
            | Message::MutationResponse { .. }
            | Message::Hint { .. }
            | Message::HintResponse { .. }
            | Message::Read { .. }
            | Message::ReadResponse { .. }
            | Message::ReadRepairResponse { .. }
            | Message::Failure { .. } => {}
        }
        if !self.is_calm && self.random.chance(5) {
            self.lose(&message);
            return;
        }
        let copies = if !self.is_calm && self.random.chance(10) {
            2
        } else {
            1
        };
        for _ in 0..copies {
            let delay = self.network_delay();
            let event = Event::Deliver {
                from,
                message: message.clone(),
                deadline_ms: self.now_ms + WRITE_TIMEOUT_MS,
            };
            self.schedule(to, delay, event);
        }
        if copies > 1 {
            self.history.coverage.reach(Label::MessageDuplicated);
        }
    }

    fn lose(&mut self, message: &Message<RowPayload>) {
        self.history.coverage.reach(Label::MessageLost);
        if let Message::Mutation {
            forward_to: Some(_), ..
        } = message
        {
            self.history.coverage.reach(Label::ForwarderLost);
        }
    }

    /// A message reaches its node, or does not.
    pub(super) fn deliver(
        &mut self,
        node: NodeId,
        from: NodeId,
        message: Message<RowPayload>,
        deadline_ms: u64,
    ) -> Verdict {
        if !self.site(node).is_up || !self.are_connected(from, node) {
            self.lose(&message);
            return Ok(());
        }
        let is_request = matches!(
            message,
            Message::Mutation { .. }
                | Message::Hint { .. }
                | Message::Read { .. }
                | Message::ReadRepair { .. }
        );
        if is_request && self.now_ms > deadline_ms {
            self.history.coverage.reach(Label::MessageExpired);
            self.lose(&message);
            return Ok(());
        }
        self.note(node, message.verb(), Some(from), None);
        self.step(node, Input::Received { from, message }, Some(deadline_ms))
    }

    /// A mutation leaves the queue of its stage: too late, in vain, or into the commit log.
    pub(super) fn append(
        &mut self,
        node: NodeId,
        mutation: RowMutation,
        reply: Reply,
        deadline_ms: Option<u64>,
    ) -> Verdict {
        let is_own = reply.to == node;
        if deadline_ms.is_some_and(|deadline| self.now_ms > deadline) {
            self.history.coverage.reach(if is_own {
                Label::OwnCopyExpired
            } else {
                Label::ReplicaCopyExpired
            });
            return self.step(node, Input::Expired { mutation, reply }, None);
        }
        if !self.is_calm && self.random.chance(4) {
            self.history.coverage.reach(Label::AppendFailed);
            let reason = FailureReason::Unknown;
            return self.step(node, Input::ApplyFailed { reply, reason }, None);
        }
        let now_ms = self.now_ms;
        let rules = self.rules;
        let log = &mut self.site_mut(node).log;
        log.entries.push((mutation, false));
        let end = log.entries.len();
        let waiting = WaitingAppend {
            end,
            appended_ms: now_ms,
            reply,
        };
        let asks = rules.requires_sync(&log.mode) && !log.is_syncing;
        if asks {
            log.is_syncing = true;
        }
        let mode = log.mode;
        let may = rules.may_acknowledge(&mode, &log.progress(end, now_ms));
        if asks {
            self.schedule_local(node, 0, Event::SyncBegin);
        }
        if may {
            return self.apply(node, &waiting);
        }
        self.history.coverage.reach(match mode {
            SyncMode::Periodic { .. } => Label::PeriodicWaited,
            SyncMode::Batch | SyncMode::Group { .. } => Label::BatchWaited,
        });
        self.site_mut(node).log.waiting.push(waiting);
        Ok(())
    }

    /// The acknowledgement may leave: the memtable takes the entry, and the append is complete.
    fn apply(&mut self, node: NodeId, waiting: &WaitingAppend) -> Verdict {
        let rules = self.rules;
        let site = self.site_mut(node);
        let is_synced = site.log.synced >= waiting.end;
        let waits_for_sync = !matches!(site.log.mode, SyncMode::Periodic { .. });
        require(
            is_synced || !waits_for_sync,
            Guarantee::SyncedBeforeAcknowledged,
            || format!("{node} acknowledges {waiting:?} with {} synced", site.log.synced),
        )?;
        let entry = &mut site.log.entries[waiting.end - 1];
        entry.1 = true;
        let mutation = entry.0.clone();
        site.memory[rows::partition_number(&mutation.mutation.key)].apply(&mutation, rules);
        self.history.applied(node, &mutation);
        let reply = waiting.reply;
        if let Callback::Hint { dispatch, index } = reply.callback
            && let Some(page) = self.site_mut(reply.to).pages.get_mut(&dispatch)
        {
            page[usize::from(index)].delivered = true;
            self.history.coverage.reach(Label::HintDelivered);
        }
        self.step(node, Input::Applied { reply }, None)
    }

    /// A sync ended: who waited for it goes on.
    pub(super) fn end_sync(&mut self, node: NodeId, end: usize, started_ms: u64) -> Verdict {
        let rules = self.rules;
        let log = &mut self.site_mut(node).log;
        log.is_syncing = false;
        log.synced = log.synced.max(end);
        log.marked = log.marked.max(end);
        log.last_sync_started_ms = started_ms;
        let waiting = core::mem::take(&mut log.waiting);
        let (ready, rest): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|waiting| {
            rules.may_acknowledge(&log.mode, &log.progress(waiting.end, waiting.appended_ms))
        });
        let asks = rules.requires_sync(&log.mode) && !rest.is_empty();
        log.waiting = rest;
        log.is_syncing = asks;
        if asks {
            self.schedule_local(node, 0, Event::SyncBegin);
        }
        for waiting in ready {
            self.apply(node, &waiting)?;
        }
        Ok(())
    }

    fn observe_hint(&mut self, node: NodeId, targets: &[NodeId], mutation: &RowMutation) -> Verdict {
        let site = self.site(node);
        let owed = targets
            .iter()
            .all(|target| site.may_hint(*target, self.now_ms, self.options.hint_window_ms));
        require(owed, Guarantee::HintKeepsWindow, || {
            format!("{node} hints {targets:?} for {mutation:?}")
        })?;
        for number in mutation.writes() {
            let write = &mut self.history.writes[number];
            for target in targets {
                let place = write.place(*target);
                let label = if write.failed & place == 0 {
                    Label::HintStoredAtAdmission
                } else {
                    Label::HintStoredLater
                };
                write.hinted |= place;
                self.history.coverage.reach(label);
            }
        }
        Ok(())
    }

    /// A hint task is done.
    pub(super) fn store_hint(
        &mut self,
        node: NodeId,
        targets: &[NodeId],
        hint: &Hint<RowMutation>,
        notify: Option<RequestId>,
    ) -> Verdict {
        let site = self.site_mut(node);
        for target in targets {
            let index = usize::from(target.0);
            site.hint_tasks[index] -= 1;
            site.hints_stored += 1;
            let id = site.hints_stored;
            site.hints[index].push_back(StoredHint {
                id,
                hint: hint.clone(),
                stage: HintStage::Buffered,
            });
        }
        match notify {
            Some(request) => self.step(node, Input::HintStored { request }, None),
            None => Ok(()),
        }
    }

    /// The next page of written hints is read.
    pub(super) fn read_hints(&mut self, node: NodeId, dispatch: RequestId, target: NodeId) -> Verdict {
        let site = self.site_mut(node);
        let held = &site.hints[usize::from(target.0)];
        let written = held.iter().filter(|stored| stored.stage > HintStage::Buffered);
        let page: Vec<&StoredHint> = written.take(HINTS_PER_PAGE).collect();
        let items = page.iter().map(|stored| PageItem {
            id: stored.id,
            delivered: false,
        });
        let items = items.collect();
        let hints = page.into_iter().map(|stored| stored.hint.clone()).collect();
        site.pages.insert(dispatch, items);
        self.step(node, Input::HintsRead { dispatch, hints }, None)
    }

    /// A page is removed: each of its hints was delivered or has expired.
    fn delete_hints(&mut self, node: NodeId, dispatch: RequestId, target: NodeId) -> Verdict {
        let now_ms = self.now_ms;
        let Some(page) = self.site_mut(node).pages.remove(&dispatch) else {
            return Ok(());
        };
        for item in page {
            let held = &mut self.site_mut(node).hints[usize::from(target.0)];
            let Some(index) = held.iter().position(|stored| stored.id == item.id) else {
                continue;
            };
            let removed = held.remove(index).expect("the hint was just found");
            let life_ms = u64::from(removed.hint.gc_grace_seconds) * 1000;
            let has_expired = removed.hint.created_ms + life_ms <= now_ms;
            require(item.delivered || has_expired, Guarantee::HintIsKept, || {
                format!("{node} removes an undelivered hint for {target}: {removed:?}")
            })?;
            if !item.delivered {
                self.history.coverage.reach(Label::HintExpired);
                let partition = rows::partition_number(&removed.hint.mutation.mutation.key);
                self.history.partitions[partition].may_differ = true;
            }
        }
        self.dispatch_hints(node, target)
    }

    /// The trigger looks at one target.
    pub(super) fn dispatch_hints(&mut self, node: NodeId, target: NodeId) -> Verdict {
        let site = self.site_mut(node);
        let held = &site.hints[usize::from(target.0)];
        if !held.iter().any(|stored| stored.stage > HintStage::Buffered) {
            return Ok(());
        }
        let dispatch = site.dispatch_names.take();
        self.step(node, Input::DispatchHints { dispatch, target }, None)
    }
}
