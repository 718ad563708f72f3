//! Flushes whose `Data.db` is written by a thread of its own, with a disk that fails or
//! ends at each of their operations.

use std::io;
use std::sync::Arc;
use thymbra_durability::SyncMode;
use thymbra_format::marshal::AbstractType;
use thymbra_format::schema::{CompressionParams, TableMetadata, TableParams};
use thymbra_storage::disk::simulated::OperationRecord;
use thymbra_storage::read::RowFilter;
use thymbra_storage::{Background, Config, DiskOperation, ManualClock, SimulatedDisk, StorageEngine};
use thymbra_types::{
    Cell, CellName, Clustering, DecoratedKey, LivenessInfo, Mutation, Partition, Partitioner, Row, TableId,
    Timestamp,
};

const TABLE: TableId = TableId(0x77);
const NOW_MS: u64 = 1_700_000_000_000;
const ROWS_COUNT: u32 = 80;
/// Together some batches for the thread, and more than is collected for one append.
const VALUE_BYTES: usize = 30_000;
/// What is collected for one append.
const TRICKLE_BYTES: u64 = 1 << 20;

fn open(disk: &SimulatedDisk) -> StorageEngine {
    let config = Config {
        background: Background::Manual,
        commitlog_sync: SyncMode::periodic(10_000),
        commitlog_segment_size_bytes: 1 << 20,
        trickle_fsync: true,
        trickle_fsync_interval_bytes: TRICKLE_BYTES,
        ..Config::under("/node")
    };
    let clock = Arc::new(ManualClock::at_ms(NOW_MS));
    StorageEngine::open(config, Arc::new(disk.clone()), clock).expect("the engine opens")
}

fn key(number: u32) -> DecoratedKey {
    DecoratedKey::new(Partitioner::Murmur3, number.to_be_bytes().to_vec())
}

/// A value that cannot be compressed.
fn value(number: u32) -> Vec<u8> {
    let mut state = u64::from(number) + 1;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(VALUE_BYTES).collect()
}

fn write(engine: &StorageEngine, number: u32) {
    let mut row = Row {
        liveness: LivenessInfo::live(Timestamp(1)),
        ..Row::default()
    };
    row.cells
        .insert(CellName::simple("v"), Cell::live(Timestamp(1), value(number)));
    let mut update = Partition::default();
    update.rows.insert(Clustering::default(), row);
    let mutation = Mutation {
        keyspace: "ks".into(),
        key: key(number),
        updates: [(TABLE, update)].into(),
    };
    engine.apply(mutation).expect("a write");
}

/// An engine with all rows in its memtable, and the log of them synced.
fn written(compression: CompressionParams) -> (SimulatedDisk, StorageEngine) {
    let disk = SimulatedDisk::new();
    let engine = open(&disk);
    engine.create_keyspace("ks", true).expect("a new keyspace");
    let table = TableMetadata::builder("ks", "t", TABLE)
        .partition_key("k", AbstractType::Int32)
        .regular_column("v", AbstractType::Bytes)
        .params(TableParams {
            compression,
            ..TableParams::default()
        });
    let table = table.build().expect("a valid table");
    engine.create_table(table).expect("a new table");
    for number in 0..ROWS_COUNT {
        write(&engine, number);
    }
    engine.sync().expect("a sync");
    (disk, engine)
}

fn expect_all(engine: &StorageEngine, context: &str) {
    for number in 0..ROWS_COUNT {
        let rows = engine.read(TABLE, &key(number), &RowFilter::ALL);
        assert!(rows.is_ok(), "{context}: row {number}: {rows:?}");
        let rows = rows.expect("it was looked at");
        let cells: Vec<_> = rows.rows.iter().flat_map(|(_, cells)| cells).collect();
        assert_eq!(cells.len(), 1, "{context}: row {number}");
        assert_eq!(**cells[0].1, *value(number), "{context}: row {number}");
    }
}

const FORMS: [CompressionParams; 2] = [
    CompressionParams::Lz4 {
        chunk_length_bytes: 16 << 10,
    },
    CompressionParams::None,
];

/// What a flush without faults does on the disk, and at which operation it begins.
fn operations_of_flush(form: CompressionParams) -> (u64, Vec<OperationRecord>) {
    let (disk, engine) = written(form);
    let first = disk.operation_count();
    engine.flush(TABLE).expect("a flush");
    let operations = disk.operations();
    let begin = usize::try_from(first).expect("few operations");
    (first, operations[begin..].to_vec())
}

fn is_of_data(record: &OperationRecord, operation: DiskOperation) -> bool {
    record.operation == operation && record.path.ends_with("nb-1-big-Data.db")
}

fn is_append_to_data(record: &OperationRecord) -> bool {
    is_of_data(record, DiskOperation::Write)
}

#[test]
fn file_is_synced_whenever_it_has_got_the_interval_and_at_its_end() {
    for form in FORMS {
        let (_, operations) = operations_of_flush(form);
        let [appends, syncs] = [DiskOperation::Write, DiskOperation::SyncData].map(|operation| {
            let of_data = operations.iter().filter(|record| is_of_data(record, operation));
            of_data.map(|record| record.index).collect::<Vec<_>>()
        });
        let after_appends: Vec<_> = appends.iter().map(|index| index + 1).collect();
        assert_eq!(
            syncs, after_appends,
            "each append is as long as the interval, or the last"
        );
        assert!(syncs.len() >= 3, "{syncs:?}");
    }
}

/// Threads do not make two runs differ: what fails once can be found again.
#[test]
fn operations_of_a_large_flush_come_in_one_order() {
    for form in FORMS {
        let (_, first) = operations_of_flush(form);
        let appends = first.iter().filter(|record| is_append_to_data(record));
        assert!(appends.count() >= 3, "the thread is at work: {first:?}");
        for _ in 0..5 {
            assert_eq!(operations_of_flush(form).1, first);
        }
    }
}

#[test]
fn crash_at_each_operation_of_a_large_flush_loses_nothing() {
    for form in FORMS {
        let (first, operations) = operations_of_flush(form);
        for (index, operation) in (first..).zip(&operations) {
            let (disk, engine) = written(form);
            disk.crash_at(index);
            let flushed = engine.flush(TABLE);
            assert!(disk.is_crashed(), "{operation:?}");
            let context = format!("{operation:?}: {flushed:?}");
            let crash = disk.crash();
            drop(engine);
            expect_all(&open(&crash.process_end()), &context);
            for seed in 0..3 {
                expect_all(&open(&crash.power_loss(&crash.random(seed))), &context);
            }
        }
    }
}

#[test]
fn failure_of_each_operation_of_a_large_flush_loses_nothing() {
    for form in FORMS {
        let (first, operations) = operations_of_flush(form);
        for (index, operation) in (first..).zip(&operations) {
            let (disk, engine) = written(form);
            disk.fail_at(index, io::ErrorKind::StorageFull);
            let flushed = engine.flush(TABLE);
            let context = format!("{operation:?}: {flushed:?}");
            assert!(flushed.is_err() || !is_append_to_data(operation), "{context}");
            disk.repair();
            if flushed.is_err() && engine.flush(TABLE).is_ok() {
                expect_all(&engine, &context);
            }
            drop(engine);
            expect_all(&open(&disk.fork()), &context);
        }
    }
}

/// What an engine without threads does on the disk, which compactions read at the same time.
#[test]
fn operations_of_a_large_compaction_come_in_one_order() {
    let operations = || {
        let (disk, engine) = written(FORMS[0]);
        engine.flush(TABLE).expect("a flush");
        for number in 0..ROWS_COUNT {
            write(&engine, number);
        }
        engine.flush(TABLE).expect("a flush");
        engine.compact(TABLE).expect("a compaction");
        disk.operations()
    };
    let first = operations();
    for _ in 0..5 {
        assert_eq!(operations(), first);
    }
}
