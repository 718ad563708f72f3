//! Dates, times of day, timestamps and durations as Cassandra prints them.
//!
//! Source: Cassandra `serializers.SimpleDateSerializer`, `TimeSerializer`, `TimestampSerializer`,
//! `cql3.Duration.toString`; Java `DateTimeFormatter`.

use core::fmt::Write as _;

const MS_PER_DAY: i64 = 86_400_000;
const DAYS_PER_ERA: i64 = 146_097;
const YEARS_PER_ERA: i64 = 400;
/// Days from the first of March of year 0 to 1970.
const DAYS_TO_1970: i64 = 719_468;

/// Year (0 is the one before year 1), month and day of a day counted from 1970.
const fn date_of(days: i64) -> (i64, i64, i64) {
    // Years begin in March, so that the day that may be missing is the last one.
    let days = days + DAYS_TO_1970;
    let era = days.div_euclid(DAYS_PER_ERA);
    let day_of_era = days.rem_euclid(DAYS_PER_ERA);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / (DAYS_PER_ERA - 1)) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let (month, is_next_year) = if month_from_march < 10 {
        (month_from_march + 3, 0)
    } else {
        (month_from_march - 9, 1)
    };
    (year_of_era + era * YEARS_PER_ERA + is_next_year, month, day)
}

/// A year with at least four digits, and a sign where it has more or is below zero.
fn push_year(year: i64, text: &mut String) {
    match year {
        0..=9999 => write!(text, "{year:04}"),
        _ => write!(text, "{year:+05}"),
    }
    .expect("writing to a string cannot fail");
}

/// A `date`: days from 1970, which is 2^31.
pub(super) fn date_text(days: u32) -> String {
    let (year, month, day) = date_of(i64::from(days) - (1 << 31));
    let mut text = String::new();
    push_year(year, &mut text);
    write!(text, "-{month:02}-{day:02}").expect("writing to a string cannot fail");
    text
}

/// A `timestamp`, milliseconds from 1970, with one character between date and time.
///
/// Years before the first count backwards from 1, as Java's pattern `yyyy` has them.
pub(super) fn timestamp_text(milliseconds: i64, between: char) -> String {
    let (year, month, day) = date_of(milliseconds.div_euclid(MS_PER_DAY));
    let of_day = milliseconds.rem_euclid(MS_PER_DAY);
    let mut text = String::new();
    push_year(if year > 0 { year } else { 1 - year }, &mut text);
    let (seconds, milliseconds) = (of_day / 1000, of_day % 1000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    write!(
        text,
        "-{month:02}-{day:02}{between}{hours:02}:{minutes:02}:{seconds:02}.{milliseconds:03}Z"
    )
    .expect("writing to a string cannot fail");
    text
}

/// A `time`: nanoseconds from midnight, of which whole days are left out.
pub(super) fn time_text(nanoseconds: i64) -> String {
    let seconds = nanoseconds.div_euclid(1_000_000_000).rem_euclid(86_400);
    let nanoseconds = nanoseconds.rem_euclid(1_000_000_000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}.{nanoseconds:09}")
}

/// A `duration`; none of nothing.
pub(super) fn duration_text(months: i64, days: i64, nanoseconds: i64) -> String {
    let mut text = String::new();
    if months < 0 || days < 0 || nanoseconds < 0 {
        text.push('-');
    }
    push_units(months.unsigned_abs(), &[(12, "y"), (1, "mo")], &mut text);
    push_units(days.unsigned_abs(), &[(1, "d")], &mut text);
    let units = [
        (3_600_000_000_000, "h"),
        (60_000_000_000, "m"),
        (1_000_000_000, "s"),
        (1_000_000, "ms"),
        (1000, "us"),
        (1, "ns"),
    ];
    push_units(nanoseconds.unsigned_abs(), &units, &mut text);
    text
}

fn push_units(mut number: u64, units: &[(u64, &str)], text: &mut String) {
    for (size, unit) in units {
        let count = number / size;
        number %= size;
        if count > 0 {
            write!(text, "{count}{unit}").expect("writing to a string cannot fail");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_print_as_in_java() {
        for (days, expected) in [
            (1_u32 << 31, "1970-01-01"),
            (0x8000_4d46, "2024-02-29"),
            (0x7fff_ffff, "1969-12-31"),
            (0, "-5877641-06-23"),
            (u32::MAX, "+5881580-07-11"),
            ((1 << 31) - 719_528, "0000-01-01"),
            ((1 << 31) - 719_529, "-0001-12-31"),
            ((1 << 31) + 2_932_896, "9999-12-31"),
            ((1 << 31) + 2_932_897, "+10000-01-01"),
        ] {
            assert_eq!(date_text(days), expected);
        }
    }

    #[test]
    fn timestamps_print_as_in_java() {
        for (milliseconds, expected) in [
            (0, "1970-01-01 00:00:00.000Z"),
            (-1, "1969-12-31 23:59:59.999Z"),
            (1_704_164_645_678, "2024-01-02 03:04:05.678Z"),
            (253_402_300_800_000, "+10000-01-01 00:00:00.000Z"),
            (-62_135_596_800_000, "0001-01-01 00:00:00.000Z"),
            (-62_135_596_800_001, "0001-12-31 23:59:59.999Z"),
            (i64::MAX, "+292278994-08-17 07:12:55.807Z"),
            (i64::MIN, "+292275056-05-16 16:47:04.192Z"),
        ] {
            assert_eq!(timestamp_text(milliseconds, ' '), expected);
        }
    }

    #[test]
    fn times_and_durations_print_as_in_cassandra() {
        assert_eq!(time_text(47_655_123_456_789), "13:14:15.123456789");
        assert_eq!(time_text(0), "00:00:00.000000000");
        assert_eq!(duration_text(14, 3, 14_706_000_000_007), "1y2mo3d4h5m6s7ns");
        assert_eq!(duration_text(-2, -3, 0), "-2mo3d");
        assert_eq!(duration_text(0, 0, 1_002_003), "1ms2us3ns");
        assert_eq!(duration_text(0, 0, 0), "");
        assert_eq!(duration_text(0, 0, i64::MIN), "-2562047h47m16s854ms775us808ns");
    }
}
