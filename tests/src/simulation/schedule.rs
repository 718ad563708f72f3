//! What the world does: clients ask, messages dawdle, processes die, detectors err, rhythms go on.
//!
//! Chapter: `specs/03-coordination.md`.

use thymbra_durability::SyncMode;
use thymbra_protocol::{
    ConsistencyLevel, FailureReason, Input, Mutation as _, NodeId, ReadRepairStrategy, ReplicaSet, Rules,
};

use super::cluster::{self, NODES};
use super::coverage::Label;
use super::driver::{Driver, Event, Rhythm};
use super::guarantee::Verdict;
use super::history::{ROWS, ReadRecord, WriteRecord};
use super::rows;
use super::site::HintStage;

/// Requests that clients send at each refill after the first, at most.
const REFILL: usize = 100;
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
        for rhythm in [
            Rhythm::Sync,
            Rhythm::Mark,
            Rhythm::FlushHints,
            Rhythm::DispatchHints,
        ] {
            let delay = self.random.between(1, 400);
            self.schedule_local(node, delay, Event::Rhythm(rhythm));
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
            Event::Read { reply, .. } if !self.is_calm && self.random.chance(2) => {
                let reason = FailureReason::Unknown;
                return self.step(node, Input::ApplyFailed { reply, reason }, None);
            }
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
            Event::Rhythm(rhythm) => return self.keep_rhythm(node, rhythm),
            Event::Learn(target) => self.learn(node, target),
            Event::Suspect(target) => self.suspect(node, target),
            Event::Restart => self.restart(node),
            Event::Heal => self.heal(),
            Event::Refill => return self.refill(),
            Event::Fault => return self.fault(),
        }
        Ok(())
    }

    fn keep_rhythm(&mut self, node: NodeId, rhythm: Rhythm) -> Verdict {
        let log = &mut self.site_mut(node).log;
        let period_ms = match (rhythm, log.mode) {
            (Rhythm::Sync, SyncMode::Periodic { period_ms, .. }) => period_ms,
            (Rhythm::Sync, SyncMode::Group { window_ms }) => window_ms,
            (Rhythm::Sync | Rhythm::DispatchHints, _) => 1000,
            (Rhythm::Mark, _) => 100,
            (Rhythm::FlushHints, _) => 500,
        };
        match rhythm {
            Rhythm::Sync => {
                let begins = !log.is_syncing;
                log.is_syncing = true;
                if begins {
                    self.schedule_local(node, 0, Event::SyncBegin);
                }
            }
            Rhythm::Mark => log.marked = log.entries.len(),
            Rhythm::FlushHints => {
                for stored in self.site_mut(node).hints.iter_mut().flatten() {
                    stored.stage = match stored.stage {
                        HintStage::Buffered => HintStage::Written,
                        HintStage::Written | HintStage::Synced => HintStage::Synced,
                    };
                }
            }
            Rhythm::DispatchHints => {
                for target in (0..NODES).map(NodeId) {
                    self.dispatch_hints(node, target)?;
                }
            }
        }
        self.schedule_local(node, period_ms, Event::Rhythm(rhythm));
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
                let level = match self.random.chance(2) {
                    true => ConsistencyLevel::Any,
                    false => READ_LEVELS[self.random.index(READ_LEVELS.len())],
                };
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
        let gc_grace_seconds = if partition.is_multiple_of(10) {
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
