//! Chunks of data in memory: what they save, what they may take, and when they go.

use std::path::Path;
use std::sync::Arc;
use thymbra_durability::SyncMode;
use thymbra_format::marshal::AbstractType;
use thymbra_format::schema::{CompressionParams, TableMetadata, TableParams};
use thymbra_storage::read::RowFilter;
use thymbra_storage::{
    Background, ChunkCacheStatistics, Config, CountingDisk, ManualClock, RealDisk, StorageEngine,
};
use thymbra_types::{
    Cell, CellName, Clustering, DecoratedKey, LivenessInfo, Mutation, Partition, Partitioner, Row, TableId,
    Timestamp,
};

const TABLE: TableId = TableId(0x78);
const NOW_MS: u64 = 1_700_000_000_000;
/// With values of 100 bytes about thirty chunks.
const ROWS_COUNT: u32 = 1_000;
const CHUNK_LENGTH_BYTES: u32 = 4 << 10;

struct Bench {
    engine: StorageEngine,
    disk: Arc<CountingDisk<RealDisk>>,
}

impl Bench {
    /// A table of one SSTable.
    fn new(directory: &Path, compression: CompressionParams, file_cache_size_bytes: u64) -> Self {
        let disk = Arc::new(CountingDisk::new(RealDisk));
        let config = Config {
            background: Background::Manual,
            commitlog_sync: SyncMode::periodic(10_000),
            commitlog_segment_size_bytes: 1 << 20,
            file_cache_size_bytes,
            ..Config::under(directory)
        };
        let clock = Arc::new(ManualClock::at_ms(NOW_MS));
        let engine = StorageEngine::open(config, Arc::clone(&disk) as _, clock).expect("the engine opens");
        let bench = Self { engine, disk };
        if bench.engine.table_named("ks", "t").is_none() {
            bench.engine.create_keyspace("ks", true).expect("a new keyspace");
            let table = TableMetadata::builder("ks", "t", TABLE)
                .partition_key("k", AbstractType::Int32)
                .regular_column("v", AbstractType::Bytes)
                .params(TableParams {
                    compression,
                    ..TableParams::default()
                });
            let table = table.build().expect("a valid table");
            bench.engine.create_table(table).expect("a new table");
            bench.write_all(1);
        }
        bench
    }

    fn write_all(&self, timestamp: i64) {
        for number in 0..ROWS_COUNT {
            let mut row = Row {
                liveness: LivenessInfo::live(Timestamp(timestamp)),
                ..Row::default()
            };
            let cell = Cell::live(Timestamp(timestamp), value(number, timestamp));
            row.cells.insert(CellName::simple("v"), cell);
            let mut update = Partition::default();
            update.rows.insert(Clustering::default(), row);
            let mutation = Mutation {
                keyspace: "ks".into(),
                key: key(number),
                updates: [(TABLE, update)].into(),
            };
            self.engine.apply(mutation).expect("a write");
        }
        self.engine.flush(TABLE).expect("a flush");
    }

    fn expect_all(&self, timestamp: i64) {
        for number in 0..ROWS_COUNT {
            let found = self.engine.read(TABLE, &key(number), &RowFilter::ALL);
            let rows = found.expect("a read").rows;
            let values: Vec<_> = rows.iter().flat_map(|(_, cells)| cells.values()).collect();
            assert_eq!(values, [&value(number, timestamp)]);
        }
    }

    fn cache(&self) -> ChunkCacheStatistics {
        self.engine.statistics().chunk_cache
    }

    /// Bytes read from the disk by a function.
    fn read_bytes(&self, work: impl FnOnce(&Self)) -> u64 {
        let before = self.disk.counts().read_bytes();
        work(self);
        self.disk.counts().read_bytes() - before
    }
}

fn key(number: u32) -> DecoratedKey {
    DecoratedKey::new(Partitioner::Murmur3, number.to_be_bytes().to_vec())
}

fn value(number: u32, timestamp: i64) -> Box<[u8]> {
    let text = format!("{number} at {timestamp} ");
    text.bytes().cycle().take(100).collect()
}

const FORMS: [CompressionParams; 2] = [
    CompressionParams::Lz4 {
        chunk_length_bytes: CHUNK_LENGTH_BYTES,
    },
    CompressionParams::None,
];

fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().expect("a scratch directory")
}

#[test]
fn each_chunk_is_read_from_the_disk_once() {
    for form in FORMS {
        let directory = scratch();
        let bench = Bench::new(directory.path(), form, 10 << 20);
        bench.expect_all(1);
        let first = bench.cache();
        assert_eq!(first.misses_count, first.entries_count as u64);
        bench.expect_all(1);
        let second = bench.cache();
        assert_eq!(second.misses_count, first.misses_count);
        assert_eq!(second.requests_count, 2 * first.requests_count);
        assert!(second.requests_count >= 2 * u64::from(ROWS_COUNT));
        if form == CompressionParams::None {
            let data_bytes = std::fs::metadata(data_file(directory.path()))
                .expect("a file")
                .len();
            assert_eq!(second.size_bytes, data_bytes + 64 * second.entries_count as u64);
        }
    }
}

#[test]
fn reads_are_the_same_with_little_room_and_with_none() {
    for form in FORMS {
        let without = {
            let directory = scratch();
            let bench = Bench::new(directory.path(), form, 0);
            let bytes = bench.read_bytes(|bench| bench.expect_all(1));
            let nothing = ChunkCacheStatistics::default();
            assert_eq!(bench.cache(), nothing);
            bytes
        };
        for capacity_bytes in [1, 20_000, 150_000, 10 << 20] {
            let directory = scratch();
            let bench = Bench::new(directory.path(), form, capacity_bytes);
            let with = bench.read_bytes(|bench| bench.expect_all(1));
            let cache = bench.cache();
            assert!(cache.size_bytes <= capacity_bytes, "{cache:?}");
            // The last chunk is shorter.
            let whole_chunks_count = cache.entries_count.saturating_sub(1) as u64;
            assert!(
                whole_chunks_count * u64::from(CHUNK_LENGTH_BYTES) <= capacity_bytes,
                "{cache:?}"
            );
            // One byte is no room for any.
            assert_eq!(
                cache.entries_count > 0,
                capacity_bytes >= 150_000 || with < without,
                "{cache:?}"
            );
            assert!(
                with < without || capacity_bytes < 150_000,
                "{with} of {without} bytes"
            );
            if capacity_bytes == 10 << 20 {
                // What is left is the index.
                assert!(with + 500_000 < without, "{with} of {without} bytes");
            }
        }
    }
}

/// No other file sees them.
#[test]
fn chunks_go_with_their_sstable() {
    for form in FORMS {
        let directory = scratch();
        let bench = Bench::new(directory.path(), form, 10 << 20);
        bench.expect_all(1);
        let before = bench.cache().entries_count;
        bench.write_all(2);
        bench.expect_all(2);
        bench.engine.compact(TABLE).expect("a compaction");
        assert_eq!(bench.cache().entries_count, 0, "both files are gone");
        bench.expect_all(2);
        let after = bench.cache();
        assert!(after.entries_count <= before + 1, "{after:?}, {before} before");
        bench.engine.truncate(TABLE).expect("a truncation");
        assert_eq!(bench.cache().entries_count, 0);
        assert_eq!(bench.cache().size_bytes, 0);
    }
}

#[test]
fn scans_and_compactions_leave_the_cache_alone() {
    let directory = scratch();
    let bench = Bench::new(directory.path(), FORMS[0], 10 << 20);
    let all = (std::ops::Bound::Unbounded, std::ops::Bound::Unbounded);
    let found = bench.engine.scan(TABLE, all, &RowFilter::ALL, usize::MAX);
    assert_eq!(found.expect("a scan").len(), ROWS_COUNT as usize);
    bench.engine.compact(TABLE).expect("a compaction");
    assert_eq!(
        (bench.cache().requests_count, bench.cache().entries_count),
        (0, 0)
    );
}

/// What is damaged is never kept: each read of it is refused.
#[test]
fn damaged_chunk_is_refused_again_and_again() {
    for form in FORMS {
        let directory = scratch();
        drop(Bench::new(directory.path(), form, 10 << 20));
        let data = data_file(directory.path());
        let mut bytes = std::fs::read(&data).expect("a file");
        let last = bytes.len() - 200;
        bytes[last] ^= 1;
        std::fs::write(&data, bytes).expect("a file");
        let bench = Bench::new(directory.path(), form, 10 << 20);
        let refused = || {
            let reads = (0..ROWS_COUNT).map(|number| bench.engine.read(TABLE, &key(number), &RowFilter::ALL));
            reads.filter(Result::is_err).count()
        };
        let count = refused();
        assert!(count > 5, "{count}");
        assert_eq!(refused(), count);
    }
}

fn data_file(directory: &Path) -> std::path::PathBuf {
    let mut waiting = vec![directory.to_path_buf()];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.ends_with("nb-1-big-Data.db") {
                return path;
            }
        }
    }
    unreachable!("there is one SSTable")
}
