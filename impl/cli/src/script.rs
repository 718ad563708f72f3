//! `thymbra replay FILE.script`: a script is run, told step by step, and each of its claims is judged.
//!
//! `text -> Script -> Run -> story and judgements`. Chapter: `specs/README.md`.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};
use thymbra_checker::chart::Chart;
use thymbra_checker::script::{Event, Line, Run, Script, Step};

use crate::args::OutputArgs;
use crate::ask::write_charts;
use crate::output;
use crate::usage::{Failure, Usage};

/// Columns of the chart.
const COLUMNS: usize = 110;

/// The file is a script, and no answer of `ask --json`.
pub(crate) fn is_script(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "script")
}

/// Runs the script and tells it; 0 if all claims hold, else 1. One that cannot be read or run is wrong usage: 2.
pub(crate) fn run(path: &Path, output: &OutputArgs) -> Result<ExitCode, Failure> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|source| Usage::NoScript {
        path: name.clone(),
        source,
    })?;
    let in_file = |error| Usage::Script {
        path: name.clone(),
        error,
    };
    let script = Script::parse(&text).map_err(in_file)?;
    let is_comment = |line: &Line| matches!(line.step, Step::Comment(_));
    if script.lines.iter().all(is_comment) {
        return Err(Usage::EmptyScript(name).into());
    }
    let run = script.play().map_err(in_file)?;
    let chart = run.story().chart();
    let text = if output.json {
        serde_json::to_string_pretty(&as_json(&script, &run))? + "\n"
    } else {
        told(&script, &run, &chart)
    };
    // A reader that has gone away has seen what it wanted.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    write_charts(output, Some(&chart))?;
    Ok(if run.first_unmet().is_none() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}

fn told(script: &Script, run: &Run, chart: &Chart) -> String {
    let mut text = String::new();
    let about = script
        .about
        .iter()
        .filter(|line| !line.trim_start().starts_with('='));
    for line in about {
        text.push_str(line.trim());
        text.push('\n');
    }
    text.push('\n');
    text.push_str(&output::bounds_text(&script.scope, &script.rules));
    text.push('\n');
    let (mut number, mut judged, mut unmet) = (0, 0, 0);
    for entry in &run.entries {
        match &entry.event {
            Event::Took { say, .. } => {
                number += 1;
                text.push_str(&format!("{number:>4}. {say}\n"));
            }
            Event::Judged { expected, found } => {
                judged += 1;
                match found {
                    None => text.push_str(&format!("      > {expected}: met\n")),
                    Some(found) => {
                        unmet += 1;
                        text.push_str(&format!(
                            "      > {expected}: NOT MET (line {}), found {found}\n",
                            entry.line
                        ));
                    }
                }
            }
        }
    }
    // Its sentences stand above already.
    let mut bare = chart.clone();
    for step in &mut bare.steps {
        step.say.clear();
    }
    text.push('\n');
    text.push_str(bare.to_text(COLUMNS).trim_matches('\n'));
    text.push_str("\n\n");
    text.push_str(&match (judged, unmet) {
        (0, _) => "The script expects nothing.\n".into(),
        (judged, 0) => format!("All expectations are met: {judged}.\n"),
        (judged, unmet) => format!("Expectations not met: {unmet} of {judged}.\n"),
    });
    text
}

fn as_json(script: &Script, run: &Run) -> Value {
    let mut trace = Vec::new();
    let mut expectations = Vec::new();
    for entry in &run.entries {
        match &entry.event {
            Event::Took { action, say } => {
                trace.push(json!({ "line": entry.line, "action": action, "say": say }));
            }
            Event::Judged { expected, found } => expectations.push(json!({
                "line": entry.line,
                "after": trace.len(),
                "expected": expected,
                "met": found.is_none(),
                "found": found,
            })),
        }
    }
    json!({
        "rules": script.rules,
        "scope": script.scope,
        "trace": trace,
        "expectations": expectations,
    })
}
