//! P1: which nodes hold a token.

use std::collections::BTreeSet;

use thymbra_protocol::{Datacenter, NodeId, Rack, Replica, TokenRing};
use thymbra_types::Token;

use super::{Cases, LawReport};
use crate::system::DynRules;

pub(super) const DOMAIN: &str = "rings of 1-4 nodes with a token each in every assignment to 2 data centres and \
     2 racks, every token of the ring and one between, RF 0-3 in each data centre";

pub(super) fn check(rules: &DynRules) -> LawReport {
    let mut cases = Cases::default();
    // The enumeration ends at the first case that fails; the report holds it.
    let _ = (1..=4_u32).try_for_each(|nodes| {
        (0..4_u32.pow(nodes)).try_for_each(|places| check_ring(rules, &members(nodes, places), &mut cases))
    });
    cases.report()
}

/// Node k has token 10 (k + 1) and one of four places.
fn members(nodes: u32, places: u32) -> Vec<Replica> {
    (0..nodes)
        .map(|node| {
            let place = u8::try_from(places / 4_u32.pow(node) % 4).expect("below 4");
            let node = NodeId(u16::try_from(node).expect("below 4"));
            Replica {
                node,
                datacenter: Datacenter(place / 2),
                rack: Rack(place % 2),
            }
        })
        .collect()
}

fn token_of(index: usize) -> i64 {
    10 * (i64::try_from(index).expect("a small ring") + 1)
}

fn check_ring(rules: &DynRules, members: &[Replica], cases: &mut Cases) -> Result<(), ()> {
    let mut ring = TokenRing::new();
    for (index, member) in members.iter().enumerate() {
        ring.update_normal_tokens(*member, &[Token::Murmur3(token_of(index))]);
    }
    for key in (0..=members.len()).flat_map(|index| [token_of(index) - 5, token_of(index)]) {
        let token = Token::Murmur3(key);
        // Clockwise from the first token that is not smaller.
        let first = (0..members.len())
            .find(|index| token_of(*index) >= key)
            .unwrap_or(0);
        let clockwise: Vec<Replica> = members
            .iter()
            .cycle()
            .skip(first)
            .take(members.len())
            .copied()
            .collect();
        for factor in 1..=4_u16 {
            let expected: Vec<NodeId> = clockwise
                .iter()
                .take(usize::from(factor))
                .map(|member| member.node)
                .collect();
            let placed = rules.simple_strategy(&ring, &token, factor);
            cases.expect(placed == expected, || {
                format!("SimpleStrategy RF {factor} puts token {key} on {placed:?}, not on {expected:?}: {members:?}")
            })?;
        }
        for factors in (0..16_u16).map(|code| [code % 4, code / 4]) {
            let options = [(Datacenter(0), factors[0]), (Datacenter(1), factors[1])];
            let placed = rules.network_topology_strategy(&ring, &token, &options);
            cases.expect(keeps_promise(&placed, members, factors), || {
                format!("NetworkTopologyStrategy RF {factors:?} puts token {key} on {placed:?}: {members:?}")
            })?;
        }
    }
    Ok(())
}

/// Distinct nodes, min(RF, nodes) of each data centre, no rack twice unless every rack of the data centre is used.
fn keeps_promise(placed: &[NodeId], members: &[Replica], factors: [u16; 2]) -> bool {
    let distinct: BTreeSet<&NodeId> = placed.iter().collect();
    let each = (0_u8..).zip(factors).all(|(datacenter, factor)| {
        let here: Vec<&Replica> = members
            .iter()
            .filter(|member| member.datacenter.0 == datacenter)
            .collect();
        let taken: Vec<&&Replica> = here
            .iter()
            .filter(|member| placed.contains(&member.node))
            .collect();
        let racks: BTreeSet<u8> = here.iter().map(|member| member.rack.0).collect();
        let used: BTreeSet<u8> = taken.iter().map(|member| member.rack.0).collect();
        taken.len() == here.len().min(usize::from(factor)) && (used.len() == taken.len() || used == racks)
    });
    distinct.len() == placed.len() && each
}
