//! Cassandra's variant of MurmurHash3 x64 128.
//!
//! Used for tokens and, in the SSTable format, for Bloom filters. Chapter:
//! `specs/02-partitioning-and-replication.md`. Source: Cassandra `utils.MurmurHash.hash3_x64_128`.

const C1: u64 = 0x87c3_7b91_1142_53d5;
const C2: u64 = 0x4cf5_ad43_2745_937f;

/// Both 64-bit halves of the hash with seed 0.
///
/// Differs from canonical Murmur3 in the tail, the bytes after the last full block of 16: each is
/// sign-extended to 64 bits before it is shifted into place. Keys whose tail has no byte above
/// 0x7f hash as everywhere else.
#[must_use]
#[expect(
    clippy::little_endian_bytes,
    reason = "MurmurHash3 defines its blocks as little-endian words"
)]
pub fn hash3_x64_128(key: &[u8]) -> [u64; 2] {
    let (blocks, tail) = key.as_chunks::<16>();
    let mut h1 = 0_u64;
    let mut h2 = 0_u64;
    for &[a0, a1, a2, a3, a4, a5, a6, a7, b0, b1, b2, b3, b4, b5, b6, b7] in blocks {
        h1 ^= mix_k1(u64::from_le_bytes([a0, a1, a2, a3, a4, a5, a6, a7]));
        h1 = h1
            .rotate_left(27)
            .wrapping_add(h2)
            .wrapping_mul(5)
            .wrapping_add(0x52dc_e729);
        h2 ^= mix_k2(u64::from_le_bytes([b0, b1, b2, b3, b4, b5, b6, b7]));
        h2 = h2
            .rotate_left(31)
            .wrapping_add(h1)
            .wrapping_mul(5)
            .wrapping_add(0x3849_5ab5);
    }

    // A zero word mixes to zero, so an absent half of the tail changes nothing.
    let (low, high) = tail.split_at(tail.len().min(8));
    h2 ^= mix_k2(sign_extended_word(high));
    h1 ^= mix_k1(sign_extended_word(low));

    let length = key.len() as u64;
    h1 ^= length;
    h2 ^= length;
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    h1 = finalise(h1);
    h2 = finalise(h2);
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    [h1, h2]
}

/// At most eight tail bytes, lowest first, each sign-extended before the shift.
//= WP-PR-01
fn sign_extended_word(bytes: &[u8]) -> u64 {
    (0..).step_by(8).zip(bytes).fold(0, |word, (shift_bits, byte)| {
        word ^ (i64::from(byte.cast_signed()).cast_unsigned() << shift_bits)
    })
}

fn mix_k1(word: u64) -> u64 {
    word.wrapping_mul(C1).rotate_left(31).wrapping_mul(C2)
}

fn mix_k2(word: u64) -> u64 {
    word.wrapping_mul(C2).rotate_left(33).wrapping_mul(C1)
}

fn finalise(mut word: u64) -> u64 {
    word ^= word >> 33;
    word = word.wrapping_mul(0xff51_afd7_ed55_8ccd);
    word ^= word >> 33;
    word = word.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    word ^ (word >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use quickcheck::quickcheck;

    /// The canonical hash, by a crate that shares no code with this one.
    fn canonical(key: &[u8]) -> [u64; 2] {
        let both = murmur3::murmur3_x64_128(&mut &*key, 0).expect("reading a slice cannot fail");
        let low = u64::try_from(both & u128::from(u64::MAX)).expect("masked to 64 bits");
        let high = u64::try_from(both >> 64).expect("shifted to 64 bits");
        [low, high]
    }

    quickcheck! {
        fn agrees_with_canonical_murmur3_when_the_tail_is_ascii(blocks: Vec<u8>, tail: Vec<u8>) -> bool {
            let mut key = blocks;
            key.truncate(key.len() / 16 * 16);
            key.extend(tail.iter().take(15).map(|byte| byte & 0x7f));
            hash3_x64_128(&key) == canonical(&key)
        }
    }

    #[test]
    fn agrees_with_canonical_murmur3_on_every_ascii_length_to_sixty() {
        for length in 0..60_u8 {
            let key: Vec<u8> = (0..length).map(|index| index.wrapping_mul(37) & 0x7f).collect();
            assert_eq!(hash3_x64_128(&key), canonical(&key), "length {length}");
        }
    }

    #[test]
    fn agrees_with_canonical_murmur3_on_full_blocks_of_high_bytes() {
        for blocks in 1..5 {
            let key = [0xff_u8, 0x80, 0xfe, 0x91].repeat(4 * blocks);
            assert_eq!(hash3_x64_128(&key), canonical(&key), "{blocks} blocks");
        }
    }

    //= WP-PR-01 check
    #[test]
    fn differs_from_canonical_murmur3_when_the_tail_has_a_high_byte() {
        let keys: [&[u8]; 5] = [
            &[0x80],
            &[0xfe; 8],
            &[0xff; 15],
            &[0xff; 17],
            &[0x00, 0xff, 0x10, 0xfa, 0x99].repeat(10),
        ];
        for key in keys {
            assert_ne!(hash3_x64_128(key), canonical(key), "{key:02x?}");
        }
    }
}
