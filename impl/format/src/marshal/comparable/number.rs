//! Images of numbers of any size; none begins another, and none begins with `FF`.
//!
//! | bytes | field of a varint |
//! |---|---|
//! | 1 | sign and size n of the shortest form: `80` + n − 1, below zero `7F` − (n − 1) |
//! | 0 or 8 | n where it is above 112: behind `F0` as it is, behind `0F` with all bits flipped |
//! | n | the shortest form |
//!
//! | bytes | field of a decimal |
//! |---|---|
//! | 1 | `80` of zero, which has no more; `81` above zero; `7F` below, then all other bits are flipped |
//! | 1 or 9 | exponent: `80` + e where e is within ±96; else `10` or `F0`, and e with the sign bit flipped |
//! | … | decimal digits in pairs, each plus one, the last filled with 0; then `00` |

use super::element::{Image, NoImage};
use crate::marshal::decimal::Normal;
use crate::marshal::integer;

/// Longest form whose size stands in the first byte, bytes.
const SHORT_SIZE_BYTES: usize = 112;
const LONG_POSITIVE: u8 = 0xf0;
const LONG_NEGATIVE: u8 = 0x0f;
/// First byte of zero, and of numbers of one byte that are not below zero.
const ZERO: u8 = 0x80;
const POSITIVE: u8 = 0x81;
const NEGATIVE: u8 = 0x7f;
/// Exponents of up to this magnitude take one byte.
const SHORT_EXPONENT: i64 = 96;
const LONG_EXPONENT_NEGATIVE: u8 = 0x10;
const LONG_EXPONENT_POSITIVE: u8 = 0xf0;
const END_OF_DIGITS: u8 = 0;
/// Pairs of digits are 0 to 99; their images leave zero to the end.
const HIGHEST_PAIR: u8 = 100;

/// Appends the image of a number.
pub(super) fn write_integer(value: &[u8], image: &mut Vec<u8>) {
    let number = integer::minimal(value);
    let is_negative = integer::is_negative(number);
    let size_bytes = number.len();
    match u8::try_from(size_bytes.saturating_sub(1)) {
        Ok(more) if size_bytes <= SHORT_SIZE_BYTES => {
            image.push(if is_negative { NEGATIVE - more } else { ZERO + more });
        }
        Ok(_) | Err(_) => {
            let size_bytes = size_bytes as u64;
            let (mark, size_bytes) = if is_negative {
                (LONG_NEGATIVE, !size_bytes)
            } else {
                (LONG_POSITIVE, size_bytes)
            };
            image.push(mark);
            image.extend_from_slice(&size_bytes.to_be_bytes());
        }
    }
    image.extend_from_slice(number);
}

/// Reads the image of a number and appends it.
pub(super) fn read_integer(image: &mut Image<'_>, value: &mut Vec<u8>) -> Result<(), NoImage> {
    let size_bytes = match image.next()? {
        mark @ (LONG_NEGATIVE | LONG_POSITIVE) => {
            let size_bytes = u64::from_be_bytes(read_array(image)?);
            let size_bytes = if mark == LONG_NEGATIVE {
                !size_bytes
            } else {
                size_bytes
            };
            usize::try_from(size_bytes).map_err(|_| NoImage)?
        }
        mark if mark < ZERO && mark > LONG_NEGATIVE => usize::from(NEGATIVE - mark) + 1,
        mark if (ZERO..LONG_POSITIVE).contains(&mark) => usize::from(mark - ZERO) + 1,
        _no_mark => return Err(NoImage),
    };
    image.take(size_bytes, value)
}

/// Appends the image of a decimal.
pub(super) fn write_decimal(value: &[u8], image: &mut Vec<u8>) {
    let Some(normal) = Normal::of(value).filter(|normal| !normal.digits.is_empty()) else {
        image.push(ZERO);
        return;
    };
    image.push(if normal.is_negative { NEGATIVE } else { POSITIVE });
    let start = image.len();
    write_exponent(normal.exponent, image);
    image.extend(normal.digits.chunks(2).map(|pair| match pair {
        [high, low] => high * 10 + low + 1,
        [high] => high * 10 + 1,
        _ => END_OF_DIGITS,
    }));
    image.push(END_OF_DIGITS);
    if normal.is_negative {
        super::complement_from(start, image);
    }
}

/// Reads the image of a decimal and appends one of the values that have it.
pub(super) fn read_decimal(image: &mut Image<'_>, value: &mut Vec<u8>) -> Result<(), NoImage> {
    let is_negative = match image.next()? {
        ZERO => {
            let zero = Normal {
                is_negative: false,
                exponent: 0,
                digits: Vec::new(),
            };
            return zero.write(value).ok_or(NoImage);
        }
        POSITIVE => false,
        NEGATIVE => true,
        _no_mark => return Err(NoImage),
    };
    let mask = if is_negative { 0xff } else { 0x00 };
    let exponent = read_exponent(mask, image)?;
    let mut digits = Vec::new();
    loop {
        match image.next()? ^ mask {
            END_OF_DIGITS => break,
            pair @ 1..=HIGHEST_PAIR => digits.extend([(pair - 1) / 10, (pair - 1) % 10]),
            _no_digits => return Err(NoImage),
        }
    }
    if digits.last() == Some(&0) {
        digits.pop();
    }
    // Neither zero in front nor at the end, or the number would have another image.
    if digits.first().is_none_or(|digit| *digit == 0) || digits.last() == Some(&0) {
        return Err(NoImage);
    }
    let normal = Normal {
        is_negative,
        exponent,
        digits,
    };
    normal.write(value).ok_or(NoImage)
}

fn write_exponent(exponent: i64, image: &mut Vec<u8>) {
    match i8::try_from(exponent) {
        Ok(short) if exponent.abs() <= SHORT_EXPONENT => image.push(short.cast_unsigned() ^ ZERO),
        Ok(_) | Err(_) => {
            image.push(if exponent < 0 {
                LONG_EXPONENT_NEGATIVE
            } else {
                LONG_EXPONENT_POSITIVE
            });
            image.extend_from_slice(&(exponent ^ i64::MIN).to_be_bytes());
        }
    }
}

fn read_exponent(mask: u8, image: &mut Image<'_>) -> Result<i64, NoImage> {
    match image.next()? ^ mask {
        LONG_EXPONENT_NEGATIVE | LONG_EXPONENT_POSITIVE => {
            let exponent = i64::from_be_bytes(read_array(image)?.map(|byte| byte ^ mask)) ^ i64::MIN;
            if exponent.unsigned_abs() > SHORT_EXPONENT.unsigned_abs() {
                Ok(exponent)
            } else {
                Err(NoImage)
            }
        }
        byte => {
            let exponent = i64::from((byte ^ ZERO).cast_signed());
            if exponent.abs() <= SHORT_EXPONENT {
                Ok(exponent)
            } else {
                Err(NoImage)
            }
        }
    }
}

fn read_array<const N: usize>(image: &mut Image<'_>) -> Result<[u8; N], NoImage> {
    let mut bytes = [0; N];
    for byte in &mut bytes {
        *byte = image.next()?;
    }
    Ok(bytes)
}
