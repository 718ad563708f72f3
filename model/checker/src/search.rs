//! Breadth-first search for the shortest way to a violation, over any model of the stateright library.
//!
//! The library's own breadth-first search returns the last witness when it checks several properties; this one looks
//! for one thing, from any start, can be cancelled, and tells how far it has come.

use core::hash::{BuildHasherDefault, Hash};
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
    let mut popped = 0_u64;
    let mut actions = Vec::new();
    while let Some((state, print, depth)) = queue.pop_front() {
        progress.depth = depth;
        progress.distinct = u64::try_from(parents.len()).unwrap_or(u64::MAX);
        if is_wanted(&state) {
            let found = Some(retrace(model, &starts, &parents, print));
            return Searched {
                found,
                is_complete: true,
                progress,
            };
        }
        popped += 1;
        if popped.is_multiple_of(REPORT_EVERY) {
            report(&progress);
        }
        let is_cancelled = limits.cancelled.is_some_and(|flag| flag.load(Ordering::Relaxed));
        if is_cancelled || limits.states_max.is_some_and(|most| progress.distinct >= most) {
            return Searched {
                found: None,
                is_complete: false,
                progress,
            };
        }
        model.actions(&state, &mut actions);
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
    progress.distinct = u64::try_from(parents.len()).unwrap_or(u64::MAX);
    Searched {
        found: None,
        is_complete: true,
        progress,
    }
}

/// Walks back over fingerprints and forward over actions.
fn retrace<M: Model>(model: &M, starts: &[M::State], parents: &Parents, last: u64) -> (usize, Vec<M::Action>)
where
    M::State: Clone + Hash,
    M::Action: Clone,
{
    let mut prints = vec![last];
    while let Some(parent) = prints
        .last()
        .and_then(|print| parents.get(print))
        .filter(|parent| **parent != 0)
    {
        prints.push(*parent);
    }
    prints.reverse();
    let first = prints.first().copied().unwrap_or(last);
    let start = starts
        .iter()
        .position(|start| fingerprint(start) == first)
        .unwrap_or(0);
    let mut state = starts
        .get(start)
        .expect("a way begins at one of the starts")
        .clone();
    let mut way = Vec::new();
    for print in prints.into_iter().skip(1) {
        let mut actions = Vec::new();
        model.actions(&state, &mut actions);
        let step = actions.into_iter().find_map(|action| {
            let next = model.next_state(&state, action.clone())?;
            (fingerprint(&next) == print).then_some((action, next))
        });
        let (action, next) = step.expect("each state on the way was generated from the one before it");
        way.push(action);
        state = next;
    }
    (start, way)
}
