//! What a row of `bench storage` costs: time, CPU time, bytes and memory.
//!
//! Figures that only Linux gives are absent elsewhere.

use std::fs;
use std::path::Path;
use std::time::Instant;

use cpu_time::ProcessTime;
use serde::{Deserialize, Serialize};

/// Microseconds of a second.
const MICROSECONDS: f64 = 1e6;
/// Bytes of a megabyte, as disks count.
const MEGABYTE: f64 = 1e6;
/// Written there, it makes the peak of memory begin anew. Source: Linux `proc(5)`, `clear_refs`.
const RESET_PEAK: &str = "5";

/// A row of the answer.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct Measured {
    /// Engine or probe.
    pub(super) engine: String,
    /// What was done, in words.
    pub(super) what: String,
    /// Threads of the caller; engines have their own besides.
    pub(super) threads_count: u32,
    /// Operations: writes, reads, rows.
    pub(super) operations_count: u64,
    /// Wall clock.
    pub(super) wall_seconds: f64,
    /// CPU time of all threads of the process, the engine's own included.
    pub(super) cpu_seconds: f64,
    /// Share of all cores that was busy, other processes included; 1 is all of them.
    pub(super) busy_share: Option<f64>,
    /// Bytes of keys and values that went through.
    pub(super) payload_bytes: u64,
    /// Bytes given to the operating system for files.
    pub(super) written_bytes: Option<u64>,
    /// Lengths of all files at the end.
    pub(super) disk_bytes: Option<u64>,
    /// Most memory that was resident, what was so before included.
    pub(super) peak_memory_bytes: Option<u64>,
    /// False when Ctrl-C ended it early.
    pub(super) is_complete: bool,
}

impl Measured {
    /// Operations in a second of the wall clock.
    pub(super) fn operations_per_second(&self) -> f64 {
        ratio(self.operations_count as f64, self.wall_seconds)
    }

    /// CPU time of an operation, microseconds.
    pub(super) fn cpu_microseconds(&self) -> f64 {
        ratio(self.cpu_seconds * MICROSECONDS, self.operations_count as f64)
    }

    /// Megabytes of keys and values in a second of CPU time.
    pub(super) fn megabytes_per_cpu_second(&self) -> f64 {
        ratio(self.payload_bytes as f64 / MEGABYTE, self.cpu_seconds)
    }

    /// Bytes written for each byte of keys and values.
    pub(super) fn write_amplification(&self) -> Option<f64> {
        self.written_bytes
            .map(|written| ratio(written as f64, self.payload_bytes as f64))
    }

    /// Adds what a later stretch of the same work costs.
    pub(super) fn add(&mut self, later: &Self) {
        let wall_seconds = self.wall_seconds + later.wall_seconds;
        let busy = |measured: &Self| measured.busy_share.unwrap_or(0.0) * measured.wall_seconds;
        self.busy_share = later
            .busy_share
            .map(|_| ratio(busy(self) + busy(later), wall_seconds));
        self.wall_seconds = wall_seconds;
        self.cpu_seconds += later.cpu_seconds;
        self.operations_count += later.operations_count;
        self.payload_bytes += later.payload_bytes;
        self.written_bytes = match (self.written_bytes, later.written_bytes) {
            (Some(before), Some(after)) => Some(before + after),
            (known, None) | (None, known) => known,
        };
        self.disk_bytes = later.disk_bytes;
        self.peak_memory_bytes = self.peak_memory_bytes.max(later.peak_memory_bytes);
        self.is_complete &= later.is_complete;
    }
}

/// A quotient, and 0 where there is nothing to divide by.
fn ratio(dividend: f64, divisor: f64) -> f64 {
    if divisor > 0.0 { dividend / divisor } else { 0.0 }
}

/// A row that is being measured.
#[derive(Debug)]
pub(super) struct Meter {
    wall: Instant,
    cpu: ProcessTime,
    cores: Option<CoreTimes>,
}

impl Meter {
    /// Starts the clocks.
    pub(super) fn start() -> Self {
        // Where it cannot be reset, the peak is that of the process so far.
        drop(fs::write("/proc/self/clear_refs", RESET_PEAK));
        Self {
            cores: CoreTimes::now(),
            wall: Instant::now(),
            cpu: ProcessTime::now(),
        }
    }

    /// Stops the clocks.
    pub(super) fn stop(self, operations_count: u64, payload_bytes: u64) -> Measured {
        let (wall, cpu) = (self.wall.elapsed(), self.cpu.elapsed());
        let busy_share = self
            .cores
            .zip(CoreTimes::now())
            .map(|(before, after)| before.busy_share(after));
        Measured {
            operations_count,
            payload_bytes,
            wall_seconds: wall.as_secs_f64(),
            cpu_seconds: cpu.as_secs_f64(),
            busy_share,
            peak_memory_bytes: peak_memory_bytes(),
            is_complete: true,
            ..Measured::default()
        }
    }
}

/// Time that all cores have spent since the machine was started, ticks.
#[derive(Clone, Copy, Debug)]
struct CoreTimes {
    total_ticks: u64,
    idle_ticks: u64,
}

impl CoreTimes {
    fn now() -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/stat").ok()?)
    }

    /// Source: Linux `proc(5)`, `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal.
    fn parse(text: &str) -> Option<Self> {
        let line = text.lines().next()?.strip_prefix("cpu ")?;
        let ticks: Vec<u64> = line
            .split_whitespace()
            .take(8)
            .filter_map(|ticks| ticks.parse().ok())
            .collect();
        Some(Self {
            total_ticks: ticks.iter().sum(),
            idle_ticks: ticks.get(3)? + ticks.get(4)?,
        })
    }

    fn busy_share(self, later: Self) -> f64 {
        let total = later.total_ticks.saturating_sub(self.total_ticks);
        let idle = later.idle_ticks.saturating_sub(self.idle_ticks);
        ratio(total.saturating_sub(idle) as f64, total as f64)
    }
}

/// Most memory that was resident since the last reset.
fn peak_memory_bytes() -> Option<u64> {
    field(&fs::read_to_string("/proc/self/status").ok()?, "VmHWM:").map(|kibibytes| kibibytes << 10)
}

/// Bytes that this process gave to the operating system in writes of any kind.
#[cfg(any(feature = "fjall", feature = "rocksdb"))]
pub(super) fn process_written_bytes() -> Option<u64> {
    field(&fs::read_to_string("/proc/self/io").ok()?, "wchar:")
}

/// The number behind a name at the beginning of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Lengths of all files under a directory; what vanishes meanwhile counts nothing.
pub(super) fn disk_bytes(directory: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(directory) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => disk_bytes(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_share_leaves_out_idle_time_and_waits_for_the_disk() {
        let before = CoreTimes::parse("cpu  10 0 10 100 20 0 0 0 0 0\n").expect("a line of Linux");
        let after = CoreTimes::parse("cpu  30 0 20 140 50 0 0 0 0 0\n").expect("a line of Linux");
        assert!((before.busy_share(after) - 0.3).abs() < 1e-9);
        assert!(CoreTimes::parse("processor 1").is_none());
    }

    #[test]
    fn stretches_add_up_and_the_peak_is_the_highest() {
        let stretch = |wall_seconds, busy, peak| Measured {
            operations_count: 10,
            wall_seconds,
            busy_share: Some(busy),
            written_bytes: Some(7),
            peak_memory_bytes: Some(peak),
            is_complete: true,
            ..Measured::default()
        };
        let mut sum = stretch(1.0, 1.0, 9);
        sum.add(&stretch(3.0, 0.5, 5));
        assert_eq!(sum.operations_count, 20);
        assert_eq!(sum.written_bytes, Some(14));
        assert_eq!(sum.peak_memory_bytes, Some(9));
        assert_eq!(sum.busy_share, Some(0.625));
        assert!((sum.operations_per_second() - 5.0).abs() < 1e-9);
    }

    #[test]
    fn files_of_inner_directories_count() {
        let directory = tempfile::tempdir().expect("a directory");
        fs::create_dir(directory.path().join("inner")).expect("a directory");
        fs::write(directory.path().join("a"), [0; 3]).expect("a file");
        fs::write(directory.path().join("inner/b"), [0; 4]).expect("a file");
        assert_eq!(disk_bytes(directory.path()), 7);
    }
}
