//! MD5 (RFC 1321), for the tokens of the `RandomPartitioner`.
//!
//! Not for security. Chapter: `specs/02-partitioning-and-replication.md`.

use alloc::vec::Vec;

/// Bytes of one block.
const BLOCK_SIZE_BYTES: usize = 64;
/// Bytes of a block before its length field.
const LENGTH_OFFSET_BYTES: usize = 56;

/// Left rotations of the four rounds, in bits; each round repeats its four.
const ROTATIONS_BITS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];

/// Integer part of 2^32 times the absolute sine of 1 to 64 (radians).
const SINES: [u32; 64] = [
    0xd76a_a478,
    0xe8c7_b756,
    0x2420_70db,
    0xc1bd_ceee,
    0xf57c_0faf,
    0x4787_c62a,
    0xa830_4613,
    0xfd46_9501,
    0x6980_98d8,
    0x8b44_f7af,
    0xffff_5bb1,
    0x895c_d7be,
    0x6b90_1122,
    0xfd98_7193,
    0xa679_438e,
    0x49b4_0821,
    0xf61e_2562,
    0xc040_b340,
    0x265e_5a51,
    0xe9b6_c7aa,
    0xd62f_105d,
    0x0244_1453,
    0xd8a1_e681,
    0xe7d3_fbc8,
    0x21e1_cde6,
    0xc337_07d6,
    0xf4d5_0d87,
    0x455a_14ed,
    0xa9e3_e905,
    0xfcef_a3f8,
    0x676f_02d9,
    0x8d2a_4c8a,
    0xfffa_3942,
    0x8771_f681,
    0x6d9d_6122,
    0xfde5_380c,
    0xa4be_ea44,
    0x4bde_cfa9,
    0xf6bb_4b60,
    0xbebf_bc70,
    0x289b_7ec6,
    0xeaa1_27fa,
    0xd4ef_3085,
    0x0488_1d05,
    0xd9d4_d039,
    0xe6db_99e5,
    0x1fa2_7cf8,
    0xc4ac_5665,
    0xf429_2244,
    0x432a_ff97,
    0xab94_23a7,
    0xfc93_a039,
    0x655b_59c3,
    0x8f0c_cc92,
    0xffef_f47d,
    0x8584_5dd1,
    0x6fa8_7e4f,
    0xfe2c_e6e0,
    0xa301_4314,
    0x4e08_11a1,
    0xf753_7e82,
    0xbd3a_f235,
    0x2ad7_d2bb,
    0xeb86_d391,
];

/// The 16-byte digest of `message`.
#[must_use]
#[expect(
    clippy::little_endian_bytes,
    reason = "RFC 1321 defines length and digest as little-endian"
)]
pub fn md5(message: &[u8]) -> [u8; 16] {
    let mut padded = Vec::from(message);
    padded.push(0x80);
    while padded.len() % BLOCK_SIZE_BYTES != LENGTH_OFFSET_BYTES {
        padded.push(0);
    }
    // The RFC takes the bit count modulo 2^64.
    padded.extend_from_slice(&(message.len() as u64).wrapping_mul(8).to_le_bytes());

    let mut state = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    for block in padded.as_chunks::<BLOCK_SIZE_BYTES>().0 {
        state = compress(state, block);
    }
    let [a, b, c, d] = state.map(u32::to_le_bytes);
    let mut digest = [0; 16];
    digest
        .iter_mut()
        .zip([a, b, c, d].as_flattened())
        .for_each(|(to, from)| *to = *from);
    digest
}

/// State after one block: the four rounds of sixteen steps, added to the state before.
#[expect(
    clippy::little_endian_bytes,
    reason = "RFC 1321 reads a block as little-endian words"
)]
fn compress(state: [u32; 4], block: &[u8; BLOCK_SIZE_BYTES]) -> [u32; 4] {
    let mut words = [0; 16];
    words
        .iter_mut()
        .zip(block.as_chunks::<4>().0)
        .for_each(|(word, bytes)| *word = u32::from_le_bytes(*bytes));

    let [mut a, mut b, mut c, mut d] = state;
    for (step, sine) in SINES.iter().enumerate() {
        let (mixed, word_index) = match step / 16 {
            0 => ((b & c) | (!b & d), step),
            1 => ((d & b) | (!d & c), 5 * step + 1),
            2 => (b ^ c ^ d, 3 * step + 5),
            _ => (c ^ (b | !d), 7 * step),
        };
        #[expect(
            clippy::indexing_slicing,
            reason = "remainders by the array lengths, and step is below 64"
        )]
        let (word, rotation_bits) = (words[word_index % 16], ROTATIONS_BITS[step / 16][step % 4]);
        let sum = a.wrapping_add(mixed).wrapping_add(*sine).wrapping_add(word);
        (a, d, c, b) = (d, c, b, b.wrapping_add(sum.rotate_left(rotation_bits)));
    }
    let [a0, b0, c0, d0] = state;
    [
        a0.wrapping_add(a),
        b0.wrapping_add(b),
        c0.wrapping_add(c),
        d0.wrapping_add(d),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::String;

    fn hexadecimal(message: &[u8]) -> String {
        md5(message).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn digests_of_rfc_1321_are_reproduced() {
        let vectors = [
            ("", "d41d8cd98f00b204e9800998ecf8427e"),
            ("a", "0cc175b9c0f1b6a831c399e269772661"),
            ("abc", "900150983cd24fb0d6963f7d28e17f72"),
            ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
            ("abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"),
            (
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
                "d174ab98d277d9f5a5611c2c9f419d9f",
            ),
            (
                "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
                "57edf4a22be3c955ac49da2e2107b67a",
            ),
        ];
        for (message, digest) in vectors {
            assert_eq!(hexadecimal(message.as_bytes()), digest, "{message:?}");
        }
    }

    #[test]
    fn padding_is_right_at_the_edges_of_a_block() {
        let vectors = [
            (55, "04364420e25c512fd958a70738aa8f72"),
            (56, "668a72d5ba17f08e62dabcafad6db14b"),
            (57, "693037871c4a9d3d8685018905cb530a"),
            (63, "7dc2ca208106a2f703567bdff99d8981"),
            (64, "c1bb4f81d892b2d57947682aeb252456"),
            (65, "1bc932052302d074bdec39795fe00cf6"),
            (119, "ab347a5f68c8a443cfcddc633f12c24f"),
            (120, "fb98667f98096de92620b64f46e1c5b5"),
        ];
        for (length, digest) in vectors {
            assert_eq!(hexadecimal(&b"x".repeat(length)), digest, "{length} bytes");
        }
    }
}
