//! Starts that fail again and again behind their replay: what they have written is not written once more.
//!
//! The log fits into memory, so that all of it is flushed at the end of the replay.

use crate::{TABLES, config, files, is_there, open, open_at, open_with_tables, try_open, write};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use thymbra_storage::{Disk as _, DiskOperation, SimulatedDisk};

const STARTS_COUNT: u32 = 4;
const ROWS_COUNT: u32 = 20;

/// A disk whose log has rows of each table, some of them written together.
fn written() -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    let engine = open_with_tables(&disk);
    let together = TABLES.map(|(table, _)| table);
    for number in 0..ROWS_COUNT {
        match number % 2 {
            0 => write(&engine, &together, number),
            _ => (together.iter()).for_each(|table| write(&engine, &[*table], number)),
        }
    }
    disk.fork()
}

/// How many SSTables each table has on the disk.
fn sstables_counts(disk: &SimulatedDisk) -> [usize; TABLES.len()] {
    let files = files(disk, Path::new("/node/data/ks"));
    TABLES.map(|(_, name)| {
        let of_table = |path: &&PathBuf| {
            let path = path.to_string_lossy();
            path.contains(&format!("/{name}-")) && path.ends_with("-Data.db")
        };
        files.iter().filter(of_table).count()
    })
}

/// The operations of a start without faults.
fn operations_of_a_start(disk: &SimulatedDisk) -> u64 {
    let disk = disk.fork();
    drop(open(&disk));
    disk.operation_count()
}

/// The operation by which a start begins to write an SSTable of a table; `None` if it writes none.
fn begin_of_sstable(disk: &SimulatedDisk, table: &str) -> Option<u64> {
    let disk = disk.fork();
    drop(open(&disk));
    let index = disk.operations().iter().position(|record| {
        let path = record.path.to_string_lossy();
        let is_data = path.contains(&format!("/{table}-")) && path.ends_with("-Data.db");
        is_data && record.operation == DiskOperation::CreateNew
    });
    index.map(|index| u64::try_from(index).expect("few operations"))
}

/// A start without faults: each table has what was replayed in one SSTable.
fn expect_one_each(disk: &SimulatedDisk, context: &str) {
    drop(open(disk));
    assert_eq!(sstables_counts(disk), [1; TABLES.len()], "{context}");
    let engine = open(&disk.fork());
    for (table, name) in TABLES {
        for number in 0..ROWS_COUNT {
            assert!(is_there(&engine, table, number), "{context}: {name} {number}");
        }
    }
}

//= WP-CL-04 check
/// The first table's SSTable is not written at each start, for as long as the second one's cannot be.
#[test]
fn table_that_cannot_be_written_keeps_no_other_from_being_written_once() {
    for (_, failing) in TABLES {
        let disk = written();
        for start in 0..STARTS_COUNT {
            let begin = begin_of_sstable(&disk, failing).expect("it has not been written yet");
            disk.repair();
            disk.fail_at(disk.operation_count() + begin, ErrorKind::Other);
            assert!(try_open(&disk, config()).is_err(), "{failing} {start}");
            let expected = TABLES.map(|(_, name)| usize::from(name != failing));
            assert_eq!(sstables_counts(&disk), expected, "{failing} {start}");
            for (_, name) in TABLES.into_iter().filter(|(_, name)| *name != failing) {
                assert_eq!(begin_of_sstable(&disk, name), None, "{name} is written again");
            }
        }
        disk.repair();
        expect_one_each(&disk, failing);
    }
}

/// Starts that fail from each operation on, or at it; gives how many of them left one table written and another not.
fn fail_starts(what: &str, fail: impl Fn(&SimulatedDisk, u64)) -> u32 {
    let first = written();
    let mut partly_count = 0;
    for index in 0..operations_of_a_start(&first) {
        let disk = first.fork();
        let context = format!("{what} {index}");
        for _ in 0..STARTS_COUNT {
            fail(&disk, disk.operation_count() + index);
            let is_refused = try_open(&disk, config()).is_err();
            // What is to fail may be the test's own looking.
            disk.repair();
            let counts = sstables_counts(&disk);
            assert!(counts.iter().all(|count| *count <= 1), "{context}: {counts:?}");
            partly_count += u32::from(is_refused && counts.contains(&1));
        }
        expect_one_each(&disk, &context);
    }
    partly_count
}

//= WP-CL-04 check
#[test]
fn starts_that_fail_at_any_operation_write_each_table_once() {
    let partly_count = fail_starts("failure at", |disk, index| disk.fail_at(index, ErrorKind::Other));
    assert!(partly_count > 50, "{partly_count}");
}

//= WP-CL-04 check
#[test]
fn processes_that_end_at_any_operation_of_their_start_write_each_table_once() {
    let first = written();
    let mut partly_count = 0;
    for index in 0..operations_of_a_start(&first) {
        let mut disk = first.fork();
        let context = format!("crash at {index}");
        for start in 0..STARTS_COUNT {
            disk.crash_at(index);
            let is_refused = try_open(&disk, config()).is_err();
            let crash = disk.crash();
            disk = match start % 2 {
                0 => crash.process_end(),
                _ => crash.power_loss(&crash.random(index)),
            };
            let counts = sstables_counts(&disk);
            partly_count += u32::from(is_refused && counts.contains(&1));
        }
        expect_one_each(&disk, &context);
    }
    assert!(partly_count > 50, "{partly_count}");
}

//= WP-CL-04 check
/// What a failing start leaves takes space, so that the next one would come less far.
#[test]
fn starts_on_a_full_disk_do_not_fill_it_further() {
    let partly_count = fail_starts("full from", |disk, index| disk.fill_from(index));
    assert!(partly_count > 10, "{partly_count}");
}

//= WP-CL-07 check
/// Otherwise what a replay noted would cover what is written after it.
#[test]
fn write_after_a_replay_is_replayed_though_the_log_was_removed_and_the_clock_set_back() {
    let disk = written();
    drop(open(&disk));
    let directory = Path::new("/node/commitlog");
    for file in files(&disk, directory) {
        disk.remove(&file).expect("a file less");
    }
    let again = disk.fork();
    let engine = open_at(&again, config(), 5).expect("the engine opens");
    for (table, _) in TABLES {
        write(&engine, &[table], ROWS_COUNT);
    }
    drop(engine);
    let engine = open_at(&again.fork(), config(), 5).expect("the engine opens");
    for (table, name) in TABLES {
        assert!(is_there(&engine, table, ROWS_COUNT), "{name}");
    }
}
