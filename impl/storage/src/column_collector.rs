//! Which columns were written to; an SSTable lists no others.
//!
//! Source: Cassandra `db.memtable.AbstractMemtable.ColumnsCollector`.

use thymbra_format::rows::{Columns, SingleRow};
use thymbra_types::{ColumnName, Partition, Row};

/// Names of columns, of static rows and of the others; sorted, each once.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct ColumnCollector {
    static_columns: Vec<ColumnName>,
    regular_columns: Vec<ColumnName>,
}

impl ColumnCollector {
    /// Sees the columns of an update.
    pub(crate) fn collect(&mut self, update: &Partition) {
        collect_row(&mut self.static_columns, &update.static_row);
        for row in update.rows.values() {
            collect_row(&mut self.regular_columns, row);
        }
    }

    /// Sees the columns of a row that lies in the bytes of its update.
    pub(crate) fn collect_single_row(&mut self, row: &SingleRow<'_, '_>) {
        for column in row.columns().iter() {
            insert(&mut self.regular_columns, column.name());
        }
    }

    /// Sees what another has seen.
    pub(crate) fn merge(&mut self, other: &Self) {
        for name in &other.static_columns {
            insert(&mut self.static_columns, name);
        }
        for name in &other.regular_columns {
            insert(&mut self.regular_columns, name);
        }
    }

    /// Sees the columns of an SSTable.
    pub(crate) fn add(&mut self, static_columns: &Columns, regular_columns: &Columns) {
        for column in static_columns.iter() {
            insert(&mut self.static_columns, column.name());
        }
        for column in regular_columns.iter() {
            insert(&mut self.regular_columns, column.name());
        }
    }

    /// The static columns that were seen.
    pub(crate) fn static_columns(&self) -> &[ColumnName] {
        &self.static_columns
    }

    /// The other columns that were seen.
    pub(crate) fn regular_columns(&self) -> &[ColumnName] {
        &self.regular_columns
    }
}

fn collect_row(seen: &mut Vec<ColumnName>, row: &Row) {
    for name in row.cells.keys() {
        insert(seen, &name.column);
    }
    for column in row.complex_deletions.keys() {
        insert(seen, column);
    }
}

fn insert(seen: &mut Vec<ColumnName>, name: &ColumnName) {
    if let Err(place) = seen.binary_search(name) {
        seen.insert(place, name.clone());
    }
}
