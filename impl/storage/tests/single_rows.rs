//! Rows that are flushed from the bytes of their update make the files that decoded rows make.

use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use thymbra_durability::SyncMode;
use thymbra_format::marshal::AbstractType;
use thymbra_format::schema::{CompressionParams, TableMetadata, TableParams};
use thymbra_storage::{Background, Config, Disk as _, ManualClock, SimulatedDisk, StorageEngine};
use thymbra_types::{
    Cell, CellName, Clustering, DecoratedKey, DeletionTime, LivenessInfo, LocalDeletionTime, Mutation,
    Partition, Partitioner, Row, TableId, Timestamp, Ttl,
};

const TABLE: TableId = TableId(0x79);
const NOW_MS: u64 = 1_700_000_000_000;
const NOW_SECONDS: i64 = 1_700_000_000;
const COLUMNS: [&str; 3] = ["u", "v", "w"];

/// `(pk text, [ck int,] u text, v text, w text)`, and another column if that has been added.
fn table(has_clustering: bool, has_static: bool, is_altered: bool) -> TableMetadata {
    let mut table = TableMetadata::builder("ks", "t", TABLE)
        .partition_key("pk", AbstractType::Utf8)
        .params(TableParams {
            compression: CompressionParams::None,
            ..TableParams::default()
        });
    if has_clustering {
        table = table.clustering("ck", AbstractType::Int32);
        if has_static {
            table = table.static_column("s", AbstractType::Utf8);
        }
    }
    for column in COLUMNS {
        table = table.regular_column(column, AbstractType::Utf8);
    }
    if is_altered {
        table = table.regular_column("added", AbstractType::Utf8);
    }
    table.build().expect("a valid table")
}

/// When something was written, and when it ends.
#[derive(Clone, Copy, Debug)]
enum Life {
    Live(i64),
    Expiring(i64, i32),
    Deleted(i64),
}

/// One update of one row, in a partition of its own or not.
#[derive(Clone, Debug)]
struct Update {
    key: u8,
    clustering: i32,
    liveness: Option<Life>,
    cells: Vec<Option<(Life, String)>>,
    is_row_deleted: bool,
}

impl Update {
    fn row(&self) -> Row {
        let ttl = |seconds| Ttl::new(seconds).expect("a valid TTL");
        let end = |seconds: i32| LocalDeletionTime(NOW_SECONDS + i64::from(seconds));
        let mut row = Row {
            liveness: match self.liveness {
                None | Some(Life::Deleted(_)) => LivenessInfo::EMPTY,
                Some(Life::Live(time)) => LivenessInfo::live(Timestamp(time)),
                Some(Life::Expiring(time, seconds)) => {
                    LivenessInfo::expiring(Timestamp(time), ttl(seconds), end(seconds))
                }
            },
            ..Row::default()
        };
        if self.is_row_deleted {
            row.deletion = DeletionTime::new(Timestamp(3), LocalDeletionTime(NOW_SECONDS));
        }
        for (column, cell) in COLUMNS.iter().zip(&self.cells) {
            let Some((life, value)) = cell else { continue };
            let value = value.as_bytes();
            let cell = match *life {
                Life::Live(time) => Cell::live(Timestamp(time), value),
                Life::Expiring(time, seconds) => {
                    Cell::expiring(Timestamp(time), ttl(seconds), end(seconds), value)
                }
                Life::Deleted(time) => Cell::tombstone(Timestamp(time), LocalDeletionTime(NOW_SECONDS)),
            };
            row.cells.insert(CellName::simple(*column), cell);
        }
        row
    }
}

fn update() -> impl Strategy<Value = Update> {
    // Near each other, so that cells share the times of their row, and far away.
    let time = || prop_oneof![8 => 0_i64..4, 1 => Just(NOW_SECONDS * 1_000_000), 1 => -5_i64..0];
    let life = || {
        prop_oneof![
            4 => time().prop_map(Life::Live),
            2 => (time(), prop_oneof![Just(60), 1..400_000_000]).prop_map(|(time, ttl)| Life::Expiring(time, ttl)),
            1 => time().prop_map(Life::Deleted),
        ]
    };
    // Rows above and below the size of a block of the promoted index, which is 100 bytes.
    let cell = (life(), "[a-c]{0,60}");
    (
        0_u8..12,
        -2_i32..3,
        prop::option::of(life()),
        prop::collection::vec(prop::option::of(cell), COLUMNS.len()),
        prop::bool::weighted(0.05),
    )
        .prop_map(|(key, clustering, liveness, cells, is_row_deleted)| Update {
            key,
            clustering,
            liveness,
            cells,
            is_row_deleted,
        })
}

/// An engine whose table has had a column added, with what comes next kept as bytes or not.
fn engine(disk: &SimulatedDisk, altered: TableMetadata, keeps_bytes: bool) -> StorageEngine {
    let config = Config {
        background: Background::Manual,
        commitlog_sync: SyncMode::Batch,
        commitlog_segment_size_bytes: 1 << 16,
        column_index_size_bytes: 100,
        ..Config::under("/node")
    };
    let clock = Arc::new(ManualClock::at_ms(NOW_MS));
    let engine = StorageEngine::open(config, Arc::new(disk.clone()), clock).expect("the engine opens");
    if engine.table_named("ks", "t").is_some() {
        engine.alter_table(altered).expect("a column more");
        if keeps_bytes {
            // Makes a memtable that follows the new schema; without it updates are partitions.
            engine.flush(TABLE).expect("a flush of nothing");
        }
    }
    engine
}

/// Every file of the table, by its name.
fn files(disk: &SimulatedDisk) -> BTreeMap<String, Vec<u8>> {
    let keyspace = Path::new("/node/data/ks");
    let directories = disk.list(keyspace).expect("a directory").into_iter();
    let paths = directories.flat_map(|directory| {
        let directory = keyspace.join(directory.name);
        let files = disk.list(&directory).expect("a directory").into_iter();
        files.map(move |file| (file.name.clone(), directory.join(file.name)))
    });
    paths
        .map(|(name, path)| (name, disk.read(&path).expect("a file")))
        .collect()
}

fn files_of(
    disk: &SimulatedDisk,
    altered: TableMetadata,
    updates: &[Update],
    has_clustering: bool,
    keeps_bytes: bool,
) -> BTreeMap<String, Vec<u8>> {
    let disk = disk.fork();
    let engine = engine(&disk, altered, keeps_bytes);
    for update in updates {
        let row = update.row();
        if row.is_empty() {
            continue;
        }
        let clustering = match has_clustering {
            true => {
                let value = update.clustering.to_be_bytes();
                Clustering(vec![AbstractType::Int32.to_comparable(&value)])
            }
            false => Clustering::default(),
        };
        let mut partition = Partition::default();
        partition.rows.insert(clustering, row);
        let mutation = Mutation {
            keyspace: "ks".into(),
            key: DecoratedKey::new(Partitioner::Murmur3, vec![update.key]),
            updates: [(TABLE, partition)].into(),
        };
        engine.apply(mutation).expect("a write");
    }
    engine.flush(TABLE).expect("a flush");
    files(&disk)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    //= WP-MF-02 check
    #[test]
    fn rows_flushed_from_bytes_make_the_same_files(
        updates in prop::collection::vec(update(), 1..16),
        has_clustering in any::<bool>(),
        has_static in any::<bool>(),
    ) {
        let disk = SimulatedDisk::new();
        let before = engine(&disk, table(has_clustering, has_static, false), true);
        before.create_keyspace("ks", true).expect("a new keyspace");
        before.create_table(table(has_clustering, has_static, false)).expect("a new table");
        drop(before);
        let altered = || table(has_clustering, has_static, true);
        let from_bytes = files_of(&disk, altered(), &updates, has_clustering, true);
        let decoded = files_of(&disk, altered(), &updates, has_clustering, false);
        prop_assert_eq!(from_bytes.keys().collect::<Vec<_>>(), decoded.keys().collect::<Vec<_>>());
        for (name, bytes) in &from_bytes {
            prop_assert_eq!(bytes, &decoded[name], "{}", name);
        }
    }
}
