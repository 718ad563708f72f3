//! Events in the order of their times, and the step of a node that each leads to.
//!
//! Chapter: `specs/03-coordination.md`; the obligations that are kept here are numbered at `thymbra_protocol::Node`.

use core::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};

use thymbra_durability::SyncMode;
use thymbra_protocol::{
    Callback, Config, Context, Effect, Hint, Input, Message, NodeId, ReplicaSet, Reply, RequestId, Ring,
    Rules, Timer,
};

use super::Options;
use super::cluster::{self, NODES};
use super::coverage::{Coverage, Label};
use super::guarantee::{Breach, Guarantee, Verdict, Violation, require};
use super::history::{History, PartitionRecord};
use super::named::Named;
use super::random::Random;
use super::rows::{PartitionKey, RowMutation, RowPayload};
use super::site::{Site, SiteView};

/// `write_request_timeout`, ms.
pub(super) const WRITE_TIMEOUT_MS: u64 = 2000;
/// Events that a report shows.
const TAIL_LENGTH: usize = 40;
/// One step in so many is followed by a check of the node's invariants, which looks at all open requests.
const VALIDATE_EVERY: u64 = 64;

/// What a process does again and again, whether anything is left to do or not.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rhythm {
    /// The commit log is synced.
    Sync,
    /// The commit log gets a marker.
    Mark,
    /// The hint buffer is written, and what was written before is synced.
    FlushHints,
    /// The trigger looks for hints to deliver.
    DispatchHints,
}

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
    /// Something of the process comes round.
    Rhythm(Rhythm),
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

/// The operation that an input begins.
enum Begun {
    Write(usize),
    Read(usize),
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
        if !matches!(event, Event::Rhythm(_)) {
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
        if !matches!(next.event, Event::Rhythm(_)) {
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
        let expired_hint = matches!(
            &input,
            Input::Received { message: Message::Hint { hint, .. }, .. }
                if hint.created_ms + u64::from(hint.gc_grace_seconds) * 1000 <= self.now_ms
        );
        let began = self.begun_by(node, &input);
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
        if self.history.coverage.steps.is_multiple_of(VALIDATE_EVERY) {
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
        self.judge_effects(node, began, (expired_hint, completes_repair), &effects)?;
        for effect in effects {
            self.carry_out(node, effect, deadline_ms)?;
        }
        Ok(())
    }

    /// Judges what a step asks for, given what it was about.
    fn judge_effects(
        &mut self,
        node: NodeId,
        began: Option<Begun>,
        (expired_hint, completes_repair): (bool, bool),
        effects: &[Effect<RowPayload>],
    ) -> Verdict {
        match began {
            Some(Begun::Write(number)) => self.judge_admission(number, effects)?,
            Some(Begun::Read(number)) => self.judge_read_admission(number, effects)?,
            None => {}
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
        Ok(())
    }

    fn begun_by(&self, node: NodeId, input: &Input<RowPayload>) -> Option<Begun> {
        if let Input::Write { request, .. } = input {
            let number = self.history.write_of.get(&(node, *request));
            number.copied().map(Begun::Write)
        } else if let Input::Read { request, .. } = input {
            let number = self.history.read_of.get(&(node, *request));
            number.copied().map(Begun::Read)
        } else {
            None
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
