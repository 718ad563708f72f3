//! Replay: what is in the commit log and in no SSTable goes into memtables, and those are flushed.
//!
//! Chapter: `specs/06-commit-log.md`. Source: Cassandra `db.commitlog.CommitLogReplayer`.

use super::{EngineStatistics, Layouts, Shared};
use crate::column_family_store::ColumnFamilyStore;
use crate::commit_log::ReplayRecord;
use crate::memtable::{MemtableLoader, PackedUpdate};
use crate::storage_error::{StorageError, first_error};
use crate::sync::{lock, read};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use thymbra_durability::ReplayRules as _;
use thymbra_format::mutation::{
    DecodeError, RawMutation, SchemaLookup, TableLayout, UpdateDecoder, decode_mutation_parts,
};
use thymbra_types::sorted_map::SortedMap;
use thymbra_types::{CommitLogPosition, DecoratedKey, IntervalSet, Reference, TableId};

/// Applies what is in the commit log and in no SSTable, flushes it, and removes the log's segments.
//= WP-CL-04
pub(super) fn replay_commit_log(shared: &Shared) -> Result<(), StorageError> {
    let layouts = Arc::clone(&read(&shared.layouts));
    let mut replay = Replay::new(shared, &layouts);
    let start = replay.start();
    let summary = shared.commit_log.replay(start, |record| replay.visit(&record))?;
    replay.counts.has_met_torn_tail = summary.torn_tail.is_some();
    replay.flush()?;
    *lock(&shared.opening) = replay.counts;
    Ok(shared.commit_log.discard_replayed()?)
}

/// A replay that is under way.
struct Replay<'r> {
    shared: &'r Shared,
    tables: BTreeMap<TableId, TableReplay<'r>>,
    /// The end of the record that was visited last, of whatever table; all before it have been visited, or need not be.
    last: Option<CommitLogPosition>,
    counts: EngineStatistics,
}

/// The same for one table.
struct TableReplay<'r> {
    table: Arc<ColumnFamilyStore>,
    flushed: IntervalSet<CommitLogPosition>,
    truncated_at: Option<CommitLogPosition>,
    /// What the log has up to here is of another table that had this id and was dropped.
    made_again_at: Option<CommitLogPosition>,
    layout: &'r Arc<TableLayout>,
    decoder: UpdateDecoder<'r>,
    /// Rows on their way into the memtable that takes updates now.
    loader: MemtableLoader,
}

impl TableReplay<'_> {
    /// Whether an update is in no SSTable and was not truncated.
    fn wants(&self, position: CommitLogPosition) -> bool {
        Reference.replays(position, &self.flushed, self.truncated_at)
    }

    /// Whether the bytes of an update can be read: those of another table of this id are of another form.
    fn knows(&self, position: CommitLogPosition) -> bool {
        Reference.is_of_present_table(position, self.made_again_at)
    }

    /// Writes out the memtable, which has what the table wants of everything up to a record.
    ///
    /// The SSTable says so. Otherwise whoever has to replay again, because the start fails later, writes it again too.
    //= WP-CL-04
    fn flush(&self, shared: &Shared, last: Option<CommitLogPosition>) -> Result<(), StorageError> {
        if let Some(last) = last {
            self.table.view().current.end_replayed(last);
        }
        shared.flush(&self.table)
    }
}

/// The tables that there were when a record was written, and that have not been dropped since.
struct KnownTables<'k, 'r> {
    tables: &'k BTreeMap<TableId, TableReplay<'r>>,
    position: CommitLogPosition,
}

impl SchemaLookup for KnownTables<'_, '_> {
    fn table(&self, id: TableId) -> Option<&TableLayout> {
        let replay = self.tables.get(&id)?;
        replay.knows(self.position).then(|| &**replay.layout)
    }
}

impl<'r> Replay<'r> {
    fn new(shared: &'r Shared, layouts: &'r Layouts) -> Self {
        let system = lock(&shared.system);
        let tables = shared.all_tables().into_iter().filter_map(|table| {
            let id = table.id();
            let layout = layouts.get(&id)?;
            let view = table.view();
            let intervals = view
                .sstables
                .iter()
                .filter_map(|sstable| sstable.intervals_of(shared.host_id));
            let replay = TableReplay {
                flushed: intervals.fold(IntervalSet::empty(), |all, more| all.union(more.clone())),
                truncated_at: system.truncated_position(id),
                made_again_at: system.made_again_position(id),
                layout,
                decoder: UpdateDecoder::new(layout),
                loader: MemtableLoader::new(Arc::clone(&view.current)),
                table,
            };
            Some((id, replay))
        });
        let tables = tables.collect();
        Self {
            shared,
            tables,
            last: None,
            counts: lock(&shared.opening).clone(),
        }
    }

    /// Nothing before it has to be read.
    fn start(&self) -> CommitLogPosition {
        let tables = self.tables.values();
        tables
            .map(|table| Reference.replay_start(&table.flushed, table.truncated_at))
            .min()
            .unwrap_or(CommitLogPosition::NONE)
    }

    fn visit(&mut self, record: &ReplayRecord<'_>) -> Result<(), StorageError> {
        let added_bytes = match self.load_single_row(record) {
            Some(added_bytes) => added_bytes,
            None => self.apply(record)?,
        };
        let memtable_bytes = &self.shared.memtable_bytes;
        memtable_bytes.fetch_add(added_bytes, Ordering::Relaxed);
        self.last = Some(record.position);
        if self.shared.is_memory_short() {
            self.make_room()?;
        }
        Ok(())
    }

    /// Writes out the largest memtables, until memory is not short any more.
    //= WP-MF-03
    fn make_room(&mut self) -> Result<(), StorageError> {
        self.finish_loading();
        while self.shared.is_memory_short() {
            let size_bytes = |replay: &TableReplay<'_>| replay.table.view().current.size_bytes();
            let largest = self.tables.values_mut().max_by_key(|replay| size_bytes(replay));
            let Some(replay) = largest.filter(|replay| size_bytes(replay) > 0) else {
                break;
            };
            replay.flush(self.shared, self.last)?;
            replay.loader = MemtableLoader::new(Arc::clone(&replay.table.view().current));
        }
        Ok(())
    }

    /// Puts all that was taken in into the memtables.
    fn finish_loading(&mut self) {
        let added_bytes: u64 = self
            .tables
            .values_mut()
            .map(|replay| replay.loader.finish())
            .sum();
        let memtable_bytes = &self.shared.memtable_bytes;
        memtable_bytes.fetch_add(added_bytes, Ordering::Relaxed);
    }

    /// Takes in a mutation of which the bytes will do; `None` if they have to be looked at more
    /// closely. Gives the bytes by which memtables grow.
    fn load_single_row(&mut self, record: &ReplayRecord<'_>) -> Option<u64> {
        let mutation = RawMutation::read(record.mutation, 0).ok()?;
        if mutation.update_count != 1 {
            return None;
        }
        let replay = self.tables.get_mut(&mutation.table_id)?;
        if !replay.knows(record.position) {
            return None;
        }
        if !replay.wants(record.position) {
            self.counts.replay_skipped_count += 1;
            return Some(0);
        }
        let row = replay.decoder.single_row(mutation.first_update)?;
        let packed = PackedUpdate {
            layout: replay.layout,
            contents: mutation.first_update,
        };
        let key = DecoratedKey::new(self.shared.config.partitioner, mutation.key);
        let added_bytes = replay.loader.put(key, packed, &row)?;
        self.counts.replayed_count += 1;
        Some(added_bytes)
    }

    /// Takes in any mutation; gives the bytes by which memtables grow.
    fn apply(&mut self, record: &ReplayRecord<'_>) -> Result<u64, StorageError> {
        let mut contents = SortedMap::new();
        let known = KnownTables {
            tables: &self.tables,
            position: record.position,
        };
        let decoded = decode_mutation_parts(
            record.mutation,
            0,
            &known,
            self.shared.config.partitioner,
            |table, bytes| {
                contents.insert(table, bytes);
            },
        );
        let mutation = match decoded {
            Ok(mutation) => mutation,
            // The size of the part for a table that was dropped is unknown, so all parts are passed over;
            // those of other tables were flushed before the drop.
            Err(DecodeError::UnknownTable(_)) => {
                self.counts.replay_unknown_table_count += 1;
                return Ok(0);
            }
            Err(DecodeError::Format(error)) => return Err(record.undecodable(error).into()),
        };
        let mut added_bytes = 0;
        for (id, update) in mutation.updates {
            let Some(replay) = self.tables.get(&id) else {
                continue;
            };
            if !replay.wants(record.position) {
                self.counts.replay_skipped_count += 1;
                continue;
            }
            self.counts.replayed_count += 1;
            let packed = contents.get(&id).map(|contents| PackedUpdate {
                layout: replay.layout,
                contents,
            });
            added_bytes += replay.table.apply(mutation.key.clone(), update, packed);
        }
        Ok(added_bytes)
    }

    /// Writes out all memtables that anything was put in, whichever of them fail; gives the first error.
    fn flush(&mut self) -> Result<(), StorageError> {
        self.finish_loading();
        let tables = self.tables.values();
        let taken_in = tables.filter(|replay| !replay.table.view().current.is_clean());
        first_error(taken_in.map(|replay| replay.flush(self.shared, self.last)))
    }
}
