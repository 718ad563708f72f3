//! Overrides of our own about limits that the configuration sets, and their entries. Chapter: `specs/pitfalls.md`.

use thymbra_durability::{AcknowledgementRules, CommitLogProgress, SyncMode};
use thymbra_protocol::{
    Config, ConsistencyLevel, ConsistencyRules, CoordinationRules, HintRefusal, HintRules, HintTarget,
    Placement, ReadRules, ReplicaSet, ReplicationRules, Unavailable,
};
use thymbra_types::{ReconcileRules, Reference};

use super::{Entry, Origin, as_reference};
use crate::configurations::Target::Property;
use crate::configurations::limits as bounds;
use crate::faults::DriverFault;

/// A write is refused when the limit of hints in progress is reached, not when it is exceeded. The counter of the
/// target is read as was intended: with that of 5.0.2 nothing is ever refused.
#[derive(Debug)]
struct OverloadedAtTheLimit;
as_reference!(OverloadedAtTheLimit: ReconcileRules AcknowledgementRules ReplicationRules ConsistencyRules CoordinationRules ReadRules);
impl HintRules for OverloadedAtTheLimit {
    fn is_overloaded(&self, in_progress: usize, for_target: usize, may_hint: bool, config: &Config) -> bool {
        in_progress >= config.max_hints_in_progress && for_target > 0 && may_hint
    }
}

/// A write that is refused as overloaded leaves hints: more of what there was too much of.
#[derive(Debug)]
struct OverloadedWriteHinted;
as_reference!(OverloadedWriteHinted: ReconcileRules AcknowledgementRules ReplicationRules ConsistencyRules CoordinationRules ReadRules);
impl HintRules for OverloadedWriteHinted {
    fn hints_in_progress_seen(&self, in_progress_for_target: usize) -> usize {
        in_progress_for_target
    }

    fn hints_refused_write(&self) -> bool {
        true
    }
}

/// Hint files grow without limit.
#[derive(Debug)]
struct SizeLimitIgnored;
as_reference!(SizeLimitIgnored: ReconcileRules AcknowledgementRules ReplicationRules ConsistencyRules CoordinationRules ReadRules);
impl HintRules for SizeLimitIgnored {
    fn should_hint(&self, target: &HintTarget<'_>) -> Result<(), HintRefusal> {
        match Reference.should_hint(target) {
            Err(HintRefusal::SizeLimit) => Ok(()),
            other => other,
        }
    }
}

/// Nodes are hinted in data centres for which that is switched off.
#[derive(Debug)]
struct DisabledDatacenterHinted;
as_reference!(DisabledDatacenterHinted: ReconcileRules AcknowledgementRules ReplicationRules ConsistencyRules CoordinationRules ReadRules);
impl HintRules for DisabledDatacenterHinted {
    fn should_hint(&self, target: &HintTarget<'_>) -> Result<(), HintRefusal> {
        Reference.should_hint(&HintTarget {
            is_disabled: false,
            ..*target
        })
    }
}

/// In periodic mode nothing ever waits, however old the last sync is.
#[derive(Debug)]
struct LagIgnored;
as_reference!(LagIgnored: ReconcileRules ReplicationRules ConsistencyRules CoordinationRules HintRules ReadRules);
impl AcknowledgementRules for LagIgnored {
    fn may_acknowledge(&self, mode: &SyncMode, progress: &CommitLogProgress) -> bool {
        match mode {
            SyncMode::Periodic { .. } => true,
            SyncMode::Batch | SyncMode::Group { .. } => Reference.may_acknowledge(mode, progress),
        }
    }
}

/// A read asks pending replicas like natural ones.
#[derive(Debug)]
struct PendingReplicaRead;
as_reference!(PendingReplicaRead: ReconcileRules AcknowledgementRules ReplicationRules ConsistencyRules CoordinationRules HintRules);
impl ReadRules for PendingReplicaRead {
    fn contacts_for_read(
        &self,
        level: ConsistencyLevel,
        at: Placement<'_>,
        live: ReplicaSet,
        _proximity: &[u8],
    ) -> Result<ReplicaSet, Unavailable> {
        let candidates = live.intersection(self.counted(level, at));
        let required = self.block_for(level, at);
        let mut contacts = ReplicaSet::EMPTY;
        for position in candidates.iter().take(required) {
            contacts.insert(position);
        }
        let alive = candidates.count();
        if alive < required {
            return Err(Unavailable {
                level,
                required,
                alive,
            });
        }
        Ok(contacts)
    }
}

/// This part of the table.
pub(super) static ENTRIES: &[Entry] = &[
    Entry {
        id: "overloaded-at-the-limit",
        origin: Origin::Own,
        says: "A write is refused as overloaded one hint too early.",
        ticket: "",
        rules: &OverloadedAtTheLimit,
        driver: DriverFault::None,
        target: Property("O8"),
        bounds: bounds::many_hints_in_progress,
        shortest: 2,
    },
    Entry {
        id: "overloaded-write-hinted",
        origin: Origin::Own,
        says: "A write that is refused as overloaded leaves hints.",
        ticket: "",
        rules: &OverloadedWriteHinted,
        driver: DriverFault::None,
        target: Property("O8"),
        bounds: bounds::many_hints_in_progress,
        shortest: 3,
    },
    Entry {
        id: "size-limit-ignored",
        origin: Origin::Own,
        says: "Hint files grow without limit.",
        ticket: "",
        rules: &SizeLimitIgnored,
        driver: DriverFault::None,
        target: Property("H10"),
        bounds: bounds::hint_files_fill,
        shortest: 4,
    },
    Entry {
        id: "disabled-datacenter-hinted",
        origin: Origin::Own,
        says: "Nodes are hinted in a data centre for which that is switched off.",
        ticket: "",
        rules: &DisabledDatacenterHinted,
        driver: DriverFault::None,
        target: Property("H11"),
        bounds: bounds::hints_disabled,
        shortest: 3,
    },
    Entry {
        id: "lag-ignored",
        origin: Origin::Own,
        says: "In periodic mode a write is acknowledged however old the last sync is.",
        ticket: "",
        rules: &LagIgnored,
        driver: DriverFault::None,
        target: Property("S2l"),
        bounds: bounds::syncs_lag,
        shortest: 3,
    },
    Entry {
        id: "pending-replica-read",
        origin: Origin::Own,
        says: "A read asks a pending replica, which does not have the data yet.",
        ticket: "",
        rules: &PendingReplicaRead,
        driver: DriverFault::None,
        target: Property("O3"),
        bounds: bounds::reads_refused,
        shortest: 1,
    },
];
