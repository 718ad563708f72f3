//! A set of replicas of one write, as positions of its [`ReplicaPlan`](crate::ReplicaPlan).
//!
//! Every write handler keeps several of these (acknowledged, failed, hinted), so the set is one machine word:
//! copying, comparing and hashing it costs nothing. A plan holds at most 64 replicas for this reason.
//! Chapter: specs/03-coordination.md (CO).

use core::fmt;

/// The number of positions that a set can hold.
pub const MAX_REPLICAS: usize = 64;

/// A set of positions `0..=63` of one replica plan; it means nothing without that plan.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ReplicaSet(u64);

impl ReplicaSet {
    /// The set without positions, also the default.
    pub const EMPTY: Self = Self(0);

    /// The set of one position.
    ///
    /// # Panics
    /// When `position` is above 63, a defect of the caller.
    #[must_use]
    pub const fn single(position: u8) -> Self {
        assert!(position < 64, "a replica plan has positions 0 to 63");
        Self(1 << position)
    }

    /// The positions `0..count`.
    ///
    /// # Panics
    /// When `count` is above 64, a defect of the caller.
    #[must_use]
    pub const fn first(count: usize) -> Self {
        assert!(count <= MAX_REPLICAS, "a replica plan has at most 64 replicas");
        if count == 0 {
            Self::EMPTY
        } else {
            Self(u64::MAX >> (MAX_REPLICAS - count))
        }
    }

    /// The set whose bit `n` stands for position `n`; the inverse of [`bits`](Self::bits).
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Bit `n` is one exactly when position `n` is a member.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whether `position` is a member; never for positions above 63.
    #[must_use]
    pub const fn contains(self, position: u8) -> bool {
        position < 64 && self.0 & (1 << position) != 0
    }

    /// Adds a position and says whether it was missing before.
    ///
    /// # Panics
    /// When `position` is above 63, a defect of the caller.
    pub const fn insert(&mut self, position: u8) -> bool {
        let missing = !self.contains(position);
        *self = self.with(position);
        missing
    }

    /// Takes a position out and says whether it was a member before.
    pub const fn remove(&mut self, position: u8) -> bool {
        let present = self.contains(position);
        *self = self.without(position);
        present
    }

    /// This set and `position`.
    ///
    /// # Panics
    /// When `position` is above 63, a defect of the caller.
    #[must_use]
    pub const fn with(self, position: u8) -> Self {
        self.union(Self::single(position))
    }

    /// This set without `position`, which may be absent.
    #[must_use]
    pub const fn without(self, position: u8) -> Self {
        if self.contains(position) {
            self.difference(Self::single(position))
        } else {
            self
        }
    }

    /// Positions in either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Positions in both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Positions in this set and not in `other`.
    #[must_use]
    pub const fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether every member is in `other` too.
    #[must_use]
    pub const fn is_subset(self, other: Self) -> bool {
        self.difference(other).is_empty()
    }

    /// The number of members, `0..=64`.
    #[must_use]
    pub const fn count(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether there is no member.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The smallest member.
    #[must_use]
    pub fn lowest(self) -> Option<u8> {
        self.iter().next()
    }

    /// The members, ascending.
    #[must_use]
    pub const fn iter(self) -> Positions {
        Positions(self)
    }
}

impl IntoIterator for ReplicaSet {
    type Item = u8;
    type IntoIter = Positions;

    fn into_iter(self) -> Positions {
        self.iter()
    }
}

impl FromIterator<u8> for ReplicaSet {
    fn from_iter<I: IntoIterator<Item = u8>>(positions: I) -> Self {
        positions.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl fmt::Debug for ReplicaSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(*self).finish()
    }
}

/// The members of a [`ReplicaSet`] that were not yet visited, ascending.
#[derive(Clone, Debug)]
pub struct Positions(ReplicaSet);

impl Iterator for Positions {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        if self.0.is_empty() {
            return None;
        }
        let position =
            u8::try_from(self.0.bits().trailing_zeros()).expect("a bit of 64 has a number below 64");
        self.0.remove(position);
        Some(position)
    }
}
