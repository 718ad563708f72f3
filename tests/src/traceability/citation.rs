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
/// The word after the id that makes the name of a property that of a witness.
const WITNESS: &str = "reached:";
/// Parts of the paths under which the checker defines properties and laws.
const DEFINE_PROPERTIES: [&str; 2] = ["/properties", "/laws"];
/// Fields that hold names there.
const PROPERTY_FIELDS: [&str; 2] = ["name: ", "witness: "];
/// Macros that make each function in them a test.
const TEST_MACROS: [&str; 2] = ["quickcheck! {", "proptest! {"];
/// How a name is handed to the library.
const PROPERTY_CALLS: [&str; 3] = ["::always(", "::sometimes(", "::eventually("];

/// What a citation says of the place that it stands at.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum CitationKind {
    /// It implements the rule.
    Implementation,
    /// It fails when the rule does not hold.
    Check,
    /// It shows that the premise of the rule can be met.
    Witness,
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
    let lines: Vec<&str> = text.lines().collect();
    let mut citations = Vec::new();
    let mut findings = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let line = line.trim();
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
        for name in property_names(file, line) {
            match RuleId::at_start_of(name) {
                Some(rule) => citations.push(Citation {
                    rule,
                    kind: property_kind(name),
                    file: file.to_owned(),
                    line: number,
                    site: name.to_owned(),
                }),
                None => findings.push(Finding::PropertyWithoutRule {
                    file: file.to_owned(),
                    line: number,
                    name: name.to_owned(),
                }),
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

/// Names of properties on this line: what is handed to the library, and in the files that define properties
/// their fields and whatever begins with a rule. What the gallery or a chart says of a property is no name.
fn property_names<'a>(file: &str, line: &'a str) -> Vec<&'a str> {
    if !file.starts_with("model/checker/src/") {
        return Vec::new();
    }
    let defines = DEFINE_PROPERTIES.iter().any(|folder| file.contains(folder));
    let is_field = PROPERTY_FIELDS.iter().any(|field| line.starts_with(field));
    let pieces: Vec<&str> = line.split('"').collect();
    let literals = pieces
        .chunks_exact(2)
        .filter_map(|pair| Some((pair.first()?, pair.get(1)?)));
    literals
        .filter(|(before, literal)| {
            let is_handed_over = PROPERTY_CALLS.iter().any(|call| before.ends_with(call));
            is_handed_over || defines && (is_field || literal.starts_with("WP-"))
        })
        .map(|(_, literal)| *literal)
        .collect()
}

/// A witness shows that a premise can be met; it cannot fail when the rule does not hold.
fn property_kind(name: &str) -> CitationKind {
    let is_witness = name.split(' ').nth(1).is_some_and(|word| word == WITNESS);
    if is_witness {
        CitationKind::Witness
    } else {
        CitationKind::Check
    }
}

/// What stands at a citation: the item below it, with the comments and attributes around.
fn place(lines: &[&str], index: usize, is_check: bool) -> (CitationKind, String) {
    let attached = |line: &&str| is_attached(line);
    let above = lines
        .iter()
        .take(index)
        .map(|line| line.trim())
        .rev()
        .take_while(attached);
    let below = || {
        lines
            .iter()
            .skip(index)
            .map(|line| line.trim())
            .take_while(attached)
    };
    let item_index = index + below().count();
    let item = lines.get(item_index).map_or("", |line| line.trim());
    let attributes: Vec<&str> = above
        .chain(below())
        .filter(|line| line.starts_with("#["))
        .collect();
    let has_attribute = attributes.iter().any(|attribute| is_test_attribute(attribute));
    let is_test = item.contains("fn ") && (has_attribute || is_in_test_macro(lines, item_index));
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

/// The line stands directly in a macro that makes each function a test.
fn is_in_test_macro(lines: &[&str], index: usize) -> bool {
    let indentation = |line: &str| line.len() - line.trim_start().len();
    let own = lines.get(index).map_or(0, |line| indentation(line));
    let around = lines
        .iter()
        .take(index)
        .rev()
        .find(|line| !line.trim().is_empty() && indentation(line) < own);
    around.is_some_and(|line| TEST_MACROS.iter().any(|name| line.contains(name)))
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
    if is_attached(line.trim()) || !line.contains("fn ") {
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
    fn function_in_a_macro_of_laws_is_a_test() {
        let lines = [
            "quickcheck! {",
            "    CITE WP-DM-04 check",
            "    /// Doc.",
            "    fn law(a: u8) -> bool {",
        ];
        assert_eq!(kinds(&lines), [(CitationKind::Check, "law".to_owned())]);
        let lines = [
            "quickcheck! {",
            "}",
            "mod a {",
            "    CITE WP-DM-04 check",
            "    fn law() {",
        ];
        assert_eq!(kinds(&lines), [(CitationKind::CheckOfNothing, "law".to_owned())]);
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
        let text = "Property::always(\"WP-GU-01 placement\", check)\nclause(\"WP-GU-02 counting\")\n";
        let (citations, _) = citations_of_rust("model/checker/src/properties.rs", text);
        let sites: Vec<&str> = citations.iter().map(|citation| citation.site.as_str()).collect();
        assert_eq!(sites, ["WP-GU-01 placement", "WP-GU-02 counting"]);
        let named = "violates: \"WP-GU-01 placement\",";
        let (elsewhere, _) = citations_of_rust("model/checker/src/gallery/a.rs", named);
        assert_eq!(elsewhere, []);
    }

    #[test]
    fn witness_is_no_check() {
        let text = "name: \"WP-GU-01 placement\",\nwitness: \"WP-GU-01 reached: a ring\",\n";
        let (citations, _) = citations_of_rust("model/checker/src/properties/a.rs", text);
        let kinds: Vec<CitationKind> = citations.iter().map(|citation| citation.kind).collect();
        assert_eq!(kinds, [CitationKind::Check, CitationKind::Witness]);
    }

    #[test]
    fn property_without_a_rule_is_found() {
        for (file, text) in [
            (
                "model/checker/src/system.rs",
                "Property::<System>::sometimes(\"something\", check)",
            ),
            ("model/checker/src/properties/a.rs", "    name: \"something\","),
        ] {
            let (_, findings) = citations_of_rust(file, text);
            let name = "something".to_owned();
            assert_eq!(
                findings,
                [Finding::PropertyWithoutRule {
                    file: file.to_owned(),
                    line: 1,
                    name
                }]
            );
        }
        assert_eq!(
            citations_of_rust("model/checker/src/chart/a.rs", "say(\"WP-GU-01 x\")"),
            (vec![], vec![])
        );
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
