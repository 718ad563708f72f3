//! From the words of operations to the types of the engine: schemas, mutations, reads, answers.

use super::literal::Literal;
use super::operation::{CellLabel, Change, Place, RowName, Selection, Update};
use super::setup::{Setup, SyncKind};
use super::shape::{ColumnKind, ColumnShape, SHAPES, Scalar, Shape};
use super::visible::{Cells, Seen};
use std::collections::BTreeMap;
use thymbra_durability::SyncMode;
use thymbra_format::AbstractType;
use thymbra_format::marshal::UserType;
use thymbra_format::rows::{ClusteringComparator, ClusteringValues};
use thymbra_format::schema::{
    ColumnKind as PartOfRow, CompactionParams, CompressionParams, SchemaError, SizeTieredParams,
    TableMetadata, TableParams,
};
use thymbra_storage::config::{Background, Config};
use thymbra_storage::read::{ClusteringSlice, PartitionRows, RowFilter};
use thymbra_types::{
    Cell, CellName, Clustering, ClusteringBound, ColumnName, DecoratedKey, DeletionTime, LivenessInfo,
    LocalDeletionTime, Mutation, Partition, Partitioner, RangeTombstone, Reference, Row, TableId, Timestamp,
    Ttl,
};

/// Where the engine's files lie on the simulated disk.
pub const DIRECTORY: &str = "/node";
/// Name of the keyspace that writes to the commit log.
pub const DURABLE_KEYSPACE: &str = "durable";
/// Name of the keyspace that does not.
pub const EPHEMERAL_KEYSPACE: &str = "fleeting";

/// The engine's settings of a setup.
///
/// # Panics
/// Never: the settings are those of the engine.
#[must_use]
pub fn config(setup: &Setup) -> Config {
    let mut config = Config::under(DIRECTORY);
    config.commitlog_sync = match setup.sync {
        SyncKind::Batch => SyncMode::Batch,
        SyncKind::Group => SyncMode::Group { window_ms: 10 },
        SyncKind::Periodic => SyncMode::periodic(10_000),
    };
    config.commitlog_compression = setup.is_log_compressed;
    config.commitlog_segment_size_bytes = setup.segment_size_bytes;
    config.memtable_heap_space_bytes = setup.memtable_bytes;
    config.memtable_offheap_space_bytes = setup.memtable_bytes;
    config.column_index_size_bytes = setup.column_index_size_bytes;
    config.file_cache_size_bytes = setup.file_cache_size_bytes;
    config.background = Background::Manual;
    config
}

/// Identity of a table.
#[must_use]
pub fn table_id(table: usize) -> TableId {
    TableId(0x7261_6d62_6c65_11f1_8000_0000_0000_0000 + table as u128)
}

/// Name of the keyspace of a table.
#[must_use]
pub fn keyspace(table: usize) -> &'static str {
    if shape(table).is_durable {
        DURABLE_KEYSPACE
    } else {
        EPHEMERAL_KEYSPACE
    }
}

/// The definition with which a table begins.
///
/// # Errors
/// When the engine's schema refuses it.
pub fn metadata(table: usize) -> Result<TableMetadata, SchemaError> {
    let shape = shape(table);
    let mut params = TableParams {
        gc_grace_seconds: shape.gc_grace_seconds.unsigned_abs(),
        compaction: CompactionParams::SizeTiered(SizeTieredParams {
            // Runs are short.
            tombstone_compaction_interval_s: 10,
            ..SizeTieredParams::default()
        }),
        ..TableParams::default()
    };
    if !shape.is_compressed {
        params.compression = CompressionParams::None;
    }
    let mut builder = TableMetadata::builder(keyspace(table), shape.name, table_id(table)).params(params);
    for (index, scalar) in shape.key.iter().enumerate() {
        builder = builder.partition_key(format!("k{index}"), scalar_type(*scalar));
    }
    for (clustering, of) in shape.clusterings.iter().zip(clustering_types(shape)) {
        builder = builder.clustering(clustering.name, of);
    }
    for column in shape.columns {
        builder = builder.column(part_of_row(*column), column.name, column_type(column.kind));
    }
    builder.build()
}

/// The definition with one more column.
///
/// # Errors
/// When the engine's schema refuses it.
pub fn with_column(metadata: &TableMetadata, column: ColumnShape) -> Result<TableMetadata, SchemaError> {
    let builder = metadata.to_builder();
    builder
        .column(part_of_row(column), column.name, column_type(column.kind))
        .build()
}

/// The definition without a column.
///
/// # Errors
/// When the engine's schema refuses it.
pub fn without_column(
    metadata: &TableMetadata,
    name: &str,
    dropped_at_us: i64,
) -> Result<TableMetadata, SchemaError> {
    metadata
        .to_builder()
        .drop_column(name, Timestamp(dropped_at_us))
        .build()
}

/// The partition key of a number.
#[must_use]
pub fn key(table: usize, key: u8) -> DecoratedKey {
    DecoratedKey::new(Partitioner::Murmur3, shape(table).key_bytes(key))
}

/// The mutation of updates that are made at a clock reading.
///
/// # Panics
/// Never: all updates have one key.
#[must_use]
pub fn mutation(number: u8, updates: &[Update], now_seconds: i64) -> Mutation {
    let first = updates.first().map_or(0, |update| update.table);
    let empty = Mutation {
        keyspace: keyspace(first).into(),
        key: key(first, number),
        updates: std::iter::empty().collect(),
    };
    updates.iter().fold(empty, |whole, update| {
        let part = Mutation {
            updates: [(table_id(update.table), partition(update, now_seconds))]
                .into_iter()
                .collect(),
            ..whole.clone()
        };
        let merged = whole.merge(part, &Reference);
        merged.expect("the parts have one keyspace and key")
    })
}

/// What one update says of its partition.
fn partition(update: &Update, now_seconds: i64) -> Partition {
    let shape = shape(update.table);
    let timestamp = Timestamp(update.timestamp_us());
    let deletion = DeletionTime::new(timestamp, LocalDeletionTime(now_seconds));
    let ttl = update.ttl_seconds.map(|ttl| lifetime(ttl, now_seconds));
    let mut partition = Partition::default();
    let (name, row) = match &update.change {
        Change::Insert(name) => {
            let liveness = match ttl {
                None => LivenessInfo::live(timestamp),
                Some((ttl, dies_at)) => LivenessInfo::expiring(timestamp, ttl, dies_at),
            };
            let row = Row {
                liveness,
                ..Row::default()
            };
            (name, row)
        }
        Change::Set(name, label, value) => {
            let bytes = value.as_ref().map(Literal::bytes).unwrap_or_default();
            let cell = match ttl {
                None => Cell::live(timestamp, bytes),
                Some((ttl, dies_at)) => Cell::expiring(timestamp, ttl, dies_at, bytes),
            };
            (name, row_of(shape, label, cell))
        }
        Change::DeleteCell(name, label) => {
            let cell = Cell::tombstone(timestamp, LocalDeletionTime(now_seconds));
            (name, row_of(shape, label, cell))
        }
        Change::DeleteColumn(name, column) => {
            let mut row = Row::default();
            row.complex_deletions
                .insert(ColumnName(column.as_str().into()), deletion);
            (name, row)
        }
        Change::DeleteRow(name) => {
            let row = Row {
                deletion,
                ..Row::default()
            };
            (name, row)
        }
        Change::DeleteRange(start, end) => {
            let tombstone = RangeTombstone {
                start: bound(shape, start),
                end: bound(shape, end),
                deletion,
            };
            partition.range_tombstones.add(tombstone, &Reference);
            return partition;
        }
        Change::DeletePartition => {
            partition.deletion = deletion;
            return partition;
        }
    };
    match name {
        RowName::Static => partition.static_row = row,
        RowName::At(literals) => {
            partition.rows.insert(clustering(shape, literals), row);
        }
    }
    partition
}

/// A TTL, and when it is over.
fn lifetime(ttl_seconds: i32, now_seconds: i64) -> (Ttl, LocalDeletionTime) {
    let ttl = Ttl::new(ttl_seconds).expect("operations have a TTL of some seconds");
    (ttl, LocalDeletionTime(now_seconds + i64::from(ttl_seconds)))
}

fn row_of(shape: &Shape, label: &CellLabel, cell: Cell) -> Row {
    let kind = shape.column(&label.column).map(|column| column.kind);
    let name = match (&label.path, kind) {
        (Some(path), Some(kind)) => CellName::element(label.column.as_str(), kind.path_bytes(path)),
        (_, _) => CellName::simple(label.column.as_str()),
    };
    let mut row = Row::default();
    row.cells.insert(name, cell);
    row
}

/// A read of rows in the engine's words.
#[must_use]
pub fn filter(table: usize, selection: &Selection) -> RowFilter {
    let shape = shape(table);
    RowFilter {
        slice: ClusteringSlice {
            start: bound(shape, &selection.start),
            end: bound(shape, &selection.end),
        },
        is_reversed: selection.is_reversed,
        limit_count: selection.limit_count,
    }
}

/// What a reader sees, as the engine would say it.
#[must_use]
pub fn rows(table: usize, seen: &Seen) -> PartitionRows {
    let shape = shape(table);
    let cells = |cells: &Cells| -> BTreeMap<CellName, Box<[u8]>> {
        let named = cells.iter().map(|(cell, value)| {
            let name = match &cell.path {
                None => CellName::simple(cell.column.as_str()),
                Some(path) => CellName::element(cell.column.as_str(), path.as_slice()),
            };
            (name, value.as_slice().into())
        });
        named.collect()
    };
    let rows = seen
        .rows
        .iter()
        .map(|(literals, of_row)| (clustering(shape, literals), cells(of_row)));
    PartitionRows {
        static_cells: cells(&seen.statics),
        rows: rows.collect(),
    }
}

fn bound(shape: &Shape, place: &Place) -> ClusteringBound {
    let prefix = clustering(shape, &place.prefix);
    if place.is_after {
        ClusteringBound::inclusive_end(prefix)
    } else {
        ClusteringBound::inclusive_start(prefix)
    }
}

fn clustering(shape: &Shape, literals: &[Literal]) -> Clustering {
    let types = clustering_types(shape);
    let values = ClusteringValues::of(literals.iter().map(Literal::bytes));
    let clustering = ClusteringComparator::new(&types).to_clustering(values);
    clustering.expect("operations give as many values as there are clustering columns, or fewer")
}

fn clustering_types(shape: &Shape) -> Vec<AbstractType> {
    let types = shape.clusterings.iter().map(|clustering| {
        let of = scalar_type(clustering.scalar);
        if clustering.is_descending {
            AbstractType::Reversed(Box::new(of))
        } else {
            of
        }
    });
    types.collect()
}

fn scalar_type(scalar: Scalar) -> AbstractType {
    match scalar {
        Scalar::Int => AbstractType::Int32,
        Scalar::Text => AbstractType::Utf8,
    }
}

fn column_type(kind: ColumnKind) -> AbstractType {
    match kind {
        ColumnKind::Simple(scalar) => scalar_type(scalar),
        ColumnKind::List(scalar) => AbstractType::List {
            elements: Box::new(scalar_type(scalar)),
            is_multicell: true,
        },
        ColumnKind::Set(scalar) => AbstractType::Set {
            elements: Box::new(scalar_type(scalar)),
            is_multicell: true,
        },
        ColumnKind::Map(key, value) => AbstractType::Map {
            keys: Box::new(scalar_type(key)),
            values: Box::new(scalar_type(value)),
            is_multicell: true,
        },
        ColumnKind::Udt(fields) => {
            let fields = fields
                .iter()
                .map(|(name, scalar)| (name.as_bytes().into(), scalar_type(*scalar)));
            AbstractType::User(Box::new(UserType {
                keyspace: DURABLE_KEYSPACE.into(),
                name: b"pair"[..].into(),
                fields: fields.collect(),
                is_multicell: true,
            }))
        }
    }
}

const fn part_of_row(column: ColumnShape) -> PartOfRow {
    if column.is_static {
        PartOfRow::Static
    } else {
        PartOfRow::Regular
    }
}

/// The shape of a table.
///
/// # Panics
/// When there is no such table; operations name those that exist.
#[must_use]
pub fn shape(table: usize) -> &'static Shape {
    SHAPES.get(table).expect("operations name tables that exist")
}
