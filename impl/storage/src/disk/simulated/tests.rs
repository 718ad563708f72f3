//! The simulated disk loses what it may and nothing else.

use super::*;
use std::collections::BTreeSet;

fn path(name: &str) -> PathBuf {
    Path::new("/data").join(name)
}

/// A disk with the directory `/data`, all durable.
fn disk() -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    disk.create_directory_all(Path::new("/data")).unwrap();
    disk.sync_directory(Path::new("/")).unwrap();
    disk
}

/// A file with bytes, all durable.
fn durable_file(disk: &SimulatedDisk, name: &str, bytes: &[u8]) -> Box<dyn DiskFile> {
    let file = disk.create_new(&path(name)).unwrap();
    file.append(bytes).unwrap();
    file.sync_data().unwrap();
    disk.sync_directory(Path::new("/data")).unwrap();
    file
}

/// What the losses of a crash leave of a file.
fn outcomes(disk: &SimulatedDisk, name: &str) -> BTreeSet<Option<Vec<u8>>> {
    let crash = disk.crash();
    let losses = crash.losses(8, 50);
    let images = losses.iter().map(|loss| crash.power_loss(loss));
    images.map(|image| image.read(&path(name)).ok()).collect()
}

#[test]
fn synced_bytes_under_a_synced_name_are_never_lost() {
    let disk = disk();
    durable_file(&disk, "a", b"kept");
    assert!(disk.crash().changes().is_empty());
    assert_eq!(outcomes(&disk, "a"), BTreeSet::from([Some(b"kept".to_vec())]));
}

#[test]
fn synced_bytes_without_a_synced_name_may_be_lost_whole() {
    let disk = disk();
    let file = disk.create_new(&path("a")).unwrap();
    file.append(b"kept").unwrap();
    file.sync_data().unwrap();
    assert_eq!(
        outcomes(&disk, "a"),
        BTreeSet::from([None, Some(b"kept".to_vec())])
    );
}

#[test]
fn writes_are_lost_torn_and_reordered_until_they_are_synced() {
    let disk = disk();
    let file = durable_file(&disk, "a", b"");
    file.append(b"ab").unwrap();
    file.append(b"cd").unwrap();
    let outcomes = outcomes(&disk, "a");
    for possible in [
        &b""[..],
        b"a",
        b"\0\0",
        b"ab",
        b"abc",
        b"ab\0\0",
        b"abcd",
        b"\0\0cd",
        b"a\0cd",
    ] {
        assert!(
            outcomes.contains(&Some(possible.to_vec())),
            "{possible:?} in {outcomes:?}"
        );
    }
    file.sync_data().unwrap();
    assert_eq!(
        self::outcomes(&disk, "a"),
        BTreeSet::from([Some(b"abcd".to_vec())])
    );
}

#[test]
fn sectors_of_one_write_are_lost_apart() {
    let disk = disk();
    let file = durable_file(&disk, "a", &[]);
    file.append(&[1; 1024]).unwrap();
    let outcomes = outcomes(&disk, "a");
    let half = |first, second| Some([[first; 512], [second; 512]].concat());
    assert!(outcomes.contains(&half(1, 0)) && outcomes.contains(&half(0, 1)));
}

#[test]
fn names_are_lost_and_reordered_until_their_directory_is_synced() {
    let disk = disk();
    durable_file(&disk, "a", b"a");
    disk.rename(&path("a"), &path("b")).unwrap();
    disk.create_new(&path("c")).unwrap();
    let crash = disk.crash();
    let names = |disk: SimulatedDisk| -> String {
        let entries = disk.list(Path::new("/data")).unwrap();
        entries.into_iter().map(|entry| entry.name).collect()
    };
    let losses = crash.losses(8, 0);
    let outcomes: BTreeSet<_> = losses.iter().map(|loss| names(crash.power_loss(loss))).collect();
    assert_eq!(outcomes, ["a", "b", "ac", "bc"].map(String::from).into());
    disk.sync_directory(Path::new("/data")).unwrap();
    assert!(disk.crash().changes().is_empty());
    assert_eq!(names(disk.crash().power_loss(&[])), "bc");
}

#[test]
fn directory_takes_its_files_along_when_it_is_lost() {
    let disk = disk();
    disk.create_directory_all(&path("ks/table")).unwrap();
    let file = disk.create_new(&path("ks/table/f")).unwrap();
    file.sync_data().unwrap();
    disk.sync_directory(&path("ks/table")).unwrap();
    disk.sync_directory(&path("ks")).unwrap();
    let image = disk.crash().power_loss(&[]);
    assert!(!image.exists(&path("ks/table/f")).unwrap() && !image.exists(&path("ks")).unwrap());
    disk.sync_directory(Path::new("/data")).unwrap();
    assert!(disk.crash().power_loss(&[]).exists(&path("ks/table/f")).unwrap());
}

#[test]
fn failed_sync_leaves_bytes_in_doubt_for_ever() {
    let disk = disk();
    let file = durable_file(&disk, "a", b"");
    file.append(b"ab").unwrap();
    disk.fail_at(disk.operation_count(), io::ErrorKind::Other);
    assert!(file.sync_data().is_err());
    file.append(b"cd").unwrap();
    file.sync_data().unwrap();
    assert_eq!(disk.read(&path("a")).unwrap(), b"abcd");
    let image = disk.crash().power_loss(&[]);
    assert_eq!(image.read(&path("a")).unwrap(), b"\0\0cd");
}

#[test]
fn failed_sync_of_a_directory_leaves_names_in_doubt_for_ever() {
    let disk = disk();
    disk.create_new(&path("a")).unwrap();
    disk.fail_at(disk.operation_count(), io::ErrorKind::Other);
    assert!(disk.sync_directory(Path::new("/data")).is_err());
    disk.sync_directory(Path::new("/data")).unwrap();
    assert!(!disk.crash().power_loss(&[]).exists(&path("a")).unwrap());
}

#[test]
fn crash_keeps_the_last_operation_in_doubt_and_refuses_all_later_ones() {
    let disk = disk();
    let file = durable_file(&disk, "a", b"");
    disk.crash_at(disk.operation_count());
    let error = file.append(b"ab").unwrap_err();
    assert_eq!(error.path, path("a"));
    assert!(disk.is_crashed());
    assert!(file.sync_data().is_err() && disk.read(&path("a")).is_err());
    let outcomes = outcomes(&disk, "a");
    assert!(outcomes.contains(&Some(b"ab".to_vec())) && outcomes.contains(&Some(Vec::new())));
    let next = disk.crash().process_end();
    assert_eq!(next.read(&path("a")).unwrap(), b"ab");
    next.open(&path("a")).unwrap().sync_data().unwrap();
    assert!(next.crash().changes().is_empty());
}

#[test]
fn crash_during_a_sync_makes_nothing_durable() {
    let disk = disk();
    let file = durable_file(&disk, "a", b"");
    file.append(b"ab").unwrap();
    disk.crash_at(disk.operation_count());
    assert!(file.sync_data().is_err());
    assert_eq!(disk.crash().changes().len(), 1);
}

#[test]
fn full_disk_takes_what_fits_and_holes_are_free() {
    let disk = disk();
    disk.fill_at(2 * PAGE_SIZE_BYTES);
    let file = disk.create_new(&path("a")).unwrap();
    file.set_len(1 << 20).unwrap();
    file.write_at(&[1; 10], 0).unwrap();
    let error = file.write_at(&[2; 3 * 4096], 4096).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    let mut written = vec![0; 3 * 4096];
    file.read_exact_at(&mut written, 4096).unwrap();
    assert_eq!(written.iter().filter(|byte| **byte == 2).count(), 4096);
    file.write_at(&[3; 10], 100).unwrap();
    disk.remove(&path("a")).unwrap();
    let other = disk.create_new(&path("b")).unwrap();
    other.append(&[1; 4096]).unwrap();
    disk.fill_from(0);
    assert!(other.append(&[1]).is_err() && other.sync_data().is_ok());
}

#[test]
fn fork_is_another_disk_of_the_same_durability() {
    let disk = disk();
    let file = durable_file(&disk, "a", b"");
    file.append(b"x").unwrap();
    let fork = disk.fork();
    file.append(b"y").unwrap();
    assert_eq!(fork.read(&path("a")).unwrap(), b"x");
    assert_eq!(fork.crash().changes().len(), 1);
}
