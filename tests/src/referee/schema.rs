//! Definitions of tables as CQL, one statement a line.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use thymbra_format::AbstractType;
use thymbra_format::marshal::{UserType, quoted_if_needed, uuid_text};
use thymbra_format::schema::{ColumnKind, ColumnMetadata, CompressionParams, TableMetadata};

/// Statements that make keyspaces, types and tables as they are, columns that were dropped included.
#[must_use]
pub fn statements(tables: &[TableMetadata]) -> String {
    let mut text = String::new();
    let keyspaces: BTreeSet<&str> = tables.iter().map(TableMetadata::keyspace).collect();
    for keyspace in keyspaces {
        text += &format!(
            "CREATE KEYSPACE {keyspace} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}};\n"
        );
    }
    let mut types = BTreeSet::new();
    for table in tables {
        for user in columns(table).filter_map(|column| user_type(&column.column_type)) {
            types.insert(create_type(table.keyspace(), user));
        }
    }
    text.extend(types);
    for table in tables {
        text += &create_table(table);
    }
    text
}

/// Columns that a table has or had, but for those that it has again.
fn columns(table: &TableMetadata) -> impl Iterator<Item = &ColumnMetadata> {
    let kinds = [
        ColumnKind::PartitionKey,
        ColumnKind::Clustering,
        ColumnKind::Static,
        ColumnKind::Regular,
    ];
    let dropped = table.dropped_columns().iter().map(|dropped| &dropped.column);
    kinds
        .into_iter()
        .flat_map(|kind| table.columns(kind))
        .chain(dropped.filter(|column| table.column(&column.name).is_none()))
}

fn user_type(of: &AbstractType) -> Option<&UserType> {
    if let AbstractType::User(user) = of {
        return Some(user);
    }
    None
}

fn create_type(keyspace: &str, user: &UserType) -> String {
    let fields: Vec<String> = user
        .fields
        .iter()
        .map(|(name, of)| {
            let name = String::from_utf8_lossy(name);
            format!("{} {}", quoted_if_needed(&name), of.cql_name())
        })
        .collect();
    let name = String::from_utf8_lossy(&user.name);
    format!("CREATE TYPE {keyspace}.{name} ({});\n", fields.join(", "))
}

fn create_table(table: &TableMetadata) -> String {
    let name = format!("{}.{}", table.keyspace(), table.name());
    let mut text = format!("CREATE TABLE {name} (");
    for column in columns(table) {
        let of = column.column_type.unwrap_reversed().cql_name();
        let is_static = if column.kind == ColumnKind::Static {
            " static"
        } else {
            ""
        };
        push(
            &mut text,
            format_args!("{} {of}{is_static}, ", quoted_if_needed(&column.name)),
        );
    }
    let names = |columns: &[ColumnMetadata]| -> Vec<String> {
        columns
            .iter()
            .map(|column| quoted_if_needed(&column.name))
            .collect()
    };
    let mut key = vec![format!("({})", names(table.partition_key()).join(", "))];
    key.extend(names(table.clustering()));
    push(
        &mut text,
        format_args!(
            "PRIMARY KEY ({})) WITH id = {}",
            key.join(", "),
            uuid_text(&table.id().0.to_be_bytes())
        ),
    );
    push(&mut text, format_args!("{}", options(table)));
    text += ";\n";
    for dropped in table.dropped_columns() {
        let column = &dropped.column;
        let column_name = quoted_if_needed(&column.name);
        push(
            &mut text,
            format_args!(
                "ALTER TABLE {name} DROP {column_name} USING TIMESTAMP {};\n",
                dropped.dropped_at.0
            ),
        );
        if table.column(&column.name).is_some() {
            let is_static = if column.kind == ColumnKind::Static {
                " static"
            } else {
                ""
            };
            push(
                &mut text,
                format_args!(
                    "ALTER TABLE {name} ADD {column_name} {}{is_static};\n",
                    column.column_type.cql_name()
                ),
            );
        }
    }
    text
}

fn options(table: &TableMetadata) -> String {
    let params = table.params();
    let mut text = format!(
        " AND gc_grace_seconds = {} AND bloom_filter_fp_chance = {}",
        params.gc_grace_seconds, params.bloom_filter_fp_chance
    );
    match params.compression {
        CompressionParams::None => text += " AND compression = {'enabled': 'false'}",
        CompressionParams::Lz4 { .. } => {
            if let Some(chunk_length_bytes) = params.compression.chunk_length_bytes() {
                let kib = chunk_length_bytes >> 10;
                push(
                    &mut text,
                    format_args!(
                        " AND compression = {{'class': 'LZ4Compressor', 'chunk_length_in_kb': {kib}}}"
                    ),
                );
            }
        }
    }
    let order: Vec<String> = table
        .clustering()
        .iter()
        .map(|column| {
            let is_reversed = matches!(column.column_type, AbstractType::Reversed(_));
            let direction = if is_reversed { "DESC" } else { "ASC" };
            format!("{} {direction}", quoted_if_needed(&column.name))
        })
        .collect();
    if !order.is_empty() {
        push(
            &mut text,
            format_args!(" AND CLUSTERING ORDER BY ({})", order.join(", ")),
        );
    }
    text
}

fn push(text: &mut String, part: std::fmt::Arguments<'_>) {
    text.write_fmt(part).expect("writing to a string cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage_oracle::shape::SHAPES;
    use crate::storage_oracle::translate;
    use thymbra_types::Timestamp;

    fn tables() -> Vec<TableMetadata> {
        (0..SHAPES.len())
            .map(|table| translate::metadata(table).expect("shapes are tables"))
            .collect()
    }

    #[test]
    fn keyspaces_come_before_types_and_types_before_tables() {
        let text = statements(&tables());
        let kinds: Vec<&str> = text.lines().filter_map(|line| line.split(' ').nth(1)).collect();
        let mut expected = vec!["KEYSPACE"; 2];
        expected.push("TYPE");
        expected.extend(["TABLE"; 5]);
        assert_eq!(kinds, expected, "{text}");
        assert!(
            text.contains("CREATE TYPE durable.pair (a int, b text);"),
            "{text}"
        );
        assert!(
            text.contains("PRIMARY KEY ((k0, k1), c1, c2)) WITH id = 72616d62-6c65-11f1-8000-000000000001"),
            "{text}"
        );
        assert!(text.contains("CLUSTERING ORDER BY (c1 ASC, c2 DESC);"), "{text}");
        assert!(text.contains("s int static, "), "{text}");
    }

    #[test]
    fn column_that_was_dropped_and_added_again_is_both() {
        let table = tables().remove(0);
        let dropped = translate::without_column(&table, "w", 5).expect("it has the column");
        let text = statements(std::slice::from_ref(&dropped));
        assert!(
            text.ends_with("ALTER TABLE durable.simple DROP w USING TIMESTAMP 5;\n"),
            "{text}"
        );
        let again = dropped
            .to_builder()
            .column(ColumnKind::Regular, "w", AbstractType::Utf8)
            .build()
            .expect("the same type");
        let text = statements(&[again]);
        assert!(
            text.ends_with("USING TIMESTAMP 5;\nALTER TABLE durable.simple ADD w text;\n"),
            "{text}"
        );
        assert!(text.contains("(k0 int, v int, w text, PRIMARY KEY"), "{text}");
        let _: Timestamp = dropped.dropped_columns()[0].dropped_at;
    }
}
