//! The bounds of a run: topology, operations, and a budget for each fault. Every verdict states them.
//!
//! Meaning of each field: `specs/questions/README.md`.

use serde::{Deserialize, Serialize};
use thymbra_protocol::{ConsistencyLevel, ReadRepairStrategy};

/// A data centre of the modelled cluster.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct DatacenterScope {
    /// Its name, as in the keyspace's options.
    pub name: String,
    /// Replication factor there.
    pub replication_factor: u16,
    /// Nodes there; the first ones of the ring hold the key.
    pub nodes: u16,
    /// Extra nodes there that are pending for the key.
    pub pending: u16,
}

/// What a client does.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum OperationKind {
    /// Writes its own number to the cell.
    Write,
    /// Reads the cell.
    Read,
}

/// One operation of one client.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct OperationScope {
    /// Write or read.
    pub kind: OperationKind,
    /// Its consistency level.
    pub level: ConsistencyLevel,
    /// Index of the only node that may coordinate it; any node if absent.
    pub coordinator: Option<u16>,
}

/// What a client does after a timeout or failure.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub enum RetryPolicy {
    /// Nothing.
    #[default]
    Never,
    /// Tries once more with a new timestamp.
    FreshTimestamp,
    /// Tries once more with the timestamp of the first attempt.
    SameTimestamp,
}

/// Which nodes are down from the start.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub enum DownScope {
    /// None.
    #[default]
    Nobody,
    /// Every choice of so many nodes is tried.
    AnyOf(u16),
    /// These nodes, by index.
    Nodes(Vec<u16>),
}

/// What nodes believe of each other.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub enum Detector {
    /// Sees every change at once.
    #[default]
    Perfect,
    /// Sees each change later, as an action of its own.
    Lagging,
    /// May hold any view when a request is admitted.
    Arbitrary,
}

/// When the commit log is synced. Cassandra: `commitlog_sync`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub enum Sync {
    /// Acknowledged when appended.
    #[default]
    Periodic,
    /// Acknowledged when synced; each append asks for a sync.
    Batch,
    /// Acknowledged when synced; syncs come in a rhythm.
    Group,
}

/// How many of each fault a run may contain.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Budgets {
    /// Process crashes.
    pub crash: u8,
    /// Power losses.
    pub power_loss: u8,
    /// Lost messages.
    pub lose: u8,
    /// Duplicated messages.
    pub duplicate: u8,
    /// Appends that fail.
    pub fail: u8,
    /// Mutations that expire in a queue.
    pub drop: u8,
    /// Timers that fire while an answer may still arrive.
    pub slow: u8,
    /// Partitions of the cluster into two sides.
    pub partition: u8,
    /// Nodes that go down and come back with their memory.
    pub flap: u8,
    /// Ticks of the clock.
    pub ticks: u8,
    /// Writes that a clock behind by one write stamps.
    pub skew: u8,
}

/// Everything that bounds a run.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Scope {
    /// One entry with SimpleStrategy, one or more with NetworkTopologyStrategy.
    pub datacenters: Vec<DatacenterScope>,
    /// The keyspace names data centres (NetworkTopologyStrategy); else SimpleStrategy.
    pub network_topology: bool,
    /// What clients do: writes first.
    pub operations: Vec<OperationScope>,
    /// Client retries.
    pub retry: RetryPolicy,
    /// Nodes that are down from the start.
    pub down: DownScope,
    /// Nodes that are down may come back, with their disks.
    pub restart: bool,
    /// Faults.
    pub budgets: Budgets,
    /// A partition never heals.
    pub partition_forever: bool,
    /// Commit log sync mode.
    pub sync: Sync,
    /// Hinted handoff is on.
    pub hints: bool,
    /// Hint window, ticks.
    pub hint_window: u8,
    /// The window also counts from the oldest hint file.
    pub hint_window_persistent: bool,
    /// gc_grace of the table, ticks; [`crate::payload::GC_GRACE_FOREVER`] for never.
    pub gc_grace: u8,
    /// The table's read repair option.
    pub read_repair: ReadRepairStrategy,
    /// All writes carry one timestamp.
    pub same_timestamp: bool,
    /// Failure detector.
    pub detector: Detector,
    /// Stages of the commit log are told apart.
    pub log_stages: bool,
    /// Stages of hints are told apart.
    pub hint_stages: bool,
    /// An append completes in an action of its own.
    pub slow_apply: bool,
    /// The first hint that a node ever stored for each target is remembered.
    pub remembers_first_hint: bool,
    /// Data centres whose nodes are never hinted, by name. Cassandra: `hinted_handoff_disabled_datacenters`.
    #[serde(default)]
    pub hints_disabled_datacenters: Vec<String>,
    /// What the written hints for one target may take, bytes, before no more are stored; 0 for no limit. A hint takes
    /// [`crate::payload::HINT_SIZE_BYTES`]. Cassandra: `max_hints_size_per_host`.
    #[serde(default)]
    pub hints_size_max_bytes: u8,
    /// A hint task completes in an action of its own; until then its hints are in progress.
    #[serde(default)]
    pub slow_hints: bool,
    /// Hints in progress on one node above which writes may be refused.
    #[serde(default = "hints_in_progress_max")]
    pub hints_in_progress_max: u8,
    /// Age of the last sync, ticks, above which periodic mode makes writes wait for the next one; syncs are never late
    /// if absent. Cassandra: `periodic_commitlog_sync_lag_block`.
    #[serde(default)]
    pub sync_lag_block: Option<u8>,
    /// Reductions of the graph are used.
    pub reduce: bool,
}

/// What Cassandra allows on one processor.
fn hints_in_progress_max() -> u8 {
    128
}

impl Default for Scope {
    fn default() -> Self {
        Self {
            datacenters: vec![DatacenterScope {
                name: "dc1".into(),
                replication_factor: 3,
                nodes: 3,
                pending: 0,
            }],
            network_topology: false,
            operations: Vec::new(),
            retry: RetryPolicy::Never,
            down: DownScope::Nobody,
            restart: false,
            budgets: Budgets {
                slow: 1,
                ..Budgets::default()
            },
            partition_forever: false,
            sync: Sync::Periodic,
            hints: true,
            hint_window: 1,
            hint_window_persistent: true,
            gc_grace: crate::payload::GC_GRACE_FOREVER,
            read_repair: ReadRepairStrategy::Blocking,
            same_timestamp: false,
            detector: Detector::Perfect,
            log_stages: false,
            hint_stages: false,
            slow_apply: false,
            remembers_first_hint: false,
            hints_disabled_datacenters: Vec::new(),
            hints_size_max_bytes: 0,
            slow_hints: false,
            hints_in_progress_max: hints_in_progress_max(),
            sync_lag_block: None,
            reduce: false,
        }
    }
}

/// The most nodes a run may have: node sets are 16-bit masks.
pub const NODES_MAX: usize = 16;
/// The most operations a run may have: operation sets are 16-bit masks.
pub const OPERATIONS_MAX: usize = 12;

/// A scope that cannot be run.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ScopeError {
    /// No data centre.
    #[error("a cluster needs at least one data centre; give --rf N or --dc NAME:RF")]
    NoDatacenter,
    /// Too many nodes.
    #[error("{0} nodes are more than the model holds; at most {NODES_MAX}")]
    TooManyNodes(usize),
    /// Too many operations.
    #[error("{0} operations are more than the model holds; at most {OPERATIONS_MAX}")]
    TooManyOperations(usize),
    /// A node that does not exist.
    #[error("n{0} does not exist: the cluster has nodes n1 to n{1}")]
    NoSuchNode(u16, usize),
    /// More nodes down than exist.
    #[error("{0} nodes down, but the cluster has {1}")]
    TooManyDown(u16, usize),
    /// Hints switched off for a data centre that does not exist.
    #[error("{0} is no data centre of this cluster; its hints cannot be switched off")]
    NoSuchDatacenter(String),
    /// Syncs that lag in a commit log that is synced at once.
    #[error("syncs can lag only where the stages of the commit log are told apart: log-stages on")]
    LagWithoutStages,
    /// The ring refused the topology.
    #[error("the topology is not possible: {0}")]
    Ring(String),
}

impl Scope {
    /// Number of nodes, pending ones included.
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.datacenters
            .iter()
            .map(|datacenter| usize::from(datacenter.nodes + datacenter.pending))
            .sum()
    }

    /// Checks what the fields say of each other.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn validate(&self) -> Result<(), ScopeError> {
        let nodes = self.node_count();
        if self.datacenters.is_empty() || nodes == 0 {
            return Err(ScopeError::NoDatacenter);
        }
        if nodes > NODES_MAX {
            return Err(ScopeError::TooManyNodes(nodes));
        }
        if self.operations.len() > OPERATIONS_MAX {
            return Err(ScopeError::TooManyOperations(self.operations.len()));
        }
        let exists = |node: u16| {
            if usize::from(node) < nodes {
                Ok(())
            } else {
                Err(ScopeError::NoSuchNode(node + 1, nodes))
            }
        };
        match &self.down {
            DownScope::Nobody => {}
            DownScope::AnyOf(count) if usize::from(*count) > nodes => {
                return Err(ScopeError::TooManyDown(*count, nodes));
            }
            DownScope::AnyOf(_) => {}
            DownScope::Nodes(down) => down.iter().try_for_each(|node| exists(*node))?,
        }
        let unknown = self.hints_disabled_datacenters.iter().find(|name| {
            let mut known = self.datacenters.iter();
            !known.any(|datacenter| datacenter.name == **name)
        });
        if let Some(name) = unknown {
            return Err(ScopeError::NoSuchDatacenter(name.clone()));
        }
        if self.sync_lag_block.is_some() && !self.log_stages {
            return Err(ScopeError::LagWithoutStages);
        }
        self.operations
            .iter()
            .filter_map(|operation| operation.coordinator)
            .try_for_each(exists)
    }
}
