//! Reads the bounds of a run from the first lines of a script.
//!
//! Its writer is `bounds_text`; both know the same words. Chapter: `specs/README.md`.

use thymbra_protocol::{CONSISTENCY_LEVELS, ConsistencyLevel, ReadRepairStrategy};

use super::parse::{Source, nearest_of};
use super::{ScriptError, bounds_text};
use crate::payload::GC_GRACE_FOREVER;
use crate::scope::{
    Budgets, DatacenterScope, Detector, DownScope, OperationKind, OperationScope, RetryPolicy, Scope, Sync,
};

/// First words of the lines that bound a run.
pub(super) const WORDS: [&str; 30] = [
    "cluster",
    "nodes",
    "pending",
    "strategy",
    "write",
    "read",
    "down",
    "retry",
    "budget",
    "ticks",
    "partition",
    "sync",
    "hint-window",
    "gc-grace",
    "read-repair",
    "detector",
    "rules",
    "restart",
    "hints",
    "hint-window-persistent",
    "same-timestamp",
    "log-stages",
    "hint-stages",
    "slow-apply",
    "remembers-first-hint",
    "hints-disabled",
    "hints-size-max",
    "slow-hints",
    "hints-in-progress-max",
    "sync-lag-block",
];

/// Takes one line into the bounds.
pub(super) fn take(scope: &mut Scope, source: Source<'_>) -> Result<(), ScriptError> {
    let words = source.words();
    let (Some(first), rest) = (words.first().copied(), words.get(1..).unwrap_or_default()) else {
        return Ok(());
    };
    match first {
        "cluster" => cluster(scope, source, rest),
        "nodes" | "pending" => count_of_nodes(scope, source, first, rest),
        "strategy" => {
            scope.network_topology = source.choice(rest, &[("simple", false), ("network-topology", true)])?;
            Ok(())
        }
        "write" => operation(scope, source, OperationKind::Write, rest),
        "read" => operation(scope, source, OperationKind::Read, rest),
        "down" => down(scope, source, rest),
        "budget" => budget(&mut scope.budgets, source, rest),
        "ticks" => {
            scope.budgets.ticks = source.number(rest, "ticks N")?;
            Ok(())
        }
        "hint-window" => {
            scope.hint_window = source.number(rest, "hint-window TICKS")?;
            Ok(())
        }
        "gc-grace" => {
            scope.gc_grace = match rest {
                ["forever"] => GC_GRACE_FOREVER,
                _ => source.number(rest, "gc-grace TICKS or gc-grace forever")?,
            };
            Ok(())
        }
        "hints-disabled" | "hints-size-max" | "hints-in-progress-max" | "sync-lag-block" => {
            limit(scope, source, first, rest)
        }
        _ => one_of_several(scope, source, first, rest),
    }
}

fn limit(scope: &mut Scope, source: Source<'_>, first: &str, rest: &[&str]) -> Result<(), ScriptError> {
    match (first, rest) {
        ("hints-disabled", []) => return Err(source.malformed("hints-disabled NAME of each data centre")),
        ("hints-disabled", names) => {
            scope.hints_disabled_datacenters = names.iter().map(|name| (*name).into()).collect();
        }
        ("hints-size-max", _) => {
            scope.hints_size_max_bytes = source.number(rest, "hints-size-max BYTES")?;
        }
        ("sync-lag-block", _) => {
            scope.sync_lag_block = Some(source.number(rest, "sync-lag-block TICKS")?);
        }
        (_, _) => scope.hints_in_progress_max = source.number(rest, "hints-in-progress-max N")?,
    }
    Ok(())
}

fn one_of_several(
    scope: &mut Scope,
    source: Source<'_>,
    first: &str,
    rest: &[&str],
) -> Result<(), ScriptError> {
    match first {
        "retry" => {
            let policies = [
                ("never", RetryPolicy::Never),
                ("fresh", RetryPolicy::FreshTimestamp),
                ("same", RetryPolicy::SameTimestamp),
            ];
            scope.retry = source.choice(rest, &policies)?;
        }
        "partition" => {
            scope.partition_forever = source.choice(rest, &[("heals", false), ("forever", true)])?;
        }
        "sync" => {
            let modes = [
                ("periodic", Sync::Periodic),
                ("batch", Sync::Batch),
                ("group", Sync::Group),
            ];
            scope.sync = source.choice(rest, &modes)?;
        }
        "read-repair" => {
            let strategies = [
                ("blocking", ReadRepairStrategy::Blocking),
                ("none", ReadRepairStrategy::None),
            ];
            scope.read_repair = source.choice(rest, &strategies)?;
        }
        "detector" => {
            let detectors = [
                ("perfect", Detector::Perfect),
                ("lagging", Detector::Lagging),
                ("arbitrary", Detector::Arbitrary),
            ];
            scope.detector = source.choice(rest, &detectors)?;
        }
        switch => {
            let is_on = source.choice(rest, &[("on", true), ("off", false)])?;
            let Some(field) = switch_of(scope, switch) else {
                return Err(source.unknown(switch, WORDS));
            };
            *field = is_on;
        }
    }
    Ok(())
}

fn switch_of<'a>(scope: &'a mut Scope, word: &str) -> Option<&'a mut bool> {
    match word {
        "restart" => Some(&mut scope.restart),
        "hints" => Some(&mut scope.hints),
        "hint-window-persistent" => Some(&mut scope.hint_window_persistent),
        "same-timestamp" => Some(&mut scope.same_timestamp),
        "log-stages" => Some(&mut scope.log_stages),
        "hint-stages" => Some(&mut scope.hint_stages),
        "slow-apply" => Some(&mut scope.slow_apply),
        "remembers-first-hint" => Some(&mut scope.remembers_first_hint),
        "slow-hints" => Some(&mut scope.slow_hints),
        _ => None,
    }
}

const CLUSTER: &str = "cluster rf N, or cluster NAME:RF[:NODES[+PENDING]] for each data centre";

fn cluster(scope: &mut Scope, source: Source<'_>, rest: &[&str]) -> Result<(), ScriptError> {
    scope.datacenters = match rest {
        ["rf", factor] => {
            scope.network_topology = false;
            let replication_factor = factor.parse().map_err(|_| source.malformed(CLUSTER))?;
            vec![DatacenterScope {
                name: "dc1".into(),
                replication_factor,
                nodes: replication_factor,
                pending: 0,
            }]
        }
        [] | ["rf", ..] => return Err(source.malformed(CLUSTER)),
        names => {
            scope.network_topology = true;
            let read = names.iter().map(|name| datacenter(name));
            read.collect::<Option<_>>()
                .ok_or_else(|| source.malformed(CLUSTER))?
        }
    };
    Ok(())
}

fn datacenter(text: &str) -> Option<DatacenterScope> {
    let (name, sizes) = text.split_once(':')?;
    let (factor, nodes) = sizes.split_once(':').unwrap_or((sizes, ""));
    let replication_factor = factor.parse().ok()?;
    let (nodes, pending) = nodes.split_once('+').unwrap_or((nodes, "0"));
    let nodes = if nodes.is_empty() { factor } else { nodes };
    Some(DatacenterScope {
        name: name.into(),
        replication_factor,
        nodes: nodes.parse().ok()?,
        pending: pending.parse().ok()?,
    })
}

fn count_of_nodes(
    scope: &mut Scope,
    source: Source<'_>,
    first: &str,
    rest: &[&str],
) -> Result<(), ScriptError> {
    let form = "nodes N or pending N below cluster rf N; with data centres NAME:RF:NODES+PENDING";
    let count = match rest {
        [count] => count.parse().map_err(|_| source.malformed(form))?,
        _ => return Err(source.malformed(form)),
    };
    match (scope.datacenters.as_mut_slice(), scope.network_topology) {
        ([only], false) => {
            if first == "nodes" {
                only.nodes = count;
            } else {
                only.pending = count;
            }
            Ok(())
        }
        _ => Err(source.malformed(form)),
    }
}

fn operation(
    scope: &mut Scope,
    source: Source<'_>,
    kind: OperationKind,
    rest: &[&str],
) -> Result<(), ScriptError> {
    let (level, coordinator) = match rest {
        [level] => (*level, None),
        [level, "by", node] => (*level, Some(source.node(node)?.0)),
        _ => return Err(source.malformed("write LEVEL by NODE or read LEVEL by NODE")),
    };
    let found = ConsistencyLevel::from_name(level);
    let level = found.ok_or_else(|| source.unknown(level, CONSISTENCY_LEVELS.map(ConsistencyLevel::name)))?;
    scope.operations.push(OperationScope {
        kind,
        level,
        coordinator,
    });
    Ok(())
}

fn down(scope: &mut Scope, source: Source<'_>, rest: &[&str]) -> Result<(), ScriptError> {
    scope.down = match rest {
        [] | ["any", ..] => {
            return Err(source.malformed("down NODE for each node that is down: a script is one run"));
        }
        ["nobody"] => DownScope::Nobody,
        nodes => {
            let nodes = nodes.iter().map(|node| source.node(node).map(|node| node.0));
            DownScope::Nodes(nodes.collect::<Result<_, _>>()?)
        }
    };
    Ok(())
}

fn budget(budgets: &mut Budgets, source: Source<'_>, rest: &[&str]) -> Result<(), ScriptError> {
    let [kind, count] = rest else {
        return Err(source.malformed("budget FAULT N"));
    };
    let names = bounds_text::budgets(budgets).map(|(name, _)| name);
    let count = source.number(&[count], "budget FAULT N")?;
    let field = match *kind {
        "crash" => &mut budgets.crash,
        "power-loss" => &mut budgets.power_loss,
        "lose" => &mut budgets.lose,
        "duplicate" => &mut budgets.duplicate,
        "fail" => &mut budgets.fail,
        "drop" => &mut budgets.drop,
        "slow" => &mut budgets.slow,
        "partition" => &mut budgets.partition,
        "flap" => &mut budgets.flap,
        "ticks" => &mut budgets.ticks,
        "skew" => &mut budgets.skew,
        other => {
            return Err(ScriptError::UnknownWord {
                line: source.number,
                word: other.into(),
                nearest: nearest_of(other, names),
            });
        }
    };
    *field = count;
    Ok(())
}
