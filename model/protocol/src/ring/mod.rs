//! The ring: which nodes replicate which token, for one keyspace and the topologies that are still in use.
//!
//! `token -> `[`Ring::plan_key`]` -> `[`Ring::plan`]` -> ReplicaPlan`, between the partitioner and the coordinator.
//! Chapter: specs/02-partitioning-and-replication.md (PR).

mod node_id;
mod pending_ranges;
mod replication_strategy;
mod ring_error;
mod token_ring;
mod topology;

use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;
use alloc::vec::Vec;

use thymbra_types::Token;

pub use self::node_id::{Datacenter, NodeId, Rack};
pub use self::pending_ranges::RangeMovement;
pub use self::replication_strategy::{ReplicationRules, ReplicationStrategy};
pub use self::ring_error::RingError;
pub use self::token_ring::TokenRing;
pub use self::topology::{Member, MemberState, Topology};
use crate::replica_plan::{PlanKey, Replica, ReplicaPlan};

/// The plans of one keyspace. A change of topology or options adds an epoch; plans of older epochs stay until
/// [`forget_before`](Self::forget_before), because open handlers name them.
///
/// Invariant: there is an epoch, and epochs ascend.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ring {
    epochs: Vec<Epoch>,
}

/// The plans of one topology.
///
/// Invariants: `range_ends` ascends; `plan_numbers` has an entry for each range (one range covers all tokens when
/// there are no ends), below the length of `plans`; no two plans are equal; `nodes` ascends.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Epoch {
    epoch: u32,
    range_ends: Vec<Token>,
    plan_numbers: Vec<u32>,
    plans: Vec<ReplicaPlan>,
    nodes: Vec<KnownNode>,
}

/// What the ring answers about a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct KnownNode {
    location: Replica,
    host_id_known: bool,
}

impl Ring {
    /// The plans of a topology and a keyspace, as the first epoch, which has the number `epoch`.
    ///
    /// # Errors
    /// See [`RingError`].
    pub fn new<R: ReplicationRules + ?Sized>(
        rules: &R,
        topology: &Topology,
        strategy: &ReplicationStrategy,
        epoch: u32,
    ) -> Result<Self, RingError> {
        Ok(Self {
            epochs: Vec::from([Epoch::new(rules, topology, strategy, epoch)?]),
        })
    }

    /// A ring of one range that covers all tokens and has these replicas; `members` are the other nodes of the
    /// cluster and may repeat the replicas. The epoch is 0 and all host ids are known.
    #[must_use]
    pub fn with_plan(plan: ReplicaPlan, members: impl IntoIterator<Item = Replica>) -> Self {
        Self {
            epochs: Vec::from([Epoch::with_plan(plan, members, 0)]),
        }
    }

    /// Adds the next epoch, with the plans of a new topology or of new options. On an error nothing changes.
    ///
    /// # Errors
    /// See [`RingError`].
    pub fn advance<R: ReplicationRules + ?Sized>(
        &mut self,
        rules: &R,
        topology: &Topology,
        strategy: &ReplicationStrategy,
    ) -> Result<(), RingError> {
        self.epochs
            .push(Epoch::new(rules, topology, strategy, self.next_epoch())?);
        Ok(())
    }

    /// Adds the next epoch as [`with_plan`](Self::with_plan) would.
    pub fn advance_to_plan(&mut self, plan: ReplicaPlan, members: impl IntoIterator<Item = Replica>) {
        self.epochs
            .push(Epoch::with_plan(plan, members, self.next_epoch()));
    }

    /// Drops the epochs below `oldest_in_use`, but never the newest.
    pub fn forget_before(&mut self, oldest_in_use: u32) {
        let newest = self.epoch();
        self.epochs
            .retain(|known| known.epoch >= oldest_in_use || known.epoch == newest);
    }

    /// The newest epoch.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.newest().epoch
    }

    /// The plan that a write to `token` starts with: that of the newest epoch.
    #[must_use]
    pub fn plan_key(&self, token: &Token) -> PlanKey {
        self.newest().plan_key(token)
    }

    /// The plan of a token in an epoch that may be older: what a coordinator uses that has not heard of the newest.
    #[must_use]
    pub fn plan_key_at(&self, epoch: u32, token: &Token) -> Option<PlanKey> {
        Some(self.find(epoch)?.plan_key(token))
    }

    /// The plan of a key that this ring gave out; none once its epoch was forgotten.
    #[must_use]
    pub fn plan(&self, key: PlanKey) -> Option<&ReplicaPlan> {
        self.find(key.epoch)?.plans.get(usize::try_from(key.range).ok()?)
    }

    /// The datacenter of a node that is a member in any epoch, by the newest of these.
    #[must_use]
    pub fn datacenter_of(&self, node: NodeId) -> Option<Datacenter> {
        self.known(node).map(|known| known.location.datacenter)
    }

    /// The rack of a node that is a member in any epoch, by the newest of these.
    #[must_use]
    pub fn rack_of(&self, node: NodeId) -> Option<Rack> {
        self.known(node).map(|known| known.location.rack)
    }

    /// Whether the host id of a node is known, without which no hint can be filed for it.
    #[must_use]
    pub fn host_id_known(&self, node: NodeId) -> bool {
        self.known(node).is_some_and(|known| known.host_id_known)
    }

    /// The members of the newest epoch, joining ones included.
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.newest().nodes.len()
    }

    /// The members of the newest epoch, ascending.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.newest().nodes.iter().map(|known| known.location.node)
    }

    fn newest(&self) -> &Epoch {
        self.epochs
            .last()
            .expect("a ring starts with an epoch and never drops the newest")
    }

    fn next_epoch(&self) -> u32 {
        self.epoch()
            .checked_add(1)
            .expect("topologies change fewer than 2^32 times")
    }

    fn find(&self, epoch: u32) -> Option<&Epoch> {
        self.epochs.iter().rev().find(|known| known.epoch == epoch)
    }

    fn known(&self, node: NodeId) -> Option<KnownNode> {
        self.epochs.iter().rev().find_map(|epoch| epoch.known(node))
    }
}

impl Epoch {
    fn new<R: ReplicationRules + ?Sized>(
        rules: &R,
        topology: &Topology,
        strategy: &ReplicationStrategy,
        epoch: u32,
    ) -> Result<Self, RingError> {
        let ring = topology.normal_ring();
        if ring.owners().is_empty() {
            return Err(RingError::NoTokens);
        }
        let movements = RangeMovement::under_way(topology);
        let locate = |node: &NodeId| {
            topology
                .member(*node)
                .map(Member::location)
                .ok_or(RingError::UnknownReplica(*node))
        };
        let range_ends = topology.range_ends();
        let mut plans = Vec::new();
        let mut numbers = BTreeMap::new();
        let mut plan_numbers = Vec::with_capacity(range_ends.len());
        for end in &range_ends {
            let natural = rules.natural_replicas(strategy, &ring, end);
            let pending = rules.pending_replicas(strategy, &movements, end, &natural);
            let number = match numbers.entry((natural, pending)) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(new) => {
                    let (natural, pending) = new.key();
                    let natural = natural.iter().map(locate).collect::<Result<Vec<_>, _>>()?;
                    let pending = pending.iter().map(locate).collect::<Result<Vec<_>, _>>()?;
                    let number = u32::try_from(plans.len()).expect("a ring has fewer than 2^32 token ranges");
                    plans.push(ReplicaPlan::new(strategy.clone(), natural, pending)?);
                    *new.insert(number)
                }
            };
            plan_numbers.push(number);
        }
        let nodes = topology.members().iter();
        let nodes = nodes.map(|member| KnownNode {
            location: member.location(),
            host_id_known: member.host_id_known,
        });
        Ok(Self {
            epoch,
            range_ends,
            plan_numbers,
            plans,
            nodes: nodes.collect(),
        })
    }

    fn with_plan(plan: ReplicaPlan, members: impl IntoIterator<Item = Replica>, epoch: u32) -> Self {
        let mut nodes: Vec<KnownNode> = members
            .into_iter()
            .chain(plan.replicas().iter().copied())
            .map(|location| KnownNode {
                location,
                host_id_known: true,
            })
            .collect();
        nodes.sort_by_key(|known| known.location.node);
        nodes.dedup_by_key(|known| known.location.node);
        Self {
            epoch,
            range_ends: Vec::new(),
            plan_numbers: Vec::from([0]),
            plans: Vec::from([plan]),
            nodes,
        }
    }

    /// The range of the first end at or after the token; the first range also holds what lies above all ends.
    fn plan_key(&self, token: &Token) -> PlanKey {
        //= WP-PR-04
        let range = self.range_ends.partition_point(|end| end < token);
        let number = self.plan_numbers.get(range).or_else(|| self.plan_numbers.first());
        PlanKey {
            epoch: self.epoch,
            range: *number.expect("an epoch has at least one range"),
        }
    }

    fn known(&self, node: NodeId) -> Option<KnownNode> {
        let index = self
            .nodes
            .binary_search_by_key(&node, |known| known.location.node)
            .ok()?;
        self.nodes.get(index).copied()
    }
}
