//! The cluster of the simulation: nodes, racks, data centres, tokens and the plans that follow from them.
//!
//! Chapter: `specs/02-partitioning-and-replication.md`.

use thymbra_protocol::ring::{Member, Topology};
use thymbra_protocol::{ConsistencyLevel, Datacenter, NodeId, Rack, ReplicationStrategy, Ring};
use thymbra_types::{Reference, Token};

use super::random::Random;

/// Data centres.
pub(super) const DATACENTERS: u16 = 2;
/// Nodes in each.
pub(super) const NODES_PER_DATACENTER: u16 = 5;
/// Nodes.
pub(super) const NODES: u16 = DATACENTERS * NODES_PER_DATACENTER;
/// Racks in each data centre.
const RACKS: u16 = 3;
/// Replicas in each data centre.
pub(super) const REPLICATION_FACTOR: u16 = 3;
/// Tokens of each node.
const VNODES: usize = 16;

/// The ring of `datacenters` data centres of five nodes in three racks, RF 3 in each.
#[must_use]
pub(super) fn ring(datacenters: u16) -> Ring {
    // The placement is part of the setting, not of the schedule: one seed for all runs.
    let mut random = Random::new(0x7269_6e67);
    let members = (0..datacenters * NODES_PER_DATACENTER).map(|node| {
        let tokens = (0..VNODES).map(|_| Token::Murmur3(random.word().cast_signed()));
        let tokens: Vec<Token> = tokens.collect();
        let rack = u8::try_from(node % NODES_PER_DATACENTER % RACKS).expect("there are three racks");
        Member::normal(NodeId(node), datacenter(NodeId(node)), Rack(rack), tokens)
    });
    let names = |prefix: &str, count: u16| (1..=count).map(|number| format!("{prefix}{number}")).collect();
    let topology = Topology::new(
        names("dc", datacenters),
        names("rack", RACKS),
        members.collect::<Vec<_>>(),
    )
    .expect("the tokens are distinct");
    let replication_factors = (0..datacenters).map(|number| {
        (
            datacenter(NodeId(number * NODES_PER_DATACENTER)),
            REPLICATION_FACTOR,
        )
    });
    let strategy = ReplicationStrategy::NetworkTopology {
        replication_factors: replication_factors.collect(),
    };
    Ring::new(&Reference, &topology, &strategy, 0).expect("the options name each data centre once")
}

/// The data centre of a node.
#[must_use]
pub(super) fn datacenter(node: NodeId) -> Datacenter {
    Datacenter(u8::try_from(node.0 / NODES_PER_DATACENTER).expect("there are two data centres"))
}

/// Whether these nodes, all of them replicas, are as many as a level asks for, seen from a data centre. Written from
/// the definition of the levels for three replicas in each of two data centres, without the rules.
#[must_use]
pub(super) fn meets(level: ConsistencyLevel, local: Datacenter, nodes: &[NodeId]) -> bool {
    let near = nodes.iter().filter(|node| datacenter(**node) == local).count();
    let far = nodes.len() - near;
    match level {
        ConsistencyLevel::Any | ConsistencyLevel::One => near + far >= 1,
        ConsistencyLevel::Two => near + far >= 2,
        ConsistencyLevel::Three => near + far >= 3,
        ConsistencyLevel::Quorum => near + far >= 4,
        ConsistencyLevel::All => near + far >= 6,
        ConsistencyLevel::LocalOne => near >= 1,
        ConsistencyLevel::LocalQuorum => near >= 2,
        ConsistencyLevel::EachQuorum => near >= 2 && far >= 2,
        ConsistencyLevel::Serial | ConsistencyLevel::LocalSerial => false,
    }
}

/// Levels of which any two sets of replicas meet.
#[must_use]
pub(super) fn overlaps_itself(level: ConsistencyLevel) -> bool {
    matches!(
        level,
        ConsistencyLevel::Quorum | ConsistencyLevel::EachQuorum | ConsistencyLevel::All
    )
}
