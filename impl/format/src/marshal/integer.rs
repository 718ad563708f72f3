//! Numbers of any size: `varint`, and the digits of `decimal`.
//!
//! Two's complement, most significant byte first. Bytes in front that repeat the sign mean nothing;
//! the form without them is the minimal one, which Java's `BigInteger` writes. Source: Cassandra
//! `db.marshal.IntegerType`.

use super::natural::low_half;
use core::cmp::Ordering;

/// Decimal digits of a chunk in conversions.
const CHUNK_DIGIT_COUNT: usize = 9;
/// Ten to that power.
const CHUNK: u64 = 1_000_000_000;

/// A number without the bytes in front that only repeat its sign; empty stays empty.
pub(super) fn minimal(value: &[u8]) -> &[u8] {
    let mut rest = value;
    while let [first @ (0x00 | 0xff), behind @ ..] = rest {
        match behind {
            [second, ..] if (*first ^ *second) & 0x80 == 0 => rest = behind,
            _ => break,
        }
    }
    rest
}

/// Whether a number is below zero.
pub(super) fn is_negative(value: &[u8]) -> bool {
    value.first().is_some_and(|first| *first & 0x80 != 0)
}

/// The order of two numbers; empty is zero.
pub(super) fn compare(left: &[u8], right: &[u8]) -> Ordering {
    let (left, right) = (minimal(left), minimal(right));
    match (is_negative(left), is_negative(right)) {
        (false, true) => Ordering::Greater,
        (true, false) => Ordering::Less,
        (false, false) => left.len().cmp(&right.len()).then_with(|| left.cmp(right)),
        (true, true) => right.len().cmp(&left.len()).then_with(|| left.cmp(right)),
    }
}

/// Decimal digits, values 0 to 9, of the magnitude of a number; none of zero.
///
/// Takes time in the square of the size.
pub(super) fn digits(value: &[u8]) -> Vec<u8> {
    let value = minimal(value);
    if value.len() <= 16 {
        return small_digits(value);
    }
    let mut limbs = limbs_of_magnitude(value);
    let mut chunks = Vec::new();
    while limbs.last().is_some() {
        let remainder = divide_by_chunk(&mut limbs);
        chunks.push(remainder);
        while limbs.last() == Some(&0) {
            limbs.pop();
        }
    }
    let mut digits = Vec::with_capacity(chunks.len() * CHUNK_DIGIT_COUNT);
    for chunk in chunks {
        push_reversed_digits(chunk, &mut digits);
    }
    while digits.last() == Some(&0) {
        digits.pop();
    }
    digits.reverse();
    digits
}

/// The minimal number with this sign and these decimal digits.
pub(super) fn from_digits(is_negative: bool, digits: &[u8]) -> Vec<u8> {
    let mut limbs: Vec<u32> = Vec::new();
    for chunk in digits.chunks(CHUNK_DIGIT_COUNT) {
        let (scale, value) = chunk.iter().fold((1, 0), |(scale, value), digit| {
            (scale * 10, value * 10 + u64::from(*digit))
        });
        multiply_and_add(&mut limbs, scale, value);
    }
    // One byte more than the magnitude needs, for the sign.
    let mut bytes = vec![0];
    bytes.extend(limbs.iter().rev().flat_map(|limb| limb.to_be_bytes()));
    if is_negative {
        negate(&mut bytes);
    }
    minimal(&bytes).to_vec()
}

fn small_digits(value: &[u8]) -> Vec<u8> {
    let mut bytes = [if is_negative(value) { 0xff } else { 0 }; 16];
    if let Some(start) = bytes.len().checked_sub(value.len())
        && let Some(back) = bytes.get_mut(start..)
    {
        back.copy_from_slice(value);
    }
    let magnitude = i128::from_be_bytes(bytes).unsigned_abs();
    if magnitude == 0 {
        return Vec::new();
    }
    let mut text = magnitude.to_string().into_bytes();
    for digit in &mut text {
        *digit -= b'0';
    }
    text
}

/// The magnitude in limbs of 32 bits, least significant first, without zeros at the end.
fn limbs_of_magnitude(value: &[u8]) -> Vec<u32> {
    let mut magnitude = value.to_vec();
    if is_negative(value) {
        // The least negative number of its size has a magnitude with the sign bit set, which is
        // read as unsigned here.
        negate(&mut magnitude);
    }
    let mut limbs: Vec<u32> = magnitude
        .rchunks(4)
        .map(|chunk| chunk.iter().fold(0, |limb, byte| limb << 8 | u32::from(*byte)))
        .collect();
    while limbs.last() == Some(&0) {
        limbs.pop();
    }
    limbs
}

/// Two's complement of the same size.
fn negate(bytes: &mut [u8]) {
    let mut carry = true;
    for byte in bytes.iter_mut().rev() {
        (*byte, carry) = (!*byte).overflowing_add(u8::from(carry));
    }
}

fn divide_by_chunk(limbs: &mut [u32]) -> u64 {
    let mut remainder = 0;
    for limb in limbs.iter_mut().rev() {
        let dividend = remainder << 32 | u64::from(*limb);
        *limb = low_half(dividend / CHUNK);
        remainder = dividend % CHUNK;
    }
    remainder
}

fn multiply_and_add(limbs: &mut Vec<u32>, scale: u64, value: u64) {
    let mut carry = value;
    for limb in limbs.iter_mut() {
        // Both factors are below 2^32, so the product and the carry fit.
        let product = u64::from(*limb) * scale + carry;
        *limb = low_half(product);
        carry = product >> 32;
    }
    if carry != 0 {
        limbs.push(low_half(carry));
    }
}

fn push_reversed_digits(mut chunk: u64, digits: &mut Vec<u8>) {
    for _ in 0..CHUNK_DIGIT_COUNT {
        digits.push(u8::try_from(chunk % 10).expect("a decimal digit is below ten"));
        chunk /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn minimal_numbers_keep_one_sign_bit() {
        for (value, expected) in [
            (&[][..], &[][..]),
            (&[0], &[0]),
            (&[0, 0], &[0]),
            (&[0, 0x7f], &[0x7f]),
            (&[0, 0x80], &[0, 0x80]),
            (&[0xff, 0xff], &[0xff]),
            (&[0xff, 0x80], &[0x80]),
            (&[0xff, 0x7f], &[0xff, 0x7f]),
        ] {
            assert_eq!(minimal(value), expected, "{value:?}");
        }
    }

    #[test]
    fn least_numbers_of_a_size_have_their_digits() {
        // -2^(8n-1) is the one number whose negation needs one bit more.
        let mut value = vec![0; 17];
        value[0] = 0x80;
        let text: String = digits(&value)
            .iter()
            .map(|digit| char::from(digit + b'0'))
            .collect();
        assert_eq!(text, "43556142965880123323311949751266331066368");
        assert_eq!(from_digits(true, &digits(&value)), value);
    }

    proptest! {
        #[test]
        fn digits_make_the_number_again(value in proptest::collection::vec(any::<u8>(), 0..80)) {
            let back = from_digits(is_negative(&value), &digits(&value));
            let expected: &[u8] = if value.is_empty() { &[0] } else { minimal(&value) };
            prop_assert_eq!(back, expected);
        }

        #[test]
        fn small_numbers_have_the_digits_of_rust(value: i128) {
            let text: String = digits(&value.to_be_bytes()).iter().map(|digit| char::from(digit + b'0')).collect();
            let expected = value.unsigned_abs().to_string();
            prop_assert_eq!(text, if value == 0 { String::new() } else { expected });
        }

        #[test]
        fn small_numbers_order_as_in_rust(left: i64, right: i64, left_shift in 0..64_u32, right_shift in 0..64_u32) {
            let (left, right) = (left >> left_shift, right >> right_shift);
            prop_assert_eq!(compare(&left.to_be_bytes(), minimal(&right.to_be_bytes())), left.cmp(&right));
        }
    }
}
