//! Partitions in the form of sstabledump.
//!
//! Fields stand in the order and under the names of Cassandra `tools.JsonTransformer`.

use clap::ValueEnum;
use thymbra_format::marshal::{MarshalError, quoted_if_needed};
use thymbra_format::rows::{ClusteringValues, Column, RangeTombstoneMarker, SerializationHeader, Unfiltered};
use thymbra_types::clustering::BoundSide;
use thymbra_types::{
    Cell, CellKind, CellPath, DeletionTime, LivenessInfo, LivenessKind, LocalDeletionTime, Row,
};

use super::instant;
use super::json_generator::{JsonGenerator, Layout};

/// Whose sstabledump is followed where versions differ.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum Form {
    /// Of Cassandra 4.0 and 4.1: no kind of table, partitions at their beginning
    #[value(name = "4.0")]
    V4_0,
    /// Of Cassandra 5.0: partitions at their first row
    #[default]
    #[value(name = "5.0")]
    V5_0,
}

/// What stands before the rows of a partition.
#[derive(Debug)]
pub(super) struct PartitionStart<'a> {
    /// Serialized key.
    pub(super) key: &'a [u8],
    /// Deletion of the whole partition.
    pub(super) deletion: DeletionTime,
    /// Values of static columns.
    pub(super) static_row: &'a Row,
    /// Position of the partition in `Data.db`; absent for what lies in no such file.
    pub(super) position: Option<u64>,
    /// Position of its first row or marker, likewise.
    pub(super) rows_position: Option<u64>,
}

/// A value that cannot be printed.
#[derive(Debug)]
pub(super) struct WrongValue {
    /// Key, clustering, or name of the column.
    pub(super) what: Box<str>,
    pub(super) source: MarshalError,
}

impl WrongValue {
    pub(super) fn of(what: impl Into<Box<str>>) -> impl FnOnce(MarshalError) -> Self {
        move |source| Self {
            what: what.into(),
            source,
        }
    }
}

/// TTL of liveness that was over when it was written. Cassandra: `LivenessInfo.EXPIRED_LIVENESS_TTL`.
const EXPIRED_LIVENESS_TTL_SECONDS: i32 = i32::MAX;

/// Prints partitions.
#[derive(Debug)]
pub(super) struct DocumentPrinter {
    pub(super) json: JsonGenerator,
    /// What an expiration is compared with; seconds since 1970.
    now_seconds: i64,
    form: Form,
}

impl DocumentPrinter {
    pub(super) const fn new(layout: Layout, now_seconds: i64, form: Form) -> Self {
        Self {
            json: JsonGenerator::new(layout),
            now_seconds,
            form,
        }
    }

    /// The kind of a table, which 5.0 prints at the beginning of each partition.
    pub(super) fn table_kind(&mut self, is_of_index: bool) {
        if self.form == Form::V5_0 {
            self.json.field("table kind");
            self.json.string(if is_of_index { "INDEX" } else { "REGULAR" });
        }
    }

    /// A partition up to its first row, inside an object.
    pub(super) fn begin_partition(
        &mut self,
        start: &PartitionStart<'_>,
        header: &SerializationHeader,
    ) -> Result<(), WrongValue> {
        let components = header
            .key_type
            .texts_of_key(start.key)
            .map_err(WrongValue::of("partition key"))?;
        self.json.field("partition");
        self.json.start_object();
        self.json.field("key");
        self.json.set_object_compact(true);
        self.json.set_array_compact(true);
        self.json.start_array();
        for component in &components {
            self.json.string(component);
        }
        self.json.end_array();
        self.json.set_object_compact(false);
        self.json.set_array_compact(false);
        self.position(match self.form {
            Form::V4_0 => start.position,
            Form::V5_0 => start.rows_position,
        });
        if !start.deletion.is_live() {
            self.deletion(start.deletion);
        }
        self.json.end_object();
        self.json.field("rows");
        self.json.start_array();
        if !start.static_row.is_empty() {
            self.row(None, start.static_row, start.rows_position, header)?;
        }
        Ok(())
    }

    /// The end of a partition, whose object stays open.
    pub(super) fn end_partition(&mut self) {
        self.json.end_array();
    }

    /// A row or marker.
    pub(super) fn unfiltered(
        &mut self,
        unfiltered: &Unfiltered,
        position: Option<u64>,
        header: &SerializationHeader,
    ) -> Result<(), WrongValue> {
        match unfiltered {
            Unfiltered::Row { clustering, row } => self.row(Some(clustering), row, position, header),
            Unfiltered::Marker(marker) => self.marker(marker, header),
        }
    }

    fn position(&mut self, position: Option<u64>) {
        if let Some(position) = position {
            self.json.field("position");
            self.json.number(position);
        }
    }

    /// A row; the static one has no clustering.
    fn row(
        &mut self,
        clustering: Option<&ClusteringValues>,
        row: &Row,
        position: Option<u64>,
        header: &SerializationHeader,
    ) -> Result<(), WrongValue> {
        self.json.start_object();
        self.json.field("type");
        self.json.string(if clustering.is_none() {
            "static_block"
        } else {
            "row"
        });
        self.position(position);
        if let Some(clustering) = clustering {
            self.clustering(clustering, header)?;
        }
        if !row.liveness.is_empty() {
            self.json.set_object_compact(false);
            self.json.field("liveness_info");
            self.json.set_object_compact(true);
            self.liveness(&row.liveness);
            self.json.set_object_compact(false);
        }
        if !row.deletion.is_live() {
            self.deletion(row.deletion);
        }
        self.json.field("cells");
        self.json.start_array();
        for column in header.columns(clustering.is_none()).iter() {
            self.column(column, row)?;
        }
        self.json.end_array();
        self.json.end_object();
        Ok(())
    }

    fn liveness(&mut self, liveness: &LivenessInfo) {
        self.json.start_object();
        self.json.field("tstamp");
        self.json.string(&instant::of_microseconds(liveness.timestamp.0));
        if let Some((ttl_seconds, expiration)) = expiration(liveness) {
            self.expiration(ttl_seconds, expiration, expiration.0 < self.now_seconds);
        }
        self.json.end_object();
    }

    fn expiration(&mut self, ttl_seconds: i32, expiration: LocalDeletionTime, is_expired: bool) {
        self.json.field("ttl");
        self.json.number(ttl_seconds);
        self.json.field("expires_at");
        self.json.string(&instant::of_seconds(expiration.0));
        self.json.field("expired");
        self.json.boolean(is_expired);
    }

    fn column(&mut self, column: &Column, row: &Row) -> Result<(), WrongValue> {
        let name = column.name();
        if let Some(deletion) = row.complex_deletions.get(name) {
            self.json.set_object_compact(true);
            self.json.start_object();
            self.json.field("name");
            self.json.string(&quoted_if_needed(&name.0));
            self.deletion(*deletion);
            self.json.set_object_compact(true);
            self.json.end_object();
            self.json.set_object_compact(false);
        }
        for (path, cell) in cells_of(column, row) {
            self.cell(column, path, cell, &row.liveness)
                .map_err(WrongValue::of(&*name.0))?;
        }
        Ok(())
    }

    fn cell(
        &mut self,
        column: &Column,
        path: Option<&CellPath>,
        cell: &Cell,
        liveness: &LivenessInfo,
    ) -> Result<(), MarshalError> {
        let path = path.map(|path| &*path.0);
        self.json.start_object();
        self.json.set_object_compact(true);
        self.json.field("name");
        self.json.string(&quoted_if_needed(&column.name().0));
        if let Some(path) = path {
            let text = column.column_type().text_of_path(path)?;
            self.json.field("path");
            self.json.set_array_compact(true);
            self.json.start_array();
            self.json.string(&text);
            self.json.end_array();
            self.json.set_array_compact(false);
        }
        if let CellKind::Tombstone { local_deletion_time } = cell.kind {
            self.json.field("deletion_info");
            self.json.set_object_compact(true);
            self.json.start_object();
            self.json.field("local_delete_time");
            self.json.string(&instant::of_seconds(local_deletion_time.0));
            self.json.end_object();
            self.json.set_object_compact(false);
        } else {
            let value = column.column_type().json_of_cell(path, &cell.value)?;
            self.json.field("value");
            self.json.raw(&value);
        }
        if liveness.is_empty() || cell.timestamp != liveness.timestamp {
            self.json.field("tstamp");
            self.json.string(&instant::of_microseconds(cell.timestamp.0));
        }
        if let CellKind::Expiring {
            ttl,
            local_deletion_time,
        } = cell.kind
            && expiration(liveness).is_none_or(|(ttl_of_row, _)| ttl_of_row != ttl.seconds())
        {
            let is_expired = !cell.kind.is_live(self.now_seconds);
            self.expiration(ttl.seconds(), local_deletion_time, is_expired);
        }
        self.json.end_object();
        self.json.set_object_compact(false);
        Ok(())
    }

    fn marker(
        &mut self,
        marker: &RangeTombstoneMarker,
        header: &SerializationHeader,
    ) -> Result<(), WrongValue> {
        let (opening, closing) = (marker.change.opening(), marker.change.closing());
        self.json.start_object();
        self.json.field("type");
        self.json.string(match (opening, closing) {
            (Some(_), Some(_)) => "range_tombstone_boundary",
            (Some(_) | None, None) | (None, Some(_)) => "range_tombstone_bound",
        });
        // A range that begins before its prefix has it, one that ends before it has it not.
        if let Some(opening) = opening {
            self.bound("start", marker, marker.side == BoundSide::Before, opening, header)?;
        }
        if let Some(closing) = closing {
            self.bound("end", marker, marker.side == BoundSide::After, closing, header)?;
        }
        self.json.end_object();
        self.json.set_object_compact(false);
        Ok(())
    }

    fn bound(
        &mut self,
        name: &str,
        marker: &RangeTombstoneMarker,
        is_inclusive: bool,
        deletion: DeletionTime,
        header: &SerializationHeader,
    ) -> Result<(), WrongValue> {
        self.json.field(name);
        self.json.start_object();
        self.json.field("type");
        self.json
            .string(if is_inclusive { "inclusive" } else { "exclusive" });
        self.clustering(&marker.prefix, header)?;
        self.deletion(deletion);
        self.json.end_object();
        Ok(())
    }

    /// Values of clustering columns; a star for each that a bound does not have.
    fn clustering(
        &mut self,
        clustering: &ClusteringValues,
        header: &SerializationHeader,
    ) -> Result<(), WrongValue> {
        if clustering.is_empty() {
            return Ok(());
        }
        self.json.field("clustering");
        self.json.set_object_compact(true);
        self.json.start_array();
        self.json.set_array_compact(true);
        for (index, clustering_type) in header.clustering_types.iter().enumerate() {
            match clustering.0.get(index) {
                None => self.json.string("*"),
                Some(None) => self.json.raw("null"),
                Some(Some(value)) => {
                    let value = clustering_type
                        .to_json(value)
                        .map_err(WrongValue::of("clustering"))?;
                    self.json.raw(&value);
                }
            }
        }
        self.json.end_array();
        self.json.set_object_compact(false);
        self.json.set_array_compact(false);
        Ok(())
    }

    fn deletion(&mut self, deletion: DeletionTime) {
        self.json.field("deletion_info");
        self.json.set_object_compact(true);
        self.json.start_object();
        self.json.field("marked_deleted");
        self.json
            .string(&instant::of_microseconds(deletion.marked_for_delete_at.0));
        self.json.field("local_delete_time");
        self.json
            .string(&instant::of_seconds(deletion.local_deletion_time.0));
        self.json.end_object();
        self.json.set_object_compact(false);
    }
}

/// The cells of a column, in the order of files.
pub(super) fn cells_of<'r>(column: &Column, row: &'r Row) -> Vec<(Option<&'r CellPath>, &'r Cell)> {
    let name = column.name();
    let cells = row
        .cells
        .between(|other| other.column < *name, |other| other.column > *name);
    let mut cells: Vec<_> = cells.map(|(name, cell)| (name.path.as_ref(), cell)).collect();
    if column.is_complex() {
        let bytes = |path: Option<&'r CellPath>| path.map_or(&[][..], |path| &*path.0);
        cells
            .sort_by(|(left, _), (right, _)| column.column_type().compare_paths(bytes(*left), bytes(*right)));
    }
    cells
}

/// TTL and expiration of liveness that expires.
const fn expiration(liveness: &LivenessInfo) -> Option<(i32, LocalDeletionTime)> {
    match liveness.kind {
        LivenessKind::Expiring {
            ttl,
            local_expiration_time,
        } => Some((ttl.seconds(), local_expiration_time)),
        LivenessKind::Expired {
            local_expiration_time,
        } => Some((EXPIRED_LIVENESS_TTL_SECONDS, local_expiration_time)),
        LivenessKind::Live => None,
    }
}
