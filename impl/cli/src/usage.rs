//! What a person can get wrong, each as one line that says what is wrong and what would be right.

use clap::error::ErrorKind;
use thymbra_checker::scope::ScopeError;
use thymbra_protocol::ConsistencyLevel;

/// A command that cannot be run as it was given.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Usage {
    /// A level that needs data centres, and none is named.
    #[error("{0} asks about data centres, and --rf names none; name them: --dc dc1:3 --dc dc2:3")]
    NoDatacenter(ConsistencyLevel),
    /// RF and data centres at once.
    #[error("--rf and --dc exclude each other; give the RF of each data centre: --dc dc1:3 --dc dc2:3")]
    TwoTopologies,
    /// `--nodes` with data centres.
    #[error(
        "--nodes goes with --rf; give the nodes of a data centre as --dc NAME:RF:NODES, as in --dc dc1:3:4"
    )]
    NodesWithDatacenters,
    /// RF 0 everywhere.
    #[error("an RF of 0 keeps no copy at all; give --rf 1 or more")]
    NoReplica,
    /// No node.
    #[error("a cluster needs at least one node; give --nodes 1 or more")]
    NoNode,
    /// Two data centres of one name.
    #[error("{0} is given twice; data centres need different names: --dc dc1:3 --dc dc2:3")]
    DatacenterTwice(String),
    /// A node that does not exist.
    #[error("{name} is no node of this cluster; its nodes are {nodes}")]
    UnknownNode {
        /// What was given.
        name: String,
        /// What there is.
        nodes: String,
    },
    /// Neither a number nor nodes nor a data centre.
    #[error("--down {given}: not a number, a node ({nodes}) or a data centre ({datacenters})")]
    UnknownDown {
        /// What was given.
        given: String,
        /// Nodes there are.
        nodes: String,
        /// Data centres there are.
        datacenters: String,
    },
    /// A node named twice.
    #[error("{node} is named twice in --down {given}; name each node once")]
    DownTwice {
        /// Which.
        node: String,
        /// What was given.
        given: String,
    },
    /// Nobody asks for anything.
    #[error("no write and no read to look at; give --writes 1 or --reads 1")]
    NoOperation,
    /// The scope is not possible.
    #[error("{0}")]
    Scope(#[from] ScopeError),
    /// Rules of no known name.
    #[error("no rules are called {given}; {advice}")]
    UnknownRules {
        /// What was given.
        given: String,
        /// What would be right.
        advice: String,
    },
    /// A configuration or gallery entry of no known name.
    #[error("no {kind} is called {given}; {advice}")]
    UnknownRun {
        /// Configuration or gallery entry.
        kind: &'static str,
        /// What was given.
        given: String,
        /// What would be right.
        advice: String,
    },
    /// An address that cannot be listened on.
    #[error("{address} cannot be used: {source}; choose another with --port")]
    Address {
        /// Which.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// A trace that is none.
    #[error("{path} is no answer of `thymbra ask --json`: {reason}")]
    NoTrace {
        /// Which file.
        path: String,
        /// Why.
        reason: String,
    },
    /// A script that is no text file.
    #[error("{path}: {source}")]
    NoScript {
        /// Which file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A script that cannot be understood or run.
    #[error("{path}: {error}")]
    Script {
        /// Which file.
        path: String,
        /// What is wrong with it.
        error: thymbra_checker::script::ScriptError,
    },
    /// A script in which nothing happens and nothing is claimed.
    #[error("{0} has no step; write actions and claims below its bounds, as in write.w1.n1 and > w1 SUCCESS")]
    EmptyScript(String),
    /// An action that is not possible at its place in a trace.
    #[error("step {number} is not possible: {reason}")]
    ImpossibleStep {
        /// Counted from 1.
        number: usize,
        /// Why, or what is possible.
        reason: String,
    },
    /// An option of one bench given to the other.
    #[error("{0} goes with bench storage: thymbra bench storage {0}")]
    StorageOnly(&'static str),
    /// An initial state that does not exist.
    #[error("the trace begins in initial state {0}, and its scope has {1}")]
    NoSuchStart(usize, usize),
}

/// A command that was right and did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// It was not right after all.
    #[error(transparent)]
    Usage(#[from] Usage),
    /// A file that cannot be written or read.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// An engine of `bench storage` that failed.
    #[error("{name}: {source}")]
    Engine {
        /// Which.
        name: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A trace of a question that there is not.
    #[error("{0}")]
    Question(String),
    /// JSON that is no answer, or an answer that has no JSON form.
    #[error("the JSON of an answer is wrong: {0}")]
    Json(#[from] serde_json::Error),
}

impl From<ScopeError> for Failure {
    fn from(error: ScopeError) -> Self {
        Self::Usage(Usage::Scope(error))
    }
}

/// An error of the argument parser in one line: its reason, the values there are, its advice.
pub(crate) fn one_line(error: &clap::Error) -> String {
    let line = joined(error);
    let kind = error.kind();
    let advice = match (
        kind == ErrorKind::InvalidSubcommand && !line.contains("tip:"),
        kind == ErrorKind::MissingRequiredArgument && line.contains("<QUESTION>"),
    ) {
        (true, _) => "; commands are ask, matrix, check, gallery, replay, explore, bench, dump, verify",
        (false, true) => {
            "; ask stale, non-monotonic, non-linearizable, lost, unavailable, timeout, diverge, overwritten or worlds"
        }
        (false, false) => "",
    };
    line + advice
}

fn joined(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let mut line = String::new();
    for part in text.lines().map(str::trim) {
        if part.starts_with("Usage:") || part.starts_with("For more information") {
            break;
        }
        match (part.is_empty(), line.is_empty(), line.ends_with(':')) {
            (true, _, _) => {}
            (false, true, _) => line.push_str(part),
            (false, false, true) => {
                line.push(' ');
                line.push_str(part);
            }
            (false, false, false) => {
                line.push_str("; ");
                line.push_str(part);
            }
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::one_line;
    use crate::args::Cli;

    fn refused(words: &[&str]) -> String {
        let error = Cli::try_parse_from(words).expect_err("these words are wrong");
        one_line(&error)
    }

    #[test]
    fn parser_errors_fit_on_one_line() {
        for words in [
            &["thymbra", "ask"][..],
            &["thymbra", "ask", "stale", "--sync", "never"],
            &["thymbra", "ask", "stale", "--colour"],
            &["thymbra", "aks"],
        ] {
            let line = refused(words);
            assert!(line.starts_with("error: "), "{line}");
            assert_eq!(line.lines().count(), 1, "{line}");
        }
    }

    #[test]
    fn parser_errors_keep_the_values_there_are() {
        let line = refused(&["thymbra", "ask", "stale", "--sync", "never"]);
        assert!(line.contains("periodic, batch, group"), "{line}");
    }
}
