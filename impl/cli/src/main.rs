//! The `thymbra` command: questions to the model of Apache Cassandra's write path, answered by exhaustive search.
//!
//! `args -> scope_from_args -> Inquiry of the checker -> output`. Nothing is decided here: a command maps words to
//! a scope, runs the checker, and prints. Chapter: `specs/questions/README.md`.

/// Prints a part of the answer.
macro_rules! put {
    ($($part:tt)*) => { $crate::output::put(&format!($($part)*)) };
}

/// Prints a line of the answer.
macro_rules! put_line {
    ($($part:tt)*) => { $crate::output::put(&(format!($($part)*) + "\n")) };
}

/// Prints a note beside the answer, on standard error.
macro_rules! note {
    ($($part:tt)*) => { $crate::output::say("note", &format!($($part)*)) };
}

mod args;
mod ask;
mod bench;
mod bench_storage;
mod bounds;
mod check;
mod child;
mod dump;
mod explore;
mod files;
mod gallery;
mod matrix;
mod names;
mod output;
mod progress;
mod replay;
mod rules;
mod scope_from_args;
mod script;
mod storage_replay;
mod story;
mod table;
mod usage;
mod verify;
mod words;
mod worlds;
mod wrap;

use std::process::ExitCode;

use crate::args::Command;
use crate::usage::{Failure, one_line};

/// Exit status of a wrong usage, and of a command that could not do its work: 1 means *possible*.
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    let cli = match args::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) if !error.use_stderr() => {
            put_line!("{error}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            output::say_line(&one_line(&error));
            return ExitCode::from(EXIT_USAGE);
        }
    };
    match run(&cli.command) {
        Ok(status) => status,
        Err(failure) => {
            output::say("error", &failure.to_string());
            ExitCode::from(EXIT_USAGE)
        }
    }
}

fn run(command: &Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Ask(args) => ask::run(args),
        Command::Matrix(args) => matrix::run(args),
        Command::Check(args) => check::run(args),
        Command::Gallery(args) => gallery::run(args),
        Command::Replay(args) => replay::run(args),
        Command::Explore(args) => explore::run(args),
        Command::Bench(args) => bench::run(args),
        Command::Dump(args) => dump::run(args),
        Command::Verify(args) => verify::run(args),
    }
}
