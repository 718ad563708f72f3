//! Liveness of a row: that an INSERT made it, apart from the values of its columns.
//!
//! A row with live liveness exists even when all its columns are null; UPDATE does not set it.
//! Chapter: `specs/01-data-model.md`. Source: Cassandra `db.LivenessInfo`.

use crate::time::{LocalDeletionTime, Timestamp, Ttl};

/// How long the liveness of a row lasts.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum LivenessKind {
    /// Until something deletes it.
    Live,
    /// Until a date.
    Expiring {
        /// As the client gave it; reconciliation ignores it.
        ttl: Ttl,
        /// First second at which it is over.
        local_expiration_time: LocalDeletionTime,
    },
    /// Already over, whatever the clock says: a mark that only materialized views write.
    /// Cassandra: a TTL equal to `LivenessInfo.EXPIRED_LIVENESS_TTL`.
    Expired {
        /// When the mark was made.
        local_expiration_time: LocalDeletionTime,
    },
}

/// When the primary key of a row was written, and how long that lasts.
///
/// The default is [`LivenessInfo::EMPTY`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LivenessInfo {
    /// Microseconds since 1970; [`Timestamp::UNSET`] when there is none.
    pub timestamp: Timestamp,
    /// How long it lasts.
    pub kind: LivenessKind,
}

impl LivenessInfo {
    /// No INSERT made this row.
    pub const EMPTY: Self = Self {
        timestamp: Timestamp::UNSET,
        kind: LivenessKind::Live,
    };

    /// An INSERT without TTL.
    #[must_use]
    pub const fn live(timestamp: Timestamp) -> Self {
        Self {
            timestamp,
            kind: LivenessKind::Live,
        }
    }

    /// An INSERT with TTL.
    #[must_use]
    pub const fn expiring(timestamp: Timestamp, ttl: Ttl, local_expiration_time: LocalDeletionTime) -> Self {
        Self {
            timestamp,
            kind: LivenessKind::Expiring {
                ttl,
                local_expiration_time,
            },
        }
    }

    /// Whether there is no liveness at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.timestamp == Timestamp::UNSET
    }

    /// Expiration date; [`LocalDeletionTime::NONE`] when it lasts.
    #[must_use]
    pub const fn local_expiration_time(&self) -> LocalDeletionTime {
        match self.kind {
            LivenessKind::Live => LocalDeletionTime::NONE,
            LivenessKind::Expiring {
                local_expiration_time,
                ..
            }
            | LivenessKind::Expired {
                local_expiration_time,
            } => local_expiration_time,
        }
    }

    /// Whether it makes the row exist for a reader whose clock shows `now_seconds` since 1970.
    #[must_use]
    pub fn is_live(&self, now_seconds: i64) -> bool {
        match self.kind {
            LivenessKind::Live => !self.is_empty(),
            LivenessKind::Expiring {
                local_expiration_time,
                ..
            } => now_seconds < local_expiration_time.0,
            LivenessKind::Expired { .. } => false,
        }
    }
}

impl Default for LivenessInfo {
    fn default() -> Self {
        Self::EMPTY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Ttl = Ttl::MAX;

    #[test]
    fn liveness_without_timestamp_is_empty_and_never_live() {
        assert!(LivenessInfo::default().is_empty());
        assert!(!LivenessInfo::EMPTY.is_live(0));
        assert!(!LivenessInfo::live(Timestamp(0)).is_empty());
        assert!(LivenessInfo::live(Timestamp(0)).is_live(i64::MAX));
    }

    #[test]
    fn expiring_liveness_ends_at_its_date() {
        let info = LivenessInfo::expiring(Timestamp(1), TTL, LocalDeletionTime(10));
        assert!(info.is_live(9));
        assert!(!info.is_live(10));
    }

    #[test]
    fn expired_mark_is_dead_whatever_the_clock_says() {
        let kind = LivenessKind::Expired {
            local_expiration_time: LocalDeletionTime(10),
        };
        let info = LivenessInfo {
            timestamp: Timestamp(1),
            kind,
        };
        assert!(!info.is_live(0));
        assert_eq!(info.local_expiration_time(), LocalDeletionTime(10));
    }

    #[test]
    fn lasting_liveness_has_no_expiration_date() {
        assert_eq!(
            LivenessInfo::live(Timestamp(1)).local_expiration_time(),
            LocalDeletionTime::NONE
        );
        let expiring = LivenessInfo::expiring(Timestamp(1), TTL, LocalDeletionTime(4));
        assert_eq!(expiring.local_expiration_time(), LocalDeletionTime(4));
    }
}
