//! What of a table's schema the bytes of its rows depend on.

use crate::marshal::AbstractType;
use crate::rows::{Column, Columns, EncodingStats, SerializationHeader};
use crate::schema::{ColumnKind, ColumnMetadata, TableMetadata};
use std::collections::BTreeMap;
use std::sync::Arc;
use thymbra_types::{ColumnName, Row, TableId, Timestamp};

/// The tables that a reader or writer knows.
pub trait SchemaLookup {
    /// The table of an id, unless it is unknown or was dropped.
    fn table(&self, id: TableId) -> Option<&TableLayout>;
}

impl SchemaLookup for BTreeMap<TableId, TableLayout> {
    fn table(&self, id: TableId) -> Option<&TableLayout> {
        self.get(&id)
    }
}

impl SchemaLookup for BTreeMap<TableId, Arc<TableLayout>> {
    fn table(&self, id: TableId) -> Option<&TableLayout> {
        self.get(&id).map(Arc::as_ref)
    }
}

impl<S: SchemaLookup + ?Sized> SchemaLookup for &S {
    fn table(&self, id: TableId) -> Option<&TableLayout> {
        (**self).table(id)
    }
}

/// Columns that were dropped, and may have been added again.
#[derive(Clone, Debug, Default)]
pub struct DroppedColumns {
    columns: BTreeMap<ColumnName, DroppedColumn>,
}

#[derive(Clone, Debug)]
struct DroppedColumn {
    column: Arc<Column>,
    dropped_at: Timestamp,
    is_there_again: bool,
}

impl DroppedColumns {
    /// Whether no column was ever dropped.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// The column as it was, for reading what has no meaning any more.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Column>> {
        let name = ColumnName(name.into());
        self.columns.get(&name).map(|dropped| &dropped.column)
    }

    /// Takes out of a row what was written to columns before they were dropped; what is left of
    /// columns that are not there again too.
    ///
    /// Cassandra: `DeserializationHelper.isDropped`.
    pub fn remove_from(&self, row: &mut Row) {
        if self.is_empty() {
            return;
        }
        let stays = |column: &ColumnName, timestamp: Timestamp| match self.columns.get(column) {
            None => true,
            Some(dropped) => dropped.is_there_again && timestamp > dropped.dropped_at,
        };
        row.cells.retain(|name, cell| stays(&name.column, cell.timestamp));
        row.complex_deletions
            .retain(|column, deletion| stays(column, deletion.marked_for_delete_at));
    }
}

/// Types and columns of a table, in the form that readers and writers need.
///
/// Made once for each version of a table's schema; headers share its parts.
#[derive(Clone, Debug)]
pub struct TableLayout {
    id: TableId,
    keyspace: Box<str>,
    header: SerializationHeader,
    dropped: DroppedColumns,
}

impl TableLayout {
    /// The layout of a table.
    #[must_use]
    pub fn of(table: &TableMetadata) -> Self {
        let column = |of: &ColumnMetadata| {
            let name = ColumnName((*of.name).into());
            Arc::new(Column::new(name, of.column_type.clone()))
        };
        let columns = |kind| Columns::new(table.columns(kind).iter().map(column));
        let clustering = table.clustering().iter().map(|column| column.column_type.clone());
        let layout = Self::new(
            table.id(),
            table.keyspace(),
            table.partition_key_type().clone(),
            clustering.collect::<Arc<[_]>>(),
            columns(ColumnKind::Static),
            columns(ColumnKind::Regular),
        );
        table.dropped_columns().iter().fold(layout, |layout, dropped| {
            layout.with_dropped(column(&dropped.column), dropped.dropped_at)
        })
    }

    /// A table with these columns.
    #[must_use]
    pub fn new(
        id: TableId,
        keyspace: impl Into<Box<str>>,
        key_type: AbstractType,
        clustering_types: impl Into<Arc<[AbstractType]>>,
        static_columns: Columns,
        regular_columns: Columns,
    ) -> Self {
        Self {
            id,
            keyspace: keyspace.into(),
            header: SerializationHeader {
                key_type: Arc::new(key_type),
                clustering_types: clustering_types.into(),
                static_columns,
                regular_columns,
                stats: EncodingStats::NO_STATS,
            },
            dropped: DroppedColumns::default(),
        }
    }

    /// The same table, which once had a column that was dropped.
    #[must_use]
    pub fn with_dropped(mut self, column: Arc<Column>, dropped_at: Timestamp) -> Self {
        let name = &column.name().0;
        let is_there_again = self.header.static_columns.find(name).is_some()
            || self.header.regular_columns.find(name).is_some();
        let name = column.name().clone();
        let dropped = DroppedColumn {
            column,
            dropped_at,
            is_there_again,
        };
        // A column may be dropped more than once: the last time counts.
        let is_later = |known: &DroppedColumn| known.dropped_at > dropped_at;
        if !self.dropped.columns.get(&name).is_some_and(is_later) {
            self.dropped.columns.insert(name, dropped);
        }
        self
    }

    /// Identity of the table.
    #[must_use]
    pub const fn id(&self) -> TableId {
        self.id
    }

    /// Name of its keyspace.
    #[must_use]
    pub const fn keyspace(&self) -> &str {
        &self.keyspace
    }

    /// A header with all columns of the table, before any data was seen.
    #[must_use]
    pub const fn header(&self) -> &SerializationHeader {
        &self.header
    }

    /// Columns that were dropped.
    #[must_use]
    pub const fn dropped(&self) -> &DroppedColumns {
        &self.dropped
    }
}
