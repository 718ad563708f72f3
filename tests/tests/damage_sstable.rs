//! Every byte of every file of an SSTable, and of the node's own facts, changed in turn, and every length cut.
//!
//! What no check notices stands in a table here, with the reason why it can do no harm. The table is exact: a
//! byte that is noticed does not stand in it. `THYMBRA_DAMAGE=all` changes each bit of the large files too.
//! Chapter: `specs/08-sstable.md`.

use std::collections::BTreeSet;
use std::ops::Range;
use thymbra_format::Cursor;
use thymbra_format::sstable::RowIndexEntry;
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

/// Of the index of a partition with an index of its rows; what stands in front of that is always noticed, as another
/// test says.
const HARMLESS_PROMOTED: [Harmless; 1] = [Harmless {
    file: "Index.db",
    bytes: WHOLE,
    why: "the index of rows is believed only where the data says the same; the rest is for `thymbra verify`",
}];

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

/// Partitions whose rows have an index: ranges are open where blocks end, or over several blocks with later rows.
fn large_partitions() -> Subject {
    let script = "with batch segment=2048 column-index=30
write 0: wide (0,'b') v=1 @0; wide (0,'a') v=2 @0; wide (1,'b') v=3 @0; wide (1,'a') w='abcdefgh' @0; wide (2,'a') v=4 @0
write 0: wide (300,'b') insert @0 ttl 100; wide (300,'a') v=6 @0; wide (301,'a') v=7 @0; wide (302,'a') v=8 @9
write 1: wide (0,'a') v=1 @0; wide (1,'a') v=2 @9; wide (2,'a') v=3 @0; wide (3,'a') v=4 @9; wide (4,'a') v=5 @0
write 2: wide (0,'a') v=1 @0; wide (1,'a') v=2 @0; wide (2,'a') v=3 @0; wide (3,'a') v=4 @0
flush wide
write 2: wide range before(0) after(3) delete @256; wide (0,'c') v=1 @300; wide (0,'b') v=2 @300; wide (1,'c') v=3 @300
write 2: wide (1,'b') v=4 @300; wide (2,'c') v=5 @300; wide (2,'b') v=6 @300; wide (3,'c') v=7 @300; wide (3,'b') v=8 @300
write 0: wide (1,'c') v=9 @9; wide range after(0) before(2) delete @256; wide range after(2) before(301) delete @512
write 0: wide (1,'a') v=9 @300; wide (300,'a') v=9 @600; wide (302,'b') v=9 @600
write 1: wide partition delete @0; wide range before(1) before(3) delete @5; wide range before(3) after(3) delete @6
write 1: wide (1,'b') v=1 @6; wide (2,'b') v=2 @6; wide (3,'b') v=3 @7; wide (4,'b') v=4 @7
flush wide
write 0: statics static s=1 @0; statics (3) v='a' @0; statics (2) v='b' @0; statics (1) v='c' @0; statics (0) v='d' @0
write 1: statics static e[1]= @0; statics (3) v='a' @0; statics (2) v='b' @0; statics (1) v='c' @0; statics range before(2) after(0) delete @3
flush statics
restart
";
    let script = Script::parse(script).expect("the lines are a script");
    Subject::of(&script, 0).expect("the script runs")
}

/// What is flipped in each byte of an index of rows: the bits that change a number least and most, and all.
const MASKS: [u8; 3] = [1, 0x80, 0xff];

/// What is done to a file of a size: each byte is changed by these masks, or in every bit if there are none.
fn damages(size_bytes: usize, masks: &[u8]) -> Vec<Damage> {
    let is_small = size_bytes <= EVERY_BIT_BYTES && masks.is_empty();
    let every_bit = is_small || std::env::var("THYMBRA_DAMAGE").is_ok_and(|value| value == "all");
    let mut damages = vec![Damage::Gone];
    for offset in 0..size_bytes {
        damages.push(Damage::Cut(offset));
        if every_bit {
            damages.extend((0..8).map(|bit| Damage::Flip(offset, 1 << bit)));
            damages.push(Damage::Flip(offset, 0xff));
        } else if !masks.is_empty() {
            damages.extend(masks.iter().map(|mask| Damage::Flip(offset, *mask)));
        } else {
            damages.push(Damage::Flip(offset, 1 << (offset % 8)));
        }
    }
    damages
}

/// The row of the table that excuses an outcome.
fn excuse(harmless: &[Harmless], name: &str, damage: Damage) -> Option<usize> {
    harmless.iter().position(|harmless| {
        let is_there = match damage {
            Damage::Flip(offset, _) => harmless.bytes.contains(&offset),
            Damage::Cut(_) => harmless.bytes == WHOLE && ["Digest.crc32", "TOC.txt"].contains(&harmless.file),
            Damage::TakenOut(..) | Damage::Gone => false,
        };
        name.ends_with(harmless.file) && is_there
    })
}

/// Damages each file whose name ends so, and holds what comes of it against the table, whose rows must all be used.
fn damage_each_file(subject: &Subject, is_damaged: fn(&str) -> bool, harmless: &[Harmless], masks: &[u8]) {
    let mut failures = Vec::new();
    let mut used = BTreeSet::new();
    for (path, bytes) in subject.files() {
        let name = path
            .file_name()
            .expect("a file has a name")
            .to_string_lossy()
            .into_owned();
        if !is_damaged(&name) {
            continue;
        }
        let mut noticed_count = 0_u32;
        let damages = damages(bytes.len(), masks);
        let damages_count = damages.len();
        for damage in damages {
            let outcome = subject.judge(&path, damage);
            let is_dispensable = DISPENSABLE.iter().any(|file| name.ends_with(file));
            match (&outcome, damage) {
                (Outcome::Reported | Outcome::ReportedBeside, _) | (Outcome::Missed, Damage::Gone) => {
                    noticed_count += 1
                }
                (Outcome::Harmless, Damage::Gone) if is_dispensable => {}
                (Outcome::Harmless, _) if excuse(harmless, &name, damage).is_some() => {
                    used.extend(excuse(harmless, &name, damage))
                }
                (_, _) => failures.push(format!("{}: {damage:?}: {outcome:?}", path.display())),
            }
        }
        eprintln!("{name:32} {damages_count:6} damages, {noticed_count:6} noticed");
    }
    for (index, harmless) in harmless.iter().enumerate() {
        eprintln!("{} {:?}: {}", harmless.file, harmless.bytes, harmless.why);
        if !used.contains(&index) {
            failures.push(format!(
                "{} {:?} is always noticed",
                harmless.file, harmless.bytes
            ));
        }
    }
    let count = failures.len();
    failures.truncate(20);
    assert!(failures.is_empty(), "{count} failures\n{}", failures.join("\n"));
}

#[test]
fn damage_is_reported_or_can_do_no_harm() {
    damage_each_file(&subject(), |name| !name.starts_with("CommitLog"), &HARMLESS, &[]);
}

#[test]
fn damage_of_the_index_of_rows_is_reported_or_can_do_no_harm() {
    damage_each_file(
        &large_partitions(),
        |name| name.ends_with("Index.db"),
        &HARMLESS_PROMOTED,
        &MASKS,
    );
}

#[test]
fn damage_of_keys_and_positions_is_reported_where_rows_have_an_index() {
    let subject = large_partitions();
    let mut heads_count = 0;
    for (path, bytes) in subject.files() {
        if !path.to_string_lossy().ends_with("Index.db") {
            continue;
        }
        let mut cursor = Cursor::new(&bytes);
        while !cursor.is_at_end() {
            let begin = cursor.position();
            cursor.short_bytes("key").expect("a key");
            cursor.unsigned_vint("position").expect("a position");
            let rows = cursor.vint_bytes("index of rows").expect("an index of rows");
            for offset in begin..cursor.position() - rows.len() {
                for bit in 0..8 {
                    let damage = Damage::Flip(offset, 1 << bit);
                    let outcome = subject.judge(&path, damage);
                    let is_noticed = matches!(outcome, Outcome::Reported | Outcome::ReportedBeside);
                    assert!(is_noticed, "{}: {damage:?}: {outcome:?}", path.display());
                }
            }
            heads_count += 1;
        }
    }
    assert!(heads_count > 5, "{heads_count} entries");
}

#[test]
fn damage_of_an_index_without_filter_or_without_summary_is_reported() {
    for missing in [&["Filter.db"][..], &["Summary.db"], &["Filter.db", "Summary.db"]] {
        let without = |subject: Subject, name: &&str| subject.without(name).expect("the disk has no faults");
        let subject = missing.iter().fold(subject(), without);
        damage_each_file(&subject, |name| name.ends_with("Index.db"), &[], &[]);
    }
}

#[test]
fn partition_that_is_missing_in_the_index_is_reported() {
    let subject = large_partitions();
    let mut taken_count = 0;
    for (path, bytes) in subject.files() {
        if !path.to_string_lossy().ends_with("Index.db") {
            continue;
        }
        let mut cursor = Cursor::new(&bytes);
        while !cursor.is_at_end() {
            let begin = cursor.position();
            RowIndexEntry::read(&mut cursor).expect("an entry");
            let damage = Damage::TakenOut(begin, cursor.position() - begin);
            let outcome = subject.judge(&path, damage);
            assert_eq!(outcome, Outcome::Reported, "{}: {damage:?}", path.display());
            taken_count += 1;
        }
    }
    assert!(taken_count > 5, "{taken_count} entries");
}
