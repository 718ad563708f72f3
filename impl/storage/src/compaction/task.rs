//! One compaction: SSTables in, one SSTable out, or none where nothing is left.
//!
//! Chapter: `specs/09-compaction.md`. Source: Cassandra `db.compaction.CompactionTask`,
//! `CompactionController`, `CompactionIterator`.

use crate::column_family_store::ColumnFamilyStore;
use crate::compaction::purger;
use crate::compaction::rate_limiter::RateLimiter;
use crate::engine::Shared;
use crate::lifecycle_transaction::LifecycleTransaction;
use crate::merge::{MergedPartitions, PartitionSource};
use crate::sstable::{SSTableReader, SSTableWriter, WriterOptions};
use crate::storage_error::StorageError;
use std::collections::BTreeSet;
use std::sync::Arc;
use thymbra_durability::{DataElsewhere, PurgeLimit, PurgeRules as _, SSTableTimes};
use thymbra_format::transaction_log::OperationType;
use thymbra_types::{CommitLogPosition, DecoratedKey, IntervalSet, LocalDeletionTime, Reference, Timestamp};

/// What decides about forgetting in one compaction.
struct Controller<'a> {
    shared: &'a Shared,
    table: &'a ColumnFamilyStore,
    /// SSTables that are not compacted and share keys with those that are.
    overlapping: Vec<Arc<SSTableReader>>,
    now_seconds: i64,
    gc_before: LocalDeletionTime,
}

impl Controller<'_> {
    /// Which tombstones of a partition cover nothing outside of the compaction.
    ///
    /// Memtables come before the commit log, and both before the SSTables: data moves from the
    /// first to the last, so what moves meanwhile is met at its new place.
    fn purge_limit(&self, key: &DecoratedKey) -> PurgeLimit {
        let memtables = self.least_in_memtables(|memtable| memtable.min_timestamp(key));
        let commit_log = self.shared.commit_log.least_timestamp(self.table.id());
        let sstables = self
            .overlapping
            .iter()
            .filter(|sstable| sstable.may_contain(key))
            .map(|sstable| sstable.times().min_timestamp)
            .min();
        Reference.purge_limit(DataElsewhere {
            sstables,
            memtables,
            commit_log,
        })
    }

    fn least_in_memtables(
        &self,
        of: impl Fn(&crate::memtable::Memtable) -> Option<Timestamp>,
    ) -> Option<Timestamp> {
        let view = self.table.view();
        view.memtables().filter_map(|memtable| of(memtable)).min()
    }

    /// The inputs in which everything may be forgotten unread.
    //= WP-CP-05
    fn fully_expired(&self, inputs: &[Arc<SSTableReader>]) -> BTreeSet<u64> {
        let compacting: Vec<SSTableTimes> = inputs.iter().map(|sstable| sstable.times()).collect();
        let overlapping: Vec<SSTableTimes> = self.overlapping.iter().map(|sstable| sstable.times()).collect();
        let elsewhere = DataElsewhere {
            sstables: None,
            memtables: self.least_in_memtables(|memtable| memtable.min_timestamp_of_all()),
            commit_log: self.shared.commit_log.least_timestamp(self.table.id()),
        };
        let expired = Reference.fully_expired(&compacting, &overlapping, elsewhere, self.gc_before);
        let generations = inputs.iter().map(|sstable| sstable.generation());
        generations
            .zip(expired)
            .filter_map(|(generation, expired)| expired.then_some(generation))
            .collect()
    }
}

/// Merges the inputs, which the view has as compacting, and puts the result in their place.
///
/// # Errors
/// When the disk fails or an input is corrupt; the inputs stay then, and nothing else does.
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
    let outside = table.view().sstables.clone().into_iter();
    let controller = Controller {
        shared,
        table,
        overlapping: outside
            .filter(|sstable| !generations.contains(&sstable.generation()))
            .filter(|sstable| inputs.iter().any(|input| input.overlaps(sstable)))
            .collect(),
        now_seconds,
        gc_before: Reference.gc_before(now_seconds, i64::from(schema.metadata.params().gc_grace_seconds)),
    };
    let expired = controller.fully_expired(inputs);
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
    };
    let mut writer = SSTableWriter::create(&shared.disk, &mut transaction, &schema.metadata, options)?;
    let mut sources: Vec<Box<dyn PartitionSource>> = Vec::new();
    for sstable in &read {
        sources.push(Box::new(sstable.scan()?));
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
    while let Some((key, mut partition)) = merged.next()? {
        controller.shared.check_open()?;
        schema.remove_dropped(&mut partition);
        let purged = purger::purge(
            &mut partition,
            controller.now_seconds,
            controller.gc_before,
            &mut || controller.purge_limit(&key),
        );
        counts.purged += u64::from(purged.gone_count > 0);
        counts.kept += purged.kept_count;
        if partition.is_empty() {
            counts.removed += 1;
            continue;
        }
        writer.append(&key, &partition)?;
        limiter.wait_for(writer.position());
    }
    Ok(counts)
}
