//! Long work: a line about it on a terminal, limits, and a clean end on Ctrl-C.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::io::IsTerminal as _;
use std::sync::Once;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use thymbra_checker::search::Progress;
use thymbra_checker::verdict::Stop;

use crate::args::LimitArgs;
use crate::output::{count, memory, seconds};

/// Set by the first Ctrl-C.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);
/// The handler is installed once in a process.
static HANDLER: Once = Once::new();
/// Exit status of a process that Ctrl-C ended: 128 + SIGINT.
const EXIT_INTERRUPTED: i32 = 130;
/// Time between two lines of progress.
const REDRAW: Duration = Duration::from_millis(100);

/// Watches a search: shows how far it is, and says when to stop.
#[derive(Debug)]
pub(crate) struct Watcher {
    limits: LimitArgs,
    begin: Instant,
    drawn: Option<Instant>,
    line: ProgressBar,
    label: String,
    stopped: Option<Stop>,
    most: Progress,
}

impl Watcher {
    /// A watcher whose clock starts now.
    pub(crate) fn new(label: &str, limits: LimitArgs) -> Self {
        catch_interrupts();
        let target = if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let line = ProgressBar::with_draw_target(None, target);
        line.set_style(
            ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()),
        );
        Self {
            limits,
            begin: Instant::now(),
            drawn: None,
            line,
            label: label.into(),
            stopped: None,
            most: Progress::default(),
        }
    }

    /// Takes note of progress; says why to stop, if so.
    pub(crate) fn watch(&mut self, progress: &Progress) -> Option<Stop> {
        self.most.generated = self.most.generated.max(progress.generated);
        self.most.distinct = self.most.distinct.max(progress.distinct);
        self.most.depth = self.most.depth.max(progress.depth);
        let now = Instant::now();
        let is_due = self.drawn.is_none_or(|drawn| now.duration_since(drawn) >= REDRAW);
        if is_due {
            self.drawn = Some(now);
            self.draw(progress);
            self.stopped = self.stopped.or_else(|| self.limit(progress));
        }
        self.stopped
    }

    /// Why the work was stopped, if it was.
    pub(crate) fn stopped(&self) -> Option<Stop> {
        self.stopped
    }

    /// Takes the line away.
    pub(crate) fn finish(&self) {
        self.line.finish_and_clear();
    }

    fn limit(&self, progress: &Progress) -> Option<Stop> {
        let is_above = |value: u64, most: Option<u64>| most.is_some_and(|most| value >= most);
        match (
            INTERRUPTED.load(Ordering::Relaxed),
            is_above(progress.distinct, self.limits.max_states),
            is_above(self.begin.elapsed().as_secs(), self.limits.max_seconds),
            is_above(resident_bytes(), self.limits.max_memory),
        ) {
            (true, _, _, _) => Some(Stop::Interrupted),
            (false, true, _, _) => Some(Stop::States),
            (false, false, true, _) => Some(Stop::Seconds),
            (false, false, false, true) => Some(Stop::Memory),
            (false, false, false, false) => None,
        }
    }

    fn draw(&self, progress: &Progress) {
        if self.line.is_hidden() {
            return;
        }
        let elapsed = self.begin.elapsed();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate for people; a finite non-negative number far below 2^63"
        )]
        let rate = (progress.distinct as f64 / elapsed.as_secs_f64().max(0.001)) as u64;
        self.line.set_message(format!(
            "{}: {} states, {} a second, depth {}, {}, {}",
            self.label,
            count(progress.distinct),
            count(rate),
            progress.depth,
            memory(resident_bytes()),
            seconds(elapsed)
        ));
    }
}

/// Whether Ctrl-C was pressed.
pub(crate) fn is_interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// As Ctrl-C does: asks for a partial answer.
pub(crate) fn interrupt() {
    INTERRUPTED.store(true, Ordering::Relaxed);
}

/// Resident memory of this process, bytes; 0 where the system does not tell.
pub(crate) fn resident_bytes() -> u64 {
    memory_stats::memory_stats().map_or(0, |stats| u64::try_from(stats.physical_mem).unwrap_or(u64::MAX))
}

/// The first Ctrl-C asks for a partial answer, the second ends the process.
pub(crate) fn catch_interrupts() {
    HANDLER.call_once(|| {
        let installed = ctrlc::set_handler(|| {
            if INTERRUPTED.swap(true, Ordering::Relaxed) {
                std::process::exit(EXIT_INTERRUPTED);
            }
        });
        if installed.is_err() {
            note!("Ctrl-C will end without a partial answer, for its signal is taken");
        }
    });
}
