//! Scripts: a run as a file that a person reads, with what it claims of the run in between.
//!
//! `text -> parse -> Script -> play -> Run -> story`; a counterexample becomes a script by [`Script::from_trace`].
//! The form is told in `tests/scripts/README.md`. Chapter: `specs/README.md`.

mod bounds;
mod bounds_text;
mod expectation;
mod judge;
mod parse;
mod play;
mod structure;
mod trace;

#[cfg(test)]
mod tests;

use core::fmt;

use crate::action::Unmet;
use crate::faults::DriverFault;
use crate::gallery::rules_named;
use crate::properties::PropertyDef;
use crate::scope::{Scope, ScopeError};
use crate::system::{DynRules, System};

pub use expectation::{Expectation, Judgement};
pub use play::{Entry, Event, Run};

/// The rules of a script that names none.
pub const REFERENCE: &str = "reference";

/// One run: its bounds, what happens, and what is expected on the way.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Script {
    /// Comment lines above everything else, without their `#`.
    pub about: Vec<String>,
    /// The bounds. A script is run on the full graph.
    pub scope: Scope,
    /// Name of the decisions: `reference`, `intended` or an entry of the gallery.
    pub rules: String,
    /// Actions, expectations and comments in order.
    pub lines: Vec<Line>,
}

/// One line below the bounds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    /// Where it stands in the file, from 1; 0 if it never stood in one.
    pub number: usize,
    /// What it says.
    pub step: Step,
}

/// What a line says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Step {
    /// An action happens, by its name.
    Act(String),
    /// `deliver *`: messages arrive until none can, always the first in the order of the state.
    DeliverAll,
    /// `settle`: everything that must happen in the end happens, timers last.
    Settle,
    /// A claim of the state that has been reached.
    Expect(Expectation),
    /// A comment, without its `#`.
    Comment(String),
}

/// What is wrong with a script, or with the run it describes.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ScriptError {
    /// A word that means nothing at its place.
    #[error("line {line}: {word} is not known here; did you mean {nearest}?")]
    UnknownWord {
        /// From 1.
        line: usize,
        /// What was written.
        word: String,
        /// The most similar word that would be right.
        nearest: String,
    },
    /// A line whose words do not fit together.
    #[error("line {line}: {text:?} cannot be read; write {form}")]
    Malformed {
        /// From 1.
        line: usize,
        /// What was written.
        text: String,
        /// The form that would be right.
        form: &'static str,
    },
    /// The bounds are not possible together.
    #[error("the bounds are not possible: {0}")]
    Scope(#[from] ScopeError),
    /// An action that exists and is not possible at its place.
    #[error("line {line}: {action} is not possible: {unmet}")]
    Impossible {
        /// From 1.
        line: usize,
        /// Its name.
        action: String,
        /// The first condition that is not met.
        unmet: Unmet,
    },
    /// A claim that does not hold.
    #[error("line {line}: expected {expected}, found {found}")]
    Unmet {
        /// From 1.
        line: usize,
        /// The claim.
        expected: String,
        /// What is the case.
        found: String,
    },
    /// `settle` or `deliver *` found no end.
    #[error("line {line}: no end after {actions} actions")]
    Endless {
        /// From 1.
        line: usize,
        /// Actions taken.
        actions: usize,
    },
}

impl ScriptError {
    /// The line that is to blame, from 1; 0 for the bounds as a whole.
    #[must_use]
    pub fn line(&self) -> usize {
        match self {
            Self::UnknownWord { line, .. }
            | Self::Malformed { line, .. }
            | Self::Impossible { line, .. }
            | Self::Unmet { line, .. }
            | Self::Endless { line, .. } => *line,
            Self::Scope(_) => 0,
        }
    }
}

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    /// The first line that cannot be read, or bounds that are not possible.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        parse::script(text)
    }

    /// Takes other decisions: `reference`, `intended` or the name of a gallery entry.
    #[must_use]
    pub fn with_rules(mut self, name: &str) -> Self {
        self.rules = name.into();
        self
    }

    /// The claims in order.
    pub fn expectations(&self) -> impl Iterator<Item = &Expectation> {
        self.lines.iter().filter_map(|line| match &line.step {
            Step::Expect(expectation) => Some(expectation),
            Step::Act(_) | Step::DeliverAll | Step::Settle | Step::Comment(_) => None,
        })
    }

    /// The cluster of the script, which checks the properties that its claims name. Unknown rules are taken for
    /// the reference: a script that was read has known ones.
    ///
    /// # Errors
    /// What is wrong with the bounds.
    pub fn system(&self) -> Result<System, ScriptError> {
        let reference: (&'static DynRules, DriverFault) = (&thymbra_types::Reference, DriverFault::None);
        let (rules, driver) = rules_named(&self.rules).unwrap_or(reference);
        let scope = Scope {
            reduce: false,
            ..self.scope.clone()
        };
        let mut properties: Vec<&'static PropertyDef> = Vec::new();
        for property in self.expectations().filter_map(Expectation::property) {
            if properties.iter().all(|other| other.code != property.code) {
                properties.push(property);
            }
        }
        let mut system = System::new(scope, rules)?.checking(properties);
        system.driver = driver;
        Ok(system)
    }
}

impl fmt::Display for Script {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.about {
            writeln!(formatter, "{}", format!("#{line}").trim_end())?;
        }
        if !self.about.is_empty() {
            writeln!(formatter)?;
        }
        for line in bounds_text::lines(&self.scope) {
            writeln!(formatter, "{line}")?;
        }
        if !self.rules.eq_ignore_ascii_case(REFERENCE) {
            writeln!(formatter, "rules {}", self.rules)?;
        }
        writeln!(formatter)?;
        for line in &self.lines {
            writeln!(formatter, "{}", line.step)?;
        }
        Ok(())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Act(name) => formatter.write_str(name),
            Self::DeliverAll => formatter.write_str("deliver *"),
            Self::Settle => formatter.write_str("settle"),
            Self::Expect(expectation) => write!(formatter, "> {expectation}"),
            Self::Comment(text) => formatter.write_str(format!("#{text}").trim_end()),
        }
    }
}
