//! What the command does when nobody reads it, when it is interrupted, and when it is given nothing.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn thymbra(words: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_thymbra"));
    command.args(words.split_whitespace()).stdin(Stdio::null());
    command
}

/// Exit status of a command, one of whose outputs nobody reads.
fn status_unread(words: &str, is_error: bool) -> Option<i32> {
    let mut child = thymbra(words)
        .stdout(if is_error { Stdio::null() } else { Stdio::piped() })
        .stderr(if is_error { Stdio::piped() } else { Stdio::null() })
        .spawn()
        .expect("the binary runs");
    drop((child.stdout.take(), child.stderr.take()));
    child.wait().expect("the command ends").code()
}

#[test]
fn nobody_needs_to_read_notes_and_errors() {
    let noted = "ask unavailable --rf 3 --nodes 1 --write ONE";
    assert_eq!(status_unread(noted, true), Some(0));
    assert_eq!(status_unread("ask zebra", true), Some(2));
    assert_eq!(status_unread("ask stale --down n9", true), Some(2));
}

#[test]
fn nobody_needs_to_read_an_answer() {
    for (words, status) in [
        ("ask stale --write ONE", 1),
        ("check tie", 0),
        ("gallery forget-hint", 0),
        ("ask worlds --rf 1 --write ONE", 0),
        ("ask --help", 0),
    ] {
        assert_eq!(status_unread(words, false), Some(status), "{words}");
    }
}

#[test]
fn script_without_a_step_is_refused_in_one_line() {
    let place = tempfile::tempdir().expect("a directory can be made");
    for text in ["", "# nothing\n", "cluster rf 3\nwrite ONE\n"] {
        let path = place.path().join("empty.script");
        std::fs::write(&path, text).expect("the file can be written");
        let output = thymbra("replay").arg(&path).output().expect("the binary runs");
        let line = String::from_utf8(output.stderr).expect("errors are UTF-8");
        assert_eq!(output.status.code(), Some(2), "{text:?} says {line}");
        assert!(
            line.starts_with("error: ") && line.contains("no step"),
            "{text:?} says {line}"
        );
        assert_eq!(line.lines().count(), 1, "{line}");
    }
}

/// Ends a child that a failed assertion leaves behind.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It has ended already if all went well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Process ids of the children of a process.
fn children(parent: u32) -> Vec<u32> {
    let path = format!("/proc/{parent}/task/{parent}/children");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().filter_map(|id| id.parse().ok()).collect()
}

/// Waits until something is so.
fn comes_true(is_so: impl Fn() -> bool) -> bool {
    const PATIENCE: Duration = Duration::from_secs(60);
    let begin = Instant::now();
    while !is_so() {
        if begin.elapsed() > PATIENCE {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    true
}

fn runs(id: u32) -> bool {
    // One that has ended and is not waited for has no command line any more.
    std::fs::read(format!("/proc/{id}/cmdline")).is_ok_and(|words| !words.is_empty())
}

/// A bench with a row under way in a child, and the id of that child.
fn bench_under_way(words: &str) -> (Ended, u32) {
    let bench = thymbra(words)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary runs");
    let bench = Ended(bench);
    let id = bench.0.id();
    assert!(comes_true(|| !children(id).is_empty()), "a row runs in a child");
    let child = children(id).first().copied().expect("just seen");
    (bench, child)
}

#[cfg(target_os = "linux")]
#[test]
fn interrupted_bench_takes_its_children_along() {
    for words in ["bench check --max-seconds 60", "bench storage --quick"] {
        let (mut bench, _) = bench_under_way(words);
        let id = bench.0.id();
        let sent = Command::new("kill").args(["-INT", &id.to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "the signal is sent");
        let begin = Instant::now();
        let status = bench.0.wait().expect("the bench ends");
        assert_eq!(status.code(), Some(1), "{words}");
        assert!(
            begin.elapsed() < Duration::from_secs(9),
            "{words}: its child was asked to end"
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn child_of_a_bench_that_is_killed_ends() {
    let (mut bench, child) = bench_under_way("bench check --max-seconds 60");
    bench.0.kill().expect("it runs");
    bench.0.wait().expect("it was killed");
    assert!(comes_true(|| !runs(child)), "process {child} outlives its parent");
}
