//! Stretches of large partitions are as long as they should be, and so is what is held to read them.

use super::{SSTableFiles, SSTableReader, SSTableWriter, WriterOptions};
use crate::disk::{Disk, SimulatedDisk};
use crate::lifecycle_transaction::LifecycleTransaction;
use crate::merge::PartitionSource as _;
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

fn header() -> SerializationHeader {
    let column = Column::new(ColumnName("v".into()), AbstractType::Bytes);
    SerializationHeader {
        key_type: Arc::new(AbstractType::Bytes),
        clustering_types: Arc::new([AbstractType::Int32]),
        static_columns: Columns::new([]),
        regular_columns: Columns::new([Arc::new(column)]),
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

fn written(partition: &Partition) -> Arc<SSTableReader> {
    let disk: Arc<dyn Disk> = Arc::new(SimulatedDisk::new());
    let directory = Path::new("/table");
    disk.create_directory_all(directory).expect("a directory");
    let table = TableMetadata::builder("ks", "t", TableId(1))
        .partition_key("pk", AbstractType::Bytes)
        .clustering("ck", AbstractType::Int32)
        .regular_column("v", AbstractType::Bytes)
        .build()
        .expect("a table");
    let mut transaction = LifecycleTransaction::begin(&disk, directory, OperationType::Flush, 1);
    let options = WriterOptions {
        generation: 1,
        expected_keys_count: 1,
        header: header(),
        intervals: IntervalSet::empty(),
        host_id: HostId(0),
        partitioner: Partitioner::Murmur3,
        column_index_size_bytes: STRETCH_BYTES,
    };
    let mut writer = SSTableWriter::create(&disk, &mut transaction, &table, options).expect("a writer");
    let key = DecoratedKey::new(Partitioner::Murmur3, *b"large");
    writer.append(&key, partition).expect("a partition");
    writer.finish().expect("all components").expect("a partition");
    transaction.commit().expect("the transaction ends");
    let files = SSTableFiles::new(directory, 1);
    Arc::new(SSTableReader::open(&disk, &files, Partitioner::Murmur3).expect("it opens"))
}

//= WP-CP-09 check
#[test]
fn scan_of_a_large_partition_holds_a_stretch_and_a_few_chunks_of_it() {
    let partition = partition();
    let mut scanner = written(&partition).scan(STRETCH_BYTES).expect("a scanner");
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
    let mut scanner = written(&partition()).scan(STRETCH_BYTES).expect("a scanner");
    let (_, stretch) = scanner.next().expect("the disk works").expect("a partition");
    assert!(stretch.edge.is_some());
    assert!(scanner.next().expect("the disk works").is_none());
}
