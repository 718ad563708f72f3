//! Faults: crashes with what they take, partitions, and failure detectors that err.
//!
//! Chapter: `specs/06-commit-log.md`.

use thymbra_durability::SyncMode;
use thymbra_protocol::{NodeId, Rules};

use super::cluster::NODES;
use super::coverage::Label;
use super::driver::{Driver, Event};
use super::guarantee::{Guarantee, Verdict, require};
use super::history::History;
use super::rows;
use super::site::{HintStage, Site};

/// Time between faults, ms.
const FAULT_MS: u64 = 150;
/// Nodes that are down at once, at most.
const DOWN_MAX: usize = 2;

impl<R: Rules + ?Sized> Driver<'_, R> {
    /// One fault, if faults are not over.
    pub(super) fn fault(&mut self) -> Verdict {
        if self.is_calm {
            return Ok(());
        }
        self.schedule(NodeId(0), FAULT_MS, Event::Fault);
        let node = NodeId(u16::try_from(self.random.index(usize::from(NODES))).expect("there are ten nodes"));
        let down = self.sites.iter().filter(|site| !site.is_up).count();
        match self.random.below(8) {
            0 if down < DOWN_MAX && self.site(node).is_up => {
                let is_power_loss = self.random.below(3) == 0;
                self.crash(node, is_power_loss)?;
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
        Ok(())
    }

    /// The process is gone, and with it what had not reached the stage that survives.
    fn crash(&mut self, node: NodeId, is_power_loss: bool) -> Verdict {
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
        abandon_requests(site, history);
        let kept = if is_power_loss {
            site.log.synced
        } else {
            site.log.marked
        };
        for (mutation, is_applied) in site.log.entries.drain(kept..) {
            if is_applied {
                // Applied is acknowledged, and but for periodic mode acknowledged is synced.
                let may_lose = matches!(site.log.mode, SyncMode::Periodic { .. });
                require(may_lose, Guarantee::SyncedBeforeAcknowledged, || {
                    format!("{node} loses {mutation:?} in a crash")
                })?;
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
        Ok(())
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

    pub(super) fn learn(&mut self, node: NodeId, target: NodeId) {
        let is_alive = self.site(target).is_up && self.are_connected(node, target);
        let now_ms = self.now_ms;
        let since = &mut self.site_mut(node).dead_since_ms[usize::from(target.0)];
        *since = if is_alive { None } else { since.or(Some(now_ms)) };
    }

    pub(super) fn suspect(&mut self, node: NodeId, target: NodeId) {
        if self.site(target).is_up && self.are_connected(node, target) {
            self.history.coverage.reach(Label::SuspectedWrongly);
        }
        let now_ms = self.now_ms;
        let since = &mut self.site_mut(node).dead_since_ms[usize::from(target.0)];
        *since = since.or(Some(now_ms));
    }
}

/// The open requests of a process are gone with it.
fn abandon_requests(site: &mut Site, history: &mut History) {
    let node = site.id;
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
}
