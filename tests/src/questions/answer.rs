//! The command, built once and run with `--json`; what it answered.
//!
//! Second step of the check of questions. Chapter: `specs/questions/README.md`.

use std::io;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::repository;

/// The command `thymbra`, ready to run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Thymbra {
    binary: PathBuf,
}

/// What the command answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Exit status; absent if it was killed.
    pub status: Option<i32>,
    /// What it printed with `--json`.
    pub json: Value,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum AskError {
    /// A process could not be started.
    Start(io::Error),
    /// The command could not be built; what cargo says.
    Build(String),
    /// What was printed is no JSON; what was said instead.
    NoJson(String),
}

impl core::fmt::Display for AskError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Start(error) => write!(formatter, "cannot be started: {error}"),
            Self::Build(said) => write!(formatter, "cannot be built: {said}"),
            Self::NoJson(said) => write!(formatter, "gave no answer: {said}"),
        }
    }
}

impl Thymbra {
    /// Builds the command. A test run of the whole workspace has built it already with the same features, since the
    /// integration test `ask` of its package runs it; nothing is compiled then.
    ///
    /// # Errors
    /// Why it cannot be built.
    pub fn build() -> Result<Self, AskError> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.current_dir(repository::root()).args([
            "test",
            "--no-run",
            "--quiet",
            "--workspace",
            "--test",
            "ask",
            "--message-format",
            "json",
        ]);
        if !cfg!(debug_assertions) {
            command.arg("--release");
        }
        let output = command.output().map_err(AskError::Start)?;
        let printed = String::from_utf8_lossy(&output.stdout);
        let binary = printed
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|message| message["target"]["name"] == "thymbra" && message["profile"]["test"] == false)
            .find_map(|message| message["executable"].as_str().map(PathBuf::from));
        match (output.status.success(), binary) {
            (true, Some(binary)) => Ok(Self { binary }),
            _ => Err(AskError::Build(
                String::from_utf8_lossy(&output.stderr).into_owned(),
            )),
        }
    }

    /// Runs the command with these arguments and `--json`.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn ask(&self, words: &str) -> Result<Answer, AskError> {
        let output = Command::new(&self.binary)
            .args(words.split_whitespace())
            .arg("--json")
            .output()
            .map_err(AskError::Start)?;
        let json = serde_json::from_slice(&output.stdout)
            .map_err(|_| AskError::NoJson(String::from_utf8_lossy(&output.stderr).trim().to_owned()))?;
        Ok(Answer {
            status: output.status.code(),
            json,
        })
    }
}

impl Answer {
    /// The word of the verdict; empty if there is none. The tables of `matrix` have none of their own.
    #[must_use]
    pub fn verdict(&self) -> &str {
        match self.json["verdict"].as_str() {
            Some(verdict) => verdict,
            None if self.json["writes"].is_array() => "table",
            None => "",
        }
    }

    /// Steps of the shortest trace, the premise that was not met, or `none`, as the file says it.
    #[must_use]
    pub fn witness(&self) -> String {
        match self.verdict() {
            "possible" => self.actions().len().to_string(),
            "vacuous" => self.json["reason"].as_str().unwrap_or("").to_owned(),
            _ => "none".to_owned(),
        }
    }

    /// Names of the actions of the shortest trace.
    #[must_use]
    pub fn actions(&self) -> Vec<&str> {
        names(&self.json["trace"])
    }
}

/// Names of the actions of a trace.
#[must_use]
pub(super) fn names(trace: &Value) -> Vec<&str> {
    let steps = trace.as_array().map_or(&[][..], Vec::as_slice);
    steps.iter().filter_map(|step| step["action"].as_str()).collect()
}
