//! The runs that are made again and again: green ones that must hold, red ones that must not, and reach runs that
//! must find their witness. Each states its bounds; the counts of complete graphs are pinned.

pub mod bounds;
pub(crate) mod histories;
pub(crate) mod limits;
mod table;

use core::time::Duration;

use crate::action::Action;
use crate::checked_model::CheckedModel;
use crate::gallery::Entry;
use crate::properties::Kind;
use crate::scope::{Scope, ScopeError};
use crate::search::Progress;
use crate::system::System;
use crate::verdict::{Inquiry, Stop, Trace, Watch};

/// Every configuration.
pub fn all() -> impl Iterator<Item = &'static Configuration> {
    table::CONFIGURATIONS.iter().chain(limits::CONFIGURATIONS)
}

/// Makes the bounds of a run.
pub type Bounds<S = Scope> = fn() -> S;

/// What a run is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Target {
    /// A property, by code.
    Property(&'static str),
    /// A law over single decisions, by code.
    Law(&'static str),
}

impl Target {
    /// Its code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Property(code) | Self::Law(code) => code,
        }
    }
}

/// What is expected of a run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Expected {
    /// All properties hold, all premises are reached, and the complete graph has so many states.
    Green {
        /// States generated, initial ones included.
        generated: u64,
        /// Distinct states.
        distinct: u64,
    },
    /// As `Green`, but under the evident intent of Cassandra's authors where Cassandra does something else.
    Intended {
        /// States generated, initial ones included.
        generated: u64,
        /// Distinct states.
        distinct: u64,
    },
    /// The first property is violated, by so many actions at least.
    Red {
        /// Actions of the shortest way.
        shortest: usize,
    },
    /// The first property, a `sometimes`, is found after so many actions at least.
    Reach {
        /// Actions of the shortest way.
        shortest: usize,
    },
}

impl Expected {
    /// States generated and distinct, of a run that looks at the complete graph.
    #[must_use]
    pub fn counts(self) -> Option<(u64, u64)> {
        match self {
            Self::Green { generated, distinct } | Self::Intended { generated, distinct } => {
                Some((generated, distinct))
            }
            Self::Red { .. } | Self::Reach { .. } => None,
        }
    }
}

/// One run.
#[derive(Debug)]
pub struct Configuration<M: CheckedModel = System> {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it shows, in one sentence.
    pub says: &'static str,
    /// Codes of what it checks.
    pub properties: &'static [&'static str],
    /// Its bounds.
    pub bounds: Bounds<M::Scope>,
    /// What is expected.
    pub expected: Expected,
}

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Outcome<A = Action> {
    /// It is as expected.
    pub is_expected: bool,
    /// What was found, in words.
    pub says: String,
    /// States generated and distinct, and the longest way; cases of a law in both.
    pub progress: Progress,
    /// How long it took.
    pub elapsed: Duration,
    /// The shortest way, of a red or reach run.
    pub trace: Option<Trace<A>>,
    /// Why it ended early, if it did.
    pub stopped: Option<Stop>,
}

impl Configuration {
    /// The run of this name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        all().find(|configuration| configuration.name.eq_ignore_ascii_case(name))
    }
}

impl<A> Outcome<A> {
    /// Without the way, which only its own model can tell.
    #[must_use]
    pub fn without_trace(self) -> Outcome<()> {
        let Self {
            is_expected,
            says,
            progress,
            elapsed,
            trace: _,
            stopped,
        } = self;
        Outcome {
            is_expected,
            says,
            progress,
            elapsed,
            trace: None,
            stopped,
        }
    }
}

impl<M: CheckedModel> Configuration<M> {
    /// The inquiry behind it, under the reference or the intent.
    #[must_use]
    pub fn inquiry(&self) -> Inquiry<M> {
        Inquiry {
            scope: (self.bounds)(),
            rules: match self.expected {
                Expected::Intended { .. } => M::intended(),
                Expected::Green { .. } | Expected::Red { .. } | Expected::Reach { .. } => M::reference(),
            },
            driver: M::Driver::default(),
            properties: self
                .properties
                .iter()
                .filter_map(|code| M::find_property(code))
                .collect(),
        }
    }

    /// Makes the run.
    ///
    /// # Errors
    /// What is wrong with the scope.
    pub fn run(&self, watch: &mut Watch<'_>) -> Result<Outcome<M::Action>, ScopeError> {
        match self.expected {
            Expected::Green { generated, distinct } | Expected::Intended { generated, distinct } => {
                let outcome = run_green(&self.inquiry(), watch)?;
                let counted = (outcome.progress.generated, outcome.progress.distinct);
                if outcome.is_expected && counted != (generated, distinct) {
                    let says = format!(
                        "counts {counted:?} differ from the pinned {:?}",
                        (generated, distinct)
                    );
                    return Ok(Outcome {
                        is_expected: false,
                        says,
                        ..outcome
                    });
                }
                Ok(outcome)
            }
            Expected::Red { shortest } | Expected::Reach { shortest } => {
                run_red(&self.inquiry(), shortest, watch)
            }
        }
    }
}

/// Everything holds and every premise is reached, on the complete graph.
fn run_green<M: CheckedModel>(
    inquiry: &Inquiry<M>,
    watch: &mut Watch<'_>,
) -> Result<Outcome<M::Action>, ScopeError> {
    let survey = inquiry.survey(M::reduces(&inquiry.scope), watch)?;
    let violated = inquiry
        .properties
        .iter()
        .find(|property| property.kind == Kind::Always && survey.found.contains(&property.name));
    let unreached = inquiry
        .properties
        .iter()
        .find(|property| property.kind == Kind::Always && !survey.found.contains(&property.witness));
    let (is_expected, says) = match (violated, survey.stopped, unreached) {
        (Some(property), _, _) => (false, format!("{} is violated", property.code)),
        (None, Some(stop), _) => (false, format!("stopped early: {stop:?}")),
        (None, None, Some(property)) => (false, format!("the premise of {} is not reached", property.code)),
        (None, None, None) => (true, "holds".to_string()),
    };
    let Progress {
        generated,
        distinct,
        depth,
    } = survey.progress;
    let progress = Progress {
        generated,
        distinct,
        depth,
    };
    Ok(Outcome {
        is_expected,
        says,
        progress,
        elapsed: survey.elapsed,
        trace: None,
        stopped: survey.stopped,
    })
}

/// A number of steps in words.
fn steps(count: usize) -> String {
    match count {
        1 => "1 step".into(),
        count => format!("{count} steps"),
    }
}

/// The first property is violated, or found, by the pinned number of actions.
fn run_red<M: CheckedModel>(
    inquiry: &Inquiry<M>,
    shortest: usize,
    watch: &mut Watch<'_>,
) -> Result<Outcome<M::Action>, ScopeError> {
    let begin = std::time::Instant::now();
    let mut stopped = None;
    let (trace, progress) = inquiry.shortest(&mut |progress| {
        stopped = stopped.or_else(|| watch(progress));
        stopped
    })?;
    let code = inquiry.properties.first().map_or("", |property| property.code);
    let length = trace.as_ref().map(|trace| trace.actions.len());
    let says = match length {
        Some(length) if length == shortest => format!("{code} in {}", steps(length)),
        Some(length) => format!("{code} in {}, not in the pinned {shortest}", steps(length)),
        None => format!("{code} not found"),
    };
    let is_expected = length == Some(shortest);
    Ok(Outcome {
        is_expected,
        says,
        progress,
        elapsed: begin.elapsed(),
        trace,
        stopped,
    })
}

impl<M: CheckedModel> Entry<M> {
    /// The inquiry into its property, with the bug or without.
    ///
    /// # Panics
    /// If the entry names an unknown property: the table is checked by a test.
    #[must_use]
    pub fn inquiry(&self, with_bug: bool) -> Option<Inquiry<M>> {
        let Target::Property(code) = self.target else {
            return None;
        };
        let property = M::find_property(code).expect("entries name properties of the table");
        let (rules, driver) = if with_bug {
            (self.rules, self.driver)
        } else {
            (M::reference(), M::Driver::default())
        };
        Some(Inquiry {
            scope: (self.bounds)(),
            rules,
            driver,
            properties: vec![property],
        })
    }

    /// With the bug: the shortest way to the violation. A law reports the first case that fails.
    ///
    /// # Errors
    /// What is wrong with the scope.
    pub fn run_with_bug(&self, watch: &mut Watch<'_>) -> Result<Outcome<M::Action>, ScopeError> {
        match self.inquiry(true) {
            Some(inquiry) => run_red(&inquiry, self.shortest, watch),
            None => Ok(self.run_law(self.rules, true)),
        }
    }

    /// Without the bug: green in the same configuration, with the premise reached.
    ///
    /// # Errors
    /// What is wrong with the scope.
    pub fn run_without_bug(&self, watch: &mut Watch<'_>) -> Result<Outcome<M::Action>, ScopeError> {
        match self.inquiry(false) {
            Some(inquiry) => run_green(&inquiry, watch),
            None => Ok(self.run_law(M::reference(), false)),
        }
    }

    fn run_law(&self, rules: &M::Rules, must_fail: bool) -> Outcome<M::Action> {
        let begin = std::time::Instant::now();
        let report = M::look_at_law(self.target.code(), rules).expect("entries name laws of the table");
        let progress = Progress {
            generated: report.cases,
            distinct: report.cases,
            depth: 0,
        };
        let is_expected = report.failing.is_some() == must_fail;
        let says = report.failing.unwrap_or_else(|| "holds".to_string());
        Outcome {
            is_expected,
            says,
            progress,
            elapsed: begin.elapsed(),
            trace: None,
            stopped: None,
        }
    }
}
