//! `dump commitlog` and `verify` judge the end of a segment as the engine does that starts on it: clean, torn, or damaged.

#[expect(dead_code, reason = "each test uses a part of this")]
mod files;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thymbra_durability::SyncMode;
use thymbra_format::commitlog::{
    CommitLogDescriptor, SegmentCompression, SegmentItem, SegmentReader, write_compressed_section,
    write_record,
};
use thymbra_storage::clock::ManualClock;
use thymbra_storage::commit_log::{CommitLog, CommitLogConfig, CommitLogError, LoggedUpdate};
use thymbra_storage::disk::{Disk, RealDisk, SimulatedDisk};
use thymbra_types::{CommitLogPosition, TableId, Timestamp};

use files::{fixtures, thymbra};

/// What is made of a commit log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Verdict {
    Clean,
    Torn,
    Damaged,
}

/// Mutations that Cassandra wrote, so that they can be printed.
fn mutations() -> Vec<Vec<u8>> {
    let path = fixtures().join("commitlog/plain/CommitLog-7-1700000000003.log");
    let bytes = fs::read(path).expect("the fixture");
    let mut reader = SegmentReader::open(&bytes, None).expect("the fixture is a segment");
    let mut mutations = Vec::new();
    while let Some(item) = reader.next() {
        if let SegmentItem::Record(record) = item {
            mutations.push(record.mutation.to_vec());
        }
    }
    mutations
}

fn config(directory: &Path, sync_mode: SyncMode, is_compressed: bool) -> CommitLogConfig {
    CommitLogConfig {
        sync_mode,
        segment_size_bytes: 1024,
        has_threads: false,
        is_compressed,
        ..CommitLogConfig::in_directory(directory)
    }
}

fn open(config: &CommitLogConfig, disk: Arc<dyn Disk>) -> CommitLog {
    let clock = Arc::new(ManualClock::at_ms(1_000_000));
    CommitLog::open(config.clone(), disk, clock).expect("a log")
}

fn append(log: &CommitLog, mutation: &[u8]) -> CommitLogPosition {
    let update = LoggedUpdate {
        table: TableId(7),
        least_timestamp: Timestamp(0),
    };
    log.add(mutation, [update]).expect("a log takes mutations")
}

/// The segments of a run whose process ended, with their names, oldest first; each record is a section.
fn run(is_compressed: bool) -> Vec<(String, Vec<u8>)> {
    let scratch = tempfile::tempdir().expect("a directory for files");
    let config = config(scratch.path(), SyncMode::Batch, is_compressed);
    let log = open(&config, Arc::new(RealDisk));
    for mutation in &mutations() {
        let position = append(&log, mutation);
        log.await_acknowledgement(position).expect("a sync");
    }
    drop(log);
    let mut segments: Vec<_> = fs::read_dir(scratch.path())
        .expect("a directory can be read")
        .map(|entry| {
            let path = entry.expect("a directory can be read").path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            (name, fs::read(path).expect("a segment"))
        })
        .filter(|(name, bytes)| name.starts_with("CommitLog") && has_records(bytes))
        .collect();
    segments.sort();
    assert!(segments.len() > 2, "{} segments", segments.len());
    segments
}

fn has_records(bytes: &[u8]) -> bool {
    SegmentReader::open(bytes, None).is_ok_and(|reader| !reader.is_at_end())
}

/// A directory with these segments.
fn directory_of(segments: &[(String, Vec<u8>)]) -> (tempfile::TempDir, PathBuf) {
    let scratch = tempfile::tempdir().expect("a directory for files");
    let directory = scratch.path().join("commitlog");
    fs::create_dir(&directory).expect("a directory can be made");
    for (name, bytes) in segments {
        fs::write(directory.join(name), bytes).expect("a file");
    }
    (scratch, directory)
}

/// The verdict of both commands, which is one.
fn judged(path: &Path, what: &str) -> Verdict {
    let verdicts = [&["verify"][..], &["dump", "commitlog"]].map(|words| {
        let output = thymbra(words, path);
        let text = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        let all = format!("{what}: {words:?}: {text}{errors}");
        let is_torn = text.contains("torn tail");
        match (output.status.code(), is_torn) {
            (Some(0), false) => Verdict::Clean,
            (Some(0), true) => {
                assert!(all.contains(" offset "), "{all}");
                assert!(
                    all.contains("expected") || all.contains("give") || all.contains("needs"),
                    "{all}"
                );
                assert!(all.contains("replay ends here"), "{all}");
                assert!(!all.contains("DAMAGED"), "{all}");
                Verdict::Torn
            }
            (status, is_torn) => {
                assert_eq!((status, is_torn), (Some(1), false), "{all}");
                Verdict::Damaged
            }
        }
    });
    assert_eq!(verdicts[0], verdicts[1], "{what}");
    verdicts[0]
}

/// What the engine makes of a directory; it adds a segment.
fn started(config: &CommitLogConfig, disk: Arc<dyn Disk>) -> Verdict {
    let log = open(config, disk);
    let replayed = log.replay(CommitLogPosition::NONE, |_| Ok::<_, CommitLogError>(()));
    match replayed {
        Ok(summary) if summary.torn_tail.is_some() => Verdict::Torn,
        Ok(_) => Verdict::Clean,
        Err(error) => {
            assert!(matches!(error, CommitLogError::Corrupt { .. }), "{error}");
            Verdict::Damaged
        }
    }
}

/// Counts of clean, torn and damaged.
type Counts = [usize; 3];

/// Asks the commands and then the engine about the same segments, which agree.
fn agree(segments: &[(String, Vec<u8>)], is_compressed: bool, what: &str, counts: &mut Counts) {
    let (_scratch, directory) = directory_of(segments);
    let found = judged(&directory, what);
    let config = config(&directory, SyncMode::Batch, is_compressed);
    assert_eq!(found, started(&config, Arc::new(RealDisk)), "{what}");
    counts[match found {
        Verdict::Clean => 0,
        Verdict::Torn => 1,
        Verdict::Damaged => 2,
    }] += 1;
}

fn damage_judged_as_by_the_engine(is_compressed: bool) {
    let segments = run(is_compressed);
    let mut counts = Counts::default();
    agree(&segments, is_compressed, "undamaged", &mut counts);
    for index in [segments.len() - 2, segments.len() - 1] {
        let (name, whole) = &segments[index];
        let end = whole.iter().rposition(|byte| *byte != 0).expect("records") + 1;
        for offset in (0..end + 20).filter(|offset| offset % 19 == 0 || offset.abs_diff(end) < 6) {
            let mut flipped = whole.clone();
            if let Some(byte) = flipped.get_mut(offset) {
                *byte ^= 0x20;
            }
            let cut = whole.get(..offset).unwrap_or(whole).to_vec();
            for (damage, bytes) in [("flipped", flipped), ("cut", cut)] {
                let mut damaged = segments.clone();
                damaged[index].1 = bytes;
                let what = format!("{name} {damage} at {offset}");
                agree(&damaged, is_compressed, &what, &mut counts);
            }
        }
    }
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
}

//= WP-CL-05 check
#[test]
fn damage_of_a_log_is_judged_as_by_the_engine() {
    damage_judged_as_by_the_engine(false);
}

#[test]
fn damage_of_a_compressed_log_is_judged_as_by_the_engine() {
    damage_judged_as_by_the_engine(true);
}

/// What losses of power leave of a log whose power goes at an operation of its last sync.
fn crash(operation: u64, is_compressed: bool, counts: &mut Counts) {
    let directory = Path::new("/commitlog");
    let config = config(directory, SyncMode::periodic(10_000), is_compressed);
    let disk = SimulatedDisk::new();
    let log = open(&config, Arc::new(disk.clone()));
    for (number, mutation) in mutations().iter().take(12).enumerate() {
        append(&log, mutation);
        match number % 4 {
            0 => log.sync().expect("a sync"),
            _ => log.write_marker().expect("a marker"),
        }
    }
    disk.crash_at(disk.operation_count() + operation);
    let _crashed = log.sync();
    drop(log);
    let crash = disk.crash();
    for loss in crash.losses(2, 30) {
        let image = crash.power_loss(&loss);
        let listed = image.list(directory).expect("the directory is there");
        let segments: Vec<_> = listed
            .into_iter()
            .map(|entry| {
                let bytes = image.read(&directory.join(&entry.name)).expect("a file");
                (entry.name, bytes)
            })
            .collect();
        let what = format!("operation {operation}, kept {loss:?}");
        agree(&segments, is_compressed, &what, counts);
    }
}

fn crash_judged_as_by_the_engine(is_compressed: bool) {
    let mut counts = Counts::default();
    for operation in 0..3 {
        crash(operation, is_compressed, &mut counts);
    }
    assert!(counts[0] > 0 && counts[1] > 0, "{counts:?}");
    assert_eq!(counts[2], 0, "a crash is no damage: {counts:?}");
}

#[test]
fn crash_of_a_log_is_judged_as_by_the_engine() {
    crash_judged_as_by_the_engine(false);
}

#[test]
fn crash_of_a_compressed_log_is_judged_as_by_the_engine() {
    crash_judged_as_by_the_engine(true);
}

#[test]
fn remainder_too_small_for_a_record_is_the_end_of_a_segment() {
    let segments = run(false);
    for index in 0..segments.len() {
        let mut changed = segments.clone();
        let (name, bytes) = &mut changed[index];
        let end = sections(bytes).last().copied().expect("a section");
        // The checksum of a marker covers no more than its own place.
        for remainder in 1..4 {
            let marker_end = u32::try_from(end.1 + remainder).expect("a segment is small");
            bytes[end.0..end.0 + 4].copy_from_slice(&marker_end.to_be_bytes());
            let what = format!("{name} with a remainder of {remainder}");
            let (_scratch, directory) = directory_of(&[(name.clone(), bytes.clone())]);
            assert_eq!(judged(&directory.join(&*name), &what), Verdict::Clean, "{what}");
        }
        agree(&changed, false, "in its log", &mut Counts::default());
    }
}

/// Where markers of a segment that is not compressed stand, and where their sections end.
fn sections(bytes: &[u8]) -> Vec<(usize, usize)> {
    let parameters_size_bytes = usize::from(u16::from_be_bytes([bytes[12], bytes[13]]));
    let mut at = 14 + parameters_size_bytes + 4;
    let mut sections = Vec::new();
    while let Some(end) = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()) {
        let end = usize::try_from(u32::from_be_bytes(*end)).expect("a segment is small");
        if end == 0 {
            break;
        }
        sections.push((at, end));
        at = end;
    }
    sections
}

#[test]
fn torn_section_is_damage_once_a_later_segment_has_records() {
    for is_compressed in [false, true] {
        let segments = run(is_compressed);
        let (name, bytes) = &segments[1];
        let end = bytes.iter().rposition(|byte| *byte != 0).expect("records");
        let mut torn = bytes.clone();
        torn[end] ^= 1;
        let torn = (name.clone(), torn);
        // Alone it may have been the last one.
        let (_scratch, alone) = directory_of(std::slice::from_ref(&torn));
        for path in [alone.join(name), alone] {
            assert_eq!(judged(&path, "alone"), Verdict::Torn);
            let output = thymbra(&["verify"], &path);
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(text.contains("if this is the last segment"), "{text}");
        }
        // It is the last one.
        let (_scratch, last) = directory_of(&[segments[0].clone(), torn.clone()]);
        assert_eq!(judged(&last, "the last of two"), Verdict::Torn);
        let output = thymbra(&["verify"], &last);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(!text.contains("if this is the last segment"), "{text}");
        // It is not, whether or not the others are asked about.
        let (_scratch, middle) = directory_of(&[segments[0].clone(), torn.clone(), segments[2].clone()]);
        for path in [middle.join(name), middle] {
            assert_eq!(judged(&path, "in the middle"), Verdict::Damaged);
        }
    }
}

#[test]
fn torn_tail_stands_in_the_dump_behind_the_mutations_before_it() {
    let segments = run(false);
    let (name, bytes) = &segments[0];
    let (marker, end) = sections(bytes).last().copied().expect("a section");
    let mut torn = bytes.clone();
    torn[end - 1] ^= 1;
    let (_scratch, directory) = directory_of(&[(name.clone(), torn)]);
    let output = thymbra(&["dump", "commitlog"], &directory);
    assert_eq!(output.status.code(), Some(0));
    let dump: serde_json::Value = serde_json::from_slice(&output.stdout).expect("the dump is JSON");
    let count = dump["mutations"].as_array().map(Vec::len);
    assert_eq!(count, Some(sections(bytes).len() - 1));
    assert_eq!(dump["torn tail"]["segment"], name.as_str());
    assert_eq!(dump["torn tail"]["position"], marker + 8);
    assert_eq!(dump["torn tail"]["finding"], "a wrong checksum of a record");
    let error = dump["torn tail"]["error"].as_str().expect("an error is text");
    assert!(
        error.contains("at offset") && error.contains("checksum 0x"),
        "{error}"
    );
}

#[test]
fn section_whose_records_leave_a_remainder_is_judged_by_its_place_in_a_compressed_log() {
    let mut counts = Counts::default();
    let segment = |id: i64, remainder: usize| {
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
            out.extend(&mutations()[0]);
            Ok::<(), std::fmt::Error>(())
        })
        .expect("a record");
        records.resize(records.len() + remainder, 0);
        write_compressed_section(id, &records, 0, &mut bytes);
        bytes.extend([0; 8]);
        (descriptor.file_name(), bytes)
    };
    for remainder in 0..5 {
        for segments in [
            vec![segment(5, remainder)],
            vec![segment(5, 0), segment(6, remainder)],
            vec![segment(5, remainder), segment(6, 0)],
        ] {
            agree(&segments, true, &format!("remainder of {remainder}"), &mut counts);
        }
    }
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
}
