//! Bounds of named runs.

use thymbra_protocol::ConsistencyLevel::{self, All, Any, EachQuorum, LocalQuorum, One, Quorum};

use crate::scope::{
    Budgets, DatacenterScope, Detector, DownScope, OperationKind, OperationScope, Scope, Sync,
};

pub(super) use super::histories::*;

/// One data centre with so many replicas, SimpleStrategy, no faults.
#[must_use]
pub fn base(replication_factor: u16) -> Scope {
    Scope {
        datacenters: vec![datacenter("dc1", replication_factor, replication_factor, 0)],
        budgets: Budgets::default(),
        ..Scope::default()
    }
}

/// Several data centres with so many replicas each, NetworkTopologyStrategy, no faults.
#[must_use]
pub fn network(replication_factors: &[u16]) -> Scope {
    let named = (1..).zip(replication_factors);
    Scope {
        network_topology: true,
        datacenters: named
            .map(|(number, factor)| datacenter(&format!("dc{number}"), *factor, (*factor).max(1), 0))
            .collect(),
        ..base(1)
    }
}

pub(super) fn datacenter(name: &str, replication_factor: u16, nodes: u16, pending: u16) -> DatacenterScope {
    DatacenterScope {
        name: name.into(),
        replication_factor,
        nodes,
        pending,
    }
}

/// A write by any coordinator.
#[must_use]
pub fn write(level: ConsistencyLevel) -> OperationScope {
    OperationScope {
        kind: OperationKind::Write,
        level,
        coordinator: None,
    }
}

/// A read by any coordinator.
#[must_use]
pub fn read(level: ConsistencyLevel) -> OperationScope {
    OperationScope {
        kind: OperationKind::Read,
        level,
        coordinator: None,
    }
}

/// The same, coordinated by `n1`.
#[must_use]
pub fn at_n1(operation: OperationScope) -> OperationScope {
    OperationScope {
        coordinator: Some(0),
        ..operation
    }
}

/// The same, coordinated by the node of this index.
#[must_use]
pub fn at(operation: OperationScope, node: u16) -> OperationScope {
    OperationScope {
        coordinator: Some(node),
        ..operation
    }
}

/// One write at this level, one crash, one lost message, timers that may overtake one answer.
fn disturbed_write(level: ConsistencyLevel) -> Scope {
    Scope {
        operations: vec![write(level)],
        budgets: Budgets {
            crash: 1,
            lose: 1,
            slow: 1,
            ..Budgets::default()
        },
        ..base(3)
    }
}

pub(super) fn disturbed_any() -> Scope {
    disturbed_write(Any)
}

pub(super) fn disturbed_one() -> Scope {
    disturbed_write(One)
}

pub(super) fn disturbed_quorum() -> Scope {
    disturbed_write(Quorum)
}

pub(super) fn disturbed_all() -> Scope {
    disturbed_write(All)
}

pub(super) fn failing_quorum() -> Scope {
    Scope {
        operations: vec![write(Quorum)],
        budgets: Budgets {
            fail: 2,
            lose: 1,
            ..Budgets::default()
        },
        slow_apply: true,
        ..base(3)
    }
}

pub(super) fn down_quorum() -> Scope {
    Scope {
        operations: vec![write(Quorum)],
        down: DownScope::AnyOf(2),
        restart: true,
        ..base(3)
    }
}

pub(crate) fn one_lost() -> Scope {
    Scope {
        operations: vec![write(One)],
        budgets: Budgets {
            lose: 1,
            ..Budgets::default()
        },
        ..base(3)
    }
}

pub(crate) fn one_write() -> Scope {
    Scope {
        operations: vec![write(All)],
        ..base(3)
    }
}

pub(crate) fn own_copy_held_up() -> Scope {
    Scope {
        operations: vec![write(One)],
        budgets: Budgets {
            drop: 1,
            ..Budgets::default()
        },
        slow_apply: true,
        ..base(2)
    }
}

/// A replica goes down twice while a clock ticks past the window of one tick.
pub(crate) fn two_outages() -> Scope {
    Scope {
        operations: vec![at_n1(write(One)); 2],
        budgets: Budgets {
            flap: 2,
            ticks: 4,
            ..Budgets::default()
        },
        remembers_first_hint: true,
        ..base(2)
    }
}

pub(crate) fn write_and_read() -> Scope {
    Scope {
        operations: vec![write(Quorum), read(Quorum)],
        ..base(3)
    }
}

pub(crate) fn write_and_two_reads() -> Scope {
    Scope {
        operations: vec![write(Quorum), read(Quorum), read(Quorum)],
        ..base(3)
    }
}

pub(crate) fn any_fails() -> Scope {
    Scope {
        operations: vec![write(Any)],
        datacenters: vec![datacenter("dc1", 1, 2, 0)],
        budgets: Budgets {
            fail: 1,
            ..Budgets::default()
        },
        ..base(1)
    }
}

pub(crate) fn empty_datacenter() -> Scope {
    Scope {
        operations: vec![write(LocalQuorum)],
        ..network(&[1, 0])
    }
}

pub(crate) fn pending_replica() -> Scope {
    Scope {
        operations: vec![write(Quorum)],
        datacenters: vec![datacenter("dc1", 3, 3, 1)],
        budgets: Budgets {
            lose: 2,
            ..Budgets::default()
        },
        ..base(3)
    }
}

pub(crate) fn batch_sync() -> Scope {
    Scope {
        operations: vec![write(Quorum)],
        budgets: Budgets {
            power_loss: 1,
            ..Budgets::default()
        },
        sync: Sync::Batch,
        log_stages: true,
        restart: true,
        ..base(3)
    }
}

pub(super) fn group_sync() -> Scope {
    Scope {
        sync: Sync::Group,
        ..batch_sync()
    }
}

pub(crate) fn periodic_power_loss() -> Scope {
    Scope {
        sync: Sync::Periodic,
        operations: vec![write(One), write(One)],
        ..Scope {
            restart: false,
            ..batch_sync()
        }
    }
}

pub(crate) fn hint_and_return() -> Scope {
    Scope {
        operations: vec![at_n1(write(One))],
        budgets: Budgets {
            flap: 1,
            lose: 2,
            slow: 1,
            ..Budgets::default()
        },
        ..base(2)
    }
}

pub(super) fn hint_stages() -> Scope {
    Scope {
        operations: vec![at_n1(write(One))],
        budgets: Budgets {
            crash: 1,
            power_loss: 1,
            lose: 1,
            ..Budgets::default()
        },
        hint_stages: true,
        log_stages: true,
        restart: true,
        ..base(2)
    }
}

pub(crate) fn one_duplicate() -> Scope {
    Scope {
        operations: vec![write(All)],
        budgets: Budgets {
            duplicate: 1,
            ..Budgets::default()
        },
        ..base(3)
    }
}

pub(crate) fn two_writes_one_read() -> Scope {
    Scope {
        operations: vec![write(One), write(One), read(One)],
        ..base(2)
    }
}

pub(crate) fn quorum_two_lost() -> Scope {
    Scope {
        operations: vec![write(Quorum)],
        budgets: Budgets {
            lose: 2,
            ..Budgets::default()
        },
        ..base(3)
    }
}

pub(crate) fn two_down() -> Scope {
    Scope {
        operations: vec![write(Quorum)],
        down: DownScope::AnyOf(2),
        ..base(3)
    }
}

/// Four replicas of dc1 acknowledge, of dc2 none: three are needed there, two here.
pub(crate) fn each_quorum_one_side() -> Scope {
    Scope {
        operations: vec![at_n1(write(EachQuorum))],
        budgets: Budgets {
            lose: 1,
            ..Budgets::default()
        },
        ..network(&[3, 1])
    }
}

pub(crate) fn all_one_failure() -> Scope {
    Scope {
        operations: vec![write(All)],
        budgets: Budgets {
            fail: 1,
            ..Budgets::default()
        },
        slow_apply: true,
        ..base(3)
    }
}

pub(crate) fn forwarder_lost() -> Scope {
    Scope {
        operations: vec![at_n1(write(LocalQuorum))],
        budgets: Budgets {
            lose: 1,
            ..Budgets::default()
        },
        ..network(&[1, 2])
    }
}

pub(super) fn forwarder_crashes() -> Scope {
    Scope {
        operations: vec![write(EachQuorum)],
        budgets: Budgets {
            crash: 1,
            slow: 1,
            ..Budgets::default()
        },
        ..network(&[2, 2])
    }
}

pub(crate) fn quorum_one_down() -> Scope {
    Scope {
        operations: vec![write(Quorum)],
        down: DownScope::AnyOf(1),
        restart: true,
        ..base(3)
    }
}

pub(crate) fn hint_outlives_gc_grace() -> Scope {
    Scope {
        operations: vec![at_n1(write(One))],
        budgets: Budgets {
            flap: 1,
            ticks: 2,
            ..Budgets::default()
        },
        gc_grace: 1,
        ..base(2)
    }
}

pub(crate) fn tie() -> Scope {
    Scope {
        operations: vec![write(One), write(One)],
        budgets: Budgets {
            lose: 1,
            ..Budgets::default()
        },
        same_timestamp: true,
        ..base(2)
    }
}

pub(super) fn repaired_by_read() -> Scope {
    Scope {
        operations: vec![write(One), write(One), read(All)],
        budgets: Budgets {
            lose: 1,
            ..Budgets::default()
        },
        ..base(2)
    }
}

pub(crate) fn two_replicas() -> Scope {
    Scope {
        operations: vec![write(Quorum), read(Quorum)],
        ..base(2)
    }
}

pub(crate) fn any_view() -> Scope {
    Scope {
        operations: vec![write(Quorum)],
        budgets: Budgets {
            lose: 1,
            crash: 1,
            ..Budgets::default()
        },
        detector: Detector::Arbitrary,
        ..base(3)
    }
}

pub(super) fn lagging_view() -> Scope {
    Scope {
        operations: vec![write(Quorum)],
        detector: Detector::Lagging,
        budgets: Budgets {
            crash: 1,
            ..Budgets::default()
        },
        restart: true,
        ..base(3)
    }
}

/// Two writes of one coordinator, the second of which takes the slot of the first while answers to it are on
/// their way.
pub(super) fn shared_slot() -> Scope {
    Scope {
        operations: vec![at_n1(write(One)), at_n1(write(One))],
        budgets: Budgets {
            lose: 1,
            duplicate: 1,
            slow: 1,
            ..Budgets::default()
        },
        ..base(2)
    }
}

pub(super) fn partition() -> Scope {
    Scope {
        operations: vec![write(One), write(One)],
        budgets: Budgets {
            partition: 1,
            ..Budgets::default()
        },
        ..base(2)
    }
}
