//! The guarantees of the write path that need interleavings to be checked, one for each rule of
//! `specs/00-guarantees.md`. Those about single decisions (placement, needs, merging) are enumerated in
//! [`crate::laws`].

use thymbra_protocol::ConsistencyLevel;

use super::linearizability::is_linearizable;
use super::outcomes::{
    acknowledged, goes_back, hints_delivered, is_stale, live_replicas_hold_the_newest, nothing_from_thin_air,
    own_copies_applied, read_after_write, reads_at_all_repair, replicas_agree, returned,
    some_coordinator_died, some_told, stages_nest, two_reads,
};
use super::{Breach, Clause, Kind, PropertyDef, Reached};
use crate::system::{Phase, Told};

/// The guarantees, by code.
pub static GUARANTEES: &[PropertyDef] = &[
    PropertyDef {
        code: "P3",
        name: "WP-GU-03 success means that enough distinct replicas have applied exactly this mutation",
        witness: "WP-GU-03 reached: a write succeeded",
        kind: Kind::Always,
        premise: Clause {
            say: "a write succeeded",
            holds: |system, state| acknowledged(system, state).next().is_some(),
        },
        clauses: &[Clause {
            say: "when a write succeeds, replicas that applied it meet its level, pending replicas counted",
            holds: |_, state| state.breaches & Breach::AckUnsound as u32 == 0,
        }],
        breaches: Breach::AckUnsound as u32,
        reached: 0,
    },
    PropertyDef {
        code: "P5",
        name: "WP-GU-04 a replica counts once for a request, however often its answer arrives",
        witness: "WP-GU-04 reached: an acknowledgement arrived twice",
        kind: Kind::Always,
        premise: Clause {
            say: "an acknowledgement arrived twice",
            holds: |_, state| state.reached & Reached::DuplicateAck as u32 != 0,
        },
        clauses: &[Clause {
            say: "an acknowledgement counts for the replica that sent it, once",
            holds: |_, state| state.breaches & Breach::AckTwice as u32 == 0,
        }],
        breaches: Breach::AckTwice as u32,
        reached: Reached::DuplicateAck as u32,
    },
    PropertyDef {
        code: "O1",
        name: "WP-GU-05 each request gets exactly one outcome, and it never changes",
        witness: "WP-GU-05 reached: a request ended",
        kind: Kind::Always,
        premise: Clause {
            say: "a request ended",
            holds: |_, state| some_told(state, |_| true),
        },
        clauses: &[Clause {
            say: "no request is answered twice",
            holds: |_, state| state.breaches & Breach::OutcomeTwice as u32 == 0,
        }],
        breaches: Breach::OutcomeTwice as u32,
        reached: 0,
    },
    PropertyDef {
        code: "O2",
        name: "WP-GU-06 Unavailable means that nothing was sent and nothing hinted",
        witness: "WP-GU-06 reached: a write was refused as unavailable",
        kind: Kind::Always,
        premise: Clause {
            say: "a write was refused as unavailable",
            holds: |_, state| some_told(state, |told| matches!(told, Told::Unavailable(..))),
        },
        clauses: &[Clause {
            say: "a refused write sends no mutation and stores no hint",
            holds: |_, state| state.breaches & Breach::RefusedWrote as u32 == 0,
        }],
        breaches: Breach::RefusedWrote as u32,
        reached: 0,
    },
    PropertyDef {
        code: "O3",
        name: "WP-GU-07 Unavailable is answered exactly when the coordinator's view cannot meet the level",
        witness: "WP-GU-07 reached: a write was refused as unavailable",
        kind: Kind::Always,
        premise: Clause {
            say: "a write was refused as unavailable",
            holds: |_, state| some_told(state, |told| matches!(told, Told::Unavailable(..))),
        },
        clauses: &[Clause {
            say: "a write is refused exactly when the live replicas of the coordinator's view cannot meet its level",
            holds: |_, state| state.breaches & Breach::AdmissionWrong as u32 == 0,
        }],
        breaches: Breach::AdmissionWrong as u32,
        reached: 0,
    },
    PropertyDef {
        code: "O4",
        name: "WP-GU-08 a timeout reports fewer answers than it needed and takes nothing back",
        witness: "WP-GU-08 reached: a request ended in a timeout",
        kind: Kind::Always,
        premise: Clause {
            say: "a request ended in a timeout",
            holds: |_, state| some_told(state, |told| matches!(told, Told::Timeout(..))),
        },
        clauses: &[
            Clause {
                say: "a timeout reports fewer acknowledgements than were needed",
                holds: |_, state| state.breaches & Breach::TimeoutReceived as u32 == 0,
            },
            Clause {
                say: "a timeout takes no applied copy back",
                holds: |_, state| state.breaches & Breach::RolledBack as u32 == 0,
            },
        ],
        breaches: Breach::TimeoutReceived as u32 | Breach::RolledBack as u32,
        reached: 0,
    },
    PropertyDef {
        code: "O5",
        name: "WP-GU-09 ANY succeeds when a replica has applied the write or a hint of it is kept",
        witness: "WP-GU-09 reached: a write at ANY succeeded",
        kind: Kind::Always,
        premise: Clause {
            say: "a write at ANY succeeded",
            holds: |system, state| {
                acknowledged(system, state).any(|(index, _)| {
                    system
                        .operation(index)
                        .is_some_and(|scope| scope.level == ConsistencyLevel::Any)
                })
            },
        },
        clauses: &[
            Clause {
                say: "ANY succeeds only with an applied copy or a hint, where a replica can be hinted (surprise S4)",
                holds: |_, state| state.breaches & Breach::AnyWithoutCopy as u32 == 0,
            },
            Clause {
                say: "ANY ends in no timeout or failure where a replica can be hinted",
                holds: |_, state| state.breaches & Breach::AnyNotSuccess as u32 == 0,
            },
        ],
        breaches: Breach::AnyWithoutCopy as u32 | Breach::AnyNotSuccess as u32,
        reached: 0,
    },
    PropertyDef {
        code: "O6",
        name: "WP-GU-10 failures that make the level impossible end the request before its timer",
        witness: "WP-GU-10 reached: a write ended in a failure",
        kind: Kind::Always,
        premise: Clause {
            say: "a write ended in a failure",
            holds: |_, state| some_told(state, |told| matches!(told, Told::Failure(..))),
        },
        clauses: &[Clause {
            say: "a write does not stay open once failures have made its level impossible",
            holds: |_, state| state.breaches & Breach::FailureLate as u32 == 0,
        }],
        breaches: Breach::FailureLate as u32,
        reached: 0,
    },
    PropertyDef {
        code: "O7",
        name: "WP-GU-11 forwarding changes who sends a write, not who applies, acknowledges or hints it",
        witness: "WP-GU-11 reached: a mutation on its way to a remote coordinator was lost",
        kind: Kind::Always,
        premise: Clause {
            say: "a mutation on its way to a remote coordinator was lost",
            holds: |_, state| state.reached & Reached::ForwarderLost as u32 != 0,
        },
        clauses: &[
            Clause {
                say: "each replica behind a remote coordinator is acknowledged or hinted by the coordinator",
                holds: |_, state| state.breaches & Breach::ForwardedForgotten as u32 == 0,
            },
            Clause {
                say: "acknowledgements go to the coordinator",
                holds: |_, state| state.breaches & Breach::AckElsewhere as u32 == 0,
            },
        ],
        breaches: Breach::ForwardedForgotten as u32 | Breach::AckElsewhere as u32,
        reached: Reached::ForwarderLost as u32,
    },
    PropertyDef {
        code: "L1",
        name: "WP-GU-12 every admitted request has its outcome no later than its timer",
        witness: "WP-GU-12 reached: a request ended, and the cluster came to rest",
        kind: Kind::Always,
        premise: Clause {
            say: "a request ended, and the cluster came to rest",
            holds: |system, state| some_told(state, |_| true) && system.is_quiescent(state),
        },
        clauses: &[Clause {
            say: "at rest no admitted request is open",
            holds: |system, state| {
                !system.is_quiescent(state)
                    || state
                        .operations
                        .iter()
                        .all(|operation| operation.phase != Phase::Open)
            },
        }],
        breaches: 0,
        reached: 0,
    },
    PropertyDef {
        code: "H1",
        name: "WP-GU-13 a replica that misses a write is hinted, and a coordinator that stays up applies its own copy",
        witness: "WP-GU-13 reached: a hint was owed and stored, or the own copy was held up",
        kind: Kind::Always,
        premise: Clause {
            say: "a hint was owed and stored, or the own copy was held up",
            holds: |_, state| {
                state.reached & (Reached::HintStored as u32 | Reached::OwnCopyDropped as u32) != 0
            },
        },
        clauses: &[
            Clause {
                say: "each target that is neither acknowledged nor beyond the window is hinted",
                holds: |_, state| state.breaches & Breach::HintMissing as u32 == 0,
            },
            Clause {
                say: "a coordinator that stays up applies its own copy",
                holds: |system, state| !system.is_quiescent(state) || own_copies_applied(system, state),
            },
        ],
        breaches: Breach::HintMissing as u32,
        reached: Reached::HintStored as u32 | Reached::OwnCopyDropped as u32,
    },
    PropertyDef {
        code: "H2",
        name: "WP-GU-14 no hint is created for an outage that has outlived the hint window",
        witness: "WP-GU-14 reached: a target was beyond the window when it missed a write",
        kind: Kind::Always,
        premise: Clause {
            say: "a target was beyond the window when it missed a write",
            holds: |_, state| state.reached & Reached::WindowPassed as u32 != 0,
        },
        clauses: &[Clause {
            say: "no hint is stored for a target beyond the window, by the coordinator's memory of the outage or its oldest hint file",
            holds: |_, state| state.breaches & Breach::HintOutsideWindow as u32 == 0,
        }],
        breaches: Breach::HintOutsideWindow as u32,
        reached: Reached::WindowPassed as u32,
    },
    PropertyDef {
        code: "H2'",
        name: "WP-GU-15 a target that came back and was given its hints has a full window for its next outage",
        witness: "WP-GU-15 reached: a target missed a write in a second outage, after its hints were delivered",
        kind: Kind::Always,
        premise: Clause {
            say: "a target missed a write in a second outage, after its hints were delivered",
            holds: |_, state| state.reached & Reached::SecondOutage as u32 != 0,
        },
        clauses: &[Clause {
            say: "a target whose hints were delivered is hinted in its next outage",
            holds: |_, state| state.breaches & Breach::HintRefusedAfterDischarge as u32 == 0,
        }],
        breaches: Breach::HintRefusedAfterDischarge as u32,
        reached: Reached::SecondOutage as u32,
    },
    PropertyDef {
        code: "H3",
        name: "WP-GU-16 a hint never counts as an acknowledgement, except at ANY",
        witness: "WP-GU-16 reached: a write at another level than ANY succeeded while it was hinted",
        kind: Kind::Always,
        premise: Clause {
            say: "a write at another level than ANY succeeded while it was hinted",
            holds: |_, state| state.reached & Reached::HintWhileOpen as u32 != 0,
        },
        clauses: &[Clause {
            say: "at every level but ANY the acknowledgements of replicas alone meet the level",
            holds: |_, state| state.breaches & Breach::HintCounted as u32 == 0,
        }],
        breaches: Breach::HintCounted as u32,
        reached: Reached::HintWhileOpen as u32,
    },
    PropertyDef {
        code: "H4",
        name: "WP-GU-17 a hint is removed only when its target acknowledged it, or it expired",
        witness: "WP-GU-17 reached: a hint was removed",
        kind: Kind::Always,
        premise: Clause {
            say: "a hint was removed",
            holds: |_, state| state.reached & Reached::HintRemoved as u32 != 0,
        },
        clauses: &[
            Clause {
                say: "a hint is removed only after it was acknowledged or had expired",
                holds: |_, state| state.breaches & Breach::HintRemoved as u32 == 0,
            },
            Clause {
                say: "the delivery of a hint stores no other",
                holds: |_, state| state.breaches & Breach::HintFromHint as u32 == 0,
            },
        ],
        breaches: Breach::HintRemoved as u32 | Breach::HintFromHint as u32,
        reached: Reached::HintRemoved as u32,
    },
    PropertyDef {
        code: "H5",
        name: "WP-GU-18 a hint keeps its timestamps, and delivering it again changes nothing",
        witness: "WP-GU-18 reached: a hint arrived at its target",
        kind: Kind::Always,
        premise: Clause {
            say: "a hint arrived at its target",
            holds: |_, state| state.reached & Reached::HintArrived as u32 != 0,
        },
        clauses: &[Clause {
            say: "a hint carries the timestamp of its write",
            holds: |_, state| state.breaches & Breach::HintRestamped as u32 == 0,
        }],
        breaches: Breach::HintRestamped as u32,
        reached: Reached::HintArrived as u32,
    },
    PropertyDef {
        code: "H6",
        name: "WP-GU-19 a hint older than the smallest gc_grace of its tables is never applied",
        witness: "WP-GU-19 reached: a hint had expired when it arrived, or was removed unsent",
        kind: Kind::Always,
        premise: Clause {
            say: "a hint had expired when it arrived, or was removed unsent",
            holds: |_, state| {
                state.reached & (Reached::HintExpired as u32 | Reached::HintRemoved as u32)
                    == Reached::HintExpired as u32
            },
        },
        clauses: &[Clause {
            say: "an expired hint is not applied",
            holds: |_, state| state.breaches & Breach::HintExpiredApplied as u32 == 0,
        }],
        breaches: Breach::HintExpiredApplied as u32,
        reached: Reached::HintExpired as u32 | Reached::HintRemoved as u32,
    },
    PropertyDef {
        code: "H7",
        name: "WP-GU-20 while holder and target stay up and connected every unexpired hint is applied in the end",
        witness: "WP-GU-20 reached: a hint was stored, and the cluster came to rest",
        kind: Kind::Always,
        premise: Clause {
            say: "a hint was stored, and the cluster came to rest",
            holds: |system, state| {
                state.reached & Reached::HintStored as u32 != 0 && system.is_quiescent(state)
            },
        },
        clauses: &[Clause {
            say: "at rest no hint waits for a target that is up and connected",
            holds: |system, state| !system.is_quiescent(state) || hints_delivered(system, state),
        }],
        breaches: 0,
        reached: Reached::HintStored as u32,
    },
    PropertyDef {
        code: "C1",
        name: "WP-GU-21 if reads and writes overlap, a read returns an acknowledged write or a newer one",
        witness: "WP-GU-21 reached: a read began after a write was acknowledged, and returned",
        kind: Kind::Always,
        premise: Clause {
            say: "a read began after a write was acknowledged, and returned",
            holds: read_after_write,
        },
        clauses: &[Clause {
            say: "no read returns less than a write that was acknowledged before the read began",
            holds: |system, state| !is_stale(system, state),
        }],
        breaches: 0,
        reached: 0,
    },
    PropertyDef {
        code: "C1n",
        name: "WP-GU-22 where reads and writes do not overlap a stale read can be found",
        witness: "WP-GU-22 reached: a read began after a write was acknowledged, and returned",
        kind: Kind::Sometimes,
        premise: Clause {
            say: "a read began after a write was acknowledged, and returned",
            holds: read_after_write,
        },
        clauses: &[Clause {
            say: "a read returns less than a write that was acknowledged before the read began",
            holds: is_stale,
        }],
        breaches: 0,
        reached: 0,
    },
    PropertyDef {
        code: "C4",
        name: "WP-GU-23 every value that is read was written by a client",
        witness: "WP-GU-23 reached: a read returned a value",
        kind: Kind::Always,
        premise: Clause {
            say: "a read returned a value",
            holds: |system, state| returned(system, state).any(|(_, _, value)| value.0.is_some()),
        },
        clauses: &[Clause {
            say: "a read returns a value with the timestamp it was written with",
            holds: nothing_from_thin_air,
        }],
        breaches: 0,
        reached: 0,
    },
    PropertyDef {
        code: "C6",
        name: "WP-GU-25 once hints and read repair have done their work all live replicas hold the same",
        witness: "WP-GU-25 reached: a replica that had missed a write was brought up to date, and the cluster came to rest",
        kind: Kind::Always,
        premise: Clause {
            say: "a replica that had missed a write was brought up to date, and the cluster came to rest",
            holds: |system, state| {
                state.reached & (Reached::HintArrived as u32 | Reached::RepairSent as u32) != 0
                    && system.is_quiescent(state)
            },
        },
        clauses: &[
            Clause {
                say: "at rest, unless a coordinator died, the replicas that are up hold the newest write that was applied anywhere",
                holds: |system, state| {
                    !system.is_quiescent(state)
                        || some_coordinator_died(state)
                        || replicas_agree(system, state) && live_replicas_hold_the_newest(system, state)
                },
            },
            Clause {
                say: "after a read at ALL with blocking repair every replica holds what it returned",
                holds: reads_at_all_repair,
            },
        ],
        breaches: 0,
        reached: Reached::HintArrived as u32 | Reached::RepairSent as u32,
    },
    PropertyDef {
        code: "C7",
        name: "WP-GU-26 with blocking read repair two successive quorum reads never go back in time",
        witness: "WP-GU-26 reached: two reads returned, one after the other",
        kind: Kind::Always,
        premise: Clause {
            say: "two reads returned, one after the other",
            holds: two_reads,
        },
        clauses: &[Clause {
            say: "a read returns no less than a read that returned before it began",
            holds: |system, state| !goes_back(system, state),
        }],
        breaches: 0,
        reached: 0,
    },
    PropertyDef {
        code: "C8",
        name: "WP-GU-27 read repair never lowers a replica, sends only what is missing, and ends",
        witness: "WP-GU-27 reached: a repair was sent",
        kind: Kind::Always,
        premise: Clause {
            say: "a repair was sent",
            holds: |_, state| state.reached & Reached::RepairSent as u32 != 0,
        },
        clauses: &[
            Clause {
                say: "a repair goes only to a replica that lacks something",
                holds: |_, state| state.breaches & Breach::RepairUnneeded as u32 == 0,
            },
            Clause {
                say: "a repair goes only to replicas that the level allows",
                holds: |_, state| state.breaches & Breach::RepairForeign as u32 == 0,
            },
            Clause {
                say: "a repair never carries less than the newest answer",
                holds: |_, state| state.breaches & Breach::RepairLowered as u32 == 0,
            },
            Clause {
                say: "a read that repairs returns only when its level holds what it returns",
                holds: |_, state| state.breaches & Breach::RepairUnawaited as u32 == 0,
            },
            Clause {
                say: "at rest no read is open",
                holds: |system, state| {
                    !system.is_quiescent(state) || state.nodes.iter().all(|node| node.node.reads.is_empty())
                },
            },
        ],
        breaches: Breach::RepairUnneeded as u32
            | Breach::RepairForeign as u32
            | Breach::RepairLowered as u32
            | Breach::RepairUnawaited as u32,
        reached: Reached::RepairSent as u32,
    },
    PropertyDef {
        code: "C10",
        name: "WP-GU-28 quorum reads and writes of one cell with blocking read repair are linearizable",
        witness: "WP-GU-28 reached: two reads returned, one after the other",
        kind: Kind::Always,
        premise: Clause {
            say: "two reads returned, one after the other",
            holds: two_reads,
        },
        clauses: &[Clause {
            say: "a linear order of a register explains the history; a write without a success may count or not",
            holds: is_linearizable,
        }],
        breaches: 0,
        reached: 0,
    },
    PropertyDef {
        code: "S1",
        name: "WP-GU-29 a replica acknowledges after its commit log and its memtable have the mutation",
        witness: "WP-GU-29 reached: a replica acknowledged a write",
        kind: Kind::Always,
        premise: Clause {
            say: "a replica acknowledged a write",
            holds: |_, state| state.reached & Reached::Acknowledged as u32 != 0,
        },
        clauses: &[Clause {
            say: "when an acknowledgement leaves, commit log and memtable have the mutation",
            holds: |_, state| state.breaches & Breach::AckBeforeApply as u32 == 0,
        }],
        breaches: Breach::AckBeforeApply as u32,
        reached: Reached::Acknowledged as u32,
    },
    PropertyDef {
        code: "S2",
        name: "WP-GU-30 in batch and group mode an acknowledged mutation survives a power loss of its replica",
        witness: "WP-GU-30 reached: a replica acknowledged a write in batch or group mode",
        kind: Kind::Always,
        premise: Clause {
            say: "a replica acknowledged a write in batch or group mode",
            holds: |_, state| state.reached & Reached::SyncedAck as u32 != 0,
        },
        clauses: &[Clause {
            say: "when an acknowledgement leaves in batch or group mode, the mutation is synced",
            holds: |_, state| state.breaches & Breach::AckBeforeSync as u32 == 0,
        }],
        breaches: Breach::AckBeforeSync as u32,
        reached: Reached::SyncedAck as u32,
    },
    PropertyDef {
        code: "S2p",
        name: "WP-GU-31 in periodic mode what was synced survives, and what is lost is a suffix",
        witness: "WP-GU-31 reached: a power loss took what was not synced",
        kind: Kind::Always,
        premise: Clause {
            say: "a power loss took what was not synced",
            holds: |_, state| state.reached & Reached::UnsyncedLost as u32 != 0,
        },
        clauses: &[
            Clause {
                say: "a power loss takes nothing that was synced",
                holds: |_, state| state.breaches & Breach::SyncedLost as u32 == 0,
            },
            Clause {
                say: "a later stage of the commit log never lacks what an earlier sync had",
                holds: stages_nest,
            },
        ],
        breaches: Breach::SyncedLost as u32,
        reached: Reached::UnsyncedLost as u32,
    },
    PropertyDef {
        code: "F2",
        name: "WP-GU-32 success and hints are right whatever the failure detector believes",
        witness: "WP-GU-32 reached: a coordinator acted on a wrong view",
        kind: Kind::Always,
        premise: Clause {
            say: "a coordinator acted on a wrong view",
            holds: |_, state| state.reached & Reached::ViewWrong as u32 != 0,
        },
        clauses: &[
            Clause {
                say: "when a write succeeds, replicas that applied it meet its level, whoever was believed dead",
                holds: |_, state| state.breaches & Breach::AckUnsound as u32 == 0,
            },
            Clause {
                say: "each target that is neither acknowledged nor beyond the window is hinted, whoever was believed alive",
                holds: |_, state| state.breaches & Breach::HintMissing as u32 == 0,
            },
        ],
        breaches: Breach::AckUnsound as u32 | Breach::HintMissing as u32,
        reached: Reached::ViewWrong as u32,
    },
];
