//! The command line is consistent, and every example of the help is right.

use clap::CommandFactory as _;

use super::*;
use crate::scope_from_args::scope;

/// Lines of all help texts that begin with the command.
fn examples() -> Vec<String> {
    let texts = [
        EXAMPLES,
        ASK_EXAMPLES,
        MATRIX_EXAMPLES,
        CHECK_EXAMPLES,
        GALLERY_EXAMPLES,
        REPLAY_EXAMPLES,
        EXPLORE_EXAMPLES,
    ];
    let lines = texts.into_iter().flat_map(str::lines).map(str::trim);
    lines
        .filter_map(|line| line.split(['|', '>']).next())
        .filter(|line| line.starts_with("thymbra "))
        .map(str::to_owned)
        .collect()
}

#[test]
fn command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn examples_of_the_help_are_right() {
    let examples = examples();
    assert!(examples.len() > 15);
    for example in examples {
        let cli = Cli::try_parse_from(example.split_whitespace()).expect("an example parses");
        let bounds = match &cli.command {
            Command::Ask(args) => scope(&args.run, args.question.code()),
            Command::Matrix(args) => scope(&args.run, "stale"),
            Command::Explore(args) => scope(&args.run, args.question.code()),
            Command::Check(_)
            | Command::Gallery(_)
            | Command::Replay(_)
            | Command::Bench(_)
            | Command::Dump(_)
            | Command::Verify(_) => continue,
        };
        assert!(bounds.is_ok(), "{example}");
    }
}
