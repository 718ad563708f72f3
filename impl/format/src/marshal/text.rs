//! Values as text.
//!
//! Source: Cassandra `AbstractType.getString` and the types that override it; Java
//! `InetAddress.getHostAddress`.

use super::abstract_type::AbstractType;
use super::error::MarshalError;
use super::floating::{double_text, float_text};
use super::layout::Fields;
use super::number_text::{decimal_text, integer_text};
use super::time_text::{date_text, duration_text, time_text, timestamp_text};
use super::uuid::uuid_text;
use super::validate::split_duration;
use super::walk;
use crate::cursor::hexadecimal;

/// What is said of numbers above the size that is printed.
pub(super) const TOO_LONG: &str = "is longer than 65535 bytes, and its digits are not computed";

impl AbstractType {
    /// A value as text, as Cassandra names partition keys and elements: `AbstractType.getString`.
    ///
    /// An empty value is empty text; collections, vectors and counters are hexadecimal digits; the
    /// fields of tuples and user-defined types stand between colons, and null is `@`.
    ///
    /// # Errors
    /// When the value is not valid, is text that is not UTF-8, or a number beyond printing.
    pub fn to_text(&self, value: &[u8]) -> Result<String, MarshalError> {
        match self {
            Self::Ascii | Self::Utf8 => self.str_of(value).map(Into::into),
            Self::Bytes
            | Self::CounterColumn
            | Self::List { .. }
            | Self::Set { .. }
            | Self::Map { .. }
            | Self::Vector { .. } => Ok(hexadecimal(value)),
            Self::Empty => Ok(String::new()),
            Self::Tuple(types) => self.fields_text(Fields::Tuple(types), value),
            Self::User(user) => self.fields_text(Fields::User(&user.fields), value),
            Self::Composite(types) => self.components_text(types, value),
            Self::Reversed(of) => of.to_text(value),
            Self::Boolean
            | Self::Byte
            | Self::Date
            | Self::Decimal
            | Self::Double
            | Self::Duration
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
            | Self::Uuid => {
                self.validate(value)?;
                self.atom_text(value, 'T')
            }
        }
    }

    /// UTF-8 text of a value of text or ascii.
    pub(super) fn str_of<'a>(&self, value: &'a [u8]) -> Result<&'a str, MarshalError> {
        self.validate(value)?;
        core::str::from_utf8(value).map_err(|_| self.content("is not UTF-8 text"))
    }

    /// A value of a type without parts, with what separates the date of a timestamp from its time.
    ///
    /// An empty value is empty text. The value is valid.
    pub(super) fn atom_text(&self, value: &[u8], between: char) -> Result<String, MarshalError> {
        if value.is_empty() {
            return Ok(String::new());
        }
        let text = match self {
            Self::Boolean => value.first().map(|byte| (*byte != 0).to_string()),
            Self::Byte => array(value).map(|bytes| i8::from_be_bytes(bytes).to_string()),
            Self::Short => array(value).map(|bytes| i16::from_be_bytes(bytes).to_string()),
            Self::Int32 => array(value).map(|bytes| i32::from_be_bytes(bytes).to_string()),
            Self::Long => array(value).map(|bytes| i64::from_be_bytes(bytes).to_string()),
            Self::Float => array(value).map(|bytes| float_text(f32::from_be_bytes(bytes))),
            Self::Double => array(value).map(|bytes| double_text(f64::from_be_bytes(bytes))),
            Self::SimpleDate => array(value).map(|bytes| date_text(u32::from_be_bytes(bytes))),
            Self::Time => array(value).map(|bytes| time_text(i64::from_be_bytes(bytes))),
            Self::Date | Self::Timestamp => {
                array(value).map(|bytes| timestamp_text(i64::from_be_bytes(bytes), between))
            }
            Self::LexicalUuid | Self::TimeUuid | Self::Uuid => value.try_into().ok().map(uuid_text),
            Self::InetAddress => inet_text(value),
            Self::Duration => split_duration(value)
                .map(|(months, days, nanoseconds)| duration_text(months, days, nanoseconds)),
            Self::Integer => Some(integer_text(value).ok_or_else(|| self.content(TOO_LONG))?),
            Self::Decimal if value.len() > 4 => {
                Some(decimal_text(value).ok_or_else(|| self.content(TOO_LONG))?)
            }
            Self::Ascii
            | Self::Utf8
            | Self::Bytes
            | Self::CounterColumn
            | Self::Decimal
            | Self::Empty
            | Self::List { .. }
            | Self::Set { .. }
            | Self::Map { .. }
            | Self::Tuple(_)
            | Self::User(_)
            | Self::Vector { .. }
            | Self::Composite(_)
            | Self::Reversed(_) => None,
        };
        text.ok_or_else(|| self.content("has too few bytes"))
    }

    fn fields_text(&self, fields: Fields<'_>, value: &[u8]) -> Result<String, MarshalError> {
        let mut text = String::new();
        let mut rest = value;
        for (index, of) in (0..fields.count()).map_while(|index| Some((index, fields.get(index)?))) {
            if rest.is_empty() {
                break;
            }
            if index > 0 {
                text.push(':');
            }
            match walk::take_int_bytes(&mut rest).map_err(|_| self.content("ends inside a field"))? {
                None => text.push('@'),
                Some(field) => {
                    let field = of.to_text(field).map_err(self.part("field", index))?;
                    text.push_str(&field.replace(':', "\\:").replace('@', "\\@"));
                }
            }
        }
        Ok(text)
    }

    fn components_text(&self, types: &[Self], value: &[u8]) -> Result<String, MarshalError> {
        let mut text = String::new();
        let (_, mut rest) = walk::split_static(value);
        for (index, of) in types.iter().enumerate() {
            if rest.is_empty() {
                break;
            }
            if index > 0 {
                text.push(':');
            }
            let component =
                walk::take_component(&mut rest).map_err(|_| self.content("ends inside a component"))?;
            let of_component = of
                .to_text(component.value)
                .map_err(self.part("component", index))?
                .replace(':', "\\:");
            text.push_str(&of_component);
            // What would be read as an escape or as a mark is marked.
            if of_component.ends_with(['\\', '!']) {
                text.push('!');
            }
            match component.end_of_component {
                0 => {}
                1.. => text.push_str(":!"),
                ..0 => text.push_str(":_"),
            }
            if component.end_of_component != 0 {
                break;
            }
        }
        Ok(text)
    }
}

fn array<const N: usize>(value: &[u8]) -> Option<[u8; N]> {
    value.try_into().ok()
}

/// An address; one of IPv6 that holds one of IPv4 is printed as the latter.
fn inet_text(value: &[u8]) -> Option<String> {
    match value
        .strip_prefix(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff])
        .unwrap_or(value)
    {
        [a, b, c, d] => Some(format!("{a}.{b}.{c}.{d}")),
        value if value.len() == 16 => {
            let groups = value.chunks(2).map(|group| match group {
                [high, low] => format!("{:x}", u16::from_be_bytes([*high, *low])),
                _ => String::new(),
            });
            Some(groups.collect::<Vec<_>>().join(":"))
        }
        _ => None,
    }
}
