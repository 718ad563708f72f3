//! Cassandra's variant of MurmurHash 2 with 64 bits.
//!
//! Only the count of keys in Statistics.db uses it. Source: Cassandra `utils.MurmurHash.hash2_64`.

const MULTIPLIER: u64 = 0xc6a4_a793_5bd1_e995;

/// The hash with seed 0.
///
/// Differs from the canonical MurmurHash64A in the tail, the bytes after the last full block of 8:
/// each is sign-extended to 64 bits before it is shifted into place.
#[expect(
    clippy::little_endian_bytes,
    reason = "MurmurHash 2 defines its blocks as little-endian words"
)]
pub(super) fn hash2_64(key: &[u8]) -> u64 {
    let (blocks, tail) = key.as_chunks::<8>();
    let mut hash = MULTIPLIER.wrapping_mul(key.len() as u64);
    for block in blocks {
        let mut word = u64::from_le_bytes(*block).wrapping_mul(MULTIPLIER);
        word ^= word >> 47;
        hash = (hash ^ word.wrapping_mul(MULTIPLIER)).wrapping_mul(MULTIPLIER);
    }
    if !tail.is_empty() {
        let shifts_bits = (0..).step_by(8);
        for (byte, shift_bits) in tail.iter().zip(shifts_bits) {
            hash ^= i64::from(byte.cast_signed()).cast_unsigned() << shift_bits;
        }
        hash = hash.wrapping_mul(MULTIPLIER);
    }
    hash ^= hash >> 47;
    hash = hash.wrapping_mul(MULTIPLIER);
    hash ^ (hash >> 47)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_key_hashes_to_zero_and_lengths_differ() {
        assert_eq!(hash2_64(b""), 0);
        let hashes: Vec<u64> = (0..40).map(|length| hash2_64(&vec![0; length])).collect();
        for (index, hash) in hashes.iter().enumerate() {
            assert!(!hashes[..index].contains(hash), "{index} zeros hash like fewer");
        }
    }
}
