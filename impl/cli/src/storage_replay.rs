//! `thymbra replay` of what `thymbra gallery ENTRY` printed for a bug of one node's storage.
//!
//! The first word names the entry, and with it the bounds and the bug; numbered lines name the actions.

use std::process::ExitCode;

use thymbra_checker::gallery::Entry;
use thymbra_checker::log_system::{self, LogStory, LogSystem};
use thymbra_checker::verdict::Trace;

use crate::ask::in_steps;
use crate::story;
use crate::usage::{Failure, Usage};

/// The entry that a text begins with, if it is one of one node's storage.
pub(crate) fn entry_of(text: &str) -> Option<&'static Entry<LogSystem>> {
    log_system::entry(text.split_whitespace().next()?)
}

/// Runs the actions once more, each possible at its place, and tells them.
pub(crate) fn run(entry: &'static Entry<LogSystem>, path: &str, text: &str) -> Result<ExitCode, Failure> {
    let no_trace = |reason: String| Usage::NoTrace {
        path: path.into(),
        reason,
    };
    let inquiry = entry
        .inquiry(true)
        .ok_or_else(|| no_trace("it has no steps".into()))?;
    let system = inquiry.system(false)?;
    let mut state = system.initial_state();
    let mut actions = Vec::new();
    for (name, number) in names(text).zip(1_usize..) {
        let action = system.parse(&state, name).map_err(|possible| {
            let possible = possible.join(", ");
            no_trace(format!("step {number} is no {name}; possible are {possible}"))
        })?;
        state = system.after(&state, action);
        actions.push(action);
    }
    if actions.is_empty() {
        return Err(no_trace("it has no steps".into()).into());
    }
    put_line!("{}, each possible at its place\n", in_steps(actions.len()));
    let told = LogStory::tell(&system, &Trace { start: 0, actions });
    put!("{}", story::storage_text(&told));
    if told.failing.is_none() {
        put_line!(
            "\nAt the end of these steps {} is not violated.",
            entry.target.code()
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// The second words of the lines that begin with a number and a point.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let number = words.next()?.strip_suffix('.')?;
        number.parse::<usize>().ok()?;
        words.next()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbered_lines_name_actions_and_others_do_not() {
        let text = "CASSANDRA-9669 (published): 8 steps\n\n   1. append.w1  W1 is\n      appended.\n  10. crash  It.\n";
        assert_eq!(names(text).collect::<Vec<_>>(), ["append.w1", "crash"]);
    }

    #[test]
    fn text_of_another_kind_is_no_storage_trace() {
        assert!(entry_of("").is_none());
        assert!(entry_of("{ \"verdict\": 1 }").is_none());
        assert!(entry_of("CASSANDRA-2034 (published): of a cluster").is_none());
        assert!(entry_of("cassandra-9669 (published)").is_some());
    }
}
