//! Every byte of every file of an SSTable, and of the node's own facts, changed in turn, and every length cut.
//!
//! What no check notices stands in a table here, with the reason why it can do no harm. The table is exact: a
//! byte that is noticed does not stand in it. `THYMBRA_DAMAGE=all` changes each bit of the large files too.
//! Chapter: `specs/08-sstable.md`.

use std::collections::BTreeSet;
use std::ops::Range;
use thymbra_tests::storage_oracle::damage::{Damage, Outcome, Subject};
use thymbra_tests::storage_oracle::script::Script;

/// Files of more bytes are changed in one bit of each byte only.
const EVERY_BIT_BYTES: usize = 400;

/// Bytes that may be wrong without an error and without harm.
struct Harmless {
    /// How the name of the file ends.
    file: &'static str,
    /// Where in the file.
    bytes: Range<usize>,
    /// Why.
    why: &'static str,
}

const WHOLE: Range<usize> = 0..usize::MAX;

const HARMLESS: [Harmless; 9] = [
    Harmless {
        file: "Digest.crc32",
        bytes: WHOLE,
        why: "reads check slices or chunks of Data.db; the digest of the whole is for `thymbra verify`",
    },
    Harmless {
        file: "TOC.txt",
        bytes: WHOLE,
        why: "the files are found by their names; the list is for other tools and `thymbra verify`",
    },
    Harmless {
        file: "Filter.db",
        bytes: 3..4,
        why: "fewer hashes of a key find bits that are set; more are noticed when all keys are looked up",
    },
    Harmless {
        file: "Filter.db",
        bytes: 8..usize::MAX,
        why: "a bit that is set lets more keys through; one that is missing is noticed at opening",
    },
    Harmless {
        file: "Summary.db",
        bytes: 0..4,
        why: "the interval says how keys were chosen; they are found whatever it is",
    },
    Harmless {
        file: "Summary.db",
        bytes: 16..20,
        why: "the sampling level says how many keys were left out; estimates use it",
    },
    Harmless {
        file: "CRC.db",
        bytes: 0..4,
        why: "slices that are longer than Data.db are one slice, as it is",
    },
    Harmless {
        file: "CompressionInfo.db",
        bytes: 23..27,
        why: "the limit from which chunks are stored as they are; these are shorter with either",
    },
    Harmless {
        file: ".json",
        bytes: WHOLE,
        why: "a digit of the checksum in upper case has the same value",
    },
];

/// Files that may be missing.
const DISPENSABLE: [&str; 4] = ["Digest.crc32", "TOC.txt", "Filter.db", "Summary.db"];

fn subject() -> Subject {
    let script = "with batch segment=2048
write 0: wide (1,'a') v=1 @0; wide (1,'a') w='x' @0; wide (2,'b') insert @0 ttl 100
write 1: wide (1,'a') v=1 @0; wide range after(1) before(2) delete @1
flush wide
write 0: simple () v=7 @0
write 1: simple () w='a' @0
flush simple
restart
";
    let script = Script::parse(script).expect("the lines are a script");
    Subject::of(&script, 0).expect("the script runs")
}

/// What is done to a file of a size.
fn damages(size_bytes: usize) -> Vec<Damage> {
    let every_bit =
        size_bytes <= EVERY_BIT_BYTES || std::env::var("THYMBRA_DAMAGE").is_ok_and(|value| value == "all");
    let mut damages = vec![Damage::Gone];
    for offset in 0..size_bytes {
        damages.push(Damage::Cut(offset));
        if every_bit {
            damages.extend((0..8).map(|bit| Damage::Flip(offset, 1 << bit)));
            damages.push(Damage::Flip(offset, 0xff));
        } else {
            damages.push(Damage::Flip(offset, 1 << (offset % 8)));
        }
    }
    damages
}

/// The row of the table that excuses an outcome.
fn excuse(name: &str, damage: Damage) -> Option<usize> {
    HARMLESS.iter().position(|harmless| {
        let is_there = match damage {
            Damage::Flip(offset, _) => harmless.bytes.contains(&offset),
            Damage::Cut(_) => harmless.bytes == WHOLE && !name.ends_with(".json"),
            Damage::Gone => false,
        };
        name.ends_with(harmless.file) && is_there
    })
}

#[test]
fn damage_is_reported_or_can_do_no_harm() {
    let subject = subject();
    let mut failures = Vec::new();
    let mut used = BTreeSet::new();
    for (path, bytes) in subject.files() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("CommitLog") {
            continue;
        }
        let mut noticed_count = 0_u32;
        let damages = damages(bytes.len());
        let damages_count = damages.len();
        for damage in damages {
            let outcome = subject.judge(&path, damage);
            let is_dispensable = DISPENSABLE.iter().any(|file| name.ends_with(file));
            match (&outcome, damage) {
                (Outcome::Reported | Outcome::ReportedBeside, _) | (Outcome::Missed, Damage::Gone) => {
                    noticed_count += 1
                }
                (Outcome::Harmless, Damage::Gone) if is_dispensable => {}
                (Outcome::Harmless, _) if excuse(&name, damage).is_some() => {
                    used.extend(excuse(&name, damage))
                }
                (_, _) => failures.push(format!("{}: {damage:?}: {outcome:?}", path.display())),
            }
        }
        println!("{name:32} {damages_count:6} damages, {noticed_count:6} noticed");
    }
    for (index, harmless) in HARMLESS.iter().enumerate() {
        println!("{} {:?}: {}", harmless.file, harmless.bytes, harmless.why);
        if !used.contains(&index) {
            failures.push(format!(
                "{} {:?} is always noticed",
                harmless.file, harmless.bytes
            ));
        }
    }
    failures.truncate(20);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
