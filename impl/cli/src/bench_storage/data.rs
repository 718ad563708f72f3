//! The keys and values of `bench storage`: the same for every engine, made from their number alone.

/// Length of a key, bytes.
pub(super) const KEY_SIZE_BYTES: usize = 16;
/// Length of a value, bytes.
pub(super) const VALUE_SIZE_BYTES: usize = 100;
/// What one write brings, bytes.
pub(super) const ROW_SIZE_BYTES: u64 = (KEY_SIZE_BYTES + VALUE_SIZE_BYTES) as u64;

/// Numbers from here on are never written.
const FIRST_ABSENT: u64 = 1 << 40;
/// Bits of a value that are random; the others are zero, so that a compressor finds something to do.
const RANDOM_BITS: u64 = 0x0f0f_0f0f_0f0f_0f0f;
/// Step of the generator: the golden ratio in 64 bits.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
/// Bytes of a generated number.
const WORD_SIZE_BYTES: usize = size_of::<u64>();

/// The number as if drawn at random. Source: Steele, Lea, Flood, "Fast splittable pseudorandom number
/// generators" (2014), section 5, the finalizer of splitmix64.
pub(super) const fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(STEP);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The key of a write.
pub(super) fn key(number: u64) -> [u8; KEY_SIZE_BYTES] {
    let first = mixed(number);
    let both = (u128::from(first) << 64) | u128::from(mixed(first));
    both.to_be_bytes()
}

/// A key that no write has.
pub(super) fn absent_key(number: u64) -> [u8; KEY_SIZE_BYTES] {
    key(FIRST_ABSENT + number)
}

/// The value of a write.
pub(super) fn value(number: u64) -> [u8; VALUE_SIZE_BYTES] {
    let mut value = [0; VALUE_SIZE_BYTES];
    let mut word = mixed(!number);
    for bytes in value.chunks_mut(WORD_SIZE_BYTES) {
        word = mixed(word);
        for (byte, random) in bytes.iter_mut().zip((word & RANDOM_BITS).to_be_bytes()) {
            *byte = random;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn keys_differ_and_absent_ones_are_absent() {
        const COUNT: u64 = 10_000;
        let mut keys: BTreeSet<_> = (0..COUNT).map(key).collect();
        assert_eq!(keys.len() as u64, COUNT);
        keys.extend((0..COUNT).map(absent_key));
        assert_eq!(keys.len() as u64, 2 * COUNT);
    }

    #[test]
    fn values_are_half_random() {
        assert_ne!(value(1), value(2));
        assert!(value(1).iter().all(|byte| byte & 0xf0 == 0));
        assert!(value(1).iter().any(|byte| *byte != value(1)[0]));
    }
}
