//! What the world does: clients ask, messages dawdle, processes die, detectors err, rhythms go on.
//!
//! Chapter: `specs/03-coordination.md`.

use thymbra_protocol::{
    ConsistencyLevel, Input, Mutation as _, NodeId, ReadRepairStrategy, ReplicaSet, Rules,
};

use super::cluster::{self, NODES};
use super::coverage::Label;
use super::driver::{Driver, Event};
use super::guarantee::Verdict;
use super::history::{ROWS, ReadRecord, WriteRecord};
use super::rows;
use super::site::HintStage;

/// Requests that clients send at each refill after the first, at most.
const REFILL: usize = 100;
/// Time between faults, ms.
const FAULT_MS: u64 = 150;
/// Nodes that are down at once, at most.
const DOWN_MAX: usize = 2;
/// `gc_grace_seconds` of partitions whose hints expire soon.
const SHORT_GC_GRACE_SECONDS: u32 = 3;

/// Levels of writes; those named twice are asked for twice as often.
const WRITE_LEVELS: [ConsistencyLevel; 14] = [
    ConsistencyLevel::Any,
    ConsistencyLevel::One,
    ConsistencyLevel::Two,
    ConsistencyLevel::Three,
    ConsistencyLevel::Quorum,
    ConsistencyLevel::Quorum,
    ConsistencyLevel::Quorum,
    ConsistencyLevel::LocalOne,
    ConsistencyLevel::LocalQuorum,
    ConsistencyLevel::LocalQuorum,
    ConsistencyLevel::EachQuorum,
    ConsistencyLevel::EachQuorum,
    ConsistencyLevel::All,
    ConsistencyLevel::All,
];
/// Levels of reads.
const READ_LEVELS: [ConsistencyLevel; 9] = [
    ConsistencyLevel::One,
    ConsistencyLevel::Two,
    ConsistencyLevel::Three,
    ConsistencyLevel::Quorum,
    ConsistencyLevel::Quorum,
    ConsistencyLevel::LocalOne,
    ConsistencyLevel::LocalQuorum,
    ConsistencyLevel::EachQuorum,
    ConsistencyLevel::All,
];

impl<R: Rules + ?Sized> Driver<'_, R> {
    /// Time that a message takes, ms.
    pub(super) fn network_delay(&mut self) -> u64 {
        match (self.is_calm, self.random.below(100)) {
            (true, _) => self.random.between(1, 20),
            (false, 0) => self.random.between(1500, 4000),
            (false, 1..=10) => self.random.between(300, 1500),
            (false, _) => self.random.between(1, 300),
        }
    }

    /// Time that a mutation waits in the queue of its stage, ms.
    pub(super) fn queue_delay(&mut self) -> u64 {
        if !self.is_calm && self.random.chance(5) {
            self.random.between(1500, 3000)
        } else {
            self.random.between(0, 20)
        }
    }

    /// Starts the rhythms of a process.
    pub(super) fn start_rhythms(&mut self, node: NodeId) {
        for event in [
            Event::SyncDue,
            Event::Mark,
            Event::FlushHints,
            Event::DispatchHints,
        ] {
            let delay = self.random.between(1, 400);
            self.schedule_local(node, delay, event);
        }
    }

    /// An event happens at a node that it concerns.
    pub(super) fn happen(&mut self, node: NodeId, event: Event) -> Verdict {
        match event {
            Event::Deliver {
                from,
                message,
                deadline_ms,
            } => return self.deliver(node, from, message, deadline_ms),
            Event::Append {
                mutation,
                reply,
                deadline_ms,
            } => return self.append(node, mutation, reply, deadline_ms),
            Event::Read { command, reply } => {
                let data = self.site(node).memory[rows::partition_number(&command.0)].clone();
                return self.step(node, Input::ReadCompleted { reply, data }, None);
            }
            Event::StoreHint {
                targets,
                hint,
                notify,
            } => return self.store_hint(node, &targets, &hint, notify),
            Event::ReadHints { dispatch, target } => return self.read_hints(node, dispatch, target),
            Event::Fire(timer) => return self.step(node, Input::Fired(timer), None),
            Event::SyncBegin => {
                let log = &self.site(node).log;
                let event = Event::SyncEnd {
                    end: log.entries.len(),
                    started_ms: self.now_ms,
                };
                // Now and then a disk stalls.
                let stalls = !self.is_calm && self.random.chance(20);
                let delay = if stalls { 1200 } else { self.random.between(1, 15) };
                self.schedule_local(node, delay, event);
            }
            Event::SyncEnd { end, started_ms } => return self.end_sync(node, end, started_ms),
            Event::SyncDue | Event::Mark | Event::FlushHints | Event::DispatchHints => {
                return self.keep_rhythm(node, &event);
            }
            Event::Learn(target) => self.learn(node, target),
            Event::Suspect(target) => self.suspect(node, target),
            Event::Restart => self.restart(node),
            Event::Heal => self.heal(),
            Event::Refill => return self.refill(),
            Event::Fault => self.fault(),
        }
        Ok(())
    }

    fn keep_rhythm(&mut self, node: NodeId, event: &Event) -> Verdict {
        let log = &mut self.site_mut(node).log;
        match event {
            Event::SyncDue => {
                let begins = !log.is_syncing;
                log.is_syncing = true;
                let period = match log.mode {
                    thymbra_durability::SyncMode::Periodic { period_ms, .. } => period_ms,
                    thymbra_durability::SyncMode::Group { window_ms } => window_ms,
                    thymbra_durability::SyncMode::Batch => 1000,
                };
                if begins {
                    self.schedule_local(node, 0, Event::SyncBegin);
                }
                self.schedule_local(node, period, Event::SyncDue);
            }
            Event::Mark => {
                log.marked = log.entries.len();
                self.schedule_local(node, 100, Event::Mark);
            }
            Event::FlushHints => {
                for stored in self.site_mut(node).hints.iter_mut().flatten() {
                    stored.stage = match stored.stage {
                        HintStage::Buffered => HintStage::Written,
                        HintStage::Written | HintStage::Synced => HintStage::Synced,
                    };
                }
                self.schedule_local(node, 500, Event::FlushHints);
            }
            _ => {
                self.schedule_local(node, 1000, Event::DispatchHints);
                for target in (0..NODES).map(NodeId) {
                    self.dispatch_hints(node, target)?;
                }
            }
        }
        Ok(())
    }

    /// Clients send requests until as many are open as the run allows.
    fn refill(&mut self) -> Verdict {
        let asked = |driver: &Self| driver.history.writes.len() + driver.history.reads.len();
        let most = if asked(self) == 0 {
            self.options.open_max
        } else {
            REFILL
        };
        // The first time, requests that are refused at once do not count.
        let mut sent = 0;
        while sent < most && asked(self) < self.options.requests && self.history.open < self.options.open_max
        {
            if most == REFILL {
                sent += 1;
            }
            let up: Vec<NodeId> = (0..NODES)
                .map(NodeId)
                .filter(|node| self.site(*node).is_up)
                .collect();
            let coordinator = up[self.random.index(up.len())];
            let partition = self.random.index(self.keys.len());
            if self.random.below(10) < 6 {
                self.begin_write(coordinator, partition)?;
            } else {
                let level = READ_LEVELS[self.random.index(READ_LEVELS.len())];
                self.begin_read(coordinator, partition, level)?;
            }
        }
        if self.history.open == self.options.open_max {
            self.history.coverage.reach(Label::OpenMaxReached);
        }
        if asked(self) < self.options.requests {
            self.schedule(NodeId(0), self.options.refill_ms, Event::Refill);
        }
        Ok(())
    }

    fn begin_write(&mut self, coordinator: NodeId, partition: usize) -> Verdict {
        let number = self.history.writes.len();
        let mut level = WRITE_LEVELS[self.random.index(WRITE_LEVELS.len())];
        if self.random.chance(2) {
            level = ConsistencyLevel::Serial;
        }
        let row = u8::try_from(self.random.index(ROWS)).expect("partitions have few rows");
        let gc_grace_seconds = if partition % 10 == 0 {
            SHORT_GC_GRACE_SECONDS
        } else {
            864_000
        };
        let mutation = rows::mutation(&self.keys[partition].0, row, number, gc_grace_seconds);
        let plan = self.ring.plan(self.ring.plan_key(&mutation.token()));
        let plan = plan.expect("the ring keeps all its plans");
        let record = WriteRecord {
            coordinator,
            partition,
            row,
            level,
            replicas: plan.replicas().iter().map(|replica| replica.node).collect(),
            outcome: None,
            is_admitted: false,
            is_orphaned: false,
            applied: 0,
            acked: 0,
            acked_in_time: 0,
            failed: 0,
            hinted: 0,
            excused: 0,
        };
        let request = self.site_mut(coordinator).write_names.take();
        self.note(coordinator, "is asked to write", None, Some(request));
        self.history.writes.push(record);
        self.history.write_of.insert((coordinator, request), number);
        self.history.open += 1;
        let forwarders = ReplicaSet::from_bits(self.random.word());
        let input = Input::Write {
            request,
            mutation,
            level,
            forwarders,
        };
        self.step(
            coordinator,
            input,
            Some(self.now_ms + super::driver::WRITE_TIMEOUT_MS),
        )
    }

    /// A client reads a partition.
    pub(super) fn begin_read(
        &mut self,
        coordinator: NodeId,
        partition: usize,
        level: ConsistencyLevel,
    ) -> Verdict {
        let number = self.history.reads.len();
        let read_repair = if self.is_calm || self.random.below(4) > 0 {
            ReadRepairStrategy::Blocking
        } else {
            ReadRepairStrategy::None
        };
        self.history.reads.push(ReadRecord {
            coordinator,
            partition,
            level,
            read_repair,
            floor: self.history.partitions[partition].floor,
            is_answered: false,
            is_orphaned: false,
        });
        let request = self.site_mut(coordinator).read_names.take();
        self.note(coordinator, "is asked to read", None, Some(request));
        self.history.read_of.insert((coordinator, request), number);
        self.history.open += 1;
        let mut proximity: Vec<u8> = (0..6).collect();
        for index in (1..proximity.len()).rev() {
            let other = self.random.index(index + 1);
            proximity.swap(index, other);
        }
        let input = Input::Read {
            request,
            command: self.keys[partition].clone(),
            level,
            proximity,
            read_repair,
        };
        self.step(coordinator, input, None)
    }

    /// One fault, if faults are not over.
    fn fault(&mut self) {
        if self.is_calm {
            return;
        }
        self.schedule(NodeId(0), FAULT_MS, Event::Fault);
        let node = NodeId(u16::try_from(self.random.index(usize::from(NODES))).expect("there are ten nodes"));
        let down = self.sites.iter().filter(|site| !site.is_up).count();
        match self.random.below(8) {
            0 if down < DOWN_MAX && self.site(node).is_up => {
                let is_power_loss = self.random.below(3) == 0;
                self.crash(node, is_power_loss);
                // Most come back within the hint window.
                let delay = if self.random.below(4) == 0 {
                    self.options.hint_window_ms + 1000
                } else {
                    self.random.between(100, 1500)
                };
                self.schedule(node, delay, Event::Restart);
            }
            2 if self.side.is_empty() => {
                self.history.coverage.reach(Label::Partitioned);
                let word = self.random.word();
                self.side = (0..NODES)
                    .map(NodeId)
                    .filter(|node| word >> node.0 & 1 == 1)
                    .collect();
                self.everybody_learns();
                let delay = self.random.between(200, 1500);
                self.schedule(NodeId(0), delay, Event::Heal);
            }
            _ => {
                let target = self.random.index(usize::from(NODES));
                let target = NodeId(u16::try_from(target).expect("there are ten nodes"));
                if self.site(node).is_up && target != node {
                    self.schedule_local(node, 0, Event::Suspect(target));
                    let delay = self.random.between(50, 1500);
                    self.schedule_local(node, delay, Event::Learn(target));
                }
            }
        }
    }

    /// The process is gone, and with it what had not reached the stage that survives.
    fn crash(&mut self, node: NodeId, is_power_loss: bool) {
        self.note(node, "crashes", None, None);
        self.history.coverage.reach(if is_power_loss {
            Label::PowerLost
        } else {
            Label::ProcessCrashed
        });
        let site = &mut self.sites[usize::from(node.0)];
        let history = &mut self.history;
        site.is_up = false;
        site.incarnation += 1;
        let machine = core::mem::take(&mut site.machine);
        for (request, _) in machine.writes.iter() {
            let number = history.write_of[&(node, request)];
            let write = &mut history.writes[number];
            write.is_orphaned = true;
            history.partitions[write.partition].may_differ = true;
            if write.outcome.is_none() {
                history.open -= 1;
                history.coverage.reach(Label::RequestAbandoned);
            }
        }
        for (request, _) in machine.reads.iter() {
            let read = &mut history.reads[history.read_of[&(node, request)]];
            read.is_orphaned = true;
            history.open -= 1;
        }
        let kept = if is_power_loss {
            site.log.synced
        } else {
            site.log.marked
        };
        for (mutation, is_applied) in site.log.entries.drain(kept..) {
            if is_applied {
                history.coverage.reach(Label::AppliedEntryLost);
                let partition = &mut history.partitions[rows::partition_number(&mutation.mutation.key)];
                (partition.is_lossy, partition.may_differ) = (true, true);
            }
        }
        site.log.marked = kept;
        site.log.waiting.clear();
        site.log.is_syncing = false;
        let survives = if is_power_loss {
            HintStage::Synced
        } else {
            HintStage::Written
        };
        for held in &mut site.hints {
            held.retain(|stored| {
                let is_kept = stored.stage >= survives;
                if !is_kept {
                    history.coverage.reach(Label::HintLost);
                    let key = &stored.hint.mutation.mutation.key;
                    history.partitions[rows::partition_number(key)].may_differ = true;
                }
                is_kept
            });
        }
        site.pages.clear();
        site.hint_tasks.fill(0);
        site.write_names.reset();
        site.read_names.reset();
        site.dispatch_names.reset();
        self.everybody_learns();
    }

    /// An event that died with its process.
    pub(super) fn forget(&mut self, event: Event) {
        if let Event::StoreHint { hint, .. } = event {
            self.history.coverage.reach(Label::HintLost);
            let partition = rows::partition_number(&hint.mutation.mutation.key);
            self.history.partitions[partition].may_differ = true;
        }
    }

    /// The process starts again: its memtable is replayed from the commit log, and it believes nobody alive yet.
    pub(super) fn restart(&mut self, node: NodeId) {
        if self.site(node).is_up {
            return;
        }
        self.note(node, "restarts", None, None);
        let (now_ms, rules) = (self.now_ms, self.rules);
        let site = self.site_mut(node);
        site.is_up = true;
        site.memory.fill(rows::PartitionData::default());
        for (mutation, is_applied) in &mut site.log.entries {
            *is_applied = true;
            site.memory[rows::partition_number(&mutation.mutation.key)].apply(mutation, rules);
        }
        site.log.synced = site.log.entries.len();
        site.log.marked = site.log.entries.len();
        site.log.last_sync_started_ms = now_ms;
        for since in &mut site.dead_since_ms {
            *since = Some(now_ms);
        }
        self.start_rhythms(node);
        self.everybody_learns();
    }

    /// The two sides see each other again.
    pub(super) fn heal(&mut self) {
        self.side.clear();
        self.everybody_learns();
    }

    /// Every detector sees the truth, some time soon.
    pub(super) fn everybody_learns(&mut self) {
        for node in (0..NODES).map(NodeId) {
            for target in (0..NODES).map(NodeId).filter(|target| *target != node) {
                if self.site(node).is_up {
                    let delay = self.random.between(10, 400);
                    self.schedule_local(node, delay, Event::Learn(target));
                }
            }
        }
    }

    fn learn(&mut self, node: NodeId, target: NodeId) {
        let is_alive = self.site(target).is_up && self.are_connected(node, target);
        let now_ms = self.now_ms;
        let since = &mut self.site_mut(node).dead_since_ms[usize::from(target.0)];
        *since = if is_alive { None } else { since.or(Some(now_ms)) };
    }

    fn suspect(&mut self, node: NodeId, target: NodeId) {
        if self.site(target).is_up && self.are_connected(node, target) {
            self.history.coverage.reach(Label::SuspectedWrongly);
        }
        let now_ms = self.now_ms;
        let since = &mut self.site_mut(node).dead_since_ms[usize::from(target.0)];
        *since = since.or(Some(now_ms));
    }

    /// The coordinator of a read that must reach every replica: one of them.
    pub(super) fn replica_of(&self, partition: usize) -> NodeId {
        let key = self.ring.plan_key(self.keys[partition].0.token());
        let plan = self.ring.plan(key).expect("the ring keeps all its plans");
        plan.node(0).expect("each token has replicas")
    }

    /// The replicas of a partition.
    pub(super) fn replicas_of(&self, partition: usize) -> Vec<NodeId> {
        let key = self.ring.plan_key(self.keys[partition].0.token());
        let plan = self.ring.plan(key).expect("the ring keeps all its plans");
        debug_assert_eq!(
            plan.replicas().len(),
            usize::from(cluster::REPLICATION_FACTOR * cluster::DATACENTERS)
        );
        plan.replicas().iter().map(|replica| replica.node).collect()
    }
}
