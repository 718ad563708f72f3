//! Positions on the ring.
//!
//! A partition key becomes a token once, at the coordinator; from then on replicas, memtables and
//! SSTables order by it. Chapter: `specs/02-partitioning-and-replication.md`.

use alloc::boxed::Box;
use core::fmt;

/// A position on the ring, of the kind that the cluster's partitioner makes.
///
/// Tokens of two partitioners never meet in one cluster; their order among each other only makes
/// the type totally ordered. Cassandra: `dht.Token`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Token {
    /// Signed 64-bit hash; the minimum belongs to no key but the empty one. Cassandra: `LongToken`.
    Murmur3(i64),
    /// Absolute value of an MD5 digest. Cassandra: `BigIntegerToken`.
    Random(RandomToken),
    /// The key bytes themselves, ordered as unsigned bytes. Cassandra: `BytesToken`.
    ByteOrdered(Box<[u8]>),
}

/// Token of the `RandomPartitioner`: an integer from -1 to 2^127, both included.
///
/// Held as the distance from -1, because 2^127 exceeds `i128`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(from = "u128", into = "u128"))]
pub struct RandomToken {
    /// Big-endian, ordered as the number is. An integer would align every key in memory to its 16 bytes.
    distance_from_minimum: [u8; 16],
}

impl From<u128> for RandomToken {
    /// The token so far from -1.
    fn from(distance_from_minimum: u128) -> Self {
        Self {
            distance_from_minimum: distance_from_minimum.to_be_bytes(),
        }
    }
}

impl From<RandomToken> for u128 {
    /// How far the token is from -1.
    fn from(token: RandomToken) -> Self {
        Self::from_be_bytes(token.distance_from_minimum)
    }
}

impl RandomToken {
    /// The token -1, which no digest has.
    pub const MINIMUM: Self = Self {
        distance_from_minimum: [0; 16],
    };

    /// The token whose value is the absolute value of a digest read as a signed integer.
    #[must_use]
    //= WP-PR-02
    pub const fn from_digest(digest: i128) -> Self {
        // The absolute value is at most 2^127, so adding one stays far below 2^128.
        Self {
            distance_from_minimum: (digest.unsigned_abs() + 1).to_be_bytes(),
        }
    }
}

impl fmt::Display for RandomToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match u128::from(*self).checked_sub(1) {
            Some(value) => write!(formatter, "{value}"),
            None => formatter.write_str("-1"),
        }
    }
}

impl fmt::Display for Token {
    /// Decimal for hashed tokens, lower-case hexadecimal for byte ordered ones, as nodetool shows them.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Murmur3(token) => write!(formatter, "{token}"),
            Self::Random(token) => write!(formatter, "{token}"),
            Self::ByteOrdered(bytes) => bytes.iter().try_for_each(|byte| write!(formatter, "{byte:02x}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn murmur3_tokens_order_as_signed_integers() {
        assert!(Token::Murmur3(-1) < Token::Murmur3(0));
        assert!(Token::Murmur3(i64::MIN) < Token::Murmur3(-1));
    }

    //= WP-PR-03 check
    #[test]
    fn byte_ordered_tokens_order_as_unsigned_bytes_shorter_first() {
        let token = |bytes: &[u8]| Token::ByteOrdered(bytes.into());
        let sorted = [
            token(&[]),
            token(&[0]),
            token(&[0, 0]),
            token(&[0x7f]),
            token(&[0x80]),
            token(&[0xff]),
        ];
        assert!(sorted.is_sorted_by(|left, right| left < right));
    }

    //= WP-PR-02 check
    #[test]
    fn random_token_covers_minus_one_to_two_to_the_127th() {
        let smallest = RandomToken::from_digest(0);
        let largest = RandomToken::from_digest(i128::MIN);
        assert!(RandomToken::MINIMUM < smallest && smallest < largest);
        assert_eq!(RandomToken::MINIMUM.to_string(), "-1");
        assert_eq!(smallest.to_string(), "0");
        assert_eq!(largest.to_string(), "170141183460469231731687303715884105728");
        assert_eq!(RandomToken::from_digest(-7), RandomToken::from_digest(7));
    }

    #[test]
    fn tokens_print_as_nodetool_prints_them() {
        assert_eq!(Token::Murmur3(-9).to_string(), "-9");
        assert_eq!(Token::Random(RandomToken::from_digest(12)).to_string(), "12");
        assert_eq!(Token::ByteOrdered([0x0a, 0xff].into()).to_string(), "0aff");
    }
}
