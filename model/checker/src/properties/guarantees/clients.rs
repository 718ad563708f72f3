//! What clients read, and what a node may acknowledge.

use crate::properties::linearizability::is_linearizable;
use crate::properties::outcomes::{
    goes_back, is_stale, misses_acknowledged, nothing_from_thin_air, read_after_write, returned, stages_nest,
    two_reads,
};
use crate::properties::{Breach, Clause, Kind, PropertyDef, Reached};

/// This part of the guarantees.
pub(super) static CLIENTS: &[PropertyDef] = &[
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
            holds: |system, state| !misses_acknowledged(system, state),
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
        code: "S2l",
        name: "WP-GU-59 in periodic mode a write waits while the last sync is older than the lag block",
        witness: "WP-GU-59 reached: a write waited for a sync that was late",
        kind: Kind::Always,
        premise: Clause {
            say: "a write waited for a sync that was late",
            holds: |_, state| state.reached & Reached::SyncLagged as u32 != 0,
        },
        clauses: &[Clause {
            say: "when an acknowledgement leaves in periodic mode, the last sync is no older than the lag block",
            holds: |_, state| state.breaches & Breach::AckWhileLagging as u32 == 0,
        }],
        breaches: Breach::AckWhileLagging as u32,
        reached: Reached::SyncLagged as u32,
    },
];
