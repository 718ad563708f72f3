//! Every feature and every contradiction of the source documents keeps its row in `specs/features.md`.
//!
//! A row says where it stands (model, implementation, planned) and links to its rules; rows are never dropped.

use std::collections::BTreeMap;

use thymbra_tests::markdown::{self, Link};
use thymbra_tests::repository::{self, SourceFile};
use thymbra_tests::traceability::{RuleId, rules_of_chapter};

const PAGE: &str = "specs/features.md";
const FEATURES: usize = 65;
const CONTRADICTIONS: usize = 18;
const STATES: [&str; 5] = ["model", "implementation", "planned", "text", "deviation"];

/// Numbers that the page must hold: `1` to `65`, `C1` to `C18`.
fn numbers() -> Vec<String> {
    let features = (1..=FEATURES).map(|number| number.to_string());
    features
        .chain((1..=CONTRADICTIONS).map(|number| format!("C{number}")))
        .collect()
}

/// Rows of the tables, each as its cells.
fn rows(text: &str) -> Vec<Vec<String>> {
    let lines = text
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let cells = lines.map(|line| {
        line.split(" | ")
            .map(|cell| cell.trim().to_owned())
            .collect::<Vec<_>>()
    });
    cells.filter(|cells| is_number(&cells[0])).collect()
}

fn is_number(cell: &str) -> bool {
    let digits = cell.strip_prefix('C').unwrap_or(cell);
    !digits.is_empty() && digits.chars().all(|digit| digit.is_ascii_digit())
}

/// What is wrong with the page, each as a sentence.
fn findings(files: &[SourceFile]) -> Vec<String> {
    let Some(page) = files.iter().find(|file| file.path == PAGE) else {
        return vec![format!("{PAGE} is missing")];
    };
    let rows = rows(&page.text);
    let mut found = Vec::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &rows {
        *counts.entry(&row[0]).or_default() += 1;
        found.extend(row_findings(files, page, row));
    }
    let expected = numbers();
    for number in &expected {
        match counts.get(number.as_str()) {
            Some(1) => {}
            Some(count) => found.push(format!("row {number} stands {count} times")),
            None => found.push(format!("row {number} is missing")),
        }
    }
    let unknown = counts
        .keys()
        .filter(|number| !expected.iter().any(|known| known == *number));
    found.extend(unknown.map(|number| format!("row {number} is not in the source documents")));
    found
}

fn row_findings(files: &[SourceFile], page: &SourceFile, row: &[String]) -> Vec<String> {
    let number = &row[0];
    let [_, feature, state, rules] = row else {
        return vec![format!("row {number} has {} cells, not 4", row.len())];
    };
    let mut found = Vec::new();
    if feature.is_empty() {
        found.push(format!("row {number} says nothing"));
    }
    if !state.split(", ").all(|word| STATES.contains(&word)) {
        found.push(format!("row {number} has the state \"{state}\""));
    }
    let links = markdown::links(rules);
    if links.is_empty() {
        found.push(format!("row {number} links to no rule"));
    }
    for Link { text, target, .. } in links {
        let is_whole = markdown::follow(files, page, &target).is_ok() && holds(files, page, &target, &text);
        if !is_whole {
            found.push(format!("row {number}: {text} is not in {target}"));
        }
    }
    found
}

/// A link whose text is a rule leads to the chapter that defines it.
fn holds(files: &[SourceFile], page: &SourceFile, target: &str, text: &str) -> bool {
    let Some(id) = RuleId::parse(text) else {
        return true;
    };
    let path = markdown::resolve(&page.path, target.split('#').next().unwrap_or(target));
    let chapter = files.iter().find(|file| file.path == path);
    chapter.is_some_and(|file| {
        rules_of_chapter(&file.path, &file.text)
            .0
            .iter()
            .any(|rule| rule.id == id)
    })
}

#[test]
fn every_row_of_the_source_documents_is_kept() {
    let found = findings(&repository::files());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

fn page(change: impl Fn(&str) -> String) -> Vec<SourceFile> {
    let row = |number: &String| format!("| {number} | text | model, planned | [WP-CO-01](c.md) |\n");
    let rows: Vec<String> = numbers().iter().map(row).collect();
    let chapter = SourceFile::new("specs/c.md", "### WP-CO-01: One\nStatus: enforced\n");
    vec![chapter, SourceFile::new(PAGE, &change(&rows.concat()))]
}

#[test]
fn whole_page_passes() {
    assert_eq!(findings(&page(str::to_owned)), Vec::<String>::new());
}

#[test]
fn row_that_is_dropped_or_doubled_or_new_is_refused() {
    let renamed = |from: &'static str, to: &'static str| {
        findings(&page(move |text| {
            text.replace(&format!("| {from} | t"), &format!("| {to} | t"))
        }))
    };
    assert_eq!(
        renamed("65", "64"),
        ["row 64 stands 2 times", "row 65 is missing"]
    );
    assert_eq!(
        renamed("C18", "C19"),
        ["row C18 is missing", "row C19 is not in the source documents"]
    );
}

#[test]
fn row_with_an_unknown_state_is_refused() {
    let found = findings(&page(|text| text.replacen("model, planned", "done", 1)));
    assert_eq!(found, ["row 1 has the state \"done\""]);
}

#[test]
fn row_without_a_link_or_with_a_broken_one_is_refused() {
    assert_eq!(
        findings(&page(|text| text.replacen("[WP-CO-01](c.md)", "none", 1))),
        ["row 1 links to no rule"]
    );
    let found = findings(&page(|text| text.replacen("(c.md)", "(d.md)", 1)));
    assert_eq!(found, ["row 1: WP-CO-01 is not in d.md"]);
    let found = findings(&page(|text| text.replacen("WP-CO-01", "WP-CO-02", 1)));
    assert_eq!(found, ["row 1: WP-CO-02 is not in c.md"]);
}
