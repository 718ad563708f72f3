//! What one node's storage guarantees, in the form of the cluster's properties: a premise, and clauses.

use thymbra_durability::SwitchStage;

use super::LogSystem;
use super::observe::{LogBreach, LogReached};
use super::state::{LogState, Memtable, NodeLife, WritePhase, write_bit, writes_of};
use crate::properties::{Clause, Kind, PropertyDef};
use crate::scope::Sync;

type Def = PropertyDef<LogSystem>;
type Condition = fn(&LogSystem, &LogState) -> bool;

const fn kept(say: &'static str, holds: Condition) -> Clause<LogSystem> {
    Clause { say, holds }
}

/// A clause that no transition broke.
macro_rules! unbroken {
    ($breach:ident) => {
        |_, state| state.breaches & LogBreach::$breach as u32 == 0
    };
}

/// A premise that some transition met.
macro_rules! met {
    ($reached:ident) => {
        |_, state| state.reached & LogReached::$reached as u32 != 0
    };
}

/// The guarantees of one node's storage.
pub static PROPERTIES: &[Def] = &[
    Def {
        code: "S1",
        name: "WP-GU-29 a write is acknowledged after the commit log and a memtable have it",
        witness: "WP-GU-29 reached: a write was acknowledged by one node's storage",
        kind: Kind::Always,
        premise: kept("a write was acknowledged", met!(Acknowledged)),
        clauses: &[kept(
            "when a write is acknowledged, the commit log and a memtable have it, or a file that a flush made of them",
            unbroken!(AckBeforeApply),
        )],
        breaches: LogBreach::AckBeforeApply as u32,
        reached: LogReached::Acknowledged as u32,
    },
    Def {
        code: "S2",
        name: "WP-GU-30 in batch and group mode an acknowledged write survives a power loss",
        witness: "WP-GU-30 reached: a power loss left an acknowledged write in the log alone",
        kind: Kind::Always,
        premise: kept(
            "in batch or group mode a power loss left an acknowledged write in the log alone",
            met!(SurvivedPowerLoss),
        ),
        clauses: &[
            kept(
                "a write is synced before it is acknowledged",
                unbroken!(AckBeforeSync),
            ),
            kept("a power loss takes no acknowledged write", unbroken!(AckedLost)),
        ],
        breaches: LogBreach::AckBeforeSync as u32 | LogBreach::AckedLost as u32,
        reached: LogReached::SurvivedPowerLoss as u32,
    },
    Def {
        code: "S2p",
        name: "WP-GU-31 in periodic mode what was synced survives, and what is lost is a suffix of the log",
        witness: "WP-GU-31 reached: a power loss took an acknowledged write that was not synced",
        kind: Kind::Always,
        premise: kept(
            "in periodic mode a power loss took an acknowledged write",
            |system, state| {
                system.scope.sync == Sync::Periodic
                    && state.reached & LogReached::AckedLostUnsynced as u32 != 0
            },
        ),
        clauses: &[
            kept(
                "what was synced survives a power loss, what was marked a crash",
                unbroken!(SyncedLost),
            ),
            kept(
                "nothing survives that was appended after something lost",
                unbroken!(NotSuffix),
            ),
        ],
        breaches: LogBreach::SyncedLost as u32 | LogBreach::NotSuffix as u32,
        reached: LogReached::AckedLostUnsynced as u32,
    },
    Def {
        code: "S3",
        name: "WP-GU-46 a segment is deleted only when every record in it was flushed, or removed on purpose",
        witness: "WP-GU-46 reached: a segment with records was deleted while the node was up",
        kind: Kind::Always,
        premise: kept(
            "a segment with records was deleted while the node was up",
            met!(SegmentDeleted),
        ),
        clauses: &[kept(
            "each record of a deleted segment was written by a flush, truncated or purged",
            unbroken!(SegmentNeeded),
        )],
        breaches: LogBreach::SegmentNeeded as u32,
        reached: LogReached::SegmentDeleted as u32,
    },
    Def {
        code: "S4",
        name: "WP-GU-47 after any crash a read returns what the files and the surviving log make of it",
        witness: "WP-GU-47 reached: replay passed over a flushed record and applied another",
        kind: Kind::Always,
        premise: kept(
            "replay passed over a flushed record and applied another",
            met!(SkippedAndApplied),
        ),
        clauses: &[kept(
            "after a restart a read returns the winner of everything that was flushed or survives in the log",
            unbroken!(StateLost),
        )],
        breaches: LogBreach::StateLost as u32,
        reached: LogReached::SkippedAndApplied as u32,
    },
    Def {
        code: "S4r",
        name: "WP-GU-60 what a replay has flushed is not replayed again, and nothing else is passed over",
        witness: "WP-GU-60 reached: replay passed over what an earlier one had flushed, and applied a record behind it",
        kind: Kind::Always,
        premise: kept(
            "replay passed over what an earlier one had flushed, and applied a record behind it; with rot, behind damage; without flushes on the way, of another table",
            met!(PassedOverReplayed),
        ),
        clauses: &[
            kept(
                "replay applies nothing that an earlier one has flushed",
                unbroken!(ReplayedAgain),
            ),
            kept(
                "replay passes over nothing that no flush has written, but what was truncated or forgotten by a compaction",
                unbroken!(PassedOver),
            ),
        ],
        breaches: LogBreach::ReplayedAgain as u32 | LogBreach::PassedOver as u32,
        reached: LogReached::PassedOverReplayed as u32,
    },
    Def {
        code: "S6",
        name: "WP-GU-48 replay ends at a torn tail, and refuses damage before it",
        witness: "WP-GU-48 reached: a log was replayed that a crash had torn or that had rotted",
        kind: Kind::Always,
        premise: kept(
            "a log was replayed that was torn or had rotted",
            met!(TornOrRefused),
        ),
        clauses: &[
            kept(
                "a log that a crash cut short is replayed up to there",
                unbroken!(TailRefused),
            ),
            kept(
                "damage before the last section of the log is reported",
                unbroken!(DamageHidden),
            ),
        ],
        breaches: LogBreach::TailRefused as u32 | LogBreach::DamageHidden as u32,
        reached: LogReached::TornOrRefused as u32,
    },
    Def {
        code: "S7",
        name: "WP-GU-49 what a flush failed to write stays dirty, and no truncation goes on without it",
        witness: "WP-GU-49 reached: a flush succeeded after one of its table had failed",
        kind: Kind::Always,
        premise: kept(
            "a flush succeeded after one of its table had failed",
            met!(SucceededAfterFailure),
        ),
        clauses: &[
            kept(
                "no flush marks positions of a failed one clean",
                unbroken!(FailedClean),
            ),
            kept(
                "no truncation ends while a flush of its table has failed",
                unbroken!(FailedIgnored),
            ),
        ],
        breaches: LogBreach::FailedClean as u32 | LogBreach::FailedIgnored as u32,
        reached: LogReached::SucceededAfterFailure as u32,
    },
    Def {
        code: "S8",
        name: "WP-GU-55 each write is in one memtable, within that memtable's bounds",
        witness: "WP-GU-55 reached: a write looked for its memtable while one was switched out",
        kind: Kind::Always,
        premise: kept(
            "a write looked for its memtable while one was switched out",
            met!(AppliedDuringSwitch),
        ),
        clauses: &[
            kept(
                "a write that was applied is in one memtable, or flushed",
                each_is_in_one_memtable,
            ),
            kept(
                "its position lies within the bounds of the memtable",
                |_, state| positions_lie_within_bounds(state),
            ),
        ],
        breaches: 0,
        reached: LogReached::AppliedDuringSwitch as u32,
    },
    Def {
        code: "S9",
        name: "WP-GU-50 after a crash a table has all inputs of a compaction or its output",
        witness: "WP-GU-50 reached: a compaction was interrupted after its commit, with an input left",
        kind: Kind::Always,
        premise: kept(
            "a compaction was interrupted after its commit, with an input left",
            met!(InterruptedCommitted),
        ),
        clauses: &[kept(
            "after a restart a table has all inputs of a compaction, or its output and no input",
            unbroken!(SetTorn),
        )],
        breaches: LogBreach::SetTorn as u32,
        reached: LogReached::InterruptedCommitted as u32,
    },
    Def {
        code: "S12",
        name: "WP-GU-52 commit log positions strictly increase across restarts",
        witness: "WP-GU-52 reached: a position was handed out in a second life",
        kind: Kind::Always,
        premise: kept("a position was handed out in a second life", met!(SecondLife)),
        clauses: &[kept(
            "each position lies above all that were ever handed out",
            unbroken!(PositionNotAbove),
        )],
        breaches: LogBreach::PositionNotAbove as u32,
        reached: LogReached::SecondLife as u32,
    },
    Def {
        code: "D3",
        name: "WP-GU-41 a tombstone is purged only when nothing that it shadows can still be anywhere on the node",
        witness: "WP-GU-41 reached: a compaction purged a tombstone",
        kind: Kind::Always,
        premise: kept("a compaction purged a tombstone", met!(Purged)),
        clauses: &[kept(
            "when a tombstone is purged, gc_grace is over and no other file, memtable or log segment has older data",
            unbroken!(PurgedEarly),
        )],
        breaches: LogBreach::PurgedEarly as u32,
        reached: LogReached::Purged as u32,
    },
    Def {
        code: "D3u",
        name: "WP-GU-61 a file is dropped unread only when nothing that it shadows can still be anywhere on the node",
        witness: "WP-GU-61 reached: a compaction dropped a file unread",
        kind: Kind::Always,
        premise: kept("a compaction dropped a file unread", met!(DroppedUnread)),
        clauses: &[kept(
            "when a compaction chooses a file to be dropped unread, it has a tombstone alone, gc_grace is over, and no file that stays, memtable or log segment has older data",
            unbroken!(DroppedEarly),
        )],
        breaches: LogBreach::DroppedEarly as u32,
        reached: LogReached::DroppedUnread as u32,
    },
    Def {
        code: "D5",
        name: "WP-GU-43 nothing that was acknowledged before a truncation comes back after it",
        witness: "WP-GU-43 reached: a log was replayed that held a truncated record",
        kind: Kind::Always,
        premise: kept(
            "a log was replayed that held a truncated record",
            met!(TruncatedInLog),
        ),
        clauses: &[kept(
            "no file and no memtable has a write that was acknowledged before the truncation",
            |_, state| nothing_gone_is_back(state),
        )],
        breaches: 0,
        reached: LogReached::TruncatedInLog as u32,
    },
];

/// Of this life: earlier ones are replayed into the first memtable, which does not own their positions.
fn is_of_this_life(state: &LogState, write: u8) -> bool {
    let position = state.write(write).position;
    position.is_some_and(|position| position.segment_id > state.id_base)
}

fn each_is_in_one_memtable(system: &LogSystem, state: &LogState) -> bool {
    (0_u8..).zip(&state.writes).all(|(write, written)| {
        let is_applied = matches!(written.phase, WritePhase::Applied | WritePhase::Acknowledged);
        if state.life != NodeLife::Up || !is_applied || !is_of_this_life(state, write) {
            return true;
        }
        let table = state.table(system.write(write).table);
        let holders = (table.memtables.iter()).filter(|memtable| memtable.writes & write_bit(write) != 0);
        let is_settled = (table.flushed | table.truncated) & write_bit(write) != 0;
        holders.count() + usize::from(is_settled) == 1
    })
}

fn positions_lie_within_bounds(state: &LogState) -> bool {
    let lies_within = |memtable: &Memtable, write: u8| {
        let Some(position) = state.write(write).position else {
            return true;
        };
        let is_below = match memtable.stage {
            SwitchStage::Current | SwitchStage::SwitchedOut { .. } => true,
            SwitchStage::Bounded { upper } | SwitchStage::BarrierIssued { upper, .. } => position <= upper,
        };
        is_below && position > memtable.lower
    };
    let memtables = state.tables.iter().flat_map(|table| &table.memtables);
    memtables.into_iter().all(|memtable| {
        writes_of(memtable.writes)
            .filter(|write| is_of_this_life(state, *write))
            .all(|write| lies_within(memtable, write))
    })
}

fn nothing_gone_is_back(state: &LogState) -> bool {
    state.tables.iter().all(|table| {
        let files = table
            .sstables
            .iter()
            .fold(0, |mask, sstable| mask | write_bit(sstable.winner));
        let memory = table
            .memtables
            .iter()
            .fold(0, |mask, memtable| mask | memtable.writes);
        (files | memory) & table.gone == 0
    })
}
