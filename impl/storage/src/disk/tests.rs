//! The same calls on the real and on the simulated disk have the same results.

use std::fmt::Write as _;

use super::*;

/// What a call gave, without the directory of the test.
fn note<T: Debug>(transcript: &mut String, result: DiskResult<T>) -> Option<T> {
    match result {
        Ok(value) => {
            writeln!(transcript, "{value:?}").unwrap();
            Some(value)
        }
        Err(error) => {
            writeln!(transcript, "{:?} {:?}", error.operation, error.kind()).unwrap();
            None
        }
    }
}

/// Entries without times, and directories without sizes.
fn entries(disk: &dyn Disk, directory: &Path) -> DiskResult<Vec<(String, bool, u64)>> {
    let of = |entry: DirectoryEntry| (entry.name, entry.is_directory, entry.size_bytes);
    disk.list(directory)
        .map(|entries| entries.into_iter().map(of).collect())
}

fn transcript(disk: &dyn Disk, root: &Path) -> String {
    let mut transcript = String::new();
    let (a, b, nested) = (root.join("a"), root.join("b"), root.join("d/e"));
    let t = &mut transcript;
    note(t, disk.open(&a).map(drop));
    note(t, disk.open_read_only(&a).map(drop));
    note(t, disk.read(&a));
    note(t, disk.remove(&a));
    note(t, disk.rename(&a, &b));
    note(t, disk.create_new(&nested.join("f")).map(drop));
    note(t, disk.create_directory_all(&nested));
    note(t, disk.create_directory_all(&nested));
    let file = disk.create_new(&a).unwrap();
    note(t, disk.create_new(&a).map(drop));
    note(t, disk.create_directory_all(&a.join("below")));
    note(t, file.append(b"one"));
    note(t, file.write_at(b"far", 10));
    note(t, file.append(b"end"));
    note(t, disk.read(&a));
    note(t, file.set_len(6));
    note(t, file.append(b"cut"));
    note(t, file.set_len(20));
    note(t, file.append(b"last"));
    note(t, file.size_bytes());
    let mut buffer = [7; 8];
    note(t, file.read_at(&mut buffer, 19));
    writeln!(t, "{buffer:?}").unwrap();
    note(t, file.read_at(&mut buffer, 100));
    note(t, file.read_exact_at(&mut buffer, 19));
    note(t, file.read_exact_at(&mut buffer, 2));
    writeln!(t, "{buffer:?}").unwrap();
    note(t, file.sync_data());
    note(t, disk.sync_directory(root));
    note(t, disk.sync_directory(&root.join("none")));
    note(t, entries(disk, root));
    note(t, entries(disk, &nested));
    note(t, entries(disk, &root.join("none")));
    note(t, disk.remove(&root.join("d")));
    note(t, disk.remove(&nested));
    note(t, disk.rename(&a, &b));
    note(t, file.append(b"under another name"));
    note(t, disk.read(&b));
    note(t, disk.exists(&a));
    note(t, disk.exists(&b));
    disk.create_new(&a).unwrap().append(b"new").unwrap();
    note(t, disk.rename(&a, &b));
    note(t, disk.read(&b));
    note(t, disk.remove(&b));
    note(t, file.append(b"without a name"));
    note(t, file.size_bytes());
    note(t, entries(disk, root));
    transcript
}

#[test]
fn simulated_disk_and_real_disk_give_the_same_answers() {
    let directory = tempfile::tempdir().unwrap();
    let simulated = SimulatedDisk::new();
    simulated.create_directory_all(directory.path()).unwrap();
    let real = transcript(&RealDisk, directory.path());
    assert_eq!(real, transcript(&simulated, directory.path()));
    assert!(real.lines().count() > 40);
}

#[test]
fn directory_that_is_made_durably_outlives_a_loss_of_power() {
    let leaf = Path::new("/a/b/c");
    let disk = SimulatedDisk::new();
    create_directory_durably(&disk, leaf).unwrap();
    assert!(disk.crash().power_loss(&[]).exists(leaf).unwrap());

    // The process may have ended behind any operation before.
    for index in 0..disk.operation_count() {
        let disk = SimulatedDisk::new();
        disk.crash_at(index);
        assert!(create_directory_durably(&disk, leaf).is_err());
        let disk = disk.crash().process_end();
        create_directory_durably(&disk, leaf).unwrap();
        assert!(
            disk.crash().power_loss(&[]).exists(leaf).unwrap(),
            "after {index}"
        );
    }
}

#[test]
fn counting_disk_counts_by_kind_and_changes_nothing() {
    let root = Path::new("/log");
    let simulated = SimulatedDisk::new();
    simulated.create_directory_all(root).unwrap();
    let counting = CountingDisk::new(simulated);
    let plain = SimulatedDisk::new();
    plain.create_directory_all(root).unwrap();
    assert_eq!(transcript(&counting, root), transcript(&plain, root));

    let before = counting.counts();
    let file = counting.create_new(&root.join("CommitLog-7-1.log")).unwrap();
    file.append(&[0; 100]).unwrap();
    file.write_at(&[0; 11], 5).unwrap();
    file.sync_data().unwrap();
    counting.sync_directory(root).unwrap();
    counting.read(&root.join("CommitLog-7-1.log")).unwrap();
    let counts = counting.counts();
    let log = counts.of(FileKind::CommitLog);
    assert_eq!(
        (log.written_bytes, log.read_bytes, log.sync_count()),
        (111, 100, 1)
    );
    assert_eq!(log.count(DiskOperation::Write), 2);
    assert_eq!(counts.written_bytes() - before.written_bytes(), 111);
    assert_eq!(counts.read_bytes() - before.read_bytes(), 100);
    assert_eq!(counts.sync_count() - before.sync_count(), 2);
    assert_eq!(
        counts.count(DiskOperation::Write) - before.count(DiskOperation::Write),
        2
    );
}

#[test]
fn kind_of_a_file_is_seen_in_its_name() {
    for (name, kind) in [
        ("CommitLog-7-12.log", FileKind::CommitLog),
        ("nb-1-big-Data.db", FileKind::SSTable),
        ("nb_txn_flush_1-2.log", FileKind::TransactionLog),
        ("a-1-2.hints", FileKind::Hints),
        ("schema", FileKind::Other),
    ] {
        assert_eq!(FileKind::of(&Path::new("/x/CommitLog-").join(name)), kind);
    }
}

#[test]
fn file_that_is_opened_for_reading_alone_is_not_written() {
    let directory = tempfile::tempdir().unwrap();
    let simulated = SimulatedDisk::new();
    simulated.create_directory_all(directory.path()).unwrap();
    let disks: [&dyn Disk; 2] = [&RealDisk, &simulated];
    for disk in disks {
        let path = directory.path().join("a");
        disk.create_new(&path).unwrap().append(b"bytes").unwrap();
        let file = disk.open_read_only(&path).unwrap();
        let mut buffer = [0; 5];
        file.read_exact_at(&mut buffer, 0).unwrap();
        assert_eq!(buffer, *b"bytes");
        file.sync_data().unwrap();
        file.append(b"more").expect_err("nothing is appended");
        file.write_at(b"more", 0).expect_err("nothing is written");
        file.set_len(1).expect_err("nothing is cut");
        assert_eq!(disk.read(&path).unwrap(), b"bytes");
    }
}
