//! Whole partitions: between rows and markers in a row and [`Partition`] in memory.

use crate::cursor::Cursor;
use crate::error::FormatError;
use crate::rows::clustering_comparator::ClusteringComparator;
use crate::rows::clustering_values::ClusteringValues;
use crate::rows::deletion_time;
use crate::rows::encode_error::EncodeError;
use crate::rows::header::SerializationHeader;
use crate::rows::marker::MarkerChange;
use crate::rows::unfiltered::{self, Unfiltered, UnfilteredForm, UnfilteredReader, UnfilteredWriter};
use thymbra_types::{
    Clustering, ClusteringBound, DeletionTime, Partition, RangeTombstone, RangeTombstoneList, Row,
};

/// A row or marker of a partition in memory, in the order of files.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum UnfilteredView<'p> {
    /// A row.
    Row {
        /// Its place.
        clustering: &'p Clustering,
        /// What is known of it.
        row: &'p Row,
    },
    /// A change of the deletion that covers rows.
    Marker {
        /// Its place.
        bound: &'p ClusteringBound,
        /// What begins or ends there.
        change: MarkerChange,
    },
}

/// Rows and markers of a partition in their order.
///
/// Empty rows are left out. Where one range tombstone ends and the next begins stands one marker, a
/// boundary. A marker stands before the rows with its prefix or after them, never among them. Cassandra:
/// `UnfilteredRowIterator`.
pub fn unfiltereds(partition: &Partition) -> impl Iterator<Item = UnfilteredView<'_>> {
    let mut rows = partition
        .rows
        .iter()
        .filter(|(_, row)| !row.is_empty())
        .peekable();
    let mut markers = markers(&partition.range_tombstones).peekable();
    core::iter::from_fn(move || {
        let marker_is_next = match (markers.peek(), rows.peek()) {
            (Some((bound, _)), Some((clustering, _))) => bound.is_before(clustering),
            (Some(_), None) => true,
            (None, _) => false,
        };
        if marker_is_next {
            let (bound, change) = markers.next()?;
            return Some(UnfilteredView::Marker { bound, change });
        }
        let (clustering, row) = rows.next()?;
        Some(UnfilteredView::Row { clustering, row })
    })
}

fn markers(tombstones: &RangeTombstoneList) -> impl Iterator<Item = (&ClusteringBound, MarkerChange)> {
    let mut tombstones = tombstones.iter().peekable();
    let mut open: Option<&RangeTombstone> = None;
    core::iter::from_fn(move || {
        let Some(closing) = open.take() else {
            let opening = tombstones.next()?;
            open = Some(opening);
            return Some((&opening.start, MarkerChange::Open(opening.deletion)));
        };
        open = tombstones.next_if(|next| next.start == closing.end);
        let change = match open {
            None => MarkerChange::Close(closing.deletion),
            Some(opening) => MarkerChange::Boundary {
                closing: closing.deletion,
                opening: opening.deletion,
            },
        };
        Some((&closing.end, change))
    })
}

/// Makes a partition of rows and markers, and checks their order.
#[derive(Debug)]
struct PartitionBuilder<'t> {
    comparator: ClusteringComparator<'t>,
    partition: Partition,
    last_bound: Option<ClusteringBound>,
    open: Option<(ClusteringBound, DeletionTime)>,
}

impl PartitionBuilder<'_> {
    fn clustering(&self, values: ClusteringValues, offset: u64) -> Result<Clustering, FormatError> {
        self.comparator.to_clustering(values).ok_or_else(|| {
            FormatError::invalid(
                "clustering",
                offset,
                "values; null is only in tables of Cassandra 2",
                &"null",
            )
        })
    }

    fn add(&mut self, unfiltered: Unfiltered, offset: u64) -> Result<(), FormatError> {
        match unfiltered {
            Unfiltered::Row { clustering, row } => {
                let clustering = self.clustering(clustering, offset)?;
                let is_behind_row =
                    (self.partition.rows.last_key_value()).is_none_or(|(last, _)| *last < clustering);
                let is_behind_bound = self
                    .last_bound
                    .as_ref()
                    .is_none_or(|bound| bound.is_before(&clustering));
                if !(is_behind_row && is_behind_bound) {
                    return Err(disorder("row", offset));
                }
                if !row.is_empty() {
                    self.partition.rows.insert(clustering, row);
                }
            }
            Unfiltered::Marker(marker) => {
                let prefix = self.clustering(marker.prefix, offset)?;
                let bound = ClusteringBound {
                    prefix,
                    side: marker.side,
                };
                let is_behind_row =
                    (self.partition.rows.last_key_value()).is_none_or(|(last, _)| !bound.is_before(last));
                let is_behind_bound = self.last_bound.as_ref().is_none_or(|last| *last <= bound);
                if !(is_behind_row && is_behind_bound) {
                    return Err(disorder("marker", offset));
                }
                if let Some((start, deletion)) = self.open.take() {
                    self.partition.range_tombstones.push(RangeTombstone {
                        start,
                        end: bound.clone(),
                        deletion,
                    });
                }
                if let Some(deletion) = marker.change.opening() {
                    self.open = Some((bound.clone(), deletion));
                }
                self.last_bound = Some(bound);
            }
        }
        Ok(())
    }
}

fn disorder(what: &'static str, offset: u64) -> FormatError {
    FormatError::invalid(
        what,
        offset,
        "the order of the clustering columns",
        &"one that belongs before the previous",
    )
}

/// Reads rows and markers to the end of their partition into a partition in memory.
///
/// `partition` has what stands before them: its deletion and its static row.
///
/// # Errors
/// When the bytes are cut, are not what the format allows, or do not stand in order.
pub fn read_unfiltereds(
    reader: &mut UnfilteredReader<'_, '_>,
    partition: Partition,
) -> Result<Partition, FormatError> {
    let mut builder = PartitionBuilder {
        comparator: ClusteringComparator::new(reader.clustering_types()),
        partition,
        last_bound: None,
        open: None,
    };
    loop {
        let offset = reader.offset();
        match reader.next()? {
            Some(unfiltered) => builder.add(unfiltered, offset)?,
            None => return Ok(builder.partition),
        }
    }
}

/// The beginning of a partition in `Data.db`.
///
/// | size | field | |
/// |---|---|---|
/// | 2, bytes | key | behind its length |
/// | 12 | deletion | [absolute](crate::rows::deletion_time) |
/// | | static row | if the header has any static column: a row, flags 80 01, even where it is empty |
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PartitionHeader<'a> {
    /// Serialized partition key.
    pub key: &'a [u8],
    /// Deletion of the whole partition.
    pub deletion: DeletionTime,
    /// Values of static columns.
    pub static_row: Row,
}

impl<'a> PartitionHeader<'a> {
    /// Reads the beginning of a partition.
    ///
    /// # Errors
    /// When it is cut or is not what the format allows.
    pub fn read(cursor: &mut Cursor<'a>, header: &SerializationHeader) -> Result<Self, FormatError> {
        let key = cursor.short_bytes("partition key")?;
        let deletion = deletion_time::read_deletion_time(cursor, "deletion of a partition")?;
        let static_row = if header.has_static() {
            unfiltered::read_static_row(cursor, header, UnfilteredForm::SsTable)?
        } else {
            Row::default()
        };
        Ok(Self {
            key,
            deletion,
            static_row,
        })
    }
}

/// Appends the beginning of a partition in `Data.db`, and tells the writer of its size.
///
/// # Errors
/// When the key is too long, or the static row does not fit the header.
pub fn write_partition_header(
    key: &[u8],
    deletion: DeletionTime,
    static_row: &Row,
    header: &SerializationHeader,
    writer: &mut UnfilteredWriter,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let begin = out.len();
    let key_size_bytes = u16::try_from(key.len()).map_err(|_| EncodeError::TooLong {
        size_bytes: key.len(),
    })?;
    out.extend_from_slice(&key_size_bytes.to_be_bytes());
    out.extend_from_slice(key);
    deletion_time::write_deletion_time(deletion, out)?;
    if header.has_static() || !static_row.is_empty() {
        writer.write_static_row(static_row, header, out)?;
    }
    writer.begin_partition(out.len() - begin);
    Ok(())
}

/// Reads a partition of `Data.db`: its key and what is known of it.
///
/// # Errors
/// When it is cut, is not what the format allows, or does not stand in order.
pub fn read_partition<'a>(
    cursor: &mut Cursor<'a>,
    header: &SerializationHeader,
) -> Result<(&'a [u8], Partition), FormatError> {
    let begun = PartitionHeader::read(cursor, header)?;
    let partition = Partition {
        deletion: begun.deletion,
        static_row: begun.static_row,
        ..Partition::default()
    };
    let mut reader = UnfilteredReader::new(cursor.clone(), header, UnfilteredForm::SsTable);
    let partition = read_unfiltereds(&mut reader, partition)?;
    *cursor = reader.into_cursor();
    Ok((begun.key, partition))
}

/// Appends a partition of `Data.db`.
///
/// # Errors
/// When it does not fit the header.
pub fn write_partition(
    key: &[u8],
    partition: &Partition,
    header: &SerializationHeader,
    writer: &mut UnfilteredWriter,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let (deletion, static_row) = (partition.deletion, &partition.static_row);
    write_partition_header(key, deletion, static_row, header, writer, out)?;
    for unfiltered in unfiltereds(partition) {
        writer.write_view(unfiltered, header, out)?;
    }
    writer.write_end_of_partition(out);
    Ok(())
}
