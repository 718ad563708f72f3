//! What all rows of a partition in a message, or of an SSTable, share.

use crate::cursor::Cursor;
use crate::error::FormatError;
use crate::marshal::AbstractType;
use crate::rows::columns::{Column, Columns};
use crate::rows::encoding_stats::EncodingStats;
use crate::vint;
use std::sync::Arc;
use thymbra_types::ColumnName;

/// Types, columns and smallest times, without which rows cannot be read.
///
/// A clone shares types and columns. Cassandra: `db.SerializationHeader`.
///
/// The HEADER component of `Statistics.db` is this, numbers and lengths as vints, names of types as
/// [`AbstractType`] prints them:
///
/// | field | meaning |
/// |---|---|
/// | smallest times | [`EncodingStats`] |
/// | key type | length and name |
/// | clustering types | number, then length and name of each |
/// | static columns | number, then of each the length and the name, and those of its type |
/// | regular columns | in the same form |
///
/// A mutation has no types, and static columns only with a static row:
///
/// | field | meaning |
/// |---|---|
/// | smallest times | [`EncodingStats`] |
/// | static columns | if the flag for a static row is set: number, then length and name of each |
/// | regular columns | in the same form |
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SerializationHeader {
    /// Type of the partition key; [`AbstractType::Composite`] when it has several columns.
    pub key_type: Arc<AbstractType>,
    /// Types of the clustering columns; [`AbstractType::Reversed`] when descending.
    pub clustering_types: Arc<[AbstractType]>,
    /// Static columns that anything was written to.
    pub static_columns: Columns,
    /// Regular columns that anything was written to.
    pub regular_columns: Columns,
    /// Smallest times.
    pub stats: EncodingStats,
}

impl SerializationHeader {
    /// The columns of static rows, or of the others.
    #[must_use]
    pub const fn columns(&self, is_static: bool) -> &Columns {
        if is_static {
            &self.static_columns
        } else {
            &self.regular_columns
        }
    }

    /// Whether partitions have a place for a static row, even where it is empty.
    #[must_use]
    pub fn has_static(&self) -> bool {
        !self.static_columns.is_empty()
    }

    /// Appends the component of `Statistics.db`.
    pub fn write_component(&self, out: &mut Vec<u8>) {
        self.stats.write(out);
        write_type(&self.key_type, out);
        vint::write_unsigned(self.clustering_types.len() as u64, out);
        for clustering_type in &*self.clustering_types {
            write_type(clustering_type, out);
        }
        for columns in [&self.static_columns, &self.regular_columns] {
            vint::write_unsigned(columns.len() as u64, out);
            for column in columns.iter() {
                write_text(&column.name().0, out);
                write_type(column.column_type(), out);
            }
        }
    }

    /// Reads the component of `Statistics.db`.
    ///
    /// # Errors
    /// When it is cut, has a type that is not known, or columns that do not stand in order.
    pub fn read_component(cursor: &mut Cursor<'_>) -> Result<Self, FormatError> {
        let stats = EncodingStats::read(cursor)?;
        let key_type = Arc::new(read_type(cursor, "type of the partition key")?);
        let count = cursor.vint_count("number of clustering columns")?;
        let clustering_types = (0..count)
            .map(|_| read_type(cursor, "type of a clustering column"))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            key_type,
            clustering_types,
            static_columns: read_columns(cursor)?,
            regular_columns: read_columns(cursor)?,
            stats,
        })
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    vint::write_unsigned(text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

fn write_type(column_type: &AbstractType, out: &mut Vec<u8>) {
    write_text(&column_type.to_string(), out);
}

fn read_type(cursor: &mut Cursor<'_>, what: &'static str) -> Result<AbstractType, FormatError> {
    let offset = cursor.offset();
    let bytes = cursor.vint_bytes(what)?;
    let name = cursor.text(bytes, what)?;
    AbstractType::parse(name)
        .map_err(|error| FormatError::invalid(what, offset, "the name of a type", &error))
}

fn read_columns(cursor: &mut Cursor<'_>) -> Result<Columns, FormatError> {
    const NAME: &str = "name of a column";
    let offset = cursor.offset();
    let count = cursor.vint_count("number of columns")?;
    let mut columns = Vec::new();
    for _ in 0..count {
        let name = cursor.vint_bytes(NAME)?;
        let name = ColumnName(cursor.text(name, NAME)?.into());
        let column_type = read_type(cursor, "type of a column")?;
        columns.push(Arc::new(Column::new(name, column_type)));
    }
    Columns::of_file(columns, offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> SerializationHeader {
        let column = |name: &str, column_type| Arc::new(Column::new(ColumnName(name.into()), column_type));
        let set = AbstractType::Set {
            elements: Box::new(AbstractType::Int32),
            is_multicell: true,
        };
        SerializationHeader {
            key_type: Arc::new(AbstractType::Composite(vec![
                AbstractType::Utf8,
                AbstractType::Int32,
            ])),
            clustering_types: [AbstractType::Reversed(Box::new(AbstractType::Timestamp))].into(),
            static_columns: Columns::new([column("s", AbstractType::Utf8)]),
            regular_columns: Columns::new([column("a", set), column("v", AbstractType::Bytes)]),
            stats: EncodingStats::NO_STATS,
        }
    }

    #[test]
    fn component_comes_back_and_no_cut_of_it_is_one() {
        let mut bytes = Vec::new();
        header().write_component(&mut bytes);
        let mut cursor = Cursor::new(&bytes);
        assert_eq!(SerializationHeader::read_component(&mut cursor), Ok(header()));
        assert!(cursor.is_at_end());
        for cut in 0..bytes.len() {
            let read = SerializationHeader::read_component(&mut Cursor::new(&bytes[..cut]));
            assert!(read.is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn component_names_types_by_their_classes() {
        let mut bytes = Vec::new();
        header().write_component(&mut bytes);
        assert_eq!(bytes[..3], [0, 0, 0], "no times were seen");
        let text = String::from_utf8_lossy(&bytes);
        for name in [
            "org.apache.cassandra.db.marshal.CompositeType(org.apache.cassandra.db.marshal.UTF8Type,org.apache.cassandra.db.marshal.Int32Type)",
            "org.apache.cassandra.db.marshal.ReversedType(org.apache.cassandra.db.marshal.TimestampType)",
            "org.apache.cassandra.db.marshal.SetType(org.apache.cassandra.db.marshal.Int32Type)",
        ] {
            assert!(text.contains(name), "{name} in {text}");
        }
    }
}
