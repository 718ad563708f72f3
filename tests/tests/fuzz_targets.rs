//! The fuzz targets on a bounded set of inputs, and what each needs to be run without end.
//!
//! Chapter: `specs/08-sstable.md`; how to run them without end stands in DEVELOPING.md.

use std::path::{Path, PathBuf};
use std::time::Instant;
use thymbra_tests::fuzz_targets::bounded::run_bounded;
use thymbra_tests::fuzz_targets::{TARGETS, corpus};

/// Inputs by lot for each target, unless `THYMBRA_FUZZ_INPUTS` says another number.
const LOTS_COUNT: usize = 20_000;
/// Address space that a target may take beyond what the process has: decoders allocate what they read.
const MEMORY_KIB: u64 = 256 << 10;

fn fuzz_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The most address space that this process has had, KiB; `None` where the system does not say.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmPeak:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[test]
fn every_decoder_answers_to_any_bytes_and_agrees_with_its_encoder() {
    let lots_count = std::env::var("THYMBRA_FUZZ_INPUTS")
        .ok()
        .and_then(|count| count.parse().ok());
    let corpus = fuzz_folder().join("corpus");
    for target in &TARGETS {
        let (began, peak_before) = (Instant::now(), peak_kib());
        let run = run_bounded(target, &corpus, lots_count.unwrap_or(LOTS_COUNT));
        eprintln!(
            "{:20} {:3} seeds {:7} inputs {:6} ms",
            target.name,
            run.seeds_count,
            run.inputs_count,
            began.elapsed().as_millis()
        );
        assert!(run.seeds_count > 0, "{} has no corpus", target.name);
        assert_eq!(
            run.whole_count, run.seeds_count,
            "{}: some seeds are not whole",
            target.name
        );
        if let (Some(before), Some(after)) = (peak_before, peak_kib()) {
            let taken = after - before;
            assert!(taken < MEMORY_KIB, "{} took {taken} KiB", target.name);
        }
    }
}

#[test]
fn every_corpus_has_one_whole_input_of_each_form() {
    let writes = std::env::var_os("UPDATE_FUZZ_CORPUS").is_some();
    for (target, name, bytes) in corpus::seeds() {
        let folder = fuzz_folder().join("corpus").join(target);
        let path = folder.join(name);
        if writes {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &bytes).unwrap();
        }
        let committed = std::fs::read(&path).unwrap_or_default();
        assert_eq!(
            committed, bytes,
            "{target}/{name}; UPDATE_FUZZ_CORPUS=1 writes it"
        );
    }
}

#[test]
fn every_target_can_be_run_without_end() {
    let manifest = std::fs::read_to_string(fuzz_folder().join("Cargo.toml")).unwrap();
    for target in &TARGETS {
        let path = format!("fuzz_targets/{}.rs", target.name);
        assert!(
            manifest.contains(&format!("path = \"{path}\"")),
            "{path} is not in the manifest"
        );
        let source = std::fs::read_to_string(fuzz_folder().join(&path)).unwrap();
        assert!(
            source.contains(&format!("\"{}\"", target.name)),
            "{path} runs another target"
        );
    }
}
