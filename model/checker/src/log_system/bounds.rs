//! The bounds of runs of one node's storage, for configurations and the gallery.

use super::scope::{LogBudgets, LogScope, LogWrite};
use crate::scope::Sync;

const NONE: LogBudgets = LogBudgets {
    switches: 0,
    flush_failures: 0,
    compactions: 0,
    truncations: 0,
    crashes: 0,
    power_losses: 0,
    corruptions: 0,
    clock_backs: 0,
    ticks: 0,
    replay_flushes: 0,
    mends: 0,
};

/// A value for a table, counted from 1, at a timestamp.
pub(super) const fn value(table: u8, timestamp: i64) -> LogWrite {
    LogWrite {
        table: table - 1,
        timestamp,
        is_delete: false,
    }
}

/// A deletion in a table, counted from 1, at a timestamp.
pub(super) const fn deletion(table: u8, timestamp: i64) -> LogWrite {
    LogWrite {
        is_delete: true,
        ..value(table, timestamp)
    }
}

/// These writes, periodic mode, two records a segment.
pub(super) fn base(writes: &[LogWrite], budgets: LogBudgets) -> LogScope {
    LogScope {
        sync: Sync::Periodic,
        writes: writes.to_vec(),
        durable_writes: true,
        segment_records: 2,
        leaves_remainder: false,
        gc_grace: 0,
        switch_in_steps: false,
        writes_in_steps: false,
        compaction_in_steps: false,
        compaction_asks_later: false,
        budgets,
    }
}

/// Two tables whose flushes end in any order, one of them fails and is tried again, and a crash. The newer timestamp comes first, so that
/// its loss shows.
pub(super) fn flushes() -> LogScope {
    let budgets = LogBudgets {
        switches: 3,
        flush_failures: 1,
        crashes: 1,
        ..NONE
    };
    base(&[value(1, 2), value(1, 1), value(2, 1)], budgets)
}

/// Three writes around a switch that takes three steps, and a crash.
pub(super) fn switch_in_steps() -> LogScope {
    let budgets = LogBudgets {
        switches: 1,
        crashes: 1,
        ..NONE
    };
    LogScope {
        switch_in_steps: true,
        writes_in_steps: true,
        ..base(&[value(1, 3), value(1, 2), value(1, 1)], budgets)
    }
}

/// A power loss in periodic mode, over two segments.
pub(super) fn periodic_power_loss() -> LogScope {
    let budgets = LogBudgets {
        switches: 2,
        power_losses: 1,
        ..NONE
    };
    LogScope {
        writes_in_steps: true,
        ..base(&[value(1, 2), value(1, 1), value(2, 1)], budgets)
    }
}

/// A power loss in batch mode, over two segments.
pub(super) fn batch_power_loss() -> LogScope {
    LogScope {
        sync: Sync::Batch,
        ..periodic_power_loss()
    }
}

/// Rot, and segments that leave a remainder.
pub(super) fn rot() -> LogScope {
    let budgets = LogBudgets {
        crashes: 1,
        power_losses: 1,
        corruptions: 1,
        ..NONE
    };
    LogScope {
        leaves_remainder: true,
        ..base(&[value(1, 3), value(2, 1), value(1, 2), value(1, 1)], budgets)
    }
}

/// A value, its deletion, and a value of the other table that holds a segment; compacted, and a crash.
pub(super) fn purge() -> LogScope {
    let budgets = LogBudgets {
        switches: 2,
        compactions: 1,
        crashes: 1,
        ticks: 1,
        ..NONE
    };
    base(&[value(1, 1), value(2, 1), deletion(1, 2), value(2, 2)], budgets)
}

/// The same around two switches, without a crash.
pub(super) fn two_switches_in_steps() -> LogScope {
    let budgets = LogBudgets { switches: 2, ..NONE };
    LogScope {
        budgets,
        ..switch_in_steps()
    }
}

/// A value with an old timestamp comes after the deletion.
pub(super) fn late_write() -> LogScope {
    let budgets = LogBudgets {
        switches: 2,
        compactions: 2,
        crashes: 1,
        ticks: 1,
        ..NONE
    };
    LogScope {
        segment_records: 1,
        ..base(&[value(1, 1), deletion(1, 3), value(1, 2)], budgets)
    }
}

/// A value with an old timestamp is written and flushed while a compaction runs that has the deletion.
pub(super) fn late_flush() -> LogScope {
    let budgets = LogBudgets {
        switches: 3,
        compactions: 1,
        ticks: 1,
        ..NONE
    };
    LogScope {
        segment_records: 1,
        compaction_asks_later: true,
        ..base(&[deletion(1, 3), value(1, 2), value(2, 1)], budgets)
    }
}

/// The same in a keyspace without commit log.
pub(super) fn late_write_not_durable() -> LogScope {
    LogScope {
        durable_writes: false,
        writes_in_steps: true,
        ..late_write()
    }
}

/// A compaction, interrupted at any step by a crash or a power loss.
pub(super) fn interrupted_compaction() -> LogScope {
    let budgets = LogBudgets {
        switches: 2,
        compactions: 1,
        crashes: 1,
        power_losses: 1,
        ticks: 1,
        ..NONE
    };
    LogScope {
        segment_records: 1,
        compaction_in_steps: true,
        ..base(&[value(1, 1), deletion(1, 2)], budgets)
    }
}

/// A truncation, two crashes, and a clock that is set back.
pub(super) fn truncation() -> LogScope {
    let budgets = LogBudgets {
        switches: 1,
        truncations: 1,
        crashes: 2,
        clock_backs: 1,
        ..NONE
    };
    base(&[value(1, 1), value(1, 2), value(2, 1)], budgets)
}

/// A truncation around flushes that fail, and a crash.
pub(super) fn failing_truncation() -> LogScope {
    let budgets = LogBudgets {
        switches: 1,
        flush_failures: 2,
        truncations: 1,
        crashes: 1,
        ..NONE
    };
    base(&[value(1, 1), value(1, 2), value(2, 1)], budgets)
}

/// One write in steps, and one switch.
pub(super) fn write_and_switch() -> LogScope {
    let budgets = LogBudgets { switches: 1, ..NONE };
    LogScope {
        writes_in_steps: true,
        ..base(&[value(1, 1)], budgets)
    }
}

/// Two memtables of one table, and a crash.
pub(super) fn two_memtables() -> LogScope {
    let budgets = LogBudgets {
        switches: 2,
        crashes: 1,
        ..NONE
    };
    base(&[value(1, 2), value(1, 1)], budgets)
}

/// Two memtables of one table, of which one cannot be written.
pub(super) fn failing_flush() -> LogScope {
    let budgets = LogBudgets {
        switches: 2,
        flush_failures: 1,
        ..NONE
    };
    base(&[value(1, 2), value(1, 1)], budgets)
}

/// A flush fails before a truncation.
pub(super) fn failing_flush_and_truncation() -> LogScope {
    let budgets = LogBudgets {
        switches: 1,
        flush_failures: 1,
        truncations: 1,
        ..NONE
    };
    base(&[value(1, 2), value(1, 1)], budgets)
}

/// One memtable, and writes around its bound that fill a segment.
pub(super) fn full_segment() -> LogScope {
    let budgets = LogBudgets { switches: 2, ..NONE };
    base(&[value(1, 1), value(1, 2), value(2, 1)], budgets)
}

/// Two lives, the second with an earlier clock.
pub(super) fn clock_set_back() -> LogScope {
    let budgets = LogBudgets {
        crashes: 1,
        clock_backs: 1,
        ..NONE
    };
    base(&[value(1, 1), value(1, 2)], budgets)
}

/// Two segments of one record and a remainder, and a power loss.
pub(super) fn remainders() -> LogScope {
    let budgets = LogBudgets {
        power_losses: 1,
        ..NONE
    };
    LogScope {
        segment_records: 1,
        leaves_remainder: true,
        ..base(&[value(1, 1), value(1, 2)], budgets)
    }
}

/// Two segments of one record, and a power loss.
pub(super) fn two_segments() -> LogScope {
    LogScope {
        leaves_remainder: false,
        ..remainders()
    }
}

/// Two sections of one record, and rot.
pub(super) fn two_sections() -> LogScope {
    let budgets = LogBudgets {
        crashes: 1,
        corruptions: 1,
        ..NONE
    };
    base(&[value(1, 1), value(1, 2)], budgets)
}

/// A deletion, flushed and compacted, and a late value; no commit log.
pub(super) fn late_value_in_memory() -> LogScope {
    let budgets = LogBudgets {
        switches: 1,
        compactions: 1,
        ticks: 1,
        ..NONE
    };
    LogScope {
        durable_writes: false,
        ..base(&[deletion(1, 2), value(1, 1)], budgets)
    }
}

/// A value and its deletion, flushed and compacted, and a crash while the record of the value remains.
pub(super) fn value_in_the_log() -> LogScope {
    let budgets = LogBudgets {
        switches: 1,
        compactions: 1,
        crashes: 1,
        ticks: 1,
        ..NONE
    };
    base(&[value(1, 1), deletion(1, 2), value(2, 1)], budgets)
}

/// Two memtables of one table, one of the other, and a crash.
pub(super) fn two_memtables_and_one() -> LogScope {
    let budgets = LogBudgets {
        switches: 3,
        crashes: 1,
        ..NONE
    };
    base(&[value(1, 2), value(1, 1), value(2, 1)], budgets)
}

/// A value and its deletion in two files.
pub(super) fn two_files() -> LogScope {
    let budgets = LogBudgets {
        switches: 2,
        compactions: 1,
        ticks: 1,
        ..NONE
    };
    LogScope {
        durable_writes: false,
        ..base(&[value(1, 1), deletion(1, 2)], budgets)
    }
}

/// Two files compacted in steps, and a crash.
pub(super) fn crash_in_compaction() -> LogScope {
    let budgets = LogBudgets {
        switches: 2,
        compactions: 1,
        crashes: 1,
        ..NONE
    };
    LogScope {
        compaction_in_steps: true,
        ..base(&[value(1, 1), value(1, 2)], budgets)
    }
}

/// Two files compacted in steps, and a power loss.
pub(super) fn power_loss_in_compaction() -> LogScope {
    let budgets = LogBudgets {
        switches: 2,
        compactions: 1,
        power_losses: 1,
        ..NONE
    };
    LogScope {
        compaction_in_steps: true,
        ..base(&[value(1, 1), value(1, 2)], budgets)
    }
}

/// A truncation and a crash.
pub(super) fn truncated_and_crashed() -> LogScope {
    let budgets = LogBudgets {
        switches: 1,
        truncations: 1,
        crashes: 1,
        ..NONE
    };
    base(&[value(1, 1), value(1, 2)], budgets)
}

/// One write in batch mode, in steps, and a power loss.
pub(super) fn one_batch_write() -> LogScope {
    let budgets = LogBudgets {
        power_losses: 1,
        ..NONE
    };
    LogScope {
        sync: Sync::Batch,
        writes_in_steps: true,
        ..base(&[value(1, 1)], budgets)
    }
}

/// One write in periodic mode, in steps, and a power loss.
pub(super) fn one_periodic_write() -> LogScope {
    LogScope {
        sync: Sync::Periodic,
        ..one_batch_write()
    }
}

/// Two tables, one of whose flushes fails, and replays that flush on their way and crash; a power loss tears the tail.
pub(super) fn flushes_of_replays() -> LogScope {
    let budgets = LogBudgets {
        switches: 2,
        flush_failures: 1,
        crashes: 2,
        power_losses: 1,
        replay_flushes: 2,
        ..NONE
    };
    base(&[value(1, 2), value(2, 1), value(1, 1)], budgets)
}

/// Starts that crash between the flushes of two tables at the end of their replay, and a clock that is set back.
pub(super) fn failing_starts() -> LogScope {
    let budgets = LogBudgets {
        switches: 2,
        crashes: 3,
        clock_backs: 1,
        ..NONE
    };
    base(&[value(1, 2), value(2, 1), value(1, 1)], budgets)
}

/// A replay flushes on its way to a record that has rotted, and is refused; then the record is put back.
pub(super) fn flush_before_damage() -> LogScope {
    let budgets = LogBudgets {
        switches: 1,
        crashes: 2,
        corruptions: 1,
        replay_flushes: 2,
        mends: 1,
        ..NONE
    };
    base(
        &[value(1, 2), value(2, 1), value(1, 1), value(1, 3), value(2, 2)],
        budgets,
    )
}

/// A value, its deletion and a late value; compacted before a replay that flushes on its way, or after it.
pub(super) fn flush_of_a_replay_and_purge() -> LogScope {
    let budgets = LogBudgets {
        switches: 2,
        compactions: 1,
        crashes: 2,
        ticks: 1,
        replay_flushes: 1,
        ..NONE
    };
    base(&[value(1, 2), deletion(1, 3), value(1, 1)], budgets)
}

/// A table is truncated before a replay that flushes on its way, or after it.
pub(super) fn flush_of_a_replay_and_truncation() -> LogScope {
    let budgets = LogBudgets {
        switches: 1,
        truncations: 1,
        crashes: 2,
        replay_flushes: 1,
        ..NONE
    };
    base(&[value(1, 2), value(2, 1), value(1, 3), value(1, 1)], budgets)
}

/// A record of each table, and a start that crashes after it has flushed one of them.
pub(super) fn failing_start() -> LogScope {
    let budgets = LogBudgets { crashes: 2, ..NONE };
    base(&[value(1, 1), value(2, 1)], budgets)
}

/// Two records of a table in one segment, and a replay that flushes between them and crashes.
pub(super) fn flush_of_a_replay() -> LogScope {
    let budgets = LogBudgets {
        crashes: 2,
        replay_flushes: 1,
        ..NONE
    };
    base(&[value(1, 1), value(1, 2)], budgets)
}
