//! Changes of tables: what would make data unreadable is refused, and a refused change changes nothing.

use crate::bench::{TABLE, definition, insert, make_tables, open, table, values};
use thymbra_format::marshal::AbstractType;
use thymbra_format::schema::{SchemaError, TableMetadata, TableMetadataBuilder};
use thymbra_storage::{SimulatedDisk, StorageEngine, StorageError};
use thymbra_types::Timestamp;

/// The table with another column in place of `v`.
fn without_v() -> TableMetadata {
    TableMetadata::builder("ks", "t", TABLE)
        .partition_key("pk", AbstractType::Utf8)
        .clustering("ck", AbstractType::Int32)
        .regular_column("w", AbstractType::Utf8)
        .build()
        .expect("a valid table")
}

/// The table with `v` of another type.
fn with_v(column_type: AbstractType) -> TableMetadata {
    TableMetadata::builder("ks", "t", TABLE)
        .partition_key("pk", AbstractType::Utf8)
        .clustering("ck", AbstractType::Int32)
        .regular_column("v", column_type)
        .build()
        .expect("a valid table")
}

/// Alters the table, in which a value lies in a file and another in memory.
fn altered(changes: &[TableMetadata]) -> (Result<(), StorageError>, Vec<String>) {
    let disk = SimulatedDisk::new();
    let engine = open(&disk);
    make_tables(&engine, true);
    engine.apply(insert(TABLE, "a", 0, 1, "file")).expect("a write");
    engine.flush(TABLE).expect("a flush");
    engine.apply(insert(TABLE, "a", 1, 1, "log")).expect("a write");
    let apply = |engine: &StorageEngine, change: &TableMetadata| engine.alter_table(change.clone());
    let answers: Vec<_> = changes.iter().map(|change| apply(&engine, change)).collect();
    let answer = answers.into_iter().collect();
    drop(engine);
    let engine = open(&disk);
    engine.compact(TABLE).expect("a compaction");
    let found = values(&engine, TABLE, "a");
    (answer, found)
}

/// Says why the last change was refused; nothing was lost.
fn refusal(changes: &[TableMetadata]) -> SchemaError {
    let (answer, found) = altered(changes);
    match answer {
        Err(StorageError::Schema(error)) => error,
        other => unreachable!("no refusal: {other:?}, {found:?}"),
    }
}

#[test]
fn column_that_is_left_out_without_being_dropped_is_refused_and_the_node_opens() {
    let error = refusal(&[without_v()]);
    assert!(matches!(error, SchemaError::ColumnMissing { .. }), "{error}");
    assert_eq!(altered(&[without_v()]).1, ["file", "log"]);
}

#[test]
fn type_that_cannot_read_the_values_is_refused_and_the_node_opens() {
    let error = refusal(&[with_v(AbstractType::Int32)]);
    assert_eq!(
        error.to_string(),
        "column \"v\" has type text, which cannot become int"
    );
    assert_eq!(altered(&[with_v(AbstractType::Int32)]).1, ["file", "log"]);
}

#[test]
fn compatible_type_reads_what_was_written() {
    let (answer, found) = altered(&[with_v(AbstractType::Bytes)]);
    answer.expect("bytes take texts");
    assert_eq!(found, ["file", "log"]);
}

#[test]
fn dropped_column_that_returns_has_its_old_kind_and_type() {
    let dropped = table("t", TABLE).to_builder().drop_column("v", Timestamp(100));
    let gone = dropped.clone().regular_column("w", AbstractType::Utf8);
    let gone = gone.build().expect("a valid table");
    let again = |of: AbstractType| {
        let again = gone.to_builder().regular_column("v", of);
        again.build().expect("a valid table")
    };
    let (answer, found) = altered(&[gone.clone(), again(AbstractType::Utf8)]);
    answer.expect("a column may return");
    assert_eq!(found, ["", ""], "what was written before the drop is gone");
    let error = refusal(&[gone.clone(), again(AbstractType::Int32)]);
    assert!(matches!(error, SchemaError::ColumnTypeChanged { .. }), "{error}");
    let in_static = gone.to_builder().static_column("v", AbstractType::Utf8);
    let error = refusal(&[gone.clone(), in_static.build().expect("a valid table")]);
    assert!(matches!(error, SchemaError::ColumnKindChanged { .. }), "{error}");
}

/// The type of the last drop reads the files of both.
#[test]
fn column_that_was_dropped_under_two_types_has_files_of_both() {
    let disk = SimulatedDisk::new();
    let engine = open(&disk);
    make_tables(&engine, true);
    let alter = |builder: TableMetadataBuilder| {
        let altered = builder.build().expect("a valid table");
        engine.alter_table(altered).expect("a change");
    };
    let now = || engine.table(TABLE).expect("the table").to_builder();
    for (number, of) in [(0, AbstractType::Utf8), (1, AbstractType::Bytes)] {
        if number > 0 {
            alter(now().regular_column("v", of));
        }
        engine.apply(insert(TABLE, "a", number, 1, "v")).expect("a write");
        engine.flush(TABLE).expect("a flush");
        alter(now().drop_column("v", Timestamp(100 + i64::from(number))));
    }
    drop(engine);
    let engine = open(&disk);
    assert_eq!(values(&engine, TABLE, "a"), ["", ""]);
    engine.compact(TABLE).expect("a compaction");
    drop(engine);
    assert_eq!(values(&open(&disk), TABLE, "a"), ["", ""]);
}

/// The last drop by time reads the files of all that had the name.
#[test]
fn drop_with_the_time_of_an_earlier_type_is_refused_and_the_node_opens() {
    let disk = SimulatedDisk::new();
    let engine = open(&disk);
    make_tables(&engine, true);
    let alter = |builder: TableMetadataBuilder| engine.alter_table(builder.build().expect("a valid table"));
    let now = || engine.table(TABLE).expect("the table").to_builder();
    alter(now().drop_column("v", Timestamp(100))).expect("a drop");
    alter(now().regular_column("v", AbstractType::Bytes)).expect("another type");
    engine.apply(insert(TABLE, "a", 0, 1, "v")).expect("a write");
    engine.flush(TABLE).expect("a flush");
    let early = alter(now().drop_column("v", Timestamp(50)));
    assert!(
        matches!(
            early,
            Err(StorageError::Schema(SchemaError::ColumnMissing { .. }))
        ),
        "text cannot read bytes: {early:?}"
    );
    alter(now().drop_column("v", Timestamp(101))).expect("a drop");
    drop(engine);
    assert_eq!(values(&open(&disk), TABLE, "a"), [""]);
}

#[test]
fn drop_is_never_forgotten() {
    let gone = table("t", TABLE).to_builder().drop_column("v", Timestamp(100));
    let gone = gone.build().expect("a valid table");
    let error = refusal(&[gone, without_v()]);
    assert!(matches!(error, SchemaError::DropForgotten { .. }), "{error}");
}

#[test]
fn column_may_not_move_into_the_static_row() {
    let in_static = TableMetadata::builder("ks", "t", TABLE)
        .partition_key("pk", AbstractType::Utf8)
        .clustering("ck", AbstractType::Int32)
        .static_column("v", AbstractType::Utf8)
        .build()
        .expect("a valid table");
    let error = refusal(&[in_static]);
    assert!(matches!(error, SchemaError::ColumnKindChanged { .. }), "{error}");
}

#[test]
fn table_without_counters_gets_none() {
    let gone = definition("t", TABLE)
        .build()
        .expect("a valid table")
        .to_builder();
    let gone = gone.drop_column("v", Timestamp(100));
    let counted = gone.regular_column("c", AbstractType::CounterColumn);
    let error = refusal(&[counted.build().expect("a valid table")]);
    assert!(matches!(error, SchemaError::CounterNotServed { .. }), "{error}");
}
