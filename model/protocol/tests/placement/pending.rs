//! Pending replicas: by brute force, the replicas after a change minus the replicas now.

use std::collections::BTreeSet;

use thymbra_protocol::ring::{Datacenter, Member, MemberState, NodeId, Topology};

use crate::cluster::{
    STEP, all_options, clusters, member, members, natural, owners, pending, probes, ring, token, topology,
};
use crate::oracle::{self, Options, Owner};

/// The identity of a joining node.
const JOINING: u16 = 9;

/// A change under way: who does what, the ring that it leads to, and the one node that may gain from it.
struct Change {
    member: Member,
    after: Vec<Owner>,
    only: Option<u16>,
}

impl Change {
    fn leave(owners: &[Owner], index: usize) -> Self {
        let member = member(&owners[index], MemberState::Leaving);
        Self {
            member,
            after: without(owners, index),
            only: None,
        }
    }

    fn join(owners: &[Owner], node: u16, (datacenter, rack): (u8, u8), tokens: &[i64]) -> Self {
        let new = Owner {
            node,
            datacenter,
            rack,
            tokens: tokens.to_vec(),
        };
        let member = member(&new, MemberState::Bootstrapping);
        Self {
            member,
            after: [owners, &[new]].concat(),
            only: Some(node),
        }
    }

    fn replace(owners: &[Owner], index: usize) -> Self {
        let new = Owner {
            node: JOINING,
            ..owners[index].clone()
        };
        let joining = Owner {
            tokens: vec![],
            ..new.clone()
        };
        let member = member(&joining, MemberState::Replacing(NodeId(owners[index].node)));
        Self {
            member,
            after: [without(owners, index), vec![new]].concat(),
            only: Some(JOINING),
        }
    }

    fn relocate(owners: &[Owner], index: usize, target: i64) -> Self {
        let member = member(&owners[index], MemberState::Moving(token(target)));
        let moved = Owner {
            tokens: vec![target],
            ..owners[index].clone()
        };
        Self {
            member,
            after: [without(owners, index), vec![moved]].concat(),
            only: None,
        }
    }
}

fn without(owners: &[Owner], index: usize) -> Vec<Owner> {
    let mut rest = owners.to_vec();
    rest.remove(index);
    rest
}

/// The middle of each gap, where no ring token is.
fn gaps(token_count: usize) -> impl Iterator<Item = i64> + Clone {
    (0..=i64::try_from(token_count).expect("test rings are small")).map(|gap| gap * STEP - STEP / 2)
}

/// Every single change of a cluster.
fn single_changes(owners: &[Owner]) -> Vec<Change> {
    let gaps = gaps(owners.iter().map(|owner| owner.tokens.len()).sum());
    let places = (0..2).flat_map(|datacenter| (0..3).map(move |rack| (datacenter, rack)));
    let joins = places.flat_map(|place| gaps.clone().map(move |gap| (place, gap)));
    let mut changes: Vec<Change> = joins
        .map(|(place, gap)| Change::join(owners, JOINING, place, &[gap]))
        .collect();
    for index in 0..owners.len() {
        changes.push(Change::leave(owners, index));
        changes.push(Change::replace(owners, index));
        changes.extend(gaps.clone().map(|gap| Change::relocate(owners, index, gap)));
    }
    changes
}

/// The topology in which these members do something and all others are normal.
fn under_way(owners: &[Owner], changes: &[&Change]) -> Topology {
    let start = topology(members(owners));
    changes.iter().fold(start, |topology, change| {
        topology
            .with_member(change.member.clone())
            .expect("a change is valid")
    })
}

fn gained(before: &[u16], after: &[u16]) -> BTreeSet<u16> {
    after
        .iter()
        .copied()
        .filter(|node| !before.contains(node))
        .collect()
}

/// The tokens at which replicas can change, and their successors.
fn edges(token_count: usize) -> impl Iterator<Item = i64> {
    probes(token_count)
        .into_iter()
        .flat_map(|value| [value, value.saturating_add(1)])
}

//= WP-PR-13 check
#[test]
fn pending_replicas_of_one_change_are_those_after_it_minus_those_now() {
    let mut gains = 0_u64;
    for owners in clusters(4, 3) {
        for change in single_changes(&owners) {
            let topology = under_way(&owners, &[&change]);
            for options in all_options(3) {
                let ring = ring(&topology, &options);
                for value in edges(4) {
                    let now = oracle::replicas(&owners, &options, value);
                    let after = oracle::replicas(&change.after, &options, value);
                    assert_eq!(natural(&ring, value), now);
                    let expected: Vec<u16> = gained(&now, &after).into_iter().collect();
                    let context = || format!("{owners:?} {:?} {options:?} {value}", change.member);
                    assert_eq!(pending(&ring, value), expected, "{}", context());
                    assert!(
                        change
                            .only
                            .is_none_or(|only| expected.iter().all(|node| *node == only))
                    );
                    gains += u64::from(!expected.is_empty());
                }
            }
        }
    }
    assert!(gains > 1_000_000, "the premise is reached: {gains}");
}

/// What each change alone would bring once the leaving nodes have left.
fn expected_of_pair(
    owners: &[Owner],
    leaving: &[u16],
    changes: &[(&Change, bool)],
    options: &Options,
    value: i64,
) -> Vec<u16> {
    let stays = |owner: &&Owner| !leaving.contains(&owner.node);
    let now = oracle::replicas(owners, options, value);
    let all_left: Vec<Owner> = owners.iter().filter(stays).cloned().collect();
    let mut expected = BTreeSet::new();
    if !leaving.is_empty() {
        expected.extend(gained(&now, &oracle::replicas(&all_left, options, value)));
    }
    for (change, _) in changes.iter().filter(|(_, leaves)| !leaves) {
        let after: Vec<Owner> = change.after.iter().filter(stays).cloned().collect();
        let gained = gained(&now, &oracle::replicas(&after, options, value));
        expected.extend(
            gained
                .into_iter()
                .filter(|node| change.only.is_none_or(|only| only == *node)),
        );
    }
    expected.into_iter().collect()
}

//= WP-PR-13 check
#[test]
fn pending_replicas_of_two_changes_are_those_of_each_after_all_leaving_nodes_left() {
    for owners in clusters(4, 3).into_iter().filter(|owners| owners.len() > 1) {
        let joins = Change::join(&owners, JOINING, (0, 1), &[5, 25]);
        let joins_elsewhere = Change::join(&owners, 8, (1, 0), &[-5]);
        let leaves = Change::leave(&owners, 0);
        let leaves_too = Change::leave(&owners, 1);
        let moves = Change::relocate(&owners, 1, 15);
        let replaces = Change::replace(&owners, 1);
        let pairs: [[(&Change, bool); 2]; 7] = [
            [(&joins, false), (&joins_elsewhere, false)],
            [(&joins, false), (&leaves, true)],
            [(&moves, false), (&leaves, true)],
            [(&replaces, false), (&leaves, true)],
            [(&leaves_too, true), (&leaves, true)],
            [(&joins_elsewhere, false), (&moves, false)],
            [(&joins_elsewhere, false), (&replaces, false)],
        ];
        for pair in pairs {
            let topology = under_way(&owners, &pair.map(|(change, _)| change));
            let leaving: Vec<u16> = pair
                .iter()
                .filter(|(_, leaves)| *leaves)
                .map(|(change, _)| change.member.node.0)
                .collect();
            for options in all_options(3) {
                let ring = ring(&topology, &options);
                for value in edges(4) {
                    let expected = expected_of_pair(&owners, &leaving, &pair, &options, value);
                    assert_eq!(pending(&ring, value), expected, "{owners:?} {options:?} {value}");
                }
            }
        }
    }
}

/// Cassandra asks only for the ranges that a leaving node replicates; the others lose nothing by being asked too.
#[test]
fn a_range_that_no_leaving_node_replicates_gains_nobody() {
    for owners in clusters(5, 4) {
        for index in 0..owners.len() {
            let after = without(&owners, index);
            for options in all_options(3) {
                for value in probes(5) {
                    let now = oracle::replicas(&owners, &options, value);
                    let holds = now.contains(&owners[index].node);
                    let gained = gained(&now, &oracle::replicas(&after, &options, value));
                    assert!(holds || gained.is_empty(), "{owners:?} {options:?} {value}");
                }
            }
        }
    }
}

#[test]
fn a_normal_cluster_has_no_pending_replicas() {
    let ring = ring(
        &topology(members(&owners(&[0, 1, 2], &[(0, 0); 3]))),
        &Options::Simple(2),
    );
    for value in probes(3) {
        assert!(pending(&ring, value).is_empty());
    }
}

#[test]
fn a_joining_node_that_gains_with_another_change_is_pending_once() {
    let owners = owners(&[0, 1, 2], &[(0, 0); 3]);
    let leaves = Change::leave(&owners, 0);
    let moves = Change::relocate(&owners, 1, -5);
    let ring = ring(&under_way(&owners, &[&leaves, &moves]), &Options::Simple(1));
    assert_eq!(natural(&ring, -7), [0]);
    assert_eq!(pending(&ring, -7), [1]);
}

/// The replaced node is still counted as a node of its rack, so a replacement that stands in another rack may
/// become pending for less than it will own. Cassandra behaves so because the dead node stays a member.
#[test]
fn a_replacement_in_another_rack_is_judged_with_the_dead_node_still_counted() {
    let owners = owners(&[0, 1], &[(0, 0), (0, 1)]);
    let replacement = Owner {
        node: JOINING,
        datacenter: 0,
        rack: 0,
        tokens: vec![],
    };
    let joining = member(&replacement, MemberState::Replacing(NodeId(1)));
    let topology = topology(members(&owners)).with_member(joining).unwrap();
    let ring = ring(&topology, &Options::PerDatacenter(vec![2]));
    assert_eq!(natural(&ring, 0), [0, 1]);
    assert!(pending(&ring, 0).is_empty());
    assert_eq!(pending(&ring, 5), [JOINING]);
}

/// Only the joining node becomes pending, so a replacement in another rack lets a third node gain a range without
/// its writes.
#[test]
fn a_replacement_in_another_rack_can_leave_a_gaining_node_without_writes() {
    let owners = owners(&[0, 1, 2], &[(0, 0), (0, 1), (0, 1)]);
    let replacement = Owner {
        node: JOINING,
        datacenter: 0,
        rack: 0,
        tokens: vec![],
    };
    let joining = member(&replacement, MemberState::Replacing(NodeId(1)));
    let topology = topology(members(&owners)).with_member(joining).unwrap();
    let options = Options::PerDatacenter(vec![2]);
    let ring = ring(&topology, &options);
    let settled = [
        without(&owners, 1),
        vec![Owner {
            tokens: vec![10],
            ..replacement
        }],
    ]
    .concat();
    assert_eq!(natural(&ring, 0), [0, 1]);
    assert_eq!(oracle::replicas(&settled, &options, 0), [0, 2]);
    assert!(pending(&ring, 0).is_empty());
}

/// The first moving node is judged as if the second stayed. Operators are told to move one node at a time.
#[test]
fn two_moves_at_once_can_leave_a_gaining_node_without_writes() {
    let owners = owners(&[0, 1], &[(0, 0); 2]);
    let first = Change::relocate(&owners, 0, 15);
    let second = Change::relocate(&owners, 1, 5);
    let settled = Change::relocate(&first.after, 0, 5).after;
    let ring = ring(&under_way(&owners, &[&first, &second]), &Options::Simple(1));
    assert_eq!(oracle::replicas(&settled, &Options::Simple(1), 6), [0]);
    assert_eq!(natural(&ring, 6), [1]);
    assert!(pending(&ring, 6).is_empty());
}

/// The second moving node is judged in a ring that the first has left.
#[test]
fn a_third_node_that_gains_from_two_moves_is_pending() {
    let owners = owners(&[0, 1, 2], &[(0, 0); 3]);
    let first = Change::relocate(&owners, 0, 25);
    let second = Change::relocate(&owners, 1, 22);
    let ring = ring(&under_way(&owners, &[&first, &second]), &Options::Simple(1));
    assert_eq!(natural(&ring, 0), [0]);
    assert_eq!(pending(&ring, 0), [1, 2]);
}

#[test]
fn pending_replicas_stand_in_their_own_datacenter() {
    let owners = owners(&[0, 1], &[(0, 0), (1, 0)]);
    let change = Change::join(&owners, JOINING, (1, 2), &[5]);
    let ring = ring(
        &under_way(&owners, &[&change]),
        &Options::PerDatacenter(vec![1, 1]),
    );
    let plan = crate::cluster::plan(&ring, 5);
    assert_eq!(
        plan.in_datacenter(Datacenter(1)).intersection(plan.pending()),
        plan.pending()
    );
    assert_eq!(plan.pending().count(), 1);
}
