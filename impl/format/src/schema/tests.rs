//! Definitions of tables: what is refused, what is derived, and their JSON.

use super::*;
use crate::marshal::UserType;

const ID: TableId = TableId(0x6732_b2f0_e57b_11f1_935d_9b7b_8ca7_a154);

fn list() -> AbstractType {
    AbstractType::parse("ListType(Int32Type)").unwrap()
}

fn minimal() -> TableMetadataBuilder {
    TableMetadata::builder("gen", "tombs", ID).partition_key("pk", AbstractType::Int32)
}

fn clustered() -> TableMetadataBuilder {
    minimal().clustering("ck", AbstractType::Int32)
}

fn refusal(builder: TableMetadataBuilder) -> String {
    builder.build().expect_err("this is refused").to_string()
}

#[test]
fn columns_stand_in_the_order_of_files_and_are_found_by_name() {
    let table = clustered()
        .regular_column("c", list())
        .regular_column("d", AbstractType::Utf8)
        .regular_column("a", AbstractType::Utf8)
        .regular_column("B", AbstractType::Utf8)
        .static_column("s", AbstractType::Utf8)
        .build()
        .unwrap();
    let names: Vec<_> = table
        .regular_columns()
        .iter()
        .map(|column| &*column.name)
        .collect();
    assert_eq!(names, ["B", "a", "d", "c"]);
    for name in ["pk", "ck", "s", "a", "B", "c", "d"] {
        assert_eq!(&*table.column(name).expect("it has it").name, name);
    }
    assert_eq!(table.column("x"), None);
    assert_eq!(table.directory_name(), "tombs-6732b2f0e57b11f1935d9b7b8ca7a154");
    assert_eq!(table.partition_key_type(), &AbstractType::Int32);
}

#[test]
fn several_partition_key_columns_make_a_composite() {
    let table = minimal()
        .partition_key("second", AbstractType::Utf8)
        .build()
        .unwrap();
    assert_eq!(
        table.partition_key_type(),
        &AbstractType::Composite(vec![AbstractType::Int32, AbstractType::Utf8])
    );
}

/// Holds the refusals of tables against what they should say.
fn check_refusals<const COUNT: usize>(tables: [(TableMetadataBuilder, &str); COUNT]) {
    for (builder, expected) in tables {
        let refusal = refusal(builder);
        assert!(
            refusal.contains(expected),
            "{refusal:?} does not say {expected:?}"
        );
    }
}

#[test]
fn names_and_columns_that_cql_refuses_are_refused() {
    check_refusals([
        (
            TableMetadata::builder("gen", "t", ID),
            "table t has no partition key",
        ),
        (
            TableMetadata::builder("g-n", "t", ID).partition_key("pk", AbstractType::Int32),
            "keyspace name",
        ),
        (
            TableMetadata::builder("gen", "", ID).partition_key("pk", AbstractType::Int32),
            "table name",
        ),
        (
            minimal().regular_column("pk", AbstractType::Int32),
            "two columns \"pk\"",
        ),
        (minimal().regular_column("", AbstractType::Int32), "column name"),
        (
            minimal().static_column("s", AbstractType::Int32),
            "no clustering columns",
        ),
    ]);
}

#[test]
fn types_that_cql_refuses_are_refused() {
    let counter = AbstractType::CounterColumn;
    let with_ttl = TableParams {
        default_time_to_live_s: 1,
        ..TableParams::default()
    };
    let nested = AbstractType::User(Box::new(UserType {
        keyspace: "gen".into(),
        name: b"u".as_slice().into(),
        fields: vec![(b"l".as_slice().into(), list())],
        is_multicell: true,
    }));
    check_refusals([
        (minimal().clustering("ck", list()), "frozen"),
        (
            minimal().partition_key("k", counter.clone()),
            "counters are no part",
        ),
        (
            minimal().clustering("ck", AbstractType::Duration),
            "durations have no order",
        ),
        (
            minimal().partition_key("k", AbstractType::Reversed(Box::new(AbstractType::Int32))),
            "only clustering columns have an order",
        ),
        (
            minimal()
                .regular_column("n", counter.clone())
                .regular_column("v", AbstractType::Int32),
            "counters and column \"v\"",
        ),
        (
            minimal().regular_column("n", counter.clone()).params(with_ttl),
            "default time to live",
        ),
        (
            minimal().regular_column("n", AbstractType::Tuple(vec![counter])),
            "counters stand alone",
        ),
        (
            minimal().regular_column("u", nested),
            "what stands inside another type is frozen",
        ),
    ]);
}

#[test]
fn options_that_cassandra_refuses_are_refused() {
    let with = |change: &dyn Fn(&mut TableParams)| {
        let mut params = TableParams::default();
        change(&mut params);
        refusal(minimal().params(params))
    };
    let tiers = |change: &dyn Fn(&mut SizeTieredParams)| {
        let mut params = SizeTieredParams::default();
        change(&mut params);
        with(&|table| table.compaction = CompactionParams::SizeTiered(params.clone()))
    };
    for (refusal, option) in [
        (
            with(&|params| params.bloom_filter_fp_chance = 0.0),
            "bloom_filter_fp_chance",
        ),
        (
            with(&|params| params.bloom_filter_fp_chance = f64::NAN),
            "bloom_filter_fp_chance",
        ),
        (
            with(&|params| params.gc_grace_seconds = u32::MAX),
            "gc_grace_seconds",
        ),
        (
            with(&|params| params.default_time_to_live_s = 630_720_001),
            "default_time_to_live",
        ),
        (
            with(&|params| params.min_index_interval = 0),
            "min_index_interval",
        ),
        (
            with(&|params| params.max_index_interval = 127),
            "max_index_interval",
        ),
        (
            with(&|params| {
                params.compression = CompressionParams::Lz4 {
                    chunk_length_bytes: 3072,
                }
            }),
            "chunk_length_in_kb",
        ),
        (tiers(&|params| params.min_threshold = 1), "min_threshold"),
        (tiers(&|params| params.max_threshold = 3), "max_threshold"),
        (tiers(&|params| params.bucket_high = 0.5), "bucket_high"),
        (
            tiers(&|params| params.tombstone_threshold = -1.0),
            "tombstone_threshold",
        ),
    ] {
        assert!(
            refusal.starts_with(option),
            "{refusal:?} does not begin with {option:?}"
        );
    }
}

#[test]
fn a_dropped_column_is_remembered_and_may_come_back() {
    let table = clustered()
        .regular_column("v", AbstractType::Utf8)
        .build()
        .unwrap();
    let dropped = table.to_builder().drop_column("v", Timestamp(7)).build().unwrap();
    assert_eq!(dropped.column("v"), None);
    assert_eq!(
        dropped.dropped_column("v").map(|dropped| dropped.dropped_at),
        Some(Timestamp(7))
    );
    let again = dropped
        .to_builder()
        .regular_column("v", AbstractType::Utf8)
        .drop_column("pk", Timestamp(9))
        .build()
        .unwrap();
    assert!(again.column("v").is_some() && again.dropped_column("v").is_some());
    assert!(again.column("pk").is_some(), "key columns cannot be dropped");
}

#[test]
fn json_gives_the_same_table_again() {
    let text = r#"{
        "keyspace": "gen", "name": "tombs", "id": "6732b2f0-e57b-11f1-935d-9b7b8ca7a154",
        "types": [
            { "name": "inner", "fields": [ { "name": "zip", "type": "int" } ] },
            { "name": "Outer", "fields": [ { "name": "l", "type": "frozen<list<frozen<inner>>>" } ] }
        ],
        "partition_key": [ { "name": "pk", "type": "int" } ],
        "clustering": [ { "name": "a", "type": "int" }, { "name": "b", "type": "text", "order": "desc" } ],
        "static_columns": [ { "name": "s", "type": "map<text, frozen<tuple<int, text>>>" } ],
        "regular_columns": [ { "name": "u", "type": "\"Outer\"" }, { "name": "v", "type": "vector<float, 3>" } ],
        "dropped_columns": [ { "name": "d", "type": "set<uuid>", "static": true, "dropped_at_us": 5 } ],
        "params": {
            "compression": { "enabled": false },
            "compaction": { "class": "SizeTieredCompactionStrategy", "min_threshold": 2 }
        }
    }"#;
    let tables = tables_from_json(text).unwrap();
    let [table] = tables.as_slice() else {
        panic!("there is one table")
    };
    assert_eq!(table.id(), ID);
    assert_eq!(table.params().compression, CompressionParams::None);
    assert!(table.column("u").unwrap().is_complex());
    assert!(table.clustering()[1].column_type.is_reversed());
    assert_eq!(
        tables_from_json(&tables_to_json(&tables).unwrap()).unwrap(),
        tables
    );
    let twice = [tables.clone(), tables].concat();
    assert_eq!(tables_from_json(&tables_to_json(&twice).unwrap()).unwrap(), twice);
}

#[test]
fn json_with_mistakes_says_what_is_wrong() {
    let with = |column: &str, id: &str| {
        let text = format!(
            r#"{{"keyspace":"k","name":"t","id":"{id}","partition_key":[{{"name":"pk","type":"{column}"}}]}}"#
        );
        tables_from_json(&text).expect_err("this is refused").to_string()
    };
    let id = "6732b2f0e57b11f1935d9b7b8ca7a154";
    assert!(
        with("inte", id).contains("type of \"pk\": unknown type \"inte\""),
        "{}",
        with("inte", id)
    );
    assert!(
        with("int", "6732b2f0").contains("table id"),
        "{}",
        with("int", "6732b2f0")
    );
    assert!(
        with("list<int>", id).contains("frozen"),
        "{}",
        with("list<int>", id)
    );
    assert!(tables_from_json(r#"{"keyspace":"k"}"#).is_err());
    assert!(tables_from_json("").is_err());
}

#[test]
fn table_without_counters_gets_none() {
    let before = clustered().regular_column("v", AbstractType::Utf8);
    let gone = before.clone().drop_column("v", Timestamp(100));
    let counted = gone.regular_column("c", AbstractType::CounterColumn);
    let error = counted
        .build()
        .unwrap()
        .validate_compatibility(&before.build().unwrap())
        .expect_err("a counter");
    assert!(matches!(error, SchemaError::CounterAdded { .. }), "{error}");
}
