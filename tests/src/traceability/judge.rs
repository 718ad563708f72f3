//! Says what does not fit between the rules and their citations.
//!
//! Last step of the survey. Each kind of finding is a way in which the book could lie; the form is described in
//! `specs/README.md`.

use std::collections::{BTreeMap, BTreeSet};

use super::{Citation, CitationKind, Rule, RuleId, Status, Survey};

/// The chapter whose rules follow from others: it is checked, not implemented.
const GUARANTEES: &str = "GU";

/// One thing that does not fit.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Finding {
    /// Two headings have the same id.
    DefinedTwice {
        /// The id.
        rule: RuleId,
        /// The second chapter.
        file: String,
        /// Its line, from 1.
        line: usize,
    },
    /// A heading or a citation that cannot be read.
    Malformed {
        /// The file.
        file: String,
        /// Its line, from 1.
        line: usize,
    },
    /// A citation names a rule that no chapter has.
    UnknownRule {
        /// The id.
        rule: RuleId,
        /// The file that cites.
        file: String,
        /// Its line, from 1.
        line: usize,
    },
    /// An enforced rule that nothing implements.
    NotImplemented(RuleId),
    /// An enforced rule that nothing checks.
    NotChecked(RuleId),
    /// A rule that is planned or an exception, and implemented all the same.
    StaleStatus {
        /// The id.
        rule: RuleId,
        /// The file that cites.
        file: String,
        /// Its line, from 1.
        line: usize,
    },
    /// A planned rule or an exception that does not say why.
    NoReason(RuleId),
    /// A status that is missing or not known.
    UnreadableStatus(RuleId),
    /// A check that stands at something that is neither a test nor a property.
    CheckOfNothing {
        /// The id.
        rule: RuleId,
        /// The file that cites.
        file: String,
        /// Its line, from 1.
        line: usize,
    },
    /// A check that stands at an ignored test.
    IgnoredCheck {
        /// The id.
        rule: RuleId,
        /// The file that cites.
        file: String,
        /// Its line, from 1.
        line: usize,
    },
    /// A property of the checker whose name does not begin with a rule.
    PropertyWithoutRule {
        /// The file.
        file: String,
        /// Its line, from 1.
        line: usize,
        /// Its name.
        name: String,
    },
    /// An enforced rule that does not say what its check must catch.
    NoFault(RuleId),
    /// An enforced rule that does not say where it was read.
    NoSource(RuleId),
    /// A guarantee rests on a rule that does not hold today.
    RestsOnNothing {
        /// The guarantee.
        rule: RuleId,
        /// What it rests on.
        on: RuleId,
    },
}

impl std::fmt::Display for Finding {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::DefinedTwice { rule, file, line } => {
                write!(formatter, "{file}:{line}: {rule} is defined a second time")
            }
            Self::Malformed { file, line } => {
                write!(formatter, "{file}:{line}: not the form of a rule or citation")
            }
            Self::UnknownRule { rule, file, line } => {
                write!(formatter, "{file}:{line}: no chapter has {rule}")
            }
            Self::NotImplemented(rule) => write!(formatter, "{rule} is enforced and nothing implements it"),
            Self::NotChecked(rule) => write!(formatter, "{rule} is enforced and nothing checks it"),
            Self::StaleStatus { rule, file, line } => {
                write!(
                    formatter,
                    "{file}:{line}: {rule} is implemented here, but not enforced in its chapter"
                )
            }
            Self::NoReason(rule) => write!(formatter, "{rule} does not say why it is not enforced"),
            Self::UnreadableStatus(rule) => write!(formatter, "{rule} has no status that is known"),
            Self::CheckOfNothing { rule, file, line } => {
                write!(
                    formatter,
                    "{file}:{line}: the check of {rule} is neither a test nor a property"
                )
            }
            Self::IgnoredCheck { rule, file, line } => {
                write!(formatter, "{file}:{line}: the check of {rule} is ignored")
            }
            Self::PropertyWithoutRule { file, line, name } => {
                write!(
                    formatter,
                    "{file}:{line}: property \"{name}\" does not begin with a rule"
                )
            }
            Self::NoFault(rule) => write!(formatter, "{rule} names no fault that its check must catch"),
            Self::NoSource(rule) => write!(formatter, "{rule} names no source"),
            Self::RestsOnNothing { rule, on } => {
                write!(formatter, "{rule} rests on {on}, which is not enforced")
            }
        }
    }
}

/// Everything that does not fit, sorted.
#[must_use]
pub fn judge(survey: &Survey) -> Vec<Finding> {
    let mut findings: BTreeSet<Finding> = survey.findings.iter().cloned().collect();
    let mut rules: BTreeMap<&RuleId, &Rule> = BTreeMap::new();
    for rule in &survey.rules {
        if rules.insert(&rule.id, rule).is_some() {
            let (file, line) = (rule.file.clone(), rule.line);
            findings.insert(Finding::DefinedTwice {
                rule: rule.id.clone(),
                file,
                line,
            });
        }
    }
    for citation in &survey.citations {
        findings.extend(judge_citation(citation, rules.get(&citation.rule).copied()));
    }
    for rule in rules.values() {
        let cited = |kind| {
            survey
                .citations
                .iter()
                .any(|citation| citation.rule == rule.id && citation.kind == kind)
        };
        let is_implemented = cited(CitationKind::Implementation);
        findings.extend(judge_rule(
            rule,
            &rules,
            is_implemented,
            cited(CitationKind::Check),
        ));
    }
    findings.into_iter().collect()
}

fn judge_citation(citation: &Citation, rule: Option<&Rule>) -> Option<Finding> {
    let Citation {
        rule: id,
        kind,
        file,
        line,
        ..
    } = citation;
    let (id, file, line) = (id.clone(), file.clone(), *line);
    let is_enforced = rule.map(|rule| rule.status == Status::Enforced);
    match (is_enforced, kind) {
        (None, _) => Some(Finding::UnknownRule { rule: id, file, line }),
        (Some(false), CitationKind::Implementation) => Some(Finding::StaleStatus { rule: id, file, line }),
        (Some(_), CitationKind::CheckOfNothing) => Some(Finding::CheckOfNothing { rule: id, file, line }),
        (Some(_), CitationKind::IgnoredCheck) => Some(Finding::IgnoredCheck { rule: id, file, line }),
        (Some(true), CitationKind::Implementation)
        | (Some(_), CitationKind::Check | CitationKind::Witness) => None,
    }
}

fn judge_rule(
    rule: &Rule,
    rules: &BTreeMap<&RuleId, &Rule>,
    is_implemented: bool,
    is_checked: bool,
) -> Vec<Finding> {
    let id = || rule.id.clone();
    let mut findings = Vec::new();
    match &rule.status {
        Status::Unreadable(_) => findings.push(Finding::UnreadableStatus(id())),
        Status::Planned(reason) | Status::Exception(reason) => {
            if reason.is_empty() {
                findings.push(Finding::NoReason(id()));
            }
        }
        Status::Enforced => {
            let is_guarantee = rule.id.chapter() == GUARANTEES;
            for on in &rule.rests_on {
                if rules.get(on).is_none_or(|rule| rule.status != Status::Enforced) {
                    findings.push(Finding::RestsOnNothing {
                        rule: id(),
                        on: on.clone(),
                    });
                }
            }
            let rests = is_guarantee && !rule.rests_on.is_empty();
            let missing = [
                (!is_implemented && !rests, Finding::NotImplemented(id())),
                (!is_checked, Finding::NotChecked(id())),
                (!rule.has_fault, Finding::NoFault(id())),
                (!rule.has_source && !is_guarantee, Finding::NoSource(id())),
            ];
            findings.extend(
                missing
                    .into_iter()
                    .filter(|(is_missing, _)| *is_missing)
                    .map(|(_, finding)| finding),
            );
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::{citations_of_rust, rules_of_chapter};
    use super::*;

    const GOOD: &str = "### WP-CO-01: One\nStatus: enforced\nSource: A.b\nFault: c\n";
    const GOOD_CODE: &[&str] = &[
        "CITE WP-CO-01",
        "fn a() {}",
        "",
        "CITE WP-CO-01 check",
        "#[test]",
        "fn b() {}",
    ];

    fn findings(chapter: &str, code: &[&str]) -> Vec<String> {
        let mark = concat!("//", "=");
        let code: Vec<String> = code.iter().map(|line| line.replace("CITE", mark)).collect();
        let mut survey = Survey::default();
        let (rules, found) = rules_of_chapter("specs/c.md", chapter);
        survey.rules = rules;
        survey.findings.extend(found);
        let (citations, found) = citations_of_rust("model/checker/src/a.rs", &code.join("\n"));
        survey.citations = citations;
        survey.findings.extend(found);
        judge(&survey).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn rule_that_is_implemented_and_checked_is_fine() {
        assert_eq!(findings(GOOD, GOOD_CODE), Vec::<String>::new());
    }

    #[test]
    fn rule_defined_twice_is_refused() {
        let found = findings(&format!("{GOOD}{GOOD}"), GOOD_CODE);
        assert_eq!(found, ["specs/c.md:5: WP-CO-01 is defined a second time"]);
    }

    #[test]
    fn citation_of_an_unknown_rule_is_refused() {
        let found = findings("", &["CITE WP-CO-99", "fn a() {}"]);
        assert_eq!(found, ["model/checker/src/a.rs:1: no chapter has WP-CO-99"]);
    }

    #[test]
    fn enforced_rule_without_implementation_is_refused() {
        assert_eq!(
            findings(GOOD, &GOOD_CODE[3..]),
            ["WP-CO-01 is enforced and nothing implements it"]
        );
    }

    #[test]
    fn enforced_rule_without_check_is_refused() {
        assert_eq!(
            findings(GOOD, &GOOD_CODE[..2]),
            ["WP-CO-01 is enforced and nothing checks it"]
        );
    }

    #[test]
    fn implemented_rule_that_is_planned_or_an_exception_is_refused() {
        for status in ["planned (later)", "exception (never)"] {
            let found = findings(&GOOD.replace("enforced", status), GOOD_CODE);
            let stale =
                "model/checker/src/a.rs:1: WP-CO-01 is implemented here, but not enforced in its chapter";
            assert_eq!(found, [stale], "{status}");
        }
    }

    #[test]
    fn status_without_reason_is_refused() {
        for status in ["planned", "exception", "planned ()"] {
            let found = findings(&GOOD.replace("enforced", status), &[]);
            assert_eq!(
                found,
                ["WP-CO-01 does not say why it is not enforced"],
                "{status}"
            );
        }
    }

    #[test]
    fn status_that_is_missing_or_unknown_is_refused() {
        for chapter in [
            GOOD.replace("enforced", "done"),
            GOOD.replace("Status: enforced\n", ""),
        ] {
            assert_eq!(findings(&chapter, &[]), ["WP-CO-01 has no status that is known"]);
        }
    }

    #[test]
    fn enforced_rule_with_a_witness_alone_is_refused() {
        let mut code = GOOD_CODE[..2].to_vec();
        code.push("Property::sometimes(\"WP-CO-01 reached: a write\", premise)");
        assert_eq!(
            findings(GOOD, &code),
            ["WP-CO-01 is enforced and nothing checks it"]
        );
    }

    #[test]
    fn check_of_something_else_than_a_test_is_refused() {
        let found = findings(
            GOOD,
            &[
                "CITE WP-CO-01",
                "fn a() {}",
                "",
                "CITE WP-CO-01 check",
                "fn b() {}",
            ],
        );
        let nothing = "model/checker/src/a.rs:4: the check of WP-CO-01 is neither a test nor a property";
        assert_eq!(found, ["WP-CO-01 is enforced and nothing checks it", nothing]);
    }

    #[test]
    fn check_of_an_ignored_test_is_refused() {
        let code = [
            "CITE WP-CO-01",
            "fn a() {}",
            "",
            "CITE WP-CO-01 check",
            "#[test]",
            "#[ignore]",
            "fn b() {}",
        ];
        let ignored = "model/checker/src/a.rs:4: the check of WP-CO-01 is ignored";
        assert_eq!(
            findings(GOOD, &code),
            ["WP-CO-01 is enforced and nothing checks it", ignored]
        );
    }

    #[test]
    fn property_without_rule_is_refused() {
        let found = findings("", &["Property::always(\"no thin air\", check)"]);
        let finding = "model/checker/src/a.rs:1: property \"no thin air\" does not begin with a rule";
        assert_eq!(found, [finding]);
        let found = findings("", &["Property::always(\"WP-GU-77 no thin air\", check)"]);
        assert_eq!(found, ["model/checker/src/a.rs:1: no chapter has WP-GU-77"]);
    }

    #[test]
    fn enforced_rule_without_fault_or_source_is_refused() {
        let found = findings(&GOOD.replace("Fault: c\n", ""), GOOD_CODE);
        assert_eq!(found, ["WP-CO-01 names no fault that its check must catch"]);
        let found = findings(&GOOD.replace("Source: A.b\n", ""), GOOD_CODE);
        assert_eq!(found, ["WP-CO-01 names no source"]);
    }

    #[test]
    fn guarantee_rests_on_enforced_rules() {
        let guarantee = "### WP-GU-01: One\nStatus: enforced\nRests on: WP-CO-01\nFault: c\n";
        let mut code = GOOD_CODE.to_vec();
        code.push("Property::always(\"WP-GU-01 One\", check)");
        assert_eq!(
            findings(&format!("{GOOD}{guarantee}"), &code),
            Vec::<String>::new()
        );
        let planned = GOOD.replace("enforced", "planned (later)");
        let found = findings(&format!("{planned}{guarantee}"), &code[3..]);
        assert_eq!(found, ["WP-GU-01 rests on WP-CO-01, which is not enforced"]);
    }

    #[test]
    fn malformed_citation_is_refused() {
        let found = findings("", &["CITE WP-CO-1"]);
        assert_eq!(
            found,
            ["model/checker/src/a.rs:1: not the form of a rule or citation"]
        );
    }
}
