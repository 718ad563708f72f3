//! The types of columns.
//!
//! Source: Cassandra `db.marshal.AbstractType` and the classes that extend it.

/// The type of a column, a key or an element; a variant is named after Cassandra's class.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum AbstractType {
    /// `ascii`.
    Ascii,
    /// `boolean`.
    Boolean,
    /// `tinyint`.
    Byte,
    /// `blob`.
    Bytes,
    /// `counter`; values are contexts.
    CounterColumn,
    /// The type of timestamps before 1.2; compares as unsigned bytes of a `bigint`.
    Date,
    /// `decimal`.
    Decimal,
    /// `double`.
    Double,
    /// `duration`.
    Duration,
    /// Always empty; values of compact tables.
    Empty,
    /// `float`.
    Float,
    /// `inet`.
    InetAddress,
    /// `int`.
    Int32,
    /// `varint`.
    Integer,
    /// UUIDs that compare as unsigned bytes.
    LexicalUuid,
    /// `bigint`.
    Long,
    /// `smallint`.
    Short,
    /// `date`.
    SimpleDate,
    /// `time`.
    Time,
    /// `timeuuid`.
    TimeUuid,
    /// `timestamp`.
    Timestamp,
    /// `text` and `varchar`.
    Utf8,
    /// `uuid`.
    Uuid,
    /// `list`.
    List {
        /// Type of the elements.
        elements: Box<Self>,
        /// Whether each element is a cell of its own; false when frozen.
        is_multicell: bool,
    },
    /// `set`.
    Set {
        /// Type of the elements.
        elements: Box<Self>,
        /// Whether each element is a cell of its own; false when frozen.
        is_multicell: bool,
    },
    /// `map`.
    Map {
        /// Type of the keys.
        keys: Box<Self>,
        /// Type of the values.
        values: Box<Self>,
        /// Whether each entry is a cell of its own; false when frozen.
        is_multicell: bool,
    },
    /// `tuple`, always frozen.
    Tuple(
        /// Types of the fields.
        Vec<Self>,
    ),
    /// A user-defined type.
    User(
        /// Its definition.
        Box<UserType>,
    ),
    /// Several values in one, as partition keys of several columns are.
    Composite(
        /// Types of the components.
        Vec<Self>,
    ),
    /// A clustering column in descending order: same bytes, reversed comparison.
    Reversed(
        /// The type that is reversed.
        Box<Self>,
    ),
}

/// A user-defined type.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct UserType {
    /// Keyspace in which it is defined.
    pub keyspace: Box<str>,
    /// Its name.
    pub name: Box<[u8]>,
    /// Names and types of the fields, in order.
    pub fields: Vec<(Box<[u8]>, AbstractType)>,
    /// Whether each field is a cell of its own; false when frozen.
    pub is_multicell: bool,
}

impl AbstractType {
    /// Bytes of every value that is not empty, or `None` where values carry their length.
    ///
    /// `tinyint`, `smallint`, `date` and `time` carry a length although it is always the same.
    /// Cassandra: `AbstractType.valueLengthIfFixed`.
    #[must_use]
    pub fn value_length_if_fixed(&self) -> Option<usize> {
        match self {
            Self::Boolean => Some(1),
            Self::Int32 | Self::Float => Some(4),
            Self::Date | Self::Double | Self::Long | Self::Timestamp => Some(8),
            Self::LexicalUuid | Self::TimeUuid | Self::Uuid => Some(16),
            Self::Empty => Some(0),
            Self::Reversed(of) => of.value_length_if_fixed(),
            Self::Ascii
            | Self::Byte
            | Self::Bytes
            | Self::CounterColumn
            | Self::Decimal
            | Self::Duration
            | Self::InetAddress
            | Self::Integer
            | Self::Short
            | Self::SimpleDate
            | Self::Time
            | Self::Utf8
            | Self::List { .. }
            | Self::Set { .. }
            | Self::Map { .. }
            | Self::Tuple(_)
            | Self::User(_)
            | Self::Composite(_) => None,
        }
    }

    /// Whether each element of a value is a cell of its own.
    #[must_use]
    pub fn is_multicell(&self) -> bool {
        match self {
            Self::List { is_multicell, .. }
            | Self::Set { is_multicell, .. }
            | Self::Map { is_multicell, .. } => *is_multicell,
            Self::User(user) => user.is_multicell,
            Self::Reversed(of) => of.is_multicell(),
            Self::Ascii
            | Self::Boolean
            | Self::Byte
            | Self::Bytes
            | Self::CounterColumn
            | Self::Date
            | Self::Decimal
            | Self::Double
            | Self::Duration
            | Self::Empty
            | Self::Float
            | Self::InetAddress
            | Self::Int32
            | Self::Integer
            | Self::LexicalUuid
            | Self::Long
            | Self::Short
            | Self::SimpleDate
            | Self::Time
            | Self::TimeUuid
            | Self::Timestamp
            | Self::Utf8
            | Self::Uuid
            | Self::Tuple(_)
            | Self::Composite(_) => false,
        }
    }
}
