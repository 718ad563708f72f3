//! What a run must never do, and the report of a run that did.
//!
//! Chapter: `specs/00-guarantees.md`.

use core::fmt;

/// A guarantee of the write path, as the simulation counts it for itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Guarantee {
    /// Each request ends exactly once, unless its coordinator dies.
    OneOutcome,
    /// When a write succeeds, as many distinct replicas as its level asks have applied it.
    SuccessIsHeld,
    /// Every cell that is read or stored is one that a client wrote there before.
    NothingFromThinAir,
    /// A refused request leaves no trace.
    RefusedLeavesNothing,
    /// A request is refused exactly if its coordinator believes too few replicas alive.
    AdmissionFollowsView,
    /// Errors report no more acknowledgements than arrived, and only failures that happened.
    ErrorsTellTheTruth,
    /// Each replica of an admitted write acknowledges it or is hinted, if the window allows.
    HintIsStored,
    /// No hint is stored for a replica whose window is over.
    HintKeepsWindow,
    /// A hint is not applied once it is older than gc_grace.
    HintExpires,
    /// A hint leaves its holder only when it was delivered or has expired.
    HintIsKept,
    /// In batch mode nothing is acknowledged before it is synced.
    SyncedBeforeAcknowledged,
    /// A quorum read sees each write that a quorum had acknowledged, and what an earlier quorum read returned.
    ReadSeesAcknowledged,
    /// An acknowledged write, or one that supersedes it, is there in the end.
    AcknowledgedSurvives,
    /// When all is healed and delivered, replicas hold the same.
    ReplicasConverge,
    /// A read at ALL makes replicas equal.
    ReadAtAllRepairs,
    /// The node keeps its invariants.
    InvariantsHold,
    /// A cluster without faults comes to rest.
    ComesToRest,
}

/// A guarantee that did not hold.
#[derive(Clone, Debug)]
pub(super) struct Breach {
    pub(super) guarantee: Guarantee,
    pub(super) detail: String,
}

/// The guarantee holds, or it does not.
pub(super) type Verdict = Result<(), Breach>;

/// Judges one guarantee; the detail is made only if it does not hold.
pub(super) fn require(holds: bool, guarantee: Guarantee, detail: impl FnOnce() -> String) -> Verdict {
    if holds {
        Ok(())
    } else {
        Err(Breach {
            guarantee,
            detail: detail(),
        })
    }
}

/// A run that broke a guarantee.
#[derive(Clone, Debug)]
pub struct Violation {
    /// The seed that repeats the run.
    pub seed: u64,
    /// What did not hold.
    pub guarantee: Guarantee,
    /// The request or partition it was found in.
    pub detail: String,
    /// The last events before it.
    pub tail: Vec<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "seed {}: {:?} does not hold: {}",
            self.seed, self.guarantee, self.detail
        )?;
        for event in &self.tail {
            writeln!(formatter, "  {event}")?;
        }
        Ok(())
    }
}

impl core::error::Error for Violation {}
