//! The replicas of one token range: whom a write is addressed to, and what its consistency level counts.
//!
//! The [`Ring`](crate::ring::Ring) computes and owns the plans; a write handler remembers a [`PlanKey`] and
//! [`ReplicaSet`]s of positions. Chapter: specs/02-partitioning-and-replication.md (PR).

use alloc::vec::Vec;

use crate::replica_set::{MAX_REPLICAS, ReplicaSet};
use crate::ring::{Datacenter, NodeId, Rack, ReplicationStrategy, RingError};

/// Names a plan of a ring. Equal keys are equal plans, at any time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PlanKey {
    /// The version of the topology, counted from the ring's first.
    pub epoch: u32,
    /// The number of the plan within its epoch. Token ranges with the same replicas share one number.
    pub range: u32,
}

/// Where a node stands. Cassandra: `Replica`, without the transient kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Replica {
    /// The endpoint.
    pub node: NodeId,
    /// Its datacenter in the topology that the plan was made from.
    pub datacenter: Datacenter,
    /// Its rack within that datacenter.
    pub rack: Rack,
}

/// The replicas of one token range. Cassandra: `ReplicaLayout.ForTokenWrite`.
///
/// Positions count the natural replicas in ring order, then the pending ones.
/// Invariants: no node twice; at most 64 replicas; natural and pending are disjoint and cover all positions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ReplicaPlan {
    /// By position.
    replicas: Vec<Replica>,
    /// The positions `0..natural_count`; all others are pending.
    natural_count: usize,
    /// The options of the keyspace, which may ask for more replicas than exist.
    replication: ReplicationStrategy,
    /// Ascending by datacenter; those that hold a replica and those that the options name.
    datacenters: Vec<DatacenterReplicas>,
}

/// The part of a plan that lies in one datacenter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct DatacenterReplicas {
    /// Whose part this is.
    datacenter: Datacenter,
    /// Natural and pending positions there; may be empty.
    replicas: ReplicaSet,
}

impl ReplicaPlan {
    /// The plan of these endpoints. A node that was named before is skipped, so an endpoint that is both
    /// natural and pending counts once, as natural (Cassandra: `ReplicaLayout.resolveWriteConflictsInPending`).
    ///
    /// # Errors
    /// [`RingError::TooManyReplicas`] above 64 replicas, [`RingError::DatacenterRepeated`] when the options
    /// name a datacenter twice.
    pub fn new(
        replication: ReplicationStrategy,
        natural: impl IntoIterator<Item = Replica>,
        pending: impl IntoIterator<Item = Replica>,
    ) -> Result<Self, RingError> {
        replication.validate()?;
        let mut replicas = Vec::new();
        append_new(&mut replicas, natural);
        let natural_count = replicas.len();
        //= WP-PR-10
        append_new(&mut replicas, pending);
        //= WP-PR-12
        if replicas.len() > MAX_REPLICAS {
            return Err(RingError::TooManyReplicas {
                count: replicas.len(),
            });
        }
        let datacenters = split_by_datacenter(&replicas, &replication);
        Ok(Self {
            replicas,
            natural_count,
            replication,
            datacenters,
        })
    }

    /// The replicas that own the range now; they serve reads too.
    #[must_use]
    pub fn natural(&self) -> ReplicaSet {
        ReplicaSet::first(self.natural_count)
    }

    /// The replicas that are gaining the range; they get writes and never reads.
    #[must_use]
    pub fn pending(&self) -> ReplicaSet {
        self.all().difference(self.natural())
    }

    /// Natural and pending replicas: the contacts of a write.
    #[must_use]
    pub fn all(&self) -> ReplicaSet {
        ReplicaSet::first(self.replicas.len())
    }

    /// The replica at a position.
    #[must_use]
    pub fn replica(&self, position: u8) -> Option<Replica> {
        self.replicas.get(usize::from(position)).copied()
    }

    /// The replicas in the order of their positions.
    #[must_use]
    pub fn replicas(&self) -> &[Replica] {
        &self.replicas
    }

    /// The node at a position.
    #[must_use]
    pub fn node(&self, position: u8) -> Option<NodeId> {
        self.replica(position).map(|replica| replica.node)
    }

    /// The position of a node, if it is a replica.
    #[must_use]
    pub fn position_of(&self, node: NodeId) -> Option<u8> {
        (0..)
            .zip(&self.replicas)
            .find(|(_, replica)| replica.node == node)
            .map(|(position, _)| position)
    }

    /// The positions whose node meets a condition.
    #[must_use]
    pub fn select(&self, condition: impl Fn(NodeId) -> bool) -> ReplicaSet {
        (0..)
            .zip(&self.replicas)
            .filter(|(_, replica)| condition(replica.node))
            .map(|(position, _)| position)
            .collect()
    }

    /// The natural and pending replicas in a datacenter.
    #[must_use]
    pub fn in_datacenter(&self, datacenter: Datacenter) -> ReplicaSet {
        self.datacenters
            .iter()
            .find(|part| part.datacenter == datacenter)
            .map_or(ReplicaSet::EMPTY, |part| part.replicas)
    }

    /// Each datacenter that holds a replica or has an RF above 0 in the options, with
    /// [its RF](Self::replication_factor_in), ascending.
    pub fn datacenters(&self) -> impl Iterator<Item = (Datacenter, usize)> + '_ {
        self.datacenters
            .iter()
            .map(|part| (part.datacenter, self.replication_factor_in(part.datacenter)))
    }

    /// The options of the keyspace.
    #[must_use]
    pub fn replication(&self) -> &ReplicationStrategy {
        &self.replication
    }

    /// The configured RF summed over datacenters, however many replicas exist.
    #[must_use]
    pub fn replication_factor(&self) -> usize {
        self.replication.replication_factor()
    }

    /// The RF that LOCAL levels and EACH_QUORUM use for a datacenter:
    /// see [`ReplicationStrategy::replication_factor_in`].
    #[must_use]
    pub fn replication_factor_in(&self, datacenter: Datacenter) -> usize {
        self.replication.replication_factor_in(datacenter)
    }

    /// Whether EACH_QUORUM counts per datacenter.
    #[must_use]
    pub fn is_network_topology(&self) -> bool {
        self.replication.is_network_topology()
    }
}

/// Adds the replicas whose node is missing so far.
fn append_new(replicas: &mut Vec<Replica>, added: impl IntoIterator<Item = Replica>) {
    for replica in added {
        if replicas.iter().all(|known| known.node != replica.node) {
            replicas.push(replica);
        }
    }
}

/// Sorts the positions into datacenters and adds the datacenters that are named only.
fn split_by_datacenter(replicas: &[Replica], replication: &ReplicationStrategy) -> Vec<DatacenterReplicas> {
    let mut datacenters: Vec<Datacenter> = replicas.iter().map(|replica| replica.datacenter).collect();
    datacenters.extend(replication.named_datacenters());
    datacenters.sort_unstable();
    datacenters.dedup();
    let within = |datacenter| {
        (0..)
            .zip(replicas)
            .filter(move |(_, replica)| replica.datacenter == datacenter)
    };
    datacenters
        .into_iter()
        .map(|datacenter| DatacenterReplicas {
            datacenter,
            replicas: within(datacenter).map(|(position, _)| position).collect(),
        })
        .collect()
}
