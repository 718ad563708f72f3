//! Laws of the counter of keys: it is stream-lib's, it comes back, it is near the truth.

use super::*;
use proptest::prelude::*;

fn of(keys: impl IntoIterator<Item = u32>) -> HyperLogLogPlus {
    let mut counter = HyperLogLogPlus::new();
    keys.into_iter().for_each(|key| counter.add(&key.to_be_bytes()));
    counter
}

fn written(counter: &HyperLogLogPlus) -> Vec<u8> {
    let mut out = Vec::new();
    counter.clone().write(&mut out);
    out
}

fn is_sparse(counter: &HyperLogLogPlus) -> bool {
    written(counter)[6] == 1
}

/// Registers by the definition, from every hash anew.
fn registers_by_definition(keys: impl IntoIterator<Item = u32>) -> Vec<u8> {
    let mut registers = vec![0; REGISTER_COUNT];
    for key in keys {
        let bits = format!("{:064b}", hash2_64(&key.to_be_bytes()));
        let register = usize::from_str_radix(&bits[..13], 2).unwrap();
        let run = bits[13..].chars().take_while(|bit| *bit == '0').count() + 1;
        registers[register] = registers[register].max(u8::try_from(run).unwrap());
    }
    registers
}

#[test]
fn two_keys_have_the_bytes_of_a_real_file() {
    let bytes = [
        0xff, 0xff, 0xff, 0xfe, 0x0d, 0x19, 1, 2, 0xa2, 0x8d, 0xfb, 0x09, 0x8e, 0xfd, 0xc8, 0x0d,
    ];
    assert_eq!(written(&of([1, 9])), bytes);
    assert_eq!(written(&of([9, 1, 1, 9])), bytes);
    assert_eq!(HyperLogLogPlus::read(&bytes), Ok(of([1, 9])));
}

/// Made with the classes of Cassandra 5.0.9 and stream-lib 2.5.2, of the keys 0, 1, … as ints: number
/// of keys, bytes, their CRC-32, and its estimate.
const OF_STREAM_LIB: [(u32, usize, u32, u64); 9] = [
    (0, 8, 974_759_724, 0),
    (2, 16, 60_018_662, 2),
    (100, 309, 1_950_988_266, 100),
    (6_000, 14_360, 4_009_836_026, 6_001),
    (6_144, 14_695, 3_104_941_210, 6_145),
    (6_200, 5_473, 939_174_618, 6_299),
    (7_000, 5_473, 1_007_875_283, 7_089),
    (20_000, 5_473, 300_728_314, 19_973),
    (300_000, 5_473, 1_470_264_475, 301_308),
];

#[test]
fn bytes_are_those_of_stream_lib_in_both_forms() {
    for (keys, size_bytes, checksum, estimate) in OF_STREAM_LIB {
        let counter = of(0..keys);
        let bytes = written(&counter);
        assert_eq!(
            (bytes.len(), crc32fast::hash(&bytes)),
            (size_bytes, checksum),
            "{keys} keys"
        );
        let difference = counter.cardinality().abs_diff(estimate);
        assert!(difference * 100 <= estimate, "{keys} keys: {difference} off");
        assert!(
            !is_sparse(&counter) || difference == 0,
            "{keys} keys: {difference} off"
        );
    }
}

#[test]
fn counter_without_keys_is_valid() {
    assert_eq!(written(&of([])), [0xff, 0xff, 0xff, 0xfe, 0x0d, 0x19, 1, 0]);
    assert_eq!(of([]).cardinality(), 0);
}

#[test]
fn registers_are_those_of_the_definition_however_they_came_to_be() {
    let by_definition = registers_by_definition(0..20_000);
    let (mut halves, other) = (of(0..10_000), of(10_000..20_000));
    halves.merge(&other);
    let (mut small, large) = (of(0..500), of(500..20_000));
    small.merge(&large);
    let mut fed = large.clone();
    fed.merge(&of(0..500));
    for counter in [of(0..20_000), of((0..20_000).rev()), halves, small, fed] {
        let Form::Registers(registers) = &counter.form else {
            panic!("20000 keys are kept one by one");
        };
        assert_eq!(registers.as_slice(), by_definition);
        assert_eq!(HyperLogLogPlus::read(&written(&counter)), Ok(counter));
    }
}

#[test]
fn form_changes_when_merged_codes_are_more_than_the_limit() {
    // Codes are merged with every 1537th key; of so few keys no two share an index.
    assert!(is_sparse(&of(0..4 * 1_537 - 1)), "6147 keys, 4611 of them merged");
    assert!(!is_sparse(&of(0..4 * 1_537)), "6148 keys");
    let repeated = (0..4).flat_map(|_| 0..1_537);
    assert!(is_sparse(&of(repeated.clone())), "duplicates do not count");
    assert_eq!(of(repeated), of(0..1_537));
    let mut merged = of(0..4_000);
    merged.merge(&of(2_000..6_000));
    assert!(is_sparse(&merged));
    assert_eq!(merged.cardinality(), 6_001);
    merged.merge(&of(6_000..6_200));
    assert!(!is_sparse(&merged));
}

/// Hashes without any structure: the steps of SplitMix64.
fn of_random(count: u32, seed: u64) -> HyperLogLogPlus {
    let mut counter = HyperLogLogPlus::new();
    for step in 1..=u64::from(count) {
        let mut hash = seed.wrapping_add(step.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        counter.offer_hashed(hash ^ (hash >> 31));
    }
    counter
}

#[test]
fn few_keys_are_counted_exactly_but_for_rounding() {
    for keys in [1, 2, 100, 1_000, 6_000] {
        assert!(of(0..keys).cardinality().abs_diff(u64::from(keys)) <= 1, "{keys}");
    }
}

#[test]
fn estimates_of_many_keys_are_near_the_truth() {
    for keys in [6_500, 10_000, 30_000, 100_000] {
        let errors: Vec<f64> = (0..16)
            .map(|seed| {
                f64::from(u32::try_from(of_random(keys, seed << 40).cardinality()).unwrap()) / f64::from(keys)
                    - 1.0
            })
            .collect();
        let mean = errors.iter().sum::<f64>() / 16.0;
        // The standard error is 1.15 per cent, that of the mean of sixteen a quarter of it.
        assert!(mean.abs() < 0.01, "{mean} for {keys}");
        assert!(
            errors.iter().all(|error| error.abs() < 0.05),
            "{errors:?} for {keys}"
        );
    }
}

proptest! {
    #[test]
    fn codes_keep_index_and_run_of_any_hash(hash: u64, spread in 0..64_u32) {
        for hash in [hash, hash >> spread, hash << spread] {
            let code = sparse_code(hash);
            prop_assert!(is_sparse_code(code));
            prop_assert_eq!(u64::from(sparse_index(code)), hash >> 39);
            prop_assert_eq!(run_of_code(code), run_of(hash));
        }
    }

    #[test]
    fn counters_of_any_hashes_come_back(hashes in prop::collection::vec((any::<u64>(), 0..40_u32), 0..50)) {
        let mut counter = HyperLogLogPlus::new();
        for (hash, zeros) in hashes {
            // Zeros at bits 12 to 25 make the codes that carry their run.
            counter.offer_hashed(hash & !(u64::MAX >> 13 & !(u64::MAX >> (13 + zeros))));
        }
        let bytes = written(&counter);
        prop_assert_eq!(&written(&HyperLogLogPlus::read(&bytes).unwrap()), &bytes);
        for cut in 0..bytes.len() {
            prop_assert!(HyperLogLogPlus::read(&bytes[..cut]).is_err());
        }
    }
}

#[test]
fn damaged_counters_are_errors_or_other_counters() {
    for counter in [of(0..40), of(0..7_000)] {
        let bytes = written(&counter);
        for index in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[index] ^= 1 << bit;
                if let Ok(read) = HyperLogLogPlus::read(&damaged) {
                    assert_eq!(written(&read), damaged, "byte {index} bit {bit}");
                }
            }
        }
    }
}

#[test]
fn huge_numbers_of_codes_take_no_memory() {
    let bytes = [
        0xff, 0xff, 0xff, 0xfe, 0x0d, 0x19, 1, 0xff, 0xff, 0xff, 0xff, 0x0f,
    ];
    assert!(HyperLogLogPlus::read(&bytes).is_err());
}
