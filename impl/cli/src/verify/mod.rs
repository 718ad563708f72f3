//! `thymbra verify`: every checksum, every order, and that the files of an SSTable say the same.
//!
//! Chapters: `specs/06-commit-log.md`, `specs/08-sstable.md`. A line for each SSTable and segment; what is wrong names
//! file and offset. The torn tail of a commit log, which is what a crash leaves, is named and is no damage.

mod commit_log;
mod promoted_index;
mod sstable;
mod statistics;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use thymbra_format::commitlog::CommitLogDescriptor;
use thymbra_format::sstable::FileStem;

use crate::files::{FileError, SSTablePath};
use crate::usage::Failure;

/// Options of `verify`.
#[derive(Args, Debug)]
pub(crate) struct VerifyArgs {
    /// Files of SSTables, commit log segments, or directories, which are searched
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
}

/// Something that is verified as a whole.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Subject {
    /// The SSTable of a directory whose files have names that begin like this.
    SSTable(PathBuf, String),
    /// A commit log segment.
    Segment(PathBuf),
}

/// Verifies all that is named.
pub(crate) fn run(args: &VerifyArgs) -> Result<ExitCode, Failure> {
    let mut is_sound = true;
    let mut subjects = BTreeSet::new();
    for path in &args.paths {
        let before = subjects.len();
        let result = find(path, &mut BTreeSet::new(), &mut subjects);
        if let Err(error) = result.and_then(|()| {
            if subjects.len() == before {
                // A file that is named twice was found before.
                return refuse(path);
            }
            Ok(())
        }) {
            crate::output::say("error", &error.to_string());
            is_sound = false;
        }
    }
    for subject in &subjects {
        let (name, result) = match subject {
            Subject::SSTable(directory, prefix) => {
                let name = directory.join(prefix);
                (name, sstable(directory, prefix))
            }
            Subject::Segment(path) => (path.clone(), commit_log::verify(path)),
        };
        match result {
            Ok(sound) => put_line!("{}: sound, {sound}", name.display()),
            Err(error) => {
                is_sound = false;
                put_line!("{}: DAMAGED", name.display());
                put_line!("  {error}");
            }
        }
    }
    Ok(if is_sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn sstable(directory: &Path, prefix: &str) -> Result<String, FileError> {
    let data = format!("{prefix}-Data.db");
    let Some((stem, _)) = FileStem::parse_file_name(&data) else {
        // The prefix was taken from such a name.
        return SSTablePath::of_file(&directory.join(data)).map(|_| String::new());
    };
    sstable::verify(&SSTablePath::new(directory.to_path_buf(), stem))
}

/// Adds what a path names; of a directory, all that is below it, once whatever links lead to it. The first error does
/// not keep the rest away.
fn find(
    path: &Path,
    searched: &mut BTreeSet<PathBuf>,
    subjects: &mut BTreeSet<Subject>,
) -> Result<(), FileError> {
    let metadata = std::fs::metadata(path).map_err(FileError::disk(path))?;
    if metadata.is_dir() {
        if !searched.insert(std::fs::canonicalize(path).map_err(FileError::disk(path))?) {
            return Ok(());
        }
        let mut result = Ok(());
        for entry in std::fs::read_dir(path).map_err(FileError::disk(path))? {
            let entry = entry.map_err(FileError::disk(path))?;
            let found = find(&entry.path(), searched, subjects);
            if result.is_ok() {
                result = found;
            }
        }
        return result;
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let directory = path.parent().unwrap_or_else(|| Path::new(""));
    if let Some((stem, _)) = FileStem::parse_file_name(&name) {
        subjects.insert(Subject::SSTable(directory.to_path_buf(), stem.to_string()));
    } else if CommitLogDescriptor::parse_file_name(&name).is_some() {
        subjects.insert(Subject::Segment(path.to_path_buf()));
    } else if name.ends_with("-Data.db") {
        // An SSTable of another version is not passed over in silence.
        return SSTablePath::of_file(path).map(drop);
    }
    Ok(())
}

/// Says why nothing was found.
fn refuse(path: &Path) -> Result<(), FileError> {
    if path.is_dir() {
        return Err(FileError::Foreign {
            path: path.to_path_buf(),
            reason: "has no SSTables na-…-big- or nb-…-big-, and no commit log segments CommitLog-7-<id>.log"
                .into(),
        });
    }
    SSTablePath::of_file(path).map(drop)
}
