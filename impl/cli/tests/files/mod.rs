//! Files of Cassandra that the tests read, and the command that reads them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The clock of the fixtures.
pub(crate) const NOW: &str = "1700000000";

/// The project's own fixtures, which Cassandra 5.0 wrote.
pub(crate) fn fixtures() -> PathBuf {
    repository().join("tests/fixtures")
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Files of a node of Cassandra 4.0.13, which are not in the repository; says so loudly where they are absent.
pub(crate) fn foreign_fixtures(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("THYMBRA_FIXTURES")
        .map_or_else(|| repository().join("../shared/fixtures"), PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!(
        "\n*** SKIPPED: {test}: no files of Cassandra at {} ***\n",
        folder.display()
    );
    None
}

/// The folder below `within` whose name begins with the table's name and a dash.
pub(crate) fn table(within: &Path, name: &str) -> PathBuf {
    let prefix = format!("{name}-");
    let found = std::fs::read_dir(within)
        .expect("fixtures are there")
        .map(|entry| entry.expect("a directory can be read").path())
        .find(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(&prefix)
        });
    found.expect("the fixtures have this table")
}

/// A table of the project's own fixtures.
pub(crate) fn own_table(name: &str) -> PathBuf {
    table(&fixtures().join("sstables/thymbra"), name)
}

/// Runs the command.
pub(crate) fn thymbra(words: &[&str], path: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_thymbra"))
        .args(words)
        .arg(path)
        .output()
        .expect("the binary runs")
}

/// What a command printed that succeeded.
pub(crate) fn printed(words: &[&str], path: &Path) -> String {
    let output = thymbra(words, path);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{words:?} {}: {errors}",
        path.display()
    );
    assert!(errors.is_empty(), "{words:?} {}: {errors}", path.display());
    String::from_utf8(output.stdout).expect("output is UTF-8")
}

/// The one line of a command that refused a file.
pub(crate) fn refused(words: &[&str], path: &Path) -> String {
    let output = thymbra(words, path);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let what = format!("{words:?} {}: {errors}", path.display());
    assert_eq!(output.status.code(), Some(1), "{what}");
    assert!(errors.starts_with("error: "), "{what}");
    assert_eq!(errors.trim_end().lines().count(), 1, "{what}");
    errors
}

/// A copy of a folder, to be damaged.
pub(crate) fn copy(folder: &Path) -> (tempfile::TempDir, PathBuf) {
    let scratch = tempfile::tempdir().expect("a directory for files");
    let copy = scratch
        .path()
        .join("ks")
        .join(folder.file_name().expect("a folder has a name"));
    std::fs::create_dir_all(&copy).expect("a directory can be made");
    for entry in std::fs::read_dir(folder).expect("fixtures are there") {
        let path = entry.expect("a directory can be read").path();
        let name = path.file_name().expect("a file has a name");
        std::fs::copy(&path, copy.join(name)).expect("a file can be copied");
    }
    (scratch, copy)
}
