//! Variable length integers.
//!
//! The number of leading one bits of the first byte is the number of bytes that follow; the bits
//! behind the first zero bit and those bytes are the number, most significant first. It is not
//! LEB128. Source: Cassandra `utils.vint.VIntCoding`.
//!
//! | bytes | first byte | bits of the number |
//! |---|---|---|
//! | 1 | `0xxxxxxx` | 7 |
//! | 2 | `10xxxxxx` | 14 |
//! | … | … | … |
//! | 8 | `11111110` | 56 |
//! | 9 | `11111111` | 64 |

/// Longest form, bytes.
pub const MAX_SIZE_BYTES: usize = 9;

/// Bytes of the shortest form of a number.
#[must_use]
pub const fn unsigned_size_bytes(value: u64) -> usize {
    let significant_bits = 64 - (value | 1).leading_zeros() as usize;
    // Seven bits a byte; the ninth byte brings eight.
    if significant_bits > 56 {
        MAX_SIZE_BYTES
    } else {
        significant_bits.div_ceil(7)
    }
}

/// Appends the shortest form of a number.
pub fn write_unsigned(value: u64, out: &mut Vec<u8>) {
    if value < 0x80 {
        out.extend_from_slice(&value.to_be_bytes()[7..]);
        return;
    }
    let size_bytes = unsigned_size_bytes(value);
    if size_bytes == MAX_SIZE_BYTES {
        out.push(0xff);
        out.extend_from_slice(&value.to_be_bytes());
        return;
    }
    // `size_bytes - 1` leading ones; the number has a zero bit behind them.
    let marked = value | (!(u64::MAX >> (size_bytes - 1)) >> (64 - 8 * size_bytes));
    out.extend_from_slice(&marked.to_be_bytes()[8 - size_bytes..]);
}

/// Appends a signed number in zigzag form.
pub fn write_signed(value: i64, out: &mut Vec<u8>) {
    write_unsigned(zigzag(value), out);
}

/// Bytes that follow a first byte.
#[must_use]
pub const fn extra_size_bytes(first: u8) -> usize {
    first.leading_ones() as usize
}

/// Small magnitudes become small numbers.
#[must_use]
pub const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

/// The inverse of [`zigzag`].
#[must_use]
pub const fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

/// Reads a number from the front of `bytes`: the number and its size, or `None` where it is cut.
#[must_use]
pub fn read_unsigned(bytes: &[u8]) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    if first < 0x80 {
        return Some((u64::from(first), 1));
    }
    let extra = extra_size_bytes(first);
    let rest = bytes.get(1..=extra)?;
    let high = if extra < 7 {
        u64::from(first & (0x7f >> extra))
    } else {
        0
    };
    let value = rest
        .iter()
        .fold(high, |value, byte| (value << 8) | u64::from(*byte));
    Some((value, extra + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;

    fn written(value: u64) -> Vec<u8> {
        let mut out = Vec::new();
        write_unsigned(value, &mut out);
        out
    }

    #[test]
    fn numbers_have_the_bytes_that_cassandra_gives_them() {
        for (value, bytes) in [
            (0, &[0x00][..]),
            (127, &[0x7f]),
            (128, &[0x80, 0x80]),
            (16_383, &[0xbf, 0xff]),
            (16_384, &[0xc0, 0x40, 0x00]),
            (864_000, &[0xcd, 0x2f, 0x00]),
            ((1 << 56) - 1, &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            (1 << 56, &[0xff, 1, 0, 0, 0, 0, 0, 0, 0]),
            (u64::MAX, &[0xff; 9]),
        ] {
            assert_eq!(written(value), bytes, "{value}");
        }
    }

    #[test]
    fn every_length_begins_and_ends_where_the_table_says() {
        for bits in 0..64 {
            for value in [1_u64 << bits, (1_u64 << bits) - 1, (1_u64 << bits) + 1] {
                let bytes = written(value);
                assert_eq!(bytes.len(), unsigned_size_bytes(value), "{value}");
                assert_eq!(read_unsigned(&bytes), Some((value, bytes.len())), "{value}");
                for cut in 0..bytes.len() {
                    assert_eq!(read_unsigned(&bytes[..cut]), None, "{value} cut at {cut}");
                }
            }
        }
    }

    quickcheck! {
        fn zigzag_keeps_every_number(value: i64) -> bool {
            unzigzag(zigzag(value)) == value
        }

        fn signed_numbers_come_back(value: i64) -> bool {
            let mut out = Vec::new();
            write_signed(value, &mut out);
            read_unsigned(&out).map(|(read, _)| unzigzag(read)) == Some(value)
        }
    }
}
