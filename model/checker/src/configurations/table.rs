//! The table of configurations.

use super::{Configuration, Expected};
use super::{bounds, histories};

/// Every configuration: green, reach, red.
pub(super) static CONFIGURATIONS: &[Configuration] = &[
    Configuration {
        name: "any-disturbed",
        says: "A write at ANY through a crash and a lost message.",
        properties: &["P3", "O1", "O5", "L1", "H1", "S1"],
        bounds: bounds::disturbed_any,
        expected: Expected::Green {
            generated: 21_355,
            distinct: 7_051,
        },
    },
    Configuration {
        name: "one-disturbed",
        says: "A write at ONE through a crash and a lost message.",
        properties: &["P3", "O1", "L1", "H1", "S1"],
        bounds: bounds::disturbed_one,
        expected: Expected::Green {
            generated: 21_355,
            distinct: 7_051,
        },
    },
    Configuration {
        name: "quorum-disturbed",
        says: "A write at QUORUM through a crash and a lost message.",
        properties: &["P3", "O1", "O4", "L1", "H1", "S1"],
        bounds: bounds::disturbed_quorum,
        expected: Expected::Green {
            generated: 6_640,
            distinct: 2_995,
        },
    },
    Configuration {
        name: "all-disturbed",
        says: "A write at ALL through a crash and a lost message.",
        properties: &["P3", "O1", "O2", "O3", "O4", "L1", "H1", "S1"],
        bounds: bounds::disturbed_all,
        expected: Expected::Green {
            generated: 5_410,
            distinct: 2_602,
        },
    },
    Configuration {
        name: "quorum-failing",
        says: "A write at QUORUM while two appends fail and a message is lost.",
        properties: &["P3", "O1", "O4", "O6", "L1"],
        bounds: bounds::failing_quorum,
        expected: Expected::Green {
            generated: 10_747,
            distinct: 4_876,
        },
    },
    Configuration {
        name: "quorum-down",
        says: "A write at QUORUM while two of three nodes are down, and may return.",
        properties: &["O1", "O2", "O3", "P3"],
        bounds: bounds::down_quorum,
        expected: Expected::Green {
            generated: 204,
            distinct: 133,
        },
    },
    Configuration {
        name: "quorum-hinted",
        says: "A write at QUORUM while one node is down, and may return.",
        properties: &["P3", "H1", "H3", "H4", "H5", "H7", "C6"],
        bounds: bounds::quorum_one_down,
        expected: Expected::Green {
            generated: 183,
            distinct: 121,
        },
    },
    Configuration {
        name: "pending",
        says: "A write at QUORUM with a pending replica, and a lost message.",
        properties: &["P3", "O4", "H1"],
        bounds: bounds::pending_replica,
        expected: Expected::Green {
            generated: 2_921,
            distinct: 1_489,
        },
    },
    Configuration {
        name: "duplicate",
        says: "A write at ALL while a message is duplicated.",
        properties: &["P3", "P5", "O1"],
        bounds: bounds::one_duplicate,
        expected: Expected::Green {
            generated: 226,
            distinct: 118,
        },
    },
    Configuration {
        name: "shared-slot",
        says: "Two writes of one coordinator that share a slot, with lost, repeated and late answers.",
        properties: &["P3", "O1", "H1", "H4", "C6"],
        bounds: bounds::shared_slot,
        expected: Expected::Green {
            generated: 11_879,
            distinct: 3_599,
        },
    },
    Configuration {
        name: "forwarder-crashes",
        says: "A write at EACH_QUORUM over two data centres, while a node crashes.",
        properties: &["P3", "O1", "O7", "L1", "H1"],
        bounds: bounds::forwarder_crashes,
        expected: Expected::Green {
            generated: 16_421,
            distinct: 6_549,
        },
    },
    Configuration {
        name: "forwarder-lost",
        says: "A write at LOCAL_QUORUM whose message to the remote coordinator may be lost.",
        properties: &["P3", "O7", "H1", "H7", "C6"],
        bounds: bounds::forwarder_lost,
        expected: Expected::Green {
            generated: 145,
            distinct: 89,
        },
    },
    Configuration {
        name: "each-quorum-one-side",
        says: "A write at EACH_QUORUM of which one data centre may miss the only copy.",
        properties: &["P3", "O4", "H1"],
        bounds: bounds::each_quorum_one_side,
        expected: Expected::Green {
            generated: 205,
            distinct: 101,
        },
    },
    Configuration {
        name: "empty-datacenter",
        says: "LOCAL_QUORUM in a data centre that holds no replicas.",
        properties: &["O2", "O3", "P3"],
        bounds: bounds::empty_datacenter,
        expected: Expected::Green {
            generated: 3,
            distinct: 3,
        },
    },
    Configuration {
        name: "any-fails",
        says: "A write at ANY whose only replica fails.",
        properties: &["O1", "O5"],
        bounds: bounds::any_fails,
        expected: Expected::Green {
            generated: 20,
            distinct: 16,
        },
    },
    Configuration {
        name: "own-copy",
        says: "The own copy of a coordinator waits past its deadline.",
        properties: &["H1", "L1", "P3"],
        bounds: bounds::own_copy_held_up,
        expected: Expected::Green {
            generated: 51,
            distinct: 37,
        },
    },
    Configuration {
        name: "two-outages",
        says: "A replica goes down twice while the hint window passes.",
        properties: &["H1", "H2", "H2'", "H4", "H5", "H7"],
        bounds: bounds::two_outages,
        expected: Expected::Green {
            generated: 54_488,
            distinct: 22_457,
        },
    },
    Configuration {
        name: "hint-and-return",
        says: "A hint is stored, delivered, lost on its way and delivered again.",
        properties: &["H1", "H4", "H5", "H7", "C6"],
        bounds: bounds::hint_and_return,
        expected: Expected::Green {
            generated: 1_730,
            distinct: 714,
        },
    },
    Configuration {
        name: "hint-expires",
        says: "A hint outlives gc_grace.",
        properties: &["H4", "H6", "H7"],
        bounds: bounds::hint_outlives_gc_grace,
        expected: Expected::Green {
            generated: 237,
            distinct: 134,
        },
    },
    Configuration {
        name: "hint-stages",
        says: "Hints and commit log in stages, through a crash and a power loss.",
        properties: &["P3", "H1", "H4", "S1", "S2p"],
        bounds: bounds::hint_stages,
        expected: Expected::Green {
            generated: 34_536,
            distinct: 8_929,
        },
    },
    Configuration {
        name: "batch",
        says: "Batch sync: an acknowledgement waits for the disk.",
        properties: &["S1", "S2", "P3"],
        bounds: bounds::batch_sync,
        expected: Expected::Green {
            generated: 6_064,
            distinct: 1_889,
        },
    },
    Configuration {
        name: "group",
        says: "Group sync: an acknowledgement waits for the disk.",
        properties: &["S1", "S2", "P3"],
        bounds: bounds::group_sync,
        expected: Expected::Green {
            generated: 6_064,
            distinct: 1_889,
        },
    },
    Configuration {
        name: "periodic",
        says: "Periodic sync: a power loss takes a suffix.",
        properties: &["S1", "S2p"],
        bounds: bounds::periodic_power_loss,
        expected: Expected::Green {
            generated: 1_915_276,
            distinct: 317_485,
        },
    },
    Configuration {
        name: "any-view",
        says: "A coordinator that may believe anything of the others.",
        properties: &["F2", "P3", "O3", "H1"],
        bounds: bounds::any_view,
        expected: Expected::Green {
            generated: 6_535,
            distinct: 3_223,
        },
    },
    Configuration {
        name: "lagging-view",
        says: "A failure detector that sees a crash and a return late.",
        properties: &["F2", "P3", "O3", "L1"],
        bounds: bounds::lagging_view,
        expected: Expected::Green {
            generated: 14_293,
            distinct: 4_595,
        },
    },
    Configuration {
        name: "partition",
        says: "Two writes while the cluster falls apart and heals.",
        properties: &["P3", "H1", "H7", "C6"],
        bounds: bounds::partition,
        expected: Expected::Green {
            generated: 857,
            distinct: 501,
        },
    },
    Configuration {
        name: "tie",
        says: "Two writes of one timestamp.",
        properties: &["C6", "H1"],
        bounds: bounds::tie,
        expected: Expected::Green {
            generated: 927,
            distinct: 495,
        },
    },
    Configuration {
        name: "repaired-by-read",
        says: "A read at ALL repairs what a lost message left out.",
        properties: &["C4", "C6", "C8"],
        bounds: bounds::repaired_by_read,
        expected: Expected::Green {
            generated: 30_207,
            distinct: 12_659,
        },
    },
    Configuration {
        name: "quorum-quorum",
        says: "Write QUORUM, read QUORUM.",
        properties: &["C1", "C4", "C8"],
        bounds: bounds::write_and_read,
        expected: Expected::Green {
            generated: 8_863,
            distinct: 3_793,
        },
    },
    Configuration {
        name: "quorum-quorum-history",
        says: "Write QUORUM, two reads QUORUM, blocking read repair.",
        properties: &["C1", "C4", "C7", "C8", "C10"],
        bounds: bounds::write_and_two_reads,
        expected: Expected::Green {
            generated: 1_597_960,
            distinct: 486_376,
        },
    },
    Configuration {
        name: "two-writes-two-reads",
        says: "Two writes and two reads at QUORUM, reduced graph.",
        properties: &["C1", "C7", "C10"],
        bounds: bounds::two_writes_two_reads,
        expected: Expected::Green {
            generated: 4_060_406,
            distinct: 1_669_224,
        },
    },
    Configuration {
        name: "all-one",
        says: "Write ALL, read ONE.",
        properties: &["C1"],
        bounds: bounds::all_then_one,
        expected: Expected::Green {
            generated: 1_747,
            distinct: 781,
        },
    },
    Configuration {
        name: "one-all",
        says: "Write ONE, read ALL.",
        properties: &["C1", "C8"],
        bounds: bounds::one_then_all,
        expected: Expected::Green {
            generated: 9_883,
            distinct: 3_862,
        },
    },
    Configuration {
        name: "two-two",
        says: "Write TWO, read TWO.",
        properties: &["C1"],
        bounds: bounds::two_then_two,
        expected: Expected::Green {
            generated: 8_755,
            distinct: 3_694,
        },
    },
    Configuration {
        name: "local-local",
        says: "Write and read LOCAL_QUORUM in one data centre of two.",
        properties: &["C1", "C8"],
        bounds: bounds::local_levels,
        expected: Expected::Green {
            generated: 236,
            distinct: 121,
        },
    },
    Configuration {
        name: "each-local",
        says: "Write EACH_QUORUM, read LOCAL_QUORUM in any data centre.",
        properties: &["C1"],
        bounds: bounds::each_quorum_then_local,
        expected: Expected::Green {
            generated: 11_093,
            distinct: 4_269,
        },
    },
    Configuration {
        name: "quorum-two-replicas",
        says: "Write and read QUORUM of two replicas.",
        properties: &["C1"],
        bounds: bounds::two_replicas,
        expected: Expected::Green {
            generated: 183,
            distinct: 131,
        },
    },
    Configuration {
        name: "stale-one-one",
        says: "Write ONE, read ONE: a stale read.",
        properties: &["C1n"],
        bounds: bounds::one_then_one,
        expected: Expected::Reach { shortest: 2 },
    },
    Configuration {
        name: "stale-quorum-one",
        says: "Write QUORUM, read ONE: a stale read.",
        properties: &["C1n"],
        bounds: bounds::quorum_then_one,
        expected: Expected::Reach { shortest: 4 },
    },
    Configuration {
        name: "stale-local-across",
        says: "LOCAL_QUORUM in one data centre, then in the other: a stale read.",
        properties: &["C1n"],
        bounds: bounds::local_quorum_across,
        expected: Expected::Reach { shortest: 6 },
    },
    Configuration {
        name: "stale-local-one",
        says: "LOCAL_ONE twice: a stale read.",
        properties: &["C1n"],
        bounds: bounds::local_one_twice,
        expected: Expected::Reach { shortest: 2 },
    },
    Configuration {
        name: "stale-any",
        says: "ANY while the replica is down, then a read when it is back: a stale read.",
        properties: &["C1n"],
        bounds: bounds::any_then_all,
        expected: Expected::Reach { shortest: 3 },
    },
    Configuration {
        name: "history-without-repair",
        says: "Quorum reads without read repair are not linearizable.",
        properties: &["C10"],
        bounds: bounds::without_repair,
        expected: Expected::Red { shortest: 7 },
    },
    Configuration {
        name: "history-skewed",
        says: "Quorum reads with a clock behind by one write are not linearizable.",
        properties: &["C10"],
        bounds: bounds::skewed,
        expected: Expected::Red { shortest: 9 },
    },
    Configuration {
        name: "history-local-quorum",
        says: "LOCAL_QUORUM across data centres is not linearizable.",
        properties: &["C10"],
        bounds: bounds::local_quorum_across,
        expected: Expected::Red { shortest: 6 },
    },
    Configuration {
        name: "history-one",
        says: "Reads and writes at ONE are not linearizable.",
        properties: &["C10"],
        bounds: bounds::history_at_one,
        expected: Expected::Red { shortest: 2 },
    },
    Configuration {
        name: "retry-fresh",
        says: "A client tries once more with a fresh timestamp.",
        properties: &["P3", "O1", "O4", "L1", "H1", "C6"],
        bounds: bounds::retried_fresh,
        expected: Expected::Green {
            generated: 3_305,
            distinct: 1_680,
        },
    },
    Configuration {
        name: "retry-same",
        says: "A client tries once more with the same timestamp.",
        properties: &["P3", "O1", "O4", "L1", "H1", "C6"],
        bounds: bounds::retried_same,
        expected: Expected::Green {
            generated: 3_165,
            distinct: 1_574,
        },
    },
    Configuration {
        name: "history-disturbed",
        says: "Quorum reads around a write that may time out or lose its coordinator.",
        properties: &["C1", "C7", "C10"],
        bounds: histories::history_disturbed,
        expected: Expected::Green {
            generated: 2_560_669,
            distinct: 568_680,
        },
    },
    Configuration {
        name: "repair-fails",
        says: "A read repair whose append fails, or that expires in the queue.",
        properties: &["O4", "C4", "C8", "L1"],
        bounds: histories::repair_fails,
        expected: Expected::Green {
            generated: 770,
            distinct: 464,
        },
    },
    Configuration {
        name: "history-same-timestamp",
        says: "Two writes of one timestamp are not linearizable.",
        properties: &["C10"],
        bounds: histories::history_same_timestamp,
        expected: Expected::Red { shortest: 9 },
    },
];
