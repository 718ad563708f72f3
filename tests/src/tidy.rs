//! What every file of the repository must be: short, headed, finished, free of the paths of one machine.
//!
//! Judged file by file, so that each refusal can be tested; the test of the same name reads the repository.
//! Chapter: `specs/README.md`.

use crate::repository::SourceFile;

/// Lines that a source file may have, tests included.
pub const MAXIMUM_LINES: usize = 500;

/// Words that say that something is not finished. Written in halves so that this file passes its own check.
const UNFINISHED: [&str; 5] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
];

/// Folders that exist on one machine only.
const MACHINE_FOLDERS: [&str; 5] = [
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/tm", "p/"),
    concat!("/wo", "rk/"),
    concat!("/Us", "ers/"),
];

/// Commands that the README must show, because the promises of the project hang on them.
pub const PROMISED_COMMANDS: [&str; 3] = [
    "cargo run --release -- ask stale --rf 3 --write ONE --read QUORUM",
    "cargo run --release -- explore",
    "cargo test",
];

/// What is wrong with the files, each as a sentence.
#[must_use]
pub fn untidy(files: &[SourceFile]) -> Vec<String> {
    files.iter().flat_map(untidy_file).collect()
}

/// Promised commands that the README does not show.
#[must_use]
pub fn missing_commands(readme: &str) -> Vec<&'static str> {
    PROMISED_COMMANDS
        .into_iter()
        .filter(|command| !readme.contains(command))
        .collect()
}

fn untidy_file(file: &SourceFile) -> Vec<String> {
    let SourceFile { path, text } = file;
    if !matches!(
        file.extension(),
        "rs" | "md" | "toml" | "script" | "txt" | "html" | "js" | "css" | "tla" | ""
    ) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let is_source = file.extension() == "rs";
    let count = text.lines().count();
    if is_source && count > MAXIMUM_LINES {
        found.push(format!(
            "{path}: {count} lines, at most {MAXIMUM_LINES} are allowed"
        ));
    }
    if is_source && !text.starts_with("//! ") {
        found.push(format!("{path}: does not open by saying what it is"));
    }
    for (line, number) in text.lines().zip(1..) {
        for word in UNFINISHED.iter().filter(|word| contains_word(line, word)) {
            found.push(format!("{path}:{number}: unfinished: {word}"));
        }
        for folder in MACHINE_FOLDERS
            .iter()
            .filter(|folder| contains_path(line, folder))
        {
            found.push(format!("{path}:{number}: path of one machine: {folder}"));
        }
    }
    found
}

/// The word stands in the line, and is no part of a longer one.
fn contains_word(line: &str, word: &str) -> bool {
    let is_letter = |letter: char| letter.is_alphanumeric() || letter == '_';
    line.match_indices(word).any(|(start, _)| {
        let before = line.get(..start).and_then(|before| before.chars().next_back());
        let after = line
            .get(start + word.len()..)
            .and_then(|after| after.chars().next());
        let continues = word.ends_with(is_letter) && after.is_some_and(is_letter);
        !before.is_some_and(is_letter) && !continues
    })
}

/// The folder begins a path, and does not continue one.
fn contains_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(start, _)| {
        let before = line.get(..start).and_then(|before| before.chars().next_back());
        !before.is_some_and(|letter| {
            letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.' | '/' | '}' | '*')
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        untidy(&[SourceFile::new(path, text)])
    }

    #[test]
    fn tidy_file_passes() {
        assert_eq!(
            found("a.rs", "//! A file.\nfn todo_list() {}\n"),
            Vec::<String>::new()
        );
        assert_eq!(
            found("a.md", "# See https://x.org/home/page and data/tmp/x\n"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn long_file_is_refused() {
        let text = format!("//! A file.\n{}", "\n".repeat(MAXIMUM_LINES));
        assert_eq!(found("a.rs", &text), ["a.rs: 501 lines, at most 500 are allowed"]);
        assert_eq!(found("a.md", &text), Vec::<String>::new());
    }

    #[test]
    fn file_without_heading_is_refused() {
        assert_eq!(
            found("a.rs", "fn a() {}\n"),
            ["a.rs: does not open by saying what it is"]
        );
    }

    #[test]
    fn each_unfinished_word_is_refused() {
        for word in UNFINISHED {
            let text = format!("//! A file.\nlet a = {word} 1;\n");
            assert_eq!(found("a.rs", &text), [format!("a.rs:2: unfinished: {word}")]);
        }
    }

    #[test]
    fn each_machine_folder_is_refused() {
        for folder in MACHINE_FOLDERS {
            let text = format!("see `{folder}x`\n");
            assert_eq!(
                found("a.md", &text),
                [format!("a.md:1: path of one machine: {folder}")]
            );
        }
    }

    #[test]
    fn missing_command_is_named() {
        assert_eq!(
            missing_commands(&PROMISED_COMMANDS.join("\n")),
            Vec::<&str>::new()
        );
        assert_eq!(missing_commands("cargo test"), PROMISED_COMMANDS[..2]);
    }
}
