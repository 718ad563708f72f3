//! The answer of `bench storage`: a table for people, JSON for programs.

use serde::Serialize;

use super::contestant::Engine;
use super::measured::Measured;
use crate::output::{count, memory};
use crate::table::{Align, Table};

/// Share of one in percent.
const PERCENT: f64 = 100.0;
/// Peers and the feature that brings each.
const PEERS: [&str; 2] = ["fjall", "rocksdb"];

/// Everything that was measured, and where.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Cores of the machine.
    pub(super) cores_count: usize,
    /// Model of the processor, where the system tells.
    pub(super) processor: Option<String>,
    /// Whether the program is optimised as for a release.
    pub(super) is_release: bool,
    /// Writes of a part in periodic mode.
    pub(super) writes_count: u64,
    /// False when Ctrl-C came first.
    pub(super) is_complete: bool,
    /// The rows.
    pub(super) rows: Vec<Measured>,
}

impl Report {
    /// An answer without rows.
    pub(super) fn new(writes_count: u64) -> Self {
        Self {
            cores_count: std::thread::available_parallelism().map_or(1, usize::from),
            processor: processor(),
            is_release: !cfg!(debug_assertions),
            writes_count,
            is_complete: true,
            rows: Vec::new(),
        }
    }

    /// The table with its headings and what is missing from it.
    pub(super) fn text(&self) -> String {
        let mut table = Table::new([
            ("engine", Align::Left),
            ("work", Align::Left),
            ("threads", Align::Right),
            ("operations", Align::Right),
            ("wall s", Align::Right),
            ("op/s", Align::Right),
            ("CPU µs/op", Align::Right),
            ("MB/CPU s", Align::Right),
            ("busy", Align::Right),
            ("written x", Align::Right),
            ("on disk", Align::Right),
            ("peak memory", Align::Right),
            ("", Align::Left),
        ]);
        for row in &self.rows {
            table.row(cells(row));
        }
        let mut text = table.text();
        text.push_str(&format!(
            "\n{} cores{}; keys of 16 bytes, values of 100; busy is the share of all cores, other processes included\n",
            self.cores_count,
            self.processor
                .as_ref()
                .map_or_else(String::new, |processor| format!(" of {processor}")),
        ));
        for peer in PEERS {
            if !Engine::ALL.iter().any(|engine| engine.name() == peer) {
                text.push_str(&format!(
                    "{peer} is not in this build: --features {peer}, see DEVELOPING.md\n"
                ));
            }
        }
        if !self.is_complete {
            text.push_str("stopped before the end: rows are missing\n");
        }
        if !self.is_release {
            text.push_str("this build is not optimised: cargo run --release\n");
        }
        text
    }
}

fn cells(row: &Measured) -> [String; 13] {
    let or_empty = |text: Option<String>| text.unwrap_or_default();
    [
        row.engine.clone(),
        row.what.clone(),
        row.threads_count.to_string(),
        count(row.operations_count),
        format!("{:.2}", row.wall_seconds),
        count(whole(row.operations_per_second())),
        format!("{:.2}", row.cpu_microseconds()),
        count(whole(row.megabytes_per_cpu_second())),
        or_empty(row.busy_share.map(|share| format!("{:.0} %", share * PERCENT))),
        or_empty(row.write_amplification().map(|times| format!("{times:.2}"))),
        or_empty(row.disk_bytes.map(memory)),
        or_empty(row.peak_memory_bytes.map(memory)),
        if row.is_complete { "" } else { "stopped" }.to_owned(),
    ]
}

/// A rate for people.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a finite non-negative number far below 2^63"
)]
fn whole(rate: f64) -> u64 {
    rate.round() as u64
}

fn processor() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_says_what_is_missing_and_what_was_stopped() {
        let mut report = Report::new(1);
        report.rows.push(Measured {
            engine: "thymbra".into(),
            what: "flush".into(),
            ..Measured::default()
        });
        let text = report.text();
        assert!(text.contains("stopped"), "{text}");
        assert_eq!(
            text.contains("--features fjall"),
            !cfg!(feature = "fjall"),
            "{text}"
        );
    }
}
