//! What can be wrong with the definition of a table.

use super::ColumnKind;
use crate::marshal::TypeNameError;
use thiserror::Error;

/// Why a table cannot be defined so; the client or the schema file is to blame.
#[derive(Debug, Error)]
pub enum SchemaError {
    /// A name is empty, too long, or has characters that are not letters, digits and `_`.
    #[error("{what} name {name:?} must be 1 to {limit} letters, digits and underscores")]
    Name {
        /// Keyspace or table.
        what: &'static str,
        /// The name.
        name: Box<str>,
        /// Most characters.
        limit: usize,
    },
    /// A column has an empty or a very long name.
    #[error("a column name must be 1 to {limit_bytes} bytes long, this one has {found_bytes}")]
    ColumnName {
        /// Most bytes.
        limit_bytes: usize,
        /// Bytes of the name.
        found_bytes: usize,
    },
    /// A table has no partition key.
    #[error("table {table} has no partition key")]
    NoPartitionKey {
        /// Its name.
        table: Box<str>,
    },
    /// Two columns have one name.
    #[error("table {table} has two columns {column:?}")]
    DuplicateColumn {
        /// Name of the table.
        table: Box<str>,
        /// Name of the columns.
        column: Box<str>,
    },
    /// More primary key columns than a file can number.
    #[error("table {table} has {found} columns in its primary key, at most {limit} are possible")]
    TooManyKeyColumns {
        /// Name of the table.
        table: Box<str>,
        /// How many it has.
        found: usize,
        /// Most columns.
        limit: usize,
    },
    /// A column has a type that is not possible in its place.
    #[error("column {column:?} has type {column_type}: {rule}")]
    ColumnType {
        /// Name of the column.
        column: Box<str>,
        /// Its type in CQL.
        column_type: Box<str>,
        /// The rule that forbids it.
        rule: &'static str,
    },
    /// A static column without clustering columns.
    #[error("column {column:?} is static, and table {table} has no clustering columns")]
    StaticWithoutClustering {
        /// Name of the table.
        table: Box<str>,
        /// Name of the column.
        column: Box<str>,
    },
    /// Counters and other columns in one table.
    #[error("table {table} has counters and column {column:?} that is none")]
    MixedCounters {
        /// Name of the table.
        table: Box<str>,
        /// First column that is no counter.
        column: Box<str>,
    },
    /// Counters never expire.
    #[error("table {table} has counters and a default time to live")]
    CounterTimeToLive {
        /// Name of the table.
        table: Box<str>,
    },
    /// A counter where none can be served.
    #[error("counters are not implemented, and column {column:?} of table {table} is one")]
    CounterNotServed {
        /// Name of the table.
        table: Box<str>,
        /// First column that is one.
        column: Box<str>,
    },
    /// A counter in a table that had none.
    #[error("table {table} has no counters, and column {column:?} is one")]
    CounterAdded {
        /// Name of the table.
        table: Box<str>,
        /// Name of the column.
        column: Box<str>,
    },
    /// What was written with the old type cannot be read with the new one.
    #[error("column {column:?} has type {expected}, which cannot become {found}")]
    ColumnTypeChanged {
        /// Name of the column.
        column: Box<str>,
        /// The new type in CQL.
        found: Box<str>,
        /// The old type in CQL.
        expected: Box<str>,
    },
    /// A column became static, or part of the key, or ceased to be so.
    #[error("column {column:?} is {expected:?}, and cannot become {found:?}")]
    ColumnKindChanged {
        /// Name of the column.
        column: Box<str>,
        /// What it should become.
        found: ColumnKind,
        /// What it is, or was when it was dropped.
        expected: ColumnKind,
    },
    /// A column is left out without having been dropped.
    #[error("column {column:?} is missing, and not among the columns that were dropped")]
    ColumnMissing {
        /// Name of the column.
        column: Box<str>,
    },
    /// A column that was dropped stays in the list of those, with the last time of a drop.
    #[error("column {column:?} was dropped, and this is to be forgotten")]
    DropForgotten {
        /// Name of the column.
        column: Box<str>,
    },
    /// A schema file would give another definition back: two user-defined types have one name, or a
    /// column that was dropped is of the key.
    #[error("a schema file cannot hold the definition of table {table}")]
    NotStorable {
        /// Name of the table.
        table: Box<str>,
    },
    /// An option has a value that is not possible.
    #[error("{option} is {found}, it must be {expected}")]
    Param {
        /// Name of the option in CQL.
        option: &'static str,
        /// What is possible, in words.
        expected: &'static str,
        /// The value.
        found: Box<str>,
    },
    /// A column or a field of a user-defined type has no known type.
    #[error("type of {column:?}: {source}")]
    TypeName {
        /// Name of the column or field.
        column: Box<str>,
        /// What is wrong with it.
        source: TypeNameError,
    },
    /// Text is no id of a table.
    #[error("table id {text:?} is not 32 hexadecimal digits, dashes aside")]
    Id {
        /// The text.
        text: Box<str>,
    },
    /// Text is not JSON, or not the JSON of a table.
    #[error("schema: {0}")]
    Json(#[from] serde_json::Error),
}
