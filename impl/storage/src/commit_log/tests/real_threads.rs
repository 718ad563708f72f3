//! Real files, real threads, and files that Cassandra wrote.

use std::sync::atomic::AtomicU64;
use std::thread;
use std::time::{Duration, Instant};

use super::*;
use crate::clock::SystemClock;
use crate::disk::{CountingDisk, FileKind, RealDisk};
use crate::{Disk, DiskOperation};

fn threaded(directory: &Path, sync_mode: SyncMode) -> CommitLogConfig {
    CommitLogConfig {
        sync_mode,
        segment_size_bytes: 64 << 10,
        ..CommitLogConfig::in_directory(directory)
    }
}

/// Writes from many threads, while another flushes; the records that must be found again.
fn write(log: &CommitLog, writers_count: u64, writes_count: u64) -> Records {
    let records = Mutex::new(Records::new());
    let is_done = AtomicBool::new(false);
    let flushed_to = Mutex::new(CommitLogPosition::NONE);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..writers_count)
            .map(|writer| {
                let records = &records;
                scope.spawn(move || {
                    for number in 0..writes_count {
                        let mutation = mutation(writer << 32 | number, 100);
                        let position = log.add(&mutation, update(TABLE)).unwrap();
                        log.await_acknowledgement(position).unwrap();
                        let replaced = records.lock().unwrap().insert(position, mutation);
                        assert_eq!(replaced, None, "two records at one position");
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            while !is_done.load(Ordering::SeqCst) {
                let upper = log.current_position();
                let mut flushed_to = flushed_to.lock().unwrap();
                log.discard_completed_segments(TABLE, *flushed_to, upper).unwrap();
                *flushed_to = upper;
                drop(flushed_to);
                thread::sleep(Duration::from_millis(3));
            }
        });
        for writer in writers {
            writer.join().unwrap();
        }
        is_done.store(true, Ordering::SeqCst);
    });
    let flushed_to = *flushed_to.lock().unwrap();
    let mut records = records.into_inner().unwrap();
    records.retain(|position, _| *position > flushed_to);
    records
}

#[test]
fn writers_in_all_modes_find_their_records_again() {
    for sync_mode in [
        SyncMode::periodic(50),
        SyncMode::periodic(10_000),
        SyncMode::Batch,
        SyncMode::Group { window_ms: 2 },
    ] {
        for is_compressed in [false, true] {
            let directory = tempfile::tempdir().unwrap();
            let config = CommitLogConfig {
                is_compressed,
                ..threaded(directory.path(), sync_mode)
            };
            let open =
                || CommitLog::open(config.clone(), Arc::new(RealDisk), Arc::new(SystemClock::new())).unwrap();
            let log = open();
            let written = write(&log, 8, 120);
            log.close().unwrap();
            let log = open();
            let (records, summary) = replayed(&log).unwrap();
            for (position, mutation) in &written {
                assert_eq!(records.get(position), Some(mutation));
            }
            assert_eq!(summary.torn_tail, None);
            log.discard_replayed().unwrap();
            write(&log, 2, 10);
        }
    }
}

#[test]
fn one_sync_serves_many_writers() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Arc::new(CountingDisk::new(RealDisk));
    let config = CommitLogConfig {
        segment_size_bytes: 8 << 20,
        ..threaded(directory.path(), SyncMode::Batch)
    };
    let log = CommitLog::open(config, disk.clone(), Arc::new(SystemClock::new())).unwrap();
    let written = write(&log, 64, 50);
    let syncs_count = disk
        .counts()
        .of(FileKind::CommitLog)
        .count(DiskOperation::SyncData);
    println!("{syncs_count} syncs for 3200 writes");
    assert!(syncs_count * 4 < 3_200, "{syncs_count}");
    assert!(!written.is_empty() || log.segments_count() > 0);
}

/// Waits for the first marker of the segment that allocates.
fn await_marker(log: &CommitLog, directory: &Path) {
    let path = directory.join(format!("CommitLog-7-{}.log", log.current_position().segment_id));
    let begun = Instant::now();
    while RealDisk.read(&path).unwrap()[20..24] == [0; 4] {
        assert!(begun.elapsed() < Duration::from_secs(20), "no marker");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn much_that_waits_is_written_before_its_time() {
    let directory = tempfile::tempdir().unwrap();
    let config = CommitLogConfig {
        segment_size_bytes: 4 << 20,
        ..threaded(directory.path(), SyncMode::periodic(10_000))
    };
    // Time stands still: no marker is ever due.
    let log = CommitLog::open(config, Arc::new(RealDisk), clock()).unwrap();
    for number in 0..12 {
        log.add(&mutation(number, 100_000), update(TABLE)).unwrap();
    }
    await_marker(&log, directory.path());
}

#[test]
fn marker_is_written_without_being_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let config = threaded(directory.path(), SyncMode::periodic(10_000));
    let open = |config: &CommitLogConfig| {
        CommitLog::open(config.clone(), Arc::new(RealDisk), Arc::new(SystemClock::new())).unwrap()
    };
    let log = open(&config);
    log.add(&mutation(0, 100), update(TABLE)).unwrap();
    await_marker(&log, directory.path());
    // The process ends.
    drop(log);
    let log = open(&config);
    assert_eq!(replayed(&log).unwrap().1.records_count, 1);
}

#[test]
fn writers_of_a_log_that_stops_are_all_told() {
    for sync_mode in [SyncMode::Batch, SyncMode::Group { window_ms: 1 }] {
        let disk = SimulatedDisk::new();
        let config = CommitLogConfig {
            has_threads: true,
            ..threaded(Path::new(DIRECTORY), sync_mode)
        };
        let log = CommitLog::open(config, Arc::new(disk.clone()), Arc::new(SystemClock::new())).unwrap();
        disk.fail_at(disk.operation_count() + 200, std::io::ErrorKind::Other);
        let acknowledged_count = AtomicU64::new(0);
        thread::scope(|scope| {
            for writer in 0..16 {
                let (log, acknowledged_count) = (&log, &acknowledged_count);
                scope.spawn(move || {
                    while let Ok(position) = log.add(&mutation(writer, 50), update(TABLE)) {
                        if log.await_acknowledgement(position).is_err() {
                            break;
                        }
                        acknowledged_count.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!(acknowledged_count.load(Ordering::SeqCst) > 0);
        assert!(matches!(log.sync(), Err(CommitLogError::Stopped { .. })));
    }
}

//= WP-CL-01 check
#[test]
fn files_of_cassandra_are_replayed() {
    let repository = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures");
    let fixtures = std::env::var_os("THYMBRA_FIXTURES").map_or_else(|| repository.into(), PathBuf::from);
    for (kind, records_count) in [("v7-uncompressed", 2_628), ("v7-lz4", 236)] {
        let directory = fixtures.join("commitlog").join(kind);
        if !RealDisk.exists(&directory).unwrap() {
            println!("SKIPPED: no files of Cassandra in {}", directory.display());
            return;
        }
        let disk = SimulatedDisk::new();
        disk.create_directory_all(Path::new(DIRECTORY)).unwrap();
        for entry in RealDisk.list(&directory).unwrap() {
            let bytes = RealDisk.read(&directory.join(&entry.name)).unwrap();
            let path = Path::new(DIRECTORY).join(&entry.name);
            disk.create_new(&path).unwrap().append(&bytes).unwrap();
        }
        let log = open(&disk, &config(SyncMode::Batch)).unwrap();
        let (records, summary) = replayed(&log).unwrap();
        println!("{kind}: {summary:?}");
        assert_eq!((records.len(), summary.torn_tail), (records_count, None));
        let last = records.keys().next_back().copied();
        assert!(
            log.current_position() > last.unwrap(),
            "ids follow those of Cassandra"
        );
    }
}
