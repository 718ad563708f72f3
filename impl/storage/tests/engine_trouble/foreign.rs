//! SSTables of other tables and clusters in a table's directory: refused with a reason, unless they fit.

use crate::bench::{OTHER, TABLE, config, definition, insert, make_tables, open, open_with, table, values};
use std::path::Path;
use thymbra_format::marshal::AbstractType;
use thymbra_format::schema::{TableMetadata, TableMetadataBuilder};
use thymbra_storage::{Config, Disk as _, SimulatedDisk, StorageEngine, StorageError};
use thymbra_types::{Partitioner, Timestamp};

/// What it says, with its causes.
fn words(error: &dyn std::error::Error) -> String {
    let source = error.source().map(words);
    source.map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

/// Copies the SSTables of a table to where another will look for its own.
fn copy_files(disk: &SimulatedDisk, from: &TableMetadata, to: &TableMetadata) {
    let of = |table: &TableMetadata| Path::new("/node/data/ks").join(table.directory_name());
    let (from, to) = (of(from), of(to));
    disk.create_directory_all(&to).expect("a directory");
    for entry in disk.list(&from).expect("the directory is there") {
        let bytes = disk.read(&from.join(&entry.name)).expect("a file");
        let copy = disk.create_new(&to.join(&entry.name)).expect("a new file");
        copy.append(&bytes).expect("it is written");
    }
}

/// A node whose table `t` is in files, which lie in the directory of another as well.
fn with_files_of_t(other: &TableMetadata) -> (SimulatedDisk, StorageEngine) {
    let disk = SimulatedDisk::new();
    let engine = open(&disk);
    engine.create_keyspace("ks", true).expect("a new keyspace");
    engine.create_table(table("t", TABLE)).expect("a new table");
    for number in 0..3 {
        let value = format!("v{number}");
        engine
            .apply(insert(TABLE, "a", number, 1, &value))
            .expect("a write");
    }
    engine.flush(TABLE).expect("a flush");
    copy_files(&disk, &table("t", TABLE), other);
    (disk, engine)
}

fn other() -> TableMetadataBuilder {
    TableMetadata::builder("ks", "u", OTHER)
}

fn keyed() -> TableMetadataBuilder {
    other().partition_key("pk", AbstractType::Utf8)
}

fn clustered() -> TableMetadataBuilder {
    keyed().clustering("ck", AbstractType::Int32)
}

/// Tables that cannot have the files of `t`, and what is said of the first thing that is wrong.
fn unlike() -> Vec<(TableMetadataBuilder, &'static str)> {
    let text = || AbstractType::Utf8;
    let set = AbstractType::Set {
        elements: Box::new(text()),
        is_multicell: true,
    };
    vec![
        (
            keyed()
                .clustering_descending("ck", AbstractType::Int32)
                .regular_column("v", text()),
            "its clustering columns have the types (int), those of the table are (int DESC)",
        ),
        (
            keyed().clustering("ck", text()).regular_column("v", text()),
            "its clustering columns have the types (int), those of the table are (text)",
        ),
        (
            clustered()
                .clustering("second", AbstractType::Int32)
                .regular_column("v", text()),
            "its clustering columns have the types (int), those of the table are (int, int)",
        ),
        (
            keyed().regular_column("v", text()),
            "its clustering columns have the types (int), those of the table are ()",
        ),
        (
            other()
                .partition_key("pk", AbstractType::Int32)
                .clustering("ck", AbstractType::Int32)
                .regular_column("v", text()),
            "its partition key has the type text, that of the table is int",
        ),
        (
            clustered().regular_column("w", text()),
            "the table has no regular column \"v\", and never had",
        ),
        (
            clustered().static_column("v", text()),
            "the table has no regular column \"v\", and never had",
        ),
        (
            clustered().regular_column("v", AbstractType::Int32),
            "its column \"v\" has the type text, which the table's type int does not read",
        ),
        (
            clustered().regular_column("v", set),
            "its column \"v\" has the type text, which the table's type set<text> does not read",
        ),
    ]
}

//= WP-SS-07 check
/// Files with rows in ascending order, in a table with descending order: a compaction made other rows of them.
#[test]
fn files_of_a_table_of_another_form_are_refused_and_nothing_of_them_changes() {
    for (unlike, expected) in unlike() {
        let unlike = unlike.build().expect("a valid table");
        let (disk, engine) = with_files_of_t(&unlike);
        let error = engine.create_table(unlike.clone()).expect_err(expected);
        let path = format!("/node/data/ks/{}/nb-1-big-Statistics.db", unlike.directory_name());
        assert_eq!(words(&error), format!("{path} is not of this table: {expected}"));
        drop(engine);
        let engine = open(&disk);
        assert_eq!(values(&engine, TABLE, "a"), ["v0", "v1", "v2"]);
        assert!(engine.table(OTHER).is_err(), "{expected}");
    }
}

//= WP-SS-07 check
#[test]
fn files_are_looked_at_when_the_node_opens_too() {
    let disk = SimulatedDisk::new();
    let engine = open(&disk);
    make_tables(&engine, true);
    let other = clustered().regular_column("w", AbstractType::Utf8);
    let other = other.build().expect("a valid table");
    engine.drop_table(OTHER).expect("a drop");
    engine.create_table(other.clone()).expect("a new table");
    engine.apply(insert(TABLE, "a", 0, 1, "v")).expect("a write");
    engine.flush(TABLE).expect("a flush");
    engine.close().expect("it closes");
    drop(engine);
    copy_files(&disk, &table("t", TABLE), &other);
    let error = open_with(disk, config()).expect_err("a foreign file");
    assert!(
        words(&error).ends_with("no regular column \"v\", and never had"),
        "{error}"
    );
}

//= WP-SS-07 check
#[test]
fn files_that_the_table_can_read_are_its_data() {
    let dropped = clustered().regular_column("v", AbstractType::Utf8);
    let again = clustered()
        .regular_column("v", AbstractType::Bytes)
        .static_column("s", AbstractType::Utf8);
    for (like, expected) in [
        (again, vec!["v0", "v1", "v2"]),
        (dropped.drop_column("v", Timestamp(9)), vec!["", "", ""]),
    ] {
        let like = like.build().expect("a valid table");
        let (disk, engine) = with_files_of_t(&like);
        engine.create_table(like).expect("the files fit");
        assert_eq!(values(&engine, OTHER, "a"), expected);
        engine.compact(OTHER).expect("a compaction");
        assert_eq!(values(&engine, OTHER, "a"), expected);
        drop(engine);
        assert_eq!(values(&open(&disk), OTHER, "a"), expected);
    }
}

//= WP-SS-07 check
#[test]
fn files_of_another_partitioner_are_named_so() {
    let disk = SimulatedDisk::new();
    let engine = open(&disk);
    make_tables(&engine, true);
    for name in ["a", "b", "c", "d"] {
        engine.apply(insert(TABLE, name, 0, 1, "v")).expect("a write");
    }
    engine.flush(TABLE).expect("a flush");
    engine.close().expect("it closes");
    drop(engine);
    for partitioner in [Partitioner::Random, Partitioner::ByteOrdered] {
        let config = Config {
            partitioner,
            ..config()
        };
        let error = open_with(disk.clone(), config).expect_err("another order of keys");
        assert!(!matches!(error, StorageError::Corrupt { .. }), "{error}");
        let words = words(&error);
        let expected = format!("its partitioner is Murmur3, that of the engine {partitioner:?}");
        assert!(words.ends_with(&expected), "{words}");
    }
    assert_eq!(values(&open(&disk), TABLE, "d"), ["v"]);
}

/// The definition is the first to be looked at: what it cannot be is not for files to say.
#[test]
fn definition_of_the_table_is_unchanged_by_files() {
    let same = definition("u", OTHER).build().expect("a valid table");
    let (_disk, engine) = with_files_of_t(&same);
    engine.create_table(same.clone()).expect("the files fit");
    assert_eq!(*engine.table(OTHER).expect("the table"), same);
}
