//! Ties the rules of `specs/` to the code that implements them and to the checks that bite.
//!
//! `rule` reads the book, `citation` reads sources and scripts, `judge` says what does not fit, `page` writes
//! `specs/traceability.md`. The form of rules and citations is described in `specs/README.md`.

mod citation;
mod judge;
mod page;
mod rule;

pub use citation::{Citation, CitationKind, citations_of_rust, citations_of_script};
pub use judge::{Finding, judge};
pub use page::page;
pub use rule::{Rule, RuleId, Status, rules_of_chapter};

use crate::repository::SourceFile;

/// The book and everything that cites it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Survey {
    /// Rules in the order of the chapters.
    pub rules: Vec<Rule>,
    /// Citations in the order of the files.
    pub citations: Vec<Citation>,
    /// What could not be read.
    pub findings: Vec<Finding>,
}

/// Reads rules from the chapters, and citations from sources and scripts.
#[must_use]
pub fn survey(files: &[SourceFile]) -> Survey {
    let mut survey = Survey::default();
    for file in files {
        let is_chapter = file
            .path
            .strip_prefix("specs/")
            .is_some_and(|name| !name.contains('/'));
        let findings = match (file.extension(), is_chapter) {
            ("md", true) => {
                let (rules, findings) = rules_of_chapter(&file.path, &file.text);
                survey.rules.extend(rules);
                findings
            }
            ("rs", _) => {
                let (citations, findings) = citations_of_rust(&file.path, &file.text);
                survey.citations.extend(citations);
                findings
            }
            ("script" | "txt", _) => {
                let (citations, findings) = citations_of_script(&file.path, &file.text);
                survey.citations.extend(citations);
                findings
            }
            _ => Vec::new(),
        };
        survey.findings.extend(findings);
    }
    survey
}
