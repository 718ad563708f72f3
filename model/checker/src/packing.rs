//! Mixes words, a pair at a time, into 128 bits, so that the search's own hash function is called once for a state,
//! on 16 bytes.
//!
//! Pairs of words are mixed by folded multiplication in two lanes with different keys: the chance that two states
//! meet is that of the 64-bit fingerprints that the searches keep. What is packed must tell how many pairs follow.

/// Mixes pairs of words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mixer {
    lanes: [u64; 2],
}

/// Two words of high entropy for each lane: digits of pi.
const KEYS: [[u64; 2]; 2] = [
    [0x4528_21e6_38d0_1377, 0xbe54_66cf_34e9_0c6c],
    [0xc0ac_29b7_c97c_50dd, 0x3f84_d5b5_b547_0917],
];

impl Mixer {
    pub(crate) const fn new() -> Self {
        Self {
            lanes: [0x2436_f6a8_885a_308d, 0x1319_8a2e_0370_7344],
        }
    }

    /// Takes in two words.
    #[inline]
    pub(crate) fn pair(&mut self, first: u64, second: u64) {
        for (lane, keys) in self.lanes.iter_mut().zip(KEYS) {
            *lane = fold(u128::from(first ^ keys[0] ^ *lane) * u128::from(second ^ keys[1])).rotate_left(23)
                ^ *lane;
        }
    }

    /// The mixed value of everything that was taken in.
    #[inline]
    pub(crate) const fn mixed(self) -> [u64; 2] {
        self.lanes
    }
}

/// Both halves of a product in one word.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "each half of the product is kept, in its place"
)]
const fn fold(product: u128) -> u64 {
    product as u64 ^ (product >> 64) as u64
}

/// A number that the bounds of the model keep below 256.
#[inline]
pub(crate) fn byte(number: usize) -> u64 {
    assert!(number < 256, "lists of the model's state are short");
    number as u64
}
