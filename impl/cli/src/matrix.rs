//! `thymbra matrix`: every write level by every read level, and what becomes of a write at each level.

use std::process::ExitCode;

use serde::Serialize;
use thymbra_checker::properties::PropertyDef;
use thymbra_checker::scope::Scope;
use thymbra_protocol::{CONSISTENCY_LEVELS, ConsistencyLevel};

use crate::args::{MatrixArgs, RunArgs};
use crate::ask;
use crate::output::{self, JsonBounds, Verdict};
use crate::progress::{Watcher, is_interrupted};
use crate::scope_from_args::{needs_datacenters, scope, warning};
use crate::table::{Align, Table};
use crate::usage::Failure;

/// Whether a read can miss an acknowledged write.
#[derive(Clone, Copy, Debug, Serialize)]
struct StaleCell {
    write: &'static str,
    read: &'static str,
    stale: Verdict,
}

/// What becomes of a write.
#[derive(Clone, Copy, Debug, Serialize)]
struct WriteRow {
    write: &'static str,
    lost: Verdict,
    unavailable: Verdict,
    timeout: Verdict,
}

/// Everything, as a program reads it.
#[derive(Debug, Serialize)]
struct JsonMatrix<'a> {
    bounds: JsonBounds,
    stale: &'a [StaleCell],
    writes: &'a [WriteRow],
    seconds: f64,
}

/// Fills both tables and prints them.
pub(crate) fn run(args: &MatrixArgs) -> Result<ExitCode, Failure> {
    let begin = std::time::Instant::now();
    let bounds = scope(&args.run, "stale")?;
    if let Some(warning) = warning(&bounds) {
        note!("{warning}");
    }
    let is_known = |level: &ConsistencyLevel| bounds.network_topology || !needs_datacenters(*level);
    let plain = |level: &ConsistencyLevel| !level.is_serial() && is_known(level);
    let all = CONSISTENCY_LEVELS;
    let writes: Vec<ConsistencyLevel> = match args.run.clients.write {
        Some(level) => vec![level],
        None => all.into_iter().filter(plain).collect(),
    };
    let reads: Vec<ConsistencyLevel> = match args.run.clients.read {
        Some(level) => vec![level],
        None => all
            .into_iter()
            .filter(plain)
            .filter(|level| *level != ConsistencyLevel::Any)
            .collect(),
    };
    let (mut stale, mut fates) = (Vec::new(), Vec::new());
    for write in &writes {
        for read in &reads {
            stale.push(StaleCell {
                write: write.name(),
                read: read.name(),
                stale: verdict(args, "stale", *write, Some(*read))?,
            });
        }
        fates.push(WriteRow {
            write: write.name(),
            lost: verdict(args, "lost", *write, None)?,
            unavailable: verdict(args, "unavailable", *write, None)?,
            timeout: verdict(args, "timeout", *write, None)?,
        });
    }
    if args.json {
        let matrix = JsonMatrix {
            bounds: JsonBounds::new(&bounds, &args.run.settings.rules),
            stale: &stale,
            writes: &fates,
            seconds: begin.elapsed().as_secs_f64(),
        };
        put_line!("{}", serde_json::to_string_pretty(&matrix)?);
    } else {
        put_line!(
            "Can a read miss a write that was acknowledged before it began? Writes down, reads across.\n"
        );
        put_line!("{}", stale_table(&writes, &reads, &stale).text());
        put_line!("What can become of a write?\n");
        put_line!("{}", fate_table(&fates).text());
        put_line!("yes: possible; no: never; -: no run puts it to the test; ?: a limit was reached first\n");
        put!("{}", bounds_text(&bounds, &args.run.settings.rules));
        put_line!("{}", output::seconds(begin.elapsed()));
    }
    let is_partial = stale.iter().any(|cell| cell.stale == Verdict::Unknown)
        || fates
            .iter()
            .any(|row| [row.lost, row.unavailable, row.timeout].contains(&Verdict::Unknown));
    let verdict = if is_partial {
        Verdict::Unknown
    } else {
        Verdict::Table
    };
    Ok(ExitCode::from(verdict.exit_status()))
}

/// The verdict on one combination.
fn verdict(
    args: &MatrixArgs,
    question: &'static str,
    write: ConsistencyLevel,
    read: Option<ConsistencyLevel>,
) -> Result<Verdict, Failure> {
    if is_interrupted() {
        return Ok(Verdict::Unknown);
    }
    let property = PropertyDef::find(question).expect("the questions of a matrix are in the table");
    let mut run: RunArgs = args.run.clone();
    run.clients.write = Some(write);
    run.clients.read = read;
    if read.is_none() {
        run.clients.reads = Some(0);
    }
    let inquiry = ask::inquiry(scope(&run, question)?, property, &run.settings.rules)?;
    let label = match read {
        Some(read) => format!("{question} {write} / {read}"),
        None => format!("{question} {write}"),
    };
    let mut watcher = Watcher::new(&label, args.limits);
    let survey = inquiry.survey(inquiry.scope.reduce, &mut |progress| watcher.watch(progress));
    watcher.finish();
    let survey = survey?;
    let found = |name| survey.found.contains(&name);
    Ok(
        match (found(property.name), survey.stopped, found(property.witness)) {
            (true, _, _) => Verdict::Possible,
            (false, Some(_), _) => Verdict::Unknown,
            (false, None, true) => Verdict::Never,
            (false, None, false) => Verdict::Vacuous,
        },
    )
}

/// The bounds of all combinations: those of one, but for its levels.
fn bounds_text(scope: &Scope, rules: &str) -> String {
    let text = output::bounds_text(scope, rules);
    let lines = text.lines().map(|line| match line.contains("  operations  ") {
        true => "  operations  1 write, and 1 read after it for the first table, unless told otherwise; the levels as above",
        false => line,
    });
    lines.map(|line| format!("{line}\n")).collect()
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Possible => "yes",
        Verdict::Never | Verdict::Table => "no",
        Verdict::Vacuous => "-",
        Verdict::Unknown => "?",
    }
}

fn stale_table(writes: &[ConsistencyLevel], reads: &[ConsistencyLevel], cells: &[StaleCell]) -> Table {
    let columns = reads.iter().map(|level| (level.name(), Align::Left));
    let mut table = Table::new(std::iter::once(("write \\ read", Align::Left)).chain(columns));
    for write in writes {
        let row = cells
            .iter()
            .filter(|cell| cell.write == write.name())
            .map(|cell| word(cell.stale));
        table.row(std::iter::once(write.name()).chain(row));
    }
    table
}

fn fate_table(rows: &[WriteRow]) -> Table {
    let headings = [
        "write",
        "lost after its acknowledgement",
        "refused (Unavailable)",
        "timed out",
    ];
    let mut table = Table::new(headings.map(|heading| (heading, Align::Left)));
    for row in rows {
        table.row([
            row.write,
            word(row.lost),
            word(row.unavailable),
            word(row.timeout),
        ]);
    }
    table
}
