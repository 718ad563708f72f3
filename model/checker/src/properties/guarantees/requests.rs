//! Requests: what success, refusal, timeout and failure mean.

use thymbra_protocol::ConsistencyLevel;

use crate::properties::outcomes::{acknowledged, of_kind, some_told};
use crate::properties::{Breach, Clause, Kind, PropertyDef, Reached};
use crate::scope::OperationKind;
use crate::system::{Phase, Told};

/// The premise of both properties about overload.
const TOO_MANY_HINTS: Clause = Clause {
    say: "a write came to a coordinator with too many hints in progress, one of them for a replica that it may hint",
    holds: |_, state| state.reached & Reached::HintsInProgress as u32 != 0,
};

/// This part of the guarantees.
pub(super) static REQUESTS: &[PropertyDef] = &[
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
            holds: |system, state| {
                of_kind(system, state, OperationKind::Write)
                    .any(|(_, write)| matches!(write.phase, Phase::Ended(Told::Unavailable(..))))
            },
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
        witness: "WP-GU-07 reached: a request was refused as unavailable",
        kind: Kind::Always,
        premise: Clause {
            say: "a request was refused as unavailable",
            holds: |_, state| some_told(state, |told| matches!(told, Told::Unavailable(..))),
        },
        clauses: &[Clause {
            say: "a request is refused exactly when the live replicas of the coordinator's view cannot meet its level",
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
        code: "O8",
        name: "WP-GU-56 Overloaded comes only of too many hints in progress, and means that nothing was sent or hinted",
        witness: "WP-GU-56 reached: a write came to a coordinator with too many hints in progress",
        kind: Kind::Always,
        premise: TOO_MANY_HINTS,
        clauses: &[
            Clause {
                say: "no write is refused as overloaded unless too many hints are in progress, one of them for a replica that it may hint",
                holds: |_, state| state.breaches & Breach::OverloadWithoutCause as u32 == 0,
            },
            Clause {
                say: "a write that is refused as overloaded sends no mutation and stores no hint",
                holds: |_, state| state.breaches & Breach::RefusedWrote as u32 == 0,
            },
        ],
        breaches: Breach::OverloadWithoutCause as u32 | Breach::RefusedWrote as u32,
        reached: Reached::HintsInProgress as u32,
    },
    PropertyDef {
        code: "O8'",
        name: "WP-GU-57 too many hints in progress refuse a write as overloaded",
        witness: "WP-GU-57 reached: a write came to a coordinator with too many hints in progress",
        kind: Kind::Always,
        premise: TOO_MANY_HINTS,
        clauses: &[Clause {
            say: "a write is refused as overloaded while too many hints are in progress, one of them for a replica that it may hint",
            holds: |_, state| state.breaches & Breach::OverloadIgnored as u32 == 0,
        }],
        breaches: Breach::OverloadIgnored as u32,
        reached: Reached::HintsInProgress as u32,
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
