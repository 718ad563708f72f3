//! A table's definition, in the forms that its users need.

use std::sync::Arc;
use thymbra_format::mutation::TableLayout;
use thymbra_format::rows::{Column, Columns, EncodingStats, SerializationHeader};
use thymbra_format::schema::{ColumnKind, ColumnMetadata, TableMetadata};
use thymbra_types::{CellName, ColumnName, Partition};

use crate::column_collector::ColumnCollector;

/// A definition, and what readers and writers of rows make of it.
#[derive(Debug)]
pub(crate) struct TableSchema {
    pub(crate) metadata: Arc<TableMetadata>,
    pub(crate) layout: Arc<TableLayout>,
    /// Names of all columns; absent where a row may have more cells than columns.
    pub(crate) simple_columns: Option<SimpleColumns>,
}

/// The columns of a table in which each is one cell.
#[derive(Debug)]
pub(crate) struct SimpleColumns {
    pub(crate) static_columns: Vec<CellName>,
    pub(crate) regular_columns: Vec<CellName>,
}

impl SimpleColumns {
    /// `None` where a column is complex or a counter.
    fn of(metadata: &TableMetadata) -> Option<Self> {
        let names = |columns: &[ColumnMetadata]| {
            let name = |column: &ColumnMetadata| {
                let is_simple = !column.is_complex() && !column.column_type.is_counter();
                is_simple.then(|| CellName::simple(&*column.name))
            };
            columns.iter().map(name).collect::<Option<Vec<_>>>()
        };
        Some(Self {
            static_columns: names(metadata.static_columns())?,
            regular_columns: names(metadata.regular_columns())?,
        })
    }
}

impl TableSchema {
    /// Prepares a definition.
    pub(crate) fn new(metadata: TableMetadata) -> Self {
        let clustering = metadata.clustering().iter();
        let layout = TableLayout::new(
            metadata.id(),
            metadata.keyspace(),
            metadata.partition_key_type().clone(),
            clustering
                .map(|column| column.column_type.clone())
                .collect::<Arc<[_]>>(),
            Columns::new(metadata.static_columns().iter().map(column_of)),
            Columns::new(metadata.regular_columns().iter().map(column_of)),
        );
        let layout = metadata.dropped_columns().iter().fold(layout, |layout, dropped| {
            layout.with_dropped(column_of(&dropped.column), dropped.dropped_at)
        });
        Self {
            simple_columns: SimpleColumns::of(&metadata),
            metadata: Arc::new(metadata),
            layout: Arc::new(layout),
        }
    }

    /// The header of an SSTable with what was written to some columns; of dropped ones too.
    pub(crate) fn header_of(&self, columns: &ColumnCollector, stats: EncodingStats) -> SerializationHeader {
        let whole = self.layout.header();
        let find = |kind, among: &Columns, name: &ColumnName| {
            let known = among.find(&name.0).cloned();
            known.or_else(|| self.dropped_column(kind, name))
        };
        let of_kind = |kind, among: &Columns, names: &[ColumnName]| {
            Columns::new(names.iter().filter_map(|name| find(kind, among, name)))
        };
        SerializationHeader {
            static_columns: of_kind(
                ColumnKind::Static,
                &whole.static_columns,
                columns.static_columns(),
            ),
            regular_columns: of_kind(
                ColumnKind::Regular,
                &whole.regular_columns,
                columns.regular_columns(),
            ),
            stats,
            ..whole.clone()
        }
    }

    /// The header of an SSTable that is merged from others: their columns and smallest times.
    pub(crate) fn merged_header<'a>(
        &self,
        headers: impl Iterator<Item = &'a SerializationHeader>,
    ) -> SerializationHeader {
        let mut columns = ColumnCollector::default();
        let mut stats = EncodingStats::NO_STATS;
        for header in headers {
            stats = stats.merge(header.stats);
            columns.add(&header.static_columns, &header.regular_columns);
        }
        self.header_of(&columns, stats)
    }

    fn dropped_column(&self, kind: ColumnKind, name: &ColumnName) -> Option<Arc<Column>> {
        let dropped = self.metadata.dropped_column(&name.0)?;
        (dropped.column.kind == kind).then(|| column_of(&dropped.column))
    }

    /// Takes out of a partition what was written to columns before they were dropped.
    pub(crate) fn remove_dropped(&self, partition: &mut Partition) {
        let dropped = self.layout.dropped();
        if dropped.is_empty() {
            return;
        }
        dropped.remove_from(&mut partition.static_row);
        partition.rows.retain(|_, row| {
            dropped.remove_from(row);
            !row.is_empty()
        });
    }
}

fn column_of(column: &ColumnMetadata) -> Arc<Column> {
    let name = ColumnName((*column.name).into());
    Arc::new(Column::new(name, column.column_type.clone()))
}
