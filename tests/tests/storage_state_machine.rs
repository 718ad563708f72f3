//! Operations by chance on the storage engine and its oracle, shrunk to a script where they differ.
//!
//! `THYMBRA_STORAGE_CASES` says how many runs; `PROPTEST_RNG_SEED` repeats a series. Chapters:
//! `specs/06-commit-log.md` to `specs/09-compaction.md`.

use proptest::test_runner::{Config, RngSeed, TestError, TestRunner};
use proptest_state_machine::ReferenceStateMachine as _;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::time::SystemTime;
use thymbra_tests::storage_oracle::coverage::{Coverage, Met};
use thymbra_tests::storage_oracle::crash;
use thymbra_tests::storage_oracle::generate::Operations;
use thymbra_tests::storage_oracle::script::Script;

/// Runs, unless `THYMBRA_STORAGE_CASES` says another number.
const CASES_COUNT: u32 = 1_000;
/// Operations of a run at most.
const OPERATIONS_COUNT: usize = 120;

/// What a set of runs meets whatever its seed.
const REQUIRED: [Met; 19] = [
    Met::ReplayApplied,
    Met::ReplaySkipped,
    Met::FlushesOutOfOrder,
    Met::FlushAbandoned,
    Met::SegmentSwitched,
    Met::SegmentDiscarded,
    Met::CompactionMerged,
    Met::TombstonePurged,
    Met::PartitionPurged,
    Met::TombstoneKept,
    Met::ExpiredSSTableDropped,
    Met::SkippedByTimestamp,
    Met::SkippedByNewerRow,
    Met::SkippedByClustering,
    Met::SkippedByFilter,
    Met::ReadFromSSTable,
    Met::UnsyncedWriteLost,
    Met::Truncated,
    Met::ColumnDropped,
];

fn cases_count() -> u32 {
    let cases = std::env::var("THYMBRA_STORAGE_CASES").ok();
    cases.and_then(|cases| cases.parse().ok()).unwrap_or(CASES_COUNT)
}

/// The seed that the caller gives, or a fresh one.
fn seed() -> u64 {
    let given = std::env::var("PROPTEST_RNG_SEED").ok();
    given.and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        now.map_or(0, |since| u64::from(since.subsec_nanos()))
    })
}

#[test]
fn engine_and_oracle_agree_whatever_is_done() {
    let seed = seed();
    eprintln!("PROPTEST_RNG_SEED={seed} THYMBRA_STORAGE_CASES={}", cases_count());
    let config = Config {
        cases: cases_count(),
        failure_persistence: None,
        max_shrink_iters: 5_000,
        rng_seed: RngSeed::Fixed(seed),
        ..Config::default()
    };
    let coverage = RefCell::new(Coverage::default());
    let strategy = Operations::sequential_strategy(1..OPERATIONS_COUNT);
    let result = TestRunner::new(config).run(&strategy, |(plan, operations, seen_count)| {
        // None of the operations is one that the run did not come to.
        if let Some(seen_count) = seen_count {
            seen_count.store(operations.len(), Ordering::SeqCst);
        }
        let script = Script {
            setup: plan.setup,
            operations,
        };
        let ended = catch_unwind(AssertUnwindSafe(|| crash::run(&script)));
        match ended {
            Ok(Ok(trial)) => {
                coverage.borrow_mut().add(&trial.coverage());
                Ok(())
            }
            Ok(Err(failure)) => Err(proptest::test_runner::TestCaseError::fail(failure)),
            Err(_) => Err(proptest::test_runner::TestCaseError::fail(format!(
                "# panics\n{script}"
            ))),
        }
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(reason, _)) => panic!("PROPTEST_RNG_SEED={seed}\n{reason}"),
        Err(TestError::Abort(reason)) => panic!("PROPTEST_RNG_SEED={seed} gave up: {reason}"),
    }
    let coverage = coverage.into_inner();
    eprintln!("{coverage}");
    let missing = coverage.missing(&REQUIRED);
    assert!(missing.is_empty(), "never met: {missing:?}");
}
