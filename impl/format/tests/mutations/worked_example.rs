//! One mutation of Apache Cassandra that the facts explain byte by byte, and changes to it.

use crate::tables::{Schema, T, columns, decoded, encoded, table};
use std::sync::Arc;
use thymbra_format::FormatError;
use thymbra_format::marshal::AbstractType;
use thymbra_format::mutation::{DecodeError, RawMutation, TableLayout};
use thymbra_format::rows::{Column, Columns};
use thymbra_format::schema::TableMetadata;
use thymbra_types::{
    ClusteringBound, ColumnName, DeletionTime, LocalDeletionTime, Partition, RangeTombstone, Row, TableId,
    Timestamp,
};

/// The body of a hint in the facts: INSERT ('p1', 1, 'hint 1') at timestamp T + 1.
fn worked_example() -> (Schema, Vec<u8>) {
    let (id, layout) = table(
        0xbc71_8390_e57b_11f1_ba0c_5557_ccf4_cec0,
        &[AbstractType::Int32],
        "",
        "v text",
    );
    let bytes = [
        &[0x01][..],
        &id.0.to_be_bytes(),
        &[0x02, b'p', b'1', 0x10],
        &[0xfc, 0xe9, 0xd9, 0x6a, 0x43, 0xc0, 0x01, 0x00, 0x00],
        &[0x01, 0x01, b'v', 0x01],
        &[0x24, 0x00, 0, 0, 0, 1, 0x00, 0x08, 0x06],
        b"hint 1",
        &[0x01],
    ]
    .concat();
    (Schema::from([(id, layout)]), bytes)
}

#[test]
fn worked_example_has_the_bytes_of_cassandra() {
    let (schema, bytes) = worked_example();
    let mutation = decoded(&bytes, &schema).expect("a mutation");
    let partition = mutation.updates.values().next().expect("an update");
    let (_, row) = partition.rows.iter().next().expect("a row");
    assert_eq!(row.liveness.timestamp, Timestamp(T + 1));
    assert_eq!(encoded(&mutation, &schema), bytes);
}

#[test]
fn no_cut_of_a_mutation_is_one() {
    let (schema, bytes) = worked_example();
    for cut in 0..bytes.len() {
        let read = decoded(&bytes[..cut], &schema);
        assert!(
            matches!(read, Err(DecodeError::Format(_))),
            "cut at {cut}: {read:?}"
        );
    }
    let longer = [bytes, vec![0]].concat();
    assert!(decoded(&longer, &schema).is_err());
}

#[test]
fn flipped_bits_of_a_mutation_give_errors_or_other_mutations() {
    let (schema, bytes) = worked_example();
    for index in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[index] ^= 1 << bit;
            if let Ok(mutation) = decoded(&flipped, &schema) {
                assert_eq!(
                    decoded(&encoded(&mutation, &schema), &schema).as_ref(),
                    Ok(&mutation),
                    "byte {index}, bit {bit}"
                );
            }
        }
    }
}

#[test]
fn unknown_tables_and_columns_are_told_apart() {
    let (schema, bytes) = worked_example();
    let id = *schema.keys().next().expect("a table");
    assert_eq!(
        decoded(&bytes, &Schema::new()),
        Err(DecodeError::UnknownTable(id))
    );
    let (_, other) = table(id.0, &[AbstractType::Int32], "v text", "w text");
    let read = decoded(&bytes, &Schema::from([(id, other)]));
    assert!(
        matches!(&read, Err(DecodeError::Format(FormatError::Invalid { what, .. })) if *what == "name of a column"),
        "{read:?}"
    );
    let raw = RawMutation::read(&bytes, 0).expect("a mutation begins");
    assert_eq!((raw.update_count, raw.table_id, raw.key), (1, id, &b"p1"[..]));
    assert_eq!(raw.first_update, &bytes[1 + 16 + 3..]);
}

#[test]
fn updates_of_a_mutation_have_one_key_and_a_table_each() {
    let (mut schema, bytes) = worked_example();
    let id = *schema.keys().next().expect("a table");
    let (other_id, other) = table(id.0 + 1, &[AbstractType::Int32], "", "v text");
    schema.insert(other_id, other);
    let two_updates = |table_id: TableId, key: &[u8]| {
        let update = &bytes[1..];
        let rest = &update[16 + 3..];
        let second = [&table_id.0.to_be_bytes()[..], &[2], key, rest].concat();
        [&[2], update, &second].concat()
    };
    let both = decoded(&two_updates(other_id, b"p1"), &schema).expect("two tables");
    assert_eq!(both.updates.len(), 2);
    for (bytes, expected) in [
        (two_updates(other_id, b"p2"), "partition key"),
        (two_updates(id, b"p1"), "table id"),
    ] {
        let read = decoded(&bytes, &schema);
        assert!(
            matches!(&read, Err(DecodeError::Format(FormatError::Invalid { what, .. })) if *what == expected),
            "{expected}: {read:?}"
        );
    }
    let elsewhere = TableLayout::new(
        other_id,
        "other",
        AbstractType::Bytes,
        [AbstractType::Int32],
        columns(""),
        columns("v text"),
    );
    schema.insert(other_id, elsewhere);
    assert!(
        decoded(&two_updates(other_id, b"p1"), &schema).is_err(),
        "two keyspaces"
    );
}

#[test]
fn deletions_of_partition_and_ranges_count_for_the_minima() {
    let (schema, bytes) = worked_example();
    let mut mutation = decoded(&bytes, &schema).expect("a mutation");
    let update = mutation.updates.values_mut().next().expect("an update");
    let deletion = |timestamp: i64, seconds: i64| {
        DeletionTime::new(
            Timestamp(T + timestamp),
            LocalDeletionTime(1_442_880_000 + seconds),
        )
    };
    *update = Partition {
        deletion: deletion(1, 9),
        ..Partition::default()
    };
    let head = &bytes[..1 + 16 + 3];
    let written = encoded(&mutation, &schema);
    // Flags, minima, no columns, the deletion as the minimum itself, no rows, the end.
    let expected = [
        head,
        &[
            0x14, 0xfc, 0xe9, 0xd9, 0x6a, 0x43, 0xc0, 0x01, 9, 0, 0, 0, 0, 0, 1,
        ],
    ];
    assert_eq!(written, expected.concat());

    let update = mutation.updates.values_mut().next().expect("an update");
    update.deletion = DeletionTime::LIVE;
    update.range_tombstones.push(RangeTombstone {
        start: ClusteringBound::BOTTOM,
        end: ClusteringBound::TOP,
        deletion: deletion(1, 9),
    });
    let written = encoded(&mutation, &schema);
    let expected = [
        head,
        &[0x10, 0xfc, 0xe9, 0xd9, 0x6a, 0x43, 0xc0, 0x01, 9, 0, 0, 0],
        &[0x02, 1, 0, 0, 0, 0, 0x02, 6, 0, 0, 0, 0, 1],
    ];
    assert_eq!(written, expected.concat());
}

#[test]
fn impossible_flags_of_updates_are_refused() {
    let (schema, bytes) = worked_example();
    for flags in [0x00, 0x11, 0x12, 0x30, 0x90] {
        let mut other = bytes.clone();
        other[1 + 16 + 3] = flags;
        let read = decoded(&other, &schema);
        assert!(
            matches!(&read, Err(DecodeError::Format(FormatError::Invalid { what, .. })) if *what == "flags of an update"),
            "{flags:#x}: {read:?}"
        );
    }
    let empty = [&bytes[..1 + 16 + 3], &[0x01]].concat();
    let mutation = decoded(&empty, &schema).expect("an update of nothing");
    assert!(mutation.updates.values().all(Partition::is_empty));
    assert_eq!(encoded(&mutation, &schema), empty);
}

#[test]
fn layout_of_a_schema_is_that_of_its_columns() {
    let (schema, bytes) = worked_example();
    let id = *schema.keys().next().expect("a table");
    let list = AbstractType::List {
        elements: Box::new(AbstractType::Int32),
        is_multicell: true,
    };
    let table = TableMetadata::builder("gen", "t", id)
        .partition_key("pk", AbstractType::Utf8)
        .clustering("ck", AbstractType::Int32)
        .static_column("s", AbstractType::Int32)
        .regular_column("l", list)
        .regular_column("v", AbstractType::Utf8)
        .regular_column("w", AbstractType::Utf8)
        .drop_column("w", Timestamp(T))
        .build()
        .expect("a table");
    let layout = TableLayout::of(&table);
    let names = |columns: &Columns| -> Vec<String> {
        columns.iter().map(|column| column.name().0.to_string()).collect()
    };
    assert_eq!(names(layout.header().columns(false)), ["v", "l"]);
    assert_eq!(names(layout.header().columns(true)), ["s"]);
    assert!(layout.dropped().get("w").is_some());
    let schema = Schema::from([(id, layout)]);
    let mutation = decoded(&bytes, &schema).expect("a mutation");
    assert_eq!(encoded(&mutation, &schema), bytes);
}

#[test]
fn what_was_written_to_a_column_before_it_was_dropped_is_left_out() {
    let (schema, bytes) = worked_example();
    let (id, without) = table(
        *schema.keys().map(|id| &id.0).next().expect("a table"),
        &[AbstractType::Int32],
        "",
        "w text",
    );
    let (_, again) = table(id.0, &[AbstractType::Int32], "", "v text, w text");
    let dropped = Arc::new(Column::new(ColumnName("v".into()), AbstractType::Utf8));
    let cell_count = |layout: TableLayout, dropped_at: i64| {
        let layout = layout.with_dropped(Arc::clone(&dropped), Timestamp(dropped_at));
        let mutation = decoded(&bytes, &Schema::from([(id, layout)])).expect("a mutation");
        let partition = mutation.updates.into_values().next().expect("an update");
        let rows: Vec<Row> = partition.rows.into_values().collect();
        assert_eq!(rows.len(), 1, "the liveness of the row stays");
        rows[0].cells.len()
    };
    assert_eq!(cell_count(without.clone(), T + 1), 0);
    assert_eq!(cell_count(without, T), 0, "there is no such column");
    assert_eq!(
        cell_count(again.clone(), T + 1),
        0,
        "written before it was dropped"
    );
    assert_eq!(cell_count(again, T), 1, "written after it was added again");
}
