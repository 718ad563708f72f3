//! Tables that are made again with the id of one that was dropped: what the log has of the old one is not theirs.

use crate::bench::{
    OTHER, TABLE, clustering, definition, insert, key, make_tables, mutation, open, row, values,
};
use thymbra_format::marshal::AbstractType;
use thymbra_format::schema::TableMetadata;
use thymbra_storage::{SimulatedDisk, StorageEngine};
use thymbra_types::{Cell, CellName, Mutation, Partition, Row, TableId, Timestamp};

/// One row in each table, in one record.
fn insert_into_both(name: &str, timestamp: i64, value: &str) -> Mutation {
    let mut both = insert(TABLE, name, 0, timestamp, value);
    both.updates
        .extend(insert(OTHER, name, 0, timestamp, value).updates);
    both
}

/// Two rows of a table, so that its update is not of the form that is loaded as it is.
fn insert_two(table: TableId, name: &str, value: &str) -> Mutation {
    let mut update = Partition::default();
    for number in [7, 8] {
        update.rows.insert(clustering(number), row(1, value));
    }
    mutation(table, key(name), update)
}

/// Definitions that cannot read, or misread, what was written with the old one.
fn other_definitions(name: &str, id: TableId) -> Vec<(&'static str, TableMetadata)> {
    let text = || AbstractType::Utf8;
    let begin = || TableMetadata::builder("ks", name, id).partition_key("pk", text());
    let ints = AbstractType::Map {
        keys: Box::new(AbstractType::Int32),
        values: Box::new(AbstractType::Int32),
        is_multicell: true,
    };
    let of_int = || begin().clustering("ck", AbstractType::Int32);
    [
        ("the same", definition(name, id)),
        ("another column", of_int().regular_column("w", text())),
        ("another type", of_int().regular_column("v", AbstractType::Int32)),
        ("a complex column", of_int().regular_column("v", ints)),
        ("a static column", of_int().static_column("v", text())),
        (
            "another order",
            begin()
                .clustering_descending("ck", AbstractType::Int32)
                .regular_column("v", text()),
        ),
        (
            "another clustering",
            begin().clustering("ck", text()).regular_column("v", text()),
        ),
        ("no clustering", begin().regular_column("v", text())),
    ]
    .into_iter()
    .map(|(what, builder)| (what, builder.build().expect("a valid table")))
    .collect()
}

/// A node that wrote to two tables, dropped one and made it again as another.
fn with_table_made_again(disk: &SimulatedDisk, table: TableId, again: TableMetadata) -> StorageEngine {
    let engine = open(disk);
    make_tables(&engine, true);
    for old in [
        insert(TABLE, "a", 0, 1, "old"),
        insert(OTHER, "a", 0, 1, "old"),
        insert_two(TABLE, "a", "old"),
        insert_two(OTHER, "a", "old"),
        insert_into_both("b", 1, "old"),
    ] {
        engine.apply(old).expect("a write");
    }
    engine.drop_table(table).expect("a drop");
    engine.create_table(again).expect("a new table");
    engine
}

//= WP-CL-04 check
/// The log of a dropped table must not be read with the columns of one that was made again under its id.
#[test]
fn node_opens_after_a_table_was_made_again_with_another_definition() {
    for (name, table, stays) in [("t", TABLE, OTHER), ("u", OTHER, TABLE)] {
        for (what, again) in other_definitions(name, table) {
            for is_closed in [true, false] {
                let disk = SimulatedDisk::new();
                let engine = with_table_made_again(&disk, table, again.clone());
                engine
                    .apply(insert(stays, "a", 1, 2, "new"))
                    .expect("a write to the other");
                if is_closed {
                    engine.close().expect("it closes");
                }
                drop(engine);
                let engine = open(&disk);
                assert_eq!(
                    values(&engine, stays, "a"),
                    ["old", "new", "old", "old"],
                    "{what}"
                );
                assert_eq!(values(&engine, stays, "b"), ["old"], "{what}");
                for partition in ["a", "b"] {
                    assert!(values(&engine, table, partition).is_empty(), "{what}");
                }
            }
        }
    }
}

/// Such a truncation is not what says that the id was another's.
#[test]
fn truncation_of_a_table_that_was_made_again_takes_nothing_of_other_tables() {
    let disk = SimulatedDisk::new();
    let again = definition("t", TABLE).regular_column("w", AbstractType::Utf8);
    let again = again.build().expect("a valid table");
    let engine = with_table_made_again(&disk, TABLE, again);
    engine
        .apply(insert_into_both("b", 2, "new"))
        .expect("a write to both");
    engine.truncate(TABLE).expect("a truncation");
    drop(engine);
    let engine = open(&disk);
    assert!(values(&engine, TABLE, "b").is_empty());
    assert_eq!(values(&engine, OTHER, "b"), ["new"]);
}

#[test]
fn what_is_written_to_a_table_that_was_made_again_is_replayed() {
    let disk = SimulatedDisk::new();
    let again = TableMetadata::builder("ks", "t", TABLE)
        .partition_key("pk", AbstractType::Utf8)
        .clustering("ck", AbstractType::Int32)
        .regular_column("v", AbstractType::Bytes);
    let again = again.build().expect("a valid table");
    let engine = with_table_made_again(&disk, TABLE, again.clone());
    // Once more, in the same life.
    engine.drop_table(TABLE).expect("a drop");
    engine.create_table(again).expect("a new table");
    let mut cells = Row::default();
    cells
        .cells
        .insert(CellName::simple("v"), Cell::live(Timestamp(3), *b"single"));
    let mut single = Partition::default();
    single.rows.insert(clustering(0), cells);
    engine.apply(mutation(TABLE, key("c"), single)).expect("a write");
    engine
        .apply(insert_into_both("b", 3, "both"))
        .expect("a write to both");
    drop(engine);
    let engine = open(&disk);
    assert_eq!(values(&engine, TABLE, "c"), ["single"]);
    assert_eq!(values(&engine, TABLE, "b"), ["both"]);
    assert_eq!(values(&engine, OTHER, "b"), ["both"]);
    assert_eq!(
        engine.statistics().replay_unknown_table_count,
        3,
        "a single row, two rows, and one row in each table"
    );
}
