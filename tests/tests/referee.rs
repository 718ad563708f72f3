//! Cassandra's own classes judge files that the storage engine wrote in runs by chance.
//!
//! Needs Java and Maven, so it runs only when it is asked for:
//! `cargo test -p thymbra-tests --test referee -- --ignored`. `THYMBRA_REFEREE_CASES` says how many runs,
//! `PROPTEST_RNG_SEED` repeats a series, `THYMBRA_REFEREE_DIR` keeps the files. What is judged stands in
//! `tests/cassandra/README.md`.

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngSeed, TestRunner};
use proptest_state_machine::ReferenceStateMachine as _;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};
use thymbra_tests::referee::export::{self, Ending};
use thymbra_tests::repository;
use thymbra_tests::storage_oracle::coverage::{Coverage, Met};
use thymbra_tests::storage_oracle::crash;
use thymbra_tests::storage_oracle::generate::Operations;
use thymbra_tests::storage_oracle::script::Script;

/// Runs, unless `THYMBRA_REFEREE_CASES` says another number.
const CASES_COUNT: usize = 48;
/// Operations of a run at most.
const OPERATIONS_COUNT: usize = 60;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// The seed that the caller gives, or one that no run before had.
fn seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    number("PROPTEST_RNG_SEED").unwrap_or_else(|| u64::from(now.subsec_nanos()))
}

/// What Cassandra must have met in the SSTables of a series, by the names that `Contents.java` gives.
const REQUIRED: [&str; 17] = [
    "cell tombstones",
    "complex columns",
    "complex deletions",
    "compressed SSTables",
    "element tombstones",
    "expiring cells",
    "expiring rows",
    "live cells",
    "partition deletions",
    "promoted indexes",
    "range tombstone bounds",
    "row deletions",
    "static rows",
    "tables of several SSTables",
    "uncompressed SSTables",
    "updates replayed",
    "updates skipped",
];

/// Runs scripts by chance, each into a folder of its own; says what they met.
fn write_cases(seed: u64, folder: &Path) -> Coverage {
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(seed),
        ..Config::default()
    });
    let cases_count = number("THYMBRA_REFEREE_CASES").map_or(CASES_COUNT, |count| {
        usize::try_from(count).expect("a number of runs")
    });
    let mut coverage = Coverage::default();
    for (case, ending) in (0..cases_count).zip(Ending::ALL.into_iter().cycle()) {
        let strategy = Operations::sequential_strategy(1..OPERATIONS_COUNT);
        let drawn = strategy.new_tree(&mut runner).expect("operations can be drawn");
        let (plan, operations, _) = drawn.current();
        let script = Script {
            setup: plan.setup,
            operations: plan.without_ties(operations),
        };
        let mut trial = crash::run(&script)
            .map_err(|failure| format!("seed {seed}: {failure}"))
            .expect("the engine agrees with the oracle");
        export::settle(&mut trial, ending)
            .map_err(|stop| format!("seed {seed}: {stop:?}"))
            .expect("the engine settles");
        export::write(&trial, &folder.join(format!("case-{case}"))).expect("files can be written");
        coverage.add(&trial.coverage());
    }
    coverage
}

/// The lines of the judgement that are bad, and the sums of what all count.
fn read_judgement(lines: &str) -> (Vec<&str>, BTreeMap<String, u64>) {
    let mut bad = Vec::new();
    let mut counts = BTreeMap::new();
    for line in lines.lines() {
        let document: serde_json::Value = serde_json::from_str(line).expect("a line is a document");
        if document["verdict"] != "good" {
            bad.push(line);
        }
        for (name, value) in document.as_object().into_iter().flatten() {
            *counts.entry(name.clone()).or_default() += value.as_u64().unwrap_or_default();
        }
    }
    (bad, counts)
}

#[test]
#[ignore = "needs Java 17 and Maven"]
fn cassandra_finds_in_our_files_what_the_oracle_holds() {
    let seed = seed();
    eprintln!("PROPTEST_RNG_SEED={seed}");
    let scratch = tempfile::tempdir().expect("a directory for files");
    let folder =
        std::env::var_os("THYMBRA_REFEREE_DIR").map_or_else(|| scratch.path().to_path_buf(), PathBuf::from);
    let coverage = write_cases(seed, &folder);
    let output = Command::new(repository::root().join("tests/cassandra/referee"))
        .arg("judge")
        .arg(&folder)
        .output()
        .expect("the referee can be called");
    let lines = String::from_utf8_lossy(&output.stdout);
    let (bad, counts) = read_judgement(&lines);
    assert!(
        output.status.success() && bad.is_empty(),
        "PROPTEST_RNG_SEED={seed}\n{}\n{}",
        bad.join("\n"),
        String::from_utf8_lossy(&output.stderr)
    );
    for (name, count) in &counts {
        eprintln!("{name:28} {count:6}");
    }
    let is_missing = |name: &&&str| counts.get(**name).is_none_or(|count| *count == 0);
    let missing: Vec<_> = REQUIRED.iter().filter(is_missing).collect();
    let unmet = coverage.missing(&[Met::CompactionMerged]);
    assert!(
        missing.is_empty() && unmet.is_empty(),
        "PROPTEST_RNG_SEED={seed} never had: {missing:?} {unmet:?}"
    );
}
