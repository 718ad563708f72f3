//! The bounds of a run as the first lines of a script: what differs from the default, one line each.
//!
//! Its reader is `bounds`; both know the same words. Chapter: `specs/README.md`.

use thymbra_protocol::{NodeId, ReadRepairStrategy};

use crate::payload::GC_GRACE_FOREVER;
use crate::scope::{Budgets, DatacenterScope, Detector, DownScope, OperationKind, RetryPolicy, Scope, Sync};

/// The lines that [`super::bounds`] reads back as this scope, `reduce` apart.
pub(super) fn lines(scope: &Scope) -> Vec<String> {
    let mut lines = topology(scope);
    let plain = Scope::default();
    for operation in &scope.operations {
        let kind = match operation.kind {
            OperationKind::Write => "write",
            OperationKind::Read => "read",
        };
        let by = operation
            .coordinator
            .map_or_else(String::new, |node| format!(" by {}", NodeId(node)));
        lines.push(format!("{kind} {}{by}", operation.level));
    }
    match &scope.down {
        DownScope::Nobody => {}
        DownScope::AnyOf(count) => lines.push(format!("down any {count}")),
        DownScope::Nodes(nodes) => {
            let names: Vec<String> = nodes.iter().map(|node| NodeId(*node).to_string()).collect();
            lines.push(format!("down {}", names.join(" ")));
        }
    }
    let mut differs = |is_other: bool, line: String| {
        if is_other {
            lines.push(line);
        }
    };
    differs(
        scope.retry != plain.retry,
        format!("retry {}", retry(scope.retry)),
    );
    for ((kind, count), (_, usual)) in budgets(&scope.budgets).into_iter().zip(budgets(&plain.budgets)) {
        differs(count != usual, format!("budget {kind} {count}"));
    }
    differs(scope.partition_forever, "partition forever".into());
    differs(scope.sync != plain.sync, format!("sync {}", sync(scope.sync)));
    differs(
        scope.hint_window != plain.hint_window,
        format!("hint-window {}", scope.hint_window),
    );
    differs(
        scope.gc_grace != GC_GRACE_FOREVER,
        format!("gc-grace {}", scope.gc_grace),
    );
    differs(
        scope.read_repair != plain.read_repair,
        format!("read-repair {}", read_repair(scope.read_repair)),
    );
    differs(
        scope.detector != plain.detector,
        format!("detector {}", detector(scope.detector)),
    );
    differs(
        !scope.hints_disabled_datacenters.is_empty(),
        format!("hints-disabled {}", scope.hints_disabled_datacenters.join(" ")),
    );
    for ((word, number), (_, usual)) in limits(scope).into_iter().zip(limits(&plain)) {
        if let (true, Some(number)) = (number != usual, number) {
            differs(true, format!("{word} {number}"));
        }
    }
    for ((word, is_on), (_, usual)) in switches(scope).into_iter().zip(switches(&plain)) {
        differs(
            is_on != usual,
            format!("{word} {}", if is_on { "on" } else { "off" }),
        );
    }
    lines
}

fn topology(scope: &Scope) -> Vec<String> {
    match (scope.datacenters.as_slice(), scope.network_topology) {
        ([only], false) if only.name == "dc1" => {
            let mut lines = vec![format!("cluster rf {}", only.replication_factor)];
            if only.nodes != only.replication_factor {
                lines.push(format!("nodes {}", only.nodes));
            }
            if only.pending != 0 {
                lines.push(format!("pending {}", only.pending));
            }
            lines
        }
        (datacenters, network_topology) => {
            let names: Vec<String> = datacenters.iter().map(datacenter).collect();
            let mut lines = vec![format!("cluster {}", names.join(" "))];
            if !network_topology {
                lines.push("strategy simple".into());
            }
            lines
        }
    }
}

fn datacenter(datacenter: &DatacenterScope) -> String {
    let DatacenterScope {
        name,
        replication_factor,
        nodes,
        pending,
    } = datacenter;
    match (nodes == replication_factor, *pending) {
        (true, 0) => format!("{name}:{replication_factor}"),
        (false, 0) => format!("{name}:{replication_factor}:{nodes}"),
        (_, pending) => format!("{name}:{replication_factor}:{nodes}+{pending}"),
    }
}

/// Every budget under the word of the action that spends it.
pub(super) fn budgets(budgets: &Budgets) -> [(&'static str, u8); 11] {
    [
        ("crash", budgets.crash),
        ("power-loss", budgets.power_loss),
        ("lose", budgets.lose),
        ("duplicate", budgets.duplicate),
        ("fail", budgets.fail),
        ("drop", budgets.drop),
        ("slow", budgets.slow),
        ("partition", budgets.partition),
        ("flap", budgets.flap),
        ("ticks", budgets.ticks),
        ("skew", budgets.skew),
    ]
}

fn limits(scope: &Scope) -> [(&'static str, Option<u8>); 3] {
    [
        ("hints-size-max", Some(scope.hints_size_max_bytes)),
        ("hints-in-progress-max", Some(scope.hints_in_progress_max)),
        ("sync-lag-block", scope.sync_lag_block),
    ]
}

/// Everything that is on or off.
pub(super) fn switches(scope: &Scope) -> [(&'static str, bool); 9] {
    [
        ("restart", scope.restart),
        ("hints", scope.hints),
        ("hint-window-persistent", scope.hint_window_persistent),
        ("same-timestamp", scope.same_timestamp),
        ("log-stages", scope.log_stages),
        ("hint-stages", scope.hint_stages),
        ("slow-apply", scope.slow_apply),
        ("remembers-first-hint", scope.remembers_first_hint),
        ("slow-hints", scope.slow_hints),
    ]
}

fn retry(policy: RetryPolicy) -> &'static str {
    match policy {
        RetryPolicy::Never => "never",
        RetryPolicy::FreshTimestamp => "fresh",
        RetryPolicy::SameTimestamp => "same",
    }
}

fn sync(mode: Sync) -> &'static str {
    match mode {
        Sync::Periodic => "periodic",
        Sync::Batch => "batch",
        Sync::Group => "group",
    }
}

fn detector(detector: Detector) -> &'static str {
    match detector {
        Detector::Perfect => "perfect",
        Detector::Lagging => "lagging",
        Detector::Arbitrary => "arbitrary",
    }
}

fn read_repair(strategy: ReadRepairStrategy) -> &'static str {
    match strategy {
        ReadRepairStrategy::Blocking => "blocking",
        ReadRepairStrategy::None => "none",
    }
}
