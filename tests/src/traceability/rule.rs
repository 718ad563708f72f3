//! A rule of the book, as its chapter writes it.
//!
//! First half of the survey. The form is described in `specs/README.md`.

use super::Finding;
use crate::markdown::prose_lines;

/// The name of a rule, `WP-XX-NN`: never reused, never renumbered.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RuleId(String);

impl RuleId {
    /// Length of every id, bytes.
    const LENGTH: usize = "WP-XX-NN".len();

    /// The id that `text` consists of.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (book, chapter, number) = (parts.next()?, parts.next()?, parts.next()?);
        let is_id = book == "WP"
            && chapter.len() == 2
            && chapter.chars().all(|letter| letter.is_ascii_uppercase())
            && number.len() == 2
            && number.chars().all(|digit| digit.is_ascii_digit())
            && parts.next().is_none();
        is_id.then(|| Self(text.to_owned()))
    }

    /// The id that `text` begins with, before a blank or its end.
    #[must_use]
    pub fn at_start_of(text: &str) -> Option<Self> {
        let id = Self::parse(text.get(..Self::LENGTH)?)?;
        let rest = text.get(Self::LENGTH..)?;
        (rest.is_empty() || rest.starts_with(' ')).then_some(id)
    }

    /// The two letters of its chapter.
    #[must_use]
    pub fn chapter(&self) -> &str {
        self.0.get(3..5).unwrap_or("")
    }
}

impl std::fmt::Display for RuleId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// How far a rule holds today.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Status {
    /// Code implements it and a check bites.
    Enforced,
    /// It is not built yet; with the reason.
    Planned(String),
    /// It is left aside on purpose; with the reason.
    Exception(String),
    /// The chapter gives none, or one that is not known.
    Unreadable(String),
}

/// One rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rule {
    /// Its name.
    pub id: RuleId,
    /// Its heading after the id: the claim as one sentence.
    pub claim: String,
    /// How far it holds today.
    pub status: Status,
    /// Rules that a guarantee rests on (chapter GU): they stand for its implementation.
    pub rests_on: Vec<RuleId>,
    /// It says which code change its check must catch.
    pub has_fault: bool,
    /// It says where it was read.
    pub has_source: bool,
    /// The chapter, relative to the repository.
    pub file: String,
    /// The line of its heading, from 1.
    pub line: usize,
}

/// Reads the rules of a chapter. What stands in a fenced block is an example.
#[must_use]
pub fn rules_of_chapter(file: &str, text: &str) -> (Vec<Rule>, Vec<Finding>) {
    let mut rules: Vec<Rule> = Vec::new();
    let mut findings = Vec::new();
    let mut is_in_rule = false;
    for (number, line) in prose_lines(text) {
        if let Some(heading) = line.strip_prefix("### ") {
            is_in_rule = false;
            match heading
                .split_once(": ")
                .map(|(id, claim)| (RuleId::parse(id), claim))
            {
                Some((Some(id), claim)) => {
                    is_in_rule = true;
                    rules.push(new_rule(id, claim, file, number));
                }
                Some((None, _)) | None if heading.starts_with("WP-") => {
                    findings.push(Finding::Malformed {
                        file: file.to_owned(),
                        line: number,
                    });
                }
                Some((None, _)) | None => {}
            }
        } else if line.starts_with('#') {
            is_in_rule = false;
        } else if let (true, Some(rule)) = (is_in_rule, rules.last_mut()) {
            read_line(rule, line);
        }
    }
    (rules, findings)
}

fn new_rule(id: RuleId, claim: &str, file: &str, line: usize) -> Rule {
    Rule {
        id,
        claim: claim.trim().to_owned(),
        status: Status::Unreadable(String::new()),
        rests_on: Vec::new(),
        has_fault: false,
        has_source: false,
        file: file.to_owned(),
        line,
    }
}

fn read_line(rule: &mut Rule, line: &str) {
    match line.split_once(':') {
        Some(("Status", text)) => rule.status = status(text.trim()),
        Some(("Fault", text)) => rule.has_fault = !text.trim().is_empty(),
        Some(("Source", text)) => rule.has_source = !text.trim().is_empty(),
        Some(("Rests on", text)) => {
            let names = text.split(',').map(|name| name.trim().trim_end_matches('.'));
            rule.rests_on = names.filter_map(RuleId::parse).collect();
        }
        Some(_) | None => {}
    }
}

fn status(text: &str) -> Status {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let reason = rest
        .trim()
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'))
        .unwrap_or("")
        .trim();
    match word {
        "enforced" if rest.is_empty() => Status::Enforced,
        "planned" => Status::Planned(reason.to_owned()),
        "exception" => Status::Exception(reason.to_owned()),
        _ => Status::Unreadable(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_has_two_letters_and_two_digits() {
        assert!(RuleId::parse("WP-CO-07").is_some());
        for text in [
            "WP-CO-7",
            "WP-co-07",
            "WP-CO-007",
            "XX-CO-07",
            "WP-CO-07-1",
            "WP-CO",
        ] {
            assert_eq!(RuleId::parse(text), None, "{text}");
        }
        assert_eq!(
            RuleId::at_start_of("WP-CO-07 pending counts"),
            RuleId::parse("WP-CO-07")
        );
        assert_eq!(RuleId::at_start_of("WP-CO-070 pending counts"), None);
    }

    #[test]
    fn rule_is_read_with_its_parts() {
        let text = "# C\n### WP-CO-07: Pending counts\nStatus: enforced\n\nText.\nSource: A.b\nFault: x\nRests on: WP-CO-01, WP-CO-02.\n";
        let (rules, findings) = rules_of_chapter("specs/c.md", text);
        assert_eq!(findings, []);
        assert_eq!(rules.len(), 1);
        let rule = &rules[0];
        assert_eq!(
            (rule.claim.as_str(), rule.line, &rule.status),
            ("Pending counts", 2, &Status::Enforced)
        );
        assert!(rule.has_fault && rule.has_source);
        assert_eq!(rule.rests_on.len(), 2);
    }

    #[test]
    fn reason_stands_in_parentheses() {
        assert_eq!(
            status("planned (needs the server)"),
            Status::Planned("needs the server".to_owned())
        );
        assert_eq!(status("exception"), Status::Exception(String::new()));
        assert_eq!(status("done"), Status::Unreadable("done".to_owned()));
    }

    #[test]
    fn rule_in_a_fenced_block_is_an_example() {
        let text = "```\n### WP-CO-07: Pending counts\nStatus: enforced\n```\n";
        assert_eq!(rules_of_chapter("specs/c.md", text), (vec![], vec![]));
    }

    #[test]
    fn heading_with_a_bad_id_is_malformed() {
        let (rules, findings) = rules_of_chapter("specs/c.md", "### WP-CO-7: Short\n");
        assert_eq!(rules, []);
        assert_eq!(
            findings,
            [Finding::Malformed {
                file: "specs/c.md".to_owned(),
                line: 1
            }]
        );
    }
}
