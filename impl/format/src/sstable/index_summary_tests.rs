//! Laws of summaries: what was written comes back, bisection finds the stretch, damage is found.

use super::*;
use quickcheck::quickcheck;

const PARTITIONERS: [Partitioner; 3] = [
    Partitioner::Murmur3,
    Partitioner::Random,
    Partitioner::ByteOrdered,
];

/// Keys in the order of an SSTable, with positions that ascend.
fn sorted(partitioner: Partitioner, keys: &[Vec<u8>]) -> Vec<(DecoratedKey, u64)> {
    let mut keys: Vec<_> = keys
        .iter()
        .map(|key| DecoratedKey::new(partitioner, key.as_slice()))
        .collect();
    keys.sort();
    keys.dedup();
    (0..)
        .step_by(10)
        .zip(keys)
        .map(|(position, key)| (key, position))
        .collect()
}

fn summary(partitioner: Partitioner, interval: u32, keys: &[(DecoratedKey, u64)]) -> Option<IndexSummary> {
    let mut builder = IndexSummaryBuilder::new(interval);
    for (key, position) in keys {
        builder.maybe_add_entry(key.key(), *position);
    }
    builder.build(partitioner).expect("few keys")
}

fn written(summary: &IndexSummary) -> Vec<u8> {
    let mut out = Vec::new();
    summary.write(&mut out);
    out
}

/// The rule in one line: the last sampled key not behind the wanted one begins the stretch.
fn range_by_scan(interval: u32, keys: &[(DecoratedKey, u64)], wanted: &DecoratedKey) -> Option<IndexRange> {
    let sampled: Vec<_> = keys.iter().step_by(usize::try_from(interval).unwrap()).collect();
    let past = sampled.iter().take_while(|(key, _)| key <= wanted).count();
    let start = sampled.get(past.checked_sub(1)?)?.1;
    Some(IndexRange {
        start,
        end: sampled.get(past).map(|(_, position)| *position),
    })
}

quickcheck! {
    fn summary_comes_back_and_leads_to_every_key(keys: Vec<Vec<u8>>, absent: Vec<Vec<u8>>, interval: u8) -> bool {
        let interval = u32::from(interval % 5) + 1;
        PARTITIONERS.into_iter().all(|partitioner| {
            let keys = sorted(partitioner, &keys);
            let Some(summary) = summary(partitioner, interval, &keys) else {
                return keys.is_empty();
            };
            let read = IndexSummary::read(&written(&summary), partitioner);
            let absent = sorted(partitioner, &absent);
            read.as_ref() == Ok(&summary)
                && keys.iter().chain(&absent).all(|(key, _)| {
                    summary.index_range(key) == range_by_scan(interval, &keys, key)
                })
        })
    }
}

fn numbers() -> Vec<(DecoratedKey, u64)> {
    let keys: Vec<_> = (0..1_000_u32)
        .map(|number| number.to_be_bytes().to_vec())
        .collect();
    sorted(Partitioner::Murmur3, &keys)
}

#[test]
fn entries_are_every_key_of_the_interval() {
    let keys = numbers();
    let summary = summary(Partitioner::Murmur3, 128, &keys).expect("a thousand keys");
    assert_eq!(summary.entry_count(), 8);
    assert_eq!(summary.entry(1), Some((keys[128].0.key(), 1_280)));
    assert_eq!(summary.entry(8), None);
    assert_eq!(summary.first_key(), keys[0].0.key());
    assert_eq!(summary.last_key(), keys[999].0.key());
    assert_eq!(summary.estimated_key_count(), 9 * 128);
}

#[test]
fn every_truncation_is_an_error_and_a_further_byte_too() {
    let bytes = written(&summary(Partitioner::Murmur3, 128, &numbers()).unwrap());
    for length in 0..bytes.len() {
        assert!(
            IndexSummary::read(&bytes[..length], Partitioner::Murmur3).is_err(),
            "cut at {length}"
        );
    }
    assert!(IndexSummary::read(&[&bytes[..], &[0]].concat(), Partitioner::Murmur3).is_err());
}

/// What flipped bytes can change without being noticed: the interval, positions as long as they
/// ascend, and keys as long as their tokens do.
#[test]
fn flipped_bytes_are_errors_or_change_interval_positions_or_keys_in_order() {
    let intact = summary(Partitioner::Murmur3, 128, &numbers()).unwrap();
    let bytes = written(&intact);
    let offsets = 24..24 + 8 * 4;
    let mut unnoticed = 0;
    for index in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[index] ^= 1 << bit;
            if let Ok(read) = IndexSummary::read(&damaged, Partitioner::Murmur3) {
                assert_ne!(read, intact);
                assert!(
                    (0..4).contains(&index) || index >= offsets.end || (16..20).contains(&index),
                    "{index}"
                );
                unnoticed += 1;
            }
        }
    }
    assert!(unnoticed > 0, "the table above says what is not noticed");
}

#[test]
fn keys_out_of_order_are_errors() {
    let keys = numbers();
    let bytes = written(&summary(Partitioner::Murmur3, 128, &keys).unwrap());
    for other in [Partitioner::ByteOrdered, Partitioner::Random] {
        assert!(IndexSummary::read(&bytes, other).is_err(), "{other:?}");
    }
}
