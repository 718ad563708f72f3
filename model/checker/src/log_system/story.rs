//! A run of one node's storage told to people: one sentence for each step, and why it fails.

use thymbra_durability::SwitchStage;

use super::action::{CommitFate, LogAction, Tail};
use super::observe::readable;
use super::state::{Damage, LogState, NodeLife, Table, writes_of};
use super::{LogSystem, Segment};
use crate::verdict::Trace;

/// One step of a run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogStep {
    /// Counts from 1.
    pub number: usize,
    /// The name of the action, as [`LogSystem::parse`] takes it.
    pub action: String,
    /// One sentence: what happened, and what follows from it.
    pub say: String,
}

/// A run in words.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LogStory {
    /// What happened, in order.
    pub steps: Vec<LogStep>,
    /// The clause of the first property that fails at the end, as a sentence.
    pub failing: Option<String>,
}

impl LogStory {
    /// Replays a trace and tells it.
    #[must_use]
    pub fn tell(system: &LogSystem, trace: &Trace<LogAction>) -> Self {
        let mut state = system.initial_state();
        let mut story = Self::default();
        for (number, action) in (1..).zip(&trace.actions) {
            let next = system.after(&state, *action);
            story.steps.push(LogStep {
                number,
                action: action.to_string(),
                say: sentence(system, &state, *action, &next),
            });
            state = next;
        }
        let failing = system
            .properties
            .first()
            .and_then(|property| property.failing(system, &state));
        story.failing = failing.map(|clause| {
            let step = story.steps.len();
            format!("After step {step} it does not hold that {}.", clause.say)
        });
        story
    }
}

/// The sentence of one step.
pub(super) fn sentence(system: &LogSystem, before: &LogState, action: LogAction, after: &LogState) -> String {
    match action {
        LogAction::Append(write) => appended(system, before, write, after),
        LogAction::Apply(write) => applied(system, write, after),
        LogAction::Acknowledge(write) => format!("The client is told that {} succeeded.", name(write)),
        LogAction::Mark => "Markers are written behind what was appended.".into(),
        LogAction::Sync => "The commit log is synced.".into(),
        LogAction::Switch(_)
        | LogAction::Bound(_)
        | LogAction::Barrier(_)
        | LogAction::Flush(..)
        | LogAction::FailFlush(..)
        | LogAction::RetryFlush(..)
        | LogAction::PostFlush(..) => sentence_of_flush(before, action, after),
        LogAction::Choose(..)
        | LogAction::Compact(..)
        | LogAction::Commit(_)
        | LogAction::SyncCommit(_)
        | LogAction::Unlink(..)
        | LogAction::EndCompaction(_)
        | LogAction::Truncate(_)
        | LogAction::RecordTruncation(_)
        | LogAction::EndTruncate(_)
        | LogAction::FailTruncate(_) => sentence_of_files(system, before, action, after),
        LogAction::Tick => "Time passes, and gc_grace counts it.".into(),
        LogAction::Crash => format!("The process crashes; the log loses {}.", lost(before, after)),
        LogAction::PowerLoss { tail, commit, .. } => power_lost(before, tail, commit, after),
        LogAction::Corrupt {
            segment,
            record,
            damage,
        } => rotten(segment, record, damage),
        LogAction::Restart { clock_back } => started(system, clock_back, after),
        LogAction::EndStart => {
            "All that was replayed is in files, and the segments of earlier lives are deleted.".into()
        }
        LogAction::FlushReplayed { table, .. } => {
            flushed_by_replay("Memory ran short on the way", table, after)
        }
        LogAction::FlushRest(table) => flushed_by_replay("The replay is at its end", table, after),
        LogAction::Mend => "What had rotted is put back from a copy; the process is gone.".into(),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "`sentence` hands over what is said of a flush alone"
)]
fn sentence_of_flush(before: &LogState, action: LogAction, after: &LogState) -> String {
    match action {
        LogAction::Switch(table) => switched(after.table(table), table),
        LogAction::Bound(table) => {
            let (number, bound) = outgoing(after.table(table));
            let bound = bound.unwrap_or_default();
            format!(
                "The upper bound of memtable {number} of t{} is fixed at {bound}.",
                table + 1
            )
        }
        LogAction::Barrier(table) => {
            let (number, _) = outgoing(after.table(table));
            format!(
                "The barrier is issued: later writes to t{} pass memtable {number} by.",
                table + 1
            )
        }
        LogAction::Flush(table, number) => flushed(before, table, number, after),
        LogAction::FailFlush(table, number) => {
            format!(
                "Memtable {number} of t{} cannot be written, and stays in memory.",
                table + 1
            )
        }
        LogAction::RetryFlush(table, number) => {
            format!("Memtable {number} of t{} is to be written once more.", table + 1)
        }
        LogAction::PostFlush(table, number) => followed(before, table, number, after),
        other => unreachable!("{other:?} is no part of a flush"),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "`sentence` hands over what is said of compactions and truncations alone"
)]
fn sentence_of_files(system: &LogSystem, before: &LogState, action: LogAction, after: &LogState) -> String {
    match action {
        LogAction::Choose(table, inputs) => {
            let plan = system.plan(before, table, inputs);
            let names: Vec<String> = (plan.inputs.iter())
                .map(|file| format!("s{}", file.number))
                .collect();
            format!("A compaction of t{} chooses {}.", table + 1, names.join(" and "))
        }
        LogAction::Compact(table, inputs) => compacted(system, before, table, inputs, after),
        LogAction::Commit(table) => {
            format!(
                "The compaction of t{} is complete, and its commit is written.",
                table + 1
            )
        }
        LogAction::SyncCommit(table) => {
            let value = value_read(system, after, after.table(table));
            format!(
                "The commit is synced: readers of t{} see its output, and read {value}.",
                table + 1
            )
        }
        LogAction::Unlink(table, place) => unlinked(before.table(table), table, place),
        LogAction::EndCompaction(table) => format!("The transaction log of t{} is deleted.", table + 1),
        LogAction::Truncate(table) => {
            format!(
                "A truncation of t{} begins, and switches its memtable out.",
                table + 1
            )
        }
        LogAction::RecordTruncation(table) => match after.table(table).truncated_at {
            Some(at) => format!("The truncation of t{} is recorded up to {at}.", table + 1),
            None => format!(
                "The files of t{} are removed; no truncation is recorded.",
                table + 1
            ),
        },
        LogAction::EndTruncate(table) => {
            format!("The files of t{} go, and the truncation succeeds.", table + 1)
        }
        LogAction::FailTruncate(table) => {
            format!(
                "The truncation of t{} fails, because its flush failed.",
                table + 1
            )
        }
        other => unreachable!("{other:?} is no part of a compaction or truncation"),
    }
}

fn name(write: u8) -> String {
    format!("w{}", write + 1)
}

fn described(system: &LogSystem, write: u8) -> String {
    let scope = system.write(write);
    let kind = if scope.is_delete { "a deletion" } else { "a value" };
    format!(
        "{} ({kind} for t{} at timestamp {})",
        capital(&name(write)),
        scope.table + 1,
        scope.timestamp
    )
}

fn capital(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

fn named(writes: impl IntoIterator<Item = u8>) -> String {
    let names: Vec<String> = writes.into_iter().map(name).collect();
    match names.is_empty() {
        true => "nothing".into(),
        false => names.join(" and "),
    }
}

fn appended(system: &LogSystem, before: &LogState, write: u8, after: &LogState) -> String {
    let what = described(system, write);
    let Some(position) = after.write(write).position else {
        return format!("{what} begins, without the commit log.");
    };
    match after.segments.len() > before.segments.len() {
        true => format!(
            "{what} opens segment {} and is appended at {position}.",
            position.segment_id
        ),
        false => format!("{what} is appended at {position}."),
    }
}

fn applied(system: &LogSystem, write: u8, after: &LogState) -> String {
    let table = system.write(write).table;
    let mut memtables = after.table(table).memtables.iter();
    let taken = memtables.find(|memtable| writes_of(memtable.writes).any(|other| other == write));
    match taken {
        Some(memtable) => format!(
            "Memtable {} of t{} takes {}.",
            memtable.number,
            table + 1,
            name(write)
        ),
        None => format!("No memtable of t{} takes {}.", table + 1, name(write)),
    }
}

/// The memtable that is being replaced, and its upper bound if that is fixed.
fn outgoing(table: &Table) -> (u8, Option<String>) {
    let place = table.memtables.len().checked_sub(2);
    let memtable = place.and_then(|place| table.memtables.get(place));
    let bound = memtable.and_then(|memtable| match memtable.stage {
        SwitchStage::Bounded { upper } | SwitchStage::BarrierIssued { upper, .. } => Some(upper.to_string()),
        SwitchStage::Current | SwitchStage::SwitchedOut { .. } => None,
    });
    (memtable.map_or(0, |memtable| memtable.number), bound)
}

fn switched(table: &Table, index: u8) -> String {
    let (number, bound) = outgoing(table);
    let bound = match bound {
        Some(bound) => format!("with {bound} as its upper bound"),
        None => "its upper bound open".into(),
    };
    format!("Memtable {number} of t{} is switched out, {bound}.", index + 1)
}

fn flushed(before: &LogState, table: u8, number: u8, after: &LogState) -> String {
    let files = &after.table(table).sstables;
    let is_made = files.len() > before.table(table).sstables.len();
    match files.last().filter(|_| is_made) {
        Some(file) => format!(
            "Memtable {number} of t{} has become file s{} with {}; it says that {} is flushed.",
            table + 1,
            file.number,
            name(file.winner),
            intervals(file)
        ),
        None => format!(
            "Memtable {number} of t{} was empty, and needs no file.",
            table + 1
        ),
    }
}

fn flushed_by_replay(why: &str, table: u8, after: &LogState) -> String {
    match after.table(table).sstables.last() {
        Some(file) => format!(
            "{why}: what was replayed of t{} has become file s{} with {}; it says that {} is flushed.",
            table + 1,
            file.number,
            name(file.winner),
            intervals(file)
        ),
        None => format!("Nothing had been replayed of t{}.", table + 1),
    }
}

fn intervals(file: &super::SSTable) -> String {
    let intervals: Vec<String> = file
        .intervals
        .iter()
        .map(|(start, end)| format!("{start} to {end}"))
        .collect();
    match intervals.is_empty() {
        true => "nothing".into(),
        false => intervals.join(" and "),
    }
}

fn followed(before: &LogState, table: u8, number: u8, after: &LogState) -> String {
    let is_gone = |segment: &&Segment| !after.segments.iter().any(|other| other.id == segment.id);
    let gone: Vec<String> = (before.segments.iter())
        .filter(is_gone)
        .map(|segment| segment.id.to_string())
        .collect();
    let then = match gone.is_empty() {
        true => "no segment can go".into(),
        false => format!("segment {} is deleted", gone.join(" and ")),
    };
    format!(
        "What follows the flush of memtable {number} of t{}: {then}.",
        table + 1
    )
}

fn compacted(system: &LogSystem, before: &LogState, table: u8, inputs: u8, after: &LogState) -> String {
    let compaction = system.plan(before, table, inputs);
    let names: Vec<String> = (compaction.inputs.iter())
        .map(|file| format!("s{}", file.number))
        .collect();
    let inputs_count = compaction.inputs.len();
    let expired = system.dropped_unread(before, table, inputs);
    let is_unread = usize::try_from(expired.files.count_ones()) == Ok(inputs_count);
    let makes = match &compaction.output {
        Some(output) if expired.files != 0 => format!(
            "drops what has expired unread, and makes s{} with {}",
            output.number,
            name(output.winner)
        ),
        Some(output) => format!("makes s{} with {}", output.number, name(output.winner)),
        None if is_unread => "drops what has expired unread, so that nothing is left".into(),
        None => "purges the tombstone, so that nothing is left".into(),
    };
    let how = match after.table(table).compaction.is_some() {
        true => "begins",
        false => "is carried out",
    };
    format!(
        "A compaction of {} of t{} {how}: it {makes}.",
        names.join(" and "),
        table + 1
    )
}

fn unlinked(table: &Table, index: u8, place: u8) -> String {
    let inputs = table.compaction.as_ref().map(|compaction| &compaction.inputs);
    let file = inputs.and_then(|inputs| inputs.get(usize::from(place)));
    let number = file.map_or(0, |file| file.number);
    format!(
        "File s{number} of t{}, which was replaced, is deleted.",
        index + 1
    )
}

fn value_read(system: &LogSystem, state: &LogState, table: &Table) -> String {
    match system.read(system.merged(state, table)) {
        Some(write) => name(write),
        None => "nothing".into(),
    }
}

/// The writes whose records can no longer be read from the log.
fn lost(before: &LogState, after: &LogState) -> String {
    let records = |state: &LogState| -> Vec<u8> {
        let segments = state.segments.iter();
        segments
            .flat_map(|segment| readable(segment).iter().copied())
            .collect()
    };
    let kept = records(after);
    named(records(before).into_iter().filter(|write| !kept.contains(write)))
}

fn power_lost(before: &LogState, tail: Tail, commit: CommitFate, after: &LogState) -> String {
    let how = match tail {
        Tail::Whole => "",
        Tail::Torn => ", its last write torn",
        Tail::Reordered => ", though later writes survive",
    };
    let commit = match commit {
        CommitFate::Kept => "",
        CommitFate::Torn => "; the commit record is torn",
        CommitFate::Lost => "; the commit record is lost",
    };
    format!(
        "The machine loses power; the log loses {}{how}{commit}.",
        lost(before, after)
    )
}

fn rotten(segment: i64, record: u8, damage: Damage) -> String {
    let how = match damage {
        Damage::Checksum => "rots",
        Damage::Zeros => "reads as zeros",
    };
    format!("Record {} of segment {segment} {how}.", record + 1)
}

fn started(system: &LogSystem, clock_back: bool, after: &LogState) -> String {
    if after.life == NodeLife::Refused {
        return "The node finds damage and does not start.".into();
    }
    let clock = if clock_back {
        " with its clock set back"
    } else {
        ""
    };
    let memtables = after.tables.iter().flat_map(|table| &table.memtables);
    let replayed = named(memtables.flat_map(|memtable| writes_of(memtable.writes)));
    let segment = after.segments.last().map_or(0, |segment| segment.id);
    let reads: Vec<String> = (1..)
        .zip(&after.tables)
        .map(|(number, table)| format!("t{number} reads {}", value_read(system, after, table)))
        .collect();
    let reads = reads.join(", ");
    format!("The node starts{clock}, replays {replayed}, and opens segment {segment}; {reads}.")
}
