//! Wrong usage: exit status 2, nothing on standard output, and one line that says what would be right.

use std::process::Command;

/// A wrong command and what its line must contain.
const WRONG: &[(&str, &[&str])] = &[
    ("ask", &["<QUESTION>", "stale"]),
    ("ask stail", &["did you mean stale?"]),
    ("ask zebra", &["non-monotonic", "worlds"]),
    ("ask stale --write QURUM", &["did you mean QUORUM?"]),
    ("ask stale --write SERIAL", &["lightweight transaction", "QUORUM"]),
    (
        "ask stale --write LOCAL_SERIAL",
        &["lightweight transaction", "QUORUM"],
    ),
    ("ask stale --read ANY", &["for writes only", "ONE"]),
    ("ask stale --read SERIAL", &["not modelled"]),
    ("ask stale --read LOCAL_QUORUM", &["--dc dc1:3 --dc dc2:3"]),
    ("ask stale --write EACH_QUORUM", &["--dc dc1:3 --dc dc2:3"]),
    ("ask stale --rf 3 --down 4", &["4 nodes down", "3"]),
    ("ask stale --rf 3 --down n4", &["n1 to n3"]),
    ("ask stale --rf 3 --down n1,n1", &["n1 is named twice", "once"]),
    (
        "ask stale --dc east:1 --dc west:1 --down east,n1",
        &["n1 is named twice"],
    ),
    ("ask stale --no-hints-for dc9", &["dc9", "hints"]),
    ("ask stale --max-seconds -1", &["--max-seconds", "as in 60"]),
    ("check --max-states -1", &["--max-states", "20M"]),
    ("ask stale --crash -1", &["--crash", "0..=255"]),
    ("ask stale --dc east:1 --dc west:1 --down north", &["east, west"]),
    ("ask stale --coordinator n7", &["n1 to n3"]),
    ("ask stale --rf 0", &["--rf 1"]),
    ("ask stale --nodes 0", &["--nodes 1"]),
    ("ask stale --nodes 40", &["at most 16"]),
    ("ask stale --writes 9 --reads 9", &["at most 12"]),
    ("ask stale --writes 0 --reads 0", &["--writes 1"]),
    ("ask stale --dc dc1", &["NAME:RF"]),
    ("ask stale --dc dc1:three", &["NAME:RF"]),
    ("ask stale --dc dc1:3 --dc dc1:3", &["twice"]),
    ("ask stale --dc dc1:3 --rf 3", &["exclude each other"]),
    ("ask stale --dc dc1:3 --nodes 4", &["NAME:RF:NODES"]),
    ("ask stale --sync sometimes", &["periodic, batch, group"]),
    ("ask stale --partition always", &["forever"]),
    ("ask stale --crash 300", &["255"]),
    ("ask stale --crash many", &["many"]),
    (
        "ask stale --rules CASSANDRA-2035",
        &["did you mean CASSANDRA-2034?"],
    ),
    ("ask stale --max-memory 4", &["4G"]),
    ("ask stale --wrte ONE", &["--write"]),
    ("tell", &["ask", "matrix"]),
    ("bench check --quick", &["bench storage --quick"]),
    ("check quorum-hintd", &["did you mean quorum-hinted?"]),
    ("gallery CASSANDRA-2035", &["did you mean CASSANDRA-2034?"]),
];

#[test]
fn wrong_usage_is_one_line_that_says_what_would_be_right() {
    for (words, needed) in WRONG {
        // What is taken for right by mistake ends soon, and fails here.
        let limit: &[&str] = if words.starts_with("ask stale ") {
            &["--max-states", "1000"]
        } else {
            &[]
        };
        let output = Command::new(env!("CARGO_BIN_EXE_thymbra"))
            .args(words.split_whitespace())
            .args(limit)
            .output()
            .expect("the binary runs");
        let line = String::from_utf8(output.stderr).expect("errors are UTF-8");
        assert_eq!(output.status.code(), Some(2), "`{words}` says {line}");
        assert_eq!(line.trim_end().lines().count(), 1, "`{words}` says {line}");
        assert!(line.starts_with("error: "), "`{words}` says {line}");
        assert!(output.stdout.is_empty(), "`{words}` prints an answer");
        for word in *needed {
            assert!(line.contains(word), "`{words}` says {line}, not {word}");
        }
    }
}

#[test]
fn rf_above_the_nodes_is_answered_with_a_note() {
    let output = Command::new(env!("CARGO_BIN_EXE_thymbra"))
        .args("ask unavailable --rf 3 --nodes 1 --write ONE".split(' '))
        .output()
        .expect("the binary runs");
    let note = String::from_utf8(output.stderr).expect("notes are UTF-8");
    assert_eq!(output.status.code(), Some(0), "{note}");
    assert!(
        note.starts_with("note: RF 3 asks for more copies than there are nodes"),
        "{note}"
    );
}
