//! Natural replicas: property P1.

use std::collections::BTreeSet;

use quickcheck::quickcheck;
use thymbra_protocol::Replica;
use thymbra_protocol::ring::{
    Datacenter, NodeId, Rack, ReplicationRules, ReplicationStrategy, Ring, TokenRing,
};
use thymbra_types::{Reference, Token};

use crate::cluster::{
    all_options, clusters, members, natural, owners, plan, probes, ring, sequences, strategy, token, topology,
};
use crate::oracle::{self, Options, Owner};

/// The most tokens in the exhaustive rings.
const MAX_TOKENS: usize = 6;

fn at(datacenter: u8, rack: u8, tokens: &[i64]) -> Owner {
    Owner {
        node: 0,
        datacenter,
        rack,
        tokens: tokens.to_vec(),
    }
}

/// Numbers the owners in the order given.
fn numbered(owners: Vec<Owner>) -> Vec<Owner> {
    (0..)
        .zip(owners)
        .map(|(node, owner)| Owner { node, ..owner })
        .collect()
}

//= WP-PR-04 check
//= WP-PR-05 check
//= WP-PR-06 check
#[test]
fn replicas_are_those_of_the_property_on_every_small_ring() {
    let mut checked = 0_u64;
    for owners in clusters(MAX_TOKENS, 4) {
        let topology = topology(members(&owners));
        for options in all_options(5) {
            let ring = ring(&topology, &options);
            for value in probes(MAX_TOKENS) {
                let expected = oracle::replicas(&owners, &options, value);
                assert_eq!(natural(&ring, value), expected, "{owners:?} {options:?} {value}");
                checked += 1;
            }
        }
    }
    assert_eq!(checked, 11_186 * 42 * 16, "rings, options and tokens");
}

//= WP-PR-11 check
#[test]
fn names_of_nodes_datacenters_and_racks_do_not_matter() {
    let places = sequences(2, 2)
        .into_iter()
        .map(|place| (place[0], place[1]))
        .collect::<Vec<_>>();
    for assignment in (1..=4).flat_map(|len| sequences(len, 3)) {
        for choice in sequences(3, 4) {
            let places: Vec<(u8, u8)> = choice.iter().map(|place| places[usize::from(*place)]).collect();
            let owners = owners(&assignment, &places);
            let topology = topology(members(&owners));
            for options in all_options(3) {
                let ring = ring(&topology, &options);
                for value in probes(4) {
                    let expected = oracle::replicas(&owners, &options, value);
                    assert_eq!(natural(&ring, value), expected, "{owners:?} {options:?} {value}");
                }
            }
        }
    }
}

//= WP-PR-06 check
#[test]
fn each_datacenter_gets_its_factor_or_all_its_nodes() {
    for owners in clusters(5, 4) {
        let topology = topology(members(&owners));
        for rf in 0..=5 {
            let ring = ring(&topology, &Options::PerDatacenter(vec![rf, 1]));
            for value in probes(5) {
                let plan = plan(&ring, value);
                for (datacenter, rf) in [(0, rf), (1, 1)] {
                    let node_count = owners
                        .iter()
                        .filter(|owner| owner.datacenter == datacenter)
                        .count();
                    let replica_count = plan.in_datacenter(Datacenter(datacenter)).count();
                    assert_eq!(
                        replica_count,
                        node_count.min(usize::from(rf)),
                        "{owners:?} {rf} {value}"
                    );
                }
            }
        }
    }
}

//= WP-PR-06 check
#[test]
fn a_rack_holds_two_replicas_only_if_every_rack_holds_one() {
    for owners in clusters(MAX_TOKENS, 4) {
        let topology = topology(members(&owners));
        let racks_of = |datacenter| {
            let here = owners.iter().filter(move |owner| owner.datacenter == datacenter);
            here.map(|owner| Rack(owner.rack)).collect::<BTreeSet<_>>()
        };
        for rf in 0..=5 {
            let ring = ring(&topology, &Options::PerDatacenter(vec![rf, rf]));
            for value in probes(MAX_TOKENS) {
                let plan = plan(&ring, value);
                for datacenter in [0, 1] {
                    let positions = plan.in_datacenter(Datacenter(datacenter));
                    let used: BTreeSet<Rack> = positions
                        .iter()
                        .map(|position| plan.replica(position).unwrap().rack)
                        .collect();
                    let repeats = positions.count() > used.len();
                    assert!(
                        !repeats || used == racks_of(datacenter),
                        "{owners:?} {rf} {value}"
                    );
                }
            }
        }
    }
}

//= WP-PR-07 check
#[test]
fn a_rack_repeat_is_taken_before_the_other_racks_are_seen() {
    let owners = numbered(vec![
        at(0, 0, &[0]),
        at(0, 0, &[10]),
        at(0, 0, &[20]),
        at(0, 1, &[30]),
    ]);
    let ring = ring(&topology(members(&owners)), &Options::PerDatacenter(vec![3]));
    assert_eq!(natural(&ring, 0), [0, 1, 3]);
}

#[test]
fn equal_rack_numbers_in_two_datacenters_are_two_racks() {
    let owners = numbered(vec![
        at(0, 0, &[0]),
        at(1, 0, &[10]),
        at(1, 1, &[20]),
        at(0, 1, &[30]),
    ]);
    let ring = ring(&topology(members(&owners)), &Options::PerDatacenter(vec![1, 1]));
    assert_eq!(natural(&ring, 0), [0, 1]);
}

#[test]
fn a_member_without_tokens_counts_as_a_node_and_holds_nothing() {
    let owners = numbered(vec![at(0, 0, &[0]), at(0, 0, &[10]), at(0, 1, &[])]);
    let topology = topology(members(&owners));
    assert_eq!(natural(&ring(&topology, &Options::Simple(3)), 0), [0, 1]);
    // Its rack leaves no room for a repeat, as in Cassandra.
    assert_eq!(
        natural(&ring(&topology, &Options::PerDatacenter(vec![2])), 0),
        [0]
    );
}

//= WP-PR-04 check
#[test]
fn ranges_are_open_on_the_left_and_closed_on_the_right_and_wrap_around() {
    let owners = numbered(vec![at(0, 0, &[-10]), at(0, 0, &[10])]);
    let ring = ring(&topology(members(&owners)), &Options::Simple(1));
    let owned = |value| natural(&ring, value)[0];
    assert_eq!([i64::MIN, -11, -10].map(owned), [0, 0, 0]);
    assert_eq!([-9, 0, 10].map(owned), [1, 1, 1]);
    assert_eq!([11, i64::MAX].map(owned), [0, 0]);
}

//= WP-PR-08 check
#[test]
fn vnodes_of_one_node_count_once() {
    let owners = numbered(vec![at(0, 0, &[0, 10, 30]), at(0, 1, &[20, 40])]);
    let topology = topology(members(&owners));
    assert_eq!(natural(&ring(&topology, &Options::Simple(2)), 0), [0, 1]);
    assert_eq!(
        natural(&ring(&topology, &Options::PerDatacenter(vec![2])), 11),
        [1, 0]
    );
}

#[test]
fn local_strategy_names_the_local_node_for_every_token() {
    let owners = numbered(vec![at(0, 0, &[0]), at(1, 0, &[10])]);
    let local = ReplicationStrategy::Local { node: NodeId(1) };
    let ring = Ring::new(&Reference, &topology(members(&owners)), &local, 0).unwrap();
    for value in probes(2) {
        assert_eq!(natural(&ring, value), [1]);
    }
    assert_eq!(plan(&ring, 0).replication_factor(), 1);
}

#[test]
fn other_partitioners_place_by_the_order_of_their_tokens() {
    let bytes = |bytes: &[u8]| Token::ByteOrdered(bytes.into());
    let stands = |node| Replica {
        node: NodeId(node),
        datacenter: Datacenter(0),
        rack: Rack(0),
    };
    let low = [bytes(&[0x10])];
    let high = [bytes(&[0x80, 0])];
    let ring = TokenRing::from_members([(stands(0), low.as_slice()), (stands(1), high.as_slice())]);
    let owned = |token: &[u8]| ring.owner(&bytes(token)).unwrap().0;
    assert_eq!(
        [
            owned(&[]),
            owned(&[0x10]),
            owned(&[0x10, 0]),
            owned(&[0x80]),
            owned(&[0x80, 1])
        ],
        [0, 0, 1, 1, 0]
    );
}

#[test]
fn an_empty_ring_has_no_replicas() {
    let ring = TokenRing::new();
    assert_eq!(ring.owner(&token(0)), None);
    for options in all_options(1) {
        assert_eq!(
            Reference.natural_replicas(&strategy(&options), &ring, &token(0)),
            []
        );
    }
}

/// Owners from arbitrary bytes: a place for each node, a node for each distinct token.
fn arbitrary_owners(places: &[(u8, u8)], tokens: &[(i64, u8)]) -> Vec<Owner> {
    let mut owners: Vec<Owner> = numbered(
        places
            .iter()
            .map(|(one, two)| at(one % 3, two % 4, &[]))
            .collect(),
    );
    let tokens: std::collections::BTreeMap<i64, u8> = tokens.iter().copied().collect();
    for (token, choice) in tokens {
        let count = owners.len();
        owners[usize::from(choice) % count].tokens.push(token);
    }
    owners
}

quickcheck! {
    fn larger_rings_satisfy_the_property(
        places: Vec<(u8, u8)>, tokens: Vec<(i64, u8)>, rfs: (u8, u8, u8), values: Vec<i64>
    ) -> bool {
        if places.is_empty() || tokens.is_empty() {
            return true;
        }
        let owners = arbitrary_owners(&places, &tokens);
        let topology = topology(members(&owners));
        let rf = |byte: u8| u16::from(byte % 6);
        let per_datacenter = Options::PerDatacenter(vec![rf(rfs.0), rf(rfs.1), rf(rfs.2)]);
        let token_values = tokens.iter().map(|(value, _)| *value);
        let values: Vec<i64> = values.into_iter().chain(token_values).collect();
        [per_datacenter, Options::Simple(rf(rfs.0))].iter().all(|options| {
            let ring = ring(&topology, options);
            values.iter().all(|value| natural(&ring, *value) == oracle::replicas(&owners, options, *value))
        })
    }

    fn the_order_in_which_members_and_tokens_are_named_does_not_matter(
        places: Vec<(u8, u8)>, tokens: Vec<(i64, u8)>, rf: u8
    ) -> bool {
        if places.is_empty() || tokens.is_empty() {
            return true;
        }
        let owners = arbitrary_owners(&places, &tokens);
        let mut reversed = owners.clone();
        reversed.reverse();
        for owner in &mut reversed {
            owner.tokens.reverse();
        }
        let options = Options::PerDatacenter(vec![u16::from(rf % 5), 2, 1]);
        ring(&topology(members(&owners)), &options) == ring(&topology(members(&reversed)), &options)
    }
}
