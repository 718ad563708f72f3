//! Every byte of every commit log segment changed in turn, and every length cut.
//!
//! Behind the last section of a segment nothing is there yet. The last section of the last segment may be the
//! write that a crash cut short, so damage in it ends the log there: the writes before it are all there, none
//! behind it is, and the engine says that it met a torn tail. Everything else is an error with file and offset,
//! but what the format cannot tell:
//!
//! | damage | why nobody notices |
//! |---|---|
//! | the end of the last section of a segment is one to three bytes later | too few bytes for a record are the end of a section |
//! | a byte of a compressed section that restores to the same records | the checksums are those of the records |
//!
//! Chapter: `specs/06-commit-log.md`.

use std::path::Path;
use thymbra_tests::storage_oracle::damage::{Damage, Outcome, Subject};
use thymbra_tests::storage_oracle::script::Script;

/// Writes whose loss is told from damage: more than the last segment has.
const TAIL_COUNT: usize = 4;

fn subject(setup: &str) -> Subject {
    let mut lines = vec![setup.to_owned()];
    // Letters that do not compress well.
    let mut word = 1_u32;
    let mut letter = || {
        word = word.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [high, ..] = word.to_be_bytes();
        char::from(b'a' + high % 26)
    };
    for number in 0..5 {
        let filling: String = (0..120).map(|_| letter()).collect();
        lines.push(format!(
            "write {}: simple () w='{filling}{number}' @{number}; statics (1) v='{number}' @1",
            number % 4
        ));
    }
    lines.push("write 1: wide (1,'a') v=1 @0; wide range after(1) before(2) delete @1".to_owned());
    let script = Script::parse(&lines.join("\n")).expect("the lines are a script");
    Subject::of(&script, TAIL_COUNT).expect("the script runs")
}

/// Where the sections of a segment begin, and where the last one ends, by its markers alone.
fn sections(bytes: &[u8]) -> Vec<usize> {
    let number = |at: usize| {
        let bytes = bytes.get(at..)?.first_chunk::<4>()?;
        usize::try_from(u32::from_be_bytes(*bytes)).ok()
    };
    let parameters_size_bytes = usize::from(u16::from_be_bytes([bytes[12], bytes[13]]));
    let mut begins = vec![14 + parameters_size_bytes + 4];
    while let Some(next) = number(begins[begins.len() - 1]).filter(|next| *next > 0) {
        begins.push(next);
    }
    begins
}

/// Whether an outcome is right for damage of a segment with sections that begin, and end, at these offsets.
///
/// Each section has one write.
fn is_right(
    outcome: &Outcome,
    damage: Damage,
    begins: &[usize],
    is_last_segment: bool,
    is_compressed: bool,
) -> bool {
    let end = begins[begins.len() - 1];
    let last_begin = begins.len().checked_sub(2).map_or(end, |last| begins[last]);
    let (offset, is_cut) = match damage {
        Damage::Flip(offset, _) => (offset, false),
        Damage::Cut(offset) => (offset, true),
        Damage::TakenOut(..) | Damage::Gone => return false,
    };
    let cut_count = begins.iter().skip(1).filter(|end| **end > offset).count();
    match outcome {
        Outcome::Reported => offset < end || !is_last_segment,
        // One to three bytes more at the end of the last section are too few for a record.
        Outcome::Harmless if is_compressed && !is_cut => true,
        Outcome::Harmless => offset >= end || !is_cut && (last_begin..last_begin + 4).contains(&offset),
        Outcome::TornTail(lost_count) if is_cut => is_last_segment && *lost_count == cut_count,
        Outcome::TornTail(lost_count) => {
            is_last_segment && (last_begin..end).contains(&offset) && *lost_count == 1
        }
        Outcome::ReportedBeside | Outcome::Missed | Outcome::Wrong(_) => false,
    }
}

fn damage_each_segment(setup: &str) {
    let subject = subject(setup);
    let files: Vec<_> = subject
        .files()
        .into_iter()
        .filter(|(path, _)| is_segment(path))
        .collect();
    let has_records = |(_, bytes): &&(_, Vec<u8>)| sections(bytes).len() > 1;
    let last = files
        .iter()
        .rfind(has_records)
        .map(|(path, _)| path.clone())
        .expect("a segment has records");
    assert!(
        files.iter().filter(has_records).count() > 1,
        "several segments have records"
    );
    let mut failures = Vec::new();
    let mut torn_count = 0_u32;
    for (path, bytes) in &files {
        let begins = sections(bytes);
        let (is_last, is_behind) = (*path == last, *path > last);
        for offset in 0..bytes.len().min(begins[begins.len() - 1] + 40) {
            let flips = (0..8).step_by(3).map(|bit| Damage::Flip(offset, 1 << bit));
            for damage in flips.chain([Damage::Flip(offset, 0xff), Damage::Cut(offset)]) {
                let outcome = subject.judge(path, damage);
                torn_count += u32::from(matches!(outcome, Outcome::TornTail(_)));
                if !is_right(
                    &outcome,
                    damage,
                    &begins,
                    is_last || is_behind,
                    setup.contains("compressed"),
                ) {
                    let outcome = format!("{outcome:?}").chars().take(300).collect::<String>();
                    failures.push(format!("{} {begins:?}: {damage:?}: {outcome}", path.display()));
                }
            }
        }
    }
    assert!(torn_count > 0, "no damage looked like a torn tail");
    let count = failures.len();
    failures.truncate(15);
    assert!(failures.is_empty(), "{count} failures\n{}", failures.join("\n"));
}

fn is_segment(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with("CommitLog"))
}

#[test]
fn damage_of_a_segment_is_reported_or_ends_the_log() {
    damage_each_segment("with batch segment=1024");
}

#[test]
fn damage_of_a_compressed_segment_is_reported_or_ends_the_log() {
    damage_each_segment("with batch compressed-log segment=1024");
}
