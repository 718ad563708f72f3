//! The nodes that are about to become replicas: they get writes now, so that nothing is missing when they serve
//! reads. Cassandra: `TokenMetadata.calculatePendingRanges`.
//!
//! Each movement under way is taken as if it alone were to finish, after all leaving nodes have left; of several
//! moving nodes, those before it in the order of nodes have left too. Where two nodes move at once, Cassandra takes
//! them in the order of a hash set and looks for gains near the moving node only; one move at a time is the same.
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
    /// The movements under way in a topology: all leaving nodes as one, then each joining node, then each moving
    /// node.
    #[must_use]
    //= WP-PR-13
    pub fn under_way(topology: &Topology) -> Vec<Self> {
        let mut movements = Vec::new();
        let mut all_left = topology.normal_ring();
        for member in topology
            .members()
            .iter()
            .filter(|member| member.state == MemberState::Leaving)
        {
            all_left.remove_endpoint(member.node);
            movements = Vec::from([Self {
                ring: all_left.clone(),
                joining: None,
            }]);
        }
        for member in topology.members() {
            if let Some(tokens) = joining_tokens(topology, member) {
                let mut ring = all_left.clone();
                ring.update_normal_tokens(member.location(), tokens);
                movements.push(Self {
                    ring,
                    joining: Some(member.node),
                });
            }
        }
        for member in topology.members() {
            if let MemberState::Moving(target) = &member.state {
                let mut ring = all_left.clone();
                ring.update_normal_tokens(member.location(), core::slice::from_ref(target));
                movements.push(Self { ring, joining: None });
                all_left.remove_endpoint(member.node);
            }
        }
        movements
    }
}

/// What a member that is joining will own.
fn joining_tokens<'a>(topology: &'a Topology, member: &'a Member) -> Option<&'a [Token]> {
    match &member.state {
        MemberState::Normal | MemberState::Leaving | MemberState::Moving(_) => None,
        MemberState::Bootstrapping => Some(&member.tokens),
        MemberState::Replacing(replaced) => Some(
            &topology
                .member(*replaced)
                .expect("a replaced node is a member")
                .tokens,
        ),
    }
}

/// The body of [`ReplicationRules::pending_replicas`].
//= WP-PR-13
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
