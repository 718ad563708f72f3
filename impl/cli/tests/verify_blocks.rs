//! `thymbra verify` on partitions whose last row ends a block of the promoted index.

#[expect(dead_code, reason = "each test uses a part of this")]
mod files;

use std::sync::Arc;

use thymbra_format::marshal::AbstractType;
use thymbra_format::schema::TableMetadata;
use thymbra_storage::{Background, Config, ManualClock, RealDisk, StorageEngine};
use thymbra_types::{
    Cell, CellName, Clustering, DecoratedKey, Mutation, Partition, Partitioner, Row, TableId, Timestamp,
};

use files::printed;

const TABLE: TableId = TableId(1);
/// Of the promoted index, as shipped.
const BLOCK_BYTES: usize = 64 << 10;

#[test]
fn block_that_is_full_with_the_last_row_ends_before_the_end_of_the_partition() {
    let directory = tempfile::tempdir().expect("a directory");
    let config = Config {
        background: Background::Manual,
        ..Config::under(directory.path())
    };
    let clock = Arc::new(ManualClock::at_ms(1_700_000_000_000));
    let engine = StorageEngine::open(config, Arc::new(RealDisk), clock).expect("the engine opens");
    engine.create_keyspace("ks", true).expect("a new keyspace");
    let table = TableMetadata::builder("ks", "t", TABLE)
        .partition_key("pk", AbstractType::Int32)
        .clustering("ck", AbstractType::Int32)
        .regular_column("v", AbstractType::Bytes);
    engine
        .create_table(table.build().expect("a valid table"))
        .expect("a new table");
    // Of each length around that of a block: in some, the last row fills one.
    let lengths = (0..40).map(|more| BLOCK_BYTES - 30 + more).chain([70_000, 10]);
    for (number, last_length) in (0_i32..).zip(lengths) {
        let lengths = [70_000, last_length];
        let rows = (0_i32..).zip(lengths).map(|(ck, length)| {
            let mut row = Row::default();
            row.cells
                .insert(CellName::simple("v"), Cell::live(Timestamp(1), vec![7; length]));
            let ck = AbstractType::Int32.to_comparable(&ck.to_be_bytes());
            (Clustering(vec![ck]), row)
        });
        let update = Partition {
            rows: rows.collect(),
            ..Partition::default()
        };
        let mutation = Mutation {
            keyspace: "ks".into(),
            key: DecoratedKey::new(Partitioner::Murmur3, number.to_be_bytes()),
            updates: [(TABLE, update)].into(),
        };
        engine.apply(mutation).expect("a write");
    }
    engine.flush(TABLE).expect("a flush");
    engine.close().expect("it closes");
    let text = printed(&["verify"], &directory.path().join("data/ks"));
    assert!(text.contains(": sound, partitions 42, rows 84"), "{text}");
}
