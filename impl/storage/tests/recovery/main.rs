//! Opening an engine again on simulated disks: what it counts, what it removes, and what it leaves alone.

mod failing_starts;
mod little_memory;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thymbra_durability::SyncMode;
use thymbra_format::marshal::AbstractType;
use thymbra_format::schema::TableMetadata;
use thymbra_storage::read::ClusteringSlice;
use thymbra_storage::{
    Background, Config, Disk, EngineStatistics, ManualClock, SimulatedDisk, StorageEngine, StorageError,
};
use thymbra_types::{
    Cell, CellName, Clustering, DecoratedKey, LivenessInfo, Mutation, Partition, Partitioner, Row, TableId,
    Timestamp,
};

const TABLES: [(TableId, &str); 4] = [
    (TableId(0x71), "one"),
    (TableId(0x72), "two"),
    (TableId(0x73), "three"),
    (TableId(0x74), "four"),
];
const ONE: TableId = TABLES[0].0;
const TWO: TableId = TABLES[1].0;
const NOW_MS: u64 = 1_700_000_000_000;

fn config() -> Config {
    Config {
        background: Background::Manual,
        commitlog_sync: SyncMode::Batch,
        commitlog_segment_size_bytes: 1 << 13,
        ..Config::under("/node")
    }
}

fn open(disk: &SimulatedDisk) -> StorageEngine {
    open_with(disk, config())
}

fn open_with(disk: &SimulatedDisk, config: Config) -> StorageEngine {
    try_open(disk, config).expect("the engine opens")
}

fn try_open(disk: &SimulatedDisk, config: Config) -> Result<StorageEngine, StorageError> {
    open_at(disk, config, NOW_MS)
}

fn open_at(disk: &SimulatedDisk, config: Config, now_ms: u64) -> Result<StorageEngine, StorageError> {
    let clock = Arc::new(ManualClock::at_ms(now_ms));
    StorageEngine::open(config, Arc::new(disk.clone()), clock)
}

/// An engine with empty tables.
fn open_with_tables(disk: &SimulatedDisk) -> StorageEngine {
    make_tables(open(disk))
}

fn make_tables(engine: StorageEngine) -> StorageEngine {
    engine.create_keyspace("ks", true).expect("a new keyspace");
    for (id, name) in TABLES {
        let table = TableMetadata::builder("ks", name, id)
            .partition_key("pk", AbstractType::Utf8)
            .regular_column("v", AbstractType::Utf8);
        engine
            .create_table(table.build().expect("a valid table"))
            .expect("a new table");
    }
    engine
}

fn key(number: u32) -> DecoratedKey {
    DecoratedKey::new(Partitioner::Murmur3, format!("key{number}").into_bytes())
}

/// One value under a key of its own, in one table or several.
fn write(engine: &StorageEngine, tables: &[TableId], number: u32) {
    write_at(engine, tables, number, Timestamp(1));
}

fn write_at(engine: &StorageEngine, tables: &[TableId], number: u32, timestamp: Timestamp) {
    let mut row = Row {
        liveness: LivenessInfo::live(timestamp),
        ..Row::default()
    };
    row.cells
        .insert(CellName::simple("v"), Cell::live(timestamp, *b"value"));
    let mut update = Partition::default();
    update.rows.insert(Clustering::default(), row);
    let mutation = Mutation {
        keyspace: "ks".into(),
        key: key(number),
        updates: tables.iter().map(|table| (*table, update.clone())).collect(),
    };
    engine.apply(mutation).expect("a write");
}

fn is_there(engine: &StorageEngine, table: TableId, number: u32) -> bool {
    let found = engine
        .read_partition(table, &key(number), &ClusteringSlice::ALL)
        .expect("a read");
    !found.is_empty()
}

/// The timestamp of the value under a key.
fn timestamp_of(engine: &StorageEngine, table: TableId, number: u32) -> Option<Timestamp> {
    let found = engine
        .read_partition(table, &key(number), &ClusteringSlice::ALL)
        .expect("a read");
    let row = found.rows.get(&Clustering::default())?;
    Some(row.cells.get(&CellName::simple("v"))?.timestamp)
}

/// Applied, covered, and without a table: what replay made of the updates that it met.
fn replayed(statistics: &EngineStatistics) -> [u64; 3] {
    [
        statistics.replayed_count,
        statistics.replay_skipped_count,
        statistics.replay_unknown_table_count,
    ]
}

//= WP-CL-04 check
#[test]
fn replay_counts_each_update_once_as_applied_or_covered_or_without_a_table() {
    for counts in (0..27).map(|choice| [choice / 9, choice / 3 % 3, choice % 3]) {
        let [covered, dropped, open_after] = counts;
        let disk = SimulatedDisk::new();
        let engine = open_with_tables(&disk);
        for number in 0..covered {
            write(&engine, &[ONE], number);
        }
        for number in 0..dropped {
            write(&engine, &[TWO], number);
        }
        // Every table is flushed before one goes.
        engine.drop_table(TWO).expect("a table less");
        for number in covered..covered + open_after {
            write(&engine, &[ONE], number);
        }
        let again = disk.fork();
        let expected = [open_after, covered, dropped].map(u64::from);
        let engine = open(&again);
        assert_eq!(replayed(&engine.statistics()), expected, "{counts:?}");
        assert_eq!(engine.statistics().tables.len(), TABLES.len() - 1);
        // What was replayed is in files now, and its records are gone.
        let engine = open(&again.fork());
        assert_eq!(replayed(&engine.statistics()), [0, 0, 0], "{counts:?}");
        for number in 0..covered + open_after {
            assert!(is_there(&engine, ONE, number), "{counts:?} {number}");
        }
    }
}

//= WP-CL-04 check
#[test]
fn each_table_of_a_mutation_is_covered_or_applied_for_itself() {
    for written in 0..4 {
        let disk = SimulatedDisk::new();
        let engine = open_with_tables(&disk);
        for number in 0..written {
            write(&engine, &[ONE, TWO], number);
        }
        engine.flush(TWO).expect("a flush");
        let engine = open(&disk.fork());
        let expected = [u64::from(written), u64::from(written), 0];
        assert_eq!(replayed(&engine.statistics()), expected);
        for number in 0..written {
            assert!(is_there(&engine, ONE, number) && is_there(&engine, TWO, number));
        }
    }
}

/// Every file of a disk, by its whole name.
fn files(disk: &SimulatedDisk, directory: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in disk.list(directory).expect("a directory") {
        let path = directory.join(&entry.name);
        if entry.is_directory {
            found.extend(files(disk, &path));
        } else {
            found.insert(path);
        }
    }
    found
}

fn is_sstable_file(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    name.is_some_and(|name| name.starts_with("nb-"))
}

//= WP-SS-03 check
#[test]
fn leftovers_of_a_compaction_that_a_crash_cut_short_are_counted_file_by_file() {
    let disk = SimulatedDisk::new();
    let engine = open_with_tables(&disk);
    for number in 0..4 {
        write(&engine, &[ONE, TWO], number);
        engine.flush_all().expect("a flush");
    }
    let begun = engine.statistics();
    assert_eq!(begun.leftovers_removed_count, 0, "nothing was left over");
    let base = disk.fork();
    let length = {
        let disk = base.fork();
        let engine = open(&disk);
        let opened_at = disk.operation_count();
        engine.compact(ONE).expect("a compaction");
        opened_at..disk.operation_count()
    };
    let (mut undone_count, mut finished_count) = (0, 0);
    for crash_at in length {
        let disk = base.fork();
        let engine = open(&disk);
        disk.crash_at(crash_at);
        // The files of the inputs go behind the commit, and nobody waits for that.
        engine.compact(ONE).ok();
        assert!(disk.is_crashed());
        drop(engine);
        let disk = disk.crash().process_end();
        let before = files(&disk, Path::new("/node/data"));
        let engine = open(&disk);
        let after = files(&disk, Path::new("/node/data"));
        let gone = before.difference(&after).filter(|path| is_sstable_file(path));
        let gone_count = gone.count() as u64;
        let statistics = engine.statistics();
        assert_eq!(statistics.leftovers_removed_count, gone_count, "{crash_at}");
        assert!(after.difference(&before).all(|path| !is_sstable_file(path)));
        match (gone_count, statistics.tables[&ONE].sstables_count) {
            (0, 1 | 4) => {}
            (_, 4) => undone_count += 1,
            (_, 1) => finished_count += 1,
            (_, sstables_count) => panic!("{sstables_count} SSTables at {crash_at}"),
        }
        for number in 0..4 {
            assert!(is_there(&engine, ONE, number) && is_there(&engine, TWO, number));
        }
    }
    assert!(
        undone_count > 5 && finished_count > 5,
        "{undone_count} {finished_count}"
    );
}

fn put_file(disk: &SimulatedDisk, path: &str) {
    let directory = Path::new(path).parent().expect("a file lies in a directory");
    disk.create_directory_all(directory).expect("a directory");
    let file = disk.create_new(Path::new(path)).expect("a file");
    file.append(b"of somebody else").expect("it is written");
}

#[test]
fn opening_removes_nothing_that_it_does_not_know() {
    let disk = SimulatedDisk::new();
    let engine = open_with_tables(&disk);
    write(&engine, &[ONE, TWO], 1);
    engine.flush_all().expect("a flush");
    drop(engine);
    let disk = disk.fork();
    for path in [
        "/node/data/note.txt",
        "/node/data/ks/note.txt",
        "/node/data/ks/gone-00000000000000000000000000000009/nb-1-big-Data.db",
        "/node/data/other/gone-00000000000000000000000000000009/nb-1-big-Data.db",
        "/node/data/other/note.txt",
    ] {
        put_file(&disk, path);
    }
    let before = files(&disk, Path::new("/node/data"));
    let engine = open(&disk);
    assert_eq!(files(&disk, Path::new("/node/data")), before);
    assert!(is_there(&engine, ONE, 1) && is_there(&engine, TWO, 1));
}

#[test]
fn table_whose_drop_a_crash_cut_short_is_there_whole_or_not_at_all() {
    let disk = SimulatedDisk::new();
    let engine = open_with_tables(&disk);
    write(&engine, &[ONE, TWO], 1);
    engine.flush(TWO).expect("a flush");
    drop(engine);
    let base = disk.fork();
    let length = {
        let disk = base.fork();
        let engine = open(&disk);
        let opened_at = disk.operation_count();
        engine.drop_table(TWO).expect("a table less");
        opened_at..disk.operation_count()
    };
    let (mut whole_count, mut gone_count) = (0, 0);
    for crash_at in length {
        let disk = base.fork();
        let engine = open(&disk);
        disk.crash_at(crash_at);
        engine.drop_table(TWO).expect_err("the disk has crashed");
        drop(engine);
        let disk = disk.crash().process_end();
        let engine = open(&disk);
        assert!(is_there(&engine, ONE, 1), "{crash_at}");
        let is_in_schema = engine.table_named("ks", "two").is_some();
        let has_files = files(&disk, Path::new("/node/data/ks"))
            .iter()
            .any(|path| path.to_string_lossy().contains("/two-"));
        assert_eq!(is_in_schema, has_files, "{crash_at}");
        if is_in_schema {
            whole_count += 1;
            assert!(is_there(&engine, TWO, 1), "{crash_at}");
        } else {
            gone_count += 1;
        }
    }
    assert!(whole_count > 0 && gone_count > 0, "{whole_count} {gone_count}");
}

/// Updates of several tables are taken apart, the others stay bytes until they are sorted into the
/// memtable: whichever comes first, the newest value is there.
#[test]
fn replay_merges_all_updates_of_a_key_whatever_their_order_and_kind() {
    let orders = [[1, 2, 3], [1, 3, 2], [2, 1, 3], [2, 3, 1], [3, 1, 2], [3, 2, 1]];
    for (order, kinds) in orders
        .iter()
        .flat_map(|order| (0..8).map(move |kinds| (order, kinds)))
    {
        let disk = SimulatedDisk::new();
        let engine = open_with_tables(&disk);
        for (index, timestamp) in order.iter().enumerate() {
            let tables: &[TableId] = if kinds >> index & 1 == 0 {
                &[ONE]
            } else {
                &[ONE, TWO]
            };
            for number in 0..20 {
                write_at(&engine, tables, number, Timestamp(*timestamp));
            }
        }
        let engine = open(&disk.fork());
        for number in 0..20 {
            assert_eq!(
                timestamp_of(&engine, ONE, number),
                Some(Timestamp(3)),
                "{order:?} {kinds:b}"
            );
        }
        assert!(!is_there(&engine, ONE, 20));
        assert_eq!(engine.statistics().tables[&ONE].sstables_count, 1);
    }
}

//= WP-CL-07 check
/// Otherwise the truncation would cover what is written after it.
#[test]
fn write_after_a_truncation_is_replayed_though_the_log_was_removed_and_the_clock_set_back() {
    let disk = SimulatedDisk::new();
    let engine = open_with_tables(&disk);
    write(&engine, &[ONE], 1);
    engine.truncate(ONE).expect("a truncation");
    drop(engine);
    let directory = Path::new("/node/commitlog");
    for file in disk.list(directory).expect("a directory") {
        disk.remove(&directory.join(file.name)).expect("a file less");
    }
    let again = disk.fork();
    let engine = open_at(&again, config(), 5).expect("the engine opens");
    write(&engine, &[ONE], 2);
    drop(engine);
    let engine = open_at(&again.fork(), config(), 5).expect("the engine opens");
    assert!(is_there(&engine, ONE, 2));
    assert!(!is_there(&engine, ONE, 1));
}
