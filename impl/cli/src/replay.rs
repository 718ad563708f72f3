//! `thymbra replay`: a trace goes through the model once more, and is told.
//!
//! The file is an answer of `ask --json`: its bounds hold the whole scope, its trace the names of the actions. What
//! `gallery` printed for a bug of one node's storage is taken as well.

use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

use thymbra_checker::story::{Failing, Story};
use thymbra_checker::system::System;
use thymbra_checker::verdict::Trace;

use crate::args::ReplayArgs;
use crate::ask::{in_steps, write_charts};
use crate::names::Question;
use crate::output::{self, JsonAnswer, JsonStep};
use crate::rules;
use crate::storage_replay;
use crate::story;
use crate::usage::{Failure, Usage};

/// Runs the trace and tells it.
pub(crate) fn run(args: &ReplayArgs) -> Result<ExitCode, Failure> {
    if crate::script::is_script(&args.trace) {
        return crate::script::run(&args.trace, &args.output);
    }
    let (name, text) = read(&args.trace)?;
    if let Some(entry) = storage_replay::entry_of(&text) {
        return storage_replay::run(entry, &name, &text);
    }
    let answer = parse_answer(name, &text)?;
    let scope = answer.bounds.scope.clone();
    let (rules, driver) = rules::find(&answer.bounds.rules)?;
    // A trace is told in the full graph, where every step is offered.
    let mut system = System::new(
        thymbra_checker::Scope {
            reduce: false,
            ..scope
        },
        rules,
    )?;
    system.driver = driver;
    match answer.question.parse().map_err(Failure::Question)? {
        Question::Property(property) => system = system.checking([property]),
        Question::Worlds => {}
    }
    let trace = parse(&system, &answer)?;
    let told = Story::tell(&system, &trace);
    if args.output.json {
        let steps = JsonStep::of(&told);
        let answer = JsonAnswer {
            depth: steps.len(),
            failing: told.failing.as_ref().map(Failing::sentence),
            trace: steps,
            ..answer
        };
        put_line!("{}", serde_json::to_string_pretty(&answer)?);
    } else {
        put_line!("{}, each possible at its place\n", in_steps(trace.actions.len()));
        put!(
            "{}",
            output::bounds_text(&answer.bounds.scope, &answer.bounds.rules)
        );
        put!("\n");
        put!("{}", story::text(&told));
        if told.failing.is_none() {
            put_line!(
                "\nAt the end of these steps `{}` is not violated.",
                answer.question
            );
        }
    }
    write_charts(&args.output, Some(&story::chart(&told, &told.title)))?;
    Ok(ExitCode::SUCCESS)
}

/// The name of the file and what it holds; `-` is the standard input.
fn read(path: &Path) -> Result<(String, String), Failure> {
    let name = path.display().to_string();
    let mut text = String::new();
    let read = if name == "-" {
        std::io::stdin().read_to_string(&mut text).map(|_| ())
    } else {
        std::fs::read_to_string(path).map(|content| text = content)
    };
    match read {
        Ok(()) => Ok((name, text)),
        Err(source) => Err(Failure::File { path: name, source }),
    }
}

fn parse_answer(path: String, text: &str) -> Result<JsonAnswer, Failure> {
    let answer: JsonAnswer = serde_json::from_str(text).map_err(|error| Usage::NoTrace {
        path: path.clone(),
        reason: error.to_string(),
    })?;
    if answer.trace.is_empty() {
        let reason = "it has no trace, for nothing was found".to_owned();
        return Err(Usage::NoTrace { path, reason }.into());
    }
    Ok(answer)
}

/// The actions behind the names, each possible in its state.
fn parse(system: &System, answer: &JsonAnswer) -> Result<Trace, Usage> {
    let starts = system.initial_states();
    let mut state = starts
        .get(answer.start)
        .cloned()
        .ok_or(Usage::NoSuchStart(answer.start, starts.len()))?;
    let mut actions = Vec::new();
    for (step, number) in answer.trace.iter().zip(1_usize..) {
        let action = system
            .parse(&state, &step.action)
            .map_err(|unknown| Usage::ImpossibleStep {
                number,
                reason: unknown.to_string(),
            })?;
        state = system.after(&state, &action);
        actions.push(action);
    }
    Ok(Trace {
        start: answer.start,
        actions,
    })
}
