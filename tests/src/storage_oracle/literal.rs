//! Values as a person writes them, with their order and their bytes.
//!
//! Keys, clusterings, elements and values of operations are literals; what they become in a file is said
//! here a second time, from the text of the chapter and not from the engine. Chapter: `specs/01-data-model.md`.

use std::cmp::Ordering;
use std::fmt::{self, Write as _};

/// A value of one of the two types that the schemas use.
#[derive(Clone, Eq, Hash, PartialEq)]
pub enum Literal {
    /// A CQL `int`.
    Int(i32),
    /// A CQL `text`.
    Text(String),
}

impl Literal {
    /// A text.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    /// The serialized value.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Int(number) => number.to_be_bytes().to_vec(),
            Self::Text(text) => text.as_bytes().to_vec(),
        }
    }

    /// The order of the type: numbers by value, texts by their bytes, unsigned.
    ///
    /// Literals of different types never stand in one column; their order means nothing.
    #[must_use]
    pub fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Int(left), Self::Int(right)) => left.cmp(right),
            (Self::Text(left), Self::Text(right)) => left.as_bytes().cmp(right.as_bytes()),
            (Self::Int(_), Self::Text(_)) => Ordering::Less,
            (Self::Text(_), Self::Int(_)) => Ordering::Greater,
        }
    }

    /// Reads what [`fmt::Display`] writes.
    ///
    /// # Errors
    /// A sentence about text that is no literal.
    pub fn parse(written: &str) -> Result<Self, String> {
        let quoted = written
            .strip_prefix('\'')
            .and_then(|rest| rest.strip_suffix('\''));
        let Some(quoted) = quoted else {
            let number = written.parse().map(Self::Int);
            return number.map_err(|_| format!("`{written}` is neither a number nor a 'text'"));
        };
        let mut bytes = Vec::new();
        let mut rest = quoted.bytes();
        while let Some(byte) = rest.next() {
            if byte != b'%' {
                bytes.push(byte);
                continue;
            }
            let digits: String = rest.by_ref().take(2).map(char::from).collect();
            let escaped = u8::from_str_radix(&digits, 16);
            bytes.push(escaped.map_err(|_| format!("`%{digits}` in `{written}` is no byte"))?);
        }
        let text = String::from_utf8(bytes);
        text.map(Self::Text)
            .map_err(|_| format!("`{written}` is not UTF-8"))
    }
}

impl fmt::Display for Literal {
    /// A number, or a text in quotes with everything but letters, digits and `_` as `%` and two hex digits.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(number) => write!(formatter, "{number}"),
            Self::Text(text) => {
                formatter.write_char('\'')?;
                for byte in text.bytes() {
                    if byte.is_ascii_alphanumeric() || byte == b'_' {
                        formatter.write_char(char::from(byte))?;
                    } else {
                        write!(formatter, "%{byte:02x}")?;
                    }
                }
                formatter.write_char('\'')
            }
        }
    }
}

impl fmt::Debug for Literal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for literal in [
            Literal::Int(-7),
            Literal::text(""),
            Literal::text("a\u{0}%'é"),
            Literal::text("plain_1"),
        ] {
            assert_eq!(Literal::parse(&literal.to_string()), Ok(literal));
        }
        assert_eq!(Literal::text("a b").to_string(), "'a%20b'");
    }

    #[test]
    fn what_is_no_literal_is_refused() {
        for written in ["", "x", "'%zz'", "'%ff'", "'open"] {
            assert!(Literal::parse(written).is_err(), "{written}");
        }
    }

    #[test]
    fn negative_numbers_stand_before_positive_ones_and_bytes_are_unsigned() {
        assert_eq!(Literal::Int(-1).order(&Literal::Int(0)), Ordering::Less);
        assert_eq!(Literal::text("é").order(&Literal::text("z")), Ordering::Greater);
        assert_eq!(Literal::text("").order(&Literal::text("\u{0}")), Ordering::Less);
    }
}
