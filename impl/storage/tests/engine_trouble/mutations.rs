//! What cannot be kept is refused before anything is written; what is taken can be flushed and replayed.

use crate::bench::{OTHER, TABLE, clustering, insert, key, make_tables, mutation, open, row, values};
use thymbra_format::marshal::AbstractType;
use thymbra_format::rows::EncodeError;
use thymbra_format::schema::TableMetadata;
use thymbra_storage::read::ClusteringSlice;
use thymbra_storage::{MutationError, SimulatedDisk, StorageEngine, StorageError};
use thymbra_types::{
    Cell, CellKind, CellName, Clustering, ClusteringBound, DecoratedKey, DeletionTime, LivenessInfo,
    LocalDeletionTime, Mutation, Partition, Partitioner, RangeTombstone, Reference, Row, TableId, Timestamp,
    Ttl,
};

/// `CREATE TABLE ks.w (pk text, ck text, s text STATIC, v int, m map<text, int>, PRIMARY KEY (pk, ck))`.
const WIDE: TableId = TableId(0x7a7f_1ed0_e57b_11f1_935d_9b7b_8ca7_a154);

fn wide() -> TableMetadata {
    let map = AbstractType::Map {
        keys: Box::new(AbstractType::Utf8),
        values: Box::new(AbstractType::Int32),
        is_multicell: true,
    };
    TableMetadata::builder("ks", "w", WIDE)
        .partition_key("pk", AbstractType::Utf8)
        .clustering("ck", AbstractType::Utf8)
        .static_column("s", AbstractType::Utf8)
        .regular_column("v", AbstractType::Int32)
        .regular_column("m", map)
        .build()
        .expect("a valid table")
}

fn cell(clustering: Clustering, name: CellName, cell: Cell) -> Partition {
    let mut row = Row::default();
    row.cells.insert(name, cell);
    let mut update = Partition::default();
    update.rows.insert(clustering, row);
    update
}

/// One cell of row 1 of the table with a text.
fn text_cell(cell_of: Cell) -> Mutation {
    mutation(
        TABLE,
        key("a"),
        cell(clustering(1), CellName::simple("v"), cell_of),
    )
}

fn live(value: &[u8]) -> Cell {
    Cell::live(Timestamp(1), value)
}

fn range(start: Clustering, deletion: DeletionTime) -> Mutation {
    let mut update = Partition::default();
    let tombstone = RangeTombstone {
        start: ClusteringBound::inclusive_start(start),
        end: ClusteringBound::TOP,
        deletion,
    };
    update.range_tombstones.add(tombstone, &Reference);
    mutation(WIDE, key("a"), update)
}

fn deletion(timestamp: i64, seconds: i64) -> Mutation {
    let update = Partition {
        deletion: DeletionTime::new(Timestamp(timestamp), LocalDeletionTime(seconds)),
        ..Partition::default()
    };
    mutation(TABLE, key("a"), update)
}

fn long_text(size: usize) -> Clustering {
    Clustering(vec![vec![b'c'; size].into()])
}

fn with_key(name: DecoratedKey) -> Mutation {
    Mutation {
        key: name,
        ..insert(TABLE, "a", 1, 1, "x")
    }
}

/// An engine with the tables of [`crate::bench`] and the wide one.
fn engine(disk: &SimulatedDisk, durable_writes: bool) -> StorageEngine {
    let engine = open(disk);
    make_tables(&engine, durable_writes);
    engine.create_table(wide()).expect("a new table");
    engine
}

/// What no engine may take.
fn refused() -> impl Iterator<Item = (&'static str, Mutation)> {
    let all = [
        refused_keys(),
        refused_clusterings(),
        refused_columns(),
        refused_cells(),
        refused_deletions(),
        refused_static_rows(),
    ];
    all.into_iter().flatten()
}

fn refused_keys() -> Vec<(&'static str, Mutation)> {
    vec![
        ("an empty key", with_key(key(""))),
        ("a key of 65536 bytes", with_key(key(&"k".repeat(65_536)))),
        (
            "a token of another partitioner",
            with_key(DecoratedKey::new(Partitioner::ByteOrdered, b"a".to_vec())),
        ),
        (
            "no table",
            Mutation {
                updates: [].into(),
                ..insert(TABLE, "a", 1, 1, "x")
            },
        ),
    ]
}

fn two_values() -> Clustering {
    Clustering(vec![clustering(1).0[0].clone(), clustering(2).0[0].clone()])
}

fn refused_clusterings() -> Vec<(&'static str, Mutation)> {
    let simple = || CellName::simple("v");
    let row_of = |clustering| mutation(TABLE, key("a"), cell(clustering, simple(), live(b"x")));
    let ok = DeletionTime::new(Timestamp(5), LocalDeletionTime(5));
    vec![
        ("a clustering without values", row_of(Clustering::default())),
        ("a clustering of two values", row_of(two_values())),
        (
            "an int of two bytes in a clustering",
            row_of(Clustering(vec![[1, 2].into()])),
        ),
        (
            "a clustering value of 65536 bytes",
            mutation(WIDE, key("a"), cell(long_text(65_536), simple(), live(&[0; 4]))),
        ),
        (
            "a range from a value of 65536 bytes",
            range(long_text(65_536), ok),
        ),
        ("a range from two values", range(two_values(), ok)),
    ]
}

fn refused_columns() -> Vec<(&'static str, Mutation)> {
    let column = |name, cell_of| mutation(TABLE, key("a"), cell(clustering(1), name, cell_of));
    let mut in_static = Partition::default();
    in_static
        .static_row
        .cells
        .insert(CellName::simple("v"), live(b"x"));
    vec![
        ("an unknown column", column(CellName::simple("zz"), live(b"x"))),
        ("a column of the key", column(CellName::simple("pk"), live(b"x"))),
        (
            "an element of a simple column",
            column(CellName::element("v", *b"path"), live(b"x")),
        ),
        (
            "a static cell of a regular column",
            mutation(TABLE, key("a"), in_static),
        ),
        (
            "a map without an element",
            mutation(
                WIDE,
                key("a"),
                cell(long_text(1), CellName::simple("m"), live(&[0; 4])),
            ),
        ),
    ]
}

fn refused_cells() -> Vec<(&'static str, Mutation)> {
    let at = |seconds| Cell::tombstone(Timestamp(1), LocalDeletionTime(seconds));
    let ttl = Ttl::new(5).expect("a TTL");
    let mut with_value = at(1);
    with_value.value = (*b"x").into();
    let three_bytes = cell(long_text(1), CellName::simple("v"), live(&[0; 3]));
    vec![
        ("an int of three bytes", mutation(WIDE, key("a"), three_bytes)),
        (
            "a row that expires and has no timestamp",
            mutation(TABLE, key("a"), {
                let mut update = Partition::default();
                let mut expires = row(1, "v");
                expires.liveness =
                    LivenessInfo::expiring(Timestamp::UNSET, ttl, LocalDeletionTime(i64::from(u16::MAX)));
                update.rows.insert(clustering(1), expires);
                update
            }),
        ),
        (
            "a cell without timestamp",
            text_cell(Cell::live(Timestamp(i64::MIN), *b"x")),
        ),
        ("a tombstone with a value", text_cell(with_value)),
        ("a tombstone of 1969", text_cell(at(-5))),
        ("a tombstone of 2242", text_cell(at(1 << 33))),
        ("a tombstone of no time", text_cell(at(i64::MAX))),
        (
            "a cell that expires in 2242",
            text_cell(Cell::expiring(
                Timestamp(1),
                ttl,
                LocalDeletionTime(1 << 33),
                *b"x",
            )),
        ),
    ]
}

fn refused_deletions() -> Vec<(&'static str, Mutation)> {
    let late = DeletionTime::new(Timestamp(5), LocalDeletionTime(1 << 33));
    vec![
        ("a range deleted in the year 2242", range(long_text(1), late)),
        ("a deletion of 2242", deletion(5, 1 << 33)),
        ("a deletion of 1969", deletion(5, -1)),
        ("a deletion without timestamp", deletion(i64::MIN, 5)),
    ]
}

fn refused_static_rows() -> Vec<(&'static str, Mutation)> {
    let of_static = |table, static_row| {
        let update = Partition {
            static_row,
            ..Partition::default()
        };
        mutation(table, key("a"), update)
    };
    let alive = || Row {
        liveness: LivenessInfo::live(Timestamp(1)),
        ..Row::default()
    };
    let gone = || Row {
        deletion: DeletionTime::new(Timestamp(5), LocalDeletionTime(5)),
        ..Row::default()
    };
    let mut alive_with_cell = alive();
    alive_with_cell.cells.insert(CellName::simple("s"), live(b"x"));
    vec![
        ("a static row that is alive", of_static(WIDE, alive())),
        (
            "a static row that is alive beside a cell",
            of_static(WIDE, alive_with_cell),
        ),
        ("a static row that is deleted", of_static(WIDE, gone())),
        (
            "a static row that is alive, of a table without",
            of_static(TABLE, alive()),
        ),
        (
            "a static row that is deleted, of a table without",
            of_static(TABLE, gone()),
        ),
    ]
}

//= WP-MF-07 check
#[test]
fn what_cannot_be_kept_is_refused_with_nothing_written() {
    for durable_writes in [true, false] {
        for (name, wrong) in refused() {
            let disk = SimulatedDisk::new();
            let engine = engine(&disk, durable_writes);
            let before = engine.statistics().tables;
            let answer = engine.apply(wrong);
            assert!(
                matches!(answer, Err(StorageError::Mutation(_))),
                "{name}, durable writes {durable_writes}: {answer:?}"
            );
            assert_eq!(engine.statistics().tables, before, "{name}");
            drop(engine);
            let engine = open(&disk);
            assert_eq!(engine.statistics().replayed_count, 0, "{name}");
        }
    }
}

/// The last second that can be told from that of a live cell.
const LAST_SECOND: i64 = i32::MAX as i64 - 1;

/// What every engine must take, up to the limits.
fn taken() -> impl Iterator<Item = (&'static str, Mutation)> {
    [taken_names(), taken_without_cells(), taken_cells()]
        .into_iter()
        .flatten()
}

/// Keys, clusterings and elements.
fn taken_names() -> Vec<(&'static str, Mutation)> {
    let wide = |clustering, name, value: &[u8]| mutation(WIDE, key("a"), cell(clustering, name, live(value)));
    let element = |path: &[u8]| wide(long_text(1), CellName::element("m", path), &[0; 4]);
    let simple = || CellName::simple("v");
    let last = DeletionTime::new(Timestamp(5), LocalDeletionTime(LAST_SECOND));
    vec![
        ("a key of 65535 bytes", with_key(key(&"k".repeat(65_535)))),
        (
            "a clustering value of 65535 bytes",
            wide(long_text(65_535), simple(), &[0; 4]),
        ),
        ("an empty clustering value", wide(long_text(0), simple(), &[])),
        ("an element without a name", element(b"")),
        ("an element with a long name", element(&[b'e'; 70_000])),
        (
            "a range from a value of 65535 bytes",
            range(long_text(65_535), last),
        ),
    ]
}

fn taken_without_cells() -> Vec<(&'static str, Mutation)> {
    let mut with_row = Partition::default();
    with_row.rows.insert(clustering(1), Row::default());
    vec![
        (
            "an update without anything",
            mutation(TABLE, key("a"), Partition::default()),
        ),
        ("a row without anything", mutation(TABLE, key("a"), with_row)),
    ]
}

fn taken_cells() -> Vec<(&'static str, Mutation)> {
    let expiring = CellKind::Expiring {
        ttl: Ttl::MAX,
        local_deletion_time: LocalDeletionTime(0),
    };
    vec![
        (
            "the last timestamp",
            text_cell(Cell::live(Timestamp(i64::MAX), *b"x")),
        ),
        (
            "the first timestamp",
            text_cell(Cell::live(Timestamp(i64::MIN + 1), *b"x")),
        ),
        (
            "the last second",
            text_cell(Cell::tombstone(Timestamp(1), LocalDeletionTime(LAST_SECOND))),
        ),
        (
            "the longest TTL",
            text_cell(Cell {
                kind: expiring,
                ..live(b"x")
            }),
        ),
        ("text that is none", text_cell(live(&[0xff, 0xfe]))),
    ]
}

/// All that is known of a partition in each table.
fn known(engine: &StorageEngine, key: &DecoratedKey) -> [Partition; 3] {
    [TABLE, OTHER, WIDE].map(|table| {
        engine
            .read_partition(table, key, &ClusteringSlice::ALL)
            .expect("the partition is read")
    })
}

//= WP-MF-07 check
#[test]
fn what_is_taken_is_read_after_a_replay_and_after_a_flush() {
    for durable_writes in [true, false] {
        for (name, right) in taken() {
            let disk = SimulatedDisk::new();
            let mut engine = engine(&disk, durable_writes);
            let key = right.key.clone();
            engine.apply(right).expect(name);
            let written = known(&engine, &key);
            if durable_writes {
                drop(engine);
                engine = open(&disk);
                assert_eq!(known(&engine, &key), written, "{name}, replayed");
            }
            engine.flush_all().expect(name);
            assert_eq!(known(&engine, &key), written, "{name}, flushed");
            drop(engine);
            let engine = open(&disk);
            assert_eq!(known(&engine, &key), written, "{name}, opened");
        }
    }
}

#[test]
fn mutation_that_no_segment_can_hold_is_the_callers_fault() {
    let disk = SimulatedDisk::new();
    let engine = engine(&disk, true);
    let answer = engine.apply(insert(TABLE, "a", 1, 1, &"x".repeat(1 << 20)));
    let limit = MutationError::TooLarge {
        size_bytes: 0,
        limit_bytes: 0,
    };
    let Err(StorageError::Mutation(found)) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(
        std::mem::discriminant(&found),
        std::mem::discriminant(&limit),
        "{found}"
    );
    assert!(values(&engine, TABLE, "a").is_empty());
}

#[test]
fn errors_name_what_is_wrong() {
    let disk = SimulatedDisk::new();
    let engine = engine(&disk, true);
    let message = |wrong| {
        let error = engine.apply(wrong).expect_err("refused");
        let source = std::error::Error::source(&error).expect("a cause");
        source.source().unwrap_or(source).to_string()
    };
    assert_eq!(
        message(with_key(key(&"k".repeat(70_000)))),
        "the partition key has 70000 bytes, at most 65535 are possible"
    );
    assert_eq!(
        message(mutation(
            WIDE,
            key("a"),
            cell(long_text(70_000), CellName::simple("v"), live(&[0; 4]))
        )),
        EncodeError::TooLong { size_bytes: 70_000 }.to_string()
    );
    assert_eq!(
        message(text_cell(Cell::live(Timestamp(i64::MIN), *b"x"))),
        "a cell, a deletion or a row that expires has no timestamp"
    );
    let mut update = Partition::default();
    update.rows.insert(clustering(1), row(1, "v"));
    assert!(engine.apply(mutation(TABLE, key("a"), update)).is_ok());
}
