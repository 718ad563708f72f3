//! Which nodes replicate a token: the options of a keyspace and the rules that read them.
//!
//! The rules see a [`TokenRing`] and nothing else, so placement is a function of the ring.
//! Chapter: specs/02-partitioning-and-replication.md (PR).

use alloc::vec::Vec;

use thymbra_types::{Reference, Token};

use super::pending_ranges::{self, RangeMovement};
use super::{Datacenter, NodeId, Rack, RingError, TokenRing};

/// The replication options of a keyspace.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum ReplicationStrategy {
    /// SimpleStrategy: datacenters and racks are ignored.
    Simple {
        /// Replicas of each token.
        replication_factor: u16,
    },
    /// NetworkTopologyStrategy: so many replicas per datacenter, spread over its racks.
    NetworkTopology {
        /// Replicas of each token by datacenter, in any order, each datacenter at most once. An RF of 0 is
        /// as good as no entry.
        replication_factors: Vec<(Datacenter, u16)>,
    },
    /// LocalStrategy: exactly this node for every token, RF 1. Each node has a ring of its own for the
    /// system keyspaces.
    Local {
        /// The node whose ring it is.
        node: NodeId,
    },
}

impl ReplicationStrategy {
    /// The configured RF summed over datacenters, however many nodes exist.
    #[must_use]
    //= WP-PR-09
    pub fn replication_factor(&self) -> usize {
        match self {
            Self::Simple { replication_factor } => usize::from(*replication_factor),
            Self::NetworkTopology { replication_factors } => replication_factors
                .iter()
                .map(|(_, replication_factor)| usize::from(*replication_factor))
                .sum(),
            Self::Local { .. } => 1,
        }
    }

    /// The RF that LOCAL levels and EACH_QUORUM use for a datacenter. Only NetworkTopologyStrategy tells
    /// datacenters apart, with 0 for those that it does not name; the others answer their whole RF
    /// (Cassandra: `ConsistencyLevel.localQuorumFor`).
    #[must_use]
    //= WP-CO-24
    //= WP-PR-09
    pub fn replication_factor_in(&self, datacenter: Datacenter) -> usize {
        match self {
            Self::Simple { .. } | Self::Local { .. } => self.replication_factor(),
            Self::NetworkTopology { replication_factors } => replication_factors
                .iter()
                .find(|(named, _)| *named == datacenter)
                .map_or(0, |(_, replication_factor)| usize::from(*replication_factor)),
        }
    }

    /// Whether EACH_QUORUM counts per datacenter.
    #[must_use]
    pub fn is_network_topology(&self) -> bool {
        match self {
            Self::NetworkTopology { .. } => true,
            Self::Simple { .. } | Self::Local { .. } => false,
        }
    }

    /// The datacenters that the options name, also with an RF of 0, in the order of the options.
    pub fn named_datacenters(&self) -> impl Iterator<Item = Datacenter> + '_ {
        let named = match self {
            Self::NetworkTopology { replication_factors } => replication_factors.as_slice(),
            Self::Simple { .. } | Self::Local { .. } => &[],
        };
        named.iter().map(|(datacenter, _)| *datacenter)
    }

    /// Checks the invariant of the options.
    ///
    /// # Errors
    /// [`RingError::DatacenterRepeated`] when a datacenter is named twice.
    pub fn validate(&self) -> Result<(), RingError> {
        let mut named: Vec<Datacenter> = self.named_datacenters().collect();
        named.sort_unstable();
        match named
            .iter()
            .zip(named.iter().skip(1))
            .find(|(one, next)| one == next)
        {
            Some((datacenter, _)) => Err(RingError::DatacenterRepeated(*datacenter)),
            None => Ok(()),
        }
    }
}

/// The rules of placement; the provided bodies are what Cassandra does.
pub trait ReplicationRules {
    /// The nodes that own the token now, in ring order. Cassandra:
    /// `AbstractReplicationStrategy.calculateNaturalReplicas`.
    //= WP-PR-11
    fn natural_replicas(
        &self,
        strategy: &ReplicationStrategy,
        ring: &TokenRing,
        token: &Token,
    ) -> Vec<NodeId> {
        match strategy {
            ReplicationStrategy::Simple { replication_factor } => {
                self.simple_strategy(ring, token, *replication_factor)
            }
            ReplicationStrategy::NetworkTopology { replication_factors } => {
                self.network_topology_strategy(ring, token, replication_factors)
            }
            ReplicationStrategy::Local { node } => Vec::from([*node]),
        }
    }

    /// The first RF distinct nodes around the ring, or all nodes when there are fewer. Cassandra:
    /// `SimpleStrategy.calculateNaturalReplicas`.
    //= WP-PR-05
    fn simple_strategy(&self, ring: &TokenRing, token: &Token, replication_factor: u16) -> Vec<NodeId> {
        let mut replicas = Vec::new();
        for node in ring.nodes_from(token) {
            if replicas.len() == usize::from(replication_factor) {
                break;
            }
            //= WP-PR-08
            if !replicas.contains(&node) {
                replicas.push(node);
            }
        }
        replicas
    }

    /// Per datacenter the first RF distinct nodes around the ring, where a node of a rack that holds a replica
    /// already is taken only while the datacenter has fewer racks than replicas to place. Such a repeat is taken
    /// when it is met, not after all racks were seen. The order is that of the ring, mixed over datacenters.
    /// Cassandra: `NetworkTopologyStrategy.calculateNaturalReplicas`, `DatacenterEndpoints`.
    //= WP-PR-06
    fn network_topology_strategy(
        &self,
        ring: &TokenRing,
        token: &Token,
        replication_factors: &[(Datacenter, u16)],
    ) -> Vec<NodeId> {
        let mut datacenters: Vec<DatacenterEndpoints> = replication_factors
            .iter()
            .map(|(datacenter, replication_factor)| {
                DatacenterEndpoints::new(ring, *datacenter, usize::from(*replication_factor))
            })
            .collect();
        let mut replicas = Vec::new();
        for node in ring.nodes_from(token) {
            if datacenters.iter().all(|endpoints| endpoints.replicas_left == 0) {
                break;
            }
            let location = ring.location(node).expect("a ring locates each owner of a token");
            let endpoints = datacenters
                .iter_mut()
                .find(|endpoints| endpoints.datacenter == location.datacenter);
            //= WP-PR-08
            if !replicas.contains(&node) && endpoints.is_some_and(|endpoints| endpoints.accept(location.rack))
            {
                replicas.push(node);
            }
        }
        replicas
    }

    /// The nodes that are gaining the token through the movements under way and are not natural replicas now,
    /// in the order of the movements. Cassandra: `TokenMetadata.calculatePendingRanges`.
    fn pending_replicas(
        &self,
        strategy: &ReplicationStrategy,
        movements: &[RangeMovement],
        token: &Token,
        natural: &[NodeId],
    ) -> Vec<NodeId> {
        pending_ranges::gaining_nodes(self, strategy, movements, token, natural)
    }
}

impl ReplicationRules for Reference {}

/// What one datacenter still takes during a walk around the ring.
struct DatacenterEndpoints {
    /// Which one.
    datacenter: Datacenter,
    /// Replicas to place; 0 when done.
    replicas_left: usize,
    /// Replicas that may share a rack with an earlier one.
    rack_repeats_left: usize,
    /// The racks that hold a replica.
    racks: Vec<Rack>,
}

impl DatacenterEndpoints {
    fn new(ring: &TokenRing, datacenter: Datacenter, replication_factor: usize) -> Self {
        Self {
            datacenter,
            replicas_left: replication_factor.min(ring.node_count_in(datacenter)),
            rack_repeats_left: replication_factor.saturating_sub(ring.rack_count_in(datacenter)),
            racks: Vec::new(),
        }
    }

    /// Decides on a node that is no replica yet.
    fn accept(&mut self, rack: Rack) -> bool {
        //= WP-PR-07
        let rack_seen = self.racks.contains(&rack);
        let accepted = match (self.replicas_left, rack_seen, self.rack_repeats_left) {
            (0, _, _) | (1.., true, 0) => false,
            (1.., false, _) => {
                self.racks.push(rack);
                true
            }
            (1.., true, 1..) => {
                self.rack_repeats_left -= 1;
                true
            }
        };
        if accepted {
            self.replicas_left -= 1;
        }
        accepted
    }
}
