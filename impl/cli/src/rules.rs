//! The decisions a run is made with, by name.

use thymbra_checker::system::DynRules;
use thymbra_types::Reference;

use crate::usage::Usage;

/// What Apache Cassandra 5.0.2 does.
const REFERENCE: &str = "reference";

/// The rules of this name.
pub(crate) fn find(name: &str) -> Result<&'static DynRules, Usage> {
    match name {
        REFERENCE => Ok(&Reference),
        _ => Err(Usage::UnknownRules {
            given: name.into(),
            known: REFERENCE.into(),
        }),
    }
}

/// Rules in words.
pub(crate) fn say(name: &str) -> String {
    match name {
        REFERENCE => "what Apache Cassandra 5.0.2 does (reference)".into(),
        other => other.into(),
    }
}
