//! From options to a [`Scope`]: the one place where defaults become bounds.
//!
//! `RunArgs + question -> Scope`. Meaning of every default: `specs/questions/README.md`.

use thymbra_checker::payload::GC_GRACE_FOREVER;
use thymbra_checker::scope::{
    Budgets, DatacenterScope, Detector, DownScope, OperationKind, OperationScope, RetryPolicy, Scope, Sync,
};
use thymbra_protocol::{ConsistencyLevel, ReadRepairStrategy};

use crate::args::{
    ClientArgs, ClusterArgs, DetectorWord, FaultArgs, OnOff, ReadRepairWord, RetryWord, RunArgs,
    SettingsArgs, SyncWord,
};
use crate::names::PartitionWord;
use crate::usage::Usage;

/// RF where none is given.
const DEFAULT_RF: u16 = 3;
/// Level of writes and reads where none is given.
pub(crate) const DEFAULT_LEVEL: ConsistencyLevel = ConsistencyLevel::Quorum;

/// The bounds that the options mean for a question.
pub(crate) fn scope(args: &RunArgs, question: &str) -> Result<Scope, Usage> {
    let cluster = &args.cluster;
    let datacenters = datacenters(cluster)?;
    let mut scope = Scope {
        network_topology: !cluster.datacenters.is_empty(),
        datacenters,
        ..Scope::default()
    };
    check_levels(&args.clients, scope.network_topology)?;
    scope.down = down(cluster.down.as_deref(), &scope)?;
    let coordinator = match args.clients.coordinator.as_str() {
        "any" => None,
        name => Some(node(name, &scope)?),
    };
    scope.operations = operations(&args.clients, coordinator, question)?;
    scope.retry = match args.clients.retry {
        None => RetryPolicy::Never,
        Some(RetryWord::Fresh) => RetryPolicy::FreshTimestamp,
        Some(RetryWord::Same) => RetryPolicy::SameTimestamp,
    };
    scope.same_timestamp = args.clients.same_timestamp;
    scope.budgets = budgets(&args.faults, args.clients.skew, question);
    scope.restart = args.faults.restart;
    scope.partition_forever = args.faults.partition == PartitionWord::Forever;
    let settings = &args.settings;
    scope.sync = match settings.sync {
        SyncWord::Periodic => Sync::Periodic,
        SyncWord::Batch => Sync::Batch,
        SyncWord::Group => Sync::Group,
    };
    scope.hints = settings.hints == OnOff::On;
    scope.hint_window = settings.hint_window;
    scope.gc_grace = settings.gc_grace.unwrap_or(GC_GRACE_FOREVER);
    scope.read_repair = match settings.read_repair {
        ReadRepairWord::Blocking => ReadRepairStrategy::Blocking,
        ReadRepairWord::None => ReadRepairStrategy::None,
    };
    scope.detector = match settings.detector {
        DetectorWord::Perfect => Detector::Perfect,
        DetectorWord::Lagging => Detector::Lagging,
        DetectorWord::Arbitrary => Detector::Arbitrary,
    };
    set_limits(&mut scope, settings);
    scope.reduce = !settings.full;
    tell_stages_apart(&mut scope, question);
    scope.validate()?;
    Ok(scope)
}

/// Limits of servers, and what has to be slow or late so that they can be met.
fn set_limits(scope: &mut Scope, settings: &SettingsArgs) {
    scope
        .hints_disabled_datacenters
        .clone_from(&settings.no_hints_for);
    scope.hints_size_max_bytes = settings.max_hints_size;
    if let Some(most) = settings.max_hints_in_progress {
        scope.slow_hints = true;
        scope.hints_in_progress_max = most;
    }
    scope.sync_lag_block = settings.sync_lag;
}

/// Keeps the stages of disks that a fault of this scope can observe, and no others.
fn tell_stages_apart(scope: &mut Scope, question: &str) {
    let budgets = scope.budgets;
    let looks_at_dead_disks = matches!(question, "lost" | "worlds");
    scope.log_stages = budgets.power_loss > 0
        || budgets.crash > 0 && (scope.restart || looks_at_dead_disks)
        || scope.sync_lag_block.is_some();
    scope.hint_stages = scope.hints && (budgets.crash > 0 || budgets.power_loss > 0);
    // A hint acknowledges a write at ANY while the coordinator's own append is still under way, and a fixed
    // coordinator is not like every other replica: elsewhere its own append may as well complete at once.
    let writes = || {
        scope
            .operations
            .iter()
            .filter(|operation| operation.kind == OperationKind::Write)
    };
    let own_append_matters =
        writes().any(|write| write.level == ConsistencyLevel::Any || write.coordinator.is_some());
    scope.slow_apply = !scope.reduce || budgets.drop > 0 || budgets.fail > 0 || own_append_matters;
}

fn datacenters(cluster: &ClusterArgs) -> Result<Vec<DatacenterScope>, Usage> {
    let mut datacenters: Vec<DatacenterScope> = match (cluster.datacenters.is_empty(), cluster.rf) {
        (false, Some(_)) => return Err(Usage::TwoTopologies),
        (false, None) => named_datacenters(cluster)?,
        (true, rf) => {
            let replication_factor = rf.unwrap_or(DEFAULT_RF);
            vec![DatacenterScope {
                name: "dc1".into(),
                replication_factor,
                nodes: cluster.nodes.unwrap_or(replication_factor),
                pending: 0,
            }]
        }
    };
    if datacenters
        .iter()
        .all(|datacenter| datacenter.replication_factor == 0)
    {
        return Err(Usage::NoReplica);
    }
    if datacenters.iter().all(|datacenter| datacenter.nodes == 0) {
        return Err(Usage::NoNode);
    }
    if let Some(first) = datacenters.first_mut() {
        first.pending = cluster.pending;
    }
    Ok(datacenters)
}

fn named_datacenters(cluster: &ClusterArgs) -> Result<Vec<DatacenterScope>, Usage> {
    if cluster.nodes.is_some() {
        return Err(Usage::NodesWithDatacenters);
    }
    let mut datacenters: Vec<DatacenterScope> = Vec::new();
    for word in &cluster.datacenters {
        if datacenters.iter().any(|other| other.name == word.name) {
            return Err(Usage::DatacenterTwice(word.name.clone()));
        }
        datacenters.push(DatacenterScope {
            name: word.name.clone(),
            replication_factor: word.replication_factor,
            nodes: word.nodes,
            pending: 0,
        });
    }
    Ok(datacenters)
}

/// LOCAL levels and EACH_QUORUM speak of data centres, which SimpleStrategy does not know.
pub(crate) fn needs_datacenters(level: ConsistencyLevel) -> bool {
    level.is_datacenter_local() || level == ConsistencyLevel::EachQuorum
}

fn check_levels(clients: &ClientArgs, network_topology: bool) -> Result<(), Usage> {
    let foreign = [clients.write, clients.read]
        .into_iter()
        .flatten()
        .find(|level| needs_datacenters(*level) && !network_topology);
    match foreign {
        Some(level) => Err(Usage::NoDatacenter(level)),
        None => Ok(()),
    }
}

fn operations(
    clients: &ClientArgs,
    coordinator: Option<u16>,
    question: &str,
) -> Result<Vec<OperationScope>, Usage> {
    let two_writes = question == "overwritten" || clients.skew || clients.same_timestamp;
    let writes = clients.writes.unwrap_or(if two_writes { 2 } else { 1 });
    let reads = clients.reads.unwrap_or(match question {
        "stale" => 1,
        "non-monotonic" | "non-linearizable" => 2,
        _ => 0,
    });
    if writes == 0 && reads == 0 {
        return Err(Usage::NoOperation);
    }
    let of = |kind, level: Option<ConsistencyLevel>| OperationScope {
        kind,
        level: level.unwrap_or(DEFAULT_LEVEL),
        coordinator,
    };
    let writes = (0..writes).map(|_| of(OperationKind::Write, clients.write));
    let reads = (0..reads).map(|_| of(OperationKind::Read, clients.read));
    Ok(writes.chain(reads).collect())
}

fn budgets(faults: &FaultArgs, skew: bool, question: &str) -> Budgets {
    let default_slow = if question == "timeout" { 0 } else { 1 };
    Budgets {
        crash: faults.crash,
        power_loss: faults.power_loss,
        lose: faults.lose,
        duplicate: faults.duplicate,
        fail: faults.fail,
        drop: faults.drop,
        slow: faults.slow.unwrap_or(default_slow),
        partition: match faults.partition {
            PartitionWord::None => 0,
            PartitionWord::Times(times) => times,
            PartitionWord::Forever => 1,
        },
        flap: faults.flap,
        ticks: faults.ticks,
        skew: u8::from(skew),
    }
}

/// The nodes of a data centre by index: its own, then its pending ones, after those of the ones before it.
fn nodes_of(scope: &Scope, name: &str) -> Option<Vec<u16>> {
    let mut first = 0;
    for datacenter in &scope.datacenters {
        let next = first + datacenter.nodes + datacenter.pending;
        if datacenter.name == name {
            return Some((first..next).collect());
        }
        first = next;
    }
    None
}

fn node_names(scope: &Scope) -> String {
    match scope.node_count() {
        1 => "n1".into(),
        count => format!("n1 to n{count}"),
    }
}

fn node(name: &str, scope: &Scope) -> Result<u16, Usage> {
    let number = name
        .strip_prefix(['n', 'N'])
        .and_then(|digits| digits.parse::<u16>().ok());
    number
        .and_then(|number| number.checked_sub(1))
        .filter(|index| usize::from(*index) < scope.node_count())
        .ok_or_else(|| Usage::UnknownNode {
            name: name.into(),
            nodes: node_names(scope),
        })
}

fn down(given: Option<&str>, scope: &Scope) -> Result<DownScope, Usage> {
    let Some(given) = given else {
        return Ok(DownScope::Nobody);
    };
    if let Ok(count) = given.parse() {
        return Ok(match count {
            0 => DownScope::Nobody,
            count => DownScope::AnyOf(count),
        });
    }
    let unknown = |_| Usage::UnknownDown {
        given: given.into(),
        nodes: node_names(scope),
        datacenters: match scope.network_topology {
            true => {
                let names: Vec<&str> = scope
                    .datacenters
                    .iter()
                    .map(|datacenter| datacenter.name.as_str())
                    .collect();
                names.join(", ")
            }
            false => "none is named here".into(),
        },
    };
    let mut nodes = Vec::new();
    for name in given.split(',').map(str::trim) {
        match nodes_of(scope, name).filter(|_| scope.network_topology) {
            Some(members) => nodes.extend(members),
            None => nodes.push(node(name, scope).map_err(unknown)?),
        }
    }
    nodes.sort_unstable();
    let mut pairs = nodes.iter().zip(nodes.iter().skip(1));
    if let Some((twice, _)) = pairs.find(|(left, right)| left == right) {
        return Err(Usage::DownTwice {
            node: format!("n{}", twice + 1),
            given: given.into(),
        });
    }
    Ok(DownScope::Nodes(nodes))
}

/// What is allowed and probably not meant.
pub(crate) fn warning(scope: &Scope) -> Option<String> {
    let short = scope
        .datacenters
        .iter()
        .find(|datacenter| datacenter.nodes < datacenter.replication_factor)?;
    let place = if scope.network_topology {
        format!(" in {}", short.name)
    } else {
        String::new()
    };
    Some(format!(
        "RF {}{place} asks for more copies than there are nodes ({}); levels count by RF all the same",
        short.replication_factor, short.nodes
    ))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Cli, Command};

    fn asked(words: &str) -> Result<Scope, String> {
        let words = ["thymbra", "ask"].into_iter().chain(words.split_whitespace());
        let cli = Cli::try_parse_from(words).map_err(|error| error.to_string())?;
        let Command::Ask(args) = cli.command else {
            return Err("not a question".into());
        };
        scope(&args.run, args.question.code()).map_err(|usage| usage.to_string())
    }

    fn counts(scope: &Scope) -> (usize, usize) {
        let of = |kind| {
            scope
                .operations
                .iter()
                .filter(|operation| operation.kind == kind)
                .count()
        };
        (of(OperationKind::Write), of(OperationKind::Read))
    }

    #[test]
    fn each_question_has_its_number_of_operations() {
        let table = [
            ("stale", (1, 1)),
            ("non-monotonic", (1, 2)),
            ("non-linearizable", (1, 2)),
            ("lost", (1, 0)),
            ("overwritten", (2, 0)),
            ("diverge --skew", (2, 0)),
            ("worlds --same-timestamp", (2, 0)),
            ("stale --writes 3 --reads 0", (3, 0)),
        ];
        for (words, expected) in table {
            assert_eq!(
                counts(&asked(words).expect("a good question")),
                expected,
                "{words}"
            );
        }
    }

    #[test]
    fn timers_overtake_answers_once_but_not_for_timeout() {
        assert_eq!(asked("stale").expect("a good question").budgets.slow, 1);
        assert_eq!(asked("timeout").expect("a good question").budgets.slow, 0);
        assert_eq!(
            asked("timeout --slow 2").expect("a good question").budgets.slow,
            2
        );
    }

    #[test]
    fn log_stages_are_kept_where_a_fault_observes_them() {
        let table = [
            ("stale", (false, false)),
            ("stale --crash 1", (false, true)),
            ("stale --crash 1 --restart", (true, true)),
            ("lost --crash 1", (true, true)),
            ("stale --power-loss 1", (true, true)),
            ("stale --power-loss 1 --hints off", (true, false)),
        ];
        for (words, expected) in table {
            let scope = asked(words).expect("a good question");
            assert_eq!((scope.log_stages, scope.hint_stages), expected, "{words}");
        }
    }

    #[test]
    fn own_append_takes_time_where_that_can_be_seen() {
        let table = [
            ("stale --write ONE", false),
            ("stale --write ANY", true),
            ("stale --write ONE --coordinator n1", true),
            ("stale --write ONE --drop 1", true),
            ("stale --write ONE --fail 1", true),
            ("stale --write ONE --full", true),
        ];
        for (words, expected) in table {
            assert_eq!(
                asked(words).expect("a good question").slow_apply,
                expected,
                "{words}"
            );
        }
    }

    #[test]
    fn down_takes_a_number_nodes_or_a_datacenter() {
        let down = |words: &str| asked(words).map(|scope| scope.down);
        assert_eq!(down("stale --down 2"), Ok(DownScope::AnyOf(2)));
        assert_eq!(down("stale --down n3,n1"), Ok(DownScope::Nodes(vec![0, 2])));
        assert_eq!(
            down("stale --dc east:2 --dc west:2:3 --down west"),
            Ok(DownScope::Nodes(vec![2, 3, 4]))
        );
        assert!(
            down("stale --down dc1").is_err(),
            "SimpleStrategy names no data centre"
        );
        assert!(down("stale --down n4").is_err());
        assert!(down("stale --down 4").is_err());
    }

    #[test]
    fn local_levels_need_named_datacenters() {
        for level in ["LOCAL_ONE", "LOCAL_QUORUM", "EACH_QUORUM"] {
            assert!(asked(&format!("stale --write {level}")).is_err());
            assert!(asked(&format!("stale --read {level}")).is_err());
            assert!(asked(&format!("stale --dc a:1 --dc b:1 --write {level} --read {level}")).is_ok());
        }
    }
}
