//! May this action happen now? One answer for the search, for replays and for "why not".

use thymbra_protocol::{Callback, Message, NodeId, RequestId};

use super::{Envelope, HintStage, Life, NodeMask, Phase, State, System, bit, choices, generation};
use crate::action::{Action, Unmet};
use crate::payload::ModelPayload;
use crate::scope::{Detector, OperationKind, RetryPolicy};

type Guard = Result<(), Unmet>;

fn holds(condition: bool, unmet: Unmet) -> Guard {
    if condition { Ok(()) } else { Err(unmet) }
}

impl System {
    /// Whether an action is possible.
    ///
    /// # Errors
    /// The first condition that is not met.
    pub fn guard(&self, state: &State, action: &Action) -> Guard {
        match action {
            Action::Write {
                operation,
                node,
                forwarders,
                skewed,
                sees,
            } => {
                let choice = (*forwarders, *skewed, *sees);
                self.guard_write(state, *operation, *node, choice)
            }
            Action::Read {
                operation,
                node,
                nearest,
                sees,
            } => self.guard_read(state, *operation, *node, *nearest, *sees),
            Action::Deliver(envelope) => self.guard_delivery(state, envelope),
            Action::Lose(envelope) => {
                holds(state.budgets.lose > 0, Unmet::BudgetSpent)?;
                in_flight(state, envelope)
            }
            Action::Duplicate(envelope) => {
                holds(state.budgets.duplicate > 0, Unmet::BudgetSpent)?;
                self.guard_delivery(state, envelope)
            }
            Action::Fail(envelope) => {
                holds(state.budgets.fail > 0, Unmet::BudgetSpent)?;
                self.guard_append(state, envelope)
            }
            Action::Drop(envelope) => {
                holds(state.budgets.drop > 0, Unmet::BudgetSpent)?;
                self.guard_append(state, envelope)
            }
            Action::Apply { node, operation } => pending(state, *node, *operation, false),
            Action::FailApply { node, operation } => {
                holds(state.budgets.fail > 0, Unmet::BudgetSpent)?;
                pending(state, *node, *operation, false)
            }
            Action::DropApply { node, operation } => {
                holds(state.budgets.drop > 0, Unmet::BudgetSpent)?;
                pending(state, *node, *operation, false)
            }
            Action::Mark(_) | Action::Sync(_) | Action::WriteHints(_) | Action::SyncHints(_) => {
                self.guard_disk(state, action)
            }
            Action::StoreHints { node, operation } => submitted(state, *node, *operation),
            Action::DispatchHints { node, target } => self.guard_dispatch(state, *node, *target),
            Action::HintTimeout { node, target } => self.guard_hint_timeout(state, *node, *target),
            Action::Timeout { operation } => self.guard_timeout(state, usize::from(*operation)),
            Action::Expire {
                operation,
                attempt,
                node,
            } => self.guard_expire(state, usize::from(*operation), *attempt, *node),
            Action::Crash(_)
            | Action::PowerLoss(_)
            | Action::Restart(_)
            | Action::Pause(_)
            | Action::Resume(_)
            | Action::Suspect { .. }
            | Action::Trust { .. }
            | Action::Partition(_)
            | Action::Heal
            | Action::Tick => self.guard_environment(state, action),
        }
    }

    fn guard_write(
        &self,
        state: &State,
        operation: u8,
        node: NodeId,
        (forwarders, skewed, sees): (NodeMask, bool, Option<NodeMask>),
    ) -> Guard {
        self.guard_begin(state, operation, node, OperationKind::Write)?;
        holds(
            !skewed || (state.budgets.skew > 0 && last_timestamp(state) > 0),
            Unmet::BudgetSpent,
        )?;
        self.guard_view(state, node, sees)?;
        let alive = sees.unwrap_or_else(|| self.alive_mask(state, node));
        let draws = choices::forwarders(&self.layout, node, alive);
        holds(draws.contains(&forwarders), Unmet::ForeignChoice)
    }

    fn guard_read(
        &self,
        state: &State,
        operation: u8,
        node: NodeId,
        nearest: NodeMask,
        sees: Option<NodeMask>,
    ) -> Guard {
        self.guard_begin(state, operation, node, OperationKind::Read)?;
        self.guard_view(state, node, sees)?;
        let alive = sees.unwrap_or_else(|| self.alive_mask(state, node));
        let contacts = self.contacts(operation, node, alive);
        holds(contacts.contains(&nearest), Unmet::ForeignChoice)
    }

    pub(super) fn guard_begin(
        &self,
        state: &State,
        operation: u8,
        node: NodeId,
        kind: OperationKind,
    ) -> Guard {
        let index = usize::from(operation);
        let scope = self
            .operation(index)
            .filter(|scope| scope.kind == kind)
            .ok_or(Unmet::NoSuchOperation)?;
        let begun = state.operations.get(index).ok_or(Unmet::NoSuchOperation)?;
        exists(state, node)?;
        let may_begin = match begun.phase {
            Phase::Waiting => true,
            Phase::Retrying(_) => self.scope.retry != RetryPolicy::Never,
            Phase::Open | Phase::Abandoned | Phase::Ended(_) => false,
        };
        holds(may_begin, Unmet::AlreadyBegun)?;
        holds(
            scope.coordinator.is_none_or(|only| only == node.0),
            Unmet::OtherCoordinator,
        )?;
        holds(state.is_up(node), Unmet::NodeDown)?;
        // Of equal operations the lower number begins first: nothing tells them apart but their numbers. Among writes of
        // one timestamp the number decides who wins.
        let earlier = index
            .checked_sub(1)
            .filter(|earlier| self.operation(*earlier) == Some(scope))
            .filter(|_| kind == OperationKind::Read || !self.scope.same_timestamp);
        let is_its_turn = earlier.is_none_or(|earlier| {
            state
                .operations
                .get(earlier)
                .is_some_and(|other| other.phase != Phase::Waiting)
        });
        holds(is_its_turn, Unmet::NotItsTurn)
    }

    fn guard_view(&self, state: &State, node: NodeId, sees: Option<NodeMask>) -> Guard {
        let all = state.node_ids().fold(0, |mask, node| mask | bit(node));
        match (self.scope.detector, sees) {
            (Detector::Arbitrary, Some(sees)) => {
                holds(sees & bit(node) != 0 && sees & !all == 0, Unmet::ForeignChoice)
            }
            (Detector::Perfect | Detector::Lagging, None) => Ok(()),
            (Detector::Arbitrary, None) | (Detector::Perfect | Detector::Lagging, Some(_)) => {
                Err(Unmet::ForeignChoice)
            }
        }
    }

    /// Contacts that some order of the snitch gives a read.
    pub(super) fn contacts(&self, operation: u8, node: NodeId, alive: NodeMask) -> &[NodeMask] {
        let local = self.layout.datacenter(node);
        match self.operation(usize::from(operation)) {
            Some(scope) => {
                self.choices
                    .contacts(&self.layout, self.rules, scope.level, local, alive | bit(node))
            }
            None => &[],
        }
    }

    /// A message that asks for an append may arrive.
    fn guard_append(&self, state: &State, envelope: &Envelope) -> Guard {
        holds(is_appended(&envelope.message), Unmet::OtherKind)?;
        self.guard_delivery(state, envelope)
    }

    fn guard_delivery(&self, state: &State, envelope: &Envelope) -> Guard {
        in_flight(state, envelope)?;
        self.guard_arrival(state, envelope)
    }

    /// A message that is in flight may arrive.
    pub(super) fn guard_arrival(&self, state: &State, envelope: &Envelope) -> Guard {
        holds(state.is_up(envelope.to), Unmet::NodeDown)?;
        holds(state.are_connected(envelope.from, envelope.to), Unmet::Separated)
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the kinds of action were told apart just above"
    )]
    fn guard_disk(&self, state: &State, action: &Action) -> Guard {
        let (Action::Mark(node) | Action::Sync(node) | Action::WriteHints(node) | Action::SyncHints(node)) =
            action
        else {
            return Err(Unmet::NothingToWrite);
        };
        exists(state, *node)?;
        holds(state.is_up(*node), Unmet::NodeDown)?;
        let disk = &state.node(*node).disk;
        let has = |stage| disk.hints.iter().any(|hint| hint.stage == stage);
        let useful = match action {
            Action::Mark(_) => self.scope.log_stages && disk.marked != disk.appended,
            Action::Sync(_) => {
                self.scope.log_stages
                    && (disk.synced != disk.appended
                        || disk.pending.iter().any(|pending| pending.appended)
                        || self.scope.sync_lag_block.is_some() && state.node(*node).synced_at < state.tick)
            }
            Action::WriteHints(_) => self.scope.hint_stages && has(HintStage::Buffered),
            _ => self.scope.hint_stages && has(HintStage::Written),
        };
        holds(useful, Unmet::NothingToWrite)
    }

    fn guard_dispatch(&self, state: &State, node: NodeId, target: NodeId) -> Guard {
        exists(state, node)?;
        exists(state, target)?;
        holds(state.is_up(node), Unmet::NodeDown)?;
        let holder = state.node(node);
        let has_page = holder
            .disk
            .hints
            .iter()
            .any(|hint| hint.target == target && hint.stage >= HintStage::Written);
        holds(has_page, Unmet::NoHint)?;
        let is_reachable = state.is_up(target) && state.are_connected(node, target);
        let is_dispatching = holder
            .node
            .dispatches
            .iter()
            .any(|(_, open)| open.target == target);
        let is_alive = self.believes_alive(state, node, target);
        let starts = self.rules.may_dispatch(is_alive, true, is_dispatching);
        holds(is_reachable && !is_dispatching && starts, Unmet::NotDispatchable)
    }

    fn guard_hint_timeout(&self, state: &State, node: NodeId, target: NodeId) -> Guard {
        exists(state, node)?;
        holds(state.is_up(node), Unmet::NodeDown)?;
        let open = state
            .node(node)
            .node
            .dispatches
            .iter()
            .find(|(_, open)| open.target == target);
        let (dispatch, _) = open.ok_or(Unmet::NotArmed)?;
        let awaited = state.network.iter().any(|envelope| {
            !envelope.orphaned
                && match &envelope.message {
                    Message::Hint { dispatch: sent, .. } => envelope.from == node && *sent == dispatch,
                    Message::HintResponse { dispatch: sent, .. }
                    | Message::Failure {
                        callback: Callback::Hint { dispatch: sent, .. },
                        ..
                    } => envelope.to == node && *sent == dispatch,
                    Message::Mutation { .. }
                    | Message::MutationResponse { .. }
                    | Message::Read { .. }
                    | Message::ReadResponse { .. }
                    | Message::ReadRepair { .. }
                    | Message::ReadRepairResponse { .. }
                    | Message::Failure { .. } => false,
                }
        });
        let is_pending = state.node(target).disk.pending.iter().any(|pending| {
            state.is_up(target)
                && pending.reply.to == node
                && matches!(pending.reply.callback, Callback::Hint { dispatch: sent, .. } if sent == dispatch)
        });
        holds(
            !(awaited || is_pending) || state.budgets.slow > 0,
            Unmet::AnswerMayArrive,
        )
    }

    fn guard_timeout(&self, state: &State, index: usize) -> Guard {
        let operation = state.operations.get(index).ok_or(Unmet::NoSuchOperation)?;
        holds(operation.phase == Phase::Open, Unmet::NotOpen)?;
        holds(!self.driver.forgets_timers(), Unmet::NotArmed)?;
        holds(state.is_up(operation.coordinator), Unmet::NodeDown)?;
        let expected = generation(index, operation.attempts);
        holds(
            state.budgets.slow > 0 || !self.answer_may_arrive(state, expected, None),
            Unmet::AnswerMayArrive,
        )
    }

    fn guard_expire(&self, state: &State, index: usize, attempt: u8, replica: NodeId) -> Guard {
        let (coordinator, request) = self.handler(state, index, attempt).ok_or(Unmet::NotArmed)?;
        holds(state.is_up(coordinator), Unmet::NodeDown)?;
        let handler = state
            .node(coordinator)
            .node
            .writes
            .get(request)
            .ok_or(Unmet::NotArmed)?;
        let position = self.layout.plan().position_of(replica).ok_or(Unmet::NotArmed)?;
        holds(
            handler.answered && handler.awaiting.contains(position) && replica != coordinator,
            Unmet::NotArmed,
        )?;
        holds(
            state.budgets.slow > 0 || !self.answer_may_arrive(state, request.generation, Some(replica)),
            Unmet::AnswerMayArrive,
        )
    }

    /// The open write handler of an attempt of an operation, and the node that has it.
    #[must_use]
    pub fn handler(&self, state: &State, index: usize, attempt: u8) -> Option<(NodeId, RequestId)> {
        let expected = generation(index, attempt);
        state.node_ids().find_map(|node| {
            let mut open = state.node(node).node.writes.iter().map(|(request, _)| request);
            open.find(|request| request.generation == expected)
                .map(|request| (node, request))
        })
    }

    fn guard_environment(&self, state: &State, action: &Action) -> Guard {
        let budgets = &state.budgets;
        let is_life = |node: NodeId, life: Life, unmet| {
            exists(state, node)?;
            holds(state.node(node).life == life, unmet)
        };
        match action {
            Action::Crash(node) => {
                holds(budgets.crash > 0, Unmet::BudgetSpent)?;
                is_life(*node, Life::Up, Unmet::NodeDown)
            }
            Action::PowerLoss(node) => {
                holds(budgets.power_loss > 0, Unmet::BudgetSpent)?;
                is_life(*node, Life::Up, Unmet::NodeDown)
            }
            Action::Restart(node) => {
                holds(self.scope.restart, Unmet::NoRestart)?;
                is_life(*node, Life::Down, Unmet::NodeUp)
            }
            Action::Pause(node) => {
                holds(budgets.flap > 0, Unmet::BudgetSpent)?;
                is_life(*node, Life::Up, Unmet::NodeDown)
            }
            Action::Resume(node) => is_life(*node, Life::Paused, Unmet::NodeUp),
            Action::Suspect { node, target } | Action::Trust { node, target } => {
                holds(
                    self.scope.detector == Detector::Lagging,
                    Unmet::DetectorDoesNotLag,
                )?;
                is_life(*node, Life::Up, Unmet::NodeDown)?;
                exists(state, *target)?;
                let is_alive = state.is_up(*target) && state.are_connected(*node, *target);
                let suspects = matches!(action, Action::Suspect { .. });
                let changes = self.believes_alive(state, *node, *target) == suspects && is_alive != suspects;
                holds(changes && node != target, Unmet::ViewAgrees)
            }
            Action::Partition(side) => {
                holds(budgets.partition > 0, Unmet::BudgetSpent)?;
                let all: NodeMask = state.node_ids().fold(0, |mask, node| mask | bit(node));
                let is_two_sides = side & !all == 0 && *side != all && side & 1 != 0;
                holds(state.cut == 0 && is_two_sides, Unmet::NoSuchPartition)
            }
            Action::Heal => holds(
                state.cut != 0 && !self.scope.partition_forever,
                Unmet::NothingToHeal,
            ),
            Action::Tick => holds(budgets.ticks > 0, Unmet::BudgetSpent),
            Action::Write { .. }
            | Action::Read { .. }
            | Action::Deliver(_)
            | Action::Lose(_)
            | Action::Duplicate(_)
            | Action::Fail(_)
            | Action::Drop(_)
            | Action::Apply { .. }
            | Action::FailApply { .. }
            | Action::DropApply { .. }
            | Action::Mark(_)
            | Action::Sync(_)
            | Action::StoreHints { .. }
            | Action::WriteHints(_)
            | Action::SyncHints(_)
            | Action::DispatchHints { .. }
            | Action::HintTimeout { .. }
            | Action::Timeout { .. }
            | Action::Expire { .. } => self.guard(state, action),
        }
    }
}

/// The message asks for an append on the MUTATION stage.
pub(super) fn is_appended(message: &Message<ModelPayload>) -> bool {
    matches!(
        message,
        Message::Mutation { .. } | Message::Hint { .. } | Message::ReadRepair { .. }
    )
}

fn exists(state: &State, node: NodeId) -> Guard {
    holds(usize::from(node.0) < state.nodes.len(), Unmet::NoSuchNode)
}

fn in_flight(state: &State, envelope: &Envelope) -> Guard {
    holds(state.network.binary_search(envelope).is_ok(), Unmet::NotInFlight)
}

fn submitted(state: &State, node: NodeId, operation: u8) -> Guard {
    exists(state, node)?;
    holds(state.is_up(node), Unmet::NodeDown)?;
    let mut hints = state.node(node).disk.hints.iter();
    let found = hints.any(|hint| hint.stage == HintStage::Submitted && hint.mutation.write == operation);
    holds(found, Unmet::NoHintTask)
}

fn pending(state: &State, node: NodeId, operation: u8, appended: bool) -> Guard {
    exists(state, node)?;
    holds(state.is_up(node), Unmet::NodeDown)?;
    let mut of_write = state
        .node(node)
        .disk
        .pending
        .iter()
        .filter(|pending| pending.mutation.write == operation);
    let found = of_write.any(|pending| pending.appended == appended);
    holds(found, Unmet::NothingPending)
}

/// The timestamp of the last write that began.
pub(super) fn last_timestamp(state: &State) -> u8 {
    state
        .operations
        .iter()
        .map(|operation| operation.timestamp)
        .max()
        .unwrap_or(0)
}
