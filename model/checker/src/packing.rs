//! Mixes words, a pair at a time, into 128 bits, so that the search's own hash function is called once for a state,
//! on 16 bytes.
//!
//! This is NH of UMAC (Black, Halevi, Krawczyk, Krovetz, Rogaway, section 4): a sum of products of keyed words, where
//! two inputs of one length meet with the chance of 2^-64, that of the 64-bit fingerprints which the searches keep.
//! The products do not wait for each other. What is packed must tell how many pairs there are.

/// Pairs of keys, a power of two; the keys of later pairs are the first ones again, on a sum that was mixed.
const KEYS_COUNT: usize = 64;

/// Words without a pattern, from splitmix64.
const KEYS: [[u64; 2]; KEYS_COUNT] = keys();

const fn keys() -> [[u64; 2]; KEYS_COUNT] {
    let mut keys = [[0; 2]; KEYS_COUNT];
    let mut state: u64 = 0x2436_f6a8_885a_308d;
    let mut index = 0;
    while index < 2 * KEYS_COUNT {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        keys[index / 2][index % 2] = word ^ (word >> 31);
        index += 1;
    }
    keys
}

/// Mixes pairs of words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mixer {
    sum: u128,
    pairs_count: usize,
}

impl Mixer {
    /// For a whole.
    pub(crate) const fn new() -> Self {
        Self {
            sum: 0,
            pairs_count: 0,
        }
    }

    /// For a part whose mix becomes a pair of the whole: with other keys.
    pub(crate) const fn of_part() -> Self {
        Self {
            sum: 0,
            pairs_count: KEYS_COUNT / 2,
        }
    }

    /// Takes in two words.
    #[inline]
    pub(crate) fn pair(&mut self, first: u64, second: u64) {
        let index = self.pairs_count % KEYS_COUNT;
        let [first_key, second_key] = KEYS[index];
        let product = u128::from(first.wrapping_add(first_key)) * u128::from(second.wrapping_add(second_key));
        self.sum = self.sum.wrapping_add(product);
        self.pairs_count += 1;
        if index == KEYS_COUNT - 1 {
            let [high, low] = self.mixed();
            let product = u128::from(high ^ first_key) * u128::from(low ^ second_key);
            self.sum = product ^ self.sum.rotate_left(32);
        }
    }

    /// The mixed value of everything that was taken in.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "each half of the sum is kept")]
    pub(crate) const fn mixed(self) -> [u64; 2] {
        [(self.sum >> 64) as u64, self.sum as u64]
    }
}

/// A number that the bounds of the model keep below 256.
#[inline]
pub(crate) fn byte(number: usize) -> u64 {
    assert!(number < 256, "lists of the model's state are short");
    number as u64
}
