//! Files of Apache Cassandra in the directories of tables with the definitions that they were written with.

use crate::bench::open;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use thymbra_format::schema::{TableMetadata, tables_from_json};
use thymbra_storage::read::RowFilter;
use thymbra_storage::{Disk, SimulatedDisk};

/// Name and id of tables, their columns, and how many partitions they have.
const TABLES: [(&str, &str, &str, usize); 6] = [
    (
        "compkey",
        "6882b290e57b11f1935d9b7b8ca7a154",
        r#""partition_key": [{"name": "a", "type": "text"}, {"name": "b", "type": "int"}],
           "clustering": [{"name": "c", "type": "timestamp", "order": "desc"}, {"name": "d", "type": "text"}],
           "regular_columns": [{"name": "v", "type": "blob"}]"#,
        1,
    ),
    (
        "few_cols",
        "681f35d0e57b11f1935d9b7b8ca7a154",
        r#""partition_key": [{"name": "pk", "type": "int"}], "clustering": [{"name": "ck", "type": "int"}],
           "regular_columns": [{"name": "a", "type": "int"}, {"name": "b", "type": "text"},
                               {"name": "c", "type": "set<int>"}, {"name": "d", "type": "text"}]"#,
        1,
    ),
    (
        "keys1000",
        "68a22170e57b11f1935d9b7b8ca7a154",
        r#""partition_key": [{"name": "pk", "type": "text"}], "regular_columns": [{"name": "v", "type": "int"}]"#,
        1000,
    ),
    (
        "statics",
        "671566f0e57b11f1935d9b7b8ca7a154",
        r#""partition_key": [{"name": "pk", "type": "text"}], "clustering": [{"name": "ck", "type": "int"}],
           "static_columns": [{"name": "s1", "type": "text"}, {"name": "s2", "type": "int"}],
           "regular_columns": [{"name": "v", "type": "text"}]"#,
        1,
    ),
    (
        "tombs",
        "6732b2f0e57b11f1935d9b7b8ca7a154",
        r#""partition_key": [{"name": "pk", "type": "int"}],
           "clustering": [{"name": "a", "type": "int"}, {"name": "b", "type": "text"}],
           "regular_columns": [{"name": "v1", "type": "text"}, {"name": "v2", "type": "list<int>"}]"#,
        1,
    ),
    (
        "types_lz4",
        "66b43420e57b11f1935d9b7b8ca7a154",
        r#""partition_key": [{"name": "pk", "type": "int"}],
           "types": [{"name": "addr", "fields": [{"name": "street", "type": "text"}, {"name": "zip", "type": "int"}]}],
           "regular_columns": [
               {"name": "c_ascii", "type": "ascii"}, {"name": "c_bigint", "type": "bigint"},
               {"name": "c_blob", "type": "blob"}, {"name": "c_boolean", "type": "boolean"},
               {"name": "c_date", "type": "date"}, {"name": "c_decimal", "type": "decimal"},
               {"name": "c_double", "type": "double"}, {"name": "c_duration", "type": "duration"},
               {"name": "c_float", "type": "float"}, {"name": "c_inet", "type": "inet"},
               {"name": "c_int", "type": "int"}, {"name": "c_smallint", "type": "smallint"},
               {"name": "c_text", "type": "text"}, {"name": "c_time", "type": "time"},
               {"name": "c_timestamp", "type": "timestamp"}, {"name": "c_timeuuid", "type": "timeuuid"},
               {"name": "c_tinyint", "type": "tinyint"}, {"name": "c_uuid", "type": "uuid"},
               {"name": "c_varint", "type": "varint"}, {"name": "c_list", "type": "list<int>"},
               {"name": "c_set", "type": "set<text>"}, {"name": "c_map", "type": "map<text, bigint>"},
               {"name": "c_flist", "type": "frozen<list<int>>"}, {"name": "c_fset", "type": "frozen<set<smallint>>"},
               {"name": "c_fmap", "type": "frozen<map<int, text>>"},
               {"name": "c_tuple", "type": "tuple<int, text, double>"}, {"name": "c_udt", "type": "addr"},
               {"name": "c_fudt", "type": "frozen<addr>"}]"#,
        1,
    ),
];

/// Real files beside the project, where they are.
fn fixtures() -> PathBuf {
    let folder = std::env::var_os("THYMBRA_FIXTURES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures"),
        PathBuf::from,
    );
    folder.join("sstable-nb")
}

/// Copies the files of a fixture to where a table of keyspace `gen` has its own.
fn restore(disk: &SimulatedDisk, from: &Path, table: &TableMetadata) {
    let directory = Path::new("/node/data/gen").join(table.directory_name());
    disk.create_directory_all(&directory).expect("a directory");
    for entry in std::fs::read_dir(from).expect("a directory of fixtures") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            let name = path.file_name().expect("a name");
            let copy = disk.create_new(&directory.join(name)).expect("a new file");
            copy.append(&std::fs::read(&path).expect("a file"))
                .expect("it is written");
        }
    }
}

//= WP-SS-07 check
#[test]
fn files_of_cassandra_are_of_the_tables_that_they_were_written_for() {
    for (name, id, columns, least_count) in TABLES {
        let from = fixtures().join(format!("{name}-{id}"));
        if !from.is_dir() {
            eprintln!("SKIPPED: no real files of Apache Cassandra at {}", from.display());
            continue;
        }
        let json = format!(r#"{{"keyspace": "gen", "name": "{name}", "id": "{id}", {columns}}}"#);
        let table = tables_from_json(&json).expect("a definition").remove(0);
        let disk = SimulatedDisk::new();
        restore(&disk, &from, &table);
        let engine = open(&disk);
        engine.create_keyspace("gen", true).expect("a new keyspace");
        engine.create_table(table.clone()).expect(name);
        let all = || {
            let range = (Bound::Unbounded, Bound::Unbounded);
            engine.scan(table.id(), range, &RowFilter::ALL, 2000).expect(name)
        };
        let before = all();
        assert!(before.len() >= least_count, "{name}: {}", before.len());
        engine.compact(table.id()).expect("a compaction");
        assert_eq!(all(), before, "{name}");
    }
}
