//! A ring gives out keys of plans, keeps old epochs while they are in use, and runs the rules it is given.

use thymbra_protocol::ring::{
    Datacenter, Member, MemberState, NodeId, Rack, ReplicationRules, Ring, RingError, TokenRing, Topology,
};
use thymbra_protocol::{PlanKey, Replica, ReplicaPlan};
use thymbra_types::{Reference, Token};

use crate::cluster::{members, natural, owners, pending, plan, probes, ring, strategy, token, topology};
use crate::oracle::Options;

/// Three nodes with a token each, in two datacenters and three racks.
fn three() -> Topology {
    topology(members(&owners(&[0, 1, 2], &[(0, 0), (0, 1), (1, 2)])))
}

fn replica(node: u16, datacenter: u8) -> Replica {
    Replica {
        node: NodeId(node),
        datacenter: Datacenter(datacenter),
        rack: Rack(datacenter + 1),
    }
}

#[test]
fn ranges_with_equal_replicas_share_a_key() {
    let ring = ring(
        &topology(members(&owners(&[0, 0, 1, 0], &[(0, 0), (0, 0)]))),
        &Options::Simple(1),
    );
    let keys = [0, 10, 20, 30, 40].map(|value| ring.plan_key(&token(value)).range);
    assert_eq!(keys, [0, 0, 1, 0, 0]);
    assert_eq!(ring.plan(PlanKey { epoch: 0, range: 2 }), None);
}

#[test]
fn a_ring_knows_where_its_members_stand() {
    let mut joining = Member::normal(NodeId(5), Datacenter(1), Rack(0), vec![token(7)]);
    joining.state = MemberState::Bootstrapping;
    joining.host_id_known = false;
    let ring = ring(&three().with_member(joining).unwrap(), &Options::Simple(1));
    assert_eq!(ring.node_count(), 4);
    assert_eq!(ring.nodes().collect::<Vec<_>>(), [0, 1, 2, 5].map(NodeId));
    let nodes = [0, 1, 2, 5, 4].map(NodeId);
    let datacenters = [Some(0), Some(0), Some(1), Some(1), None].map(|number| number.map(Datacenter));
    let racks = [Some(0), Some(1), Some(2), Some(0), None].map(|number| number.map(Rack));
    assert_eq!(nodes.map(|node| ring.datacenter_of(node)), datacenters);
    assert_eq!(nodes.map(|node| ring.rack_of(node)), racks);
    assert_eq!(
        nodes.map(|node| ring.host_id_known(node)),
        [true, true, true, false, false]
    );
}

#[test]
fn plans_of_older_epochs_stay_until_they_are_forgotten() {
    let options = Options::Simple(1);
    let mut ring = Ring::new(&Reference, &three(), &strategy(&options), 7).unwrap();
    let old = ring.plan_key(&token(0));
    assert_eq!((ring.epoch(), old), (7, PlanKey { epoch: 7, range: 0 }));
    let smaller = three().without_member(NodeId(0)).unwrap();
    ring.advance(&Reference, &smaller, &strategy(&Options::Simple(2)))
        .unwrap();
    assert_eq!(ring.epoch(), 8);
    assert_eq!(natural(&ring, 0), [1, 2]);
    assert_eq!(ring.plan(old).unwrap().node(0), Some(NodeId(0)));
    assert_eq!(ring.plan_key_at(7, &token(0)), Some(old));
    assert_eq!(ring.plan_key_at(8, &token(0)), Some(ring.plan_key(&token(0))));
    assert_eq!(ring.plan_key_at(9, &token(0)), None);
    assert_eq!(
        (ring.node_count(), ring.datacenter_of(NodeId(0))),
        (2, Some(Datacenter(0)))
    );

    ring.forget_before(7);
    assert!(ring.plan(old).is_some());
    ring.forget_before(8);
    assert_eq!((ring.plan(old), ring.plan_key_at(7, &token(0))), (None, None));
    assert_eq!(ring.datacenter_of(NodeId(0)), None);
    ring.forget_before(100);
    assert_eq!((ring.epoch(), natural(&ring, 0)), (8, vec![1, 2]));
}

#[test]
fn the_newest_place_of_a_node_counts() {
    let mut ring = ring(&three(), &Options::Simple(1));
    let moved = Member::normal(NodeId(0), Datacenter(1), Rack(5), vec![token(0)]);
    ring.advance(
        &Reference,
        &three().with_member(moved).unwrap(),
        &strategy(&Options::Simple(1)),
    )
    .unwrap();
    assert_eq!(
        (ring.datacenter_of(NodeId(0)), ring.rack_of(NodeId(0))),
        (Some(Datacenter(1)), Some(Rack(5)))
    );
}

#[test]
fn a_refused_topology_changes_nothing() {
    let mut ring = ring(&three(), &Options::Simple(1));
    let before = ring.clone();
    let empty = Topology::new(vec![], vec![], vec![]).unwrap();
    let error = ring
        .advance(&Reference, &empty, &strategy(&Options::Simple(1)))
        .unwrap_err();
    assert_eq!(error, RingError::NoTokens);
    assert_eq!(error.to_string(), "no member of the topology owns a token");
    assert_eq!(ring, before);
}

#[test]
fn a_cluster_whose_only_members_are_joining_has_no_ring() {
    let joining = Member {
        state: MemberState::Bootstrapping,
        ..Member::normal(NodeId(0), Datacenter(0), Rack(0), vec![token(0)])
    };
    let topology = topology(vec![joining]);
    let ring = Ring::new(&Reference, &topology, &strategy(&Options::Simple(1)), 0);
    assert_eq!(ring, Err(RingError::NoTokens));
}

//= WP-PR-12 check
#[test]
fn options_and_sizes_that_a_plan_refuses_are_refused() {
    let many: Vec<Member> = (0..65)
        .map(|node| Member::normal(NodeId(node), Datacenter(0), Rack(0), vec![token(i64::from(node))]))
        .collect();
    let many = topology(many);
    let new = |rf| Ring::new(&Reference, &many, &strategy(&Options::Simple(rf)), 0);
    assert_eq!(new(65).unwrap_err(), RingError::TooManyReplicas { count: 65 });
    assert_eq!(plan(&new(64).unwrap(), 0).all().count(), 64);
    assert_eq!(
        RingError::DatacenterRepeated(Datacenter(1)).to_string(),
        "the replication options name dc2 twice"
    );
}

#[test]
fn a_ring_of_one_plan_covers_all_tokens() {
    let strategy = strategy(&Options::Simple(1));
    let first = ReplicaPlan::new(strategy.clone(), [replica(1, 0)], [replica(2, 1)]).unwrap();
    let mut ring = Ring::with_plan(first.clone(), [replica(0, 2), replica(1, 0)]);
    for value in probes(1) {
        assert_eq!((natural(&ring, value), pending(&ring, value)), (vec![1], vec![2]));
    }
    assert_eq!(ring.nodes().collect::<Vec<_>>(), [0, 1, 2].map(NodeId));
    assert_eq!(
        [0, 1, 2].map(|node| ring.datacenter_of(NodeId(node))),
        [2, 0, 1].map(|number| Some(Datacenter(number)))
    );
    assert!(ring.host_id_known(NodeId(2)));
    assert_eq!(ring.plan_key(&token(3)), PlanKey { epoch: 0, range: 0 });

    let second = ReplicaPlan::new(strategy, [replica(2, 1)], []).unwrap();
    ring.advance_to_plan(second.clone(), []);
    assert_eq!(ring.plan_key(&token(3)), PlanKey { epoch: 1, range: 0 });
    assert_eq!(ring.plan(PlanKey { epoch: 0, range: 0 }), Some(&first));
    assert_eq!(ring.plan(PlanKey { epoch: 1, range: 0 }), Some(&second));
    assert_eq!(ring.node_count(), 1);
}

/// A rule that keeps only one replica.
struct FirstOnly;

impl ReplicationRules for FirstOnly {
    fn simple_strategy(&self, ring: &TokenRing, token: &Token, _: u16) -> Vec<NodeId> {
        ring.owner(token).into_iter().collect()
    }
}

/// A rule that names a stranger as pending.
struct Stranger;

impl ReplicationRules for Stranger {
    fn pending_replicas(
        &self,
        _: &thymbra_protocol::ring::ReplicationStrategy,
        _: &[thymbra_protocol::ring::RangeMovement],
        _: &Token,
        _: &[NodeId],
    ) -> Vec<NodeId> {
        vec![NodeId(99)]
    }
}

#[test]
fn overridden_rules_are_obeyed() {
    let rules: [&dyn ReplicationRules; 2] = [&Reference, &FirstOnly];
    let counts = rules.map(|rules| {
        let ring = Ring::new(rules, &three(), &strategy(&Options::Simple(3)), 0).unwrap();
        natural(&ring, 0).len()
    });
    assert_eq!(counts, [3, 1]);
}

#[test]
fn a_replica_that_is_no_member_is_refused() {
    let error = Ring::new(&Stranger, &three(), &strategy(&Options::Simple(1)), 0).unwrap_err();
    assert_eq!(error, RingError::UnknownReplica(NodeId(99)));
    assert_eq!(error.to_string(), "the replica n100 is not a member");
    let local = thymbra_protocol::ring::ReplicationStrategy::Local { node: NodeId(9) };
    let error = Ring::new(&Reference, &three(), &local, 0).unwrap_err();
    assert_eq!(error, RingError::UnknownReplica(NodeId(9)));
}
