//! Which changes of a definition leave a table's files and its part of the commit log readable.
//!
//! Source: Cassandra `schema.TableMetadata.validateCompatibility`,
//! `cql3.statements.schema.AlterTableStatement`.

use super::error::SchemaError;
use super::{ColumnKind, ColumnMetadata, TableMetadata};

impl TableMetadata {
    /// Checks that this definition may follow another of the same table.
    ///
    /// # Errors
    /// When a column changes its kind, or its type to one that does not read the old values; when a
    /// column is left out and not among those that were dropped; when a drop is forgotten or made
    /// earlier; or when counters and other columns would take turns.
    pub fn validate_compatibility(&self, previous: &Self) -> Result<(), SchemaError> {
        let kinds = [
            ColumnKind::PartitionKey,
            ColumnKind::Clustering,
            ColumnKind::Static,
            ColumnKind::Regular,
        ];
        for before in kinds.into_iter().flat_map(|kind| previous.columns(kind)) {
            match self.column(&before.name) {
                Some(now) => check_change(now, before)?,
                None => self.check_drop(before)?,
            }
        }
        for dropped in &previous.dropped_columns {
            let name = &dropped.column.name;
            // The last one is what reads the files of all of them.
            let is_known = self.dropped_column(name).is_some_and(|still| {
                still.dropped_at >= dropped.dropped_at
                    && still.column.kind == dropped.column.kind
                    && still
                        .column
                        .column_type
                        .is_compatible_with(&dropped.column.column_type)
            });
            if !is_known {
                return Err(SchemaError::DropForgotten { column: name.clone() });
            }
            // What was written before may be read with the column that is there again.
            if let Some(again) = self.column(name) {
                check_change(again, &dropped.column)?;
            }
        }
        self.check_counters_stay(previous)
    }

    /// A column that is gone is known as one, so that what is left of it can be read.
    fn check_drop(&self, gone: &ColumnMetadata) -> Result<(), SchemaError> {
        let is_it = |dropped: &ColumnMetadata| {
            dropped.kind == gone.kind && dropped.column_type.is_compatible_with(&gone.column_type)
        };
        if self
            .dropped_column(&gone.name)
            .is_some_and(|dropped| is_it(&dropped.column))
        {
            return Ok(());
        }
        Err(SchemaError::ColumnMissing {
            column: gone.name.clone(),
        })
    }

    /// A table of counters stays one, and no other becomes one.
    fn check_counters_stay(&self, previous: &Self) -> Result<(), SchemaError> {
        let dropped = previous.dropped_columns.iter().map(|dropped| &dropped.column);
        let known: Vec<_> = previous.columns_of_rows().chain(dropped).collect();
        let was_counter = known.iter().any(|column| column.column_type.is_counter());
        let mut added = self.columns_of_rows();
        let is_other = |column: &ColumnMetadata| column.column_type.is_counter() != was_counter;
        match added.find(|column| is_other(column)) {
            Some(column) if was_counter => Err(SchemaError::MixedCounters {
                table: self.name.clone(),
                column: column.name.clone(),
            }),
            Some(column) => Err(SchemaError::CounterAdded {
                table: self.name.clone(),
                column: column.name.clone(),
            }),
            None => Ok(()),
        }
    }

    fn columns_of_rows(&self) -> impl Iterator<Item = &ColumnMetadata> {
        self.static_columns.iter().chain(&self.regular_columns)
    }
}

fn check_change(now: &ColumnMetadata, before: &ColumnMetadata) -> Result<(), SchemaError> {
    if now.kind != before.kind {
        return Err(SchemaError::ColumnKindChanged {
            column: now.name.clone(),
            found: now.kind,
            expected: before.kind,
        });
    }
    if !now.column_type.is_compatible_with(&before.column_type) {
        return Err(SchemaError::ColumnTypeChanged {
            column: now.name.clone(),
            found: now.column_type.cql_name().to_string().into(),
            expected: before.column_type.cql_name().to_string().into(),
        });
    }
    Ok(())
}
