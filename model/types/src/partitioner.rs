//! From partition key to token.
//!
//! The first decision about a write: which place on the ring its key has. Chapter:
//! `specs/02-partitioning-and-replication.md`. Source: Cassandra `dht.IPartitioner`.

use crate::md5::md5;
use crate::murmur3::hash3_x64_128;
use crate::token::{RandomToken, Token};

/// How a cluster turns partition keys into tokens; the same on all nodes, for ever.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Partitioner {
    /// Cassandra: `Murmur3Partitioner`, the default.
    #[default]
    Murmur3,
    /// MD5. Cassandra: `RandomPartitioner`.
    Random,
    /// The key itself. Cassandra: `ByteOrderedPartitioner`.
    ByteOrdered,
}

impl Partitioner {
    /// The token of a partition key; the empty key has the minimum token.
    #[must_use]
    pub fn token(self, key: &[u8]) -> Token {
        if key.is_empty() {
            return self.minimum_token();
        }
        match self {
            Self::Murmur3 => {
                //= WP-PR-01
                let [h1, _] = hash3_x64_128(key);
                Token::Murmur3(normalise(h1.cast_signed()))
            }
            Self::Random => Token::Random(RandomToken::from_digest(i128::from_be_bytes(md5(key)))),
            //= WP-PR-03
            Self::ByteOrdered => Token::ByteOrdered(key.into()),
        }
    }

    /// The token before every other; no key but the empty one has it.
    #[must_use]
    pub fn minimum_token(self) -> Token {
        match self {
            Self::Murmur3 => Token::Murmur3(i64::MIN),
            Self::Random => Token::Random(RandomToken::MINIMUM),
            Self::ByteOrdered => Token::ByteOrdered([].into()),
        }
    }
}

/// Keeps the minimum free for the ring itself. Cassandra: `Murmur3Partitioner.normalize`.
fn normalise(hash: i64) -> i64 {
    if hash == i64::MIN { i64::MAX } else { hash }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    //= WP-PR-01 check
    #[test]
    fn murmur3_tokens_are_those_of_cassandra() {
        let vectors: [(&[u8], i64); 15] = [
            (b"123", -7_468_325_962_851_647_638),
            (
                &[0x00, 0xff, 0x10, 0xfa, 0x99].repeat(10),
                5_837_342_703_291_459_765,
            ),
            (&[0xfe; 8], -8_927_430_733_708_461_935),
            (&[0x10; 8], 1_446_172_840_243_228_796),
            (b"9223372036854775807", 7_162_290_910_810_015_547),
            (b"", i64::MIN),
            (&[0x00], 5_048_724_184_180_415_669),
            (&[0x80], -5_284_281_814_142_962_636),
            (&[0xff; 15], -2_195_530_867_418_009_455),
            (&[0xff; 16], -2_824_192_546_314_762_522),
            (&[0xff; 17], -4_128_212_798_341_382_003),
            (b"a", -8_839_064_797_231_613_815),
            (b"key", -6_847_573_755_651_342_660),
            (&1_i32.to_be_bytes(), -4_069_959_284_402_364_209),
            (&1_i64.to_be_bytes(), 6_292_367_497_774_912_474),
        ];
        for (key, token) in vectors {
            assert_eq!(
                Partitioner::Murmur3.token(key),
                Token::Murmur3(token),
                "{key:02x?}"
            );
        }
        assert_eq!(
            Partitioner::Murmur3.token(&9_i32.to_be_bytes()),
            Token::Murmur3(3_728_482_343_045_213_994)
        );
    }

    //= WP-PR-01 check
    #[test]
    fn hash_equal_to_the_minimum_becomes_the_maximum() {
        assert_eq!(normalise(i64::MIN), i64::MAX);
        assert_eq!(normalise(i64::MIN + 1), i64::MIN + 1);
        assert_eq!(normalise(0), 0);
    }

    //= WP-PR-02 check
    #[test]
    fn random_tokens_are_those_of_cassandra() {
        let token = |key: &[u8]| Partitioner::Random.token(key).to_string();
        assert_eq!(token(b"test"), "12707736894140473154801792860916528374");
        assert_eq!(token(b"key"), "80325066489831061459460196859901989661");
        assert_eq!(token(b""), "-1");
    }

    //= WP-PR-03 check
    #[test]
    fn byte_ordered_token_is_the_key() {
        assert_eq!(
            Partitioner::ByteOrdered.token(&[0xff, 0]),
            Token::ByteOrdered([0xff, 0].into())
        );
        assert_eq!(Partitioner::ByteOrdered.token(&[]), Token::ByteOrdered([].into()));
    }

    #[test]
    fn minimum_token_lies_below_the_tokens_of_keys() {
        for partitioner in [
            Partitioner::Murmur3,
            Partitioner::Random,
            Partitioner::ByteOrdered,
        ] {
            assert!(
                partitioner.minimum_token() < partitioner.token(&[0]),
                "{partitioner:?}"
            );
            assert_eq!(
                partitioner.minimum_token(),
                partitioner.token(&[]),
                "{partitioner:?}"
            );
        }
        assert_eq!(Partitioner::default(), Partitioner::Murmur3);
    }
}
