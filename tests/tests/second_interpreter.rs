//! The same `Node` under a second interpreter: real rows, ten nodes, two data centres, vnodes, 10,000 requests in
//! flight, faults at random from a seed, and the guarantees counted apart from the rules.
//!
//! `THYMBRA_SIMULATION_SEEDS=n` runs `n` seeds instead of the usual few. Chapter: `specs/00-guarantees.md`.

use core::cmp::Ordering;

use thymbra_durability::{AcknowledgementRules, CommitLogProgress, SyncMode};
use thymbra_protocol::{
    ConsistencyLevel, ConsistencyRules, CoordinationRules, FailureReason, HintRules, HintTarget, Placement,
    ReadRules, ReplicaSet, ReplicationRules, Rules,
};
use thymbra_tests::simulation::{self, Coverage, Guarantee, Options, measure};
use thymbra_types::{CellView, ReconcileRules, Reference};

/// Seeds of an ordinary run.
const SEEDS: u64 = 6;

#[test]
fn guarantees_hold_under_random_schedules_and_all_labels_are_reached() {
    let seeds = std::env::var("THYMBRA_SIMULATION_SEEDS").map_or(SEEDS, |text| {
        text.parse()
            .expect("THYMBRA_SIMULATION_SEEDS is a number of seeds")
    });
    let mut coverage = Coverage::default();
    for seed in 0..seeds {
        let began = std::time::Instant::now();
        let met = simulation::run(seed, Options::default(), &Reference)
            .unwrap_or_else(|violation| panic!("{violation}"));
        println!("seed {seed}: {} steps in {:?}", met.steps, began.elapsed());
        coverage.add(&met);
    }
    println!("{coverage}");
    assert_eq!(coverage.missing(), [], "labels that no seed reached");
}

#[test]
fn a_calm_write_costs_little() {
    let _ = measure(10_000, 10_000);
    println!("{}", measure(200_000, 10_000));
}

#[test]
fn a_seed_repeats_its_run() {
    let counts = || simulation::run(3, SMALL, &Reference).unwrap().to_string();
    assert_eq!(counts(), counts());
}

/// Enough to meet a wrong rule: few partitions, so that operations meet.
const SMALL: Options = Options {
    requests: 4000,
    open_max: 1500,
    partitions: 20,
    refill_ms: 100,
    hint_window_ms: 1000,
};

/// Declares rules that are the reference but for one decision.
macro_rules! wrong_rules {
    ($($(#[$doc:meta])* $name:ident overrides $wrong:ident { $($body:tt)* } keeps $($kept:ident)*;)*) => {$(
        $(#[$doc])*
        struct $name;
        impl $wrong for $name { $($body)* }
        $(impl $kept for $name {})*
    )*};
}

wrong_rules! {
    /// One acknowledgement is enough for every level.
    OneIsEnough overrides ConsistencyRules {
        fn is_satisfied(&self, _: ConsistencyLevel, _: Placement<'_>, acked: ReplicaSet, hint: bool) -> bool {
            hint || !acked.is_empty()
        }
    } keeps ReconcileRules AcknowledgementRules ReplicationRules CoordinationRules HintRules ReadRules;
    /// A stored hint counts at ONE.
    HintCountsAtOne overrides ConsistencyRules {
        fn hint_counts_as_acknowledgement(&self, level: ConsistencyLevel) -> bool {
            matches!(level, ConsistencyLevel::Any | ConsistencyLevel::One)
        }
    } keeps ReconcileRules AcknowledgementRules ReplicationRules CoordinationRules HintRules ReadRules;
    /// A quorum is one short.
    QuorumOneShort overrides ConsistencyRules {
        fn quorum_for(&self, replication_factor: usize) -> usize {
            replication_factor / 2
        }
    } keeps ReconcileRules AcknowledgementRules ReplicationRules CoordinationRules HintRules ReadRules;
    /// A timeout may report that enough was received.
    TimeoutReportsAll overrides ConsistencyRules {
        fn received_in_timeout(&self, _: usize, block_for: usize) -> usize {
            block_for
        }
    } keeps ReconcileRules AcknowledgementRules ReplicationRules CoordinationRules HintRules ReadRules;
    /// A silent replica is forgotten.
    SilentForgotten overrides HintRules {
        fn hints_failed_replica(&self, _: FailureReason) -> bool {
            false
        }
    } keeps ReconcileRules AcknowledgementRules ReplicationRules CoordinationRules ConsistencyRules ReadRules;
    /// A refused write is hinted.
    RefusedHinted overrides HintRules {
        fn hints_refused_write(&self) -> bool {
            true
        }
    } keeps ReconcileRules AcknowledgementRules ReplicationRules CoordinationRules ConsistencyRules ReadRules;
    /// A page is removed although a hint of it failed.
    FailedPageRemoved overrides HintRules {
        fn removes_page(&self, _: bool) -> bool {
            true
        }
    } keeps ReconcileRules AcknowledgementRules ReplicationRules CoordinationRules ConsistencyRules ReadRules;
    /// The window is never over.
    WindowForgotten overrides HintRules {
        fn downtime_exceeds_window(&self, _: &HintTarget<'_>) -> bool {
            false
        }
    } keeps ReconcileRules AcknowledgementRules ReplicationRules CoordinationRules ConsistencyRules ReadRules;
    /// A hint never expires.
    HintForEver overrides HintRules {
        fn is_live(&self, _: u64, _: u32, _: u64) -> bool {
            true
        }
    } keeps ReconcileRules AcknowledgementRules ReplicationRules CoordinationRules ConsistencyRules ReadRules;
    /// Replicas behind a remote coordinator are not waited for.
    ForwardedForgotten overrides CoordinationRules {
        fn awaits_forwarded_replicas(&self) -> bool {
            false
        }
    } keeps ReconcileRules AcknowledgementRules ReplicationRules HintRules ConsistencyRules ReadRules;
    /// The coordinator's own copy is dropped like any other.
    OwnCopyDropped overrides CoordinationRules {
        fn executes_expired(&self, _: bool) -> bool {
            false
        }
    } keeps ReconcileRules AcknowledgementRules ReplicationRules HintRules ConsistencyRules ReadRules;
    /// An acknowledgement never waits for a sync.
    SyncUnawaited overrides AcknowledgementRules {
        fn may_acknowledge(&self, _: &SyncMode, _: &CommitLogProgress) -> bool {
            true
        }
    } keeps ReconcileRules CoordinationRules ReplicationRules HintRules ConsistencyRules ReadRules;
    /// A read does not wait for its repair.
    RepairUnawaited overrides ReadRules {
        fn awaits_read_repair(&self) -> bool {
            false
        }
    } keeps ReconcileRules AcknowledgementRules CoordinationRules ReplicationRules HintRules ConsistencyRules;
    /// The older cell wins.
    OlderWins overrides ReconcileRules {
        fn compare_cells(&self, left: CellView<'_>, right: CellView<'_>) -> Ordering {
            right.timestamp.cmp(&left.timestamp)
        }
    } keeps AcknowledgementRules CoordinationRules ReplicationRules HintRules ConsistencyRules ReadRules;
}

/// The guarantee that some seed finds broken under these rules.
fn broken<R: Rules>(rules: &R) -> Option<Guarantee> {
    let violation = (0..16).find_map(|seed| simulation::run(seed, SMALL, rules).err());
    violation.map(|violation| violation.guarantee)
}

#[test]
fn a_wrong_rule_about_acknowledgements_is_caught() {
    assert_eq!(broken(&OneIsEnough), Some(Guarantee::SuccessIsHeld));
    assert_eq!(broken(&HintCountsAtOne), Some(Guarantee::SuccessIsHeld));
    assert_eq!(broken(&QuorumOneShort), Some(Guarantee::SuccessIsHeld));
    assert_eq!(broken(&TimeoutReportsAll), Some(Guarantee::ErrorsTellTheTruth));
    assert_eq!(broken(&SyncUnawaited), Some(Guarantee::SyncedBeforeAcknowledged));
    assert_eq!(broken(&OwnCopyDropped), Some(Guarantee::ComesToRest));
}

#[test]
fn a_wrong_rule_about_hints_is_caught() {
    assert_eq!(broken(&SilentForgotten), Some(Guarantee::HintIsStored));
    assert_eq!(broken(&ForwardedForgotten), Some(Guarantee::HintIsStored));
    assert_eq!(broken(&RefusedHinted), Some(Guarantee::RefusedLeavesNothing));
    assert_eq!(broken(&FailedPageRemoved), Some(Guarantee::HintIsKept));
    assert_eq!(broken(&WindowForgotten), Some(Guarantee::HintKeepsWindow));
    assert_eq!(broken(&HintForEver), Some(Guarantee::HintExpires));
}

#[test]
fn a_wrong_rule_about_reads_is_caught() {
    assert_eq!(broken(&RepairUnawaited), Some(Guarantee::ReadSeesAcknowledged));
    assert_eq!(broken(&OlderWins), Some(Guarantee::ReadSeesAcknowledged));
}

#[test]
fn the_reference_passes_where_wrong_rules_fail() {
    assert_eq!(broken(&Reference), None);
}
