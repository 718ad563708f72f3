//! Citations of rules in sources and scripts.
//!
//! Second half of the survey. A citation stands on a line of its own directly above what it speaks of; the name
//! of a property of the checker is a citation itself. The form is described in `specs/README.md`.

use super::{Finding, RuleId};

/// How a comment that cites begins, in Rust.
const RUST_MARK: &str = concat!("//", "=");
/// How a comment that cites begins, in a script.
const SCRIPT_MARKS: [&str; 2] = [concat!("# ", "="), concat!("#", "=")];
/// The word after the id that makes a citation a check.
const CHECK: &str = "check";

/// What a citation says of the place that it stands at.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum CitationKind {
    /// It implements the rule.
    Implementation,
    /// It fails when the rule does not hold.
    Check,
    /// It claims to be a check, and is neither a test nor a property.
    CheckOfNothing,
    /// It is a test that does not run.
    IgnoredCheck,
}

/// One citation.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Citation {
    /// The rule.
    pub rule: RuleId,
    /// What it says of its place.
    pub kind: CitationKind,
    /// The file, relative to the repository.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The item that it stands at; empty where the file alone is meant.
    pub site: String,
}

/// Reads the citations of a Rust file.
#[must_use]
pub fn citations_of_rust(file: &str, text: &str) -> (Vec<Citation>, Vec<Finding>) {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut citations = Vec::new();
    let mut findings = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let number = index + 1;
        if let Some(cited) = line.strip_prefix(RUST_MARK) {
            match cited_rule(cited) {
                Some((rule, is_check)) => {
                    let (kind, site) = place(&lines, index, is_check);
                    citations.push(Citation {
                        rule,
                        kind,
                        file: file.to_owned(),
                        line: number,
                        site,
                    });
                }
                None => findings.push(Finding::Malformed {
                    file: file.to_owned(),
                    line: number,
                }),
            }
        }
        if names_properties(file) {
            for name in string_literals(line) {
                let is_name = is_property_name(line, name);
                match RuleId::at_start_of(name) {
                    Some(rule) => citations.push(Citation {
                        rule,
                        kind: CitationKind::Check,
                        file: file.to_owned(),
                        line: number,
                        site: name.to_owned(),
                    }),
                    None if is_name => findings.push(Finding::PropertyWithoutRule {
                        file: file.to_owned(),
                        line: number,
                        name: name.to_owned(),
                    }),
                    None => {}
                }
            }
        }
    }
    (citations, findings)
}

/// Reads the citations of a script. A script is a check; it implements nothing.
#[must_use]
pub fn citations_of_script(file: &str, text: &str) -> (Vec<Citation>, Vec<Finding>) {
    let mut citations = Vec::new();
    let mut findings = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let Some(cited) = SCRIPT_MARKS.iter().find_map(|mark| line.strip_prefix(mark)) else {
            continue;
        };
        match cited_rule(cited) {
            Some((rule, true)) => citations.push(Citation {
                rule,
                kind: CitationKind::Check,
                file: file.to_owned(),
                line: number,
                site: String::new(),
            }),
            Some((_, false)) | None => findings.push(Finding::Malformed {
                file: file.to_owned(),
                line: number,
            }),
        }
    }
    (citations, findings)
}

fn cited_rule(cited: &str) -> Option<(RuleId, bool)> {
    let mut words = cited.split_whitespace();
    let rule = RuleId::parse(words.next()?)?;
    match (words.next(), words.next()) {
        (None, _) => Some((rule, false)),
        (Some(CHECK), None) => Some((rule, true)),
        (Some(_), _) => None,
    }
}

/// Names of properties cite where they are defined, not where the gallery names what it violates.
fn names_properties(file: &str) -> bool {
    let folders = ["/gallery", "/faults", "/tests"];
    file.starts_with("model/checker/src/") && !folders.iter().any(|folder| file.contains(folder))
}

/// A literal on this line that names a property of the checker or of its library.
fn is_property_name(line: &str, name: &str) -> bool {
    let quoted = format!("\"{name}\"");
    let kinds = ["always", "sometimes", "eventually"];
    kinds
        .iter()
        .any(|kind| line.contains(&format!("Property::{kind}({quoted}")))
}

fn string_literals(line: &str) -> Vec<&str> {
    line.split('"')
        .enumerate()
        .filter(|(index, _)| index % 2 == 1)
        .map(|(_, literal)| literal)
        .collect()
}

/// What stands at a citation: the item below it, with the comments and attributes around.
fn place(lines: &[&str], index: usize, is_check: bool) -> (CitationKind, String) {
    let above = lines
        .iter()
        .take(index)
        .rev()
        .take_while(|line| is_attached(line));
    let below = || lines.iter().skip(index).take_while(|line| is_attached(line));
    let item = lines.get(index + below().count()).copied().unwrap_or("");
    let attributes: Vec<&str> = above
        .chain(below())
        .filter(|line| line.starts_with("#["))
        .copied()
        .collect();
    let is_test = item.contains("fn ") && attributes.iter().any(|attribute| is_test_attribute(attribute));
    let is_ignored = attributes
        .iter()
        .any(|attribute| attribute.starts_with("#[ignore"));
    let is_property = item.contains("Property");
    let kind = match (is_check, is_test || is_property, is_ignored) {
        (false, _, _) => CitationKind::Implementation,
        (true, true, false) => CitationKind::Check,
        (true, true, true) => CitationKind::IgnoredCheck,
        (true, false, _) => CitationKind::CheckOfNothing,
    };
    let name = item_name(item).or_else(|| {
        lines
            .iter()
            .take(index)
            .rev()
            .find_map(|line| function_name(line))
    });
    (kind, name.unwrap_or_default())
}

/// Comments and attributes belong to the item below them.
fn is_attached(line: &str) -> bool {
    line.starts_with("//") || line.starts_with("#[")
}

fn is_test_attribute(attribute: &str) -> bool {
    let path = attribute
        .trim_start_matches("#[")
        .split(['(', ']'])
        .next()
        .unwrap_or("");
    matches!(path.rsplit("::").next(), Some("test" | "quickcheck" | "proptest"))
}

fn item_name(line: &str) -> Option<String> {
    let words: Vec<&str> = line
        .split(|letter: char| !(letter.is_alphanumeric() || letter == '_'))
        .collect();
    let keyword = words.iter().position(|word| {
        matches!(
            *word,
            "fn" | "struct" | "enum" | "trait" | "const" | "static" | "mod" | "type"
        )
    })?;
    let name = words.get(keyword + 1)?;
    let is_const_function = words.get(keyword) == Some(&"const") && *name == "fn";
    let name = if is_const_function {
        words.get(keyword + 2)?
    } else {
        name
    };
    (!name.is_empty()).then(|| (*name).to_owned())
}

fn function_name(line: &str) -> Option<String> {
    if is_attached(line) || !line.contains("fn ") {
        return None;
    }
    item_name(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(lines: &[&str]) -> String {
        lines
            .iter()
            .map(|line| line.replace("CITE", RUST_MARK))
            .collect::<Vec<_>>()
            .join("\n")
    }

    fn kinds(lines: &[&str]) -> Vec<(CitationKind, String)> {
        let (citations, findings) = citations_of_rust("model/types/src/a.rs", &source(lines));
        assert_eq!(findings, []);
        citations
            .into_iter()
            .map(|citation| (citation.kind, citation.site))
            .collect()
    }

    #[test]
    fn citation_above_an_item_names_the_item() {
        let lines = [
            "CITE WP-DM-04",
            "/// Doc.",
            "#[must_use]",
            "pub const fn reconcile(a: u8) -> u8 {",
        ];
        assert_eq!(
            kinds(&lines),
            [(CitationKind::Implementation, "reconcile".to_owned())]
        );
    }

    #[test]
    fn citation_above_a_branch_names_the_function_around() {
        let lines = [
            "fn reconcile() {",
            "    CITE WP-DM-04",
            "    if a {",
            "    }",
            "}",
        ];
        assert_eq!(
            kinds(&lines),
            [(CitationKind::Implementation, "reconcile".to_owned())]
        );
    }

    #[test]
    fn check_above_a_test_counts_with_every_order_of_attributes() {
        for lines in [
            ["CITE WP-DM-04 check", "#[test]", "fn tie() {"],
            ["#[test]", "CITE WP-DM-04 check", "fn tie() {"],
            [
                "CITE WP-DM-04 check",
                "#[quickcheck_macros::quickcheck]",
                "fn tie() {",
            ],
        ] {
            assert_eq!(kinds(&lines), [(CitationKind::Check, "tie".to_owned())]);
        }
    }

    #[test]
    fn check_above_something_else_checks_nothing() {
        let lines = ["CITE WP-DM-04 check", "fn tie() {"];
        assert_eq!(kinds(&lines), [(CitationKind::CheckOfNothing, "tie".to_owned())]);
    }

    #[test]
    fn check_above_an_ignored_test_is_seen() {
        let lines = [
            "CITE WP-DM-04 check",
            "#[test]",
            "#[ignore = \"slow\"]",
            "fn tie() {",
        ];
        assert_eq!(kinds(&lines), [(CitationKind::IgnoredCheck, "tie".to_owned())]);
    }

    #[test]
    fn citation_with_other_words_is_malformed() {
        for line in [
            "CITE WP-DM-4",
            "CITE WP-DM-04 checks",
            "CITE WP-DM-04 check twice",
            "CITE",
        ] {
            let (citations, findings) = citations_of_rust("a.rs", &source(&[line]));
            assert_eq!((citations.len(), findings.len()), (0, 1), "{line}");
        }
    }

    #[test]
    fn name_of_a_property_cites_its_rule() {
        let text = "Property::always(\"WP-GU-01 placement\", check)\nclause(\"WP-GU-02 counting\")";
        let (citations, _) = citations_of_rust("model/checker/src/properties.rs", text);
        let sites: Vec<&str> = citations.iter().map(|citation| citation.site.as_str()).collect();
        assert_eq!(sites, ["WP-GU-01 placement", "WP-GU-02 counting"]);
        let (elsewhere, _) = citations_of_rust("model/checker/src/gallery/a.rs", text);
        assert_eq!(elsewhere, []);
    }

    #[test]
    fn property_without_a_rule_is_found() {
        let text = "Property::sometimes(\"something\", check)";
        let (_, findings) = citations_of_rust("model/checker/src/properties.rs", text);
        let name = "something".to_owned();
        let file = "model/checker/src/properties.rs".to_owned();
        assert_eq!(findings, [Finding::PropertyWithoutRule { file, line: 1, name }]);
    }

    #[test]
    fn script_is_a_check_and_nothing_else() {
        let check = format!("{} WP-CO-11 check\nwrite w1\n", SCRIPT_MARKS[0]);
        let (citations, findings) = citations_of_script("tests/scripts/a.script", &check);
        assert_eq!((citations.len(), findings.len()), (1, 0));
        assert_eq!(citations[0].kind, CitationKind::Check);
        let implementation = format!("{} WP-CO-11\n", SCRIPT_MARKS[1]);
        let (citations, findings) = citations_of_script("tests/scripts/a.script", &implementation);
        assert_eq!((citations.len(), findings.len()), (0, 1));
    }
}
