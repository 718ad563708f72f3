//! A hasher that packs derived `Hash` values into words and mixes a word at a time into 128 bits, so that the
//! search's own hash function is called once for a state, on 16 bytes.
//!
//! Discriminants and lengths take one byte each; a value above 255 is a broken bound and panics. Pairs of words are
//! mixed by folded multiplication in two lanes with different keys: the chance that two states meet is that of the
//! 64-bit fingerprints that the searches keep.

use core::hash::Hasher;

/// Collects derived `Hash` values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PackingHasher {
    word: u64,
    filled: u32,
    first: u64,
    is_second: bool,
    packed_bits: u64,
    lanes: [u64; 2],
}

/// Two words of high entropy for each lane: digits of pi.
const KEYS: [[u64; 2]; 2] = [
    [0x4528_21e6_38d0_1377, 0xbe54_66cf_34e9_0c6c],
    [0xc0ac_29b7_c97c_50dd, 0x3f84_d5b5_b547_0917],
];

impl PackingHasher {
    pub(crate) fn new() -> Self {
        Self {
            word: 0,
            filled: 0,
            first: 0,
            is_second: false,
            packed_bits: 0,
            lanes: [0x2436_f6a8_885a_308d, 0x1319_8a2e_0370_7344],
        }
    }

    /// The mixed value of everything that was packed.
    pub(crate) fn mixed(mut self) -> u128 {
        let length = self.packed_bits + u64::from(self.filled);
        self.end_word();
        self.end_word();
        self.mix(length, self.first);
        let [high, low] = self.lanes;
        u128::from(high) << 64 | u128::from(low)
    }

    #[inline]
    fn mix(&mut self, first: u64, second: u64) {
        for (lane, keys) in self.lanes.iter_mut().zip(KEYS) {
            *lane = fold(u128::from(first ^ keys[0] ^ *lane) * u128::from(second ^ keys[1])).rotate_left(23)
                ^ *lane;
        }
    }

    #[inline]
    fn end_word(&mut self) {
        self.packed_bits += u64::from(self.filled);
        if self.is_second {
            self.mix(self.first, self.word);
        } else {
            self.first = self.word;
        }
        self.is_second = !self.is_second;
        (self.word, self.filled) = (0, 0);
    }

    #[inline]
    fn put(&mut self, value: u64, bits: u32) {
        if self.filled + bits > u64::BITS {
            self.end_word();
        }
        self.word |= value << self.filled;
        self.filled += bits;
    }
}

/// Both halves of a product in one word.
#[inline]
fn fold(product: u128) -> u64 {
    let low = u64::try_from(product & u128::from(u64::MAX)).expect("masked to 64 bits");
    let high = u64::try_from(product >> 64).expect("shifted to 64 bits");
    low ^ high
}

impl Hasher for PackingHasher {
    fn finish(&self) -> u64 {
        unreachable!("a packed state is hashed by the checker's own hasher")
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u8(*byte);
        }
    }

    #[inline]
    fn write_u8(&mut self, value: u8) {
        self.put(u64::from(value), 8);
    }

    #[inline]
    fn write_u16(&mut self, value: u16) {
        self.put(u64::from(value), 16);
    }

    #[inline]
    fn write_u32(&mut self, value: u32) {
        self.put(u64::from(value), 32);
    }

    #[inline]
    fn write_u64(&mut self, value: u64) {
        self.put(value, 64);
    }

    #[inline]
    fn write_usize(&mut self, value: usize) {
        assert!(
            value < 256,
            "discriminants and lengths of the model's state are below 256"
        );
        self.put(value as u64, 8);
    }

    #[inline]
    fn write_isize(&mut self, value: isize) {
        self.write_usize(usize::try_from(value).expect("discriminants are not negative"));
    }
}
