//! Laws about single decisions: placement, needs, merging. They need no interleavings: every case of a small domain
//! is looked at, and the first that fails is reported.
//!
//! What is expected is written down here from the text of the rules, without asking them.

mod merging;
mod needs;
mod placement;

use crate::system::DynRules;

/// What looking at every case came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LawReport {
    /// Cases looked at.
    pub cases: u64,
    /// The first case that fails, in words.
    pub failing: Option<String>,
}

/// A law over single decisions.
#[derive(Clone, Copy)]
pub struct Law {
    /// Its code among the properties: `P1`, `P2`, `C5`.
    pub code: &'static str,
    /// Rule and claim.
    pub name: &'static str,
    /// The domain, in words.
    pub domain: &'static str,
    /// Looks at every case.
    pub check: fn(&DynRules) -> LawReport,
}

impl core::fmt::Debug for Law {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter
            .debug_struct("Law")
            .field("code", &self.code)
            .finish_non_exhaustive()
    }
}

/// Every law.
pub static LAWS: &[Law] = &[
    Law {
        code: "P1",
        name: "WP-GU-01 placement is a function of the ring, and yields the replicas that the strategy promises",
        domain: placement::DOMAIN,
        check: placement::check,
    },
    Law {
        code: "P2",
        name: "WP-GU-02 each level waits for its own number of acknowledgements, pending replicas included",
        domain: needs::DOMAIN,
        check: needs::check,
    },
    Law {
        code: "C5",
        name: "WP-GU-24 merging is commutative, associative, idempotent, and picks the same winner on every node",
        domain: merging::DOMAIN,
        check: merging::check,
    },
];

/// The law of this code.
#[must_use]
pub fn find(code: &str) -> Option<&'static Law> {
    LAWS.iter().find(|law| law.code == code)
}

/// Counts cases and keeps the first that fails.
#[derive(Default)]
struct Cases {
    count: u64,
    failing: Option<String>,
}

impl Cases {
    /// Looks at one case; `Err` ends the enumeration.
    fn expect(&mut self, holds: bool, describe: impl FnOnce() -> String) -> Result<(), ()> {
        self.count += 1;
        if holds {
            return Ok(());
        }
        self.failing = Some(describe());
        Err(())
    }

    fn report(self) -> LawReport {
        LawReport {
            cases: self.count,
            failing: self.failing,
        }
    }
}
