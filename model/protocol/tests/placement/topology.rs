//! A topology refuses members that contradict each other, and a token ring follows its members.

use thymbra_protocol::Replica;
use thymbra_protocol::ring::{
    Datacenter, Member, MemberState, NodeId, Rack, RangeMovement, RingError, TokenRing, Topology,
};
use thymbra_types::Token;

use crate::cluster::token;

fn tokens(values: &[i64]) -> Vec<Token> {
    values.iter().copied().map(token).collect()
}

fn member(node: u16, values: &[i64], state: MemberState) -> Member {
    Member {
        state,
        ..Member::normal(NodeId(node), Datacenter(0), Rack(0), tokens(values))
    }
}

fn normal(node: u16, values: &[i64]) -> Member {
    member(node, values, MemberState::Normal)
}

fn new(members: Vec<Member>) -> Result<Topology, RingError> {
    Topology::new(vec![], vec![], members)
}

//= WP-PR-11 check
#[test]
fn members_are_kept_in_ascending_order() {
    let topology = new(vec![normal(3, &[3]), normal(1, &[1]), normal(2, &[2])]).unwrap();
    let nodes: Vec<u16> = topology.members().iter().map(|member| member.node.0).collect();
    assert_eq!(nodes, [1, 2, 3]);
    assert_eq!(topology.member(NodeId(2)), Some(&normal(2, &[2])));
    assert_eq!(topology.member(NodeId(0)), None);
}

#[test]
fn places_are_named_by_number() {
    let names = |names: &[&str]| names.iter().map(|name| String::from(*name)).collect::<Vec<_>>();
    let topology = Topology::new(names(&["east", "west"]), names(&["r1"]), vec![]).unwrap();
    let datacenters = [0, 1, 2].map(|number| topology.datacenter_name(Datacenter(number)));
    assert_eq!(datacenters, [Some("east"), Some("west"), None]);
    assert_eq!(
        [0, 1].map(|number| topology.rack_name(Rack(number))),
        [Some("r1"), None]
    );
    let changed = topology.with_member(normal(0, &[])).unwrap();
    assert_eq!(
        (changed.datacenter_name(Datacenter(1)), changed.rack_name(Rack(0))),
        (Some("west"), Some("r1"))
    );
}

#[test]
fn ids_print_counted_from_one() {
    assert_eq!(
        format!("{} {} {}", NodeId(0), Datacenter(1), Rack(2)),
        "n1 dc2 rack3"
    );
    assert_eq!(
        format!("{} {} {}", NodeId(u16::MAX), Datacenter(255), Rack(255)),
        "n65536 dc256 rack256"
    );
}

#[test]
fn a_member_that_appears_twice_is_refused() {
    let error = new(vec![normal(1, &[1]), normal(0, &[0]), normal(1, &[2])]).unwrap_err();
    assert_eq!(error, RingError::MemberRepeated(NodeId(1)));
    assert_eq!(error.to_string(), "n2 is a member twice");
}

#[test]
fn a_token_that_is_claimed_twice_is_refused() {
    let twice = |member: Member| new(vec![normal(0, &[1, 5]), member]).unwrap_err();
    for other in [
        normal(1, &[5]),
        normal(1, &[7, 7]),
        member(1, &[5], MemberState::Bootstrapping),
        member(1, &[5], MemberState::Leaving),
        member(1, &[9], MemberState::Moving(token(5))),
        member(1, &[9], MemberState::Moving(token(9))),
    ] {
        assert_eq!(twice(other), RingError::TokenRepeated(NodeId(1)));
    }
    assert_eq!(
        RingError::TokenRepeated(NodeId(1)).to_string(),
        "n2 claims a token that is taken"
    );
}

#[test]
fn a_replacement_takes_the_tokens_of_a_node_that_owns_some() {
    let replacing = |values: &[i64], replaced| member(9, values, MemberState::Replacing(NodeId(replaced)));
    let try_with = |replacement: Member| {
        let others = [
            normal(0, &[1]),
            normal(1, &[]),
            member(2, &[2], MemberState::Bootstrapping),
        ];
        new(others.into_iter().chain([replacement]).collect())
    };
    assert!(try_with(replacing(&[], 0)).is_ok());
    assert_eq!(
        try_with(replacing(&[3], 0)),
        Err(RingError::ReplacementWithTokens(NodeId(9)))
    );
    for replaced in [1, 2, 3, 9] {
        let (replacement, replaced) = (NodeId(9), NodeId(replaced));
        let error = RingError::NothingToReplace {
            replacement,
            replaced,
        };
        assert_eq!(try_with(replacing(&[], replaced.0)), Err(error));
    }
    let message = RingError::NothingToReplace {
        replacement: NodeId(9),
        replaced: NodeId(0),
    }
    .to_string();
    assert_eq!(message, "n10 replaces n1, which owns no tokens");
    let message = RingError::ReplacementWithTokens(NodeId(9)).to_string();
    assert_eq!(
        message,
        "n10 replaces a node and must not bring tokens of its own"
    );
}

#[test]
fn members_come_change_and_go() {
    let topology = new(vec![normal(0, &[1]), normal(1, &[2])]).unwrap();
    let leaving = topology
        .clone()
        .with_member(member(1, &[2], MemberState::Leaving))
        .unwrap();
    assert_eq!(leaving.member(NodeId(1)).unwrap().state, MemberState::Leaving);
    assert_eq!(leaving.members().len(), 2);
    assert_eq!(leaving.without_member(NodeId(1)), new(vec![normal(0, &[1])]));
    let replaced = topology
        .with_member(member(2, &[], MemberState::Replacing(NodeId(0))))
        .unwrap();
    let error = RingError::NothingToReplace {
        replacement: NodeId(2),
        replaced: NodeId(0),
    };
    assert_eq!(replaced.without_member(NodeId(0)), Err(error));
}

#[test]
fn only_members_that_finished_joining_own_tokens() {
    let topology = new(vec![
        normal(0, &[10]),
        member(1, &[20], MemberState::Leaving),
        member(2, &[30], MemberState::Moving(token(35))),
        member(3, &[40], MemberState::Bootstrapping),
        member(4, &[], MemberState::Replacing(NodeId(0))),
    ])
    .unwrap();
    let owners: Vec<u16> = topology
        .normal_ring()
        .owners()
        .iter()
        .map(|(_, node)| node.0)
        .collect();
    assert_eq!(owners, [0, 1, 2]);
    assert_eq!(topology.range_ends(), tokens(&[10, 20, 30, 35, 40]));
    let joining: Vec<_> = RangeMovement::under_way(&topology)
        .into_iter()
        .map(|movement| movement.joining)
        .collect();
    assert_eq!(joining, [None, Some(NodeId(3)), Some(NodeId(4)), None]);
}

fn stands(node: u16, datacenter: u8, rack: u8) -> Replica {
    Replica {
        node: NodeId(node),
        datacenter: Datacenter(datacenter),
        rack: Rack(rack),
    }
}

fn owners(ring: &TokenRing) -> Vec<(i64, u16)> {
    let value = |token: &Token| match token {
        Token::Murmur3(value) => *value,
        Token::Random(_) | Token::ByteOrdered(_) => unreachable!("these rings are of Murmur3 tokens"),
    };
    ring.owners()
        .iter()
        .map(|(token, node)| (value(token), node.0))
        .collect()
}

#[test]
fn updated_tokens_replace_those_of_the_node_and_are_taken_from_others() {
    let mut ring = TokenRing::new();
    ring.update_normal_tokens(stands(1, 0, 0), &tokens(&[30, 10]));
    ring.update_normal_tokens(stands(0, 0, 1), &tokens(&[20, 10, 20]));
    assert_eq!(owners(&ring), [(10, 0), (20, 0), (30, 1)]);
    ring.update_normal_tokens(stands(0, 1, 1), &tokens(&[5]));
    assert_eq!(owners(&ring), [(5, 0), (30, 1)]);
    assert_eq!(ring.location(NodeId(0)), Some(stands(0, 1, 1)));
    assert_eq!(ring.location(NodeId(1)), Some(stands(1, 0, 0)));
    ring.remove_endpoint(NodeId(0));
    assert_eq!((owners(&ring), ring.location(NodeId(0))), (vec![(30, 1)], None));
}

#[test]
fn nodes_and_racks_are_counted_by_datacenter() {
    let places = [stands(4, 0, 0), stands(3, 0, 1), stands(2, 0, 0), stands(1, 1, 0)];
    let ring = TokenRing::from_members(places.map(|place| (place, [].as_slice())));
    assert_eq!(
        [0, 1, 2].map(|datacenter| ring.node_count_in(Datacenter(datacenter))),
        [3, 1, 0]
    );
    assert_eq!(
        [0, 1, 2].map(|datacenter| ring.rack_count_in(Datacenter(datacenter))),
        [2, 1, 0]
    );
}

#[test]
#[should_panic(expected = "a node is a member once")]
fn a_ring_of_one_node_twice_is_a_defect() {
    let _ = TokenRing::from_members([(stands(0, 0, 0), [].as_slice()), (stands(0, 0, 1), [].as_slice())]);
}

#[test]
#[should_panic(expected = "a token has one owner")]
fn a_ring_of_one_token_twice_is_a_defect() {
    let same = tokens(&[1]);
    let _ = TokenRing::from_members([
        (stands(0, 0, 0), same.as_slice()),
        (stands(1, 0, 0), same.as_slice()),
    ]);
}
