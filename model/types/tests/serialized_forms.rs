//! Values survive serialization to JSON, whose map keys must be strings.
//!
//! Runs with the feature `serde` only. Chapter: `specs/01-data-model.md`.
#![cfg(feature = "serde")]

use quickcheck::quickcheck;
use serde_json::{from_str, to_string};
use thymbra_types::{CommitLogPosition, IntervalSet, Partitioner, Token, Ttl};

quickcheck! {
    fn tokens_survive(key: Vec<u8>) -> bool {
        [Partitioner::Murmur3, Partitioner::Random, Partitioner::ByteOrdered].into_iter().all(|partitioner| {
            let token = partitioner.token(&key);
            let json = to_string(&token).expect("a token has a JSON form");
            from_str::<Token>(&json).expect("and is read back") == token
        })
    }
}

#[test]
fn interval_sets_of_positions_survive() {
    let mut set = IntervalSet::empty();
    set.add(
        CommitLogPosition::NONE,
        CommitLogPosition {
            segment_id: 3,
            position: 9,
        },
    );
    let json = to_string(&set).expect("a set has a JSON form");
    assert_eq!(
        from_str::<IntervalSet<CommitLogPosition>>(&json).expect("and is read back"),
        set
    );
}

#[test]
fn ttl_out_of_range_is_refused() {
    assert_eq!(
        from_str::<Ttl>("5")
            .map(Ttl::seconds)
            .expect("five seconds are a TTL"),
        5
    );
    let error = from_str::<Ttl>("-5").expect_err("negative").to_string();
    assert!(
        error.contains("must be greater or equal to 0, but was -5"),
        "{error}"
    );
}
