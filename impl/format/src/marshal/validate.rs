//! Whether bytes are a value of a type.
//!
//! Source: Cassandra `serializers.*.validate`, `ColumnMetadata.validateCell`.

use super::abstract_type::AbstractType;
use super::decimal;
use super::error::MarshalError;
use super::layout::Fields;
use super::walk;
use crate::cursor::Cursor;

/// Where the version of a UUID stands, in its high four bits.
const UUID_VERSION_INDEX: usize = 6;
/// Bytes of the header of a counter context in front of the headers of its shards.
const COUNTER_HEADER_SIZE_BYTES: usize = 2;
/// Bytes of a shard of a counter context: counter id, clock and count.
const SHARD_SIZE_BYTES: usize = 32;

impl AbstractType {
    /// Checks a value as Cassandra does before it writes one.
    ///
    /// A negative count of a collection is refused here; Cassandra lets it through, and fails when
    /// it reads the value.
    ///
    /// # Errors
    /// Says what is wrong, and in which part.
    pub fn validate(&self, value: &[u8]) -> Result<(), MarshalError> {
        match self {
            Self::Bytes | Self::Integer => Ok(()),
            Self::Ascii if value.is_ascii() => Ok(()),
            Self::Ascii => Err(self.content("has bytes above 7F")),
            Self::Utf8 if is_text(value) => Ok(()),
            Self::Utf8 => Err(self.content("is not UTF-8 text")),
            Self::Boolean => self.length(value, value.len() <= 1, "0 or 1"),
            Self::Byte => self.length(value, value.len() == 1, "1"),
            Self::Short => self.length(value, value.len() == 2, "2"),
            Self::SimpleDate => self.length(value, value.len() == 4, "4"),
            Self::Time => self.length(value, value.len() == 8, "8"),
            Self::Int32 | Self::Float => self.length(value, matches!(value.len(), 0 | 4), "0 or 4"),
            Self::CounterColumn | Self::Date | Self::Double | Self::Long | Self::Timestamp => {
                self.length(value, matches!(value.len(), 0 | 8), "0 or 8")
            }
            Self::LexicalUuid | Self::Uuid => self.length(value, matches!(value.len(), 0 | 16), "0 or 16"),
            Self::TimeUuid => {
                self.length(value, matches!(value.len(), 0 | 16), "0 or 16")?;
                match value.get(UUID_VERSION_INDEX) {
                    Some(byte) if byte >> 4 != 1 => Err(self.content("is a UUID of another version than 1")),
                    Some(_) | None => Ok(()),
                }
            }
            Self::InetAddress => self.length(value, matches!(value.len(), 0 | 4 | 16), "0, 4 or 16"),
            Self::Decimal => {
                let is_possible = value.is_empty() || value.len() >= decimal::SCALE_SIZE_BYTES;
                self.length(value, is_possible, "0 or at least 4")
            }
            Self::Duration => self.validate_duration(value),
            Self::Empty => self.length(value, value.is_empty(), "0"),
            Self::List { elements, .. } | Self::Set { elements, .. } => {
                self.validate_elements(&[("element", elements)], value)
            }
            Self::Map { keys, values, .. } => {
                self.validate_elements(&[("key", keys), ("value", values)], value)
            }
            Self::Tuple(types) => self.validate_fields(Fields::Tuple(types), value),
            Self::User(user) => self.validate_fields(Fields::User(&user.fields), value),
            Self::Composite(types) => self.validate_components(types, value),
            Self::Vector {
                elements,
                dimension_count,
            } => self.validate_vector(elements, *dimension_count, value),
            Self::Reversed(of) => of.validate(value),
        }
    }

    /// Checks the path and the value of a cell of a column of this type, not those of a tombstone.
    ///
    /// # Errors
    /// When either is wrong, there is a path in a simple column, or none in a complex one.
    pub fn validate_cell(&self, path: Option<&[u8]>, value: &[u8]) -> Result<(), MarshalError> {
        match (self.path_type(), path) {
            (None, None) if self.is_counter() => validate_counter_context(value),
            (None, None) => self.validate(value),
            (Some(paths), Some(path)) => {
                paths.validate(path)?;
                let of = self.cell_value_type(path);
                of.ok_or_else(|| self.content("has no field of this number"))?
                    .validate(value)
            }
            (None, Some(_)) => Err(self.content("has no cells of its own, and a path is given")),
            (Some(_), None) => Err(self.content("has a cell for each element, and no path is given")),
        }
    }

    pub(super) fn content(&self, wrong: &'static str) -> MarshalError {
        MarshalError::Content {
            type_name: self.kind_name(),
            wrong,
        }
    }

    /// Fails unless a value has a possible length.
    pub(super) fn length(
        &self,
        value: &[u8],
        is_possible: bool,
        expected: &'static str,
    ) -> Result<(), MarshalError> {
        if is_possible {
            return Ok(());
        }
        Err(MarshalError::Length {
            type_name: self.kind_name(),
            expected,
            found_bytes: value.len(),
        })
    }

    /// The error that a part of a value is wrong.
    pub(super) fn part(&self, part: &'static str, index: usize) -> impl FnOnce(MarshalError) -> MarshalError {
        let type_name = self.kind_name();
        move |source| MarshalError::Part {
            type_name,
            part,
            index,
            source: Box::new(source),
        }
    }

    fn validate_duration(&self, value: &[u8]) -> Result<(), MarshalError> {
        self.length(value, value.len() >= 3, "at least 3")?;
        let (months, days, nanoseconds) = split_duration(value).ok_or_else(|| self.content("is cut"))?;
        if i32::try_from(months).is_err() || i32::try_from(days).is_err() {
            return Err(self.content("has months or days beyond 32 bits"));
        }
        let numbers = [months, days, nanoseconds];
        if numbers.iter().any(|number| *number > 0) && numbers.iter().any(|number| *number < 0) {
            return Err(self.content("has parts of different signs"));
        }
        Ok(())
    }

    fn validate_elements(&self, in_turn: &[(&'static str, &Self)], value: &[u8]) -> Result<(), MarshalError> {
        let (count, mut rest) = walk::split_count(value).ok_or_else(|| self.content("has no count"))?;
        for index in 0..count {
            for (part, of) in in_turn {
                let element = walk::take_int_bytes(&mut rest)
                    .map_err(|_| self.content("ends before its last element"))?
                    .ok_or_else(|| self.content("has a null element"))?;
                of.validate(element).map_err(self.part(part, index))?;
            }
        }
        if rest.is_empty() {
            Ok(())
        } else {
            Err(self.content("has bytes behind its last element"))
        }
    }

    fn validate_fields(&self, fields: Fields<'_>, value: &[u8]) -> Result<(), MarshalError> {
        let mut rest = value;
        for (index, of) in (0..fields.count()).map_while(|index| Some((index, fields.get(index)?))) {
            if rest.is_empty() {
                return Ok(());
            }
            let field = walk::take_int_bytes(&mut rest).map_err(|_| self.content("ends inside a field"))?;
            if let Some(field) = field {
                of.validate(field).map_err(self.part("field", index))?;
            }
        }
        if rest.is_empty() {
            Ok(())
        } else {
            Err(self.content("has bytes behind its last field"))
        }
    }

    fn validate_components(&self, types: &[Self], value: &[u8]) -> Result<(), MarshalError> {
        let (_, mut rest) = walk::split_static(value);
        for (index, of) in types.iter().enumerate() {
            if rest.is_empty() {
                return Ok(());
            }
            let component =
                walk::take_component(&mut rest).map_err(|_| self.content("ends inside a component"))?;
            of.validate(component.value)
                .map_err(self.part("component", index))?;
            if component.end_of_component != 0 && !rest.is_empty() {
                return Err(self.content("has bytes behind the component that ends it"));
            }
        }
        if rest.is_empty() {
            Ok(())
        } else {
            Err(self.content("has bytes behind its last component"))
        }
    }

    fn validate_vector(
        &self,
        elements: &Self,
        dimension_count: u32,
        value: &[u8],
    ) -> Result<(), MarshalError> {
        // Elements of no bytes would never fill the value.
        if value.is_empty() || elements.value_length_if_fixed() == Some(0) {
            return Err(self.content("is empty, or its elements are"));
        }
        let mut rest = value;
        let mut index = 0;
        while !rest.is_empty() && u32::try_from(index).is_ok_and(|index| index < dimension_count) {
            let element = walk::take_vector_element(elements, &mut rest)
                .map_err(|_| self.content("ends inside an element"))?;
            elements.validate(element).map_err(self.part("element", index))?;
            index += 1;
        }
        match (rest.is_empty(), u32::try_from(index) == Ok(dimension_count)) {
            (true, true) => Ok(()),
            (true, false) => Err(self.content("has too few elements")),
            (false, _) => Err(self.content("has bytes behind its last element")),
        }
    }
}

/// Months, days and nanoseconds; `None` when cut. Bytes behind them are not looked at.
pub(super) fn split_duration(value: &[u8]) -> Option<(i64, i64, i64)> {
    let mut cursor = Cursor::new(value);
    let mut next = || cursor.signed_vint("duration").ok();
    Some((next()?, next()?, next()?))
}

/// Checks the length of a counter context.
///
/// Cassandra: `CounterContext.validateContext`.
fn validate_counter_context(value: &[u8]) -> Result<(), MarshalError> {
    let counter = AbstractType::CounterColumn;
    let header_count = Cursor::new(value)
        .u16("counter context")
        .map_err(|_| counter.content("context has no header"))?;
    let header_size_bytes = COUNTER_HEADER_SIZE_BYTES + 2 * usize::from(header_count);
    match value.len().checked_sub(header_size_bytes) {
        Some(shards) if shards % SHARD_SIZE_BYTES == 0 => Ok(()),
        Some(_) | None => Err(counter.content("context is cut inside a shard")),
    }
}

/// Whether Cassandra takes bytes as text.
///
/// It takes all UTF-8; beyond that `C0 80`, surrogates one by one, and sequences whose second byte
/// it checks loosely.
fn is_text(value: &[u8]) -> bool {
    if core::str::from_utf8(value).is_ok() {
        return true;
    }
    let mut rest = value.iter().copied();
    while let Some(first) = rest.next() {
        if is_sequence(first, &mut rest) != Some(true) {
            return false;
        }
    }
    true
}

/// Takes what follows the first byte of a character; `None` when it is cut.
fn is_sequence(first: u8, rest: &mut impl Iterator<Item = u8>) -> Option<bool> {
    let continuation_count = match first {
        0x00..=0x7f => 0,
        0xc0 => return Some(rest.next()? == 0x80),
        0xc2..=0xdf => 1,
        0xe0 if rest.next()? & 0xe0 != 0x80 => 1,
        0xe1..=0xef => 2,
        0xf0 if rest.next()? & 0x30 != 0 => 2,
        0xf1..=0xf7 => 3,
        0x80..=0xbf | 0xc1 | 0xe0 | 0xf0 | 0xf8..=0xff => return Some(false),
    };
    for _ in 0..continuation_count {
        if rest.next()? & 0xc0 != 0x80 {
            return Some(false);
        }
    }
    Some(true)
}
