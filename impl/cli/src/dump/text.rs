//! Partitions for people: a line for each part, what belongs to it indented below.
//!
//! ```text
//! partition p1, deleted up to 1700000000000010 (2023-11-14T22:13:20Z)
//!   static
//!     s = 10 at 1700000000000011
//!   row 1, "x" at 1700000000000012, expires 2023-11-14T22:21:40Z (expired)
//!     v = "value"
//!     m[k] deleted at 1700000000000013 (2023-11-14T22:13:20Z)
//!   range begins before 5: deleted up to 1700000000000014 (2023-11-14T22:13:20Z)
//! ```

use core::fmt::Write as _;

use thymbra_format::AbstractType;
use thymbra_format::marshal::{MarshalError, quoted_if_needed};
use thymbra_format::rows::{ClusteringValues, Column, RangeTombstoneMarker, SerializationHeader, Unfiltered};
use thymbra_types::clustering::BoundSide;
use thymbra_types::{Cell, CellKind, CellPath, DeletionTime, LocalDeletionTime, Row};

use super::document::{PartitionStart, WrongValue, cells_of};
use super::instant;

/// Prints partitions.
#[derive(Debug)]
pub(super) struct TextPrinter {
    text: String,
    /// What an expiration is compared with; seconds since 1970.
    now_seconds: i64,
}

/// A line cannot fail to be written into memory.
macro_rules! line {
    ($text:expr, $($part:tt)*) => {
        writeln!($text, $($part)*).expect("writing to a string cannot fail")
    };
}

impl TextPrinter {
    pub(super) const fn new(now_seconds: i64) -> Self {
        Self {
            text: String::new(),
            now_seconds,
        }
    }

    /// Takes what was written so far.
    pub(super) fn take(&mut self) -> String {
        core::mem::take(&mut self.text)
    }

    pub(super) fn begin_partition(
        &mut self,
        start: &PartitionStart<'_>,
        header: &SerializationHeader,
    ) -> Result<(), WrongValue> {
        let key = header
            .key_type
            .texts_of_key(start.key)
            .map_err(WrongValue::of("partition key"))?
            .join(" : ");
        let deletion = if start.deletion.is_live() {
            String::new()
        } else {
            format!(", {}", deleted(start.deletion))
        };
        line!(self.text, "partition {key}{deletion}");
        if start.static_row.is_empty() {
            return Ok(());
        }
        self.row("static", start.static_row, header, true)
    }

    pub(super) fn unfiltered(
        &mut self,
        unfiltered: &Unfiltered,
        header: &SerializationHeader,
    ) -> Result<(), WrongValue> {
        match unfiltered {
            Unfiltered::Row { clustering, row } => {
                let clustering =
                    values(clustering, &header.clustering_types).map_err(WrongValue::of("clustering"))?;
                let name = if clustering.is_empty() {
                    "row".into()
                } else {
                    format!("row {clustering}")
                };
                self.row(&name, row, header, false)
            }
            Unfiltered::Marker(marker) => self.marker(marker, header).map_err(WrongValue::of("clustering")),
        }
    }

    fn row(
        &mut self,
        name: &str,
        row: &Row,
        header: &SerializationHeader,
        is_static: bool,
    ) -> Result<(), WrongValue> {
        let mut line = format!("  {name}");
        if !row.liveness.is_empty() {
            write!(line, " at {}", row.liveness.timestamp.0).expect("writing to a string cannot fail");
            let expiration = row.liveness.local_expiration_time();
            if expiration != LocalDeletionTime::NONE {
                line += &self.expires(expiration);
            }
        }
        if !row.deletion.is_live() {
            line = line + ", " + &deleted(row.deletion);
        }
        line!(self.text, "{line}");
        for column in header.columns(is_static).iter() {
            if let Some(deletion) = row.complex_deletions.get(column.name()) {
                let name = quoted_if_needed(&column.name().0);
                line!(self.text, "    {name} {}", deleted(*deletion));
            }
            for (path, cell) in cells_of(column, row) {
                self.cell(column, path, cell, row)
                    .map_err(WrongValue::of(&*column.name().0))?;
            }
        }
        Ok(())
    }

    fn cell(
        &mut self,
        column: &Column,
        path: Option<&CellPath>,
        cell: &Cell,
        row: &Row,
    ) -> Result<(), MarshalError> {
        let path = path.map(|path| &*path.0);
        let mut line = format!("    {}", quoted_if_needed(&column.name().0));
        if let Some(path) = path {
            line = line + "[" + &column.column_type().text_of_path(path)? + "]";
        }
        let at = if cell.timestamp == row.liveness.timestamp {
            String::new()
        } else {
            format!(" at {}", cell.timestamp.0)
        };
        match cell.kind {
            CellKind::Tombstone { local_deletion_time } => {
                let when = instant::of_seconds(local_deletion_time.0);
                line = format!("{line} deleted at {} ({when})", cell.timestamp.0);
            }
            CellKind::Live => {
                line = format!(
                    "{line} = {}{at}",
                    column.column_type().json_of_cell(path, &cell.value)?
                );
            }
            CellKind::Expiring {
                local_deletion_time, ..
            } => {
                let value = column.column_type().json_of_cell(path, &cell.value)?;
                let expires = if local_deletion_time == row.liveness.local_expiration_time() {
                    String::new()
                } else {
                    self.expires(local_deletion_time)
                };
                line = format!("{line} = {value}{at}{expires}");
            }
        }
        line!(self.text, "{line}");
        Ok(())
    }

    fn marker(
        &mut self,
        marker: &RangeTombstoneMarker,
        header: &SerializationHeader,
    ) -> Result<(), MarshalError> {
        let prefix = values(&marker.prefix, &header.clustering_types)?;
        let side = match marker.side {
            BoundSide::Before => "before",
            BoundSide::After => "behind",
        };
        let place = if prefix.is_empty() {
            match marker.side {
                BoundSide::Before => "from the beginning".into(),
                BoundSide::After => "at the end".into(),
            }
        } else {
            format!("{side} {prefix}")
        };
        if let Some(closing) = marker.change.closing() {
            line!(self.text, "  range ends {place}: {}", deleted(closing));
        }
        if let Some(opening) = marker.change.opening() {
            line!(self.text, "  range begins {place}: {}", deleted(opening));
        }
        Ok(())
    }

    fn expires(&self, expiration: LocalDeletionTime) -> String {
        let is_over = if expiration.0 <= self.now_seconds {
            " (expired)"
        } else {
            ""
        };
        format!(", expires {}{is_over}", instant::of_seconds(expiration.0))
    }
}

fn deleted(deletion: DeletionTime) -> String {
    format!(
        "deleted up to {} ({})",
        deletion.marked_for_delete_at.0,
        instant::of_seconds(deletion.local_deletion_time.0)
    )
}

fn values(clustering: &ClusteringValues, types: &[AbstractType]) -> Result<String, MarshalError> {
    let texts: Result<Vec<String>, MarshalError> = clustering
        .0
        .iter()
        .zip(types)
        .map(|(value, of)| match value {
            Some(value) => of.to_json(value),
            None => Ok("null".into()),
        })
        .collect();
    Ok(texts?.join(", "))
}
