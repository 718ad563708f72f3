//! The question `worlds`: everything that can have become of the operations once the cluster is at rest.
//!
//! A breadth-first walk over the complete graph keeps, for each ending, the shortest way to it. Endings that differ
//! by the order of nodes within a data centre are one.

use core::ops::ControlFlow;
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde::Serialize;
use thymbra_checker::Action;
use thymbra_checker::payload::{ModelMutation, Register};
use thymbra_checker::scope::Scope;
use thymbra_checker::search::{Progress, breadth_first};
use thymbra_checker::story::Story;
use thymbra_checker::system::{Life, NodeState, Phase, State, System, Told};
use thymbra_checker::verdict::{Stop, Trace};
use thymbra_protocol::{Datacenter, NodeId};

use crate::args::AskArgs;
use crate::ask::in_steps;
use crate::output::{self, JsonBounds, JsonStates, JsonStep, Verdict};
use crate::progress::Watcher;
use crate::rules;
use crate::table::{Align, Table};
use crate::usage::Failure;
use crate::wrap::{columns, wrapped};

/// Two ways of ending that a person would not tell apart are equal.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
struct World {
    /// What the client of each operation knows.
    clients: Vec<String>,
    /// What the nodes hold, those of a data centre in any order.
    nodes: Vec<String>,
}

/// A world and the shortest way to it.
#[derive(Debug, Serialize)]
struct JsonWorld {
    #[serde(flatten)]
    world: World,
    start: usize,
    trace: Vec<JsonStep>,
}

/// The table as a program reads it.
#[derive(Debug, Serialize)]
struct JsonWorlds {
    verdict: Verdict,
    question: &'static str,
    bounds: JsonBounds,
    states: JsonStates,
    depth: usize,
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    trace: [JsonStep; 0],
    worlds: Vec<JsonWorld>,
}

/// What a walk found.
struct Walk {
    worlds: BTreeMap<World, Trace>,
    progress: Progress,
    elapsed: Duration,
    stopped: Option<Stop>,
}

/// Walks and prints the table.
pub(crate) fn run(scope: Scope, args: &AskArgs) -> Result<ExitCode, Failure> {
    let rules_name = &args.run.settings.rules;
    let (rules, driver) = rules::find(rules_name)?;
    // A reduced graph keeps what questions need, which is less than every ending.
    let scope = Scope {
        reduce: false,
        ..scope
    };
    let mut system = System::new(scope.clone(), rules)?;
    system.driver = driver;
    let mut watcher = Watcher::new("worlds", args.limits);
    let walk = walk(&system, &mut watcher);
    watcher.finish();
    let verdict = if walk.stopped.is_some() {
        Verdict::Unknown
    } else {
        Verdict::Table
    };
    if args.output.json {
        put_line!(
            "{}",
            serde_json::to_string_pretty(&json(&system, &walk, verdict, rules_name))?
        );
    } else {
        put!("{}", text(&system, &walk, rules_name));
    }
    if args.output.svg.is_some() || args.output.mermaid.is_some() {
        note!("a table has no one run to draw; nothing is written for --svg or --mermaid");
    }
    Ok(ExitCode::from(verdict.exit_status()))
}

fn walk(system: &System, watcher: &mut Watcher) -> Walk {
    let begin = Instant::now();
    let mut ends: BTreeMap<World, u64> = BTreeMap::new();
    let mut stopped = None;
    let explored = breadth_first(system, system.initial_states(), |visited, progress| {
        stopped = watcher.watch(progress);
        if stopped.is_some() {
            return ControlFlow::Break(());
        }
        let is_over = !visited.actions.iter().any(begins);
        if is_over && system.is_quiescent(visited.state) {
            ends.entry(world(system, visited.state)).or_insert(visited.print);
        }
        ControlFlow::Continue(())
    });
    let way_to = |print| {
        let (start, actions) = explored.way_to(print);
        Trace { start, actions }
    };
    Walk {
        worlds: ends
            .into_iter()
            .map(|(world, print)| (world, way_to(print)))
            .collect(),
        progress: explored.progress,
        elapsed: begin.elapsed(),
        stopped,
    }
}

/// A client may still begin something.
fn begins(action: &Action) -> bool {
    matches!(action, Action::Write { .. } | Action::Read { .. })
}

fn world(system: &System, state: &State) -> World {
    let clients = state
        .operations
        .iter()
        .enumerate()
        .map(|(index, operation)| {
            format!(
                "{} {}",
                system.operation_name(index),
                told(system, operation.phase)
            )
        })
        .collect();
    let mut nodes: Vec<(Datacenter, String)> = state
        .node_ids()
        .map(|node| (system.layout.datacenter(node), holds(system, state, node)))
        .collect();
    nodes.sort();
    World {
        clients,
        nodes: nodes.into_iter().map(|(_, text)| text).collect(),
    }
}

fn told(system: &System, phase: Phase) -> String {
    match phase {
        Phase::Waiting => "never sent".into(),
        Phase::Open => "open".into(),
        Phase::Abandoned => "no answer".into(),
        Phase::Retrying(told) | Phase::Ended(told) => match told {
            Told::Success => "success".into(),
            Told::Unavailable(required, alive) => format!("Unavailable, {alive} of {required} alive"),
            Told::Timeout(received, needed) => format!("Timeout, {received} of {needed}"),
            Told::Failure(received, needed) => format!("Failure, {received} of {needed}"),
            Told::Overloaded => "Overloaded".into(),
            Told::Invalid => "Invalid".into(),
            Told::Value(value) => format!("returned {}", content(system, value)),
        },
    }
}

fn content(system: &System, register: Register) -> String {
    register
        .0
        .map_or_else(|| "nothing".into(), |mutation| written(system, mutation))
}

fn written(system: &System, mutation: ModelMutation) -> String {
    system.operation_name(usize::from(mutation.write))
}

fn holds(system: &System, state: &State, node: NodeId) -> String {
    let NodeState { life, disk, .. } = state.node(node);
    let mut text = match life {
        Life::Up => String::new(),
        Life::Paused => "away: ".into(),
        Life::Down => "down: ".into(),
    };
    text.push_str(&match disk.memory.0.or(disk.appended.0) {
        Some(mutation) => written(system, mutation),
        None => "-".into(),
    });
    let mut hints: Vec<String> = disk
        .hints
        .iter()
        .map(|hint| written(system, hint.mutation))
        .collect();
    hints.sort();
    for hint in hints {
        text.push_str(&format!(" +hint {hint}"));
    }
    text
}

fn text(system: &System, walk: &Walk, rules_name: &str) -> String {
    let ways = match walk.worlds.len() {
        1 => "1 way".to_owned(),
        count => format!("{count} ways"),
    };
    let mut text = match walk.stopped {
        None => format!("TABLE: {ways} this can end\n\n"),
        Some(stop) => format!("UNKNOWN: {}; so far {ways} this can end\n\n", output::stop(stop)),
    };
    let mut table = Table::new([
        ("", Align::Right),
        ("the clients know", Align::Left),
        ("the nodes hold, in any order", Align::Left),
        ("shortest way", Align::Left),
    ]);
    let mut ways = String::new();
    for ((world, trace), number) in walk.worlds.iter().zip(1_usize..) {
        table.row([
            number.to_string(),
            world.clients.join("; "),
            world.nodes.join(" | "),
            in_steps(trace.actions.len()),
        ]);
        let names: Vec<String> = Story::tell(system, trace)
            .steps
            .into_iter()
            .filter(|step| step.number > 0)
            .map(|step| step.action)
            .collect();
        ways.push_str(&wrapped(
            &format!("  {number:>2}. "),
            &names.join(", "),
            columns(),
        ));
    }
    text.push_str(&table.text());
    text.push_str("\na shortest way to each\n");
    text.push_str(&ways);
    text.push('\n');
    text.push_str(&output::bounds_text(&system.scope, rules_name));
    text.push_str(&output::cost_text(&walk.progress, walk.elapsed));
    text
}

fn json(system: &System, walk: &Walk, verdict: Verdict, rules_name: &str) -> JsonWorlds {
    JsonWorlds {
        verdict,
        question: "worlds",
        bounds: JsonBounds::new(&system.scope, rules_name),
        states: JsonStates {
            generated: walk.progress.generated,
            distinct: walk.progress.distinct,
        },
        depth: walk.progress.depth,
        seconds: walk.elapsed.as_secs_f64(),
        reason: walk.stopped.map(output::stop),
        trace: [],
        worlds: walk
            .worlds
            .iter()
            .map(|(world, trace)| JsonWorld {
                world: world.clone(),
                start: trace.start,
                trace: JsonStep::of(&Story::tell(system, trace)),
            })
            .collect(),
    }
}
