//! Bugs of ScyllaDB's write path, which follows the same protocol.

use thymbra_durability::AcknowledgementRules;
use thymbra_protocol::{ConsistencyRules, CoordinationRules, HintRules, ReadRules, ReplicationRules};
use thymbra_types::ReconcileRules;

use super::as_reference;

/// scylla #3565: when all replicas failed, a write at ANY was neither hinted nor a success.
#[derive(Debug)]
pub(super) struct AnyWithoutFallback;
as_reference!(AnyWithoutFallback: ReconcileRules AcknowledgementRules ReplicationRules ConsistencyRules CoordinationRules ReadRules);
impl HintRules for AnyWithoutFallback {
    fn any_falls_back_to_hints(&self) -> bool {
        false
    }
}

/// scylla #6905: EACH_QUORUM asked a data centre without replicas for a quorum.
#[derive(Debug)]
pub(super) struct EmptyDatacenterAsked;
as_reference!(EmptyDatacenterAsked: ReconcileRules AcknowledgementRules ReplicationRules CoordinationRules HintRules ReadRules);
impl ConsistencyRules for EmptyDatacenterAsked {
    fn each_quorum_includes(&self, _replication_factor: usize) -> bool {
        true
    }
}

/// scylla #27893: the quorum of no replicas was zero, so that local levels were admitted in a data centre that has
/// none.
#[derive(Debug)]
pub(super) struct QuorumOfNothingIsZero;
as_reference!(QuorumOfNothingIsZero: ReconcileRules AcknowledgementRules ReplicationRules CoordinationRules HintRules ReadRules);
impl ConsistencyRules for QuorumOfNothingIsZero {
    fn quorum_for(&self, replication_factor: usize) -> usize {
        if replication_factor == 0 {
            0
        } else {
            replication_factor / 2 + 1
        }
    }
}
