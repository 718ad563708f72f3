//! Making and changing definitions of tables, with every check before anything is made.

use super::error::SchemaError;
use super::{ColumnKind, ColumnMetadata, DroppedColumn, TableMetadata, TableParams};
use crate::marshal::AbstractType;
use thymbra_types::{TableId, Timestamp};

/// Longest name of a keyspace or a table, characters.
const NAME_LIMIT: usize = 48;
/// Longest name of a column, bytes.
const COLUMN_NAME_LIMIT_BYTES: usize = 65_535;
/// Most columns of a partition key, and most clustering columns.
const KEY_COLUMN_LIMIT: usize = 4096;

/// A definition of a table that is being made.
#[derive(Clone, Debug)]
pub struct TableMetadataBuilder {
    keyspace: Box<str>,
    name: Box<str>,
    id: TableId,
    columns: Vec<ColumnMetadata>,
    dropped_columns: Vec<DroppedColumn>,
    params: TableParams,
}

impl TableMetadataBuilder {
    pub(super) fn new(keyspace: Box<str>, name: Box<str>, id: TableId) -> Self {
        Self {
            keyspace,
            name,
            id,
            columns: Vec::new(),
            dropped_columns: Vec::new(),
            params: TableParams::default(),
        }
    }

    pub(super) fn of(table: &TableMetadata) -> Self {
        let kinds = [
            ColumnKind::PartitionKey,
            ColumnKind::Clustering,
            ColumnKind::Static,
            ColumnKind::Regular,
        ];
        Self {
            keyspace: table.keyspace.clone(),
            name: table.name.clone(),
            id: table.id,
            columns: kinds
                .into_iter()
                .flat_map(|kind| table.columns(kind))
                .cloned()
                .collect(),
            dropped_columns: table.dropped_columns.clone(),
            params: table.params.clone(),
        }
    }

    /// Adds a column behind the others of its kind.
    #[must_use]
    pub fn column(mut self, kind: ColumnKind, name: impl Into<Box<str>>, column_type: AbstractType) -> Self {
        self.columns.push(ColumnMetadata {
            name: name.into(),
            kind,
            column_type,
        });
        self
    }

    /// Adds a column to the partition key.
    #[must_use]
    pub fn partition_key(self, name: impl Into<Box<str>>, column_type: AbstractType) -> Self {
        self.column(ColumnKind::PartitionKey, name, column_type)
    }

    /// Adds a clustering column in ascending order; a reversed type makes it descending.
    #[must_use]
    pub fn clustering(self, name: impl Into<Box<str>>, column_type: AbstractType) -> Self {
        self.column(ColumnKind::Clustering, name, column_type)
    }

    /// Adds a clustering column in descending order.
    #[must_use]
    pub fn clustering_descending(self, name: impl Into<Box<str>>, column_type: AbstractType) -> Self {
        self.clustering(name, AbstractType::Reversed(Box::new(column_type)))
    }

    /// Adds a static column.
    #[must_use]
    pub fn static_column(self, name: impl Into<Box<str>>, column_type: AbstractType) -> Self {
        self.column(ColumnKind::Static, name, column_type)
    }

    /// Adds a regular column.
    #[must_use]
    pub fn regular_column(self, name: impl Into<Box<str>>, column_type: AbstractType) -> Self {
        self.column(ColumnKind::Regular, name, column_type)
    }

    /// Remembers a column that is no more.
    #[must_use]
    pub fn dropped_column(mut self, dropped: DroppedColumn) -> Self {
        self.dropped_columns.push(dropped);
        self
    }

    /// Drops a static or regular column: cells up to `dropped_at` are dead from now on.
    ///
    /// Changes nothing when there is no such column.
    #[must_use]
    pub fn drop_column(mut self, name: &str, dropped_at: Timestamp) -> Self {
        let place = self.columns.iter().position(|column| {
            &*column.name == name && matches!(column.kind, ColumnKind::Static | ColumnKind::Regular)
        });
        if let Some(index) = place {
            let column = self.columns.remove(index);
            self.dropped_columns.push(DroppedColumn { column, dropped_at });
        }
        self
    }

    /// Sets the options.
    #[must_use]
    pub fn params(mut self, params: TableParams) -> Self {
        self.params = params;
        self
    }

    /// The definition.
    ///
    /// # Errors
    /// When CQL would refuse to create such a table.
    pub fn build(self) -> Result<TableMetadata, SchemaError> {
        self.check()?;
        self.build_as_found()
    }

    /// Whether CQL would create such a table.
    pub(super) fn check(&self) -> Result<(), SchemaError> {
        check_name("keyspace", &self.keyspace)?;
        check_name("table", &self.name)?;
        self.check_column_names()?;
        self.columns.iter().try_for_each(check_type)?;
        self.check_statics()?;
        self.check_counters()?;
        self.params.validate()
    }

    /// The definition of a table as its files have it.
    ///
    /// Files of compact tables have columns with empty names, counters beside other columns, and
    /// more that CQL refuses; only what a reader relies on is checked.
    ///
    /// # Errors
    /// When there is no partition key, two columns have one name, or there are too many key columns.
    pub fn build_as_found(self) -> Result<TableMetadata, SchemaError> {
        let of_kind = |kind| {
            let columns: Vec<_> = self
                .columns
                .iter()
                .filter(|column| column.kind == kind)
                .cloned()
                .collect();
            columns
        };
        let partition_key = of_kind(ColumnKind::PartitionKey);
        let clustering = of_kind(ColumnKind::Clustering);
        let mut static_columns = of_kind(ColumnKind::Static);
        let mut regular_columns = of_kind(ColumnKind::Regular);
        for found in [partition_key.len(), clustering.len()] {
            if found > KEY_COLUMN_LIMIT {
                return Err(SchemaError::TooManyKeyColumns {
                    table: self.name,
                    found,
                    limit: KEY_COLUMN_LIMIT,
                });
            }
        }
        static_columns.sort_by(ColumnMetadata::file_order);
        regular_columns.sort_by(ColumnMetadata::file_order);
        let partition_key_type = match partition_key.as_slice() {
            [] => return Err(SchemaError::NoPartitionKey { table: self.name }),
            [column] => column.column_type.clone(),
            columns => {
                AbstractType::Composite(columns.iter().map(|column| column.column_type.clone()).collect())
            }
        };
        let mut table = TableMetadata {
            keyspace: self.keyspace,
            name: self.name,
            id: self.id,
            partition_key,
            partition_key_type,
            clustering,
            static_columns,
            regular_columns,
            dropped_columns: self.dropped_columns,
            params: self.params,
            by_name: Vec::new(),
        };
        table.by_name = by_name(&table)?;
        Ok(table)
    }

    fn check_column_names(&self) -> Result<(), SchemaError> {
        for column in &self.columns {
            let found_bytes = column.name.len();
            if found_bytes == 0 || found_bytes > COLUMN_NAME_LIMIT_BYTES {
                return Err(SchemaError::ColumnName {
                    limit_bytes: COLUMN_NAME_LIMIT_BYTES,
                    found_bytes,
                });
            }
        }
        Ok(())
    }

    fn check_statics(&self) -> Result<(), SchemaError> {
        let first = |kind| self.columns.iter().find(|column| column.kind == kind);
        match (first(ColumnKind::Static), first(ColumnKind::Clustering)) {
            (Some(column), None) => Err(SchemaError::StaticWithoutClustering {
                table: self.name.clone(),
                column: column.name.clone(),
            }),
            (Some(_), Some(_)) | (None, _) => Ok(()),
        }
    }

    fn check_counters(&self) -> Result<(), SchemaError> {
        let of_rows = || {
            self.columns
                .iter()
                .filter(|column| matches!(column.kind, ColumnKind::Static | ColumnKind::Regular))
        };
        if !of_rows().any(|column| column.column_type.is_counter()) {
            return Ok(());
        }
        if let Some(column) = of_rows().find(|column| !column.column_type.is_counter()) {
            return Err(SchemaError::MixedCounters {
                table: self.name.clone(),
                column: column.name.clone(),
            });
        }
        if self.params.default_time_to_live_s > 0 {
            return Err(SchemaError::CounterTimeToLive {
                table: self.name.clone(),
            });
        }
        Ok(())
    }
}

/// Names of keyspaces and tables are names of directories.
fn check_name(what: &'static str, name: &str) -> Result<(), SchemaError> {
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    if name.is_empty() || name.len() > NAME_LIMIT || !name.chars().all(is_word) {
        return Err(SchemaError::Name {
            what,
            name: name.into(),
            limit: NAME_LIMIT,
        });
    }
    Ok(())
}

/// Checks the name of a keyspace, which is that of a directory: 1 to 48 letters, digits and underscores.
///
/// # Errors
/// When CQL would refuse to create such a keyspace.
pub fn validate_keyspace_name(name: &str) -> Result<(), SchemaError> {
    check_name("keyspace", name)
}

/// Places of all columns in the order of their names.
fn by_name(table: &TableMetadata) -> Result<Vec<(ColumnKind, usize)>, SchemaError> {
    let kinds = [
        ColumnKind::PartitionKey,
        ColumnKind::Clustering,
        ColumnKind::Static,
        ColumnKind::Regular,
    ];
    let mut places: Vec<_> = kinds
        .into_iter()
        .flat_map(|kind| {
            let columns = table.columns(kind).iter().enumerate();
            columns.map(move |(index, column)| (&column.name, (kind, index)))
        })
        .collect();
    places.sort_unstable();
    let duplicate = places
        .windows(2)
        .find_map(|pair| matches!(pair, [(left, _), (right, _)] if left == right).then(|| pair.first()))
        .flatten();
    if let Some((name, _)) = duplicate {
        return Err(SchemaError::DuplicateColumn {
            table: table.name.clone(),
            column: (*name).clone(),
        });
    }
    Ok(places.into_iter().map(|(_, place)| place).collect())
}

/// Refuses types that are not possible for a column of its kind.
fn check_type(column: &ColumnMetadata) -> Result<(), SchemaError> {
    let of = &column.column_type;
    let is_key = matches!(column.kind, ColumnKind::PartitionKey | ColumnKind::Clustering);
    let of = match (column.kind, of) {
        (ColumnKind::Clustering, AbstractType::Reversed(of)) => of,
        (_, of) => of,
    };
    let broken_rule = if of.contains(&|inner| inner.is_reversed()) {
        Some("only clustering columns have an order")
    } else if is_key && of.is_multicell() {
        Some("collections and user-defined types of a primary key are frozen")
    } else if is_key && of.is_counter() {
        Some("counters are no part of a primary key")
    } else if is_key && of.contains(&|inner| matches!(inner, AbstractType::Duration)) {
        Some("durations have no order")
    } else if of.has_inner(&|inner| inner.is_counter()) {
        Some("counters stand alone")
    } else if of.is_multicell() && of.inner().into_iter().any(AbstractType::is_multicell) {
        Some("what stands inside another type is frozen")
    } else {
        None
    };
    let Some(rule) = broken_rule else {
        return Ok(());
    };
    Err(SchemaError::ColumnType {
        column: column.name.clone(),
        column_type: of.cql_name().to_string().into(),
        rule,
    })
}
