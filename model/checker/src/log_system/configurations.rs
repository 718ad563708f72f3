//! The runs of one node's storage that are made again and again.

use super::LogSystem;
use super::bounds::*;
use crate::configurations::{Configuration, Expected};

type Run = Configuration<LogSystem>;

const fn green(generated: u64, distinct: u64) -> Expected {
    Expected::Green { generated, distinct }
}

/// Every run.
pub static CONFIGURATIONS: &[Run] = &[
    Run {
        name: "log-flushes",
        says: "Two tables whose flushes end in any order, one of them fails, and a process crash.",
        properties: &["S1", "S3", "S4", "S7", "S12"],
        bounds: flushes,
        expected: green(1_894_526, 568_023),
    },
    Run {
        name: "log-switch",
        says: "Three writes in between the three steps of a memtable switch, and a process crash.",
        properties: &["S1", "S3", "S4", "S8"],
        bounds: switch_in_steps,
        expected: green(104_738, 33_209),
    },
    Run {
        name: "log-two-switches",
        says: "Three writes in between the steps of two memtable switches.",
        properties: &["S3", "S8"],
        bounds: two_switches_in_steps,
        expected: green(744_203, 190_860),
    },
    Run {
        name: "log-failing-starts",
        says: "Starts that crash between the flushes at the end of their replay, and a clock that is set back.",
        properties: &["S3", "S4", "S4r", "S12"],
        bounds: failing_starts,
        expected: green(360_998, 174_931),
    },
    Run {
        name: "log-replay-flush",
        says: "Replays that flush on their way and crash, after a flush that failed and a power loss that tears the tail.",
        properties: &["S3", "S4", "S4r", "S6", "S7", "S12"],
        bounds: flushes_of_replays,
        expected: green(2_328_299, 800_162),
    },
    Run {
        name: "log-replay-flush-rot",
        says: "Replays that flush on their way to a record that has rotted, and are refused, until it is put back.",
        properties: &["S3", "S4", "S4r", "S6", "S12"],
        bounds: flush_before_damage,
        expected: green(379_816, 244_412),
    },
    Run {
        name: "log-replay-flush-purge",
        says: "A compaction that purges a deletion before or after a replay that flushes on its way, and two crashes.",
        properties: &["S3", "S4", "S4r", "D3"],
        bounds: flush_of_a_replay_and_purge,
        expected: green(445_323, 176_578),
    },
    Run {
        name: "log-replay-flush-truncate",
        says: "A truncation before or after a replay that flushes on its way, and two crashes.",
        properties: &["S3", "S4", "S4r", "D5"],
        bounds: flush_of_a_replay_and_truncation,
        expected: green(1_168_348, 512_279),
    },
    Run {
        name: "log-periodic",
        says: "Three writes in periodic mode, a flush and a power loss.",
        properties: &["S1", "S2p", "S3", "S4", "S6", "S12"],
        bounds: periodic_power_loss,
        expected: green(846_032, 192_508),
    },
    Run {
        name: "log-batch",
        says: "Three writes in batch mode, a flush and a power loss.",
        properties: &["S1", "S2", "S3", "S4", "S12"],
        bounds: batch_power_loss,
        expected: green(181_996, 57_688),
    },
    Run {
        name: "log-rot",
        says: "Segments with a remainder, a power loss that tears the tail, and a record that rots.",
        properties: &["S6", "S12"],
        bounds: rot,
        expected: green(8_900, 6_262),
    },
    Run {
        name: "log-purge",
        says: "A value and its deletion are flushed and compacted while another table holds a segment, and a crash.",
        properties: &["S3", "S4", "D3", "D3u"],
        bounds: purge,
        expected: green(541_687, 218_546),
    },
    Run {
        name: "log-late",
        says: "A value with an old timestamp comes after the deletion that covers it is flushed, and a crash.",
        properties: &["S3", "D3", "D3u"],
        bounds: late_write,
        expected: green(119_389, 46_292),
    },
    Run {
        name: "log-late-flush",
        says: "A value with an old timestamp is written and flushed while a compaction runs that has the deletion.",
        properties: &["S3", "D3", "D3u"],
        bounds: late_flush,
        expected: green(654_706, 185_922),
    },
    Run {
        name: "log-late-not-durable",
        says: "The same in a keyspace without commit log, while writes are in flight.",
        properties: &["D3"],
        bounds: late_write_not_durable,
        expected: green(346_263, 101_672),
    },
    Run {
        name: "log-compaction",
        says: "A compaction that a crash or a power loss interrupts at any of its steps.",
        properties: &["S3", "S4", "S9", "D3"],
        bounds: interrupted_compaction,
        expected: green(206_060, 64_765),
    },
    Run {
        name: "log-truncate",
        says: "A truncation, two crashes, and a clock that is set back.",
        properties: &["S3", "S4", "S12", "D5"],
        bounds: truncation,
        expected: green(592_190, 261_136),
    },
    Run {
        name: "log-truncate-fails",
        says: "A truncation around flushes that fail and are tried again, and a crash.",
        properties: &["S3", "S4", "S7", "D5"],
        bounds: failing_truncation,
        expected: green(917_489, 300_165),
    },
];
