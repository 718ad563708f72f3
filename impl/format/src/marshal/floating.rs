//! Floating point numbers as Java prints them, up to JDK 18.
//!
//! Cassandra 4 and 5 run on these, and their tools print through `Double.toString` and
//! `Float.toString`. The digits are usually the shortest that give the number back, but not always:
//!
//! * a whole number below 2^63 loses those digits only that are sure to mean nothing, however few
//!   would do;
//! * a number that is printed with an exponent gets two digits before it is asked whether they are
//!   enough;
//! * a power of two is told apart from its lower neighbour by the closer one's half distance.
//!
//! JDK 19 and later print the shortest. Source: behaviour of Java 17, compared with
//! `jdk.internal.math.FloatingDecimal` by millions of random numbers.

use super::natural::{Natural, low_half};
use core::cmp::Ordering;

/// Bits of a `double` behind the leading one.
const DOUBLE_FRACTION_BIT_COUNT: u32 = 52;
/// Bits of a `float` behind the leading one.
const FLOAT_FRACTION_BIT_COUNT: u32 = 23;
/// From this power of ten up, and below the next one, numbers have an exponent.
const PLAIN_EXPONENTS: core::ops::Range<i32> = -3..7;
/// Powers of five up to this one fit 64 bits.
const LIMIT_OF_SMALL_POWER: u32 = 27;

/// Decimal digits of a number: 0.d₁d₂d₃… · 10^point.
struct Digits {
    /// Values 0 to 9.
    digits: Vec<u8>,
    /// Power of ten of the digit before the first one.
    point: i32,
}

/// A `double`.
pub(super) fn double_text(number: f64) -> String {
    let bits = number.to_bits();
    text(
        number,
        bits & ((1 << DOUBLE_FRACTION_BIT_COUNT) - 1),
        (bits >> DOUBLE_FRACTION_BIT_COUNT) & 0x7ff,
        DOUBLE_FRACTION_BIT_COUNT,
        1023,
    )
}

/// A `float`.
pub(super) fn float_text(number: f32) -> String {
    let bits = u64::from(number.to_bits());
    text(
        f64::from(number),
        bits & ((1 << FLOAT_FRACTION_BIT_COUNT) - 1),
        (bits >> FLOAT_FRACTION_BIT_COUNT) & 0xff,
        FLOAT_FRACTION_BIT_COUNT,
        127,
    )
}

/// A number of either width, from its fields.
fn text(number: f64, fraction: u64, biased: u64, fraction_bit_count: u32, bias: i32) -> String {
    let sign = if number.is_sign_negative() { "-" } else { "" };
    if number.is_nan() {
        return "NaN".into();
    }
    if number.is_infinite() {
        return format!("{sign}Infinity");
    }
    if number == 0.0 {
        return format!("{sign}0.0");
    }
    // A number without a leading one counts its exponent as the smallest with one does.
    let (significand, biased) = match biased {
        0 => (fraction, 1),
        biased => (fraction | 1 << fraction_bit_count, biased),
    };
    let biased = i32::try_from(biased).expect("an exponent has at most 11 bits");
    let shift = i32::try_from(fraction_bit_count).expect("a fraction has at most 52 bits");
    let digits = digits_of(significand, biased - bias - shift);
    format!("{sign}{}", digits.text())
}

/// Digits of significand · 2^exponent.
fn digits_of(significand: u64, exponent: i32) -> Digits {
    let bit_count = bit_count(significand);
    let exponent_of_first = exponent + bit_count - 1;
    let zeros = i32::try_from(significand.trailing_zeros()).expect("at most 63 bits are zero");
    if exponent + zeros >= 0 && exponent_of_first <= 62 {
        let whole = match u32::try_from(exponent) {
            Ok(shift) => significand << shift,
            Err(_) => significand >> exponent.unsigned_abs(),
        };
        return whole_digits(whole, exponent_of_first - bit_count - 1);
    }
    Generator::digits_of(significand >> zeros, exponent + zeros, bit_count)
}

fn bit_count(significand: u64) -> i32 {
    i32::try_from(u64::BITS - significand.leading_zeros()).expect("there are at most 64 bits")
}

/// Digits of a whole number whose last `excess + 1` bits were never stored.
fn whole_digits(whole: u64, excess: i32) -> Digits {
    let dropped = u32::try_from(excess)
        .ok()
        .and_then(|excess| 1_u64.checked_shl(excess))
        .map_or(0, u64::ilog10);
    let scale = 10_u64.pow(dropped);
    let rounded = whole / scale + u64::from(whole % scale >= scale.div_ceil(2) && dropped > 0);
    let text = rounded.to_string();
    let digit_count = i32::try_from(text.len()).expect("64 bits have at most 20 digits");
    let digits = text
        .trim_end_matches('0')
        .bytes()
        .map(|digit| digit - b'0')
        .collect();
    Digits {
        digits,
        point: digit_count + i32::try_from(dropped).expect("at most 19 digits are dropped"),
    }
}

/// Makes digits one by one, until they tell the number from its neighbours.
struct Generator {
    /// Power of ten of the digit that was made last.
    power: i32,
    /// The digits so far.
    digits: Vec<u8>,
}

/// What is left of a number when digits have been taken off it.
///
/// The number is `rest` / `unit` · 10^power. Half its distance to the next number is `half_gap`, in
/// the same measure.
trait Remainder {
    /// Takes the next digit off the rest, and goes one power of ten down.
    fn next_digit(&mut self) -> u8;

    /// Whether the digits so far, as they are or with the last one raised, tell the number.
    fn is_enough(&self) -> (bool, bool);

    /// Whether the rest is less or more than half a digit.
    fn compare_to_half(&self) -> Ordering;
}

/// In machine words, which Java lets overflow.
///
/// A sum that overflows is negative there, and does not reach the next digit; a gap that does is
/// taken as greater than everything.
struct Words {
    rest: i64,
    unit: i64,
    half_gap: i64,
    /// Cuts a product or sum to the width of Java's type.
    cut: fn(i64) -> i64,
}

/// In numbers without a limit.
struct Naturals {
    rest: Natural,
    unit: Natural,
    ten_units: Natural,
    half_gap: Natural,
}

/// Factors of number, unit and half gap: powers of two and five, and the significand.
struct Factors {
    significand: u64,
    fives_up: u32,
    fives_down: u32,
    number_twos: u32,
    unit_twos: u32,
    gap_twos: u32,
}

impl Generator {
    /// Digits of an odd significand; `bit_count` are the bits that the number was stored with.
    fn digits_of(significand: u64, exponent: i32, bit_count: i32) -> Digits {
        let own_bit_count = self::bit_count(significand);
        let exponent_of_first = exponent + own_bit_count - 1;
        let power = estimated_power(significand, own_bit_count, exponent_of_first);
        let gap_twos = exponent_of_first - bit_count - i32::from(own_bit_count == 1);
        // Only the differences of the powers of two count.
        let least = exponent.min(power).min(gap_twos);
        let factors = Factors {
            significand,
            fives_up: power.unsigned_abs() * u32::from(power < 0),
            fives_down: power.unsigned_abs() * u32::from(power > 0),
            number_twos: exponent.abs_diff(least),
            unit_twos: power.abs_diff(least),
            gap_twos: gap_twos.abs_diff(least),
        };
        let generator = Self {
            power,
            digits: Vec::new(),
        };
        match factors.word_bit_count(own_bit_count.unsigned_abs()) {
            0..32 => generator.digits(factors.words(|value| i64::from(low_half_signed(value)))),
            32..64 => generator.digits(factors.words(|value| value)),
            _ => generator.digits(factors.naturals()),
        }
    }

    fn digits(mut self, mut remainder: impl Remainder) -> Digits {
        let first = remainder.next_digit();
        let (mut is_low, mut is_high) = remainder.is_enough();
        if first == 0 && !is_high {
            self.power -= 1;
        } else {
            self.digits.push(first);
        }
        if !(-3..8).contains(&self.power) {
            (is_low, is_high) = (false, false);
        }
        while !is_low && !is_high {
            self.digits.push(remainder.next_digit());
            (is_low, is_high) = remainder.is_enough();
        }
        let is_odd = self.digits.last().is_some_and(|digit| digit % 2 == 1);
        let is_rounded_up = match (is_high, is_low) {
            (true, true) => match remainder.compare_to_half() {
                Ordering::Less => false,
                Ordering::Equal => is_odd,
                Ordering::Greater => true,
            },
            (is_high, _) => is_high,
        };
        let mut digits = Digits {
            digits: self.digits,
            point: self.power + 1,
        };
        if is_rounded_up {
            digits.round_up();
        }
        digits
    }
}

impl Factors {
    /// Bits of the larger of the number and ten units, as Java estimates them.
    fn word_bit_count(&self, significand_bit_count: u32) -> u32 {
        let bits = |fives: u32| match fives {
            0 => 0,
            1..LIMIT_OF_SMALL_POWER => 5_u64.pow(fives).ilog2() + 1,
            _ => fives * 3,
        };
        let number = significand_bit_count + self.number_twos + bits(self.fives_up);
        let ten_units = self.unit_twos + 1 + bits(self.fives_down + 1);
        number.max(ten_units)
    }

    fn words(&self, cut: fn(i64) -> i64) -> Words {
        let five = |fives: u32| 5_i64.pow(fives);
        let significand = i64::try_from(self.significand).expect("a significand has at most 53 bits");
        Words {
            rest: (significand * five(self.fives_up)) << self.number_twos,
            unit: five(self.fives_down) << self.unit_twos,
            half_gap: five(self.fives_up) << self.gap_twos,
            cut,
        }
    }

    fn naturals(&self) -> Naturals {
        let unit = Natural::power_of_five(self.fives_down).shifted(self.unit_twos);
        let mut ten_units = unit.clone();
        ten_units.multiply(10);
        let mut rest = Natural::power_of_five(self.fives_up);
        rest.multiply_wide(self.significand);
        Naturals {
            rest: rest.shifted(self.number_twos),
            unit,
            ten_units,
            half_gap: Natural::power_of_five(self.fives_up).shifted(self.gap_twos),
        }
    }
}

impl Remainder for Words {
    fn next_digit(&mut self) -> u8 {
        let digit = self.rest / self.unit;
        self.rest = (self.cut)((self.rest % self.unit).wrapping_mul(10));
        self.half_gap = (self.cut)(self.half_gap.wrapping_mul(10));
        u8::try_from(digit).unwrap_or_default()
    }

    fn is_enough(&self) -> (bool, bool) {
        if self.half_gap <= 0 {
            return (true, true);
        }
        let sum = (self.cut)(self.rest.wrapping_add(self.half_gap));
        (self.rest < self.half_gap, sum > self.unit * 10)
    }

    fn compare_to_half(&self) -> Ordering {
        // The rest is less than ten units, which fit.
        (self.rest - self.unit * 5).cmp(&0)
    }
}

impl Remainder for Naturals {
    fn next_digit(&mut self) -> u8 {
        let mut digit = 0;
        while self.rest.compare(&self.unit).is_ge() {
            self.rest.subtract(&self.unit);
            digit += 1;
        }
        self.rest.multiply(10);
        self.half_gap.multiply(10);
        digit
    }

    fn is_enough(&self) -> (bool, bool) {
        let mut sum = self.rest.clone();
        sum.add(&self.half_gap);
        (
            self.rest.compare(&self.half_gap).is_lt(),
            sum.compare(&self.ten_units).is_ge(),
        )
    }

    fn compare_to_half(&self) -> Ordering {
        let mut doubled = self.rest.clone();
        doubled.multiply(2);
        doubled.compare(&self.ten_units)
    }
}

/// Power of ten of the first digit, or one more.
fn estimated_power(significand: u64, bit_count: i32, exponent_of_first: i32) -> i32 {
    // The significand as a number from 1 to 2: its bits behind the first one, moved up to the front.
    let unused = u32::try_from(64 - bit_count).unwrap_or_default();
    let fraction = (significand << unused << 1) >> (u64::BITS - DOUBLE_FRACTION_BIT_COUNT);
    let leading = f64::from_bits(1023 << DOUBLE_FRACTION_BIT_COUNT | fraction);
    #[expect(clippy::approx_constant, reason = "Java has this many digits of it")]
    let estimate = (leading - 1.5) * 0.289_529_654
        + 0.176_091_259
        + f64::from(exponent_of_first) * 0.301_029_995_663_981;
    // It lies between -325 and 309.
    (-400..400)
        .rev()
        .find(|power| f64::from(*power) <= estimate)
        .unwrap_or_default()
}

impl Digits {
    /// Raises the last digit.
    fn round_up(&mut self) {
        for digit in self.digits.iter_mut().rev() {
            if *digit < 9 {
                *digit += 1;
                return;
            }
            *digit = 0;
        }
        // All were nines.
        if let Some(first) = self.digits.first_mut() {
            *first = 1;
        }
        self.point += 1;
    }

    fn text(&self) -> String {
        let digits: String = self.digits.iter().map(|digit| char::from(b'0' + digit)).collect();
        let exponent = self.point - 1;
        let (whole, fraction, suffix) = if !PLAIN_EXPONENTS.contains(&exponent) {
            let (first, rest) = digits.split_at_checked(1).unwrap_or((&digits, ""));
            (first.to_owned(), rest.to_owned(), format!("E{exponent}"))
        } else if let Ok(whole_digit_count) = usize::try_from(self.point)
            && whole_digit_count > 0
        {
            let zeros = "0".repeat(whole_digit_count.saturating_sub(digits.len()));
            let (whole, rest) = digits
                .split_at_checked(whole_digit_count)
                .unwrap_or((&digits, ""));
            (format!("{whole}{zeros}"), rest.to_owned(), String::new())
        } else {
            let zeros = "0".repeat(usize::try_from(-self.point).unwrap_or_default());
            ("0".to_owned(), format!("{zeros}{digits}"), String::new())
        };
        let fraction = if fraction.is_empty() { "0" } else { &fraction };
        format!("{whole}.{fraction}{suffix}")
    }
}

fn low_half_signed(value: i64) -> i32 {
    low_half(value.cast_unsigned()).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_as_in_java_17() {
        for (number, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (-2.5, "-2.5"),
            (100.0, "100.0"),
            (1_234_567.0, "1234567.0"),
            (9_999_999.0, "9999999.0"),
            (1e7, "1.0E7"),
            (1.5e10, "1.5E10"),
            (0.001, "0.001"),
            (0.0123, "0.0123"),
            (0.000_999, "9.99E-4"),
            (1e23, "9.999999999999999E22"),
            (2e23, "1.9999999999999998E23"),
            (f64::MIN_POSITIVE, "2.2250738585072014E-308"),
            (5e-324, "4.9E-324"),
            (f64::MAX, "1.7976931348623157E308"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
            // Not the shortest.
            (f64::from_bits(0xc380_ffff_0113_4c7f), "-1.53122250468986848E17"),
            (f64::from_bits(0x43de_8055_90a2_a173), "8.7914027913957734E18"),
            (f64::from_bits(0x80), "6.32E-322"),
            // The midpoint to the next number has fewer digits.
            (f64::from_bits(0x45d0_c570_cb5c_6a79), "2.07618048E28"),
        ] {
            assert_eq!(double_text(number), expected);
        }
        for (number, expected) in [
            (1.1, "1.1"),
            (f32::MAX, "3.4028235E38"),
            (f32::from_bits(1), "1.4E-45"),
            (f32::INFINITY, "Infinity"),
            (f32::from_bits(0x5837_1117), "8.0513611E14"),
            (f32::from_bits(0x53ae_a04c), "1.50002729E12"),
            // Where Java's sum overflows.
            (f32::from_bits(0x6a48_2f67), "6.0502253E25"),
        ] {
            assert_eq!(float_text(number), expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn text_gives_the_number_back(bits: u64, float_bits: u32) {
            let (double, float) = (f64::from_bits(bits), f32::from_bits(float_bits));
            if double.is_finite() {
                assert_eq!(double_text(double).parse::<f64>().unwrap().to_bits(), bits);
            }
            if float.is_finite() {
                assert_eq!(float_text(float).parse::<f32>().unwrap().to_bits(), float_bits);
            }
        }
    }
}
