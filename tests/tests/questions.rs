//! Every question in `specs/questions/` is asked again, as it stands and with one premise changed; so is every myth.
//!
//! Fails if a verdict, an exit status or a shortest length is another one than the page says, or if a derived
//! section is out of date (`UPDATE_SPECS=1` writes it). What else is refused is tested in
//! `thymbra_tests::questions`.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use thymbra_tests::questions::{
    Answer, Expected, Question, Thymbra, differences, myths, with_derived, with_index,
};
use thymbra_tests::repository;

/// Questions that there must be at least.
const QUESTIONS_MIN: usize = 18;
/// Myths that there must be at least.
const MYTHS_MIN: usize = 10;

/// The command, built once for all tests.
fn thymbra() -> &'static Thymbra {
    static THYMBRA: OnceLock<Thymbra> = OnceLock::new();
    THYMBRA.get_or_init(|| Thymbra::build().expect("the command is built"))
}

/// Every file with its text, in the order of names.
fn files() -> Vec<(PathBuf, String)> {
    let folder = repository::root().join("specs/questions");
    let entries = std::fs::read_dir(folder).expect("the folder of questions is there");
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.retain(|path| !path.ends_with("README.md"));
    paths.sort();
    let text = |path: &PathBuf| std::fs::read_to_string(path).expect("a question is text");
    paths.iter().map(|path| (path.clone(), text(path))).collect()
}

fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Asks, and notes in what the answer differs.
fn ask(expected: &Expected, found: &mut Vec<String>) -> Option<Answer> {
    match thymbra().ask(&expected.command) {
        Ok(answer) => {
            found.extend(differences(expected, &answer));
            Some(answer)
        }
        Err(error) => {
            found.push(format!("{}: {error}", expected.command));
            None
        }
    }
}

/// Writes a derived page if that is wanted, else says that it is not as it should be.
fn out_of_date(path: &Path, text: &str, page: &str) -> Option<String> {
    if std::env::var("UPDATE_SPECS").is_ok_and(|value| value == "1") {
        std::fs::write(path, page).expect("the page can be written");
        return None;
    }
    (page != text).then(|| "what is derived is out of date: run this test with UPDATE_SPECS=1".to_owned())
}

/// What is wrong with a file.
fn findings(path: &Path, text: &str) -> Vec<String> {
    let question = match Question::parse(text) {
        Ok(question) => question,
        Err(error) => return vec![error.to_string()],
    };
    let mut expected = vec![question.first, question.flipped];
    expected.extend(question.table_command.map(|command| Expected {
        command,
        verdict: "table".into(),
        witness: "none".into(),
    }));
    let mut found = Vec::new();
    let answers: Vec<(&str, Answer)> = expected
        .iter()
        .filter_map(|expected| Some((expected.command.as_str(), ask(expected, &mut found)?)))
        .collect();
    if found.is_empty() {
        found.extend(out_of_date(path, text, &with_derived(text, &answers)));
    }
    found
}

/// What is wrong with the list of all questions. Read after the files, which may just have been written.
fn findings_of_list() -> Option<String> {
    let path = repository::root().join("specs/questions/README.md");
    let text = std::fs::read_to_string(&path).expect("the README of the questions is there");
    let mut questions = Vec::new();
    for (path, text) in files() {
        questions.extend(Question::parse(&text).map(|question| (name(&path), question)));
    }
    out_of_date(&path, &text, &with_index(&text, &questions)).map(|finding| format!("README.md: {finding}"))
}

#[test]
fn every_question_has_the_answer_that_its_file_gives() {
    let mut found = Vec::new();
    for (path, text) in files() {
        let of_file = findings(&path, &text);
        found.extend(
            of_file
                .iter()
                .map(|finding| format!("{}: {finding}", name(&path))),
        );
    }
    found.extend(findings_of_list());
    assert!(
        found.is_empty(),
        "{} findings:\n{}",
        found.len(),
        found.join("\n")
    );
}

#[test]
fn there_are_enough_questions() {
    let count = files().len();
    assert!(
        count >= QUESTIONS_MIN,
        "{count} questions, at least {QUESTIONS_MIN} are asked for"
    );
}

#[test]
fn every_myth_is_answered_as_its_row_says() {
    let path = repository::root().join("specs/myths.md");
    let text = std::fs::read_to_string(path).expect("the page of myths is there");
    let rows = myths(&text);
    assert!(
        rows.len() >= MYTHS_MIN,
        "{} myths, at least {MYTHS_MIN} are asked for",
        rows.len()
    );
    let mut found = Vec::new();
    for row in &rows {
        match row {
            Ok(expected) => drop(ask(expected, &mut found)),
            Err(line) => found.push(format!(
                "no row of five cells with a command and a verdict: {line}"
            )),
        }
    }
    assert!(
        found.is_empty(),
        "{} findings:\n{}",
        found.len(),
        found.join("\n")
    );
}
