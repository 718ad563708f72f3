//! May a replica that missed a write be hinted? One gate for every path that stores a hint.
//!
//! Chapter: `specs/10-hinted-handoff.md`. Cassandra: `StorageProxy.shouldHint`.

use thymbra_types::Reference;

use crate::{Config, Context, FailureReason, Hint, ReplicaPlan, ReplicaSet};

/// What a coordinator knows of a target's outages and of the hints it holds for it.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct TargetHistory {
    /// A host id is known for it: it is, or is about to be, in the ring.
    pub has_host_id: bool,
    /// Time since this process marked it unreachable, ms; 0 while it is reachable.
    pub downtime_ms: u64,
    /// Time since its present outage began, ms, had restarts of this node been survived; 0 while reachable.
    pub outage_ms: u64,
    /// Age of the oldest hint file for it, ms.
    pub oldest_written_hint_ms: Option<u64>,
    /// Age of the first hint this process ever stored for it, delivered or not, ms. The rules do not use it: it
    /// is what the first repair of CASSANDRA-14309 looked at.
    pub first_hint_ever_ms: Option<u64>,
    /// Bytes in the hint files for it.
    pub hints_size_bytes: u64,
}

/// A target and what stands about it in the configuration.
#[derive(Clone, Copy, Debug)]
pub struct HintTarget<'a> {
    /// The target is the coordinator itself.
    pub is_self: bool,
    /// Hints for its data centre are switched off.
    pub is_disabled: bool,
    /// Its outages and hints.
    pub history: TargetHistory,
    /// Options of the coordinator.
    pub config: &'a Config,
}

/// The first condition that forbids a hint.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum HintRefusal {
    /// Hinted handoff is switched off.
    Disabled,
    /// A node never hints itself.
    IsSelf,
    /// Hinted handoff is switched off for the target's data centre.
    DatacenterDisabled,
    /// The target is not in the ring.
    UnknownHost,
    /// The target has been down, or its oldest hint waiting, for longer than the window.
    WindowExpired,
    /// The hint files for the target have reached their limit.
    SizeLimit,
}

/// When a hint is stored, how long it lives, when it is sent.
pub trait HintRules {
    /// The target has been down for longer than the window, by this process's own clock (surprise S24).
    //= WP-HH-02
    fn downtime_exceeds_window(&self, target: &HintTarget<'_>) -> bool {
        target.history.downtime_ms > target.config.max_hint_window_ms
    }

    /// A hint has been waiting for the target for longer than the window (since 4.1, surprise S23).
    //= WP-HH-03
    fn oldest_hint_exceeds_window(&self, target: &HintTarget<'_>) -> bool {
        target.config.hint_window_persistent_enabled
            && target
                .history
                .oldest_written_hint_ms
                .is_some_and(|age| age > target.config.max_hint_window_ms)
    }

    /// May this target be hinted? Conditions in Cassandra's order.
    ///
    /// # Errors
    /// The first condition that forbids it.
    //= WP-HH-01
    fn should_hint(&self, target: &HintTarget<'_>) -> Result<(), HintRefusal> {
        let config = target.config;
        let limit = config.max_hints_size_per_host_bytes;
        match () {
            () if !config.hinted_handoff_enabled => Err(HintRefusal::Disabled),
            //= WP-HH-10
            () if target.is_self => Err(HintRefusal::IsSelf),
            () if target.is_disabled => Err(HintRefusal::DatacenterDisabled),
            () if !target.history.has_host_id => Err(HintRefusal::UnknownHost),
            () if self.downtime_exceeds_window(target) => Err(HintRefusal::WindowExpired),
            () if self.oldest_hint_exceeds_window(target) => Err(HintRefusal::WindowExpired),
            () if limit > 0 && target.history.hints_size_bytes > limit => Err(HintRefusal::SizeLimit),
            () => Ok(()),
        }
    }

    /// A replica that failed or stayed silent is hinted, whatever the reason (surprise S18).
    //= WP-HH-04
    fn hints_failed_replica(&self, _reason: FailureReason) -> bool {
        true
    }

    /// A write that was refused as unavailable leaves no hints.
    //= WP-CO-09
    fn hints_refused_write(&self) -> bool {
        false
    }

    /// A plain write at ANY that would end in a timeout or failure is hinted and reported as a success.
    //= WP-CO-14
    fn any_falls_back_to_hints(&self) -> bool {
        true
    }

    /// What that fallback reports when it could hint `hinted` replicas: success, even for none (surprise S4).
    //= WP-CO-14
    fn any_fallback_succeeds(&self, _hinted: usize) -> bool {
        true
    }

    /// Hints in progress for one target, as the overload check sees them: its counter is read through a loader
    /// that makes a new zero each time, so it is always 0 (surprise S2).
    //= WP-CO-13
    fn hints_in_progress_seen(&self, _in_progress_for_target: usize) -> usize {
        0
    }

    /// The coordinator refuses a write for the sake of one target.
    //= WP-CO-13
    fn is_overloaded(&self, in_progress: usize, for_target: usize, may_hint: bool, config: &Config) -> bool {
        in_progress > config.max_hints_in_progress && self.hints_in_progress_seen(for_target) > 0 && may_hint
    }

    /// The hint may still be applied at `now_ms`: younger than gc_grace. Cassandra: `Hint.isLive`.
    //= WP-HH-08
    fn is_live(&self, created_ms: u64, gc_grace_seconds: u32, now_ms: u64) -> bool {
        created_ms.saturating_add(u64::from(gc_grace_seconds).saturating_mul(1000)) > now_ms
    }

    /// The trigger begins a delivery.
    //= WP-HH-06
    fn may_dispatch(&self, is_alive: bool, has_same_schema: bool, is_dispatching: bool) -> bool {
        is_alive && has_same_schema && !is_dispatching
    }

    /// A page is removed when each of its hints was acknowledged or had expired.
    //= WP-HH-07
    fn removes_page(&self, some_failed: bool) -> bool {
        !some_failed
    }
}

impl HintRules for Reference {}

/// May the replica at a position be hinted by this coordinator now?
pub(crate) fn should_hint<R: HintRules + ?Sized>(
    context: &Context<'_, R>,
    plan: &ReplicaPlan,
    position: u8,
) -> Result<(), HintRefusal> {
    let Some(replica) = plan.replica(position) else {
        return Err(HintRefusal::UnknownHost);
    };
    context.rules.should_hint(&HintTarget {
        is_self: replica.node == context.me,
        is_disabled: context
            .config
            .hinted_handoff_disabled_datacenters
            .contains(&replica.datacenter),
        history: context.view.target_history(replica.node),
        config: context.config,
    })
}

/// The members of `replicas` that may be hinted now.
pub(crate) fn hintable<R: HintRules + ?Sized>(
    context: &Context<'_, R>,
    plan: &ReplicaPlan,
    replicas: ReplicaSet,
) -> ReplicaSet {
    let mut targets = ReplicaSet::EMPTY;
    for position in replicas.iter() {
        if should_hint(context, plan, position).is_ok() {
            targets.insert(position);
        }
    }
    targets
}

/// The hint is young enough to be applied now.
pub(crate) fn is_live<M, R: HintRules + ?Sized>(context: &Context<'_, R>, hint: &Hint<M>) -> bool {
    context
        .rules
        .is_live(hint.created_ms, hint.gc_grace_seconds, context.now_ms)
}
