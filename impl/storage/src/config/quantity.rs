//! Sizes, rates and durations as `cassandra.yaml` writes them: `32MiB`, `64MiB/s`, `10s`.
//!
//! Source: Cassandra `config.DataStorageSpec`, `config.DurationSpec`, `config.DataRateSpec`.

/// Units of sizes, in bytes.
const SIZE_UNITS: [(&str, u64); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// Units of durations, in milliseconds.
const DURATION_UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// Bytes; `None` where the text is no size.
pub(super) fn size_bytes(text: &str) -> Option<u64> {
    quantity(text, &SIZE_UNITS)
}

/// Bytes per second; `None` where the text is no rate.
pub(super) fn bytes_per_second(text: &str) -> Option<u64> {
    quantity(text.strip_suffix("/s")?, &SIZE_UNITS)
}

/// Milliseconds; `None` where the text is no duration.
pub(super) fn duration_ms(text: &str) -> Option<u64> {
    quantity(text, &DURATION_UNITS)
}

/// A whole number in a unit of settings that name their unit themselves, such as `_in_mb`.
pub(super) fn count_of(text: &str, unit: u64) -> Option<u64> {
    text.parse::<u64>().ok()?.checked_mul(unit)
}

fn quantity(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|character: char| !character.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let factor = units
        .iter()
        .find_map(|(name, factor)| (*name == unit).then_some(*factor))?;
    count_of(number, factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_need_a_number_and_a_known_unit() {
        assert_eq!(size_bytes("32MiB"), Some(32 << 20));
        assert_eq!(size_bytes("0B"), Some(0));
        assert_eq!(bytes_per_second("64MiB/s"), Some(64 << 20));
        assert_eq!(duration_ms("10s"), Some(10_000));
        assert_eq!(duration_ms("100ms"), Some(100));
        for wrong in [
            "",
            "32",
            "MiB",
            "32 MiB",
            "-1MiB",
            "32MB",
            "1.5GiB",
            "99999999999GiB",
        ] {
            assert_eq!(size_bytes(wrong), None, "{wrong}");
        }
        assert_eq!(bytes_per_second("64MiB"), None);
    }
}
