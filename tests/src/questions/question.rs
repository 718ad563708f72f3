//! A question file: front matter between two lines of `---`, then prose.
//!
//! First step of the check of questions. Chapter: `specs/questions/README.md`.

use std::collections::BTreeMap;

/// Keys that every file has.
const REQUIRED: [&str; 9] = [
    "question",
    "asked",
    "row",
    "command",
    "verdict",
    "witness",
    "flipped-command",
    "flipped-verdict",
    "flipped-witness",
];
/// A further command whose table the file shows.
const TABLE: &str = "table-command";
/// Words of verdicts.
const VERDICTS: [&str; 5] = ["never", "possible", "vacuous", "unknown", "table"];

/// A command and what it is to answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Expected {
    /// Arguments after `thymbra`.
    pub command: String,
    /// `never`, `possible`, `vacuous`, `unknown` or `table`.
    pub verdict: String,
    /// Steps of the shortest trace of `possible`, the premise that was not met of `vacuous`, else `none`.
    pub witness: String,
}

/// What a file says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Question {
    /// The question in short: the heading of the page.
    pub title: String,
    /// The answer as it is asked.
    pub first: Expected,
    /// The answer after one premise was changed.
    pub flipped: Expected,
    /// Arguments of a command that answers with a table, to be shown as well.
    pub table_command: Option<String>,
}

/// A file that is not in the form of the README.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum QuestionError {
    /// No front matter between two lines of `---`.
    NoFrontMatter,
    /// No heading after the front matter.
    NoTitle,
    /// A line of the front matter that is no `key: value`.
    NoPair(String),
    /// A key that is missing or empty.
    Missing(&'static str),
    /// A key that stands twice or that nobody knows.
    Unexpected(String),
    /// A verdict that is none.
    NoVerdict(String),
    /// A witness that does not fit its verdict.
    NoWitness(String),
    /// The flipped verdict is the first one.
    NotFlipped(String),
    /// The command is flipped to itself.
    SameCommand,
}

impl core::fmt::Display for QuestionError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NoFrontMatter => write!(
                formatter,
                "does not begin with front matter between two lines of ---"
            ),
            Self::NoTitle => write!(formatter, "has no heading after its front matter"),
            Self::NoPair(line) => write!(formatter, "is no `key: value`: {line}"),
            Self::Missing(key) => write!(formatter, "says nothing for `{key}:`"),
            Self::Unexpected(key) => write!(formatter, "has `{key}:` twice, or nobody knows it"),
            Self::NoVerdict(word) => write!(formatter, "{word} is no verdict"),
            Self::NoWitness(words) => write!(formatter, "does not fit its verdict: {words}"),
            Self::NotFlipped(verdict) => {
                write!(formatter, "is flipped to the verdict it has already: {verdict}")
            }
            Self::SameCommand => write!(formatter, "is flipped to the same command"),
        }
    }
}

impl Question {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// The first thing that is not in the form of the README.
    pub fn parse(text: &str) -> Result<Self, QuestionError> {
        let (mut values, prose) = front_matter(text)?;
        let title = prose
            .lines()
            .find_map(|line| line.strip_prefix("# "))
            .ok_or(QuestionError::NoTitle)?;
        for key in REQUIRED {
            if values.get(key).is_none_or(String::is_empty) {
                return Err(QuestionError::Missing(key));
            }
        }
        let mut take = |key: &str| values.remove(key).unwrap_or_default();
        let question = Self {
            title: title.to_owned(),
            first: Expected {
                command: take("command"),
                verdict: take("verdict"),
                witness: take("witness"),
            },
            flipped: Expected {
                command: take("flipped-command"),
                verdict: take("flipped-verdict"),
                witness: take("flipped-witness"),
            },
            table_command: values.remove(TABLE),
        };
        question.validate()
    }

    fn validate(self) -> Result<Self, QuestionError> {
        for expected in [&self.first, &self.flipped] {
            expected.validate()?;
        }
        if self.first.command == self.flipped.command {
            return Err(QuestionError::SameCommand);
        }
        if self.first.verdict == self.flipped.verdict {
            return Err(QuestionError::NotFlipped(self.first.verdict));
        }
        Ok(self)
    }
}

impl Expected {
    fn validate(&self) -> Result<(), QuestionError> {
        let Self { verdict, witness, .. } = self;
        let is_number = witness.parse::<usize>().is_ok();
        let is_none = witness == "none";
        let fits = match verdict.as_str() {
            "possible" => is_number,
            "vacuous" => !is_number && !is_none,
            _ => is_none,
        };
        match (VERDICTS.contains(&verdict.as_str()), fits) {
            (false, _) => Err(QuestionError::NoVerdict(verdict.clone())),
            (true, false) => Err(QuestionError::NoWitness(format!("{verdict}, {witness}"))),
            (true, true) => Ok(()),
        }
    }
}

/// The keys of a file, and what follows them.
fn front_matter(text: &str) -> Result<(BTreeMap<String, String>, &str), QuestionError> {
    let (matter, prose) = text
        .strip_prefix("---\n")
        .and_then(|rest| rest.split_once("\n---\n"))
        .ok_or(QuestionError::NoFrontMatter)?;
    let mut values = BTreeMap::new();
    for line in matter.lines() {
        let (key, value) = line
            .split_once(": ")
            .ok_or_else(|| QuestionError::NoPair(line.to_owned()))?;
        let is_known = REQUIRED.contains(&key) || key == TABLE;
        let before = values.insert(key.to_owned(), value.trim().to_owned());
        if !is_known || before.is_some() {
            return Err(QuestionError::Unexpected(key.to_owned()));
        }
    }
    Ok((values, prose))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "---\nquestion: Can it?\nasked: a forum\nrow: 1\ncommand: ask stale\nverdict: possible\n\
                        witness: 4\nflipped-command: ask stale --rf 1\nflipped-verdict: never\n\
                        flipped-witness: none\n---\n# Can it?\n";

    fn changed(from: &str, to: &str) -> Result<Question, QuestionError> {
        Question::parse(&FILE.replacen(from, to, 1))
    }

    #[test]
    fn file_in_its_form_is_read() {
        let question = Question::parse(FILE).expect("a good file");
        assert_eq!(question.title, "Can it?");
        assert_eq!(question.first.witness, "4");
        assert_eq!(question.flipped.command, "ask stale --rf 1");
        assert_eq!(question.table_command, None);
    }

    #[test]
    fn file_without_a_key_is_refused() {
        assert_eq!(
            changed("asked: a forum\n", ""),
            Err(QuestionError::Missing("asked"))
        );
        assert_eq!(changed("---\n", ""), Err(QuestionError::NoFrontMatter));
        assert_eq!(changed("# Can it?", "Yes."), Err(QuestionError::NoTitle));
        assert_eq!(changed("row: 1", "row"), Err(QuestionError::NoPair("row".into())));
        assert_eq!(
            changed("row: 1", "raw: 1"),
            Err(QuestionError::Unexpected("raw".into()))
        );
    }

    #[test]
    fn verdict_that_is_not_flipped_is_refused() {
        assert_eq!(
            changed(
                "flipped-verdict: never\nflipped-witness: none",
                "flipped-verdict: possible\nflipped-witness: 4"
            ),
            Err(QuestionError::NotFlipped("possible".into()))
        );
        assert_eq!(changed(" --rf 1", ""), Err(QuestionError::SameCommand));
    }

    #[test]
    fn witness_that_does_not_fit_is_refused() {
        assert_eq!(
            changed("witness: 4", "witness: none"),
            Err(QuestionError::NoWitness("possible, none".into()))
        );
        assert_eq!(
            changed("witness: none", "witness: 4"),
            Err(QuestionError::NoWitness("never, 4".into()))
        );
        assert_eq!(
            changed("verdict: never", "verdict: no"),
            Err(QuestionError::NoVerdict("no".into()))
        );
    }
}
