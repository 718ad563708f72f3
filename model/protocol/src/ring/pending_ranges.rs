//! The nodes that are about to become replicas: they get writes now, so that nothing is missing when they serve
//! reads. Cassandra: `TokenMetadata.calculatePendingRanges`.
//!
//! Each movement under way is taken as if it alone were to finish, after all leaving nodes have left.
//! Chapter: specs/02-partitioning-and-replication.md (PR).

use alloc::vec::Vec;

use thymbra_types::Token;

use super::{Member, MemberState, NodeId, ReplicationRules, ReplicationStrategy, TokenRing, Topology};

/// The ring that one movement leads to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RangeMovement {
    /// The members and tokens after all leaving nodes have left and this movement has finished.
    pub ring: TokenRing,
    /// The joining node, which alone becomes pending; none when every node that gains a range does.
    pub joining: Option<NodeId>,
}

impl RangeMovement {
    /// The movements under way in a topology: all leaving nodes as one, then each joining and each moving node.
    #[must_use]
    pub fn under_way(topology: &Topology) -> Vec<Self> {
        let leaving = || {
            topology
                .members()
                .iter()
                .filter(|member| member.state == MemberState::Leaving)
        };
        let mut all_left = topology.normal_ring();
        for member in leaving() {
            all_left.remove_endpoint(member.node);
        }
        let departure = leaving().next().map(|_| Self {
            ring: all_left.clone(),
            joining: None,
        });
        let others = topology
            .members()
            .iter()
            .filter_map(|member| Self::of_member(topology, &all_left, member));
        departure.into_iter().chain(others).collect()
    }

    /// What a joining or moving member does to the ring without the leaving ones.
    fn of_member(topology: &Topology, all_left: &TokenRing, member: &Member) -> Option<Self> {
        let (tokens, joining) = match &member.state {
            MemberState::Normal | MemberState::Leaving => return None,
            MemberState::Bootstrapping => (member.tokens.as_slice(), Some(member.node)),
            MemberState::Replacing(replaced) => {
                let owner = topology.member(*replaced).expect("a replaced node is a member");
                (owner.tokens.as_slice(), Some(member.node))
            }
            MemberState::Moving(target) => (core::slice::from_ref(target), None),
        };
        let mut ring = all_left.clone();
        ring.update_normal_tokens(member.location(), tokens);
        Some(Self { ring, joining })
    }
}

/// The body of [`ReplicationRules::pending_replicas`].
pub(super) fn gaining_nodes<R: ReplicationRules + ?Sized>(
    rules: &R,
    strategy: &ReplicationStrategy,
    movements: &[RangeMovement],
    token: &Token,
    natural: &[NodeId],
) -> Vec<NodeId> {
    let mut pending = Vec::new();
    for movement in movements {
        for node in rules.natural_replicas(strategy, &movement.ring, token) {
            let moves = movement.joining.is_none_or(|joining| joining == node);
            if moves && !natural.contains(&node) && !pending.contains(&node) {
                pending.push(node);
            }
        }
    }
    pending
}
