//! Verdicts: an exhaustive depth-first search by the stateright library, watched and stopped from outside, and a
//! shortest counterexample by a breadth-first search of our own.

use core::sync::atomic::Ordering;
use core::time::Duration;
use std::sync::mpsc;
use std::time::Instant;

use stateright::{Checker, HasDiscoveries};

use crate::action::Action;
use crate::checked_model::CheckedModel;
use crate::properties::{Kind, PropertyDef};
use crate::scope::ScopeError;
use crate::search::{self, Limits, Progress};
use crate::system::System;

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
pub struct Trace<A = Action> {
    /// Index of the initial state.
    pub start: usize,
    /// What happened.
    pub actions: Vec<A>,
}

/// The outcome of a search for one property.
#[derive(Clone, Debug)]
pub struct Report<A = Action> {
    /// What was found out.
    pub finding: Finding,
    /// States generated and distinct, and the length of the longest way, of the search that gave the verdict.
    pub progress: Progress,
    /// Time of all searches together.
    pub elapsed: Duration,
    /// A shortest way, if something was found and it was asked for.
    pub trace: Option<Trace<A>>,
}

/// A shortest way, if there is one, and how far the search for it came.
pub type Shortest<A> = (Option<Trace<A>>, Progress);

/// What is to be checked.
pub struct Inquiry<M: CheckedModel = System> {
    /// The bounds.
    pub scope: M::Scope,
    /// The decisions.
    pub rules: &'static M::Rules,
    /// The obligation that the driver breaks.
    pub driver: M::Driver,
    /// The properties.
    pub properties: Vec<&'static PropertyDef<M>>,
}

impl<M: CheckedModel> Clone for Inquiry<M> {
    fn clone(&self) -> Self {
        Self {
            scope: self.scope.clone(),
            rules: self.rules,
            driver: self.driver,
            properties: self.properties.clone(),
        }
    }
}

impl<M: CheckedModel> core::fmt::Debug for Inquiry<M> {
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

impl<M: CheckedModel> Inquiry<M> {
    /// One property under the reference.
    #[must_use]
    pub fn new(scope: M::Scope, property: &'static PropertyDef<M>) -> Self {
        Self {
            scope,
            rules: M::reference(),
            driver: M::Driver::default(),
            properties: vec![property],
        }
    }

    /// The model of this inquiry, with or without reductions.
    ///
    /// # Errors
    /// What is wrong with the scope.
    pub fn system(&self, reduce: bool) -> Result<M, ScopeError> {
        M::of(self, reduce)
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
    pub fn answer(&self, watch: &mut Watch<'_>) -> Result<Report<M::Action>, ScopeError> {
        let begin = Instant::now();
        let property = self
            .properties
            .first()
            .copied()
            .expect("an inquiry has a property");
        let survey = self.survey(M::reduces(&self.scope), watch)?;
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
    pub fn shortest(&self, watch: &mut Watch<'_>) -> Result<Shortest<M::Action>, ScopeError> {
        let property = self
            .properties
            .first()
            .copied()
            .expect("an inquiry has a property");
        let system = M::of_complete_graph(self)?;
        let limits = Limits {
            states_max: None,
            cancelled: Some(system.cancelled()),
        };
        let is_found = |state: &M::State| property.is_found(&system, state);
        let searched = search::shortest(&system, system.init_states(), is_found, limits, |progress| {
            if watch(progress).is_some() {
                system.cancelled().store(true, Ordering::Relaxed);
            }
        });
        let trace = searched.found.map(|(start, actions)| Trace { start, actions });
        Ok((trace, searched.progress))
    }
}

/// Runs the library's depth-first search and asks `watch` on the way.
fn survey<M: CheckedModel>(system: M, watch: &mut Watch<'_>) -> Survey {
    let begin = Instant::now();
    let cancelled = std::sync::Arc::clone(system.cancelled());
    let wanted: std::collections::BTreeSet<&'static str> =
        system.checked().iter().map(|property| property.name).collect();
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

fn progress_of<M: CheckedModel>(checker: &impl Checker<M>) -> Progress {
    let wide = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    Progress {
        generated: wide(checker.state_count()),
        distinct: wide(checker.unique_state_count()),
        depth: checker.max_depth(),
    }
}
