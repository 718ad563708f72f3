//! The fixed part of a run: nodes, data centres and the replicas of the one key.

use smallvec::{SmallVec, smallvec};
use thymbra_protocol::{
    ConsistencyLevel, Datacenter, NodeId, Rack, Replica, ReplicaPlan, ReplicationStrategy, Ring,
};

use crate::scope::{Scope, ScopeError};
use crate::system::{NodeMask, bit};

/// Where every node stands.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The ring with its one plan.
    pub ring: Ring,
    /// Data centre of each node.
    pub datacenters: Vec<Datacenter>,
    /// Natural replicas of the key.
    pub natural: NodeMask,
    /// Pending replicas of the key.
    pub pending: NodeMask,
    /// Replication factor of each data centre; of the keyspace with SimpleStrategy.
    pub replication_factors: Vec<usize>,
    /// NetworkTopologyStrategy.
    pub network_topology: bool,
}

impl Layout {
    /// Lays out the nodes of a scope: each data centre's in turn, its pending ones last.
    ///
    /// # Errors
    /// What [`Scope::validate`] and the ring refuse.
    ///
    /// # Panics
    /// Never: the number of nodes was validated.
    pub fn new(scope: &Scope) -> Result<Self, ScopeError> {
        scope.validate()?;
        let (mut datacenters, mut natural, mut pending) = (Vec::new(), Vec::new(), Vec::new());
        let mut members = Vec::new();
        for (datacenter, index) in scope.datacenters.iter().zip(0_u8..) {
            for number in 0..datacenter.nodes + datacenter.pending {
                let node = NodeId(u16::try_from(datacenters.len()).expect("validated: at most 16 nodes"));
                let replica = Replica {
                    node,
                    datacenter: Datacenter(index),
                    rack: Rack(0),
                };
                datacenters.push(replica.datacenter);
                members.push(replica);
                if number >= datacenter.nodes {
                    pending.push(replica);
                } else if number < datacenter.replication_factor {
                    natural.push(replica);
                }
            }
        }
        let factors = scope
            .datacenters
            .iter()
            .map(|datacenter| datacenter.replication_factor);
        let replication = if scope.network_topology {
            let factors = factors
                .clone()
                .zip(0_u8..)
                .map(|(factor, index)| (Datacenter(index), factor));
            ReplicationStrategy::NetworkTopology {
                replication_factors: factors.collect(),
            }
        } else {
            ReplicationStrategy::Simple {
                replication_factor: factors.clone().sum(),
            }
        };
        let mask = |replicas: &[Replica]| replicas.iter().fold(0, |mask, replica| mask | bit(replica.node));
        let (natural_mask, pending_mask) = (mask(&natural), mask(&pending));
        let plan = ReplicaPlan::new(replication, natural, pending)
            .map_err(|error| ScopeError::Ring(error.to_string()))?;
        Ok(Self {
            ring: Ring::with_plan(plan, members),
            datacenters,
            natural: natural_mask,
            pending: pending_mask,
            replication_factors: factors.map(usize::from).collect(),
            network_topology: scope.network_topology,
        })
    }

    /// The one plan.
    ///
    /// # Panics
    /// Never: the ring of a layout has one plan for all tokens.
    #[must_use]
    pub fn plan(&self) -> &ReplicaPlan {
        let key = self.ring.plan_key(&thymbra_types::Token::Murmur3(0));
        self.ring.plan(key).expect("the ring of a layout has one plan")
    }

    /// Data centre of a node.
    #[must_use]
    pub fn datacenter(&self, node: NodeId) -> Datacenter {
        self.datacenters
            .get(usize::from(node.0))
            .copied()
            .unwrap_or(Datacenter(0))
    }

    /// Nodes of a data centre.
    #[must_use]
    pub fn nodes_in(&self, datacenter: Datacenter) -> NodeMask {
        self.datacenters
            .iter()
            .zip(0_u16..)
            .filter(|(other, _)| **other == datacenter)
            .fold(0, |mask, (_, node)| mask | bit(NodeId(node)))
    }

    /// Natural and pending replicas.
    #[must_use]
    pub fn replicas(&self) -> NodeMask {
        self.natural | self.pending
    }

    /// Every data centre.
    ///
    /// # Panics
    /// Never: there are no more data centres than nodes.
    pub fn all_datacenters(&self) -> impl Iterator<Item = Datacenter> + use<> {
        (0..u8::try_from(self.replication_factors.len()).expect("a scope has at most 16 data centres"))
            .map(Datacenter)
    }
}

/// What a level asks for, written down a second time from the text of the properties P2 and O3, so that the
/// properties do not call the rules that they judge.
impl Layout {
    fn factor(&self, datacenter: Datacenter) -> usize {
        if self.network_topology {
            self.replication_factors
                .get(usize::from(datacenter.0))
                .copied()
                .unwrap_or(0)
        } else {
            self.replication_factors.iter().sum()
        }
    }

    /// Needs of a level as pairs: so many of these nodes, for all pairs.
    pub(crate) fn needs(
        &self,
        level: ConsistencyLevel,
        local: Datacenter,
        with_pending: bool,
    ) -> SmallVec<[(usize, NodeMask); 2]> {
        let all = self.replicas();
        let near = all & self.nodes_in(local);
        let total: usize = self.replication_factors.iter().sum();
        let extra = |within: NodeMask| {
            if with_pending {
                usize::try_from((self.pending & within).count_ones()).unwrap_or(0)
            } else {
                0
            }
        };
        match level {
            ConsistencyLevel::Any => smallvec![(1, all)],
            ConsistencyLevel::One => smallvec![(1 + extra(all), all)],
            ConsistencyLevel::Two => smallvec![(2 + extra(all), all)],
            ConsistencyLevel::Three => smallvec![(3 + extra(all), all)],
            ConsistencyLevel::All => smallvec![(total + extra(all), all)],
            ConsistencyLevel::LocalOne => smallvec![(1 + extra(near), near)],
            ConsistencyLevel::LocalQuorum | ConsistencyLevel::LocalSerial => {
                smallvec![(self.factor(local) / 2 + 1 + extra(near), near)]
            }
            ConsistencyLevel::EachQuorum if self.network_topology => self
                .all_datacenters()
                .filter(|datacenter| self.factor(*datacenter) > 0)
                .map(|datacenter| {
                    let within = all & self.nodes_in(datacenter);
                    (self.factor(datacenter) / 2 + 1 + extra(within), within)
                })
                .collect(),
            ConsistencyLevel::Quorum | ConsistencyLevel::Serial | ConsistencyLevel::EachQuorum => {
                smallvec![(total / 2 + 1 + extra(all), all)]
            }
        }
    }

    /// These nodes meet the level, pending replicas counted in need and supply.
    #[must_use]
    pub fn meets(&self, level: ConsistencyLevel, local: Datacenter, nodes: NodeMask) -> bool {
        self.needs(level, local, true)
            .into_iter()
            .all(|(need, within)| count(nodes & within) >= need)
    }

    /// The level may be met while these nodes are alive, as admission judges: EACH_QUORUM does not add pending
    /// replicas to the need (surprise S11), and ANY is always admitted.
    #[must_use]
    pub fn admits(&self, level: ConsistencyLevel, local: Datacenter, alive: NodeMask) -> bool {
        let adds_pending = level != ConsistencyLevel::EachQuorum || !self.network_topology;
        level == ConsistencyLevel::Any
            || self
                .needs(level, local, adds_pending)
                .into_iter()
                .all(|(need, within)| count(alive & within) >= need)
    }

    /// A read at the level may be answered while these nodes are alive: natural replicas alone are asked, and pending
    /// ones add nothing to the need. ANY is no level for reads.
    #[must_use]
    pub fn admits_read(&self, level: ConsistencyLevel, local: Datacenter, alive: NodeMask) -> bool {
        self.needs(level, local, false)
            .into_iter()
            .all(|(need, within)| count(alive & within & self.natural) >= need)
    }

    /// The level cannot be met any more by others than these failed nodes, as totals tell (surprise S11).
    #[must_use]
    pub fn is_impossible(&self, level: ConsistencyLevel, local: Datacenter, failed: NodeMask) -> bool {
        let needs = self.needs(level, local, true);
        let need: usize = needs.iter().map(|(need, _)| need).sum();
        let within = needs.iter().fold(0, |mask, (_, within)| mask | within);
        need + count(failed & within) > count(within)
    }
}

/// Number of nodes in a mask.
#[must_use]
pub fn count(nodes: NodeMask) -> usize {
    usize::try_from(nodes.count_ones()).unwrap_or(0)
}
