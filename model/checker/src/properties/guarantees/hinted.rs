//! Hints and what they bring about.

use crate::properties::outcomes::{
    hints_delivered, live_replicas_hold_the_newest, own_copies_applied, reads_at_all_repair, replicas_agree,
    some_coordinator_died,
};
use crate::properties::{Breach, Clause, Kind, PropertyDef, Reached};

/// This part of the guarantees.
pub(super) static HINTED: &[PropertyDef] = &[
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
        clauses: &[Clause {
            say: "a hint is removed only after it was acknowledged or had expired",
            holds: |_, state| state.breaches & Breach::HintRemoved as u32 == 0,
        }],
        breaches: Breach::HintRemoved as u32,
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
        code: "H10",
        name: "WP-GU-37 hint files stay within their limit",
        witness: "WP-GU-37 reached: a replica missed a write while the hint files for it exceeded their limit",
        kind: Kind::Always,
        premise: Clause {
            say: "a replica missed a write while the hint files for it exceeded their limit",
            holds: |_, state| state.reached & Reached::HintFilesFull as u32 != 0,
        },
        clauses: &[Clause {
            say: "no hint is stored for a target whose hint files exceed their limit",
            holds: |_, state| state.breaches & Breach::HintBeyondSize as u32 == 0,
        }],
        breaches: Breach::HintBeyondSize as u32,
        reached: Reached::HintFilesFull as u32,
    },
    PropertyDef {
        code: "H11",
        name: "WP-GU-58 no hint is stored where hints are switched off",
        witness: "WP-GU-58 reached: a replica missed a write that the configuration lets nobody hint",
        kind: Kind::Always,
        premise: Clause {
            say: "a replica missed a write that the configuration lets nobody hint",
            holds: |_, state| state.reached & Reached::HintsExcluded as u32 != 0,
        },
        clauses: &[Clause {
            say: "no hint is stored while hints are off, or for a data centre for which they are",
            holds: |_, state| state.breaches & Breach::HintExcluded as u32 == 0,
        }],
        breaches: Breach::HintExcluded as u32,
        reached: Reached::HintsExcluded as u32,
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
];
