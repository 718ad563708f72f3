//! What a run met: labelled counts, so that a schedule that stops reaching something shows.
//!
//! Chapter: `specs/03-coordination.md`.

use core::fmt;

/// Declares the labels with the list of all of them.
macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Something that a schedule is meant to reach.
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        pub enum Label {
            $($(#[$doc])* $name,)*
        }

        /// All labels.
        pub const LABELS: &[Label] = &[$(Label::$name,)*];
    };
}

labels! {
    /// As many requests were open at once as the run allows.
    OpenMaxReached,
    /// A write succeeded.
    WriteSucceeded,
    /// A write was refused for want of live replicas.
    WriteUnavailable,
    /// A write timed out.
    WriteTimedOut,
    /// A write failed early.
    WriteFailed,
    /// A request was refused as invalid.
    RequestInvalid,
    /// A read returned data.
    ReadSucceeded,
    /// A read was refused for want of live replicas.
    ReadUnavailable,
    /// A read timed out.
    ReadTimedOut,
    /// A read failed early.
    ReadFailed,
    /// A read was judged by what was acknowledged before it began.
    ReadJudgedByFloor,
    /// A coordinator died with an open request.
    RequestAbandoned,
    /// An acknowledgement arrived a second time.
    AcknowledgedTwice,
    /// An acknowledgement arrived after the answer.
    AcknowledgedLate,
    /// An answer arrived whose slot has another holder by now.
    StaleAnswerInReusedSlot,
    /// A timer fired whose slot has another holder by now.
    StaleTimerInReusedSlot,
    /// A mutation was passed on by a remote coordinator.
    Forwarded,
    /// A mutation on its way to a remote coordinator was lost.
    ForwarderLost,
    /// A message was lost.
    MessageLost,
    /// A message arrived twice.
    MessageDuplicated,
    /// A message outlived its deadline on its way.
    MessageExpired,
    /// An append failed.
    AppendFailed,
    /// A mutation expired in the queue of a replica.
    ReplicaCopyExpired,
    /// The coordinator's own copy expired in the queue, and was executed.
    OwnCopyExpired,
    /// An acknowledgement waited for a sync in batch mode.
    BatchWaited,
    /// An acknowledgement waited in periodic mode, because syncs had fallen behind.
    PeriodicWaited,
    /// A process crashed.
    ProcessCrashed,
    /// A machine lost power.
    PowerLost,
    /// A crash took applied entries of the commit log.
    AppliedEntryLost,
    /// The cluster fell into two sides.
    Partitioned,
    /// A node was suspected although it was up.
    SuspectedWrongly,
    /// A hint was stored when its write began.
    HintStoredAtAdmission,
    /// A hint was stored for a replica that failed or stayed silent.
    HintStoredLater,
    /// A hint was owed to nobody, because its window was over.
    HintWindowPassed,
    /// A hint in the buffer was lost in a crash.
    HintLost,
    /// A hint was delivered.
    HintDelivered,
    /// A hint was too old to be applied.
    HintExpired,
    /// A page of hints was not delivered whole.
    PageReturned,
    /// A write at ANY was answered without a replica.
    AnyByHint,
    /// A read sent a repair.
    RepairSent,
    /// A read waited for its repair and was answered.
    RepairAwaited,
    /// Replicas were different when all was quiet, and were known to be.
    DifferedAndKnown,
    /// Replicas were equal when all was quiet.
    Converged,
}

/// Counts by label.
#[derive(Clone, Debug)]
pub struct Coverage {
    counts: Vec<u64>,
    /// Steps of all nodes.
    pub steps: u64,
}

impl Default for Coverage {
    fn default() -> Self {
        Self {
            counts: vec![0; LABELS.len()],
            steps: 0,
        }
    }
}

impl Coverage {
    /// Counts one event.
    pub fn reach(&mut self, label: Label) {
        self.counts[label as usize] += 1;
    }

    /// How often a label was reached.
    #[must_use]
    pub fn count(&self, label: Label) -> u64 {
        self.counts[label as usize]
    }

    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        for (mine, others) in self.counts.iter_mut().zip(&other.counts) {
            *mine += others;
        }
    }

    /// Labels that were never reached.
    #[must_use]
    pub fn missing(&self) -> Vec<Label> {
        let never = LABELS.iter().filter(|label| self.count(**label) == 0);
        never.copied().collect()
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{:>10}  steps", self.steps)?;
        for label in LABELS {
            writeln!(formatter, "{:>10}  {label:?}", self.count(*label))?;
        }
        Ok(())
    }
}
