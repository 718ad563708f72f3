//! A position in the name of a type.

use super::error::TypeNameError;

/// Types nest at most this deep; every use of Cassandra stays far below.
const DEPTH_LIMIT: usize = 64;

/// A position in the name of a type, and how many types are open there.
#[derive(Debug)]
pub(super) struct Scanner<'a> {
    text: &'a str,
    offset: usize,
    depth: usize,
}

impl<'a> Scanner<'a> {
    /// At the beginning.
    pub(super) const fn new(text: &'a str) -> Self {
        Self {
            text,
            offset: 0,
            depth: 0,
        }
    }

    /// Goes into the parameters of a type.
    pub(super) const fn descend(&mut self) -> Result<(), TypeNameError> {
        self.depth += 1;
        if self.depth > DEPTH_LIMIT {
            Err(TypeNameError::TooDeep { limit: DEPTH_LIMIT })
        } else {
            Ok(())
        }
    }

    /// Leaves the parameters of a type.
    pub(super) const fn ascend(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.offset..).unwrap_or_default()
    }

    /// Goes behind blanks.
    pub(super) fn skip_blanks(&mut self) {
        self.take_while(|character| matches!(character, ' ' | '\t' | '\n' | '\r'));
    }

    /// Takes the longest text of these characters; may be empty.
    pub(super) fn take_while(&mut self, mut is_wanted: impl FnMut(char) -> bool) -> &'a str {
        let rest = self.rest();
        let size_bytes = rest.find(|character| !is_wanted(character)).unwrap_or(rest.len());
        self.offset += size_bytes;
        rest.get(..size_bytes).unwrap_or_default()
    }

    /// Takes blanks and one character; `false` when another one stands there.
    pub(super) fn take(&mut self, wanted: char) -> bool {
        self.skip_blanks();
        self.take_exactly(wanted)
    }

    /// Takes one character; `false` when another one stands here.
    pub(super) fn take_exactly(&mut self, wanted: char) -> bool {
        let is_there = self.rest().starts_with(wanted);
        if is_there {
            self.offset += wanted.len_utf8();
        }
        is_there
    }

    /// Takes the next character, whatever it is.
    pub(super) fn take_any(&mut self) -> Option<char> {
        let character = self.rest().chars().next()?;
        self.offset += character.len_utf8();
        Some(character)
    }

    /// Takes a character that must be there.
    pub(super) fn expect(&mut self, wanted: char, expected: &'static str) -> Result<(), TypeNameError> {
        if self.take(wanted) {
            Ok(())
        } else {
            Err(self.error(expected))
        }
    }

    /// Whether only blanks are left.
    pub(super) fn is_at_end(&mut self) -> bool {
        self.skip_blanks();
        self.rest().is_empty()
    }

    /// The error that something else is expected here.
    pub(super) fn error(&self, expected: &'static str) -> TypeNameError {
        TypeNameError::Syntax {
            text: self.text.into(),
            offset: self.offset,
            expected,
        }
    }
}
