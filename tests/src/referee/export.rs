//! A node's files, from a simulated disk to a real one.

use super::{schema, seen};
use crate::storage_oracle::operation::Operation;
use crate::storage_oracle::oracle::KEYS_COUNT;
use crate::storage_oracle::shape::SHAPES;
use crate::storage_oracle::translate;
use crate::storage_oracle::trial::{Stop, Trial};
use serde_json::{Map, Value, json};
use std::io;
use std::path::Path;
use thymbra_format::TableMetadata;
use thymbra_storage::disk::Disk;

/// When clients look, from now on: times to live in runs are a few, 40 and 500 seconds.
const LATER_SECONDS: [i64; 4] = [0, 4, 45, 501];

/// What is done to a node before its files are taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ending {
    /// No more than must be: the rest is in the commit log.
    Synced,
    /// All is in SSTables.
    Flushed,
    /// All of a table is in one SSTable.
    Compacted,
}

impl Ending {
    /// Each kind.
    pub const ALL: [Self; 3] = [Self::Synced, Self::Flushed, Self::Compacted];
}

/// Makes everything durable that a run has written, so that the files hold what the oracle does: the commit log is
/// synced, and the tables that do not write to it are flushed.
///
/// # Errors
/// When the engine refuses, or says something else than the oracle.
pub fn settle(trial: &mut Trial, ending: Ending) -> Result<(), Stop> {
    while trial.takes(&Operation::FinishFlush(0)) {
        trial.step(&Operation::FinishFlush(0))?;
    }
    for (table, shape) in SHAPES.iter().enumerate() {
        if !shape.is_durable || ending != Ending::Synced {
            trial.step(&Operation::Flush(table))?;
        }
        if ending == Ending::Compacted {
            trial.step(&Operation::Compact(table))?;
        }
    }
    trial.step(&Operation::Sync)
}

/// Writes the files of a node that has settled, its schema and what the oracle holds, into a folder.
///
/// # Errors
/// When the folder cannot be written.
pub fn write(trial: &Trial, folder: &Path) -> io::Result<()> {
    copy(trial.disk(), Path::new(translate::DIRECTORY), folder)?;
    let engine = trial.engine().expect("a run leaves its engine open");
    let tables: Vec<TableMetadata> = (0..SHAPES.len())
        .map(|table| {
            let metadata = engine.table(translate::table_id(table));
            TableMetadata::clone(&metadata.expect("tables are never dropped"))
        })
        .collect();
    std::fs::write(folder.join("schema.cql"), schema::statements(&tables))?;
    let text = serde_json::to_string_pretty(&held(trial)).map_err(io::Error::other)?;
    std::fs::write(folder.join("seen.json"), text)?;
    std::fs::write(folder.join("script.txt"), trial.script().to_string())
}

/// What the oracle holds of every partition of every table.
fn held(trial: &Trial) -> Value {
    let now_seconds = i64::try_from(trial.now_ms() / 1_000).expect("before the year 292 billion");
    let clocks = LATER_SECONDS.map(|later_seconds| now_seconds + later_seconds);
    let mut tables = Map::new();
    for (table, shape) in SHAPES.iter().enumerate() {
        let columns = shape.columns.iter().chain(shape.addable);
        let columns: Vec<_> = columns
            .copied()
            .filter(|column| trial.oracle().has_column(table, column.name))
            .collect();
        let mut partitions = Map::new();
        for number in 0..KEYS_COUNT {
            let facts = trial.oracle().facts(table, number);
            let alternatives = seen::alternatives(shape, &columns, &facts, &clocks);
            partitions.insert(seen::key(shape, number), alternatives);
        }
        let name = format!("{}.{}", translate::keyspace(table), shape.name);
        tables.insert(name, Value::Object(partitions));
    }
    json!({ "clocks": clocks, "tables": tables })
}

/// Copies a directory with all that is below it.
fn copy(disk: &dyn Disk, from: &Path, to: &Path) -> io::Result<()> {
    std::fs::create_dir_all(to)?;
    let failed = |error: thymbra_storage::DiskError| io::Error::other(error.to_string());
    for entry in disk.list(from).map_err(failed)? {
        let (from, to) = (from.join(&entry.name), to.join(&entry.name));
        if entry.is_directory {
            copy(disk, &from, &to)?;
        } else {
            std::fs::write(&to, disk.read(&from).map_err(failed)?)?;
        }
    }
    Ok(())
}
