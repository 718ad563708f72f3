//! A hasher that packs derived `Hash` values into words and mixes a word at a time into 128 bits, so that the
//! search's own hash function is called once for a state, on 16 bytes.
//!
//! Discriminants and lengths take one byte each; a value above 255 is a broken bound and panics. Words are mixed by
//! folded multiplication in two lanes with different keys: the chance that two states meet is that of the 64-bit
//! fingerprints that the searches keep.

use core::hash::Hasher;

/// Collects derived `Hash` values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PackingHasher {
    word: u64,
    filled: u32,
    lanes: [u64; 2],
}

/// Odd constants of high entropy: digits of the golden ratio, and of pi.
const KEYS: [u64; 2] = [
    0x9e37_79b9_7f4a_7c15,
    0x2437_54a3_08d3_1319 ^ 0x517c_c1b7_2722_0a95,
];

impl PackingHasher {
    pub(crate) fn new() -> Self {
        Self {
            word: 0,
            filled: 0,
            lanes: [0x2436_f6a8_885a_308d, 0x1319_8a2e_0370_7344],
        }
    }

    /// The mixed value of everything that was packed.
    pub(crate) fn mixed(mut self) -> u128 {
        let filled = u64::from(self.filled);
        self.mix();
        self.word = filled;
        self.mix();
        let [high, low] = self.lanes;
        u128::from(high) << 64 | u128::from(low)
    }

    #[inline]
    fn mix(&mut self) {
        for (lane, key) in self.lanes.iter_mut().zip(KEYS) {
            let product = u128::from(*lane ^ self.word) * u128::from(key);
            *lane = fold(product).rotate_left(23) ^ self.word.wrapping_mul(key);
        }
        (self.word, self.filled) = (0, 0);
    }

    #[inline]
    fn put(&mut self, value: u64, bits: u32) {
        if self.filled + bits > u64::BITS {
            self.mix();
        }
        self.word |= value << self.filled;
        self.filled += bits;
        if self.filled == u64::BITS {
            self.mix();
        }
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
