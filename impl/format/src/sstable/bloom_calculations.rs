//! Size of a Bloom filter and its number of hashes, from the false positives that a table accepts.
//!
//! Chapter: `specs/08-sstable.md`. Source: Cassandra `utils.BloomCalculations`, whose table of
//! probabilities is that of Cao, "Bloom Filters - the math".

/// How many bits and hashes a key gets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BloomSpecification {
    /// Bits that each key sets.
    pub hash_count: u32,
    /// Bits of the filter for each expected key.
    pub buckets_per_element: u32,
}

/// Fewest bits a key that the table has.
const MIN_BUCKETS: u32 = 2;

/// False positives by bits a key, from [`MIN_BUCKETS`] on, and hashes, from 1 on.
const PROBABILITIES: [&[f64]; 19] = [
    &[0.393, 0.400],
    &[0.283, 0.237, 0.253],
    &[0.221, 0.155, 0.147, 0.160],
    &[0.181, 0.109, 0.092, 0.092, 0.101],
    &[0.154, 0.0804, 0.0609, 0.0561, 0.0578, 0.0638],
    &[0.133, 0.0618, 0.0423, 0.0359, 0.0347, 0.0364],
    &[0.118, 0.0489, 0.0306, 0.024, 0.0217, 0.0216, 0.0229],
    &[0.105, 0.0397, 0.0228, 0.0166, 0.0141, 0.0133, 0.0135, 0.0145],
    &[0.0952, 0.0329, 0.0174, 0.0118, 0.00943, 0.00844, 0.00819, 0.00846],
    &[0.0869, 0.0276, 0.0136, 0.00864, 0.0065, 0.00552, 0.00513, 0.00509],
    &[0.08, 0.0236, 0.0108, 0.00646, 0.00459, 0.00371, 0.00329, 0.00314],
    &[
        0.074, 0.0203, 0.00875, 0.00492, 0.00332, 0.00255, 0.00217, 0.00199, 0.00194,
    ],
    &[
        0.0689, 0.0177, 0.00718, 0.00381, 0.00244, 0.00179, 0.00146, 0.00129, 0.00121, 0.0012,
    ],
    &[
        0.0645, 0.0156, 0.00596, 0.003, 0.00183, 0.00128, 0.001, 0.000_852, 0.000_775, 0.000_744,
    ],
    &[
        0.0606, 0.0138, 0.005, 0.00239, 0.00139, 0.000_935, 0.000_702, 0.000_574, 0.000_505, 0.000_47,
        0.000_459,
    ],
    &[
        0.0571, 0.0123, 0.00423, 0.00193, 0.00107, 0.000_692, 0.000_499, 0.000_394, 0.000_335, 0.000_302,
        0.000_287, 0.000_284,
    ],
    &[
        0.054, 0.0111, 0.00362, 0.00158, 0.000_839, 0.000_519, 0.000_36, 0.000_275, 0.000_226, 0.000_198,
        0.000_183, 0.000_176,
    ],
    &[
        0.0513, 0.00998, 0.00312, 0.0013, 0.000_663, 0.000_394, 0.000_264, 0.000_194, 0.000_155, 0.000_132,
        0.000_118, 0.000_111, 0.000_109,
    ],
    &[
        0.0488, 0.00906, 0.0027, 0.00108, 0.000_53, 0.000_303, 0.000_196, 0.000_14, 0.000_108, 8.89e-5,
        7.77e-5, 7.12e-5, 6.79e-5, 6.71e-5,
    ],
];

impl BloomSpecification {
    /// The fewest bits, then the fewest hashes, that keep false positives at or below `chance`, or
    /// `None` for a chance below what the table reaches, which the schema refuses.
    ///
    /// Cassandra: `BloomCalculations.computeBloomSpec`.
    #[must_use]
    pub fn for_false_positive_chance(chance: f64) -> Option<Self> {
        let (&[highest, ..], _) = PROBABILITIES.split_first()? else {
            return None;
        };
        if chance >= *highest {
            // Cassandra takes one bit a key and two hashes here, which reach 0.75 at best.
            return Some(Self {
                hash_count: 2,
                buckets_per_element: 1,
            });
        }
        (MIN_BUCKETS..)
            .zip(PROBABILITIES)
            .find_map(|(buckets_per_element, by_hashes)| {
                let best = by_hashes.iter().copied().min_by(f64::total_cmp)?;
                let best_hash_count = by_hashes.iter().position(|probability| *probability == best)? + 1;
                // From the best number of hashes downwards, as long as the chance is met.
                let relaxed = by_hashes.get(..best_hash_count)?.iter().rev();
                let met_count = relaxed.take_while(|probability| **probability <= chance).count();
                let spared_count = met_count.checked_sub(1)?;
                Some(Self {
                    hash_count: u32::try_from(best_hash_count - spared_count).ok()?,
                    buckets_per_element,
                })
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn specification(chance: f64) -> Option<(u32, u32)> {
        BloomSpecification::for_false_positive_chance(chance)
            .map(|specification| (specification.buckets_per_element, specification.hash_count))
    }

    #[test]
    fn defaults_of_tables_take_the_bits_that_cassandra_takes() {
        assert_eq!(specification(0.01), Some((10, 5)));
        assert_eq!(specification(0.1), Some((5, 3)));
        assert_eq!(specification(0.001), Some((15, 7)));
        assert_eq!(specification(0.000_1), Some((20, 10)));
    }

    #[test]
    fn generous_chances_take_one_bit_and_two_hashes() {
        assert_eq!(specification(0.393), Some((1, 2)));
        assert_eq!(specification(0.99), Some((1, 2)));
        assert_eq!(specification(0.392), Some((3, 1)));
    }

    #[test]
    fn chance_below_the_table_has_no_filter() {
        assert_eq!(specification(6.71e-5), Some((20, 14)));
        assert_eq!(specification(6.70e-5), None);
        assert_eq!(specification(0.0), None);
        assert_eq!(specification(f64::NAN), None);
    }
}
