//! Answers on paper: for people, and as JSON.

use core::time::Duration;
use std::io::Write as _;

use serde::{Deserialize, Serialize};
use thymbra_checker::scope::Scope;
use thymbra_checker::search::Progress;
use thymbra_checker::story::Story;
use thymbra_checker::verdict::Stop;

use crate::bounds;
use crate::story;
use crate::wrap::{columns, wrapped};

/// The four verdicts.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// Not reachable within the bounds, and the premise was reached.
    Never,
    /// Reachable.
    Possible,
    /// Not reachable, and neither was the premise.
    Vacuous,
    /// A limit came first.
    Unknown,
    /// The answer is a table.
    Table,
}

impl Verdict {
    /// Exit status of a command with this answer.
    pub(crate) fn exit_status(self) -> u8 {
        match self {
            Self::Never | Self::Table => 0,
            Self::Possible => 1,
            Self::Vacuous | Self::Unknown => 3,
        }
    }
}

/// The bounds as a program reads them: in words, and complete enough to replay a trace.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct JsonBounds {
    /// Nodes and RF, in words.
    pub(crate) cluster: String,
    /// What clients do, in words.
    pub(crate) operations: String,
    /// Faults, in words.
    pub(crate) faults: String,
    /// Settings, in words.
    pub(crate) settings: String,
    /// Sync mode and stages, in words.
    pub(crate) disks: String,
    /// Name of the rules.
    pub(crate) rules: String,
    /// What the verdict speaks of.
    pub(crate) subject: String,
    /// Everything that a replay needs.
    pub(crate) scope: Scope,
}

impl JsonBounds {
    /// The bounds of a scope under rules.
    pub(crate) fn new(scope: &Scope, rules: &str) -> Self {
        let lines = bounds::lines(scope, rules);
        let text = |heading: &str| {
            let line = lines.iter().find(|(other, _)| *other == heading);
            line.map(|(_, text)| text.clone()).unwrap_or_default()
        };
        Self {
            cluster: text("cluster"),
            operations: text("operations"),
            faults: text("faults"),
            settings: text("settings"),
            disks: text("disks"),
            rules: rules.into(),
            subject: text("subject"),
            scope: scope.clone(),
        }
    }
}

/// States of a search.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct JsonStates {
    /// With repetitions.
    pub(crate) generated: u64,
    /// Without.
    pub(crate) distinct: u64,
}

/// A step of a trace.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct JsonStep {
    /// Name of the action.
    pub(crate) action: String,
    /// One sentence.
    #[serde(default)]
    pub(crate) say: String,
}

impl JsonStep {
    /// The steps of a story.
    pub(crate) fn of(story: &Story) -> Vec<Self> {
        let step = |step: &thymbra_checker::story::Step| Self {
            action: step.action.clone(),
            say: step.say.clone(),
        };
        story::taken(story).map(step).collect()
    }
}

/// An answer as a program reads it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct JsonAnswer {
    /// The verdict.
    pub(crate) verdict: Verdict,
    /// The question.
    pub(crate) question: String,
    /// The verdict as a sentence.
    #[serde(default)]
    pub(crate) say: String,
    /// What it speaks of.
    pub(crate) bounds: JsonBounds,
    /// States of the search that gave the verdict.
    pub(crate) states: JsonStates,
    /// Steps of the shortest way, or of the longest that was looked at.
    pub(crate) depth: usize,
    /// Time of all searches together.
    pub(crate) seconds: f64,
    /// Chance that two states shared a fingerprint.
    #[serde(default)]
    pub(crate) collision_chance: f64,
    /// The limit that was reached, or the premise that was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// The clause that fails at the end of the trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failing: Option<String>,
    /// Index of the initial state of the trace.
    #[serde(default)]
    pub(crate) start: usize,
    /// The shortest way; empty if there is none.
    pub(crate) trace: Vec<JsonStep>,
}

/// Why a search stopped, in words.
pub(crate) fn stop(stop: Stop) -> &'static str {
    match stop {
        Stop::States => "the limit of states (--max-states) was reached",
        Stop::Seconds => "the limit of time (--max-seconds) was reached",
        Stop::Memory => "the limit of memory (--max-memory) was reached",
        Stop::Interrupted => "it was interrupted",
    }
}

/// Chance that two of so many states share a 64-bit fingerprint: n^2 / 2^65.
pub(crate) fn collision_chance(distinct: u64) -> f64 {
    let states = distinct as f64;
    states * states / 65_f64.exp2()
}

/// Prints a part of the answer. A reader that has gone away, as `head` does, is no fault of the answer.
pub(crate) fn put(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    if let Err(error) = written
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        note!("the answer cannot be printed: {error}");
    }
}

/// Prints a line on standard error, after a word that says what it is.
pub(crate) fn say(what: &str, text: &str) {
    say_line(&format!("{what}: {text}"));
}

/// Prints a line on standard error. Where nobody reads it there is nobody to tell so.
pub(crate) fn say_line(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Bounds for people, indented under a heading.
pub(crate) fn bounds_text(scope: &Scope, rules: &str) -> String {
    let mut text = String::from("within these bounds\n");
    for (heading, line) in bounds::lines(scope, rules) {
        text.push_str(&wrapped(&format!("  {heading:<11} "), &line, columns()));
    }
    text
}

/// What a search cost, for people.
pub(crate) fn cost_text(progress: &Progress, elapsed: Duration) -> String {
    format!(
        "{} states generated, {} distinct, {}; chance that two shared a fingerprint {}\n",
        count(progress.generated),
        count(progress.distinct),
        seconds(elapsed),
        chance(collision_chance(progress.distinct))
    )
}

/// A number with its digits in groups of three.
pub(crate) fn count(number: u64) -> String {
    const GROUP: usize = 3;
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(GROUP) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time for people.
pub(crate) fn seconds(elapsed: Duration) -> String {
    format!("{:.2} s", elapsed.as_secs_f64())
}

/// An amount of memory for people.
pub(crate) fn memory(bytes: u64) -> String {
    const MEBI: u64 = 1 << 20;
    format!("{} MiB", count(bytes / MEBI))
}

fn chance(chance: f64) -> String {
    if chance == 0.0 {
        "0".into()
    } else {
        format!("{chance:.0e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_stand_in_groups_of_three() {
        let table = [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")];
        for (number, text) in table {
            assert_eq!(count(number), text);
        }
    }

    #[test]
    fn collisions_become_likely_with_the_square_of_the_states() {
        assert_eq!(collision_chance(1 << 32), 0.5);
        assert_eq!(collision_chance(1 << 31), 0.125);
    }
}
