//! Damage of single files of an engine: each byte changed in turn, each length cut.
//!
//! What must come of it: an error that names the file and an offset in it, or the same answers as before.
//! Never a panic, and never another answer. Chapters: `specs/06-commit-log.md`, `specs/08-sstable.md`.

use super::crash::files_below;
use super::oracle::KEYS_COUNT;
use super::script::Script;
use super::shape::SHAPES;
use super::translate;
use super::trial::Trial;
use std::error::Error;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thymbra_format::FormatError;
use thymbra_storage::clock::ManualClock;
use thymbra_storage::disk::simulated::{Crash, OperationRecord};
use thymbra_storage::disk::{Disk, SimulatedDisk};
use thymbra_storage::read::{ClusteringSlice, PartitionRows, RowFilter};
use thymbra_storage::{StorageEngine, StorageError};
use thymbra_types::clustering::BoundSide;
use thymbra_types::{Clustering, ClusteringBound, DecoratedKey, TableId};

/// What is done to a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Damage {
    /// The bits of a mask are flipped in the byte at an offset.
    Flip(usize, u8),
    /// The file ends at an offset.
    Cut(usize),
    /// So many bytes from an offset on are taken out.
    TakenOut(usize, usize),
    /// The file is gone.
    Gone,
}

/// What an engine made of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// An error named the file and an offset.
    Reported,
    /// An error named a file that contradicts it, of the same SSTable, and an offset in that.
    ReportedBeside,
    /// An error said that the file is not there.
    Missed,
    /// All answers were as before.
    Harmless,
    /// All answers were as before the last writes, so many, that the commit log ends with.
    TornTail(usize),
    /// Something else, in words.
    Wrong(String),
}

/// A disk whose files are damaged, one at a time.
pub struct Subject {
    setup: super::setup::Setup,
    disk: SimulatedDisk,
    now_ms: u64,
    questions: Vec<Question>,
    /// What the engine answers.
    whole: Vec<Answer>,
    /// What it may answer where the end of the log is lost.
    shorter: Vec<Vec<Answer>>,
}

/// Something that an engine is asked. Each answer is judged for itself: an error does not excuse a wrong answer to
/// another question.
#[derive(Clone, Debug)]
enum Question {
    /// The partitions of a table from a key on.
    Scan(TableId, Bound<DecoratedKey>),
    /// Rows of a partition of a table.
    Read(TableId, DecoratedKey, RowFilter),
}

/// Partitions with what is seen of them.
type Answer = Vec<(DecoratedKey, PartitionRows)>;

impl Question {
    fn ask(&self, engine: &StorageEngine) -> Result<Answer, StorageError> {
        match self {
            Self::Scan(table, start) => {
                let range = (start.clone(), Bound::Unbounded);
                engine.scan(*table, range, &RowFilter::ALL, usize::MAX)
            }
            Self::Read(table, key, filter) => {
                let rows = engine.read(*table, key, filter)?;
                Ok(vec![(key.clone(), rows)])
            }
        }
    }

    /// Everything that can be asked of an engine's tables, by what their rows are.
    fn all(engine: &StorageEngine) -> Result<Vec<Self>, StorageError> {
        let mut questions = Vec::new();
        for table in 0..SHAPES.len() {
            let id = translate::table_id(table);
            questions.push(Self::Scan(id, Bound::Unbounded));
            for key in (0..KEYS_COUNT).map(|key| translate::key(table, key)) {
                questions.push(Self::Scan(id, Bound::Included(key.clone())));
                questions.push(Self::Scan(id, Bound::Excluded(key.clone())));
                let whole = engine.read(id, &key, &RowFilter::ALL)?;
                let slices = slices(&whole).into_iter().chain([ClusteringSlice::ALL]);
                let of_filter = |filter| Self::Read(id, key.clone(), filter);
                questions.extend(slices.flat_map(filters).map(of_filter));
            }
        }
        Ok(questions)
    }
}

/// The rows of a slice, the first ones of them, the last ones, and all in reversed order.
fn filters(slice: ClusteringSlice) -> [RowFilter; 4] {
    let limits = [
        (false, None),
        (false, Some(1)),
        (true, Some(1)),
        (true, Some(usize::MAX)),
    ];
    limits.map(|(is_reversed, limit_count)| RowFilter {
        slice: slice.clone(),
        is_reversed,
        limit_count,
    })
}

/// Slices that begin or end at each place before or behind a row, or behind all that begins as it does.
fn slices(whole: &PartitionRows) -> Vec<ClusteringSlice> {
    let mut places = vec![ClusteringBound::BOTTOM, ClusteringBound::TOP];
    for (clustering, _) in &whole.rows {
        for count in 1..=clustering.0.len() {
            for side in [BoundSide::Before, BoundSide::After] {
                let prefix = Clustering(clustering.0.iter().take(count).cloned().collect());
                places.push(ClusteringBound { prefix, side });
            }
        }
    }
    places.sort();
    places.dedup();
    let mut slices = Vec::new();
    for (start, end) in places.iter().zip(places.iter().skip(1)) {
        for (start, end) in [(start, end), (start, &ClusteringBound::TOP)] {
            slices.push(ClusteringSlice {
                start: start.clone(),
                end: end.clone(),
            });
        }
    }
    slices
}

impl Subject {
    /// Runs a script, and leaves the disk as its end does; the last `tail_count` operations are writes
    /// that only the commit log has.
    ///
    /// # Errors
    /// The script, and what is wrong with it.
    pub fn of(script: &Script, tail_count: usize) -> Result<Self, String> {
        let kept_count = script.operations.len() - tail_count;
        let mut trial = super::crash::run(script)?;
        let engine = trial.engine().ok_or("the script leaves the engine closed")?;
        let questions = Question::all(engine).map_err(|error| error.to_string())?;
        let whole = answers(&trial, &questions)?;
        let mut shorter = Vec::new();
        for count in kept_count..script.operations.len() {
            let mut part = script.clone();
            part.operations.truncate(count);
            shorter.push(answers(&super::crash::run(&part)?, &questions)?);
        }
        trial.end_life();
        Ok(Self {
            setup: script.setup,
            disk: trial.disk().fork(),
            now_ms: trial.now_ms(),
            questions,
            whole,
            shorter,
        })
    }

    /// Runs a script until it is ended behind an operation of the disk, which is chosen among all of the run, and by what
    /// leaves a disk of a crash.
    ///
    /// # Errors
    /// The script, and what is wrong with it.
    pub fn ended(
        script: &Script,
        choose: impl FnOnce(&[OperationRecord]) -> Option<u64>,
        end: impl FnOnce(&Crash) -> SimulatedDisk,
    ) -> Result<Self, String> {
        let mut subject = Self::of(script, 0)?;
        let index =
            choose(&super::crash::run(script)?.disk().operations()).ok_or("no operation is chosen")?;
        let ended = super::crash::crash_at(script, index)?;
        subject.disk = end(&ended.disk.crash());
        subject.now_ms = ended.trial.now_ms();
        Ok(subject)
    }

    /// Runs a script to its end though an operation of the disk fails, which is chosen among all of a run without
    /// failures.
    ///
    /// # Errors
    /// The script, and what is wrong with it.
    pub fn with_failure(
        script: &Script,
        choose: impl FnOnce(&[OperationRecord]) -> Option<u64>,
    ) -> Result<Self, String> {
        let mut subject = Self::of(script, 0)?;
        let index =
            choose(&super::crash::run(script)?.disk().operations()).ok_or("no operation is chosen")?;
        let mut trial = super::crash::run_with_failure(script, index)?;
        trial.end_life();
        subject.disk = trial.disk().fork();
        Ok(subject)
    }

    /// Removes the files whose names end so, before anything is damaged.
    ///
    /// # Errors
    /// That of the disk.
    pub fn without(self, name_end: &str) -> Result<Self, String> {
        for path in files_below(&self.disk, Path::new(translate::DIRECTORY)) {
            if path.to_string_lossy().ends_with(name_end) {
                self.disk.remove(&path).map_err(|error| error.to_string())?;
            }
        }
        Ok(self)
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
        let judged = catch_unwind(AssertUnwindSafe(|| {
            let clock = Arc::new(ManualClock::at_ms(self.now_ms));
            match StorageEngine::open(translate::config(&self.setup), Arc::new(disk), clock) {
                Ok(engine) => self.judge_answers(path, &engine),
                Err(error) => judge_error(path, &error),
            }
        }));
        judged.unwrap_or_else(|_| Outcome::Wrong("a panic".to_owned()))
    }

    /// Asks everything: what is answered must be right, and what is not must be reported.
    fn judge_answers(&self, path: &Path, engine: &StorageEngine) -> Outcome {
        let answers: Vec<_> = self
            .questions
            .iter()
            .map(|question| question.ask(engine))
            .collect();
        let mut outcome = Outcome::Harmless;
        let mut differing = None;
        for ((question, answer), expected) in self.questions.iter().zip(&answers).zip(&self.whole) {
            match answer {
                Ok(answer) if answer == expected => {}
                Ok(answer) => {
                    differing = Some(format!(
                        "other answers: {question:?}: {answer:?}, expected is {expected:?}"
                    ));
                }
                Err(error) => {
                    let judged = judge_error(path, error);
                    if matches!(judged, Outcome::Wrong(_)) {
                        return judged;
                    }
                    outcome = judged;
                }
            }
        }
        let Some(differing) = differing else {
            return outcome;
        };
        let is_shorter = |shorter: &&Vec<Answer>| {
            let pairs = answers.iter().zip(shorter.iter());
            pairs
                .into_iter()
                .all(|(answer, shorter)| answer.as_ref().is_ok_and(|answer| answer == shorter))
        };
        match self.shorter.iter().rev().position(|shorter| is_shorter(&shorter)) {
            Some(lost_count) => Outcome::TornTail(lost_count + 1),
            None => Outcome::Wrong(differing),
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
            Damage::TakenOut(offset, count) => {
                let bytes = disk.read(path)?;
                let rest = bytes.get(offset + count..).unwrap_or_default();
                let file = disk.open(path)?;
                file.write_at(rest, offset as u64)?;
                file.set_len((offset + rest.len()) as u64)?;
            }
            Damage::Gone => disk.remove(path)?,
        }
        Ok(())
    }
}

fn answers(trial: &Trial, questions: &[Question]) -> Result<Vec<Answer>, String> {
    let engine = trial.engine().ok_or("the script leaves the engine closed")?;
    let answers = questions.iter().map(|question| question.ask(engine));
    answers
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())
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
    let is_missing = causes.iter().any(|cause| {
        let error = cause.downcast_ref::<std::io::Error>();
        error.is_some_and(|error| error.kind() == std::io::ErrorKind::NotFound)
    });
    let whole = path.display().to_string();
    // Files of one SSTable share their names up to the last dash.
    let shared = whole
        .rsplit_once('-')
        .map_or(whole.as_str(), |(shared, _)| shared);
    match (
        said.contains(&whole),
        said.contains(shared),
        has_offset,
        is_missing,
    ) {
        (true, _, true, _) => Outcome::Reported,
        (_, true, _, true) => Outcome::Missed,
        (false, true, true, false) => Outcome::ReportedBeside,
        (_, _, _, _) => Outcome::Wrong(format!("an offset: {has_offset}: {said}")),
    }
}
