//! Stretches of large partitions are as long as they should be, and so is what is held to read them.

use super::{ChunkCache, SSTableFiles, SSTableReader, SSTableStretches, SSTableWriter, WriterOptions};
use crate::disk::{Disk, SimulatedDisk};
use crate::lifecycle_transaction::LifecycleTransaction;
use crate::merge::PartitionSource as _;
use crate::read::ClusteringSlice;
use crate::stretch::tests::{Dice, joined};
use std::path::Path;
use std::sync::Arc;
use thymbra_durability::HostId;
use thymbra_format::marshal::AbstractType;
use thymbra_format::rows::{Column, Columns, EncodingStats, SerializationHeader};
use thymbra_format::schema::TableMetadata;
use thymbra_format::transaction_log::OperationType;
use thymbra_types::{
    Cell, CellName, Clustering, ColumnName, DecoratedKey, IntervalSet, Partition, Partitioner, Row, TableId,
    Timestamp,
};

const ROW_COUNT: i32 = 8 << 10;
const VALUE_BYTES: usize = 1 << 10;
const STRETCH_BYTES: u64 = 64 << 10;

fn header(clustering_types: &[AbstractType]) -> SerializationHeader {
    let columns = || {
        let names = ["v", "w"].map(|name| ColumnName(name.into()));
        Columns::new(names.map(|name| Arc::new(Column::new(name, AbstractType::Bytes))))
    };
    SerializationHeader {
        key_type: Arc::new(AbstractType::Bytes),
        clustering_types: clustering_types.into(),
        static_columns: columns(),
        regular_columns: columns(),
        stats: EncodingStats::NO_STATS,
    }
}

fn partition() -> Partition {
    let row = |number: i32| {
        let mut row = Row::default();
        let cell = Cell::live(Timestamp(1), vec![1; VALUE_BYTES]);
        row.cells.insert(CellName::simple("v"), cell);
        let clustering = Clustering(vec![AbstractType::Int32.to_comparable(&number.to_be_bytes())]);
        (clustering, row)
    };
    Partition {
        rows: (0..ROW_COUNT).map(row).collect(),
        ..Partition::default()
    }
}

fn key() -> DecoratedKey {
    DecoratedKey::new(Partitioner::Murmur3, *b"large")
}

fn written(
    partition: &Partition,
    clustering_types: &[AbstractType],
    column_index_size_bytes: u64,
) -> Arc<SSTableReader> {
    let disk: Arc<dyn Disk> = Arc::new(SimulatedDisk::new());
    let directory = Path::new("/table");
    disk.create_directory_all(directory).expect("a directory");
    let table = TableMetadata::builder("ks", "t", TableId(1))
        .partition_key("pk", AbstractType::Bytes)
        .build()
        .expect("a table");
    let mut transaction = LifecycleTransaction::begin(&disk, directory, OperationType::Flush, 1);
    let chunk_cache = Arc::new(ChunkCache::new(1 << 20));
    let options = WriterOptions {
        chunk_cache: Arc::clone(&chunk_cache),
        generation: 1,
        expected_keys_count: 1,
        header: header(clustering_types),
        intervals: IntervalSet::empty(),
        host_id: HostId(0),
        partitioner: Partitioner::Murmur3,
        column_index_size_bytes,
        trickle_fsync_interval_bytes: None,
        may_use_thread: true,
    };
    let mut writer = SSTableWriter::create(&disk, &mut transaction, &table, options).expect("a writer");
    writer.append(&key(), partition).expect("a partition");
    writer.finish().expect("all components").expect("a partition");
    transaction.commit().expect("the transaction ends");
    let files = SSTableFiles::new(directory, 1);
    Arc::new(SSTableReader::open(&disk, &files, Partitioner::Murmur3, &chunk_cache).expect("it opens"))
}

//= WP-CP-09 check
#[test]
fn scan_of_a_large_partition_holds_a_stretch_and_a_few_chunks_of_it() {
    let partition = partition();
    let sstable = written(&partition, &[AbstractType::Int32], STRETCH_BYTES);
    let mut scanner = sstable.scan(STRETCH_BYTES).expect("a scanner");
    let (_, mut stretch) = scanner.next().expect("the disk works").expect("a partition");
    let mut rows_count = 0;
    loop {
        let stretch_bytes = stretch.partition.data_size_bytes() as u64;
        assert!(
            stretch_bytes <= STRETCH_BYTES + 2 * VALUE_BYTES as u64,
            "{stretch_bytes}"
        );
        assert!(scanner.buffer_bytes() <= 1 << 20, "{}", scanner.buffer_bytes());
        for (clustering, row) in &stretch.partition.rows {
            assert_eq!(partition.rows.get(clustering), Some(row));
            rows_count += 1;
        }
        if stretch.edge.is_none() {
            break;
        }
        stretch = scanner.next_stretch().expect("the disk works");
    }
    assert_eq!(rows_count, partition.rows.len());
    assert!(scanner.next().expect("the disk works").is_none());
}

#[test]
fn what_was_not_read_of_a_partition_is_passed() {
    let sstable = written(&partition(), &[AbstractType::Int32], STRETCH_BYTES);
    let mut scanner = sstable.scan(STRETCH_BYTES).expect("a scanner");
    let (_, stretch) = scanner.next().expect("the disk works").expect("a partition");
    assert!(stretch.edge.is_some());
    assert!(scanner.next().expect("the disk works").is_none());
}

//= WP-SS-06 check
#[test]
fn stretches_of_any_slice_in_either_order_are_what_the_partition_has_there() {
    const TYPES: [AbstractType; 2] = [AbstractType::Int32, AbstractType::Int32];
    let mut divided_count = 0;
    for seed in 0..500 {
        let mut dice = Dice(seed);
        let partition = dice.partition();
        if partition.is_empty() {
            continue;
        }
        let sstable = written(&partition, &TYPES, 1 + dice.below(3) * 40);
        for _ in 0..5 {
            let slice = ClusteringSlice {
                start: dice.bound().min(dice.bound()),
                end: dice.bound().max(dice.bound()),
            };
            let slices = [slice, ClusteringSlice::ALL];
            for (slice, is_reversed) in slices.iter().flat_map(|slice| [(slice, false), (slice, true)]) {
                let stretches = SSTableStretches::begin(&sstable, &key(), slice, is_reversed);
                let mut stretches = stretches.expect("the disk works").expect("the partition");
                let mut found = vec![stretches.next().expect("a stretch")];
                while found.last().is_some_and(|stretch| stretch.edge.is_some()) {
                    found.push(stretches.next().expect("a stretch"));
                }
                divided_count += u64::from(found.len() > 2);
                let found = joined(found, is_reversed);
                assert_eq!(
                    found,
                    slice.cut(&partition),
                    "seed {seed}, {slice:?}, reversed: {is_reversed}"
                );
            }
        }
    }
    assert!(divided_count > 1_000, "{divided_count}");
}
