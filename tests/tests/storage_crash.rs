//! A crash, an error and a full disk at every operation of the disk, in runs of every kind of work.
//!
//! `THYMBRA_STORAGE_CRASHES=all` tries many more losses. Chapters: `specs/06-commit-log.md`,
//! `specs/07-memtable-and-flush.md`, `specs/09-compaction.md`.

use std::time::Instant;
use thymbra_tests::storage_oracle::coverage::Met;
use thymbra_tests::storage_oracle::crash::{Explored, Fault, Thoroughness, explore, explore_faults};
use thymbra_tests::storage_oracle::script::Script;

/// Runs that have each kind of work, with the names of what they are about.
const RUNS: [(&str, &str); 10] = [
    (
        "writes",
        "with batch segment=4096
write 0: simple () v=1 @0; statics (1) v='a' @0
write 1: wide (1,'a') v=1 @0
write 0: simple () delete v @1; collections ('a') m['a']=1 @0
",
    ),
    (
        "writes that are synced later",
        "with periodic segment=4096
write 0: simple () v=1 @0; statics (1) v='a' @0
write 1: wide (1,'a') v=1 @0
sync
write 0: simple () v=2 @1; statics (1) v='b' @1
clock +150ms
tick
write 0: simple () v=3 @2
flush simple
write 0: statics (1) v='c' @2
",
    ),
    (
        "segments of a compressed log",
        "with batch compressed-log segment=4096
write 0: simple () w='aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' @0
write 1: simple () w='aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' @0
flush simple
write 2: simple () w='b' @0
kill
write 2: simple () w='c' @1
",
    ),
    (
        "flushes in any order",
        "with batch segment=4096
write 0: wide (1,'a') v=1 @0
begin-flush wide
write 0: wide (1,'a') v=2 @1; wide (2,'a') v=2 @1
begin-flush wide
finish-flush 1
write 1: wide (1,'a') v=3 @2
finish-flush 0
",
    ),
    (
        "flushes for which nobody asked",
        "with periodic segment=4096 memtable=4096
write 0: simple () v=1 @0; statics (1) v='a' @0
begin-flush statics
write 1: statics (1) v='b' @0; simple () w='aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' @1
write 2: simple () w='bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb' @1
write 1: ephemeral (1) v=1 @1
tick
write 2: statics (1) v='c' @2; simple () v=3 @2
abandon-flush 0
tick
write 3: simple () v=4 @2; statics (1) v='d' @2
",
    ),
    (
        "compaction that forgets",
        "with batch segment=4096
write 0: simple () v=1 @0; statics static s=1 @0
flush simple
write 0: simple () delete v @1
flush simple
clock +100s
restart
compact simple
write 0: simple () w='a' @90
",
    ),
    (
        "partitions with an index of their rows",
        "with batch segment=4096 column-index=1
write 0: wide range before(1) after(3) delete @0; wide (2,'a') v=1 @1
flush wide
write 0: wide (1,'a') v=1 @2; wide (2,'a') v=2 @2
write 0: wide (3,'a') v=1 @2
flush wide
read wide 0 before(2) after(2)
compact wide
write 0: wide (2,'a') delete @3
read wide 0 before(2) after(3) reversed
",
    ),
    (
        "truncation",
        "with batch segment=4096
write 0: simple () v=1 @0; statics (1) v='a' @0
flush simple
write 1: simple () v=1 @0
truncate simple
write 2: simple () v=1 @0
",
    ),
    (
        "columns",
        "with batch segment=4096
write 0: wide (1,'a') v=1 @0; wide (1,'a') w='x' @0
flush wide
write 0: wide (2,'a') v=1 @0
clock +10s
drop-column wide v
add-column wide t
write 0: wide (2,'a') t['a']= @12
flush wide
",
    ),
    (
        "restarts",
        "with batch segment=4096
write 0: collections ('a') l[1]=1 @0; collections ('a') u[0]=1 @0
restart
write 0: collections ('a') delete l[*] @1
kill
flush collections
compact collections
",
    ),
];

/// A run with several segments, of which some are discarded.
fn segment_switches() -> String {
    let mut lines = vec!["with batch segment=1024".to_owned()];
    let filling = "a".repeat(150);
    for number in 0..8 {
        lines.push(format!(
            "write {}: simple () w='{filling}{number}' @{number}",
            number % 4
        ));
        if number == 5 {
            lines.push("flush simple".to_owned());
        }
    }
    lines.join("\n")
}

fn runs() -> Vec<(&'static str, Script)> {
    let mut runs: Vec<_> = RUNS
        .iter()
        .map(|(name, text)| (*name, Script::parse(text).expect("each run is a script")))
        .collect();
    runs.push((
        "segments",
        Script::parse(&segment_switches()).expect("the lines are a script"),
    ));
    runs
}

fn tries_all() -> bool {
    std::env::var("THYMBRA_STORAGE_CRASHES").is_ok_and(|value| value == "all")
}

/// Explores every run, and adds up what was met; the report has a line for each.
fn explore_each(explore: impl Fn(&Script) -> Result<Explored, String>) -> (Explored, String) {
    let mut all = Explored::default();
    let mut report = Vec::new();
    let mut failures = Vec::new();
    for (name, script) in runs() {
        let began = Instant::now();
        match explore(&script) {
            Ok(explored) => {
                report.push(format!("{name}: {explored}, {} ms", began.elapsed().as_millis()));
                all.add(&explored);
            }
            Err(failure) => failures.push(format!("{name}:\n{failure}")),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    let report = format!("{}\nall: {all}\n{}", report.join("\n"), all.coverage);
    (all, report)
}

#[test]
fn crash_at_any_operation_loses_nothing_acknowledged_and_halves_nothing() {
    let thoroughness = if tries_all() {
        Thoroughness {
            every: 1,
            subsets_up_to: 6,
            lots_count: 60,
            images_count: 200,
            second_every: 50,
            second_images_count: 6,
        }
    } else {
        Thoroughness {
            every: 1,
            subsets_up_to: 4,
            lots_count: 4,
            images_count: 6,
            second_every: 150,
            second_images_count: 2,
        }
    };
    let (all, report) = explore_each(|script| explore(script, &thoroughness));
    println!("crashes\n{report}");
    assert!(all.second_crashes_count > 0, "no recovery was crashed");
    let required = [
        Met::SomethingLost,
        Met::ReplayApplied,
        Met::ReplaySkipped,
        Met::TornTail,
        Met::LeftoversRemoved,
        Met::UnsyncedWriteLost,
        Met::UnsyncedWriteKept,
        Met::FlushesOutOfOrder,
        Met::TombstonePurged,
        Met::Truncated,
    ];
    let missing = all.coverage.missing(&required);
    assert!(missing.is_empty(), "never met: {missing:?}");
}

#[test]
fn crash_of_which_nothing_is_lost_counts_as_no_loss() {
    let process_ends = Thoroughness {
        every: 1,
        subsets_up_to: 0,
        lots_count: 0,
        images_count: 1,
        second_every: u64::MAX,
        second_images_count: 0,
    };
    let (_, script) = runs().swap_remove(0);
    let explored = explore(&script, &process_ends).expect("the run is right");
    assert_eq!(
        explored.coverage.missing(&[Met::SomethingLost]),
        [Met::SomethingLost]
    );
    assert!(explored.images_count > 0 && explored.second_crashes_count == 0);
}

/// A fault at every operation of each run; what the engines met on the way shows that they did their work around it.
/// Gives the report.
fn explore_fault(fault: Fault) -> String {
    let (all, report) = explore_each(|script| {
        let explored = explore_faults(script, fault)?;
        match explored.refusing_runs_count {
            0 => Err(format!("no engine noticed a fault\n{script}")),
            _ => Ok(explored),
        }
    });
    let required = [
        Met::SomethingLost,
        Met::ReplayApplied,
        Met::ReplaySkipped,
        Met::TornTail,
        Met::LeftoversRemoved,
        Met::UnsyncedWriteLost,
        Met::UnsyncedWriteKept,
        Met::FlushesOutOfOrder,
        Met::FlushAbandoned,
        Met::SegmentSwitched,
        Met::SegmentDiscarded,
        Met::CompactionMerged,
        Met::TombstonePurged,
        Met::Truncated,
        Met::ColumnDropped,
    ];
    let missing = all.coverage.missing(&required);
    assert!(missing.is_empty(), "never met: {missing:?} in\n{report}");
    let unnoticed_count = all.crashes_count - all.refusing_runs_count;
    assert!(unnoticed_count > 0, "no fault was made good without a refusal");
    report
}

#[test]
fn error_at_any_operation_is_reported_and_loses_nothing_acknowledged() {
    println!("errors\n{}", explore_fault(Fault::ErrorOnce));
}

#[test]
fn full_disk_from_any_operation_on_loses_nothing_acknowledged() {
    println!("full disks\n{}", explore_fault(Fault::Full));
}
