//! Definitions that could not be read back, or that no file can be written with: refused before anything is stored.

use crate::bench::{OTHER, TABLE, definition, insert, make_tables, open, table, values};
use thymbra_format::marshal::{AbstractType, UserType};
use thymbra_format::schema::{
    ColumnKind, ColumnMetadata, CompactionParams, CompressionParams, DroppedColumn, SizeTieredParams,
    TableMetadata, TableMetadataBuilder, TableParams,
};
use thymbra_storage::{SimulatedDisk, StorageError};
use thymbra_types::{TableId, Timestamp};

/// What it says, with its causes.
fn words(error: &dyn std::error::Error) -> String {
    let source = error.source().map(words);
    source.map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

//= WP-MF-09 check
/// A node with a keyspace of the name `..` could not be opened.
#[test]
fn keyspace_that_has_no_directory_of_its_own_is_refused() {
    let long = "k".repeat(49);
    for name in [
        "",
        ".",
        "..",
        "a/b",
        "/absolute",
        "a\0b",
        "a b",
        "é",
        &long,
        &"k".repeat(256),
    ] {
        let disk = SimulatedDisk::new();
        let engine = open(&disk);
        let error = engine.create_keyspace(name, true).expect_err(name);
        assert!(matches!(error, StorageError::Schema(_)), "{name:?}: {error}");
        assert!(words(&error).contains("keyspace name"), "{}", words(&error));
        drop(engine);
        make_tables(&open(&disk), true);
    }
    let engine = open(&SimulatedDisk::new());
    for name in ["k", "Ks_1", "0", &"k".repeat(48)] {
        engine.create_keyspace(name, true).expect(name);
    }
}

fn with_params(params: TableParams) -> TableMetadataBuilder {
    definition("t", TABLE).params(params)
}

fn with_compaction(params: SizeTieredParams) -> TableMetadataBuilder {
    with_params(TableParams {
        compaction: CompactionParams::SizeTiered(params),
        ..TableParams::default()
    })
}

fn with_chunks_of(chunk_length_bytes: u32) -> TableMetadataBuilder {
    with_params(TableParams {
        compression: CompressionParams::Lz4 { chunk_length_bytes },
        ..TableParams::default()
    })
}

fn user_type(fields: &[&str]) -> AbstractType {
    let fields = fields
        .iter()
        .map(|field| (field.as_bytes().into(), AbstractType::Int32));
    AbstractType::User(Box::new(UserType {
        keyspace: "ks".into(),
        name: (*b"addr").into(),
        fields: fields.collect(),
        is_multicell: false,
    }))
}

/// What nobody may define, though the builder gives it for files of other programs.
fn wrong_names() -> Vec<(&'static str, TableMetadataBuilder)> {
    let named = |name: &str| definition(name, TABLE);
    vec![
        ("a table with a slash", named("a/b")),
        ("a table that is the directory above", named("..")),
        ("a table without a name", named("")),
        ("a table with a zero in its name", named("a\0b")),
        ("a table with a long name", named(&"t".repeat(300))),
        (
            "a column without a name",
            definition("t", TABLE).regular_column("", AbstractType::Utf8),
        ),
        (
            "a column with a name of 65536 bytes",
            definition("t", TABLE).regular_column("c".repeat(65_536), AbstractType::Utf8),
        ),
    ]
}

/// The same, with columns that cannot stand where they do, or options out of range.
fn wrong_definitions() -> Vec<(&'static str, TableMetadataBuilder)> {
    let default = TableParams::default;
    let fp_chance = |bloom_filter_fp_chance| {
        with_params(TableParams {
            bloom_filter_fp_chance,
            ..default()
        })
    };
    let index_interval = with_params(TableParams {
        min_index_interval: 0,
        max_index_interval: 0,
        ..default()
    });
    let gc_grace = with_params(TableParams {
        gc_grace_seconds: u32::MAX,
        ..default()
    });
    let threshold = with_compaction(SizeTieredParams {
        min_threshold: 0,
        ..SizeTieredParams::default()
    });
    let endless = with_compaction(SizeTieredParams {
        tombstone_threshold: f64::INFINITY,
        ..SizeTieredParams::default()
    });
    let list = AbstractType::List {
        elements: Box::new(AbstractType::Int32),
        is_multicell: true,
    };
    let static_alone = TableMetadata::builder("ks", "t", TABLE)
        .partition_key("pk", AbstractType::Utf8)
        .static_column("v", AbstractType::Utf8);
    let two_of_a_name = definition("t", TABLE)
        .regular_column("x", user_type(&["a"]))
        .regular_column("y", user_type(&["a", "b"]));
    let dropped = definition("t", TABLE).dropped_column(DroppedColumn {
        column: ColumnMetadata {
            name: "x".into(),
            kind: ColumnKind::Clustering,
            column_type: AbstractType::Int32,
        },
        dropped_at: Timestamp(1),
    });
    vec![
        ("no false positives", fp_chance(0.0)),
        ("a share that is no number", fp_chance(f64::NAN)),
        ("chunks of nothing", with_chunks_of(0)),
        ("chunks of three bytes", with_chunks_of(3)),
        ("no index interval", index_interval),
        ("a grace of 136 years", gc_grace),
        ("compactions of no SSTable", threshold),
        ("a threshold that JSON does not have", endless),
        (
            "a complex clustering column",
            definition("t", TABLE).clustering("l", list),
        ),
        ("a static column without clustering", static_alone),
        ("two user-defined types of one name", two_of_a_name),
        ("a dropped column of the key", dropped),
        (
            "a counter beside others",
            definition("t", TABLE).regular_column("c", AbstractType::CounterColumn),
        ),
    ]
}

//= WP-MF-09 check
/// With such a table the node could not be opened, or its flushes would panic.
#[test]
fn definition_that_the_node_could_not_open_with_is_refused() {
    for (what, wrong) in wrong_names().into_iter().chain(wrong_definitions()) {
        let wrong = wrong.build_as_found().expect(what);
        let disk = SimulatedDisk::new();
        let engine = open(&disk);
        engine.create_keyspace("ks", true).expect("a new keyspace");
        let error = engine.create_table(wrong.clone()).expect_err(what);
        assert!(matches!(error, StorageError::Schema(_)), "{what}: {error:?}");
        engine.create_table(table("t", TABLE)).expect("a new table");
        engine.apply(insert(TABLE, "a", 0, 1, "v")).expect("a write");
        if wrong.name() == "t" && wrong.clustering().len() == 1 {
            let error = engine.alter_table(wrong).expect_err(what);
            assert!(matches!(error, StorageError::Schema(_)), "{what}: {error:?}");
        }
        drop(engine);
        let engine = open(&disk);
        assert_eq!(values(&engine, TABLE, "a"), ["v"], "{what}");
    }
}

//= WP-MF-09 check
/// What was added up in counters was merged as if it were values: the last write won.
#[test]
fn table_of_counters_is_refused() {
    let disk = SimulatedDisk::new();
    let engine = open(&disk);
    engine.create_keyspace("ks", true).expect("a new keyspace");
    let counters = |name: &str, id: TableId| {
        TableMetadata::builder("ks", name, id)
            .partition_key("pk", AbstractType::Utf8)
            .clustering("ck", AbstractType::Int32)
    };
    for counted in [
        counters("t", TABLE).regular_column("c", AbstractType::CounterColumn),
        counters("t", TABLE).static_column("c", AbstractType::CounterColumn),
    ] {
        let error = engine
            .create_table(counted.build().expect("a valid table"))
            .expect_err("a counter");
        assert_eq!(
            words(&error),
            "the schema cannot be taken: counters are not implemented, and column \"c\" of table t is one"
        );
    }
    // A table without columns takes any.
    let empty = counters("u", OTHER).build().expect("a valid table");
    engine.create_table(empty).expect("a new table");
    let counted = counters("u", OTHER).regular_column("c", AbstractType::CounterColumn);
    engine
        .alter_table(counted.build().expect("a valid table"))
        .expect_err("a counter");
    drop(engine);
    open(&disk);
}
