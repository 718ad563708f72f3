//! `thymbra check`: the pinned configurations and the laws, as a table.

use std::collections::VecDeque;
use std::process::ExitCode;
use std::sync::Mutex;

use thymbra_checker::configurations::{self, Configuration, Expected, Outcome};
use thymbra_checker::laws::LAWS;
use thymbra_checker::log_system::{self, LogSystem};
use thymbra_checker::scope::ScopeError;
use thymbra_checker::verdict::Watch;
use thymbra_types::Reference;

use crate::args::{CheckArgs, LimitArgs};
use crate::bounds;
use crate::names::nearest;
use crate::output::{count, seconds};
use crate::progress::{Watcher, is_interrupted};
use crate::table::{Align, Table};
use crate::usage::{Failure, Usage};

/// A run of either model.
#[derive(Clone, Copy)]
enum Run {
    /// Of a cluster.
    Cluster(&'static Configuration),
    /// Of one node's storage.
    Storage(&'static Configuration<LogSystem>),
}

impl Run {
    fn all() -> impl Iterator<Item = Self> {
        let clusters = configurations::all().map(Self::Cluster);
        clusters.chain(
            log_system::configurations::CONFIGURATIONS
                .iter()
                .map(Self::Storage),
        )
    }

    fn name(self) -> &'static str {
        match self {
            Self::Cluster(run) => run.name,
            Self::Storage(run) => run.name,
        }
    }

    fn properties(self) -> &'static [&'static str] {
        match self {
            Self::Cluster(run) => run.properties,
            Self::Storage(run) => run.properties,
        }
    }

    fn expected(self) -> Expected {
        match self {
            Self::Cluster(run) => run.expected,
            Self::Storage(run) => run.expected,
        }
    }

    fn bounds(self) -> String {
        match self {
            Self::Cluster(run) => bounds::short(&(run.bounds)()),
            Self::Storage(run) => (run.bounds)().short(),
        }
    }

    fn run(self, watch: &mut Watch<'_>) -> Result<Outcome<()>, ScopeError> {
        Ok(match self {
            Self::Cluster(run) => run.run(watch)?.without_trace(),
            Self::Storage(run) => run.run(watch)?.without_trace(),
        })
    }
}

/// Makes the runs and prints what came of them.
pub(crate) fn run(args: &CheckArgs) -> Result<ExitCode, Failure> {
    let is_all = args.configuration == "all";
    let chosen: Vec<Run> = if is_all {
        Run::all().collect()
    } else {
        vec![find(&args.configuration)?]
    };
    let begin = std::time::Instant::now();
    let outcomes = run_all(&chosen, args.threads, args.limits)?;
    let mut table = Table::new([
        ("configuration", Align::Left),
        ("kind", Align::Left),
        ("checks", Align::Left),
        ("bounds", Align::Left),
        ("generated", Align::Right),
        ("distinct", Align::Right),
        ("depth", Align::Right),
        ("time", Align::Right),
        ("result", Align::Left),
        ("", Align::Left),
    ]);
    for (run, outcome) in chosen.iter().zip(&outcomes) {
        row(&mut table, *run, outcome.as_ref());
    }
    put!("{}", table.text());
    let mut expected = outcomes
        .iter()
        .flatten()
        .filter(|outcome| outcome.is_expected)
        .count();
    let mut runs = chosen.len();
    if is_all {
        expected += print_laws();
        runs += LAWS.len();
    }
    put_line!("\n{expected} of {runs} as expected, {}", seconds(begin.elapsed()));
    Ok(if expected == runs {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn find(name: &str) -> Result<Run, Usage> {
    let mut runs = Run::all();
    runs.find(|run| run.name().eq_ignore_ascii_case(name))
        .ok_or_else(|| {
            let names: Vec<&str> = Run::all().map(Run::name).collect();
            Usage::UnknownRun {
                kind: "configuration",
                given: name.into(),
                advice: match nearest(name, names.iter().copied()) {
                    Some(near) => format!("did you mean {near}?"),
                    None => format!("take all or one of {}", names.join(", ")),
                },
            }
        })
}

/// Outcomes in the order of the configurations; none where Ctrl-C came first.
fn run_all(chosen: &[Run], threads: u8, limits: LimitArgs) -> Result<Vec<Option<Outcome<()>>>, Failure> {
    let queue: Mutex<VecDeque<(usize, Run)>> = Mutex::new(chosen.iter().copied().enumerate().collect());
    let results = Mutex::new(vec![None; chosen.len()]);
    let next = || {
        let mut queue = queue.lock().expect("no thread panics while it holds the queue");
        queue.pop_front().filter(|_| !is_interrupted())
    };
    let work = || {
        while let Some((index, run)) = next() {
            let mut watcher = Watcher::new(run.name(), limits);
            let outcome = run.run(&mut |progress| watcher.watch(progress));
            watcher.finish();
            let mut results = results
                .lock()
                .expect("no thread panics while it holds the results");
            if let Some(slot) = results.get_mut(index) {
                *slot = Some(outcome);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let results = results.into_inner().expect("every thread has ended well");
    let outcomes: Result<Vec<Option<Outcome<()>>>, _> = results.into_iter().map(Option::transpose).collect();
    Ok(outcomes?)
}

fn row(table: &mut Table, run: Run, outcome: Option<&Outcome<()>>) {
    let kind = match run.expected() {
        Expected::Green { .. } => "green",
        Expected::Intended { .. } => "green, intended",
        Expected::Red { .. } => "red",
        Expected::Reach { .. } => "reach",
    };
    let head = [
        run.name().to_owned(),
        kind.to_owned(),
        run.properties().join(" "),
        run.bounds(),
    ];
    let tail = match outcome {
        Some(outcome) => cells(outcome),
        None => ["-", "-", "-", "-", "not run", ""].map(str::to_owned),
    };
    table.row(head.into_iter().chain(tail));
}

/// States, depth, time, result and whether it was expected.
fn cells(outcome: &Outcome<()>) -> [String; 6] {
    [
        count(outcome.progress.generated),
        count(outcome.progress.distinct),
        outcome.progress.depth.to_string(),
        seconds(outcome.elapsed),
        outcome.says.clone(),
        if outcome.is_expected {
            "ok"
        } else {
            "NOT AS EXPECTED"
        }
        .into(),
    ]
}

/// Looks at every case of the laws; how many are as expected.
fn print_laws() -> usize {
    let headings = [
        ("law", Align::Left),
        ("claim", Align::Left),
        ("cases", Align::Right),
        ("time", Align::Right),
        ("result", Align::Left),
        ("", Align::Left),
    ];
    let mut table = Table::new(headings);
    let mut expected = 0;
    for law in LAWS {
        let begin = std::time::Instant::now();
        let report = (law.check)(&Reference);
        let is_expected = report.failing.is_none();
        expected += usize::from(is_expected);
        table.row([
            law.code.to_owned(),
            law.name.to_owned(),
            count(report.cases),
            seconds(begin.elapsed()),
            report.failing.unwrap_or_else(|| "holds".into()),
            if is_expected { "ok" } else { "NOT AS EXPECTED" }.to_owned(),
        ]);
    }
    put_line!("\n{}", table.text().trim_end());
    expected
}
