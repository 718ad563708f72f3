//! Partition keys with their place on the ring.
//!
//! Made once by the coordinator; memtables, SSTables and repair keep this order. Chapter:
//! `specs/01-data-model.md`.

use crate::partitioner::Partitioner;
use crate::token::Token;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};

/// Keys up to this length need no memory of their own, bytes: text, numbers, UUIDs.
const INLINE_BYTES: usize = 22;

/// A partition key and its token; ordered by token, then by the key's bytes, unsigned.
///
/// Invariant: the token is the one that the cluster's partitioner gives the key.
/// Cassandra: `db.DecoratedKey`.
// The derived order compares the fields as they stand.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct DecoratedKey {
    token: Token,
    key: KeyBytes,
}

// Maps of keys are most of a memtable's memory, and of the time to go over it.
const _: () = assert!(size_of::<DecoratedKey>() <= 48);

/// The bytes of a key; compares and hashes as they do.
#[derive(Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(from = "Box<[u8]>", into = "Box<[u8]>"))]
pub struct KeyBytes(Storage);

/// Invariant: a key has one form, by its length.
#[derive(Clone)]
enum Storage {
    Inline { length: u8, bytes: [u8; INLINE_BYTES] },
    Allocated(Box<[u8]>),
}

impl KeyBytes {
    const fn as_slice(&self) -> &[u8] {
        match &self.0 {
            Storage::Inline { length, bytes } => bytes.split_at(*length as usize).0,
            Storage::Allocated(bytes) => bytes,
        }
    }

    /// The inline form, if it is that short.
    fn inline(key: &[u8]) -> Option<Self> {
        let mut bytes = [0; INLINE_BYTES];
        bytes.get_mut(..key.len())?.copy_from_slice(key);
        let length = u8::try_from(key.len()).ok()?;
        Some(Self(Storage::Inline { length, bytes }))
    }
}

impl From<&[u8]> for KeyBytes {
    fn from(key: &[u8]) -> Self {
        Self::inline(key).unwrap_or_else(|| Self(Storage::Allocated(key.into())))
    }
}

impl<const N: usize> From<[u8; N]> for KeyBytes {
    fn from(key: [u8; N]) -> Self {
        Self::from(key.as_slice())
    }
}

impl From<Box<[u8]>> for KeyBytes {
    fn from(key: Box<[u8]>) -> Self {
        Self::inline(&key).unwrap_or(Self(Storage::Allocated(key)))
    }
}

impl From<Vec<u8>> for KeyBytes {
    fn from(key: Vec<u8>) -> Self {
        Self::inline(&key).unwrap_or_else(|| Self(Storage::Allocated(key.into())))
    }
}

impl From<KeyBytes> for Box<[u8]> {
    fn from(key: KeyBytes) -> Self {
        match key.0 {
            Storage::Inline { .. } => key.as_slice().into(),
            Storage::Allocated(bytes) => bytes,
        }
    }
}

impl fmt::Debug for KeyBytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(formatter)
    }
}

impl PartialEq for KeyBytes {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for KeyBytes {}

impl PartialOrd for KeyBytes {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for KeyBytes {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_slice().cmp(other.as_slice())
    }
}

impl Hash for KeyBytes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_slice().hash(state);
    }
}

impl DecoratedKey {
    /// Decorates serialized key bytes. Cassandra: `IPartitioner.decorateKey`.
    #[must_use]
    pub fn new(partitioner: Partitioner, key: impl Into<KeyBytes>) -> Self {
        let key = key.into();
        Self {
            token: partitioner.token(key.as_slice()),
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
        self.key.as_slice()
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
        let long = |last: u8| colliding(&[&[0x7f; INLINE_BYTES], [last].as_slice()].concat());
        assert!(colliding(&[0x7f; INLINE_BYTES]) < long(0) && long(0x7f) < long(0x80));
        assert!(long(0) < colliding(&[0x80]));
    }

    #[test]
    fn keys_of_any_length_and_origin_are_their_bytes() {
        for length in [0, 1, INLINE_BYTES - 1, INLINE_BYTES, INLINE_BYTES + 1, 1_000] {
            let bytes =
                Vec::from_iter((0..length).map(|index| u8::try_from(index % 256).expect("below 256")));
            let key = KeyBytes::from(bytes.as_slice());
            assert_eq!(key.as_slice(), bytes);
            assert_eq!(key, KeyBytes::from(bytes.clone()));
            assert_eq!(key, KeyBytes::from(bytes.clone().into_boxed_slice()));
            assert_eq!(Box::from(key), bytes.into_boxed_slice());
        }
    }
}
