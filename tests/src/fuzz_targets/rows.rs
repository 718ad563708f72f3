//! Partitions of Data.db, and of mutations.

use super::choice;
use std::collections::BTreeMap;
use std::sync::Arc;
use thymbra_format::mutation::{MutationEncoder, RawMutation, TableLayout, decode_mutation};
use thymbra_format::rows::{
    Column, Columns, EncodingStats, SerializationHeader, Unfiltered, UnfilteredForm, UnfilteredReader,
    UnfilteredWriter, read_partition, write_partition,
};
use thymbra_format::{AbstractType, Cursor};
use thymbra_types::{ColumnName, Partitioner, TableId};

/// Id of the one table that mutations are for.
pub(super) const TABLE: TableId = TableId(0xbc71_8390_e57b_11f1_ba0c_5557_ccf4_cec0);

/// The rows and markers of a partition behind its static row, under one of several headers.
pub(super) fn data_partition(bytes: &[u8]) -> bool {
    let Some((variant, bytes)) = choice(bytes) else {
        return false;
    };
    let header = header(variant);
    let form = if variant & 0x80 == 0 {
        UnfilteredForm::SsTable
    } else {
        UnfilteredForm::Messaging
    };
    let Some(read) = read(bytes, &header, form) else {
        return false;
    };
    if let Some(written) = write(&read, &header, form) {
        let again = self::read(&written, &header, form);
        assert_eq!(
            again.as_ref(),
            Some(&read),
            "what is written reads as what was read"
        );
    }
    true
}

/// A partition of Data.db with its key, deletion and static row.
pub(super) fn whole_partition(bytes: &[u8]) -> bool {
    let Some((variant, bytes)) = choice(bytes) else {
        return false;
    };
    let mut header = header(variant);
    if variant & 0x40 != 0 {
        header.static_columns = header.regular_columns.clone();
    }
    let mut cursor = Cursor::new(bytes);
    let Ok((key, partition)) = read_partition(&mut cursor, &header) else {
        return false;
    };
    let mut written = Vec::new();
    let mut writer = UnfilteredWriter::new(UnfilteredForm::SsTable);
    if write_partition(key, &partition, &header, &mut writer, &mut written).is_ok() {
        let again = read_partition(&mut Cursor::new(&written), &header);
        assert_eq!(again, Ok((key, partition)));
    }
    true
}

/// A mutation of a table of one of several layouts.
pub(super) fn mutation(bytes: &[u8]) -> bool {
    let Some((variant, bytes)) = choice(bytes) else {
        return false;
    };
    drop(RawMutation::read(bytes, 0));
    let schema = schema(variant);
    let Ok(mutation) = decode_mutation(bytes, 0, &schema, Partitioner::Murmur3) else {
        return false;
    };
    let mut written = Vec::new();
    if MutationEncoder::new()
        .encode(&mutation, &schema, &mut written)
        .is_ok()
    {
        let again = decode_mutation(&written, 0, &schema, Partitioner::Murmur3);
        assert_eq!(again, Ok(mutation));
    }
    true
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
        writer.write(unfiltered, header, &mut written).ok()?;
    }
    writer.write_end_of_partition(&mut written);
    Some(written)
}

/// The table of mutations with the columns of a header, also static ones if bit 6 is set.
pub(super) fn schema(variant: usize) -> BTreeMap<TableId, TableLayout> {
    let header = header(variant);
    let statics = if variant & 0x40 == 0 {
        Columns::default()
    } else {
        header.regular_columns.clone()
    };
    let layout = TableLayout::new(
        TABLE,
        "ks",
        AbstractType::Utf8,
        header.clustering_types,
        statics,
        header.regular_columns,
    );
    BTreeMap::from([(TABLE, layout)])
}

/// Headers with no, one and several clustering columns, and each kind of column.
pub(super) fn header(variant: usize) -> SerializationHeader {
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
        stats: EncodingStats::NO_STATS,
    }
}
