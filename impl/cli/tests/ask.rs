//! The command as a person runs it: verdicts, exit statuses, JSON, charts.

use std::process::{Command, Output};

use serde_json::Value;

fn thymbra(words: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_thymbra"))
        .args(words.split_whitespace())
        .output()
        .expect("the binary runs")
}

fn status(output: &Output) -> i32 {
    output.status.code().expect("the command ends by itself")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("answers are UTF-8")
}

fn json(words: &str) -> Value {
    let output = thymbra(&format!("{words} --json"));
    serde_json::from_str(&stdout(&output)).expect("the answer is JSON")
}

#[test]
fn one_and_quorum_can_miss_a_write() {
    let output = thymbra("ask stale --rf 3 --write ONE --read QUORUM");
    let text = stdout(&output);
    assert_eq!(status(&output), 1);
    let first = text.lines().next().expect("an answer has a first line");
    assert_eq!(
        first,
        "POSSIBLE: a read at QUORUM can miss a write acknowledged at ONE; shortest way 4 steps"
    );
    assert!(text.contains("\n  4. "), "{text}");
    assert!(text.contains("one cell of one partition"), "{text}");
}

#[test]
fn quorum_and_quorum_never_miss_a_write() {
    let output = thymbra("ask stale --rf 3 --write QUORUM");
    assert_eq!(status(&output), 0);
    assert!(stdout(&output).starts_with("NEVER: no read at QUORUM misses a write acknowledged at QUORUM\n"));
}

#[test]
fn write_at_all_with_a_node_down_tests_nothing() {
    let output = thymbra("ask stale --rf 3 --write ALL --read ONE --down 1");
    assert_eq!(status(&output), 3);
    let text = stdout(&output);
    assert!(text.starts_with("VACUOUS: "), "{text}");
    assert!(
        text.contains("a read began after a write was acknowledged"),
        "{text}"
    );
}

#[test]
fn limit_that_is_reached_leaves_the_answer_open() {
    let answer = json("ask non-linearizable --max-states 1000");
    assert_eq!(answer["verdict"], "unknown");
    assert!(
        answer["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("--max-states"))
    );
    assert_eq!(status(&thymbra("ask non-linearizable --max-states 1000")), 3);
}

#[test]
fn json_has_verdict_bounds_states_and_trace() {
    let answer = json("ask stale --rf 3 --write ONE --read ONE");
    assert_eq!(answer["verdict"], "possible");
    assert_eq!(answer["question"], "stale");
    assert_eq!(answer["depth"], 2);
    assert!(answer["states"]["generated"].as_u64() >= answer["states"]["distinct"].as_u64());
    assert!(answer["seconds"].is_number());
    assert!(answer["bounds"]["scope"]["datacenters"].is_array());
    let trace = answer["trace"].as_array().expect("a trace is a list");
    assert_eq!(trace.len(), 2);
    assert_eq!(trace[0]["action"], "write.w1.n1");
    assert!(
        trace
            .iter()
            .all(|step| step["say"].as_str().is_some_and(|say| say.ends_with('.')))
    );
}

#[test]
fn trace_of_an_answer_replays() {
    let directory = tempfile::tempdir().expect("a directory for the trace");
    let file = directory.path().join("stale.json");
    let answer = stdout(&thymbra("ask stale --write ONE --read ONE --down 1 --json"));
    std::fs::write(&file, &answer).expect("the trace is written");
    let replayed = thymbra(&format!("replay {}", file.display()));
    assert_eq!(status(&replayed), 0);
    assert!(stdout(&replayed).contains("n1 is down from the start."));
    let told = stdout(&thymbra(&format!("replay {} --json", file.display())));
    let (told, answer): (Value, Value) = (
        serde_json::from_str(&told).expect("JSON"),
        serde_json::from_str(&answer).expect("JSON"),
    );
    assert_eq!(told["trace"], answer["trace"]);
}

#[test]
fn impossible_step_is_named_with_the_nearest_possible_one() {
    let directory = tempfile::tempdir().expect("a directory for the trace");
    let file = directory.path().join("wrong.json");
    let answer = stdout(&thymbra("ask stale --write ONE --read ONE --json"));
    std::fs::write(&file, answer.replace("read.r1.n2.of-n2", "read.r1.n2.of-n9"))
        .expect("the trace is written");
    let replayed = thymbra(&format!("replay {}", file.display()));
    assert_eq!(status(&replayed), 2);
    let told = String::from_utf8(replayed.stderr).expect("errors are UTF-8");
    assert!(
        told.contains("step 2") && told.contains("did you mean read.r1.n2.of-"),
        "{told}"
    );
}

#[test]
fn charts_are_written_where_asked() {
    let directory = tempfile::tempdir().expect("a directory for the charts");
    let (svg, mermaid) = (directory.path().join("a.svg"), directory.path().join("a.mmd"));
    let words = format!(
        "ask stale --write ONE --svg {} --mermaid {}",
        svg.display(),
        mermaid.display()
    );
    assert_eq!(status(&thymbra(&words)), 1);
    assert!(
        std::fs::read_to_string(svg)
            .expect("the chart is there")
            .starts_with("<svg")
    );
    assert!(
        std::fs::read_to_string(mermaid)
            .expect("the chart is there")
            .contains("sequenceDiagram")
    );
}

#[test]
fn worlds_are_a_table_with_a_way_to_each() {
    let output = thymbra("ask worlds --rf 1 --nodes 2 --write ONE --down n1");
    assert_eq!(status(&output), 0);
    assert!(
        stdout(&output).contains("w1 Unavailable, 0 of 1 alive"),
        "{}",
        stdout(&output)
    );
    let answer = json("ask worlds --rf 2 --nodes 3 --write ONE --lose 1");
    assert_eq!(answer["verdict"], "table");
    let worlds = answer["worlds"].as_array().expect("worlds are a list");
    assert!(worlds.len() > 1);
    assert!(
        worlds
            .iter()
            .all(|world| !world["trace"].as_array().expect("a way").is_empty())
    );
}

#[test]
fn hint_alone_acknowledges_at_any_while_a_replica_is_down() {
    // Two replicas are up: a read at TWO asks both, and the coordinator's own copy is still on its way to its disk.
    assert_eq!(
        json("ask stale --rf 3 --down 1 --write ANY --read TWO")["verdict"],
        "possible"
    );
    assert_eq!(
        json("ask stale --rf 3 --down 1 --write ONE --read TWO")["verdict"],
        "never"
    );
}

#[test]
fn matrix_is_stale_where_replica_sets_can_miss_each_other() {
    let matrix = json("matrix --rf 3");
    let copies = |level: &Value| match level.as_str().expect("a level has a name") {
        // A hint acknowledges when the time is up.
        "ANY" => 0,
        "ONE" => 1,
        "TWO" | "QUORUM" => 2,
        "THREE" | "ALL" => 3,
        other => panic!("{other} is not in this matrix"),
    };
    let cells = matrix["stale"].as_array().expect("cells are a list");
    assert_eq!(cells.len(), 6 * 5);
    for cell in cells {
        let is_stale = copies(&cell["write"]) + copies(&cell["read"]) <= 3;
        let expected = if is_stale { "possible" } else { "never" };
        assert_eq!(cell["stale"], expected, "{cell}");
    }
}
