//! Compaction: many SSTables become one, and what nobody needs goes.
//!
//! Chapter: `specs/09-compaction.md`. Source: Cassandra `db.compaction`.
//!
//! | module | what it does |
//! |---|---|
//! | [`size_tiered`] | chooses what to compact |
//! | [`tombstone_compaction`] | says what is worth a compaction of its own |
//! | [`task`] | compacts it |
//! | [`purger`] | forgets what may be forgotten |
//! | [`rate_limiter`] | goes slowly |

mod purger;
mod rate_limiter;
mod size_tiered;
mod task;
mod tombstone_compaction;

use crate::column_family_store::ColumnFamilyStore;
use crate::engine::Shared;
use crate::sstable::SSTableReader;
use crate::storage_error::StorageError;
use size_tiered::{Candidate, Options};
use std::sync::Arc;
use thymbra_durability::PurgeRules as _;
use thymbra_types::Reference;

/// Compacts what the table's strategy wants next; false when it wants nothing.
///
/// # Errors
/// When the disk fails or an SSTable is corrupt; the SSTables stay then.
pub(crate) fn compact_next(shared: &Shared, table: &ColumnFamilyStore) -> Result<bool, StorageError> {
    let Some(_turn) = table
        .try_compaction_turn()
        .filter(|_| table.check_compactions().is_ok())
    else {
        return Ok(false);
    };
    let metadata = table.metadata();
    let Some(options) = Options::of(&metadata.params().compaction) else {
        return Ok(false);
    };
    let view = table.view();
    let (now_ms, monotonic_ms) = (shared.clock.now_ms(), shared.clock.monotonic_ms());
    let now_seconds = i64::try_from(shared.clock.now_seconds()).unwrap_or(i64::MAX);
    let gc_before = Reference.gc_before(now_seconds, i64::from(metadata.params().gc_grace_seconds));
    let candidates: Vec<Candidate> = view
        .sstables
        .iter()
        .map(|sstable| Candidate {
            generation: sstable.generation(),
            size_bytes: sstable.size_bytes(),
            hotness: sstable.hotness(monotonic_ms),
            is_worth_dropping: options.tombstones.is_worth(
                sstable.age_ms(now_ms),
                sstable.droppable_tombstone_ratio(gc_before),
                || tombstone_compaction::overlap_of(shared, table, &view, sstable, gc_before),
            ),
        })
        .collect();
    let chosen = size_tiered::next_background_sstables(&candidates, &options);
    let inputs: Vec<Arc<SSTableReader>> = view
        .sstables
        .iter()
        .filter(|sstable| chosen.contains(&sstable.generation()))
        .cloned()
        .collect();
    if inputs.is_empty() {
        return Ok(false);
    }
    task::compact(shared, table, &inputs)?;
    Ok(true)
}

/// Compacts all SSTables of a table into one.
///
/// # Errors
/// As [`compact_next`].
pub(crate) fn compact_all(shared: &Shared, table: &ColumnFamilyStore) -> Result<(), StorageError> {
    let _turn = table.compaction_turn();
    table.check_running()?;
    let inputs = table.view().sstables.clone();
    if inputs.is_empty() {
        return Ok(());
    }
    task::compact(shared, table, &inputs)
}
