//! Partition keys with their place on the ring.
//!
//! Made once by the coordinator; memtables, SSTables and repair keep this order. Chapter:
//! `specs/01-data-model.md`.

use crate::partitioner::Partitioner;
use crate::token::Token;
use alloc::boxed::Box;

/// A partition key and its token; ordered by token, then by the key's bytes, unsigned.
///
/// Invariant: the token is the one that the cluster's partitioner gives the key.
/// Cassandra: `db.DecoratedKey`.
// The derived order compares the fields as they stand.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct DecoratedKey {
    token: Token,
    key: Box<[u8]>,
}

impl DecoratedKey {
    /// Decorates serialized key bytes. Cassandra: `IPartitioner.decorateKey`.
    #[must_use]
    pub fn new(partitioner: Partitioner, key: impl Into<Box<[u8]>>) -> Self {
        let key = key.into();
        Self {
            token: partitioner.token(&key),
            key,
        }
    }

    /// Place on the ring.
    #[must_use]
    pub const fn token(&self) -> &Token {
        &self.token
    }

    /// Serialized partition key, as clients and files have it.
    #[must_use]
    pub const fn key(&self) -> &[u8] {
        &self.key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_carries_its_token_and_bytes() {
        let key = DecoratedKey::new(Partitioner::Murmur3, *b"key");
        assert_eq!(key.token(), &Token::Murmur3(-6_847_573_755_651_342_660));
        assert_eq!(key.key(), b"key");
    }

    #[test]
    fn keys_order_by_token_before_bytes() {
        let first = DecoratedKey::new(Partitioner::Murmur3, *b"a");
        let second = DecoratedKey::new(Partitioner::Murmur3, *b"123");
        assert!(
            first < second,
            "token -8839… stands before -7468… although the bytes do not"
        );
    }

    #[test]
    fn keys_of_one_token_order_by_unsigned_bytes() {
        let colliding = |key: &[u8]| DecoratedKey {
            token: Token::Murmur3(5),
            key: key.into(),
        };
        assert!(colliding(&[0x7f]) < colliding(&[0x80]));
        assert!(colliding(&[0x7f]) < colliding(&[0x7f, 0]));
    }
}
