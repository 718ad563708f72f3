//! The bounds of a verdict in words: what was in the run, what was not, and what was told apart.

use thymbra_checker::payload::{GC_GRACE_FOREVER, HINT_SIZE_BYTES};
use thymbra_checker::scope::{Budgets, Detector, DownScope, OperationKind, RetryPolicy, Scope, Sync};
use thymbra_protocol::ReadRepairStrategy;

use crate::{rules, words};

/// What every verdict is about.
pub(crate) const SUBJECT: &str = "one cell of one partition";

/// The bounds as pairs of a heading and a sentence.
pub(crate) fn lines(scope: &Scope, rules_name: &str) -> Vec<(&'static str, String)> {
    vec![
        ("cluster", cluster(scope)),
        ("operations", operations(scope)),
        ("faults", faults(scope)),
        ("settings", settings(scope)),
        ("disks", disks(scope)),
        ("rules", rules::say(rules_name)),
        ("subject", subject(scope)),
    ]
}

/// The bounds in one short line, for a table.
pub(crate) fn short(scope: &Scope) -> String {
    let factors: Vec<String> = scope
        .datacenters
        .iter()
        .map(|datacenter| datacenter.replication_factor.to_string())
        .collect();
    let mut parts = vec![format!("{}n RF {}", scope.node_count(), factors.join("+"))];
    for (kind, letter) in [(OperationKind::Write, 'w'), (OperationKind::Read, 'r')] {
        let mut of_kind = scope
            .operations
            .iter()
            .filter(|operation| operation.kind == kind)
            .peekable();
        if let Some(first) = of_kind.peek() {
            let level = first.level;
            parts.push(format!("{}{letter} {level}", of_kind.count()));
        }
    }
    match &scope.down {
        DownScope::Nobody => {}
        DownScope::AnyOf(count) => parts.push(format!("down {count}")),
        DownScope::Nodes(nodes) => parts.push(format!("down {}", nodes.len())),
    }
    let Budgets {
        crash,
        power_loss,
        lose,
        duplicate,
        fail,
        drop,
        slow,
        partition,
        flap,
        ticks,
        skew,
    } = scope.budgets;
    for (budget, name) in [
        (crash, "crash"),
        (power_loss, "power-loss"),
        (lose, "lose"),
        (duplicate, "duplicate"),
        (fail, "fail"),
        (drop, "drop"),
        (slow, "slow"),
        (partition, "partition"),
        (flap, "flap"),
        (ticks, "ticks"),
        (skew, "skew"),
    ] {
        if budget > 0 {
            parts.push(format!("{name} {budget}"));
        }
    }
    parts.join(", ")
}

fn counted(count: usize, one: &str, many: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    }
}

fn cluster(scope: &Scope) -> String {
    let nodes = counted(scope.node_count(), "node", "nodes");
    let mut text = if scope.network_topology {
        let datacenters: Vec<String> = scope
            .datacenters
            .iter()
            .map(|datacenter| {
                let (factor, nodes) = (datacenter.replication_factor, datacenter.nodes);
                match factor == nodes {
                    true => format!("{} RF {factor}", datacenter.name),
                    false => format!("{} RF {factor} on {nodes} nodes", datacenter.name),
                }
            })
            .collect();
        format!("{nodes}, NetworkTopologyStrategy: {}", datacenters.join(", "))
    } else {
        let factor: u16 = scope
            .datacenters
            .iter()
            .map(|datacenter| datacenter.replication_factor)
            .sum();
        format!("{nodes}, SimpleStrategy, RF {factor}")
    };
    let pending: u16 = scope
        .datacenters
        .iter()
        .map(|datacenter| datacenter.pending)
        .sum();
    if pending > 0 {
        text.push_str(&format!(", {pending} of them pending for the key"));
    }
    let back = if scope.restart { ", may come back" } else { "" };
    match &scope.down {
        DownScope::Nobody => {}
        DownScope::AnyOf(count) => text.push_str(&format!("; any {count} down from the start{back}")),
        DownScope::Nodes(down) => {
            let names: Vec<String> = down.iter().map(|index| format!("n{}", index + 1)).collect();
            text.push_str(&format!("; {} down from the start{back}", names.join(", ")));
        }
    }
    text
}

fn operations(scope: &Scope) -> String {
    let count = |kind| {
        scope
            .operations
            .iter()
            .filter(|operation| operation.kind == kind)
            .count()
    };
    let mut parts = Vec::new();
    for (kind, one, many) in [
        (OperationKind::Write, "write", "writes"),
        (OperationKind::Read, "read", "reads"),
    ] {
        if count(kind) > 0 {
            parts.push(format!(
                "{} at {}",
                counted(count(kind), one, many),
                words::level_of(scope, kind)
            ));
        }
    }
    let coordinator = match scope
        .operations
        .iter()
        .find_map(|operation| operation.coordinator)
    {
        Some(node) => format!("n{} coordinates", node + 1),
        None => "any node coordinates".into(),
    };
    parts.push(coordinator);
    match scope.retry {
        RetryPolicy::Never => {}
        RetryPolicy::FreshTimestamp => parts.push("clients retry once with a fresh timestamp".into()),
        RetryPolicy::SameTimestamp => parts.push("clients retry once with the same timestamp".into()),
    }
    if scope.same_timestamp {
        parts.push("all writes carry one timestamp".into());
    }
    parts.join(", ")
}

fn faults(scope: &Scope) -> String {
    let Budgets {
        crash,
        power_loss,
        lose,
        duplicate,
        fail,
        drop,
        slow,
        partition,
        flap,
        ticks,
        skew,
    } = scope.budgets;
    let partitions = if scope.partition_forever {
        ("partition that never heals", "partitions that never heal")
    } else {
        ("partition that heals", "partitions that heal")
    };
    let budgets = [
        (crash, "process crash", "process crashes"),
        (power_loss, "power loss", "power losses"),
        (lose, "lost message", "lost messages"),
        (duplicate, "duplicated message", "duplicated messages"),
        (fail, "failing append", "failing appends"),
        (
            drop,
            "mutation expired in a queue",
            "mutations expired in a queue",
        ),
        (partition, partitions.0, partitions.1),
        (flap, "flap of a node", "flaps of nodes"),
        (
            skew,
            "write stamped by a clock that is behind",
            "writes stamped by a clock that is behind",
        ),
        (
            slow,
            "timer before an answer that still comes",
            "timers before answers that still come",
        ),
        (ticks, "tick of the clock", "ticks of the clock"),
    ];
    let mut parts = vec!["any delay and order of messages".to_owned()];
    for (budget, one, many) in budgets {
        if budget > 0 {
            parts.push(counted(usize::from(budget), one, many));
        }
    }
    if scope.restart {
        parts.push("nodes may restart".into());
    }
    parts.join(", ")
}

fn settings(scope: &Scope) -> String {
    let detector = match scope.detector {
        Detector::Perfect => "failure detector perfect",
        Detector::Lagging => "failure detector lagging",
        Detector::Arbitrary => "failure detector arbitrary",
    };
    let hints = match (scope.hints, scope.budgets.ticks) {
        (false, _) => "hints off".to_owned(),
        (true, 0) => "hints on, inside the window".to_owned(),
        (true, _) => format!(
            "hints on, window {}",
            counted(usize::from(scope.hint_window), "tick", "ticks")
        ),
    };
    let repair = match scope.read_repair {
        ReadRepairStrategy::Blocking => "read repair BLOCKING",
        ReadRepairStrategy::None => "read repair NONE",
    };
    let grace = match scope.gc_grace {
        GC_GRACE_FOREVER => "gc_grace longer than the run".to_owned(),
        ticks => format!("gc_grace {}", counted(usize::from(ticks), "tick", "ticks")),
    };
    let mut parts = vec![detector.to_owned(), hints];
    parts.extend(hint_limits(scope));
    parts.extend([repair.to_owned(), grace]);
    parts.join(", ")
}

/// Limits of hints that differ from those that Cassandra ships.
fn hint_limits(scope: &Scope) -> Vec<String> {
    let mut parts = Vec::new();
    if !scope.hints_disabled_datacenters.is_empty() {
        let names = scope.hints_disabled_datacenters.join(" and ");
        parts.push(format!("no hints for nodes of {names}"));
    }
    if scope.hints_size_max_bytes > 0 {
        let most = scope.hints_size_max_bytes;
        parts.push(format!(
            "hint files of {most} bytes for each node, {HINT_SIZE_BYTES} for a hint"
        ));
    }
    if scope.slow_hints {
        let most = usize::from(scope.hints_in_progress_max);
        parts.push(format!("{} in progress at most", counted(most, "hint", "hints")));
    }
    parts
}

fn disks(scope: &Scope) -> String {
    let sync = match scope.sync {
        Sync::Periodic => "commitlog_sync periodic",
        Sync::Batch => "commitlog_sync batch",
        Sync::Group => "commitlog_sync group",
    };
    let stages = match (scope.log_stages, scope.hint_stages) {
        (false, false) => {
            "one stage is kept of commit log and hints, since no fault in these bounds can tell stages apart"
        }
        (true, false) => "commit log appended / marked / synced; one stage is kept of hints",
        (false, true) => {
            "hints buffered / written / synced; one stage is kept of the commit log, since nothing reads it again"
        }
        (true, true) => "commit log appended / marked / synced, hints buffered / written / synced",
    };
    let lag = match scope.sync_lag_block {
        Some(most) => format!(
            ", writes wait once the last sync is older than {}",
            counted(usize::from(most), "tick", "ticks")
        ),
        None => String::new(),
    };
    let queue = match (scope.slow_apply, scope.slow_hints) {
        (true, true) => "; appends and hint tasks wait in a queue",
        (true, false) => "; appends wait in a queue",
        (false, true) => "; hint tasks wait in a queue",
        (false, false) => "",
    };
    format!("{sync}{lag}; {stages}{queue}")
}

fn subject(scope: &Scope) -> String {
    if scope.reduce {
        format!("{SUBJECT}; equivalent orders of events are looked at once")
    } else {
        format!("{SUBJECT}; every order of events is looked at")
    }
}
