//! `thymbra dump sstable` prints what Cassandra's sstabledump prints, and refuses what is damaged.

mod files;

use std::path::Path;

use files::{NOW, copy, foreign_fixtures, own_table, printed, refused};
use serde_json::Value;

const DUMP: &[&str] = &["dump", "sstable", "--now", NOW];

/// When the files of Cassandra 4.0.13 were dumped, about.
const NOW_OF_4_0: &str = "1795246000";

#[test]
fn own_fixtures_are_dumped_as_cassandra_5_dumps_them() {
    let mut compared_count = 0;
    let tables = files::fixtures().join("sstables/thymbra");
    for table in std::fs::read_dir(tables).expect("fixtures are there") {
        let table = table.expect("a directory can be read").path();
        for file in std::fs::read_dir(&table).expect("a table is a directory") {
            let file = file.expect("a directory can be read").path();
            let name = file
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let Some(stem) = name
                .strip_prefix("dump-")
                .and_then(|rest| rest.strip_suffix(".json"))
            else {
                continue;
            };
            let expected = std::fs::read_to_string(&file).expect("a dump is text");
            let found = printed(DUMP, &table.join(format!("{stem}-big-Data.db")));
            assert_eq!(found, expected, "{}", file.display());
            compared_count += 1;
        }
    }
    assert!(compared_count >= 34, "only {compared_count} dumps were compared");
}

#[test]
fn files_of_cassandra_4_are_dumped_as_it_dumps_them() {
    let Some(fixtures) = foreign_fixtures("files_of_cassandra_4_are_dumped_as_it_dumps_them") else {
        return;
    };
    let tables = [
        "types_lz4",
        "types_plain",
        "statics",
        "tombs",
        "few_cols",
        "compkey",
        "keys1000",
        "keys1000_plain",
    ];
    for name in tables {
        let folder = fixtures.join("sstable-nb");
        let expected = std::fs::read_to_string(folder.join(format!("dumps/{name}.json"))).expect("a dump");
        let data = files::table(&folder, name).join("nb-1-big-Data.db");
        let words = ["dump", "sstable", "--now", NOW_OF_4_0, "--form", "4.0"];
        let found = printed(&words, &data);
        let parse = |text: &str| serde_json::from_str::<Value>(text).expect("a dump is JSON");
        assert_eq!(parse(&found), parse(&expected), "{name}");
    }
}

#[test]
fn legacy_tables_have_the_rows_that_their_readme_names() {
    let Some(fixtures) = foreign_fixtures("legacy_tables_have_the_rows_that_their_readme_names") else {
        return;
    };
    for (version, suffix) in [("na", ""), ("nb", ""), ("na", "_compact")] {
        let dump = |table: &str| {
            let folder = fixtures.join(format!("legacy/legacy_{version}_{table}{suffix}"));
            let text = printed(DUMP, &folder.join(format!("{version}-1-big-Data.db")));
            serde_json::from_str::<Vec<Value>>(&text).expect("a dump is JSON")
        };
        let rows_count = |dump: &[Value]| -> usize {
            let of_partition = |partition: &Value| partition["rows"].as_array().map_or(0, Vec::len);
            dump.iter().map(of_partition).sum()
        };
        let simple = dump("simple");
        let keys: Vec<&str> = simple
            .iter()
            .filter_map(|partition| partition["partition"]["key"][0].as_str())
            .collect();
        assert_eq!(keys, ["0", "1", "2", "3", "4"], "{version}{suffix}");
        for partition in &simple {
            let cell = &partition["rows"][0]["cells"][0];
            assert_eq!(cell["name"], "val", "{version}{suffix}");
            assert_eq!(cell["value"], "foo bar baz", "{version}{suffix}");
        }
        assert_eq!(rows_count(&dump("simple_counter")), 5, "{version}{suffix}");
        for table in ["clust", "clust_counter"] {
            let found = dump(table);
            assert_eq!(
                (found.len(), rows_count(&found)),
                (5, 250),
                "{version}_{table}{suffix}"
            );
        }
    }
}

#[test]
fn values_on_which_sstabledump_fails_are_printed() {
    let dump = printed(DUMP, &own_table("empties_undumpable").join("nb-1-big-Data.db"));
    assert!(dump.contains(r#"{ "name" : "bo", "value" : "" }"#), "{dump}");
    assert!(dump.contains(r#"{ "name" : "ine", "value" : "" }"#), "{dump}");
    assert!(
        dump.contains(r#"{ "name" : "ine", "value" : "0:0:0:0:0:0:0:1" }"#),
        "{dump}"
    );
    let _: Value = serde_json::from_str(&dump).expect("the dump is JSON");
}

#[test]
fn any_file_of_the_sstable_names_it() {
    let folder = own_table("key_only");
    let expected = printed(DUMP, &folder.join("nb-1-big-Data.db"));
    for name in ["nb-1-big-TOC.txt", "nb-1-big-Digest.crc32", "nb-1-big-Index.db"] {
        assert_eq!(printed(DUMP, &folder.join(name)), expected, "{name}");
    }
}

#[test]
fn expirations_are_compared_with_the_clock_that_is_given() {
    let data = own_table("expiring").join("nb-1-big-Data.db");
    let expired_count = |now: &str| {
        let dump = printed(&["dump", "sstable", "--now", now], &data);
        dump.matches("\"expired\" : true").count()
    };
    assert_eq!(expired_count("1600000000"), 0);
    assert_eq!(
        expired_count("1700000000"),
        3,
        "a row, and two cells without liveness"
    );
    assert_eq!(
        expired_count("1700000001"),
        4,
        "a row expires behind its last second"
    );
    assert_eq!(expired_count("9000000000"), 10);
}

#[test]
fn text_form_has_a_line_for_each_part() {
    let text = printed(
        &["dump", "sstable", "--text", "--now", NOW],
        &own_table("tombstones").join("nb-1-big-Data.db"),
    );
    for line in [
        "partition 1, deleted up to 1700000000000010 (2023-11-14T22:13:20Z)",
        "partition 2, deleted up to 1700000000000010 (2023-11-14T22:15:00Z)",
        "    s = \"st\"",
        "  row 1 at 1700000000000011",
        "    v = \"newer than the partition deletion\"",
        "  row 1, deleted up to 1700000000000020 (2023-11-14T22:15:00Z)",
        "    v = \"newer than the row deletion\" at 1700000000000021",
        "    w deleted at 1700000000000023 (2023-11-14T22:15:00Z)",
        "    m deleted up to 1700000000000025 (2023-11-14T22:15:00Z)",
        "    m[new] = 1 at 1700000000000027",
    ] {
        assert!(
            text.lines().any(|other| other.trim_end().starts_with(line)),
            "{line} in {text}"
        );
    }
}

#[test]
fn files_of_others_are_refused_by_their_names() {
    let foreign = files::table(&files::fixtures().join("foreign/thymbra"), "bulk");
    let cases: [(&Path, &[&str]); 4] = [
        (&foreign.join("oa-2-big-Data.db"), &["version oa", "na-", "nb-"]),
        (
            &own_table("key_only").join("schema.cql"),
            &["no file of an SSTable"],
        ),
        (&own_table("key_only"), &["is a directory", "nb-1-big-Data.db"]),
        (
            &own_table("key_only").join("nb-9-big-Data.db"),
            &["nb-9-big-Data.db", "No such file"],
        ),
    ];
    for (path, words) in cases {
        let line = refused(DUMP, path);
        for word in words {
            assert!(line.contains(word), "{line}");
        }
    }
}

#[test]
fn missing_components_are_named() {
    for component in ["Data.db", "Statistics.db"] {
        let (_scratch, folder) = copy(&own_table("key_only"));
        let name = format!("nb-1-big-{component}");
        std::fs::remove_file(folder.join(&name)).expect("the copy has it");
        let line = refused(DUMP, &folder.join("nb-1-big-Index.db"));
        assert!(line.contains(&name), "{line}");
    }
}

#[test]
fn every_changed_byte_of_the_data_is_an_error_of_its_file() {
    for table in ["key_only", "vectors", "chunks"] {
        let (_scratch, folder) = copy(&own_table(table));
        let data = folder.join("nb-1-big-Data.db");
        let bytes = std::fs::read(&data).expect("the copy has it");
        let step = 1 + bytes.len() / 300;
        for index in (0..bytes.len()).step_by(step) {
            let mut damaged = bytes.clone();
            damaged[index] ^= 1 << (index % 8);
            std::fs::write(&data, &damaged).expect("the copy can be written");
            let line = refused(DUMP, &data);
            assert!(line.contains("nb-1-big-Data.db: "), "byte {index}: {line}");
            std::fs::write(&data, &bytes[..index]).expect("the copy can be written");
            if index > 0 {
                refused(DUMP, &data);
            }
        }
    }
}

#[test]
fn every_changed_byte_of_the_statistics_is_an_error_of_its_file() {
    let (_scratch, folder) = copy(&own_table("key_only"));
    let statistics = folder.join("nb-1-big-Statistics.db");
    let bytes = std::fs::read(&statistics).expect("the copy has it");
    for index in (0..bytes.len()).step_by(17) {
        let mut damaged = bytes.clone();
        damaged[index] ^= 0x20;
        std::fs::write(&statistics, &damaged).expect("the copy can be written");
        let line = refused(DUMP, &folder.join("nb-1-big-Data.db"));
        assert!(line.contains("nb-1-big-Statistics.db"), "byte {index}: {line}");
    }
}

#[test]
fn data_that_ends_where_a_partition_does_is_not_taken_for_whole() {
    let (_scratch, folder) = copy(&own_table("scalars_plain"));
    std::fs::write(folder.join("nb-1-big-Data.db"), []).expect("a file");
    let error = refused(DUMP, &folder.join("nb-1-big-Data.db"));
    assert!(error.contains("number of checksums"), "{error}");
}

#[test]
fn missing_compression_info_is_named() {
    let (_scratch, folder) = copy(&own_table("scalars_lz4"));
    std::fs::remove_file(folder.join("nb-1-big-CompressionInfo.db")).expect("the copy has it");
    let error = refused(DUMP, &folder.join("nb-1-big-Data.db"));
    assert!(error.contains("CompressionInfo.db"), "{error}");
}
