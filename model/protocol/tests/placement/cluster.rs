//! Small clusters, all of them up to renaming, and their translation for the crate under test.

use thymbra_protocol::ReplicaPlan;
use thymbra_protocol::ReplicaSet;
use thymbra_protocol::ring::{
    Datacenter, Member, MemberState, NodeId, Rack, ReplicationStrategy, Ring, Topology,
};
use thymbra_types::{Reference, Token};

use crate::oracle::{Options, Owner};

/// Tokens of rings are multiples of this, so that each gap has tokens of its own.
pub(crate) const STEP: i64 = 10;

/// A token in each gap, each ring token, and both ends of the token space.
pub(crate) fn probes(token_count: usize) -> Vec<i64> {
    let within =
        (0..=i64::try_from(token_count).expect("test rings are small") * 2).map(|half| half * STEP / 2);
    [i64::MIN, -1]
        .into_iter()
        .chain(within)
        .chain([i64::MAX])
        .collect()
}

/// Every sequence of `len` labels in which a label above the first use of all smaller ones appears: all ways to
/// split the positions into at most `labels` classes, each once.
pub(crate) fn partitions(len: usize, labels: u8) -> Vec<Vec<u8>> {
    (0..len).fold(vec![vec![]], |shorter, _| {
        let extend = |prefix: &Vec<u8>| {
            let fresh = prefix.iter().max().map_or(0, |largest| largest + 1);
            (0..labels.min(fresh + 1))
                .map(|label| [prefix.as_slice(), &[label]].concat())
                .collect::<Vec<_>>()
        };
        shorter.iter().flat_map(extend).collect()
    })
}

/// Every sequence of `len` labels below `labels`.
pub(crate) fn sequences(len: usize, labels: u8) -> Vec<Vec<u8>> {
    (0..len).fold(vec![vec![]], |shorter, _| {
        let extend = |prefix: &Vec<u8>| {
            (0..labels)
                .map(|label| [prefix.as_slice(), &[label]].concat())
                .collect::<Vec<_>>()
        };
        shorter.iter().flat_map(extend).collect()
    })
}

/// The owners of the tokens 0, 10, 20 and so on, with a place for each node.
pub(crate) fn owners(assignment: &[u8], places: &[(u8, u8)]) -> Vec<Owner> {
    let tokens_of = |node: u16| {
        let own = (0_i64..)
            .zip(assignment)
            .filter(move |(_, owner)| u16::from(**owner) == node);
        own.map(|(index, _)| index * STEP).collect()
    };
    (0..)
        .zip(places)
        .map(|(node, (datacenter, rack))| Owner {
            node,
            datacenter: *datacenter,
            rack: *rack,
            tokens: tokens_of(node),
        })
        .collect()
}

/// Every cluster of up to `max_tokens` tokens, `max_nodes` nodes, two datacenters and three racks, once up to
/// renaming nodes, datacenters and racks.
pub(crate) fn clusters(max_tokens: usize, max_nodes: u8) -> Vec<Vec<Owner>> {
    let mut all = vec![];
    for assignment in (1..=max_tokens).flat_map(|len| partitions(len, max_nodes)) {
        let node_count = usize::from(assignment.iter().max().expect("an assignment has a token") + 1);
        for datacenters in partitions(node_count, 2) {
            for racks in partitions(node_count, 3) {
                let places: Vec<(u8, u8)> = datacenters.iter().copied().zip(racks).collect();
                all.push(owners(&assignment, &places));
            }
        }
    }
    all
}

/// Every choice of options with an RF of 0 to `max_rf` for two datacenters.
pub(crate) fn all_options(max_rf: u16) -> Vec<Options> {
    let pairs =
        (0..=max_rf).flat_map(|one| (0..=max_rf).map(move |two| Options::PerDatacenter(vec![one, two])));
    (0..=max_rf).map(Options::Simple).chain(pairs).collect()
}

pub(crate) fn token(value: i64) -> Token {
    Token::Murmur3(value)
}

pub(crate) fn member(owner: &Owner, state: MemberState) -> Member {
    let tokens = owner.tokens.iter().copied().map(token).collect();
    let normal = Member::normal(
        NodeId(owner.node),
        Datacenter(owner.datacenter),
        Rack(owner.rack),
        tokens,
    );
    Member { state, ..normal }
}

pub(crate) fn members(owners: &[Owner]) -> Vec<Member> {
    owners
        .iter()
        .map(|owner| member(owner, MemberState::Normal))
        .collect()
}

pub(crate) fn topology(members: Vec<Member>) -> Topology {
    Topology::new(vec![], vec![], members).expect("the test names a valid topology")
}

pub(crate) fn strategy(options: &Options) -> ReplicationStrategy {
    match options {
        Options::Simple(rf) => ReplicationStrategy::Simple {
            replication_factor: *rf,
        },
        Options::PerDatacenter(rfs) => ReplicationStrategy::NetworkTopology {
            replication_factors: (0..).map(Datacenter).zip(rfs.iter().copied()).collect(),
        },
    }
}

pub(crate) fn ring(topology: &Topology, options: &Options) -> Ring {
    Ring::new(&Reference, topology, &strategy(options), 0).expect("small rings are accepted")
}

pub(crate) fn plan(ring: &Ring, value: i64) -> &ReplicaPlan {
    ring.plan(ring.plan_key(&token(value)))
        .expect("a key that was given out has a plan")
}

pub(crate) fn nodes(plan: &ReplicaPlan, positions: ReplicaSet) -> Vec<u16> {
    positions
        .iter()
        .map(|position| plan.node(position).expect("a member of the set is a position").0)
        .collect()
}

pub(crate) fn natural(ring: &Ring, value: i64) -> Vec<u16> {
    let plan = plan(ring, value);
    nodes(plan, plan.natural())
}

/// Ascending.
pub(crate) fn pending(ring: &Ring, value: i64) -> Vec<u16> {
    let plan = plan(ring, value);
    let mut nodes = nodes(plan, plan.pending());
    nodes.sort_unstable();
    nodes
}
