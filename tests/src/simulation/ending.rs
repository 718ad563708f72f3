//! The course of a run: requests under faults, then calm, then what must hold when all is quiet.
//!
//! Chapter: `specs/00-guarantees.md`.

use thymbra_protocol::{ConsistencyLevel, NodeId, Rules};

use super::cluster::NODES;
use super::coverage::Label;
use super::driver::{Driver, Event};
use super::guarantee::{Guarantee, Verdict, require};
use super::rows::PartitionData;

/// Within this time a healed cluster has come to rest, ms.
const REST_WITHIN_MS: u64 = 600_000;

impl<R: Rules + ?Sized> Driver<'_, R> {
    /// Plays the whole run.
    pub(super) fn play(&mut self) -> Verdict {
        for node in (0..NODES).map(NodeId) {
            self.start_rhythms(node);
        }
        self.schedule(NodeId(0), 0, Event::Refill);
        self.schedule(NodeId(0), 300, Event::Fault);
        while self.history.writes.len() + self.history.reads.len() < self.options.requests {
            self.advance()?;
        }
        self.calm_down()?;
        self.history.judge_end()?;
        self.judge_convergence()?;
        self.repair_what_may_differ()
    }

    /// Heals everything and waits until nothing is left to happen.
    fn calm_down(&mut self) -> Verdict {
        self.is_calm = true;
        self.heal();
        for node in (0..NODES).map(NodeId) {
            self.restart(node);
        }
        self.rest()
    }

    /// Lets events happen until only rhythms are left, and no hint.
    fn rest(&mut self) -> Verdict {
        let deadline_ms = self.now_ms + REST_WITHIN_MS;
        let hints = |driver: &Self| driver.sites.iter().flat_map(|site| &site.hints).flatten().count();
        while self.pending > 0 || hints(self) > 0 {
            for _ in 0..1000 {
                self.advance()?;
            }
            let (pending, held) = (self.pending, hints(self));
            require(self.now_ms < deadline_ms, Guarantee::ComesToRest, || {
                format!("{pending} events and {held} hints are left")
            })?;
        }
        let is_empty = self.sites.iter().all(|site| {
            site.machine.writes.is_empty()
                && site.machine.reads.is_empty()
                && site.machine.dispatches.is_empty()
        });
        require(is_empty, Guarantee::ComesToRest, || {
            "a node still waits for something".into()
        })
    }

    fn judge_convergence(&mut self) -> Verdict {
        for partition in 0..self.keys.len() {
            let is_equal = self.judge_partition(partition)?;
            let record = self.history.partitions[partition];
            require(is_equal || record.may_differ, Guarantee::ReplicasConverge, || {
                self.describe(partition)
            })?;
            self.history.coverage.reach(if is_equal {
                Label::Converged
            } else {
                Label::DifferedAndKnown
            });
        }
        Ok(())
    }

    /// Reads at ALL every partition whose replicas may differ; then they do not.
    fn repair_what_may_differ(&mut self) -> Verdict {
        for partition in 0..self.keys.len() {
            if self.history.partitions[partition].may_differ {
                let coordinator = self.replica_of(partition);
                self.begin_read(coordinator, partition, ConsistencyLevel::All)?;
            }
        }
        self.rest()?;
        self.history.judge_end()?;
        for partition in 0..self.keys.len() {
            let is_equal = self.judge_partition(partition)?;
            require(is_equal, Guarantee::ReadAtAllRepairs, || self.describe(partition))?;
        }
        Ok(())
    }

    /// Judges the content of all replicas, and answers whether they are equal.
    fn judge_partition(&self, partition: usize) -> Result<bool, super::guarantee::Breach> {
        let replicas = self.replicas_of(partition);
        let held = |node: &NodeId| -> &PartitionData { &self.site(*node).memory[partition] };
        for node in &replicas {
            self.history.judge_content(partition, held(node))?;
        }
        let first = held(&replicas[0]);
        let record = &self.history.partitions[partition];
        if !record.is_lossy {
            for (row, floor) in (0_u8..).zip(record.floor) {
                let newest = replicas.iter().map(|node| held(node).newest(row)).max().flatten();
                require(newest >= floor, Guarantee::AcknowledgedSurvives, || {
                    format!(
                        "row {row} is at {newest:?}, not {floor:?}: {}",
                        self.describe(partition)
                    )
                })?;
            }
        }
        Ok(replicas.iter().all(|node| held(node) == first))
    }

    fn describe(&self, partition: usize) -> String {
        let writes = self.history.writes.iter().enumerate();
        let writes: Vec<String> = writes
            .filter(|(_, write)| write.partition == partition)
            .map(|(number, write)| format!("{number}: {write:?}"))
            .collect();
        let held: Vec<String> = self
            .replicas_of(partition)
            .iter()
            .map(|node| {
                let rows = (0..4).map(|row| self.site(*node).memory[partition].newest(row));
                format!("{node} {:?}", rows.collect::<Vec<_>>())
            })
            .collect();
        format!("partition {partition} {held:?} after {writes:#?}")
    }
}
