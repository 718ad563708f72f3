//! Links and headings of Markdown pages.
//!
//! Shared by the checks of links and of the feature table. Chapter: `specs/README.md`.

use std::collections::BTreeSet;

use crate::repository::SourceFile;

/// A link as it is written, `[text](target)`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Link {
    /// Counted from 1.
    pub line: usize,
    /// What is shown.
    pub text: String,
    /// Where it leads.
    pub target: String,
}

/// Every link outside code blocks and code spans.
#[must_use]
pub fn links(text: &str) -> Vec<Link> {
    let mut found = Vec::new();
    for (number, line) in prose_lines(text) {
        let line = without_code_spans(line);
        let mut rest = line.as_str();
        while let Some(middle) = rest.find("](") {
            let (before, after) = rest.split_at(middle);
            let shown = before
                .rfind('[')
                .map_or("", |start| before.get(start + 1..).unwrap_or(""));
            let after = after.get(2..).unwrap_or("");
            let Some(end) = after.find(')') else {
                break;
            };
            let target = after.get(..end).unwrap_or("").trim();
            found.push(Link {
                line: number,
                text: shown.to_owned(),
                target: target.to_owned(),
            });
            rest = after.get(end..).unwrap_or("");
        }
    }
    found
}

/// Anchors of the headings of a page, as GitHub forms them.
#[must_use]
pub fn anchors(text: &str) -> BTreeSet<String> {
    prose_lines(text)
        .filter(|(_, line)| line.starts_with('#'))
        .map(|(_, line)| slug(line.trim_start_matches('#').trim()))
        .collect()
}

/// Relative links of the pages among `files` that lead nowhere, each as a sentence.
#[must_use]
pub fn broken_links(files: &[SourceFile]) -> Vec<String> {
    let mut broken = Vec::new();
    for page in files.iter().filter(|file| file.extension() == "md") {
        for link in links(&page.text) {
            if let Err(reason) = follow(files, page, &link.target) {
                broken.push(format!("{}:{}: {reason}: {}", page.path, link.line, link.target));
            }
        }
    }
    broken
}

/// Follows a link of `page`.
///
/// # Errors
/// What is missing at its end. Links to other sites are not followed.
pub fn follow(files: &[SourceFile], page: &SourceFile, target: &str) -> Result<(), &'static str> {
    if target.contains("://") || target.starts_with("mailto:") {
        return Ok(());
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if path.is_empty() {
        page.path.clone()
    } else {
        resolve(&page.path, path)
    };
    let folder = format!("{path}/");
    let file = files.iter().find(|file| file.path == path);
    match (file, anchor.is_empty()) {
        (Some(_), true) => Ok(()),
        (Some(file), false) if anchors(&file.text).contains(anchor) => Ok(()),
        (Some(_), false) => Err("no such heading"),
        (None, _) if files.iter().any(|file| file.path.starts_with(&folder)) => Ok(()),
        (None, _) => Err("no such file"),
    }
}

/// The path that `target` means when it stands on the page `from`, both relative to the repository.
#[must_use]
pub fn resolve(from: &str, target: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.trim_end_matches('/').split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}

fn slug(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
    kept.map(|letter| if letter == ' ' { '-' } else { letter })
        .collect::<String>()
        .to_lowercase()
}

/// Lines outside fenced blocks, numbered from 1.
pub(crate) fn prose_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_fence = false;
    text.lines().zip(1..).filter_map(move |(line, number)| {
        let is_fence = line.trim_start().starts_with("```");
        in_fence ^= is_fence;
        (!in_fence && !is_fence).then_some((number, line))
    })
}

fn without_code_spans(line: &str) -> String {
    let pieces = line.split('`').enumerate();
    pieces
        .filter(|(index, _)| index % 2 == 0)
        .map(|(_, piece)| piece)
        .collect::<Vec<_>>()
        .join("``")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(text: &str) -> Vec<SourceFile> {
        vec![
            SourceFile::new("book/a.md", text),
            SourceFile::new("code/b.md", "# The B, again\n"),
        ]
    }

    #[test]
    fn link_to_a_file_or_heading_that_exists_is_whole() {
        let text = "# Top\n[b](../code/b.md) [h](../code/b.md#the-b-again) [t](#top) [f](../code) [w](https://x.org)\n";
        assert_eq!(broken_links(&pages(text)), Vec::<String>::new());
    }

    #[test]
    fn link_to_a_missing_file_is_broken() {
        assert_eq!(
            broken_links(&pages("\n[b](c.md)")),
            ["book/a.md:2: no such file: c.md"]
        );
    }

    #[test]
    fn link_to_a_missing_heading_is_broken() {
        assert_eq!(
            broken_links(&pages("[b](../code/b.md#c)")),
            ["book/a.md:1: no such heading: ../code/b.md#c"]
        );
    }

    #[test]
    fn brackets_in_code_are_no_link() {
        assert_eq!(links("`[a](b)` and\n```\n[c](d)\n```\n"), []);
    }
}
