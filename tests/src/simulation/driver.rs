//! Events in the order of their times, and the step of a node that each leads to.
//!
//! Chapter: `specs/03-coordination.md`; the obligations that are kept here are numbered at `thymbra_protocol::Node`.

use core::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};

use thymbra_durability::SyncMode;
use thymbra_protocol::{
    Callback, Config, Context, Effect, Hint, Input, Message, NodeId, ReplicaSet, Reply, RequestId, Ring,
    Rules, Timer, WriteOutcome,
};

use super::Options;
use super::cluster::{self, NODES};
use super::coverage::{Coverage, Label};
use super::guarantee::{Breach, Guarantee, Verdict, Violation, require};
use super::history::{History, PartitionRecord};
use super::random::Random;
use super::rows::{PartitionKey, RowMutation, RowPayload};
use super::site::{Site, SiteView};

/// `write_request_timeout`, ms.
pub(super) const WRITE_TIMEOUT_MS: u64 = 2000;
/// Events that a report shows.
const TAIL_LENGTH: usize = 40;
/// One step in so many is followed by a check of the node's invariants, which looks at all open requests.
const VALIDATE_EVERY: u64 = 64;

/// Something that happens at a time.
#[derive(Debug)]
pub(super) enum Event {
    /// A message arrives.
    Deliver {
        from: NodeId,
        message: Message<RowPayload>,
        deadline_ms: u64,
    },
    /// A mutation has waited in the queue and is appended now.
    Append {
        mutation: RowMutation,
        reply: Reply,
        deadline_ms: Option<u64>,
    },
    /// A node reads its own data.
    Read { command: PartitionKey, reply: Reply },
    /// A hint task puts its hints into the buffer.
    StoreHint {
        targets: Vec<NodeId>,
        hint: Hint<RowMutation>,
        notify: Option<RequestId>,
    },
    /// A page of hints is read.
    ReadHints { dispatch: RequestId, target: NodeId },
    /// A timer fires.
    Fire(Timer),
    /// A sync of the commit log begins.
    SyncBegin,
    /// It ends: everything up to a number of entries is on the platter.
    SyncEnd { end: usize, started_ms: u64 },
    /// The rhythm of periodic syncs.
    SyncDue,
    /// The commit log gets a marker.
    Mark,
    /// The hint buffer is written, and what was written before is synced.
    FlushHints,
    /// The trigger looks for hints to deliver.
    DispatchHints,
    /// The node's failure detector sees the truth about another.
    Learn(NodeId),
    /// The node's failure detector convicts another, rightly or not.
    Suspect(NodeId),
    /// The process starts again.
    Restart,
    /// The two sides of the cluster see each other again.
    Heal,
    /// Clients send more requests.
    Refill,
    /// The next fault.
    Fault,
}

/// An event with its time and node. Of equal times the earlier scheduled comes first.
#[derive(Debug)]
pub(super) struct Scheduled {
    at_ms: u64,
    order: u64,
    node: NodeId,
    /// The start of the process that it belongs to, if it dies with it.
    incarnation: Option<u32>,
    event: Event,
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Scheduled {}

impl Ord for Scheduled {
    /// Reversed, so that the heap gives the earliest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at_ms, other.order).cmp(&(self.at_ms, self.order))
    }
}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A line of a report.
#[derive(Debug)]
struct Note {
    at_ms: u64,
    node: NodeId,
    what: &'static str,
    peer: Option<NodeId>,
    request: Option<RequestId>,
}

/// The whole run.
pub(super) struct Driver<'a, R: Rules + ?Sized> {
    pub(super) seed: u64,
    pub(super) options: Options,
    pub(super) rules: &'a R,
    pub(super) random: Random,
    pub(super) ring: Ring,
    pub(super) config: Config,
    pub(super) now_ms: u64,
    pub(super) sites: Vec<Site>,
    pub(super) keys: Vec<PartitionKey>,
    pub(super) history: History,
    /// Nodes on one side of a partition; empty for none.
    pub(super) side: Vec<NodeId>,
    /// Faults are over.
    pub(super) is_calm: bool,
    /// Events in the queue that are not part of a rhythm.
    pub(super) pending: usize,
    queue: BinaryHeap<Scheduled>,
    scheduled: u64,
    tail: VecDeque<Note>,
}

impl<'a, R: Rules + ?Sized> Driver<'a, R> {
    pub(super) fn new(seed: u64, options: Options, rules: &'a R) -> Self {
        let partitions = usize::try_from(options.partitions).expect("targets have 32 bits or more");
        let mode = |node: u16| match (seed % 2, node % 3) {
            (1, 0 | 1) => SyncMode::Periodic {
                period_ms: 400,
                lag_block_ms: 600,
            },
            (1, _) => SyncMode::Group { window_ms: 100 },
            _ => SyncMode::Batch,
        };
        let keys = (0..options.partitions).map(|number| PartitionKey(super::rows::key(number).into()));
        Self {
            seed,
            options,
            rules,
            random: Random::new(seed),
            ring: cluster::ring(cluster::DATACENTERS),
            config: Config {
                max_hint_window_ms: options.hint_window_ms,
                ..Config::default()
            },
            now_ms: 0,
            sites: (0..NODES)
                .map(|node| Site::new(NodeId(node), mode(node), partitions))
                .collect(),
            keys: keys.collect(),
            history: History {
                partitions: vec![PartitionRecord::default(); partitions],
                ..History::default()
            },
            side: Vec::new(),
            is_calm: false,
            pending: 0,
            queue: BinaryHeap::new(),
            scheduled: 0,
            tail: VecDeque::new(),
        }
    }

    pub(super) fn into_coverage(self) -> Coverage {
        self.history.coverage
    }

    pub(super) fn report(&self, breach: Breach) -> Violation {
        let line = |note: &Note| {
            let peer = note.peer.map(|peer| format!(" {peer}")).unwrap_or_default();
            let request = note
                .request
                .map(|name| format!(" {}.{}", name.slot, name.generation));
            format!(
                "{:>7} ms {} {}{peer}{}",
                note.at_ms,
                note.node,
                note.what,
                request.unwrap_or_default()
            )
        };
        Violation {
            seed: self.seed,
            guarantee: breach.guarantee,
            detail: breach.detail,
            tail: self.tail.iter().map(line).collect(),
        }
    }

    pub(super) fn site(&self, node: NodeId) -> &Site {
        &self.sites[usize::from(node.0)]
    }

    pub(super) fn site_mut(&mut self, node: NodeId) -> &mut Site {
        &mut self.sites[usize::from(node.0)]
    }

    /// No partition separates the two.
    pub(super) fn are_connected(&self, left: NodeId, right: NodeId) -> bool {
        self.side.contains(&left) == self.side.contains(&right)
    }

    /// Puts an event into the queue, to happen whatever becomes of the node's process.
    pub(super) fn schedule(&mut self, node: NodeId, delay_ms: u64, event: Event) {
        self.push(node, delay_ms, None, event);
    }

    /// Puts an event into the queue that dies with the node's process.
    pub(super) fn schedule_local(&mut self, node: NodeId, delay_ms: u64, event: Event) {
        let incarnation = self.site(node).incarnation;
        self.push(node, delay_ms, Some(incarnation), event);
    }

    fn push(&mut self, node: NodeId, delay_ms: u64, incarnation: Option<u32>, event: Event) {
        self.scheduled += 1;
        if !event.is_rhythm() {
            self.pending += 1;
        }
        self.queue.push(Scheduled {
            at_ms: self.now_ms + delay_ms,
            order: self.scheduled,
            node,
            incarnation,
            event,
        });
    }

    /// Takes the next event; false if there is none.
    pub(super) fn advance(&mut self) -> Result<bool, Breach> {
        let Some(next) = self.queue.pop() else {
            return Ok(false);
        };
        self.now_ms = next.at_ms;
        if !next.event.is_rhythm() {
            self.pending -= 1;
        }
        let site = self.site(next.node);
        let is_void = next
            .incarnation
            .is_some_and(|incarnation| incarnation != site.incarnation || !site.is_up);
        if is_void {
            self.forget(next.event);
        } else {
            self.happen(next.node, next.event)?;
        }
        Ok(true)
    }

    /// Notes a line for the report.
    pub(super) fn note(
        &mut self,
        node: NodeId,
        what: &'static str,
        peer: Option<NodeId>,
        request: Option<RequestId>,
    ) {
        if self.tail.len() == TAIL_LENGTH {
            self.tail.pop_front();
        }
        self.tail.push_back(Note {
            at_ms: self.now_ms,
            node,
            what,
            peer,
            request,
        });
    }

    /// Hands one input to a node and begins its effects in their order. `deadline_ms`: when what is appended for it
    /// is too old, if ever.
    pub(super) fn step(
        &mut self,
        node: NodeId,
        input: Input<RowPayload>,
        deadline_ms: Option<u64>,
    ) -> Verdict {
        self.observe_input(node, &input);
        let names = Named::by(&input, node);
        let completes_repair = matches!(
            &input,
            Input::Received {
                message: Message::ReadRepairResponse { .. },
                ..
            } | Input::Applied {
                reply: Reply {
                    callback: Callback::ReadRepair(_),
                    ..
                }
            }
        );
        let expired_hint = match &input {
            Input::Received {
                message: Message::Hint { hint, .. },
                ..
            } => hint.created_ms + u64::from(hint.gc_grace_seconds) * 1000 <= self.now_ms,
            _ => false,
        };
        let began = match &input {
            Input::Write { request, .. } => self.history.write_of.get(&(node, *request)).copied(),
            _ => None,
        };
        let mut machine = core::mem::take(&mut self.site_mut(node).machine);
        let was_open = names.as_ref().is_some_and(|named| named.is_open(&machine));
        let mut effects: Vec<Effect<RowPayload>> = Vec::new();
        let view = SiteView {
            site: self.site(node),
            now_ms: self.now_ms,
        };
        let context = Context {
            rules: self.rules,
            me: node,
            local: cluster::datacenter(node),
            ring: &self.ring,
            view: &view,
            now_ms: self.now_ms,
            config: &self.config,
        };
        machine.step(&context, input, &mut effects);
        self.history.coverage.steps += 1;
        if self.history.coverage.steps % VALIDATE_EVERY == 0 {
            let valid = machine.validate(&self.ring);
            require(valid.is_ok(), Guarantee::InvariantsHold, || {
                format!("{node}: {valid:?}")
            })?;
        }
        if let Some(named) = names {
            let is_open = named.is_open(&machine);
            let site = self.site_mut(node);
            // A request that was refused never opened, and one that ended is closed: either way the slot is free.
            if !is_open && (was_open || named.begins) {
                named.give_back(site);
            }
        }
        self.site_mut(node).machine = machine;
        if let Some(number) = began {
            self.judge_admission(number, &effects)?;
        }
        if expired_hint {
            let is_applied = effects
                .iter()
                .any(|effect| matches!(effect, Effect::Append { .. }));
            require(!is_applied, Guarantee::HintExpires, || {
                format!("{node}: {effects:?}")
            })?;
        }
        if completes_repair
            && effects
                .iter()
                .any(|effect| matches!(effect, Effect::AnswerRead { .. }))
        {
            self.history.coverage.reach(Label::RepairAwaited);
        }
        for effect in effects {
            self.carry_out(node, effect, deadline_ms)?;
        }
        Ok(())
    }

    /// A write was refused exactly if too few replicas were believed alive, and then it left nothing.
    fn judge_admission(&mut self, number: usize, effects: &[Effect<RowPayload>]) -> Verdict {
        let write = &self.history.writes[number];
        let site = self.site(write.coordinator);
        let alive: Vec<NodeId> = write
            .replicas
            .iter()
            .copied()
            .filter(|replica| site.believes_alive(*replica))
            .collect();
        let refusal = effects.iter().find_map(|effect| match effect {
            Effect::AnswerWrite { outcome, .. } if *outcome != WriteOutcome::Success => Some(outcome),
            _ => None,
        });
        let detail = || format!("write {number} {write:?} with {alive:?} alive asked for {effects:?}");
        let is_serial = write.level.is_serial();
        let is_any = write.level == thymbra_protocol::ConsistencyLevel::Any;
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

    /// Counts what an input tells about a write before the node sees it.
    fn observe_input(&mut self, node: NodeId, input: &Input<RowPayload>) {
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
            _ => return,
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

    /// The targets of a hint, and the replicas of a write, by position.
    pub(super) fn nodes_at(&self, plan: thymbra_protocol::PlanKey, positions: ReplicaSet) -> Vec<NodeId> {
        let plan = self.ring.plan(plan).expect("the ring keeps all its plans");
        positions
            .iter()
            .filter_map(|position| plan.node(position))
            .collect()
    }
}

impl Event {
    /// It comes again and again, whether anything is left to do or not.
    fn is_rhythm(&self) -> bool {
        matches!(
            self,
            Self::SyncDue | Self::Mark | Self::FlushHints | Self::DispatchHints
        )
    }
}

/// The request that an input concerns at the node itself.
struct Named {
    table: Table,
    request: RequestId,
    /// The input begins it.
    begins: bool,
}

enum Table {
    Writes,
    Reads,
    Dispatches,
}

impl Named {
    fn by(input: &Input<RowPayload>, me: NodeId) -> Option<Self> {
        let of_callback = |callback: &Callback| match callback {
            Callback::Write(request) => (Table::Writes, *request),
            Callback::Read(request) | Callback::ReadRepair(request) => (Table::Reads, *request),
            Callback::Hint { dispatch, .. } => (Table::Dispatches, *dispatch),
        };
        let (table, request) = match input {
            Input::Write { request, .. } | Input::HintStored { request } => (Table::Writes, *request),
            Input::Read { request, .. } => (Table::Reads, *request),
            Input::Received { message, .. } => match message {
                Message::MutationResponse { request } => (Table::Writes, *request),
                Message::ReadResponse { request, .. } | Message::ReadRepairResponse { request } => {
                    (Table::Reads, *request)
                }
                Message::HintResponse { dispatch, .. } => (Table::Dispatches, *dispatch),
                Message::Failure { callback, .. } => of_callback(callback),
                Message::Mutation { .. }
                | Message::Hint { .. }
                | Message::Read { .. }
                | Message::ReadRepair { .. } => return None,
            },
            Input::Applied { reply }
            | Input::ApplyFailed { reply, .. }
            | Input::Expired { reply, .. }
            | Input::ReadCompleted { reply, .. } => {
                if reply.to != me {
                    return None;
                }
                of_callback(&reply.callback)
            }
            Input::DispatchHints { dispatch, .. } | Input::HintsRead { dispatch, .. } => {
                (Table::Dispatches, *dispatch)
            }
            Input::Fired(timer) => match timer {
                Timer::WriteTimeout(request) | Timer::CallbackExpired { request, .. } => {
                    (Table::Writes, *request)
                }
                Timer::ReadTimeout(request) => (Table::Reads, *request),
                Timer::HintTimeout(dispatch) => (Table::Dispatches, *dispatch),
            },
        };
        let begins = matches!(
            input,
            Input::Write { .. } | Input::Read { .. } | Input::DispatchHints { .. }
        );
        Some(Self {
            table,
            request,
            begins,
        })
    }

    fn is_open(&self, machine: &thymbra_protocol::Node<RowPayload>) -> bool {
        match self.table {
            Table::Writes => machine.writes.get(self.request).is_some(),
            Table::Reads => machine.reads.get(self.request).is_some(),
            Table::Dispatches => machine.dispatches.get(self.request).is_some(),
        }
    }

    fn give_back(&self, site: &mut Site) {
        match self.table {
            Table::Writes => site.write_names.give_back(self.request),
            Table::Reads => site.read_names.give_back(self.request),
            Table::Dispatches => site.dispatch_names.give_back(self.request),
        }
    }
}
