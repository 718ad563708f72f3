//! Every byte of a small log changed, and every length of its files.

use super::*;

/// A log of several segments with several synced sections each, and a segment without records.
struct Log {
    config: CommitLogConfig,
    disk: SimulatedDisk,
    records: Records,
    /// The records of the last section of the last segment that has any: those may be lost.
    last_section: Vec<CommitLogPosition>,
}

impl Log {
    fn new(is_compressed: bool) -> Self {
        let config = CommitLogConfig {
            is_compressed,
            ..config(SyncMode::Batch)
        };
        let disk = SimulatedDisk::new();
        let log = open(&disk, &config).unwrap();
        let mut records = Records::new();
        let mut last_section = Vec::new();
        // The second segment ends in a section of several records.
        for section in [1, 2, 1, 4, 2, 1, 3, 2] {
            last_section.clear();
            for _ in 0..section {
                let mutation = mutation(records.len() as u64 % 5, 150 + records.len());
                let position = log.add(&mutation, update(TABLE)).unwrap();
                records.insert(position, mutation);
                last_section.push(position);
            }
            log.sync().unwrap();
        }
        let last_id = log.current_position().segment_id;
        last_section.retain(|position| position.segment_id == last_id);
        drop(log);
        // The next life makes a segment and takes nothing.
        drop(open(&disk, &config).unwrap());
        assert!(segments_on(&disk).len() >= 4);
        Self {
            config,
            disk,
            records,
            last_section,
        }
    }

    /// What replay says when one file is other than it was; whether it has lost anything.
    fn replay_with(&self, path: &Path, bytes: &[u8]) -> Result<bool, CommitLogError> {
        let disk = SimulatedDisk::new();
        disk.create_directory_all(Path::new(DIRECTORY)).unwrap();
        for other in segment_paths(&self.disk) {
            let bytes = if other == path {
                bytes.to_vec()
            } else {
                self.disk.read(&other).unwrap()
            };
            disk.create_new(&other).unwrap().append(&bytes).unwrap();
        }
        let log = open(&disk, &self.config).unwrap();
        let records = match replayed(&log) {
            Ok((records, _)) => records,
            Err(error) => {
                let CommitLogError::Corrupt { path: named, .. } = &error else {
                    panic!("{error:?}");
                };
                assert_eq!(named, path);
                return Err(error);
            }
        };
        for (position, mutation) in &records {
            assert_eq!(self.records.get(position), Some(mutation), "at {position}");
        }
        for position in self
            .records
            .keys()
            .filter(|position| !records.contains_key(position))
        {
            assert!(
                self.last_section.contains(position),
                "{position} is lost without a word"
            );
        }
        Ok(records.len() < self.records.len())
    }

    /// Outcomes of all changes of all files: harmless, a torn tail, reported.
    fn outcomes(&self, changes: impl Fn(&[u8]) -> Vec<Vec<u8>>) -> [u32; 3] {
        let mut outcomes = [0; 3];
        for path in segment_paths(&self.disk) {
            for changed in changes(&self.disk.read(&path).unwrap()) {
                match self.replay_with(&path, &changed) {
                    Ok(false) => outcomes[0] += 1,
                    Ok(true) => outcomes[1] += 1,
                    Err(_) => outcomes[2] += 1,
                }
            }
        }
        println!("{outcomes:?}");
        outcomes
    }
}

//= WP-CL-05 check
#[test]
fn changed_byte_is_reported_or_takes_no_more_than_the_last_section() {
    for is_compressed in [false, true] {
        let log = Log::new(is_compressed);
        let outcomes = log.outcomes(|file| {
            let changes = (0..file.len()).flat_map(|at| {
                let values = [
                    !file[at],
                    file[at] ^ 1,
                    file[at] ^ 0x80,
                    0,
                    8,
                    file[at].wrapping_add(3),
                ];
                let values = values.into_iter().filter(move |value| *value != file[at]);
                values.map(move |value| {
                    let mut changed = file.to_vec();
                    changed[at] = value;
                    changed
                })
            });
            changes.collect()
        });
        assert!(outcomes.iter().all(|count| *count > 10), "{outcomes:?}");
    }
}

//= WP-CL-05 check
#[test]
fn cut_file_is_reported_or_takes_no_more_than_the_last_section() {
    let log = Log::new(false);
    let outcomes = log.outcomes(|file| (0..file.len()).map(|size| file[..size].to_vec()).collect());
    assert!(outcomes.iter().all(|count| *count > 10), "{outcomes:?}");
}

//= WP-CL-01 check
#[test]
fn cut_compressed_file_is_reported_or_takes_no_more_than_its_end() {
    let log = Log::new(true);
    let paths = segment_paths(&log.disk);
    let written = |path: &&PathBuf| section_ends(&log.disk.read(path).unwrap()).count() > 1;
    let last = paths.iter().rfind(written).unwrap();
    let mut cut_between_count = 0;
    for path in &paths {
        let file = log.disk.read(path).unwrap();
        let sections: Vec<_> = section_ends(&file).collect();
        for size in 0..file.len() {
            let is_near = sections.iter().any(|end| (*end..*end + 8).contains(&size));
            if path >= last && is_near {
                // The log may end between any two sections of its last segment.
                continue;
            }
            let replayed = log.replay_with(path, &file[..size]);
            assert!(
                replayed.is_err() || path >= last,
                "{} cut to {size}",
                path.display()
            );
            cut_between_count += u32::from(path < last && sections.contains(&size));
        }
    }
    assert!(cut_between_count > 3, "{cut_between_count}");
}

/// Offsets where sections begin or end.
fn section_ends(file: &[u8]) -> impl Iterator<Item = usize> {
    let at = |offset: usize| -> Option<usize> {
        let end = u32::from_be_bytes(*file.get(offset..)?.first_chunk::<4>()?);
        usize::try_from(end).ok().filter(|end| *end > 0)
    };
    let parameters = usize::from(u16::from_be_bytes(*file[12..].first_chunk::<2>().unwrap()));
    std::iter::successors(Some(14 + parameters + 4), move |offset| at(*offset))
}

#[test]
fn zeroed_end_of_any_section_is_reported_or_takes_no_more_than_the_last_section() {
    let log = Log::new(false);
    log.outcomes(|file| {
        let ends: Vec<_> = section_ends(file).collect();
        let windows = ends.windows(2).flat_map(|window| {
            let (begin, end) = (window[0] + 8, window[1]);
            (begin..end).step_by(5).map(move |from| {
                let mut changed = file.to_vec();
                changed[from..end].fill(0);
                changed
            })
        });
        windows.collect()
    });
}

//= WP-CL-05 check
#[test]
fn remainder_too_small_for_a_size_is_the_end_of_a_segment() {
    // CASSANDRA-13282: one to three bytes behind the last record of a section.
    for remainder in 1..=3 {
        let log = Log::new(false);
        for path in segment_paths(&log.disk) {
            let mut file = log.disk.read(&path).unwrap();
            let ends: Vec<_> = section_ends(&file).collect();
            let &[.., marker, end] = ends.as_slice() else {
                continue;
            };
            let longer = u32::try_from(end + remainder).unwrap();
            file[marker..marker + 4].copy_from_slice(&longer.to_be_bytes());
            assert_eq!(log.replay_with(&path, &file).ok(), Some(false));
        }
    }
}

#[test]
fn end_of_a_section_a_little_behind_an_earlier_record_is_no_end_of_the_segment() {
    let log = Log::new(false);
    let mut changed_count = 0;
    for path in segment_paths(&log.disk) {
        let file = log.disk.read(&path).unwrap();
        let ends: Vec<_> = section_ends(&file).collect();
        for window in ends.windows(2) {
            let (marker, end) = (window[0], window[1]);
            let records = log.records.keys().map(|position| position.position as usize);
            for record in records.filter(|record| (marker + 8..end).contains(record)) {
                for remainder in 0..=3 {
                    let shorter = u32::try_from(record + remainder).unwrap();
                    let mut file = file.clone();
                    file[marker..marker + 4].copy_from_slice(&shorter.to_be_bytes());
                    changed_count += 1;
                    log.replay_with(&path, &file).ok();
                }
            }
        }
    }
    assert!(changed_count > 20, "{changed_count}");
}

#[test]
fn name_that_differs_from_the_id_inside_is_reported() {
    let log = Log::new(false);
    let paths = segment_paths(&log.disk);
    let disk = log.disk.fork();
    disk.rename(&paths[0], &Path::new(DIRECTORY).join("CommitLog-7-5.log"))
        .unwrap();
    let log = open(&disk, &log.config).unwrap();
    let error = replayed(&log).unwrap_err().to_string();
    assert!(
        error.contains("CommitLog-7-5.log: a damaged header at offset 4"),
        "{error}"
    );
}
