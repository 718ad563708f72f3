//! Definitions of tables: keys, columns with their types, and options.
//!
//! Files name columns by position and tables by id; the definition says what they mean. Chapter:
//! `specs/01-data-model.md`. Source: Cassandra `schema.TableMetadata`, `schema.ColumnMetadata`,
//! `cql3.statements.schema.CreateTableStatement`.

mod builder;
mod compatibility;
mod error;
mod json;
mod params;
#[cfg(test)]
mod tests;

pub use builder::{TableMetadataBuilder, validate_keyspace_name};
pub use error::SchemaError;
pub use json::{tables_from_json, tables_to_json};
pub use params::{CompactionParams, CompressionParams, SizeTieredParams, TableParams};

use crate::marshal::AbstractType;
use core::cmp::Ordering;
use thymbra_types::{TableId, Timestamp};

/// Part of a row to which a column belongs.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ColumnKind {
    /// Of the key that places a partition on the ring.
    PartitionKey,
    /// Of the key that orders the rows of a partition.
    Clustering,
    /// One value for all rows of a partition.
    Static,
    /// One value a row.
    Regular,
}

/// A column.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct ColumnMetadata {
    /// Name as the schema has it, not quoted.
    pub name: Box<str>,
    /// Part of a row to which it belongs.
    pub kind: ColumnKind,
    /// Type of its values; reversed for a clustering column in descending order.
    pub column_type: AbstractType,
}

impl ColumnMetadata {
    /// Whether each element of a value is a cell of its own.
    #[must_use]
    pub fn is_complex(&self) -> bool {
        self.column_type.is_multicell()
    }

    /// The order of regular and of static columns in headers, rows and subsets.
    ///
    /// Simple columns stand before complex ones, each group by the bytes of its names. Cassandra:
    /// `ColumnMetadata.comparisonOrder`.
    #[must_use]
    pub fn file_order(&self, other: &Self) -> Ordering {
        (self.is_complex(), &self.name).cmp(&(other.is_complex(), &other.name))
    }
}

/// A column that the table has no more, and files may still have.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct DroppedColumn {
    /// The column as it was.
    pub column: ColumnMetadata,
    /// Cells with this timestamp and older ones are dead: microseconds since 1970.
    pub dropped_at: Timestamp,
}

/// Definition of a table.
///
/// Invariants, which [`TableMetadataBuilder::build`] checks:
/// * the partition key is not empty, and no two columns have one name;
/// * columns of the primary key are neither complex nor counters, and only clustering columns are
///   reversed;
/// * there are static columns only where there are clustering columns;
/// * either all static and regular columns are counters, or none is;
/// * static and regular columns stand in [`ColumnMetadata::file_order`];
/// * every option is possible.
#[derive(Clone, Debug, PartialEq)]
pub struct TableMetadata {
    keyspace: Box<str>,
    name: Box<str>,
    id: TableId,
    partition_key: Vec<ColumnMetadata>,
    partition_key_type: AbstractType,
    clustering: Vec<ColumnMetadata>,
    static_columns: Vec<ColumnMetadata>,
    regular_columns: Vec<ColumnMetadata>,
    dropped_columns: Vec<DroppedColumn>,
    params: TableParams,
    /// Every column by name: its kind and its position there.
    by_name: Vec<(ColumnKind, usize)>,
}

impl TableMetadata {
    /// Begins the definition of a table without columns.
    #[must_use]
    pub fn builder(
        keyspace: impl Into<Box<str>>,
        name: impl Into<Box<str>>,
        id: TableId,
    ) -> TableMetadataBuilder {
        TableMetadataBuilder::new(keyspace.into(), name.into(), id)
    }

    /// Checks all that [`TableMetadataBuilder::build`] checks: a definition that was built as found may break any
    /// of it.
    ///
    /// # Errors
    /// When CQL would refuse to create such a table.
    pub fn validate(&self) -> Result<(), SchemaError> {
        self.to_builder().check()
    }

    /// Name of its keyspace.
    #[must_use]
    pub const fn keyspace(&self) -> &str {
        &self.keyspace
    }

    /// Its name, not quoted.
    #[must_use]
    pub const fn name(&self) -> &str {
        &self.name
    }

    /// Its identity, which a table that is dropped and made again does not keep.
    #[must_use]
    pub const fn id(&self) -> TableId {
        self.id
    }

    /// Columns of the partition key, at least one.
    #[must_use]
    pub fn partition_key(&self) -> &[ColumnMetadata] {
        &self.partition_key
    }

    /// Type of whole partition keys: the column's own, or a composite of several.
    #[must_use]
    pub const fn partition_key_type(&self) -> &AbstractType {
        &self.partition_key_type
    }

    /// Clustering columns in order.
    #[must_use]
    pub fn clustering(&self) -> &[ColumnMetadata] {
        &self.clustering
    }

    /// Static columns in the order of files.
    #[must_use]
    pub fn static_columns(&self) -> &[ColumnMetadata] {
        &self.static_columns
    }

    /// Regular columns in the order of files.
    #[must_use]
    pub fn regular_columns(&self) -> &[ColumnMetadata] {
        &self.regular_columns
    }

    /// Columns of a kind.
    #[must_use]
    pub fn columns(&self, kind: ColumnKind) -> &[ColumnMetadata] {
        match kind {
            ColumnKind::PartitionKey => &self.partition_key,
            ColumnKind::Clustering => &self.clustering,
            ColumnKind::Static => &self.static_columns,
            ColumnKind::Regular => &self.regular_columns,
        }
    }

    /// Columns that were dropped.
    #[must_use]
    pub fn dropped_columns(&self) -> &[DroppedColumn] {
        &self.dropped_columns
    }

    /// Options.
    #[must_use]
    pub const fn params(&self) -> &TableParams {
        &self.params
    }

    /// Whether its columns are counters.
    #[must_use]
    pub fn is_counter(&self) -> bool {
        self.static_columns
            .iter()
            .chain(&self.regular_columns)
            .any(|column| column.column_type.is_counter())
    }

    /// The column with this name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&ColumnMetadata> {
        let place = self
            .by_name
            .binary_search_by(|(kind, index)| {
                self.columns(*kind)
                    .get(*index)
                    .map_or(Ordering::Less, |column| (*column.name).cmp(name))
            })
            .ok()?;
        let (kind, index) = self.by_name.get(place)?;
        self.columns(*kind).get(*index)
    }

    /// The dropped column with this name; the last one where there were several.
    #[must_use]
    pub fn dropped_column(&self, name: &str) -> Option<&DroppedColumn> {
        self.dropped_columns
            .iter()
            .filter(|dropped| &*dropped.column.name == name)
            .max_by_key(|dropped| dropped.dropped_at)
    }

    /// Name of the directory with its files: `<table>-<id as 32 hexadecimal digits>`.
    #[must_use]
    pub fn directory_name(&self) -> String {
        format!("{}-{}", self.name, self.id)
    }

    /// A builder that holds this definition, to make a changed one.
    ///
    /// Adding and dropping columns are changes of a table; its id stays.
    #[must_use]
    pub fn to_builder(&self) -> TableMetadataBuilder {
        TableMetadataBuilder::of(self)
    }
}
