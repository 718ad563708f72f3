//! What replay says of a log: its figures, and where a cut file ends.

use super::*;

/// A log whose segments have records of several sizes, with the segment and size of each; the last life of it is open.
fn log_of_many(config: &CommitLogConfig) -> (SimulatedDisk, Vec<(CommitLogPosition, usize)>) {
    let disk = SimulatedDisk::new();
    let log = open(&disk, config).unwrap();
    let mut written = Vec::new();
    for number in 0..14_u64 {
        let size_bytes = 40 + usize::try_from(number % 5).unwrap() * 90;
        let position = log.add(&mutation(number, size_bytes), update(TABLE)).unwrap();
        written.push((position, size_bytes));
        if number % 3 == 0 {
            log.sync().unwrap();
        }
    }
    log.sync().unwrap();
    (disk.fork(), written)
}

//= WP-CL-04 check
#[test]
fn summary_counts_segments_records_and_bytes_behind_the_position() {
    for config in all_configs() {
        let (disk, written) = log_of_many(&config);
        let log = open(&disk, &config).unwrap();
        let positions = written.iter().map(|(position, _)| *position);
        let beside = positions.clone().flat_map(|position| {
            [position.position - 1, position.position + 1].map(|other| CommitLogPosition {
                position: other,
                ..position
            })
        });
        let starts = [CommitLogPosition::NONE, log.current_position()];
        for start in positions.clone().chain(beside).chain(starts) {
            let mut visited = Vec::new();
            let summary = log
                .replay(start, |record| {
                    visited.push((record.position, record.mutation.len()));
                    Ok::<_, CommitLogError>(())
                })
                .unwrap();
            let mut behind = written.clone();
            behind.retain(|(position, _)| *position > start);
            assert_eq!(visited, behind, "{start}");
            let mut segments: Vec<i64> = positions.clone().map(|position| position.segment_id).collect();
            segments.retain(|id| *id >= start.segment_id);
            segments.dedup();
            let expected = ReplaySummary {
                segments_count: segments.len() as u64,
                records_count: behind.len() as u64,
                mutation_bytes: behind.iter().map(|(_, size_bytes)| *size_bytes as u64).sum(),
                torn_tail: None,
            };
            assert_eq!(summary, expected, "{start}");
        }
    }
}

/// What is said of a log of which one file is cut: its records and where it is torn.
fn replay_cut(
    disk: &SimulatedDisk,
    config: &CommitLogConfig,
    path: &Path,
    size_bytes: u64,
) -> Result<(Records, ReplaySummary), CommitLogError> {
    let disk = disk.fork();
    disk.open(path).unwrap().set_len(size_bytes).unwrap();
    replayed(&open(&disk, config).unwrap())
}

//= WP-CL-05 check
#[test]
fn file_that_is_cut_within_the_marker_behind_its_last_section_is_cut_and_behind_it_is_whole() {
    let config = config(SyncMode::Batch);
    let (disk, written) = log_of_many(&config);
    let (all, whole) = replayed(&open(&disk.fork(), &config).unwrap()).unwrap();
    assert_eq!((all.len(), whole.torn_tail), (written.len(), None));
    let last_id = written.last().unwrap().0.segment_id;
    let mut checked_count = 0;
    for SegmentName { id, path } in list_segments(&disk, Path::new(DIRECTORY)).unwrap() {
        let own = written.iter().filter(|(position, _)| position.segment_id == id);
        let Some(end) = own.map(|(position, _)| u64::from(position.position)).max() else {
            continue;
        };
        let full_size_bytes = disk.open(&path).unwrap().size_bytes().unwrap();
        for size_bytes in end..full_size_bytes {
            let found = replay_cut(&disk, &config, &path, size_bytes);
            checked_count += 1;
            match (size_bytes < end + 8, id == last_id) {
                (true, true) => {
                    let (records, summary) = found.unwrap();
                    assert_eq!(records, all, "all of them lie before the cut");
                    assert!(summary.torn_tail.is_some(), "{size_bytes} of {}", path.display());
                }
                (true, false) => {
                    let error = found.unwrap_err().to_string();
                    assert!(error.contains("offset"), "{error}");
                }
                (false, _) => {
                    let found = found.unwrap();
                    assert_eq!(found, (all.clone(), whole.clone()), "{size_bytes} of {end}");
                }
            }
        }
    }
    assert!(checked_count > 100, "{checked_count}");
}
