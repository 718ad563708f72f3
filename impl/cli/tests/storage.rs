//! The command over the model of one node's storage: a run, a bug, and the bug's story replayed.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

fn command(words: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_thymbra"));
    command.args(words.split_whitespace());
    command
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("answers are UTF-8")
}

fn replay(text: &str) -> Output {
    let mut child = command("replay -")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(text.as_bytes()).expect("it is read");
    drop(stdin);
    child.wait_with_output().expect("the command ends")
}

#[test]
fn run_of_one_nodes_storage_stands_in_the_table() {
    let output = command("check log-rot").output().expect("the binary runs");
    let text = stdout(&output);
    assert!(output.status.success());
    assert!(text.contains("log-rot"), "{text}");
    assert!(text.contains("1 of 1 as expected"), "{text}");
}

#[test]
fn story_of_a_storage_bug_replays_as_it_was_printed() {
    let output = command("gallery cassandra-9669")
        .output()
        .expect("the binary runs");
    let told = stdout(&output);
    assert!(output.status.success());
    let story = |text: &str| -> Vec<String> {
        let lines = text
            .lines()
            .skip_while(|line| !line.trim_start().starts_with("1. "));
        lines
            .take_while(|line| !line.contains("as expected"))
            .map(|line| line.trim().to_owned())
            .filter(|line| !line.is_empty())
            .collect()
    };
    let again = replay(&told);
    assert!(again.status.success());
    assert_eq!(story(&stdout(&again)), story(&told));
    assert!(story(&told).len() > 8, "{told}");
}

#[test]
fn step_that_is_not_possible_is_refused_with_what_is() {
    let output = replay("CASSANDRA-9669\n 1. append.w2\n");
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).expect("errors are UTF-8");
    assert!(error.contains("append.w1"), "{error}");
    assert_eq!(replay("CASSANDRA-9669\n").status.code(), Some(2));
}
