//! Verdicts: an exhaustive depth-first search by the stateright library, watched and stopped from outside, and a
//! shortest counterexample by a breadth-first search of our own.

use core::sync::atomic::Ordering;
use core::time::Duration;
use std::sync::mpsc;
use std::time::Instant;

use stateright::{Checker, HasDiscoveries, Model};

use crate::action::Action;
use crate::faults::DriverFault;
use crate::properties::{Kind, PropertyDef};
use crate::scope::{Scope, ScopeError};
use crate::search::{self, Limits, Progress};
use crate::system::{DynRules, State, System};

/// Why a search ended before it was complete.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stop {
    /// The limit of distinct states.
    States,
    /// The limit of seconds.
    Seconds,
    /// The limit of memory.
    Memory,
    /// The user.
    Interrupted,
}

/// Is told how far a search has come, and may stop it.
pub type Watch<'a> = dyn FnMut(&Progress) -> Option<Stop> + 'a;

/// What a search found out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Finding {
    /// The thing that was looked for exists.
    Found,
    /// Everything was looked at, and it does not exist.
    Absent,
    /// As `Absent`, but the premise was not reached either.
    Vacuous,
    /// The search was stopped.
    Unknown(Stop),
}

/// A run from one of the initial states.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trace {
    /// Index of the initial state.
    pub start: usize,
    /// What happened.
    pub actions: Vec<Action>,
}

/// The outcome of a search for one property.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was found out.
    pub finding: Finding,
    /// States generated and distinct, and the length of the longest way, of the search that gave the verdict.
    pub progress: Progress,
    /// Time of all searches together.
    pub elapsed: Duration,
    /// A shortest way, if something was found and it was asked for.
    pub trace: Option<Trace>,
}

/// What is to be checked.
#[derive(Clone)]
pub struct Inquiry {
    /// The bounds.
    pub scope: Scope,
    /// The decisions.
    pub rules: &'static DynRules,
    /// The obligation that the driver breaks.
    pub driver: DriverFault,
    /// The properties.
    pub properties: Vec<&'static PropertyDef>,
}

impl core::fmt::Debug for Inquiry {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter
            .debug_struct("Inquiry")
            .field("scope", &self.scope)
            .field("driver", &self.driver)
            .finish_non_exhaustive()
    }
}

/// What an exhaustive search saw.
#[derive(Clone, Debug)]
pub struct Survey {
    /// States generated, distinct, longest way.
    pub progress: Progress,
    /// Names of properties violated and of witnesses found.
    pub found: Vec<&'static str>,
    /// Why it ended early, if it did.
    pub stopped: Option<Stop>,
    /// How long it took.
    pub elapsed: Duration,
}

impl Inquiry {
    /// One property under the reference.
    #[must_use]
    pub fn new(scope: Scope, property: &'static PropertyDef) -> Self {
        Self {
            scope,
            rules: &thymbra_types::Reference,
            driver: DriverFault::None,
            properties: vec![property],
        }
    }

    /// The model of this inquiry, with or without reductions.
    ///
    /// # Errors
    /// What is wrong with the scope.
    pub fn system(&self, reduce: bool) -> Result<System, ScopeError> {
        let scope = Scope {
            reduce,
            ..self.scope.clone()
        };
        let mut system = System::new(scope, self.rules)?.checking(self.properties.iter().copied());
        system.driver = self.driver;
        system.symmetry = reduce;
        Ok(system)
    }

    /// Looks at every state, or until something that is looked for is found.
    ///
    /// # Errors
    /// What is wrong with the scope.
    pub fn survey(&self, reduce: bool, watch: &mut Watch<'_>) -> Result<Survey, ScopeError> {
        let system = self.system(reduce)?;
        Ok(survey(system, watch))
    }

    /// The verdict for the first property, and a shortest way if something was found.
    ///
    /// # Errors
    /// What is wrong with the scope.
    ///
    /// # Panics
    /// If the inquiry has no property, or the search itself panicked.
    pub fn answer(&self, watch: &mut Watch<'_>) -> Result<Report, ScopeError> {
        let begin = Instant::now();
        let property = self
            .properties
            .first()
            .copied()
            .expect("an inquiry has a property");
        let survey = self.survey(self.scope.reduce, watch)?;
        let is_found = survey.found.contains(&property.name);
        let is_reached = property.kind == Kind::Sometimes || survey.found.contains(&property.witness);
        let finding = match (is_found, survey.stopped, is_reached) {
            (true, _, _) => Finding::Found,
            (false, Some(stop), _) => Finding::Unknown(stop),
            (false, None, true) => Finding::Absent,
            (false, None, false) => Finding::Vacuous,
        };
        let trace = if is_found { self.shortest(watch)?.0 } else { None };
        Ok(Report {
            finding,
            progress: survey.progress,
            elapsed: begin.elapsed(),
            trace,
        })
    }

    /// A shortest way to what the first property looks for, on the full graph.
    ///
    /// # Errors
    /// What is wrong with the scope.
    ///
    /// # Panics
    /// If the inquiry has no property.
    pub fn shortest(&self, watch: &mut Watch<'_>) -> Result<(Option<Trace>, Progress), ScopeError> {
        let property = self
            .properties
            .first()
            .copied()
            .expect("an inquiry has a property");
        let mut system = self.system(false)?;
        // Equal nodes may be exchanged without making a way longer or shorter.
        system.symmetry = true;
        let limits = Limits {
            states_max: None,
            cancelled: Some(&system.cancelled),
        };
        let is_found = |state: &State| property.is_found(&system, state);
        let searched = search::shortest(&system, system.initial_states(), is_found, limits, |progress| {
            if watch(progress).is_some() {
                system.cancelled.store(true, Ordering::Relaxed);
            }
        });
        system.cancelled.store(false, Ordering::Relaxed);
        let trace = searched.found.map(|(start, actions)| Trace { start, actions });
        Ok((trace, searched.progress))
    }
}

/// Runs the library's depth-first search and asks `watch` on the way.
fn survey(system: System, watch: &mut Watch<'_>) -> Survey {
    let begin = Instant::now();
    let cancelled = std::sync::Arc::clone(&system.cancelled);
    let wanted: std::collections::BTreeSet<&'static str> =
        system.properties.iter().map(|property| property.name).collect();
    let mut checker = system
        .checker()
        .finish_when(HasDiscoveries::AnyOf(wanted))
        .spawn_dfs();
    let (done, finished) = mpsc::channel();
    let handles = checker.handles();
    std::thread::spawn(move || {
        let results: Vec<_> = handles.into_iter().map(std::thread::JoinHandle::join).collect();
        // The receiver waits until this arrives.
        let _ = done.send(results.iter().all(Result::is_ok));
    });
    let mut stopped = None;
    let is_sound = loop {
        match finished.recv_timeout(Duration::from_millis(100)) {
            Ok(is_sound) => break is_sound,
            Err(mpsc::RecvTimeoutError::Disconnected) => break false,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                stopped = stopped.or_else(|| watch(&progress_of(&checker)));
                if stopped.is_some() {
                    cancelled.store(true, Ordering::Relaxed);
                }
            }
        }
    };
    assert!(is_sound, "the search panicked; its message stands above");
    cancelled.store(false, Ordering::Relaxed);
    let found = checker.discoveries().into_keys().collect();
    Survey {
        progress: progress_of(&checker),
        found,
        stopped,
        elapsed: begin.elapsed(),
    }
}

fn progress_of(checker: &impl Checker<System>) -> Progress {
    let wide = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    Progress {
        generated: wide(checker.state_count()),
        distinct: wide(checker.unique_state_count()),
        depth: checker.max_depth(),
    }
}
