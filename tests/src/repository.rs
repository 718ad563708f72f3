//! The files of the repository, as text.
//!
//! First step of every check that reads the repository itself. Chapter: `specs/README.md`.

use std::fs;
use std::path::{Path, PathBuf};

/// One text file.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct SourceFile {
    /// Path relative to the repository, with `/` between the parts.
    pub path: String,
    /// Everything in it.
    pub text: String,
}

impl SourceFile {
    /// A file that exists only in a test of the checks.
    #[must_use]
    pub fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    /// What follows the last dot of the name; empty if there is none.
    #[must_use]
    pub fn extension(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or(&self.path);
        name.rsplit_once('.').map_or("", |(_, extension)| extension)
    }
}

/// The folder of the repository.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every UTF-8 file of the repository, sorted by path. Build output, version control and other dot-folders are
/// left out.
#[must_use]
pub fn files() -> Vec<SourceFile> {
    let root = root();
    let mut found = Vec::new();
    collect(&root, &root, &mut found);
    found.sort();
    found
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<SourceFile>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" {
                collect(root, &path, found);
            }
        } else if let (Ok(text), Ok(relative)) = (fs::read_to_string(&path), path.strip_prefix(root)) {
            found.push(SourceFile {
                path: relative.to_string_lossy().replace('\\', "/"),
                text,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_holds_its_own_source() {
        let own = files()
            .into_iter()
            .find(|file| file.path == "tests/src/repository.rs");
        assert!(own.is_some_and(|file| file.extension() == "rs" && file.text.contains("fn files")));
    }
}
