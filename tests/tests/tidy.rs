//! The repository checks itself: short files with a heading, short functions, nothing unfinished, no path of one machine, links
//! that lead somewhere, a README that shows the promised commands.
//!
//! What is refused, and that it is, is tested in `thymbra_tests::tidy` and `thymbra_tests::markdown`.

use thymbra_tests::repository;
use thymbra_tests::{markdown, tidy};

#[test]
fn files_are_tidy() {
    let found = tidy::untidy(&repository::files());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn relative_links_lead_somewhere() {
    let found = markdown::broken_links(&repository::files());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn readme_shows_the_promised_commands() {
    let readme = std::fs::read_to_string(repository::root().join("README.md")).unwrap_or_default();
    let missing = tidy::missing_commands(&readme);
    assert!(
        missing.is_empty(),
        "the README does not show:\n{}",
        missing.join("\n")
    );
}
