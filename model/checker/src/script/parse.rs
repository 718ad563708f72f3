//! Reads a script line by line: comments, bounds, actions and claims.
//!
//! Chapter: `specs/README.md`.

use thymbra_protocol::NodeId;

use super::{Expectation, Line, REFERENCE, Script, ScriptError, Step, bounds};
use crate::gallery::{self, rules_named};
use crate::names::distance;
use crate::scope::Scope;
use crate::system::System;

/// First words of the actions.
pub(super) const ACTIONS: [&str; 30] = [
    "write",
    "read",
    "deliver",
    "lose",
    "duplicate",
    "fail",
    "drop",
    "apply",
    "fail-apply",
    "drop-apply",
    "mark",
    "sync",
    "store-hints",
    "write-hints",
    "sync-hints",
    "hint",
    "hint-timeout",
    "timeout",
    "expire",
    "crash",
    "power-loss",
    "restart",
    "pause",
    "resume",
    "suspect",
    "trust",
    "partition",
    "heal",
    "tick",
    "settle",
];

/// One line with its number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    /// From 1.
    pub(super) number: usize,
    /// The line, trimmed.
    pub(super) text: &'a str,
}

impl<'a> Source<'a> {
    pub(super) fn words(self) -> Vec<&'a str> {
        self.text.split_whitespace().collect()
    }

    pub(super) fn malformed(self, form: &'static str) -> ScriptError {
        ScriptError::Malformed {
            line: self.number,
            text: self.text.into(),
            form,
        }
    }

    pub(super) fn unknown(
        self,
        word: &str,
        known: impl IntoIterator<Item = impl Into<String>>,
    ) -> ScriptError {
        ScriptError::UnknownWord {
            line: self.number,
            word: word.into(),
            nearest: nearest_of(word, known),
        }
    }

    /// The only word of a line after its first.
    fn only(self, rest: &[&'a str]) -> Result<&'a str, ScriptError> {
        match rest {
            [only] => Ok(only),
            _ => Err(self.malformed("one word after the first")),
        }
    }

    pub(super) fn choice<T: Copy>(
        self,
        rest: &[&'a str],
        choices: &[(&'static str, T)],
    ) -> Result<T, ScriptError> {
        let word = self.only(rest)?;
        let found = choices.iter().find(|(name, _)| *name == word);
        found
            .map(|(_, choice)| *choice)
            .ok_or_else(|| self.unknown(word, choices.iter().map(|(name, _)| *name)))
    }

    pub(super) fn number(self, rest: &[&str], form: &'static str) -> Result<u8, ScriptError> {
        match rest {
            [number] => number.parse().map_err(|_| self.malformed(form)),
            _ => Err(self.malformed(form)),
        }
    }

    pub(super) fn node(self, word: &str) -> Result<NodeId, ScriptError> {
        node(word).ok_or_else(|| self.malformed("nodes as n1, n2, n3"))
    }
}

/// The node of this name, whether or not a cluster has it.
pub(super) fn node(word: &str) -> Option<NodeId> {
    let number: u16 = word.strip_prefix('n')?.parse().ok()?;
    number.checked_sub(1).map(NodeId)
}

/// The most similar of several words.
pub(super) fn nearest_of(word: &str, known: impl IntoIterator<Item = impl Into<String>>) -> String {
    let known = known.into_iter().map(Into::into);
    known
        .min_by_key(|other: &String| distance(word, other))
        .unwrap_or_default()
}

/// Reads a whole script.
pub(super) fn script(text: &str) -> Result<Script, ScriptError> {
    let mut script = Script {
        about: Vec::new(),
        scope: Scope::default(),
        rules: REFERENCE.into(),
        lines: Vec::new(),
    };
    let mut claims = Vec::new();
    let mut is_bounded = false;
    for (line, number) in text.lines().zip(1_usize..) {
        let source = Source {
            number,
            text: line.trim(),
        };
        let first = source.words().first().copied().unwrap_or_default();
        if let Some(comment) = source.text.strip_prefix('#') {
            if is_bounded {
                script.push(number, Step::Comment(comment.into()));
            } else {
                script.about.push(comment.into());
            }
        } else if source.text.starts_with('>') {
            // A claim names operations and nodes, so that it is read when all bounds are known.
            claims.push((script.lines.len(), source));
            script.push(number, Step::DeliverAll);
        } else if let Some(step) = step(source)? {
            script.push(number, step);
        } else if bounds::WORDS.contains(&first) && script.lines.iter().all(is_comment) {
            is_bounded = true;
            bound(&mut script, source)?;
        } else if bounds::WORDS.contains(&first) {
            return Err(source.malformed("the bounds above the first action"));
        } else if !first.is_empty() {
            let known = bounds::WORDS.iter().chain(&ACTIONS);
            return Err(source.unknown(first, known.copied()));
        }
    }
    let system = script.system()?;
    read_claims(&mut script, &system, claims)?;
    Ok(script)
}

fn is_comment(line: &Line) -> bool {
    matches!(line.step, Step::Comment(_))
}

fn bound(script: &mut Script, source: Source<'_>) -> Result<(), ScriptError> {
    match source.words().as_slice() {
        ["rules", name] if rules_named(name).is_some() => {
            script.rules = (*name).into();
            Ok(())
        }
        ["rules", name] => {
            let known = gallery::all().map(|entry| entry.id);
            Err(source.unknown(name, known.chain([REFERENCE, "intended"])))
        }
        _ => bounds::take(&mut script.scope, source),
    }
}

/// An action, if the line is one.
fn step(source: Source<'_>) -> Result<Option<Step>, ScriptError> {
    match source.words().as_slice() {
        ["settle"] => Ok(Some(Step::Settle)),
        ["deliver", "*"] => Ok(Some(Step::DeliverAll)),
        [name] if name.contains('.') || matches!(*name, "heal" | "tick") => {
            let head = name.split('.').next().unwrap_or_default();
            if ACTIONS.contains(&head) {
                Ok(Some(Step::Act((*name).into())))
            } else {
                Err(source.unknown(head, ACTIONS))
            }
        }
        _ => Ok(None),
    }
}

fn read_claims(
    script: &mut Script,
    system: &System,
    claims: Vec<(usize, Source<'_>)>,
) -> Result<(), ScriptError> {
    for (index, source) in claims {
        let expectation = Expectation::parse(system, source)?;
        if let Some(line) = script.lines.get_mut(index) {
            line.step = Step::Expect(expectation);
        }
    }
    Ok(())
}

impl Script {
    fn push(&mut self, number: usize, step: Step) {
        self.lines.push(Line { number, step });
    }
}
