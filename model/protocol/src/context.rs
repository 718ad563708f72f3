//! What a node consults but does not own: nothing here is part of its state.
//!
//! Chapter: `specs/03-coordination.md`.

use crate::{Datacenter, NodeId, ReplicaPlan, ReplicaSet, Ring, TargetHistory};

/// The driver's opinion of the cluster at the moment of a step.
pub trait View {
    /// The failure detector's flag, or whatever stands for it; the node itself always counts as alive.
    //= WP-FD-01
    fn is_alive(&self, node: NodeId) -> bool;
    /// What is known of a target's outages and of the hints stored for it.
    fn target_history(&self, node: NodeId) -> TargetHistory;
    /// The target's gossiped schema version equals the local one.
    fn has_same_schema(&self, node: NodeId) -> bool;
    /// Hints whose task has not completed, on this node for all targets.
    fn hints_in_progress(&self) -> usize;
    /// Hints whose task has not completed, for one target.
    fn hints_in_progress_for(&self, node: NodeId) -> usize;
}

/// Options of `cassandra.yaml` that the rules need.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Config {
    /// `hinted_handoff_enabled`.
    pub hinted_handoff_enabled: bool,
    /// `hinted_handoff_disabled_datacenters`.
    pub hinted_handoff_disabled_datacenters: alloc::vec::Vec<Datacenter>,
    /// `max_hint_window`, ms.
    pub max_hint_window_ms: u64,
    /// `hint_window_persistent_enabled`.
    pub hint_window_persistent_enabled: bool,
    /// `max_hints_size_per_host`, bytes; 0 is no limit.
    pub max_hints_size_per_host_bytes: u64,
    /// Hints in progress on this node above which writes may be refused (128 for each processor).
    pub max_hints_in_progress: usize,
    /// `reject_out_of_token_range_requests`, off in 5.0.2 (surprise S12).
    pub reject_out_of_token_range_requests: bool,
}

impl Default for Config {
    /// The values that Apache Cassandra 5.0.2 ships, on one processor.
    fn default() -> Self {
        Self {
            hinted_handoff_enabled: true,
            hinted_handoff_disabled_datacenters: alloc::vec::Vec::new(),
            max_hint_window_ms: 3 * 60 * 60 * 1000,
            hint_window_persistent_enabled: true,
            max_hints_size_per_host_bytes: 0,
            max_hints_in_progress: 128,
            reject_out_of_token_range_requests: false,
        }
    }
}

/// Everything a step may look at besides the node and the input.
pub struct Context<'a, R: ?Sized> {
    /// The decisions: [`thymbra_types::Reference`] in the server, an override in the gallery.
    pub rules: &'a R,
    /// The node that steps.
    pub me: NodeId,
    /// Its data centre.
    pub local: Datacenter,
    /// Tokens and plans of the keyspace.
    pub ring: &'a Ring,
    /// Who is alive, who was down.
    pub view: &'a dyn View,
    /// Wall clock, ms since 1970 (any monotone count in the model).
    pub now_ms: u64,
    /// Options.
    pub config: &'a Config,
}

impl<R: ?Sized> Clone for Context<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R: ?Sized> Copy for Context<'_, R> {}

impl<R: ?Sized> core::fmt::Debug for Context<'_, R> {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter
            .debug_struct("Context")
            .field("me", &self.me)
            .field("now_ms", &self.now_ms)
            .finish_non_exhaustive()
    }
}

impl<R: ?Sized> Context<'_, R> {
    /// The plan's replicas that are alive for this node, asked once for each request.
    //= WP-CO-05
    pub(crate) fn live(&self, plan: &ReplicaPlan) -> ReplicaSet {
        //= WP-FD-02
        plan.select(|node| node == self.me || self.view.is_alive(node))
    }
}
