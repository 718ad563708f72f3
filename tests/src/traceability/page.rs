//! The page that shows for each rule what implements and what checks it.
//!
//! Written to `specs/traceability.md` by the test of the same name; never by hand.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{CitationKind, Rule, Status, Survey};

/// The text of `specs/traceability.md`.
#[must_use]
pub fn page(survey: &Survey) -> String {
    let mut text = String::from(
        "# Traceability\n\nDerived from the citations in code, properties and scripts; not written by hand.\n\
         `UPDATE_SPECS=1 cargo test -p thymbra-tests --test traceability` writes it anew.\n\n",
    );
    let count = |status: fn(&Status) -> bool| survey.rules.iter().filter(|rule| status(&rule.status)).count();
    let enforced = count(|status| *status == Status::Enforced);
    let planned = count(|status| matches!(status, Status::Planned(_)));
    let exceptions = count(|status| matches!(status, Status::Exception(_)));
    write(
        &mut text,
        format_args!("Rules: {enforced} enforced, {planned} planned, {exceptions} exceptions.\n"),
    );
    let mut chapter = "";
    for rule in &survey.rules {
        if rule.file != chapter {
            chapter = &rule.file;
            let name = chapter.rsplit('/').next().unwrap_or(chapter);
            write(&mut text, format_args!("\n## [{name}]({name})\n\n"));
            text.push_str("| rule | status | implemented by | checked by |\n|---|---|---|---|\n");
        }
        let status = match &rule.status {
            Status::Enforced => "enforced",
            Status::Planned(_) => "planned",
            Status::Exception(_) => "exception",
            Status::Unreadable(_) => "unreadable",
        };
        let implementation = match rule.rests_on.is_empty() {
            true => sites(survey, rule, CitationKind::Implementation),
            false => rule
                .rests_on
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", "),
        };
        let check = sites(survey, rule, CitationKind::Check);
        write(
            &mut text,
            format_args!(
                "| {}: {} | {status} | {implementation} | {check} |\n",
                rule.id, rule.claim
            ),
        );
    }
    text
}

fn sites(survey: &Survey, rule: &Rule, kind: CitationKind) -> String {
    let cited = survey
        .citations
        .iter()
        .filter(|citation| citation.rule == rule.id && citation.kind == kind);
    let sites: BTreeSet<String> = cited
        .map(|citation| {
            let name = citation.file.rsplit('/').next().unwrap_or(&citation.file);
            let link = format!("[{name}](../{})", citation.file);
            if citation.site.is_empty() {
                link
            } else {
                format!("{link} `{}`", citation.site.replace('|', "/"))
            }
        })
        .collect();
    sites.into_iter().collect::<Vec<_>>().join("<br>")
}

fn write(text: &mut String, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("writing to a string does not fail");
}

#[cfg(test)]
mod tests {
    use super::super::survey;
    use super::*;
    use crate::repository::SourceFile;

    #[test]
    fn page_lists_implementation_and_check_of_each_rule() {
        let mark = concat!("//", "=");
        let code = format!("{mark} WP-CO-01\nfn a() {{}}\n\n{mark} WP-CO-01 check\n#[test]\nfn b() {{}}\n");
        let survey = survey(&[
            SourceFile::new("specs/03-c.md", "### WP-CO-01: One\nStatus: enforced\n"),
            SourceFile::new("model/types/src/a.rs", &code),
        ]);
        let text = page(&survey);
        assert!(text.contains("Rules: 1 enforced, 0 planned, 0 exceptions."));
        let row = "| WP-CO-01: One | enforced | [a.rs](../model/types/src/a.rs) `a` | [a.rs](../model/types/src/a.rs) `b` |";
        assert!(text.contains(row), "{text}");
    }
}
