//! The tokens of one moment in ring order, with their owners and where those stand.
//!
//! The ring of now and the ring that each range movement leads to are values of this type; the replication
//! strategies walk over it. Cassandra: the token map of `TokenMetadata` and its `Topology`.
//! Chapter: specs/02-partitioning-and-replication.md (PR).

use alloc::vec::Vec;

use thymbra_types::Token;

use super::{Datacenter, NodeId};
use crate::replica_plan::Replica;

/// Tokens, owners and locations. A token `T` with predecessor `P` owns the tokens in `(P, T]`; the lowest
/// one also owns all above the highest.
///
/// Invariants: `owners` ascends by token without repeats; `locations` ascends by node without repeats and
/// knows every owner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TokenRing {
    owners: Vec<(Token, NodeId)>,
    /// Where the members stand. A member whose tokens were all taken over counts as a node of its datacenter.
    locations: Vec<Replica>,
}

impl TokenRing {
    /// The ring without members.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The ring of these members and their tokens.
    ///
    /// # Panics
    /// When a node or a token appears twice, a defect of the caller.
    #[must_use]
    pub fn from_members<'a>(members: impl IntoIterator<Item = (Replica, &'a [Token])>) -> Self {
        let mut ring = Self::new();
        for (member, tokens) in members {
            ring.locations.push(member);
            ring.owners
                .extend(tokens.iter().map(|token| (token.clone(), member.node)));
        }
        ring.locations.sort_unstable();
        ring.owners.sort_unstable();
        assert!(
            ring.locations.is_sorted_by(|one, next| one.node < next.node),
            "a node is a member once"
        );
        assert!(
            ring.owners.is_sorted_by(|(one, _), (next, _)| one < next),
            "a token has one owner"
        );
        ring
    }

    /// Makes a node a member that owns exactly `tokens`: it loses those that it had, and owners of `tokens`
    /// lose them to it. Cassandra: `TokenMetadata.updateNormalTokens`.
    pub fn update_normal_tokens(&mut self, member: Replica, tokens: &[Token]) {
        self.remove_endpoint(member.node);
        self.locations.push(member);
        self.locations.sort_unstable();
        self.owners.retain(|(token, _)| !tokens.contains(token));
        self.owners
            .extend(tokens.iter().map(|token| (token.clone(), member.node)));
        self.owners.sort_unstable();
        self.owners.dedup();
    }

    /// Takes a node and its tokens out, if it is there. Cassandra: `TokenMetadata.removeEndpoint`.
    pub fn remove_endpoint(&mut self, node: NodeId) {
        self.locations.retain(|member| member.node != node);
        self.owners.retain(|(_, owner)| *owner != node);
    }

    /// The owned tokens, ascending, with their owners.
    #[must_use]
    pub fn owners(&self) -> &[(Token, NodeId)] {
        &self.owners
    }

    /// The owner of the first token at or after `token`, wrapping around; none in an empty ring. Cassandra:
    /// `TokenMetadata.firstToken`.
    #[must_use]
    pub fn owner(&self, token: &Token) -> Option<NodeId> {
        self.nodes_from(token).next()
    }

    /// The owners of all tokens once around the ring from the owner of `token`; a node appears once for each
    /// of its tokens. Cassandra: `TokenMetadata.ringIterator`.
    //= WP-PR-04
    pub fn nodes_from(&self, token: &Token) -> impl Iterator<Item = NodeId> + '_ {
        let (before, from) = self
            .owners
            .split_at(self.owners.partition_point(|(owned, _)| owned < token));
        from.iter().chain(before).map(|(_, node)| *node)
    }

    /// Where a member stands.
    #[must_use]
    pub fn location(&self, node: NodeId) -> Option<Replica> {
        let index = self
            .locations
            .binary_search_by_key(&node, |member| member.node)
            .ok()?;
        self.locations.get(index).copied()
    }

    /// The members in a datacenter.
    #[must_use]
    pub fn node_count_in(&self, datacenter: Datacenter) -> usize {
        self.locations
            .iter()
            .filter(|member| member.datacenter == datacenter)
            .count()
    }

    /// The racks that hold members, in a datacenter.
    #[must_use]
    pub fn rack_count_in(&self, datacenter: Datacenter) -> usize {
        let within = self
            .locations
            .iter()
            .filter(|member| member.datacenter == datacenter);
        let mut racks: Vec<_> = within.map(|member| member.rack).collect();
        racks.sort_unstable();
        racks.dedup();
        racks.len()
    }
}
