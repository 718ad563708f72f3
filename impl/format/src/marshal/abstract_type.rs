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
    /// The type of timestamps before 1.2; those before 1970 sort last.
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
    /// UUIDs that compare as two signed numbers of eight bytes.
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
    /// `vector`, always frozen; of Cassandra 5.0.
    Vector {
        /// Type of the elements.
        elements: Box<Self>,
        /// How many elements every value has; at least one.
        dimension_count: u32,
    },
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
            Self::Vector {
                elements,
                dimension_count,
            } => usize::try_from(*dimension_count)
                .ok()
                .and_then(|dimension_count| elements.value_length_if_fixed()?.checked_mul(dimension_count)),
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
    ///
    /// A reversed type is that of a clustering column, and never has cells.
    #[must_use]
    pub const fn is_multicell(&self) -> bool {
        matches!(self.multicell_mark(), Some(true))
    }

    /// Whether each element could be a cell of its own, and is not.
    pub(super) const fn is_frozen(&self) -> bool {
        matches!(self.multicell_mark(), Some(false))
    }

    /// The mark of the types that have one.
    const fn multicell_mark(&self) -> Option<bool> {
        if let Self::List { is_multicell, .. }
        | Self::Set { is_multicell, .. }
        | Self::Map { is_multicell, .. } = self
        {
            Some(*is_multicell)
        } else if let Self::User(user) = self {
            Some(user.is_multicell)
        } else {
            None
        }
    }

    /// The same type with whole values in one cell.
    ///
    /// Elements of a collection are frozen with it; the fields of a user-defined type stay as they
    /// are, which only their printed name shows. Cassandra: `AbstractType.freeze`.
    #[must_use]
    pub fn freeze(mut self) -> Self {
        self.freeze_in_place();
        self
    }

    fn freeze_in_place(&mut self) {
        if let Self::User(user) = self {
            user.is_multicell = false;
        } else if let Self::List {
            elements,
            is_multicell: is_multicell @ true,
        }
        | Self::Set {
            elements,
            is_multicell: is_multicell @ true,
        } = self
        {
            *is_multicell = false;
            elements.freeze_in_place();
        } else if let Self::Map {
            keys,
            values,
            is_multicell: is_multicell @ true,
        } = self
        {
            *is_multicell = false;
            keys.freeze_in_place();
            values.freeze_in_place();
        }
    }

    /// Whether a clustering column of this type is in descending order.
    #[must_use]
    pub const fn is_reversed(&self) -> bool {
        matches!(self, Self::Reversed(_))
    }

    /// The type without the mark of descending order.
    #[must_use]
    pub fn unwrap_reversed(&self) -> &Self {
        let mut base = self;
        while let Self::Reversed(of) = base {
            base = of;
        }
        base
    }

    /// Whether values are counter contexts.
    #[must_use]
    pub const fn is_counter(&self) -> bool {
        matches!(self, Self::CounterColumn)
    }

    /// The types directly inside this one.
    #[must_use]
    pub fn inner(&self) -> Vec<&Self> {
        if let Self::List { elements: of, .. }
        | Self::Set { elements: of, .. }
        | Self::Vector { elements: of, .. }
        | Self::Reversed(of) = self
        {
            vec![of]
        } else if let Self::Map { keys, values, .. } = self {
            vec![keys, values]
        } else if let Self::Tuple(types) | Self::Composite(types) = self {
            types.iter().collect()
        } else if let Self::User(user) = self {
            user.fields.iter().map(|(_, field)| field).collect()
        } else {
            Vec::new()
        }
    }

    /// Whether this type or one anywhere inside it is as wanted.
    pub fn contains(&self, is_wanted: &impl Fn(&Self) -> bool) -> bool {
        is_wanted(self) || self.has_inner(is_wanted)
    }

    /// Whether a type anywhere inside this one is as wanted.
    pub fn has_inner(&self, is_wanted: &impl Fn(&Self) -> bool) -> bool {
        self.inner().into_iter().any(|inner| inner.contains(is_wanted))
    }

    /// Type of the value of one cell: the column's own, or that of the elements of a column whose
    /// elements are cells.
    ///
    /// The cells of a set have no value. `path` chooses the field of a user-defined type, `None`
    /// where there is no such field. Cassandra: `ColumnMetadata.cellValueType`,
    /// `JsonTransformer.serializeCell`.
    #[must_use]
    pub fn cell_value_type(&self, path: &[u8]) -> Option<&Self> {
        if !self.is_multicell() {
            return Some(self);
        }
        if let Self::User(user) = self {
            user.field(path).map(|(_, field)| field)
        } else if let Self::List { elements: of, .. } | Self::Map { values: of, .. } = self {
            Some(of)
        } else {
            Some(&Self::Empty)
        }
    }

    /// Type of the cell paths of a column whose elements are cells; `None` for any other column.
    ///
    /// Cassandra: `CollectionType.nameComparator`, `UserType.nameComparator`.
    #[must_use]
    pub fn path_type(&self) -> Option<&Self> {
        if !self.is_multicell() {
            return None;
        }
        if let Self::Set { elements: of, .. } | Self::Map { keys: of, .. } = self {
            Some(of)
        } else if let Self::List { .. } = self {
            Some(&Self::TimeUuid)
        } else {
            Some(&Self::Short)
        }
    }
}

impl UserType {
    /// Name and type of the field that a cell path gives, a signed number of two bytes.
    #[must_use]
    pub fn field(&self, path: &[u8]) -> Option<(&[u8], &AbstractType)> {
        let index = i16::from_be_bytes(path.try_into().ok()?);
        let (name, field) = self.fields.get(usize::try_from(index).ok()?)?;
        Some((name, field))
    }
}
