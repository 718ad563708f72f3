//! Damage of single files of an engine: each byte changed in turn, each length cut.
//!
//! What must come of it: an error that names the file and an offset in it, or the same answers as before.
//! Never a panic, and never another answer. Chapters: `specs/06-commit-log.md`, `specs/08-sstable.md`.

use super::crash::files_below;
use super::script::Script;
use super::snapshot::Snapshot;
use super::translate;
use super::trial::Trial;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thymbra_format::FormatError;
use thymbra_storage::clock::ManualClock;
use thymbra_storage::disk::{Disk, SimulatedDisk};
use thymbra_storage::{StorageEngine, StorageError};

/// What is done to a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Damage {
    /// The bits of a mask are flipped in the byte at an offset.
    Flip(usize, u8),
    /// The file ends at an offset.
    Cut(usize),
    /// The file is gone.
    Gone,
}

/// What an engine made of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// An error named the file and an offset.
    Reported,
    /// All answers were as before.
    Harmless,
    /// All answers were as after some of the writes that the commit log ends with.
    TornTail,
    /// Something else, in words.
    Wrong(String),
}

/// A disk whose files are damaged, one at a time.
pub struct Subject {
    setup: super::setup::Setup,
    disk: SimulatedDisk,
    now_ms: u64,
    /// What the engine shows.
    whole: Snapshot,
    /// What it may show where the end of the log is lost.
    shorter: Vec<Snapshot>,
}

impl Subject {
    /// Runs a script, and leaves the disk as its end does; the last `tail_count` operations are writes
    /// that only the commit log has.
    ///
    /// # Errors
    /// The script, and what is wrong with it.
    pub fn of(script: &Script, tail_count: usize) -> Result<Self, String> {
        let kept_count = script.operations.len() - tail_count;
        let (whole, now_ms) = shown(&super::crash::run(script)?)?;
        let mut shorter = Vec::new();
        for count in kept_count..script.operations.len() {
            let mut part = script.clone();
            part.operations.truncate(count);
            shorter.push(shown(&super::crash::run(&part)?)?.0);
        }
        let mut trial = super::crash::run(script)?;
        trial.end_life();
        Ok(Self {
            setup: script.setup,
            disk: trial.disk().fork(),
            now_ms,
            whole,
            shorter,
        })
    }

    /// Every file of the engine with its bytes.
    #[must_use]
    pub fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let disk = self.disk.fork();
        let paths = files_below(&disk, Path::new(translate::DIRECTORY));
        let read = |path: PathBuf| {
            let bytes = disk.read(&path).unwrap_or_default();
            (path, bytes)
        };
        paths.into_iter().map(read).collect()
    }

    /// Opens the engine on a damaged disk, and reads everything.
    #[must_use]
    pub fn judge(&self, path: &Path, damage: Damage) -> Outcome {
        let disk = self.disk.fork();
        let done = self.harm(&disk, path, damage);
        if let Err(error) = done {
            return Outcome::Wrong(format!("the damage could not be done: {error}"));
        }
        let shown = catch_unwind(AssertUnwindSafe(|| {
            let clock = Arc::new(ManualClock::at_ms(self.now_ms));
            let engine = StorageEngine::open(translate::config(&self.setup), Arc::new(disk), clock)?;
            Snapshot::take_with_reads(&engine)
        }));
        match shown {
            Err(_) => Outcome::Wrong("a panic".to_owned()),
            Ok(Err(error)) => judge_error(path, &error),
            Ok(Ok(shown)) if shown == self.whole => Outcome::Harmless,
            Ok(Ok(shown)) if self.shorter.contains(&shown) => Outcome::TornTail,
            Ok(Ok(shown)) => Outcome::Wrong(format!("other answers: {shown:?}")),
        }
    }

    fn harm(&self, disk: &SimulatedDisk, path: &Path, damage: Damage) -> Result<(), Box<dyn Error>> {
        match damage {
            Damage::Flip(offset, mask) => {
                let bytes = disk.read(path)?;
                let byte = bytes.get(offset).copied().unwrap_or_default() ^ mask;
                disk.open(path)?.write_at(&[byte], offset as u64)?;
            }
            Damage::Cut(length) => disk.open(path)?.set_len(length as u64)?,
            Damage::Gone => disk.remove(path)?,
        }
        Ok(())
    }
}

fn shown(trial: &Trial) -> Result<(Snapshot, u64), String> {
    let engine = trial.engine().ok_or("the script leaves the engine closed")?;
    let snapshot = Snapshot::take_with_reads(engine).map_err(|error| error.to_string())?;
    Ok((snapshot, trial.now_ms()))
}

/// Whether an error says what it must.
fn judge_error(path: &Path, error: &StorageError) -> Outcome {
    let mut causes: Vec<&(dyn Error + 'static)> = vec![error];
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause);
        next = cause.source();
    }
    let said = causes
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ");
    let has_offset = causes.iter().any(|cause| cause.is::<FormatError>()) || said.contains("offset");
    match (said.contains(&path.display().to_string()), has_offset) {
        (true, true) => Outcome::Reported,
        (names_file, _) => Outcome::Wrong(format!(
            "names the file: {names_file}, an offset: {has_offset}: {said}"
        )),
    }
}
