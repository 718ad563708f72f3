//! What can be wrong with values, their images, and the names of types.

use thiserror::Error;

/// Why bytes are not a value of a type.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum MarshalError {
    /// A value has a length that the type does not allow.
    #[error("{type_name} has {found_bytes} bytes, expected {expected}")]
    Length {
        /// CQL name of the type.
        type_name: &'static str,
        /// Lengths that the type allows, in words.
        expected: &'static str,
        /// Bytes of the value.
        found_bytes: usize,
    },
    /// A value has bytes that the type does not allow.
    #[error("{type_name} {wrong}")]
    Content {
        /// CQL name of the type.
        type_name: &'static str,
        /// What is wrong, as the rest of a sentence.
        wrong: &'static str,
    },
    /// A part of a value is wrong.
    #[error("{part} {index} of {type_name}: {source}")]
    Part {
        /// CQL name of the type that has the part.
        type_name: &'static str,
        /// Element, key, value, field or component.
        part: &'static str,
        /// Which one, from 0.
        index: usize,
        /// What is wrong with it.
        source: Box<Self>,
    },
    /// Bytes are not the image of any value of a type.
    #[error("bytes at {offset} of {size_bytes} are not the order-preserving image of a {type_name}")]
    Image {
        /// CQL name of the type.
        type_name: &'static str,
        /// Where the first bytes stand that are wrong.
        offset: usize,
        /// Bytes of the whole image.
        size_bytes: usize,
    },
}

/// Why text is not the name of a type.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum TypeNameError {
    /// No type has this name.
    #[error("unknown type {name:?}")]
    Unknown {
        /// The name.
        name: Box<str>,
    },
    /// A type of Cassandra that no table of this version has.
    #[error("type {class} is not supported: {reason}")]
    Unsupported {
        /// Its class, without package.
        class: &'static str,
        /// Why not.
        reason: &'static str,
    },
    /// Something else is expected at a place.
    #[error("expected {expected} at character {offset} of {text:?}")]
    Syntax {
        /// The whole text.
        text: Box<str>,
        /// Bytes before the place.
        offset: usize,
        /// What is expected there.
        expected: &'static str,
    },
    /// A type has another number of parameters.
    #[error("{class} takes {expected} parameters, {found} given")]
    ParameterCount {
        /// The type.
        class: &'static str,
        /// How many it takes, in words.
        expected: &'static str,
        /// How many there are.
        found: usize,
    },
    /// A type contains another that it must not contain.
    #[error("{inner} inside {outer}: {rule}")]
    Nesting {
        /// The type that contains.
        outer: &'static str,
        /// What it contains.
        inner: &'static str,
        /// The rule that forbids it.
        rule: &'static str,
    },
    /// Types inside types inside types, beyond any use.
    #[error("types nest more than {limit} deep")]
    TooDeep {
        /// Depth that is allowed.
        limit: usize,
    },
}
