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
use crate::retry::Retry;
use crate::sstable::SSTableReader;
use crate::storage_error::StorageError;
use crate::table_schema::TableSchema;
use crate::view::View;
use size_tiered::{Candidate, Options};
use std::sync::{Arc, MutexGuard};
use thymbra_durability::PurgeRules as _;
use thymbra_types::Reference;

/// Longest time after which the same SSTables may be worth another compaction: they and their tombstones grow older,
/// and others of them are read. Cassandra: `CassandraDaemon.setup`, which has all tables looked at once a minute.
const LOOK_AGAIN_MS: u64 = 60_000;
/// Longest pause between tries of a compaction that fails: it may have read and written much before it does.
const LONGEST_PAUSE_MS: u64 = 60_000;

/// Who compacts a table has it; what the background has found.
#[derive(Debug, Default)]
pub(crate) struct CompactionTurn {
    retry: Retry,
    nothing: Option<NothingToDo>,
}

/// A look that found nothing to compact.
#[derive(Debug)]
struct NothingToDo {
    /// Of the SSTables that were there.
    generations: Vec<u64>,
    schema: Arc<TableSchema>,
    look_again_ms: u64,
}

impl NothingToDo {
    /// Whether a look at a time would find the same.
    fn holds(&self, view: &View, schema: &Arc<TableSchema>, now_ms: u64) -> bool {
        now_ms < self.look_again_ms
            && Arc::ptr_eq(&self.schema, schema)
            && self.generations.iter().copied().eq(generations(view))
    }
}

fn generations(view: &View) -> impl Iterator<Item = u64> {
    view.sstables.iter().map(|sstable| sstable.generation())
}

/// Compacts what the table's strategy wants next; false when it wants nothing.
///
/// # Errors
/// When the disk fails or an SSTable is corrupt; the SSTables stay then.
pub(crate) fn compact_next(shared: &Shared, table: &ColumnFamilyStore) -> Result<bool, StorageError> {
    match turn_of(table) {
        Some(_turn) => compact_next_of(shared, table, &table.view()),
        None => Ok(false),
    }
}

/// The same for the background, which asks again and again: false too where nothing has changed since it found
/// nothing, and while it pauses after a failure.
///
/// # Errors
/// As [`compact_next`].
pub(crate) fn compact_what_is_due(shared: &Shared, table: &ColumnFamilyStore) -> Result<bool, StorageError> {
    let Some(mut turn) = turn_of(table) else {
        return Ok(false);
    };
    let now_ms = shared.clock.monotonic_ms();
    let (view, schema) = (table.view(), table.schema());
    let nothing = turn.nothing.as_ref();
    if !turn.retry.is_due(now_ms) || nothing.is_some_and(|nothing| nothing.holds(&view, &schema, now_ms)) {
        return Ok(false);
    }
    let retry = turn.retry;
    // What panics pauses as what fails.
    turn.retry.failed(now_ms, LONGEST_PAUSE_MS);
    let compacted = compact_next_of(shared, table, &view);
    turn.retry = retry;
    turn.nothing = None;
    match compacted {
        Ok(true) => turn.retry.succeeded(),
        Ok(false) => {
            turn.retry.succeeded();
            let options = Options::of(&schema.metadata.params().compaction);
            let interval_ms = options.map_or(LOOK_AGAIN_MS, |options| options.tombstones.interval_ms());
            turn.nothing = Some(NothingToDo {
                generations: generations(&view).collect(),
                schema,
                look_again_ms: now_ms.saturating_add(interval_ms.min(LOOK_AGAIN_MS)),
            });
        }
        Err(StorageError::CompactionInterrupted { .. } | StorageError::Closed) => {}
        Err(_) => turn.retry.failed(shared.clock.monotonic_ms(), LONGEST_PAUSE_MS),
    }
    compacted
}

/// The turn to compact a table, unless another has it or it may not be compacted.
fn turn_of(table: &ColumnFamilyStore) -> Option<MutexGuard<'_, CompactionTurn>> {
    let turn = table.try_compaction_turn();
    turn.filter(|_| table.check_compactions().is_ok())
}

/// Compacts what the strategy wants of a view; the caller has the turn.
fn compact_next_of(shared: &Shared, table: &ColumnFamilyStore, view: &View) -> Result<bool, StorageError> {
    let metadata = table.metadata();
    let Some(options) = Options::of(&metadata.params().compaction) else {
        return Ok(false);
    };
    table.count(|counters| counters.compaction_looks_count += 1);
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
                || tombstone_compaction::overlap_of(shared, table, view, sstable, gc_before),
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
