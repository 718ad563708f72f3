//! Who may work on the files of a node, and what is removed when it opens.

use crate::bench::{OTHER, Refusing, TABLE, config, insert, make_tables, open, open_with, table, values};
use std::path::{Path, PathBuf};
use thymbra_durability::SyncMode;
use thymbra_storage::disk::simulated::Kept;
use thymbra_storage::{Config, Disk as _, DiskOperation, RealDisk, SimulatedDisk, StorageError};

const DIRECTORY: &str = "/node/data/ks/t-681f35d0e57b11f1935d9b7b8ca7a154";

fn put_file(disk: &SimulatedDisk, path: &str) {
    let path = Path::new(path);
    let directory = path.parent().expect("a directory");
    disk.create_directory_all(directory).expect("a directory");
    let file = disk.create_new(path).expect("a new file");
    file.append(b"precious").expect("it is written");
    file.sync_data().expect("it is synced");
    for directory in directory.ancestors() {
        disk.sync_directory(directory).expect("it is synced");
    }
}

fn exists(disk: &SimulatedDisk, path: &str) -> bool {
    disk.exists(Path::new(path)).expect("the disk works")
}

//= WP-CL-11 check
/// Two engines on one directory, one of which removed the segments of the other.
#[test]
fn second_engine_on_the_files_is_refused_until_the_first_is_closed_or_ends() {
    let directory = tempfile::tempdir().expect("a directory");
    let here = || Config {
        data_directory: directory.path().join("data"),
        commitlog_directory: directory.path().join("commitlog"),
        ..config()
    };
    let first = open_with(RealDisk, here()).expect("the engine opens");
    make_tables(&first, true);
    let error = open_with(RealDisk, here()).expect_err("the files are in use");
    let path = directory.path().join("data");
    assert_eq!(
        error.to_string(),
        format!("{} is in use by another engine", path.display())
    );
    let elsewhere = Config {
        data_directory: directory.path().join("other"),
        ..here()
    };
    let error = open_with(RealDisk, elsewhere).expect_err("the log is in use");
    assert!(error.to_string().contains("commitlog is in use"), "{error}");
    first
        .apply(insert(TABLE, "a", 0, 1, "v"))
        .expect("the first works on");
    drop(first);
    let second = open_with(RealDisk, here()).expect("the first has ended");
    assert_eq!(values(&second, TABLE, "a"), ["v"]);
    second.close().expect("it closes");
    let third = open_with(RealDisk, here()).expect("the second is closed");
    assert_eq!(values(&third, TABLE, "a"), ["v"]);
    drop(second);
    assert!(open_with(RealDisk, here()).is_err(), "the third has the lock");
}

/// From the working directory, over the root.
fn relative(path: &Path) -> PathBuf {
    let here = std::env::current_dir().expect("a working directory");
    let up = here.components().skip(1).map(|_| "..");
    let path = path.strip_prefix("/").expect("an absolute path");
    up.collect::<PathBuf>().join(path)
}

//= WP-CL-11 check
/// The log's directory under another name than the data's was taken for one that another engine has.
#[test]
fn one_directory_under_two_names_is_locked_once() {
    let root = tempfile::tempdir().expect("a directory");
    let both = root.path().join("both");
    std::fs::create_dir(&both).expect("a directory");
    let link = root.path().join("link");
    std::os::unix::fs::symlink(&both, &link).expect("a link");
    let names = [
        both.join("."),
        root.path().join("both/../both"),
        link,
        relative(&both),
    ];
    for (count, other) in names.into_iter().enumerate() {
        let of = |data: &Path, commitlog: &Path| Config {
            data_directory: data.into(),
            commitlog_directory: commitlog.into(),
            ..config()
        };
        let engine = open_with(RealDisk, of(&both, &other)).expect("nobody else has it");
        if count == 0 {
            make_tables(&engine, true);
        }
        assert_eq!(values(&engine, TABLE, "a").len(), count, "{}", other.display());
        let row = i32::try_from(count).expect("a few rows");
        engine.apply(insert(TABLE, "a", row, 1, "v")).expect("a write");
        for (data, commitlog) in [
            (&other, &other),
            (&other, &both),
            (&other, &root.path().join("free")),
        ] {
            let second = open_with(RealDisk, of(data, commitlog));
            assert!(
                matches!(second, Err(StorageError::InUse { .. })),
                "{}",
                other.display()
            );
        }
    }
}

//= WP-CL-11 check
#[test]
fn lock_of_a_machine_ends_with_its_life() {
    let disk = SimulatedDisk::new();
    let engine = open(&disk);
    make_tables(&engine, true);
    let again = open_with(disk.clone(), config());
    assert!(matches!(again, Err(StorageError::InUse { .. })), "{again:?}");
    let after_the_crash = disk.crash().process_end();
    open(&after_the_crash).flush(TABLE).expect("the tables are there");
    engine.flush(TABLE).expect("the first works on");
}

//= WP-MF-08 check
/// Whatever lay beside the tables of a keyspace was removed at the next start.
#[test]
fn files_of_no_table_that_is_known_are_left_alone() {
    let disk = SimulatedDisk::new();
    let engine = open(&disk);
    make_tables(&engine, true);
    drop(engine);
    let restored = "/node/data/ks/restored-00000000000000000000000000000001/nb-1-big-Data.db";
    put_file(&disk, restored);
    let engine = open(&disk);
    engine.drop_table(TABLE).expect("a drop");
    drop(engine);
    drop(open(&disk));
    assert!(exists(&disk, restored));
    assert!(!exists(&disk, DIRECTORY));
}

//= WP-MF-08 check
/// A directory in that of a table made its drop fail half-way, and the node did not start again.
#[test]
fn snapshots_outlive_the_drop_of_their_table() {
    let disk = SimulatedDisk::new();
    let engine = open(&disk);
    make_tables(&engine, true);
    engine.apply(insert(TABLE, "a", 0, 1, "v")).expect("a write");
    engine.flush(TABLE).expect("a flush");
    let snapshot = format!("{DIRECTORY}/snapshots/s1/nb-1-big-Data.db");
    put_file(&disk, &snapshot);
    engine.drop_table(TABLE).expect("a drop");
    drop(engine);
    let engine = open(&disk);
    assert!(exists(&disk, &snapshot));
    let left = disk.list(Path::new(DIRECTORY)).expect("the directory is there");
    assert_eq!(left.len(), 1, "{left:?}");
    engine
        .create_table(table("t", TABLE))
        .expect("the table is made again");
    assert!(values(&engine, TABLE, "a").is_empty());
    engine.apply(insert(TABLE, "a", 0, 1, "new")).expect("a write");
    engine.flush(TABLE).expect("a flush");
    assert!(exists(&disk, &snapshot));
}

//= WP-MF-08 check
#[test]
fn files_that_a_drop_could_not_remove_go_later_and_never_return() {
    for is_opened_between in [true, false] {
        let disk = Refusing::default();
        let mut engine = open_with(disk.clone(), config()).expect("the engine opens");
        make_tables(&engine, true);
        engine.apply(insert(TABLE, "a", 0, 1, "v")).expect("a write");
        engine.flush(TABLE).expect("a flush");
        disk.refuse(DiskOperation::Remove, "-Data.db");
        let answer = engine.drop_table(TABLE);
        assert!(matches!(answer, Err(StorageError::Disk(_))), "{answer:?}");
        assert!(engine.table(TABLE).is_err(), "the table is gone");
        disk.repair();
        if is_opened_between {
            drop(engine);
            engine = open_with(disk.clone(), config()).expect("the engine opens");
            assert!(!exists(&disk.disk, DIRECTORY));
        }
        engine
            .create_table(table("t", TABLE))
            .expect("the table is made again");
        drop(engine);
        let engine = open(&disk.disk);
        assert!(values(&engine, TABLE, "a").is_empty());
    }
}

//= WP-MF-08 check
#[test]
fn crash_leaves_a_table_that_is_dropped_whole_or_not_at_all() {
    let prepared = || {
        let disk = SimulatedDisk::new();
        let engine = open(&disk);
        make_tables(&engine, true);
        for (table, value) in [(TABLE, "t"), (OTHER, "u")] {
            engine.apply(insert(table, "a", 0, 1, "file")).expect("a write");
            engine.flush(table).expect("a flush");
            engine.apply(insert(table, "a", 1, 1, value)).expect("a write");
        }
        (disk, engine)
    };
    let (disk, engine) = prepared();
    let begin = disk.operation_count();
    engine.drop_table(TABLE).expect("a drop");
    let (mut there, mut gone) = (0, 0);
    for index in begin..disk.operation_count() {
        let (disk, engine) = prepared();
        disk.crash_at(index);
        engine.drop_table(TABLE).expect_err("the disk has crashed");
        let crash = disk.crash();
        let nothing = vec![Kept::Nothing; crash.changes().len()];
        for disk in [crash.process_end(), crash.power_loss(&nothing)] {
            let engine = open(&disk);
            assert_eq!(values(&engine, OTHER, "a"), ["file", "u"], "operation {index}");
            if engine.table(TABLE).is_ok() {
                there += 1;
                assert_eq!(values(&engine, TABLE, "a"), ["file", "t"], "operation {index}");
            } else {
                gone += 1;
                assert!(!exists(&disk, DIRECTORY), "operation {index}");
            }
        }
    }
    assert!(there > 0 && gone > 0, "{there} {gone}");
}

/// With no flush writer, writers would wait for ever when memory is used up.
#[test]
fn settings_that_the_engine_cannot_work_with_are_refused_before_anything_is_done() {
    let with = |change: fn(&mut Config)| {
        let mut config = config();
        change(&mut config);
        config
    };
    for (config, setting) in [
        (
            with(|config| config.memtable_flush_writers = 0),
            "memtable_flush_writers",
        ),
        (
            with(|config| config.memtable_heap_space_bytes = 0),
            "memtable_heap_space",
        ),
        (
            with(|config| config.column_index_size_bytes = 0),
            "column_index_size",
        ),
        (
            with(|config| config.memtable_cleanup_threshold = Some(0.0)),
            "memtable_cleanup_threshold",
        ),
        (
            with(|config| config.memtable_cleanup_threshold = Some(1.1)),
            "memtable_cleanup_threshold",
        ),
        (
            with(|config| config.memtable_cleanup_threshold = Some(f64::NAN)),
            "memtable_cleanup_threshold",
        ),
        (
            with(|config| config.commitlog_sync = SyncMode::periodic(0)),
            "commitlog_sync_period",
        ),
        (
            with(|config| config.commitlog_sync = SyncMode::Group { window_ms: 0 }),
            "commitlog_sync_group_window",
        ),
        (
            with(|config| config.commitlog_sync_period_ms = Some(10_000)),
            "commitlog_sync_period",
        ),
    ] {
        let disk = SimulatedDisk::new();
        let error = open_with(disk.clone(), config).map(drop).expect_err(setting);
        let StorageError::Config(reason) = error else {
            panic!("{setting}: {error}");
        };
        assert!(reason.to_string().contains(setting), "{reason}");
        assert_eq!(disk.operation_count(), 0, "{setting}");
    }
    let disk = SimulatedDisk::new();
    let crooked = with(|config| config.commitlog_segment_size_bytes = 1_000);
    let error = open_with(disk.clone(), crooked)
        .map(drop)
        .expect_err("not a multiple of 1024");
    assert!(matches!(error, StorageError::CommitLog(_)), "{error}");
    assert_eq!(disk.operation_count(), 0);
}

/// Files that nobody may write, as restored ones can be, need not be written.
#[test]
fn node_opens_where_nobody_may_write_to_files_that_exist() {
    let disk = Refusing::default();
    let engine = open_with(disk.clone(), config()).expect("it opens");
    make_tables(&engine, true);
    engine.apply(insert(TABLE, "a", 0, 1, "file")).expect("a write");
    engine.flush(TABLE).expect("a flush");
    engine.apply(insert(TABLE, "a", 1, 1, "log")).expect("a write");
    drop(engine);
    disk.refuse(DiskOperation::Open, "/node");
    let engine = open_with(disk.clone(), config()).expect("it only reads them");
    assert_eq!(values(&engine, TABLE, "a"), ["file", "log"]);
    engine.compact(TABLE).expect("they are read, and removed");
    assert_eq!(values(&engine, TABLE, "a"), ["file", "log"]);
    assert_eq!(disk.refused_count(), 0);
}
