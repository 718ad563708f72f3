//! Whether an SSTable that lies in a table's directory is one of that table.
//!
//! Whoever restores files may have put those of another table there, or of another cluster: their bytes are right,
//! and read with another order of rows or other columns they would be other data. Chapter: `specs/08-sstable.md`.
//! Source: Cassandra `db.SerializationHeader.Component.toHeader`,
//! `io.sstable.format.SSTableReaderLoadingBuilder.validatePartitioner`.

use std::fmt::Write as _;
use thiserror::Error;
use thymbra_format::marshal::AbstractType;
use thymbra_format::rows::SerializationHeader;
use thymbra_format::schema::{ColumnKind, TableMetadata};
use thymbra_types::{ColumnName, Partitioner};

/// Why an SSTable is none of the table in whose directory it lies; whoever put it there is to blame.
#[derive(Debug, Error)]
pub enum ForeignSSTable {
    /// Its keys stand in another order.
    #[error("its partitioner is {found:?}, that of the engine {expected:?}")]
    Partitioner {
        /// Of the SSTable.
        found: Partitioner,
        /// Of the engine.
        expected: Partitioner,
    },
    /// Its keys are of another type.
    #[error("its partition key has the type {found}, that of the table is {expected}")]
    PartitionKey {
        /// In CQL, of the SSTable.
        found: Box<str>,
        /// In CQL, of the table.
        expected: Box<str>,
    },
    /// Its rows stand in another order, or under other clusterings.
    #[error("its clustering columns have the types ({found}), those of the table are ({expected})")]
    Clustering {
        /// In CQL, of the SSTable.
        found: Box<str>,
        /// In CQL, of the table.
        expected: Box<str>,
    },
    /// It has cells of a column that the table neither has nor had.
    #[error("the table has no {} column {:?}, and never had", name_of(*.kind), column.0)]
    UnknownColumn {
        /// The column.
        column: ColumnName,
        /// Static or regular.
        kind: ColumnKind,
    },
    /// It has values that the table's column cannot be read with.
    #[error("its column {:?} has the type {found}, which the table's type {expected} does not read", column.0)]
    ColumnType {
        /// The column.
        column: ColumnName,
        /// In CQL, of the SSTable.
        found: Box<str>,
        /// In CQL, of the table.
        expected: Box<str>,
    },
}

const fn name_of(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::PartitionKey => "partition key",
        ColumnKind::Clustering => "clustering",
        ColumnKind::Static => "static",
        ColumnKind::Regular => "regular",
    }
}

/// Checks that the keys of an SSTable were placed by the partitioner of the engine.
///
/// # Errors
/// When they were not.
//= WP-SS-07
pub(crate) fn check_partitioner(found: Partitioner, expected: Partitioner) -> Result<(), ForeignSSTable> {
    if found != expected {
        return Err(ForeignSSTable::Partitioner { found, expected });
    }
    Ok(())
}

/// Checks that what has this header can be read, and merged, as data of a table.
///
/// # Errors
/// Names the first thing that is different.
//= WP-SS-07
pub(crate) fn check_header(
    header: &SerializationHeader,
    table: &TableMetadata,
) -> Result<(), ForeignSSTable> {
    if !table.partition_key_type().reads_key_of(&header.key_type) {
        return Err(ForeignSSTable::PartitionKey {
            found: cql(&header.key_type),
            expected: cql(table.partition_key_type()),
        });
    }
    let expected: Vec<_> = table
        .clustering()
        .iter()
        .map(|column| &column.column_type)
        .collect();
    let found: Vec<_> = header.clustering_types.iter().collect();
    let is_alike = |(expected, found): (&&AbstractType, &&AbstractType)| expected.reads_key_of(found);
    if expected.len() != found.len() || !expected.iter().zip(&found).all(is_alike) {
        return Err(ForeignSSTable::Clustering {
            found: list(&found),
            expected: list(&expected),
        });
    }
    for kind in [ColumnKind::Static, ColumnKind::Regular] {
        for column in header.columns(kind == ColumnKind::Static).iter() {
            check_column(column.name(), column.column_type(), kind, table)?;
        }
    }
    Ok(())
}

/// A column of an SSTable is one of the table, or was one before it was dropped.
fn check_column(
    name: &ColumnName,
    found: &AbstractType,
    kind: ColumnKind,
    table: &TableMetadata,
) -> Result<(), ForeignSSTable> {
    let now = table.column(&name.0).filter(|column| column.kind == kind);
    // Of those that were dropped the last one, which has to read what was written to the others.
    let last_dropped = || {
        let dropped = &table.dropped_column(&name.0)?.column;
        (dropped.kind == kind).then_some(dropped)
    };
    let Some(known) = now.or_else(last_dropped) else {
        return Err(ForeignSSTable::UnknownColumn {
            column: name.clone(),
            kind,
        });
    };
    if known.column_type.reads_column_of(found) {
        return Ok(());
    }
    Err(ForeignSSTable::ColumnType {
        column: name.clone(),
        found: cql(found),
        expected: cql(&known.column_type),
    })
}

fn cql(of: &AbstractType) -> Box<str> {
    of.cql_name().to_string().into()
}

/// Types of clustering columns with their order.
fn list(types: &[&AbstractType]) -> Box<str> {
    let mut text = String::new();
    for (index, of) in types.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        let order = if of.is_reversed() { " DESC" } else { "" };
        // A string takes everything.
        let _ = write!(text, "{comma}{}{order}", of.unwrap_reversed().cql_name());
    }
    text.into()
}
