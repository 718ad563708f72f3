//! What a person may ask: each question names the bad thing; the property is that it never happens.

use super::linearizability::is_linearizable;
use super::outcomes::{
    acknowledged, goes_back, is_held_somewhere, is_overwritten, is_stale, read_after_write, replicas_agree,
    some_told, two_reads, write_after_attempt,
};
use super::{Clause, Kind, PropertyDef};
use crate::system::{Phase, Told};

/// The questions, by name.
pub static QUESTIONS: &[PropertyDef] = &[
    PropertyDef {
        code: "stale",
        name: "WP-GU-21 question stale: a read returns an acknowledged write or a newer one",
        witness: "WP-GU-21 question stale: a read began after a write was acknowledged, and returned",
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
        code: "non-monotonic",
        name: "WP-GU-26 question non-monotonic: of two reads in turn the second returns no less",
        witness: "WP-GU-26 question non-monotonic: two reads returned in turn",
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
        code: "non-linearizable",
        name: "WP-GU-28 question non-linearizable: some order of a register explains what the clients saw",
        witness: "WP-GU-28 question non-linearizable: every read returned",
        kind: Kind::Always,
        premise: Clause {
            say: "every operation began and every read returned",
            holds: |system, state| {
                state
                    .operations
                    .iter()
                    .zip(&system.scope.operations)
                    .all(|(operation, scope)| match scope.kind {
                        crate::scope::OperationKind::Read => {
                            matches!(operation.phase, Phase::Ended(Told::Value(_)))
                        }
                        crate::scope::OperationKind::Write => operation.phase != Phase::Waiting,
                    })
            },
        },
        clauses: &[Clause {
            say: "a linear order of a register explains the history; a write without a success may count or not",
            holds: is_linearizable,
        }],
        breaches: 0,
        reached: 0,
    },
    PropertyDef {
        code: "lost",
        name: "WP-GU-38 question lost: an acknowledged write is held somewhere at quiescence",
        witness: "WP-GU-38 question lost: a write was acknowledged, and the cluster came to rest",
        kind: Kind::Always,
        premise: Clause {
            say: "a write was acknowledged, and the cluster came to rest",
            holds: |system, state| acknowledged(system, state).next().is_some() && system.is_quiescent(state),
        },
        clauses: &[Clause {
            say: "each acknowledged write, or one that supersedes it, is on a disk or in a hint",
            holds: |system, state| {
                acknowledged(system, state)
                    .filter_map(|(index, _)| system.mutation_of(state, index))
                    .all(|mutation| is_held_somewhere(state, mutation))
                    || !system.is_quiescent(state)
            },
        }],
        breaches: 0,
        reached: 0,
    },
    PropertyDef {
        code: "unavailable",
        name: "WP-GU-07 question unavailable: no request is refused as unavailable",
        witness: "WP-GU-07 question unavailable: a request reached a coordinator",
        kind: Kind::Always,
        premise: Clause {
            say: "a request reached a coordinator that was up",
            holds: |_, state| {
                state
                    .operations
                    .iter()
                    .any(|operation| operation.phase != Phase::Waiting)
            },
        },
        clauses: &[Clause {
            say: "no request is refused with Unavailable",
            holds: |_, state| !some_told(state, |told| matches!(told, Told::Unavailable(..))),
        }],
        breaches: 0,
        reached: 0,
    },
    PropertyDef {
        code: "timeout",
        name: "WP-GU-08 question timeout: no admitted request ends in a timeout",
        witness: "WP-GU-08 question timeout: an admitted request was answered",
        kind: Kind::Always,
        premise: Clause {
            say: "a request was admitted",
            holds: |_, state| {
                state
                    .operations
                    .iter()
                    .any(|operation| operation.phase == Phase::Open)
                    || some_told(state, |told| {
                        matches!(
                            told,
                            Told::Success | Told::Timeout(..) | Told::Failure(..) | Told::Value(_)
                        )
                    })
            },
        },
        clauses: &[Clause {
            say: "no admitted request ends in a timeout",
            holds: |_, state| !some_told(state, |told| matches!(told, Told::Timeout(..))),
        }],
        breaches: 0,
        reached: 0,
    },
    PropertyDef {
        code: "diverge",
        name: "WP-GU-25 question diverge: at quiescence the replicas that are up hold the same",
        witness: "WP-GU-25 question diverge: a write ended, and the cluster came to rest",
        kind: Kind::Always,
        premise: Clause {
            say: "a write reached a replica, and the cluster came to rest",
            holds: |system, state| {
                state.nodes.iter().any(|node| node.disk.memory.0.is_some()) && system.is_quiescent(state)
            },
        },
        clauses: &[Clause {
            say: "at rest the replicas that are up hold the same",
            holds: |system, state| replicas_agree(system, state) || !system.is_quiescent(state),
        }],
        breaches: 0,
        reached: 0,
    },
    PropertyDef {
        code: "overwritten",
        name: "WP-GU-28 question overwritten: an acknowledged write is not shadowed by an older one",
        witness: "WP-GU-28 question overwritten: a write was acknowledged after an attempt of another was over",
        kind: Kind::Always,
        premise: Clause {
            say: "a write was acknowledged that began after an attempt of another write was over",
            holds: write_after_attempt,
        },
        clauses: &[Clause {
            say: "no acknowledged write ends up older than an operation whose first attempt was over before it began",
            holds: |system, state| !is_overwritten(system, state),
        }],
        breaches: 0,
        reached: 0,
    },
];
