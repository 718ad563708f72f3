//! A place in the commit log.
//!
//! Appends return one; flushed SSTables carry intervals of them; replay skips what lies in those.
//! Chapter: `specs/06-commit-log.md`. Source: Cassandra `db.commitlog.CommitLogPosition`.

use core::fmt;

/// The end of one record in the commit log; ordered as records were appended.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CommitLogPosition {
    /// Segments are numbered in the order of their creation.
    pub segment_id: i64,
    /// Offset in bytes of the end of the record, from the start of the segment.
    pub position: u32,
}

impl CommitLogPosition {
    /// Before every record. Cassandra: `CommitLogPosition.NONE`.
    pub const NONE: Self = Self {
        segment_id: -1,
        position: 0,
    };
}

impl Default for CommitLogPosition {
    fn default() -> Self {
        Self::NONE
    }
}

impl fmt::Display for CommitLogPosition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.segment_id, self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn positions_order_by_segment_then_offset() {
        let at = |segment_id, position| CommitLogPosition { segment_id, position };
        let ordered = [CommitLogPosition::NONE, at(0, 0), at(0, 9), at(1, 3), at(2, 0)];
        assert!(ordered.is_sorted_by(|left, right| left < right));
    }

    #[test]
    fn position_before_every_record_is_the_default() {
        assert_eq!(CommitLogPosition::default(), CommitLogPosition::NONE);
        assert_eq!(CommitLogPosition::NONE.to_string(), "-1:0");
        assert_eq!(
            CommitLogPosition {
                segment_id: 4,
                position: 20
            }
            .to_string(),
            "4:20"
        );
    }
}
