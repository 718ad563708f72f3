//! Bounds of runs whose writes are followed by reads: levels that overlap, levels that do not, and histories.
//!
//! The runs of [`super::bounds`] that judge one write come before; the table names both. Chapter:
//! `specs/00-guarantees.md`.

use thymbra_protocol::ConsistencyLevel::{self, All, Any, EachQuorum, LocalQuorum, One, Quorum};
use thymbra_protocol::ReadRepairStrategy;

use super::bounds::{at, at_n1, base, datacenter, network, read, write, write_and_two_reads};
use crate::scope::{Budgets, DownScope, Scope};

pub(super) fn local_levels() -> Scope {
    Scope {
        operations: vec![at_n1(write(LocalQuorum)), at_n1(read(LocalQuorum))],
        ..network(&[2, 1])
    }
}

pub(super) fn each_quorum_then_local() -> Scope {
    Scope {
        operations: vec![write(EachQuorum), read(LocalQuorum)],
        ..network(&[2, 2])
    }
}

pub(super) fn all_then_one() -> Scope {
    Scope {
        operations: vec![write(All), read(One)],
        ..base(3)
    }
}

pub(super) fn one_then_all() -> Scope {
    Scope {
        operations: vec![write(One), read(All)],
        ..base(3)
    }
}

pub(super) fn two_then_two() -> Scope {
    Scope {
        operations: vec![write(ConsistencyLevel::Two), read(ConsistencyLevel::Two)],
        ..base(3)
    }
}

pub(super) fn one_then_one() -> Scope {
    Scope {
        operations: vec![write(One), read(One)],
        ..base(3)
    }
}

pub(super) fn quorum_then_one() -> Scope {
    Scope {
        operations: vec![write(Quorum), read(One)],
        ..base(3)
    }
}

pub(super) fn local_one_twice() -> Scope {
    Scope {
        operations: vec![
            write(ConsistencyLevel::LocalOne),
            read(ConsistencyLevel::LocalOne),
        ],
        ..network(&[2])
    }
}

pub(super) fn local_quorum_across() -> Scope {
    Scope {
        operations: vec![at(write(LocalQuorum), 0), at(read(LocalQuorum), 2)],
        ..network(&[2, 2])
    }
}

pub(super) fn any_then_all() -> Scope {
    Scope {
        operations: vec![write(Any), read(One)],
        datacenters: vec![datacenter("dc1", 1, 2, 0)],
        down: DownScope::Nodes(vec![0]),
        restart: true,
        ..base(1)
    }
}

pub(super) fn without_repair() -> Scope {
    Scope {
        read_repair: ReadRepairStrategy::None,
        ..write_and_two_reads()
    }
}

pub(super) fn skewed() -> Scope {
    Scope {
        operations: vec![write(Quorum), write(Quorum), read(Quorum)],
        budgets: Budgets {
            skew: 1,
            ..Budgets::default()
        },
        ..base(3)
    }
}

pub(super) fn history_at_one() -> Scope {
    Scope {
        operations: vec![write(One), read(One), read(One)],
        ..base(3)
    }
}

pub(super) fn two_writes_two_reads() -> Scope {
    Scope {
        operations: vec![
            at(write(Quorum), 0),
            at(write(Quorum), 1),
            at(read(Quorum), 1),
            at(read(Quorum), 2),
        ],
        reduce: true,
        ..base(3)
    }
}
