//! The coordinator of a write: admission, fan-out, acknowledgements, outcome.
//!
//! Chapter: `specs/03-coordination.md`. Cassandra: `StorageProxy`, `AbstractWriteResponseHandler`.

mod write;
mod write_response_handler;

pub(crate) use write::WriteRequest;

use thymbra_types::Reference;

use crate::{ConsistencyLevel, FailureReason, PlanKey, ReplicaSet};

/// Decisions of the coordinator and of the remote coordinators it chooses.
pub trait CoordinationRules {
    /// The coordinator waits for each replica behind a remote coordinator on its own, so that a lost remote
    /// coordinator leaves every one of them to be hinted.
    //= WP-CO-16
    fn awaits_forwarded_replicas(&self) -> bool {
        true
    }

    /// A mutation that waited past its deadline in the queue is executed all the same: the coordinator's own
    /// copy is, any other is dropped silently.
    //= WP-RW-05
    fn executes_expired(&self, is_own_copy: bool) -> bool {
        is_own_copy
    }
}

impl CoordinationRules for Reference {}

/// A replica that will not acknowledge any more, and why.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
//= WP-MS-03
pub struct ReplicaFailure {
    /// Position in the plan.
    pub position: u8,
    /// What it answered, or that it did not.
    pub reason: FailureReason,
}

/// One coordinated write. Cassandra: `AbstractWriteResponseHandler`.
///
/// Invariants, checked by [`crate::Node::validate`]:
/// * `awaiting`, `acked` and the failed positions are disjoint and lie within the plan;
/// * an answered write counts nothing any more: `acked` and `failures` are empty;
/// * an open handler waits for something: its client, a replica or its hint task.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct WriteHandler<M> {
    /// The replicas of the partition when the write began.
    pub plan: PlanKey,
    /// The level that was asked for.
    pub level: ConsistencyLevel,
    /// The client has its answer.
    pub answered: bool,
    /// Replicas whose callback is registered: addressed, and neither answered nor expired.
    pub awaiting: ReplicaSet,
    /// Replicas that acknowledged before the answer.
    pub acked: ReplicaSet,
    /// The hint task of the write has completed (ANY only).
    pub hint_acked: bool,
    /// The hint task of the write is under way (ANY only).
    pub hint_pending: bool,
    /// Replicas that failed before the answer, lowest position first.
    pub failures: alloc::vec::Vec<ReplicaFailure>,
    /// What is written: kept for hints of replicas that fail or stay silent.
    pub mutation: M,
}

impl<M> WriteHandler<M> {
    /// Replicas that failed.
    #[must_use]
    pub fn failed(&self) -> ReplicaSet {
        let mut failed = ReplicaSet::EMPTY;
        for failure in &self.failures {
            failed.insert(failure.position);
        }
        failed
    }

    /// Nothing is left to wait for.
    fn is_over(&self) -> bool {
        self.answered && self.awaiting.is_empty() && !self.hint_pending
    }

    /// Takes the answer as given and forgets what was counted for it.
    //= WP-CO-18
    fn mark_answered(&mut self) {
        self.answered = true;
        self.acked = ReplicaSet::EMPTY;
        self.hint_acked = false;
        self.failures = alloc::vec::Vec::new();
    }
}
