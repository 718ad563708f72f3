//! `Filter.db`: a Bloom filter over the partition keys of an SSTable.
//!
//! Reads of one key ask it before they touch Index.db: "no" is certain. Written from the number of
//! keys that is expected, then filled key by key. Chapter: `specs/08-sstable.md`. Source: Cassandra
//! `utils.BloomFilter`, `utils.BloomFilterSerializer`, `utils.obs.OffHeapBitSet`.

use super::bloom_calculations::BloomSpecification;
use crate::cursor::Cursor;
use crate::error::FormatError;
use thymbra_types::murmur3::hash3_x64_128;

/// Bits that every filter has beyond those of its keys. Cassandra: `BITSET_EXCESS`.
const EXCESS_BITS: u64 = 20;

/// Bits of a word, in which the size of a filter counts.
const WORD_BITS: u64 = 64;

/// More hashes than any filter of Cassandra has; a file that has more is damaged.
const MAX_HASH_COUNT: u32 = 64;

/// Bits of a dividend: the magnitude of an `i64`, less the six bits that choose within a word.
const DIVIDEND_BITS: u32 = 58;

/// The component `Filter.db`.
///
/// | size | field |
/// |---|---|
/// | 4 | hashes of a key |
/// | 4 | number of words |
/// | 8 × words | bits: bit *i* is bit *i* mod 8, from the lowest, of byte *i* / 8 |
///
/// No checksum covers it: a bit that is lost makes keys unfindable. [`BloomFilter::check`] looks
/// for keys that must be there.
///
/// The bits of a key: with the two halves h0 and h1 of its hash, the numbers h1, h1 + h0,
/// h1 + 2·h0, … as wrapping `i64`, each as the absolute value of its remainder by the number of
/// bits.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BloomFilter {
    hash_count: u32,
    word_count: u32,
    /// Rounded-up quotient of 2^(58 + shift) by the number of words: division by multiplication.
    magic: u64,
    /// Logarithm of the number of words, rounded up.
    shift: u32,
    bits: Box<[u8]>,
}

impl BloomFilter {
    /// An empty filter for so many keys.
    #[must_use]
    pub fn new(expected_key_count: u64, specification: BloomSpecification) -> Self {
        let bits = expected_key_count
            .saturating_mul(u64::from(specification.buckets_per_element))
            .saturating_add(EXCESS_BITS);
        // Cassandra cannot have more words than fit an int either.
        let word_count = u32::try_from(bits.div_ceil(WORD_BITS))
            .unwrap_or(u32::MAX)
            .min(i32::MAX.cast_unsigned());
        let size_bytes = usize::try_from(word_count)
            .unwrap_or(usize::MAX)
            .saturating_mul(8);
        Self::with_bits(specification.hash_count, word_count, vec![0; size_bytes].into())
    }

    /// Reads the component.
    ///
    /// # Errors
    /// When its length is not that of its words, or its number of hashes is no filter's.
    pub fn read(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut cursor = Cursor::new(bytes);
        let hash_count = cursor.u32("number of hashes")?;
        if hash_count == 0 || hash_count > MAX_HASH_COUNT {
            return Err(Cursor::new(bytes).invalid("number of hashes", "1 to 64", &hash_count));
        }
        let begun = cursor.clone();
        let word_count = cursor.u32("number of words")?;
        let bits = cursor.remaining();
        if word_count == 0 || u64::from(word_count) * 8 != bits.len() as u64 {
            return Err(begun.invalid("number of words", "as many as the file has", &word_count));
        }
        Ok(Self::with_bits(hash_count, word_count, bits.into()))
    }

    /// Appends the component.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.hash_count.to_be_bytes());
        out.extend_from_slice(&self.word_count.to_be_bytes());
        out.extend_from_slice(&self.bits);
    }

    /// Adds a partition key.
    pub fn add(&mut self, key: &[u8]) {
        self.add_hash(hash3_x64_128(key));
    }

    /// Adds a partition key by both halves of its hash, for callers who have made its token of them.
    pub fn add_hash(&mut self, hash: [u64; 2]) {
        let [step, mut base] = hash;
        for _ in 0..self.hash_count {
            let (byte, mask) = self.place(base);
            if let Some(byte) = self.bits.get_mut(byte) {
                *byte |= mask;
            }
            base = base.wrapping_add(step);
        }
    }

    /// Whether the key may have been added; "no" is certain.
    #[must_use]
    pub fn may_contain(&self, key: &[u8]) -> bool {
        self.may_contain_hash(hash3_x64_128(key))
    }

    /// Whether a key with these halves of its hash may have been added.
    #[must_use]
    pub fn may_contain_hash(&self, hash: [u64; 2]) -> bool {
        let [step, mut base] = hash;
        (0..self.hash_count).all(|_| {
            let (byte, mask) = self.place(base);
            base = base.wrapping_add(step);
            self.bits.get(byte).is_some_and(|byte| byte & mask != 0)
        })
    }

    /// Looks for keys that an SSTable is known to have, such as its first and last.
    ///
    /// When one is missing, the other order of bits is tried, lowest byte of a word last: some
    /// early builds of 4.0 wrote `na` that way, and the file does not say so.
    ///
    /// # Errors
    /// When one is missing in either order: the filter is of another SSTable, or damaged.
    pub fn check<'a>(&mut self, keys: impl Iterator<Item = &'a [u8]> + Clone) -> Result<(), FormatError> {
        if keys.clone().all(|key| self.may_contain(key)) {
            return Ok(());
        }
        self.reverse_words();
        if keys.clone().all(|key| self.may_contain(key)) {
            return Ok(());
        }
        self.reverse_words();
        let missing = keys
            .into_iter()
            .find(|key| !self.may_contain(key))
            .unwrap_or_default();
        Err(FormatError::Invalid {
            what: "bits of a key of the SSTable",
            offset: 8,
            expected: "set",
            found: format!("unset for key {}", crate::cursor::hexadecimal(missing)).into(),
        })
    }

    /// Turns the bytes of each word round.
    fn reverse_words(&mut self) {
        let (words, _) = self.bits.as_chunks_mut::<8>();
        words.iter_mut().for_each(|word| word.reverse());
    }

    fn with_bits(hash_count: u32, word_count: u32, bits: Box<[u8]>) -> Self {
        let shift = u32::BITS - word_count.saturating_sub(1).leading_zeros();
        // At most 2^59, because 2^shift is less than twice the number of words.
        let magic = (1_u128 << (DIVIDEND_BITS + shift)).div_ceil(u128::from(word_count.max(1)));
        Self {
            hash_count,
            word_count,
            magic: u64::try_from(magic).unwrap_or(u64::MAX),
            shift,
            bits,
        }
    }

    /// Byte and mask of the bit that a number stands for.
    ///
    /// The remainder by 64 times the words is that of the upper 58 bits by the words, with the
    /// lower six behind it. Multiplication by the rounded-up quotient of 2^(58 + shift) divides
    /// numbers of 58 bits exactly (Granlund and Montgomery, "Division by Invariant Integers using
    /// Multiplication", section 4), and is several times faster than a division.
    #[inline]
    fn place(&self, base: u64) -> (usize, u8) {
        let magnitude = base.cast_signed().unsigned_abs();
        let word = magnitude / WORD_BITS;
        let product = u128::from(word) * u128::from(self.magic);
        let quotient = u64::try_from(product >> (DIVIDEND_BITS + self.shift)).unwrap_or(u64::MAX);
        let remainder = word.wrapping_sub(quotient.wrapping_mul(u64::from(self.word_count)));
        let byte = remainder * 8 + magnitude % WORD_BITS / 8;
        (usize::try_from(byte).unwrap_or(usize::MAX), 1 << (magnitude % 8))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;

    /// Cassandra's rule, word for word.
    fn bit_by_division(base: u64, word_count: u32) -> u64 {
        let capacity = i64::from(word_count) * 64;
        (base.cast_signed() % capacity).unsigned_abs()
    }

    fn bit(filter: &BloomFilter, base: u64) -> u64 {
        let (byte, mask) = filter.place(base);
        byte as u64 * 8 + u64::from(mask.trailing_zeros())
    }

    fn filter(keys: u64, chance: f64) -> BloomFilter {
        BloomFilter::new(
            keys,
            BloomSpecification::for_false_positive_chance(chance).expect("a chance of the table"),
        )
    }

    quickcheck! {
        fn multiplication_gives_the_remainder(base: u64, words: u32, spread: u32) -> bool {
            let words = (words >> (spread % 32)).clamp(1, i32::MAX.cast_unsigned());
            let filter = BloomFilter::with_bits(1, words, Box::default());
            let edges = [base, 0, 1, u64::MAX, 1 << 63, (1 << 63) - 1, (1 << 63) + 1];
            let multiple = u64::from(words) * 64;
            edges.into_iter().chain([multiple, multiple - 1, base / multiple * multiple]).all(|base| {
                bit(&filter, base) == bit_by_division(base, words)
            })
        }

        fn keys_that_were_added_are_found_and_the_component_comes_back(keys: Vec<Vec<u8>>, chance: u8) -> bool {
            let chance = f64::from(chance % 100 + 1) / 101.0;
            let mut filter = filter(keys.len() as u64, chance);
            keys.iter().for_each(|key| filter.add(key));
            let mut out = Vec::new();
            filter.write(&mut out);
            let read = BloomFilter::read(&out).expect("a component just written");
            read == filter && keys.iter().all(|key| read.may_contain(key))
        }
    }

    #[test]
    fn false_positives_stay_near_the_chance() {
        for (chance, at_most) in [(0.01, 150), (0.1, 1_100)] {
            let mut filter = filter(10_000, chance);
            (0..10_000_u32).for_each(|key| filter.add(&key.to_be_bytes()));
            let found = (10_000..20_000_u32).filter(|key| filter.may_contain(&key.to_be_bytes()));
            let found = found.count();
            assert!(found <= at_most, "{found} of 10000 at {chance}");
            assert!(found > 0);
        }
    }

    #[test]
    fn sizes_are_those_of_cassandra() {
        for (keys, words) in [(0, 1), (4, 1), (5, 2), (1_000, 157)] {
            assert_eq!(filter(keys, 0.01).word_count, words, "{keys} keys");
        }
    }

    #[test]
    fn other_order_of_bits_is_recognised_by_keys_that_must_be_there() {
        let keys = [b"first".as_slice(), b"last"];
        let mut written = filter(100, 0.01);
        keys.iter().for_each(|key| written.add(key));
        let mut turned = written.clone();
        turned.reverse_words();
        assert_ne!(turned, written);
        for mut read in [written.clone(), turned] {
            assert_eq!(read.check(keys.into_iter()), Ok(()));
            assert_eq!(read, written);
        }
        let other = [b"first".as_slice(), b"another"];
        let error = written
            .check(other.into_iter())
            .expect_err("a key that was not added");
        assert!(error.to_string().contains("616e6f74686572"), "{error}");
    }

    #[test]
    fn size_that_is_not_that_of_the_words_is_an_error() {
        let mut bytes = Vec::new();
        filter(5, 0.01).write(&mut bytes);
        assert!(BloomFilter::read(&bytes).is_ok());
        for cut in 0..bytes.len() {
            assert!(BloomFilter::read(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        assert!(BloomFilter::read(&[&bytes[..], &[0; 8]].concat()).is_err());
        // The bits are behind no checksum; the number of hashes may become another possible one.
        for index in 0..8 {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[index] ^= 1 << bit;
                let is_possible = index == 3 && damaged[3] != 0 && damaged[3] <= 64;
                assert_eq!(
                    BloomFilter::read(&damaged).is_ok(),
                    is_possible,
                    "byte {index} bit {bit}"
                );
            }
        }
    }
}
