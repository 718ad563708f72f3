//! Everything that may happen to one node's storage, under names made of objects.
//!
//! `append.w1`, `switch.t1`, `flush.t1m1`, `compact.t1.s1+s2`, `power-loss.kept-1.torn`, `corrupt.seg11.r1`.

use core::fmt;

use super::state::Damage;

/// What a power loss leaves of the last thing that it leaves.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Tail {
    /// All of it.
    Whole,
    /// A section whose last record is damaged.
    Torn,
    /// Sections of the last segment, while sections of earlier ones that nobody synced are gone.
    Reordered,
}

/// What a power loss leaves of a commit record that was written and not synced.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum CommitFate {
    /// All of it.
    Kept,
    /// A part of it.
    Torn,
    /// Nothing.
    Lost,
}

/// One step of a run. Writes and tables are named by index.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum LogAction {
    /// A write begins and its record goes into the commit log.
    Append(u8),
    /// A memtable takes the write.
    Apply(u8),
    /// The client is told.
    Acknowledge(u8),
    /// Markers are written behind what was appended.
    Mark,
    /// Markers are written and the log is synced.
    Sync,
    /// A new memtable takes the place of the current one.
    Switch(u8),
    /// The upper bound of the old one is fixed.
    Bound(u8),
    /// The barrier is issued: later operations go to the new one.
    Barrier(u8),
    /// A memtable has become a file.
    Flush(u8, u8),
    /// A memtable could not be written.
    FailFlush(u8, u8),
    /// A memtable whose flush failed is to be written once more.
    RetryFlush(u8, u8),
    /// What follows a flush: positions become clean, segments go.
    PostFlush(u8, u8),
    /// A compaction chooses these files; a mask of their numbers.
    Choose(u8, u8),
    /// A compaction of these files asks what it may forget, and begins to write; a mask of their numbers.
    Compact(u8, u8),
    /// Its output is complete, and its commit record written.
    Commit(u8),
    /// Its commit record is synced: readers see the output.
    SyncCommit(u8),
    /// A file that it replaced is deleted, by its place among the inputs.
    Unlink(u8, u8),
    /// Its transaction log is deleted.
    EndCompaction(u8),
    /// A truncation begins, by a flush.
    Truncate(u8),
    /// Its flush succeeded: the position is recorded, on the disk.
    RecordTruncation(u8),
    /// The files go, and the client is told.
    EndTruncate(u8),
    /// Its flush failed, and so does the truncation.
    FailTruncate(u8),
    /// Time passes.
    Tick,
    /// The process crashes.
    Crash,
    /// The machine loses power.
    PowerLoss {
        /// So many sections survive of those that nobody synced, in the order of the log.
        kept: u8,
        /// What becomes of the last one of them.
        tail: Tail,
        /// What becomes of a commit record that nobody synced.
        commit: CommitFate,
    },
    /// A record rots on the disk.
    Corrupt {
        /// Id of the segment.
        segment: i64,
        /// Which record, from 0.
        record: u8,
        /// How it looks afterwards.
        damage: Damage,
    },
    /// The process starts: it recovers files, replays the log, and opens a new segment.
    Restart {
        /// The clock shows an earlier time than in the life before.
        clock_back: bool,
    },
    /// The replay is at its end, and what a table still has of it in memory is flushed; of tables in any order. Where
    /// that fails the start does too, which is the crash after the other tables.
    FlushRest(u8),
    /// All that was replayed is in files, and the old segments are deleted.
    EndStart,
    /// Memory ran short in the midst of the replay that this start made: what a table had been given up to a record of
    /// the log was flushed. Taken after the replay, which the flush does not change.
    FlushReplayed {
        /// Index of the table.
        table: u8,
        /// Id of the segment.
        segment: i64,
        /// The record that was replayed last, of any table, from 0.
        record: u8,
    },
    /// A start was refused, and the record that had rotted is put back from a copy.
    Mend,
}

impl fmt::Display for LogAction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let next = |index: &u8| index + 1;
        match self {
            Self::Append(write) => write!(formatter, "append.w{}", next(write)),
            Self::Apply(write) => write!(formatter, "apply.w{}", next(write)),
            Self::Acknowledge(write) => write!(formatter, "acknowledge.w{}", next(write)),
            Self::Mark => formatter.write_str("mark"),
            Self::Sync => formatter.write_str("sync"),
            Self::Switch(table) => write!(formatter, "switch.t{}", next(table)),
            Self::Bound(table) => write!(formatter, "bound.t{}", next(table)),
            Self::Barrier(table) => write!(formatter, "barrier.t{}", next(table)),
            Self::Flush(table, number) => write!(formatter, "flush.t{}m{number}", next(table)),
            Self::FailFlush(table, number) => write!(formatter, "fail-flush.t{}m{number}", next(table)),
            Self::RetryFlush(table, number) => write!(formatter, "retry-flush.t{}m{number}", next(table)),
            Self::PostFlush(table, number) => write!(formatter, "post-flush.t{}m{number}", next(table)),
            Self::Choose(table, inputs) => write!(formatter, "choose.t{}.{}", next(table), files(*inputs)),
            Self::Compact(table, inputs) => write!(formatter, "compact.t{}.{}", next(table), files(*inputs)),
            Self::Commit(table) => write!(formatter, "commit.t{}", next(table)),
            Self::SyncCommit(table) => write!(formatter, "sync-commit.t{}", next(table)),
            Self::Unlink(table, place) => write!(formatter, "unlink.t{}.input{}", next(table), next(place)),
            Self::EndCompaction(table) => write!(formatter, "end-compaction.t{}", next(table)),
            Self::Truncate(table) => write!(formatter, "truncate.t{}", next(table)),
            Self::RecordTruncation(table) => write!(formatter, "record-truncation.t{}", next(table)),
            Self::EndTruncate(table) => write!(formatter, "end-truncate.t{}", next(table)),
            Self::FailTruncate(table) => write!(formatter, "fail-truncate.t{}", next(table)),
            Self::Tick => formatter.write_str("tick"),
            Self::Crash => formatter.write_str("crash"),
            Self::PowerLoss { kept, tail, commit } => power_loss(formatter, *kept, *tail, *commit),
            Self::Corrupt {
                segment,
                record,
                damage,
            } => {
                let verb = match damage {
                    Damage::Checksum => "corrupt",
                    Damage::Zeros => "zero",
                };
                write!(formatter, "{verb}.seg{segment}.r{}", next(record))
            }
            Self::Restart { clock_back: false } => formatter.write_str("restart"),
            Self::Restart { clock_back: true } => formatter.write_str("restart.clock-back"),
            Self::FlushRest(table) => write!(formatter, "flush-rest.t{}", next(table)),
            Self::EndStart => formatter.write_str("end-start"),
            Self::FlushReplayed {
                table,
                segment,
                record,
            } => {
                write!(
                    formatter,
                    "flush-replayed.t{}.seg{segment}.r{}",
                    next(table),
                    next(record)
                )
            }
            Self::Mend => formatter.write_str("mend"),
        }
    }
}

fn files(mask: u8) -> String {
    let numbers = (0..8_u8).filter(|number| mask & (1 << number) != 0);
    let names: Vec<String> = numbers.map(|number| format!("s{number}")).collect();
    names.join("+")
}

fn power_loss(formatter: &mut fmt::Formatter<'_>, kept: u8, tail: Tail, commit: CommitFate) -> fmt::Result {
    formatter.write_str("power-loss")?;
    if kept > 0 {
        write!(formatter, ".kept-{kept}")?;
    }
    formatter.write_str(match tail {
        Tail::Whole => "",
        Tail::Torn => ".torn",
        Tail::Reordered => ".reordered",
    })?;
    formatter.write_str(match commit {
        CommitFate::Kept => "",
        CommitFate::Torn => ".commit-torn",
        CommitFate::Lost => ".commit-lost",
    })
}

/// Why an action is not possible now.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LogUnmet {
    /// The node does not run, or runs when it must not.
    #[error("the node is not in the life that this belongs to")]
    OtherLife,
    /// The budget is spent.
    #[error("the budget of this is spent")]
    BudgetSpent,
    /// No such write, memtable, file or segment.
    #[error("there is no such thing")]
    NoSuchThing,
    /// A write with a lower number begins first.
    #[error("writes begin in their order")]
    NotItsTurn,
    /// The write is at another station.
    #[error("the write has not come so far, or farther")]
    OtherPhase,
    /// The sync mode is not satisfied.
    #[error("the write waits for a sync of the commit log")]
    WaitsForSync,
    /// There is nothing to mark or sync.
    #[error("there is nothing to write")]
    NothingToWrite,
    /// Markers wait for the sync of earlier segments.
    #[error("earlier segments are not synced")]
    EarlierNotSynced,
    /// Another switch is under way, or this one is at another step.
    #[error("the switch of the memtable is at another step")]
    OtherStep,
    /// An operation that began before the barrier has not ended.
    #[error("an operation that began before the barrier has not ended")]
    OperationsRun,
    /// An earlier flush has not ended.
    #[error("an earlier flush has not ended")]
    EarlierFlushRuns,
    /// The table is being truncated or compacted.
    #[error("the table is being truncated or compacted")]
    TableBusy,
    /// Nothing would change.
    #[error("it would change nothing")]
    NothingToDo,
    /// The rules do not let it happen yet.
    #[error("the rules do not allow it yet")]
    Forbidden,
}
