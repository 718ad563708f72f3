//! What can be wrong with bytes.

use thiserror::Error;

/// Why bytes are not what they should be.
///
/// Offsets count from the beginning of the file, or of the component that was given to the reader.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum FormatError {
    /// The bytes end too early.
    #[error("{what} at offset {offset} needs {needed_bytes} bytes, and {available_bytes} are left")]
    Truncated {
        /// What was being read.
        what: &'static str,
        /// Where it begins, bytes.
        offset: u64,
        /// Bytes that it needs.
        needed_bytes: u64,
        /// Bytes that there are.
        available_bytes: u64,
    },
    /// A checksum does not fit the bytes that it covers.
    #[error("{what} at offset {offset} has checksum {found:#010x}, and its bytes give {expected:#010x}")]
    Checksum {
        /// What is covered.
        what: &'static str,
        /// Where the covered bytes begin.
        offset: u64,
        /// Computed from the bytes.
        expected: u32,
        /// Stored in the file.
        found: u32,
    },
    /// A number has a value that the format does not know.
    #[error("{what} at offset {offset} is {found}, expected {expected}")]
    Invalid {
        /// What was being read.
        what: &'static str,
        /// Where it begins.
        offset: u64,
        /// What the format allows, in words.
        expected: &'static str,
        /// What is there, as text.
        found: Box<str>,
    },
}

impl FormatError {
    /// The error that something at an offset is not what the format allows.
    #[must_use]
    pub fn invalid(
        what: &'static str,
        offset: u64,
        expected: &'static str,
        found: &dyn core::fmt::Display,
    ) -> Self {
        Self::Invalid {
            what,
            offset,
            expected,
            found: found.to_string().into(),
        }
    }
}
