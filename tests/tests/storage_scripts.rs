//! The scripts of the storage engine: runs worth keeping, each with a name that is its claim.
//!
//! Their form stands in `tests/storage_scripts/README.md`.

use std::path::Path;
use thymbra_tests::storage_oracle::coverage::{Coverage, Met};
use thymbra_tests::storage_oracle::crash;
use thymbra_tests::storage_oracle::script::Script;

/// What scripts are about, so that an engine that never leaves anything out does not pass.
const REQUIRED: [Met; 5] = [
    Met::ExpiredSSTableDropped,
    Met::SkippedByTimestamp,
    Met::SkippedByNewerRow,
    Met::SkippedByClustering,
    Met::SkippedByFilter,
];

fn scripts() -> Vec<(String, Script)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("storage_scripts");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder of scripts")
        .map(|entry| entry.expect("an entry of the folder").path())
        .collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "script"));
    paths.sort();
    let script = |path: &Path| {
        let name = path
            .file_stem()
            .expect("a script has a name")
            .to_string_lossy()
            .into_owned();
        let parsed = Script::parse(&std::fs::read_to_string(path).expect("a script can be read"));
        let parsed = parsed.map_err(|reason| format!("{name}: {reason}"));
        (name, parsed.expect("every script of the folder can be read"))
    };
    paths.iter().map(|path| script(path)).collect()
}

#[test]
fn every_script_runs_as_its_name_claims() {
    let mut coverage = Coverage::default();
    let mut failures = Vec::new();
    for (name, script) in scripts() {
        match crash::run(&script) {
            Ok(trial) => coverage.add(&trial.coverage()),
            Err(failure) => failures.push(format!("{name}\n{failure}")),
        }
    }
    eprintln!("{coverage}");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    let missing = coverage.missing(&REQUIRED);
    assert!(missing.is_empty(), "never met: {missing:?}");
}
