//! What every file of the repository must be: short, of short functions, headed, finished, free of the paths of one
//! machine.
//!
//! Judged file by file, so that each refusal can be tested; the test of the same name reads the repository.
//! Chapter: `specs/README.md`.

use crate::repository::SourceFile;

/// Lines that a source file may have, tests included.
pub const MAXIMUM_LINES: usize = 500;

/// Lines that a function may have, from its name to its closing brace.
pub const MAXIMUM_FUNCTION_LINES: usize = 70;

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
    if is_source {
        found.extend(long_functions(file));
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

/// Functions with too many lines.
fn long_functions(SourceFile { path, text }: &SourceFile) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (index, rest) in (0..lines.len()).filter_map(|index| Some((index, lines.get(index..)?))) {
        let Some((name, count)) = function(rest) else {
            continue;
        };
        if count > MAXIMUM_FUNCTION_LINES {
            found.push(format!(
                "{path}:{}: function {name} has {count} lines, at most {MAXIMUM_FUNCTION_LINES} are allowed",
                index + 1
            ));
        }
    }
    found
}

/// Name and number of lines of the function that the first of some lines begins, if it has a body of several lines.
///
/// The code is formatted: the first and last line of a function stand at its indentation, and what is between them
/// further in. A literal of several lines that stands as far out may end it early, never late.
fn function<'t>(lines: &[&'t str]) -> Option<(&'t str, usize)> {
    let first = lines.first()?;
    let indentation = first.len() - first.trim_start().len();
    let (qualifiers, rest) = first.trim_start().split_once("fn ")?;
    let is_qualifier = |word: &str| {
        matches!(word, "pub" | "const" | "async" | "unsafe" | "extern" | "\"C\"") || word.starts_with("pub(")
    };
    if !qualifiers.split_whitespace().all(is_qualifier) {
        return None;
    }
    let name = rest.split(['(', '<']).next()?;
    for (line, count) in lines.iter().zip(1..) {
        let is_at_indentation =
            line.len() > indentation && line.len() - line.trim_start().len() == indentation;
        if !is_at_indentation {
            continue;
        }
        // The end of a body, of a declaration without one, or of a function of one line; else of a signature's line.
        if line.ends_with(['}', ';']) {
            return (count > 1).then_some((name, count));
        }
    }
    None
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

    /// A function of so many lines, all in all.
    fn function_of(lines_count: usize, indentation: &str, signature: &str) -> String {
        let body = format!("{indentation}    go();\n").repeat(lines_count - 1 - signature.lines().count());
        let signature: String = signature
            .lines()
            .map(|line| format!("{indentation}{line}\n"))
            .collect();
        format!("{signature}{body}{indentation}}}\n")
    }

    #[test]
    fn long_function_is_refused() {
        for (indentation, signature) in [
            ("", "fn long() {"),
            ("    ", "pub(super) const fn long() -> u8 {"),
            ("", "fn long<'a, T>(\n    first: &'a T,\n) -> u8 {"),
            ("    ", "async fn long(&self)\nwhere\n    Self: Sized,\n{"),
        ] {
            let kept = function_of(MAXIMUM_FUNCTION_LINES, indentation, signature);
            let long = function_of(MAXIMUM_FUNCTION_LINES + 1, indentation, signature);
            let others = "fn a() {}\n    fn b();\nfn c(\n    of: u8,\n);\n// fn d() {\n";
            let text = format!("//! A file.\n{others}{kept}{others}{long}{others}");
            let line = text.lines().count() - MAXIMUM_FUNCTION_LINES - others.lines().count();
            assert_eq!(
                found("a.rs", &text),
                [format!(
                    "a.rs:{line}: function long has 71 lines, at most 70 are allowed"
                )]
            );
        }
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
