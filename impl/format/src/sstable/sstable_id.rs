//! What tells the SSTables of a table apart.
//!
//! Chapter: `specs/08-sstable.md`. Source: Cassandra `io.sstable.SequenceBasedSSTableId`,
//! `io.sstable.UUIDBasedSSTableId`.

use core::fmt;

/// Ticks of 100 ns in a second.
const TICKS_PER_SECOND: u64 = 10_000_000;

/// Seconds in a day.
const SECONDS_PER_DAY: u64 = 86_400;

/// Digits of a UUID form: days, second of the day, tick of the second, lower half of the UUID.
const UUID_DIGITS: [usize; 4] = [4, 4, TICKS_DIGITS, 13];

/// Digits of the tick, which no dash separates from what follows.
const TICKS_DIGITS: usize = 5;

/// The second part of the names of an SSTable's files.
///
/// The order is Cassandra's: numbers before UUIDs, UUIDs by their time.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum SSTableId {
    /// A number from 1 on, one more than the largest there was.
    Sequence(
        /// The number.
        u32,
    ),
    /// A time UUID, with `uuid_sstable_identifiers_enabled`.
    Uuid {
        /// Ticks of 100 ns since 1582, 60 bits.
        timestamp: u64,
        /// Lower half of the UUID.
        low: u64,
    },
}

impl SSTableId {
    /// The id that a time UUID makes; `None` for UUIDs of other versions.
    #[must_use]
    pub const fn from_time_uuid(uuid: u128) -> Option<Self> {
        let [b0, b1, b2, b3, b4, b5, b6, b7, low @ ..] = uuid.to_be_bytes();
        if b6 >> 4 != 1 {
            return None;
        }
        // Stored as low 32 bits, middle 16 and, behind the version, high 12.
        Some(Self::Uuid {
            timestamp: u64::from_be_bytes([b6 & 0x0f, b7, b4, b5, b0, b1, b2, b3]),
            low: u64::from_be_bytes(low),
        })
    }

    /// Reads the form of file names; `None` when it is not the form that would be written.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let id = if text.bytes().all(|digit| digit.is_ascii_digit()) {
            Self::Sequence(text.parse::<i32>().ok()?.cast_unsigned())
        } else {
            let [days, seconds, ticks_and_low] = text.split('_').collect::<Vec<_>>().try_into().ok()?;
            let (ticks, low) = ticks_and_low.split_at_checked(TICKS_DIGITS)?;
            let [days, seconds, ticks, low] =
                [days, seconds, ticks, low].map(|digits| u64::from_str_radix(digits, 36).ok());
            let (days, seconds, ticks) = (days?, seconds?, ticks?);
            if seconds >= SECONDS_PER_DAY || ticks >= TICKS_PER_SECOND {
                return None;
            }
            Self::Uuid {
                timestamp: (days.checked_mul(SECONDS_PER_DAY)? + seconds).checked_mul(TICKS_PER_SECOND)?
                    + ticks,
                low: low?,
            }
        };
        // Other digits, other lengths and leading zeros have been read too.
        (id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for SSTableId {
    /// Decimal, or in base 36: `3fw2_0tj4_46w3k2cpidnirvjy7k`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Sequence(number) => write!(formatter, "{number}"),
            Self::Uuid { timestamp, low } => {
                let (seconds, ticks) = (timestamp / TICKS_PER_SECOND, timestamp % TICKS_PER_SECOND);
                let (days, seconds) = (seconds / SECONDS_PER_DAY, seconds % SECONDS_PER_DAY);
                let [days_digits, seconds_digits, ticks_digits, low_digits] = UUID_DIGITS;
                let days = base_36(days, days_digits);
                let seconds = base_36(seconds, seconds_digits);
                let ticks = base_36(ticks, ticks_digits);
                let low = base_36(low, low_digits);
                write!(formatter, "{days}_{seconds}_{ticks}{low}")
            }
        }
    }
}

/// Lower-case digits in base 36, with leading zeros.
fn base_36(mut value: u64, digit_count: usize) -> String {
    let mut digits = Vec::with_capacity(digit_count);
    while value > 0 || digits.len() < digit_count {
        digits.push(
            u32::try_from(value % 36)
                .ok()
                .and_then(|digit| char::from_digit(digit, 36)),
        );
        value /= 36;
    }
    digits.into_iter().rev().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;

    quickcheck! {
        fn ids_come_back(number: u32, time: u64, low: u64) -> bool {
            let ids = [
                SSTableId::Sequence(number & i32::MAX.cast_unsigned()),
                SSTableId::Uuid { timestamp: time >> 4, low },
            ];
            ids.into_iter().all(|id| SSTableId::parse(&id.to_string()) == Some(id))
        }
    }

    #[test]
    fn time_uuid_gives_its_time_and_lower_half() {
        // bd833a50-e57e-11f1-ac66-71bf392f30d5, of a captured transaction log.
        let id = SSTableId::from_time_uuid(0xbd83_3a50_e57e_11f1_ac66_71bf_392f_30d5).expect("version 1");
        let SSTableId::Uuid { timestamp, low } = id else {
            panic!("{id}");
        };
        assert_eq!((timestamp, low), (0x1f1_e57e_bd83_3a50, 0xac66_71bf_392f_30d5));
        // Days from 1582-10-15 to 2026-11-21.
        assert_eq!(timestamp / TICKS_PER_SECOND / SECONDS_PER_DAY, 162_205);
        let text = id.to_string();
        assert_eq!((text.len(), &text[..5], &text[9..10]), (28, "3h5p_", "_"));
        assert_eq!(
            SSTableId::from_time_uuid(0xbd83_3a50_e57e_41f1_ac66_71bf_392f_30d5),
            None
        );
    }

    #[test]
    fn other_texts_are_no_ids() {
        for text in [
            "",
            "01",
            "-1",
            "+1",
            "2147483648",
            "3fw2_0tj4_46w3k2cpidnirvjy7",
            "3fw2_0tj4_46w3k2cpidnirvjy7kk",
            "3FW2_0tj4_46w3k2cpidnirvjy7k",
            "3fw2_zzzz_46w3k2cpidnirvjy7k",
            "3fw2_0tj4_46w3kzzzzzzzzzzzzz",
            "3fw2_0tj4_46w3é2cpidnirvjy7k",
        ] {
            assert_eq!(SSTableId::parse(text), None, "{text}");
        }
        assert!(SSTableId::parse("3fw2_0tj4_46w3k2cpidnirvjy7k").is_some());
    }

    #[test]
    fn numbers_come_before_uuids_and_uuids_by_time() {
        let uuid = |timestamp, low| SSTableId::Uuid { timestamp, low };
        let ordered = [
            SSTableId::Sequence(9),
            SSTableId::Sequence(10),
            uuid(1, 9),
            uuid(2, 0),
            uuid(2, 1),
        ];
        assert!(ordered.is_sorted_by(|left, right| left < right));
    }
}
