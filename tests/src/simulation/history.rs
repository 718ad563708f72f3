//! What clients asked and were told, and what every node did about it: the simulation's own account, from which the
//! guarantees are judged without asking the rules.
//!
//! Chapter: `specs/00-guarantees.md`.

use std::collections::HashMap;

use thymbra_protocol::{ConsistencyLevel, NodeId, ReadOutcome, ReadRepairStrategy, RequestId, WriteOutcome};
use thymbra_types::Timestamp;

use super::cluster;
use super::coverage::{Coverage, Label};
use super::guarantee::{Guarantee, Verdict, require};
use super::rows::{self, PartitionData, RowMutation};

/// Rows of each partition.
pub(super) const ROWS: usize = 4;

/// A set of replicas of one write, as bits of their places in its list of replicas.
pub(super) type Places = u8;

/// One write of a client.
#[derive(Clone, Debug)]
pub(super) struct WriteRecord {
    /// Who coordinates it.
    pub(super) coordinator: NodeId,
    /// Its partition.
    pub(super) partition: usize,
    /// Its row.
    pub(super) row: u8,
    /// What it asked for.
    pub(super) level: ConsistencyLevel,
    /// The replicas of its partition.
    pub(super) replicas: Vec<NodeId>,
    /// How it ended.
    pub(super) outcome: Option<WriteOutcome>,
    /// It was taken: messages may have left.
    pub(super) is_admitted: bool,
    /// Its coordinator died while its handler was open.
    pub(super) is_orphaned: bool,
    /// Replicas that hold it, or held it until a crash.
    pub(super) applied: Places,
    /// Replicas whose acknowledgement reached the coordinator.
    pub(super) acked: Places,
    /// Those of them that did so before the answer.
    pub(super) acked_in_time: Places,
    /// Replicas that failed or stayed silent.
    pub(super) failed: Places,
    /// Replicas that were hinted.
    pub(super) hinted: Places,
    /// Replicas that could not be hinted when it was time to.
    pub(super) excused: Places,
}

/// One read of a client.
#[derive(Clone, Debug)]
pub(super) struct ReadRecord {
    /// Who coordinates it.
    pub(super) coordinator: NodeId,
    /// Its partition.
    pub(super) partition: usize,
    /// What it asked for.
    pub(super) level: ConsistencyLevel,
    /// The table's option.
    pub(super) read_repair: ReadRepairStrategy,
    /// By row: what it must see at least.
    pub(super) floor: [Option<Timestamp>; ROWS],
    /// It was answered.
    pub(super) is_answered: bool,
    /// Its coordinator died before the answer.
    pub(super) is_orphaned: bool,
}

/// What is known of a partition besides its content.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PartitionRecord {
    /// Replicas may differ for good: hints were lost, not owed or expired, or a copy was lost.
    pub(super) may_differ: bool,
    /// A crash took a copy that had been applied: acknowledgements prove nothing any more.
    pub(super) is_lossy: bool,
    /// By row: the newest write that a self-overlapping level acknowledged, or such a read returned.
    pub(super) floor: [Option<Timestamp>; ROWS],
}

/// The account of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    /// Writes by number.
    pub(super) writes: Vec<WriteRecord>,
    /// Reads by number.
    pub(super) reads: Vec<ReadRecord>,
    /// Write numbers by name.
    pub(super) write_of: HashMap<(NodeId, RequestId), usize>,
    /// Read numbers by name.
    pub(super) read_of: HashMap<(NodeId, RequestId), usize>,
    /// Partitions by number.
    pub(super) partitions: Vec<PartitionRecord>,
    /// Requests that wait for their answer.
    pub(super) open: usize,
    /// What was met.
    pub(super) coverage: Coverage,
}

impl WriteRecord {
    /// The bit of a replica; none for other nodes.
    #[must_use]
    pub(super) fn place(&self, node: NodeId) -> Places {
        let place = self.replicas.iter().position(|replica| *replica == node);
        place.map_or(0, |place| 1 << place)
    }

    /// The replicas of a set.
    #[must_use]
    pub(super) fn nodes(&self, places: Places) -> Vec<NodeId> {
        let held = self
            .replicas
            .iter()
            .filter(|node| self.place(**node) & places != 0);
        held.copied().collect()
    }
}

impl History {
    /// A write was answered.
    pub(super) fn answer_write(
        &mut self,
        number: usize,
        outcome: WriteOutcome,
        nobody_hintable: bool,
    ) -> Verdict {
        let write = &self.writes[number];
        let told = || {
            format!(
                "write {number} at {:?}: {write:?} is told {outcome:?}",
                write.level
            )
        };
        require(write.outcome.is_none(), Guarantee::OneOutcome, told)?;
        let local = cluster::datacenter(write.coordinator);
        match &outcome {
            WriteOutcome::Success => {
                let applied = cluster::meets(write.level, local, &write.nodes(write.applied));
                let by_hint = write.level == ConsistencyLevel::Any && (write.hinted != 0 || nobody_hintable);
                require(applied || by_hint, Guarantee::SuccessIsHeld, told)?;
                self.coverage.reach(Label::WriteSucceeded);
                if !applied {
                    self.coverage.reach(Label::AnyByHint);
                }
                if cluster::overlaps_itself(write.level) {
                    let row = usize::from(write.row);
                    let floor = &mut self.partitions[write.partition].floor[row];
                    *floor = (*floor).max(Some(rows::timestamp(number)));
                }
            }
            WriteOutcome::WriteTimeout {
                received, block_for, ..
            } => {
                let arrived = write.acked_in_time.count_ones() as usize;
                let is_true = received < block_for && *received <= arrived && write.is_admitted;
                require(is_true, Guarantee::ErrorsTellTheTruth, told)?;
                self.coverage.reach(Label::WriteTimedOut);
            }
            WriteOutcome::WriteFailure {
                received, failures, ..
            } => {
                let arrived = write.acked_in_time.count_ones() as usize;
                let failed = failures
                    .iter()
                    .all(|(node, _)| write.place(*node) & write.failed != 0);
                let is_true = failed && !failures.is_empty() && *received <= arrived && write.is_admitted;
                require(is_true, Guarantee::ErrorsTellTheTruth, told)?;
                self.coverage.reach(Label::WriteFailed);
            }
            WriteOutcome::Unavailable(_) => self.coverage.reach(Label::WriteUnavailable),
            WriteOutcome::Overloaded => {}
            WriteOutcome::Invalid(_) => self.coverage.reach(Label::RequestInvalid),
        }
        self.writes[number].outcome = Some(outcome);
        self.open -= 1;
        Ok(())
    }

    /// A read was answered.
    pub(super) fn answer_read(&mut self, number: usize, outcome: &ReadOutcome<PartitionData>) -> Verdict {
        let read = &self.reads[number];
        let told = || format!("read {number}: {read:?} is told {outcome:?}");
        require(!read.is_answered, Guarantee::OneOutcome, told)?;
        let label = match outcome {
            ReadOutcome::Data(data) => {
                self.judge_content(read.partition, data)?;
                self.judge_floor(number, data)?;
                Label::ReadSucceeded
            }
            ReadOutcome::Unavailable(_) => Label::ReadUnavailable,
            ReadOutcome::ReadTimeout {
                received, block_for, ..
            } => {
                require(received < block_for, Guarantee::ErrorsTellTheTruth, told)?;
                Label::ReadTimedOut
            }
            ReadOutcome::ReadFailure { .. } => Label::ReadFailed,
            ReadOutcome::Invalid(_) => Label::RequestInvalid,
        };
        self.coverage.reach(label);
        self.reads[number].is_answered = true;
        self.open -= 1;
        Ok(())
    }

    /// A quorum read saw what it had to, and what it saw binds the next.
    fn judge_floor(&mut self, number: usize, data: &PartitionData) -> Verdict {
        let read = &self.reads[number];
        if !cluster::overlaps_itself(read.level) {
            return Ok(());
        }
        let partition = &mut self.partitions[read.partition];
        if partition.is_lossy {
            return Ok(());
        }
        for (row, floor) in (0_u8..).zip(read.floor) {
            let newest = data.newest(row);
            require(newest >= floor, Guarantee::ReadSeesAcknowledged, || {
                format!("read {number} {read:?} returned {newest:?} of row {row}, not {floor:?} or later")
            })?;
            if floor.is_some() {
                self.coverage.reach(Label::ReadJudgedByFloor);
            }
            if read.read_repair == ReadRepairStrategy::Blocking {
                let known = &mut partition.floor[usize::from(row)];
                *known = (*known).max(newest);
            }
        }
        Ok(())
    }

    /// Every cell is one that was written to this row of this partition.
    pub(super) fn judge_content(&self, partition: usize, data: &PartitionData) -> Verdict {
        for (clustering, row) in data.rows() {
            for cell in row.cells.values() {
                let number = rows::write_number(cell.timestamp);
                let write = number.and_then(|number| Some((number, self.writes.get(number)?)));
                let is_written = write.is_some_and(|(number, write)| {
                    write.is_admitted
                        && write.partition == partition
                        && rows::clustering(write.row) == *clustering
                        && rows::cell(number) == *cell
                });
                require(is_written, Guarantee::NothingFromThinAir, || {
                    format!("partition {partition} holds {cell:?} in {clustering:?}, from {write:?}")
                })?;
            }
        }
        Ok(())
    }

    /// An acknowledgement of a write reached its coordinator. `is_open`: the handler still waits for something.
    pub(super) fn acknowledged(&mut self, number: usize, from: NodeId, is_open: bool) {
        let write = &mut self.writes[number];
        let place = write.place(from);
        if write.acked & place != 0 {
            self.coverage.reach(Label::AcknowledgedTwice);
        } else if is_open && write.failed & place == 0 {
            write.acked |= place;
            if write.outcome.is_none() {
                write.acked_in_time |= place;
            }
        }
        if write.outcome.is_some() {
            self.coverage.reach(Label::AcknowledgedLate);
        }
    }

    /// A replica failed or stayed silent. `may_hint`: the window allows a hint for it.
    pub(super) fn failed(&mut self, number: usize, replica: NodeId, may_hint: bool) {
        let write = &mut self.writes[number];
        let place = write.place(replica);
        if (write.acked | write.failed) & place != 0 {
            return;
        }
        write.failed |= place;
        if !may_hint {
            self.excuse(number, place);
        }
    }

    /// These replicas are owed no hint: they may lack the write for good.
    pub(super) fn excuse(&mut self, number: usize, places: Places) {
        let write = &mut self.writes[number];
        let others = places & !write.place(write.coordinator);
        write.excused |= places;
        self.partitions[write.partition].may_differ = true;
        if others != 0 {
            self.coverage.reach(Label::HintWindowPassed);
        }
    }

    /// A mutation is in the memtable of a node.
    pub(super) fn applied(&mut self, node: NodeId, mutation: &RowMutation) {
        for number in mutation.writes() {
            if let Some(write) = self.writes.get_mut(number) {
                write.applied |= write.place(node);
            }
        }
    }

    /// Judges every write and read once all is quiet: one outcome each, and nobody forgotten.
    pub(super) fn judge_end(&self) -> Verdict {
        for (number, write) in self.writes.iter().enumerate() {
            let is_over = write.outcome.is_some() || write.is_orphaned;
            require(is_over, Guarantee::OneOutcome, || {
                format!("write {number} was never answered: {write:?}")
            })?;
            let settled = write.acked | write.hinted | write.excused | write.place(write.coordinator);
            let is_settled = write
                .replicas
                .iter()
                .all(|node| settled & write.place(*node) != 0);
            let is_exempt = write.is_orphaned || !write.is_admitted;
            require(is_settled || is_exempt, Guarantee::HintIsStored, || {
                format!("write {number} forgot a replica: {write:?}")
            })?;
        }
        for (number, read) in self.reads.iter().enumerate() {
            let is_over = read.is_answered || read.is_orphaned;
            require(is_over, Guarantee::OneOutcome, || {
                format!("read {number} was never answered: {read:?}")
            })?;
        }
        Ok(())
    }
}
