//! What a model owes to the frame that checks it: inquiries, verdicts, configurations and the gallery are the same for
//! every model. Chapter: `specs/00-guarantees.md`.

use core::fmt::Debug;
use core::hash::Hash;
use core::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::Arc;

use stateright::Model;

use crate::faults::DriverFault;
use crate::laws::{self, LawReport};
use crate::properties::{self, PropertyDef};
use crate::scope::{Scope, ScopeError};
use crate::system::{DynRules, System};
use crate::verdict::Inquiry;

/// What may happen in a model.
pub type ActionOf<M> = <M as Model>::Action;

/// A bounded model with properties, rules and a driver that may be faulty.
pub trait CheckedModel:
    Model<
        State: Clone + Debug + Hash + PartialEq + Send + Sync,
        Action: Clone + Debug + PartialEq + Send + Sync,
    > + Sized
    + Send
    + Sync
    + 'static
{
    /// What bounds a run.
    type Scope: Clone + Debug + Send + Sync + 'static;
    /// The decisions.
    type Rules: ?Sized + Sync + 'static;
    /// The obligation that a driver breaks; none by default.
    type Driver: Copy + Debug + Default + PartialEq + Send + Sync + 'static;

    /// The decisions of the reference.
    fn reference() -> &'static Self::Rules;

    /// The decisions that Cassandra's authors evidently meant; the reference's, for a model that has no others.
    fn intended() -> &'static Self::Rules {
        Self::reference()
    }

    /// The property of this code, of those that speak of this model.
    fn find_property(code: &str) -> Option<&'static PropertyDef<Self>>;

    /// The model of an inquiry, with or without reductions.
    ///
    /// # Errors
    /// What is wrong with the scope.
    fn of(inquiry: &Inquiry<Self>, reduce: bool) -> Result<Self, ScopeError>;

    /// The model in which a way may be as short as in the complete graph.
    ///
    /// # Errors
    /// What is wrong with the scope.
    fn of_complete_graph(inquiry: &Inquiry<Self>) -> Result<Self, ScopeError> {
        Self::of(inquiry, false)
    }

    /// Looks at every case of the law of this code; absent if there is none for this model.
    fn look_at_law(_code: &str, _rules: &Self::Rules) -> Option<LawReport> {
        None
    }

    /// Whether the scope asks for reductions.
    fn reduces(scope: &Self::Scope) -> bool;

    /// What is checked.
    fn checked(&self) -> &[&'static PropertyDef<Self>];

    /// Set from outside to make the search run dry.
    fn cancelled(&self) -> &Arc<AtomicBool>;

    /// Properties whose premise a search has reached, by their places in the run: none in the beginning.
    fn witnessed(&self) -> &AtomicU64;
}

impl CheckedModel for System {
    type Scope = Scope;
    type Rules = DynRules;
    type Driver = DriverFault;

    fn reference() -> &'static DynRules {
        &thymbra_types::Reference
    }

    fn intended() -> &'static DynRules {
        &crate::gallery::Intended
    }

    fn find_property(code: &str) -> Option<&'static PropertyDef> {
        properties::all().find(|property| property.code == code)
    }

    fn of(inquiry: &Inquiry, reduce: bool) -> Result<Self, ScopeError> {
        let scope = Scope {
            reduce,
            ..inquiry.scope.clone()
        };
        let mut system = Self::new(scope, inquiry.rules)?.checking(inquiry.properties.iter().copied());
        system.driver = inquiry.driver;
        system.symmetry = reduce && inquiry.driver == DriverFault::None;
        Ok(system)
    }

    fn of_complete_graph(inquiry: &Inquiry) -> Result<Self, ScopeError> {
        let mut system = Self::of(inquiry, false)?;
        // Equal nodes may be exchanged without making a way longer or shorter.
        // A faulty driver may tell them apart by their numbers.
        system.symmetry = inquiry.driver == DriverFault::None;
        Ok(system)
    }

    fn look_at_law(code: &str, rules: &DynRules) -> Option<LawReport> {
        laws::find(code).map(|law| (law.check)(rules))
    }

    fn reduces(scope: &Scope) -> bool {
        scope.reduce
    }

    fn checked(&self) -> &[&'static PropertyDef] {
        &self.properties
    }

    fn cancelled(&self) -> &Arc<AtomicBool> {
        &self.cancelled
    }

    fn witnessed(&self) -> &AtomicU64 {
        &self.witnessed
    }
}
