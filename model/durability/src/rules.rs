//! The union of all node-local decisions.
//!
//! What the storage engine runs with and the model of one node's storage is checked with. Chapter:
//! `specs/README.md`.

use crate::{
    AcknowledgementRules, FlushRules, MemtableRules, PurgeRules, ReplayRules, SegmentRules, SkipRules,
    SurvivalRules, TransactionRules,
};
use thymbra_types::ReconcileRules;

/// Every decision that one node takes about its own files. Object safe.
pub trait StorageRules:
    ReconcileRules
    + AcknowledgementRules
    + SurvivalRules
    + SegmentRules
    + MemtableRules
    + FlushRules
    + ReplayRules
    + PurgeRules
    + TransactionRules
    + SkipRules
{
}

impl<R> StorageRules for R where
    R: ReconcileRules
        + AcknowledgementRules
        + SurvivalRules
        + SegmentRules
        + MemtableRules
        + FlushRules
        + ReplayRules
        + PurgeRules
        + TransactionRules
        + SkipRules
        + ?Sized
{
}

#[cfg(test)]
mod tests {
    use super::*;
    use thymbra_types::Reference;

    #[test]
    fn reference_takes_every_decision_and_is_an_object() {
        let rules: &dyn StorageRules = &Reference;
        assert!(rules.may_delete_log(true));
    }
}
