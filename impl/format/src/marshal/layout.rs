//! How the values of a type are laid out and ordered: few kinds for many types.
//!
//! Comparison, order-preserving images and validation walk values by layout. Source: Cassandra
//! `db.marshal`, each type's `compareCustom`.

use super::abstract_type::AbstractType;

/// Layout and order of the values of a type.
#[derive(Clone, Copy, Debug)]
pub(super) enum Layout<'a> {
    /// Any bytes, compared unsigned.
    Bytes,
    /// Always one size.
    Fixed(Fixed),
    /// A number of any size.
    Integer,
    /// A scale of four bytes, and a number of any size.
    Decimal,
    /// No bytes.
    Empty,
    /// A count of four bytes, and elements behind their lengths of four bytes.
    Elements(&'a AbstractType),
    /// A count of four bytes, and keys and values behind their lengths of four bytes.
    Entries(&'a AbstractType, &'a AbstractType),
    /// Fields behind their lengths of four bytes; the last ones may be missing.
    Fields(Fields<'a>),
    /// Components behind their lengths of two bytes, each followed by one byte.
    Components(&'a [AbstractType]),
    /// A known number of elements.
    Vector(&'a AbstractType, u32),
    /// The layout of another type in the opposite order.
    Reversed(&'a AbstractType),
}

/// Types of the fields of a tuple or a user-defined type.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fields<'a> {
    /// Of a tuple.
    Tuple(&'a [AbstractType]),
    /// Of a user-defined type, with their names.
    User(&'a [(Box<[u8]>, AbstractType)]),
}

impl<'a> Fields<'a> {
    /// How many there are.
    pub(super) const fn count(self) -> usize {
        match self {
            Self::Tuple(types) => types.len(),
            Self::User(fields) => fields.len(),
        }
    }

    /// Type of one of them.
    pub(super) fn get(self, index: usize) -> Option<&'a AbstractType> {
        match self {
            Self::Tuple(types) => types.get(index),
            Self::User(fields) => fields.get(index).map(|(_, field)| field),
        }
    }
}

/// What makes values of one size comparable as unsigned bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fixed {
    /// They are so already.
    Unsigned {
        /// Bytes of every value that is not empty.
        size_bytes: usize,
    },
    /// Two's complement: the sign bit is the wrong way round.
    Signed {
        /// Bytes of every value that is not empty.
        size_bytes: usize,
    },
    /// Zero or anything else.
    Boolean,
    /// IEEE 754 of four bytes.
    Float,
    /// IEEE 754 of eight bytes.
    Double,
    /// Timestamp with its fields in ascending order of significance, then signed bytes.
    TimeUuid,
    /// By version; those of version 1 by timestamp.
    Uuid,
    /// Two signed numbers of eight bytes.
    LexicalUuid,
}

impl Fixed {
    /// Bytes of every value that is not empty.
    pub(super) const fn size_bytes(self) -> usize {
        match self {
            Self::Unsigned { size_bytes } | Self::Signed { size_bytes } => size_bytes,
            Self::Boolean => 1,
            Self::Float => 4,
            Self::Double => 8,
            Self::TimeUuid | Self::Uuid | Self::LexicalUuid => 16,
        }
    }
}

impl AbstractType {
    /// Layout and order of the values.
    pub(super) fn layout(&self) -> Layout<'_> {
        match self {
            Self::Ascii
            | Self::Bytes
            | Self::CounterColumn
            | Self::Duration
            | Self::InetAddress
            | Self::Utf8 => Layout::Bytes,
            Self::Boolean => Layout::Fixed(Fixed::Boolean),
            Self::Byte => Layout::Fixed(Fixed::Signed { size_bytes: 1 }),
            Self::Short => Layout::Fixed(Fixed::Signed { size_bytes: 2 }),
            Self::Int32 => Layout::Fixed(Fixed::Signed { size_bytes: 4 }),
            Self::Long | Self::Timestamp => Layout::Fixed(Fixed::Signed { size_bytes: 8 }),
            Self::SimpleDate => Layout::Fixed(Fixed::Unsigned { size_bytes: 4 }),
            Self::Date | Self::Time => Layout::Fixed(Fixed::Unsigned { size_bytes: 8 }),
            Self::Float => Layout::Fixed(Fixed::Float),
            Self::Double => Layout::Fixed(Fixed::Double),
            Self::TimeUuid => Layout::Fixed(Fixed::TimeUuid),
            Self::Uuid => Layout::Fixed(Fixed::Uuid),
            Self::LexicalUuid => Layout::Fixed(Fixed::LexicalUuid),
            Self::Integer => Layout::Integer,
            Self::Decimal => Layout::Decimal,
            Self::Empty => Layout::Empty,
            Self::List { elements, .. } | Self::Set { elements, .. } => Layout::Elements(elements),
            Self::Map { keys, values, .. } => Layout::Entries(keys, values),
            Self::Tuple(types) => Layout::Fields(Fields::Tuple(types)),
            Self::User(user) => Layout::Fields(Fields::User(&user.fields)),
            Self::Composite(types) => Layout::Components(types),
            Self::Vector {
                elements,
                dimension_count,
            } => Layout::Vector(elements, *dimension_count),
            Self::Reversed(of) => Layout::Reversed(of),
        }
    }
}
