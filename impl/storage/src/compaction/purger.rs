//! Taking out of a partition what no reader needs any more.
//!
//! Walks over one partition that compaction has merged; which tombstone may go is decided by the
//! rules of durability. Chapter: `specs/09-compaction.md`. Source: Cassandra
//! `db.partitions.PurgeFunction`, `db.rows.BTreeRow.purge`, `db.rows.AbstractCell.purge`.

use thymbra_durability::PurgeRules;
use thymbra_types::{
    Cell, CellKind, DeletionTime, LivenessInfo, LocalDeletionTime, Partition, Reference, Row, Timestamp,
};

/// Removes from a partition in normal form what `may_purge` lets go, at a clock reading.
///
/// `may_purge` is asked for each tombstone, expired cell and expired liveness with its timestamp
/// and local deletion time.
//= WP-CP-03
pub(crate) fn purge(
    partition: &mut Partition,
    now_seconds: i64,
    may_purge: &dyn Fn(Timestamp, LocalDeletionTime) -> bool,
) {
    purge_deletion(&mut partition.deletion, may_purge);
    purge_row(&mut partition.static_row, now_seconds, may_purge);
    partition.rows.retain(|_, row| {
        purge_row(row, now_seconds, may_purge);
        !row.is_empty()
    });
    partition
        .range_tombstones
        .retain(|tombstone| !purges(tombstone.deletion, may_purge));
}

fn purges(deletion: DeletionTime, may_purge: &dyn Fn(Timestamp, LocalDeletionTime) -> bool) -> bool {
    !deletion.is_live() && may_purge(deletion.marked_for_delete_at, deletion.local_deletion_time)
}

fn purge_deletion(deletion: &mut DeletionTime, may_purge: &dyn Fn(Timestamp, LocalDeletionTime) -> bool) {
    if purges(*deletion, may_purge) {
        *deletion = DeletionTime::LIVE;
    }
}

fn purge_row(row: &mut Row, now_seconds: i64, may_purge: &dyn Fn(Timestamp, LocalDeletionTime) -> bool) {
    let liveness = row.liveness;
    if !liveness.is_empty()
        && !liveness.is_live(now_seconds)
        && may_purge(liveness.timestamp, liveness.local_expiration_time())
    {
        row.liveness = LivenessInfo::EMPTY;
    }
    purge_deletion(&mut row.deletion, may_purge);
    row.complex_deletions
        .retain(|_, deletion| !purges(*deletion, may_purge));
    row.cells
        .retain(|_, cell| !purge_cell(cell, now_seconds, may_purge));
}

/// Whether the cell goes; an expired one that stays becomes a tombstone, its value being gone.
fn purge_cell(
    cell: &mut Cell,
    now_seconds: i64,
    may_purge: &dyn Fn(Timestamp, LocalDeletionTime) -> bool,
) -> bool {
    if cell.kind.is_live(now_seconds) {
        return false;
    }
    if may_purge(cell.timestamp, cell.kind.local_deletion_time()) {
        return true;
    }
    let CellKind::Expiring {
        ttl,
        local_deletion_time,
    } = cell.kind
    else {
        return false;
    };
    let deleted_at = Reference.tombstone_of_expired(ttl, local_deletion_time);
    *cell = Cell::tombstone(cell.timestamp, deleted_at);
    may_purge(cell.timestamp, deleted_at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use thymbra_types::{CellName, Clustering, Ttl};

    const NOW_SECONDS: i64 = 1_000;

    fn ttl(seconds: i32) -> Ttl {
        Ttl::new(seconds).expect("a TTL in range")
    }

    fn partition_of(cell: Cell) -> Partition {
        let mut row = Row::default();
        row.cells.insert(CellName::simple("v"), cell);
        let mut partition = Partition::default();
        partition.rows.insert(Clustering::default(), row);
        partition
    }

    fn purged(mut partition: Partition, gc_before: i64) -> Partition {
        purge(&mut partition, NOW_SECONDS, &|_, local_deletion_time| {
            local_deletion_time.0 < gc_before
        });
        partition
    }

    //= WP-CP-03 check
    #[test]
    fn tombstone_goes_with_its_row_when_it_may_and_stays_otherwise() {
        let partition = partition_of(Cell::tombstone(Timestamp(1), LocalDeletionTime(500)));
        assert!(purged(partition.clone(), 501).is_empty());
        assert_eq!(purged(partition.clone(), 500), partition);
    }

    //= WP-CP-03 check
    #[test]
    fn live_cell_stays_whatever_may_go() {
        let live = partition_of(Cell::live(Timestamp(1), *b"v"));
        assert_eq!(purged(live.clone(), i64::MAX), live);
        let expiring = partition_of(Cell::expiring(
            Timestamp(1),
            ttl(10),
            LocalDeletionTime(NOW_SECONDS + 1),
            *b"v",
        ));
        assert_eq!(purged(expiring.clone(), i64::MAX), expiring);
    }

    //= WP-CP-03 check
    #[test]
    fn expired_cell_becomes_a_tombstone_of_the_time_it_was_written_and_is_asked_again() {
        let expired = partition_of(Cell::expiring(
            Timestamp(1),
            ttl(600),
            LocalDeletionTime(NOW_SECONDS),
            *b"v",
        ));
        let tombstone = partition_of(Cell::tombstone(Timestamp(1), LocalDeletionTime(400)));
        assert_eq!(purged(expired.clone(), 400), tombstone);
        assert!(purged(expired, 401).is_empty(), "as old as its writing");
    }

    //= WP-CP-03 check
    #[test]
    fn every_kind_of_deletion_is_asked() {
        let deletion = DeletionTime::new(Timestamp(1), LocalDeletionTime(500));
        let mut partition = Partition {
            deletion,
            ..Partition::default()
        };
        partition.static_row.deletion = deletion;
        let mut row = Row {
            liveness: LivenessInfo::expiring(Timestamp(1), ttl(1), LocalDeletionTime(500)),
            deletion,
            ..Row::default()
        };
        row.complex_deletions
            .insert(thymbra_types::ColumnName("c".into()), deletion);
        partition.rows.insert(Clustering::default(), row);
        partition.range_tombstones.add(
            thymbra_types::RangeTombstone {
                start: thymbra_types::ClusteringBound::BOTTOM,
                end: thymbra_types::ClusteringBound::TOP,
                deletion,
            },
            &Reference,
        );
        assert_eq!(purged(partition.clone(), 500), partition);
        assert!(purged(partition, 501).is_empty());
    }
}
