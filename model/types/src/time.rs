//! Write timestamps, TTLs and expiration dates.
//!
//! The coordinator fixes all three for a write; replicas only compare them. Chapter:
//! `specs/01-data-model.md`.

use core::fmt;

/// Write timestamp: microseconds since 1970, chosen by the client or the coordinator.
///
/// Clients may send any value but [`Timestamp::UNSET`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
//= WP-DM-01
pub struct Timestamp(
    /// Microseconds since 1970.
    pub i64,
);

impl Timestamp {
    /// Marks the absence of a timestamp. Cassandra: `LivenessInfo.NO_TIMESTAMP`.
    pub const UNSET: Self = Self(i64::MIN);
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::UNSET => formatter.write_str("unset"),
            Self(microseconds) => write!(formatter, "{microseconds}us"),
        }
    }
}

/// Time to live: 1 second to 20 years.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "i32", into = "i32"))]
pub struct Ttl(i32);

/// Why a number of seconds is no TTL.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TtlError {
    /// Zero means "no TTL", which is the absence of a [`Ttl`].
    Zero,
    /// The client sent this negative number of seconds.
    Negative(i32),
    /// The client sent this number of seconds, more than [`Ttl::MAX`].
    TooLarge(i32),
}

impl Ttl {
    /// 20 years of 365 days. Cassandra: `Attributes.MAX_TTL`.
    pub const MAX: Self = Self(630_720_000);

    /// Checks a number of seconds from a statement, a table option or a file.
    ///
    /// # Errors
    /// When the number is below 1 or above [`Ttl::MAX`].
    //= WP-DM-03
    pub const fn new(seconds: i32) -> Result<Self, TtlError> {
        if seconds == 0 {
            Err(TtlError::Zero)
        } else if seconds < 0 {
            Err(TtlError::Negative(seconds))
        } else if seconds > Self::MAX.0 {
            Err(TtlError::TooLarge(seconds))
        } else {
            Ok(Self(seconds))
        }
    }

    /// Length in seconds, at least 1.
    #[must_use]
    pub const fn seconds(self) -> i32 {
        self.0
    }
}

impl TryFrom<i32> for Ttl {
    type Error = TtlError;

    fn try_from(seconds: i32) -> Result<Self, TtlError> {
        Self::new(seconds)
    }
}

impl From<Ttl> for i32 {
    fn from(ttl: Ttl) -> Self {
        ttl.seconds()
    }
}

impl fmt::Display for TtlError {
    /// The words that Cassandra sends to clients.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zero => formatter.write_str("A TTL of 0 means that there is none"),
            Self::Negative(seconds) => {
                write!(
                    formatter,
                    "A TTL must be greater or equal to 0, but was {seconds}"
                )
            }
            Self::TooLarge(seconds) => {
                write!(
                    formatter,
                    "ttl is too large. requested ({seconds}) maximum ({})",
                    Ttl::MAX.0
                )
            }
        }
    }
}

impl core::error::Error for TtlError {}

/// When a tombstone was made, or when an expiring cell dies: seconds since 1970.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LocalDeletionTime(
    /// Seconds since 1970 by the coordinator's clock.
    pub i64,
);

impl LocalDeletionTime {
    /// Belongs to what is neither deleted nor expiring. Cassandra: `Cell.NO_DELETION_TIME`.
    pub const NONE: Self = Self(i64::MAX);
}

impl fmt::Display for LocalDeletionTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NONE => formatter.write_str("none"),
            Self(seconds) => write!(formatter, "{seconds}s"),
        }
    }
}

/// The latest expiration date that the storage format can hold.
///
/// Cassandra: `Cell.getVersionedMaxDeletiontionTime`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ExpirationCap {
    /// 2038-01-19: signed 32-bit seconds, 4.1 and 5.0 in compatibility mode `CASSANDRA_4`.
    Year2038,
    /// 2106-02-07: unsigned 32-bit seconds, 5.0 without compatibility mode.
    Year2106,
}

impl ExpirationCap {
    /// The last date that is not a marker of the format.
    #[must_use]
    pub const fn latest(self) -> LocalDeletionTime {
        match self {
            // The largest i32 marks "no deletion time".
            Self::Year2038 => LocalDeletionTime(2_147_483_646),
            // The two largest u32 are markers: none, and invalid.
            Self::Year2106 => LocalDeletionTime(4_294_967_293),
        }
    }
}

/// What to do with a write whose expiration date the format cannot hold.
///
/// Cassandra: `ExpirationDateOverflowHandling.ExpirationDateOverflowPolicy`; its `CAP_NOWARN` is
/// `Cap` here, because warning the client is the caller's matter.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ExpirationDateOverflowPolicy {
    /// Refuse the request as invalid; the default.
    #[default]
    Reject,
    /// Accept it with the latest date that can be held.
    Cap,
}

/// The expiration date of a write lies beyond what the format can hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ExpirationDateOverflow {
    /// The TTL that the client asked for.
    pub ttl: Ttl,
    /// The latest date that was possible.
    pub latest: LocalDeletionTime,
}

impl fmt::Display for ExpirationDateOverflow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, latest) = (self.ttl.seconds(), self.latest);
        write!(
            formatter,
            "a ttl of {seconds} seconds exceeds the maximum supported expiration date {latest}"
        )
    }
}

impl core::error::Error for ExpirationDateOverflow {}

/// The date at which something written at `now_seconds` (since 1970) with this TTL expires.
///
/// Cassandra: `ExpirationDateOverflowHandling.computeLocalExpirationTime`.
///
/// # Errors
/// When the date exceeds the cap and the policy is to reject.
//= WP-DM-08
pub fn compute_local_expiration_time(
    now_seconds: i64,
    ttl: Ttl,
    cap: ExpirationCap,
    policy: ExpirationDateOverflowPolicy,
) -> Result<LocalDeletionTime, ExpirationDateOverflow> {
    let date = LocalDeletionTime(now_seconds.saturating_add(i64::from(ttl.seconds())));
    let latest = cap.latest();
    match (date > latest, policy) {
        (false, _) => Ok(date),
        (true, ExpirationDateOverflowPolicy::Cap) => Ok(latest),
        (true, ExpirationDateOverflowPolicy::Reject) => Err(ExpirationDateOverflow { ttl, latest }),
    }
}

#[cfg(test)]
mod tests {
    use super::ExpirationDateOverflowPolicy::{Cap, Reject};
    use super::*;
    use alloc::string::ToString;

    fn ttl(seconds: i32) -> Ttl {
        Ttl::new(seconds).expect("a valid TTL")
    }

    //= WP-DM-03 check
    #[test]
    fn ttl_is_one_second_to_twenty_years() {
        assert_eq!(Ttl::new(0), Err(TtlError::Zero));
        assert_eq!(Ttl::new(-1), Err(TtlError::Negative(-1)));
        assert_eq!(Ttl::new(1).map(Ttl::seconds), Ok(1));
        assert_eq!(Ttl::new(20 * 365 * 24 * 3600), Ok(Ttl::MAX));
        assert_eq!(Ttl::new(630_720_001), Err(TtlError::TooLarge(630_720_001)));
        assert_eq!(Ttl::try_from(7).map(i32::from), Ok(7));
        assert_eq!(Ttl::try_from(0), Err(TtlError::Zero));
    }

    #[test]
    fn ttl_errors_have_the_words_of_cassandra() {
        assert_eq!(
            TtlError::Negative(-3).to_string(),
            "A TTL must be greater or equal to 0, but was -3"
        );
        assert_eq!(
            TtlError::TooLarge(630_720_001).to_string(),
            "ttl is too large. requested (630720001) maximum (630720000)"
        );
        assert_eq!(TtlError::Zero.to_string(), "A TTL of 0 means that there is none");
    }

    #[test]
    fn times_print_with_their_unit_and_markers_by_name() {
        assert_eq!(Timestamp(5).to_string(), "5us");
        assert_eq!(Timestamp::UNSET.to_string(), "unset");
        assert_eq!(LocalDeletionTime(5).to_string(), "5s");
        assert_eq!(LocalDeletionTime::NONE.to_string(), "none");
    }

    //= WP-DM-01 check
    #[test]
    fn unset_timestamp_and_absent_deletion_time_are_the_extremes() {
        assert!(Timestamp::UNSET < Timestamp(i64::MIN + 1));
        assert!(LocalDeletionTime::NONE > LocalDeletionTime(i64::MAX - 1));
    }

    //= WP-DM-08 check
    #[test]
    fn expiration_is_now_plus_ttl_up_to_the_cap() {
        for cap in [ExpirationCap::Year2038, ExpirationCap::Year2106] {
            let latest = cap.latest().0;
            for policy in [Reject, Cap] {
                let compute = |now_seconds| compute_local_expiration_time(now_seconds, ttl(10), cap, policy);
                assert_eq!(compute(1_000), Ok(LocalDeletionTime(1_010)));
                assert_eq!(compute(latest - 10), Ok(LocalDeletionTime(latest)));
            }
        }
    }

    //= WP-DM-08 check
    #[test]
    fn expiration_beyond_the_cap_is_rejected_or_capped() {
        for cap in [ExpirationCap::Year2038, ExpirationCap::Year2106] {
            for now_seconds in [cap.latest().0 - 9, i64::MAX] {
                let compute = |policy| compute_local_expiration_time(now_seconds, ttl(10), cap, policy);
                assert_eq!(compute(Cap), Ok(cap.latest()));
                let overflow = ExpirationDateOverflow {
                    ttl: ttl(10),
                    latest: cap.latest(),
                };
                assert_eq!(compute(Reject), Err(overflow));
            }
        }
        assert_eq!(ExpirationDateOverflowPolicy::default(), Reject);
    }

    #[test]
    fn overflow_names_ttl_and_limit() {
        let overflow = ExpirationDateOverflow {
            ttl: ttl(10),
            latest: ExpirationCap::Year2038.latest(),
        };
        assert_eq!(
            overflow.to_string(),
            "a ttl of 10 seconds exceeds the maximum supported expiration date 2147483646s"
        );
    }

    //= WP-DM-08 check
    #[test]
    fn caps_are_two_below_the_range_of_their_integers() {
        assert_eq!(ExpirationCap::Year2038.latest().0, i64::from(i32::MAX) - 1);
        assert_eq!(ExpirationCap::Year2106.latest().0, i64::from(u32::MAX) - 2);
    }
}
