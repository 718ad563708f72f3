//! Values as JSON text, as sstabledump prints them.
//!
//! Cassandra 4.0 and 5.0 print values alike. Source: Cassandra `AbstractType.toJSONString` and the
//! types that override it; `tools.JsonTransformer` for what names a cell.

use super::abstract_type::AbstractType;
use super::error::MarshalError;
use super::layout::Fields;
use super::walk;
use crate::cursor::hexadecimal;
use core::fmt::Write as _;

impl AbstractType {
    /// A value as JSON: `AbstractType.toJSONString`.
    ///
    /// Decimal keeps its scale and may have an exponent; a floating point number that is none or
    /// infinite is null; keys of maps are strings, of what they would be as values. An empty value is
    /// an empty string. Where Cassandra fails on a value that is valid, this prints: missing fields
    /// of a tuple as null, a composite as the string of [`Self::to_text`], an empty boolean or
    /// tinyint as an empty string. The number of a counter is what sstabledump prints: the first
    /// eight bytes of its context, which mean nothing.
    ///
    /// # Errors
    /// When the value is not valid, is text that is not UTF-8, or a number beyond printing.
    pub fn to_json(&self, value: &[u8]) -> Result<String, MarshalError> {
        let mut json = String::new();
        self.write_json(value, &mut json)?;
        Ok(json)
    }

    /// Appends a value as JSON.
    ///
    /// # Errors
    /// As [`Self::to_json`]; something may have been appended.
    pub fn write_json(&self, value: &[u8], json: &mut String) -> Result<(), MarshalError> {
        match self {
            Self::Ascii | Self::Utf8 => push_quoted(self.str_of(value)?, json),
            Self::Bytes => {
                json.push_str("\"0x");
                json.push_str(&hexadecimal(value));
                json.push('"');
            }
            Self::Empty => json.push_str("\"\""),
            Self::CounterColumn => {
                let first = value
                    .first_chunk()
                    .ok_or_else(|| self.content("context is cut"))?;
                json.push_str(&i64::from_be_bytes(*first).to_string());
            }
            Self::List { elements, .. } | Self::Set { elements, .. } => {
                self.write_elements(elements, value, json)?;
            }
            Self::Map { keys, values, .. } => self.write_entries(keys, values, value, json)?,
            Self::Tuple(types) => self.write_tuple(types, value, json)?,
            Self::User(user) => self.write_user(&user.fields, value, json)?,
            Self::Vector {
                elements,
                dimension_count,
            } => self.write_vector(elements, *dimension_count, value, json)?,
            Self::Composite(_) => push_quoted(&self.to_text(value)?, json),
            Self::Reversed(of) => of.write_json(value, json)?,
            Self::Boolean
            | Self::Byte
            | Self::Decimal
            | Self::Double
            | Self::Float
            | Self::Int32
            | Self::Integer
            | Self::Long
            | Self::Short => {
                self.validate(value)?;
                json.push_str(match self.atom_text(value, ' ')?.as_str() {
                    "" => "\"\"",
                    "NaN" | "Infinity" | "-Infinity" => "null",
                    number => number,
                });
            }
            Self::Date
            | Self::Duration
            | Self::InetAddress
            | Self::LexicalUuid
            | Self::SimpleDate
            | Self::Time
            | Self::TimeUuid
            | Self::Timestamp
            | Self::Uuid => {
                self.validate(value)?;
                json.push('"');
                json.push_str(&self.atom_text(value, ' ')?);
                json.push('"');
            }
        }
        Ok(())
    }

    fn write_nullable(&self, value: Option<&[u8]>, json: &mut String) -> Result<(), MarshalError> {
        match value {
            Some(value) => self.write_json(value, json),
            None => {
                json.push_str("null");
                Ok(())
            }
        }
    }

    fn write_elements(&self, elements: &Self, value: &[u8], json: &mut String) -> Result<(), MarshalError> {
        let (count, mut rest) = walk::split_count(value).ok_or_else(|| self.content("has no count"))?;
        json.push('[');
        for index in 0..count {
            push_separator(index, json);
            let element =
                walk::take_int_bytes(&mut rest).map_err(|_| self.content("ends before its last element"))?;
            elements
                .write_nullable(element, json)
                .map_err(self.part("element", index))?;
        }
        json.push(']');
        Ok(())
    }

    fn write_entries(
        &self,
        keys: &Self,
        values: &Self,
        value: &[u8],
        json: &mut String,
    ) -> Result<(), MarshalError> {
        let (count, mut rest) = walk::split_count(value).ok_or_else(|| self.content("has no count"))?;
        json.push('{');
        for index in 0..count {
            push_separator(index, json);
            let mut next =
                || walk::take_int_bytes(&mut rest).map_err(|_| self.content("ends before its last element"));
            let (key, value) = (next()?, next()?);
            let mut name = String::new();
            keys.write_nullable(key, &mut name)
                .map_err(self.part("key", index))?;
            if name.starts_with('"') {
                json.push_str(&name);
            } else {
                push_quoted(&name, json);
            }
            json.push_str(": ");
            values
                .write_nullable(value, json)
                .map_err(self.part("value", index))?;
        }
        json.push('}');
        Ok(())
    }

    fn write_tuple(&self, types: &[Self], value: &[u8], json: &mut String) -> Result<(), MarshalError> {
        let mut rest = value;
        json.push('[');
        for (index, of) in types.iter().enumerate() {
            push_separator(index, json);
            let field = self.take_field(&mut rest)?;
            of.write_nullable(field, json)
                .map_err(self.part("field", index))?;
        }
        json.push(']');
        Ok(())
    }

    fn write_user(
        &self,
        fields: &[(Box<[u8]>, Self)],
        value: &[u8],
        json: &mut String,
    ) -> Result<(), MarshalError> {
        if !walk::is_filled_by_at_most(value, Fields::User(fields).count()) {
            return Err(self.content("ends inside a field, or has bytes behind the last one"));
        }
        let mut rest = value;
        json.push('{');
        for (index, (name, of)) in fields.iter().enumerate() {
            push_separator(index, json);
            let name = String::from_utf8_lossy(name);
            if name.to_lowercase() == name {
                push_quoted(&name, json);
            } else {
                push_quoted(&format!("\"{name}\""), json);
            }
            json.push_str(": ");
            let field = self.take_field(&mut rest)?;
            of.write_nullable(field, json)
                .map_err(self.part("field", index))?;
        }
        json.push('}');
        Ok(())
    }

    /// The next field; one that is missing is null.
    fn take_field<'a>(&self, rest: &mut &'a [u8]) -> Result<Option<&'a [u8]>, MarshalError> {
        if rest.is_empty() {
            return Ok(None);
        }
        walk::take_int_bytes(rest).map_err(|_| self.content("ends inside a field"))
    }

    fn write_vector(
        &self,
        elements: &Self,
        dimension_count: u32,
        value: &[u8],
        json: &mut String,
    ) -> Result<(), MarshalError> {
        if !walk::is_vector(elements, dimension_count, value) || value.is_empty() {
            return Err(self.content("has too few or too many bytes"));
        }
        let mut rest = value;
        json.push('[');
        let mut index = 0;
        while !rest.is_empty() {
            push_separator(index, json);
            let element = walk::take_vector_element(elements, &mut rest)
                .map_err(|_| self.content("ends inside an element"))?;
            elements
                .write_json(element, json)
                .map_err(self.part("element", index))?;
            index += 1;
        }
        json.push(']');
        Ok(())
    }

    /// The value of a cell of a column of this type, as JSON.
    ///
    /// The path chooses the type of a field of a user-defined type; it is not looked at elsewhere.
    ///
    /// # Errors
    /// As [`Self::to_json`], or when there is no such field.
    pub fn json_of_cell(&self, path: Option<&[u8]>, value: &[u8]) -> Result<String, MarshalError> {
        self.cell_value_type(path.unwrap_or_default())
            .ok_or_else(|| self.content("has no field of this number"))?
            .to_json(value)
    }

    /// The path of a cell of a complex column of this type, as text: the name of a field, or
    /// [`Self::to_text`] of an element, a key or a time-UUID.
    ///
    /// # Errors
    /// When the path is not valid, or the column is simple.
    pub fn text_of_path(&self, path: &[u8]) -> Result<String, MarshalError> {
        if let Self::User(user) = self {
            let (name, _) = user
                .field(path)
                .ok_or_else(|| self.content("has no field of this number"))?;
            return Ok(String::from_utf8_lossy(name).into());
        }
        self.path_type()
            .ok_or_else(|| self.content("has no cells of its own, and a path is given"))?
            .to_text(path)
    }

    /// The components of a partition key of this type, each as text.
    ///
    /// # Errors
    /// When the key is not valid.
    pub fn texts_of_key(&self, key: &[u8]) -> Result<Vec<String>, MarshalError> {
        let Self::Composite(types) = self else {
            return Ok(vec![self.to_text(key)?]);
        };
        let components = self.split_key(key)?;
        let texts = types.iter().zip(components).enumerate();
        texts
            .map(|(index, (of, component))| of.to_text(component).map_err(self.part("component", index)))
            .collect()
    }
}

fn push_separator(index: usize, json: &mut String) {
    if index > 0 {
        json.push_str(", ");
    }
}

/// Appends text as a JSON string, escaped as Jackson does.
///
/// Quotes, backslashes and control characters are escaped, the latter by letter or by upper-case
/// hexadecimal digits; everything else stands for itself.
pub fn push_quoted(text: &str, json: &mut String) {
    json.push('"');
    for character in text.chars() {
        match character {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            '\u{8}' => json.push_str("\\b"),
            '\u{c}' => json.push_str("\\f"),
            control @ '\u{0}'..='\u{1f}' => {
                write!(json, "\\u{:04X}", u32::from(control)).expect("writing to a string cannot fail");
            }
            character => json.push(character),
        }
    }
    json.push('"');
}
