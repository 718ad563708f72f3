//! What shows in a transition alone, kept as bits of the state: breaches of properties, and premises reached.
//!
//! A run keeps the bits of the properties that it checks, no others.

/// A clause of a property that a transition broke.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u32)]
pub enum Breach {
    /// P3: success without enough applied copies.
    AckUnsound = 1,
    /// P5: an acknowledgement was counted for a node that did not send it.
    AckTwice = 1 << 1,
    /// O1: a second outcome.
    OutcomeTwice = 1 << 2,
    /// O2, O8: a refused write sent or stored something.
    RefusedWrote = 1 << 3,
    /// O3: refused though enough were alive, or taken though too few were.
    AdmissionWrong = 1 << 4,
    /// O4: a timeout reports as many acknowledgements as were needed.
    TimeoutReceived = 1 << 5,
    /// O4: a timeout took an applied copy back.
    RolledBack = 1 << 6,
    /// O5: ANY reported success with no copy and no hint, though a replica could be hinted.
    AnyWithoutCopy = 1 << 7,
    /// O5: ANY ended in a timeout or failure though a replica could be hinted.
    AnyNotSuccess = 1 << 8,
    /// O6: the level had become impossible, and the write stayed open.
    FailureLate = 1 << 9,
    /// O7: a replica behind a remote coordinator was neither acknowledged nor hinted.
    ForwardedForgotten = 1 << 10,
    /// O7: an acknowledgement went elsewhere than to the coordinator.
    AckElsewhere = 1 << 11,
    /// H1: a target that could be hinted was not.
    HintMissing = 1 << 12,
    /// H2: a hint was created outside the window.
    HintOutsideWindow = 1 << 13,
    /// H2': no hint for an outage though the earlier hints were delivered.
    HintRefusedAfterDischarge = 1 << 14,
    /// H3: success although the acknowledgements of replicas do not meet the level.
    HintCounted = 1 << 15,
    /// H4: a hint was removed that nobody acknowledged and that had not expired.
    HintRemoved = 1 << 16,
    /// O8': a write was taken though too many hints were in progress.
    OverloadIgnored = 1 << 17,
    /// H5: a hint arrived with another timestamp than its write had.
    HintRestamped = 1 << 18,
    /// H6: an expired hint was applied.
    HintExpiredApplied = 1 << 19,
    /// S1: acknowledged before the commit log and the memtable had it.
    AckBeforeApply = 1 << 20,
    /// S2: acknowledged before it was synced.
    AckBeforeSync = 1 << 21,
    /// S2p: a power loss took what had been synced.
    SyncedLost = 1 << 22,
    /// C8: read repair sent something to a replica that lacked nothing.
    RepairUnneeded = 1 << 23,
    /// C8: read repair went to a node that the level does not allow.
    RepairForeign = 1 << 24,
    /// C8: read repair lowered what a replica held.
    RepairLowered = 1 << 25,
    /// C8: a read that repaired returned before the repair was acknowledged.
    RepairUnawaited = 1 << 26,
    /// O8: a write was refused as overloaded though not too many hints were in progress.
    OverloadWithoutCause = 1 << 27,
    /// H10: a hint was stored for a target whose hint files had reached their limit.
    HintBeyondSize = 1 << 28,
    /// H11: a hint was stored for a node that the configuration lets nobody hint.
    HintExcluded = 1 << 29,
    /// S2l: acknowledged in periodic mode while the last sync was older than the lag block.
    AckWhileLagging = 1 << 30,
}

/// A premise that a transition made true.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u32)]
pub enum Reached {
    /// An acknowledgement arrived twice.
    DuplicateAck = 1,
    /// A replica failed so that the level became impossible.
    Impossible = 1 << 1,
    /// A remote coordinator was lost with replicas behind it.
    ForwarderLost = 1 << 2,
    /// A hint was owed and stored.
    HintStored = 1 << 3,
    /// A target was beyond the window.
    WindowPassed = 1 << 4,
    /// A hint was owed for an outage after all earlier hints had been delivered.
    SecondOutage = 1 << 5,
    /// A hint was acknowledged at a level other than ANY while the write was open.
    HintWhileOpen = 1 << 6,
    /// A hint was removed.
    HintRemoved = 1 << 7,
    /// A hint arrived at its target.
    HintArrived = 1 << 8,
    /// A hint expired before it was delivered.
    HintExpired = 1 << 9,
    /// A replica acknowledged a write.
    Acknowledged = 1 << 10,
    /// A replica acknowledged a write that had to be synced before.
    SyncedAck = 1 << 11,
    /// A power loss took something that was not synced.
    UnsyncedLost = 1 << 12,
    /// Read repair was sent.
    RepairSent = 1 << 13,
    /// The coordinator's own copy was held up.
    OwnCopyDropped = 1 << 14,
    /// A write was admitted or refused while the coordinator's view of the replicas was wrong.
    ViewWrong = 1 << 15,
    /// A write came to a coordinator with too many hints in progress, one of them for a replica that it may hint.
    HintsInProgress = 1 << 16,
    /// A replica missed a write while the hint files for it had reached their limit.
    HintFilesFull = 1 << 17,
    /// A replica missed a write that the configuration lets nobody hint.
    HintsExcluded = 1 << 18,
    /// A write waited in periodic mode because the last sync was too old.
    SyncLagged = 1 << 19,
}
