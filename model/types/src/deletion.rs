//! Deletions of more than one cell: of a partition, a range, a row or a complex column.
//!
//! Chapter: `specs/01-data-model.md`. Source: Cassandra `db.DeletionTime`.

use crate::time::{LocalDeletionTime, Timestamp};
use core::fmt;

/// A deletion of everything in its scope up to a timestamp.
///
/// The default is [`DeletionTime::LIVE`], which deletes nothing.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct DeletionTime {
    /// What was written at this timestamp or before is deleted.
    pub marked_for_delete_at: Timestamp,
    /// Clock of the coordinator when the deletion was made; from here gc_grace counts.
    pub local_deletion_time: LocalDeletionTime,
}

impl DeletionTime {
    /// No deletion at all; every other supersedes it.
    pub const LIVE: Self = Self {
        marked_for_delete_at: Timestamp::UNSET,
        local_deletion_time: LocalDeletionTime::NONE,
    };

    /// A deletion made at a write timestamp and a clock reading.
    #[must_use]
    pub const fn new(marked_for_delete_at: Timestamp, local_deletion_time: LocalDeletionTime) -> Self {
        Self {
            marked_for_delete_at,
            local_deletion_time,
        }
    }

    /// Whether this is the absence of a deletion.
    #[must_use]
    pub fn is_live(&self) -> bool {
        *self == Self::LIVE
    }
}

impl Default for DeletionTime {
    fn default() -> Self {
        Self::LIVE
    }
}

impl fmt::Display for DeletionTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_live() {
            return formatter.write_str("live");
        }
        write!(
            formatter,
            "deleted up to {} at {}",
            self.marked_for_delete_at, self.local_deletion_time
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn absence_of_a_deletion_is_the_default_and_says_so() {
        assert!(DeletionTime::default().is_live());
        assert!(!DeletionTime::new(Timestamp::UNSET, LocalDeletionTime(1)).is_live());
        assert!(!DeletionTime::new(Timestamp(1), LocalDeletionTime::NONE).is_live());
        assert_eq!(DeletionTime::LIVE.to_string(), "live");
        assert_eq!(
            DeletionTime::new(Timestamp(7), LocalDeletionTime(3)).to_string(),
            "deleted up to 7us at 3s"
        );
    }
}
