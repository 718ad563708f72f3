//! A crash, an error or a full disk at every operation of the disk in a run.
//!
//! A run is repeated with a crash at each operation; of what each crash may leave, many images are made;
//! the engine is opened on each and compared with the oracle, crashed again while it recovers, and opened
//! once more. Chapter: `specs/06-commit-log.md`.

use super::coverage::{Coverage, Met};
use super::oracle::Ending;
use super::script::Script;
use super::trial::{Stop, Trial, Unanswered};
use std::collections::BTreeSet;
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use thymbra_storage::disk::simulated::Crash;
use thymbra_storage::disk::{Disk as _, SimulatedDisk};

/// How much of what is possible is tried.
#[derive(Clone, Copy, Debug)]
pub struct Thoroughness {
    /// Of the operations that change the disk, every so many.
    pub every: usize,
    /// Every subset of the changes in doubt is lost, if they are at most so many.
    pub subsets_up_to: usize,
    /// Losses by lot at each crash.
    pub lots_count: u64,
    /// Images at each crash.
    pub images_count: usize,
    /// Of the images, every so many is crashed again at every operation of its recovery.
    pub second_every: u64,
    /// Images at each second crash.
    pub second_images_count: usize,
}

/// What an exploration did.
#[derive(Clone, Debug, Default)]
pub struct Explored {
    /// Operations of the disk at which the run was crashed, or which failed.
    pub crashes_count: u64,
    /// Disks on which the engine was opened.
    pub images_count: u64,
    /// Crashes while it was opened.
    pub second_crashes_count: u64,
    /// Runs in which the engine refused something, because its disk did.
    pub refusing_runs_count: u64,
    /// What was met.
    pub coverage: Coverage,
}

impl Explored {
    /// Adds what another exploration did.
    pub fn add(&mut self, other: &Self) {
        let Self {
            crashes_count,
            images_count,
            second_crashes_count,
            refusing_runs_count,
            coverage,
        } = other;
        self.crashes_count += crashes_count;
        self.images_count += images_count;
        self.second_crashes_count += second_crashes_count;
        self.refusing_runs_count += refusing_runs_count;
        self.coverage.add(coverage);
    }
}

impl fmt::Display for Explored {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            crashes_count,
            images_count,
            second_crashes_count,
            refusing_runs_count,
            coverage: _,
        } = self;
        write!(
            formatter,
            "{crashes_count} crashes or faults, {second_crashes_count} crashes in recovery, \
             {refusing_runs_count} runs with refusals, {images_count} images"
        )
    }
}

/// A run that has ended early, and what of it is unanswered.
pub(super) struct Ended {
    pub(super) trial: Trial,
    unanswered: Unanswered,
    pub(super) disk: SimulatedDisk,
}

/// Runs a script without faults.
///
/// # Errors
/// The script, and what is wrong with it.
pub fn run(script: &Script) -> Result<Trial, String> {
    run_on(script, SimulatedDisk::new())
}

/// Runs a script on a disk of which one operation fails, with nothing refused for it.
pub(super) fn run_with_failure(script: &Script, index: u64) -> Result<Trial, String> {
    let disk = SimulatedDisk::new();
    disk.fail_at(index, ErrorKind::Other);
    run_on(script, disk)
}

fn run_on(script: &Script, disk: SimulatedDisk) -> Result<Trial, String> {
    let begun = Trial::begin(script.setup, disk);
    let mut trial = begun.map_err(|stop| failure(script, &stop, "at the beginning"))?;
    for operation in &script.operations {
        let done = trial.step(operation);
        done.map_err(|stop| failure(script, &stop, &format!("at `{operation}`")))?;
    }
    Ok(trial)
}

/// Crashes a script at operations of its disk.
///
/// # Errors
/// The script, the operation of the disk, and what is wrong.
pub fn explore(script: &Script, thoroughness: &Thoroughness) -> Result<Explored, String> {
    let whole = run(script)?;
    let mut explored = Explored::default();
    explored.coverage.add(&whole.coverage());
    let changing = whole
        .disk()
        .operations()
        .into_iter()
        .filter(|record| record.operation.changes_the_disk());
    let indices: Vec<_> = changing.map(|record| (record.index, record)).collect();
    for (index, record) in indices.iter().step_by(thoroughness.every) {
        let ended = crash_at(script, *index)?;
        explored.crashes_count += 1;
        let at = format!(
            "crash at disk operation {index} ({} {})",
            record.operation,
            record.path.display()
        );
        explore_crash(script, &ended, thoroughness, &at, &mut explored)?;
    }
    Ok(explored)
}

/// Runs a script on a disk that crashes at an operation.
pub(super) fn crash_at(script: &Script, index: u64) -> Result<Ended, String> {
    let disk = SimulatedDisk::new();
    disk.crash_at(index);
    let mut trial = Trial::before(script.setup, disk.clone());
    let mut unanswered = Unanswered::default();
    let mut ended = trial.begin_tables();
    for operation in &script.operations {
        if ended.is_err() {
            break;
        }
        ended = trial.step(operation);
        if ended.is_err() {
            unanswered = trial.fail(operation, true);
        }
    }
    match ended {
        Err(Stop::Refused(_)) if disk.is_crashed() => Ok(Ended {
            trial,
            unanswered,
            disk,
        }),
        Err(stop) => Err(failure(script, &stop, "before the crash")),
        // What crashed was not waited for: a removal, say.
        Ok(()) => Ok(Ended {
            trial,
            unanswered,
            disk,
        }),
    }
}

/// Opens the engine on what a crash may leave.
fn explore_crash(
    script: &Script,
    ended: &Ended,
    thoroughness: &Thoroughness,
    at: &str,
    explored: &mut Explored,
) -> Result<(), String> {
    let crash = ended.disk.crash();
    let seen = fingerprint(&crash.process_end());
    let mut known = BTreeSet::new();
    let images = images(&crash, thoroughness.subsets_up_to, thoroughness.lots_count);
    for (ending, image, loss) in images.take(thoroughness.images_count) {
        let found = fingerprint(&image);
        if !known.insert((found, ending == Ending::PowerLoss)) {
            continue;
        }
        let is_less = found != seen;
        explored.coverage.meet(Met::SomethingLost, u64::from(is_less));
        let place = format!("{at}, {loss}");
        let before = image.fork();
        let revived = ended.trial.revive(image, ending, &ended.unanswered);
        let mut revived = revived.map_err(|stop| failure(script, &stop, &place))?;
        explored.images_count += 1;
        if explored.images_count.is_multiple_of(thoroughness.second_every) {
            let indices: Vec<_> = revived.opening().iter().map(|record| record.index).collect();
            crash_recovery(
                script,
                ended,
                thoroughness,
                (&before, &indices, ending),
                &place,
                explored,
            )?;
        }
        go_on(script, &mut revived, &place)?;
        explored.coverage.add(&revived.coverage());
    }
    Ok(())
}

/// Crashes the recovery at each of its operations, and recovers again.
///
/// Where the first life was ended by its process, the commit log is no safer than it was, and a recovery
/// that flushes one table after the other may be cut between them.
fn crash_recovery(
    script: &Script,
    ended: &Ended,
    thoroughness: &Thoroughness,
    (before, indices, ending): (&SimulatedDisk, &[u64], Ending),
    at: &str,
    explored: &mut Explored,
) -> Result<(), String> {
    let mut unanswered = ended.unanswered.clone();
    if ending == Ending::ProcessEnd {
        unanswered.recovers_table_by_table();
    }
    for index in indices {
        let disk = before.fork();
        disk.crash_at(*index);
        drop(ended.trial.revive(disk.clone(), ending, &ended.unanswered));
        let crash = disk.crash();
        explored.second_crashes_count += 1;
        let mut known = BTreeSet::new();
        for (_, image, loss) in images(&crash, 2, 2).take(thoroughness.second_images_count) {
            if !known.insert(fingerprint(&image)) {
                continue;
            }
            let place = format!("{at}, then crash at operation {index} of recovery, {loss}");
            let revived = ended.trial.revive(image, Ending::PowerLoss, &unanswered);
            let revived = revived.map_err(|stop| failure(script, &stop, &place))?;
            explored.images_count += 1;
            explored.coverage.add(&revived.coverage());
        }
    }
    Ok(())
}

/// The engine works on as if nothing had been: a write to every table, another crash, a flush.
fn go_on(script: &Script, revived: &mut Trial, at: &str) -> Result<(), String> {
    const REST: &str = "\
with batch
write 1: simple () v=7 @900; statics (1) v='a' @900; collections ('a') m['a']=1 @900
write 1: wide (1,'a') v=7 @900
kill
write 2: wide (1,'a') v=7 @900
flush wide
compact wide
kill
";
    let rest = Script::parse(REST)?;
    for operation in &rest.operations {
        if !revived.takes(operation) {
            continue;
        }
        let done = revived.step(operation);
        done.map_err(|stop| failure(script, &stop, &format!("{at}, then at `{operation}`")))?;
    }
    Ok(())
}

/// Disks that a crash may leave, each with the ending that it is and its loss in words.
fn images(
    crash: &Crash,
    subsets_up_to: usize,
    lots_count: u64,
) -> impl Iterator<Item = (Ending, SimulatedDisk, String)> {
    let process_end = (
        Ending::ProcessEnd,
        crash.process_end(),
        "process ended".to_owned(),
    );
    let mut losses = crash.losses(subsets_up_to, lots_count);
    // By lot, so that a part of them has some of every kind; the same in every run.
    let mut order = 0x9e37_79b9_7f4a_7c15_u64;
    for last in (1..losses.len()).rev() {
        order = order
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        let other = usize::try_from(order >> 33).unwrap_or_default() % (last + 1);
        losses.swap(last, other);
    }
    let images = losses.into_iter().map(|loss| {
        let image = crash.power_loss(&loss);
        (
            Ending::PowerLoss,
            image,
            format!("kept {loss:?} of {:?}", crash.changes()),
        )
    });
    std::iter::once(process_end).chain(images)
}

/// What a disk holds, as a number.
pub(super) fn fingerprint(disk: &SimulatedDisk) -> u64 {
    let disk = disk.fork();
    let mut hasher = DefaultHasher::new();
    let mut folders = vec![PathBuf::from("/")];
    while let Some(folder) = folders.pop() {
        for entry in disk.list(&folder).unwrap_or_default() {
            let path = folder.join(&entry.name);
            path.hash(&mut hasher);
            if entry.is_directory {
                folders.push(path);
            } else {
                disk.read(&path).unwrap_or_default().hash(&mut hasher);
            }
        }
    }
    hasher.finish()
}

/// What goes wrong with a disk that does not crash.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// One operation fails.
    ErrorOnce,
    /// Nothing that needs space succeeds from an operation on.
    Full,
}

/// Lets operations of the disk of a script fail, one in each run.
///
/// # Errors
/// The script, the operation of the disk, and what is wrong.
pub fn explore_faults(script: &Script, fault: Fault) -> Result<Explored, String> {
    let whole = run(script)?;
    let mut explored = Explored::default();
    // A directory whose making was not synced can be lost for ever, and nothing is acknowledged before.
    let begun = Trial::begin(script.setup, SimulatedDisk::new());
    let begun = begun.map_err(|stop| failure(script, &stop, "at the beginning"))?;
    let first = usize::try_from(begun.disk().operation_count()).expect("a beginning is short");
    for record in whole.disk().operations().iter().skip(first) {
        if fault == Fault::Full && !record.operation.changes_the_disk() {
            continue;
        }
        let at = format!(
            "{fault:?} at disk operation {} ({} {})",
            record.index,
            record.operation,
            record.path.display()
        );
        explored.crashes_count += 1;
        fail_at(script, fault, record.index, &at, &mut explored)?;
    }
    Ok(explored)
}

/// Runs a script on a disk with a fault to its end, whatever fails, then on a disk without.
fn fail_at(
    script: &Script,
    fault: Fault,
    index: u64,
    at: &str,
    explored: &mut Explored,
) -> Result<(), String> {
    let disk = SimulatedDisk::new();
    match fault {
        Fault::ErrorOnce => disk.fail_at(index, ErrorKind::Other),
        Fault::Full => disk.fill_from(index),
    }
    let wrong =
        |stop: Stop, operation: &dyn fmt::Display| failure(script, &stop, &format!("{at}, at {operation}"));
    let mut trial = Trial::before(script.setup, disk);
    let mut is_refusing = false;
    match trial.begin_tables() {
        Ok(()) => {}
        Err(Stop::Refused(_)) => {
            is_refusing = true;
            trial.repair();
            trial
                .begin_tables()
                .map_err(|stop| wrong(stop, &"a second beginning"))?;
        }
        Err(stop) => return Err(wrong(stop, &"the beginning")),
    }
    for operation in &script.operations {
        if !trial.takes(operation) {
            continue;
        }
        match trial.step(operation) {
            Ok(()) => {}
            Err(Stop::Refused(_)) => {
                is_refusing = true;
                drop(trial.fail(operation, false));
            }
            Err(stop) => return Err(wrong(stop, operation)),
        }
        trial.ensure_open().map_err(|stop| wrong(stop, &"an opening"))?;
    }
    trial.repair();
    for ending in [Ending::ProcessEnd, Ending::PowerLoss] {
        let crash = trial.disk().crash();
        let image = if ending == Ending::PowerLoss {
            crash.power_loss(&[])
        } else {
            crash.process_end()
        };
        let is_less = fingerprint(&image) != fingerprint(&crash.process_end());
        explored.coverage.meet(Met::SomethingLost, u64::from(is_less));
        let revived = trial.revive(image, ending, &Unanswered::default());
        let mut revived = revived.map_err(|stop| wrong(stop, &format!("a restart after {ending:?}")))?;
        explored.images_count += 1;
        go_on(script, &mut revived, at)?;
        explored.coverage.add(&revived.coverage());
    }
    explored.refusing_runs_count += u64::from(is_refusing);
    explored.coverage.add(&trial.coverage());
    Ok(())
}

/// A failed run as a text that can be pasted into a script.
fn failure(script: &Script, stop: &Stop, place: &str) -> String {
    let reason = match stop {
        Stop::Refused(error) => format!("the engine refused: {}", Chain(error)),
        Stop::Wrong(reason) => reason.clone(),
    };
    format!("# {place}:\n# {reason}\n{script}")
}

/// An error with its causes.
struct Chain<'a>(&'a dyn std::error::Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(formatter, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

/// The path of every file below a folder.
#[must_use]
pub fn files_below(disk: &SimulatedDisk, folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in disk.list(&folder).unwrap_or_default() {
            let path = folder.join(&entry.name);
            if entry.is_directory {
                folders.push(path)
            } else {
                files.push(path)
            }
        }
    }
    files.sort();
    files
}
