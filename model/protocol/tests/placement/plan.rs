//! A plan counts each endpoint once and answers what consistency levels ask.

use thymbra_protocol::ring::{Datacenter, NodeId, Rack, ReplicationStrategy, RingError};
use thymbra_protocol::{Replica, ReplicaPlan, ReplicaSet};

use crate::cluster::strategy;
use crate::oracle::Options;

fn replica(node: u16, datacenter: u8) -> Replica {
    Replica {
        node: NodeId(node),
        datacenter: Datacenter(datacenter),
        rack: Rack(0),
    }
}

fn plan(options: &Options, natural: &[(u16, u8)], pending: &[(u16, u8)]) -> ReplicaPlan {
    let replicas = |list: &[(u16, u8)]| {
        list.iter()
            .map(|(node, dc)| replica(*node, *dc))
            .collect::<Vec<_>>()
    };
    ReplicaPlan::new(strategy(options), replicas(natural), replicas(pending)).expect("test plans are small")
}

fn set(positions: &[u8]) -> ReplicaSet {
    positions.iter().copied().collect()
}

#[test]
fn positions_count_natural_then_pending_replicas() {
    let plan = plan(&Options::Simple(2), &[(7, 0), (3, 1)], &[(5, 1)]);
    assert_eq!(plan.natural(), set(&[0, 1]));
    assert_eq!(plan.pending(), set(&[2]));
    assert_eq!(plan.all(), set(&[0, 1, 2]));
    assert_eq!(
        [0, 1, 2, 3].map(|position| plan.node(position)),
        [Some(7), Some(3), Some(5), None].map(|n| n.map(NodeId))
    );
    assert_eq!(plan.replica(2), Some(replica(5, 1)));
    assert_eq!(plan.replicas(), [replica(7, 0), replica(3, 1), replica(5, 1)]);
    assert_eq!(
        [7, 3, 5, 4].map(|node| plan.position_of(NodeId(node))),
        [Some(0), Some(1), Some(2), None]
    );
}

#[test]
fn every_subset_of_the_replicas_is_selected_by_what_its_nodes_have_in_common() {
    let nodes = [9, 2, 7, 4, 0, 5];
    let list = nodes.map(|node| (node, 0));
    for natural_count in 0..=list.len() {
        let (natural, pending) = list.split_at(natural_count);
        let plan = plan(&Options::Simple(3), natural, pending);
        for wanted in 0_u16..1 << 10 {
            let is_wanted = |node: NodeId| wanted & 1 << node.0 != 0;
            let selected = plan.select(is_wanted);
            for (position, node) in (0..).zip(nodes) {
                assert_eq!(
                    selected.contains(position),
                    is_wanted(NodeId(node)),
                    "{wanted:b} {node}"
                );
            }
            assert!(selected.is_subset(plan.all()), "{wanted:b}");
        }
    }
}

//= WP-PR-10 check
#[test]
fn an_endpoint_that_is_natural_and_pending_counts_once_as_natural() {
    let plan = plan(&Options::Simple(2), &[(0, 0), (1, 0)], &[(1, 0), (2, 0), (2, 0)]);
    assert_eq!(plan.natural(), set(&[0, 1]));
    assert_eq!(plan.pending(), set(&[2]));
    assert_eq!(plan.node(2), Some(NodeId(2)));
}

#[test]
fn datacenters_are_those_of_replicas_and_options_in_ascending_order() {
    let plan = plan(
        &Options::PerDatacenter(vec![1, 0, 3]),
        &[(0, 2), (1, 0)],
        &[(2, 1), (3, 2)],
    );
    let datacenters: Vec<_> = plan
        .datacenters()
        .map(|(datacenter, rf)| (datacenter.0, rf))
        .collect();
    assert_eq!(datacenters, [(0, 1), (1, 0), (2, 3)]);
    let within = [0, 1, 2, 3].map(|datacenter| plan.in_datacenter(Datacenter(datacenter)));
    assert_eq!(within, [set(&[1]), set(&[2]), set(&[0, 3]), ReplicaSet::EMPTY]);
}

#[test]
fn a_named_datacenter_without_replicas_is_listed() {
    let plan = plan(&Options::PerDatacenter(vec![0, 2, 0]), &[(0, 2)], &[]);
    let datacenters: Vec<_> = plan
        .datacenters()
        .map(|(datacenter, rf)| (datacenter.0, rf))
        .collect();
    assert_eq!(datacenters, [(0, 0), (1, 2), (2, 0)]);
    assert!(plan.in_datacenter(Datacenter(1)).is_empty());
}

//= WP-PR-09 check
#[test]
fn the_factor_is_configured_not_counted() {
    let spread = plan(&Options::PerDatacenter(vec![3, 2]), &[(0, 0)], &[]);
    assert!(spread.is_network_topology());
    assert_eq!(spread.replication_factor(), 5);
    assert_eq!(
        [0, 1, 2].map(|datacenter| spread.replication_factor_in(Datacenter(datacenter))),
        [3, 2, 0]
    );
    assert_eq!(
        *spread.replication(),
        strategy(&Options::PerDatacenter(vec![3, 2]))
    );
    let simple = plan(&Options::Simple(3), &[(0, 0)], &[]);
    assert!(!simple.is_network_topology());
    assert_eq!(simple.replication_factor(), 3);
    assert_eq!(
        [0, 1].map(|datacenter| simple.replication_factor_in(Datacenter(datacenter))),
        [3, 3]
    );
    let local = ReplicationStrategy::Local { node: NodeId(0) };
    assert!(!local.is_network_topology());
    assert_eq!(
        (
            local.replication_factor(),
            local.replication_factor_in(Datacenter(4))
        ),
        (1, 1)
    );
    assert_eq!(local.named_datacenters().count(), 0);
}

//= WP-PR-12 check
#[test]
fn sixty_four_replicas_fit_and_one_more_is_refused() {
    let new = |natural: u16, pending: u16| {
        let natural_nodes = (0..natural).map(|node| replica(node, 0));
        let pending_nodes = (100..100 + pending).map(|node| replica(node, 0));
        ReplicaPlan::new(strategy(&Options::Simple(natural)), natural_nodes, pending_nodes)
    };
    assert_eq!(new(64, 0).unwrap().all().count(), 64);
    assert_eq!(new(60, 4).unwrap().pending().count(), 4);
    assert_eq!(new(60, 4).unwrap().position_of(NodeId(103)), Some(63));
    for (natural, pending) in [(65, 0), (64, 1), (0, 65)] {
        let error = new(natural, pending).unwrap_err();
        assert_eq!(error, RingError::TooManyReplicas { count: 65 });
        assert_eq!(
            error.to_string(),
            "a token range has 65 replicas, more than the supported 64"
        );
    }
}

#[test]
fn options_that_name_a_datacenter_twice_are_refused() {
    let options = |factors: &[(u8, u16)]| ReplicationStrategy::NetworkTopology {
        replication_factors: factors
            .iter()
            .map(|(datacenter, rf)| (Datacenter(*datacenter), *rf))
            .collect(),
    };
    let twice = options(&[(1, 2), (0, 1), (1, 3)]);
    assert_eq!(
        ReplicaPlan::new(twice, [], []),
        Err(RingError::DatacenterRepeated(Datacenter(1)))
    );
    assert_eq!(options(&[(1, 2), (0, 1)]).validate(), Ok(()));
    assert!(options(&[(0, 0), (0, 0)]).validate().is_err());
}
