//! Definitions of tables as JSON, for people: types under their CQL names.
//!
//! ```json
//! {
//!   "keyspace": "gen", "name": "tombs", "id": "6732b2f0-e57b-11f1-935d-9b7b8ca7a154",
//!   "types": [ { "name": "addr", "fields": [ { "name": "zip", "type": "int" } ] } ],
//!   "partition_key": [ { "name": "pk", "type": "int" } ],
//!   "clustering": [ { "name": "a", "type": "int" }, { "name": "b", "type": "text", "order": "desc" } ],
//!   "static_columns": [],
//!   "regular_columns": [ { "name": "v2", "type": "list<int>" }, { "name": "home", "type": "frozen<addr>" } ],
//!   "dropped_columns": [ { "name": "v3", "type": "text", "dropped_at_us": 1700000000000000 } ],
//!   "params": { "gc_grace_seconds": 864000, "compression": { "enabled": false } }
//! }
//! ```
//!
//! All but keyspace, name, id and partition key may be missing. A user-defined type uses types that
//! stand before it. A file has one table, or an array of them.

use super::error::SchemaError;
use super::{ColumnKind, ColumnMetadata, DroppedColumn, TableMetadata, TableParams};
use crate::marshal::{AbstractType, UserType};
use serde::{Deserialize, Serialize};
use thymbra_types::{TableId, Timestamp};

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct TableJson {
    keyspace: Box<str>,
    name: Box<str>,
    id: Box<str>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    types: Vec<UserTypeJson>,
    partition_key: Vec<ColumnJson>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    clustering: Vec<ClusteringJson>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    static_columns: Vec<ColumnJson>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    regular_columns: Vec<ColumnJson>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    dropped_columns: Vec<DroppedJson>,
    #[serde(default)]
    params: TableParams,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct UserTypeJson {
    name: Box<str>,
    fields: Vec<ColumnJson>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ColumnJson {
    name: Box<str>,
    #[serde(rename = "type")]
    column_type: Box<str>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ClusteringJson {
    name: Box<str>,
    #[serde(rename = "type")]
    column_type: Box<str>,
    #[serde(default)]
    order: OrderJson,
}

#[derive(Clone, Copy, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum OrderJson {
    #[default]
    Asc,
    Desc,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct DroppedJson {
    name: Box<str>,
    #[serde(rename = "type")]
    column_type: Box<str>,
    #[serde(default, rename = "static")]
    is_static: bool,
    dropped_at_us: i64,
}

/// One table, or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Tables {
    Several(Vec<serde_json::Value>),
    One(serde_json::Value),
}

/// Reads the tables of a schema file.
///
/// # Errors
/// When the text is not JSON, or defines a table that [`super::TableMetadataBuilder::build`] refuses.
pub fn tables_from_json(text: &str) -> Result<Vec<TableMetadata>, SchemaError> {
    let tables = match serde_json::from_str(text)? {
        Tables::Several(tables) => tables,
        Tables::One(table) => vec![table],
    };
    tables
        .into_iter()
        .map(|table| serde_json::from_value::<TableJson>(table)?.into_table())
        .collect()
}

/// The text of a schema file, one line for each member.
///
/// # Errors
/// Never in practice: strings, numbers and lists of them are JSON.
pub fn tables_to_json(tables: &[TableMetadata]) -> Result<String, SchemaError> {
    let tables: Vec<_> = tables.iter().map(TableJson::of).collect();
    Ok(match tables.as_slice() {
        [table] => serde_json::to_string_pretty(table)?,
        tables => serde_json::to_string_pretty(tables)?,
    })
}

impl TableJson {
    fn into_table(self) -> Result<TableMetadata, SchemaError> {
        let mut user_types = Vec::new();
        for user in self.types {
            let fields = user
                .fields
                .into_iter()
                .map(|field| {
                    let of = column_type(&field.name, &field.column_type, &user_types)?;
                    Ok((field.name.into_boxed_bytes(), of))
                })
                .collect::<Result<_, SchemaError>>()?;
            user_types.push(UserType {
                keyspace: self.keyspace.clone(),
                name: user.name.into_boxed_bytes(),
                fields,
                is_multicell: true,
            });
        }
        let mut builder =
            TableMetadata::builder(self.keyspace, self.name, parse_id(&self.id)?).params(self.params);
        for column in self.partition_key {
            let of = column_type(&column.name, &column.column_type, &user_types)?;
            builder = builder.partition_key(column.name, of);
        }
        for column in self.clustering {
            let of = column_type(&column.name, &column.column_type, &user_types)?;
            builder = match column.order {
                OrderJson::Asc => builder.clustering(column.name, of),
                OrderJson::Desc => builder.clustering_descending(column.name, of),
            };
        }
        for (kind, columns) in [
            (ColumnKind::Static, self.static_columns),
            (ColumnKind::Regular, self.regular_columns),
        ] {
            for column in columns {
                let of = column_type(&column.name, &column.column_type, &user_types)?;
                builder = builder.column(kind, column.name, of);
            }
        }
        for dropped in self.dropped_columns {
            let of = column_type(&dropped.name, &dropped.column_type, &user_types)?;
            builder = builder.dropped_column(DroppedColumn {
                column: ColumnMetadata {
                    name: dropped.name,
                    kind: if dropped.is_static {
                        ColumnKind::Static
                    } else {
                        ColumnKind::Regular
                    },
                    column_type: of,
                },
                dropped_at: Timestamp(dropped.dropped_at_us),
            });
        }
        builder.build()
    }

    fn of(table: &TableMetadata) -> Self {
        let mut types = Vec::new();
        for kind in [
            ColumnKind::PartitionKey,
            ColumnKind::Clustering,
            ColumnKind::Static,
            ColumnKind::Regular,
        ] {
            for column in table.columns(kind) {
                collect_user_types(&column.column_type, &mut types);
            }
        }
        for dropped in table.dropped_columns() {
            collect_user_types(&dropped.column.column_type, &mut types);
        }
        Self {
            keyspace: table.keyspace().into(),
            name: table.name().into(),
            id: dashed(table.id()).into(),
            types,
            partition_key: table.partition_key().iter().map(ColumnJson::of).collect(),
            clustering: table.clustering().iter().map(ClusteringJson::of).collect(),
            static_columns: table.static_columns().iter().map(ColumnJson::of).collect(),
            regular_columns: table.regular_columns().iter().map(ColumnJson::of).collect(),
            dropped_columns: table.dropped_columns().iter().map(DroppedJson::of).collect(),
            params: table.params().clone(),
        }
    }
}

impl ColumnJson {
    fn of(column: &ColumnMetadata) -> Self {
        Self {
            name: column.name.clone(),
            column_type: column.column_type.cql_name().to_string().into(),
        }
    }
}

impl ClusteringJson {
    fn of(column: &ColumnMetadata) -> Self {
        Self {
            name: column.name.clone(),
            column_type: column.column_type.cql_name().to_string().into(),
            order: if column.column_type.is_reversed() {
                OrderJson::Desc
            } else {
                OrderJson::Asc
            },
        }
    }
}

impl DroppedJson {
    fn of(dropped: &DroppedColumn) -> Self {
        Self {
            name: dropped.column.name.clone(),
            column_type: dropped.column.column_type.cql_name().to_string().into(),
            is_static: dropped.column.kind == ColumnKind::Static,
            dropped_at_us: dropped.dropped_at.0,
        }
    }
}

fn column_type(column: &str, name: &str, user_types: &[UserType]) -> Result<AbstractType, SchemaError> {
    AbstractType::parse_cql(name, user_types).map_err(|source| SchemaError::TypeName {
        column: column.into(),
        source,
    })
}

/// Adds the user-defined types inside a type, those that others use first.
fn collect_user_types(of: &AbstractType, types: &mut Vec<UserTypeJson>) {
    for inner in of.inner() {
        collect_user_types(inner, types);
    }
    if let AbstractType::User(user) = of {
        let name: Box<str> = String::from_utf8_lossy(&user.name).into();
        if types.iter().all(|known| known.name != name) {
            let fields = user
                .fields
                .iter()
                .map(|(field, of)| ColumnJson {
                    name: String::from_utf8_lossy(field).into(),
                    column_type: of.cql_name().to_string().into(),
                })
                .collect();
            types.push(UserTypeJson { name, fields });
        }
    }
}

fn parse_id(text: &str) -> Result<TableId, SchemaError> {
    let digits: String = text.chars().filter(|character| *character != '-').collect();
    let is_id = digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    u128::from_str_radix(&digits, 16)
        .ok()
        .filter(|_| is_id)
        .map(TableId)
        .ok_or_else(|| SchemaError::Id { text: text.into() })
}

fn dashed(id: TableId) -> String {
    crate::marshal::uuid_text(&id.0.to_be_bytes())
}
