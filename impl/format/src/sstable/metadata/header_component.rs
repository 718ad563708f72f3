//! The component HEADER of `Statistics.db`: types, columns and smallest times of the rows.
//!
//! Without it Data.db cannot be read. Source: Cassandra `db.SerializationHeader.Component`.
//!
//! | size | field |
//! |---|---|
//! | vints | smallest times, [`EncodingStats`] |
//! | vint + n | length and class name of the type of the partition key |
//! | vint | number of clustering columns, then their types, named the same way |
//! | vint | number of static columns, then of each the name, vint + n, and its type |
//! | vint | number of regular columns, then the same |

use crate::cursor::Cursor;
use crate::error::FormatError;
use crate::marshal::AbstractType;
use crate::rows::{Column, Columns, EncodingStats, SerializationHeader};
use crate::vint;
use std::sync::Arc;
use thymbra_types::ColumnName;

/// Appends the form above.
pub(super) fn write(header: &SerializationHeader, out: &mut Vec<u8>) {
    header.stats.write(out);
    write_type(&header.key_type, out);
    vint::write_unsigned(header.clustering_types.len() as u64, out);
    for clustering_type in header.clustering_types.iter() {
        write_type(clustering_type, out);
    }
    for columns in [&header.static_columns, &header.regular_columns] {
        vint::write_unsigned(columns.len() as u64, out);
        for column in columns.iter() {
            write_text(&column.name().0, out);
            write_type(column.column_type(), out);
        }
    }
}

/// Reads the form above; columns may stand in any order, as Cassandra sorts them too.
///
/// # Errors
/// When it is cut, names a type that is not known, or a column twice.
pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<SerializationHeader, FormatError> {
    let stats = EncodingStats::read(cursor)?;
    let key_type = read_type(cursor, "type of the partition key")?;
    let clustering_count = cursor.vint_count("number of clustering columns")?;
    let clustering_types = (0..clustering_count)
        .map(|_| read_type(cursor, "type of a clustering column"))
        .collect::<Result<_, _>>()?;
    Ok(SerializationHeader {
        key_type: key_type.into(),
        clustering_types,
        static_columns: read_columns(cursor)?,
        regular_columns: read_columns(cursor)?,
        stats,
    })
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
        .map_err(|error| FormatError::invalid(what, offset, "the class of a type", &error))
}

fn read_columns(cursor: &mut Cursor<'_>) -> Result<Columns, FormatError> {
    const WHAT: &str = "name of a column";
    let count = cursor.vint_count("number of columns")?;
    let offset = cursor.offset();
    let mut columns = Vec::new();
    for _ in 0..count {
        let bytes = cursor.vint_bytes(WHAT)?;
        let name = ColumnName(cursor.text(bytes, WHAT)?.into());
        columns.push(Arc::new(Column::new(
            name,
            read_type(cursor, "type of a column")?,
        )));
    }
    let columns = Columns::new(columns);
    let mut names: Vec<&str> = columns.iter().map(|column| &*column.name().0).collect();
    names.sort_unstable();
    match names.array_windows().find(|[left, right]| left == right) {
        None => Ok(columns),
        Some([twice, _]) => Err(FormatError::invalid(WHAT, offset, "each column once", twice)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use thymbra_types::Timestamp;

    fn column(name: &str, column_type: AbstractType) -> Arc<Column> {
        Arc::new(Column::new(ColumnName(name.into()), column_type))
    }

    fn sample() -> SerializationHeader {
        let list = AbstractType::List {
            elements: Box::new(AbstractType::Int32),
            is_multicell: true,
        };
        SerializationHeader {
            key_type: AbstractType::Composite(vec![AbstractType::Utf8, AbstractType::Int32]).into(),
            clustering_types: [AbstractType::Reversed(Box::new(AbstractType::Utf8))].into(),
            static_columns: Columns::new([column("s", AbstractType::Boolean)]),
            regular_columns: Columns::new([column("a", list), column("z", AbstractType::InetAddress)]),
            stats: EncodingStats {
                min_timestamp: Timestamp(1_700_000_000_000_000),
                ..EncodingStats::NO_STATS
            },
        }
    }

    fn written(header: &SerializationHeader) -> Vec<u8> {
        let mut out = Vec::new();
        write(header, &mut out);
        out
    }

    #[test]
    fn header_comes_back_and_truncations_are_errors() {
        let bytes = written(&sample());
        assert_eq!(read(&mut Cursor::new(&bytes)), Ok(sample()));
        for cut in 0..bytes.len() {
            assert!(read(&mut Cursor::new(&bytes[..cut])).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn unknown_type_is_an_error_with_its_name() {
        let bytes = written(&sample());
        let place = bytes
            .windows(11)
            .position(|window| window == b"BooleanType")
            .expect("the static column");
        let mut other = bytes.clone();
        other[place] = b'X';
        let error = read(&mut Cursor::new(&other)).expect_err("no such type");
        assert!(error.to_string().contains("XooleanType"), "{error}");
    }

    #[test]
    fn column_that_occurs_twice_is_an_error() {
        let bytes = written(&sample());
        let place = bytes
            .windows(2)
            .rposition(|window| window == b"\x01z")
            .expect("the last column");
        let mut other = bytes.clone();
        other[place + 1] = b'a';
        assert!(read(&mut Cursor::new(&other)).is_err());
    }
}
