//! The line on standard error while a row of `bench storage` is measured.

use core::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::progress::{catch_interrupts, is_interrupted};

/// Operations between two looks at the line and at Ctrl-C.
const STRIDE_COUNT: u64 = 64;
/// Time between two drawings.
const REDRAW: Duration = Duration::from_millis(200);

/// The line of one row; hidden where standard error is no terminal.
#[derive(Debug)]
pub(super) struct ProgressLine {
    bar: ProgressBar,
}

impl ProgressLine {
    /// Begins at nothing; 0 operations are work of unknown length.
    pub(super) fn new(label: String, operations_count: u64) -> Self {
        catch_interrupts();
        let (bar, template) = match operations_count {
            0 => (ProgressBar::new_spinner(), "{msg}: {elapsed}"),
            count => (
                ProgressBar::new(count),
                "{msg}: {human_pos} of {human_len}, {per_sec}",
            ),
        };
        bar.set_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner()),
        );
        bar.set_message(label);
        if !bar.is_hidden() {
            bar.enable_steady_tick(REDRAW);
        }
        Self { bar }
    }

    /// Takes note of one more operation, the `index`th of its thread; false when the work should end.
    pub(super) fn goes_on(&self, index: u64) -> bool {
        if !index.is_multiple_of(STRIDE_COUNT) || index == 0 {
            return true;
        }
        self.bar.inc(STRIDE_COUNT);
        !is_interrupted()
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
