//! The bounds of a run of one node's storage: its writes, the shape of its segments, and a budget for each fault.

use crate::scope::Sync;

/// Tables of the node; enough for one to pin a segment that another has flushed.
pub const TABLES: usize = 2;

/// A write of a client: all go to one cell of one partition of their table.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct LogWrite {
    /// Index of the table.
    pub table: u8,
    /// Microseconds; distinct among the writes of a table, in any order.
    pub timestamp: i64,
    /// It deletes the cell instead of setting it.
    pub is_delete: bool,
}

/// How many of each may happen in a run.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct LogBudgets {
    /// Memtables that are switched out.
    pub switches: u8,
    /// Flushes that fail.
    pub flush_failures: u8,
    /// Compactions.
    pub compactions: u8,
    /// Truncations.
    pub truncations: u8,
    /// Process crashes.
    pub crashes: u8,
    /// Power losses.
    pub power_losses: u8,
    /// Records that rot while the node is down.
    pub corruptions: u8,
    /// Restarts with the clock set back.
    pub clock_backs: u8,
    /// Ticks of the clock that gc_grace is counted by.
    pub ticks: u8,
    /// Flushes in the midst of a replay.
    pub replay_flushes: u8,
    /// Records that are put back from a copy after a start was refused.
    pub mends: u8,
}

/// Everything that bounds a run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogScope {
    /// When the commit log is synced.
    pub sync: Sync,
    /// The writes, in the order in which they begin.
    pub writes: Vec<LogWrite>,
    /// Writes go through the commit log; the keyspace option of this name.
    pub durable_writes: bool,
    /// Records that fill a segment.
    pub segment_records: u8,
    /// A full segment leaves some bytes, too few for the size of a record.
    pub leaves_remainder: bool,
    /// Ticks that a tombstone is kept.
    pub gc_grace: u8,
    /// A switch of memtables takes three steps, so that writes come in between.
    pub switch_in_steps: bool,
    /// A write takes three steps: commit log, memtable, answer. Otherwise they are one, with the sync that it asks for.
    pub writes_in_steps: bool,
    /// A compaction takes a step for each of its files and records, so that crashes come in between.
    pub compaction_in_steps: bool,
    /// A compaction first chooses its files, and asks later what it may forget, so that flushes come in between.
    pub compaction_asks_later: bool,
    /// How many of each fault.
    pub budgets: LogBudgets,
}

impl LogScope {
    /// The bounds in one short line, for a table.
    #[must_use]
    pub fn short(&self) -> String {
        let LogBudgets {
            switches,
            flush_failures,
            compactions,
            truncations,
            crashes,
            power_losses,
            corruptions,
            clock_backs,
            ticks,
            replay_flushes,
            mends,
        } = self.budgets;
        let sync = match self.sync {
            Sync::Periodic => "periodic",
            Sync::Batch => "batch",
            Sync::Group => "group",
        };
        let mut parts = vec![format!("log {}w {sync}", self.writes.len())];
        for (holds, name) in [
            (!self.durable_writes, "not durable"),
            (self.writes_in_steps, "writes in steps"),
            (self.switch_in_steps, "switch in steps"),
            (self.compaction_in_steps, "compaction in steps"),
            (self.compaction_asks_later, "compaction asks later"),
            (self.leaves_remainder, "remainders"),
        ] {
            if holds {
                parts.push(name.into());
            }
        }
        for (count, name) in [
            (switches, "switch"),
            (flush_failures, "flush-fail"),
            (compactions, "compact"),
            (truncations, "truncate"),
            (crashes, "crash"),
            (power_losses, "power-loss"),
            (corruptions, "corrupt"),
            (clock_backs, "clock-back"),
            (ticks, "tick"),
            (replay_flushes, "replay-flush"),
            (mends, "mend"),
        ] {
            if count > 0 {
                parts.push(format!("{name} {count}"));
            }
        }
        parts.join(", ")
    }
}
