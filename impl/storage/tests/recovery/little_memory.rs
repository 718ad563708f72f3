//! Replays of logs that hold more than memtables may: memtables are flushed on the way.

use crate::{
    ONE, TABLES, TWO, config, is_there, make_tables, open, open_with, open_with_tables, replayed, try_open,
    write,
};
use std::path::Path;
use thymbra_storage::{Background, Config, Disk, SimulatedDisk};
use thymbra_types::TableId;

/// Room for some tens of rows.
fn little() -> Config {
    Config {
        memtable_heap_space_bytes: 8 << 10,
        memtable_offheap_space_bytes: 0,
        memtable_cleanup_threshold: Some(0.5),
        ..config()
    }
}

fn sstables_count(disk: &SimulatedDisk, table: TableId) -> usize {
    let name = TABLES.iter().find(|(id, _)| *id == table).map(|(_, name)| *name);
    let directories = disk
        .list(Path::new("/node/data/ks"))
        .expect("a directory")
        .into_iter();
    let prefix = format!("{}-", name.expect("a table of the tests"));
    let files = directories
        .filter(|directory| directory.name.starts_with(&prefix))
        .flat_map(|directory| {
            let path = Path::new("/node/data/ks").join(directory.name);
            disk.list(&path).expect("a directory")
        });
    files.filter(|file| file.name.ends_with("-Data.db")).count()
}

/// Names of the files in the commit log's directory.
fn segments_on(disk: &SimulatedDisk) -> Vec<String> {
    let entries = disk.list(Path::new("/node/commitlog")).expect("a directory");
    entries.into_iter().map(|entry| entry.name).collect()
}

/// A disk whose log has 150 rows of one table and 100 of another.
fn written() -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    let engine = open_with_tables(&disk);
    for number in 0..100 {
        write(&engine, &[ONE], number);
        write(&engine, &[ONE, TWO], number + 50);
    }
    disk.fork()
}

fn expect_all(disk: &SimulatedDisk, context: &str) {
    let engine = open(disk);
    for number in 0..150 {
        assert!(is_there(&engine, ONE, number), "{context}: {number}");
        assert_eq!(
            is_there(&engine, TWO, number),
            number >= 50,
            "{context}: {number}"
        );
    }
}

#[test]
fn replay_holds_no_more_in_memory_than_memtables_may_have() {
    let disk = written();
    let engine = open_with(&disk, little());
    let statistics = engine.statistics();
    assert_eq!(replayed(&statistics), [300, 0, 0]);
    let flushed = statistics.tables[&ONE].flushes_count;
    assert!((5..50).contains(&flushed), "{flushed} flushes");
    drop(engine);
    // None of it is replayed again.
    let again = disk.fork();
    assert_eq!(replayed(&open(&again).statistics()), [0, 0, 0]);
    expect_all(&again, "afterwards");
}

//= WP-MF-03 check
/// A table with a few rows is not written each time that another one has many.
#[test]
fn replay_flushes_the_largest_memtable_and_leaves_the_others() {
    let disk = SimulatedDisk::new();
    let engine = open_with_tables(&disk);
    let (hot, cold) = TABLES.split_first().expect("there are tables");
    for number in 0..300 {
        write(&engine, &[hot.0], number);
        if number % 100 == 0 {
            cold.iter()
                .for_each(|(table, _)| write(&engine, &[*table], number));
        }
    }
    let engine = open_with(&disk.fork(), little());
    let statistics = engine.statistics();
    assert!(statistics.tables[&hot.0].sstables_count > 5);
    for (table, name) in cold {
        assert_eq!(statistics.tables[table].sstables_count, 1, "{name}");
    }
}

/// What is merged takes more than what is only collected, and that is noticed before memory is full of it.
#[test]
fn replay_counts_what_updates_of_one_partition_take_together() {
    let roomy = Config {
        commitlog_segment_size_bytes: 4 << 20,
        ..config()
    };
    let disk = SimulatedDisk::new();
    let engine = make_tables(open_with(&disk, roomy.clone()));
    for _ in 0..140_000 {
        write(&engine, &[ONE], 7);
    }
    let limited = Config {
        memtable_heap_space_bytes: 26 << 20,
        memtable_offheap_space_bytes: 0,
        memtable_cleanup_threshold: Some(0.99),
        ..roomy
    };
    let engine = open_with(&disk.fork(), limited);
    let flushes_count = engine.statistics().tables[&ONE].flushes_count;
    assert!((2..6).contains(&flushes_count), "{flushes_count}");
    assert!(is_there(&engine, ONE, 7));
}

//= WP-CL-04 check
/// A node that is started again and again before a damaged log writes nothing twice, and left one or two
/// segments more each time.
#[test]
fn open_that_fails_again_and_again_leaves_no_more_sstables_and_segments() {
    let disk = written();
    let directory = Path::new("/node/commitlog");
    let segments = segments_on(&disk);
    // Not the last with records, whose end may be torn.
    let late = directory.join(&segments[1]);
    let file = disk.open(&late).expect("a segment");
    let mut byte = [0];
    file.read_exact_at(&mut byte, 4_000).expect("a byte");
    file.write_at(&[byte[0] ^ 1], 4_000).expect("a byte");
    file.sync_data().expect("a sync");
    drop(file);

    let mut counts = Vec::new();
    let backgrounds = [Background::Manual, Background::Threads];
    for background in backgrounds.into_iter().cycle().take(6) {
        let config = Config {
            background,
            ..little()
        };
        let refused = try_open(&disk, config);
        assert!(refused.is_err(), "the log is damaged");
        assert_eq!(segments_on(&disk), segments, "{background:?}");
        counts.push([ONE, TWO].map(|table| sstables_count(&disk, table)));
    }
    assert!(counts[0][0] > 3, "some were flushed on the way: {counts:?}");
    assert_eq!(counts, [counts[0]; 6]);

    // With the byte back nothing is missing, and most of it need not be replayed.
    let file = disk.open(&late).expect("a segment");
    file.write_at(&byte, 4_000).expect("a byte");
    file.sync_data().expect("a sync");
    let again = disk.fork();
    let [applied, passed_over, _] = replayed(&open(&again).statistics());
    assert_eq!(applied + passed_over, 300);
    assert!(passed_over > 100, "{passed_over}");
    expect_all(&again, "with the byte back");
}

/// Whatever of a replay has been done when it ends: the next one does the rest.
#[test]
fn crash_at_each_operation_of_a_replay_that_flushes_loses_nothing() {
    let first = written();
    let operations = {
        let disk = first.fork();
        drop(open_with(&disk, little()));
        disk.operation_count()
    };
    let whole = {
        let disk = first.fork();
        drop(open_with(&disk, little()));
        sstables_count(&disk, ONE)
    };
    for index in (0..operations).step_by(3) {
        let disk = first.fork();
        disk.crash_at(index);
        assert!(try_open(&disk, little()).is_err() || disk.is_crashed());
        let crash = disk.crash();
        let context = format!("crash at {index}");
        let process_end = crash.process_end();
        drop(open_with(&process_end, little()));
        let written_count = sstables_count(&process_end, ONE);
        assert!(written_count <= whole, "{context}: {written_count} of {whole}");
        expect_all(&process_end, &context);
        expect_all(&crash.power_loss(&crash.random(index)), &context);
    }
}
