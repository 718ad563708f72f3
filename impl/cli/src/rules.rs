//! The decisions a run is made with, by name.

use thymbra_checker::faults::DriverFault;
use thymbra_checker::gallery::{self, Entry, rules_named};
use thymbra_checker::system::DynRules;

use crate::names::nearest;
use crate::usage::Usage;

/// What Apache Cassandra 5.0.2 does.
const REFERENCE: &str = "reference";
/// What its authors evidently meant.
const INTENDED: &str = "intended";

/// The rules of this name, and the obligation that the driver breaks with them.
pub(crate) fn find(name: &str) -> Result<(&'static DynRules, DriverFault), Usage> {
    rules_named(name).ok_or_else(|| {
        let ids = gallery::all().map(|entry| entry.id);
        Usage::UnknownRules {
            given: name.into(),
            advice: match nearest(name, [REFERENCE, INTENDED].into_iter().chain(ids)) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("take {REFERENCE}, {INTENDED} or an entry that `thymbra gallery` lists"),
            },
        }
    })
}

/// Rules in words.
pub(crate) fn say(name: &str) -> String {
    match (name, Entry::find(name)) {
        (_, Some(entry)) => format!("with the bug {}: {}", entry.id, entry.says),
        (REFERENCE, None) => "what Apache Cassandra 5.0.2 does (reference)".into(),
        (INTENDED, None) => "what Cassandra's authors evidently meant (intended)".into(),
        (other, None) => other.into(),
    }
}
