//! Files that Apache Cassandra wrote.
//!
//! They are no part of the project: tests skip them loudly where they are absent. The variable
//! `THYMBRA_FIXTURES` names another folder.

use std::path::PathBuf;

/// The folder of a group of files, or `None`, said loudly, where there is none.
pub(crate) fn folder(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("THYMBRA_FIXTURES").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures")),
        PathBuf::from,
    );
    let folder = root.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!(
        "SKIPPED: no real files of Apache Cassandra at {}; set THYMBRA_FIXTURES",
        folder.display()
    );
    None
}

/// Bytes of a file.
pub(crate) fn read(path: impl AsRef<std::path::Path>) -> Vec<u8> {
    std::fs::read(path).expect("a file of the fixtures")
}
