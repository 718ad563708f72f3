//! Reads and compactions of partitions of many megabytes touch and hold as much of them as they need.

use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;
use thymbra_durability::SyncMode;
use thymbra_format::marshal::AbstractType;
use thymbra_format::schema::{CompressionParams, TableMetadata, TableParams};
use thymbra_storage::disk::FileKind;
use thymbra_storage::read::{ClusteringSlice, PartitionRows, RowFilter};
use thymbra_storage::{Background, Config, CountingDisk, ManualClock, RealDisk, StorageEngine};
use thymbra_types::{
    Cell, CellName, Clustering, ClusteringBound, DecoratedKey, DeletionTime, LivenessInfo, LocalDeletionTime,
    Mutation, Partition, Partitioner, RangeTombstone, Reference, Row, TableId, Timestamp,
};

const TABLE: TableId = TableId(0x681f_35d0_e57b_11f1_935d_9b7b_8ca7_a154);
const ROW_COUNT: i32 = 16 << 10;
const VALUE_BYTES: usize = 1 << 10;
/// Far less than the 16 MiB of the partition: the head, the index entry, and a block or two of each SSTable.
const BOUND_BYTES: u64 = 512 << 10;

type Engine = (StorageEngine, Arc<CountingDisk<RealDisk>>);

fn engine(directory: &Path, compression: CompressionParams) -> Engine {
    engine_with(directory, compression, |_| {})
}

fn engine_with(directory: &Path, compression: CompressionParams, set: impl Fn(&mut Config)) -> Engine {
    let table = TableMetadata::builder("ks", "t", TABLE)
        .partition_key("pk", AbstractType::Utf8)
        .clustering("ck", AbstractType::Int32)
        .regular_column("v", AbstractType::Bytes)
        .params(TableParams {
            compression,
            ..TableParams::default()
        });
    let mut config = Config {
        background: Background::Manual,
        commitlog_sync: SyncMode::Batch,
        ..Config::under(directory)
    };
    set(&mut config);
    let disk = Arc::new(CountingDisk::new(RealDisk));
    let clock = Arc::new(ManualClock::at_ms(1_700_000_000_000));
    let engine = StorageEngine::open(config, Arc::clone(&disk) as _, clock).expect("the engine opens");
    engine.create_keyspace("ks", true).expect("a new keyspace");
    engine
        .create_table(table.build().expect("a valid table"))
        .expect("a new table");
    (engine, disk)
}

fn key() -> DecoratedKey {
    DecoratedKey::new(Partitioner::Murmur3, *b"large")
}

fn clustering(number: i32) -> Clustering {
    Clustering(vec![AbstractType::Int32.to_comparable(&number.to_be_bytes())])
}

fn row(number: i32, timestamp: i64) -> Row {
    let mut row = Row {
        liveness: LivenessInfo::live(Timestamp(timestamp)),
        ..Row::default()
    };
    let mut state = u64::from(number.unsigned_abs()) + 1;
    let value = (0..VALUE_BYTES).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    });
    let value: Vec<u8> = value.collect();
    row.cells
        .insert(CellName::simple("v"), Cell::live(Timestamp(timestamp), value));
    row
}

fn apply(engine: &StorageEngine, update: Partition) {
    let mutation = Mutation {
        keyspace: "ks".into(),
        key: key(),
        updates: [(TABLE, update)].into(),
    };
    engine.apply(mutation).expect("a write");
}

fn delete(first: i32, last: i32, timestamp: i64) -> Partition {
    let mut update = Partition::default();
    let deletion = DeletionTime::new(Timestamp(timestamp), LocalDeletionTime(1_699_999_000));
    let tombstone = RangeTombstone {
        start: ClusteringBound::inclusive_start(clustering(first)),
        end: ClusteringBound::inclusive_end(clustering(last)),
        deletion,
    };
    update.range_tombstones.add(tombstone, &Reference);
    update
}

/// Even rows in one SSTable and all rows in another, of which the first and the last hundred are deleted in a
/// third one.
fn fill(engine: &StorageEngine) {
    for (step, timestamp) in [(1, 1), (2, 2)] {
        for first in (0..ROW_COUNT).step_by(1 << 9) {
            let numbers = (first..first + (1 << 9)).step_by(step);
            let rows = numbers.map(|number| (clustering(number), row(number, timestamp)));
            apply(
                engine,
                Partition {
                    rows: rows.collect(),
                    ..Partition::default()
                },
            );
        }
        engine.flush(TABLE).expect("a flush");
    }
    apply(engine, delete(0, 99, 3));
    apply(engine, delete(ROW_COUNT - 100, ROW_COUNT, 3));
    engine.flush(TABLE).expect("a flush");
}

fn limited(slice: ClusteringSlice, is_reversed: bool, limit_count: usize) -> RowFilter {
    RowFilter {
        slice,
        is_reversed,
        limit_count: Some(limit_count),
    }
}

/// What a read finds, and how many bytes of SSTables it read for that.
fn read((engine, disk): &Engine, filter: &RowFilter) -> (PartitionRows, u64) {
    let before = disk.counts().of(FileKind::SSTable).read_bytes;
    let found = engine.read(TABLE, &key(), filter).expect("a read");
    (found, disk.counts().of(FileKind::SSTable).read_bytes - before)
}

fn clusterings(found: &PartitionRows) -> Vec<Clustering> {
    found
        .rows
        .iter()
        .map(|(clustering, _)| clustering.clone())
        .collect()
}

//= WP-SS-06 check
#[test]
fn first_and_last_rows_of_sixteen_megabytes_cost_a_few_blocks() {
    let lz4 = CompressionParams::Lz4 {
        chunk_length_bytes: 16 << 10,
    };
    for compression in [CompressionParams::None, lz4] {
        let directory = tempfile::tempdir().expect("a directory");
        let engine = engine(directory.path(), compression);
        fill(&engine.0);
        let middle = ClusteringSlice {
            start: ClusteringBound::inclusive_start(clustering(5_000)),
            end: ClusteringBound::exclusive_end(clustering(9_000)),
        };
        for (slice, first, last) in [
            (ClusteringSlice::ALL, 100, ROW_COUNT - 101),
            (middle, 5_000, 8_999),
        ] {
            for limit_count in [1, 2, 10] {
                let count = i32::try_from(limit_count).expect("a small number");
                let (found, bytes) = read(&engine, &limited(slice.clone(), false, limit_count));
                let expected: Vec<_> = (first..first + count).map(clustering).collect();
                assert_eq!(clusterings(&found), expected);
                assert!(bytes < BOUND_BYTES, "{bytes} bytes for {limit_count} rows");

                let (found, bytes) = read(&engine, &limited(slice.clone(), true, limit_count));
                let expected: Vec<_> = (0..count).map(|back| clustering(last - back)).collect();
                assert_eq!(clusterings(&found), expected);
                assert!(bytes < BOUND_BYTES, "{bytes} bytes for {limit_count} last rows");
            }
        }
        let (found, bytes) = read(&engine, &limited(ClusteringSlice::ALL, true, usize::MAX));
        let mut expected = engine.0.read(TABLE, &key(), &RowFilter::ALL).expect("a read");
        expected.rows.reverse();
        assert_eq!(found, expected);
        assert!(bytes > BOUND_BYTES, "{bytes} bytes: the bound says something");
    }
}

/// `Data.db` of the only SSTable.
fn data_of(directory: &Path) -> Vec<u8> {
    let keyspace = directory.join("data").join("ks");
    let table = std::fs::read_dir(keyspace).expect("a keyspace").next();
    let files = std::fs::read_dir(table.expect("a table").expect("an entry").path()).expect("a table");
    let paths = files.map(|entry| entry.expect("an entry").path());
    let mut data: Vec<_> = paths
        .filter(|path| path.to_string_lossy().ends_with("-Data.db"))
        .collect();
    assert_eq!(data.len(), 1, "{data:?}");
    std::fs::read(data.remove(0)).expect("the data")
}

//= WP-CP-09 check
#[test]
fn compaction_of_a_large_partition_in_stretches_gives_the_bytes_that_it_gives_as_a_whole() {
    let stretch_blocks: [u64; 3] = [u64::MAX, 64 << 10, 1 << 10];
    let mut outputs = Vec::new();
    for column_index_size_bytes in stretch_blocks {
        let directory = tempfile::tempdir().expect("a directory");
        let set = |config: &mut Config| config.column_index_size_bytes = column_index_size_bytes;
        let engine = engine_with(directory.path(), CompressionParams::None, set);
        fill(&engine.0);
        let before = engine.0.read(TABLE, &key(), &RowFilter::ALL).expect("a read");
        engine.0.compact(TABLE).expect("a compaction");
        let after = engine.0.read(TABLE, &key(), &RowFilter::ALL).expect("a read");
        assert!(before == after && before.rows.len() > 16_000);
        for (is_reversed, first) in [(false, 100), (true, ROW_COUNT - 101)] {
            let (found, _) = read(&engine, &limited(ClusteringSlice::ALL, is_reversed, 1));
            assert_eq!(clusterings(&found), [clustering(first)]);
        }
        let range = (Bound::Unbounded, Bound::Unbounded);
        for is_reversed in [false, true] {
            let filter = limited(ClusteringSlice::ALL, is_reversed, 3);
            let scanned = engine.0.scan(TABLE, range.clone(), &filter, 1).expect("a scan");
            let (expected, _) = read(&engine, &filter);
            assert_eq!(scanned, [(key(), expected)]);
        }
        outputs.push(data_of(directory.path()));
    }
    let [whole, rest @ ..] = outputs.as_slice() else {
        unreachable!("three compactions")
    };
    assert!(rest.iter().all(|output| output == whole), "the same bytes");
}

/// Memtables are looked at as far as a read needs, and once more where that was not enough.
//= WP-SS-06 check
#[test]
fn rows_in_memory_behind_many_dead_ones_are_found() {
    const COUNT: i32 = 200;
    let directory = tempfile::tempdir().expect("a directory");
    let (engine, _) = engine(directory.path(), CompressionParams::None);
    let rows_of = |numbers: &mut dyn Iterator<Item = i32>, timestamp| Partition {
        rows: numbers
            .map(|number| (clustering(number), row(number, timestamp)))
            .collect(),
        ..Partition::default()
    };
    apply(&engine, rows_of(&mut (0..COUNT).step_by(3), 1));
    engine.flush(TABLE).expect("a flush");
    apply(&engine, rows_of(&mut (0..COUNT), 2));
    let dead = |number: &i32| *number < 60 || *number >= 150 || number % 7 == 0;
    for number in (0..COUNT).filter(dead) {
        let deleted = Row {
            deletion: DeletionTime::new(Timestamp(3), LocalDeletionTime(1_699_999_000)),
            ..Row::default()
        };
        let update = Partition {
            rows: [(clustering(number), deleted)].into(),
            ..Partition::default()
        };
        apply(&engine, update);
    }
    let live: Vec<_> = (0..COUNT)
        .filter(|number| !dead(number))
        .map(clustering)
        .collect();
    let reversed: Vec<_> = live.iter().rev().cloned().collect();
    for limit_count in (0..12).chain([live.len() - 1, live.len(), usize::MAX]) {
        for (is_reversed, live) in [(false, &live), (true, &reversed)] {
            let filter = limited(ClusteringSlice::ALL, is_reversed, limit_count);
            let found = engine.read(TABLE, &key(), &filter).expect("a read");
            let expected: Vec<_> = live.iter().take(limit_count).cloned().collect();
            assert_eq!(
                clusterings(&found),
                expected,
                "{limit_count} rows, reversed: {is_reversed}"
            );
        }
    }
    assert_eq!(engine.statistics().tables[&TABLE].reads_count, 2 * 15);
}
