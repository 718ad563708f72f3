//! Partitions of Data.db, and of mutations.

use super::choice;
use std::sync::Arc;
use thymbra_format::rows::{
    Column, Columns, EncodingStatsCollector, SerializationHeader, Unfiltered, UnfilteredForm,
    UnfilteredReader, UnfilteredWriter,
};
use thymbra_format::{AbstractType, Cursor};
use thymbra_types::ColumnName;

/// The rows and markers of a partition behind its static row, under one of several headers.
pub(super) fn data_partition(bytes: &[u8]) {
    let Some((variant, bytes)) = choice(bytes) else {
        return;
    };
    let header = header(variant);
    let form = if variant & 0x80 == 0 {
        UnfilteredForm::SsTable
    } else {
        UnfilteredForm::Messaging
    };
    let Some(read) = read(bytes, &header, form) else {
        return;
    };
    if let Some(written) = write(&read, &header, form) {
        let again = self::read(&written, &header, form);
        assert_eq!(
            again.as_ref(),
            Some(&read),
            "what is written reads as what was read"
        );
    }
}

fn read(bytes: &[u8], header: &SerializationHeader, form: UnfilteredForm) -> Option<Vec<Unfiltered>> {
    let mut reader = UnfilteredReader::new(Cursor::new(bytes), header, form);
    let mut found = Vec::new();
    while let Some(unfiltered) = reader.next().ok()? {
        found.push(unfiltered);
    }
    Some(found)
}

/// The bytes; `None` where something cannot be written, as values of a size that the type does not have.
fn write(found: &[Unfiltered], header: &SerializationHeader, form: UnfilteredForm) -> Option<Vec<u8>> {
    let mut writer = UnfilteredWriter::new(form);
    let mut written = Vec::new();
    for unfiltered in found {
        match unfiltered {
            Unfiltered::Row { clustering, row } => {
                writer.write_row(clustering, row, header, &mut written).ok()?;
            }
            Unfiltered::Marker(marker) => writer.write_marker(marker, header, &mut written).ok()?,
        }
    }
    writer.write_end_of_partition(&mut written);
    Some(written)
}

/// Headers with no, one and several clustering columns, and each kind of column.
fn header(variant: usize) -> SerializationHeader {
    let of = |name: &str| AbstractType::parse(name).expect("the names are those of types");
    let column = |name: &str, of: AbstractType| Arc::new(Column::new(ColumnName(name.into()), of));
    let (clusterings, regulars) = match variant & 3 {
        0 => (
            vec![],
            vec![column("v", of("Int32Type")), column("w", of("UTF8Type"))],
        ),
        1 => (
            vec![of("Int32Type"), of("ReversedType(UTF8Type)")],
            vec![column("v", of("Int32Type"))],
        ),
        2 => (
            vec![of("UTF8Type")],
            vec![
                column("l", of("ListType(Int32Type)")),
                column("m", of("MapType(UTF8Type,Int32Type)")),
                column("s", of("SetType(Int32Type)")),
                column("v", of("Int32Type")),
            ],
        ),
        _many => {
            let columns = (0..70).map(|index| column(&format!("c{index:02}"), of("ByteType")));
            (vec![of("SimpleDateType")], columns.collect())
        }
    };
    SerializationHeader {
        key_type: Arc::new(of("Int32Type")),
        clustering_types: clusterings.into(),
        static_columns: Columns::default(),
        regular_columns: Columns::new(regulars),
        stats: EncodingStatsCollector::new().finish(),
    }
}
