//! Tables of the fixtures, and mutations of them to and from bytes.

use std::collections::BTreeMap;
use std::sync::Arc;
use thymbra_format::marshal::{AbstractType, UserType};
use thymbra_format::mutation::{DecodeError, MutationEncoder, TableLayout, decode_mutation};
use thymbra_format::rows::{Column, Columns};
use thymbra_types::{ColumnName, Mutation, Partitioner, TableId};

pub(crate) type Schema = BTreeMap<TableId, TableLayout>;

/// The timestamp from which the fixtures count.
pub(crate) const T: i64 = 1_700_000_000_000_000;

pub(crate) fn cql_type(name: &str) -> AbstractType {
    let address = UserType {
        keyspace: "gen".into(),
        name: b"addr".as_slice().into(),
        fields: vec![
            (b"street".as_slice().into(), AbstractType::Utf8),
            (b"zip".as_slice().into(), AbstractType::Int32),
        ],
        is_multicell: true,
    };
    AbstractType::parse_cql(name, &vec![address]).expect("the name of a type")
}

/// Columns from a list as `CREATE TABLE` has it; a comma followed by a space separates.
pub(crate) fn columns(list: &str) -> Columns {
    Columns::new(list.split(", ").filter(|part| !part.is_empty()).map(|part| {
        let (name, column_type) = part.split_once(' ').expect("a name and a type");
        Arc::new(Column::new(ColumnName(name.into()), cql_type(column_type)))
    }))
}

pub(crate) fn table(
    id: u128,
    clustering: &[AbstractType],
    statics: &str,
    regulars: &str,
) -> (TableId, TableLayout) {
    let id = TableId(id);
    let clustering: Arc<[AbstractType]> = clustering.into();
    let layout = TableLayout::new(
        id,
        "gen",
        AbstractType::Bytes,
        clustering,
        columns(statics),
        columns(regulars),
    );
    (id, layout)
}

pub(crate) fn encoded(mutation: &Mutation, schema: &Schema) -> Vec<u8> {
    let mut out = Vec::new();
    MutationEncoder::new()
        .encode(mutation, schema, &mut out)
        .expect("the schema has the tables");
    out
}

pub(crate) fn decoded(bytes: &[u8], schema: &Schema) -> Result<Mutation, DecodeError> {
    decode_mutation(bytes, 0, schema, Partitioner::Murmur3)
}
