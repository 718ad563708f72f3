//! Decimal numbers: a scale and an unscaled number, whose value is unscaled / 10^scale.
//!
//! | offset | size | field |
//! |---|---|---|
//! | 0 | 4 | scale, signed |
//! | 4 | rest | unscaled number, two's complement; at least one byte |
//!
//! Numbers that differ in their scale only, 1.0 and 1.00, compare equal. Source: Cassandra
//! `serializers.DecimalSerializer`, Java `BigDecimal.compareTo`.

use super::integer;
use core::cmp::Ordering;

/// Bytes of the scale.
pub(super) const SCALE_SIZE_BYTES: usize = 4;
/// Longest number whose digits are looked at, bytes: as long as a key or a clustering can be.
///
/// Finding digits takes time in the square of the size.
pub(super) const LIMIT_SIZE_BYTES: usize = 65_535;
/// Most digits of a whole number that has no scale in the form of [`Normal::write`].
const PLAIN_DIGIT_COUNT: i64 = 40;

/// Most zeros behind the last digit of a number whose scale is the least one; what a key or clustering
/// of 65535 bytes can hold has fewer.
const LIMIT_OF_ZEROS: usize = 160_000;

/// A number without the choice of a scale: 0.d₁d₂d₃… · 10^exponent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Normal {
    /// Whether the number is below zero.
    pub(super) is_negative: bool,
    /// Power of ten of the digit before the first one.
    pub(super) exponent: i64,
    /// Values 0 to 9; neither the first nor the last is 0. None of zero.
    pub(super) digits: Vec<u8>,
}

/// Scale and unscaled number; `None` when a value has not both.
pub(super) fn split(value: &[u8]) -> Option<(i32, &[u8])> {
    let (scale, unscaled) = value.split_first_chunk::<SCALE_SIZE_BYTES>()?;
    (!unscaled.is_empty()).then(|| (i32::from_be_bytes(*scale), unscaled))
}

impl Normal {
    /// Of a value; `None` when it is no decimal.
    pub(super) fn of(value: &[u8]) -> Option<Self> {
        let (scale, unscaled) = split(value)?;
        let mut digits = integer::digits(unscaled);
        let precision = i64::try_from(digits.len()).ok()?;
        while digits.last() == Some(&0) {
            digits.pop();
        }
        Some(Self {
            is_negative: integer::is_negative(unscaled),
            exponent: if digits.is_empty() {
                0
            } else {
                precision - i64::from(scale)
            },
            digits,
        })
    }

    /// Appends the bytes that stand for all values that compare equal to this one.
    ///
    /// Whole numbers of up to 40 digits have scale 0, as people write them; other numbers the
    /// smallest scale. `None` where no scale of four bytes is enough.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Option<()> {
        let mut digits = self.digits.clone();
        let precision = i64::try_from(digits.len()).ok()?;
        let smallest = precision.checked_sub(self.exponent)?;
        let is_plain = smallest < 0 && self.exponent <= PLAIN_DIGIT_COUNT;
        let scale = if digits.is_empty() || is_plain {
            0
        } else {
            smallest.max(i64::from(i32::MIN))
        };
        if !digits.is_empty() {
            let zeros = usize::try_from(scale - smallest)
                .ok()
                .filter(|zeros| *zeros <= LIMIT_OF_ZEROS)?;
            digits.resize(digits.len().checked_add(zeros)?, 0);
        }
        out.extend_from_slice(&i32::try_from(scale).ok()?.to_be_bytes());
        out.extend_from_slice(&integer::from_digits(self.is_negative, &digits));
        Some(())
    }
}

/// The order of two numbers; what is no number is zero.
pub(super) fn compare(left: &[u8], right: &[u8]) -> Ordering {
    let (Some((left_scale, left_unscaled)), Some((right_scale, right_unscaled))) =
        (split(left), split(right))
    else {
        return Ordering::Equal;
    };
    if left_scale == right_scale {
        return integer::compare(left_unscaled, right_unscaled);
    }
    let (left_sign, right_sign) = (sign(left_unscaled), sign(right_unscaled));
    if left_sign != right_sign || left_sign == 0 {
        return left_sign.cmp(&right_sign);
    }
    let (Some(left), Some(right)) = (Normal::of(left), Normal::of(right)) else {
        return Ordering::Equal;
    };
    let magnitude = left
        .exponent
        .cmp(&right.exponent)
        .then_with(|| left.digits.cmp(&right.digits));
    if left.is_negative {
        magnitude.reverse()
    } else {
        magnitude
    }
}

fn sign(unscaled: &[u8]) -> i8 {
    match integer::minimal(unscaled) {
        [] | [0] => 0,
        number if integer::is_negative(number) => -1,
        _positive => 1,
    }
}
