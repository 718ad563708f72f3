//! Names of the types without parameters, in CQL and as classes.

use super::abstract_type::AbstractType;

/// A type without parameters and its names.
struct Simple {
    /// The type.
    of: AbstractType,
    /// Its class, without package.
    class: &'static str,
    /// Its name in CQL; `None` where CQL has only the class.
    cql: Option<&'static str>,
}

const fn simple(of: AbstractType, class: &'static str, cql: &'static str) -> Simple {
    Simple {
        of,
        class,
        cql: Some(cql),
    }
}

/// Where one type has two names in CQL, the first one is printed.
static SIMPLE: [Simple; 24] = [
    simple(AbstractType::Ascii, "AsciiType", "ascii"),
    simple(AbstractType::Long, "LongType", "bigint"),
    simple(AbstractType::Bytes, "BytesType", "blob"),
    simple(AbstractType::Boolean, "BooleanType", "boolean"),
    simple(AbstractType::CounterColumn, "CounterColumnType", "counter"),
    simple(AbstractType::SimpleDate, "SimpleDateType", "date"),
    simple(AbstractType::Decimal, "DecimalType", "decimal"),
    simple(AbstractType::Double, "DoubleType", "double"),
    simple(AbstractType::Duration, "DurationType", "duration"),
    simple(AbstractType::Empty, "EmptyType", "empty"),
    simple(AbstractType::Float, "FloatType", "float"),
    simple(AbstractType::InetAddress, "InetAddressType", "inet"),
    simple(AbstractType::Int32, "Int32Type", "int"),
    simple(AbstractType::Short, "ShortType", "smallint"),
    simple(AbstractType::Utf8, "UTF8Type", "text"),
    simple(AbstractType::Time, "TimeType", "time"),
    simple(AbstractType::Timestamp, "TimestampType", "timestamp"),
    simple(AbstractType::TimeUuid, "TimeUUIDType", "timeuuid"),
    simple(AbstractType::Byte, "ByteType", "tinyint"),
    simple(AbstractType::Uuid, "UUIDType", "uuid"),
    simple(AbstractType::Utf8, "UTF8Type", "varchar"),
    simple(AbstractType::Integer, "IntegerType", "varint"),
    Simple {
        of: AbstractType::Date,
        class: "DateType",
        cql: None,
    },
    Simple {
        of: AbstractType::LexicalUuid,
        class: "LexicalUUIDType",
        cql: None,
    },
];

impl AbstractType {
    /// The type without parameters whose class has this name, without package.
    pub(super) fn of_simple_class(class: &str) -> Option<Self> {
        SIMPLE
            .iter()
            .find(|simple| simple.class == class)
            .map(|simple| simple.of.clone())
    }

    /// The type without parameters that has this name in CQL.
    pub(super) fn of_native_name(name: &str) -> Option<Self> {
        SIMPLE
            .iter()
            .find(|simple| simple.cql.is_some_and(|cql| cql.eq_ignore_ascii_case(name)))
            .map(|simple| simple.of.clone())
    }

    /// Name of the class, without package and parameters.
    #[must_use]
    pub const fn class_name(&self) -> &'static str {
        match self {
            Self::Ascii => "AsciiType",
            Self::Boolean => "BooleanType",
            Self::Byte => "ByteType",
            Self::Bytes => "BytesType",
            Self::CounterColumn => "CounterColumnType",
            Self::Date => "DateType",
            Self::Decimal => "DecimalType",
            Self::Double => "DoubleType",
            Self::Duration => "DurationType",
            Self::Empty => "EmptyType",
            Self::Float => "FloatType",
            Self::InetAddress => "InetAddressType",
            Self::Int32 => "Int32Type",
            Self::Integer => "IntegerType",
            Self::LexicalUuid => "LexicalUUIDType",
            Self::Long => "LongType",
            Self::Short => "ShortType",
            Self::SimpleDate => "SimpleDateType",
            Self::Time => "TimeType",
            Self::TimeUuid => "TimeUUIDType",
            Self::Timestamp => "TimestampType",
            Self::Utf8 => "UTF8Type",
            Self::Uuid => "UUIDType",
            Self::List { .. } => "ListType",
            Self::Set { .. } => "SetType",
            Self::Map { .. } => "MapType",
            Self::Tuple(_) => "TupleType",
            Self::User(_) => "UserType",
            Self::Vector { .. } => "VectorType",
            Self::Composite(_) => "CompositeType",
            Self::Reversed(_) => "ReversedType",
        }
    }

    /// Whether CQL has only the class to name the type.
    pub(super) const fn has_no_cql_name(&self) -> bool {
        matches!(self, Self::Composite(_) | Self::Date | Self::LexicalUuid)
    }

    /// What a person calls the type, without parameters.
    pub(super) fn kind_name(&self) -> &'static str {
        match self {
            Self::Ascii => "ascii",
            Self::Boolean => "boolean",
            Self::Byte => "tinyint",
            Self::Bytes => "blob",
            Self::CounterColumn => "counter",
            Self::Date => "DateType",
            Self::Decimal => "decimal",
            Self::Double => "double",
            Self::Duration => "duration",
            Self::Empty => "empty",
            Self::Float => "float",
            Self::InetAddress => "inet",
            Self::Int32 => "int",
            Self::Integer => "varint",
            Self::LexicalUuid => "LexicalUUIDType",
            Self::Long => "bigint",
            Self::Short => "smallint",
            Self::SimpleDate => "date",
            Self::Time => "time",
            Self::TimeUuid => "timeuuid",
            Self::Timestamp => "timestamp",
            Self::Utf8 => "text",
            Self::Uuid => "uuid",
            Self::List { .. } => "list",
            Self::Set { .. } => "set",
            Self::Map { .. } => "map",
            Self::Tuple(_) => "tuple",
            Self::User(_) => "user-defined type",
            Self::Vector { .. } => "vector",
            Self::Composite(_) => "CompositeType",
            Self::Reversed(of) => of.kind_name(),
        }
    }
}
