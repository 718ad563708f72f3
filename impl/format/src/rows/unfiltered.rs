//! Rows and markers of a partition, one after the other.

use crate::cursor::Cursor;
use crate::error::FormatError;
use crate::marshal::AbstractType;
use crate::rows::clustering_comparator::ClusteringWriter;
use crate::rows::clustering_values::ClusteringValues;
use crate::rows::encode_error::EncodeError;
use crate::rows::header::SerializationHeader;
use crate::rows::marker::{self, ClusteringKind, MarkerChange, RangeTombstoneMarker};
use crate::rows::partition::UnfilteredView;
use crate::rows::row::{self, END_OF_PARTITION, IS_MARKER, RowFlags, RowWriter};
use crate::rows::single_row::SingleRow;
use crate::vint;
use thymbra_types::clustering::BoundSide;
use thymbra_types::{DeletionTime, Row};

/// Where rows stand: that decides whether they carry sizes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum UnfilteredForm {
    /// In a mutation: in a message, a commit log record or a hint.
    Messaging,
    /// In `Data.db`.
    SsTable,
}

/// A row, or the beginning or end of a deletion of rows. Cassandra: `db.rows.Unfiltered`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Unfiltered {
    /// A row.
    Row {
        /// Its place.
        clustering: ClusteringValues,
        /// What is known of it; may be empty where its columns were dropped.
        row: Row,
    },
    /// A change of the deletion that covers rows.
    Marker(RangeTombstoneMarker),
}

/// Reads rows and markers up to the end of their partition.
///
/// | size | field | |
/// |---|---|---|
/// | 1 or 2 | flags | 0x01 ends the partition, 0x02 begins a marker |
/// | | clustering | not of static rows |
/// | vint | size | in SSTables only: bytes behind this number, to the end of the row |
/// | vint | size of the previous | in SSTables only; Cassandra does not read it |
/// | | body | see [`RowWriter`] |
///
/// Checks that markers fit together; the order of clusterings is for whoever compares them.
/// Cassandra: `db.rows.UnfilteredSerializer`.
#[derive(Clone, Debug)]
pub struct UnfilteredReader<'a, 'h> {
    cursor: Cursor<'a>,
    header: &'h SerializationHeader,
    form: UnfilteredForm,
    open: Option<DeletionTime>,
    is_finished: bool,
}

impl<'a, 'h> UnfilteredReader<'a, 'h> {
    /// At the first row or marker of a partition.
    #[must_use]
    pub const fn new(cursor: Cursor<'a>, header: &'h SerializationHeader, form: UnfilteredForm) -> Self {
        Self::resume(cursor, header, form, None)
    }

    /// At a row or marker in the midst of a partition, with the deletion of the range around it.
    #[must_use]
    pub const fn resume(
        cursor: Cursor<'a>,
        header: &'h SerializationHeader,
        form: UnfilteredForm,
        open: Option<DeletionTime>,
    ) -> Self {
        Self {
            cursor,
            header,
            form,
            open,
            is_finished: false,
        }
    }

    /// Offset of the next row or marker, or behind the end of the partition once that was read.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.cursor.offset()
    }

    /// Types of the clustering columns.
    #[must_use]
    pub fn clustering_types(&self) -> &'h [AbstractType] {
        &self.header.clustering_types
    }

    /// Deletion of the range that covers what comes next.
    #[must_use]
    pub const fn open_marker(&self) -> Option<DeletionTime> {
        self.open
    }

    /// What follows; the next partition, once the end was read.
    #[must_use]
    pub const fn into_cursor(self) -> Cursor<'a> {
        self.cursor
    }

    /// The next row or marker; `None` at the end of the partition.
    ///
    /// # Errors
    /// When the bytes are cut or are not what the format allows.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator would go on after an error"
    )]
    pub fn next(&mut self) -> Result<Option<Unfiltered>, FormatError> {
        self.next_where(|_| true)
    }

    /// The next marker, or row whose clustering is wanted; `None` at the end of the partition.
    ///
    /// In SSTables the others are passed over by their size.
    ///
    /// # Errors
    /// When the bytes are cut or are not what the format allows.
    pub fn next_where(
        &mut self,
        mut is_wanted: impl FnMut(&ClusteringValues) -> bool,
    ) -> Result<Option<Unfiltered>, FormatError> {
        while !self.is_finished {
            let flags = self.cursor.u8("flags of a row or marker")?;
            match flags {
                END_OF_PARTITION => self.finish()?,
                IS_MARKER => return self.read_marker().map(Unfiltered::Marker).map(Some),
                _ => {
                    let flags = RowFlags::read(flags, &mut self.cursor, false)?;
                    let clustering = ClusteringValues::read(&mut self.cursor, &self.header.clustering_types)?;
                    if is_wanted(&clustering) {
                        let row = self.read_row(flags)?;
                        return Ok(Some(Unfiltered::Row { clustering, row }));
                    }
                    self.skip_row(flags)?;
                }
            }
        }
        Ok(None)
    }

    fn finish(&mut self) -> Result<(), FormatError> {
        self.is_finished = true;
        match self.open {
            None => Ok(()),
            Some(open) => Err(FormatError::invalid(
                "end of a partition",
                self.cursor.offset(),
                "the end of the range that is open",
                &open,
            )),
        }
    }

    fn read_row(&mut self, flags: RowFlags) -> Result<Row, FormatError> {
        match self.form {
            UnfilteredForm::Messaging => row::read_body(&mut self.cursor, flags, self.header),
            UnfilteredForm::SsTable => {
                let mut body = read_sized(&mut self.cursor, "row")?;
                let row = row::read_body(&mut body, flags, self.header)?;
                check_end(&body)?;
                Ok(row)
            }
        }
    }

    fn skip_row(&mut self, flags: RowFlags) -> Result<(), FormatError> {
        match self.form {
            UnfilteredForm::Messaging => row::read_body(&mut self.cursor, flags, self.header).map(drop),
            UnfilteredForm::SsTable => self.cursor.vint_bytes("row").map(drop),
        }
    }

    fn read_marker(&mut self) -> Result<RangeTombstoneMarker, FormatError> {
        let offset = self.cursor.offset();
        let (kind, prefix) = marker::read_bound(&mut self.cursor, self.header)?;
        let stats = &self.header.stats;
        let change = match self.form {
            UnfilteredForm::Messaging => marker::read_change(&mut self.cursor, kind, stats)?,
            UnfilteredForm::SsTable => {
                let mut body = read_sized(&mut self.cursor, "marker")?;
                let change = marker::read_change(&mut body, kind, stats)?;
                check_end(&body)?;
                change
            }
        };
        let expected = match (self.open, change.closing()) {
            (None, Some(_)) => Some("a range that begins, because none is open"),
            (Some(_), None) => Some("the end of the range that is open"),
            (Some(open), Some(closing)) if open != closing => Some("the deletion of the range that is open"),
            (None, None) | (Some(_), Some(_)) => None,
        };
        let side = kind.side().unwrap_or(BoundSide::Before);
        if let Some(expected) = expected {
            let found = format_args!("{kind:?} {change:?}");
            return Err(FormatError::invalid("marker", offset, expected, &found));
        }
        self.open = change.opening();
        Ok(RangeTombstoneMarker { prefix, side, change })
    }
}

/// Reads the static row at the beginning of a partition.
pub(crate) fn read_static_row(
    cursor: &mut Cursor<'_>,
    header: &SerializationHeader,
    form: UnfilteredForm,
) -> Result<Row, FormatError> {
    let flags = cursor.u8("flags of a static row")?;
    let flags = RowFlags::read(flags, cursor, true)?;
    match form {
        UnfilteredForm::Messaging => row::read_body(cursor, flags, header),
        UnfilteredForm::SsTable => {
            let mut body = read_sized(cursor, "static row")?;
            let row = row::read_body(&mut body, flags, header)?;
            check_end(&body)?;
            Ok(row)
        }
    }
}

/// The body of a row or marker in an SSTable, behind both sizes.
fn read_sized<'a>(cursor: &mut Cursor<'a>, what: &'static str) -> Result<Cursor<'a>, FormatError> {
    let bytes = cursor.vint_bytes(what)?;
    let mut body = Cursor::at(bytes, cursor.offset() - bytes.len() as u64);
    body.unsigned_vint("size of the previous row")?;
    Ok(body)
}

fn check_end(body: &Cursor<'_>) -> Result<(), FormatError> {
    if body.is_at_end() {
        return Ok(());
    }
    Err(FormatError::invalid(
        "row or marker",
        body.offset(),
        "the end that its size gives",
        &format_args!("{} more bytes", body.remaining().len()),
    ))
}

/// Writes rows and markers; keeps the memory that it needs for that.
///
/// Knows the size of what it wrote last, which SSTables repeat in front of the next. The caller says
/// with [`Self::begin_partition`] how long the beginning of a partition is, which counts as the size
/// of what precedes its first row.
#[derive(Clone, Debug)]
pub struct UnfilteredWriter {
    form: UnfilteredForm,
    row_writer: RowWriter,
    clustering_writer: ClusteringWriter,
    body: Vec<u8>,
    previous_size_bytes: u64,
}

impl UnfilteredWriter {
    /// Nothing is written yet.
    #[must_use]
    pub fn new(form: UnfilteredForm) -> Self {
        Self {
            form,
            row_writer: RowWriter::default(),
            clustering_writer: ClusteringWriter::default(),
            body: Vec::new(),
            previous_size_bytes: 0,
        }
    }

    /// Begins the rows of a partition whose key, deletion and static row have this size.
    pub fn begin_partition(&mut self, size_bytes: usize) {
        self.previous_size_bytes = size_bytes as u64;
    }

    /// Appends the static row.
    ///
    /// # Errors
    /// When the row does not fit the header.
    pub fn write_static_row(
        &mut self,
        row: &Row,
        header: &SerializationHeader,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let flags = self.row_writer.begin(row, &header.static_columns, true)?;
        flags.write(out);
        self.previous_size_bytes = 0;
        self.write_row_body(row, flags, header, out)
    }

    /// Appends a row or marker of a partition in memory.
    ///
    /// # Errors
    /// When it does not fit the header.
    #[inline]
    pub fn write_view(
        &mut self,
        unfiltered: UnfilteredView<'_>,
        header: &SerializationHeader,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let begin = out.len();
        let types = &header.clustering_types;
        match unfiltered {
            UnfilteredView::Row { clustering, row } => {
                check_size(clustering.0.len(), types)?;
                let flags = self.row_writer.begin(row, &header.regular_columns, false)?;
                flags.write(out);
                self.clustering_writer.write(clustering, types, out)?;
                self.write_row_body(row, flags, header, out)?;
            }
            UnfilteredView::Marker { bound, change } => {
                write_bound_head(bound.side, change, bound.prefix.0.len(), out)?;
                self.clustering_writer.write(&bound.prefix, types, out)?;
                self.write_change(change, header, out)?;
            }
        }
        self.previous_size_bytes = (out.len() - begin) as u64;
        Ok(())
    }

    /// Appends a row or marker as it was read.
    ///
    /// # Errors
    /// When it does not fit the header.
    pub fn write(
        &mut self,
        unfiltered: &Unfiltered,
        header: &SerializationHeader,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let begin = out.len();
        let types = &header.clustering_types;
        match unfiltered {
            Unfiltered::Row { clustering, row } => {
                check_size(clustering.len(), types)?;
                let flags = self.row_writer.begin(row, &header.regular_columns, false)?;
                flags.write(out);
                clustering.write(types, out)?;
                self.write_row_body(row, flags, header, out)?;
            }
            Unfiltered::Marker(marker) => {
                write_bound_head(marker.side, marker.change, marker.prefix.len(), out)?;
                marker.prefix.write(types, out)?;
                self.write_change(marker.change, header, out)?;
            }
        }
        self.previous_size_bytes = (out.len() - begin) as u64;
        Ok(())
    }

    /// Appends a row that lies in the bytes of its update.
    ///
    /// # Errors
    /// When it does not fit the header.
    pub fn write_single_row(
        &mut self,
        row: &SingleRow<'_, '_>,
        header: &SerializationHeader,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let begin = out.len();
        let flags = self.row_writer.begin_single(row, &header.regular_columns)?;
        flags.write(out);
        out.extend_from_slice(row.clustering_bytes());
        self.write_body(out, |writer, out| {
            writer.write_single_body(row, flags, &header.stats, out)
        })?;
        self.previous_size_bytes = (out.len() - begin) as u64;
        Ok(())
    }

    fn write_row_body(
        &mut self,
        row: &Row,
        flags: RowFlags,
        header: &SerializationHeader,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        self.write_body(out, |writer, out| writer.write_body(row, flags, header, out))
    }

    fn write_change(
        &mut self,
        change: MarkerChange,
        header: &SerializationHeader,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        self.write_body(out, |_, out| change.write(&header.stats, out))
    }

    /// Appends the body of a row or marker, behind its sizes where the form has them.
    #[inline]
    fn write_body(
        &mut self,
        out: &mut Vec<u8>,
        write: impl FnOnce(&RowWriter, &mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        match self.form {
            UnfilteredForm::Messaging => write(&self.row_writer, out),
            UnfilteredForm::SsTable => {
                self.body.clear();
                write(&self.row_writer, &mut self.body)?;
                self.write_sized_body(out);
                Ok(())
            }
        }
    }

    fn write_sized_body(&self, out: &mut Vec<u8>) {
        let previous_vint_bytes = vint::unsigned_size_bytes(self.previous_size_bytes);
        vint::write_unsigned((self.body.len() + previous_vint_bytes) as u64, out);
        vint::write_unsigned(self.previous_size_bytes, out);
        out.extend_from_slice(&self.body);
    }

    /// Appends the end of the partition.
    pub fn write_end_of_partition(&mut self, out: &mut Vec<u8>) {
        out.push(END_OF_PARTITION);
    }
}

/// A row has all clustering columns.
fn check_size(component_count: usize, types: &[AbstractType]) -> Result<(), EncodeError> {
    if component_count == types.len() {
        return Ok(());
    }
    Err(EncodeError::ClusteringSize {
        expected_count: types.len(),
        found_count: component_count,
    })
}

/// Appends what stands before the prefix of a marker.
fn write_bound_head(
    side: BoundSide,
    change: MarkerChange,
    component_count: usize,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let count = u16::try_from(component_count).map_err(|_| EncodeError::TooLong {
        size_bytes: component_count,
    })?;
    out.push(IS_MARKER);
    out.push(ClusteringKind::of_marker(side, change).ordinal());
    out.extend_from_slice(&count.to_be_bytes());
    Ok(())
}
