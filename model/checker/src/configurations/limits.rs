//! Runs about limits that the configuration sets: hints in progress, size of hint files, data centres without hints,
//! syncs that lag; and about reads that are refused.
//!
//! Bounds and table together. Chapters: `specs/10-hinted-handoff.md`, `specs/06-commit-log.md`.

use thymbra_protocol::ConsistencyLevel::{Any, EachQuorum, LocalQuorum, One, Quorum};

use super::bounds::{at_n1, base, datacenter, network, read, write};
use super::{Configuration, Expected};
use crate::payload::HINT_SIZE_BYTES;
use crate::scope::{Budgets, DownScope, Scope};

/// Writes at one coordinator while a replica is down and may return; hint tasks take their time.
fn slow_hint_tasks(replicas: u16, operations: Vec<crate::scope::OperationScope>) -> Scope {
    Scope {
        operations,
        down: DownScope::Nodes(vec![1]),
        restart: true,
        slow_hints: true,
        ..base(replicas)
    }
}

fn hint_tasks() -> Scope {
    Scope {
        slow_apply: true,
        hints_in_progress_max: 0,
        ..slow_hint_tasks(2, vec![at_n1(write(Any)), at_n1(write(One))])
    }
}

fn hint_tasks_die() -> Scope {
    Scope {
        budgets: Budgets {
            crash: 1,
            ..Budgets::default()
        },
        hint_stages: true,
        ..hint_tasks()
    }
}

/// The third write finds two hints in progress, of which one is allowed.
pub(crate) fn many_hints_in_progress() -> Scope {
    Scope {
        hints_in_progress_max: 1,
        ..slow_hint_tasks(3, vec![at_n1(write(One)); 3])
    }
}

/// The files take two hints before their limit is exceeded.
pub(crate) fn hint_files_fill() -> Scope {
    Scope {
        operations: vec![at_n1(write(One)); 3],
        down: DownScope::Nodes(vec![1]),
        restart: true,
        hint_stages: true,
        hints_size_max_bytes: u8::try_from(HINT_SIZE_BYTES).expect("a hint of the model takes three bytes"),
        ..base(2)
    }
}

/// Nodes of the second data centre are never hinted.
pub(crate) fn hints_disabled() -> Scope {
    Scope {
        operations: vec![at_n1(write(One))],
        hints_disabled_datacenters: vec!["dc2".into()],
        budgets: Budgets {
            lose: 2,
            ..Budgets::default()
        },
        ..network(&[2, 1])
    }
}

/// A clock that ticks past the lag block while the log is not synced.
pub(crate) fn syncs_lag() -> Scope {
    Scope {
        operations: vec![at_n1(write(One))],
        budgets: Budgets {
            ticks: 2,
            power_loss: 1,
            ..Budgets::default()
        },
        sync_lag_block: Some(1),
        log_stages: true,
        restart: true,
        ..base(2)
    }
}

/// A pending replica is no replica to read from, and adds nothing to what a read needs.
pub(crate) fn reads_refused() -> Scope {
    Scope {
        operations: vec![read(One), read(Quorum)],
        datacenters: vec![datacenter("dc1", 2, 2, 1)],
        down: DownScope::AnyOf(2),
        restart: true,
        ..base(2)
    }
}

fn reads_refused_by_datacenter() -> Scope {
    Scope {
        operations: vec![read(EachQuorum), read(LocalQuorum)],
        down: DownScope::AnyOf(1),
        ..network(&[2, 1])
    }
}

/// This part of the table.
pub(super) static CONFIGURATIONS: &[Configuration] = &[
    Configuration {
        name: "hint-tasks",
        says: "Hint tasks take their time, more of them at once than are allowed: 5.0.2 refuses nothing.",
        properties: &["P3", "O1", "O5", "O8", "H1", "H4", "H7", "C6", "L1"],
        bounds: hint_tasks,
        expected: Expected::Green {
            generated: 3_003,
            distinct: 1_406,
        },
    },
    Configuration {
        name: "hint-tasks-die",
        says: "A crash takes hint tasks that have not ended.",
        properties: &["P3", "O1", "O5", "O8", "H1", "H4", "L1"],
        bounds: hint_tasks_die,
        expected: Expected::Green {
            generated: 170_882,
            distinct: 52_714,
        },
    },
    Configuration {
        name: "overloaded",
        says: "Too many hints are in progress: as intended, a write is refused as overloaded and leaves nothing behind.",
        properties: &["O8'", "O8", "O1", "P3", "H1", "H7", "L1"],
        bounds: many_hints_in_progress,
        expected: Expected::Intended {
            generated: 56_701,
            distinct: 15_304,
        },
    },
    Configuration {
        name: "never-overloaded",
        says: "Too many hints are in progress: 5.0.2 takes the write all the same (surprise S2).",
        properties: &["O8'"],
        bounds: many_hints_in_progress,
        expected: Expected::Red { shortest: 3 },
    },
    Configuration {
        name: "hint-files-fill",
        says: "Hint files reach their limit, and no more is stored until they are delivered.",
        properties: &["H10", "H1", "H4", "H7"],
        bounds: hint_files_fill,
        expected: Expected::Green {
            generated: 1_325,
            distinct: 532,
        },
    },
    Configuration {
        name: "hints-disabled",
        says: "Nodes of one data centre are never hinted, those of the other are.",
        properties: &["H11", "H1", "H7"],
        bounds: hints_disabled,
        expected: Expected::Green {
            generated: 196,
            distinct: 105,
        },
    },
    Configuration {
        name: "syncs-lag",
        says: "In periodic mode a write waits while the last sync is too old.",
        properties: &["S2l", "S1", "S2p", "P3", "L1"],
        bounds: syncs_lag,
        expected: Expected::Green {
            generated: 13_068,
            distinct: 3_935,
        },
    },
    Configuration {
        name: "reads-refused",
        says: "Reads while two nodes of three are down, one of the three pending.",
        properties: &["O1", "O3", "L1"],
        bounds: reads_refused,
        expected: Expected::Green {
            generated: 1_165,
            distinct: 607,
        },
    },
    Configuration {
        name: "reads-refused-by-datacenter",
        says: "Reads at EACH_QUORUM and LOCAL_QUORUM while a node is down.",
        properties: &["O1", "O3", "L1"],
        bounds: reads_refused_by_datacenter,
        expected: Expected::Green {
            generated: 67,
            distinct: 63,
        },
    },
];
