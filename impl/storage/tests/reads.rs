//! What reads, scans and compactions leave out, and how much they look at.

use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;
use thymbra_durability::SyncMode;
use thymbra_format::marshal::AbstractType;
use thymbra_format::schema::{
    CompactionParams, CompressionParams, SizeTieredParams, TableMetadata, TableParams,
};
use thymbra_storage::read::{ClusteringSlice, RowFilter};
use thymbra_storage::{Background, Config, ManualClock, RealDisk, StorageEngine, TableStatistics};
use thymbra_types::{
    Cell, CellName, Clustering, DecoratedKey, DeletionTime, LivenessInfo, LocalDeletionTime, Mutation,
    Partition, Partitioner, Row, TableId, Timestamp,
};

const TABLE: TableId = TableId(0x681f_35d0_e57b_11f1_935d_9b7b_8ca7_a154);
const NOW_MS: u64 = 1_700_000_000_000;

/// `CREATE TABLE ks.t (pk text, ck int, s text static, v text, PRIMARY KEY (pk, ck))`, perhaps without `s`.
fn table(has_static: bool) -> TableMetadata {
    table_with(has_static, TableParams::default())
}

fn table_with(has_static: bool, params: TableParams) -> TableMetadata {
    let mut table = TableMetadata::builder("ks", "t", TABLE)
        .partition_key("pk", AbstractType::Utf8)
        .clustering("ck", AbstractType::Int32)
        .regular_column("v", AbstractType::Utf8)
        .params(TableParams {
            compression: CompressionParams::None,
            ..params
        });
    if has_static {
        table = table.static_column("s", AbstractType::Utf8);
    }
    table.build().expect("a valid table")
}

fn engine_with(directory: &Path, table: TableMetadata) -> StorageEngine {
    engine_and_clock(directory, table).0
}

fn engine_and_clock(directory: &Path, table: TableMetadata) -> (StorageEngine, Arc<ManualClock>) {
    let config = Config {
        background: Background::Manual,
        commitlog_sync: SyncMode::Batch,
        ..Config::under(directory)
    };
    let clock = Arc::new(ManualClock::at_ms(NOW_MS));
    let engine = StorageEngine::open(config, Arc::new(RealDisk), Arc::clone(&clock) as _);
    let engine = engine.expect("the engine opens");
    engine.create_keyspace("ks", true).expect("a new keyspace");
    engine.create_table(table).expect("a new table");
    (engine, clock)
}

fn key(name: &str) -> DecoratedKey {
    DecoratedKey::new(Partitioner::Murmur3, name.as_bytes())
}

fn clustering(number: i32) -> Clustering {
    Clustering(vec![AbstractType::Int32.to_comparable(&number.to_be_bytes())])
}

fn mutation(name: &str, update: Partition) -> Mutation {
    Mutation {
        keyspace: "ks".into(),
        key: key(name),
        updates: [(TABLE, update)].into(),
    }
}

fn insert(name: &str, row: i32, timestamp: i64, value: &str) -> Mutation {
    let mut cells = Row {
        liveness: LivenessInfo::live(Timestamp(timestamp)),
        ..Row::default()
    };
    let cell = Cell::live(Timestamp(timestamp), value.as_bytes());
    cells.cells.insert(CellName::simple("v"), cell);
    let mut update = Partition::default();
    update.rows.insert(clustering(row), cells);
    mutation(name, update)
}

fn delete_row(name: &str, row: i32, timestamp: i64) -> Mutation {
    let mut update = Partition::default();
    let deleted = Row {
        deletion: deletion(timestamp),
        ..Row::default()
    };
    update.rows.insert(clustering(row), deleted);
    mutation(name, update)
}

/// Made by a clock that was some minutes behind: SSTables know times of deletions to the minute.
fn deletion(timestamp: i64) -> DeletionTime {
    let seconds = i64::try_from(NOW_MS / 1_000).expect("a time") - 1_000;
    DeletionTime::new(Timestamp(timestamp), LocalDeletionTime(seconds))
}

fn set_static(name: &str, timestamp: i64, value: &str) -> Mutation {
    let mut update = Partition::default();
    let cell = Cell::live(Timestamp(timestamp), value.as_bytes());
    update.static_row.cells.insert(CellName::simple("s"), cell);
    mutation(name, update)
}

/// The one row that a clustering names.
fn only(row: i32) -> RowFilter {
    RowFilter {
        slice: ClusteringSlice::of_prefix(clustering(row)),
        ..RowFilter::ALL
    }
}

/// Live values of a partition's static column and rows.
fn values(engine: &StorageEngine, name: &str, filter: &RowFilter) -> Vec<String> {
    let found = engine.read(TABLE, &key(name), filter).expect("a read");
    let rows = found.rows.into_iter().flat_map(|(_, cells)| cells.into_values());
    let values = found.static_cells.into_values().chain(rows);
    values
        .map(|value| String::from_utf8(value.into()).expect("text"))
        .collect()
}

/// Applies updates, and puts them into an SSTable.
fn flush(engine: &StorageEngine, updates: impl IntoIterator<Item = Mutation>) {
    for update in updates {
        engine.apply(update).expect("a write");
    }
    engine.flush(TABLE).expect("a flush");
}

fn statistics(engine: &StorageEngine) -> TableStatistics {
    engine.statistics().tables[&TABLE]
}

#[test]
fn scan_of_a_range_that_ends_before_it_starts_finds_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let engine = engine_with(directory.path(), table(false));
    let mut keys = [key("a"), key("b")];
    keys.sort();
    let [first, last] = keys;
    let ranges = [
        (Bound::Included(last.clone()), Bound::Included(first.clone())),
        (Bound::Included(last.clone()), Bound::Excluded(first.clone())),
        (Bound::Excluded(last.clone()), Bound::Included(first.clone())),
        (Bound::Excluded(last.clone()), Bound::Excluded(first.clone())),
        (Bound::Excluded(first.clone()), Bound::Excluded(first.clone())),
        (Bound::Included(first.clone()), Bound::Excluded(first.clone())),
        (Bound::Excluded(first.clone()), Bound::Included(first.clone())),
    ];
    let check = |engine: &StorageEngine| {
        for range in &ranges {
            let found = engine.scan(TABLE, range.clone(), &RowFilter::ALL, 10);
            assert_eq!(found.expect("a scan"), [], "{range:?}");
        }
        let point = (Bound::Included(first.clone()), Bound::Included(first.clone()));
        let found = engine.scan(TABLE, point, &RowFilter::ALL, 10).expect("a scan");
        assert_eq!(found.len(), 1);
    };
    for name in ["a", "b"] {
        engine.apply(insert(name, 0, 1, "v")).expect("a write");
    }
    check(&engine);
    engine.flush(TABLE).expect("a flush");
    check(&engine);
}

//= WP-SS-05 check
#[test]
fn sstables_without_the_wanted_row_are_left_but_for_static_columns_and_tombstones() {
    let directory = tempfile::tempdir().expect("a directory");
    let engine = engine_with(directory.path(), table(true));
    flush(&engine, [insert("a", 1, 1, "one")]);
    flush(&engine, [insert("a", 5, 1, "five"), insert("a", 9, 1, "nine")]);
    let left = |engine: &StorageEngine| statistics(engine).sstables_skipped_by_clustering_count;
    assert_eq!(values(&engine, "a", &only(1)), ["one"]);
    assert_eq!(left(&engine), 1);
    assert_eq!(values(&engine, "a", &only(7)), [""; 0]);
    assert_eq!(left(&engine), 2, "7 lies between 5 and 9");
    flush(
        &engine,
        [set_static("a", 2, "static"), insert("a", 20, 2, "twenty")],
    );
    assert_eq!(values(&engine, "a", &only(1)), ["static", "one"]);
    assert_eq!(left(&engine), 3, "not the one with the static column");
    flush(&engine, [delete_row("a", 30, 3)]);
    assert_eq!(values(&engine, "a", &only(1)), ["static", "one"]);
    assert_eq!(
        left(&engine),
        4,
        "nor the one that may have a deletion of the partition"
    );
}

//= WP-SS-05 check
#[test]
fn sstables_behind_a_whole_newer_row_are_left_when_only_that_row_is_wanted() {
    let directory = tempfile::tempdir().expect("a directory");
    let engine = engine_with(directory.path(), table(false));
    let left = |engine: &StorageEngine| statistics(engine).sstables_skipped_by_newer_row_count;
    flush(&engine, [insert("a", 1, 5, "first"), insert("a", 2, 5, "other")]);
    flush(&engine, [insert("a", 1, 5, "equal")]);
    assert_eq!(values(&engine, "a", &only(1)), ["first"]);
    assert_eq!(left(&engine), 0, "at equal times the larger value wins");
    flush(&engine, [insert("a", 1, 6, "second")]);
    assert_eq!(values(&engine, "a", &only(1)), ["second"]);
    assert_eq!(left(&engine), 2);
    assert_eq!(values(&engine, "a", &RowFilter::ALL), ["second", "other"]);
    assert_eq!(left(&engine), 2, "all rows are wanted");
    engine.apply(delete_row("a", 1, 7)).expect("a write");
    assert_eq!(values(&engine, "a", &only(1)), [""; 0]);
    assert_eq!(left(&engine), 5);
}

//= WP-SS-05 check
#[test]
fn older_sstables_are_read_where_static_columns_are_not_known_to_be_newer() {
    let directory = tempfile::tempdir().expect("a directory");
    let engine = engine_with(directory.path(), table(true));
    flush(&engine, [set_static("a", 1, "old"), insert("a", 1, 1, "old row")]);
    engine.apply(insert("a", 1, 5, "row")).expect("a write");
    assert_eq!(values(&engine, "a", &only(1)), ["old", "row"]);
    assert_eq!(statistics(&engine).sstables_skipped_by_newer_row_count, 0);
    engine.apply(set_static("a", 5, "new")).expect("a write");
    assert_eq!(values(&engine, "a", &only(1)), ["new", "row"]);
    assert_eq!(statistics(&engine).sstables_skipped_by_newer_row_count, 1);
}

/// Tombstones may go at once, and SSTables of them are compacted alone at once.
fn impatient() -> TableParams {
    TableParams {
        gc_grace_seconds: 0,
        compaction: CompactionParams::SizeTiered(SizeTieredParams {
            tombstone_compaction_interval_s: 0,
            ..SizeTieredParams::default()
        }),
        ..TableParams::default()
    }
}

//= WP-CP-07 check
/// It was compacted again and again, and a tick did not end.
#[test]
fn sstable_whose_tombstones_cover_another_is_not_compacted_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let (engine, clock) = engine_and_clock(directory.path(), table_with(false, impatient()));
    let names: Vec<String> = (0..20).map(|number| format!("k{number}")).collect();
    flush(&engine, names.iter().map(|name| insert(name, 0, 1, "old")));
    flush(&engine, names.iter().map(|name| delete_row(name, 0, 2)));
    for _ in 0..3 {
        clock.advance_ms(10_000);
        engine.tick().expect("a tick");
    }
    assert_eq!(statistics(&engine).compactions_count, 0);
}

//= WP-CP-07 check
/// The commit log may still have what the tombstones cover, so that they stay.
#[test]
fn sstable_of_tombstones_that_must_stay_is_compacted_once_in_an_interval() {
    let directory = tempfile::tempdir().expect("a directory");
    let (engine, clock) = engine_and_clock(directory.path(), table_with(false, impatient()));
    flush(&engine, (0..20).map(|number| delete_row("a", number, 2)));
    let compactions = |engine: &StorageEngine| statistics(engine).compactions_count;
    engine.tick().expect("a tick");
    assert_eq!(compactions(&engine), 0, "it is new");
    for expected in 1..4 {
        clock.advance_ms(1_000);
        engine.tick().expect("a tick");
        engine.tick().expect("a tick");
        assert_eq!(compactions(&engine), expected);
        assert_eq!(statistics(&engine).sstables_count, 1);
    }
}
