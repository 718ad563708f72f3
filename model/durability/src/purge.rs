//! When a compaction may forget a tombstone, an expired cell or a whole SSTable.
//!
//! A tombstone that goes while older data of its partition is somewhere else lets that data return.
//! Chapter: `specs/09-compaction.md`. Source: Cassandra `db.compaction.CompactionController`,
//! `db.partitions.PurgeFunction`, `db.rows.AbstractCell`.

use alloc::vec::Vec;
use thymbra_types::{CellKind, LocalDeletionTime, Reference, Timestamp};

/// The oldest data of a partition that a compaction does not see, by the places where it may be.
///
/// Absent where there can be none.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct DataElsewhere {
    /// Least timestamp of the SSTables that are not compacted and may have the key.
    pub sstables: Option<Timestamp>,
    /// Least timestamp of the memtables, current, being flushed or failed, that have the key.
    pub memtables: Option<Timestamp>,
    /// Least timestamp of the table's records in all commit log segments that still exist, flushed
    /// or not: a purge may remove the SSTable that says that they are flushed.
    pub commit_log: Option<Timestamp>,
}

/// Which tombstones of a partition have nothing left to cover, by their timestamp.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum PurgeLimit {
    /// All: there is no data elsewhere.
    Everything,
    /// Those below the timestamp.
    Below(Timestamp),
}

/// Timestamps of one SSTable, from its statistics.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct SSTableTimes {
    /// Least timestamp of anything in it.
    pub min_timestamp: Timestamp,
    /// Greatest timestamp of anything in it.
    pub max_timestamp: Timestamp,
    /// Greatest deletion or expiration time; [`LocalDeletionTime::NONE`] if anything in it lives for ever.
    pub max_local_deletion_time: LocalDeletionTime,
}

/// What becomes of a cell in a compaction.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum CellPurge {
    /// It stays.
    Keep,
    /// It goes.
    Purge,
    /// Its value goes; a tombstone of the same timestamp stays.
    BecomesTombstone {
        /// When the expired cell was written, by its coordinator's clock: from there gc_grace counts.
        local_deletion_time: LocalDeletionTime,
    },
}

/// The decisions about forgetting.
pub trait PurgeRules {
    /// Tombstones made before this may be purged. Cassandra: `CompactionManager.getDefaultGcBefore`.
    fn gc_before(&self, now_seconds: i64, gc_grace_seconds: i64) -> LocalDeletionTime {
        LocalDeletionTime(now_seconds.saturating_sub(gc_grace_seconds))
    }

    /// What data elsewhere leaves to purge.
    ///
    /// Cassandra: `CompactionController.getPurgeEvaluator`, which does not look at the commit log
    /// (see scylla #14870).
    //= WP-CP-02
    fn purge_limit(&self, elsewhere: DataElsewhere) -> PurgeLimit {
        let DataElsewhere {
            sstables,
            memtables,
            commit_log,
        } = elsewhere;
        [sstables, memtables, commit_log]
            .into_iter()
            .flatten()
            .min()
            .map_or(PurgeLimit::Everything, PurgeLimit::Below)
    }

    /// Whether a tombstone may go: gc_grace is over, and nothing elsewhere is as old.
    //= WP-CP-02
    fn may_purge(
        &self,
        timestamp: Timestamp,
        local_deletion_time: LocalDeletionTime,
        gc_before: LocalDeletionTime,
        limit: PurgeLimit,
    ) -> bool {
        let covers_nothing = match limit {
            PurgeLimit::Everything => true,
            PurgeLimit::Below(oldest) => timestamp < oldest,
        };
        local_deletion_time < gc_before && covers_nothing
    }

    /// What becomes of a cell: an expired one is judged by its expiration, then as the tombstone that
    /// it is from then on. Cassandra: `AbstractCell.purge`.
    //= WP-CP-02
    fn purge_cell(
        &self,
        timestamp: Timestamp,
        kind: CellKind,
        now_seconds: i64,
        gc_before: LocalDeletionTime,
        limit: PurgeLimit,
    ) -> CellPurge {
        let dies_at = kind.local_deletion_time();
        if kind.is_live(now_seconds) {
            return CellPurge::Keep;
        }
        if self.may_purge(timestamp, dies_at, gc_before, limit) {
            return CellPurge::Purge;
        }
        match kind {
            CellKind::Live | CellKind::Tombstone { .. } => CellPurge::Keep,
            CellKind::Expiring { ttl, .. } => {
                let local_deletion_time =
                    LocalDeletionTime(dies_at.0.saturating_sub(i64::from(ttl.seconds())));
                match self.may_purge(timestamp, local_deletion_time, gc_before, limit) {
                    true => CellPurge::Purge,
                    false => CellPurge::BecomesTombstone { local_deletion_time },
                }
            }
        }
    }

    /// Which SSTables of a compaction may be dropped without being read, one answer for each.
    ///
    /// Everything in them is gc-able, and no data outside of them is as old as the newest thing
    /// inside. `overlapping` are the SSTables outside of the compaction that overlap any inside,
    /// `elsewhere` the memtables and the commit log. Cassandra:
    /// `CompactionController.getFullyExpiredSSTables`.
    //= WP-CP-05
    fn fully_expired(
        &self,
        compacting: &[SSTableTimes],
        overlapping: &[SSTableTimes],
        elsewhere: DataElsewhere,
        gc_before: LocalDeletionTime,
    ) -> Vec<bool> {
        let is_gcable = |sstable: &SSTableTimes| sstable.max_local_deletion_time < gc_before;
        let outside = overlapping
            .iter()
            .chain(compacting.iter().filter(|sstable| !is_gcable(sstable)));
        let sstables = (outside.map(|sstable| sstable.min_timestamp))
            .chain(elsewhere.sstables)
            .min();
        let limit = self.purge_limit(DataElsewhere {
            sstables,
            ..elsewhere
        });
        let expired = |sstable: &SSTableTimes| {
            self.may_purge(
                sstable.max_timestamp,
                sstable.max_local_deletion_time,
                gc_before,
                limit,
            )
        };
        compacting.iter().map(expired).collect()
    }
}

impl PurgeRules for Reference {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use thymbra_types::Ttl;

    const RULES: &dyn PurgeRules = &Reference;
    const NONE: DataElsewhere = DataElsewhere {
        sstables: None,
        memtables: None,
        commit_log: None,
    };

    fn below(timestamp: i64) -> PurgeLimit {
        PurgeLimit::Below(Timestamp(timestamp))
    }

    fn sstable(min_timestamp: i64, max_timestamp: i64, max_local_deletion_time: i64) -> SSTableTimes {
        SSTableTimes {
            min_timestamp: Timestamp(min_timestamp),
            max_timestamp: Timestamp(max_timestamp),
            max_local_deletion_time: LocalDeletionTime(max_local_deletion_time),
        }
    }

    #[test]
    fn grace_counts_back_from_now() {
        assert_eq!(RULES.gc_before(100, 10), LocalDeletionTime(90));
        assert_eq!(RULES.gc_before(i64::MIN, 1), LocalDeletionTime(i64::MIN));
    }

    //= WP-CP-02 check
    #[test]
    fn limit_is_the_oldest_data_in_any_place() {
        let choices = [None, Some(1), Some(2), Some(3)];
        for sstables in choices {
            for memtables in choices {
                for commit_log in choices {
                    let elsewhere = DataElsewhere {
                        sstables: sstables.map(Timestamp),
                        memtables: memtables.map(Timestamp),
                        commit_log: commit_log.map(Timestamp),
                    };
                    let oldest = (1..4).find(|time| [sstables, memtables, commit_log].contains(&Some(*time)));
                    let limit = oldest.map_or(PurgeLimit::Everything, below);
                    assert_eq!(RULES.purge_limit(elsewhere), limit, "{elsewhere:?}");
                }
            }
        }
    }

    //= WP-CP-02 check
    #[test]
    fn tombstone_goes_after_grace_when_nothing_as_old_is_elsewhere() {
        for timestamp in 0..4 {
            for made_at in 0..4 {
                for gc_before in 0..4 {
                    let purge = |limit| {
                        RULES.may_purge(
                            Timestamp(timestamp),
                            LocalDeletionTime(made_at),
                            LocalDeletionTime(gc_before),
                            limit,
                        )
                    };
                    let over = made_at < gc_before;
                    assert_eq!(purge(PurgeLimit::Everything), over);
                    for oldest in 0..4 {
                        assert_eq!(purge(below(oldest)), over && timestamp < oldest);
                    }
                }
            }
        }
    }

    fn cell(kind: CellKind, now_seconds: i64, gc_before: i64, limit: PurgeLimit) -> CellPurge {
        RULES.purge_cell(
            Timestamp(5),
            kind,
            now_seconds,
            LocalDeletionTime(gc_before),
            limit,
        )
    }

    #[test]
    fn live_cells_stay() {
        assert_eq!(
            cell(CellKind::Live, i64::MAX, i64::MAX, PurgeLimit::Everything),
            CellPurge::Keep
        );
        let expiring = CellKind::Expiring {
            ttl: Ttl::new(10).expect("a valid TTL"),
            local_deletion_time: LocalDeletionTime(50),
        };
        assert_eq!(cell(expiring, 49, 100, PurgeLimit::Everything), CellPurge::Keep);
    }

    #[test]
    fn cell_tombstone_goes_or_stays_as_it_is() {
        let tombstone = CellKind::Tombstone {
            local_deletion_time: LocalDeletionTime(50),
        };
        assert_eq!(cell(tombstone, 60, 51, PurgeLimit::Everything), CellPurge::Purge);
        assert_eq!(cell(tombstone, 60, 51, below(6)), CellPurge::Purge);
        assert_eq!(cell(tombstone, 60, 51, below(5)), CellPurge::Keep);
        assert_eq!(cell(tombstone, 60, 50, PurgeLimit::Everything), CellPurge::Keep);
    }

    //= WP-CP-02 check
    #[test]
    fn expired_cell_becomes_the_tombstone_of_its_writing_until_that_may_go() {
        let expired = CellKind::Expiring {
            ttl: Ttl::new(10).expect("a valid TTL"),
            local_deletion_time: LocalDeletionTime(50),
        };
        let becomes = CellPurge::BecomesTombstone {
            local_deletion_time: LocalDeletionTime(40),
        };
        for now_seconds in [50, 60] {
            assert_eq!(cell(expired, now_seconds, 40, PurgeLimit::Everything), becomes);
            assert_eq!(
                cell(expired, now_seconds, 41, PurgeLimit::Everything),
                CellPurge::Purge
            );
            assert_eq!(
                cell(expired, now_seconds, 51, PurgeLimit::Everything),
                CellPurge::Purge
            );
            assert_eq!(cell(expired, now_seconds, 51, below(5)), becomes);
        }
    }

    //= WP-CP-05 check
    #[test]
    fn expired_sstable_goes_whole_when_nothing_outside_is_as_old() {
        let gc_before = LocalDeletionTime(100);
        let expired = |compacting: &[SSTableTimes], overlapping: &[SSTableTimes], elsewhere| {
            RULES.fully_expired(compacting, overlapping, elsewhere, gc_before)
        };
        let (old, live) = (sstable(1, 5, 99), sstable(6, 9, i64::MAX));
        assert_eq!(expired(&[old], &[], NONE), vec![true]);
        assert_eq!(expired(&[sstable(1, 5, 100)], &[], NONE), vec![false]);
        assert_eq!(expired(&[old, live], &[], NONE), vec![true, false]);
        assert_eq!(
            expired(&[old, sstable(5, 9, i64::MAX)], &[], NONE),
            vec![false, false]
        );
        assert_eq!(expired(&[old, sstable(5, 9, 100)], &[], NONE), vec![false, false]);
        assert_eq!(expired(&[old], &[live], NONE), vec![true]);
        assert_eq!(expired(&[old], &[sstable(5, 5, 99)], NONE), vec![false]);
        assert_eq!(
            expired(&[old, sstable(3, 7, 99)], &[live], NONE),
            vec![true, false]
        );
    }

    //= WP-CP-05 check
    #[test]
    fn expired_sstable_stays_while_data_as_old_is_in_memory_or_in_the_log() {
        let old = [sstable(1, 5, 99)];
        let expired = |elsewhere| RULES.fully_expired(&old, &[], elsewhere, LocalDeletionTime(100));
        for (oldest, gone) in [(5, false), (6, true)] {
            let oldest = Some(Timestamp(oldest));
            assert_eq!(
                expired(DataElsewhere {
                    memtables: oldest,
                    ..NONE
                }),
                [gone]
            );
            assert_eq!(
                expired(DataElsewhere {
                    commit_log: oldest,
                    ..NONE
                }),
                [gone]
            );
            assert_eq!(
                expired(DataElsewhere {
                    sstables: oldest,
                    ..NONE
                }),
                [gone]
            );
        }
    }
}
