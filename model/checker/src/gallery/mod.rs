//! Bugs that really happened, faulty drivers, and overrides of our own: each violates a named property in a
//! configuration in which the reference keeps it.
//!
//! An entry overrides one decision, so that it shows which line of reasoning was wrong; the reference itself has no
//! switches. Chapter: `specs/pitfalls.md`.

mod cassandra;
mod entries;
mod intended;
mod limits;
mod overrides;
mod scylla;

use crate::checked_model::CheckedModel;
use crate::configurations::{Bounds, Target};
use crate::faults::DriverFault;
use crate::system::{DynRules, System};

/// Every entry: published bugs, faulty drivers, then overrides of our own.
pub fn all() -> impl Iterator<Item = &'static Entry> {
    entries::ENTRIES.iter().chain(limits::ENTRIES)
}
pub use intended::Intended;

/// What kind of thing an entry is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    /// A published bug.
    Published,
    /// A driver that breaks one of its obligations.
    Driver,
    /// An override that no published bug covers.
    Own,
}

/// One entry.
pub struct Entry<M: CheckedModel = System> {
    /// Its name on the command line: `CASSANDRA-2034`, `scylla-3565`, `forget-hint`.
    pub id: &'static str,
    /// Where it comes from.
    pub origin: Origin,
    /// What was wrong, in one sentence.
    pub says: &'static str,
    /// Ticket or source; empty for drivers and overrides of our own.
    pub ticket: &'static str,
    /// The decisions with the bug.
    pub rules: &'static M::Rules,
    /// The obligation that the driver breaks.
    pub driver: M::Driver,
    /// What it violates.
    pub target: Target,
    /// The smallest configuration known to show it; of no account for a law.
    pub bounds: Bounds<M::Scope>,
    /// Actions of the shortest way; cases looked at for a law.
    pub shortest: usize,
}

impl<M: CheckedModel> core::fmt::Debug for Entry<M> {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter
            .debug_struct("Entry")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Entry {
    /// The entry of this name, upper or lower case.
    #[must_use]
    pub fn find(id: &str) -> Option<&'static Self> {
        all().find(|entry| entry.id.eq_ignore_ascii_case(id))
    }
}

/// The decisions of this name: `reference`, `intended`, or those of a gallery entry.
#[must_use]
pub fn rules_named(name: &str) -> Option<(&'static DynRules, DriverFault)> {
    if name.eq_ignore_ascii_case("reference") {
        return Some((&thymbra_types::Reference, DriverFault::None));
    }
    if name.eq_ignore_ascii_case("intended") {
        return Some((&Intended, DriverFault::None));
    }
    Entry::find(name).map(|entry| (entry.rules, entry.driver))
}

/// Takes the reference for these chapters of the rules.
macro_rules! as_reference {
    ($name:ident: $($chapter:ident)*) => { $(impl $chapter for $name {})* };
}
pub(crate) use as_reference;
