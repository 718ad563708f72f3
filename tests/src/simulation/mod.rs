//! The second interpreter of [`thymbra_protocol::Node`]: a cluster in one process, with real rows, a real ring,
//! commit logs, hints and clocks, driven by a seeded random schedule as a server would drive it.
//!
//! `requests and faults (schedule) -> events (driver) -> Node::step -> effects (interpret) -> events`; the account
//! (`history`) judges the guarantees without asking the rules. Chapter: `specs/00-guarantees.md`.

mod cluster;
mod coverage;
mod driver;
mod ending;
mod faults;
mod guarantee;
mod history;
mod interpret;
mod measure;
mod named;
mod observe;
mod random;
mod rows;
mod schedule;
mod site;

use thymbra_protocol::Rules;

pub use coverage::{Coverage, LABELS, Label};
pub use guarantee::{Guarantee, Violation};
pub use measure::{Figures, measure};

/// The size of a run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Requests in all.
    pub requests: usize,
    /// Requests that are open at once: the run begins with as many.
    pub open_max: usize,
    /// Partitions that they spread over.
    pub partitions: u32,
    /// Time between two refills of 100 requests at most, ms.
    pub refill_ms: u64,
    /// `max_hint_window`, ms.
    pub hint_window_ms: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            requests: 25_000,
            open_max: 10_000,
            partitions: 3_000,
            refill_ms: 20,
            hint_window_ms: 4_000,
        }
    }
}

/// Runs the schedule of a seed to its end. Odd seeds mix sync modes, even ones sync each write (batch).
///
/// # Errors
/// The first guarantee that did not hold.
pub fn run<R: Rules + ?Sized>(seed: u64, options: Options, rules: &R) -> Result<Coverage, Box<Violation>> {
    let mut driver = driver::Driver::new(seed, options, rules);
    match driver.play() {
        Ok(()) => Ok(driver.into_coverage()),
        Err(breach) => Err(Box::new(driver.report(breach))),
    }
}
