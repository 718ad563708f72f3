//! Breadth-first search over any model of the stateright library: for the shortest way to a violation, or past every
//! state.
//!
//! The library's own breadth-first search returns the last witness when it checks several properties; this one looks
//! for one thing, from any start, can be cancelled, and tells how far it has come.

use core::hash::{BuildHasherDefault, Hash};
use core::ops::ControlFlow;
use core::sync::atomic::{AtomicBool, Ordering};
use std::collections::{HashMap, VecDeque};

use nohash_hasher::NoHashHasher;
use stateright::Model;

/// Fingerprint of a state to the fingerprint of the state it was first reached from; 0 for a start.
type Parents = HashMap<u64, u64, BuildHasherDefault<NoHashHasher<u64>>>;

/// A hash of a state, never 0; independent of the library's.
pub fn fingerprint<S: Hash>(state: &S) -> u64 {
    let keys = ahash::RandomState::with_seeds(0x7468_796d, 0x6272_6100, 0x6361_7373, 0x616e_6472);
    core::hash::BuildHasher::hash_one(&keys, state).max(1)
}

/// States between two reports.
const REPORT_EVERY: u64 = 2048;

/// How far a search has come.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Progress {
    /// States generated, repetitions included.
    pub generated: u64,
    /// Distinct states.
    pub distinct: u64,
    /// Actions on the way to the states that are looked at now.
    pub depth: usize,
}

/// What bounds a search.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits<'a> {
    /// Distinct states at most.
    pub states_max: Option<u64>,
    /// Set from outside to stop.
    pub cancelled: Option<&'a AtomicBool>,
}

/// How a search ended.
#[derive(Clone, Debug)]
pub struct Searched<A> {
    /// The actions of a shortest way and the index of the start, if the state was found.
    pub found: Option<(usize, Vec<A>)>,
    /// Everything was looked at, or the state was found.
    pub is_complete: bool,
    /// How far it came.
    pub progress: Progress,
}

/// A state that a search has come to, for the first time and by the fewest actions.
#[derive(Debug)]
pub struct Visited<'a, M: Model> {
    /// The state.
    pub state: &'a M::State,
    /// Its fingerprint, which [`Explored::way_to`] takes.
    pub print: u64,
    /// What may happen in it.
    pub actions: &'a [M::Action],
}

/// What a search has come to, and how.
#[derive(Debug)]
pub struct Explored<'m, M: Model> {
    model: &'m M,
    starts: Vec<M::State>,
    parents: Parents,
    /// Everything was looked at.
    pub is_complete: bool,
    /// How far it came.
    pub progress: Progress,
}

/// Comes to every state by the fewest actions from one of `starts`, until `visit` breaks off.
pub fn breadth_first<'m, M: Model>(
    model: &'m M,
    starts: Vec<M::State>,
    mut visit: impl FnMut(&Visited<'_, M>, &Progress) -> ControlFlow<()>,
) -> Explored<'m, M>
where
    M::State: Clone + Hash,
{
    let mut parents = Parents::default();
    let mut queue = VecDeque::new();
    let mut progress = Progress::default();
    for start in &starts {
        let print = fingerprint(start);
        if parents.insert(print, 0).is_none() {
            queue.push_back((start.clone(), print, 0));
        }
    }
    progress.generated = u64::try_from(starts.len()).unwrap_or(u64::MAX);
    let mut actions = Vec::new();
    let mut is_complete = true;
    while let Some((state, print, depth)) = queue.pop_front() {
        progress.depth = depth;
        progress.distinct = u64::try_from(parents.len()).unwrap_or(u64::MAX);
        model.actions(&state, &mut actions);
        let visited = Visited {
            state: &state,
            print,
            actions: &actions,
        };
        if visit(&visited, &progress).is_break() {
            is_complete = false;
            break;
        }
        for action in actions.drain(..) {
            let Some(next) = model.next_state(&state, action) else {
                continue;
            };
            progress.generated += 1;
            let next_print = fingerprint(&next);
            if let std::collections::hash_map::Entry::Vacant(entry) = parents.entry(next_print) {
                entry.insert(print);
                queue.push_back((next, next_print, depth + 1));
            }
        }
    }
    if is_complete {
        progress.distinct = u64::try_from(parents.len()).unwrap_or(u64::MAX);
    }
    Explored {
        model,
        starts,
        parents,
        is_complete,
        progress,
    }
}

/// Looks for a state that `is_wanted`, by the fewest actions from one of `starts`. `report` is called every few
/// thousand states.
pub fn shortest<M: Model>(
    model: &M,
    starts: Vec<M::State>,
    is_wanted: impl Fn(&M::State) -> bool,
    limits: Limits<'_>,
    mut report: impl FnMut(&Progress),
) -> Searched<M::Action>
where
    M::State: Clone + Hash,
    M::Action: Clone,
{
    let mut popped = 0_u64;
    let mut wanted = None;
    let explored = breadth_first(model, starts, |visited, progress| {
        if is_wanted(visited.state) {
            wanted = Some(visited.print);
            return ControlFlow::Break(());
        }
        popped += 1;
        if popped.is_multiple_of(REPORT_EVERY) {
            report(progress);
        }
        let is_cancelled = limits.cancelled.is_some_and(|flag| flag.load(Ordering::Relaxed));
        if is_cancelled || limits.states_max.is_some_and(|most| progress.distinct >= most) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    Searched {
        found: wanted.map(|print| explored.way_to(print)),
        is_complete: explored.is_complete || wanted.is_some(),
        progress: explored.progress,
    }
}

impl<M: Model> Explored<'_, M>
where
    M::State: Clone + Hash,
    M::Action: Clone,
{
    /// The index of the start and the actions of a shortest way to a state: back over fingerprints, then forward over
    /// actions.
    ///
    /// # Panics
    /// If the search has not come to a state of this fingerprint.
    #[must_use]
    pub fn way_to(&self, print: u64) -> (usize, Vec<M::Action>) {
        let mut prints = vec![print];
        while let Some(parent) = prints
            .last()
            .and_then(|print| self.parents.get(print))
            .filter(|parent| **parent != 0)
        {
            prints.push(*parent);
        }
        let first = prints.pop().unwrap_or(print);
        let mut starts = self.starts.iter();
        let start = starts
            .position(|start| fingerprint(start) == first)
            .expect("a way begins at one of the starts");
        let mut state = self
            .starts
            .get(start)
            .expect("a way begins at one of the starts")
            .clone();
        let mut way = Vec::new();
        for print in prints.into_iter().rev() {
            let mut actions = Vec::new();
            self.model.actions(&state, &mut actions);
            let step = actions.into_iter().find_map(|action| {
                let next = self.model.next_state(&state, action.clone())?;
                (fingerprint(&next) == print).then_some((action, next))
            });
            let (action, next) = step.expect("each state on the way was generated from the one before it");
            way.push(action);
            state = next;
        }
        (start, way)
    }
}
