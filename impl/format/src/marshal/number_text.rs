//! Numbers of any size as Java prints them.
//!
//! Source: Java `BigDecimal.toString`, `BigInteger.toString`.

use super::decimal;
use super::integer;
use core::fmt::Write as _;

/// From this exponent on, a decimal that is not scaled up is printed without one.
const LEAST_PLAIN_EXPONENT: i64 = -6;

/// A varint; `None` when it is too long to print.
pub(super) fn integer_text(value: &[u8]) -> Option<String> {
    if value.len() > decimal::LIMIT_SIZE_BYTES {
        return None;
    }
    let mut text = String::new();
    if integer::is_negative(value) {
        text.push('-');
    }
    let digits = integer::digits(value);
    push_digits(if digits.is_empty() { &[0] } else { &digits }, &mut text);
    Some(text)
}

/// A decimal; `None` when it is none, or too long to print.
pub(super) fn decimal_text(value: &[u8]) -> Option<String> {
    let (scale, unscaled) = decimal::split(value)?;
    if unscaled.len() > decimal::LIMIT_SIZE_BYTES {
        return None;
    }
    let scale = i64::from(scale);
    let found = integer::digits(unscaled);
    let digits: &[u8] = if found.is_empty() { &[0] } else { &found };
    let digit_count = i64::try_from(digits.len()).ok()?;
    let exponent = digit_count - 1 - scale;
    let mut text = String::new();
    if integer::is_negative(unscaled) {
        text.push('-');
    }
    if scale == 0 {
        push_digits(digits, &mut text);
    } else if scale > 0 && exponent >= LEAST_PLAIN_EXPONENT {
        match usize::try_from(digit_count - scale)
            .ok()
            .filter(|whole| *whole > 0)
        {
            Some(whole_digit_count) => {
                let (whole, fraction) = digits.split_at_checked(whole_digit_count)?;
                push_digits(whole, &mut text);
                text.push('.');
                push_digits(fraction, &mut text);
            }
            None => {
                let zeros = usize::try_from(scale - digit_count).ok()?;
                text.push_str("0.");
                text.extend(core::iter::repeat_n('0', zeros));
                push_digits(digits, &mut text);
            }
        }
    } else {
        let (first, rest) = digits.split_at_checked(1)?;
        push_digits(first, &mut text);
        if !rest.is_empty() {
            text.push('.');
            push_digits(rest, &mut text);
        }
        if exponent != 0 {
            write!(text, "E{exponent:+}").ok()?;
        }
    }
    Some(text)
}

fn push_digits(digits: &[u8], text: &mut String) {
    text.extend(digits.iter().map(|digit| char::from(b'0' + digit)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_print_as_in_java() {
        for (scale, unscaled, expected) in [
            (0_i32, 123_i64, "123"),
            (4, -1_234_500, "-123.4500"),
            (-3, 1, "1E+3"),
            (-3, 123, "1.23E+5"),
            (2, 5, "0.05"),
            (7, 5, "5E-7"),
            (6, 5, "0.000005"),
            (10, 123, "1.23E-8"),
            (8, 123, "0.00000123"),
            (2, 0, "0.00"),
            (7, 0, "0E-7"),
            (-3, 0, "0E+3"),
            (i32::MAX, 1, "1E-2147483647"),
            (i32::MIN, -12, "-1.2E+2147483649"),
        ] {
            let value = [&scale.to_be_bytes()[..], &unscaled.to_be_bytes()].concat();
            assert_eq!(decimal_text(&value).as_deref(), Some(expected));
        }
        assert_eq!(decimal_text(&[0, 0, 0, 1]), None);
    }
}
