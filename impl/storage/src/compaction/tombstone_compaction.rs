//! Whether an SSTable is worth a compaction of its own for the sake of its tombstones.
//!
//! Chapter: `specs/09-compaction.md`. Source: Cassandra
//! `db.compaction.AbstractCompactionStrategy.worthDroppingTombstones`.

use crate::column_family_store::ColumnFamilyStore;
use crate::engine::Shared;
use crate::sstable::SSTableReader;
use crate::view::View;
use std::sync::Arc;
use thymbra_durability::{DataElsewhere, PurgeRules as _, SSTableTimes};
use thymbra_format::schema::SizeTieredParams;
use thymbra_types::{LocalDeletionTime, Reference};

/// Shortest interval: the SSTable that such a compaction makes is not at once its next input, which it
/// would be for ever where nothing of it can go.
const MIN_INTERVAL_MS: u64 = 1_000;

/// The options of a table, with Cassandra's names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct TombstoneOptions {
    /// Droppable share from which an SSTable is compacted alone.
    pub(crate) tombstone_threshold: f64,
    /// Youngest SSTable that is compacted alone, milliseconds.
    pub(crate) tombstone_compaction_interval_ms: u64,
    /// Whether it does not matter that others have the same keys.
    pub(crate) unchecked_tombstone_compaction: bool,
}

/// What other SSTables of the table have to do with one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Overlap {
    /// None shares its range of keys.
    None,
    /// Everything in it can go whatever they have.
    FullyExpired,
    /// They share keys.
    Shared {
        /// Estimate of the share of its keys outside of their ranges; absent where there are too few
        /// samples.
        share_outside: Option<f64>,
    },
}

impl TombstoneOptions {
    /// What a table's definition says.
    pub(crate) fn of(params: &SizeTieredParams) -> Self {
        Self {
            tombstone_threshold: params.tombstone_threshold,
            tombstone_compaction_interval_ms: params.tombstone_compaction_interval_s.saturating_mul(1_000),
            unchecked_tombstone_compaction: params.unchecked_tombstone_compaction,
        }
    }

    /// Age of the youngest SSTable that is compacted alone.
    pub(crate) fn interval_ms(&self) -> u64 {
        self.tombstone_compaction_interval_ms.max(MIN_INTERVAL_MS)
    }

    /// Whether a compaction of an SSTable alone is expected to drop enough.
    ///
    /// `droppable_ratio` is the share of its cells that are tombstones after gc_grace.
    //= WP-CP-07
    pub(crate) fn is_worth(
        &self,
        age_ms: u64,
        droppable_ratio: f64,
        overlap: impl FnOnce() -> Overlap,
    ) -> bool {
        if age_ms < self.interval_ms() || droppable_ratio <= self.tombstone_threshold {
            return false;
        }
        if self.unchecked_tombstone_compaction {
            return true;
        }
        match overlap() {
            Overlap::None | Overlap::FullyExpired => true,
            Overlap::Shared { share_outside } => {
                share_outside.is_some_and(|share| share * droppable_ratio > self.tombstone_threshold)
            }
        }
    }
}

/// Looks at the other SSTables of a view.
pub(crate) fn overlap_of(
    shared: &Shared,
    table: &ColumnFamilyStore,
    view: &View,
    sstable: &SSTableReader,
    gc_before: LocalDeletionTime,
) -> Overlap {
    let others = view.sstables.iter();
    let overlapping: Vec<&Arc<SSTableReader>> = others
        .filter(|other| other.generation() != sstable.generation() && other.overlaps(sstable))
        .collect();
    if overlapping.is_empty() {
        return Overlap::None;
    }
    let times: Vec<SSTableTimes> = overlapping.iter().map(|other| other.times()).collect();
    let elsewhere = DataElsewhere {
        sstables: None,
        memtables: view
            .memtables()
            .filter_map(|memtable| memtable.min_timestamp_of_all())
            .min(),
        commit_log: shared.commit_log.least_timestamp(table.id()),
    };
    let expired = Reference.fully_expired(&[sstable.times()], &times, elsewhere, gc_before);
    if expired.contains(&true) {
        return Overlap::FullyExpired;
    }
    Overlap::Shared {
        share_outside: sstable.estimated_share_outside(&overlapping),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: TombstoneOptions = TombstoneOptions {
        tombstone_threshold: 0.2,
        tombstone_compaction_interval_ms: 86_400_000,
        unchecked_tombstone_compaction: false,
    };
    const DAY_MS: u64 = 86_400_000;

    fn shared(share_outside: impl Into<Option<f64>>) -> Overlap {
        Overlap::Shared {
            share_outside: share_outside.into(),
        }
    }

    //= WP-CP-07 check
    #[test]
    fn young_sstables_and_those_of_few_tombstones_are_left() {
        assert!(OPTIONS.is_worth(DAY_MS, 0.3, || Overlap::None));
        assert!(!OPTIONS.is_worth(DAY_MS - 1, 0.3, || Overlap::None));
        assert!(!OPTIONS.is_worth(DAY_MS, 0.2, || Overlap::None));
    }

    //= WP-CP-07 check
    #[test]
    fn only_tombstones_of_keys_that_no_other_sstable_may_have_count() {
        assert!(OPTIONS.is_worth(DAY_MS, 0.3, || Overlap::FullyExpired));
        assert!(OPTIONS.is_worth(DAY_MS, 0.4, || shared(0.51)));
        assert!(!OPTIONS.is_worth(DAY_MS, 0.4, || shared(0.5)));
        assert!(!OPTIONS.is_worth(DAY_MS, 0.4, || shared(-0.5)));
        assert!(!OPTIONS.is_worth(DAY_MS, 1.0, || shared(None)), "too few samples");
    }

    //= WP-CP-07 check
    #[test]
    fn others_do_not_matter_where_they_are_not_checked() {
        let unchecked = TombstoneOptions {
            unchecked_tombstone_compaction: true,
            ..OPTIONS
        };
        assert!(unchecked.is_worth(DAY_MS, 0.3, || unreachable!("it is not asked")));
        assert!(!unchecked.is_worth(DAY_MS - 1, 0.3, || Overlap::None));
    }

    //= WP-CP-07 check
    #[test]
    fn interval_of_nothing_is_a_second() {
        let at_once = TombstoneOptions {
            tombstone_compaction_interval_ms: 0,
            ..OPTIONS
        };
        assert!(!at_once.is_worth(999, 0.3, || Overlap::None));
        assert!(at_once.is_worth(1_000, 0.3, || Overlap::None));
    }
}
