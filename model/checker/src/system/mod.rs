//! The modelled cluster: [`System`] gives states, actions and transitions to the searches.
//!
//! `scope -> System -> actions / next state -> Node::step -> interpret -> observe`. The same `Node` runs in the
//! server; here its effects are carried out on a network, disks and clients that can fail.

mod actions;
mod awaited;
mod begin;
mod choices;
mod environment;
mod guard;
mod identity;
mod interpret;
mod model_view;
mod nodes;
mod observe;
mod reduction;
mod state;
mod symmetry;
mod transition;

use thymbra_durability::SyncMode;
use thymbra_protocol::{Config, Datacenter, NodeId, RequestId, Rules};

use crate::faults::DriverFault;
use crate::layout::Layout;
use crate::payload::ModelMutation;
use crate::scope::{Budgets, Detector, DownScope, OperationKind, OperationScope, Scope, ScopeError, Sync};

pub use choices::Choices;
pub use nodes::Nodes;
pub use state::{
    Disk, Envelope, HintStage, Life, NodeMask, NodeState, Operation, OperationMask, Outage, PendingApply,
    Phase, State, StoredHint, Told, bit,
};

/// Milliseconds in a tick of the model: gc_grace is in seconds, the hint window in ms.
pub const TICK_MS: u64 = 1000;

/// The decisions a run is made with.
pub type DynRules = dyn Rules + Send + core::marker::Sync;

/// A bounded cluster.
pub struct System {
    /// The bounds.
    pub scope: Scope,
    /// Nodes and replicas.
    pub layout: Layout,
    /// The decisions.
    pub rules: &'static DynRules,
    /// The obligation that the driver breaks, if any.
    pub driver: DriverFault,
    /// What is checked.
    pub properties: Vec<&'static crate::properties::PropertyDef>,
    /// Breach bits that the run keeps.
    pub breaches: u32,
    /// Premise bits that the run keeps.
    pub reached: u32,
    /// Set from outside to make the search run dry.
    pub cancelled: std::sync::Arc<core::sync::atomic::AtomicBool>,
    /// Properties whose witness has been found, by their places in the run.
    pub(crate) witnessed: core::sync::atomic::AtomicU64,
    /// Of actions that an exchange of equal nodes makes equal, one is explored.
    pub symmetry: bool,
    exchanges: Vec<symmetry::Exchange>,
    config: Config,
    /// Nodes that the configuration lets nobody hint.
    unhinted: NodeMask,
    sync_mode: SyncMode,
    choices: Choices,
}

impl core::fmt::Debug for System {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter
            .debug_struct("System")
            .field("scope", &self.scope)
            .field("driver", &self.driver)
            .finish_non_exhaustive()
    }
}

impl System {
    /// The cluster of a scope under these rules.
    ///
    /// # Errors
    /// What is wrong with the scope.
    pub fn new(scope: Scope, rules: &'static DynRules) -> Result<Self, ScopeError> {
        let layout = Layout::new(&scope)?;
        let config = Config {
            hinted_handoff_enabled: scope.hints,
            max_hint_window_ms: u64::from(scope.hint_window) * TICK_MS,
            hint_window_persistent_enabled: scope.hint_window_persistent,
            hinted_handoff_disabled_datacenters: disabled_datacenters(&scope),
            max_hints_size_per_host_bytes: u64::from(scope.hints_size_max_bytes),
            max_hints_in_progress: usize::from(scope.hints_in_progress_max),
            ..Config::default()
        };
        let unhinted = unhinted(&scope, &layout);
        let sync_mode = match scope.sync {
            Sync::Periodic => SyncMode::Periodic {
                period_ms: 10_000,
                lag_block_ms: scope
                    .sync_lag_block
                    .map_or(15_000, |ticks| u64::from(ticks) * TICK_MS),
            },
            Sync::Batch => SyncMode::Batch,
            Sync::Group => SyncMode::Group { window_ms: 1000 },
        };
        let choices = Choices::new(&layout);
        let exchanges = Self::exchanges(&scope, &layout);
        Ok(Self {
            scope,
            layout,
            rules,
            driver: DriverFault::None,
            properties: Vec::new(),
            breaches: 0,
            reached: 0,
            cancelled: std::sync::Arc::default(),
            witnessed: core::sync::atomic::AtomicU64::default(),
            symmetry: false,
            exchanges,
            config,
            unhinted,
            sync_mode,
            choices,
        })
    }

    /// The states a run may begin in: one for each choice of nodes that are down.
    ///
    /// # Panics
    /// Never: the number of nodes was validated.
    #[must_use]
    pub fn initial_states(&self) -> Vec<State> {
        let nodes = self.scope.node_count();
        let all: NodeMask =
            NodeMask::MAX >> (NodeMask::BITS - u32::try_from(nodes).expect("validated: at most 16 nodes"));
        let down: Vec<NodeMask> = match &self.scope.down {
            DownScope::Nobody => vec![0],
            DownScope::AnyOf(count) => (0..=all)
                .filter(|mask| mask & !all == 0 && mask.count_ones() == u32::from(*count))
                .collect(),
            DownScope::Nodes(nodes) => vec![nodes.iter().fold(0, |mask, node| mask | bit(NodeId(*node)))],
        };
        down.into_iter()
            .map(|down| self.initial_state(all, down))
            .collect()
    }

    fn initial_state(&self, all: NodeMask, down: NodeMask) -> State {
        let node = |id: NodeId| NodeState {
            life: if down & bit(id) == 0 { Life::Up } else { Life::Down },
            sees: if self.scope.detector == Detector::Lagging && down & bit(id) == 0 {
                all & !down
            } else {
                0
            },
            outages: if self.counts_time() {
                vec![Outage::default(); self.scope.node_count()]
            } else {
                Vec::new()
            },
            ..NodeState::default()
        };
        let mut state = State {
            nodes: (0..u16::try_from(self.scope.node_count()).expect("validated: at most 16 nodes"))
                .map(|id| node(NodeId(id)))
                .collect(),
            operations: smallvec::smallvec![Operation::default(); self.scope.operations.len()],
            budgets: self.scope.budgets,
            ..State::default()
        };
        self.refresh_outages(&mut state);
        state
    }

    /// Ticks can pass, so that outages are timed.
    pub(crate) fn counts_time(&self) -> bool {
        self.scope.budgets.ticks > 0
    }

    /// Milliseconds since the run began.
    pub(crate) fn now_ms(&self, state: &State) -> u64 {
        u64::from(state.tick) * TICK_MS
    }

    /// The scope of an operation.
    #[must_use]
    pub fn operation(&self, index: usize) -> Option<&OperationScope> {
        self.scope.operations.get(index)
    }

    /// The name of an operation: `w1`, `r2`, counted by kind.
    #[must_use]
    pub fn operation_name(&self, index: usize) -> String {
        let Some(operation) = self.operation(index) else {
            return format!("op{index}");
        };
        let number = self
            .scope
            .operations
            .iter()
            .take(index + 1)
            .filter(|other| other.kind == operation.kind)
            .count();
        match operation.kind {
            OperationKind::Write => format!("w{number}"),
            OperationKind::Read => format!("r{number}"),
        }
    }

    /// The write an operation has issued with its present attempt.
    #[must_use]
    pub fn mutation_of(&self, state: &State, index: usize) -> Option<ModelMutation> {
        let operation = state.operations.get(index)?;
        let write = u8::try_from(index).ok()?;
        (operation.attempts > 0 && self.operation(index)?.kind == OperationKind::Write).then_some(
            ModelMutation {
                timestamp: operation.timestamp,
                write,
                gc_grace: self.scope.gc_grace,
            },
        )
    }

    /// Whether a node believes another alive.
    #[must_use]
    pub fn believes_alive(&self, state: &State, node: NodeId, target: NodeId) -> bool {
        match self.scope.detector {
            Detector::Lagging => node == target || state.node(node).sees & bit(target) != 0,
            Detector::Perfect | Detector::Arbitrary => {
                node == target || (state.is_up(target) && state.are_connected(node, target))
            }
        }
    }

    /// Every node that a node believes alive.
    #[must_use]
    pub fn alive_mask(&self, state: &State, node: NodeId) -> NodeMask {
        state
            .node_ids()
            .filter(|target| self.believes_alive(state, node, *target))
            .fold(0, |mask, target| mask | bit(target))
    }

    /// No budget is left that could disturb a message or a process.
    pub(crate) fn is_undisturbed(budgets: &Budgets) -> bool {
        let Budgets {
            crash,
            power_loss,
            lose,
            duplicate,
            fail,
            drop,
            slow,
            partition,
            flap,
            ticks,
            skew: _,
        } = *budgets;
        [
            crash, power_loss, lose, duplicate, fail, drop, slow, partition, flap, ticks,
        ]
        .iter()
        .all(|left| *left == 0)
    }
}

/// Data centres whose nodes are never hinted.
fn disabled_datacenters(scope: &Scope) -> Vec<Datacenter> {
    let named = scope.datacenters.iter().zip(0_u8..);
    named
        .filter(|(datacenter, _)| scope.hints_disabled_datacenters.contains(&datacenter.name))
        .map(|(_, index)| Datacenter(index))
        .collect()
}

/// Nodes that are never hinted, whatever happens.
fn unhinted(scope: &Scope, layout: &Layout) -> NodeMask {
    if !scope.hints {
        return NodeMask::MAX;
    }
    let disabled = disabled_datacenters(scope).into_iter();
    disabled.fold(0, |mask, datacenter| mask | layout.nodes_in(datacenter))
}

/// Attempts of one operation that generations tell apart.
const ATTEMPTS: u32 = 4;

/// The generation that names an attempt of an operation.
pub(crate) fn generation(operation: usize, attempt: u8) -> u32 {
    u32::try_from(operation).expect("at most 12 operations") * ATTEMPTS + u32::from(attempt)
}

/// The operation that a request belongs to.
///
/// # Panics
/// Never on a 32-bit or wider target.
#[must_use]
pub fn operation_of(request: RequestId) -> usize {
    usize::try_from(request.generation / ATTEMPTS).expect("at most 12 operations")
}

/// The attempt that a request belongs to.
///
/// # Panics
/// Never: it is below the number of attempts.
#[must_use]
pub fn attempt_of(request: RequestId) -> u8 {
    u8::try_from(request.generation % ATTEMPTS).expect("below the number of attempts")
}
