//! `thymbra dump commitlog` prints the mutations of segments, and refuses what is damaged.

#[expect(dead_code, reason = "each test uses a part of this")]
mod files;

use std::path::{Path, PathBuf};

use files::{NOW, copy, foreign_fixtures, printed, refused};
use serde_json::Value;

const RAW: &[&str] = &["dump", "commitlog"];

/// The definitions of the tables that the logs of the fixtures write to.
fn schema() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/log_tables.json");
    path.to_str().expect("the path is UTF-8").to_owned()
}

fn own_log(kind: &str) -> PathBuf {
    files::fixtures().join("commitlog").join(kind)
}

fn dump(path: &Path) -> Value {
    let text = printed(&["dump", "commitlog", "--now", NOW, "--schema", &schema()], path);
    serde_json::from_str(&text).expect("the dump is JSON")
}

/// The updates of a mutation by the ids of their tables: their order in a mutation means nothing.
fn with_sorted_updates(mut dump: Value) -> Value {
    for mutation in dump["mutations"].as_array_mut().expect("mutations are a list") {
        let updates = mutation["updates"].as_array_mut().expect("updates are a list");
        updates.sort_by_key(|update| update["id"].as_str().expect("an id is text").to_owned());
    }
    dump
}

#[test]
fn own_logs_are_read_as_cassandra_reads_them() {
    for kind in ["plain", "lz4"] {
        let folder = own_log(kind);
        let expected = std::fs::read_to_string(folder.join("mutations.json")).expect("the fixture has it");
        let expected: Value = serde_json::from_str(&expected).expect("it is JSON");
        let expected = with_sorted_updates(expected);
        let found = with_sorted_updates(dump(&folder));
        let mutations = |dump: &Value| {
            dump["mutations"]
                .as_array()
                .expect("mutations are a list")
                .clone()
        };
        assert_eq!(mutations(&found).len(), mutations(&expected).len(), "{kind}");
        for (found, expected) in mutations(&found).iter().zip(mutations(&expected)) {
            assert_eq!(*found, expected, "{kind}");
        }
        assert_eq!(found["unknown tables"], serde_json::json!({}), "{kind}");
    }
}

#[test]
fn mutations_of_unknown_tables_are_printed_as_bytes_and_counted() {
    let text = printed(RAW, &own_log("plain"));
    let dump: Value = serde_json::from_str(&text).expect("the dump is JSON");
    let mutations = dump["mutations"].as_array().expect("mutations are a list");
    assert_eq!(mutations.len(), 72);
    let first = &mutations[0];
    assert_eq!(first["id"], "42751b20-9726-36ef-9c73-ca91512f33de");
    assert_eq!(first["key"], "0x61");
    assert_eq!((&first["update count"], &first["size"]), (&1.into(), &48.into()));
    let bytes = first["bytes"].as_str().expect("bytes are text");
    // What is not in the bytes: number of updates, table id, length of the key, key.
    assert_eq!((bytes.len() - 2) / 2, 48 - 1 - 16 - 1 - 1);
    let unknown = dump["unknown tables"].as_object().expect("counts by table");
    let counts: u64 = unknown.values().filter_map(Value::as_u64).sum();
    assert_eq!(counts, 72);
}

/// The mutations of a table among all.
fn of_table(dump: &Value, name: &str) -> Vec<Value> {
    let mutations = dump["mutations"].as_array().expect("mutations are a list");
    let updates = mutations
        .iter()
        .filter_map(|mutation| mutation["updates"].as_array());
    updates
        .flatten()
        .filter(|update| update["table"] == name)
        .cloned()
        .collect()
}

#[test]
fn log_of_a_node_has_the_statements_that_its_readme_lists() {
    let Some(fixtures) = foreign_fixtures("log_of_a_node_has_the_statements_that_its_readme_lists") else {
        return;
    };
    let dump = dump(&fixtures.join("commitlog/v7-uncompressed"));
    assert_eq!(dump["mutations"].as_array().map(Vec::len), Some(2628));
    let updates = of_table(&dump, "unflushed");
    assert_eq!(updates.len(), 21, "20 inserts and a batch");
    for (number, update) in updates.iter().take(20).enumerate() {
        let row = &update["rows"][0];
        assert_eq!(update["partition"]["key"][0], format!("cl{}", number % 3));
        assert_eq!(row["clustering"][0], number);
        assert_eq!(row["cells"][0]["value"], format!("row {number}"));
    }
    let batch = &updates[20];
    assert_eq!(batch["partition"]["key"][0], "cl0");
    assert_eq!(
        batch["rows"][0]["deletion_info"]["marked_deleted"],
        "2023-11-14T22:13:20.000050Z"
    );
    assert_eq!(batch["rows"][1]["cells"][0]["value"], "b1");
}

#[test]
fn compressed_log_of_a_node_has_the_statements_that_its_readme_lists() {
    let test = "compressed_log_of_a_node_has_the_statements_that_its_readme_lists";
    let Some(fixtures) = foreign_fixtures(test) else {
        return;
    };
    let dump = dump(&fixtures.join("commitlog/v7-lz4"));
    let updates = of_table(&dump, "unflushed");
    assert_eq!(updates.len(), 200);
    for (number, update) in updates.iter().enumerate() {
        let row = &update["rows"][0];
        assert_eq!(update["partition"]["key"][0], format!("lz4_{}", number % 3));
        assert_eq!(row["clustering"][0], number);
        assert_eq!(row["cells"][0]["value"], format!("row {number} ").repeat(20));
    }
}

#[test]
fn files_of_others_are_refused_by_their_names() {
    let line = refused(RAW, &own_log("plain").join("schema.cql"));
    assert!(line.contains("CommitLog-7-<id>.log"), "{line}");
    let line = refused(RAW, &files::fixtures().join("sstables"));
    assert!(line.contains("has no commit log segments"), "{line}");
    let (_scratch, folder) = copy(&own_log("lz4"));
    let segment = folder.join("CommitLog-7-1700000000003.log");
    std::fs::rename(&segment, folder.join("CommitLog-7-1700000000009.log")).expect("the copy has it");
    let line = refused(RAW, &folder.join("CommitLog-7-1700000000009.log"));
    assert!(
        line.contains("1700000000003, and 1700000000009 in the name"),
        "{line}"
    );
}

#[test]
fn schema_that_is_none_is_refused() {
    let schema = files::fixtures().join("README.md");
    let words = ["dump", "commitlog", "--schema", schema.to_str().expect("UTF-8")];
    let line = refused(&words, &own_log("plain"));
    assert!(line.contains("README.md"), "{line}");
}

#[test]
fn damage_is_an_error_with_file_and_offset_behind_what_could_be_read() {
    let (_scratch, folder) = copy(&own_log("plain"));
    let segment = folder.join("CommitLog-7-1700000000003.log");
    let bytes = std::fs::read(&segment).expect("the copy has it");
    let mut is_behind_first = false;
    for index in (0..bytes.len()).step_by(97) {
        let mut damaged = bytes.clone();
        damaged[index] ^= 0x10;
        std::fs::write(&segment, &damaged).expect("the copy can be written");
        let output = files::thymbra(RAW, &segment);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "byte {index}: {errors}");
        assert!(
            errors.contains("CommitLog-7-1700000000003.log"),
            "byte {index}: {errors}"
        );
        let printed = String::from_utf8_lossy(&output.stdout);
        is_behind_first |= printed.contains("\"position\":88,");
    }
    assert!(is_behind_first, "what stands before the damage is printed");
}

#[test]
fn every_cut_of_a_compressed_segment_is_an_error() {
    let (_scratch, folder) = copy(&own_log("lz4"));
    let segment = folder.join("CommitLog-7-1700000000003.log");
    let bytes = std::fs::read(&segment).expect("the copy has it");
    let whole = printed(RAW, &segment).lines().count();
    for size in (0..bytes.len()).step_by(53) {
        std::fs::write(&segment, &bytes[..size]).expect("the copy can be written");
        let output = files::thymbra(RAW, &segment);
        // Between two sections the log ends as it ends everywhere.
        let lines = String::from_utf8_lossy(&output.stdout).lines().count();
        assert!(
            output.status.code() == Some(1) || lines < whole,
            "cut to {size} bytes"
        );
    }
}
