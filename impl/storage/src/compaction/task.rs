//! One compaction: SSTables in, one SSTable out, or none where nothing is left.
//!
//! Chapter: `specs/09-compaction.md`. Source: Cassandra `db.compaction.CompactionTask`,
//! `CompactionController`, `CompactionIterator`.

use crate::column_family_store::ColumnFamilyStore;
use crate::compaction::purger::Purger;
use crate::compaction::rate_limiter::RateLimiter;
use crate::config::Background;
use crate::engine::Shared;
use crate::lifecycle_transaction::LifecycleTransaction;
use crate::merge::{MergedPartitions, PartitionSource};
use crate::sstable::{SSTableReader, SSTableWriter, StretchWriter, WriterOptions};
use crate::storage_error::StorageError;
use crate::stretch::Stretch;
use crate::view::View;
use std::collections::BTreeSet;
use std::sync::Arc;
use thymbra_durability::{DataElsewhere, PurgeLimit, PurgeRules as _, SSTableTimes};
use thymbra_format::transaction_log::OperationType;
use thymbra_types::{CommitLogPosition, DecoratedKey, IntervalSet, LocalDeletionTime, Reference};

/// What decides about forgetting in one compaction.
struct Controller<'a> {
    shared: &'a Shared,
    table: &'a ColumnFamilyStore,
    inputs: &'a [Arc<SSTableReader>],
    /// Generations of the inputs.
    generations: &'a BTreeSet<u64>,
    now_seconds: i64,
    gc_before: LocalDeletionTime,
}

impl Controller<'_> {
    /// Refuses to go on where the engine is closed, or somebody wants the table for himself.
    //= WP-CP-08
    fn check(&self) -> Result<(), StorageError> {
        self.shared.check_open()?;
        self.table.check_compactions()
    }

    /// Which tombstones of a partition cover nothing outside of the compaction.
    //= WP-CP-06
    fn purge_limit(&self, key: &DecoratedKey) -> PurgeLimit {
        let commit_log = self.shared.commit_log.least_timestamp(self.table.id());
        let view = self.table.view();
        let memtables = view
            .memtables()
            .filter_map(|memtable| memtable.min_timestamp(key));
        let having = self.others(&view).filter(|sstable| sstable.may_contain(key));
        Reference.purge_limit(DataElsewhere {
            sstables: having.map(|sstable| sstable.times().min_timestamp).min(),
            memtables: memtables.min(),
            commit_log,
        })
    }

    /// SSTables that are not compacted.
    fn others<'v>(&'v self, view: &'v View) -> impl Iterator<Item = &'v Arc<SSTableReader>> {
        let all = view.sstables.iter();
        all.filter(|sstable| !self.generations.contains(&sstable.generation()))
    }

    /// The inputs in which everything may be forgotten unread.
    //= WP-CP-05
    fn fully_expired(&self) -> BTreeSet<u64> {
        let commit_log = self.shared.commit_log.least_timestamp(self.table.id());
        let view = self.table.view();
        let memtables = view
            .memtables()
            .filter_map(|memtable| memtable.min_timestamp_of_all());
        let elsewhere = DataElsewhere {
            sstables: None,
            memtables: memtables.min(),
            commit_log,
        };
        let compacting: Vec<SSTableTimes> = self.inputs.iter().map(|sstable| sstable.times()).collect();
        let overlaps = |other: &&Arc<SSTableReader>| self.inputs.iter().any(|input| input.overlaps(other));
        let overlapping = self.others(&view).filter(overlaps);
        let overlapping: Vec<SSTableTimes> = overlapping.map(|sstable| sstable.times()).collect();
        let expired = Reference.fully_expired(&compacting, &overlapping, elsewhere, self.gc_before);
        let generations = self.inputs.iter().map(|sstable| sstable.generation());
        generations
            .zip(expired)
            .filter_map(|(generation, expired)| expired.then_some(generation))
            .collect()
    }
}

/// Merges the inputs and puts the result in their place. The caller has the turn to compact the table.
///
/// # Errors
/// When the disk fails or an input is corrupt, or when it is ended early; the inputs stay then, and nothing else
/// does.
//= WP-CP-01
//= WP-CP-04
pub(crate) fn compact(
    shared: &Shared,
    table: &ColumnFamilyStore,
    inputs: &[Arc<SSTableReader>],
) -> Result<(), StorageError> {
    let schema = table.schema();
    let now_seconds = i64::try_from(shared.clock.now_seconds()).unwrap_or(i64::MAX);
    let generations: BTreeSet<u64> = inputs.iter().map(|sstable| sstable.generation()).collect();
    let controller = Controller {
        shared,
        table,
        inputs,
        generations: &generations,
        now_seconds,
        gc_before: Reference.gc_before(now_seconds, i64::from(schema.metadata.params().gc_grace_seconds)),
    };
    let expired = controller.fully_expired();
    let read: Vec<&Arc<SSTableReader>> = inputs
        .iter()
        .filter(|sstable| !expired.contains(&sstable.generation()))
        .collect();

    let generation = table.next_generation();
    let mut transaction = LifecycleTransaction::begin(
        &shared.disk,
        table.directory(),
        OperationType::Compaction,
        shared.clock.now_us() + generation,
    );
    let options = WriterOptions {
        generation,
        expected_keys_count: read.iter().map(|sstable| sstable.keys_count()).sum(),
        header: schema.merged_header(read.iter().map(|sstable| sstable.header())),
        intervals: intervals_of(shared, inputs),
        host_id: shared.host_id,
        partitioner: shared.config.partitioner,
        column_index_size_bytes: shared.config.column_index_size_bytes,
        chunk_cache: Arc::clone(&shared.chunk_cache),
        trickle_fsync_interval_bytes: shared.config.trickle_fsync_interval(),
        // It reads meanwhile: the order of operations would be another each time.
        may_use_thread: shared.config.background == Background::Threads,
    };
    let mut writer = SSTableWriter::create(&shared.disk, &mut transaction, &schema.metadata, options)?;
    let stretch_bytes = shared.config.stretch_bytes();
    let mut sources: Vec<Box<dyn PartitionSource>> = Vec::new();
    for sstable in &read {
        sources.push(Box::new(sstable.scan(stretch_bytes)?));
    }
    let counts = write_merged(&controller, MergedPartitions::new(sources)?, &mut writer)?;
    let written = writer.finish()?;
    for input in inputs {
        transaction.obsolete(input);
    }
    table.commit(&mut transaction)?;
    let output = written.map(Arc::new);
    let output_bytes = output.as_ref().map_or(0, |output| output.size_bytes());
    table.change_view(|view| view.replace_compacted(&generations, output.into_iter().collect()));
    transaction.remove_obsolete();
    table.count(|counters| {
        counters.compactions_count += 1;
        counters.sstables_compacted_count += inputs.len() as u64;
        counters.compacted_bytes += output_bytes;
        counters.partitions_purged_count += counts.purged;
        counters.partitions_removed_count += counts.removed;
        counters.tombstones_kept_for_older_data_count += counts.kept;
        counters.expired_sstables_dropped_count += expired.len() as u64;
    });
    Ok(())
}

/// What the inputs say that they hold of this node's commit log.
fn intervals_of(shared: &Shared, inputs: &[Arc<SSTableReader>]) -> IntervalSet<CommitLogPosition> {
    inputs
        .iter()
        .filter_map(|sstable| sstable.intervals_of(shared.host_id))
        .fold(IntervalSet::empty(), |all, intervals| {
            all.union(intervals.clone())
        })
}

/// Partitions in which something was forgotten, those that vanished, and tombstones that stayed.
#[derive(Clone, Copy, Debug, Default)]
struct PurgeCounts {
    purged: u64,
    removed: u64,
    kept: u64,
}

fn write_merged(
    controller: &Controller<'_>,
    mut merged: MergedPartitions<'_>,
    writer: &mut SSTableWriter,
) -> Result<PurgeCounts, StorageError> {
    let schema = controller.table.schema();
    let limiter = RateLimiter::new(controller.shared.config.compaction_throughput_bytes_per_second);
    let mut counts = PurgeCounts::default();
    let signals = &controller.shared.signals;
    while let Some((key, mut stretch)) = merged.next()? {
        controller.check()?;
        let mut ask_limit = || controller.purge_limit(&key);
        let mut purger = Purger::new(controller.now_seconds, controller.gc_before, &mut ask_limit);
        let mut clean = |stretch: &mut Stretch| {
            schema.remove_dropped(&mut stretch.partition);
            purger.purge(stretch);
        };
        clean(&mut stretch);
        let is_written = if stretch.edge.is_none() {
            writer.append(&key, &stretch.partition)?;
            !stretch.partition.is_empty()
        } else {
            let mut output = StretchWriter::new(writer, &key);
            loop {
                let is_last = stretch.edge.is_none();
                output.push(stretch)?;
                limiter.wait_for(output.position(), signals, || controller.check())?;
                if is_last {
                    break;
                }
                controller.check()?;
                stretch = merged.next_stretch()?;
                clean(&mut stretch);
            }
            output.finish()?
        };
        let purged = purger.finish();
        counts.purged += u64::from(purged.gone_count > 0);
        counts.kept += purged.kept_count;
        counts.removed += u64::from(!is_written);
        limiter.wait_for(writer.position(), signals, || controller.check())?;
    }
    Ok(counts)
}

#[cfg(test)]
#[path = "task_tests.rs"]
mod tests;
