//! Reads as far as they bear on writes: contacts, resolution, blocking read repair.
//!
//! Chapter: `specs/12-reads-and-read-repair.md`. Cassandra: `AbstractReadExecutor`, `DataResolver`,
//! `BlockingReadRepair`. Every contact is asked for data; digest requests and speculative retry would stand in
//! [`ReadRules::contacts_for_read`] and the handler's first phase.

mod read_handler;
mod read_repair;

pub(crate) use read_handler::ReadRequest;

use alloc::vec::Vec;

use thymbra_types::Reference;

use crate::{ConsistencyLevel, ConsistencyRules, Payload, Placement, PlanKey, ReplicaSet, Unavailable};

/// The table option `read_repair`.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum ReadRepairStrategy {
    /// The read waits until what it returns is held by as many contacts as its level asks for.
    #[default]
    Blocking,
    /// The answers are merged and nothing is written.
    None,
}

/// One coordinated read.
///
/// Invariants, checked by [`crate::Node::validate`]: `awaiting` and the positions of `responses` lie within the
/// plan; while answers are collected they are disjoint. A contact that fails ends the read, so none is remembered.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ReadHandler<P: Payload> {
    /// The replicas of the partition when the read began.
    pub plan: PlanKey,
    /// The level that was asked for.
    pub level: ConsistencyLevel,
    /// The table's option.
    pub read_repair: ReadRepairStrategy,
    /// Contacts, or in the second phase targets of repairs, that have not answered.
    pub awaiting: ReplicaSet,
    /// Answers by position, lowest first; empty once merged.
    pub responses: Vec<(u8, P::Data)>,
    /// The repair that the read waits for, once the answers differed.
    pub repair: Option<Repair<P::Data>>,
}

/// The second phase of a read whose answers differed.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Repair<D> {
    /// Acknowledgements still needed before the client is answered.
    pub wait_for: usize,
    /// What the client will be answered.
    pub merged: D,
}

/// Whom a read asks, and what it waits for.
pub trait ReadRules: ConsistencyRules {
    /// Whom to ask: of the live natural replicas the nearest, as many as the level needs, in the coordinator's
    /// data centre alone for local levels, a quorum of each data centre for EACH_QUORUM.
    ///
    /// # Errors
    /// [`Unavailable`] if there are too few.
    //= WP-RR-02
    fn contacts_for_read(
        &self,
        level: ConsistencyLevel,
        at: Placement<'_>,
        live: ReplicaSet,
        proximity: &[u8],
    ) -> Result<ReplicaSet, Unavailable> {
        //= WP-PR-10
        let candidates = live
            .intersection(at.plan.natural())
            .intersection(self.counted(level, at));
        if level == ConsistencyLevel::EachQuorum && at.plan.is_network_topology() {
            let mut contacts = ReplicaSet::EMPTY;
            for (datacenter, quorum) in self.each_quorum(at) {
                let within = candidates.intersection(at.plan.in_datacenter(datacenter));
                if within.count() < quorum {
                    let alive = self.each_quorum_alive_reported(within.count());
                    return Err(Unavailable {
                        level,
                        required: quorum,
                        alive,
                    });
                }
                contacts = contacts.union(nearest(within, proximity, quorum));
            }
            return Ok(contacts);
        }
        let required = self.block_for(level, at);
        if candidates.count() < required {
            return Err(Unavailable {
                level,
                required,
                alive: candidates.count(),
            });
        }
        Ok(nearest(candidates, proximity, required))
    }

    /// A read that repairs waits for the acknowledgements of the repair.
    //= WP-RR-05
    fn awaits_read_repair(&self) -> bool {
        true
    }

    /// A repair goes to those replicas only that lack something.
    //= WP-RR-06
    fn repairs_complete_replicas(&self) -> bool {
        false
    }
}

impl ReadRules for Reference {}

/// The first `count` of `candidates` in the order of `proximity`; those it leaves out come last.
fn nearest(candidates: ReplicaSet, proximity: &[u8], count: usize) -> ReplicaSet {
    let mut chosen = ReplicaSet::EMPTY;
    let sorted = proximity
        .iter()
        .copied()
        .filter(|position| candidates.contains(*position));
    for position in sorted.chain(candidates.iter()) {
        if chosen.count() < count {
            chosen.insert(position);
        }
    }
    chosen
}
