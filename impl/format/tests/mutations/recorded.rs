//! Mutations of Apache Cassandra: read, understood, and written again byte by byte.

use crate::real_files;
use crate::tables::{Schema, T, decoded, encoded, table};
use std::collections::BTreeMap;
use thymbra_format::Cursor;
use thymbra_format::commitlog::{SegmentItem, SegmentReader};
use thymbra_format::marshal::AbstractType;
use thymbra_format::mutation::{DecodeError, RawMutation};
use thymbra_format::rows::{ClusteringComparator, MarkerChange, UnfilteredView, unfiltereds};
use thymbra_types::{CellKind, Mutation, Partition, Row, TableId, Timestamp};

const UNFLUSHED: TableId = TableId(0x6a7f_1ed0_e57b_11f1_935d_9b7b_8ca7_a154);
const FEW_COLS: TableId = TableId(0x681f_35d0_e57b_11f1_935d_9b7b_8ca7_a154);

/// The tables of keyspace `gen` that the commit log fixtures write to.
fn gen_schema() -> Schema {
    const TYPES: &str = "c_ascii ascii, c_bigint bigint, c_blob blob, c_boolean boolean, c_date date, \
        c_decimal decimal, c_double double, c_duration duration, c_float float, c_inet inet, c_int int, \
        c_smallint smallint, c_text text, c_time time, c_timestamp timestamp, c_timeuuid timeuuid, \
        c_tinyint tinyint, c_uuid uuid, c_varint varint, c_list list<int>, c_set set<text>, \
        c_map map<text,bigint>, c_flist frozen<list<int>>, c_fset frozen<set<smallint>>, \
        c_fmap frozen<map<int,text>>, c_tuple tuple<int,text,double>, c_udt addr, c_fudt frozen<addr>";
    let many: Vec<String> = (0..70).map(|index| format!("c{index:02} int")).collect();
    let (int, text) = (AbstractType::Int32, AbstractType::Utf8);
    let reversed = |of: AbstractType| AbstractType::Reversed(Box::new(of));
    BTreeMap::from([
        table(0x66b4_3420_e57b_11f1_935d_9b7b_8ca7_a154, &[], "", TYPES),
        table(0x66e2_e540_e57b_11f1_935d_9b7b_8ca7_a154, &[], "", TYPES),
        table(
            0x6715_66f0_e57b_11f1_935d_9b7b_8ca7_a154,
            core::slice::from_ref(&int),
            "s1 text, s2 int",
            "v text",
        ),
        table(
            0x6732_b2f0_e57b_11f1_935d_9b7b_8ca7_a154,
            &[int.clone(), text.clone()],
            "",
            "v1 text, v2 list<int>",
        ),
        table(
            0x676c_6090_e57b_11f1_935d_9b7b_8ca7_a154,
            &[reversed(int.clone())],
            "",
            "v text",
        ),
        table(
            0x6800_ff70_e57b_11f1_935d_9b7b_8ca7_a154,
            &[],
            "",
            &many.join(", "),
        ),
        table(
            0x681f_35d0_e57b_11f1_935d_9b7b_8ca7_a154,
            core::slice::from_ref(&int),
            "",
            "a int, b text, c set<int>, d text",
        ),
        table(
            0x684a_b2a0_e57b_11f1_935d_9b7b_8ca7_a154,
            core::slice::from_ref(&int),
            "",
            "n counter",
        ),
        table(
            0x6882_b290_e57b_11f1_935d_9b7b_8ca7_a154,
            &[reversed(AbstractType::Timestamp), text],
            "",
            "v blob",
        ),
        table(0x68a2_2170_e57b_11f1_935d_9b7b_8ca7_a154, &[], "", "v int"),
        table(0x6986_3fe0_e57b_11f1_935d_9b7b_8ca7_a154, &[], "", "v int"),
        table(UNFLUSHED.0, &[int], "", "v text"),
    ])
}

/// Mutations of a folder of segments: those of known tables, and how many others there are.
fn mutations_of(folder: &std::path::Path, schema: &Schema) -> (Vec<Mutation>, usize) {
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .collect();
    paths.sort();
    let (mut mutations, mut unknown_count) = (Vec::new(), 0);
    for path in paths {
        let file = real_files::read(&path);
        let mut reader = SegmentReader::open(&file, None).expect("a whole header");
        while let Some(SegmentItem::Record(record)) = reader.next() {
            let read = decoded(record.mutation, schema);
            let is_whole = !matches!(read, Err(DecodeError::Format(_)));
            assert!(is_whole, "{}: {read:?}", path.display());
            match read {
                Ok(mutation) => {
                    check_encoding(&mutation, record.mutation, schema);
                    mutations.push(mutation);
                }
                Err(DecodeError::UnknownTable(id)) => {
                    let raw = RawMutation::read(record.mutation, 0).expect("a mutation begins");
                    assert!(raw.update_count > 1 || raw.table_id == id);
                    unknown_count += 1;
                }
                Err(DecodeError::Format(_)) => {}
            }
        }
    }
    (mutations, unknown_count)
}

/// What we write of a mutation is what Cassandra wrote, but for the order of tables.
fn check_encoding(mutation: &Mutation, bytes: &[u8], schema: &Schema) {
    let written = encoded(mutation, schema);
    if mutation.updates.len() == 1 {
        assert_eq!(written, bytes, "{mutation:?}");
    } else {
        assert_eq!(written.len(), bytes.len(), "{mutation:?}");
        assert_eq!(decoded(&written, schema).as_ref(), Ok(mutation));
    }
}

/// `(key, clustering, text, timestamp)` of all rows of `unflushed`.
fn texts(mutations: &[Mutation]) -> Vec<(String, i32, String, i64)> {
    let types = [AbstractType::Int32];
    let mut texts = Vec::new();
    for mutation in mutations {
        let Some(partition) = mutation.updates.get(&UNFLUSHED) else {
            continue;
        };
        for (clustering, row) in &partition.rows {
            let values = ClusteringComparator::new(&types)
                .to_values(clustering)
                .expect("an image");
            let number = values.0[0]
                .as_deref()
                .expect("not null")
                .try_into()
                .expect("4 bytes");
            for cell in row.cells.values() {
                texts.push((
                    String::from_utf8(mutation.key.key().to_vec()).expect("text"),
                    i32::from_be_bytes(number),
                    String::from_utf8(cell.value.to_vec()).expect("text"),
                    cell.timestamp.0 - T,
                ));
            }
        }
    }
    texts
}

#[test]
fn uncompressed_commit_log_holds_the_statements_that_were_made() {
    let Some(folder) = real_files::folder("commitlog/v7-uncompressed") else {
        return;
    };
    let schema = gen_schema();
    let (mutations, unknown_count) = mutations_of(&folder, &schema);
    assert_eq!(mutations.len() + unknown_count, 2628);

    let inserts: Vec<_> = (0..20)
        .map(|index| {
            (
                format!("cl{}", index % 3),
                index,
                format!("row {index}"),
                i64::from(index),
            )
        })
        .chain([("cl0".to_owned(), 100, "b1".to_owned(), 50)])
        .collect();
    let mut found = texts(&mutations);
    found.sort_by_key(|(_, number, _, _)| *number);
    assert_eq!(found, inserts);

    let deletions: Vec<&Row> = mutations
        .iter()
        .filter_map(|mutation| mutation.updates.get(&UNFLUSHED))
        .flat_map(|partition| partition.rows.values())
        .filter(|row| !row.deletion.is_live())
        .collect();
    assert_eq!(deletions.len(), 1, "DELETE of cl0, 0 in the batch");
    assert_eq!(deletions[0].deletion.marked_for_delete_at, Timestamp(T + 50));

    let few_cols: Vec<&Partition> = mutations
        .iter()
        .filter_map(|mutation| mutation.updates.get(&FEW_COLS))
        .collect();
    assert_eq!(few_cols.len(), 4, "three inserts, and one in the batch");
}

#[test]
fn compressed_commit_log_holds_the_statements_that_were_made() {
    let Some(folder) = real_files::folder("commitlog/v7-lz4") else {
        return;
    };
    let (mutations, _) = mutations_of(&folder, &gen_schema());
    let mut found = texts(&mutations);
    found.sort_by_key(|(_, number, _, _)| *number);
    let expected: Vec<_> = (0..200)
        .map(|index| {
            let text = format!("row {index} ").repeat(20);
            (format!("lz4_{}", index % 3), index, text, i64::from(index))
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn hints_hold_the_statements_that_were_made() {
    /// Version, timestamp, host, length of the parameters and two checksums.
    const DESCRIPTOR_SIZE_BYTES: usize = 4 + 8 + 16 + 4 + 4 + 2 + 4;
    let Some(folder) = real_files::folder("hints/v2") else {
        return;
    };
    let (_, layout) = table(
        0xbc71_8390_e57b_11f1_ba0c_5557_ccf4_cec0,
        &[AbstractType::Int32],
        "",
        "v text, l list<int>",
    );
    let schema = Schema::from([(layout.id(), layout)]);
    let file = real_files::read(folder.join("986f73fd-3147-46a4-8ecc-796a409cdcec-1795245541484-2.hints"));
    let mut cursor = Cursor::new(&file);
    cursor
        .take(DESCRIPTOR_SIZE_BYTES, "descriptor")
        .expect("a descriptor");
    let mut partitions = Vec::new();
    while !cursor.is_at_end() {
        let size_bytes = usize::try_from(cursor.u32("size").expect("a size")).expect("small");
        cursor.take(4, "checksum").expect("a checksum");
        let mut body = Cursor::new(cursor.take(size_bytes, "body").expect("a body"));
        cursor.take(4, "checksum").expect("a checksum");
        body.take(8, "creation time").expect("a time");
        body.unsigned_vint("gc_grace").expect("seconds");
        let mutation = decoded(body.remaining(), &schema).expect("a mutation");
        check_encoding(&mutation, body.remaining(), &schema);
        partitions.extend(mutation.updates.into_values());
    }
    assert_eq!(partitions.len(), 32);
    let ranges: Vec<_> = partitions
        .iter()
        .flat_map(unfiltereds)
        .filter_map(|unfiltered| match unfiltered {
            UnfilteredView::Marker { change, .. } => Some(change),
            UnfilteredView::Row { .. } => None,
        })
        .collect();
    assert!(
        matches!(
            ranges.as_slice(),
            [MarkerChange::Open(opening), MarkerChange::Close(closing)]
                if opening == closing && opening.marked_for_delete_at == Timestamp(T + 100)
        ),
        "{ranges:?}"
    );
    let rows_with_deleted_list: Vec<&Row> = partitions
        .iter()
        .flat_map(|partition| partition.rows.values())
        .filter(|row| !row.complex_deletions.is_empty())
        .collect();
    let [row] = rows_with_deleted_list.as_slice() else {
        panic!("one update sets a list: {rows_with_deleted_list:?}");
    };
    let values: Vec<&[u8]> = row.cells.values().map(|cell| &*cell.value).collect();
    assert_eq!(values, [[0, 0, 0, 1], [0, 0, 0, 2]]);
    assert!(
        row.cells
            .values()
            .all(|cell| matches!(cell.kind, CellKind::Expiring { ttl, .. } if ttl.seconds() == 86_400))
    );
}
