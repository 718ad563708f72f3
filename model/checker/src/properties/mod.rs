//! The properties: each a premise and clauses, from which the boolean of the search and the words of an answer are
//! both taken.
//!
//! A property is named after its rule in `specs/00-guarantees.md`; what a person may ask is `questions` in the same
//! form.

mod guarantees;
pub mod linearizability;
mod marks;
mod outcomes;
mod questions;

use core::sync::atomic::Ordering;

use stateright::{Model, Property};

use crate::checked_model::CheckedModel;
use crate::system::System;

pub use guarantees::guarantees;
pub use marks::{Breach, Reached};
pub use questions::QUESTIONS;

/// A condition and what it means when it holds.
pub struct Clause<M: Model = System> {
    /// The claim, as a sentence.
    pub say: &'static str,
    /// Whether it holds.
    pub holds: fn(&M, &M::State) -> bool,
}

impl<M: Model> core::fmt::Debug for Clause<M> {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.debug_tuple("Clause").field(&self.say).finish()
    }
}

/// What must hold in every state, or what must be found in one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Must hold everywhere.
    Always,
    /// The clauses together are to be found somewhere.
    Sometimes,
}

/// One property.
#[derive(Debug)]
pub struct PropertyDef<M: Model + 'static = System> {
    /// Its short code, as in the tables: `P3`, `H1`, or the name of a question.
    pub code: &'static str,
    /// Rule and claim.
    pub name: &'static str,
    /// Name of the witness that its premise is reachable.
    pub witness: &'static str,
    /// Always or sometimes.
    pub kind: Kind,
    /// Where it says anything at all.
    pub premise: Clause<M>,
    /// What it claims, all together.
    pub clauses: &'static [Clause<M>],
    /// Breach bits that its clauses look at.
    pub breaches: u32,
    /// Premise bits that its premise looks at.
    pub reached: u32,
}

impl PropertyDef {
    /// The property of this code.
    #[must_use]
    pub fn find(code: &str) -> Option<&'static Self> {
        System::find_property(code)
    }
}

impl<M: Model + 'static> PropertyDef<M> {
    /// All clauses hold.
    #[must_use]
    pub fn holds(&self, model: &M, state: &M::State) -> bool {
        self.clauses.iter().all(|clause| (clause.holds)(model, state))
    }

    /// The first clause that does not hold.
    #[must_use]
    pub fn failing(&self, model: &M, state: &M::State) -> Option<&'static Clause<M>> {
        self.clauses.iter().find(|clause| !(clause.holds)(model, state))
    }

    /// What a search looks for: the violation of an `always`, the find of a `sometimes`.
    #[must_use]
    pub fn is_found(&self, model: &M, state: &M::State) -> bool {
        self.holds(model, state) == (self.kind == Kind::Sometimes)
    }
}

/// Every property, guarantees first.
pub fn all() -> impl Iterator<Item = &'static PropertyDef> {
    guarantees().chain(QUESTIONS)
}

impl System {
    /// Checks these properties, and keeps what their clauses need.
    #[must_use]
    pub fn checking(mut self, properties: impl IntoIterator<Item = &'static PropertyDef>) -> Self {
        self.properties = properties.into_iter().collect();
        self.breaches = self
            .properties
            .iter()
            .fold(0, |bits, property| bits | property.breaches);
        self.reached = self
            .properties
            .iter()
            .fold(0, |bits, property| bits | property.reached);
        self
    }
}

type Condition<M> = fn(&M, &<M as Model>::State) -> bool;

/// The library takes plain functions: the n-th pair judges the n-th property of the run.
pub(crate) fn for_model<M: CheckedModel>(model: &M) -> Vec<Property<M>> {
    let mut properties = Vec::new();
    for (property, (holds, premise)) in model.checked().iter().zip(conditions()) {
        match property.kind {
            Kind::Always => {
                properties.push(Property::<M>::always(property.name, holds));
                properties.push(Property::<M>::sometimes(property.witness, premise));
            }
            Kind::Sometimes => properties.push(Property::<M>::sometimes(property.name, holds)),
        }
    }
    properties
}

fn nth_holds<M: CheckedModel, const N: usize>(model: &M, state: &M::State) -> bool {
    model
        .checked()
        .get(N)
        .is_none_or(|property| property.holds(model, state))
}

/// Whether the state is a witness that the library is to note.
///
/// The library would note every one, each with a copy of the way to it, which is a twentieth of a search. The first is
/// enough, and those where the property is violated, since a search may end at these.
fn nth_premise<M: CheckedModel, const N: usize>(model: &M, state: &M::State) -> bool {
    let Some(property) = model.checked().get(N) else {
        return false;
    };
    let bit = 1 << N;
    let is_witnessed = model.witnessed().load(Ordering::Relaxed) & bit != 0;
    if is_witnessed && property.holds(model, state) {
        return false;
    }
    let is_reached = (property.premise.holds)(model, state);
    if is_reached && !is_witnessed {
        model.witnessed().fetch_or(bit, Ordering::Relaxed);
    }
    is_reached
}

macro_rules! conditions {
    ($($n:literal)*) => { [$((nth_holds::<M, $n> as Condition<M>, nth_premise::<M, $n> as Condition<M>)),*] };
}

/// The most properties that one run may check; no more than there are bits in [`CheckedModel::witnessed`].
pub const PROPERTIES_MAX: usize = 48;

fn conditions<M: CheckedModel>() -> [(Condition<M>, Condition<M>); PROPERTIES_MAX] {
    conditions!(
        0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39
        40 41 42 43 44 45 46 47
    )
}
