//! Every key, clustering, cell path and value in the tables of Apache Cassandra, against its own
//! sstabledump of them.

mod real_files;

use std::path::Path;
use thymbra_format::marshal::{push_quoted, quoted_if_needed};
use thymbra_format::rows::{Columns, PartitionHeader, SerializationHeader, Unfiltered};
use thymbra_format::rows::{UnfilteredForm, UnfilteredReader};
use thymbra_format::sstable::CompressionInfo;
use thymbra_format::{AbstractType, Cursor};
use thymbra_types::{CellKind, Row};

/// What precedes HEADER in the list of components, and its position in it.
const HEADER_OFFSET_POSITION: usize = 8 + 3 * 8 + 4;

fn header_of(folder: &Path) -> SerializationHeader {
    let bytes = real_files::read(folder.join("nb-1-big-Statistics.db"));
    let offset = Cursor::new(&bytes[HEADER_OFFSET_POSITION..])
        .u32("offset")
        .expect("a number");
    let offset = usize::try_from(offset).expect("an offset fits");
    let mut cursor = Cursor::new(&bytes[offset..bytes.len() - 4]);
    SerializationHeader::read_component(&mut cursor).expect("a header")
}

fn data_of(folder: &Path) -> Vec<u8> {
    let file = real_files::read(folder.join("nb-1-big-Data.db"));
    let info = folder.join("nb-1-big-CompressionInfo.db");
    if !info.exists() {
        return file;
    }
    let info = CompressionInfo::read(&real_files::read(info)).expect("a compression info");
    let mut data = Vec::new();
    info.decompress_all(&file, &mut data)
        .expect("chunks with right checksums");
    data
}

fn quoted(text: &str) -> String {
    let mut json = String::new();
    push_quoted(text, &mut json);
    json
}

/// The pieces of a dump that name keys, rows and cells, in its order.
fn pieces(data: &[u8], header: &SerializationHeader) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut cursor = Cursor::new(data);
    while !cursor.is_at_end() {
        let begun = PartitionHeader::read(&mut cursor, header).expect("the beginning of a partition");
        let key = header.key_type.texts_of_key(begun.key).expect("a key");
        let key: Vec<_> = key.iter().map(|component| quoted(component)).collect();
        pieces.push(format!("\"key\" : [ {} ]", key.join(", ")));
        push_cells(&begun.static_row, &header.static_columns, &mut pieces);
        let mut reader = UnfilteredReader::new(cursor.clone(), header, UnfilteredForm::SsTable);
        while let Some(unfiltered) = reader.next().expect("a row or marker") {
            if let Unfiltered::Row { clustering, row } = unfiltered {
                let values = clustering.0.iter().zip(header.clustering_types.iter());
                let values: Vec<_> = values
                    .map(|(value, of)| of.to_json(value.as_deref().expect("not null")).expect("a value"))
                    .collect();
                if !values.is_empty() {
                    pieces.push(format!("\"clustering\" : [ {} ]", values.join(", ")));
                }
                push_cells(&row, &header.regular_columns, &mut pieces);
            }
        }
        cursor = reader.into_cursor();
    }
    pieces
}

fn push_cells(row: &Row, columns: &Columns, pieces: &mut Vec<String>) {
    for column in columns.iter() {
        let of: &AbstractType = column.column_type();
        let mut cells: Vec<_> = row
            .cells
            .iter()
            .filter(|(name, _)| name.column == *column.name())
            .map(|(name, cell)| (name.path.as_ref().map(|path| &*path.0), cell))
            .collect();
        cells.sort_by(|(left, _), (right, _)| match (left, right) {
            (Some(left), Some(right)) => of.compare_paths(left, right),
            (left, right) => left.cmp(right),
        });
        for (path, cell) in cells {
            let mut piece = format!("\"name\" : {}", quoted(&quoted_if_needed(&column.name().0)));
            if let Some(path) = path {
                let path = of.text_of_path(path).expect("a path");
                piece.push_str(&format!(", \"path\" : [ {} ]", quoted(&path)));
            }
            if matches!(cell.kind, CellKind::Tombstone { .. }) {
                piece.push_str(", \"deletion_info\"");
            } else {
                assert_eq!(of.validate_cell(path, &cell.value), Ok(()), "{piece}");
                let value = of.json_of_cell(path, &cell.value).expect("a value");
                piece.push_str(&format!(", \"value\" : {value}"));
            }
            pieces.push(piece);
        }
    }
}

#[test]
fn dumps_of_cassandra_have_our_text_of_every_value() {
    let Some(root) = real_files::folder("sstable-nb") else {
        return;
    };
    for table in [
        "compkey-6882b290e57b11f1935d9b7b8ca7a154",
        "few_cols-681f35d0e57b11f1935d9b7b8ca7a154",
        "keys1000-68a22170e57b11f1935d9b7b8ca7a154",
        "keys1000_plain-69863fe0e57b11f1935d9b7b8ca7a154",
        "statics-671566f0e57b11f1935d9b7b8ca7a154",
        "tombs-6732b2f0e57b11f1935d9b7b8ca7a154",
        "types_lz4-66b43420e57b11f1935d9b7b8ca7a154",
        "types_plain-66e2e540e57b11f1935d9b7b8ca7a154",
    ] {
        let name = table.split('-').next().expect("a name");
        let dump = real_files::read(root.join(format!("dumps/{name}.json")));
        let dump = String::from_utf8(dump).expect("text");
        let folder = root.join(table);
        let pieces = pieces(&data_of(&folder), &header_of(&folder));
        let mut rest = dump.as_str();
        for piece in &pieces {
            let place = rest
                .find(piece)
                .unwrap_or_else(|| panic!("{name}: {piece} does not follow"));
            rest = &rest[place + piece.len()..];
            // A value ends where ours does.
            assert!(rest.starts_with([' ', ',']), "{name}: {piece} goes on");
        }
        let value_count = pieces
            .iter()
            .filter(|piece| piece.contains("\"value\" : "))
            .count();
        assert_eq!(dump.matches("\"value\" : ").count(), value_count, "{name}");
    }
}
