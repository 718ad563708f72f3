//! Taking out of a partition what no reader needs any more.
//!
//! Walks over one partition that compaction has merged; which tombstone may go is decided by the
//! rules of durability. Chapter: `specs/09-compaction.md`. Source: Cassandra
//! `db.partitions.PurgeFunction`, `db.rows.BTreeRow.purge`, `db.rows.AbstractCell.purge`.

use crate::stretch::Stretch;
use thymbra_durability::{CellPurge, PurgeLimit, PurgeRules as _};
use thymbra_types::{
    Cell, CellKind, ClusteringBound, DeletionTime, LivenessInfo, LocalDeletionTime, Partition, Reference,
    Row, Timestamp,
};

/// What a purge did to a partition, beside taking the values of expired cells.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Purged {
    /// Tombstones, and expired data, that went.
    pub(crate) gone_count: u64,
    /// Those whose gc_grace is over, and that stayed because older data may lie elsewhere.
    pub(crate) kept_count: u64,
}

/// Removes from one partition in normal form, which comes in stretches, what the rules let go.
pub(crate) struct Purger<'a> {
    now_seconds: i64,
    gc_before: LocalDeletionTime,
    ask_limit: &'a mut dyn FnMut() -> PurgeLimit,
    /// Once it has been asked.
    limit: Option<PurgeLimit>,
    /// A range tombstone that reaches up to the last edge, and was counted.
    crossing: Option<(ClusteringBound, DeletionTime)>,
    purged: Purged,
}

impl<'a> Purger<'a> {
    /// Before the first stretch of a partition.
    ///
    /// `ask_limit` says what data elsewhere leaves to purge; it is asked at most once, and only if there is
    /// something whose gc_grace is over.
    pub(crate) fn new(
        now_seconds: i64,
        gc_before: LocalDeletionTime,
        ask_limit: &'a mut dyn FnMut() -> PurgeLimit,
    ) -> Self {
        Self {
            now_seconds,
            gc_before,
            ask_limit,
            limit: None,
            crossing: None,
            purged: Purged::default(),
        }
    }

    /// Removes what the rules let go from the next stretch.
    //= WP-CP-02
    pub(crate) fn purge(&mut self, stretch: &mut Stretch) {
        let Stretch { partition, edge } = stretch;
        self.purge_deletion(&mut partition.deletion);
        self.purge_row(&mut partition.static_row);
        partition.rows.retain(|_, row| {
            self.purge_row(row);
            !row.is_empty()
        });
        self.purge_ranges(partition, edge.as_ref());
    }

    fn purge_ranges(&mut self, partition: &mut Partition, edge: Option<&ClusteringBound>) {
        if partition.range_tombstones.is_empty() {
            return;
        }
        let last = partition.range_tombstones.iter().last();
        let crossing = last
            .filter(|last| edge == Some(&last.end))
            .map(|last| (last.end.clone(), last.deletion));
        let crossed = std::mem::replace(&mut self.crossing, crossing);
        partition.range_tombstones.retain(|tombstone| {
            let counted = self.purged;
            let goes = self.purges(tombstone.deletion);
            if let Some((place, deletion)) = &crossed
                && *place == tombstone.start
                && *deletion == tombstone.deletion
            {
                self.purged = counted;
            }
            !goes
        });
    }

    /// What was done.
    pub(crate) fn finish(self) -> Purged {
        self.purged
    }

    fn may_purge(&mut self, timestamp: Timestamp, local_deletion_time: LocalDeletionTime) -> bool {
        let limit = self.limit_for(local_deletion_time);
        let may = Reference.may_purge(timestamp, local_deletion_time, self.gc_before, limit);
        self.count(may, local_deletion_time);
        may
    }

    /// Counts something dead that goes or stays.
    fn count(&mut self, goes: bool, local_deletion_time: LocalDeletionTime) {
        let is_over = local_deletion_time < self.gc_before;
        self.purged.gone_count += u64::from(goes);
        self.purged.kept_count += u64::from(!goes && is_over);
    }

    /// The limit; any will do for what is within gc_grace.
    fn limit_for(&mut self, local_deletion_time: LocalDeletionTime) -> PurgeLimit {
        if local_deletion_time >= self.gc_before {
            return PurgeLimit::Below(Timestamp::UNSET);
        }
        *self.limit.get_or_insert_with(&mut *self.ask_limit)
    }

    fn purges(&mut self, deletion: DeletionTime) -> bool {
        !deletion.is_live() && self.may_purge(deletion.marked_for_delete_at, deletion.local_deletion_time)
    }

    fn purge_deletion(&mut self, deletion: &mut DeletionTime) {
        if self.purges(*deletion) {
            *deletion = DeletionTime::LIVE;
        }
    }

    fn purge_row(&mut self, row: &mut Row) {
        let liveness = row.liveness;
        if !liveness.is_empty()
            && !liveness.is_live(self.now_seconds)
            && self.may_purge(liveness.timestamp, liveness.local_expiration_time())
        {
            row.liveness = LivenessInfo::EMPTY;
        }
        self.purge_deletion(&mut row.deletion);
        row.complex_deletions
            .retain(|_, deletion| !self.purges(*deletion));
        row.cells.retain(|_, cell| !self.purge_cell(cell));
    }

    /// Whether the cell goes; an expired one that stays becomes a tombstone, its value being gone.
    fn purge_cell(&mut self, cell: &mut Cell) -> bool {
        if cell.kind.is_live(self.now_seconds) {
            return false;
        }
        let dead_since = match cell.kind {
            CellKind::Live => return false,
            CellKind::Expiring {
                ttl,
                local_deletion_time,
            } => {
                // The tombstone that it becomes is older than its expiration.
                LocalDeletionTime(local_deletion_time.0.saturating_sub(i64::from(ttl.seconds())))
            }
            CellKind::Tombstone { local_deletion_time } => local_deletion_time,
        };
        let limit = self.limit_for(dead_since);
        let purge = Reference.purge_cell(cell.timestamp, cell.kind, self.now_seconds, self.gc_before, limit);
        self.count(purge == CellPurge::Purge, dead_since);
        match purge {
            CellPurge::Keep => false,
            CellPurge::Purge => true,
            CellPurge::BecomesTombstone { local_deletion_time } => {
                *cell = Cell::tombstone(cell.timestamp, local_deletion_time);
                false
            }
        }
    }
}

#[cfg(test)]
#[path = "purger_tests.rs"]
mod tests;
