//! Points in time as sstabledump prints them.
//!
//! Source: Cassandra `tools.JsonTransformer.dateString`, Java `Instant.toString`, `TimeUnit`.

/// Microseconds since 1970, as in `2023-11-14T22:13:20.000001Z`.
///
/// Cassandra cuts seconds towards zero, and nanoseconds beyond 64 bits stay at the limit, so that times before 1970
/// and after 2262 with a fraction are not what they say; this says the same.
pub(super) fn of_microseconds(time_us: i64) -> String {
    const PER_SECOND: i64 = 1_000_000;
    of(time_us / PER_SECOND, time_us.saturating_mul(1_000))
}

/// Seconds since 1970, as in `2023-11-14T22:13:20Z`.
pub(super) fn of_seconds(time_seconds: i64) -> String {
    of(time_seconds, time_seconds.saturating_mul(NANOS_PER_SECOND))
}

const NANOS_PER_SECOND: i64 = 1_000_000_000;

fn of(seconds: i64, nanos: i64) -> String {
    const SECONDS_PER_DAY: i64 = 86_400;
    let nanos = nanos.rem_euclid(NANOS_PER_SECOND);
    let (year, month, day) = civil(seconds.div_euclid(SECONDS_PER_DAY));
    let of_day = seconds.rem_euclid(SECONDS_PER_DAY);
    let sign = match year {
        10_000.. => "+",
        ..0 => "-",
        0..10_000 => "",
    };
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    let fraction = match (nanos, nanos % 1_000_000, nanos % 1_000) {
        (0, _, _) => String::new(),
        (_, 0, _) => format!(".{:03}", nanos / 1_000_000),
        (_, _, 0) => format!(".{:06}", nanos / 1_000),
        (_, _, _) => format!(".{nanos:09}"),
    };
    let year = year.abs();
    format!("{sign}{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

/// The date of a day counted from 1970, in the calendar of ISO 8601.
fn civil(days: i64) -> (i64, i64, i64) {
    const DAYS_PER_ERA: i64 = 146_097;
    /// From the first of March of the year 0 to 1970.
    const DAYS_TO_1970: i64 = 719_468;
    let days = days + DAYS_TO_1970;
    let era = days.div_euclid(DAYS_PER_ERA);
    let of_era = days.rem_euclid(DAYS_PER_ERA);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_printed_as_java_prints_them() {
        let table = [
            (0, "1970-01-01T00:00:00Z"),
            (1, "1970-01-01T00:00:00.000001Z"),
            (1_700_000_000_000_000, "2023-11-14T22:13:20Z"),
            (1_700_000_000_120_000, "2023-11-14T22:13:20.120Z"),
            (1_709_210_096_789_000, "2024-02-29T12:34:56.789Z"),
            (253_402_300_800_000_000, "+10000-01-01T00:00:00.854775807Z"),
            (-62_167_219_200_000_000, "0000-01-01T00:00:00.145224192Z"),
            (-62_167_305_600_000_000, "-0001-12-31T00:00:00.145224192Z"),
        ];
        for (time_us, text) in table {
            assert_eq!(of_microseconds(time_us), text);
        }
    }

    #[test]
    fn times_before_1970_and_far_away_have_the_fraction_that_cassandra_gives_them() {
        assert_eq!(of_microseconds(-1), "1970-01-01T00:00:00.999999Z");
        assert_eq!(
            of_microseconds(4_611_686_018_427_387_904),
            "+148108-07-06T14:00:27.854775807Z"
        );
    }

    #[test]
    fn seconds_have_no_fraction_within_reach() {
        assert_eq!(of_seconds(4_294_967_295), "2106-02-07T06:28:15Z");
        assert_eq!(of_seconds(-1), "1969-12-31T23:59:59Z");
    }
}
