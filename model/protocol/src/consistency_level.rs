//! Consistency levels and the arithmetic of acknowledgements.
//!
//! Admission asks [`ConsistencyRules::assure_sufficient_live_replicas`], the write response handler asks
//! [`ConsistencyRules::is_satisfied`] and [`ConsistencyRules::is_impossible`]. Chapter: `specs/03-coordination.md`.

use thymbra_types::Reference;

use crate::{Datacenter, ReplicaPlan, ReplicaSet, Unavailable};

/// How many replicas must answer before the client is answered. Cassandra: `ConsistencyLevel`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum ConsistencyLevel {
    /// A replica or, for writes, a stored hint.
    Any,
    /// One replica.
    One,
    /// Two replicas.
    Two,
    /// Three replicas.
    Three,
    /// A majority of the replicas of all data centres together.
    Quorum,
    /// Every replica.
    All,
    /// A majority of the replicas of the coordinator's data centre.
    LocalQuorum,
    /// A majority in each data centre.
    EachQuorum,
    /// The level of a lightweight transaction over all data centres.
    Serial,
    /// The level of a lightweight transaction within the coordinator's data centre.
    LocalSerial,
    /// One replica of the coordinator's data centre.
    LocalOne,
}

/// The levels in the order of their codes on the wire.
//= WP-CO-01
pub const CONSISTENCY_LEVELS: [ConsistencyLevel; 11] = [
    ConsistencyLevel::Any,
    ConsistencyLevel::One,
    ConsistencyLevel::Two,
    ConsistencyLevel::Three,
    ConsistencyLevel::Quorum,
    ConsistencyLevel::All,
    ConsistencyLevel::LocalQuorum,
    ConsistencyLevel::EachQuorum,
    ConsistencyLevel::Serial,
    ConsistencyLevel::LocalSerial,
    ConsistencyLevel::LocalOne,
];

impl ConsistencyLevel {
    /// Cassandra's spelling, as in `CONSISTENCY LOCAL_QUORUM`.
    #[must_use]
    //= WP-CO-01
    pub fn name(self) -> &'static str {
        match self {
            Self::Any => "ANY",
            Self::One => "ONE",
            Self::Two => "TWO",
            Self::Three => "THREE",
            Self::Quorum => "QUORUM",
            Self::All => "ALL",
            Self::LocalQuorum => "LOCAL_QUORUM",
            Self::EachQuorum => "EACH_QUORUM",
            Self::Serial => "SERIAL",
            Self::LocalSerial => "LOCAL_SERIAL",
            Self::LocalOne => "LOCAL_ONE",
        }
    }

    /// The level of this name, upper or lower case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        CONSISTENCY_LEVELS
            .into_iter()
            .find(|level| level.name().eq_ignore_ascii_case(name))
    }

    /// Only replicas of the coordinator's data centre count.
    #[must_use]
    pub fn is_datacenter_local(self) -> bool {
        match self {
            Self::LocalOne | Self::LocalQuorum | Self::LocalSerial => true,
            Self::Any
            | Self::One
            | Self::Two
            | Self::Three
            | Self::Quorum
            | Self::All
            | Self::EachQuorum
            | Self::Serial => false,
        }
    }

    /// Levels of lightweight transactions, refused for plain writes.
    #[must_use]
    pub fn is_serial(self) -> bool {
        matches!(self, Self::Serial | Self::LocalSerial)
    }
}

impl core::fmt::Display for ConsistencyLevel {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What the arithmetic looks at: the plan of the partition and where the coordinator stands.
#[derive(Clone, Copy, Debug)]
pub struct Placement<'a> {
    /// Replicas of the partition, natural and pending.
    pub plan: &'a ReplicaPlan,
    /// The coordinator's data centre.
    pub local: Datacenter,
}

impl Placement<'_> {
    /// EACH_QUORUM counts by data centre only with NetworkTopologyStrategy; elsewhere it is QUORUM.
    //= WP-CO-24
    fn is_per_datacenter(&self, level: ConsistencyLevel) -> bool {
        level == ConsistencyLevel::EachQuorum && self.plan.is_network_topology()
    }
}

/// How many acknowledgements a level needs and which of them count.
pub trait ConsistencyRules {
    /// A majority of `replication_factor` replicas. Cassandra: `ConsistencyLevel.quorumFor`.
    //= WP-CO-22
    fn quorum_for(&self, replication_factor: usize) -> usize {
        replication_factor / 2 + 1
    }

    /// Whether EACH_QUORUM asks a data centre of this replication factor at all.
    //= WP-CO-23
    fn each_quorum_includes(&self, replication_factor: usize) -> bool {
        replication_factor > 0
    }

    /// Replicas that must answer, pending ones not counted. Cassandra: `ConsistencyLevel.blockFor`.
    //= WP-CO-06
    fn block_for(&self, level: ConsistencyLevel, at: Placement<'_>) -> usize {
        match level {
            ConsistencyLevel::Any | ConsistencyLevel::One | ConsistencyLevel::LocalOne => 1,
            ConsistencyLevel::Two => 2,
            ConsistencyLevel::Three => 3,
            ConsistencyLevel::Quorum | ConsistencyLevel::Serial => {
                self.quorum_for(at.plan.replication_factor())
            }
            ConsistencyLevel::All => at.plan.replication_factor(),
            ConsistencyLevel::LocalQuorum | ConsistencyLevel::LocalSerial => {
                self.quorum_for(at.plan.replication_factor_in(at.local))
            }
            ConsistencyLevel::EachQuorum if at.plan.is_network_topology() => {
                self.each_quorum(at).map(|(_, needed)| needed).sum()
            }
            ConsistencyLevel::EachQuorum => self.quorum_for(at.plan.replication_factor()),
        }
    }

    /// How many pending replicas raise the need, among those of `within`.
    //= WP-CO-07
    fn pending_to_wait_for(&self, plan: &ReplicaPlan, within: ReplicaSet) -> usize {
        plan.pending().intersection(within).count()
    }

    /// Acknowledgements that a write needs. Cassandra: `ConsistencyLevel.blockForWrite`.
    //= WP-CO-07
    fn block_for_write(&self, level: ConsistencyLevel, at: Placement<'_>) -> usize {
        let pending = match level {
            ConsistencyLevel::Any => 0,
            ConsistencyLevel::One
            | ConsistencyLevel::Two
            | ConsistencyLevel::Three
            | ConsistencyLevel::Quorum
            | ConsistencyLevel::All
            | ConsistencyLevel::EachQuorum
            | ConsistencyLevel::Serial => self.pending_to_wait_for(at.plan, at.plan.all()),
            ConsistencyLevel::LocalOne | ConsistencyLevel::LocalQuorum | ConsistencyLevel::LocalSerial => {
                self.pending_to_wait_for(at.plan, at.plan.in_datacenter(at.local))
            }
        };
        self.block_for(level, at) + pending
    }

    /// Replicas whose answers count towards the level.
    //= WP-CO-08
    fn counted(&self, level: ConsistencyLevel, at: Placement<'_>) -> ReplicaSet {
        if level.is_datacenter_local() {
            at.plan.in_datacenter(at.local)
        } else {
            at.plan.all()
        }
    }

    /// A hint in the buffer counts as the one acknowledgement of this level.
    //= WP-CO-14
    fn hint_counts_as_acknowledgement(&self, level: ConsistencyLevel) -> bool {
        level == ConsistencyLevel::Any
    }

    /// The acknowledgements meet the level. Cassandra: `AbstractWriteResponseHandler.signal` and its heirs.
    //= WP-CO-08
    fn is_satisfied(
        &self,
        level: ConsistencyLevel,
        at: Placement<'_>,
        acked: ReplicaSet,
        hint_acked: bool,
    ) -> bool {
        //= WP-CO-23
        if at.is_per_datacenter(level) {
            return self.each_quorum(at).all(|(datacenter, needed)| {
                let within = at.plan.in_datacenter(datacenter);
                acked.intersection(within).count() >= needed + self.pending_to_wait_for(at.plan, within)
            });
        }
        self.received(level, at, acked, hint_acked) >= self.block_for_write(level, at)
    }

    /// The number of acknowledgements that errors report.
    //= WP-CO-11
    fn received(
        &self,
        level: ConsistencyLevel,
        at: Placement<'_>,
        acked: ReplicaSet,
        hint_acked: bool,
    ) -> usize {
        let by_hint = usize::from(hint_acked && self.hint_counts_as_acknowledgement(level));
        acked.intersection(self.counted(level, at)).count() + by_hint
    }

    /// The number that a timeout reports: one short at most, since the client is told that the level was missed.
    //= WP-CO-11
    fn received_in_timeout(&self, received: usize, block_for: usize) -> usize {
        received.min(block_for.saturating_sub(1))
    }

    /// Replicas that might still answer, as the early failure counts them. `dead` are those that were not
    /// contacted because they were not alive at admission: 5.0.2 counts them (surprise S10).
    //= WP-CO-12
    fn candidates(&self, level: ConsistencyLevel, at: Placement<'_>, _dead: ReplicaSet) -> usize {
        self.counted(level, at).count()
    }

    /// So many replicas failed that the level cannot be met. EACH_QUORUM compares totals (surprise S11).
    //= WP-CO-12
    fn is_impossible(
        &self,
        level: ConsistencyLevel,
        at: Placement<'_>,
        failed: ReplicaSet,
        dead: ReplicaSet,
    ) -> bool {
        let failures = failed.intersection(self.counted(level, at)).count();
        self.block_for_write(level, at) + failures > self.candidates(level, at, dead)
    }

    /// The live replicas that EACH_QUORUM needs in a data centre before anything is sent: pending ones are not
    /// added (surprise S11).
    //= WP-CO-10
    fn each_quorum_live_needed(&self, _plan: &ReplicaPlan, _within: ReplicaSet, quorum: usize) -> usize {
        quorum
    }

    /// The number of live replicas that EACH_QUORUM reports: none, whatever the truth (surprise S6).
    //= WP-CO-10
    fn each_quorum_alive_reported(&self, _alive: usize) -> usize {
        0
    }

    /// The number of required replicas that LOCAL_ONE reports: one, pending ones or not (surprise S9).
    //= WP-CO-10
    fn local_one_required_reported(&self, _block_for: usize) -> usize {
        1
    }

    /// The check before a write is sent. `live` are the plan's replicas that are alive for the coordinator.
    /// Cassandra: `ReplicaPlans.assureSufficientLiveReplicas`.
    ///
    /// # Errors
    /// [`Unavailable`] with the numbers that Cassandra reports.
    //= WP-CO-09
    fn assure_sufficient_live_replicas(
        &self,
        level: ConsistencyLevel,
        at: Placement<'_>,
        live: ReplicaSet,
    ) -> Result<(), Unavailable> {
        let block_for = self.block_for_write(level, at);
        match level {
            ConsistencyLevel::Any => Ok(()),
            ConsistencyLevel::LocalOne => {
                let alive = live.intersection(at.plan.in_datacenter(at.local)).count();
                enough(level, alive, block_for).map_err(|unavailable| Unavailable {
                    required: self.local_one_required_reported(block_for),
                    ..unavailable
                })
            }
            ConsistencyLevel::LocalQuorum | ConsistencyLevel::LocalSerial => enough(
                level,
                live.intersection(at.plan.in_datacenter(at.local)).count(),
                block_for,
            ),
            ConsistencyLevel::EachQuorum if at.plan.is_network_topology() => {
                for (datacenter, quorum) in self.each_quorum(at) {
                    let within = at.plan.in_datacenter(datacenter);
                    let alive = live.intersection(within).count();
                    let needed = self.each_quorum_live_needed(at.plan, within, quorum);
                    enough(level, alive, needed).map_err(|unavailable| Unavailable {
                        alive: self.each_quorum_alive_reported(alive),
                        ..unavailable
                    })?;
                }
                Ok(())
            }
            ConsistencyLevel::One
            | ConsistencyLevel::Two
            | ConsistencyLevel::Three
            | ConsistencyLevel::Quorum
            | ConsistencyLevel::All
            | ConsistencyLevel::EachQuorum
            | ConsistencyLevel::Serial => enough(level, live.count(), block_for),
        }
    }

    /// The data centres that EACH_QUORUM asks, with the quorum of each.
    //= WP-CO-23
    fn each_quorum<'a>(&'a self, at: Placement<'a>) -> EachQuorum<'a> {
        alloc::boxed::Box::new(
            at.plan
                .datacenters()
                .filter(|(_, replication_factor)| self.each_quorum_includes(*replication_factor))
                .map(|(datacenter, replication_factor)| (datacenter, self.quorum_for(replication_factor))),
        )
    }
}

/// Data centres with the quorum of each.
pub type EachQuorum<'a> = alloc::boxed::Box<dyn Iterator<Item = (Datacenter, usize)> + 'a>;

impl ConsistencyRules for Reference {}

fn enough(level: ConsistencyLevel, alive: usize, required: usize) -> Result<(), Unavailable> {
    if alive >= required {
        Ok(())
    } else {
        Err(Unavailable {
            level,
            required,
            alive,
        })
    }
}
