//! `thymbra verify`: sound files are called sound, and every changed byte that can matter is found.

#[expect(dead_code, reason = "each test uses a part of this")]
mod files;

use std::path::Path;

use thymbra_format::commitlog::{
    CommitLogDescriptor, SegmentCompression, write_compressed_section, write_record,
};

use files::{copy, fixtures, foreign_fixtures, own_table, printed, thymbra};

const VERIFY: &[&str] = &["verify"];

#[test]
fn files_of_cassandra_are_sound() {
    let text = printed(VERIFY, &fixtures().join("sstables"));
    assert_eq!(
        text.lines().filter(|line| line.contains(": sound, ")).count(),
        35,
        "{text}"
    );
    let text = printed(VERIFY, &fixtures().join("commitlog"));
    assert!(
        text.contains("plain/CommitLog-7-1700000000003.log: sound, records 48"),
        "{text}"
    );
    if let Some(foreign) = foreign_fixtures("files_of_cassandra_are_sound") {
        let text = printed(VERIFY, &foreign);
        assert!(text.lines().all(|line| line.contains(": sound, ")), "{text}");
        assert!(
            text.contains("nb-1-big: sound, partitions 1000, rows 1000"),
            "{text}"
        );
        assert!(text.contains("sound, records 2628"), "{text}");
    }
}

#[test]
fn an_sstable_is_named_by_any_of_its_files_and_verified_once() {
    let folder = own_table("keys_lz4");
    let text = printed(VERIFY, &folder.join("nb-1-big-Index.db"));
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(
        text.ends_with("nb-1-big: sound, partitions 130, rows 130\n"),
        "{text}"
    );
}

#[cfg(unix)]
#[test]
fn directory_is_searched_once_whatever_links_lead_to_it() {
    let (scratch, folder) = copy(&own_table("keys_lz4"));
    for link in ["first", "second"] {
        std::os::unix::fs::symlink(scratch.path(), folder.join(link)).expect("a link");
    }
    let text = printed(VERIFY, scratch.path());
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn what_cannot_be_verified_is_not_called_sound() {
    for (path, word) in [
        (fixtures().join("foreign"), "version oa"),
        (fixtures().join("README.md"), "no file of an SSTable"),
        (fixtures().join("nothing"), "No such file"),
    ] {
        let output = thymbra(VERIFY, &path);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(errors.contains(word), "{errors}");
    }
    let empty = tempfile::tempdir().expect("a directory for files");
    assert_eq!(thymbra(VERIFY, empty.path()).status.code(), Some(1));
}

/// What is said of a file that was changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Said {
    Sound,
    /// What a crash may have left at the end of a commit log.
    Torn,
    Damaged,
}

/// Whether a file that was changed is called damaged; the line names a file.
fn is_damaged(folder: &Path, what: &str) -> bool {
    said_of(folder, what) == Said::Damaged
}

fn said_of(folder: &Path, what: &str) -> Said {
    let output = thymbra(VERIFY, folder);
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.is_empty(), "{what}: {errors}");
    let status = output.status.code();
    assert!(matches!(status, Some(0 | 1)), "{what}: exit {status:?}");
    let is_damaged = status == Some(1);
    assert_eq!(is_damaged, text.contains("DAMAGED\n  "), "{what}: {text}");
    match (is_damaged, text.contains("\n  torn tail: ")) {
        (true, _) => Said::Damaged,
        (false, true) => Said::Torn,
        (false, false) => Said::Sound,
    }
}

#[test]
fn segment_that_is_cut_is_found_wherever_it_is_cut() {
    let scratch = tempfile::tempdir().expect("a directory for files");
    let name = "CommitLog-7-1700000000003.log";
    let whole = std::fs::read(fixtures().join("commitlog/plain").join(name)).expect("the fixture");
    for length in (1..whole.len()).filter(|length| length % 1024 == 0 || length % 61 == 0) {
        std::fs::write(scratch.path().join(name), &whole[..length]).expect("a file");
        let said = said_of(scratch.path(), &format!("cut to {length}"));
        let has_lost_something = whole[length..].iter().any(|byte| *byte != 0);
        assert!(said != Said::Sound || !has_lost_something, "cut to {length}");
        let dumped = thymbra(&["dump", "commitlog"], scratch.path());
        let status = i32::from(said == Said::Damaged);
        assert_eq!(dumped.status.code(), Some(status), "cut to {length}");
        let is_torn = String::from_utf8_lossy(&dumped.stdout).contains("\"torn tail\"");
        assert_eq!(is_torn, said == Said::Torn, "cut to {length}");
    }
}

/// Bytes that no checksum covers and nothing else contradicts: a wrong value there gives no wrong answer.
fn is_harmless(component: &str, index: usize) -> bool {
    match component {
        // Length of a slice: one slice is all of a short file whatever its length.
        "CRC.db" => index < 4,
        // A bit too many: a key is looked for in vain.
        "Filter.db" => index >= 8,
        // Keys between entries, of which a small file has one.
        "Summary.db" => index < 4,
        // Length above which a chunk is stored as it is, while no chunk is so long.
        "CompressionInfo.db" => (23..27).contains(&index),
        _ => false,
    }
}

fn every_changed_byte_is_found(table: &str) {
    let (_scratch, folder) = copy(&own_table(table));
    let mut found_count = 0;
    for entry in std::fs::read_dir(&folder).expect("the copy is there") {
        let path = entry.expect("a directory can be read").path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let Some(component) = name.strip_prefix("nb-1-big-") else {
            continue;
        };
        let bytes = std::fs::read(&path).expect("the copy has it");
        let step = 1 + bytes.len() / 250;
        for index in (0..bytes.len()).step_by(step) {
            let mut damaged = bytes.clone();
            damaged[index] ^= 1 << (index % 8);
            std::fs::write(&path, &damaged).expect("the copy can be written");
            let is_found = is_damaged(&folder, &format!("{component} byte {index}"));
            assert!(
                is_found || is_harmless(component, index),
                "{component} byte {index}"
            );
            found_count += usize::from(is_found);
        }
        std::fs::write(&path, &bytes).expect("the copy can be written");
    }
    assert!(found_count > 350, "{found_count}");
    assert!(!is_damaged(&folder, "the copy as it was"));
}

#[test]
fn every_changed_byte_of_a_plain_sstable_is_found() {
    every_changed_byte_is_found("statics");
}

#[test]
fn every_changed_byte_of_a_compressed_sstable_is_found() {
    every_changed_byte_is_found("wide_lz4");
}

#[test]
fn every_cut_of_every_component_is_found() {
    let (_scratch, folder) = copy(&own_table("wide_plain"));
    for entry in std::fs::read_dir(&folder).expect("the copy is there") {
        let path = entry.expect("a directory can be read").path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if !name.starts_with("nb-1-big-") {
            continue;
        }
        let bytes = std::fs::read(&path).expect("the copy has it");
        let step = 1 + bytes.len() / 40;
        for size in (0..bytes.len()).step_by(step) {
            std::fs::write(&path, &bytes[..size]).expect("the copy can be written");
            assert!(is_damaged(&folder, &name), "{name} cut to {size} bytes");
        }
        std::fs::remove_file(&path).expect("the copy has it");
        let is_found = is_damaged(&folder, &name);
        // An SSTable without its list of files is not found by the name of that file, but by any other.
        assert!(is_found, "{name} is missing");
        std::fs::write(&path, &bytes).expect("the copy can be written");
    }
}

#[test]
fn changed_bytes_of_a_commit_log_are_found() {
    for kind in ["plain", "lz4"] {
        let (_scratch, folder) = copy(&fixtures().join("commitlog").join(kind));
        let segment = folder.join("CommitLog-7-1700000000003.log");
        let bytes = std::fs::read(&segment).expect("the copy has it");
        // What stands behind the end of the log was never synced: nobody reads it.
        let end = bytes.iter().rposition(|byte| *byte != 0).expect("a log") + 1;
        let mut damaged_count = 0;
        for index in (0..end).step_by(31) {
            let mut damaged = bytes.clone();
            damaged[index] ^= 1 << (index % 8);
            std::fs::write(&segment, &damaged).expect("the copy can be written");
            let said = said_of(&folder, kind);
            assert_ne!(said, Said::Sound, "{kind} byte {index}");
            damaged_count += usize::from(said == Said::Damaged);
        }
        assert!(damaged_count > 10, "{kind}: {damaged_count}");
    }
}

#[test]
fn compressed_segment_without_its_end_is_damaged_once_records_follow() {
    let scratch = tempfile::tempdir().expect("a directory for files");
    let segment = |id: i64, has_end: bool| {
        let descriptor = CommitLogDescriptor {
            segment_id: id,
            compression: SegmentCompression::Lz4 {
                parameters: None,
                has_end_marker: true,
            },
        };
        let mut bytes = Vec::new();
        descriptor.write(&mut bytes);
        let mut records = Vec::new();
        write_record(&mut records, |out| {
            out.extend([7; 40]);
            Ok::<(), std::fmt::Error>(())
        })
        .expect("a record");
        write_compressed_section(id, &records, 0, &mut bytes);
        if has_end {
            bytes.extend([0; 8]);
        }
        std::fs::write(scratch.path().join(descriptor.file_name()), bytes).expect("a file");
    };
    segment(5, false);
    assert!(
        !is_damaged(scratch.path(), "the only one"),
        "more may have been about to come"
    );
    segment(6, false);
    assert!(is_damaged(scratch.path(), "an earlier one without an end"));
    segment(5, true);
    assert!(!is_damaged(scratch.path(), "an earlier one with its end"));
}
