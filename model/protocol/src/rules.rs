//! The union of all decisions.
//!
//! The provided methods of the traits *are* the reference; [`thymbra_types::Reference`] takes them as they
//! are, a gallery entry overrides one. Chapter: `specs/README.md`.

use thymbra_durability::AcknowledgementRules;
use thymbra_types::ReconcileRules;

use crate::{ConsistencyRules, CoordinationRules, HintRules, ReadRules, ReplicationRules};

/// Every contested decision of the write path. Object safe, so that a checker can be handed any of them.
pub trait Rules:
    ReconcileRules
    + AcknowledgementRules
    + ReplicationRules
    + ConsistencyRules
    + CoordinationRules
    + HintRules
    + ReadRules
{
}

impl<R> Rules for R where
    R: ReconcileRules
        + AcknowledgementRules
        + ReplicationRules
        + ConsistencyRules
        + CoordinationRules
        + HintRules
        + ReadRules
        + ?Sized
{
}
