//! The same program once more, as a child that measures one row of a bench, so that memory and CPU time are its alone.
//!
//! A child ends with its parent: it watches its standard input, which the parent holds open and nobody writes to. The
//! end of it, because the parent was interrupted or is gone, is an interruption of the child.

use core::time::Duration;
use std::io::{self, Read as _};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Instant;

use crate::progress::{interrupt, is_interrupted};

/// Set in the environment of a child.
const IS_CHILD: &str = "THYMBRA_BENCH_CHILD";
/// Time between two looks at a child.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// How long a child may take to end after Ctrl-C.
const PATIENCE: Duration = Duration::from_secs(10);

/// Lets this process be interrupted when its parent is, or is gone; nothing for a process that is no child.
pub(crate) fn end_with_parent() {
    if std::env::var_os(IS_CHILD).is_none() {
        return;
    }
    thread::spawn(|| {
        // Nothing is ever written: this returns when the parent's end is closed.
        let _ = io::stdin().read_to_end(&mut Vec::new());
        interrupt();
    });
}

/// This program with these words, as a child.
pub(crate) fn command(words: &[&str]) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(words);
    Ok(command)
}

/// Waits for a child. After Ctrl-C it is asked to end; one that takes long is ended, and there is no output.
pub(crate) fn output(command: &mut Command) -> io::Result<Option<Output>> {
    let mut child = command
        .env(IS_CHILD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()?;
    let mut interrupted: Option<Instant> = None;
    // What a child prints fits into the pipe, so it never waits for this reader.
    while child.try_wait()?.is_none() {
        if is_interrupted() {
            drop(child.stdin.take());
            if interrupted.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
                child.kill()?;
                child.wait()?;
                return Ok(None);
            }
        }
        thread::sleep(POLL_INTERVAL);
    }
    child.wait_with_output().map(Some)
}
