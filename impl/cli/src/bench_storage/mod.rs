//! `thymbra bench storage`: how fast the storage engine is, beside its peers and the bare machine.
//!
//! Each part runs in a process of its own, engine after engine, so that memory, CPU time and written bytes are its
//! alone and a slow minute of the machine hits all engines. Chapters: `specs/06-commit-log.md` to
//! `specs/09-compaction.md`.

mod contestant;
mod data;
#[cfg(feature = "fjall")]
mod fjall_engine;
mod measured;
mod part;
mod probe;
mod progress_line;
mod report;
#[cfg(feature = "rocksdb")]
mod rocksdb_engine;
mod storage_args;
mod thymbra_engine;

use std::io;
use std::path::Path;
use std::process::ExitCode;

use tempfile::TempDir;

use crate::child;
use crate::progress::{catch_interrupts, is_interrupted};
use crate::usage::Failure;
use contestant::Engine;
use measured::Measured;
use part::Part;
use report::Report;

pub(crate) use storage_args::StorageArgs;

/// Writes where none are given.
const WRITES_COUNT: u64 = 1_000_000;
/// The same for `--quick`.
const QUICK_WRITES_COUNT: u64 = 20_000;
/// Fewer writes than this are no bench: each flush and each thread needs one.
const LEAST_WRITES_COUNT: u64 = 64;

/// Measures one row of parts in this process, or all in children of their own.
pub(crate) fn run(args: &StorageArgs, row: Option<usize>) -> Result<ExitCode, Failure> {
    catch_interrupts();
    let default_count = if args.quick {
        QUICK_WRITES_COUNT
    } else {
        WRITES_COUNT
    };
    let writes_count = args.writes.unwrap_or(default_count).max(LEAST_WRITES_COUNT);
    match row {
        Some(row) => {
            child::end_with_parent();
            one_row(args, row, writes_count)
        }
        None => parent(args, writes_count),
    }
}

/// Every part for every engine: parts outside, so that the engines' turns lie close together.
fn runs() -> impl Iterator<Item = (Part, Engine)> {
    let engines = |part| Engine::ALL.iter().map(move |engine| (part, *engine));
    Part::ALL.into_iter().flat_map(engines)
}

fn one_row(args: &StorageArgs, row: usize, writes_count: u64) -> Result<ExitCode, Failure> {
    let (Some((part, engine)), Some(directory)) = (runs().nth(row), &args.directory) else {
        return Ok(ExitCode::FAILURE);
    };
    let rows = part
        .run(engine, directory, writes_count)
        .map_err(|source| Failure::Engine {
            name: engine.name(),
            source,
        })?;
    put_line!("{}", serde_json::to_string(&rows)?);
    Ok(ExitCode::SUCCESS)
}

fn parent(args: &StorageArgs, writes_count: u64) -> Result<ExitCode, Failure> {
    let mut report = Report::new(writes_count);
    let place = fresh(args.directory.as_deref())?;
    report.rows = probe::run(place.path(), writes_count).map_err(|source| failed(place.path(), source))?;
    drop(place);
    for (index, (_, engine)) in runs().enumerate() {
        if is_interrupted() {
            break;
        }
        let place = fresh(args.directory.as_deref())?;
        match in_a_child(index, place.path(), writes_count)? {
            Some(rows) => report.rows.extend(rows),
            None if is_interrupted() => break,
            None => {
                return Err(Failure::Engine {
                    name: engine.name(),
                    source: "its process failed".into(),
                });
            }
        }
    }
    report.is_complete = !is_interrupted();
    if args.json {
        put_line!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        put!("{}", report.text());
    }
    Ok(if report.is_complete {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// A new directory, removed when it is dropped.
fn fresh(parent: Option<&Path>) -> Result<TempDir, Failure> {
    let place = match parent {
        Some(parent) => TempDir::with_prefix_in("thymbra-bench-", parent),
        None => TempDir::with_prefix("thymbra-bench-"),
    };
    let named = parent.map_or_else(std::env::temp_dir, Path::to_owned);
    place.map_err(|source| failed(&named, source))
}

fn failed(path: &Path, source: io::Error) -> Failure {
    Failure::File {
        path: path.display().to_string(),
        source,
    }
}

/// The same program once more, for one part of one engine; `None` when it did not end well.
fn in_a_child(index: usize, directory: &Path, writes_count: u64) -> Result<Option<Vec<Measured>>, Failure> {
    let writes = writes_count.to_string();
    let words = [
        "bench",
        "storage",
        "--row",
        &index.to_string(),
        "--writes",
        &writes,
    ];
    let output = child::command(&words)
        .and_then(|mut command| child::output(command.arg("--directory").arg(directory)))
        .map_err(|source| failed(directory, source))?;
    match output {
        Some(output) if output.status.success() => Ok(Some(serde_json::from_slice(&output.stdout)?)),
        Some(_) | None => Ok(None),
    }
}
