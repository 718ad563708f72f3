//! The members of the cluster as one node knows them: names, places, tokens, and what each is about to do.
//!
//! A topology is the input of a [`Ring`](super::Ring); a change of membership is a new topology.
//! Chapter: specs/02-partitioning-and-replication.md (PR).

use alloc::string::String;
use alloc::vec::Vec;

use thymbra_types::Token;

use super::{Datacenter, NodeId, Rack, RingError, TokenRing};
use crate::replica_plan::Replica;

/// What a member is doing to its tokens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum MemberState {
    /// Owns its tokens.
    Normal,
    /// Will own its tokens, and owns nothing now.
    Bootstrapping,
    /// Will own the tokens of this dead node, which stays the owner until then; brings none of its own.
    Replacing(NodeId),
    /// Owns its tokens and is about to give all of them up (also for a node that others are removing).
    Leaving,
    /// Owns its tokens and is about to own this single one instead.
    Moving(Token),
}

/// One member.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Member {
    /// Its identity, stable over topologies.
    pub node: NodeId,
    /// Where it stands.
    pub datacenter: Datacenter,
    /// Where it stands within the datacenter.
    pub rack: Rack,
    /// Its tokens (one per virtual node) in any order; see the states.
    pub tokens: Vec<Token>,
    /// What it is doing to them.
    pub state: MemberState,
    /// Whether its host id is known here; hints are filed under it.
    pub host_id_known: bool,
}

impl Member {
    /// A member that owns its tokens and whose host id is known.
    #[must_use]
    pub fn normal(node: NodeId, datacenter: Datacenter, rack: Rack, tokens: Vec<Token>) -> Self {
        Self {
            node,
            datacenter,
            rack,
            tokens,
            state: MemberState::Normal,
            host_id_known: true,
        }
    }

    /// Where it stands.
    #[must_use]
    pub fn location(&self) -> Replica {
        Replica {
            node: self.node,
            datacenter: self.datacenter,
            rack: self.rack,
        }
    }

    /// Whether its tokens are its own now.
    #[must_use]
    pub fn owns_tokens(&self) -> bool {
        match self.state {
            MemberState::Normal | MemberState::Leaving | MemberState::Moving(_) => true,
            MemberState::Bootstrapping | MemberState::Replacing(_) => false,
        }
    }
}

/// The members and the names of their places.
///
/// Invariants: members ascend by node without repeats; no token is claimed twice (a replacing member claims
/// none); a replaced node owns tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Topology {
    datacenter_names: Vec<String>,
    rack_names: Vec<String>,
    members: Vec<Member>,
}

impl Topology {
    /// A topology of these members. Names are by number; a missing name is printed as the number.
    ///
    /// # Errors
    /// The [`RingError`] of the first invariant that does not hold.
    pub fn new(
        datacenter_names: Vec<String>,
        rack_names: Vec<String>,
        mut members: Vec<Member>,
    ) -> Result<Self, RingError> {
        members.sort_by_key(|member| member.node);
        let topology = Self {
            datacenter_names,
            rack_names,
            members,
        };
        topology.validate()?;
        Ok(topology)
    }

    /// The same topology but for one member, who is added or replaces the one of the same identity.
    ///
    /// # Errors
    /// The [`RingError`] of the first invariant that would not hold.
    pub fn with_member(mut self, member: Member) -> Result<Self, RingError> {
        self.members.retain(|known| known.node != member.node);
        self.members.push(member);
        Self::new(self.datacenter_names, self.rack_names, self.members)
    }

    /// The same topology without one member.
    ///
    /// # Errors
    /// [`RingError::NothingToReplace`] when another member is replacing it.
    pub fn without_member(mut self, node: NodeId) -> Result<Self, RingError> {
        self.members.retain(|known| known.node != node);
        Self::new(self.datacenter_names, self.rack_names, self.members)
    }

    /// The members, ascending by node.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// A member.
    #[must_use]
    pub fn member(&self, node: NodeId) -> Option<&Member> {
        self.members.iter().find(|member| member.node == node)
    }

    /// The name that operators gave to a datacenter.
    #[must_use]
    pub fn datacenter_name(&self, datacenter: Datacenter) -> Option<&str> {
        self.datacenter_names
            .get(usize::from(datacenter.0))
            .map(String::as_str)
    }

    /// The name that operators gave to a rack.
    #[must_use]
    pub fn rack_name(&self, rack: Rack) -> Option<&str> {
        self.rack_names.get(usize::from(rack.0)).map(String::as_str)
    }

    /// The ring of the members that own tokens now.
    #[must_use]
    pub fn normal_ring(&self) -> TokenRing {
        let owners = self.members.iter().filter(|member| member.owns_tokens());
        TokenRing::from_members(owners.map(|member| (member.location(), member.tokens.as_slice())))
    }

    /// The right ends of the token ranges within which neither natural nor pending replicas change: all
    /// tokens that are owned or will be, ascending.
    #[must_use]
    pub fn range_ends(&self) -> Vec<Token> {
        let mut ends: Vec<Token> = self.claimed_tokens().map(|(token, _)| token.clone()).collect();
        ends.sort_unstable();
        ends
    }

    /// Each token that a member owns or will own, with that member. What a replacing member takes over is
    /// claimed by the replaced one.
    fn claimed_tokens(&self) -> impl Iterator<Item = (&Token, NodeId)> {
        self.members.iter().flat_map(|member| {
            let target = match &member.state {
                MemberState::Moving(target) => Some(target),
                MemberState::Normal
                | MemberState::Bootstrapping
                | MemberState::Replacing(_)
                | MemberState::Leaving => None,
            };
            member
                .tokens
                .iter()
                .chain(target)
                .map(|token| (token, member.node))
        })
    }

    /// Checks the invariants.
    fn validate(&self) -> Result<(), RingError> {
        let pairs = self.members.iter().zip(self.members.iter().skip(1));
        if let Some((member, _)) = pairs.into_iter().find(|(one, next)| one.node == next.node) {
            return Err(RingError::MemberRepeated(member.node));
        }
        for member in &self.members {
            if let MemberState::Replacing(replaced) = member.state {
                self.validate_replacement(member, replaced)?;
            }
        }
        let mut claims: Vec<(&Token, NodeId)> = self.claimed_tokens().collect();
        claims.sort_unstable();
        match claims
            .iter()
            .zip(claims.iter().skip(1))
            .find(|((one, _), (next, _))| one == next)
        {
            Some((_, (_, node))) => Err(RingError::TokenRepeated(*node)),
            None => Ok(()),
        }
    }

    fn validate_replacement(&self, member: &Member, replaced: NodeId) -> Result<(), RingError> {
        if !member.tokens.is_empty() {
            return Err(RingError::ReplacementWithTokens(member.node));
        }
        match self.member(replaced) {
            Some(owner) if owner.owns_tokens() && !owner.tokens.is_empty() => Ok(()),
            Some(_) | None => Err(RingError::NothingToReplace {
                replacement: member.node,
                replaced,
            }),
        }
    }
}
