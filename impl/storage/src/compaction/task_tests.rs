//! What compactions look at, what they count, and what their output says of the commit log.

use super::*;
use crate::{Background, Config, ManualClock, SimulatedDisk, StorageEngine};
use thymbra_durability::SyncMode;
use thymbra_format::marshal::AbstractType;
use thymbra_format::schema::TableMetadata;
use thymbra_types::{
    Cell, CellName, Clustering, DeletionTime, Mutation, Partition, Partitioner, Row, TableId, Timestamp,
};

const DOOMED: TableId = TableId(1);
const OTHER: TableId = TableId(2);
const SEGMENT_BYTES: u64 = 64 << 10;

/// Milliseconds since 1970.
const NOW_MS: u64 = 1_000_000_000;

fn key() -> DecoratedKey {
    key_of("key")
}

fn key_of(text: &str) -> DecoratedKey {
    DecoratedKey::new(Partitioner::Murmur3, text.as_bytes())
}

fn engine() -> StorageEngine {
    let config = Config {
        background: Background::Manual,
        commitlog_sync: SyncMode::Batch,
        commitlog_segment_size_bytes: SEGMENT_BYTES,
        ..Config::under(std::path::Path::new("/node"))
    };
    let clock = Arc::new(ManualClock::at_ms(NOW_MS));
    let engine = StorageEngine::open(config, Arc::new(SimulatedDisk::new()), clock).expect("it opens");
    engine.create_keyspace("ks", true).expect("a new keyspace");
    for (name, id) in [("doomed", DOOMED), ("other", OTHER)] {
        let table = TableMetadata::builder("ks", name, id)
            .partition_key("k", AbstractType::Bytes)
            .regular_column("v", AbstractType::Bytes)
            .build();
        engine
            .create_table(table.expect("a valid table"))
            .expect("a new table");
    }
    engine
}

fn write(engine: &StorageEngine, table: TableId, update: Partition) {
    write_to(engine, key(), table, update);
}

fn write_to(engine: &StorageEngine, key: DecoratedKey, table: TableId, update: Partition) {
    let mutation = Mutation {
        keyspace: "ks".into(),
        key,
        updates: [(table, update)].into(),
    };
    engine.apply(mutation).expect("the engine takes writes");
}

/// A deletion whose gc_grace is over.
fn deleted(timestamp: i64) -> Partition {
    Partition {
        deletion: DeletionTime::new(Timestamp(timestamp), LocalDeletionTime(1)),
        ..Partition::default()
    }
}

/// Writes partitions into an SSTable of their own.
fn flush(engine: &StorageEngine, partitions: &[(&str, Partition)]) {
    for (key, partition) in partitions {
        write_to(engine, key_of(key), DOOMED, partition.clone());
    }
    engine.flush(DOOMED).expect("the disk works");
}

fn value(timestamp: i64, bytes: &[u8]) -> Partition {
    let mut row = Row::default();
    row.cells
        .insert(CellName::simple("v"), Cell::live(Timestamp(timestamp), bytes));
    Partition {
        rows: [(Clustering::default(), row)].into(),
        ..Partition::default()
    }
}

/// Fills segments with another table, and flushes that, so that what is flushed of this one is nowhere
/// else.
fn empty_the_log(engine: &StorageEngine) {
    let large = vec![1; usize::try_from(SEGMENT_BYTES / 3).expect("a small number")];
    for timestamp in 0..6 {
        write(engine, OTHER, value(timestamp, &large));
    }
    engine.flush(OTHER).expect("the disk works");
}

//= WP-CP-06 check
#[test]
fn older_data_that_was_flushed_since_the_compaction_began_keeps_the_tombstone() {
    let engine = engine();
    write(&engine, DOOMED, deleted(100));
    engine.flush(DOOMED).expect("the disk works");
    empty_the_log(&engine);

    let table = engine.shared.table(DOOMED).expect("the table is there");
    let inputs = table.view().sstables.clone();
    let controller = Controller {
        shared: &engine.shared,
        table: &table,
        inputs: &inputs,
        generations: &inputs.iter().map(|sstable| sstable.generation()).collect(),
        now_seconds: 1_000_000,
        gc_before: LocalDeletionTime(i64::MAX),
    };
    assert_eq!(controller.purge_limit(&key()), PurgeLimit::Everything);
    assert_eq!(controller.fully_expired().len(), 1);

    write(&engine, DOOMED, value(50, b"late"));
    for place in ["commit log and memtable", "SSTable"] {
        assert_eq!(
            controller.purge_limit(&key()),
            PurgeLimit::Below(Timestamp(50)),
            "{place}"
        );
        assert_eq!(controller.fully_expired().len(), 0, "{place}");
        engine.flush(DOOMED).expect("the disk works");
        empty_the_log(&engine);
    }
    let commit_log = engine.shared.commit_log.least_timestamp(DOOMED);
    assert_eq!(commit_log, None, "the SSTable alone has it in the end");
}

/// What has been counted of compactions of a table.
fn counts(engine: &StorageEngine) -> [u64; 7] {
    let table = engine.statistics().tables[&DOOMED];
    [
        table.compactions_count,
        table.sstables_compacted_count,
        table.compacted_bytes,
        table.partitions_purged_count,
        table.partitions_removed_count,
        table.tombstones_kept_for_older_data_count,
        table.expired_sstables_dropped_count,
    ]
}

//= WP-CP-02 check
//= WP-CP-05 check
#[test]
fn statistics_count_what_compactions_have_done() {
    let engine = engine();
    let live_bytes = || engine.statistics().tables[&DOOMED].live_bytes;
    flush(&engine, &[("expired", deleted(1))]);
    flush(
        &engine,
        &[
            ("a", value(10, b"a")),
            ("b", value(11, b"b")),
            ("c", value(12, b"c")),
        ],
    );
    flush(
        &engine,
        &[("b", deleted(20)), ("c", deleted(5)), ("d", deleted(21))],
    );
    empty_the_log(&engine);
    engine.compact(DOOMED).expect("the disk works");
    // The third is older than its data, which stays.
    let (purged_count, removed_count) = (3, 2);
    let first_bytes = live_bytes();
    let first = [1, 3, first_bytes, purged_count, removed_count, 0, 1];
    assert_eq!(counts(&engine), first);

    flush(&engine, &[("a", deleted(30)), ("e", deleted(31))]);
    empty_the_log(&engine);
    // As old as one of the tombstones, and of the same partition.
    write_to(&engine, key_of("e"), DOOMED, value(31, b"e"));
    engine.compact(DOOMED).expect("the disk works");
    let both_bytes = first_bytes + live_bytes();
    // The tombstone of the other partition is older than all that lies elsewhere.
    assert_eq!(counts(&engine), [2, 5, both_bytes, 4, 3, 1, 1]);
}

//= WP-CL-04 check
#[test]
fn output_says_of_the_commit_log_what_its_inputs_say() {
    let engine = engine();
    for timestamp in 0..3 {
        flush(&engine, &[("a", value(timestamp, b"a"))]);
        // A gap in what the SSTables hold of the log.
        empty_the_log(&engine);
    }
    let table = engine.shared.table(DOOMED).expect("the table is there");
    let intervals = |inputs: &[Arc<SSTableReader>]| {
        let all = intervals_of(&engine.shared, inputs);
        all.iter().map(|(start, end)| (*start, *end)).collect::<Vec<_>>()
    };
    let inputs = table.view().sstables.clone();
    let of_each: Vec<_> = inputs
        .iter()
        .map(|input| intervals(core::slice::from_ref(input)))
        .collect();
    engine.compact(DOOMED).expect("the disk works");
    let of_output = intervals(&table.view().sstables);
    assert_eq!(table.view().sstables.len(), 1);
    for (start, end) in of_each.into_iter().flatten() {
        let holds = |(first, last): &(CommitLogPosition, CommitLogPosition)| *first <= start && end <= *last;
        assert!(
            of_output.iter().any(holds),
            "{start:?} to {end:?} in {of_output:?}"
        );
    }
    assert!(of_output.iter().all(|(start, end)| start < end), "{of_output:?}");
}
